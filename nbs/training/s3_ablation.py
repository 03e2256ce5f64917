# %% [markdown]
# # Ablations of S3
#
# > S3 without one of its ideas at a time, measured in every way that S3 names
#
# S3's README says that six settings were compared in which a part was left out, and that fifteen combinations of weights were tried. It shows neither the settings nor a figure, and its readers have asked for both. [S3's ideas, measured](../results/scgan.ipynb) has our answer, for the small version of the network, and this chapter is its method: the variants as recipes, all of S3's measures at once, intervals that count photographs and seeds, a search for the weights that can be interrupted, and a sheet that shows how a network learns over both terms.

# %%
#| default_exp training.s3_ablation

# %% tags=["parameters"]
size,n_photos = 32,40

# %%
#| export
import torch
from dataclasses import replace
from pathlib import Path
import numpy as np, pandas as pd
from PIL import Image
from scipy.stats import bootstrap
from torch import Tensor
from colorbook.color.lab import gray_to_L, grays, to_rgb
from colorbook.core import UsageError
from colorbook.data.paired import saliency_map
from colorbook.evaluation.atlas import find_regions, object_intervention, pair_of
from colorbook.evaluation.features import in_first, lite0
from colorbook.evaluation.naturalness import HueCounter
from colorbook.evaluation.naturalness import cni, is_colorful
from colorbook.evaluation.saliency import saliency_scores
from colorbook.imaging.sheet import contact_sheet
from colorbook.training.ablation import measure, run_all, seeds, squares, stacks
from colorbook.training.gan import GANCallback
from colorbook.training.recipes import Phase, Recipe, recipes
from colorbook.training.runs import Run

# %%
#| hide
import tempfile
from fastcore.test import *
from colorbook.data.loaders import ab4_target
from colorbook.data.photos import Photos, sample_photos

# %% [markdown]
# ## The variants

# %% [markdown]
# Every variant is the recipe `s3-small` at a size at which a run takes a minute: pictures of 64 pixels with color at 16, photographs once or twice around. What the [loss laboratory](ablation.ipynb) holds equal is equal here, too: for one seed all see the same photographs in the same order, and those that do not differ in their first term share it. Both terms end with [averaged weights](../training/optimization.ipynb#averaged-weights). The weight of the critic is fixed, as S3 has it, and not set anew at each step.
#
# | variant | what differs |
# |---|---|
# | `full` | nothing |
# | `first term` | stops before the critic comes |
# | `no critic` | has a second term as long, by content loss alone: what the first term would be if it went on |
# | `more critic` | a weight of 8 for the critic instead of 2 |
# | `no saliency` | no branch, no attention loss, and one critic, for color alone |
# | `no perceptual` | no loss of features |
# | `no scene` | the mean of the deepest features is not added |
# | `one term` | the critic from the first step on, for the time of both terms |
# | `instance norm` | in place of batch norm |
#
# S3 leaves out its adversary by stopping after the first term. That takes two things away at once, the critic and the training that went on; `no critic` tells them apart.

# %%
#| export
def s3_variant(
    name:str,
    first:float=2., # epochs of the first term
    second:float=.8, # epochs of the second
    terms:str='first second', # 'first'; 'second', after the critic's head start; 'more', content loss again; 'joint'
    **changes, # other fields of the recipe
) -> Recipe:
    "`s3-small` at the size of an ablation, with one thing changed"
    fast,slow,critic = (3e-4, 2e-3),(1e-4, 5e-4),1e-3
    def term(mode, lrs, epochs):
        n = max(1, round(epochs))
        return Phase(mode, n, lrs, 'constant', epochs/n)
    start = term('critic', (0., 0., critic), .3)
    parts = dict(first=[term('content', (*fast, 0.), first)], second=[start, term('both', (*slow, critic), second)],
        more=[term('content', (*slow, 0.), second)], joint=[start, term('both', (*fast, critic), first + second)])
    shared = dict(content='s3_vgg19', size=64, valid=.01, phases=tuple(o for k in terms.split() for o in parts[k]))
    return replace(recipes['s3-small'], name=name, **{**shared, **changes})

