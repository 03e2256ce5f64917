# %% [markdown]
# # The first model's U-Net
#
# > A generator whose way down has already seen a million photographs
#
# A [U-Net](s0.ipynb) from scratch has to learn what things are from the photographs that it learns to color. The generator of this chapter begins with a way down that was trained to recognize a thousand kinds of things, and colors at a quarter of the size, because the eye sees color less sharply than light. We measure what the quarter costs. colorbook's first model was this network; [the one that ships today](encoder_unet.ipynb#efficientnet-lite0-from-a-package) has the same way up and another way down.

# %%
#| default_exp models.unet

# %% tags=["parameters"]
size,bs,seed = 96,2,7

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from torchvision.models import mobilenet_v2
from colorbook.color.bins import AnnealedMean
from colorbook.core import InputError
from colorbook.models.layers import IMAGENET_NORM, TF_NORM
from colorbook.models.registry import generators

# %%
#| hide
import tempfile, numpy as np, pandas as pd
from pathlib import Path
from fastcore.test import *
from colorbook.data.photos import sample_photos, weights_file
from colorbook.color.lab import join_lab, show_row, split_lab

# %% [markdown]
# ## A quarter is enough

# %% [markdown]
# [S0](s0.ipynb) spends its last two blocks, the ones that work on the largest pictures, on drawing again the edges that it was given. The eye sees color far less sharply than light, and television and JPEG have long stored it at half the size. How small may it be? We take true photographs, average their *own* $a,b$ over squares of $k$ pixels, enlarge them again and join them to the full lightness. The PSNR that remains is the best that any generator of that size can reach, even if it guesses every color right.
#
# At a quarter it is still above 30 dB, while published colorizers reach 24 to 27 dB without hints, each on its own set. So a quarter costs next to nothing, and the network is done two doublings earlier. In @fig-quarter follow the edges from left to right: at an eighth color begins to bleed over them where one can see it. ([The colorizer](../imaging/colorizer.ipynb) enlarges with the full lightness as guide and wins some of it back.)

# %%
def psnr(a, b): return -10*((a - b)**2).mean((1, 2, 3)).log10()

rgb = torch.stack([torch.from_numpy(np.array(o)).permute(2, 0, 1)/255 for o in sample_photos(256)])
L,ab = split_lab(rgb)
def at(k): return join_lab(L, F.interpolate(F.avg_pool2d(ab, k), scale_factor=float(k), mode='bilinear'))
small = {k: at(k) for k in (2, 4, 8, 16)}
ceiling = pd.Series({f'1/{k}': psnr(o, rgb).mean().item() for k,o in small.items()}, name='PSNR')
ceiling['gray'] = psnr(join_lab(L, ab*0), rgb).mean().item()
assert ceiling.is_monotonic_decreasing and ceiling['1/4'] > 30 and ceiling['gray'] < 25
ceiling.round(1)

# %%
#| label: fig-quarter
#| fig-cap: "True color at ever smaller size under the full lightness, a detail of 96 pixels."
detail = np.s_[0,:,70:166,80:176]
show_row([rgb[detail], *(o[detail] for o in small.values())], ['photo', *(f'color at 1/{k}' for k in small)])

# %% [markdown]
# ## A way down that has seen the world

# %% [markdown]
# What grass looks like can be learned better from a million photographs than from a few thousand. MobileNetV2 [@sandler2018] has seen a million, in color, and is small enough for a phone. We cut its layers where the size halves, into five stages. Its first convolution wants three normalized channels, and we have one, $x=2L-1$. A gray picture puts the same $g=(x+1)/2$ into all three, so the sum over channels can be done once, in the weights. With the normalization $(g-m_c)/s_c$ and weights $W_c$,
#
# $$\sum_c W_c * \frac{g-m_c}{s_c}=\Big(\sum_c\frac{W_c}{2s_c}\Big) * x+\sum_c\frac{.5-m_c}{s_c}\textstyle\sum W_c,$$
#
# and the constant moves into the batch norm behind it. Weights of TensorFlow's family (1,001 classes) were trained with $m=s=\frac12$, torchvision's (1,000, or the classifier cut off) with the means and deviations of ImageNet. All convolutions of stride 2 are padded TensorFlow's way, at the right and below, whatever the weights: the networks that were trained the other way see everything half a cell off, which the first steps of training repair, and there is one architecture instead of two that look the same in a file.

