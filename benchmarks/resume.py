"""Is a film that was killed again and again the same as one that was left alone?

    python benchmarks/resume.py FILM [--seconds 8] [--kills 10] [--seed 7] [--size SIZE]

The first seconds of FILM are colored once without disturbance. Then the same command is called and killed (SIGKILL)
at random moments of its run, every fourth time at a random moment of the join. After that it may run to its end, is
compared, and all begins anew, until it was killed often enough. Compared are the decoded frames with their times and
the packets of all other streams. Exit code 1 if anything differs.
"""
import argparse, hashlib, random, signal, subprocess, sys, tempfile, time
from pathlib import Path

import av


def prints(path):
    "A hash of each frame with its time, and of each other packet with its time"
    with av.open(str(path)) as c:
        frames = [(f.pts*f.time_base, hashlib.sha256(f.to_ndarray().tobytes()).hexdigest()) for f in c.decode(video=0)]
    with av.open(str(path)) as c:
        other = [o for o in c.streams if o.type in ('audio', 'subtitle')]
        packets = c.demux(other) if other else ()
        sound = [(p.stream_index, p.pts, hashlib.sha256(bytes(p)).hexdigest()) for p in packets]
    return frames,sound


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('film', type=Path)
    ap.add_argument('--seconds', type=float, default=8)
    ap.add_argument('--kills', type=int, default=10)
    ap.add_argument('--seed', type=int, default=7)
    ap.add_argument('--size', type=int, default=96, help='of what the network sees: a small one is fast')
    a = ap.parse_args()
    rng,killed,bad = random.Random(a.seed),0,0
    with tempfile.TemporaryDirectory() as home:
        straight,dst = Path(home)/'straight.mp4',Path(home)/'killed.mp4'
        parts = dst.with_name(f'.{dst.name}.parts')
        def begin(path):
            command = [sys.executable, '-m', 'colorbook', 'video', a.film, path]
            command += ['--preview', a.seconds, '--size', a.size]
            return subprocess.Popen([*map(str, command)], stderr=subprocess.DEVNULL)
        start = time.monotonic()
        if begin(straight).wait(): sys.exit('the film cannot be colored')
        whole,true = time.monotonic() - start,prints(straight)
        def look():
            same = prints(dst) == true
            told = "the same" if same else "DIFFERENT"
            print(f"done: {len(true[0])} frames and {len(true[1])} packets, {told}", flush=True)
            dst.unlink()
            return not same
        print(f'undisturbed: {whole:.1f} s\n{"kill":>4} {"after s":>8} {"parts":>6}  while')
        while killed < a.kills:
            left = {*parts.glob('.film.*')} if parts.exists() else set()  # of the run before
            run,start,wait,join = begin(dst),time.monotonic(),rng.uniform(0, whole),killed%4 == 3
            joined = lambda: parts.exists() and any(o not in left for o in parts.glob('.film.*'))
            while join and run.poll() is None and not joined(): time.sleep(.0005)
            if join: wait = time.monotonic() - start + rng.uniform(0, .01)
            while run.poll() is None and time.monotonic() - start < wait: time.sleep(.0005)
            run.send_signal(signal.SIGKILL)
            took = time.monotonic() - start
            if run.wait():
                killed,there = killed + 1,len(list(parts.glob('0*.part')))
                what = 'joining' if joined() else 'coloring' if there or parts.exists() else 'starting'
                print(f'{killed:4} {took:8.2f} {there:6}  {what}', flush=True)
            if (join or killed == a.kills) and not dst.exists():
                if begin(dst).wait() or parts.exists(): sys.exit('the last run failed')
            if dst.exists(): bad += look()
    sys.exit(bad > 0)


if __name__ == '__main__': main()
