# %% [markdown]
# # 7. From verdicts to losses
#
# > Two networks, one number between them, and which curve to slide down
#
# **You need** [The critic](critic.ipynb). **You get** the losses of critic and generator, the reason for the odd form of the second one, and the answer to what a perfect critic would say. **Minutes:** 7.
#
# ![Two losses for the generator, and their slopes.](../../asset/lessons/losses.jpg)

# %%
#| default_exp losses.basic

# %% tags=["parameters"]
n_steps,seed = 400, 0

# %%
#| export
import torch, torch.nn.functional as F
from torch import Tensor

# %%
#| hide
import matplotlib.pyplot as plt
from torch import nn

# %% [markdown]
# ## The critic's loss

# %% [markdown]
# A critic sorts pictures into two boxes, real and made up. For that job there is a standard loss, the *log loss*: if the critic gives the right box the probability $p$, it pays $-\log p$. Certain and right costs nothing, undecided costs $\log2\approx0.69$, certain and wrong costs more and more.
#
# With the verdict $s$ (a logit, any number) the probability of "real" is $\sigma(s)=1/(1+e^{-s})$. So a real picture costs $-\log\sigma(s)$ and a made-up one $-\log(1-\sigma(s))$, and together
#
# $$\ell_D=\underbrace{\log(1+e^{-s_\text{real}})}_{\text{wants }s\text{ high}}+\underbrace{\log(1+e^{s_\text{fake}})}_{\text{wants }s\text{ low}}.$$
#
# In PyTorch $\log(1+e^x)$ is `softplus`. It also is the safe way to compute it: the formula with $\sigma$ breaks when the critic is very wrong. Look at the first number.

# %%
s = torch.tensor([-1000., -2., 0., 2.])
print('by formula', (-s.sigmoid().log()).tolist())
print('softplus  ', F.softplus(-s).tolist())

# %% [markdown]
# $\sigma(-1000)$ is zero in 32 bits, and its logarithm is infinite. `softplus` says 1000, and nearly the same as the formula everywhere else.

# %% [markdown]
# ## The generator's loss

# %% [markdown]
# The generator wants the opposite for its pictures: a high verdict. Its weights learn through the critic: the gradient of the loss goes back through the critic to the colors, and says for each pixel in which direction the critic would like it better. The critic's own weights stay as they are in this moment.
#
# There are two obvious losses. One is the critic's, with the sign turned: $-\log(1+e^{s})$. The other is the log loss of being taken for real: $\log(1+e^{-s})$. Both fall as $s$ rises. Look at the left end of the right panel, where the critic is sure that the picture is made up. That is where a generator is as soon as the critic is ahead.

# %%
#| label: fig-lesson-losses
#| fig-cap: "Losses of the generator over the critic's verdict, and their slopes."
losses = {
    'sign turned: saturates': lambda s: -F.softplus(s),
    'be taken for real': lambda s: F.softplus(-s),
    'least squares, to 1': lambda s: (s - 1)**2}

def slope(f, s):
    "The derivative of `f` at each of `s`"
    s = s.clone().requires_grad_()
    return torch.autograd.grad(f(s).sum(), s)[0]

s = torch.linspace(-6, 6, 200)
fig,axs = plt.subplots(1, 2, figsize=(9, 3), layout='constrained')
for (name,f),style in zip(losses.items(), ('C1--', 'C0', 'C2:')):
    axs[0].plot(s, f(s), style, label=name)
    axs[1].plot(s, slope(f, s), style)
axs[0].set(xlabel='verdict', ylabel='loss', ylim=(-6, 8))
axs[0].legend(frameon=False)
axs[1].set(xlabel='verdict', ylabel='slope', ylim=(-3, 1));

# %% [markdown]
# The first loss is *flat* there: its slope at $s=-6$ is a four-hundredth. The generator is told that it is bad and not where to go; one says that the loss *saturates*. The second has a slope near -1 as long as the generator fails, and gets flat only when it succeeds. So the second one is the usual choice of these two [@goodfellow2014]. Both networks' losses together, as the library has them:

# %%
#| export
class LogisticLoss:
    "Log loss on logits (Goodfellow et al. 2014) that does not saturate"
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

# %%
#| code-fold: true
a,b = (slope(losses[k], torch.tensor([-6.])).item() for k in list(losses)[:2])
assert -.003 < a < -.002 and -1 < b < -.99 and b/a > 400

# %% [markdown]
# ## Least squares

# %% [markdown]
# The dotted curve is another idea: let the critic answer with *numbers*, 1 for real and 0 for made up, and punish the squared distance from them [@mao2017]. The generator then wants exactly 1. Its slope never vanishes while it fails, and it is also pulled back where the critic is enthusiastic, on the right. Training with it is often a little calmer.
#
# $$\ell_D=(s_\text{real}-1)^2+s_\text{fake}^2,\qquad\ell_G=(s_\text{fake}-1)^2$$
#
# %%
#| export
class LeastSquaresLoss:
    "LSGAN (Mao et al. 2017): 1 for real and 0 for generated pictures"
    def critic(self,
        real:Tensor, # verdicts on real pictures, any shape
        fake:Tensor, # verdicts on generated ones, any shape
    ) -> Tensor: # scalar, 0.5 for a critic that always says 0.5
        "Mean squared distance of the real from 1 and of the generated from 0"
        return ((real - 1)**2).mean() + (fake**2).mean()
    def generator(self,
        fake:Tensor, # verdicts on generated pictures, any shape
    ) -> Tensor: # scalar
        "Mean squared distance of the generated from 1"
        return ((fake - 1)**2).mean()

