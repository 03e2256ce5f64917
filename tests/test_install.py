"The base installation: a wheel with nothing foreign in it, which colors a picture where there is no torch."
import shutil, subprocess, sys, time, zipfile
from pathlib import Path

import numpy as np, pytest
from PIL import Image

import book

ROOT = book.ROOT


def tree(folder): return sum(o.lstat().st_size for o in folder.rglob('*') if o.is_file() and not o.is_symlink())


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    "Built from a copy, so that an old `build/` cannot leak into it"
    tmp = tmp_path_factory.mktemp('wheel')
    shutil.copytree(ROOT/'colorbook', tmp/'src'/'colorbook', ignore=shutil.ignore_patterns('__pycache__'))
    (tmp/'src'/'colorbook'/'foreign.txt').write_text('not for the wheel')
    for o in ('pyproject.toml', 'README.md', 'LICENSE'): shutil.copy(ROOT/o, tmp/'src')
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '-w', tmp, tmp/'src'], check=True)
    [made] = tmp.glob('*.whl')
    return made


@pytest.fixture(scope='module')
def env(wheel, tmp_path_factory):
    tmp = tmp_path_factory.mktemp('env')/'venv'
    start = time.time()
    subprocess.run([sys.executable, '-m', 'venv', tmp], check=True)
    subprocess.run([tmp/'bin'/'pip', 'install', '-q', wheel], check=True)
    print(f'base installation: {time.time() - start:.0f} s, {tree(tmp)/1e6:.0f} MB')
    return tmp


def test_wheel_holds_the_package_and_nothing_else(wheel):
    names = {o for o in zipfile.ZipFile(wheel).namelist() if '.dist-info/' not in o}
    modules = {o.relative_to(ROOT).as_posix() for o in (ROOT/'colorbook').rglob('*.py')}
    more = 'default.onnx', 'film.onnx', 'infrared.onnx', 'py.typed', 'training/published.yaml'
    assert names == modules | {f'colorbook/{o}' for o in more}
    assert any(o.endswith('/LICENSE') for o in zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope='module')
def sdist(tmp_path_factory):
    "Built from the tracked files, as a release would be"
    tmp = tmp_path_factory.mktemp('sdist')
    shutil.copytree(ROOT/'colorbook', tmp/'src'/'colorbook', ignore=shutil.ignore_patterns('__pycache__'))
    for o in ('pyproject.toml', 'README.md', 'LICENSE'): shutil.copy(ROOT/o, tmp/'src')
    build = f"from setuptools.build_meta import build_sdist; build_sdist({str(tmp)!r})"
    subprocess.run([sys.executable, '-c', build], cwd=tmp/'src', check=True, capture_output=True)
    [made] = tmp.glob('*.tar.gz')
    return made


def test_the_sdist_makes_the_same_wheel(sdist, wheel, tmp_path):
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '-w', tmp_path, sdist], check=True)
    [again] = tmp_path.glob('*.whl')
    parts = [{o.filename: o.CRC for o in zipfile.ZipFile(w).infolist() if not o.filename.endswith('RECORD')}
             for w in (wheel, again)]
    assert parts[0].keys() - {'colorbook/foreign.txt'} == parts[1].keys()
    assert {k for k in parts[1] if parts[0][k] != parts[1][k]} == set()


def test_base_installation_is_small(env): assert tree(env) <= 450e6


def test_base_installation_has_no_torch(env):
    frozen = subprocess.check_output([env/'bin'/'pip', 'list', '--format', 'freeze'], text=True).lower()
    assert 'onnxruntime==' in frozen
    assert not any(o in frozen for o in ('torch==', 'fastai==', 'nvidia-', 'scikit-image==', 'matplotlib=='))


def test_base_installation_colors_a_picture(env, tmp_path):
    photo = ROOT/'data'/'camera.png'
    subprocess.run([env/'bin'/'colorbook', 'colorize', photo, '-o', tmp_path/'color.png'], cwd=tmp_path, check=True)
    new,old = Image.open(tmp_path/'color.png').convert('RGB'),Image.open(photo)
    assert new.size == old.size and np.ptp(np.asarray(new, int), axis=2).max() > 10
    ask = [env/'bin'/'python', '-c', 'import colorbook; print(colorbook.__file__)']
    assert env in Path(subprocess.check_output(ask, cwd=tmp_path, text=True).strip()).parents


def test_base_installation_colors_a_film(env, tmp_path):
    "PyAV is in it, OpenCV is not: the film model alone, and a word on the stabilizer"
    from colorbook.video.read import read_frames, write_clip
    from colorbook.data.synthetic import travel
    clip = write_clip(travel(Image.open(ROOT/'data'/'camera.png'), 5, (96, 64)), tmp_path/'clip.mp4')
    def run(*args):
        return subprocess.run([env/'bin'/'colorbook', *args], cwd=tmp_path, capture_output=True, text=True)
    done = run('video', clip, 'color.mp4')
    assert done.returncode == 0 and 'colorbook[film]' in done.stderr, done.stderr
    film = [np.asarray(o.im, int) for o in read_frames(tmp_path/'color.mp4')]
    assert len(film) == 5 and np.ptp(film[2], axis=2).max() > 10
    for words in (('video', clip, 'more.mp4', '--stabilize', '.5'), ('flicker', clip, 'color.mp4'), ('play', clip)):
        done = run(*words)
        assert done.returncode == 2 and "pip install 'colorbook[film]'" in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1 and not (tmp_path/'more.mp4').exists()
