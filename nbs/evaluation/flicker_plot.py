# %% [markdown]
# # The timeline
#
# > A film of two hours in one picture: where its colors tremble, and what that looks like
#
# The [flicker report](flicker.ipynb) is a table of numbers, and who has to decide between two programs, or to repair a film, wants to see the places. This chapter draws one picture for a film of any length: both measures over time for all versions, the cuts, and below them the worst moments of each version, frame before and frame after, with the time at which to look.

# %%
#| default_exp evaluation.flicker_plot

# %% tags=["parameters"]
width,height = 192,108

# %%
#| export
import math
from pathlib import Path
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from colorbook.core import OutputError, atomic_path
from colorbook.evaluation.flicker import FlickerReport

# %%
#| hide
import tempfile
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data
from colorbook.data.synthetic import travel
from colorbook.evaluation.flicker import flicker_report

# %% [markdown]
# ## Curves

# %% [markdown]
# A film of two hours has 172,800 frames, and a line of a thousand pixels: each column shows the largest value in it, or the one bad frame would not be seen. Above are the divergences between neighbors, below the warp errors of the color, the original in gray, cuts as light lines. Then come the worst moments of each version: the frame before and the frame, with the time under it. It is drawn with Pillow, because an installation that only colors films has no plotting library.

# %%
#| export
COLORS = '#888888','#c23b22','#1f6fb2','#2e8b57','#b8860b','#7b4fa3','#444444'

def peaks(
    values:np.ndarray, # one for each frame, some `nan`
    columns:int,
) -> np.ndarray: # `columns` values, `nan` where there is none
    "The largest value in each column"
    out,at = np.full(columns, np.nan),np.arange(len(values))*columns//max(1, len(values))
    np.fmax.at(out, at, values)
    return out

def _curve(d, values, box, top, color):
    "One line in a panel; columns without a value are passed over"
    x0,y0,w,h = box
    line = peaks(values, min(w, max(1, len(values))))
    points = [(x0 + (i + .5)*w/len(line), y0 + h*(1 - v/top)) for i,v in enumerate(line) if not math.isnan(v)]
    if len(points) > 1: d.line(points, color, 2)

