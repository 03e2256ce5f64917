# %% [markdown]
# # From names to networks
#
# > A recipe names its networks, losses and pictures; here is what the names stand for
#
# A [recipe](recipes.ipynb) is data, and data cannot hold a network. It holds its name. At the end of this chapter names become generators, critics and losses, by tables that are complete as soon as they are imported; a network of one's own is one more entry, not a change to the code.

# %%
#| default_exp training.registry

# %% tags=["parameters"]
size = 32

# %%
#| export
from pathlib import Path
import torch
from fastai.vision.all import *
from torch import nn, Tensor
from torch.utils._pytree import tree_map_only
from colorbook.color.bins import AnnealedMean, class_weights
from colorbook.color.lab import gray_to_L, grays
from colorbook.core import UsageError
from colorbook.data.loaders import data_loaders, targets
from colorbook.imaging.colorizer import load_model
from colorbook.losses.adversarial import adversarial_losses
from colorbook.losses.content import BinLoss, ColorL1, content_losses
from colorbook.models.critics import PatchCritic, S0Critic
from colorbook.models.encoder_unet import EncoderUNet
from colorbook.models.energy import EnergyCritic
from colorbook.models.many import ChannelCritics, Critics
from colorbook.models.pix2pix import Pix2PixGenerator
from colorbook.models.plain import FCN32, PlainNet
from colorbook.models.s2 import Stride1Generator
from colorbook.models.system_critics import S2Critic, S4Critic
from colorbook.models.temporal import from_image, S1Critic, S1Generator, SteadyLoss, TemporalUNet
from colorbook.models.unet import MobileUNet, S0Generator
from colorbook.models.zhang import ZhangNet
from colorbook.training.gan import GAN, LossWeights
from colorbook.training.recipes import Recipe
from colorbook.training.schedules import make_gan_callback

# %%
#| hide
import numpy as np
from fastcore.test import *
from colorbook.data.photos import sample_photos
from colorbook.training.gan import gan_splitter
from colorbook.training.recipes import recipes, replace, vary

# %% [markdown]
# ## Networks and losses

# %% [markdown]
# Names become objects in three tables. A network of one's own is one more entry, not a change to the code. Adversarial losses, gray functions and targets have such tables in their own chapters.

# %%
#| export
def depth_for(r): return min(8, r.size.bit_length() - 1) # halvings of pix2pix until a single cell is left
def planes_of(r): return 3 if r.target == 'rgb' else 2
def side_of(r): return r.size//4 if r.target == 'ab4' else r.size

ENCODERS = 'alexnet', 'inception_v3', 'resnet18' # of S4's comparison, through timm

generators = dict(
    s0=lambda r, state: S0Generator(),
    mobile=lambda r, state: MobileUNet(313, state=state, color=AnnealedMean()),
    mobile_ab=lambda r, state: MobileUNet(2, state=state),
    plain=lambda r, state: PlainNet(norm='batch'),
    plain_bins=lambda r, state: PlainNet(313, (16, 32, 64), 'batch', AnnealedMean()), # target ab
    fcn32=lambda r, state: FCN32(dense=512),
    stride1=lambda r, state: Stride1Generator(),
    stride1_dense=lambda r, state: Stride1Generator((r.size, r.size)),
    pix2pix=lambda r, state: Pix2PixGenerator(depth=depth_for(r)),
    pix2pix_transposed=lambda r, state: Pix2PixGenerator('transposed', depth=depth_for(r)),
    pix2pix_noise=lambda r, state: Pix2PixGenerator(depth=depth_for(r), z_dim=8),
    zhang=lambda r, state: ZhangNet(stride=4, color=AnnealedMean()),
    colcolgan=lambda r, state: ZhangNet(2),
    **{k: lambda r, state, k=k: EncoderUNet(k, 313, 4, state=state, color=AnnealedMean())
       for k in ENCODERS})
