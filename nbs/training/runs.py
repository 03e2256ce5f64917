# %% [markdown]
# # The folder of a run
#
# > What training leaves on the disk, for going on as if it had not been stopped and for using it
#
# A run of days will be interrupted, and when it is over, half of the library reads what it has left: to choose among the weights, to export them, to sort answers by the critic. This chapter shows what is in the folder. First comes the *checkpoint*, one file from which a new process takes the very steps that the old one would have taken. And as a power cut may come while it is written, there is always an older one that is whole. Then comes the class `Run`, which knows all files of the folder by name, so that nobody else has to, and reads them when they are asked for. Beside the recipe it keeps a record of what else decided the weights, such as where the pictures came from and which were held out.

# %%
#| default_exp training.runs

# %% tags=["parameters"]
size,seed = 32,0

# %%
#| export
import csv, hashlib, math, os, random, yaml
from pathlib import Path
import numpy as np, torch
from fastai.learner import Learner
from fastcore.basics import patch
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file
from torch import nn
from colorbook.color.lab import gray_to_L, grays
from colorbook.core import InputError, TrainingError, UsageError, atomic_path
from colorbook.data.loaders import split_by_hash
from colorbook.data.photos import open_photos, read_photo
from colorbook.evaluation.diversity import answers, ranked_sheet, with_choices
from colorbook.training.gan import GAN
from colorbook.training.recipes import load_recipe, Recipe
from colorbook.training.registry import make_gan, make_generator

# %%
#| hide
from fastai.vision.all import *
import tempfile
from itertools import product
from fastcore.test import *
from colorbook.data.loaders import color_loaders
from colorbook.data.photos import Photos, sample_photos
from colorbook.models.critics import PatchCritic
from colorbook.training.gan import GANCallback, gan_splitter
from colorbook.training.recipes import recipes, replace, save_recipe

# %% [markdown]
# ## Random generators

# %% [markdown]
# To go on takes more than the weights. An optimizer remembers past gradients. Shuffling, cropping and damage to $L$ draw from Python's, NumPy's and torch's random generators, each of which is somewhere in its sequence, and a loader of fastai has one of its own. Each has a state that can be read and put back.

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
# ## Names and numbers

# %% [markdown]
# The weights after an epoch have a *tag*, the number of the phase and that of the epoch, as in `generator-0-004.safetensors`; the weights to which [a stop](critic_schedules.ipynb#nogan) went back at the end of a phase have the tag `0-stop`. By name `0-1000` would come before `0-999`, so tags are sorted by their numbers. An epoch called `stop` counts as later than all others of its phase, as the pair below shows.

# %%
#| export
def tag_order(
    tag:str, # 'PHASE-EPOCH' or 'PHASE-stop'
) -> tuple: # sorts as the run went
    "Numbers of a tag"
    phase,epoch = tag.split('-')
    return int(phase),math.inf if epoch == 'stop' else int(epoch)

# %%
tags = ['0-998', '0-999', '0-1000', '9-stop', '10-000']
test_eq(sorted(sorted(tags), key=tag_order), tags)
tag_order('9-stop')

# %% [markdown]
# ## A class for the folder

# %% [markdown]
# History, recipe and record are read when they are asked for. The record, `record.yaml`, holds what the recipe does not know and what decides the result all the same: where the pictures came from, how many were taken, a hash that says which were held out, and hashes of the weights that training began with, of the prior, and of the teacher. The history decides which weights there are, not the names of files, because a folder may also hold files of its owner.

# %%
#| export
class Run:
    "The folder of a run, and what is in it"
    def __init__(self,
        folder, # a path, or a `Run`
    ): self.folder = Path(getattr(folder, 'folder', folder))
    def __truediv__(self, name) -> Path: return self.folder/name
    def __str__(self): return str(self.folder)
    @property
    def recipe(self) -> Recipe:
        "What was trained"
        if not (self/'recipe.yaml').exists():
            raise InputError(f"'{self}' is no folder of a run", 'train first: colorbook train RECIPE DATA')
        return load_recipe(self/'recipe.yaml')
    @property
    def record(self) -> dict: # empty where there is none
        "What else decided the weights"
        return yaml.safe_load((self/'record.yaml').read_text()) if (self/'record.yaml').exists() else {}
    @property
    def history(self) -> list: # rows: strings by the names of columns
        "What the recorder wrote, epoch by epoch"
        if not (self/'history.csv').exists(): return []
        with open(self/'history.csv', newline='') as f: return list(csv.DictReader(f))
    @property
    def tags(self) -> list: # in their order
        "Weights that this run has"
        names = [o['tag'] for o in self.history] or [o.stem[10:] for o in self.folder.glob('generator-*-*.safetensors')]
        return sorted({o for o in names if (self/f'generator-{o}.safetensors').exists()}, key=tag_order)
    def save_checkpoint(self, state:dict):
        "See the function `save_checkpoint`"
        save_checkpoint(self.folder, state)
    def checkpoint(self) -> dict|None: # None where there is none
        "See the function `load_checkpoint`"
        return load_checkpoint(self.folder)

