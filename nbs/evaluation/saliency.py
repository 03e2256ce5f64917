# %% [markdown]
# # Where one looks
#
# > A network that colors and predicts where people look, and how one measures whether it is right
#
# Look at a photograph of a red flower in a meadow, and in a fifth of a second your eye is on the flower. A colorizer treats it like any other part: the flower is a tenth of the pixels, the meadow nine, and a network that colors the whole a dull green has a small mean error. S3's idea [@zhao2021] is to tell the network where people look, and to make it predict that as well. We look at such maps, train a small network for a minute that predicts one while it colors, and measure how well it does by the four figures that are common for this.

# %%
#| default_exp evaluation.saliency

# %% tags=["parameters"]
size,steps,seed = 96,60,0

# %%
#| export
import numpy as np, torch
from torch import nn, Tensor
from colorbook.color.lab import gray_to_L, grays
from PIL import Image

# %%
#| hide
import pandas as pd
from fastcore.test import *
from torch.nn import functional as F
from colorbook.color.lab import show_row, split_lab
from colorbook.data.paired import saliency_map
from colorbook.data.photos import sample_photos
from colorbook.losses.saliency import S3Loss
from colorbook.models.s3 import S3Small

# %% [markdown]
# ## A map of where one looks

# %% [markdown]
# A *saliency map* has a value between 0 and 1 for each pixel: how much it draws the eye. It can be had from people, by recording where they look; from a network that has learned from them; or from a rule that needs no learning, such as that of [Pairs](../data/paired.ipynb), which finds what is rare in lightness and color. A map is best seen as an *overlay*: the photograph where it is salient, dark and gray where it is not. Each column of @fig-overlay has a photograph, its map by that rule, and the overlay; check whether your own eye would go there.

# %%
#| export
def saliency_overlay(
    rgb:Tensor, # pictures in 0..1, `bs`x3xHxW
    saliency:Tensor, # in 0..1, `bs`x1xHxW
    dark:float=.3, # how much light is left where nobody looks
) -> Tensor: # pictures in 0..1, the same shape
    "The picture where one looks, dark and gray where not"
    gray = rgb.mean(1, keepdim=True)*dark
    return gray + saliency*(rgb - gray)

# %%
#| label: fig-overlay
#| fig-cap: "Photographs, their maps by a rule that knows nothing of flowers and faces, and both as an overlay."
photos = sample_photos(size)
rgb = torch.stack([torch.from_numpy(np.array(o.resize((size, size)))) for o in photos]).permute(0, 3, 1, 2)/255
truth = torch.stack([torch.from_numpy(np.array(saliency_map(o).resize((size, size)))) for o in photos])[:,None]/255
over = saliency_overlay(rgb, truth)
test_close(saliency_overlay(rgb, truth*0 + 1), rgb, eps=1e-6)
test_close(saliency_overlay(rgb, truth*0).std(1), 0, eps=1e-6)
show_row([torch.cat([a, b.expand(3, -1, -1), c], 1) for a,b,c in zip(rgb, truth, over)])

# %% [markdown]
# ## A network that says so

# %% [markdown]
# The network below colors, and beside the two channels of color answers with a third, its own map. Nothing tells it directly what the map should be. It is asked for one thing only: that *color times map* be that of the photograph ([Losses that look where one looks](../losses/saliency.ipynb)). A wrong color counts where one looks; and a wrong map counts wherever there is light.
#
# We train it for a minute on six photographs, too few to learn to color and enough to see the map appear. Printed are the two terms of the loss at the first and at the last step.

# %%
torch.manual_seed(seed)
L,ab = split_lab(rgb)
small = F.avg_pool2d(ab, 4),F.avg_pool2d(truth, 4)
net,loss = S3Small(widths=(64, 48, 32, 32)),S3Loss(1., 0., 3.)
opt = torch.optim.Adam(net.parameters(), 3e-3)
def answer():
    with torch.no_grad(): return net.train()(L)
before,kept = answer(),[]
for _ in range(steps):
    opt.zero_grad()
    each = loss.terms(net(L), small[0], L, small[1])
    sum(each.values()).backward()
    opt.step()
    kept.append({k: v.item() for k,v in each.items()})
after = answer()
assert kept[-1]['attention'] < .5*kept[0]['attention']
kept[0],kept[-1]

# %% [markdown]
# In @fig-learned the first row is before training: the map is one half everywhere, so the photographs are only darker. The second row is after training, the third has the true maps. The second has found what the third has, eyes, helmet, rim and flower, though nothing ever showed it a map by itself; it is made of squares, because the network's map has a quarter of the size.

# %%
#| label: fig-learned
#| fig-cap: "Overlays of what the network answers before training, after it, and of the map that it never saw as such."
def seen(out): return saliency_overlay(rgb, F.interpolate(out[:,2:], (size, size)))
show_row([torch.cat([a, b, c], 1) for a,b,c in zip(seen(before), seen(after), over)])

# %% [markdown]
# ## Is it right?

# %% [markdown]
# Two maps are compared in two ways. The *mean absolute error*, MAE, is the mean difference over the pixels. The others ask a yes-or-no question of each pixel: salient or not? For the true map yes means above one half. For the predicted one the threshold is, after @achanta2009, twice its mean, so that a map in which everything is a little too dark loses nothing. Of the pixels that are predicted, the share that is right is the *precision*; of those that are right, the share that is predicted is the *recall*. Each is easily had without the other: who calls every pixel salient has a recall of 1. So both are joined in one number,
#
# $$F_\beta=\frac{(1+\beta^2)\,PR}{\beta^2P+R},\qquad\beta^2=0.3$$
#
# which weighs precision more than recall.

