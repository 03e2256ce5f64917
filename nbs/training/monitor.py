# %% [markdown]
# # A monitor for GAN failures
#
# > A callback that warns of collapse, of a critic that has won, and of gray answers
#
# A GAN can fail for hours without an error. In S2's program the critic's verdict never reached the generator and the batch norms never learned a statistic, and both losses fell nicely. Such failures cannot be seen in the losses, but in gradients, in statistics, and in the size of steps, and to look there is cheap. The callback of this chapter recognizes six failures and names each in a sentence, most within a few steps. We plant all six, and check that it says nothing about healthy runs.

# %%
#| default_exp training.monitor

# %% tags=["parameters"]
size,n_steps,seeds = 16,40,(0, 1, 2)

# %%
#| export
import warnings
from collections import deque
import torch
from torch import nn, Tensor
from fastai.vision.all import *
from colorbook.training.gan import TRAINED_IN
from colorbook.core import TrainingError

# %%
#| hide
from fastcore.test import *
from colorbook.training.gan import GANCallback, GAN, gan_splitter
from colorbook.models.critics import PatchCritic

# %% [markdown]
# ## What to look at

# %% [markdown]
# **Slopes.** The generator learns from its critic through the gradient of the adversarial term at its output. Where that is zero or absent, the critic has no effect, whatever its loss says.
#
# **Steps.** Adam's first steps change each weight by the learning rate, whatever the gradients are. How much that is depends on the weights:
#
# $$\rho=\frac{\lVert\Delta w\rVert}{\lVert w\rVert}$$
#
# Networks that learn have $\rho$ around 0.001 to 0.1; at 1 each step replaces the network by another. A $\rho$ of zero at a learning rate above zero is a network that stands still. It is measured for each network alone, in the first steps and then now and then.
#
# **Statistics.** A batch norm that works changes its running mean with every batch. One that has not changed in twenty batches of training is in the wrong mode.
#
# **Colors and verdicts.** A generator whose colors have less than a twentieth of the truth's chroma for many batches has collapsed to gray. A critic that has told every real picture from every generated one for dozens of batches, and by a margin of several deviations, has won: the generator can no longer learn to deceive it.

# %%
#| export
def chroma(
    color:Tensor, # ab, or RGB in -1..1
) -> Tensor: # scalar, 0 for gray
    "Mean distance from gray"
    if color.shape[1] == 3: color = color - color.mean(1, keepdim=True)
    return color.detach().float().norm(dim=1).mean()

def margin(
    real:Tensor, # verdicts on real pictures, `bs` first
    fake:Tensor, # on generated ones
) -> Tensor: # share of pairs put in one order, 0.5..1; distance of the means in deviations
    "How well verdicts tell real from generated, on any scale and in either direction"
    real,fake = (o.float().flatten(1).mean(1) for o in (real, fake))
    share = (real[:,None] > fake).float().mean()
    spread = (real.var(correction=0) + fake.var(correction=0)).sqrt()/2**.5 + 1e-8
    return torch.stack([torch.maximum(share, 1 - share), (real.mean() - fake.mean()).abs()/spread])

# %%
test_eq(margin(tensor([1., 2., 3.])[:,None], tensor([-1., 0., .5])[:,None])[0], 1)
test_eq(margin(tensor([-1., 0.])[:,None], tensor([1., 2.])[:,None])[0], 1)
test_eq(margin(tensor([0., 1.])[:,None], tensor([0., 1.])[:,None])[1], 0)
test_close(margin(tensor([3., 5.])[:,None], tensor([-1., 1.])[:,None])[1], 4, eps=1e-5)
test_eq(chroma(torch.full((2, 3, 4, 4), .3)), 0)
test_close(chroma(tensor([.3, .4])[None,:,None,None]), .5, eps=1e-6)

# %% [markdown]
# ## The callback

# %% [markdown]
# It looks in the first five batches and in every fifth after that. Only then does it copy the weights, and only then must the program wait for a GPU. Each alarm is raised once, as a warning with the step and what to do, and kept in `raised`; with `stop` it ends the run instead. Some things are deliberate and raise no alarm: a network with a learning rate of zero, a network that rests, and batch norms whose weights are frozen.

