# %% [markdown]
# # From names to networks
#
# > The names in a recipe become networks, losses and pictures; what does not go together is refused
#
# A [recipe](recipes.ipynb) is data, so it names its networks, losses and pictures instead of holding them. Generators and critics are in [tables](../models/registry.ipynb) that say what each answers or can judge, [content](../losses/content.ipynb) and [adversarial losses](../losses/adversarial.ipynb) in tables that say what they can read. Here the names become networks; and a recipe whose parts do not go together is refused before a picture is read, with an error that names the parts that would.

# %%
#| default_exp training.registry

# %% tags=["parameters"]
size = 32

# %%
#| export
import torch
from fastai.vision.all import *
from torch import nn
from torch.random import fork_rng
from colorbook.color.lab import gray_to_L, grays
from colorbook.core import UsageError
from colorbook.data.loaders import data_loaders, targets
from colorbook.imaging.colorizer import load_model
from colorbook.losses.adversarial import adversarial_losses
from colorbook.losses.content import content_losses
from colorbook.models.registry import create_critic, create_generator # for the room's list of names
from colorbook.models.registry import critics, generators, outputs
from colorbook.training.gan import GAN, LossWeights
from colorbook.training.recipes import Recipe
from colorbook.training.critic_schedules import as_schedule
from colorbook.training.optimization import lr_schedule

# %%
#| hide
import numpy as np
from fastcore.test import *
from colorbook.data.photos import sample_photos
from colorbook.training.gan import gan_splitter
from colorbook.training.recipes import recipes, replace

# %% [markdown]
# ## The networks of a recipe

# %% [markdown]
# The kind of a generator's answer decides what it is compared with (the `target`, which is no field of a recipe), and what its critic sees: three channels for RGB and two for $ab$, at full size or at a quarter. First weights are drawn with the recipe's seed, by a random generator of their own, so that the program's own generators stay where they were.

# %%
#| export
def make_generator(
    recipe:Recipe,
    state:dict=None, # pretrained weights, see `colorbook.training.pretrained.state_for`
) -> nn.Module:
    "The generator of a recipe"
    return generators[recipe.generator](size=recipe.size, state=state)

