# %% [markdown]
# # Adversarial training
#
# > GAN training as one callback on a plain fastai Learner
#
# [The duel](../lessons/duel.ipynb) has adversarial training in its shortest form: `SmallGAN`, two networks in one model, and `SmallGANCallback`, both halves of a step on an ordinary `Learner`. This chapter builds on them what a real training needs. One object trains the generator alone, the critic alone, or both against each other, batch by batch if a schedule says so; whoever is not being trained rests, and not a bit of it changes. Networks may compute in 16 bits, gradients may be limited for each network, the weight between the losses may be learned. And it tests the gradients: what reaches whom, and that a training that was interrupted goes on as if it had not been.

# %%
#| default_exp training.gan

# %% tags=["parameters"]
size,n_pictures,n_epochs,seed = 24,384,6,0

# %%
#| export
import torch
from contextlib import nullcontext
from typing import NamedTuple
from torch import nn, Tensor
from torch.utils._pytree import tree_map_only
from fastai.vision.all import *
from colorbook.core import UsageError
from colorbook.data.loaders import present
from colorbook.losses.adversarial import adversarial_losses, EachLoss
from colorbook.training.small_gan import critic_half, generator_half, SmallGAN, SmallGANCallback

# %%
#| hide
import copy, pickle, tempfile
import matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.losses.basic import LogisticLoss
from colorbook.models.critics import PatchCritic
from colorbook.color.lab import join_lab

# %% [markdown]
# ## Two networks, one Learner

# %% [markdown]
# A Learner trains one module with one optimizer. fastai's own `fastai.vision.gan` bends that rule: its module is the generator on one batch and the critic on the next, a callback exchanges inputs and targets in between, and the loss changes its meaning with it. Every other part of fastai would have to know which network is in training, and those that do not know it fail: a learning rate for the critic cannot be combined with `fit_one_cycle`, and the log mixes the losses of both networks.
#
# `SmallGAN` keeps the rule: the Learner's model holds both networks, and when it is called it *is* the generator. What the critic does happens elsewhere. `GAN` adds three things.
#
# Networks may compute in bfloat16: eight significant bits with the range of float32, which processors of recent years multiply twice as fast or better. With `bf16`, `GAN` runs both networks under PyTorch's `autocast`, on any device, and returns float32. The networks themselves are unchanged by it, so they can be copied and exported as usual. Weights, gradients and losses stay in float32. `benchmarks/gan_step.py` measures what it brings.
#
# Two numbers are stored with the networks: a count of batches and the critic's last loss. A [schedule](critic_schedules.ipynb) decides by them which network is trained next, so they must be saved and resumed with the weights. A third part is optional, weights between the losses that are [themselves learned](#weights-that-are-learned).
#
# For the experiments of this chapter a generator of three layers is enough. It has batch norm on purpose: running statistics are buffers, not weights, and a network at rest must not change those either. The critic's spectral norm keeps buffers as well, the vectors of its power iteration.

# %%
#| export
class GAN(SmallGAN):
    "Generator and critic side by side, in 32 or 16 bits, with what schedules remember; called, it is the generator"
    def __init__(self,
        generator:nn.Module, # `L` to output; its method `color` turns output into what the critic sees
        critic:nn.Module, # `L` and color to logits
        weights:nn.Module=None, # content and adversarial loss to their sum, trained with the generator
        bf16:bool=False, # networks compute in bfloat16; their weights and what they answer stay in float32
    ):
        super().__init__(generator, critic)
        self.weights,self.bf16 = weights,bf16
        self.register_buffer('step', torch.tensor(0)) # batches of turns, see `GANCallback`
        self.register_buffer('crit', torch.tensor(float('inf'))) # the critic's last loss
    def precision(self, device): # a context in which the networks compute
        return torch.autocast(device.type, torch.bfloat16) if self.bf16 else nullcontext()
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
    ) -> Tensor: # the generator's output
        with self.precision(L.device): out = super().forward(L)
        return out.float() if self.bf16 else out
    def judge(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        color:Tensor, # what the critic sees beside it
    ): # the critic's verdict: a tensor, or a tuple that begins with one
        "What the critic says"
        with self.precision(L.device): out = super().judge(L, color)
        return tree_map_only(Tensor, Tensor.float, out) if self.bf16 else out

# %%
class Tiny(nn.Module):
    "A generator of three small layers"
    def __init__(self, ni=1, nf=12):
        super().__init__()
        def block(ni): return nn.Sequential(nn.Conv2d(ni, nf, 3, padding=1), nn.BatchNorm2d(nf), nn.ReLU())
        self.layers = nn.Sequential(block(ni), block(nf), nn.Conv2d(nf, 2, 3, padding=1))
    def forward(self, L): return self.layers(L)
    def color(self, out): return out.tanh()

def tiny_gan(): return GAN(Tiny(), PatchCritic(2, 12, (2, 2, 1)))

torch.manual_seed(seed)
gan,L = tiny_gan(),torch.rand(2, 1, size, size)
test_eq(gan.eval()(L), gan.generator(L))
test_eq('critic.layers.0.parametrizations.weight.0._u' in dict(gan.named_buffers()), True)
{n: sum(p.numel() for p in m.parameters()) for n,m in gan.named_children()}

# %%
half,color = GAN(gan.generator, gan.critic, bf16=True).eval(),torch.rand(2, 2, size, size)
for exact,rounded in ((gan(L), half(L)), (gan.judge(L, color), half.judge(L, color))):
    test_eq((rounded.dtype, torch.equal(exact, rounded)), (torch.float32, False))
    test_close(rounded, exact, eps=.02*exact.abs().max().item())
