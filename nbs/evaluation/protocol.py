# %% [markdown]
# # Evaluation
#
# > One protocol, a baseline, and everything that is needed to repeat a figure
#
# A table of figures is worth as much as the description of how they were measured. The function of this chapter, `evaluate`, takes any colorizer and any set of photographs, measures both the result and the gray input in one fixed way, gives every mean an interval, and writes the figures, the protocol and a sheet of the best and the worst pictures into one folder.

# %%
#| default_exp evaluation.protocol

# %% tags=["parameters"]
size = 128

# %%
#| export
import json, os
from array import array
from hashlib import sha256
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np, pandas as pd
from fastcore.basics import chunked
from PIL import Image

from colorbook import __version__
from colorbook.core import InputError, UsageError, with_progress, atomic_path
from colorbook.imaging.sheet import contact_sheet
from colorbook.data.photos import PHOTO_SUFFIXES, list_photos, read_photo
from colorbook.color.lab import lstar, rgb_to_lab
from colorbook.evaluation.atlas import atlas_columns, atlas_sheet
from colorbook.evaluation.features import read_labels, ClassifierView
from colorbook.evaluation.metrics import bootstrap_ci, lpips_state, measures, ratio_of_means, compute_metrics, to_batch
from colorbook.evaluation.naturalness import cni, is_colorful

# %%
#| hide
import math, tempfile
import torch
from fastcore.test import *
from colorbook.data.photos import sample_photos
from colorbook.color.lab import join_lab, split_lab
from colorbook.evaluation.metrics import psnr

# %% [markdown]
# ## One protocol

# %% [markdown]
# Two figures can be compared only if they were measured in the same way, and most published tables leave the way unsaid: which size, stretched or cropped, which gray, eight bits or floats. Ours: each photo is stretched to 256x256 with Pillow's bicubic filter, which averages when it shrinks; rounded to eight bits it is the truth. The input is the gray picture with the truth's lightness L*, again in eight bits, so that the question is only about color. The colorizer is any function from such a picture to a colored one of the same size, both NumPy arrays: the product, another program's wrapper, or a lambda in a test. The same metrics are taken of the input, as the baseline that any colorizer should be held against.

# %%
#| export
def find_photos(
    photos, # folder, tar file, picture file, PIL picture, or a list of pictures and their files
) -> list: # pairs of a name and what `read_photo` takes
    "Names and sources of all photos"
    file = isinstance(photos, (str, Path)) and Path(photos).suffix.lower() in PHOTO_SUFFIXES
    one = file or isinstance(photos, Image.Image)
    items = list_photos([photos] if one else photos)
    if not items: raise InputError(f"there is no photo in '{photos}'", 'name a folder or a tar with pictures in it')
    return items

# %%
#| export
def read_truth(
    name:str, # for the error
    photo, # path, bytes, PIL picture or array
    size:int=256, # side in pixels
) -> np.ndarray: # `size`x`size`x3, uint8
    "A photo as the protocol compares it: upright, RGB, stretched to a square with Pillow's bicubic filter"
    return np.array(read_photo(photo, name).resize((size, size), Image.Resampling.BICUBIC))

# %%
#| export
def gray_picture(
    rgb:np.ndarray, # HxWx3, uint8
) -> np.ndarray: # HxWx3, uint8, three equal channels
    "The gray sRGB picture with the lightness L* of `rgb`"
    g = (lstar(to_batch([rgb])).clamp(0, 1)*255).round().byte()[0,0].numpy()
    return np.stack([g]*3, -1)

# %% [markdown]
# Eight bits keep the lightness to within a quarter of a unit of L*, except near black, where sRGB's steps are wider.

