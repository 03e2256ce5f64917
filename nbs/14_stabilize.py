# %% [markdown]
# # Steady color
#
# > What a pixel was and will be is a better guess than what it is
#
# A network that looks at one frame at a time makes up its mind anew twenty-four times a second, and every small change of light or noise changes its mind a little. In a picture nobody sees that; in a film the coat shimmers. But the frames of a shot show the same things, and optical flow says where each thing was and will be. So we may ask the network about the same thing several times and take the mean of its answers. At the end of this chapter `stabilize` does that to any colors, from any source, without touching light and without ever looking across a cut.

# %%
#| default_exp stabilize

# %%
#| export
from collections import deque
from dataclasses import dataclass
import cv2, numpy as np
from colorbook.motion import flow, visibility, warp

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from skimage import data

# %% tags=["parameters"]
seed = 42

# %%
#| export
@dataclass
class Steady:
    "A frame between its neighbors"
    item:object # whatever comes with it
    gray:np.ndarray # hxw, uint8
    ab:np.ndarray # h'xw'x3: color, and a third channel of ones that counts
    before:tuple|None=None # flow to the frame before and weight, on the grid of the color; None after a cut
    after:tuple|None=None # flow from the frame before to this one, and weight

# %%
#| export
def link(
    a:np.ndarray, # lightness, hxw, uint8
    b:np.ndarray, # of a neighbor
    shape:tuple, # rows and columns of the color
    strength:float, # weight of a neighbor that is seen perfectly
) -> tuple: # flow from a to b, and the weight of each of its pixels, on the grid of the color
    "How to look up in b what belongs to a, and how far to trust it"
    move = flow(a, b)
    seen = visibility(a/np.float32(255), warp(b, move)/np.float32(255))
    small = lambda x: cv2.resize(x, shape[::-1], interpolation=cv2.INTER_AREA)
    return small(move)*np.float32([shape[1]/a.shape[1], shape[0]/a.shape[0]]),small(seen)[...,None]*np.float32(strength)

# %%
#| export
def gather(
    chain, # color of frames, nearest first, each with the link that leads to it from the one before
): # sum of color and of weights, h'xw'x3, or 0
    "What the frames of one direction say about the first"
    total = 0
    for ab,(move,weight) in reversed(chain): total = weight*warp(ab + total, move)
    return total

# %%
#| export
def stabilize(
    frames, # yields pairs of something with `L` (hxw, 0..1) and `cut` (does a shot begin?), and its color, 2xh'xw'
    strength:float=.9, # weight of a neighbor, 0..1; 0 changes nothing
    window:int=4, # how many frames are asked, in each direction
): # yields the same pairs, `window` frames late
    "Each color as the mean of what its neighbors say, moved with the picture, never across a cut"
    held,at = deque(),0
    def steady():
        me,back,on = held[at],[],[]
        for i in range(at, max(at - window, 0), -1):
            if held[i].before is None: break
            back.append((held[i-1].ab, held[i].before))
        for o in list(held)[at+1:at+1+window]:
            if o.after is None: break
            on.append((o.ab, o.after))
        total = me.ab + gather(back) + gather(on)
        return me.item,np.moveaxis(total[...,:2]/total[...,2:], -1, 0)
    for item,ab in frames:
        o = Steady(item, np.rint(item.L.clip(0, 1)*255).astype(np.uint8), np.dstack([*ab, np.ones_like(ab[0])]))
        if held and not item.cut:
            o.before = link(o.gray, held[-1].gray, ab.shape[1:], strength)
            o.after = link(held[-1].gray, o.gray, ab.shape[1:], strength)
        held.append(o)
        if len(held) > at + window:
            yield steady()
            at += 1
        if at > window: held.popleft(); at -= 1
    while at < len(held):
        yield steady()
        at += 1
