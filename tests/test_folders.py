"Folders, names and the arguments of Python: every file and every mistake has its word"
import copy, importlib, inspect, io, json, os, pickle, re, signal, subprocess, sys, time, tomllib
from importlib import metadata
from pathlib import Path
import numpy as np
import pytest
from PIL import Image
from skimage import data
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
import book
import colorbook
from colorbook import colorize, colorize_file, load_model
from colorbook.cli import app
from colorbook.core import InputError, UsageError
from colorbook.imaging import MeanColorizer
from colorbook.imaging.colorizer import colorize_samples

GRAY = Image.fromarray(data.camera()).resize((64, 48))


@pytest.fixture
def run(capsys):
    def call(*words):
        code = app.main([*map(str, words)])
        out = capsys.readouterr()
        return code,out.out,out.err
    return call


def save(path, im=GRAY, fmt=None, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    im.save(path, fmt, **how)
    return path


def files(folder): return sorted(str(o.relative_to(folder)) for o in folder.rglob('*') if o.is_file())


# folders

def test_every_file_has_its_word(tmp_path, run, monkeypatch):
    "Colored, left out with the reason, or failed with its name, and counted in the report"
    home = tmp_path/'in'
    for name,fmt in dict.fromkeys(['a.jpg', 'b/scan', 'b/photo.jpg_large'], 'JPEG').items(): save(home/name, fmt=fmt)
    for o in ('.thumbnails/a.png', '@eaDir/a.jpg', 'b/__MACOSX/a.jpg'): save(home/o)
    (home/'film.mp4').write_bytes(b'film')
    (home/'c.heic').write_bytes(b'\0\0\0\x18ftypheic' + bytes(40))
    (home/'d.NEF').write_bytes(b'MM\0*' + bytes(40))
    (home/'text').write_text('hello')
    (home/'bad.png').write_bytes(b'\x89PNG\r\n\x1a\n')
    from colorbook.imaging import folder
    monkeypatch.setattr(folder, 'find_spec', lambda name: None)
    code,_,err = run('colorize', home, '-o', tmp_path/'out', '--json', tmp_path/'r.json')
    assert code == 3 and err.splitlines()[-1] == '3 colored, 4 left out, 1 failed'
    for word in ("c.heic': a HEIC picture; pip install 'colorbook[heif]'",
                 "d.NEF': the raw file of a camera; pip install 'colorbook[raw]'",
                 "film.mp4': a film; see colorbook video",
                 "text': not a picture", 'bad.png'):
        assert word in err, err
    assert files(tmp_path/'out') == ['a.jpg', 'b/photo.jpg', 'b/scan.jpg']
    report = json.loads((tmp_path/'r.json').read_text())
    assert [report[o] for o in ('done', 'skipped', 'left_out', 'failed')] == [3, 0, 4, 1]
    assert len(report['pictures']) == 8 and all(o['error'] for o in report['pictures'] if o['status'] != 'done')
    for i in range(9): (home/f'note{i}.txt').write_text('')
    assert 'left out: 8 more; --json names them' in run('colorize', home, '-o', tmp_path/'out')[2]


def test_a_file_is_written_as_what_it_is(tmp_path, run):
    "A PNG with transparency called .jpg; where that name is taken, the old suffix stays"
    clear = GRAY.copy()
    clear.putalpha(Image.linear_gradient('L').resize(GRAY.size))
    save(tmp_path/'in'/'a.jpg', clear, 'PNG')
    save(tmp_path/'in'/'b.jpg', fmt='WEBP')
    assert run('colorize', tmp_path/'in', '-o', tmp_path/'out')[0] == 0
    assert files(tmp_path/'out') == ['a.png', 'b.webp']
    back = Image.open(tmp_path/'out'/'a.png')
    assert back.mode == 'RGBA' and (np.asarray(back)[...,3] == np.asarray(clear)[...,1]).all()
    save(tmp_path/'in'/'a.png')
    assert run('colorize', tmp_path/'in', '-o', tmp_path/'more')[0] == 0
    assert files(tmp_path/'more') == ['a.jpg.png', 'a.png', 'b.webp']


def test_a_second_run_colors_nothing_again(tmp_path, run):
    "Not even where the first one changed a suffix; an answer of a sheet is no picture to color, either"
    for name,fmt in (('a.jpg', 'PNG'), ('b.png', 'PNG'), ('b-color-1.png', 'PNG'), ('c', 'JPEG')):
        save(tmp_path/name, fmt=fmt)
    assert run('colorize', tmp_path)[0] == 0
    there = files(tmp_path)
    assert {'a-color.png', 'b-color.png', 'c-color.jpg'} <= {*there}
    assert run('colorize', tmp_path, '--overwrite')[0] == 0 and files(tmp_path) == there


def test_every_message_names_its_file(tmp_path, run):
    save(tmp_path/'in'/'clear.webp', Image.new('LA', (40, 30), (90, 9)))
    save(tmp_path/'in'/'float.tif', Image.fromarray(np.float32([[-600, 3600]])))
    code,_,err = run('colorize', tmp_path/'in', '-o', tmp_path/'out')
    assert code == 3 and 'float.tif' in err and '1 colored, 1 failed' in err
    code,_,err = run('colorize', tmp_path/'in'/'clear.webp', '-o', tmp_path/'x.jpg')
    assert code == 4 and 'clear.webp' in err and '.png' in err


def test_what_is_bad_can_be_left_out(tmp_path, run):
    save(tmp_path/'in'/'a.jpg')
    (tmp_path/'in'/'bad.jpg').write_bytes((tmp_path/'in'/'a.jpg').read_bytes()[:400])
    assert run('colorize', tmp_path/'in', '-o', tmp_path/'out')[0] == 3
    code,_,err = run('colorize', tmp_path/'in', '-o', tmp_path/'new', '--skip-bad', '--json', tmp_path/'r.json')
    assert code == 0 and 'bad.jpg' in err and '1 colored, 1 left out' in err
    assert json.loads((tmp_path/'r.json').read_text())['left_out'] == 1


def test_names_that_are_long_or_no_utf8(tmp_path, run):
    long = save(tmp_path/'in'/('ü'*120 + '.png'))
    assert run('colorize', long, '-o', tmp_path/'out'/long.name)[0] == 0
    odd = Path(os.fsdecode(os.fsencode(tmp_path/'odd'/'caf') + b'\xe9.png'))
    save(odd)
    code,_,err = run('colorize', odd.parent, '-o', tmp_path/'new', '--json', tmp_path/'r.json')
    [row] = json.loads((tmp_path/'r.json').read_text())['pictures']
    assert code == 0 and Path(row['in']) == odd and row['status'] == 'done'


@pytest.mark.parametrize('words,code,said', [
    (['', '-o', 'out'], 2, 'empty'), (['a.png', 'b.png', '-o', 'x.png'], 2, 'name a folder'),
    (['in', '-o', 'x.png'], 2, 'name a folder'), (['a.png', '--quality', '-5'], 2, 'quality -5'),
    (['a.png', '--samples', '2', '-o', 's.pdf'], 4, 's.pdf'),
    (['a.png', '--samples', '2', '--seed', '-1'], 2, 'seed -1'),
    (['a.png', '--pages', '3', '-o', 'x.png'], 2, 'page 3'),
    (['a.png', '--pages', 'x', '-o', 'x.png'], 2, 'no numbers'),
    (['a.png', '--max-pixels', 'many'], 2, '--max-pixels'), (['a.png', '--max-pixels', '0'], 2, '--max-pixels'),
    (['big.png', '--max-pixels', '2000'], 3, '--max-pixels')])
def test_wrong_words(tmp_path, run, monkeypatch, words, code, said):
    for o in ('a.png', 'b.png', 'big.png', 'in/c.png'): save(tmp_path/o)
    before = files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', Image.MAX_IMAGE_PIXELS)
    got,out,err = run('colorize', *words)
    assert (got, out) == (code, '') and said in err and err.startswith('colorbook: ') and len(err.splitlines()) == 1
    assert 'defect' not in err and files(tmp_path) == before


def test_more_pixels_by_an_option(tmp_path, run, monkeypatch):
    big = save(tmp_path/'big.png', GRAY.resize((200, 100)))
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 5000)
    code,_,err = run('colorize', big)
    assert code == 3 and 'big.png' in err and '--max-pixels' in err
    assert run('colorize', big, '--max-pixels', '.02M')[0] == 0 and (tmp_path/'big-color.png').exists()


