# %% [markdown]
# # Classification loss
#
# > Cross-entropy over the 313 bins of color, in which rare colors count more
#
# A generator may answer with a [distribution over 313 colors](../color/bins.ipynb) instead of a color: six of ten that the bus is red, four that it is blue. Distances between colors cannot judge such an answer. Cross-entropy can; but nearly all pixels of photographs are grayish, and a network that says gray everywhere would do well by it. Zhang, Isola and Efros answered with soft targets and with weights for rare colors. We write that loss, then make it three times as fast by computing its slope along with it.

# %%
#| default_exp losses.classification

# %% tags=["parameters"]
size,seed = 64,9

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.color.bins import ab_bins, AnnealedMean, class_weights, SoftBins
from colorbook.color.lab import join_lab
from colorbook.losses.content import colorful, content_losses, L1Loss

# %%
#| hide
import math, numpy as np
from fastcore.test import *
from colorbook.color.bins import color_counts, color_prior
from colorbook.color.lab import split_lab
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## Cross-entropy over 313 classes

# %% [markdown]
# The loss of such an answer is the cross-entropy between that distribution and the soft code of the true color, each pixel weighted by its nearest bin $q_1$, and then the mean over pixels, never a sum:
#
# $$\ell=-\frac1N\sum_nw_{q_1(n)}\sum_qz_{nq}\log\hat z_{nq},\qquad\hat z=\mathrm{softmax}(s)$$
#
# Here $s$ are the network's scores, $\hat z$ the distribution that it says, $z$ the soft code of the truth, and $w$ the weights. Only ten of the 313 terms of a pixel are not zero, and only these are gathered. The published code multiplies the weight into the gradient and prints a loss without it; here the printed loss has it, and the gradients are the same. Under mixed precision the scores arrive in 16 bits, and the logarithm is taken in 32.
#
# Zhang et al. [-@zhang2016] also leave out photographs that are gray themselves: a picture counts only if some $a$ or $b$ of it is above 5 units. They go on dividing by all pixels, and so do we (`least`).
#
# The slope is so simple that it can be written down while the loss is computed. PyTorch would keep the logarithms of all scores, gather from them, and on the way back scatter into a tensor of zeros and multiply two more of that size. `SoftCrossEntropy` makes one tensor, $\hat z$, turns it into the slope in place, and keeps that.

# %%
#| export
class SoftCrossEntropy(torch.autograd.Function):
    "Sum over rows of weighted cross-entropies against a few classes each; its slope is computed along with it"
    @staticmethod
    def forward(ctx,
        scores, # n rows of Q scores
        idx, # nxk classes of each row
        z, # nxk shares of these classes, which sum to 1
        w, # n weights of the rows
    ): # scalar
        s = scores - scores.amax(1, keepdim=True)
        said,p = (s.gather(1, idx)*z).sum(1),s.exp_()
        total = p.sum(1, keepdim=True)
        ctx.save_for_backward(p.mul_(w[:,None]/total).scatter_add_(1, idx, -z*w[:,None]))
        return ((total.log()[:,0] - said)*w).sum()
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        slope, = ctx.saved_tensors
        return slope if g.device.type == 'cpu' and g == 1 else slope*g,None,None,None

# %% [markdown]
# The slope must be the one that finite differences give (`gradcheck`), and the one that PyTorch finds by itself for the formula written plainly.

# %%
torch.manual_seed(seed)
few = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
at,share,heavy = torch.rand(5, 7).argsort(1)[:,:3],torch.rand(5, 3).double().softmax(1),torch.rand(5).double()
assert torch.autograd.gradcheck(lambda s: SoftCrossEntropy.apply(s, at, share, heavy), few)
def plain(s): return -((s.log_softmax(1).gather(1, at)*share).sum(1)*heavy).sum()
ours = lambda s: SoftCrossEntropy.apply(s, at, share, heavy)
for loss in (ours, lambda s: 3*ours(s + 700)/3):
    test_close(loss(few), plain(few), eps=1e-9)
    test_close(torch.autograd.grad(loss(few), few)[0], torch.autograd.grad(plain(few), few)[0], eps=1e-9)
plain(few).item()

