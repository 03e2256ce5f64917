# %% [markdown]
# # Color as classification
#
# > 313 bins, soft targets, rebalancing and the annealed mean
#
# Imagine buses, six of ten red and four blue, and nothing in the gray picture that says which: the answer that is nearest to all of them on average is a purple that no bus ever had. A network that may answer "red with 0.6, blue with 0.4" does not have that problem; it postpones the choice. So the shipped model does not predict color, it predicts a distribution over 313 colors, following Zhang, Isola and Efros [-@zhang2016]. This chapter has everything around that network, in the order in which it is needed: the 313 colors, called bins; the distribution that a photograph gives to each pixel as its target; weights for rare colors, without which gray always wins; and the way from a distribution back to one color, which can be changed after training.

# %%
#| default_exp color.bins

# %% tags=["parameters"]
size,seed = 96,3

# %%
#| export
import math, torch, torch.nn.functional as F
from torch import nn, Tensor
from safetensors import safe_open, SafetensorError
from safetensors.torch import save_file
from colorbook.core import InputError, UsageError, atomic_path
from colorbook.color.lab import rgb_to_lab

# %%
#| hide
import tempfile
from pathlib import Path
import numpy as np, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.data.photos import sample_photos, weights_file
from colorbook.color.lab import join_lab, lab_to_linear, lab_to_rgb, map_gamut, split_lab

# %% [markdown]
# ## The bins

# %% [markdown]
# The plane of $a$ and $b$ gets a grid with a distance of 10 units, and the grid points near colors that a screen can show become classes. There are 313 of them in the paper. Ten units are a visible difference, but not the last word: soft targets and the mean over bins, which come below, recover what lies between.
#
# The paper says "in gamut" and publishes a table; it does not say how the table was made. We look for a rule that gives it. The colors of sRGB fill a bent solid in Lab, and we need the shadow of that solid on the plane. Colors *between* bins can be written as means of bins only if every color has bins on all its sides, so grid points outside the gamut are wanted as well, up to one step away; and a table that is convex has no dents. Both together are the rule: take the convex hull of the shadow and make it larger by one step of the grid in $a$ and in $b$. Instead of building a polygon we ask in every direction $n$ how far the larger shape reaches. A convex set is what no direction excludes:
#
# $$p\in\text{bins}\iff n\cdot p\;\leq\;\max_{c\,\in\,\text{sRGB}}n\cdot c\;+\;10\,(|n_a|+|n_b|)\quad\text{for all }n.$$
#
# The twelve edges of the RGB cube reach as far as the whole cube does.

# %%
#| export
def rgb_edges(
    n:int=256, # colors on each edge
) -> Tensor: # sRGB in 0..1, 12*`n` x3
    "The twelve edges of the RGB cube: between black, white and the six purest colors"
    ends = torch.cartesian_prod(*torch.tensor([[0., 1.]]*3))
    pairs = [(a, b) for a in ends for b in ends if (b - a).sum() == 1 and (b - a).min() == 0]
    return torch.cat([a + torch.linspace(0, 1, n)[:,None]*(b - a) for a,b in pairs])

# %%
#| export
def ab_bins(
    step:int=10, # of the grid, in units of a and b
    grow:float=None, # how far outside the hull, in a and in b; a step if not given
) -> Tensor: # 313x2: the centers in a and b, ordered by a, then b
    "Bins of Zhang et al. (2016): grid points within one step, in a and in b, of the convex hull of sRGB's colors"
    colors = rgb_to_lab(rgb_edges().T[None,:,:,None])[0,1:,:,0]
    axis = torch.arange(-13*step, 13*step + 1., step)
    grid,angle = torch.cartesian_prod(axis, axis),torch.arange(720)*math.pi/360
    n = torch.stack([angle.cos(), angle.sin()], 1)
    reach = (n @ colors).amax(1) + (step if grow is None else grow)*n.abs().sum(1)
    return grid[(grid @ n.T <= reach + 1e-3).all(1)]

# %% [markdown]
# That gives 313, and they are the bins of the published table, in its order, so that weights of other people's networks fit ours. The number does not depend on the last digit of the rule: any growth between 9.8 and 10.04 gives the same bins; 9.5 gives 309, and 10.1 gives 314.

# %%
bins = ab_bins()
test_eq(bins.shape, (313, 2))
test_eq([bins.min(0)[0].tolist(), bins.max(0)[0].tolist()], [[-90, -110], [100, 100]])
published = weights_file('ab-bins-313.npy')
if published: test_eq(bins.tolist(), np.load(published).tolist())
test_eq(len(torch.unique(rgb_edges(), dim=0)), 8 + 12*254)
test_eq([len(ab_bins(grow=o)) for o in (9.5, 9.8, 10.04, 10.1)], [309, 313, 313, 314])
bins[::60].tolist()

