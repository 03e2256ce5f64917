# %% [markdown]
# # Adversarial losses
#
# > Logistic, least squares, hinge, Wasserstein, WGAN-GP and EBGAN, for one critic or several
#
# An *adversarial* loss turns a critic's verdicts into a number for the critic and another for the generator. [From verdicts to losses](../lessons/losses.ipynb) defines the two most used, the log loss and least squares, and says what a perfect critic would answer under each. This chapter enters them into a table, tests them at their limits, and adds four that want something of the critic itself: that it stop when it is right, that its slope be bounded, or that it be an auto-encoder. Each is tested against a sum done by hand or a closed form. They stay finite for any score, their gradients are where they are needed, and none of their values changes with the size of pictures or batches.

# %%
#| default_exp losses.adversarial

# %% tags=["parameters"]
size,seed = 32,8

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.core import Registry, UsageError
from colorbook.losses.basic import LeastSquaresLoss, LogisticLoss
from colorbook.models.energy_critic import EnergyOutput, pull_away
from colorbook.models.critics import Critics

# %%
#| hide
import math, numpy as np, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.models.pix2pix import S4Critic
from colorbook.data.photos import sample_photos
from colorbook.models.energy_critic import EnergyCritic
from colorbook.models.critics import ChannelCritics
from colorbook.color.lab import split_lab

# %% [markdown]
# A recipe names its adversarial loss, so each is entered in a table where it is defined, with three facts: whether it reads energies instead of scores (`energy`); whether it is never negative (`positive`), which [learned weights](../training/gan.ipynb#weights-that-are-learned) need; and whether it measures slopes picture by picture (`alone`), for which the critic must not have batch norm.

# %%
#| export
adversarial_losses = Registry('adversarial loss', 'colorbook.losses.adversarial',
    energy=False, positive=False, alone=False)
adversarial_losses('logistic', positive=True)(LogisticLoss)
adversarial_losses('lsgan', positive=True)(LeastSquaresLoss)

# %% [markdown]
# ## The log loss, from logits

# %% [markdown]
# The log loss written down as a formula of probabilities, $-\log\sigma(s)$ for a photograph and $-\log(1-\sigma(s))$ for a fake, breaks. In 32 bits $\sigma(-1000)$ is zero, its logarithm is $-\infty$, and the gradient is $\infty\cdot0$. S4 adds $10^{-12}$ inside the logarithm: the loss is finite then, and its gradient is zero just where the critic is most wrong.

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
# S1 makes the opposite mistake with the same pair of functions: its patch critic has no sigmoid, and its log loss wants probabilities. Torch refuses that today. Both go away with `LogisticLoss`, which takes the logit itself, because $-\log\sigma(s)=\log(1+e^{-s})$ is softplus and grows like $|s|$.

# %%
test_fail(lambda: F.binary_cross_entropy(torch.tensor([1.7]), torch.ones(1)), contains='between 0 and 1')
s = torch.linspace(-8, 8, 9)
test_close(F.softplus(-s), -s.sigmoid().log(), eps=1e-5)
F.softplus(-s)

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
# The slopes of the generator's two forms are $-\sigma(s)$ for the one that saturates and $\sigma(s)-1$ for ours. The rows below are the scores, the slope of the first and that of the second. Look at the left end, $s=-6$, a fake that the critic is sure of: ours is 400 times as steep.

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
# The log loss pays ever less for a fake that already passes, however far it may be from any photograph; the slope of the squares is proportional to the error. S1 trains with `LeastSquaresLoss`, on scores without a sigmoid, as it should be; S4 halves it, which the weight can undo, and puts a sigmoid before it, which brings saturation back.

# %%
loss = LeastSquaresLoss()
test_close(loss.critic(real, fake), (1 + 4)/2 + (.25 + 9 + 0)/3, eps=1e-6)
test_close(loss.generator(fake), (.25 + 16 + 1)/3, eps=1e-6)
test_eq(loss.critic(torch.full((4,), .5), torch.full((4,), .5)).item(), .5)
test_close(slope(loss.generator, [-3.]), -8, eps=1e-6)
loss.critic(real, fake)

