# %% [markdown]
# # 10. How good, and where it fails
#
# > Two numbers that must be read together, and a small museum of mistakes
#
# **You need** [A GAN that colors](gan.ipynb). **You get** a way to measure a colorizer that cannot be fooled by gray, and an eye for five common mistakes. **Minutes:** 8.
#
# ![What a colorizer did with four photographs, and the truth.](../../asset/lessons/how_good.jpg)

# %% tags=["parameters"]
size,seed = 192, 0

# %%
import math, torch, numpy as np, matplotlib.pyplot as plt
import torch.nn.functional as F
from colorbook import colorize
from colorbook.color.lab import join_lab, show_row, show_sheet, split_lab
from colorbook.data.photos import sample_photos
from colorbook.evaluation.metrics import colorfulness_ratio, psnr

# %% [markdown]
# ## Closeness

# %% [markdown]
# The oldest measure is **PSNR**, the peak signal-to-noise ratio: take the mean squared difference from the truth over all pixels and channels, and put it on a logarithmic scale, $-10\log_{10}$. Ten more decibels are a tenth of the squared error. The lightness of a colored picture is right, and only its color can be wrong, so even the gray picture has a decent PSNR, and a colorizer has to beat *that*.
#
# We take six photographs, of which `colorize` looks at nothing but the light, and let the shipped model put the color back. Which of the six would you have thought best?

# %%
#| label: fig-lesson-six
#| fig-cap: "Six photographs in gray, as the shipped model colors them, and as they were."
truth = [o.convert('RGB') for o in sample_photos(size)]
def batch(ims): return torch.from_numpy(np.stack(ims)).permute(0, 3, 1, 2)/255
real = batch(truth)
fake = batch([colorize(o) for o in truth])
L,ab = split_lab(real)
gray = join_lab(L, 0*ab)
show_sheet([gray, fake, real], ['gray', 'model', 'truth']);

# %%
for name,f,g in zip('astronaut cat coffee rocket temple flower'.split(),
        psnr(fake, real), psnr(gray, real)):
    print(f'{name:9} {f:5.1f} dB, gray {g:5.1f} dB')
ratio = colorfulness_ratio(fake, real)
print(f'mean      {psnr(fake, real).mean():5.1f} dB, gray'
    f' {psnr(gray, real).mean():5.1f} dB, colorfulness {ratio:.2f}')

# %% [markdown]
# The temple and the cat are best, although both are a little pale. The rocket is *worse than gray*: the model paints the dark sky of a dawn in the blue of a day, and being colorful in the wrong place costs more than being gray. The saucer is gray instead of red, the flower white instead of orange. Gray alone gets anything from 14 to 23 dB, which says something about the photographs and nothing about colorizers. So compare with gray, photograph by photograph.

# %%
#| code-fold: true
assert len(real) == 6 and ratio > .2
by_hand = -10*(gray - real).square().mean((1, 2, 3)).log10()
assert torch.allclose(psnr(gray, real), by_hand, atol=1e-3)

# %% [markdown]
# ## Why closeness likes dull colors

# %% [markdown]
# An experiment without any network. Take the *true* colors, turn their hue by some angle (a model that is a little wrong) and multiply their strength. How strong should a model's colors be, if it wants a high PSNR? The left panel has one curve for each error of hue.

# %%
#| label: fig-lesson-dull
#| fig-cap: "True colors, turned and weakened: PSNR, which likes weak colors unless the hue is right; colorfulness."
def repaint(strength, degrees):
    "True colors with their hue turned and their strength changed"
    t = math.radians(degrees)
    a,b = ab.split(1, 1)
    turned = a*math.cos(t) - b*math.sin(t),a*math.sin(t) + b*math.cos(t)
    return join_lab(L, strength*torch.cat(turned, 1))

strengths,best = torch.linspace(0, 1.2, 9).tolist(),{}
fig,axs = plt.subplots(1, 2, figsize=(9, 2.8), layout='constrained')
for degrees in (0, 30, 60, 90):
    fakes = [repaint(o, degrees) for o in strengths]
    db = [psnr(o, real).clamp(max=50).mean().item() for o in fakes]
    best[degrees] = strengths[int(np.argmax(db))]
    axs[0].plot(strengths, db, label=f'hue off by {degrees}°')
    axs[1].plot(strengths, [colorfulness_ratio(o, real) for o in fakes])
axs[0].set(xlabel='strength of the colors', ylabel='PSNR', ylim=(None, 35))
axs[1].set(xlabel='strength of the colors', ylabel='colorfulness ratio')
axs[0].legend(frameon=False, fontsize=8);

