# %% [markdown]
# # Learning rates, averaged weights and faster steps
#
# > How large the steps of a training are, what is kept of them, and what they cost
#
# Between two looks at the pictures a network does the same thing some ten thousand times: forward, backward, step. This chapter has three answers to what can be done better there. All but one of their parts are a word or a number in a recipe; the fused optimizer is always used. How large the steps are along the way is said by a *schedule* of the learning rate. Where the last step of a run is only one moment of a swing, the *average* of the weights over many steps is kept instead. And steps get *cheaper* when the optimizer's part is one call instead of a thousand, which changes nothing in the result, and when the early layers of the encoder, which take much of the time and have little left to learn, learn in every fourth step only.

# %%
#| default_exp training.optimization

# %% tags=["parameters"]
size,seed = 16,0

# %%
#| export
from fastai.vision.all import *
import math, re
import numpy as np, torch
from contextlib import contextmanager
from torch.optim.adamw import adamw
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from colorbook.core import UsageError

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.models.critics import PatchCritic
from colorbook.models.encoder_unet import EncoderUNet
from colorbook.training.gan import GAN, GANCallback, gan_splitter

# %% [markdown]
# ## Learning-rate schedules

# %% [markdown]
# A learning rate that suits the middle of a run is too large for its first steps, when weights are random, and for its last, when little is left to learn. A schedule turns progress $p$, from 0 to 1 over all steps of a phase, into a learning rate. Five are common, and three more are pieces for trainings in which a rise or a fall goes over a phase of its own.
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
# ## The rate before each step

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
    "The smallest generator with running statistics"
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1))
    def forward(self, L): return self.layers(L)
    def color(self, out): return out.tanh()

def tiny_learner(n=80):
    "A Learner on tiny networks and `n` random pictures, eight a batch"
    torch.manual_seed(seed)
    items = [(torch.rand(1, size, size), torch.rand(2, size, size)) for _ in range(n)]
    dls = DataLoaders.from_dsets(items, items[:8], bs=8, shuffle=False, device='cpu', num_workers=0)
    gan = GAN(Tiny(), PatchCritic(2, 8, (2, 2, 1)))
    def l1(out, ab, L): return F.l1_loss(gan.generator.color(out), ab)
    learn = Learner(dls, gan, l1, opt_func=partial(Adam, mom=.5), splitter=gan_splitter)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn

# %%
class Rates(Callback):
    "The rates of all groups at each step"
    order,run_valid = 900,False
    def before_fit(self): self.seen = []
    def after_batch(self): self.seen.append([h['lr'] for h in self.opt.hypers])

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
# With `one_cycle` the weights come out as with fastai's `fit_one_cycle`, if that is given a constant momentum. Printed is how many of their tensors are equal to the last bit.

# %%
ours,theirs = tiny_learner(),tiny_learner()
ours.fit(2, [1e-3, 1e-4], cbs=[GANCallback(), LRSchedule('one_cycle', [1e-3, 1e-4])])
theirs.fit_one_cycle(2, [1e-3, 1e-4], moms=(.5,)*3, cbs=GANCallback())
for a,b in zip(ours.model.parameters(), theirs.model.parameters()): test_close(a, b, eps=1e-6)
sum(torch.equal(a, b) for a,b in zip(ours.model.parameters(), theirs.model.parameters()))

# %% [markdown]
# ## Averaged weights

# %% [markdown]
# A generator that plays against a critic never settles: in one step all pictures turn a little greenish, in the next a little reddish. The remedy is to use the average of the weights over the last steps.
#
# The smallest game of two players has one number each. The first player wants $xy$ to be small and changes $x$, the second wants it large and changes $y$; the only place where neither gains is $(0,0)$. If both follow their slope, neither ever gets there: $x$ goes down where $y$ is positive, $y$ goes up where $x$ is, and the point walks around the goal in a slowly growing circle. The mean of where it has been is near the goal all the time. That is why GANs have long been judged by the average of the generator's weights [@yazici2019],
#
# $$\bar\theta\leftarrow d\,\bar\theta+(1-d)\,\theta$$
#
# after each step, with a *decay* $d$ a little below 1. How far it looks back is about $1/(1-d)$ steps: some fifty with 0.98, a thousand with 0.999. A long memory calms more, and takes as long to forget the first weights, which knew nothing.
#
# In the game one can say exactly how much is gained. With $z=x+iy$ a step with rate $r$ multiplies $z$ by $\lambda=1+ir$, so once the beginning is forgotten the average is $\frac{1-d}{1-d/\lambda}$ times the last point.

