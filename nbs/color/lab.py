# %% [markdown]
# # Lab and gray
#
# > Lightness apart from color, in tensors that carry gradients
#
# A gray photograph tells how light each point was, and to color it is to guess the rest. So we need coordinates in which "how light" is one number and "the rest" is the two others, and in which equal steps look about equally large: CIE Lab. This chapter goes from sRGB to Lab and back, in batches and with gradients. It answers two questions on the way: which gray belongs to a color photograph (there are several), and what to do with a color that no screen can show.

# %%
#| default_exp color.lab

# %% tags=["parameters"]
size,seed = 192,7

# %%
#| export
from functools import partial, wraps
import numpy as np, torch, torch.nn.functional as F
from torch import Tensor
from colorbook.core import InputError
from colorbook.color.srgb import DELTA, RGB_TO_XYZ, XYZ_TO_RGB

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from skimage import color, data
from colorbook.color import srgb

# %% [markdown]
# ## Light

# %% [markdown]
# The numbers in an image file are not amounts of light. Eight bits would be too coarse near black, so sRGB stores roughly the square root: the value 188 of 255 is *half* the light of 255. Sums of light (what a lens does, what Lab is defined on) must undo that first. With $v$ the stored value and $\ell$ the light, both in 0..1,
#
# $$\ell=\begin{cases}v/12.92&v\le 0.04045\\\left(\frac{v+0.055}{1.055}\right)^{2.4}&\text{otherwise.}\end{cases}$$
#
# Two precautions stand in the code. The power of the way back has an infinite slope at zero, and `torch.where` computes both branches: the infinite slope, multiplied by the zero of the branch that was not taken, would become `nan`. The `clamp` prevents it. And bfloat16 keeps eight significant bits, fewer than a picture has, so 16-bit pictures are computed in float32 and rounded once, at the end, also under mixed precision.

# %%
#| export
def at_least_float32(
    f, # function of a tensor
): # the same function; its result has the type of its input
    "`f` computed in float32 where its input is half or bfloat16"
    @wraps(f)
    def inner(x, *args, **kwargs):
        if not x.is_floating_point(): raise InputError(f'pictures are floats here, not {x.dtype}', 'divide by 255')
        return f(x.float(), *args, **kwargs).to(x.dtype) if x.element_size() < 4 else f(x, *args, **kwargs)
    return inner

# %%
#| export
def to_linear(
    rgb:Tensor, # sRGB in 0..1
) -> Tensor: # linear light in 0..1
    "sRGB's transfer curve undone (IEC 61966-2-1)"
    return torch.where(rgb <= .04045, rgb/12.92, ((rgb.clamp(min=.04045) + .055)/1.055)**2.4)

# %%
#| export
def from_linear(
    lin:Tensor, # linear light in 0..1
) -> Tensor: # sRGB in 0..1
    "sRGB's transfer curve"
    return torch.where(lin <= .0031308, lin*12.92, 1.055*lin.clamp(min=.0031308)**(1/2.4) - .055)

# %%
v = torch.arange(256)/255
test_close(from_linear(to_linear(v)), v, eps=1e-6)
test_close(to_linear(v[[0, 188, 255]]), torch.tensor([0, .5029, 1]), eps=1e-4)
to_linear(v[[0, 64, 128, 188, 255]])

# %% [markdown]
# ## From sRGB to Lab

# %% [markdown]
# A matrix turns linear red, green and blue into CIE's $X,Y,Z$; $Y$ alone is luminance. Relative to the white of the screen (D65: $X_n,Y_n,Z_n$), each goes through a cube root, which is close to how sensation grows with light, with a straight piece near black:
#
# $$f(t)=\begin{cases}\sqrt[3]{t}&t>\delta^3\\\frac{t}{3\delta^2}+\frac{4}{29}&\text{otherwise,}\end{cases}\qquad\delta=\tfrac{6}{29}$$
#
# $$L=116f\!\left(\tfrac{Y}{Y_n}\right)-16,\quad a=500\left[f\!\left(\tfrac{X}{X_n}\right)-f\!\left(\tfrac{Y}{Y_n}\right)\right],\quad b=200\left[f\!\left(\tfrac{Y}{Y_n}\right)-f\!\left(\tfrac{Z}{Z_n}\right)\right]$$
#
# $L$ runs from 0 to 100; $a$ from green to red, $b$ from blue to yellow. The digits of the matrix are scikit-image's; the white is the sum of its rows, for the reason given in [light and color in NumPy](srgb.ipynb), whose constants these are, with rows already divided by the white. For one color the whole way is five lines of Python. For batches we do the same with tensors; `channel_sums` adds three products where one might call `einsum`, because autocast computes an `einsum` in bfloat16 without asking.

# %%
def lab_of(*rgb):
    lin = [v/12.92 if v <= .04045 else ((v + .055)/1.055)**2.4 for v in rgb]
    x,y,z = [sum(k*o for k,o in zip(row, lin)) for row in RGB_TO_XYZ]
    f = lambda t: t**(1/3) if t > (6/29)**3 else t/(3*(6/29)**2) + 4/29
    return 116*f(y) - 16, 500*(f(x) - f(y)), 200*(f(y) - f(z))

