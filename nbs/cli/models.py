# %% [markdown]
# # The models command
#
# > List models, try them, and give a new one a name
#
# A model that one has trained, or was sent, is a file somewhere, and after a month nobody remembers where. `colorbook models` lists all that have a name, `colorbook models add FILE` gives one a name, and `colorbook models verify` tries them. Then `colorbook colorize --model NAME` uses one, and `--model NAME --model OTHER` the mean of two.

# %%
#| default_exp cli.models

# %%
#| export
import json
from typing import Annotated, Optional
import typer
from colorbook.cli.app import app, say
from colorbook.core import ColorbookError, with_progress

# %%
#| hide
import contextlib, io, os, shutil, tempfile
from pathlib import Path
import numpy as np
from PIL import Image
from fastcore.test import *
from colorbook.cli.app import main
from colorbook.imaging.artifact import default_model
from skimage import data

# %% [markdown]
# ## A list

# %% [markdown]
# A line is a name, the beginning of the file's hash, its size, what it is for, and what its card says of it. A file that is broken is listed with what is wrong with it, and does not keep the others from being listed.

# %%
#| export
def describe_model(
    name:str, # see `find_model`
    check:bool=False, # try it, too
) -> dict: # name, path, sha256, bytes, and `card`, or `error`
    "What there is to say about a model"
    from colorbook.imaging.artifact import card, check_model, find_model, model_hash
    path = find_model(name)
    row = dict(name=name, path=str(path), sha256=model_hash(path), bytes=path.stat().st_size)
    try: return row | dict(card=check_model(path) if check else card(path))
    except ColorbookError as e: return row | dict(error=str(e))

def model_line(
    row:dict, # of `describe_model`
) -> str:
    "A model in one line"
    head = f"{row['name']:16} {row['sha256'][:12]} {row['bytes']/1e6:6.1f} MB  "
    if 'error' in row: return head + f"broken: {row['error']}"
    o = row['card']
    kind = 'infrared' if o.get('light') else o.get('kind', 'photographs').replace('video', 'films')
    figures = o.get('metrics') or {}
    said = [f"{k} {figures[k]:.2f}" for k in ('psnr', 'lpips') if isinstance(figures.get(k), (int, float))]
    return head + f"{kind:12} {', '.join([str(o.get('name')) + ' ' + str(o.get('version') or ''), *said]).strip()}"

# %%
#| export
models = typer.Typer(help='List models; add and verify them.', invoke_without_command=True, no_args_is_help=False)
app.add_typer(models, name='models')

def _show(rows:list, as_json:bool):
    "Print rows; exit 3 if one of them is broken"
    print(json.dumps(rows, indent=2, ensure_ascii=False) if as_json else '\n'.join(map(model_line, rows)))
    raise typer.Exit(3 if any('error' in o for o in rows) else 0)

@models.callback()
def models_command(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option('--json', help='Everything, with the whole cards, as JSON.')] = False,
):
    "List models: name, hash, size and card; exit code 3 if one of them is broken."
    from colorbook.imaging.artifact import list_models, model_folder
    if ctx.invoked_subcommand: return
    if not as_json: say(f"models of your own are in '{model_folder()}'")
    _show([describe_model(o) for o in list_models()], as_json)

# %%
#| export
@models.command('verify')
def verify_command(
    names: Annotated[Optional[list[str]], typer.Argument(metavar='MODEL...', help='Names, files; else all.')] = None,
    as_json: Annotated[bool, typer.Option('--json', help='As JSON.')] = False,
):
    "Try models: the file is the one that was added, opens, and colors a ramp with numbers that are numbers."
    from colorbook.imaging.artifact import list_models
    names = names or [*list_models()]
    _show([describe_model(o, check=True) for o in with_progress(names, 'verifying')], as_json)

@models.command('add')
def add_command(
    file: Annotated[str, typer.Argument(metavar='FILE.onnx', help='A model.')],
    name: Annotated[Optional[str], typer.Option(help='What to call it; else as the file is called.')] = None,
    overwrite: Annotated[bool, typer.Option('--overwrite', help='Take the place of one of that name.')] = False,
):
    "Verify a model and put it away under a name."
    from colorbook.imaging.artifact import add_model
    print(model_line(describe_model(add_model(file, name, overwrite).stem)))

# %%
home = Path(tempfile.mkdtemp())
os.environ['COLORBOOK_MODELS'] = str(home/'models')
def run(*args):
    "Exit code, standard output and error of the command"
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()) as out:
        code = main([*map(str, args)])
    return code,out.getvalue().strip(),said.getvalue().strip()

code,out,said = run('models')
test_eq((code, [o.split()[0] for o in out.splitlines()], str(home) in said), (0, ['default', 'film', 'infrared'], True))
shutil.copy(default_model(), home/'some.onnx')
test_eq(run('models', 'add', home/'some.onnx', '--name', 'portraits')[0], 0)
test_eq(run('models', 'add', home/'some.onnx', '--name', 'portraits')[0], 2)
test_eq(run('models', 'add', home/'some.onnx', '--name', 'portraits', '--overwrite')[0], 0)
test_eq(run('models', 'verify')[0], 0)
rows = json.loads(run('models', '--json')[1])
test_eq([o['card']['format'] for o in rows], [1, 1, 1, 1])
print(run('models')[1])

# %% [markdown]
# So it looks on a terminal: three models of the package, and the one that was added.

# %% [markdown]
# A name colors as its file does, and two names as the mean of both. A name that nobody knows is an error that lists the others.

# %%
Image.fromarray(data.camera()[::4,::4]).save(home/'a.png')
for i,o in enumerate(([], ['-m', 'portraits'], ['-m', 'portraits', '-m', 'default'])):
    test_eq(run('colorize', home/'a.png', '-o', home/f'{i}.png', *o)[0], 0)
made = [np.asarray(Image.open(home/f'{i}.png')).astype(int) for i in range(3)]
test_eq(made[0], made[1])
assert np.abs(made[0] - made[2]).max() <= 1
code,_,said = run('colorize', home/'a.png', '-o', home/'x.png', '-m', 'nobody')
test_eq((code, (home/'x.png').exists()), (3, False))
said

# %% [markdown]
# A file that is cut off is listed as broken, fails `verify`, and is not added.

# %%
(home/'cut.onnx').write_bytes(default_model().read_bytes()[:1000])
code,_,said = run('models', 'add', home/'cut.onnx')
test_eq((code, 'cannot be loaded' in said, (home/'models/cut.onnx').exists()), (3, True, False))
shutil.copy(home/'cut.onnx', home/'models/cut.onnx')
for words in (['models'], ['models', 'verify'], ['models', 'verify', 'cut']):
    code,out,_ = run(*words)
    test_eq((code, 'cut  ' in out and 'broken: ' in out), (3, True))
test_eq(run('models', 'verify', 'default')[0], 0)
test_eq(run('models', 'verify', 'nobody')[0], 3)

# %% [markdown]
# ## What we have
#
# - `colorbook models`, its `add` and its `verify`;
# - `--model NAME` wherever a model is taken, and `--model` twice for the mean of two.

# %% [markdown]
# ## Exercises
#
# 1. Color an album with each of two models and with their mean. Measure all three with `colorbook evaluate`: is the mean better than both?
