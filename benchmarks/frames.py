"""How well are cuts found, and at what cost? Ours beside the detectors of PySceneDetect, on films with known cuts.

    python benchmarks/frames.py VIDEOS [--photos TAR] [--splices 150] [--seed 3]

VIDEOS is the folder of the shared clips, whose abrupt changes are listed below (found by eye on contact sheets).
Every detector gets the same pictures of 160x90 and allows shots of two frames. "Splices" are pieces of these films,
two to forty frames long, in random order. Changes at the edge of a black stretch, fades too, are never counted as
false. "Hard" are 400 clips of photographs: pans of up to 15 % of the width in a frame, shaking hands, grain, flicker,
things that fly by, flashes of one to three frames, and some dissolves, which are not to be reported. Needs
`scenedetect` and OpenCV, which nothing else here does. `extract` times the way from file to folder.
"""
import argparse, random, tempfile, time
from pathlib import Path

import numpy as np, scenedetect
from PIL import Image
from scenedetect import FrameTimecode, detectors

from colorbook.data.photos import list_photos, read_photo
from colorbook.video.read import read_frames
from colorbook.video.shots import find_cuts, is_black
from colorbook.data.frames import extract_frames

CUTS = {'sintel-trailer-480p.mp4': [224, 334, 396, 404, 420, 571, 621, 658, 672, 1140, 1163, 1220],
        'big-buck-bunny-480p.mp4': [285, 378, 553], 'people.mp4': [], 'chaplin-bw.mp4': [], 'bmx-trees': []}
SHOTS = {'sintel-trailer-480p.mp4': [(30, 116), (140, 215), (290, 334), (334, 375), (404, 420), (450, 510), (535, 571),
         (571, 621), (621, 658), (658, 672), (685, 765), (780, 840), (870, 990), (1020, 1100)],
         'big-buck-bunny-480p.mp4': [(15, 285), (285, 378), (378, 553), (553, 720)],
         'people.mp4': [(0, 1394)], 'chaplin-bw.mp4': [(0, 241)], 'bmx-trees': [(0, 80)]}


def pictures(path):
    "All frames, small"
    if path.is_dir(): ims = (Image.open(o).convert('RGB') for o in sorted(path.glob('*.jpg')))
    else: ims = (o.im for o in read_frames(path))
    return [o.resize((160, 90), Image.Resampling.BOX) for o in ims]


def splices(films, n, rng):
    "Pieces of films in random order, and where they meet"
    every,last,ims,cuts = [(k, *o) for k,v in SHOTS.items() for o in v],None,[],[]
    for _ in range(n):
        name,a,b = rng.choice([o for o in every if o[:2] != last])
        last = name,a
        size = min(rng.choice([2, 3, 4, 6, 10, 20, 30, 40]), b - a)
        at = rng.randrange(a, b - size + 1)
        if ims: cuts.append(len(ims))
        ims += films[name][at:at + size]
    return ims,cuts


def hard_shot(photos, n, rng, noise, size=(160, 90)):
    "A shot that is easily taken for several"
    im,(w,h) = rng.choice(photos),size
    part = rng.uniform(.45, .8)*min(im.width/w, im.height/h)
    view,angle = np.array([w, h])*part,rng.uniform(0, 2*np.pi)
    free,way = np.array(im.size) - view,np.array([np.cos(angle), np.sin(angle)])
    step = rng.choice([0, .01, .03, .06, .1, .15])*view[0]*way
    at,shake = np.array([rng.uniform(0, o) for o in free]),rng.choice([0, 0, .01, .03])*view[0]
    thing = rng.choice(photos).resize((rng.randint(30, 90), rng.randint(30, 80))) if rng.random() < .4 else None
    x,speed = rng.choice([(-90, rng.uniform(3, 40)), (w, -rng.uniform(3, 40))])
    y,flicker,grain = rng.randint(0, 50),rng.choice([0, 0, 2, 5]),rng.choice([0, 3, 8])
    flash,long,light = rng.randrange(n) if n > 6 and rng.random() < .3 else n,rng.choice([1, 2, 3]),rng.uniform(.3, .9)
    for k in range(n):
        step = np.where((at + step < 0) | (at + step > free), -step, step)
        at = np.clip(at + step, 0, free)
        a = np.clip(at + [shake*rng.uniform(-1, 1) for _ in range(2)], 0, free)
        f = im.resize(size, Image.Resampling.BILINEAR, box=(*a, *(a + view)))
        if thing: f.paste(thing, (int(x + k*speed), y))
        f = np.asarray(f, np.float32) + rng.uniform(-flicker, flicker) + noise.normal(0, grain, (h, w, 3))
        yield f + (255 - f)*light if flash <= k < flash + long else f


