# %% [markdown]
# # S0
#
# > The oldest system of this book: a U-Net from lightness to RGB, and a critic that is tied to one size
#
# A generator must know *what* it looks at, for which it has to see much of the picture at once, and *where* the edges are, for which it has to see every pixel. A [U-Net](../lessons/unet.ipynb) does both: it shrinks the picture step by step, enlarges it again, and at each size adds what it knew on the way down. S0, an early program that colors cartoons, was built from such a U-Net and a critic. We rebuild both with the published number of weights, and ask three things of them: where do the weights sit, how many pixels does one value depend on, and which sizes of pictures do they take?

# %%
#| default_exp models.s0

# %% tags=["parameters"]
size,seed = 64,7

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.core import InputError, UsageError
from colorbook.models.layers import concat_condition
from colorbook.models.registry import critics, generators

# %%
#| hide
import pandas as pd, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.color.lab import show_row

# %% [markdown]
# ## The generator

# %% [markdown]
# S0 has five blocks down and five up, all with 3x3 kernels. A block down is a convolution of stride 2, batch norm and a leaky ReLU; a block up is a transposed convolution of stride 2, batch norm and a ReLU. Sizes mirror each other, so on the way up each block's output has the size of something that was there on the way down, and the two are *added* (many U-Nets concatenate them instead, at the price of twice the channels):
#
# $$x_{i}=u_i(x_{i+1})+d_i,\qquad d_i=\text{down}_i(d_{i-1}),\qquad x_5=d_5$$
#
# The last block has no norm and ends in `tanh`, because S0 answers with the whole picture as RGB in -1..1. Weights start normal with $\sigma=\sqrt{2/(k^2c_\text{out})}$, which keeps the scale of gradients on their way back. The same shape with concatenation is the generator of @isola2017, and both descend from @ronneberger2015.

# %%
#| export
def he_init(
    net:nn.Module, # changed in place
) -> nn.Module: # the same
    "S0's start: normal weights with standard deviation sqrt(2/(k*k*channels out))"
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(m.weight, 0, (2/(m.kernel_size[0]*m.kernel_size[1]*m.out_channels))**.5)
    return net

# %%
#| export
def down(
    ni:int, # channels in
    nf:int, # channels out
    ks:int=3, # side of the kernel
    stride:int=2, # 2 halves the size
    pad:int=1, # zeros at each edge
) -> nn.Sequential: # convolution without bias, batch norm, leaky ReLU of slope 0.1
    "S0's block on the way down: half the size"
    conv = nn.Conv2d(ni, nf, ks, stride, pad, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(nf), nn.LeakyReLU(.1, inplace=True))

# %%
#| export
def up(
    ni:int, # channels in
    nf:int, # channels out
) -> nn.Sequential: # transposed convolution without bias, batch norm, ReLU
    "S0's block on the way up: twice the size"
    conv = nn.ConvTranspose2d(ni, nf, 3, 2, 1, output_padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(nf), nn.ReLU())

# %%
#| export
@generators('s0', output='rgb')
class S0Generator(nn.Module):
    "S0's generator: five halvings and five doublings with skips that are added, from L to RGB in -1..1"
    def __init__(self):
        super().__init__()
        enc,dec = [1, 64, 128, 256, 512, 512],[512, 512, 256, 128, 64]
        self.downs = nn.ModuleList([down(i, o) for i,o in zip(enc, enc[1:])])
        self.ups = nn.ModuleList([up(i, o) for i,o in zip(dec, dec[1:])])
        self.head = nn.ConvTranspose2d(64, 3, 3, 2, 1, output_padding=1, bias=False)
        he_init(self)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, any size
    ) -> Tensor: # RGB in -1..1, `bs`x3xHxW
        h,w = L.shape[-2:]
        x,skips = F.pad(L, (0, -w%32, 0, -h%32), mode='replicate'),[]
        for d in self.downs:
            x = d(x)
            skips.append(x)
        for u,skip in zip(self.ups, skips[-2::-1]): x = u(x) + skip
        return self.head(x).tanh()[...,:h,:w]
    def color(self, out): return out