# %% [markdown]
# ## What the best critic would say

# %% [markdown]
# With a share $p$ of the photographs and a share $q$ of the fakes, a picture's best score is $\log(p/q)$ under the log loss and $p/(p+q)$ under the squares, as [the lesson](../lessons/losses.ipynb) derives. We check that the gradient of both losses is zero there: two pictures, the first in 4 of 5 photographs and in 2 of 5 fakes.

# %%
def at(values): return torch.tensor(values, requires_grad=True)
def pull(loss, s): return torch.autograd.grad(loss.critic(s[[0, 0, 0, 0, 1]], s[[0, 0, 1, 1, 1]]), s)[0]
best = {LogisticLoss: [math.log(4/2), math.log(1/3)], LeastSquaresLoss: [4/6, 1/4]}
for cls,s in best.items(): test_close(pull(cls(), at(s)), 0, eps=1e-6)
assert pull(LogisticLoss(), at([0., 0.])).abs().min() > .1
best

# %% [markdown]
# ## Hinge

# %% [markdown]
# The log loss never stops: a critic that is right goes on to be more right, and its scores grow. The hinge loss [@lim2017; @miyato2018] stops at one. Real pictures should score above 1 and generated ones below -1; those that do have no slope any more and do not change the critic. The generator simply raises its score.
#
# $$\ell_D=\mathbb{E}_{\text{real}}\max(0,1-s)+\mathbb{E}_{\text{fake}}\max(0,1+s),\qquad\ell_G=-\mathbb{E}_{\text{fake}}\,s$$

# %%
#| export
@adversarial_losses('hinge')
class HingeLoss:
    "Hinge loss (Lim and Ye 2017): nothing more to gain beyond a score of 1"
    def critic(self,
        real:Tensor, # scores of real pictures, any shape
        fake:Tensor, # scores of generated ones, any shape
    ) -> Tensor: # scalar, 2 for a critic that says nothing
        "Mean shortfall of the real below 1 plus mean excess of the generated above -1"
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    def generator(self,
        fake:Tensor, # scores of generated pictures, any shape
    ) -> Tensor: # scalar
        "Mean score, sign turned"
        return -fake.mean()

# %% [markdown]
# A picture that makes up a share $p$ of the photographs and $q$ of the fakes costs $p\max(0,1-s)+q\max(0,1+s)$, which is straight between -1 and 1 with slope $q-p$. So the best score is the *sign* of $p-q$: where the log loss tells the generator by how much a picture is too frequent, the hinge says only which way.

# %%
loss,real,fake = HingeLoss(),torch.tensor([2., -1., .25]),torch.tensor([.5, -3.])
test_close(loss.critic(real, fake), (0 + 2 + .75)/3 + (1.5 + 0)/2, eps=1e-6)
test_close(loss.generator(fake), 1.25, eps=1e-6)
s = torch.linspace(-3, 3, 601)
for p,q in ((.8, .4), (.2, .6)):
    cost = p*F.relu(1 - s) + q*F.relu(1 + s)
    test_close(s[cost.argmin()], math.copysign(1, p - q), eps=1e-2)
x = torch.tensor([1.5, .5, -2.], requires_grad=True)
test_close(torch.autograd.grad(loss.critic(x, torch.zeros(1)), x)[0], torch.tensor([0, -1/3, -1/3]), eps=1e-6)
loss.critic(real, fake)

# %% [markdown]
# ## Wasserstein, with clipping

