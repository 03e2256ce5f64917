# %% [markdown]
# # Turns, and when to stop (NoGAN)
#
# > Which network learns in which batch, and the moment to go back to when the duel has gone too far
#
# [Adversarial training](gan.ipynb) can train either network or both, and it has no natural end. Two questions are open, then: whose turn is it in a batch, and when is it enough? Papers differ in the first. They take five critic steps for one of the generator, or a hundred now and then, or as many as the critic needs. Here such a schedule becomes a small class that is asked before each batch, and each has a short name for recipes. For the second question there is a callback that looks at a few held-out photographs while both networks learn, finds the moment at which the generated pictures were nearest to real ones, and goes back to the weights of that moment.

# %%
#| default_exp training.critic_schedules

# %% tags=["parameters"]
size,seed = 16,0

# %%
#| export
import csv, math, re
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
import numpy as np, torch
from torch import nn, Tensor
from fastai.vision.all import *
from torchvision.models import mobilenet_v2
from colorbook.color.lab import rgb_to_lab, to_rgb
from colorbook.core import atomic_path, UsageError
from colorbook.evaluation.metrics import colorfulness_ratio
from colorbook.models.layers import IMAGENET_NORM, Normalize, TF_NORM
from colorbook.models.critics import realness
from colorbook.models.unet import load_mobile, pad_same
from colorbook.training.optimization import averaged
from colorbook.training.gan import GANCallback, PlainGANCallback, TRAINED_IN

# %%
#| hide
import tempfile, matplotlib.pyplot as plt
from itertools import product
from fastcore.test import *
from colorbook.color.lab import lab_to_rgb, split_lab
from colorbook.data.photos import sample_photos
from colorbook.models.critics import PatchCritic
from colorbook.training.gan import GAN, gan_splitter

# %% [markdown]
# ## A ratio

# %% [markdown]
# The *turn* of a batch says which networks are trained in it: the critic, the generator, or both. A schedule gets the number of batches so far and the critic's last loss, and returns the turn. S1 trains its critic once in `numG` batches or its generator once in `numD`; Wasserstein's critic wants five steps for one. Both are a ratio $m:n$. In a cycle of $\max(m,n)$ batches the critic works in the first $m$, the generator in the last $n$. With 5:1 the generator thus comes last in its cycle, when the critic has learned from five batches. Where the generator rests it still has to compute its colors for the critic, but no backward pass.
#
# In the words below `c` stands for a batch of the critic, `g` for one of the generator, `b` for both.

# %%
#| export
@dataclass(frozen=True)
class Ratio:
    "So many steps of the critic for so many of the generator"
    critic:int=1
    generator:int=1
    def __call__(self,
        step:int, # batches so far
        crit=None, # the critic's last loss, of no importance here
    ) -> str: # key of `TRAINED_IN`
        n = max(self.critic, self.generator)
        late = step%n >= n - self.generator
        return ('both' if late else 'critic') if step%n < self.critic else 'generator'
    def __str__(self): return f'{self.critic}-{self.generator}'

# %%
def turns_of(schedule, n, letters=dict(both='b', critic='c', generator='g')):
    "The first `n` turns as a word"
    return ''.join(letters[schedule(i)] for i in range(n))

test_eq(turns_of(Ratio(5), 11), 'ccccbccccbc')
test_eq(turns_of(Ratio(1, 3), 7), 'bggbggb')
test_eq(turns_of(Ratio(3, 2), 6), 'cbbcbb')
test_eq(turns_of(Ratio(), 3), 'bbb')
str(Ratio(5)),turns_of(Ratio(5), 11)

# %% [markdown]
# ## A critic that is trained to the end, now and then

