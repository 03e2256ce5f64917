# %% [markdown]
# # Warping along a flow
#
# > The same thing found in two frames of a clip, on tensors and differentiable
#
# A film colored frame by frame flickers: the network is a little unsure of each color, and twenty-four times a second the eye notices. A loss that is to see flicker must compare the same thing in two frames, and things move. So batches of frames are moved along an optical flow, each pixel gets a weight for how far its flow can be trusted, and a rule says which frames of a clip are compared. [Optical flow](../video/flow.ipynb) finds flows; here we only use them, and we check that both chapters mean the same by them.

# %%
#| default_exp data.warp

# %% tags=["parameters"]
bs,seed = 2,13

# %%
#| export
import torch, torch.nn.functional as F
from torch import Tensor

# %%
#| hide
import numpy as np
from fastcore.test import *
from colorbook.color.lab import show_row
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## Warping

# %% [markdown]
# To see flicker in a colored film we must compare the same thing in two frames, and things move. An optical flow $w$ says for each pixel of frame $j$ where it was in frame $i$: what is at $p$ now was at $p+w(p)$ then. To *warp* frame $i$ is to fetch it from there, in between pixels bilinearly:
#
# $$\hat y_i(p)=y_i(p+w(p))$$

# %%
#| export
def warp_batch(
    y:Tensor, # pictures, `n`xCxhxw
    flow:Tensor, # where each pixel is found in `y`: pixels to the right and down, `n`x2xhxw
) -> Tensor: # `n`xCxhxw; beyond the edge its last pixel goes on
    "Fetch each pixel from where the flow points to"
    h,w = y.shape[-2:]
    at = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing='xy')).to(flow) + flow
    side = torch.tensor([max(w - 1, 1), max(h - 1, 1)]).to(flow).view(2, 1, 1)
    return F.grid_sample(y, (at*2/side - 1).permute(0, 2, 3, 1), padding_mode='border', align_corners=True)

# %% [markdown]
# As a check, a flow of whole pixels must bring them as they are, half a pixel must bring the mean of two neighbors, and a flow that points out of the picture must bring the edge.

# %%
y = torch.rand(bs, 3, 9, 12)
flow = torch.zeros(bs, 2, 9, 12)
test_close(warp_batch(y, flow), y, eps=1e-6)
flow[:,0],flow[:,1] = 2,-1
test_close(warp_batch(y, flow)[...,1:,:-2], y[...,:-1,2:], eps=1e-5)
test_close(warp_batch(y, flow)[...,0,:-2], y[...,0,2:], eps=1e-5)
half = torch.zeros(bs, 2, 9, 12)
half[:,0] = .5
test_close(warp_batch(y, half)[...,:-1], (y[...,:-1] + y[...,1:])/2, eps=1e-5)
mixed = torch.zeros(1, 2, 1, 3)
mixed[0,0,0] = torch.tensor([2., 0, -1])
test_eq(warp_batch(torch.tensor([[[[1., 2, 4]]]]), mixed), torch.tensor([[[[4., 2, 2]]]]))
warp_batch(y, flow).shape

# %% [markdown]
# Not everything in a frame was there in the one before. Where the *true* frames, one warped to the other, disagree by $d$, the pixel was hidden, or the flow is wrong, or the light has changed; there the color may change as well. VCGAN [@zhao2022] weighs every pixel by
#
# $$v=\exp(-50\,\lVert x_j-\hat x_i\rVert^2)$$
#
# over RGB in 0..1, which is one half at a difference of 0.12. Where the flow points out of the picture, there is no true pixel and $v=0$.

# %%
#| export
def visibility_batch(
    first:Tensor, # true earlier frames, `n`xCxhxw, in 0..1
    later:Tensor, # true later frames
    flow:Tensor, # where each pixel of `later` is found in `first`, `n`x2xhxw
    k:float=50., # how fast trust falls
) -> Tensor: # `n`x1xhxw, 1 where both show the same thing
    "How far a flow can be trusted: exp(-k d^2) (Zhao et al., VCGAN), 0 outside of the picture"
    h,w = flow.shape[-2:]
    at = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing='xy')).to(flow) + flow
    inside = (at >= -.5).all(1) & (at[:,0] <= w - .5) & (at[:,1] <= h - .5)
    return (torch.exp(-k*(later - warp_batch(first, flow)).square().sum(1))*inside)[:,None]

# %%
a = torch.rand(1, 3, 6, 8)
b,shift = a.roll(2, 3),torch.zeros(1, 2, 6, 8)
shift[:,0] = -2
sure = visibility_batch(a, b, shift)
test_close(sure[...,2:], 1, eps=1e-4)
test_eq(sure[...,:2].abs().max(), torch.tensor(0.))
test_close(visibility_batch(a, a + .1, shift*0), np.exp(-50*3*.01), eps=1e-4)
sure[0,0,0]

