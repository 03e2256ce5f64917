# %% [markdown]
# # S3
#
# > A generator that is told what kind of scene it colors, and has to say where one looks
#
# A colorizer that sees a patch cannot know that the gray plane at the top is a sky, and one that is asked for color alone need not know where a thing ends and its ground begins. S3, the *semantic colorization GAN* [@zhao2021], gives its U-Net two helpers. A second encoder looks at the whole picture and hands over what kind of scene it is. And a small branch of the decoder learns to predict *saliency*, a map of what a beholder would look at first, so that the decoder has to find the main thing and its outline. We build S3's networks in their published size, 58.76 million weights and 5.77 million for the critic. Then the same two ideas are added to [the U-Net of our own models](encoder_unet.ipynb), which is small enough to compare them.

# %%
#| default_exp models.s3

# %% tags=["parameters"]
size,seed = 64,5

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from torch.nn.utils.parametrizations import spectral_norm
from colorbook.core import UsageError
from colorbook.models.encoder_unet import EncoderUNet
from colorbook.models.layers import adapt, concat_condition, norm_of
from colorbook.models.registry import critics, generators

# %%
#| hide
import pandas as pd
from fastcore.test import *
from colorbook.models.inspect import extent, field, n_weights, reach, unreached

# %% [markdown]
# ## One layer

# %% [markdown]
# Every layer of S3 is the same: a convolution without bias whose border is filled by *reflection* (the picture is mirrored at its edge, so that no dark frame is invented), limited by spectral norm, then a norm and a leaky ReLU of slope 0.2. Spectral norm divides the weights by their largest singular value, so that a layer stretches nothing by more than one; S3 has it in the generator, too. Weights begin by Xavier's rule with a gain of 0.02, scales of batch norm around 1 with a deviation of 0.02.

