# %% [markdown]
# # Naturalness
#
# > Two figures that need no truth: is there about as much color as in nature, and is it where nature has it?
#
# An old photograph has no true colors to compare with, and yet one sees at once that a green face is wrong. Two figures of the literature try to say so without the truth. One asks how colorful a picture is and calls a narrow range natural; the other looks at skin, grass and sky, of which everybody knows the color by heart, and asks how saturated they are. This chapter has both, with the constants that S3 evaluates with, and shows what they cannot see. They need NumPy alone, so that an album can be measured where torch is not installed.

# %%
#| default_exp evaluation.naturalness

# %%
#| export
from typing import NamedTuple
import numpy as np

# %%
#| hide
import colorsys, math
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data

# %% [markdown]
# ## How colorful

# %% [markdown]
# The color colorfulness index, CCI, is the colorfulness of [Metrics](metrics.ipynb) under another name. Huang, Wang and Wu, who proposed it as a measure of a single picture, found that people like pictures of 16 to 20 best. The *CCI ratio* of a set, as S3 reports it, is the share of its pictures in that range. It is a strange figure: photographs in color have about 40, so a perfect colorizer has a low CCI ratio, and a dull one a high one. It belongs beside the same figure of the true photographs.

# %%
#| export
CCI_RANGE = 16,20

def cci(
    rgb:np.ndarray, # HxWx3, bytes
) -> float: # 0 for gray
    "Colorfulness of one picture (Hasler and Suesstrunk 2003), the same as `metrics.colorfulness`, without torch"
    r,g,b = np.asarray(rgb, dtype=np.float32).reshape(-1, 3).T
    rg,yb = r - g,(r + g)/2 - b
    return float(np.hypot(rg.std(), yb.std()) + .3*np.hypot(rg.mean(), yb.mean()))

def is_colorful(
    value:float, # of `cci`
) -> bool: # is it in the range that people like best?
    "Whether a colorfulness counts for the CCI ratio: 16 to 20, the ends among them"
    return CCI_RANGE[0] <= value <= CCI_RANGE[1]

# %% [markdown]
# Known values: flat red has no spread and the means 255 and 127.5; half red and half green has a spread of 255 in one channel and a mean of 127.5 in the other.

# %%
def flat(*colors): return np.array([colors], np.uint8)
test_close(cci(flat((255, 0, 0))), .3*math.hypot(255, 127.5), eps=1e-3)
test_close(cci(flat((255, 0, 0), (0, 255, 0))), 293.25, eps=1e-3)
test_eq(cci(flat((90, 90, 90), (3, 3, 3))), 0)
test_eq([is_colorful(o) for o in (15.9, 16, 18, 20, 20.1)], [False, True, True, True, False])
[round(cci(o), 1) for o in (data.astronaut(), data.chelsea(), data.coffee())]

# %% [markdown]
# ## Skin, grass and sky

# %% [markdown]
# The color naturalness index, CNI, goes back to Yendrikhovskij, who asked people to judge pictures with more and less saturation. They agreed best about three kinds of things, which he told apart by their hue. For each kind there is a mean saturation that looks most natural, $\mu$, and a tolerance, $\sigma$. Only pixels that have a color and are neither black nor white take part: in HSL, saturation above 0.1 and lightness between 0.2 and 0.8.
#
# | kind | hue in degrees | $\mu$ | $\sigma$ |
# |---|---|---|---|
# | skin | 25 to 70 | 0.76 | 0.52 |
# | grass | 95 to 135 | 0.81 | 0.53 |
# | sky | 185 to 260 | 0.43 | 0.22 |
#
# With $n_k$ pixels of a kind and their mean saturation $S_k$,
#
# $$\mathrm{CNI}=\frac{\sum_k n_k\,N_k}{\sum_k n_k},\qquad N_k=\exp\left(-\tfrac12\left(\frac{S_k-\mu_k}{\sigma_k}\right)^2\right).$$
#
# A picture without any such pixel, a gray one for instance, has nothing natural in it and gets 0.

# %%
#| export
class Band(NamedTuple):
    "A kind of thing whose color everybody knows: its hues in degrees of HSL, and the saturation that looks natural"
    low:float
    high:float
    mean:float
    spread:float

BANDS = dict(skin=Band(25, 70, .76, .52), grass=Band(95, 135, .81, .53), sky=Band(185, 260, .43, .22))

# %%
#| export
def hsl(
    rgb:np.ndarray, # HxWx3, bytes
) -> tuple[np.ndarray,np.ndarray,np.ndarray]: # hue in 0..360 (0 where there is none), saturation and lightness in 0..1
    "Hue, saturation and lightness of every pixel"
    x = np.asarray(rgb, dtype=np.float32)/255
    high,low = x.max(-1),x.min(-1)
    c,l = high - low,(high + low)/2
    safe,(r,g,b) = np.where(c > 0, c, 1),np.moveaxis(x, -1, 0)
    h = np.where(high == r, ((g - b)/safe)%6, np.where(high == g, (b - r)/safe + 2, (r - g)/safe + 4))*60
    return np.where(c > 0, h, 0),c/np.where((c > 0), 1 - np.abs(2*l - 1), 1),l

