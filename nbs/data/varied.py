# %% [markdown]
# # Photographs as people bring them
#
# > Other cameras, other frames, other shapes: what a recipe calls `varied`
#
# A network that is trained on the lightness of modern photographs has seen one camera. What people bring was taken on film that saw no red, converted to gray by a program that weighs the channels in its own way, scanned with the paper around it, or stretched to another shape by a player. The kind of data called `varied` is [photographs](loaders.ipynb) in which all of this happens to some of the pictures in training. Held-out pictures stay as they are.

# %%
#| default_exp data.varied

# %% tags=["parameters"]
size,bs,seed = 96,6,7

# %%
#| export
import math, random
import torch
from fastai.vision.all import DataLoaders
from torch import Tensor
from colorbook.color.arithmetic import channel_sums
from colorbook.color.lab import grays, lab_curve, RGB_TO_XYZ, to_linear
from colorbook.data.loaders import data_loaders, degrade, load_photos, SquareCrop, ToLab

# %%
#| hide
import numpy as np
from types import SimpleNamespace
from fastai.vision.all import set_seed
from fastcore.test import *
from colorbook.color.lab import gray_to_L, show_row
from colorbook.data.photos import Photos, sample_photos

# %% [markdown]
# ## Other cameras

# %% [markdown]
# Which lightness does a red coat have in a black-and-white photograph? There are several [gray functions](../color/lab.ipynb), and a file does not say which one made it. The network should give nearly the same color for all of them, so in training it sees all of them. The target stays the color of the photograph, although the $L$ that is shown is no longer the one to which that color belongs. In use it is the same.
#
# `cameras` is the share of pictures that are converted by one of the seven weightings below instead of the recipe's own gray; the second number is how often each is taken. The last four stand for film and filters: orthochromatic emulsion, which is blind to red, and a single channel, which is what a strong color filter lets through. Sepia and other toning need no entry: they are a curve over lightness, and [age](loaders.ipynb) has one.

# %%
#| export
CAMERAS = dict( # weights of the stored red, green and blue, and how often
    rec601=((.299, .587, .114), .42), rec709=((.2126, .7152, .0722), .20), mean=((1/3, 1/3, 1/3), .08),
    ortho=((0., .6, .4), .14), red=((1., 0., 0.), .05), green=((0., 1., 0.), .08), blue=((0., 0., 1.), .03))

def camera_light(
    rgb:Tensor, # bytes, `bs`x3xHxW
    share:float=.58, # of the pictures that another camera took
    gray=grays['lstar'], # the gray function of the others
) -> Tensor: # lightness in 0..1, `bs`x1xHxW
    "Lightness by another camera for some pictures, by the recipe's gray for the others"
    linear = to_linear(torch.arange(256, device=rgb.device)/255) # a table: there are only so many bytes
    weights,often = zip(*CAMERAS.values())
    which = torch.multinomial(torch.tensor(often), len(rgb), replacement=True)
    w = torch.tensor(weights)[which].to(rgb.device)
    other = (rgb*w[:,:,None,None]).sum(1, keepdim=True).round().clamp(0, 255).long()
    if gray is grays['lstar']: own = channel_sums(linear[rgb.long()], RGB_TO_XYZ[1:2])
    else: own = to_linear(gray(rgb/255))
    light = torch.where((torch.rand(len(rgb), 1, 1, 1) < share).to(rgb.device), linear[other], own)
    return 1.16*lab_curve(light) - .16

# %% [markdown]
# Checks: with a share of 0 the lightness is that of [Data loaders](loaders.ipynb); a pure red is black, gray or white about as often as the table says; and a picture without color has the same lightness for every camera. Printed are the lightnesses that red gets.

# %%
photos = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size)]).permute(0, 3, 1, 2)
for k in ('lstar', 'rec601'):
    test_close(camera_light(photos, 0., grays[k]), gray_to_L(grays[k](photos/255)), eps=1e-5)
