# %% [markdown]
# # Metrics
#
# > Five numbers for a colored picture, what each of them rewards, and how sure we may be
#
# A colorizer is never right in the sense in which a classifier is: a gray dress was once red or blue, and the photograph does not say. So no single number can judge it, and the most common one, PSNR, prefers no color to a good guess. At the end of this chapter we have the numbers that the field reports, each tested against a closed form or a published value, an interval for every mean, an experiment that shows what goes wrong when PSNR is trusted alone, and `evaluate`, which runs one fixed protocol on a set of photographs and writes down everything that somebody else needs to get the same figures.

# %%
#| default_exp metrics

# %% tags=["parameters"]
size,seed = 128,7

# %%
#| export
import json, math, os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np, pandas as pd, torch
from fastcore.basics import chunked
from PIL import Image, ImageDraw
from rich.console import Console
from rich.progress import track
from skimage.color import deltaE_ciede2000
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

from colorbook import __version__
from colorbook.core import ColorbookError, InputError, write_beside
from colorbook.data import SUFFIXES, data_dir, list_photos, read_photo
from colorbook.lab import lstar, rgb_to_lab

# %%
#| hide
import tempfile
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage.metrics import structural_similarity
from colorbook.data import sample_photos
from colorbook.lab import join_lab, lab_to_rgb, split_lab

# %% [markdown]
# ## From pictures to batches

# %% [markdown]
# Everything below compares two batches of RGB pictures in 0..1, what was made (`fake`) and the photographs (`real`), and returns one value a picture. Means come later and elsewhere, because the order matters: PSNR is a logarithm, so the mean of the pictures' PSNR is not the PSNR of their mean error. On 800 photographs and their gray versions the first is 22.7 dB and the second 20.6, and a metric that silently averages over its batch lies somewhere between, depending on the batch size.

# %%
#| export
def to_batch(
    pictures:list, # RGB pictures of one size, uint8 HxWx3
) -> Tensor: # `bs`x3xHxW in 0..1
    "NumPy pictures as the batch that the metrics take"
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()/255

# %%
photos = sample_photos(size=size)
real = to_batch([np.asarray(o) for o in photos])
gray = lstar(real).clamp(0, 1).expand(-1, 3, -1, -1)
test_close(rgb_to_lab(gray)[:,0], rgb_to_lab(real)[:,0], eps=1e-3)
real.shape

# %% [markdown]
# ## PSNR

# %% [markdown]
# The peak signal-to-noise ratio is the mean squared error on a logarithmic scale: 10 dB more is a tenth of the squared error, and equal pictures have infinitely many. It is what everybody reports, it needs no network, and for a codec, which should return what it was given, it is a good measure. With values in 0..1 the peak is 1.
#
# $$\mathrm{PSNR} = 10\log_{10}\frac{1}{\mathrm{MSE}},\qquad \mathrm{MSE}=\frac{1}{3HW}\sum_{c,i,j}\left(x_{cij}-y_{cij}\right)^2$$

# %%
#| export
def psnr(
    fake:Tensor, # pictures in 0..1, `bs`x3xHxW
    real:Tensor, # the photographs, the same shape and range
) -> Tensor: # dB, `bs` values; infinite where the two are equal
    "Peak signal-to-noise ratio in sRGB, one value a picture"
    return peak_signal_noise_ratio(fake, real, data_range=1., reduction='none', dim=(1, 2, 3))

# %% [markdown]
# An error of exactly $e$ at every value, whatever its sign, gives $-20\log_{10}e$ dB. The two pictures of this batch have different errors, and each keeps its own value.

# %%
torch.manual_seed(seed)
e = torch.tensor([.1, .01]).view(2, 1, 1, 1)
middle = torch.full((2, 3, 32, 32), .5)
noise = torch.randint(0, 2, middle.shape)*2 - 1
test_close(psnr(middle + e*noise, middle), torch.tensor([20., 40]), eps=1e-3)
test_eq(psnr(middle, middle).tolist(), [math.inf]*2)
psnr(gray, real)

# %% [markdown]
# ## SSIM

# %% [markdown]
# Structural similarity compares means, deviations and the correlation of the two pictures inside a small Gaussian window that slides over them, channel by channel. It was made to notice lost detail. A colorizer that leaves lightness alone loses none, so SSIM is high for anything it does and says little here; we report it because the tables of others have it. Definitions differ at the border, where the window sticks out: we leave the outer five pixels out, as scikit-image does, and the two then agree.

# %%
#| export
def ssim(
    fake:Tensor, # pictures in 0..1, `bs`x3xHxW, larger than 11 pixels
    real:Tensor, # the photographs, the same shape and range
) -> Tensor: # at most 1, `bs` values
    "Structural similarity (Wang et al. 2004): 11x11 Gaussian window, sigma 1.5, without the border of 5 pixels"
    _,full = structural_similarity_index_measure(fake, real, data_range=1., reduction='none', return_full_image=True)
    return full[..., 5:-5, 5:-5].mean((1, 2, 3))

