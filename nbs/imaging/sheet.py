# %% [markdown]
# # Contact sheets
#
# > Many pictures on one, with a few words under each
#
# A photographer lays the negatives of a film on one sheet of paper and chooses with a magnifying glass. The library does that often: several answers to one photograph, gray beside truth beside result, the copies that were found in a data set. `contact_sheet` draws all of these (@fig-contact-sheet is one). It takes whatever can become a Pillow picture and needs NumPy and Pillow alone; tensors are converted first. For films, `LoopingClip` shows sheets one after the other.

# %%
#| default_exp imaging.sheet

# %%
#| export
import base64, html, io
import numpy as np
from PIL import Image, ImageDraw
from colorbook.core import UsageError

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data

# %% [markdown]
# ## A cell

# %% [markdown]
# A picture on a sheet is RGB and never larger than its cell; smaller ones stay as they are. Arrays of floats are rounded, not cut off, so that a byte that went through a network's scale and back is the same byte.

# %%
#| export
def as_cell(
    picture, # a Pillow picture, or an array HxW, HxWx3 or HxWx4: uint8, or floats in 0..1
    side:int|None=None, # longest side in pixels; larger pictures are reduced
) -> Image.Image: # RGB
    "A picture as it stands on a sheet"
    if not isinstance(picture, Image.Image):
        x = np.asarray(picture)
        picture = Image.fromarray(np.rint(x.clip(0, 1)*255).astype(np.uint8) if x.dtype.kind == 'f' else x)
    out = picture.convert('RGB')
    if side and max(out.size) > side: out.thumbnail((side, side))
    return out

# %%
cat = data.chelsea()
test_eq(np.asarray(as_cell(cat/255)), cat)
test_eq(np.asarray(as_cell(cat[...,0]))[...,2], cat[...,0])
test_eq(as_cell(np.full((2, 2), .6)).getpixel((0, 0)), (153,)*3)
test_eq([as_cell(cat, o).size for o in (100, 1000)], [(100, 67), (451, 300)])
as_cell(Image.fromarray(cat).convert('P'), 100).mode

# %% [markdown]
# ## The sheet

# %% [markdown]
# All cells are as large as the largest picture, so that columns and rows are straight. A note that is too long for its cell loses its beginning, since names of files differ at the end. Only where the cells to the right have no note may it run on, which makes it a caption of the whole row.

