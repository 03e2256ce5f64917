# %% [markdown]
# # Recipes
#
# > A training run is data: one frozen record with a name
#
# How long a network is trained, how fast, in which order and on which pictures matters as much as the network itself. Where these facts are scattered over flags and scripts, nobody can say a year later how a model was made. In this chapter a training run becomes a record of some thirty fields with a name. It can be written to a file and read again, compared with another one, and varied. [Another chapter](registry.ipynb) makes networks and losses of its names, and [a third](trainer.ipynb) runs it.

# %%
#| default_exp training.recipes

# %% tags=["parameters"]
size = 32

# %%
#| export
import yaml
from fnmatch import fnmatch
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files
from operator import index
from pathlib import Path
from colorbook.core import InputError, UsageError, atomic_path
from colorbook.models.registry import generators, outputs

# %%
#| hide
import tempfile
import pandas as pd
from fnmatch import fnmatch
from fastcore.test import *

# %% [markdown]
# ## A recipe is data

# %% [markdown]
# Training comes in stretches: content loss alone, the critic alone, both ([Adversarial training](gan.ipynb)). A `Phase` is one of them. A `Recipe` is the phases and everything else that decides what is learned: networks and losses by their names, weights, optimizer, pictures, seed. Both are frozen, so that no code can change a recipe on its way from the command line to the checkpoint; a variation is a new recipe.
#
# A phase has a [schedule](optimization.ipynb) for its learning rates. Its `share` makes short epochs, so that sheets and checkpoints come more often than the photographs go round. `size` and `bs` are there for *progressive resizing*: small pictures in large batches first, which are fast, and the full size at the end, when there are only details to learn.

# %%
#| export
@dataclass(frozen=True)
class Phase:
    "One stretch of training"
    mode:str # content, critic, generator, both, plain, or 5-1, wasserstein, adaptive: see `training.critic_schedules`
    epochs:int
    lrs:tuple # learning rate of each parameter group: the generator's groups, then the critic
    schedule:str='one_cycle' # of the learning rates, see `training.optimization.lr_schedule`
    share:float=1. # part of the training photos that counts as one epoch
    stop:float=0. # part of them between two looks of the NoGAN stop; 0 for none
    size:int=0 # side of the training crops in this phase, at most the recipe's; 0 for the recipe's
    bs:int=0 # batch size in this phase; 0 for the recipe's
    content:str='' # content loss of this phase; '' for the recipe's
    mean:bool=False # the mean of the last weights of all phases that say so may be shipped, too

# %%
#| export
@dataclass(frozen=True)
class Recipe:
    "Everything that decides what a training run learns"
    name:str
    phases:tuple # of `Phase`
    generator:str='mobile' # one of `colorbook.models.registry.list_generators`
    critic:str='patch' # one of its `list_critics`
    content:str='bins' # a name of `colorbook.losses.content.content_losses`
    lam:float=1. # weight of the content loss where it has one
    adversarial:str='logistic' # key of `colorbook.losses.adversarial.adversarial_losses`
    adv_weight:float=1. # weight of the adversarial term
    perceptual:float=0. # weight of features in content losses that have them for an option, as `s3`
    attention:float=0. # weight of S3's attention loss, likewise
    rebalance:float=.5 # exponent of the class weights: 1 rebalances in full, 0 not at all
    taught:bool=False # learn what the image model in the package answers, instead of the true color
    gray:str='lstar' # key of `colorbook.color.lab.grays`
    data:str='photos' # key of `colorbook.data.loaders.data_loaders`: what is read, and how
    aged:float=0. # chance of gamma, fading and grain in L
    size:int=128 # side of the training crops
    low:float=.7 # smallest crop, as a share of the short side
    squeeze:bool=False # crops have the picture's shape and are squeezed into squares; else they are squares
    mirror:bool=True # every second crop mirrored
    bs:int=48
    betas:tuple=(.9, .99) # of Adam
    eps:float=1e-5
    wd:float=.01 # decoupled weight decay
    clip:float=0. # largest gradient norm; 0 for no limit
    critic_clip:float=0. # largest absolute value in a critic's gradient; 0 for no limit
    learn_weights:bool=False # weights of content and adversarial loss are learned too
    bf16:bool=False # networks in bfloat16, weights and losses in float32
    early_every:int=1 # the encoder's early layers learn in every so manieth step, see `colorbook.training.optimization`
    processes:int=1 # each takes its part of a batch and their gradients are averaged, see `colorbook.training.team`
    ema:float=0. # decay of the average of the generator's weights that is kept; 0 for none
    valid:float=.03 # share of the photos that is held out
    scenes:str='' # of pairs: scenes that are held out instead, by name, with commas between them
    floor:float=.8 # least colorfulness ratio on held-out photos, see `colorbook.training.selection.pick`
    seed:int=0
    @property
    def target(self) -> str: # key of `colorbook.data.loaders.targets`
        "What the generator is compared with, which follows from what it answers"
        return 'taught' if self.taught else outputs[generators[self.generator].output].target
    @property
    def channels(self) -> int: # 1 or 3
        "How many the generator looks at, which is one of its facts"
        return generators[self.generator].n_in

