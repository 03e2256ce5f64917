# %% [markdown]
# # The data doctor
#
# > Finding what is wrong with a set of pictures before a network learns from it
#
# A network learns what it is shown. From gray pictures it learns to answer gray; a test photograph that is also in the training set it learns by heart. Neither raises an error, and both occur in nearly every collection that was gathered from more than one place. The function `examine` looks once at every picture of one or several sets and reports what cannot be read, what has no color to teach, what is there twice, where a film is cut, and which colors do not occur. It writes a table, a JSON file, a sheet of pictures for each finding, and the prior of the set's colors, which training can use.

# %%
#| default_exp data.audit

# %% tags=["parameters"]
size,seed = 150,5

# %%
#| export
import json
from dataclasses import dataclass
from pathlib import Path
import numpy as np, pandas as pd, torch, torch.nn.functional as F
from fastcore.basics import chunked, patch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor
from colorbook.color.bins import ab_bins, bins_on_screen, color_prior, color_units, save_prior
from colorbook.data.duplicates import find_copies, find_breaks, find_shots, thumbnails
from colorbook.core import InputError, with_progress, atomic_path
from colorbook.imaging.sheet import contact_sheet
from colorbook.data.photos import read_photo
from colorbook.color.lab import rgb_to_lab
from colorbook.data.scan import summarize_images, stream_photos

# %%
#| hide
import io, tarfile, tempfile, matplotlib.pyplot as plt
from PIL import ImageOps
from fastcore.test import *
from colorbook.color.bins import color_counts, load_prior
from colorbook.data.photos import Photos, sample_photos

# %% [markdown]
# ## Pictures that have no color

# %% [markdown]
# A gray picture is easy: nearly all of its pixels have next to no chroma. (Zhang et al. leave a photograph out if no $|a|$ or $|b|$ is above 5; that rule is a part of ours.) A print that was toned brown or blue has chroma everywhere, and still nothing to teach: its color follows from its lightness. That is how we recognize it. Let $\bar c(L)$ be the mean color $(a,b)$ of the pixels whose lightness lies in the same band of five units. The *spread* is what is left of color when lightness is known,
#
# $$s^2=\frac1N\sum_n\lVert c_n-\bar c(L_n)\rVert^2.$$
#
# A fresh toning has a small $s$. Stains of a hundred years make it larger, but a stained print still has one hue. So we also measure how far colors lie *along* the direction $u$ of the mean color, and how far *beside* it: in a toned print hardly any pixel lies on the other side of gray or far beside the line. Black and white are left out of $s$, because toning hardly changes them.

# %%
#| export
def tint(
    lab:Tensor, # pictures in Lab, `bs`x3xhxw
) -> dict: # of `bs` values each, in units of Lab; `hue` in degrees, `mid` as a share
    "Numbers that tell a toned print from a color photograph"
    L,ab = lab[:,0].flatten(1),lab[:,1:].flatten(2)
    mid,band = (L > 15) & (L < 90),(L/5).long().clamp(0, 19)
    w = mid/mid.sum(1, keepdim=True).clamp(min=1)
    share = torch.zeros(len(L), 20).scatter_add(1, band, w)
    sums = torch.zeros(len(L), 2, 20).scatter_add(2, band[:,None].expand_as(ab), ab*w[:,None])
    known = (sums.square().sum(1)/share.clamp(min=1e-6)).sum(1)
    spread = ((ab.square().sum(1)*w).sum(1) - known).clamp(min=0).sqrt()
    u = F.normalize(ab.mean(2, keepdim=True), dim=1)
    along,beside = (ab*u).sum(1),(ab[:,0]*u[:,1] - ab[:,1]*u[:,0]).abs()
    hue = torch.rad2deg(torch.atan2(u[:,1,0], u[:,0,0]))
    return dict(chroma=ab.norm(dim=1).quantile(.98, 1), most=ab.abs().amax((1, 2)), spread=spread, hue=hue,
        along=along.quantile(.02, 1), beside=beside.quantile(.98, 1), mid=mid.float().mean(1), contrast=L.std(1))

# %% [markdown]
# The thresholds stand in one place, and others can be passed. Those of brown prints were set on 48 photographs of 1838 to 1943, 14 of which are brown, and are as narrow as finding all of them allows; a misty morning in brown is inside, too, so the list is one to look at, not to delete by. `benchmarks/doctor.py` counts how often that happens.

