# %% [markdown]
# # Recipes and training
#
# > A training run is data: one frozen record, one command

# %%
#| default_exp recipes

# %%
#| export
import csv, math, random, time, yaml
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
import matplotlib.pyplot as plt, numpy as np, torch
from fastai.vision.all import *
from safetensors.torch import load_file, save_file
from torchvision.models import mobilenet_v2
from colorbook.adversary import Adversary, GAN, gan_splitter
from colorbook.classify import AnnealedMean, BinLoss, class_weights, color_prior, SoftBins
from colorbook.core import InputError, TrainingError, UsageError, write_beside
from colorbook.critic import PatchCritic, S0Critic
from colorbook.data import color_loaders, data_dir, Photos
from colorbook.lab import join_lab
from colorbook.losses import L1Loss, SmoothL1Loss
from colorbook.metrics import colorfulness, psnr
from colorbook.unet import MobileUNet, S0Generator

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
    valid:float=.03 # share of the photos that is held out
    floor:float=.7 # least colorfulness ratio on held-out photos, see `choose`
    seed:int=0

# %%
#| export
def s0_recipe(name, size, **kwargs):
    return Recipe(name, (Phase('both', 20, (1e-4, 1e-4), one_cycle=False),), generator='s0', critic='s0', content='l1', lam=100.,
        target='rgb', size=size, low=1., bs=4, betas=(.5, .999), eps=1e-8, wd=0., valid=.25, **kwargs)

recipes = {r.name: r for r in [
    s0_recipe('s0', 224), s0_recipe('s0-large', 480),
    Recipe('default', (Phase('content', 5, (3e-4, 2e-3, 0.)), Phase('critic', 1, (0., 0., 2e-4), False, .25),
        Phase('both', 3, (2e-5, 1e-4, 2e-4), False, .25)), aged=.1, adv_weight=.2, low=.75)]}

# %%
#| export
def save_recipe(
    recipe:Recipe,
    path, # YAML file to write
):
    "Write a recipe to YAML"
    with write_beside(path) as f: f.write_text(yaml.safe_dump(to_plain(recipe), sort_keys=False))

def to_plain(
    recipe:Recipe,
) -> dict: # lists, numbers and strings only
    "A recipe as YAML and JSON know it"
    def plain(o): return {k: plain(v) for k,v in o.items()} if isinstance(o, dict) else [plain(v) for v in o] if isinstance(o, (list, tuple)) else o
    return plain(asdict(recipe))

# %%
#| export
def from_plain(
    d:dict, # what `to_plain` returns
) -> Recipe:
    "The recipe that `d` describes"
    wrong = set(d) - {f.name for f in fields(Recipe)}
    if wrong: raise UsageError(f"a recipe has no {', '.join(sorted(wrong))}", f"it has {', '.join(f.name for f in fields(Recipe))}")
    phases = tuple(Phase(**{**p, 'lrs': tuple(p['lrs'])}) for p in d['phases'])
    return Recipe(**{**{k: tuple(v) if isinstance(v, list) else v for k,v in d.items()}, 'phases': phases})

# %%
#| export
def load_recipe(
    name, # a name of `recipes`, or the path of a YAML file; a `Recipe` is returned as it is
) -> Recipe:
    "A recipe by name or from a file"
    if isinstance(name, Recipe): return name
    if str(name) in recipes: return recipes[str(name)]
    if not Path(name).exists(): raise UsageError(f"there is no recipe '{name}'", f"choose {', '.join(recipes)} or give a YAML file")
    try: return from_plain(yaml.safe_load(Path(name).read_text()))
    except (yaml.YAMLError, KeyError, TypeError) as e: raise InputError(f"'{name}' is no recipe: {e}", 'start from one that `colorbook recipe NAME` prints') from e

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

# %%
#| export
def make_gan(
    recipe:Recipe,
    state:dict=None, # pretrained weights of the encoder
) -> GAN: # generator and critic with their first weights
    "The two networks of a recipe"
    torch.manual_seed(recipe.seed)
    return GAN(generators[recipe.generator](recipe, state), critics[recipe.critic](recipe)).to(memory_format=torch.channels_last)

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
    return contents['bins'](recipe, color_prior(SoftBins(), (b[1].cpu() for _,b in zip(range(n), it)))).to(dls.device)

# %%
#| export
def to_rgb(
    L:Tensor, # lightness in 0..1
    color:Tensor, # RGB in -1..1, or ab at any size
) -> Tensor: # pictures in 0..1
    "What a generator's color looks like"
    if color.shape[1] == 3: return (color.float() + 1)/2
    return join_lab(L, F.interpolate(color.float(), L.shape[-2:], mode='bilinear'))

