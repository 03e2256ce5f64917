"""How long and how large is the base installation? An empty environment, pip with a warm cache, then one import.

    python benchmarks/install.py [--keep FOLDER]
"""
import argparse, subprocess, sys, tempfile, time, venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECK = """
import sys, time
start = time.perf_counter()
import colorbook
seconds = time.perf_counter()-start
heavy = sorted({'torch', 'torchvision', 'fastai', 'fastcore', 'matplotlib', 'skimage', 'pandas'} & set(sys.modules))
assert not heavy, heavy
print(seconds)
"""


def megabytes(folder): return sum(f.stat().st_size for f in folder.rglob('*') if f.is_file() and not f.is_symlink())/1e6


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--keep', help='make the environment here and leave it')
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        env = Path(args.keep or tmp)/'env'
        start = time.perf_counter()
        venv.create(env, with_pip=True)
        made = time.perf_counter()
        before = megabytes(env)
        python = env/('Scripts' if sys.platform=='win32' else 'bin')/'python'
        subprocess.run([python, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', str(ROOT)], check=True)
        done = time.perf_counter()
        size = megabytes(env)
        run = lambda *args: subprocess.run([python, *args], check=True, stdout=subprocess.PIPE, text=True, cwd=tmp)
        output = lambda *args: run(*args).stdout
        seconds = float(output('-c', CHECK))
        names = output('-m', 'pip', 'list', '--format=freeze', '--disable-pip-version-check').split()
    print(f'environment {made-start:6.1f} s {before:7.0f} MB (pip itself)')
    print(f'install     {done-made:6.1f} s {size-before:7.0f} MB')
    print(f'together    {done-start:6.1f} s {size:7.0f} MB   bars: 60 s, 450 MB')
    print(f'import colorbook {seconds:.2f} s, without torch, fastai and matplotlib')
    print(f'{len(names)} packages: {" ".join(names)}')
    return done-start > 60 or size > 450


if __name__=='__main__': sys.exit(main())
