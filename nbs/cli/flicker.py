# %% [markdown]
# # The flicker command
#
# > A film, its colored versions, one line
#
# Whoever has colored a film with two programs wants to know which of them trembles less, and where. At the end of this chapter `colorbook flicker ORIGINAL COLORED...` says so for the files of any program: a table with the truth in it, the worst shots, the worst moments with their times, a picture of the timeline, and JSON for other programs. It loads no torch.

# %%
#| default_exp cli.flicker

# %%
#| export
import sys
from typing import Annotated, Optional
import typer
from colorbook.cli.app import app

# %%
#| hide
import contextlib, io, json, tempfile
from pathlib import Path
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from skimage import data
from colorbook.cli.app import main
from colorbook.video.read import write_clip
from colorbook.data.synthetic import travel

# %% [markdown]
# ## What is printed

# %% [markdown]
# The [report](../evaluation/flicker.ipynb) knows more than fits on a screen. Three measures are printed, each with its excess over the original's where the original is in color: color distribution consistency and warp error in thousandths, and the change of color from frame to frame in percent of the color. Of many shots the five worst are shown, and of the moments three; the rest is in the JSON.

# %%
#| export
MEASURES = dict(cdc=('CDC, 1e-3', 1e3), warp_error=('warp error, 1e-3', 1e3), color_change=('color change, %', 100))

def _number(v:float|None, sign:str='') -> str: return '-' if v is None else f'{v:{sign}.3f}'

def _cells(o:dict) -> list:
    "The measures of a line, each with its excess"
    out = []
    for k,(_,by) in MEASURES.items():
        value,more = (None if v is None else v*by for v in (o[k], o[f'{k}_excess']))
        out.append(_number(value) + (f' ({_number(more, "+")})' if more is not None else ''))
    return out

# %%
#| export
def _table(title:str, first:list, rows:list):
    "A table of rich: names of the first columns, and rows of their cells and a line of figures"
    from rich.table import Table
    table = Table(*first, title=title, title_justify='left')
    for head,_ in MEASURES.values(): table.add_column(head, justify='right')
    for cells,line in rows: table.add_row(*map(str, cells), *_cells(line))
    return table

def _clock(t:float) -> str: return f'{int(t)//60}:{t%60:05.2f}'

# %%
#| export
def _shots(version:dict, most:int=5):
    "The worst shots of a version; None if there is one only"
    shots = sorted(version['shots'], key=lambda o: -(o['color_change'] or 0))
    rows = [((o['shot'], _clock(o['start']), _clock(o['stop']), o['frames']), o) for o in shots[:most]]
    title = f"{version['name']}: the {len(rows)} worst of {len(shots)} shots"
    return _table(title, ['shot', 'from', 'to', 'frames'], rows) if len(shots) > 1 else None

def print_flicker(
    found:dict, # `FlickerReport.as_dict()`
    console, # of rich
):
    "The tables of a report"
    lines = [found['original'], *found['versions']] # the original has no excess over itself
    lines = [((o['name'],), o if i else o | {f'{k}_excess': None for k in MEASURES}) for i,o in enumerate(lines)]
    console.print(_table(f"{found['frames']} frames", ['film'], lines))
    if not found['truth']: console.print('The original has no colors of its own: nothing to compare with.')
    for o in found['versions']:
        shots = _shots(o)
        if shots: console.print(shots)
        when = ', '.join(_clock(k['time']) for k in o['worst'][:3])
        if when: console.print(f"{o['name']}: look at {when}")

# %% [markdown]
# ## The command

