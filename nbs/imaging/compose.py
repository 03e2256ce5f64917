# %% [markdown]
# # Painting
#
# > Color from a small map, light from the photograph, and nothing that a screen cannot show
#
# A photograph of twelve million pixels will go through a network that looks at sixty-five thousand. That works because the eye is generous with color and strict with light: color may come from a small copy, light must be the photograph's own. At the end of this chapter `paint` joins the two for every pixel: lightness stays to the last bit that a byte can hold, colors that do not exist become paler and never shift, and twelve million pixels take a fraction of a second. It is all arithmetic: NumPy and Pillow, no network yet, and no torch.

# %%
#| default_exp imaging.compose

# %%
#| export
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
import numpy as np
from PIL import Image

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import color, data
from sklearn.datasets import load_sample_images

# %% tags=["parameters"]
seed = 42 # of the random colors
side = 400 # of the photograph that the arithmetic is held against

# %% [markdown]
# ## Light

# %% [markdown]
# The numbers in a picture file are not amounts of light: sRGB spends its 256 steps where the eye sees them, in the dark. Amounts of light $c$ come from the stored values $v$ by
#
# $$ c = \begin{cases} v/12.92 & v \le 0.04045 \\ \left(\dfrac{v+0.055}{1.055}\right)^{2.4} & \text{else} \end{cases} $$
#
# the luminance $Y$ is a weighted sum of the three, and lightness $L^* = 116 f(Y) - 16$ with $f$ a cube root that turns into a straight line in the deepest dark. Chapter 1 has these formulas for tensors; here they stand for NumPy, because the user's half of colorbook must not load torch.

# %%
#| export
def srgb_decode(
    v:np.ndarray, # stored values in 0..1
) -> np.ndarray: # amounts of light in 0..1
    "From sRGB to linear light (IEC 61966-2-1)"
    return np.where(v <= .04045, v/12.92, ((v+.055)/1.055)**2.4).astype(np.float32)

# %%
#| export
def srgb_encode(
    c:np.ndarray, # amounts of light in 0..1
) -> np.ndarray: # stored values in 0..1
    "From linear light to sRGB (IEC 61966-2-1)"
    return np.where(c <= .0031308, c*12.92, 1.055*np.maximum(c, .0031308)**(1/2.4) - .055).astype(np.float32)

# %%
#| export
_white = np.array([.95047, 1, 1.08883]) # D65, 2 degrees
_rgb2xyz = np.array([[.412453, .357580, .180423], [.212671, .715160, .072169], [.019334, .119193, .950227]])
_rgb2xyz = _rgb2xyz/_rgb2xyz.sum(1, keepdims=True) # relative to white: a gray has X = Y = Z
_xyz2rgb = np.linalg.inv(_rgb2xyz)
_knee = 6/29

def lab_f(
    t:np.ndarray, # X, Y or Z relative to white
) -> np.ndarray: # in 4/29..1
    "The cube root of CIE Lab with its straight foot"
    return np.where(t > _knee**3, np.cbrt(t), t/(3*_knee**2) + 4/29).astype(np.float32)

# %% [markdown]
# The whole way from Lab to a picture, as plainly as possible. It is slow and does not ask whether the color exists on a screen; everything faster in this chapter will be held against it, and it is held against scikit-image.

# %%
def naive_rgb(L, ab):
    "sRGB of lightness `L` (HxW, 0..100) and color `ab` (2xHxW), unclipped"
    fy = (L+16)/116
    f = np.stack([fy + ab[0]/500, fy, fy - ab[1]/200], -1)
    xyz = np.where(f > _knee, f**3, 3*_knee**2*(f - 4/29))
    return srgb_encode(xyz@_xyz2rgb.T)

photo = data.astronaut()[:side,:side]
lab = color.rgb2lab(photo)
rgb = naive_rgb(lab[...,0], np.moveaxis(lab[...,1:], -1, 0))
test_close(rgb*255, photo, eps=.5)
test_close(116*lab_f(srgb_decode(photo/255)@_rgb2xyz[1]) - 16, lab[...,0], eps=2e-3)
np.abs(rgb*255 - photo).max()

