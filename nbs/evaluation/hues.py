# %% [markdown]
# # How many hues
#
# > Does a colorizer use all colors, and does it use them on the things one looks at?
#
# A careful colorizer learns that brown is seldom very wrong. Each of its pictures looks acceptable, but a wall full of them is brown, and no measure of single pictures sees that. S3's authors counted hues over a whole set instead, apart for the parts that catch the eye and for the rest. This chapter has their figure, and a second one that compares with the photographs themselves.

# %%
#| default_exp evaluation.hues

# %%
#| export
import numpy as np
from colorbook.evaluation.naturalness import hsl

# %%
#| hide
import colorsys
import matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.data.photos import sample_photos

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
def paint(*hues): return np.uint8([[np.rint(np.array(colorsys.hls_to_rgb((h + .5)/360, .5, .8))*255) for h in hues]])
some = hue_histogram(paint(10, 10, 200))
test_eq((some.sum(), some[9:12].sum(), some[199:202].sum()), (3, 2, 1))
test_eq(hue_histogram(np.full((4, 4, 3), 128, np.uint8)).sum(), 0)
test_eq(hue_histogram(paint(10, 200), np.array([[False, True]]))[199:202].sum(), 1)
some.argmax()

# %% [markdown]
# ## Its variance

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
# ## A set

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
# - `hue_variance`: are all hues used, from 0 for all equally to 359 for one alone, in salient and in other patches;
# - `hue_distance`: how much of the photographs' distribution of hues is missed;
# - `HueCounter`, which counts over a set.

# %% [markdown]
# ## Exercises
#
# 1. Count the hues of a gallery of your own album. Which are missing altogether?
# 2. `hue_distance` does not know that red is nearer to orange than to blue. Write the distance that asks how far hues have to move around the circle.