# %% [markdown]
# Think of the generated pictures as a heap of earth and of the photographs as another place: the Wasserstein distance is the least work, mass times way, to move the heap there. It can be shown to be the largest difference of mean scores that a critic of slope at most 1 can make [@arjovsky2017]. So the critic lowers
#
# $$\ell_D=\mathbb{E}_{\text{fake}}\,s-\mathbb{E}_{\text{real}}\,s,\qquad\ell_G=-\mathbb{E}_{\text{fake}}\,s,$$
#
# without logarithms or targets. Something has to limit its slope, or it would multiply its scores by ten and have ten times the difference. The first way is crude: after each step all weights are clipped to $[-c,c]$. COLORGAN has $c=0.01$, S4 found $0.05$ better.
#
# With a linear critic $w\cdot x$ one can see what clipping does. Only the difference of means $\Delta=\mu_{\text{real}}-\mu_{\text{fake}}$ matters, and the best weights are $c\,\mathrm{sign}(\Delta)$: each weight is at its limit, whatever the proportions in $\Delta$. The loss is then $-c\,\|\Delta\|_1$. The cell trains such a critic; compare its weights (first list) with the differences (second list).

# %%
#| export
@adversarial_losses('wgan')
class WassersteinLoss:
    "WGAN (Arjovsky et al. 2017): difference of mean scores, weights clipped after each step of the critic"
    def __init__(self,
        clip:float=.01, # largest weight of the critic; S4's report prefers 0.05
    ): self.clip = clip
    def critic(self,
        real:Tensor, # scores of real pictures, any shape
        fake:Tensor, # scores of generated ones, any shape
    ) -> Tensor: # scalar, the negative distance
        "Mean score of the generated minus that of the real"
        return fake.mean() - real.mean()
    def generator(self,
        fake:Tensor, # scores of generated pictures, any shape
    ) -> Tensor: # scalar
        "Mean score, sign turned"
        return -fake.mean()
    @torch.no_grad()
    def constrain(self,
        critic:nn.Module, # changed in place, after its optimizer's step
    ):
        "Clip all weights"
        for p in critic.parameters(): p.clamp_(-self.clip, self.clip)

@adversarial_losses('wgan_s4')
def _wgan_s4(): return WassersteinLoss(.05)

# %%
torch.manual_seed(seed)
loss = WassersteinLoss(.05)
test_close(loss.critic(real, fake), -1.25 - 1.25/3, eps=1e-6)
a,b = torch.randn(50, 3) + torch.tensor([2., -.4, .7]),torch.randn(50, 3)
net = nn.Linear(3, 1, bias=False)
opt = torch.optim.SGD(net.parameters(), .1)
for _ in range(40):
    opt.zero_grad()
    loss.critic(net(a), net(b)).backward()
    opt.step()
    loss.constrain(net)
delta = a.mean(0) - b.mean(0)
test_close(net.weight[0], .05*delta.sign(), eps=1e-7)
test_close(loss.critic(net(a), net(b)), -.05*delta.abs().sum(), eps=1e-5)
net.weight[0].tolist(),delta.tolist()

# %% [markdown]
# ## Wasserstein, with a gradient penalty

# %% [markdown]
# The second way asks for what is wanted, a *slope* of 1 [@gulrajani2017]. It is measured at pictures between a real and a generated one, $\hat c=\alpha c+(1-\alpha)\bar c$ with a chance $\alpha$ for each picture, and a slope other than 1 costs
#
# $$\lambda\;\mathbb{E}\left(\left\|\nabla_{\hat c}D(L,\hat c)\right\|-1\right)^2,\qquad\lambda=10.$$
#
# The norm goes over *all* values of one picture. S4 takes it over one axis, rows of its tensor, so that a picture has many small "slopes" which each are asked to be 1. A linear critic $D(c)=w\cdot c$ has the slope $w$ everywhere, so the penalty must be $\lambda(\|w\|-1)^2$, whatever the pictures are. The cell takes one with $\|w\|=1$: over all axes the penalty is 0, over S4's axis .4 or more. The slope is taken with respect to color, not to lightness, which was not generated.

# %%
torch.manual_seed(seed)
w = torch.randn(2, 4, 5)
w = w/w.norm()
x = torch.rand(3, 2, 4, 5, requires_grad=True)
slope, = torch.autograd.grad((x*w).sum(), x)
right,wrong = (((o - 1)**2).mean() for o in (slope.flatten(1).norm(dim=1), slope.norm(dim=2)))
test_close(right, 0, eps=1e-6)
assert wrong > .4
right,wrong

