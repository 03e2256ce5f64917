# %% [markdown]
# # Ablations on equal terms
#
# > Many ways to train, from the same start and at the same strength, in minutes
#
# Which loss is worth what? S4 was a plan to compare the losses of adversarial colorization, and its report has eight pictures in a row and no number. S2 trained a critic that its generator never heard, and nobody noticed. [The loss laboratory](../results/ablation.ipynb) answers both with intervals; this chapter is its method. It has twenty-five ways to train that differ in one thing each, a way to give adversarial losses the same strength, and a function that trains and measures all of them on two processor cores within an hour.

# %%
#| default_exp training.ablation

# %% tags=["parameters"]
size,n_photos = 32,48

# %%
#| export
import hashlib, multiprocessing
from collections import defaultdict
from concurrent.futures import as_completed, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
import numpy as np, pandas as pd, torch
from fastai.vision.all import *
from safetensors.torch import load_file, save_file
from torch import Tensor
from colorbook.color.lab import gray_to_L, grays, rgb_to_lab, to_rgb
from colorbook.core import atomic_path, malloc_policy, with_progress
from colorbook.data.loaders import color_loaders, data_loaders
from colorbook.data.paired import maps_of, set_loaders
from colorbook.data.photos import Photos, sample_photos
from colorbook.evaluation.metrics import compute_metrics, ratio_of_means, to_batch
from colorbook.evaluation.protocol import with_ci
from colorbook.training.gan import GANCallback
from colorbook.training.optimization import AverageWeights
from colorbook.training.runs import seed_everything
from colorbook.training.pretrained import state_for
from colorbook.training.recipes import Phase, Recipe
from colorbook.training.registry import check_recipe
from colorbook.training.trainer import make_learner, run_phase

# %%
#| hide
import tempfile
from fastcore.test import *

# %% [markdown]
# ## What is equal and what differs

# %% [markdown]
# A comparison of losses is worth as much as what is held equal in it. Here that is nearly everything. All ways to train, called **variants**, see the same number of photographs in the same order for the same seed. Those with the same generator and content loss also start the adversarial stretch from the *same weights*: a stretch of content loss is trained once, and each variant goes on from there, for a while with the critic alone and then with both, or with content loss as before. So a difference at the end was made in the second stretch.
#
# One thing is usually forgotten: the **weight** of the adversarial loss. An energy in units of 80 and a logarithm of a probability, both with weight 1, differ in strength as well as in kind, and a finding about the energy loss may be a finding about its weight. Even a weight that is fair at the start need not be so later: in a first trial of this laboratory, with weights set once, the pictures of LSGAN had 1.7 times the color of the truth and those of the logistic loss 0.6 times. So all adversarial losses get the same *strength*: at every step the gradient of the adversarial term in the weights $\theta$ of the generator's last layer is made $s$ times as long as that of the content loss [@esser2021],
#
# $$w=s\,\frac{\lVert\partial\ell_\text{content}/\partial\theta\rVert}{\lVert\partial\ell_\text{adv}/\partial\theta\rVert}.$$
#
# What then differs between the losses is what their critics learn and in which direction they pull. (Why in the weights and not in the pixels? What $L_1$ asks of neighboring pixels is half plus and half minus and mostly cancels; what a critic asks does not. Made equal pixel by pixel, three critics of four drowned the content loss in a trial. That trial, the strength of one half and the averages below were judged on the same photographs as the results.)

# %%
#| export
class EvenGANCallback(GANCallback):
    "An adversary whose pull at the generator's last layer is `weight` times that of the content loss, at every step"
    def add(self, content, term):
        last = params(self.learn.model.generator)[-2:]
        pulls = [torch.cat([g.flatten() for g in torch.autograd.grad(o, last, retain_graph=True)]).norm()
                 for o in (content, term)]
        return content + self.weight*pulls[0]/pulls[1].clamp(min=1e-12)*term

# %%
#| export
def variant(
    name:str,
    adversarial:str='', # key of `adversarial_losses`; none for content loss alone
    content:str='l1', # key of `colorbook.losses.content.content_losses`
    generator:str='mobile_ab', # one of `colorbook.models.registry.list_generators`
    critic:str='lab', # one of `colorbook.models.registry.list_critics`
    size:int=64, # side of the crops
    strength:float=.5, # of the adversarial loss beside the content loss, see `EvenGANCallback`
    **kwargs, # other fields of the recipe
) -> Recipe:
    "One way to train: a start by content loss, then the critic's head start and both, or content loss again"
    parts = (.15, 1) if generator.startswith(('mobile', 'encoder')) else (1,) # a pretrained encoder learns more slowly
    def lrs(gen, critic): return *(gen*o for o in parts),critic
    alone = Phase('content', 1, lrs(2e-4, 0.), 'constant', .6),
    both = Phase('critic', 1, lrs(0., 5e-4), 'constant', .2),Phase('both', 1, lrs(2e-4, 5e-4), 'constant', .6)
    phases = Phase('content', 1, lrs(2e-3, 0.)),*(both if adversarial else alone)
    return Recipe(name, phases, generator, critic, content, adversarial=adversarial or 'logistic', adv_weight=strength,
        size=size, bs=16, betas=(.5, .99), valid=.01,
        ema=.98, **kwargs)

