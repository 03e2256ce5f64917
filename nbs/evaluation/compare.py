# %% [markdown]
# # Comparing tools
#
# > A folder of pictures that any program colored, measured like our own, and two of them side by side
#
# Which of two colorizers is better? Both have colored the same photographs, and both authors publish figures, measured at other sizes, with other grays and other networks. To get an answer both must be measured in one way. `evaluate_pictures` takes a folder of results, made by any program, and the folder of the true photographs, matches them by name, and measures them by the [protocol](protocol.ipynb) of this book; `compare_evaluations` puts two such reports beside each other, photo by photo, with an interval for every difference, and refuses if they were not measured in the same way; and a page shows the pictures, sorted by any figure.

# %%
#| default_exp evaluation.compare

# %% tags=["parameters"]
size = 64

# %%
#| export
import json, os
from pathlib import Path, PurePosixPath

import numpy as np, pandas as pd

from colorbook.core import InputError, UsageError
from colorbook.data.photos import open_photo
from colorbook.evaluation.features import jackknife
from colorbook.evaluation.gallery import picture_strip, write_sortable
from colorbook.evaluation.protocol import (evaluate, Evaluation, find_photos, gray_picture, read_truth, run_colorizer,
    run_protocol, summarize_metrics, with_ci)

# %%
#| hide
import math, tempfile
from fastcore.test import *
from PIL import Image
from colorbook.data.photos import sample_photos
import matplotlib.pyplot as plt

# %% [markdown]
# ## Matching

# %% [markdown]
# Tools keep the name of a picture and change its suffix, and most keep the folders. So a result belongs to the photo whose path is the same apart from the suffix, or whose name alone is, where no other photo has it. A result without a photo is an error, and so is a photo without a result: whoever leaves out the difficult ones would win. A result must also have the shape of its photo, or be the square that the protocol compares; one that was cropped cannot be compared.

# %%
#| export
def _stem(name): return str(PurePosixPath(name.replace(os.sep, '/')).with_suffix(''))

def match_pictures(
    colored, # results of any tool: a folder, a tar or a list, see `find_photos`
    truth, # the true photographs, likewise
) -> list: # triples of a photo's name, what `read_photo` takes of the result and of the photo
    "Results and photos that belong together; `InputError` if one is alone"
    photos,found = find_photos(truth),{}
    if twice := len(photos) - len({_stem(name) for name,_ in photos}):
        raise InputError(f"{twice} photos in '{truth}' differ by their suffix only", 'give each a name of its own')
    whole,short = {_stem(name): name for name,_ in photos},{}
    for o in whole: short.setdefault(PurePosixPath(o).name, []).append(o)
    for name,src in find_photos(colored):
        alone = short.get(PurePosixPath(_stem(name)).name, [])
        key = _stem(name) if _stem(name) in whole else alone[0] if len(alone) == 1 else None
        if key is None: raise InputError(f"no photo in '{truth}' belongs to '{name}'", 'keep the names of the photos')
        if key in found: raise InputError(f"two results belong to '{whole[key]}'", 'leave one of them')
        found[key] = src
    lost = [name for o,name in whole.items() if o not in found]
    if lost: raise InputError(f"{len(lost)} photos have no result, '{lost[0]}' among them", 'color all, or give fewer')
    return [(name, found[_stem(name)], src) for name,src in photos]

# %%
#| export
def check_sides(
    name:str, # of the photo, for the error
    colored, # what `open_photo` takes
    truth, # likewise
    size:int, # side of the squares that are compared
):
    "`InputError` if a result has neither its photo's shape nor that of the squares"
    def upright(src):
        im = open_photo(src)
        turned = im.getexif().get(274, 1) > 4
        return im.size[::-1] if turned else im.size
    (w,h),(W,H) = upright(colored),upright(truth)
    off = abs(w*H - h*W)/max(W, H)  # in pixels of the result
    if (w, h) != (size, size) and off > 1.01*max(1, w/W):
        raise InputError(f"the result of '{name}' has {w}x{h} pixels, the photo {W}x{H}",
            f'give results of the same shape, or squares of {size}')

# %%
home = Path(tempfile.mkdtemp())
photos = [o.resize((90, 60)) for o in sample_photos()]
def write(where, pictures, suffix='png', names='abcdef'):
    (home/where/'sub').mkdir(parents=True)
    for i,(o,n) in enumerate(zip(pictures, names)): o.save(home/where/f"{'sub/'*(i > 2)}{n}.{suffix}")
    return home/where