# %%
#| export
def mirror_block(
    ni:int, # channels in
    nf:int, # channels out
    ks:int=3, # side of the kernel
    stride:int=1, # 2 halves the size
    pad:int=None, # pixels mirrored at each edge; None for half the kernel
    norm:str='batch', # key of `colorbook.models.layers.norms`; '' for none
    act:bool=True, # leaky ReLU behind it?
    spectral:bool=True, # spectral norm?
) -> nn.Sequential:
    "S3's layer: mirrored border, convolution without bias, norm, leaky ReLU of slope 0.2"
    conv = nn.Conv2d(ni, nf, ks, stride, ks//2 if pad is None else pad, bias=False, padding_mode='reflect')
    nn.init.xavier_normal_(conv.weight, .02)
    layers = [spectral_norm(conv) if spectral else conv]
    if norm:
        layers.append(norm_of(norm, nf))
        if getattr(layers[-1], 'weight', None) is not None: nn.init.normal_(layers[-1].weight, 1, .02)
    return nn.Sequential(*layers, *([nn.LeakyReLU(.2)] if act else []))

# %% [markdown]
# A constant picture shows what the border does. With a mirrored border every value of the answer is the same up to the edge; with zeros around the picture, the values at the edge differ from those in the middle. Printed is the largest singular value of a layer with spectral norm: 1.

# %%
torch.manual_seed(seed)
flat = torch.full((1, 1, 9, 9), .7)
zeros = F.conv2d(flat, torch.ones(4, 1, 3, 3), padding=1)
with torch.no_grad(): out = mirror_block(1, 4, norm='', act=False)(flat)
test_close(out, out[...,4:5,4:5].expand_as(out), eps=1e-6)
assert (zeros - zeros[...,4:5,4:5]).abs().max() > 1
wide = mirror_block(256, 256, spectral=False)
test_close(wide[0].weight.std(), .02*(2/(2*256*9))**.5, eps=2e-5)
test_close(wide[1].weight.std(), .02, eps=.004)
torch.linalg.matrix_norm(mirror_block(8, 8)[0].weight.flatten(1).detach(), 2).item()

# %% [markdown]
# ## The scene

# %% [markdown]
# The encoder of the scene has the shape of VGG-16 [@simonyan2015], fourteen layers, with strides of 2 in place of poolings. A picture of 256 pixels becomes 8x8 cells of 512 features. How far does such a cell see? Each 3x3 kernel adds two cells of its own input to the side; all fourteen add up to 183 pixels, more than two thirds of the picture, so a cell knows what lies around a thing and not only the thing. S3 trains this encoder beforehand, to tell what is on gray pictures ([Learning to see in gray](../training/scene.ipynb)).

# %%
#| export
class SceneEncoder(nn.Module):
    "S3's global features: the layers of VGG-16 on gray, with strides for poolings (17.08 M weights)"
    plan = ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (256, 1), (512, 2), (512, 1), (512, 1),
        (512, 2), (512, 1), (512, 1), (512, 2)) # channels and stride of each layer
    def __init__(self,
        n_in:int=1, # channels of the picture
        nf:int=64, # channels of the first layer; the others keep their ratio to it
        **kwargs, # of `mirror_block`
    ):
        super().__init__()
        widths = [n_in] + [o*nf//64 for o,_ in self.plan]
        self.layers = nn.Sequential(*(mirror_block(i, o, stride=s, **kwargs)
            for i,o,(_,s) in zip(widths, widths[1:], self.plan)))
    def forward(self,
        x:Tensor, # `bs`x`n_in`xHxW, sides of at least 32
    ) -> Tensor: # `bs`x512x(H/32)x(W/32)
        return self.layers(x)

# %%
torch.manual_seed(seed)
with torch.device('meta'): test_eq(n_weights(SceneEncoder()), 17_078_080)
small = SceneEncoder(nf=4).eval()
with torch.no_grad(): test_eq(small(torch.rand(2, 1, 256, 128)).shape, (2, 32, 8, 4))
test_eq(extent(field(lambda o: small(o)[0,:,4,4].sum(), torch.rand(1, 1, 384, 384)))[0],
    reach([(3, s, 1) for _,s in SceneEncoder.plan]))
reach([(3, s, 1) for _,s in SceneEncoder.plan])

# %% [markdown]
# ## The generator

# %% [markdown]
# The U-Net goes down nine layers, to a single cell at 256 pixels, and up eight, each of which enlarges by repetition. It differs from [pix2pix](pix2pix.ipynb) in two places. Where the way down has reached 8x8 cells, the features of the scene are joined to its own. And three stages of the way up, at 1/8, 1/4 and 1/2 of the size, feed a branch that answers with a map in 0..1: saliency.
#
# Nothing of the color is computed from the branch. Its loss reaches the stages from which it is made and all that is below them. So the branch can be taken away when training is over: with `with_saliency` off the answer is color alone, as in the exported file. With it on, the answer has one channel more, which `color` leaves out.
#
# Sizes that are no multiple of 256 are padded at the right and below by repeating the edge, and the answer is cut back.

# %%
#| export
def twice(x:Tensor) -> Tensor: # twice the height and width
    "Enlarged by repetition"
    return F.interpolate(x, scale_factor=2., mode='nearest')

class SaliencyBranch(nn.Module):
    "Saliency from three stages of S3's decoder, at 1/8, 1/4 and 1/2 of the size (1.62 M weights)"
    def __init__(self,
        widths:tuple=(512, 256, 128), # channels of the three stages
        nf:int=128, # channels inside
        **kwargs, # of `mirror_block`
    ):
        super().__init__()
        a,b,c = widths
        self.from_eighth = nn.ModuleList([mirror_block(a, nf, **kwargs), mirror_block(nf, nf, **kwargs)])
        self.from_quarter,self.from_half = mirror_block(b, nf, **kwargs),mirror_block(c, nf, **kwargs)
        self.join = mirror_block(3*nf, nf, **kwargs)
        self.head = mirror_block(nf, 1, **{**kwargs, 'norm': '', 'act': False})
    def forward(self,
        eighth:Tensor, # `bs`x512x(H/8)x(W/8)
        quarter:Tensor, # `bs`x256x(H/4)x(W/4)
        half:Tensor, # `bs`x128x(H/2)x(W/2)
    ) -> Tensor: # saliency in 0..1, `bs`x1xHxW
        for o in self.from_eighth: eighth = o(twice(eighth))
        x = torch.cat([eighth, self.from_quarter(twice(quarter)), self.from_half(half)], 1)
        return self.head(self.join(twice(x))).sigmoid()

# %%
#| export
class S3Generator(nn.Module):
    "S3's generator (Zhao et al. 2021): a U-Net with features of the scene, and a branch for saliency"
    depth = 8 # halvings
    def __init__(self,
        n_in:int=1, # channels of the input: 1 for lightness, 3 for long-wave infrared
        n_out:int=3, # channels of the color: 3 for RGB, 2 for ab
        scene:bool=True, # features of the scene?
        saliency:bool=True, # the branch for saliency?
        norm:str='batch', # key of `colorbook.models.layers.norms`
        spectral:bool=True, # spectral norm in every layer?
        nf:int=64, # channels of the first layer
    ):
        super().__init__()
        self.n_out,self.with_saliency,kwargs = n_out,saliency,dict(norm=norm, spectral=spectral)
        self.scene = SceneEncoder(n_in, nf, **kwargs) if scene else None
        widths = [nf*o for o in (1, 2, 4, 8, 8, 8, 8, 8, 8)]
        ins = [n_in] + widths[:-1]
        if scene: ins[6] += 8*nf
        norms = ['', *[norm]*7, '']
        self.downs = nn.ModuleList([mirror_block(i, o, 3 if k else 7, 2 if k else 1, norm=norms[k], spectral=spectral)
            for k,(i,o) in enumerate(zip(ins, widths))])
        outs = widths[7:2:-1] + widths[2::-1]
        ins = widths[8:] + [a + b for a,b in zip(outs, widths[7::-1])]
        self.ups = nn.ModuleList([mirror_block(i, o, **kwargs) for i,o in zip(ins, outs)])
        self.head = mirror_block(2*nf, n_out, norm='', act=False, spectral=spectral)
        self.saliency = SaliencyBranch((8*nf, 4*nf, 2*nf), 2*nf, **kwargs) if saliency else None
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x`n_in`xHxW, any size
    ) -> Tensor: # color in -1..1, `bs`x`n_out`xHxW, and saliency in 0..1 as one channel more if `with_saliency`
        (h,w),m,skips,drawn = L.shape[-2:],2**self.depth,[],[]
        x = F.pad(L, (0, -w%m, 0, -h%m), mode='replicate')
        scene = self.scene(x) if self.scene else None
        for k,down in enumerate(self.downs):
            x = down(torch.cat([x, scene], 1) if k == 6 and self.scene else x)
            skips.append(x)
        for up,skip in zip(self.ups, skips[-2::-1]):
            drawn.append(up(twice(x)))
            x = torch.cat([drawn[-1], skip], 1)
        out = self.head(x).tanh()
        if self.with_saliency: out = torch.cat([out, self.saliency(*drawn[4:7])], 1)
        return out[...,:h,:w]
    def color(self, out): return out[:,:self.n_out]

