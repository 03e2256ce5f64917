"""How much do colors tremble, and how fast is that measured? The shipped image model frame by frame beside the truth.

    python benchmarks/flicker.py VIDEOS [--seconds 2.5] [--model FILE] [--json FILE] [--plot FOLDER]

VIDEOS is the folder of the shared clips. Pieces are fixed and lie inside of the films. Three versions are measured
against the film's own colors: the model on each frame, that with 30 % stronger and weaker color by turns, and no
color at all. The first is what a video pipeline has to beat. Frames a second: coloring, and the report for one
version (flows both ways, both measures). Run it on an idle machine.
"""
import argparse, json, time
from itertools import islice
from pathlib import Path

from PIL import Image

from colorbook.imaging.colorizer import colorize, load_model
from colorbook.video.read import read_frames
from colorbook.evaluation.flicker import flicker_report, moves, plot_flicker
from colorbook.video.read import read_clip

PIECES = {'bmx-trees': 0, 'people.mp4': 30, 'big-buck-bunny-480p.mp4': 10.5, 'sintel-trailer-480p.mp4': 13,
          'chaplin-bw.mp4': 3}
MEASURES = dict(cdc=1e3, warp_error=1e3, color_error=1e3, color_change=100)


def piece(path, start, seconds):
    "Some frames of a clip or of a folder of frames"
    if path.is_dir(): return list(islice((o.im for o in read_clip(path)), round(24*seconds)))
    return [o.im for o in read_frames(path, start, start + seconds)]


def tremble(ims):
    "Color stronger and weaker by turns"
    out = []
    for i,im in enumerate(ims):
        Y,*c = im.convert('YCbCr').split()
        c = [o.point(lambda v: 128 + (1 + .3*(-1)**i)*(v - 128)) for o in c]
        out.append(Image.merge('YCbCr', [Y, *c]).convert('RGB'))
    return out


def timed(f):
    begin = time.perf_counter()
    return f(),time.perf_counter() - begin


def measure(path, start, seconds, model):
    "Report and frames a second"
    ims = piece(path, start, seconds)
    colored,took = timed(lambda: [colorize(o, model=model) for o in ims])
    names = [path.stem, 'frame by frame']
    found,spent = timed(lambda: flicker_report(ims, colored, names=names))
    _,flows = timed(lambda: list(moves(ims)))
    others = [tremble(colored), [o.convert('L') for o in ims]]
    found = flicker_report(ims, colored, *others, names=[*names, 'trembling', 'gray'])
    return found,dict(color=len(ims)/took, report=len(ims)/spent, flow=len(ims)/flows)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('videos', type=Path)
    ap.add_argument('--seconds', type=float, default=2.5)
    ap.add_argument('--model')
    ap.add_argument('--only', nargs='*', default=list(PIECES))
    ap.add_argument('--json', type=Path)
    ap.add_argument('--plot', type=Path)
    a = ap.parse_args()
    model,all_found = load_model(a.model),{}
    print('CDC, warp error, color error in 1e-3, color change in %; excess over the truth in brackets')
    print(f'{"clip":26}{"version":18}' + ''.join(k.rjust(20) for k in MEASURES))
    for name in a.only:
        found,speed = measure(a.videos/name, PIECES[name], a.seconds, model)
        for i,t in enumerate(found.tracks):
            o,cells = found.compare(i),''
            for k,by in MEASURES.items():
                more = o[f'{k}_excess']
                cells += (f'{o[k]*by:.4f}' + (f' ({more*by:+.4f})' if i and more is not None else '')).rjust(20)
            print(f'{name if not i else "":26}{t.name if i else "truth" if found.truth else "gray original":18}{cells}')
        w,h = found.tracks[0].size
        print(' '*26 + f'{len(found.times)} frames of {w}x{h}; a second: {speed["color"]:.1f} colored, '
              f'{speed["report"]:.1f} reported, of which flows and masks {speed["flow"]:.1f}', flush=True)
        all_found[name] = dict(found.as_dict(), frames_a_second=speed)
        if a.plot: plot_flicker(found, a.plot/f'{Path(name).stem}.png')
    if a.json: a.json.write_text(json.dumps(all_found))


if __name__ == '__main__': main()
