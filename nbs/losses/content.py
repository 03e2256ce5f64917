# %% [markdown]
# # Content losses
#
# > Distances from the truth, smoothness, colorfulness, perceptual loss, and sums of them
#
# A content loss compares the color that a generator answers with the color of the photograph. There are more ways to do that than to subtract. After this chapter you can choose one by name, and you know of each which color it prefers when several are right. We begin with the absolute and the squared difference and what lies between; then come total variation, which keeps areas smooth, a loss that notices missing color, one that looks at areas instead of pixels, a perceptual loss, which compares the features that a network trained to recognize things finds in both pictures, and a weighted sum of several. All are means over pixels and pictures, so that a weight means the same at every size; one published loss is a sum, and we see what that does.

# %%
#| default_exp losses.content

# %% tags=["parameters"]
size,seed = 64,9

# %%
#| export
import torch, torch.nn.functional as F
from pathlib import Path
from torch import nn, Tensor
from torchvision.models import vgg16, VGG16_Weights
from colorbook.color.lab import lab_to_rgb, rgb_to_lab
from colorbook.core import InputError, Registry, UsageError
from colorbook.data.photos import weights_file
from colorbook.losses.basic import L1Loss
from colorbook.models.layers import Normalize

# %%
#| hide
import math, tempfile, numpy as np, pandas as pd, matplotlib.pyplot as plt
from fastai.vision.all import DataLoaders, Learner, noop, ProgressCallback
from fastcore.test import *
from colorbook.color.lab import join_lab, show_row, split_lab
from colorbook.data.photos import sample_photos

# %% [markdown]
# Every content loss is called with three things: the answer, the truth, and the lightness of the picture. Most losses ignore the third, but one that [makes pictures of $ab$](#perceptual-loss) needs it, and so all are called alike. A plain Learner calls its loss with the answer and the truth only; in [training](../training/gan.ipynb) the callback puts the lightness beside the truth of each batch.
#
# A recipe names its content loss. The table of names says of each which *outputs* of a generator it can read (color in `rgb`, color in `ab` at full size or `ab4` at a quarter, scores of classes in `bins` or `bins4`), and whether it wants to know beforehand how common each color is, the `prior`. A loss that compares the color for which classes stand is given the generator's own `color`, which turns its scores into color.

# %%
#| export
content_losses = Registry('content loss', 'colorbook.losses.content colorbook.losses.classification'
    ' colorbook.losses.saliency colorbook.losses.temporal',
    shared='lam prior rebalance perceptual attention color', outputs=('rgb', 'ab', 'ab4'), prior=False, saliency=False)
content_losses('l1')(L1Loss)

# %% [markdown]
# Some of the losses are tried on photographs, six of those that come with scikit-image and scikit-learn.

# %%
torch.manual_seed(seed)
rgb = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size=size)]).permute(0, 3, 1, 2)/255
L,ab = split_lab(rgb)
L.shape,ab.shape

# %% [markdown]
# ## Distance from the truth

# %% [markdown]
# The critic judges whether color is plausible, the content loss whether it is the right one. The absolute difference, `L1Loss`, is defined [among the losses of a GAN](../lessons/losses.ipynb); S0 adds it with a weight $\lambda=100$, on RGB in -1..1:
#
# $$\ell_1=\lambda\,\frac{1}{N}\sum_{n=1}^{N}\left|\hat c_n-c_n\right|$$
#
# with $N$ the number of *all* values, pictures times channels times pixels. Its slope is $\pm\lambda/N$ at each value, however near or far the answer is.

# %%
pred,target = torch.tensor([[.5, -1.], [0., .25]], requires_grad=True),torch.tensor([[0., -.5], [1., .5]])
l1 = L1Loss(100)(pred, target)
test_close(l1, 100*(.5 + .5 + 1 + .25)/4, eps=1e-5)
test_eq(torch.autograd.grad(l1, pred)[0].tolist(), [[25, -25], [-25, -25]])
l1

# %% [markdown]
# Which color does a distance ask for, if several are right? Take [the ten buses](../lessons/brown.ipynb#ten-buses) again, six red and four blue, and nothing in the gray picture that says which. In @fig-buses find the lowest point of each curve, and the color under it in the bar: L2's lies at .6, at the average, a purple that no bus ever had; L1's lies at the right end, at the median of each channel, red. So L1 decides where L2 mixes. Where there are many cases L1 ends up in the middle of them as well, which for the colors of the world is close to gray. With [classes of color](classification.ipynb) a network may answer "six to four".

