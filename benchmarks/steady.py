"""How steady and how good are the colors of a film? Frame by frame, steadied, and by a model for films.

    python benchmarks/steady.py VIDEOS [--video FILE.onnx] [--json FILE] [--asset] [--only CLIP ...]
    python benchmarks/steady.py VIDEOS --choose PHOTOS

VIDEOS is the folder of the shared clips. Measured is the last third of each, less three frames: the film model has
learned from the first two thirds (`benchmarks/temporal.py`), and nothing was chosen on the last. As the last third of a
film shows things that its beginning has shown, there is a fourth clip of which no model has seen anything: a camera
that moves over photographs of ../photos/eval.tar, with pieces of others in front. Versions: the image model on each
frame by itself, the same with the stabilizer, and with --video the film model without and with it. They are compared at
the pipeline's own frames, before any encoder, by `flicker_report`: cuts and flow come from the original. The
film without any color stands beside them, because light alone has a warp error, too. PSNR, in RGB, and colorfulness are
those of each frame, LPIPS (squeeze) that of every eighth. Intervals are 95 %, by a bootstrap over blocks of six
neighboring frames; those of a ratio take the same blocks of all. A second table has what the bars are about: each
version by frame by frame, raw and as excess over the truth, and the difference of PSNR.
--asset keeps the figures in asset/film.json and two pictures of Big Buck Bunny beside it; nbs/results/films shows them.
--choose tries windows and strengths of the stabilizer on other footage: pieces of the first two thirds and of a
trailer, and photographs that a camera moves over. No piece may lose or gain more than 3 % of its colorfulness or lose
more than .15 dB; of what is left, the steadiest is chosen: the least geometric mean of the change of color.
"""
import argparse, hashlib, json, math, random, subprocess, warnings
from fractions import Fraction
from pathlib import Path

import av, numpy as np
from av.video.reformatter import VideoReformatter
from PIL import Image, ImageDraw, ImageFont

from colorbook.imaging.colorizer import load_model
from colorbook.core import atomic_path
from colorbook.video.read import QUALITY
from colorbook.evaluation.flicker import figures, flicker_report
from colorbook.evaluation.metrics import colorfulness, lpips, lpips_state, psnr, to_batch
from colorbook.video.steps import with_colors, frame_by_frame, paint_frame, prepare, VideoFrame, watch
from colorbook.data.photos import Photos
from colorbook.video.read import open_reel
from colorbook.video.stabilize import stabilize
from colorbook.video.model import color_source, load_film_model
from colorbook.data.synthetic import camera_clip

LENGTH = {'bmx-trees': 80, 'people.mp4': 1394, 'big-buck-bunny-480p.mp4': 720} # frames
HELD = {k: (round(n*2/3) + 3, n) for k,n in LENGTH.items()} | {'photos': (0, 192)}
SHOWN,BLOCK,PLAIN = 'big-buck-bunny-480p.mp4',6,'frame by frame' # may be shown; frames of a block; to compare with
FLICKER = 'cdc','warp_error','color_error','color_change'
QUALITY_OF = 'psnr','lpips','colorfulness'
OTHER = {'bmx-trees': (0,), 'people.mp4': (300, 600), 'big-buck-bunny-480p.mp4': (60, 200, 380),
    'sintel-trailer-480p.mp4': (290, 500, 700, 900)} # pieces of 48 frames begin here
GRID = [(w, .9) for w in (4, 6, 8, 12)] + [(6, .8), (6, 1.)]


def piece(path, start, stop, model):
    "Frames of a clip as the pipeline sees them, with a shot that begins at `start`"
    c,s = open_reel(path)
    with c:
        seen = [o for o in watch(path, c, s) if start <= o.number < stop]
        seen = list(prepare(iter(seen), model.card['size'], model.card['multiple']))
    seen[0].cut = True
    return seen,float(s.average_rate or Fraction(24))


def sources(model, video=None):
    "Colors of a piece by each way: names and functions from frames to pairs of frame and color"
    plain = lambda seen: list(with_colors(iter(seen), frame_by_frame(model)))
    film = lambda seen: list(with_colors(iter(seen), color_source(load_film_model(video))))
    calm = lambda how: lambda seen: list(stabilize(iter(how(seen))))
    found = {'gray': lambda seen: [(o, 0*ab) for o,ab in plain(seen)], PLAIN: plain, 'steadied': calm(plain)}
    return found | ({'film model': film, 'film model, steadied': calm(film)} if video else {})


