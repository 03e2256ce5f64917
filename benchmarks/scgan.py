"""S3's ablations on `s3-small`: every variant, three seeds, a search for the weights, and how a run learns.

    python benchmarks/scgan.py PHOTOS HELD [--n 1600] [--size 64] [--out runs/scgan] [--keep asset/scgan]
    python benchmarks/scgan.py PHOTOS HELD --search 15
    python benchmarks/scgan.py PHOTOS HELD --evolution runs/evolution [--n 700]

PHOTOS to train with and HELD to measure with are folders, tars, lists or globs. What is finished is in OUT, and this
command goes on from there. With --keep the figures go to KEEP.csv (a row a run), KEEP-pairs.csv (variants against
variants) and KEEP-search.csv, and six photographs of installed packages, colored, to KEEP-terms.jpg; nbs/results/scgan
reads them. The search judges by the next 120 of PHOTOS, from which no trial learns, and by nothing of HELD. --evolution
draws HELD at every epoch of a run, and with --keep those six photographs into KEEP-evolution.jpg; a run that is not
there is trained for it, six epochs and four. Another --size needs an --out of its own.
"""
import argparse
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file

from colorbook.core import atomic_path
from colorbook.data.photos import Photos, sample_photos
from colorbook.imaging.sheet import contact_sheet
from colorbook.training.ablation import measure, run_all, seeds, squares, train_variant
from colorbook.training.gan import GANCallback
from colorbook.training.s3_ablation import (answer_of, bytes_of, evolution_sheet, s3_jobs, s3_pairs, s3_variant,
    s3_variants, S3Measures, search_weights, table_of_pairs, table_of_runs)
from colorbook.training.registry import make_generator
from colorbook.training.trainer import train

HOW = dict(adversary=GANCallback, average=True)


def trial(photos, held, out, base, weights):
    "Figures of half a second term with these weights, from the first term that all trials share"
    half = tuple(replace(p, share=p.share/2) if p.mode == 'both' else p for p in base.phases)
    recipe = replace(base, phases=half, **weights)
    net = train_variant(recipe, photos, out, 0, start=base, **HOW)
    found = measure(net, held, ('psnr', 'lpips')).mean()
    return dict(lpips=found.lpips, psnr=found.psnr, ratio=found.colorfulness/found.truth_colorfulness)


def reference(held, size):
    "Gray pictures, and the truth with color at a quarter of its size"
    from colorbook.data.loaders import ab4_target
    rgb,look = squares(held, size),S3Measures()
    class Quarter(torch.nn.Module):
        def forward(self, L):
            out,self.at = self.ab[self.at:self.at + len(L)],(self.at + len(L))%len(self.ab)
            return out
        def color(self, out): return out
    quarter = Quarter()
    quarter.ab,quarter.at = ab4_target(rgb),0
    rows = {k: look(o, rgb).mean() for k,o in dict(gray=None, quarter=quarter).items()}
    return [dict(variant=k, seed=0, ratio=o.colorfulness/o.truth_colorfulness) | o.to_dict() for k,o in rows.items()]


def draw_terms(out, side=96, names=('first term', 'no critic', 'full')):
    "The photographs of installed packages as variants of one seed color them"
    rgb,nets = squares(sample_photos(192), side, 6),[None]
    files = {k: o for k in names if (o := out/f'variant {k} 0.safetensors').exists()}
    for k,o in files.items():
        nets.append(make_generator(s3_variants[k]).eval())
        nets[-1].load_state_dict(load_file(o))
    columns = [*(answer_of(o, rgb)[0] for o in nets), rgb]
    cells = [o for row in zip(*map(bytes_of, columns)) for o in row]
    return contact_sheet(cells, len(columns), ['gray', *files, 'truth']*len(rgb))


def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument('photos')
    arg.add_argument('held')
    arg.add_argument('--n', type=int, default=1600)
    arg.add_argument('--size', type=int, default=64, help='pixels of the crops')
    arg.add_argument('--workers', type=int, default=2)
    arg.add_argument('--out', type=Path, default=Path('runs/scgan'))
    arg.add_argument('--keep')
    arg.add_argument('--search', type=int, help='finish so many trials, and train no variant')
    arg.add_argument('--evolution', help='draw the sheet of this run, and train nothing')
    arg.add_argument('--only', nargs='+', default=list(s3_variants), choices=list(s3_variants), metavar='VARIANT')
    arg.add_argument('--table', action='store_true', help='write the tables of what is there, and train nothing')
    a = arg.parse_args()
    if not a.workers: torch.set_num_threads(1)
    variants = {k: replace(r, size=a.size) for k,r in s3_variants.items()}
    chosen,short = [variants[k] for k in a.only],a.size*3//2
    held = Photos(a.held, short=short)
    if a.evolution:
        if not Path(a.evolution, 'recipe.yaml').exists():
            train(s3_variant('evolution', 6, 4, ema=.98), a.photos, a.evolution, n=a.n, progress=False)
        shown,path = (sample_photos(192), f'{a.keep}-evolution.jpg') if a.keep else (held, a.out/'evolution.jpg')
        with atomic_path(path) as f: evolution_sheet(a.evolution, shown, 6, side=96).save(f, quality=88)
        return
    if a.search:
        photos = Photos(a.photos, short=short, n=a.n + 120)
        judged = squares([photos[i] for i in range(a.n, len(photos))], a.size, 120)
        photos,base = Photos(a.photos, short=short, n=a.n),variants['full']
        train_variant(variants['first term'], photos, a.out, 0, **HOW)
        found = search_weights(lambda w: trial(photos, judged, a.out, base, w), a.out/'search.db', a.search)
        print(found.sort_values('lpips').round(4))
    elif not a.table:
        photos = Photos(a.photos, short=short, n=a.n)
        run_all(photos, held, a.out, chosen, workers=a.workers, look=S3Measures(), names=S3Measures.names,
            jobs=s3_jobs(chosen), **HOW)
    if not a.keep: return
    size = f' --size {a.size} --out {a.out}' if a.size != 64 else ''
    only = ' --only ' + ' '.join(f"'{k}'" for k in a.only) if len(a.only) < len(variants) else ''
    about = f'# python benchmarks/scgan.py PHOTOS HELD --n {a.n}{size}{only} --keep {a.keep}\n'
    def keep(name, table):
        with atomic_path(f'{a.keep}{name}.csv') as f:
            f.write_text(about + table.to_csv(index=False, float_format='%.5g'))
    if a.search: return keep('-search', found)
    runs = table_of_runs(a.out, chosen)
    rows = reference(held, chosen[0].size)
    keep('', pd.concat([runs, pd.DataFrame(rows)]))
    keep('-pairs', table_of_pairs(a.out, [(variants[x], variants[y]) for x,y in s3_pairs]))
    with atomic_path(f'{a.keep}-terms.jpg') as f: draw_terms(a.out, a.size*3//2).save(f, quality=88)


if __name__ == '__main__': main()