test_eq({o.dtype for o in half.parameters()}, {torch.float32})
zeros = copy.deepcopy(half)
for o in zeros.parameters(): nn.init.zeros_(o)
test_eq(zeros(L), torch.zeros(2, 2, size, size))
test_eq(pickle.loads(pickle.dumps(half.generator))(L), gan(L))

# %% [markdown]
# The two networks rarely want the same learning rate. fastai's optimizer already has an answer, made for fine-tuning: parameters in groups, each with its own settings, all of which `fit` and `fit_one_cycle` take as lists. So the critic is simply the last group. A generator that wants several of its own, such as a pretrained encoder that should move slowly, says so by a method `groups`.

# %%
#| export
def gan_splitter(
    gan:GAN, # generator and critic
) -> list: # parameter groups: the generator's (its `groups` where it has some), then the critic's
    "One optimizer, one group for each learning rate"
    groups = getattr(gan.generator, 'groups', lambda: [params(gan.generator)])()
    if gan.weights is not None: groups = [*groups[:-1], [*groups[-1], *params(gan.weights)]]
    return [*groups, params(gan.critic)]

# %%
groups = gan_splitter(gan)
test_eq([len(g) for g in groups], [len(params(gan.generator)), len(params(gan.critic))])
test_eq({id(p) for g in groups for p in g}, {id(p) for p in gan.parameters()})
len(groups)

# %% [markdown]
# ## One pass of the generator for both steps

# %% [markdown]
# With logits $D(L,c)$ for lightness $L$ and color $c$, the [logistic losses](../lessons/losses.ipynb) and a content loss $\ell$, one step of training wants to lower two numbers [@goodfellow2014; @isola2017]:
#
# $$\mathcal{L}_D=\mathbb{E}\left[\mathrm{softplus}(-D(L,c))+\mathrm{softplus}(D(L,\bar G(L)))\right],\qquad
# \mathcal{L}_G=\mathbb{E}\left[\ell(G(L),c)\right]+\alpha\,\mathbb{E}\left[\mathrm{softplus}(-D(L,G(L)))\right]$$
#
# The bar over $G$ says that the critic's loss sends no gradient into the generator. That is the whole difference between the two uses of $G(L)$, and so one pass serves both: the critic looks at a detached copy, the generator's term at the original. `fastai.vision.gan` needs two passes and two batches for the same, because it uses each batch for one network only.
#
# Both networks step at the same time, from the same weights. (S0 lets the critic step first and shows the generator the result.)

# %% [markdown]
# The two halves, `critic_half` and `generator_half`, are those of [The duel](../lessons/duel.ipynb): the generator gets the value $\ell$ of its term and the slope $s=\partial\ell/\partial c$ at the generated colors, as $\ell + \langle c - \bar c, s\rangle$ where the bars stand for values without a graph, so that nothing of it reaches the critic, which would be trained to be fooled. What `gan_step` adds: one of the two networks may rest; a loss may ask for a penalty; and with 16-bit floats the gradients of both networks go through one scaler, so the critic's loss has to be scaled like the other. It needs no Learner.

# %%
#| export
TRAINED_IN = dict(content=['generator'], critic=['critic'], generator=['generator', 'weights'],
    both=['generator', 'weights', 'critic'])

class GANStep(NamedTuple):
    "What a step leaves; None for what it has no part for"
    crit:Tensor=None # the critic's loss, without its graph
    gen:Tensor=None # the generator's adversarial loss, without its graph
    term:Tensor=None # the same with the slope that the generator is to feel
    scores:tuple=None # verdicts on real and on generated pictures

def gan_step(
    gan:GAN,
    loss, # adversarial loss for one critic or several, see `colorbook.losses.adversarial.EachLoss`
    L:Tensor, # lightness in 0..1, `bs`x1xHxW
    real:Tensor, # true color
    fake:Tensor, # generated color, with its graph
    turn:str='both', # key of `TRAINED_IN`: critic, generator or both
    scale=noop, # applied to the critic's loss before it is propagated
) -> GANStep:
    "The critic's gradients, unless it rests, and the generator's adversarial term, unless that rests"
    works,plays = 'critic' in TRAINED_IN[turn],'generator' in TRAINED_IN[turn]
    leaf,crit,scores,gen,term = fake.detach().requires_grad_(plays),None,None,None,None
    if not works: verdict = gan.judge(L, leaf)
    else:
        crit,(true,verdict) = critic_half(gan, loss, L, real, leaf)
        scores = first_output(true),first_output(verdict)
        with gan.precision(L.device): penalty = loss.penalty(gan.critic, L, real, leaf.detach())
        crit = crit + penalty
        scale(crit).backward(inputs=list(gan.critic.parameters()), retain_graph=plays)
        crit = crit.detach()
    if plays: gen,term = generator_half(loss, verdict, leaf, fake)
    return GANStep(crit, gen, term, scores)

# %% [markdown]
# A verdict may be more than one tensor: an energy and a code, or one for each of several critics with its weight. The loss knows what to do with it. For a log the first tensor is enough.

# %%
#| export
def first_output(
    verdict, # of a critic: a tensor, a tuple that begins with one, or a list of weights and verdicts
) -> Tensor: # without its graph
    "The first tensor of a verdict"
    while not isinstance(verdict, Tensor): verdict = verdict[0][1] if isinstance(verdict, list) else verdict[0]
    return verdict.detach()

# %%
x = torch.rand(2, 1)
test_eq(first_output([(.5, (x, None)), (.5, x*2)]), x)
first_output(x)

