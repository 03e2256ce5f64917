"The program as a user runs it: files, folders, patterns, pipes, errors and reports"
import io, json, os, pty, signal, subprocess, sys, time
from pathlib import Path
import numpy as np
import pytest
from PIL import Image
from skimage import data
from colorbook.imaging.artifact import default_model

PROGRAM = [sys.executable, '-m', 'colorbook']


def run(*args, stdin=None, cwd=None, **env):
    r = subprocess.run([*PROGRAM, *map(str, args)], input=stdin, capture_output=True, cwd=cwd, env=os.environ | env,
                       timeout=300)
    return r.returncode, r.stdout, r.stderr.decode()


def save(path, size=(80, 60), **kw):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(data.camera()).resize(size).save(path, **kw)
    return path


def files(folder): return sorted(str(f.relative_to(folder)) for f in folder.rglob('*') if f.is_file())


@pytest.fixture
def tree(tmp_path):
    for name in ('a.jpg', 'b/c.png', 'b/d/e.tif', 'b/f.JPG'): save(tmp_path/'in'/name)
    (tmp_path/'in'/'b'/'notes.txt').write_text('hello')
    return tmp_path


def colored(path): return Image.open(path).mode=='RGB'


def test_beside_the_input(tmp_path):
    src = save(tmp_path/'one.jpg')
    before = src.read_bytes()
    assert run('colorize', src)[::2]==(0, '')
    assert files(tmp_path)==['one-color.jpg', 'one.jpg'] and colored(tmp_path/'one-color.jpg')
    assert src.read_bytes()==before


def test_second_run_does_nothing_and_colors_no_output(tmp_path):
    save(tmp_path/'one.jpg')
    assert run('colorize', 'one.jpg', cwd=tmp_path)[0]==0
    code, _, err = run('colorize', 'one.jpg', 'one-color.jpg', cwd=tmp_path)  # what *.jpg is by then
    assert code==0 and '1 skipped' in err and files(tmp_path)==['one-color.jpg', 'one.jpg']
    first = (tmp_path/'one-color.jpg').stat().st_mtime_ns
    assert run('colorize', tmp_path)[0]==0 and (tmp_path/'one-color.jpg').stat().st_mtime_ns==first
    assert run('colorize', tmp_path, '--overwrite')[0]==0 and (tmp_path/'one-color.jpg').stat().st_mtime_ns!=first
    assert files(tmp_path)==['one-color.jpg', 'one.jpg']


def test_folder_mirrored(tree):
    code, out, err = run('colorize', tree/'in', '-o', tree/'out')
    assert (code, out)==(0, b'') and "notes.txt': not a picture" in err
    assert err.splitlines()[-1]=='4 colored, 1 left out'
    assert files(tree/'out')==['a.jpg', 'b/c.png', 'b/d/e.tif', 'b/f.JPG']
    assert all(colored(tree/'out'/f) for f in files(tree/'out'))
    assert '4 skipped' in run('colorize', tree/'in', '-o', tree/'out')[2]


def test_output_folder_inside_the_input(tree):
    for _ in range(2): assert run('colorize', tree/'in', '-o', tree/'in'/'color')[0]==0
    assert files(tree/'in'/'color')==['a.jpg', 'b/c.png', 'b/d/e.tif', 'b/f.JPG']


def test_patterns_quoted_and_expanded(tree):
    assert run('colorize', str(tree/'in'/'**'/'*.png'), '-o', tree/'out')[0]==0
    assert files(tree/'out')==['b/c.png']
    assert run('colorize', tree/'in'/'a.jpg', tree/'in'/'b'/'c.png', '-o', tree/'flat')[0]==0
    assert files(tree/'flat')==['a.jpg', 'c.png']
    code, _, err = run('colorize', str(tree/'in'/'*.webp'))
    assert code==3 and '*.webp' in err


def test_names_with_brackets_are_names(tmp_path):
    save(tmp_path/'cat[1].png')
    assert run('colorize', tmp_path/'cat[1].png')[0]==0 and colored(tmp_path/'cat[1]-color.png')


def test_several_folders_keep_apart(tmp_path):
    for name in ('x/a.jpg', 'y/a.jpg'): save(tmp_path/name)
    assert run('colorize', 'x', 'y', '-o', 'out', cwd=tmp_path)[0]==0
    assert files(tmp_path/'out')==['x/a.jpg', 'y/a.jpg']


