# %% [markdown]
# # Critics
#
# > A second network that tells real color from generated color: by a verdict for every patch, by an energy, or by several at once
#
# A loss that compares with the truth pixel by pixel calls every color wrong but one, and what a network learns from it is caution. A critic asks instead whether a picture *could be* a photograph, and since nobody knows how to write that question down, it is a network too, trained on the spot with photographs on one side and generated pictures on the other. [S0](s0.ipynb), [S2](s2.ipynb) and [pix2pix](pix2pix.ipynb) have theirs beside their generators. At the end of this chapter we have three that belong to no system: one that gives a verdict on every patch, one that draws what it sees and says how well it could, and a bundle of several, for each channel one or for each scale; and we know why a critic that does not see the gray picture asks the wrong question.

# %%
#| default_exp models.critics

# %% tags=["parameters"]
size,steps,seed = 64,60,2

# %%
#| export
import math, torch, torch.nn.functional as F
from typing import NamedTuple
from torch import nn, Tensor
from torch.nn.utils.parametrizations import spectral_norm
from colorbook.core import UsageError
from colorbook.color.lab import lab_to_rgb, split_lab
from colorbook.models.layers import adapt, check_side, concat_condition, critic_block
from colorbook.models.pix2pix import S4Critic
from colorbook.models.registry import critics
from colorbook.models.s2 import S2Critic

# %%
#| hide
import copy, numpy as np, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.data.photos import sample_photos
from colorbook.color.lab import join_lab, show_row
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
# Its code passes the color picture alone. The generator is then free, as far as the critic is concerned, to answer with a beautiful photograph of something else, and only the content loss reminds it of the question. Where the color is $ab$ without lightness it is worse: the critic of a sky cannot know that the sky is where the roof is. For a critic that does not see $L$, its scores are the same numbers whatever $L$ is, and $L$ is not even part of the computation.

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
# Each row is a photograph; the columns are the scores of the unconditional critic with the right and with a wrong lightness, then those of the conditional one.
#
# A difference is not yet a use. So we let both learn: right pairs are crops of photographs, wrong ones have the lightness of one photograph and the color of another. Both sides of an unconditional critic's loss contain the *same* colors, hence the same scores $s_i$, and
#
# $$\frac1n\sum_i\left[\log(1+e^{-s_i})+\log(1+e^{s_i})\right]\;\geq\;2\log 2$$
#
# with equality where every $s_i=0$. No training whatever gets such a critic below $2\log 2\approx1.386$, the dashed line of @fig-conditional. (Both start far above it: S0's rule for the first weights makes scores in the tens, as the columns show.)

# %%
def crops(bs, n=len(rgb)):
    "Lightness and RGB of random crops; neighbors in the batch come from different photos"
    at = torch.randint(0, size + 1, (bs, 2)).tolist()
    out = torch.stack([rgb[i%n, :, y:y + size, x:x + size] for i,(y,x) in enumerate(at)])
    return split_lab(out)[0],out*2 - 1

def mistakes(critic, L, color):
    "Logistic loss of right against wrong pairs"
    return F.softplus(-critic(L, color)).mean() + F.softplus(critic(L, color.roll(1, 0))).mean()

# %%
def fit(critic, view, steps=steps, bs=16, lr=2e-3):
    "Train `critic` to tell right pairs from wrong ones, as `view` shows them; returns its losses"
    opt,losses = torch.optim.Adam(critic.parameters(), lr, betas=(.5, .99), fused=True),[]
    for _ in range(steps):
        loss = mistakes(critic, *view(*crops(bs)))
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses

