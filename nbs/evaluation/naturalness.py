# %% [markdown]
# # Naturalness and hues
#
# > Figures of color itself: is there about as much as in nature, is it where nature has it, and are all hues used?
#
# An old photograph has no true colors to compare with, and yet one sees at once that a green face is wrong. Two figures of the literature try to say so without the truth. One asks how colorful a picture is and calls a narrow range natural; the other looks at skin, grass and sky, of which everybody knows the color by heart, and asks how saturated they are. A third sees what no figure of a single picture sees: a careful colorizer learns that brown is seldom very wrong, so each of its pictures looks acceptable, but a wall full of them is brown. S3's authors therefore counted hues over a whole set, apart for the parts that catch the eye and for the rest. This chapter has all three, with the constants that S3 evaluates with, shows what they cannot see, and adds one that compares hues with those of the photographs themselves. And it has a test that comes before all of these: whether a picture is in color at all, or only brown or blue with age. They need NumPy alone, so that an album can be measured where torch is not installed.

# %%
#| default_exp evaluation.naturalness

# %%
#| export
from typing import NamedTuple
import numpy as np
from PIL import Image

# %%
#| hide
import colorsys, math
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import ImageOps
from skimage import data
from colorbook.data.photos import sample_photos

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
# ## Is it in color?

# %% [markdown]
# Is a picture in color at all? Old films and photographs are not, and may be brown or blue all the same. What counts is color that lightness does not explain: the differences of the channels are fitted by a parabola of lightness, and what is left is measured. In toned pictures nothing is.

# %%
#| export
def own_color(
    im:Image.Image, # RGB
) -> float: # levels of 255; 0 for gray and, nearly, for toned pictures
    "Root mean square of the color that does not follow from lightness"
    r,g,b = np.asarray(im.resize((48, 27), Image.Resampling.NEAREST), np.float64).reshape(-1, 3).T
    Y = (.299*r + .587*g + .114*b)/255
    powers,color = np.stack([Y**0, Y, Y**2], 1),np.stack([r - g, b - g], 1)
    rest = color - powers@np.linalg.lstsq(powers, color, rcond=None)[0]
    return float(np.sqrt(np.square(rest).sum(1).mean()))

# %%
lively = [Image.fromarray(o()) for o in (data.astronaut, data.chelsea, data.coffee)]
toned = [ImageOps.colorize(o.convert('L'), '#201008', '#fff0d0', mid='#907050') for o in lively]
assert max(own_color(o) for o in toned) < 3 < 6 < min(own_color(o) for o in lively)
test_close(own_color(lively[0].convert('L').convert('RGB')), 0, eps=1e-6)
[round(own_color(o), 1) for o in lively + toned]

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
# ## A histogram of hues

# %% [markdown]
# Every pixel with a color has a hue, a number of degrees from 0 to 360, and a histogram of 360 bins says how often each is used. A pixel that is nearly gray, with a saturation below 0.1 in HSL, or nearly black or white, has a hue by accident only, and is left out. Histograms of pictures are added up over a set.

# %%
#| export
BINS = 360

def hue_histogram(
    rgb:np.ndarray, # HxWx3, bytes
    where:np.ndarray|None=None, # HxW of truth values: pixels that count; None for all
) -> np.ndarray: # numbers of pixels, `BINS` of them
    "How often each hue is used"
    h,s,l = hsl(rgb)
    seen = (s > .1) & (l > .05) & (l < .95)
    if where is not None: seen &= where
    return np.bincount((h[seen].astype(int))%BINS, minlength=BINS)

# %%
def strip(*hues): return np.uint8([[np.rint(np.array(colorsys.hls_to_rgb((h + .5)/360, .5, .8))*255) for h in hues]])
some = hue_histogram(strip(10, 10, 200))
test_eq((some.sum(), some[9:12].sum(), some[199:202].sum()), (3, 2, 1))
test_eq(hue_histogram(np.full((4, 4, 3), 128, np.uint8)).sum(), 0)
test_eq(hue_histogram(strip(10, 200), np.array([[False, True]]))[199:202].sum(), 1)
some.argmax()