def hard(photos, n, rng):
    "Many such shots, and where they meet; some dissolve into each other instead"
    noise,ims,cuts = np.random.default_rng(rng.randrange(99)),[],[]
    for _ in range(n):
        shot = list(hard_shot(photos, rng.choice([3, 5, 8, 12, 20, 30, 40]), rng, noise))
        if len(shot) >= 12 and len(ims) >= 12 and rng.random() < .15:
            for k,t in enumerate(np.linspace(0, 1, 12)[1:-1]): ims[k - 10] = (1 - t)*ims[k - 10] + t*shot[k]
            shot = shot[10:]
        elif ims: cuts.append(len(ims))
        ims += shot
    return [Image.fromarray(o.clip(0, 255).astype(np.uint8)) for o in ims],cuts


def by_scenedetect(kind, **options):
    "One of PySceneDetect's detectors as a function of pictures"
    def found(ims):
        d,cuts = getattr(detectors, kind)(**options),[]
        for i,o in enumerate(ims): cuts += d.process_frame(FrameTimecode(i, 24.), np.asarray(o)[:,:,::-1].copy())
        cuts += d.post_process(FrameTimecode(len(ims) - 1, 24.))
        return sorted({o.frame_num for o in cuts})
    return found


def edges(ims):
    "Where black stretches begin or end, and two frames around"
    black = np.array([is_black(o) for o in ims])
    return {int(i) + j for i in np.flatnonzero(black[1:] != black[:-1]) for j in range(-1, 4)}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('videos', type=Path)
    ap.add_argument('--photos', help='tar or folder of photographs, for the hard clips')
    ap.add_argument('--splices', type=int, default=150)
    ap.add_argument('--seed', type=int, default=3)
    a = ap.parse_args()
    films = {k: pictures(a.videos/k) for k in CUTS}
    sets = {k.split('.')[0]: (v, CUTS[k]) for k,v in films.items()}
    sets['splices'] = splices(films, a.splices, random.Random(a.seed))
    if a.photos:
        photos = [read_photo(o, k) for k,o in list_photos(a.photos)[:500]]
        sets['hard'] = hard(photos, 400, random.Random(a.seed))
    ways = {'ours': find_cuts}
    for o in ('Content', 'Adaptive', 'Histogram', 'Hash'):
        ways[o] = by_scenedetect(f'{o}Detector', min_scene_len=2)
    ways['Content, its defaults'] = by_scenedetect('ContentDetector')
    print(f'found of true / false cuts; ms a frame at 160x90; PySceneDetect {scenedetect.__version__}')
    print(' '*22 + ''.join(k[:19].rjust(20) for k in sets) + 'ms'.rjust(8))
    for name,way in ways.items():
        row,spent = '',0
        for ims,true in sets.values():
            begin = time.perf_counter()
            got = set(way(ims))
            spent += time.perf_counter() - begin
            row += f'{len(got & set(true))} of {len(true)} / {len(got - set(true) - edges(ims))}'.rjust(20)
        print(name.ljust(22) + row + f'{1e3*spent/sum(len(o) for o,_ in sets.values()):8.2f}')
    for k in list(CUTS)[:3]:
        with tempfile.TemporaryDirectory() as tmp:
            begin = time.perf_counter()
            rows = extract_frames(a.videos/k, tmp, size=224)
            took = time.perf_counter() - begin
        print(f'extract {k}: {len(rows)} frames to 224x224 PNG in {took:.1f} s, {len(rows)/took:.0f} a second')


if __name__ == '__main__': main()