# %%
torch.manual_seed(seed)
def smaller(*xs): return [F.avg_pool2d(x, 2) for x in xs]
blind,seeing = S0Critic(size//2),S0Critic(size//2, conditional=True)
losses = {'does not see L': fit(blind, smaller), 'sees L': fit(seeing, smaller)}
assert min(losses['does not see L']) > 2*math.log(2) - 1e-4
late = {k: float(np.median(v[-12:])) for k,v in losses.items()}
assert late['sees L'] < 2*math.log(2)
late

# %%
#| label: fig-conditional
#| fig-cap: "Both critics learn from pairs; the dashed line is the bound for the one that does not see the lightness."
fig,ax = plt.subplots(figsize=(6, 2.6), layout='constrained')
for k,v in losses.items(): ax.plot(v, label=k)
ax.axhline(2*math.log(2), color='gray', ls='--', lw=1)
ax.set(xlabel='step', ylabel='loss', yscale='log')
ax.legend(frameon=False);

# %% [markdown]
# ## One verdict for every patch

# %% [markdown]
# One number for a whole picture is little to learn from: the generator is told that something is wrong, not where. Isola et al. [-@isola2017] leave out the fully-connected layer and let the convolutions' output stand, a *map* of verdicts, each about one patch. The same few weights then judge hundreds of patches in every picture, at any size, and cannot memorize whole pictures. S1, S3 and S4 all use one. What is lost is the view of the whole: no verdict knows whether the left sleeve has the color of the right one, if they are further apart than a patch.
#
# Ours has S1's form, four-by-four convolutions and no batch norm. Spectral norm, which we come to below, keeps it in check instead.

# %%
#| export
class PatchCritic(nn.Module):
    "PatchGAN (Isola et al. 2017) with spectral norm: one verdict for each overlapping patch"
    def __init__(self,
        n_color:int=2, # color channels
        nf:int=64, # channels after the first layer
        strides:tuple=(2, 2, 2, 1, 1), # of the 4x4 convolutions; these see patches of 70 pixels
        conditional:bool=True, # see `L` as well?
    ):
        super().__init__()
        self.conditional,self.strides = conditional,strides
        widths = [n_color + conditional] + [nf*min(2**i, 8) for i in range(len(strides) - 1)] + [1]
        layers = []
        for ni,no,s in zip(widths, widths[1:], strides):
            layers += [spectral_norm(nn.Conv2d(ni, no, 4, s, 1)), nn.LeakyReLU(.2, inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])
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
# Any size, but not none: there has to be one verdict left. For these strides that takes 24 pixels, and it is the side of the *color*: a generator that answers at a quarter needs pictures of 96.

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
# The formula is easy to get wrong, and the network can be asked itself: the gradient of one verdict is not zero exactly at the pixels that the verdict depends on. Leaky ReLU never has slope zero and the weights are random, so no path cancels. The support is a square of 70 pixels, all of it, in lightness and color alike, and it moves by 8 pixels from one verdict to the next. @fig-patch-field shows the patch on a photograph; the dashed frames are those of the neighbors. The reaction is far from flat: many paths lead to the middle of the patch and one to each corner, so that a verdict is mostly about half the width of its patch.

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
# ## The map

# %% [markdown]
# Now we let a small one with patches of 34 pixels learn the same task as before, this time on $ab$, where it cannot just compare two pictures of the same light but has to find that edges and textures of color lie where those of lightness are. Then we ask it about photographs whose right half has the color of another photograph. In @fig-map its verdicts fall there, and it was never told about halves.

# %%
torch.manual_seed(seed)
def ab_of(color): return split_lab(color/2 + .5)[1]
patch = PatchCritic(nf=16, strides=(2, 2, 1, 1))
fit(patch, lambda L,color: (L, ab_of(color)), 5*steps//2, bs=12, lr=2e-3)
half = torch.cat([ab[...,:size], ab.roll(1, 0)[...,size:]], -1)
with torch.no_grad(): verdicts = patch.eval()(L, half)[:,0]
left,right = verdicts[...,:13].mean((1, 2)),verdicts[...,-13:].mean((1, 2))
assert (left - right).mean() > .3 and (left > right).sum() >= len(rgb) - 1
torch.stack([left, right])

# %%
#| label: fig-map
#| fig-cap: "Photographs whose right half has wrong colors, and a critic's verdicts: blue for real, red for wrong."
def show_map(pictures, verdicts, limit=None):
    "Pictures above the critic's verdicts on them"
    limit = limit or verdicts.abs().max()
    fig,axs = plt.subplots(2, len(pictures), figsize=(2*len(pictures), 4.1), layout='constrained')
    for up,low,p,v in zip(*axs, pictures, verdicts):
        up.imshow(p.permute(1, 2, 0))
        low.imshow(v, cmap='RdBu', vmin=-limit, vmax=limit)
    for ax in axs.flat: ax.axis('off')
best = (left - right).argsort(descending=True)[:3]
show_map(join_lab(L, half)[best], verdicts[best])

# %% [markdown]
# ## Spectral norm

# %% [markdown]
# A critic that is certain has no slope, and a generator that gets no slope learns nothing. Spectral norm [@miyato2018] limits how fast the score can change: each layer's weights, written as a matrix $W$ with a row for every output channel, are divided by their largest singular value,
#
# $$\bar W=W/\sigma_{\max}(W),\qquad \sigma_{\max}(W)=\max_{x\ne0}\frac{\lVert Wx\rVert}{\lVert x\rVert}.$$
#
# The singular value is followed by power iteration, one step for each forward pass in training: $v\leftarrow W^\top u$, $u\leftarrow Wv$, both scaled to length 1, and $\sigma\approx u^\top Wv$. Weights move little from step to step, so one is enough. (The matrix is not the whole convolution, whose windows overlap, so the bound on the layer is a few times weaker. It holds the scale in place all the same.)
#
# We give each layer new weights, which its $u$ and $v$ know nothing of, and watch.

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
# In `eval` nothing moves: the first row is the same after five passes. In training the second row arrives at 1. Weights that are stored are not those that are used, which is a trap for whoever copies a network: with torch's older hook, a critic that had run once could not be copied. This form can, and a copy that learns leaves the original alone.

# %%
critic = PatchCritic(nf=8)
critic(L, ab).mean().backward()
twin = copy.deepcopy(critic)
with torch.no_grad(): scores = critic.eval()(L, ab)
assert torch.equal(twin.eval()(L, ab), scores)
fit(twin.train(), lambda L,color: (L, ab_of(color)), 1)
assert torch.equal(critic(L, ab), scores) and not torch.equal(twin.eval()(L, ab), scores)
list(critic.state_dict())[:4]

# %% [markdown]
# ## A critic that draws

# %% [markdown]
# The critics so far end in a verdict, one number or a map of them, and have to be told which side each picture belongs to. There is another way to know what is usual: to be able to *draw* it. An auto-encoder squeezes a picture through a narrow place and draws it again; what it was trained on it can draw, and what it fails to draw must be something else. The distance between the picture and the drawing is called its *energy*.

# %% [markdown]
# In an energy-based GAN [@zhao2017] the critic $A$ is an auto-encoder and the energy of a picture is how far it is from its drawing. S4 adds the lightness to both, which cancels, takes the root of the sum of squares over the *whole batch*, and divides by the number of pictures:
#
# $$E_{S4}=\frac1n\sqrt{\sum_{i,c,p}\left(A(c_i)-c_i\right)^2}$$
#
# Double the side of the pictures and this doubles; repeat the batch four times and it is half. The loss that follows compares it with a margin of 80, and a margin that means something else at every size means nothing. With a distance of $r$ at every pixel, S4's energy at 256 pixels is $128\,r$ for a batch of 4 and $45\,r$ for one of 32, the two batch sizes it was run with.

# %%
def published(drawn, color):
    "S4's energy"
    return (drawn - color).square().sum().sqrt()/len(color)

off = torch.full((4, 2, 256, 256), math.sqrt(.5))
test_close(published(off, 0*off), 128, eps=.1)
test_close(published(off.repeat(8, 1, 1, 1), 0*off.repeat(8, 1, 1, 1)), 128/math.sqrt(8), eps=.1)
test_close(published(off[...,::2,::2], 0*off[...,::2,::2]), 64, eps=.1)
published(off.repeat(8, 1, 1, 1), 0*off.repeat(8, 1, 1, 1))

# %% [markdown]
# We take the distance in the plane of $a$ and $b$, its mean square over the pixels of *one* picture, and the root:
#
# $$E(c)=110\sqrt{\frac1P\sum_p\left\|A(c)_p-c_p\right\|^2}$$
#
# The factor makes it a distance in units of Lab, so an energy can be read: 5 is a drawing that one has to look at twice, 80 a drawing of something else entirely. S4's margin of 80 keeps a meaning, too. At a batch of four it stands for 69 units of Lab, here it *is* 80. For RGB in -1..1 the factor is 127.5 and the unit a gray level.

# %%
#| export
def energy(
    drawn:Tensor, # what the auto-encoder made of it, `bs`xCxhxw
    color:Tensor, # the picture's color, the same shape
    unit:float=110., # how many units of Lab (or levels) make 1
) -> Tensor: # `bs`x1x1x1, 0 for a perfect drawing
    "Root mean square distance of a drawing from the picture, pixel by pixel in the space of its colors"
    far = torch.linalg.vector_norm(drawn - color, dim=(1, 2, 3), keepdim=True)
    return unit*far/math.sqrt(color.shape[-2]*color.shape[-1])

# %%
drawn,color = torch.zeros(2, 2, 1, 2),torch.tensor([[[[.3, 0]], [[.4, .1]]], [[[0., 0]], [[0, 0]]]])
test_close(energy(drawn, color).flatten(), torch.tensor([110*math.sqrt((.3**2 + .4**2 + .1**2)/2), 0]), eps=1e-5)
for o in (lambda x: x.repeat(1, 1, 2, 3), lambda x: x.repeat(4, 1, 1, 1)):
    test_close(energy(o(drawn), o(color))[:2], energy(drawn, color), eps=1e-5)
still = color.clone().requires_grad_()
assert torch.autograd.grad(energy(color, still).sum(), still)[0].isfinite().all()
energy(drawn, color).flatten()

# %% [markdown]
# (The last line asks for the slope where a drawing is perfect, at the root's corner; torch gives 0 there, not `nan`.)

# %% [markdown]
# ## The auto-encoder

# %% [markdown]
# S4's auto-encoder has four convolutions of stride 2 down to 512 channels and four transposed ones up again, to a $\tanh$. A critic of energies has two things to say, the energy and the *code* in the narrow place, which the pull-away term needs. They come together as an `EnergyOutput`.
#
# Sizes that are no multiple of 16 are padded with copies of their edge, and the drawing is cut to size before it is compared. S4's auto-encoder is called conditional, but the lightness that it puts on both sides of the difference cancels. Ours, where it is conditional, *sees* the lightness while it draws the color: it may know that skies are blue.

# %%
#| export
class EnergyOutput(NamedTuple):
    "What an energy-based critic says of a batch"
    energy:Tensor # `bs`x1x1x1: low for real
    code:Tensor # `bs`xKxh/16xw/16: what it saw

# %%
#| export
@critics('energy', energy=True, mixes=True)
class EnergyCritic(nn.Module):
    "The critic of EBGAN (Zhao et al. 2017) as S4 has it: an auto-encoder of color"
    def __init__(self,
        n_color:int=2, # color channels: 2 for ab, 3 for RGB
        conditional:bool=False, # see `L` while drawing? S4's does not
        nf:int=64, # channels after the first layer
        norm:str='batch', # key of `colorbook.models.layers.norms`
        spectral:bool=False, # spectral norm in every layer?
    ):
        super().__init__()
        self.conditional,self.unit = conditional,110. if n_color == 2 else 127.5
        chans = [n_color + conditional, nf, 2*nf, 4*nf, 8*nf]
        downs = [critic_block(i, o, 4, 2, 1, n > 0) for n,(i,o) in enumerate(zip(chans, chans[1:]))]
        self.encoder = nn.Sequential(*downs)
        ups = [nn.Sequential(nn.ConvTranspose2d(2*o, o, 4, 2, 1), nn.BatchNorm2d(o), nn.ReLU(inplace=True))
               for o in (4*nf, 2*nf, nf)]
        self.decoder = nn.Sequential(*ups, nn.ConvTranspose2d(nf, n_color, 4, 2, 1), nn.Tanh())
        adapt(self, norm, spectral)
    def draw(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        color:Tensor, # about -1..1, `bs`x`n_color`xhxw, any size
    ) -> tuple[Tensor,Tensor]: # the drawing, shape of `color`, and the code
        "The picture through the narrow place"
        h,w = color.shape[-2:]
        x = concat_condition(L, color) if self.conditional else color
        code = self.encoder(F.pad(x, (0, -w%16, 0, -h%16), mode='replicate'))
        return self.decoder(code)[...,:h,:w],code
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW; it is averaged to the size of `color`
        color:Tensor, # about -1..1, `bs`x`n_color`xhxw, any size
    ) -> EnergyOutput: # energies and codes
        "How far each picture is from its drawing"
        drawn,code = self.draw(L, color)
        return EnergyOutput(energy(drawn, color, self.unit), code)

# %%
chans = [2, 64, 128, 256, 512]
down = sum(16*i*o + o for i,o in zip(chans, chans[1:])) + 2*(128 + 256 + 512)
up = sum(16*i*o + i for i,o in zip(chans, chans[1:])) + 2*(64 + 128 + 256)
with torch.device('meta'):
    test_eq(n_weights(EnergyCritic()), down + up)
    test_eq(n_weights(EnergyCritic(conditional=True)) - down - up, 16*64)
torch.manual_seed(seed)
critic = EnergyCritic(nf=4)
L,color = torch.rand(3, 1, 50, 70),torch.rand(3, 2, 50, 70)*2 - 1
said = critic(L, color)
test_eq((said.energy.shape, said.code.shape), ((3, 1, 1, 1), (3, 32, 4, 5)))
test_close(said.energy, energy(critic.draw(L, color)[0], color), eps=1e-4)
down + up

# %%
torch.manual_seed(seed)
asked = L.clone().requires_grad_()
def of_L(critic): return torch.autograd.grad(critic(asked, color).energy.sum(), asked, allow_unused=True)[0]
assert of_L(EnergyCritic(nf=4)) is None and of_L(EnergyCritic(nf=4, conditional=True)).abs().max() > 0
for kw in (dict(norm='instance'), dict(norm='group'), dict(norm='none', spectral=True)):
    assert EnergyCritic(3, True, 4, **kw)(L, torch.rand(3, 3, 50, 70)).energy.isfinite().all()
test_eq(EnergyCritic(3).unit, 127.5)

# %% [markdown]
# ## It has never seen the fakes

# %% [markdown]
# We train a small one on crops of photographs, on nothing else, to draw what it sees, and then ask about the same photographs with hues turned by 120 degrees and about colors shuffled from pixel to pixel. It has seen neither, and yet its energy is larger for both (@fig-drawings): the shuffled colors it cannot draw because no photograph has such detail in color, the turned ones because it has learned what colors photographs have. That is the difference to a critic with a verdict, which can only speak of the fakes it was shown. It is also the weakness: a critic that learns to draw *anything* has nothing left to say, and to keep it from that is what the margin in the [loss](../losses/adversarial.ipynb) is for.

# %%
side = size//2
rgb = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size=3*side)]).permute(0, 3, 1, 2)/255
light,ab = split_lab(rgb)

