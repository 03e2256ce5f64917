# %% [markdown]
# # A failure atlas
#
# > Seven ways in which colors go wrong, each with a number, a map, and the pictures where it is worst
#
# A mean says that a colorizer is wrong and not in which way. S3's authors sorted their failures by eye: things in the color of other things, color that runs over a border, small things overlooked, too little color, one thing in two colors, two things in one. In this chapter each of these gets a measure that is zero where nothing of the kind is wrong, and whose value we know for pictures that we draw ourselves. Each measure says where in the picture it found what it counts, and a sheet shows the worst photographs of a set for every one of them.

# %%
#| default_exp evaluation.atlas

# %%
#| export
from typing import NamedTuple
import numpy as np
from PIL import Image
from skimage.color import rgb2lab
from skimage.segmentation import felzenszwalb
from colorbook.imaging.sheet import contact_sheet

# %%
#| hide
import math, warnings
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage.color import lab2rgb
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## Regions

# %% [markdown]
# All of it is about things, and a computer does not know where one thing ends. The true photograph is in color, which helps: Felzenszwalb and Huttenlocher's segmentation joins neighboring pixels as long as the step between two groups is not larger than the steps inside of them, and what is left are patches of even color, which are things or parts of things. They are found in the truth alone, without smoothing, which would put a seam between any two of them, and with at least a four hundredth of the picture each. So every colorizer is measured on the same regions.
#
# A *border pixel* of a region has another region within three pixels, along a row or a column. The rest of a region is its *core*; where a region is so thin that it has none, it stands for nothing at its borders.

# %%
#| export
WIDTH = 3 # pixels on either side of a border that belong to it

