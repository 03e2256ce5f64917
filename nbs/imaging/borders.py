# %% [markdown]
# # Borders
#
# > Frames of paper and black bars are found, so that the network does not see them
#
# A scan has paper around it, a film picture has black bars. To the network a border is part of the scene: a white one is snow or sky, and what is inside gets colors that go with it. `find_borders` says where the picture begins, whatever the gray of the border and with the noise of a scanner in it (@fig-borders). It must also leave pictures alone that have none, though they may have a dark sky or stand before a white wall; most of this chapter is about that.

# %%
#| default_exp imaging.borders

# %% tags=["parameters"]
seed = 4

# %%
#| export
import numpy as np
from PIL import Image
from colorbook.imaging.io import Picture

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data
from colorbook.imaging.io import from_array

# %% [markdown]
# ## What makes a border
#
# A row of pixels belongs to a border if nearly all of them, 19 of 20, have one gray, give or take a twentieth of the scale, which is more than the noise of a scan or what a JPEG does beside an edge. Beginning at a side, such rows are counted. Then four things are asked, and each keeps a kind of picture from being cut:
#
# - The border *ends at once*: within a few rows, less than two thirds of the pixels still have its gray. A sky ends at a roof or a tree, here earlier and there later.
# - *Opposite sides* have it, above and below or left and right, in the same gray. A picture has no second sky below.
# - It is at least one percent wide, and more than half of the picture's height or width is left inside, so a flat picture stays whole.
# - The picture is not tiny: both sides have at least 32 pixels.
#
# It is looked for on a copy of at most 256 pixels, and then each edge is found to the pixel in the few rows of the picture itself where it must be.

