# %% [markdown]
# # Zhang's classifier
#
# > Eight blocks that see the whole of a face without losing its place
#
# Most colorizers since 2016 are compared with one network: Zhang, Isola and Efros' classifier, which answers with 313 scores for every place [-@zhang2016]. It has no skips, and no way up worth the name. It stops halving at an eighth of the size, looks further by dilation instead, and leaves the drawing to the lightness it is laid under. At the end of this chapter we have it with its 32.2 million parameters, know how far it sees and which part of that dilation adds, and have S4's variant of it, which answers with color.

# %%
#| default_exp models.zhang

# %% tags=["parameters"]
size,seed = 48,8

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.models.layers import adapt, norm_of

# %%
#| hide
import matplotlib.pyplot as plt, pandas as pd
from fastcore.test import *
from colorbook.models.inspect import extent, field, n_weights, one_step, reach, unreached
from colorbook.color.lab import show_row

# %% [markdown]
# ## Eight blocks

# %% [markdown]
# A block is two or three 3x3 convolutions, each with a ReLU, and one batch norm at its end. The first three blocks halve the size in their last convolution; the fifth and sixth have dilation 2; the eighth doubles the size once, by a transposed convolution, and has no norm. So the answer has a quarter of the picture's size, 64x64 for 256, and is enlarged four times by interpolation. [Chapter 03](unet.ipynb#a-quarter-is-enough) measures what that costs: little.
#
# The norm comes *after* the ReLU, which has two consequences. Every convolution's bias learns, since a ReLU is between it and the norm. And the norm cannot be folded into the convolution before it, so it stays in the artifact.

# %%
#| export
def block(
    ni:int, # channels in
    nf:int, # channels out
    depth:int, # convolutions
    norm:str, # key of `colorbook.models.layers.norms`; None for none
    stride:int=1, # of the last convolution
    dilation:int=1, # of all of them
) -> nn.Sequential: # convolutions with ReLU, then the norm
    "One of Zhang's blocks"
    layers = []
    for i in range(depth):
        s = stride if i == depth - 1 else 1
        layers += [nn.Conv2d(ni if i == 0 else nf, nf, 3, s, dilation, dilation), nn.ReLU()]
    return nn.Sequential(*layers, *([norm_of(norm, nf)] if norm else []))