bare = dict(generator='s3_small_no_saliency', attention=0., critic='s3_tiny')
s3_variants = {r.name: r for r in [s3_variant('full'), s3_variant('first term', terms='first'),
    s3_variant('no saliency', **bare), s3_variant('no critic', terms='first more'),
    s3_variant('more critic', adv_weight=8.), s3_variant('no perceptual', perceptual=0.),
    s3_variant('no scene', generator='s3_small_no_scene'), s3_variant('one term', terms='joint'),
    s3_variant('instance norm', generator='s3_small_instance')]}

s3_pairs = [('full', k) for k in s3_variants if k != 'full']
s3_pairs += [(k, 'first term') for k in ('no critic', 'more critic')]

def s3_jobs(
    variants, # in the order of their weight
    seeds:tuple=seeds,
) -> list: # for `colorbook.training.ablation.run_all`
    "The first three variants for all seeds, then the others: a run that is cut off leaves comparisons that are whole"
    first,rest = list(variants)[:3],list(variants)[3:]
    return [([r], i) for i in seeds for r in first] + [([r], i) for r in rest for i in seeds]

# %% [markdown]
# ## All of S3's measures

# %% [markdown]
# S3 judges by a dozen figures. PSNR, SSIM, NRMSE and LPIPS compare with the photograph ([metrics](../evaluation/metrics.ipynb)); colorfulness and the share of pictures between 16 and 20, the CCI ratio, and naturalness, CNI, look at the result alone ([naturalness](../evaluation/naturalness.ipynb)); a classifier says whether things are still seen as what they are: *same top-1* is the share of the pictures for which EfficientNet-Lite0 gives the answer that it gives to the photograph, *same top-5* the share that has this answer among the first five ([features](../evaluation/features.ipynb)). Object intervention says how far color has crossed borders ([atlas](../evaluation/atlas.ipynb)).
#
# The [variance of hues](../evaluation/naturalness.ipynb#the-variance-of-hues) belongs to a whole set, inside and outside what is salient. By which map? Once by the map that the rule finds in the photograph, which is the same for all variants; and once by the map that the network itself predicts, where it has a branch for it, since its second critic looked there.

# %%
#| export
def bytes_of(
    rgb:Tensor, # pictures in 0..1, Nx3xHxW
) -> list: # HxWx3
    "Pictures as the measures of NumPy take them"
    return list((rgb.clamp(0, 1)*255).round().byte().permute(0, 2, 3, 1).numpy())

@torch.no_grad()
def answer_of(
    generator, # or None for gray pictures
    rgb:Tensor, # photographs in 0..1, Nx3xHxW
) -> tuple[Tensor,Tensor|None]: # results in 0..1, and maps of saliency, Nx1xHxW, where the generator predicts some
    "What a generator makes of photographs"
    L = gray_to_L(grays['lstar'](rgb))
    if generator is None: return to_rgb(L, L.new_zeros(len(L), 2, 1, 1)).clamp(0, 1),None
    out = torch.cat([generator(o) for o in L.split(50)])
    color = generator.color(out)
    maps = torch.nn.functional.interpolate(out[:,2:], L.shape[-2:], mode='bilinear') if out.shape[1] > 2 else None
    return to_rgb(L, color).clamp(0, 1),maps