critics = dict(
    s0=lambda r: S0Critic(r.size),
    s0_conditional=lambda r: S0Critic(r.size, conditional=True),
    patch=lambda r: PatchCritic(planes_of(r), strides=(2, 2, 1, 1)),
    s2=lambda r: S2Critic((side_of(r), side_of(r)), planes_of(r)),
    s2_pool=lambda r: S2Critic(None, planes_of(r)),
    s4=lambda r: S4Critic(planes_of(r)),
    s4_ab=lambda r: S4Critic(planes_of(r), conditional=False),
    s4_gp=lambda r: S4Critic(planes_of(r), norm='instance'), # batch norm mixes pictures: not with wgan_gp
    energy=lambda r: EnergyCritic(planes_of(r)),
    channels=lambda r: ChannelCritics('rgb' if r.target == 'rgb' else 'ab'),
    channels_lab=lambda r: ChannelCritics('lab'), # target rgb
    patch_and_whole=lambda r: Critics([S4Critic(planes_of(r)), S2Critic(None, planes_of(r), True)], (.5, .5)))

# %%
#| export
for nf in (64, 32):
    for a in (False, True):
        name = 's1' + '_32'*(nf == 32) + '_attention'*a
        generators[name] = lambda r, state, nf=nf, a=a: S1Generator(nf, a)
critics.update(s1=lambda r: S1Critic(), s1_attention=lambda r: S1Critic(attention=True))

# %% [markdown]
# ## A teacher

# %% [markdown]
# A film model learns from the image model, frame by frame: its target is what the model in the package answers, or the one that `COLORBOOK_MODEL` names.

# %%
#| export
def teach(
    rgb:torch.Tensor, # `n`x3xHxW in 0..1, sides multiples of 32
) -> torch.Tensor: # `n`x2x(H/4)x(W/4), color in units of 110
    "What the image model in the package answers to each picture"
    model = load_model()
    L = gray_to_L(grays[model.card['gray']](rgb))
    return torch.stack([torch.from_numpy(model.ab(o[0].numpy())) for o in L.cpu()]).to(rgb)

# %% [markdown]
# It answers to each picture by itself, at any size that the network can halve.

# %%
pictures = torch.stack([torch.from_numpy(np.array(o)).permute(2, 0, 1)/255 for o in sample_photos(64)[:2]])
color = teach(pictures)
test_eq(color.shape, (2, 2, 16, 16))
test_close(color[1], load_model().ab(gray_to_L(grays['lstar'](pictures))[1,0].numpy()), eps=1e-6)
assert .02 < color.abs().mean() < 1
color.abs().mean().item()

# %%
#| export
def make_temporal(
    state:dict=None, # of an image model, or of an encoder
) -> TemporalUNet:
    "The product's film model with its first weights"
    image = state is not None and any(o.startswith('encoder.') for o in state)
    net = TemporalUNet(313, state=None if image else state, color=AnnealedMean(), frozen=True)
    return from_image(net, state) if image else net

generators['temporal'] = lambda r, state: make_temporal(state)
targets['taught'] = teach

@content_losses('steady', outputs=('bins4',), prior=True)
def _steady(lam=1., prior=None, rebalance=1.):
    weights = None if prior is None else class_weights(prior, alpha=rebalance)
    return SteadyLoss(BinLoss(weights), AnnealedMean(), 3*lam, 5*lam)

@content_losses('follow', outputs=('bins4',))
def _follow(lam=1.): return SteadyLoss(ColorL1(AnnealedMean()), AnnealedMean(), 3*lam, 5*lam)

# %% [markdown]
# ## The networks of a recipe

# %%
#| export
def check_recipe(recipe:Recipe) -> Recipe: # the same
    "`UsageError` where a recipe names what does not exist"
    for p in recipe.phases: make_gan_callback(recipe.adversarial, mode=p.mode)
    known = dict(generator=generators, critic=critics, content=content_losses, target=targets, gray=grays,
        data=data_loaders)
    for k,names in known.items():
        name = getattr(recipe, k)
        if name not in names: raise UsageError(f"there is no {k} '{name}'", f"choose {', '.join(names)}")
    return recipe

