# %% [markdown]
# # What a classifier sees
#
# > Can a network still name what is in a colored picture, and how far are the colored pictures, as a set, from real ones?
#
# Pixels know nothing of horses. A network that was trained to name things does, and there are two ways to ask it. One asks about each picture: does it find the same thing in the colored picture as in the photograph? The other asks about all of them together: do the features it sees in colored pictures have the same statistics as those it sees in photographs? Both are asked of EfficientNet-Lite0, whose weights come as an ordinary package, in memory that does not grow with the number of pictures. Those who have the weights of FID's network can measure FID as well.

# %%
#| default_exp evaluation.features

# %% tags=["parameters"]
size,seed = 96,3

# %%
#| export
import csv, math, os
from functools import cache
from pathlib import Path
import numpy as np, torch, torch.nn.functional as F
from torch import nn, Tensor
from torchvision.models import inception
from colorbook.core import InputError
from colorbook.models.encoder_unet import lite_state

# %%
#| hide
import tempfile, pandas as pd
from fastcore.test import *
from safetensors.torch import save_file
from colorbook.data.photos import sample_photos
from colorbook.color.lab import join_lab, lstar, split_lab
from colorbook.evaluation.metrics import to_batch

# %% [markdown]
# ## The network

# %% [markdown]
# [EfficientNet-Lite0](../models/encoder_unet.ipynb#efficientnet-lite0-from-a-package) was trained on ImageNet, takes squares of 224 pixels and has 1,000 answers. Half-way down, before its last convolution, it has 320 channels; their means over the picture are the features of the second question. 320 and not the 1,280 behind the convolution, because a covariance of 320 numbers needs some hundred pictures to be known, and one of 1,280 needs thousands.

# %%
#| export
class Lite0(nn.Module):
    "EfficientNet-Lite0 with the weights of its package: features and class scores in one pass"
    n = 320 # features
    def __init__(self):
        super().__init__()
        import timm
        with torch.random.fork_rng(devices=[]): self.net = timm.create_model('tf_efficientnet_lite0')
        self.net.load_state_dict(lite_state(), strict=False)
        self.eval().requires_grad_(False)
    def forward(self,
        rgb:Tensor, # pictures in 0..1, `bs`x3xHxW
    ) -> tuple[Tensor,Tensor]: # features (`bs`x320) and scores (`bs`x1000)
        x = F.interpolate(rgb, (224, 224), mode='bicubic', antialias=True, align_corners=False).clamp(0, 1)
        x = self.net.blocks(self.net.bn1(self.net.conv_stem((x - .498)/.502)))
        scores = self.net.forward_head(self.net.bn2(self.net.conv_head(x)))
        return x.mean((2, 3)),scores

@cache
def lite0() -> Lite0:
    "The network, made once"
    return Lite0()

# %%
photos = sample_photos(size=size)
real = to_batch([np.asarray(o) for o in photos])
gray = lstar(real).clamp(0, 1).expand(-1, 3, -1, -1)
with torch.no_grad():
    seen,scores = lite0()(real)
    whole = lite0().net((F.interpolate(real, (224, 224), mode='bicubic', antialias=True).clamp(0, 1) - .498)/.502)
test_close(scores, whole, eps=1e-4)
test_eq(scores.argmax(1)[1].item() in range(281, 286), True) # chelsea is one of ImageNet's five kinds of cats
seen.shape,scores.argmax(1)

# %% [markdown]
# ## Does it find the same thing?

# %% [markdown]
# On ImageNet the answer is known, and papers report how often the network is right about colored pictures: *top-1*, the true class is its first answer; *top-5*, it is among the first five. For photographs without labels its own first answer to the photograph stands in, and what is counted is agreement. In both cases the gray pictures are the baseline: a colorizer is worth something to the network only if it does better than gray.

# %%
#| export
def in_first(
    scores:Tensor, # `bs`x1000
    classes:Tensor, # `bs` class numbers
    k:int=1, # how many answers count
) -> Tensor: # `bs` of 0 and 1
    "Whether a class is among the first `k` answers"
    return (scores.topk(k, 1).indices == classes[:,None]).any(1).double()