# %%
#| export
class S3Measures:
    "Measures of S3's ablations on the same photographs; what belongs to the photographs is computed once"
    names = 'psnr','ssim','lpips','nrmse'
    def __init__(self,
        classifier:bool=True, # ask EfficientNet-Lite0?
    ): self.classifier,self.known = classifier,{}
    @torch.no_grad()
    def scores(self, rgb): return torch.cat([lite0()(o)[1] for o in rgb.split(50)])
    def about(self, rgb):
        "Regions, answers of the classifier and maps of the photographs"
        key = rgb.shape,rgb.sum().item()
        if key not in self.known:
            real = bytes_of(rgb)
            maps = [np.asarray(saliency_map(Image.fromarray(o)))/255 for o in real]
            first = self.scores(rgb).argmax(1) if self.classifier else None
            self.known[key] = real,[find_regions(o) for o in real],maps,first
        return self.known[key]
    def __call__(self,
        generator, # or None for gray pictures
        rgb:Tensor, # photographs in 0..1, Nx3xHxW
        names:tuple=names, # keys of `colorbook.evaluation.metrics.measures`
    ) -> pd.DataFrame: # a row a photograph; what belongs to the set stands in every row
        "All measures"
        real,regions,maps,first = self.about(rgb)
        fake,own = answer_of(generator, rgb)
        pictures,table = bytes_of(fake),measure(generator, rgb, names)
        table = table.assign(cni=[*map(cni, pictures)], truth_cni=[*map(cni, real)],
            cci=table.colorfulness.map(is_colorful).astype(float), object_intervention=[
                object_intervention(pair_of(*o))[0] for o in zip(pictures, real, regions)])
        if self.classifier:
            said = self.scores(fake)
            table = table.assign(**{f'same_top{k}': in_first(said, first, k).numpy() for k in (1, 5)})
        table = table.assign(**hue_figures(pictures, real, maps))
        if own is None: return table
        agree = saliency_scores(own, torch.tensor(np.stack(maps), dtype=torch.float)[:,None])
        found = hue_figures(pictures, real, own[:,0].numpy())
        return table.assign(**{f'saliency_{k}': agree[k].numpy() for k in ('f', 'mae')},
            **{f'own_{k}': found[k] for k in ('hue_salient', 'hue_other')})

def hue_figures(
    fake:list, # results, HxWx3, bytes
    real:list, # photographs
    maps, # of saliency, HxW, 0..1
) -> dict: # variance of hue in salient and other patches, of results and photographs
    "See `colorbook.evaluation.naturalness`"
    counter = HueCounter()
    for o in zip(fake, real, maps): counter.add(*o)
    found = counter.figures()
    return {f'{t}hue_{k}': found[f'hue_variance_{t}{k}'] for t in ('', 'truth_') for k in ('salient', 'other')}

# %% [markdown]
# Two answers whose figures can be foreseen. Gray pictures have no hue and no naturalness, and no color can cross a border. The second row is the best that a network with color at a quarter of the size can do: the photographs' own colors, made small.

# %%
class Quarter(torch.nn.Module):
    "Answers with the true color at a quarter of the size"
    def __init__(self, rgb):
        super().__init__()
        self.ab = ab4_target(rgb)
    def forward(self, L): return self.ab
    def color(self, out): return out

rgb = squares(Photos(sample_photos(96)), 64, 6)
look = S3Measures(classifier=False)
gray,best = (look(o, rgb, ('psnr', 'ssim', 'nrmse')) for o in (None, Quarter(rgb)))
test_close(gray[['cni', 'colorfulness', 'object_intervention']].abs().max(), 0, eps=1e-4)
assert (best.psnr > gray.psnr + 4).all() and best.object_intervention.mean() > 0
test_eq(len(look.known), 1)
test_close(gray.truth_hue_salient, best.truth_hue_salient)
pd.DataFrame(dict(gray=gray.mean(), quarter=best.mean())).T.round(3)

# %% [markdown]
# ## Intervals over photographs and seeds

# %% [markdown]
# A figure could have come out otherwise for two reasons: other photographs could have been measured, and the network could have begun with other weights. The bootstrap of [the protocol](../evaluation/protocol.ipynb) draws photographs only. Here photographs and seeds are both drawn, each for itself, and the value of a photograph under a seed is used as often as both were drawn. Two variants are compared in pairs: same photograph, same seed.