# %% [markdown]
# The callback calls it, as that of the lesson does, in `after_loss`, when the prediction and the content loss are there and nothing has been propagated yet. The content loss is kept before anything is added to it, because a log of mixed losses cannot be read. A content loss is called with the answer, the truth and the lightness, which the callback puts beside the truth in `after_pred`; most losses ignore it, but a [perceptual loss](../losses/content.ipynb#perceptual-loss) makes pictures of $ab$ with it. Data may bring a map of saliency along; then the content loss gets it as a fourth argument, and a critic that [sees saliency](../models/s3.ipynb) gets it behind the color.

# %%
#| export
class GANCallback(SmallGANCallback):
    "The critic's step and the generator's adversarial term, in turns, from one pass of the generator"
    def __init__(self,
        loss='logistic', # key of `adversarial_losses`, or an object like theirs
        weight:float=1., # of the adversarial term beside the content loss
        mode='both', # key of `TRAINED_IN`, or a schedule: a function from step and the critic's last loss to one
    ):
        if isinstance(mode, str) and mode not in TRAINED_IN:
            remedy = 'content, critic or both, or generator, where it alone steps'
            raise UsageError(f"there is no mode '{mode}'", remedy)
        if isinstance(loss, str) and loss not in adversarial_losses:
            raise UsageError(f"there is no adversarial loss '{loss}'", f"choose {', '.join(adversarial_losses)}")
        super().__init__(EachLoss(adversarial_losses[loss]() if isinstance(loss, str) else loss), weight)
        self.mode,self.schedule = str(mode),mode if callable(mode) else None
    def __setattr__(self, name, value): object.__setattr__(self, name, value) # its own `crit`, not the GAN's
    def after_pred(self):
        (target,*more),L = self.yb,present(self.xb[0])
        self.learn.yb = target,L,*more
    def seen(self):
        "The same for clips, and with saliency behind the color for a critic that wants it"
        if not getattr(self.learn.model.critic, 'sees_saliency', False): _,real,fake = super().seen()
        else: real,fake = torch.cat([self.yb[0], self.yb[-1]], 1),self.pred
        return present(self.xb[0]),real,fake
    def after_loss(self):
        if not self.training: return
        if self.turn == 'content': self.content = self.learn.loss_grad.detach()
        else: super().after_loss()
    def play(self, L, real, fake):
        "One step of the two against each other"
        scaler = getattr(self.learn, 'scaler', None)
        step = gan_step(self.learn.model, self.adv, L, real, fake, self.turn, scaler.scale if scaler else noop)
        if step.crit is not None: self.crit,self.scores = step.crit,step.scores
        if step.crit is not None: self.learn.model.crit.copy_(step.crit)
        if step.gen is not None:
            self.gen,self.term = step.gen,self.weight*step.term
            self.learn.loss_grad = self.add(self.learn.loss_grad, self.term)
    def add(self, content, term):
        "The sum that the generator lowers"
        weigh = self.learn.model.weights
        return content + term if weigh is None else weigh(content, term)

# %% [markdown]
# Some adversarial losses ask for more than two verdicts: a `penalty` on the critic's slopes that joins its loss, or to `constrain` it after each of its steps, such as by clipping its weights. If a loss object has such methods, they are called; of [our losses](../losses/adversarial.ipynb) those for Wasserstein's distance have one.

# %% [markdown]
# ## A network that rests does not move

# %% [markdown]
# One might let a network rest by giving it gradients of zero. But an optimizer with momentum remembers the last direction and keeps walking, and weight decay goes on as well. So the resting network of `fastai.vision.gan` moves in every batch. Here is the fault in one weight; printed is how far it moves with a gradient of zero.

# %%
w = nn.Parameter(torch.ones(1))
opt = Adam([w], lr=.1)
w.grad = torch.ones(1)
opt.step()
before = w.item()
opt.zero_grad()
opt.step()
test_ne(w.item(), before)
w.item() - before

# %% [markdown]
# A gradient that is *absent* is another matter: fastai's optimizer, like PyTorch's, passes over parameters whose `grad` is `None`, momentum, decay and all. So before the step the resting network's gradients are removed. Its buffers rest too, because its normalization layers are put in evaluation mode, and where the generator rests the backward pass through it is left out altogether.
#
# The turn may change from batch to batch. Then `mode` is a function that is called before each batch with the number of batches so far and the critic's last loss, and returns the turn: `'content'`, `'critic'`, `'generator'` or `'both'`. In the turn `'generator'` the critic judges, but rests.

# %%
#| export
@patch
def before_fit(self:GANCallback):
    "No losses yet; the count goes on where the networks' last turn was"
    self.content = self.gen = self.crit = self.none = self.learn.model.crit.new_tensor(float('nan'))
    self.count = int(self.learn.model.step)

@patch
def before_train(self:GANCallback): self.turn = None

@patch
def before_batch(self:GANCallback):
    "Whose turn it is; losses are not a number in batches in which they are not computed"
    self.term = self.scores = None
    if not self.training: return
    self.gen = self.crit = self.none
    gan,turn = self.learn.model,self.mode
    if self.schedule:
        turn,self.count = self.schedule(self.count, gan.crit),self.count + 1
        gan.step.fill_(self.count)
    if turn != self.turn: self.take_turn(turn)

# %%
#| export
@patch
def take_turn(self:GANCallback,
    turn:str, # key of `TRAINED_IN`
):
    "Only who works updates running statistics; a generator that rests keeps no graph"
    self.turn = turn
    for name,net in self.learn.model.named_children(): net.train(name in TRAINED_IN[turn])
    self.learn.model.generator.requires_grad_(turn != 'critic')

@patch
def before_backward(self:GANCallback):
    "Leave out the generator's backward pass where it rests"
    if self.turn == 'critic': raise CancelBackwardException()

# %%
#| export
@patch
def before_step(self:GANCallback):
    "Take the gradients of whoever rests away"
    for name,net in self.learn.model.named_children():
        if name not in TRAINED_IN[self.turn]:
            for p in net.parameters(): p.grad = None

