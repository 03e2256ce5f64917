# %% [markdown]
# # 2. Light and color
#
# > Three numbers a pixel, rearranged so that one of them is what a gray photograph tells
#
# **You need** [Ten lines](ten_lines.ipynb) and a little PyTorch. **You get** the color space of this course, Lab, in a page of code that the whole library uses, and a look at all the colors that one gray can be. **Minutes:** 8.
#
# ![A photograph, its lightness, and its color alone.](../../asset/lessons/light_and_color.jpg)

# %%
#| default_exp color.conversion

# %% tags=["parameters"]
size,seed = 192,0

# %%
#| export
import torch
from torch import Tensor
from colorbook.color.srgb import DELTA, RGB_TO_XYZ, XYZ_TO_RGB
from colorbook.color.arithmetic import at_least_float32, channel_sums
from colorbook.color.arithmetic import largest_share

# %%
#| hide
import numpy as np, matplotlib.pyplot as plt
from PIL import Image
from colorbook.color.lab import show_row

# %% [markdown]
# ## Numbers are not light

# %% [markdown]
# A pixel is three numbers from 0 to 255: red, green, blue. It is tempting to think that 128 is half the light of 255. It is about a fifth. Eight bits are few, and the eye sees small differences in the dark better than in the bright, so *sRGB*, the standard of nearly all picture files, stores roughly the square root of the light. Before one may add light, this has to be undone. The two functions go there and back, between stored numbers and light, both from 0 to 1.

# %%
#| export
def to_linear(
    rgb:Tensor, # stored numbers in 0..1
) -> Tensor: # light in 0..1
    "sRGB's transfer curve undone (IEC 61966-2-1)"
    curved = ((rgb.clamp(min=.04045) + .055)/1.055)**2.4
    return torch.where(rgb <= .04045, rgb/12.92, curved)

def from_linear(
    lin:Tensor, # light in 0..1
) -> Tensor: # stored numbers in 0..1
    "sRGB's transfer curve"
    curved = 1.055*lin.clamp(min=.0031308)**(1/2.4) - .055
    return torch.where(lin <= .0031308, lin*12.92, curved)

# %% [markdown]
# Near black the curve is a straight line; without it the slope of the way back would be infinite at 0. (The `clamp` changes no value. It is there for gradients: `where` computes both branches.) Look at where half of the light is.

# %%
#| label: fig-lesson-srgb
#| fig-cap: "The light that a stored number stands for. Half of the light is at 188, not at 128."
v = torch.arange(256)
fig,ax = plt.subplots(figsize=(5, 2.4), layout='constrained')
ax.plot(v, to_linear(v/255))
ax.plot([0, 188, 188], [.5, .5, 0], ls=':', color='gray')
ax.set(xlabel='stored number', ylabel='light', xticks=[0, 64, 128, 188, 255]);

# %% [markdown]
# The curve is flat in the dark: many numbers for little light.

# %% [markdown]
# ## Lightness, and the rest

# %% [markdown]
# A gray photograph tells how light each point was. To *color* it means to guess the rest. So we want coordinates in which "how light" is one number and "the rest" is two others. CIE Lab does that, in three steps:
#
# 1. from stored numbers to light, as above;
# 2. a fixed 3x3 matrix turns red, green and blue light into three values $X,Y,Z$; of these $Y$ is how bright the light is for an average eye, in which green counts most and blue least;
# 3. a cube root of each, $f(t)=\sqrt[3]{t}$ with a straight line near black (where $f$ is below 6/29, in the code `DELTA`), because the eye sees small differences better in the dark. With the formula for $L$ below, half the lightness is about a fifth of the light.
#
# *Lightness* is $L=116f(Y)-16$, from 0 to 100. Color is two differences, $a=500\,(f(X)-f(Y))$, from green to red, and $b=200\,(f(Y)-f(Z))$, from blue to yellow. For a gray all three $f$ are equal, and $a=b=0$.

# %%
#| export
def lab_curve(
    t:Tensor, # X, Y or Z, 1 for white
) -> Tensor: # 4/29 for black, 1 for white
    "CIE's cube root with a straight line near black"
    root = t.clamp(min=DELTA**3)**(1/3)
    return torch.where(t > DELTA**3, root, t/(3*DELTA**2) + 4/29)

@at_least_float32
def rgb_to_lab(
    rgb:Tensor, # sRGB pictures in 0..1, `bs`x3xHxW, any float type
) -> Tensor: # `bs`x3xHxW: L in 0..100, a and b in about -108..99
    "CIE Lab (D65) of sRGB pictures"
    xyz = channel_sums(to_linear(rgb), RGB_TO_XYZ) # the matrix
    x,y,z = lab_curve(xyz).unbind(1)
    return torch.stack([116*y - 16, 500*(x - y), 200*(y - z)], 1)

# %% [markdown]
# The matrix has been divided by the white of the screen, so that white is $X=Y=Z=1$. What the line with the `@` is for, [Arithmetic for Lab](../color/arithmetic.ipynb) tells; here it changes nothing. Three colors:

# %%
colors = dict(orange=(1, .5, 0), gray=(.5, .5, .5), navy=(0, 0, .5))
for name,c in colors.items():
    L,a,b = rgb_to_lab(torch.tensor(c).view(1, 3, 1, 1)).flatten().tolist()
    print(f'{name:7} L {L:5.1f}  a {a:5.1f}  b {b:6.1f}')

