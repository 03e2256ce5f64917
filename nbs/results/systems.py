# %% [markdown]
# # The five systems, trained
#
# > Flowers, a film and six losses: what S0, S1, S2 and S4 show, trained again, with figures
#
# The repositories of the [five systems](../../appendix/systems.qmd) show pictures that their networks colored, and hardly a figure. Here the same networks are trained again by the recipes of this book, on the kind of pictures that they were made for, and shown and measured on what they have not seen. All of it is little training, minutes of a processor core where the originals had hours of a graphics card, and it says so where it shows. S3 has a chapter of its own, [S3's ideas, measured](scgan.ipynb), and so has S4's comparison, [The loss laboratory](ablation.ipynb), of which a part is here at twice the size.

# %%
#| hide
import json
import matplotlib.pyplot as plt, pandas as pd, torch
from hashlib import sha256
from itertools import islice
from pathlib import Path
from fastcore.test import *
from safetensors.torch import load_file
from colorbook.color.lab import gray_to_L, lstar, show_sheet, to_rgb
from colorbook.data.clips import fit_frame
from colorbook.evaluation.diversity import answer_spread, answers
from colorbook.imaging.sheet import LoopingClip
from colorbook.models.registry import create_generator
from colorbook.training.ablation import table_of
from colorbook.video.read import read_frames

kept = [o for up in (Path.cwd(), *Path.cwd().parents) if (o := up/'asset/own.json').exists()][0]
own,s4 = json.loads(kept.read_text()),json.loads((kept.parent/'own/s4.json').read_text())
runs,flowers,films = own['runs'],own['flowers']['summary'],own['films']['versions']

# %% [markdown]
# ## S0: triplets from a film

# %% [markdown]
# S0 learned from the frames of a cartoon episode and shows *triplets*: gray, truth, output. Our cartoon is the half minute of *Big Buck Bunny* that comes with this book. It has four shots; of each the first two thirds are learned from, and @fig-own-s0 has frames of the rest. Look at the third picture of each triplet beside the second.
#
# ![Eight triplets by S0, from frames whose colors it has not seen: gray, truth, output. Big Buck Bunny (c) 2008 Blender Foundation, bigbuckbunny.org, CC BY 3.0; colored by us.](../../asset/own/s0-film.jpg){#fig-own-s0 fig-alt="Eight triplets of frames of a cartoon: gray, in true colors, and colored by S0."}

# %% [markdown]
# Grass, trees, water and the sky, pink in one shot and blue in another, have their colors. What is small has not: the flowers beside the stream stay gray, and what is bright yellow at the top of the trunk becomes white. And toward the corners of some pictures the grass is gray or violet. These frames are four decibels nearer to the truth than gray, with four fifths of its color (@tbl-own-films). Remember that they are of the shots that S0 has learned from, some seconds later. So this says that it knows these places, and nothing about another film.
#
# The training was 24 epochs of 58 steps with L1 alone, then four with the critic, where S0's own command says fifty. The order seems to matter. With the critic from the first step, half the rate and eight epochs, the same network ends up *below* gray, in a pattern of points: neighboring pixels get different colors, since its transposed convolutions of stride 2 have not learned to agree. On pieces of held-back frames that run came to 14.8 dB, and L1 alone was at 20.2 after as many epochs. The earlier run is in the next pictures and tables too, as "S0, 8 epochs".

# %% [markdown]
# ## S0: flowers

# %% [markdown]
# The first set that S0 names is Oxford's *17 Category Flower Dataset*. As S0 does, we learn from 1,020 photographs at 224 pixels and keep 340 for measuring. (The split is drawn by a seed; the official one was not at hand.) After seven epochs by [L1](../losses/content.ipynb) alone, three more follow with the critic. In @tbl-own-flowers more PSNR is better; LPIPS and CIEDE2000 are distances.

# %%
#| label: tbl-own-flowers
#| tbl-cap: "S0 on 340 flowers that it has not seen, with 95 % intervals over photographs."
def cell(o, by=1, digits=2):
    "A mean with its interval"
    if o['mean'] is None: return ''
    return f"{o['mean']*by:.{digits}f} [{o['low']*by:.{digits}f}, {o['high']*by:.{digits}f}]"

