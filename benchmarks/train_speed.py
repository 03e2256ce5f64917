"""How much of a training step is not the network: images a second of the book's trainer and of a bare loop.

    python benchmarks/train_speed.py PHOTOS [--recipe default] [--size 96] [--steps 20] [--rounds 3] [--n 400]

The bare loop has the same network, loss, precision, resting layers and AdamW on batches that are there already: no
photographs, no average, no clipping, no log. Both run in turns in one process, so that other work on the machine
disturbs them alike; the ratio in processor time hardly depends on it. Of a recipe with several processes, what one of
them does with its part of a batch is measured, without the averaging of gradients.
"""
import argparse, statistics, tempfile, time
from dataclasses import replace
from pathlib import Path

import torch
from fastai.callback.core import Callback, CancelFitException
from fastai.vision.all import ProgressCallback, noop

from colorbook.core import malloc_policy
from colorbook.data.photos import decode_photos
from colorbook.data.loaders import load_data
from colorbook.training.gan import GANCallback
from colorbook.training.journal import RunRecorder
from colorbook.training.optimization import AverageWeights, LRSchedule
from colorbook.training.recipes import load_recipe
from colorbook.training.registry import make_gan
from colorbook.training.trainer import make_learner


class Clock(Callback):
    "Processor and wall time of the steps behind the first few; it ends the fit"
    order,run_valid = 2000,False
    def __init__(self, skip, steps): self.skip,self.steps = skip,steps
    def before_batch(self):
        if self.iter == self.skip: self.start = time.perf_counter(),time.process_time()
    def after_batch(self):
        if self.iter + 1 < self.skip + self.steps: return
        self.took = time.perf_counter() - self.start[0],time.process_time() - self.start[1]
        raise CancelFitException()


class Loss(RunRecorder):
    "What the recorder does in each step, and no files"
    def after_epoch(self): pass


def trainer(learn, recipe, skip, steps):
    clock = Clock(skip, steps)
    cbs = [GANCallback(recipe.adversarial, recipe.adv_weight, 'content'), Loss(tempfile.mkdtemp(), 0, []),
           LRSchedule('constant', recipe.phases[0].lrs), clock]
    if recipe.ema: cbs.append(AverageWeights(recipe.ema))
    with learn.no_logging(): learn.fit(1, list(recipe.phases[0].lrs), cbs=cbs)
    return clock.took


def bare(net, opt, loss, batches, recipe, skip, steps):
    early,every = list(getattr(net, 'early', list)()),recipe.early_every
    for i in range(skip + steps):
        if i == skip: start = time.perf_counter(),time.process_time()
        L,ab = batches[i%len(batches)]
        for p in early: p.requires_grad_(i%every == 0)
        with torch.autocast('cpu', torch.bfloat16, enabled=recipe.bf16): out = net(L)
        loss(out.float(), ab).backward()
        opt.step()
        opt.zero_grad(set_to_none=True)
    for p in early: p.requires_grad_(True)
    return time.perf_counter() - start[0],time.process_time() - start[1]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('photos')
    ap.add_argument('--recipe', default='default')
    for k,v in dict(size=96, steps=20, rounds=3, n=400, threads=1, skip=3).items():
        ap.add_argument(f'--{k}', type=int, default=v)
    a = ap.parse_args()
    recipe = load_recipe(a.recipe)
    bs = recipe.bs//recipe.processes
    recipe = replace(recipe, size=a.size, bs=bs, processes=1)
    torch.set_num_threads(a.threads)
    malloc_policy(keep=True)
    photos = decode_photos(a.photos, Path(tempfile.gettempdir())/'train-speed', a.size*3//2, a.n)
    dls = load_data(recipe, photos)
    learn = make_learner(recipe, dls)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    net = make_gan(recipe).generator.train()
    opt = torch.optim.AdamW(net.parameters(), lr=1e-4, betas=recipe.betas, fused=True)
    batches = [b for _,b in zip(range(4), dls.train)]
    a.steps = min(a.steps, len(dls.train) - a.skip)
    rates = dict(trainer=[], bare=[])
    for _ in range(a.rounds):
        for k,f in dict(trainer=lambda: trainer(learn, recipe, a.skip, a.steps),
                        bare=lambda: bare(net, opt, learn.loss_func, batches, recipe, a.skip, a.steps)).items():
            rates[k].append([bs*a.steps/o for o in f()])
    for k,v in rates.items():
        wall,cpu = (statistics.median(o) for o in zip(*v))
        print(f'{k:8} {wall:7.1f} images/s, {cpu:7.1f} for each second of processor time')
    ratio = [statistics.median(t[i]/b[i] for t,b in zip(*rates.values())) for i in (0, 1)]
    print(f'ratio    {ratio[0]:7.2f} wall, {ratio[1]:.2f} processor')


if __name__ == '__main__': main()