truth = write('truth', photos)
half = write('half', [Image.blend(o.convert('L').convert('RGB'), o, .5) for o in photos], 'jpg')
test_eq([o[0] for o in match_pictures(half, truth)], ['a.png', 'b.png', 'c.png', 'sub/d.png', 'sub/e.png', 'sub/f.png'])
for _,src,real in match_pictures(half, truth): check_sides('', src, real, size)
test_fail(lambda: match_pictures(write('few', photos[:5]), truth), exc=InputError, contains="'sub/f.png'")
test_fail(lambda: match_pictures(write('other', photos, names='abcdeg'), truth), exc=InputError, contains='sub/g.png')
test_fail(lambda: match_pictures([*[half]*2], truth), exc=InputError, contains='two results')
test_fail(lambda: check_sides('a', photos[0].crop((0, 0, 60, 60)), photos[0], size), exc=InputError, contains='60x60')
check_sides('a', photos[0].resize((size, size)), photos[0], size)
check_sides('a', photos[0].resize((31, 21)), photos[0], size)
[o[0] for o in match_pictures(half, truth)]

# %% [markdown]
# ## A page of pictures

# %% [markdown]
# Means hide what a tool does wrong. The page has gray, result and truth of a number of photos beside their figures, and sorts them by the figure that is chosen: the worst first, or the best. It is [one file](gallery.ipynb#a-page-that-is-sorted) without anything from elsewhere, so it can be sent to somebody. From a large set it takes photos at equal steps in the order of their CIEDE2000, the best and the worst among them.

# %%
#| export
def write_page(
    result:Evaluation, # figures and card
    answer, # function of a photo's name and its gray picture that returns the colored one
    photos:list, # names and sources, as `find_photos` returns them
    path:str|os.PathLike, # .html
    size:int=256, # side of the squares that were compared
    n:int=200, # pictures at most
    side:int=128, # of a picture on the page, in pixels
):
    "A page with sortable pictures"
    order = np.argsort(result.photos.ciede2000.to_numpy(), kind='stable')
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(n, len(order))).round().astype(int))]
    def figures():
        for i in chosen:
            real = read_truth(*photos[i], size)
            gray = gray_picture(real)
            yield photos[i][0],result.photos.iloc[i],picture_strip([gray, answer(photos[i][0], gray), real], side)
    columns = ['ciede2000', *(o for o in result.photos if o not in ('name', 'ciede2000'))]
    write_sortable(path, str(result.card['about'].get('name', 'Evaluation')), columns, figures(), str(result),
        'gray, result, truth')

# %% [markdown]
# ## Measuring a folder

# %%
#| export
def evaluate_pictures(
    colored, # results of any tool: a folder, a tar or a list, named as the photos are
    truth, # the true photographs: a folder, a tar or a list
    out:str|os.PathLike|None=None, # folder for `metrics.json`, `photos.csv`, `sheet.jpg` and `page.html`
    size:int=256, # side in pixels of the squares that are compared
    net:str|None='squeeze', # network for LPIPS; None leaves LPIPS out
    bs:int=8, # photos measured at a time
    about:dict|None=None, # what is measured: kept with the protocol; `name` is the title of the page
    progress:bool=True, # show a bar if a person is looking
    classifier:bool=True, # ask EfficientNet-Lite0: agreement of its answers, and a Frechet distance of its features
    fid:str|os.PathLike|None=None, # file of FID's Inception weights; None leaves FID out
    labels:str|os.PathLike|None=None, # CSV file with the true classes, see `read_labels`; None for the photo's own
    atlas:bool=False, # seven kinds of failure as well, and `atlas.jpg` with the worst photographs of each
) -> Evaluation: # prints as a table
    "Measure pictures that any program colored, beside the gray ones as a baseline"
    triples = match_pictures(colored, truth)
    sources,photos = {name: src for name,src,_ in triples},[(name, src) for name,_,src in triples]
    for o in triples: check_sides(*o, size)
    def answer(name, gray): return read_truth(name, sources[name], size)
    about = {'name': str(colored)} | (about or {})
    result = run_protocol(answer, photos, out, size, net, bs, about, progress, classifier, fid, labels, atlas)
    if out: write_page(result, answer, photos, Path(out)/'page.html', size)
    return result

# %% [markdown]
# A model's answers get the same page.

# %%
#| export
def evaluate_model(
    colorizer, # function of a gray picture, uint8 HxWx3, that returns a picture of the same size and kind
    truth, # the true photographs: a folder, a tar or a list
    out:str|os.PathLike|None=None, # folder for `metrics.json`, `photos.csv`, `sheet.jpg` and `page.html`
    size:int=256, # side in pixels of the squares that are compared
    **options, # of `evaluate`
) -> Evaluation: # prints as a table
    "`evaluate`, and the page of its pictures"
    result = evaluate(colorizer, truth, out, size, **options)
    def answer(name, gray): return run_colorizer(colorizer, gray)
    if out: write_page(result, answer, find_photos(truth), Path(out)/'page.html', size)
    return result