# %% [markdown]
# The published code has 7,822,342 parameters; six of them belong to a batch norm of the last block that its forward pass never uses, and we leave them out: 7,822,336. The cell checks that against the sum of nine weights for each pair of channels and two for each channel of a norm. Look in @tbl-s0 for where the parameters are: nearly all sit in the middle, where the picture is small, and where a layer with many parameters still takes little time. @fig-s0 draws the same.

# %%
#| label: tbl-s0
#| tbl-cap: "S0's generator, block by block, for a picture of 224 pixels."
def count(net): return sum(o.numel() for o in net.parameters())

@torch.no_grad()
def table_of(net, blocks, x):
    rows = []
    def note(name): return lambda m,_,out: rows.append((name, out.shape[1], out.shape[-1], count(m)))
    hooks = [m.register_forward_hook(note(k)) for k,m in blocks.items()]
    net.eval()(x)
    for o in hooks: o.remove()
    return pd.DataFrame(rows, columns=['block', 'channels', 'size', 'parameters'])

torch.manual_seed(seed)
s0 = S0Generator()
blocks = {f'{k} {i}': m for k,ms in (('down', s0.downs), ('up', s0.ups)) for i,m in enumerate(ms, 1)}
blocks['head'] = s0.head
table = table_of(s0, blocks, torch.rand(1, 1, 224, 224))
pairs = [1*64, 64*128, 128*256, 256*512, 512*512, 512*512, 512*256, 256*128, 128*64, 64*3]
test_eq(sum(9*o for o in pairs) + 2*(64 + 128 + 256 + 512 + 512 + 512 + 256 + 128 + 64), 7_822_336)
test_eq(table.parameters.sum(), count(s0))
test_eq((count(s0), list(table['size'])), (7_822_336, [112, 56, 28, 14, 7, 14, 28, 56, 112, 224]))
table

# %%
#| label: fig-s0
#| fig-cap: "S0's generator: height is the size, width the channels. Gray is the input; arrows are additions."
def draw_u(table):
    fig,ax = plt.subplots(figsize=(9, 3.2))
    x,middles = 0,[]
    for block,channels,side,_ in [('L', 1, 224, 0), *table.itertuples(index=False)]:
        w,fc = 4 + channels/16,dict(L='.4', d='#4c78a8').get(block[0], '#f58518')
        ax.add_patch(plt.Rectangle((x, -side/2), w, side, fc=fc, ec='w'))
        ax.text(x + w/2, -side/2 - 4, f'{channels}\n{side}²', ha='center', va='top', fontsize=8)
        middles.append((x + w/2, side/2))
        x += w + 12
    for i in range(1, 5):
        (a,y),(b,_) = middles[i],middles[10 - i]
        arrow = dict(arrowstyle='->', color='.5', connectionstyle='arc3,rad=-.12')
        ax.annotate('', (b, y + 2), (a, y + 2), arrowprops=arrow)
    ax.set(xlim=(-5, x), ylim=(-150, 135))
    ax.axis('off')

draw_u(table)

# %% [markdown]
# Five halvings want a multiple of 32. Other sizes are padded at the right and below by repeating the edge, and the answer is cut back, so any size goes, one pixel included. The cell tries five sizes, and it checks that the skips are added: when the last `up` block answers zero, what remains is the head on the first block's output, and nothing else.

# %%
with torch.no_grad():
    for h,w in ((224, 224), (33, 65), (31, 1), (1, 1), (50, 97)):
        out = s0(torch.rand(1, 1, h, w))
        test_eq(out.shape, (1, 3, h, w))
        assert out.abs().max() <= 1
    whole = torch.rand(1, 1, 64, 64)
    whole[...,50:] = whole[...,49:50] # what padding makes of a picture 50 pixels wide
    test_close(s0(whole[...,:50]), s0(whole)[...,:50], eps=1e-6)
    kept = s0.ups[-1]
    s0.ups[-1] = nn.Sequential(kept, nn.Threshold(torch.inf, 0))
    test_close(s0(whole), s0.head(s0.downs[0](whole)).tanh(), eps=1e-6)
    s0.ups[-1] = kept
out.abs().max()

# %% [markdown]
# ## What one cell sees