# %% [markdown]
# How many of the bins are colors? A grid point *is* the color of some sRGB value if, for a lightness between 0 and 100, its linear light stays in 0..1. That holds for 229 of them; hollow circles in @fig-bins mark the others. Every square of the grid that sRGB touches needs its four corners, which makes 309, and the convex rim adds four more (crosses). No sRGB color is within 13 units of these four, so none of them is ever the nearest bin; they cost four rows of a matrix. The cell also checks that twelve edges were enough: the six faces of the cube reach no farther in any direction.

# %%
v = torch.linspace(0, 1, 256)
u = torch.cartesian_prod(v, v)
faces = torch.cat([torch.cat([u[:,:c], torch.full_like(v, k).repeat(256)[:,None], u[:,c:]], 1)
                   for c in range(3) for k in (0., 1.)])
surface = rgb_to_lab(faces.T[None,:,:,None])[0,1:,:,0].T
L = torch.arange(0, 100.05, .1)
lab = torch.cat([L.view(-1, 1, 1).expand(-1, -1, 313), bins.T[None].expand(len(L), -1, -1)], 1)
lin = lab_to_linear(lab[...,None])[...,0]
own = torch.maximum(-lin, lin - 1).amax(1).amin(0) <= 0
touched = torch.unique(torch.floor(surface/10), dim=0)*10
corners = {(a + x, b + y) for a,b in touched.tolist() for x in (0, 10) for y in (0, 10)}
table = set(map(tuple, bins.tolist()))
rim = sorted(table - corners)
far = torch.cdist(torch.tensor(rim), surface, compute_mode='donot_use_mm_for_euclid_dist').amin(1)
test_eq((own.sum().item(), len(corners), corners <= table), (229, 309, True))
around = torch.stack([torch.arange(720.).mul(math.pi/360).cos(), torch.arange(720.).mul(math.pi/360).sin()])
edges = rgb_to_lab(rgb_edges().T[None,:,:,None])[0,1:,:,0].T
assert ((surface @ around).amax(0) - (edges @ around).amax(0)).max() < 1e-3
test_eq(rim, [(40, 90), (100, -90), (100, -10), (100, 0)])
assert far.min() > 13
list(zip(rim, far.tolist()))

# %%
#| label: fig-bins
#| fig-cap: "The 313 bins, the rim of sRGB, bins that are no color (circles), and the four far from any (crosses)."
def in_color():
    "RGB of the bins, each at the lightness that leaves most of its chroma, rather light than dark"
    fits = map_gamut(lab[::50].float()[...,None])
    best = (fits[:,1:,:,0].norm(dim=1) - .05*(fits[:,0,:,0] - 65).abs()).argmax(0)
    return lab_to_rgb(fits, clip=True)[...,0].permute(0, 2, 1)[best,torch.arange(len(bins))]

def show_bins(ax, c, **kwargs):
    "The plane of a and b with a square for every bin"
    ax.set(aspect='equal', xlim=(-115, 115), ylim=(-125, 115), xlabel='a', ylabel='b')
    return ax.scatter(*bins.T, c=c, marker='s', s=42, **kwargs)

fig,ax = plt.subplots(figsize=(6, 6), layout='constrained')
show_bins(ax, in_color())
ax.scatter(*bins[~own].T, s=9, fc='none', ec='black', lw=.6)
ax.scatter(*torch.tensor(rim).T, marker='x', color='black')
angle = torch.atan2(surface[:,1], surface[:,0]).mul(180/math.pi).round().long()
edge = torch.stack([surface[angle == k][surface[angle == k].norm(dim=1).argmax()] for k in range(-179, 181)])
ax.plot(*edge.T, color='black', lw=1);

# %% [markdown]
# ## Soft targets

# %% [markdown]
# A pixel's color lies between bins. To name only the nearest one throws away up to seven units, and tells the network that the bin next to it is as wrong as the opposite color. So the target is spread over the ten nearest bins with Gaussian weights. With $d_q$ the distance to bin $q$ and $\sigma=5$, half a step of the grid,
#
# $$z_q=\frac{e^{-d_q^2/2\sigma^2}}{\sum_{q'}e^{-d_{q'}^2/2\sigma^2}}.$$
#
# Directly, for one color:

