# %% [markdown]
# # Critics on patches, and several at once
#
# > One verdict for every patch, what it depends on, and several critics side by side
#
# [The critic](../lessons/critic.ipynb) of the lessons, `SmallCritic`, looks at lightness and $ab$ and gives a verdict for each patch of 34 pixels. First this chapter makes the library's critic of it, a PatchGAN: for color of any kind and number of channels, with or without lightness beside it, with patches of 70 pixels as published, and with a clear word where a picture is too small for a single verdict. We ask the network itself what a verdict depends on, and take spectral norm apart. Then several critics judge at once: one for texture beside one that sees the whole, or one for each channel of color; and whatever critics say becomes one number, by which pictures can be put in order. [S0](s0.ipynb), [S2](s2.ipynb) and [pix2pix](pix2pix.ipynb) have critics of their own beside their generators.

# %%
#| default_exp models.critics

# %% tags=["parameters"]
size,seed = 64,2

# %%
#| export
import torch
from torch import nn, Tensor
from colorbook.color.lab import lab_to_rgb, split_lab
from colorbook.core import UsageError
from colorbook.models.energy_critic import EnergyOutput
from colorbook.models.layers import check_side, concat_condition
from colorbook.models.pix2pix import S4Critic
from colorbook.models.registry import critics
from colorbook.models.s2 import S2Critic
from colorbook.models.small_critic import SmallCritic

# %%
#| hide
import copy, numpy as np, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.color.lab import show_row
from colorbook.data.photos import sample_photos
from colorbook.models.energy_critic import EnergyCritic
from colorbook.models.inspect import n_weights
from colorbook.models.pix2pix import ChannelGenerator
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
# ## Side by side

# %% [markdown]
# Several discriminators at once were proposed as a cure for a generator that learns to fool one [@durugkar2017]: what passes with a strict judge and with a lenient one, with one for texture and one for the whole, is harder to fake. An [energy](energy_critic.ipynb), another kind of judge, may stand beside them. The generator lowers a weighted sum of what each of them holds against it,
#
# $$\ell_G=\sum_kw_k\,\ell_k\left(D_k(L,G(L))\right),$$
#
# while every critic learns by its own loss alone, at full strength: that a critic counts little for the generator is no reason to teach it less. `Critics` returns a list of weights and verdicts. The weights are $1/K$ by default, so that one more critic does not make the adversarial term larger beside the content loss. From here on the photographs of the tests have half their size.

# %%
#| export
class Critics(nn.Module):
    "Several critics side by side (Durugkar et al. 2017), each with its weight for the generator"
    def __init__(self,
        nets, # critics, called with `L` and color
        weights:tuple=None, # one for each; None for 1/K
    ):
        super().__init__()
        self.nets = nn.ModuleList(nets)
        n = len(self.nets)
        self.weights = tuple(float(o) for o in weights) if weights is not None else (1/n,)*n
        if len(self.weights) != n:
            raise UsageError(f'{n} critics have {len(self.weights)} weights', 'give one weight for each critic')
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        color:Tensor, # about -1..1, `bs`xCxhxw
    ) -> list: # for each critic its weight and what it says
        "What each of them says"
        return [(w, net(L, color)) for w,net in zip(self.weights, self.nets)]

@critics('patch_and_whole', mixes=True)
def _patch_and_whole(n_color=2): return Critics([S4Critic(n_color), S2Critic(None, n_color, True)], (.5, .5))

# %%
torch.manual_seed(seed)
rgb = nn.functional.avg_pool2d(rgb, 2)
L,ab = split_lab(rgb)
nets = PatchCritic(nf=8),S2Critic((size, size), widths=(4, 4, 8, 8)),EnergyCritic(nf=4)
three = Critics(nets, (.5, .3, .2)).eval()
with torch.no_grad(): said = three(L, ab)
test_eq([(w, type(o)) for w,o in said], [(.5, torch.Tensor), (.3, torch.Tensor), (.2, EnergyOutput)])
with torch.no_grad():
    for k in range(2): test_eq(said[k][1], three.nets[k](L, ab))
