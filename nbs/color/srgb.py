# %% [markdown]
# # Light and color in NumPy
#
# > sRGB to light and back, color at a given light, and nothing that a screen cannot show
#
# To paint color over the light of a photograph takes some arithmetic: from the bytes of a file to amounts of light, from light and color to the three channels, and back to bytes. It has to be exact, because the lightness of a byte must be the same byte afterwards, and fast, because a photograph has twelve million pixels and a film a hundred thousand frames. This chapter is that arithmetic in NumPy alone, since the part of the library that colors pictures must not load torch; [Lab for tensors](../lessons/light_and_color.ipynb) uses the same constants. The picture at its end shows its hardest part: a color that no screen can show is made paler, and keeps its hue and its lightness.

# %%
#| default_exp color.srgb

# %%
#| export
from functools import cache
import numpy as np

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import color, data

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
# the luminance $Y$ is a weighted sum of the three, and lightness $L^* = 116 f(Y) - 16$ with $f$ a cube root that turns into a straight line in the deepest dark. Both are explained in [Light and color](../lessons/light_and_color.ipynb).

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

# %% [markdown]
# A matrix turns linear red, green and blue into CIE's $X,Y,Z$, which Lab compares with those of white. What is white? Published digits of D65 (.95047, 1, 1.08883) differ in the fourth place from what the matrix itself gives for $R=G=B=1$, the sums of its rows. With the published digits every gray has a little color, up to 0.0047 units of $b$; with the sums of the rows a gray has none at all. A library that promises to leave gray gray takes the second: the rows are divided by their sums, so that $X$, $Y$ and $Z$ come out relative to white, and any gray has $X=Y=Z$. The digits of the matrix are scikit-image's.

# %%
#| export
RGB_TO_XYZ = np.array([[.412453, .357580, .180423], [.212671, .715160, .072169], [.019334, .119193, .950227]])
WHITE = RGB_TO_XYZ.sum(1) # X, Y and Z of the screen's white: D65, two-degree observer
RGB_TO_XYZ /= WHITE[:,None] # relative to white: a gray has X = Y = Z
XYZ_TO_RGB = np.linalg.inv(RGB_TO_XYZ)
DELTA = 6/29 # value of the cube root below which Lab's curve is straight

# %%
#| export
def lab_f(
    t:np.ndarray, # X, Y or Z relative to white
) -> np.ndarray: # in 4/29..1
    "The cube root of CIE Lab with its straight foot"
    return np.where(t > DELTA**3, np.cbrt(t), t/(3*DELTA**2) + 4/29).astype(np.float32)

# %% [markdown]
# The whole way from Lab to a picture, as plainly as possible. It is slow and does not ask whether a screen can show the color; everything faster in this chapter is compared with it. It is itself compared with scikit-image, whose white differs from ours by a ten-thousandth: no byte comes out differently.

# %%
def naive_rgb(L, ab):
    "sRGB of lightness `L` (HxW, 0..100) and color `ab` (2xHxW), unclipped"
    fy = (L+16)/116
    f = np.stack([fy + ab[0]/500, fy, fy - ab[1]/200], -1)
    xyz = np.where(f > DELTA, f**3, 3*DELTA**2*(f - 4/29))
    return srgb_encode(xyz@XYZ_TO_RGB.T)

photo = data.astronaut()[:side,:side]
lab = color.rgb2lab(photo)
rgb = naive_rgb(lab[...,0], np.moveaxis(lab[...,1:], -1, 0))
test_close(rgb*255, photo, eps=.5)
test_eq(np.rint(rgb*255).astype(np.uint8), photo)
test_close(116*lab_f(srgb_decode(photo/255)@RGB_TO_XYZ[1]) - 16, lab[...,0], eps=2e-3)
test_close(WHITE, [.95047, 1, 1.08883], eps=1e-4)
test_close(RGB_TO_XYZ.sum(1), 1, eps=1e-15)
np.abs(rgb*255 - photo).max()

# %% [markdown]
# A power costs more than everything else in these formulas together, and a byte has only 256 values. So the way in is a lookup: a table of the light of each byte, which is multiplied by each channel's share of $Y$, and one for $f$ on 65,536 levels. The way out is a lookup as well: 16,384 levels of light are fine enough even in the deep dark, where sRGB is steepest: there one level is a fifth of a byte's step ($12.92 \cdot 255/16384 = 0.2$).

# %%
#| export
LEVELS = 16384 # of light on the way out

@cache
def lookup_tables() -> tuple[np.ndarray,np.ndarray,np.ndarray]: # light of a byte, f of 65536 levels, bytes of `LEVELS`
    "Light of the 256 bytes, `lab_f` of finely stepped light, and the byte of each level of light"
    back = np.rint(srgb_encode((np.arange(LEVELS) + .5)/LEVELS)*255).astype(np.uint8)
    return srgb_decode(np.arange(256)/255), lab_f(np.arange(65536)/65535), back

# %%
byte,f,back = lookup_tables()
test_eq(back[(byte*LEVELS).astype(int).clip(max=LEVELS - 1)], np.arange(256))
test_close(f[[0, 65535]], [4/29, 1], eps=1e-6)
byte[188]

