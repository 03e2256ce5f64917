# %% [markdown]
# # 8. The duel
#
# > A GAN in forty lines of PyTorch, on pictures small enough to watch it learn, and to watch it fail
#
# **You need** [The critic](critic.ipynb) and [From verdicts to losses](losses.ipynb). **You get** the training loop of a GAN that you can read at one glance, a film strip of its learning, and a failure that you will recognize later. **Minutes:** 10.
#
# ![Discs as a network paints them that learns from distance alone, and one that has a critic.](../../asset/lessons/duel.jpg)

# %%
#| default_exp training.small_gan

# %% tags=["parameters"]
size,n_steps,seed = 24, 320, 0

# %%
import torch, torch.nn.functional as F, matplotlib.pyplot as plt
from torch import nn
from colorbook.color.lab import join_lab, show_sheet
from colorbook.losses.basic import L1Loss, LogisticLoss
from colorbook.models.small_critic import SmallCritic

# %% [markdown]
# ## A question with two right answers

# %% [markdown]
# The smallest problem that needs a GAN: a bright disc on a gray ground. Half of the discs are orange, half are blue, and nothing in the lightness tells which. The ground is always gray. Look at the two rows: one kind of question, two kinds of answers.

# %%
#| label: fig-lesson-discs
#| fig-cap: "Eight questions, and their true answers."
HUES = torch.tensor([[.35, .45], [-.1, -.5]]) # ab of orange and of blue

def discs(n):
    "Lightness, color and place of `n` discs"
    y = torch.arange(size)[:,None]
    cy,cx,r = ((torch.rand(n, 1, 1)*.25 + o)*size for o in (.37, .37, .2))
    disc = ((y - cy)**2 + (y.T - cx)**2 < r**2).float()[:,None]
    L = .5 + .2*disc + .01*torch.randn(n, 1, size, size)
    return L, disc*HUES[torch.randint(0, 2, (n,))][:,:,None,None], disc

torch.manual_seed(seed)
held = discs(8)
show_sheet([held[0], join_lab(*held[:2])], ['L', 'truth']);

# %% [markdown]
# ## Two networks

# %% [markdown]
# The *painter* is the generator: three convolutions. Since there are two right answers, it needs something to choose by, and gets a random number `z` for each picture, the *noise*. What `z` means is up to the painter. The *judge* is the [critic](critic.ipynb), with patches of 22 pixels.

# %%
class Painter(nn.Module):
    "Lightness and one random number in, color out"
    def __init__(self, nf=24, noise=1.):
        super().__init__()
        def conv(ni, no):
            return nn.Conv2d(ni, no, 3, padding=1, padding_mode='replicate')
        def block(ni):
            return nn.Sequential(conv(ni, nf), nn.BatchNorm2d(nf), nn.ReLU())
        self.layers = nn.Sequential(block(2), block(nf), conv(nf, 2), nn.Tanh())
        self.noise = noise
    def forward(self, L, z=None):
        if z is None: z = 2*torch.rand(len(L), 1, 1, 1) - 1
        return self.layers(torch.cat([2*L - 1, (self.noise*z).expand_as(L)], 1))
    def color(self, out): return out # for the callback, at the end

def new_judge(): return SmallCritic(24, strides=(2, 2, 1))

# %% [markdown]
# ## The loop

# %% [markdown]
# One step of the duel has two halves. First the judge learns: it sees true colors and painted ones, and its loss is the log loss of [From verdicts to losses](losses.ipynb), `log_loss`. `detach` cuts the painting off from its painter, so that this loss cannot teach the painter anything. Then the painter learns: the judge looks at the *same* painting once more, this time not cut off, and the painter moves its colors to where the verdict is higher. `lam` and `adv` are the weights of distance and verdict. The distance is L1, and for a reason: between orange and blue, which are equally frequent, [L1 does not care](brown.ipynb), so that it leaves this choice to the judge and only keeps the ground gray. (`betas=(.5, .99)` give Adam a shorter memory than usual; the next lesson says why.) Everything else in this book is built around these lines.

