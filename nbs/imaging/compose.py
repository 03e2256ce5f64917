# %% [markdown]
# # Painting
#
# > A small map of colors is joined to the light of the full photograph
#
# A photograph of twelve million pixels is colored by a network that looks at sixty-five thousand. That works because the eye is generous with color and strict with light: color may come from a small copy, light must be the photograph's own. `paint` joins the two for every pixel, in a fraction of a second, and the lightness of every byte stays the same byte. What makes it more than an enlargement is seen in @fig-guided: color ends where the light has an edge. The color mathematics is that of [light and color in NumPy](../color/srgb.ipynb); no network is needed yet.

# %%
#| default_exp imaging.compose

# %%
#| export
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
import numpy as np
from PIL import Image
from colorbook.core import core_count
from colorbook.color.srgb import LEVELS, fit_gamut, lab_f_inv, light, linear_rgb, lookup_tables, srgb_encode

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import color, data
from sklearn.datasets import load_sample_images

# %% [markdown]
# ## Color follows light

# %% [markdown]
# The network answers at a quarter of its size: 64 by 64 for a picture of any size. Enlarged as it is, a red coat would glow beyond its edge. But where the light has an edge the color probably has one too, and the light is known in full. So in every small window we fit color as a straight line over lightness, with slope $s$. The detail of the light, which the small copy does not have, then moves color along that line:
#
# $$ ab(x) = \overline{ab}(x) + s(x)\,\bigl(L(x) - \overline{L}(x)\bigr), \qquad s = \frac{\operatorname{cov}(L, ab)}{\operatorname{var}(L) + \varepsilon} $$
#
# where a bar means: enlarged from the small copy. It is the guided filter of He, Sun and Tang (2013) with one difference: theirs smooths $\overline{ab}$ in the windows as well, which is right for noisy maps and wrong for ours.

# %%
#| export
def resize(
    x:np.ndarray, # HxW, float32
    w:int, # width wanted
    h:int, # height wanted
    how:int=Image.BILINEAR, # a filter of Pillow
) -> np.ndarray: # hxw, float32
    "Shrink or enlarge one plane; shrinking averages, so nothing aliases"
    return np.asarray(Image.fromarray(np.ascontiguousarray(x, dtype=np.float32)).resize((w, h), how))

# %%
#| export
def _box(
    x:np.ndarray, # ...xhxw
) -> np.ndarray: # the same
    "The mean of every 3x3 window, edges repeated"
    h,w = x.shape[-2:]
    p = np.pad(x, [(0, 0)]*(x.ndim-2) + [(1, 1), (1, 1)], mode='edge')
    return sum(p[...,i:i+h,j:j+w] for i in range(3) for j in range(3))/np.float32(9)

# %%
#| export
def chroma_maps(
    L:np.ndarray, # hxw, lightness in 0..1 of the copy that the network saw
    ab:np.ndarray, # 2 x h/4 x w/4, color
    eps:float=.005, # variance of lightness below which an edge is not believed
) -> np.ndarray: # 4xhxw: slopes of a and b, then offsets
    "Color as slope times lightness plus offset, on the grid of the copy"
    (h,w),(hs,ws) = L.shape,ab.shape[1:]
    l = resize(L, ws, hs, Image.BOX)
    m,mab = _box(l),_box(ab)
    slope = _box((_box(l*ab) - m*mab)/(_box(l*l) - m*m + np.float32(eps)))
    up = lambda x: np.stack([resize(p, w, h, Image.BICUBIC) for p in x])
    A = up(slope)
    return np.concatenate([A, up(ab) - A*up(l[None])])

# %%
#| export
def _between(
    n:int, # old number of rows
    size:int, # new number of rows
    at:slice=slice(None), # which of the new rows
) -> tuple[np.ndarray,np.ndarray,np.ndarray]: # row before, row after, share of the row after
    "Where new rows lie between old ones, centers aligned and edges repeated"
    t = ((np.arange(size)[at] + .5)*n/size - .5).clip(0, n-1)
    low = t.astype(np.intp)
    return low, np.minimum(low+1, n-1), (t-low).astype(np.float32)

# %%
#| export
def resize_width(
    maps:np.ndarray, # ...xhxw
    width:int, # new width
) -> np.ndarray: # ...xhxwidth
    "Enlarge along rows by linear interpolation"
    low,high,t = _between(maps.shape[-1], width)
    left = maps.take(low, -1)
    return left + t*(maps.take(high, -1) - left)

