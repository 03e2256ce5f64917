# %% [markdown]
# # Sketches and holes
#
# > Two more tasks for the same networks: to fill a hole, and to make a picture of a sketch
#
# Coloring is one of many tasks in which a picture goes in and another comes out. pix2pix [@isola2017] treated many of them with one program, and S3's authors wanted to try two more with theirs: to fill a hole, and to make a picture of a sketch. The trainer need not be changed for that. It gets batches of what is seen and of what should be answered, so only the data differs: one word in a recipe chooses the task, with the same photographs and the same losses.

# %%
#| default_exp data.tasks

# %% tags=["parameters"]
size,bs,seed = 96,6,5

# %%
#| export
import torch, torch.nn.functional as F
from torch import Tensor
from colorbook.color.lab import gray_to_L, lstar
from colorbook.core import UsageError
from colorbook.data.loaders import data_loaders, degrade, load_photos, ToLab

# %%
#| hide
import numpy as np
from types import SimpleNamespace
from fastai.torch_core import set_seed
from fastcore.test import *
from colorbook.color.lab import show_row
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## Holes

# %% [markdown]
# A hole is a square of a quarter to a half of the side, anywhere; `punch` also returns a channel that says where it is, which a task may show to the network or not. For held-out photographs the hole must not move, or two epochs would be measured on different questions: it is in the middle then, and three eighths of the side. Printed is the mean share of the area that is gone.

# %%
#| export
def punch(
    x:Tensor, # pictures, `bs`xCxHxW
    place:tuple=None, # share of the side, from the top, from the left, each in 0..1; None for chance
) -> Tensor: # `bs`x(C+1)xHxW: 0 in the hole, and a last channel that is 1 there
    "A square hole in each picture, of a quarter to a half of its sides"
    (h,w),at = x.shape[-2:],torch.rand(3, len(x), 1, 1, device=x.device)
    if place: at = x.new_tensor(place).view(3, 1, 1, 1).expand(-1, len(x), -1, -1)
    share,top,left = .25 + .25*at[0],at[1],at[2]
    y,x0 = (torch.arange(o, device=x.device).float() for o in (h, w))
    down,across = (y[:,None] - top*(1 - share)*h)/(share*h),(x0 - left*(1 - share)*w)/(share*w)
    hole = ((down >= 0) & (down < 1) & (across >= 0) & (across < 1))[:,None].to(x)
    return torch.cat([x*(1 - hole), hole], 1)

# %%
set_seed(seed)
white = torch.ones(200, 1, 64, 64)
pierced,hole = punch(white).unbind(1)
test_eq(pierced + hole, white[:,0])
area = hole.mean((1, 2))
assert .06 < area.min() < .09 and .2 < area.max() < .26
middle = punch(white[:1], (.5, .5, .5))[0,1]
test_eq((middle.mean().item(), middle[20:44,20:44].min().item()), (.375**2, 1.))
area.mean()

# %% [markdown]
# ## Sketches

# %% [markdown]
# A drawing has lines where a picture has edges. The simplest way to find edges is the slope of the lightness, by Sobel's two filters: it is large at an edge and zero in an even area, so one minus a multiple of it looks like a pencil drawing on white paper. The multiple is chosen such that the steepest two hundredths of the pixels are black; otherwise a hazy picture would become an empty sheet.

# %%
#| export
def sketch(
    rgb:Tensor, # pictures in 0..1, `bs`x3xHxW
    black:float=.02, # share of the pixels that are black
    gray=lstar, # gray function: of whose edges
) -> Tensor: # lines on white paper, in 0..1, `bs`x1xHxW
    "A pencil drawing of each picture: the steepest places of its lightness"
    L = F.pad(gray_to_L(gray(rgb)), (1, 1, 1, 1), mode='replicate')
    across = L.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])/8
    dx,dy = F.conv2d(L, torch.stack([across, across.T])[:,None]).unbind(1)
    steep = torch.hypot(dx, dy)
    top = steep.flatten(1).quantile(1 - black, 1).clamp_min(1e-3)
    return (1 - steep/top[:,None,None]).clamp(0, 1)[:,None]

# %% [markdown]
# The test: of an edge exactly the two columns beside it become black, in a photograph two hundredths of the pixels, and brightness and contrast hardly matter.

# %%
edge = torch.zeros(1, 3, 32, 32)
edge[...,16:] = .8
lines = sketch(edge)[0,0]
test_eq(lines[:,15:17].max().item(), 0)
test_close(torch.cat([lines[:,:15], lines[:,17:]], 1), 1, eps=1e-6)
photo = torch.from_numpy(np.array(sample_photos(size)[0])).permute(2, 0, 1)[None]/255
test_close((sketch(photo) < 1e-6).float().mean(), .02, eps=.005)
assert (sketch(photo) - sketch(.2 + .6*photo)).abs().mean() < .05
test_close(sketch(torch.full((1, 3, 8, 8), .4)), 1, eps=1e-4)
sketch(photo).mean()

