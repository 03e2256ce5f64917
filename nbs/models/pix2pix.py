# %% [markdown]
# # pix2pix
#
# > S4's generator and critic: eight halvings to a single cell with every skip concatenated, and a verdict for every patch
#
# S4 compares losses, and to compare them it takes the generator that most others took: the U-Net of pix2pix, which halves a picture of 256 pixels until one cell is left and joins what it saw on the way down, all of it, to what it draws on the way up. We build it in both of S4's forms, with transposed convolutions and with plain enlargement, and give it noise where it is wanted. Then comes S4's critic, which judges patches of 70 pixels, and a question that one should ask of such a critic: does a patch depend on its own pixels only?

# %%
#| default_exp models.pix2pix

# %% tags=["parameters"]
size,seed = 64,4

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.core import InputError, UsageError
from colorbook.models.layers import adapt, check_side, concat_condition, critic_block, noise_map, norm_of, WithNoise
from colorbook.models.registry import critics, generators

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.models.inspect import extent, field, n_weights, one_step, reach, unreached
from colorbook.color.lab import show_row
from colorbook.models.layers import draw_noise, norms

# %% [markdown]
# ## Down and up

# %% [markdown]
# A block down is a 4x4 convolution of stride 2, batch norm (not in the first), and a leaky ReLU of slope 0.2. Channels double from 64 to 512 and stay there. A block up doubles the size, and has batch norm and ReLU; the first drops half of its values in training (dropout), which pix2pix [@isola2017] uses as its noise. There are two ways to double. A transposed convolution of 4x4 learns to enlarge. With stride 2 every pixel is made of four of its weights, but even and odd pixels use different ones, so until these agree it leaves a checkerboard. Enlarging by repetition followed by a 3x3 convolution leaves none, and has 9 weights instead of 16.
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
# What they do with a constant map shows the difference. Compare the middles of the two pictures in @fig-checker: repetition keeps it constant, whatever the weights, except at the edge; of transposed convolutions with random weights a pattern remains.

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
# where the last, $u_1$, has two channels and a `tanh`: color. At 256 pixels $d_8$ is a single cell. A batch norm can still work there, over the batch, if there is more than one picture in it; an [instance norm](layers.ipynb#three-norms) would take the cell's own value as its mean and leave nothing. So the innermost block has a norm only where it is batch norm. Small pictures do not need eight halvings: `depth` says how many, and other sizes are padded to a multiple of $2^\text{depth}$ by repeating the edge, as in [The first model's U-Net](unet.ipynb).
#
# Noise, which S4 asks for as well, is joined to the lightness at the input: `z_dim` maps, made from a vector or from a map as in [S2](s2.ipynb). S4 scales lightness to $L/50-1$, which happens inside, and color to $a/110$, as we do everywhere.

# %%
#| export
class Pix2PixGenerator(WithNoise, nn.Module):
    "S4's generator, the U-Net-256 of pix2pix (Isola et al. 2017, appendix 6.1): L to color in -1..1"
    def __init__(self,
        up:str='nearest', # key of `doublings`: S4's UPCONVS 1 is 'nearest' (39.3 M), 0 'transposed' (54.7 M)
        depth:int=8, # halvings
        nf:int=64, # channels of the first block
        n_out:int=2, # channels: 2 for color, 3 for RGB
        n_in:int=1, # channels of the input: 1 for lightness, 3 for RGB in 0..1
        z_dim:int=0, # numbers of noise, see `colorbook.models.layers.draw_noise`; 0 for none
        norm:str='batch', # key of `colorbook.models.layers.norms`
        **options, # see `colorbook.models.layers.adapt`
    ):
        if up not in doublings: raise UsageError(f"there is no '{up}'", f"choose {', '.join(doublings)}")
        super().__init__()
        self.depth,self.z_dim,widths = depth,z_dim,[nf*min(2**i, 8) for i in range(depth)]
        inner = norm if norm == 'batch' else None
        kinds = [None] + [norm]*(depth - 2) + [inner]
        self.downs = nn.ModuleList([halve(i, o, n) for i,o,n in zip([n_in + z_dim] + widths, widths, kinds)])
        outs = [max(o, 2*nf) for o in widths[-2::-1]]
        ins = widths[-1:] + [a + b for a,b in zip(outs, widths[-2::-1])]
        self.ups = nn.ModuleList([double(i, o, up, norm, 0. if k else .5) for k,(i,o) in enumerate(zip(ins, outs))])
        self.head = doublings[up](ins[-1], n_out, bias=True)
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)): nn.init.normal_(m.weight, 0, .02)
        adapt(self, **options)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, any size; or `n_in` channels
        z:Tensor=None, # noise in -1..1, `bs`x`z_dim`, or a map `bs`x`z_dim`xhxw; see `noise`
    ) -> Tensor: # color in -1..1, `bs`x`n_out`xHxW
        (h,w),m,x,skips = L.shape[-2:],2**self.depth,L*2 - 1,[]
        if self.z_dim: x = torch.cat([x, noise_map(self.noise(L) if z is None else z, L)], 1)
        x = F.pad(x, (0, -w%m, 0, -h%m), mode='replicate')
        if not torch.compiler.is_exporting(): check_cells(self, x)
        for d in self.downs:
            x = d(x)
            skips.append(x)
        for u,skip in zip(self.ups, skips[-2::-1]): x = torch.cat([u(x), skip], 1)
        return self.head(x).tanh()[...,:h,:w]
    def color(self, out): return out