# %%
#| export
@patch
def weights(self:Run,
    tag:str=None, # see `tag_order`; the newest if not given; 'a+b' is a mean, 'a+a+b' has two thirds of a
) -> dict: # state dict of the generator
    "Weights of an epoch, or the mean of several"
    if tag and '+' in tag: return mean_state([self.weights(o) for o in tag.split('+')])
    tags = self.tags
    if not tags: raise InputError(f"'{self}' holds no trained generator", 'train first: colorbook train RECIPE DATA')
    if tag and tag not in tags: raise InputError(f"'{self}' has no weights '{tag}'", f"choose {', '.join(tags)}")
    return load_file(self/f'generator-{tag or tags[-1]}.safetensors')

def mean_state(
    states:list, # state dicts of one network
) -> dict:
    "The mean of weights; what is counted, as batches are by batch norm, is taken from the last"
    last = states[-1]
    return {k: sum(o[k] for o in states)/len(states) if v.is_floating_point() else v for k,v in last.items()}

@patch
def generator(self:Run,
    tag:str=None, # see `Run.weights`
) -> nn.Module: # ready for use
    "A trained generator"
    state,gen = self.weights(tag),make_generator(self.recipe)
    gen.load_state_dict(state)
    return gen.eval()

@patch
def save_weights(self:Run,
    generator:nn.Module,
    tag:str, # see `tag_order`
):
    "Write a generator's weights"
    state = {k: v.contiguous() for k,v in generator.state_dict().items()}
    with atomic_path(self/f'generator-{tag}.safetensors') as f: save_file(state, f)

@patch
def clear(self:Run):
    "Remove what an earlier run left, and nothing else"
    for tag in self.tags if self.history else []: (self/f'generator-{tag}.safetensors').unlink()
    names = [f"sheet-{o['tag']}.jpg" for o in self.history] + [f"looks-{o['phase']}.csv" for o in self.history]
    for o in [*names, *LEFT]: (self/o).unlink(missing_ok=True)

LEFT = 'checkpoint.pth', 'checkpoint-before.pth', 'history.csv', 'losses.png', 'classes.safetensors', 'tried.csv'

# %% [markdown]
# Here is a folder with two files of its owner, whose names look like those of a run. They are in no history, so they are neither taken for weights nor removed. `0-009+0-999` is the mean of two weights.

# %%
home = Path(tempfile.mkdtemp())
run,recipe = Run(home/'run'),replace(recipes['s0'], size=size)
run.folder.mkdir()
mine = [run/'my-generator-notes.txt', run/'best-generator-0-004.safetensors']
for o in mine: o.write_text('mine')
test_eq((run.history, run.record, run.tags), ([], {}, []))
test_fail(lambda: run.recipe, exc=InputError, contains='is no folder of a run')
test_fail(lambda: run.weights(), exc=InputError, contains='colorbook train')
save_recipe(recipe, run/'recipe.yaml')
net = make_generator(recipe)
for o in ('0-009', '0-1000', '0-999'): run.save_weights(net, o)
test_eq(run.tags, ['0-009', '0-999', '0-1000'])
(run/'history.csv').write_text('phase,mode,epoch,tag\n0,both,9,0-009\n0,both,999,0-999\n')
test_eq(run.tags, ['0-009', '0-999'])
test_fail(lambda: run.weights('0-003'), exc=InputError, contains="no weights '0-003'; choose 0-009, 0-999")
L = torch.rand(1, 1, size, size)
test_eq(run.generator()(L), net.eval()(L))
other = make_generator(recipe)
run.save_weights(other, '0-009')
both = run.weights('0-009+0-999')
for k,v in net.state_dict().items():
    test_close(both[k], (v + other.state_dict()[k])/2 if v.is_floating_point() else v, eps=1e-6)
third = run.weights('0-009+0-999+0-999') # two thirds of one, a third of the other
for k,v in net.state_dict().items():
    if v.is_floating_point(): test_close(third[k], (2*v + other.state_dict()[k])/3, eps=1e-6)
test_eq(run.generator('0-999+0-999')(L), net(L))
test_fail(lambda: run.weights('0-009+0-003'), exc=InputError, contains="no weights '0-003'")
run.clear()
test_eq(sorted(o.name for o in run.folder.iterdir()),
    sorted([*[o.name for o in mine], 'recipe.yaml', 'generator-0-1000.safetensors']))
test_eq(mine[0].read_text(), 'mine')

# %% [markdown]
# Its checkpoints are those from above, the newest and the one before it.

# %%
test_eq(run.checkpoint(), None)
for i in range(3): run.save_checkpoint(dict(epoch=i))
test_eq(run.checkpoint()['epoch'], 2)
test_eq(sorted(o.name for o in run.folder.glob('*.pth')), ['checkpoint-before.pth', 'checkpoint.pth'])

# %% [markdown]
# ## What was held out

# %% [markdown]
# A photograph that was learned from must not be held out later, and when weights are chosen by held-out photographs, these must be the same ones. They are found again by their content. The record has a name for exactly this split of exactly these photographs; if the photographs have changed, the name is another one, and that is an error.

