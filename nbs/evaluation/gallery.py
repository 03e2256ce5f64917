# %% [markdown]
# # A gallery of an album
#
# > A whole album at a glance, with figures for colors whose truth nobody knows
#
# The photographs that one really wants to see in color are those whose colors nobody knows. No figure can say how wrong they are, and looking at each of three hundred takes an evening. `make_gallery` turns an album into a contact sheet (@fig-gallery), a page that sorts its pictures, and a table of figures that need no truth: how much of a picture has the color of skin, grass and sky, how colorful it is, and how much its colors change when the photograph is a little blurred, noisy or faded, as if it had been scanned on another day. It needs no torch.

# %%
#| default_exp evaluation.gallery

# %%
#| export
import json, os
from pathlib import Path
import numpy as np
from PIL import Image, ImageOps
from colorbook.color.srgb import lstar_gray
from colorbook.core import ColorbookError, InputError, UsageError, atomic_path, with_progress
from colorbook.evaluation.naturalness import cci, cni, natural_bands
from colorbook.evaluation.page import picture_strip, write_sortable
from colorbook.imaging.colorizer import Colorizer, colorize, load_model, net_size
from colorbook.imaging.compose import small_light
from colorbook.imaging.io import Picture
from colorbook.imaging.sheet import contact_sheet

# %%
#| hide
import tempfile
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data

# %% [markdown]
# ## Would it say the same tomorrow?

# %% [markdown]
# A coat does not change its color because the scan is a little softer. If a network's answer does, it was a guess, and that can be measured without knowing the color. We disturb the small copy that the network sees in three ways: blurred by a Gaussian of one pixel, with noise of a deviation of 4 % of white, and faded, as paper fades, so that black becomes a dark gray and white a light one. The figure is the mean distance in the ab plane between the two answers, in units of Lab: 0 means no change, 2 or 3 is hardly seen, 10 is another color.

# %%
#| export
def soften(
    L:np.ndarray, # HxW
) -> np.ndarray: # HxW
    "Blur by 1, 4, 6, 4, 1 along both sides, which is a Gaussian of one pixel; edges are repeated"
    weights = np.float32([1, 4, 6, 4, 1])/16
    for axis in (0, 1):
        x = np.pad(L, [(2, 2) if i == axis else (0, 0) for i in (0, 1)], mode='edge')
        L = sum(k*np.take(x, np.arange(i, i + L.shape[axis]), axis) for i,k in enumerate(weights))
    return L

DISTURBED = dict(
    blur=soften,
    noise=lambda L: (L + np.float32(.04)*np.random.default_rng(0).standard_normal(L.shape, np.float32)).clip(0, 1),
    fade=lambda L: np.float32(.15) + np.float32(.6)*L)

def stability(
    model:Colorizer, # see `load_model`
    image:Image.Image, # upright, RGB; its colors do not matter
    size:int|None=None, # the network sees about size x size pixels; None for the card's
) -> dict: # mean distance of color, in units of Lab, for each of `DISTURBED`
    "How much a model's colors change when the photograph is disturbed a little"
    w,h = net_size(*image.size, size or model.card['size'], model.card['multiple'])
    L = small_light(Picture(image), w, h).clip(0, 1)
    plain = model.ab(L)
    def away(f): return float(np.hypot(*(model.ab(f(L)) - plain)).mean()*110)
    return {k: away(f) for k,f in DISTURBED.items()}

# %% [markdown]
# Two made-up models have known answers. One gives everything the same tint, so nothing changes it. The $a$ of the other is a tenth of the lightness it sees, so fading moves it as much as lightness: by $0.1\cdot|0.15-0.4L|$, in units of 110.

