"""Every recipe trains, learns, exports and colors: one table.

    python benchmarks/recipes.py [PHOTOS] [--steps 200] [--size 64] [--n 1500] [--bs 8] [--only s4-gan-l1 ...]

PHOTOS (folder, tars, list; crops of the packages' own pictures if not given) at SIZE pixels. Each recipe keeps its
networks, losses, weights and rates; size, batch and length are reduced, and phases share the steps as they share the
epochs. S4's Wasserstein schedule, in which a generator has taken two steps after 200, is cut to its five to one.
*content* is the content loss on held-out photos before and after; before, nothing but the running statistics of norms
has learned, from 100 batches, for without them a network that has not been trained is another. *nan* is whether a loss
ever was not a number, *colors* the mean chroma that `colorize(model=...)` gives to a gray photograph with the exported
artifact.
"""
import argparse, copy, math, tempfile, time
from itertools import chain, repeat
from pathlib import Path

import numpy as np, pandas as pd, torch
from rich.console import Console
from rich.table import Table

from colorbook.training.export import export_run
from colorbook.imaging.colorizer import colorize
from colorbook.core import ColorbookError
from colorbook.training.journal import held_out
from colorbook.data.photos import Photos, sample_photos
from colorbook.training.recipes import recipes, replace, vary
from colorbook.data.loaders import load_data
from colorbook.training.trainer import make_learner, train


def crops(n, size):
    "Parts of six photographs"
    rng,ims = np.random.default_rng(0),sample_photos()
    for i in range(n):
        im = ims[i % len(ims)]
        x,y = rng.integers(im.width - 2*size),rng.integers(im.height - 2*size)
        yield im.crop((x, y, x + 2*size, y + 2*size)).resize((size*3//2, size*3//2))


def shorter(recipe, ims, steps, size, bs):
    "The recipe at another size, with so many steps in all; of the Wasserstein schedule only five to one"
    recipe = vary(recipe, dict(size=size, bs=bs, valid=.04))
    epochs,n = sum(p.epochs*p.share for p in recipe.phases),len(load_data(recipe, ims).train)
    def cut(p): return replace(p, mode=dict(wasserstein='5-1').get(p.mode, p.mode), epochs=1,
        share=min(1., steps*p.epochs*p.share/epochs/n))
    return replace(recipe, phases=tuple(cut(p) for p in recipe.phases))


def untrained(learn):
    "Content loss on held-out photos of a network that knows nothing but the scale of its own activations"
    first,gen = copy.deepcopy(learn.model.generator),learn.model.generator.train()
    with torch.no_grad():
        for _,b in zip(range(100), chain.from_iterable(repeat(learn.dls.train))): gen(b[0])
    loss = held_out(learn)['valid']
    learn.model.generator = first
    return loss


def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument('photos', nargs='?')
    for k,v in dict(steps=200, size=64, n=1500, bs=8).items(): arg.add_argument(f'--{k}', type=int, default=v)
    arg.add_argument('--only', nargs='+', default=list(recipes))
    a = arg.parse_args()
    source = list(crops(a.n, a.size)) if not a.photos else a.photos
    photos = Photos(source, short=a.size*3//2, n=a.n)
    names = 'recipe', 'parameters', 'steps', 'content before', 'after', 'nan', 'colors', 'seconds'
    table = Table(*names, title=f'{len(photos)} photos, {a.size} px, batch {a.bs}')
    gray = np.asarray(sample_photos()[1].convert('L'))
    for name in a.only:
        start,recipe = time.perf_counter(),shorter(recipes[name], photos.ims, a.steps, a.size, a.bs)
        learn = make_learner(recipe, load_data(recipe, photos.ims))
        before,n = untrained(learn),sum(p.numel() for p in learn.model.generator.parameters())
        steps = sum(math.ceil(round(len(learn.dls.train)*p.share, 3)) for p in recipe.phases)
        with tempfile.TemporaryDirectory() as home:
            try:
                run = train(recipe, photos.ims, Path(home)/'run', weights='none', progress=False)
                after = pd.read_csv(run/'history.csv').valid.iloc[-1]
                out = colorize(gray, export_run(run, photos=photos.ims)).astype(int)
                row = f'{before:.3f}', f'{after:.3f}', 'no', f'{np.ptp(out, axis=2).mean():.1f}'
            except ColorbookError as e: row = f'{before:.3f}', '', str(e), ''
        table.add_row(name, f'{n:,}', str(steps), *row, f'{time.perf_counter() - start:.0f}')
        print(name, *row, flush=True)
    Console(width=120).print(table)


if __name__ == '__main__': main()