# %%
#| export
@app.command('flicker')
def flicker_command(
    original: Annotated[str, typer.Argument(help='A video or a folder of frames, in color if the truth is known.')],
    colored: Annotated[list[str], typer.Argument(help='Versions of it with as many frames, by any program.')],
    json_: Annotated[Optional[str], typer.Option('--json', metavar='FILE', help='Write all figures.')] = None,
    plot: Annotated[Optional[str], typer.Option(metavar='FILE', help='Draw timeline and worst moments.')] = None,
    truth: Annotated[Optional[bool], typer.Option('--truth/--no-truth', help="Whether the original's colors are true; "
        'looked at if not said.')] = None,
):
    "How much the colors of a film tremble, beside the true ones."
    from rich.console import Console
    from colorbook.evaluation.flicker import flicker_report
    from colorbook.imaging.io import format_of
    from colorbook.evaluation.flicker_plot import plot_flicker
    if plot: format_of(plot)
    found = flicker_report(original, *colored, truth=truth)
    if json_: found.save(json_)
    if plot: plot_flicker(found, plot)
    wide = None if sys.stdout.isatty() else 140
    print_flicker(found.as_dict(), Console(width=wide, soft_wrap=True, force_jupyter=False, markup=False,
        highlight=False))

# %% [markdown]
# A clip of two shots and two versions: in one the color is stronger and weaker by turns, in the other it is what it was. The table says which; the JSON has what the table has. Files that are missing, that are no video or that end early are one line and 3, a picture of an unknown kind is 4 before any frame is read.

# %%
home = Path(tempfile.mkdtemp())
def run(*args):
    "Exit code, standard output and error of the command"
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()) as out:
        code = main([*map(str, args)])
    return code,out.getvalue().strip(),said.getvalue().strip()

def stronger(im, by):
    Y,*c = im.convert('YCbCr').split()
    return Image.merge('YCbCr', [Y, *(o.point(lambda v: 128 + by*(v - 128)) for o in c)]).convert('RGB')

ims = [o for f in (data.astronaut, data.chelsea) for o in travel(Image.fromarray(f()), 12, (128, 72), (0, 0), (.1, .1))]
kinds = dict(true=ims, same=ims, tremble=[stronger(o, 1 + .4*(-1)**i) for i,o in enumerate(ims)], short=ims[:-1])
for k,v in kinds.items(): write_clip(v, home/f'{k}.mp4', crf=4)
(home/'text.mp4').write_text('no video')
files = [home/f'{k}.mp4' for k in ('true', 'same', 'tremble')]
code,out,said = run('flicker', *files, '--json', home/'found.json', '--plot', home/'found.png')
found = json.loads((home/'found.json').read_text())
same,bad = found['versions']
test_eq((code, said, same['cdc_excess'], len(bad['shots'])), (0, '', 0, 2))
assert bad['color_change_excess'] > .2 and f"{bad['color_change']*100:.3f}" in out and 'look at 0:' in out
print(out.replace(str(home), ''))

# %%
test_eq([run('flicker', files[0], home/o)[0] for o in ('missing.mp4', 'text.mp4', 'short.mp4')], [3, 3, 3])
test_eq(run('flicker', home/'missing.mp4', files[0])[0], 3)
test_eq(run('flicker', files[0])[0], 2)
test_eq(run('flicker', *files, '--plot', home/'found.mp3')[0], 4)
test_eq('no colors of its own' in run('flicker', *files, '--no-truth')[1], True)
code,out,said = run('flicker', files[0], home/'short.mp4')
test_eq((out, len(said.splitlines()), 'ends after 23 frames' in said), ('', 1, True))
said.replace(str(home), '')

# %%
#| label: fig-flicker-command
#| fig-cap: "The timeline that --plot writes."
fig,ax = plt.subplots(figsize=(9, 7), layout='constrained')
ax.imshow(Image.open(home/'found.png'))
ax.axis('off');

# %% [markdown]
# ## What we have
#
# - `colorbook flicker ORIGINAL COLORED...`, for the files of any program;
# - the truth in the same table, and an excess for everything.

# %% [markdown]
# ## Exercises
#
# 1. Color a film with this package and with another program, and compare. Do the moments that the command names look worst to you, too?
# 2. Encode a film in color at a low rate and measure that as a version of itself. How much flicker does a codec make?