def test_nothing_is_lost(tmp_path):
    for name in ('x/a.jpg', 'y/a.jpg'): save(tmp_path/name)
    code, _, err = run('colorize', 'x/a.jpg', 'y/a.jpg', '-o', 'out', cwd=tmp_path)
    assert code==2 and 'would both become' in err and not (tmp_path/'out').exists()
    for args in (['x', '-o', 'x'], ['x/a.jpg', '-o', 'x/a.jpg', '--overwrite'], ['x/a.jpg', '-o', 'x/', '--overwrite']):
        before = (tmp_path/'x'/'a.jpg').read_bytes()
        code, _, err = run('colorize', *args, cwd=tmp_path)
        assert code==2 and 'over a picture' in err and (tmp_path/'x'/'a.jpg').read_bytes()==before


def test_one_file_to_a_name_changes_the_format(tmp_path):
    save(tmp_path/'a.tif')
    assert run('colorize', tmp_path/'a.tif', '-o', tmp_path/'new'/'b.webp')[0]==0
    assert Image.open(tmp_path/'new'/'b.webp').format=='WEBP'
    code, _, err = run('colorize', tmp_path/'a.tif', '-o', tmp_path/'b.xyz')
    assert code==4 and 'b.xyz' in err


@pytest.mark.parametrize('fmt', ['JPEG', 'PNG', 'TIFF', 'WEBP'])
def test_pipe_keeps_the_format(fmt):
    raw = io.BytesIO()
    Image.fromarray(data.camera()).resize((70, 50)).save(raw, fmt)
    code, out, err = run('colorize', '-', stdin=raw.getvalue())
    im = Image.open(io.BytesIO(out))
    assert (code, err)==(0, '') and im.format==fmt and im.size==(70, 50) and im.mode=='RGB'


def test_pipe_to_file_and_file_to_pipe(tmp_path):
    src = save(tmp_path/'a.png')
    assert run('colorize', '-', '-o', tmp_path/'b.jpg', stdin=src.read_bytes())[0]==0
    assert Image.open(tmp_path/'b.jpg').format=='JPEG'
    code, out, _ = run('colorize', src, '-o', '-')
    assert code==0 and Image.open(io.BytesIO(out)).format=='PNG'
    assert run('colorize', '-', stdin=b'')[0]==3
    assert run('colorize', src, '-o', '-', '--json', '-')[0]==2
    assert run('colorize', '-', src, '-o', tmp_path/'many', stdin=src.read_bytes())[0]==2


def test_bad_pictures_do_not_stop_the_others(tree):
    (tree/'in'/'b'/'bad.jpg').write_bytes((tree/'in'/'a.jpg').read_bytes()[:600])
    (tree/'in'/'empty.png').write_bytes(b'')
    code, out, err = run('colorize', tree/'in', '-o', tree/'out', '--json', '-')
    assert code==3 and '4 colored, 1 left out, 2 failed' in err and 'Traceback' not in err
    assert 'bad.jpg' in err and 'empty.png' in err
    assert files(tree/'out')==['a.jpg', 'b/c.png', 'b/d/e.tif', 'b/f.JPG']
    report = json.loads(out)
    assert [report[o] for o in ('done', 'skipped', 'left_out', 'failed')]==[4, 0, 1, 2]
    rows = {Path(p['in']).name: p for p in report['pictures']}
    assert rows['bad.jpg']['status']=='failed' and 'truncated' in rows['bad.jpg']['error']
    assert rows['a.jpg']['error'] is None
    assert rows['a.jpg']['seconds'] > 0 and Path(rows['a.jpg']['out'])==tree/'out'/'a.jpg'
    assert len(report['model']['card_sha256'])==64 and report['options']['saturation']==1


def test_report_file_and_card(tmp_path):
    save(tmp_path/'a.png')
    assert run('colorize', tmp_path/'a.png', '--json', tmp_path/'r'/'report.json')[0]==0
    report = json.loads((tmp_path/'r'/'report.json').read_text())
    code, out, _ = run('card')
    card = json.loads(out)
    assert code==0 and card['format']==1 and report['model']['weights_sha256']==card['weights_sha256']


