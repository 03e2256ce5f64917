# %% [markdown]
# # The model in the package
#
# > What `colorize` uses: how it was made, what it scores, and where it fails
#
# With the package comes one model for photographs: 4.1 million weights in a file of eight megabytes, trained on 38,825 photographs of public research sets. Other chapters explain its parts. This one looks at it as a whole: what it was trained on, how good it is beside a gray picture, whether it matters how the picture became gray, and which photographs it colors wrongly. All figures are read from the file itself or from what the scripts in `benchmarks/` left in `asset/`.

# %% tags=["parameters"]
size = 256

# %%
#| hide
import json
import matplotlib.pyplot as plt, numpy as np, pandas as pd, torch
from pathlib import Path
from fastcore.test import *
from PIL import Image
from colorbook.data.photos import sample_photos
from colorbook.evaluation.atlas import failures
from colorbook.evaluation.metrics import ciede2000, colorfulness
from colorbook.imaging.artifact import default_model
from colorbook.imaging.colorizer import colorize, load_model
from colorbook.models.inspect import n_weights
from colorbook.models.registry import create_generator

# %% [markdown]
# ## Its card

# %% [markdown]
# A model file carries a card: what it is, what it was trained on, with which recipe, which settings were chosen for it, and what was measured on photographs that it had never seen. `colorbook card` prints it.

# %%
model = load_model()
card = model.card
recipe = card['recipe']
about = dict(network=recipe['generator'], megabytes=round(default_model().stat().st_size/1e6, 1),
    pictures=f"{card['record']['pictures']:,}", sees=f"{card['size']} pixels", temperature=card['chosen']['T'],
    saturation=card['chosen']['gain'], data=card['data'], licence=card['licence'])
assert about['megabytes'] < 15 and recipe['name'] == 'default' and '38,825' in card['data']
test_eq(round(n_weights(create_generator(recipe['generator']))/1e6, 1), 4.1)
with pd.option_context('display.max_colwidth', None): display(pd.Series(about).to_frame('of the card'))

# %% [markdown]
# The network is a [U-Net on EfficientNet-Lite0](../models/encoder_unet.ipynb), which says for each cell of the picture which of [313 colors](../color/bins.ipynb) it may be. The [recipe](../training/recipes.ipynb) `default` trains it without a discriminator, on [photographs as people bring them](../data/varied.ipynb).

# %% [markdown]
# ## What it scores

# %% [markdown]
# 800 photographs were kept apart from the first day. Each is made gray, colored, and compared with itself at 256 pixels. Beside every figure stands that of the gray picture, which is hard to beat, because it has no wrong color. The figures are explained in [Evaluation](../evaluation/metrics.ipynb); in short, PSNR and CIEDE2000 measure how far each pixel is from the truth, LPIPS how far a network finds the two pictures apart, and the colorfulness ratio how much of the truth's color there is. A model can do well in any one of them alone: by pale colors in PSNR, by gaudy ones in colorfulness. So they are read together.

# %%
m = card['metrics']
def line(k, digits=2):
    "A figure with its interval, and the gray picture's"
    o,gray = m[k],m.get(f'gray_{k}')
    return dict(model=f"{o['mean']:.{digits}f} [{o['low']:.{digits}f}, {o['high']:.{digits}f}]",
        gray='' if gray is None else f"{gray['mean']:.{digits}f}")
names = {'PSNR, dB': 'psnr', 'CIEDE2000': 'ciede2000', 'LPIPS': 'lpips', 'colorfulness': 'colorfulness'}
table = pd.DataFrame({k: line(v, 3 if v == 'lpips' else 2) for k,v in names.items()}).T
ratio = m['colorfulness']['mean']/m['truth_colorfulness']['mean']
table.loc['colorfulness ratio'] = f'{ratio:.2f}','0'
assert m['psnr']['low'] > m['gray_psnr']['mean'] and m['ciede2000']['high'] < m['gray_ciede2000']['mean']
assert m['lpips']['high'] < m['gray_lpips']['low']
table

# %% [markdown]
# On average it is better than gray by each of these measures, and the intervals do not touch. But an average hides what matters to the owner of one photograph: is *mine* better than before? On one photograph of three the colored picture is farther from the truth than the gray one was, measured by CIEDE2000. Such a picture need not look wrong: a blue coat in the place of a red one is plausible, and by this measure it costs more than a gray one.

# %%
worse = m['worse_than_gray']['mean']
assert .32 < worse < .36
print(f'farther from the truth than gray: {worse:.0%} of the photographs')

# %% [markdown]
# ## Who made it gray?

# %% [markdown]
# An old photograph does not say how its film weighed red, green and blue, and a scan does not say which program turned it gray. `benchmarks/robustness.py` makes the same photographs gray in eight ways, colors each, joins the colors to the true lightness, and so measures color alone. *Before* is the model that was in the package earlier; it had learned from one kind of gray only.