# %% [markdown]
# S0, S2 and S4 are published as scripts with flags and constants. Where each of them went is in the appendix [Flags of the published programs](../../appendix/flags.qmd). What S0 fixes in its code is in the recipe too: Adam's betas 0.5 and 0.999, an unconditional critic, whole pictures squeezed into squares and never mirrored, float32, a quarter of the photographs held out. Wherever a field is named, `colorbook train RECIPE DATA --set FIELD=VALUE` changes it.
#
# `default` is the product's recipe. It trains [a U-Net on EfficientNet-Lite0](../models/encoder_unet.ipynb) to say which of 313 classes each color is, on [photographs as people bring them](../data/varied.ipynb), without a critic. Most of the pictures are seen small, at 96 pixels, at the full learning rates; then come 128 and 160 pixels, while the rates fall. The encoder, which knows what things are, moves a quarter as fast as the rest, and [its early layers](optimization.ipynb#early-layers-rest) in every fourth step only; [two processes](team.ipynb) share each batch; what is kept is the [average](optimization.ipynb#averaged-weights) of some thousand steps. A short last phase leaves the encoder alone and asks for [the picture that the classes make](../losses/classification.ipynb#the-picture-that-classes-make); the mean of the weights before and after it is one more [candidate](selection.ipynb#the-weights-of-a-run). How it came about, with what was tried and dropped, is in `benchmarks/default.md`. `default-mobile` is the recipe before it: MobileNetV2, and a critic in its last phases.
#
# Does each of them learn anything? `benchmarks/recipes.py PHOTOS --size 32 --bs 4` trains every recipe for 200 steps on 1,500 photographs, exports it and colors a photograph with the file (`default-mobile` at 64 pixels). The content loss on held-out photographs, each on its own scale, before and after:
#
# | recipe | before | after | | recipe | before | after |
# |---|---|---|---|---|---|---|
# | `s4-gan-l1` | 32.5 | 12.8 | | `s4-gan-l2` | 37,326 | 9,830 |
# | `s4-ebgan-l1` | 32.2 | 14.2 | | `s4-zhang` | 7.31 | 6.02 |
# | `s4-pretrained` | 27.7 | 11.8 | | `default-mobile` | 5.99 | 4.35 |
#
# All but `s4-gan-l2` were measured before S4's pictures were squeezed and Zhang's gray ones left out, which changes what is seen a little and neither loss nor weights. The other recipes are missing because their constants were corrected after they had been measured; their old figures would describe something else.
#
# S0 learns slowly: the last layer of its critic begins, as published, with weights of deviation 1.4; in such a run the critic's loss was 14 on average, where guessing gives 1.4, and its gradients outweigh those of the content loss for a while.
#
# The content loss of `default` was chosen by measurement. `benchmarks/content.py` trains the same network twice on the same 24,575 photographs, two epochs at 64 pixels, by regression of $ab$ and by classification, and turns the one setting that each has afterwards (saturation; temperature and share). Held-out PSNR in dB, the best that reaches a colorfulness:
#
# | colorfulness, share of the truth's | regression | classification |
# |---|---|---|
# | 0.4 | 23.12 | 23.00 |
# | 0.5 | 22.90 | 23.00 |
# | 0.65 | 22.51 | 22.53 |
# | 0.8 | 21.53 | not reached |
#
# On 120 pictures of 128 pixels this is a draw. Classification gives something that regression does not, a distribution from which one can draw [several answers](../evaluation/diversity.ipynb), and in this comparison it costs nothing; hence it is the default.

