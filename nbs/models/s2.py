# %% [markdown]
# # S2
#
# > Full size all the way: a generator that is told the lightness before every layer, and a critic without strides
#
# S2 blames strides for blocks of color with hard edges, and does without: all its layers work at full size. So that the picture is not forgotten on the way, its lightness is joined to the input of every one of them. And because a gray photograph has many possible colorings, it is given a vector of noise: another vector, another answer. As published, S2's generator and critic are tied to pictures of 90x120 pixels. We rebuild both with the published number of weights, and then untie them. An experiment with red and blue disks shows what the noise is good for.

# %%
#| default_exp models.s2

# %% tags=["parameters"]
size,steps,seed = 48,180,2

# %%
#| export
import math, torch
from torch import nn, Tensor
from colorbook.core import InputError
from colorbook.models.layers import adapt, concat_condition, critic_block, noise_map, norm_of, WithNoise
from colorbook.models.registry import critics, generators

# %%
#| hide
import torch.nn.functional as F
from fastcore.test import *
from colorbook.models.layers import draw_noise
from colorbook.models.inspect import extent, field, n_weights, one_step, reach, unreached
from colorbook.color.lab import join_lab, show_row

# %% [markdown]
# ## The generator

# %% [markdown]
# The vector $z$ has 100 numbers. S2 multiplies it with a matrix that has a row for every pixel, and folds the result into a map. That is 70 % of its parameters, and it ties the network to one size, which S2's authors regret. A matrix product with the *same* row for every pixel, a 1x1 convolution, is not tied; but then the noise itself must be a [map](layers.ipynb), or every pixel gets the same.
#
# From the map of noise $h_0$, six convolutions, each of which is told the lightness again:
#
# $$h_i=\mathrm{ReLU}(\mathrm{BN}(W_i*[L,h_{i-1}])),\quad i=1\ldots5,\qquad (a,b)=\tanh(W_6*[L,h_5])$$
#
# with kernels of 7 and then 5, and 128, 64, 64, 64 and 32 channels. S2 keeps color as bytes with 128 for none, so its $\pm1$ is $\pm127.5$; on our scale of 110 that is $\pm1.16$. TensorFlow's convolutions have a bias by default, and S2's keep it in front of a batch norm, which takes it back: 352 of the published 1,572,454 parameters never learn anything. We have them, because the count is the published one. The first weights are Glorot's, Keras' default, and so are the norm's $\epsilon$ and momentum.

