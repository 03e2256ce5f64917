# %% [markdown]
# # Losses
#
# > Two ways to score a verdict, two to measure a distance, none that depends on how large a picture is
#
# Training needs one number to go down. Here two kinds of it come together: an *adversarial* loss, which turns a critic's verdicts into a number for the critic and another for the generator, and a *content* loss, which measures how far the generator's color is from the photograph's. At the end of this chapter we have both kinds twice, each tested against a sum done by hand. They stay finite for any score, their gradients are where they are needed, and none of their values changes when the pictures or the batches get larger, so that the weight between them means the same thing in every recipe.

# %%
#| default_exp losses.basic

# %% tags=["parameters"]
size,seed = 64,5

# %%
#| export
import torch, torch.nn.functional as F
from torch import Tensor

# %%
#| hide
import math, numpy as np, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.data.photos import sample_photos
from colorbook.color.lab import lab_to_rgb, split_lab

# %% [markdown]
# ## The log loss, from logits

# %% [markdown]
# The critic's job is a classification with two classes, so its loss is the one of logistic regression. With $D=\sigma(s)$ the probability that the critic gives to "real", it pays $-\log D$ for each photograph and $-\log(1-D)$ for each fake [@goodfellow2014]:
#
# $$\ell_D=-\mathbb{E}_{\text{real}}\log\sigma(s)-\mathbb{E}_{\text{fake}}\log\left(1-\sigma(s)\right)$$
#
# Written down like that it breaks. In 32 bits $\sigma(-1000)$ is zero, its logarithm is $-\infty$, and the gradient is $\infty\cdot0$. S4 adds $10^{-12}$ inside the logarithm: the loss is finite then, and its gradient is zero just where the critic is most wrong.

# %%
def naive(real, fake, eps=0.):
    "The formula as it stands"
    return -(real.sigmoid() + eps).log().mean() - (1 - fake.sigmoid() + eps).log().mean()

def slope(f, s):
    "Derivative of `f` at each of the scores `s`"
    s = torch.as_tensor(s, dtype=torch.float).clone().requires_grad_()
    return torch.autograd.grad(f(s).sum(), s)[0]

wrong,sure = torch.tensor([-1000.]),torch.tensor([-9.])
test_eq(naive(wrong, sure).item(), math.inf)
assert slope(lambda s: naive(s, sure), [-1000.]).isnan()
test_eq(slope(lambda s: naive(s, sure, 1e-12), [-1000.]).item(), 0)
naive(wrong, sure, 1e-12)

# %% [markdown]
# S1 makes the opposite mistake with the same pair of functions: its patch critic has no sigmoid, and its log loss wants probabilities. Torch refuses that today. Both go away if the loss takes the logit itself, because $-\log\sigma(s)=\log(1+e^{-s})$, which is called softplus and grows like $|s|$.
#
# $$\ell_D=\mathbb{E}_{\text{real}}\log(1+e^{-s})+\mathbb{E}_{\text{fake}}\log(1+e^{s})$$

# %%
test_fail(lambda: F.binary_cross_entropy(torch.tensor([1.7]), torch.ones(1)), contains='between 0 and 1')
s = torch.linspace(-8, 8, 9)
test_close(F.softplus(-s), -s.sigmoid().log(), eps=1e-5)
F.softplus(-s)

# %% [markdown]
# For the generator the same game offers $\log(1-\sigma(s))$, which it would have to lower. Goodfellow et al. noticed that this hardly has a slope where the critic is sure of a fake, which is where every generator starts. So the generator lowers $-\log\sigma(s)$ instead: the same direction, and a slope near one as long as it fails.

# %%
#| export
class LogisticLoss:
    "The GAN of Goodfellow et al. (2014), on logits, with the generator's loss that does not saturate"
    def critic(self,
        real:Tensor, # logits of real pictures, any shape
        fake:Tensor, # logits of generated ones, any shape
    ) -> Tensor: # scalar, 2 log 2 for a critic that says nothing
        "Mean log loss of the real plus that of the generated pictures"
        return F.softplus(-real).mean() + F.softplus(fake).mean()
    def generator(self,
        fake:Tensor, # logits of generated pictures, any shape
    ) -> Tensor: # scalar, near 0 where they pass for real
        "Mean log loss of generated pictures that want to be real"
        return F.softplus(-fake).mean()

# %% [markdown]
# Once by hand, once with torch's own function, and once where the naive form has no answer.