# %%
def play(n=600, rate=.05, decay=.99):
    "Where the two players are after each step, and the average of that, as complex numbers"
    z,mean,path = 1 + 0j,1 + 0j,[]
    for _ in range(n):
        z = complex(z.real - rate*z.imag, z.imag + rate*z.real)
        mean = decay*mean + (1 - decay)*z
        path.append((z, mean))
    return np.array(path).T

z,mean = play()
gain = lambda rate, decay: (1 - decay)/abs(1 - decay/(1 + 1j*rate))
test_close(abs(mean[-1])/abs(z[-1]), gain(.05, .99), eps=.01)
assert abs(z[-1]) > 2 > 5*abs(mean[-1])/abs(z[-1]) # the last point is further off than the first, the average is not
gain(.05, .99),gain(.05, .98)

# %%
#| label: fig-game
#| fig-cap: "Two players who follow their slopes circle around the point that suits both (cross); the average does not."
fig,ax = plt.subplots(figsize=(4.2, 3.4), layout='constrained')
for path,label in ((z, 'last step'), (mean, 'average')): ax.plot(path.real, path.imag, label=label)
ax.plot(0, 0, 'k+', ms=10)
ax.set(aspect='equal', xlabel='first player', ylabel='second player')
ax.legend(frameon=False);

# %% [markdown]
# The last step walks around the cross in a spiral that slowly opens: the longer the game, the farther away it is. The average begins at the same point and winds inward until it is close to the cross; from then on its circle grows as well, but it stays at a fifth of the other's distance.

# %% [markdown]
# ## The average beside the run

# %% [markdown]
# `AverageWeights` keeps the exponential moving average (EMA) of the generator's weights beside the run; the recipe's field is `ema`. Training goes on with the weights as they are; only those who look see the average. It is updated after each batch in which the generator has stepped, and not where the critic trains alone, for there a step would add the same weights once more. Running statistics of batch norm are averaged along. At the end of a fit the generator becomes its average. A run that is stopped in between has the average in its [checkpoint](runs.ipynb#what-a-step-depends-on), so the callback has a state.

# %%
#| export
class AverageWeights(Callback):
    "The exponential moving average (EMA) of the generator's weights; at the end of a fit the generator becomes it"
    order = 65
    def __init__(self,
        decay:float=.98, # share of the average that stays at each step
    ): self.decay,self.saved = decay,None
    def state_dict(self): return self.mean.state_dict()
    def load_state_dict(self, state): self.saved = state
    def before_fit(self):
        fn = get_ema_multi_avg_fn(self.decay)
        self.mean = AveragedModel(self.learn.model.generator, multi_avg_fn=fn, use_buffers=True)
        if self.saved: self.mean.load_state_dict(self.saved)
    def after_batch(self):
        if self.training and self.learn.adversary.turn != 'critic':
            self.mean.update_parameters(self.learn.model.generator)
    def after_fit(self): self.learn.model.generator.load_state_dict(self.mean.module.state_dict())

@contextmanager
def averaged(learn:Learner):
    "Inside, the generator has its averaged weights (EMA), where there are any"
    gen,mean = learn.model.generator,next((o.mean for o in learn.cbs if isinstance(o, AverageWeights)), None)
    if mean is None: yield; return
    was = {k: v.clone() for k,v in gen.state_dict().items()}
    gen.load_state_dict(mean.module.state_dict())
    try: yield
    finally: gen.load_state_dict(was)

# %% [markdown]
# A check with numbers: after three steps of the generator a weight is 1, 2 and 3, and between the last two only the critic steps. With a decay of .75 the average must then be $.75(.75\cdot1+.25\cdot2)+.25\cdot3=1.6875$. Inside of `averaged` the generator has this value, outside its own.

# %%
learn = tiny_learner(40)
average,weight = AverageWeights(.75),learn.model.generator.layers[-1].bias
learn.add_cbs([average, GANCallback()])
learn.training = True
average.before_fit()
for turn,v in (('both', 1.), ('generator', 2.), ('critic', 99.), ('both', 3.)):
    learn.adversary.turn = turn
    nn.init.constant_(weight, v)
    average.after_batch()
by_hand = .75*(.75*1 + .25*2) + .25*3
with averaged(learn): test_close(weight.detach(), torch.full_like(weight, by_hand))
test_eq(weight.detach(), torch.full_like(weight, 3.))
average.after_fit()
test_close(weight.detach(), torch.full_like(weight, by_hand))
by_hand