# %%
red,blue = torch.tensor([60., 50.]),torch.tensor([20., -60.])
buses = torch.stack([red]*6 + [blue]*4)/110
mixes = torch.linspace(0, 1, 101)
answers = (mixes[:,None]*red + (1 - mixes[:,None])*blue)/110
cost = {p: torch.stack([(buses - o).abs().pow(p).mean() for o in answers]) for p in (1, 2)}
best = {p: mixes[o.argmin()].item() for p,o in cost.items()}
test_close(best[1], 1, eps=1e-6)
test_close(best[2], .6, eps=1e-6)
test_close(answers[60], buses.mean(0), eps=1e-6)
best

# %%
#| label: fig-buses
#| fig-cap: "Every answer between blue and red, and what it costs if six buses of ten are red."
def show_costs(answers, cost, L=45.):
    "A bar of colors, and the cost of each"
    ab = answers.T.view(1, 2, 1, -1)*110
    bar = lab_to_rgb(torch.cat([torch.full_like(ab[:,:1], L), ab], 1), clip=True)[0].permute(1, 2, 0)
    fig,axs = plt.subplots(2, 1, figsize=(6, 3), height_ratios=(4, 1), sharex=True, layout='constrained')
    for p,c in cost.items(): axs[0].plot(mixes, c/c.min(), label=f'L{p}, over its lowest')
    axs[1].imshow(bar, extent=(0, 1, 0, 1), aspect='auto')
    axs[1].set(yticks=[], xlabel='share of red in the answer')
    axs[0].legend(frameon=False)
show_costs(answers, cost)

# %% [markdown]
# ## Squares

# %% [markdown]
# S2 trains its generator by the mean square alone:
#
# $$\ell_2=\lambda\,\frac1N\sum_n(\hat c_n-c_n)^2.$$
#
# Its slope $2\lambda(\hat c_n-c_n)/N$ falls to zero with the error: small errors cost nearly nothing, large ones dominate. The best single color for everything is the mean of all true colors, which for photographs is a grayish brown.
#
# S4 offers squares beside L1 too, but takes them from a function that *sums* and halves. A sum grows with the picture and with the batch, and so does its weight beside the critic. `L2SumLoss` is that loss.

# %%
#| export
@content_losses('l2')
class L2Loss:
    "Mean squared difference times lambda: independent of the size of pictures and batches"
    def __init__(self,
        lam:float=1., # weight
    ): self.lam = lam
    def __call__(self,
        output:Tensor, # generated, any shape
        target:Tensor, # the truth, the same shape
        L:Tensor=None, # not asked
    ) -> Tensor: # scalar
        "Weighted mean over all values"
        return self.lam*(output - target).square().mean()

@content_losses('l2_sum')
class L2SumLoss(L2Loss):
    "Half the sum of all squared differences (S4, by `tf.nn.l2_loss`), which grows with pictures and batches"
    def __call__(self, output, target, L=None): return super().__call__(output, target)*output.numel()/2

# %%
pred,target = torch.tensor([[.5, -1.], [0., .25]], requires_grad=True),torch.tensor([[0., -.5], [1., .5]])
l2 = L2Loss(10)(pred, target)
test_close(l2, 10*(.25 + .25 + 1 + .0625)/4, eps=1e-5)
test_close(torch.autograd.grad(l2, pred)[0], 20*(pred.detach() - target)/4, eps=1e-5)
test_close(L2SumLoss(3)(pred, target), 3*(.25 + .25 + 1 + .0625)/2, eps=1e-5)
l2

# %% [markdown]
# How large is S4's sum as a mean? A weight of 1 corresponds to a $\lambda$ of half the number of values in the batch: 262,144 for 4 pictures of 256 pixels as in its report, two million for the 32 pictures of its script. The L1 with which it is compared has a weight of 100. So the pictures that S4 trained with squares are trained with hardly any critic, and that they look washed out says little about squares.

# %%
for n in (4, 32):
    batch = torch.zeros(n, 2, 256, 256)
    test_close(L2SumLoss()(batch, batch + .3)/L2Loss(n*2*256*256/2)(batch, batch + .3), 1, eps=1e-3)