test_eq(Critics(three.nets[:2]).weights, (.5, .5))
test_fail(lambda: Critics(three.nets, (1, 2)), exc=UsageError, contains='3 critics have 2 weights')
[tuple(o.shape) for _,o in said[:2]],said[2][1].energy.flatten()

# %% [markdown]
# ## Channels of any space

# %% [markdown]
# A critic for each channel needs channels, and which they are need not be what the generator answers in. From $ab$ and the lightness follows RGB, and from RGB follows Lab, differentiably, so a generator of $ab$ can have a red, a green and a blue judge. Every plane comes on the scale of about -1..1.
#
# One combination makes no sense and is refused: a generator of $ab$ is *given* $L$, so a critic of $L$ would see the same in true and in generated pictures. A generator of RGB such as S0's answers with a lightness of its own and can be wrong about it.

# %%
#| export
spaces = dict(ab=('a', 'b'), rgb=('r', 'g', 'b'), lab=('L', 'a', 'b'))

def channels_in(
    L:Tensor, # lightness in 0..1, `bs`x1xHxW; it is averaged to the size of `color`
    color:Tensor, # ab, or RGB in -1..1, `bs`x2xhxw or `bs`x3xhxw
    space:str, # key of `spaces`
) -> Tensor: # the channels of that space, each in about -1..1
    "The same color, in the channels of another space"
    is_rgb = color.shape[1] == 3
    if is_rgb and space == 'rgb' or not is_rgb and space == 'ab': return color
    if is_rgb:
        light,ab = split_lab(color/2 + .5)
        return ab if space == 'ab' else torch.cat([light*2 - 1, ab], 1)
    if space == 'lab': raise UsageError('a critic of L has nothing to judge where the generator is given L', 'use ab')
    light = nn.functional.interpolate(L, color.shape[-2:], mode='area')
    return lab_to_rgb(torch.cat([light*100, color*110], 1))*2 - 1

