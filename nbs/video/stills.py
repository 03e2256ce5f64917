# %% [markdown]
# # A film as pictures
#
# > A folder of frames, or a GIF that moves
#
# A program for editing wants a folder of numbered pictures; a page on the web wants an animated GIF, with at most 256 colors in each frame and a hole where nothing is. Both can be made of encoded frames as [parts](parts.ipynb) hold them. Transparency stays, and a GIF is repeated as often as its source was.

# %%
#| default_exp video.stills

# %%
#| export
import io, shutil
from fractions import Fraction
from pathlib import Path
import av, numpy as np
from PIL import Image
from colorbook.core import OutputError, atomic_path
from colorbook.video.codecs import Spec
from colorbook.video.container import new_film

# %%
#| hide
import tempfile
from fastcore.test import *
from colorbook.video.container import encode_part

# %% [markdown]
# ## Two ways
#
# For both the parts hold PNG files. A folder gets them as they are. For a GIF the colors of each frame are reduced to the 256 that suit it best; where there is transparency, to 255 and none.

# %%
#| export
def write_frames(
    folder:Path, # a new one
    parts, # of PNG files
):
    "Parts as numbered pictures from 00001.png on"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        for i,o in enumerate((o for part in parts for o in part), 1): (folder/f'{i:05}.png').write_bytes(o.data)
    except OSError as e: raise OutputError(f"cannot write '{folder}': {e.strerror or e}", 'make room') from e

# %%
#| export
def loops_of(src, c) -> int: # source and its container
    "How often a GIF begins again; for ever if the source does not say"
    if c.format.name != 'gif' or not Path(src).is_file(): return 0
    with Image.open(src) as im: return im.info.get('loop', -1)

# %%
#| export
def write_gif(
    dst, # the file
    spec:Spec,
    parts, # of PNG files
    loop:int=0, # so many times again; 0 for ever, -1 for not at all
):
    "Parts as an animated GIF, 256 colors for each frame, of which one is no color where there is transparency"
    with atomic_path(dst) as tmp, new_film(tmp, loop=loop) as out:
        s = out.add_stream('gif', rate=Fraction(*spec.rate))
        s.width,s.height,s.pix_fmt,s.codec_context.time_base = spec.width,spec.height,'pal8',Fraction(*spec.time_base)
        for o in (o for part in parts for o in part):
            whole = Image.open(io.BytesIO(o.data))
            im = whole.convert('RGB').quantize(255 if spec.alpha else 256, Image.Quantize.MEDIANCUT)
            colors,index = np.zeros((256, 4), np.uint8),np.array(im)
            own = np.array(im.getpalette(), np.uint8).reshape(-1, 3)
            colors[:len(own),0],colors[:len(own),1:] = 255,own
            if spec.alpha: # one entry, and only one, is no color
                colors[:,0],colors[255] = 255,0
                index[np.asarray(whole.getchannel('A')) < 128] = 255
            f = av.VideoFrame.from_ndarray((index, colors), format='pal8')
            f.pts,f.time_base = o.pts,s.codec_context.time_base
            out.mux(s.encode(f))
        out.mux(s.encode(None))

# %% [markdown]
# Three frames with a hole that moves: the folder has every value, the GIF has the hole, its times and the number of its repetitions.

# %%
home,frames = Path(tempfile.mkdtemp()),[]
for i in range(3):
    x = np.full((48, 64, 4), 255, np.uint8)
    x[...,0],x[8:24,16*i:16*i + 16,3] = np.arange(64)*4,0
    frames.append(x)
spec = Spec('png', 64, 48, (1, 10), (10, 1), alpha=True)
part = encode_part(spec, zip(frames, range(3)))
write_frames(home/'out', [part])
for i,o in enumerate(sorted((home/'out').iterdir())): test_eq(np.asarray(Image.open(o)), frames[i])
write_gif(home/'a.gif', spec, [part], 2)
with Image.open(home/'a.gif') as gif:
    test_eq((gif.n_frames, gif.info['loop'], gif.info['duration']), (3, 2, 100))
    for i in range(3):
        gif.seek(i)
        test_eq(np.asarray(gif.convert('RGBA'))[...,3], frames[i][...,3])
with av.open(str(home/'a.gif')) as c: test_eq(loops_of(home/'a.gif', c), 2)

# %% [markdown]
# ## What we have
#
# - `write_frames` and `write_gif`, which make pictures of parts.

# %% [markdown]
# ## Exercises
#
# 1. Let `write_gif` use one table of colors for a whole shot. What becomes of the size of the file, and what of its colors?
# 2. WebP and PNG move as well. What would a third way need?