def _depth(size): return min(8, size.bit_length() - 1) # halvings until a single cell is left

@generators('pix2pix')
def _pix2pix(size=256): return Pix2PixGenerator(depth=_depth(size))

@generators('pix2pix_transposed')
def _pix2pix_transposed(size=256): return Pix2PixGenerator('transposed', depth=_depth(size))

@generators('pix2pix_noise', noise=True)
def _pix2pix_noise(size=256): return Pix2PixGenerator(depth=_depth(size), z_dim=8)

@generators('pix2pix_batch')
def _pix2pix_batch(): return Pix2PixGenerator(depth=5, nf=16)

@generators('pix2pix_rgb', output='rgb')
def _pix2pix_rgb(): return Pix2PixGenerator(depth=5, nf=24, n_out=3)

@generators('pix2pix_rgb3', output='rgb', n_in=3)
def _pix2pix_rgb3(): return Pix2PixGenerator(depth=5, nf=24, n_out=3, n_in=3)

@generators('pix2pix_instance')
def _pix2pix_instance(): return Pix2PixGenerator(depth=5, nf=16, norm='instance')

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
# S4 gives the numbers of parameters as 39.3 and 54.7 million. Ours agree to a percent, and exactly with the sum of sixteen weights for each pair of channels on the way down and nine or sixteen on the way up. The second cell puts the [questions to any network](inspect.ipynb) to small ones: any size comes out as it went in, every weight learns, one step lowers the loss.

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
# Each halving with a 4x4 kernel adds $3\cdot2^{i-1}$ pixels, so that block $i$ sees $3\cdot2^i-2$: at a depth of eight 766 pixels, three times the side of the picture it is made for. S4's innermost cell has seen everything. The list below is measured on a network of five blocks: 4, 10, 22, 46 and 94 pixels.

# %%
torch.manual_seed(seed)
deep,x = Pix2PixGenerator(depth=5, nf=2).eval(),torch.rand(1, 1, 256, 256)
def cell(i): return lambda o: nn.Sequential(*deep.downs[:i])(o)[0,:,128>>i,128>>i].sum()
views = [extent(field(cell(i), x))[0] for i in range(1, 6)]
test_eq(views, [reach([(4, 2, 1)]*i) for i in range(1, 6)])
test_eq((views, reach([(4, 2, 1)]*8)), ([3*2**i - 2 for i in range(1, 6)], 766))
views

# %% [markdown]
# A skip that is wired wrong still trains, a little worse. Two checks find it. The derivative of the answer with respect to the output of *each* block down has to be different from zero; these are the first numbers below. And when every block up is made to ignore what comes from below (its weights for those channels are set to zero), the answer depends on the first skip alone. How far does it see then? The head's 3x3 kernel covers two cells of $d_1$ in each direction, since each was repeated, and these are 4 pixels wide and 2 apart: 6 pixels, as measured.

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
# With `z_dim` the network gets a hundred more maps as input, or as many as one likes. The first number below is how far two vectors move the answer of an untrained network. S4 also wants its GANs trained *before* colorization, on plain generation, from "z the same size as the input image". That needs nothing new: a map of noise takes the place of the lightness.

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
# ## One generator a channel

# %% [markdown]
# S4 also wanted to generate the channels individually. `ChannelGenerator` is as many networks as channels, each with one channel of output, side by side; the lightness is all that they share.

# %%
#| export
class ChannelGenerator(nn.Module):
    "One generator for each channel (S4's bullet: channels generated individually)"
    def __init__(self,
        nets, # generators with one channel of output, in the order of the channels
    ):
        super().__init__()
        self.nets = nn.ModuleList(nets)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
    ) -> Tensor: # `bs`xKxhxw
        "All channels"
        return torch.cat([net(L) for net in self.nets], 1)
    def color(self, out): return torch.cat([net.color(o) for net,o in zip(self.nets, out.split(1, 1))], 1)

@generators('pix2pix_channels')
def _pix2pix_channels(size=256): return ChannelGenerator(Pix2PixGenerator(depth=_depth(size), n_out=1) for _ in 'ab')

