"""Any number of colorizers on the same photographs, by the protocol of `colorbook evaluate`, in one table.

    python benchmarks/peers.py TRUTH TOOL... [--model NAME] [--size 256] [--lpips squeeze] [--exact] [--out DIR]

TRUTH is a folder of color photographs, each TOOL a folder of what a program made of their gray versions, under the same
names; a folder's name is the tool's. Every figure has its interval. The first row is colorbook's own, by `--model`.
Below the table stand the paired differences of colorbook to each tool, photo by photo. `--exact` measures each tool's
colors at the photograph's own lightness, so that who changes the lightness is not punished for it twice.

Where a tool's results come as panels side by side in one picture, cut them first:

    python benchmarks/peers.py --cut PANELS --names gray,truth,tool-a,tool-b --out FOLDERS
"""
import argparse, sys, tempfile
from pathlib import Path

import numpy as np, pandas as pd
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

from colorbook.evaluation.compare import compare_evaluations, evaluate_model, evaluate_pictures, match_pictures
from colorbook.evaluation.protocol import read_truth
from colorbook.imaging.colorizer import colorize, load_model

SHOWN = ('psnr', 'ciede2000', 'lpips_ratio', 'colorfulness_ratio', 'worse_than_gray', 'cni', 'cci_ratio', 'same_top1',
         'frechet_lite0')


def cut(panels, names, out):
    "Pictures of several panels of equal width as a folder for each panel"
    for src in sorted(o for o in panels.iterdir() if o.suffix.lower() in ('.png', '.jpg', '.jpeg', '.webp')):
        im = Image.open(src).convert('RGB')
        w,rest = divmod(im.width, len(names))
        if rest: sys.exit(f"'{src}' has {im.width} columns, which are not {len(names)} equal panels")
        for i,name in enumerate(names):
            (out/name).mkdir(parents=True, exist_ok=True)
            im.crop((i*w, 0, (i + 1)*w, im.height)).save(out/name/f'{src.stem}.png')


def at_true_lightness(colored, truth, size, home):
    "A tool's a and b with the lightness of the photographs, as squares, in the folder `home`"
    for i,(name,src,real) in enumerate(match_pictures(colored, truth)):
        lab = rgb2lab(read_truth(name, src, size))
        lab[...,0] = rgb2lab(read_truth(name, real, size))[...,0]
        to = (home/name).with_suffix('.png')
        to.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(np.rint(lab2rgb(lab).clip(0, 1)*255))).save(to)
    return home


def row(found):
    "A tool's line: figure and interval"
    every = found.summary | found.sets
    return {k: '{mean:.3f} [{low:.3f}, {high:.3f}]'.format(**every[k]) for k in SHOWN if k in every}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('truth', nargs='?', type=Path)
    p.add_argument('tools', nargs='*', type=Path)
    p.add_argument('--model', default='default')
    p.add_argument('--size', type=int, default=256)
    p.add_argument('--lpips', default='squeeze')
    p.add_argument('--exact', action='store_true')
    p.add_argument('--out', type=Path)
    p.add_argument('--cut', type=Path)
    p.add_argument('--names', default='')
    a = p.parse_args()
    if a.cut:
        if not a.out or not a.names: p.error('--cut needs --names and --out')
        return cut(a.cut, a.names.split(','), a.out)
    if not a.truth: p.error('TRUTH is missing')
    model = load_model(a.model)
    net = None if a.lpips == 'none' else a.lpips
    def out(name): return a.out/name if a.out else None
    found = {'colorbook': evaluate_model(lambda g: colorize(g, model), a.truth, out('colorbook'), a.size, net=net,
        about=dict(name=model.card['name']))}
    for tool in a.tools:
        with tempfile.TemporaryDirectory() as home:
            colored = at_true_lightness(tool, a.truth, a.size, Path(home)) if a.exact else tool
            found[tool.name] = evaluate_pictures(colored, a.truth, out(tool.name), a.size, net,
                about=dict(name=tool.name, exact_lightness=a.exact))
    first = found['colorbook']
    gray = {k: '{mean:.3f}'.format(**o) for k in SHOWN if (o := (first.summary | first.sets).get(f'gray_{k}'))}
    with pd.option_context('display.width', 250, 'display.max_columns', None):
        print(pd.DataFrame({'gray': gray} | {k: row(o) for k,o in found.items()}).T.fillna('').to_string())
        for name,o in found.items():
            if name == 'colorbook': continue
            table = compare_evaluations(first, o)
            print(f'\ncolorbook - {name}\n' + table.loc[[k for k in SHOWN if k in table.index]].round(3).to_string())


if __name__ == '__main__': main()
