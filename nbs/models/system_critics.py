# %% [markdown]
# # More critics
#
# > Two published critics, and the two switches that every critic should have
#
# The systems of this book disagree about the critic more than about anything else: S0 makes it fully connected, S2 gives up every stride, S4 judges patches and normalizes by the batch. At the end of this chapter we have S2's and S4's critics with their published numbers of weights, each blind to lightness or not as we like, and with the two switches that generators have too: another norm, and spectral norm. And we have looked, by gradient, at what a norm does to the promise that a patch critic judges a patch: with some norms the promise is not kept.

# %%
#| default_exp models.system_critics

# %% tags=["parameters"]
size,seed = 64,4

# %%
#| export
import math
from torch import nn, Tensor
from colorbook.core import InputError, UsageError
from colorbook.models.critics import check_side, pair
from colorbook.models.layers import adapt
from colorbook.models.s2 import keras_start

# %%
#| hide
import copy, torch, numpy as np, pandas as pd, matplotlib.pyplot as plt
from fastcore.test import *
from torch.nn.utils.parametrize import is_parametrized
from colorbook.models.critics import S0Critic
from colorbook.models.layers import limit, norms
from colorbook.data.photos import sample_photos
from colorbook.color.lab import split_lab

# %% [markdown]
# ## A block

# %% [markdown]
# Both critics are stacks of one block: a convolution, a batch norm, and a leaky ReLU of slope 0.2. The first block goes without the norm, in S2 as in S4 as in the DCGAN that both descend from, so that the scale of the input, how colorful the picture is, can be seen at all.

# %%
#| export
def block(
    ni:int, # channels in
    nf:int, # channels out
    ks:int, # side of the kernel
    stride:int, # 1 keeps the size
    pad:int, # zeros at each edge
    norm:bool=True, # batch norm? `adapt` exchanges it
) -> nn.Sequential: # convolution, norm, leaky ReLU
    "One layer of a critic"
    norms = [nn.BatchNorm2d(nf)] if norm else []
    return nn.Sequential(nn.Conv2d(ni, nf, ks, stride, pad), *norms, nn.LeakyReLU(.2, inplace=True))

# %% [markdown]
# ## S2's critic: no strides

# %% [markdown]
# Strides and pooling, S2 found, gave its generator blocks of color and abrupt transitions, so it went without in *both* networks: four convolutions of 5x5 at full size, 16 channels, 32, 64 and 128. Then every value that is left at 90x120 pixels, 1.4 million of them, goes into a dense layer of 16, and these into one logit. Two things are to be seen before anything is trained. Between the 16 numbers and the logit is no ReLU: two matrices stand where one vector would do. And the dense layer holds 99 % of the weights and ties the critic to one size of picture.
#
# The upstream of S2, COLORGAN [@cao2017], has the same plan with strides of 2, wider layers and a dense layer of 64, at 64x64 pixels. So widths, stride and the dense layer are parameters. And `size=None` replaces the dense layer by the mean over the picture, the same 128 features wherever they are, which fits any size. The published form starts as Keras lets its layers start; the one with the mean, which is ours, as PyTorch does.

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
        self.features = nn.Sequential(*[block(i, o, 5, stride, 2, n > 0) for n,(i,o) in enumerate(zip(chans, widths))])
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
        return self.head(self.pool(self.features(pair(L, color) if self.conditional else color)))[...,None,None]

# %% [markdown]
# ## The switches

# %% [markdown]
# A norm is a decision about *whose* statistics a value is measured by: the batch's, the picture's, or a group of channels' of one picture. [Chapter 03](layers.ipynb) has the table of them, `norms`, and `adapt`, which exchanges the norms of any network that exists already, S0's critic too, and puts spectral norm on every layer with a matrix, dense and transposed ones included. A critic's pictures come in two batches, one real, one generated, so statistics of the batch are statistics of the answer; that is one reason to want another norm, and the gradient penalty of a [later chapter](../losses/adversarial.ipynb) is a second. One detail: where nothing is left but one pixel, an instance has no deviation. S0's head is such a place, and there the instance norm of our table only scales and shifts.

# %% [markdown]
# Now the count. The published 22,388,721, its sum by hand, and what remains of it without the dense layer: one part in eighty. The switches change no count, except that without norms their scales and shifts are gone.

