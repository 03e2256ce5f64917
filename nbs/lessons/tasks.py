# %% [markdown]
# # 3. Every photo is an exercise with its solution
#
# > Where a network's questions and answers come from, and why some must be kept back
#
# **You need** [Light and color](light_and_color.ipynb). **You get** a set of exercises with solutions, made from a film in which nobody has marked anything, and a part of it that no network may learn from. **Minutes:** 8.
#
# ![Questions, answers, and the frames that they were made from.](../../asset/lessons/tasks.jpg)

# %%
#| default_exp data.film_tasks

# %% tags=["parameters"]
size,seed = (80, 144),0

# %%
#| export
from itertools import pairwise
from typing import NamedTuple
from pathlib import Path
import numpy as np, torch
from PIL import Image
from torch import Tensor
from colorbook.color.lab import join_lab, split_lab
from colorbook.core import InputError
from colorbook.video.read import read_frames
from colorbook.video.shots import find_cuts, is_black

# %%
#| hide
import matplotlib.pyplot as plt
from colorbook.color.lab import show_row, show_sheet

# %% [markdown]
# ## A question and its answer

# %% [markdown]
# A network learns from examples: a question together with the right answer. For most problems somebody has to write the answers down, one by one. Colorization needs nobody. Take any color picture and convert it to Lab, as in [Light and color](light_and_color.ipynb): lightness `L` is the question, the two color channels `ab` are the answer. This is called *self-supervised* learning, because the data supervises itself.
#
# Our pictures come from thirty seconds of *Big Buck Bunny*, an animated film that may be copied ((c) 2008 Blender Foundation, www.bigbuckbunny.org, CC BY 3.0). Look at how one frame falls apart.

# %%
#| label: fig-lesson-task
#| fig-cap: "One frame, the question that it asks, and the answer, drawn at one constant lightness."
frames = [o.im for o in read_frames('../../asset/bunny.mp4')]
rgb = torch.from_numpy(np.array(frames[240])).permute(2, 0, 1)[None]/255
L,ab = split_lab(rgb)
answer = join_lab(torch.full_like(L, .65), ab)
show_row([rgb[0], L[0], answer[0]], ['the frame', 'L: question', 'ab: answer'])

# %% [markdown]
# The edges are all in `L`: the blades of grass, the branches. What is left in `ab` is soft and has few details. The network will not have to draw the picture, only to say which color goes where. And joining the two gives back the frame, so nothing is lost.

# %%
#| code-fold: true
assert (join_lab(L, ab) - rgb).abs().max() < 2e-3
assert L.shape == (1, 1, 144, 256) and ab.shape == (1, 2, 144, 256)

# %% [markdown]
# ## What must be kept back

# %% [markdown]
# A network with enough weights can learn its exercises by heart. To know whether it has understood anything, we must ask it something new. So a part of the pictures is *held out*: the network never sees its colors while it learns, and we measure on this part only.
#
# How to divide a film? Look at frames that follow each other: they are almost copies.

# %%
#| label: fig-lesson-neighbors
#| fig-cap: "How much a frame differs from the one before (mean over all pixels, 0 to 255). Peaks are cuts."
small = np.stack([np.asarray(o.resize((32, 18))) for o in frames]).astype(float)
change = np.abs(np.diff(small, axis=0)).mean((1, 2, 3))
cuts = find_cuts(frames)
fig,ax = plt.subplots(figsize=(9, 2), layout='constrained')
ax.plot(range(1, len(frames)), change, lw=1)
for o in cuts: ax.axvline(o, color='C1', ls=':', lw=1)
ax.set(xlabel='frame', ylabel='change');

# %% [markdown]
# Within a *shot*, what a camera has taken at one go, a frame mostly differs from its neighbor by less than one step of 255; only the fade-in at the beginning and the quick moves in the third shot reach more. If we held out a random tenth of the frames, each of them would have a twin among the frames to learn from, and the test would be worthless. The dotted lines are the *cuts*, where one shot ends and the next begins; the library [finds](../video/shots.ipynb) them. Between them are four shots (the first cut only ends the black at the beginning).
#
# We divide *in time*: the first two thirds of each shot are for learning, the last third is held out. It is still the same forest, so this is an easy test, and we should remember that. The first held-out frame of each shot comes one or two frames after the last one to learn from; the others are further away in time.

# %%
#| export
class Tasks(NamedTuple):
    "Questions and answers"
    L:Tensor # lightness in 0..1, `n`x1xHxW
    ab:Tensor # color in about -1..1, `n`x2xHxW
    rgb:Tensor # the pictures in 0..1, `n`x3xHxW