# %%
test_eq(peaks(np.array([1, 5, np.nan, 2, 0, 3]), 3).tolist(), [5, 2, 3])
many = np.zeros(172800)
many[100001] = 1
test_eq(np.flatnonzero(peaks(many, 1160)), [100001*1160//172800])
assert np.isnan(peaks(np.array([np.nan]*3), 5)).all() and np.isnan(peaks(np.array([]), 5)).all()

# %%
#| export
def _panel(d, report, column, title, box, font):
    "All versions in one measure"
    x0,y0,w,h = box
    n,top = len(report.times),max([np.nanmax(o[:,column], initial=0) for o in report.rows]) or 1
    for i in np.flatnonzero(np.diff(report.shots)) + 1: d.line([(x0 + i*w/n, y0), (x0 + i*w/n, y0 + h)], '#dddddd')
    d.rectangle([x0, y0, x0 + w, y0 + h], outline='#aaaaaa')
    for i,o in enumerate(report.rows): _curve(d, o[:,column], box, top, COLORS[i%len(COLORS)])
    d.text((x0, y0 - 18), f'{title}, up to {top:.2g}', 'black', font)
    for t,anchor,x in ((report.times[:1], 'la', x0), (report.times[-1:], 'ra', x0 + w)):
        if len(t): d.text((x, y0 + h + 3), _clock(t[0]), 'black', font, anchor)

def _clock(t:float) -> str: return f'{int(t)//60}:{t%60:05.2f}'

# %%
#| export
def plot_flicker(
    report:FlickerReport,
    path:str|Path, # .png or another suffix that Pillow writes
) -> Path: # the file
    "Draw the timeline and the worst moments"
    font,left,w = ImageFont.load_default(13),20,1160
    out = Image.new('RGB', (1200, 330 + 20*len(report.tracks) + sum(map(_high, report.tracks[1:]))), 'white')
    d = ImageDraw.Draw(out)
    _panel(d, report, 0, 'divergence of color from the frame before', (left, 30, w, 110), font)
    _panel(d, report, 4, 'warp error of the color', (left, 190, w, 110), font)
    for i,t in enumerate(report.tracks):
        y = 325 + 20*i
        d.rectangle([left, y, left + 12, y + 12], COLORS[i%len(COLORS)])
        d.text((left + 20, y - 2), t.name, 'black', font)
    for t in report.tracks[1:]:
        _strip(out, t, y + 30, font)
        y += _high(t)
    try:
        with atomic_path(path) as tmp: out.save(tmp)
    except ValueError as e: raise OutputError(f"cannot write '{path}' as a picture", 'call it .png') from e
    return Path(path)

def _high(track) -> int: return 75 + 2*max([im.height for o in track.worst.found for im in o['pictures']], default=-20)

def _strip(out, track, y, font):
    "The worst moments of a version in a row: before above, after below"
    d = ImageDraw.Draw(out)
    d.text((20, y), f'{track.name}: ' + ('worst moments' if track.worst.found else 'no bad moment'), 'black', font)
    for k,o in enumerate(track.worst.found):
        x = 20 + 195*k
        for j,im in enumerate(o['pictures']): out.paste(im, (x, y + 20 + j*(im.height + 3)))
        d.text((x, y + 25 + 2*im.height), f"{_clock(o['time'])}  +{o['value']:.2g}", 'black', font)

# %% [markdown]
# As an example take two shots and two versions, one of which trembles all the time, while the other loses most of its color in two frames. In the lower panel look for a line that is high everywhere, and for one that has two spikes.

# %%
def change(ims, how):
    "Strength of the color of each frame"
    out = []
    for im,by in zip(ims, how):
        Y,*c = im.convert('YCbCr').split()
        out.append(Image.merge('YCbCr', [Y, *(o.point(lambda v: 128 + by*(v - 128)) for o in c)]).convert('RGB'))
    return out
clip = [o for f,n in ((data.astronaut, 24), (data.chelsea, 36))
        for o in travel(Image.fromarray(f()), n, (width, height), (0, 0), (.3, .2))]
ways = [[1 + .3*(-1)**i for i in range(60)], [.2 if i in (9, 40) else 1 for i in range(60)]]
report = flicker_report(clip, *[change(clip, o) for o in ways], names=['original', 'trembles', 'two frames'])
home = Path(tempfile.mkdtemp())
plot = np.asarray(Image.open(plot_flicker(report, home/'timeline.png')), int)
rgb = lambda o: [int(o[i:i + 2], 16) for i in (1, 3, 5)]
def rows_of(color): return np.flatnonzero((plot[190:301,25:1175] == rgb(color)).all(2).any(1))
assert rows_of(COLORS[1]).min() < rows_of(COLORS[0]).min()
assert (plot[195:295,20 + 1160*24//60] == rgb('#dddddd')).all(1).any()
test_fail(lambda: plot_flicker(report, home/'timeline.what'), exc=OutputError, contains='timeline.what')
test_eq(Image.open(plot_flicker(flicker_report([]), home/'none.png')).width, 1200)
[[(o['frame'], round(o['value'], 4)) for o in t.worst.found[:3]] for t in report.tracks]

# %%
#| label: fig-flicker
#| fig-cap: "A timeline: one version trembles all the time, one loses its color for two frames."
def show_file(path, height=7):
    "A picture, no axes"
    fig,ax = plt.subplots(figsize=(9, height), layout='constrained')
    ax.imshow(Image.open(path))
    ax.axis('off')
show_file(home/'timeline.png')

# %% [markdown]
# The version that trembles is far above the gray line of the original from beginning to end. The other one lies on the original and leaves it twice, once in each shot. Below are the worst moments, the frame before above and the frame itself below: at 0:00.42 and 0:01.71 color is back that was gone in the frame before.

# %% [markdown]
# ## What we have
#
# - one picture that shows where the colors of a film tremble, whatever its length;
# - the worst moments of each version, before and after, with their times.

# %% [markdown]
# ## Exercises
#
# 1. Draw the excess over the original instead of both curves. When is that easier to read, and what does it hide?
# 2. Sort the moments by time instead of by badness, and put each under its place in the panel.