# %% [markdown]
# A power costs more than everything else in these formulas together, and a byte has only 256 values. So the way in is a lookup: three tables that hold each channel's share of $Y$, and one for $f$ on 65,536 levels. The way out is a lookup as well: 16,384 levels of light are fine enough even in the deep dark, where sRGB is steepest and a level is still only a fifth of a byte's step ($12.92 \cdot 255/16384 = 0.2$). There are three such tables, one for each channel's place in a word of four bytes, so that a pixel is put together with two *or*s.

# %%
#| export
@cache
def _tables() -> tuple[np.ndarray,np.ndarray,list]: # light of a byte, f of 65536 levels, bytes of 16384 levels
    "The lookup tables, made at first use"
    back = np.rint(srgb_encode((np.arange(16384) + .5)/16384)*255).astype('<u4')
    return (srgb_decode(np.arange(256)/255), lab_f(np.arange(65536)/65535),
            [back + np.array(255<<24, '<u4'), back<<8, back<<16])

# %%
#| export
def light(
    x:np.ndarray, # HxW gray or HxWx3 RGB; uint8, uint16, or float in 0..1
) -> tuple[np.ndarray,np.ndarray]: # luminance Y and f(Y), both HxW float32
    "How light each pixel is; gray by lookup, colors by their own luminance"
    byte,f,_ = _tables()
    look = lambda table,v: table.take(v, mode='wrap') # unsigned indices cannot be out of range: not checked
    if x.dtype==np.uint8 and x.ndim==2: return look(byte, x), look(look(f, (byte*65535 + .5).astype(np.uint16)), x)
    if x.dtype==np.uint8: channel = lambda v,w: look(byte*np.float32(w), v)
    else: channel = lambda v,w: srgb_decode(v*np.float32(1/(65535 if x.dtype==np.uint16 else 1)))*np.float32(w)
    Y = channel(x, 1) if x.ndim==2 else sum(channel(x[...,i], w) for i,w in enumerate(_rgb2xyz[1]))
    if x.dtype==np.uint8: return Y, look(f, (Y*65535 + .5).astype(np.uint16))
    return Y, lab_f(Y)

# %%
for x in (photo, (photo*np.uint16(257)), photo/np.float32(255)):
    test_close(116*light(x)[1] - 16, lab[...,0], eps=.03)
grays = np.arange(256, dtype=np.uint8)[None]
test_close(116*light(grays)[1] - 16, color.rgb2lab(grays[...,None].repeat(3, 2))[...,0], eps=.03)
(116*light(grays)[1] - 16)[0,[0, 1, 119, 255]]

# %% [markdown]
# ## Color at constant light

# %% [markdown]
# Let $f_Y$ be given. A color adds $a/500$ to get $f_X$ and takes away $b/200$ to get $f_Z$; cubing gives $X$ and $Z$, and a matrix the light of the three channels. No root has to be taken on this side. The straight foot of $f^{-1}$ is the tangent of the cube at the knee, which makes the two cases one formula without a branch:
#
# $$ f^{-1}(t) = g^3 + 3\delta^2 (t - g), \qquad g = \max(t, \delta),\quad \delta = 6/29 $$

# %%
#| export
def _cube(
    t:np.ndarray, # f of X or Z
) -> np.ndarray: # X or Z relative to white
    "The inverse of `lab_f`, also below zero"
    g = np.maximum(t, np.full_like(t, _knee))
    out = g*g
    out *= g
    g -= t
    g *= np.float32(3*_knee**2)
    out -= g
    return out

# %%
#| export
_m = _xyz2rgb.astype(np.float32)

def linear_rgb(
    fx:np.ndarray, # f of X
    Y:np.ndarray, # luminance
    fz:np.ndarray, # f of Z
) -> list[np.ndarray]: # linear light of R, G and B, unclipped
    "Light of the three channels at given luminance"
    X,Z,out = _cube(fx),_cube(fz),[]
    for mx,my,mz in _m:
        c = mx*X
        c += my*Y
        c += mz*Z
        out.append(c)
    return out

