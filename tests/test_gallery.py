"The gallery: every option changes what it says, files that are none are left out, and nothing is written by halves."
import inspect, json, os, subprocess, sys

import numpy as np, pytest
from PIL import Image
from skimage import data

from colorbook.cli.app import main
from colorbook.core import InputError, UsageError
from colorbook.evaluation import gallery
from colorbook.imaging.artifact import default_model
from colorbook.imaging.colorizer import load_model


@pytest.fixture(scope='module')
def album(tmp_path_factory):
    home = tmp_path_factory.mktemp('album')
    for name in ('camera', 'moon'): Image.fromarray(getattr(data, name)()[::4,::4]).save(home/f'{name}.png')
    turned = Image.Exif()
    turned[274] = 6
    Image.fromarray(data.camera()[:256:4,::4]).save(home/'turned.jpg', exif=turned)
    return home


def photos(album): return [(o.name, o) for o in sorted(album.iterdir())]


def test_every_option_of_a_gallery_matters(album, tmp_path, monkeypatch):
    names = {*inspect.signature(gallery.make_gallery).parameters}
    def made(**changed):
        names.difference_update(changed)
        given = dict(photos=photos(album), out=tmp_path/'out', progress=False) | changed
        return gallery.make_gallery(**given), (given['out']/'page.html').read_text()
    first,text = made()
    row = lambda o: o['pictures'][0]
    assert [o['name'] for o in first['pictures']] == ['camera.png', 'moon.png', 'turned.jpg']
    assert made(photos=photos(album)[1:])[0]['done'] == 2
    made(out=tmp_path/'elsewhere')
    assert {o.name for o in (tmp_path/'elsewhere').iterdir()} == {'gallery.json', 'page.html', 'sheet.png'}
    half = made(model=['default', FlatGray()])[0]
    assert 0 < row(half)['colorfulness'] < row(first)['colorfulness'] and half['model']['name'].startswith('mean of')
    small = made(size=64)[0]
    assert row(small)['blur'] != row(first)['blur'] and small['options']['size'] == 64
    pale = row(made(saturation=0)[0])
    assert pale['colorfulness'] < .5 and pale['blur'] == pytest.approx(row(first)['blur'], rel=.05)
    assert len(made(side=64)[1]) < len(text)
    with pytest.raises(UsageError, match='not in 16..4096'): made(side=3)
    assert '<title>Aunt &amp; uncle</title>' in made(title='Aunt & uncle')[1]
    words = []
    monkeypatch.setattr(gallery, 'with_progress', lambda o, what: words.append(what) or o)
    made(progress=True)
    assert words == ['coloring'] and names == set()


class FlatGray(type(load_model())):
    "No network: always gray"
    def __init__(self): self.card = load_model().card
    def ab(self, L, z=None): return np.zeros((2, L.shape[0]//4, L.shape[1]//4), np.float32)


def test_a_photograph_is_shown_upright(album):
    gray,colored,_ = gallery.album_picture(album/'turned.jpg', load_model(), side=100)
    assert gray.size == colored.size == (50, 100)


def test_what_is_no_photograph_is_left_out(album, tmp_path):
    (tmp_path/'in').mkdir()
    for name,content in dict(empty=b'', text=b'hello', half=(album/'moon.png').read_bytes()[:900]).items():
        (tmp_path/f'in/{name}.png').write_bytes(content)
    code = main(['gallery', str(tmp_path/'in'), '-o', str(tmp_path/'out')])
    assert code == 3
    report = json.loads((tmp_path/'out/gallery.json').read_text())
    assert (report['done'], report['failed'], report['means']) == (0, 3, {})
    assert all(f"{o['name']}" in o['error'] for o in report['pictures'])
    assert {o.name for o in (tmp_path/'out').iterdir()} == {'gallery.json', 'page.html'}


def test_many_photographs_are_several_sheets(tmp_path):
    sheets = gallery._Sheets(tmp_path, each=2)
    for i in range(5): sheets.add(str(i), *[Image.new('RGB', (30, 20))]*2)
    sheets.write()
    assert {o.name for o in tmp_path.iterdir()} == {'sheet.png', 'sheet-2.png', 'sheet-3.png'}


def test_interrupted_nothing_is_there(album, tmp_path, monkeypatch):
    def stop(path, *rest):
        if 'moon' in str(path): raise KeyboardInterrupt
        return real(path, *rest)
    real = gallery.album_picture
    monkeypatch.setattr(gallery, 'album_picture', stop)
    with pytest.raises(KeyboardInterrupt): gallery.make_gallery(photos(album), tmp_path/'out', progress=False)
    assert [*(tmp_path/'out').iterdir()] == []


def test_the_command_without_the_train_half(album, tmp_path):
    "Neither torch nor pandas is loaded, and every option of the command arrives"
    code = ("import sys; from colorbook.cli.app import main; code = main(sys.argv[1:]); "
            "print(sorted(sys.modules.keys() & {'torch', 'pandas', 'scipy', 'matplotlib'})); sys.exit(code)")
    def run(*words): return subprocess.run([sys.executable, '-c', code, 'gallery', str(album), *map(str, words)],
        capture_output=True, text=True, env=os.environ | {'COLORBOOK_MODELS': str(tmp_path/'none')})
    done = run('-o', tmp_path/'a', '-m', default_model(), '-m', 'default', '--size', 64, '--saturation', 2, '--side',
               50, '--title', 'Mine')
    assert (done.returncode, done.stdout.strip()) == (0, '[]'), done.stderr
    report,text = json.loads((tmp_path/'a/gallery.json').read_text()),(tmp_path/'a/page.html').read_text()
    assert report['options'] == dict(size=64, saturation=2) and report['model']['name'].startswith('mean of')
    assert '<title>Mine</title>' in text and Image.open(tmp_path/'a/sheet.png').width <= 6*54 + 4
    assert run('-m', 'nobody').returncode == 3 and run('--saturation', 11).returncode == 2


def test_every_option_of_a_page_matters(tmp_path):
    names = {*inspect.signature(gallery.write_sortable).parameters}
    def made(**changed):
        names.difference_update(changed)
        given = dict(path=tmp_path/'a.html', title='t', columns=['one', 'two'],
            figures=[('a', dict(one=1, two=2), 'data:x')]) | changed
        gallery.write_sortable(**given)
        return given['path'].read_text()
    first = made()
    for o in (dict(title='other'), dict(columns=['two', 'one']), dict(figures=[]), dict(text='words'),
              dict(caption='what'), dict(footer=lambda: 'end')): assert made(**o) != first
    assert made(path=tmp_path/'b.html') == first and names == set()
    strip = gallery.picture_strip([np.zeros((10, 20, 3), np.uint8)]*2)
    assert gallery.picture_strip([np.zeros((10, 20, 3), np.uint8)]*2, height=20) != strip
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    assert len(gallery.picture_strip([noise], quality=20)) < len(gallery.picture_strip([noise]))
    with pytest.raises(InputError, match='no photograph'): gallery.make_gallery([], tmp_path/'none')