# %%
asset = [o for up in (Path.cwd(), *Path.cwd().parents) if (o := up/'asset/robustness.json').exists()][0]
kept = json.loads(asset.read_text())['shipped']
found = dict(before=kept['models']['before'], now=kept['models']['default'])
eight = [k for k in found['now'] if not any(o in k for o in ('gamma', 'faded', 'halftone', 'grain', 'sepia', 'border'))]
loss = pd.DataFrame({k: {g: max(o[h]['psnr']['mean'] for h in eight) - o[g]['psnr']['mean'] for g in eight}
    for k,o in found.items()}).T
test_eq(len(eight), 8)
assert loss.loc['now'].max() < .6
test_eq(set(loss.loc['now'].nlargest(2).index), {'red', 'blue'})
assert loss.loc['now', 'ortho'] < .1
loss.round(2)

# %% [markdown]
# The table says how many decibels each gray is below the best of the eight. The red and the blue channel alone cost the most, some half a decibel; film that is blind to red costs hardly anything.

# %% [markdown]
# S4 asked a further question: from which gray should one *learn*? So one small network was trained six times with nothing else changed, on 3,000 photographs at 64 pixels, three epochs: from five of these grays, and from [all cameras in turn](../data/varied.ipynb). Each row of the table is a network, each column a gray that it was measured on (PSNR in dB); the last two columns say how far the best and the worst of its eight lie apart.

# %%
trained = json.loads(asset.read_text())['trained']['models']
def by_gray(k): return pd.DataFrame({o: {g: m[g][k]['mean'] for g in eight} for o,m in trained.items()}).T
db,de = by_gray('psnr'),by_gray('ciede2000')
apart = pd.DataFrame({k: o.max(axis=1) - o.min(axis=1) for k,o in {'apart, dB': db, 'apart, CIEDE2000': de}.items()})
assert apart['apart, dB'].idxmax() == 'ortho' and apart.loc['ortho', 'apart, dB'] > .6
assert apart['apart, CIEDE2000'].idxmin() == 'all' and apart.loc['all', 'apart, CIEDE2000'] < .25
assert db.loc[['lstar', 'rec601', 'rec709', 'mean', 'all'], 'lstar'].agg(lambda o: o.max() - o.min()) < .25
db.join(apart).round(2)

# %% [markdown]
# Among the grays that weigh all three colors it hardly matters: learned from any of the first four, a network is as good on the other three as on its own, and the rows differ by two tenths of a decibel without an order. Film that is blind to red is another matter. Who learns from it alone is best on it and on blue, and loses .6 dB on red. Learning from all cameras costs nothing and evens things out: by CIEDE2000 its best and worst gray are .2 apart, where they are .5 apart after learning from $L^*$. The networks are too little trained to be good; all six are compared with each other only. `benchmarks/robustness.py PHOTOS --train PHOTOS --runs RUNS` repeats it.

# %% [markdown]
# Damage is another question. The next table has the same for a picture that is too bright or too dark, faded, printed in dots (*halftone*, here 4 pixels apart), grainy or sepia, and how far a border of 60 pixels moves the color of what it surrounds, in units of $a$ and $b$.

# %%
best = max(found['now'][g]['psnr']['mean'] for g in eight)
damage = pd.DataFrame({k: dict(below=best - o['psnr']['mean'], ratio=o['ratio'], moved=o['moved'])
    for k,o in found['now'].items() if k not in eight}).T
assert damage.moved.max() < 2 and .8 < damage.below['halftone'] < 1 and damage.below.drop('halftone').max() < .3
assert found['now']['halftone']['ratio'] > .9*found['now']['lstar']['ratio']
damage.round(2).astype(object).fillna('')

# %% [markdown]
# One kind of damage costs it more than the others: the dots of a newspaper, where they are coarse enough to be seen at the 192 pixels that the network gets. A model between *before* and this one (the fourth run of `benchmarks/default.md`) had never seen dots, took them for a texture, found less than half of the color that it found otherwise, and lost 2.9 dB. Dots are in [the damage of training](../data/loaders.ipynb#age) since, and 48,000 more pictures, a fifteenth of all, were enough: it finds nine tenths of the color that it finds otherwise, two thirds of the truth's, and loses nine tenths of a decibel. *Before* found less than half of its color and lost .2 dB: pale is safe in PSNR. A large scan costs nothing at all: its dots vanish when it is made small for the network.

# %% [markdown]
# ## Beside others

