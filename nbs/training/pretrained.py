# %% [markdown]
# # First weights
#
# > What a generator knows before it is trained
#
# Few generators start from chance. The product's image model begins with an encoder that has seen ImageNet, and its film model with a whole image model. At the end of this chapter `state_for` finds the weights that a recipe's generator can begin with, in a file, in the folder of another run, or at torchvision, and an error says which option gives them.

# %%
#| default_exp training.pretrained

# %%
#| export
from pathlib import Path
import pandas as pd, torch
from safetensors.torch import load_file
from torchvision.models import mobilenet_v2
from colorbook.core import InputError
from colorbook.data.photos import weights_file
from colorbook.models.encoder_unet import encoder_state
from colorbook.training.recipes import load_recipe, Recipe
from colorbook.models.registry import generators
from colorbook.training.selection import pick

# %%
#| hide
import tempfile
from fastcore.test import *
from safetensors.torch import save_file
from colorbook.models.unet import MobileUNet
from colorbook.training.recipes import recipes, save_recipe

# %% [markdown]
# ## An encoder

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

# %%
#| export
def image_weights(
    weights=None, # folder of an image run, or one of its .safetensors; else see `encoder_weights`
) -> dict|None: # state dict
    "What a film model begins with: the weights of an image run that its artifact has, or an encoder alone"
    path = Path(str(weights))
    if path.suffix == '.safetensors': return load_file(path)
    if not path.is_dir(): return encoder_weights(weights)
    files = sorted(path.glob('generator-*.safetensors'))
    if not files: raise InputError(f"'{weights}' holds no trained generator", 'give the folder of a run')
    if not (path/'tried.csv').exists(): return load_file(files[-1])
    best = pick(pd.read_csv(path/'tried.csv').to_dict('records'), load_recipe(path/'recipe.yaml').floor)
    return load_file(path/f"generator-{best['tag']}.safetensors")

# %% [markdown]
# ## For a recipe

# %%
#| export
def state_for(
    recipe:Recipe,
    weights=None, # see `encoder_weights`; encoders other than MobileNetV2 start from chance without a file
) -> dict|None: # state dict, or None
    "Pretrained weights that a recipe's generator can begin with"
    kind = generators[recipe.generator].weights
    if kind == 'mobilenet_v2': return encoder_weights(weights)
    if kind == 'image': return image_weights(weights)
    if kind == 'encoder' and weights not in (None, 'none'): return encoder_state(recipe.generator, weights)

# %%
home = Path(tempfile.mkdtemp())
test_fail(lambda: encoder_weights(home/'none.pth'), exc=InputError, contains='--weights none')
(home/'run').mkdir()
test_fail(lambda: image_weights(home/'run'), exc=InputError, contains='no trained generator')
image = MobileUNet(2)
save_file(image.state_dict(), home/'run/generator-0-000.safetensors')
found = state_for(recipes['video'], home/'run')
for k,v in image.state_dict().items(): test_eq(found[k], v)
test_eq(state_for(recipes['default'], 'none'), None)
test_eq(state_for(recipes['s0']), None)
len(found)

# %% [markdown]
# ## What we have
#
# - `state_for`: the weights that a recipe's generator begins with, or none.

# %% [markdown]
# ## Exercises
#
# 1. Train `default` for an epoch with `--weights none`. How much of the lead of the pretrained encoder is left after that?
# 2. Begin a film model with an image model whose run has no `tried.csv`. Which weights does it get?