moments = {'0-006': 'L1 alone', '1-002': 'L1 and critic'}
measures = {'PSNR, dB': ('psnr', 2), 'LPIPS': ('lpips', 3), 'CIEDE2000': ('ciede2000', 2)}
table = pd.DataFrame({k: {name: cell(flowers[o][m], 1, d) for o,name in moments.items()} |
    dict(gray=cell(flowers['1-002'][f'gray_{m}'], 1, d)) for k,(m,d) in measures.items()})
table['colorfulness ratio'] = [*(cell(flowers[o]['colorfulness_ratio']) for o in moments),'0']
test_eq(own['flowers']['photos'], 340)
table

# %% [markdown]
# L1 alone is a decibel nearer to the truth than gray, takes a third of gray's LPIPS away, and has two thirds of the colorfulness of the photographs. The three epochs with the critic improve nothing: two tenths of a decibel are lost, LPIPS is higher again, and the color is the same. S0's critic does not see the gray picture, so it can ask only whether colors occur in flowers, not whether they belong where they are. Of every hundred flowers 37 are nearer to the truth without any color after L1 alone, and 38 after the critic.

# %% [markdown]
# The flowers may be used for research and not be shown; whoever has them gets a sheet of the best, the median and the worst from the command [below](#how-they-were-made). @fig-own-flowers has other photographs instead. One is of a flower, and the like of the others S0 has never seen.
#
# ![S0, trained on flowers, on photographs that come with scikit-image and scikit-learn: gray, after L1 alone, after three epochs with the critic, truth.](../../asset/own/s0-flowers.jpg){#fig-own-flowers fig-alt="Six photographs in four columns: gray, two answers of S0, truth."}

# %% [markdown]
# S0 knows two things: what is dark and rough is leaf green, and what is bright is cream or yellow. That is the right guess for many flowers and wrong for a sky, a suit and a cat. Even the dahlia becomes yellow. With the critic the colors are a little paler, and the sky behind the temple has got a pattern of points.

# %% [markdown]
# ## S1: individual frames

# %% [markdown]
# S1 looks at three frames at a time. Its authors compare it in two ways with a network for single pictures, which is that of S0: by *individual frames* and by *continuous frames*. They do it with pictures. @fig-own-frames does the first of the two: the same held-out frames by both, each trained for eight epochs on the same film, with the critic from the first step. Beside them is S0 as above, after 28 epochs.
#
# The figures are in @tbl-own-films. Its last two columns are about frames in a row: color that no motion explains, in thousandths, and the change of color from one frame to the next, in percent of the color. Intervals are over blocks of six frames.
#
# ![Held-out frames: gray, by S0 and S1 after eight epochs each, by S0 after 28, true. Credit as above.](../../asset/own/s1-frames.jpg){#fig-own-frames fig-alt="Five frames of a cartoon in five columns: gray, colored by S0 and by S1 after eight epochs, by S0 after 28, true."}

# %%
#| label: tbl-own-films
#| tbl-cap: "Held-out frames of the film: three columns for each by itself, two for frames in a row."
def film_row(v):
    "Figures of one version of the film"
    return {'PSNR, dB': cell(v['psnr']), 'LPIPS': cell(v['lpips'], 1, 3), 'colorfulness ratio': cell(v['ratio']),
        'color error': cell(v['color_error'], 1e3, 3), 'change of color': cell(v['color_change'], 100)}

versions = {'truth': ('s1-film', 'truth'), 'gray': ('s1-film', 'gray'), 'S0, 8 epochs': ('s0-film-8', 'colored'),
    'S1, 8 epochs': ('s1-film', 'colored'), 'S0, 28 epochs': ('s0-film', 'colored')}
pd.DataFrame({k: film_row(films[a][b]) for k,(a,b) in versions.items()}).T

