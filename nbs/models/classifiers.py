# %% [markdown]
# # Classifiers
#
# > Three networks that were made to name things, or began as such, and were asked for color
#
# Before S0 was a GAN it was something simpler: a stack of convolutions that answers with color, another that answers with one of 313 classes, and FCN-32, a network for recognizing things. The stacks see every pixel exactly and nothing but its closest neighbors. FCN-32 sees large things, and answers in blocks of 32 pixels. Zhang, Isola and Efros' classifier [-@zhang2016], with which most colorizers since 2016 are compared, is the first that does both well. It has no skips and hardly a way up: it stops halving at an eighth of the size and looks further by dilation (kernels with holes) instead. We build all of them with their published numbers of parameters, measure what each sees, and make S4's variant of the last, which answers with color.

# %%
#| default_exp models.classifiers

# %% tags=["parameters"]
size,steps,seed = 64,30,1

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.color.bins import AnnealedMean
from colorbook.models.layers import adapt, norm_of
from colorbook.models.registry import generators

# %%
#| hide
import numpy as np, pandas as pd
from fastcore.test import *
from colorbook.data.photos import sample_photos
from colorbook.models.inspect import extent, field, n_weights, one_step, reach, unreached
from colorbook.color.lab import join_lab, show_row, split_lab

# %% [markdown]
# ## A stack of convolutions

# %% [markdown]
# S0's `Simple` has 3x3 convolutions at full size, of 16, 32, 64, 128, 256, 512 and 512 channels, and a last one that answers with $a,b$; `Simple_Classify` stops at 64 channels and answers with 313 scores. Both work in *gamut space*, on color apart from lightness, where the later S0 paints the whole picture. All parameters are in the kernels:
#
# $$n=\sum_i\left(9\,c_{i-1}c_i+c_i\right)$$
#
# The published text has no norm in it. We allow one, since without it the deep stack learns slowly; a convolution in front of a norm needs no bias, which the norm would take back.

# %%
#| export
class PlainNet(nn.Module):
    "S0's first life: 3x3 convolutions at full size, one after the other, from L to color or to class scores"
    def __init__(self,
        n_out:int=2, # channels: 2 for color, 313 for class scores
        widths:tuple=(16, 32, 64, 128, 256, 512, 512), # channels in between; (16, 32, 64) is S0's classifier
        norm:str=None, # key of `colorbook.models.layers.norms`; S0 has none
        color:nn.Module=None, # turns the output into color in about -1..1; None where it is color already
        **options, # see `colorbook.models.layers.adapt`
    ):
        super().__init__()
        def conv(ni, nf): return nn.Conv2d(ni, nf, 3, padding=1, bias=not norm)
        layers = [[conv(i, o), *([norm_of(norm, o)] if norm else []), nn.ReLU()] for i,o in zip((1, *widths), widths)]
        self.layers = nn.Sequential(*sum(layers, []))
        for m in self.layers[::len(layers[0])]: nn.init.kaiming_normal_(m.weight, nonlinearity='relu')
        self.head = nn.Conv2d(widths[-1], n_out, 3, padding=1)
        self.color = color or nn.Identity()
        adapt(self, **options)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, any size
    ) -> Tensor: # `bs`x`n_out`xHxW
        return self.head(self.layers(L))

@generators('plain')
def _plain(): return PlainNet(norm='batch')

@generators('plain_bins', output='bins')
def _plain_bins(): return PlainNet(313, (16, 32, 64), 'batch', AnnealedMean())

# %% [markdown]
# We compare the counts with the formula and put the [questions to any network](inspect.ipynb): does any size come out as it went in, does every weight learn, does one step lower the loss? The two numbers are the parameters of `Simple` and of `Simple_Classify`.

# %%
def by_hand(*c): return sum(9*i*o + o for i,o in zip(c, c[1:]))
with torch.device('meta'): simple,classify = PlainNet(),PlainNet(313, (16, 32, 64))
test_eq(n_weights(simple), by_hand(1, 16, 32, 64, 128, 256, 512, 512, 2))
test_eq(n_weights(classify), by_hand(1, 16, 32, 64, 313))
torch.manual_seed(seed)
net,L = PlainNet(widths=(8, 8, 8)),torch.rand(2, 1, 9, 13)
for norm in (None, 'batch', 'group'):
    test_eq(unreached(PlainNet(widths=(8, 8), norm=norm), L), [])
    test_eq(n_weights(PlainNet(widths=(8, 8), norm=norm)), by_hand(1, 8, 8, 2) + 16*bool(norm))
for h,w in ((1, 1), (5, 4), (7, 31)): test_eq(net(torch.rand(1, 1, h, w)).shape, (1, 2, h, w))
before,after = one_step(net, (L,), torch.rand(2, 2, 9, 13))
assert after < before
n_weights(simple),n_weights(classify)

# %% [markdown]
# ## What it sees

# %% [markdown]
# Eight kernels of 3x3 see 17 pixels, four see 9. In a photograph of some hundred pixels that is a spot of skin or of wood, and what such a network can learn is a table from texture to color. Since nothing is ever made smaller, its 3.9 million parameters are used at *every* pixel: as many multiplications for a picture of 224 pixels as ResNet-18 needs for a hundred.