# %% [markdown]
# The counts in @tbl-s3 are exactly those of the published networks (the published code counts the vectors of spectral norm as well, which are no weights). They are made on torch's `meta` device, where a network has shapes and no memory.

# %%
#| label: tbl-s3
#| tbl-cap: "S3's generator and its parts, in weights."
with torch.device('meta'): whole,bare,alone = S3Generator(),S3Generator(saliency=False),S3Generator(scene=False)
test_eq(n_weights(whole), 58_755_328)
test_eq((n_weights(whole.scene), n_weights(whole.saliency)), (17_078_080, 1_624_448))
test_eq(n_weights(bare), 17_078_080 + 40_052_800)
test_eq(n_weights(whole) - n_weights(alone), 17_078_080 + 512*512*9)
parts = dict(whole=whole, scene=whole.scene, saliency=whole.saliency)
pd.Series({k: n_weights(o) for k,o in parts.items()}, name='weights').to_frame()

# %% [markdown]
# The usual questions: any size goes, and with batch norm one picture is enough, because the innermost map, where it would have a single value, has no norm. Every weight learns. With instance norm the weights around the innermost cell do not: a map that is made of one cell has one value everywhere, and instance norm subtracts it. (S3's authors found instance norm worse by their figures.) Last, the branch for saliency: with it or without it the colors are exactly the same, and its loss changes the stages from which it is made, but not the last layer of the color.