# %% [markdown]
# A patch critic gives many verdicts. The slope of their sum grows with the picture, that of their mean falls with it, and both would make the penalty depend on the size. For patches that do not overlap, the slopes $g_p$ of the $P$ verdicts stand at right angles, and
#
# $$\left\|\nabla\sum_ps_p\right\|=\sqrt{\textstyle\sum_p\|g_p\|^2},$$
#
# so divided by $\sqrt P$ it is the root mean square of the verdicts' own slopes. That is the number we hold against 1: it does not depend on how large the picture is, for a linear critic of patches it is $\|w\|$ again, and with a single verdict nothing changes. (Where patches overlap it is larger, by what neighbors agree on.)

# %%
#| export
def slopes(
    critic, # called with `L` and color
    L:Tensor, # lightness in 0..1, `bs`x1xHxW
    color:Tensor, # where to measure, `bs`xCxhxw
) -> Tensor: # `bs` values
    "Norm of a critic's slope by color: over all axes of each picture, root mean square over its verdicts"
    color = color.detach().requires_grad_()
    verdict = critic(L, color)
    slope, = torch.autograd.grad(verdict.sum(), color, create_graph=True)
    return slope.flatten(1).norm(dim=1)/(verdict.numel()/len(verdict))**.5

# %%
#| export
@adversarial_losses('wgan_gp', alone=True)
class GradientPenaltyLoss(WassersteinLoss):
    "WGAN-GP, Wasserstein with gradient penalty (Gulrajani et al. 2017), for each picture and over all axes"
    def __init__(self,
        lam:float=10., # weight of the penalty
    ): self.lam = lam
    def penalty(self,
        critic, # called with `L` and color
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        real:Tensor, # true color, `bs`xCxhxw
        fake:Tensor, # generated color, the same shape
    ) -> Tensor: # scalar, to be added to the critic's loss
        "Mean squared distance of the slope from 1, somewhere between real and generated color"
        mix = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
        return self.lam*((slopes(critic, L, fake + mix*(real - fake)) - 1)**2).mean()
    def constrain(self, critic): pass

# %% [markdown]
# The cell checks that the penalty is $\lambda(\|w\|-1)^2$ for three linear critics, of whole pictures, of pixels and of patches of 4x4 pixels, at several sizes of pictures and batches.

# %%
torch.manual_seed(seed)
loss,L,real,fake = GradientPenaltyLoss(),torch.rand(3, 1, 8, 8),torch.rand(3, 2, 8, 8),torch.rand(3, 2, 8, 8)
w = torch.randn(2, 8, 8)*.4
whole = lambda L,c: (c*w).sum((1, 2, 3))
test_close(loss.penalty(whole, L, real, fake), 10*(w.norm() - 1)**2, eps=1e-3)
for ks in (1, 4):
    net = nn.Conv2d(2, 1, ks, ks)
    expected = 10*(net.weight.norm() - 1)**2
    for n in (1, 3):
        args = [o.repeat(n, 1, n, 2*n) for o in (L, real, fake)]
        test_close(loss.penalty(lambda L,c: net(c), *args), expected, eps=1e-4)
test_close(loss.penalty(lambda L,c: net(c), L, real, fake), loss.penalty(lambda L,c: net(c), L, fake, real), eps=1e-5)
expected

# %% [markdown]
# Where does a critic end that learns with this penalty? For a linear critic of one verdict the loss is $-w\cdot\Delta+\lambda(\|w\|-1)^2$, smallest where $w$ points along $\Delta$ with the length $1+\|\Delta\|/2\lambda$. So it keeps the proportions of $\Delta$, and its slope is a little above 1, because the penalty only makes larger slopes expensive and does not forbid them. The cell trains one; its weights and the formula are printed.