# %%
wide = {k: PlainNet(n, (4,)*d).eval() for k,n,d in (('regressor', 2, 7), ('classifier', 313, 3))}
seen = {k: extent(field(lambda o: net(o)[0,:,20,20].sum(), torch.rand(1, 1, 41, 41))) for k,net in wide.items()}
test_eq(seen, dict(regressor=(reach([(3, 1, 1)]*8),)*2, classifier=(reach([(3, 1, 1)]*4),)*2))
test_eq(seen, dict(regressor=(17, 17), classifier=(9, 9)))
f'{n_weights(simple)*224**2/1.8e9:.0f} times ResNet-18'

# %% [markdown]
# ## FCN-32

# %% [markdown]
# The other extreme is a network made to name things. FCN-32 [@long2015] is VGG-16, whose five poolings leave a 32nd of the size, with its dense layers written as convolutions of 7x7 and 1x1, and an answer enlarged 32 times by interpolation. It sees 404 pixels at once and has 134 million parameters, three quarters of them in the one layer of 7x7. That it answers for cells of 32x32 pixels is what one sees first.
#
# The paper pads the picture by 100 pixels to have room for the 7x7 kernel. We pad the kernel's input instead, so that places stay where they are, and bring every size to a multiple of 32 by repeating its edge, as [S0](s0.ipynb) does.

# %%
#| export
class FCN32(nn.Module):
    "FCN-32s (Long et al. 2015) for gray pictures: VGG-16 without dense layers, enlarged 32 times"
    def __init__(self,
        n_out:int=2, # channels: 2 for color, 313 for class scores
        widths:tuple=(64, 128, 256, 512, 512), # channels of the five blocks
        dense:int=4096, # channels of the two layers that were dense in VGG
        color:nn.Module=None, # turns the output into color in about -1..1; None where it is color already
        **options, # see `colorbook.models.layers.adapt`
    ):
        super().__init__()
        layers,ni = [],1
        for nf,depth in zip(widths, (2, 2, 3, 3, 3)):
            for i in range(depth): layers += [nn.Conv2d(nf if i else ni, nf, 3, padding=1), nn.ReLU()]
            layers.append(nn.MaxPool2d(2))
            ni = nf
        layers += [nn.Conv2d(ni, dense, 7, padding=3), nn.ReLU(), nn.Dropout()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(dense, dense, 1), nn.ReLU(), nn.Dropout())
        for m in self.layers:
            if isinstance(m, nn.Conv2d): nn.init.kaiming_normal_(m.weight, nonlinearity='relu')
        self.head,self.color = nn.Conv2d(dense, n_out, 1),color or nn.Identity()
        adapt(self, **options)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, any size
    ) -> Tensor: # `bs`x`n_out`xHxW
        h,w = L.shape[-2:]
        x = self.head(self.layers(F.pad(L, (0, -w%32, 0, -h%32), mode='replicate')))
        return F.interpolate(x, scale_factor=32., mode='bilinear', align_corners=False)[...,:h,:w]

@generators('fcn32')
def _fcn32(): return FCN32(dense=512)

# %% [markdown]
# Is the count right? VGG-16 has 14,714,688 parameters before its dense layers, for three channels; ours has one. And the receptive field? It follows from the layers, with a pooling as a kernel of 2 and stride 2. A pooling passes on only the largest of four values, so the gradient of one picture would show a part of the field; for the measurement we let it pass on the mean.

# %%
with torch.device('meta'): vgg = FCN32()
test_eq(n_weights(vgg), 14_714_688 - 2*9*64 + (7*7*512 + 1)*4096 + (4096 + 1)*4096 + (4096 + 1)*2)
torch.manual_seed(seed)
net = FCN32(widths=(4,)*5, dense=8).eval()
for h,w in ((1, 1), (33, 64), (50, 31)): test_eq(net(torch.rand(1, 1, h, w)).shape, (1, 2, h, w))
for i,m in enumerate(net.layers):
    if isinstance(m, nn.MaxPool2d): net.layers[i] = nn.AvgPool2d(2)
    elif isinstance(m, nn.ReLU): net.layers[i] = nn.Identity()
def cell(o): return net.layers(o)[0,:,8,8].sum()
blocks = sum([[(3, 1, 1)]*d + [(2, 2, 1)] for d in (2, 2, 3, 3, 3)], []) + [(7, 1, 1)]
test_eq((extent(field(cell, torch.rand(1, 1, 544, 544))), reach(blocks)), ((404, 404), 404))
n_weights(vgg)

# %% [markdown]
# ## Where and what

# %% [markdown]
# The difference can be seen without training. We give both a picture and the same one with a single pixel changed. @fig-where shows where the answers differ: with the plain network in a spot of 17 pixels, with FCN-32 in a hill that is more than half as wide as the picture.