# %%
def encode(ab, k=10, sigma=5.):
    "Nearest bins of one color in Lab units, and their weights"
    d = (bins - torch.tensor(ab)).norm(dim=1)
    d,idx = d.topk(k, largest=False)
    w = (-d**2/(2*sigma**2)).exp()
    return idx,w/w.sum()
idx,w = encode((13., -4.))
test_eq(bins[idx[0]].tolist(), [10, 0])
test_close(w.sum(), 1, eps=1e-6)
list(zip(bins[idx[:4]].tolist(), w[:4].tolist()))

# %% [markdown]
# For a million pixels a batch that is too many distances. There are only so many colors, though: rounded to whole units, $a$ and $b$ have 256 values each. Let us number these 65,536 colors. `soft_code` has the code of some of them, and a table of all, made once, answers each pixel with a look-up. The rounding costs half a unit at most, which nobody sees. The table is not stored with a network's weights, because anyone can make it again.

# %%
#| export
def color_units(
    ab:Tensor, # color in about -1..1, `bs`x2xhxw
) -> Tensor: # numbers in 0..65535, `bs`xhxw: 256 times the units of a, plus those of b, both counted from -128
    "The number of each pixel's color in whole units of a and b; what is beyond them is at their rim"
    i = (ab*110).round().clamp(-128, 127).long() + 128
    return i[:,0]*256 + i[:,1]

# %%
#| export
def soft_code(
    units:Tensor, # n numbers of `color_units`
    k:int=10, # neighbors
    sigma:float=5., # width of the Gaussian, in units of a and b
) -> tuple[Tensor,Tensor]: # bins, nearest first, and their weights, each nx`k`; the weights of a color sum to 1
    "Colors spread over their nearest bins by Gaussian weights (Zhang et al.: 10 neighbors, sigma 5)"
    d,idx = torch.cdist(torch.stack([units//256, units%256], 1).float() - 128, ab_bins()).topk(k, largest=False)
    w = torch.exp(-d**2/(2*sigma**2) + d[:,:1]**2/(2*sigma**2))
    return idx,w/w.sum(1, keepdim=True)

# %% [markdown]
# What is lost by the code? The mean of the bins under the weights, the *expected color* of the code, should be close to the color that was encoded. The two numbers below say how far off it is on our photographs, on average and in units of Lab: first for the nearest bin alone, then for the soft code. The nearest bin alone is 3.8 units off, the soft code 0.4, which nobody sees.

# %%
#| export
class SoftBins(nn.Module):
    "`soft_code` of each pixel, by a table of all colors in whole units"
    def __init__(self,
        k:int=10, # neighbors
        sigma:float=5., # width of the Gaussian, in units of a and b
    ):
        super().__init__()
        idx,w = soft_code(torch.arange(65536), k, sigma)
        self.register_buffer('idx', idx, persistent=False)
        self.register_buffer('w', w, persistent=False)
    def forward(self,
        ab:Tensor, # color in about -1..1, `bs`x2xhxw
    ) -> tuple[Tensor,Tensor]: # bins, nearest first, and their weights, each `bs`xkxhxw; the weights sum to 1
        "Nearest bins of each pixel"
        i = color_units(ab)
        return self.idx[i].permute(0, 3, 1, 2),self.w[i].permute(0, 3, 1, 2)

# %%
soft = SoftBins()
rgb = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size=size)]).permute(0, 3, 1, 2)/255
light,ab = split_lab(rgb)
idx,w = soft(ab)
test_close(w.sum(1), 1, eps=1e-5)
for c in ((13., -4.), (0., 0.), (-71., 64.), (61., -97.)):
    (i,p),(j,q) = encode(c),soft(torch.tensor(c).view(1, 2, 1, 1)/110)
    p,q = (torch.zeros(313).index_add(0, i.flatten(), w.flatten()) for i,w in ((i, p), (j, q)))
    test_close(p, q, eps=1e-3)
nearest = torch.cdist((ab*110).round().permute(0, 2, 3, 1).reshape(-1, 2), bins).amin(1)
own_distance = ((ab*110).round() - bins[idx[:,0]].permute(0, 3, 1, 2)).norm(dim=1).flatten()
test_close(own_distance, nearest, eps=2e-2)
far_out = [soft(torch.full((1, 2, 1, 1), o))[0].flatten().tolist() for o in (3., 127/110)]
test_eq(*far_out)
decoded = (bins[idx]*w[...,None]).sum(1).permute(0, 3, 1, 2)
off = [(o - ab*110).norm(dim=1).mean().item() for o in (bins[idx[:,0]].permute(0, 3, 1, 2), decoded)]
assert off[1] < 1 and off[0] > 3*off[1]
off

