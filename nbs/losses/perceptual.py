# %% [markdown]
# # Perceptual loss
#
# > Comparing pictures by the features of a network that recognizes things
#
# A perceptual loss compares two pictures by what a network that has learned to recognize things makes of them. S2 wished for one and S3 trained with it. Such a network wants whole pictures, and a generator of color answers with $ab$ alone, so the lightness has to be joined to it first. Then we measure which errors of color the loss finds worse than others.

# %%
#| default_exp losses.perceptual

# %% tags=["parameters"]
size,seed = 64,9

# %%
#| export
import torch, torch.nn.functional as F
from pathlib import Path
from torch import nn, Tensor
from torchvision.models import vgg16, VGG16_Weights
from colorbook.core import InputError, UsageError
from colorbook.data.photos import weights_file
from colorbook.color.lab import lab_to_rgb
from colorbook.losses.content import content_losses, L1Loss, SumLoss
from colorbook.models.layers import Normalize

# %%
#| hide
import tempfile, numpy as np, pandas as pd
from fastai.vision.all import DataLoaders, Learner, noop, ProgressCallback
from fastcore.test import *
from colorbook.data.photos import sample_photos
from colorbook.color.lab import join_lab, show_row, split_lab
from colorbook.losses.content import L2Loss, TotalVariationLoss

# %% [markdown]
# ## Where the lightness comes from

# %% [markdown]
# Features of pictures want pictures. Where the generator answers in RGB, as S0's does, it has made one; where it answers with $ab$, the lightness it was asked with is needed. So every content loss is called with three things, the answer, the truth and the lightness. A plain Learner calls its loss with the answer and the truth only; in [training](../training/gan.ipynb) the callback puts the lightness beside the truth of each batch.
#
# The picture is not clipped to what a screen can show, because a clipped color has no gradient.

# %%
#| export
def as_rgb(
    color:Tensor, # ab in about -1..1 or RGB in -1..1, `bs`xCxhxw
    L:Tensor=None, # lightness in 0..1 at any size, `bs`x1xHxW; RGB does without
) -> Tensor: # RGB in about 0..1, `bs`x3xhxw, not clipped
    "The picture of a color, at the color's size"
    if color.shape[1] == 3: return color/2 + .5
    if L is None: raise UsageError('this loss needs the lightness to make pictures of ab', 'call it with L, too')
    return lab_to_rgb(torch.cat([F.interpolate(L, color.shape[-2:], mode='area')*100, color*110], 1))

# %%
rgb = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size=size)]).permute(0, 3, 1, 2)/255
L,ab = split_lab(rgb)
test_close(as_rgb(ab, L), rgb, eps=1e-4)
test_fail(lambda: as_rgb(ab), exc=UsageError, contains='needs the lightness')
test_close(as_rgb(rgb*2 - 1), rgb, eps=1e-6)
small = as_rgb(F.avg_pool2d(ab, 4), L)
test_close(split_lab(small)[0], F.avg_pool2d(L, 4), eps=1e-3)
list(ab.shape)

# %% [markdown]
# ## What a recognizer notices

# %% [markdown]
# A perceptual loss [@johnson2016] compares not the colors of pixels but what a network that has learned to recognize things makes of them. A texture that is shifted by a pixel changes every pixel and hardly a feature; a face painted green changes features a lot. With $\phi$ the features of some layer,
#
# $$\ell_\phi=\lambda\,\frac1N\sum_n\left|\phi(\hat x)_n-\phi(x)_n\right|.$$
#
# S3 takes VGG-16 [@simonyan2015] up to its seventh convolution (`conv3_3`), *before* the ReLU, and the absolute difference, with a weight of 5. That is `vgg('conv3_3')`, with torchvision's weights where they can be had. The other network is VGG-19 up to `relu3_1` with weights rescaled to a mean activation of one, as they are used for textures, read from a file. Both take RGB in 0..1 and normalize it themselves. They never learn: their weights stay as they are, and the gradient passes through them to the picture.