# %%
#| export
def s0_recipe(name, size, **kwargs):
    "S0 as published, in float32, on whole pictures squeezed into squares"
    return Recipe(name, (Phase('both', 20, (1e-4, 1e-4), schedule='constant'),), generator='s0', critic='s0',
        content='l1', lam=100., size=size, low=1., squeeze=True, mirror=False, bs=4, betas=(.5, .999),
        eps=1e-8, wd=0., valid=.25, **kwargs)

def s2_recipe(name, adv_weight):
    "S2: the generator's rate is the larger; its critic counts only in `s2-fixed`. Squares of S2's color are in 127.5"
    return Recipe(name, (Phase('both', 100, (5e-4, 1e-4), schedule='constant'),), generator='stride1', critic='s2',
        content='l2', lam=(110/127.5)**2, adv_weight=adv_weight, size=96, low=1., squeeze=True,
        mirror=False, bs=20, betas=(.9, .999), eps=1e-7, wd=0., critic_clip=.1)

s4_report = { # learning rate and epochs
    ('gan', 'l1'): (1e-4, 8), ('gan', 'l2'): (2e-5, 8), ('lsgan', 'l1'): (1e-4, 4), ('lsgan', 'l2'): (1e-4, 6),
    ('ebgan', 'l1'): (1e-3, 1), ('ebgan', 'l2'): (1e-3, 1), ('wgan', 'l1'): (5e-5, 2), ('wgan', 'l2'): (5e-5, 3)}
s4_half_sum = 4*2*256**2/2 # S4's L2 is half the sum over a batch of 4 ab pictures of 256 pixels: so many times the mean
s4_methods = dict( # adversarial loss, critic, mode and weight; S4's LSGAN has half of ours
    gan=('logistic', 's4', 'both', 1.), lsgan=('lsgan', 's4_sigmoid', 'both', .5),
    ebgan=('energy', 'energy', 'both', 1.), wgan=('wgan_s4', 's4_leaky', 'wasserstein', 1.),
    **{'wgan-gp': ('wgan_gp', 's4_gp', 'wasserstein', 1.)})

def s4_recipe(method, content, **kwargs):
    "S4: one of its adversarial losses beside L1 or L2, with the rates, epochs and weights of its report"
    (lr,epochs),lam = s4_report[method.removesuffix('-gp'), content],dict(l1=100., l2=s4_half_sum)[content]
    adv,critic,mode,weight = s4_methods[method]
    return Recipe(f's4-{method}-{content}', (Phase(mode, epochs, (lr, lr), schedule='constant'),), generator='pix2pix',
        critic=critic, content=content, lam=lam, adversarial=adv, adv_weight=weight, size=256, low=256/276,
        squeeze=True, bs=4, betas=(.5, .999), eps=1e-8, wd=0., **kwargs)

