"""The loss laboratory: every arm, three seeds, one table and one sheet.

    python benchmarks/laboratory.py PHOTOS HELD [--n 4000] [--out runs/laboratory] [--workers 2] [--keep asset/laboratory]

PHOTOS to train with and HELD to measure with are folders, tars, lists or globs. What is finished is in OUT, and the same
command goes on from there. With --keep the figures go to KEEP.json and the sheet, of pictures that installed packages
carry, to KEEP.jpg; chapter 20 shows both. For a graphics card there are larger sizes: --scale 2 doubles the side of all
pictures.
"""
import argparse, json, subprocess, time
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from colorbook.core import write_beside
from colorbook.laboratory import arms, draw_grid, measure, run_all, seeds, squares, summarize, table_of
from colorbook.photos import Photos, sample_photos

COLUMNS = ['l1 alone', 'gan-l1', 'lsgan-l1', 'ebgan-l1', 'wgan-l1', 'l2 alone', 'gan-l2', 'lsgan-l2', 'ebgan-l2',
    'wgan-l2', 'classes alone', 'lsgan-classes']


def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument('photos')
    arg.add_argument('held')
    for k,v in dict(n=4000, workers=2, scale=1).items(): arg.add_argument(f'--{k}', type=int, default=v)
    arg.add_argument('--out', type=Path, default=Path('runs/laboratory'))
    arg.add_argument('--keep')
    arg.add_argument('--only', nargs='+', default=list(arms), choices=list(arms), metavar='ARM')
    a = arg.parse_args()
    recipes,start = [replace(arms[k], size=arms[k].size*a.scale) for k in a.only],time.perf_counter()
    photos,held = Photos(a.photos, short=96*a.scale, n=a.n),Photos(a.held, short=96*a.scale)
    run_all(photos, held, a.out, recipes, workers=a.workers)
    rows = summarize(a.out, recipes)
    gray = measure(None, squares(held, 64*a.scale)).mean()
    seconds = time.perf_counter() - start
    names = 'arm', 'PSNR', 'colorfulness ratio', 'LPIPS', 'PSNR of seeds', 'CPU seconds'
    table = Table(*names, title=f'{len(photos)} photos, gray {gray.psnr:.2f} dB and {gray.lpips:.3f}, {seconds:.0f} s')
    for k,cells in table_of(rows).iterrows():
        table.add_row(k, cells.psnr, cells.ratio, cells.lpips, ' '.join(f'{o:.2f}' for o in rows[k]['seeds']['psnr']),
            f"{rows[k]['seconds']:.0f}")
    Console(width=130).print(table)
    if not a.keep: return
    commit = subprocess.run(['git', 'rev-parse', 'HEAD'], capture_output=True, text=True).stdout.strip()
    command = f'python benchmarks/laboratory.py PHOTOS HELD --n {a.n} --scale {a.scale}'
    kept = dict(command=command, commit=commit, photos=len(photos), held=min(200, len(held)), seeds=len(seeds),
        seconds=round(seconds), threads=torch.get_num_threads(), gray=gray.to_dict(), arms=rows)
    with write_beside(f'{a.keep}.json') as f: f.write_text(json.dumps(kept, indent=1) + '\n')
    draw_grid(a.out, sample_photos(), [arms[k] for k in COLUMNS if k in a.only], f'{a.keep}.jpg')


if __name__ == '__main__': main()