# %%
torch.manual_seed(seed)
net,L = S3Generator(nf=2),torch.rand(2, 1, 70, 301)
test_eq(net(L).shape, (2, 4, 70, 301))
dead = {k: unreached(S3Generator(nf=2, norm=k), torch.rand(2, 1, 256, 256)) for k in ('batch', 'instance')}
test_eq((dead['batch'], {o.split('.')[0] + o.split('.')[1] for o in dead['instance']}), ([], {'downs8', 'ups0'}))
with torch.no_grad():
    both = net.eval()(L)
    net.with_saliency = False
    test_eq(net(L), net.color(both))
assert 0 < both[:,3].min() and both[:,3].max() < 1
net.with_saliency = True
net.train()(torch.rand(1, 1, size, size))[:,3].sum().backward()
grads = {k: p.grad for k,p in net.named_parameters()}
assert all(grads[f'ups.{k}.0.parametrizations.weight.original'].abs().sum() > 0 for k in range(7))
assert not grads['head.0.parametrizations.weight.original'].any()
both[:,3].mean()

# %% [markdown]
# What does the scene do? Its weights can come from elsewhere, and a change in them changes the color. `begin_with` takes either all weights of a generator, as the second term of S3's training takes those of the first, or the weights of its scene alone.

# %%
#| export
def begin_with(
    net:nn.Module, # a `S3Generator`, changed in place
    state:dict, # of a whole generator, or of its scene: keys that begin with 'scene.'; None leaves `net` as it is
) -> nn.Module: # the same
    "First weights from elsewhere; a `UsageError` where they do not fit"
    if state is None: return net
    of_scene = all(k.startswith('scene.') for k in state)
    try:
        if of_scene: net.scene.load_state_dict({k.removeprefix('scene.'): v for k,v in state.items()})
        else: net.load_state_dict(state)
    except (AttributeError, RuntimeError) as e:
        what = f'these weights do not fit: {str(e).splitlines()[0]}'
        raise UsageError(what, 'give a run of s3 or of its scene') from e
    return net

@generators('s3_lwir', output='rgb', weights='s3', n_in=3)
def _s3_lwir(state=None): return begin_with(S3Generator(3, saliency=False), state)

@generators('s3', output='rgb_saliency', weights='s3')
def _s3(state=None): return begin_with(S3Generator(), state)

# %%
torch.manual_seed(seed)
one,two = S3Generator(nf=2, spectral=False),S3Generator(nf=2, spectral=False)
with torch.no_grad():
    was = one(L)
    begin_with(one, {f'scene.{k}': v for k,v in two.scene.state_dict().items()})
    changed = (one(L) - was).abs().max()
    assert changed > 0
    test_eq(begin_with(one, two.state_dict())(L), two(L))
test_fail(lambda: begin_with(one, SceneEncoder(nf=2).state_dict()), exc=UsageError, contains='do not fit')
test_fail(lambda: begin_with(S3Generator(nf=2, scene=False), {'scene.x': L}), exc=UsageError, contains='do not fit')
changed.item()

# %% [markdown]
# ## Critics

