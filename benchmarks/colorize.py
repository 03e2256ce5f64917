"""How fast is coloring? Prints each figure beside its bar.

    python benchmarks/colorize.py [--runs 7] [--json FILE]

Runs of the two programs that are compared are interleaved, and medians are taken. Run it on an idle machine.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time
from pathlib import Path
import numpy as np
from PIL import Image
from colorbook import colorize
from colorbook.imaging.colorizer import colorize_file, load_model


def seconds(f):
    start = time.perf_counter()
    f()
    return time.perf_counter()-start


def interleaved(runs, *fs):
    "Medians of several functions, run in turns"
    for f in fs: f()
    times = [[seconds(f) for f in fs] for _ in range(runs)]
    return [statistics.median(t) for t in zip(*times)]


def picture(w, h):
    "A color photograph of any size with grain, so that it compresses like one from a camera"
    try:
        from sklearn.datasets import load_sample_image
        small = Image.fromarray(load_sample_image('china.jpg'))
    except ImportError:
        y, x = np.mgrid[:480, :640]
        waves = [128+90*np.sin(t) for t in (x/40, y/30, (x+y)/50)]
        small = Image.fromarray(np.stack(waves, -1).astype(np.uint8))
    x = np.asarray(small.resize((w, h), Image.BICUBIC)).astype(np.int16)
    grain = np.random.default_rng(0).normal(0, 3, (h, w, 1)).astype(np.int16)
    return Image.fromarray((x+grain).clip(0, 255).astype(np.uint8))


def resave(src, dst, mode=None):
    "What Pillow needs for the same file: decode, and encode with the same tables, in another mode if one is given"
    im = Image.open(src)
    if mode: im.convert(mode).save(dst, qtables=list(im.quantization.values()))
    else: im.save(dst, quality='keep')


def peak_mb(src, dst):
    "Peak memory of a fresh process that colors one file"
    code = f'from colorbook.imaging.colorizer import colorize_file as c; c({str(src)!r}, {str(dst)!r})'
    p = subprocess.Popen([sys.executable, '-c', code])
    usage = os.wait4(p.pid, 0)
    assert usage[1]==0
    return usage[2].ru_maxrss/1024


def rows(runs, folder):
    "Name, value, unit, bar"
    x = np.asarray(picture(512, 512))
    load_model()
    yield 'colorize, 512x512 RGB in memory', *interleaved(runs, lambda: colorize(x)), 's', .15
    yield 'colorize, 512x512 gray in memory', *interleaved(runs, lambda: colorize(x[..., 0])), 's', .15
    big, out = folder/'big.jpg', folder/'out.jpg'
    for name, im in (('color', picture(4000, 3000)), ('gray', picture(4000, 3000).convert('L'))):
        im.save(big, quality=92)
        ours, pillow, rgb = interleaved(runs, lambda: colorize_file(big, out),
            lambda: resave(big, folder/'again.jpg'), lambda: resave(big, folder/'again.jpg', 'RGB'))
        yield f'12-megapixel JPEG, {name}, file to file', ours, 's', None
        yield f'   Pillow decodes and encodes it ({big.stat().st_size/1e6:.1f} MB)', pillow, 's', None
        yield '   times Pillow', ours/pillow, 'x', 4 if name=='color' else None
        if name=='gray': yield '   times Pillow, which also writes three channels', ours/rgb, 'x', 4
        yield '   peak memory of a fresh process', peak_mb(big, out), 'MB', 700
    one = folder/'one.jpg'
    picture(1024, 768).save(one, quality=92)
    process = lambda *args: lambda: subprocess.run([sys.executable, *map(str, args)], check=True)
    program = process('-m', 'colorbook', 'colorize', one, '-o', folder/'one-color.jpg', '--overwrite')
    ours, imports = interleaved(runs, program, process('-c', 'import colorbook'))
    yield 'cold process, colorbook colorize one.jpg', ours, 's', 1.5
    yield '   of which import colorbook', imports, 's', None


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--runs', type=int, default=7)
    p.add_argument('--json')
    args = p.parse_args()
    found, late = [], 0
    print(f'{"":52s} {"measured":>10s} {"bar":>8s} {"of bar":>7s}')
    with tempfile.TemporaryDirectory() as tmp:
        for name, value, unit, bar in rows(args.runs, Path(tmp)):
            found.append(dict(name=name.strip(), value=value, unit=unit, bar=bar))
            late += bar is not None and value > bar
            tail = f'{bar:6g} {unit:2s} {value/bar:6.0%}' if bar else ''
            print(f'{name:52s} {value:8.3f} {unit:2s} {tail}', flush=True)
    if args.json: Path(args.json).write_text(json.dumps(found, indent=2))
    print(f'load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores')
    return late > 0


if __name__=='__main__': sys.exit(main())