# %% [markdown]
# ## How rare a color is

# %% [markdown]
# Most of any photograph is nearly gray: walls, roads, skies, skin. A network that learns from pixels as they come learns that gray is always a good guess. To counter it we need to know how common each bin is. The *prior* is the mean of the soft codes over many pixels, 313 shares with sum 1. Zhang et al. count hard bins and smooth the result with the same $\sigma=5$; counting soft codes does both at once. The code depends on whole units of $a$ and $b$ only, so a histogram $h$ of 256x256 counts is all that must be kept of any number of pixels, and the prior is exactly
#
# $$p_q\propto\sum_{a,b}h_{ab}\,z_q(a,b).$$
#
# @fig-prior has the prior of our six photographs; that of a training set is the same mountain around gray with fewer holes. Each step of its color bar is a factor of ten: between the middle and the rim lie factors of a thousand and more.

# %%
#| export
def color_counts(
    batches, # iterable of `ab`, `bs`x2xhxw in about -1..1
) -> Tensor: # 65536 counts, numbered as `color_units` does
    "How often each color in whole units occurs in a set of pictures"
    return sum((torch.bincount(color_units(o).flatten().cpu(), minlength=65536) for o in batches),
        torch.zeros(65536, dtype=torch.long))

# %%
#| export
def color_prior(
    counts, # 65536 counts of colors in whole units, see `color_counts`
    nearest:bool=False, # count each color for its nearest bin alone
) -> Tensor: # 313 shares with sum 1, or all 0 if there is nothing to count
    "How common each bin is in a set of pictures"
    h,n = torch.as_tensor(counts).double(),torch.zeros(len(ab_bins()), dtype=torch.float64)
    for u in h.nonzero().flatten().split(2048):
        idx,w = soft_code(u)
        if nearest: idx,w = idx[:,:1],torch.ones_like(w[:,:1])
        n.index_add_(0, idx.flatten(), (w*h[u,None]).flatten())
    return (n/n.sum().clamp(min=1)).float()

# %%
counts = color_counts(ab.split(2))
prior = color_prior(counts)
by_pixel = torch.zeros(313, dtype=torch.float64).index_add(0, idx.flatten(), w.flatten().double())
test_close(prior, by_pixel/by_pixel.sum(), eps=1e-6)
hits = torch.bincount(idx[:,0].flatten(), minlength=313)
test_close(color_prior(counts, nearest=True), hits/hits.sum(), eps=1e-6)
i,p = encode((0., 0.))
flat = color_counts([torch.zeros(1, 2, 8, 8)])
test_eq(flat.nonzero().flatten().tolist(), [128*256 + 128])
test_close(color_prior(flat)[i[:5]], p[:5], eps=1e-3)
test_eq(bins[color_prior(flat, nearest=True).argmax()].tolist(), [0, 0])
test_eq(color_prior(torch.zeros(65536)).sum(), 0)
test_close(prior.sum(), 1, eps=1e-5)
test_eq(bins[prior.argmax()].norm() < 15, True)
nearly = bins.norm(dim=1) < 25
assert prior[nearly].sum() > .5
f'{prior[nearly].sum():.0%} of pixels are in the {nearly.sum()} bins around gray, {(prior == 0).sum()} bins are empty'

# %%
#| label: fig-prior
#| fig-cap: "How common each bin is in our photographs, on a logarithmic scale; white bins do not occur."
fig,ax = plt.subplots(figsize=(6.6, 5.6), layout='constrained')
dots = show_bins(ax, prior.where(prior > 0, torch.nan).log10(), cmap='viridis', vmin=-6)
fig.colorbar(dots, label='logarithm (base 10) of the share', shrink=.8);

# %% [markdown]
# A bin that never occurs cannot be learned, however the loss is weighted. But some of the 313 are nearest to no color of any screen, and nobody can miss them. `bins_on_screen` says which are.

# %%
#| export
def bins_on_screen() -> Tensor: # 313 values, true or false
    "Bins that are the nearest to some color of sRGB"
    v = torch.linspace(0, 1, 128)
    u = torch.cartesian_prod(v, v)
    faces = [torch.cat([u[:,:c], torch.full((len(u), 1), k), u[:,c:]], 1) for c in range(3) for k in (0., 1.)]
    units = torch.cat([color_units(rgb_to_lab(o.T[None,:,:,None])[:,1:]/110).flatten() for o in faces]).unique()
    return torch.isin(torch.arange(len(ab_bins())), torch.cat([soft_code(o)[0][:,0] for o in units.split(2048)]))

