# %% [markdown]
# # The loss laboratory
#
# > Every adversarial loss beside every content loss, with intervals
#
# Which loss should one train with? Twenty-five ways to train, three seeds each, on [equal terms](../training/ablation.ipynb), were measured on 200 photographs that none of them has seen. The figures say what a critic brings and what it costs, which of S4's findings hold, and what S2 would have gained if its generator had heard its critic.

# %%
#| hide
import json
import matplotlib.pyplot as plt
import numpy as np, pandas as pd
from pathlib import Path
from fastcore.test import *
from PIL import Image
from colorbook.training.ablation import adversaries, comparisons, variants, table_of

# %% [markdown]
# ## What came out

# %% [markdown]
# `benchmarks/laboratory.py` runs all variants and keeps the figures, the command and a hash of all weights in `asset/laboratory.json`; the book shows what is there. It takes about 4,500 seconds of processor time (added up from parts, with other work beside it), 38 minutes of two cores; on a graphics card `--scale 2` and a larger `--n` ask the same questions of larger pictures (we had none at hand). It is little training: 4,000 photographs once, then half of them again, and every variant is hardly a decibel from a gray picture. What it can tell is how the losses *pull*, not how far they get. A difference is called one below if the interval of the paired differences leaves zero out.

# %%
kept = [o for up in (Path.cwd(), *Path.cwd().parents) if (o := up/'asset/laboratory.json').exists()][0]
lab = json.loads(kept.read_text())
results,versus = lab['arms'],lab['compare']
test_eq(set(results), set(variants))
test_eq(set(versus), {f'{a.name} - {b.name}' for a,b in comparisons})
gray = lab['gray']
print(lab['command'], f"gray pictures: {gray['psnr']:.2f} dB, LPIPS {gray['lpips']:.3f}", sep='\n')
table_of(results).assign(seeds=[' '.join(f'{x:.2f}' for x in o['seeds']['psnr']) for o in results.values()])

# %%
#| label: fig-laboratory
#| fig-cap: "Every variant: PSNR over colorfulness, with 95 % intervals; LPIPS beside the name."
def draw_variants(results, names, title, ax):
    "Arms as crosses of their intervals"
    for i,k in enumerate(names):
        x,y = (results[k][m] for m in ('ratio', 'psnr'))
        bars = [[[o['mean'] - o['low']], [o['high'] - o['mean']]] for o in (x, y)]
        label = f"{k} ({results[k]['lpips']['mean']:.3f})"
        ax.errorbar(x['mean'], y['mean'], bars[1], bars[0], fmt='o', ms=4, lw=.6, color=f'C{i}', label=label)
    ax.set(title=title, xlabel='colorfulness ratio', ylabel='PSNR (dB)')
    ax.legend(fontsize=7)

words = {'L1': ['l1'], 'L2, classes': ['l2', 'classes'], 'norms, encoders, S2': ['norm', 'encoder', 's2']}
groups = {title: [k for k in variants if any(o in k for o in some)] for title,some in words.items()}
fig,axs = plt.subplots(1, 3, figsize=(13, 5), layout='constrained')
for ax,(title,names) in zip(axs, groups.items()): draw_variants(results, names, title, ax)

# %% [markdown]
# Up is nearer to the truth pixel by pixel, right is more colorful. In the first two panels the content loss alone stands at the upper left, and the variants with a critic lie to the right of it and below: they have more color and a lower PSNR.

# %% [markdown]
# What that looks like is in @fig-laboratory-sheet. Look along a row: does anything except the truth have the color of the suit, the saucer or the flower? The columns are: gray; $L_1$ alone, with GAN, LSGAN, EBGAN, WGAN; $L_2$ alone, with the same four; classes alone, with LSGAN; the truth. Each network saw 64 pixels, the lightness is the photograph's.

# %%
#| label: fig-laboratory-sheet
#| fig-cap: "S4's row of eight, longer: gray; L1, L2 and classes, each alone and then with critics; the truth."
sheet = Image.open(kept.with_suffix('.jpg'))
fig,ax = plt.subplots(figsize=(14, 14*sheet.height/sheet.width), layout='constrained')
ax.imshow(sheet)
ax.axis('off');

# %% [markdown]
# No column does. After so little training the networks have learned that cats are brown and that a sky may be blue; what can be of any color stays nearly gray. The differences between the losses are differences between pale pictures, and this is how the figures below should be read.