# %%
#| export
def read_labels(
    path:str|os.PathLike, # CSV file, in each line the name of a photo and its class, 0..999; a header is allowed
) -> dict: # classes by names
    "The true classes of photographs; `InputError` where the file is none"
    try: rows = [o for o in csv.reader(Path(path).read_text().splitlines()) if o]
    except (OSError, UnicodeDecodeError) as e: raise InputError(f"cannot read '{path}': {e}", 'give a CSV file') from e
    if rows and not rows[0][-1].strip().isdigit(): rows = rows[1:]
    good = rows and all(len(o) == 2 and o[1].strip().isdigit() and int(o[1]) < 1000 for o in rows)
    if not good: raise InputError(f"'{path}' is no table of labels", 'write NAME,CLASS in each line, CLASS in 0..999')
    return {k: int(v) for k,v in rows}

# %%
own = scores.argmax(1)
test_eq(in_first(scores, own).tolist(), [1.]*6)
last = scores.argsort(1, descending=True)
test_eq([in_first(scores, last[:,i], k).sum().item() for i,k in ((1, 1), (4, 5), (5, 5))], [0, 6, 0])
with torch.no_grad(): as_gray = lite0()(gray)[1]
labels = Path(tempfile.mkdtemp())/'labels.csv'
labels.write_text('name,class\na.png,5\nb.png, 999\n')
test_eq(read_labels(labels), {'a.png': 5, 'b.png': 999})
labels.write_text('a.png,cat\nb.png,dog\n')
test_fail(lambda: read_labels(labels), exc=InputError, contains='NAME,CLASS')
in_first(as_gray, own).mean(),in_first(as_gray, own, 5).mean()

# %% [markdown]
# ## Moments that grow

# %% [markdown]
# The second question compares the mean and the covariance of two sets of features. Keeping the features of 50,000 pictures to compute them at the end would do, and it would not for a million. Mean and scatter can be kept up to date instead: a batch of $m$ rows with mean $\mu_m$ and scatter $S_m$ joins $n$ rows by
#
# $$\mu=\frac{n\mu_n+m\mu_m}{n+m},\qquad S=S_n+S_m+\frac{nm}{n+m}(\mu_n-\mu_m)(\mu_n-\mu_m)^\top,$$
#
# and the covariance is $S/(n+m-1)$. It is the same rule for a batch and for two halves of a set.

# %%
#| export
class RunningMoments:
    "Number, mean and scatter of rows that come in batches, in double precision (Chan et al. 1979)"
    def __init__(self, n=0, mean=0., scatter=0.): self.n,self.mean,self.scatter = n,mean,scatter
    def __add__(self, other):
        n = self.n + other.n
        if not self.n or not other.n: return other if not self.n else self
        gap = self.mean - other.mean
        return RunningMoments(n, (self.n*self.mean + other.n*other.mean)/n,
            self.scatter + other.scatter + np.outer(gap, gap)*(self.n*other.n/n))
    @classmethod
    def of(cls,
        rows, # NxK
    ):
        "Moments of some rows"
        x = np.asarray(rows, dtype=np.float64)
        mean = x.mean(0)
        return cls(len(x), mean, (x - mean).T @ (x - mean))
    @property
    def cov(self): return self.scatter/max(1, self.n - 1)

# %%
rng = np.random.default_rng(seed)
rows = rng.normal(5, [1, 2, 3], (90, 3))
parts = sum((RunningMoments.of(o) for o in np.split(rows, [1, 7, 50])), RunningMoments())
test_close(parts.mean, rows.mean(0), eps=1e-9)
test_close(parts.cov, np.cov(rows.T), eps=1e-9)
parts.n

# %% [markdown]
# ## The distance of two sets

# %% [markdown]
# Between two Gaussians with means $\mu_1,\mu_2$ and covariances $\Sigma_1,\Sigma_2$, Fréchet's distance is
#
# $$d^2=\lVert\mu_1-\mu_2\rVert^2+\mathrm{Tr}\left(\Sigma_1+\Sigma_2-2(\Sigma_1\Sigma_2)^{1/2}\right).$$
#
# With the features of one particular Inception network this is the FID of papers. With any other network it is another number on another scale, and must have another name: ours is `frechet_lite0`. The trace of the root is the sum of the roots of the eigenvalues of $\Sigma_1^{1/2}\Sigma_2\Sigma_1^{1/2}$, which is symmetric, so nothing complex can come out.

# %%
#| export
def frechet_distance(
    a:RunningMoments, # of one set
    b:RunningMoments, # of the other
) -> float: # 0 for equal moments
    "Frechet's distance (squared, as FID has it) of two Gaussians with these moments"
    values,vectors = np.linalg.eigh(a.cov)
    root = vectors*np.sqrt(values.clip(0))@vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root@b.cov@root).clip(0)).sum()
    return max(0., float(((a.mean - b.mean)**2).sum() + np.trace(a.cov) + np.trace(b.cov) - 2*overlap))