# %% [markdown]
# How does it compare with DeOldify or DDColor? Their published figures are of other photographs, and [figures of different photographs cannot be compared](../evaluation/compare.ipynb). There is one exception: the author of `vs-havc` publishes what several tools made of the same 23 photographs, and on these an *earlier* model of this package was measured by our protocol at 344 pixels; today's is not in the table.
#
# | on the same 23 photographs | CIEDE2000, lower is better |
# |---|---|
# | gray picture | 10.81 |
# | the earlier model of this package | 9.60 |
# | DeOldify Video | 9.55 |
# | DeOldify Artistic | 9.37 |
# | DeOldify Stable | 9.21 |
# | DDColor | 9.03 |
# | DDColor, artistic variant | 8.50 |
#
# It tied the weakest of DeOldify's models with a twenty-second of the weights (it was smaller than today's), and lost to the others, mostly on pictures for which one has to know what a thing is. The model of today is nine tenths of a unit better than it on our 800 photographs; on those 23 it has not been measured yet.

# %% [markdown]
# ## Where it fails

# %% [markdown]
# The six photographs below come with two libraries, so everyone can color them again. Above each colored one stand two numbers: the distance from the truth of the colored picture and of the gray one. Look first for what is right, which is mostly what a camera sees every day, such as skin and fur; and then for things that come in any color, such as the suit and the saucer.

# %%
#| label: fig-six
#| fig-cap: "Gray, colored, and true; over the colored one, CIEDE2000 of it and of the gray picture."
photos = [o.resize((size, size), Image.Resampling.BICUBIC) for o in sample_photos(size)]
def tensor(o): return torch.from_numpy(np.array(o.convert('RGB'))).permute(2, 0, 1)[None]/255
rows = []
for o in photos:
    gray = o.convert('L')
    color = colorize(gray, model)
    rows.append(dict(gray=gray, color=color, truth=o, ours=ciede2000(tensor(color), tensor(o)).item(),
        plain=ciede2000(tensor(gray), tensor(o)).item()))
fig,axs = plt.subplots(3, len(rows), figsize=(2*len(rows), 6.4), layout='constrained')
for i,row in enumerate(rows):
    for ax,k in zip(axs[:,i], ('gray', 'color', 'truth')): ax.imshow(row[k], cmap='gray'), ax.axis('off')
    axs[1,i].set_title(f"{row['ours']:.1f} / {row['plain']:.1f}", fontsize=9)

# %%
lost = sum(o['ours'] > o['plain'] for o in rows)
shares = [(colorfulness(tensor(o['color']))/colorfulness(tensor(o['truth']))).item() for o in rows]
assert 0 < np.mean(shares) < 1.2
print(f'{lost} of {len(rows)} are farther from the truth than gray;',
    'colorfulness ratios', ', '.join(f'{o:.2f}' for o in shares))

# %% [markdown]
# The [failure atlas](../evaluation/atlas.ipynb) has seven names for what can go wrong, each with a measure that is 0 where nothing is wrong. The worst figure of each photograph says where to look: color that crosses an outline, a region in which the hue drifts, an object that stayed gray.

# %%
found_wrong = [failures(np.array(o['color'].convert('RGB')), np.array(o['truth'])) for o in rows]
wrong = pd.DataFrame([{k: v for k,(v,_) in o.items()} for o in found_wrong])
assert wrong.min().min() >= 0
wrong.round(2)

# %% [markdown]
# ## What made it better, and what did not

# %% [markdown]
# `benchmarks/default.md` is the log of what was tried: what was expected, and what came out. Three of its findings are worth more than the rest.
#
# *More of the same did not help.* After some thirty passes over the photographs of everyday life the network colored those a decibel better than others. It had learned the photographs. Half again as many steps did not make it better on new ones, nor did dropout, stochastic depth, and pieces of other photographs pasted in. (One of the two runs whose mean is in the package has them; alone it was no better than the other.)
#
# *Training for what is measured did.* Cross-entropy asks for the right distribution in every pixel. Short last phases, a seventh of all pictures, ask for [the picture that the distributions make](../losses/classification.ipynb#the-picture-that-classes-make): small errors, and as much color in a batch as there should be. The network learns where it can afford to be colorful. At the same colorfulness, that gave .2 to .5 dB on photographs that were held out, and fewer pictures worse than gray.
#
# *Averaging weights did, too.* The network before that phase is careful, and the network after it is bold. Both started from the same weights, so they lie near each other, and [the mean of their weights](../training/selection.ipynb#the-weights-of-a-run) is a network that is better than either by another .2 dB. It costs nothing to run. Letting several networks color the picture and taking the mean of the colors was no better, and costs several times as much.
#
# What it lacks now is photographs. A network that is a decibel better on what it has seen would learn more from seeing more.

# %% [markdown]
# ## What we have
#
# - the card of the model, and its figures beside those of a gray picture;
# - the matrix of grays: it hardly matters who made the picture gray;
# - six photographs to look at, and the reason why the model is as good as it is and no better.

# %% [markdown]
# ## Exercises
#
# 1. Color your own album with `colorbook gallery DIR` and sort the page by colorfulness. What do the palest pictures have in common?
# 2. Export the same run with a floor of .6 in its recipe instead of .8. Which figures get better, and do you like the pictures more?
# 3. Make a photograph gray by its red channel and by its green one, and color both. Where do the answers differ most?
