# %% [markdown]
# # First weights
#
# > What a generator knows before it is trained
#
# Few generators start from random weights. The product's image model begins with an encoder that has seen ImageNet, EfficientNet-Lite0 as a package carries it, and its film model with a whole image model. `state_for` finds the weights that a recipe's generator can begin with: those that are named, in a file or in the folder of another run, or torchvision's. What was taken stands in the record of the run, as a hash.

# %%
#| default_exp training.pretrained

# %%
#| export
from pathlib import Path
import torch
from safetensors.torch import load_file
from torchvision.models import mobilenet_v2
from colorbook.core import InputError
from colorbook.data.photos import weights_file
from colorbook.models.encoder_unet import encoder_state
from colorbook.models.registry import generators
from colorbook.training.recipes import Recipe
from colorbook.training.runs import Run
from colorbook.training.selection import chosen_color, pick, tried_by

# %%
#| hide
import math, tempfile
from fastcore.test import *
from safetensors.torch import save_file
from colorbook.models.unet import MobileUNet
from colorbook.training.recipes import recipes, save_recipe
from colorbook.training.runs import state_hash

# %% [markdown]
# ## An encoder

# %% [markdown]
# Weights are never searched for on the disk: two people who type the same command should begin with the same ones. They are named by `--weights`, or for all commands by a folder in the variable `COLORBOOK_WEIGHTS`; where neither is, they are torchvision's.

# %%
#| export
def encoder_weights(
    weights=None, # file of MobileNetV2 weights (a state dict); 'none' to start from chance
) -> dict|None: # state dict, or None
    "Pretrained weights for the encoder: a file, one in the folder `COLORBOOK_WEIGHTS`, or torchvision's"
    if weights == 'none': return None
    weights = weights or weights_file('mobilenet_v2-tf-imagenet.pth')
    try:
        if weights is None: return mobilenet_v2(weights='DEFAULT').state_dict()
        return torch.load(weights, weights_only=True, map_location='cpu')
    except Exception as e:
        what = f"no weights for the encoder ({weights or 'torchvision'}): {e}"
        raise InputError(what, 'give a file with --weights, or --weights none') from e

# %% [markdown]
# ## An image model

# %% [markdown]
# A film model begins as an image model. Of a run that was exported it gets the weights that were shipped, together with the temperature, the share of rebalancing and the saturation that [were chosen](selection.ipynb) for them: without these its colors would be others than those of the artifact that teaches it.

# %%
#| export
def image_weights(
    weights=None, # folder of an image run, or one of its .safetensors; else see `encoder_state`
) -> dict|None: # state dict
    "What a film model begins with: weights and settings of an image run, as in its artifact, or an encoder alone"
    path = Path(str(weights))
    if path.suffix == '.safetensors': return load_file(path)
    if not path.is_dir(): return encoder_state('lite0', weights)
    run = Run(path)
    tried = tried_by(run)
    best = pick(tried, run.recipe.floor) if tried else {}
    state = run.weights(best.get('tag'))
    if 'T' in best: state |= {f'color.{k}': v for k,v in chosen_color(best, run.class_weights()).state_dict().items()}
    return state

# %% [markdown]
# ## For S3

# %% [markdown]
# S3's second term begins with what its first has learned, and its first with an encoder of the scene that was trained before. Both are files of this book's own: the folder of a run, whose newest weights are taken, or one of its files. Such weights are for exactly this network; for a run of the scene's encoder their names begin with `scene.`.

# %%
#| export
def s3_weights(
    weights=None, # folder of a run of `s3` or of its scene, or a .safetensors of either; 'none' or None for chance
) -> dict|None: # state dict
    "What S3's generator begins with: an earlier run of it, or the encoder of its scene alone"
    if weights in (None, 'none'): return None
    path = Path(str(weights))
    scene = path/'scene.safetensors' if path.is_dir() else path
    if scene.exists(): return load_file(scene)
    if not path.is_dir(): raise InputError(f"there is no '{path}'", 'give the folder of a run of s3, or of its scene')
    return Run(path).weights()

