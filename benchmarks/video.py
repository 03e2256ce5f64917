"""How fast is a film colored, where does the time go, and how much memory does it need?

    python benchmarks/video.py FILM [--frames 240] [--long 7200] [--only-memory]

FILM is any film, shrunk or enlarged to 854x480 and 1920x1080 for the table. Every stage is run by itself on the same
frames, so the processor's seconds can be told apart; then all of it as `colorbook video` does it, with x264 veryfast.
On two cores that are fully used, 24 frames a second are 83 ms of processor time a frame. Memory is the peak of a
process of its own. `--long` colors so many frames of the first size in another process, by playing the clip again and
again, to show that memory stays: beside the peak stands the most it held in each fifth of its time.
How steady the color is, `benchmarks/steady.py` measures.
"""
import argparse, json, resource, subprocess, sys, tempfile, time
from itertools import chain, cycle, islice
from pathlib import Path

import numpy as np

from colorbook.video.read import decode, read_frames
from colorbook.video.steps import with_colors, paint_frame, prepare, watch
from colorbook.video.codecs import Spec, spec_of
from colorbook.video.container import encode_part, mux, new_film
from colorbook.video.read import open_reel
from colorbook.video.stabilize import stabilize
from colorbook.video.model import color_source, load_film_model

ONE = '''
import json, re, sys, threading
from colorbook.video.colorize import colorize_video
def kilobytes(key): return int(re.search(key + r':\\s*(\\d+)', open('/proc/self/status').read())[1])
held,done = [],threading.Event()
def look():
    while not done.wait(.1): held.append(kilobytes('VmRSS'))
watcher = threading.Thread(target=look)
watcher.start()
try: frames = colorize_video(*sys.argv[1:3]).frames
finally: done.set()
watcher.join()
fifths = [max(held[i*len(held)//5:(i + 1)*len(held)//5]) for i in range(5)]
print(json.dumps([frames, kilobytes('VmHWM'), fifths]))  # ru_maxrss would count the parent's
'''


def stages(film, n):
    "Milliseconds of processor time a frame for each stage"
    model,out = load_film_model(),{}
    def timed(name, items):
        start = time.process_time()
        items = list(items)
        out[name] = 1e3*(time.process_time() - start)/max(1, len(items))
        return items
    c,s = open_reel(film)
    with c:
        timed('decode', islice(decode(film, c, s), n))
    c,s = open_reel(film)
    with c:
        seen = timed('decode and watch', islice(watch(film, c, s), n))
        timed('gray and small copy', prepare(iter(seen), model.card['size'], model.card['multiple']))
        pairs = timed('network', with_colors(iter(seen), color_source(model)))
        pairs = timed('stabilize', stabilize(iter(pairs)))
        painted = timed('enlarge and paint', (paint_frame(o, ab) for o,ab in pairs))
        spec = spec_of(s, seen[0].frame, 'h264')
        timed('encode', (o for _ in [0] for o in encode_part(spec, zip(painted, (o.pts for o in seen)))))
    out['sum'] = sum(v for k,v in out.items() if k != 'decode')
    return out


def whole(film, dst):
    "Frames, seconds, processor seconds, peak memory and the most in each fifth (MB) of a process that colors a film"
    before,start = resource.getrusage(resource.RUSAGE_CHILDREN),time.perf_counter()
    run = subprocess.run([sys.executable, '-c', ONE, str(film), str(dst)], capture_output=True, text=True, check=True)
    after,took = resource.getrusage(resource.RUSAGE_CHILDREN),time.perf_counter() - start
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    frames,peak,fifths = json.loads(run.stdout)
    return frames,took,cpu,peak/1024,[o/1024 for o in fifths]


def make(film, w, h, n, many, path):
    "The first n frames of a film in this size, many times over, as most films are: H.264 with chroma of half the size"
    again,spec = chain.from_iterable(read_frames(film) for _ in cycle([0])),Spec('h264', w, h, (1, 24), (24, 1))
    ims = (np.asarray(o.im.resize((w, h)).convert('RGBA')) for o in islice(again, n))
    part = encode_part(spec, zip(ims, range(n)))
    with new_film(path) as out: mux(out, spec, ([o._replace(pts=o.pts + k*n) for o in part] for k in range(many)))
    return path


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('film', type=Path)
    ap.add_argument('--frames', type=int, default=240)
    ap.add_argument('--long', type=int, default=0)
    ap.add_argument('--sizes', nargs='*', default=['854x480', '1920x1080'])
    ap.add_argument('--only-memory', action='store_true', help='no table of stages')
    a = ap.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        for size in a.sizes:
            w,h = map(int, size.split('x'))
            clip = make(a.film, w, h, a.frames, 1, Path(tmp)/f'{size}.mp4')
            if not a.only_memory:
                table = ', '.join(f'{k} {v:.1f}' for k,v in stages(clip, a.frames).items())
                print(f'{size}: {table} ms of CPU a frame', flush=True)
            again = max(1, round(a.long/a.frames))*(size == a.sizes[0])
            for many in (1, *([again] if again > 1 else ())):
                film = clip if many == 1 else make(a.film, w, h, a.frames, many, Path(tmp)/f'{size}-long.mp4')
                k,took,cpu,peak,fifths = whole(film, Path(tmp)/'out.mp4')
                print(f'{size}: {k} frames in {took:.1f} s, {k/took:.1f} a second, {1e3*cpu/k:.1f} ms of CPU a frame, '
                      f'peak {peak:.0f} MB; in each fifth {", ".join(f"{o:.0f}" for o in fifths)} MB', flush=True)


if __name__ == '__main__': main()