def test_a_file_object_is_read_from_its_start(tmp_path):
    content = io.BytesIO()
    GRAY.save(content, 'PNG') # its position is its end now
    made = colorize_samples(content, tmp_path/'a.png', 2)
    assert [Image.open(o).size for o in made] == [GRAY.size]*2


def test_pages_by_an_option(tmp_path, run):
    GRAY.save(tmp_path/'a.tif', save_all=True, append_images=[GRAY.rotate(90), GRAY.rotate(180)])
    for words,n in (([], 3), (['--pages', '2-3'], 2), (['--pages', '1'], 1)):
        assert run('colorize', tmp_path/'a.tif', '-o', tmp_path/'b.tif', '--overwrite', *words)[0] == 0
        assert Image.open(tmp_path/'b.tif').n_frames == n
    assert 'only the first' in run('colorize', tmp_path/'a.tif', '-o', tmp_path/'b.jpg')[2]


@pytest.mark.parametrize('after', [.1, .2, .3])
def test_an_interruption_while_it_loads(after):
    "Control-C in the first half second is one line, and no traceback"
    code = ('import colorbook.__main__ as m, sys; sys.stdout.write("x"); sys.stdout.flush(); sys.exit(m.main())')
    p = subprocess.Popen([sys.executable, '-c', code, 'colorize'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    p.stdout.read(1)
    time.sleep(after)
    p.send_signal(signal.SIGINT)
    _,err = p.communicate(timeout=60)
    assert b'Traceback' not in err and len(err.strip().splitlines()) <= 1


# Python

def test_what_is_no_picture_says_what_to_do():
    import torch
    with pytest.raises(InputError, match=r'\.numpy\(\)'): colorize(torch.zeros(3, 8, 8))
    with pytest.raises(InputError, match='no pixels'): colorize(Image.new('RGB', (0, 0)))
    written = io.BytesIO()
    GRAY.save(written, 'PNG')
    assert colorize(written).size == GRAY.size


@pytest.mark.parametrize('wrong', [
    dict(saturation='2'), dict(size='256'), dict(size=256.5), dict(model=5), dict(model={}), dict(samples=2, seed=-1),
    dict(samples='2'), dict(samples=2, seed='a'), dict(saturation=None), dict(size=True)], ids=str)
def test_wrong_arguments(wrong):
    with pytest.raises(UsageError) as e: colorize(GRAY, **wrong)
    assert e.value.remedy


def test_no_picture_is_written_over_itself(tmp_path):
    a = save(tmp_path/'a.png')
    before = a.read_bytes()
    (tmp_path/'link.png').symlink_to(a)
    for dst in (a, str(a), tmp_path/'link.png'):
        with pytest.raises(UsageError, match='over its own picture'): colorize_file(a, dst)
    assert a.read_bytes() == before


def test_a_colorizer_goes_to_another_process():
    model = load_model()
    for o in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert (np.asarray(colorize(GRAY, model=o)) == np.asarray(colorize(GRAY))).all()
    mean = pickle.loads(pickle.dumps(MeanColorizer([model, model])))
    assert (np.asarray(colorize(GRAY, model=mean)) == np.asarray(colorize(GRAY, model=[model, model]))).all()


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'tif', 'webp'])
def test_saving_keeps_what_the_picture_carried(tmp_path, suffix):
    "The README's own line, with a telephone held upright"
    exif = Image.Exif()
    exif[274] = 6
    save(tmp_path/'a.jpg', exif=exif, dpi=(300, 300))
    colorize(Image.open(tmp_path/'a.jpg')).save(tmp_path/f'b.{suffix}')
    back = Image.open(tmp_path/f'b.{suffix}')
    from PIL import ImageOps
    assert ImageOps.exif_transpose(back).size == (48, 64)
    if suffix != 'webp': assert np.allclose([float(o) for o in back.info['dpi']], 300, atol=.1)
    color = colorize(Image.open(tmp_path/'a.jpg'))
    color.save(tmp_path/'c.jpg', exif=b'')
    assert not Image.open(tmp_path/'c.jpg').getexif()


