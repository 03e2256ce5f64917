# %% [markdown]
# # Optical flow
#
# > Where each pixel goes, and which pixels cannot be followed
#
# A film in color flickers if one thing changes its color from frame to frame. To see that, or to teach a network not to do it, one has to know that it is the same thing: where each pixel of a frame is found in another one, and whether it is found at all. *Optical flow* answers both, here without any weights to download, and we shall measure by how much the answer is wrong.

# %%
#| default_exp video.flow

# %% tags=["parameters"]
width,height,seed = 320,180,7

# %%
#| export
from functools import lru_cache
import numpy as np
from colorbook.core import InputError, UsageError
try: import cv2
except ImportError as e: raise UsageError(f'optical flow needs OpenCV ({e})', "pip install 'colorbook[film]'") from e

# %%
#| hide
import time
import matplotlib.pyplot as plt, pandas as pd
from PIL import Image
from fastcore.test import *
from skimage import data
from colorbook.data.synthetic import Scene, scene_planes, travel
from colorbook.video.read import read_frames
photo = Image.fromarray(data.astronaut())

# %% [markdown]
# ## A flow and what it is good for

# %% [markdown]
# The flow from picture $a$ to picture $b$ is an arrow at each pixel of $a$. It is measured in pixels, its first component points right and its second down, and it says where the pixel is found in $b$:
#
# $$a(x, y) \approx b\bigl(x + u(x,y),\; y + v(x,y)\bigr)$$
#
# So what can be drawn with it is $b$ as seen from $a$: for each pixel of $a$ we look up the color at the end of its arrow, between four pixels by their weights. That is warping, and it goes against the arrows: with the flow from *this* frame to the *previous* one, the previous frame is brought to where this one is. Arrows that end outside of the picture find the nearest pixel of its edge.

# %%
#| export
@lru_cache(maxsize=4)
def grid(
    h:int,
    w:int,
) -> np.ndarray: # hxwx2, float32, not to be written to
    "Each pixel's own place: first how far right, then how far down"
    out = np.stack(np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)), -1)
    out.setflags(write=False)
    return out

