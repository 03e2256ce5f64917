"""Adversarial training: images a second of the callback against fastai's GANLearner, paired in one run.

    python benchmarks/gan_step.py [--size 224] [--bs 4] [--batches 6] [--rounds 5]

All train S0's generator and critic with S0's losses, Adam and batches, each photograph of a batch drives one step of
the generator and one of the critic. GANLearner takes one batch for each of the two steps (FixedGANSwitcher(1, 1)), so
the same batch is given to it twice, and an image counts when both networks have learned from it. Ours runs as
`colorbook train s0` does, and in float32 as well, which is what GANLearner can do on a CPU. All have the allocator's
settings of `colorbook train`. The rounds alternate; a ratio is the median over the rounds.
"""
import argparse, time
from statistics import median

import torch, torch.nn.functional as F
from fastai.callback.progress import ProgressCallback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.optimizer import Adam
from fastai.vision.gan import FixedGANSwitcher, GANLearner
from functools import partial
from rich.console import Console
from rich.table import Table

from colorbook.training.gan import GANCallback, gan_splitter
from colorbook.models.s0 import S0Critic
from colorbook.losses.content import L1Loss
from colorbook.training.recipes import recipes, replace
from colorbook.training.registry import make_gan
from colorbook.core import malloc_policy
from colorbook.models.s0 import S0Generator

opt = partial(Adam, mom=.5, sqr_mom=.999, eps=1e-8)


class ColorOnly(torch.nn.Module):
    "S0's critic as GANLearner calls it: without L"
    def __init__(self, size):
        super().__init__()
        self.critic = S0Critic(size)
    def forward(self, color): return self.critic(None, color)


def batches(n, bs, size, twice):
    "The same random batches for both; GANLearner sees each one twice"
    torch.manual_seed(0)
    made = [(torch.rand(bs, 1, size, size), torch.rand(bs, 3, size, size)*2 - 1) for _ in range(n)]
    return [b for b in made for _ in range(1 + twice)]


class Batches(list):
    "A loader that fastai's Learner accepts"
    device = torch.device('cpu')
    def one_batch(self): return self[0]
    def to(self, device): return self


def ours(loader, size, bf16):
    gan = make_gan(replace(recipes['s0'], size=size, bf16=bf16))
    return Learner(DataLoaders(loader, Batches()), gan, L1Loss(100.), opt, splitter=gan_splitter, cbs=GANCallback())


def theirs(loader, size):
    def crit(real, fake): return F.softplus(-real).mean() + F.softplus(fake).mean()
    def gen(fake_pred, output, target): return F.softplus(-fake_pred).mean() + 100*(output - target).abs().mean()
    return GANLearner(DataLoaders(loader, Batches()), S0Generator(), ColorOnly(size), gen, crit, opt_func=opt,
                      switcher=FixedGANSwitcher(n_crit=1, n_gen=1))


def images_per_second(learn, n):
    "`n` images, each of which drives both networks"
    learn.remove_cb(ProgressCallback)
    with learn.no_logging():
        start = time.perf_counter()
        learn.fit(1, 1e-4)
    return n/(time.perf_counter() - start)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name,value in dict(size=224, bs=4, batches=6, rounds=5).items():
        ap.add_argument(f'--{name}', type=int, default=value)
    a = ap.parse_args()
    def made(twice): return Batches(batches(a.batches, a.bs, a.size, twice))
    malloc_policy(keep=True)
    learners = dict(colorbook=ours(made(False), a.size, True), float32=ours(made(False), a.size, False),
                    GANLearner=theirs(made(True), a.size))
    for learn in learners.values(): images_per_second(learn, 1)
    rows = [[images_per_second(learn, a.batches*a.bs) for learn in learners.values()] for _ in range(a.rounds)]
    title = f'S0 at {a.size} px, batches of {a.bs}, {a.rounds} rounds'
    table = Table('images/s', 'median', 'least', 'most', title=title)
    for name,col in zip(learners, zip(*rows)):
        table.add_row(name, *(f'{f(col):.2f}' for f in (median, min, max)))
    Console().print(table)
    for i,name in enumerate(('colorbook', 'colorbook in float32')):
        ratios = [row[i]/row[-1] for row in rows]
        print(f'{name}, times GANLearner: median {median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}'
              + ' (bar: 1.5)'*(not i))


if __name__ == '__main__': main()
