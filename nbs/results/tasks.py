# %% [markdown]
# # The same trainer, other tasks
#
# > Holes are filled and sketches become pictures, by one word of the recipe
#
# Nothing in the trainer knows that it is about color. S3's authors wished for their network to try other tasks in which a picture goes in and another comes out. Here one small network of [pix2pix](../models/pix2pix.ipynb) with one recipe does two of them: [`inpainting` and `sketch`](../data/tasks.ipynb) differ in a single field, the word for the data. At the end of this chapter both have been trained in some seconds each, on a drawn world in which the right answer can be known, and both are nearer to the truth on pictures that were held out than whoever knows nothing.

# %% tags=["parameters"]
size,n_pictures,n_epochs,seed = 64,160,12,0

# %%
#| hide
import tempfile
import numpy as np, pandas as pd, torch
from dataclasses import replace
from pathlib import Path
from fastcore.test import *
from PIL import Image
from colorbook.color.lab import show_row
from colorbook.data.loaders import load_data
from colorbook.training.recipes import Phase, recipes
from colorbook.training.runs import Run
from colorbook.training.trainer import train

# %% [markdown]
# ## A world to learn

# %% [markdown]
# Lines do not tell colors, unless things of one kind have one color. In this world they do: balls are orange, boxes blue, the sky is pale and the ground green, all a little different each time, and the light comes from above. So a sketch has a right answer, up to the little differences; and a hole has one where what stands around it tells what is in it.

# %%
def draw(rng, side=72):
    "Balls and boxes on a field"
    def kind(*rgb): return np.array(rgb) + rng.uniform(-18, 18, 3)
    y,x = np.mgrid[:side,:side]/side
    line = rng.uniform(.35, .65) + .03*np.sin(7*x + rng.uniform(0, 6))
    a = np.where((y < line)[...,None], kind(195, 215, 235), kind(90, 140, 60))
    for i in range(4):
        cx,cy,r = rng.uniform(.1, .9),rng.uniform(.2, .9),rng.uniform(.1, .2)
        ball = (x - cx)**2 + (y - cy)**2 < r*r
        box = np.maximum(abs(x - cx), abs(y - cy)) < .85*r
        on,color = (ball, kind(225, 125, 35)) if i%2 else (box, kind(45, 75, 165))
        a[on] = color*(1.15 - .5*((y[on] - cy)/r + 1)/2)[:,None]
    return Image.fromarray((a + rng.normal(0, 2, a.shape)).clip(0, 255).astype(np.uint8))

rng = np.random.default_rng(seed)
pictures = [draw(rng) for _ in range(n_pictures)]

# %% [markdown]
# ## Two words

# %% [markdown]
# A network that copies would be right about all of a picture but the hole. So holes are judged inside, and the answer is put into the picture that was seen. Beside the network stands what it costs to know nothing of the picture: a hole in the mean color of all that surrounds it, and for a sketch the one picture, the mean of all, that is the best answer to any of them.

# %%
phases = (Phase('content', n_epochs, (2e-3, 0.)),)
home,made,figures = Path(tempfile.mkdtemp()),{},{}
def off(a, b, where): return 100*((a - b).abs()*where).sum().item()/where.expand_as(b).sum().item()

for word in ('inpainting', 'sketch'):
    recipe = replace(recipes[word], phases=phases, size=size, valid=.15, bs=8)
    test_eq(replace(recipe, name='sketch', data='sketch'), replace(recipes['sketch'], phases=phases, size=size,
        valid=.15, bs=8))
    run = Run(train(recipe, pictures, home/word, progress=False))
    seen,real = load_data(recipe, pictures).valid.one_batch()
    with torch.no_grad(): fake = run.generator().eval()(seen)/2 + .5
    real,hole = real/2 + .5,(seen.amax(1, keepdim=True) == 0).float()
    asked = hole if word == 'inpainting' else torch.ones_like(hole)
    around = (seen*(1 - hole)).sum((2, 3), keepdim=True)/(1 - hole).sum((2, 3), keepdim=True)
    blind = around if word == 'inpainting' else real.mean(0, keepdim=True)
    made[word] = seen,torch.where(asked > 0, fake, seen),real
    figures[word] = dict(blind=off(blind, real, asked), network=off(fake, real, asked))
table = pd.DataFrame(figures).T
assert table.network['inpainting'] < .8*table.blind['inpainting'] and table.network['sketch'] < .7*table.blind['sketch']
table.round(1)

# %% [markdown]
# The table has the mean distance from the truth in hundredths, on the first batch of those held out. In @fig-tasks-done a hole is filled with sky and grass at the right height, and a ball or a box that sticks out of it is continued a little, blurred. Of a sketch nearly everything comes back, also which of two things is a ball; how dark its blue is no line says. Where there are several right answers, a content loss chooses the blurred one between them. That is what a critic is for: the recipes have a second phase with one.

# %%
#| label: fig-tasks-done
#| fig-cap: "Held out: what is seen, what was made of it, the truth; a hole above, a sketch below."
show_row([torch.cat([torch.cat([o[i] for o in made[word]], 2) for word in made], 1) for i in range(4)])

# %% [markdown]
# ## What we have
#
# - two tasks of S3's list, by the trainer, the networks and the losses of coloring.

# %% [markdown]
# ## Exercises
#
# 1. Run the recipes whole, with their critics, on photographs of your own. Which of the two gains more by it?
# 2. Train on `inpainting` and ask for a picture with two holes. What does the network do with the second?