# %%
def n_weights(net): return sum(o.numel() for o in net.parameters())
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
# The last lines are the two matrices that are one: 16 numbers between them change what is learned first, not what can be said.
#
# What the pooled version gives up is the place. A picture that is shifted has the same features elsewhere, and so the same mean; for the dense layer it is another picture.

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
# ## S4's critic: patches and batch norm

# %% [markdown]
# S4's is the patch critic of @isola2017 as published: kernels of 4x4 with strides 2, 2, 2, 1, 1, from lightness and $ab$ to a map of verdicts, with batch norm in the three layers in the middle and weights that start normal with $\sigma=0.02$. It also declares one that sees $ab$ alone. What comes after the last convolution differs from loss to loss: nothing that needs to be there for logits, a sigmoid where S4 has least squares, a leaky ReLU where it has Wasserstein's loss.

# %%
#| export
ends = dict(scores=nn.Identity, sigmoid=nn.Sigmoid, leaky=lambda: nn.LeakyReLU(.2))

class S4Critic(nn.Module):
    "S4's critic: PatchGAN (Isola et al. 2017) with batch norm, patches of 70 pixels"
    def __init__(self,
        n_color:int=2, # color channels
        conditional:bool=True, # see `L` as well? S4 has both
        nf:int=64, # channels after the first layer
        strides:tuple=(2, 2, 2, 1, 1), # of the 4x4 convolutions
        norm:str='batch', # key of `colorbook.models.layers.norms`
        spectral:bool=False, # spectral norm in every layer?
        end:str='scores', # key of `ends`: what comes after the last convolution
    ):
        if end not in ends: raise UsageError(f"there is no end '{end}'", f"choose {', '.join(ends)}")
        super().__init__()
        self.conditional,self.strides,self.end = conditional,strides,ends[end]()
        chans = [n_color + conditional] + [nf*min(2**i, 8) for i in range(len(strides) - 1)]
        blocks = [block(i, o, 4, s, 1, n > 0) for n,(i,o,s) in enumerate(zip(chans, chans[1:], strides))]
        self.layers = nn.Sequential(*blocks, nn.Conv2d(chans[-1], 1, 4, strides[-1], 1))
        for m in self.layers.modules():
            if isinstance(m, nn.Conv2d): nn.init.normal_(m.weight, 0, .02)
        adapt(self, norm, spectral)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW; it is averaged to the size of `color`
        color:Tensor, # about -1..1, `bs`x`n_color`xhxw, any size of at least 24 pixels with these strides
    ) -> Tensor: # logits, `bs`x1xh'xw': positive for real
        "A map of verdicts; a `UsageError` where the picture is too small for one"
        check_side(color, self.strides)
        return self.end(self.layers(pair(L, color) if self.conditional else color))

# %%
with torch.device('meta'):
    s4 = S4Critic()
    convs = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    by_hand = sum(16*i*o + o for i,o in convs) + 2*(128 + 256 + 512)
    test_eq((n_weights(s4), by_hand), (2_766_529, 2_766_529))
    assert abs(by_hand/2.77e6 - 1) < .01
    test_eq(by_hand - n_weights(S4Critic(conditional=False)), 16*64)
test_eq(S4Critic(nf=8)(*rand(2, 256, 256)).shape, (2, 1, 30, 30))
torch.manual_seed(seed)
pictures,net = rand(2, 64, 64),S4Critic(nf=8).eval()
with torch.no_grad(): net.layers[-1].weight.mul_(1e4)
verdicts = net(*pictures)
assert verdicts.min() < -1 and verdicts.max() > 1
for end,f in (('sigmoid', torch.sigmoid), ('leaky', lambda o: torch.where(o < 0, .2*o, o))):
    other = S4Critic(nf=8, end=end).eval()
    other.load_state_dict(net.state_dict())
    test_close(other(*pictures), f(verdicts), eps=1e-4)
test_fail(lambda: S4Critic(end='tanh'), exc=UsageError, contains='scores, sigmoid, leaky')
by_hand

# %% [markdown]
# ## Seventy pixels, with conditions