def test_options_reach_the_picture(tmp_path):
    src = save(tmp_path/'a.png')
    for name, args in {'0': ['--saturation', '0'], '1': [], '2': ['--saturation', '2'], 's': ['--size', '512']}.items():
        assert run('colorize', src, '-o', tmp_path/f'{name}.png', *args)[0]==0
    chroma = {n: np.ptp(np.asarray(Image.open(tmp_path/f'{n}.png')).astype(int), -1).mean() for n in '012s'}
    assert chroma['0']==0 < chroma['1'] < chroma['2'] and chroma['s']!=chroma['1']
    sizes = []
    for q in (20, 95):
        run('colorize', src, '-o', tmp_path/'q.jpg', '--quality', q, '--overwrite')
        sizes.append((tmp_path/'q.jpg').stat().st_size)
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize('args,code,word', [
    (['colorize'], 2, 'IN'), (['colorize', 'gone.jpg'], 3, 'gone.jpg'),
    (['colorize', 'a.png', '--size', '7'], 2, 'size'),
    (['colorize', 'a.png', '--size', 'big'], 2, 'size'), (['colorize', 'a.png', '--quality', '0'], 2, 'quality'),
    (['colorize', 'a.png', '--wrong'], 2, '--wrong'), (['nonsense'], 2, 'nonsense'),
    (['colorize', 'a.png', '-m', 'gone.onnx'], 3, 'gone.onnx'), (['colorize', 'a.png', '-m', 'a.png'], 3, 'a.png'),
    (['card', 'a'*300], 3, 'too long'), (['colorize', 'a'*300], 3, 'too long'),
    (['card', 'a.png'], 3, 'a.png'), (['colorize', 'text.png'], 3, 'text.png')])
def test_errors_are_one_line(tmp_path, args, code, word):
    save(tmp_path/'a.png')
    (tmp_path/'text.png').write_text('hello')
    got, out, err = run(*args, cwd=tmp_path)
    assert (got, out)==(code, b'') and word in err
    assert len(err.strip().splitlines())==1 and err.startswith('colorbook: ')
    assert files(tmp_path)==['a.png', 'text.png']


def test_debug_shows_where(tmp_path):
    assert 'Traceback' in run('--debug', 'colorize', tmp_path/'gone.jpg')[2]
    assert 'Traceback' in run('colorize', tmp_path/'gone.jpg', COLORBOOK_DEBUG='1')[2]


def test_place_that_cannot_be_written(tmp_path):
    save(tmp_path/'a.png')
    (tmp_path/'file').write_text('')
    code, _, err = run('colorize', tmp_path/'a.png', '-o', tmp_path/'file'/'b.png')
    assert code==4 and 'cannot write' in err and len(err.strip().splitlines())==1
    if os.path.exists('/dev/full'):
        with open('/dev/full', 'wb') as full:
            r = subprocess.run([*PROGRAM, 'colorize', tmp_path/'a.png', '-o', '-'], stdout=full, stderr=subprocess.PIPE)
        assert r.returncode==4 and b'standard output' in r.stderr and b'Traceback' not in r.stderr
    assert files(tmp_path)==['a.png', 'file']


def test_file_too_large_for_the_place(tmp_path):
    "A limit on file size stands for a full disk: an error, and nothing left behind"
    import resource
    src = save(tmp_path/'in'/'a.png', (600, 600))

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    r = subprocess.run([*PROGRAM, 'colorize', src, '-o', tmp_path/'out'/'a.png'], capture_output=True, preexec_fn=limit)
    assert r.returncode==4 and b'cannot write' in r.stderr and files(tmp_path)==['in/a.png']


def test_interrupted(tmp_path):
    "Control-C in the middle of a batch: whole files only, a report of what is done, exit code 130"
    for i in range(60): save(tmp_path/'in'/f'{i:02}.png', (900, 900))
    p = subprocess.Popen([*PROGRAM, 'colorize', tmp_path/'in', '-o', tmp_path/'out', '--json', tmp_path/'r.json'],
                         stderr=subprocess.PIPE,
                         preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) # a job behind & ignores it
    while not (tmp_path/'out').exists() or not any((tmp_path/'out').glob('[!.]*.png')):
        assert p.poll() is None, p.stderr.read()
        time.sleep(.01)
    p.send_signal(signal.SIGINT)
    err = p.communicate(timeout=60)[1].decode()
    assert p.returncode==130 and 'not reached' in err and 'Traceback' not in err
    done = files(tmp_path/'out')
    assert 0 < len(done) < 60 and all(colored(tmp_path/'out'/f) for f in done) and not any('tmp' in f for f in done)
    assert json.loads((tmp_path/'r.json').read_text())['done'] in (len(done), len(done)-1)


