# %% [markdown]
# # The journal
#
# > Figures, sheets, curves, weights and a checkpoint after every epoch
#
# The losses of a GAN say little about how good it is; its pictures say a lot. So one wants to watch a run while it goes. The callback of this chapter writes after every epoch what one wants to see, a sheet of held-out photographs, a table, curves and the weights, and then a [checkpoint](runs.ipynb#what-a-step-depends-on) from which the run can go on.

# %%
#| default_exp training.journal

# %% tags=["parameters"]
size,seed = 32,0

# %%
#| export
import csv, math, time
import matplotlib.pyplot as plt, numpy as np, torch
from fastai.vision.all import *
from colorbook.core import TrainingError, atomic_path
from colorbook.data.loaders import present
from colorbook.color.lab import to_rgb
from colorbook.imaging.sheet import contact_sheet
from colorbook.evaluation.metrics import colorfulness, psnr
from colorbook.training.optimization import averaged
from colorbook.training.runs import Run, set_rng_state, state_of

# %%
#| hide
import tempfile
from itertools import product
import pandas as pd
from fastcore.test import *
from colorbook.training.gan import GANCallback, GAN, gan_splitter
from colorbook.training.runs import seed_everything, state_hash
from colorbook.models.critics import PatchCritic
from colorbook.data.loaders import color_loaders
from colorbook.data.photos import Photos, sample_photos
from colorbook.color.lab import split_lab

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
# The third column has the right colors, a little soft at the edges, because it was made from the truth at a quarter of the size. That is as good as a sheet can get for a network that answers at a quarter.

# %% [markdown]
# ## Two figures after each epoch

# %% [markdown]
# Two numbers go with the sheet: PSNR, and the colorfulness of what was generated as a share of the truth's. They belong together, because PSNR alone rewards gray ([metrics](../evaluation/metrics.ipynb)): a generator without color has a respectable PSNR and a ratio of zero.

# %%
#| export
def example(learn, n=8):
    "A few held-out photos: `L`, true and generated color"
    L,real = learn.dls.valid.one_batch()[:2]
    gan = learn.model.eval()
    with torch.no_grad(): return present(L)[:n],real[:n],gan.generator.color(gan(L[:n]))[:n]

def held_out(
    learn,
    n:int=256, # photos at the most
) -> dict: # content loss, PSNR and colorfulness ratio
    "How the generator does on photos that it has not seen"
    gan,gen,rows = learn.model.eval(),learn.model.generator,[]
    with torch.no_grad():
        for L,real,*more in learn.dls.valid:
            out,L = gan(L),present(L)
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

# %%
gray = tiny_learner(strength=0.)
figures = held_out(gray)
L,ab = map(torch.cat, zip(*gray.dls.valid))
test_close(figures['psnr'], psnr(to_rgb(L, ab*0), to_rgb(L, ab)).mean(), eps=1e-4)
test_close(figures['valid'], ab.abs().mean(), eps=1e-2)
test_close(figures['ratio'], 0, eps=1e-2)
figures

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
    order,every = 70,50 # on a GPU losses are looked at every so manieth batch, since each look waits for it
    def __init__(self,
        run, # folder, or `Run`
        phase:int, # its number in the recipe
        rows:list, # the history so far
        start:int=0, # epochs of the phase that are done
        rng:dict=None, # of `rng_state`, to begin with
        tensorboard:bool=False, # write figures and sheets for TensorBoard, too
        writes:bool=True, # no in a process that trains along with another
    ):
        self.folder,self.phase,self.rows,self.start,self.rng = Run(run),phase,rows,start,rng
        self.tensorboard,self.writes = tensorboard,writes
    def before_fit(self): self.played = self.learn.adversary # fastai takes it away after the fit, when `close` writes
    def before_epoch(self):
        self.t0,self.sums,self.unseen = time.time(),{},[]
        if hasattr(self.learn.dls.train, 'set_epoch'): self.learn.dls.train.set_epoch(len(self.rows))
        if self.rng and self.epoch == self.start: set_rng_state(self.rng, self.learn.dls.train)

    def after_backward(self):
        for k in ('content', 'gen', 'crit'): self.sums.setdefault(k, []).append(getattr(self.played, k))
        rests = self.played.turn in ('content', 'generator')
        self.unseen.append((self.learn.loss if rests else self.learn.loss + self.played.crit).detach())
        if self.learn.loss.device.type == 'cpu' or len(self.unseen) >= self.every: self.check()

    def check(self):
        if not self.unseen: return
        losses,self.unseen = torch.stack(self.unseen),[]
        if losses.isfinite().all(): return
        raise TrainingError(f'the loss is {losses[~losses.isfinite()][0]} in phase {self.phase}, epoch {self.epoch}',
            'lower the learning rates; what was good is in the checkpoint')

    def after_epoch(self):
        if self.epoch < self.start: return
        self.check()
        if not self.writes: return
        losses = {k: torch.stack(v).nanmean().item() for k,v in self.sums.items()}
        with averaged(self.learn): self.write(self.epoch, f'{self.epoch:03}', losses, time.time() - self.t0)
        self.save(self.phase, self.epoch + 1)

