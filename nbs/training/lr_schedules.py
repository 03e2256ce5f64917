# %% [markdown]
# # Learning-rate schedules
#
# > How large the steps are along the way: constant, one cycle, cosine, or warm-up, stable, decay
#
# A learning rate that suits the middle of a run is too large for its first steps, when weights are random, and for its last, when little is left to learn. How it rises and falls is called a *schedule*, and each phase of a recipe names one by a word. All parameter groups follow the same curve, each at its own height, and a phase with short epochs still goes along the whole of it.

# %%
#| default_exp training.lr_schedules

# %% tags=["parameters"]
size,seed = 16,0

# %%
#| export
import math, re
import numpy as np
from fastai.callback.core import Callback, CancelTrainException
from fastai.callback.schedule import combine_scheds, combined_cos, SchedCos, SchedLin, SchedNo
from colorbook.core import UsageError

# %%
#| hide
import matplotlib.pyplot as plt, torch
from fastai.vision.all import *
from fastcore.test import *
from colorbook.models.critics import PatchCritic
from colorbook.training.gan import GAN, GANCallback, gan_splitter


# %% [markdown]
# ## Curves

# %% [markdown]
# A schedule turns progress $p$, from 0 to 1 over all steps of a phase, into a learning rate. Five are common, and three more are pieces for trainings in which a rise or a fall goes over a phase of its own.
#
# - `constant`: the rate as it is. GANs are mostly trained with it.
# - `one_cycle` [@smith2019]: up from a twenty-fifth in the first quarter, then down to a hundred-thousandth, both along half a cosine. Good where the length of the training is known and short.
# - `cosine` [@loshchilov2017]: from the full rate down to zero along half a cosine.
# - `half-every-10`: halved after every 10 epochs, as S3 has it, or after any other number; `tenth-every-30` takes a tenth. Older recipes are mostly written like this, in epochs, whatever their number.
# - `warmup_stable_decay` [@hagele2024]: a twentieth of the steps rising from a hundredth, then the full rate, then a last fifth down to zero, with rate times $1-\sqrt q$ where $q$ is the progress through that fifth. Its middle does not depend on how long the training is. From a checkpoint in the middle one can train longer, and needs a new last fifth only.
# - `warmup`: the first part of it, up and level; `to_half` and `to_zero`: straight down to half of the rate, or to nothing.
#
# A curve is made for the rates of all parameter groups at once, so that the groups keep their proportions.

# %%
#| export
def warmup_stable_decay(
    lr, # largest rate of each group
    warmup:float=.05, # share of the steps in which it rises
    decay:float=.2, # share of the steps in which it falls
):
    "Up, level, and down to zero by 1 - sqrt (Hägele et al. 2024), as a function of progress"
    down = lambda q: lr*(1 - math.sqrt(q))
    return combine_scheds([warmup, 1 - warmup - decay, decay], [SchedLin(lr/100, lr), SchedNo(lr, lr), down])

lr_schedules = dict(constant=lambda lr: SchedNo(lr, lr), one_cycle=lambda lr: combined_cos(.25, lr/25, lr, lr/1e5),
    cosine=lambda lr: SchedCos(lr, 0*lr), warmup_stable_decay=warmup_stable_decay,
    warmup=lambda lr: combine_scheds([.05, .95], [SchedLin(lr/100, lr), SchedNo(lr, lr)]),
    to_half=lambda lr: SchedLin(lr, lr/2), to_zero=lambda lr: SchedLin(lr, 0*lr))