# %% [markdown]
# S3 calls its critic *PatchDiscriminator70*: lightness and color go in, and out comes a map of verdicts, 30x30 for a picture of 256 pixels, each over a patch. Every layer is a `mirror_block` again.
#
# On small pictures a gradient penalty does not go well with spectral norm and with norms: spectral norm keeps every layer's slope below one, while the penalty asks for a slope of exactly one. `s3_tiny` leaves both out, halves only once, and is for color of 16 pixels and more ([Ablations of S3](../training/s3_ablation.ipynb)).
#
# The published program trains with this one. The paper describes two, one above the other: the first judges the colors, the second judges *the colors times the saliency*, and so hardly sees the ground. Its verdict on a generated picture depends on the generated map, too, so the generator is also told where to look. `HierarchicalCritic` has both, and its verdict is both maps side by side. Given color alone it takes everything for salient.

# %%
#| export
class S3Critic(nn.Module):
    "S3's PatchDiscriminator70: lightness and color to a map of verdicts (5.77 M weights)"
    def __init__(self,
        n_color:int=3, # channels of color
        norm:str='batch', # key of `colorbook.models.layers.norms`
        spectral:bool=True, # spectral norm in every layer?
        nf:int=64, # channels of the first layer
        halvings:int=3, # layers of stride 2
    ):
        super().__init__()
        w = [1 + n_color] + [nf*min(8, 2**k) for k in range(halvings + 2)]
        kwargs,self.least = dict(norm=norm, spectral=spectral),2*2**halvings + 1
        self.layers = nn.Sequential(mirror_block(w[0], w[1], 7, norm='', spectral=spectral),
            *(mirror_block(i, o, stride=2, **kwargs) for i,o in zip(w[1:], w[2:-1])),
            mirror_block(w[-2], w[-1], 4, pad=1, **kwargs),
            mirror_block(w[-1], 1, 4, pad=1, norm='', act=False, spectral=spectral))
        if norm or spectral: return
        for m in self.modules():
            if isinstance(m, nn.Conv2d): nn.init.kaiming_normal_(m.weight, .2)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW; it is averaged to the size of `color`
        color:Tensor, # about -1..1, `bs`x`n_color`xhxw, sides of at least 17, or 5 with one halving
    ) -> Tensor: # logits, `bs`x1xh'xw': positive for real; 30x30 for 256x256
        "A map of verdicts; a `UsageError` where the picture is too small for one"
        if (side := min(color.shape[-2:])) < self.least:
            what = f"S3's critic judges pictures of at least {self.least} pixels and got {side}"
            raise UsageError(what, 'train on larger ones')
        return self.layers(concat_condition(L, color))

# %%
#| export
class HierarchicalCritic(nn.Module):
    "The two critics of S3's paper: one for color, one for color times saliency"
    sees_saliency = True
    def __init__(self,
        n_color:int=3, # channels of color
        **kwargs, # of `S3Critic`
    ):
        super().__init__()
        self.n_color = n_color
        self.whole,self.salient = S3Critic(n_color, **kwargs),S3Critic(n_color, **kwargs)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        color:Tensor, # color in about -1..1 and saliency in 0..1, `bs`x(`n_color`+1)xhxw
    ) -> Tensor: # logits, `bs`x2xh'xw': of the whole, of the salient
        color,saliency = color[:,:self.n_color],color[:,self.n_color:]
        return torch.cat([self.whole(L, color), self.salient(L, color*saliency if saliency.shape[1] else color)], 1)

@critics('s3', mixes=True)
def _s3_critic(n_color=3): return S3Critic(n_color)

@critics('s3_gp')
def _s3_gp(n_color=3): return S3Critic(n_color, norm='instance')

tiny = dict(norm='', spectral=False, nf=32, halvings=1) # for WGAN-GP and color of few pixels

@critics('s3_small')
def _s3_small_critic(n_color=2): return S3Critic(n_color, norm='instance', nf=32)

@critics('s3_small_two', saliency=True)
def _s3_small_two(n_color=2): return HierarchicalCritic(n_color, norm='instance', nf=32)

@critics('s3_tiny')
def _s3_tiny(n_color=2): return S3Critic(n_color, **tiny)

@critics('s3_tiny_two', saliency=True)
def _s3_tiny_two(n_color=2): return HierarchicalCritic(n_color, **tiny)

