# %% [markdown]
# # Recipes for films
#
# > S1 and its baseline by one command, and the product's film model from the product's image model
#
# Generators, critics, losses and films of the last chapters become entries of the tables that training looks names up in, and nothing of training has to be written again. At the end of this chapter `colorbook train s1 FOLDER` trains S1 on a folder of frames as published, `s1-baseline` what S1 compares itself with, and `video` makes a film model out of an image model; each run ends in a file, and a run that was interrupted goes on.

# %%
#| default_exp training.film_recipes

# %% tags=["parameters"]
size,seed = 32,3

# %%
#| export
from pathlib import Path
import pandas as pd, torch
from safetensors.torch import load_file
from torch import nn
from colorbook.training import export as artifact
from colorbook.training import trainer as training
from colorbook.training.export import candidates, pick
from colorbook.color.bins import AnnealedMean, class_weights
from colorbook.losses.content import BinLoss, ColorL1
from colorbook.imaging.colorizer import load_model
from colorbook.core import InputError
from colorbook.data.loaders import targets
from colorbook.color.lab import gray_to_L, grays
from colorbook.training.recipes import contents, critics, generators, load_recipe, Phase, Recipe, recipes
from colorbook.models.temporal import from_image_model, S1Critic, S1Generator, Temporal, TemporalUNet
from colorbook.losses.temporal import SteadyLoss
from colorbook.data.clips import clip_loaders, Clips
from colorbook.training.film_export import export_stream, stream_card
from colorbook.training.trainer import counted, encoder_weights, load_generator, loaders, starts

# %%
#| hide
import json, random, tempfile, numpy as np, onnx
from fastcore.test import *
from safetensors.torch import save_file
from colorbook.data.synthetic import travel
from colorbook.data.photos import sample_photos
from colorbook.training.recipes import check_recipe, replace
from colorbook.models.unet import MobileUNet


# %% [markdown]
# ## Names

# %% [markdown]
# S1's networks with both widths and with attention, and two ways to read films: `frames` squeezes them into squares and shows triples; `stills` shows the same frames without their neighbors, for the baseline.

# %%
#| export
def read_clips(recipe, data, n=None, workers=0, answered=1, square=True, near=True, lone=0.):
    "Loaders of clips for a recipe"
    step = 1 if recipe.target in ('rgb', 'ab') else 4
    clips = Clips(data, recipe.size, answered, n, square, step)
    return clip_loaders(clips, recipe.bs, recipe.valid, recipe.seed, num_workers=workers, aged=recipe.aged,
        target=recipe.target, gray=recipe.gray, near=near, lone=lone)

loaders['frames'] = read_clips
loaders['stills'] = lambda *args: read_clips(*args, near=False)
loaders['clips'] = lambda *args: read_clips(*args, answered=3, square=False, lone=.3)

# %%
#| export
for nf in (64, 32):
    for a in (False, True):
        name = 's1' + '_32'*(nf == 32) + '_attention'*a
        generators[name] = lambda r, state, nf=nf, a=a: S1Generator(nf, a)
critics.update(s1=lambda r: S1Critic(), s1_attention=lambda r: S1Critic(attention=True))