# %% [markdown]
# Which hues? @fig-hues has the mean chroma of a pixel in every direction of the $ab$ plane. Photographs have much orange and brown, $+b$ with a little $+a$, and a good deal of blue on the other side. An average of orange and blue is neither, but as there is more of the former it is a pale brown: that is what networks say which have to name one color.

# %%
#| label: fig-hues
#| fig-cap: "Mean chroma by hue, of the truth (gray area) and of variants, first seed."
def draw_hues(hues, names, ax):
    "Closed curves around the center of the plane of a and b"
    n = len(hues['truth'])
    at = (np.arange(n + 1) + .5)*2*np.pi/n
    def closed(k): return [*hues[k], hues[k][0]]
    ax.fill(at, closed('truth'), color='.85')
    for k in names: ax.plot(at, closed(k), lw=1, label=k)
    ax.set(xticks=np.arange(4)*np.pi/2, xticklabels=['+a', '+b', '-a', '-b'], yticklabels=[])
    ax.legend(fontsize=7, loc='lower right')

fig,axs = plt.subplots(1, 3, figsize=(11, 3.8), layout='constrained', subplot_kw=dict(projection='polar'))
for ax,names in zip(axs, (('l1 alone', 'l2 alone', 'classes alone'), ('gan-l1', 'lsgan-l1', 'wgan-l1', 'ebgan-l1'),
    ('gan-l2', 'lsgan-l2', 'wgan-l2', 'ebgan-l2'))): draw_hues(lab['hues'], names, ax)

# %% [markdown]
# ## What S4 would have to say

# %% [markdown]
# Each sentence below that names figures is checked by the cell under it, so that another run of the benchmark cannot contradict the text unnoticed.
#
# **A critic buys color with decibels.** All eleven variants with a critic are more colorful than the content loss they started from, and all pay for it in PSNR, 0.2 to 0.8 dB.
#
# **At equal strength the adversarial losses are hard to tell apart.** S4's report calls LSGAN the best. Beside $L_1$ its four losses lie within 0.15 dB and 0.003 of LPIPS of one another, and hinge and gradient penalty with them: less than what lies between $L_1$ and $L_2$. If there is an order, the energy-based one, which S4 found nearly colorless, is the cheapest: of the four it loses the fewest decibels, and it has more color than $L_1$ alone. What S4 saw may have been its weight.
#
# **It is not $L_2$ that washes out, in these minutes, but $L_1$.** S4 and half the literature have it the other way round. The mean of several plausible colors is pale, but their median, which $L_1$ asks for, is often gray itself. $L_2$ alone has more color and a better LPIPS than $L_1$ alone, for a tenth of a decibel. Beside $L_1$ each of the four critics improves LPIPS; beside $L_2$ none does.
#
# **Brown is what a network says that knows little.** Two fifths of the chroma of the photographs lie between $+a$ and $+b$, from red over orange to yellow. Of what content loss alone says it is more in every variant: a half to two thirds on the pretrained encoder, and nine tenths in every network from scratch. A critic may lead elsewhere, as beside $L_1$ the logistic and the energy-based one did.

# %%
def clear(pair, k):
    "The sign of a difference whose interval leaves zero out, or 0"
    o = versus[pair][k]
    return 1 if o['low'] > 0 else -1 if o['high'] < 0 else 0

def value(name, k): return results[name][k]['mean']

four = [f'{k}-l1' for k in adversaries]
heard = {f'{k}-{c}': f'{c} alone' for c in ('l1', 'l2') for k in adversaries} | {'hinge-l1': 'l1 alone',
    'wgan-gp-l1': 'l1 alone', 'lsgan-classes': 'classes alone'}
for a,b in heard.items():
    test_eq(clear(f'{a} - {b}', 'psnr'), -1)
    assert results[a]['ratio']['low'] > results[b]['ratio']['high'] or value(a, 'ratio') > value(b, 'ratio') + .05
    assert .2 < value(b, 'psnr') - value(a, 'psnr') < .85
