# %% [markdown]
# # 2. Light and color
#
# > Three numbers a pixel, rearranged so that one of them is what a gray photograph tells
#
# **You need** [Ten lines](ten_lines.ipynb). **You get** the color space of this course, Lab, computed by hand for one color and by the library for a picture, and a look at all the colors that one gray can be. **Minutes:** 8.
#
# ![A photograph, its lightness, and its color alone.](../../asset/lessons/light_and_color.jpg)

# %% tags=["parameters"]
size,seed = 192,0

# %%
import numpy as np, torch, matplotlib.pyplot as plt
from PIL import Image
from colorbook.color.lab import join_lab, lab_to_linear, lab_to_rgb, rgb_to_lab
from colorbook.color.lab import show_row, split_lab

# %% [markdown]
# ## Numbers are not light

# %% [markdown]
# A pixel is three numbers from 0 to 255: red, green, blue. It is tempting to think that 128 is half the light of 255. It is about a fifth. Eight bits are few, and the eye sees small differences in the dark better than in the bright, so *sRGB*, the standard of nearly all picture files, stores roughly the square root of the light. Before one may add light, this has to be undone. Look at where half of the light is.

# %%
#| label: fig-lesson-srgb
#| fig-cap: "The light that a stored number stands for. Half of the light is at 188, not at 128."
def to_light(v): # v in 0..1
    return np.where(v <= .04045, v/12.92, ((v + .055)/1.055)**2.4)

v = np.arange(256)
fig,ax = plt.subplots(figsize=(5, 2.4), layout='constrained')
ax.plot(v, to_light(v/255))
ax.plot([0, 188, 188], [.5, .5, 0], ls=':', color='gray')
ax.set(xlabel='stored number', ylabel='light', xticks=[0, 64, 128, 188, 255]);

# %% [markdown]
# The curve is flat in the dark: many numbers for little light. (The straight piece at the very beginning keeps the slope finite.)

# %% [markdown]
# ## Lightness, and the rest

# %% [markdown]
# A gray photograph tells how light each point was. To *color* it means to guess the rest. So we want coordinates in which "how light" is one number and "the rest" is two others. CIE Lab does that, in three steps:
#
# 1. from stored numbers to light, as above;
# 2. a fixed 3x3 matrix turns red, green and blue light into three values $X,Y,Z$; of these $Y$ is how bright the light is for an average eye, in which green counts most and blue least;
# 3. a cube root of each, $f(t)=\sqrt[3]{t}$, because the eye sees small differences better in the dark. With the formula for $L$ below, half the lightness is about a fifth of the light.
#
# Lightness is $L=116f(Y)-16$, from 0 to 100. Color is two differences, $a=500\,(f(X)-f(Y))$, from green to red, and $b=200\,(f(Y)-f(Z))$, from blue to yellow. For a gray all three $f$ are equal, and $a=b=0$. Here is the whole way for one color, then for the library.

# %%
M = np.array([[.4339, .3763, .1898],
    [.2127, .7152, .0722], [.0178, .1095, .8728]])

def lab_of(*rgb):
    "Lab of one sRGB color, each of `rgb` in 0..1"
    x,y,z = np.cbrt(M @ to_light(np.array(rgb)))
    return 116*y - 16, 500*(x - y), 200*(y - z)

colors = dict(orange=(1, .5, 0), gray=(.5, .5, .5), navy=(0, 0, .5))
for name,c in colors.items():
    ours = [round(float(o), 1) for o in lab_of(*c)]
    library = rgb_to_lab(torch.tensor(c).view(1, 3, 1, 1)).flatten().tolist()
    print(f'{name:7} by hand {ours}, library {[round(o, 1) for o in library]}')

# %% [markdown]
# Orange is light, red and yellow; gray has no $a$ and no $b$; navy is dark and far on the blue side. (The rows of `M` are already divided by the white of the screen, and near black the cube root is replaced by a straight line, which [Lab and gray](../color/lab.ipynb) takes into account and our five lines do not.)

# %%
#| code-fold: true
for c in ((1, .5, 0), (.5, .5, .5), (0, 0, .5), (.2, .9, .4)):
    library = rgb_to_lab(torch.tensor(c).view(1, 3, 1, 1)).flatten().numpy()
    assert np.allclose(lab_of(*c), library, atol=.1)