# %%
loss = LogisticLoss()
real,fake = torch.tensor([2., -1.]),torch.tensor([.5, -3., 0.])
by_hand = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(1)))/2
by_hand += (math.log(1 + math.exp(.5)) + math.log(1 + math.exp(-3)) + math.log(2))/3
bce = F.binary_cross_entropy_with_logits
test_close(loss.critic(real, fake), by_hand, eps=1e-6)
test_close(loss.critic(real, fake), bce(real, torch.ones(2)) + bce(fake, torch.zeros(3)), eps=1e-6)
test_close(loss.generator(fake), bce(fake, torch.ones(3)), eps=1e-6)
test_close(loss.critic(torch.zeros(4), torch.zeros(4)), 2*math.log(2), eps=1e-6)
test_eq(loss.critic(torch.tensor([-1000.]), torch.tensor([1000.])).item(), 2000)
test_eq(loss.critic(torch.tensor([1000.]), torch.tensor([-1000.])).item(), 0)
test_eq(slope(loss.generator, [-1000., 1000.]).tolist(), [-.5, 0])
loss.critic(real, fake)

# %% [markdown]
# The two forms of the generator's loss have slopes in closed form, $-\sigma(s)$ for the one that saturates and $\sigma(s)-1$ for ours. At $s=-6$, a fake that the critic is sure of, ours is 400 times as steep.

# %%
s = torch.linspace(-6, 6, 7)
saturating = slope(lambda s: (1 - s.sigmoid()).log(), s)
ours = torch.cat([slope(loss.generator, o[None]) for o in s])
test_close(saturating, -s.sigmoid(), eps=1e-4)
test_close(ours, s.sigmoid() - 1, eps=1e-6)
test_close(ours[0]/saturating[0], math.exp(6), eps=2)
torch.stack([s, saturating, ours])

# %% [markdown]
# ## Least squares

# %% [markdown]
# The log loss pays ever less for a fake that already passes, however far it may be from any photograph. Mao et al. [-@mao2017] let the score itself be regressed, to 1 for real and 0 for generated. The slope is then proportional to the error, and too good a score costs as well. S1 trains with this one, on scores without a sigmoid, as it should be; S4 halves it, which the weight can undo, and puts a sigmoid before it, which brings saturation back.
#
# $$\ell_D=\mathbb{E}_{\text{real}}(s-1)^2+\mathbb{E}_{\text{fake}}\,s^2,\qquad\ell_G=\mathbb{E}_{\text{fake}}(s-1)^2$$

# %%
#| export
class LeastSquaresLoss:
    "LSGAN (Mao et al. 2017): targets 1 for real and 0 for generated"
    def critic(self,
        real:Tensor, # scores of real pictures, any shape
        fake:Tensor, # scores of generated ones, any shape
    ) -> Tensor: # scalar, 0.5 for a critic that always says 0.5
        "Mean squared distance of the real from 1 plus that of the generated from 0"
        return ((real - 1)**2).mean() + (fake**2).mean()
    def generator(self,
        fake:Tensor, # scores of generated pictures, any shape
    ) -> Tensor: # scalar
        "Mean squared distance of the generated from 1"
        return ((fake - 1)**2).mean()

# %%
loss = LeastSquaresLoss()
test_close(loss.critic(real, fake), (1 + 4)/2 + (.25 + 9 + 0)/3, eps=1e-6)
test_close(loss.generator(fake), (.25 + 16 + 1)/3, eps=1e-6)
test_eq(loss.critic(torch.full((4,), .5), torch.full((4,), .5)).item(), .5)
test_close(slope(loss.generator, [-3.]), -8, eps=1e-6)
loss.critic(real, fake)

# %% [markdown]
# A recipe names its adversarial loss, so the two have names; whatever has these two methods can join. In @fig-adversarial they are side by side: at the left, where the critic is sure of a fake, the saturating loss has no slope left, and softplus and least squares do.

# %%
#| export
adversarial_losses = dict(logistic=LogisticLoss, lsgan=LeastSquaresLoss)

# %%
#| label: fig-adversarial
#| fig-cap: "Losses over the score of one picture, and their slopes."
def show_losses(curves, lo=-6, hi=6):
    "Losses over the score, and their derivatives"
    s = torch.linspace(lo, hi, 200)
    fig,axs = plt.subplots(1, 2, figsize=(10, 3), layout='constrained')
    for name,(f,style) in curves.items():
        axs[0].plot(s, f(s), style, label=name)
        axs[1].plot(s, slope(f, s), style)
    for ax,name,lim in zip(axs, ('loss', 'slope'), ((-6, 8), (-4, 4))): ax.set(title=name, xlabel='score', ylim=lim)
    fig.legend(loc='outside right center', frameon=False, fontsize=8)
show_losses({
    'critic, real; generator, fake': (lambda s: F.softplus(-s), 'C0'), 'critic, fake': (F.softplus, 'C1'),
    'generator, fake, saturating': (lambda s: -F.softplus(s), 'C2--'),
    'least squares, target 1': (lambda s: (s - 1)**2, 'C3:'), 'least squares, target 0': (lambda s: s**2, 'C4:')})