# %%
#| export
class GANMonitor(Callback):
    "Say once, by name, what has gone wrong with a GAN"
    order = 20
    def __init__(self,
        every:int=5, # look at each so manieth batch, and at the first five
        patience:int=60, # batches in which a critic must have won; half as many of a gray generator
        stop:bool=False, # raise a `TrainingError` instead of a warning
    ):
        self.every,self.patience,self.stop,self.raised,self.n = every,patience,stop,{},0
        self.verdicts,self.grays = deque(maxlen=patience),deque(maxlen=max(2, patience//2//every))
        self.norms,self.worked,self.fresh = {},{},True
    def state_dict(self):
        plain = {k: getattr(self, k) for k in ('raised', 'n', 'norms', 'worked')}
        return plain | dict(verdicts=[*self.verdicts], grays=[*self.grays])
    def load_state_dict(self, state):
        for k in ('raised', 'n', 'norms', 'worked'): setattr(self, k, state[k])
        self.verdicts.extend(state['verdicts']); self.grays.extend(state['grays'])
        self.fresh = False
    def say(self, name, what, remedy):
        if name in self.raised: return
        self.raised[name] = self.n
        if self.stop: raise TrainingError(f'step {self.n}: {what}', remedy)
        warnings.warn(f'step {self.n}: {what}; {remedy}')
    def before_fit(self):
        if self.fresh: self.verdicts.clear(), self.grays.clear(), self.norms.clear(), self.worked.clear()
        self.fresh = True
    def before_batch(self):
        if not self.training: return
        self.n += 1
        self.looks = self.n <= 5 or self.n%self.every == 0
    def after_loss(self):
        if not self.training: return
        self.check_verdicts()
        if self.looks: self.check_slope(), self.check_color()
    def after_batch(self):
        if self.training: self.check_norms()

# %%
#| export
@patch
def check_slope(self:GANMonitor):
    "Does the critic's verdict reach the generator's output?"
    adversary = self.learn.adversary
    if adversary.turn not in ('both', 'generator'): return
    term,slope = adversary.term,None
    if term is not None and term.requires_grad:
        slope, = torch.autograd.grad(term, self.pred, retain_graph=True, allow_unused=True)
    if slope is None or not slope.any():
        self.say('detached', 'nothing of the critic reaches the generator', 'look for a detach, and for a weight of 0')

@patch
def check_color(self:GANMonitor):
    "Is there color in what is generated?"
    gen,real = self.learn.model.generator,self.yb[0]
    with torch.no_grad(): ratio = chroma(gen.color(self.pred))/chroma(real).clamp(min=1e-6)
    self.grays.append(ratio.item())
    if len(self.grays) == self.grays.maxlen and max(self.grays) < .05:
        what = f'the generator has collapsed to gray, {ratio:.1%} of the truth'
        self.say('gray', what, 'lower its rate, or raise the weight of the critic or of rare colors')

# %%
#| export
@patch
def check_verdicts(self:GANMonitor):
    "Has the critic won against a generator that plays?"
    adversary = self.learn.adversary
    if adversary.turn != 'both' or adversary.scores is None: return
    self.verdicts.append(margin(*adversary.scores))
    if not self.looks or len(self.verdicts) < self.patience: return
    share,distance = torch.stack([o.to(self.verdicts[-1].device) for o in self.verdicts]).mean(0).tolist()
    if share > .995 and distance > 5:
        self.say('critic_won', f'the critic has won: {share:.1%} right, {distance:.0f} deviations apart',
            'lower its rate, give it fewer steps, or train the generator longer alone')

@patch
def check_norms(self:GANMonitor):
    "Has every batch norm that trained for twenty batches moved its running mean?"
    for name,net in self.learn.model.named_children():
        if name not in TRAINED_IN[self.learn.adversary.turn]: continue
        self.worked[name] = n = self.worked.get(name, -1) + 1
        if n%20: continue
        now = {f'{name}.{k}': m.running_mean.clone() for k,m in net.named_modules() if
            getattr(m, 'running_mean', None) is not None and (m.weight is None or m.weight.requires_grad)}
        still = [k for k,v in now.items() if k in self.norms and torch.equal(v, self.norms[k])]
        if still: self.say('norm', f'{len(still)} of {len(now)} norms of the {name} never update, first {still[0]}',
            'they are in evaluation mode, or have a momentum of 0')
        self.norms.update(now)

# %%
#| export
def rate_of(
    opt, # fastai's optimizer
    name:str, # 'generator', 'critic' or 'weights'
) -> float: # the largest learning rate of its groups
    "The learning rate of one network of a `GAN`"
    rates = [o['lr'] for o in opt.hypers]
    return rates[-1] if name == 'critic' else max(rates[:-1])

@patch
def before_step(self:GANMonitor):
    "Remember the weights of whoever works, where we look"
    self.was = {}
    if not self.looks: return
    for name,net in self.learn.model.named_children():
        if name in TRAINED_IN[self.learn.adversary.turn] and name != 'weights' and params(net):
            self.was[name] = [p.detach().clone() for p in params(net)]

@patch
def after_step(self:GANMonitor):
    "How large was the step?"
    for name,was in self.was.items():
        now = params(getattr(self.learn.model, name))
        change,length = (sum(o.norm()**2 for o in x)**.5 for x in ([p.detach() - q for p,q in zip(now, was)], was))
        ratio = float(change/(length + 1e-12))
        if ratio == 0 and rate_of(self.opt, name) > 0:
            self.say(f'{name} still', f'the {name} does not move', 'look at its gradients')
        if not ratio < .5:
            self.say(f'{name} rate', f'a step changes the {name} by {ratio:.0%}', 'lower its learning rate')

# %% [markdown]
# ## Healthy runs

# %% [markdown]
# The pictures are discs again, orange or blue, and nothing in the lightness says which. A healthy run has the phases of [adversarial training](gan.ipynb): content, then the critic, then both. Printed are the alarms and the number of batches of the first run: no alarm in 160 batches, and none with the other seeds.

# %%
HUES = torch.tensor([[.5, .4], [-.1, -.6]])

def draw_discs(n):
    "`L` and `ab` of `n` pictures of a disc"
    y,x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing='ij')
    cy,cx,r = ((torch.rand(n, 1, 1)*.3 + low)*size for low in (.35, .35, .15))
    disc = (((x - cx)**2 + (y - cy)**2) < r**2).float()[:,None]
    return .5 + .2*disc + .02*torch.randn(n, 1, size, size),disc*HUES[torch.randint(0, 2, (n,))][:,:,None,None]

class Tiny(nn.Module):
    "A generator of three small layers"
    def __init__(self, nf=12):
        super().__init__()
        def block(ni): return nn.Sequential(nn.Conv2d(ni, nf, 3, padding=1), nn.BatchNorm2d(nf), nn.ReLU())
        self.layers = nn.Sequential(block(1), block(nf), nn.Conv2d(nf, 2, 3, padding=1))
    def forward(self, L): return self.layers(L)
    def color(self, out): return out.tanh()

def disc_learner(seed, steps=n_steps, bs=8, nf=12):
    "Tiny networks and an epoch of so many steps"
    torch.manual_seed(seed)
    L,ab = draw_discs(steps*bs)
    gan,items = GAN(Tiny(), PatchCritic(2, nf, (2, 2, 1))),list(zip(L, ab))
    dls = DataLoaders.from_dsets(items, items[:bs], bs=bs, device='cpu', num_workers=0)
    def l2(out, ab, L): return F.mse_loss(gan.generator.color(out), ab)
    learn = Learner(dls, gan, l2, opt_func=partial(Adam, mom=.5), splitter=gan_splitter, wd=0.)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn

# %%
def healthy(seed):
    "Alarms in a run of three stretches"
    learn,alarm = disc_learner(seed),GANMonitor()
    for mode,lr,n in (('content', 3e-3, 1), ('critic', 2e-3, 1), ('both', 2e-3, 2)):
        learn.fit(n, lr, cbs=[GANCallback(weight=.1, mode=mode), alarm])
    return alarm.raised,alarm.n

runs = [healthy(o) for o in seeds]
test_eq(runs, [({}, 4*n_steps)]*len(seeds))
runs[0]

# %% [markdown]
# ## Planted failures

# %% [markdown]
# Three failures, each planted where others had it: a critic that is detached from its generator; batch norms that are put in evaluation mode before every batch; learning rates a hundred times too high. Everything else is as in the last phase above. Each must be named within a hundred steps, and first by its own name. The lists below have the alarms with their steps. (A rate that is far too high raises further alarms later, for what it does to colors and verdicts.)

# %%
class Deaf(GANCallback):
    "S2's failure"
    def play(self, L, real, fake): return super().play(L, real, fake.detach())

class Frozen(Callback):
    "S2's other failure"
    order = GANCallback.order + 1
    def before_batch(self): self.learn.model.generator.eval()

def planted(seed, adversary, *cbs, lr=2e-3):
    "Alarms of a run with a failure in it: names and steps"
    learn,alarm = disc_learner(seed),GANMonitor()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        learn.fit(1, lr, cbs=[adversary, *cbs, alarm])
    test_eq(len([o for o in said if 'step' in str(o.message)]), len(alarm.raised))
    return alarm.raised

# %%
for seed in seeds:
    detached,frozen = planted(seed, Deaf()),planted(seed, GANCallback(), Frozen())
    wild = planted(seed, GANCallback(), lr=.2)
    test_eq((list(detached)[0], list(frozen)), ('detached', ['norm']))
    test_eq(list(wild)[:2], ['generator rate', 'critic rate'])
    assert max(detached['detached'], frozen['norm'], wild['generator rate'], wild['critic rate']) <= 100
detached,frozen,wild

# %% [markdown]
# The other three: a generator that stands still, because its gradients get lost; one whose colors are a hundredth of what they should be; and a critic that was trained alone for long, against a generator that always gives the same answer.

# %%
class Forgotten(Callback):
    "The generator's gradients get lost"
    order = GANCallback.order + 1
    def before_step(self):
        for p in self.learn.model.generator.parameters(): p.grad = None

def gray_run():
    "A generator with a hundredth of the color"
    learn,alarm = disc_learner(0),GANMonitor()
    learn.model.generator.color = lambda out: .01*out.tanh()
    learn.fit(1, 1e-3, cbs=[GANCallback(mode='content'), alarm])
    return alarm.raised

def won_run():
    "A critic with a long start"
    learn,alarm = disc_learner(0),GANMonitor()
    learn.model.generator.color = lambda out: 1 + 0*out
    learn.fit(1, (0., 5e-3), cbs=[GANCallback(mode='critic')])
    learn.fit(2, (1e-6, 5e-3), cbs=[GANCallback(weight=.1), alarm])
    return alarm.raised

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    others = planted(0, GANCallback(), Forgotten()),gray_run(),won_run()
test_eq([k in o for k,o in zip(('generator still', 'gray', 'critic_won'), others)], [True]*3)
others

# %%
learn = disc_learner(0)
ends = lambda: learn.fit(1, 1e-3, cbs=[Deaf(), GANMonitor(stop=True)])
test_fail(ends, exc=TrainingError, contains='step 1: nothing of the critic')

# %% [markdown]
# ## What we have
#
# - `GANMonitor`, which names a critic that has no effect or has won, a network that stands still or takes steps that are too large, gray answers, and batch norms that never update;
# - examples of each, and healthy runs without an alarm.

# %% [markdown]
# ## Exercises
#
# 1. Freeze the batch norms of the *critic* (give it some). Is the alarm the same?
# 2. Which of the three learning rates of the healthy run can be multiplied by ten without an alarm?
# 3. Plant a failure of your own that no alarm names. How could one notice it?
