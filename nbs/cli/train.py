# %% [markdown]
# # The training commands
#
# > From a folder of photographs to a model of one's own, in three commands
#
# If the model in the package is not good enough for your photographs, train another: `colorbook train` learns from a folder by a recipe, `export` makes one file of the best weights, and `evaluate` says how good it is. No line of Python is needed, and the file is what `colorbook colorize --model` takes. The [guide](../../guides/train.qmd) shows their use; this chapter is their code.

# %%
#| default_exp cli.train

# %%
#| export
from typing import Annotated, Optional
import typer
from colorbook.cli.app import train_half, app
from colorbook.core import UsageError

# %%
#| hide
import contextlib, io, json, tempfile
from pathlib import Path
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from colorbook.cli.app import main
from colorbook.data.photos import sample_photos
from colorbook.training.recipes import Phase, recipes, replace, save_recipe

# %% [markdown]
# ## Train, export, measure

# %% [markdown]
# A [recipe](../training/recipes.ipynb) is a name or a YAML file; options replace what it says, `--set` any field: `--set lam=50 --set generator=pix2pix_transposed`. A run that was stopped goes on when it is started again, and at the end the best of its weights are exported by [the rule](../training/trainer.ipynb#the-rule-for-what-is-shipped). `export` does that again, for instance after more training, and [`evaluate`](evaluate.ipynb) measures a model on photographs that it has not seen.

# %%
#| export
def parse_changes(
    changes:list, # lines such as 'lam=50'
) -> dict: # values by the names of fields
    "Fields of a recipe as the command line gives them; `UsageError` where there is no field or a phase is meant"
    import yaml
    pairs = dict(o.split('=', 1) if '=' in o else (o, '') for o in changes)
    wrong = [k for k,v in pairs.items() if not v or k in ('name', 'phases')]
    if wrong: raise UsageError(f"--set '{wrong[0]}' is not FIELD=VALUE", 'for phases edit the recipe.yaml of a run')
    return {k: yaml.safe_load(v) for k,v in pairs.items()}

# %%
#| export
@app.command('train')
def train_command(
    recipe: Annotated[str, typer.Argument(help='The name of a recipe, or a YAML file.')],
    photos: Annotated[str, typer.Argument(metavar='DATA', help='Photographs: folder, tars, list or .h5; or films.')],
    out: Annotated[Optional[str], typer.Option('--out', '-o', help='The folder of the run.')] = None,
    epochs: Annotated[Optional[int], typer.Option(help='Of the first phase, instead of what the recipe says.')] = None,
    batch_size: Annotated[Optional[int], typer.Option(help='Instead of what the recipe says.')] = None,
    seed: Annotated[Optional[int], typer.Option(help='Instead of what the recipe says.')] = None,
    weights: Annotated[Optional[str], typer.Option(help='Weights for the encoder; for `video` an image run.')] = None,
    change: Annotated[Optional[list[str]], typer.Option('--set', metavar='FIELD=VALUE',
        help='Another value for a field of the recipe; may be repeated.')] = None,
    workers: Annotated[int, typer.Option(help='Processes that decode; for sets that do not fit into memory.')] = 0,
    prior: Annotated[Optional[str], typer.Option(help='What `colorbook data doctor` wrote of the colors.')] = None,
    resume: Annotated[bool, typer.Option('--resume/--no-resume', help='Go on with a run that was stopped.')] = True,
    cache: Annotated[Optional[str], typer.Option(help='A folder for decoded photographs, shared by runs.')] = None,
    tensorboard: Annotated[bool, typer.Option('--tensorboard', help='Write for TensorBoard, too.')] = False,
):
    "Train a model by a recipe and export it; a run that was stopped goes on where it was."
    given = dict(bs=batch_size, seed=seed)
    changes = {k:v for k,v in given.items() if v is not None} | parse_changes(change or [])
    run = train_half('training.trainer').train(recipe, photos, out, changes=changes, epochs=epochs, resume=resume,
        weights=weights, workers=workers, prior=prior, tensorboard=tensorboard, cache=cache)
    print(train_half('training.export').export_run(run))

# %%
#| export
@app.command('pretrain')
def pretrain_command(
    photos: Annotated[str, typer.Argument(metavar='DATA', help='Photographs, a folder for each kind of thing.')],
    task: Annotated[str, typer.Option(help='gray, rgb, inpainting or gray_inpainting.')] = 'gray',
    out: Annotated[Optional[str], typer.Option('--out', '-o', help='The folder of the run.')] = None,
    epochs: Annotated[int, typer.Option(help='Times that the photographs go round.')] = 150,
    batch_size: Annotated[int, typer.Option(help='Photographs a step.')] = 256,
    size: Annotated[int, typer.Option(help='Side of the crops.')] = 256,
    lr: Annotated[float, typer.Option(help='The learning rate; a tenth after every 30 epochs.')] = .01,
    seed: Annotated[int, typer.Option(help='Another seed, other first weights.')] = 0,
    workers: Annotated[int, typer.Option(help='Processes that decode; for sets that do not fit into memory.')] = 0,
    resume: Annotated[bool, typer.Option('--resume/--no-resume', help='Go on with a run that was stopped.')] = True,
):
    "Train the encoder of s3's scene to tell what is on photographs; s3 begins with it by --weights."
    scene = train_half('training.scene')
    how = scene.SceneTraining(task, epochs, lr, bs=batch_size, size=size, seed=seed)
    print(scene.pretrain(photos, out, how, resume, workers)/'scene.safetensors')