# %% [markdown]
# ## What the best critic would say

# %% [markdown]
# What do scores mean when the critic has learned all it can? Take a picture that makes up the share $p$ of the photographs and the share $q$ of the fakes. The log loss of its score is $p\log(1+e^{-s})+q\log(1+e^{s})$, smallest at
#
# $$s=\log\frac pq,$$
#
# and the squares' is smallest at $s=p/(p+q)$, the same knowledge squeezed into 0..1. So a critic estimates a ratio of densities, and a generator that raises its score moves to where photographs are more frequent than its own pictures. We check that the gradient of both losses is zero there: two pictures, the first in 4 of 5 photographs and in 2 of 5 fakes.

# %%
def at(values): return torch.tensor(values, requires_grad=True)
def pull(loss, s): return torch.autograd.grad(loss.critic(s[[0, 0, 0, 0, 1]], s[[0, 0, 1, 1, 1]]), s)[0]
best = {LogisticLoss: [math.log(4/2), math.log(1/3)], LeastSquaresLoss: [4/6, 1/4]}
for cls,s in best.items(): test_close(pull(cls(), at(s)), 0, eps=1e-6)
assert pull(LogisticLoss(), at([0., 0.])).abs().min() > .1
best

# %% [markdown]
# ## Distance from the truth

# %% [markdown]
# The critic judges whether color is plausible, the content loss whether it is the right one; S0 adds it with a weight $\lambda=100$, on RGB in -1..1:
#
# $$\ell_1=\lambda\,\frac{1}{N}\sum_{n=1}^{N}\left|\hat c_n-c_n\right|$$
#
# with $N$ the number of *all* values, pictures times channels times pixels. Its slope is $\pm\lambda/N$ at each value, however near or far the answer is.

# %%
#| export
class L1Loss:
    "Mean absolute difference times lambda: independent of the size of pictures and batches"
    def __init__(self,
        lam:float=1., # weight; S0's is 100 on RGB in -1..1
    ): self.lam = lam
    def __call__(self,
        output:Tensor, # generated, any shape
        target:Tensor, # the truth, the same shape
        L:Tensor=None, # not asked
    ) -> Tensor: # scalar
        "Weighted mean over all values"
        return self.lam*(output - target).abs().mean()

# %%
pred,target = torch.tensor([[.5, -1.], [0., .25]], requires_grad=True),torch.tensor([[0., -.5], [1., .5]])
l1 = L1Loss(100)(pred, target)
test_close(l1, 100*(.5 + .5 + 1 + .25)/4, eps=1e-5)
test_eq(torch.autograd.grad(l1, pred)[0].tolist(), [[25, -25], [-25, -25]])
l1

# %% [markdown]
# Which color does a distance ask for, if several are right? Imagine buses, six of ten red and four blue, and nothing in the gray picture that says which. The one answer that has the smallest mean square is the average, a purple that no bus ever had; the smallest mean absolute difference has the median of each channel, here red (@fig-buses). So L1 commits itself where L2 mixes, and where the cases are even and many it still ends up in the middle of them, which for the colors of the world is close to gray. Remember the buses: in the [next chapter](../color/bins.ipynb) a network may answer "six to four".

# %%
red,blue = torch.tensor([60., 50.]),torch.tensor([20., -60.])
buses = torch.stack([red]*6 + [blue]*4)/110
mixes = torch.linspace(0, 1, 101)
answers = (mixes[:,None]*red + (1 - mixes[:,None])*blue)/110
cost = {p: torch.stack([(buses - o).abs().pow(p).mean() for o in answers]) for p in (1, 2)}
best = {p: mixes[o.argmin()].item() for p,o in cost.items()}
test_close(best[1], 1, eps=1e-6)
test_close(best[2], .6, eps=1e-6)
test_close(answers[60], buses.mean(0), eps=1e-6)
best

# %%
#| label: fig-buses
#| fig-cap: "Every answer between blue and red, and what it costs if six buses of ten are red."
def show_costs(answers, cost, L=45.):
    "A bar of colors, and the cost of each"
    ab = answers.T.view(1, 2, 1, -1)*110
    bar = lab_to_rgb(torch.cat([torch.full_like(ab[:,:1], L), ab], 1), clip=True)[0].permute(1, 2, 0)
    fig,axs = plt.subplots(2, 1, figsize=(6, 3), height_ratios=(4, 1), sharex=True, layout='constrained')
    for p,c in cost.items(): axs[0].plot(mixes, c/c.min(), label=f'L{p}, over its lowest')
    axs[1].imshow(bar, extent=(0, 1, 0, 1), aspect='auto')
    axs[1].set(yticks=[], xlabel='share of red in the answer')
    axs[0].legend(frameon=False)
show_costs(answers, cost)

# %% [markdown]
# ## Smooth L1