# %% [markdown]
# The truth measured against itself has no error. Pictures with half of their color have half of the colorfulness, nearly, and are nearer to the truth than gray is, all of them; with their color turned by 180 degrees they are farther, all of them.

# %%
same = evaluate_pictures(truth, truth, size=size, net=None, classifier=False, progress=False)
test_close(same.photos.ciede2000, 0, eps=1e-4)
weak = evaluate_pictures(half, truth, home/'weak', size, net=None, about=dict(name='half'), progress=False)
test_close(weak.summary['colorfulness_ratio']['mean'], .5, eps=.03)
test_eq(weak.summary['worse_than_gray']['mean'], 0)
def turn(im):
    Y,*c = im.convert('YCbCr').split()
    return Image.merge('YCbCr', [Y, *(o.point(lambda v: 255 - v) for o in c)]).convert('RGB')
turned = write('turned', map(turn, photos))
wrong = evaluate_pictures(turned, truth, home/'wrong', size, net=None, progress=False)
test_eq(wrong.summary['worse_than_gray']['mean'], 1)
test_eq({o.name for o in (home/'weak').iterdir()}, {'metrics.json', 'photos.csv', 'sheet.jpg', 'page.html'})
page = (home/'weak/page.html').read_text()
test_eq((page.count('<figure'), 'src="http' in page, '<h1>half</h1>' in page), (6, False, True))
print(wrong)

# %% [markdown]
# ## Two tools

# %% [markdown]
# The difference of two means says little when the photos differ more than the tools. But both have colored the *same* photos, so the differences can be taken photo by photo, and the interval of their mean is far narrower than the two intervals suggest: resampling draws photos, and with each its pair. Ratios are drawn in the same way, and [a distance of sets](features.ipynb#an-interval-without-keeping-anything) is compared group by group. If 0 is outside of the interval, the set was large enough to tell.
#
# None of this means anything if the two were measured differently. What a [card](protocol.ipynb#the-report) says of size, gray, networks and kinds must be equal, and the photos must be the same; otherwise `compare_evaluations` refuses and says what differs. Versions may differ, and so may what is measured.

# %%
#| export
def load_evaluation(
    folder:str|os.PathLike, # which `Evaluation.save` has written
) -> Evaluation:
    "A report from the disk; `InputError` if there is none"
    try:
        report = json.loads((Path(folder)/'metrics.json').read_text())
        def number(o): return [*map(float, o)] if isinstance(o, list) else float(o)
        sets = {k: {n: number(v) for n,v in o.items()} for k,o in report['sets'].items()}
        table = pd.read_csv(Path(folder)/'photos.csv', dtype=dict(name=str))
        return Evaluation(table, summarize_metrics(table), report['protocol'], sets)
    except (OSError, ValueError, KeyError) as e:
        raise InputError(f"'{folder}' holds no report", 'give a folder that colorbook evaluate wrote') from e

def check_comparable(
    a:Evaluation, # one report
    b:Evaluation, # another one
):
    "`UsageError` if two reports cannot be compared, with what differs"
    for k in sorted((a.card.keys() | b.card.keys()) - {'versions', 'about'}):
        one,two = a.card.get(k),b.card.get(k)
        if one != two: raise UsageError(f"the reports differ in '{k}': '{one}' and '{two}'", 'measure both alike')
    lone = {*a.photos.name} ^ {*b.photos.name}
    if lone: raise UsageError(f"'{min(lone)}' is in one of the reports only", 'measure both on the same photos')

# %%
#| export
def compare_evaluations(
    a:Evaluation, # one report
    b:Evaluation, # another one, measured alike
) -> pd.DataFrame: # a row a figure: both means, their difference `a` minus `b`, and its 95 % interval
    "Two reports photo by photo; `UsageError` if they were not measured alike"
    check_comparable(a, b)
    one,two = (o.photos.set_index('name').sort_index() for o in (a, b))
    names = [k for k in one if k in two and not k.startswith(('gray_', 'truth_'))]
    pairs = {k: np.stack([one[k], two[k]], 1) for k in names}
    rows = {k: with_ci(v[:,0] - v[:,1]) | dict(a=v[:,0].mean(), b=v[:,1].mean()) for k,v in pairs.items()}
    truth = one.truth_colorfulness.to_numpy()[:,None]
    def gap(v): return (v[:,0].mean() - v[:,1].mean())/v[:,2].mean()
    ratios = np.hstack([pairs['colorfulness'], truth])
    rows['colorfulness_ratio'] = with_ci(ratios, gap) | {k: ratios[:,i].mean()/truth.mean() for i,k in enumerate('ab')}
    if 'ciede2000' in pairs:
        worse = pairs['ciede2000'] > one.gray_ciede2000.to_numpy()[:,None]
        share = with_ci(worse[:,0].astype(float) - worse[:,1])
        rows['worse_than_gray'] = share | dict(a=worse[:,0].mean(), b=worse[:,1].mean())
    for k in (k for k in a.sets if k in b.sets and not k.startswith('gray_')):
        s,t = a.sets[k],b.sets[k]
        gaps = [o - p for o,p in zip(s['parts'], t['parts'])]
        rows[k] = jackknife(s['mean'] - t['mean'], gaps) | dict(a=s['mean'], b=t['mean'])
    table = pd.DataFrame(rows).T.rename(columns=dict(mean='difference'))
    return table[['a', 'b', 'difference', 'low', 'high']].astype(float)