# %% [markdown]
# A verdict of this stack has a receptive field of $1+3(1+2+4+8+8)=70$ pixels. The [chapter before](critics.ipynb) proved it for a critic without norms, by the gradient of one verdict. Here the same proof is a question: does it hold *while the critic learns*? A norm that takes its statistics from the pictures at hand makes each verdict depend on whatever is in the statistics. We ask one verdict of the first of two pictures, and count from how many of its own pixels outside the patch, and from how many of the *other* picture's, it depends.
#
# Batch norm answers that every verdict depends on every pixel of the whole batch. Instance and group norm keep pictures apart, not patches. Only without such statistics, with spectral norm for example, is the field what the formula says, in training as in use. In evaluation batch norm uses its running means, constants, and the 70 pixels come back.

# %%
torch.manual_seed(seed)
def reach(critic, s=112):
    "Gradient of one verdict on the first of two pictures: what it reaches there and in the other"
    x = torch.rand(2, 3, s, s, dtype=torch.float64, requires_grad=True)
    out = critic.double()(x[:,:1], x[:,1:])
    return torch.autograd.grad(out[0,0,6,6], x)[0].abs().sum(1)
def box(grad):
    on = grad > 0
    return on.any(1).sum().item(),on.any(0).sum().item()
small = dict(nf=8)
grads = {norm: reach(S4Critic(norm=norm, **small)) for norm in norms}
grads['spectral'] = reach(S4Critic(norm='none', spectral=True, **small))
grads['batch, in use'] = reach(S4Critic(**small).eval())
fields = {k: (box(g[0]), (g[0] > 0).sum().item(), (g[1] > 0).sum().item()) for k,g in grads.items()}
for k in ('none', 'spectral', 'batch, in use'): test_eq(fields[k], ((70, 70), 70*70, 0))
for k in ('instance', 'group'): assert fields[k][1] > 2*70*70 and fields[k][2] == 0
assert fields['batch'][1] > 2*70*70 and fields['batch'][2] > 2*70*70
fields

# %%
#| label: fig-norm-field
#| fig-cap: "What one verdict depends on, in its own picture (above) and in its neighbor of the batch, logarithmic."
def show_reach(grads):
    "Logarithms of gradients, own picture above"
    fig,axs = plt.subplots(2, len(grads), figsize=(2*len(grads), 4.2), layout='constrained')
    for ax,(name,g) in zip(axs.T, grads.items()):
        top = g.max().log10()
        for a,o in zip(ax, g): a.imshow(o.log10().clamp(top - 6, top), cmap='magma', vmin=top - 6, vmax=top)
        ax[0].set_title(name, fontsize=9)
    for ax in axs.flat: ax.axis('off')
show_reach({k: grads[k] for k in ('none', 'spectral', 'group', 'instance', 'batch')})

# %% [markdown]
# A stride-1 critic's features see far less than one would think of a network at full size: four kernels of 5 see $1+4\cdot4=17$ pixels. What S2 pays for is resolution, not sight; the whole picture comes together in the dense layer only.

# %%
torch.manual_seed(seed)
net = S2Critic(None).double().eval()
x = torch.rand(1, 2, 40, 40, dtype=torch.float64, requires_grad=True)
g = torch.autograd.grad(net.features(x)[0,:,20,20].sum(), x)[0][0].abs().sum(0)
test_eq((box(g), (g > 0).sum().item()), ((17, 17), 17*17))
x = torch.rand(1, 2, 40, 40, dtype=torch.float64, requires_grad=True)
g = torch.autograd.grad(S2Critic((40, 40)).double().eval()(None, x).sum(), x)[0][0].abs().sum(0)
test_eq((g > 0).sum().item(), 40*40)
box(g)

# %% [markdown]
# ## What the norms remove

# %% [markdown]
# That a statistic comes from somewhere is one side; that it is divided out is the other. Take one layer and its norm alone, and multiply a picture by two. Behind instance and group norm the two are the same picture: how colorful it is has been removed, which for a critic of color is a strange thing to remove, and the reason why the first block has no norm. Behind batch norm the difference to the batch's other pictures stays. (In a batch where *all* are twice as colorful it goes, too.)

