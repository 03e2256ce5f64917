"""Several answers for one photograph: how different they are, and how near the best of them comes to the truth.

    python benchmarks/diversity.py PHOTOS [--n 100] [--samples 8] [--size 256] [--scales 0.5 1 1.5] [--model FILE]

PHOTOS (folder, tar, list) are measured at SIZE x SIZE. A scale multiplies the random numbers, that is, the strength of
the leaning; 1 is what `colorbook colorize --samples` does. *gain* is the PSNR of the best of the samples minus that of
the single answer; *LPIPS* the mean distance of all pairs of samples of a photograph. Intervals are 95 %, by bootstrap.
"""
import argparse
from itertools import combinations

import numpy as np, torch
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from colorbook.imaging.colorizer import colorize, sample_noise
from colorbook.data.photos import list_photos, read_photo
from colorbook.evaluation.metrics import bootstrap_ci, colorfulness, lpips, psnr


def tensor(*ims): return torch.stack([torch.from_numpy(np.array(o)) for o in ims]).permute(0, 3, 1, 2).float()/255


def measure(truth, model, samples, scale):
    "Figures of one photograph"
    gray = truth.convert('L')
    answers = [colorize(gray, model, z=scale*z).convert('RGB') for z in sample_noise(samples, 0, model)]
    one,many,real = tensor(colorize(gray, model).convert('RGB')),tensor(*answers),tensor(truth)
    single,each = psnr(one, real).item(),psnr(many, real.expand_as(many))
    i,j = map(list, zip(*combinations(range(samples), 2)))
    return dict(single=single, mean=each.mean().item(), best=each.max().item(), gain=each.max().item() - single,
        lpips=lpips(many[i], many[j]).mean().item(), ratio=(colorfulness(many).mean()/colorfulness(real)).item())


def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument('photos')
    for k,v in dict(n=100, samples=8, size=256).items(): arg.add_argument(f'--{k}', type=int, default=v)
    arg.add_argument('--scales', type=float, nargs='+', default=[1.])
    arg.add_argument('--model', help='an .onnx file; else the default')
    a = arg.parse_args()
    items = list_photos(a.photos)
    items = items[::max(1, len(items)//a.n)][:a.n]
    photos = [read_photo(o, n).resize((a.size, a.size), Image.Resampling.BICUBIC) for n,o in items]
    names = 'single', 'mean', 'best', 'gain', 'lpips', 'ratio'
    table = Table('scale', *names, title=f'{len(photos)} photos, {a.samples} samples, {a.size} px')
    for scale in a.scales:
        rows = [measure(o, a.model, a.samples, scale) for o in track(photos, f'scale {scale}', transient=True)]
        figures = [(np.mean(v), *bootstrap_ci(v)) for v in ([r[k] for r in rows] for k in names)]
        table.add_row(f'{scale:g}', *(f'{m:.3f} [{lo:.3f}, {hi:.3f}]' for m,lo,hi in figures))
    Console(width=140).print(table)


if __name__ == '__main__': main()
