# %% [markdown]
# # NoGAN: when to stop
#
# > A small panel of photographs, looked at often, and a way back to the best moment
#
# NoGAN training is mostly content loss, followed by a short adversarial phase in which colors come fast. DeOldify's author found the right moment to end it by looking at pictures; a little too long, and skin turns orange. The callback of this chapter looks for us: at a small panel of held-out photographs, after every thousandth of the data. It finds the moment at which the generated pictures were nearest to real ones, and goes back to the weights of that moment. A first look at it, on a cartoon, is at the end of [A GAN that colors](../lessons/gan.ipynb#when-to-stop), where it comes after 40 steps of the duel.

# %%
#| default_exp training.nogan

# %% tags=["parameters"]
size,seed = 16,0

# %%
#| export
import csv, math
from collections import deque
import numpy as np, torch
from torch import nn, Tensor
from fastai.vision.all import *
from torchvision.models import mobilenet_v2
from colorbook.core import atomic_path
from colorbook.training.ema import averaged
from colorbook.color.lab import to_rgb
from colorbook.color.lab import rgb_to_lab
from colorbook.evaluation.metrics import colorfulness_ratio
from colorbook.models.unet import load_mobile, pad_same
from colorbook.models.several_critics import realness
from colorbook.models.layers import IMAGENET_NORM, Normalize, TF_NORM

# %%
#| hide
import matplotlib.pyplot as plt
from itertools import product
from fastcore.test import *
from colorbook.training.gan import GANCallback, GAN, gan_splitter
from colorbook.models.patchgan import PatchCritic
from colorbook.data.photos import sample_photos
from colorbook.color.lab import lab_to_rgb, split_lab


# %% [markdown]
# ## Four figures

# %% [markdown]
# The **colorfulness ratio** says how much color there is ([Metrics](../evaluation/metrics.ipynb)); the **skin share**, how many pixels have a hue of skin, from 25 to 70 degrees in Lab, and at least a little chroma. Orange faces are DeOldify's first sign of having gone too far. The critic's **accuracy** is the share of photographs of which it prefers the true colors to the generated ones; at one half it can only guess.
#
# The fourth decides. Features of a network, at every place of every photograph of the panel, have a mean $\mu$ and a covariance $\Sigma$, and for two sets of photographs, real and generated, **Frechet's distance** between the Gaussians with these moments is
#
# $$d^2=\lVert\mu_1-\mu_2\rVert^2+\mathrm{Tr}\left(\Sigma_1+\Sigma_2-2(\Sigma_1\Sigma_2)^{1/2}\right).$$
#
# The formula is that of FID, but the figure is another one, because FID uses the last features of Inception and ours are those of the first quarter of MobileNetV2. Early features react to edges and textures of color, they are cheap, and since every place counts, a hundred small photographs make thousands of samples. Where no trained weights are at hand, the same layers with random weights stand in. To be comparable, $d^2$ is divided by $\mathrm{Tr}\,\Sigma$ of the real photographs.

# %%
#| export
def feature_net(
    state:dict=None, # weights of torchvision's MobileNetV2; random ones where there are none
    seed:int=0, # of the random weights
) -> nn.Module: # RGB in 0..1 to 24 channels at a quarter of the size
    "The first quarter of MobileNetV2, frozen"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = mobilenet_v2(num_classes=1001 if state is None else len(state.get('classifier.1.bias', range(1000))))
    if state is not None: load_mobile(net, state)
    norm = Normalize(*(IMAGENET_NORM if net.classifier[1].out_features == 1000 else TF_NORM))
    net = net.features[:4]
    pad_same(net)
    return nn.Sequential(norm, net).eval().requires_grad_(False)


# %%
#| export
@torch.no_grad()
def moments(
    net:nn.Module, # see `feature_net`
    rgb:Tensor, # pictures in 0..1
    bs:int=64, # pictures at a time
) -> tuple[Tensor,Tensor]: # mean and covariance
    "Moments of the features at all places of all pictures"
    rows = torch.cat([net(o).float().transpose(0, 1).flatten(1) for o in rgb.split(bs)], 1)
    return rows.mean(1),rows.cov()