# %% [markdown]
# ## S1's flags
#
# `s1` is the line that S1's text gives for training, `s1-baseline` its shell script of that name. Every flag has its place:
#
# | flag of S1 | default; as `s1` has it | here |
# |---|---|---|
# | `--path` | | `DATA` of `colorbook train`: a folder of numbered frames, `train/` and `val/` as S1 has them, a video, or several |
# | `--dataset` (baseline) | `movie` and S0's | `DATA`, as well |
# | `--large` | 224; 480 | `size` |
# | `--batch_size` | 4; 8 | `bs`; `--batch-size` |
# | `--lr` | 1e-4; 1e-3 | `lrs` of the phase, one a network |
# | `--weight_decay` | 0 | `wd` |
# | `--num_epoch` | 20; 50 | `epochs` of the phase; `--epochs` |
# | `--lamb` ($\beta$) | 100; 20 | `lam`; $\alpha$, which is 1, is `adv_weight` |
# | `--ngf` | 32; 64 | generator `s1`, or `s1_32` |
# | `--ndf` | 32 | critic `s1` |
# | `--patchGAN` | off; on | critic `s1`, or `s0` |
# | `--use_lsgan` | off; on | `adversarial`: `lsgan`, or `logistic` (with logits, so that it is right with the patch critic, too) |
# | `--use_self_attn` | off | generator `s1_attention`, critic `s1_attention` |
# | `--numG`, `--numD` | 1, 1 | `mode` of the phase: `both`, or critic to generator as in `1-5` |
# | `--patchD` (baseline, unused) | | `critic` |
# | `--test` (ignored) | | `colorbook video`, `colorbook evaluate` |
# | `-s`, `--model_G`, `--model_D` | off | always saved; the same command goes on |
# | `--gpu` | 0 | the first that PyTorch sees |
#
# And those of its tester, `output.py`:
#
# | flag | here |
# |---|---|
# | `--path`, `--savepath` | `IN` and `OUT` of `colorbook video`: videos or folders of frames, with their names and their own size |
# | `--modelpath` | `--model` |
# | `--time {time,baseline}` | the artifact's card says what it is |
# | `--start_index` | frames are found by their names |
# | `--is_color` | color sources are turned gray by their lightness L*, whatever the card says |
#
# Baseline: S0's networks on single frames, batches of 16, a rate of 1e-3, $\lambda=100$, and five steps of the generator for one of the critic, since its `--numG` is 5 where nothing else is said and "the critic is updated every numG iterations".

# %%
#| export
def s1_recipe(name, mode='both', epochs=50, **kwargs):
    "S1 as published"
    shared = dict(content='l1', target='rgb', gray='rec601', low=1., betas=(.5, .999), eps=1e-8, wd=0., valid=.1)
    return Recipe(name, (Phase(mode, epochs, (1e-3, 1e-3), one_cycle=False),), **shared, **kwargs)

for r in (s1_recipe('s1', generator='s1', critic='s1', adversarial='lsgan', lam=20., size=480, bs=8, data='frames'),
          s1_recipe('s1-baseline', '1-5', 20, generator='s0', critic='s0', lam=100., size=224, bs=16, data='stills')):
    recipes[r.name] = r


# %% [markdown]
# ## The product's recipe
#
# `video` begins with the weights of an image run, chosen as they were chosen for the shipped artifact. Clips of five frames, three of them answered, come from films and from photos that a camera moves over. What should it learn, and which weights?
#
# The truth, one would say, beside the two warped terms. That was tried first, with encoder frozen (content `steady`, `lam` 4, 1,320 steps), and gave the steadiest films and the dullest: of the image model's colorfulness .65, .94 and .44 were left on the last thirds of three films of whose first two thirds it had learned. The image model owes its colors to a critic and to rare colors weighted up; a loss over time takes them away again, since where colors are in doubt, brown is what flickers least. And four films are few to learn colors from.
#
# So a film model has another teacher: the image model, frame by frame. Its colors are the target, in L1, so that of an answer that flickers the more frequent color is right and not the mean; the warped terms decide between answers that are equally near. Films need no colors of their own then, true black and white ones will do. And the light that [wavers](../data/clips.ipynb) for the pupil does not for the teacher, so grain and flicker of old films are learned to be ignored. The teacher is the artifact in the package, or the one that `COLORBOOK_MODEL` names; it should be the one whose weights are the beginning.
#
# Even so the decoder, trained along (`lam` .4, 750 steps), found that a little gray is cheap: .91, .91 and .80 of the colorfulness were left. Therefore only the fusion learns, and the weights of the image model stay as they are to the last bit. Fusion sees differences of frames and nothing else, so where a film stands still, and for photos, the colors are those of the image model by construction, and gray is not to be had for nothing. With that, VCGAN's weights, 3 and 5, can stand as they are: `lam` is 1.