# %%
test_close(channels_in(L, ab, 'rgb'), rgb*2 - 1, eps=1e-3)
test_close(channels_in(L, rgb*2 - 1, 'ab'), ab, eps=1e-4)
test_close(channels_in(L, rgb*2 - 1, 'lab'), torch.cat([L*2 - 1, ab], 1), eps=1e-4)
test_eq((channels_in(L, ab, 'ab'), channels_in(L, rgb, 'rgb')), (ab, rgb))
test_eq(channels_in(L, ab[...,::4,::4], 'rgb').shape[-2:], (size//4, size//4))
test_fail(lambda: channels_in(L, ab, 'lab'), exc=UsageError, contains='nothing to judge')
pixels = torch.rand(1, 2, 2, 2, dtype=torch.float64, requires_grad=True)
assert torch.autograd.gradcheck(lambda o: channels_in(L[:1,:,:2,:2].double(), o*.3, 'rgb'), pixels)
pixels = torch.rand(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
assert torch.autograd.gradcheck(lambda o: channels_in(None, o*.5, 'lab'), pixels)

# %% [markdown]
# ## One critic a channel

# %% [markdown]
# Each of them sees one plane, and the lightness if it is conditional. The advantage: none can rely on the channel in which fakes are easiest to see. The price: relations *between* channels are lost. If red and green are exchanged, three separate judges see a plausible red, a plausible green and a plausible blue. @fig-color-planes shows what each judge sees of one photograph.

# %%
#| export
class PlaneCritic(nn.Module):
    "A critic of one channel"
    def __init__(self,
        net:nn.Module, # a critic of one color channel
        space:str, # key of `spaces`
        k:int, # which of its channels
    ):
        super().__init__()
        self.net,self.space,self.k = net,space,k
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        color:Tensor, # ab, or RGB in -1..1
    ): # what the critic says
        return self.net(L, channels_in(L, color, self.space)[:,self.k:self.k + 1])

class ChannelCritics(Critics):
    "One critic for each channel (S4): r, g, b or L, a, b or a, b, each seeing its own plane alone"
    def __init__(self,
        space:str='ab', # key of `spaces`: whose channels
        make=S4Critic, # called with 1 color channel and `conditional` for each critic
        conditional:bool=True, # does each see `L` as well?
        weights:tuple=None, # how much each counts for the generator; None for 1/K
    ):
        if space not in spaces: raise UsageError(f"there is no space '{space}'", f"choose {', '.join(spaces)}")
        nets = [make(1, conditional=conditional) for _ in spaces[space]]
        super().__init__([PlaneCritic(net, space, k) for k,net in enumerate(nets)], weights)

@critics('channels', mixes=True)
def _channels(n_color=2): return ChannelCritics('rgb' if n_color == 3 else 'ab')

@critics('channels_lab', colors=('rgb',), mixes=True)
def _channels_lab(): return ChannelCritics('lab')

# %%
torch.manual_seed(seed)
def small(n, conditional=True): return S4Critic(n, conditional, 8, (2, 2, 1), norm='none')
def leaves(color): return color.clone().requires_grad_()
for color,space in ((ab, 'ab'), (ab, 'rgb'), (rgb*2 - 1, 'rgb'), (rgb*2 - 1, 'lab'), (rgb*2 - 1, 'ab')):
    critic,x = ChannelCritics(space, small),leaves(color)
    test_eq((len(critic(L, x)), len(critic.nets)), (len(spaces[space]),)*2)
    for k,name in enumerate(spaces[space]):
        g, = torch.autograd.grad(critic.nets[k](L, x).sum(), x)
        if (color.shape[1], space) in ((2, 'ab'), (3, 'rgb')):
            test_eq([o.abs().max().item() > 0 for o in g.unbind(1)], [j == k for j in range(color.shape[1])])
        assert g.abs().max() > 0 and g.isfinite().all()
test_eq(ChannelCritics('rgb', small, False).nets[0].net.layers[0][0].in_channels, 1)
test_fail(lambda: ChannelCritics('yuv'), exc=UsageError, contains='ab, rgb, lab')
with torch.device('meta'): test_eq(sum(o.numel() for o in ChannelCritics('rgb').parameters()), 3*(2_766_529 - 16*64))

# %%
#| label: fig-color-planes
#| fig-cap: "One photograph as the critics of r, g, b and those of L, a, b see it."
row = lambda space: list(channels_in(L[2:3], rgb[2:3]*2 - 1, space)[0][:,None]/2 + .5)
show_row([rgb[2], *row('rgb'), *row('lab')], ['photo', *spaces['rgb'], *spaces['lab']], width=11)

# %% [markdown]
# S4 wanted channels "generated individually", so each channel can have a [generator of its own](pix2pix.ipynb#one-generator-a-channel), too. Then there are three independent games, for red, for green and for blue, which agree only through the lightness that all of them see. The gradient shows it. Each row below belongs to one critic and says which of the three generators its verdict reaches: its own and no other. (One critic of all channels reaches all three.)

# %%
class Tiny(nn.Module):
    "A generator of one channel"
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))
    def forward(self, L): return self.layers(L)
    def color(self, out): return out.tanh()

def reached(critic, k, gen):
    "Which of the generators gets a gradient from verdict `k`"
    gen.zero_grad()
    color = gen.color(gen(L))
    (critic.nets[k](L, color) if k is not None else critic(L, color)).sum().backward()
    return [any(p.grad is not None and p.grad.abs().max() > 0 for p in net.parameters()) for net in gen.nets]

# %%
torch.manual_seed(seed)
gen = ChannelGenerator(Tiny() for _ in range(3))
test_eq(gen.color(gen(L)).detach(), torch.cat([net(L).tanh() for net in gen.nets], 1).detach())
critic = ChannelCritics('rgb', small)
for k in range(3): test_eq(reached(critic, k, gen), [j == k for j in range(3)])
test_eq(reached(small(3), None, gen), [True]*3)
test_eq(reached(ChannelCritics('lab', small), 1, gen), [True]*3)
[reached(critic, k, gen) for k in range(3)]

