"`colorbook train` as users run it: to the end, killed and taken up again, diverging, and with what it should refuse."
import subprocess, sys, time

import pandas as pd, pytest
from PIL import Image

import book
from colorbook.cli.app import main

RECIPE = '''name: small
phases:
- {mode: content, epochs: 2, lrs: [1e-3, 1e-3, 0]}
- {mode: both, epochs: 2, lrs: [1e-4, 1e-4, 1e-4], one_cycle: false, share: .5}
generator: mobile_ab
content: smooth_l1
size: 64
bs: 8
aged: .3
valid: .2
'''


def command(recipe, photos, out): return [sys.executable, '-m', 'colorbook', 'train', str(recipe), str(photos),
    '-o', str(out), '--weights', 'none']


def train(*args):
    return subprocess.run(command(*args), cwd=book.ROOT, capture_output=True, text=True)


def weights(run): return {o.name: o.read_bytes() for o in sorted(run.glob('generator-*'))}


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    "A folder of photos and a recipe"
    from colorbook.data.photos import sample_photos
    home = tmp_path_factory.mktemp('train')
    (home/'photos').mkdir()
    for i,o in enumerate(sample_photos(192)):
        for x in 0,64,128:
            for y in 0,64,128: o.crop((x, y, x + 64, y + 64)).save(home/f'photos/{i}-{x}-{y}.png')
    (home/'small.yaml').write_text(RECIPE)
    return home


@pytest.fixture(scope='module')
def straight(home):
    run = train(home/'small.yaml', home/'photos', home/'straight')
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == str(home/'straight/artifact.onnx')
    return home/'straight'


def test_a_run_leaves_its_files(straight):
    tags = ['0-000', '0-001', '1-000', '1-001']
    assert sorted(o.name for o in straight.iterdir()) == sorted(['artifact.onnx', 'checkpoint.pth', 'data.yaml',
        'history.csv', 'losses.png', 'recipe.yaml', 'sheet--1.jpg', 'tried.csv', *[f'sheet-{o}.jpg' for o in tags],
        *[f'generator-{o}.safetensors' for o in tags]])
    assert len(pd.read_csv(straight/'history.csv')) == 4
    for o in straight.glob('*.[jp][pn]g'): Image.open(o).load()


def test_the_artifact_colors(straight, home):
    out = home/'colored.png'
    subprocess.run([sys.executable, '-m', 'colorbook', 'colorize', home/'photos/0-0-0.png', '-o', out, '--model',
        straight/'artifact.onnx'], cwd=book.ROOT, check=True)
    assert Image.open(out).size == (64, 64)


def test_killed_at_any_time_it_goes_on_to_the_same_end(straight, home):
    out = home/'killed'
    for at in 'generator-0-001.safetensors', 'checkpoint.pth', 'sheet-1-000.jpg':
        stamp = lambda: (out/at).stat().st_mtime_ns if (out/at).exists() else 0
        before,child = stamp(),subprocess.Popen(command(home/'small.yaml', home/'photos', out), cwd=book.ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while stamp() == before and child.poll() is None: time.sleep(.01)
        assert child.poll() is None, 'it ended before it could be killed'
        child.kill()
        child.wait()
        assert len(weights(out)) < 4
    run = train(home/'small.yaml', home/'photos', out)
    assert run.returncode == 0, run.stderr
    assert weights(out) == weights(straight)
    drop = lambda o: pd.read_csv(o/'history.csv').drop(columns='seconds')
    pd.testing.assert_frame_equal(drop(out), drop(straight), check_exact=True)
    assert {o.name for o in out.iterdir()} == {o.name for o in straight.iterdir()}


def refused(capsys, *args):
    "Exit code and last line of the standard error, in this process"
    code = main(command(*args)[3:])
    return code, capsys.readouterr().err.splitlines()[-1]


def test_another_recipe_or_other_photos_are_refused(straight, home, capsys):
    before = weights(straight)
    (home/'other.yaml').write_text(RECIPE.replace('bs: 8', 'bs: 4'))
    (home/'few').mkdir()
    for o in sorted((home/'photos').iterdir())[:40]: (home/'few'/o.name).write_bytes(o.read_bytes())
    for recipe,photos,what in ('other.yaml', 'photos', 'another recipe'), ('small.yaml', 'few', 'other photos'):
        code,said = refused(capsys, home/recipe, home/photos, straight)
        assert code == 2 and what in said
    assert weights(straight) == before


@pytest.mark.parametrize('change,code,what', [
    (('size: 64', 'lamb: 100'), 2, 'a recipe has no lamb'),
    (('mode: both', 'mode: fight'), 2, "no mode 'fight'"),
    (('mobile_ab', 'mobil'), 2, "no generator 'mobil'"),
    (('[1e-4, 1e-4, 1e-4]', '[1e-4]'), 2, 'phase 1 has 1 learning rates'),
    (('phases:', 'stretches:'), 3, 'is no recipe'),
    (('valid: .2', 'valid: much'), 3, 'is no recipe'),
    (('lrs: [1e-3, 1e-3, 0]', 'lrs: [1e30, 1e30, 0]'), 5, 'the loss is')])
def test_errors_are_one_line_and_an_exit_code(change, code, what, home, tmp_path, capsys):
    assert change[0] in RECIPE
    (tmp_path/'r.yaml').write_text(RECIPE.replace(*change))
    got,said = refused(capsys, tmp_path/'r.yaml', home/'photos', tmp_path/'run')
    assert got == code and said.startswith('colorbook: ') and what in said
    assert not list(tmp_path.glob('run/generator-*')) and not list(tmp_path.glob('run/.*'))


def test_an_unknown_recipe_and_missing_photos(home, tmp_path, capsys):
    code,said = refused(capsys, 's00', home/'photos', tmp_path/'run')
    assert code == 2 and 's0, s0-large, s2' in said
    code,said = refused(capsys, 's0', home/'none', tmp_path/'run')
    assert code == 3 and 'nothing at' in said
    assert not (tmp_path/'run').exists()


def test_the_model_in_the_package_was_made_by_the_recipe():
    from colorbook.imaging.colorizer import card
    from colorbook.training.recipes import from_plain, recipes
    made = card()
    assert from_plain(made['recipe']) == recipes['default']  # fields that came later have their defaults
    assert made['chosen']['ratio'] >= recipes['default'].floor and made['size'] == made['chosen']['size']