# %%
photos = sample_photos(size=size)
real = to_batch([np.asarray(o) for o in photos])
gray = lstar(real).clamp(0, 1).expand(-1, 3, -1, -1)
truth = read_truth('first', photos[0], size)
delta = (rgb_to_lab(to_batch([gray_picture(truth)])) - rgb_to_lab(to_batch([truth])))[:,0].abs()
assert delta.max() < .3
test_eq(gray_picture(gray_picture(truth)), gray_picture(truth))
test_fail(lambda: read_truth('b.jpg', b'not a picture'), exc=InputError, contains='b.jpg')
wide = [o.resize((200, 120)) for o in photos]
folder = Path(tempfile.mkdtemp())
for i,o in enumerate(wide): o.save(folder/f'{i}.png')
test_eq([o[0] for o in find_photos(folder)], [f'{i}.png' for i in range(len(wide))])
for found in (find_photos(folder)[1], *find_photos(folder/'1.png'), *find_photos(wide[1])):
    test_eq(read_truth(*found, size), read_truth('', wide[1], size))
delta.max()

# %%
#| export
def run_colorizer(
    colorizer, # function of a gray picture, uint8 HxWx3, that returns a picture of the same size and kind
    gray:np.ndarray, # the gray picture
) -> np.ndarray: # HxWx3, uint8
    "`colorizer(gray)`, refused if it is not what the protocol compares"
    fake = np.asarray(colorizer(gray.copy()))
    if fake.shape == gray.shape and fake.dtype == np.uint8: return fake
    raise InputError(f'the colorizer returned {fake.dtype} of shape {fake.shape} for uint8 of shape {gray.shape}',
        'let it return uint8 pictures of the same size')

# %%
#| export
def measure_photos(
    answer, # function of a photo's name and its gray picture that returns the colored one
    photos:list, # what `find_photos` returns
    names:tuple, # keys of `measures`
    net:str='squeeze', # network for 'lpips'
    size:int=256, # side in pixels
    extra=(), # of lists of names, results, photos and gray pictures; they return columns, such as `atlas_columns`
) -> pd.DataFrame: # a row a photo: name, the measures, colorfulness and CNI of result and truth, the measures of gray
    "Scores of a few photos, measured as one batch"
    real = [read_truth(*o, size) for o in photos]
    gray = [gray_picture(o) for o in real]
    fake = [answer(name, o) for (name,_),o in zip(photos, gray)]
    result,base = (compute_metrics(to_batch(o), to_batch(real), names, net) for o in (fake, gray))
    columns = {k: v.double().numpy() for k,v in (result | {f'gray_{k}': base[k] for k in names}).items()}
    columns |= dict(cni=[*map(cni, fake)], truth_cni=[*map(cni, real)])
    for f in extra: columns |= f([o[0] for o in photos], fake, real, gray)
    return pd.DataFrame(dict(name=[o[0] for o in photos]) | columns)

# %%
table = measure_photos(lambda name, g: g, find_photos(photos), ('psnr', 'ssim'), size=size)
test_eq(table.psnr.tolist(), table.gray_psnr.tolist())
test_close(table.psnr.to_numpy(), psnr(gray, real).numpy(), eps=.05)
test_close(table.colorfulness, 0)
test_fail(lambda: run_colorizer(lambda g: g/255, truth), exc=InputError, contains='float64')
table.round(3)

# %% [markdown]
# ## The report

# %% [markdown]
# A summary holds the mean of every column with its interval, and two ratios: colorfulness to the truth's and LPIPS to that of the gray pictures. Two shares go with them. A photo that is farther from the truth than its gray version, by CIEDE2000, would have been better left alone, and `worse_than_gray` counts these. `cci_ratio` counts the results whose colorfulness is between 16 and 20, and `cni` is the mean naturalness; both stand beside the same figure of the truth, for [reasons](naturalness.ipynb). The protocol goes into the same file as the figures, so that they cannot part.

# %%
#| export
def with_ci(
    values:np.ndarray, # N values or NxK, see `bootstrap_ci`
    stat=np.mean, # function of such an array
) -> dict: # `mean` (the statistic of all), `low`, `high`
    "A statistic and its 95 % interval"
    low,high = bootstrap_ci(values, stat)
    return dict(mean=float(stat(np.asarray(values, dtype=float))), low=low, high=high)

