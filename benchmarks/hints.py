"""What is a hint worth, and what does it cost? True colors are revealed at some places of photographs made gray.

    python benchmarks/hints.py PHOTOS [--n 200] [--json asset/hints.json]
    python benchmarks/hints.py PHOTOS --n 40 --choose     the same for other settings, on photographs of training

After Zhang et al. (2017), with counts and patches of our own: 0, 1, 5, 10 and 50 places of each photograph are drawn
at random, and the mean color of 5x5 pixels around each is given as a hint. PSNR is in sRGB, over the middle square at
256x256, the mean of all photographs; `worse` is the share of them that lose more than .05 dB by one hint, with the
largest loss. Times are those of the processor for a photograph of three megapixels, from array to array, the shortest
of nine.
"""
import argparse, hashlib, json, time, warnings
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from skimage import color, data

from colorbook.color.srgb import lstar_gray
from colorbook.data.photos import list_photos, read_photo
from colorbook.imaging import Colorizer, colorize, hints as module, load_model

PLACES = 0, 1, 5, 10, 50
SETTINGS = [dict(), *(dict(edge=o) for o in (10., 20., 45.)), *(dict(tint=o) for o in (0., 5., 20., 40.)),
            *(dict(near=o) for o in (0., 3.)), *(dict(reach=o) for o in (.1, .3, 1., 2.))]


class Known(Colorizer):
    "A model that remembers what it answered"
    def __init__(self): self.of,self.card,self.seen = load_model(),load_model().card,{}
    def maps(self, pic, size=None, z=None):
        key = hashlib.sha256(pic.pixels.tobytes()).digest()
        if key not in self.seen: self.seen[key] = self.of.maps(pic, size, z)
        return self.seen[key].copy()


def revealed(rgb, n, seed):
    "True colors at `n` random places, at the lightness of the place"
    lab,found = color.rgb2lab(rgb),[]
    for x,y in np.random.default_rng(seed).integers(2, 254, (max(PLACES), 2))[:n].tolist():
        c = color.lab2rgb([[[lab[y, x, 0], *lab[y-2:y+3, x-2:x+3, 1:].mean((0, 1))]]])[0, 0]
        found.append((x, y, np.rint(c.clip(0, 1)*255).astype(int).tolist()))
    return found


def measure(photos, model, reach=.6, **settings):
    "PSNR of every photograph for every number of places"
    spread,rows = module.spread_hints,[]
    module.spread_hints = partial(spread, **settings)
    try:
        for seed,rgb in enumerate(photos):
            ims = [colorize(lstar_gray(rgb), model, hints=revealed(rgb, n, seed), reach=reach, borders=False)
                   for n in PLACES]
            rows.append([-10*np.log10(((o/255. - rgb/255.)**2).mean()) for o in ims])
    finally: module.spread_hints = spread
    return np.array(rows)


def summary(rows):
    "Means, the gain with its interval of 95 %, and what one hint spoils"
    gain = rows - rows[:, :1]
    at = np.random.default_rng(0).integers(len(rows), size=(2000, len(rows)))
    low,high = np.percentile(gain[at].mean(1), [2.5, 97.5], axis=0)
    return dict(n=len(rows), places=PLACES, psnr=rows.mean(0).tolist(), low=low.tolist(), high=high.tolist(),
                worse=(gain < -.05).mean(0).tolist(), least=gain.min(0).tolist())


def times(rounds=9):
    "Processor seconds without hints, and the ratio for one and twenty; the shortest of nine, taken by turns"
    # places are kept: other colors would take another time to fit into the gamut
    x = np.asarray(Image.fromarray(data.camera()).resize((2048, 1536)))
    rng,took = np.random.default_rng(0),[]
    many = [(int(i), int(j), None) for i,j in zip(rng.integers(0, 2048, 20), rng.integers(0, 1536, 20))]
    for _ in range(rounds + 1):
        at = [time.process_time()]
        for o in ([], many[:1], many):
            colorize(x, hints=o)
            at.append(time.process_time())
        took.append(np.diff(at))
    none,one,twenty = np.array(took[1:]).min(0).tolist()
    return dict(seconds=none, one=one/none, twenty=twenty/none)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('photos')
    ap.add_argument('--n', type=int, default=200)
    ap.add_argument('--choose', action='store_true')
    ap.add_argument('--json', type=Path)
    a = ap.parse_args()
    warnings.simplefilter('ignore')
    named = sorted(list_photos(a.photos), key=lambda o: hashlib.sha256(o[0].encode()).digest())[:a.n]
    photos = [np.asarray(ImageOps.fit(read_photo(src, name), (256, 256), Image.BICUBIC)) for name,src in named]
    model,found = Known(),[]
    print('settings'.ljust(16) + ''.join(f'{n:8}' for n in PLACES) + '   worse with one')
    for o in SETTINGS if a.choose else SETTINGS[:1]:
        s = summary(measure(photos, model, **o))
        found.append(dict(settings=o, **s))
        label = ' '.join(f'{k} {v:g}' for k,v in o.items()) or 'as shipped'
        print(label.ljust(16) + ''.join(f'{v:8.2f}' for v in s['psnr'])
              + f'   {s["worse"][1]:.0%}, {s["least"][1]:.2f} dB', flush=True)
    t = times()
    print(f'one hint: {t["one"]:.2f} of the time of colorize without, twenty: {t["twenty"]:.2f} ({t["seconds"]:.3f} s)')
    command = f'python benchmarks/hints.py {Path(a.photos).name} --n {a.n}' + ' --choose'*a.choose
    if not a.json: return
    kept = json.loads(a.json.read_text()) if a.json.exists() else {}
    kept['choose' if a.choose else 'measured'] = dict(command=command, rows=found, time=t)
    a.json.write_text(json.dumps(kept, indent=1) + '\n')


if __name__ == '__main__': main()