[n*2*256*256//2 for n in (4, 32)]

# %% [markdown]
# ## Smooth L1

# %% [markdown]
# At the target L1 has a corner: its slope jumps from $-1$ to $1$, and an optimizer with a fixed step jumps back and forth around it. Huber's loss replaces the corner by a parabola of width $\beta$ and goes on straight from there, so that small errors, of which a colored picture has many, are pulled in gently and large ones still cost in proportion. With $d=|\hat c-c|$:
#
# $$h(d)=\begin{cases}d^2/2\beta&d<\beta\\d-\beta/2&\text{otherwise}\end{cases}$$

# %%
#| export
@content_losses('smooth_l1')
class SmoothL1Loss:
    "Huber's loss: squared near the target, absolute far from it"
    def __init__(self,
        lam:float=1., # weight
        beta:float=.1, # where the parabola ends; 0.1 is 11 units of a or b
    ): self.lam,self.beta = lam,beta
    def __call__(self,
        output:Tensor, # generated, any shape
        target:Tensor, # the truth, the same shape
        L:Tensor=None, # not asked
    ) -> Tensor: # scalar
        "Weighted mean over all values"
        return self.lam*F.smooth_l1_loss(output, target, beta=self.beta)

# %%
d = torch.tensor([0., .05, .1, .4])
test_close(SmoothL1Loss(2)(d, torch.zeros(4)), 2*(0 + .05**2/.2 + .05 + .35)/4, eps=1e-6)
huber = lambda s: SmoothL1Loss()(s, torch.zeros_like(s))
def slope(f, s):
    s = torch.tensor(s, requires_grad=True)
    return torch.autograd.grad(f(s).sum(), s)[0]
slopes = torch.cat([slope(huber, [o]) for o in (-.2, -.05, 0., .05, .2)])
test_close(slopes, torch.tensor([-1, -.5, 0, .5, 1]), eps=1e-6)
test_close(SmoothL1Loss(beta=1e-6)(d, torch.zeros(4)), L1Loss()(d, torch.zeros(4)), eps=1e-5)
SmoothL1Loss(2)(d, torch.zeros(4))

# %% [markdown]
# ## Smoothness

# %% [markdown]
# Classification and critics can leave a grain in color that no photograph has. Total variation [@rudin1992] is the price of change from pixel to pixel, and does not need the truth:
#
# $$\ell_{TV}=\lambda\,\frac1P\sum_{c,y,x}\left|\hat c_{y,x+1}-\hat c_{y,x}\right|+\left|\hat c_{y+1,x}-\hat c_{y,x}\right|$$
#
# over the channels' mean, with $P$ *all* pixels; at the last row and column, where there is no neighbor, the change counts as zero. A ramp and a step of the same height cost the same, so edges stay possible; going up and down costs more. The gradient does not depend on how large a difference is, so small ones vanish first. The cell adds noise to a step and lowers the total variation together with the squares; printed is the total variation before, after, and of the clean step.

# %%
#| export
class TotalVariationLoss:
    "Mean absolute change of color from pixel to pixel (Rudin et al. 1992); the truth is not asked"
    def __init__(self,
        lam:float=1., # weight
    ): self.lam = lam
    def __call__(self,
        output:Tensor, # generated, `bs`xCxhxw
        target:Tensor=None, # not asked
        L:Tensor=None, # not asked
    ) -> Tensor: # scalar
        "Weighted mean over pixels and channels of the change to the right and down"
        right,down = output.diff(dim=-1).abs().sum(),output.diff(dim=-2).abs().sum()
        return self.lam*(right + down)/output.numel()

# %%
tv = TotalVariationLoss()
by_hand = torch.tensor([[0., 1, 1], [2, 1, 5]])[None,None]
test_close(tv(by_hand), ((1 + 0) + (1 + 4) + (2 + 0 + 4))/6, eps=1e-6)
ramp,step = torch.linspace(0, .8, 16),torch.tensor([0.]*8 + [.8]*8)
ramp,step = (o.expand(1, 2, 16, 16) for o in (ramp, step))
for o in (ramp, step): test_close(tv(o), .8/16, eps=1e-6)
test_eq(tv(torch.full((2, 2, 4, 4), .3)).item(), 0)
noisy = (step + .05*torch.randn(1, 2, 16, 16)).requires_grad_()
before = tv(noisy).item()
opt = torch.optim.SGD([noisy], 1.)
for _ in range(40):
    opt.zero_grad()
    (tv(noisy)*.3 + L2Loss()(noisy, step)).backward()
    opt.step()
assert tv(noisy) < before/2
before,tv(noisy).item(),tv(step).item()

# %% [markdown]
# ## Colorfulness

# %% [markdown]
# None of the losses so far misses color where it is pale. Hasler and Süsstrunk [-@hasler2003] found what people call colorful to be a spread plus a share of the mean: for the opponent channels $rg=R-G$ and $yb=\frac12(R+G)-B$ of RGB, and as well for $a$ and $b$ of Lab,
#
# $$M_3=\sqrt{\sigma_{rg}^2+\sigma_{yb}^2}+0.3\sqrt{\mu_{rg}^2+\mu_{yb}^2},\qquad M_1=\sqrt{\sigma_a^2+\sigma_b^2}+0.37\sqrt{\mu_a^2+\mu_b^2}.$$
#
# We take the one that fits the answer, so no lightness is needed. DDColor [@kang2023] lowers $1-M/100$, which asks for more without end and needs the other losses to stop it. Our default asks for *as much as the photograph has*: $|M(\hat c)-M(c)|/100$, picture by picture. Roots have an infinite slope at gray, where many generators start, so a little is added inside: each root of a gray picture is worth 0.1 instead of 0, and its slope is finite. The three numbers below are the colorfulness of two pixels of red, of red and green, and of gray.

# %%
#| export
def colorful(
    color:Tensor, # ab in about -1..1, or RGB in -1..1, `bs`xCxhxw
    eps:float=1e-2, # added under the roots: gray is worth sqrt(eps) for each
) -> Tensor: # M1 in units of Lab, or M3 in levels; `bs` values
    "Colorfulness of Hasler and Suesstrunk (2003), with a slope at gray"
    if color.shape[1] == 2: (x,y),share = (color*110).flatten(2).unbind(1),.37
    else:
        r,g,b = (color*127.5).flatten(2).unbind(1)
        x,y,share = r - g,(r + g)/2 - b,.3
    spread = x.var(1, correction=0) + y.var(1, correction=0)
    return (spread + eps).sqrt() + share*(x.mean(1)**2 + y.mean(1)**2 + eps).sqrt()

# %%
#| export
class ColorfulnessLoss:
    "As colorful as the truth, or as colorful as can be (Kang et al. 2023)"
    def __init__(self,
        lam:float=1., # weight
        goal:str='truth', # 'truth': distance from the truth's colorfulness; 'more': 1 - M/100
    ):
        if goal not in ('truth', 'more'): raise UsageError(f"there is no goal '{goal}'", 'truth or more')
        self.lam,self.goal = lam,goal
    def __call__(self,
        output:Tensor, # generated, ab or RGB in -1..1, `bs`xCxhxw
        target:Tensor, # the truth, the same shape
        L:Tensor=None, # not asked
    ) -> Tensor: # scalar
        "Weighted mean over the pictures"
        m = colorful(output)
        return self.lam*((m - colorful(target)).abs()/100 if self.goal == 'truth' else 1 - m/100).mean()

# %%
R,G,gray = [1., -1, -1],[-1., 1, -1],[0., 0, 0]
flat = torch.tensor([[R, R], [R, G], [gray, gray]]).permute(0, 2, 1)[:,:,None]
expected = torch.tensor([.3*math.hypot(255, 127.5), 255 + .3*127.5, 0])
test_close(colorful(flat, 0.), expected, eps=1e-3)
two = torch.tensor([[[.1, .3]], [[0, -.4]]])[None]
test_close(colorful(two, 0.), 110*(math.hypot(.1, .2) + .37*math.hypot(.2, -.2)), eps=1e-3)
test_close(ColorfulnessLoss(2)(two, 0*two), 2*(colorful(two) - colorful(0*two))/100, eps=1e-5)
test_close(ColorfulnessLoss(goal='more')(two, two), 1 - colorful(two)/100, eps=1e-6)
test_close(ColorfulnessLoss()(ab, ab), 0, eps=1e-7)
nothing = torch.zeros(1, 2, 4, 4, requires_grad=True)
assert torch.autograd.grad(ColorfulnessLoss()(nothing, ab[:1,:,:4,:4]), nothing)[0].isfinite().all()
test_fail(lambda: ColorfulnessLoss(goal='less'), exc=UsageError, contains='truth or more')
colorful(flat, 0.)

# %% [markdown]
# How do the losses judge an answer that has the right hues but less or more chroma? In @fig-chroma the truth is at 1 on the horizontal axis, gray at 0. All curves but one have their lowest point at 1. The squares are flat near it, so a little paleness costs hardly anything; L1 and colorfulness, which lie on each other here, have a corner there; and the goal "more" goes on falling, to colors stronger than the truth.

# %%
#| label: fig-chroma
#| fig-cap: "The truth with its chroma times a factor, by several losses, each over its value for gray."
factors = torch.linspace(0, 2, 41)
def over(loss): return torch.stack([loss(k*ab, ab) for k in factors])
curves = dict(L1=L1Loss(), L2=L2Loss(), colorfulness=ColorfulnessLoss(), more=ColorfulnessLoss(goal='more'))
curves = {k: over(o) for k,o in curves.items()}
for k,v in curves.items(): test_close(factors[v.argmin()], 2 if k == 'more' else 1, eps=1e-4)
def show_curves(curves):
    "Losses over the factor, relative to gray"
    fig,ax = plt.subplots(figsize=(6, 2.8), layout='constrained')
    for (k,v),ls in zip(curves.items(), ('-', '-', '--', '-')): ax.plot(factors, v/v[0], ls, label=k)
    ax.set(xlabel='chroma of the answer, times the truth\'s', ylabel='loss over that of gray', ylim=(0, 1.5))
    ax.legend(frameon=False)
show_curves(curves)

# %% [markdown]
# ## Means over areas

# %% [markdown]
# Where the picture that is seen is not the picture that is wanted, as in [infrared](../models/infrared.ipynb), no network can hit each pixel, and L1 on RGB is mostly about edges that it cannot change. `lab` looks at means over 4x4 pixels, and at lightness and color on equal terms: how far is each area from the lightness and the color that it should have?

# %%
#| export
@content_losses('lab', outputs=('rgb',))
class LabLoss:
    "Mean absolute difference in Lab of means over 4x4 pixels, lightness in units of 100, color in units of 110"
    def __init__(self,
        lam:float=1., # weight
    ): self.lam = lam
    def __call__(self,
        output:Tensor, # generated, RGB in about -1..1, `bs`x3xHxW
        target:Tensor, # the truth, the same shape
        L:Tensor=None, # not asked
    ) -> Tensor: # scalar
        "Weighted mean over areas and channels"
        fake,real = (rgb_to_lab(F.avg_pool2d(o/2 + .5, 4)) for o in (output, target))
        return self.lam*((fake - real)/output.new_tensor([100, 110, 110]).view(3, 1, 1)).abs().mean()

# %%
tone = torch.tensor([50., 20, -30]).view(1, 3, 1, 1)
moved = tone + torch.tensor([10., 11, 0]).view(1, 3, 1, 1)
one,two = (lab_to_rgb(o.expand(-1, -1, 8, 8))*2 - 1 for o in (tone, moved))
test_close(LabLoss(2)(two, one), 2*(.1 + .1 + 0)/3, eps=1e-4)
checks = one + .02*torch.tensor([[1., -1], [-1, 1]]).repeat(4, 4)
test_close(LabLoss()(checks, one), 0, eps=1e-5)
assert L1Loss()(checks, one) > .019
LabLoss()(two, one)

# %% [markdown]
# ## Perceptual loss

# %% [markdown]
# A perceptual loss [@johnson2016] compares not the colors of pixels but what a network that has learned to recognize things makes of them. A texture that is shifted by a pixel changes every pixel and hardly a feature; a face painted green changes features a lot. With $\phi$ the features of some layer,
#
# $$\ell_\phi=\lambda\,\frac1N\sum_n\left|\phi(\hat x)_n-\phi(x)_n\right|.$$
#
# Features of pictures want pictures. Where the generator answers in RGB, as S0's does, it has made one; where it answers with $ab$, `as_rgb` joins the lightness to it. The picture is not clipped to what a screen can show, because a clipped color has no gradient.

# %%
#| export
def as_rgb(
    color:Tensor, # ab in about -1..1 or RGB in -1..1, `bs`xCxhxw
    L:Tensor=None, # lightness in 0..1 at any size, `bs`x1xHxW; RGB does without
) -> Tensor: # RGB in about 0..1, `bs`x3xhxw, not clipped
    "The picture of a color, at the color's size"
    if color.shape[1] == 3: return color/2 + .5
    if L is None: raise UsageError('this loss needs the lightness to make pictures of ab', 'call it with L, too')
    return lab_to_rgb(torch.cat([F.interpolate(L, color.shape[-2:], mode='area')*100, color*110], 1))

# %%
test_close(as_rgb(ab, L), rgb, eps=1e-4)
test_fail(lambda: as_rgb(ab), exc=UsageError, contains='needs the lightness')
test_close(as_rgb(rgb*2 - 1), rgb, eps=1e-6)
small = as_rgb(F.avg_pool2d(ab, 4), L)
test_close(split_lab(small)[0], F.avg_pool2d(L, 4), eps=1e-3)
list(small.shape)

# %% [markdown]
# S3 takes VGG-16 [@simonyan2015] up to its seventh convolution (`conv3_3`), *before* the ReLU, and the absolute difference, with a weight of 5. That is `vgg('conv3_3')`, with torchvision's weights where they can be had. The other network is VGG-19 up to `relu3_1` with weights rescaled to a mean activation of one, as they are used for textures, read from a file. Both take RGB in 0..1 and normalize it themselves. They never learn: their weights stay as they are, and the gradient passes through them to the picture.

# %%
#| export
def frozen(net): return net.eval().requires_grad_(False)

# %%
#| export
conv_index = dict(conv1_2=2, conv2_2=7, conv3_3=14, conv4_3=21)

def vgg(
    layer:str='conv3_3', # key of `conv_index`: the last convolution, without its ReLU
    pretrained:bool=True, # torchvision's weights? Otherwise random ones
) -> nn.Sequential: # frozen; RGB in 0..1 to features
    "VGG-16 (Simonyan and Zisserman 2015) up to a convolution, before its ReLU: S3's features"
    if layer not in conv_index: raise UsageError(f"there is no layer '{layer}'", f"choose {', '.join(conv_index)}")
    net = vgg16(weights=VGG16_Weights.IMAGENET1K_V1 if pretrained else None).features[:conv_index[layer] + 1]
    for m in net:
        if isinstance(m, nn.ReLU): m.inplace = False
    return frozen(nn.Sequential(Normalize(), *net))

# %%
#| export
def vgg19(
    path=None, # file of weights; by default `vgg19-normalised-relu3_1.pth` in the folder `COLORBOOK_WEIGHTS`
) -> nn.Sequential: # frozen; RGB in 0..1 to features
    "VGG-19 up to relu3_1 with normalized activations and reflecting edges; an `InputError` where there is no file"
    path = Path(path) if path else weights_file('vgg19-normalised-relu3_1.pth')
    if not path or not path.exists(): raise InputError(f'no VGG-19 weights at {path}', 'use vgg(), from torchvision')
    layers = [nn.Conv2d(3, 3, 1)]
    for ni,no,pool in ((3, 64, 0), (64, 64, 1), (64, 128, 0), (128, 128, 1), (128, 256, 0)):
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(ni, no, 3), nn.ReLU()] + [nn.MaxPool2d(2, ceil_mode=True)]*pool
    net = nn.Sequential(*layers)
    net.load_state_dict(torch.load(path, weights_only=True))
    return frozen(net)