# %%
#| export
class SamePad(nn.Module):
    "Zeros at the right and bottom edge: TensorFlow's padding for 3x3 convolutions of stride 2 on even sizes"
    def forward(self, x): return F.pad(x, (0, 1, 0, 1))

# %%
#| export
def pad_same(
    net:nn.Module, # changed in place
):
    "Give every convolution of stride 2 TensorFlow's padding"
    for m in list(net.modules()):
        for name,c in list(m.named_children()):
            if isinstance(c, nn.Conv2d) and c.stride == (2, 2):
                c.padding = (0, 0)
                setattr(m, name, nn.Sequential(SamePad(), c))

# %%
#| export
def fold_gray(
    conv:nn.Conv2d, # for three channels, normalized by `mean` and `std`
    norm:nn.BatchNorm2d, # what follows it; its running mean is changed in place
    mean:tuple, # of each channel, for pictures in 0..1
    std:tuple, # of each channel
) -> nn.Conv2d: # for one channel in -1..1, with the same answer to gray pictures
    "The first convolution of a color network made into one for gray"
    gray = nn.Conv2d(1, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, bias=False)
    m,s = (torch.tensor(o).view(1, 3, 1, 1) for o in (mean, std))
    gray.weight.data = (conv.weight.data*.5/s).sum(1, keepdim=True)
    norm.running_mean -= (conv.weight.data*(.5 - m)/s).sum((1, 2, 3))
    return gray

# %%
#| export
def load_mobile(
    net:nn.Module, # torchvision's MobileNetV2, changed in place
    state:dict, # its weights, with or without classifier
):
    "Weights into a MobileNetV2, or an `InputError` that says why they do not fit"
    try: missing,extra = net.load_state_dict(state, strict=False)
    except RuntimeError as e: missing,extra = [],[str(e)]
    wrong = extra + [o for o in missing if o.startswith('features')]
    if wrong: raise InputError(f'these are no weights of MobileNetV2 1.0: {wrong[0]}', "give torchvision's")

# %%
#| export
def mobile_encoder(
    state:dict=None, # weights of torchvision's layout, with or without classifier
) -> nn.ModuleList: # five stages, at 1/2 to 1/32 of the size, with 16, 24, 32, 96 and 320 channels
    "MobileNetV2's features, cut where the size halves, for one gray channel"
    classes = 1001 if state is None else len(state.get('classifier.1.bias', range(1000)))
    net = mobilenet_v2(num_classes=classes)
    if state is not None: load_mobile(net, state)
    feats = net.features[:18]
    feats[0][0] = fold_gray(feats[0][0], feats[0][1], *(TF_NORM if classes == 1001 else IMAGENET_NORM))
    pad_same(feats)
    return nn.ModuleList([feats[:2], feats[2:4], feats[4:7], feats[7:14], feats[14:18]])

# %% [markdown]
# To test the formula we take a network with random weights. On a gray picture, normalized the way its family does, the original's first stage must give what ours gives on $L$ alone. For TensorFlow's family it does so up to the edge. For torchvision's it does so inside only: at the edge its zeros meant the mean color and ours mean middle gray. (And because its padding begins one pixel earlier, it is given the picture without the first row and column.)

# %%
def count(net): return sum(o.numel() for o in net.parameters())

def original(classes):
    torch.manual_seed(seed)
    net = mobilenet_v2(num_classes=classes)
    norm = net.features[0][1]
    for o in (norm.running_mean, norm.bias.data): nn.init.normal_(o)
    return net.eval(),net.features[0][0]

g = torch.rand(1, 1, 64, 64)
for classes,(mean,std) in ((1001, ((.5,)*3, (.5,)*3)), (1000, ((.485, .456, .406), (.229, .224, .225)))):
    net,first = original(classes)
    ours = mobile_encoder(net.state_dict()).eval()[0](g*2 - 1)
    color = (g.expand(-1, 3, -1, -1) - torch.tensor(mean).view(3, 1, 1))/torch.tensor(std).view(3, 1, 1)
    if classes == 1001:
        first.padding = (0, 0)
        test_close(ours, net.features[:2](F.pad(color, (0, 1, 0, 1))), eps=1e-4)
    else: test_close(ours[...,2:-2,2:-2], net.features[:2](color[...,1:,1:])[...,2:-2,2:-2], eps=1e-4)
