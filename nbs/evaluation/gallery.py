# %% [markdown]
# # A gallery of pictures
#
# > Pictures and their figures on a page that is sorted in the browser, and a whole album at a glance
#
# A table says how good a colorizer is and not how it is bad. For that one has to look, and the question is where to look first. `write_sortable` writes a page with many pictures, each with its figures, which the reader sorts by any of them: the worst first, or the best. The photographs that one really wants to see in color are those whose colors nobody knows; no figure can say how wrong they are, and looking at each of three hundred takes an evening. `make_gallery` turns such an album into a contact sheet (@fig-gallery), a page, and a table of figures that need no truth: how much of a picture has the color of skin, grass and sky, how colorful it is, and how much its colors change when the photograph is a little blurred, noisy or faded, as if it had been scanned on another day. Nothing here needs torch.

# %%
#| default_exp evaluation.gallery

# %%
#| export
import base64, html, io, json, math, os
from pathlib import Path
import numpy as np
from PIL import Image, ImageOps
from colorbook.color.srgb import lstar_gray
from colorbook.core import ColorbookError, InputError, UsageError, atomic_path, with_progress
from colorbook.evaluation.naturalness import cci, cni, natural_bands
from colorbook.imaging.colorizer import Colorizer, colorize, load_model, net_size
from colorbook.imaging.compose import small_light
from colorbook.imaging.io import Picture
from colorbook.imaging.sheet import contact_sheet

# %%
#| hide
import re, tempfile
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data

# %% [markdown]
# ## A picture inside of a page

# %% [markdown]
# HTML can hold a picture as text: its bytes, written with 64 letters, behind the word `data`. Three pictures of a hundred rows take some ten thousand letters.

# %%
#| export
def picture_strip(
    pictures:list, # arrays HxWx3 of bytes, or Pillow pictures
    height:int=160, # of the strip in pixels; each picture keeps its shape
    quality:int=85, # of the JPEG
) -> str: # the address of a JPEG that holds itself
    "Pictures side by side as text for a page"
    ims = [o if isinstance(o, Image.Image) else Image.fromarray(o) for o in pictures]
    ims = [o.convert('RGB').resize((max(1, round(o.width*height/o.height)), height), Image.BICUBIC) for o in ims]
    out = Image.new('RGB', (sum(o.width for o in ims), height))
    for i,o in enumerate(ims): out.paste(o, (sum(p.width for p in ims[:i]), 0))
    to = io.BytesIO()
    out.save(to, 'JPEG', quality=quality)
    return 'data:image/jpeg;base64,' + base64.b64encode(to.getvalue()).decode()

# %%
cat = data.chelsea()
text = picture_strip([cat, cat[...,0], Image.fromarray(cat[:,:200])], 100)
back = Image.open(io.BytesIO(base64.b64decode(text.split(',')[1])))
test_eq(back.size, (150 + 150 + 67, 100))
assert np.abs(np.asarray(back)[:,:150].astype(int) - np.asarray(Image.fromarray(cat).resize((150, 100)))).mean() < 6
len(text)

# %% [markdown]
# ## A page that is sorted

# %% [markdown]
# The page is one file that needs no server and no network, so it can be sent to somebody and opened in twenty years. Each picture has its figures as attributes, and a dozen lines of script put the pictures into order. Pictures are written as they come, so a page of ten thousand needs no more memory than one of ten. Names of files are text that somebody else has chosen; they are escaped, or a file called `<script>` would be one.

# %%
#| export
PAGE_HEAD = '''<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:14px sans-serif;margin:1em}} figure{{display:inline-table;margin:4px;vertical-align:top}}
figcaption{{display:table-caption;caption-side:bottom;font-size:11px;overflow-wrap:anywhere}}
pre{{overflow-x:auto}} pre:empty{{display:none}} figure[hidden]{{display:none}} label{{margin-left:1em}}
nav{{position:sticky;top:0;background:#fff;padding:.5em 0}} img{{max-height:260px;display:block;cursor:zoom-in}}
.large img{{max-height:none}}</style>
<h1>{title}</h1><pre>{text}</pre>
<nav>{caption} (a click enlarges); sorted by <select id="by">{options}</select>
<label><input type="checkbox" id="up"> smallest first</label>
<label>name contains <input id="with" size="12"></label></nav><main>
'''
PAGE_END = '''</main><pre>{footer}</pre>
<script>
const by=document.getElementById('by'), up=document.getElementById('up'), part=document.getElementById('with'),
 main=document.querySelector('main'), all=[...main.children]
main.onclick=e=>e.target.closest('figure')?.classList.toggle('large')
function show(){const v=o=>+o.dataset[by.value], s=up.checked?1:-1
 all.sort((a,b)=>(isNaN(v(a))-isNaN(v(b)))||s*(v(a)-v(b))); main.append(...all)
 for(const o of all){o.lastChild.textContent=o.dataset.name+': '+(+o.dataset[by.value]).toPrecision(4)
  o.hidden=!o.dataset.name.includes(part.value)}}
by.onchange=up.onchange=part.oninput=show; show()
</script></html>
'''