# %%
#| export
def crossed_ci(
    values:np.ndarray, # photographs x seeds, or photographs x seeds x K
    stat=np.mean, # function of such an array, returns a number
    n:int=1000, # resamples
) -> dict: # `mean` (the statistic of all), `low`, `high`
    "A statistic with its 95 % interval, photographs and seeds drawn anew"
    values = np.asarray(values, dtype=float)
    if not np.isfinite(values).all(): return dict.fromkeys(('mean', 'low', 'high'), np.nan)
    sides = [np.arange(o) for o in values.shape[:2]]
    found = bootstrap(sides, lambda rows, columns: stat(values[rows[:,None], columns]), n_resamples=n,
        vectorized=False, method='percentile', rng=0).confidence_interval if values.shape[1] > 1 else [np.nan]*2
    return dict(mean=float(stat(values)), low=float(found[0]), high=float(found[1]))

def excess(v): # how much more the first is, as a share of the second
    one,two = v[...,0].mean(),v[...,1].mean()
    return one/two - 1 if two else np.nan
def nearer(v): # by how much the first colorfulness is farther from the truth's than the second, as ratios
    a,b,truth = (v[...,i].mean() for i in range(3))
    return abs(1 - a/truth) - abs(1 - b/truth)

# %% [markdown]
# Two extremes. If only seeds differ, the interval reaches from the lowest seed to the highest, as three seeds must have it; if only photographs differ, it is that of the photographs.

# %%
rng = np.random.default_rng(0)
of_seed,of_photo = np.zeros((200, 3)) + rng.normal(size=3),np.zeros((200, 3)) + rng.normal(size=(200, 1))
a,b = crossed_ci(of_seed),crossed_ci(of_photo)
test_close((a['low'], a['high']), (of_seed.min(), of_seed.max()), eps=1e-9) # one seed three times: 1 in 27
test_close(b['high'] - b['low'], 2*1.96*of_photo[:,0].std()/200**.5, eps=.04)
two = np.stack([of_photo + 10, of_photo + 8], -1)
test_close(crossed_ci(two, lambda v: (v[...,0] - v[...,1]).mean())['low'], 2, eps=1e-9)
a,b

# %%
#| export
def found_seeds(out, recipe, seeds): return tuple(i for i in seeds if (Path(out)/f'{recipe.name} {i}.csv').exists())

def table_of_runs(
    out, # folder of `run_all`
    variants, # recipes
    seeds:tuple=seeds,
) -> pd.DataFrame: # a row a run: variant, seed, the means of all measures
    "Every run that is there"
    rows = [dict(variant=r.name, seed=i) | pd.read_csv(Path(out)/f'{r.name} {i}.csv').mean().to_dict()
        for r in variants for i in found_seeds(out, r, seeds)]
    table = pd.DataFrame(rows)
    table.insert(2, 'ratio', table.colorfulness/table.truth_colorfulness)
    return table

def table_of_pairs(
    out, # folder of `run_all`
    pairs, # of recipes
    seeds:tuple=seeds,
) -> pd.DataFrame: # a row a pair and measure: both means, difference with interval, number of seeds
    "Variants against variants, photograph by photograph and seed by seed; seeds that both have"
    rows = []
    for a,b in pairs:
        both = tuple(i for i in found_seeds(out, a, seeds) if i in found_seeds(out, b, seeds))
        if not both: continue
        x,y = (stacks(out, o, both) for o in (a, b))
        def row(name, stat, *columns):
            v = np.stack(columns, -1)
            head = dict(first=a.name, second=b.name, measure=name, seeds=len(both))
            rows.append(head | dict(a=columns[0].mean(), b=columns[1].mean()) | crossed_ci(v, stat))
        for k in [k for k in x if k in y and not k.startswith('truth_') and k not in ('a', 'b', 'seconds')]:
            row(k, lambda v: (v[...,0] - v[...,1]).mean(), x[k], y[k])
        for k in ('lpips', 'object_intervention'):
            if k in x: row(f'{k}, relative', excess, x[k], y[k])
        row('ratio, distance from 1', nearer, x['colorfulness'], y['colorfulness'], x['truth_colorfulness'])
    return pd.DataFrame(rows).rename(columns=dict(mean='difference'))

