# %% [markdown]
# # Lab and gray
#
# > What stands behind the formulas of Lab: gradients, white, colors that do not fit, and which gray is meant
#
# [Light and color](../lessons/light_and_color.ipynb) defines the way from sRGB to Lab and back. Here the functions of that lesson are put to the test: against published values and scikit-image, at black, where a gradient could become infinite, and with colors that no screen shows. Then comes what the lesson leaves open: what is meant by the gray version of a color photograph (it is not one thing), and how a generator's answer of any kind becomes a picture.

# %%
#| default_exp color.lab

# %% tags=["parameters"]
size,seed = 192,7

# %%
#| export
from functools import partial
import torch, torch.nn.functional as F
from torch import Tensor
from colorbook.color.arithmetic import at_least_float32, channel_sums
from colorbook.color.conversion import from_linear, join_lab, lab_curve, lab_to_linear, lab_to_rgb, map_gamut
from colorbook.color.conversion import rgb_to_lab, split_lab, to_linear
from colorbook.color.srgb import RGB_TO_XYZ

# %%
#| hide
import numpy as np, matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from skimage import color, data
from colorbook.color import srgb
from colorbook.color.srgb import DELTA

# %% [markdown]
# ## The published values

# %% [markdown]
# The eight corners of the RGB cube are published (Lindbloom's values, which scikit-image tests itself with, too), and so is the rest of the cube, by scikit-image. For one color the whole way is five lines of plain Python. One thing is ours: scikit-image's white is not quite the sum of the rows of its matrix, so that there white and every gray come out with $b$ up to 0.0047. Here they come out with 0, and all other colors differ from the reference by as little: nowhere more than 0.006, a hundredth of what one step of an 8-bit channel changes. [The NumPy half of the library](srgb.ipynb), whose constants these are, computes the same to the accuracy of its type.

# %%
def lab_of(*rgb):
    lin = [v/12.92 if v <= .04045 else ((v + .055)/1.055)**2.4 for v in rgb]
    x,y,z = [sum(k*o for k,o in zip(row, lin)) for row in RGB_TO_XYZ]
    f = lambda t: t**(1/3) if t > (6/29)**3 else t/(3*(6/29)**2) + 4/29
    return 116*f(y) - 16, 500*(f(x) - f(y)), 200*(f(y) - f(z))

v = torch.arange(256)/255
test_close(from_linear(to_linear(v)), v, eps=1e-6)
test_close(to_linear(v[[0, 188, 255]]), torch.tensor([0, .5029, 1]), eps=1e-4)
test_close(lab_of(1, 0, 0), (53.2408, 80.0925, 67.2032), eps=.015)
lab_of(1, 0, 0)

# %%
corners = dict(black=(0, 0, 0), white=(100, 0, 0), yellow=(97.1393, -21.5537, 94.4780),
    cyan=(91.1132, -48.0875, -14.1312), green=(87.7347, -86.1827, 83.1793), magenta=(60.3242, 98.2343, -60.8249),
    red=(53.2408, 80.0925, 67.2032), blue=(32.2970, 79.1875, -107.8602))
rgb = torch.tensor([(0, 0, 0), (1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1)]).double()
lab = rgb_to_lab(rgb[...,None,None])[...,0,0]
test_close(lab, torch.tensor(list(corners.values())), eps=.015)
test_close(lab[:2], torch.tensor([[0, 0, 0], [100, 0, 0]]), eps=1e-9)
lab

# %%
torch.manual_seed(seed)
pictures = torch.rand(4, 3, 64, 64)
reference = color.rgb2lab(pictures.numpy(), channel_axis=1)
test_close(rgb_to_lab(pictures), reference, eps=6e-3)
test_close(rgb_to_lab(pictures)[:,:1], reference[:,:1], eps=1e-3)
byte = (pictures*255).round().byte()
Y,fy = srgb.light(byte[0].permute(1, 2, 0).numpy().astype(np.float32)/255)
test_close(116*fy - 16, rgb_to_lab(byte[:1]/255)[0,0].numpy(), eps=1e-3)
np.abs(rgb_to_lab(pictures).numpy() - reference).max()

# %% [markdown]
# ## Gradients