# %%
#| export
def saliency_scores(
    predicted:Tensor, # maps in 0..1, `bs`x1xHxW
    true:Tensor, # given maps in 0..1, the same shape
    threshold:float=None, # of the predicted map; None for twice its mean, at most 1 (Achanta et al. 2009)
    beta2:float=.3, # weight of recall beside precision
) -> dict: # `precision`, `recall`, `f` and `mae`, `bs` values each
    "How well predicted maps agree with given ones; precision of no pixel and recall of none are 1"
    p,t = predicted.flatten(1).float(),true.flatten(1).float()
    cut = (2*p.mean(1, keepdim=True)).clamp(max=1) if threshold is None else threshold
    yes,want = (p >= cut).float(),(t > .5).float()
    hits = (yes*want).sum(1)
    def share(n): return torch.where(n > 0, hits/n.clamp(min=1), torch.ones_like(n))
    precision,recall = share(yes.sum(1)),share(want.sum(1))
    f = (1 + beta2)*precision*recall/(beta2*precision + recall).clamp(min=1e-9)
    return dict(precision=precision, recall=recall, f=f, mae=(p - t).abs().mean(1))

# %% [markdown]
# Take a picture of which a quarter is salient. If everything is predicted, precision is a quarter, recall 1, and the error three quarters. If half of the salient part is predicted and nothing else, precision is 1 and recall one half; by $F$ with $\beta^2=0.3$ that is the better of the two, as the table says.

# %%
def plane(*rows): return torch.tensor(rows, dtype=torch.float)[None,None]
quarter = plane([1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0])
half = plane([1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0])
def scores(a, **kw): return [round(o.item(), 4) for o in saliency_scores(a, quarter, **kw).values()]
test_eq(scores(quarter), [1, 1, 1, 0])
test_eq(scores(quarter*0 + 1), [.25, 1, .3023, .75])
test_eq(scores(half), [1, .5, .8125, .125])
test_eq(scores(1 - quarter), [0, 0, 0, 1])
test_eq(scores(quarter*.2), [1, 1, 1, .2]) # a dark map, by twice its mean
test_eq(scores(quarter*.2, threshold=.5), [1, 0, 0, .2]) # and by a fixed one
test_close(1.3*.25/(.3*.25 + 1), .3023, eps=1e-4)
pd.DataFrame({k: scores(o) for k,o in dict(half=half, all=quarter*0 + 1).items()}, index=['P', 'R', 'F', 'MAE']).T

# %% [markdown]
# How good is the map that we trained? @tbl-learned compares it with one that is simply bright in the middle, because photographers put things there (`middle`), and with the untrained network. A predictor has to be better than `middle`; look at $F$, where higher is better, and at MAE, where lower is.

# %%
#| label: tbl-learned
#| tbl-cap: "Agreement with the maps of six photographs."
y,x = torch.meshgrid(*[torch.linspace(-1, 1, size//4)]*2, indexing='ij')
middle = (-2*(x**2 + y**2)).exp().expand(6, 1, -1, -1)
maps = dict(middle=middle, before=before[:,2:], after=after[:,2:])
means = {k: {n: o.mean().item() for n,o in saliency_scores(v, small[1]).items()} for k,v in maps.items()}
table = pd.DataFrame(means).T
assert table.mae['after'] < min(table.mae['middle'], table.mae['before']) and table.f['after'] > table.f['middle']
table.round(3)

# %% [markdown]
# ## Maps from a trained network

# %% [markdown]
# The maps that a trained network predicts can be given to `write_saliency` in place of the rule's, and another network can be trained with them. `map_maker` turns a generator into a function from a photograph to its map.

# %%
#| export
def map_maker(
    generator:nn.Module, # answers with saliency behind the color, as `colorbook.models.s3.S3Small` does
    gray:str='lstar', # key of `colorbook.color.lab.grays`: what the generator was trained with
    side:int=256, # of the square copy that it looks at
): # a function from a photo to its map, for `colorbook.data.paired.write_saliency`
    "The maps that a generator predicts"
    def predict(
        im:Image.Image, # photo
    ) -> Image.Image: # gray, of the photo's size
        small = np.array(im.convert('RGB').resize((side, side), Image.Resampling.BILINEAR))
        L = gray_to_L(grays[gray](torch.from_numpy(small).permute(2, 0, 1)[None]/255))
        with torch.no_grad(): found = generator.eval()(L)[0,-1]
        return Image.fromarray(np.rint(found.numpy()*255).astype(np.uint8)).resize(im.size, Image.Resampling.BILINEAR)
    return predict

# %%
made = map_maker(net, side=size)(photos[5])
test_eq((made.size, made.mode), (photos[5].size, 'L'))
with torch.no_grad(): want = net.eval()(L)[5,2]
back = torch.from_numpy(np.array(made.resize((size//4, size//4), Image.Resampling.BOX)))/255
assert (back - want).abs().mean() < .03 # photos here are not squeezed, and the network's answer is enlarged
test_eq(saliency_map(photos[5], map_maker(net, side=size)).tobytes(), made.tobytes())
made.getextrema()

# %% [markdown]
# ## What we have
#
# - `saliency_overlay`, to look at a map together with its picture;
# - `saliency_scores`: precision, recall, F-measure and mean absolute error;
# - `map_maker`, which makes maps with a trained generator;
# - a network that learned where people look because its colors were weighed by it.

# %% [markdown]
# ## Exercises
#
# 1. Train the network with `attention` 0 and look at its map. What has the network learned of it, and why?
# 2. Draw precision against recall for thresholds from 0 to 1, for the network and for the map that is bright in the middle. At which of them do the two curves meet?
# 3. People look at faces. Does the rule find them? Take a photograph of your own, paint its map, and compare.