# %%
torch.manual_seed(seed)
delta = torch.tensor([2., -.4, .7, 0]).view(1, 1, 2, 2)
real,fake = delta + torch.zeros(6, 1, 2, 2),torch.zeros(6, 1, 2, 2)
net = nn.Linear(4, 1, bias=False)
critic,loss = (lambda L,c: net(c.flatten(1))),GradientPenaltyLoss(10.)
opt = torch.optim.SGD(net.parameters(), .03)
for _ in range(240):
    opt.zero_grad()
    (loss.critic(critic(None, real), critic(None, fake)) + loss.penalty(critic, None, real, fake)).backward()
    opt.step()
best = delta.flatten()/delta.norm()*(1 + delta.norm()/20)
test_close(net.weight[0], best, eps=1e-3)
net.weight[0].tolist(),best.tolist()

# %% [markdown]
# The slope of each picture can be measured only if its verdict does not depend on the others, as it does with batch norm in training. Printed is whether the first picture's verdict depends on each of three pictures, for the norms without that fault; with batch norm it depends on all three. Gulrajani et al. say so and use layer norm; here, choose `norm='instance'`, `'group'` or spectral norm for a critic under this loss.

# %%
torch.manual_seed(seed)
def reach(norm):
    "Norm of the slope of the first picture's verdict by each picture"
    x,L = torch.rand(3, 2, size, size, requires_grad=True),torch.rand(3, 1, size, size)
    out = S4Critic(nf=4, strides=(2, 2, 1), norm=norm)(L, x)[0].mean()
    return (torch.autograd.grad(out, x)[0].flatten(1).norm(dim=1) > 0).tolist()
reached = {o: reach(o) for o in ('batch', 'instance', 'group', 'none')}
test_eq(reached.pop('batch'), [True]*3)
for o in reached.values(): test_eq(o, [True, False, False])
reached

# %% [markdown]
# Now both ways side by side. We train linear critics of two values for twelve differences of means, all of length 2, that point in twelve directions: the gray lines of @fig-wasserstein. Every clipped critic ends in one of four corners, so a generator that follows it moves diagonally whatever the direction was. The penalized ones lie on a circle, each on its gray line.

# %%
def learned(delta, loss, steps=60, lr=.05):
    "The weights that a linear critic ends with, for a difference `delta` of means"
    net = nn.Linear(2, 1, bias=False)
    nn.init.normal_(net.weight, 0, .3)
    opt,critic = torch.optim.SGD(net.parameters(), lr),lambda L,c: net(c.flatten(1))
    real = delta.view(1, 2, 1, 1).repeat(2, 1, 1, 1)
    for _ in range(steps):
        opt.zero_grad()
        crit = loss.critic(critic(None, real), critic(None, 0*real))
        (crit + (loss.penalty(critic, None, real, 0*real) if hasattr(loss, 'penalty') else 0)).backward()
        opt.step()
        loss.constrain(net)
    return net.weight[0].detach()

torch.manual_seed(seed)
angle = torch.arange(12)/12*2*math.pi + .2
deltas = 2*torch.stack([angle.cos(), angle.sin()], 1)
ends = {name: torch.stack([learned(o, loss) for o in deltas]) for name,loss in
    (('clipped to 0.5', WassersteinLoss(.5)), ('penalized', GradientPenaltyLoss()))}
test_close(ends['clipped to 0.5'], .5*deltas.sign(), eps=1e-6)
test_close(ends['penalized'], deltas/2*1.1, eps=5e-2)

