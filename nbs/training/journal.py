# %% [markdown]
# # The journal
#
# > What a run leaves behind, and how it goes on
#
# Training a GAN is watched, not awaited: its losses say little, its pictures a lot, and a run of days will be interrupted. At the end of this chapter a callback writes after every epoch what one wants to see, a sheet of held-out photographs, a table, curves and the weights, and then a checkpoint from which a new process goes on as if nothing had happened, to the last bit.

# %%
#| default_exp training.journal

# %% tags=["parameters"]
size,seed = 32,0

# %%
#| export
import csv, math, random, time
import matplotlib.pyplot as plt, numpy as np, torch
from fastai.vision.all import *
from safetensors.torch import save_file
from colorbook.core import TrainingError, atomic_path
from colorbook.data.loaders import present
from colorbook.color.lab import to_rgb
from colorbook.imaging.sheet import contact_sheet
from colorbook.evaluation.metrics import colorfulness, psnr

# %%
#| hide
import tempfile
from itertools import product
import pandas as pd
from fastcore.test import *
from colorbook.training.gan import GANCallback, GAN, gan_splitter
from colorbook.models.critics import PatchCritic
from colorbook.data.loaders import color_loaders
from colorbook.data.photos import Photos, sample_photos
from colorbook.color.lab import rgb_to_lab, split_lab

# %% [markdown]
# ## Sheets

# %% [markdown]
# A sheet shows a few photographs in three columns: gray, truth, generated. It is always the same photographs, and none that the network learns from. There is a sheet for epoch -1 too, before anything is learned, because two sheets that do not differ are the quickest sign that something is wrong. Networks answer in different ways, in RGB or in $ab$, at full size or at a quarter; [`to_rgb`](../color/lab.ipynb) makes pictures of all of them, and [`contact_sheet`](../imaging/sheet.ipynb) lays them side by side.

# %%
#| export
def draw_sheet(
    L, real, fake, # `L` and two colors, a few pictures each
    path, # where the picture goes
    n:int=8, # rows
):
    "Gray, truth and generated side by side, one row a photo"
    rows = torch.stack([to_rgb(L, L.new_zeros(len(L), 2, 1, 1)), to_rgb(L, real), to_rgb(L, fake)], 1)[:n]
    sheet = contact_sheet(rows.flatten(0, 1).permute(0, 2, 3, 1).cpu().numpy(), columns=3, gap=0)
    with atomic_path(path) as f: sheet.save(f)


# %% [markdown]
# Pictures for this chapter are patches of the photographs that come with scikit-image and scikit-learn. Patches of one photograph stand on both sides of the split here, so held-out figures flatter.

# %%
spots = list(product((0, size, 2*size), repeat=2))
patches = Photos([o.crop((x, y, x + size, y + size)) for o in sample_photos(3*size) for x,y in spots])
rgb = torch.stack([tensor(np.array(o)).permute(2, 0, 1)/255 for o in patches[:8]])
L,ab = split_lab(rgb)
L.shape,ab.shape

# %%
#| label: fig-sheet
#| fig-cap: "A sheet. Here the color is generated from the truth, at a quarter of the size."
def show_file(path, height=3):
    "A picture from a file, no axes"
    fig,ax = plt.subplots(figsize=(8, height))
    ax.imshow(PILImage.create(path))
    ax.axis('off')

home = Path(tempfile.mkdtemp())
draw_sheet(L, ab, F.avg_pool2d(ab, 4), home/'sheet.png', n=3)
sheet = np.array(PILImage.create(home/'sheet.png'))
test_eq(sheet.shape, (3*size, 3*size, 3))
assert np.ptp(sheet[:,:size].astype(int), axis=2).max() <= 1
test_close(sheet[:size,size:2*size]/255, rgb[0].permute(1, 2, 0).numpy(), eps=1/128)
show_file(home/'sheet.png')

# %% [markdown]
# ## Two figures after each epoch

# %% [markdown]
# Two numbers go with the sheet: PSNR, and the colorfulness of what was generated as a share of the truth's. They belong together, because PSNR alone rewards gray ([chapter 07](../evaluation/metrics.ipynb)): a generator without color has a respectable PSNR and a ratio of zero.

# %%
#| export
def example(learn, n=8):
    "A few held-out photos: `L`, true and generated color"
    L,real = learn.dls.valid.one_batch()[:2]
    gen = learn.model.generator.eval()
    with torch.no_grad(): return present(L)[:n],real[:n],gen.color(gen(L[:n]))[:n]