def color_crops(bs):
    "Random crops of `ab`"
    at = torch.randint(0, 2*side + 1, (bs, 2)).tolist()
    return torch.stack([ab[i%len(ab), :, y:y + side, x:x + side] for i,(y,x) in enumerate(at)])

def learn_to_draw(critic, steps=steps, bs=24, lr=4e-3):
    "Lower the energy of photographs"
    opt,losses = torch.optim.Adam(critic.parameters(), lr, betas=(.5, .99)),[]
    for _ in range(steps):
        loss = critic(None, color_crops(bs)).energy.mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses

# %%
torch.manual_seed(seed)
critic = EnergyCritic(nf=8)
losses = learn_to_draw(critic)
c,s = math.cos(math.radians(120)),math.sin(math.radians(120))
turned = torch.einsum('ij,bjhw->bihw', torch.tensor([[c, -s], [s, c]]), ab)
shuffled = ab.flatten(2)[...,torch.randperm(ab.shape[-1]**2)].view_as(ab)
critic.eval()
with torch.no_grad(): energies = {k: critic(None, v).energy.flatten() for k,v in
    {'photograph': ab, 'hue turned': turned, 'shuffled': shuffled}.items()}
means = {k: v.mean().item() for k,v in energies.items()}
assert sum(losses[-5:]) < .6*sum(losses[:5])
for k in ('hue turned', 'shuffled'):
    assert means[k] > 1.1*means['photograph'] and (energies[k] > energies['photograph']).sum() >= 5