# %% [markdown]
# ## Both definitions are one

# %% [markdown]
# [Optical flow](../video/flow.ipynb) has `warp` and `visibility` too, on NumPy and OpenCV, for one picture and without gradients. For random pictures and random flows, many of which point out of the picture, both must look up the same pixels. OpenCV counts the place between two pixels in 32nds, so the two differ by at most a 32nd of the step from one pixel to the next in each direction; at places that are multiples of a 32nd they are equal.

# %%
from colorbook.video import flow as arrays
rng = np.random.default_rng(seed)
pictures,moves = rng.random((2, 20, 30, 3), dtype=np.float32),rng.uniform(-9, 9, (2, 20, 30, 2)).astype(np.float32)
exact = np.round(moves*32)/32
tensor = lambda o: torch.from_numpy(o).permute(0, 3, 1, 2)
def both(moves):
    "The batch warped by tensors, and by arrays one after the other"
    ours = warp_batch(tensor(pictures), tensor(moves)).permute(0, 2, 3, 1).numpy()
    return ours,np.stack([arrays.warp(o, m) for o,m in zip(pictures, moves)])
test_close(*both(exact), eps=1e-4)
assert np.abs(np.subtract(*both(moves))).max() < 2/32
weight = visibility_batch(tensor(pictures), tensor(pictures[::-1].copy()), tensor(exact))[:,0].numpy()
theirs = np.stack([arrays.visibility(a, arrays.warp(b, m))*arrays.inside(m)
                   for a,b,m in zip(pictures[::-1], pictures, exact)])
test_close(weight, theirs, eps=1e-4)
assert (theirs == 0).mean() > .1
np.abs(np.subtract(*both(moves))).max()

# %% [markdown]
# ## Which frames are compared

# %% [markdown]
# Neighbors, $(t,t+1)$, keep color from flickering: the short term. The first frame and each later one, $(0,t)$, keep it from drifting: the long term; where $t=1$ it would be the short one again and is left out. Whoever measures flows for a clip and whoever spends them in [a loss](../losses/temporal.ipynb) go through the pairs in this order.

# %%
#| export
def compared_pairs(
    n:int, # frames of a clip that are answered
) -> list: # pairs (earlier, later): neighbors first, then the first frame with each from the third on
    "Which frames of a clip are compared"
    return [(i, i + 1) for i in range(n - 1)] + [(0, i) for i in range(2, n)]

# %%
test_eq([compared_pairs(o) for o in (1, 2, 3, 4)], [[], [(0, 1)], [(0, 1), (1, 2), (0, 2)],
    [(0, 1), (1, 2), (2, 3), (0, 2), (0, 3)]])
{n: len(compared_pairs(n)) for n in range(1, 9)}

# %%
#| label: fig-warp
#| fig-cap: "Two frames of a moving camera, their difference without and with warping, and what is visible."
rgb = torch.from_numpy(np.array(sample_photos(128)[2])).permute(2, 0, 1)[None]/255
film = torch.cat([rgb[...,32:96,2*i:2*i + 96] for i in range(3)])
move = torch.zeros(1, 2, 64, 96)
move[:,0] = 4
apart = (film[2] - film[0]).abs().mean(0, keepdim=True)*3
warped = (film[2:] - warp_batch(film[:1], move)).abs().mean(1)*3
seen = visibility_batch(film[:1], film[2:], move)[0]
assert (seen[...,:-4] > .999).all() and (seen[...,-3:] == 0).all()
show_row([film[0], film[2], apart, warped, seen], ['first', 'third', 'difference', 'warped', 'visible'])

# %% [markdown]
# The camera has moved by four pixels from the first to the third frame, so their plain difference (third picture) shows every edge. After warping the difference is black, except for the strip at the right where the camera sees something new. The same strip is black in the last picture: there nothing is compared.

# %% [markdown]
# ## What we have
#
# - `warp_batch` and `visibility_batch`, on tensors, with gradients, equal to those of the tools for films;
# - `compared_pairs`, the order in which the frames of a clip are compared.

# %% [markdown]
# ## Exercises
#
# 1. A light is switched on in a film. What does the visibility say in that frame, and what should it say if color is compared and not light?
# 2. Which gradient does `warp_batch` have with respect to the flow? Move a picture by half a pixel with it, by gradient descent alone.
# 3. How many pairs would be compared if every frame were compared with every other, and what would the loss gain?