# %%
#| export
def draw_sheet(
    L, real, fake, # `L` and two colors, a few pictures each
    path, # where the picture goes
    n:int=8, # rows
):
    "Gray, truth and generated side by side, one row a photo"
    rows = torch.stack([to_rgb(L, torch.zeros_like(real) if real.shape[1] == 2 else (L*2 - 1).expand_as(real)), to_rgb(L, real), to_rgb(L, fake)], 1)[:n]
    a = (rows.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2).clamp(0, 1)*255).byte().cpu().numpy()
    with write_beside(path) as f: PILImage.create(a).save(f)

# %%
#| export
def rng_state(dl): return dict(python=random.getstate(), numpy=[o.tolist() if isinstance(o, np.ndarray) else o for o in np.random.get_state()],
                               torch=torch.get_rng_state(), dl=dl.rng.getstate())
def set_rng_state(s, dl):
    random.setstate(s['python'])
    np.random.set_state((s['numpy'][0], np.array(s['numpy'][1], dtype=np.uint32), *s['numpy'][2:]))
    torch.set_rng_state(s['torch'])
    dl.rng.setstate(s['dl'])

# %%
#| export
class Journal(Callback):
    "After each epoch: held-out figures, a sheet, curves, the generator's weights and a checkpoint that resumes exactly"
    order = 70
    def __init__(self, run, phase, rows, start=0, rng=None): store_attr()
    def before_fit(self): self.adversary = self.learn.adversary
    def before_epoch(self):
        self.t0,self.sums = time.time(),{}
        if self.rng and self.epoch == self.start: set_rng_state(self.rng, self.learn.dls.train)

    def after_batch(self):
        if not self.training: return
        loss = self.learn.loss
        if not torch.isfinite(loss): raise TrainingError(f'the loss is {loss.item()} in epoch {self.epoch}', 'lower the learning rate, or resume from an earlier checkpoint')
        for k in ('content', 'gen', 'crit'): self.sums.setdefault(k, []).append(getattr(self.adversary, k))

    def after_epoch(self):
        if self.epoch < self.start: return
        means = {k: torch.stack(v).mean().item() for k,v in self.sums.items()}
        self.rows.append(dict(phase=self.phase, mode=self.adversary.mode, epoch=self.epoch, **means, **held_out(self.learn), seconds=round(time.time() - self.t0, 1)))
        tag = f'{self.phase}-{self.epoch:03}'
        save_file({k: v.contiguous() for k,v in self.learn.model.generator.state_dict().items()}, self.run/f'generator-{tag}.safetensors')
        draw_sheet(*example(self.learn), self.run/f'sheet-{tag}.jpg')
        draw_curves(self.rows, self.run/'losses.png')
        with write_beside(self.run/'history.csv') as f, open(f, 'w', newline='') as o:
            w = csv.DictWriter(o, self.rows[0].keys()); w.writeheader(); w.writerows(self.rows)
        save_checkpoint(self.learn, self.run/'checkpoint.pth', phase=self.phase, epoch=self.epoch + 1, rows=self.rows)

# %%
#| export
def example(learn, n=8):
    "A few held-out photos: `L`, true and generated color"
    L,real = learn.dls.valid.one_batch()
    gen = learn.model.generator.eval()
    with torch.no_grad(): return L[:n],real[:n],gen.color(gen(L[:n]))

def held_out(
    learn,
    n:int=256, # photos at the most
) -> dict: # content loss, PSNR and colorfulness ratio
    "How the generator does on photos that it has not seen"
    gen,rows = learn.model.generator.eval(),[]
    with torch.no_grad():
        for L,real in learn.dls.valid:
            out = gen(L)
            a,b = to_rgb(L, gen.color(out)),to_rgb(L, real)
            rows.append(torch.stack([learn.loss_func(out, real).expand(len(L)), psnr(a, b), colorfulness(a), colorfulness(b)]).cpu())
            if sum(r.shape[1] for r in rows) >= n: break
    m = torch.cat(rows, 1).mean(1).tolist()
    return dict(valid=m[0], psnr=m[1], ratio=m[2]/m[3])

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
    twin = axs[2].twinx(); twin.plot([r['ratio'] for r in rows], 'C1'); twin.set_ylabel('colorfulness ratio')
    with write_beside(path) as f: fig.savefig(f, bbox_inches='tight')
    plt.close(fig)

# %%
#| export
def save_checkpoint(learn, path, **where):
    "Networks, optimizer, random generators and place, as tensors and plain values"
    opt = learn.opt.state_dict()
    state = dict(model=learn.model.state_dict(), rng=rng_state(learn.dls.train), **where,
        opt=dict(state=[dict(o) for o in opt['state']], hypers=[{k: v.item() if hasattr(v, 'item') else v for k,v in h.items()} for h in opt['hypers']]))
    with write_beside(path) as f: torch.save(state, f)

