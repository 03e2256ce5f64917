# %% [markdown]
# # Recipes and training
#
# > A training run is data: one frozen record, one command, one folder
#
# Half of what makes a colorizer good is in no network: how long, how fast, in which order, on which pictures. Where these facts live in flags and scripts, nobody can say a year later how a model came about. At the end of this chapter a training run is a record of some twenty fields with a name. `colorbook train RECIPE DATA` runs it and leaves a folder with everything one wants to look at; after a power cut the same command goes on, and the result is the same to the last bit.

# %%
#| default_exp recipes

# %% tags=["parameters"]
size,n_epochs,seed = 32,2,0

# %%
#| export
import ctypes, hashlib, yaml
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
import torch
from fastai.vision.all import *
from safetensors.torch import load_file, save_file
from torchvision.models import mobilenet_v2
from colorbook.adversary import Adversary, GAN, gan_splitter
from colorbook.classify import AnnealedMean, BinLoss, class_weights, color_prior, SoftBins
from colorbook.core import InputError, UsageError, write_beside
from colorbook.critic import PatchCritic, S0Critic
from colorbook.data import color_loaders, data_dir, Photos, targets
from colorbook.journal import draw_sheet, example, Journal, load_checkpoint, seed_everything, to_rgb
from colorbook.lab import grays
from colorbook.losses import L1Loss, SmoothL1Loss
from colorbook.unet import MobileUNet, S0Generator

# %%
#| hide
import tempfile
import matplotlib.pyplot as plt
from itertools import product
import pandas as pd
from fastcore.test import *
from colorbook.core import TrainingError
from colorbook.data import sample_photos

# %% [markdown]
# ## A recipe is data

# %% [markdown]
# Training comes in stretches: content loss alone, the critic alone, both ([chapter 08](08_adversary.ipynb)). A `Phase` is one of them. A `Recipe` is the phases and everything else that decides what is learned: networks and losses by their names, weights, optimizer, pictures, seed. Both are frozen, so that no code can change a recipe on its way from the command line to the checkpoint; a variation is a new recipe.
#
# `share` makes short epochs, so that sheets and checkpoints come more often than the photographs go round; [the journal](08_journal.ipynb) has the exact number of batches.

# %%
#| export
@dataclass(frozen=True)
class Phase:
    "One stretch of training"
    mode:str # 'content', 'critic' or 'both', see `Adversary`
    epochs:int
    lrs:tuple # learning rate of each parameter group: the generator's groups, then the critic
    one_cycle:bool=True # rise and fall of the learning rates; otherwise they stay
    share:float=1. # part of the training photos that counts as one epoch

# %%
#| export
@dataclass(frozen=True)
class Recipe:
    "Everything that decides what a training run learns"
    name:str
    phases:tuple # of `Phase`
    generator:str='mobile' # key of `generators`
    critic:str='patch' # key of `critics`
    content:str='bins' # key of `contents`
    lam:float=1. # weight of the content loss where it has one
    adversarial:str='logistic' # key of `colorbook.losses.adversarial_losses`
    adv_weight:float=1. # weight of the adversarial term
    rebalance:float=.5 # exponent of the class weights: 1 rebalances in full, 0 not at all
    target:str='ab4' # key of `colorbook.data.targets`
    gray:str='lstar' # key of `colorbook.lab.grays`
    aged:float=0. # chance of gamma, fading and grain in L
    size:int=128 # side of the training crops
    low:float=.7 # smallest crop, as a share of the short side
    bs:int=48
    betas:tuple=(.9, .99) # of Adam
    eps:float=1e-5
    wd:float=.01 # decoupled weight decay
    clip:float=0. # largest gradient norm; 0 for no limit
    bf16:bool=False # networks in bfloat16, weights and losses in float32
    valid:float=.03 # share of the photos that is held out
    floor:float=.8 # least colorfulness ratio on held-out photos, see `colorbook.artifact.pick`
    seed:int=0

