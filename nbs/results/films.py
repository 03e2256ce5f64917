# %% [markdown]
# # Films, measured
#
# > The same films frame by frame, steadied, and by a model with a memory: how good, and how steady
#
# S1 compares its films with those of a colorizer of single pictures in two ways: a frame by itself, and frames in a row. It does so with pictures only. Here both comparisons get figures, with intervals, on films that were not used for any choice: what the stabilizer costs, what a model with a memory is worth, and which of the usual measures of flicker can be believed.

# %%
#| hide
import json
import matplotlib.pyplot as plt
import numpy as np, pandas as pd
from pathlib import Path
from fastcore.test import *
from PIL import Image
from colorbook.imaging.sheet import LoopingClip
from colorbook.video.model import color_source, load_film_model
from colorbook.video.read import open_reel
from colorbook.video.stabilize import stabilize
from colorbook.video.steps import paint_frame, prepare, watch, with_colors

# %% [markdown]
# First the film itself: thirty-six frames of *Big Buck Bunny* ((c) 2008 Blender Foundation, bigbuckbunny.org, CC BY 3.0), as `colorbook video` colors it, with the film model and the stabilizer.

# %%
c,s = open_reel('../../asset/bunny.mp4')
with c:
    seen = list(prepare(watch('bunny', c, s, stop=448/24), 192, 32, first=400))
colored = stabilize(with_colors(iter(seen), color_source(load_film_model())))
views = [(np.dstack([o.gray]*3), paint_frame(o, ab)[...,:3], o.frame.to_image()) for o,ab in colored]
LoopingClip(views[6:42:2], 'A bird dances on a branch: gray, colored, and in true colors.', ['gray', 'colored', 'true'])

# %% [markdown]
# The colors are steady, and they are those of a photograph: a blue sky and a brown bird, where the film has a violet sky and a violet bird. That the colors of an animated film cannot be guessed is one thing; whether they tremble is another, and this chapter is about the second.

# %% [markdown]
# ## What was compared

# %% [markdown]
# `benchmarks/steady.py` makes every version from the same frames, before any encoder, and keeps figures, command and hashes of the models in `asset/film.json`; the book shows what is there. The films are the last thirds of three: `bmx-trees` (a moving camera and much motion), `people` (a camera that stands still) and *Big Buck Bunny*. The film model has learned from the beginnings of these, and has partly seen there what they show at the end. So there is a fourth film, which no model has seen any part of: a camera rides over photographs of the evaluation set. *Frame by frame* is the shipped image model; *steadied* is the same with the [stabilizer](../video/stabilize.ipynb), as `colorbook video` has it. Intervals are 95 %, from a bootstrap over blocks of six neighboring frames; for the one second of `bmx-trees` there are only four blocks, too few for an interval that one could rely on.

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
# PSNR in RGB, LPIPS, and colorfulness as a part of the truth's (@tbl-film-frames, @fig-film-frames). The first row of each film is the film without any color.

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
#| fig-cap: "Three frames of Big Buck Bunny (c) 2008 Blender Foundation, bigbuckbunny.org, CC BY 3.0; colored by us."
def show_picture(name, width=14):
    "A picture of the asset folder, no axes"
    im = Image.open(kept.parent/name)
    fig,ax = plt.subplots(figsize=(width, width*im.height/im.width), layout='constrained')
    ax.imshow(im)
    ax.axis('off')
show_picture('film-frames.jpg')

# %% [markdown]
# As single frames the four colored versions can hardly be told apart: a blue sky, grass that is green and turns to straw in the light, brownish-gray roots. The tables agree, since within each film the intervals of all four overlap.

# %% [markdown]
# ## Frames in a row

# %% [markdown]
# The measures of [Flicker and its timeline](../evaluation/flicker.ipynb), beside those of the truth and of the film without color (@tbl-film-rows). To see time in a still picture, @fig-film-time takes the same column of pixels from every frame of a shot of *Big Buck Bunny* and sets these columns side by side, from left to right. What stands still makes horizontal bands; what trembles makes vertical stripes. @fig-film-change has the change of color from each frame to the next.

# %%
#| label: tbl-film-rows
#| tbl-cap: "Frames in a row: CDC and warp errors in thousandths, change of color in percent of the color."
def row_rows():
    "One row for each clip and version"
    for name,c in clips.items():
        for k in ('truth', 'gray', *ways):
            o = c['versions'][k]
            thousandths = [cell(o[m], 1e3, 3) for m in ('cdc', 'warp_error', 'color_error')]
            yield name,k,*thousandths,cell(o['color_change'], 100)

heads = ['clip', 'version', 'CDC', 'warp error', 'of it, color', 'change of color']
pd.DataFrame(row_rows(), columns=heads).set_index(['clip', 'version'])

# %%
#| label: fig-film-time
#| fig-cap: "A column of pixels of Big Buck Bunny over three seconds, by each way. Credit as above."
show_picture('film-time.jpg', 12)

# %% [markdown]
# Frame by frame the sky of the first second has faint vertical stripes, and the brown band changes its color once at the left. Steadied, the stripes are gone. The film model alone has some of them. The dark spot is a thing that flies by, in all versions.

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

# %% [markdown]
# The axis is logarithmic: a step of the grid is a factor of ten. In each panel the two steadied lines lie lowest, the line frame by frame highest. The peaks that all versions share are moments of fast motion.

# %% [markdown]
# ## Which measure can be believed