@patch
def after_step(self:GANCallback):
    "What the adversarial loss wants to be done to a critic that has moved"
    if 'critic' in TRAINED_IN[self.turn]: self.adv.constrain(self.learn.model.critic)

@patch
def after_fit(self:GANCallback):
    "Leave the generator as it is usually found"
    self.learn.model.generator.requires_grad_(True)

# %% [markdown]
# To see it rest we need a Learner and pictures. The pictures are drawn, and they hold the problem of colorization in its smallest form: a lighter disc on a gray ground, which is orange in one half of the pictures and blue in the other, and nothing in the lightness tells which.
#
# Both networks take some steps, so that the optimizer has momentum for both and would use it. Then each rests while the other goes on, with the same optimizer and a weight decay of 0.1. Of the resting one no weight and no buffer may change; of the other all weights must.

# %%
HUES = torch.tensor([[.5, .4], [-.1, -.6]])

def draw_discs(n):
    "`L`, `ab` and the mask of `n` pictures of a disc"
    y,x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing='ij')
    cy,cx,r = ((torch.rand(n, 1, 1)*.3 + low)*size for low in (.35, .35, .15))
    disc = (((x - cx)**2 + (y - cy)**2) < r**2).float()[:,None]
    L = .5 + .2*disc + .02*torch.randn(n, 1, size, size)
    return L,disc*HUES[torch.randint(0, 2, (n,))][:,:,None,None],disc

torch.manual_seed(seed)
L,ab,disc = draw_discs(n_pictures)
L.shape,ab.shape

# %%
def quick_learner(gan, L, ab, shuffle=True):
    "A Learner without display; a quarter of the pictures is held out"
    items,cut = list(zip(L, ab)),len(L)*3//4
    dls = DataLoaders.from_dsets(items[:cut], items[cut:], bs=16, shuffle=shuffle, device='cpu', num_workers=0)
    def l2(out, ab, L=None): return F.mse_loss(gan.generator.color(out), ab)
    learn = Learner(dls, gan, l2, opt_func=partial(Adam, mom=.5), splitter=gan_splitter, wd=.1)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn

def disc_learner(n=n_pictures, weights=None, **kwargs):
    "The same networks and the same order every time, and the first `n` pictures"
    torch.manual_seed(seed)
    random.seed(seed)
    gan = tiny_gan()
    gan.weights = weights
    return quick_learner(gan, L[:n], ab[:n], **kwargs)

def snapshot(net): return {k: v.clone() for k,v in net.state_dict().items()}
def moved(net, was): return {k for k,v in net.state_dict().items() if not torch.equal(v, was[k])}

# %%
learn = disc_learner(64)
gan = learn.model
learn.fit(1, 1e-3, cbs=GANCallback())
for mode,rests,works in (('content', gan.critic, gan.generator), ('critic', gan.generator, gan.critic),
    ('generator', gan.critic, gan.generator)):
    was = snapshot(rests),snapshot(works)
    learn.fit(1, 1e-3, cbs=GANCallback(mode=mode))
    test_eq(moved(rests, was[0]), set())
    test_eq(dict(works.named_parameters()).keys() - moved(works, was[1]), set())
test_fail(lambda: GANCallback(mode='nothing'), exc=UsageError, contains='content, critic or both')
test_fail(lambda: GANCallback('no such loss'), exc=UsageError, contains='logistic, lsgan')
len(was[0]),len(was[1])

# %% [markdown]
# The same within an epoch, with a schedule of five turns. Each row below has the turn of a batch and the networks that did not change in it.

# %%
class Rested(Callback):
    "Who did not change in each batch"
    order = GANCallback.order + 1
    def before_fit(self): self.rows = []
    def before_batch(self): self.was = [snapshot(o) for o in self.learn.model.children()] if self.training else None
    def after_batch(self):
        if not self.training: return
        still = [name for (name,o),w in zip(self.learn.model.named_children(), self.was) if not moved(o, w)]
        self.rows.append((self.learn.adversary.turn, *still))

by_turns = ['both', 'critic', 'critic', 'generator', 'content']
learn.fit(3, 1e-3, cbs=[GANCallback(mode=lambda step,crit: by_turns[step%5]), rested := Rested()])
rests = dict(both=(), critic=('generator',), generator=('critic',), content=('critic',))
test_eq(rested.rows, [(o, *rests[o]) for o in (by_turns*2)[:9]])
test_eq(learn.model.step.item(), 9)
rested.rows[:5]

# %% [markdown]
# ## What reaches whom

# %% [markdown]
# One published colorizer has a critic whose verdict never reaches the generator: the networks train, the losses fall, and nothing in the log looks wrong. So we test the gradients themselves. With a content loss that is zero everything that arrives at the generator comes from the critic, and it must equal what the formula gives without our code; the norms of these gradients are printed. (In that calculation the critic first looks at the true colors as well, because each look moves the vectors of its spectral norm.) Then we cut a generator's color from its graph before the critic sees it: such a generator must get nothing. And the critic's gradients must be the same in both cases, or the generator's term would have leaked into them.

# %%
class KeepGrads(Callback):
    "Remember the gradients of a step"
    order = GANCallback.order + 1
    def before_step(self):
        named = self.learn.model.named_parameters()
        self.learn.grads = {k: p.grad.clone() for k,p in named if p.grad is not None}

def one_step(*cbs, loss_func=None, lr=0.):
    "A Learner after one step on sixteen pictures"
    learn = disc_learner(22, shuffle=False)
    if loss_func: learn.loss_func = loss_func
    learn.fit(1, lr, wd=0., cbs=[*cbs, KeepGrads()])
    return learn

def no_content(out, ab, L): return out.sum()*0