test_close(lab_of(1, 0, 0), (53.2408, 80.0925, 67.2032), eps=.015)
lab_of(1, 0, 0)

# %%
#| export
def channel_sums(
    x:Tensor, # `bs`x3x... pictures
    rows, # three weights for each output channel, plain numbers or an array
) -> Tensor: # `bs`xlen(`rows`)x...
    "Weighted sums of the three channels of `x`"
    r,g,b = x.unbind(1)
    return torch.stack([i*r + j*g + k*b for i,j,k in np.asarray(rows).tolist()], 1)

# %%
#| export
def lab_curve(
    t:Tensor, # tristimulus value relative to white
) -> Tensor: # about 0.138 for black, 1 for white
    "CIE's cube root with a straight line near black"
    return torch.where(t > DELTA**3, t.clamp(min=DELTA**3)**(1/3), t/(3*DELTA**2) + 4/29)

# %%
#| export
@at_least_float32
def rgb_to_lab(
    rgb:Tensor, # sRGB pictures in 0..1, `bs`x3xHxW, any float type
) -> Tensor: # Lab, `bs`x3xHxW: L in 0..100, a and b in about -108..99
    "CIE Lab (D65) of sRGB pictures"
    x,y,z = lab_curve(channel_sums(to_linear(rgb), RGB_TO_XYZ)).unbind(1)
    return torch.stack([116*y - 16, 500*(x - y), 200*(y - z)], 1)

# %% [markdown]
# We compare with two references: with published values for the eight corners of the RGB cube (Lindbloom's, by which scikit-image tests itself as well), and with scikit-image for random colors. One thing is ours: scikit-image's white is not quite the sum of the rows of its matrix, so that there white and every gray come out with $b$ up to 0.0047. Here they come out with 0, and all other colors differ from the reference by as little: nowhere more than 0.006, a hundredth of what one step of an 8-bit channel changes. The NumPy half of the library computes the same to the accuracy of its type.

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
# ## And back

# %% [markdown]
# Each step has an inverse, so the way back is the way there in reverse. But Lab is larger than sRGB: most triples are colors that no screen can show, and their linear light is negative or above 1 in some channel. We leave it so by default. Cutting it off would make the gradient zero exactly where a generator is most wrong and most needs one; `clip=True` is for showing.
#
# What should hold? There and back changes nothing, outside of the cube either. Gradients agree with finite differences (`gradcheck`) and are finite at black and where the pieces of the curves meet. At black both curves are straight lines, so the slope of $L$ is known: $116/(3\delta^2)/12.92=69.9$ for a step in all three channels. A picture in 16 bits comes back in 16 bits, each value the nearest that the type can hold; bfloat16 resolves an $L$ near 100 to a half. And a picture of bytes, 0 to 255, is refused, because 255 would be far whiter than white.

# %%
#| export
def lab_curve_inv(
    f:Tensor, # value of `lab_curve`
) -> Tensor: # tristimulus value relative to white
    "Inverse of `lab_curve`"
    return torch.where(f > DELTA, f**3, 3*DELTA**2*(f - 4/29))

# %%
#| export
@at_least_float32
def lab_to_linear(
    lab:Tensor, # Lab, `bs`x3xHxW
) -> Tensor: # linear sRGB, `bs`x3xHxW, outside 0..1 where the color does not fit
    "Linear light of Lab colors, not clipped"
    L,a,b = lab.unbind(1)
    y = (L + 16)/116
    xyz = lab_curve_inv(torch.stack([y + a/500, y, y - b/200], 1))
    return channel_sums(xyz, XYZ_TO_RGB)

# %%
#| export
@at_least_float32
def lab_to_rgb(
    lab:Tensor, # Lab, `bs`x3xHxW
    clip:bool=False, # cut each channel to 0..1? Zero gradient there: for showing, not for training
) -> Tensor: # sRGB, `bs`x3xHxW
    "sRGB pictures of Lab colors"
    rgb = from_linear(lab_to_linear(lab))
    return rgb.clamp(0, 1) if clip else rgb


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

# %%
for dtype in (torch.half, torch.bfloat16):
    x = pictures.to(dtype)
    assert torch.equal(rgb_to_lab(x), rgb_to_lab(x.float()).to(dtype))
exact = rgb_to_lab(pictures)
with torch.autocast('cpu', torch.bfloat16): assert torch.equal(rgb_to_lab(pictures), exact)
test_fail(lambda: rgb_to_lab((pictures*255).byte()), exc=InputError, contains='divide by 255')
(rgb_to_lab(pictures.bfloat16()).float() - exact).abs().amax((0, 2, 3))

# %% [markdown]
# ## Colors that do not fit

