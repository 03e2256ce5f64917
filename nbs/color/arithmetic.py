# %% [markdown]
# # Arithmetic for Lab
#
# > Three helpers of the formulas of Lab: 16-bit pictures, mixed precision, and a search by halves
#
# [Light and color](../lessons/light_and_color.ipynb) has the formulas of Lab in their shortest form. They stand on three small functions that have nothing to do with color and that training on a graphics card cannot do without: one keeps 16-bit numbers out of the formulas, one adds three channels so that mixed precision leaves them alone, and one finds the largest share of something that fits. For each you will see what goes wrong without it.

# %%
#| default_exp color.arithmetic

# %% tags=["parameters"]
size,seed = 64,7

# %%
#| export
from functools import wraps
import numpy as np, torch
from torch import Tensor
from colorbook.core import InputError

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.color.conversion import rgb_to_lab, to_linear
from colorbook.color.srgb import RGB_TO_XYZ

# %% [markdown]
# ## Sixteen bits

# %% [markdown]
# A network may compute with 16-bit numbers, and its pictures then come in the same type. There are two: *half* has eleven significant bits and a small range, *bfloat16* eight bits and the range of 32-bit floats. Eight bits are as many as a picture file has, so one number can be stored that way well enough. But the way to Lab is a power, three sums and a cube root, and rounding after each of them adds up. So what comes in 16 bits is computed in 32 and rounded once, at the end. Numbers of 64 bits stay what they are. Bytes, which a formula for 0..1 would take for enormous amounts of light, are refused.

# %%
#| export
def at_least_float32(
    f, # function of a tensor
): # the same function; its result has the type of its input
    "`f` computed in float32 where its input is half or bfloat16"
    @wraps(f)
    def inner(x, *args, **kwargs):
        if not x.is_floating_point(): raise InputError(f'pictures are floats here, not {x.dtype}', 'divide by 255')
        return f(x.float(), *args, **kwargs).to(x.dtype) if x.element_size() < 4 else f(x, *args, **kwargs)
    return inner

# %%
torch.manual_seed(seed)
pictures = torch.rand(4, 3, size, size)
for dtype in (torch.half, torch.bfloat16):
    x = pictures.to(dtype)
    assert torch.equal(rgb_to_lab(x), rgb_to_lab(x.float()).to(dtype))
test_eq(rgb_to_lab(pictures.double()).dtype, torch.float64)
test_fail(lambda: rgb_to_lab((pictures*255).byte()), exc=InputError, contains='divide by 255')
gray = torch.linspace(0, 1, 400).expand(1, 3, 1, -1)
exact = rgb_to_lab(gray)
careless = rgb_to_lab.__wrapped__(gray.bfloat16()).float() # the same formulas without the decorator
once = rgb_to_lab(gray.bfloat16()).float()
off = [(o - exact).abs().amax((0, 2, 3)).max().item() for o in (careless, once)]
assert off[0] > 2*off[1]
f'off by {off[0]:.2f} units of Lab when every step is rounded, by {off[1]:.2f} when the end is'

# %%
#| label: fig-sixteen
#| fig-cap: "a of a ramp from black to white, which has no color: each step in bfloat16, and rounded once."
fig,ax = plt.subplots(figsize=(6, 2.2), layout='constrained')
for o,name in ((careless, 'each step'), (once, 'once')): ax.plot(gray[0,0,0], o[0,1,0], label=name, lw=1)
ax.set(xlabel='stored gray value', ylabel='a')
ax.legend(frameon=False);

# %% [markdown]
# In @fig-sixteen all values should be zero, since a gray has no color. Rounded at every step, the ramp comes out with stripes of green and red, up to two units strong. Rounded once, it stays gray.

# %% [markdown]
# ## A sum that stays what it is

# %% [markdown]
# A matrix times the three channels of each pixel is one line of `einsum`. But under *autocast*, by which torch decides for each operation of a network whether 16 bits are enough, an `einsum` is computed in bfloat16, and its inputs are rounded although they came in 32 bits. Three products and two sums, written out, are left in 32 bits.

# %%
#| export
def channel_sums(
    x:Tensor, # `bs`x3x... pictures
    rows, # three weights for each output channel, plain numbers or an array
) -> Tensor: # `bs`xlen(`rows`)x...
    "Weighted sums of the three channels of `x`"
    r,g,b = x.unbind(1)
    return torch.stack([i*r + j*g + k*b for i,j,k in np.asarray(rows).tolist()], 1)

# %%
light,M = to_linear(pictures),torch.tensor(RGB_TO_XYZ).float()
by_einsum = torch.einsum('ij,bjhw->bihw', M, light)
test_close(channel_sums(light, RGB_TO_XYZ), by_einsum, eps=1e-6)
with torch.autocast('cpu', torch.bfloat16):
    test_eq(torch.einsum('ij,bjhw->bihw', M, light).dtype, torch.bfloat16)
    assert torch.equal(channel_sums(light, RGB_TO_XYZ), channel_sums(light, RGB_TO_XYZ))
    under = rgb_to_lab(pictures)
assert torch.equal(under, rgb_to_lab(pictures))
test_eq(under.dtype, torch.float32)

# %% [markdown]
# Without autocast both ways are equal. Under it the `einsum` comes back in bfloat16, and Lab by `channel_sums` is what it was, to the last bit.

# %% [markdown]
# ## The largest share that fits

# %% [markdown]
# How strong can a color be before a screen can no longer show it? There is no short formula for the largest factor, but one can ask of any factor whether the color still fits. So we halve: if one half fits, the answer is above it, otherwise below, and so on; sixteen questions leave an interval of a hundred-thousandth. All pixels are asked at the same time. What fits whole gets exactly 1 and is not changed by rounding.

# %%
#| export
def largest_share(
    fits, # asked with shares of the shape of `like`: where do they fit?
    like:Tensor, # one value for each share that is to be found
    steps:int=16, # halvings: a share is exact to 2**-steps
) -> Tensor: # in 0..1, exactly 1 where all fits
    "The largest shares that fit, where less than what fits always fits"
    lo,hi = torch.zeros_like(like),torch.ones_like(like)
    whole = fits(hi)
    for _ in range(steps):
        mid = (lo + hi)/2
        ok = fits(mid)
        lo,hi = torch.where(ok, mid, lo),torch.where(ok, hi, mid)
    return torch.where(whole, 1., lo)

# %%
limit = torch.tensor([0., .3, .7, 1., 2.])
for steps in (4, 16):
    share = largest_share(lambda k: k <= limit, limit, steps)
    assert (share <= limit).all() and (limit.clamp(max=1) - share < 2.**-steps).all()
test_eq(share[3:], torch.ones(2))
share

# %% [markdown]
# ## What we have
#
# - `at_least_float32`, a decorator for functions of pictures in any float type;
# - `channel_sums`, a matrix for pixels that autocast leaves alone;
# - `largest_share`, a search by halves for many pixels at once.

# %% [markdown]
# ## Exercises
#
# 1. Draw @fig-sixteen for half instead of bfloat16. How large is the error now, in units of Lab?
# 2. Ask `largest_share` for something that has a hole: shares below 0.2 and from 0.6 to 0.9 fit. What does it answer, and why may [the gamut](lab.ipynb#colors-that-do-not-fit) of a screen have no hole along a ray?