def test_the_package_for_tools():
    assert callable(colorbook.colorize_video) and 'colorize_video' in colorbook.__all__
    with pytest.raises(ModuleNotFoundError): importlib.import_module('colorbook.colorize')
    assert 'saturation' in inspect.getdoc(colorize) and (Path(colorbook.__file__).parent/'py.typed').exists()


# large pictures

def test_large_pictures_are_painted_in_place(monkeypatch):
    "The same bytes as a small one's way, and the caller's picture is not touched"
    from colorbook.imaging import colorizer
    from colorbook.imaging.colorizer import colorize_bytes
    for im in (GRAY, GRAY.convert('RGB'), GRAY.convert('LA')):
        raw = io.BytesIO()
        im.save(raw, 'PNG')
        fmts = ('PNG', 'TIFF', 'BMP') if im.mode != 'LA' else ('PNG', 'TIFF')
        want = {o: colorize_bytes(raw.getvalue(), o) for o in fmts},np.asarray(colorize(im))
        with monkeypatch.context() as m:
            m.setattr(colorizer, 'LARGE', 0)
            got = {o: colorize_bytes(raw.getvalue(), o) for o in fmts},np.asarray(colorize(im))
        assert got[0] == want[0] and (got[1] == want[1]).all()
        assert im.tobytes() == Image.open(raw).tobytes()


