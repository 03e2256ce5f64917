# %% [markdown]
# # 1. Ten lines
#
# > A gray photograph in, four colorings out, and what happened in between
#
# **You need** a checkout and Python 3.11 or newer. `pip install . jupyterlab` is enough for this lesson; the others need PyTorch as well: `pip install '.[train]' jupyterlab`, then `jupyter lab nbs/lessons`. Or take the badge, which opens this page on Colab. **You get** a colored photograph, four answers to one question, and a map of this course. **Minutes:** 5.
#
# ![A photograph from before color, and four answers.](../../asset/lessons/ten_lines.jpg)

# %% tags=["parameters"]
photo,seed = '../../data/camera.png',1

# %%
import numpy as np
from PIL import Image
from colorbook import colorize

# %% [markdown]
# ## One photograph

# %% [markdown]
# `camera.png` is a famous test picture: a man with a camera on a lawn, photographed in black and white. Nobody knows its colors any more. One function call guesses them. Look at the lawn, the sky and the coat.

# %%
#| label: fig-lesson-camera
#| fig-cap: "A photograph that was never in color, and the guess of the model that ships with the library."
def side_by_side(*pictures, height=240):
    "Pictures in a row"
    row = [o.convert('RGB').resize((round(o.width*height/o.height), height))
        for o in pictures]
    return Image.fromarray(np.hstack([np.asarray(o) for o in row]))

gray = Image.open(photo)
color = colorize(gray)
side_by_side(gray, color)

# %% [markdown]
# The lawn is green and the sky is blue, because lawns and skies mostly are, and the model has seen many. The coat stays dark, with a touch of navy: a coat can have any color, and where anything is possible the model prefers to say little. (At the foot of the tripod the grass has stayed a brownish gray: there it was not sure.) All of this is *guessed from the gray alone*; the photograph holds no trace of the true colors.
#
# In the root of the checkout, the same on the command line is `colorbook colorize data/camera.png -o color.png`.

# %% [markdown]
# ## What has changed, and what has not

# %% [markdown]
# The colored picture is as sharp as the gray one. That is no luck: the model never touches the light. It answers with color only, at a small size, and this color is laid over the original. If we turn the result to gray again, we should get what we began with. Here is the largest difference of the two, in steps of 255.

# %%
back = np.asarray(color.convert('L'), int)
difference = np.abs(back - np.asarray(gray, int))
print(f'mean {difference.mean():.2f}, largest {difference.max()} of 255')

# %%
#| code-fold: true
assert color.size == gray.size and color.mode == 'RGB'
assert np.ptp(np.asarray(color, int), axis=2).max() > 20 # it is not gray
assert difference.mean() < 3

# %% [markdown]
# The two are hardly different. (They are not equal, because Pillow's gray weighs red, green and blue in another way than lightness does; [Light and color](light_and_color.ipynb) explains which gray is which.)

# %% [markdown]
# ## Four answers

# %% [markdown]
# If the true colors cannot be known, one answer is a choice. The model can make others: `samples` asks for several, and `seed` says which. Compare the coat, the grass, the sky.

# %%
#| label: fig-lesson-four
#| fig-cap: "Four other answers to the same photograph."
answers = colorize(gray, samples=4, seed=seed)
side_by_side(*answers, height=200)

# %% [markdown]
# The sky is nearly the same each time, and the lawn only a little more or less green. The glove has some red in it, then blue, then red again, then nothing: here the model has doubts, and here its answers differ. All four are possible photographs. None of them is "the" truth, and the model does not claim so: two random numbers for the whole picture decide to which color its doubts lean. [Many answers](../evaluation/diversity.ipynb) tells how.

# %% [markdown]
# ## Where it is wrong

# %% [markdown]
# Now a photograph of which we know the truth: a cat, in color. We take the color away, let the model guess, and put both side by side.

# %%
#| label: fig-lesson-cat
#| fig-cap: "Left the gray version, in the middle the guess, right the truth."
truth = Image.open('../../data/chelsea.png').convert('RGB')
guess = colorize(truth.convert('L'))
side_by_side(truth.convert('L'), guess, truth, height=200)

# %% [markdown]
# The fur gets its brown, and it is paler than the truth. The green of the eyes and the red of the nose are gone: they are small, and other colors are more common there. This is the typical failure of all colorizers. They prefer the common to the rare, and they fade where they are unsure. Half of this course is about what one can do against it, and [the last lesson](how_good.ipynb) is a collection of what remains.

# %% [markdown]
# ## What happens inside

# %% [markdown]
# ```
#            L (lightness)                        ab (color)
#  photo ──▶ split ──▶ generator ──▶ guess ──▶ join ──▶ colored photo
#              │                       │         ▲
#              └───────────────────────┼─────────┘  L, untouched
#                                      ▼
#                    critic: real or generated?  (only in training)
# ```
#
# 1. The photograph is *split* into lightness `L` and color `ab`; a gray one has only `L`. [Light and color](light_and_color.ipynb)
# 2. The *generator*, a neural network, looks at `L` and proposes `ab`. It has learned that from photographs whose colors are known: [Every photo is an exercise with its solution](tasks.ipynb), [The first network is brown](brown.ipynb), [U-Net](unet.ipynb).
# 3. In the networks that you will train, a second network, the *critic*, tries to tell proposals from true photographs, and the generator tries to get past it. The two together are a *generative adversarial network*, a GAN: [The critic](critic.ipynb), [From verdicts to losses](losses.ipynb), [The duel](duel.ipynb), [A GAN that colors](gan.ipynb).
# 4. `L` and `ab` are *joined*. What came out is measured in [How good, and where it fails](how_good.ipynb).
#
# That is the whole course. If you only want to color pictures, you are done; if you want to know how it is done, go on.

# %% [markdown]
# ## Exercises
#
# 1. Color a gray photograph of your own: `colorize('my.jpg').save('color.jpg')`. What does the model take for granted?
# 2. `colorize(gray, saturation=1.5)` makes colors stronger. Are the results better? Where not?
# 3. Turn the photograph upside down before you color it, and back again. Does the sky stay blue?
#
# <details><summary>Solution 1</summary>
#
# There is no right answer here, but look for things that are *usually* of one color (grass, skin, sky, wood) and for things that are not (cars, clothes, walls).
#
# </details>
#
# <details><summary>Solution 2</summary>
#
# ```python
# side_by_side(*[colorize(gray, saturation=o) for o in (1, 1.5, 2.5)])
# ```
#
# A little more color often looks better, since careful guesses are pale. It also makes every mistake stronger, and it gives no color to what the model left gray: zero times 1.5 is zero.
#
# </details>
#
# <details><summary>Solution 3</summary>
#
# ```python
# colorize(gray.rotate(180)).rotate(180)
# ```
#
# Often the colors become weaker or change place. The model has learned from photographs in which the sky is above: where a thing is belongs to what it knows.
#
# </details>