# %% [markdown]
# On 16 pictures of 24x24 cells both passes take 5.5 ms instead of 18 ms on one core. The loss itself, `BinLoss`, looks up the code of each pixel and calls `SoftCrossEntropy`. A network that knows nothing, with the same score for every bin, pays $\log313=5.75$. The cell behind the definition compares with a sum written out pixel by pixel, and the slope with $w(\hat z-z)/N$.

# %%
#| export
class BinLoss(nn.Module):
    "Cross-entropy over the 313 bins, soft targets, weighted by the rarity of the nearest (Zhang et al. 2016)"
    def __init__(self,
        weights:Tensor=None, # 313 weights of `colorbook.color.bins.class_weights`; None for equal ones
        k:int=10, # neighbors of the soft code
        sigma:float=5., # its width, in units of a and b
        least:float=0., # a picture counts if some a or b is above this; 0 counts all
    ):
        super().__init__()
        self.soft,self.least = SoftBins(k, sigma),least
        self.register_buffer('weights', torch.ones(len(ab_bins())) if weights is None else weights)
    def forward(self,
        output:Tensor, # scores, `bs`x313xhxw
        target:Tensor, # true color in about -1..1, `bs`x2xhxw
        L:Tensor=None, # not asked
    ) -> Tensor: # scalar, mean over pixels
        "Mean weighted cross-entropy"
        rows = lambda o: o.permute(0, 2, 3, 1).reshape(-1, o.shape[1])
        idx,z = map(rows, self.soft(target))
        w = self.weights[idx[:,0]]
        if self.least: w = w*((target.abs()*110).amax((1, 2, 3)) > self.least).repeat_interleave(len(w)//len(target))
        return SoftCrossEntropy.apply(rows(output.float()), idx, z, w/len(w))

def _weights(prior, rebalance): return None if prior is None else class_weights(prior, alpha=rebalance)

@content_losses('bins', outputs=('bins', 'bins4'), prior=True)
def _bins(prior=None, rebalance=1.): return BinLoss(_weights(prior, rebalance))

@content_losses('bins_zhang', outputs=('bins', 'bins4'), prior=True)
def _bins_zhang(prior=None, rebalance=1.): return BinLoss(_weights(prior, rebalance), least=5.)

# %%
torch.manual_seed(seed)
bins,colors,scores = ab_bins(),[(13., -4.), (-71., 64.), (0., 0.)],torch.randn(313, 3, requires_grad=True)
rgb = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size=size)]).permute(0, 3, 1, 2)/255
L,ab = split_lab(rgb)
weights = class_weights(color_prior(color_counts([ab])))
def encode(c, k=10, sigma=5.):
    "Nearest bins of one color, and their weights"
    d,i = (bins - torch.tensor(c)).norm(dim=1).topk(k, largest=False)
    w = (-d**2/(2*sigma**2)).exp()
    return i,w/w.sum()
by_hand = 0
for n,c in enumerate(colors):
    i,z = encode(c)
    by_hand = by_hand - weights[i[0]]*sum(q*scores[:,n].softmax(0)[j].log() for j,q in zip(i, z))/3
target = torch.tensor(colors).T.view(1, 2, 1, 3)/110
loss,rows = BinLoss(weights),scores.view(1, 313, 1, 3)
test_close(loss(rows, target), by_hand, eps=2e-3)
test_close(BinLoss()(torch.zeros(1, 313, 1, 3), target), math.log(313), eps=1e-4)
test_close(loss(rows.repeat(2, 1, 2, 2), target.repeat(2, 1, 2, 2)), by_hand, eps=2e-3)
grad = torch.autograd.grad(loss(rows, target), scores)[0][:,1]
z = torch.zeros(313).index_add(0, *encode(colors[1]))
test_close(grad, weights[encode(colors[1])[0][0]]*(scores[:,1].softmax(0) - z)/3, eps=1e-3)
by_hand.item()

# %% [markdown]
# And `least`: of two pictures whose strongest colors are 4.9 and 5.1 units, the first counts nothing, the second in full.

# %%
pale = torch.tensor([4.9, -5.1]).view(2, 1, 1, 1).expand(2, 2, 4, 4)/110
counts,rows = BinLoss(weights, least=5.),torch.randn(2, 313, 4, 4)
test_close(counts(rows, pale), loss(rows[1:], pale[1:])/2, eps=1e-5)
test_eq(counts(rows[:1], pale[:1]).item(), 0)
counts(rows, pale)