# %%
torch.manual_seed(seed)
x = torch.randn(4, 8, 16, 16)
one_louder,all_louder = torch.cat([2*x[:1], x[1:]]),2*x
def differ(f, y): return (f(x) - f(y))[0].abs().max().item()
seen = {k: (differ(n(8), one_louder), differ(n(8), all_louder)) for k,n in norms.items()}
for k in ('instance', 'group'): test_close(seen[k], (0, 0), eps=1e-3)
assert seen['batch'][0] > .5 and seen['batch'][1] < 1e-3 and min(seen['none']) > .5
pd.DataFrame(seen, index=['one picture twice as loud', 'all pictures twice as loud']).round(3)

# %% [markdown]
# ## Every critic, every switch

# %% [markdown]
# The switches work on S0's critic as well, which knows nothing of them. For each critic and each norm, seeing lightness or not, with spectral norm or without: it answers, its gradient reaches the color, it depends on $L$ if and only if it is conditional, and after some passes in training the largest singular value of each layer is 1 where spectral norm is on.

# %%
def largest(net):
    "The largest singular value of each layer of `net` that has spectral norm, as the next pass would use it"
    layers = [o for o in net.modules() if is_parametrized(o, 'weight')]
    rows = lambda o: o.weight.transpose(0, 1) if isinstance(o, nn.ConvTranspose2d) else o.weight
    return torch.stack([torch.linalg.matrix_norm(rows(o).detach().flatten(1), 2) for o in layers])

kinds = {
    'S0': lambda c, **kw: adapt(S0Critic(32, 2, conditional=c), **kw),
    'S2': lambda c, **kw: S2Critic((32, 32), conditional=c, widths=(4, 8, 8, 8), **kw),
    'S2, pooled': lambda c, **kw: S2Critic(None, conditional=c, widths=(4, 8, 8, 8), **kw),
    'S4': lambda c, **kw: S4Critic(2, c, 8, **kw)}

# %%
torch.manual_seed(seed)
rgb = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size=32)]).permute(0, 3, 1, 2)/255
L,ab = split_lab(rgb)
for name,make in kinds.items():
    for c in (False, True):
        for norm in norms:
            L_,ab_ = L.clone().requires_grad_(),ab.clone().requires_grad_()
            net = make(c, norm=norm)
            gL,gab = torch.autograd.grad(net(L_, ab_).square().sum(), (L_, ab_), allow_unused=True)
            test_eq((gL is not None and gL.abs().max().item() > 0, gab.abs().max().item() > 0), (c, True))
list(kinds)

# %%
torch.manual_seed(seed)
rows = {}
for name,make in kinds.items():
    if name == 'S0': continue
    before,net = largest(limit(make(True, norm='none'))).max().item(),make(True, norm='none', spectral=True)
    with torch.no_grad():
        for _ in range(40): net(L, ab)
    after = largest(net.eval())
    test_close(after, torch.ones(len(after)), eps=2e-2)
    test_eq(len(list(net.parameters())), len(list(make(True, norm='none').parameters())))
    with torch.no_grad(): test_eq(copy.deepcopy(net)(L, ab), net(L, ab))
    rows[name] = after.tolist()
test_eq(len([o for o in limit(limit(S4Critic(nf=8))).modules() if is_parametrized(o, 'weight')]), 5)
test_fail(lambda: S4Critic(norm='layer'), exc=UsageError, contains='batch, instance, group, none')
rows

# %% [markdown]
# ## What we have
#
# - `S2Critic`, 22,388,721 weights at 90x120, COLORGAN's by its parameters, and at any size with a global pool;
# - `S4Critic`, 2,766,529 weights, with its $ab$-only form, and patches that are 70 pixels where the norm allows it;
# - the switches of [chapter 03](layers.ipynb), norms and spectral norm, for every critic, S0's too.

# %% [markdown]
# ## Exercises
#
# 1. Train `S2Critic(None)` and `S2Critic((32, 32))` to tell right colors from those of another photograph, as in the chapter before. Which learns faster, and which judges new photographs better?
# 2. Put the running statistics of batch norm to use in training (`norm.eval()`), and look at the field again. What could go wrong in a long run?
# 3. How many 5x5 convolutions at stride 1 would a feature need to see 70 pixels, and what would the last of them cost at 128 channels?