# %% [markdown]
# S0 is published as a script with flags. Each has its place in the recipe:
#
# | flag of S0 | default | here |
# |---|---|---|
# | `path`, `--dataset {sc2,flower,bob}` | | `DATA` of `colorbook train`: any folder, tar file or glob of tar files |
# | `--large` | 224 px | recipe `s0-large`, 480 px; `size` for any other |
# | `--batch_size` | 4 | `bs`; `--batch-size` |
# | `--lr` | 1e-4 | `lrs` of the phase, one value a network |
# | `--weight_decay` | 0 | `wd` (decoupled, which is the same at 0) |
# | `--num_epoch` | 20 | `epochs` of the phase; `--epochs` |
# | `--lamb` | 100 | `lam` |
# | `--test` (ignored by S0) | | `colorbook evaluate` and `colorbook colorize` |
# | `-s`, `--model_G`, `--model_D` (S0 cannot resume) | | always saved; the same command resumes |
# | `--gpu` | 0 | the first that PyTorch sees, as set by `CUDA_VISIBLE_DEVICES` |
#
# What S0 fixes in its code is in the recipe too: Adam's betas 0.5 and 0.999, an unconditional critic, a quarter of the photographs held out. `default` is the product's recipe.
#
# Its content loss was chosen by measurement, as far as that goes. `benchmarks/content.py` trains the same network twice on the same 24,575 photographs, two epochs at 64 pixels, by regression of $ab$ and by classification, and turns the one setting that each has afterwards (saturation; temperature and share). Held-out PSNR in dB, the best that reaches a colorfulness:
#
# | colorfulness, share of the truth's | regression | classification |
# |---|---|---|
# | 0.4 | 23.12 | 23.00 |
# | 0.5 | 22.90 | 23.00 |
# | 0.65 | 22.51 | 22.53 |
# | 0.8 | 21.53 | not reached |
#
# On 120 pictures of 128 pixels this is a draw. Classification is what later chapters need, a distribution in which one can draw and steer, and it costs nothing; hence it is the default.

# %%
#| export
def s0_recipe(name, size, **kwargs):
    "S0 as published, at another size"
    return Recipe(name, (Phase('both', 20, (1e-4, 1e-4), one_cycle=False),), generator='s0', critic='s0',
        content='l1', lam=100., target='rgb', size=size, low=1., bs=4, betas=(.5, .999), eps=1e-8, wd=0., valid=.25,
        bf16=True, **kwargs)

recipes = {r.name: r for r in [
    s0_recipe('s0', 224), s0_recipe('s0-large', 480),
    Recipe('default', (Phase('content', 5, (3e-4, 2e-3, 0.)), Phase('critic', 1, (0., 0., 2e-4), False, .25),
        Phase('both', 3, (2e-5, 1e-4, 2e-4), False, .25)), adv_weight=.2, low=.75)]}

# %%
s0 = recipes['s0']
test_eq((s0.bs, s0.lam, s0.betas, s0.wd), (4, 100, (.5, .999), 0))
test_eq(s0.phases, (Phase('both', 20, (1e-4, 1e-4), one_cycle=False),))
test_eq(replace(recipes['s0-large'], name='s0', size=224), s0)
test_fail(lambda: setattr(s0, 'lam', 1.), contains='cannot assign')
pd.DataFrame({k: asdict(o) for k,o in recipes.items()})

# %% [markdown]
# A recipe goes to YAML and comes back the same, to the last digit. Everything that a person may have mistyped is a `UsageError` that says what there is instead. One trap is YAML's own: it reads `1e-4` as text and only `1.0e-4` as a number; we take both.

# %%
#| export
def to_plain(
    recipe:Recipe,
) -> dict: # lists, numbers and strings only
    "A recipe as YAML and JSON know it"
    def plain(o):
        if isinstance(o, dict): return {k: plain(v) for k,v in o.items()}
        return [plain(v) for v in o] if isinstance(o, (list, tuple)) else o
    return plain(asdict(recipe))

def save_recipe(recipe:Recipe, path):
    "Write a recipe to YAML"
    with write_beside(path) as f: f.write_text(yaml.safe_dump(to_plain(recipe), sort_keys=False))