# %% [markdown]
# A generator that answers $L=60$ and a green of chroma 150 wants a color that does not exist on a screen. The usual remedy, cutting each channel to 0..1, changes whatever it likes: a light sky turns from blue to cyan, and lightness, which the photograph *did* tell us, moves as well. We ask for less of the same color instead: the largest factor $k\le1$ with which
#
# $$(L,\;k\,a,\;k\,b)$$
#
# is inside sRGB. Lightness and hue (the angle of $a,b$) stay. On a screen every ray from the gray axis leaves the gamut once, so sixteen bisections find $k$ to a hundred-thousandth; colors that fit already are returned as they are. The gradient flows through the color and takes $k$ for a constant. In @fig-gamut the colors of a photograph are pushed three times as far from gray and brought back in both ways. Look at the saucer: where channels are cut it becomes one glaring red, without the light and shade of the photograph, which remain where chroma is lowered.

# %%
#| export
@at_least_float32
def map_gamut(
    lab:Tensor, # Lab, `bs`x3xHxW, L in 0..100
    steps:int=16, # bisections: the chroma is exact to 2**-steps
    eps:float=1e-4, # how far outside 0..1 linear light may lie
) -> Tensor: # Lab of the same lightness and hue, inside sRGB
    "Chroma lowered along constant hue and lightness until the color fits into sRGB"
    lo,hi = torch.zeros_like(lab[:,:1]),torch.ones_like(lab[:,:1])
    def fits(k):
        lin = lab_to_linear(torch.cat([lab[:,:1], lab[:,1:]*k], 1))
        return ((lin >= -eps) & (lin <= 1 + eps)).all(1, keepdim=True)
    whole = fits(hi)
    for _ in range(steps):
        mid = (lo + hi)/2
        ok = fits(mid)
        lo,hi = torch.where(ok, mid, lo),torch.where(ok, hi, mid)
    return torch.cat([lab[:,:1], lab[:,1:]*torch.where(whole, 1., lo)], 1)

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
# Networks like numbers around one. We divide $L$ by 100 and $a,b$ by 110, which no sRGB color exceeds, so that `tanh`, whose values lie between -1 and 1, can reach every color, and 0 is gray. Two functions go there and back. All chapters and the files of trained models use these scales and no other. @fig-split shows what the two parts are: on the right is all that a colorizer has to find.
#
# $$L'=\frac{L}{100}\in[0,1],\qquad a',b'=\frac{a}{110},\frac{b}{110}\in(-1,1)$$

# %%
#| export
def split_lab(
    rgb:Tensor, # pictures in 0..1, `bs`x3xHxW
) -> tuple[Tensor,Tensor]: # `L` in 0..1 (`bs`x1xHxW), `ab` in about -1..1 (`bs`x2xHxW)
    "Lightness and color of `rgb`, each on the scale a network likes"
    lab = rgb_to_lab(rgb)
    return lab[:,:1]/100, lab[:,1:]/110

# %%
#| export
def join_lab(
    L:Tensor, # lightness in 0..1, `bs`x1xHxW
    ab:Tensor, # color in about -1..1, `bs`x2xHxW
    gamut:bool=True, # lower the chroma of colors that do not fit? Otherwise cut channels
) -> Tensor: # pictures in 0..1, `bs`x3xHxW
    "Pictures from lightness and color: the inverse of `split_lab`"
    lab = torch.cat([L*100, ab*110], 1)
    return lab_to_rgb(map_gamut(lab) if gamut else lab, clip=True)

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

# %%
#| label: fig-split
#| fig-cap: "A photograph, its lightness, and its color at constant lightness: what is given and what must be found."
L,ab = split_lab(pictures)
for gamut in (True, False): test_close(join_lab(L, ab, gamut), pictures, eps=1e-4)
assert ab.abs().max() < 1 and L.min() >= 0 and L.max() <= 1
same = gray.expand(-1, 3, -1, -1)
test_close(split_lab(same)[1], 0, eps=1e-4)
test_close(join_lab(*split_lab(same)), same, eps=1e-4)
L,ab = split_lab(face)
show_row([face[0], L[0], join_lab(torch.full_like(L, .6), ab)[0]], ['photo', 'lightness', 'color, at L = 60'], width=7)

# %% [markdown]
# ## What we have
#
# - Lab and back in torch: batched, any float type, the values of scikit-image but for its white, gradients that are finite everywhere;
# - six grays with names, of which `lstar` keeps lightness;
# - `map_gamut`, `split_lab` and `join_lab`: what the network sees, and how its answer becomes a picture with the lightness it was given; `to_rgb` does that for answers of any kind.

# %% [markdown]
# ## Exercises
#
# 1. Take scikit-image's white instead of the sums of the rows. How far from zero is $b$ of white now, and which tests of this chapter fail?
# 2. Take the `clamp` out of `to_linear` and `from_linear`. Where does the first `nan` appear, and why not in the forward pass?
# 3. Paint the blue of the screen with all, three quarters, half and a quarter of its chroma, at its own lightness and at $L=50$, cut and mapped. Is it the same blue to your eye?
