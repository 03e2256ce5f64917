# %% [markdown]
# # U-Net
#
# > Two generators: one from scratch, and one that has already seen a million photographs
#
# A generator must know *what* it looks at, for which it has to see much of the picture at once, and *where* the edges are, for which it has to see every pixel. A U-Net does both: it shrinks the picture step by step until one cell sees most of it, enlarges it again, and at each size adds what it knew on the way down. At the end of this chapter we have two: the generator of the oldest system in this book, S0, to the last weight, and the one that ships with colorbook, whose way down is a network trained to recognize a thousand kinds of things.

# %%
#| default_exp models.unet

# %% tags=["parameters"]
size,bs,seed = 96,2,7

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from torchvision.models import mobilenet_v2
from colorbook.core import InputError

# %%
#| hide
import tempfile, numpy as np, pandas as pd, matplotlib.pyplot as plt
from pathlib import Path
from fastcore.test import *
from colorbook.data.photos import sample_photos, weights_file
from colorbook.color.lab import join_lab, show_row, split_lab

# %% [markdown]
# ## From scratch

# %% [markdown]
# S0 has five blocks down and five up, all with 3x3 kernels. A block down is a convolution of stride 2, batch norm and a leaky ReLU; a block up is a transposed convolution of stride 2, batch norm and a ReLU. Sizes mirror each other, so on the way up each block's output has the size of something that was there on the way down, and the two are *added* (many U-Nets concatenate them instead, at the price of twice the channels):
#
# $$x_{i}=u_i(x_{i+1})+d_i,\qquad d_i=\text{down}_i(d_{i-1}),\qquad x_5=d_5$$
#
# The last block has no norm and ends in `tanh`, because S0 answers with the whole picture as RGB in -1..1. Weights start normal with $\sigma=\sqrt{2/(k^2c_\text{out})}$, which keeps the scale of gradients on their way back. The same shape with concatenation is the generator of @isola2017, and both descend from @ronneberger2015.

# %%
#| export
def he_init(
    net:nn.Module, # changed in place
) -> nn.Module: # the same
    "S0's start: normal weights with standard deviation sqrt(2/(k*k*channels out))"
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(m.weight, 0, (2/(m.kernel_size[0]*m.kernel_size[1]*m.out_channels))**.5)
    return net

# %%
#| export
def down(
    ni:int, # channels in
    nf:int, # channels out
    ks:int=3, # side of the kernel
    stride:int=2, # 2 halves the size
    pad:int=1, # zeros at each edge
) -> nn.Sequential: # convolution without bias, batch norm, leaky ReLU of slope 0.1
    "S0's block on the way down: half the size"
    conv = nn.Conv2d(ni, nf, ks, stride, pad, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(nf), nn.LeakyReLU(.1, inplace=True))

# %%
#| export
def up(
    ni:int, # channels in
    nf:int, # channels out
) -> nn.Sequential: # transposed convolution without bias, batch norm, ReLU
    "S0's block on the way up: twice the size"
    conv = nn.ConvTranspose2d(ni, nf, 3, 2, 1, output_padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(nf), nn.ReLU())

# %%
#| export
class S0Generator(nn.Module):
    "S0's generator: five halvings and five doublings with skips that are added, from L to RGB in -1..1"
    def __init__(self):
        super().__init__()
        enc,dec = [1, 64, 128, 256, 512, 512],[512, 512, 256, 128, 64]
        self.downs = nn.ModuleList([down(i, o) for i,o in zip(enc, enc[1:])])
        self.ups = nn.ModuleList([up(i, o) for i,o in zip(dec, dec[1:])])
        self.head = nn.ConvTranspose2d(64, 3, 3, 2, 1, output_padding=1, bias=False)
        he_init(self)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, any size
    ) -> Tensor: # RGB in -1..1, `bs`x3xHxW
        h,w = L.shape[-2:]
        x,skips = F.pad(L, (0, -w%32, 0, -h%32), mode='replicate'),[]
        for d in self.downs:
            x = d(x)
            skips.append(x)
        for u,skip in zip(self.ups, skips[-2::-1]): x = u(x) + skip
        return self.head(x).tanh()[...,:h,:w]
    def color(self, out): return out

# %% [markdown]
# The published code has 7,822,342 parameters; six of them belong to a batch norm of the last block that its forward pass never uses, and we leave them out: 7,822,336. A sum done by hand agrees, nine weights for each pair of channels and two for each channel of a norm. Nearly all of them sit in the middle, where the picture is small (@tbl-s0, @fig-unet): what is dear in parameters is cheap in time.