# %%
table = compare_evaluations(weak, wrong)
both = weak.photos.ciede2000 - wrong.photos.ciede2000
test_close(table.difference['ciede2000'], both.mean(), eps=1e-9)
assert table.low['ciede2000'] < both.mean() < table.high['ciede2000'] < 0
test_eq(table.difference['worse_than_gray'], -1)
test_close(table.a['colorfulness_ratio'], weak.summary['colorfulness_ratio']['mean'], eps=1e-9)
test_eq(compare_evaluations(weak, weak).difference.abs().max(), 0)
assert table.difference['frechet_lite0'] < 0 and math.isnan(table.low['frechet_lite0']) # six photos have no interval
again = load_evaluation(home/'weak')
test_close(compare_evaluations(again, weak).difference, 0, eps=1e-4)
small = evaluate_pictures(half, truth, size=48, net=None, progress=False)
blind = evaluate_pictures(half, truth, size=size, net=None, classifier=False, progress=False)
test_fail(lambda: compare_evaluations(weak, blind), exc=UsageError, contains="differ in 'classifier'")
test_fail(lambda: compare_evaluations(weak, small), exc=UsageError, contains="'size': '64x64' and '48x48'")
fewer = Evaluation(weak.photos[:5], {}, weak.card)
test_fail(lambda: compare_evaluations(weak, fewer), exc=UsageError, contains='sub/f.png')
test_fail(lambda: load_evaluation(home), exc=InputError, contains='no report')
table.round(3)

# %% [markdown]
# How much are the pairs worth? Suppose that one tool is better by a little on every photo, and that the photos differ by a lot. Taken alone, each of the two means is uncertain by far more than their difference; in pairs there is no doubt. If one column is shuffled, so that the figures no longer belong to the same photo, the doubt is back.

# %%
rng = np.random.default_rng(0)
level = rng.normal(23, 4, 200)
better = level + .3 + rng.normal(0, .5, 200)
alone,paired = with_ci(better),with_ci(better - level)
assert paired['low'] > 0 and alone['high'] - alone['low'] > 5*(paired['high'] - paired['low'])
unpaired = with_ci(rng.permutation(better) - level)
assert unpaired['low'] < 0 < unpaired['high']
pd.DataFrame(dict(alone=alone, paired=paired, unpaired=unpaired)).round(2)

# %%
#| label: fig-paired
#| fig-cap: "The same two sets of figures: as they lie, and the difference photo by photo."
fig,axs = plt.subplots(1, 2, figsize=(8, 2.6), layout='constrained')
axs[0].hist([level, better], 20, label=['one tool', 'the other'])
axs[0].set_xlabel('PSNR, dB')
axs[0].legend(fontsize=8)
axs[1].hist(better - level, 20)
axs[1].axvline(0, color='k', lw=1)
axs[1].set_xlabel('difference of the pairs, dB');

# %% [markdown]
# On the left the two tools cannot be told apart: both spread over many decibels. On the right are the same figures, subtracted photo by photo. The differences spread over two or three decibels only, and one sees that their middle lies to the right of the line at 0.

# %% [markdown]
# ## What we have
#
# - `evaluate_pictures`, the protocol for the folder of any tool, with names matched and shapes checked;
# - a page of sortable pictures in one file;
# - `compare_evaluations`, two reports in pairs, refused where the cards differ; `colorbook evaluate COLORED TRUTH --against REPORT` on [the command line](../cli/evaluate.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. Color a folder with two saturations and compare them. Which figures tell them apart on 20 photos, which only on 200?
# 2. Save the results of one tool as JPEG of quality 75 and compare them with the PNGs. Which figures change, and by how much against the difference of two tools?
# 3. Let the page show only the photos on which two tools differ most.