# %% [markdown]
# After eight epochs S1 is almost two decibels better than gray, with four fifths of the color, and S0 more than a decibel worse, with more color than the truth. That is a large difference, but not one that three frames explain: S1's generator has a quarter of the weights, instance norm, a critic on patches with least squares, and a content loss that counts for less. What the neighbors alone contribute is asked in exercise 1. And training counts for more than any of it: S0 after 28 epochs, the first 24 without the critic, is two decibels better than S1 after eight. Whether S1 would overtake it in as many, we have not tried.

# %% [markdown]
# ## S1: continuous frames

# %% [markdown]
# Now frames in a row: every second frame of half a second, from the middle of the held-out part of the longest shot.
#
# ![Six frames in a row: the truth, S0 and S1 after eight epochs, S0 after 28. Credit as above.](../../asset/own/s1-row.jpg){#fig-own-row fig-alt="Six frames in a row, true, by S0 and by S1 after eight epochs, and by S0 after 28."}
#
# What changes slowly is hard to see side by side. @fig-own-time shows all held-out frames at once: the same column of pixels of each, from left to right, so that what flickers makes vertical stripes, and a grid that stands still makes horizontal ones.
#
# ![A column of pixels through all held-out frames, from the top: the truth, S0 and S1 after eight epochs, S0 after 28. Credit as above.](../../asset/own/s1-time.jpg){#fig-own-time fig-alt="Four bands of color, one column of pixels for each frame: true, by S0 and by S1 after eight epochs, by S0 after 28."}

# %% [markdown]
# In both pictures S0's colors after eight epochs have a grid, which stands still while the things behind it move. S1 is smooth by comparison. The last two columns of @tbl-own-films say it in figures: of the change that motion does not explain, S1 has a quarter of S0's, and its color changes by 14 % from one frame to the next where S0's changes by 22 %. So after equal training S1's claim holds. But S0 after 28 epochs, which sees single frames, changes by 9 % only: a network that knows the right color gives it to every frame. The truth changes by less than 3 %, so neither three frames nor more training make a film steady. It takes the [stabilizer](../video/stabilize.ipynb) to come near.

# %%
#| hide
def of(system, version, k): return films[system][version][k]
def value(system, version, k): return of(system, version, k)['mean']
early,s1,s0 = list(versions.values())[2:]
test_eq([round(runs[o]['log'][7]['psnr'], 1) for o in ('s0-film-8', 's0-film')], [14.8, 20.2])
gray = value('s1-film', 'gray', 'psnr')
assert 1.7 < value(*s1, 'psnr') - gray < 2 and 1 < gray - value(*early, 'psnr') < 2
assert 4 < value(*s0, 'psnr') - gray < 4.3 and 2 < value(*s0, 'psnr') - value(*s1, 'psnr') < 2.5
assert all(.75 < value(*o, 'ratio') < .85 for o in (s0, s1)) and value(*early, 'ratio') > 1
assert of(*s0, 'psnr')['low'] > of(*s1, 'psnr')['high'] and of(*s1, 'psnr')['low'] > of(*early, 'psnr')['high']
assert .2 < value(*s1, 'color_error')/value(*early, 'color_error') < .27
change = [100*value(*o, 'color_change') for o in (early, s1, s0, versions['truth'])]
test_eq([round(o) for o in change], [22, 14, 9, 3])
l1,both,none = (flowers[a][b]['mean'] for a,b in (('0-006', 'psnr'), ('1-002', 'psnr'), ('1-002', 'gray_psnr')))
assert .9 < l1 - none < 1.1 and .15 < l1 - both < .25
test_eq(round(100*flowers['0-006']['worse_than_gray']['mean']), 37)

# %% [markdown]
# S1 ends with an animation: gray, original, generated. So does ours, two seconds of it on this page; `asset/own/s1-film.mp4` has all held-out frames.

