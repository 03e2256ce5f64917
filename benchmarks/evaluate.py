"""Does the memory of `colorbook evaluate` grow with the number of pictures?

    python benchmarks/evaluate.py [--n 250] [--times 4] [--size 64] [--classifier] [--lpips squeeze]

A folder of N pictures and one of 4N are made (links to a few dozen files, so that no disk is filled), each is measured
in a process of its own, and the peak of its memory is printed. What grows is the table of figures (a few hundred bytes
a picture) and the list of names. The last line says how much a picture costs, and what 50,000 of them would need.
"""
import argparse, os, resource, subprocess, sys, tempfile, time
from pathlib import Path

import numpy as np
from PIL import Image


def make(home, n, size):
    "`n` photographs and as many results under `home`, as links to 32 files of each"
    rng = np.random.default_rng(0)
    for kind in ('truth', 'colored'):
        (home/kind).mkdir(parents=True)
        (home/f'{kind}-files').mkdir()
        for i in range(min(32, n)):
            small = Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8))
            small.resize((size, size), Image.Resampling.BICUBIC).save(home/f'{kind}-files/{i}.png')
        for i in range(n): os.link(home/f'{kind}-files/{i%32}.png', home/kind/f'{i:06}.png')


def measure(home, size, lpips, classifier):
    "What a process does: the evaluation, then its own peak in MB"
    from colorbook.evaluation.compare import evaluate_pictures
    start = time.perf_counter()
    evaluate_pictures(home/'colored', home/'truth', home/'out', size, None if lpips == 'none' else lpips,
        classifier=classifier, progress=False)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024, time.perf_counter() - start)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--n', type=int, default=250)
    p.add_argument('--times', type=int, default=4)
    p.add_argument('--size', type=int, default=64)
    p.add_argument('--lpips', default='none')
    p.add_argument('--classifier', action='store_true')
    p.add_argument('--child', type=Path, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.child: return measure(a.child, a.size, a.lpips, a.classifier)
    peaks = []
    for n in (a.n, a.times*a.n):
        with tempfile.TemporaryDirectory() as home:
            make(Path(home), n, a.size)
            words = ['--size', a.size, '--lpips', a.lpips, *(['--classifier'] if a.classifier else []), '--child', home]
            said = subprocess.run([sys.executable, '-W', 'ignore', __file__, *map(str, words)], check=True,
                capture_output=True, text=True).stdout
        peak,seconds = map(float, said.split()[-2:])
        peaks.append(peak)
        print(f'{n:7} pictures of {a.size}x{a.size}: peak {peak:7.1f} MB, {seconds:6.1f} s, {n/seconds:6.1f} a second')
    more = (peaks[1] - peaks[0])/(a.times*a.n - a.n)
    at = peaks[1] + more*(50_000 - a.times*a.n)
    print(f'{more*1024:.2f} kB more for each picture; 50,000 would need {at:.0f} MB')


if __name__ == '__main__': main()