class Painted:
    "Frames of a version, painted when they are asked for, and how good each of them is"
    def __init__(self, pairs, truth, net=None): self.pairs,self.truth,self.net,self.rows = pairs,truth,net,[]
    def __iter__(self):
        for i,((o,ab),true) in enumerate(zip(self.pairs, self.truth)):
            x = np.ascontiguousarray(paint_frame(o, ab, stand=True)[...,:3])
            fake,real = to_batch([x]),to_batch([np.asarray(true)])
            far = lpips(fake, real, self.net).item() if self.net and i%8 == 0 else math.nan
            self.rows.append((min(99., psnr(fake, real).item()), far, colorfulness(fake).item())) # black is exact
            yield Image.fromarray(x)


def truth_of(seen):
    "The true frames as pictures"
    convert = VideoReformatter()
    return [convert.reformat(o.frame, format='rgb24', interpolation=QUALITY).to_image() for o in seen]


def measure(seen, pairs, net=None):
    "Rows of each version and of the truth: the six columns of a flicker report, then PSNR, LPIPS, colorfulness"
    truth = truth_of(seen)
    painted = {k: Painted(v, truth, net) for k,v in pairs.items()}
    report = flicker_report(truth, *painted.values(), names=['truth', *painted], truth=True)
    own = [(math.nan, math.nan, colorfulness(to_batch([np.asarray(o)])).item()) for o in truth]
    good = [own, *(o.rows for o in painted.values())]
    return {t.name: np.hstack([r, q]) for t,r,q in zip(report.tracks, report.rows, good)},report.shots


def values(rows):
    "The figures of some frames"
    mean = lambda v: float(np.nanmean(v)) if not np.isnan(v).all() else math.nan
    return figures(rows[:,:6]) | dict(zip(QUALITY_OF, (mean(v) for v in rows[:,6:].T)))