# %% [markdown]
# The value is the linear light of byte 188: one half, though 188 is far above the middle of 255.

# %%
#| export
def light(
    x:np.ndarray, # HxW gray or HxWx3 RGB; uint8, uint16, or float in 0..1
) -> tuple[np.ndarray,np.ndarray]: # luminance Y and f(Y), both HxW float32
    "How light each pixel is; gray by lookup, colors by their own luminance"
    byte,f,_ = lookup_tables()
    look = lambda table,v: table.take(v, mode='wrap') # unsigned indices cannot be out of range: not checked
    if x.dtype==np.uint8 and x.ndim==2: return look(byte, x), look(look(f, (byte*65535 + .5).astype(np.uint16)), x)
    if x.dtype==np.uint8: channel = lambda v,w: look(byte*np.float32(w), v)
    else: channel = lambda v,w: srgb_decode(v*np.float32(1/(65535 if x.dtype==np.uint16 else 1)))*np.float32(w)
    Y = channel(x, 1) if x.ndim==2 else sum(channel(x[...,i], w) for i,w in enumerate(RGB_TO_XYZ[1]))
    if x.dtype==np.uint8: return Y, look(f, (Y*65535 + .5).astype(np.uint16))
    return Y, lab_f(Y)

# %%
for x in (photo, (photo*np.uint16(257)), photo/np.float32(255)):
    test_close(116*light(x)[1] - 16, lab[...,0], eps=.03)
grays = np.arange(256, dtype=np.uint8)[None]
test_close(116*light(grays)[1] - 16, color.rgb2lab(grays[...,None].repeat(3, 2))[...,0], eps=.03)
(116*light(grays)[1] - 16)[0,[0, 1, 119, 255]]

# %% [markdown]
# Bytes, 16-bit numbers and floats come to the same lightness. The values are the lightness of the bytes 0, 1, 119 and 255: byte 119 is the gray in the middle, at $L^*=50$.

# %% [markdown]
# A film is read as color pictures even where it is gray, and a network wants one channel. `lstar_gray` gives the gray of the same lightness: by definition, that is the gray of the same luminance.

# %%
#| export
def lstar_gray(
    rgb:np.ndarray, # HxWx3, uint8
) -> np.ndarray: # HxW, uint8
    "The gray of equal lightness L*"
    byte,_,back = lookup_tables()
    Y = sum((byte*np.float32(w*LEVELS)).take(rgb[...,i]) for i,w in enumerate(RGB_TO_XYZ[1]))
    return back.take(Y.astype(np.int16), mode='clip')

# %%
test_eq(lstar_gray(grays[...,None].repeat(3, 2)), grays)
test_close(light(lstar_gray(photo))[1]*116, light(photo)[1]*116, eps=.6)
lstar_gray(photo)[:2,:4]

# %% [markdown]
# ## Color at constant light

# %% [markdown]
# Let $f_Y$ be given. To get $f_X$ one adds $a/500$, to get $f_Z$ one takes away $b/200$; cubing gives $X$ and $Z$, and a matrix the light of the three channels. No root has to be taken on this side. The straight foot of $f^{-1}$ is the tangent of the cube where the two meet, which makes the two cases one formula without a branch:
#
# $$ f^{-1}(t) = g^3 + 3\delta^2 (t - g), \qquad g = \max(t, \delta),\quad \delta = 6/29 $$

# %%
#| export
def lab_f_inv(
    t:np.ndarray, # f of X or Z
) -> np.ndarray: # X or Z relative to white
    "The inverse of `lab_f`, also below zero"
    g = np.maximum(t, np.full_like(t, DELTA))
    out = g*g
    out *= g
    g -= t
    g *= np.float32(3*DELTA**2)
    out -= g
    return out

# %%
#| export
_m = XYZ_TO_RGB.astype(np.float32)

def linear_rgb(
    fx:np.ndarray, # f of X
    Y:np.ndarray, # luminance
    fz:np.ndarray, # f of Z
) -> list[np.ndarray]: # linear light of R, G and B, unclipped
    "Light of the three channels at given luminance"
    X,Z,out = lab_f_inv(fx),lab_f_inv(fz),[]
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
test_close(lab_f_inv(lab_f(np.linspace(0, 1, 999))), np.linspace(0, 1, 999), eps=1e-6)
np.stack(linear_rgb(fy, Y, fy), -1)[0,0], Y[0,0]

# %% [markdown]
# ## Colors that do not exist

# %% [markdown]
# A bright pixel cannot be deep blue on any screen; a network may ask for it all the same. Clipping the channels at 0 and 255 answers with another hue and another lightness. We lower the chroma instead, along a line of constant hue and lightness, until the color fits: a paler blue. There is always one that fits, because at the end of the line stands the gray of that lightness. `gamut_excess` says how far a color lies outside of what fits, or, below zero, how far inside.

# %%
#| export
_tol = np.float32(4e-6) # of linear light, so little that black stays black: an eightieth of a step of 8 bits