# %%
#| export
def full_size_layer(
    ni:int, # channels in, without L
    nf:int, # channels out
    ks:int, # side of the kernel
    norm:str, # key of `colorbook.models.layers.norms`
) -> nn.Sequential: # convolution, norm, ReLU
    "A layer at full size, with room for L"
    return nn.Sequential(nn.Conv2d(1 + ni, nf, ks, padding=ks//2), norm_of(norm, nf), nn.ReLU())

# %%
#| export
def keras_start(
    net:nn.Module, # changed in place
):
    "Keras' start: Glorot weights, no bias, its epsilon and momentum in batch norms"
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(m.weight)
            nn.init.zeros_(m.bias)
        elif isinstance(m, nn.BatchNorm2d): m.eps,m.momentum = 1e-3,.01

# %%
#| export
class Stride1Generator(WithNoise, nn.Module):
    "S2's generator after COLORGAN (Cao et al. 2017): no strides, L before every convolution, noise; L to color"
    def __init__(self,
        size:tuple=None, # (h, w) for S2's dense layer, (90, 120) as published; None for any size, noise as a map
        z_dim:int=100, # numbers of noise
        planes:int=8, # maps that the noise becomes where `size` is None; S2's dense layer makes one
        widths:tuple=(128, 64, 64, 64, 32), # channels of the layers
        norm:str='batch', # key of `colorbook.models.layers.norms`
        **options, # see `colorbook.models.layers.adapt`
    ):
        super().__init__()
        self.size,self.z_dim,n = size,z_dim,1 if size else planes
        self.project = nn.Linear(z_dim, size[0]*size[1]) if size else nn.Conv2d(z_dim, n, 1)
        self.first = nn.Sequential(norm_of('batch', n) if norm == 'batch' else nn.Identity(), nn.ReLU())
        sides = 7,*[5]*(len(widths) - 1)
        self.layers = nn.ModuleList([full_size_layer(i, o, k, norm) for i,o,k in zip((n, *widths), widths, sides)])
        self.head = nn.Conv2d(1 + widths[-1], 2, 5, padding=2)
        keras_start(self)
        adapt(self, **options)
    def plane(self, z, L):
        if self.size is None: return self.project(noise_map(z, L))
        if not torch.compiler.is_exporting(): check_plane(z, L, self.size)
        return self.project(z).view(-1, 1, *self.size)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        z:Tensor=None, # noise in -1..1, `bs`x`z_dim`, or a map `bs`x`z_dim`xhxw; see `noise`
    ) -> Tensor: # color in about -1..1, `bs`x2xHxW
        x,h = L*2 - 1,self.first(self.plane(self.noise(L) if z is None else z, L))
        for layer in self.layers: h = layer(torch.cat([x, h], 1))
        return self.head(torch.cat([x, h], 1)).tanh()*127.5/110
    def color(self, out): return out

@generators('stride1', noise=True)
def _stride1(): return Stride1Generator()

@generators('stride1_dense', noise=True)
def _stride1_dense(size=96): return Stride1Generator((size, size))

# %%
#| export
def check_plane(
    z:Tensor, # noise
    L:Tensor, # lightness
    size:tuple, # (h, w) that S2's dense layer was made for
):
    "Raise an `InputError` where S2's dense layer does not fit"
    what = "S2's dense layer is tied to %dx%d pixels"%tuple(size)
    if tuple(L.shape[-2:]) != tuple(size):
        raise InputError('%s and got %dx%d'%(what, *L.shape[-2:]), 'make the generator with size=None')
    if z.dim() != 2: raise InputError(f'{what} and one vector of noise', 'make the generator with size=None for maps')

# %% [markdown]
# The number of weights is S2's, 1,572,454. In the version for any size the dense layer of 1,090,800 shrinks to 808 parameters, and the first convolution gets seven more channels: 525,472 in all are the second number.

# %%
with torch.device('meta'): s2,free,lone = Stride1Generator((90, 120)),Stride1Generator(),Stride1Generator(planes=1)
test_eq((n_weights(s2), n_weights(s2.project)), (1_572_454, 1_090_800))
test_eq(100*90*120 + 90*120, 1_090_800)
test_eq(n_weights(lone), 1_572_454 - 1_090_800 + 100 + 1)
test_eq(n_weights(free) - n_weights(lone), 7*(100 + 1) + 7*2 + 7*7*7*128)
test_eq(sum(len(o[0].bias) for o in s2.layers), 352)
n_weights(s2),n_weights(free)

# %% [markdown]
# A few checks: every size comes out as it went in, down to one pixel; the dense version refuses all sizes but its own; all parameters learn except for those 352 and, because a batch norm follows there too, the bias of the map. (A group norm takes back a bias only where its groups are single channels, as in the first and fifth layer of our small network.)

# %%
def small(size=None, **kw): return Stride1Generator(size, 10, widths=(8, 6, 6, 6, 4), **kw)
torch.manual_seed(seed)
dense,free = small((9, 12)),small()
biases = [f'layers.{i}.0.bias' for i in range(5)]
L,z = torch.rand(3, 1, 9, 12),draw_noise(3, 10)
test_eq(unreached(free, L, draw_noise(3, 10)), ['project.bias', *biases])
test_eq(unreached(dense, L, z), biases)
test_eq(unreached(small(norm='group'), L, z), [biases[0], biases[4]])
for h,w in ((1, 1), (5, 8), (31, 17)): test_eq(free.eval()(torch.rand(1, 1, h, w)).shape, (1, 2, h, w))
test_fail(lambda: dense(torch.rand(1, 1, 9, 13)), exc=InputError, contains='tied to 9x12 pixels and got 9x13')
test_fail(lambda: dense(L, z[...,None,None]), exc=InputError, contains='one vector')
for net in (dense, free):
    before,after = one_step(net, (L, z), torch.rand(3, 2, 9, 12))
    assert after < before
before,after

# %% [markdown]
# ## What it sees, and how often it is told

# %% [markdown]
# One kernel of 7 and five of 5 see 27 pixels, whatever the picture: S2 found "faces good, otherwise safe brownish", and a face at 90x120 pixels is about what fits. That the lightness is joined *before every* convolution can be measured. We cut the network between two layers (all weights for $h$ in layer $i$ are set to zero), so that everything before it is lost, and look how far the rest still sees. The list has the fields for $i=1\ldots6$; the last layer alone still sees 5 pixels, while a network that is told the lightness once would see nothing.

# %%
def seen(net):
    x = torch.rand(1, 1, 41, 41)
    return extent(field(lambda o: net(o, torch.zeros(1, 10))[0,:,20,20].sum(), x))[0]

torch.manual_seed(seed)
net = small().eval()
for m in net.modules():
    if isinstance(m, nn.ReLU): m.forward = lambda o: o
kernels,views = [7, 5, 5, 5, 5, 5],[]
for i,m in enumerate([*(o[0] for o in net.layers), net.head]):
    if i: m.weight.data[:,1:] = 0
    views.append(seen(net))
    test_eq(views[-1], reach([(k, 1, 1) for k in kernels[i:]]))
test_eq(views, [27, 21, 17, 13, 9, 5])
views

# %% [markdown]
# ## Another vector, another answer

# %% [markdown]
# The same noise must give the same answer twice, and different noise another one. In a map of noise, a change in one place moves the answer only near it. The numbers are the mean difference between two answers of the untrained network, and how many pixels moved.
#
# After training it is not certain that noise changes *anything*: a content loss that compares with one truth teaches the network to ignore it. A critic, or a term of its own, has to ask for answers that differ.

# %%
torch.manual_seed(seed)
net,L = small().eval(),torch.rand(1, 1, size, size)
with torch.no_grad():
    a,b = (net(L, draw_noise(1, 10, seed=o)) for o in (0, 1))
    test_eq(net(L, draw_noise(1, 10, seed=0)), a)
    test_eq(net(L), net(L, torch.zeros(1, 10)))
    z = draw_noise(1, 10, (size, size), seed)
    other = z.clone()
    other[...,20,20] += 1
    moved = extent((net(L, other) - net(L, z))[0].abs().sum(0))
assert (a - b).abs().mean() > 1e-3 and max(moved) <= 27
torch.manual_seed(seed)
assert not torch.equal(net.train()(L), net(L))
(a - b).abs().mean(),moved

# %% [markdown]
# An experiment with two possible truths shows it. Disks are red or blue, and the sign of the first number of $z$ says which. We train the network twice, once with $z$ and once with zeros in its place, and compare the mean of the last losses.

# %%
def disks(bs):
    "Lightness of disks, noise, and a color that the noise decides"
    y,x = torch.meshgrid(*[torch.linspace(-1, 1, size//3)]*2, indexing='ij')
    c = torch.rand(bs, 2, 1, 1)*.8 - .4
    inside = ((x - c[:,:1])**2 + (y - c[:,1:])**2 < .2).float()
    z = draw_noise(bs, 10)
    red,blue = torch.tensor([.6, .4]),torch.tensor([.2, -.7])
    return .4 + .2*inside,z,torch.where(z[:,:1] > 0, red, blue)[...,None,None]*inside

# %%
def fit(hidden):
    "A network that has learned from disks, and its last losses"
    torch.manual_seed(seed)
    net,losses = small(),[]
    for o in net.modules():
        if isinstance(o, nn.BatchNorm2d): o.momentum = .1 # Keras' statistics take longer than we train
    opt = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(steps):
        L,z,ab = disks(24)
        losses.append(F.mse_loss(net(L, z*(not hidden)), ab))
        opt.zero_grad()
        losses[-1].backward()
        opt.step()
    return net.eval(),sum(losses[-20:]).item()/20

(told,low),(untold,high) = fit(False),fit(True)
assert low < .7*high
low,high

# %% [markdown]
# In @fig-choices one disk is colored with four different $z$, whose first number stands above it. On the left, with $z$, the disk is blue where that number is negative and red where it is positive. On the right, where $z$ was hidden, all four are the same pink, which is the mean of the two.

# %%
#| label: fig-choices
#| fig-cap: "One picture and four vectors of noise: for a network that was told, and for one that was not."
torch.manual_seed(seed)
L,_,_ = disks(1)
zs = draw_noise(4, 10, seed=seed)
zs[:,0] = torch.tensor([-.9, -.5, .5, .9])
with torch.no_grad(): fakes = [join_lab(L, net(L, z[None]*k))[0] for net,k in ((told, 1), (untold, 0)) for z in zs]
def spread_of(o): return torch.stack(o).std(0).mean()
assert spread_of(fakes[:4]) > 10*spread_of(fakes[4:])
show_row(fakes, [f'{k}, {v:.1f}' for k in ('told', 'hidden') for v in zs[:,0]])

# %% [markdown]
# ## The critic

# %% [markdown]
# Strides and pooling, S2 found, gave its generator blocks of color and abrupt transitions, so it went without in *both* networks: four convolutions of 5x5 at full size, 16 channels, 32, 64 and 128. Then every value that is left at 90x120 pixels, 1.4 million of them, goes into a dense layer of 16, and these into one logit. Two weaknesses can be seen before anything is trained. There is no ReLU between the 16 numbers and the logit, so the two dense layers can say no more than one could. And the first of them holds 99 % of the weights and ties the critic to one size of picture.
#
# COLORGAN [@cao2017], from which S2 was made, has the same plan with strides of 2, wider layers and a dense layer of 64, at 64x64 pixels. So widths, stride and the dense layer are parameters. And `size=None` replaces the dense layer by the mean over the picture, the same 128 features wherever they are, which fits any size. The published form starts as Keras lets its layers start; the one with the mean, which is ours, as PyTorch does.

# %%
#| export
class S2Critic(nn.Module):
    "S2's critic: 5x5 convolutions at full size, then a dense layer on every pixel, or on the mean of all"
    def __init__(self,
        size:tuple|None=(90, 120), # rows and columns of the color it judges; None for any, by global pooling
        n_color:int=2, # color channels
        conditional:bool=False, # see `L` as well? S2's does not
        widths:tuple=(16, 32, 64, 128), # channels of the convolutions; COLORGAN (64, 128, 256, 512)
        stride:int=1, # of each; COLORGAN 2
        dense:int=16, # linear features before the logit; COLORGAN 64
        norm:str='batch', # key of `colorbook.models.layers.norms`
        spectral:bool=False, # spectral norm in every layer?
    ):
        super().__init__()
        self.size,self.conditional = size and tuple(size),conditional
        chans = [n_color + conditional, *widths]
        blocks = [critic_block(i, o, 5, stride, 2, n > 0) for n,(i,o) in enumerate(zip(chans, widths))]
        self.features = nn.Sequential(*blocks)
        left = [math.ceil(o/stride**len(widths)) for o in size] if size else (1, 1)
        self.pool = nn.Identity() if size else nn.AdaptiveAvgPool2d(1)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(widths[-1]*left[0]*left[1], dense), nn.Linear(dense, 1))
        if size: keras_start(self)
        adapt(self, norm, spectral)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW; it is averaged to the size of `color`
        color:Tensor, # about -1..1, `bs`x`n_color`xhxw
    ) -> Tensor: # logits, `bs`x1x1x1: positive for real
        "One verdict a picture; an `InputError` where the size is another"
        if self.size and tuple(color.shape[-2:]) != self.size:
            raise InputError(f"S2's critic is tied to {self.size} pixels and got {tuple(color.shape[-2:])}",
                'make it with size=None, which takes any size')
        x = concat_condition(L, color) if self.conditional else color
        return self.head(self.pool(self.features(x)))[...,None,None]

@critics('s2', mixes=True)
def _s2(size=96, n_color=2): return S2Critic((size, size), n_color)

@critics('s2_pool', mixes=True)
def _s2_pool(n_color=2): return S2Critic(None, n_color)

# %% [markdown]
# The count is the published one, 22,388,721. What remains of it without the dense layer is the number below, one part in eighty. Other norms and spectral norm change no count.

# %%
with torch.device('meta'):
    s2,pool,seeing = S2Critic(),S2Critic(None),S2Critic(conditional=True)
    test_eq(n_weights(s2), 22_388_721)
    convs = sum(25*i*o + o for i,o in zip((2, 16, 32, 64), (16, 32, 64, 128))) + 2*(32 + 64 + 128)
    test_eq(convs + 90*120*128*16 + 16 + 16 + 1, 22_388_721)
    test_eq(n_weights(pool), convs + 128*16 + 16 + 16 + 1)
    test_eq(n_weights(seeing) - n_weights(s2), 25*16)
    for norm in ('instance', 'group'): test_eq(n_weights(S2Critic(norm=norm)), n_weights(s2))
    test_eq(n_weights(s2) - n_weights(S2Critic(norm='none')), 2*(32 + 64 + 128))
    test_eq(n_weights(S2Critic(spectral=True)), n_weights(s2))
n_weights(pool)

# %%
torch.manual_seed(seed)
def rand(bs, h, w, nc=2): return torch.rand(bs, 1, h, w),torch.rand(bs, nc, h, w)*2 - 1
small = S2Critic((9, 12))
test_eq(small(*rand(2, 9, 12)).shape, (2, 1, 1, 1))
test_fail(lambda: small(*rand(2, 12, 9)), exc=InputError, contains='tied to (9, 12) pixels and got (12, 9)')
test_eq(S2Critic(None)(*rand(2, 21, 13)).shape, (2, 1, 1, 1))
colorgan = S2Critic((64, 64), widths=(64, 128, 256, 512), stride=2, dense=64)
test_eq((colorgan(*rand(2, 64, 64)).shape, colorgan.head[1].in_features), ((2, 1, 1, 1), 512*4*4))
test_eq(S2Critic((13, 13), stride=2)(*rand(2, 13, 13)).shape, (2, 1, 1, 1))
head = small.head[1:]
with torch.no_grad(): one = head[1].weight @ head[0].weight,head[1].weight @ head[0].bias + head[1].bias
x = torch.randn(3, 128*9*12)
test_close(head(x), x @ one[0].T + one[1], eps=1e-4)
one[0].shape

# %% [markdown]
# The last lines of that cell multiply the two dense layers into one vector, which gives the same verdicts.
#
# What does the pooled version give up? The place. A picture that is shifted has the same features elsewhere, and so the same mean; for the dense layer it is another picture. The numbers are how much the verdict on a spot changes when the spot is moved.

# %%
torch.manual_seed(seed)
spot = torch.zeros(1, 2, 40, 40)
spot[:,:,10:14,10:14] = 10*torch.randn(4, 4)
moved = spot.roll((9, 7), (2, 3))
change = {}
for name,net in (('dense', S2Critic((40, 40))), ('pooled', S2Critic(None))):
    with torch.no_grad(): a,b = (net.eval()(None, o).item() for o in (spot, moved))
    change[name] = abs(a - b)
assert change['pooled'] < 1e-5 < 1e-3 < change['dense']
change

# %% [markdown]
# For all that work at full size the critic's features see little: four kernels of 5 see $1+4\cdot4=17$ pixels, as the gradient confirms. The whole picture comes together in the dense layer only.

# %%
torch.manual_seed(seed)
net = S2Critic(None).double().eval()
x = torch.rand(1, 2, 40, 40, dtype=torch.float64, requires_grad=True)
g = torch.autograd.grad(net.features(x)[0,:,20,20].sum(), x)[0][0].abs().sum(0)
test_eq((extent(g), (g > 0).sum().item()), ((17, 17), 17*17))
x = torch.rand(1, 2, 40, 40, dtype=torch.float64, requires_grad=True)
g = torch.autograd.grad(S2Critic((40, 40)).double().eval()(None, x).sum(), x)[0][0].abs().sum(0)
test_eq((g > 0).sum().item(), 40*40)
extent(g)

# %% [markdown]
# ## What we have
#
# - `Stride1Generator((90, 120))`, with S2's 1,572,454 parameters, and `Stride1Generator()` for every size;
# - a measurement that each layer is told the lightness, and a picture of what a network does when the choice is hidden from it;
# - `S2Critic`, 22,388,721 weights at 90x120, COLORGAN's by its parameters, and at any size with a global pool.
#
# Trained on a film, with its weights to try, S2 is in [The five systems, trained](../results/systems.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. S2 draws new noise for every frame of a video. Give two frames that hardly differ the same noise, and different noise. How large is the flicker?
# 2. Let the disks' color be decided by a number of $z$ that is *not* given, and train with a [critic](critics.ipynb) in place of the mean squared error. What is the color now?
# 3. How many `planes` does the experiment with the disks need at least, and why?
# 4. How many 5x5 convolutions at stride 1 would a feature need to see 70 pixels, and what would the last of them cost at 128 channels?