# %% [markdown]
# Two cases can be worked out by hand. With equal covariances only the means count; with equal means, and variances $s^2$ times as large, the distance is $(s-1)^2\,\mathrm{Tr}\,\Sigma$. The tests of pytorch-fid have a third: zeros against ones in 2,048 dimensions have a distance of 2,048.

# %%
def at(x): return RunningMoments.of(x)
test_close(frechet_distance(at(rows), at(rows)), 0, eps=1e-9)
test_close(frechet_distance(at(rows + 2), at(rows)), 12, eps=1e-9)
test_close(frechet_distance(at(3*rows), at(rows)), 4*np.trace(np.cov(rows.T)) + 4*(rows.mean(0)**2).sum(), eps=1e-6)
test_close(frechet_distance(at(np.zeros((3, 2048))), at(np.ones((3, 2048)))), 2048, eps=1e-6)
mixing = rng.normal(size=(3, 3))
turned = np.linalg.qr(mixing)[0]
test_close(frechet_distance(at(rows@turned), at(2*rows@turned)), frechet_distance(at(rows), at(2*rows)), eps=1e-8)

# %% [markdown]
# ## An interval without keeping anything

# %% [markdown]
# A distance of two sets is one number, and there is no mean over pictures to resample. The *jackknife* asks how much it depends on a part of the set: the pictures are dealt into ten groups by their order, and the distance is computed ten times, each time without one group. If $\theta_g$ are these ten values and $\bar\theta$ is their mean, the variance of the distance is about $\frac{9}{10}\sum_g(\theta_g-\bar\theta)^2$. What has to be kept for it are ten sets of moments. And because the groups are the same for any tool that colored the same pictures, the ten values of two tools can be subtracted in pairs.
#
# One thing the interval does not show: from few pictures the distance comes out too large, and the fewer the larger. It can be compared between tools on the same photographs, and not with a figure from another number of them.

# %%
#| export
GROUPS = 10

def jackknife(
    whole:float, # the figure of all
    parts, # the figure without each of the groups
) -> dict: # `mean` (the figure), `low`, `high`, and `parts`
    "A figure with its 95 % interval by the jackknife over groups; no interval where there are no parts"
    parts = [float(o) for o in parts]
    n = len(parts)
    spread = 1.96*math.sqrt((n - 1)*np.var(parts)) if parts else math.nan
    return dict(mean=float(whole), low=float(whole - spread), high=float(whole + spread), parts=parts)

# %%
#| export
class SetDistance:
    "The Frechet distance of two sets whose features come in batches, in memory that does not grow"
    def __init__(self,
        beside=None, # a `SetDistance` to the same second set, which has counted it already when this one is fed
    ):
        self.own = 1 if beside else 2 # sides that are counted here
        self.sides = [[RunningMoments() for _ in range(GROUPS)] for _ in range(self.own)]
        if beside: self.sides.append(beside.sides[1])
    def add(self,
        fake, # features of one set, NxK
        real, # of the other, NxK
    ):
        "Some more pictures"
        start = sum(o.n for o in self.sides[0])
        group = np.arange(start, start + len(fake))%GROUPS
        for side,rows in [*zip(self.sides, (fake, real))][:self.own]:
            for g in np.unique(group): side[g] += RunningMoments.of(np.asarray(rows)[group == g])
    def result(self) -> dict: # see `jackknife`
        "The distance with its interval; without one where a group has fewer than two pictures"
        def of(leave): return frechet_distance(*(sum((o for g,o in enumerate(s) if g != leave), RunningMoments())
            for s in self.sides))
        many = min(o.n for o in self.sides[0]) > 1
        return jackknife(of(None), [of(g) for g in range(GROUPS)] if many else [])

# %% [markdown]
# The interval has to hold what it promises. Two clouds of points, of which we know the distance, are drawn many times; most of the intervals should contain it. The bias is seen as well: with the fewest points, the distances lie too high.

# %%
def draw(n):
    one = SetDistance()
    x,y = rng.normal(0, 1, (n, 2)),rng.normal(1, 1, (n, 2))
    for i in range(0, n, 64): one.add(x[i:i + 64], y[i:i + 64])
    return one.result()
