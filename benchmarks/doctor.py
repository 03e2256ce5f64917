"""What the doctor finds, how long it takes and how much memory, on a set with planted faults.

    python benchmarks/doctor.py DATA [--n 3000] [--seed 0] [--keep FOLDER] [--prints FOLDER] [--hash]
        [--priors FILE --imagenet FILE]

DATA is a folder, a tar file or a glob of tar files of color photographs. Into a copy of them, a tar in a temporary
folder, go near copies, gray and sepia versions of photographs drawn at random; then `examine` and `save` run in a
process of their own, whose time and largest memory are measured, imports included. A pair that was not planted may be
true all the
same: collections hold copies. So whatever was found among the photographs themselves goes into FOLDER, with a sheet to
look at, and pairs that somebody has looked at and found to be two different photographs stand in `DIFFERENT`.
`--prints` names a folder of true gray and sepia prints. `--priors` writes the measured prior, and ImageNet's beside it,
as the book's figures need them.
"""
import argparse, io, json, resource, subprocess, sys, tarfile, tempfile, time
from itertools import islice
from pathlib import Path

import numpy as np, pandas as pd
from PIL import Image

from colorbook.data.duplicates import describe, thumbnails
from colorbook.data.photos import read_photo
from colorbook.core import malloc_policy
from colorbook.color.bins import color_prior
from colorbook.data.audit import examine, summarize_set, Rules
from colorbook.data.scan import summarize_images, stream_photos

# pairs of the shared set that are different photographs, found by looking at all that were not planted: the same shirt
# in other colors, rackets and balls on white, frames of equal width, and a table that is at least in doubt
DIFFERENT = {(f'{a}.webp', f'{b}.webp') for a,b in [
    ('clothing-00118', 'clothing-00147'), ('clothing-00147', 'clothing-00234'), ('clothing-00147', 'clothing-00474'),
    ('coco-02468', 'coco-03780'), ('imagenette-02620', 'sports22-00958'), ('sports22-00041', 'sports22-01860'),
    ('sports22-00041', 'sports22-04050'), ('sports22-01860', 'sports22-04050'), ('sports22-00449', 'sports22-03281'),
    ('sports22-03134', 'sports22-03424'), ('sports22-03134', 'sports22-03877'), ('sports22-03134', 'sports22-04318')]}
SEPIA = np.array([[.393, .769, .189], [.349, .686, .168], [.272, .534, .131]])


def coded(im, suffix='jpg', quality=75):
    f = io.BytesIO()
    im.save(f, dict(jpg='JPEG', webp='WEBP')[suffix], quality=quality)
    return f.getvalue()


def shrink(im, rng, by=.8): return im.resize((round(im.width*by), round(im.height*by)), Image.Resampling.LANCZOS)
def brighten(im, rng, by=1.1): return im.point(lambda v: min(255, v*by))


def trim(im, rng, share=.04):
    "A part of `im` that lacks `share` of its width and height, anywhere in it"
    w,h = round(im.width*(1 - share)),round(im.height*(1 - share))
    x,y = rng.integers(im.width - w + 1),rng.integers(im.height - h + 1)
    return im.crop((x, y, x + w, y + h))


def gray(im, rng):
    "One of three gray functions"
    w = [(.299, .587, .114), (.2126, .7152, .0722), (1/3, 1/3, 1/3)][rng.integers(3)]
    return Image.fromarray(np.uint8((np.asarray(im) @ np.array(w)).round().clip(0, 255)))


def sepia(im, rng):
    "The matrix that every program has, or a curve of a darkroom, strong or weak"
    if rng.random() < .5: return Image.fromarray(np.uint8((np.asarray(im) @ SEPIA.T).clip(0, 255)))
    g,strength = np.asarray(gray(im, rng))[...,None]/255,rng.uniform(.3, 1)
    return Image.fromarray(np.uint8(255*g**(1 + strength*np.array([-.25, 0, .5]))))


COPIES = {
    're-encoded, JPEG of quality 40 to 80': lambda im, rng: coded(im, quality=int(rng.integers(40, 81))),
    'resized to 80 %': lambda im, rng: coded(shrink(im, rng), 'webp', 90),
    'cropped by 4 %': lambda im, rng: coded(trim(im, rng), 'webp', 90),
    'brightness +10 %': lambda im, rng: coded(brighten(im, rng), 'webp', 90),
    'all of these at once': lambda im, rng: coded(brighten(trim(shrink(im, rng), rng), rng), quality=60),
    'cropped by 8 % (beyond the bar)': lambda im, rng: coded(trim(im, rng, .08), 'webp', 90)}
TONES = dict(gray=lambda im, rng: coded(gray(im, rng)), sepia=lambda im, rng: coded(sepia(im, rng)))


def plant(data, path, n, count, seed):
    "Write the tar; names of the planted pictures, their kind and their original"
    rng = np.random.default_rng(seed)
    total = sum(1 for _ in islice(stream_photos(data), n))
    kinds = {**COPIES, **TONES}
    chosen = dict(zip(rng.permutation(total)[:count*len(kinds)].tolist(), [k for k in kinds for _ in range(count)]))
    late,planted = [],[]
    with tarfile.open(path, 'w') as t:
        def add(name, blob):
            info = tarfile.TarInfo(name)
            info.size = len(blob)
            t.addfile(info, io.BytesIO(blob))
        for i,(name,src) in enumerate(islice(stream_photos(data), n)):
            blob = src if isinstance(src, bytes) else Path(src).read_bytes()
            add(name, blob)
            if i in chosen:
                planted.append((f'planted-{len(planted):04}.jpg', chosen[i], name))
                late.append((planted[-1][0], kinds[chosen[i]](read_photo(blob), rng)))
            if late and rng.random() < .02: add(*late.pop(rng.integers(len(late))))
        for o in late: add(*o)
    return total,pd.DataFrame(planted, columns=['name', 'kind', 'original'])


