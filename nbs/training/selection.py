# %% [markdown]
# # Choosing weights
#
# > Which of a run's weights are used, by a rule that was fixed before the results were known
#
# A long run leaves many weights, and a classifier has settings that can be changed without training. To look at results and pick the nicest would measure nothing but one's taste. So there is a rule, [fixed beforehand](trainer.ipynb#the-rule-for-what-is-shipped): the highest PSNR among those that are colorful enough. Here the rule is a function, and all weights and settings of a run are tried with it on the photographs that the run held out. @fig-choose shows such a choice.

# %%
#| default_exp training.selection

# %% tags=["parameters"]
seed = 0

# %%
#| export
from itertools import product
import pandas as pd, torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.color.bins import AnnealedMean
from colorbook.color.lab import gray_to_L, join_lab, lstar
from colorbook.evaluation.metrics import ciede2000, colorfulness, psnr
from colorbook.training.runs import Run

# %%
#| hide
import tempfile
from pathlib import Path
import matplotlib.pyplot as plt, numpy as np
from fastcore.test import *
from colorbook.color.bins import SoftBins
from colorbook.color.lab import split_lab
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## The rule

# %% [markdown]
# PSNR alone would choose the grayest answer, so there is a floor of colorfulness, as a share of the truth's, and the choice depends on it. A tenth of a decibel counts as no difference, since other held-out photographs would change that much; among settings so close the one with the smallest [CIEDE2000](../evaluation/metrics.ipynb), the difference that eyes see, is taken.

# %%
#| export
def pick(
    tried:list, # settings with 'psnr' and 'ratio', and with 'ciede2000' where it was measured
    floor:float, # least colorfulness ratio
    draw:float=.1, # decibels that count as none
) -> dict: # one of them
    "The rule: the highest PSNR among settings that are colorful enough; the most colorful where none is"
    bright = [o for o in tried if o['ratio'] >= floor] or [max(tried, key=lambda o: o['ratio'])]
    best = max(bright, key=lambda o: o['psnr'])
    near = [o for o in bright if o['psnr'] >= best['psnr'] - draw and 'ciede2000' in o]
    return min(near, key=lambda o: o['ciede2000'], default=best)

# %%
names = [('gray', 22.5, .1), ('fair', 22.1, .72), ('bold', 21., .9)]
table = [dict(name=n, psnr=p, ratio=r) for n,p,r in names]
test_eq([pick(table, o)['name'] for o in (0., .7, .8, 1.)], ['gray', 'fair', 'bold', 'bold'])
seen = [dict(o, ciede2000=c) for o,c in zip([*table, dict(name='near', psnr=22.05, ratio=.72)], (11., 10., 12., 9.))]
test_eq([pick(seen, o)['name'] for o in (0., .7, .8)], ['gray', 'near', 'bold'])
pick(table, .7)

# %% [markdown]
# Without a floor the gray model has the highest PSNR. At a floor of 0.7 it is out, and the fair one wins; at 0.8 only the bold one is left.

# %% [markdown]
# A classifier's settings cost nothing to change. If it was trained with weights $w$ for its classes, it answers with $p\,w$ instead of $p$, up to a factor, and a share $s$ of that can be divided out again. A temperature $T$ below 1 makes the likely classes likelier. The third setting is the size of the picture that the network sees.
#
# $$q_i\propto\left(p_i\,w_i\cdot w_i^{-s}\right)^{1/T}$$
#
# The fourth is a gain on the color. Settings should be compared at the same colorfulness, since a grayer answer has the higher PSNR by being grayer. So the color of each is multiplied by what is missing to the floor, or by less than one where there is too much, and tried again; colorfulness is nearly proportional to the gain, so that this arrives in two or three rounds.
#
# As a test, take a classifier that knows the truth, trained with weights: its scores are $\log p+\log w$ for the true soft bins $p$. Only $s=1$ and $T=1$ give the true color back, and the search must find just these.

# %%
#| export
def enlarge(
    ab:Tensor, # color of any size, `bs`x2xhxw
    L:Tensor, # lightness, ...xHxW
) -> Tensor: # color of the size of `L`
    "Chroma at the size of the lightness, by plain interpolation"
    return F.interpolate(ab, L.shape[-2:], mode='bilinear')

# %%
#| export
def chosen_color(
    best:dict, # a setting that was tried: 'T', 'share', and 'gain' if there is one
    weights:Tensor, # of the classes in training
) -> AnnealedMean: # for a generator's `color`
    "What turns scores into color under a setting"
    return AnnealedMean(best['T'], -best['share']*weights.log(), best.get('gain', 1.))