def _number(v): return 'NaN' if math.isnan(v) else f'{v:.6g}'.replace('inf', 'Infinity') # as JavaScript reads it

# %%
#| export
def write_sortable(
    path:str|os.PathLike, # .html
    title:str,
    columns:list, # names of the figures, the first one sorts at the beginning; a name may come twice
    figures, # yields the name of a picture, a dict of its figures, and what `picture_strip` returned
    text:str='', # above the pictures
    caption:str='', # what one sees in a strip, from left to right
    footer=lambda: '', # called when all pictures are written: the text below them
):
    "A page whose pictures can be sorted by their figures, whole or not at all"
    key = {k: ''.join(c for c in k.lower() if c.isalnum()) for k in columns}
    options = ''.join(f'<option value="{key[k]}">{html.escape(k)}</option>' for k in columns)
    head = PAGE_HEAD.format(title=html.escape(title), text=html.escape(text), caption=html.escape(caption),
        options=options)
    with atomic_path(path) as f, open(f, 'w', encoding='utf-8') as to:
        to.write(head)
        for name,values,strip in figures:
            told = ' '.join(f'data-{key[k]}="{_number(float(values[k]))}"' for k in key)
            to.write(f'<figure data-name="{html.escape(name)}" {told}>'
                f'<img src="{strip}" alt=""><figcaption></figcaption></figure>\n')
        to.write(PAGE_END.replace('{footer}', html.escape(footer())))

# %% [markdown]
# A page of two pictures, one with figures that JSON could not hold (infinite, and none), and with a file's name that would be dangerous unescaped. A page that fails halfway leaves the one before it. The value is its length in letters.

# %%
page = Path(tempfile.mkdtemp())/'page.html'
rows = [('a.jpg', dict(psnr=20, same_top1=1), text), ('<script>.jpg', dict(psnr=math.inf, same_top1=math.nan), text)]
write_sortable(page, 'Cats & dogs', ['psnr', 'same_top1'], iter(rows), 'two', 'cat', lambda: 'end')
made = page.read_text()
test_eq(re.findall(r'data-(?:psnr|sametop1)="(.*?)"', made), ['20', '1', 'Infinity', 'NaN'])
test_eq([made.count(o) for o in ('<script>', '&lt;script&gt;.jpg', 'Cats &amp; dogs', 'end</pre>')], [1, 1, 2, 1])
test_eq(re.findall(r'(?:src|href)="(?!data:)', made) + re.findall(r'https?://', made), [])
def broken():
    yield rows[0]
    raise ValueError('half a page')
test_fail(lambda: write_sortable(page, 'x', ['psnr'], broken()), contains='half a page')
test_eq(page.read_text(), made)
len(made)

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
# The other figures look at the colors that came out. [Naturalness and hues](naturalness.ipynb) has the ranges of skin, grass and sky and says what they do not see: a share of skin of zero in a portrait, or of grass in a room, is a reason to look, no more. `size` and `saturation` are those of [`colorize`](../imaging/colorizer.ipynb).

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
# - `picture_strip`, pictures as text, and `write_sortable`, a page of pictures that are sorted in the browser, which [Comparing tools](compare.ipynb) uses as well;
# - `stability`: how much a model's colors change under blur, noise and fading;
# - `make_gallery`: contact sheet, page and table of an album, from [one command](../cli/evaluate.ipynb#colorbook-gallery), without torch.

# %% [markdown]
# ## Exercises
#
# 1. Disturb the copy by cropping two pixels at its edges, or by turning it upside down. Which disturbance moves the colors most?
# 2. Average the answers to the plain and the disturbed copies. Are the colors of the mean better, or only paler? [The evaluator](protocol.ipynb) can tell.
# 3. Let the page show two figures of every picture, and draw them as a scatter plot in an SVG whose points are links to the pictures.
