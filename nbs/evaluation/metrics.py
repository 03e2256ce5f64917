# %% [markdown]
# # Metrics
#
# > The numbers that judge a colored picture, what each of them rewards, and how sure we may be
#
# A gray dress was once red or blue, and the photograph does not say which. A colorizer that guesses blue is not wrong in the sense in which a classifier can be wrong. So no single number can judge it, and the most common one, PSNR, prefers no color to a good guess. This chapter explains the numbers that the field reports, gives every mean an interval, and shows in an experiment what goes wrong when PSNR is trusted alone. [Evaluation](protocol.ipynb) makes one protocol of them.

# %%
#| default_exp evaluation.metrics

# %% tags=["parameters"]
size,seed = 128,7

# %%
#| export
import math, os, warnings
from contextlib import contextmanager, redirect_stdout
from functools import cache
from io import StringIO

import numpy as np, torch
from scipy.stats import bootstrap, DegenerateDataWarning
from skimage.color import deltaE_ciede2000
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

from colorbook.core import ColorbookError, InputError
from colorbook.data.photos import weights_file
from colorbook.color.lab import lstar, rgb_to_lab

# %%
#| hide
import matplotlib.pyplot as plt, pandas as pd
from fastcore.test import *
from skimage.metrics import normalized_root_mse, structural_similarity
from colorbook.data.photos import sample_photos
from colorbook.color.lab import join_lab, lab_to_rgb, split_lab

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
# Some papers, S3's among them, report the error as a share of what there is instead: the root of the mean squared error, divided by the root of the photograph's own mean square. It is the same error as in PSNR on another scale, with one difference: in a dark picture the same error is a larger share. A picture that is too dark by a tenth everywhere has an NRMSE of a tenth.
#
# $$\mathrm{NRMSE}=\frac{\lVert x-y\rVert}{\lVert y\rVert}$$

# %%
#| export
def nrmse(
    fake:Tensor, # pictures in 0..1, `bs`x3xHxW
    real:Tensor, # the photographs, the same shape and range
) -> Tensor: # 0 where the two are equal, `bs` values; of a black photograph 0 or infinite
    "Root of the squared error as a share of the photograph's own square (scikit-image's 'euclidean')"
    error,size = (o.flatten(1).norm(dim=1) for o in (fake - real, real))
    return torch.where(error > 0, error/size, error)

# %%
test_close(nrmse(.9*real, real), .1, eps=1e-5)
want = [normalized_root_mse(r.numpy(), g.numpy()) for g,r in zip(gray, real)]
test_close(nrmse(gray, real), torch.tensor(want), eps=1e-5)
test_eq(nrmse(torch.stack([real[0]*0, real[0]]), real[:1]*0).tolist(), [0, math.inf])
nrmse(gray, real)

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
# torchmetrics carries the learned weights, torchvision fetches the network's. Where there is no network connection, `TORCH_HOME` names a folder that has them; where it is not set, a folder `torch` in the folder that `COLORBOOK_WEIGHTS` names is tried.

# %%
#| export
BACKBONES = dict(squeeze='squeezenet1_1', alex='alexnet', vgg='vgg16')

@contextmanager
def torch_home(
    net:str, # key of `BACKBONES`
):
    "`TORCH_HOME` set for a while to `COLORBOOK_WEIGHTS/torch`, if the network is there and nothing is set"
    home = weights_file('torch')
    found = home and list(home.glob(f'hub/checkpoints/{BACKBONES[net]}-*.pth'))
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
        with torch_home(net), redirect_stdout(StringIO()): # torch announces what it fetches, and whereto
            return LearnedPerceptualImagePatchSimilarity(net).net.eval()
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
# Where the weights are missing, this chapter goes on without LPIPS and says so; nothing is put in its place, since a random network's distances would look like figures and mean nothing.

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
#| fig-cap: "The truth's own color, multiplied and turned. Unless the hue is right, PSNR prefers little color."
show_curves(['psnr', 'colorfulness'], ['PSNR (dB)', 'colorfulness, ratio to the truth'])