# %% [markdown]
# The same holds in training. A second callback keeps the weights after each step, so that the average can be taken again by hand; at the end of the fit the generator has it, running statistics included.

# %%
class Keep(Callback):
    "The generator after each batch of training"
    order = AverageWeights.order - 1
    def before_fit(self): self.rows = []
    def after_batch(self):
        if self.training: self.rows.append({k: v.clone() for k,v in self.learn.model.generator.state_dict().items()})

learn = tiny_learner(40)
learn.fit(2, 1e-2, cbs=[GANCallback(), keep := Keep(), AverageWeights(.9)])
for k,v in learn.model.generator.state_dict().items():
    if not v.is_floating_point(): continue
    mean = keep.rows[0][k]
    for o in keep.rows[1:]: mean = .9*mean + .1*o[k]
    test_close(v, mean, eps=1e-5)
    assert not torch.equal(v, keep.rows[-1][k])
len(keep.rows)

# %% [markdown]
# ## One call for all weights

# %% [markdown]
# fastai's optimizers are made of small functions that run for one tensor after the other, which is clear and slow: a U-Net has some two hundred tensors, and for each of them a dozen operations are started from Python. PyTorch has a function that takes all tensors of a group at once. `FusedAdam` has fastai's interface, its hyperparameters and its state, and calls that function. It is Adam with decoupled weight decay (AdamW) as before; weights of norms and biases are not decayed. And a gradient that was used is dropped instead of set to zero, so that the next backward pass writes it instead of adding to it.

# %%
#| export
class FusedAdam(Optimizer):
    "fastai's Adam (decoupled weight decay) with one call for all tensors of a group"
    def __init__(self,
        params, # parameters, or a list of groups of them
        lr:float, # learning rate
        mom:float=.9, # decay of the gradients' average
        sqr_mom:float=.99, # decay of their squares' average
        eps:float=1e-5, # added to its root
        wd:float=.01, # weight decay
    ): super().__init__(params, [], lr=lr, mom=mom, sqr_mom=sqr_mom, eps=eps, wd=wd)
    def zero_grad(self):
        for p,*_ in self.all_params(with_grad=True): p.grad = None
    @torch.no_grad()
    def step(self, closure=None):
        if closure is not None: raise NotImplementedError('a step is taken on gradients that are there')
        for group,h in zip(self.param_lists, self.hypers):
            moved = [p for p in group if p.grad is not None]
            for decays in (True, False):
                ps = [p for p in moved if self.state[p].get('do_wd', True) == decays]
                for p in ps:
                    if 'step' not in self.state[p]: self.state[p] |= dict(step=torch.zeros((), device=p.device),
                        grad_avg=torch.zeros_like(p), sqr_avg=torch.zeros_like(p))
                    # fastai's Adam counts in whole numbers
                    self.state[p]['step'] = torch.as_tensor(self.state[p]['step'], dtype=torch.float32, device=p.device)
                of = lambda k: [self.state[p][k] for p in ps]
                if ps: adamw(ps, [p.grad for p in ps], of('grad_avg'), of('sqr_avg'), [], of('step'), fused=True,
                    amsgrad=False, maximize=False, beta1=h['mom'], beta2=h['sqr_mom'], lr=h['lr'], eps=h['eps'],
                    weight_decay=h['wd']*decays)

# %% [markdown]
# Is it the same Adam? Both take ten steps from the same weights, with two groups of different rates. One tensor has a gradient in every second step only, and one is not decayed, because these are the places where a faster version easily goes wrong. In the last two lines one optimizer goes on from the saved state of another.

# %%
def ten_steps(kind, again=None):
    "Weights after ten steps; with `again` a new optimizer of that kind takes over in the middle"
    torch.manual_seed(seed)
    ps = [nn.Parameter(torch.randn(3, 4)) for _ in range(4)]
    make = lambda kind: kind([ps[:2], ps[2:]], lr=.1, mom=.8, sqr_mom=.95, eps=1e-3, wd=.2)
    opt = make(kind)
    opt.set_hyper('lr', [.1, .03])
    opt.state[ps[3]]['do_wd'] = False
    for i in range(10):
        if again and i == 5:
            state,opt = opt.state_dict(),make(again)
            opt.load_state_dict(state)
        for k,p in enumerate(ps):
            if k or i%2 == 0: p.grad = torch.randn(3, 4)
        opt.step()
        opt.zero_grad()
        if type(opt) is not FusedAdam: ps[0].grad = None
    return torch.stack([p.detach() for p in ps])

