# %% [markdown]
# # Three frames
#
# > Generators that look at the frame before and the frame after: S1, and the product's film model
#
# A film colored frame by frame flickers: the network is a little unsure of each color, grain and movement push it to one side or the other, and twenty-four times a second the eye notices. S1's answer is to show its generator three frames at a time. This chapter builds S1's generator and critic with exactly S1's weights, and the product's own temporal generator, which begins as the image model and in which a neighbor may be missing.

# %%
#| default_exp models.temporal

# %% tags=["parameters"]
size,bs,seed = 64,2,13

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.core import InputError, UsageError
from colorbook.color.bins import AnnealedMean
from colorbook.models.encoder_unet import EncoderUNet
from colorbook.models.critics import PatchCritic
from colorbook.models.layers import InstanceNorm, SelfAttention, swap_norms
from colorbook.models.registry import critics, generators
from colorbook.models.s0 import down, he_init, up

# %%
#| hide
from fastcore.test import *
from torch.nn.utils.parametrize import is_parametrized
from colorbook.data.loaders import present
from colorbook.imaging.colorizer import load_model
from colorbook.imaging.sheet import LoopingClip
from colorbook.video.model import color_source, load_film_model
from colorbook.video.read import open_reel
from colorbook.video.steps import paint_frame, prepare, watch, with_colors

# %% [markdown]
# ## Clips and neighbors

# %% [markdown]
# Both generators of this chapter work alike. Every frame is *encoded* by itself. What a frame's neighbors know is then *mixed* into what it knows itself, and the mixture is *decoded* to the color of the frame in the middle. Kept apart, the three steps make a film cheap: S1's published code encodes every frame three times, once as the next, once as the present and once as the previous one, and a player needs to do it once ([the export](../training/export.ipynb)).
#
# A batch of clips is one tensor with the frames as channels, $T+2$ of them, and the answer has the $T$ inner ones, one after the other; with $T=1$ that is S1's (previous, now, next). So Learner, adversary and journal need not know that anything moves, except for one function of the [loaders](../data/loaders.ipynb), `present`, which takes the lightness of the inner frames out for whoever judges the answer. Where a clip begins or ends with its shot there is no neighbor. A frame of $-1$, which no lightness is, says so.

# %%
#| export
def with_neighbors(
    x:Tensor, # lightness of T+2 consecutive frames in 0..1, `bs`x(T+2)xHxW, missing ones -1; or photos, `bs`x1xHxW
) -> tuple[Tensor,Tensor]: # the frames, and for each inner one whether its neighbors are there, (`bs`*T)x2 of 0 and 1
    "A batch of clips and what is missing in it; a photo is a clip without neighbors"
    if x.shape[1] == 1: x = F.pad(x, (0, 0, 0, 0, 1, 1), value=-1.)
    if x.shape[1] == 2: raise UsageError('a clip of two frames has no middle', 'give three or more, or one')
    there = (x[:,:,0,0] >= 0).to(x.dtype)
    return x,torch.stack([there[:,:-2], there[:,2:]], 2).flatten(0, 1)

# %%
#| export
class Temporal:
    "A generator that encodes each frame once, mixes neighbors in and decodes the frame in the middle"
    n_near = 1 # so many of the features, the first ones, are wanted from neighbors
    def forward(self,
        x:Tensor, # see `with_neighbors`
    ) -> Tensor: # answers for the T inner frames of each clip, (`bs`*T)xCxhxw
        x,near = with_neighbors(x)
        feats = [o.unflatten(0, x.shape[:2]) for o in self.encode(x.flatten(0, 1)[:,None])]
        now = [o[:,1:-1].flatten(0, 1) for o in feats]
        prev,after = ([o[:,s].flatten(0, 1) for o in feats[:self.n_near]] for s in (slice(-2), slice(2, None)))
        return self.decode(self.mix(prev, now, after, near))

# %%
x = torch.rand(bs, 5, 8, 8)
x[0,0],x[1,4] = -1,-1
clips,near = with_neighbors(x)
test_eq(near, torch.tensor([[0., 1], [1, 1], [1, 1], [1, 1], [1, 1], [1, 0]]))
test_eq(with_neighbors(x[:,1:2])[1], torch.zeros(bs, 2))
test_fail(lambda: with_neighbors(x[:,:2]), exc=UsageError, contains='no middle')
test_eq(present(x), x[:,1:4].reshape(6, 1, 8, 8))
near

# %% [markdown]
# ## S1's generator