# %% [markdown]
# A judge of a single channel cannot notice a picture whose channels come from three different photographs: each plane is a true one. With unconditional critics, the verdicts on true and on mixed pictures are the same numbers in another order, so no training can tell the two apart. A single critic of all channels gives other numbers for the two; they are printed. (Judges that see the lightness have a way out: the planes do not fit it.)

# %%
torch.manual_seed(seed)
color = rgb*2 - 1
mixed = torch.stack([color[:,0], color[:,1].roll(1, 0), color[:,2].roll(2, 0)], 1)
blind = ChannelCritics('rgb', small, conditional=False)
def ordered(verdicts): return verdicts.mean((1, 2, 3)).sort()[0]
with torch.no_grad():
    for (_,a),(_,b) in zip(blind(None, color), blind(None, mixed)): test_close(ordered(a), ordered(b), eps=1e-5)
    one = small(3, False)
    a,b = (ordered(one(None, o)) for o in (color, mixed))
assert (a - b).abs().max() > 1e-4
a,b

# %% [markdown]
# ## One number to rank by

# %% [markdown]
# COLORGAN draws 64 colorings of one photograph and orders them by what the critic says. For that, and for a monitor that asks how often the critic is right, any verdict has to become one number a picture, higher for real: the mean of a map of logits, the energy with its sign turned, the weighted sum for several. It depends neither on the size of the batch nor on that of the map. The last line orders our six photographs by it, with untrained critics, so in no meaningful order yet.

# %%
#| export
def realness(
    said, # scores, an `EnergyOutput`, or pairs of a weight and one of these
) -> Tensor: # one number a picture, higher for real
    "How real a critic finds each picture"
    if isinstance(said, list): return sum(w*realness(o) for w,o in said)
    return -said.energy.flatten() if isinstance(said, EnergyOutput) else said.flatten(1).mean(1)

# %%
a,b,c = (o for _,o in said)
by_hand = .5*a.mean((1, 2, 3)) + .3*b.flatten() - .2*c.energy.flatten()
test_close(realness(said), by_hand, eps=1e-5)
test_eq(realness(said).shape, (len(L),))
test_close(realness(torch.tensor([[[[1., 2], [3, 6]]], [[[-1, 0], [0, 0]]]])), torch.tensor([3., -.25]), eps=1e-6)
test_close(realness(a.repeat(1, 1, 2, 2)), realness(a), eps=1e-5)
with torch.no_grad(): test_close(realness(three(L[:2], ab[:2])), realness(said)[:2], eps=1e-4)
realness(said).argsort(descending=True)

# %% [markdown]
# ## What we have
#
# - `PatchCritic`, a PatchGAN discriminator with a verdict for every 70 pixels that we measured on the network itself, for any kind of color and at any size;
# - spectral norm, which keeps its slope finite, and what is stored of it;
# - `Critics`, several at once with weights, and `ChannelCritics`, one for each channel of $ab$, RGB or Lab;
# - `channels_in`, the same color in the channels of another space, differentiably;
# - `realness`, one number a picture of whatever a critic says.

# %% [markdown]
# ## Exercises
#
# 1. Find strides and a number of layers for a patch of 16 pixels. What can such a critic still notice, and what not?
# 2. In [The critic](../lessons/critic.ipynb) the unconditional critic cannot get below $2\log 2$, and yet S0 learned with one. What does it notice about a generator's picture that it cannot notice about wrong pairs of true colors and true lightness?
# 3. Make `Critics` of the three nets of `ChannelCritics('rgb', conditional=False)` and a fourth that sees all channels. What does it make of the mixed pictures, and which weight would you give the fourth?
# 4. An energy is in units of Lab, a logit in none. What does the weight between them mean in `realness`, and what would make it mean something?