# %%
#| export
def build(
    cls, # `Recipe` or `Phase`
    d:dict, # values for its fields, as YAML reads them
):
    "An object of `cls`; `UsageError` where it has no such field"
    types = {f.name: f.type for f in fields(cls)}
    wrong = ', '.join(sorted(set(d) - set(types)))
    if wrong: raise UsageError(f'a {cls.__name__.lower()} has no {wrong}', f"it has {', '.join(types)}")
    cast = {float: float, tuple: lambda o: tuple(x if isinstance(x, Phase) else float(x) for x in o)}
    return cls(**{k: cast.get(types[k], noop)(v) for k,v in d.items()})

def from_plain(d:dict) -> Recipe:
    "The recipe that `to_plain` turned into `d`"
    return build(Recipe, {**d, 'phases': [build(Phase, p) for p in d['phases']]})

# %%
#| export
def load_recipe(
    name, # a name of `recipes`, or the path of a YAML file; a `Recipe` is returned as it is
) -> Recipe:
    "A recipe by name or from a file"
    if isinstance(name, Recipe): return name
    if str(name) in recipes: return recipes[str(name)]
    if not Path(name).exists():
        raise UsageError(f"there is no recipe '{name}'", f"choose {', '.join(recipes)} or give a YAML file")
    try: return from_plain(yaml.safe_load(Path(name).read_text()))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, OSError) as e:
        raise InputError(f"'{name}' is no recipe: {e}", 'start from the recipe.yaml of a run') from e

# %%
#| export
def vary(
    recipe:Recipe,
    epochs:int=None, # of the first phase
    **overrides, # other fields
) -> Recipe: # the recipe with these changes
    "A recipe with some fields replaced"
    if epochs is not None: overrides['phases'] = (replace(recipe.phases[0], epochs=epochs), *recipe.phases[1:])
    return build(Recipe, {**{f.name: getattr(recipe, f.name) for f in fields(recipe)}, **overrides})

# %%
home = Path(tempfile.mkdtemp())
for r in recipes.values():
    save_recipe(r, home/'r.yaml')
    test_eq(load_recipe(home/'r.yaml'), r)
text = (home/'r.yaml').read_text()
(home/'r.yaml').write_text('name: mine\nphases: [{mode: both, epochs: 1, lrs: [1e-4, 2e-4]}]\nlam: 1e2\n')
test_eq(load_recipe(home/'r.yaml'), Recipe('mine', (Phase('both', 1, (1e-4, 2e-4)),), lam=100.))
test_eq(vary(s0, epochs=3, lam=10.), replace(s0, lam=10., phases=(replace(s0.phases[0], epochs=3),)))
test_fail(lambda: load_recipe('s00'), exc=UsageError, contains='s0, s0-large, default')
test_fail(lambda: vary(s0, lamb=10), exc=UsageError, contains='no lamb; it has name, phases')
for bad in ('name: mine', 'phases: 3', '[', 'just words'):
    (home/'r.yaml').write_text(bad)
    test_fail(lambda: load_recipe(home/'r.yaml'), exc=InputError, contains='is no recipe')
print(text)

# %% [markdown]
# ## From a recipe to a Learner

# %% [markdown]
# Names become objects in three tables. A network of one's own is one more entry, not a change to the code. Adversarial losses, gray functions and targets have such tables in their own chapters.

# %%
#| export
generators = dict(
    s0=lambda r, state: S0Generator(),
    mobile=lambda r, state: MobileUNet(313, state=state, color=AnnealedMean()),
    mobile_ab=lambda r, state: MobileUNet(2, state=state))
critics = dict(
    s0=lambda r: S0Critic(r.size),
    s0_conditional=lambda r: S0Critic(r.size, conditional=True),
    patch=lambda r: PatchCritic(3 if r.target == 'rgb' else 2, strides=(2, 2, 1, 1)))
contents = dict(
    l1=lambda r, prior: L1Loss(r.lam),
    smooth_l1=lambda r, prior: SmoothL1Loss(r.lam),
    bins=lambda r, prior: BinLoss(class_weights(prior, alpha=r.rebalance)))

