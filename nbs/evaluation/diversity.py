# %% [markdown]
# # Many answers
#
# > One gray photograph, several colorings, and a critic that puts them in order
#
# The bus in a gray photograph was red or blue, and nothing in its gray tells. A colorizer with one answer has to take a side or paint what lies between; one that has several can show them, and a person picks. We let one model give several answers to one photograph, from noise or from a distribution over colors, and get the same ones again for the same seed. Then we measure how different they are and how much better the best of them is than a single answer, and draw the sheet of COLORGAN [@cao2017], on which a critic has sorted 64 answers.

# %%
#| default_exp evaluation.diversity

# %% tags=["parameters"]
size,n_pictures,n_epochs,photo_size,seed = 12,256,20,128,0

# %%
#| export
import numpy as np, torch
from PIL import Image
from torch import nn, Tensor
from torchvision.utils import make_grid
from colorbook.color.bins import AnnealedMean, HueBias
from colorbook.core import InputError, UsageError
from colorbook.color.lab import to_rgb
from colorbook.imaging.sheet import contact_sheet
from colorbook.models.critics import realness
from colorbook.evaluation.metrics import lpips, psnr

# %%
#| hide
import math, random
from importlib.resources import files
import matplotlib.pyplot as plt, onnxruntime
from fastai.vision.all import *
from fastcore.test import *
from colorbook.training.gan import GAN, GANCallback, gan_splitter
from colorbook.losses.classification import BinLoss
from colorbook.color.lab import join_lab, rgb_to_lab, split_lab
from colorbook.evaluation.metrics import lpips_state
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## Numbers that choose

# %% [markdown]
# There are two roads to another answer. A generator can be given noise beside the lightness, as [S2's](../models/s2.ipynb) is and as [pix2pix'](../models/pix2pix.ipynb) can be; and a classifier already knows a distribution, in which [a leaning](../color/bins.ipynb) makes the choice. On both, an answer is a function of the photograph and of a few numbers $z$, and on both we keep to one rule: the numbers belong to the *choice*, not to the photograph. The same $z$ is the same choice again, next year and for the next frame of a film.
#
# They are drawn as [`colorize`](../imaging/colorizer.ipynb) draws them: from a normal distribution, and in such a way that the first three are the same whether three or eight are wanted. Leanings are normal as they come. Noise was uniform in training, and a normal number becomes a uniform one by the function that says how many are smaller than it:
#
# $$u = 2\,\Phi(z) - 1 = \mathrm{erf}(z/\sqrt2)\in(-1,1).$$

# %%
#| export
def draw_z(
    generator:nn.Module, # with a `z_dim`; with a method `noise` if it was trained with uniform numbers
    n:int=8, # answers that are wanted
    seed:int=0, # another seed, other answers
) -> Tensor: # `n`x`z_dim`: normal numbers, or uniform ones in -1..1
    "Numbers that choose; `UsageError` if there is nothing to choose"
    dim = getattr(generator, 'z_dim', 0)
    if not dim: raise UsageError('this generator has one answer for each picture', 'take one with noise, or `HueBias`')
    if not 1 <= n <= 1000: raise UsageError(f'{n} answers are not in 1..1000', 'try 8')
    z = torch.from_numpy(np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32))
    return torch.erf(z/2**.5) if hasattr(generator, 'noise') else z

# %% [markdown]
# For the experiments we need one generator of each kind, and the smallest will do: three convolutions that are told the noise, and three that answer with scores of the 313 bins.

# %%
class Noisy(nn.Module):
    "Lightness and noise to color"
    def __init__(self, n_out=2, z_dim=4, nf=16):
        super().__init__()
        def block(ni): return nn.Sequential(nn.Conv2d(ni, nf, 5, padding=2), nn.LeakyReLU(.2))
        self.z_dim,self.layers = z_dim,nn.Sequential(block(1 + z_dim), block(nf), nn.Conv2d(nf, n_out, 3, padding=1))
    def noise(self, L): return torch.rand(len(L), self.z_dim)*2 - 1
    def forward(self, L, z=None):
        z = (self.noise(L) if z is None else z)[...,None,None].expand(-1, -1, *L.shape[-2:])
        return self.layers(torch.cat([L*2 - 1, z], 1))
    def color(self, out): return out.tanh()