# %% [markdown]
# The networks are small, so that seventy-five runs fit into three quarters of an hour. Most variants have the generator of the model in the package on its pretrained encoder, at 64 pixels with color at 16; a critic of three layers, whose patches of 16x16 are as large as that, without a norm, so that weight clipping and gradient penalty can be used with it too; and S4's auto-encoder. Batch norm and instance norm are compared on pix2pix at a quarter of its width, from scratch. For S2 there are its own two networks at 32 pixels.

# %%
#| export
norm = dict(critic='lab_full')
s2 = dict(content='l2', generator='stride1', critic='s2_pool', size=32)
adversaries = dict(gan='logistic', lsgan='lsgan', wgan='wgan_s4', ebgan='energy')

variants = {r.name: r for r in [
    *[variant(f'{c} alone', content=c) for c in ('l1', 'l2')],
    *[variant(f'{k}-{c}', v, c, critic='energy' if k == 'ebgan' else 'lab')
      for c in ('l1', 'l2') for k,v in adversaries.items()],
    variant('hinge-l1', 'hinge'), variant('wgan-gp-l1', 'wgan_gp'),
    variant('lsgan-l1, ab only', 'lsgan', critic='lab_ab'),
    variant('classes alone', content='bins', generator='mobile'), variant('lsgan-classes', 'lsgan', 'bins', 'mobile'),
    *[variant(f'{k} norm{end}', adv, generator=f'pix2pix_{k}', **norm) for k in ('batch', 'instance')
      for end,adv in ((' alone', ''), (', lsgan', 'lsgan'))],
    variant('s2, critic unheard', **s2), variant('s2, critic heard', 'logistic', **s2),
    *[variant(f'encoder {k}', generator=f'encoder_{k}') for k in ('alexnet', 'inception_v3', 'resnet18')],
    variant('encoder mobile, scratch', generator='mobile_scratch')]}
seeds = 0,1,2
comparisons = [(variants[a], variants[b]) for a,b in [
    *[(f'{k}-{c}', f'{c} alone') for c in ('l1', 'l2') for k in adversaries], ('hinge-l1', 'l1 alone'),
    ('wgan-gp-l1', 'l1 alone'), ('lsgan-l1, ab only', 'l1 alone'), ('lsgan-l1', 'lsgan-l1, ab only'),
    ('l2 alone', 'l1 alone'), ('classes alone', 'l1 alone'), ('lsgan-classes', 'classes alone'),
    *[(f'{k} norm, lsgan', f'{k} norm alone') for k in ('batch', 'instance')],
    *[(f'instance norm{o}', f'batch norm{o}') for o in (' alone', ', lsgan')],
    ('s2, critic heard', 's2, critic unheard'), ('l1 alone', 'encoder mobile, scratch'),
    *[(f'encoder {k}', 'encoder mobile, scratch') for k in ('alexnet', 'inception_v3', 'resnet18')]]]

# %%
#| export
def start_of(recipe:Recipe) -> str: # a name
    "What variants that share their first phase have in common"
    weights = [f'{getattr(recipe, k):g}' for k in ('perceptual', 'attention') if getattr(recipe, k)]
    return ' '.join([recipe.generator, recipe.content, str(recipe.size), *weights])

# %%
for r in variants.values(): check_recipe(r)
test_eq((len(variants), len({start_of(r) for r in variants.values()})), (25, 10))
pd.DataFrame([{k: getattr(r, k) for k in ('name', 'generator', 'critic', 'content', 'adversarial', 'size')} |
    dict(modes=', '.join(p.mode for p in r.phases)) for r in variants.values()]).set_index('name')

# %% [markdown]
# ## One variant

# %% [markdown]
# A phase runs as in [training](trainer.ipynb), without the recorder. In a first trial the three seeds of a variant lay up to seven decibels apart, and with [averaged weights](optimization.ipynb#averaged-weights) less than one. So of every variant the average over the last phase is kept, with a decay of 0.98.