assert abs(to_light(188/255) - .5) < .01 and abs(to_light(128/255) - .216) < .01

# %% [markdown]
# ## Split and join

# %% [markdown]
# Networks like numbers near 0 and 1, so the library divides $L$ by 100 and $a,b$ by 110; `split_lab` and `join_lab` do both ways. Look at a photograph, its `L`, and its color at one constant lightness. Where do you see the edges?

# %%
#| label: fig-lesson-split
#| fig-cap: "A photograph, its lightness, and its color at constant lightness."
photo = Image.open('../../data/rocket.jpg').resize((size*3//2, size))
rgb = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None]/255
L,ab = split_lab(rgb)
flat = join_lab(torch.full_like(L, .65), ab)
show_row([rgb[0], L[0], flat[0]], ['photo', 'L', 'ab'])

# %% [markdown]
# Nearly all the drawing is in `L`. The color is soft and simple: some blue, a spot of orange. That is the good news for colorization: two of three numbers are missing, but they are the two with the least detail. The way there and back loses nothing, as the folded cell checks.

# %%
#| code-fold: true
assert (join_lab(L, ab) - rgb).abs().max() < 2e-3
gray_again = rgb_to_lab(join_lab(L, torch.zeros_like(ab)))
assert (gray_again[:,:1]/100 - L).abs().max() < 1e-3 # the same lightness

# %% [markdown]
# ## All the colors of one gray

# %% [markdown]
# The bad news: how many colors share one lightness? For three values of `L`, here are all that a screen can show; the middle of each plane is gray. The network has to pick one point of such a plane for every pixel.

# %%
#| label: fig-lesson-planes
#| fig-cap: "All colors of one lightness that a screen can show: L = 30, 60 and 85. Across: a. Upward: b."
def plane(light, n=160, reach=110):
    "Colors of one lightness; what no screen can show is white"
    b,a = torch.meshgrid(torch.linspace(reach, -reach, n),
        torch.linspace(-reach, reach, n), indexing='ij')
    lab = torch.stack([torch.full_like(a, light), a, b])[None]
    lin = lab_to_linear(lab)
    shown = ((lin >= 0) & (lin <= 1)).all(1, keepdim=True)
    return torch.where(shown, lab_to_rgb(lab, clip=True), torch.tensor(1.))[0]

planes = [plane(o) for o in (30, 60, 85)]
show_row(planes, ['L = 30', 'L = 60', 'L = 85'], width=8)

# %% [markdown]
# The same medium gray may be a brick, a meadow or a violet. But the planes differ: a dark pixel can be deep blue and cannot be yellow, a bright one can be yellow and cannot be deep blue. So lightness alone already says *something* about color, and even the simplest network finds that out. The [palette](../color/palette.ipynb) lets you walk through these planes.
#
# A network may ask for a point in the white, a color that does not exist on the screen. `join_lab` then gives the nearest weaker color of the same lightness and hue.
#
# One question is left: which gray does a *photograph* have? Film and cameras weigh the colors in their own ways, and Pillow's `convert('L')` adds stored numbers instead of light. The differences are small for pale colors and large for strong ones: a pure red has the lightness 53, its gray from Pillow only about 32. This course takes `L` itself as the gray, so that question and answer fit exactly. Where the questions come from is next: [Every photo is an exercise with its solution](tasks.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. Which of pure red, green and blue is the lightest, and which the darkest? Guess, then use `lab_of`.
# 2. Join the `L` of the rocket with its `ab` shrunk to an eighth of the size and enlarged again. How much do you see?
# 3. Double `ab` before joining. Why do some colors not get twice as strong?
#
# <details><summary>Solution 1</summary>
#
# Green (88), then red (53), then blue (32): the eye gets most of its brightness from green.
#
# ```python
# [lab_of(*o)[0] for o in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
# ```
#
# </details>
#
# <details><summary>Solution 2</summary>
#
# ```python
# import torch.nn.functional as F
# small = F.interpolate(F.avg_pool2d(ab, 8), ab.shape[-2:], mode='bilinear')
# show_row([rgb[0], join_lab(L, small)[0]])
# ```
#
# Very little. The eye is bad at fine color; JPEG and television have always used that, and so do colorizers.
#
# </details>
#
# <details><summary>Solution 3</summary>
#
# Colors at the edge of their plane cannot get stronger at this lightness; `join_lab` brings them back to the edge.
#
# </details>