def frechet(
    a:tuple, # mean and covariance
    b:tuple, # mean and covariance, of the real pictures
) -> float: # at least 0; 0 for equal moments
    "Frechet's distance of two Gaussians, as a share of the second one's variance"
    (m,A),(n,B) = ([x.double().cpu() for x in o] for o in (a, b))
    root = torch.linalg.eigvals(A @ B).real.clamp(min=0).sqrt().sum()
    return (((m - n)**2).sum() + A.trace() + B.trace() - 2*root).clamp(min=0).item()/B.trace().item()

def skin_share(
    rgb:Tensor, # pictures in 0..1
) -> float: # 0..1
    "Share of the pixels with a hue of skin: 25 to 70 degrees in Lab, chroma of 8 at the least"
    a,b = rgb_to_lab(rgb)[:,1:].unbind(1)
    hue = torch.atan2(b, a).rad2deg()
    return ((hue > 25) & (hue < 70) & (torch.hypot(a, b) > 8)).float().mean().item()


# %% [markdown]
# We check three cases whose distance is known: equal features have 0; features that are all moved by 2 have the square of that way, 12 for three features, over the variance; and features that are doubled have 1. And the skin share of four flat colors: only the first has a hue of skin and enough chroma.

# %%
torch.manual_seed(seed)
x = torch.randn(3, 5000)
at = lambda o: (o.mean(1), o.cov())
test_close(frechet(at(x), at(x)), 0, eps=1e-6)
test_close(frechet(at(x + 2), at(x)), 12/x.cov().trace(), eps=1e-4)
test_close(frechet(at(2*(x - x.mean(1, keepdim=True))), at(x - x.mean(1, keepdim=True))), 1, eps=1e-4)
def flat(*lab): return torch.tensor(lab).view(1, 3, 1, 1)
test_eq([skin_share(lab_to_rgb(flat(60., *o))) for o in ((20., 20.), (3., 3.), (-20., 20.), (0., 30.))], [1, 0, 0, 0])


# %% [markdown]
# ## The panel

# %% [markdown]
# The panel keeps the photographs and the moments of their features; `look` colors them with the generator as it is and returns the four figures.

# %%
#| export
class ValidationPanel:
    "Held-out photographs, and how a GAN does on them"
    def __init__(self,
        L:Tensor, # lightness in 0..1, some dozens or hundreds of photos
        real:Tensor, # their colors, as the critic sees them
        net:nn.Module=None, # see `feature_net`
        bs:int=64, # photos at a time
    ):
        self.L,self.real,self.bs,self.net = L,real,bs,net or feature_net().to(L.device)
        self.rgb = to_rgb(L, real)
        self.moments,self.skin = moments(self.net, self.rgb),skin_share(self.rgb)
    @torch.no_grad()
    def look(self, gan) -> dict: # ratio, skin, accuracy, distance
        "The four figures"
        modes = {m: m.training for m in gan.modules()}
        gan.eval()
        fake = torch.cat([gan.generator.color(gan(o)) for o in self.L.split(self.bs)])
        Ls,colors = self.L.split(self.bs),(self.real.split(self.bs), fake.split(self.bs))
        scores = [torch.cat([realness(gan.judge(*o)) for o in zip(Ls, c)]) for c in colors]
        right,rgb = (scores[0] > scores[1]).float().mean().item(),to_rgb(self.L, fake)
        for m,o in modes.items(): m.training = o
        return dict(ratio=colorfulness_ratio(rgb, self.rgb), skin=skin_share(rgb), accuracy=right,
            distance=frechet(moments(self.net, rgb), self.moments))


# %% [markdown]
# ## The best moment

# %% [markdown]
# In adversarial training all colors swing a little from step to step, and the distance goes up and down with them. The smallest of many noisy values is mostly luck, so the distance is averaged over a window of five looks, and the best moment is the middle of the best window. It is known only when the window is complete, so the weights of the last few looks are kept, and those of the best window's middle.
#
# When should one stop looking? By default when the phase is over: the distance swings, and no dip tells whether a deeper one will come. `patience` ends the phase earlier, when the search has gone so much farther than the best moment so far. With a patience of 3, that is, four times as far, `benchmarks/nogan.py` found the best moment for three seeds of five; the other two stopped in a first dip at steps 70 and 80 and missed deeper ones at 450 and 720. To look on costs only time, because the weights go back anyway.

# %%
#| export
def smooth(
    values, # one a look
    window:int=5, # odd
) -> np.ndarray: # means, one for each whole window
    "Centered running mean"
    return np.convolve(values, np.ones(window)/window, 'valid')

