"Run by newest.sh: every module imports, a picture is colored and a short training runs, without nbdev."
import subprocess, sys, tempfile
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def colorbook(*args):
    print('colorbook', *args, flush=True)
    subprocess.run([Path(sys.executable).with_name('colorbook'), *map(str, args)], check=True)


def main():
    for o in ('nbdev', 'execnb'):
        try: version(o)
        except PackageNotFoundError: continue
        raise SystemExit(f'{o} is installed here, so this proves nothing')
    print({o: version(o) for o in ('torch', 'fastai', 'fastcore')})
    for o in sorted((ROOT/'colorbook').rglob('[!_]*.py')):
        import_module('.'.join(o.relative_to(ROOT).with_suffix('').parts))
    with tempfile.TemporaryDirectory() as tmp:
        photos = Path(tmp)/'photos'
        photos.mkdir()
        from colorbook.data.photos import sample_photos
        for i,o in enumerate(sample_photos(size=128)): o.save(photos/f'{i}.png')
        colorbook('train', 's0', photos, '--out', Path(tmp)/'run', '--epochs', 1)
        colorbook('colorize', ROOT/'data'/'camera.png', '-o', Path(tmp)/'color.png')
        assert (Path(tmp)/'color.png').stat().st_size > 0
    print('the newest fastai and fastcore do')


if __name__ == '__main__': main()