# %%
learn,hand = one_step(GANCallback(weight=.7), loss_func=no_content),disc_learner(22).model
hand.critic(L[:16], ab[:16])
verdict = hand.critic(L[:16], hand(L[:16]).tanh())
by_hand = torch.autograd.grad(.7*F.softplus(-verdict).mean(), params(hand.generator))
for (name,_),g in zip(hand.generator.named_parameters(), by_hand):
    test_close(learn.grads[f'generator.{name}'], g, eps=1e-6)

class Deaf(GANCallback):
    def play(self, L, real, fake): return super().play(L, real, fake.detach())

deaf = one_step(Deaf(weight=.7), loss_func=no_content)
test_eq(sum(g.abs().sum().item() for k,g in deaf.grads.items() if k.startswith('generator')), 0)
for k,g in learn.grads.items():
    if k.startswith('critic'): test_eq(deaf.grads[k], g)
torch.stack([g.norm() for g in by_hand])

# %% [markdown]
# Now a loss object with both extras. Its penalty is the critic's mean square on photographs, and it rounds the critic's weights to two digits after a step. The critic's loss and gradients must be those of the sum, and its weights must be rounded afterwards.

# %%
class WithExtras(LogisticLoss):
    def penalty(self, critic, L, real, fake): return critic(L, real).square().mean()
    def constrain(self, critic):
        for p in critic.parameters(): p.data = p.data.round(decimals=2)

learn,hand = one_step(adversary := GANCallback(WithExtras()), lr=1e-3),disc_learner(22).model
true,verdict = hand.critic(L[:16], ab[:16]),hand.critic(L[:16], hand(L[:16]).tanh())
crit = (F.softplus(-true) + F.softplus(verdict)).mean() + hand.critic(L[:16], ab[:16]).square().mean()
test_close(adversary.crit, crit, eps=1e-6)
for (name,_),g in zip(hand.critic.named_parameters(), torch.autograd.grad(crit, params(hand.critic))):
    test_close(learn.grads[f'critic.{name}'], g, eps=1e-6)
for p in learn.model.critic.parameters(): test_eq(p, p.round(decimals=2))
crit

# %% [markdown]
# The log keeps the terms apart: `content` is the content loss alone, `gen` the adversarial term without its weight, `crit` the critic's loss; `valid_loss`, which fastai computes, is the content loss as well. Only the training loss that fastai shows is the sum that the generator lowers.
#
# Learning rates apply group by group. Adam's first step is $\eta\,g/(|g|+\varepsilon)$, so the largest change in a network is that network's learning rate $\eta$: the two numbers printed, .001 and .004. With `fit_one_cycle` the two rates rise and fall together and keep their ratio.
#
# With 16-bit floats small gradients would vanish, so they are multiplied by a large factor before they are propagated and divided by it before the step. Both networks share that factor. The second cell uses 1024, and the ratio of the critic's gradients with and without it must be 1024.

# %%
adversary = GANCallback('lsgan', weight=3.)
learn = one_step(adversary)
test_close(adversary.content, F.mse_loss(disc_learner(22).model(L[:16]).tanh(), ab[:16]), eps=1e-6)
test_close(learn.recorder.losses[-1], adversary.content + 3*adversary.gen, eps=1e-5)
test_close(learn.validate()[0], F.mse_loss(learn.model.eval()(L[16:22]).tanh(), ab[16:22]), eps=1e-6)

def largest_steps(*lrs):
    "Largest change of a weight, for generator and critic"
    start,end = disc_learner(22).model,one_step(GANCallback(), lr=lrs).model
    pairs = [zip(params(a), params(b)) for a,b in zip(start.children(), end.children())]
    return [max((p - q).abs().max().item() for p,q in o) for o in pairs]

test_close(largest_steps(1e-3, 4e-3), [1e-3, 4e-3], eps=2e-5)
test_eq(largest_steps(0., 4e-3)[0], 0.)
learn = disc_learner(64)
learn.fit_one_cycle(1, [1e-3, 4e-3], cbs=GANCallback())
test_close([h['lr']/learn.opt.hypers[0]['lr'] for h in learn.opt.hypers], [1, 4], eps=1e-6)
largest_steps(1e-3, 4e-3)

# %%
class Scale(Callback):
    "What `MixedPrecision` does to the backward pass, without its 16-bit floats"
    order = MixedPrecision.order
    def before_fit(self): self.learn.scaler = torch.amp.GradScaler('cpu', init_scale=1024.)
    def before_backward(self): self.learn.loss_grad = self.learn.scaler.scale(self.learn.loss_grad)

plain,scaled = one_step(GANCallback()).grads,one_step(GANCallback(), Scale()).grads
for k,g in plain.items(): test_close(scaled[k]/1024, g, eps=1e-6)
scaled['critic.layers.0.bias'].norm()/plain['critic.layers.0.bias'].norm()

# %% [markdown]
# ## The critic sees lightness

# %% [markdown]
# "Conditional" means that the critic judges color together with lightness; S0 calls itself conditional and is not. The difference can be measured where it is everything: let the lightness be the disc alone, let a picture's true color be the same disc, and let the generator return the disc of its neighbor in the batch. Taken alone, true and generated colors are the same pictures, and a critic that does not see $L$ cannot do better than guess, which costs $2\log 2\approx1.39$, the dotted line of @fig-seeing. Look for the curve that leaves it. The cell uses the mode `'critic'`, in which the critic learns alone.

# %%
class Neighbor(nn.Module):
    "The next picture's lightness as color"
    def forward(self, L): return (L.roll(1, 0)*2 - 1).expand(-1, 2, -1, -1)
    def color(self, out): return out