# %% [markdown]
# A cell at the bottom is computed from a square of the input, its *receptive field*. Each 3x3 kernel adds two cells to the side, and a cell of block $i$ is $2^{i-1}$ pixels of the input apart from its neighbor:
#
# $$r=1+\sum_{i=1}^{5}2\cdot2^{i-1}=63$$
#
# So S0's deepest cells see no more than 63 pixels at once: in a picture of 224, a face, not a room. It can be measured, too. The gradient of one cell with respect to the input is different from zero exactly where the cell looks (batch norm must use its stored statistics, or it connects everything with everything). A pixel of the output lies between two bottom cells in each direction and so sees $63+32=95$ pixels. @fig-field shows both fields. The bright spot in the right one says that a pixel depends most on what is close to it.

# %%
#| label: fig-field
#| fig-cap: "Where a cell at the bottom (left) and a pixel of the output (right) look: cube root of the gradient."
def field_of(f, L):
    L = L.clone().requires_grad_()
    return torch.autograd.grad(f(L), L)[0][0,0].abs()

def extent(field): return [(o[-1] - o[0] + 1).item() for o in (field.sum(d).nonzero()[:,0] for d in (1, 0))]

L = torch.rand(1, 1, 224, 224)
cell = field_of(lambda o: nn.Sequential(*s0.downs)(o)[0,:,3,3].sum(), L)
pixel = field_of(lambda o: s0(o)[0,:,112,112].sum(), L)
test_eq(extent(cell), [63, 63])
test_eq(extent(pixel), [95, 95])
bright = [(o[None]/o.max())**(1/3) for o in (cell, pixel)]
show_row(bright, [f'{extent(o)[0]} pixels' for o in (cell, pixel)], width=5)

# %% [markdown]
# ## The critic

# %% [markdown]
# A critic answers with a *logit* $s$, any real number: positive for a photograph, negative for a fake, and $\sigma(s)=1/(1+e^{-s})$ is the probability that it has in mind. S0 ends in that sigmoid. We leave it out, because the [losses](../losses/adversarial.ipynb) can take it into their own formulas, where it does not round to 0 or 1, and because the least-squares loss does not want it at all.
#
# S0 describes its critic as "one encoder plus fully-connected layers". The encoder is the generator's way down: five convolutions of stride 2, each with batch norm and leaky ReLU, from 224 pixels to 7. The fully-connected layer is written as a convolution whose kernel is as large as what is left, 7x7, or 15x15 for pictures of 480 pixels, and another of 1x1 makes one number of its 512. That kernel fits one size of picture only. A smaller picture would fail deep inside the network, a larger one would *not* fail and return several numbers where the code around it expects one; so we ask first. The same layer's batch norm has one value per channel and picture, hence nothing to normalize in a batch of one.
#
# Where a kernel is as large as its input there is one place to put it, and the convolution is a product of two matrices. Told so, torch takes a third less time for a whole adversarial step of S0: as a convolution, the kernel's 12.8 million weights are copied from one order in memory to another and back in every backward pass.

# %%
#| export
class FullConv2d(nn.Conv2d):
    "A convolution as large as its input, computed as the matrix product that it is"
    def forward(self,
        x:Tensor, # `bs`x`in_channels`xHxW, as large as the kernel
    ) -> Tensor: # `bs`x`out_channels`x1x1
        last = lambda t: t.permute(0, 2, 3, 1).flatten(1)
        rows = last if self.weight.is_contiguous(memory_format=torch.channels_last) else lambda t: t.flatten(1)
        return F.linear(rows(x), rows(self.weight))[...,None,None]

# %%
#| export
@critics('s0', mixes=True)
class S0Critic(nn.Module):
    "S0's critic: five halvings, then one convolution as large as what is left, which makes it fully connected"
    def __init__(self,
        size:int=224, # side of the pictures, a multiple of 32: S0 has 224 and 480
        n_color:int=3, # color channels
        conditional:bool=False, # see `L` as well? S0's does not
    ):
        if size < 32 or size%32:
            raise UsageError(f"S0's critic cannot be made for {size} pixels", 'choose a multiple of 32')
        super().__init__()
        self.size,self.conditional = size,conditional
        widths = [n_color + conditional, 64, 128, 256, 512, 512]
        self.features = nn.Sequential(*[down(i, o) for i,o in zip(widths, widths[1:])])
        full = FullConv2d(512, 512, size//32, bias=False), nn.BatchNorm2d(512), nn.LeakyReLU(.1, inplace=True)
        self.head = nn.Sequential(nn.Sequential(*full), nn.Conv2d(512, 1, 1, bias=False))
        he_init(self)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        color:Tensor, # about -1..1, `bs`x`n_color`x`size`x`size`
    ) -> Tensor: # logits, `bs`x1x1x1: positive for real
        "One verdict a picture; an `InputError` where the size is another"
        check_size(color, self.size, self.training)
        return self.head(self.features(concat_condition(L, color) if self.conditional else color))