# %%
options = dict(channel_axis=0, data_range=1., gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
reference = torch.tensor([structural_similarity(f.numpy(), r.numpy(), **options) for f,r in zip(gray, real)])
test_close(ssim(gray, real), reference, eps=1e-4)
test_close(ssim(real, real), 1, eps=1e-5)
ssim(gray, real)

# %% [markdown]
# ## CIEDE2000

# %% [markdown]
# Lab was designed so that equal distances look equally different, and it does so badly in two places: saturated colors, where the eye forgives more than the distance says, and blues. CIEDE2000 repairs both with weights for lightness, chroma and hue and a rotation term. Its formula fills a page and is easy to get almost right, which is why Sharma, Wu and Dalal published pairs of colors that almost right programs fail. We take scikit-image's and hold it to six of them; beside it stands the plain distance that it corrects, CIE76.

# %%
#| export
def delta_e(
    lab1:Tensor, # Lab colors, `bs`x3x...
    lab2:Tensor, # Lab colors, the same shape
) -> Tensor: # `bs`x...; about 1 is just visible
    "Color difference CIEDE2000 of Lab colors"
    d = deltaE_ciede2000(lab1.double().cpu().numpy(), lab2.double().cpu().numpy(), channel_axis=1)
    return torch.from_numpy(d).float()

# %%
sharma = torch.tensor([ # Lab of the first, Lab of the second, difference: pairs 1, 2, 3, 17, 25, 34 of the paper
    [50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425],
    [50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615],
    [50, 2.8361, -74.0200, 50, 0, -82.7485, 3.4412],
    [50, 2.5, 0, 73, 25, -18, 27.1492],
    [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
    [2.0776, .0795, -1.1350, .9033, -.0636, -.5514, .9082]], dtype=torch.float64)
one,two,published = sharma[:,:3],sharma[:,3:6],sharma[:,6]
test_close(delta_e(one, two), published, eps=1e-4)
test_close(delta_e(two, one), published, eps=1e-4)
cie76 = (one - two).norm(dim=1)
assert (cie76/published > 1.9).sum() == 4
pd.DataFrame(dict(published=published, ciede2000=delta_e(one, two), cie76=cie76)).round(4)

# %% [markdown]
# For pictures we take the mean over the pixels.

# %%
#| export
def ciede2000(
    fake:Tensor, # pictures in 0..1, `bs`x3xHxW
    real:Tensor, # the photographs, the same shape and range
) -> Tensor: # `bs` values
    "Mean color difference CIEDE2000 over the pixels (Sharma et al. 2005)"
    return delta_e(rgb_to_lab(fake), rgb_to_lab(real)).mean((1, 2)).to(fake.device)

# %%
red,redder = torch.tensor([[50., 20, 10]]),torch.tensor([[50., 20, 14]])
def pixel(lab): return lab_to_rgb(lab[..., None, None])
test_close(ciede2000(pixel(red), pixel(redder)), delta_e(red, redder), eps=1e-3)
test_close(ciede2000(real, real), 0, eps=1e-4)
ciede2000(gray, real)

# %% [markdown]
# ## Error in the ab plane

# %% [markdown]
# The simplest figure that looks at color alone is the distance in the ab plane, as a root of the mean square over the pixels. Some papers average over the two channels as well, and so get values smaller by $\sqrt2$; ours is a distance, in units of Lab.
#
# Suppose now that a model has the chroma $c$ of a pixel right except for a factor $s$, and the hue wrong by an angle $\theta$. Two sides and the angle between them give the third:
#
# $$d^2 = c^2\left(s^2 - 2s\cos\theta + 1\right),\qquad \text{smallest at}\ s = \max(0, \cos\theta)$$ {#eq-dull}
#
# So a squared error tells a model that is 60 degrees off to show half the color, and from 90 degrees on to show none.

# %%
#| export
def ab_rmse(
    fake:Tensor, # pictures in 0..1, `bs`x3xHxW
    real:Tensor, # the photographs, the same shape and range
) -> Tensor: # in units of Lab, `bs` values
    "Root mean square over the pixels of the distance in the ab plane"
    return (rgb_to_lab(fake) - rgb_to_lab(real))[:,1:].pow(2).sum(1).mean((1, 2)).sqrt()

# %%
def turn(ab, s, degrees): # chroma times `s`, hue turned
    t = math.radians(degrees)
    return s*torch.einsum('ij,bjhw->bihw', torch.tensor([[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]]), ab)

# %%
hues = torch.linspace(0, 2*math.pi, 64).view(1, 1, 8, 8)
L,ab = torch.full_like(hues, .6),torch.cat([hues.cos(), hues.sin()], 1)*20/110 # chroma 20: inside sRGB at every hue
for s,degrees in [(1, 0), (.5, 0), (0, 30), (1, 60), (.5, 60), (.8, 120)]:
    expected = 20*math.sqrt(s**2 - 2*s*math.cos(math.radians(degrees)) + 1)
    test_close(ab_rmse(join_lab(L, turn(ab, s, degrees)), join_lab(L, ab)), expected, eps=.01)
ab_rmse(gray, real)

# %% [markdown]
# ## Colorfulness

# %% [markdown]
# How colorful a picture is can be measured without the truth. Hasler and Süsstrunk asked people, and fitted to their answers the spread and the mean of two opponent channels:
#
# $$rg = R - G,\qquad yb = \tfrac12(R+G) - B,\qquad M = \sqrt{\sigma_{rg}^2+\sigma_{yb}^2} + 0.3\sqrt{\mu_{rg}^2+\mu_{yb}^2}$$
#
# with values in 0..255. A gray picture has 0, and about 33 is called moderately colorful. Several published evaluation scripts take $|rg|$ and $|yb|$ instead, and some the sample deviation; the numbers then differ, so the kind belongs beside the figure. Ours is the original: signed, with the population's deviation.

# %%
#| export
def colorfulness(
    rgb:Tensor, # pictures in 0..1, `bs`x3xHxW
) -> Tensor: # M, 0 for gray, `bs` values
    "Colorfulness M3 of Hasler and Suesstrunk (2003): signed opponent channels, population deviation"
    r,g,b = (rgb*255).flatten(2).unbind(1)
    rg,yb = r - g,(r + g)/2 - b
    spread = (rg.var(1, correction=0) + yb.var(1, correction=0)).sqrt()
    return spread + .3*(rg.mean(1)**2 + yb.mean(1)**2).sqrt()

# %% [markdown]
# Flat red has no spread and means of 255 and 127.5; flat blue a mean of -255 in one channel; a picture half red and half green a spread of 255 in one and a mean of 127.5 in the other. The last would be 76.5 with absolute values, and above 400 with the sample's deviation of its two pixels.

# %%
R,G,B,mid = [1., 0, 0],[0., 1, 0],[0., 0, 1],[.5, .5, .5]
flat = torch.tensor([[R, R], [B, B], [R, G], [mid, mid]]).permute(0, 2, 1)[:,:,None] # four pictures of 1x2 pixels
test_close(colorfulness(flat), torch.tensor([.3*math.hypot(255, 127.5), 76.5, 293.25, 0]), eps=1e-3)
colorfulness(flat)

# %% [markdown]
# Alone it is easily cheated, because noise in all colors is very colorful. What tells a dull model from a lively one is its ratio to the truth over a whole set: mean divided by mean, so that one nearly gray photograph does not weigh more than the rest.

# %%
#| export
def ratio_of_means(
    pairs:np.ndarray, # Nx2 values
) -> float: # `nan` if the second column is all 0
    "Mean of the first column divided by the mean of the second"
    top,bottom = np.asarray(pairs, dtype=float).mean(0)
    return float(top/bottom) if bottom else math.nan

# %%
#| export
def colorfulness_ratio(
    fake:Tensor, # pictures in 0..1, `bs`x3xHxW
    real:Tensor, # the photographs, as many
) -> float: # 1 if the two are equally colorful
    "Mean colorfulness of `fake` divided by that of `real`"
    return ratio_of_means(torch.stack([colorfulness(fake), colorfulness(real)], 1).cpu().numpy())

# %%
test_close(colorfulness_ratio(real, real), 1, eps=1e-6)
test_close(colorfulness_ratio(gray, real), 0, eps=1e-3)
half = gray + .5*(real - gray)
test_close(colorfulness_ratio(half, real), .5, eps=1e-3)
colorfulness(real)

# %% [markdown]
# ## LPIPS

# %% [markdown]
# LPIPS asks a classifier instead of the pixels: both pictures go through a network trained on ImageNet, and the distance of their features, weighted by what people said about pairs of distorted patches, is the figure. It sees that gray grass is odd, which PSNR does not. There are three networks (`squeeze`, `alex`, `vgg`) with different scales, and the inputs belong in -1..1; both mistakes are common in published tables, so the card below records the network and this wrapper takes 0..1 and converts.
#
# torchmetrics carries the learned weights, torchvision fetches the network's. Where there is no network connection, `TORCH_HOME` names a folder that has them; where it is not set, a folder `weights/torch` beside the data folder is tried.

# %%
#| export
BACKBONES = dict(squeeze='squeezenet1_1', alex='alexnet', vgg='vgg16')

@contextmanager
def torch_home(
    net:str, # key of `BACKBONES`
):
    "`TORCH_HOME` set for a while to `weights/torch` beside the data folder, if the network is there and nothing is set"
    data = data_dir()
    found = data and list((data.parent/'weights'/'torch').glob(f'hub/checkpoints/{BACKBONES[net]}-*.pth'))
    use = bool(found) and 'TORCH_HOME' not in os.environ
    if use: os.environ['TORCH_HOME'] = str(found[0].parents[2])
    try: yield
    finally:
        if use: del os.environ['TORCH_HOME']

# %%
#| export
@cache
def lpips_net(
    net:str='squeeze', # 'squeeze', 'alex' or 'vgg'
) -> torch.nn.Module: # takes two batches in 0..1 and `normalize=True`
    "The network of LPIPS v0.1, loaded once; a `ColorbookError` if its weights cannot be had"
    if net not in BACKBONES: raise InputError(f"LPIPS has no network '{net}'", f"take {', '.join(BACKBONES)}")
    try:
        with torch_home(net): return LearnedPerceptualImagePatchSimilarity(net).net.eval()
    except (OSError, RuntimeError) as e:
        raise ColorbookError(f'no weights for LPIPS ({net}): {e}',
            'connect once, or set TORCH_HOME to a folder with hub/checkpoints in it') from e

# %%
#| export
@torch.no_grad()
def lpips(
    fake:Tensor, # pictures in 0..1, `bs`x3xHxW
    real:Tensor, # the photographs, the same shape and range
    net:str='squeeze', # 'squeeze', 'alex' or 'vgg'
) -> Tensor: # 0 for equal pictures, `bs` values
    "Perceptual distance LPIPS v0.1 (Zhang et al. 2018), one value a picture"
    return lpips_net(net).to(fake.device)(fake, real, normalize=True).flatten()

# %% [markdown]
# Where the weights are missing, this chapter and `evaluate` go on without LPIPS and say so; nothing is put in its place, since a random network's distances would look like figures and mean nothing.

# %%
#| export
def lpips_state(
    net:str|None='squeeze', # network that is wanted, or None
) -> tuple[str|None,str]: # the network that can be used or None, and what the report says about it
    "Whether LPIPS can be measured here"
    if net is None: return None,'left out'
    try: lpips_net(net)
    except InputError: raise
    except ColorbookError as e: return None,f'not measured, {e}'
    return net,f'v0.1, {net}'

# %%
net,state = lpips_state()
if net:
    distance = lpips(gray, real)
    test_close(lpips(real, real), 0, eps=1e-6)
    test_close(lpips(gray[1:2], real[1:2]), distance[1:2], eps=1e-4)
    test_close(lpips_net()(gray*2 - 1, real*2 - 1).flatten(), distance, eps=1e-5)
    assert (distance > .02).all()
test_fail(lambda: lpips(gray, real, net='resnet'), exc=InputError, contains='take squeeze')
distance if net else state

# %% [markdown]
# ## Why PSNR alone favors dull models

# %% [markdown]
# Now the experiment. We take the photographs themselves, keep their lightness, multiply their chroma by $s$ and turn their hue by a fixed angle: a model that knows which things are colored, and misses the hue by that much. Colors that do not fit into sRGB lose chroma, as in the product. By the formula of the section on the ab plane we expect that PSNR rises toward $s=1$ only if the hue is right, that at 60 degrees it is best with about half of the color, and that from 90 degrees on nothing beats gray.

# %%
factors,angles = torch.linspace(0, 1.2, 13).tolist(),(0, 30, 60, 90)
L,ab = split_lab(real)
def repaint(s, degrees): return join_lab(L, turn(ab, s, degrees))

# %%
curves = []
for degrees in angles:
    for s in factors:
        fake = repaint(s, degrees)
        curves.append(dict(degrees=degrees, s=s, psnr=psnr(fake, real).clamp(max=50).mean().item(),
            colorfulness=colorfulness_ratio(fake, real), lpips=lpips(fake, real).mean().item() if net else math.nan))
curves = pd.DataFrame(curves)
best = curves.loc[curves.groupby('degrees').psnr.idxmax()].set_index('degrees').s
test_close(best[0], 1, eps=1e-6)
assert best[30] < 1 and .2 < best[60] < .8 and best[90] == 0
best

# %%
def show_curves(names, labels):
    fig,axs = plt.subplots(1, len(names), figsize=(9, 3), layout='constrained')
    for ax,name,label in zip(axs, names, labels):
        for degrees,c in curves.groupby('degrees'): ax.plot(c.s, c[name], label=f'hue off by {degrees}°')
        ax.set(xlabel='chroma, as a factor of the truth', title=label)
    axs[0].set_ylim(curves.psnr.min() - 1, 35)
    axs[-1].legend(fontsize=8)

# %%
#| label: fig-dull
#| fig-cap: "The photographs' own color, multiplied and turned. Unless the hue is almost right, PSNR is best for a picture with little color or none; colorfulness grows with the factor whether the hue is right or not."
show_curves(['psnr', 'colorfulness'], ['PSNR (dB)', 'colorfulness, ratio to the truth'])

# %% [markdown]
# Both panels of @fig-dull must be read together. A model that raises its PSNR while its colorfulness sinks has not learned the colors better; it has learned to shrug. A model whose colorfulness is 1 and whose PSNR lies far below that of gray paints at random. That is why the bars of this project name three numbers at once: PSNR not far from that of gray *and* colorfulness near that of the truth *and* LPIPS clearly below that of gray.

# %% [markdown]
# What the same trade looks like:

# %%
def show_row(pictures, titles):
    fig,axs = plt.subplots(1, len(pictures), figsize=(9, 2.4), layout='constrained')
    for ax,p,t in zip(axs, pictures, titles):
        ax.imshow(p.permute(1, 2, 0).clamp(0, 1))
        ax.set_title(t, fontsize=8)
        ax.axis('off')

# %%
#| label: fig-dull-photo
#| fig-cap: "One photograph with its hue turned by 60 degrees at three strengths. PSNR prefers the second."
strengths = [0, float(best[60]), 1]
views = [repaint(s, 60)[:1] for s in strengths]
titles = [f'factor {s:.1f}: {psnr(v, real[:1]).item():.1f} dB' for s,v in zip(strengths, views)]
show_row([*torch.cat(views), real[0]], titles + ['truth'])

# %% [markdown]
# ## How sure is a mean

# %% [markdown]
# Photographs differ far more than models do: the PSNR of gray pictures spreads over more than 10 dB, so a mean over a few of them moves by whole decibels from set to set. The bootstrap says by how much without any assumption about the distribution: draw as many values from the set as it has, with repetition, take the statistic, do that 2,000 times, and cut off 2.5 % at both ends. Ratios are drawn as pairs, photo by photo, because result and truth of the same photo go together.

# %%
#| export
def bootstrap_ci(
    values:np.ndarray, # N values, or NxK where K values of a photo belong together
    stat=np.mean, # function of such an array, returns a number
    n:int=2000, # resamples
    level:float=.95, # share of the resamples that lies inside
    seed:int=0, # of the resampling
) -> tuple[float,float]: # lower and upper bound
    "Percentile bootstrap interval of `stat` (Efron 1979)"
    values,rng = np.asarray(values, dtype=float),np.random.default_rng(seed)
    stats = [stat(values[rng.integers(0, len(values), len(values))]) for _ in range(n)]
    low,high = np.quantile(stats, [(1 - level)/2, (1 + level)/2], method='inverted_cdf')
    return float(low),float(high)

# %% [markdown]
# An interval that is called 95 % should hold the true mean in about 95 of 100 samples. For samples of 50 from a normal distribution we can count. And if every result has 0.7 of its own truth's colorfulness, the ratio is certain however much the photos differ: only resampling in pairs knows that.

# %%
rng = np.random.default_rng(seed)
samples = rng.normal(3, 2, (200, 50))
inside = [low < 3 < high for low,high in (bootstrap_ci(o, n=400, seed=i) for i,o in enumerate(samples))]
assert .89 < np.mean(inside) < .985
low,high = bootstrap_ci(samples[0])
test_close(high - low, 2*1.96*samples[0].std()/50**.5, eps=.15)
truth = rng.uniform(5, 80, 100)
test_close(bootstrap_ci(np.stack([.7*truth, truth], 1), ratio_of_means), [.7, .7], eps=1e-9)
np.mean(inside)

# %% [markdown]
# ## Scores of a batch

# %% [markdown]
# Training asks for some of these numbers after every epoch, on a few held-out photos, and cannot wait for all of them. `score` takes the names it wants.

# %%
#| export
measures = dict(psnr=psnr, ssim=ssim, ciede2000=ciede2000, ab_rmse=ab_rmse, lpips=lpips)

# %%
#| export
def score(
    fake:Tensor, # pictures, `bs`x3xHxW, any float type; cut to 0..1
    real:Tensor, # the photographs, the same shape
    names:tuple=('psnr', 'ssim', 'ciede2000', 'ab_rmse'), # keys of `measures`
    net:str='squeeze', # network for 'lpips', if that is among them
) -> dict[str,Tensor]: # `bs` values for each name, for `colorfulness` and for `truth_colorfulness`
    "Values of every picture of a batch"
    if fake.shape != real.shape:
        raise InputError(f'{tuple(fake.shape)} and {tuple(real.shape)} differ', 'compare equal sizes')
    fake,real = (o.detach().float().clamp(0, 1) for o in (fake, real))
    result = {o: measures[o](fake, real, **(dict(net=net) if o == 'lpips' else {})) for o in names}
    return result | dict(colorfulness=colorfulness(fake), truth_colorfulness=colorfulness(real))

# %%
scores = score(half.double(), real)
test_eq(scores['psnr'], psnr(half, real))
assert (scores['ciede2000'] < ciede2000(gray, real)).all()
test_close(score(2*real, real, ('psnr',))['psnr'], psnr((2*real).clamp(0, 1), real))
test_fail(lambda: score(half[:1], real), exc=InputError, contains='equal sizes')
pd.DataFrame({k: v.numpy() for k,v in scores.items()}).round(3)

# %% [markdown]
# ## One protocol

# %% [markdown]
# Two figures can be compared only if they were measured in the same way, and most published tables leave the way unsaid: which size, stretched or cropped, which gray, eight bits or floats. Ours: each photo is stretched to 256x256 with Pillow's bicubic filter, which averages when it shrinks; rounded to eight bits it is the truth. The input is the gray picture with the truth's lightness L*, again in eight bits, so that the question is only about color. The colorizer is any function from such a picture to a colored one of the same size, both NumPy arrays: the product, another program's wrapper, or a lambda in a test. The same metrics are taken of the input, as the baseline that any colorizer should be held against.

# %%
#| export
def find_photos(
    photos, # folder, tar file, picture file, PIL picture, or a list of pictures and their files
) -> list: # pairs of a name and what `read_photo` takes
    "Names and sources of all photos"
    one = isinstance(photos, Image.Image) or (isinstance(photos, (str, Path)) and Path(photos).suffix.lower() in SUFFIXES)
    items = list_photos([photos] if one else photos)
    if not items: raise InputError(f"there is no photo in '{photos}'", 'name a folder or a tar with pictures in it')
    return items

# %%
#| export
def read_truth(
    name:str, # for the error
    photo, # path, bytes, PIL picture or array
    size:int=256, # side in pixels
) -> np.ndarray: # `size`x`size`x3, uint8
    "A photo as the protocol compares it: upright, RGB, stretched to a square with Pillow's bicubic filter"
    return np.array(read_photo(photo, name).resize((size, size), Image.Resampling.BICUBIC))

# %%
#| export
def gray_picture(
    rgb:np.ndarray, # HxWx3, uint8
) -> np.ndarray: # HxWx3, uint8, three equal channels
    "The gray sRGB picture with the lightness L* of `rgb`"
    g = (lstar(to_batch([rgb])).clamp(0, 1)*255).round().byte()[0,0].numpy()
    return np.stack([g]*3, -1)

# %% [markdown]
# Eight bits keep the lightness to within a quarter of a unit of L*, except near black, where sRGB's steps are wider.

# %%
truth = read_truth('first', photos[0], size)
delta = (rgb_to_lab(to_batch([gray_picture(truth)])) - rgb_to_lab(to_batch([truth])))[:,0].abs()
assert delta.max() < .3
test_eq(gray_picture(gray_picture(truth)), gray_picture(truth))
test_fail(lambda: read_truth('b.jpg', b'not a picture'), exc=InputError, contains='b.jpg')
wide = [o.resize((200, 120)) for o in photos]
folder = Path(tempfile.mkdtemp())
for i,o in enumerate(wide): o.save(folder/f'{i}.png')
test_eq([o[0] for o in find_photos(folder)], [f'{i}.png' for i in range(len(wide))])
for found in (find_photos(folder)[1], *find_photos(folder/'1.png'), *find_photos(wide[1])):
    test_eq(read_truth(*found, size), read_truth('', wide[1], size))
delta.max()

# %%
#| export
def paint(
    colorizer, # function of a gray picture, uint8 HxWx3, that returns a picture of the same size and kind
    gray:np.ndarray, # the gray picture
) -> np.ndarray: # HxWx3, uint8
    "`colorizer(gray)`, refused if it is not what the protocol compares"
    fake = np.asarray(colorizer(gray.copy()))
    if fake.shape == gray.shape and fake.dtype == np.uint8: return fake
    raise InputError(f'the colorizer returned {fake.dtype} of shape {fake.shape} for uint8 of shape {gray.shape}',
        'let it return uint8 pictures of the same size')

# %%
#| export
def measure(
    colorizer, # see `paint`
    photos:list, # what `find_photos` returns
    names:tuple, # keys of `measures`
    net:str='squeeze', # network for 'lpips'
    size:int=256, # side in pixels
) -> pd.DataFrame: # a row a photo: name, the measures, colorfulness of result and truth, the measures of gray
    "Scores of a few photos, measured as one batch"
    real = [read_truth(*o, size) for o in photos]
    gray = [gray_picture(o) for o in real]
    fake = to_batch([paint(colorizer, o) for o in gray])
    result,base = (score(o, to_batch(real), names, net) for o in (fake, to_batch(gray)))
    columns = result | {f'gray_{k}': base[k] for k in names}
    return pd.DataFrame(dict(name=[o[0] for o in photos]) | {k: v.double().numpy() for k,v in columns.items()})

# %%
table = measure(lambda g: g, find_photos(photos), ('psnr', 'ssim'), size=size)
test_eq(table.psnr.tolist(), table.gray_psnr.tolist())
test_close(table.psnr.to_numpy(), psnr(gray, real).numpy(), eps=.05)
test_close(table.colorfulness, 0)
test_fail(lambda: paint(lambda g: g/255, truth), exc=InputError, contains='float64')
table.round(3)

# %% [markdown]
# ## The report

# %% [markdown]
# A summary holds the mean of every column with its interval, and two ratios: colorfulness to the truth's and LPIPS to that of the gray pictures. The protocol goes into the same file as the figures, so that they cannot part.

# %%
#| export
def with_ci(
    values:np.ndarray, # N values or NxK, see `bootstrap_ci`
    stat=np.mean, # function of such an array
) -> dict: # `mean` (the statistic of all), `low`, `high`
    "A statistic and its 95 % interval"
    low,high = bootstrap_ci(values, stat)
    return dict(mean=float(stat(np.asarray(values, dtype=float))), low=low, high=high)

# %%
#| export
def summarize(
    table:pd.DataFrame, # rows of `measure`
) -> dict: # `mean`, `low` and `high` for every column and for the ratios
    "Means and ratios of a table with 95 % intervals"
    result = {k: with_ci(table[k].to_numpy()) for k in table.columns if k != 'name'}
    ratios = dict(colorfulness_ratio=('colorfulness', 'truth_colorfulness'), lpips_ratio=('lpips', 'gray_lpips'))
    return result | {k: with_ci(table[list(o)].to_numpy(), ratio_of_means) for k,o in ratios.items() if o[0] in table}

# %%
#| export
def protocol(
    size:int, # side in pixels
    lpips:str|None, # network, or what is missing
) -> dict: # names and values that JSON can hold
    "How the figures were measured, and with which versions"
    packages = ('numpy', 'pillow', 'torch', 'torchvision', 'torchmetrics', 'scikit-image')
    return dict(size=f'{size}x{size}', resize='stretched, Pillow bicubic (averages when it shrinks)',
        input='8-bit sRGB gray with the lightness L* of the photo', compared='8-bit sRGB result with the resized photo',
        psnr='dB in sRGB, of each photo, then the mean', ssim='Gaussian 11x11, sigma 1.5, border of 5 left out',
        ciede2000='mean over the pixels', ab_rmse='distance in the ab plane', lpips=lpips,
        colorfulness='Hasler-Suesstrunk, signed rg and yb, population deviation; ratio: mean by mean',
        interval='95 %, percentile bootstrap over photos, 2000 resamples',
        versions=dict(colorbook=__version__) | {o: version(o) for o in packages})

# %%
#| export
@dataclass
class Evaluation:
    "What a colorizer scored: a row a photo, means with intervals, and the protocol"
    photos:pd.DataFrame # rows of `measure`
    summary:dict # of `summarize`
    card:dict # of `protocol`, and what was measured

    def __str__(self):
        def cell(k): return '{mean:9.3f} [{low:.3f}, {high:.3f}]'.format(**self.summary[k]) if k in self.summary else ''
        names = [k for k in measures if k in self.summary]
        lines = [f'{"":20}{"result":32}gray'] + [f'{k:20}{cell(k):32}{cell(f"gray_{k}")}' for k in names]
        lines += [f'{k:20}{cell(k)}' for k in ('colorfulness', 'truth_colorfulness', 'colorfulness_ratio', 'lpips_ratio') if cell(k)]
        return '\n'.join(lines + [f'{len(self.photos)} photos at {self.card["size"]}; LPIPS: {self.card["lpips"]}'])

    def save(self, out):
        "Write `metrics.json` and `photos.csv` into the folder `out`"
        def plain(o): return {k: plain(v) for k,v in o.items()} if isinstance(o, dict) else o if np.isfinite(o) else str(o)
        report = dict(photos=len(self.photos), summary=plain(self.summary), protocol=self.card)
        with write_beside(Path(out)/'metrics.json') as f: f.write_text(json.dumps(report, indent=1, allow_nan=False) + '\n')
        with write_beside(Path(out)/'photos.csv') as f: self.photos.to_csv(f, index=False, float_format='%.6g')

# %% [markdown]
# JSON has no infinity, so the PSNR of equal pictures is stored as the string `inf`, which `float` reads.
#
# A table does not show what goes wrong. The sheet does: the photos with the best, the middle and the worst PSNR, each as gray, result and truth.

# %%
#| export
def make_sheet(
    rows:list, # pairs of a caption and a list of pictures, uint8 HxWx3 of one size
) -> Image.Image: # a row a pair, caption above
    "Rows of pictures with captions"
    strips = [np.concatenate(pictures, 1) for _,pictures in rows]
    h,w = strips[0].shape[:2]
    sheet = Image.new('RGB', (w, (h + 16)*len(rows)), 'white')
    for i,((caption,_),strip) in enumerate(zip(rows, strips)):
        ImageDraw.Draw(sheet).text((4, i*(h + 16) + 2), caption, fill='black')
        sheet.paste(Image.fromarray(strip), (0, i*(h + 16) + 16))
    return sheet

# %%
#| export
def extremes(
    colorizer, # see `paint`; asked once more for the pictures of the sheet
    photos:list, # what `find_photos` returns
    table:pd.DataFrame, # rows of `measure` for them
    size:int=256, # side in pixels
    n:int=2, # photos of each kind
) -> Image.Image: # gray, result and truth
    "Sheet of the photos with the best, middle and worst PSNR"
    order = np.argsort(-table.psnr.to_numpy(), kind='stable')
    n = min(n, max(1, len(order)//3))
    mid = (len(order) - n)//2
    rows = []
    for kind,ids in dict(best=order[:n], median=order[mid:mid + n], worst=order[-n:]).items():
        for i in ids:
            truth = read_truth(*photos[i], size)
            gray = gray_picture(truth)
            rows.append((f'{kind}: {table.name[i]}, {table.psnr[i]:.1f} dB', [gray, paint(colorizer, gray), truth]))
    return make_sheet(rows)

# %%
#| export
def evaluate(
    colorizer, # function of a gray picture, uint8 HxWx3, that returns a picture of the same size and kind
    photos, # folder, tar file, picture file, PIL picture, or a list of these
    out:str|os.PathLike|None=None, # folder for `metrics.json`, `photos.csv` and `sheet.jpg`
    size:int=256, # side in pixels
    net:str|None='squeeze', # network for LPIPS; None leaves LPIPS out
    bs:int=8, # photos measured at a time
    about:dict|None=None, # what is measured (artifact, hash, options): kept with the protocol
    progress:bool=True, # show a bar on stderr
) -> Evaluation: # prints as a table
    "Measure a colorizer on a set of photos, beside the gray pictures as a baseline"
    items,(net,state) = find_photos(photos),lpips_state(net)
    names = tuple(k for k in measures if net or k != 'lpips')
    batches = track(list(chunked(items, bs)), 'measuring', console=Console(stderr=True), disable=not progress)
    table = pd.concat([measure(colorizer, o, names, net, size) for o in batches], ignore_index=True)
    result = Evaluation(table, summarize(table), protocol(size, state) | dict(about=about or {}))
    if out:
        result.save(out)
        with write_beside(Path(out)/'sheet.jpg') as f: extremes(colorizer, items, table, size).save(f, quality=90)
    return result

# %% [markdown]
# Two colorizers have known results. One that cheats, and looks the truth up, has no error at all; one that returns its input has no color, and its figures are those of the baseline. A third is somewhere between: it gives every pixel the same tint.

# %%
answers = {gray_picture(o).tobytes(): o for o in (read_truth('', w, size) for w in wide)}
def cheat(g): return answers[g.tobytes()]
perfect = evaluate(cheat, wide, size=size, progress=False)
test_close(perfect.summary['colorfulness_ratio']['mean'], 1, eps=1e-9)
test_eq((perfect.photos.psnr == math.inf).all(), True)
test_close(perfect.photos.ciede2000, 0, eps=1e-4)
if net: test_close(perfect.summary['lpips_ratio']['high'], 0, eps=1e-6)

# %%
nothing = evaluate(lambda g: g, wide, size=size, progress=False)
for k in ('psnr', 'ssim', 'ciede2000', 'ab_rmse'): test_eq(nothing.summary[k], nothing.summary[f'gray_{k}'])
test_eq(nothing.summary['colorfulness'], dict(mean=0, low=0, high=0))
if net: test_close(nothing.summary['lpips_ratio']['mean'], 1, eps=1e-9)
assert nothing.summary['psnr']['low'] < nothing.summary['psnr']['mean'] < nothing.summary['psnr']['high']

# %%
def sepia(g):
    L = split_lab(to_batch([g]))[0]
    rgb = join_lab(L, torch.tensor([.06, .18]).view(1, 2, 1, 1).expand(1, 2, *L.shape[2:]))
    return (rgb[0]*255).round().byte().permute(1, 2, 0).numpy()
brown = evaluate(sepia, folder, out=folder/'report', size=size, about=dict(name='sepia'), progress=False)
print(brown)

# %% [markdown]
# What is on disk says the same. A set of gray photos has no ratio to speak of, and gets `nan`. An empty folder and a colorizer that breaks the agreement are errors with a name.

# %%
report = json.loads((folder/'report'/'metrics.json').read_text())
test_eq(report['summary']['psnr'], brown.summary['psnr'])
test_eq(report['protocol']['about'], dict(name='sepia'))
test_close(pd.read_csv(folder/'report'/'photos.csv').psnr.mean(), brown.summary['psnr']['mean'], eps=1e-3)
perfect.save(folder/'perfect')
test_eq(float(json.loads((folder/'perfect'/'metrics.json').read_text())['summary']['psnr']['mean']), math.inf)
monochrome = evaluate(sepia, [o.convert('L') for o in wide], net=None, out=folder/'gray', size=size, progress=False)
test_eq(math.isnan(monochrome.summary['colorfulness_ratio']['mean']), True)
assert 'LPIPS: left out' in str(monochrome)
(folder/'empty').mkdir()
test_fail(lambda: evaluate(sepia, folder/'empty', progress=False), exc=InputError, contains='no photo')
test_fail(lambda: evaluate(lambda g: g[:5], wide, net=None, size=size, progress=False), exc=InputError, contains='the same size')
sorted(report['summary'])

# %%
#| label: fig-sheet
#| fig-cap: "The sheet of a tint that is the same everywhere: gray, result, truth, sorted by PSNR."
Image.open(folder/'report'/'sheet.jpg')

# %% [markdown]
# ## What we have
#
# - PSNR, SSIM, CIEDE2000, ab error, colorfulness and LPIPS, a value a picture, each held to a closed form or to a reference;
# - `bootstrap_ci` for means and for ratios of means, and `score` for a look during training;
# - `evaluate`: one protocol, beside the gray baseline, with everything that is needed to repeat it in the file.

# %% [markdown]
# ## Exercises
#
# 1. A model does not know whether a coat is 60 degrees to the left or to the right of the true hue, and either is equally likely. Which single color has the least expected squared error, and how does it follow from @eq-dull?
# 2. Add noise to a gray picture until its colorfulness is that of the truth. What do PSNR, CIEDE2000 and LPIPS say about it?
# 3. How many photos does it take until the interval of a PSNR ratio between two models excludes 1, if they differ by 2 %? Try with `bootstrap_ci`, in pairs and each model on its own photos.