class Bins(nn.Module):
    "Lightness to scores"
    def __init__(self):
        super().__init__()
        self.layers,self.color = Noisy(313, 0).layers,AnnealedMean()
    def forward(self, L): return self.layers(L*2 - 1)

# %%
z,u = draw_z(HueBias(Bins()), 1000, seed),draw_z(Noisy(z_dim=2), 1000, seed)
test_close(u, torch.erf(z/2**.5), eps=1e-6)
test_close([u.mean(), u.var(), u.abs().max()], [0, 1/3, 1], eps=.03)
test_eq(draw_z(Noisy(z_dim=2), 3, seed), u[:3])
test_fail(lambda: draw_z(Bins()), exc=UsageError, contains='one answer')
test_fail(lambda: draw_z(Noisy(), 0), exc=UsageError, contains='not in 1..1000')
z[:2],u[:2]

# %% [markdown]
# The answers are computed one at a time. A batch would be a little quicker, but a convolution adds up its sums in another order in a batch of another size, and the same answer would differ in its last digits. A generator in training mode is refused, because dropout and the statistics of a batch make its answer depend on more than $z$.

# %%
#| export
@torch.no_grad()
def answers(
    generator:nn.Module, # in evaluation mode; with a `z_dim` and a method `color`
    L:Tensor, # lightness of one photo in 0..1, 1x1xHxW
    n:int=8, # answers that are wanted
    seed:int=0, # another seed, other answers
    z:Tensor=None, # the choices themselves, nx`z_dim`, instead of `n` and `seed`; zeros are the single answer
) -> Tensor: # colors in about -1..1, nxCxhxw
    "Several colors for one photo; the same choices for every photo"
    z = draw_z(generator, n, seed) if z is None else z
    if generator.training: raise UsageError('a generator in training has no fixed answers', 'call its `eval`')
    if len(L) != 1: raise InputError(f'{len(L)} photos at once', 'ask for the answers to one of them')
    if z.shape[1:] != (generator.z_dim,):
        raise UsageError(f'choices of shape {tuple(z.shape)}', f'give {generator.z_dim} numbers for each answer')
    return torch.cat([generator.color(generator(L, o)) for o in z.split(1)])

# %% [markdown]
# Both roads are tried with two "photographs" that are nothing but the same gray, in two sizes. There a choice must give the same color in both, and another choice another color.

# %%
torch.manual_seed(seed)
one,two = torch.full((1, 1, 12, 12), .5),torch.full((1, 1, 16, 12), .5)
for net in (Noisy().eval(), HueBias(Bins()).eval()):
    z = draw_z(net, 3, seed)
    a,b = answers(net, one, z=z)[...,6,6],answers(net, two, z=z)[...,8,6]
    test_close(a, b, eps=1e-5)
    assert torch.pdist(a).min() > 1e-3
    test_eq(answers(net, one, 3, seed), answers(net, one, z=z))
    test_eq(answers(net, one, 5, seed)[:3], answers(net, one, z=z))
    test_fail(lambda: answers(net, torch.cat([one, one])), exc=InputError, contains='2 photos')
    test_fail(lambda: answers(net, one, z=z[:,:1]), exc=UsageError, contains=f'{net.z_dim} numbers')
    test_fail(lambda: answers(net.train(), one), exc=UsageError, contains='in training')
a

# %% [markdown]
# ## Noise alone is not enough