# %%
#| export
def frozen(net): return net.eval().requires_grad_(False)

# %%
#| export
conv_index = dict(conv1_2=2, conv2_2=7, conv3_3=14, conv4_3=21)

def vgg(
    layer:str='conv3_3', # key of `conv_index`: the last convolution, without its ReLU
    pretrained:bool=True, # torchvision's weights? Otherwise random ones
) -> nn.Sequential: # frozen; RGB in 0..1 to features
    "VGG-16 (Simonyan and Zisserman 2015) up to a convolution, before its ReLU: S3's features"
    if layer not in conv_index: raise UsageError(f"there is no layer '{layer}'", f"choose {', '.join(conv_index)}")
    net = vgg16(weights=VGG16_Weights.IMAGENET1K_V1 if pretrained else None).features[:conv_index[layer] + 1]
    for m in net:
        if isinstance(m, nn.ReLU): m.inplace = False
    return frozen(nn.Sequential(Normalize(), *net))

# %%
#| export
def vgg19(
    path=None, # file of weights; by default `vgg19-normalised-relu3_1.pth` in the folder `COLORBOOK_WEIGHTS`
) -> nn.Sequential: # frozen; RGB in 0..1 to features
    "VGG-19 up to relu3_1 with normalized activations and reflecting edges; an `InputError` where there is no file"
    path = Path(path) if path else weights_file('vgg19-normalised-relu3_1.pth')
    if not path or not path.exists(): raise InputError(f'no VGG-19 weights at {path}', 'use vgg(), from torchvision')
    layers = [nn.Conv2d(3, 3, 1)]
    for ni,no,pool in ((3, 64, 0), (64, 64, 1), (64, 128, 0), (128, 128, 1), (128, 256, 0)):
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(ni, no, 3), nn.ReLU()] + [nn.MaxPool2d(2, ceil_mode=True)]*pool
    net = nn.Sequential(*layers)
    net.load_state_dict(torch.load(path, weights_only=True))
    return frozen(net)

# %%
#| export
def small_vgg(
    nf:int=8, # channels of the first convolution
    seed:int=0,
    padding:str='reflect', # `padding_mode` of the convolutions
) -> nn.Sequential: # frozen; RGB in 0..1 to features
    "VGG's form with few channels and random weights, for tests"
    gen,layers = torch.Generator().manual_seed(seed),[Normalize()]
    lasts = nn.ReLU(),nn.MaxPool2d(2),nn.ReLU(),nn.Identity()
    for ni,no,last in zip((3, nf, nf, 2*nf), (nf, nf, 2*nf, 2*nf), lasts):
        conv = nn.Conv2d(ni, no, 3, padding=1, padding_mode=padding)
        with torch.no_grad(): conv.weight.copy_(torch.randn(conv.weight.shape, generator=gen)*(2/(9*ni))**.5)
        nn.init.zeros_(conv.bias)
        layers += [conv, last]
    return frozen(nn.Sequential(*layers))

# %% [markdown]
# The cell checks that S3's features end where they should: the last layer is the seventh convolution, its output has a quarter of the side, and some of its values are negative, so no ReLU has been applied. Printed is the mean activation of VGG-19, to be about one, or, where its weights are not at hand, that of a small network with random weights.

