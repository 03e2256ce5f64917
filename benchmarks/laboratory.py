"""The loss laboratory: every variant, three seeds, one table and one sheet.

    python benchmarks/laboratory.py PHOTOS HELD [--n 4000] [--out runs/laboratory] [--keep asset/laboratory]

PHOTOS to train with and HELD to measure with are folders, tars, lists or globs. What is finished is in OUT, and this
command goes on from there. With --keep the figures go to KEEP.json and the sheet, of pictures that installed packages
carry, to KEEP.jpg; nbs/results/ablation shows both. For a graphics card there are larger sizes: --scale 2 doubles
the side of all pictures. With --only and --seeds it asks a part of the questions: nbs/results/systems shows
six of S4's at 128 pixels.
"""
import argparse, json, subprocess, time
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file
from rich.console import Console
from rich.table import Table

from colorbook.core import atomic_path
from colorbook.color.lab import to_rgb
from colorbook.color.lab import gray_to_L, grays, rgb_to_lab
from colorbook.training.ablation import (variants, compare, measure, comparisons, run_all, seeds, squares, summarize,
    table_of)
from colorbook.data.photos import Photos, sample_photos
from colorbook.models.registry import generators

COLUMNS = ['l1 alone', 'gan-l1', 'lsgan-l1', 'ebgan-l1', 'wgan-l1', 'l2 alone', 'gan-l2', 'lsgan-l2', 'ebgan-l2',
    'wgan-l2', 'classes alone', 'lsgan-classes']


@torch.no_grad()
def trained(out, r, L, seed=0):
    "The colors that a variant gives to lightness"
    net = generators[r.generator](size=r.size).eval()
    net.load_state_dict(load_file(Path(out)/f'variant {r.name} {seed}.safetensors'))
    return torch.cat([net.color(net(o)) for o in L.split(50)])


def hues(rgb, bins=24):
    "Mean chroma of a pixel in each of 24 ranges of hue, from that of +a on"
    a,b = (o.flatten() for o in rgb_to_lab(rgb)[:,1:].unbind(1))
    at = (torch.atan2(b, a)/(2*torch.pi)*bins).floor().long()%bins
    return torch.bincount(at, torch.hypot(a, b), bins).div(len(a)).round(decimals=4).tolist()


@torch.no_grad()
def draw_grid(
    out, # folder of `run_all`
    photos:list, # pictures, one a row
    recipes, # variants, one a column
    path, # where the sheet goes
    side:int=144, # of a cell
    seed:int=0,
):
    "Gray, one column a variant, truth: color from the small network, light from the picture"
    rgb = {n: squares(photos, n) for n in {side, *(r.size for r in recipes)}}
    L = {n: gray_to_L(grays['lstar'](o)) for n,o in rgb.items()}
    cells = [to_rgb(L[side], torch.zeros(len(photos), 2, 1, 1))]
    for r in recipes:
        cells.append(to_rgb(L[side], trained(out, r, L[r.size], seed)))
    a = torch.stack([*cells, rgb[side]], 1).clamp(0, 1).permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)
    with atomic_path(path) as f: Image.fromarray((a*255).byte().numpy()).save(f, quality=90)


def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument('photos')
    arg.add_argument('held')
    for k,v in dict(n=4000, workers=2, scale=1).items(): arg.add_argument(f'--{k}', type=int, default=v)
    arg.add_argument('--out', type=Path, default=Path('runs/laboratory'))
    arg.add_argument('--keep')
    arg.add_argument('--only', nargs='+', default=list(variants), choices=list(variants), metavar='VARIANT')
    arg.add_argument('--seeds', type=int, default=len(seeds), choices=range(1, len(seeds) + 1))
    a = arg.parse_args()
    some,part = seeds[:a.seeds],[]
    if len(a.only) < len(variants): part += ['--only', *map(repr, a.only)]
    if len(some) < len(seeds): part += ['--seeds', a.seeds]
    recipes,start = [replace(variants[k], size=variants[k].size*a.scale) for k in a.only],time.perf_counter()
    photos,held = Photos(a.photos, short=96*a.scale, n=a.n),Photos(a.held, short=96*a.scale)
    run_all(photos, held, a.out, recipes, some, workers=a.workers)
    rows = summarize(a.out, recipes, some)
    gray = measure(None, squares(held, 64*a.scale)).mean()
    seconds = time.perf_counter() - start
    names = 'variant', 'PSNR', 'colorfulness ratio', 'LPIPS', 'PSNR of seeds', 'CPU seconds'
    table = Table(*names, title=f'{len(photos)} photos, gray {gray.psnr:.2f} dB and {gray.lpips:.3f}, {seconds:.0f} s')
    for k,cells in table_of(rows).iterrows():
        table.add_row(k, cells.psnr, cells.ratio, cells.lpips, ' '.join(f'{o:.2f}' for o in rows[k]['seeds']['psnr']),
            f"{rows[k]['seconds']:.0f}")
    Console(width=130).print(table)
    if not a.keep: return
    rgb = squares(held, 64*a.scale)
    L = gray_to_L(grays['lstar'](rgb))
    turns = {r.name: hues(to_rgb(L, trained(a.out, r, L)).clamp(0, 1)) for r in recipes if r.size == L.shape[-1]}
    commit = subprocess.run(['git', 'rev-parse', 'HEAD'], capture_output=True, text=True).stdout.strip()
    command = ' '.join(map(str, ['python benchmarks/laboratory.py PHOTOS HELD', '--n', a.n, '--scale', a.scale, *part]))
    kept = dict(command=command, commit=commit, photos=len(photos), held=min(200, len(held)), seeds=len(some),
        cpu_seconds=round(sum(o['seconds'] for o in rows.values())*len(some)), gray=gray.to_dict(),
        hues=dict(truth=hues(rgb)) | turns, arms=rows,
        compare=compare(a.out, [o for o in comparisons if {r.name for r in o} <= {*a.only}], some))
    with atomic_path(f'{a.keep}.json') as f: f.write_text(json.dumps(kept, indent=1) + '\n')
    named = {r.name: r for r in recipes}
    draw_grid(a.out, sample_photos(), [named[k] for k in COLUMNS if k in named], f'{a.keep}.jpg')


if __name__ == '__main__': main()