# %% [markdown]
# ## For infrared

# %%
#| export
def infrared_weights(
    weights=None, # folder of a run of `nir` or `nir-photos`, or one of its .safetensors; else see `encoder_state`
) -> dict|None: # state dict
    "What a generator for infrared begins with: an earlier run, or EfficientNet-Lite0"
    path = Path(str(weights))
    return Run(path).weights() if path.is_dir() else encoder_state('lite0', weights)

# %% [markdown]
# ## For a recipe

# %% [markdown]
# Which weights a generator can begin with is a fact of [its table](../models/registry.ipynb).

# %%
#| export
def state_for(
    recipe:Recipe,
    weights=None, # see `encoder_weights`, `image_weights`; other encoders start from chance without a file
) -> dict|None: # state dict, or None
    "Pretrained weights that a recipe's generator can begin with"
    kind = generators[recipe.generator].weights
    if kind == 'mobilenet_v2': return encoder_weights(weights)
    if kind == 'image': return image_weights(weights)
    if kind == 's3': return s3_weights(weights)
    if kind == 'infrared': return infrared_weights(weights)
    if kind == 'lite0' or kind == 'encoder' and weights not in (None, 'none'):
        return encoder_state(recipe.generator, weights)

# %%
home = Path(tempfile.mkdtemp())
test_fail(lambda: encoder_weights(home/'none.pth'), exc=InputError, contains='--weights none')
run = Run(home/'run')
run.folder.mkdir()
test_fail(lambda: image_weights(home/'run'), exc=InputError, contains='no trained generator')
images = [MobileUNet(2) for _ in range(2)]
for i,o in enumerate(images): run.save_weights(o, f'0-00{i}')
def begins_with(net):
    "Does a film model begin with exactly these weights?"
    found = state_for(recipes['video'], home/'run')
    return all(torch.equal(found[k], v) for k,v in net.state_dict().items())
test_eq([begins_with(o) for o in images], [False, True])
save_recipe(recipes['default'], run/'recipe.yaml')
(run/'tried.csv').write_text('tag,psnr,ratio\n0-000,20.,.9\n0-001,21.,.5\n')
test_eq([begins_with(o) for o in images], [True, False])
save_file(dict(weights=torch.full((313,), 2.)), home/'run/classes.safetensors')
(run/'tried.csv').write_text('tag,psnr,ratio,T,share,gain\n0-000,20.,.9,.28,.5,1.3\n')
chosen = image_weights(home/'run')
test_close([chosen[f'color.{k}'].mean() for k in ('T', 'gain', 'bias')], [.28, 1.3, -.5*math.log(2)], eps=1e-6)
test_eq(state_hash(s3_weights(home/'run')), state_hash(images[1].state_dict()))
save_file({'scene.x': torch.ones(1)}, home/'run/scene.safetensors')
test_eq(list(state_for(recipes['s3-first'], home/'run')), ['scene.x'])
test_eq((s3_weights(), s3_weights('none')), (None, None))
test_eq(state_hash(infrared_weights(home/'run')), state_hash(images[1].state_dict()))
test_eq(infrared_weights('none'), None)
test_fail(lambda: s3_weights(home/'gone'), exc=InputError, contains='folder of a run of s3')
test_eq((state_for(recipes['default'], 'none'), state_for(recipes['s0'])), (None, None))
assert 'blocks.0.0.conv_dw.weight' in state_for(recipes['default'])

# %% [markdown]
# ## What we have
#
# - `state_for`: the weights that a recipe's generator begins with, or none, and never any that nobody named.

# %% [markdown]
# ## Exercises
#
# 1. Train `default` for an epoch with `--weights none`. How much of the lead of the pretrained encoder is left after that?
# 2. Begin a film model with an image model whose run has no `tried.csv`. Which weights does it get?