def find_regions(
    rgb:np.ndarray, # the true photograph, HxWx3, bytes
) -> np.ndarray: # HxW, numbers from 0
    "Patches of even color (Felzenszwalb and Huttenlocher 2004)"
    return felzenszwalb(rgb, scale=150, sigma=0, min_size=max(4, rgb.shape[0]*rgb.shape[1]//400))

def across(
    labels:np.ndarray, # HxW
    width:int=WIDTH, # pixels
) -> np.ndarray: # HxW; -1 in the core
    "The nearest other region within `width` pixels along rows and columns"
    other,padded = np.full(labels.shape, -1),np.pad(labels, width, constant_values=-1)
    h,w = labels.shape
    for d in range(1, width + 1):
        for dy,dx in ((0, d), (d, 0), (0, -d), (-d, 0)):
            seen = padded[width + dy:width + dy + h, width + dx:width + dx + w]
            other = np.where((other < 0) & (seen >= 0) & (seen != labels), seen, other)
    return other

# %%
stripes = np.repeat(np.repeat([[0, 1, 2]], 8, 0), 10, 1) # three regions of 8x10 pixels, side by side
test_eq(across(stripes)[0].tolist(), [-1]*7 + [1]*3 + [0]*3 + [-1]*4 + [2]*3 + [1]*3 + [-1]*7)
def draw(*colors, labels=stripes): # regions in flat colors of Lab, at L* 60
    lab = np.array([(60, *o) for o in colors], float)[labels]
    return np.uint8(np.rint(lab2rgb(lab)*255))
red,green,blue,none = (40, 20),(-30, 30),(0, -35),(0, 0)
three = draw(red, green, blue)
test_eq(find_regions(np.kron(three, np.ones((4, 4, 1), np.uint8))), np.kron(stripes, np.ones((4, 4), int)))

# %% [markdown]
# ## What the measures share

# %% [markdown]
# For a picture and given regions we need, again and again, the color $ab$ of every pixel, the mean of each region, and the border. `Colors` computes them once.

# %%
#| export
def region_mean(
    x:np.ndarray, # HxWxK
    labels:np.ndarray, # HxW
    where:np.ndarray|None=None, # HxW of truth values: pixels that count
) -> np.ndarray: # NxK; nan for a region without a pixel
    "Means over regions"
    flat,n = labels if where is None else labels[where],labels.max() + 1
    rows = x.reshape(-1, x.shape[-1]) if where is None else x[where]
    size = np.bincount(flat.ravel(), minlength=n)
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.stack([np.bincount(flat.ravel(), o, n)/size for o in rows.T], -1)

class Colors(NamedTuple):
    "A picture's colors over given regions"
    ab:np.ndarray # HxWx2
    chroma:np.ndarray # HxW
    mean:np.ndarray # of each region, Nx2
    core:np.ndarray # of the core of each region, Nx2; nan where it has none

def colors_of(
    rgb:np.ndarray, # HxWx3, bytes
    labels:np.ndarray, # HxW
    other:np.ndarray, # of `across`
) -> Colors:
    "What the measures need to know of a picture"
    ab = rgb2lab(rgb)[...,1:]
    return Colors(ab, np.hypot(*np.moveaxis(ab, -1, 0)), region_mean(ab, labels), region_mean(ab, labels, other < 0))

class Pair(NamedTuple):
    "A result beside the truth, over the truth's regions"
    fake:Colors
    real:Colors
    labels:np.ndarray # HxW
    other:np.ndarray # HxW, of `across`
    area:np.ndarray # pixels of each region

# %%
#| export
def pair_of(
    fake:np.ndarray, # the result, HxWx3, bytes
    real:np.ndarray, # the true photograph, likewise
    labels:np.ndarray|None=None, # HxW; None for `find_regions(real)`
) -> Pair:
    "A result and the truth, ready to be compared"
    labels = find_regions(real) if labels is None else labels
    other = across(labels)
    one,two = (colors_of(o, labels, other) for o in (fake, real))
    return Pair(one, two, labels, other, np.bincount(labels.ravel()))

def _share(top, bottom) -> float: # 0 where there is nothing
    "A sum as a share of another"
    total = float(np.sum(bottom))
    return float(np.sum(top))/total if total > 0 else 0.

# %% [markdown]
# ## A thing in the color of another

# %% [markdown]
# **Semantic confusion**: a lawn in red, a face in green. A region counts if it has a color in truth and in the result (a mean chroma of at least 10), and the hues of the two are more than 60 degrees apart. The measure is the share of such regions in the area of those that have a color in truth.

# %%
#| export
COLORED = 10 # mean chroma from which a region has a color

def semantic_confusion(
    p:Pair,
) -> tuple[float,np.ndarray]: # 0..1, and HxW: where
    "Area of the regions whose hue is another one, as a share of the colored area"
    (a,b),(c,d) = p.fake.mean.T,p.real.mean.T
    one,two = np.hypot(a, b),np.hypot(c, d)
    wrong = (one >= COLORED) & (two >= COLORED) & (a*c + b*d < .5*one*two)
    return _share(p.area[wrong], p.area[two >= COLORED]),wrong[p.labels].astype(float)

# %% [markdown]
# Two of three equal regions in each other's color make two thirds. A dull result confuses nothing, and neither does a gray one.

# %%
def value(f, fake, real=three, labels=stripes): return f(pair_of(fake, real, labels))[0]
test_close(value(semantic_confusion, draw(green, red, blue)), 2/3, eps=1e-9)
for o in (three, draw(none, none, none), draw((20, 10), green, blue)):
    test_close(value(semantic_confusion, o), 0, eps=1e-9)

# %% [markdown]
# ## Color that crosses a border

# %% [markdown]
# **Object intervention**: the sky runs into the roof. At a border between regions $i$ and $j$, let $m_i$ and $m_j$ be the colors that the *result* has in their cores, whether they are right or not. A border pixel of region $i$ with color $c$ has taken the share
#
# $$t=\frac{\langle c-m_i,\;m_j-m_i\rangle}{\lVert m_j-m_i\rVert^2},\quad\text{cut to }0\ldots1,$$
#
# of the way to the other side's color. The measure is the mean of $t$ over all border pixels, weighted by the step $\lVert m_j-m_i\rVert$ (steps below 5 are none), minus the same of the photograph, whose borders are not sharp either. A dull result is not excused by being dull, since $t$ is a share.

# %%
#| export
def _crossed(o:Colors, p:Pair):
    "Share of the way to the other side, and the step, of every pixel; 0 in the core"
    there = p.other >= 0
    mine,step = o.core[p.labels],o.core[p.other] - o.core[p.labels]
    length = np.where(there, np.nan_to_num(np.hypot(*np.moveaxis(step, -1, 0))), 0)
    length = np.where(length >= 5, length, 0)
    with np.errstate(invalid='ignore', divide='ignore'):
        t = ((o.ab - mine)*step).sum(-1)/length**2
    return np.where(length > 0, np.clip(np.nan_to_num(t), 0, 1), 0),length

def object_intervention(
    p:Pair,
) -> tuple[float,np.ndarray]: # 0..1, and HxW: where
    "How far color at borders has gone over to the other side, beyond the photograph's own borders"
    (t,step),(u,true_step) = _crossed(p.fake, p),_crossed(p.real, p)
    return max(0., _share(t*step, step) - _share(u*true_step, true_step)),t*np.minimum(step/20, 1)

# %% [markdown]
# Let the color of the first region run one pixel, or two, into the second: of the six columns of border pixels at this border, one or two have gone all the way. With the first border's step $s_1$ and the second's $s_2$, this is $\frac{s_1}{s_1+s_2}\cdot\frac16$ for each column. A result of half the chroma has the same value, and wrong but sharp colors have none.

# %%
def step(one, two): return math.dist(one, two)
column = np.arange(30)
def leaking(n, *colors): return draw(*colors, labels=np.where((column >= 10) & (column < 10 + n), 0, stripes))
weight = step(red, green)/(step(red, green) + step(green, blue))
for n in (1, 2):
    test_close(value(object_intervention, leaking(n, red, green, blue)), n/6*weight, eps=.01)
    halves = [(a/2, b/2) for a,b in (red, green, blue)]
    test_close(value(object_intervention, leaking(n, *halves)), n/6*weight, eps=.02)
for o in (three, draw(none, none, none), draw(blue, red, green)): test_close(value(object_intervention, o), 0, eps=1e-9)

# %% [markdown]
# ## Small things overlooked

# %% [markdown]
# **Small objects**: a red buoy on the sea that stays blue. A small region, of less than a hundredth of the picture, stands out by the difference $d$ between its color and the mean of the regions that it touches. Where that is at least 15 in truth, what is missing of it in the result is $1-\langle d_\text{result},d\rangle/\lVert d\rVert^2$, cut to $0\ldots1$, and the measure is the mean over all such regions.

# %%
#| export
def _touching(p:Pair):
    "Pairs of regions that touch, and how many border pixels they share"
    at = p.other >= 0
    n = len(p.area)
    code,count = np.unique(p.labels[at]*n + p.other[at], return_counts=True)
    return code//n,code%n,count

def small_objects(
    p:Pair,
) -> tuple[float,np.ndarray]: # 0..1, and HxW: where
    "What is missing of the color by which small regions stand out"
    i,j,count = _touching(p)
    def contrast(o):
        around = np.stack([np.bincount(i, count*o.mean[j,k], len(p.area)) for k in (0, 1)], -1)
        return o.mean - around/np.maximum(np.bincount(i, count, len(p.area)), 1)[:,None]
    d = contrast(p.real)
    size = (d**2).sum(-1)
    missed = 1 - np.clip((contrast(p.fake)*d).sum(-1)/np.maximum(size, 1), 0, 1)
    small = (p.area < .01*p.labels.size) & (size >= 15**2)
    missed = np.where(small, missed, 0)
    return _share(missed, small),missed[p.labels]

# %%
spots = np.zeros((60, 60), int)
spots[10:14,10:14],spots[40:44,40:44] = 1,2 # two small things
sea = draw(blue, red, green, labels=spots)
def spotted(*colors): return value(small_objects, draw(*colors, labels=spots), sea, spots)
half = tuple((a + b)/2 for a,b in zip(blue, red))
test_close([spotted(blue, blue, blue), spotted(blue, red, blue), spotted(blue, half, green)], [1, .5, .25], eps=.02)
test_close([spotted(blue, red, green), spotted(none, none, none)], [0, 1], eps=.01)
test_close(value(small_objects, draw(blue, blue, blue)), 0, eps=1e-9) # there is nothing small

# %% [markdown]
# ## Too little color

# %% [markdown]
# **Lack of color**: what is missing of the photograph's chroma, pixel by pixel, as a share of all of it. Too much color in one place does not pay for too little in another.

# %%
#| export
def lack_of_color(
    p:Pair,
) -> tuple[float,np.ndarray]: # 0..1, and HxW: where
    "Missing chroma as a share of the photograph's"
    gone = (p.real.chroma - p.fake.chroma).clip(0)
    if p.real.chroma.mean() < 2: return 0.,gone*0
    return _share(gone, p.real.chroma),(gone/np.maximum(p.real.chroma, 20))

# %%
test_close(value(lack_of_color, draw(none, none, none)), 1, eps=.01)
test_close(value(lack_of_color, draw(*halves)), .5, eps=.02)
more = draw(*[(1.2*a, 1.2*b) for a,b in (red, green, blue)])
test_close([value(lack_of_color, o) for o in (three, more)], [0, 0], eps=.005)
test_close(value(lack_of_color, three, draw(none, none, none)), 0, eps=1e-9)

# %% [markdown]
# ## One thing in two colors

# %% [markdown]
# **Inconsistent hue**: half of a coat is red and half is blue. In a region of one color all vectors $ab$ point the same way, and the length of their sum is the sum of their lengths; the more they disagree, the shorter the sum. The measure is $1-\lVert\sum ab\rVert/\sum\lVert ab\rVert$, less the same of the photograph, where the result has more of it, averaged over regions by the chroma that they have in the result. **Inconsistent chroma** is the same for the deviation of the chroma inside of a region, divided by its mean.

# %%
#| export
def _spread(o:Colors, p:Pair):
    "Disagreement of hue, deviation of chroma by its mean, and all chroma, of every region"
    mean = region_mean(o.chroma[...,None], p.labels)[:,0]
    square = region_mean(o.chroma[...,None]**2, p.labels)[:,0]
    some = np.maximum(mean, 2) # below that there is no hue to disagree about
    return (mean - np.hypot(*o.mean.T))/some,np.sqrt((square - mean**2).clip(0))/some,mean*p.area

def inconsistent_hue(
    p:Pair,
) -> tuple[float,np.ndarray]: # 0..1, and HxW: where
    "Disagreement of hue inside of regions, beyond the photograph's"
    (f,_,w),(r,_,_) = _spread(p.fake, p),_spread(p.real, p)
    more = (f - r).clip(0)
    return _share(more*w, w),more[p.labels]

def inconsistent_chroma(
    p:Pair,
) -> tuple[float,np.ndarray]: # at least 0, and HxW: where
    "Deviation of chroma by its mean inside of regions, beyond the photograph's"
    (_,f,w),(_,r,_) = _spread(p.fake, p),_spread(p.real, p)
    more = (f - r).clip(0)
    return _share(more*w, w),more[p.labels]

# %% [markdown]
# In a single region two halves whose hues are $\varphi$ apart have $1-\cos(\varphi/2)$; halves with the chromas $c$ and $2c$ have the mean $1.5c$ and the deviation $0.5c$, a third.

# %%
whole,halved = np.zeros((12, 12), int),np.repeat([[0]*6 + [1]*6], 12, 0)
plain = draw(red, labels=whole)
def in_halves(f, *colors): return value(f, draw(*colors, labels=halved), plain, whole)
def polar(c, degrees): return c*math.cos(math.radians(degrees)),c*math.sin(math.radians(degrees))
for angle in (60, 120):
    known = 1 - math.cos(math.radians(angle/2))
    test_close(in_halves(inconsistent_hue, polar(25, 0), polar(25, angle)), known, eps=.02)
test_close(in_halves(inconsistent_chroma, polar(15, 40), polar(30, 40)), 1/3, eps=.02)
for o in (inconsistent_hue, inconsistent_chroma):
    test_close([in_halves(o, k, k) for k in (red, blue, none)] + [value(o, three)], [0]*4, eps=.01)
test_close(in_halves(inconsistent_hue, polar(15, 40), polar(30, 40)), 0, eps=.01)

# %% [markdown]
# ## Two things in one color

# %% [markdown]
# **Overlap**: the child's coat has taken the color of the mother's. Of the borders between regions whose true colors differ by at least 15, those count whose two sides both have a color in the result (10 again, so that a gray picture does not count), and hardly differ: by less than a third of the true step. The measure is their share in the length of all such borders.

# %%
#| export
def overlap(
    p:Pair,
) -> tuple[float,np.ndarray]: # 0..1, and HxW: where
    "Borders over which a color has spread, as a share of the borders where the color changes in truth"
    i,j,count = _touching(p)
    true,made = (np.hypot(*(o.mean[i] - o.mean[j]).T) for o in (p.real, p.fake))
    colored = np.hypot(*p.fake.mean.T) >= COLORED
    both = colored[i] & colored[j]
    lost = (true >= 15) & (made < true/3) & both
    at = np.zeros((len(p.area),)*2, bool)
    at[i[lost], j[lost]] = True
    return _share(count[lost], count[true >= 15]),(at[p.labels, p.other] & (p.other >= 0)).astype(float)

# %%
test_close([value(overlap, draw(*o)) for o in ((red, red, blue), (red, red, red))], [.5, 1], eps=1e-9)
for o in (three, draw(none, none, none), draw(blue, red, green), draw(*halves)):
    test_close(value(overlap, o), 0, eps=1e-9)

# %% [markdown]
# ## The atlas

# %% [markdown]
# The seven in a table, by the names that they have in the reports, and two ways to show them: a map laid over the picture, and a sheet with the worst photographs for each, as gray, result, truth, and the result with the map.

# %%
#| export
FAILURES = dict(semantic_confusion=semantic_confusion, object_intervention=object_intervention,
    small_objects=small_objects, lack_of_color=lack_of_color, inconsistent_hue=inconsistent_hue,
    inconsistent_chroma=inconsistent_chroma, overlap=overlap)

def failures(
    fake:np.ndarray, # the result, HxWx3, bytes
    real:np.ndarray, # the true photograph, likewise
    labels:np.ndarray|None=None, # HxW regions; None for `find_regions(real)`
) -> dict: # by the names of `FAILURES`: a value and a map HxW
    "How a result goes wrong, and where"
    p = pair_of(fake, real, labels)
    return {k: f(p) for k,f in FAILURES.items()}

def overlay(
    rgb:np.ndarray, # HxWx3, bytes
    heat:np.ndarray, # HxW, 0..1: attention, saliency, or where something goes wrong
    color:tuple=(255, 0, 90), # of 1
) -> np.ndarray: # HxWx3, bytes
    "A map laid over the gray version of a picture"
    gray = np.asarray(Image.fromarray(rgb).convert('L'), dtype=float)[...,None].repeat(3, 2)
    share = np.asarray(heat, dtype=float).clip(0, 1)[...,None]*.8
    return np.uint8(np.rint(gray*(1 - share) + np.array(color)*share))

# %%
#| export
def atlas_columns(
    names:list, # of photos
    fake:list, # results, HxWx3, bytes
    real:list, # the true photographs
    gray:list, # their gray versions
) -> dict: # a list for each of `FAILURES`
    "The seven measures of a few photographs, for the protocol"
    found = [failures(f, r) for f,r in zip(fake, real)]
    return {k: [o[k][0] for o in found] for k in FAILURES}

def atlas_sheet(
    read, # function of the number of a photo that returns gray, result and truth, HxWx3, bytes
    table, # columns of `FAILURES`, by name, in the order of the photos
    n:int=3, # photos for each measure
) -> Image.Image: # a row a photo: gray, result, truth, and where
    "The worst photographs by each measure"
    cells,notes = [],[]
    for k in FAILURES:
        values = np.asarray(table[k], dtype=float)
        for i in np.argsort(-values, kind='stable')[:n]:
            gray,fake,real = read(int(i))
            cells += [gray, fake, real, overlay(fake, FAILURES[k](pair_of(fake, real))[1])]
            notes += [f'{k}: {values[i]:.3f}', '', '', '']
    return contact_sheet(cells, 4, notes)

# %% [markdown]
# As a test on real photographs, their colors are turned upside down while the lightness stays: nearly everything that can be wrong is wrong then. The photographs themselves must have nothing wrong. In the sheet look at the fourth column, where each measure marks in pink what it has found.

# %%
photos = [np.asarray(o) for o in sample_photos(128)[:3]]
def swapped(rgb):
    lab = rgb2lab(rgb)
    lab[...,1:] = lab[::-1,:,1:]
    with warnings.catch_warnings(action='ignore'): rgb = lab2rgb(lab) # some of it is outside of sRGB
    return np.uint8(np.rint(rgb.clip(0, 1)*255))
wrong = [swapped(o) for o in photos]
table = atlas_columns(['a', 'b', 'c'], wrong, photos, photos)
right = atlas_columns(['a', 'b', 'c'], photos, photos, photos)
test_close([max(o) for o in right.values()], [0]*7, eps=1e-9)
assert sum(max(o) > .05 for o in table.values()) >= 5
lit = overlay(photos[0], np.eye(128))
test_eq((lit[0,0].tolist() != lit[0,1].tolist(), len({*lit[0,1].tolist()})), (True, 1))
{k: [round(v, 3) for v in o] for k,o in table.items()}

# %%
#| label: fig-atlas
#| fig-cap: "Colors upside down: the worst photograph by each measure: gray, result, truth, and where."
sheet = atlas_sheet(lambda i: (photos[i].mean(-1).astype(np.uint8), wrong[i], photos[i]), table, 1)
plt.figure(figsize=(6, 11))
plt.imshow(sheet)
plt.axis('off');

# %% [markdown]
# There is one row for each measure: gray, with the wrong colors, true, and the map. The measures disagree about where the fault lies, and that is their use: one marks whole regions in a wrong hue, one only the borders that color has crossed, one only small things.

# %% [markdown]
# These are measures of a picture against its truth over regions that a program has drawn. They are made to find pictures and to compare variants of one network, and no more: a region can be half of a thing, or two things of one color, and a coat that is blue where it was red is counted as confusion although nobody could know. `colorbook evaluate --atlas` adds them to [a report](protocol.ipynb) and draws the sheet.

# %% [markdown]
# ## What we have
#
# - seven measures of failure with known values, and a map for each;
# - `atlas_sheet`, the worst photographs of a set by each of them; `overlay`, any map on any picture.

# %% [markdown]
# ## Exercises
#
# 1. Blur the color of a photograph and leave its lightness. Which measures notice, and from which radius on?
# 2. Which of the seven are related? Compute their correlation over the photographs of a report.