# %%
def look(painter):
    "The eight held-out discs, with eight values of the noise from -1 to 1"
    z = torch.linspace(-1, 1, 8).view(8, 1, 1, 1)
    with torch.no_grad(): ab = painter.eval()(held[0], z)
    painter.train()
    return join_lab(held[0], ab)

log_loss = LogisticLoss()

def duel(painter, judge, n_steps, lam=10., adv=1., lr=5e-3,
        distance=F.l1_loss):
    "Train both; returns some pictures on the way and the losses"
    torch.manual_seed(seed)
    opt_p,opt_j = (torch.optim.Adam(o.parameters(), lr, betas=(.5, .99))
        for o in (painter, judge))
    strip,losses = [look(painter)],[]
    for step in range(1, n_steps + 1):
        L,ab,_ = discs(16)
        fake = painter(L)

        real_says,fake_says = judge(L, ab),judge(L, fake.detach())
        loss_j = log_loss.critic(real_says, fake_says)
        opt_j.zero_grad()
        loss_j.backward()
        opt_j.step()

        loss_p = log_loss.generator(judge(L, fake))
        opt_p.zero_grad()
        (lam*distance(fake, ab) + adv*loss_p).backward()
        opt_p.step()

        losses.append((loss_p.item(), loss_j.item()))
        if step%(n_steps//5) == 0: strip.append(look(painter))
    return strip,losses

# %% [markdown]
# First without the judge, by squared distance (`adv=0`); then the duel, with L1. (Two things differ between them. `duel(Painter(), new_judge(), n_steps, adv=0.)` shows L1 without the judge.) In each row the noise goes from -1 at the left to 1 at the right. Look at the discs' colors in the first and in the last row, and at the ground on the way.

# %%
#| slow
#| label: fig-lesson-strip
#| fig-cap: "By distance alone, and the course of the duel. From left to right the noise goes from -1 to 1."
torch.manual_seed(seed)
by_distance,_ = duel(Painter(), new_judge(), n_steps, adv=0.,
    distance=F.mse_loss)
painter,judge = Painter(),new_judge()
strip,losses = duel(painter, judge, n_steps)
names = ['distance'] + [f'duel, {i*n_steps//5}' for i in range(6)]
show_sheet([by_distance[-1], *strip], names);

# %% [markdown]
# Distance gives every disc much the same dull mauve between orange and blue, whatever the noise: an average, as with the buses. The duel begins with a random tint over everything. After 64 steps there are colors, with wrong fringes and a brownish ground; then the ground becomes gray and the colors become those of the truth. There are two of them, and the *noise decides* which one a disc gets: blue on the left, orange on the right, undecided only in the middle. The painter has made a meaning for `z`.
#
# Now the losses. If you have trained other networks, you expect curves that fall.

# %%
#| slow
#| label: fig-lesson-duel-losses
#| fig-cap: "What painter and judge pay. Dashed: a judge that can only guess."
def draw(losses, ax):
    "Both losses, averaged over ten steps"
    mean = torch.tensor(losses).unfold(0, 10, 10).mean(-1)
    x = torch.arange(len(mean))*10
    for o,name in zip(mean.T, ('painter', 'judge')): ax.plot(x, o, label=name)
    ax.axhline(1.386, color='gray', ls='--', lw=1)
    ax.set(xlabel='step', ylabel='loss')
    ax.legend(frameon=False)

fig,ax = plt.subplots(figsize=(7, 2.4), layout='constrained')
draw(losses, ax)

# %% [markdown]
# They do not fall. In the first fifty steps the judge finds out what is wrong, and the painter's loss rises to 2. Then the painter catches up, and from there on nothing seems to happen: the judge pays a little less than the dashed line, $2\log2$, because it can tell some paintings but not many, and the painter a little more than $\log2$. **In a GAN, losses that do not fall are no alarm: both networks may still be learning.** They may also have stopped, or be walking in circles. One of them going to zero would be the alarm. How good the *pictures* are cannot be read from them at all, and so one looks at pictures.

# %% [markdown]
# ## A collapse, on purpose

# %% [markdown]
# What if the painter has nothing to choose by? We take the noise away (`noise=0`) and change nothing else. Every disc is now the same question to it. Follow one column from top to bottom.

# %%
#| slow
#| label: fig-lesson-collapse
#| fig-cap: "The duel without noise: one color for all discs, and a new one in every row."
torch.manual_seed(seed)
single = Painter(noise=0.)
collapsed,_ = duel(single, new_judge(), n_steps)
show_sheet(collapsed, [f'step {i*n_steps//5}' for i in range(6)]);

# %% [markdown]
# All discs of a row have one color: red, pink, orange, blue, orange. When all are orange, the judge learns that orange is suspicious, since true discs are orange less often; the painter moves to blue; then blue is suspicious, and so on without an end. A generator that gives only one of several right answers (*modes*) has **collapsed**. Here we forced it; in large GANs it happens in spite of the noise, and one meets it as "all my pictures look alike".
#
# Most colorizers, ours of the next lesson included, have no noise. They give one answer. Where one color is more frequent than the others, the distance holds them there; between two equally frequent ones it does not, as you just saw. [Many answers](../evaluation/diversity.ipynb) shows ways to more than one.

# %%
#| slow
#| code-fold: true
def paint(painter, n=200):
    "Mean color of each disc, its distance from both hues, the ground's chroma"
    torch.manual_seed(seed + 1)
    L,_,disc = discs(n)
    with torch.no_grad(): ab = painter.eval()(L)
    inside = (ab*disc).sum((2, 3))/disc.sum((2, 3))
    apart = torch.cdist(inside, HUES)
    return inside, apart, ab.norm(dim=1, keepdim=True)[disc == 0].mean()

inside,apart,ground = paint(painter)
share = (apart[:,0] < apart[:,1]).float().mean() # of orange ones
if n_steps >= 320:
    assert .25 < share < .75 # both colors
    assert apart.min(1).values.mean() < .25 # close to one of the two
    assert ground < .05 # and the ground is gray
one,_,_ = paint(single)
assert one.std(0).max() < .25*inside.std(0).max() # all alike

# %% [markdown]
# ## The same as a callback

# %% [markdown]
# fastai's `Learner` brings schedules, checkpoints and logs, and has one model and one optimizer. So we give it both networks as one model, which *is* the painter when it is called, and do both halves of a step in a callback. Ours asks the judge about each painting only once, on a copy `leaf` that is cut off. The judge's loss goes back into the judge. The painter's goes back to `leaf` and no further: its `slope` there says for each pixel which color the judge would like better. The last line hands value and slope on to the painter.

# %%
#| export
import torch
from torch import nn, Tensor
from fastai.callback.core import Callback

class SmallGAN(nn.Module):
    "Generator and critic side by side; called, it is the generator"
    def __init__(self,
        generator:nn.Module, # lightness in; `color` makes color of what is out
        critic:nn.Module, # lightness and color to verdicts
    ):
        super().__init__()
        self.generator,self.critic = generator,critic
    def forward(self, L): return self.generator(L)
    def judge(self, L, color): return self.critic(L, color)

def critic_half(gan, loss, L, real, leaf): # `leaf`: generated, cut off
    "The critic's loss, and its verdicts on true and on generated color"
    verdicts = gan.judge(L, real),gan.judge(L, leaf)
    return loss.critic(*verdicts),verdicts

def generator_half(loss, verdict, leaf, fake):
    "The generator's loss, and that with a slope for `fake` and nothing else"
    value = loss.generator(verdict)
    slope, = torch.autograd.grad(value, leaf)
    value = value.detach()
    return value,value + ((fake - fake.detach())*slope).sum()

# %% [markdown]
# The callback is called when the answer (`pred`) and its content loss are there and nothing has been sent back yet. After it the Learner does what it always does: `backward` for the generator, then one step of all weights, for which the critic's gradients are ready.

# %%
#| export
class SmallGANCallback(Callback):
    "Both halves of a step, from one pass of the generator"
    order,name = 5,'adversary'
    def __init__(self,
        loss, # such as `LogisticLoss()`
        weight:float=1., # of the adversarial loss beside the content loss
    ): self.adv,self.weight = loss,weight
    def seen(self) -> tuple: # what the critic gets to see
        "Lightness, true color and generated color"
        fake = self.learn.model.generator.color(self.pred)
        return self.xb[0],self.yb[0],fake
    def after_loss(self):
        if not self.training: return
        self.content = self.learn.loss_grad.detach()
        self.play(*self.seen())
        self.learn.loss = self.learn.loss_grad.clone()
    def play(self, L:Tensor, real:Tensor, fake:Tensor):
        "The critic's gradients; the generator's term, added to its loss"
        gan,leaf = self.learn.model,fake.detach().requires_grad_()
        crit,(_,verdict) = critic_half(gan, self.adv, L, real, leaf)
        weights = list(gan.critic.parameters())
        crit.backward(inputs=weights, retain_graph=True)
        self.crit = crit.detach()
        self.gen,term = generator_half(self.adv, verdict, leaf, fake)
        self.learn.loss_grad = self.learn.loss_grad + self.weight*term

# %% [markdown]
# The same discs once more. `splitter` gives each network its own group of weights, with a learning rate of its own if one wants.

# %%
#| slow
#| label: fig-lesson-callback
#| fig-cap: "The same duel by the callback, with noise from -1 to 1."
from fastai.vision.all import Adam, DataLoaders, Learner, params, partial

torch.manual_seed(seed)
pairs = list(zip(*discs(1280)[:2]))
dls = DataLoaders.from_dsets(pairs, pairs[:16], bs=16, device='cpu',
    num_workers=0)
gan = SmallGAN(Painter(), new_judge())
learner = Learner(dls, gan, L1Loss(10), wd=0., cbs=SmallGANCallback(log_loss),
    splitter=lambda gan: [params(o) for o in gan.children()],
    opt_func=partial(Adam, mom=.5, sqr_mom=.99))
with learner.no_bar(), learner.no_logging(): learner.fit(n_steps//80, 5e-3)
show_sheet([look(gan.generator)]);

# %% [markdown]
# Two colors again, chosen by the noise, now with orange on the left. [Adversarial training](../training/gan.ipynb) builds the library's `GANCallback` on these few lines, with which it trains the same weights, bit for bit; what it adds are networks that rest, turns that change from batch to batch, several critics, 16-bit numbers. With a film we are ready for [A GAN that colors](gan.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. Let the judge teach alone: `duel(Painter(), new_judge(), n_steps, lam=0.)`. What is different?
# 2. Give the judge a ten times larger learning rate and take its spectral norm away. Which loss tells you that something is wrong?
# 3. Leave out `detach`. Does it still work? Why?
#
# <details><summary>Solution 1</summary>
#
# The discs get two colors as before, but the ground is tinted for a long time, in a color that changes: nothing but the judge says that it should be gray, and the judge looks at everything at once.
#
# </details>
#
# <details><summary>Solution 2</summary>
#
# Both: instead of staying near the dashed line they jump to hundreds and back. The judge's steps are too large, and nothing limits its verdicts.
#
# </details>
#
# <details><summary>Solution 3</summary>
#
# No. PyTorch stops with *Trying to backward through the graph a second time*: the judge's `backward` went through the painter and freed its graph. With `loss_j.backward(retain_graph=True)` it runs, only slower: the judge's loss leaves gradients in the painter, and `opt_p.zero_grad()` removes them. Without that line the painter would be taught to be found out.
#
# </details>