means

# %%
#| label: fig-drawings
#| fig-cap: "Photographs, hues turned, colors shuffled; below each what the critic makes of it, and the energy."
def show_drawings(pictures, i=0):
    "Pictures, their drawings at the same lightness, and their energies"
    fig,axs = plt.subplots(2, len(pictures), figsize=(2.2*len(pictures), 4.6), layout='constrained')
    for (top,low),(name,o) in zip(axs.T, pictures.items()):
        with torch.no_grad(): drawn = critic.draw(None, o[i:i + 1])[0]
        for ax,c in ((top, o[i:i + 1]), (low, drawn)): ax.imshow(join_lab(light[i:i + 1], c)[0].permute(1, 2, 0))
        low.set_title(f'energy {critic(None, o[i:i + 1]).energy.item():.1f}', fontsize=9)
        top.set_title(name, fontsize=9)
    for ax in axs.flat: ax.axis('off')
show_drawings({'photograph': ab, 'hue turned': turned, 'shuffled': shuffled})

# %% [markdown]
# ## All alike

# %% [markdown]
# A generator that has found *one* picture of low energy can return it always. The pull-away term [@zhao2017] makes that dear. For the codes $s_1,\dots,s_n$ of a batch of generated pictures it is the mean squared cosine over all pairs,
#
# $$\ell_{PT}=\frac1{n(n-1)}\sum_i\sum_{j\ne i}\left(\frac{s_i^\top s_j}{\|s_i\|\,\|s_j\|}\right)^2,$$
#
# 1 where all codes point the same way and 0 where they are orthogonal. S4 wanted it with a weight of 0.1 and did not get to it. One picture alone has no pair, and the term is 0.