# %%
#| export
def make_gan(
    recipe:Recipe,
    state:dict=None, # pretrained weights of the encoder
) -> GAN: # generator and critic with their first weights
    "The two networks of a recipe"
    torch.manual_seed(recipe.seed)
    weights = LossWeights() if recipe.learn_weights else None
    gan = GAN(generators[recipe.generator](recipe, state), critics[recipe.critic](recipe), weights)
    if recipe.bf16: bfloat16(gan.generator), bfloat16(gan.critic)
    return gan.to(memory_format=torch.channels_last)

def bfloat16(
    net:nn.Module, # changed in place: its weights stay in float32
) -> nn.Module: # the same
    "Let a network compute in bfloat16 where it can; fastai's `MixedPrecision` does that on CUDA only"
    forward = net.forward
    def cast(x, *args):
        with torch.autocast(x.device.type, torch.bfloat16): out = forward(x, *args)
        return tree_map_only(Tensor, Tensor.float, out)
    net.forward = cast
    return net

# %% [markdown]
# In bfloat16 a number has eight significant bits and float32's range; processors of recent years multiply it twice as fast or better. The weights, their sums of gradients and the losses stay in float32, and S0, which starts from chance, asks for it; `default` was trained without. What it brings is measured in `benchmarks/gan_step.py`.

# %%
s0 = recipes['s0']
plain,fast = (make_gan(replace(s0, size=size, bf16=o)).eval() for o in (False, True))
L = torch.rand(2, 1, size, size)
with torch.no_grad(): answers = [[o.generator(L), o.critic(L, plain.generator(L))] for o in (plain, fast)]
for exact,rounded in zip(*answers):
    test_eq((rounded.dtype, torch.equal(exact, rounded)), (torch.float32, False))
    assert (exact - rounded).abs().mean() < .02*exact.abs().mean()
test_eq({o.dtype for o in fast.parameters()}, {torch.float32})
for exact,rounded in zip(plain.parameters(), fast.parameters()): test_eq(exact, rounded)
[f'{(a - b).abs().mean()/a.abs().mean():.1%}' for a,b in zip(*answers)]

# %%
gan = make_gan(replace(s0, size=224))
test_eq([sum(p.numel() for p in o.parameters()) for o in gan.children()], [7_822_336, 16_758_848])
test_eq([len(gan_splitter(make_gan(r))) for r in (replace(s0, size=size), recipes['default'])], [2, 3])
wrong = vary(s0, dict(critic='s00'))
test_fail(lambda: check_recipe(wrong), exc=UsageError, contains="no critic 's00'; choose s0, s0_cond")
for r in recipes.values(): check_recipe(r)
small = ('s2', 's4-gan-l1', 's4-ebgan-l2', 's4-wgan-gp-l1')
{k: len(gan_splitter(make_gan(replace(recipes[k], size=2*size)))) for k in small}

# %% [markdown]
# The names lead to networks of the published sizes.

# %%
for r in recipes.values(): check_recipe(r)
with torch.device('meta'):
    n = {k: sum(p.numel() for p in generators[k](None, None).parameters()) for k in generators if k.startswith('s1')}
test_eq(n, dict(s1=8_085_504, s1_attention=8_111_346, s1_32=2_023_424, s1_32_attention=2_029_946))
n

# %% [markdown]
# ## What we have
#
# - tables in which names become networks and losses, and where one's own are entered; [what a recipe reads](../data/sources.ipynb) has that for data;
# - `make_gan`, the two networks of a recipe, and `check_recipe`, errors that list what there is.

# %% [markdown]
# ## Exercises
#
# 1. Enter a critic of your own and train `s0` with it, without changing a file of the library.
# 2. `default` has three learning rates, `s0` two. Where is that decided, and what would a fourth stand for?
# 3. Raise `workers` on photographs that are read late. From which number on do the epochs get no shorter, and what is the bottleneck then?