# %%
Y,fy = light(photo/np.float32(255))
a,b = np.moveaxis(lab[...,1:], -1, 0).astype(np.float32)
test_close(np.stack(linear_rgb(fy + a/500, Y, fy - b/200), -1), srgb_decode(photo/255), eps=2e-4)
test_close(_cube(lab_f(np.linspace(0, 1, 999))), np.linspace(0, 1, 999), eps=1e-6)
np.stack(linear_rgb(fy, Y, fy), -1)[0,0], Y[0,0]

# %% [markdown]
# ## Colors that do not exist

# %% [markdown]
# A bright pixel cannot be deep blue on any screen; a network may ask for it all the same. Clipping the channels at 0 and 255 answers with another hue and another lightness. Lowering the chroma along a line of constant hue and lightness answers with a paler blue, and the line always ends well, because at its foot stands the gray that was there before. `excess` says how far a color lies outside, or, below zero, how far inside.

# %%
#| export
_tol = np.float32(4e-6) # of linear light, so little that black stays black: an eightieth of a step of 8 bits

def excess(
    rgb:list[np.ndarray], # linear light of R, G and B
) -> np.ndarray: # above 0 where a channel is below 0 or above 1
    "How far outside of what a screen can show"
    r,g,b = rgb
    low,high = np.minimum(r, g), np.maximum(r, g)
    np.minimum(low, b, out=low)
    np.maximum(high, b, out=high)
    high -= 1
    np.maximum(high, np.negative(low, out=low), out=high)
    high -= _tol
    return high

# %% [markdown]
# How far can we go? The largest $s \le 1$ for which the color $s\,(a, b)$ exists has no short formula, but on the line the excess is smooth except for a few kinks. Halving the interval seven times gets within a hundredth; there it is all but straight, and one step of linear interpolation gets the rest. Only the pixels that need it are gathered, so that a picture with no such pixel pays for the question alone. The halving adds a step where it is allowed to, without choosing between two arrays: `np.where` costs twenty times an addition.

# %%
#| export
def _share(
    f:np.ndarray, # f of Y of n pixels that are outside
    y:np.ndarray, # their luminance
    dx:np.ndarray, # f of X less f of Y
    dz:np.ndarray, # f of Z less f of Y
) -> np.ndarray: # in 0..1
    "The largest share of the color that exists at the same hue and lightness"
    at = lambda s: excess(linear_rgb(f + s*dx, y, f + s*dz))
    low,step = np.zeros_like(f), np.float32(1)
    for _ in range(7):
        step *= np.float32(.5)
        low += step*(at(low+step) <= 0)
    inside,outside = np.minimum(at(low), np.float32(-1e-9)), np.maximum(at(low+step), 0)
    return low + step*inside/(inside-outside)

# %%
#| export
def fit_gamut(
    rgb:list[np.ndarray], # linear light of R, G and B, contiguous; changed in place
    fx:np.ndarray, # f of X
    fy:np.ndarray, # f of Y
    fz:np.ndarray, # f of Z
    Y:np.ndarray, # luminance
):
    "Lower the chroma at constant hue and lightness where the color does not exist"
    e = excess(rgb)
    at = np.flatnonzero(e > 0)
    if not len(at): return
    f,y,dx,dz = fy.take(at), Y.take(at), fx.take(at), fz.take(at)
    dx -= f
    dz -= f
    s = _share(f, y, dx, dz)
    for c,new in zip(rgb, linear_rgb(f + s*dx, y, f + s*dz)): c.reshape(-1)[at] = new

# %% [markdown]
# Random colors, most of them impossible: afterwards each exists, its lightness and hue are what they were, and its chroma is no larger. Bisection to the last bit would find hardly more.