# %%
#| export
def pull_away(
    code:Tensor, # codes of generated pictures, `bs`x...
) -> Tensor: # scalar in 0..1, 0 for a single picture
    "Mean squared cosine between the codes of different pictures (Zhao et al. 2017, equation 6)"
    s,n = F.normalize(code.flatten(1), dim=1),len(code)
    return ((s @ s.T).square().sum() - s.square().sum(1).square().sum())/max(n*(n - 1), 1)

# %%
torch.manual_seed(seed)
codes = torch.randn(5, 6, 2, 2)
flat,total = codes.flatten(1).tolist(),0
for i,a in enumerate(flat):
    for j,b in enumerate(flat):
        if i != j: total += (sum(x*y for x,y in zip(a, b))/math.hypot(*a)/math.hypot(*b))**2
test_close(pull_away(codes), total/20, eps=1e-5)
test_close(pull_away(torch.eye(4)), 0, eps=1e-6)
test_close(pull_away(codes[:1].repeat(4, 1, 1, 1)), 1, eps=1e-5)
test_close(pull_away(codes*torch.tensor([1., -2, 3, 4, 5]).view(5, 1, 1, 1)), total/20, eps=1e-5)
test_close(pull_away(codes[:1]), 0, eps=1e-6)
pull_away(codes)