# %%
#| label: fig-wasserstein
#| fig-cap: "Twelve differences of means (gray) and the weights that linear critics end with."
def show_ends(deltas, ends):
    "Directions, and weights for each"
    fig,ax = plt.subplots(figsize=(4, 4), layout='constrained')
    for o in deltas: ax.plot([0, o[0]*.7], [0, o[1]*.7], color='.8', lw=1)
    for (name,w),marker in zip(ends.items(), 's.'): ax.plot(*w.T, marker, label=name)
    ax.set(aspect='equal', xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    ax.legend(frameon=False, loc='lower center', ncols=2, bbox_to_anchor=(.5, 1))
show_ends(deltas, ends)

# %% [markdown]
# ## Energy

# %% [markdown]
# An [auto-encoder as critic](../models/energy_critic.ipynb) lowers the energy of photographs and *raises* that of generated pictures, but not without end: up to a margin $m$, beyond which a fake is bad enough [@zhao2017]. The generator lowers its own energy, and pays for pictures that are all alike.
#
# $$\ell_D=\mathbb{E}_{\text{real}}E+\mathbb{E}_{\text{fake}}\max(0,m-E),\qquad\ell_G=\mathbb{E}_{\text{fake}}E+\lambda_{PT}\,\ell_{PT}$$
#
# S4's margin is 80, in a unit that changed with the batch; in ours it is 80 units of Lab. Its pull-away term was planned with a weight of 0.1, and is here, off until asked for.

# %%
#| export
@adversarial_losses('energy', energy=True, positive=True)
class EnergyLoss:
    "EBGAN, energy-based GAN (Zhao et al. 2017): energies below a margin, and the pull-away term"
    def __init__(self,
        margin:float=80., # energy from which a generated picture is bad enough
        pull:float=0., # weight of the pull-away term; S4 planned 0.1
    ): self.margin,self.pull = margin,pull
    def critic(self,
        real:EnergyOutput, # of real pictures
        fake:EnergyOutput, # of generated ones
    ) -> Tensor: # scalar
        "Mean energy of the real plus mean lack of energy of the generated"
        return real.energy.mean() + F.relu(self.margin - fake.energy).mean()
    def generator(self,
        fake:EnergyOutput, # of generated pictures
    ) -> Tensor: # scalar
        "Mean energy, and how alike the codes are"
        return fake.energy.mean() + (self.pull*pull_away(fake.code) if self.pull else 0)

@adversarial_losses('energy_pull', energy=True, positive=True)
def _energy_pull(): return EnergyLoss(pull=.1)

# %%
said = lambda *e: EnergyOutput(torch.tensor(e).view(-1, 1, 1, 1), torch.eye(len(e)))
loss = EnergyLoss()
test_close(loss.critic(said(3., 5.), said(70., 100., 20.)), 4 + (10 + 0 + 60)/3, eps=1e-5)
test_close(loss.generator(said(70., 100., 20.)), 190/3, eps=1e-5)
test_close(EnergyLoss(10).critic(said(0.), said(0.)), 10, eps=1e-6)
alike = EnergyOutput(torch.full((3, 1, 1, 1), 7.), torch.ones(3, 5))
test_close(EnergyLoss(pull=.1).generator(alike), 7.1, eps=1e-6)
test_close(EnergyLoss(pull=.1).generator(said(7., 7., 7.)), 7, eps=1e-6)
e = torch.tensor([20., 79., 81.], requires_grad=True)
slope = torch.autograd.grad(loss.critic(said(0.), EnergyOutput(e, None)), e)[0]
test_close(slope, torch.tensor([-1/3, -1/3, 0]), eps=1e-6)
loss.critic(said(3., 5.), said(70., 100., 20.))

# %% [markdown]
# For a picture with shares $p$ and $q$ the best energy is 0 if $p>q$ and $m$ if $p<q$: as with the hinge, only the sign of $p-q$ counts. Where both sides have the same pictures, no energy below the margin is better than another, and the critic's loss is $m$ [@zhao2017]: the 80 in the list.

# %%
E = torch.linspace(0, 120, 1201)
for p,q,best in ((.8, .4, 0), (.2, .6, 80)): test_close(E[(p*E + q*F.relu(80 - E)).argmin()], best, eps=.2)
level = (E + F.relu(80 - E))[:801]
test_close(level, torch.full_like(level, 80), eps=1e-3)
level[::400]

# %% [markdown]
# ## A loss for each of several critics

# %% [markdown]
# Several critics [side by side](../models/critics.ipynb#side-by-side) answer with a list, the weight of each and what it says. `EachLoss` hands each answer to a loss, one for all of them or one for each, so that an energy critic may stand beside one with a hinge loss. The critics' losses are added as they are, since each has its own network to teach; the generator's are weighted. A single critic is a list of one with weight 1, so training can use it always.
#
# What a loss wants of its critic goes the same way: the penalty is added to the critics' loss, and `constrain` is called after their step.

# %%
#| export
class EachLoss:
    "Adversarial losses for one critic or for several with weights"
    def __init__(self,
        losses, # one loss, or a list with one for each critic
    ): self.losses = losses
    def each(self,
        things, # what one critic says, or a list for several
    ) -> list: # of pairs: a loss and a thing
        "Every critic's loss"
        things = things if isinstance(things, list) else [things]
        losses = self.losses if isinstance(self.losses, (list, tuple)) else [self.losses]*len(things)
        if len(losses) == len(things): return list(zip(losses, things))
        raise UsageError(f'{len(things)} critics have {len(losses)} losses', 'give one, or one for each critic')
    def critic(self, real, fake): # what is said of real and of generated pictures
        "Sum of the critics' losses"
        (_,reals),(_,fakes) = (_weighed(o) for o in (real, fake))
        return sum(_readable(loss, r).critic(r, f) for (loss,r),f in zip(self.each(reals), fakes))
    def generator(self, fake): # what is said of generated pictures
        "Weighted sum of what the critics hold against the generator"
        weights,fakes = _weighed(fake)
        return sum(w*_readable(loss, o).generator(o) for w,(loss,o) in zip(weights, self.each(fakes)))
    def penalty(self,
        critic:nn.Module, # one, or `Critics`
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        real:Tensor, # true color, `bs`xCxhxw
        fake:Tensor, # generated color, the same shape
    ) -> Tensor: # scalar, or 0 where no loss has a penalty
        "Sum of the penalties, to be added to the critics' loss"
        each = self.each(_nets_of(critic))
        return sum(loss.penalty(net, L, real, fake) for loss,net in each if hasattr(loss, 'penalty'))
    def constrain(self,
        critic:nn.Module, # changed in place, after its optimizer's step
    ):
        "Clip the critics whose losses want it"
        for loss,net in self.each(_nets_of(critic)):
            if hasattr(loss, 'constrain'): loss.constrain(net)

def _weighed(said): return map(list, zip(*(said if isinstance(said, list) else [(1., said)])))
def _nets_of(critic): return list(critic.nets) if isinstance(critic, Critics) else [critic]
def _readable(loss, said):
    "The loss, or a `UsageError` where it cannot read what a critic says"
    if isinstance(said, EnergyOutput) == isinstance(loss, EnergyLoss): return loss
    raise UsageError(f'{type(loss).__name__} cannot read this critic', 'energy goes with an auto-encoder')

# %% [markdown]
# What should a weight change? The gradient that reaches the generator, in proportion. The gradients of each critic should be those that it has alone. The cell checks both for three critics with three losses.

# %%
torch.manual_seed(seed)
rgb = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size=size)]).permute(0, 3, 1, 2)/255
L,real = split_lab(rgb)
fake = (.3*torch.randn_like(real)).requires_grad_()
nets = [S4Critic(nf=4, strides=o, norm='none') for o in ((2, 2, 1), (2, 1))] + [EnergyCritic(nf=4, norm='group')]
losses = [HingeLoss(), GradientPenaltyLoss(), EnergyLoss()]
def grads(net, loss, fake):
    torch.manual_seed(seed)
    crit,extra = loss.critic(net(L, real), net(L, fake)),getattr(loss, 'penalty', lambda *o: 0)(net, L, real, fake)
    return torch.autograd.grad(crit + extra, list(net.parameters()))
