# %% [markdown]
# # The U-Net of pix2pix
#
# > S4's generator: eight halvings to a single cell, two ways up, every skip concatenated
#
# S4 compares losses, and to compare them it takes the generator that most others took: the U-Net of pix2pix, which halves a picture of 256 pixels until one cell is left and joins what it saw on the way down, all of it, to what it draws on the way up. At the end of this chapter we have it in both of S4's forms, with transposed convolutions and with plain enlargement, with and without noise, for pictures of every size.

# %%
#| default_exp models.pix2pix

# %% tags=["parameters"]
size,seed = 64,4

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.core import InputError, UsageError
from colorbook.models.layers import adapt, norm_of
from colorbook.models.s2 import spread

# %%
#| hide
import pandas as pd, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.models.inspect import extent, field, n_weights, one_step, reach, unreached
from colorbook.color.lab import show_row
from colorbook.models.s2 import draw_noise

# %% [markdown]
# ## Down and up

# %% [markdown]
# A block down is a 4x4 convolution of stride 2, batch norm (not in the first), and a leaky ReLU of slope 0.2. Channels double from 64 to 512 and stay there. A block up doubles the size, and has batch norm and ReLU; the first drops half of its channels in training, which pix2pix [@isola2017] takes for noise. There are two ways to double. A transposed convolution of 4x4 learns to enlarge; with stride 2 its kernel covers every cell equally often in the end, but until it has learned that, it leaves a checkerboard. Enlarging by repetition and a 3x3 convolution leaves none, and needs 9 weights for 16.
#
# A bias in front of a norm would never learn; only the first and the last convolution have one. S4's weights start normal, with deviation 0.02.

# %%
#| export
def halve(
    ni:int, # channels in
    nf:int, # channels out
    norm:str=None, # key of `colorbook.models.layers.norms`; None for none
) -> nn.Sequential: # 4x4 convolution of stride 2, norm, leaky ReLU of slope 0.2
    "pix2pix' block on the way down"
    conv = nn.Conv2d(ni, nf, 4, 2, 1, bias=not norm)
    return nn.Sequential(conv, *([norm_of(norm, nf)] if norm else []), nn.LeakyReLU(.2))

# %%
#| export
def nearest(ni, nf, bias=False):
    "Twice the size by repetition, then a 3x3 convolution"
    return nn.Sequential(nn.Upsample(scale_factor=2.), nn.Conv2d(ni, nf, 3, padding=1, bias=bias))

def transposed(ni, nf, bias=False):
    "Twice the size by a transposed 4x4 convolution"
    return nn.ConvTranspose2d(ni, nf, 4, 2, 1, bias=bias)

doublings = dict(nearest=nearest, transposed=transposed)

def double(
    ni:int, # channels in
    nf:int, # channels out
    up:str, # key of `doublings`
    norm:str, # key of `colorbook.models.layers.norms`
    drop:float=0., # share of values dropped in training
) -> nn.Sequential: # enlargement, norm, ReLU, dropout
    "pix2pix' block on the way up"
    return nn.Sequential(doublings[up](ni, nf), norm_of(norm, nf), nn.ReLU(), *([nn.Dropout(drop)] if drop else []))

# %% [markdown]
# Both double every size. What they do with a map that is constant shows the difference: repetition keeps it constant away from the edge, whatever the weights; of a transposed convolution with random weights a pattern of 2x2 remains (@fig-checker).

# %%
#| label: fig-checker
#| fig-cap: "A constant map, enlarged four times by either way with random weights."
torch.manual_seed(seed)
flat,shown = torch.ones(1, 4, 4, 4),{}
for k,up in doublings.items():
    with torch.no_grad(): shown[k] = nn.Sequential(*(up(4, 4) for _ in range(4)))(flat)[0,:1]
    test_eq(shown[k].shape, (1, 64, 64))
inner = {k: o[0,24:40,24:40] for k,o in shown.items()}
test_close(inner['nearest'].std(), 0, eps=1e-6)
assert inner['transposed'].std() > .1*inner['transposed'].abs().mean()
show_row([(o - o.min())/(o.max() - o.min()) for o in shown.values()], list(shown), width=5)

# %% [markdown]
# ## The generator

# %% [markdown]
# With eight blocks $d_1\ldots d_8$ down and eight up, each block up gets what the last one drew *and* what the way down knew at that size:
#
# $$u_8=\text{up}_8(d_8),\qquad u_i=\text{up}_i([u_{i+1},d_i]),\quad i=7\ldots1$$
#
# where the last, $u_1$, has two channels and a `tanh`: color. At 256 pixels $d_8$ is a single cell. A batch norm can still work there, over the batch, if there is more than one picture in it; an instance norm would take the cell's own value as its mean and leave nothing. So the innermost block has a norm only where it is batch norm. Small pictures do not need eight halvings: `depth` says how many, and other sizes are padded to a multiple of $2^\text{depth}$ by repeating the edge, as in [chapter 03](unet.ipynb).
#
# Noise, S4's third wish, is joined to the lightness at the input: `z_dim` maps, made from a vector or from a map as in [the last chapter but one](s2.ipynb). Of S4's scalings, $L/50-1$ and $a/110$, the first happens inside.

