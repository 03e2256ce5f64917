# %% [markdown]
# # Losses that look where one looks
#
# > S3's content loss: differences of color, of features, and of color weighed by where one looks
#
# Most of a photograph is ground. A loss that takes the mean over all pixels is mostly about grass and walls, and a face that is off by as much as it can be hardly moves it. S3 adds a term for the places at which people look: it compares not the colors but the colors *times a [map of saliency](../evaluation/saliency.ipynb)*. For the answer it takes the generator's own map, so that the map has to be learned as well. Here is this term, the sum of three in which S3 uses it, and a weakness: in dark places it cannot teach the map.

# %%
#| default_exp losses.saliency

# %% tags=["parameters"]
size,seed = 32,0

# %%
#| export
from torch import nn, Tensor
from colorbook.core import UsageError
from colorbook.losses.content import as_rgb, content_losses, PerceptualLoss, vgg, vgg19

# %%
#| hide
import torch
from fastcore.test import *
from colorbook.color.lab import show_row
from colorbook.data.paired import saliency_map
from colorbook.data.photos import sample_photos
from colorbook.losses.content import small_vgg
import numpy as np

# %% [markdown]
# ## Attention

# %% [markdown]
# Let $x$ be the photograph in 0..1 and $s$ its map, $\hat x$ and $\hat s$ what the generator answers. S3's *attention loss* is
#
# $$\mathcal L_\text{attn}=\operatorname{mean}\,\lvert\hat x\,\hat s-x\,s\rvert$$
#
# Where both maps are 0 the products are 0, whatever the color; where both are 1 it is the distance of colors. Colors are RGB in 0..1, which an answer in $ab$ becomes with the help of the lightness ([Content losses](content.ipynb#perceptual-loss)). The generator's answer has the map as one channel more than the truth.

# %%
#| export
class AttentionLoss:
    "S3's attention loss: mean absolute difference of color times saliency, in RGB in 0..1"
    def __init__(self,
        lam:float=1., # weight; S3's text has 1, its code 0.5
    ): self.lam = lam
    def __call__(self,
        output:Tensor, # generated: color, ab in about -1..1 or RGB in -1..1, then saliency in 0..1, `bs`x(C+1)xhxw
        target:Tensor, # true color, `bs`xCxhxw
        L:Tensor=None, # lightness of the pictures in 0..1, `bs`x1xHxW; RGB does without
        saliency:Tensor=None, # true saliency in 0..1, `bs`x1xhxw
    ) -> Tensor: # scalar
        "Weighted mean; a `UsageError` where answer or truth have no map"
        n = target.shape[1]
        if saliency is None or output.shape[1] == n:
            raise UsageError(f"there is no map of saliency in the {'data' if saliency is None else 'answer'}",
                'take data and generator with saliency, or attention 0')
        fake,real = as_rgb(output[:,:n], L),as_rgb(target, L)
        return self.lam*(fake*output[:,n:] - real*saliency).abs().mean()

# %% [markdown]
# Three cases with known results: with both maps one it is L1 in 0..1, half of L1 in -1..1; with both zero it is zero; and the right colors with a map that is off by $d$ cost $d$ times the mean of the picture.

# %%
torch.manual_seed(seed)
x,y = torch.rand(2, 2, 3, size, size)*2 - 1
ones,some = torch.ones(2, 1, size, size),torch.rand(2, 1, size, size)*.5
attn = AttentionLoss()
def answer(x, s): return torch.cat([x, s], 1)
test_close(attn(answer(x, ones), y, None, ones), (x - y).abs().mean()/2)
test_eq(attn(answer(x, 0*ones), y, None, 0*ones), 0)
test_close(attn(answer(y, some + .25), y, None, some), .25*(y/2 + .5).mean(), eps=1e-5)
test_fail(lambda: attn(x, y, None, some), exc=UsageError, contains='in the answer')
test_fail(lambda: attn(answer(x, some), y), exc=UsageError, contains='in the data')
attn(answer(x, some), y, None, some)

# %% [markdown]
# In black parts of a photograph the product is zero whatever the map says, and so is the gradient of the map, as the cell shows for a picture that is half black. S3 has no other loss for the map, so its network never learns whether people look at dark things. We keep the loss as it is published.

