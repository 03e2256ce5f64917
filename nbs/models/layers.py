# %% [markdown]
# # Layers
#
# > Norms, attention and normalization that any network can be fitted with, and the small parts that several systems share
#
# A generator is published with a certain norm, and one of the first questions that users ask is what another would do. The same goes for spectral norm, which critics have and generators can have, and for self-attention, which lets one side of a picture know about the other. In this book they are options of *every* network: one function, `adapt`, exchanges the norms of a finished network, limits its layers, or gives some of its maps attention. We look at each of the three by itself first, in cases where its answer is known beforehand. Smaller parts that more than one system needs stand at the end: what a critic looks at, and how noise becomes a map.

# %%
#| default_exp models.layers

# %% tags=["parameters"]
size,seed = 64,3

# %%
#| export
import math, torch, torch.nn.functional as F
from torch import nn, Tensor
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized
from colorbook.core import UsageError

# %%
#| hide
import copy, numpy as np, pandas as pd
from fastcore.test import *
from torch.nn.utils.parametrize import remove_parametrizations
from colorbook.data.photos import sample_photos
from colorbook.models.inspect import n_weights, unreached
from colorbook.color.lab import show_row, split_lab

# %% [markdown]
# ## Three norms

# %% [markdown]
# All three take values away from their mean, divide by their deviation, and give each channel a scale $\gamma_c$ and a shift $\beta_c$ of its own:
#
# $$y=\gamma_c\,\frac{x-\mu_S}{\sqrt{\sigma_S^2+\epsilon}}+\beta_c$$
#
# They differ in the set $S$ over which mean and deviation are taken. *Batch* norm [@ioffe2015] takes one channel over all pictures of the batch, and stored statistics when training is over. *Instance* norm [@ulyanov2016] takes one channel of one picture, always. *Group* norm [@wu2018] takes several channels of one picture, here 32 groups, or as many as divide the channels. So a batch norm is a constant scale in use and can be folded into the layer before it; the other two have to be computed for every picture.
#
# Torch's instance norm refuses a map of a single cell, which has no deviation. Networks for any size meet such maps in small pictures, and S0's critic ends in one. By the formula the answer would be the shift, whatever the picture, and nothing behind such a norm could learn; so ours leaves a lone cell unmeasured, and only scales and shifts it.

# %%
#| export
class InstanceNorm(nn.InstanceNorm2d):
    "Instance norm (Ulyanov et al. 2016) with scale and shift, which leaves maps of a single cell unmeasured"
    def __init__(self,
        nf:int, # channels
    ):
        super().__init__(nf, affine=True)
    def forward(self, x):
        var,mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
        scale,shift = (o.view(-1, 1, 1) for o in (self.weight, self.bias))
        alone = torch.scalar_tensor(x.shape[2]*x.shape[3], device=x.device) == 1  # no `if`: exported for any size
        return torch.where(alone, x, (x - mean)*(var + self.eps).rsqrt())*scale + shift

# %%
#| export
norms = dict(
    batch=nn.BatchNorm2d,
    instance=InstanceNorm,
    group=lambda nf: nn.GroupNorm(math.gcd(32, nf), nf),
    none=lambda nf: nn.Identity())

def norm_of(
    kind:str, # key of `norms`
    nf:int, # channels
) -> nn.Module: # with a scale and a shift for each channel, except 'none'
    "A norm by its name: batch (Ioffe and Szegedy 2015), instance (Ulyanov et al. 2016), group (Wu and He 2018), none"
    if kind not in norms: raise UsageError(f"there is no norm '{kind}'", f"choose {', '.join(norms)}")
    return norms[kind](nf)

# %% [markdown]
# We compare each with the formula written out, and a group norm whose groups have one channel with instance norm, which it then is. All three have two parameters a channel, so an exchange changes no count. The fourth entry of the table is no norm at all, and has none.

# %%
def standard(x, dims): return (x - x.mean(dims, keepdim=True))/(x.var(dims, correction=0, keepdim=True) + 1e-5).sqrt()

