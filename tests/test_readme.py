"What the README says is run: its commands, its Python, its links; its figures are those of the model in the package."
import re, runpy, shutil, subprocess, sys
from pathlib import Path

import numpy as np, pytest
from PIL import Image

import book

ROOT = book.ROOT
README = (ROOT/'README.md').read_text()
blocks = lambda lang: [o.strip() for o in re.findall(rf'^```{lang}\n(.*?)^```', README, flags=re.S | re.M)]


@pytest.fixture
def checkout(tmp_path):
    "A folder with the pictures, and this environment as its `.venv`"
    shutil.copytree(ROOT/'data', tmp_path/'data')
    (tmp_path/'.venv').symlink_to(sys.prefix)
    return tmp_path


def assert_colored(path, like):
    new,old = Image.open(path),Image.open(like)
    assert new.size == old.size
    assert np.ptp(np.asarray(new.convert('RGB'), int), axis=2).max() > 10


def test_color_command(checkout):
    make,install,color = blocks('bash')[0].split(' && ')
    assert (make, install) == ('python3 -m venv .venv', '.venv/bin/pip install -q -e .')  # .ci/run has run these two
    subprocess.run(color, shell=True, cwd=checkout, check=True)
    assert_colored(checkout/'color.png', ROOT/'data'/'camera.png')


def test_ci_runs_both_commands():
    lines = (ROOT/'.ci/run').read_text().splitlines()
    for o in blocks('bash')[:2]: assert o in lines


def test_python(checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    (checkout/'snippet.py').write_text('\n'.join(blocks('python')))
    made = runpy.run_path('snippet.py')
    assert_colored('color.png', ROOT/'data'/'camera.png')
    assert made['bold'].size == Image.open('data/rocket.jpg').size


def test_train_command_parses(tmp_path):
    words = [o for o in blocks('bash') if ' train ' in o][0].split()[1:]
    program = Path(sys.executable).with_name('colorbook')
    run = subprocess.run([program, *words], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 3 and 'PHOTOS' in run.stderr.splitlines()[-1]  # there is no such folder


def test_links():
    links = [o for o in re.findall(r'\]\(([^)\s]+)\)', README) if not o.startswith('http')]
    assert 'asset/readme.jpg' in links
    assert [o for o in links if not (ROOT/o).exists()] == []


def test_figures_are_the_model_s():
    from colorbook.imaging.artifact import default_model
    from colorbook.imaging.colorizer import Colorizer
    script = runpy.run_path(str(ROOT/'asset'/'readme.py'))
    assert script['MARKS'].search(README)[2] == script['figures'](Colorizer(default_model()).card)


def test_picture_is_the_model_s():
    "The same three pictures, but for JPEG's own loss"
    script = runpy.run_path(str(ROOT/'asset'/'readme.py'))
    want,have = script['triplet'](script['PHOTO']),Image.open(ROOT/'asset'/'readme.jpg')
    assert have.size == want.size
    diff = np.abs(np.asarray(want, float) - np.asarray(have.convert('RGB'), float))
    assert diff.mean() < 4


def near(have, want):
    "The same picture, but for JPEG's own loss"
    a,b = np.asarray(Image.open(have).convert('RGB'), float),np.asarray(want.convert('RGB'), float)
    return a.shape == b.shape and np.abs(a - b).mean() < 4


def test_the_other_pictures_are_the_model_s():
    script = runpy.run_path(str(ROOT/'asset'/'readme.py'))
    assert near(ROOT/'asset'/'readme-wrong.jpg', script['triplet'](script['wrong']()))
    assert near(ROOT/'asset'/'readme-film.jpg', script['film']())
    for k,o in script['slider']().items(): assert near(ROOT/'asset'/f'slider-{k}.jpg', o), k