# %% [markdown]
# S1 is [S0](s0.ipynb) with instance norm, and something new at the bottom. Three 1x1 convolutions take the $8n$ channels of the previous frame to $n$, of the present one to $6n$, of the next to $n$; side by side they are $8n$ again, and go through a norm and a leaky ReLU:
#
# $$z=\text{lrelu}_{0.1}\,\text{IN}\left[W_-x_{t-1},\;W_0x_t,\;W_+x_{t+1}\right]$$
#
# The skips come from the present frame alone. So neighbors have a say in *what* is seen, at a 32nd of the size where nobody minds a movement of a few pixels, and none in *where*. Self-attention can be added behind the stages at a quarter and at half of the size. At the ends of a shot S1 repeats the frame it has, and so do we; since each frame is encoded by itself, to repeat its features is the same.
#
# S1's text says "lightness", its code takes torchvision's gray (Rec. 601) from -1 to 1. Our recipe has that gray, too, on the scale of $L$ as in every artifact of this book, stretched to -1..1.

# %%
#| export
class S1Generator(Temporal, nn.Module):
    "S1's generator: S0 with instance norm, three frames fused at the bottleneck, from L to RGB in -1..1"
    def __init__(self,
        nf:int=64, # channels after the first layer; S1's options have 64 in the text and 32 in the code
        attention:bool=False, # self-attention at a quarter and at half of the size?
    ):
        super().__init__()
        enc,dec = [1, nf, 2*nf, 4*nf, 8*nf, 8*nf],[8*nf, 8*nf, 4*nf, 2*nf, nf]
        self.downs = nn.ModuleList([down(i, o) for i,o in zip(enc, enc[1:])])
        self.fuse = nn.ModuleList([nn.Conv2d(8*nf, o, 1, bias=False) for o in (nf, 6*nf, nf)])
        self.blend = nn.Sequential(InstanceNorm(8*nf), nn.LeakyReLU(.1, inplace=True))
        self.ups = nn.ModuleList([up(i, o) for i,o in zip(dec, dec[1:])])
        looks = [SelfAttention(o) if attention and o < 4*nf else nn.Identity() for o in dec[1:]]
        self.looks,self.head = nn.ModuleList(looks),nn.ConvTranspose2d(nf, 3, 3, 2, 1, output_padding=1, bias=False)
        swap_norms(he_init(self), 'instance')
    def forward(self,
        x:Tensor, # see `with_neighbors`; any size
    ) -> Tensor: # RGB in -1..1, (`bs`*T)x3xHxW
        h,w = x.shape[-2:]
        return super().forward(F.pad(x, (0, -w%32, 0, -h%32), mode='replicate'))[...,:h,:w]
    def color(self, out): return out
    def encode(self,
        L:Tensor, # lightness in 0..1, `n`x1xHxW, sides multiples of 32
    ) -> list: # features, smallest first
        x,feats = L*2 - 1,[]
        for d in self.downs:
            x = d(x)
            feats.insert(0, x)
        return feats
    def mix(self, prev, now, after, near):
        p,n = (o.view(-1, 1, 1, 1) for o in near.unbind(1))
        x = now[0]
        each = x + p*(prev[0] - x),x,x + n*(after[0] - x)
        return [self.blend(torch.cat([f(o) for f,o in zip(self.fuse, each)], 1)), *now[1:]]
    def decode(self, feats):
        x = feats[0]
        for u,skip,look in zip(self.ups, feats[1:], self.looks): x = look(u(x) + skip)
        return self.head(x).tanh()

@generators('s1', output='rgb', film=True)
def _s1(): return S1Generator()

@generators('s1_32', output='rgb', film=True)
def _s1_32(): return S1Generator(32)

@generators('s1_attention', output='rgb', film=True)
def _s1_attention(): return S1Generator(attention=True)

@generators('s1_32_attention', output='rgb', film=True)
def _s1_32_attention(): return S1Generator(32, True)

# %% [markdown]
# S1 publishes the number of weights of four variants. We count ours, and for one of them add up the layers by hand. Three quarters of the 512 channels at the bottom are the present frame's own.

# %%
def count(net): return sum(o.numel() for o in net.parameters())
with torch.device('meta'):
    made = {(nf, a): count(S1Generator(nf, a)) for nf in (64, 32) for a in (False, True)}