assert np.ptp([value(k, 'psnr') for k in four]) < .15 and np.ptp([value(k, 'lpips') for k in four]) < .003
six,gap = (*four, 'hinge-l1', 'wgan-gp-l1'),value('l1 alone', 'lpips') - value('l2 alone', 'lpips')
assert np.ptp([value(k, 'lpips') for k in six]) < gap
test_eq(max(four, key=lambda k: value(k, 'psnr')), 'ebgan-l1')
test_eq((clear('l2 alone - l1 alone', 'lpips'), clear('l2 alone - l1 alone', 'psnr')), (-1, -1))
assert results['l2 alone']['ratio']['low'] > results['l1 alone']['ratio']['high']
test_eq([clear(f'{k} - l1 alone', 'lpips') for k in four], [-1]*4)
test_eq([o for o in ('gan-l2', 'lsgan-l2', 'wgan-l2', 'ebgan-l2') if clear(f'{o} - l2 alone', 'lpips') < 0], [])
warm = {k: sum(v[:6])/sum(v) for k,v in lab['hues'].items()}
alone = {k for k in warm if k.endswith('alone')}
naive = {k for k in warm if 'encoder' in k or k.endswith('norm alone')}
assert .38 < warm['truth'] < .42 and min(warm[k] for k in naive) > .89
assert all(.5 < warm[k] < .67 for k in alone - naive)
test_eq({k for k in four if warm[k] < warm['truth']}, {'gan-l1', 'ebgan-l1'})
pd.Series(warm).round(2).to_frame('chroma between +a and +b').T

# %% [markdown]
# **The critic that S2's generator never heard would have mattered.** The same two networks, the same steps, once with the critic's gradient and once without: half a decibel less, half as much color again, and a better LPIPS.
#
# **A critic that does not see the lightness judges as well as one that does,** on these small pictures: with LSGAN beside $L_1$, no difference in PSNR or LPIPS. S4's note to itself, "condition the discriminator on the grayscale image", is worth nothing here. Where the color is a quarter of the size there are few edges that it could be out of step with; at full size that may be otherwise.
#
# **Instance norm is no better than batch norm until there is a critic.** Alone they are equal; with LSGAN, instance norm has the better LPIPS.
#
# **Classes are no better than regression in so few steps,** as the product's content loss they have other reasons ([Recipes](../training/recipes.ipynb)): LPIPS is worse than that of $L_1$, and so is PSNR.
#
#
# **What was learned before is worth more than the architecture.** From scratch, AlexNet, Inception v3, ResNet-18 and MobileNetV2 in the same U-Net lie within 0.1 dB; ResNet-18 and Inception have a slightly better LPIPS for about twice and five times the time. The same MobileNetV2 with ImageNet's weights is 0.2 dB better than without. (Pretrained weights of the other three were not at hand. With them the comparison would be S4's.)

# %%
pair = 's2, critic heard - s2, critic unheard'
test_eq((clear(pair, 'psnr'), clear(pair, 'lpips')), (-1, -1))
assert value('s2, critic heard', 'ratio') > 1.35*value('s2, critic unheard', 'ratio')
pair = 'lsgan-l1 - lsgan-l1, ab only'
test_eq((clear(pair, 'psnr'), clear(pair, 'lpips')), (0, 0))
test_eq([clear(f'instance norm{o} - batch norm{o}', 'lpips') for o in (' alone', ', lsgan')], [0, -1])
scratch = [f'encoder {k}' for k in ('alexnet', 'inception_v3', 'resnet18', 'mobile, scratch')]
assert np.ptp([value(k, 'psnr') for k in scratch]) < .11
test_eq([clear(f'{k} - encoder mobile, scratch', 'psnr') for k in ('l1 alone', *scratch[:3])], [1, 0, 0, 0])
test_eq([clear(f'{k} - encoder mobile, scratch', 'lpips') for k in scratch[1:3]], [-1, -1])
times = [results[k]['seconds']/results[scratch[3]]['seconds'] for k in scratch[1:3]]
assert 4 < times[0] < 6 and 1.5 < times[1] < 2.5
test_eq((clear('classes alone - l1 alone', 'lpips'), clear('classes alone - l1 alone', 'psnr')), (1, -1))
def cell(o): return f"{o['mean']:+.3f} [{o['low']:+.3f}, {o['high']:+.3f}]"
pd.DataFrame({k: {m: cell(o) for m,o in v.items()} for k,v in versus.items()}).T

# %% [markdown]
# ## What we have
#
# - the price of color in decibels, for every loss of S4 and others;
# - answers with intervals, among them three that are not those of S4's report;
# - one command that asks all of it again.
#
# Six of the variants at twice the size are in [The five systems, trained](systems.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. Give the four losses weights of 1, as S4 did, instead of equal strengths. Which of S4's findings come back?
# 2. The gray picture has 22.9 dB. Which variants are below it, and what would you tell somebody who ranks them by PSNR?
# 3. Run the laboratory with `--scale 2` and twice the photographs. Which sentence of this chapter is the first to fall?