# %% [markdown]
# A code that is tiled has the same cosines, so the term does not know how large a picture is. The batch it does know, and should: a batch repeated $k$ times *is* a batch of pictures with twins. With $n$ pictures the value becomes $\left(k(n-1)\,\ell+k-1\right)/(kn-1)$, the twins counting 1 each. What stays, whatever the batch, is its expectation over pictures that are drawn independently.

# %%
n,k = len(codes),3
test_close(pull_away(codes.repeat(1, 1, 2, 2)), pull_away(codes), eps=1e-5)
expected = (k*(n - 1)*pull_away(codes) + k - 1)/(k*n - 1)
test_close(pull_away(codes.repeat(k, 1, 1, 1)), expected, eps=1e-5)
many = torch.randn(400, 50)
groups = torch.stack([pull_away(o) for o in many.split(8)]).mean()
test_close(groups, pull_away(many), eps=2e-3)
test_close(pull_away(many), 1/50, eps=2e-3)
groups,pull_away(many)

# %% [markdown]
# A random code of 50 numbers has a mean squared cosine of $1/50$ with another, whether they come in eights or four hundred at a time.

# %% [markdown]
# ## Several critics

# %% [markdown]
# Several discriminators at once were proposed as a cure for a generator that learns to fool one [@durugkar2017]: what passes with a strict judge and with a lenient one, with one for texture and one for the whole, is harder to fake. The generator lowers a weighted sum of what each of them holds against it,
#
# $$\ell_G=\sum_kw_k\,\ell_k\left(D_k(L,G(L))\right),$$
#
# while every critic learns by its own loss alone, at full strength: that a critic counts little for the generator is no reason to teach it less. The bundle returns a list of weights and verdicts. They are $1/K$ by default, so that one more critic does not make the adversarial term larger beside the content loss.

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
# One combination is without sense. A generator of $ab$ is *given* $L$; a critic of $L$ would see the same on both sides forever. That is an error, and it says so. A generator of RGB such as S0's answers with a lightness of its own and can be wrong about it.

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
# Each of them sees one plane, and the lightness if it is conditional. What they gain is attention, since none can lean on the easiest channel; what they give up is every relation *between* channels: red where green should be is, for three separate judges, a red that is fine and a green that is fine. @fig-color-planes shows the planes of one photograph.

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
# "Generated individually" has a second half: each channel can have a [generator of its own](pix2pix.ipynb). With critics by channel the whole falls into independent games, one for red, one for green, one for blue, which agree only through the lightness that all of them see. The proof is in the gradient: the verdict of critic $k$ reaches generator $k$ and no other. With one critic for all, it reaches all.

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
# What no judge of a single channel can notice: a picture whose channels come from three different photographs. Each plane is a true plane, the picture is none. With unconditional critics, the verdicts on true pictures and on mixed ones are the same numbers in another order, so no training can tell the two apart; a single critic of all channels gives others. (Judges that see lightness have a way: the planes do not fit it.)

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
# COLORGAN draws 64 colorings of one photograph and orders them by what the critic says. For that, and for a monitor that asks how often the critic is right, any verdict has to become one number a picture, higher for real: the mean of a map of logits, the energy with its sign turned, the weighted sum for several. It does not depend on the size of the batch, nor on how large a map is.

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
# - `PatchCritic`, with a verdict for every 70 pixels that we measured on the network itself, at any size, and a proof that a critic has to see the gray picture to judge its color;
# - `EnergyCritic`, which draws color and says in units of Lab how badly, and `pull_away`, which is 1 for a generator that has only one answer;
# - `Critics`, several at once with weights, and `ChannelCritics`, one for each channel of $ab$, RGB or Lab;
# - `realness`, one number a picture of whatever a critic says.

# %% [markdown]
# ## Exercises
#
# 1. Find strides and a number of layers for a patch of 16 pixels. What can such a critic still notice, and what not?
# 2. The unconditional critic cannot get below $2\log 2$ here, and yet S0 learned with one. What does it notice about a generator's picture that it cannot notice about our wrong pairs?
# 3. Make the narrow place of the auto-encoder wide (`nf=64`) and train longer. Does the energy of the turned hues fall with that of the photographs?
# 4. Add a fourth critic to `ChannelCritics('rgb')` that sees all channels, as a `Critics` of the two. What happens to the mixed pictures, and which weight would you give it?
# 5. An energy is in units of Lab, a logit in none. What does the weight between them mean in `realness`, and what would make it mean something?
