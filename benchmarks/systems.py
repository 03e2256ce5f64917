"""The five systems' own results, ours: S0, S1 and S2 trained by the library's recipes on what they were made for.

    python benchmarks/systems.py flowers PHOTOS OUT   S0 on Oxford's 17 flowers (a folder with jpg/), at 224 pixels
    python benchmarks/systems.py films FILM OUT       S0, S1 and S2 on the first two thirds of each shot of a film

Each trains, then measures what was held out, and leaves runs, figures and pictures in OUT; a run that was stopped goes
on. One thread: the flowers take ten minutes of a processor core, each run of the film up to five. `PLANS` says where a
recipe differs from what its system publishes. `python asset/own.py OUT` keeps what the book shows.

Of the flowers 1,020 are learned from and 340 measured, by a split with the keys of the official file that is not the
official one. Of the film the first two thirds of each shot are learned from, and the rest is measured. Intervals are
95 %: for flowers over photographs, for the film over blocks of six frames.
"""
import argparse, json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np, pandas as pd, torch
from fastcore.basics import chunked
from PIL import Image

from colorbook.color.lab import gray_to_L, grays, lstar, rgb_to_lab, to_rgb
from colorbook.core import atomic_path
from colorbook.data.clips import Film, open_film
from colorbook.data.named_sets import flowers17, unofficial_flower_splits
from colorbook.evaluation.diversity import draw_z
from colorbook.evaluation.flicker import flicker_report
from colorbook.evaluation.metrics import colorfulness, lpips, lpips_state, psnr
from colorbook.evaluation.protocol import extremes, find_photos, measure_photos, summarize_metrics
from colorbook.training.recipes import Phase, recipes
from colorbook.training.runs import Run
from colorbook.training.selection import candidates, pick
from colorbook.training.trainer import train
from colorbook.video.shots import is_black
from steady import plain, values, with_intervals

# S0 on flowers: ten epochs instead of twenty, the first seven without a critic, larger batches and rates to match,
# bfloat16, and parts of pictures, every second one mirrored. On films, all: pieces cut from the frames and not
# squeezed, rates that fall to zero, bfloat16; S0 is without a critic until its last four epochs, S1 has the widths of
# its code, and S2's critic, whose verdict S2 does not hear, is left out: with it a step takes three times as long.
# `s0-film-8` is S0 with the critic from its first step, for as many epochs as S1
FILMS = dict(bf16=True, squeeze=False, mirror=True, valid=1/3, bs=8)
PLANS = {o.name: o for o in (
    replace(recipes['s0'], name='s0-flowers', bs=16, bf16=True, mirror=True, low=.8, valid=.03, phases=(
        Phase('content', 7, (1e-3, 0.), bs=8), Phase('both', 3, (2e-4, 2e-4), 'to_zero'))),
    replace(recipes['s0'], name='s0-film', data='stills', size=96, phases=(
        Phase('content', 24, (1e-3, 0.)), Phase('both', 4, (2e-4, 2e-4), 'to_zero')), **FILMS),
    replace(recipes['s0'], name='s0-film-8', data='stills', size=96, phases=(
        Phase('both', 8, (5e-4, 5e-4), 'to_zero'),), **FILMS),
    replace(recipes['s1'], name='s1-film', generator='s1_32', size=96, phases=(
        Phase('both', 8, (1e-3, 1e-3), 'to_zero'),), **FILMS),
    replace(recipes['s2'], name='s2-film', data='stills', size=40, phases=(
        Phase('content', 20, (1e-3, 0.)),), **FILMS | dict(bs=4)))}
SIDE = {'s1-film': 108, 's0-film': 108, 's0-film-8': 108, 's2-film': 72} # short sides of the frames


def flowers(photos, out, training=True):
    "Train S0 on 1,020 flowers, and measure it on the others"
    mat,run = Path(photos)/'datasplits.mat',out/'s0-flowers'
    if not mat.exists(): mat = unofficial_flower_splits(out/'datasplits-unofficial.mat')
    sets = flowers17(photos, mat=mat)
    if training: train(PLANS['s0-flowers'], [str(o) for o in sets['train']], run, progress=False)
    tried,items = candidates(run),find_photos([str(o) for o in sets['test']])
    best,found = pick(tried, PLANS['s0-flowers'].floor),{}
    for tag in sorted([o['tag'] for o in tried], key=lambda o: o != best['tag']):
        gen = Run(run).generator(tag)
        answer = lambda name, gray: painted(gen, gray)
        table = pd.concat([measure_photos(answer, o, ('psnr', 'ciede2000', 'lpips'), 'squeeze', 224)
            for o in chunked(items, 8)], ignore_index=True)
        found[tag] = summarize_metrics(table)
        extremes(answer, items, table, 224, 4).save(out/f'flowers-{tag}.jpg', quality=90)
        kept = plain(dict(chosen=best, photos=len(table), summary=found))
        with atomic_path(out/'flowers.json') as f: f.write_text(json.dumps(kept, indent=1))
        print(tag, {k: found[tag][k] for k in ('psnr', 'gray_psnr', 'lpips', 'gray_lpips', 'colorfulness_ratio')})


@torch.no_grad()
def painted(gen, gray):
    "A gray picture in the colors of a generator, with its own lightness"
    rgb = torch.from_numpy(gray.copy()).permute(2, 0, 1)[None]/255
    L = gray_to_L(lstar(rgb))
    return to_bytes(to_rgb(L, ab_of(gen.color(gen(L)))))