# %%
screen = bins_on_screen()
assert screen[color_prior(counts, nearest=True) > 0].all() and screen[own].all()
test_eq({tuple(o) for o in bins[~screen].int().tolist()} & {*rim}, {*rim})
screen.sum().item()

# %% [markdown]
# ## Weights for rare colors

# %% [markdown]
# To count rare colors more, each pixel's loss is multiplied by a weight that falls with the share $p_q$ of its bin. The plain inverse $1/p_q$ would make a bin that occurs once in a million pixels a million times as heavy, so the prior is mixed with the uniform distribution first:
#
# $$w_q\propto\left((1-\lambda)\,p_q+\frac\lambda Q\right)^{-\alpha},\qquad\sum_qp_qw_q=1.$$
#
# With $\lambda=\frac12$ no bin counts more than $2Q=626$ times, before scaling. The second condition keeps the mean weight of a pixel at 1, hence the loss on its scale. The exponent $\alpha$ goes from no rebalancing to all of it: Zhang et al. have 1, and their colors are bold, now and then too bold. Without any mixing, a bin that never occurs would have no finite weight, and that is an error.
#
# An example with two bins of shares 0.9 and 0.1: the inverse alone gives both the same influence, $p_qw_q=\frac12$; half mixed, the shares are 0.7 and 0.3 and the weights are as 3 to 7. The numbers below are the largest weight divided by the smallest for our photographs, without rebalancing, with half of it, and in full.

# %%
#| export
def class_weights(
    prior:Tensor, # share of each bin, sums to 1
    lam:float=.5, # share of the uniform distribution that is mixed in
    alpha:float=1., # 1 rebalances in full, 0 not at all
) -> Tensor: # weight of each bin; its mean under `prior` is 1
    "Rebalancing weights ((1-lam) p + lam/Q)^-alpha (Zhang et al., equation 4)"
    w = ((1 - lam)*prior + lam/len(prior))**-alpha
    if not w.isfinite().all():
        raise UsageError('a bin that never occurs has no finite weight', 'mix in the uniform distribution: lam > 0')
    return w/(prior*w).sum()

# %%
two = torch.tensor([.9, .1])
test_close(two*class_weights(two, lam=0), torch.tensor([.5, .5]), eps=1e-6)
test_close(class_weights(two), torch.tensor([3., 7])/(.9*3 + .1*7), eps=1e-6)
for a in (0, .5, 1): test_close((prior*class_weights(prior, alpha=a)).sum(), 1, eps=1e-5)
test_close(class_weights(prior, alpha=0), 1, eps=1e-5)
test_close(class_weights(prior, lam=1), 1, eps=1e-5)
test_fail(lambda: class_weights(prior, lam=0), exc=UsageError, contains='never occurs')
weights = class_weights(prior)
test_eq(weights.argmin().item(), prior.argmax().item())
{a: (class_weights(prior, alpha=a).max()/class_weights(prior, alpha=a).min()).item() for a in (0, .5, 1)}

# %% [markdown]
# Prior and weights go into one small file. Training with other pictures of the same kind, or on another machine, need not count again; and for another exponent the weights are made from the prior.

# %%
#| export
def save_prior(
    path, # ends in .safetensors
    prior:Tensor, # 313 shares
    **about, # whatever should be remembered: number of pictures, source
):
    "Write a prior and its rebalancing weights (lam 1/2, alpha 1)"
    with atomic_path(path) as f:
        save_file(dict(prior=prior, weights=class_weights(prior)), f, {k: str(v) for k,v in about.items()})

# %%
#| export
def load_prior(
    path, # file of `save_prior`
) -> Tensor: # 313 shares with sum 1
    "A prior, for `class_weights`; `InputError` if there is none in the file"
    try:
        with safe_open(str(path), 'pt') as f: prior = f.get_tensor('prior')
    except (SafetensorError, OSError) as e:
        raise InputError(f"'{path}' holds no prior: {e}", 'make one: colorbook data doctor SET') from e
    if prior.shape != (len(ab_bins()),) or abs(prior.sum() - 1) > 1e-3 or prior.min() < 0:
        raise InputError(f"the prior in '{path}' is not {len(ab_bins())} shares", 'make it again')
    return prior