# %%
#| export
class ZhangNet(nn.Module):
    "Zhang et al. (2016), figure 2 and their training network: L to 313 scores, or to color as S4's ColColGAN"
    def __init__(self,
        n_out:int=313, # channels: 313 scores, or 2 for color, which end in a tanh
        stride:int=1, # 1 for an answer of the picture's size, 4 for the quarter at which the network works
        widths:tuple=(64, 128, 256, 512, 512, 512, 512, 256), # channels of the blocks
        norm:str='batch', # key of `colorbook.models.layers.norms`
        color:nn.Module=None, # turns scores into color in about -1..1, such as `colorbook.color.bins.AnnealedMean`
        **options, # see `colorbook.models.layers.adapt`
    ):
        super().__init__()
        depths,strides,dilations = (2, 2, 3, 3, 3, 3, 3),(2, 2, 2, 1, 1, 1, 1),(1, 1, 1, 1, 2, 2, 1)
        each = zip((1, *widths), widths, depths, [norm]*7, strides, dilations)
        double = nn.ConvTranspose2d(widths[6], widths[7], 4, 2, 1)
        last = nn.Sequential(double, nn.ReLU(), *block(widths[7], widths[7], 2, None))
        self.blocks = nn.Sequential(*[block(*o) for o in each], last)
        self.head,self.stride = nn.Conv2d(widths[7], n_out, 1),stride
        self.color = color or nn.Identity()
        for m in self.blocks.modules():
            if isinstance(m, nn.Conv2d): nn.init.kaiming_normal_(m.weight, nonlinearity='relu')
        adapt(self, **options)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, any size
    ) -> Tensor: # `bs`x`n_out`xHxW, or a quarter of that, rounded up
        (h,w),s = L.shape[-2:],self.stride
        x = self.head(self.blocks(F.pad(L - .5, (0, -w%8, 0, -h%8), mode='replicate')))
        if x.shape[1] == 2: x = x.tanh()
        if s < 4: x = F.interpolate(x, scale_factor=4./s, mode='bilinear', align_corners=False)
        return x[...,:(h + s - 1)//s,:(w + s - 1)//s]

# %% [markdown]
# Its scaling, lightness less 50 over 100, is the $L-\frac12$ in `forward`. The count by hand, block by block, against the published 32.2 million:

# %%
#| label: tbl-zhang
#| tbl-cap: "Zhang's blocks for a picture of 256 pixels."
with torch.device('meta'): net = ZhangNet(stride=4)
c,d = (1, 64, 128, 256, 512, 512, 512, 512),(2, 2, 3, 3, 3, 3, 3)
by_hand = [9*i*o + o + (k - 1)*(9*o*o + o) + 2*o for i,o,k in zip(c, c[1:], d)]
by_hand += [16*512*256 + 256 + 2*(9*256*256 + 256)]
test_eq([n_weights(o) for o in net.blocks], by_hand)
test_eq(n_weights(net), sum(by_hand) + 257*313)
assert abs(n_weights(net)/32.2e6 - 1) < .01
x,rows = torch.zeros(1, 1, 256, 256, device='meta'),[]
for i,o in enumerate(net.eval().blocks, 1):
    x = o(x)
    rows.append((i, x.shape[1], x.shape[-1], n_weights(o)))
test_eq([o[2] for o in rows], [128, 64, 32, 32, 32, 32, 32, 64])
test_eq(net(torch.zeros(1, 1, 256, 256, device='meta')).shape, (1, 313, 64, 64))
pd.DataFrame(rows, columns=['block', 'channels', 'size', 'parameters']).set_index('block')

# %% [markdown]
# Any size, the same answer twice, a gradient everywhere, and a loss that falls:

# %%
torch.manual_seed(seed)
def small(**kw): return ZhangNet(**{**dict(n_out=2, widths=(4, 4, 8, 8, 8, 8, 8, 4)), **kw})
L = torch.rand(2, 1, 21, 34)
for kw in (dict(), dict(n_out=5), dict(stride=4), dict(norm='instance')):
    net = small(**kw)
    n,s = net.head.out_channels,net.stride
    test_eq(unreached(net, L), [])
    before,after = one_step(net, (L,), torch.rand(2, n, -(-21//s), -(-34//s)), lr=1e-3)
    assert after < before
    net.eval()
    for h,w in ((1, 1), (8, 9), (31, 50)): test_eq(net(torch.rand(1, 1, h, w)).shape, (1, n, -(-h//s), -(-w//s)))
    assert torch.equal(net(L), net(L))
assert small()(L*99).abs().max() <= 1
before,after

# %% [markdown]
# ## How far, and by what

# %% [markdown]
# The formula of [chapter 03](inspect.ipynb) goes through seven blocks to 325 pixels. In the eighth, the transposed convolution and the two behind it see four cells of the seventh's map, 8 pixels apart: 24 more, 349. Without dilation, the six convolutions of blocks five and six would add 16 instead of 32 each, and 253 would be left. So dilation adds 96 pixels, for no parameter at all.
#
# We measure it with positive weights and without ReLU, so that nothing cancels and nothing is switched off. @fig-zhang shows what is seen: wide, and mostly the middle.

# %%
#| label: fig-zhang
#| fig-cap: "What one place of the answer sees of 384 pixels: as published, and with the dilation taken away."
def open_eyes(dilation):
    net = small(widths=(1,)*8).eval()
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)): nn.init.constant_(m.weight, .3)
        if isinstance(m, nn.ReLU): m.forward = lambda o: o
        if isinstance(m, nn.Conv2d) and m.dilation == (2, 2): m.dilation = m.padding = (dilation, dilation)
    return net

x = torch.rand(1, 1, 384, 384)
seen = {d: field(lambda o: open_eyes(d).blocks(o)[0,0,48,48], x) for d in (2, 1)}
def layers(d):
    halving = [(3, 1, 1), (3, 2, 1)]*2 + [(3, 1, 1)]*2 + [(3, 2, 1)]
    return halving + [(3, 1, 1)]*3 + [(3, 1, d)]*6 + [(3, 1, 1)]*3

test_eq({d: extent(o) for d,o in seen.items()}, {2: (349, 349), 1: (253, 253)})
test_eq({d: reach(layers(d)) + 24 for d in (2, 1)}, {2: 349, 1: 253})
titles = [f'dilation {d}: {extent(o)[0]} pixels' for d,o in seen.items()]
show_row([(o/o.max())[None]**.2 for o in seen.values()], titles, width=5)

# %% [markdown]
# ## What we have
#
# - `ZhangNet`, 32.2 million parameters, from lightness to 313 scores at a quarter or at the full size;
# - the same with two channels, S4's ColColGAN;
# - 349 pixels of view, of which dilation adds 96 for nothing.
#
# What the scores mean, how the network is trained and how a color is made of them, is the subject of [chapter 06](../color/bins.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. Put the norm before the ReLU. Which biases can go, and what can be folded now?
# 2. Which dilations in blocks four to seven see furthest without leaving a pixel out?
# 3. Enlarge the scores, or the colors made of them: which is better where an edge passes through a cell?
