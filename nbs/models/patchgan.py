# %% [markdown]
# # PatchGAN
#
# > A critic with a verdict for every patch, and why it has to see the gray picture
#
# A loss that compares with the truth pixel by pixel calls every color wrong but one, and what a network learns from it is caution. A critic, or discriminator, asks instead whether a picture *could be* a photograph, and since nobody knows how to write that question down, it is a network too, trained on the spot with photographs on one side and generated pictures on the other. [S0](s0.ipynb), [S2](s2.ipynb) and [pix2pix](pix2pix.ipynb) have theirs beside their generators. The critic of this chapter belongs to no system: it judges every patch of a picture of any size. First we see why a critic has to see the gray picture; then what one of its verdicts depends on; last, how spectral norm keeps it from being too certain.

# %%
#| default_exp models.patchgan

# %% tags=["parameters"]
size,steps,seed = 64,60,2

# %%
#| export
from torch import nn, Tensor
from torch.nn.utils.parametrizations import spectral_norm
from colorbook.models.layers import check_side, concat_condition
from colorbook.models.registry import critics

# %%
#| hide
import copy, math, numpy as np, matplotlib.pyplot as plt, torch, torch.nn.functional as F
from fastcore.test import *
from colorbook.color.lab import join_lab, split_lab
from colorbook.core import UsageError
from colorbook.data.photos import sample_photos
from colorbook.models.inspect import n_weights
from colorbook.models.s0 import S0Critic

# %% [markdown]
# ## Conditional or not

# %% [markdown]
# S0's text announces a *conditional* GAN, in which the critic judges $(L, c)$, a lightness together with a color:
#
# $$\min_G\max_D\;\mathbb{E}_{(L,c)}\log D(L,c)+\mathbb{E}_{L}\log\left(1-D(L,G(L))\right)$$
#
# Its code passes the color picture alone. The generator is then free, as far as the critic is concerned, to answer with a beautiful photograph of something else, and only the content loss reminds it of the question. Where the color is $ab$ without lightness it is worse: the critic sees blue and cannot know whether there is a sky or a roof. We ask two untrained critics, one that does not see $L$ and one that does, about photographs with their own lightness and with that of another.

# %%
rgb = torch.stack([torch.from_numpy(np.asarray(o).copy()) for o in sample_photos(size=2*size)])
rgb = rgb.permute(0, 3, 1, 2)/255
L,ab = split_lab(rgb)
rgb.shape

# %%
torch.manual_seed(seed)
blind,seeing = S0Critic(2*size),S0Critic(2*size, conditional=True)
color,asked = rgb*2 - 1,L.clone().requires_grad_()
def depends(critic): return torch.autograd.grad(critic(asked, color).sum(), asked, allow_unused=True)[0]
assert torch.equal(blind(L, color), blind(L.roll(1, 0), color)) and depends(blind) is None
assert not torch.equal(seeing(L, color), seeing(L.roll(1, 0), color)) and depends(seeing).abs().min(0)[0].max() > 0
torch.cat([o(light, color).flatten(1) for o in (blind, seeing) for light in (L, L.roll(1, 0))], 1)

# %% [markdown]
# Each row is a photograph; the first two columns are the scores of the unconditional critic with the right and with a wrong lightness, the last two those of the conditional one. The first two are equal.
#
# Can a critic use the difference? We let both learn: right pairs are crops of photographs, wrong ones have the lightness of one photograph and the color of another. Both sides of an unconditional critic's loss contain the *same* colors, hence the same scores $s_i$, and
#
# $$\frac1n\sum_i\left[\log(1+e^{-s_i})+\log(1+e^{s_i})\right]\;\geq\;2\log 2$$
#
# with equality where every $s_i=0$. No training whatever gets such a critic below $2\log 2\approx1.386$, the dashed line of @fig-conditional. (Both start far above it: S0's rule for the first weights makes large scores, as the columns show.) Printed is the median of the last twelve losses of each.

# %%
def crops(bs, n=len(rgb)):
    "Lightness and RGB of random crops; neighbors in the batch come from different photos"
    at = torch.randint(0, size + 1, (bs, 2)).tolist()
    out = torch.stack([rgb[i%n, :, y:y + size, x:x + size] for i,(y,x) in enumerate(at)])
    return split_lab(out)[0],out*2 - 1

def mistakes(critic, L, color):
    "Logistic loss of right against wrong pairs"
    return F.softplus(-critic(L, color)).mean() + F.softplus(critic(L, color.roll(1, 0))).mean()