def held_out(
    learn,
    n:int=256, # photos at the most
) -> dict: # content loss, PSNR and colorfulness ratio
    "How the generator does on photos that it has not seen"
    gen,rows = learn.model.generator.eval(),[]
    with torch.no_grad():
        for L,real,*more in learn.dls.valid:
            out,L = gen(L),present(L)
            a,b = to_rgb(L, gen.color(out)),to_rgb(L, real)
            loss = learn.loss_func(out, real, L, *more).expand(len(L))
            rows.append(torch.stack([loss, psnr(a, b), colorfulness(a), colorfulness(b)]).cpu())
            if sum(r.shape[1] for r in rows) >= n: break
    m = torch.cat(rows, 1).mean(1).tolist()
    return dict(valid=m[0], psnr=m[1], ratio=m[2]/m[3])


# %%
class Tiny(nn.Module):
    "The smallest generator with running statistics"
    def __init__(self, strength=1.):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1))
        self.strength = strength
    def forward(self, L): return self.layers(L)
    def color(self, out): return out.tanh()*self.strength

def tiny_learner(strength=1.):
    "A Learner on tiny networks and the patches, in the order that `seed` gives"
    seed_everything(seed)
    dls = color_loaders(patches, 8, size, valid=.25, target='ab', aged=.3, device='cpu')
    gan = GAN(Tiny(strength), PatchCritic(2, 8, (2, 2, 1)))
    def l1(out, ab, L): return F.l1_loss(gan.generator.color(out), ab)
    learn = Learner(dls, gan, l1, opt_func=partial(Adam, mom=.5), splitter=gan_splitter)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn

# %% [markdown]
# Random generators come first in a chapter on going on exactly: shuffling, cropping and damage to $L$ draw from Python's, torch's and the loader's own.

# %%
#| export
def seed_everything(seed:int):
    "Start Python's, NumPy's and torch's random generators"
    random.seed(seed); np.random.seed(seed); torch.manual_seed(seed)

def rng_state(dl) -> dict: # plain values
    "Random generators of Python, NumPy, torch and a loader"
    state = [o.tolist() if isinstance(o, np.ndarray) else o for o in np.random.get_state()]
    return dict(python=random.getstate(), numpy=state, torch=torch.get_rng_state(), dl=dl.rng.getstate())

def set_rng_state(s:dict, dl):
    "Put back what `rng_state` returned"
    random.setstate(s['python'])
    np.random.set_state((s['numpy'][0], np.array(s['numpy'][1], dtype=np.uint32), *s['numpy'][2:]))
    torch.set_rng_state(s['torch'])
    dl.rng.setstate(s['dl'])


# %%
gray = tiny_learner(strength=0.)
figures = held_out(gray)
L,ab = map(torch.cat, zip(*gray.dls.valid))
test_close(figures['psnr'], psnr(to_rgb(L, ab*0), to_rgb(L, ab)).mean(), eps=1e-4)
test_close(figures['valid'], ab.abs().mean(), eps=1e-2)
test_close(figures['ratio'], 0, eps=1e-2)
figures

# %% [markdown]
# ## Checkpoints

# %% [markdown]
# Since generator and critic are one model with one optimizer, a checkpoint is short: weights and buffers, Adam's moments for both networks, the random generators, and where in the run it was made. It holds tensors and plain values only, so that reading one runs no code of whoever wrote it.
#
# The test is strict. After one epoch and a checkpoint, another epoch in the same Learner and another epoch in a new one, which knows only the file, give equal weights and buffers to the last bit on a CPU. The controls leave out the optimizer's state or the random generators, and come out different.

# %%
#| export
def save_checkpoint(
    learn:Learner,
    path, # file to write
    **where, # plain values to store beside: the place in a run
):
    "Networks, optimizer, random generators and place, as tensors and plain values"
    opt = learn.opt.state_dict()
    hypers = [{k: v.item() if hasattr(v, 'item') else v for k,v in h.items()} for h in opt['hypers']]
    state = dict(model=learn.model.state_dict(), rng=rng_state(learn.dls.train), **where,
        opt=dict(state=[dict(o) for o in opt['state']], hypers=hypers))
    with atomic_path(path) as f: torch.save(state, f)