LARGE = '''
import resource, sys
from PIL import Image
Image.MAX_IMAGE_PIXELS = None
from colorbook.imaging.colorizer import colorize_file
colorize_file(sys.argv[1], sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1000)
'''


@pytest.mark.parametrize('mode', ['L', 'RGB'])
def test_memory_of_a_large_picture(tmp_path, mode):
    "40 megapixels, 4 bytes each in Pillow, once; 200 take five times as much"
    Image.linear_gradient('L').resize((8000, 5000)).convert(mode).save(tmp_path/'a.jpg')
    peak = []
    for n,name in enumerate(('a.jpg', 'small.jpg')):
        if n: GRAY.convert(mode).save(tmp_path/name)
        out = subprocess.check_output([sys.executable, '-c', LARGE, tmp_path/name, tmp_path/'b.jpg'], text=True)
        peak.append(int(out))
    print(mode, peak)
    assert peak[0] - peak[1] < 40*(7 if mode == 'L' else 6)


# installation

def test_what_is_promised_can_be_installed():
    "Where we ask for a release as new as the installed one, that one must run on the oldest Python that we promise"
    conf = tomllib.loads((book.ROOT/'pyproject.toml').read_text())['project']
    oldest = re.search(r'>=\s*([\d.]+)', conf['requires-python'])[1]
    wanted = [Requirement(o) for v in [conf['dependencies'], *conf['optional-dependencies'].values()] for o in v]
    asked = []
    for o in (o for o in wanted if o.name != 'colorbook'):
        found,floors = metadata.metadata(o.name),[s.version for s in o.specifier if s.operator in ('>=', '==')]
        assert o.specifier.contains(found['Version'], prereleases=True), o
        if floors and Version(found['Version']).major == Version(floors[0]).major:
            asked.append(o.name)
            needs = found['Requires-Python'] or ''
            assert SpecifierSet(needs).contains(f'{oldest}.0'), f'{o}: {needs}'
    assert {'av', 'nbdev'} <= {*asked}
    assert f'Python {oldest}' in (book.ROOT/'README.md').read_text()
    assert book.settings()['min_python'] == oldest
