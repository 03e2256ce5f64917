"""What the book keeps of `benchmarks/systems.py`: `python asset/own.py OUT` writes `asset/own.json` (figures, plans,
commands, logs, hashes of weights) and, in the folder `asset/own`, pictures, clips and S2's weights in half precision.

Of the film only frames are shown whose colors no network has learned from. The flowers may not be shown; in their place
are photographs that two libraries carry. `benchmarks/laboratory.py --keep asset/own/s4` writes S4's part.
"""
import csv, json, sys
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import av, numpy as np, torch
from PIL import Image, ImageDraw, ImageFont
from safetensors.torch import save_file

from colorbook.core import atomic_path
from colorbook.data.photos import sample_photos
from colorbook.training.recipes import to_plain
from colorbook.training.runs import Run, state_hash

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent/'benchmarks'))
from systems import painted  # noqa: E402

COMMANDS = ['python benchmarks/systems.py flowers PHOTOS OUT', 'python benchmarks/systems.py films FILM OUT',
    'python asset/own.py OUT']
MOMENTS = {'0-006': 'S0, L1 alone', '1-002': 'S0, L1 and critic'} # of S0 on flowers


def sheet(rows, heads, width):
    "Pictures in rows below their heads, all of one width"
    cells = [[Image.fromarray(np.asarray(o)) for o in row] for row in rows]
    cells = [[o.resize((width, round(o.height*width/o.width)), Image.Resampling.LANCZOS) for o in r] for r in cells]
    h = cells[0][0].height + 4
    out = Image.new('RGB', (len(heads)*(width + 4) - 4, 22 + len(cells)*h - 4), 'white')
    d,font = ImageDraw.Draw(out),ImageFont.load_default(15)
    for j,head in enumerate(heads):
        d.text((j*(width + 4) + 2, 2), head, 'black', font)
        for i,row in enumerate(cells): out.paste(row[j], (j*(width + 4), 22 + i*h))
    return out


def side_by_side(versions, width):
    "For each frame its versions beside each other, each of a width"
    for row in zip(*versions):
        ims = [Image.fromarray(o) for o in row]
        h = round(ims[0].height*width/ims[0].width)
        out = Image.new('RGB', (len(ims)*width, h))
        for j,o in enumerate(ims): out.paste(o.resize((width, h), Image.Resampling.LANCZOS), (j*width, 0))
        yield out


def write_film(ims, path, crf=25):
    "Pictures as a film that browsers play"
    with atomic_path(path) as f, av.open(str(f), 'w', options={'movflags': 'faststart'}) as c:
        stream = c.add_stream('libx264', rate=24, options={'crf': str(crf), 'preset': 'veryslow'})
        stream.pix_fmt,stream.codec_context.time_base = 'yuv420p',Fraction(1, 24)
        for i,im in enumerate(ims):
            if not i: stream.width,stream.height = im.size
            frame = av.VideoFrame.from_image(im)
            frame.pts = i
            c.mux(stream.encode(frame))
        c.mux(stream.encode())


def spread(shots, n):
    "Places of n frames, evenly over each shot in turn"
    starts,found = np.cumsum([0, *shots]),[]
    for k,m in enumerate(shots):
        here = n//len(shots) + (k < n%len(shots))
        found += [int(starts[k] + (j + .5)/here*m) for j in range(here)]
    return found


def through_time(frames, place=.6):
    "The same column of pixels of every frame, side by side"
    column = np.stack([o[:,round(place*o.shape[1])] for o in frames], 1)
    return Image.fromarray(column).resize((1000, 150), Image.Resampling.NEAREST)


def photos_by(run):
    "Photographs of two libraries, in gray, by S0 as it was at two moments, and true"
    nets = [Run(run).generator(o) for o in MOMENTS]
    true = [np.asarray(o) for o in sample_photos(224)]
    gray = [np.dstack([np.asarray(Image.fromarray(o).convert('L'))]*3) for o in true]
    rows = [(g, *(painted(net, g) for net in nets), o) for g,o in zip(gray, true)]
    return sheet(rows, ['gray', *MOMENTS.values(), 'truth'], 224)