@critics('s3_two', mixes=True, saliency=True)
def _s3_two(n_color=3): return HierarchicalCritic(n_color)

@critics('s3_two_gp', saliency=True)
def _s3_two_gp(n_color=3): return HierarchicalCritic(n_color, norm='instance')

# %% [markdown]
# In the test the upper half of a picture has a saliency of 0. We change colors there; printed is how much the verdicts of the two critics change. The second must not notice anything.

# %%
torch.manual_seed(seed)
with torch.device('meta'): counts = [n_weights(o(3)) for o in (_s3_critic, _s3_gp, _s3_two)]
test_eq(counts, [5_766_144, 5_766_144, 11_532_288])
judge,two = S3Critic(nf=4).eval(),HierarchicalCritic(nf=4).eval()
test_eq(judge(torch.rand(1, 1, 256, 256), torch.rand(1, 3, 256, 256)).shape, (1, 1, 30, 30))
L,color = torch.rand(1, 1, size, size),torch.rand(1, 4, size, size)
color[:,3,:size//2] = 0
other = color.clone()
other[:,:3,:size//2 - 8] = 0
with torch.no_grad(): change = (two(L, other) - two(L, color)).abs().amax((0, 2, 3))
assert change[0] > 1e-6
test_close(change[1], 0, eps=1e-9)
test_eq(two(L, color[:,:3]).shape[1], 2)
def ask(side): return judge(torch.rand(1, 1, side, side), torch.rand(1, 3, side, side))
test_eq(ask(17).shape[1], 1)
test_fail(lambda: ask(16), exc=UsageError, contains='17 pixels and got 16')
change

# %% [markdown]
# The *70* of its name is rounded: with a first kernel of 7x7, three of 3x3 and stride 2 and two of 4x4 a verdict sees 69 pixels across, by the formula and by its gradient.

# %%
torch.manual_seed(seed)
seen = reach([(7, 1, 1), (3, 2, 1), (3, 2, 1), (3, 2, 1), (4, 1, 1), (4, 1, 1)])
patch = field(lambda o: judge(o, torch.zeros(1, 3, 160, 160))[0,:,9,9].sum(), torch.rand(1, 1, 160, 160))
test_eq((seen, extent(patch)), (69, (69, 69)))
seen

# %% [markdown]
# ## The same ideas, small

# %% [markdown]
# With 58.76 million weights, a step of a single picture [takes seconds](../training/recipes.ipynb) on a processor, and an epoch of ImageNet months. To learn what an idea is worth, a small network will do: [a U-Net on a pretrained encoder](encoder_unet.ipynb), which colors at a quarter of the size. It needs no second encoder for the scene, because its own has learned to recognize a thousand kinds of things: the mean of its deepest features over the whole picture is a description of the scene, and is added to each cell. The branch for saliency is three convolutions of 1x1, one for each stage, and one of 3x3 that joins them: 6,625 weights. Colors end in a `tanh`, as S3's do, because a loss on features of VGG would otherwise lead to colors far outside of what a screen can show.

# %%
#| export
class SmallSaliency(nn.Module):
    "Saliency at a quarter of the size from the stages of a decoder, with few weights"
    def __init__(self,
        widths:tuple, # channels of the stages, the last at a quarter of the size
        nf:int=16, # channels for each
    ):
        super().__init__()
        self.each = nn.ModuleList([nn.Conv2d(o, nf, 1) for o in widths])
        self.join = nn.Conv2d(nf*len(widths), 1, 3, padding=1)
    def forward(self,
        drawn:list, # what each stage drew
    ) -> Tensor: # saliency in 0..1, `bs`x1x(H/4)x(W/4)
        side = drawn[-1].shape[-2:]
        maps = [F.interpolate(f(o), side, mode='bilinear').relu() for f,o in zip(self.each, drawn)]
        return self.join(torch.cat(maps, 1)).sigmoid()

class FirstChannels(nn.Module):
    "The color of an answer that says more"
    def __init__(self, n:int): # how many
        super().__init__()
        self.n = n
    def forward(self, out): return out[:,:self.n]

# %%
#| export
class S3Small(EncoderUNet):
    "S3's ideas at the product's size: ab at a quarter, the scene from a pretrained encoder, and saliency"
    def __init__(self,
        encoder='mobile', # see `EncoderUNet`
        scene:bool=True, # the mean of the deepest features, added everywhere?
        saliency:bool=True, # the branch for saliency?
        widths:tuple=(256, 192, 128, 64), # see `EncoderUNet`
        state:dict=None, # weights for the encoder
        **options, # see `colorbook.models.layers.adapt`
    ):
        super().__init__(encoder, 2, 4, widths, state, FirstChannels(2))
        if not scene: self.look = None
        nn.init.normal_(self.head.weight, 0, .02) # begins nearly gray
        nn.init.zeros_(self.head.bias)
        self.with_saliency,self.saliency = saliency,SmallSaliency(widths[1:]) if saliency else None
        adapt(self, **options)
    def up(self, maps):
        "From four maps to color and saliency at a quarter"
        x,drawn = self.bottom(maps[-1]),[]
        if self.look: x = x + self.look(x)
        for up,skip in zip(self.ups, maps[-2::-1]):
            x = up(torch.cat([F.interpolate(x, scale_factor=2., mode='bilinear', align_corners=False), skip], 1))
            drawn.append(x)
        color = self.head(x).tanh()
        return torch.cat([color, self.saliency(drawn)], 1) if self.with_saliency else color

@generators('s3_small', output='ab4_saliency', weights='mobilenet_v2')
def _s3_small(state=None): return S3Small(state=state)

@generators('s3_small_instance', output='ab4_saliency', weights='mobilenet_v2')
def _s3_small_instance(state=None): return S3Small(state=state, norm='instance')

@generators('s3_small_no_scene', output='ab4_saliency', weights='mobilenet_v2')
def _s3_small_no_scene(state=None): return S3Small(scene=False, state=state)

@generators('s3_small_no_saliency', output='ab4', weights='mobilenet_v2')
def _s3_small_no_saliency(state=None): return S3Small(saliency=False, state=state)

# %% [markdown]
# Three of its four variants take one idea away or exchange the norm. Without the scene a cell knows only what is in its receptive field: in a picture of 640 pixels, the color of one corner does not depend on the other corner. With the mean it does. Printed are the number of weights and that gradient, with the scene and without; it is small in a network that has not learned anything.

# %%
torch.manual_seed(seed)
L,felt = torch.rand(1, 1, 640, 640).double(),{}
for k in (True, False):
    net = S3Small(scene=k).eval().double()
    felt[k] = field(lambda o: net.color(net(o))[0,:,-1,-1].sum(), L)[:32,:32].max().item()
assert felt[True] > 0 == felt[False]
net = S3Small()
out = net(torch.rand(2, 1, 33, 50))
test_eq((out.shape, net.color(out).shape), ((2, 3, 9, 13), (2, 2, 9, 13)))
test_eq(n_weights(net.saliency), (192 + 128 + 64)*16 + 3*16 + 3*16*9 + 1)
n_weights(net),felt

# %% [markdown]
# ## What we have
#
# - `S3Generator`, exactly in S3's size, for any size of picture, with switches for the scene, for saliency and for the norm;
# - `S3Critic` and `HierarchicalCritic`, the published program's critic and the paper's two;
# - `S3Small`, both ideas on our own models' U-Net;
# - `with_saliency`: if it is off, the branch is not computed, and the colors are the same.

# %% [markdown]
# ## Exercises
#
# 1. Spectral norm makes each layer's largest singular value one. What follows for the slope of the whole critic, and what does a gradient penalty add to that?
# 2. Put the branch for saliency on the *way down* instead. Which weights does its loss reach now, and why is that less use to the color?
# 3. In `HierarchicalCritic` the generator can please the second critic by a map that is zero everywhere. Which term of the loss keeps it from that?