torch.manual_seed(seed)
x = torch.randn(4, 64, 5, 7)*(torch.rand(4, 64, 1, 1) + .5) + torch.randn(4, 64, 1, 1)
test_close(norm_of('batch', 64)(x), standard(x, (0, 2, 3)), eps=1e-5)
test_close(norm_of('instance', 64)(x), standard(x, (2, 3)), eps=1e-4)
test_close(norm_of('group', 64)(x), standard(x.view(4, 32, 2, 5, 7), (2, 3, 4)).view_as(x), eps=1e-4)
test_close(F.instance_norm(x), norm_of('instance', 64)(x), eps=1e-5)
test_eq(norm_of('instance', 64)(x[...,:1,:1]).detach(), x[...,:1,:1])
test_close(nn.GroupNorm(64, 64)(x), norm_of('instance', 64)(x), eps=1e-4)
test_eq([norm_of('group', o).num_groups for o in (512, 24, 7)], [32, 8, 1])
test_eq({o: n_weights(norm_of(o, 64)) for o in norms}, dict(batch=128, instance=128, group=128, none=0))
test_fail(lambda: norm_of('layer', 8), exc=UsageError, contains='batch, instance, group, none')
norm_of('group', 24)

# %% [markdown]
# Two things follow for colorization. With batch norm, in training, a picture's answer depends on which others happen to be in the batch. With instance norm it does not, but a channel that is $ax+b$ looks like one that is $x$: the norm cannot tell a dim picture from a bright one of the same shapes. Group norm, having several channels in a group, still can; the number below is how much its answer moves. In @fig-norms compare the pairs: after batch norm the second picture is still the paler one, after instance norm the two are the same.

# %%
def looks(kind):
    "Does the first picture's answer depend on the others?"
    pictures = torch.randn(3, 64, 4, 4, requires_grad=True)
    out = norm_of(kind, 64).train()(pictures)[0]
    slopes = torch.autograd.grad((out*torch.randn_like(out)).sum(), pictures)[0]
    return slopes[1:].abs().max().item() > 0

test_eq({o: looks(o) for o in norms}, dict(batch=True, instance=False, group=False, none=False))
a,b = torch.rand(64, 1, 1) + .5,torch.randn(64, 1, 1)
test_close(norm_of('instance', 64)(a*x + b), norm_of('instance', 64)(x), eps=1e-3)
change = (norm_of('group', 64)(a*x + b) - norm_of('group', 64)(x)).abs().mean()
assert change > .1
change

# %%
#| label: fig-norms
#| fig-cap: "A photograph and a copy of half the contrast, as a batch: before, after batch norm, after instance norm."
photo = torch.from_numpy(np.array(sample_photos(2*size)[0])).permute(2, 0, 1)[None]/255
L = split_lab(photo)[0]
two = torch.cat([L, .15 + L/2])
shown = [two, *(norm_of(o, 1).train()(two).detach()/5 + .5 for o in ('batch', 'instance'))]
test_close(shown[2][0], shown[2][1], eps=1e-2)
assert (shown[1][0] - shown[1][1]).abs().mean() > .05
show_row([o for two in shown for o in two], [f'{k}{i}' for k in ('L ', 'batch ', 'instance ') for i in (1, 2)])

# %% [markdown]
# ## Exchange

# %% [markdown]
# A norm can be exchanged in a finished network. The new one takes over scale and shift; one that is of the wanted kind already stays as it is. Some networks, those of timm among them, keep an activation inside their norm, and it is kept.

# %%
#| export
def swap_norms(
    net:nn.Module, # changed in place
    kind:str, # key of `norms`
) -> nn.Module: # the same
    "Every norm of a network exchanged for another; scales and shifts stay"
    for m in list(net.modules()):
        for name,old in list(m.named_children()):
            if not isinstance(old, (nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm)): continue
            new = norm_of(kind, len(old.weight))
            if type(new) is type(old): continue
            if kind != 'none': new.weight,new.bias = old.weight,old.bias
            setattr(m, name, nn.Sequential(new, old.act) if hasattr(old, 'act') else new)
    return net

# %%
def small(): return nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Sequential(nn.BatchNorm2d(8)))
torch.manual_seed(seed)
net,L8 = small(),torch.rand(2, 1, 8, 8)
nn.init.normal_(net[1].weight)
other = swap_norms(copy.deepcopy(net), 'instance')
h = net[0](L8)
test_close(other(L8), F.instance_norm(F.instance_norm(h, weight=net[1].weight).relu()), eps=1e-4)
test_eq(n_weights(other), n_weights(net))
for kind,want in (('batch', net(L8)), ('none', h.relu())): test_close(swap_norms(copy.deepcopy(net), kind)(L8), want)
test_eq(n_weights(swap_norms(copy.deepcopy(net), 'none')), n_weights(net[0]))
fused = nn.Sequential(nn.BatchNorm2d(4))
fused[0].act = nn.ReLU()
test_eq(swap_norms(fused, 'group')(x[:,:4]).min().detach(), 0.)
other