class CriticLosses(Callback):
    "The critic's loss at every step"
    def before_fit(self): self.values = []
    def after_batch(self):
        if self.training: self.values.append(self.learn.adversary.crit.item())

def judge(conditional):
    "Loss of a critic, step by step, whose task is to tell a picture's own disc from another's"
    torch.manual_seed(seed)
    gan = GAN(Neighbor(), PatchCritic(2, 12, (2, 2, 1), conditional))
    learn = quick_learner(gan, disc[:192], (disc[:192]*2 - 1).expand(-1, 2, -1, -1))
    learn.fit(n_epochs, [0., 5e-3], wd=0., cbs=[GANCallback(mode='critic'), log := CriticLosses()])
    return log.values

# %%
#| label: fig-seeing
#| fig-cap: "A critic's loss at telling a picture's own disc from another's. Without seeing lightness it guesses."
def draw_losses(curves, level=None, height=2.6):
    "Losses over the steps, with a dotted line at `level`"
    fig,ax = plt.subplots(figsize=(6, height))
    for name,values in curves.items(): ax.plot(values, label=name, lw=1)
    if level: ax.axhline(level, color='k', ls=':', lw=1)
    ax.set_xlabel('step')
    ax.set_ylabel('loss')
    ax.legend()
    return fig

curves = {'sees L': judge(True), 'sees color alone': judge(False)}
last = {k: np.mean(v[-9:]) for k,v in curves.items()}
test_close(last['sees color alone'], 2*math.log(2), eps=.1)
assert last['sees L'] < 1.1
draw_losses(curves, 2*math.log(2));

# %% [markdown]
# ## Stopped and gone on

# %% [markdown]
# Training for days means to be interrupted. Since generator and critic are one model with one optimizer, `Learner.save` and `load` carry everything: weights, running statistics, and Adam's moments of both networks. We compare two epochs at a stretch with one epoch, saved, loaded into new networks, and another epoch: on a CPU the weights must be exactly equal. Without the optimizer's state they are not; the number below is how many tensors differ then. Here the pictures come in a fixed order; where they are shuffled, the random generators have to be kept as well, which [a checkpoint](runs.ipynb#what-a-step-depends-on) does.

# %%
straight = disc_learner(64, shuffle=False)
straight.fit(2, [1e-3, 4e-3], cbs=GANCallback())
first = disc_learner(64, shuffle=False)
first.fit(1, [1e-3, 4e-3], cbs=GANCallback())
path = first.save(Path(tempfile.mkdtemp())/'half').with_suffix('')

def go_on(with_opt):
    "New networks that go on from the file"
    torch.manual_seed(seed + 1)
    learn = quick_learner(tiny_gan(), L[:64], ab[:64], shuffle=False).load(path, with_opt=with_opt)
    learn.fit(1, [1e-3, 4e-3], cbs=GANCallback())
    return learn.model

test_eq(moved(go_on(True), snapshot(straight.model)), set())
len(moved(go_on(False), snapshot(straight.model)))

# %% [markdown]
# ## Limits

# %% [markdown]
# Gradients are usually limited by their length (their norm). Each network needs a limit of its own: with one for both together, a critic whose gradients explode would shrink the generator's step.
#
# S2 gives its generator 5e-4 and its critic 1e-4, since "the discriminator gets too good too quickly". It also cuts each value of the critic's gradient to -0.1..0.1, by value and not by norm, which changes its direction where few weights have large gradients. Adam divides by the size of the gradients anyway, so this mostly tames single outliers. In a phase of a recipe: `lrs=(5e-4, 1e-4)` and `critic_clip=.1`. Printed is the length of each network's gradient without a limit and with one of .05.

# %%
#| export
class ClipNorms(Callback):
    "Shorten each network's gradient to a length, on its own"
    order = GradientClip.order
    def __init__(self,
        length:float=1., # longest gradient that stays
    ): self.length = length
    def before_step(self):
        for net in self.learn.model.children(): nn.utils.clip_grad_norm_(net.parameters(), self.length)

class ClipCritic(Callback):
    "Cut each value of the critic's gradient"
    order = GradientClip.order
    def __init__(self,
        value:float=.1, # largest absolute value that stays
    ): self.value = value
    def before_step(self):
        moved = [p for p in self.learn.model.critic.parameters() if p.grad is not None]
        if moved: nn.utils.clip_grad_value_(moved, self.value)

# %%
class LastGrads(KeepGrads): order = GradientClip.order + 1

def grads_of(*cbs):
    "Gradients of one step"
    learn = disc_learner(22, shuffle=False)
    learn.fit(1, (5e-4, 1e-4), cbs=[GANCallback(), *cbs, LastGrads()])
    return learn.grads

def length(grads, name): return torch.cat([g.flatten() for k,g in grads.items() if k.startswith(name)]).norm()

free,cut,short = grads_of(),grads_of(ClipCritic(.01)),grads_of(ClipNorms(.05))
for k,g in free.items(): test_eq(cut[k], g.clamp(-.01, .01) if k.startswith('critic') else g)
assert max(g.abs().max() for k,g in free.items() if k.startswith('critic')) > .01
for k in ('generator', 'critic'): test_close(length(short, k), min(length(free, k), .05), eps=1e-4)
{k: (length(free, k), length(short, k)) for k in ('generator', 'critic')}

# %% [markdown]
# ## Weights that are learned