def load_checkpoint(path) -> dict: # 'model', 'opt', 'rng' and the place
    "What `save_checkpoint` wrote"
    try: return torch.load(path, weights_only=True, map_location='cpu')
    except Exception as e:
        what = f"'{path}' is no checkpoint of colorbook: {str(e).splitlines()[0]}"
        raise TrainingError(what, 'remove it to start anew') from e


# %%
def go_on(*parts):
    "The model after another epoch of a new Learner, which takes `parts` from the checkpoint"
    learn,last = tiny_learner(),load_checkpoint(home/'half.pth')
    learn.model.load_state_dict(last['model'])
    learn.create_opt()
    if 'opt' in parts: learn.opt.load_state_dict(last['opt'])
    if 'rng' in parts: set_rng_state(last['rng'], learn.dls.train)
    learn.fit(1, 1e-3, cbs=GANCallback())
    return learn.model

def differing(a, b):
    "How many tensors of two models are not equal to the last bit"
    return sum(not torch.equal(p, q) for p,q in zip(a.state_dict().values(), b.state_dict().values()))

straight = tiny_learner()
straight.fit(1, 1e-3, cbs=GANCallback())
save_checkpoint(straight, home/'half.pth')
straight.fit(1, 1e-3, cbs=GANCallback())
test_eq(differing(straight.model, go_on('opt', 'rng')), 0)
controls = [differing(straight.model, go_on(o)) for o in ('opt', 'rng')]
assert min(controls) > 10
controls

# %% [markdown]
# A file that is not a checkpoint is an error with the file's name and a remedy.

# %%
(home/'bad.pth').write_bytes(b'half')
test_fail(lambda: load_checkpoint(home/'bad.pth'), exc=TrainingError, contains="bad.pth' is no checkpoint")
sorted(load_checkpoint(home/'half.pth'))

# %% [markdown]
# ## The journal

# %% [markdown]
# The callback sums the unmixed losses of the [adversary](gan.ipynb) and looks at them: when one is not a number, it stops the run before the step is taken, so that the last checkpoint is good. Files are written beside their names and renamed, and the checkpoint comes last. Whatever stops the run, every file is whole, and none is older than the checkpoint.

# %%
#| export
def draw_curves(
    rows:list, # of the journal
    path, # picture to write
):
    "Losses and held-out figures over the epochs"
    fig,axs = plt.subplots(1, 3, figsize=(12, 3))
    for ax,keys in zip(axs, (('content', 'valid'), ('gen', 'crit'), ('psnr',))):
        for k in keys: ax.plot([r[k] for r in rows], label=k)
        ax.set_xlabel('epoch'); ax.legend()
    twin = axs[2].twinx()
    twin.plot([r['ratio'] for r in rows], 'C1'); twin.set_ylabel('colorfulness ratio')
    with atomic_path(path) as f: fig.savefig(f, bbox_inches='tight')
    plt.close(fig)


# %%
#| export
class RunRecorder(Callback):
    "After each epoch: held-out figures, a sheet, curves, the generator's weights and a checkpoint that resumes exactly"
    order = 70
    def __init__(self, run, phase, rows, start=0, rng=None): store_attr()
    def before_fit(self): self.adversary = self.learn.adversary
    def before_epoch(self):
        self.t0,self.sums = time.time(),{}
        if hasattr(self.learn.dls.train, 'set_epoch'): self.learn.dls.train.set_epoch(len(self.rows))
        if self.rng and self.epoch == self.start: set_rng_state(self.rng, self.learn.dls.train)

    def after_backward(self):
        for k in ('content', 'gen', 'crit'): self.sums.setdefault(k, []).append(getattr(self.adversary, k))
        rests = self.adversary.turn in ('content', 'generator')
        self.check(self.learn.loss if rests else self.learn.loss + self.adversary.crit)

    def check(self, loss):
        if math.isfinite(loss): return
        raise TrainingError(f'the loss is {float(loss)} in phase {self.phase}, epoch {self.epoch}',
            'lower the learning rates; what was good is in the checkpoint')

    def after_epoch(self):
        if self.epoch < self.start: return
        row = dict(phase=self.phase, mode=self.adversary.mode, epoch=self.epoch)
        row |= {k: torch.stack(v).nanmean().item() for k,v in self.sums.items()} | held_out(self.learn)
        self.check(row['valid'])
        self.rows.append(row | dict(seconds=round(time.time() - self.t0, 1)))
        self.write(f'{self.phase}-{self.epoch:03}')