# %% [markdown]
# ## Spectral norm

# %% [markdown]
# Spectral norm [@miyato2018] keeps the slope of a [critic](critics.ipynb#spectral-norm) finite; S3 and SAGAN [@zhang2019] have it in the generator as well, where it keeps one network from running away from the other. Each layer's weights, as a matrix with a row for every output channel, are divided by their largest singular value, the largest factor by which the layer can stretch its input. That value is estimated by one step of power iteration (multiply a vector by the matrix and its transpose, and scale it to length 1) in each training pass. When training is over the divisor is a constant, and the weights can be divided once and for all.

# %%
#| export
def limit(
    net:nn.Module, # changed in place
) -> nn.Module: # the same
    "Spectral norm (Miyato et al. 2018) on every convolution and every dense layer that has none yet"
    for m in list(net.modules()):
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)) and not is_parametrized(m): spectral_norm(m)
    return net

# %% [markdown]
# We start two layers with weights that are far too large and let fifty passes go by. The two numbers are the largest singular values afterwards: 1, as wanted. Dividing the weights for good then changes no answer and no number of parameters.

# %%
torch.manual_seed(seed)
net = limit(nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.ConvTranspose2d(16, 2, 4, 2)))
for m in net[::2]: nn.init.normal_(m.parametrizations.weight.original, 0, 3)
with torch.no_grad():
    for _ in range(50): net.train()(L8)
    out = net.eval()(L8)
def largest(m):
    w = m.weight.transpose(0, 1) if isinstance(m, nn.ConvTranspose2d) else m.weight
    return torch.linalg.matrix_norm(w.flatten(1), 2)

for m in net[::2]: test_close(largest(m), 1, eps=1e-2)
flat = copy.deepcopy(net)
for m in flat[::2]: remove_parametrizations(m, 'weight')
test_close(flat(L8), out, eps=1e-6)
test_eq((n_weights(flat), is_parametrized(flat[0]), limit(net) is net), (n_weights(net), False, True))
[largest(m).item() for m in flat[::2]]

# %% [markdown]
# ## Self-attention

# %% [markdown]
# A convolution knows its surroundings. That the two sleeves of a coat have the same color is known only where a receptive field has both, and after many layers. Self-attention [@zhang2019] lets every place ask all places at once. From a map $x$ with $N=HW$ places come queries $q=W_qx$ and keys $k=W_kx$ with an eighth of the channels, and values $v=W_vx$:
#
# $$y_i=x_i+\gamma\sum_{j=1}^{N}a_{ij}v_j,\qquad a_{ij}=\frac{e^{q_i\cdot k_j}}{\sum_{j'}e^{q_i\cdot k_{j'}}}$$
#
# The number $\gamma$ is learned and starts at 0, so that a network begins as if there were no attention and takes as much of it as helps. The price is in $a$: $N^2$ numbers, 157 million for a map of 112x112, 1 million for one of 32x32. It belongs on small maps.