def check_recipe(recipe:Recipe) -> Recipe: # the same
    "`UsageError` where a recipe names what does not exist"
    for p in recipe.phases: Adversary(recipe.adversarial, mode=p.mode)
    known = dict(generator=generators, critic=critics, content=contents, target=targets, gray=grays)
    for k,names in known.items():
        name = getattr(recipe, k)
        if name not in names: raise UsageError(f"there is no {k} '{name}'", f"choose {', '.join(names)}")
    return recipe

# %%
#| export
def make_gan(
    recipe:Recipe,
    state:dict=None, # pretrained weights of the encoder
) -> GAN: # generator and critic with their first weights
    "The two networks of a recipe"
    torch.manual_seed(recipe.seed)
    gan = GAN(generators[recipe.generator](recipe, state), critics[recipe.critic](recipe))
    if recipe.bf16: bfloat16(gan.generator), bfloat16(gan.critic)
    return gan.to(memory_format=torch.channels_last)

def bfloat16(
    net:nn.Module, # changed in place: its weights stay in float32
) -> nn.Module: # the same
    "Let a network compute in bfloat16 where it can; fastai's `MixedPrecision` does that on CUDA only"
    forward = net.forward
    def cast(x, *args):
        with torch.autocast(x.device.type, torch.bfloat16): return forward(x, *args).float()
    net.forward = cast
    return net

# %% [markdown]
# Two things make the same steps faster, without a change to the recipe's meaning. In bfloat16 a number has eight significant bits and float32's range; processors of recent years multiply it twice as fast or better. The weights, their sums of gradients and the losses stay in float32, and S0, which starts from chance, asks for it; `default` was trained without. And a large tensor that Python lets go is given back to the system, which hands out the same memory again for the next one, filled with zeros, page by page; `keep_memory`, below, asks C's library not to. What both bring is measured in `benchmarks/gan_step.py`.

# %%
plain,fast = (make_gan(replace(s0, size=size, bf16=o)).eval() for o in (False, True))
L = torch.rand(2, 1, size, size)
with torch.no_grad(): answers = [[o.generator(L), o.critic(L, plain.generator(L))] for o in (plain, fast)]
for exact,rounded in zip(*answers):
    test_eq((rounded.dtype, torch.equal(exact, rounded)), (torch.float32, False))
    assert (exact - rounded).abs().mean() < .02*exact.abs().mean()
test_eq({o.dtype for o in fast.parameters()}, {torch.float32})
for exact,rounded in zip(plain.parameters(), fast.parameters()): test_eq(exact, rounded)
[f'{(a - b).abs().mean()/a.abs().mean():.1%}' for a,b in zip(*answers)]

# %% [markdown]
# Classification wants to know how common each color is. The classes are counted in the first batches of the training loader, before anything is learned; the held-out photographs have no part in it.

# %%
#| export
def make_content(
    recipe:Recipe,
    dls, # loaders to count colors in, where the loss needs their prior
    n:int=40, # batches that are counted
):
    "The content loss of a recipe"
    if recipe.content != 'bins': return contents[recipe.content](recipe, None)
    it = iter(dls.train)
    prior = color_prior(SoftBins(), (b[1].cpu() for _,b in zip(range(n), it)))
    return contents['bins'](recipe, prior).to(dls.device)

# %%
#| export
def encoder_weights(
    weights=None, # file of MobileNetV2 weights (a state dict); 'none' to start from chance
) -> dict|None: # state dict, or None
    "Pretrained weights for the encoder: a file, those beside the data folder, or torchvision's where they can be had"
    if weights == 'none': return None
    beside = data_dir() and data_dir().parent/'weights/mobilenet_v2-tf-imagenet.pth'
    if weights is None and beside and beside.exists(): weights = beside
    try:
        if weights is None: return mobilenet_v2(weights='DEFAULT').state_dict()
        return torch.load(weights, weights_only=True, map_location='cpu')
    except Exception as e:
        what = f"no weights for the encoder ({weights or 'torchvision'}): {e}"
        raise InputError(what, 'give a file with --weights, or --weights none') from e

# %%
#| export
def keep_memory():
    "With glibc: the memory of tensors that are gone is kept, instead of asked of the system again, page by page"
    try: mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError): return
    for option,value in ((-4, 0), (-1, 2**31 - 1), (-2, 2**26)): mallopt(option, value) # MMAP_MAX, TRIM_ and TOP_PAD