# %%
torch.manual_seed(seed)
net = vgg('conv3_3', pretrained=False)
test_eq((sum(isinstance(o, nn.Conv2d) for o in net), type(net[-1])), (7, nn.Conv2d))
with torch.no_grad(): out = net(rgb[:1])
test_eq(out.shape, (1, 256, size//4, size//4))
assert out.min() < 0 and not any(p.requires_grad for p in net.parameters())
test_fail(lambda: vgg('fc'), exc=UsageError, contains='conv1_2')
test_fail(lambda: vgg19(Path(tempfile.mkdtemp())/'none'), exc=InputError, contains='torchvision')
test_eq(small_vgg(4)(rgb).shape, (6, 8, size//2, size//2))
try: features = vgg19()
except InputError: features = small_vgg()
else:
    with torch.no_grad(): assert .5 < features(rgb).mean() < 2
with torch.no_grad(): mean = features(rgb).mean()
mean

# %%
#| export
class PerceptualLoss(nn.Module):
    "Mean absolute difference of a frozen network's features (Johnson et al. 2016; S3: VGG-16 conv3_3, weight 5)"
    def __init__(self,
        features:nn.Module, # RGB in 0..1 to features: `vgg()`, `vgg19()` or `small_vgg()`
        lam:float=1., # weight; S3's are 5 and 20
    ):
        super().__init__()
        self.features,self.lam = features,lam
    def forward(self,
        output:Tensor, # generated, ab or RGB in -1..1, `bs`xCxhxw
        target:Tensor, # the truth, the same shape
        L:Tensor=None, # lightness of the pictures in 0..1, `bs`x1xHxW; RGB does without
    ) -> Tensor: # scalar
        "Weighted mean over all features"
        net = self.features.to(output.device)
        fake,real = (as_rgb(o, L) for o in (output, target))
        with torch.no_grad(): truth = net(real)
        return self.lam*(net(fake) - truth).abs().mean()

# %% [markdown]
# We try it on a "network" of one convolution, the difference of neighbors in red, where the loss can be computed by hand. Further checks: the gradient reaches the answer, the network's weights stay as they are, and the loss of the truth itself is zero.

# %%
torch.manual_seed(seed)
edge = nn.Conv2d(3, 1, (1, 2), bias=False)
with torch.no_grad(): edge.weight.copy_(torch.tensor([[[-1., 1]], [[0, 0]], [[0, 0]]]))
a,b = torch.zeros(1, 3, 1, 4),torch.zeros(1, 3, 1, 4)
a[0,0,0],b[0,0,0] = torch.tensor([0., .2, .6, 1.]),torch.tensor([0., .5, .5, .9])
test_close(PerceptualLoss(frozen(edge), 5)(a*2 - 1, b*2 - 1), 5*(.3 + .4 + 0)/3, eps=1e-5)
loss = PerceptualLoss(small_vgg())
was = {k: v.clone() for k,v in loss.state_dict().items()}
guess = (.5*ab).requires_grad_()
value = loss(guess, ab, L)
slope, = torch.autograd.grad(value, guess)
assert (slope.abs().amax(1) > 0).float().mean() > .9 and value > 0
test_eq(list(loss.parameters())[0].grad, None)
for k,v in loss.state_dict().items(): test_eq(v, was[k])
test_close(loss(ab, ab, L), 0, eps=1e-7)
value

# %% [markdown]
# Which errors does it find bad? We make three with the same mean square: a shift of color over the whole picture, noise, and edges in the wrong place. Compare the columns of the table. L2 is equal by construction. L1 finds noise less bad than the shift. Features are made of neighbors, and noise costs them more than the shift; with VGG-19's weights noise and misplaced edges cost 1.8 times as much. @fig-perceptual shows the three pictures, so that you can compare with your own judgment. Distances of features agree with people's better than those of pixels do [@zhang2018].

# %%
torch.manual_seed(seed)
def of_size(e, rms=.08): return e*rms/e.square().mean((1, 2, 3), keepdim=True).sqrt()
errors = dict(hue=torch.ones_like(ab), noise=torch.randn_like(ab), moved=ab.roll(6, 3) - ab)
errors = {k: of_size(e) for k,e in errors.items()}
loss,rows = PerceptualLoss(features),{}
for k,e in errors.items():
    rows[k] = {n: o(ab + e, ab, L).item() for n,o in dict(L2=L2Loss(), L1=L1Loss(), perceptual=loss).items()}
table = pd.DataFrame(rows).T
test_close(table.L2.values, [.0064]*3, eps=1e-5)
assert table.L1['noise'] < table.L1['hue'] and table.perceptual['noise'] > table.perceptual['hue']
table

# %%
#| label: fig-perceptual
#| fig-cap: "A photograph, and three errors of color that are equal by their squares."
pictures = [rgb[0], *[join_lab(L[:1], (ab + e)[:1])[0] for e in errors.values()]]
show_row(pictures, ['photo', *[f"{k}: perceptual {table.perceptual[k]:.3f}" for k in errors]], width=9)

# %%
#| export
@content_losses('perceptual')
def _perceptual(lam=1.): return SumLoss(l1=L1Loss(lam), vgg=PerceptualLoss(vgg(), 5*lam))

# %% [markdown]
# ## Beside another loss

# %% [markdown]
# S3 adds it to L1 with a weight of 5, and so does the entry `perceptual` of the table. A `SumLoss` hands the lightness on to its terms. The cell trains a small network with it on a plain Learner whose batches have the lightness twice, as question and beside the truth; where it is missing, the loss says so. Printed is the loss before and after.

# %%
torch.manual_seed(seed)
def s3_like(): return SumLoss(l1=L1Loss(), perceptual=PerceptualLoss(small_vgg(), 5), tv=TotalVariationLoss(.1))
by_hand = L1Loss()(.5*ab, ab) + PerceptualLoss(small_vgg(), 5)(.5*ab, ab, L) + TotalVariationLoss(.1)(.5*ab)
test_close(s3_like()(.5*ab, ab, L), by_hand, eps=1e-6)
def learner(*targets):
    items = list(zip(*(F.avg_pool2d(o, 2) for o in (L, *targets))))
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 3, padding=1), nn.Tanh())
    dls = DataLoaders.from_dsets(items, items, bs=3, device='cpu', num_workers=0)
    dls.n_inp = 1
    learn = Learner(dls, net, s3_like())
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn
learn = learner(ab, L)
before = learn.validate()[0]
learn.fit(6, 1e-2)
assert learn.validate()[0] < .98*before
test_fail(lambda: learner(ab).fit(1), exc=UsageError, contains='needs the lightness')
before,learn.validate()[0]

# %% [markdown]
# ## Sizes and batches

# %% [markdown]
# As for [every content loss](content.ipynb#no-loss-knows-how-large-a-picture-is), a tiled picture or a repeated batch should not change the value. Features look at neighbors, and a tile has new ones at its seams, so the check uses edges that continue at the other side (`circular`). With VGG's own edges the value of a tiled picture differs a little; the ratio is printed.

# %%
mirror = lambda x: torch.cat([torch.cat([x, x.flip(-1)], -1), torch.cat([x, x.flip(-1)], -1).flip(-2)], -2)
tile,batch,guess = (lambda x: x.repeat(1, 1, 2, 2)),(lambda x: x.repeat(3, 1, 1, 1)),.5*ab + .05*torch.randn_like(ab)
def ratio(loss, o): return (loss(o(guess), o(ab), o(L))/loss(guess, ab, L)).item()
for o in (tile, batch): test_close(ratio(PerceptualLoss(small_vgg(padding='circular')), o), 1, eps=1e-4)
edges = PerceptualLoss(features)
test_close(ratio(edges, batch), 1, eps=1e-4)
test_close(ratio(edges, mirror), 1, eps=.1)
ratio(edges, mirror)

# %% [markdown]
# ## What we have
#
# - `PerceptualLoss` on the features of VGG-16, as S3 has it, of VGG-19, or of any network;
# - `as_rgb`, by which $ab$ and lightness become a picture at the color's size;
# - both by the name `perceptual`, beside L1.

# %% [markdown]
# ## Exercises
#
# 1. Replace the absolute difference of features by the square, as Johnson et al. have it. How does the order of the three errors change?
# 2. Color the six photographs by lowering the perceptual loss alone, from gray, with Adam. How near to the true colors is the result after 200 steps?