together = grads(Critics(nets, (.5, .3, .2)), EachLoss(losses), fake.detach())
alone = [g for net,loss in zip(nets, losses) for g in grads(net, loss, fake.detach())]
for a,b in zip(together, alone): test_close(a, b, eps=1e-4*max(1, b.abs().max().item()))
def pulls(critic, loss): return torch.autograd.grad(loss.generator(critic(L, fake)), fake)[0]
by_hand = sum(w*pulls(net, loss) for w,net,loss in zip((.5, .3, .2), nets, losses))
test_close(pulls(Critics(nets, (.5, .3, .2)), EachLoss(losses)), by_hand, eps=1e-5)
by_hand.norm()

# %%
test_close(pulls(nets[0], EachLoss(losses[0])), pulls(nets[0], losses[0]), eps=1e-7)
test_eq(EachLoss(losses[0]).penalty(nets[0], L, real, fake), 0)
by_channel = ChannelCritics('ab', lambda n,conditional: S4Critic(n, conditional, 4, (2, 1), norm='none'))
assert EachLoss(GradientPenaltyLoss()).penalty(by_channel, L, real, fake.detach()) > 0
EachLoss([WassersteinLoss(.02), HingeLoss()]).constrain(by_channel)
test_eq([max(p.abs().max().item() for p in net.parameters()) <= .02 for net in by_channel.nets], [True, False])
def fails(loss, critic, contains): test_fail(lambda: EachLoss(loss).generator(critic(L, fake)), UsageError, contains)
fails(losses[:2], Critics(nets), '3 critics have 2 losses')
fails(HingeLoss(), nets[2], 'HingeLoss cannot read')
fails(EnergyLoss(), nets[0], 'auto-encoder')