# %% [markdown]
# The distance of Wasserstein is what the *best* critic says, so its authors train the critic long from time to time: 100 steps before each of the generator's first steps, 100 again before every 500th, and five otherwise. S4 does so for the first ten. Let generator step $g$ (from 0) come at the end of $n_g$ batches, with $n_g$ the large number $N$ if $g<f$ or $e\mid g$, and $k$ otherwise. It begins after
#
# $$S_g=kg+(N-k)\Big(\min(g,f)+\lceil g/e\rceil-\lceil\min(g,f)/e\rceil\Big)$$
#
# batches, for $\lceil b/e\rceil-\lceil a/e\rceil$ is the number of multiples of $e$ in $a\le g<b$. This grows with $g$, so a search by halves finds the step that a batch belongs to. The schedule keeps no state: the number of the batch is enough, also after a resume. @fig-turns shows some schedules from left to right, batch by batch; dark is where the generator and the critic both learn. The last row is this schedule with smaller numbers: two long stretches of the critic, then short ones.

# %%
#| export
@dataclass(frozen=True)
class Wasserstein:
    "`k` critic steps for each of the generator's; `many` for its `first` and for `every` so manieth"
    k:int=5
    many:int=100
    first:int=10
    every:int=500
    def start(self, g:int) -> int:
        "Batches before those of generator step `g`"
        head = min(g, self.first)
        return self.k*g + (self.many - self.k)*(head + -(-g//self.every) - -(-head//self.every))
    def __call__(self, step:int, crit=None) -> str:
        g = bisect_right(range(step + 1), step, key=self.start) - 1
        return 'both' if step + 1 == self.start(g + 1) else 'critic'
    def __str__(self): return 'wasserstein'

# %%
def counted(n_g, k=5, many=100, first=10, every=500):
    "The same by counting"
    return [many if g < first or g%every == 0 else k for g in range(n_g)]

schedule,lengths = Wasserstein(),counted(1100)
test_eq([schedule.start(g) for g in range(1101)], [0, *np.cumsum(lengths).tolist()])
both = [i for i in range(sum(lengths)) if schedule(i) == 'both']
test_eq(both, (np.cumsum(lengths) - 1).tolist())
short = Wasserstein(2, 4, 1, 3)
test_eq(turns_of(short, 16), ''.join('c'*(n - 1) + 'b' for n in counted(9, 2, 4, 1, 3))[:16])
both[:3],both[9:12]

# %%
#| label: fig-turns
#| fig-cap: "Whose turn it is in the first 120 batches. Dark: both; light: the critic alone; middle: the generator."
def draw_turns(schedules, n=120):
    "One strip a schedule, a column a batch"
    shades = dict(critic=.8, generator=.5, both=0.)
    fig,ax = plt.subplots(figsize=(8, .4*len(schedules) + .6), layout='constrained')
    rows = [[shades[s(i)] for i in range(n)] for s in schedules]
    ax.imshow(rows, cmap='gray', vmin=0, vmax=1, aspect='auto', interpolation='nearest')
    ax.set(yticks=range(len(rows)), yticklabels=map(str, schedules), xlabel='batch')

draw_turns([Ratio(), Ratio(5), Ratio(1, 5), Wasserstein(many=30, first=2)])

# %% [markdown]
# ## As many as it needs

# %% [markdown]
# DeOldify lets the critic work until its loss is below a threshold, gives the generator a step, and so on: a critic that has fallen behind catches up before the generator learns from it. Its threshold of 0.65 is for the *mean* of the log losses on real and generated pictures; ours is the sum, so 1.3, a little below the $2\log2\approx1.39$ of a critic that guesses. Our critic's loss is measured in every batch in which it works, and so the generator's step needs no batch of its own.
#
# This is the one schedule that looks at the loss. It is read from the networks' buffer, which begins at infinity and is saved with them.

# %%
#| export
@dataclass(frozen=True)
class Adaptive:
    "The generator steps when the critic's last loss was below a threshold"
    threshold:float=1.3 # on the scale of the adversarial loss; 1.3 is for the logistic
    def __call__(self,
        step:int, # of no importance here
        crit:Tensor, # the critic's last loss, infinite at first
    ) -> str: return 'both' if crit < self.threshold else 'critic'
    def __str__(self): return 'adaptive'

schedules = dict(wasserstein=Wasserstein, adaptive=Adaptive)

# %%
losses = torch.tensor([math.inf, 1.5, 1.2, 1.4, 1.29])
test_eq([Adaptive()(i, o) for i,o in enumerate(losses)], ['critic', 'critic', 'both', 'critic', 'both'])

# %% [markdown]
# In a recipe a schedule is a word in the place of a phase's mode: `'5-1'`, `'1-5'`, `'wasserstein'`, `'adaptive'`.

# %%
#| export
def as_schedule(
    mode:str, # key of `TRAINED_IN` or `schedules`, or a ratio such as '5-1'
): # key of `TRAINED_IN`, or a schedule
    "Whose turn it is, by name; `UsageError` where there is no such name"
    if mode in TRAINED_IN: return mode
    if mode in schedules: return schedules[mode]()
    ratio = re.fullmatch(r'([1-9]\d*)-([1-9]\d*)', mode)
    if ratio: return Ratio(int(ratio[1]), int(ratio[2]))
    names = ', '.join([*TRAINED_IN, 'plain', *schedules])
    raise UsageError(f"there is no mode '{mode}'", f'choose {names}, or a ratio of critic to generator such as 5-1')

# %%
for o in ('5-1', '1-5', 'wasserstein', 'adaptive', 'both'): test_eq(str(as_schedule(o)), o)
for o in ('0-1', '5:1', 'fight'):
    test_fail(lambda: as_schedule(o), exc=UsageError, contains=f"no mode '{o}'; choose content")
as_schedule('5-1')

# %% [markdown]
# ## The resting network does not move

# %% [markdown]
# Now on networks. Pictures are discs that are orange or blue, as in [Adversarial training](gan.ipynb), and the networks are tiny. In `'3-1'` the generator rests in two of three batches. Momentum and weight decay are on, so a network that only got zero gradients would move. Each row below has the turn of a batch, and whether any weight or running statistic of the generator and of the critic changed in it.

# %%
HUES = torch.tensor([[.5, .4], [-.1, -.6]])

def draw_discs(n):
    "`L` and `ab` of `n` pictures of a disc"
    y,x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing='ij')
    cy,cx,r = ((torch.rand(n, 1, 1)*.3 + low)*size for low in (.35, .35, .15))
    disc = (((x - cx)**2 + (y - cy)**2) < r**2).float()[:,None]
    return .5 + .2*disc + .02*torch.randn(n, 1, size, size),disc*HUES[torch.randint(0, 2, (n,))][:,:,None,None]

class Tiny(nn.Module):
    "A generator of three small layers"
    def __init__(self, ni=1, nf=12):
        super().__init__()
        def block(ni): return nn.Sequential(nn.Conv2d(ni, nf, 3, padding=1), nn.BatchNorm2d(nf), nn.ReLU())
        self.layers = nn.Sequential(block(ni), block(nf), nn.Conv2d(nf, 2, 3, padding=1))
    def forward(self, L): return self.layers(L)
    def color(self, out): return out.tanh()

torch.manual_seed(seed)
L,ab = draw_discs(128)
L.shape,ab.shape

# %%
def disc_learner(weights=None, n=128, wd=.1):
    "The same networks and the same order every time"
    torch.manual_seed(seed)
    gan,items = GAN(Tiny(), PatchCritic(2, 8, (2, 2, 1)), weights),list(zip(L[:n], ab[:n]))
    dls = DataLoaders.from_dsets(items, items[:8], bs=8, shuffle=False, device='cpu', num_workers=0)
    def l2(out, ab, L): return F.mse_loss(gan.generator.color(out), ab)
    learn = Learner(dls, gan, l2, opt_func=partial(Adam, mom=.5), splitter=gan_splitter, wd=wd)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn

def same(a, b): return all(torch.equal(p, b[k]) for k,p in a.items())

class Moves(Callback):
    "Turn, and who moved, of each batch"
    order = GANCallback.order + 1
    def before_fit(self): self.rows = []
    def now(self): return [{k: v.clone() for k,v in o.state_dict().items()} for o in self.learn.model.children()]
    def before_batch(self): self.was = self.now()
    def after_batch(self):
        moved = [not same(a, b) for a,b in zip(self.was, self.now())]
        if self.training: self.rows.append((self.learn.adversary.turn, *moved))

# %%
learn = disc_learner(n=48)
learn.fit(1, 1e-3, cbs=[GANCallback(mode=Ratio(3)), moves := Moves()])
test_eq(moves.rows, [('critic', False, True), ('critic', False, True), ('both', True, True)]*2)
learn.fit(1, 1e-3, cbs=[GANCallback(mode=Ratio(1, 2)), moves])
test_eq(moves.rows, [('both', True, True), ('generator', True, False)]*3)
learn.fit(1, 1e-3, cbs=[GANCallback(mode=Adaptive(-1.)), moves])
test_eq(moves.rows, [('critic', False, True)]*6)
moves.rows[:3]

# %% [markdown]
# Going on exactly: the count is a buffer of the model. A run of two epochs of four batches in `'3-1'` has its generator steps at the batches 2 and 5, in the middle of both epochs; a new process that begins the second must not start its cycle anew. The cell compares a run of two epochs with one that was saved and loaded in between: the weights are equal, and without the count they are not.

# %%
def straight_and_resumed(mode, forget=False):
    "The models of a run of two epochs, and of one that was saved and loaded in between"
    runs = [disc_learner(n=32) for _ in range(3)]
    runs[0].fit(2, 1e-3, cbs=GANCallback(mode=mode))
    runs[1].fit(1, 1e-3, cbs=GANCallback(mode=mode))
    path = runs[1].save(Path(tempfile.mkdtemp())/'half').with_suffix('')
    learn = runs[2].load(path)
    if forget: learn.model.step.zero_(), learn.model.crit.fill_(math.inf)
    learn.fit(1, 1e-3, cbs=GANCallback(mode=mode))
    return [o.model.state_dict() for o in (runs[0], learn)]

for mode in (Ratio(3), Wasserstein(2, 3, 1, 2), Adaptive(1.5)): assert same(*straight_and_resumed(mode))
assert not same(*straight_and_resumed(Ratio(3), forget=True))

# %% [markdown]
# A recipe's phase has a loss, a weight and a mode; the callback follows from them. `'plain'` stands for [plain generation before colors](gan.ipynb#training-before-colors).

# %%
#| export
def make_gan_callback(
    loss='logistic', # see `GANCallback`
    weight:float=1., # see `GANCallback`
    mode:str='both', # what `as_schedule` knows, or 'plain'
) -> GANCallback:
    "The callback of one phase"
    return PlainGANCallback(loss, weight) if mode == 'plain' else GANCallback(loss, weight, as_schedule(mode))

# %%
for o in ('plain', 'adaptive', '1-3', 'content'): test_eq(make_gan_callback(mode=o).mode, o)
type(make_gan_callback(mode='plain'))

# %% [markdown]
# ## NoGAN

# %% [markdown]
# NoGAN training is mostly content loss, followed by a short adversarial phase in which colors come fast. DeOldify's author found the right moment to end it by looking at pictures; a little too long, and skin turns orange. From here on a callback looks for us: at a small panel of held-out photographs, after every thousandth of the data. A first look at it, on a cartoon, is at the end of [A GAN that colors](../lessons/gan.ipynb#when-to-stop), where the best moment comes after 40 steps of the duel. What should it look at?
#
# The **colorfulness ratio** says how much color there is ([Metrics](../evaluation/metrics.ipynb)); the **skin share**, how many pixels have a hue of skin, from 25 to 70 degrees in Lab, and at least a little chroma, which shows orange faces. The critic's **accuracy** is the share of photographs of which it prefers the true colors to the generated ones; at one half it can only guess.
#
# The fourth decides. Features of a network, at every place of every photograph of the panel, have a mean $\mu$ and a covariance $\Sigma$, and for two sets of photographs, real and generated, **Frechet's distance** between the Gaussians with these moments is
#
# $$d^2=\lVert\mu_1-\mu_2\rVert^2+\mathrm{Tr}\left(\Sigma_1+\Sigma_2-2(\Sigma_1\Sigma_2)^{1/2}\right).$$
#
# The formula is that of FID, but the figure is another one, because FID uses the last features of Inception and ours are those of the first quarter of MobileNetV2. Early features react to edges and textures of color, they are cheap, and since every place counts, a hundred small photographs make thousands of samples. Where no trained weights are at hand, the same layers with random weights stand in. To be comparable, $d^2$ is divided by $\mathrm{Tr}\,\Sigma$ of the real photographs.

# %%
#| export
def feature_net(
    state:dict=None, # weights of torchvision's MobileNetV2; random ones where there are none
    seed:int=0, # of the random weights
) -> nn.Module: # RGB in 0..1 to 24 channels at a quarter of the size
    "The first quarter of MobileNetV2, frozen"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = mobilenet_v2(num_classes=1001 if state is None else len(state.get('classifier.1.bias', range(1000))))
    if state is not None: load_mobile(net, state)
    norm = Normalize(*(IMAGENET_NORM if net.classifier[1].out_features == 1000 else TF_NORM))
    net = net.features[:4]
    pad_same(net)
    return nn.Sequential(norm, net).eval().requires_grad_(False)

# %%
#| export
@torch.no_grad()
def moments(
    net:nn.Module, # see `feature_net`
    rgb:Tensor, # pictures in 0..1
    bs:int=64, # pictures at a time
) -> tuple[Tensor,Tensor]: # mean and covariance
    "Moments of the features at all places of all pictures"
    rows = torch.cat([net(o).float().transpose(0, 1).flatten(1) for o in rgb.split(bs)], 1)
    return rows.mean(1),rows.cov()

def frechet(
    a:tuple, # mean and covariance
    b:tuple, # mean and covariance, of the real pictures
) -> float: # at least 0; 0 for equal moments
    "Frechet's distance of two Gaussians, as a share of the second one's variance"
    (m,A),(n,B) = ([x.double().cpu() for x in o] for o in (a, b))
    root = torch.linalg.eigvals(A @ B).real.clamp(min=0).sqrt().sum()
    return (((m - n)**2).sum() + A.trace() + B.trace() - 2*root).clamp(min=0).item()/B.trace().item()

def skin_share(
    rgb:Tensor, # pictures in 0..1
) -> float: # 0..1
    "Share of the pixels with a hue of skin: 25 to 70 degrees in Lab, chroma of 8 at the least"
    a,b = rgb_to_lab(rgb)[:,1:].unbind(1)
    hue = torch.atan2(b, a).rad2deg()
    return ((hue > 25) & (hue < 70) & (torch.hypot(a, b) > 8)).float().mean().item()

# %% [markdown]
# We check three cases whose distance is known: equal features have 0; features that are all moved by 2 have the square of that way, 12 for three features, over the variance; and features that are doubled have 1. And the skin share of four flat colors: only the first has a hue of skin and enough chroma.

# %%
torch.manual_seed(seed)
x = torch.randn(3, 5000)
at = lambda o: (o.mean(1), o.cov())
test_close(frechet(at(x), at(x)), 0, eps=1e-6)
test_close(frechet(at(x + 2), at(x)), 12/x.cov().trace(), eps=1e-4)
test_close(frechet(at(2*(x - x.mean(1, keepdim=True))), at(x - x.mean(1, keepdim=True))), 1, eps=1e-4)
def flat(*lab): return torch.tensor(lab).view(1, 3, 1, 1)
test_eq([skin_share(lab_to_rgb(flat(60., *o))) for o in ((20., 20.), (3., 3.), (-20., 20.), (0., 30.))], [1, 0, 0, 0])

# %% [markdown]
# ## The panel

# %% [markdown]
# The panel keeps the photographs and the moments of their features; `look` colors them with the generator as it is and returns the four figures.

# %%
#| export
class ValidationPanel:
    "Held-out photographs, and how a GAN does on them"
    def __init__(self,
        L:Tensor, # lightness in 0..1, some dozens or hundreds of photos
        real:Tensor, # their colors, as the critic sees them
        net:nn.Module=None, # see `feature_net`
        bs:int=64, # photos at a time
    ):
        self.L,self.real,self.bs,self.net = L,real,bs,net or feature_net().to(L.device)
        self.rgb = to_rgb(L, real)
        self.moments,self.skin = moments(self.net, self.rgb),skin_share(self.rgb)
    @torch.no_grad()
    def look(self, gan) -> dict: # ratio, skin, accuracy, distance
        "The four figures"
        modes = {m: m.training for m in gan.modules()}
        gan.eval()
        fake = torch.cat([gan.generator.color(gan(o)) for o in self.L.split(self.bs)])
        Ls,colors = self.L.split(self.bs),(self.real.split(self.bs), fake.split(self.bs))
        scores = [torch.cat([realness(gan.judge(*o)) for o in zip(Ls, c)]) for c in colors]
        right,rgb = (scores[0] > scores[1]).float().mean().item(),to_rgb(self.L, fake)
        for m,o in modes.items(): m.training = o
        return dict(ratio=colorfulness_ratio(rgb, self.rgb), skin=skin_share(rgb), accuracy=right,
            distance=frechet(moments(self.net, rgb), self.moments))

# %% [markdown]
# ## The best moment

# %% [markdown]
# In adversarial training all colors swing a little from step to step, and the distance goes up and down with them. The smallest of many noisy values is mostly luck, so the distance is averaged over a window of five looks, and the best moment is the middle of the best window. It is known only when the window is complete, so the weights of the last few looks are kept, and those of the best window's middle.
#
# When should one stop looking? By default when the phase is over: the distance swings, and no dip tells whether a deeper one will come. `patience` ends the phase earlier, when the search has gone so much farther than the best moment so far. With a patience of 3, that is, four times as far, `benchmarks/nogan.py` found the best moment for three seeds of five; the other two stopped in a first dip at steps 70 and 80 and missed deeper ones at 450 and 720. To look on costs only time, because the weights go back anyway.

# %%
#| export
def smooth(
    values, # one a look
    window:int=5, # odd
) -> np.ndarray: # means, one for each whole window
    "Centered running mean"
    return np.convolve(values, np.ones(window)/window, 'valid')

def knee(
    distance, # one a look, the first before any step
    window:int=5, # looks that are averaged
) -> int: # number of a look
    "The middle of the window with the least mean distance"
    return int(smooth(distance, window).argmin()) + window//2

def should_stop(
    distance, # so far
    window:int=5,
    patience:float=math.inf, # how much farther than the best to look, as a share of the way to it
) -> bool:
    "Has the search gone far enough beyond the best?"
    if len(distance) < 2*window: return False
    return len(distance) - 1 - window//2 >= (1 + patience)*max(knee(distance, window), window)

# %%
steps = np.arange(101)
curve = (steps/40 - 1)**2 + .3
noisy = curve + .02*np.random.default_rng(seed).standard_normal(101)
test_eq(knee(curve), 40)
assert abs(knee(noisy) - 40) <= 8
stop = next(i for i in steps if should_stop(curve[:i+1], patience=.5))
assert not any(should_stop(curve[:i+1]) for i in steps)
test_eq(stop, 62)
assert not any(should_stop(-steps[:i+1], patience=.5) for i in steps)
stop,knee(noisy)

# %% [markdown]
# ## The callback

# %% [markdown]
# It looks before the first step and after each share of the data in which the generator stepped, and sees [averaged weights](optimization.ipynb#averaged-weights) where there are any. At the end of the phase the generator's weights go back to the best moment, and [training](trainer.ipynb) writes them as `generator-PHASE-stop`, with all looks beside them. The critic stays as it is, because it is no longer needed. Looks and kept weights are the callback's state, so a run that is stopped and resumed in between chooses the same moment.

# %%
#| export
class NoGANStop(Callback):
    "Look at a panel often, and at the end go back to the best moment"
    order = 75
    def __init__(self,
        panel:ValidationPanel,
        share:float=.001, # of the training photos between two looks
        window:int=5, # looks that are averaged
        patience:float=math.inf, # see `should_stop`: end the stretch early
    ):
        self.panel,self.share,self.window,self.patience = panel,share,window,patience
        self.rows,self.n,self.done,self.best,self.recent = [],0,False,None,deque(maxlen=window//2 + 1)
    def state_dict(self): return dict(rows=self.rows, n=self.n, done=self.done, best=self.best, recent=[*self.recent])
    def load_state_dict(self, state):
        self.rows,self.n,self.done,self.best = (state[k] for k in ('rows', 'n', 'done', 'best'))
        self.recent.extend(state['recent'])
    def before_fit(self):
        dl = self.learn.dls.train
        self.every = max(1, round(self.share*dl.n/dl.bs))
        if not self.rows: self.look()
    def after_batch(self):
        if not self.training or self.learn.adversary.turn not in ('both', 'generator'): return
        self.n += 1
        if self.n%self.every: return
        self.look()
        self.done = should_stop([o['distance'] for o in self.rows], self.window, self.patience)
        if self.done: raise CancelTrainException()
    def after_epoch(self):
        if self.done: raise CancelFitException()
    def after_fit(self):
        if self.best: self.learn.model.generator.load_state_dict(self.best[1])
    def write(self, path):
        "All looks as a table, the chosen one marked"
        rows = [o | dict(chosen=o['step'] == self.chosen) for o in self.rows]
        with atomic_path(path) as f, open(f, 'w', newline='') as o:
            w = csv.DictWriter(o, rows[0].keys())
            w.writeheader(); w.writerows(rows)

# %%
#| export
@patch
def look(self:NoGANStop):
    "Figures of this moment; remember the middle of the window if it is the best"
    with averaged(self.learn):
        state = {k: v.detach().clone() for k,v in self.learn.model.generator.state_dict().items()}
        self.rows.append(dict(step=self.n, **self.panel.look(self.learn.model)))
    self.recent.append((self.n, state))
    d = [o['distance'] for o in self.rows]
    if len(d) >= self.window and knee(d, self.window) == len(d) - 1 - self.window//2: self.best = self.recent[0]

@patch(as_prop=True)
def chosen(self:NoGANStop):
    "The step whose weights were chosen, or None where there were too few looks"
    return self.best and self.best[0]

# %% [markdown]
# ## On patches

# %% [markdown]
# We try it in small: the generator of three layers from above, patches of the photographs that come with scikit-image and scikit-learn, random features. Content loss comes first, then the critic alone for a short time, then both. Afterwards the panel must say of the weights that remain what it said at the best moment.

# %%
torch.manual_seed(seed)
spots = list(product(range(0, 7*size, size), repeat=2))
rgb = torch.stack([tensor(np.array(o))[y:y+size,x:x+size] for o in sample_photos(size=8*size) for x,y in spots])
L,ab = split_lab(rgb.permute(0, 3, 1, 2)[torch.randperm(len(rgb))]/255)
panel = ValidationPanel(L[-48:], ab[-48:])
L.shape,panel.skin

# %%
def patch_learner():
    "Tiny networks on the patches"
    torch.manual_seed(seed)
    gan,items = GAN(Tiny(), PatchCritic(2, 12, (2, 2, 1))),list(zip(L, ab))[:-48]
    dls = DataLoaders.from_dsets(items, items[:16], bs=16, device='cpu', num_workers=0)
    def l1(out, ab, L): return F.l1_loss(gan.generator.color(out), ab)
    learn = Learner(dls, gan, l1, opt_func=partial(Adam, mom=.5), splitter=gan_splitter, wd=0.)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn

learn = patch_learner()
learn.fit(2, (5e-3, 0.), cbs=GANCallback(mode='content'))
learn.fit(1, (0., 2e-3), cbs=GANCallback(mode='critic'))
stop = NoGANStop(panel, share=.05)
learn.fit(8, (1e-3, 2e-3), cbs=[GANCallback(weight=.1), stop])
rows = stop.rows
chosen = [o for o in rows if o['step'] == stop.chosen][0]
test_eq(stop.chosen, rows[knee([o['distance'] for o in rows])]['step'])
test_eq({**panel.look(learn.model), 'accuracy': 0}, {k: v for k,v in {**chosen, 'accuracy': 0}.items() if k != 'step'})
means = smooth([o['distance'] for o in rows])
test_eq(means.argmin(), rows.index(chosen) - 2)
stop.done,rows[-1]['step'],chosen

# %%
#| label: fig-panel
#| fig-cap: "The panel over the steps. The dashed line is the moment that was chosen; the weights go back to it."
def draw_panel(rows, at, height=2.4):
    "Four figures over the steps"
    fig,axs = plt.subplots(1, 4, figsize=(12, height), layout='constrained')
    for ax,k in zip(axs, ('distance', 'ratio', 'skin', 'accuracy')):
        ax.plot([o['step'] for o in rows], [o[k] for o in rows], lw=1)
        if k == 'distance': ax.plot([o['step'] for o in rows][2:-2], smooth([o[k] for o in rows]), 'k', lw=2, alpha=.6)
        ax.axvline(at, color='k', ls='--', lw=1)
        ax.set(title=k, xlabel='step')
    return fig

draw_panel(rows, stop.chosen);

# %% [markdown]
# @fig-panel has four figures over the steps in which both networks learn. With so small a panel all of them swing. The ratio of colorfulness begins at 0.9 of the photographs' color, and in the second half it swings around 1. The rule looks at the distance: the gray line in the first picture is its mean over five looks, and the weights are taken where that is lowest, at the dashed line. A single look may be lower elsewhere; that is luck.

# %% [markdown]
# ## What we have
#
# - `Ratio`, `Wasserstein` and `Adaptive`, by name in `as_schedule`, resumed exactly because the count is saved with the networks;
# - `make_gan_callback`, from the words of a recipe;
# - `ValidationPanel`: colorfulness, skin, accuracy and a distance in feature space, on some dozens of held-out photographs;
# - `knee` and `should_stop`, the rule, and `NoGANStop`, which follows it and goes back to the best moment.
#
# Whether the panel's choice is good for photographs that it has never seen is measured in `benchmarks/nogan.py`.

# %% [markdown]
# ## Exercises
#
# 1. DeOldify also knows a threshold for the generator. Write it as a schedule. Which number would the networks have to carry along for an exact resume?
# 2. `Adaptive` looks at the critic's last loss alone. Let it look at a running mean, and keep that in the networks' buffers.
# 3. Take the single best look instead of the best window, on a parabola with noise. How far do the chosen steps of many seeds lie apart?
# 4. The rule never looks at the skin share. How would you add it, and in which kind of run would it matter?
# 5. Leave out `recent` in the state. In which run does a stop and a resume choose other weights then?