# %%
#| export
def fit(
    learn:Learner,
    recipe:Recipe,
    i:int, # number of the phase
    adversary:GANCallback,
    average:bool=False, # keep averaged weights?
):
    "One phase; a loss that is no number any more ends it"
    cbs = [adversary, TerminateOnNaNCallback(), *([AverageWeights(recipe.ema)] if average else [])]
    with learn.no_logging(): run_phase(learn, recipe, i, cbs)

# %%
#| export
def loaders_of(
    recipe:Recipe,
    photos, # see `colorbook.data.loaders.color_loaders`
) -> DataLoaders:
    "Batches on the processor, of photos alone or with their maps of saliency"
    how = dict(device='cpu', target=recipe.target)
    if not data_loaders[recipe.data].saliency:
        return color_loaders(photos, recipe.bs, recipe.size, recipe.low, recipe.valid, **how)
    return set_loaders(photos, maps_of(photos), recipe.data, recipe.bs, recipe.size, recipe.low, recipe.valid, 0, **how)

def new_learner(
    recipe:Recipe,
    photos, # see `loaders_of`
    seed:int,
    weights=None, # of the encoder, see `colorbook.training.trainer.encoder_weights`
) -> Learner:
    "Networks, losses and loaders of a variant"
    seed_everything(seed)
    learn = make_learner(replace(recipe, seed=seed), loaders_of(recipe, photos), state_for(recipe, weights))
    learn.remove_cb(ProgressCallback)
    return learn

def save_weights(net:nn.Module, path):
    "A network's weights as safetensors"
    with atomic_path(path) as f: save_file({k: v.contiguous() for k,v in net.state_dict().items()}, f)

def load_start(learn, recipe, path, average=False):
    "The first phase, or the weights that another variant left after it"
    if not path.exists():
        fit(learn, recipe, 0, EvenGANCallback(mode='content'), average)
        save_weights(learn.model.generator, path)
    learn.model.generator.load_state_dict(load_file(path))

def train_variant(
    recipe:Recipe, # one of `variants`
    photos, # to train with
    out:Path, # folder for the start that other variants share
    seed:int=0,
    weights=None, # see `new_learner`
    adversary=EvenGANCallback, # or `GANCallback`, for which `adv_weight` is a weight and no strength
    average:bool=False, # keep averaged weights of the first phase, too?
    start:Recipe=None, # begin where the first phase of another variant ended
) -> nn.Module: # the generator
    "All phases of a variant; a first one by content loss is shared"
    learn,shared = new_learner(recipe, photos, seed, weights),recipe.phases[0].mode == 'content'
    if shared: load_start(learn, recipe, Path(out)/f'{start_of(start or recipe)} {seed}.safetensors', average)
    seed_everything(seed)
    for i,p in list(enumerate(recipe.phases))[shared:]:
        fit(learn, recipe, i, adversary(recipe.adversarial, recipe.adv_weight, p.mode), p.mode != 'critic')
    return learn.model.generator.eval()

# %% [markdown]
# The measures are those of [the protocol](../evaluation/protocol.ipynb), on small pictures, and two numbers more: the mean of $a$ and the mean of $b$ over all pixels. They show in which direction a variant's pictures are tinted.

# %%
#| export
@torch.no_grad()
def measure(
    generator:nn.Module, # or None for gray pictures
    rgb:Tensor, # photographs in 0..1, Nx3xHxW
    names:tuple=('psnr', 'lpips'), # keys of `colorbook.evaluation.metrics.measures`
) -> pd.DataFrame: # a row a photograph: the measures, colorfulness of both, mean a and b of both
    "How a variant does on photographs that it has not seen"
    L,rows = gray_to_L(grays['lstar'](rgb)),[]
    for l,real in zip(L.split(50), rgb.split(50)):
        fake = to_rgb(l, generator.color(generator(l)) if generator else torch.zeros(len(l), 2, 4, 4)).clamp(0, 1)
        tints = torch.cat([rgb_to_lab(o)[:,1:].mean((2, 3)) for o in (fake, real)], 1).unbind(1)
        rows.append(compute_metrics(fake, real, names) | dict(zip(('a', 'b', 'truth_a', 'truth_b'), tints)))
    return pd.DataFrame({k: torch.cat([o[k] for o in rows]).double().numpy() for k in rows[0]})

def squares(
    photos, # see `Photos`
    size:int,
    n:int=200, # photographs, evenly over all
) -> Tensor: # n x 3 x size x size, in 0..1
    "Whole photographs, stretched to squares"
    at = np.linspace(0, len(photos) - 1, min(n, len(photos))).round().astype(int)
    return to_batch([np.array(photos[i].resize((size, size), Image.Resampling.BICUBIC)) for i in at])