torch.manual_seed(seed)
red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand(4000, -1, -1, -1)
seen = camera_light(red, 1.).flatten()
test_close((seen < .01).float().mean(), .14 + .08 + .03, eps=.03)
test_close((seen > .99).float().mean(), .05, eps=.02)
own = gray_to_L(grays['lstar'](red[:1]/255)).item()
test_close((camera_light(red, .25).flatten() - own).abs().lt(1e-5).float().mean(), .75, eps=.03)
flat = torch.full((50, 3, 1, 1), 77, dtype=torch.uint8)
test_close(camera_light(flat, 1.), camera_light(flat, 0.), eps=1e-5)
seen.unique().tolist()

# %% [markdown]
# @fig-cameras has the photograph of the astronaut by the recipe's own gray and then by each camera, in the order of the table. Follow the orange suit: it is dark for orthochromatic film and for blue, and almost white for red.

# %%
#| label: fig-cameras
#| fig-cap: "One photograph by the recipe's gray and by each of the cameras."
one = photos[:1]
def by(weights): return 1.16*lab_curve(to_linear((one/255*torch.tensor(weights).view(1, 3, 1, 1)).sum(1, True))) - .16
show_row([camera_light(one, 0.)[0], *[by(w)[0] for w,_ in CAMERAS.values()]])

# %% [markdown]
# ## Frames

# %% [markdown]
# Scans have paper around them, films have black bars, and prints have white edges. [The colorizer](../imaging/colorizer.ipynb) leaves out what it recognizes, but not every border is recognized, and a network that has never seen one takes it for a sky or a wall and colors the rest to match. A few pictures get a border here, on all sides, above and below, or left and right, black, white or any gray. It is painted on the photograph before anything else is done, so its target is gray and it ages with the picture. Its edges lie on the grid of four pixels in which the [target](loaders.ipynb#targets) is averaged. @fig-varied-borders shows six draws.

# %%
#| export
def add_borders(
    rgb:Tensor, # bytes, `bs`x3xHxW
    share:float=.05, # of the pictures that get one
) -> Tensor: # the same, or a copy
    "Gray borders around some pictures, 3 to 15 percent of the side"
    some = (torch.rand(len(rgb)) < share).nonzero().flatten().tolist()
    if some: rgb = rgb.clone()
    for i in some:
        u = torch.rand(4).tolist()
        level = (0, 255, 13, 242)[int(u[0]*4)] if u[1] < .8 else int(u[1]*1275)%256
        across,down = u[2] < 2/3,u[2] >= 1/3
        for on,dim in ((down, -2), (across, -1)):
            n = rgb.shape[dim]
            t = 4*max(1, round(n/4*(.03 + .12*u[3])))
            if on: rgb[i].narrow(dim, 0, t).fill_(level), rgb[i].narrow(dim, n - t, t).fill_(level)
    return rgb

# %%
#| label: fig-varied-borders
#| fig-cap: "Photographs with borders, as one finds them."
torch.manual_seed(seed)
noise = torch.randint(256, (20, 3, size, size), dtype=torch.uint8)
test_eq(add_borders(noise, 0.), noise)
for o,p in zip(add_borders(noise, 1.), noise):
    changed = (o != p).any(0)
    y,x = (changed.float().mean(i) > .95 for i in (1, 0))
    assert y.any() or x.any()
    sides = [int(k.sum()) for k in (y, x) if k.any() and not k.all()]
    assert all(s%8 == 0 and .06*size - 8 < s < .3*size + 8 for s in sides)
    test_eq(o[:,~y][:,:,~x], p[:,~y][:,:,~x])
    border = o[:,y] if y.any() else o[:,:,x]
    assert len(border.unique()) == 1
show_row([*add_borders(photos, 1.)/255])

# %% [markdown]
# ## Parts and shapes

# %% [markdown]
# A [crop](loaders.ipynb) is a square of at least 70 % of the short side, so most pictures are never seen whole, and none in another shape. Here, one of six is seen whole, squeezed into the square as it will be when it is colored or measured, and the crops of the others are a little wider or higher than square, by a factor of at most $e^{1/4}=1.28$ between the sides. The test crops a picture that counts its columns and rows; printed are the smallest and the largest ratio of the sides.

# %%
#| export
class VariedCrop(SquareCrop):
    "Random parts of a photo in various shapes, some the whole of it; for held-out photos as `SquareCrop`"
    whole,stretch = .175,.25 # share that is seen whole; largest log of width over height, within the sides
    def box(self, w, h):
        if random.random() < self.whole: return 0,0,w,h
        share,by = random.uniform(self.low, 1),math.exp(random.uniform(-self.stretch, self.stretch)/2)
        s,t = (w, h) if self.squeeze else (min(w, h),)*2
        s,t = min(w, s*share*by),min(h, t*share/by)
        return random.uniform(0, w - s),random.uniform(0, h - t),s,t