def make_gan(
    recipe:Recipe,
    state:dict=None, # pretrained weights for the generator
) -> GAN: # generator and critic with their first weights
    "The two networks of a recipe"
    out = outputs[generators[recipe.generator].output]
    with fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        weights = LossWeights() if recipe.learn_weights else None
        gen,critic = make_generator(recipe, state),critics[recipe.critic]
        gan = GAN(gen, critic(size=recipe.size//out.stride, n_color=out.channels), weights, recipe.bf16)
    return gan.to(memory_format=torch.channels_last)

# %%
s0 = recipes['s0']
before = torch.get_rng_state()
gan = make_gan(s0)
test_eq(torch.get_rng_state(), before)
test_eq([sum(p.numel() for p in o.parameters()) for o in gan.children()], [7_822_336, 16_758_848])
for a,b in zip(make_gan(replace(s0, size=size)).parameters(), make_gan(replace(s0, size=size, bf16=True)).parameters()):
    test_eq(a, b)
test_eq([len(gan_splitter(make_gan(r))) for r in (replace(s0, size=size), recipes['default'])], [2, 3])
small = ('s2', 's4-gan-l1', 's4-ebgan-l2', 's4-wgan-gp-l1', 's1', 'video')
{k: len(gan_splitter(make_gan(replace(recipes[k], size=2*size)))) for k in small}

# %% [markdown]
# A recipe gives as many learning rates as there are groups of weights. Most have two, generator and critic; a generator with a pretrained encoder has three, so that the encoder can learn more slowly.

# %% [markdown]
# ## A teacher

# %% [markdown]
# A film model learns from the image model, frame by frame: its target is what the model in the package answers, or the one that `COLORBOOK_MODEL` names. This *teacher* answers to each picture by itself, at any size that the network can halve. The value is the mean strength of its color on two photographs, on the scale on which 1 is 110 units of Lab.

# %%
#| export
def teach(
    rgb:torch.Tensor, # `n`x3xHxW in 0..1, sides multiples of 32
) -> torch.Tensor: # `n`x2x(H/4)x(W/4), color in units of 110
    "What the image model in the package answers to each picture"
    model = load_model()
    L = gray_to_L(grays[model.card['gray']](rgb))
    return torch.stack([torch.from_numpy(model.ab(o[0].numpy())) for o in L.cpu()]).to(rgb)

targets['taught'] = teach

# %%
pictures = torch.stack([torch.from_numpy(np.array(o)).permute(2, 0, 1)/255 for o in sample_photos(64)[:2]])
color = teach(pictures)
test_eq(color.shape, (2, 2, 16, 16))
test_close(color[1], load_model().ab(gray_to_L(grays['lstar'](pictures))[1,0].numpy()), eps=1e-6)
assert .02 < color.abs().mean() < 1
color.abs().mean().item()

# %% [markdown]
# ## What fits

# %% [markdown]
# Which fields of a recipe go together? A generator's kind of answer decides the content losses that can read it, and whether a critic can judge it. A generator for films wants clips. An energy wants a loss for energies. A gradient penalty is computed for each picture by itself, and batch norm mixes the pictures of a batch. Weights between losses can only be learned where both losses stay positive, otherwise they run away. All of this is declared where the parts are defined, so no network has to be made to check it.

# %%
#| export
def that_fit(table, test) -> str: # names, separated by commas
    "Names of a registry whose entries pass a test"
    return ', '.join(o for o in table if test(table[o]))

def contents(recipe:Recipe) -> list: # names
    "The recipe's content losses: its own, and those of phases that have another"
    return [*{recipe.content: 0, **{p.content: 0 for p in recipe.phases if p.content}}]

def check_names(recipe:Recipe):
    "`UsageError` where a recipe names what does not exist"
    for p in recipe.phases: p.mode == 'plain' or as_schedule(p.mode), lr_schedule(p.schedule, p.lrs)
    for table,name in ((generators, recipe.generator), (critics, recipe.critic), (data_loaders, recipe.data),
        (adversarial_losses, recipe.adversarial), *((content_losses, o) for o in contents(recipe))): table[name]
    if recipe.gray not in grays: raise UsageError(f"there is no gray '{recipe.gray}'", f"choose {', '.join(grays)}")

def check_sizes(recipe:Recipe):
    "`UsageError` where a phase has a size that pictures or networks do not have"
    nets = {'generator': generators[recipe.generator], 'critic': critics[recipe.critic]}
    bound = ' and '.join(f"{k} '{o.name}'" for k,o in nets.items() if o.takes('size'))
    for i,p in enumerate(recipe.phases):
        if min(p.size, p.bs) < 0 or p.size > recipe.size:
            raise UsageError(f'phase {i} has size {p.size} and bs {p.bs}, and the recipe has size {recipe.size}',
                'give smaller sizes, and the largest as the size of the recipe')
        if bound and p.size not in (0, recipe.size):
            raise UsageError(f'{bound} can be trained at one size only', f'leave the size out in phase {i}')

def check_team(recipe:Recipe, fought:bool):
    "`UsageError` where a recipe cannot be trained by so many processes"
    if recipe.processes == 1: return
    if fought or not data_loaders[recipe.data].photos:
        raise UsageError('several processes train by the content loss alone, on photos or varied', 'set processes to 1')
    if recipe.processes < 1 or any((p.bs or recipe.bs)%recipe.processes for p in recipe.phases):
        raise UsageError(f'batches do not divide by {recipe.processes} processes', 'change bs or processes')

def searched(
    entry, # of `colorbook.models.registry.generators`
) -> bool:
    "Has it settings that are tried after training, see `colorbook.training.selection.choose`?"
    return entry.output in ('bins', 'bins4') and not entry.film

def check_mean(recipe:Recipe):
    "`UsageError` where the mean of weights cannot be made, or cannot be compared with the others"
    asked = [p for p in recipe.phases if p.mean]
    if asked and (len(asked) < 2 or any(p.mode != 'content' for p in asked)):
        raise UsageError('a mean is of the weights of two or more phases that are content', 'leave it out elsewhere')
    if asked and not searched(generators[recipe.generator]):
        raise UsageError(f"'{recipe.generator}' has no settings to be tried, so a mean is never chosen",
            f"choose generator {that_fit(generators, searched)}, or leave it out")

def check_recipe(recipe:Recipe) -> Recipe: # the same
    "`UsageError` where a recipe names what does not exist, or what does not go together; it names what does"
    check_names(recipe)
    check_sizes(recipe)
    gen,critic,loss = generators[recipe.generator],critics[recipe.critic],adversarial_losses[recipe.adversarial]
    kind,data = outputs[gen.output],data_loaders[recipe.data]
    fought = any(p.mode != 'content' for p in recipe.phases)
    check_team(recipe, fought)
    color = 'rgb' if kind.channels == 3 else 'ab'
    def no(what, field, names): raise UsageError(f'{what}', f'choose {field} {names}' if names else 'change the other')
    if recipe.taught and kind.target != 'ab4':
        no(f"generator '{gen.name}' answers {gen.output}, and the model that teaches answers ab4", 'taught false or '
            'generator', that_fit(generators, lambda o: outputs[o.output].target == 'ab4' and o.film == gen.film))
    for name in contents(recipe):
        if gen.output not in content_losses[name].outputs:
            no(f"content loss '{name}' cannot read {gen.output}, the answer of '{gen.name}'", 'content',
                that_fit(content_losses, lambda o: gen.output in o.outputs))
        if data.saliency and not content_losses[name].saliency:
            no(f"data '{data.name}' brings saliency, of which content loss '{name}' knows nothing", 'content',
                that_fit(content_losses, lambda o: o.saliency))
    check_mean(recipe)
    if (recipe.attention or fought and critic.saliency) and not (kind.saliency and data.saliency):
        what = 'the attention loss' if recipe.attention else f"critic '{critic.name}'"
        no(f'{what} needs maps of saliency in data and answer', 'data and generator', ', '.join(
            [that_fit(data_loaders, lambda o: o.saliency), that_fit(generators, lambda o: outputs[o.output].saliency)]))
    if recipe.scenes and not data.pairs:
        no(f"scenes are held out of pairs, and data is '{data.name}'", 'data',
            that_fit(data_loaders, lambda o: o.pairs))
    if gen.n_in == 3 and not data.instead:
        no(f"generator '{gen.name}' looks at three channels, and data '{data.name}' has one", 'data',
            that_fit(data_loaders, lambda o: o.instead))
    if gen.film != data.films:
        no(f"generator '{gen.name}' is {'' if gen.film else 'not '}for films, and data is '{data.name}'", 'data',
            that_fit(data_loaders, lambda o: o.films == gen.film))
    if fought and color not in critic.colors:
        no(f"critic '{critic.name}' judges {' or '.join(critic.colors)}, and '{gen.name}' answers {gen.output}",
            'critic', that_fit(critics, lambda o: color in o.colors))
    if fought and critic.energy != loss.energy:
        no(f"critic '{critic.name}' answers with {'an energy' if critic.energy else 'scores'}, which "
           f"'{loss.name}' cannot read", 'adversarial',
            that_fit(adversarial_losses, lambda o: o.energy == critic.energy))
    if fought and loss.alone and critic.mixes:
        no(f"'{loss.name}' asks for each picture alone, and critic '{critic.name}' has batch norm", 'critic',
            that_fit(critics, lambda o: not o.mixes and not o.energy and color in o.colors))
    if critic.saliency and any(p.stop for p in recipe.phases):
        raise UsageError(f"a stop shows its panel without saliency, which critic '{critic.name}' wants to see",
            'leave it out, or choose another critic')
    if any(p.stop and p.mode in ('content', 'critic', 'plain') for p in recipe.phases):
        raise UsageError('a stop looks for the best moment of a generator that plays against a critic',
            'leave it out in phases that are content, critic or plain')
    if recipe.learn_weights and not loss.positive:
        no(f"'{loss.name}' can be negative, so weights that are learned run away", 'learn_weights false or adversarial',
            that_fit(adversarial_losses, lambda o: o.positive and o.energy == critic.energy))
    return recipe

# %% [markdown]
# All recipes of the library pass. Five that do not, and what is said of each:

# %%
for r in recipes.values(): check_recipe(r)
def refused(name, *said, **fields):
    "A recipe with other fields is refused with these words"
    r = replace(recipes[name], **fields)
    for o in said: test_fail(lambda: check_recipe(r), exc=UsageError, contains=o)

refused('s0', "no critic 's00'; choose ", critic='s00')
refused('s4-gan-l1', "'bins' cannot read ab, the answer of 'pix2pix'; choose content colorful, l1", content='bins')
refused('s4-gan-l1', "critic 's4' has batch norm; choose critic ", 's4_gp', adversarial='wgan_gp')
refused('s0', "not for films, and data is 'clips'; choose data inpainting, lwir, nir", data='clips')
refused('default', 'do not divide by 3 processes', processes=3)

# %% [markdown]
# ## What we have
#
# - `make_gan`, the two networks of a recipe, and `make_generator`;
# - `check_recipe`: what does not go together is refused, and what does is named.

# %% [markdown]
# ## Exercises
#
# 1. Enter a critic of your own and train `s0` with it, without changing a file of the library. What happens if it says of itself that it judges $ab$ alone?
# 2. `default` has three learning rates, `s0` two. Where is that decided, and what would a fourth stand for?