# %%
#| export
def contact_sheet(
    pictures:list, # see `as_cell`
    columns:int=4, # pictures in a row
    notes=(), # a few words under each picture, from the first on
    side:int|None=None, # longest side of a picture in pixels; larger ones are reduced
    gap:int=4, # white pixels around each
) -> Image.Image: # RGB
    "Pictures in a grid, row by row, with notes under them; `UsageError` if there are none"
    cells,notes = [as_cell(o, side) for o in pictures],[str(o) for o in notes]
    if not cells: raise UsageError('there is no picture for a sheet', 'give at least one')
    columns,notes = min(columns, len(cells)),notes + ['']*(len(cells) - len(notes))
    w,h = (max(o.size[i] for o in cells) + gap for i in (0, 1))
    h += 12*any(notes)
    out = Image.new('RGB', (columns*w + gap, -(-len(cells)//columns)*h + gap), 'white')
    draw = ImageDraw.Draw(out)
    for i,(cell,note) in enumerate(zip(cells, notes)):
        x,y = i%columns*w + gap,i//columns*h + gap
        out.paste(cell, (x, y))
        free = next((j for j in range(1, columns - i%columns) if any(notes[i+j:i+j+1])), columns - i%columns)
        while note and draw.textlength(note) > free*w - gap: note = note[1:]
        draw.text((x, y + cell.height), note, 'black')
    return out

# %% [markdown]
# Where each picture must lie can be computed beforehand, and so can where there is ink. A note of 40 letters is cut in a cell of 60 pixels; alone in its row, it is not.

# %%
def ink(im, x, y, w, h=12): return (np.asarray(im.crop((x, y, x + w, y + h))) < 128).any()
grays = [np.full((20, 60), o, np.uint8) for o in (10, 60, 110, 160, 210)]
plain,named = contact_sheet(grays, 3),contact_sheet(grays, 3, 'abcde')
test_eq((plain.size, named.size), ((3*64 + 4, 2*24 + 4), (3*64 + 4, 2*36 + 4)))
for i,(x,y) in enumerate((x, y) for y in (4, 40) for x in (4, 68, 132)):
    test_eq(named.getpixel((x, y)), (grays[i][0,0],)*3 if i < 5 else (255,)*3)
    test_eq(ink(named, x, y + 20, 60), i < 5)
cut,whole = (contact_sheet(grays[:2], 2, o) for o in (['m'*40, '.'], ['m'*40]))
test_eq([ink(o, 64, 24, 4) for o in (cut, whole)], [False, True])
test_eq(contact_sheet(grays[:1], gap=0).size, (60, 20))
test_fail(lambda: contact_sheet([]), exc=UsageError, contains='no picture')
named.size

# %%
#| label: fig-contact-sheet
#| fig-cap: "A contact sheet: three photographs in different sizes, with notes."
plt.figure(figsize=(7, 2.6))
plt.imshow(contact_sheet([data.astronaut(), cat, data.coffee()], 3, ['astronaut', 'chelsea', 'coffee'], 240))
plt.axis('off');

# %% [markdown]
# The astronaut's picture is square, the others are wide. All cells are as large as the square, so white is left below the wide ones, under their notes.

# %% [markdown]
# ## A sheet that moves
#
# What goes wrong in a film does not show in a still picture. `LoopingClip` makes an animated picture of several sheets. Twelve frames a second are enough to see a color tremble, and half of the bytes of twenty-four.

# %%
#| export
class LoopingClip:
    "Frames one after the other, for ever, which a notebook or a page shows where it is the value of a cell"
    def __init__(self,
        frames:list, # of each frame a list of pictures that stand side by side, see `as_cell`
        alt:str, # what one sees, for those who do not see it
        notes=(), # a few words under each picture
        rate:float=12, # frames a second
        quality:int=80, # of the WebP file
    ):
        self.sheets = [contact_sheet(o, len(o), notes) for o in frames]
        self.alt,self.rate,self.quality = alt,rate,quality
    def webp(self,
        moving:bool=True, # all frames; otherwise the first
    ) -> bytes: # content of a file
        "The clip as an animated WebP"
        (first,*rest),to = self.sheets,io.BytesIO()
        how = dict(save_all=True, append_images=rest, duration=round(1000/self.rate), loop=0) if moving else {}
        first.save(to, 'WEBP', quality=self.quality, **how)
        return to.getvalue()
    def _repr_html_(self): # who has asked the browser for less motion sees the first frame
        still,moving = ('data:image/webp;base64,' + base64.b64encode(self.webp(o)).decode() for o in (False, True))
        return (f'<picture><source media="(prefers-reduced-motion: reduce)" srcset="{still}">'
                f'<img src="{moving}" alt="{html.escape(self.alt)}" style="max-width: 100%"></picture>')

# %% [markdown]
# Three frames of two gray squares: the file has as many frames, each is shown for a tenth of a second, and the grays are those that went in, to a few levels.

# %%
steps = [[np.full((20, 60, 3), o, np.uint8), np.full((20, 60, 3), 255 - o, np.uint8)] for o in (0, 80, 160)]
clip = LoopingClip(steps, 'a ramp & its negative', rate=10)
with Image.open(io.BytesIO(clip.webp())) as im:
    test_eq((im.n_frames, im.size, im.info['loop']), (3, (132, 28), 0))
    for i in range(3):
        im.seek(i)
        im.load()
        test_eq(im.info['duration'], 100)
        test_close([im.convert('RGB').getpixel((x, 12))[0] for x in (30, 100)], [80*i, 255 - 80*i], eps=4)
with Image.open(io.BytesIO(clip.webp(False))) as im: test_eq(getattr(im, 'n_frames', 1), 1)
assert 'alt="a ramp &amp; its negative"' in clip._repr_html_()

# %% [markdown]
# ## What we have
#
# - `contact_sheet`, pictures in a grid with notes, on which the rest of the library lays its answers, findings and examples;
# - `as_cell`, one picture of a sheet, from Pillow or NumPy;
# - `LoopingClip`, sheets one after the other, for ever.

# %% [markdown]
# ## Exercises
#
# 1. Lay portraits and landscapes on one sheet. How much of it stays white, and how would columns of different width help?
# 2. Pillow's `thumbnail` averages stored values, not light. Find a picture whose small copy is visibly too dark, and repair it with [`srgb_decode`](../color/srgb.ipynb).