# %% [markdown]
# Orange is light, red and yellow; gray has no $a$ and no $b$; navy is dark and far on the blue side. Every step has an inverse, so the way back is the way there in reverse.

# %%
#| export
def lab_curve_inv(
    f:Tensor, # value of `lab_curve`
) -> Tensor: # X, Y or Z
    "Inverse of `lab_curve`"
    return torch.where(f > DELTA, f**3, 3*DELTA**2*(f - 4/29))

@at_least_float32
def lab_to_linear(
    lab:Tensor, # Lab, `bs`x3xHxW
) -> Tensor: # light, `bs`x3xHxW, outside 0..1 where no screen shows the color
    "Linear light of Lab colors, not clipped"
    L,a,b = lab.unbind(1)
    y = (L + 16)/116
    xyz = lab_curve_inv(torch.stack([y + a/500, y, y - b/200], 1))
    return channel_sums(xyz, XYZ_TO_RGB)

@at_least_float32
def lab_to_rgb(
    lab:Tensor, # Lab, `bs`x3xHxW
    clip:bool=False, # cut to 0..1? Zero gradient there: not for training
) -> Tensor: # sRGB, `bs`x3xHxW
    "sRGB pictures of Lab colors"
    rgb = from_linear(lab_to_linear(lab))
    return rgb.clamp(0, 1) if clip else rgb

# %% [markdown]
# ## Split and join

# %% [markdown]
# Networks like numbers near 0 and 1, so $L$ is divided by 100 and $a,b$ by 110: `split_lab`. The way back is `join_lab`, with one more step. A network may ask for a color that no screen can show, such as a deep blue that is bright. `map_gamut` then lowers $a$ and $b$ together until the color fits: a weaker color of the same lightness and hue. (`largest_share` finds how much fits, by halving.)

# %%
#| export
@at_least_float32
def map_gamut(
    lab:Tensor, # Lab, `bs`x3xHxW, L in 0..100
    steps:int=16, # halvings: a and b are exact to 2**-steps
    eps:float=1e-4, # how far outside 0..1 light may lie
) -> Tensor: # Lab of the same lightness and hue, inside sRGB
    "Weaker colors of the same lightness and hue where a color does not fit"
    L,ab = lab[:,:1],lab[:,1:]
    def fits(share):
        lin = lab_to_linear(torch.cat([L, share*ab], 1))
        return ((lin >= -eps) & (lin <= 1 + eps)).all(1, keepdim=True)
    return torch.cat([L, ab*largest_share(fits, L, steps)], 1)

def split_lab(
    rgb:Tensor, # pictures in 0..1, `bs`x3xHxW
) -> tuple[Tensor,Tensor]: # `bs`x1xHxW in 0..1, `bs`x2xHxW in about -1..1
    "Lightness and color of `rgb`, each on the scale a network likes"
    lab = rgb_to_lab(rgb)
    return lab[:,:1]/100, lab[:,1:]/110

def join_lab(
    L:Tensor, # lightness in 0..1, `bs`x1xHxW
    ab:Tensor, # color in about -1..1, `bs`x2xHxW
    gamut:bool=True, # weaken colors that do not fit? Otherwise cut channels
) -> Tensor: # pictures in 0..1, `bs`x3xHxW
    "Pictures from lightness and color: the inverse of `split_lab`"
    lab = torch.cat([L*100, ab*110], 1)
    return lab_to_rgb(map_gamut(lab) if gamut else lab, clip=True)

# %% [markdown]
# Look at a photograph, its `L`, and its color at one constant lightness. Where do you see the edges?

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
assert (to_linear(torch.tensor([128, 188])/255) - torch.tensor([.216, .503])
    ).abs().max() < 1e-3
orange = rgb_to_lab(torch.tensor([1, .5, 0]).view(1, 3, 1, 1)).flatten()
assert torch.allclose(orange, torch.tensor([66.95, 43.07, 73.95]), atol=.03)
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
# The white is where `map_gamut` works: a point there is moved toward the middle, along a straight line, until it reaches the rim of the colors. [Lab and gray](../color/lab.ipynb) shows what happens without it.
#
# One question is left: which gray does a *photograph* have? Film and cameras weigh the colors in their own ways, and Pillow's `convert('L')` adds stored numbers instead of light. The differences are small for pale colors and large for strong ones: a pure red has the lightness 53, its gray from Pillow only about 32. This course takes `L` itself as the gray, so that question and answer fit exactly. Where the questions come from is next: [Every photo is an exercise with its solution](tasks.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. Which of pure red, green and blue is the lightest, and which the darkest? Guess, then use `rgb_to_lab`.
# 2. Join the `L` of the rocket with its `ab` shrunk to an eighth of the size and enlarged again. How much do you see?
# 3. Double `ab` before joining. Why do some colors not get twice as strong?
#
# <details><summary>Solution 1</summary>
#
# Green (88), then red (53), then blue (32): the eye gets most of its brightness from green.
#
# ```python
# rgb_to_lab(torch.eye(3)[...,None,None])[:,0].flatten()
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