# %% [markdown]
# ## A search that can be interrupted

# %% [markdown]
# Fifteen combinations of weights, S3 says, were tried. Here [Optuna](https://optuna.org) proposes them: the first two are S3's own, of its text and of its program; the next few are drawn at random from wide ranges, and the rest where earlier ones did well [@akiba2019]. Each is a second term from the same first term, judged by LPIPS on photographs that are held out for that and measure nothing else.
#
# The study lies in a file of SQLite. What a trial draws depends on the seed and on how many trials are finished, not on the process that makes it, so a search that was interrupted makes the same trials as one that was not. A trial that was under way is drawn again.

# %%
#| export
S3_WEIGHTS = dict(text=dict(adv_weight=.1, attention=1., perceptual=5.), program=dict(adv_weight=.05, attention=.5,
    perceptual=5.))
RANGES = dict(adv_weight=(.05, 10.), attention=(.1, 5.), perceptual=(1., 20.))

def search_weights(
    judge, # function from a dict of weights to a dict of figures, the first of which is to be small
    path, # file of the study, .db
    n:int=15, # trials that are to be finished, those of earlier calls among them
    seed:int=0,
    known=tuple(S3_WEIGHTS.values()), # weights to try first
    ranges:dict=RANGES, # lowest and highest value of each
) -> pd.DataFrame: # a row a finished trial: its weights and its figures
    "The weights of S3's losses by Optuna, from where an earlier call stopped"
    try: import optuna
    except ImportError as e: raise UsageError('the search needs optuna', "pip install 'colorbook[train]'") from e
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(storage=f'sqlite:///{path}', study_name='weights', load_if_exists=True)
    space = {k: optuna.distributions.FloatDistribution(*o, log=True) for k,o in ranges.items()}
    def done(): return [t for t in study.get_trials(deepcopy=False) if t.state.is_finished()]
    while (k := len(done())) < n:
        if k < len(known):
            figures = judge(known[k])
            study.add_trial(optuna.trial.create_trial(params=known[k], distributions=space, user_attrs=figures,
                value=next(iter(figures.values()))))
            continue
        study.sampler = optuna.samplers.TPESampler(n_startup_trials=6, constant_liar=False, seed=seed + k)
        trial = study.ask(space)
        figures = judge(trial.params)
        for k,v in figures.items(): trial.set_user_attr(k, v)
        study.tell(trial, next(iter(figures.values())))
    return pd.DataFrame([t.params | t.user_attrs for t in done()])

# %% [markdown]
# A function whose lowest point is known takes the place of training. Interrupted after four trials and after seven, the search makes the same fifteen trials as in one go, and comes nearer to the lowest point than S3's own weights are.

# %%
home,calls = Path(tempfile.mkdtemp()),[]
bottom = dict(adv_weight=1., attention=.3, perceptual=9.)
def bowl(w): return dict(depth=sum(np.log(w[k]/v)**2 for k,v in bottom.items()))
def interrupted(w):
    if len(calls) in (4, 8):
        calls.append(None)
        raise KeyboardInterrupt
    calls.append(w)
    return bowl(w)
whole = search_weights(bowl, home/'whole.db')
for _ in range(2): test_fail(lambda: search_weights(interrupted, home/'parts.db'), exc=KeyboardInterrupt)
parts = search_weights(interrupted, home/'parts.db')
test_eq(parts.to_csv(), whole.to_csv())
test_eq((len(parts), len(calls)), (15, 17))
test_eq(parts[['adv_weight', 'attention', 'perceptual']].iloc[:2].to_dict('records'), [*S3_WEIGHTS.values()])
assert whole.depth.min() < .5*whole.depth[:2].min()
whole.round(2)