# %%
rng = np.random.default_rng(0)
some = rng.integers(0, 256, (1, 200, 3)).astype(np.uint8)
want = np.array([colorsys.rgb_to_hls(*o) for o in some[0]/255])
for got,i,by in zip(hsl(some), (0, 2, 1), (360, 1, 1)): test_close(got[0], want[:,i]*by, eps=.01)
hsl(flat((255, 128, 0), (7, 7, 7)))

# %%
#| export
def natural_bands(
    rgb:np.ndarray, # HxWx3, bytes
) -> dict: # for each of `BANDS`: `share` of all pixels, mean `saturation` and `naturalness`, 0 where there are none
    "How much of a picture has the hue of skin, of grass and of sky, and how natural its saturation is"
    h,s,l = hsl(rgb)
    seen = (s > .1) & (l > .2) & (l < .8)
    def row(o):
        some = s[seen & (h >= o.low) & (h <= o.high)]
        mean = float(some.mean()) if some.size else 0.
        natural = float(np.exp(-.5*((mean - o.mean)/o.spread)**2)) if some.size else 0.
        return dict(share=some.size/s.size, saturation=mean, naturalness=natural)
    return {k: row(o) for k,o in BANDS.items()}

def cni(
    rgb:np.ndarray, # HxWx3, bytes
) -> float: # 0..1; 0 where nothing has a hue of `BANDS`
    "Color naturalness index (Yendrikhovskij 1999, with the constants of SCGAN)"
    rows = natural_bands(rgb).values()
    n = sum(o['share'] for o in rows)
    return sum(o['share']*o['naturalness'] for o in rows)/n if n else 0.

# %% [markdown]
# Every number of the table can be checked. A flat picture of a hue in the middle of a band has the saturation we gave it, so its index is the Gaussian at that point: 1 at $\mu$, $e^{-1/2}$ one $\sigma$ off. Two kinds are weighted by their pixels. Hues between the bands, pixels too dark, too light or too pale, count for nothing.

# %%
def paint(h, s, l=.5): return np.uint8(np.rint(np.array(colorsys.hls_to_rgb(h/360, l, s))*255))[None,None]
for k,(low,high,mean,spread) in BANDS.items():
    middle = (low + high)/2
    test_close(cni(paint(middle, mean)), 1, eps=1e-3)
    test_close(cni(paint(middle, mean - .3)), math.exp(-.5*(.3/spread)**2), eps=5e-3)
    test_eq([natural_bands(paint(h, .8))[k]['share'] for h in (low - 3, low + 3, high - 3, high + 3)], [0, 1, 1, 0])
    test_eq([cni(paint(middle, *o)) for o in ((.08,), (.5, .15), (.5, .85))], [0, 0, 0])
mixed = np.concatenate([paint(220, .43)]*3 + [paint(115, .28)])
test_close(cni(mixed), (3 + math.exp(-.5))/4, eps=5e-3)
test_eq((cni(flat((90, 90, 90))), cni(flat((255, 0, 0)))), (0, 0))
natural_bands(mixed)

# %% [markdown]
# ## What it does not see

# %% [markdown]
# The index knows hues and not things. A blue face is as natural to it as a blue sky. The experiment: we take photographs, and turn the hue of every pixel by the same angle, which nobody would call natural from 60 degrees on.

# %%
def turned(rgb, degrees): # hue turned in HSL, lightness and saturation kept
    h,s,l = hsl(rgb)
    k = lambda n: (n + ((h + degrees)%360)/30)%12
    a = s*np.minimum(l, 1 - l)
    f = lambda n: l - a*np.maximum(-1, np.minimum(np.minimum(k(n) - 3, 9 - k(n)), 1))
    return np.uint8(np.rint(np.stack([f(0), f(8), f(4)], -1)*255))

# %%
photos = [o()[::4,::4] for o in (data.astronaut, data.chelsea, data.coffee)]
for o in photos: assert np.abs(turned(o, 0).astype(int) - o).max() <= 1
angles = range(0, 360, 30)
curves = np.array([[cni(turned(o, d)) for d in angles] for o in photos])
assert (curves[:,0] > .3).all() and (curves.argmax(1) > 0).any()
curves.round(2)

# %%
#| label: fig-naturalness
#| fig-cap: "Naturalness of three photographs whose hues are turned: the true hue is not the most natural one."
fig,ax = plt.subplots(figsize=(6, 2.8), layout='constrained')
for o,name in zip(curves, ('astronaut', 'chelsea', 'coffee')): ax.plot(angles, o, label=name)
ax.set(xlabel='hue turned by (degrees)', ylabel='CNI')
ax.legend(fontsize=8);

# %% [markdown]
# In @fig-naturalness wrong colors score as high as the right ones, and higher. So a CNI is never alone in this book: it stands beside that of the truth where there is one, and beside the shares of the three bands where there is none. What it can tell is garish from natural at the same hue: the saturation of a lawn, of a face.

# %% [markdown]
# ## What we have
#
# - `cci` and `is_colorful`: the colorfulness of one picture, and whether it is in the range of the CCI ratio;
# - `natural_bands` and `cni`: how much of a picture has the hue of skin, grass and sky, and how natural its saturation is;
# - an experiment that says what these figures do not see.

# %% [markdown]
# ## Exercises
#
# 1. Multiply the saturation of a photograph by factors from 0 to 2 and draw its CNI. Is the best factor 1?
# 2. Which share of the pixels of your photographs is in none of the three bands? What would a fourth band be?
