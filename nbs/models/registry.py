# %% [markdown]
# # Names of networks
#
# > Two tables, one of generators and one of critics, in which every network says what it answers or can judge
#
# A recipe cannot hold a network, but it can hold its name. Each network enters itself in a table where it is defined, and says there what has to be known before it is put to work. A generator says what kind of answer it gives, from which the target and the losses follow; a critic says what kind of color it can judge and what its verdict is. @tbl-generators and @tbl-critics are the two tables: which network goes with which can be read off them without making one.

# %%
#| default_exp models.registry

# %% tags=["parameters"]
size,seed = 64,0

# %%
#| export
from typing import NamedTuple
from torch import nn
from colorbook.core import Registry

# %%
#| hide
import pandas as pd, torch
from fastcore.test import *

# %% [markdown]
# ## Seven kinds of answers

# %% [markdown]
# Some generators answer with a picture, most with color for the lightness they were given, and some with scores of 313 classes of color; some answer at full size and some at a quarter of it; [S3's](s3.ipynb) also say where one looks. The kind of answer decides four things: with which true colors it is compared, how many channels a critic sees, how large they are, and whether a map of saliency comes with them.

# %%
#| export
class Output(NamedTuple):
    "What follows from the kind of a generator's answer"
    target:str # key of `colorbook.data.loaders.targets`: the truth that it is compared with
    channels:int # of the color that it stands for
    stride:int # side of the picture over side of the answer
    saliency:bool=False # is there a map of saliency, as one channel more?

outputs = dict(rgb=Output('rgb', 3, 1), ab=Output('ab', 2, 1), ab4=Output('ab4', 2, 4),
    bins=Output('ab', 2, 1), bins4=Output('ab4', 2, 4), rgb_saliency=Output('rgb', 3, 1, True),
    ab4_saliency=Output('ab4', 2, 4, True))

# %% [markdown]
# ## Two tables

# %% [markdown]
# A generator's entry has its `output`; the number of channels it looks at, `n_in`; whether it is made for films, and takes the frames before and after; whether noise can choose between its answers; and which pretrained `weights` it can begin with: those of MobileNetV2, of the `encoder` that it is named after, of an `image` model, or of an earlier run of `s3`. A builder is offered the side of the pictures and these weights, and takes what it needs.
#
# A critic's entry has the `colors` that it can judge, whether it answers with an energy instead of a score, whether it sees a map of `saliency` beside the color, and whether it `mixes` the pictures of a batch, as batch norm does; its builder is offered the side and the channels of the color.

# %%
#| export
_home = ' '.join(f'colorbook.models.{o}' for o in
    ('s0', 's2', 's3', 'pix2pix', 'classifiers', 'unet', 'encoder_unet', 'critics', 'energy_critic', 'temporal',
    'infrared'))
generators = Registry('generator', _home, shared='size state', output='ab', film=False, noise=False, weights='',
    n_in=1)
critics = Registry('critic', _home, shared='size n_color', colors=('rgb', 'ab'), energy=False, mixes=False,
    saliency=False)

# %%
#| export
def list_generators(
    pattern:str='*', # with wildcards, such as 's1*'
) -> list: # names
    "Generators that there are"
    return generators.names(pattern)

def list_critics(
    pattern:str='*', # with wildcards, such as 's4*'
) -> list: # names
    "Critics that there are"
    return critics.names(pattern)

def create_generator(
    name:str, # one of `list_generators`
    **settings, # `size`, side of the pictures, and `state`, pretrained weights, where the generator needs them
) -> nn.Module: # called with lightness; its method `color` makes color of the answer
    "A generator by its name"
    return generators[name](**settings)

def create_critic(
    name:str, # one of `list_critics`
    **settings, # `size` and `n_color`, side and channels of the color
) -> nn.Module: # called with lightness and color
    "A critic by its name"
    return critics[name](**settings)

# %% [markdown]
# In the tables of the library, a row is a network and a column is a fact.

# %%
#| hide
from colorbook.models.registry import critics, generators

# %%
#| label: tbl-generators
#| tbl-cap: "Generators, and what they say of themselves."
table = pd.DataFrame({k: {f: getattr(generators[k], f) for f in generators.facts} for k in generators}).T
assert set(table.output) == set(outputs)
assert set(table.weights) == {'', 'mobilenet_v2', 'encoder', 'image', 'lite0', 's3', 'infrared'}
table

# %%
#| label: tbl-critics
#| tbl-cap: "Critics, and what they can judge."
table = pd.DataFrame({k: {f: getattr(critics[k], f) for f in critics.facts} for k in critics}).T
test_eq([k for k in critics if critics[k].energy], ['energy'])
table

# %% [markdown]
# To find critics for a generator, take the color of its `output` in @tbl-generators (`rgb`, `ab`, or `ab4`, which is `ab` at a quarter of the size) and look for rows of @tbl-critics whose `colors` have it.

# %% [markdown]
# Do the entries tell the truth? Small networks are asked: an answer must have the channels and the size that its kind says.

# %%
torch.manual_seed(seed)
L = torch.rand(2, 1, size, size)
for name in ('s1_32', 'mobile_ab', 'plain_bins', 'stride1', 'pix2pix_batch'):
    net,kind = create_generator(name, size=size),outputs[generators[name].output]
    with torch.no_grad(): color = net.color(net.eval()(L))
    test_eq(color.shape, (2, kind.channels, size//kind.stride, size//kind.stride))
test_eq({generators[o].n_in for o in generators}, {1, 3})
test_eq(list_generators('s1*'), ['s1', 's1_32', 's1_32_attention', 's1_attention'])
color.abs().mean()

# %% [markdown]
# And a critic with batch norm must change its verdict on one picture when the other picture of the batch changes, a critic without it must not. `True` below means that it does.

# %%
def mixes(name):
    "Does the verdict on the first picture change with the second?"
    net,color = create_critic(name, size=size, n_color=2),torch.rand(2, 2, size, size, requires_grad=True)
    return torch.autograd.grad(net(L, color)[0].sum(), color)[0][1].abs().max().item() > 0
said = {o: mixes(o) for o in ('s2_pool', 's4', 's4_gp', 'patch', 'lab')}
test_eq(said, {o: critics[o].mixes for o in said})
said

# %% [markdown]
# ## What we have
#
# - `generators` and `critics`, tables that are complete as soon as they are looked at;
# - `create_generator`, `create_critic` and their lists, with wildcards;
# - `outputs`, from which target, channels and size follow.

# %% [markdown]
# ## Exercises
#
# 1. Enter a generator of your own in a notebook and train the recipe `s4-gan-l1` with it. Which facts did you have to give, and which would have been noticed if they were wrong?
# 2. What would an eighth kind of answer be, and what has to be said about it?