# %%
#| export
def summarize_metrics(
    table:pd.DataFrame, # rows of `measure_photos`
) -> dict: # `mean`, `low` and `high` for every column and for the ratios
    "Means and ratios of a table with 95 % intervals"
    result = {k: with_ci(table[k].to_numpy()) for k in table.columns if k != 'name'}
    ratios = dict(colorfulness_ratio=('colorfulness', 'truth_colorfulness'), lpips_ratio=('lpips', 'gray_lpips'))
    shares = {f'{k}cci_ratio': table[f'{k}colorfulness'].map(is_colorful) for k in ('', 'truth_')}
    if 'ciede2000' in table: shares['worse_than_gray'] = table.ciede2000 > table.gray_ciede2000
    result |= {k: with_ci(o.to_numpy(float)) for k,o in shares.items()}
    return result | {k: with_ci(table[list(o)].to_numpy(), ratio_of_means) for k,o in ratios.items() if o[0] in table}

# %%
#| export
def protocol_card(
    size:int, # side in pixels
    lpips:str|None, # network, or what is missing
    classifier:str='left out', # what looks for things in the pictures
    fid:str='left out', # weights of the network, or what is missing
) -> dict: # names and values that JSON can hold
    "How the figures were measured, and with which versions"
    packages = ('numpy', 'pillow', 'torch', 'torchvision', 'torchmetrics', 'scikit-image')
    return dict(size=f'{size}x{size}', resize='stretched, Pillow bicubic (averages when it shrinks)',
        input='8-bit sRGB gray with the lightness L* of the photo', compared='8-bit sRGB result with the resized photo',
        psnr='dB in sRGB, of each photo, then the mean', ssim='Gaussian 11x11, sigma 1.5, border of 5 left out',
        nrmse='share of the norm of the photo',
        ciede2000='mean over the pixels', ab_rmse='distance in the ab plane', lpips=lpips,
        colorfulness='Hasler-Suesstrunk, signed rg and yb, population deviation; ratio: mean by mean',
        cci='share of the pictures with a colorfulness of 16 to 20', cni='HSL bands of skin, grass and sky, as SCGAN',
        classifier=classifier, fid=fid, atlas='regions of Felzenszwalb-Huttenlocher, scale 150, in the photo',
        interval='95 %, percentile bootstrap over photos, 2000 resamples',
        versions=dict(colorbook=__version__) | {o: version(o) for o in packages})

# %%
#| export
@dataclass
class Evaluation:
    "What a colorizer scored: a row a photo, means with intervals, and the protocol"
    photos:pd.DataFrame # rows of `measure_photos`
    summary:dict # of `summarize_metrics`
    card:dict # of `protocol_card`, and what was measured
    sets:dict = field(default_factory=dict) # figures of the whole set, by name: see `jackknife`

    def __str__(self):
        found = self.summary | self.sets
        def cell(k): return '{mean:9.3f} [{low:.3f}, {high:.3f}]'.format(**found[k]) if k in found else ''
        paired = [k for k in found if f'gray_{k}' in found]
        lines = [f'{"":20}{"result":32}gray'] + [f'{k:20}{cell(k):32}{cell(f"gray_{k}")}' for k in paired]
        lines += [f'{"":20}{"result":32}truth']
        lines += [f'{k:20}{cell(k):32}{cell(f"truth_{k}")}' for k in found if f'truth_{k}' in found]
        alone = [k for k in found if k.split('_', 1)[0] not in ('gray', 'truth')]
        lines += [f'{k:20}{cell(k)}' for k in alone if not {f'gray_{k}', f'truth_{k}'} & {*found}]
        lines += [f'{len(self.photos)} photos at {self.card["size"]}']
        return '\n'.join(lines + [f'{k}: {self.card[k]}' for k in ('lpips', 'classifier', 'fid')])

    def save(self, out):
        "Write `metrics.json` and `photos.csv` into the folder `out`"
        def plain(o):
            if isinstance(o, dict): return {k: plain(v) for k,v in o.items()}
            return o if np.isfinite(o) else str(o)
        sets = {k: plain(o | dict(parts=dict(enumerate(o['parts'])))) for k,o in self.sets.items()}
        for o in sets.values(): o['parts'] = [*o['parts'].values()]
        report = dict(photos=len(self.photos), summary=plain(self.summary), sets=sets, protocol=self.card)
        text = json.dumps(report, indent=1, allow_nan=False) + '\n'
        with atomic_path(Path(out)/'metrics.json') as f: f.write_text(text)
        with atomic_path(Path(out)/'photos.csv') as f: self.photos.to_csv(f, index=False, float_format='%.6g')