# %% [markdown]
# A photograph with two possible truths in its smallest form: a disc, a little lighter than its ground, which is red in one half of the pictures and green in the other. The mean of the two, $(c_1+c_2)/2$, is brown. That is what a squared error asks for, whatever the noise: a generator that let $z$ decide would be wrong in half of the cases by the whole distance instead of always by half of it, and
#
# $$\tfrac12\,\|c_1-c_2\|^2 > \left\|\tfrac12(c_1-c_2)\right\|^2 .$$
#
# (Absolute distances cost the same at every color between two equally frequent ones, which is no better.) So a content loss teaches a generator to ignore its noise; such a generator is called `deaf` below. We train one for some seconds with content loss alone, ask it for 64 answers, and look at the mean color inside of the disc and at how much it varies over the answers.

# %%
MODES = torch.tensor([[.55, .42], [-.42, .42]])

def draw_discs(n):
    "`L`, `ab` and the mask of `n` pictures of a disc"
    y,x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing='ij')
    cy,cx = (torch.rand(2, n, 1, 1)*.3 + .35)*size
    disc = ((x - cx)**2 + (y - cy)**2 < (.27*size)**2).float()[:,None]
    L = .45 + .1*disc + .01*torch.randn(n, 1, size, size)
    return L,disc*MODES[torch.randint(0, 2, (n,))][...,None,None],disc

torch.manual_seed(seed)
L,ab,disc = draw_discs(n_pictures)
photo,mask = L[-1:],disc[-1,0] > 0
L.shape,ab.shape