# %%
#| export
class Pix2PixGenerator(nn.Module):
    "S4's generator, the U-Net-256 of pix2pix (Isola et al. 2017, appendix 6.1): L to color in -1..1"
    def __init__(self,
        up:str='nearest', # key of `doublings`: S4's UPCONVS 1 is 'nearest' (39.3 M), 0 'transposed' (54.7 M)
        depth:int=8, # halvings
        nf:int=64, # channels of the first block
        n_out:int=2, # channels: 2 for color, 3 for RGB
        z_dim:int=0, # numbers of noise, see `colorbook.models.s2.draw_noise`; 0 for none
        norm:str='batch', # key of `colorbook.models.layers.norms`
        **options, # see `colorbook.models.layers.adapt`
    ):
        if up not in doublings: raise UsageError(f"there is no '{up}'", f"choose {', '.join(doublings)}")
        super().__init__()
        self.depth,self.z_dim,widths = depth,z_dim,[nf*min(2**i, 8) for i in range(depth)]
        inner = norm if norm == 'batch' else None
        kinds = [None] + [norm]*(depth - 2) + [inner]
        self.downs = nn.ModuleList([halve(i, o, n) for i,o,n in zip([1 + z_dim] + widths, widths, kinds)])
        outs = [max(o, 2*nf) for o in widths[-2::-1]]
        ins = widths[-1:] + [a + b for a,b in zip(outs, widths[-2::-1])]
        self.ups = nn.ModuleList([double(i, o, up, norm, 0. if k else .5) for k,(i,o) in enumerate(zip(ins, outs))])
        self.head = doublings[up](ins[-1], n_out, bias=True)
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)): nn.init.normal_(m.weight, 0, .02)
        adapt(self, **options)
    def noise(self, L):
        "What stands in where no noise is given: a fresh draw in training, zeros afterwards"
        z = L.new_zeros(len(L), self.z_dim)
        return z.uniform_(-1, 1) if self.training else z
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, any size
        z:Tensor=None, # noise in -1..1, `bs`x`z_dim`, or a map `bs`x`z_dim`xhxw; see `noise`
    ) -> Tensor: # color in -1..1, `bs`x`n_out`xHxW
        (h,w),m,x,skips = L.shape[-2:],2**self.depth,L*2 - 1,[]
        if self.z_dim: x = torch.cat([x, spread(self.noise(L) if z is None else z, L)], 1)
        x = F.pad(x, (0, -w%m, 0, -h%m), mode='replicate')
        if not torch.compiler.is_exporting(): check_cells(self, x)
        for d in self.downs:
            x = d(x)
            skips.append(x)
        for u,skip in zip(self.ups, skips[-2::-1]): x = torch.cat([u(x), skip], 1)
        return self.head(x).tanh()[...,:h,:w]
    def color(self, out): return out

# %%
#| export
def check_cells(
    net:nn.Module, # a `Pix2PixGenerator`
    x:Tensor, # its padded input
):
    "Raise an `InputError` where a batch norm would be left with a single value"
    if net.training and x.shape[0]*x.shape[2]*x.shape[3] == 4**net.depth and len(net.downs[-1]) == 3:
        raise InputError(f'batch norm cannot learn from one picture of {x.shape[-1]} pixels at a depth of {net.depth}',
            'use a batch of two or more, another norm, or a smaller depth')

# %% [markdown]
# Both counts, against S4's rounded ones and against sums by hand: sixteen weights for each pair of channels on the way down, sixteen or nine on the way up.

# %%
with torch.device('meta'): nets = {k: Pix2PixGenerator(k) for k in doublings}
a = [64, 128, 256, 512, 512, 512, 512, 512]
down = 1*64 + sum(i*o for i,o in zip(a, a[1:]))
rise = 512*512 + 3*1024*512 + 1024*256 + 512*128 + 256*128 + 192*2
rest = 64 + 2 + 2*(sum(a[1:]) + 4*512 + 256 + 2*128)
counts = {k: n_weights(o) for k,o in nets.items()}
test_eq(counts, dict(nearest=16*down + 9*rise + rest, transposed=16*down + 16*rise + rest))
for k,published in dict(nearest=39.3e6, transposed=54.7e6).items(): assert abs(counts[k]/published - 1) < .01
counts