# %%
#| export
@dataclass(frozen=True)
class Rules:
    "What the doctor objects to; in units of Lab if nothing else is said"
    black:int=5 # a black picture has no value as large as this (0..255)
    flat:float=1. # the lightness of a flat one deviates less than this
    gray:float=4. # 98 % of the pixels of a gray one have less chroma
    zhang:float=5. # or no |a| or |b| is larger than this
    along:float=-2.5 # 98 % of the pixels of a toned one lie on this side of gray
    toned:tuple=(3.2, 10.) # a brown one has less spread, and 98 % of its pixels are nearer to its line of hue
    stained:tuple=(4.5, 5.5) # or these
    cold:tuple=(2.7, 6.) # one of another hue these
    tint:float=45. # 98 % of the pixels of a toned one have less chroma
    mid:float=.05 # share of midtones without which a picture is not judged
    sepia:tuple=(10., 110.) # hues of a brown one, in degrees
    fit:float=.7 # share of the details that a copy explains

FINDINGS = 'black', 'flat', 'gray', 'sepia', 'tinted'

# %%
#| export
def find_issues(
    t:pd.DataFrame, # a row a picture, with `peak` and the columns of `tint`
    rules:Rules=Rules(),
) -> np.ndarray: # one of `FINDINGS`, or '' for a picture that has color to teach
    "What is wrong with each picture by itself; the first that applies"
    gray = (t.chroma < rules.gray) | (t.most <= rules.zhang)
    judged = (t.mid > rules.mid) & (t.chroma < rules.tint) & (t.along > rules.along)
    within = lambda o: judged & (t.spread < o[0]) & (t.beside < o[1])
    brown = t.hue.between(*rules.sepia) & (within(rules.toned) | within(rules.stained))
    cold = within(rules.cold) & ~t.hue.between(*rules.sepia)
    tests = t.peak < rules.black, t.contrast < rules.flat, gray, brown, cold
    return np.select([o.to_numpy(bool) for o in tests], FINDINGS, '')

# %% [markdown]
# `measure_batch` makes rows of a table from a few pictures, and gives the color of each pixel in whole units, from which the prior will be counted. Tints are measured on 32x32 pixels, in which the noise of a scan or a JPEG is averaged away.

# %%
#| export
def measure_batch(
    seen:list, # of `ImageSummary`, without an error
    rules:Rules=Rules(),
) -> tuple: # table with a row each; colors, nx4096, numbered as `color_units` does
    "All that is asked of a few pictures by themselves"
    lab = rgb_to_lab(torch.from_numpy(np.stack([o.square for o in seen])).permute(0, 3, 1, 2)/255)
    table = pd.DataFrame(dict(name=[o.name for o in seen], place=[o.place for o in seen], code=[o.code for o in seen],
        width=[o.size[0] for o in seen], height=[o.size[1] for o in seen], peak=[o.peak for o in seen]))
    table = table.assign(**{k: v.numpy() for k,v in tint(F.avg_pool2d(lab, 2)).items()})
    return table.assign(finding=find_issues(table, rules)),color_units(lab[:,1:]/110).flatten(1).numpy()

# %% [markdown]
# We tone our photographs as a darkroom would, with a color that depends on lightness alone, let some of the brown ones get stains, and save them as JPEG. All toned ones must be found, and none of the others. The table has the smallest and largest `spread` and `beside` of each kind; compare `untouched` with the rest. Then an "apple", a red disk on a gray table: it has one hue, too, but the table has the same lightnesses without it.

# %%
rng = np.random.default_rng(seed)
SEPIA = np.array([[.393, .769, .189], [.349, .686, .168], [.272, .534, .131]])

def tone(im, color):
    "`im` gray, or toned: each of its lightnesses has one color"
    g = np.asarray(im.convert('L'))[...,None]/255.
    if color == 'gray': return Image.fromarray(np.uint8(255*g.repeat(3, 2)))
    if color == 'blue': return Image.fromarray(np.uint8(255*(g**np.array([1.5, 1., .75]))))
    brown = (g.repeat(3, 2) @ SEPIA.T).clip(0, 1)
    if color == 'stained':
        coarse = Image.fromarray(np.uint8(rng.integers(0, 256, (4, 4)))).resize(im.size, Image.Resampling.BICUBIC)
        brown *= 1 - np.array([.0, .03, .1])*np.asarray(coarse)[...,None]/255
    return Image.fromarray(np.uint8(255*brown))