recipes = {r.name: r for r in [
    s0_recipe('s0', 224), s0_recipe('s0-large', 480), s2_recipe('s2', 0.), s2_recipe('s2-fixed', .01),
    *[s4_recipe(m, c) for m in ('gan', 'lsgan', 'wgan', 'wgan-gp', 'ebgan') for c in ('l1', 'l2')],
    Recipe('s4-zhang', (Phase('content', 8, (3e-5, 0.), schedule='constant'),), generator='zhang',
        content='bins_zhang', rebalance=1., size=176, bs=40, wd=1e-3),
    replace(s4_recipe('gan', 'l1'), name='s4-pretrained', generator='pix2pix_noise', phases=(
        Phase('plain', 2, (1e-4, 1e-4), 'constant'), Phase('content', 2, (1e-4, 0.), 'constant'),
        Phase('both', 4, (1e-4, 1e-4), 'constant'))),
    Recipe('default', (Phase('content', 9, (3.5e-4, 1.3e-3, 0.), 'warmup', size=96),
        Phase('content', 4, (3.5e-4, 1.3e-3, 0.), 'to_half', size=128),
        Phase('content', 3, (1.75e-4, 6.5e-4, 0.), 'to_zero', mean=True),
        Phase('content', 1, (0., 4e-4, 0.), 'to_zero', .5, size=128, content='bins_picture', mean=True)),
        generator='lite0', rebalance=.4, data='varied', aged=.25, size=160, low=.6, bs=32, betas=(.9, .98),
        eps=1e-8, clip=5., bf16=True, early_every=4, processes=2, ema=.999, valid=.015),
    Recipe('default-mobile', (Phase('content', 5, (3e-4, 2e-3, 0.)),
        Phase('critic', 1, (0., 0., 2e-4), 'constant', .25),
        Phase('both', 3, (2e-5, 1e-4, 2e-4), 'constant', .25)), adv_weight=.2, low=.75)]}

# %%
s0 = recipes['s0']
test_eq((s0.bs, s0.lam, s0.betas, s0.wd), (4, 100, (.5, .999), 0))
test_eq(s0.phases, (Phase('both', 20, (1e-4, 1e-4), schedule='constant'),))
test_eq(replace(recipes['s0-large'], name='s0', size=224), s0)
test_fail(lambda: setattr(s0, 'lam', 1.), contains='cannot assign')
pd.DataFrame({k: asdict(recipes[k]) for k in ('s0', 's2', 's4-wgan-gp-l1', 'default-mobile', 'default')})

# %% [markdown]
# ## S1's recipes
#
# `s1` is the line that S1's text gives for training, `s1-baseline` its shell script of that name; [its flags](../../appendix/flags.qmd#s1) are in the appendix.
#
# Baseline: S0's networks on single frames, batches of 16, a rate of 1e-3, $\lambda=100$, and five steps of the generator for one of the critic, since its `--numG` is 5 where nothing else is said and "the critic is updated every numG iterations".

# %%
#| export
def s1_recipe(name, mode='both', epochs=50, **kwargs):
    "S1 as published"
    shared = dict(content='l1', gray='rec601', low=1., squeeze=True, mirror=False,
        betas=(.5, .999), eps=1e-8, wd=0., valid=.1)
    return Recipe(name, (Phase(mode, epochs, (1e-3, 1e-3), schedule='constant'),), **shared, **kwargs)

for r in (s1_recipe('s1', generator='s1', critic='s1', adversarial='lsgan', lam=20., size=480, bs=8, data='frames'),
          s1_recipe('s1-baseline', '1-5', 20, generator='s0', critic='s0', lam=100., size=224, bs=16, data='stills')):
    recipes[r.name] = r

