# %% [markdown]
# # A page of pictures
#
# > Pictures and their figures in one file, sorted in the browser
#
# A table says how good a colorizer is and not how it is bad. For that one has to look, and the question is where to look first. `write_sortable` writes a page with many pictures, each with its figures, which the reader sorts by any of them: the worst first, or the best. The page is one file that needs no server and no network, so it can be sent to somebody and opened in twenty years.

# %%
#| default_exp evaluation.page

# %%
#| export
import base64, html, io, math, os
import numpy as np
from PIL import Image
from colorbook.core import atomic_path

# %%
#| hide
import re, tempfile
from pathlib import Path
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
# ## The page

# %% [markdown]
# Each picture has its figures as attributes, and a dozen lines of script put the pictures into order. Pictures are written as they come, so a page of ten thousand needs no more memory than one of ten. Names of files are text that somebody else has chosen; they are escaped, or a file called `<script>` would be one.

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
# ## What we have
#
# - `picture_strip`, pictures as text;
# - `write_sortable`, a page of pictures that are sorted in the browser, used by [Comparing tools](compare.ipynb) and by [the gallery](gallery.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. Let the page show two figures of every picture, and draw them as a scatter plot in an SVG whose points are links to the pictures.
