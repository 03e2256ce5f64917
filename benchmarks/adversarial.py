"""Damaged pictures by the thousand: each ends in a picture or in a ColorbookError, within ten seconds and a gigabyte.

    python benchmarks/adversarial.py                  2,000 pictures, in two processes
    python benchmarks/adversarial.py -n 200 --seed 7
    python benchmarks/adversarial.py --minutes 30     others and others, until the time is up

Truncations, flipped bits, cleared and doubled pieces, headers, sizes and suffixes that lie, over every format that
Pillow writes. What ends otherwise is kept in the folder `--keep` and named.
"""
import argparse, collections, io, multiprocessing, resource, signal, sys, tempfile, time, warnings
from pathlib import Path

import numpy as np
from PIL import Image

SECONDS,MEGABYTES = 10,1000


def whole():
    "A small picture in every format that Pillow writes, and in several modes: bytes by format and mode"
    y,x = np.mgrid[:40,:56]
    gray = Image.fromarray(((x*4 + y*2)%256).astype(np.uint8))
    from colorbook.imaging.opening import has_heif
    Image.init()
    has_heif()
    found = {}
    for fmt in sorted(Image.SAVE):
        for mode in ('L', 'RGB', 'RGBA', 'P', '1', 'CMYK', 'I;16', 'F'):
            im = Image.fromarray(np.asarray(gray).astype(np.uint16)*257) if mode == 'I;16' else gray.convert(mode)
            out = io.BytesIO()
            try: im.save(out, fmt)
            except Exception: continue
            found[f'{fmt} {mode}'] = out.getvalue()
    for fmt in ('GIF', 'TIFF', 'WEBP', 'PNG'):
        out = io.BytesIO()
        gray.convert('RGB').save(out, fmt, save_all=True, append_images=[gray.convert('RGB').rotate(90)])
        found[f'{fmt} pages'] = out.getvalue()
    return found


def damage(content, rng, others):
    "One kind of damage, or two"
    b = bytearray(content)
    n,at = len(b),int(rng.integers(len(b)))
    kind = rng.choice(['cut', 'bits', 'bits', 'head', 'zero', 'double', 'size', 'other'])
    if kind == 'cut': b = b[:at]
    if kind == 'bits':
        end = min(n, 600) if rng.random() < .5 else n
        for i in rng.integers(end, size=rng.integers(1, 20)): b[i] ^= 1<<rng.integers(8)
    if kind == 'head': b[:min(n, 60)] = rng.bytes(min(n, 60))[:rng.integers(1, 61)]
    if kind == 'zero': b[at:at+int(rng.integers(1, 200))] = bytes(min(200, n - at))
    if kind == 'double': b[at:at] = b[at:at+int(rng.integers(1, 400))]
    if kind == 'size':
        at = int(rng.integers(min(n, 80)))
        b[at:at+4] = [b'\xff\xff\xff\xff', b'\0\0\0\0', b'\0\0\x40\0', b'\0\x40\0\0'][rng.integers(4)]
    if kind == 'other': b[:12] = others[rng.integers(len(others))][:12]
    return kind,bytes(b)


def damaged(n, seed=0):
    "`n` damaged pictures: name, with a suffix that lies for one of four, and content"
    files,rng = whole(),np.random.default_rng(seed)
    names,others = sorted(files),list(files.values())
    suffixes = ['jpg', 'png', 'tif', 'webp', 'gif', 'bmp', 'heic', 'avif', 'ppm', 'tga', 'ico', 'psd']
    right = {'JPEG': 'jpg', 'TIFF': 'tif', 'JPEG2000': 'jp2'}
    for i in range(n):
        name = names[i%len(names)]
        kind,content = damage(files[name], rng, others)
        if rng.random() < .2: kind,content = f'{kind} twice',damage(content or b'x', rng, others)[1]
        fmt = name.split()[0]
        suffix = rng.choice(suffixes) if rng.random() < .25 else right.get(fmt, fmt.lower())
        yield f"{i:04}-{name.replace(' ', '-').replace(';', '')}-{kind.replace(' ', '-')}.{suffix}",content


def outcome(path):
    "'picture' or the class of the error that colorize_file ends in; anything else is raised"
    from colorbook.core import ColorbookError, InputError
    from colorbook.imaging.colorizer import colorize_bytes
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try: Image.open(io.BytesIO(colorize_bytes(path, 'PNG', size=32))).load()
        except ColorbookError as e:
            assert e.what and (path.name in str(e) or not isinstance(e, InputError)), f'no name in {e}'
            return type(e).__name__
    return 'picture'


class Late(BaseException):
    "Over the time; no `except Exception` may take it for a damaged picture"


def one(job):
    "Name, outcome, seconds and megabytes of one picture"
    folder,(name,content) = job
    path = Path(folder)/name
    path.write_bytes(content)
    def late(*_): raise Late(f'more than {SECONDS} s')
    signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    start = time.perf_counter()
    try: found = outcome(path)
    except BaseException as e: found = f'{type(e).__name__}: {e}'
    signal.alarm(0)
    seconds,mb = time.perf_counter() - start,resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1000
    if found in ('picture', 'InputError', 'OutputError') and mb <= MEGABYTES: path.unlink()
    return name,found,seconds,mb


def main(args=None):
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('-n', type=int, default=2000)
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--minutes', type=float, default=0, help='go on with other seeds for so long')
    p.add_argument('--workers', type=int, default=2)
    p.add_argument('--keep', default='', help='a folder for what ends otherwise')
    o = p.parse_args(args)
    keep,start,counts = Path(o.keep or tempfile.mkdtemp()),time.time(),collections.Counter()
    bad,slow,most,seed = [],0,0,o.seed
    keep.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context('spawn').Pool(o.workers) as pool:
        while True:
            for name,found,seconds,mb in pool.imap_unordered(one, ((keep, v) for v in damaged(o.n, seed)), 8):
                ok = found in ('picture', 'InputError', 'OutputError')
                counts[found if ok else 'other'] += 1
                slow,most = max(slow, seconds),max(most, mb)
                if not ok or mb > MEGABYTES: bad.append(f'{keep/name}: {found}, {mb} MB')
            seed += 1
            if time.time() - start > 60*o.minutes: break
    print('\n'.join(bad))
    print(f'{dict(counts)}, at most {slow:.1f} s and {most} MB, {time.time() - start:.0f} s in all')
    return 1 if bad else 0


if __name__ == '__main__': sys.exit(main())