assert ours.std() > .1
ours.shape,ours.std()

# %% [markdown]
# Weights can come from a file: a state dict of torchvision's layout in any float type, with the classifier or without. Weights of other networks are refused, with the name of the first one that does not fit.

# %%
own = {k: v.half() if v.is_floating_point() else v for k,v in original(1000)[0].state_dict().items()}
file = Path(tempfile.mkdtemp())/'own.pth'
torch.save({k: v for k,v in own.items() if not k.startswith('classifier')}, file)
loaded = mobile_encoder(torch.load(file, weights_only=True))
test_close(loaded.eval()[0](g*2 - 1), ours, eps=.02)
test_fail(lambda: mobile_encoder({'conv1.weight': torch.zeros(1)}), exc=InputError, contains='conv1.weight')
wide = mobilenet_v2(width_mult=1.4).state_dict()
test_fail(lambda: mobile_encoder(wide), exc=InputError, contains='MobileNetV2 1.0')
[count(o) for o in loaded]

# %% [markdown]
# ## The generator of the first model

# %% [markdown]
# Five stages go down to a 32nd; three steps go up, to a quarter. Each step enlarges by two with bilinear interpolation, which leaves no checkerboard as transposed convolutions like to, concatenates what the encoder knew at this size, and mixes the two with a 3x3 convolution. At the bottom the mean over the whole picture is added to each cell, through a 1x1 convolution: "this is a beach" is known everywhere, whatever the receptive field.
#
# What comes out depends on the loss: two channels are $a,b$ themselves, 313 are scores of color classes, which a module given as `color` turns into $a,b$. The parameters come in two groups, because an encoder that knows something already should learn more slowly. Padding and sizes are the caller's business here: the artifact is made for multiples of 32.

# %%
#| export
def conv(
    ni:int, # channels in
    nf:int, # channels out
    ks:int=3, # side of the kernel
) -> nn.Sequential: # convolution without bias, batch norm, ReLU
    "A convolution that keeps the size"
    return nn.Sequential(nn.Conv2d(ni, nf, ks, padding=ks//2, bias=False), nn.BatchNorm2d(nf), nn.ReLU(inplace=True))

# %%
#| export
class MobileUNet(nn.Module):
    "The first model's generator: MobileNetV2 down, three light steps up, color at a quarter of the size"
    def __init__(self,
        n_out:int=313, # channels: 313 bins, or 2 for color itself
        widths:tuple=(256, 192, 128, 64), # channels at 1/32, 1/16, 1/8 and 1/4 of the size
        state:dict=None, # MobileNetV2 weights for the encoder
        color:nn.Module=None, # turns the output into color in about -1..1; None where it is color already
    ):
        super().__init__()
        self.encoder = mobile_encoder(state)
        skips = (96, 32, 24)
        self.bottom = conv(320, widths[0], 1)
        self.look = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(widths[0], widths[0], 1))
        self.ups = nn.ModuleList([conv(w + s, o) for w,s,o in zip(widths, skips, widths[1:])])
        self.head = nn.Conv2d(widths[-1], n_out, 1)
        self.color = color or nn.Identity()
    def groups(self):
        "Parameters of the encoder, and all others"
        first = list(self.encoder.parameters())
        ids = {id(p) for p in first}
        return [first, [p for p in self.parameters() if id(p) not in ids]]
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, sides multiples of 32
    ) -> Tensor: # `bs`x`n_out`xH/4xW/4
        if not torch.compiler.is_exporting() and any(o%32 for o in L.shape[-2:]):
            raise InputError(f'{L.shape[-1]}x{L.shape[-2]} pixels: sides are no multiples of 32', 'resize or pad first')
        x,skips = L*2 - 1,[]
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        x = self.bottom(x)
        x = x + self.look(x)
        for up,skip in zip(self.ups, skips[3:0:-1]):
            x = up(torch.cat([F.interpolate(x, scale_factor=2., mode='bilinear', align_corners=False), skip], 1))
        return self.head(x)

@generators('mobile', output='bins4', weights='mobilenet_v2')
def _mobile(state=None): return MobileUNet(state=state, color=AnnealedMean())