wide = [1*64, 64*128, 128*256, 256*512, 512*512, 512*512, 512*256, 256*128, 128*64, 64*3]
norms = 2*(64 + 128 + 256 + 512 + 512 + 512 + 512 + 256 + 128 + 64)
test_eq(sum(9*o for o in wide) + 512*(64 + 384 + 64) + norms, 8_085_504)
test_eq(made, {(64, False): 8_085_504, (64, True): 8_111_346, (32, False): 2_023_424, (32, True): 2_029_946})
made

# %% [markdown]
# Three things can be checked. The gradient with respect to each of the three frames is not zero, so all of them reach the color in the middle. A missing neighbor answers like a repeated frame. And a clip of three answers gives the same as three triples, though it is worked out in one pass with every frame encoded once.

# %%
torch.manual_seed(seed)
s1,x = S1Generator(8),torch.rand(bs, 3, size, size, requires_grad=True)
slope, = torch.autograd.grad(s1(x).square().sum(), x)
assert (slope.abs().sum((2, 3)) > 0).all()
with torch.no_grad():
    clip = torch.rand(1, 5, 32, 64)
    triples = torch.cat([s1(clip[:,i:i + 3]) for i in range(3)])
    test_close(s1(clip), triples, eps=1e-5)
    alone,twin = clip[:,:3].clone(),clip[:,:3].clone()
    alone[:,0],twin[:,0] = -1,twin[:,1]
    test_close(s1(alone), s1(twin), eps=1e-5)
    assert (s1(alone) - triples[0]).abs().max() > 1e-4
    test_eq(s1(torch.rand(1, 3, 45, 61)).shape, (1, 3, 45, 61))
    looking = S1Generator(8, attention=True)
    test_eq([type(o).__name__ for o in looking.looks], ['Identity']*2 + ['SelfAttention']*2)
slope.abs().sum((2, 3))

# %% [markdown]
# ## S1's critic

# %% [markdown]
# A [patch critic](critics.ipynb) of half the width, with spectral norm on all five layers, a slope of 0.01, no bias in the last layer, and no sight of the lightness: `PatchCritic` with two changes. Self-attention, where wanted, goes behind the third and fourth layer.

# %%
#| export
class S1Critic(PatchCritic):
    "S1's PatchGAN: 70 pixels, spectral norm in every layer, blind to lightness"
    def __init__(self,
        nf:int=32, # channels after the first layer
        attention:bool=False, # self-attention on 4*nf and 8*nf channels?
    ):
        super().__init__(3, nf, conditional=False)
        for o in self.layers[1::2]: o.negative_slope = .01
        self.layers[-1].register_parameter('bias', None)
        if not attention: return
        layers = list(self.layers)
        layers.insert(8, SelfAttention(8*nf)); layers.insert(6, SelfAttention(4*nf))
        self.layers = nn.Sequential(*layers)

@critics('s1', colors=('rgb',))
def _s1_critic(): return S1Critic()

@critics('s1_attention', colors=('rgb',))
def _s1_critic_attention(): return S1Critic(attention=True)

# %%
critic = S1Critic()
test_eq(count(critic), 694_240)
test_eq(16*(3*32 + 32*64 + 64*128 + 128*256 + 256) + 32 + 64 + 128 + 256, 694_240)
test_eq([is_parametrized(o, 'weight') for o in critic.layers[::2]], [True]*5)
test_eq({o.negative_slope for o in critic.layers[1::2]}, {.01})
seen = torch.rand(1, 3, 256, 256)
verdict = critic.eval()(torch.rand(1, 1, 256, 256), seen)
test_eq(verdict.shape, (1, 1, 30, 30))
assert torch.equal(critic(torch.zeros(1, 1, 256, 256), seen), verdict)
with_looks = S1Critic(attention=True)
looks = [o for o in with_looks.layers if isinstance(o, SelfAttention)]
test_eq((with_looks(None, seen).shape, [o.value.in_channels for o in looks]), ((1, 1, 30, 30), [128, 256]))
verdict.shape

# %% [markdown]
# ## The product's temporal generator