def film_pictures(out, folder, shots):
    "Sheets and clips of the three systems on the film"
    def of(system, version): return np.load(out/f"{system}-{version.replace(' ', '-')}.npy")
    truth,gray,s0,s1 = of('s1-film', 'truth'),of('s1-film', 'gray'),of('s0-film', 'colored'),of('s1-film', 'colored')
    early = of('s0-film-8', 'colored')
    def save(im, name):
        with atomic_path(folder/f'{name}.jpg') as f: im.save(f, quality=82)
    at = spread(shots, 8)
    triplets = [(gray[i], truth[i], s0[i]) for i in at]
    save(sheet([a + b for a,b in zip(triplets[::2], triplets[1::2])], ['gray', 'truth', 'S0']*2, 232), 's0-film')
    at = spread(shots, 5)
    rows = [[o[i] for o in (gray, early, s1, s0, truth)] for i in at]
    save(sheet(rows, ['gray', 'S0, 8 epochs', 'S1, 8 epochs', 'S0, 28 epochs', 'truth'], 256), 's1-frames')
    k = int(np.argmax(shots))
    first = sum(shots[:k]) + shots[k]//2
    rows = [[o[first + 2*j] for j in range(6)] for o in (truth, early, s1, s0)]
    save(sheet(rows, [f'frame {2*j}' for j in range(6)], 232), 's1-row')
    head = ['truth; S0, 8 epochs; S1, 8 epochs; S0, 28 epochs']
    save(sheet([[through_time(o)] for o in (truth, early, s1, s0)], head, 1000), 's1-time')
    write_film(side_by_side((gray, s1, truth), 256), folder/'s1-film.mp4')
    if not (out/'s2-film-truth.npy').exists(): return
    noisy = [of('s2-film', o) for o in ('fresh noise', 'one noise', 'truth')]
    save(sheet([(noisy[0][i], noisy[2][i]) for i in spread(shots, 5)], ['S2', 'truth'], 384), 's2-gallery')
    rows = [[o[first + j] for j in range(6)] for o in noisy]
    save(sheet(rows, [f'frame {j}' for j in range(6)], 232), 's2-row')
    # with fresh noise a film flashes, which some people must not see
    write_film(side_by_side((of('s2-film', 'gray'), *noisy[1:]), 256), folder/'s2-film.mp4')


def main(out):
    out,folder,kept = Path(out),HERE/'own',dict(commands=COMMANDS, runs={})
    folder.mkdir(exist_ok=True)
    for place in sorted(o.parent for o in out.glob('*/recipe.yaml')):
        run,name = Run(place),place.name
        tag = json.loads((out/'flowers.json').read_text())['chosen']['tag'] if name == 's0-flowers' else run.tags[-1]
        with open(place/'history.csv', newline='') as f: log = list(csv.DictReader(f))
        log = [{k: v if k in ('mode', 'tag') else float(v) for k,v in o.items()} for o in log]
        log = [{k: None if v != v else v for k,v in o.items()} for o in log]
        kept['runs'][name] = dict(recipe=to_plain(run.recipe), tag=tag, weights_sha256=state_hash(run.weights(tag)),
            log=log)
    flowers = Run(out/'s0-flowers')
    kept['runs']['s0-flowers']['moments'] = {o: state_hash(flowers.weights(o)) for o in MOMENTS}
    if 's2-film' in kept['runs']:
        run = Run(out/'s2-film')
        half = {k: v.half() if v.is_floating_point() else v for k,v in run.weights().items()}
        with atomic_path(folder/'s2-film.safetensors') as f: save_file(half, f)
        code = sha256((folder/'s2-film.safetensors').read_bytes()).hexdigest()
        kept['runs']['s2-film'] |= dict(file='own/s2-film.safetensors', file_sha256=code)
    for o in ('flowers', 'films'):
        if (out/f'{o}.json').exists(): kept[o] = json.loads((out/f'{o}.json').read_text())
    with atomic_path(HERE/'own.json') as f: f.write_text(json.dumps(kept, indent=1) + '\n')
    with torch.no_grad(), atomic_path(folder/'s0-flowers.jpg') as f:
        photos_by(out/'s0-flowers').save(f, quality=80)
    if 'films' in kept: film_pictures(out, folder, kept['films']['shots'])


if __name__ == '__main__': main(sys.argv[1])