# %%
rng = np.random.default_rng(seed)
L,a,b = (rng.uniform(lo, hi, (100, 100)).astype(np.float32) for lo,hi in ((1, 99), (-110, 110), (-110, 110)))
fy = (L+16)/116
fx,fz,Y = fy + a/500, fy - b/200, _cube(fy)
rgb = linear_rgb(fx, Y, fz)
share = (excess(rgb) > 0).mean()
fit_gamut(rgb, fx, fy, fz, Y)
test_eq(excess(rgb).max() < 1e-5, True)
fit = color.rgb2lab(srgb_encode(np.stack(rgb, -1).clip(0, 1)))
hue = np.abs(np.angle((fit[...,1] + 1j*fit[...,2])*(a - 1j*b)))*np.hypot(fit[...,1], fit[...,2])
test_eq(np.abs(fit[...,0] - L).max() < .1, True)
test_eq(hue.max() < .5, True)
test_eq((np.hypot(fit[...,1], fit[...,2]) < np.hypot(a, b) + .3).all(), True)
share, hue.max()

# %%
#| label: fig-fitted
#| fig-cap: "All hues at lightness 70, chroma growing downwards: clipped by channel, and fitted; below, lightness."
def show_gamut(L=70, n=180, height=3.2):
    "Hue against chroma at one lightness, clipped and fitted"
    h,c = np.meshgrid(np.linspace(0, 2*np.pi, 2*n), np.linspace(0, 110, n))
    fy = np.full(h.shape, (L+16)/116, np.float32)
    fx,fz = (fy + c*np.cos(h)/500).astype(np.float32), (fy - c*np.sin(h)/200).astype(np.float32)
    clipped,fitted = linear_rgb(fx, _cube(fy), fz),linear_rgb(fx, _cube(fy), fz)
    fit_gamut(fitted, fx, fy, fz, _cube(fy))
    fig,axs = plt.subplots(2, 2, figsize=(8, height))
    for i,rgb in enumerate((clipped, fitted)):
        rgb = srgb_encode(np.stack(rgb, -1).clip(0, 1))
        axs[0,i].imshow(rgb)
        axs[1,i].imshow(color.rgb2lab(rgb)[...,0], cmap='gray', vmin=0, vmax=100)
    for ax in axs.flat: ax.axis('off')
show_gamut();

# %% [markdown]
# ## Color follows light

# %% [markdown]
# The network answers at a quarter of its size: 64 by 64 for a picture of any size. Enlarged as it is, a red coat would glow beyond its edge. But where the light has an edge the color probably has one too, and the light is known in full. In every small window we fit color as a straight line over lightness, and let the detail of the light, the part that the small copy has not, move color along that line:
#
# $$ ab(x) = \overline{ab}(x) + s(x)\,\bigl(L(x) - \overline{L}(x)\bigr), \qquad s = \frac{\operatorname{cov}(L, ab)}{\operatorname{var}(L) + \varepsilon} $$
#
# where a bar means enlarged from the small copy. It is the guided filter of He, Sun and Tang (2013) with one difference: theirs smooths $\overline{ab}$ in the windows as well, which is right for noisy maps and wrong for ours.

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
def widen(
    maps:np.ndarray, # ...xhxw
    width:int, # new width
) -> np.ndarray: # ...xhxwidth
    "Enlarge along rows by linear interpolation"
    low,high,t = _between(maps.shape[-1], width)
    left = maps.take(low, -1)
    return left + t*(maps.take(high, -1) - left)