# %% [markdown]
# S1 starts from nothing. We have an image model, whose encoder comes from the million photographs of ImageNet and whose colors come from some tens of thousands, and a few films, which are many frames and little variety. So the film network should begin as the image model and learn only what a film can teach. At each of four sizes, from a 32nd to a quarter, neighbors enter through 1x1 convolutions of the *difference*:
#
# $$z=x_t+p\,W_-(x_{t-1}-x_t)+n\,W_+(x_{t+1}-x_t),\qquad W_\mp=0\text{ at first}$$
#
# With $p,n$ for "is it there". Written out, this is the identity on the present frame, nothing from its neighbors, plus what is learned, and it has three properties that three free matrices would have to find out. While $W=0$ it is the image model. A missing neighbor counts as one in which nothing has changed, so the ends of a shot are nothing special. And a picture that stands still, or a photo, gets the image model's answer whatever is learned here: films cannot spoil photos. With $W_\mp=\frac13$ it would be the mean of three frames, the simplest cure for flicker, which a network can improve on where things move.
#
# Encoder and running statistics can be kept as they are (`frozen`), which saves the way back through them.

# %%
#| export
class Fusion(nn.Module):
    "What neighbors know, mixed into a frame by how it differs; nothing at first"
    def __init__(self,
        nf:int, # channels
    ):
        super().__init__()
        self.prev,self.after = (nn.Conv2d(nf, nf, 1, bias=False) for _ in range(2))
        for o in (self.prev, self.after): nn.init.zeros_(o.weight)
    def forward(self,
        prev:Tensor, now:Tensor, after:Tensor, # features of three frames, `n`x`nf`xhxw
        near:Tensor, # 1 where the previous and the next frame is there, else 0, `n`x2
    ) -> Tensor: # features like `now`
        p,n = (o.view(-1, 1, 1, 1) for o in near.unbind(1))
        return now + self.prev(p*(prev - now)) + self.after(n*(after - now))

# %%
#| export
class TemporalUNet(Temporal, EncoderUNet):
    "The product's generator for films: the image model, with neighbors fused at four sizes"
    n_near = 4
    def __init__(self,
        encoder='lite0', # see `EncoderUNet`, as the next four
        n_out:int=313,
        widths:tuple=(256, 192, 128, 64),
        state:dict=None,
        color:nn.Module=None,
        frozen:bool=False, # leave encoder and running statistics as they are
    ):
        super().__init__(encoder, n_out, 4, widths, state, color)
        near = widths[0],*self.encoder.channels[-2::-1]
        self.frozen,self.fuse = frozen,nn.ModuleList([Fusion(o) for o in near])
    def groups(self):
        "Parameters of the image model, without its encoder where that is frozen, and those of the fusion"
        near = list(self.fuse.parameters())
        known = {id(p) for p in near + (list(self.encoder.parameters()) if self.frozen else [])}
        return [[p for p in self.parameters() if id(p) not in known], near]
    def train(self, mode=True):
        super().train(mode)
        for m in self.modules():
            if self.frozen and isinstance(m, nn.BatchNorm2d): m.eval()
        return self
    def encode(self,
        L:Tensor, # lightness in 0..1, `n`x1xHxW, sides multiples of 32
    ) -> list: # features at 1/32, 1/16, 1/8 and 1/4 of the size
        if not torch.compiler.is_exporting() and any(o%32 for o in L.shape[-2:]):
            raise InputError(f'{L.shape[-1]}x{L.shape[-2]} pixels: sides are no multiples of 32', 'resize or pad first')
        *skips,x = torch.no_grad()(self.encoder)(L) if self.frozen else self.encoder(L)
        x = self.bottom(x)
        return [x + self.look(x), *skips[::-1]]
    def mix(self, prev, now, after, near):
        return [f(*o, near) for f,*o in zip(self.fuse, prev, now, after)]
    def decode(self, feats): return self.rise(*feats)

# %% [markdown]
# The weights of an image model go in by their names; what is missing then is the fusion alone.

# %%
#| export
def from_image_model(
    net:TemporalUNet, # changed in place
    state:dict, # weights of an `EncoderUNet` with the same encoder, widths and output
) -> TemporalUNet: # the same, which now answers as the image model does
    "An image model made into a temporal one"
    missing,extra = net.load_state_dict({k: v for k,v in state.items() if k in net.state_dict()}, strict=False)
    lost = [o for o in missing if not o.startswith('fuse')] + sorted(set(state) - set(net.state_dict()))
    if lost: raise InputError(f'these are no weights of the image model: {lost[0]}', 'give a run of such a recipe')
    return net

@generators('temporal', output='bins4', film=True, weights='image')
def _temporal(state=None):
    image = state is not None and any(o.startswith('encoder.') for o in state)
    net = TemporalUNet(state=None if image else state, color=AnnealedMean(), frozen=True)
    return from_image_model(net, state) if image else net