# %%
#| export
@patch
def write(self:RunRecorder,
    epoch:int,
    name:str, # second half of the tag
    losses:dict, # 'content', 'gen' and 'crit'
    seconds:float=0., # that they took
):
    "Figures, sheet and weights of this moment"
    tag = f'{self.phase}-{name}'
    figures = held_out(self.learn)
    self.unseen = [torch.tensor(figures['valid'])]
    self.check()
    self.rows.append(dict(phase=self.phase, mode=self.played.mode, epoch=epoch, tag=tag, **losses, **figures,
        seconds=round(seconds, 1)))
    self.folder.save_weights(self.learn.model.generator, tag)
    draw_sheet(*example(self.learn), self.folder/f'sheet-{tag}.jpg')
    draw_curves([o for o in self.rows if not o['tag'].endswith('stop')], self.folder/'losses.png')
    with atomic_path(self.folder/'history.csv') as f, open(f, 'w', newline='') as o:
        w = csv.DictWriter(o, self.rows[0].keys())
        w.writeheader(); w.writerows(self.rows)
    if self.tensorboard: log_row(self.rows[-1], len(self.rows), self.folder)

def log_row(row, step, run):
    "A row of the history and its sheet, in the folder `tensorboard` of the run"
    from torch.utils.tensorboard import SummaryWriter
    sheet = np.array(PILImage.create(run/f"sheet-{row['tag']}.jpg"))
    with SummaryWriter(run/'tensorboard') as w:
        for k in ('content', 'gen', 'crit', 'valid', 'psnr', 'ratio'): w.add_scalar(k, row[k], step)
        w.add_image('sheet', sheet, step, dataformats='HWC')

@patch
def save(self:RunRecorder, phase:int, epoch:int):
    "The checkpoint, which comes last: all other files of an epoch are older"
    self.folder.save_checkpoint(state_of(self.learn, phase=phase, epoch=epoch, rows=self.rows))

@patch
def close(self:RunRecorder,
    learn:Learner, # whose fit is over
    stop=None, # a `colorbook.training.critic_schedules.NoGANStop` that has chosen
):
    "At the end of a phase whose weights went elsewhere at last: what was chosen, and the place behind it"
    if not self.writes: return
    self.learn = learn
    if stop:
        stop.write(self.folder/f'looks-{self.phase}.csv')
        self.write(learn.n_epoch, 'stop', dict.fromkeys(('content', 'gen', 'crit'), math.nan))
    self.save(self.phase + 1, 0)

# %%
learn,rows,run = tiny_learner(),[],Run(home/'run')
learn.fit(2, [1e-2, 0.], cbs=[GANCallback(mode='content'), RunRecorder(run, 0, rows)])
learn.fit(2, [2e-3, 2e-3], cbs=[GANCallback(weight=.1), RunRecorder(run, 1, rows)])
history = pd.read_csv(run/'history.csv')
test_eq(history[['phase', 'epoch']].values.tolist(), [[0, 0], [0, 1], [1, 0], [1, 1]])
test_eq(history.gen.isna().tolist(), [True, True, False, False])
test_close(history.psnr.iloc[-1], held_out(learn)['psnr'], eps=1e-5)
test_eq({o.stem.split('-')[0] for o in run.folder.iterdir()}, {'checkpoint', 'generator', 'history', 'losses', 'sheet'})
test_eq([run.checkpoint()[k] for k in ('phase', 'epoch')], [1, 2])
test_eq(run.tags, ['0-000', '0-001', '1-000', '1-001'])
test_eq(state_hash(run.weights()), state_hash(learn.model.generator.state_dict()))
history

# %%
#| label: fig-curves
#| fig-cap: "The journal's curves: content loss in training and held out, adversarial losses, PSNR and colorfulness."
show_file(run/'losses.png', height=2.4)

# %% [markdown]
# Left is the content loss, on the patches that are learned from and on those held out. The adversarial losses in the middle begin with the second phase, so their lines start at the third epoch. In a real run look at the right panel first: a PSNR that rises while the colorfulness ratio falls means that the generator is turning gray.

# %% [markdown]
# The same figures and sheets go to TensorBoard where that is wanted (`colorbook train --tensorboard`); `tensorboard --logdir runs` shows all runs side by side.

# %%
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
learn.fit(1, 0., cbs=[GANCallback(mode='content'), RunRecorder(home/'board', 0, [], tensorboard=True)])
log = EventAccumulator(str(home/'board/tensorboard')).Reload()
row, = Run(home/'board').history
test_close(log.Scalars('psnr')[0].value, float(row['psnr']), eps=1e-4)
test_eq((log.Images('sheet')[0].width, log.Images('sheet')[0].step), (3*size, 1))

# %% [markdown]
# Divergence is easiest to miss where only the critic's loss is not a number, in a phase in which only the critic is trained. So that is what the next cell does: the run stops with a `TrainingError` before the step, and no file has changed.

# %%
class Broken(GANCallback):
    "A critic's loss that is not a number at the third step"
    def play(self, L, real, fake): return super().play(L, real, fake*(math.nan if self.learn.iter == 2 else 1))

def stamps(): return {o.name: o.stat().st_mtime_ns for o in run.folder.iterdir()}

before = stamps()
diverge = lambda: learn.fit(1, 1e-3, cbs=[Broken(mode='critic'), RunRecorder(run, 2, rows)])
test_fail(diverge, exc=TrainingError, contains='the loss is nan in phase 2, epoch 0')
test_eq(stamps(), before)
test_eq(all(p.isfinite().all().item() for p in learn.model.parameters()), True)
TrainingError('').exit_code

# %% [markdown]
# ## What we have
#
# - `RunRecorder`: a sheet, a table, curves, weights and a checkpoint after each epoch, every file whole;
# - a run that diverges stops before it spoils anything.

# %% [markdown]
# ## Exercises
#
# 1. Add the mean of $D$ on true and on generated color to the journal, as S0 logs it. Which of the two losses can be read from them?
# 2. Which of the files could be made again from the others, and which not?
# 3. Move `draw_sheet` behind the checkpoint and stop the run between the two. What is missing afterwards?