# %% [markdown]
# The weight between content and adversarial loss is usually chosen by hand. S4 ends with the idea to train it like any other. Taken literally that fails: if the sum to be lowered is $w_1^2\ell_1+w_2^2\ell_2$, the surest way down is $w=0$, whatever the networks do.
#
# Kendall et al. derive a sum that does not run away, by treating each loss as the likelihood of a task with an unknown noise:
#
# $$\sum_i e^{-s_i}\,\ell_i+s_i,\qquad\frac{\partial}{\partial s_i}=1-e^{-s_i}\ell_i=0\iff e^{-s_i}=1/\ell_i$$
#
# A small weight is paid for by $s_i$. In the end each loss has the inverse of its size as weight, so that a tenth less of either is worth the same. Whether equal shares are what one wants is another question, and $\lambda$ as a number in a recipe remains the default. Losses must be positive; with Wasserstein's, which is not, $s$ would run away again.
#
# With a learning rate of 1e-4 Adam would take ten thousand steps to change $s$ by one, so $s$ is a hundred times its parameter. The cell lets both rules settle on two constant losses, .05 and 2. The naive weights go to zero; Kendall's become 20 and one half.

# %%
#| export
class LossWeights(nn.Module):
    "Content and adversarial loss, weighted by what each is uncertain of (Kendall et al. 2018); both must be positive"
    def __init__(self,
        rate:float=100., # how much faster than the networks the weights learn
    ):
        super().__init__()
        self.rate,self.logs = rate,nn.Parameter(torch.zeros(2))
    def values(self) -> Tensor: # of content and adversarial loss
        "The weights"
        return (-self.rate*self.logs).exp()
    def forward(self,
        content:Tensor, # scalar, at least 0
        adversarial:Tensor, # scalar, at least 0
    ) -> Tensor: # scalar
        return self.values() @ torch.stack([content, adversarial]) + self.rate*self.logs.sum()

# %%
def settle(weigh, parameter, losses, steps=300):
    "Weights after steps on constant losses"
    opt = torch.optim.Adam([parameter], 1e-2)
    for _ in range(steps):
        opt.zero_grad()
        weigh(*losses).backward()
        opt.step()

losses,naive = torch.tensor([.05, 2.]),nn.Parameter(torch.ones(2))
settle(lambda *o: naive.square() @ torch.stack(o), naive, losses)
weigh = LossWeights(rate=3)
settle(weigh, weigh.logs, losses)
assert (naive.square()*losses).sum() < .1*losses.sum()
test_close(weigh.values()*losses, torch.ones(2), eps=.05)
naive.detach().square(),weigh.values().detach()

# %% [markdown]
# In a `GAN` they are its third part, in the generator's last group of parameters. They rest when the generator rests, and in the turn `'content'`. On the discs the content loss is near 0.03 and the adversarial term about 0.7, so equal shares mean a weight of about thirty for the one and of little more than one for the other. Printed are the weights and the shares, near 1 each.

# %%
learn = disc_learner(weights=LossWeights())
test_eq(len(gan_splitter(learn.model)), 2)
weights = learn.model.weights
for mode,moves in (('content', False), ('critic', False), ('both', True)):
    was = weights.logs.clone()
    learn.fit(1, 2e-3, wd=0., cbs=GANCallback(mode=mode))
    test_eq(not torch.equal(was, weights.logs), moves)
learn.fit(6, 2e-3, wd=0., cbs=(adversary := GANCallback()))
shares = weights.values().detach()*torch.stack([adversary.content, adversary.gen])
assert (shares > .5).all() and (shares < 2).all()
assert weights.values()[0] > 4*weights.values()[1]
weights.values().detach(),shares

# %% [markdown]
# ## Training before colors

# %% [markdown]
# S4 plans two kinds of pretraining. The first is content loss alone, on a generator that takes noise beside lightness: the mode `'content'`. It has a disadvantage. The mean answer has the lowest squared error, noise can only disturb it, and so a generator learns to [ignore its noise](../evaluation/diversity.ipynb#noise-alone-is-not-enough). The two numbers say how much two draws differ, as a share of the color, before and after.

# %%
class Noisy(Tiny):
    "Lightness and a channel of noise"
    def __init__(self): super().__init__(ni=2)
    def forward(self, L): return self.layers(torch.cat([L, torch.randn_like(L)], 1))

def spread(gen, L):
    "How much two draws differ, as a share of the color"
    with torch.no_grad(): a,b = (gen.eval().color(gen(L)) for _ in range(2))
    return ((a - b).abs().mean()/(a.abs().mean() + b.abs().mean())).item()

learn = disc_learner()
learn.model.generator = Noisy()
before = spread(learn.model.generator, L[:64])
learn.fit(8, (1e-2, 0.), cbs=GANCallback(mode='content'))
after = spread(learn.model.generator, L[:64])
assert after < .6*before
before,after

# %% [markdown]
# The second is plain generation: before the networks see a gray picture, they are trained as an ordinary GAN that makes pictures from noise, with noise as large as the picture so that the same generator can take it in the place of $L$. There is no truth to compare with. The critic sees colors alone: it gets a middle gray as lightness for true and generated ones, because the noise would give the generated ones away.

# %%
#| export
class PlainGANCallback(GANCallback):
    "Plain generation as practice (S4): noise in place of lightness, a critic that sees color alone, no content loss"
    def __init__(self, loss='logistic', weight:float=1.):
        super().__init__(loss, weight)
        self.mode,self.schedule = 'plain',lambda step,crit: 'both'
    def before_batch(self):
        super().before_batch()
        if self.training: self.learn.xb = (torch.rand_like(self.xb[0]),)
    def after_loss(self):
        if self.training: self.learn.loss_grad = self.learn.loss_grad*0
        super().after_loss()
    def play(self, L, real, fake): return super().play(torch.full_like(L, .5), real, fake)

# %% [markdown]
# Two checks: without a content loss, exchanging the targets within a batch must not change the generator's gradients; and neither must another lightness. Printed is the mean size of the generator's color before and after practice, and that of the true colors.