# %%
#| export
class SelfAttention(nn.Module):
    "SAGAN's self-attention (Zhang et al. 2019, eq. 1-3), with values of full width as in S1"
    def __init__(self,
        nf:int, # channels
    ):
        super().__init__()
        self.query,self.key = nn.Conv2d(nf, max(1, nf//8), 1),nn.Conv2d(nf, max(1, nf//8), 1)
        self.value,self.gamma = nn.Conv2d(nf, nf, 1),nn.Parameter(torch.zeros(1))
    def weights(self,
        x:Tensor, # `bs`x`nf`xHxW
    ) -> Tensor: # `bs`xHWxHW, rows sum to 1: how much each place takes from each
        "The attention"
        return (self.query(x).flatten(2).transpose(1, 2) @ self.key(x).flatten(2)).softmax(-1)
    def forward(self,
        x:Tensor, # `bs`x`nf`xHxW
    ) -> Tensor: # the same shape
        return x + self.gamma*(self.value(x).flatten(2) @ self.weights(x).transpose(1, 2)).reshape(x.shape)

# %% [markdown]
# Four answers are known beforehand. With $\gamma=0$ attention is exactly the identity. With queries of 0 every place takes the mean of all values. A permutation of places permutes the answer and does nothing else: attention does not know what is beside what. And with $\gamma\ne0$ each place depends on all others, at any distance. The two layers of S1, on 128 and 64 channels, have its 25,842 parameters.

# %%
torch.manual_seed(seed)
attend,x = SelfAttention(16),torch.randn(2, 16, 4, 6)
test_eq(attend(x).detach(), x)
attend.gamma.data.fill_(.7)
order = torch.randperm(24)
shuffle = lambda o: o.flatten(2)[...,order].view_as(o)
test_close(attend(shuffle(x)), shuffle(attend(x)), eps=1e-5)
test_close(attend.weights(x).sum(-1), 1, eps=1e-5)
x.requires_grad_()
assert (torch.autograd.grad(attend(x)[0,:,0,0].sum(), x)[0][0].abs().sum(0) > 0).all()
test_eq(unreached(attend, x.detach()), ['key.bias'])
for o in attend.query.parameters(): nn.init.zeros_(o)
test_close(attend(x), x + .7*attend.value(x).mean((2, 3), keepdim=True), eps=1e-5)
test_eq(sum(n_weights(SelfAttention(o)) for o in (128, 64)), 25_842)
attend.weights(x).shape

# %% [markdown]
# One parameter gets no gradient: the bias of the keys adds the same $q_i\cdot b$ to a whole row before its softmax, which cancels. SAGAN has it, and so have we.
#
# If queries and keys are simply the color, one can see what attention does. @fig-attention marks two places of a photograph in red and shows for each, bright, from where it would take: from everything that has its color, wherever it is.

# %%
#| label: fig-attention
#| fig-cap: "A photograph with two places, and the attention of each, if queries and keys are the color itself."
L,ab = split_lab(F.avg_pool2d(photo, 4))
color = SelfAttention(3)
for o in (color.query, color.key): o.weight.data,o.bias.data = torch.eye(3)[...,None,None]*7,torch.zeros(3)
unit = F.normalize(torch.cat([ab, torch.full_like(L, .1)], 1))
side,places = L.shape[-1],[(4, 4), (22, 12)]
with torch.no_grad(): maps = color.weights(unit)[0].view(side, side, side, side)
marked = F.avg_pool2d(photo, 4)[0].clone()
for y,x_ in places: marked[:,y,x_] = torch.tensor([1., 0, 0])
for y,x_ in places: assert maps[y,x_,y,x_] > maps[y,x_].median()
show_row([marked, *((maps[p]/maps[p].max())[None] for p in places)], ['photo', *map(str, places)], width=6)

# %% [markdown]
# ## All of it, on any network

# %% [markdown]
# `adapt` makes all of these changes to a finished network. Places for attention are given by the names of modules, as `named_modules` lists them; the module's last layer tells how many channels there are. Spectral norm comes last, so that it also holds the attention's layers.

# %%
#| export
def width_of(
    m:nn.Module,
) -> int: # channels
    "Channels that a module puts out, by its last layer that has channels"
    kinds = nn.Conv2d,nn.ConvTranspose2d,nn.BatchNorm2d
    return [getattr(o, 'out_channels', None) or o.num_features for o in m.modules() if isinstance(o, kinds)][-1]

# %%
#| export
def adapt(
    net:nn.Module, # changed in place
    norm:str=None, # key of `norms`; None leaves those that are there
    spectral:bool=False, # spectral norm on all layers?
    attention:tuple=(), # names of modules whose output gets self-attention
) -> nn.Module: # the same
    "A network with other norms, with self-attention, with spectral norm"
    for name in attention:
        try: m,(home,_,last) = net.get_submodule(name),name.rpartition('.')
        except AttributeError as e: raise UsageError(f"the network has no '{name}'", 'see named_modules') from e
        setattr(net.get_submodule(home), last, nn.Sequential(m, SelfAttention(width_of(m))))
    if norm: swap_norms(net, norm)
    return limit(net) if spectral else net

# %%
torch.manual_seed(seed)
net = small().eval()
with torch.no_grad():
    out = net(L8)
    test_eq(adapt(net, attention=('1',))(L8).detach(), out.detach())
test_eq(net[1][1].value.weight.shape, (8, 8, 1, 1))
adapt(net, 'instance', spectral=True)
kinds = [type(o) for o in net.modules()]
test_eq((kinds.count(InstanceNorm), kinds.count(nn.BatchNorm2d)), (2, 0))
test_eq(sum(is_parametrized(o) for o in net.modules()), 1 + 3)
test_fail(lambda: adapt(net, attention=('ups.1',)), exc=UsageError, contains='ups.1')
[k for k,o in net.named_modules() if is_parametrized(o)]

# %% [markdown]
# ## RGB for a backbone

# %% [markdown]
# A network that was trained to recognize things expects RGB that was normalized channel by channel, $(g-m_c)/s_c$. There are two habits: torchvision's networks have the means and deviations of ImageNet, TensorFlow's have one half for all.

# %%
#| export
IMAGENET_NORM = (.485, .456, .406),(.229, .224, .225)
TF_NORM = (.5,)*3,(.5,)*3

class Normalize(nn.Module):
    "RGB in 0..1 as a pretrained network expects it"
    def __init__(self,
        mean:tuple=IMAGENET_NORM[0], # of each channel
        std:tuple=IMAGENET_NORM[1], # of each channel
    ):
        super().__init__()
        for k,v in dict(mean=mean, std=std).items(): self.register_buffer(k, torch.tensor(v).view(3, 1, 1), False)
    def forward(self, x): return (x - self.mean)/self.std

# %%
test_close(Normalize()(torch.tensor([.485, .456, .406]).view(1, 3, 1, 1)), 0, eps=1e-6)
test_close(Normalize()(torch.ones(1, 3, 1, 1)).flatten(), torch.tensor([.515/.229, .544/.224, .594/.225]), eps=1e-5)
test_close(Normalize(*TF_NORM)(photo), photo*2 - 1, eps=1e-6)
test_eq(Normalize().state_dict(), {})
Normalize()(photo).mean((0, 2, 3))

# %% [markdown]
# ## What a critic looks at

# %% [markdown]
# A critic sees either a color picture alone or a pair: the lightness that the generator was given and the color that it answered. A generator may answer at a lower resolution than it was asked (ours works at a quarter), so the lightness is averaged to the color's size. Both then lie in about -1..1.

# %%
#| export
def concat_condition(
    L:Tensor, # lightness in 0..1, `bs`x1xHxW
    color:Tensor, # color to judge, about -1..1, `bs`xCxhxw
) -> Tensor: # `bs`x(1+C)xhxw: lightness in -1..1 as the first channel, then the color
    "What a conditional critic looks at: `L`, averaged to the size of `color`, and `color`"
    return torch.cat([F.interpolate(L, color.shape[-2:], mode='area')*2 - 1, color], 1)

# %%
squares = torch.tensor([[0., 1], [1, 0]]).repeat(2, 2)[None,None]
both = concat_condition(squares, torch.zeros(1, 2, 2, 2))
test_eq(both.shape, (1, 3, 2, 2))
test_eq(both[0,0].tolist(), [[0., 0], [0, 0]])
test_eq(concat_condition(squares, torch.zeros(1, 2, 4, 4))[0,0,0].tolist(), [-1, 1, -1, 1])
both[0,0]

# %% [markdown]
# Most critics are stacks of one block: a convolution, a batch norm, and a leaky ReLU of slope 0.2. The first block goes without the norm, in S2 as in S4 as in the DCGAN that both descend from, so that the scale of the input, how colorful the picture is, can be seen at all.

# %%
#| export
def critic_block(
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
# A patch critic gives a map of verdicts for color of any size down to a smallest one: each convolution shortens the sides, and one verdict has to be left. The smallest side follows from the last layer to the first, $n\leftarrow(n-1)\,s+2$, and is 24 pixels for five of them with strides 2, 2, 2, 1, 1. It is the side of the *color*: a generator that answers at a quarter needs pictures of 96.

# %%
#| export
def check_side(
    color:Tensor, # what a patch critic is asked to judge
    strides:tuple, # of its 4x4 convolutions, padded by one pixel
):
    "Raise a `UsageError` if `color` is too small for a single verdict"
    n,(h,w) = 1,color.shape[-2:]
    for s in reversed(strides): n = (n - 1)*s + 2
    if min(h, w) >= n: return
    raise UsageError(f'the patch critic judges color of at least {n}x{n} pixels and got {h}x{w}',
        'train on larger pictures, let the generator answer at full size, or give the critic fewer or smaller strides')

# %% [markdown]
# What a norm does to a critic can be seen on one layer and its norm alone. Multiply a picture by two. Behind instance and group norm the two are the same picture (the zeros in the table): how colorful it is has been removed, and a critic of color needs just that. So the first block has no norm. Behind batch norm the difference from the batch's other pictures stays, except in a batch where *all* are twice as colorful.

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
# ## Noise

# %% [markdown]
# A gray photograph has many possible colorings, and noise can choose between them. [S2](s2.ipynb) has a vector $z$ of 100 numbers, each uniform in -1..1, for the whole picture. We allow anything from one vector to one for each pixel: what is given is enlarged smoothly to the picture's size. A coarse map of noise makes colors that belong together over patches of the picture.
#
# If no noise is given, a fresh vector is drawn for each picture in training. Afterwards it is zero, the middle of all choices, so that the same picture has the same answer. @fig-noise shows three channels of noise as red, green and blue.

# %%
#| export
def draw_noise(
    n:int, # pictures
    z_dim:int, # numbers for each
    size:tuple=(), # (h, w) for a map; one vector a picture if empty
    seed:int=None, # draw the same again; None for torch's own generator
) -> Tensor: # `n`x`z_dim`, or `n`x`z_dim`xhxw
    "Noise, uniform in -1..1 (S2)"
    g = None if seed is None else torch.Generator().manual_seed(seed)
    return torch.rand(n, z_dim, *size, generator=g)*2 - 1

# %%
#| export
def noise_map(
    z:Tensor, # `bs`x`z_dim`, or `bs`x`z_dim`xhxw of any size
    L:Tensor, # `bs`x1xHxW
) -> Tensor: # `bs`x`z_dim`xHxW
    "Noise as a map of the size of `L`"
    return F.interpolate(z if z.dim() == 4 else z[...,None,None], L.shape[-2:], mode='bilinear', align_corners=False)

# %%
#| export
class WithNoise:
    "A network of `z_dim` numbers of noise"
    def noise(self,
        L:Tensor, # `bs`x1xHxW
    ) -> Tensor: # `bs`x`z_dim`
        "What stands in where no noise is given: a fresh draw in training, zeros afterwards"
        z = L.new_zeros(len(L), self.z_dim)
        return z.uniform_(-1, 1) if self.training else z

# %%
#| label: fig-noise
#| fig-cap: "Three channels of noise as color: one vector for the picture, a map of 4x6, and one for each pixel."
L = torch.rand(1, 1, 40, 60)
maps = [noise_map(draw_noise(1, 3, o, seed), L) for o in ((), (4, 6), (40, 60))]
one = draw_noise(1, 3, seed=seed)
test_close(maps[0], one[...,None,None].expand(1, 3, 40, 60), eps=1e-6)
test_close(maps[2], draw_noise(1, 3, (40, 60), seed), eps=1e-6)
test_ne(draw_noise(1, 3), draw_noise(1, 3))
test_close(draw_noise(99, 99, seed=0).var(), 1/3, eps=.01)
assert all(o.abs().max() <= 1 for o in maps)
show_row([o[0]/2 + .5 for o in maps], width=6)

# %% [markdown]
# ## What we have
#
# - one table of norms, `norms`, for generators and critics alike, and what each can and cannot see;
# - `SelfAttention`, which starts as the identity and reaches every place from every place;
# - `adapt`, which fits any network with them, and with spectral norm;
# - `Normalize`, `concat_condition`, `critic_block`, `check_side`, `draw_noise` and `noise_map`, the small parts that several networks share.

# %% [markdown]
# ## Exercises
#
# 1. Let `InstanceNorm` answer to a map of a single cell with its shift, as the formula does. What does that mean for a network that halves its picture until one cell is left?
# 2. Fold an instance norm into the convolution before it. Which number is missing, and when would you know it?
# 3. Add something of the place to what queries and keys are made of, so that attention knows what is beside what. Which of the four answers is no longer right?