def gamut_excess(
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
# How far down the line must we go? The largest $s \le 1$ for which the color $s\,(a, b)$ fits has no short formula, but along the line the excess is smooth except for a few kinks. Halving the interval seven times gets within a hundredth; there the excess is nearly straight, and one step of linear interpolation does the rest. Only pixels that need it are gathered, so a picture with no such pixel pays for the question alone. (The halving adds a step where it is allowed to, without choosing between two arrays: `np.where` costs twenty times an addition.)

# %%
#| export
def _fitting_share(
    f:np.ndarray, # f of Y of n pixels that are outside
    y:np.ndarray, # their luminance
    dx:np.ndarray, # f of X less f of Y
    dz:np.ndarray, # f of Z less f of Y
) -> np.ndarray: # in 0..1
    "The largest share of the color that exists at the same hue and lightness"
    at = lambda s: gamut_excess(linear_rgb(f + s*dx, y, f + s*dz))
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
    e = gamut_excess(rgb)
    at = np.flatnonzero(e > 0)
    if not len(at): return
    f,y,dx,dz = fy.take(at), Y.take(at), fx.take(at), fz.take(at)
    dx -= f
    dz -= f
    s = _fitting_share(f, y, dx, dz)
    for c,new in zip(rgb, linear_rgb(f + s*dx, y, f + s*dz)): c.reshape(-1)[at] = new

# %% [markdown]
# Ten thousand random colors, most of which no screen can show: afterwards each fits, its lightness and hue are what they were, and its chroma is no larger. The two numbers are the share that did not fit, and the largest change of hue, measured as a distance in the $ab$ plane.

# %%
rng = np.random.default_rng(seed)
L,a,b = (rng.uniform(lo, hi, (100, 100)).astype(np.float32) for lo,hi in ((1, 99), (-110, 110), (-110, 110)))
fy = (L+16)/116
fx,fz,Y = fy + a/500, fy - b/200, lab_f_inv(fy)
rgb = linear_rgb(fx, Y, fz)
share = (gamut_excess(rgb) > 0).mean()
fit_gamut(rgb, fx, fy, fz, Y)
test_eq(gamut_excess(rgb).max() < 1e-5, True)
fit = color.rgb2lab(srgb_encode(np.stack(rgb, -1).clip(0, 1)))
hue = np.abs(np.angle((fit[...,1] + 1j*fit[...,2])*(a - 1j*b)))*np.hypot(fit[...,1], fit[...,2])
test_eq(np.abs(fit[...,0] - L).max() < .1, True)
test_eq(hue.max() < .5, True)
test_eq((np.hypot(fit[...,1], fit[...,2]) < np.hypot(a, b) + .3).all(), True)
share, hue.max()

# %%
#| label: fig-fitted
#| fig-cap: "All hues at lightness 70, chroma growing downwards: clipped by channel, and fitted; below, lightness."
def show_gamut(L=70, n=180, height=4.3):
    "Hue against chroma at one lightness, clipped and fitted"
    h,c = np.meshgrid(np.linspace(0, 2*np.pi, 2*n), np.linspace(0, 110, n))
    fy = np.full(h.shape, (L+16)/116, np.float32)
    fx,fz = (fy + c*np.cos(h)/500).astype(np.float32), (fy - c*np.sin(h)/200).astype(np.float32)
    clipped,fitted = linear_rgb(fx, lab_f_inv(fy), fz),linear_rgb(fx, lab_f_inv(fy), fz)
    fit_gamut(fitted, fx, fy, fz, lab_f_inv(fy))
    fig,axs = plt.subplots(2, 2, figsize=(8, height), layout='constrained')
    for i,rgb in enumerate((clipped, fitted)):
        rgb = srgb_encode(np.stack(rgb, -1).clip(0, 1))
        axs[0,i].imshow(rgb)
        axs[0,i].set_title(('clipped', 'fitted')[i], fontsize=9)
        axs[1,i].imshow(color.rgb2lab(rgb)[...,0], cmap='gray', vmin=0, vmax=100)
    for ax in axs.flat: ax.axis('off')
show_gamut();

# %% [markdown]
# In @fig-fitted clipping (left) keeps strong colors in the lower half, and its lightness is wrong: the picture below it, which should be one flat gray, is darker at both ends, where the pinks are, and lighter in the middle, under cyan. Fitted (right), the colors stop growing where the screen ends, and the lightness is flat.

# %% [markdown]
# ## What we have
#
# - the curves of sRGB and of Lab, and the one set of constants that the library has;
# - `light`, luminance and lightness of any picture, by tables where there are bytes, and `lstar_gray`, the gray of equal lightness;
# - `linear_rgb` and `fit_gamut`, color at given light, paler where no screen can show it.

# %% [markdown]
# ## Exercises
#
# 1. Give `lookup_tables` 4,096 levels for the way out instead of 16,384. How far is a byte off now, and where?
# 2. `_fitting_share` halves seven times and interpolates once. Draw its error against the number of halvings. When does interpolation bring nothing any more?
# 3. Replace the white of the screen by that of a sheet of paper in the evening (D50). What becomes of grays, and why is there no chromatic adaptation in this chapter?
