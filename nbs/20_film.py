# %% [markdown]
# # Films, measured
#
# > The same films frame by frame, steadied, and by a model with a memory: how good, and how steady
#
# S1 compares its films with those of a colorizer of single pictures in two ways: a frame by itself, and frames in a row. It does so with pictures only. At the end of this chapter both comparisons have figures, with intervals, for films that none of our choices has seen: what the stabilizer costs, what a model with a memory is worth, and which of the usual measures of flicker can be believed.

# %%
#| hide
import json
import matplotlib.pyplot as plt
import numpy as np, pandas as pd
from pathlib import Path
from fastcore.test import *
from PIL import Image

# %% [markdown]
# ## What was compared

# %% [markdown]
# `benchmarks/steady.py` makes every version from the same frames, before any encoder, and keeps figures, command and hashes of the models in `asset/film.json`; the book shows what is there. The films are the last thirds of three: `bmx-trees` (a moving camera and much motion), `people` (a camera that stands still) and *Big Buck Bunny*. The film model has learned from the beginnings of these, and what they show at the end it has partly seen. So there is a fourth, of which nobody has seen anything: a camera rides over photographs of the evaluation set. *Frame by frame* is the shipped image model; *steadied* is the same with the [stabilizer](14_stabilize.ipynb), as `colorbook video` has it. Intervals are 95 %, from a bootstrap over blocks of six neighboring frames; for the one second of `bmx-trees` there are four blocks, and they say little more than that.

# %%
kept = [o for up in (Path.cwd(), *Path.cwd().parents) if (o := up/'asset/film.json').exists()][0]
film = json.loads(kept.read_text())
clips,plain = film['clips'],'frame by frame'
ways = [o for o in clips['people.mp4']['versions'] if o not in ('truth', 'gray')]
test_eq(set(clips), {'bmx-trees', 'people.mp4', 'big-buck-bunny-480p.mp4', 'photos'})
test_eq(ways, [plain, 'steadied', 'film model', 'film model, steadied'])
print(film['command'], *(f'{k}: {v}' for k,v in film['sha256'].items()), sep='\n')
pd.DataFrame({k: {o: v[o] for o in ('start', 'frames', 'rate', 'size')} for k,v in clips.items()}).T

# %% [markdown]
# ## A frame by itself

# %% [markdown]
# PSNR in RGB, LPIPS, and colorfulness as a part of the truth's (@tbl-film-frames, @fig-film-frames). A film without any color stands on top of each.

# %%
#| label: tbl-film-frames
#| tbl-cap: "Frames by themselves, with 95 % intervals. More is better, for LPIPS less."
def cell(o, by=1, digits=2):
    "A mean with its interval"
    if o['mean'] is None: return ''
    return f"{o['mean']*by:.{digits}f} [{o['low']*by:.{digits}f}, {o['high']*by:.{digits}f}]"

def frame_rows():
    "One row for each clip and version"
    for name,c in clips.items():
        true = c['versions']['truth']['colorfulness']['mean']
        for k in ('gray', *ways):
            o = c['versions'][k]
            yield name,k,cell(o['psnr']),cell(o['lpips'], digits=3),cell(o['colorfulness'], 1/true)

heads = ['clip', 'version', 'PSNR', 'LPIPS', 'colorfulness, of the truth']
pd.DataFrame(frame_rows(), columns=heads).set_index(['clip', 'version'])

# %%
#| label: fig-film-frames
#| fig-cap: "Three frames of Big Buck Bunny by each way. (c) copyright 2008, Blender Foundation, www.bigbuckbunny.org, CC BY 3.0; grayed and colored by us."
def show_picture(name, width=14):
    "A picture of the asset folder, no axes"
    im = Image.open(kept.parent/name)
    fig,ax = plt.subplots(figsize=(width, width*im.height/im.width), layout='constrained')
    ax.imshow(im)
    ax.axis('off')
show_picture('film-frames.jpg')

# %% [markdown]
# ## Frames in a row

# %% [markdown]
# The measures of [chapter 13](13_flicker.ipynb), beside those of the truth and of the film without color (@tbl-film-rows). In @fig-film-time a column of pixels in the middle of the picture is drawn for each frame, from left to right: what trembles has vertical stripes. @fig-film-change has the change of color from each frame to the next.

# %%
#| label: tbl-film-rows
#| tbl-cap: "Frames in a row: CDC and warp errors in thousandths, change of color in percent of the color."
def row_rows():
    "One row for each clip and version"
    for name,c in clips.items():
        for k in ('truth', 'gray', *ways):
            o = c['versions'][k]
            yield name,k,*(cell(o[m], 1e3, 3) for m in ('cdc', 'warp_error', 'color_error')),cell(o['color_change'], 100)

heads = ['clip', 'version', 'CDC', 'warp error', 'of it, color', 'change of color']
pd.DataFrame(row_rows(), columns=heads).set_index(['clip', 'version'])

# %%
#| label: fig-film-time
#| fig-cap: "A column of pixels of Big Buck Bunny over ten seconds, by each way. Credit as above."
show_picture('film-time.jpg', 12)

# %%
#| label: fig-film-change
#| fig-cap: "Change of color from frame to frame, in parts of the color: truth gray."
def draw_change(name, ax):
    "Curves over the frames of a clip"
    for k,v in clips[name]['change'].items():
        y = np.array(v, dtype=float)
        ax.plot(y, lw=1, color='.6' if k == 'truth' else None, label=k)
    ax.set(title=name, yscale='log', xlabel='frame')

fig,axs = plt.subplots(2, 2, figsize=(12, 6), layout='constrained')
for ax,name in zip(axs.flat, clips): draw_change(name, ax)
axs[0,0].legend(fontsize=7);
