# %% [markdown]
# # PatchGAN
#
# > A critic for every kind of color, the patch that one verdict sees, and what spectral norm does
#
# [The critic](../lessons/critic.ipynb) of the lessons, `SmallCritic`, looks at lightness and $ab$ and gives a verdict for each patch of 34 pixels. This chapter makes the library's critic of it: for color of any kind and number of channels, with or without lightness beside it, with patches of 70 pixels as published, and with a clear word where a picture is too small for a single verdict. Then it asks the network itself what a verdict depends on, and takes spectral norm apart. [S0](s0.ipynb), [S2](s2.ipynb) and [pix2pix](pix2pix.ipynb) have critics of their own beside their generators.

# %%
#| default_exp models.patchgan

# %% tags=["parameters"]
size,seed = 64,2

# %%
#| export
from torch import Tensor
from colorbook.models.layers import check_side, concat_condition
from colorbook.models.registry import critics
from colorbook.models.small_critic import SmallCritic

# %%
#| hide
import copy, numpy as np, matplotlib.pyplot as plt, torch
from torch import nn
from fastcore.test import *
from colorbook.color.lab import split_lab
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
# Each row is a photograph; the columns are the scores of the unconditional critic with the right and with a wrong lightness, then those of the conditional one. That a critic which sees $L$ also learns to use it, and that one which does not can never get below $2\log 2$, is shown in [The critic](../lessons/critic.ipynb).

# %% [markdown]
# Only the critic that sees the lightness gets below the line.

# %% [markdown]
# ## One verdict for every patch

# %% [markdown]
# Isola et al. [-@isola2017] leave out the fully-connected layer and let the convolutions' output stand, a *map* of verdicts, each about one patch. The same few weights judge hundreds of patches in every picture, at any size, and cannot memorize whole pictures. S1, S3 and S4 all use one. What is lost is the view of the whole: no verdict knows whether the left sleeve has the color of the right one, if they are further apart than a patch.
#
# Ours has S1's form, four-by-four convolutions and no batch norm. Spectral norm, which we come to below, keeps it in check instead. The layers are those of `SmallCritic`. What is added: color may have any number of channels, lightness may be left out, and it is averaged to the size of the color where that is smaller.

# %%
#| export
class PatchCritic(SmallCritic):
    "PatchGAN (Isola et al. 2017) with spectral norm: one verdict for each overlapping patch, of color of any kind"
    def __init__(self,
        n_color:int=2, # color channels
        nf:int=64, # channels after the first layer
        strides:tuple=(2, 2, 2, 1, 1), # of the 4x4 convolutions; these see patches of 70 pixels
        conditional:bool=True, # see `L` as well?
    ):
        super().__init__(nf, strides, n_color + conditional)
        self.conditional,self.strides = conditional,strides
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
opt = torch.optim.Adam(twin.train().parameters(), 1e-3)
twin(L, ab).mean().backward()
opt.step()
assert torch.equal(critic(L, ab), scores) and not torch.equal(twin.eval()(L, ab), scores)
list(critic.state_dict())[:4]

# %% [markdown]
# ## What we have
#
# - `PatchCritic`, a PatchGAN discriminator with a verdict for every 70 pixels that we measured on the network itself, for any kind of color and at any size;
# - spectral norm, which keeps its slope finite, and what is stored of it.

# %% [markdown]
# ## Exercises
#
# 1. Find strides and a number of layers for a patch of 16 pixels. What can such a critic still notice, and what not?
# 2. The unconditional critic cannot get below $2\log 2$ here, and yet S0 learned with one. What does it notice about a generator's picture that it cannot notice about wrong pairs of true colors and true lightness?