# %%
#| export
def split_name(
    photos, # see `colorbook.data.photos.open_photos`
    held:list, # indices held out
) -> str: # a hash
    "A name for exactly this split of exactly these photos"
    return hashlib.sha256(f'{len(photos)} {[photos.hash(i) for i in held]}'.encode()).hexdigest()

@patch
def held_out(self:Run,
    source=None, # where the photos are; what the run was trained on if not given
    n:int=120, # so many at the most
    size:int=256, # side of the squares they are stretched to
) -> list: # HxWx3 bytes
    "Photographs that the run held out"
    recipe,seen = self.recipe,self.record
    source = source or seen['source']
    if source is None: raise UsageError(f"'{self}' was trained on pictures in memory", 'say where the photos are')
    photos = open_photos(source, n=seen['n'])
    train,held = split_by_hash(photos, recipe.valid, recipe.seed)
    if seen['held'] != split_name(photos, held):
        raise UsageError(f"these are not the photos that '{self}' was trained on", 'give the same ones')
    return [np.array(photos[i].resize((size, size), Image.Resampling.BICUBIC)) for i in held[:n]]

@patch
def class_weights(self:Run) -> torch.Tensor: # one for each class
    "What the classes of color weighed in training"
    return load_file(self/'classes.safetensors')['weights']

def state_hash(
    state:dict, # tensors by name
) -> str: # SHA-256 of names and bytes, in the order of the names
    "A name for exactly these weights"
    h = hashlib.sha256()
    for k,v in sorted(state.items()): h.update(k.encode() + v.detach().cpu().contiguous().numpy().tobytes())
    return h.hexdigest()

# %%
photos = sample_photos(64)
held = open_photos(photos)
_,out = split_by_hash(held, recipe.valid, recipe.seed)
(run/'record.yaml').write_text(yaml.safe_dump(dict(source=None, n=None, held=split_name(held, out))))
found = run.held_out(photos, size=64)
test_eq(len(found), len(out))
test_eq(found[0], np.array(photos[out[0]]))
test_fail(run.held_out, exc=UsageError, contains='in memory')
test_fail(lambda: run.held_out(photos[1:]), exc=UsageError, contains='not the photos')
len(out)

# %% [markdown]
# ## A run's critic

# %% [markdown]
# After training with a critic, the last checkpoint has both networks, and [COLORGAN's sheet](../evaluation/diversity.ipynb) of any photograph, its answers sorted by the critic, is one call away. A generator with noise is asked as it is; a classifier is given the noise here; a generator with one answer only is refused, and so is a critic that never learned anything, because a run of content loss alone carries one too. The photograph is cut to the square that the run was trained on, as COLORGAN does, for some critics know no other size.

# %%
#| export
@patch
def gan(self:Run) -> GAN: # generator and critic in evaluation mode
    "Both networks of the last checkpoint; an error where the critic has not been trained"
    last = self.checkpoint()
    if not last: raise InputError(f"'{self}' holds no checkpoint", 'train first: colorbook train RECIPE DATA')
    if all(o['mode'] in ('content', 'generator') for o in last['rows']):
        raise UsageError(f"the critic of '{self}' has learned nothing yet", 'train a phase with a critic')
    gan = make_gan(self.recipe)
    gan.load_state_dict(last['model'])
    return gan.eval()

@patch
def ranked(self:Run,
    photo, # a path or anything else that `read_photo` takes
    n:int=64, # answers
    seed:int=0, # another seed, other answers
) -> Image.Image: # see `colorbook.evaluation.diversity.ranked_sheet`
    "Answers of the run's generator to one photograph, sorted by its critic"
    recipe,gan = self.recipe,self.gan()
    square = ImageOps.fit(read_photo(photo), (recipe.size, recipe.size), Image.Resampling.BICUBIC)
    rgb = torch.from_numpy(np.array(square)).permute(2, 0, 1)[None]/255
    L = gray_to_L(grays[recipe.gray](rgb))
    return ranked_sheet(gan.critic, L, answers(with_choices(gan.generator), L, n, seed))

# %%
test_fail(Run(home/'none').gan, exc=InputError, contains='no checkpoint')

# %% [markdown]
# ## What we have
#
# - `state_of`, everything that the next step depends on, with `rng_state` and `set_rng_state` for the random generators;
# - `save_checkpoint` and `load_checkpoint`: two files, so that a broken one costs an epoch and not a run;
# - `Run`: recipe, record, history, weights by tag, checkpoint, held-out photographs and networks of a folder, behind one name;
# - hashes that say whether pictures and weights are the same ones.

# %% [markdown]
# ## Exercises
#
# 1. Leave NumPy's generator out of `rng_state`. Which lines of this book would then come out different after a stop?
# 2. A checkpoint holds the generators of all GPUs. Where do they matter, and how would you test it without one?
# 3. Add a callback that counts steps and stops at the hundredth, without a `state_dict`. Where does a resumed run stop, and what would you add?
# 4. Which files of a run does one need to colorize with it, and which to go on with it?
# 5. Copy a run to another machine, where the photographs lie elsewhere. Which of the methods above still work without an argument?