fused = ten_steps(FusedAdam)
test_close(fused, ten_steps(Adam), eps=1e-5)
test_eq(ten_steps(FusedAdam, again=FusedAdam), fused)
test_close(ten_steps(Adam, again=FusedAdam), fused, eps=1e-5)
fused.std()

# %% [markdown]
# ## Early layers rest

# %% [markdown]
# Where do the milliseconds of [the U-Net on EfficientNet-Lite0](../models/encoder_unet.ipynb) go? Its stem and its first three stages work on maps of a half to an eighth of the size. They have 2 % of the encoder's weights and take 40 % of the time of a step, most of it on the way back. They are also what a pretrained encoder has learned best: edges, textures, and nothing about color that a gray picture could tell. The 5x5 depthwise kernels are alike: few numbers, and gradients that cost much.
#
# So these parameters, which the encoder lists as `early`, learn in every $n$-th step only. In the other steps no gradient is computed for them, and the backward pass ends in front of them. The count begins anew with each epoch, so that a run that is resumed there goes on alike. With $n=4$ they get a quarter of the steps. In a recipe this is the field `early_every`. What it costs in quality was not measured; it is a bargain for the same *time*, not for the same number of pictures.

# %%
#| export
class RestEarly(Callback):
    "The encoder's early layers learn in every so manieth step only"
    order,run_valid = 20,False
    def __init__(self,
        every:int=4, # 1 for all steps
    ): self.every = every
    def before_fit(self):
        self.early = list(getattr(self.learn.model.generator, 'early', list)())
        if not self.early:
            what = f"'{type(self.learn.model.generator).__name__}' has no early layers that could rest"
            raise UsageError(what, 'set early_every to 1, or choose generator lite0')
    def before_batch(self):
        learn = self.iter%self.every == 0 and self.learn.adversary.turn != 'critic'
        for p in self.early: p.requires_grad_(learn)
    def after_fit(self):
        for p in self.early: p.requires_grad_(True)

# %% [markdown]
# The U-Net on EfficientNet-Lite0 shows it: between half a percent and a tenth of the encoder's weights are early, and when they rest, they and no others are without a gradient after the backward pass.

# %%
torch.manual_seed(seed)
net = EncoderUNet('lite0', 313, 4)
early = sum(p.numel() for p in net.early())
assert .005 < early/sum(p.numel() for p in net.encoder.parameters()) < .1
for p in net.early(): p.requires_grad_(False)
net(torch.rand(2, 1, 32, 32)).square().mean().backward()
ids = {id(p) for p in net.early()}
test_eq([p.grad is None for p in net.encoder.parameters()], [id(p) in ids for p in net.encoder.parameters()])
early

# %% [markdown]
# ## What we have
#
# - `lr_schedules`, words for a phase of a recipe, and `lr_schedule`, their curves, steps such as `half-every-10` among them;
# - `LRSchedule`, which sets the rates by the steps that are taken, also in short epochs and after a stop, and `ShortEpoch`, which calls a share of the photographs an epoch;
# - `AverageWeights`, the EMA of the generator's weights, which the generator becomes when a fit is over, and `averaged`, for those who look while training goes on;
# - `FusedAdam`, equal to fastai's Adam to rounding, with states that another one goes on from, and those of Adam as well;
# - `RestEarly`, by which a recipe's `early_every` saves the gradients of the encoder's early layers.

# %% [markdown]
# ## Exercises
#
# 1. Enter a schedule of your own in `lr_schedules`, one that falls to a tenth at a half and again at three quarters, and train a phase with it.
# 2. Train with `warmup_stable_decay` for four epochs, and then for eight from the checkpoint after the third. Which steps of the first run are wasted, and how many would be with `cosine`?
# 3. Why does `ShortEpoch` come behind all other callbacks? Give it the order 10 and see what the [average of the weights](optimization.ipynb#averaged-weights) misses.
# 4. In the game, which decay brings the average within a hundredth of the last point's distance, and how many steps does it take to forget the beginning?
# 5. The first average is the weights after the first step. Start from zero instead and divide by $1-d^n$, as Adam does with its moments. From which step on does it make no difference?
# 6. Average the critic, too. Which of the [failures that a monitor knows](monitor.ipynb) would that hide?
# 7. Measure a step of the U-Net with `early_every` 1, 2, 4 and 16. From which on is nothing gained any more, and why?
# 8. Batch norm in layers that rest still updates its running statistics. Does that matter? Freeze them as well, and compare.