# %% [markdown]
# ## All variants

# %% [markdown]
# The variants of one start and one seed are a job. As many processes as there are cores take jobs until there are none left, each with one thread: that is faster on two cores than one job at a time with two threads. Photographs are decoded before the processes part, so all share them. What is finished is in a file, and a second run goes on from there.

# %%
#| export
worker = {} # what a process was given when it started: photos, held, out and options

def run_job(
    recipes:list, # variants with a common start
    seed:int,
) -> list: # their names
    "Train and measure variants; each leaves a table and its weights"
    torch.set_num_threads(1)
    malloc_policy(keep=True)
    out,names,look,how = (worker[k] for k in ('out', 'names', 'look', 'how'))
    for r in recipes:
        path,start = out/f'{r.name} {seed}.csv',time.process_time()
        if path.exists(): continue
        net = train_variant(r, worker['photos'], out, seed, **how)
        seconds = time.process_time() - start
        save_weights(net, out/f'variant {r.name} {seed}.safetensors')
        table = look(net, squares(worker['held'], r.size), names).assign(seconds=seconds)
        with atomic_path(path) as f: table.to_csv(f, index=False)
    return [r.name for r in recipes]

# %%
#| export
def run_all(
    photos, # to train with
    held, # to measure with, see `squares`
    out, # folder for tables and weights
    recipes=None, # variants; all if not given
    seeds:tuple=seeds,
    workers:int=2, # processes; 0 for none but this one
    names:tuple=('psnr', 'lpips'), # measures
    look=measure, # what measures: a function like it
    jobs:list=None, # pairs of a list of variants and a seed, in this order; by their starts if not given
    **how, # of `train_variant`
):
    "Every variant and seed that has no table yet"
    groups = defaultdict(list)
    for r in recipes or variants.values(): groups[start_of(r)].append(r)
    jobs = jobs or [(g, i) for g in sorted(groups.values(), key=len, reverse=True) for i in seeds]
    state = dict(photos=photos, held=held, out=Path(out), names=names, look=look, how=how)
    Path(out).mkdir(parents=True, exist_ok=True)
    if not workers:
        worker.update(state)
        return [run_job(*o) for o in with_progress(jobs, 'training')]
    with ProcessPoolExecutor(workers, multiprocessing.get_context('fork'), worker.update, (state,)) as pool:
        done = as_completed([pool.submit(run_job, *o) for o in jobs])
        return [o.result() for o in with_progress(done, 'training', len(jobs))]

# %% [markdown]
# Every variant has one table for each seed. For an interval, a photograph's values under all seeds stay together when photographs are drawn by lot ([metrics](../evaluation/metrics.ipynb)), for the photographs are a sample of all photographs; the seeds are too few for that, and their means are given one by one. Two variants are compared photograph by photograph: the interval of a difference is much narrower than the difference of two intervals, since easy photographs are easy for both.

# %%
#| export
def stacks(
    out, # folder of `run_all`
    recipe:Recipe,
    seeds:tuple,
) -> dict: # for each column an array, photographs x seeds
    "The tables of a variant"
    tables = [pd.read_csv(Path(out)/f'{recipe.name} {i}.csv') for i in seeds]
    return {k: np.stack([t[k] for t in tables], 1) for k in tables[0].columns}

def ratio_with_ci(s:dict) -> dict:
    "Colorfulness beside the truth's, with its interval"
    def ratio(v): return ratio_of_means(v.reshape(len(v), 2, -1).mean(2))
    return with_ci(np.concatenate([s['colorfulness'], s['truth_colorfulness']], 1), ratio)

def summarize(
    out, # folder of `run_all`
    recipes=None, # variants; all if not given
    seeds:tuple=seeds,
) -> dict: # for each variant: measures with intervals, means of the seeds, tint, seconds, hash of the weights
    "What came out"
    rows = {}
    for r in recipes or variants.values():
        s = stacks(out, r, seeds)
        found = [k for k in ('psnr', 'lpips') if k in s]
        code = hashlib.sha256(b''.join((Path(out)/f'variant {r.name} {i}.safetensors').read_bytes() for i in seeds))
        rows[r.name] = {k: with_ci(s[k]) for k in found} | dict(ratio=ratio_with_ci(s),
            seeds={k: s[k].mean(0).round(4).tolist() for k in (*found, 'colorfulness')},
            tint={k: float(s[k].mean()) for k in ('a', 'b', 'truth_a', 'truth_b')},
            seconds=float(s['seconds'].mean()), weights=code.hexdigest())
    return rows