# %%
def fit(critic, view, steps=steps, bs=16, lr=2e-3):
    "Train `critic` to tell right pairs from wrong ones, as `view` shows them; returns its losses"
    opt,losses = torch.optim.Adam(critic.parameters(), lr, betas=(.5, .99), fused=True),[]
    for _ in range(steps):
        loss = mistakes(critic, *view(*crops(bs)))
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses

# %%
torch.manual_seed(seed)
def smaller(*xs): return [F.avg_pool2d(x, 2) for x in xs]
blind,seeing = S0Critic(size//2),S0Critic(size//2, conditional=True)
losses = {'does not see L': fit(blind, smaller), 'sees L': fit(seeing, smaller)}
assert min(losses['does not see L']) > 2*math.log(2) - 1e-4
late = {k: float(np.median(v[-12:])) for k,v in losses.items()}
assert late['sees L'] < 2*math.log(2)
late

# %%
#| label: fig-conditional
#| fig-cap: "Both critics learn from pairs; the dashed line is the bound for the one that does not see the lightness."
fig,ax = plt.subplots(figsize=(6, 2.6), layout='constrained')
for k,v in losses.items(): ax.plot(v, label=k)
ax.axhline(2*math.log(2), color='gray', ls='--', lw=1)
ax.set(xlabel='step', ylabel='loss', yscale='log')
ax.legend(frameon=False);

# %% [markdown]
# Only the critic that sees the lightness gets below the line.

# %% [markdown]
# ## One verdict for every patch

# %% [markdown]
# One number for a whole picture is little to learn from: the generator is told that something is wrong, not where. Isola et al. [-@isola2017] leave out the fully-connected layer and let the convolutions' output stand, a *map* of verdicts, each about one patch. The same few weights then judge hundreds of patches in every picture, at any size, and cannot memorize whole pictures. S1, S3 and S4 all use one. What is lost is the view of the whole: no verdict knows whether the left sleeve has the color of the right one, if they are further apart than a patch.
#
# Ours has S1's form, four-by-four convolutions and no batch norm. Spectral norm, which we come to below, keeps it in check instead.

# %%
#| export
class PatchCritic(nn.Module):
    "PatchGAN (Isola et al. 2017) with spectral norm: one verdict for each overlapping patch"
    def __init__(self,
        n_color:int=2, # color channels
        nf:int=64, # channels after the first layer
        strides:tuple=(2, 2, 2, 1, 1), # of the 4x4 convolutions; these see patches of 70 pixels
        conditional:bool=True, # see `L` as well?
    ):
        super().__init__()
        self.conditional,self.strides = conditional,strides
        widths = [n_color + conditional] + [nf*min(2**i, 8) for i in range(len(strides) - 1)] + [1]
        layers = []
        for ni,no,s in zip(widths, widths[1:], strides):
            layers += [spectral_norm(nn.Conv2d(ni, no, 4, s, 1)), nn.LeakyReLU(.2, inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW; it is averaged to the size of `color`
        color:Tensor, # about -1..1, `bs`x`n_color`xhxw, any size of at least 24 pixels with these strides
    ) -> Tensor: # logits, `bs`x1xh'xw': positive for real
        "A map of verdicts; a `UsageError` where the picture is too small for one"
        check_side(color, self.strides)
        return self.layers(concat_condition(L, color) if self.conditional else color)

@critics('patch')
def _patch(n_color=2): return PatchCritic(n_color, strides=(2, 2, 1, 1))

# %% [markdown]
# It takes any size from which at least one verdict is left. For these strides that is 24 pixels, counted on the *color*: a generator that answers at a quarter needs pictures of 96.

# %%
for strides,n in (((2, 2, 2, 1, 1), 24), ((2, 2, 1, 1), 12), ((2, 1), 4)):
    critic = PatchCritic(nf=2, strides=strides)
    judge = lambda h,w: critic(torch.zeros(1, 1, 4*h, 4*w), torch.zeros(1, 2, h, w))
    test_eq(judge(n, n).shape, (1, 1, 1, 1))
    for h,w in ((n - 1, n), (n, n - 1)): test_fail(lambda: judge(h, w), exc=UsageError, contains=f'at least {n}x{n}')
judge(9, 13).shape

# %% [markdown]
# With 64 channels and three that come in, it has 2,764,737 weights, a sixth of S0's critic at 224 pixels. Three is the count for $L$ with $ab$, as S4 has it, and also for RGB alone, as S1 has it; RGB together with $L$ makes four, and 1,024 weights more. S1's, at 32 channels, has 694,240 because its last layer has no bias.

# %%
with torch.device('meta'):
    test_eq(n_weights(PatchCritic()), 2_764_737)
    test_eq(n_weights(PatchCritic(3, conditional=False)), 2_764_737)
    test_eq(n_weights(PatchCritic(3)), 2_764_737 + 4*4*64)
    s1 = PatchCritic(3, nf=32, conditional=False)
test_eq(n_weights(s1) - len(s1.layers[-1].bias), 694_240)
[tuple(o.weight.shape) for o in s1.layers[::2]]

# %% [markdown]
# ## What a verdict depends on

# %% [markdown]
# Which pixels does one verdict see? Going up through the layers, a value sees $r$ pixels, and its neighbor sees the same patch $j$ pixels further. A convolution of kernel $k$ and stride $s$ joins $k$ neighbors:
#
# $$r\leftarrow r+(k-1)\,j,\qquad j\leftarrow j\,s$$
#
# starting from $r=j=1$. Strides 2, 2, 2, 1, 1 and kernels of 4 give $1+3\,(1+2+4+8+8)=70$.

# %%
def field(strides, k=4):
    "Side of the patch that one verdict sees, and the distance between the patches of neighbors"
    r,j = 1,1
    for s in strides: r,j = r + (k - 1)*j,j*s
    return r,j
test_eq(field((2, 2, 2, 1, 1)), (70, 8))
test_eq(field((2, 2, 1, 1)), (34, 4))
field((2, 2, 2, 1, 1))

# %% [markdown]
# The formula is easy to get wrong, but one can measure: the gradient of one verdict is different from zero exactly at the pixels on which the verdict depends. (Leaky ReLU never has slope zero and the weights are random, so nothing cancels.) Each line below has the first row and column of these pixels, and how many rows and columns they fill: a square of 70 pixels, which moves by 8 from one verdict to the next.
#
# @fig-patch-field shows the square on a photograph; the dashed frames are those of the neighbors. On the right, brighter means a stronger reaction: the middle of the patch counts far more than its edges, so a verdict is mostly about half the width of its patch.

# %%
torch.manual_seed(seed)
def support(critic, y, x, s=128):
    "Gradient of the verdict at row `y` and column `x`, for a picture of `s` pixels"
    both = torch.rand(1, 3, s, s, dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(critic(both[:,:1], both[:,1:])[0,0,y,x], both)[0][0]
def box(grad):
    "First row and column of the support, and how many rows and columns it has"
    on = grad.abs().sum(0) > 0
    (y,x),n = on.nonzero().min(0)[0],on.sum()
    return y.item(),x.item(),on.any(1).sum().item(),on.any(0).sum().item()
critic = PatchCritic(nf=8).double()
grads = [support(critic, 7, o) for o in (7, 8)]
test_eq([box(o) for o in grads], [(33, 33, 70, 70), (33, 41, 70, 70)])
test_eq([(o != 0).sum((1, 2)).tolist() for o in grads], [[70*70]*3]*2)
test_eq(box(support(PatchCritic(nf=8, strides=(2, 2, 1, 1)).double(), 15, 15))[2:], (34, 34))
[box(o) for o in grads]

# %%
#| label: fig-patch-field
#| fig-cap: "The patch of one verdict, those of two neighbors, and how strongly the verdict reacts to each pixel."
def show_field(photo, grad, r, j):
    "A photo with the patch of one verdict, and the size of its gradient"
    y,x = box(grad)[:2]
    fig,axs = plt.subplots(1, 2, figsize=(6, 3), layout='constrained')
    axs[0].imshow(photo.permute(1, 2, 0))
    axs[1].imshow(grad.abs().sum(0), cmap='magma')
    for d,ls in ((-j, '--'), (j, '--'), (0, '-')):
        axs[0].add_patch(plt.Rectangle((x + d - .5, y - .5), r, r, fill=False, color='white', ls=ls))
    for ax in axs: ax.axis('off')
show_field(rgb[2], grads[0], *field((2, 2, 2, 1, 1)))

# %% [markdown]
# ## The map

# %% [markdown]
# Now we let a small one with patches of 34 pixels learn the same task as before, this time on $ab$. It cannot simply compare two pictures of the same light there, but has to find that edges and textures of color lie where those of lightness are. Then we ask it about photographs whose left half is right and whose right half has the color of another photograph. The rows below are its mean verdicts on the left and on the right halves. In @fig-map look for red on the right: nobody told the critic about halves.

# %%
torch.manual_seed(seed)
def ab_of(color): return split_lab(color/2 + .5)[1]
patch = PatchCritic(nf=16, strides=(2, 2, 1, 1))
fit(patch, lambda L,color: (L, ab_of(color)), 5*steps//2, bs=12, lr=2e-3)
half = torch.cat([ab[...,:size], ab.roll(1, 0)[...,size:]], -1)
with torch.no_grad(): verdicts = patch.eval()(L, half)[:,0]
left,right = verdicts[...,:13].mean((1, 2)),verdicts[...,-13:].mean((1, 2))
assert (left - right).mean() > .3 and (left > right).sum() >= len(rgb) - 1
torch.stack([left, right])

# %%
#| label: fig-map
#| fig-cap: "Photographs whose right half has wrong colors, and a critic's verdicts: blue for real, red for wrong."
def show_map(pictures, verdicts, limit=None):
    "Pictures above the critic's verdicts on them"
    limit = limit or verdicts.abs().max()
    fig,axs = plt.subplots(2, len(pictures), figsize=(2*len(pictures), 4.1), layout='constrained')
    for up,low,p,v in zip(*axs, pictures, verdicts):
        up.imshow(p.permute(1, 2, 0))
        low.imshow(v, cmap='RdBu', vmin=-limit, vmax=limit)
    for ax in axs.flat: ax.axis('off')
best = (left - right).argsort(descending=True)[:3]
show_map(join_lab(L, half)[best], verdicts[best])

# %% [markdown]
# ## Spectral norm

# %% [markdown]
# Where a critic is certain its verdict no longer changes with the picture, and the generator gets no gradient to learn from. Spectral norm [@miyato2018] limits how fast the score can change: each layer's weights, written as a matrix $W$ with a row for every output channel, are divided by their largest singular value,
#
# $$\bar W=W/\sigma_{\max}(W),\qquad \sigma_{\max}(W)=\max_{x\ne0}\frac{\lVert Wx\rVert}{\lVert x\rVert}.$$
#
# The singular value is estimated by power iteration, one step for each forward pass in training: $v\leftarrow W^\top u$, $u\leftarrow Wv$, both scaled to length 1, and $\sigma\approx u^\top Wv$. Weights move little from step to step, so one is enough. (The matrix is not the whole convolution, whose windows overlap, so the bound on the layer is a few times weaker. It holds the scale in place all the same.)
#
# We give each layer new weights, for which its $u$ and $v$ are wrong, and print the largest singular value of each layer before and after sixty passes in training.

# %%
def norms(critic):
    "Largest singular value of each layer's weights, as the next pass would use them"
    return torch.stack([torch.linalg.matrix_norm(o.weight.detach().flatten(1), 2) for o in critic.layers[::2]])
torch.manual_seed(seed)
critic = PatchCritic(nf=8)
for o in critic.layers[::2]: nn.init.normal_(o.parametrizations.weight.original)
with torch.no_grad():
    before = norms(critic.eval())
    for _ in range(5): critic(L, ab)
    assert torch.equal(norms(critic), before)
    critic.train()
    for _ in range(60): critic(L[:1,:,:32,:32], ab[:1,:,:32,:32])
    after = norms(critic.eval())
assert before.max() > 1.5
test_close(after, torch.ones(5), eps=1e-2)
torch.stack([before, after])

# %% [markdown]
# In `eval` nothing moves: the first row is the same after five passes. In training the values arrive at 1, the second row. The weights that are stored are not those that are used, as the names in the list below show (`parametrizations.weight.original`). With torch's older form of spectral norm a critic that had run once could not be copied; with this one it can, and a copy that learns leaves the original alone.

# %%
critic = PatchCritic(nf=8)
critic(L, ab).mean().backward()
twin = copy.deepcopy(critic)
with torch.no_grad(): scores = critic.eval()(L, ab)
assert torch.equal(twin.eval()(L, ab), scores)
fit(twin.train(), lambda L,color: (L, ab_of(color)), 1)
assert torch.equal(critic(L, ab), scores) and not torch.equal(twin.eval()(L, ab), scores)
list(critic.state_dict())[:4]

# %% [markdown]
# ## What we have
#
# - `PatchCritic`, a PatchGAN discriminator for pictures of any size, each of whose verdicts sees 70 pixels;
# - the reason why a critic has to see the gray picture to judge its color;
# - spectral norm, which keeps its slope finite.

# %% [markdown]
# ## Exercises
#
# 1. Find strides and a number of layers for a patch of 16 pixels. What can such a critic still notice, and what not?
# 2. The unconditional critic cannot get below $2\log 2$ here, and yet S0 learned with one. What does it notice about a generator's picture that it cannot notice about our wrong pairs?