# %% [markdown]
# A network is trained through these functions, so their gradients matter as much as their values. A power has no finite slope at zero, and `torch.where` computes both branches: an infinite gradient in the branch that was not taken still becomes `nan`. Hence the `clamp` inside of the curves. And Lab is larger than sRGB: most triples are colors that no screen can show, and their linear light is negative or above 1 in some channel. `lab_to_rgb` leaves it so unless asked. Cutting it off would make the gradient zero exactly where a generator is most wrong and most needs one; `clip=True` is for showing.
#
# There and back is the identity, outside the cube too. The gradients agree with finite differences in float64 (`gradcheck`) and are finite at black and at the joints of the curves; at black both curves are straight lines, so the slope of $L$ is known: $116/(3\delta^2)/12.92=69.9$ for a step in all three channels, with $\delta=6/29$. What becomes of 16-bit numbers is told in [Arithmetic for Lab](arithmetic.ipynb).

# %%
test_close(lab_to_rgb(rgb_to_lab(pictures)), pictures, eps=1e-5)
far = torch.tensor([60., -120, 90]).view(1, 3, 1, 1)
test_close(rgb_to_lab(lab_to_rgb(far)), far, eps=1e-3)
few = torch.rand(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
assert torch.autograd.gradcheck(rgb_to_lab, few) and torch.autograd.gradcheck(lab_to_rgb, few.detach()*50 + few)
joint = from_linear(torch.tensor(DELTA**3)).item() # the gray whose luminance is where the cube root begins
x = torch.tensor([0, .04045, joint, 1]).view(4, 1, 1, 1).repeat(1, 3, 1, 1).requires_grad_()
lab_to_rgb(rgb_to_lab(x)).sum().backward()
assert x.grad.isfinite().all()
slope, = torch.autograd.grad(rgb_to_lab(x)[0,0].sum(), x)
test_close(slope[0].sum(), 116/(3*DELTA**2)/12.92, eps=1e-3)
slope[0].flatten()

# %% [markdown]
# ## Colors that do not fit

# %% [markdown]
# A generator that answers $L=60$ and a green of chroma 150 wants a color that does not exist on a screen. The usual remedy, cutting each channel to 0..1, changes whatever it likes: a light sky turns from blue to cyan, and lightness, which the photograph *did* tell us, moves as well. We ask for less of the same color instead: the largest factor $k\le1$ with which
#
# $$(L,\;k\,a,\;k\,b)$$
#
# is inside sRGB. Lightness and hue (the angle of $a,b$) stay. On a screen every ray from the gray axis leaves the gamut once, so sixteen halvings of `map_gamut` find $k$ to a hundred-thousandth; colors that fit already are returned as they are. The gradient flows through the color and takes $k$ for a constant. In @fig-gamut the colors of a photograph are pushed three times as far from gray and brought back in both ways. Look at the saucer: where channels are cut it becomes one glaring red, without the light and shade of the photograph, which remain where chroma is lowered.

# %%
wild = torch.rand(2, 3, 64, 64)*torch.tensor([98, 240, 240]).view(3, 1, 1) + torch.tensor([1, -120, -120]).view(3, 1, 1)
tame = map_gamut(wild)
hue,chroma = (lambda o: torch.atan2(o[:,2], o[:,1])),(lambda o: o[:,1:].norm(dim=1))
test_eq(tame[:,0], wild[:,0])
test_close(hue(tame), hue(wild), eps=1e-4)
test_close(rgb_to_lab(lab_to_rgb(tame, clip=True))[:,0], wild[:,0], eps=.15)
inside = rgb_to_lab(pictures)
test_eq(map_gamut(inside), inside)
low = chroma(tame) < chroma(wild)
lin = lab_to_linear(tame*torch.tensor([1, 1.01, 1.01]).view(3, 1, 1)) # one percent more would not have fit
assert ((lin < -1e-4) | (lin > 1 + 1e-4)).any(1)[low].all() and .5 < low.float().mean() < 1
low.float().mean()

# %%
#| export
def show_row(
    pictures, # tensors, 3xHxW or 1xHxW in 0..1
    titles=(), # a caption for each
    width:float=9, # inches of the whole row
):
    "Pictures side by side, without axes"
    import matplotlib.pyplot as plt
    ratios = [p.shape[-1]/p.shape[-2] for p in pictures]
    fig,axs = plt.subplots(1, len(pictures), figsize=(width, width/sum(ratios) + .3), width_ratios=ratios,
        layout='constrained', squeeze=False)
    for ax,p in zip(axs[0], pictures):
        ax.imshow(p.detach().float().expand(3, -1, -1).permute(1, 2, 0).clamp(0, 1).cpu())
        ax.axis('off')
    for ax,o in zip(axs[0], titles): ax.set_title(o, fontsize=9)

# %%
#| export
def show_sheet(
    rows, # a batch of pictures for each row, `n`x3xHxW or `n`x1xHxW in 0..1
    names=(), # of the rows, written at their left
    width:float=9, # inches
): # the figure
    "Rows of pictures with their names, without axes"
    import matplotlib.pyplot as plt
    n,(h,w) = len(rows[0]),rows[0].shape[-2:]
    fig,axs = plt.subplots(len(rows), 1, figsize=(width, width*h/w/n*len(rows)), squeeze=False, layout='constrained')
    for ax,row,name in zip(axs[:,0], rows, list(names) + ['']*len(rows)):
        row = F.pad(row.detach().float().cpu().expand(-1, 3, -1, -1), (1, 1, 1, 1), value=1.)
        ax.imshow(torch.cat(list(row), 2).permute(1, 2, 0).clamp(0, 1))
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        ax.set_ylabel(name, fontsize=9, rotation=0, ha='right', va='center')
    return fig

# %%
#| label: fig-gamut
#| fig-cap: "A cup of coffee, its color made three times as strong, and the two ways to get it back onto the screen."
def photo_of(a): return torch.from_numpy(a.copy()).permute(2, 0, 1)[None]/255
photo = F.interpolate(photo_of(data.coffee()[:,60:460]), (size, size), mode='area')
lab = rgb_to_lab(photo)*torch.tensor([1, 3, 3]).view(3, 1, 1)
cut,mapped = lab_to_rgb(lab, clip=True),lab_to_rgb(map_gamut(lab), clip=True)
moved = [(rgb_to_lab(o)[:,0] - lab[:,0]).abs().mean().item() for o in (cut, mapped)]
assert moved[0] > 1 and moved[1] < .02
titles = 'photo',f'channels cut: L off by {moved[0]:.2f}',f'mapped: L off by {moved[1]:.3f}'
show_row([photo[0], cut[0], mapped[0]], titles)

# %% [markdown]
# ## What is gray?

# %% [markdown]
# The training input is made from color photographs, so somebody decides what gray a red becomes, and the network learns that decision along with everything else. Pillow and OpenCV use Rec. 601, a weighted sum of the *stored* values made for television of the 1950s; Rec. 709 is its successor; the plain mean is what people write in a hurry. The gray of equal lightness $L$ works on light and is the one that our artifacts are trained with: then $L$ of the input equals $L$ of the truth, and the only thing to predict is $a,b$. Old film saw no red at all: `ortho` is a rough orthochromatic emulsion, in which lips are black and skies white. And `infrared` guesses what a camera for [near infrared](../models/infrared.ipynb) would have seen: skies and water are dark, leaves and grass white. Whichever it is, its name is recorded with the weights.
#
# All six leave a gray picture as it is. Of a colored one only `lstar` keeps the lightness, and Rec. 601 is what Pillow's `convert('L')` gives. The numbers below say what each makes of pure red: anything from black to a middle gray. In @fig-grays look at the orange suit, which is darkest in `ortho` and lightest in `infrared`.

# %%
#| export
@at_least_float32
def luma(
    rgb:Tensor, # sRGB in 0..1, `bs`x3xHxW
    weights:tuple, # one for red, green and blue, with sum 1
) -> Tensor: # gray in 0..1, `bs`x1xHxW
    "Weighted sum of the gamma-encoded channels"
    return channel_sums(rgb, [weights])

# %%
#| export
@at_least_float32
def lstar(
    rgb:Tensor, # sRGB in 0..1, `bs`x3xHxW
) -> Tensor: # sRGB value in 0..1 of the gray with the same lightness, `bs`x1xHxW
    "Gray of equal CIE lightness L*: the one that the shipped model is trained with"
    return from_linear(channel_sums(to_linear(rgb), RGB_TO_XYZ[1:2]))

# %%
#| export
@at_least_float32
def infrared(
    rgb:Tensor, # sRGB in 0..1, `bs`x3xHxW
) -> Tensor: # gray in 0..1, `bs`x1xHxW
    "A guess at near infrared: no blue, and foliage is bright; fitted to pairs of photographs"
    r,g,b = rgb.split(1, 1)
    green = (g - torch.maximum(r, b)).relu()/(rgb.amax(1, keepdim=True) + .03)
    return (g + .2*(r - g) + 1.2*(g - b) + .65*green).clamp(0, 1)

# %%
#| export
grays = dict(
    lstar=lstar,
    rec601=partial(luma, weights=(.299, .587, .114)),
    rec709=partial(luma, weights=(.2126, .7152, .0722)),
    mean=partial(luma, weights=(1/3, 1/3, 1/3)),
    ortho=partial(luma, weights=(0., .6, .4)),
    infrared=infrared)

# %%
#| export
@at_least_float32
def gray_to_L(
    gray:Tensor, # gray sRGB value in 0..1, `bs`x1xHxW
) -> Tensor: # L in 0..1, `bs`x1xHxW
    "Lightness of a gray picture, on the scale a network likes"
    return 1.16*lab_curve(to_linear(gray)) - .16

# %%
gray = torch.rand(1, 1, 8, 8)
for f in grays.values(): test_close(f(gray.expand(-1, 3, -1, -1)), gray, eps=1e-6)
test_close(100*gray_to_L(lstar(pictures)), rgb_to_lab(pictures)[:,:1], eps=1e-3)
whole = (photo*255).round()
pillow = np.asarray(Image.fromarray(whole[0].byte().permute(1, 2, 0).numpy()).convert('L'))
test_close(grays['rec601'](whole/255)[0,0]*255, pillow, eps=1)
{k: round(f(torch.tensor([1., 0, 0]).view(1, 3, 1, 1)).item(), 3) for k,f in grays.items()}

# %%
#| label: fig-grays
#| fig-cap: "One photograph and its six grays. The suit is what they disagree about."
face = F.interpolate(photo_of(data.astronaut()), (size, size), mode='area')
made = {k: f(face)[0] for k,f in grays.items()}
assert made['ortho'].sub(made['lstar']).abs().max() > .2
grass,sky = (torch.tensor(o).view(1, 3, 1, 1) for o in ((.3, .45, .15), (.4, .6, .9)))
assert infrared(grass) > lstar(grass) + .3 and infrared(sky) < lstar(sky) - .2
show_row([face[0], *made.values()], ['photo', *made])

# %% [markdown]
# ## For the network

# %% [markdown]
# We divide $L$ by 100 and $a,b$ by 110, which no sRGB color exceeds, so that `tanh`, whose values lie between -1 and 1, can reach every color, and 0 is gray. All chapters and the files of trained models use these scales and no other.

# %%
L,ab = split_lab(pictures)
for gamut in (True, False): test_close(join_lab(L, ab, gamut), pictures, eps=1e-4)
assert ab.abs().max() < 1 and L.min() >= 0 and L.max() <= 1
same = gray.expand(-1, 3, -1, -1)
test_close(split_lab(same)[1], 0, eps=1e-4)
test_close(join_lab(*split_lab(same)), same, eps=1e-4)

# %% [markdown]
# Generators answer in different ways: in RGB on a scale from -1 to 1, or in $ab$, at full size or at a quarter. `to_rgb` makes pictures of all of them.

# %%
#| export
def to_rgb(
    L:Tensor, # lightness in 0..1, `bs`x1xHxW
    color:Tensor, # what a generator answers: RGB in -1..1, `bs`x3xHxW, or ab, `bs`x2 at any size
) -> Tensor: # pictures in 0..1, `bs`x3xHxW; RGB may lie outside
    "What a generator's answer looks like"
    if color.shape[1] == 3: return (color.float() + 1)/2
    return join_lab(L, F.interpolate(color.float(), L.shape[-2:], mode='bilinear'))

# %%
L,ab = split_lab(photo)
test_close(to_rgb(L, ab), photo, eps=2e-3)
test_close(to_rgb(L, photo*2 - 1), photo, eps=1e-6)
quarter = to_rgb(L, F.avg_pool2d(ab, 4))
test_close(split_lab(quarter)[0], L, eps=5e-3)
assert .001 < (quarter - photo).abs().mean() < .05
to_rgb(L, ab*0)[0,:,0,0]

# %% [markdown]
# ## What we have
#
# - Lab and back in torch, tested: the values of scikit-image but for its white, gradients that are finite everywhere, colors that do not fit made weaker;
# - six grays with names, of which `lstar` keeps lightness;
# - `to_rgb`, which makes pictures of a generator's answers of any kind, and `show_row` and `show_sheet`, which show them.

# %% [markdown]
# ## Exercises
#
# 1. Take scikit-image's white instead of the sums of the rows. How far from zero is $b$ of white now, and which tests of this chapter fail?
# 2. Take the `clamp` out of `to_linear` and `from_linear`. Where does the first `nan` appear, and why not in the forward pass?
# 3. Paint the blue of the screen with all, three quarters, half and a quarter of its chroma, at its own lightness and at $L=50$, cut and mapped. Is it the same blue to your eye?