# %%
#| export
def rows_of(
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
# Were the colors of real photographs so small and enlarged again, how much would be lost? We take the true `ab` of color pictures at a quarter of the network's size, and compare four ways back: plain cubic enlargement, the guided filter as published, and ours with a smaller and a larger $\varepsilon$. The best is what `chroma_maps` does by default; the published filter is *worse* than no guide at all, for the reason given.

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
    big = rows_of(widen(maps, L.shape[1]), L.shape[0], slice(None))
    return big[:2]*L + big[2:]

def published(L, ab, eps=.005):
    "Slopes and offsets of the guided filter of 2013, enlarged linearly"
    l = resize(L, *ab.shape[:0:-1], Image.BOX)
    m,mab = _box(l),_box(ab)
    A = (_box(l*ab) - m*mab)/(_box(l*l) - m*m + eps)
    return np.concatenate([_box(A), _box(mab - A*m)])

# %%
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
# ## Painting

# %% [markdown]
# Now the two meet. Every step works on a strip of rows, small enough for the processor's cache and large enough that Python's own time does not count, and strips go to as many threads as there are cores: NumPy lets go of Python's lock while it computes. Nothing depends on which thread takes which strip, so the result does not depend on their number. In the maps lightness is replaced by $f_Y$ ($L = 1.16 f_Y - 0.16$) and the scales of $a$ and $b$ are folded in, so that one multiplication and one addition a pixel give $f_X$, and as many $f_Z$. The lesson holds the fast way against the plain one, on a photograph and its own color, and then checks the promise of this chapter on colors that are far too strong: lightness moves by less than half a unit anywhere, which is what rounding to bytes costs.

# %%
#| export
def _folded(
    maps:np.ndarray, # 4xhxw: slopes and offsets in ab/110 over L/100
    saturation:float, # factor on color
) -> np.ndarray: # 4xhxw: slopes and offsets of fx and fz over fy
    "The same maps on the scale of f"
    scale = np.float32([[[110/500]], [[-110/200]]])*np.float32(saturation)
    A,B = maps[:2]*scale, maps[2:]*scale
    return np.concatenate([1 + np.float32(1.16)*A, B - np.float32(.16)*A])

# %%
#| export
def _store(
    rgb:list[np.ndarray], # linear light of R, G and B; changed in place
    out:np.ndarray, # HxWx3 or HxWx4, uint8, uint16 or float
):
    "Encode into the first three channels"
    if out.dtype!=np.uint8:
        v = srgb_encode(np.stack(rgb, -1).clip(0, 1))
        out[...,:3] = np.rint(v*65535) if out.dtype==np.uint16 else v
        return
    word = 0
    for c,table in zip(rgb, _tables()[2]):
        c *= np.float32(16384)
        word = table.take(c.astype(np.int32), mode='clip') | word
    out[...] = word.view(np.uint8).reshape(*word.shape, 4)[...,:out.shape[2]]

# %%
#| export
def paint(
    x:np.ndarray|Image.Image, # HxW gray or HxWx3 RGB; uint8, uint16, or float in 0..1; or Pillow's L or RGB
    maps:np.ndarray, # 4xhxw: slopes and offsets of color over lightness
    out:np.ndarray, # HxWx3, or HxWx4 with room for alpha; the first three channels are written
    saturation:float=1., # factor on color
):
    "Join the light of `x` to the color of `maps`, strip by strip"
    h,w = out.shape[:2]
    maps,step = widen(_folded(maps, saturation), w), max(1, 2**18//w)
    rows = lambda i,j: np.asarray(x.crop((0, i, w, j))) if isinstance(x, Image.Image) else x[i:j]
    def strip(i):
        at = slice(i, min(i + step, h))
        Y,fy = light(rows(at.start, at.stop))
        P,R,Q,S = rows_of(maps, h, at)
        fx,fz = P,R
        fx *= fy; fx += Q
        fz *= fy; fz += S
        rgb = linear_rgb(fx, Y, fz)
        fit_gamut(rgb, fx, fy, fz, Y)
        _store(rgb, out[at])
    with ThreadPoolExecutor(os.cpu_count()) as pool: list(pool.map(strip, range(0, h, step)))

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
dL

# %% [markdown]
# ## What we have
#
# - `light`: luminance and lightness of any picture, by tables where there are bytes;
# - `fit_gamut`, which pales what no screen can show, and `chroma_maps`, which lets color follow light;
# - `paint`, which joins them strip by strip, the same bytes for any number of threads.

# %% [markdown]
# ## Exercises
#
# 1. `rows_of` interpolates linearly. Use cubic interpolation instead and measure, with `ways_back`, what it brings and what it costs.
# 2. Fit color to lightness *and* its square. Which pictures gain?
# 3. Treat an Adobe RGB photograph by its own curve and primaries. How far is the lightness that we keep from the one that its owner sees?
