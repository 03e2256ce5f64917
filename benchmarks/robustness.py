"""Does a model depend on who made the picture gray? One row a model, one column a gray.

    python benchmarks/robustness.py PHOTOS [--model FILE ...] [--n 200] [--size 256] [--json FILE] [--asset]
    python benchmarks/robustness.py PHOTOS --train TRAINING_PHOTOS --runs FOLDER [--photos 3000] [--epochs 3]

Every photograph (folder, tar, list) is made gray by eight functions: exact lightness L*, Rec. 601, Rec. 709, the
mean, film that is blind to red, and red, green or blue alone. The colors that a model then finds are joined to the
photograph's own lightness, so that a column differs from the next by color alone, and compared with the truth. In the
last rows the picture stays at L* and is damaged: gamma 0.7 and 1.4, fading (lightness squeezed into 20 to 85 of 100),
grain of 4 L*, dots of a print 4 pixels apart, sepia, and a border of 60 pixels in black, white or gray, of which
`moved` says how far colors inside were moved by it, in units of a and b.
--train asks the question of S4: one small network is trained under each gray function, with nothing else changed, and
once under all of them together, and each is measured on each. --asset keeps what was found in asset/robustness.json.
"""
import argparse, json
from pathlib import Path

import numpy as np, pandas as pd, torch
from PIL import Image
from rich.progress import track

from colorbook.color.lab import gray_to_L, grays, join_lab, lstar, rgb_to_lab
from colorbook.core import atomic_path
from colorbook.data.loaders import halftone
from colorbook.data.photos import list_photos, read_photo
from colorbook.data.varied import CAMERAS
from colorbook.evaluation.metrics import bootstrap_ci, ciede2000, colorfulness, psnr
from colorbook.imaging.colorizer import colorize, load_model
from colorbook.training.export import export_run
from colorbook.training.recipes import Phase, recipes, replace
from colorbook.training.trainer import train

ROOT,BORDER = Path(__file__).resolve().parent.parent,60
EIGHT = {'lstar': None} | {k: w for k,(w,_) in CAMERAS.items()}
BORDERS = dict(black=0, white=255, gray=128)


def by(rgb, weights):
    "A gray picture, HxW bytes"
    if weights is None: return np.rint(lstar(rgb)[0,0].numpy()*255).astype(np.uint8)
    return np.rint((rgb*torch.tensor(weights).view(1, 3, 1, 1)).sum(1)[0].clamp(0, 1).numpy()*255).astype(np.uint8)


def damages(gray, rng):
    "Name to a damaged picture"
    x = gray/255.
    fade = lambda o: np.uint8(np.rint(o.clip(0, 1)*255))
    sepia = np.stack([x**.8, x, x**1.35], 2)
    dots = halftone(torch.from_numpy(x)[None,None], 4., .4)[0,0].numpy()
    return {'gamma 0.7': fade(x**.7), 'gamma 1.4': fade(x**1.4), 'faded': fade(.2 + .65*x), 'halftone': fade(dots),
        'grain': fade(x + rng.normal(0, .04, x.shape)), 'sepia': fade(sepia)}


def colors(model, gray):
    "a and b in units of 110 of what a model makes of an array, 1x2xHxW"
    out = np.array(colorize(Image.fromarray(gray), model).convert('RGB'))
    return rgb_to_lab(torch.from_numpy(out).permute(2, 0, 1)[None]/255)[:,1:]/110


def one_photo(rgb, model, seed):
    "Rows of figures of one photograph: `gray`, PSNR, CIEDE2000, colorfulness, what a border moved"
    L,rows = gray_to_L(lstar(rgb)),[]
    def note(name, ab, moved=np.nan):
        fake = join_lab(L, ab, gamut=False).clamp(0, 1)
        rows.append(dict(gray=name, psnr=psnr(fake, rgb).item(), ciede2000=ciede2000(fake, rgb).mean().item(),
            colorfulness=colorfulness(fake).item(), truth=colorfulness(rgb).item(), moved=moved))
    for name,w in EIGHT.items(): note(name, colors(model, by(rgb, w)))
    plain = by(rgb, None)
    for name,o in damages(plain, np.random.default_rng(seed)).items(): note(name, colors(model, o))
    alone = colors(model, plain)
    for name,v in BORDERS.items():
        wide = np.pad(plain, BORDER, constant_values=v)
        inside = colors(model, wide)[...,BORDER:-BORDER,BORDER:-BORDER]
        note(f'border {name}', inside, (inside - alone).mean((2, 3)).norm().item()*110)
    return rows


