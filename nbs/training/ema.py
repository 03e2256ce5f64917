# %% [markdown]
# # Averaged weights (EMA)
#
# > An exponential moving average of the generator, which does not swing as training does
#
# A generator that plays against a critic never settles: in one step all pictures turn a little greenish, in the next a little reddish, and the last step of a run is one moment of that swing. The remedy is to use the average of the weights over the last steps. The callback of this chapter keeps the exponential moving average (EMA) of the generator's weights beside the run; what is looked at, measured and written is the average. A recipe switches it on with one number, `ema`.

# %%
#| default_exp training.ema

# %% tags=["parameters"]
size,seed = 16,0

# %%
#| export
from contextlib import contextmanager
from fastai.vision.all import *
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

# %%
#| hide
import matplotlib.pyplot as plt, numpy as np, torch
from fastcore.test import *
from colorbook.models.critics import PatchCritic
from colorbook.training.gan import GAN, GANCallback, gan_splitter

# %% [markdown]
# ## Why an average

# %% [markdown]
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
# ## The callback

# %% [markdown]
# Training goes on with the weights as they are; only those who look see the average. It is updated after each batch in which the generator has stepped, and not where the critic trains alone, for there a step would add the same weights once more. Running statistics of batch norm are averaged along. At the end of a fit the generator becomes its average. A run that is stopped in between has the average in its [checkpoint](checkpoint.ipynb), so the callback has a state.

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
class Tiny(nn.Module):
    "The smallest generator with running statistics"
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1))
    def forward(self, L): return self.layers(L)
    def color(self, out): return out.tanh()

def tiny_learner():
    "A Learner on tiny networks and random pictures"
    torch.manual_seed(seed)
    items = [(torch.rand(1, size, size), torch.rand(2, size, size)) for _ in range(40)]
    dls = DataLoaders.from_dsets(items, items[:8], bs=8, shuffle=False, device='cpu', num_workers=0)
    gan = GAN(Tiny(), PatchCritic(2, 8, (2, 2, 1)))
    def l1(out, ab, L): return F.l1_loss(gan.generator.color(out), ab)
    learn = Learner(dls, gan, l1, opt_func=partial(Adam, mom=.5), splitter=gan_splitter)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn

# %%
learn = tiny_learner()
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

learn = tiny_learner()
learn.fit(2, 1e-2, cbs=[GANCallback(), keep := Keep(), AverageWeights(.9)])
for k,v in learn.model.generator.state_dict().items():
    if not v.is_floating_point(): continue
    mean = keep.rows[0][k]
    for o in keep.rows[1:]: mean = .9*mean + .1*o[k]
    test_close(v, mean, eps=1e-5)
    assert not torch.equal(v, keep.rows[-1][k])
len(keep.rows)

# %% [markdown]
# ## What we have
#
# - `AverageWeights`, the EMA of the generator's weights, which the generator becomes when a fit is over;
# - `averaged`, for those who look while training goes on.

# %% [markdown]
# ## Exercises
#
# 1. In the game, which decay brings the average within a hundredth of the last point's distance, and how many steps does it take to forget the beginning?
# 2. The first average is the weights after the first step. Start from zero instead and divide by $1-d^n$, as Adam does with its moments. From which step on does it make no difference?
# 3. Average the critic, too. Which of the [failures that a monitor knows](monitor.ipynb) would that hide?