found = [draw(400) for _ in range(100)]
inside = np.mean([o['low'] < 2 < o['high'] for o in found])
assert .85 < inside <= 1 and len(found[0]['parts']) == 10
same = [SetDistance() for _ in range(2)]
x,y = rng.normal(0, 1, (50, 2)),rng.normal(1, 1, (50, 2))
same[0].add(x, y)
for i in range(50): same[1].add(x[i:i + 1], y[i:i + 1])
test_close(same[0].result()['parts'], same[1].result()['parts'], eps=1e-9)
test_eq(math.isnan(draw(12)['low']), True)
inside,np.mean([draw(20)['mean'] for _ in range(100)])

# %% [markdown]
# ## FID

# %% [markdown]
# FID's network is Inception-v3 as TensorFlow had it in 2015, with 1,008 outputs and three details that torchvision's has otherwise: averages at the border leave out the padding, and the last block takes a maximum instead of an average. Its weights, in torchvision's layout, are in a file `pt_inception-2015-12-05-6726825d.pth` on the pages of pytorch-fid. colorbook neither carries nor fetches them; who has the file names it, and without it there is no FID.

# %%
#| export
def _joined(block, x, pool):
    "An Inception block with another pooling"
    def along(name, n): # branches in a row
        y = x
        for i in range(1, n + 1): y = getattr(block, f'{name}_{i}')(y)
        return y
    def forked(y, name): return [getattr(block, name + o)(y) for o in 'ab']
    last = block.branch_pool(pool(x))
    if isinstance(block, inception.InceptionA): rest = [along('branch5x5', 2), along('branch3x3dbl', 3)]
    elif isinstance(block, inception.InceptionC): rest = [along('branch7x7', 3), along('branch7x7dbl', 5)]
    else: rest = [*forked(block.branch3x3_1(x), 'branch3x3_2'), *forked(along('branch3x3dbl', 2), 'branch3x3dbl_3')]
    return torch.cat([block.branch1x1(x), *rest, last], 1)

# %%
#| export
class FidInception(nn.Module):
    "The Inception network of FID: its 2,048 features"
    n = 2048
    def __init__(self,
        weights:str|os.PathLike, # .pth or .safetensors in torchvision's layout, with 1,008 classes
    ):
        super().__init__()
        self.net = inception.Inception3(num_classes=1008, aux_logits=False, init_weights=False)
        try:
            if Path(weights).suffix == '.safetensors':
                from safetensors.torch import load_file
                state = load_file(weights)
            else: state = torch.load(weights, weights_only=True, map_location='cpu')
            self.net.load_state_dict({k: v for k,v in state.items() if not k.startswith('AuxLogits')})
        except Exception as e:
            raise InputError(f"'{weights}' holds no weights of FID's Inception: {str(e).splitlines()[0]}",
                'give pt_inception-2015-12-05-6726825d.pth') from e
        self.eval().requires_grad_(False)
    def forward(self,
        rgb:Tensor, # pictures in 0..1
    ) -> Tensor: # `bs`x2048
        x = F.interpolate(rgb, (299, 299), mode='bilinear', align_corners=False)*2 - 1
        for name,m in self.net.named_children():
            average = lambda y: F.avg_pool2d(y, 3, 1, 1, count_include_pad=False)
            biggest = lambda y: F.max_pool2d(y, 3, 1, 1)
            if name == 'avgpool': return x.mean((2, 3))
            plain = not isinstance(m, (inception.InceptionA, inception.InceptionC, inception.InceptionE))
            x = m(x) if plain else _joined(m, x, biggest if name == 'Mixed_7c' else average)

# %% [markdown]
# We cannot try the network here with its true weights. But we can see whether its parts are put together as torchvision puts them: with torchvision's own pooling each block must give torchvision's answer.

# %%
torch.manual_seed(seed)
kinds = dict(A=inception.InceptionA(8, 4), C=inception.InceptionC(8, 4), E=inception.InceptionE(8))
x = torch.rand(1, 8, 9, 9)
for block in kinds.values():
    block.eval()
    with torch.no_grad(): test_close(_joined(block, x, lambda y: F.avg_pool2d(y, 3, 1, 1)), block(x), eps=1e-5)
wrong = labels.with_name('wrong.safetensors')
save_file({'a': torch.zeros(3)}, wrong)
for o in (wrong, labels.with_name('none.pth')):
    test_fail(lambda: FidInception(o), exc=InputError, contains='pt_inception')