# %% [markdown]
# ## The variance of hues

# %% [markdown]
# If every hue is used equally often, all bins are equal and their variance is 0; if a single one is, it is as large as it can be. So that the number does not depend on how many pixels there were, we divide by the square of the mean:
#
# $$V=\frac{\mathrm{var}(n_1,\dots,n_{360})}{\mathrm{mean}(n_1,\dots,n_{360})^2}$$
#
# With $k$ hues used equally often this is $360/k-1$: 0 for all, 359 for one, 1 for half of them. Small is varied, large is monotonous. Photographs are not 0 either, since skin, wood, sky and grass are more frequent than violet; so the figure of the photographs stands beside it.

# %%
#| export
def hue_variance(
    counts:np.ndarray, # of `hue_histogram`, or a sum of several
) -> float: # 0 for all hues equally often to 359 for a single one; nan without any
    "Variance of the bins by the square of their mean"
    mean = np.mean(counts)
    return float(np.var(counts)/mean**2) if mean else float('nan')

# %%
for k in (1, 2, 180, 360): test_close(hue_variance(np.arange(360) < k), 360/k - 1, eps=1e-9)
test_close(hue_variance(5*some), hue_variance(some), eps=1e-9)
test_eq(np.isnan(hue_variance(np.zeros(360))), True)
hue_variance(some)

# %% [markdown]
# ## Where one looks

# %% [markdown]
# A saliency map says for every pixel how much it catches the eye, 0 to 1 ([Where one looks](saliency.ipynb)). S3 cuts the picture into patches of a quarter of its side and calls one salient if more than half of its pixels have more than 20/255. Then there are two histograms, one of the salient patches and one of all others.