# %%
x,y = np.meshgrid(np.arange(200), np.arange(100))
ruler = Photos([np.stack([x, y, 0*x], 2).astype(np.uint8)]*2)
crop = VariedCrop(ruler, 100, low=.6, held=[1])
test_eq(crop(1).numpy(), np.asarray(ruler[1])[:,50:150].transpose(2, 0, 1))
set_seed(seed)
drawn = torch.stack([crop(0) for _ in range(400)]).int()
across,down = (drawn[:,0,50,-1] - drawn[:,0,50,0]).abs(),drawn[:,1,-1,50] - drawn[:,1,0,50]
whole = (across > 190) & (down > 95)
test_close(whole.float().mean(), .175, eps=.05)
ratio = across[~whole]/down[~whole]
assert .75 < ratio.min() < .85 and 1.2 < ratio.max() < 1.35 and 50 < down.min() < 60
ratio.min(),ratio.max()

# %% [markdown]
# ## As data of a recipe

# %% [markdown]
# The pieces meet in batches as in [Data loaders](loaders.ipynb#batches). Nothing happens to held-out pictures, because figures should not depend on chance. The fields of a recipe keep their meaning: `low` is the smallest crop, `aged` the chance of each kind of damage, `gray` the gray of those pictures that no other camera took.

# %%
#| export
class VariedLab(ToLab):
    "Batches of photos in which cameras, frames and age differ; held-out ones as `ToLab`"
    cameras,borders = .58,.05 # shares, see `camera_light` and `add_borders`
    def light(self, rgb):
        if not self.training: return super().light(rgb)
        L = camera_light(rgb, self.cameras, self.gray).contiguous(memory_format=torch.channels_last)
        return degrade(L, self.aged) if self.aged else L
    def framed(self, rgb): return add_borders(rgb, self.borders) if self.training else rgb

@data_loaders('varied', photos=True)
def load_varied(
    recipe, # see `colorbook.data.loaders.load_photos`
    source, # see `colorbook.data.photos.open_photos`
    n:int=None, # use only so many photos
    workers:int=0, # processes that read photos late; 0 to keep all in memory
) -> DataLoaders:
    "Photos as people bring them"
    return load_photos(recipe, source, n, workers, crop=VariedCrop, lab=VariedLab)

# %%
#| label: fig-varied-batch
#| fig-cap: "A batch of lightness, as `varied` makes it."
recipe = dict(bs=bs, size=size, low=.6, valid=.3, seed=1, squeeze=False, mirror=True, target='ab4', gray='lstar',
    aged=.25)
def batches(word, **changes):
    set_seed(seed)
    dls = data_loaders[word](recipe=SimpleNamespace(**recipe | changes), source=sample_photos(2*size)*3)
    return dls.train.one_batch(),dls.valid.one_batch()
(L,ab),held = batches('varied')
test_eq(batches('varied')[0], (L, ab))
test_eq(held, batches('photos')[1])
test_eq(held, batches('varied', aged=0.)[1])
assert not torch.equal(L, batches('varied', aged=0.)[0][0])
test_eq(ab, batches('varied', aged=0.)[0][1])
test_eq((L.shape, ab.shape), ((bs, 1, size, size), (bs, 2, size//4, size//4)))
show_row([*L])

# %% [markdown]
# ## What we have
#
# - `camera_light`: the lightness of a scene by another camera;
# - `add_borders` and `VariedCrop`: frames, and parts of various shapes;
# - `varied`, a word for a recipe's `data`, whose held-out photographs are those of `photos`.

# %% [markdown]
# ## Exercises
#
# 1. Color the six photographs with the model in the package from the lightness of each of the cameras, and compare the colors (not the lightness) with the true ones. For which camera is it worst?
# 2. Film grain is larger in the shadows. Change `degrade` so that it is, and say what happens to a white border.
# 3. A newspaper prints dots. Add a screen of dots to some pictures; which sizes survive the crop to 96 pixels?