# %%
def plain_grads(shift, light=1.):
    "Gradients of one step of plain generation, targets moved along the batch, lightness multiplied"
    learn = disc_learner(22, shuffle=False)
    learn.dls.train.dataset[:] = list(zip(L[:16]*light, ab[:16].roll(shift, 0)))
    torch.manual_seed(seed)
    learn.fit(1, 0., cbs=[PlainGANCallback(), KeepGrads()])
    return learn.grads

practice = plain_grads(0)
for other in (plain_grads(3), plain_grads(0, light=.2)):
    for k,g in practice.items(): test_close(other[k], g, eps=1e-5)
assert practice['generator.layers.0.0.weight'].abs().max() > 0
learn = disc_learner()
start = learn.model.generator.color(learn.model(torch.rand_like(L))).detach().abs().mean()
learn.fit(6, 3e-3, cbs=(adversary := PlainGANCallback()))
test_eq(adversary.mode, 'plain')
start,learn.model.generator.color(learn.model(torch.rand_like(L))).detach().abs().mean(),ab.abs().mean()

# %% [markdown]
# ## Content, then the critic, then both

# %% [markdown]
# At the start a generator's colors are so bad that any critic tells them apart, and a critic that is always right teaches little. So training goes in phases, as in the NoGAN schedule of DeOldify [@salmona2022]: content loss alone until the generator is as good as that makes it, then the critic alone on that generator's colors, and then both for a short time.
#
# On the discs one can compute where the first phase ends. The squared error is least at the mean of all colors that are possible, so discs that are orange or blue become neither, and their chroma falls from about 0.63 to that of the mean, $\|(c_1+c_2)/2\|=0.22$. This is why colorizers that are trained by distance are brown. Then the critic learns alone for an epoch, and after that both. Careful colors never occur among the true ones, so they are the first thing that the critic recognizes, and the generator has to decide for one color or the other.
#
# @fig-losses shows the losses of the three phases: the content loss rises a little when the critic joins in. @fig-discs shows the pictures. Read the rows of @fig-discs from the top: lightness, truth, content loss alone, and with the critic. The third row is the gray-violet mean of orange and blue. In the last row the discs have a full color again. It is the same color for all of them, right for some and wrong for the others, because from one lightness this generator has only one answer. Its squared error is larger than before; what it has learned is which colors occur.
#
# The gray ground is part of the picture as well and must stay gray, which the second number for each network measures: the mean chroma outside of the discs. It depends on the learning rates. Here the critic learns four times as fast as the generator. With equal rates the generator outruns it: the discs turn orange before the critic has learned what a ground looks like, and teal squares stay around them.

# %%
class Terms(Callback):
    "The three losses at every step"
    def __init__(self): self.rows = dict(content=[], gen=[], crit=[])
    def after_batch(self):
        if self.training:
            for k,v in self.rows.items(): v.append(getattr(self.learn.adversary, k).item())

def disc_chroma(net):
    "Mean chroma inside and outside of the held-out discs"
    inside = disc[-len(held):,0] > 0
    with torch.no_grad(): chroma = net.generator.color(net.eval()(held)).norm(dim=1)
    return chroma[inside].mean().item(),chroma[~inside].mean().item()

learn,terms,held = disc_learner(),Terms(),L[-n_pictures//4:]
learn.fit(n_epochs, 3e-3, wd=0., cbs=[GANCallback(mode='content'), terms])
careful = learn.model.eval()(held).tanh().detach()
chroma = dict(mean=HUES.mean(0).norm().item(), content=disc_chroma(learn.model))
test_close(chroma['content'][0], chroma['mean'], eps=.08)
chroma

# %%
#| label: fig-losses
#| fig-cap: "The three phases. Dotted: the critic's loss when it can only guess."
learn.fit(1, 2e-3, wd=0., cbs=[GANCallback(mode='critic'), terms])
learn.fit(2*n_epochs, [5e-4, 2e-3], wd=0., cbs=[GANCallback(weight=.1), terms])
chroma['both'] = disc_chroma(learn.model)
assert chroma['both'][0] > 1.5*chroma['content'][0] and chroma['both'][1] < .1
draw_losses(terms.rows, 2*math.log(2));

# %%
#| label: fig-discs
#| fig-cap: "From the top: lightness, truth, the answer after content loss alone, and after the critic."
def show_discs(*rows, n=8):
    "Some rows of pictures, no axes"
    fig,ax = plt.subplots(figsize=(8, len(rows)))
    grid = torch.cat([torch.cat(list(o[:n]), 2) for o in rows], 1)
    ax.imshow(F.interpolate(grid[None], scale_factor=4)[0].permute(1, 2, 0))
    ax.axis('off')
    return fig

bold = learn.model.generator.color(learn.model.eval()(held)).detach()
show_discs(*[join_lab(held, o) for o in (torch.zeros_like(bold), ab[-len(held):], careful, bold)]);

# %% [markdown]
# ## What we have
#
# - `GAN` and `gan_splitter`: two networks in one Learner with one optimizer, a learning rate for each;
# - `gan_step` and `GANCallback`: content, critic or both from one pass of the generator, batch by batch where a schedule says so, while the other network does not change;
# - `LossWeights`, which learn and do not vanish, `ClipNorms` and `ClipCritic`, limits for each network, and `PlainGANCallback`, training before colors;
# - @fig-discs, in which a distance averages two colors and a critic makes the generator choose one.

# %% [markdown]
# ## Exercises
#
# 1. Write a function of the step by which the critic takes two steps for each of the generator's. What does the generator cost in the batches in which it rests?
# 2. Leave out `inputs` in `gan_step` and return the generator's loss itself as its term. Which test fails, and what would the critic learn?
# 3. Train `Noisy`, which has a channel of noise, through the three phases of the last section. Does it then paint some discs orange and some blue in the same batch?