# %% [markdown]
# The three properties, as tests: equal to the image model at the beginning with both neighbors; equal to it for a photo or a still picture after the fusion has been given any weights at all; and different from it, then, where something moves. Gradient reaches the fusion at its first step although it is zero, and both neighbors as soon as it is not.

# %%
torch.manual_seed(seed)
image = EncoderUNet('lite0', 2, 4).eval()
net,x = from_image_model(TemporalUNet(n_out=2), image.state_dict()).eval(),torch.rand(bs, 3, size, size)
with torch.no_grad():
    plain = image(x[:,1:2])
    test_close(net(x), plain, eps=1e-6)
    for o in net.fuse.parameters(): nn.init.normal_(o)
    test_close(net(x[:,1:2]), plain, eps=1e-5)
    test_close(net(x[:,1:2].expand(-1, 3, -1, -1)), plain, eps=1e-5)
    away = x.clone()
    away[:,[0, 2]] = -1
    test_close(net(away), plain, eps=1e-5)
    assert (net(x) - plain).abs().max() > 1e-3
    clip = torch.rand(1, 6, 32, 64)
    test_close(net(clip), torch.cat([net(clip[:,i:i + 3]) for i in range(4)]), eps=1e-4)
slope, = torch.autograd.grad(net(x.requires_grad_()).square().sum(), x)
assert (slope.abs().sum((2, 3)) > 0).all()
test_fail(lambda: from_image_model(net, dict(image.state_dict(), odd=x)), exc=InputError, contains='odd')
slope.abs().sum((2, 3))

# %%
frozen = from_image_model(TemporalUNet(n_out=2, frozen=True), image.state_dict()).train()
before = {k: v.clone() for k,v in frozen.state_dict().items()}
opt = torch.optim.SGD([p for g in frozen.groups() for p in g], 1e-2)
frozen(torch.rand(bs, 5, size, size)).square().mean().backward()
test_eq([k for k,p in frozen.named_parameters() if p.grad is None and not k.startswith('encoder')], [])
assert all(p.grad is None for p in frozen.encoder.parameters())
assert all((o.weight.grad != 0).any() for f in frozen.fuse for o in (f.prev, f.after))
opt.step()
moved = {k.split('.')[0] for k,v in frozen.state_dict().items() if not torch.equal(v, before[k])}
test_eq(moved, {'bottom', 'look', 'ups', 'head', 'fuse'})
test_eq([k for k in before if 'running' in k and not torch.equal(before[k], frozen.state_dict()[k])], [])
{k: sum(p.numel() for p in g) for k,g in zip(('decoder', 'fusion'), frozen.groups())}

# %% [markdown]
# ## In a film
#
# The package carries an image model and a film model of this kind. Both color a bird that dances on a branch (*Big Buck Bunny*, (c) 2008 Blender Foundation, bigbuckbunny.org, CC BY 3.0). Look at the wings and at the sky behind the bird: on the left each frame is colored by itself.

# %%
def colored(model, first=400, n=36):
    "Frames of the film in the colors of a model"
    c,s = open_reel('../../asset/bunny.mp4')
    with c:
        seen = prepare(watch('bunny', c, s, stop=(first + n)/24), 192, 32, first=first)
        return [paint_frame(o, ab)[...,:3] for o,ab in with_colors(seen, color_source(model))]
single,three = colored(load_model()),colored(load_film_model())
LoopingClip(list(zip(single, three))[::2],
    'A bird on a branch, colored frame by frame, and by a model that sees three frames.',
    ['frame by frame', 'three frames'])

# %% [markdown]
# The colors are nearly the same, since the film model began as the image model and learned from it. They change a little less from frame to frame. [Films, measured](../results/films.ipynb) has figures: the three frames take a third of the change of color away. What takes away most of the rest is [steady color](../video/stabilize.ipynb).

# %% [markdown]
# ## What we have
#
# - `S1Generator` and `S1Critic`, with exactly S1's parameters, for any size and at the ends of shots;
# - `TemporalUNet`, which begins as the image model, and whose answer to a still picture or a photo never depends on the fusion;
# - both as `Temporal`, three steps of which a player needs each once a frame.
#
# S1 beside S0 on the same film, frames alone and in a row, is in [The five systems, trained](../results/systems.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. Give `Fusion` kernels of 3x3. For which size of the features does that help a camera that pans by 8 pixels a frame?
# 2. Replace the difference in `Fusion` by S1's concatenation, with an identity for the present frame. Which of the three properties are left?