def measure(model, photos):
    "A table: rows are what was done to the picture, columns figures with their intervals"
    rows = [r | dict(photo=i) for i,o in enumerate(track(photos, 'measuring', transient=True))
            for r in one_photo(torch.from_numpy(np.array(o)).permute(2, 0, 1)[None]/255, model, i)]
    found = {}
    for name,d in pd.DataFrame(rows).groupby('gray', sort=False):
        each = {k: dict(zip(('mean', 'low', 'high'), (d[k].mean(), *bootstrap_ci(d[k].to_numpy()))))
                for k in ('psnr', 'ciede2000')}
        found[name] = each | dict(ratio=d.colorfulness.mean()/d.truth.mean(), moved=d.moved.mean())
    return found


def table_of(found):
    "Rounded, with how far each gray lies below the best"
    d = pd.DataFrame({k: dict(psnr=o['psnr']['mean'], ciede2000=o['ciede2000']['mean'], ratio=o['ratio'],
        moved=o['moved']) for k,o in found.items()}).T
    d.insert(1, 'below best', d.psnr[list(EIGHT)].max() - d.psnr)
    return d.round(3)


def trained(photos, runs, n, epochs):
    "Artifacts of the same small network, trained under each gray and under all of them"
    phase = Phase('content', epochs, (3e-4, 2e-3, 0.))
    base = replace(recipes['default'], phases=(phase,), size=64, bs=32, aged=0., ema=0., processes=1, valid=.05)
    for name in (*(o for o in grays if o != 'infrared'), 'all'):
        recipe = replace(base, name=name, data='varied' if name == 'all' else 'photos',
            gray='lstar' if name == 'all' else name)
        run = train(recipe, photos, out=runs/name, n=n)
        yield name,export_run(run, runs/f'{name}.onnx', photos, name=name)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('measured')
    p.add_argument('--model', nargs='*', default=['default'])
    p.add_argument('--n', type=int, default=200)
    p.add_argument('--size', type=int, default=256)
    p.add_argument('--train')
    p.add_argument('--runs', type=Path)
    p.add_argument('--photos', type=int, default=3000)
    p.add_argument('--epochs', type=int, default=3)
    p.add_argument('--json', type=Path)
    p.add_argument('--asset', action='store_true')
    a = p.parse_args()
    if a.train and not a.runs: p.error('--train needs --runs, a folder for the runs')
    items = list_photos(a.measured)
    items = items[::max(1, len(items)//a.n)][:a.n]
    photos = [read_photo(o, n).resize((a.size, a.size), Image.Resampling.BICUBIC) for n,o in items]
    models = trained(a.train, a.runs, a.photos, a.epochs) if a.train else ((o, o) for o in a.model)
    found = {}
    for name,model in models:
        model = load_model(model)
        found[Path(name).stem] = measure(model, photos)
        table = table_of([*found.values()][-1]).to_string()
        print(f'\n{name}, {len(photos)} photographs at {a.size} pixels\n{table}', flush=True)
    if len(found) > 1:
        psnrs = {k: {g: o[g]['psnr']['mean'] for g in EIGHT} for k,o in found.items()}
        print(f'\nPSNR, trained under the row, measured under the column\n{pd.DataFrame(psnrs).T.round(2).to_string()}')
    command = f"python benchmarks/robustness.py PHOTOS{' --train PHOTOS' if a.train else ''}"
    kept = ROOT/'asset/robustness.json'
    for path in ([a.json] if a.json else []) + ([kept] if a.asset else []):
        before = json.loads(path.read_text()) if path.exists() else {}
        before['trained' if a.train else 'shipped'] = dict(command=command, n=len(photos), size=a.size, models=found)
        with atomic_path(path) as f: f.write_text(json.dumps(before, indent=1) + '\n')


if __name__ == '__main__': main()
