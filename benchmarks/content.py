"""Which content loss for the default model? Regression against rebalanced classification at equal budgets.

    python benchmarks/content.py DATA [--epochs 2] [--size 64]

Both train the same U-Net on the same photographs for the same number of steps. Then each gets the knob that it has
(saturation for the regression; temperature and share of the rebalancing divided out for the classification), and the
table gives the best held-out PSNR that reaches a colorfulness ratio.
"""
import argparse, tempfile
from dataclasses import replace
from pathlib import Path

import torch

from colorbook.training.selection import choose
from colorbook.color.lab import gray_to_L, lstar
from colorbook.evaluation.metrics import colorfulness, psnr
from colorbook.color.lab import to_rgb
from colorbook.training.recipes import Phase, recipes
from colorbook.training.runs import Run
from colorbook.training.trainer import train
from safetensors.torch import load_file


def saturations(gen, photos):
    "PSNR and colorfulness ratio of a regression at several saturations"
    rgb = torch.stack([torch.as_tensor(o) for o in photos]).permute(0, 3, 1, 2).float()/255
    L,real = gray_to_L(lstar(rgb)),colorfulness(rgb).mean()
    with torch.no_grad(): ab = torch.cat([gen(l[None]) for l in L])
    fakes = {s: to_rgb(L, ab*s) for s in (1., 1.25, 1.5, 1.75, 2., 2.5, 3., 4.)}
    return [dict(s=s, psnr=psnr(f, rgb).mean().item(), ratio=(colorfulness(f).mean()/real).item())
            for s,f in fakes.items()]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('data')
    ap.add_argument('--epochs', type=int, default=2)
    ap.add_argument('--size', type=int, default=64)
    a = ap.parse_args()
    kinds = dict(regression=dict(generator='mobile_ab', content='smooth_l1'), classification={})
    rows = {}
    with tempfile.TemporaryDirectory() as tmp:
        for name,change in kinds.items():
            phases = (Phase('content', a.epochs, (3e-4, 2e-3, 0.)),)
            recipe = replace(recipes['default-mobile'], phases=phases, size=a.size, **change)
            run = train(recipe, a.data, Path(tmp)/name)
            photos = Run(run).held_out(size=2*a.size)
            gen = Run(run).generator()
            if name == 'regression': rows[name] = saturations(gen, photos)
            else:
                weights = load_file(run/'classes.safetensors')['weights']
                rows[name] = choose(gen, photos, weights, sizes=(2*a.size,))[1]
    print('\nbest held-out PSNR (dB) that reaches a colorfulness ratio')
    print('ratio at least'.ljust(16) + ''.join(k.rjust(16) for k in rows))
    for floor in (.4, .5, .65, .8):
        best = [max((o['psnr'] for o in r if o['ratio'] >= floor), default=float('nan')) for r in rows.values()]
        print(f'{floor:<16}' + ''.join(f'{b:16.2f}' for b in best))


if __name__ == '__main__': main()
