"""How much does one true frame help its shot?

    python benchmarks/reference.py VIDEOS [--model FILE] [--size 192] [--pieces NAME:START:STOP:AT ...] [--sheet FOLDER]

VIDEOS is the folder of the shared clips. Of each piece, which lies in the last third that no film model has seen, one
true frame is the reference (number AT). Compared with the truth are the model's own colors, the colors of the reference
repeated without motion, and the steered ones, by their distance from the reference: root mean square error of ab on the
network's grid, and PSNR of the painted frames. No stabilizer. A sheet has the frames themselves: reference, model,
steered, truth; look at it, since a number does not say where it is wrong. Frames a second are of the preparation (two
flows a frame) and of the steering itself, on whatever else the machine is doing.
"""
import argparse, time
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from colorbook.video.read import frame_image
from colorbook.video.steps import with_colors, paint_frame, prepare, watch
from colorbook.video.read import open_reel
from colorbook.video.reference import reference_color, steer, propagate_reference
from colorbook.video.model import color_source, load_film_model

PIECES = 'bmx-trees:54:80:66', 'people.mp4:930:1010:960', 'big-buck-bunny-480p.mp4:490:554:520', \
    'big-buck-bunny-480p.mp4:640:704:640'
BINS = (1, 2), (3, 6), (7, 12), (13, 24), (25, 48), (49, 999)


def measure(path, start, stop, at, model, size, sheet):
    "Table of a piece: rows of (distances, frames, errors, PSNRs)"
    c,s = open_reel(path)
    with c: seen = list(prepare(islice(watch(path, c, s), stop), size, model.card['multiple'], first=start))
    shot = next(o.shot for o in seen if o.number == at)
    seen = [o for o in seen if o.shot == shot]
    own = [ab for _,ab in with_colors(iter(seen), color_source(model))]
    pictures = [frame_image(o.frame) for o in seen]
    truth = [reference_color(im, o.L.shape, own[0].shape[1:]) for im,o in zip(pictures, seen)]
    i = next(i for i,o in enumerate(seen) if o.number == at)
    begun = time.perf_counter()
    told = propagate_reference([np.rint(o.L*255).astype(np.uint8) for o in seen], i, at, shot, own[i], truth[i])
    ready = time.perf_counter()
    steered = [ab for _,ab in steer(zip(seen, own), told)]
    done = time.perf_counter()
    print(f'{path.name} {seen[0].number}..{seen[-1].number}, reference {at}; told {len(seen)/(ready - begun):.0f}, '
          f'steered {len(seen)/(done - ready):.0f} frames a second')
    ways = dict(model=own, repeated=[truth[i]]*len(seen), steered=steered)
    rms = lambda a, b: 110*np.sqrt(np.mean(np.square(a - b)))
    paint = lambda o, ab: paint_frame(o, ab, stand=True)[...,:3]
    psnr = lambda x, im: -10*np.log10(np.mean(np.square((x.astype(np.float32) - np.asarray(im))/255)))
    if sheet: save_sheet(sheet/f'{path.stem}-{at}.png', seen, i, [own, steered], pictures, paint)
    for lo,hi in BINS:
        js = [j for j in range(len(seen)) if lo <= abs(j - i) <= hi]
        if not js: continue
        errors = [np.mean([rms(x[j], truth[j]) for j in js]) for x in ways.values()]
        psnrs = [np.mean([psnr(paint(seen[j], x[j]), pictures[j]) for j in js]) for x in ways.values()]
        yield f'{lo}..{min(hi, max(abs(j - i) for j in js))}',len(js),errors,psnrs


def save_sheet(path, seen, i, ways, pictures, paint, width=360):
    "Rows of frames at growing distance: reference, model, steered, truth"
    rows = []
    for d in (1, 6, 12, 24, 40):
        j = i + d if i + d < len(seen) else i - d
        if not 0 <= j < len(seen): continue
        ims = [np.asarray(pictures[i]), *(paint(seen[j], x[j]) for x in ways), np.asarray(pictures[j])]
        h = round(width*ims[0].shape[0]/ims[0].shape[1])
        rows.append(np.hstack([np.asarray(Image.fromarray(x).resize((width, h))) for x in ims]))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.vstack(rows)).save(path)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('videos', type=Path)
    ap.add_argument('--model')
    ap.add_argument('--size', type=int)
    ap.add_argument('--pieces', nargs='*', default=PIECES)
    ap.add_argument('--sheet', type=Path)
    a = ap.parse_args()
    model = load_film_model(a.model)
    for o in a.pieces:
        name,*numbers = o.split(':')
        rows = measure(a.videos/name, *map(int, numbers), model, a.size or model.card['size'], a.sheet)
        for k,(distance,n,errors,psnrs) in enumerate(rows):
            if not k: print('distance  frames   ab error: model repeated steered   PSNR: model repeated steered')
            print(f'{distance:9}{n:7}' + ' '*11 + ''.join(f'{x:8.2f}' for x in errors) + ' '*8
                  + ''.join(f'{x:8.2f}' for x in psnrs))


if __name__ == '__main__': main()