# %% [markdown]
# Like [every content loss](content.ipynb#no-loss-knows-how-large-a-picture-is) it is a mean: neither the size of the pictures nor that of the batch changes it, so that its weight beside a critic means the same at every size. The cell mirrors pictures to four times their area, and repeats a batch three times.

# %%
scores = torch.randn(len(ab), 313, size, size)
mirror = lambda x: torch.cat([torch.cat([x, x.flip(-1)], -1), torch.cat([x, x.flip(-1)], -1).flip(-2)], -2)
batch = lambda x: x.repeat(3, 1, 1, 1)
for same in (mirror, batch): test_close(loss(same(scores), same(ab))/loss(scores, ab), 1, eps=1e-4)
loss(scores, ab).item()

# %% [markdown]
# ## The color that classes stand for

# %% [markdown]
# The classes of one pixel stand for a color, too, and that can be compared with another color by L1. This is how a [film model](../training/recipes.ipynb) learns from the image model.

# %%
#| export
class ColorL1(nn.Module):
    "Mean absolute difference of the color that scores stand for from the truth"
    def __init__(self,
        color:nn.Module, # scores to color, such as `colorbook.color.bins.AnnealedMean`
        lam:float=1., # weight
    ):
        super().__init__()
        self.color,self.l1 = color,L1Loss(lam)
    def forward(self, output, target, L=None): return self.l1(self.color(output), target)

# %%
mean = AnnealedMean()
test_close(ColorL1(mean, 2)(rows, pale), 2*(mean(rows) - pale).abs().mean(), eps=1e-6)
ColorL1(mean)(rows, pale)

# %% [markdown]
# ## The picture that classes make

# %% [markdown]
# Cross-entropy is paid pixel by pixel, and what is looked at in the end is a picture. A picture is measured by its PSNR, which is the logarithm of its mean squared error $m$, and by its colorfulness $M$ as a share of the truth's. Both can be computed from the color that the classes stand for, with a slope, so a network that has learned its classes can be tuned to them:
#
# $$\ell=c\,\ell_{CE}+\frac1B\sum_i\ln\left(1+10^4m_i\right)+v\,\max\left(0,\;g-\frac{\sum_iM(\hat x_i)}{\sum_iM(x_i)}\right)$$
#
# The middle term counts a halved error as the same gain in a dull picture and in a vivid one, which is how a mean of decibels counts. Alone it would make all pictures dull, since the gray side of a doubtful color is the safe one. So the last term pays for every bit of colorfulness that is missing to a goal $g$. It asks this of the batch and not of each picture: color may be saved where the network is in doubt and spent where it is sure.
#
# Two details matter. Below $m=10^{-4}$, which is 40 dB, hardly anything is gained any more: a nearly gray photograph should not outweigh the others. And the last term stops at its goal. Without that it would win against the logarithm: to double the error of a picture that is wrong already costs $\ln4$, however wrong it is. A run of ours whose last term was $-vM$ had a colorfulness of 1.4 times the truth's after 1,600 steps.

# %%
#| export
class BinPictureLoss(nn.Module):
    "Cross-entropy over the bins, beside the error of the picture that they make and the colorfulness of the batch"
    def __init__(self,
        weights:Tensor=None, # 313 weights of the classes, see `BinLoss`
        classes:float=.25, # weight of the cross-entropy
        vivid:float=1.2, # weight of the colorfulness that is missing
        goal:float=.85, # colorfulness of the batch, share of the truth's
        color:nn.Module=None, # scores to color; None for a temperature of .6 and a gain of 1.2
    ):
        super().__init__()
        self.bins,self.classes,self.vivid,self.goal = BinLoss(weights),classes,vivid,goal
        self.color = color or AnnealedMean(.6, gain=1.2)
    @property
    def weights(self): return self.bins.weights # of the classes
    def forward(self,
        output:Tensor, # scores, `bs`x313xhxw
        target:Tensor, # true color in about -1..1, `bs`x2xhxw
        L:Tensor, # lightness of the pictures, `bs`x1xHxW
    ) -> Tensor: # scalar
        "Weighted sum of the three"
        small = F.adaptive_avg_pool2d(L.float(), output.shape[-2:])
        fake,real = (join_lab(small, o, gamut=False).clamp(0, 1) for o in (self.color(output), target))
        error = (fake - real).square().mean((1, 2, 3))
        share = colorful(2*fake - 1).mean()/colorful(2*real - 1).mean()
        picture = (1e4*error).log1p().mean() + self.vivid*F.relu(self.goal - share)
        return self.classes*self.bins(output, target) + picture