# %% [markdown]
# JSON has no infinity, so the PSNR of equal pictures is stored as the string `inf`, which `float` reads.
#
# A table does not show what goes wrong. The sheet does: the photos with the best, the middle and the worst PSNR, each as gray, result and truth, on one [`contact_sheet`](../imaging/sheet.ipynb).

# %%
#| export
def extremes(
    answer, # see `measure_photos`; asked once more for the pictures of the sheet
    photos:list, # what `find_photos` returns
    table:pd.DataFrame, # rows of `measure_photos` for them
    size:int=256, # side in pixels
    n:int=2, # photos of each kind
) -> Image.Image: # gray, result and truth
    "Sheet of the photos with the best, middle and worst PSNR"
    order = np.argsort(-table.psnr.to_numpy(), kind='stable')
    n = min(n, max(1, len(order)//3))
    mid = (len(order) - n)//2
    cells,notes = [],[]
    for kind,ids in dict(best=order[:n], median=order[mid:mid + n], worst=order[-n:]).items():
        for i in ids:
            truth = read_truth(*photos[i], size)
            gray = gray_picture(truth)
            cells += [gray, answer(photos[i][0], gray), truth]
            notes += [f'{kind}: {table.name[i]}, {table.psnr[i]:.1f} dB', '', '']
    return contact_sheet(cells, 3, notes)

# %% [markdown]
# [What a classifier sees](features.ipynb) belongs to the protocol, too. It can be left out, and what was left out stands on the card, where it makes two reports incomparable.

# %%
#| export
def view_state(
    classifier:bool, # is EfficientNet-Lite0 wanted?
    fid:str|os.PathLike|None, # file of FID's Inception weights, or None
    labels:str|os.PathLike|None, # file of true classes, or None
) -> tuple[str,str]: # of the classifier, and of FID
    "What the card says of the pretrained networks"
    if not classifier: return 'left out','left out'
    true = 'labels' if labels else "the photo's own answer"
    found = f'EfficientNet-Lite0 of its package, bicubic to 224, 320 features, classes by {true}'
    if not fid: return found,"not measured, no Inception weights are given (--fid FILE); frechet_lite0 is not FID"
    return found,f'Inception weights {sha256(Path(fid).read_bytes()).hexdigest()[:12]}'

def open_view(
    classifier:bool, # as of `view_state`, all three
    fid:str|os.PathLike|None,
    labels:str|os.PathLike|None,
) -> ClassifierView|None:
    "The networks that look at the pictures, or None; `UsageError` where options need what was left out"
    if not classifier and (fid or labels):
        raise UsageError('FID and labels need the pretrained networks', 'leave the classifier in')
    return ClassifierView(fid, read_labels(labels) if labels else None) if classifier else None

# %% [markdown]
# A set may have fifty thousand photographs. They are read, measured and forgotten a few at a time; what stays of each is its name and a line of numbers, and of the features only their moments. `benchmarks/evaluate.py` measures the memory at two sizes of a set.

# %%
#| export
def run_protocol(
    answer, # see `measure_photos`
    photos:list, # what `find_photos` returns
    out:str|os.PathLike|None=None, # see `evaluate`, as all that follow
    size:int=256, net:str|None='squeeze', bs:int=8, about:dict|None=None, progress:bool=True,
    classifier:bool=True, fid:str|os.PathLike|None=None, labels:str|os.PathLike|None=None, atlas:bool=False,
) -> Evaluation:
    "Measure the answers to a list of photos, a few at a time"
    net,state = lpips_state(net)
    names = tuple(k for k in measures if net or k != 'lpips')
    view,extra = open_view(classifier, fid, labels),[atlas_columns] if atlas else []
    if view: extra.append(lambda names, *pictures: view.add(names, *map(to_batch, pictures)))
    batches = list(chunked(photos, bs))
    if progress: batches = with_progress(batches, 'measuring')
    rows = {}
    for o in batches:
        for k,v in measure_photos(answer, o, names, net, size, extra).items():
            rows.setdefault(k, [] if k == 'name' else array('d')).extend(v)
    table = pd.DataFrame({k: v if k == 'name' else np.array(v) for k,v in rows.items()})
    card = protocol_card(size, state, *view_state(classifier, fid, labels)) | dict(about=about or {})
    result = Evaluation(table, summarize_metrics(table), card, view.figures() if view else {})
    if out:
        result.save(out)
        with atomic_path(Path(out)/'sheet.jpg') as f: extremes(answer, photos, table, size).save(f, quality=90)
        def read(i):
            real = read_truth(*photos[i], size)
            gray = gray_picture(real)
            return gray,answer(photos[i][0], gray),real
        if atlas:
            with atomic_path(Path(out)/'atlas.jpg') as f: atlas_sheet(read, table).save(f, quality=85)
    return result

# %%
#| export
def evaluate(
    colorizer, # function of a gray picture, uint8 HxWx3, that returns a picture of the same size and kind
    photos, # folder, tar file, picture file, PIL picture, or a list of these
    out:str|os.PathLike|None=None, # folder for `metrics.json`, `photos.csv` and `sheet.jpg`
    size:int=256, # side in pixels
    net:str|None='squeeze', # network for LPIPS; None leaves LPIPS out
    bs:int=8, # photos measured at a time
    about:dict|None=None, # what is measured (artifact, hash, options): kept with the protocol
    progress:bool=True, # show a bar if a person is looking
    classifier:bool=True, # ask EfficientNet-Lite0: agreement of its answers, and a Frechet distance of its features
    fid:str|os.PathLike|None=None, # file of FID's Inception weights; None leaves FID out
    labels:str|os.PathLike|None=None, # CSV file with the true classes, see `read_labels`; None for the photo's own
    atlas:bool=False, # seven kinds of failure as well, and `atlas.jpg` with the worst photographs of each
) -> Evaluation: # prints as a table
    "Measure a colorizer on a set of photos, beside the gray pictures as a baseline"
    def answer(name, gray): return run_colorizer(colorizer, gray)
    photos = find_photos(photos)
    return run_protocol(answer, photos, out, size, net, bs, about, progress, classifier, fid, labels, atlas)

# %% [markdown]
# To test a ruler one measures something whose length is known. One colorizer cheats and looks the truth up: it must have no error at all. One returns its input: its figures must be those of the baseline. A third gives every pixel the same tint, and must lie somewhere between.

# %%
answers = {gray_picture(o).tobytes(): o for o in (read_truth('', w, size) for w in wide)}
def cheat(g): return answers[g.tobytes()]
perfect = evaluate(cheat, wide, size=size, progress=False)
test_close(perfect.sets['frechet_lite0']['mean'], 0, eps=1e-6)
test_eq(perfect.summary['same_top1']['mean'], 1)
test_close(perfect.summary['colorfulness_ratio']['mean'], 1, eps=1e-9)
test_eq((perfect.photos.psnr == math.inf).all(), True)
test_close(perfect.photos.ciede2000, 0, eps=1e-4)
net = lpips_state()[0]
if net: test_close(perfect.summary['lpips_ratio']['high'], 0, eps=1e-6)

# %%
nothing = evaluate(lambda g: g, wide, size=size, progress=False)
test_eq(*(nothing.sets[f'{k}frechet_lite0']['mean'] for k in ('', 'gray_')))
same = 'psnr', 'ssim', 'nrmse', 'ciede2000', 'ab_rmse', 'same_top1'
for k in same: test_eq(nothing.summary[k], nothing.summary[f'gray_{k}'])
test_eq(nothing.summary['colorfulness'], dict(mean=0, low=0, high=0))
test_eq([o.summary['worse_than_gray']['mean'] for o in (nothing, perfect)], [0, 0])
if net: test_close(nothing.summary['lpips_ratio']['mean'], 1, eps=1e-9)
assert nothing.summary['psnr']['low'] < nothing.summary['psnr']['mean'] < nothing.summary['psnr']['high']

# %%
def sepia(g):
    L = split_lab(to_batch([g]))[0]
    rgb = join_lab(L, torch.tensor([.06, .18]).view(1, 2, 1, 1).expand(1, 2, *L.shape[2:]))
    return (rgb[0]*255).round().byte().permute(1, 2, 0).numpy()
brown = evaluate(sepia, folder, out=folder/'report', size=size, about=dict(name='sepia'), progress=False)
print(brown)

# %% [markdown]
# The files on the disk must say the same. In a set of gray photos there is no color to divide by, so the ratio is `nan`. An empty folder, and a colorizer that returns a picture of another size, are errors.

# %%
report = json.loads((folder/'report'/'metrics.json').read_text())
test_eq(report['summary']['psnr'], brown.summary['psnr'])
test_eq(report['protocol']['about'], dict(name='sepia'))
test_close(pd.read_csv(folder/'report'/'photos.csv').psnr.mean(), brown.summary['psnr']['mean'], eps=1e-3)
perfect.save(folder/'perfect')
test_eq(float(json.loads((folder/'perfect'/'metrics.json').read_text())['summary']['psnr']['mean']), math.inf)
grays = [o.convert('L') for o in wide]
monochrome = evaluate(sepia, grays, folder/'gray', size, net=None, classifier=False, progress=False)
test_eq(math.isnan(monochrome.summary['colorfulness_ratio']['mean']), True)
assert 'lpips: left out' in str(monochrome) and 'classifier: left out' in str(monochrome)
test_fail(lambda: evaluate(sepia, wide, classifier=False, fid='a.pth'), exc=UsageError, contains='classifier in')
(folder/'empty').mkdir()
test_fail(lambda: evaluate(sepia, folder/'empty', progress=False), exc=InputError, contains='no photo')
short = lambda: evaluate(lambda g: g[:5], wide, net=None, size=size, progress=False)
test_fail(short, exc=InputError, contains='the same size')
sorted(report['summary'])

# %%
#| label: fig-extremes
#| fig-cap: "The sheet of a tint that is the same everywhere: gray, result, truth, sorted by PSNR."
Image.open(folder/'report'/'sheet.jpg')

# %% [markdown]
# Each row is a photograph: gray, in one brown tint, and true; the note has its PSNR. The tint suits photographs that are brown anyway, and these stand at the top. At the bottom are the ones with strong colors, which no single tint can come near.

# %% [markdown]
# ## What we have
#
# - `evaluate`: one protocol, beside the gray baseline, with intervals;
# - a folder with `metrics.json`, `photos.csv` and `sheet.jpg`, from which the figures can be checked and repeated;
# - three colorizers whose results are known beforehand, as a test of the ruler.

# %% [markdown]
# ## Exercises
#
# 1. How many photos does it take until the interval of a PSNR ratio between two models excludes 1, if they differ by 2 %? Try with `bootstrap_ci`, in pairs and each model on its own photos.
# 2. Measure a sepia whose tint depends on the lightness. Which of the figures improve, and do you like the pictures better?
