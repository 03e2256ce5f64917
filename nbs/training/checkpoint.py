# %% [markdown]
# # Checkpoints
#
# > One file from which training resumes exactly as if it had not been stopped
#
# A run of days will be interrupted. To resume it takes more than the weights: an optimizer remembers past gradients, and every shuffle, crop and mirror comes from a random generator that is somewhere in its sequence. A checkpoint holds all of that, so that a new process takes the very steps that the old one would have taken. And as a power cut may come while a checkpoint is written, there is always an older one that is whole.

# %%
#| default_exp training.checkpoint

# %% tags=["parameters"]
size,seed = 32,0

# %%
#| export
import os, random
from pathlib import Path
import numpy as np, torch
from fastai.learner import Learner
from colorbook.core import TrainingError, atomic_path

# %%
#| hide
import tempfile
from fastai.vision.all import *
from itertools import product
from fastcore.test import *
from colorbook.data.loaders import color_loaders
from colorbook.data.photos import Photos, sample_photos
from colorbook.models.critics import PatchCritic
from colorbook.training.gan import GAN, GANCallback, gan_splitter

# %% [markdown]
# ## Random generators

# %% [markdown]
# Shuffling, cropping and damage to $L$ draw from Python's, NumPy's and torch's random generators, and a loader of fastai has one of its own. Each has a state that can be read and put back.

# %%
#| export
def seed_everything(seed:int):
    "Start Python's, NumPy's and torch's random generators"
    random.seed(seed); np.random.seed(seed); torch.manual_seed(seed)

def rng_state(dl) -> dict: # plain values
    "Random generators of Python, NumPy, torch, its GPUs and a loader"
    state = [o.tolist() if isinstance(o, np.ndarray) else o for o in np.random.get_state()]
    return dict(python=random.getstate(), numpy=state, torch=torch.get_rng_state(), dl=dl.rng.getstate(),
        cuda=torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])

def set_rng_state(s:dict, dl):
    "Put back what `rng_state` returned"
    random.setstate(s['python'])
    np.random.set_state((s['numpy'][0], np.array(s['numpy'][1], dtype=np.uint32), *s['numpy'][2:]))
    torch.set_rng_state(s['torch'])
    if s['cuda'] and torch.cuda.is_available(): torch.cuda.set_rng_state_all(s['cuda'])
    dl.rng.setstate(s['dl'])

# %% [markdown]
# Pictures for this chapter are patches of the photographs that come with scikit-image and scikit-learn, cropped and aged at random.

# %%
spots = list(product((0, size, 2*size), repeat=2))
patches = Photos([o.crop((x, y, x + size, y + size)) for o in sample_photos(3*size) for x,y in spots])

class Tiny(nn.Module):
    "The smallest generator with running statistics"
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1))
    def forward(self, L): return self.layers(L)
    def color(self, out): return out.tanh()

def tiny_learner():
    "A Learner on tiny networks and the patches, in the order that `seed` gives"
    seed_everything(seed)
    dls = color_loaders(patches, 8, size, valid=.25, target='ab', aged=.3, device='cpu')
    gan = GAN(Tiny(), PatchCritic(2, 8, (2, 2, 1)))
    def l1(out, ab, L): return F.l1_loss(gan.generator.color(out), ab)
    learn = Learner(dls, gan, l1, opt_func=partial(Adam, mom=.5), splitter=gan_splitter)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    return learn

# %% [markdown]
# Seven numbers are drawn: four from the generators of Python, NumPy and torch, and the places of the three pictures that the loader shuffles to the front. After the state is put back, the same seven come again.

# %%
dl = tiny_learner().dls.train
def draw():
    "Something from every generator"
    return [random.random(), np.random.rand(), np.random.randn(), torch.rand(1).item(), *list(dl.get_idxs())[:3]]

np.random.randn() # NumPy makes normal numbers in pairs, and keeps the second: that is part of its state
state = rng_state(dl)
first = draw()
assert first != draw()
set_rng_state(state, dl)
test_eq(draw(), first)
first

# %% [markdown]
# ## What a step depends on

# %% [markdown]
# Since generator and critic are one model with one optimizer, a checkpoint is short: weights and buffers, Adam's moments for both networks, the random generators, and where in the run it was made.
#
# What a callback remembers belongs to the place in a run as well: how often [a stop](critic_schedules.ipynb#nogan) has looked, how long [a monitor](monitor.ipynb) has seen gray, the [average of the weights](optimization.ipynb#averaged-weights). Callbacks that have a `state_dict` are kept by the names of their classes. If one were forgotten, nothing would go wrong at first; but a run that was resumed in the middle of a phase would choose other weights at its end.