# %% [markdown]
# [Adversarial losses](../losses/adversarial.ipynb) has more of these pairs, and [The loss laboratory](../results/ablation.ipynb) compares what they bring.

# %% [markdown]
# ## What would a perfect critic say?

# %% [markdown]
# Suppose some color makes up the share $p$ of the real pictures at this place and the share $q$ of the generated ones. Whatever the critic says of it, it pays $p\log(1+e^{-s})+q\log(1+e^{s})$. The slope of this sum is zero at
#
# $$s=\log\frac pq.$$
#
# So a perfect critic does not say "red is good". It says how many times *more frequent* red is among the real pictures than among yours, and a generator that follows it moves to colors that it has painted too seldom. If it paints exactly as often as nature, the verdict is 0 everywhere, and nothing is left to learn.
#
# We can watch a critic find that out. There are four colors; real buses and generated buses have them with different frequencies. The critic is a table with one verdict for each.

# %%
#| label: fig-lesson-best-critic
#| fig-cap: "Verdicts of a critic that learns from examples (bars), and the logarithm of p/q (dots)."
p = torch.tensor([.6, .3, .1, .0001]) # real: red, blue, green, purple
q = torch.tensor([.2, .3, .1, .4]) # generated: far too much purple
verdict = nn.Parameter(torch.zeros(4))
opt = torch.optim.Adam([verdict], .05)
torch.manual_seed(seed)
for _ in range(n_steps):
    real,fake = (torch.multinomial(o, 512, replacement=True) for o in (p, q))
    loss = LogisticLoss().critic(verdict[real], verdict[fake])
    opt.zero_grad()
    loss.backward()
    opt.step()
fig,ax = plt.subplots(figsize=(6, 2.6), layout='constrained')
colors = ['tab:red', 'tab:blue', 'tab:green', 'tab:purple']
ax.bar(range(4), verdict.detach(), color=colors)
ax.plot(range(3), (p/q).log()[:3], 'ko')
ax.axhline(0, color='black', lw=.8)
names = ['red', 'blue', 'green', 'purple']
ax.set(xticks=range(4), xticklabels=names, ylabel='verdict');

# %% [markdown]
# Red is too rare among the generated buses, and its verdict is positive, $\log3$. Blue and green are as frequent as they should be: about 0. Purple, the average that the distance loved so much, occurs in hardly any real picture, and its verdict falls and falls. **The average color is exactly what a critic sees through first.** This is why a GAN is not brown.

# %%
#| code-fold: true
loss = LogisticLoss().critic(verdict[real], verdict[fake])
by_hand = -(verdict[real].sigmoid().log().mean()
    + (1 - verdict[fake].sigmoid()).log().mean())
assert torch.allclose(loss, by_hand, atol=1e-5)
assert (verdict[:3] - (p/q).log()[:3]).abs().max() < .35
assert verdict[3] < -3 and verdict.argmax() == 0

# %% [markdown]
# And one weakness can be seen here, too. Suppose the generator now paints *everything* red. Then the critic's verdict on red sinks, the one on blue rises, the generator goes to blue, and so on: the two may chase each other for ever. In practice one adds a *content loss* (the distance from the truth, with a weight) that usually holds the generator in place. Both together are the loss of pix2pix, and that of the [GAN that colors](gan.ipynb) in lesson 9:
#
# $$\ell=\lambda\,|\,\text{answer}-\text{truth}\,|+\log(1+e^{-s})$$

# %%
#| export
class L1Loss:
    "Mean absolute difference times lambda"
    def __init__(self,
        lam:float=1., # weight; S0's is 100 on RGB in -1..1
    ): self.lam = lam
    def __call__(self,
        output:Tensor, # generated, any shape
        target:Tensor, # the truth, the same shape
        L:Tensor=None, # lightness: other content losses look at it
    ) -> Tensor: # scalar
        "Weighted mean over all values"
        return self.lam*(output - target).abs().mean()

# %% [markdown]
# The next lesson, [The duel](duel.ipynb), lets them play.

# %% [markdown]
# ## Exercises
#
# 1. What does the best critic pay when generated pictures cannot be told from real ones?
# 2. Where is the least-squares critic's best verdict for shares $p$ and $q$?
# 3. Give the table critic `p = q`. How far from 0 do the verdicts get, and why are they not exactly 0?
#
# <details><summary>Solution 1</summary>
#
# It says 0 and pays $2\log2\approx1.39$: the dashed line in the other lessons.
#
# </details>
#
# <details><summary>Solution 2</summary>
#
# At $p/(p+q)$: the slope of $p(s-1)^2+qs^2$ is zero there. It is the same knowledge, squeezed into 0..1.
#
# </details>
#
# <details><summary>Solution 3</summary>
#
# About a twentieth; purple, which is hardly ever drawn, may be off by a half. Each batch is a sample, and in a sample the shares are never exactly equal; the critic follows the last few batches.
#
# </details>