# %%
home = Path(tempfile.mkdtemp())
save_prior(home/'p.safetensors', prior, pictures=len(rgb))
test_eq(load_prior(home/'p.safetensors'), prior)
with safe_open(str(home/'p.safetensors'), 'pt') as f: test_close(f.get_tensor('weights'), class_weights(prior))
save_file(dict(prior=torch.ones(313)), home/'no.safetensors')
(home/'text.safetensors').write_text('none')
for name,why in (('no', 'not 313 shares'), ('text', 'no prior'), ('lost', 'no prior')):
    test_fail(lambda: load_prior(home/f'{name}.safetensors'), exc=InputError, contains=why)
prior.topk(3)[0]

# %% [markdown]
# ## From a distribution to a color

# %% [markdown]
# One color has to be painted. The most probable bin, the *mode*, is vivid and restless: neighbors jump between bins, and areas get borders. The *mean* is smooth and brings back the purple bus. Between them lies the mean of a distribution that was sharpened first, which Zhang et al. call the annealed mean: the scores are divided by a temperature $T$,
#
# $$f_T(s)=\sum_qc_q\,\frac{e^{s_q/T}}{\sum_{q'}e^{s_{q'}/T}},$$
#
# the mean at $T=1$, the mode as $T\to0$, and $T=0.38$ by taste of the authors. A mean is duller than what it is a mean of. That can be made up for by a factor on the color, the `gain`, which costs nothing either: the bins are farther out. As a layer all this is a softmax and a convolution of 1x1, whose weights are the bins, so that it can become part of the shipped network: [its generator](../models/encoder_unet.ipynb#the-u-net) has 313 channels in its head, the loss reads them as scores, and this layer, handed over as its `color`, turns them into $a$ and $b$.
#
# As an example take one pixel of a bus: the mean of six soft codes of red and four of blue, which is exactly what cross-entropy asks a network to say. @fig-annealed paints it at six temperatures. Follow the swatches from left to right: dull purple at $T=1$, where both colors are averaged, then more and more red, because red had the larger share.

# %%
#| export
class AnnealedMean(nn.Module):
    "Color from bin scores: the mean over the bins of a sharpened softmax"
    def __init__(self,
        T:float=.38, # temperature: toward 0 the mode, 1 the mean
        bias:Tensor=None, # 313 values added to the scores, for example to undo part of a rebalancing
        gain:float=1., # factor on the color: its saturation
    ):
        super().__init__()
        self.register_buffer('T', torch.tensor(float(T)))
        self.register_buffer('gain', torch.tensor(float(gain)))
        self.register_buffer('bias', torch.zeros(len(ab_bins())) if bias is None else bias)
        self.register_buffer('bins', ab_bins()/110, persistent=False)
    def _load_from_state_dict(self, state, prefix, *args): # weights that know nothing of it leave a setting as it is
        for k in ('T', 'gain'): state.setdefault(prefix + k, getattr(self, k))
        super()._load_from_state_dict(state, prefix, *args)
    def forward(self,
        logits:Tensor, # scores, `bs`x313xhxw
    ) -> Tensor: # color in about -1..1, `bs`x2xhxw
        "Expected color of the sharpened distribution, times the gain"
        p = ((logits.float() + self.bias.view(1, -1, 1, 1))/self.T).softmax(1)
        return F.conv2d(p, self.bins.T[:,:,None,None])*self.gain

# %%
red,blue = (60., 50.),(20., -60.)
def code(c): return torch.zeros(313).index_add(0, *encode(c))
bus = .6*code(red) + .4*code(blue)
logits = (bus + 1e-12).log().view(1, -1, 1, 1)
def paint(T): return AnnealedMean(T)(logits)[0,:,0,0]*110
test_close(paint(1.), (bus[:,None]*bins).sum(0), eps=1e-2)
test_close(paint(.001), bins[bus.argmax()], eps=1e-2)
test_close(paint(1e6), bins.mean(0), eps=1e-2)
assert (paint(.38) - torch.tensor(red)).norm() < .7*(paint(1.) - torch.tensor(red)).norm()
test_close(AnnealedMean(1., gain=1.25)(logits)[0,:,0,0]*110, 1.25*paint(1.), eps=1e-4)
{T: [f'{o:.0f}' for o in paint(T)] for T in (1., .38, .001)}