# %%
#| export
def make_learner(
    recipe:Recipe,
    dls:DataLoaders,
    state:dict=None, # pretrained weights of the encoder
) -> Learner:
    "A plain fastai Learner on generator and critic"
    opt = partial(Adam, mom=recipe.betas[0], sqr_mom=recipe.betas[1], eps=recipe.eps, wd=recipe.wd)
    gan,content = make_gan(recipe, state),make_content(recipe, dls)
    learn = Learner(dls, gan, loss_func=content, opt_func=opt, splitter=gan_splitter)
    for i,p in enumerate(recipe.phases):
        remedy = f'give {len(gan_splitter(gan))}, the last for the critic'
        if len(p.lrs) != len(gan_splitter(gan)): raise UsageError(f'phase {i} has {len(p.lrs)} learning rates', remedy)
    if recipe.clip: learn.add_cb(GradientClip(recipe.clip))
    return learn

def load_data(recipe, data, n=None):
    "The loaders that a recipe asks for"
    return color_loaders(Photos(data, short=recipe.size*3//2, n=n), recipe.bs, recipe.size, recipe.low, recipe.valid,
        recipe.seed, target=recipe.target, gray=recipe.gray, aged=recipe.aged)

# %%
gan = make_gan(replace(s0, size=224))
test_eq([sum(p.numel() for p in o.parameters()) for o in gan.children()], [7_822_336, 16_758_848])
test_eq([len(gan_splitter(make_gan(r))) for r in (replace(s0, size=size), recipes['default'])], [2, 3])
test_fail(lambda: check_recipe(vary(s0, critic='s1')), exc=UsageError, contains="no critic 's1'; choose s0, s0_cond")
test_fail(lambda: encoder_weights(home/'none.pth'), exc=InputError, contains='--weights none')
{k: len(gan_splitter(make_gan(replace(r, size=size)))) for k,r in recipes.items()}

# %% [markdown]
# ## Training

# %% [markdown]
# A phase is one call of fastai's `fit` or `fit_one_cycle`, with a fresh optimizer and the callbacks of this and the last chapter. `train` is the whole: it makes the Learner, goes to where the last checkpoint stopped, and runs what is left. A folder remembers its recipe and which photographs were held out, and refuses to go on with others: a photograph that was learned before must not be held out after.

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
    adversary = Adversary(recipe.adversarial, recipe.adv_weight, phase.mode)
    cbs = [adversary, Journal(run, i, rows, start, resume and resume['rng'])]
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
    with write_beside(path) as f: f.write_text(yaml.safe_dump({**source, 'held': held}))
    if hasattr(learn.loss_func, 'weights'):
        with write_beside(run/'classes.safetensors') as f: save_file(dict(weights=learn.loss_func.weights), f)
    if last: learn.model.load_state_dict(last['model'])
    else: draw_sheet(*example(learn), run/'sheet--1.jpg')
    return last['rows'] if last else []

# %%
#| export
def train(
    recipe, # name, YAML file or `Recipe`
    data, # see `colorbook.data.list_photos`
    out=None, # folder of the run; `runs/NAME` if not given
    resume:bool=True, # go on from the folder's checkpoint where there is one
    weights=None, # see `encoder_weights`
    n:int=None, # use only so many photos
    epochs:int=None, # of the first phase, instead of what the recipe says
    progress:bool=True, # show fastai's progress bar and table
    **overrides, # other fields of the recipe to replace
) -> Path: # the folder: recipe, history, curves, sheets, checkpoint, weights after each epoch
    "Train a recipe on photographs"
    recipe = check_recipe(vary(load_recipe(recipe), epochs, **overrides))
    run = Path(out or f'runs/{recipe.name}')
    last = load_checkpoint(run/'checkpoint.pth') if resume and (run/'checkpoint.pth').exists() else None
    if last and load_recipe(run/'recipe.yaml') != recipe:
        raise UsageError(f"'{run}' holds another recipe", 'choose another folder, or do not resume')
    state = encoder_weights(weights) if recipe.generator.startswith('mobile') and not last else None
    seed_everything(recipe.seed)
    keep_memory()
    learn = make_learner(recipe, load_data(recipe, data, n), state)
    if not progress: learn.remove_cb(ProgressCallback); learn.logger = noop
    rows = begin(learn, recipe, run, last, dict(source=str(data) if isinstance(data, (str, Path)) else None, n=n))
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
    gen = generators[recipe.generator](recipe, None)
    gen.load_state_dict(load_file(run/f'generator-{tag}.safetensors' if tag else files[-1]))
    return gen.eval()

# %% [markdown]
# S0 as its README runs it, with a learning rate of 1e-3, but small and short, on patches of six photographs that come with scikit-image and scikit-learn. Patches of one photograph stand on both sides of the split here, so the held-out figures flatter. Twenty steps are too few for a picture: S0's first weights, drawn as published, are so large that most of its answers begin near -1 and 1, where the tangent is flat, and it takes hundreds of steps to come back from there. The content loss falls from the start, and the sheets in @fig-sheets show the noise that it falls from. What a recipe makes of real photographs in hours is a matter for the chapters of results.

# %%
spots = list(product((0, size, 2*size), repeat=2))
patches = [o.crop((x, y, x + size, y + size)) for o in sample_photos(3*size) for x,y in spots]
phases = (Phase('both', n_epochs, (1e-3, 1e-3), one_cycle=False),)
run = train('s0', patches, home/'s0', phases=phases, size=size, seed=seed, progress=False)
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
    def __call__(self, out, ab):
        Fuse.calls += 1
        if Fuse.calls == Fuse.blow: raise KeyboardInterrupt
        return F.l1_loss(out.tanh(), ab)*(math.nan if Fuse.calls == Fuse.nan else 1)

generators['tiny'],contents['fuse'] = (lambda r, state: Tiny()),(lambda r, prior: Fuse())
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
test_fail(lambda: train(tiny, patches, home/'x', adversarial='wgan'), exc=UsageError, contains='logistic, lsgan')
wrong = replace(tiny, phases=(Phase('both', 1, (1e-3,)),))
test_fail(lambda: train(wrong, patches, home/'x', progress=False), exc=UsageError, contains='1 learning rates; give 2')
test_fail(lambda: load_generator(home), exc=InputError, contains='colorbook train')
TrainingError('').exit_code

# %% [markdown]
# ## The rule for what is shipped

# %% [markdown]
# A long run leaves many weights, and a classifier has settings that can be turned without training. Whoever looks at results and then picks the nicest has measured nothing, so the rule is written down here, before there are any results.
#
# *Among the weights at the end of each phase that trains the generator and after each adversarial epoch, and among the settings of [chapter 10](10_artifact.ipynb) (the size that the network sees, the temperature of the annealed mean, the share of the rebalancing that is divided out again), take the highest mean PSNR on held-out photographs for which the colorfulness is at least `floor` of the truth's, 0.8 in `default`. Where nothing is colorful enough, take the most colorful.*
#
# (The floor was 0.7 at first. What that chose, the weights at the end of the content phase, had a ratio of 0.71 on the held-out photographs and only 0.60 on the 800 measured ones, which are of other kinds and more colorful. That one look at the measured photographs raised the floor; nothing else was chosen by them.)
#
# Held out are the photographs that the recipe's split by content keeps from training, 3 % in `default`. The photographs that the finished model is judged by are others, and decide nothing but that floor.

# %% [markdown]
# ## What we have
#
# - `Recipe`, frozen data with a name, in YAML and out: `s0`, `s0-large`, `default`;
# - `train`, which leaves sheets, curves, a table and weights after each epoch, and goes on after any stop as if there had been none;
# - a rule for choosing what is shipped, older than the results.

# %% [markdown]
# ## Exercises
#
# 1. Train `s0` with `critic='s0_conditional'` for twenty epochs on photographs of your own. Do sheets or figures tell the difference?
# 2. Write a recipe in YAML whose third phase has `mode: content` again. When would one want that?
# 3. Stop a run between two phases. Which line of `train` sees to it that the second phase starts with the random generators of the first, and how did a test above notice?
