"""Hours of damaged pictures, with their structure kept: the reading path ends in a picture or in a ColorbookError.

    python benchmarks/fuzz.py --minutes 30            one process, at most 2 GB of memory
    python benchmarks/fuzz.py --minutes 1 --seed 7 --keep FOLDER

Hypothesis draws edits of small pictures in every format that Pillow writes, and of deep ones. Besides bytes it edits
what a checksum or an offset would otherwise protect: the chunks of a PNG, the entries of a TIFF's directories, the
segments of a JPEG, the profile inside of each. Every page is read. Whatever ends in another error, takes more than ten
seconds of the processor or kills the process is kept in the folder and printed once for each place in the program.
"""
import argparse, collections, io, json, os, resource, signal, struct, subprocess, sys, tempfile, time, traceback
import warnings, zlib
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from PIL import Image

from adversarial import Late, whole

SECONDS = 10


def seeds():
    "Small pictures: those of `adversarial.py`, deep ones, and ones with profiles and words"
    import av
    from fractions import Fraction
    from colorbook.imaging.profiles import chunk_profile, srgb_profile
    from colorbook.imaging.write import png16, ppm16, tiff
    found = whole()
    deep = np.mgrid[:40,:56].sum(0)[...,None]*np.array([600, 500, 400, 300])
    deep,exif = deep.astype(np.uint16),Image.Exif()
    exif[274],exif[271],exif[33432] = 6,'Camera','somebody'
    info = dict(icc_profile=srgb_profile(), exif=exif.tobytes(), dpi=(300, 300), xmp=b'<x:xmpmeta/>',
        iptc=b'\x1c\x02\x78\0\x06A lake', texts={'Title': 'Lake'})
    wide = chunk_profile(.5, (.3127, .329, .64, .33, .21, .71, .15, .06))
    for n in (3, 4):
        found |= {f'png16 {n}': png16(deep[...,:n], info), f'tiff16 {n}': tiff([(deep[...,:n], info)]*2)}
    found |= {'ppm16': ppm16(deep[...,:3]), 'tiff8': tiff([((deep[...,:3]>>8).astype(np.uint8), {})])}
    for fmt in ('JPEG', 'PNG', 'TIFF', 'WEBP'):
        for mode in ('RGB', 'L'):
            out = io.BytesIO()
            plain = Image.fromarray((deep[...,:3]>>8).astype(np.uint8)).convert(mode)
            plain.save(out, fmt, icc_profile=wide, exif=exif)
            found[f'{fmt} {mode} with a profile'] = out.getvalue()
    chunks = b''.join(_chunk(k, v) for k,v in ((b'gAMA', struct.pack('>I', 55556)),
        (b'cHRM', struct.pack('>8I', 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000))))
    found['PNG with chunks'] = found['PNG RGB'][:33] + chunks + found['PNG RGB'][33:]
    codec = av.CodecContext.create('jpeg2000', 'w')
    codec.width,codec.height,codec.pix_fmt,codec.time_base = 56,40,'rgb48le',Fraction(1, 24)
    codec.options = dict(format='jp2', pred='dwt53')
    f = av.VideoFrame.from_ndarray(np.ascontiguousarray(deep[...,:3]), 'rgb48le')
    found['JPEG 2000 deep'] = b''.join(bytes(p) for p in [*codec.encode(f), *codec.encode(None)])
    return found


def _chunk(name, body): return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))


def chunks_of(b):
    "Name and body of each chunk of a PNG, as far as they go"
    at = 8
    while at + 12 <= len(b):
        n, = struct.unpack_from('>I', b, at)
        yield b[at+4:at+8],b[at+8:at+8+n]
        at += 12 + n


def overwrite(b, at, new, grow):
    "Bytes at a place: over what is there, or between"
    at = at%(len(b) + 1)
    return b[:at] + new + b[at + (0 if grow else len(new)):]


def edit_png(b, which, at, new, grow):
    "One chunk is changed and its checksum made right; texts and profiles are changed inside of their compression"
    parts = list(chunks_of(b))
    if not parts: return overwrite(b, at, new, grow)
    name,body = parts[which%len(parts)]
    head = body.find(b'\0') + 2 if name in (b'iCCP', b'zTXt') else 0
    if head > 1:
        try: body = body[:head] + zlib.compress(overwrite(zlib.decompress(body[head:]), at, new, grow))
        except zlib.error: body = overwrite(body, at, new, grow)
    elif name == b'IDAT':
        try: body = zlib.compress(overwrite(zlib.decompress(body), at, new, grow))
        except zlib.error: body = overwrite(body, at, new, grow)
    else: body = overwrite(body, at, new, grow)
    parts[which%len(parts)] = name,body
    return b[:8] + b''.join(_chunk(*o) for o in parts)


def edit_tiff(b, which, at, new, grow):
    "A field of an entry of the first directory: its tag, kind, count or value"
    order = '<' if b[:2] == b'II' else '>'
    try:
        first, = struct.unpack_from(order + 'L', b, 4)
        n, = struct.unpack_from(order + 'H', b, first)
        place = first + 2 + 12*(which%n) + at%12
        return b[:place] + new[:8] + b[place + len(new[:8]):]
    except (struct.error, ZeroDivisionError): return overwrite(b, at, new, grow)