# %% [markdown]
# ## As data of a recipe

# %% [markdown]
# What a network sees of a photograph is decided where batches are made, by [`ToLab`](loaders.ipynb#batches), so a task is a subclass of it with one method. A network that looks at three channels fills holes in colors; one that looks at one fills and colors at once. A sketch has one channel, which such a network gets three times. Gray pictures with holes, and sketches, are as old as the recipe says; colors do not age.

# %%
#| export
class HoleLab(ToLab):
    "Photos with a hole, and the whole ones"
    def __init__(self, channels:int=1, **kwargs): # of what is seen; see `ToLab`
        if channels == 3 and kwargs.get('aged') and not isinstance(self, SketchLab):
            raise UsageError('colors around a hole do not age', 'leave `aged` at 0, or take a generator of one channel')
        super().__init__(**kwargs)
        self.channels = channels
    def light(self, rgb):
        x = rgb.float()/255 if self.channels == 3 else gray_to_L(self.gray(rgb.float()/255))
        if self.training and self.aged: x = degrade(x, self.aged)
        return punch(x, None if self.training else (.5, .5, .5))[:,:-1].contiguous(memory_format=torch.channels_last)

class SketchLab(HoleLab):
    "Sketches of photos, and the photos"
    def light(self, rgb):
        x = sketch(rgb.float()/255, gray=self.gray)
        x = degrade(x, self.aged) if self.training and self.aged else x
        return x.expand(-1, self.channels, -1, -1).contiguous(memory_format=torch.channels_last)

# %%
#| export
@data_loaders('inpainting', photos=True, instead=True)
def load_inpainting(recipe, source, n=None, workers=0):
    "Photos with holes"
    return load_photos(recipe, source, n, workers, lab=HoleLab, channels=recipe.channels)

@data_loaders('sketch', photos=True, instead=True)
def load_sketch(recipe, source, n=None, workers=0):
    "Sketches of photos"
    return load_photos(recipe, source, n, workers, lab=SketchLab, channels=recipe.channels)

# %% [markdown]
# Each column of @fig-questions is one photograph in the same crop: what a network sees for coloring, for a hole and for a sketch, and below the answer, which is the same for all three.

# %%
#| label: fig-questions
#| fig-cap: "What is seen of three photographs: lightness, a hole in color, a sketch; and what should be answered."
recipe = dict(bs=bs, size=size, low=.7, valid=.4, seed=0, squeeze=False, mirror=True, target='rgb', gray='lstar',
    aged=0.)
def batches(word, **changes):
    set_seed(seed)
    dls = data_loaders[word](recipe=SimpleNamespace(**recipe | changes), source=sample_photos(2*size)*2)
    return dls.train.one_batch(),dls.valid.one_batch(),dls.valid.one_batch()
seen = {k: batches(k, channels=3 if k == 'inpainting' else 1) for k in ('photos', 'inpainting', 'sketch')}
(L,rgb),(held,real),_ = seen['photos']
for (x,y),(x2,y2),again in [seen['inpainting'], seen['sketch']]:
    test_eq((y, y2, again), (rgb, real, (x2, y2)))
x,hole = seen['inpainting'][0][0],seen['inpainting'][0][0].amax(1) == 0
assert all(.05 < o < .3 for o in hole.float().mean((1, 2)))
test_close(x[:,:,~hole[0]][0], ((rgb + 1)/2)[:,:,~hole[0]][0], eps=1e-6)
test_close(seen['sketch'][0][0], sketch((rgb + 1)/2), eps=.02)
middle = seen['inpainting'][1][0][...,size*3//8:size*5//8,size*3//8:size*5//8]
test_eq(middle.abs().max().item(), 0)
test_eq([batches(k, channels=n)[0][0].shape[1] for k,n in (('inpainting', 1), ('sketch', 3))], [1, 3])
assert not torch.equal(batches('sketch', channels=1, aged=1.)[0][0], seen['sketch'][0][0])
show_row([torch.cat([o.expand(3, -1, -1) for o in (L[i], x[i], seen['sketch'][0][0][i], (rgb[i] + 1)/2)], 1)
    for i in range(3)], width=5)

# %% [markdown]
# ## What we have
#
# - `punch`, a hole and where it is, and `sketch`, the lines of a picture;
# - `inpainting` and `sketch`, words for a recipe's `data`.

# %% [markdown]
# ## Exercises
#
# 1. People draw outlines and leave textures out. What has to happen to a photograph before `sketch` for its lines to be those of a person?
# 2. Let the hole be gray instead of black. What changes for the network, and what would help it more?
# 3. Write a third word, `small`: the photograph at an eighth of its size, enlarged. What is that task called?