# %% [markdown]
# ## How it learns

# %% [markdown]
# S3's page shows photographs at epochs of its pre-training term and of its refinement term, side by side. `evolution_sheet` draws that for any run of [the trainer](trainer.ipynb), which keeps the weights of every epoch: a row a photograph, gray first, then the epochs in their order, `0-` those of the first term and `1-` those of the second, and the truth at the end.

# %%
#| export
def evolution_sheet(
    run, # folder of a run, or a `Run`
    photos, # a set of photos: see `colorbook.data.photos.Photos`; best ones that the run has not seen
    n:int=4, # rows
    every:int=1, # every so manieth epoch, and the last of each phase
    side:int=None, # of the squares that the network sees; the recipe's size if not given
) -> Image.Image: # gray, the epochs, truth
    "How a run learns to color, over all of its phases"
    run = Run(run)
    tags,rgb = run.tags,squares(photos, side or run.recipe.size, n)
    last = {o.split('-')[0]: o for o in tags}
    shown = [o for i,o in enumerate(tags) if i%every == 0 or o in last.values()]
    columns = [answer_of(None, rgb)[0], *(answer_of(run.generator(o), rgb)[0] for o in shown), rgb]
    names = ['gray', *shown, 'truth']
    cells = [o for row in zip(*map(bytes_of, columns)) for o in row]
    return contact_sheet(cells, len(names), names*len(rgb))

# %% [markdown]
# ## The whole way, small

# %% [markdown]
# Three variants with one seed, on patches of five photographs with the sixth to judge by, without features and without weights that were learned before. A second call finds everything done.

# %%
def patches(ims, n, side=96):
    "Random squares of pictures"
    rng = np.random.default_rng(0)
    for i in range(n):
        im = ims[i % len(ims)]
        x,y = rng.integers(im.width - side),rng.integers(im.height - side)
        yield im.crop((x, y, x + side, y + side))

whole = sample_photos(size=256)
photos,held = Photos(list(patches(whole[:2] + whole[3:], n_photos))),list(patches(whole[2:3], 8))
small = [s3_variant('full', 1, .5, perceptual=0.), s3_variant('first term', 1, terms='first', perceptual=0.),
    s3_variant('no saliency', 1, .5, perceptual=0., **bare)]
options = dict(weights='none', adversary=GANCallback, average=True, look=S3Measures(classifier=False))
names = 'psnr','nrmse'
def go(): run_all(photos, held, home, small, (0,), 0, names, jobs=s3_jobs(small, (0,)), **options)
go()
before = {o: o.stat().st_mtime_ns for o in home.iterdir()}
go()
test_eq({o: o.stat().st_mtime_ns for o in home.iterdir()}, before)
test_eq(len(photos.maps.maps), n_photos)
runs,pairs = table_of_runs(home, small),table_of_pairs(home, [small[:2]])
test_eq([*runs.variant], ['full', 'first term', 'no saliency'])
test_eq(runs.own_hue_salient.isna().tolist(), [False, False, True])
assert pairs.set_index('measure').difference['psnr'] != 0
runs.set_index('variant').drop(columns='seed').T.round(3)

# %% [markdown]
# ## What we have
#
# - `s3_variants`, S3's ablations as recipes, and `s3_jobs`, their order;
# - `S3Measures`, everything that S3 judges by, with the variance of hues by two kinds of maps;
# - `crossed_ci`, an interval over photographs and seeds;
# - `search_weights`, a search in a file, which goes on where it stopped;
# - `evolution_sheet`, a run in pictures from its first epoch to its last.

# %% [markdown]
# ## Exercises
#
# 1. Leave out `no critic`. Which statement about the adversary could no longer be made?
# 2. Draw the interval of `excess` with photographs drawn and seeds held. By how much is it narrower for the variants of the result chapter?
# 3. Let the search begin from a different first term for each trial. What does a trial cost then, and what does its value tell?