# %%
#| export
def image_weights(
    weights=None, # folder of an image run, or one of its .safetensors; else see `training.trainer.encoder_weights`
) -> dict|None: # state dict
    "What a film model begins with: the weights of an image run that its artifact has, or an encoder alone"
    path = Path(str(weights))
    if path.suffix == '.safetensors': return load_file(path)
    if not path.is_dir(): return encoder_weights(weights)
    files = sorted(path.glob('generator-*.safetensors'))
    if not files: raise InputError(f"'{weights}' holds no trained generator", 'give the folder of a run')
    if not (path/'tried.csv').exists(): return load_file(files[-1])
    best = pick(pd.read_csv(path/'tried.csv').to_dict('records'), load_recipe(path/'recipe.yaml').floor)
    return load_file(path/f"generator-{best['tag']}.safetensors")


# %%
#| export
def teach(
    rgb:torch.Tensor, # `n`x3xHxW in 0..1, sides multiples of 32
) -> torch.Tensor: # `n`x2x(H/4)x(W/4), color in units of 110
    "What the image model in the package answers to each picture"
    model = load_model()
    L = gray_to_L(grays[model.card['gray']](rgb))
    return torch.stack([torch.from_numpy(model.ab(o[0].numpy())) for o in L.cpu()]).to(rgb)


# %% [markdown]
# It answers to each picture by itself, at any size that the network can halve.

# %%
pictures = torch.stack([torch.from_numpy(np.array(o)).permute(2, 0, 1)/255 for o in sample_photos(64)[:2]])
color = teach(pictures)
test_eq(color.shape, (2, 2, 16, 16))
test_close(color[1], load_model().ab(gray_to_L(grays['lstar'](pictures))[1,0].numpy()), eps=1e-6)
assert .02 < color.abs().mean() < 1
color.abs().mean().item()


# %%
#| export
def make_temporal(
    state:dict=None, # of an image model, or of an encoder
) -> TemporalUNet:
    "The product's film model with its first weights"
    image = state is not None and any(o.startswith('encoder.') for o in state)
    net = TemporalUNet(313, state=None if image else state, color=AnnealedMean(), frozen=True)
    return from_image_model(net, state) if image else net

generators['temporal'] = lambda r, state: make_temporal(state)
starts['temporal'] = image_weights
counted.add('steady')
targets['taught'] = teach
contents['steady'] = lambda r, prior: SteadyLoss(BinLoss(class_weights(prior, alpha=r.rebalance)), AnnealedMean(),
    3*r.lam, 5*r.lam)
contents['follow'] = lambda r, prior: SteadyLoss(ColorL1(AnnealedMean()), AnnealedMean(), 3*r.lam, 5*r.lam)
recipes['video'] = Recipe('video', (Phase('content', 8, (0., 2e-3, 0.), share=.2),), generator='temporal',
    content='follow', lam=1., target='taught', aged=.5, size=128, bs=8, valid=.05, data='clips', clip=1., bf16=True,
    floor=.97)

# %% [markdown]
# The names lead to networks of the published sizes.

# %%
for k in ('s1', 's1-baseline', 'video'): check_recipe(recipes[k])
with torch.device('meta'):
    n = {k: sum(p.numel() for p in generators[k](None, None).parameters()) for k in generators if k.startswith('s1')}
test_eq(n, dict(s1=8_085_504, s1_attention=8_111_346, s1_32=2_023_424, s1_32_attention=2_029_946))
test_eq((recipes['s1'].lam, recipes['s1'].adv_weight, recipes['s1'].adversarial), (20., 1., 'lsgan'))
n


# %% [markdown]
# ## Export

# %% [markdown]
# A run of a temporal generator is exported as a graph with a state, any other as before. The weights are chosen by the rule, PSNR among those that are colorful enough on the held-out clips. Where the target is taught, both are measured against the teacher: how near, and how much of its color is left; that may be no less than .97.