# %%
#| export
def _levels(
    pic:Picture,
    box:tuple=None, # left, top, right, bottom; None for the whole
    size:tuple=None, # width and height of a small copy; None for the pixels themselves
) -> np.ndarray: # hxw in 0..1
    "Gray values of a picture or of a part of it"
    x = pic.source
    if isinstance(x, Image.Image): x = x if box is None else x.crop(box)
    elif box is not None: x = x[box[1]:box[3],box[0]:box[2]]
    if size is not None and isinstance(x, Image.Image): x = x.resize(size, Image.BOX, reducing_gap=2)
    elif size is not None:
        (h,w),(m,n) = x.shape[:2],size
        x = x[np.arange(n)*h//n][:,np.arange(m)*w//m]
    x = np.asarray(x)
    top = {'uint8': 255, 'uint16': 65535}.get(x.dtype.name, 1)
    return (x.mean(-1) if x.ndim == 3 else x).astype(np.float32)/top

def _share(x, level, tol): # of each row's pixels, how many have this gray
    return (abs(x - level) < tol).mean(1)

def _edge(
    x:np.ndarray, # hxw gray values
    tol:float=.05,
) -> tuple: # rows of the border at the top, 0 for none; its gray
    "How many rows at the top have one gray and end at once"
    level = float(np.median(x[0]))
    share = _share(x, level, tol)
    n = int(np.argmax(share < .95)) if (share < .95).any() else 0
    ends = n and share[n:n + 3].min(initial=1) < 2/3
    return (n, level) if ends and n >= max(2, len(x)/100) else (0, level)

# %% [markdown]
# The exact place of an edge: in the picture's own rows around it, the first of which less than nine tenths of the pixels have the border's gray, with more patience for noise.

# %%
#| export
def _exact(pic, at, side, level):
    "The first row or column of the inside, to the pixel; `at` and `side` in pixels of the picture"
    h,w = pic.shape
    step = int(np.ceil(max(h, w)/256)) + 2
    lo,hi = max(0, at - 2*step),at + 2*step
    strip = dict(top=(0, lo, w, hi), bottom=(0, h - hi, w, h - lo), left=(lo, 0, hi, h), right=(w - hi, 0, w - lo, h))
    x = _levels(pic, strip[side])
    x = dict(top=x, bottom=x[::-1], left=x.T, right=x.T[::-1])[side]
    inside = _share(x, level, .1) < .9
    return lo + int(np.argmax(inside)) if inside.any() else at

def find_borders(
    pic:Picture, # as stored
) -> tuple|None: # left, top, right and bottom of the inside, in pixels; None for a picture without borders
    "Where a picture is that has uniform borders on opposite sides"
    h,w = pic.shape
    if min(h, w) < 32: return None
    by = min(1, 256/max(h, w))
    x = _levels(pic, size=(max(8, round(w*by)), max(8, round(h*by))))
    found = {}
    for axis,pair in (x, ('top', 'bottom')), (x.T, ('left', 'right')):
        sides = [_edge(axis), _edge(axis[::-1])]
        n,m = (o[0] for o in sides)
        if n and m and abs(sides[0][1] - sides[1][1]) < .05 and n + m < len(axis)/2:
            length = h if axis is x else w
            for k,(o,level) in zip(pair, sides): found[k] = _exact(pic, round(o*length/len(axis)), k, level)
    if not found: return None
    cut = lambda k: found.get(k, 0)
    return cut('left'),cut('top'),w - cut('right'),h - cut('bottom')

def inside_borders(
    pic:Picture,
    box:tuple, # of `find_borders`
) -> Picture: # the same without its borders, and without what is only handed on
    "The picture inside of its borders"
    x = pic.source
    part = x.crop(box) if isinstance(x, Image.Image) else x[box[1]:box[3],box[0]:box[2]]
    return Picture(part, None, pic.orientation)

# %% [markdown]
# Borders of every gray and width around a photograph, as bytes, 16 bits and Pillow pictures; clean, and with the noise of a scan. The box is right to the pixel, or to one where there is noise.

# %%
rng = np.random.default_rng(seed)
gray = data.camera()[40:440,:]
h,w = gray.shape
def framed(x, left, top, right, bottom, level, noise=0):
    "A picture with a border"
    pad = [(top, bottom), (left, right)] + [(0, 0)]*(x.ndim - 2)
    out = np.pad(x.astype(float), pad, constant_values=level)
    out[:top] += noise*rng.standard_normal(out[:top].shape)
    return (out + noise*rng.standard_normal(out.shape)*(out == level)).clip(0, 255).astype(np.uint8)

for level in (0, 30, 128, 250, 255):
    for sides in ((60, 60, 60, 60), (0, 60, 0, 60), (40, 0, 44, 0), (9, 21, 30, 12)):
        x = framed(gray, *sides, level)
        box = sides[0],sides[1],sides[0] + w,sides[1] + h
        test_eq(find_borders(from_array(x)), box)
        test_eq(find_borders(from_array(x.astype(np.uint16)*257)), box)
        test_eq(find_borders(Picture(Image.fromarray(x))), box)
        noisy = find_borders(from_array(framed(gray, *sides, level, 4)))
        assert np.abs(np.subtract(noisy, box)).max() <= 1
photo = data.astronaut()
big = np.asarray(Image.fromarray(photo).resize((1600, 1200)))
test_eq(find_borders(from_array(framed(big, 31, 90, 31, 75, 235))), (31, 90, 1631, 1290))
box

# %% [markdown]
# Thirteen pictures without borders: photographs as they are, a dark sky over roofs, an object before a white wall, a black band on one side only, a flat picture, a gradient, and tiny ones. None is cut.

# %%
night = np.where(np.arange(400)[:,None] > 150 + 40*np.sin(np.arange(500)/40), gray[:,:500]//2, 3).astype(np.uint8)
y,x = np.mgrid[:300,:400]
ball = np.where((y - 150)**2 + (x - 200)**2 < 90**2, 80 + (x - 200)//2, 255).astype(np.uint8)
none = [gray, photo, data.chelsea(), data.coffee(), data.rocket(), data.moon(), night, ball,
    framed(gray, 0, 60, 0, 0, 0), np.full((200, 300), 255, np.uint8), np.zeros((50, 60, 3), np.uint8),
    np.linspace(0, 255, 200*300).reshape(200, 300).astype(np.uint8), framed(gray[:20,:20], 4, 4, 4, 4, 0)]
test_eq([find_borders(from_array(o)) for o in none], [None]*len(none))
test_eq(inside_borders(from_array(framed(gray, 9, 21, 30, 12, 0)), (9, 21, 9 + w, 21 + h)).pixels, gray)
len(none)

# %%
#| label: fig-borders
#| fig-cap: "A scan with paper around it, and a letterbox: what is found is inside of the line."
fig,axs = plt.subplots(1, 2, figsize=(8, 3.4), layout='constrained')
for ax,o in zip(axs, (framed(photo, 70, 50, 60, 80, 236, 3), framed(gray, 0, 90, 0, 90, 2))):
    l,t,r,b = find_borders(from_array(o))
    ax.imshow(o, cmap='gray')
    ax.plot([l, r, r, l, l], [t, t, b, b, t], 'r', lw=1)
    ax.axis('off')

# %% [markdown]
# At the left of @fig-borders the four margins differ in width, at the right there are two bars. In both the line lies on the edge of the picture.

# %% [markdown]
# ## What we have
#
# - `find_borders`, the box inside of uniform borders, or `None`; [`colorize`](colorizer.ipynb) colors what is inside as if it had been cut out, and leaves the border gray.

# %% [markdown]
# ## Exercises
#
# 1. A letterbox with subtitles in the lower bar is not found. Which of the four questions says no, and how would you ask it?
# 2. Rotate a scan by half a degree before you frame it. Up to which angle is its border found?