def as_jpeg(im, quality=80):
    f = io.BytesIO()
    im.save(f, 'JPEG', quality=quality)
    return f.getvalue()

# %%
def tiles(im): return [im.crop((x, y, x + size, y + size)) for y in range(0, im.height - size + 1, size)
                       for x in range(0, im.width - size + 1, size)]
ims = [t for o in sample_photos() for t in tiles(o) if np.asarray(t.convert('L')).std() > 12]
def measured(pictures): return measure_batch(list(summarize_images(pictures)))[0]
parts = (0, 2), (0, 1), (1, 2)
whole = [o.crop((x*o.width//2, 0, y*o.width//2, o.height)) for o in sample_photos() for x,y in parts]
kinds = dict(untouched=measured(whole)) | {k: measured([as_jpeg(tone(o, k)) for o in whole])
                                         for k in ('gray', 'sepia', 'stained', 'blue')}
want = dict(untouched='', gray='gray', sepia='sepia', stained='sepia', blue='tinted')
test_eq({k: set(o.finding) for k,o in kinds.items()}, {k: {v} for k,v in want.items()})

y,x = np.mgrid[-1:1:128j,-1:1:128j]
disk,table_top = (x**2 + y**2 < .4)[...,None],90 + 60*x[...,None]*np.ones(3)
shade = (.4 + .6*np.exp(-x**2 - y**2))[...,None]
apple = Image.fromarray(np.where(disk, shade*[220, 40, 30], table_top).astype(np.uint8))
others = [apple, Image.new('RGB', (90, 60)), Image.new('RGB', (90, 60), (140, 120, 20)), ims[0].convert('L')]
test_eq(measured(others).finding.tolist(), ['', 'black', 'flat', 'gray'])
pd.concat(kinds)[['spread', 'beside']].groupby(level=0).agg(['min', 'max']).round(1)

# %% [markdown]
# @fig-tint shows why: in the toned print, in the middle, all dots lie on one curve, so the lightness $L$ tells the chroma. In the photograph and for the apple the same lightness has several.

# %%
#| label: fig-tint
#| fig-cap: "Chroma by lightness: a photograph, a toned print, in which lightness tells color, and an apple."
def show_tint(pictures):
    "Pictures, and below each where its pixels are in lightness and chroma"
    fig,axs = plt.subplots(2, len(pictures), figsize=(8, 4.6), height_ratios=(1.3, 1), layout='constrained')
    for (top,bottom),im in zip(axs.T, pictures):
        lab = rgb_to_lab(torch.from_numpy(np.array(im)).permute(2, 0, 1)[None]/255)[0].flatten(1)[:,::7]
        top.imshow(im)
        top.axis('off')
        bottom.scatter(lab[0], lab[1:].norm(dim=0), s=1, c=np.asarray(im).reshape(-1, 3)[::7]/255)
        bottom.set(xlim=(0, 100), ylim=(0, 80), xlabel='L', ylabel='chroma')
show_tint([ims[0], tone(ims[0], 'sepia'), apple])

# %% [markdown]
# ## What a set can teach

# %% [markdown]
# [The 313 bins](../color/bins.ipynb) have a prior that follows from a histogram of colors in whole units, and so does the share of pixels to which each is nearest. The doctor counts that histogram over all pictures. A bin that is nearest to no pixel cannot be learned, however the loss is weighted. Printed is how many of the bins that a screen can show our six photographs lack.

# %%
counts = np.bincount(measure_batch(list(summarize_images(ims)))[1].ravel(), minlength=65536)
prior,nearest = color_prior(counts),color_prior(counts, nearest=True)
rgb = torch.from_numpy(np.stack([o.square for o in summarize_images(ims)]))
ab = rgb_to_lab(rgb.permute(0, 3, 1, 2)/255)[:,1:]/110
test_eq(counts, color_counts([ab]).numpy())
home = Path(tempfile.mkdtemp())
(bins_on_screen() & (nearest == 0)).sum().item()

# %% [markdown]
# @fig-compare has the prior of our collection of 25,326 photographs beside that of ImageNet (measured by `benchmarks/doctor.py`). The first two look nearly alike. In the third, red squares are colors that are more common in ours, blue ones colors that are rarer, each step of the scale a factor of ten.

# %%
#| label: fig-compare
#| fig-cap: "How common each bin is in a set and in ImageNet, and the ratio; on logarithmic scales."
def show_priors(ours, other, name):
    "Two priors and their ratio in the plane of a and b"
    fig,axs = plt.subplots(1, 3, figsize=(10.5, 3.6), layout='constrained')
    kinds = (ours.log10(), name, 'viridis', -6, 0), (other.log10(), 'ImageNet', 'viridis', -6, 0),\
        ((ours/other).log10(), 'ratio', 'RdBu_r', -2, 2)
    for ax,(v,title,cmap,lo,hi) in zip(axs, kinds):
        v = v.where(v.isfinite(), torch.nan)
        dots = ax.scatter(*ab_bins().T, c=v, marker='s', s=26, cmap=cmap, vmin=lo, vmax=hi)
        ax.set(aspect='equal', title=title, xlabel='a', ylabel='b')
        fig.colorbar(dots, ax=ax, shrink=.75)

measured_priors = [o/'asset/priors.json' for o in (Path.cwd(), *Path.cwd().parents) if (o/'asset/priors.json').exists()]
known = json.loads(measured_priors[0].read_text()) if measured_priors else {}
ours,imagenet = (torch.tensor(known.get(k, {}).get('prior', prior.tolist())) for k in ('photos', 'imagenet'))
test_close([ours.sum(), imagenet.sum()], [1, 1], eps=1e-3)
show_priors(ours, imagenet, 'photographs')
f'half the sum of all differences: {(ours - imagenet).abs().sum()/2:.3f}'

# %% [markdown]
# ## The examination

# %% [markdown]
# `examine` goes once over all sets. It keeps a row of the table and a thumbnail of a thousand bytes for each picture, so a million pictures fit into memory. Copies are searched in all sets at once; a pair whose pictures are in two sets is a *leak*. Frames of one shot are alike and are not reported as copies.

# %%
#| export
@dataclass
class AuditReport:
    "What the doctor found"
    sources:dict # names and sources of the sets
    rules:Rules
    pictures:pd.DataFrame # a row a picture that can be read: `set`, `name`, `finding` and what it follows from
    unreadable:pd.DataFrame # `set`, `name`, `error`
    pairs:pd.DataFrame # copies: `first`, `second` (rows of `pictures`), `kind`, `fit`, `leak`
    counts:np.ndarray # histogram of colors, 65536 values
    def __post_init__(self): self.prior,self.nearest = color_prior(self.counts),color_prior(self.counts, nearest=True)

# %%
#| export
def summarize_set(
    sources:dict, # names and sources of the sets
    rules:Rules, # what to object to
    workers:int=None, # threads
    progress:bool=False, # show a bar if a person is looking
) -> tuple: # table of pictures; their thumbnails; what is unreadable; histogram of colors
    "One look at every picture"
    tables,thumbs,bad,counts = [],bytearray(),[],np.zeros(65536, int)
    items = ((k, o) for k,source in sources.items() for o in summarize_images(source, workers))
    if progress: items = with_progress(items, 'looking')
    for some in chunked(items, chunk_sz=32):
        bad += [(k, o.name, str(o.error)) for k,o in some if o.error]
        good = [(k, o) for k,o in some if not o.error]
        if not good: continue
        table,colors = measure_batch([o for _,o in good], rules)
        tables.append(table.assign(set=[k for k,_ in good]))
        thumbs += thumbnails(np.stack([o.square for _,o in good])).tobytes()
        counts += np.bincount(colors.ravel(), minlength=65536)
    if not tables: raise InputError(f"there is no photo in {', '.join(map(str, sources.values()))}", 'check the names')
    bad = pd.DataFrame(bad, columns=['set', 'name', 'error'])
    return pd.concat(tables, ignore_index=True),np.frombuffer(thumbs, np.uint8).reshape(-1, 32, 32),bad,counts

# %%
#| export
def examine(
    sets, # a source (see `colorbook.data.scan.stream_photos`), or a dict of names and sources, such as train and test
    rules:Rules=Rules(), # what to object to
    cuts=find_breaks, # see `colorbook.data.duplicates.find_shots`
    workers:int=None, # threads
    progress:bool=False, # show a bar if a person is looking
) -> AuditReport:
    "Look for everything that is wrong with one or several sets"
    sources = sets if isinstance(sets, dict) else dict(set=sets)
    pictures,thumbs,bad,counts = summarize_set(sources, rules, workers, progress)
    pairs = find_copies(pictures.code, thumbs, rules.fit)
    owner = pictures.set.to_numpy()
    pairs['leak'] = owner[pairs['first']] != owner[pairs['second']]
    film,shot = find_shots(owner + '/' + pictures.name, thumbs, cuts)
    pictures['film'],pictures['shot'] = film,shot
    a,b = pairs[['first', 'second']].to_numpy().T
    pairs = pairs[(pairs.kind == 'exact') | (film[a] < 0) | (shot[a] != shot[b])].reset_index(drop=True)
    return AuditReport(sources, rules, pictures, bad, pairs, counts)

# %% [markdown]
# ## The report

# %% [markdown]
# The findings come in three forms: as numbers for programs, as a table for a terminal, and as sheets of pictures, because only a person can say whether a brown picture is a print or an autumn forest.

# %%
#| export
@patch
def films(
    self:AuditReport,
) -> list: # a dict for each film: its first frame, numbers of frames, shots and black frames, and where shots begin
    "Films that lie as numbered frames, in their order"
    found = []
    for _,t in self.pictures[self.pictures.film >= 0].groupby('film'):
        t = t.sort_values('name', key=lambda o: o.str.extract(r'(\d+)\.\w+$')[0].astype(int))
        begins = t[t.shot != t.shot.shift()]
        found.append(dict(set=t.set.iloc[0], first=t.name.iloc[0], frames=len(t), shots=len(begins),
            black=int((t.finding == 'black').sum()), cuts=begins.name.tolist()[1:]))
    return found

# %%
#| export
EDGES = dict(short=[0, 64, 128, 192, 256, 384, 512, 768, 1024, 2048, 1 << 30],
    aspect=[0, .5, .7, .95, 1.05, 1.4, 1.9, 1e9])

@patch
def report(
    self:AuditReport,
) -> dict: # what JSON can hold
    "All findings as numbers and names"
    t,p,sets = self.pictures,self.pairs,{}
    for k in self.sources:
        o,own = t[t.set == k],p[t.set.to_numpy()[p['first']] == k] if len(p) else p
        values = dict(short=np.minimum(o.width, o.height), aspect=o.width/o.height)
        sets[k] = dict(pictures=len(o), findings={f: o.name[o.finding == f].tolist() for f in FINDINGS},
            unreadable=self.unreadable[self.unreadable.set == k][['name', 'error']].to_dict('records'),
            exact=int(((own.kind == 'exact') & ~own.leak).sum()), near=int(((own.kind == 'near') & ~own.leak).sum()),
            **{n: dict(edges=e, counts=np.histogram(values[n], e)[0].tolist()) for n,e in EDGES.items()})
    name = lambda col, i: t[col].to_numpy()[p[i]].tolist()
    pairs = [dict(sets=s, names=n, kind=k, fit=round(f, 3), leak=bool(l)) for s,n,k,f,l in zip(
        zip(name('set', 'first'), name('set', 'second')), zip(name('name', 'first'), name('name', 'second')),
        p.kind, p.fit.tolist(), p.leak)]
    never = ab_bins()[bins_on_screen() & (self.nearest == 0)].int().tolist()
    return dict(sets=sets, pairs=pairs, leaks=int(p.leak.sum()), films=self.films(), never=never,
        prior=[float(f'{o:.4g}') for o in self.prior.tolist()])

# %%
#| export
@patch
def table(
    self:AuditReport,
) -> Table: # print it with rich
    "A line for each finding, a column for each set"
    r,t = self.report(),Table('finding', *self.sources, title='The doctor')
    sets = r['sets'].values()
    def line(what, values): t.add_row(what, *(str(o or '') for o in values))
    line('pictures', [o['pictures'] for o in sets])
    line('unreadable', [len(o['unreadable']) for o in sets])
    for f in FINDINGS: line(f, [len(o['findings'][f]) for o in sets])
    for k in ('exact', 'near'): line(f'{k} copies', [o[k] for o in sets])
    line('copies in another set', [sum(p['leak'] and k in p['sets'] for p in r['pairs']) for k in self.sources])
    line('cuts in films', [sum(f['shots'] - 1 for f in r['films'] if f['set'] == k) for k in self.sources])
    t.caption = f'{len(r["never"])} of {int(bins_on_screen().sum())} colors can never be learned from this'
    return t

# %% [markdown]
# For a sheet the pictures are looked up again: their place in the stream was kept, their pixels were not. On the sheet of copies the two of a pair stand side by side, the most doubtful pairs first.

# %%
#| export
@patch
def sheet(
    self:AuditReport,
    rows, # of `pictures`
    notes=None, # a few words for each; the names if not given
    side:int=124, # longest side of a picture on the sheet
    columns:int=8,
) -> Image.Image:
    "Pictures side by side, with a note under each"
    t = self.pictures.iloc[list(rows)]
    wanted,found = set(zip(t.set, t.place)),{}
    for k,source in self.sources.items():
        last = max((p for s,p in wanted if s == k), default=-1)
        for i,(name,src) in zip(range(last + 1), stream_photos(source)):
            if (k, i) in wanted: found[k,i] = read_photo(src() if callable(src) else src, name)
    return contact_sheet([found[o] for o in zip(t.set, t.place)], columns, notes or t.name, side)

# %%
#| export
@patch
def sheets(
    self:AuditReport,
    n:int=48, # at most so many pictures on each
) -> dict: # names of findings and pictures
    "One sheet for each finding that there is"
    t,p = self.pictures,self.pairs.sort_values('fit')
    rows = {f: t[t.finding == f].sort_values('spread').index[:n] for f in FINDINGS}
    for k,some in (('copies', p[~p.leak]), ('leaks', p[p.leak])):
        rows[k] = some[['first', 'second']].to_numpy()[:n//2].ravel()
    key = pd.MultiIndex.from_frame(t[['set', 'name']])
    rows['cuts'] = key.get_indexer([(f['set'], o) for f in self.films() for o in f['cuts']][:n])
    return {k: self.sheet(o) for k,o in rows.items() if len(o)}

# %%
#| export
@patch
def save(
    self:AuditReport,
    out, # folder
) -> Path: # report.json
    "Report, tables, prior, histogram of colors, and sheets"
    out,t,p = Path(out),self.pictures,self.pairs
    with atomic_path(out/'report.json') as f: f.write_text(json.dumps(self.report(), indent=1))
    names = pd.DataFrame({f'{k}_{c}': t[c].to_numpy()[p[k]] for k in ('first', 'second') for c in ('set', 'name')})
    for k,o in dict(pictures=t, unreadable=self.unreadable, copies=names.join(p[['kind', 'fit', 'leak']])).items():
        with atomic_path(out/f'{k}.csv') as f: o.to_csv(f, index=False, float_format='%.4g')
    save_prior(out/'prior.safetensors', self.prior, pictures=len(t), sets=list(self.sources))
    dark = np.log1p(self.counts.reshape(256, 256).T[::-1])
    pictures = dict(self.sheets(), colors=Image.fromarray(np.uint8(255 - 255*dark/dark.max())))
    for k,o in pictures.items():
        with atomic_path(out/f'{k}.png') as f: o.save(f)
    return out/'report.json'

# %% [markdown]
# The test has two sets with one of each fault: toned prints, a black picture, half a file, a film, a copy inside of training, and three copies of training photographs in the test set, one of them trimmed. All must be found and nothing else. (One tile of our photographs is left out beforehand: it shows nothing but a brown table top, and the doctor takes it for a print.) Printed is what it says of the film: four shots, one of them black.

# %%
def put(name, im):
    path = home/name
    path.parent.mkdir(exist_ok=True, parents=True)
    im.save(path) if isinstance(im, Image.Image) else path.write_bytes(im)
ims = [o for o,f in zip(ims, measured(ims).finding) if not f]
half = len(ims)//2
for i,o in enumerate(ims): put(f'{"train" if i < half else "test"}/p{2*i:03}.png', o)
for i,k in enumerate(('gray', 'sepia', 'blue')): put(f'train/{k}.jpg', as_jpeg(tone(ims[half + i], k).rotate(180)))
put('train/black.png', Image.new('RGB', (40, 40), (3, 2, 4)))
put('train/half.jpg', as_jpeg(ims[0])[:900])
put('train/again.bmp', ims[1])
put('test/same.png', ims[2])
put('test/other.jpg', as_jpeg(ims[3], 60))
put('test/trimmed.webp', ims[4].crop((3, 3, size - 3, size - 3)))
flight = [ImageOps.fit(o, (90, 60)) for o in sample_photos(300)[:2]]
for i in range(20): put(f'test/film/{i:05}.png', flight[i > 11].crop((i, 0, i + 60, 60)) if i not in (3, 4) else
                        Image.new('RGB', (60, 60)))
exam = examine(dict(train=home/'train', test=home/'test'))
r = exam.report()
test_eq({f: o for f,o in r['sets']['train']['findings'].items() if o},
        dict(black=['black.png'], gray=['gray.jpg'], sepia=['sepia.jpg'], tinted=['blue.jpg']))
test_eq(r['sets']['test']['findings'], {f: ['film/00003.png', 'film/00004.png']*(f == 'black') for f in FINDINGS})
r['films']

# %%
test_eq(r['films'], [dict(set='test', first='film/00000.png', frames=20, shots=4, black=2,
                          cuts=[f'film/{i:05}.png' for i in (3, 5, 12)])])
pairs = {(tuple(o['names']), o['kind'], o['leak']) for o in r['pairs']}
frames = [((f'film/0000{i}.png', f'film/0000{j}.png'), k, False) for i,j,k in ((3, 4, 'exact'), (2, 5, 'near'))]
test_eq(pairs, {*frames, (('again.bmp', 'p002.png'), 'exact', False), (('p004.png', 'same.png'), 'exact', True),
                (('p006.png', 'other.jpg'), 'near', True), (('p008.png', 'trimmed.webp'), 'near', True)})
test_eq([o['name'] for o in r['sets']['train']['unreadable']], ['half.jpg'])
test_eq(sum(r['sets']['train']['short']['counts']), len(list((home/'train').glob('*.*'))) - 1)
for k in ('train', 'test'):
    with tarfile.open(home/f'{k}.tar', 'w') as t: t.add(home/k, '.')
    again,mine = examine(home/f'{k}.tar').report()['sets']['set'],r['sets'][k]
    test_eq({f: len(o) for f,o in again['findings'].items()}, {f: len(o) for f,o in mine['findings'].items()})
    for o in ('pictures', 'exact', 'near', 'aspect'): test_eq(again[o], mine[o])
Console().print(exam.table())

# %%
saved = exam.save(home/'exam')
test_eq(json.loads(saved.read_text()), json.loads(json.dumps(r)))
have = {o.name for o in (home/'exam').iterdir()}
sheet_names = {f'{o}.png' for o in ('black', 'gray', 'sepia', 'tinted', 'copies', 'leaks', 'cuts', 'colors')}
test_eq(have, sheet_names | {'report.json', 'prior.safetensors', 'pictures.csv', 'copies.csv', 'unreadable.csv'})
test_eq(load_prior(home/'exam/prior.safetensors'), exam.prior)
test_eq(len(pd.read_csv(home/'exam/pictures.csv')), len(exam.pictures))
indexed = examine(dict(memory=Photos(ims[:9]), list=ims[5:12]))
test_eq((len(indexed.pictures), int(indexed.pairs.leak.sum())), (16, 4))
corner = np.asarray(indexed.sheet([0, 1], side=size))[4:4 + size,4:4 + size]
test_eq(corner, np.asarray(ims[0]))
test_fail(lambda: examine(home/'exam'/'colors.csv'), exc=InputError, contains='there is nothing')
test_fail(lambda: examine(home/'train/half.jpg'), exc=InputError, contains='no photo')
sorted(have)

# %%
#| label: fig-leaks
#| fig-cap: "The sheet of leaks: photographs of training and what was found of them in the test set."
exam.sheets()['leaks']

# %% [markdown]
# ## What we have
#
# - `examine`, one look at any number of sets: unreadable, gray, toned and black pictures, copies and leaks, films and cuts, sizes and colors;
# - its report as a table, as JSON and CSV, and as sheets of pictures;
# - how common each color is in this set, in a file for training, and which colors it lacks.

# %% [markdown]
# ## Exercises
#
# 1. The doctor takes a photograph of dunes for a sepia print. Which of the numbers of `tint` could tell them apart, and how many dunes must be judged rightly before you believe that fewer than one in a hundred is judged wrongly?
# 2. Count the prior from gray pictures and photographs in equal parts. What happens to the weights of rare colors against those of gray?
# 3. Compare the prior of pictures of 64 pixels with that of the same pictures at 16. Which colors get rarer, and which of the two should training use?