sum(p.numel() for p in kinds['A'].parameters())

# %% [markdown]
# ## All of it for a batch

# %% [markdown]
# `ClassifierView` is what the protocol asks: it takes a batch of results with their photographs and gray versions, returns what can be said about each picture, and keeps what belongs to the set.

# %%
#| export
class ClassifierView:
    "What pretrained networks say of colored pictures: answers for each, Frechet distances for all"
    def __init__(self,
        inception_weights:str|os.PathLike|None=None, # see `FidInception`; None for no FID
        labels:dict|None=None, # true classes by the names of the photos, see `read_labels`
    ):
        self.net,self.labels = lite0(),labels
        self.inception = FidInception(inception_weights) if inception_weights else None
        self.sets = {}
        for k in ['frechet_lite0'] + ['fid']*bool(inception_weights):
            self.sets[k] = SetDistance()
            self.sets[f'gray_{k}'] = SetDistance(self.sets[k])

    @torch.no_grad()
    def add(self,
        names:list, # of the photos
        fake:Tensor, # results in 0..1, `bs`x3xHxW
        real:Tensor, # the photographs
        gray:Tensor, # their gray versions
    ) -> dict: # `bs` values for each name of a column
        "Look at a batch"
        seen = {k: self.net(o) for k,o in dict(fake=fake, real=real, gray=gray).items()}
        for k,o in (('', 'fake'), ('gray_', 'gray')):
            self.sets[f'{k}frechet_lite0'].add(seen[o][0].numpy(), seen['real'][0].numpy())
        if self.inception:
            maps = {k: self.inception(o).numpy() for k,o in dict(fake=fake, real=real, gray=gray).items()}
            for k,o in (('', 'fake'), ('gray_', 'gray')): self.sets[f'{k}fid'].add(maps[o], maps['real'])
        return self.columns(names, {k: v[1] for k,v in seen.items()})

    def columns(self, names, scores):
        "Agreement with the photograph, and with the labels where there are any"
        first = scores['real'].argmax(1)
        sides = ('', 'fake'), ('gray_', 'gray')
        found = {f'{k}same_top{n}': in_first(scores[o], first, n) for k,o in sides for n in (1, 5)}
        if self.labels is None: return found
        lost = [o for o in names if o not in self.labels]
        if lost: raise InputError(f"no label for '{lost[0]}'", 'name every photo in the table of labels')
        true = torch.tensor([self.labels[o] for o in names])
        sides += ('truth_', 'real'),
        return found | {f'{k}top{n}': in_first(scores[o], true, n) for k,o in sides for n in (1, 5)}

    def figures(self) -> dict: # by name, see `jackknife`
        "What belongs to the set"
        return {k: o.result() for k,o in self.sets.items()}

# %% [markdown]
# The photographs as their own result are found again, all of them, and have no distance. Gray ones have one, and so have pictures whose hue is turned by 180 degrees.

# %%
view = ClassifierView(labels={str(i): int(o) for i,o in enumerate(own)})
names = [str(i) for i in range(6)]
found = view.add(names, real, real, gray)
test_eq([found[k].mean().item() for k in ('same_top1', 'top1', 'truth_top5')], [1, 1, 1])
test_close(view.figures()['frechet_lite0']['mean'], 0, eps=1e-6)
L,ab = split_lab(real)
other = ClassifierView()
wrong = other.add(names, join_lab(L, -ab), real, gray)
assert wrong['same_top1'].mean() < 1 and 'top1' not in wrong
test_fail(lambda: view.add(['7'], real[:1], real[:1], gray[:1]), exc=InputError, contains="'7'")
distances = {k: o['mean'] for k,o in other.figures().items()}
assert min(distances.values()) > .1
pd.Series(distances | {k: v.mean().item() for k,v in wrong.items()}).round(3)

# %% [markdown]
# ## What we have
#
# - top-1 and top-5 of a classifier on colored pictures, by labels or by its own answer to the photograph, beside those of gray pictures;
# - `SetDistance`, a Fréchet distance with an interval, of any features, in constant memory;
# - `frechet_lite0`, which is not FID, and `FidInception` for whoever has its weights.

# %% [markdown]
# ## Exercises
#
# 1. Compute `frechet_lite0` of a set and its gray version from 50, 100, 200 and 400 pictures. How does it fall, and what would it be for infinitely many?
# 2. Which of ImageNet's classes does the network lose in gray? Ask it about your own photographs.