# %% [markdown]
# ## S3's two terms
#
# S3 trains twice: a first *term* without a critic, and a second, from the weights of the first, with Wasserstein's loss and a gradient penalty. `s3` is both as one run, each phase with its own batch; `s3-first` and `s3-second` are the same as two runs, the second of which is given the first's folder: `colorbook train s3-second PHOTOS --weights runs/s3-first`. The program and its text differ in the weights; `s3` has those of the program and its one critic, `s3-readme` those of the text and the two critics of the paper, `s3-readme-20` the larger weight of features, which the authors sometimes found nicer to look at.
#
# | flag or constant of S3 | here |
# |---|---|
# | `first.sh`, `second.sh` | the phases of `s3`; recipes `s3-first`, `s3-second` |
# | RGB folder and saliency folder | `data` `saliency`: `DATA` is `PHOTOS:MAPS`, or `PHOTOS` alone, for which maps are made |
# | `--gan_mode {WGAN, WGANGP, LSGAN, noGAN}` | `adversarial`: `wgan`, `wgan_gp` or `lsgan`; mode `content` of the phase |
# | batch of 8 or 4 on each of four GPUs | `bs` of the phase, 32 and 16 |
# | `lr_g`, `lr_d`, halved every 10 epochs | `lrs`, schedule `half-every-10` |
# | `lambda_l1`, `lambda_percep`, `lambda_attn`, `lambda_gan`, `lambda_gp` | `lam`, `perceptual`, `attention`, `adv_weight`; the penalty of `wgan_gp` is 10 |
# | `--norm` | batch norm in `s3`, as published; `S3Generator(norm='instance')` |
# | `SCGAN_val` | an exported file has no branch for saliency |
# | pre-training of the global features | `colorbook pretrain`, and `--weights` for the run that is to begin with them |
#
# How large is that? `benchmarks/s3.py PHOTOS --content s3_vgg19` takes 20 steps of each term at 256 pixels with one picture a batch, on one core: 4.6 s a step in the first term, 8.3 s in the second, 5.1 GiB of memory at most, all losses finite; the second half of the second term, resumed, ends with the same weights. At that pace an epoch of ImageNet takes two to four months, hence the small ones.
#
# `s3-small` has the same ideas and losses at the size of the product ([S3](../models/s3.ipynb)), on crops of 128 pixels, with color at a quarter of the size. S3's weight of the critic, 0.05 or 0.1, was not heard in short runs with a gradient penalty, and neither was a critic with spectral norm; so its critic has neither norm nor spectral norm, a head start, a large learning rate, and a weight of 2. [Ablations](s3_ablation.ipynb) take one idea away each, and [a chapter of results](../results/scgan.ipynb) has their figures.

# %%
#| export
s3_terms = (Phase('content', 40, (2e-4, 0.), 'half-every-10', bs=32),
    Phase('both', 31, (1e-4, 1e-4), 'half-every-10', bs=16))
s3_losses = dict(content='s3', lam=1., perceptual=5., attention=.5, adversarial='wgan_gp', adv_weight=.05)

def s3_recipe(name, phases=s3_terms, **kwargs):
    "S3 with the weights of its program, unless others are given"
    shared = dict(generator='s3', critic='s3_gp', gray='rec601', data='saliency', size=256, bs=16,
        betas=(.5, .999), eps=1e-8, wd=0.)
    return Recipe(name, phases, **{**shared, **s3_losses, **kwargs})

s3_readme = dict(critic='s3_two_gp', attention=1., adv_weight=.1)
for r in (s3_recipe('s3'), s3_recipe('s3-first', s3_terms[:1]), s3_recipe('s3-second', s3_terms[1:]),
          s3_recipe('s3-readme', **s3_readme), s3_recipe('s3-readme-20', perceptual=20., **s3_readme),
          Recipe('s3-small', (Phase('content', 6, (3e-4, 2e-3, 0.)),
              Phase('critic', 1, (0., 0., 1e-3), 'constant', .3), Phase('both', 4, (1e-4, 5e-4, 1e-3), 'half-every-2')),
              generator='s3_small', critic='s3_tiny_two', data='saliency', bs=16, low=.75, betas=(.5, .99), ema=.98,
              **{**s3_losses, **dict(attention=1., adv_weight=2.)})):
    recipes[r.name] = r

# %%
test_eq([recipes[o].phases for o in ('s3-first', 's3-second')], [(o,) for o in recipes['s3'].phases])
known = {r.name: (r.lam, r.perceptual, r.attention, r.adv_weight) for r in recipes.values() if r.name[:2] == 's3'}
test_eq([known[o] for o in ('s3', 's3-readme', 's3-readme-20')], [(1, 5, .5, .05), (1, 5, 1, .1), (1, 20, 1, .1)])
recipes['s3-small']