# %%
#| label: tbl-s0
#| tbl-cap: "S0's generator, block by block, for a picture of 224 pixels."
def count(net): return sum(o.numel() for o in net.parameters())

@torch.no_grad()
def table_of(net, blocks, x):
    rows = []
    def note(name): return lambda m,_,out: rows.append((name, out.shape[1], out.shape[-1], count(m)))
    hooks = [m.register_forward_hook(note(k)) for k,m in blocks.items()]
    net.eval()(x)
    for o in hooks: o.remove()
    return pd.DataFrame(rows, columns=['block', 'channels', 'size', 'parameters'])

torch.manual_seed(seed)
s0 = S0Generator()
blocks = {f'{k} {i}': m for k,ms in (('down', s0.downs), ('up', s0.ups)) for i,m in enumerate(ms, 1)}
blocks['head'] = s0.head
table = table_of(s0, blocks, torch.rand(1, 1, 224, 224))
pairs = [1*64, 64*128, 128*256, 256*512, 512*512, 512*512, 512*256, 256*128, 128*64, 64*3]
test_eq(sum(9*o for o in pairs) + 2*(64 + 128 + 256 + 512 + 512 + 512 + 256 + 128 + 64), 7_822_336)
test_eq(table.parameters.sum(), count(s0))
test_eq((count(s0), list(table['size'])), (7_822_336, [112, 56, 28, 14, 7, 14, 28, 56, 112, 224]))
table

# %%
#| label: fig-unet
#| fig-cap: "S0's generator: height is the size, width the channels. Gray is the input; arrows are additions."
def draw_u(table):
    fig,ax = plt.subplots(figsize=(9, 3.2))
    x,middles = 0,[]
    for block,channels,side,_ in [('L', 1, 224, 0), *table.itertuples(index=False)]:
        w,fc = 4 + channels/16,dict(L='.4', d='#4c78a8').get(block[0], '#f58518')
        ax.add_patch(plt.Rectangle((x, -side/2), w, side, fc=fc, ec='w'))
        ax.text(x + w/2, -side/2 - 4, f'{channels}\n{side}²', ha='center', va='top', fontsize=8)
        middles.append((x + w/2, side/2))
        x += w + 12
    for i in range(1, 5):
        (a,y),(b,_) = middles[i],middles[10 - i]
        arrow = dict(arrowstyle='->', color='.5', connectionstyle='arc3,rad=-.12')
        ax.annotate('', (b, y + 2), (a, y + 2), arrowprops=arrow)
    ax.set(xlim=(-5, x), ylim=(-150, 135))
    ax.axis('off')

draw_u(table)

# %% [markdown]
# Five halvings want a multiple of 32. Other sizes are padded at the right and below by repeating the edge, and the answer is cut back, so any size goes, one pixel included. That the skips are added can be seen by taking the whole way up away: with the last `up` block silenced, what remains is the head on the first block's output, and nothing else.

# %%
with torch.no_grad():
    for h,w in ((224, 224), (33, 65), (31, 1), (1, 1), (50, 97)):
        out = s0(torch.rand(1, 1, h, w))
        test_eq(out.shape, (1, 3, h, w))
        assert out.abs().max() <= 1
    whole = torch.rand(1, 1, 64, 64)
    whole[...,50:] = whole[...,49:50] # what padding makes of a picture 50 pixels wide
    test_close(s0(whole[...,:50]), s0(whole)[...,:50], eps=1e-6)
    kept = s0.ups[-1]
    s0.ups[-1] = nn.Sequential(kept, nn.Threshold(torch.inf, 0))
    test_close(s0(whole), s0.head(s0.downs[0](whole)).tanh(), eps=1e-6)
    s0.ups[-1] = kept
out.abs().max()

# %% [markdown]
# ## What one cell sees

# %% [markdown]
# A cell at the bottom is computed from a square of the input, its *receptive field*. Each 3x3 kernel adds two cells to the side, and a cell of block $i$ is $2^{i-1}$ pixels of the input apart from its neighbor:
#
# $$r=1+\sum_{i=1}^{5}2\cdot2^{i-1}=63$$
#
# So S0 never sees more than 63 pixels at once in its deepest cell: at 224 a face, not a room. We need not trust the formula. The gradient of one cell with respect to the input is different from zero exactly where the cell looks (batch norm must use its stored statistics, or it connects everything with everything). A pixel of the output lies between two bottom cells in each direction and so sees $63+32=95$ pixels, but it looks hardest at what is close (@fig-field).

# %%
#| label: fig-field
#| fig-cap: "Where a cell at the bottom (left) and a pixel of the output (right) look: cube root of the gradient."
def field_of(f, L):
    L = L.clone().requires_grad_()
    return torch.autograd.grad(f(L), L)[0][0,0].abs()