# %%
#| export
def salient_patches(
    saliency:np.ndarray, # HxW, 0..1
    parts:int=4, # patches along each side
    floor:float=20/255, # from which a pixel is salient
) -> np.ndarray: # HxW of truth values, the same for all pixels of a patch
    "Patches of which more than half is salient"
    h,w = saliency.shape
    rows,columns = (np.minimum(np.arange(n)*parts//n, parts - 1) for n in (h, w))
    patch = rows[:,None]*parts + columns
    size = np.bincount(patch.ravel(), minlength=parts**2)
    return (np.bincount(patch.ravel(), (saliency > floor).ravel(), parts**2) > .5*size)[patch]

# %%
one = np.zeros((16, 16))
one[:4,:4] = 1
test_eq(salient_patches(one), one > 0)
one[:4,4:6] = 1 # half of the next patch: not more than half
test_eq(salient_patches(one)[:,4:].any(), False)
one[0,6] = 1
test_eq(salient_patches(one)[:4,4:8].all(), True)
test_eq(salient_patches(one, parts=1).any(), False)
test_eq(salient_patches(one*.07).any(), False)
salient_patches(one)[::4,::4].astype(int)

# %% [markdown]
# ## Hues over a set

# %% [markdown]
# A figure of single pictures does not see a wall of brown. `HueCounter` adds up the histograms of a whole set, of results and of the photographs, apart for salient patches and others.

# %%
#| export
class HueCounter:
    "Histograms of hues over a set, of salient and other patches, of results and truth"
    def __init__(self): self.counts = {k: np.zeros(BINS) for k in ('salient', 'other', 'truth_salient', 'truth_other')}
    def add(self,
        fake:np.ndarray, # a result, HxWx3, bytes
        real:np.ndarray, # the photograph
        saliency:np.ndarray|None=None, # HxW, 0..1; None where nothing is salient
    ):
        "One more picture"
        there = np.zeros(fake.shape[:2], bool) if saliency is None else salient_patches(saliency)
        for side,rgb in (('', fake), ('truth_', real)):
            self.counts[f'{side}salient'] += hue_histogram(rgb, there)
            self.counts[f'{side}other'] += hue_histogram(rgb, ~there)
    def figures(self) -> dict: # variances of salient, other and all patches, and the distance of all from the truth's
        "What was found"
        c = self.counts | {f'{k}all': self.counts[f'{k}salient'] + self.counts[f'{k}other'] for k in ('', 'truth_')}
        found = {f'hue_variance_{k}': hue_variance(v) for k,v in c.items()}
        return found | dict(hue_distance=hue_distance(c['all'], c['truth_all']))

# %% [markdown]
# `hue_distance` compares two histograms: the share of the pixels that would have to change their hue, if we do not ask by how much. 0 is the same distribution, 1 has no hue in common.

# %%
#| export
def hue_distance(
    one:np.ndarray, # counts
    two:np.ndarray, # likewise
) -> float: # 0..1; nan where one of them has no color
    "Total variation distance of two histograms"
    if not one.sum() or not two.sum(): return float('nan')
    return float(np.abs(one/one.sum() - two/two.sum()).sum()/2)

# %%
a,b = (np.arange(360) < 180).astype(float),(np.arange(360) < 90).astype(float)
test_close([hue_distance(a, a), hue_distance(a, b), hue_distance(a, 1 - a)], [0, .5, 1], eps=1e-9)
photos = [np.asarray(o) for o in sample_photos(64)]
def sepia(rgb): return np.uint8(np.outer(rgb.mean(-1)/255, (200, 160, 110)).reshape(rgb.shape).clip(0, 255))
eye = np.pad(np.ones((32, 32)), 16)
same,brown = HueCounter(),HueCounter()
for o in photos:
    same.add(o, o, eye)
    brown.add(sepia(o), o, eye)
found,dull = same.figures(),brown.figures()
for k in ('salient', 'other', 'all'): test_eq(found[f'hue_variance_{k}'], found[f'hue_variance_truth_{k}'])
test_eq(found['hue_distance'], 0)
assert dull['hue_variance_all'] > 3*dull['hue_variance_truth_all'] and dull['hue_distance'] > .5
test_eq((same.counts['salient'].sum() > 0, same.counts['other'].sum() > 0), (True, True))
{k: round(v, 2) for k,v in dull.items()}

# %%
#| label: fig-hue-regions
#| fig-cap: "Hues of six photographs, and of the same in sepia."
fig,ax = plt.subplots(figsize=(7, 2.6), layout='constrained')
for o,name in ((same, 'photographs'), (brown, 'sepia')):
    counts = o.counts['salient'] + o.counts['other']
    ax.plot(np.arange(360), counts.reshape(-1, 6).sum(1).repeat(6)/counts.sum(), label=name)
ax.set(xlabel='hue (degrees)', ylabel='share of the pixels')
ax.legend(fontsize=8);

# %% [markdown]
# Half of the photographs' pixels lie between red and orange (0 to 30 degrees), a fifth are blue (around 220), and there are a few of most other hues. All pixels of the sepia pictures have one hue, so its line is a single spike. `hue_variance` measures how spiky such a line is, and `hue_distance` how little two of them overlap.

# %% [markdown]
# ## What we have
#
# - `cci` and `is_colorful`: the colorfulness of one picture, and whether it is in the range of the CCI ratio;
# - `own_color`: whether a picture is in color, or only toned;
# - `natural_bands` and `cni`: how much of a picture has the hue of skin, grass and sky, and how natural its saturation is;
# - an experiment that says what these figures do not see;
# - `hue_variance`: are all hues used, from 0 for all equally to 359 for one alone, in salient and in other patches;
# - `hue_distance`: how much of the photographs' distribution of hues is missed;
# - `HueCounter`, which counts over a set.

# %% [markdown]
# ## Exercises
#
# 1. Multiply the saturation of a photograph by factors from 0 to 2 and draw its CNI. Is the best factor 1?
# 2. Which share of the pixels of your photographs is in none of the three bands? What would a fourth band be?
# 3. Count the hues of a gallery of your own album. Which are missing altogether?
# 4. `hue_distance` does not know that red is nearer to orange than to blue. Write the distance that asks how far hues have to move around the circle.