# %% [markdown]
# ## Infrared, holes and sketches
#
# S3 colors infrared by changing the data setting, and so does each recipe here whose generator answers in RGB: `colorbook train s3 NIR --set data=nir --set attention=0`. `s3-lwir` is what S3's authors trained on KAIST's pictures of warmth: three channels, 10 epochs of the first term and 30 of the second, batches of 8, and no saliency, of which there are no maps.
#
# With 180 pairs of [near infrared](../models/infrared.ipynb) one begins with something else. `nir-photos` practices on photographs, whose infrared is guessed, and `nir` goes on with the real pairs: `colorbook train nir-photos PHOTOS`, then `colorbook train nir NIR --weights runs/nir-photos`. Two of the nine scenes are held out, a mountain and a street; another choice is `--set scenes=field,urban`, and `--set "scenes=''"` learns from all. Beside data, rates and epochs, size and aging differ. The many photographs of the practice are seen at 96 pixels, the few pairs at 128. And real infrared is paler than the guess, and lighter or darker from picture to picture; so while it practices, twice as many pictures are [faded or brightened](../data/loaders.ipynb). Seven scenes teach much about these seven, and something about what was known before is lost with each step; so `nir` keeps an [average](optimization.ipynb#averaged-weights) of its weights in which a tenth is still those of the practice ([why](../results/infrared.ipynb#what-was-tried)). `python asset/infrared.py PHOTOS NIR` runs both recipes, measures them and makes the model in the package.
#
# `inpainting` and `sketch` are one recipe but for the word for [its data](../data/tasks.ipynb).

# %%
#| export
def pictures_recipe(data):
    "pix2pix, small, from three channels to RGB"
    return Recipe(data, (Phase('content', 8, (1e-3, 0.)), Phase('both', 4, (2e-4, 2e-4), 'constant')),
        generator='pix2pix_rgb3', content='l1', lam=100., data=data, size=64, bs=16, betas=(.5, .999), wd=0.)

nir = dict(generator='infrared', content='lab', aged=.3, size=128, low=.6, bs=16, betas=(.9, .98), eps=1e-8, wd=.02,
    clip=5., bf16=True)
for r in (s3_recipe('s3-lwir', (replace(s3_terms[0], epochs=10, bs=8), replace(s3_terms[1], epochs=30, bs=8)),
              generator='s3_lwir', attention=0., data='lwir', bs=8),
          Recipe('nir-photos', (Phase('content', 2, (6e-4, 2.5e-3, 0.)),), data='photos', gray='infrared',
              **nir | dict(aged=.6, size=96)),
          Recipe('nir', (Phase('content', 8, (1e-4, 5e-4, 0.)),), data='nir', scenes='mountain,street', ema=.97,
              **nir),
          pictures_recipe('inpainting'), pictures_recipe('sketch')):
    recipes[r.name] = r

# %%
test_eq(replace(recipes['sketch'], name='inpainting', data='inpainting'), recipes['inpainting'])
test_eq([recipes[o].channels for o in ('s3-lwir', 'nir', 'inpainting', 's3')], [3, 1, 3, 1])
recipes['nir']