def with_intervals(rows, stat):
    "A dictionary of values of several versions' rows, with intervals over blocks of frames"
    n = max(1, len(rows[0])//BLOCK)
    blocks = np.array_split(np.arange(len(rows[0])), n)
    keys = list(stat(*rows))
    drawn = np.random.default_rng(0).integers(0, n, (500, n))
    tries = np.array([[*stat(*(r[np.concatenate([blocks[j] for j in o])] for r in rows)).values()] for o in drawn])
    with warnings.catch_warnings():
        warnings.simplefilter('ignore') # where all are `nan`
        low,high = np.nanquantile(tries, (.025, .975), axis=0)
    return {k: dict(mean=v, low=a, high=b) for k,v,a,b in zip(keys, stat(*rows).values(), low, high)}


def versus(ours, plain, true):
    "What the bars are about: a version by frame by frame"
    o,p,t = map(values, (ours, plain, true))
    out = {k: o[k]/p[k] for k in FLICKER}
    for k in FLICKER: out[f'{k}_excess'] = (o[k] - t[k])/(p[k] - t[k]) if p[k] > t[k] else math.nan
    return out | dict(psnr=o['psnr'] - p['psnr'], lpips=o['lpips'] - p['lpips'],
        colorfulness=o['colorfulness']/p['colorfulness'])


def figures_of(rows, shots):
    "All figures of a piece, and the curves that nbs/results/films draws"
    one = {k: with_intervals([v], values) for k,v in rows.items()}
    ratio = {k: with_intervals([v, rows[PLAIN], rows['truth']], versus)
        for k,v in rows.items() if k not in ('truth', PLAIN)}
    with np.errstate(invalid='ignore'): curve = {k: np.sqrt(v[:,4]/v[:,5]) for k,v in rows.items() if k != 'gray'}
    return dict(frames=len(shots), cuts=(np.flatnonzero(np.diff(shots)) + 1).tolist(), versions=one, versus=ratio,
        change={k: [None if math.isnan(x) else round(x, 4) for x in v.tolist()] for k,v in curve.items()})


def ride(photo, front, rng, model, n=24, side=384, shot=0):
    "Frames of a camera that moves over a photo, as the pipeline sees them"
    x,_ = camera_clip(photo, n, side, rng, front)
    frames = [av.VideoFrame.from_ndarray(o, format='rgb24') for o in x]
    seen = [VideoFrame(f, None, i, i, shot, cut=not i) for i,f in enumerate(frames)]
    return list(prepare(iter(seen), model.card['size'], model.card['multiple']))


def rides(photos, model, n=12):
    "Shots of a camera that moves over photographs, a second one in front of every other, as one film"
    rng,stills = random.Random(2),Photos(photos, 288, 2*n)
    still = [Image.fromarray(np.asarray(stills[i])) for i in range(2*n)]
    shots = [ride(still[2*k], still[2*k + 1] if k%2 else None, rng, model, 16, 256, k) for k in range(n)]
    return sum(shots, []),24.


def choose(videos, photos, model):
    "Try the stabilizer on other footage; a row for each window and strength"
    rng,stills = random.Random(1),Photos(photos, 288, 16)
    still = [Image.fromarray(np.asarray(stills[i])) for i in range(16)]
    pieces = {f'{k} {i}': piece(videos/k, i, i + 48, model)[0] for k,v in OTHER.items() for i in v}
    pieces |= {f'camera {k}': ride(still[2*k], still[2*k + 1] if k%2 else None, rng, model) for k in range(8)}
    rows = {o: [] for o in GRID}
    for name,seen in pieces.items():
        pairs = {PLAIN: list(with_colors(iter(seen), frame_by_frame(model)))}
        pairs |= {f'{w} {s}': list(stabilize(iter(pairs[PLAIN]), s, w)) for w,s in GRID}
        got,_ = measure(seen, pairs)
        for w,s in GRID:
            o = versus(*(got[k] for k in (f'{w} {s}', PLAIN, 'truth')))
            rows[w,s].append((o['color_change'], o['cdc'], o['psnr'], o['colorfulness']))
        lines = (f'{w} {s}: ' + ' '.join(f'{x:.3f}' for x in rows[w,s][-1]) for w,s in GRID)
        print(name, *lines, sep='\n  ', flush=True)
    print('window, strength: change of color, CDC; least PSNR, colorfulness from, to')
    for k,v in rows.items():
        change,cdc,psnr,color = np.array(v).T
        bad = abs(color - 1).max() > .03 or psnr.min() < -.15
        print(*k, f'{np.exp(np.log(change).mean()):.3f} {np.exp(np.log(cdc).mean()):.3f} {psnr.min():+.3f} '
            f'{color.min():.3f} {color.max():.3f}' + ' (out)'*int(bad))


def plain(o):
    "Values for JSON: six digits, no `nan`"
    if isinstance(o, dict): return {k: plain(v) for k,v in o.items()}
    if isinstance(o, float): return None if math.isnan(o) else float(f'{o:.6g}')
    return o.item() if isinstance(o, np.generic) else o


def show(name, found):
    "The tables of a piece"
    print(f"\n{name}: {found['frames']} frames, cuts at {found['cuts'] or 'none'}")
    scale = dict(cdc=1e3, warp_error=1e3, color_error=1e3, color_change=100)
    cell = lambda o, by=1: '-'.rjust(24) if o['mean'] is None else (f"{o['mean']*by:.3f} [{o['low']*by:.3f}, "
        f"{o['high']*by:.3f}]").rjust(24)
    print(' '*22 + ''.join(o.rjust(24) for o in (*FLICKER, *QUALITY_OF)))
    for k,v in found['versions'].items(): print(k.ljust(22) + ''.join(cell(v[o], scale.get(o, 1)) for o in v))
    print('by frame by frame'.ljust(22) + ''.join(o.rjust(24) for o in (*FLICKER, *QUALITY_OF)))
    for k,v in found['versus'].items():
        print(k.ljust(22) + ''.join(cell(v[o]) for o in (*FLICKER, *QUALITY_OF)))
        print('  excess'.ljust(22) + ''.join(cell(v[f'{o}_excess']) for o in FLICKER), flush=True)


def draw_frames(seen, pairs, path, width=320, at=(.1, .45, .8)):
    "Rows of a frame by itself: gray, each version, truth"
    rows,truth = [],truth_of(seen)
    names = ['truth', *pairs]
    for i in (round(o*len(seen)) for o in at):
        ims = [truth[i], *(Image.fromarray(paint_frame(*v[i], stand=True)[...,:3]) for v in pairs.values())]
        rows.append([o.resize((width, round(o.height*width/o.width)), Image.Resampling.LANCZOS) for o in ims])
    h = rows[0][0].height
    sheet = Image.new('RGB', (len(names)*(width + 4) - 4, 22 + len(rows)*(h + 4) - 4), 'white')
    d,font = ImageDraw.Draw(sheet),ImageFont.load_default(15)
    for j,name in enumerate(names):
        d.text((j*(width + 4) + 2, 2), name, 'black', font)
        for i,row in enumerate(rows): sheet.paste(row[j], (j*(width + 4), 22 + i*(h + 4)))
    with atomic_path(path) as f: sheet.save(f, quality=88)


def draw_time(seen, pairs, path, place=.85, width=1000):
    "One column of pixels over the time of the first shot: what trembles is striped"
    n = next((i for i,o in enumerate(seen) if i and o.cut), len(seen))
    first = lambda x: np.asarray(x)[:,round(place*np.asarray(x).shape[1]),:3]
    columns = {'truth': [first(o) for o in truth_of(seen[:n])]}
    columns |= {k: [first(paint_frame(*o, stand=True)) for o in v[:n]] for k,v in pairs.items() if k != 'gray'}
    ims = {k: Image.fromarray(np.stack(v, 1)).resize((width, 160), Image.Resampling.NEAREST) for k,v in columns.items()}
    sheet = Image.new('RGB', (width, 184*len(ims)), 'white')
    d,font = ImageDraw.Draw(sheet),ImageFont.load_default(15)
    for i,(k,im) in enumerate(ims.items()):
        d.text((2, 184*i + 2), k, 'black', font)
        sheet.paste(im, (0, 184*i + 22))
    with atomic_path(path) as f: sheet.save(f, quality=88)


def keep(found, command, video, folder):
    "What nbs/results/films shows"
    commit = subprocess.run(['git', 'rev-parse', 'HEAD'], capture_output=True, text=True).stdout.strip()
    hashes = {k: hashlib.sha256(Path(o).read_bytes()).hexdigest() for k,o in
        (('image model', load_model().path), *([('film model', video)] if video else ()))}
    kept = dict(command=command, commit=commit, sha256=hashes, block=BLOCK, clips=found)
    with atomic_path(folder/'film.json') as f: f.write_text(json.dumps(kept, indent=1) + '\n')


def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument('videos', type=Path)
    arg.add_argument('--video', type=Path)
    arg.add_argument('--json', type=Path)
    arg.add_argument('--asset', action='store_true')
    arg.add_argument('--choose', metavar='PHOTOS')
    arg.add_argument('--only', nargs='+', default=list(HELD), choices=list(HELD), metavar='CLIP')
    a = arg.parse_args()
    model,net,found,folder = load_model(),lpips_state()[0],{},Path(__file__).resolve().parent.parent/'asset'
    if a.choose: return choose(a.videos, a.choose, model)
    for name in a.only:
        if name == 'photos': seen,rate = rides(a.videos.parent/'photos/eval.tar', model)
        else: seen,rate = piece(a.videos/name, *HELD[name], model)
        pairs = {k: f(seen) for k,f in sources(model, a.video).items()}
        about = dict(start=HELD[name][0], rate=rate, size=[seen[0].gray.shape[1], seen[0].gray.shape[0]])
        found[name] = plain(about | figures_of(*measure(seen, pairs, net)))
        show(name, found[name])
        if a.asset and name == SHOWN:
            draw_frames(seen, pairs, folder/'film-frames.jpg')
            draw_time(seen, pairs, folder/'film-time.jpg')
    command = 'python benchmarks/steady.py VIDEOS' + ' --video FILE.onnx'*bool(a.video) + ' --asset'
    if a.asset: keep(found, command, a.video, folder)
    if a.json: a.json.write_text(json.dumps(found))


if __name__ == '__main__': main()