def test_progress_for_people_only(tree):
    "With a terminal there is a bar on the standard error, without one there is not"
    assert 'coloring' not in run('colorize', tree/'in', '-o', tree/'out1')[2]
    master, slave = pty.openpty()
    p = subprocess.Popen([*PROGRAM, 'colorize', tree/'in', '-o', tree/'out2'], stderr=slave, stdout=subprocess.PIPE)
    os.close(slave)
    seen = b''
    try:
        while chunk := os.read(master, 4096): seen += chunk
    except OSError: pass
    assert p.wait()==0 and b'coloring' in seen and p.stdout.read()==b''


def test_terminal_gets_no_picture(tmp_path):
    src = save(tmp_path/'a.png')
    master, slave = pty.openpty()
    r = subprocess.run([*PROGRAM, 'colorize', src, '-o', '-'], stdout=slave, stderr=subprocess.PIPE)
    os.close(slave)
    assert r.returncode==2 and b'terminal' in r.stderr


def test_note_about_frames(tmp_path):
    frames = [Image.fromarray(data.camera()[i:i+50, :60]) for i in (0, 100)]
    frames[0].save(tmp_path/'two.gif', save_all=True, append_images=frames[1:])
    code, _, err = run('colorize', tmp_path/'two.gif', '-o', tmp_path/'out.jpg')
    assert code==0 and 'only the first' in err


def test_version_and_help():
    from colorbook import __version__
    assert run('--version')[1].decode().strip()==f'colorbook {__version__}'
    for c in ([], ['colorize'], ['card'], ['evaluate'], ['train'], ['export'], ['data'], ['data', 'doctor']):
        code, out, _ = run(*c, '--help')
        assert code==0 and b'Usage' in out


@pytest.mark.parametrize('words', [[], ['data']])
def test_the_bare_program_shows_its_help(words):
    code, out, err = run(*words)
    assert (code, out)==(2, b'') and err.startswith('Usage: colorbook') and 'Commands:' in err.splitlines()
    assert run(*words, '--help')[1].decode().strip()==err.strip()


def test_every_module_adds_its_commands():
    from colorbook.cli import app
    there = {f'colorbook.cli.{o.stem}' for o in Path(app.__file__).parent.glob('*.py')}
    assert there - {'colorbook.cli.__init__', 'colorbook.cli.app'}=={*app.COMMANDS}
    alone = "from colorbook.cli.app import app; print(len(app.registered_commands), len(app.registered_groups))"
    assert subprocess.check_output([sys.executable, '-c', alone], text=True).split()==['2', '0']
    assert len(app.commands().registered_commands) > 8


def test_the_coloring_half_loads_no_torch(tmp_path):
    src = save(tmp_path/'a.png')
    code = ("import sys\nfrom colorbook.cli.app import main\nassert main(['colorize', sys.argv[1]])==0\n"
            "bad = {'torch', 'fastai', 'matplotlib', 'skimage', 'scipy', 'pandas'} & set(sys.modules)\n"
            "assert not bad, bad")
    subprocess.run([sys.executable, '-c', code, src], check=True)


def test_without_the_training_half(tmp_path):
    "Where torch is missing, the commands that need it say what to install"
    for name in ('torch', 'fastai', 'torchmetrics', 'pandas'):
        (tmp_path/f'{name}.py').write_text(f"raise ModuleNotFoundError('no {name}', name='{name}')")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get('PYTHONPATH')])])
    model = default_model()
    for args in (['train', 's0', '.'], ['export', '.', 'a.onnx'], ['evaluate', model, '.'], ['data', 'doctor', '.']):
        code, _, err = run(*args, PYTHONPATH=path, cwd=tmp_path)
        assert code==2 and "colorbook[train]" in err and len(err.strip().splitlines())==1, err
    assert run('colorize', save(tmp_path/'a.png'), PYTHONPATH=path)[0]==0