# %%
#| export
@patch
def write(self:RunRecorder,
    tag:str, # 'PHASE-EPOCH'
):
    "The files of an epoch, the checkpoint last"
    weights = {k: v.contiguous() for k,v in self.learn.model.generator.state_dict().items()}
    with atomic_path(self.run/f'generator-{tag}.safetensors') as f: save_file(weights, f)
    draw_sheet(*example(self.learn), self.run/f'sheet-{tag}.jpg')
    draw_curves(self.rows, self.run/'losses.png')
    with atomic_path(self.run/'history.csv') as f, open(f, 'w', newline='') as o:
        w = csv.DictWriter(o, self.rows[0].keys())
        w.writeheader(); w.writerows(self.rows)
    save_checkpoint(self.learn, self.run/'checkpoint.pth', phase=self.phase, epoch=self.epoch + 1, rows=self.rows)


# %%
learn,rows,run = tiny_learner(),[],home/'run'
learn.fit(2, [1e-2, 0.], cbs=[GANCallback(mode='content'), RunRecorder(run, 0, rows)])
learn.fit(2, [2e-3, 2e-3], cbs=[GANCallback(weight=.1), RunRecorder(run, 1, rows)])
history = pd.read_csv(run/'history.csv')
test_eq(history[['phase', 'epoch']].values.tolist(), [[0, 0], [0, 1], [1, 0], [1, 1]])
test_eq(history.gen.isna().tolist(), [True, True, False, False])
test_close(history.psnr.iloc[-1], held_out(learn)['psnr'], eps=1e-5)
test_eq({o.stem.split('-')[0] for o in run.iterdir()}, {'checkpoint', 'generator', 'history', 'losses', 'sheet'})
test_eq([load_checkpoint(run/'checkpoint.pth')[k] for k in ('phase', 'epoch')], [1, 2])
history

# %%
#| label: fig-curves
#| fig-cap: "The journal's curves: content loss in training and held out, adversarial losses, PSNR and colorfulness."
show_file(run/'losses.png', height=2.4)

# %% [markdown]
# Divergence is tried where it is easiest to miss: only the critic's loss is not a number, in a phase in which only the critic is trained. The run stops with a `TrainingError` before the step, and no file has changed.

# %%
class Broken(GANCallback):
    "A critic's loss that is not a number at the third step"
    def play(self, L, real, fake): return super().play(L, real, fake*(math.nan if self.learn.iter == 2 else 1))

def stamps(): return {o.name: o.stat().st_mtime_ns for o in run.iterdir()}

before = stamps()
diverge = lambda: learn.fit(1, 1e-3, cbs=[Broken(mode='critic'), RunRecorder(run, 2, rows)])
test_fail(diverge, exc=TrainingError, contains='the loss is nan in phase 2, epoch 0')
test_eq(stamps(), before)
test_eq(all(p.isfinite().all().item() for p in learn.model.parameters()), True)
TrainingError('').exit_code

# %% [markdown]
# ## Short epochs

# %% [markdown]
# On many photographs an epoch takes hours, and one wants to look more often. fastai's `ShortEpochCallback` ends it after a share $s$ of the batches, and each short epoch draws from a fresh shuffle. It looks *after* a batch, so of $n$ batches a short epoch takes $\lceil sn\rceil+1$, and all batches where that is more.

# %%
def steps(share):
    "Batches in an epoch that `share` makes short"
    learn.fit(1, 0., cbs=[GANCallback(mode='content'), ShortEpochCallback(share, short_valid=False)])
    return learn.train_iter

n = len(learn.dls.train)
test_eq([steps(o) for o in (.01, .4, .6, .99)], [min(math.ceil(o*n) + 1, n) for o in (.01, .4, .6, .99)])
n,steps(.5)

# %% [markdown]
# ## What we have
#
# - a sheet, a table, curves and weights after each epoch, every file whole;
# - checkpoints from which training goes on as if it had not stopped;
# - a run that diverges stops before it spoils anything.

# %% [markdown]
# ## Exercises
#
# 1. Add the mean of $D$ on true and on generated color to the journal, as S0 logs it. Which of the two losses can be read from them?
# 2. The checkpoint does not hold the generators of a GPU. Where do they matter, and how would you test it?
# 3. Move `draw_sheet` behind `save_checkpoint` and stop the run between the two. What is missing afterwards?