def staircase(
    lr, # largest rate of each group
    share:float, # what each step leaves of the rate
    every:int, # epochs between two steps
):
    "Down in steps, as a function of the number of epochs that are done"
    curve = lambda epochs: lr*share**(int(epochs)//every)
    curve.by_epoch = True
    return curve

def lr_schedule(
    name:str, # one of `lr_schedules`, or steps such as 'half-every-10' and 'tenth-every-30'
    lrs, # largest rate of each parameter group
): # a function from progress in 0..1 to the rates of the groups; from epochs, where it has `by_epoch`
    "A learning-rate schedule by its name; `UsageError` where there is no such name"
    lr,steps = np.array(lrs, dtype=float),re.fullmatch(r'(half|tenth)-every-([1-9]\d*)', name)
    if steps: return staircase(lr, dict(half=.5, tenth=.1)[steps[1]], int(steps[2]))
    if name in lr_schedules: return lr_schedules[name](lr)
    raise UsageError(f"there is no schedule '{name}'", f"choose {', '.join(lr_schedules)}, or half-every-10")

# %%
at = lambda name, p: lr_schedule(name, [1., .1])(p).tolist()
for p in (0., .3, 1.): test_eq(at('constant', p), [1, .1])
for p,v in ((0., .04), (.25, 1), (1., 1e-5)): test_close(at('one_cycle', p), [v, v/10], eps=1e-6)
for p,v in ((0., 1), (1/3, .75), (.5, .5), (1., 0)): test_close(at('cosine', p), [v, v/10], eps=1e-6)
for p,v in ((0., .01), (.025, .505), (.05, 1), (.4, 1), (.79, 1), (.85, .5), (.95, 1 - .75**.5), (1., 0)):
    test_close(at('warmup_stable_decay', p), [v, v/10], eps=1e-6)
    if p < .8: test_close(at('warmup', p), [v, v/10], eps=1e-6)
for p in (0., .3, 1.): test_close(at('to_half', p) + at('to_zero', p), [1 - p/2, .1 - p/20, 1 - p, .1 - p/10], eps=1e-6)
for p,v in ((0, 1), (9.99, 1), (10, .5), (39.5, .125)): test_eq(at('half-every-10', p), [v, v/10])
test_close(at('tenth-every-30', 65.), [.01, .001])
test_fail(lambda: lr_schedule('steps', [1.]), exc=UsageError, contains='choose constant, one_cycle, cosine')
at('one_cycle', .5)

# %%
#| label: fig-schedules
#| fig-cap: "The learning rate over the steps of a phase, as a share of its largest value."
fig,ax = plt.subplots(figsize=(6, 2.6), layout='constrained')
progress = np.linspace(0, 1, 401)
for name in lr_schedules: ax.plot(progress, [lr_schedule(name, [1.])(p)[0] for p in progress], label=name)
ax.set(xlabel='progress', ylabel='learning rate')
ax.legend(frameon=False);

# %% [markdown]
# Three curves are level for most of the way: `constant`, `warmup` and `warmup_stable_decay`; the last falls steeply at its end. `one_cycle` has its peak after a quarter, and half a cosine leads down from there. `to_half` and `to_zero` are straight lines.

# %% [markdown]
# ## Short epochs

# %% [markdown]
# On many photographs an epoch takes hours, and one wants to look more often. A phase may call a *share* $s$ of the photographs an epoch: of $n$ batches, $\lceil sn\rceil$, each time from a fresh shuffle. `ShortEpoch` ends the training part of an epoch there. It comes behind all other callbacks, so that each of them has seen the last batch.

# %%
#| export
def steps_in(
    n:int, # batches that the loader has
    share:float=1., # part of them that counts as an epoch
) -> int: # batches in an epoch, at least one
    "How many batches an epoch has"
    return max(1, math.ceil(share*n))

class ShortEpoch(Callback):
    "End an epoch of training after a share of its batches; validation stays whole"
    order,run_valid = 1000,False
    def __init__(self, share:float): self.share = share
    def after_batch(self):
        if self.iter + 1 >= steps_in(self.n_iter, self.share): raise CancelTrainException()

# %% [markdown]
# ## The callback

# %% [markdown]
# Progress counts the steps that are really taken: with short epochs the curve is walked through whole, to its end. fastai's own scheduler counts the batches of whole epochs; in a phase of eight short ones it would jump at each, and the last rate would be that of seven eighths. Nothing is stored: epoch and batch say where a run is, so a resumed phase goes on at the right rate.

# %%
#| export
class LRSchedule(Callback):
    "Set the learning rate of each parameter group before each step, by a schedule"
    order,run_valid = 60,False
    def __init__(self,
        name:str, # see `lr_schedule`
        lrs, # largest rate of each parameter group
        share:float=1., # see `ShortEpoch`
    ): self.curve,self.share = lr_schedule(name, lrs),share
    def before_batch(self):
        epochs = self.epoch + self.iter/steps_in(self.n_iter, self.share)
        at = epochs if getattr(self.curve, 'by_epoch', False) else epochs/self.n_epoch
        self.opt.set_hyper('lr', self.curve(at).tolist())

# %% [markdown]
# Does the callback set what the curve says? We train tiny networks and write down every rate of both groups. However short the epochs are, the whole curve must be there; the groups must keep their proportion; and a fit that begins in the second of three epochs must go on where the straight one was.

# %%
class Tiny(nn.Module):
    "A generator of one layer"
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
    def forward(self, L): return self.conv(L)
    def color(self, out): return out.tanh()

class Rates(Callback):
    "The rates of all groups at each step"
    order,run_valid = 900,False
    def before_fit(self): self.seen = []
    def after_batch(self): self.seen.append([h['lr'] for h in self.opt.hypers])

def tiny_learner(n=80):
    "Tiny networks on random pictures, ten batches an epoch"
    torch.manual_seed(seed)
    items = [(torch.rand(1, size, size), torch.rand(2, size, size)) for _ in range(n)]
    dls = DataLoaders.from_dsets(items, items[:8], bs=8, shuffle=False, device='cpu', num_workers=0)
    gan = GAN(Tiny(), PatchCritic(2, 8, (2, 2, 1)))
    def l1(out, ab, L): return F.l1_loss(gan.generator.color(out), ab)
    learn = Learner(dls, gan, l1, opt_func=partial(Adam, mom=.5), splitter=gan_splitter)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn

def rates_of(name, share=1., epochs=3, start=0):
    "What a schedule sets, step by step"
    learn,rates = tiny_learner(),Rates()
    cbs = [GANCallback(), LRSchedule(name, [1e-3, 1e-4], share), rates, *([ShortEpoch(share)] if share < 1 else [])]
    learn.fit(epochs, [1e-3, 1e-4], cbs=cbs, start_epoch=start)
    return np.array(rates.seen)

# %%
test_eq([steps_in(10, o) for o in (1., .99, .41, .4, .01)], [10, 10, 5, 4, 1])
for name in lr_schedules:
    whole,short = rates_of(name),rates_of(name, .4)
    test_eq((len(whole), len(short)), (30, 12))
    test_close(short[:,0]/short[:,1], np.full(12, 10), eps=1e-6)
    test_close(short[:,0], [lr_schedule(name, [1e-3])(i/12)[0] for i in range(12)], eps=1e-9)
    test_eq(rates_of(name, .4, start=1), short[4:])
short = rates_of('warmup_stable_decay', .4)
assert short[-1,0] < .4*short[-2,0] < .4*short[-3,0] # decay ends with the last step, not before it
[f'{o:.1e}' for o in short[:,0]]

# %% [markdown]
# With `one_cycle` the weights come out as with fastai's `fit_one_cycle`, if that is given a constant momentum.

# %%
ours,theirs = tiny_learner(),tiny_learner()
ours.fit(2, [1e-3, 1e-4], cbs=[GANCallback(), LRSchedule('one_cycle', [1e-3, 1e-4])])
theirs.fit_one_cycle(2, [1e-3, 1e-4], moms=(.5,)*3, cbs=GANCallback())
for a,b in zip(ours.model.parameters(), theirs.model.parameters()): test_close(a, b, eps=1e-6)
sum(torch.equal(a, b) for a,b in zip(ours.model.parameters(), theirs.model.parameters()))

# %% [markdown]
# ## What we have
#
# - `lr_schedules`, words for a phase of a recipe, and `lr_schedule`, their curves, steps such as `half-every-10` among them;
# - `LRSchedule`, which sets the rates by the steps that are taken, also in short epochs and after a stop;
# - `ShortEpoch`, which calls a share of the photographs an epoch.

# %% [markdown]
# ## Exercises
#
# 1. Enter a schedule of your own in `lr_schedules`, one that falls to a tenth at a half and again at three quarters, and train a phase with it.
# 2. Train with `warmup_stable_decay` for four epochs, and then for eight from the checkpoint after the third. Which steps of the first run are wasted, and how many would be with `cosine`?
# 3. Why does `ShortEpoch` come behind all other callbacks? Give it the order 10 and see what the [average of the weights](ema.ipynb) misses.