# %%
class Known(Colorizer):
    "Not a network: `a` follows the light"
    def __init__(self, follow): self.follow,self.card = follow,dict(size=64, multiple=32)
    def ab(self, L, z=None):
        a = self.follow*L.reshape(L.shape[0]//4, 4, L.shape[1]//4, 4).mean((1, 3))
        return np.stack([.1 + a, np.zeros_like(a)])
flat = Image.new('RGB', (64, 64), (119,)*3) # L* is 50
test_close([*stability(Known(0), flat).values()], [0, 0, 0], eps=1e-5)
found = stability(Known(.1), flat)
test_close(found['fade'], 110*.1*abs(.15 - .4*.5), eps=.02)
test_close(found['blur'], 0, eps=1e-3)
assert 0 < found['noise'] < .4
dot = np.zeros((9, 9), np.float32)
dot[4,4] = 1
y,x = np.mgrid[:9,:9] - 4
test_close([soften(dot).sum(), (soften(dot)*x*x).sum(), (soften(dot)*y*y).sum()], [1, 1, 1], eps=1e-6)
found

# %% [markdown]
# ## Figures of a photograph

# %% [markdown]
# The other figures look at the colors that came out. [Naturalness](naturalness.ipynb) has the ranges of skin, grass and sky and says what they do not see: a share of skin of zero in a portrait, or of grass in a room, is a reason to look, no more. `size` and `saturation` are those of [`colorize`](../imaging/colorizer.ipynb).

# %%
#| export
def album_figures(
    rgb:np.ndarray, # the colored picture, HxWx3, bytes
) -> dict: # colorfulness, cni, and the shares of skin, grass and sky
    "What can be said about a colored picture without its truth"
    return dict(colorfulness=cci(rgb), cni=cni(rgb)) | {k: o['share'] for k,o in natural_bands(rgb).items()}

def album_picture(
    path, # what `colorize` takes
    model:Colorizer, # see `load_model`
    size:int|None=None, # see `colorize`
    saturation:float=1., # see `colorize`
    side:int=480, # longest side of the copies, in pixels
) -> tuple[Image.Image,Image.Image,dict]: # gray and colored copies, and the figures
    "A photograph of an album: colored, reduced and measured"
    colored = ImageOps.exif_transpose(colorize(path, model, size, saturation)).convert('RGB')
    moved = stability(model, colored, size)
    colored.thumbnail((side, side))
    figures = album_figures(np.asarray(colored)) | moved
    return Image.fromarray(lstar_gray(np.asarray(colored))),colored,{k: round(v, 4) for k,v in figures.items()}

# %%
model,folder = load_model(),Path(tempfile.mkdtemp())
(folder/'album').mkdir()
for name in ('camera', 'coins', 'moon', 'page'): Image.fromarray(getattr(data, name)()).save(folder/f'album/{name}.png')
gray,colored,figures = album_picture(folder/'album/camera.png', model, side=200)
test_eq((gray.size, colored.size), ((200, 200),)*2)
whole = np.asarray(Image.open(folder/'album/camera.png').resize((200, 200), Image.Resampling.BICUBIC)).astype(int)
assert np.abs(np.asarray(gray) - whole).mean() < 3
test_eq(album_picture(folder/'album/camera.png', model, saturation=0)[2]['colorfulness'] < .5, True)
figures

# %% [markdown]
# ## The album

# %% [markdown]
# A broken file among the others is left out, with the reason, and does not stop the rest. Pictures are handled one by one, so an album may be of any size: the page is written as they come, and a sheet holds 60 photographs, the next sheet the next 60. Each of the files appears when it is complete.

# %%
#| export
def _why(path, e:Exception) -> str:
    "An error as one line"
    return str(e) if isinstance(e, ColorbookError) else f"'{path}': {type(e).__name__}: {e}"

def _mean_line(rows:list) -> str:
    "Means over the album, a figure a line"
    if not rows: return 'no photograph could be colored'
    means = [f'{k:14}{np.mean([o[k] for o in rows]):8.3f}' for k in rows[0]]
    return '\n'.join([f'{len(rows)} photographs; means:'] + means)

# %%
#| export
class _Sheets:
    "Contact sheets of gray and colored copies, so many photographs on each"
    def __init__(self, out, each=60): self.out,self.each,self.n,self.cells,self.notes = Path(out),each,0,[],[]
    def add(self, name, gray, colored):
        self.cells += [gray, colored]
        self.notes += [name, '']
        if len(self.cells) == 2*self.each: self.write()
    def write(self):
        if not self.cells: return
        self.n += 1
        with atomic_path(self.out/(f'sheet-{self.n}.png' if self.n > 1 else 'sheet.png')) as f:
            contact_sheet(self.cells, 6, self.notes, 240).save(f)
        self.cells,self.notes = [],[]

# %%
#| export
def make_gallery(
    photos:list, # pairs of a name and what `colorize` takes
    out:str|os.PathLike, # a folder: `sheet.png`, `page.html` and `gallery.json`
    model=None, # see `load_model`
    size:int|None=None, # see `colorize`
    saturation:float=1., # see `colorize`
    side:int=480, # longest side of a picture on the page, in pixels
    title:str='Gallery', # of the page
    progress:bool=True, # show a bar if a person is looking
) -> dict: # what `gallery.json` holds: `pictures` with their figures or `error`, `done`, `failed` and `means`
    "Color an album and lay it out; what cannot be colored is named, and an empty album is an `InputError`"
    if not photos: raise InputError('there is no photograph for a gallery', 'name a folder with pictures in it')
    if not 16 <= side <= 4096: raise UsageError(f'side {side} is not in 16..4096', 'try 480')
    model,out,rows,sheets = load_model(model),Path(out),[],_Sheets(out)
    def good(): return [{k: v for k,v in o.items() if k != 'name'} for o in rows if 'error' not in o]
    def figures():
        for name,path in with_progress(photos, 'coloring') if progress else photos:
            try: gray,colored,found = album_picture(path, model, size, saturation, side)
            except (ColorbookError, OSError, ValueError, MemoryError, SyntaxError) as e:
                rows.append(dict(name=name, error=_why(name, e)))
                continue
            rows.append(dict(name=name) | found)
            sheets.add(name, gray, colored)
            yield name,found,picture_strip([gray, colored], min(side, max(colored.height, 16)))
    columns = ['colorfulness', 'cni', 'skin', 'grass', 'sky', *DISTURBED]
    def footer(): return '\n'.join([_mean_line(good())] + [f"left out: {o['error']}" for o in rows if 'error' in o])
    write_sortable(out/'page.html', title, columns, figures(), caption='gray, colored', footer=footer)
    sheets.write()
    done = good()
    means = {k: round(float(np.mean([o[k] for o in done])), 4) for k in columns} if done else {}
    about = {k: model.card.get(k) for k in ('name', 'version', 'weights_sha256')}
    report = dict(model=about, options=dict(size=size, saturation=saturation), done=len(done),
        failed=len(rows) - len(done), means=means, pictures=rows)
    text = json.dumps(report, indent=1, ensure_ascii=False) + '\n'
    with atomic_path(out/'gallery.json') as f: f.write_text(text, encoding='utf-8')
    return report

# %%
(folder/'album/broken.png').write_bytes((folder/'album/coins.png').read_bytes()[:2000])
album = [(o.name, o) for o in sorted((folder/'album').iterdir())]
report = make_gallery(album, folder/'out', progress=False, side=160)
test_eq((report['done'], report['failed'], len(report['pictures'])), (4, 1, 5))
test_eq({o.name for o in (folder/'out').iterdir()}, {'sheet.png', 'page.html', 'gallery.json'})
page = (folder/'out/page.html').read_text()
test_eq((page.count('<figure'), 'left out: ' in page, 'http' in page), (4, True, False))
test_eq(json.loads((folder/'out/gallery.json').read_text()), report)
test_eq('broken.png' in [o['error'] for o in report['pictures'] if 'error' in o][0], True)
test_fail(lambda: make_gallery([], folder/'none'), exc=InputError, contains='no photograph')
report['means']

# %%
#| label: fig-gallery
#| fig-cap: "The contact sheet of an album of four photographs that never had colors, and one broken file."
plt.figure(figsize=(9, 4))
plt.imshow(Image.open(folder/'out/sheet.png'))
plt.axis('off');

# %% [markdown]
# In @fig-gallery one sees what the figures cannot say: whether the colors are believable. The man on the lawn is; the moon, taken for a sea, and the red patch among the coins are not. The page is for an album of hundreds. Sorted by `noise` or `fade` it begins with the photographs about whose colors the network was least sure; sorted by `colorfulness`, from below, with those that it left gray.

# %% [markdown]
# ## What we have
#
# - `stability`: how much a model's colors change under blur, noise and fading;
# - `make_gallery`: contact sheet, page and table of an album, from [one command](../cli/evaluate.ipynb#colorbook-gallery), without torch.

# %% [markdown]
# ## Exercises
#
# 1. Disturb the copy by cropping two pixels at its edges, or by turning it upside down. Which disturbance moves the colors most?
# 2. Average the answers to the plain and the disturbed copies. Are the colors of the mean better, or only paler? [The evaluator](protocol.ipynb) can tell.
