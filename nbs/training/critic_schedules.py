# %% [markdown]
# # Critic schedules
#
# > How many critic steps for each step of the generator
#
# [Adversarial training](gan.ipynb) can train either network or both. Papers differ in when they do which: five critic steps for one of the generator, a hundred now and then, or as many as the critic needs. Here such a schedule becomes a small class that is asked before each batch which network is to be trained, and each has a short name for recipes.

# %%
#| default_exp training.critic_schedules

# %% tags=["parameters"]
size,seed = 16,0

# %%
#| export
import re
from bisect import bisect_right
from dataclasses import dataclass
from torch import Tensor
from colorbook.training.gan import GANCallback, PlainGANCallback, TRAINED_IN
from colorbook.core import UsageError

# %%
#| hide
import math, tempfile
import torch
from torch import nn
from fastai.vision.all import *
import matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.training.gan import GAN, gan_splitter
from colorbook.models.patchgan import PatchCritic

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
# ## What we have
#
# - `Ratio`, `Wasserstein` and `Adaptive`, by name in `as_schedule`, resumed exactly because the count is saved with the networks;
# - `make_gan_callback`, from the words of a recipe.

# %% [markdown]
# ## Exercises
#
# 1. DeOldify also knows a threshold for the generator. Write it as a schedule. Which number would the networks have to carry along for an exact resume?
# 2. `Adaptive` looks at the critic's last loss alone. Let it look at a running mean, and keep that in the networks' buffers.