# %%
#| export
def compare(
    out, # folder of `run_all`
    pairs, # of variants
    seeds:tuple=seeds,
) -> dict: # for each pair's names: differences with their intervals, of the first from the second
    "Variants against variants, photograph by photograph"
    result = {}
    for a,b in pairs:
        x,y = (stacks(out, o, seeds) for o in (a, b))
        result[f'{a.name} - {b.name}'] = {k: with_ci(x[k] - y[k]) for k in ('psnr', 'lpips') if k in x}
    return result

def table_of(
    rows:dict, # of `summarize`
) -> pd.DataFrame: # a row a variant
    "Measures with their intervals, as one reads them"
    digits = dict(psnr=2, ratio=2, lpips=3)
    def cell(o, n): return f"{o['mean']:.{n}f} [{o['low']:.{n}f}, {o['high']:.{n}f}]"
    return pd.DataFrame({k: {c: cell(o[c], n) for c,n in digits.items() if c in o} for k,o in rows.items()}).T

# %% [markdown]
# ## Two variants, small

# %% [markdown]
# Two variants are trained on patches of five photographs and judged on patches of the sixth. They have one start and end as different networks; trained again with the same seed, each comes out the same to the last bit. A second call finds everything done.

# %%
def patches(ims, n, side=96):
    "Random squares of pictures"
    rng = np.random.default_rng(0)
    for i in range(n):
        im = ims[i % len(ims)]
        x,y = rng.integers(im.width - side),rng.integers(im.height - side)
        yield im.crop((x, y, x + side, y + side))

def shrunk(name):
    "A small variant: pix2pix at another size"
    return variant(name, *dict(alone=(), lsgan=('lsgan',))[name], generator='pix2pix_batch', critic='lab_full',
        size=size)

whole = sample_photos(size=256)
photos,held = Photos(list(patches(whole[:2] + whole[3:], n_photos))),list(patches(whole[2:3], 16))
home,small = Path(tempfile.mkdtemp()),[shrunk('alone'), shrunk('lsgan')]
run_all(photos, held, home, small, (0,), 0, ('psnr',), weights='none')
test_eq(sorted(o.name for o in home.glob('*.csv')), ['alone 0.csv', 'lsgan 0.csv'])
weights = load_file(home/'variant lsgan 0.safetensors')
again = train_variant(small[1], photos, home).state_dict()
assert all(torch.equal(v, again[k]) for k,v in weights.items())
assert any(not torch.equal(v, weights[k]) for k,v in load_file(home/'variant alone 0.safetensors').items())
before = {o: o.stat().st_mtime_ns for o in home.iterdir()}
run_all(photos, held, home, small, (0,), 0, ('psnr',), weights='none')
test_eq({o: o.stat().st_mtime_ns for o in home.iterdir()}, before)
rows = summarize(home, small, (0,))
test_eq(list(compare(home, [small[::-1]], (0,))), ['lsgan - alone'])
table_of(rows)

# %% [markdown]
# Is the strength what was asked for? At the last layer of the generator, the gradient of the whole loss less that of the content loss must have half the length of the latter, whatever the adversarial loss.

# %%
class Pulls(EvenGANCallback):
    "Notes the length of what the adversary adds, over that of the content loss"
    def add(self, content, term):
        last,total = params(self.learn.model.generator)[-2:],super().add(content, term)
        whole,part = (torch.autograd.grad(o, last, retain_graph=True) for o in (total, content))
        added = [(a - b).square().sum() for a,b in zip(whole, part)]
        self.seen = (sum(added)/sum(o.square().sum() for o in part)).sqrt()
        return total

for k in ('logistic', 'lsgan', 'wgan', 'hinge'):
    pulls = Pulls(k, .5)
    short = replace(small[1], phases=(*small[1].phases[:-1], replace(small[1].phases[-1], share=.1)))
    fit(new_learner(short, photos, 0), short, -1, pulls)
    test_close(pulls.seen, .5, eps=1e-3)

# %% [markdown]
# ## What we have
#
# - variants that differ in one thing and start from the same weights, as recipes;
# - `EvenGANCallback`, an adversarial loss whose strength is set and not left to chance;
# - `run_all`, which trains what is missing, `summarize` and `compare`, photograph by photograph.

# %% [markdown]
# ## Exercises
#
# 1. Measure the weights of the last step instead of the average. How far apart are the seeds, and in which direction of the $ab$ plane?
# 2. Add a variant with two critics, one conditional and one not. What is the pair to compare it with?
# 3. Make the pull equal at the generator's output instead of its last layer. Which variants come to grief first?
