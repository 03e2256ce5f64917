# %% [markdown]
# # Plain networks
#
# > Color without skips and without a critic: where S0 began
#
# Before S0 was a GAN it was something simpler. A first version, deleted from its repository since, holds a stack of convolutions that answers with color, another that answers with one of 313 classes, and FCN-32, a network for recognizing things that was asked for color instead. At the end of this chapter we have all three, and have seen what each lacks: one knows where everything is and not what, the other what and not where. The U-Net of the [next chapters](unet.ipynb) was made to know both.

# %%
#| default_exp models.plain

# %% tags=["parameters"]
size,steps,seed = 64,30,1

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.models.layers import adapt, norm_of

# %%
#| hide
import numpy as np, matplotlib.pyplot as plt
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

# %% [markdown]
# The counts by hand, and the questions of [chapter 03](inspect.ipynb): any size comes out as it went in, every weight learns, one step lowers the loss.

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
# The paper pads the picture by 100 pixels to have room for the 7x7 kernel. We pad the kernel's input instead, so that places stay where they are, and bring every size to a multiple of 32 by repeating its edge, as [chapter 03](unet.ipynb) does.

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

# %% [markdown]
# VGG-16's published 14,714,688 parameters before its dense layers are for three channels; ours has one. The receptive field is the sum of its layers, pooling counted as kernels of 2 with stride 2. A pooling passes on only the largest of four values, so the gradient of one picture shows a part of the field; for the measurement we let it pass on the mean.

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
# The difference can be seen without training. We give both a picture and the same one with a single pixel changed, and look how much of the answer moves: a few pixels, or a mountain as wide as the picture (@fig-where). And one that has learned: a plain network of some 5,000 parameters, fitted to six photographs for seconds, has found that most things are brown.

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
# ## What we have
#
# - `PlainNet`, S0's regressor and classifier of its first life, which see 17 and 9 pixels;
# - `FCN32`, which sees 404 and answers for 32 at a time;
# - the gap between the two, measured.

# %% [markdown]
# ## Exercises
#
# 1. How many layers of 3x3 does a plain network need to see what FCN-32 sees? How many multiplications?
# 2. FCN-16 adds the scores of the fourth block, at a 16th of the size, before it enlarges. Write it, and draw @fig-where for it.
# 3. Give `PlainNet` the coordinates of each pixel as two more channels. What does it learn now from six photographs?