# %%
dark = -torch.ones(1, 3, size, size)
dark[...,size//2:] = 1
guess = torch.full((1, 1, size, size), .9, requires_grad=True)
slope, = torch.autograd.grad(attn(answer(dark, guess), dark, None, 0*guess.detach()), guess)
test_eq(slope[...,:size//2].abs().max(), 0)
assert slope[...,size//2:].min() > 0
slope.max()

# %% [markdown]
# Now on a photograph. The same error, exchanged red and blue, is made once in the salient half of the pixels and once in the other. The numbers above the last two pictures of @fig-attention-loss are the attention loss as a share of L1: it is several times as large where people look.

# %%
#| label: fig-attention-loss
#| fig-cap: "A photograph, its map, and an error where one looks and where one does not."
photo = sample_photos(128)[5]
real = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None]/127.5 - 1
s = torch.from_numpy(np.array(saliency_map(photo)))[None,None]/255
inside,off = s > s.median(),real.flip(1)
cases = [torch.where(o, off, real) for o in (inside, ~inside)]
seen = [attn(answer(o, s), real, None, s).item()/(o - real).abs().mean().item() for o in cases]
assert seen[0] > 2*seen[1]
show_row([o[0]/2 + .5 for o in (real, s.expand(-1, 3, -1, -1)*2 - 1, *cases)],
    ['photograph', 'saliency', *(f'{o:.2f} of L1' for o in seen)])

# %% [markdown]
# ## S3's sum

# %% [markdown]
# The generator's loss is the sum
#
# $$\mathcal L=\lambda_1\,\text{L1}+\lambda_p\,\text{features}+\lambda_a\,\text{attention}+\lambda_\text{GAN}\,\text{adversarial}$$
#
# where features are those of [VGG-16 up to its seventh convolution](content.ipynb#perceptual-loss), before the ReLU. S3 publishes two sets of weights, which are two recipes:
#
# | | L1 | features | attention | adversarial | gradient penalty |
# |---|---|---|---|---|---|
# | code: `s3` | 1 | 5 | 0.5 | 0.05 | 10 |
# | text: `s3-readme` (`s3-readme-20`) | 1 | 5 (20) | 1 | 0.1 | 10 |
#
# All of them are of RGB in 0..1, so L1 is taken in that unit here, and stays in its own where the answer is $ab$. A weight of zero leaves a term out, with all that it needs: without features no VGG is read. Where VGG-16's weights cannot be had, the content loss `s3_vgg19` takes those of VGG-19 from a file.

# %%
#| export
class S3Loss(nn.Module):
    "S3's content loss: L1, features and attention; terms of weight 0 are left out"
    def __init__(self,
        lam:float=1., # weight of L1, of RGB in 0..1 or ab in about -1..1
        perceptual:float=0., # weight of the features; S3's are 5 and 20
        attention:float=0., # weight of the attention loss; S3's are 0.5 and 1
        features=vgg, # makes the network of features, where it is needed
    ):
        super().__init__()
        self.lam = lam
        self.perceptual = PerceptualLoss(features(), perceptual) if perceptual else None
        self.attention = AttentionLoss(attention) if attention else None
    def terms(self,
        output:Tensor, # generated color, and saliency where there is some
        target:Tensor, # the truth
        L:Tensor=None, # lightness of the pictures; RGB does without
        saliency:Tensor=None, # true saliency, where there is some
    ) -> dict: # scalars by name
        "Each term with its weight"
        color = output[:,:target.shape[1]]
        found = dict(l1=self.lam*(color - target).abs().mean()/(2 if target.shape[1] == 3 else 1))
        if self.perceptual: found['perceptual'] = self.perceptual(color, target, L)
        if self.attention: found['attention'] = self.attention(output, target, L, saliency)
        return found
    def forward(self, output, target, L=None, saliency=None):
        return sum(self.terms(output, target, L, saliency).values())

_answers = 'rgb','ab','ab4','rgb_saliency','ab4_saliency'

@content_losses('s3', outputs=_answers, saliency=True)
def _s3(lam=1., perceptual=0., attention=0.): return S3Loss(lam, perceptual, attention)

@content_losses('s3_vgg19', outputs=_answers, saliency=True)
def _s3_vgg19(lam=1., perceptual=0., attention=0.): return S3Loss(lam, perceptual, attention, vgg19)

# %% [markdown]
# The cell checks that each weight changes its own term alone, that the terms add up, and that an answer in $ab$ at a quarter of the size is read as well.

# %%
out,L = answer(x, some),torch.rand(2, 1, size, size)
def terms(**w): return {k: v.item() for k,v in S3Loss(features=small_vgg, **w).terms(out, y, L, some*.5).items()}
base = terms(perceptual=5., attention=.5)
for k,w in dict(l1='lam', perceptual='perceptual', attention='attention').items():
    more = terms(**{**dict(lam=1., perceptual=5., attention=.5), w: 3.})
    test_close({o for o in base if abs(more[o] - base[o]) > 1e-6} == {k}, True)
test_eq(set(terms()), {'l1'})
test_close(base['l1'], (x - y).abs().mean().item()/2, eps=1e-6)
ab = S3Loss(1., 5., .5, small_vgg)
quarter = ab(torch.rand(2, 3, 8, 8)*.1, torch.rand(2, 2, 8, 8)*.1, L, torch.rand(2, 1, 8, 8))
assert quarter.isfinite() and quarter > 0
test_close(sum(base.values()), S3Loss(1., 5., .5, small_vgg)(out, y, L, some*.5).item(), eps=1e-5)
base

# %% [markdown]
# ## The range of the answer

# %% [markdown]
# S3's generator ends in a `tanh`, with values in -1..1, and its program compares that with photographs in 0..1. So everything below zero is wrong for every photograph, and half of what the network can say is never right. Our target for RGB is in -1..1, and the losses above turn answer and truth into 0..1. The difference shows in a network that answers zero everywhere: in S3's program that is the right answer to a black picture, here to a gray one, and a black one costs .5.

# %%
nothing = torch.zeros(1, 3, 8, 8)
loss = S3Loss()
gray,black = torch.zeros(1, 3, 8, 8),-torch.ones(1, 3, 8, 8)
test_eq((loss(nothing, gray), loss(nothing, black)), (0, .5))
published = (nothing - (black/2 + .5)).abs().mean() # tanh against 0..1
test_eq(published, 0)
loss(nothing, black)

# %% [markdown]
# ## What we have
#
# - `AttentionLoss`, which weighs color by where one looks and needs two maps;
# - `S3Loss`, S3's sum, with every weight a field of a recipe: `lam`, `perceptual`, `attention`, `adv_weight`;
# - its weakness: saliency in the dark has no gradient.

# %% [markdown]
# ## Exercises
#
# 1. Add a term that compares the maps themselves, by their mean absolute difference. Does the map learn in the dark now, and what would you weigh the term with?
# 2. Attention multiplies by the *generated* map. Multiply both by the true one instead: which weights of the generator does the term reach then?
# 3. Why can a generator not cheat by a map that is zero everywhere? Compute the loss of that for the photograph above.