# %% [markdown]
# With the right hue the best strength is 1, of course. With a hue that is off by 60 degrees PSNR prefers *half* of the color, and from 90 degrees on it prefers none at all. A model that is often unsure can raise its PSNR by fading, without having learned anything. It has learned to shrug.
#
# That is why lesson 9 had two numbers. The **colorfulness ratio** in the right panel, how colorful the answers are compared with the truth, falls at once when a model fades. Read both: a PSNR well above gray *and* a ratio near 1. The field uses a third, *LPIPS*, which compares features of a network instead of pixels and agrees better with people; [Metrics](../evaluation/metrics.ipynb) has all of them.

# %%
#| code-fold: true
assert best[0] >= .9 and .3 <= best[60] <= .75 and best[90] <= .15
assert colorfulness_ratio(repaint(.5, 0), real) < .7

# %% [markdown]
# ## A museum of mistakes

# %% [markdown]
# Numbers say that something is wrong; one has to look to see what. We plant five typical mistakes on a photograph, so that you know them when you meet them. Look at each and at the truth.

# %%
#| label: fig-lesson-museum
#| fig-cap: "Five planted mistakes: fading, spill over edges, a halo, the wrong object, patches; and the truth."
i = 2 # the cup
light,color = L[i:i + 1],ab[i:i + 1]
wide = F.interpolate(F.avg_pool2d(color, 32), (size, size), mode='bilinear')
shifted = color.roll((9, 9), (2, 3))
y,x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing='ij')
bright = ((light > .6).float())
wrong = color*(1 - bright) + bright*torch.tensor([-.3, -.25]).view(1, 2, 1, 1)
patches = color*(1 + .9*torch.sin(x/9)*torch.sin(y/9))
museum = dict(fading=.25*color, spill=wide, halo=shifted,
    object=wrong, patches=patches)
pictures = [join_lab(light, o)[0] for o in museum.values()]
show_row([*pictures, real[i]], [*museum, 'truth'], width=9)

# %% [markdown]
# - **Fading**: all colors too weak, often brown. The network was unsure, or was trained by distance alone. Most common of all.
# - **Spill**: a color runs over an edge into its neighbor. The network's color map was too small, or it saw no edge.
# - **Halo**: a colored fringe beside an edge. Color and light do not lie on top of each other, for instance after scaling.
# - **Object**: a thing has the color of another thing. Here whatever is bright was taken for sky.
# - **Patches**: one thing colored strongly here and weakly there. The network decided here and there separately, and did not see that it is one wall.
#
# PSNR ranks them in its own way. Which one does it find least bad?

# %%
for name,picture in zip(museum, pictures):
    one = picture[None]
    print(f'{name:8} {psnr(one, real[i:i + 1]).item():5.1f} dB,'
        f' colorfulness {colorfulness_ratio(one, real[i:i + 1]):.2f}')

# %% [markdown]
# It is mild about spill, halo and patches, which the eye sees at first glance, because over most of the picture the colors are still nearly right. Fading, which the eye forgives, costs nine decibels more than spill. [A failure atlas](../evaluation/atlas.ipynb) measures such mistakes one by one.
#
# Go back to the six photographs and look for them. The astronaut's suit has gray folds at the sleeves, and the flag has lost its blue: fading. The painted beams of the temple are plain wood, and the saucer is gray: wrong object, the common one in place of the rare one. On the saucer and in the helmet there is a red spot: patches. The face comes out well, since the model has seen many.
#
# ## What you have now
#
# You can split a picture into light and color, build and train the two networks, tell when their duel goes wrong, and judge what comes out by numbers and by eye. The rest of this book goes deeper in each direction: [many answers](../evaluation/diversity.ipynb) instead of one, color [as a choice among classes](../color/bins.ipynb), [your own training](../training/trainer.ipynb), and [films](../video/colorize.ipynb), in which a color must also stay what it was.

# %% [markdown]
# ## Exercises
#
# 1. Measure `colorize(..., saturation=1.5)` with both numbers. Does it get better?
# 2. Which mean PSNR does a colorizer get that answers every photograph with one and the same brown? Find the best brown.
# 3. Find a photograph of yours on which the model makes two of the five mistakes.
#
# <details><summary>Solution 1</summary>
#
# ```python
# more = batch([colorize(o, saturation=1.5) for o in truth])
# psnr(more, real).mean(), colorfulness_ratio(more, real)
# ```
#
# More color, and about the same PSNR or a little less. Which is better depends on what you want: that is a decision, not a measurement.
#
# </details>
#
# <details><summary>Solution 2</summary>
#
# ```python
# brown = ab.mean((0, 2, 3), keepdim=True)
# psnr(join_lab(L, brown.expand_as(ab)), real).mean()
# ```
#
# A little more than gray gets. Any colorizer that is worth its name is above that.
#
# </details>
#
# <details><summary>Solution 3</summary>
#
# Try pictures with small colorful things on a uniform ground, signs, toys, painted walls, and pictures in which one thing lies half in shadow.
#
# </details>