# %% [markdown]
# As in the [laboratory](ablation.ipynb), each sentence below that names figures is checked by the cell under it.
#
# **Most of a warp error is light.** The gray version alone has between .55 and .71 of the error of the frame-by-frame colors: light moves, has grain, and flow is not exact. No colors, however steady, can halve such a figure.
#
# **An excess over the truth forgives too much.** On the three films the steadied colors have a smaller warp error than the truth itself, whose colors have grain, too; those of `bmx-trees` are JPEG files, each compressed by itself. There the excess is below zero, and no longer says which of two ways is the better one.
#
# **The change of color has neither fault.** It leaves light out and divides by the amount of color; by it the frame-by-frame colors of every clip but one change at least half again as much as the truth, and those of the rides over photographs more than five times as much. The exception is again `bmx-trees`.

# %%
def value(clip, way, k): return clips[clip]['versions'][way][k]['mean']
def ratio(clip, way, k): return clips[clip]['versus'][way][k]['mean']
films = [o for o in clips if o != 'photos']
assert all(.545 < ratio(o, 'gray', 'warp_error') < .715 for o in clips)
test_eq([o for o in clips if ratio(o, 'steadied', 'warp_error_excess') < 0], films)
test_eq([o for o in clips if value(o, plain, 'color_change') < 1.5*value(o, 'truth', 'color_change')], ['bmx-trees'])
assert value('photos', plain, 'color_change') > 5*value('photos', 'truth', 'color_change')
pd.DataFrame({o: {k: value(o, k, 'color_change') for k in ('truth', plain)} for o in clips}).round(3)

# %% [markdown]
# ## What the stabilizer does

# %% [markdown]
# **It takes more than half of the change of color away,** on every clip, and more than three quarters where there is most. At most .6 of what frame-by-frame colors have more than the truth may be left, of CDC and of warp error: it keeps to that on every clip (@tbl-film-bars).
#
# **It costs nothing to speak of.** Colorfulness stays within 1 %. PSNR moves by at most .05 dB, down on `bmx-trees` and up on the others: the strength that it gives back is given back to wrong colors, too.

# %%
#| label: tbl-film-bars
#| tbl-cap: "Steadied by frame by frame: ratios; PSNR: difference in dB."
rows = ('color_change', 'cdc', 'cdc_excess', 'warp_error', 'warp_error_excess', 'psnr', 'colorfulness')
for o in clips:
    assert ratio(o, 'steadied', 'color_change') < (.25 if o == 'photos' else .45)
    assert ratio(o, 'steadied', 'cdc_excess') < .6
    assert ratio(o, 'steadied', 'warp_error_excess') < .6
    assert abs(ratio(o, 'steadied', 'colorfulness') - 1) < .01
    low,high = (-.06, 0) if o == 'bmx-trees' else (0, .06)
    assert low < ratio(o, 'steadied', 'psnr') < high
pd.DataFrame({o: {k: cell(clips[o]['versus']['steadied'][k]) for k in rows} for o in clips}).T

# %% [markdown]
# ## What a memory is worth

# %% [markdown]
# The film model fuses features of three frames. All else in it is the image model, which it was trained to follow while its answers change little along the motion. When the image model was replaced by today's, the fusion of the film model before was trained on with it, for 584 steps (`benchmarks/temporal.py IMAGE_AND_FUSION.safetensors OUT --epochs 4`).
#
# **It keeps the colors of the image model.** Colorfulness and PSNR are within 2 % and a tenth of a decibel of those frame by frame.
#
# **Alone it takes 23 to 32 % of the change of color away,** and 40 to 54 % of the color's warp error. Of CDC's excess it leaves more than .6 on three of four. The stabilizer, which needs no training, takes more than half and four fifths. The film model looks at three frames, the stabilizer at thirteen. But it is all there is where there is no flow, and it is but one frame late.
#
# **Together they are as steady as the stabilizer alone,** with either model: what three frames can agree on, thirteen agree on as well.

# %%
memory,both = 'film model','film model, steadied'
for o in clips:
    assert abs(ratio(o, memory, 'colorfulness') - 1) < .02 and abs(ratio(o, memory, 'psnr')) < .1
    assert ratio(o, memory, 'color_error') < .6 and ratio(o, 'steadied', 'color_error') < .2
    assert .6 < ratio(o, memory, 'color_change') < .78
    assert abs(ratio(o, both, 'color_change') - ratio(o, 'steadied', 'color_change')) < .03
test_eq([o for o in clips if ratio(o, memory, 'cdc_excess') > .6],
    ['bmx-trees', 'big-buck-bunny-480p.mp4', 'photos'])
pd.DataFrame({(o, k): {m: cell(clips[o]['versus'][k][m]) for m in rows} for o in clips for k in (memory, both)}).T

# %% [markdown]
# ## What we have
#
# - both of S1's comparisons with figures, on films that were used for no choice and on one that no model knows;
# - a stabilizer that more than halves what trembles and keeps color;
# - a measure of flicker that neither light nor dull colors can fool.

# %% [markdown]
# ## Exercises
#
# 1. [The five systems, trained](systems.ipynb) has S1's own model on one film. Add it to `sources` of the benchmark. Which of the two comparisons does it win?
# 2. Train the film model with clips of nine frames and three answers farther apart. Does it come nearer to the stabilizer?
# 3. Measure the change of color over two seconds instead of one frame. Does what the stabilizer does still show?