# %%
def looping(name, first, alt, notes):
    "Two seconds of a kept film, every second frame"
    rows = list(islice(read_frames(kept.parent/f'own/{name}.mp4'), first, first + 48, 2))
    n = len(notes)
    cut = lambda im: [im.crop((i*im.width//n, 0, (i + 1)*im.width//n, im.height)) for i in range(n)]
    return LoopingClip([cut(o.im) for o in rows], alt, notes)

start = sum(own['films']['shots'][:2])
looping('s1-film', start, 'Frames of a cartoon in gray, colored by S1, and true.', ['gray', 'by S1', 'true'])

# %% [markdown]
# ## S2: a gallery

# %% [markdown]
# S2 works at full size all the way and is told the lightness before every layer. Its authors trained it on one television series and show a *gallery* from another one, predictions beside the truth. @fig-own-s2 is ours, from the held-out frames of the film; each has noise of its own, as S2's have. The recipe is `s2`, in which the generator never hears its critic; so the critic, which takes two thirds of each step, is left out, and there is time for 2,320 steps by L2 alone.
#
# ![S2 on held-out frames, beside the truth. Credit as above.](../../asset/own/s2-gallery.jpg){#fig-own-s2 fig-alt="Five frames of a cartoon in two columns: colored by S2, and true."}

# %% [markdown]
# S2's authors call their result "safe brownish", and this is what comes out: grass is olive, skies are gray, cream or a pale pink, and the blue one behind the branch is brown. It is a decibel better than gray, with a third of the color of the film (@tbl-own-s2). An earlier run, of 348 steps with a critic that was heard, had wild colors and was three decibels *worse* than gray. S2's batch norms were a part of the reason. They average their statistics slowly, a hundredth at a time, and lagged behind the weights: measured anew on frames that it had learned from, they gave back two of those three decibels (with fresh noise, on 16 frames). After more steps, at a rate that falls to zero, measuring them anew changes nothing.

# %% [markdown]
# S2's generator is small enough to come with the book, one megabyte in half precision. So here it colors on this page: three frames that were held out, with four different vectors of noise. Do the answers differ?

# %%
#| label: fig-own-noise
#| fig-cap: "S2 on three held-out frames with four vectors of noise, and the truth. Credit as above."
net,run = create_generator('stride1'),runs['s2-film']
test_eq(sha256((kept.parent/run['file']).read_bytes()).hexdigest(), run['file_sha256'])
net.load_state_dict(load_file(kept.parent/run['file']))
net.eval()
def frame(seconds):
    "A frame of the film as S2 has it"
    im = next(iter(read_frames(kept.parent/'bunny.mp4', seconds, seconds + .1))).im
    return torch.from_numpy(fit_frame(im, 72).copy()).permute(2, 0, 1)[None]/255

times = 10., 22., 29.
truth = torch.cat([frame(o) for o in times])
L = gray_to_L(lstar(truth))
ab = torch.stack([answers(net, o[None], 4) for o in L])
show_sheet([*(to_rgb(L, o) for o in ab.unbind(1)), truth], ['1', '2', '3', '4', 'truth'], 12);

# %%
spreads = pd.DataFrame({'between answers': [answer_spread(o).mean().item()*110 for o in ab],
    'of the color itself': [o.square().sum(1).mean().sqrt().item()*110 for o in ab]}, index=[f'{o} s' for o in times])
assert (spreads['between answers']/spreads['of the color itself']).between(.2, .35).all()
spreads.round(2).T

# %% [markdown]
# They do, a little: the same sky is pinkish with one vector and cream with another, and no answer has the blue or the green of the truth. From one answer to the other there is about a quarter as much difference as there is color in them at all. A content loss teaches a network to ignore its noise ([S2](../models/s2.ipynb)); twenty epochs have not finished that, and nothing has taught it what the noise would be good for.

# %% [markdown]
# ## S2: a film

# %% [markdown]
# S2's program draws fresh noise for each frame of a film. The remedy is one vector for all. @fig-own-s2-row has six frames in a row by both.
#
# ![Six frames in a row by S2: with fresh noise for each, with one vector for all, and true. Credit as above.](../../asset/own/s2-row.jpg){#fig-own-s2-row fig-alt="Three rows of six frames: the first changes its colors from frame to frame, the second and the third do not."}
#
# As a film the first row would flash, which some people must not see. So here, and in `asset/own/s2-film.mp4`, is the second one.

# %%
looping('s2-film', start, 'Frames of a cartoon in gray, by S2 with one vector of noise, and true.',
    ['gray', 'by S2', 'true'])

# %%
#| label: tbl-own-s2
#| tbl-cap: "S2's film with fresh noise for each frame, and with one vector for all. Columns as above."
pd.DataFrame({k: film_row(films['s2-film'][k]) for k in ('truth', 'gray', 'fresh noise', 'one noise')}).T

# %% [markdown]
# With fresh noise the color changes from each frame to the next by half of what there is of it, twenty times as much as in the truth. With one vector it is almost as steady as the film, without any stabilizer: 4 % against the truth's 3 %. So one vector for a shot costs hardly anything and removes S2's flicker. A pale film is easily steady, though: both versions have about a third of the truth's color.

# %%
#| hide
fresh,one,true = (value('s2-film', o, 'color_change') for o in ('fresh noise', 'one noise', 'truth'))
assert .5 < fresh < .6 and 18 < fresh/true < 23 and .035 < one < .045 and .025 < true < .03
none = value('s2-film', 'gray', 'psnr')
for o in ('fresh noise', 'one noise'):
    assert 1 < value('s2-film', o, 'psnr') - none < 1.3 and .29 < value('s2-film', o, 'ratio') < .33
    assert of('s2-film', o, 'psnr')['low'] > of('s2-film', 'gray', 'psnr')['high']
assert value('s2-film', 'fresh noise', 'psnr') - value('s2-film', 'one noise', 'psnr') < .06
test_eq((len(runs['s2-film']['log']), runs['s2-film']['recipe']['bs']), (20, 4))

# %% [markdown]
# ## S4: the losses at 128 pixels

# %% [markdown]
# S4 compares losses, on faces of 256 pixels. [The loss laboratory](ablation.ipynb) asks its question on equal terms, for many variants and three seeds, at 64 pixels. Here is a part of it at 128: the four adversarial losses of S4 beside L1, and L1 and L2 alone. The networks are the laboratory's (a U-Net on MobileNetV2, which knows ImageNet) and not S4's with 39 million weights, the photographs are of everything, 1,000 of them, once by the content loss, then a fifth of them for the critic alone and three fifths with both, one seed. So this is no repetition of S4's 195,000 faces; it asks whether what the laboratory found at 64 pixels is still there at 128.
#
# ![S4's row at 128 pixels: gray; L1 alone, with GAN, LSGAN, EBGAN and WGAN; L2 alone; truth.](../../asset/own/s4.jpg){#fig-own-s4 fig-alt="Six photographs in eight columns: gray, six ways to train, truth."}

# %%
#| label: tbl-own-s4
#| tbl-cap: "Six of S4's losses at 128 pixels, on 200 photographs, one seed, with 95 % intervals over photographs."
table_of(s4['arms']).assign(seconds=[round(o['seconds']) for o in s4['arms'].values()],
    weights=[o['weights'][:12] for o in s4['arms'].values()])

# %% [markdown]
# All six are pale, for 111 steps are little. As at 64 pixels every critic costs decibels, 0.15 to 0.43 beside L1 alone, and L2 alone has more color than L1 alone, here .48 against .34 of the truth's. Different is what the critics bring: beside L1 alone each of the four has a slightly *worse* LPIPS, where in the laboratory each had a better one, and the logistic and the energy-based critic add hardly any color. With a quarter of the laboratory's photographs they have not had the time. Of the four, least squares adds the most color and costs the most; S4 found it the best, and by these figures it is the last.

# %%
#| hide
arms,pairs = s4['arms'],s4['compare']
critics = [f'{k}-l1' for k in ('gan', 'lsgan', 'ebgan', 'wgan')]
for o in critics:
    d = pairs[f'{o} - l1 alone']
    assert d['psnr']['high'] < 0 and -.44 < d['psnr']['mean'] < -.14 and d['lpips']['low'] > 0
ratio = {k: o['ratio']['mean'] for k,o in arms.items()}
test_eq([round(ratio[o], 2) for o in ('l1 alone', 'l2 alone')], [.34, .48])
assert all(ratio[o] - ratio['l1 alone'] < .02 for o in ('gan-l1', 'ebgan-l1'))
test_eq(max(critics, key=ratio.get), 'lsgan-l1')
test_eq(min(critics, key=lambda o: arms[o]['psnr']['mean']), 'lsgan-l1')
test_eq(max(critics, key=lambda o: arms[o]['lpips']['mean']), 'lsgan-l1')

# %% [markdown]
# ## What came out worse than the originals say

# %% [markdown]
# - **S0** is "universal for all kinds of colourful image dataset": on the film small things stay gray, with the critic from the first step eight epochs end below gray, and on flowers that critic improves nothing; red and purple flowers stay gray.
# - **S1** has frames that are continuous: after equal training they are steadier than S0's, but still change five times as much as those of the film, and S0 trained longer is steadier without looking at a neighbor.
# - **S2** has no blocks, which is true, and is "safe brownish", which is true as well: a third of the color, with no blue and little green where the film is full of them. Its noise chooses among tints of the sky, not among colorings.
# - **S3**'s map of saliency brings next to nothing on the small network, and nothing of what it promises at borders ([S3's ideas, measured](scgan.ipynb)).
# - **S4** found least squares best: at 128 pixels it is the last of its four by PSNR and LPIPS, and all four answers are pale.

# %% [markdown]
# ## How they were made

# %% [markdown]
# `benchmarks/systems.py` trains and measures S0, S1 and S2, `asset/own.py` keeps what this page shows; `benchmarks/laboratory.py` does S4's part. A stopped command goes on where it was. The recipes are those of the systems with a few fields changed; @tbl-own-plans is what that comes to, with the beginning of the hash of the weights (of the two moments that are shown, for the flowers).

# %%
#| label: tbl-own-plans
#| tbl-cap: "What was trained."
def plan(r):
    "A run in a row"
    c = r['recipe']
    modes = dict(content=f"{c['content'].upper()} alone", both='both')
    epochs = ' + '.join(f"{o['epochs']} {modes[o['mode']]}" for o in c['phases'])
    critic = (c['critic'], c['adversarial']) if 'both' in epochs else ('none', '')
    return dict(generator=c['generator'], critic=critic[0], adversarial=critic[1], gray=c['gray'],
        pixels=c['size'], epochs=epochs, minutes=round(sum(o['seconds'] for o in r['log'])/60),
        weights=' '.join(o[:12] for o in r.get('moments', dict(last=r['weights_sha256'])).values()))

print(*own['commands'], s4['command'], sep='\n')
pd.DataFrame({k: plan(o) for k,o in runs.items()}).T

# %%
#| label: fig-own-log
#| fig-cap: "PSNR and colorfulness ratio after each epoch, on pictures that were held back."
fig,axs = plt.subplots(1, 2, figsize=(10, 3), layout='constrained')
for ax,k,name in zip(axs, ('psnr', 'ratio'), ('PSNR, dB', 'colorfulness ratio')):
    for run,o in runs.items(): ax.plot(range(1, len(o['log']) + 1), [e[k] for e in o['log']], 'o-', ms=3, label=run)
    ax.set(xlabel='epoch', ylabel=name)
axs[1].axhline(1, color='.7', lw=.8, ls='--')
axs[0].legend(fontsize=7);

# %% [markdown]
# Only the two lines of S0 on the film are comparable in height: each system has its own gray, size and pieces of frames. S0's line on flowers drops where the critic joins in, and its long line on the film hardly does. The minutes in @tbl-own-plans are those of a processor that had much else to do; an undisturbed one needs a small part of them.

# %% [markdown]
# ## What we have
#
# - the results that four systems show, made again by a command each: triplets, frames alone and in a row, a gallery, films, a row of losses;
# - a figure with an interval beside every picture, and for each system what came out worse than its authors say;
# - S2's generator, which colors on this page.

# %% [markdown]
# ## Exercises
#
# 1. S1 sees three frames. Give it the same frame three times (`light` in `benchmarks/systems.py`). How much of what it does comes from the neighbors?
# 2. Train `s0-flowers` with the critic `s0_conditional`, which sees the lightness. Does the critic still cost decibels?
# 3. S2's noise comes in once, at the start. Where would you put it so that the answers differ?