def knee(
    distance, # one a look, the first before any step
    window:int=5, # looks that are averaged
) -> int: # number of a look
    "The middle of the window with the least mean distance"
    return int(smooth(distance, window).argmin()) + window//2

def should_stop(
    distance, # so far
    window:int=5,
    patience:float=math.inf, # how much farther than the best to look, as a share of the way to it
) -> bool:
    "Has the search gone far enough beyond the best?"
    if len(distance) < 2*window: return False
    return len(distance) - 1 - window//2 >= (1 + patience)*max(knee(distance, window), window)


# %%
steps = np.arange(101)
curve = (steps/40 - 1)**2 + .3
noisy = curve + .02*np.random.default_rng(seed).standard_normal(101)
test_eq(knee(curve), 40)
assert abs(knee(noisy) - 40) <= 8
stop = next(i for i in steps if should_stop(curve[:i+1], patience=.5))
assert not any(should_stop(curve[:i+1]) for i in steps)
test_eq(stop, 62)
assert not any(should_stop(-steps[:i+1], patience=.5) for i in steps)
stop,knee(noisy)


# %% [markdown]
# ## The callback

# %% [markdown]
# It looks before the first step and after each share of the data in which the generator stepped, and sees [averaged weights](ema.ipynb) where there are any. At the end of the phase the generator's weights go back to the best moment, and [training](trainer.ipynb) writes them as `generator-PHASE-stop`, with all looks beside them. The critic stays as it is, because it is no longer needed. Looks and kept weights are the callback's state, so a run that is stopped and resumed in between chooses the same moment.