def film_tasks(
    path='../../asset/bunny.mp4', # a film
    size:tuple=(80, 144), # rows and columns of the pictures
    every:int=2, # learn from every second frame, measure on every eighth
) -> tuple[Tasks,Tasks]: # to learn from, and held out
    "The first two thirds of each shot, and the rest"
    if not Path(path).exists():
        raise InputError(f"there is no film '{path}'", 'give the path of one')
    frames,parts = [o.im for o in read_frames(path)],([], [])
    for a,b in pairwise([0, *find_cuts(frames), len(frames)]):
        shot = [o.resize(size[::-1], Image.Resampling.BOX)
            for o in frames[a:b] if not is_black(o)]
        k = len(shot)*2//3
        parts[0].extend(shot[:k:every])
        parts[1].extend(shot[k::4*every])
    if not parts[1]: raise InputError(f"'{path}' is black", 'give another film')
    rgb = [torch.from_numpy(np.stack(o)).permute(0, 3, 1, 2)/255 for o in parts]
    return tuple(Tasks(*split_lab(o), o) for o in rgb)

# %% [markdown]
# Look at the two parts: the same places, at other moments.

# %%
#| label: fig-lesson-parts
#| fig-cap: "Frames to learn from (above) and frames held out (below)."
learn,held = film_tasks(size=size)
pick = lambda o, n=6: o[torch.linspace(0, len(o) - 1, 2*n + 1).long()[1::2]]
show_sheet([pick(learn.rgb), pick(held.rgb)], ['learn', 'held out']);

# %% [markdown]
# The film gives 237 pictures to learn from and 31 to measure on. That is tiny; [the model that ships](../results/model.ipynb) has learned from tens of thousands of photographs. But it fits into memory, and a network can go through it in seconds.

# %%
#| code-fold: true
def nearest(a, b):
    apart = torch.cdist(a.flatten(1), b.flatten(1)).min(1).values
    return apart/a[0].numel()**.5
assert (len(learn.L), len(held.L)) == (237, 31)
assert nearest(held.rgb, learn.rgb).min() > 0 # no frame is in both
assert (split_lab(held.rgb)[1] - held.ab).abs().max() == 0

# %% [markdown]
# ## Batches

# %% [markdown]
# A network takes one step of learning from a few exercises at a time, a *batch*: all weights move a little, in the direction that would have made the mistakes on this batch smaller. Which exercises are in it is left to chance. We can also get more from each exercise: a mirrored tree is still a tree, with the same colors, so we mirror half of them. Here is a batch of five, some of them mirrored.

# %%
#| label: fig-lesson-batch
#| fig-cap: "A batch: the questions above, the answers (joined to their questions) below."
def batch(tasks, n):
    "`n` exercises by chance, half of them mirrored"
    i,flip = torch.randint(len(tasks.L), (n,)),torch.rand(n, 1, 1, 1) < .5
    return [torch.where(flip, o[i].flip(-1), o[i]) for o in (tasks.L, tasks.ab)]

torch.manual_seed(seed)
x,y = batch(learn, 5)
show_sheet([x, join_lab(x, y)], ['L', 'with ab']);

# %% [markdown]
# Question and answer are mirrored together; mirrored alone, each would teach something wrong. For photographs one crops at random as well, with the same care. Changing the *color* at random, which is a good idea for networks that recognize things, would be a bad one here: color is the answer. [Data loaders](../data/loaders.ipynb) do this at scale.
#
# In [The first network is brown](brown.ipynb) somebody finally answers.

# %% [markdown]
# ## Exercises
#
# 1. Suppose a network sees only the mean of `L`. Why can it not color the picture? And if it must give one color to every pixel, which color makes the mean squared error smallest?
# 2. Hold out every tenth frame instead. How close is the nearest frame to learn from, compared with our division? Use `nearest` from the folded cell.
# 3. Make tasks from a film of your own: `film_tasks('my.mp4')`. How many shots does it have?
#
# <details><summary>Solution 1</summary>
#
# The mean of `L` does not say what is where, so nothing can be answered from it. The mean of all `ab` is the one answer that is least wrong (in squares) if you do not look at the question; the next lesson shows its color.
#
# </details>
#
# <details><summary>Solution 2</summary>
#
# ```python
# r = torch.cat([learn.rgb, held.rgb])
# tenth = torch.arange(len(r)) % 10 == 0
# nearest(r[tenth], r[~tenth]).mean(), nearest(held.rgb, learn.rgb).mean()
# ```
#
# The nearest frame is three times closer: most of the test would be a memory of the exercises.
#
# </details>
#
# <details><summary>Solution 3</summary>
#
# ```python
# frames = [o.im for o in read_frames('my.mp4')]
# len(find_cuts(frames)) + 1
# ```
#
# All frames are kept in memory at full size, so first cut out a short, small clip: `ffmpeg -i my.mp4 -t 60 -vf scale=-2:144 small.mp4`.
#
# </details>