# %%
#| label: fig-where
#| fig-cap: "Where the answer moves when the middle pixel does: plain network and FCN-32, brighter is more."
torch.manual_seed(seed)
pair = dict(plain=PlainNet(widths=(8,)*7).eval(), fcn=FCN32(widths=(8,)*5, dense=8).eval())
dark = torch.rand(1, 1, 224, 224)/2
light = dark.clone()
light[...,112,112] = 1.
with torch.no_grad(): moved = {k: (net(light) - net(dark)).abs().sum(1) for k,net in pair.items()}
box = {k: extent(o[0]) for k,o in moved.items()}
test_eq(box['plain'], (17, 17))
assert min(box['fcn']) > 100
show_row([(o/o.max())**.3 for o in moved.values()], [f'{k}: {box[k][0]} pixels' for k in moved], width=5)

# %% [markdown]
# What can a network learn that sees a spot? We train a plain one of some 5,000 parameters on six photographs for a few seconds.

# %%
#| label: fig-brown
#| fig-cap: "Photographs above, and what a plain network answers after seconds of training."
photos = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size)]).permute(0, 3, 1, 2)/255
L,ab = split_lab(photos)
torch.manual_seed(seed)
net,losses = PlainNet(widths=(16, 16, 16), norm='batch'),[]
opt = torch.optim.Adam(net.parameters(), 1e-2)
for _ in range(steps):
    losses.append(F.mse_loss(net(L), ab))
    opt.zero_grad()
    losses[-1].backward()
    opt.step()
with torch.no_grad(): fake = net.eval()(L)
assert losses[-1] < losses[0]/2
assert (fake.norm(dim=1).mean() < ab.norm(dim=1).mean())
rows = [torch.cat(pair, 1) for pair in zip(photos, join_lab(L, fake))]
show_row(rows)

# %% [markdown]
# In @fig-brown nearly everything has become brown: suit, saucer, roofs and flower alike. Where there is another color it follows the light and not the thing. What is lightest turns a pale blue-green, the sky behind the tower, but the rim of the cup as well; large dark areas turn a dull blue, the night, but also the leaves behind the flower. In the 9 pixels that this network sees at a time, sky and cup look the same.

# %% [markdown]
# Where the light is the same, different things have the same color: it is the best single color for that shade. [A lesson](../lessons/brown.ipynb) follows this up.

# %% [markdown]
# ## Zhang's classifier

# %% [markdown]
# A block is two or three 3x3 convolutions, each with a ReLU, and one batch norm at its end. The first three blocks halve the size in their last convolution; the fifth and sixth have dilation 2; the eighth doubles the size once, by a transposed convolution, and has no norm. So the answer has a quarter of the picture's size, 64x64 for 256, and is enlarged four times by interpolation. The chapter on [the first model's U-Net](unet.ipynb#a-quarter-is-enough) measures what that costs: little.
#
# The norm comes *after* the ReLU, which has two consequences. Every convolution's bias learns, since a ReLU is between it and the norm. And the norm cannot be folded into the convolution before it, so it stays in the artifact.

# %%
#| export
def zhang_block(
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
        last = nn.Sequential(double, nn.ReLU(), *zhang_block(widths[7], widths[7], 2, None))
        self.blocks = nn.Sequential(*[zhang_block(*o) for o in each], last)
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

@generators('zhang', output='bins4')
def _zhang(): return ZhangNet(stride=4, color=AnnealedMean())

@generators('colcolgan')
def _colcolgan(): return ZhangNet(2)

# %% [markdown]
# Zhang et al. scale lightness to $(L-50)/100$, which is the `L - .5` in `forward`. @tbl-zhang has what each block puts out for 256 pixels; the parameters add up to the published 32.2 million.

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
# The questions to any network again, for small ones with each of the options. The numbers are the loss before and after one step.

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
# The [formula](inspect.ipynb) goes through seven blocks to 325 pixels. In the eighth, the transposed convolution and the two behind it see four cells of the seventh's map, 8 pixels apart: 24 more, 349. Without dilation, the six convolutions of blocks five and six would add 16 instead of 32 each, and 253 would be left. So dilation adds 96 pixels, for no parameter at all.
#
# We measure it with positive weights and without ReLU, so that nothing cancels and nothing is switched off. In @fig-zhang compare the two squares: dilation makes the field wider, and in both the middle counts most.

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
# - `PlainNet`, S0's regressor and classifier of its first life, which see 17 and 9 pixels, and `FCN32`, which sees 404 and answers for 32 at a time;
# - `ZhangNet`, 32.2 million parameters, from lightness to 313 scores at a quarter or at the full size; it sees 349 pixels, 96 of them by dilation, which costs no parameter;
# - the same with two channels, S4's ColColGAN.
#
# What the scores mean and how a color is made of them stands in [Color as classification](../color/bins.ipynb), the loss in [Classification loss](../losses/classification.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. How many layers of 3x3 does a plain network need to see as far as FCN-32? How many multiplications are that, with 64 channels and 224 pixels?
# 2. FCN-16 adds the scores of the fourth block, at a 16th of the size, before it enlarges. Write it, and draw @fig-where for it.
# 3. Put Zhang's norm before the ReLU. Which biases can go, and what can be folded now?
# 4. Enlarge the scores, or the colors made of them: which is better where an edge passes through a cell?
