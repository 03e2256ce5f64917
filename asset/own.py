"""What the book keeps of `benchmarks/systems.py`: `python asset/own.py OUT [--weights]` writes `asset/own.json` and,
with pictures and weights, `asset/own/`.

`own.json` has figures, plans, commands and hashes. Weights are stored small: as whole numbers of eight bits, in large
kernels of four, with a scale for every 64 of them. Pictures are of the film only, which may be shown; flowers may not.
"""
import csv, json, sys
from hashlib import sha256
from pathlib import Path

import numpy as np, torch
from PIL import Image
from safetensors.torch import save_file

from colorbook.core import atomic_path
from colorbook.training.recipes import to_plain
from colorbook.training.runs import Run, state_hash

HERE = Path(__file__).resolve().parent
DEEP,REST,MANY = 4,8,250_000 # bits of kernels with more numbers than that, and of others
SHOWN = 's0-flowers', 's1-film', 's2-film'


def pack(w, bits, group=64):
    "Weights as whole numbers packed into bytes, and a scale for each group"
    g,most = w.float().contiguous().flatten().view(-1, group),2**(bits - 1) - 1
    scale = (g.abs().amax(1, keepdim=True)/most).half()
    q = (g/scale.float().clamp(min=1e-8)).round().clamp(-most, most).int() + most + 1
    digits = (q.flatten().numpy()[:,None] >> np.arange(bits) & 1).astype(np.uint8)
    return torch.from_numpy(np.packbits(digits, bitorder='little')),scale.flatten()


def small(state, deep=DEEP, rest=REST):
    "A state dict for the file: kernels as whole numbers, what else there is in half precision"
    out = {}
    for k,v in state.items():
        if v.dim() == 4 and v.numel()%64 == 0: out[k],out[f'{k}.scale'] = pack(v, deep if v.numel() > MANY else rest)
        else: out[k] = v.half() if v.is_floating_point() else v
    return {k: v.contiguous() for k,v in out.items()}


def strip(versions, n, width=256):
    "Rows of gray, truth and colored, as S0 shows its results: two in a line"
    at = np.linspace(0, len(versions['truth']) - 1, n).round().astype(int)
    rows = [np.hstack([versions[k][i] for k in ('gray', 'truth', 'colored')]) for i in at]
    return Image.fromarray(np.vstack([np.hstack(rows[i:i + 2]) for i in range(0, n, 2)]))


def clip(versions, path, start=8, n=40, width=192):
    "Versions side by side as an animated GIF of every other frame, one table of colors for all"
    h = round(width*next(iter(versions.values())).shape[1]/next(iter(versions.values())).shape[2])
    def small(o): return np.asarray(Image.fromarray(o).resize((width, h), Image.Resampling.BICUBIC))
    frames = [np.hstack([small(v[i]) for v in versions.values()]) for i in range(start, start + 2*n, 2)]
    table = Image.fromarray(np.vstack(frames[::8])).quantize(256, Image.Quantize.MEDIANCUT)
    ims = [Image.fromarray(o).quantize(palette=table, dither=Image.Dither.NONE) for o in frames]
    with atomic_path(path) as f: ims[0].save(f, format='GIF', save_all=True, append_images=ims[1:], duration=83, loop=0)


def main(out, weights=False):
    out,kept = Path(out),dict(commands=['python benchmarks/systems.py flowers PHOTOS OUT',
        'python benchmarks/systems.py films FILM OUT', 'python asset/own.py OUT'], runs={})
    if weights: (HERE/'own').mkdir(exist_ok=True)
    for folder in sorted(o.parent for o in out.glob('*/recipe.yaml')):
        run,name = Run(folder),folder.name
        tag = json.loads((out/'flowers.json').read_text())['chosen']['tag'] if name == 's0-flowers' else run.tags[-1]
        state = run.weights(tag)
        with open(folder/'history.csv', newline='') as f: log = list(csv.DictReader(f))
        log = [{k: v if k in ('mode', 'tag') else float(v) for k,v in o.items()} for o in log]
        log = [{k: None if v != v else v for k,v in o.items()} for o in log]
        kept['runs'][name] = dict(recipe=to_plain(run.recipe), tag=tag, weights_sha256=state_hash(state), log=log)
        if not weights or name not in SHOWN: continue
        path = HERE/'own'/f'{name}.safetensors'
        with atomic_path(path) as f: save_file(small(state), f)
        kept['runs'][name] |= dict(file=f'own/{path.name}', file_sha256=sha256(path.read_bytes()).hexdigest())
    for o in ('flowers', 'films'):
        if (out/f'{o}.json').exists(): kept[o] = json.loads((out/f'{o}.json').read_text())
    def versions(name, *keys): return {k: np.load(out/f"{name}-{k.replace(' ', '-')}.npy") for k in keys}
    if weights and (out/'films.json').exists():
        with atomic_path(HERE/'own'/'s0-film.jpg') as f:
            strip(versions('s0-film', 'gray', 'truth', 'colored'), 8).save(f, quality=88)
        clip(versions('s1-film', 'gray', 'colored', 'truth'), HERE/'own'/'s1-film.gif')
        clip(versions('s2-film', 'fresh noise', 'one noise', 'truth'), HERE/'own'/'s2-film.gif')
    with atomic_path(HERE/'own.json') as f: f.write_text(json.dumps(kept, indent=1) + '\n')


if __name__ == '__main__': main(sys.argv[1], '--weights' in sys.argv)