# %% [markdown]
# ## Films
#
# `video` begins with the weights of an image run, chosen as they were chosen for the shipped artifact. Clips of five frames, three of them answered, come from films and from photos that a camera moves over. What should it learn, and which of its weights should change?
#
# The obvious target is the true color, together with the two [losses over time](../losses/temporal.ipynb). That was tried first, with encoder frozen (content `steady`, `lam` 4, 1,320 steps), and gave the steadiest films and the dullest: of the image model's colorfulness .65, .94 and .44 were left on the last thirds of three films of whose first two thirds it had learned. The image model owes its colors to a critic and to rare colors weighted up; a loss over time takes them away again, since where colors are in doubt, brown is what flickers least. And four films are few to learn colors from.
#
# So a film model has another teacher: the image model, frame by frame. Its colors are the target, in L1, so that of an answer that flickers the more frequent color is right and not the mean; the warped terms decide between answers that are equally near. Films need no colors of their own then, true black and white ones will do. And the light that [wavers](../data/clips.ipynb) for the pupil does not for the teacher, so grain and flicker of old films are learned to be ignored. The teacher is the artifact in the package, or the one that `COLORBOOK_MODEL` names; it should be the one whose weights are the beginning.
#
# Even so the decoder, trained along (`lam` .4, 750 steps), made its colors paler to lower the loss: .91, .91 and .80 of the colorfulness were left. Therefore only the fusion learns, and the weights of the image model do not change. Fusion sees differences of frames and nothing else, so where a film stands still, and for photos, the colors are those of the image model by construction, and the loss can no longer be lowered by turning gray. With that, VCGAN's weights, 3 and 5, can stand as they are: `lam` is 1.

# %%
#| export
recipes['video'] = Recipe('video', (Phase('content', 8, (0., 2e-3, 0.), share=.2),), generator='temporal',
    content='follow', lam=1., taught=True, aged=.5, size=128, bs=8, valid=.05, data='clips', clip=1., bf16=True,
    floor=.97)

# %%
test_eq((recipes['s1'].lam, recipes['s1'].adv_weight, recipes['s1'].adversarial), (20., 1., 'lsgan'))
{k: recipes[k].data for k in ('s1', 's1-baseline', 'video')}

# %% [markdown]
# ## What was published

# %% [markdown]
# "S0 as published" is a claim about a hundred numbers, and nobody checks a hundred numbers by eye. So the constants of the five systems stand in a table beside this module, `published.yaml`, copied by hand from their papers, texts and code, each with its source. A row names recipes, a field, and the published value in our units; where theirs were others, a note says so. Where a recipe differs on purpose, the row also has our value, and why. A row is not only about fields: numbers of weights, first weights, slopes, norms, receptive fields and the values of losses have theirs, and a test measures all of them on what the recipe makes. A recipe that changes, and a difference that no longer is one, both fail.

# %%
#| export
def published() -> dict: # of each system: a list of rows
    "What the systems publish, and where our recipes differ and why"
    return yaml.safe_load((files('colorbook')/'training/published.yaml').read_text())

# %%
rows = [dict(system=k, **o) for k,each in published().items() for o in each]
names = lambda row: [n for n in recipes if any(fnmatch(n, p) for p in row.get('recipes', []))]
known,single = {f.name for f in fields(Recipe)},[o for o in rows if isinstance(o['field'], str)]
plain = lambda o: [*map(plain, o)] if isinstance(o, (tuple, list)) else o if isinstance(o, str) else round(float(o), 6)
ours = lambda o: plain(o.get('ours', o['published']))
want = {(n, o['field']): ours(o) for o in single if o['field'] in known for n in names(o)}
test_eq({(n, f): plain(getattr(recipes[n], f)) for n,f in want}, want)
len(rows),len(want)

# %% [markdown]
# The table lists all differences with their reasons. Most are of one kind: a published constant that depends on the size of pictures or batches has become one that does not.

# %%
differ = pd.DataFrame([o for o in rows if 'ours' in o])[['system', 'recipes', 'field', 'published', 'ours', 'why']]
differ['recipes'] = differ.recipes.map(lambda o: ', '.join(o) if isinstance(o, list) else '')
assert 20 < len(differ) < len(rows)/4 and differ.why.str.len().min() > 10
with pd.option_context('display.max_colwidth', None): display(differ.set_index('system'))

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
    with atomic_path(path) as f: f.write_text(yaml.safe_dump(to_plain(recipe), sort_keys=False))

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
    cast = {float: float, int: index, tuple: lambda o: tuple(x if isinstance(x, Phase) else float(x) for x in o)}
    return cls(**{k: cast.get(types[k], lambda o: o)(v) for k,v in d.items()})