# %%
#| export
def state_of(
    learn:Learner,
    **where, # plain values to store beside: the place in a run
) -> dict: # tensors and plain values
    "Networks, optimizer, random generators, callbacks with a state, and place: all that a checkpoint holds"
    opt = learn.opt.state_dict()
    hypers = [{k: v.item() if hasattr(v, 'item') else v for k,v in h.items()} for h in opt['hypers']]
    cbs = {type(o).__name__: o.state_dict() for o in learn.cbs if hasattr(type(o), 'state_dict')}
    return dict(model=learn.model.state_dict(), rng=rng_state(learn.dls.train), callbacks=cbs, **where,
        opt=dict(state=[dict(o) for o in opt['state']], hypers=hypers))

# %% [markdown]
# ## Whole files

# %% [markdown]
# The file holds tensors and plain values only, so that reading one never runs code that somebody hid in it. [`atomic_path`](../core.ipynb) sees to it that a file is whole or not there; but a disk may fail later, or a file be cut by hand. So the checkpoint before the newest stays, as `checkpoint-before.pth`: where the newest is missing or no longer readable, one epoch is repeated instead of all.

# %%
#| export
def save_checkpoint(
    folder, # of the run
    state:dict, # tensors and plain values, see `state_of`
):
    "Write a checkpoint; the one before it stays"
    path = Path(folder)/'checkpoint.pth'
    with atomic_path(path) as f:
        torch.save(state, f)
        if path.exists(): os.replace(path, path.with_name('checkpoint-before.pth'))

def load_checkpoint(
    folder, # of the run
) -> dict|None: # what `save_checkpoint` was given, or None where there is none
    "The newest checkpoint of a run, to resume from"
    found = [o for o in (Path(folder)/'checkpoint.pth', Path(folder)/'checkpoint-before.pth') if o.exists()]
    if not found: return None
    try: return torch.load(found[0], weights_only=True, map_location='cpu')
    except Exception as e:
        then = f"'{found[1].name}' is taken then" if len(found) > 1 else 'training starts anew then'
        raise TrainingError(f"'{found[0]}' is no checkpoint of colorbook: {str(e).splitlines()[0]}",
            f'remove it: {then}') from e

# %%
home = Path(tempfile.mkdtemp())
newest,before = home/'checkpoint.pth',home/'checkpoint-before.pth'
test_eq(load_checkpoint(home), None)
for i in range(3): save_checkpoint(home, dict(epoch=i, x=torch.full((2,), i)))
test_eq(load_checkpoint(home)['epoch'], 2)
newest.write_bytes(newest.read_bytes()[:99])
test_fail(lambda: load_checkpoint(home), exc=TrainingError, contains="remove it: 'checkpoint-before.pth' is taken then")
newest.unlink()
test_eq(load_checkpoint(home)['epoch'], 1)
before.write_bytes(b'half')
test_fail(lambda: load_checkpoint(home), exc=TrainingError, contains='training starts anew then')
before.unlink()

# %% [markdown]
# A newest file that cannot be read is an error that says which file to remove, so that nobody goes on from an older place without knowing it.

# %% [markdown]
# ## Resumed

# %% [markdown]
# Is a resumed run really the same? After one epoch and a checkpoint we train another epoch twice: once in the same Learner, and once in a new one, which knows only the file. On a CPU their weights and buffers are equal to the last bit. Two controls leave out the optimizer's state or the random generators; the two numbers say how many tensors then come out different. [Training](trainer.ipynb) does the same for whole runs, with their phases.

# %%
def go_on(*parts):
    "The model after another epoch of a new Learner, which takes `parts` from the checkpoint"
    learn,last = tiny_learner(),load_checkpoint(home)
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
save_checkpoint(home, state_of(straight, phase=0, epoch=1))
straight.fit(1, 1e-3, cbs=GANCallback())
test_eq([load_checkpoint(home)[k] for k in ('phase', 'epoch')], [0, 1])
test_eq(differing(straight.model, go_on('opt', 'rng')), 0)
controls = [differing(straight.model, go_on(o)) for o in ('opt', 'rng')]
assert min(controls) > 10
controls

# %% [markdown]
# ## What we have
#
# - `state_of`, everything that the next step depends on, with `rng_state` and `set_rng_state` for the random generators;
# - `save_checkpoint` and `load_checkpoint`: two files, so that a broken one costs an epoch and not a run.

# %% [markdown]
# ## Exercises
#
# 1. Leave NumPy's generator out of `rng_state`. Which lines of this book would then come out different after a stop?
# 2. A checkpoint holds the generators of all GPUs. Where do they matter, and how would you test it without one?
# 3. Add a callback that counts steps and stops at the hundredth, without a `state_dict`. Where does a resumed run stop, and what would you add?