# %%
#| export
def warp(
    x:np.ndarray, # picture b, HxW or HxWxC, uint8 or float32
    flow:np.ndarray, # from a to b, hxwx2 in pixels of b
) -> np.ndarray: # hxw or hxwxC, b as seen from a
    "Look up at the end of each arrow, bilinear; edges are repeated"
    at = grid(*flow.shape[:2]) + flow.astype(np.float32, copy=False)
    out = cv2.remap(x, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out.reshape(*flow.shape[:2], *x.shape[2:])

# %%
noise = np.random.default_rng(seed).random((40, 60, 3), dtype=np.float32)
still,aside = np.zeros((40, 60, 2), np.float32),np.full((40, 60, 2), (5, 3), np.float32)
for x in (noise, noise[...,0], noise[...,:1], (noise*255).astype(np.uint8)): assert np.array_equal(warp(x, still), x)
assert np.array_equal(warp(noise, aside)[:-3,:-5], noise[3:,5:])
assert np.array_equal(warp(warp(noise, aside), -aside)[3:,5:], noise[3:,5:])
ramp = grid(40, 60)[...,0]
test_close(warp(ramp, aside/2)[:,:-3], ramp[:,:-3] + 2.5, eps=1e-5)
warp(ramp, aside)[0,-7:]

# %% [markdown]
# ## Finding the flow

# %% [markdown]
# Two gray pictures are given, and the flow is wanted. Dense inverse search [@kroeger2016] looks for it from coarse to fine: at each size small patches of $a$ are moved by Gauss-Newton steps to where they fit $b$ best, and the arrows of overlapping patches are averaged by how well they fit. It knows nothing about the world and needs no weights; OpenCV has it in three presets, of which `fast` is ours unless we say otherwise. It wants pictures of at least a dozen pixels, so smaller ones are continued by their edges. And it may work on a reduced copy: `scale` .5 takes a quarter of the pixels, and the arrows are enlarged in number and in length.

# %%
#| export
PRESETS = dict(ultrafast=cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST, fast=cv2.DISOPTICAL_FLOW_PRESET_FAST,
    medium=cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

def flow(
    a:np.ndarray, # gray, uint8 HxW
    b:np.ndarray, # the same size
    preset:str='fast', # 'ultrafast', 'fast' or 'medium'
    scale:float=1., # work on copies of this size
) -> np.ndarray: # HxWx2 float32, in pixels: where each pixel of `a` is found in `b`, right and down
    "Optical flow from `a` to `b` by dense inverse search (Kroeger et al. 2016)"
    if a.shape != b.shape: raise InputError(f'frames of {a.shape} and {b.shape} pixels', 'give them one size')
    (h,w),least = a.shape,32
    sh,sw = max(1, round(h*scale)),max(1, round(w*scale))
    if (sh, sw) != (h, w): a,b = (cv2.resize(o, (sw, sh), interpolation=cv2.INTER_AREA) for o in (a, b))
    low,right = max(0, least - sh),max(0, least - sw)
    if low or right: a,b = (cv2.copyMakeBorder(o, 0, low, 0, right, cv2.BORDER_REPLICATE) for o in (a, b))
    out = cv2.DISOpticalFlow_create(PRESETS[preset]).calc(*map(np.ascontiguousarray, (a, b)), None)[:sh,:sw]
    return out if (sh, sw) == (h, w) else cv2.resize(out, (w, h))*np.float32([w/sw, h/sh])

# %% [markdown]
# Two windows of one photograph, 7 pixels right and 4 down from each other, have the same arrow everywhere, and a camera that closes in has arrows that grow from the center. What is found differs by less than .3 pixels on average, some pixels inside the edge, from the zoom with `medium` only; that distance is called the end-point error. `travel` of the [clips with known motion](../data/synthetic.ipynb) moves by fractions of a pixel.

# %%
def window(x, y): return np.asarray(photo.convert('L'))[y:y + 2*height,x:x + width]
def error(found, true, edge=16): return np.linalg.norm(found - true, axis=2)[edge:-edge,edge:-edge]
moved = flow(window(40, 50), window(33, 46))
assert error(moved, (7, 4)).mean() < .3 and moved.shape == (2*height, width, 2)
test_close(np.median(flow(window(33, 46), window(40, 50)), axis=(0, 1)), (-7, -4), eps=.1)
big = photo.resize((width, height), box=(60, 60, 440, 440*9//16 + 60)).convert('L')
near = np.asarray(big.transform(big.size, Image.Transform.AFFINE, (1/1.05, 0, 8, 0, 1/1.05, 4.5), Image.BICUBIC))
zoom = (grid(height, width) + .5 - (8, 4.5))*1.05 - grid(height, width) - .5
closer = {p: error(flow(np.asarray(big), near, p), zoom).mean() for p in PRESETS}
assert closer['medium'] < .2 and closer['fast'] < .4
error(moved, (7, 4)).mean(),closer

# %%
a,b = (np.asarray(o.convert('L')) for o in travel(photo, 2, (width, height), (0, 0), (.02, .01)))
by = .7*min(512/width, 512/height) # pixels of the photo in one of the frame
pan = -np.array([(512 - width*by)*.02, (512 - height*by)*.01])/by
assert error(flow(a, b), pan).mean() < .3
assert error(flow(a, b, scale=.5), pan).mean() < .3
for shape in ((1, 1), (3, 200), (9, 9), (33, 17)):
    o = np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)
    assert np.array_equal(flow(o, o), np.zeros((*shape, 2)))
    test_eq(flow(o, o, scale=.5).shape, (*shape, 2))
test_fail(lambda: flow(a, b[1:]), exc=InputError, contains='one size')
np.median(flow(a, b), axis=(0, 1)),pan

# %% [markdown]
# ## What cannot be followed

# %% [markdown]
# A flow has an arrow everywhere, also where there is nothing to point to: behind the rider who has just passed. Such pixels must not be counted. Two signs give them away [@sundaram2010; @lai2018]. The way there and the way back do not meet: with $w$ the flow from $a$ to $b$ and $\hat w$ the flow from $b$ to $a$, looked up at the end of each arrow,
#
# $$|w+\hat w|^2 > 0.01\left(|w|^2+|\hat w|^2\right)+0.5$$
#
# or the pixel lies where two motions meet, and where flows are never exact:
#
# $$|\nabla u|^2+|\nabla v|^2 > 0.01\,|w|^2+0.002$$
#
# The constants are those of the papers, in pixels, so that an error of .7 pixels is forgiven at rest and one of 14 % in fast motion. A third sign we add because our warping repeats the edge: an arrow that leaves the picture.

# %%
#| export
def inside(
    flow:np.ndarray, # HxWx2, in pixels
) -> np.ndarray: # HxW, bool
    "Which arrows end in the picture"
    h,w = flow.shape[:2]
    x,y = cv2.split(grid(h, w) + flow)
    return (x >= -.5) & (x <= w - .5) & (y >= -.5) & (y <= h - .5)

# %%
#| export
def _square(f:np.ndarray) -> np.ndarray:
    u,v = cv2.split(f)
    return u*u + v*v

def fails_consistency(
    forward:np.ndarray, # flow from a to b, HxWx2 in pixels
    backward:np.ndarray, # flow from b to a
) -> np.ndarray: # HxW, bool: pixels of a
    "Where the way to `b` and back does not end near its beginning"
    back = warp(backward, forward)
    return _square(forward + back) > .01*(_square(forward) + _square(back)) + .5

def motion_border(
    flow:np.ndarray, # HxWx2, in pixels
) -> np.ndarray: # HxW, bool
    "Where two motions meet"
    half = np.array([-.5, 0, .5], np.float32)
    slope = lambda x,y: _square(cv2.sepFilter2D(flow, -1, x, y, borderType=cv2.BORDER_REPLICATE))
    return slope(half, np.ones(1, np.float32)) + slope(np.ones(1, np.float32), half) > .01*_square(flow) + .002

# %%
#| export
def occluded(
    forward:np.ndarray, # flow from a to b, HxWx2 in pixels
    backward:np.ndarray, # flow from b to a
) -> np.ndarray: # HxW, bool: pixels of a
    "Where `a` cannot be followed to `b`: no way back, the border of a motion, or outside (Sundaram et al. 2010)"
    return fails_consistency(forward, backward) | motion_border(forward) | ~inside(forward)

# %% [markdown]
# A square moves 12 pixels to the right over a background that stays. With true flows, what cannot be followed is the strip that it covers, and a thin line around it where the motions meet. With flows that were found the strip comes out as well. But the search makes a slope of the step between two motions, and the line becomes a band of some pixels, which is on the safe side: what is left is what can be trusted (@fig-occluded).

# %%
def scene(x, size=60, at=(50, 60)): # background, square, flow of the square's pixels
    out = np.asarray(photo.convert('L'))[:height,:width].copy()
    out[at[0]:at[0] + size,at[1] + x:at[1] + x + size] = np.asarray(photo.convert('L'))[300:300 + size,250:250 + size]
    return out
def truth(x0, x1, size=60, at=(50, 60)):
    out = np.zeros((height, width, 2), np.float32)
    out[at[0]:at[0] + size,at[1] + x0:at[1] + x0 + size,0] = x1 - x0
    return out
def overlap(a, b): return (a & b).sum()/(a | b).sum()

strip = np.zeros((height, width), bool)
strip[50:110,120:132] = True
forth,back = (flow(*map(scene, o), 'medium') for o in ((0, 12), (12, 0)))
known,found = occluded(truth(0, 12), truth(12, 0)),occluded(forth, back)
line = np.linalg.norm(np.stack(np.gradient(truth(0, 12)[...,0])), axis=0) > 0
assert np.array_equal(fails_consistency(truth(0, 12), truth(12, 0)), strip)
assert np.array_equal(known, strip | line)
assert found[strip].all() and not found[:20].any() and not found[:,:30].any() and not found[:,190:].any()
for o in ((20, 30), (1, 9), (1, 1)): assert not occluded(*[np.zeros((*o, 2), np.float32)]*2).any()
overlap(fails_consistency(forth, back), strip)

# %%
#| label: fig-occluded
#| fig-cap: "A square moves to the right; the flow; and what cannot be followed, by true flows and by found ones."
def flow_picture(f, most=None):
    "Direction as hue, length as saturation"
    size,angle = np.linalg.norm(f, axis=2),np.arctan2(f[...,1], f[...,0])
    hue = (angle/np.pi*90 + 90).astype(np.uint8)
    sat = (255*np.clip(size/(most or size.max() + 1e-6), 0, 1)).astype(np.uint8)
    return cv2.cvtColor(np.stack([hue, sat, np.full_like(hue, 255)], -1), cv2.COLOR_HSV2RGB)
def show_row(ims, titles=None, height=1.5):
    "Pictures in a row, no axes"
    fig,axs = plt.subplots(1, len(ims), figsize=(10, height), layout='constrained')
    for ax,im,t in zip(axs, ims, titles or ['']*len(ims)):
        ax.imshow(im, cmap='gray')
        ax.set_title(t, fontsize=8)
        ax.axis('off')
show_row([scene(0), scene(12), flow_picture(forth), known, found],
    ['frame', 'next', 'flow', 'true', 'found'])

# %% [markdown]
# The fourth picture, made of true flows, is what should come out: the strip that the square covers, and a thin line around it. In the fifth, made of found flows, the line has become a band.
#
# The same in a film. A bird beats its wings (*Big Buck Bunny*, (c) 2008 Blender Foundation, bigbuckbunny.org, CC BY 3.0). The third picture has the direction of the flow as hue and its length as saturation; the fourth is the later frame, fetched along the flow, so it should look like the first one; in the fifth, what cannot be followed is white.

# %%
#| label: fig-flow-film
#| fig-cap: "Two frames of Big Buck Bunny, their flow, the later frame fetched along it, and what cannot be followed."
a,b = [np.asarray(o.im) for o in read_frames('../../asset/bunny.mp4', 17.9, 18.05)][:3:2]
gray = [np.asarray(Image.fromarray(o).convert('L')) for o in (a, b)]
forth,back = flow(*gray, 'medium'),flow(*gray[::-1], 'medium')
hidden = occluded(forth, back)
gap = lambda x: np.abs(x[~hidden].astype(int) - a[~hidden]).mean()
assert gap(warp(b, forth)) < gap(b)
show_row([a, b, flow_picture(forth), warp(b, forth), hidden], ['frame', 'later', 'flow', 'fetched', 'not followed'])

# %% [markdown]
# Around the wings, which move fast and uncover sky, nearly everything is left out; on the trunk and the branch, which stand still, nearly nothing.
#
# The other way to leave pixels out is softer and looks at colors instead of flows: a pixel counts the less, the less it resembles what was fetched for it. It is what the temporal losses of VCGAN use [@zhao2022], with 50 as the constant; a difference of .1 in one channel leaves a weight of $e^{-1/2}$.

# %%
#| export
def visibility(
    a:np.ndarray, # picture in 0..1, HxW or HxWxC
    b_warped:np.ndarray, # another one as seen from it, see `warp`
    sharp:float=50., # the constant of the papers
) -> np.ndarray: # HxW, in 0..1
    "Weight of each pixel by its squared difference, exp(-sharp d^2)"
    d = np.square(a - b_warped)
    return np.exp(-sharp*(d.sum(-1) if d.ndim == 3 else d))

# %%
base = np.zeros((4, 5, 3), np.float32)
assert np.array_equal(visibility(base, base), np.ones((4, 5)))
test_close(visibility(base, base + np.float32([.1, 0, 0])), np.exp(-.5), eps=1e-6)
test_close(visibility(base, base + .1), np.exp(-1.5), eps=1e-6)
test_close(visibility(base[...,0], base[...,0] + 1), np.exp(-50), eps=1e-12)
visibility(base, base + .1)[0,0]

# %% [markdown]
# ## How wrong is the flow?

# %% [markdown]
# [Scenes whose flow is known](../data/synthetic.ipynb) measure the presets: eight of them, next frames, and the end-point error over all pixels, over those that `occluded` leaves, and at the median pixel. Then how many of the hidden pixels are left out, as they should, and how many of the visible ones, as they should not. `medium` on half of the size costs about as much as `fast` on the whole, and is as good; at full size it is twice as exact, for four times the time.

# %%
def measure(preset, scale, scenes=8):
    "Mean end-point errors, shares left out, milliseconds a flow"
    rows = []
    for i in range(scenes):
        im = photo if i%2 else Image.fromarray(data.chelsea())
        s = Scene(scene_planes(im, (width, height), seed + i), (width, height))
        a,b = (np.asarray(s.at(t).convert('L')) for t in (0, 1))
        true,seen = s.flow(0, 1)
        begin = time.perf_counter()
        f,g = flow(a, b, preset, scale),flow(b, a, preset, scale)
        took,e,use = time.perf_counter() - begin,np.linalg.norm(f - true, axis=2),~occluded(f, g)
        rows.append((e.mean(), e[use].mean(), np.median(e), 1 - use[~seen].mean(), 1 - use[seen].mean(), took*500))
    return dict(zip(('all', 'not left out', 'median', 'hidden left out', 'visible left out', 'ms'), np.mean(rows, 0)))
table = pd.DataFrame({(p, s): measure(p, s) for p in PRESETS for s in (1, .5)}).T
whole = table.xs(1, level=1)
assert (whole['not left out'] < whole['all']).all() and (table['hidden left out'] > table['visible left out']).all()
assert whole.loc['medium', 'not left out'] < .2 and whole.loc['fast', 'not left out'] < .4
table.round(2)

# %%
#| label: fig-error
#| fig-cap: "End-point error of three presets at full size: share of the visible pixels whose error is larger."
def errors(preset, i):
    s = Scene(scene_planes(photo, (width, height), seed + i), (width, height))
    true,seen = s.flow(0, 1)
    return np.linalg.norm(flow(*(np.asarray(s.at(t).convert('L')) for t in (0, 1)), preset) - true, axis=2)[seen]
fig,ax = plt.subplots(figsize=(6, 2.5))
for p in PRESETS:
    e = np.sort(np.concatenate([errors(p, i) for i in range(4)]))
    ax.plot(e, 1 - np.arange(len(e))/len(e), label=p)
ax.set(xscale='log', yscale='log', xlim=(.01, 20), ylim=(1e-3, 1), xlabel='pixels', ylabel='share above')
ax.legend();

# %% [markdown]
# A point on a curve says which share of the pixels is off by more than so many pixels. By more than one pixel `medium` is off at about 3 % of them, `fast` at 6 %, `ultrafast` at 12 %. By more than three pixels hardly any pixel is off, whichever preset one takes.

# %% [markdown]
# ## What we have
#
# - `flow`, `warp` and two ways to leave out what cannot be followed, without a network;
# - the error of the flow, measured on scenes whose motion is known.

# %% [markdown]
# ## Exercises
#
# 1. Chain the flows of eight neighboring frames and compare with `flow` from the first to the last. Which is nearer to `Scene.flow`, and where?
# 2. Lower the contrast of both frames to a tenth. Which preset suffers most, and why does a patch search need texture?
# 3. Let the light change between the frames by 10 %. What does `occluded` leave out, and what does `visibility`?
