# %% [markdown]
# # Lab and gray
#
# > Lightness apart from color, in tensors that carry gradients

# %%
#| default_exp lab

# %%
#| export
import torch
from torch import Tensor

# %%
#| export
WHITE = (.95047, 1., 1.08883) # D65, two-degree observer
RGB_TO_XYZ = ((.412453, .357580, .180423), (.212671, .715160, .072169), (.019334, .119193, .950227))

# %%
#| export
def mix(
    x:Tensor, # `bs`x3x... pictures
    m:Tensor, # 3x3 matrix
) -> Tensor: # `bs`x3x..., each output channel a row of `m` times the input channels
    "A 3x3 matrix applied to the channels of `x`"
    return torch.einsum('ij,bj...->bi...', m.to(x), x)

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
#| export
DELTA = 6/29

def lab_curve(
    t:Tensor, # tristimulus value relative to white
) -> Tensor: # about 0.138 for black, 1 for white
    "CIE's cube root with a straight line near black"
    return torch.where(t > DELTA**3, t.clamp(min=DELTA**3)**(1/3), t/(3*DELTA**2) + 4/29)

# %%
#| export
def lab_curve_inv(
    f:Tensor, # value of `lab_curve`
) -> Tensor: # tristimulus value relative to white
    "Inverse of `lab_curve`"
    return torch.where(f > DELTA, f**3, 3*DELTA**2*(f - 4/29))

# %%
#| export
def rgb_to_lab(
    rgb:Tensor, # sRGB pictures in 0..1, `bs`x3xHxW, any float type
) -> Tensor: # Lab, `bs`x3xHxW: L in 0..100, a and b in about -108..99
    "CIE Lab (D65) of sRGB pictures"
    xyz = mix(to_linear(rgb), torch.tensor(RGB_TO_XYZ, dtype=torch.float64))
    x,y,z = lab_curve(xyz/torch.tensor(WHITE, dtype=torch.float64).to(rgb).view(-1, 1, 1)).unbind(1)
    return torch.stack([116*y - 16, 500*(x - y), 200*(y - z)], 1)

# %%
#| export
def lab_to_linear(
    lab:Tensor, # Lab, `bs`x3xHxW
) -> Tensor: # linear sRGB, `bs`x3xHxW, outside 0..1 where the color does not fit
    "Linear light of Lab colors, not clipped"
    L,a,b = lab.unbind(1)
    y = (L + 16)/116
    xyz = lab_curve_inv(torch.stack([y + a/500, y, y - b/200], 1))
    white = torch.tensor(WHITE, dtype=torch.float64).to(lab).view(-1, 1, 1)
    return mix(xyz*white, torch.tensor(RGB_TO_XYZ, dtype=torch.float64).inverse())

# %%
#| export
def lab_to_rgb(
    lab:Tensor, # Lab, `bs`x3xHxW
    clip:bool=False, # cut each channel to 0..1? Zero gradient there: for showing, not for training
) -> Tensor: # sRGB, `bs`x3xHxW
    "sRGB pictures of Lab colors"
    rgb = from_linear(lab_to_linear(lab))
    return rgb.clamp(0, 1) if clip else rgb

# %%
#| export
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
#| export
def luma(
    rgb:Tensor, # sRGB in 0..1, `bs`x3xHxW
    weights:tuple, # one for red, green and blue, with sum 1
) -> Tensor: # gray in 0..1, `bs`x1xHxW
    "Weighted sum of the gamma-encoded channels"
    return (rgb*torch.tensor(weights).to(rgb).view(-1, 1, 1)).sum(1, keepdim=True)

# %%
#| export
def lstar(
    rgb:Tensor, # sRGB in 0..1, `bs`x3xHxW
) -> Tensor: # sRGB value in 0..1 of the gray with the same lightness, `bs`x1xHxW
    "Gray of equal CIE lightness L*: the one that the shipped model is trained with"
    return from_linear(mix(to_linear(rgb), torch.tensor(RGB_TO_XYZ)[1:2]))

# %%
#| export
grays = dict(
    lstar=lstar,
    rec601=lambda rgb: luma(rgb, (.299, .587, .114)),
    rec709=lambda rgb: luma(rgb, (.2126, .7152, .0722)),
    mean=lambda rgb: luma(rgb, (1/3, 1/3, 1/3)),
    ortho=lambda rgb: luma(rgb, (0., .6, .4)))

# %%
#| export
def gray_to_L(
    gray:Tensor, # gray sRGB value in 0..1, `bs`x1xHxW
) -> Tensor: # L in 0..1, `bs`x1xHxW
    "Lightness of a gray picture, on the scale a network likes"
    return (1.16*lab_curve(to_linear(gray)) - .16)

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