@generators('mobile_ab', output='ab4', weights='mobilenet_v2')
def _mobile_ab(state=None): return MobileUNet(2, state=state)

@generators('mobile_scratch', output='ab4')
def _mobile_scratch(): return MobileUNet(2)

# %%
#| label: tbl-mobile
#| tbl-cap: "The first model's generator for a picture of 256 pixels, with its 313 classes."
@torch.no_grad()
def table_of(net, blocks, x):
    rows = []
    def note(name): return lambda m,_,out: rows.append((name, out.shape[1], out.shape[-1], count(m)))
    hooks = [m.register_forward_hook(note(k)) for k,m in blocks.items()]
    net.eval()(x)
    for o in hooks: o.remove()
    return pd.DataFrame(rows, columns=['block', 'channels', 'size', 'parameters'])

torch.manual_seed(seed)
mobile = MobileUNet()
blocks = {f'stage {i}': m for i,m in enumerate(mobile.encoder, 1)} | dict(bottom=mobile.bottom, look=mobile.look)
blocks |= {f'up {i}': m for i,m in enumerate(mobile.ups, 1)} | dict(head=mobile.head)
table = table_of(mobile, blocks, torch.rand(1, 1, 256, 256))
test_eq(list(table['size']), [128, 64, 32, 16, 8, 8, 1, 16, 32, 64, 64])
test_eq(list(table.channels[:5]), [16, 24, 32, 96, 320])
test_eq(table.parameters.sum(), count(mobile))
test_eq([sum(p.numel() for p in o) for o in mobile.groups()], [table.parameters[:5].sum(), table.parameters[5:].sum()])
test_eq(MobileUNet(2)(torch.rand(bs, 1, 32, 64)).shape, (bs, 2, 8, 16))
test_fail(lambda: mobile(torch.rand(1, 1, 250, 256)), exc=InputError, contains='256x250')
table

# %% [markdown]
# A forward pass does not show whether every parameter learns. One step back from the output must reach them all; the cell also freezes one layer, to see that the test would find it.

# %%
def without_gradient(net):
    net.train().zero_grad()
    net(torch.rand(bs, 1, size, size)).square().mean().backward()
    return [k for k,p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]

for net in (mobile, MobileUNet(2)): test_eq(without_gradient(net), [])
mobile.head.weight.requires_grad_(False)
test_eq(without_gradient(mobile), ['head.weight'])
count(mobile)

# %% [markdown]
# What do the stages see? @fig-features shows, for each, the four maps that vary most over one photograph, with pretrained weights where they are at hand (else with random ones, which see edges, too, but no things). On the left the maps are drawings of edges, on the right a few bright cells that mark places. The way up has to bring the two together.

# %%
#| label: fig-features
#| fig-cap: "A photograph and, for each stage of the encoder, the four maps that vary most."
weights = weights_file('mobilenet_v2-tf-imagenet.pth')
state = torch.load(weights, weights_only=True) if weights else None
x,maps = L[:1]*2 - 1,[rgb[0]]
for stage in mobile_encoder(state).eval():
    with torch.no_grad(): x = stage(x)
    best = x[0][x[0].std((1, 2)).topk(4).indices]
    lo,hi = best.amin((1, 2), keepdim=True),best.amax((1, 2), keepdim=True)
    a,b,c,d = (best - lo)/(hi - lo)
    maps.append(torch.cat([torch.cat([a, b], 1), torch.cat([c, d], 1)])[None])
test_eq([o.shape[-1] for o in maps], [256, 256, 128, 64, 32, 16])
show_row(maps, ['photo', *(f'1/{2**i}' for i in range(1, 6))])

# %% [markdown]
# ## What we have
#
# - `MobileUNet`, whose encoder takes TensorFlow's or torchvision's MobileNetV2 weights and whose answer has a quarter of the size;
# - the reason for the quarter: how small color may be;
# - three entries in the table of generators, with classes, with color itself, and without the pretrained way down.

# %% [markdown]
# ## Exercises
#
# 1. Average the photo instead of its $a,b$ in *A quarter is enough*, as the target `ab4` does. Which of the two has the higher ceiling?
# 2. Measure the receptive field of `MobileUNet` with and without `look`, at 640 pixels.
