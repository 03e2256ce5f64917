# %% [markdown]
# # Several critics
#
# > Critics side by side with weights, one for each channel or one for each scale, and one number to rank by
#
# A generator can be trained against several critics at once: a [PatchGAN](patchgan.ipynb) for texture beside one that sees the whole, an [energy](energy_critic.ipynb) beside both, or a critic for each channel of color. Here is the class that holds them together, the channels of several color spaces to judge by, and one number for whatever critics say, by which pictures can be put in order.

# %%
#| default_exp models.several_critics

# %% tags=["parameters"]
size,seed = 64,2

# %%
#| export
import torch
from torch import nn, Tensor
from colorbook.core import UsageError
from colorbook.color.lab import lab_to_rgb, split_lab
from colorbook.models.energy_critic import EnergyOutput
from colorbook.models.pix2pix import S4Critic
from colorbook.models.registry import critics
from colorbook.models.s2 import S2Critic

# %%
#| hide
import numpy as np
from fastcore.test import *
from colorbook.color.lab import show_row
from colorbook.data.photos import sample_photos
from colorbook.models.energy_critic import EnergyCritic
from colorbook.models.patchgan import PatchCritic
from colorbook.models.pix2pix import ChannelGenerator

# %% [markdown]
# ## Side by side

# %% [markdown]
# Several discriminators at once were proposed as a cure for a generator that learns to fool one [@durugkar2017]: what passes with a strict judge and with a lenient one, with one for texture and one for the whole, is harder to fake. The generator lowers a weighted sum of what each of them holds against it,
#
# $$\ell_G=\sum_kw_k\,\ell_k\left(D_k(L,G(L))\right),$$
#
# while every critic learns by its own loss alone, at full strength: that a critic counts little for the generator is no reason to teach it less. `Critics` returns a list of weights and verdicts. The weights are $1/K$ by default, so that one more critic does not make the adversarial term larger beside the content loss.

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
rgb = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size=size)]).permute(0, 3, 1, 2)/255
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
# - `Critics`, several at once with weights, and `ChannelCritics`, one for each channel of $ab$, RGB or Lab;
# - `channels_in`, the same color in the channels of another space, differentiably;
# - `realness`, one number a picture of whatever a critic says.

# %% [markdown]
# ## Exercises
#
# 1. Make `Critics` of the three nets of `ChannelCritics('rgb', conditional=False)` and a fourth that sees all channels. What does it make of the mixed pictures, and which weight would you give the fourth?
# 2. An energy is in units of Lab, a logit in none. What does the weight between them mean in `realness`, and what would make it mean something?