# %%
#| label: fig-annealed
#| fig-cap: "A pixel red with 0.6, blue with 0.4: what is painted as the temperature falls, and its way among the bins."
def show_annealed(temperatures, L=45.):
    "Swatches of the annealed mean, and where they lie among the bins"
    ab = torch.stack([paint(T) for T in temperatures])
    colors = lab_to_rgb(torch.cat([torch.full((len(ab), 1), L), ab], 1)[...,None,None], clip=True)[...,0,0]
    fig,(left,right) = plt.subplots(1, 2, figsize=(9, 3.6), width_ratios=(2, 1.2), layout='constrained')
    left.imshow(colors[None])
    left.set(yticks=[], xticks=range(len(ab)), xticklabels=[f'T={T:g}' for T in temperatures])
    show_bins(right, in_color(), alpha=.25)
    right.scatter(*bins.T, s=150*bus, color='black')
    right.plot(*ab.T, 'k.-', lw=1)
    right.set(xlabel='', ylabel='', xticks=[], yticks=[])
show_annealed((1., .8, .6, .38, .2, .05))

# %% [markdown]
# The color is a smooth function of the scores, so a critic's gradient gets through it: with $\hat p$ the sharpened distribution, $\partial f/\partial s_q=\hat p_q\,(c_q-f)/T$, which the cell compares with what PyTorch finds. The mode has no gradient to pass on.

# %%
s = torch.randn(1, 313, 1, 1, requires_grad=True)
mean = AnnealedMean()
color = mean(s)
sharp = (s/.38).softmax(1).flatten()
for c in range(2):
    by_hand = sharp*(bins[:,c]/110 - color[0,c])/.38
    test_close(torch.autograd.grad(color[0,c].sum(), s, retain_graph=True)[0].flatten(), by_hand.flatten(), eps=1e-5)
sharp.max()

# %% [markdown]
# ## Undoing the weights

# %% [markdown]
# Weights in the loss change what the network says. If among pixels that look alike bin $q$ has the share $p_q$, the weighted cross-entropy is smallest not at $p$ but at $p_qw_q/Z$ with $Z=\sum_{q'}p_{q'}w_{q'}$: we check that its gradient is zero there. That is the purpose, and it can be taken back afterwards. The network's scores are $\log p_q+\log w_q-\log Z$, so a bias of $-\log w_q$ leaves $\log p_q$ and a constant, which softmax does not see. A part of it, $-\beta\log w_q$, leaves a part of the rebalancing. So how bold the colors are is set *after* training, without training again: the shipped model is trained with one $\alpha$ and measured with several $\beta$. The first cell below has the largest component of the gradient at the weighted answer, which is zero up to rounding, and at the same scores under equal weights, which is not. The second checks for twenty random distributions and weights that $\beta=1$ brings back all of $p$, and that $\beta=0$ changes nothing.

# %%
w = class_weights(prior, alpha=.5)
def says(p, w): return ((p + 1e-20).log() + w.log()).view(1, -1, 1, 1).requires_grad_()
i = [encode(c, 1)[0].item() for c in ((60., 50.), (20., -60.), (0., 0.))]
p = torch.zeros(313).scatter(0, torch.tensor(i), torch.tensor([.5, .3, .2]))
def cost(s): return -(w*p*s.flatten().log_softmax(0)).sum()
def pull(s): return torch.autograd.grad(cost(s), s)[0].abs().max().item()
assert pull(says(p, w)) < 1e-5 < .01 < pull(says(p, torch.ones(313)))
pull(says(p, w)),pull(says(p, torch.ones(313)))

# %%
torch.manual_seed(seed)
for _ in range(20):
    p,w = (3*torch.randn(313)).softmax(0),(2*torch.randn(313)).exp()
    said = (p*w/(p*w).sum()).log()
    test_close((said - w.log()).softmax(0), p, eps=1e-5)
    for beta in (0., .5, 1.):
        q = p*w**(1 - beta)
        color = AnnealedMean(1., -beta*w.log())(said.view(1, -1, 1, 1)).flatten()
        test_close(color, (q/q.sum()) @ bins/110, eps=1e-4)
AnnealedMean(1., -w.log())(said.view(1, -1, 1, 1)).flatten()*110

# %% [markdown]
# How much is lost on the way from a photograph to codes and back, before any network? @fig-round has the codes of our photographs at a quarter of the size, where the network works, painted at $T=0.38$. Compare the two rows: only the smallest spots of color are a little paler. So what a colorizer gets wrong is not the fault of its bins.

# %%
#| label: fig-round
#| fig-cap: "Photographs, and the same from the soft codes of their colors at a quarter of the size."
quarter = F.avg_pool2d(ab, 4)
idx,w = soft(quarter)
codes = torch.zeros(len(ab), 313, *quarter.shape[-2:]).scatter_add(1, idx, w)
back = AnnealedMean()((codes + 1e-9).log())
assert (back - quarter).norm(dim=1).mean()*110 < 3
again = join_lab(light, F.interpolate(back, scale_factor=4, mode='bilinear', align_corners=False))
fig,axs = plt.subplots(2, len(rgb), figsize=(9, 3.1), layout='constrained')
for ax,o in zip(axs.flat, [*rgb, *again]): ax.imshow(o.permute(1, 2, 0).clamp(0, 1))
for ax in axs.flat: ax.axis('off')