def shots_of(path, side):
    "A film as one film for each shot that is not black"
    film = open_film(path, side)
    seen = [i for i,o in enumerate(film.frames) if not is_black(Image.fromarray(o))]
    edges = [0, *(k for k,(i,j) in enumerate(pairwise(seen), 1) if film.shots[i] != film.shots[j]), len(seen)]
    parts = [seen[a:b] for a,b in pairwise(edges) if b - a >= 24]
    return [Film([film.frames[i] for i in o], name=f'{film.name} {k}') for k,o in enumerate(parts)]


def held_out(film, every=1):
    "The last third of a shot without the three frames in between, with a neighbor on each side where there is one"
    first = len(film) - round(len(film)/3) + 3
    return [[film.frames[j] if 0 <= j < len(film) else None for j in (i - 1, i, i + 1)]
        for i in range(first, len(film), every)]


def light(frames, gray):
    "Lightness of a frame and of its neighbors; -1 where there is none"
    there = [torch.from_numpy(o.copy()).permute(2, 0, 1)[None]/255 for o in frames if o is not None]
    L = iter(gray_to_L(grays[gray](o)) for o in there)
    found = [None if o is None else next(L) for o in frames]
    shape = next(o for o in found if o is not None)
    return torch.cat([torch.full_like(shape, -1.) if o is None else o for o in found], 1)


@torch.no_grad()
def color(run, frames, z=None):
    "The middle frame of three in the colors of a run's generator, with its own lightness, whatever gray the run sees"
    gen,recipe = run
    x = light(frames, recipe.gray)
    out = gen(x) if recipe.data == 'frames' else gen(x[:,1:2]) if z is None else gen(x[:,1:2], z)
    return to_bytes(to_rgb(light(frames, 'lstar')[:,1:2], ab_of(gen.color(out))))


def ab_of(color):
    "Color alone, of RGB or of ab"
    return color if color.shape[1] == 2 else rgb_to_lab((color + 1)/2)[:,1:]/110


def without_color(L): return to_bytes(to_rgb(L, L.new_zeros(1, 2, *L.shape[2:])))


def to_bytes(rgb): return (rgb[0].clamp(0, 1)*255).round().byte().permute(1, 2, 0).numpy()


def versions_of(run, shots):
    "Frames that were held out: name to a list of their versions"
    held = [o for film in shots for o in held_out(film)]
    found = {'truth': [o[1] for o in held], 'gray': [without_color(light(o, 'lstar')[:,1:2]) for o in held]}
    if not hasattr(run[0], 'noise'): return found | dict(colored=[color(run, o) for o in held])
    z = draw_z(run[0], len(held) + 1)
    fresh = [color(run, o, z[i:i + 1]) for i,o in enumerate(held)]
    return found | {'fresh noise': fresh, 'one noise': [color(run, o, z[-1:]) for o in held]}


def measure(versions):
    "Figures of each version with intervals over blocks of six frames"
    net = lpips_state()[0]
    def batch(o): return torch.from_numpy(o.copy()).permute(2, 0, 1)[None].float()/255
    pictures = {k: [Image.fromarray(o) for o in v] for k,v in versions.items()}
    names = list(versions)
    report = flicker_report(*pictures.values(), names=names, truth=True)
    rows = {}
    for name,r in zip(names, report.rows):
        good = []
        for i,(o,true) in enumerate(zip(versions[name], versions['truth'])):
            a,b = batch(o),batch(true)
            far = lpips(a, b, net).item() if net and i%4 == 0 and name != 'truth' else np.nan
            good.append((np.nan if name == 'truth' else psnr(a, b).item(), far, colorfulness(a).item()))
        rows[name] = np.hstack([r, good])
    true = values(rows['truth'])['colorfulness']
    def stat(o): return (f := values(o)) | dict(ratio=f['colorfulness']/true)
    return {k: with_intervals([v], stat) for k,v in rows.items()}


def films(film, out, training=True, only=tuple(SIDE)):
    "Train S0, S1 and S2 on one film, and measure each on what was held out"
    found = json.loads((out/'films.json').read_text())['versions'] if (out/'films.json').exists() else {}
    for name,side in SIDE.items():
        if name not in only: continue
        shots,run = shots_of(film, side),Run(out/name)
        if training: train(PLANS[name], shots, run, progress=False)
        versions = versions_of((run.generator(), run.recipe), shots)
        for k,v in versions.items(): np.save(out/f"{name}-{k.replace(' ', '-')}.npy", np.stack(v))
        found[name] = measure(versions)
        print(name, {k: {m: round(x['mean'], 4) for m,x in v.items()} for k,v in found[name].items()}, flush=True)
        kept = plain(dict(shots=[len(held_out(o)) for o in shots], versions=found))
        with atomic_path(out/'films.json') as f: f.write_text(json.dumps(kept, indent=1))


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=['flowers', 'films'])
    parser.add_argument('source')
    parser.add_argument('out', type=Path)
    parser.add_argument('--measure', action='store_true', help='measure the runs of OUT as far as they are')
    parser.add_argument('--only', nargs='+', default=list(SIDE), choices=list(SIDE))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    if args.what == 'flowers': flowers(args.source, args.out, not args.measure)
    else: films(args.source, args.out, not args.measure, args.only)