@content_losses('bins_picture', outputs=('bins', 'bins4'), prior=True)
def _bins_picture(prior=None, rebalance=1.): return BinPictureLoss(_weights(prior, rebalance))

# %% [markdown]
# Each term by itself: for the true color the second is zero, and so is the last; for gray it is the [PSNR](../evaluation/metrics.ipynb) in other units, and the last term asks for the whole goal.

# %%
small_ab,small_L = F.avg_pool2d(ab, 4),F.avg_pool2d(L, 4)
given = lambda answer, **kw: BinPictureLoss(classes=0, color=lambda scores: answer, **kw)
nothing,true_small = torch.zeros(len(ab), 313, size//4, size//4),join_lab(small_L, small_ab, gamut=False).clamp(0, 1)
test_close(given(small_ab)(nothing, small_ab, L), 0, eps=1e-5)
gray_small = join_lab(small_L, 0*small_ab, gamut=False).clamp(0, 1)
decibels = -10*((gray_small - true_small).square().mean((1, 2, 3)) + 1e-4).log10()
test_close(40 - 10/math.log(10)*given(0*small_ab, vivid=0)(nothing, small_ab, L), decibels.mean(), eps=1e-3)
missing = given(0*small_ab)(nothing, small_ab, L) - given(0*small_ab, vivid=0)(nothing, small_ab, L)
share = colorful(2*gray_small - 1).mean()/colorful(2*true_small - 1).mean()
test_close(missing, 1.2*(.85 - share), eps=1e-4)
whole,alone = BinPictureLoss(weights)(nothing, small_ab, L),BinPictureLoss(weights, classes=0)(nothing, small_ab, L)
test_close(whole - alone, .25*BinLoss(weights)(nothing, small_ab), eps=1e-4)
decibels.mean().item(),missing.item()

# %% [markdown]
# Does following it do what it says? One answer for a whole picture, the scores of a single color, follows the loss for sixty steps, with and without the last term. Both have the same hue to find; the one that is asked for color gives up some decibels for it.

# %%
def follow(steps=60, **settings):
    "One color for a picture, found from nothing: its PSNR, and its share of the colorfulness"
    scores,loss = torch.zeros(1, 313, 1, 1, requires_grad=True),BinPictureLoss(classes=0, **settings)
    opt = torch.optim.Adam([scores], .1)
    for _ in range(steps):
        opt.zero_grad()
        loss(scores.expand(-1, -1, size//4, size//4), small_ab[2:3], L[2:3]).backward()
        opt.step()
    one = loss.color(scores.detach()).expand_as(small_ab[2:3])
    fake,real = (join_lab(small_L[2:3], o, gamut=False).clamp(0, 1) for o in (one, small_ab[2:3]))
    share = colorful(2*fake - 1)/colorful(2*real - 1)
    return -10*(fake - real).square().mean().log10().item(),share.item()
pale,vivid = follow(vivid=0),follow(vivid=8)
assert pale[0] > vivid[0] and pale[1] < vivid[1]
dict(without=pale, asked=vivid)

# %% [markdown]
# ## What we have
#
# - `BinLoss`, cross-entropy over the 313 bins with soft targets and weights for rare colors: `bins` and `bins_zhang` in a recipe;
# - `SoftCrossEntropy`, the same sum with its slope computed along with it;
# - `ColorL1`, a distance for the color that a distribution stands for;
# - `BinPictureLoss`, `bins_picture` in a recipe: classes, and the picture that they make.

# %% [markdown]
# ## Exercises
#
# 1. Give `BinLoss` weights of `class_weights` with `alpha` 0 and 1. For which of the six photographs does the loss of a network that always says gray fall most, and for which does it rise?
# 2. Which distribution has the smallest loss if six of ten buses are red and four blue, and what does that loss amount to? Compare with the answers of [L1 and L2](content.ipynb).
# 3. Take $k=1$ neighbor instead of ten. What does a network pay then for the bin next to the true one?