# %%
#| export
def choose(
    generator:nn.Module, # with `AnnealedMean` as its `color`
    photos:list, # held-out RGB pictures, HxWx3 bytes of one size
    weights:Tensor, # of the classes in training
    floor:float=.7, # least colorfulness ratio
    sizes:tuple=(160, 192, 224), temperatures:tuple=(.38, .6, 1.), shares:tuple=(0., .25, .5),
    most:float=2., # largest gain on the color
) -> tuple[dict,list]: # the choice, and every setting that was tried with its figures
    "The best setting by `pick`: size, temperature, the share of the rebalancing to divide out, gain on the color"
    rgb = torch.stack([torch.as_tensor(o) for o in photos]).permute(0, 3, 1, 2).float()/255
    L,real = gray_to_L(lstar(rgb)),colorfulness(rgb).mean()
    tried = []
    for size in sizes:
        small = F.interpolate(L, (size, size), mode='bilinear', antialias=True)
        with torch.no_grad(): outs = [generator(l[None]) for l in small]
        for T,share in product(temperatures, shares):
            color,gain = chosen_color(dict(T=T, share=share), weights),1.
            ab = [color(o) for o in outs]
            for _ in range(5):
                fake = torch.cat([join_lab(l[None], gain*enlarge(o, l), gamut=False) for l,o in zip(L, ab)])
                figures = dict(psnr=psnr(fake, rgb).mean().item(), ratio=(colorfulness(fake).mean()/real).item())
                tried.append(dict(size=size, T=T, share=share, gain=round(gain, 3), **figures))
                if floor <= figures['ratio'] <= 1.02*floor or gain >= most and figures['ratio'] < floor: break
                gain = min(most, 1.01*gain*floor/max(figures['ratio'], .01))
            tried[-1]['ciede2000'] = ciede2000(fake, rgb).mean().item() # at the floor, where settings are compared
    return pick(tried, floor),tried

# %%
class Oracle(nn.Module):
    "Scores of the true bins, for pictures in a fixed order, with a rebalancing by `weights`"
    def __init__(self, photos, weights):
        super().__init__()
        rgb = torch.stack([torch.as_tensor(o) for o in photos]).permute(0, 3, 1, 2)/255
        idx,w = SoftBins()(split_lab(rgb)[1])
        p = torch.zeros(len(rgb), 313, *rgb.shape[-2:]).scatter_(1, idx, w)
        self.scores,self.calls = (p + 1e-9).log() + weights.log().view(-1, 1, 1),0
    def forward(self, L):
        self.calls += 1
        return self.scores[[(self.calls - 1)%len(self.scores)]]

torch.manual_seed(seed)
photos,rare = [np.array(o) for o in sample_photos(64)],torch.rand(313)*20 + .1
best,tried = choose(Oracle(photos, rare), photos, rare, sizes=(64,), temperatures=(.2, 1., 2.), shares=(0., .5, 1.))
test_eq((best['T'], best['share']), (1., 1.))
assert best['psnr'] > 35 and .95 < best['ratio'] < 1.05
best

# %% [markdown]
# Now the floor is one and a half times the truth's colorfulness. The classifier gets there by its gain, in a few rounds; each pair below is a gain and the colorfulness that it gave.

# %%
bold,all_bold = choose(Oracle(photos, torch.ones(313)), photos, torch.ones(313), 1.5, (64,), (1.,), (0.,), most=3.)
assert 1.5 <= bold['ratio'] <= 1.53 and bold['gain'] > 1.2 and all_bold[0]['gain'] == 1
faint = [o for o in tried if o['T'] == 1 and o['share'] == 1]
assert faint[0]['ratio'] > .95 and .7 <= faint[-1]['ratio'] <= .714 and faint[-1]['gain'] < .8
dull, = choose(Oracle(photos, torch.ones(313)), photos, torch.ones(313), 1.5, (64,), (1.,), (0.,), most=1.)[1]
test_eq(dull['gain'], 1.)
[(o['gain'], o['ratio']) for o in all_bold]

# %%
#| label: fig-choose
#| fig-cap: "Settings of one classifier. Nothing to the left of the floor (dotted) is chosen; the cross is the choice."
def draw_tried(tried, best, floor=.7):
    "PSNR over colorfulness, one point a setting"
    fig,ax = plt.subplots(figsize=(6, 2.6))
    ax.scatter([o['ratio'] for o in tried], [o['psnr'] for o in tried])
    ax.scatter(best['ratio'], best['psnr'], marker='x', s=120, color='k')
    ax.axvline(floor, color='k', ls=':', lw=1)
    ax.set_xlabel('colorfulness, share of the truth')
    ax.set_ylabel('PSNR, dB')