def edit_jpeg(b, which, at, new, grow):
    "A segment of a JPEG, with its length made right"
    parts,i = [],2
    while i + 4 <= len(b) and b[i] == 255 and b[i+1] != 0xda:
        n, = struct.unpack_from('>H', b, i + 2)
        parts.append((b[i+1], b[i+4:i+2+n]))
        i += 2 + max(n, 2)
    if not parts: return overwrite(b, at, new, grow)
    kind,body = parts[which%len(parts)]
    parts[which%len(parts)] = kind,overwrite(body, at, new, grow)[:65000]
    return b[:2] + b''.join(bytes([255, k]) + struct.pack('>H', len(v) + 2) + v for k,v in parts) + b[i:]


def edited(b, kind, which, at, new, grow):
    "One edit of a file"
    if kind == 'cut': return b[:at%(len(b) + 1)]
    if kind == 'bytes': return overwrite(b, at, new, grow)
    if kind == 'head': return overwrite(b, at%64, new, grow)
    edit = edit_png if b[:4] == b'\x89PNG' else edit_tiff if b[:2] in (b'II', b'MM') else edit_jpeg
    return edit(b, which, at, new, grow)


ODD = [struct.pack('>I', o) for o in (0, 1, 255, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)]
ODD += [o[::-1] for o in ODD] + [b'\0', b'\xff', b'\x80', b'\0\0', b'\xff\xff', b'\0\x01', b'\x01\0']


def read(content):
    "Read a picture and each of its pages; a ColorbookError is an answer"
    from colorbook.core import ColorbookError
    from colorbook.imaging.io import read_pages, read_picture
    ends = collections.Counter()
    for f in (lambda: read_picture(content), lambda: collections.deque(read_pages(content, 'all'), 0),
              lambda: read_picture(content, colors=True)):
        try:
            f()
            ends['picture'] += 1
        except ColorbookError as e:
            assert e.what and e.remedy
            ends['refused'] += 1
    return ends


def worker(o):
    "Read edited pictures until the time is up; prints a line of JSON for each new kind of error, and one at the end"
    resource.setrlimit(resource.RLIMIT_AS, (int(o.memory*2**30),)*2)
    warnings.simplefilter('ignore')
    files,here,seen,ends = seeds(),Path(o.keep)/f'now-{o.seed}',set(),collections.Counter()
    names,slow,n = sorted(files),0.,o.seed
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff tells of each damage
    def late(*_): raise Late(f'more than {SECONDS} s of the processor')  # which others may be using
    signal.signal(signal.SIGPROF, late)
    edits = st.tuples(st.sampled_from(['bytes', 'head', 'part', 'part', 'part', 'cut']), st.integers(0, 40),
        st.integers(0, 2**14), st.one_of(st.sampled_from(ODD), st.binary(min_size=1, max_size=12)), st.booleans())

    def one(name, changes):
        nonlocal slow
        if time.time() > o.until: return
        content = files[name]
        for c in changes: content = edited(content, *c)
        here.write_bytes(content)  # is there if the process is killed
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try: ends.update(read(content))
        except BaseException as e:
            if isinstance(e, KeyboardInterrupt): raise
            frames = [f'{Path(f.filename).name}:{f.lineno}' for f in traceback.extract_tb(e.__traceback__)]
            key = type(e).__name__,*frames[-1:],*[f for f in frames if 'site-packages' not in f][-1:]
            ends['other'] += 1
            if key not in seen:
                seen.add(key)
                kept = Path(o.keep)/f'{o.seed}-{len(seen)}-{name.replace(" ", "-").replace(";", "")}'
                kept.write_bytes(content)
                error = f'{type(e).__name__}: {e}'[:200]
                print(json.dumps(dict(file=str(kept), error=error, at=frames[-6:])), flush=True)
        finally: signal.setitimer(signal.ITIMER_PROF, 0)
        slow = max(slow, time.process_time() - start)

    while time.time() < o.until:
        n += 1
        run = given(st.sampled_from(names), st.lists(edits, min_size=1, max_size=3))(one)
        seed(n)(settings(max_examples=500, deadline=None, database=None, phases=[Phase.generate],
                         suppress_health_check=[*HealthCheck])(run))()
    here.unlink(missing_ok=True)
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1000
    print(json.dumps(dict(ends=ends, slowest=round(slow, 2), megabytes=mb)), flush=True)


def main(args=None):
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--minutes', type=float, default=1)
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--memory', type=float, default=2, help='gigabytes of addresses')
    p.add_argument('--keep', default='', help='a folder for what ends otherwise')
    p.add_argument('--until', type=float, default=0, help=argparse.SUPPRESS)
    o = p.parse_args(args)
    if o.until: return worker(o)
    o.keep = o.keep or tempfile.mkdtemp()
    Path(o.keep).mkdir(parents=True, exist_ok=True)
    until,bad,number = time.time() + 60*o.minutes,0,o.seed
    while time.time() < until:
        words = ['--seed', str(number), '--memory', str(o.memory), '--keep', o.keep, '--until', str(until)]
        with subprocess.Popen([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True) as run:
            for line in run.stdout:
                bad += '"error"' in line
                print(line.strip(), flush=True)
        now = Path(o.keep)/f'now-{number}'
        if run.returncode and now.exists():
            bad += 1
            print(f'killed with {run.returncode}: {now.rename(now.with_name(f"killed-{number}"))}', flush=True)
        elif run.returncode: return 1
        number += 10**6
    print(f'{bad} kinds of errors, in {o.keep}' if bad else 'no other error')
    return 1 if bad else 0


if __name__ == '__main__': sys.exit(main())