def load_checkpoint(path):
    "What `save_checkpoint` wrote"
    try: return torch.load(path, weights_only=True, map_location='cpu')
    except Exception as e: raise TrainingError(f"'{path}' is no checkpoint of colorbook: {str(e).splitlines()[0]}", 'remove it to start anew') from e

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
    except OSError as e: raise InputError(f"no weights for the encoder ({weights or 'torchvision'}): {e}", "give a file with --weights, or --weights none") from e

# %%
#| export
def make_learner(
    recipe:Recipe,
    dls:DataLoaders,
    state:dict=None, # pretrained weights of the encoder
) -> Learner:
    "A plain fastai Learner on generator and critic"
    opt = partial(Adam, mom=recipe.betas[0], sqr_mom=recipe.betas[1], eps=recipe.eps, wd=recipe.wd)
    learn = Learner(dls, make_gan(recipe, state), loss_func=make_content(recipe, dls), opt_func=opt, splitter=gan_splitter)
    if recipe.clip: learn.add_cb(GradientClip(recipe.clip))
    return learn

# %%
#| export
def fit_phase(
    learn:Learner,
    recipe:Recipe,
    i:int, # number of the phase
    run:Path, # folder of the run
    rows:list, # the journal so far
    resume:dict=None, # checkpoint inside this phase
):
    "One phase of a recipe"
    phase = recipe.phases[i]
    start = resume['epoch'] if resume else 0
    learn.create_opt()
    if resume: learn.opt.load_state_dict(resume['opt'])
    cbs = [Adversary(recipe.adversarial, recipe.adv_weight, phase.mode), Journal(run, i, rows, start, resume and resume['rng'])]
    if phase.share < 1: cbs.append(ShortEpochCallback(phase.share, short_valid=False))
    if phase.one_cycle: learn.fit_one_cycle(phase.epochs, list(phase.lrs), moms=(recipe.betas[0],)*3, cbs=cbs, start_epoch=start)
    else: learn.fit(phase.epochs, list(phase.lrs), cbs=cbs, start_epoch=start)

# %%
#| export
def vary(
    recipe:Recipe,
    epochs:int=None, # of the first phase
    **overrides, # other fields
) -> Recipe: # the recipe with these changes
    "A recipe with some fields replaced"
    if epochs is not None: overrides['phases'] = (replace(recipe.phases[0], epochs=epochs), *recipe.phases[1:])
    try: return replace(recipe, **overrides)
    except TypeError as e: raise UsageError(f'a recipe has no such field: {e}', f"it has {', '.join(f.name for f in fields(Recipe))}") from e

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
    **overrides, # other fields of the recipe to replace
) -> Path: # the folder: recipe, history, curves, sheets, checkpoint, weights after each epoch
    "Train a recipe on photographs"
    recipe = vary(load_recipe(recipe), epochs, **overrides)
    run = Path(out or f'runs/{recipe.name}')
    seed_everything(recipe.seed)
    learn = make_learner(recipe, load_data(recipe, data, n), encoder_weights(weights) if recipe.generator != 's0' else None)
    last = load_checkpoint(run/'checkpoint.pth') if resume and (run/'checkpoint.pth').exists() else None
    if last and load_recipe(run/'recipe.yaml') != recipe: raise UsageError(f"'{run}' holds another recipe", 'choose another folder, or do not resume')
    save_recipe(recipe, run/'recipe.yaml')
    with write_beside(run/'data.yaml') as f: f.write_text(yaml.safe_dump(dict(source=str(data) if isinstance(data, (str, Path)) else None, n=n)))
    if hasattr(learn.loss_func, 'weights'): save_file(dict(weights=learn.loss_func.weights), run/'classes.safetensors')
    rows = last['rows'] if last else []
    if last: learn.model.load_state_dict(last['model'])
    else: draw_sheet(*example(learn), run/'sheet--1.jpg')
    for i in range(last['phase'] if last else 0, len(recipe.phases)):
        mid = last if last and last['phase'] == i else None
        if mid is None or mid['epoch'] < recipe.phases[i].epochs: fit_phase(learn, recipe, i, run, rows, mid)
    return run

# %%
#| export
def seed_everything(seed):
    "Start Python's, NumPy's and torch's random generators"
    random.seed(seed); np.random.seed(seed); torch.manual_seed(seed)

def load_data(recipe, data, n=None):
    "The loaders that a recipe asks for"
    return color_loaders(Photos(data, short=recipe.size*3//2, n=n), recipe.bs, recipe.size, recipe.low, recipe.valid, recipe.seed,
        target=recipe.target, gray=recipe.gray, aged=recipe.aged)

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
    gen = generators[load_recipe(run/'recipe.yaml').generator](load_recipe(run/'recipe.yaml'), None)
    gen.load_state_dict(load_file(run/f'generator-{tag}.safetensors' if tag else files[-1]))
    return gen.eval()
