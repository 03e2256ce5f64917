# %% [markdown]
# # Color as classification
#
# > 313 bins, soft targets, rebalancing and the annealed mean

# %%
#| default_exp classify

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.lab import lab_to_linear

# %%
#| export
def ab_bins(
    grid:int=10, # distance of neighboring bins
    steps:int=101, # lightness levels that are tried for each bin
) -> Tensor: # `n`x2 centers of the bins that some sRGB color falls into, in a and b
    "Centers of the ab grid that lie in sRGB's gamut at some lightness: 313 for the grid of Zhang et al. (2016)"
    axis = torch.arange(-110., 111., grid)
    ab = torch.cartesian_prod(axis, axis)
    L = torch.linspace(0, 100, steps)
    return ab