def from_plain(d:dict) -> Recipe:
    "The recipe that `to_plain` turned into `d`"
    return build(Recipe, {**d, 'phases': [build(Phase, p) for p in d['phases']]})

# %%
#| export
def list_recipes(
    pattern:str='*', # with wildcards, such as 's4*'
) -> list: # names
    "Recipes that there are"
    return [o for o in recipes if fnmatch(o, pattern)]

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
def phase_recipe(
    recipe:Recipe,
    i:int, # number of the phase
) -> Recipe: # with the size, the batch and the content loss of the phase
    "A recipe as one of its phases sees it"
    p = recipe.phases[i]
    return replace(recipe, size=p.size or recipe.size, bs=p.bs or recipe.bs, content=p.content or recipe.content)

# %%
#| export
def vary(
    recipe:Recipe,
    changes:dict=None, # other values, by the names of fields
    epochs:int=None, # of the first phase
) -> Recipe: # the recipe with these changes
    "A recipe with some fields replaced; `UsageError` where it has no such field, or the value does not fit"
    changes = dict(changes or {})
    if epochs is not None: changes['phases'] = (replace(recipe.phases[0], epochs=epochs), *recipe.phases[1:])
    try: return build(Recipe, {**{f.name: getattr(recipe, f.name) for f in fields(recipe)}, **changes})
    except (TypeError, ValueError) as e: raise UsageError(f'no recipe has {changes}: {e}', 'see its fields') from e

# %%
home = Path(tempfile.mkdtemp())
for r in recipes.values():
    save_recipe(r, home/'r.yaml')
    test_eq(load_recipe(home/'r.yaml'), r)
text = (home/'r.yaml').read_text()
(home/'r.yaml').write_text('name: mine\nphases: [{mode: both, epochs: 1, lrs: [1e-4, 2e-4]}]\nlam: 1e2\n')
test_eq(load_recipe(home/'r.yaml'), Recipe('mine', (Phase('both', 1, (1e-4, 2e-4)),), lam=100.))
test_eq(vary(s0, dict(lam=10.), 3), replace(s0, lam=10., phases=(replace(s0.phases[0], epochs=3),)))
test_eq(list_recipes('s0*'), ['s0', 's0-large'])
small = replace(s0, phases=(replace(s0.phases[0], size=64, bs=16, content='l2'), s0.phases[0]))
test_eq([(o.size, o.bs, o.content) for o in (phase_recipe(small, i) for i in (0, 1))], [(64, 16, 'l2'), (224, 4, 'l1')])
test_fail(lambda: load_recipe('s00'), exc=UsageError, contains='s0, s0-large, s2, s2-fixed')
test_fail(lambda: vary(s0, dict(lamb=10)), exc=UsageError, contains='no lamb; it has name, phases')
test_fail(lambda: vary(s0, dict(lam='much')), exc=UsageError, contains='much')
test_fail(lambda: vary(s0, dict(bs=2.5)), exc=UsageError, contains='bs')
for bad in ('name: mine', 'phases: 3', '[', 'just words'):
    (home/'r.yaml').write_text(bad)
    test_fail(lambda: load_recipe(home/'r.yaml'), exc=InputError, contains='is no recipe')
print(text)

# %% [markdown]
# ## What we have
#
# - `published`, what five systems publish, and every difference with its reason;
# - `Recipe`, frozen data with a name, written to YAML and read from it, and the recipes of the five systems and of the product;
# - `vary`, which makes a recipe from a recipe, and errors that list what there is.

# %% [markdown]
# ## Exercises
#
# 1. Write a recipe in YAML whose third phase has `mode: content` again. When would one want that?
# 2. S0's flags are listed in [the appendix](../../appendix/flags.qmd#s0). Which fields of the recipe have no flag there, and which of them would you try first?
# 3. Which fields of the recipe `s1` differ from those of `s1-baseline`, and [which flag of S1](../../appendix/flags.qmd#s1) does each stand for?