# %% [markdown]
# ## Asking for another answer

# %% [markdown]
# A distribution knows more than one answer, and a reader may want to see them. To draw each pixel's bin by itself gives confetti: neighbors must choose alike. So we do not draw a color, we draw a *leaning*: a direction $z$ in the plane of $a$ and $b$, two normal numbers for a whole picture, and multiply every distribution by a factor that grows along it. With $c_q$ the bins in units of 110 and $\sigma$ a strength,
#
# $$p_q\;\to\;p_q\,e^{\sigma\,z\cdot c_q/T}\,/\,Z.$$
#
# Where the network is sure, this changes nothing: one bin has all the weight and keeps it. Where it wavers between red and blue, a leaning toward blue decides for blue, on the whole bus at once. If the distribution is a bell curve, its mean moves by its covariance times the leaning: every pixel moves in proportion to how unsure it is. A color that the network thinks impossible stays impossible. As a layer it is an addition to the scores, and `z` becomes a second input of the shipped network; zeros give the answer that it always gave. [`colorize`](../imaging/colorizer.ipynb) draws the numbers from a seed; `benchmarks/diversity.py` measures what they bring.

# %%
#| export
class HueBias(nn.Module):
    "A classifier of color that leans toward a direction in the plane of a and b"
    z_dim = 2 # values in `z`
    def __init__(self,
        generator:nn.Module, # `L` to scores of the bins, with an `AnnealedMean` as its `color`
        strength:float=2.5, # of the leaning: change of the scores for 110 units of color and z = 1
    ):
        super().__init__()
        self.generator,self.strength = generator,strength
        self.register_buffer('bins', ab_bins()/110, persistent=False)
    @property
    def color(self): return self.generator.color
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        z:Tensor, # leaning in a and b, `bs`x2, normal numbers; 0 for the plain answer
    ) -> Tensor: # scores, `bs`x313xhxw
        return self.generator(L) + self.strength*(z @ self.bins.T)[...,None,None]

# %%
class Says(nn.Module):
    "Scores that do not depend on the picture"
    def __init__(self, logits, T=1.): super().__init__(); self.logits,self.color = logits,AnnealedMean(T)
    def forward(self, L): return self.logits
def leaned(logits, z, strength=2., T=1.):
    net = HueBias(Says(logits.view(1, -1, 1, 1), T), strength)
    return net.color(net(None, torch.tensor([z]))).flatten()*110
spread = -(bins/torch.tensor([25., 15.])).square().sum(1)/2
moved = torch.tensor([25.**2, 15.**2])*2*torch.tensor([.5, -.4])/110
test_close(leaned(spread, (.5, -.4)), moved, eps=.3)
sure = -(bins - torch.tensor([40., 30.])).square().sum(1)
test_close(leaned(sure, (1., -1.)), torch.tensor([40., 30.]), eps=.01)
test_close(leaned((bus + 1e-12).log(), (0., 0.)), paint(1.), eps=1e-5)
assert (leaned(bus.clamp(min=1e-12).log(), (-1., -2.), 4.) - torch.tensor(blue)).norm() < 12
assert (leaned(bus.clamp(min=1e-12).log(), (1., 2.), 4.) - torch.tensor(red)).norm() < 12
{z: leaned(bus.clamp(min=1e-12).log(), z, 4.) for z in ((0., 0.), (1., 2.), (-1., -2.))}

# %% [markdown]
# ## What we have
#
# - `ab_bins`, the 313 published classes, and `SoftBins`, the code of a color in them;
# - `color_prior` and `class_weights`, by which rare colors count in a [loss](../losses/content.ipynb);
# - `AnnealedMean`, which turns scores into color and lets the rebalancing be undone after training, and `HueBias`, which asks for another answer.

# %% [markdown]
# ## Exercises
#
# 1. Encode with $\sigma=2$ and with $\sigma=15$. Which expected color is nearer to the true one, and why does training not want a small $\sigma$?
# 2. The four bins of the rim are never the nearest. How large are their shares in the prior all the same, and which weight does $\lambda$ give them?
# 3. Find a distribution for which the color at $T=0.38$ is *farther* from the most probable bin than the color at $T=1$.