# %%
class Judge(nn.Module):
    "A critic of whole small pictures"
    def __init__(self, nf=16):
        super().__init__()
        def halve(ni, nf): return nn.Sequential(nn.Conv2d(ni, nf, 4, 2, 1), nn.LeakyReLU(.2))
        self.layers = nn.Sequential(halve(3, nf), halve(nf, 2*nf), nn.Conv2d(2*nf, 1, size//4))
    def forward(self, L, color): return self.layers(torch.cat([L*2 - 1, color], 1))

def learned(generator, content, lrs=(2e-3, 2e-3), **options):
    "Networks that have learned from the discs"
    torch.manual_seed(seed)
    random.seed(seed)
    gan,items = GAN(generator, Judge()),list(zip(L, ab))[:-16]
    dls = DataLoaders.from_dsets(items, items[:16], bs=24, shuffle=True, device='cpu', num_workers=0)
    learn = Learner(dls, gan, content, opt_func=partial(Adam, mom=.5, sqr_mom=.9), splitter=gan_splitter, wd=0.)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    learn.fit(n_epochs, lrs, cbs=GANCallback(**options))
    return gan.eval()

def inside(color): return color[...,mask].mean(-1)
def miss(color): return torch.cdist(inside(color), MODES).amin(1)

# %%
torch.manual_seed(seed)
deaf = Noisy()
def l2(out, ab, L=None): return F.mse_loss(deaf.color(out), ab)
learned(deaf, l2, (3e-3, 0.), mode='content')
brown = answers(deaf, photo, 64, seed)
test_close(inside(brown).mean(0), MODES.mean(0), eps=.12)
assert miss(brown).min() > .3
inside(brown).mean(0),inside(brown).std(0)

# %% [markdown]
# The mean is brown, between the two true colors, and the deviation is small: 64 vectors of noise, one answer.

# %% [markdown]
# ## A critic wants one or the other

# %% [markdown]
# A critic never sees a brown disc among the true ones. With it alone, and no content loss, the same generator learns to make red and green discs; and the numbers of $z$, which were in its way before, become the only means to make both. Nothing but the balance of the two sides sees to that: where all generated discs are red, a red disc is more often generated than true and a green one is never generated, and the critic's slope leads to green. COLORGAN does so with a Wasserstein distance, which is steadier; for discs the logistic loss of [Adversarial losses](../losses/adversarial.ipynb) will do. Three numbers follow: how far the answers of the first generator are from the nearer of the two true colors, how far those of this one, and how many of these are red.

# %%
torch.manual_seed(seed)
def no_content(out, ab, L=None): return out.sum()*0
gan = learned(Noisy(), no_content)
bold = answers(gan.generator, photo, 64, seed)
red = (torch.cdist(inside(bold), MODES).argmin(1) == 0).float().mean()
assert miss(bold).mean() < .6*miss(brown).mean()
assert .15 < red < .85
miss(brown).mean(),miss(bold).mean(),red

# %% [markdown]
# The other road needs no critic. Cross-entropy with the bins asks for the distribution itself, half red and half green; painted without a choice it is brown, and with a leaning it is one of the two. The numbers are the distance of the answer without a choice, the distance of those with a leaning, and the share of red. (A leaning at right angles to the line from red to green decides nothing, so a few answers stay brown.)

# %%
torch.manual_seed(seed)
bins = BinLoss()
leaning = HueBias(learned(Bins(), bins, (5e-3, 0.), mode='content').generator).eval()
leant = answers(leaning, photo, 64, seed)
single = answers(leaning, photo, z=torch.zeros(1, 2))
share = (torch.cdist(inside(leant), MODES).argmin(1) == 0).float().mean()
assert miss(leant).mean() < .6*miss(single).mean()
assert .15 < share < .85
miss(single).mean(),miss(leant).mean(),share

# %% [markdown]
# @fig-roads has the first eight answers of all three. Read each row from left to right: the generator that was taught by a distance repeats itself, the other two change between red and green, with a few colors between.

# %%
#| export
def pictures(
    L:Tensor, # lightness of one photo in 0..1, 1x1xHxW
    colors:Tensor, # answers, nxCxhxw
) -> Tensor: # nx3xHxW in 0..1
    "Answers as pictures"
    return to_rgb(L.expand(len(colors), -1, -1, -1), colors).clamp(0, 1)

# %%
#| label: fig-roads
#| fig-cap: "One disc, eight choices. From the top: content loss alone, a critic alone, leanings in a distribution."
def show_grid(rows, columns=8, width=7):
    "Pictures in rows, no axes"
    grid = make_grid(torch.cat(list(rows)), columns, 1, pad_value=1)
    fig,ax = plt.subplots(figsize=(width, width*grid.shape[1]/grid.shape[2]))
    ax.imshow(grid.permute(1, 2, 0))
    ax.axis('off')

rows = [pictures(photo, o[:8]) for o in (brown, bold, leant)]
test_close(rgb_to_lab(rows[0])[:,:1]/100, photo.expand(8, -1, -1, -1), eps=.01)
show_grid(rows)

# %% [markdown]
# ## How different, and what for

# %% [markdown]
# *Where* the answers differ is a map: at each pixel the root mean square distance of the answers from their mean, in the plane of $a$ and $b$ and in the units of a color. With $c_k$ the colors of one pixel,
#
# $$s=\sqrt{\tfrac1n\sum_k\|c_k-\bar c\|^2}.$$
#
# Equal answers have a spread of 0, answers at $\pm1$ along one axis one of 1. In @fig-spread the ground should be dark, because it is gray in all pictures, and the disc bright for the two models that have a choice there.

# %%
#| export
def answer_spread(
    colors:Tensor, # answers, nxCxhxw
) -> Tensor: # hxw, in the units of `colors`
    "Root mean square distance of the answers from their mean, at each pixel"
    return (colors - colors.mean(0)).square().sum(1).mean(0).sqrt()

# %%
#| label: fig-spread
#| fig-cap: "Spread of 64 answers for a disc, on the three roads of the last figure, in units of color."
def show_heat(maps, titles, top=None, width=7):
    "Heat maps with one scale"
    fig,axs = plt.subplots(1, len(maps), figsize=(width, width/len(maps)), layout='constrained', squeeze=False)
    for ax,o,t in zip(axs[0], maps, titles):
        im = ax.imshow(o, cmap='inferno', vmin=0, vmax=top or max(o.max() for o in maps))
        ax.set_title(t, fontsize=9)
        ax.axis('off')
    fig.colorbar(im, ax=axs, shrink=.7)

plus = torch.tensor([1., 0]).view(1, 2, 1, 1).expand(-1, -1, 2, 3)
test_eq(answer_spread(torch.cat([plus, -plus])), torch.ones(2, 3))
test_eq(answer_spread(plus.repeat(5, 1, 1, 1)), torch.zeros(2, 3))
maps = [answer_spread(o) for o in (brown, bold, leant)]
for o in maps[1:]: assert o[mask].mean() > 3*o[~mask].mean() and o[mask].mean() > 3*maps[0][mask].mean()
show_heat(maps, ['content', 'critic', 'leanings'])

# %% [markdown]
# *How much* they differ to an eye is the mean of LPIPS over all $n(n-1)/2$ pairs. Diversity alone is easily had, by noise in all colors, so a second figure goes with it: the PSNR of the best of the answers minus that of the single one. If one of several truths has the probability $p$ and each answer is drawn with the right probabilities, some of $n$ answers is right with
#
# $$1-(1-p)^n,$$
#
# which for our discs and eight answers is 0.996, while the single one is never right. The figure does *not* say which of them it was; for that somebody has to look. The two numbers below are the mean gain for 16 discs, in decibels: of the deaf generator, next to nothing, and of the one with leanings.

# %%
#| export
def pairwise_lpips(
    rgb:Tensor, # pictures in 0..1, nx3xHxW, two at the least
    net:str='squeeze', # network of LPIPS
) -> float: # 0 if all are equal
    "Mean LPIPS over all pairs of pictures"
    if len(rgb) < 2: raise InputError('one picture has no pair', 'give two or more')
    pairs = [lpips(rgb[i:i + 1].expand(len(rgb) - i - 1, -1, -1, -1), rgb[i + 1:], net) for i in range(len(rgb) - 1)]
    return torch.cat(pairs).mean().item()

# %%
#| export
def best_answer(
    rgb:Tensor, # answers as pictures in 0..1, nx3xHxW
    truth:Tensor, # the photograph, 1x3xHxW
    single:Tensor, # the answer of z = 0, 1x3xHxW
) -> tuple[float,float]: # PSNR in dB, and how much higher it is than that of `single`
    "PSNR of the answer that is nearest to the truth"
    best = psnr(rgb, truth.expand_as(rgb)).max().item()
    return best,best - psnr(single, truth).item()

# %%
def gains(net, k=16, n=8):
    "What the best of `n` answers gains, for `k` pictures"
    rows = []
    for l,c in zip(L[-k:].split(1), ab[-k:].split(1)):
        plain,many = answers(net, l, z=torch.zeros(1, net.z_dim)),answers(net, l, n, seed)
        rows.append(best_answer(pictures(l, many), join_lab(l, c), pictures(l, plain))[1])
    return torch.tensor(rows)

level = torch.full((3, 3, 4, 4), .5)
three = level + torch.tensor([.2, .1, -.3]).view(3, 1, 1, 1)
test_close(best_answer(three, level[:1], level[:1] + .2), [20, 20*math.log10(2)], eps=1e-3)
test_eq(best_answer(level + .1, level[:1], level[:1] + .1)[1], 0)
deaf_gain,leant_gain = gains(deaf),gains(leaning)
assert deaf_gain.mean() < 1 < leant_gain.mean()
test_fail(lambda: pairwise_lpips(level[:1]), exc=InputError, contains='no pair')
deaf_gain.mean(),leant_gain.mean()

# %% [markdown]
# ## Sorted by the critic

# %% [markdown]
# COLORGAN's test fixes a photograph, draws 64 vectors of noise, and writes the 64 colorings into a sheet of eight by eight in the order in which the critic believes them. The critic is there anyway, and nothing else can say which of several answers without a truth is a good one. Any critic will do, several at once or one that answers with an energy: [`realness`](../models/critics.ipynb#one-number-to-rank-by) makes one number of a critic's verdict, high for "looks true".

# %%
#| export
@torch.no_grad()
def rank(
    critic:nn.Module, # `L` and color to a verdict
    L:Tensor, # lightness of one photo in 0..1, 1x1xHxW
    colors:Tensor, # answers, nxCxhxw
) -> tuple[Tensor,Tensor]: # n indices, most believable first, and the scores in that order
    "Answers in the order in which a critic believes them"
    if critic.training: raise UsageError('a critic in training judges a batch, not a picture', 'call its `eval`')
    scores = torch.cat([realness(critic(L, o)) for o in colors.split(1)])
    order = scores.argsort(descending=True, stable=True)
    return order,scores[order]

# %%
#| export
def ranked_sheet(
    critic:nn.Module, # `L` and color to a verdict
    L:Tensor, # lightness of one photo in 0..1, 1x1xHxW
    colors:Tensor, # answers, nxCxhxw; COLORGAN has 64
    columns:int=8,
) -> Image.Image: # the most believable at the top left, row by row
    "COLORGAN's sheet: answers to one photograph, sorted by the critic"
    rgb = pictures(L, colors)[rank(critic, L, colors)[0]]
    return contact_sheet(rgb.permute(0, 2, 3, 1).cpu().numpy(), columns, gap=2)

# %% [markdown]
# Does the order mean anything? The critic that taught the generator gets the 64 leanings of the other model, which it has never seen, from red over brown to green. The two numbers below are the mean distances from a true color, of the half that it prefers and of the other half. @fig-ranked has the whole sheet: clear colors come first. (It cannot say which of the two colors *this* disc had; nobody could.)

# %%
order,scores = rank(gan.critic, photo, leant)
first,last = miss(leant[order]).chunk(2)
test_eq(order.sort()[0], torch.arange(64))
assert (scores.diff() <= 0).all()
assert first.mean() < .8*last.mean()
test_eq(rank(gan.critic, photo, leant.flip(0))[1], scores)
test_fail(lambda: rank(Judge(), photo, leant), exc=UsageError, contains='in training')
first.mean(),last.mean()

# %%
#| label: fig-ranked
#| fig-cap: "64 leanings for one disc, sorted by a critic: clear red, clear green, and at the end what lies between."
sheet = ranked_sheet(gan.critic, photo, leant)
test_eq(sheet.size, (8*(size + 2) + 2,)*2)
best = np.array(sheet)[2:2 + size,2:2 + size]/255
test_close(best, pictures(photo, leant[order[:1]])[0].permute(1, 2, 0).numpy(), eps=1/255)
fig,ax = plt.subplots(figsize=(4, 4))
ax.imshow(sheet)
ax.axis('off');

# %% [markdown]
# ## The model in the package

# %% [markdown]
# The shipped model takes the second road; its file has the leaning as a second input, and `colorize(photo, samples=8, seed=1)` or `colorbook colorize --samples 8` [draw from it](../imaging/colorizer.ipynb), without torch. Here the file stands for a generator, so that everything above can be asked of it. @fig-shipped has the photograph, the single answer and eight others; look at the suit and at what stays the same in all of them. @fig-undecided says the same as a map, in units of Lab: bright is where the model could not decide.

# %%
class Shipped(nn.Module):
    "The model in the package as a generator"
    z_dim = 2
    def __init__(self):
        super().__init__()
        file = str(files('colorbook')/'default.onnx')
        self.session = onnxruntime.InferenceSession(file, providers=['CPUExecutionProvider'])
    def forward(self, L, z): return torch.from_numpy(self.session.run(None, dict(L=L.numpy(), z=z.numpy()))[0])
    def color(self, out): return out

shipped,real = Shipped().eval(),torch.from_numpy(np.array(sample_photos(photo_size)[0])).permute(2, 0, 1)[None]/255
gray,_ = split_lab(real)
plain,many = answers(shipped, gray, z=torch.zeros(1, 2)),answers(shipped, gray, 8, seed)
test_eq(many, answers(shipped, gray, 8, seed))
single,rgb = pictures(gray, plain),pictures(gray, many)
best,gain = best_answer(rgb, real, single)
assert (answer_spread(many) > .01).float().mean() > .5
best,gain

# %%
#| label: fig-shipped
#| fig-cap: "A photograph, the single answer of the model in the package, and eight others."
show_grid([real, single, rgb], 5, 9)

# %%
#| label: fig-undecided
#| fig-cap: "Where eight answers of the model in the package differ, in units of Lab, and the photograph."
fig,axs = plt.subplots(1, 2, figsize=(7, 3.2), layout='constrained')
im = axs[0].imshow(answer_spread(many)*110, cmap='inferno', vmin=0)
axs[1].imshow(real[0].permute(1, 2, 0))
for ax in axs: ax.axis('off')
fig.colorbar(im, ax=axs[0], shrink=.8);

# %%
net,state = lpips_state()
distance = pairwise_lpips(rgb) if net else state
if net:
    test_eq(pairwise_lpips(rgb[:1].repeat(3, 1, 1, 1)), 0)
    test_close(pairwise_lpips(rgb[:2]), lpips(rgb[:1], rgb[1:2]).item(), eps=1e-6)
    assert distance > .005
distance

# %% [markdown]
# One photograph says little. We have set two marks, a mean LPIPS of 0.05 between eight answers and 1 dB for the best of them over the single one, and measured the shipped model on 100 photographs of 256 pixels that it was not trained on:
#
#     python benchmarks/diversity.py PHOTOS --n 100 --samples 8 --size 256 --scales 0.5 1 1.5
#
# | strength | single answer, dB | mean of eight | best of eight | gain | LPIPS of pairs | colorfulness |
# |---|---|---|---|---|---|---|
# | 1 | 23.62 | 23.56 | 24.45 | 0.83 [0.72, 0.95] | 0.015 [0.013, 0.019] | 0.73 |
# | 2 | 23.62 | 23.27 | 24.80 | 1.18 [1.00, 1.37] | 0.044 [0.038, 0.050] | 0.76 |
# | 2.5 | 23.62 | 23.05 | 24.89 | 1.27 [1.06, 1.51] | 0.060 [0.053, 0.068] | 0.79 |
# | 3 | 23.62 | 22.79 | 24.97 | 1.35 [1.10, 1.63] | 0.078 [0.070, 0.087] | 0.82 |
#
# A stronger leaning differs more, and though the mean answer pays for it, the best one gains, and there is more color in all. The strength was 2 when this was measured first; it is 2.5 since, the row that was measured last.

# %% [markdown]
# ## Any generator

# %% [markdown]
# With a [recipe that was trained with a critic](../training/runs.ipynb), `colorbook rank` makes COLORGAN's sheet of any photograph. A generator with noise is asked as it is, a classifier gets its leaning here, and a generator that knows one answer only is refused.

# %%
#| export
def with_choices(
    generator:nn.Module, # with noise, or a classifier of color
) -> nn.Module: # with a `z_dim`, in evaluation mode
    "A generator that has several answers"
    if getattr(generator, 'z_dim', 0): return generator.eval()
    if isinstance(getattr(generator, 'color', None), AnnealedMean): return HueBias(generator).eval()
    raise UsageError('this generator has one answer for each picture', 'train one with noise, or a classifier')

# %%
test_fail(lambda: with_choices(Judge()), exc=UsageError, contains='one answer')
test_eq(with_choices(deaf), deaf)
again = with_choices(leaning.generator)
test_eq(answers(again, photo, 2, seed), leant[:2])
type(again).__name__

# %% [markdown]
# ## What we have
#
# - `answers`, several colors for one photograph by noise or by leaning, the same for the same numbers;
# - `answer_spread`, `pairwise_lpips` and `best_answer`: where they differ, how much, and what the best of them gains;
# - `rank` and `ranked_sheet`, COLORGAN's 64 sorted by the critic.

# %% [markdown]
# ## Exercises
#
# 1. Let two thirds of the discs be red. Which share of the generator's discs becomes red, with a critic and with the bins, and what is the best squared answer?
# 2. Train the generator with noise by content loss *and* critic, and raise the weight of the critic from 0. From which weight on does the spread in the disc leave 0?
# 3. Draw 64 answers, keep the eight that the critic likes best, and compare their `best_answer` and `pairwise_lpips` with those of eight taken at random. What has been paid for what?