# %% [markdown]
# Both panels of @fig-dull must be read together. A model that raises its PSNR while its colorfulness sinks has not learned the colors better; it has learned to shrug. A model whose colorfulness is 1 and whose PSNR lies far below that of gray paints at random. That is why the bars of this project name three numbers at once: PSNR not far from that of gray *and* colorfulness near that of the truth *and* LPIPS clearly below that of gray.

# %% [markdown]
# The same trade in pictures: look at the figure above each of the first three, and decide which of them you would hang on a wall.

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
# All three are wrong. The third has as much color as the truth, in a wrong hue, and by @eq-dull it is no nearer to the truth than gray is. PSNR prefers the second, which halves the color and so the mistake.

# %% [markdown]
# ## How sure is a mean

# %% [markdown]
# Photographs differ far more than models do: the PSNR of gray pictures spreads over more than 10 dB, so a mean over a few of them moves by whole decibels from set to set. The bootstrap says by how much without any assumption about the distribution: draw as many values from the set as it has, with repetition, take the statistic, do that 2,000 times, and cut off 2.5 % at both ends; `scipy.stats.bootstrap` does. Ratios are drawn as pairs, photo by photo, because result and truth of the same photo go together.

# %%
#| export
def bootstrap_ci(
    values:np.ndarray, # N values, or NxK where K values of a photo belong together
    stat=np.mean, # function of such an array, returns a number
    n:int=2000, # resamples
    level:float=.95, # share of the resamples that lies inside
    seed:int=0, # of the resampling
) -> tuple[float,float]: # lower and upper bound
    "Percentile bootstrap interval of `stat` (Efron 1979); of one value, or where one is infinite, `stat` itself"
    values = np.asarray(values, dtype=float)
    if len(values) < 2 or not np.isfinite(values).all(): return (float(stat(values)),)*2
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DegenerateDataWarning) # of 0/0, which is not a number and is returned as that
        found = bootstrap((np.arange(len(values)),), lambda rows: stat(values[rows]), n_resamples=n, vectorized=False,
            batch=max(1, 10**6//len(values)), confidence_level=level, method='percentile', rng=seed)
    return tuple(map(float, found.confidence_interval))

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
one,level = bootstrap_ci(truth, n=400, seed=1),bootstrap_ci(truth, n=400, level=.5, seed=1)
assert one[0] < level[0] < level[1] < one[1] and one != bootstrap_ci(truth, n=400, seed=2)
test_eq((bootstrap_ci([3]), bootstrap_ci([3, math.inf])), ((3, 3), (math.inf, math.inf)))
np.mean(inside)

# %% [markdown]
# ## Scores of a batch

# %% [markdown]
# Training asks for some of these numbers after every epoch, on a few held-out photos, and cannot wait for all of them. `compute_metrics` takes the names it wants.

# %%
#| export
measures = dict(psnr=psnr, ssim=ssim, nrmse=nrmse, ciede2000=ciede2000, ab_rmse=ab_rmse, lpips=lpips)

# %%
#| export
def compute_metrics(
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
scores = compute_metrics(half.double(), real)
test_eq(scores['psnr'], psnr(half, real))
assert (scores['ciede2000'] < ciede2000(gray, real)).all()
test_close(compute_metrics(2*real, real, ('psnr',))['psnr'], psnr((2*real).clamp(0, 1), real))
test_fail(lambda: compute_metrics(half[:1], real), exc=InputError, contains='equal sizes')
pd.DataFrame({k: v.numpy() for k,v in scores.items()}).round(3)

# %% [markdown]
# ## What we have
#
# - PSNR, SSIM, CIEDE2000, ab error, colorfulness and LPIPS, a value a picture, each held to a closed form or to a reference;
# - `bootstrap_ci`, for means and for ratios of means;
# - `compute_metrics`, for a look during training.

# %% [markdown]
# ## Exercises
#
# 1. A model does not know whether a coat is 60 degrees to the left or to the right of the true hue, and either is equally likely. Which single color has the least expected squared error, and how does it follow from @eq-dull?
# 2. Add noise to a gray picture until its colorfulness is that of the truth. What do PSNR, CIEDE2000 and LPIPS say about it?