# %%
#| export
def export_run(
    run, # folder of a run
    out=None, # the .onnx file; `artifact.onnx` in the folder if not given
    photos=None, # see `colorbook.training.export.export_run`
    **card, # more for the card: 'name', 'data', 'licence', 'metrics'
) -> Path: # the file
    "Choose among a run's weights and export the best: a temporal generator as a stream, others as they are"
    run,recipe = Path(run),load_recipe(Path(run)/'recipe.yaml')
    if not isinstance(generators[recipe.generator](recipe, None), Temporal):
        return artifact.export_run(run, out, photos, **card)
    best = pick(candidates(run), recipe.floor)
    gen = load_generator(run, best['tag'])
    size = 192 if isinstance(gen, TemporalUNet) else recipe.size//32*32
    about = {**dict(name=recipe.name, size=size, chosen=best), **card}
    return export_stream(gen, out or run/'artifact.onnx', stream_card(gen, recipe=recipe, **about))

def train(*args, **kwargs): return training.train(*args, **kwargs) # see `colorbook.training.trainer.train`


# %% [markdown]
# ## From end to end

# %% [markdown]
# S1 at 32 pixels with eight channels' worth of patience: a folder of frames as `extract_frames` leaves it, one epoch, interrupted by nothing, and a file. Before training it answers for each held-out frame; there are six, and six are measured.

# %%
home = Path(tempfile.mkdtemp())
photos = sample_photos(128)
for folder,start,n in (('train', 0, 12), ('val', 10000, 6)):
    (home/'film'/folder).mkdir(parents=True)
    for i,o in enumerate(travel(photos[0 if start else 3], n, (64, 64))):
        o.save(home/f'film/{folder}/{start + i:05}.png')
tiny = replace(recipes['s1'], generator='s1_32', size=size, bs=4, phases=(Phase('both', 1, (1e-4, 1e-4), False),))
run = train(tiny, home/'film', home/'s1', progress=False)
rows = pd.read_csv(run/'history.csv')
assert rows.psnr.notna().all() and rows.gen.notna().all()
path = export_run(run)
card = json.loads({o.key: o.value for o in onnx.load(path).metadata_props}['colorbook'])
test_eq((card['kind'], card['gray']), ('video', 'rec601'))
test_eq(card['state'], [[256, 32], [256, 32], [256, 16], [128, 8], [64, 4], [32, 2]])
rows[['content', 'gen', 'crit', 'psnr']]

# %% [markdown]
# The product's recipe, on photos and a film together, from an image run. The image model comes out as it went in, with all running statistics; the fusion has left zero.

# %%
torch.manual_seed(seed)
image = MobileUNet(313, color=AnnealedMean())
(home/'image').mkdir()
save_file(image.state_dict(), home/'image/generator-0-000.safetensors')
(home/'both/film').mkdir(parents=True)
for i,o in enumerate(travel(photos[5], 12, (64, 48), part=.9)): o.save(home/f'both/film/{i:05}.png')
tiny = replace(recipes['video'], size=size, bs=4, bf16=False, valid=.2,
    phases=(Phase('content', 2, (0., 1e-3, 0.), one_cycle=False),))
run = train(tiny, [home/'both', photos], home/'video', weights=home/'image', progress=False)
after = load_generator(run).state_dict()
test_eq([k for k,v in image.state_dict().items() if not torch.equal(v, after[k])], [])
assert after['fuse.0.prev.weight'].abs().max() > 0
pd.read_csv(run/'history.csv')[['content', 'valid', 'psnr', 'ratio']]

# %% [markdown]
# ## What we have
#
# - recipes `s1` and `s1-baseline` with all of S1's flags, and `video`, which makes a film model of an image model;
# - `loaders` for frames, stills and clips, behind one field of a recipe, `data`;
# - `export_run`, which knows from the recipe what kind of file to write.

# %% [markdown]
# ## Exercises
#
# 1. Write a recipe with S1's generator and the product's loss over time. What has to be its target, and its data?
# 2. `video` has three learning rates. Give the first another value than 0, and find out what photos and still pictures lose.
# 3. Train `s1` and `s1-baseline` on one film, and color its held-out end with both. Which of S1's two comparisons does which of them win?