def extent(field): return [(o[-1] - o[0] + 1).item() for o in (field.sum(d).nonzero()[:,0] for d in (1, 0))]

L = torch.rand(1, 1, 224, 224)
cell = field_of(lambda o: nn.Sequential(*s0.downs)(o)[0,:,3,3].sum(), L)
pixel = field_of(lambda o: s0(o)[0,:,112,112].sum(), L)
test_eq(extent(cell), [63, 63])
test_eq(extent(pixel), [95, 95])
bright = [(o[None]/o.max())**(1/3) for o in (cell, pixel)]
show_row(bright, [f'{extent(o)[0]} pixels' for o in (cell, pixel)], width=5)

# %% [markdown]
# ## A quarter is enough

# %% [markdown]
# S0 spends its last two blocks, the ones that work on the largest pictures, on drawing again the edges that it was given. The eye sees color far less sharply than light; television and JPEG have stored it at half the size since they exist. How small may it be? We take true photographs, average their *own* $a,b$ over squares of $k$ pixels, enlarge it again and join it to the full lightness. What is lost is the ceiling for any generator that works at that size, even if it guesses every color right. At a quarter it lies above 30 dB, while published colorizers reach 24 to 27 dB without hints, each on its own set: it costs next to nothing, and the network is done two doublings earlier. At an eighth color bleeds over edges where one can see it (@fig-quarter); [chapter 17](../imaging/colorizer.ipynb) enlarges with the full lightness as guide and wins some of it back.

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
# That grass is green cannot be learned from a few thousand photographs as well as from a million. MobileNetV2 [@sandler2018] has seen these, in color, and is small enough for a phone. We cut its layers where the size halves, into five stages. Its first convolution wants three normalized channels, and we have one, $x=2L-1$. A gray picture puts the same $g=(x+1)/2$ into all three, so the sum over channels can be done once, in the weights. With the normalization $(g-m_c)/s_c$ and weights $W_c$,
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
TF_NORM = (.5,)*3,(.5,)*3
TORCH_NORM = (.485, .456, .406),(.229, .224, .225)

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
    feats[0][0] = fold_gray(feats[0][0], feats[0][1], *(TF_NORM if classes == 1001 else TORCH_NORM))
    pad_same(feats)
    return nn.ModuleList([feats[:2], feats[2:4], feats[4:7], feats[7:14], feats[14:18]])

# %% [markdown]
# The proof is a network with arbitrary weights: on a gray picture, normalized the way its family does, the original's first stage gives what ours gives on $L$ alone. TensorFlow's family agrees to the edge. Torchvision's agrees inside: at the edge its zeros meant the mean color and ours mean middle gray, and because its padding begins one pixel earlier, it is given the picture without the first row and column.

# %%
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
# Weights of one's own come from a file: a state dict of torchvision's layout in any float type, with the classifier or without. Anything else is refused by name.

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
# ## The generator that ships

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
    "The product's generator: MobileNetV2 down, three light steps up, color at a quarter of the size"
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

# %%
#| label: tbl-mobile
#| tbl-cap: "The product's generator for a picture of 256 pixels, with its 313 classes."
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
# One thing that a forward pass never shows is a parameter that does not learn. One step back from the output must reach every one of them, in both generators.

# %%
def without_gradient(net):
    net.train().zero_grad()
    net(torch.rand(bs, 1, size, size)).square().mean().backward()
    return [k for k,p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]

for net in (s0, mobile, MobileUNet(2)): test_eq(without_gradient(net), [])
mobile.head.weight.requires_grad_(False)
test_eq(without_gradient(mobile), ['head.weight'])
count(s0),count(mobile)

# %% [markdown]
# What do the stages see? @fig-features shows, for each, the four maps that vary most over one photograph, with pretrained weights where they are at hand (else with random ones, which see edges, too, but no things). Early maps are drawings; late ones mark places. The way up has to bring the two together.

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
# - `S0Generator`, with exactly S0's 7,822,336 parameters, for pictures of any size;
# - `MobileUNet`, whose encoder takes TensorFlow's or torchvision's MobileNetV2 weights and whose answer has a quarter of the size;
# - the reasons for both: how far one cell sees, and how small color may be.

# %% [markdown]
# ## Exercises
#
# 1. Replace the sum in `S0Generator.forward` by a concatenation. Which numbers in @tbl-s0 change, and by how much?
# 2. Average the photo instead of its $a,b$ in *A quarter is enough*, as the target `ab4` does. Which of the two has the higher ceiling, and why do we train with the other?
# 3. Measure the receptive field of `MobileUNet` with and without `look`, at 640 pixels.