# %%
#| export
def resize_rows(
    maps:np.ndarray, # ...xhxW, already widened
    height:int, # height of the whole picture
    at:slice, # which of its rows
) -> np.ndarray: # ...xnxW
    "Some rows of the maps, enlarged to the whole picture's height"
    low,high,t = _between(maps.shape[-2], height, at)
    out = np.empty((*maps.shape[:-2], len(t), maps.shape[-1]), np.float32)
    for j in np.unique(low):
        r = slice(*np.searchsorted(low, (j, j+1)))
        top = maps[...,j:j+1,:]
        np.multiply(maps[...,high[r.start]:high[r.start]+1,:] - top, t[r,None], out=out[...,r,:])
        out[...,r,:] += top
    return out

# %% [markdown]
# How much is lost if the colors of real photographs are made so small and enlarged again? We take the true $ab$ of color pictures at a quarter of the network's size, and compare ways back by their PSNR: plain cubic enlargement, the guided filter as published, and ours with three values of $\varepsilon$. The best is what `chroma_maps` does by default. The published filter is *worse* than plain enlargement, since it smooths what is already small.

# %%
def true_maps(rgb):
    "Lightness, small lightness and small true color of a picture"
    h,w = rgb.shape[:2]
    wn,hn = (round(256*(a/b)**.5/32)*32 for a,b in ((w, h), (h, w)))
    lab = np.moveaxis(color.rgb2lab(rgb), -1, 0).astype(np.float32)
    small = np.moveaxis(color.rgb2lab(np.asarray(Image.fromarray(rgb).resize((wn, hn), Image.BILINEAR))), -1, 0)
    ab = np.stack([resize(p, wn//4, hn//4, Image.BOX) for p in small[1:]])/np.float32(110)
    return lab[0]/100, small[0]/np.float32(100), ab

def guided(L, small, ab, maps):
    "Color of every pixel by slopes and offsets"
    big = resize_rows(resize_width(maps, L.shape[1]), L.shape[0], slice(None))
    return big[:2]*L + big[2:]

def published(L, ab, eps=.005):
    "Slopes and offsets of the guided filter of 2013, enlarged linearly"
    l = resize(L, *ab.shape[:0:-1], Image.BOX)
    m,mab = _box(l),_box(ab)
    A = (_box(l*ab) - m*mab)/(_box(l*l) - m*m + eps)
    return np.concatenate([_box(A), _box(mab - A*m)])

# %%
def naive_rgb(L, ab):
    "sRGB of lightness `L` (HxW, 0..100) and color `ab` (2xHxW), the plain way, unclipped"
    fy = (L+16)/116
    return srgb_encode(np.stack(linear_rgb(fy + ab[0]/500, lab_f_inv(fy), fy - ab[1]/200), -1))

def psnr(L, ab, rgb): return -10*np.log10(np.mean((naive_rgb(L*100, ab*110).clip(0, 1) - rgb/255)**2))

def ways_back(rgb):
    "PSNR of four enlargements of a picture's own small color"
    L,small,ab = true_maps(rgb)
    plain = np.stack([resize(p, *L.shape[::-1], Image.BICUBIC) for p in ab])
    return [psnr(L, plain, rgb)] + [psnr(L, guided(L, small, ab, maps), rgb) for maps in
            (published(small, ab), chroma_maps(small, ab, .0005), chroma_maps(small, ab), chroma_maps(small, ab, .05))]

photos = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), *load_sample_images().images]
ways = np.array([ways_back(im) for im in photos]).mean(0)
test_eq(ways.argmax(), 3)
test_eq(ways[3] > ways[0] + .5, True)
dict(zip(('cubic', 'published', 'eps 0.0005', 'eps 0.005', 'eps 0.05'), ways.round(2).tolist()))

# %%
#| label: fig-guided
#| fig-cap: "Color reduced to 64 by 64: the truth, color enlarged as it is, color that follows the light."
rgb = data.astronaut()
L,small,ab = true_maps(rgb)
plain = np.stack([resize(p, *L.shape[::-1], Image.BICUBIC) for p in ab])
follow = guided(L, small, ab, chroma_maps(small, ab))
def show_detail(ims, titles, at=np.s_[350:430,100:220]):
    "The same detail of several pictures"
    fig,axs = plt.subplots(1, len(ims), figsize=(9, 2.6))
    for ax,im,t in zip(axs, ims, titles):
        ax.imshow(im[at])
        ax.set_title(t, fontsize=8)
        ax.axis('off')
show_detail([rgb, *(naive_rgb(L*100, x*110).clip(0, 1) for x in (plain, follow))], ('truth', 'cubic', 'guided'));

# %% [markdown]
# In @fig-guided look at the rim of the badge. Enlarged as it is, its purple glows into the orange suit, and what is white in it, the letters and the shuttle, turns violet. Guided, the glow is gone and the shuttle is white; only letters near the rim have taken some of the suit's orange, since for them the light has no better advice.

# %% [markdown]
# ## Painting

# %% [markdown]
# Now color and light are joined, strip by strip. A strip is a number of rows, small enough for the processor's cache and large enough that Python's own time does not count, and strips go to as many threads as there are cores: NumPy lets go of Python's lock while it computes. The threads are made once and serve all pictures, of which a film has many. The result does not depend on their number. In the maps lightness is replaced by $f_Y$ ($L = 1.16 f_Y - 0.16$) and the scales of $a$ and $b$ are folded in, so that one multiplication and one addition a pixel give $f_X$, and as many $f_Z$.

# %% [markdown]
# A picture of [near infrared](../models/infrared.ipynb) has a light of its own, which is not that of the picture that is wanted. For it a fifth map says what is to be added to the lightness, on the scale of $L$; all detail is still the picture's. Without a fifth map nothing is added.

# %%
#| export
def _maps_for_f(
    maps:np.ndarray, # 4xhxw: slopes and offsets in ab/110 over L/100; or 5xhxw, with what is added to L/100
    saturation:float, # factor on color
) -> np.ndarray: # as many: slopes and offsets of fx and fz over fy, and what is added to fy
    "The same maps on the scale of f"
    scale = np.float32([[[110/500]], [[-110/200]]])*np.float32(saturation)
    A,B = maps[:2]*scale, maps[2:4]*scale
    return np.concatenate([1 + np.float32(1.16)*A, B - np.float32(.16)*A, maps[4:]/np.float32(1.16)])

# %% [markdown]
# A level of light becomes a byte by lookup. There are three tables, one for each channel's place in a word of four bytes, so that a pixel is put together with two *or*s.

# %%
#| export
@cache
def _words() -> list: # tables of `LEVELS` words
    "The byte of each level of light at the place of R, G and B in a word of four bytes, the last one full"
    back = lookup_tables()[2].astype('<u4')
    return [back | np.array(255<<24, '<u4'), back<<8, back<<16]

def _encode_rows(
    rgb:list[np.ndarray], # linear light of R, G and B; changed in place
    out:np.ndarray, # HxWx3 or HxWx4, uint8, uint16 or float
):
    "Encode into the first three channels"
    if out.dtype!=np.uint8:
        v = srgb_encode(np.stack(rgb, -1).clip(0, 1))
        out[...,:3] = np.rint(v*65535) if out.dtype==np.uint16 else v
        return
    word = 0
    for c,table in zip(rgb, _words()):
        c *= np.float32(LEVELS)
        word = table.take(c.astype(np.int32), mode='clip') | word
    out[...] = word.view(np.uint8).reshape(*word.shape, 4)[...,:out.shape[2]]

# %%
#| export
@cache
def _pool(process:int, threads:int) -> ThreadPoolExecutor:
    "Threads that paint; a process that was forked has none of its parent's and makes its own"
    return ThreadPoolExecutor(threads, 'paint')

# %%
#| export
def paint(
    x:np.ndarray|Image.Image, # HxW gray or HxWx3 RGB; uint8, uint16, or float in 0..1; or Pillow's L or RGB
    maps:np.ndarray, # 4xhxw: slopes and offsets of color over lightness; a fifth is added to the lightness
    out:np.ndarray|Image.Image, # HxWx3, or HxWx4 with room for alpha, of which three channels are written; or RGB
    saturation:float=1., # factor on color
    threads:int|None=None, # None for as many as there are cores
):
    "Join the light of `x` to the color of `maps`, strip by strip; `out` may be `x`"
    h,w = out.size[::-1] if isinstance(out, Image.Image) else out.shape[:2]
    maps,step = resize_width(_maps_for_f(maps, saturation), w), max(1, 2**18//w)
    rows = lambda i,j: np.asarray(x.crop((0, i, w, j))) if isinstance(x, Image.Image) else x[i:j]
    def strip(i):
        at = slice(i, min(i + step, h))
        Y,fy = light(rows(at.start, at.stop))
        P,R,Q,S,*more = resize_rows(maps, h, at)
        if more:
            fy = (fy + more[0]).clip(np.float32(4/29), 1)
            Y = lab_f_inv(fy)
        fx,fz = P,R
        fx *= fy; fx += Q
        fz *= fy; fz += S
        rgb = linear_rgb(fx, Y, fz)
        fit_gamut(rgb, fx, fy, fz, Y)
        if not isinstance(out, Image.Image): return _encode_rows(rgb, out[at])
        new = np.empty((*Y.shape, 4), np.uint8)
        _encode_rows(rgb, new)
        out.paste(Image.frombuffer('RGBX', Y.shape[::-1], new, 'raw', 'RGBX', 0, 1).convert('RGB'), (0, at.start))
    list(_pool(os.getpid(), threads or core_count()).map(strip, range(0, h, step)))

# %% [markdown]
# First the fast way is compared with the plain one, on a photograph and its own color. Then its promise is tested on colors that are three times too strong: the two values are the largest change of lightness, in units of $L^*$, and both are below the half unit that rounding to bytes costs.

# %%
maps = chroma_maps(small, ab)
out = np.empty_like(rgb)
paint(rgb, maps, out)
plain = naive_rgb(L*100, guided(L, small, ab, maps)*110)
inside = ((plain >= 0) & (plain <= 1)).all(-1)
test_close(out[inside], plain[inside]*255, eps=.8)
wild = np.empty_like(rgb)
paint(rgb, maps, wild, saturation=3)
dL = [np.abs(color.rgb2lab(o)[...,0] - color.rgb2lab(rgb)[...,0]).max() for o in (out, wild)]
test_eq(max(dL) < .5, True)
alone,image = np.empty_like(rgb),Image.fromarray(rgb)
paint(rgb, maps, alone, threads=1)
test_eq(alone, out)
paint(image, maps, image)
test_eq(np.asarray(image), out)
darker,flat = np.empty_like(rgb),np.zeros_like(maps[:1])
paint(rgb, np.concatenate([maps, flat]), darker)
test_close(darker.astype(int), out, eps=1.5)
paint(rgb, np.concatenate([maps[:2]*0, maps[2:]*0, flat - .2]), darker)
test_close(color.rgb2lab(darker)[...,0], (color.rgb2lab(rgb)[...,0] - 20).clip(0), eps=.5)
dL

# %% [markdown]
# [Colorize](colorizer.ipynb) needs three small functions more: the lightness of a small copy of a picture, the copy with its three channels, for models that look at three, and a test whether the colors of an answer can be seen at all.

# %%
#| export
def small_light(
    pic, # a `colorbook.imaging.io.Picture`
    w:int, # width of the copy, as stored
    h:int, # its height
) -> np.ndarray: # hxw, lightness in 0..1
    "The lightness of a small copy, shrunk in sRGB as the training pictures were"
    x = pic.source
    if pic.dtype==np.uint8:
        im = x if isinstance(x, Image.Image) else Image.fromarray(np.ascontiguousarray(x))
        small = np.asarray(im.resize((w, h), Image.BILINEAR, reducing_gap=3))
    else:
        planes = np.moveaxis(x, -1, 0) if x.ndim==3 else x[None]
        small = np.stack([resize(p, w, h) for p in planes], -1)/np.float32(65535 if x.dtype==np.uint16 else 1)
        small = (small if x.ndim==3 else small[...,0]).clip(0, 1)
    return 1.16*light(small)[1] - np.float32(.16)

# %%
#| export
def small_rgb(
    pic, # a `colorbook.imaging.io.Picture`
    w:int, # width of the copy, as stored
    h:int, # its height
) -> np.ndarray: # hxwx3, sRGB in 0..1
    "A small copy with its three channels; of a gray picture all are the same"
    if pic.dtype==np.uint8:
        x = pic.source
        im = x if isinstance(x, Image.Image) else Image.fromarray(np.ascontiguousarray(x))
        return np.asarray(im.convert('RGB').resize((w, h), Image.BILINEAR, reducing_gap=3))/np.float32(255)
    x = pic.source if pic.source.ndim==3 else pic.source[...,None].repeat(3, -1)
    small = np.stack([resize(p, w, h) for p in np.moveaxis(x, -1, 0)], -1)
    return (small/np.float32(65535 if x.dtype==np.uint16 else 1)).clip(0, 1)

# %%
#| export
NEARLY_GRAY = 'the answer is nearly gray: the model found no colors in this picture'

def nearly_gray(
    maps:np.ndarray, # of `Colorizer.maps`
    least:float=2., # units of a and b
) -> bool:
    "Is the mean color of an answer, at middle lightness, so weak that nobody sees it?"
    return float(np.hypot(*(maps[:2]/2 + maps[2:4])).mean())*110 < least

# %% [markdown]
# ## What we have
#
# - `chroma_maps`, which lets color follow light;
# - `paint`, which joins them strip by strip, the same bytes for any number of threads.

# %% [markdown]
# ## Exercises
#
# 1. `resize_rows` interpolates linearly. Use cubic interpolation instead and measure, with `ways_back`, what it brings and what it costs.
# 2. Fit color to lightness *and* its square. Which pictures gain?
# 3. Treat an Adobe RGB photograph by its own curve and primaries. How far is the lightness that we keep from the one that its owner sees?