# %%
#| export
@app.command('export')
def export_command(
    run: Annotated[str, typer.Argument(help='The folder of a run.')],
    out: Annotated[str, typer.Argument(metavar='OUT.onnx', help='The artifact.')],
):
    "Make an artifact of a run."
    print(train_half('training.export').export_run(run, out))

# %%
#| export
@app.command('rank')
def rank_command(
    run: Annotated[str, typer.Argument(help='The folder of a run whose critic was trained.')],
    photo: Annotated[str, typer.Argument(help='A photograph.')],
    out: Annotated[str, typer.Option('--out', '-o', help='The sheet.')] = 'ranked.png',
    n: Annotated[int, typer.Option('--n', help='How many answers.')] = 64,
    seed: Annotated[int, typer.Option(help='Another seed, other answers.')] = 0,
):
    "Many answers for one photograph, sorted by the run's critic, the most believable first."
    from colorbook.core import atomic_path
    sheet = train_half('training.runs').Run(run).ranked(photo, n, seed)
    with atomic_path(out) as f: sheet.save(f)
    print(out)

# %% [markdown]
# `rank` is for runs whose generator has [many answers](../evaluation/diversity.ipynb).
#
# Train, export and evaluate in a row, with S0 at 32 pixels for a single epoch: far too little for color, and enough to see that every command takes what the one before it left. The list is the folder of the run.

# %%
home = Path(tempfile.mkdtemp())
(home/'photos').mkdir()
for i,o in enumerate(sample_photos(96)):
    for j,xy in enumerate(((0, 0), (48, 0), (0, 48), (48, 48))):
        o.crop((*xy, xy[0] + 48, xy[1] + 48)).save(home/f'photos/{i}-{j}.png')
phases = (Phase('both', 3, (1e-4, 1e-4), 'constant'),)
save_recipe(replace(recipes['s0'], name='mine', size=32, phases=phases), home/'mine.yaml')
def run(*args):
    "Exit code, standard output and error of the command"
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()) as out:
        code = main([*map(str, args)])
    return code,out.getvalue().strip(),said.getvalue().strip()

options = '--epochs', 1, '--batch-size', 8, '--set', 'lam=50'
code,out,_ = run('train', home/'mine.yaml', home/'photos', '-o', home/'run', *options)
test_eq((code, out.splitlines()[-1]), (0, str(home/'run/artifact.onnx')))
test_eq(run('export', home/'run', home/'mine.onnx')[0], 0)
assert (home/'mine.onnx').read_bytes() == (home/'run/artifact.onnx').read_bytes()
code,out,_ = run('evaluate', home/'mine.onnx', home/'photos', '-o', home/'measured', '--size', 64)
test_eq((code, 'psnr' in out.lower()), (0, True))
test_eq(run('colorize', home/'photos', '-o', home/'colored', '-m', home/'mine.onnx')[0], 0)
card = json.loads(run('card', home/'mine.onnx')[1])
test_eq((card['recipe']['bs'], card['recipe']['lam']), (8, 50))
test_eq(run('colorize', home/'photos/0-0.png', '-m', home/'mine.onnx', '-o', home/'out.png')[0], 0)
sorted(o.name for o in (home/'run').iterdir())

# %% [markdown]
# Other options for a run that has begun are refused in one line:

# %%
said = run('train', home/'mine.yaml', home/'photos', '-o', home/'run', '--epochs', 2)[2]
said.replace(str(home), '')

# %%
#| label: fig-first-epoch
#| fig-cap: "The sheet after one epoch, as `colorbook train` leaves it: gray, truth, generated."
fig,ax = plt.subplots(figsize=(4, 6))
ax.imshow(Image.open(home/'run/sheet-0-000.jpg'))
ax.axis('off');

# %% [markdown]
# In @fig-first-epoch the right column is no color yet. The green and gray squares are the pattern that a row of untrained [transposed convolutions](../models/s0.ipynb) makes of anything, which a few steps have hardly changed.

# %% [markdown]
# ## What we have
#
# - `colorbook train RECIPE DATA`, stopped and started at will;
# - `colorbook export`, the second step of the same way, with [`colorbook evaluate`](evaluate.ipynb) as the third;
# - `colorbook rank`, a critic's choice among many answers;
# - a model file of one's own for `colorbook colorize --model`.

# %% [markdown]
# ## Exercises
#
# 1. Train on a folder of one kind of pictures, and evaluate on another kind. Which of the figures shows it first?
# 2. Stop a run with `kill -9` and start it again. How many steps are repeated at most, and what decides that?
# 3. Write a recipe that only warms the default model up on your pictures: which phases, which rates?