draw_tried(tried, best)

# %% [markdown]
# In @fig-choose each dot is one setting. At the right are the nine combinations of temperature and share as they come, all about as colorful as the truth; the cross is on the highest, and a neighbor is less than a decibel below. The dots near the floor are the same nine with a gain below one. This classifier knows the truth, so with less color than that it is far worse; a real one, which guesses, would gain a little.

# %% [markdown]
# ## The weights of a run

# %% [markdown]
# Not every epoch is a candidate. Where content loss alone is trained, later is better, so only the end of such a phase counts; adversarial training swings, so there each epoch does. And where [a stop](critic_schedules.ipynb#nogan) went back to the best moment of a phase, that moment alone stands for the phase.

# %%
#| export
def candidates(
    run, # folder of a run
) -> list: # weights that may be shipped: 'tag' and the history's 'psnr' and 'ratio'
    "The last weights of each phase that trains the generator, and those after each adversarial epoch, or a stop's"
    rows = [o for o in Run(run).history if o['mode'] != 'critic']
    last,stopped = {o['phase']: o['tag'] for o in rows},{o['phase'] for o in rows if o['tag'].endswith('stop')}
    ends = lambda o: o['tag'] == last[o['phase']] or o['mode'] not in ('content', 'plain') and o['phase'] not in stopped
    return [dict(tag=o['tag'], psnr=float(o['psnr']), ratio=float(o['ratio'])) for o in rows if ends(o)]

# %%
folder = Path(tempfile.mkdtemp())
def history(*rows):
    "Tags of the candidates of a run of these phases, modes and epochs"
    lines = [f'{p},{m},{e},{p}-{e},20.,.8' for p,m,e in rows]
    (folder/'history.csv').write_text('\n'.join(['phase,mode,epoch,tag,psnr,ratio', *lines]))
    return [o['tag'] for o in candidates(folder)]

start = [(0, 'content', '000'), (0, 'content', '001'), (1, 'critic', '000')]
test_eq(history(*start, (2, 'both', '000'), (2, 'both', '001')), ['0-001', '2-000', '2-001'])
test_eq(history(*start, (2, '5-1', '000'), (2, '5-1', '001')), ['0-001', '2-000', '2-001'])
test_eq(history(*start, (2, 'both', '000'), (2, 'both', '001'), (2, 'both', 'stop')), ['0-001', '2-stop'])

# %% [markdown]
# Weights of one run that lie near each other may also be *averaged*. A network that was trained on for something a little different has moved a little way, and the mean of both ends often does better than either, at no cost when it is used [@wortsman2022]. Phases of a recipe that say `mean` take part in it.
#
# All settings of all candidates are tried on the photographs that the run held out, and what was tried stays beside them, as `tried.csv`. For generators without such settings the figures of the history decide.

# %%
#| export
def mean_tag(
    run, # folder of a run
) -> list: # one tag or none
    "The mean that a recipe asks for, of the last weights of phases, as a tag of `Run.weights`"
    last = {o['phase']: o['tag'] for o in Run(run).history}
    phases = [str(i) for i,p in enumerate(Run(run).recipe.phases) if p.mean]
    return ['+'.join(last[o] for o in phases)] if phases and all(o in last for o in phases) else []

# %%
#| export
def best_of(
    run, # folder of a run
    photos:list, # held-out photos, see `Run.held_out`
) -> tuple[dict,list]: # the choice, and all that was tried
    "The weights and settings of highest held-out PSNR among those that are colorful enough"
    run,tried = Run(run),[]
    weights = run.class_weights()
    for tag in [o['tag'] for o in candidates(run)] + mean_tag(run):
        tried += [dict(tag=tag, **o) for o in choose(run.generator(tag), photos, weights, run.recipe.floor)[1]]
    return pick(tried, run.recipe.floor),tried

def tried_by(
    run, # folder of a run
) -> list: # settings with their figures; empty where nothing was tried yet
    "What a run's artifact was chosen from"
    path = Run(run)/'tried.csv'
    return pd.read_csv(path).to_dict('records') if path.exists() else []

# %% [markdown]
# ## What we have
#
# - `pick`, the rule in a line, and `choose`, which tries the settings of a classifier;
# - `candidates`: the weights of a run among which it chooses, and `best_of`, which does.

# %% [markdown]
# ## Exercises
#
# 1. Draw @fig-choose for a run of your own. How far is the best PSNR without a floor from the best with it?
# 2. Add a fourth setting to `choose`. How many more forward passes of the network does it take?