# %%
torch.manual_seed(seed)
two = ChannelGenerator(small(n_out=1) for _ in 'ab').eval()
with torch.no_grad(): test_eq(two.color(two(L)), torch.cat([net(L) for net in two.nets], 1))
slopes = torch.autograd.grad(two(L)[:,0].sum(), list(two.parameters()))
reached = {k.split('.')[1] for (k,_),o in zip(two.named_parameters(), slopes) if o.abs().max() > 0}
test_eq(reached, {'0'})
reached

# %% [markdown]
# ## The critic

# %% [markdown]
# S4's is the patch critic of @isola2017 as published: kernels of 4x4 with strides 2, 2, 2, 1, 1, from lightness and $ab$ to a map of verdicts, with batch norm in the three layers in the middle and weights that start normal with $\sigma=0.02$. S4 has a second one that sees $ab$ alone. What comes after the last convolution depends on the loss: nothing for logits, a sigmoid where S4 has least squares, a leaky ReLU where it has Wasserstein's loss. The number below is that of its weights, equal to the published one.

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
        blocks = [critic_block(i, o, 4, s, 1, n > 0) for n,(i,o,s) in enumerate(zip(chans, chans[1:], strides))]
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
        return self.end(self.layers(concat_condition(L, color) if self.conditional else color))

@critics('s4', mixes=True)
def _s4(n_color=2): return S4Critic(n_color)

@critics('s4_ab', mixes=True)
def _s4_ab(n_color=2): return S4Critic(n_color, conditional=False)

@critics('s4_gp')
def _s4_gp(n_color=2): return S4Critic(n_color, norm='instance', end='leaky')

@critics('s4_sigmoid', mixes=True)
def _s4_sigmoid(n_color=2): return S4Critic(n_color, end='sigmoid')

@critics('s4_leaky', mixes=True)
def _s4_leaky(n_color=2): return S4Critic(n_color, end='leaky')

def _small(n_color=2, strides=(2, 1, 1), **kwargs):
    return S4Critic(n_color, nf=32, strides=strides, norm='none', **kwargs)

@critics('lab')
def _lab(n_color=2): return _small(n_color)

@critics('lab_ab')
def _lab_ab(n_color=2): return _small(n_color, conditional=False)

@critics('lab_full')
def _lab_full(n_color=2): return _small(n_color, (2, 2, 1, 1))

# %%
def rand(bs, h, w, nc=2): return torch.rand(bs, 1, h, w),torch.rand(bs, nc, h, w)*2 - 1
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
# A verdict of this stack has a receptive field of $1+3(1+2+4+8+8)=70$ pixels. For [a critic without norms](critics.ipynb#what-a-verdict-depends-on) the gradient of one verdict shows it. Does it hold *while a critic with norms learns*? A norm that takes its statistics from the pictures at hand makes each verdict depend on everything in the statistics. We take one verdict on the first of two pictures. For each norm the list below has the sides of what it depends on in its own picture, the number of these pixels, and the number of pixels of the *other* picture on which it depends.
#
# Batch norm answers that every verdict depends on every pixel of the whole batch. Instance and group norm keep pictures apart, not patches. Only without such statistics, with spectral norm for example, is the field what the formula says, in training as in use. In evaluation batch norm uses its running means, which are constants, and the 70 pixels come back. In @fig-norm-field each column is a norm: above the picture that is judged, below its neighbor in the batch. Black means no influence.

# %%
torch.manual_seed(seed)
def reached_by(critic, s=112):
    "Gradient of one verdict on the first of two pictures: what it reaches there and in the other"
    x = torch.rand(2, 3, s, s, dtype=torch.float64, requires_grad=True)
    out = critic.double()(x[:,:1], x[:,1:])
    return torch.autograd.grad(out[0,0,6,6], x)[0].abs().sum(1)
def box(grad):
    on = grad > 0
    return on.any(1).sum().item(),on.any(0).sum().item()
slim = dict(nf=8)
grads = {norm: reached_by(S4Critic(norm=norm, **slim)) for norm in norms}
grads['spectral'] = reached_by(S4Critic(norm='none', spectral=True, **slim))
grads['batch, in use'] = reached_by(S4Critic(**slim).eval())
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
# ## What we have
#
# - `Pix2PixGenerator`, in both of S4's forms, 39.3 and 54.7 million parameters, for any size, depth and norm, and with noise at the input;
# - `S4Critic`, 2,766,529 weights, with its form that sees $ab$ alone and its ends; its patches are 70 pixels unless the norm connects them;
# - `ChannelGenerator`, channels generated individually.

# %% [markdown]
# ## Exercises
#
# 1. How much of the answer goes through the innermost cell? Set it to zero and compare, before training and after a short one.
# 2. Add the skips, as [S0](s0.ipynb) does, instead of concatenating them. How many parameters remain?
# 3. Choose the first weights of `transposed` such that @fig-checker shows none of its pattern.
# 4. Put the running statistics of batch norm to use in training (`norm.eval()`), and look at the field again. What could go wrong in a long run?