def child(data, out, workers):
    "Examine a set in a process of its own: seconds and megabytes"
    start = time.time()
    subprocess.run([sys.executable, __file__, data, '--child', str(out), '--workers', str(workers)], check=True)
    return time.time() - start,resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024


def by_hash(data, planted, bits=(4, 8, 12)):
    "What a perceptual hash of 63 bits finds, comparing all pairs: found and other pairs for each largest distance"
    names,squares = zip(*((o.name, thumbnails(o.square[None])[0]) for o in summarize_images(data)))
    D = describe(np.stack(squares))
    code = np.packbits(D > np.median(D, axis=1, keepdims=True), axis=1)
    row,rows = {o: i for i,o in enumerate(names)},[]
    far = lambda i, j: np.bitwise_count(code[i] ^ code[j]).sum(-1)
    own = {k: np.array([far(row[a], row[b]) for a,b in zip(o.name, o.original)]) for k,o in planted.groupby('kind')}
    real = np.array([i for i,o in enumerate(names) if not o.startswith('planted')])
    d = np.concatenate([far(i, real[k + 1:]) for k,i in enumerate(real)])
    for b in bits: rows.append(dict({k: int((o <= b).sum()) for k,o in own.items()}, bits=b, other=int((d <= b).sum())))
    return pd.DataFrame(rows)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('data')
    ap.add_argument('--n', type=int, help='only the first so many photographs')
    ap.add_argument('--count', type=int, default=50, help='planted pictures of each kind')
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--workers', type=int, default=2)
    ap.add_argument('--keep', help='folder for the report, the sheets and the pairs to look at')
    ap.add_argument('--prints', help='folder of true gray and sepia prints')
    ap.add_argument('--hash', action='store_true', help='compare with a perceptual hash and all pairs')
    ap.add_argument('--priors', help='JSON file to write, of all photographs')
    ap.add_argument('--imagenet', help='.npy file with the prior of ImageNet')
    ap.add_argument('--child', help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.child:
        malloc_policy(keep=False)
        examine(a.data, workers=a.workers).save(a.child)
        return
    with tempfile.TemporaryDirectory() as tmp:
        keep,path = Path(a.keep or f'{tmp}/exam'),f'{tmp}/planted.tar'
        total,planted = plant(a.data, path, a.n, a.count, a.seed)
        seconds,peak = child(path, keep, a.workers)
        t,p = (pd.read_csv(keep/f'{o}.csv', keep_default_na=False) for o in ('pictures', 'copies'))
        print(f'{total} photographs and {len(planted)} planted ones: {seconds:.0f} s, {peak:.0f} MB, '
              f'{a.workers} threads, seed {a.seed}')
        found = {frozenset(o) for o in zip(p.first_name, p.second_name)}
        hit = pd.Series([frozenset(o) in found for o in zip(planted.name, planted.original)])
        finding = planted.name.map(dict(zip(t.name, t.finding)))
        for k in COPIES: print(f'{k:40}{hit[planted.kind == k].sum():4} of {(planted.kind == k).sum()} found')
        for k in TONES: print(f'{k:40}{(finding[planted.kind == k] == k).sum():4} of {(planted.kind == k).sum()} found')
        family = dict(zip(planted.name, planted.original))
        others = {tuple(sorted((family.get(x, x), family.get(y, y)))) for x,y in found}
        others = sorted(o for o in others if o[0] != o[1])
        wrong = [o for o in others if o in DIFFERENT]
        print(f'pairs that were not planted: {len(others)}, of which different photographs: {len(wrong)}, '
              f'{len(wrong)/total:.3%} of the number of photographs; all of them: {len(others)/total:.3%}')
        alarms = t[~t.name.str.startswith('planted')].finding.value_counts()
        for k in ('black', 'flat', 'gray', 'sepia', 'tinted'):
            print(f'photographs called {k:22}{alarms.get(k, 0):4}, {alarms.get(k, 0)/total:.2%}')
        (keep/'others.json').write_text(json.dumps(others, indent=0))
        if a.hash: print(by_hash(path, planted).to_string(index=False))
        if a.prints:
            _,_ = child(a.prints, keep/'prints', a.workers)
            o = pd.read_csv(keep/'prints/pictures.csv', keep_default_na=False)
            print(f'prints: {o.finding.isin(["gray", "sepia"]).sum()} of {len(o)} found;',
                  o.finding.value_counts().to_dict(), o.name[o.finding == ''].tolist())
        if a.priors:
            made = f'python benchmarks/doctor.py DATA --priors FILE on {total} color photographs of twenty public sets'
            prior = color_prior(summarize_set(dict(all=a.data), Rules(), a.workers)[3]).tolist()
            values = dict(photos=dict(source=made, prior=[float(f'{o:.4g}') for o in prior]))
            if a.imagenet:
                source = 'ImageNet, published with the code of Zhang, Isola and Efros (2016), prior_probs.npy'
                values['imagenet'] = dict(source=source, prior=[float(f'{o:.4g}') for o in np.load(a.imagenet)])
            Path(a.priors).write_text(json.dumps(values) + '\n')
            x,y = (np.array(values[k]['prior']) for k in ('photos', 'imagenet'))
            print(f'half the sum of differences of the priors: {np.abs(x - y).sum()/2:.3f}')


if __name__ == '__main__': main()