# %%
#| export
def small_vgg(
    nf:int=8, # channels of the first convolution
    seed:int=0,
    padding:str='reflect', # `padding_mode` of the convolutions
) -> nn.Sequential: # frozen; RGB in 0..1 to features
    "VGG's form with few channels and random weights, for tests"
    gen,layers = torch.Generator().manual_seed(seed),[Normalize()]
    lasts = nn.ReLU(),nn.MaxPool2d(2),nn.ReLU(),nn.Identity()
    for ni,no,last in zip((3, nf, nf, 2*nf), (nf, nf, 2*nf, 2*nf), lasts):
        conv = nn.Conv2d(ni, no, 3, padding=1, padding_mode=padding)
        with torch.no_grad(): conv.weight.copy_(torch.randn(conv.weight.shape, generator=gen)*(2/(9*ni))**.5)
        nn.init.zeros_(conv.bias)
        layers += [conv, last]
    return frozen(nn.Sequential(*layers))

# %% [markdown]
# The cell checks that S3's features end where they should: the last layer is the seventh convolution, its output has a quarter of the side, and some of its values are negative, so no ReLU has been applied. Printed is the mean activation of VGG-19, to be about one, or, where its weights are not at hand, that of a small network with random weights.

# %%
torch.manual_seed(seed)
net = vgg('conv3_3', pretrained=False)
test_eq((sum(isinstance(o, nn.Conv2d) for o in net), type(net[-1])), (7, nn.Conv2d))
with torch.no_grad(): out = net(rgb[:1])
test_eq(out.shape, (1, 256, size//4, size//4))
assert out.min() < 0 and not any(p.requires_grad for p in net.parameters())
test_fail(lambda: vgg('fc'), exc=UsageError, contains='conv1_2')
test_fail(lambda: vgg19(Path(tempfile.mkdtemp())/'none'), exc=InputError, contains='torchvision')
test_eq(small_vgg(4)(rgb).shape, (6, 8, size//2, size//2))
try: features = vgg19()
except InputError: features = small_vgg()
else:
    with torch.no_grad(): assert .5 < features(rgb).mean() < 2
with torch.no_grad(): mean = features(rgb).mean()
mean

# %%
#| export
class PerceptualLoss(nn.Module):
    "Mean absolute difference of a frozen network's features (Johnson et al. 2016; S3: VGG-16 conv3_3, weight 5)"
    def __init__(self,
        features:nn.Module, # RGB in 0..1 to features: `vgg()`, `vgg19()` or `small_vgg()`
        lam:float=1., # weight; S3's are 5 and 20
    ):
        super().__init__()
        self.features,self.lam = features,lam
    def forward(self,
        output:Tensor, # generated, ab or RGB in -1..1, `bs`xCxhxw
        target:Tensor, # the truth, the same shape
        L:Tensor=None, # lightness of the pictures in 0..1, `bs`x1xHxW; RGB does without
    ) -> Tensor: # scalar
        "Weighted mean over all features"
        net = self.features.to(output.device)
        fake,real = (as_rgb(o, L) for o in (output, target))
        with torch.no_grad(): truth = net(real)
        return self.lam*(net(fake) - truth).abs().mean()

# %% [markdown]
# We try it on a "network" of one convolution, the difference of neighbors in red, where the loss can be computed by hand. Further checks: the gradient reaches the answer, the network's weights stay as they are, and the loss of the truth itself is zero.

# %%
torch.manual_seed(seed)
edge = nn.Conv2d(3, 1, (1, 2), bias=False)
with torch.no_grad(): edge.weight.copy_(torch.tensor([[[-1., 1]], [[0, 0]], [[0, 0]]]))
a,b = torch.zeros(1, 3, 1, 4),torch.zeros(1, 3, 1, 4)
a[0,0,0],b[0,0,0] = torch.tensor([0., .2, .6, 1.]),torch.tensor([0., .5, .5, .9])
test_close(PerceptualLoss(frozen(edge), 5)(a*2 - 1, b*2 - 1), 5*(.3 + .4 + 0)/3, eps=1e-5)
loss = PerceptualLoss(small_vgg())
was = {k: v.clone() for k,v in loss.state_dict().items()}
guess = (.5*ab).requires_grad_()
value = loss(guess, ab, L)
slope, = torch.autograd.grad(value, guess)
assert (slope.abs().amax(1) > 0).float().mean() > .9 and value > 0
test_eq(list(loss.parameters())[0].grad, None)
for k,v in loss.state_dict().items(): test_eq(v, was[k])
test_close(loss(ab, ab, L), 0, eps=1e-7)
value

# %% [markdown]
# Which errors does it find bad? We make three with the same mean square: a shift of color over the whole picture, noise, and edges in the wrong place. Compare the columns of the table. L2 is equal by construction. L1 finds noise less bad than the shift. Features are made of neighbors, and noise costs them more than the shift; with VGG-19's weights noise and misplaced edges cost 1.8 times as much. @fig-perceptual shows the three pictures, so that you can compare with your own judgment. Distances of features agree with people's better than those of pixels do [@zhang2018].

# %%
torch.manual_seed(seed)
def of_size(e, rms=.08): return e*rms/e.square().mean((1, 2, 3), keepdim=True).sqrt()
errors = dict(hue=torch.ones_like(ab), noise=torch.randn_like(ab), moved=ab.roll(6, 3) - ab)
errors = {k: of_size(e) for k,e in errors.items()}
loss,rows = PerceptualLoss(features),{}
for k,e in errors.items():
    rows[k] = {n: o(ab + e, ab, L).item() for n,o in dict(L2=L2Loss(), L1=L1Loss(), perceptual=loss).items()}
table = pd.DataFrame(rows).T
test_close(table.L2.values, [.0064]*3, eps=1e-5)
assert table.L1['noise'] < table.L1['hue'] and table.perceptual['noise'] > table.perceptual['hue']
table

# %%
#| label: fig-perceptual
#| fig-cap: "A photograph, and three errors of color that are equal by their squares."
pictures = [rgb[0], *[join_lab(L[:1], (ab + e)[:1])[0] for e in errors.values()]]
show_row(pictures, ['photo', *[f"{k}: perceptual {table.perceptual[k]:.3f}" for k in errors]], width=9)

# %% [markdown]
# ## A sum with weights

# %% [markdown]
# A recipe has one content loss; it may be a sum. Terms keep their names, so that the log can show each, and the lightness is handed on to all of them. Three sums have names of their own: `l1_tv` and `colorful`, and `perceptual`, the features of VGG-16 with a weight of 5 beside L1, as S3 has it.

# %%
#| export
class SumLoss:
    "Weighted sum of content losses, by name"
    def __init__(self,
        **terms, # losses; each has its own weight
    ): self.terms,self.values = terms,{}
    def __call__(self,
        output:Tensor, # generated
        target:Tensor, # the truth
        L:Tensor=None, # lightness of the pictures, for the terms that ask for it
    ) -> Tensor: # scalar
        "Sum of all terms; each is kept in `values`, without its graph"
        each = {k: o(output, target, L) for k,o in self.terms.items()}
        self.values = {k: v.detach() for k,v in each.items()}
        return sum(each.values())

@content_losses('l1_tv')
def _l1_tv(lam=1.): return SumLoss(l1=L1Loss(lam), tv=TotalVariationLoss(.1*lam))

@content_losses('colorful')
def _colorful(lam=1.): return SumLoss(l1=L1Loss(lam), color=ColorfulnessLoss(.5*lam))

@content_losses('perceptual')
def _perceptual(lam=1.): return SumLoss(l1=L1Loss(lam), vgg=PerceptualLoss(vgg(), 5*lam))

# %%
torch.manual_seed(seed)
def s3_like(): return SumLoss(l1=L1Loss(), perceptual=PerceptualLoss(small_vgg(), 5), tv=TotalVariationLoss(.1))
total = s3_like()
by_hand = L1Loss()(.5*ab, ab) + PerceptualLoss(small_vgg(), 5)(.5*ab, ab, L) + TotalVariationLoss(.1)(.5*ab)
test_close(total(.5*ab, ab, L), by_hand, eps=1e-6)
test_close(sum(total.values.values()), by_hand, eps=1e-6)
total.values

# %% [markdown]
# Does a network learn by such a sum? The next cell trains a small one on a plain Learner whose batches have the lightness twice, as question and beside the truth; where it is missing there, the loss says so. Printed is the loss before and after.

# %%
torch.manual_seed(seed)
def learner(*targets):
    items = list(zip(*(F.avg_pool2d(o, 2) for o in (L, *targets))))
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 3, padding=1), nn.Tanh())
    dls = DataLoaders.from_dsets(items, items, bs=3, device='cpu', num_workers=0)
    dls.n_inp = 1
    learn = Learner(dls, net, s3_like())
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn
learn = learner(ab, L)
before = learn.validate()[0]
learn.fit(6, 1e-2)
assert learn.validate()[0] < .98*before
test_fail(lambda: learner(ab).fit(1), exc=UsageError, contains='needs the lightness')
before,learn.validate()[0]

# %% [markdown]
# ## No loss knows how large a picture is

# %% [markdown]
# If a picture is tiled or a batch repeated, the answers are as good or bad as before, so no value may change. The cell checks it for the losses of the chapter, with tiles that are mirror images, so that total variation finds no new edges at the seams. S4's sum is the exception: the printed ratios are 4 for twice the side and 3 for three times the batch, so a balance with the critic that was found at one size is wrong at every other.
#
# Features look at neighbors, too, and even a mirrored tile has new ones at its seams. So `PerceptualLoss` is checked with edges that continue at the other side (`circular`) and plain copies as tiles. With VGG's own edges the value of a tiled picture differs a little; the third number is that ratio.

# %%
guess = .5*ab + .05*torch.randn_like(ab)
mirror = lambda x: torch.cat([torch.cat([x, x.flip(-1)], -1), torch.cat([x, x.flip(-1)], -1).flip(-2)], -2)
batch = lambda x: x.repeat(3, 1, 1, 1)
def ratios(loss, output=guess):
    return [(loss(*map(o, (output, ab, L)))/loss(output, ab, L)).item() for o in (mirror, batch)]
for name in ('l1', 'l2', 'smooth_l1', 'l1_tv', 'colorful'):
    test_close(ratios(content_losses[name]()), [1, 1], eps=1e-4)
test_close(ratios(ColorfulnessLoss(goal='more')), [1, 1], eps=1e-4)
test_close(ratios(content_losses['l2_sum']()), [4, 3], eps=1e-3)
tile = lambda x: x.repeat(1, 1, 2, 2)
circular,edges = PerceptualLoss(small_vgg(padding='circular')),PerceptualLoss(features)
test_close(circular(tile(guess), tile(ab), tile(L))/circular(guess, ab, L), 1, eps=1e-4)
tiled,batched = ratios(edges)
test_close(tiled, 1, eps=.1)
test_close(batched, 1, eps=1e-4)
*ratios(content_losses['l2_sum']()),tiled

# %% [markdown]
# ## What we have
#
# - `L1Loss`, `SmoothL1Loss` and `L2Loss`, means with a weight, and `L2SumLoss`, a sum;
# - `LabLoss`, which compares means over areas;
# - `TotalVariationLoss` and `ColorfulnessLoss`, which take $ab$ or RGB as it comes;
# - `PerceptualLoss` on the features of VGG-16, as S3 has it, of VGG-19, or of any network, and `as_rgb`, by which $ab$ and lightness become a picture at the color's size;
# - `SumLoss`, one loss of several, and `content_losses`, names that say which outputs each can read.

# %% [markdown]
# ## Exercises
#
# 1. Paint the buses in three colors, four red, three blue and three green. Where is the smallest L1 now, and is it the color of a bus?
# 2. Why would a loss that is a mean over pixels, but a sum over the batch, go unnoticed for longer than S4's?
# 3. Start from the true colors and lower the squares to them plus `TotalVariationLoss` times a weight. How much of the strongest edges of color, and of weak ones, is left at weights of .01, .03 and .1?
# 4. `ColorfulnessLoss(goal='more')` alone: start from the truth and follow its gradient for a hundred steps. What happens to the colors, and which loss of this chapter would have stopped it?
# 5. Replace the absolute difference of features by the square, as Johnson et al. have it. How does the order of the three errors change?
# 6. Color the six photographs by lowering the perceptual loss alone, from gray, with Adam. How near to the true colors is the result after 200 steps?