# %%
torch.manual_seed(seed)
def small(**kw): return Pix2PixGenerator(**{**dict(depth=4, nf=4), **kw})
L,target = torch.rand(2, 1, 21, 35),torch.rand(2, 2, 21, 35)
for kw in (dict(), dict(up='transposed'), dict(norm='instance'), dict(norm='group', z_dim=3)):
    net = small(**kw)
    test_eq(unreached(net, L), [])
    before,after = one_step(net, (L,), target)
    assert after < before
    for h,w in ((1, 1), (16, 16), (31, 50)): test_eq(net.eval()(torch.rand(1, 1, h, w)).shape, (1, 2, h, w))
    assert torch.equal(net(L), net(L))
test_fail(lambda: small()(torch.rand(1, 1, 16, 9)), exc=InputError, contains='one picture of 16 pixels')
test_fail(lambda: small(up='bilinear'), exc=UsageError, contains='nearest, transposed')
small()(torch.rand(1, 1, 17, 9)).shape,small(norm='instance')(torch.rand(1, 1, 16, 9)).shape

# %% [markdown]
# ## What each block sees, and where it leads

# %% [markdown]
# Each halving with a 4x4 kernel adds $3\cdot2^{i-1}$ pixels, so that block $i$ sees $3\cdot2^i-2$: at a depth of eight 766 pixels, three times the side of the picture it is made for. S4's innermost cell has seen everything. We measure the first five on a network of five blocks.

# %%
torch.manual_seed(seed)
deep,x = Pix2PixGenerator(depth=5, nf=2).eval(),torch.rand(1, 1, 256, 256)
def cell(i): return lambda o: nn.Sequential(*deep.downs[:i])(o)[0,:,128>>i,128>>i].sum()
views = [extent(field(cell(i), x))[0] for i in range(1, 6)]
test_eq(views, [reach([(4, 2, 1)]*i) for i in range(1, 6)])
test_eq((views, reach([(4, 2, 1)]*8)), ([3*2**i - 2 for i in range(1, 6)], 766))
views

# %% [markdown]
# A skip that is wired wrong still trains, a little worse. So we ask the network for the way of each number. Its blocks down are run by hand, and the derivative of the answer with respect to *each* skip has to be different from zero; the block up that uses it must have all its channels, those of the skip last; and with the weights of the other half set to zero nothing but the skip gets through. What is left is the head on $d_1$: its 3x3 kernel covers two cells of $d_1$ in each direction, since each was repeated, and these are 4 pixels wide and 2 apart. So a pixel of the answer must see 6.

# %%
net = small().eval()
x,kept = torch.rand(1, 1, 64, 64),[]
hooks = [d.register_forward_hook(lambda m,i,o: kept.append(o) or o.retain_grad()) for d in net.downs]
net(x.requires_grad_()).square().sum().backward()
for o in hooks: o.remove()
through = [o.grad.abs().sum().item() for o in kept]
assert all(o > 0 for o in through)
for u,d in zip([*net.ups[1:], net.head], kept[-2::-1]):
    conv = (u[0] if isinstance(u[0], nn.Sequential) else u)[1]
    conv.weight.data[:,:-d.shape[1]] = 0
view = extent(field(lambda o: net(o)[0,:,32,32].sum(), x.detach()))
test_eq(view, (6, 6))
through,view

# %% [markdown]
# ## Noise at the input

# %% [markdown]
# With `z_dim` the network has a hundred more maps to look at, or as many as one likes, and its answer depends on them from the first step on. S4 also wants its GANs trained *before* colorization, on plain generation, from "z the same size as the input image". That needs nothing new: a map of noise takes the place of the lightness.

# %%
torch.manual_seed(seed)
net = small(z_dim=6).eval()
def answer(s, L=L): return net(L, draw_noise(2, 6, seed=s))
with torch.no_grad():
    test_eq(answer(0), answer(0))
    test_eq(net(L), net(L, torch.zeros(2, 6)))
    assert (answer(0) - answer(1)).abs().max() > 1e-4
    plain = small().eval()(draw_noise(2, 1, (32, 32), seed)/2 + .5)
test_eq(n_weights(net) - n_weights(small()), 6*16*4)
(answer(0) - answer(1)).abs().mean(),plain.shape

# %% [markdown]
# Dropout is noise as well, but of another kind: it is there in training only. The same input twice gives two answers in training and one afterwards.

# %%
torch.manual_seed(seed)
net = small(norm='instance')
noisy = (net.train()(L) - net(L)).abs().max().item()
assert torch.equal(net.eval()(L), net(L))
assert noisy > 0
noisy

# %% [markdown]
# ## What we have
#
# - `Pix2PixGenerator`, in both of S4's forms, 39.3 and 54.7 million parameters, for any size, depth and norm;
# - every skip proved by a gradient, and a receptive field of 766 pixels;
# - noise at the input, which starts to matter at once.

# %% [markdown]
# ## Exercises
#
# 1. How much of the answer goes through the innermost cell? Set it to zero and compare, before and after training.
# 2. Add the skips, as S0 does, instead of concatenating them. How many parameters remain?
# 3. Choose the first weights of `transposed` such that @fig-checker shows none of its pattern.