# %% [markdown]
# ## Sizes and batches

# %% [markdown]
# Every loss here is a mean. This decides whether a weight means anything: a loss that is a sum is four times as large for twice the side, and the balance that was found at one size is wrong at every other. The cell tiles the verdicts, as a picture four times as large would, and repeats the batch; no value changes. (An energy stands for a whole picture and is only repeated.) The list at its end has the facts of each loss in the table.

# %%
torch.manual_seed(seed)
s,t = torch.randn(4, 1, 3, 3),torch.randn(4, 1, 3, 3)
larger = {'tiled': lambda x: x.repeat(1, 1, 2, 2), 'batch': lambda x: x.repeat(3, 1, 1, 1)}
for name in adversarial_losses:
    make = adversarial_losses[name]
    if make.energy:
        real,fake = EnergyOutput(20*torch.rand(4, 1, 1, 1), None),EnergyOutput(100*torch.rand(4, 1, 1, 1), None)
        r,f = (EnergyOutput(o.energy.repeat(3, 1, 1, 1), None) for o in (real, fake))
        test_close(EnergyLoss().critic(r, f), EnergyLoss().critic(real, fake), eps=1e-5)
        test_close(EnergyLoss().generator(f), EnergyLoss().generator(fake), eps=1e-5)
    else:
        for o in larger.values():
            test_close(make().critic(o(s), o(t)), make().critic(s, t), eps=1e-5)
            test_close(make().generator(o(t)), make().generator(t), eps=1e-5)
net = nn.Sequential(nn.Conv2d(2, 6, 4, 4), nn.Softplus(), nn.Conv2d(6, 1, 1))
L,color = split_lab(rgb)
plain = slopes(lambda L,c: net(c), L, color)
for k,o in larger.items():
    test_close(slopes(lambda L,c: net(c), o(L), o(color)), plain.repeat(3 if k == 'batch' else 1), eps=1e-5)
{k: [f for f in adversarial_losses.facts if getattr(adversarial_losses[k], f)] for k in adversarial_losses}

# %% [markdown]
# ## What we have
#
# - `LogisticLoss`, `LeastSquaresLoss`, `HingeLoss`, `WassersteinLoss` with clipping, `GradientPenaltyLoss` and `EnergyLoss`, one method for the critic and one for the generator, by name in `adversarial_losses`;
# - a slope that is measured over all axes of a picture and means the same at every size;
# - `EachLoss`, so that each of several critics may have a loss of its own.

# %% [markdown]
# ## Exercises
#
# 1. Draw the hinge into the [figure of the lesson](../lessons/losses.ipynb). Where does its generator's slope differ from that of the log loss?
# 2. Train the linear critic of the clipping example with a clip of 0.5 instead of 0.05. What changes for the generator?
# 3. Replace $(\|\nabla\|-1)^2$ by $\max(0,\|\nabla\|-1)^2$. Which closed form of this chapter stays, and which critics are now free that were not?