@critics('s0_conditional', mixes=True)
def _s0_conditional(size=224, n_color=3): return S0Critic(size, n_color, True)

# %%
torch.manual_seed(seed)
full,x = FullConv2d(6, 5, 4, bias=False),torch.randn(3, 6, 4, 4)
for order in torch.contiguous_format,torch.channels_last:
    full = full.to(memory_format=order)
    y,z = full(x),F.conv2d(x, full.weight)
    test_close(y, z, eps=1e-6)
    slopes = [torch.autograd.grad(o.square().sum(), full.weight)[0] for o in (y, z)]
    test_close(*slopes, eps=1e-5)
y.shape

# %%
#| export
def check_size(
    color:Tensor, # what a critic is asked to judge
    size:int, # the side that it was made for
    training:bool, # is its batch norm about to use the batch's own mean?
):
    "Raise an `InputError` if S0's critic cannot judge `color`"
    h,w = color.shape[-2:]
    if (h, w) != (size, size):
        fits = h == w and h%32 == 0
        raise InputError(f"S0's critic is tied to {size}x{size} pixels and got {h}x{w}",
            f'make it with size={h}' if fits else 'use PatchCritic, which takes any size')
    if training and len(color) < 2:
        raise InputError("S0's critic cannot learn from one picture at a time", 'use a batch of two or more')

# %% [markdown]
# How many weights has it? Torch's `meta` device makes a network without its memory: shapes and counts are all there, at no cost. The counts equal the published ones, 16.8 and 62.9 million. Printed is the share of the one layer that ties the critic to its size: 77 % at 224 pixels, 94 % at 480.

# %%
with torch.device('meta'): nets = {o: S0Critic(o) for o in (224, 480)}
test_eq([count(o) for o in nets.values()], [16_758_848, 62_896_192])
widths = [3, 64, 128, 256, 512, 512]
by_hand = sum(9*i*o + 2*o for i,o in zip(widths, widths[1:])) + 7*7*512*512 + 2*512 + 512
test_eq(by_hand, 16_758_848)
with torch.device('meta'): test_eq(count(S0Critic(224, conditional=True)) - by_hand, 9*64)
{o: f'{net.head[0][0].weight.numel()/count(net):.0%}' for o,net in nets.items()}

# %%
small = S0Critic(32)
test_eq(small(torch.zeros(2, 1, 32, 32), torch.zeros(2, 3, 32, 32)).shape, (2, 1, 1, 1))
def ask(critic, bs, s): return critic(torch.zeros(bs, 1, s, s), torch.zeros(bs, 3, s, s))
test_fail(lambda: ask(small, 2, 64), exc=InputError, contains='tied to 32x32 pixels and got 64x64')
test_fail(lambda: ask(small, 2, 40), exc=InputError, contains='any size')
test_fail(lambda: ask(small, 1, 32), exc=InputError, contains='batch of two')
test_fail(lambda: S0Critic(100), exc=UsageError, contains='multiple of 32')
ask(small.eval(), 1, 32).shape

# %% [markdown]
# ## What we have
#
# - `S0Generator`, with 7,822,336 parameters, for any size; one pixel of its answer sees 95 pixels;
# - `S0Critic`, with the published number of weights, tied to its size and saying so, and conditional where it is told to be;
# - their parts, `down`, `up` and `he_init`, from which S1 is made, too.
#
# What they do when they are trained, on flowers and on a film, is shown in [The five systems, trained](../results/systems.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. S0 adds its skips. How many weights has the form that concatenates them? With how many channels in its first block, instead of 64, would it have as many as S0?
# 2. How does the receptive field grow with one more block? When does it cover a picture of 480 pixels, and what is then left at the bottom?
# 3. Make the critic's last convolution see 3x3 cells and take the mean of what it says. Which sizes does it take now, and how many weights are left?
