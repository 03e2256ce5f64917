# %% [markdown]
# # From names to networks
#
# > A recipe names its networks, losses and pictures; here is what the names stand for
#
# A [recipe](recipes.ipynb) is data, and data cannot hold a network. It holds its name. Generators and critics have tables in [their own chapter](../models/registry.ipynb), [content](../losses/content.ipynb) and [adversarial](../losses/adversarial.ipynb) losses in theirs. At the end of this chapter a recipe becomes a pair of networks, and a recipe that names what does not exist an error that lists what does.

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
from colorbook.color.lab import gray_to_L, grays
from colorbook.core import UsageError
from colorbook.data.loaders import data_loaders, targets
from colorbook.imaging.colorizer import load_model
from colorbook.losses.content import content_losses
from colorbook.models.registry import critics, generators, outputs
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

targets['taught'] = teach

# %% [markdown]
# It answers to each picture by itself, at any size that the network can halve.

# %%
pictures = torch.stack([torch.from_numpy(np.array(o)).permute(2, 0, 1)/255 for o in sample_photos(64)[:2]])
color = teach(pictures)
test_eq(color.shape, (2, 2, 16, 16))
test_close(color[1], load_model().ab(gray_to_L(grays['lstar'](pictures))[1,0].numpy()), eps=1e-6)
assert .02 < color.abs().mean() < 1
color.abs().mean().item()

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
    kind = outputs[generators[recipe.generator].output]
    generator = generators[recipe.generator](size=recipe.size, state=state)
    critic = critics[recipe.critic](size=recipe.size//kind.stride, n_color=kind.channels)
    gan = GAN(generator, critic, weights)
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
# In bfloat16 a number has eight significant bits and float32's range; processors of recent years multiply it twice as fast or better. The weights, their sums of gradients and the losses stay in float32. `video` asks for it; the published systems were trained without, and so are their recipes, and `default`. What it brings is measured in `benchmarks/gan_step.py`.

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
test_fail(lambda: check_recipe(wrong), exc=UsageError, contains="no critic 's00'; choose channels")
for r in recipes.values(): check_recipe(r)
small = ('s2', 's4-gan-l1', 's4-ebgan-l2', 's4-wgan-gp-l1')
{k: len(gan_splitter(make_gan(replace(recipes[k], size=2*size)))) for k in small}

# %% [markdown]
# The names lead to networks of the published sizes.

# %%
for r in recipes.values(): check_recipe(r)
with torch.device('meta'):
    n = {k: sum(p.numel() for p in generators[k]().parameters()) for k in generators.names('s1*')}
test_eq(n, dict(s1=8_085_504, s1_attention=8_111_346, s1_32=2_023_424, s1_32_attention=2_029_946))
n

# %% [markdown]
# ## What we have
#
# - the tables of networks and losses at work, where one's own can be entered; [what a recipe reads](../data/sources.ipynb) has that for data;
# - `make_gan`, the two networks of a recipe, and `check_recipe`, errors that list what there is.

# %% [markdown]
# ## Exercises
#
# 1. Enter a critic of your own and train `s0` with it, without changing a file of the library.
# 2. `default` has three learning rates, `s0` two. Where is that decided, and what would a fourth stand for?
# 3. Raise `workers` on photographs that are read late. From which number on do the epochs get no shorter, and what is the bottleneck then?
