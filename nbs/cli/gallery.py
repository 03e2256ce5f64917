# %% [markdown]
# # The gallery command
#
# > An album in, one page out
#
# `colorbook colorize` colors every photograph of a folder and leaves the looking to the reader. At the end of this chapter `colorbook gallery FOLDER` colors small copies of all of them and lays them out side by side, [on a contact sheet and a page](../evaluation/gallery.ipynb) with figures, which takes a fraction of the time and of the disk, and answers the question that comes first: is this model any good for *my* photographs?

# %%
#| default_exp cli.gallery

# %%
#| export
from pathlib import Path
from typing import Annotated, Optional
import typer
from colorbook.cli.app import app, say
from colorbook.imaging.folder import find_pictures

# %%
#| hide
import contextlib, io, json, tempfile
from PIL import Image
from fastcore.test import *
from skimage import data
from colorbook.cli.app import main

# %% [markdown]
# ## The command

# %% [markdown]
# The originals are not touched, and the folder of the gallery is never taken for a part of the album, even if it lies inside it. Exit codes are those of every command: 3 if a photograph could not be used.

# %%
#| export
@app.command('gallery')
def gallery_command(
    inputs: Annotated[list[str], typer.Argument(metavar='DIR...', help='Folders, files or patterns.')],
    out: Annotated[str, typer.Option('--out', '-o', help='A folder for sheet, page and table.')] = 'gallery',
    model: Annotated[Optional[list[str]], typer.Option('--model', '-m',
        help='A name of `colorbook models` or an .onnx file; given twice, the mean of both.')] = None,
    size: Annotated[Optional[int], typer.Option(help='The network sees about SIZE x SIZE pixels.')] = None,
    saturation: Annotated[float, typer.Option(help='Factor on color; 1 is as trained.')] = 1.,
    side: Annotated[int, typer.Option(help='Longest side of a picture on the page.')] = 480,
    title: Annotated[Optional[str], typer.Option(help='Of the page; else the name of the folder.')] = None,
):
    "Color an album for the eye: a contact sheet, a page that sorts, and figures that need no truth."
    from colorbook.evaluation.gallery import make_gallery
    from colorbook.imaging.colorizer import check_options
    check_options(size, saturation)
    found,home = [find_pictures(o) for o in inputs],Path(out).resolve()
    photos = [(f.relative_to(root).as_posix(), f) for some,root in found for f in some
        if home not in f.resolve().parents]
    title = title or ', '.join(Path(o).resolve().name for o in inputs)
    report = make_gallery(photos, out, model or None, size, saturation, side, title)
    for o in report['pictures']:
        if 'error' in o: say(f"colorbook: left out: {o['error']}")
    lost = f", {report['failed']} left out" if report['failed'] else ''
    say(f"{report['done']} photographs in '{Path(out)/'page.html'}'{lost}")
    raise typer.Exit(3 if report['failed'] else 0)

# %%
home = Path(tempfile.mkdtemp())
(home/'album/1920').mkdir(parents=True)
for name in ('camera', '1920/moon'):
    Image.fromarray(getattr(data, Path(name).stem)()[::2,::2]).save(home/f'album/{name}.png')
def run(*args):
    "Exit code and standard error of the command"
    with contextlib.redirect_stderr(io.StringIO()) as said: code = main(['gallery', *map(str, args)])
    return code,said.getvalue().strip()

for _ in range(2): # the second time the gallery is in the album, and not of it
    code,said = run(home/'album', '-o', home/'album/gallery')
    test_eq((code, said.startswith('2 photographs in')), (0, True))
names = [o['name'] for o in json.loads((home/'album/gallery/gallery.json').read_text())['pictures']]
test_eq(names, ['1920/moon.png', 'camera.png'])
(home/'album/half.jpg').write_bytes(b'half a picture')
code,said = run(home/'album', '-o', home/'other', '-m', 'default', '--saturation', 0, '--title', 'Mine')
test_eq((code, 'half.jpg' in said, 'left out' in said.splitlines()[-1]), (3, True, True))
report = json.loads((home/'other/gallery.json').read_text())
test_eq((report['means']['colorfulness'] < .5, '<h1>Mine</h1>' in (home/'other/page.html').read_text()), (True, True))
test_eq([run(home/'none')[0], run(home/'album', '--size', 3)[0], run(home/'album', '-m', 'none')[0]], [3, 2, 3])
said.replace(f'{home}/', '')

# %% [markdown]
# ## What we have
#
# - `colorbook gallery`: an album on a sheet and a page, without torch, without touching it.

# %% [markdown]
# ## Exercises
#
# 1. Make a gallery of your own album with each of two models (`--model`). On which photographs do the figures differ most?