# %% [markdown]
# At the target L1 has a corner: its slope jumps from $-1$ to $1$, and an optimizer with a fixed step trembles around it. Huber's loss replaces the corner by a parabola of width $\beta$ and goes on straight from there, so that small errors, of which a colored picture has many, are pulled in gently and large ones still cost in proportion. With $d=|\hat c-c|$:
#
# $$h(d)=\begin{cases}d^2/2\beta&d<\beta\\d-\beta/2&\text{otherwise}\end{cases}$$

# %%
#| export
class SmoothL1Loss:
    "Huber's loss: squared near the target, absolute far from it"
    def __init__(self,
        lam:float=1., # weight
        beta:float=.1, # where the parabola ends; 0.1 is 11 units of a or b
    ): self.lam,self.beta = lam,beta
    def __call__(self,
        output:Tensor, # generated, any shape
        target:Tensor, # the truth, the same shape
        L:Tensor=None, # not asked
    ) -> Tensor: # scalar
        "Weighted mean over all values"
        return self.lam*F.smooth_l1_loss(output, target, beta=self.beta)

# %%
d = torch.tensor([0., .05, .1, .4])
test_close(SmoothL1Loss(2)(d, torch.zeros(4)), 2*(0 + .05**2/.2 + .05 + .35)/4, eps=1e-6)
huber = lambda s: SmoothL1Loss()(s, torch.zeros_like(s))
slopes = torch.cat([slope(huber, [o]) for o in (-.2, -.05, 0., .05, .2)])
test_close(slopes, torch.tensor([-1, -.5, 0, .5, 1]), eps=1e-6)
test_close(SmoothL1Loss(beta=1e-6)(d, torch.zeros(4)), L1Loss()(d, torch.zeros(4)), eps=1e-5)
SmoothL1Loss(2)(d, torch.zeros(4))

# %% [markdown]
# ## No loss knows how large a picture is

# %% [markdown]
# Every loss here is a mean. That sounds like a detail, and it decides whether a weight means anything: S4 takes its L2 from a function that *sums* the squares and halves them, so that twice the side makes the loss four times as large, and the balance with the critic, found at one size, is wrong at every other. We tile a photograph, two by two, and repeat the batch; the pictures are as good or bad as before, and so the loss must be the same.

# %%
torch.manual_seed(seed)
rgb = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size=size)]).permute(0, 3, 1, 2)/255
ab = split_lab(rgb)[1]
guess = ab*.5 + .05*torch.randn_like(ab)
larger = {'tiled': lambda x: x.repeat(1, 1, 2, 2), 'batch': lambda x: x.repeat(3, 1, 1, 1)}
def l2_of_s4(pred, target): return ((pred - target)**2).sum()/2
def ratios(f, *args): return [(f(*map(o, args))/f(*args)).item() for o in larger.values()]
for o in (L1Loss(100), SmoothL1Loss()): test_close(ratios(o, guess, ab), [1, 1], eps=1e-5)
for o in map(lambda cls: cls(), adversarial_losses.values()):
    test_close(ratios(o.critic, ab[:,:1], guess[:,:1]), [1, 1], eps=1e-5)
    test_close(ratios(o.generator, guess[:,:1]), [1, 1], eps=1e-5)
test_close(ratios(l2_of_s4, guess, ab), [4, 3], eps=1e-3)
ratios(l2_of_s4, guess, ab)

# %% [markdown]
# With S4's own numbers, $ab$ at 256 pixels and 32 pictures in a batch, its "L2 weight 1" is a weight of two million on a mean, while the "L1 weight 100" that it is compared with is a weight of 100. That the pictures trained with it look washed out is no surprise, and says little about squares.

# %%
n = 32*2*256*256
pred = torch.zeros(32, 2, 256, 256)
test_close(l2_of_s4(pred, pred + .1), n/2*F.mse_loss(pred, pred + .1), eps=1)
n//2

# %% [markdown]
# ## What we have
#
# - `LogisticLoss` and `LeastSquaresLoss`, one method for the critic and one for the generator, by name in `adversarial_losses`;
# - `L1Loss` and `SmoothL1Loss`, with a weight;
# - the promise, tested, that all of them are means: sizes and batches may change, weights need not.

# %% [markdown]
# ## Exercises
#
# 1. Write the hinge loss, $\mathbb{E}\max(0,1-s)+\mathbb{E}\max(0,1+s)$ for the critic and $-\mathbb{E}s$ for the generator, add it to `adversarial_losses`, and draw it. What does its best critic say about $p/q$?
# 2. Paint the buses in three colors, four red, three blue and three green. Where is the smallest L1 now, and is it the color of a bus?
# 3. Why would a loss that is a mean over pixels, but a sum over the batch, go unnoticed for longer than S4's?