# %%
#| export
class NoGANStop(Callback):
    "Look at a panel often, and at the end go back to the best moment"
    order = 75
    def __init__(self,
        panel:ValidationPanel,
        share:float=.001, # of the training photos between two looks
        window:int=5, # looks that are averaged
        patience:float=math.inf, # see `should_stop`: end the stretch early
    ):
        self.panel,self.share,self.window,self.patience = panel,share,window,patience
        self.rows,self.n,self.done,self.best,self.recent = [],0,False,None,deque(maxlen=window//2 + 1)
    def state_dict(self): return dict(rows=self.rows, n=self.n, done=self.done, best=self.best, recent=[*self.recent])
    def load_state_dict(self, state):
        self.rows,self.n,self.done,self.best = (state[k] for k in ('rows', 'n', 'done', 'best'))
        self.recent.extend(state['recent'])
    def before_fit(self):
        dl = self.learn.dls.train
        self.every = max(1, round(self.share*dl.n/dl.bs))
        if not self.rows: self.look()
    def after_batch(self):
        if not self.training or self.learn.adversary.turn not in ('both', 'generator'): return
        self.n += 1
        if self.n%self.every: return
        self.look()
        self.done = should_stop([o['distance'] for o in self.rows], self.window, self.patience)
        if self.done: raise CancelTrainException()
    def after_epoch(self):
        if self.done: raise CancelFitException()
    def after_fit(self):
        if self.best: self.learn.model.generator.load_state_dict(self.best[1])
    def write(self, path):
        "All looks as a table, the chosen one marked"
        rows = [o | dict(chosen=o['step'] == self.chosen) for o in self.rows]
        with atomic_path(path) as f, open(f, 'w', newline='') as o:
            w = csv.DictWriter(o, rows[0].keys())
            w.writeheader(); w.writerows(rows)

# %%
#| export
@patch
def look(self:NoGANStop):
    "Figures of this moment; remember the middle of the window if it is the best"
    with averaged(self.learn):
        state = {k: v.detach().clone() for k,v in self.learn.model.generator.state_dict().items()}
        self.rows.append(dict(step=self.n, **self.panel.look(self.learn.model)))
    self.recent.append((self.n, state))
    d = [o['distance'] for o in self.rows]
    if len(d) >= self.window and knee(d, self.window) == len(d) - 1 - self.window//2: self.best = self.recent[0]

@patch(as_prop=True)
def chosen(self:NoGANStop):
    "The step whose weights were chosen, or None where there were too few looks"
    return self.best and self.best[0]

# %% [markdown]
# ## On patches

# %% [markdown]
# We try it in small: patches of the photographs that come with scikit-image and scikit-learn, a generator of three layers, random features. Content loss comes first, then the critic alone for a short time, then both. Afterwards the panel must say of the weights that remain what it said at the best moment.

# %%
class Tiny(nn.Module):
    "A generator of three small layers"
    def __init__(self, nf=12):
        super().__init__()
        def block(ni): return nn.Sequential(nn.Conv2d(ni, nf, 3, padding=1), nn.BatchNorm2d(nf), nn.ReLU())
        self.layers = nn.Sequential(block(1), block(nf), nn.Conv2d(nf, 2, 3, padding=1))
    def forward(self, L): return self.layers(L)
    def color(self, out): return out.tanh()

torch.manual_seed(seed)
spots = list(product(range(0, 7*size, size), repeat=2))
rgb = torch.stack([tensor(np.array(o))[y:y+size,x:x+size] for o in sample_photos(size=8*size) for x,y in spots])
L,ab = split_lab(rgb.permute(0, 3, 1, 2)[torch.randperm(len(rgb))]/255)
panel = ValidationPanel(L[-48:], ab[-48:])
L.shape,panel.skin


# %%
def patch_learner():
    "Tiny networks on the patches"
    torch.manual_seed(seed)
    gan,items = GAN(Tiny(), PatchCritic(2, 12, (2, 2, 1))),list(zip(L, ab))[:-48]
    dls = DataLoaders.from_dsets(items, items[:16], bs=16, device='cpu', num_workers=0)
    def l1(out, ab, L): return F.l1_loss(gan.generator.color(out), ab)
    learn = Learner(dls, gan, l1, opt_func=partial(Adam, mom=.5), splitter=gan_splitter, wd=0.)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn

learn = patch_learner()
learn.fit(2, (5e-3, 0.), cbs=GANCallback(mode='content'))
learn.fit(1, (0., 2e-3), cbs=GANCallback(mode='critic'))
stop = NoGANStop(panel, share=.05)
learn.fit(8, (1e-3, 2e-3), cbs=[GANCallback(weight=.1), stop])
rows = stop.rows
chosen = [o for o in rows if o['step'] == stop.chosen][0]
test_eq(stop.chosen, rows[knee([o['distance'] for o in rows])]['step'])
test_eq({**panel.look(learn.model), 'accuracy': 0}, {k: v for k,v in {**chosen, 'accuracy': 0}.items() if k != 'step'})
means = smooth([o['distance'] for o in rows])
test_eq(means.argmin(), rows.index(chosen) - 2)
stop.done,rows[-1]['step'],chosen


# %%
#| label: fig-panel
#| fig-cap: "The panel over the steps. The dashed line is the moment that was chosen; the weights go back to it."
def draw_panel(rows, at, height=2.4):
    "Four figures over the steps"
    fig,axs = plt.subplots(1, 4, figsize=(12, height), layout='constrained')
    for ax,k in zip(axs, ('distance', 'ratio', 'skin', 'accuracy')):
        ax.plot([o['step'] for o in rows], [o[k] for o in rows], lw=1)
        if k == 'distance': ax.plot([o['step'] for o in rows][2:-2], smooth([o[k] for o in rows]), 'k', lw=2, alpha=.6)
        ax.axvline(at, color='k', ls='--', lw=1)
        ax.set(title=k, xlabel='step')
    return fig

draw_panel(rows, stop.chosen);

# %% [markdown]
# @fig-panel has four figures over the steps in which both networks learn. With so small a panel all of them swing. The ratio of colorfulness says most: the duel begins with pictures that have 0.7 of the photographs' color, and after ten steps they have about as much. The rule looks at the distance: the gray line in the first picture is its mean over five looks, and the weights are taken where that is lowest, at the dashed line. Single looks near the end are lower still; they are luck.

# %% [markdown]
# ## What we have
#
# - `ValidationPanel`: colorfulness, skin, accuracy and a distance in feature space, on some dozens of held-out photographs;
# - `knee` and `should_stop`, the rule, and `NoGANStop`, which follows it and goes back to the best moment.
#
# Whether the panel's choice is good for photographs that it has never seen is measured in `benchmarks/nogan.py`.

# %% [markdown]
# ## Exercises
#
# 1. Take the single best look instead of the best window, on a parabola with noise. How far do the chosen steps of many seeds lie apart?
# 2. The rule never looks at the skin share. How would you add it, and in which kind of run would it matter?
# 3. Leave out `recent` in the state. In which run does a stop and a resume choose other weights then?
