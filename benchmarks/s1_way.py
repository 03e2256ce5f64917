"""How much faster is a film colored than in S1's way, with the same network?

    python benchmarks/s1_way.py FILM [--model FILE.onnx] [--weights RUN] [--frames 96]

S1's way: every frame becomes a PNG file; each answer reads three of them, makes them small, runs three passes of the
encoder, one of the decoder, in PyTorch, one answer at a time; it is joined with lightness by scikit-image, written as a
PNG file, and FFmpeg makes a film of these. Here the network is the product's at the size of its card, and S1's way is
given the film's own size instead of a square, so both make the same film. Ours is `colorbook video` without the
stabilizer, which S1 has not, and with it. The network alone, three passes against one with a state, stands above.
FILM is brought to 854x480 first.
"""
import argparse, tempfile, time
from itertools import chain, cycle, islice
from pathlib import Path

import numpy as np, onnxruntime, torch
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

from colorbook.imaging.colorizer import net_size
from colorbook.video.read import read_frames, write_clip
from colorbook.video.model import color_film, default_film_model, FilmModel
from colorbook.models.registry import create_generator
from colorbook.training.runs import Run
from colorbook.video.colorize import colorize_video


def network(run, model):
    "The film model in PyTorch: speed does not depend on weights, so arbitrary ones will do"
    net = Run(run).generator() if run else create_generator('temporal')
    return net.eval().float()


def triple_session(net, h, w, path):
    "Three passes of the encoder in one graph of the same runtime"
    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net
        def forward(self, x): return self.net.color(self.net(x))
    torch.onnx.export(Whole().eval(), (torch.rand(1, 3, h, w),), str(path), dynamo=True, verbose=False)
    return onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])


def timed(f):
    start = time.perf_counter()
    out = f()
    return out,time.perf_counter() - start


def s1_way(film, dst, net, h, w, home):
    "Color a film as S1 does"
    frames = home/'frames'
    frames.mkdir()
    n = 0
    for f in read_frames(film):
        f.im.save(frames/f'{f.number + 1:05}.png')
        n += 1
    def small(i):
        im = Image.open(frames/f'{min(max(i, 1), n):05}.png').convert('RGB').resize((w, h), Image.Resampling.BICUBIC)
        return torch.from_numpy(rgb2lab(np.asarray(im))[...,0]/100).float()
    out = home/'out'
    out.mkdir()
    for i in range(1, n + 1):
        x = torch.stack([small(i - 1), small(i), small(i + 1)])[None]
        with torch.inference_mode(): ab = net.color(net(x))[0]*110
        L = rgb2lab(np.asarray(Image.open(frames/f'{i:05}.png').convert('RGB')))[...,0]
        ab = torch.nn.functional.interpolate(ab[None], L.shape, mode='bilinear')[0].permute(1, 2, 0).numpy()
        rgb = lab2rgb(np.dstack([L, ab]))
        Image.fromarray((rgb*255).round().astype(np.uint8)).save(out/f'{i:05}.png')
    write_clip((Image.open(o) for o in sorted(out.iterdir())), dst, 24)
    return n


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('film', type=Path)
    ap.add_argument('--model', type=Path, default=default_film_model())
    ap.add_argument('--weights', type=Path)
    ap.add_argument('--frames', type=int, default=96)
    o = ap.parse_args()
    net,stream = network(o.weights, o.model),FilmModel(o.model)
    w,h = net_size(854, 480, stream.card['size'], stream.card['multiple'])
    with tempfile.TemporaryDirectory() as home:
        home = Path(home)
        again = chain.from_iterable(read_frames(o.film) for _ in cycle([0]))
        clip = write_clip((f.im.resize((854, 480)) for f in islice(again, o.frames)), home/'clip.mp4', 24)
        x = np.random.default_rng(0).random((24, h, w), np.float32)
        session = triple_session(net, h, w, home/'triple.onnx')
        name, = (i.name for i in session.get_inputs())
        alone = {}
        for _ in range(2): # the second time counts
            with torch.inference_mode():
                clip3 = torch.from_numpy(x[None,:3])
                _,alone['three passes, PyTorch'] = timed(lambda: [net.color(net(clip3)) for _ in x])
            _,alone['three passes, onnxruntime'] = timed(lambda: [session.run(None, {name: x[None,:3]}) for _ in x])
            _,alone['one pass with a state'] = timed(lambda: list(color_film(stream, zip(x, [0]*len(x)))))
        print(f'network alone, {w}x{h}: ' + ', '.join(f'{k} {1e3*v/len(x):.1f} ms' for k,v in alone.items()))
        ours = alone['one pass with a state']
        print('ratios: ' + ', '.join(f'{v/ours:.2f}' for v in alone.values()))
        rows = {"S1's way": timed(lambda: s1_way(clip, home/'s1.mp4', net, h, w, home))}
        for name,strength in (('colorbook, no stabilizer', 0), ('colorbook video', .9)):
            rows[name] = timed(lambda: colorize_video(clip, home/f'{strength}.mp4', o.model, stabilize=strength).frames)
        slow = rows["S1's way"][1]
        for k,(n,t) in rows.items(): print(f'{k:26}{n:5} frames {t:7.1f} s {n/t:7.1f} a second {slow/t:7.1f} times')


if __name__ == '__main__': main()
