# %% [markdown]
# # Folders of frames, and scans
#
# > Which pictures of a folder are the frames of a film, and what a scanner's values mean on a screen
#
# Scanners and programs for editing write a film as a folder of pictures, one for each frame. Two questions have to be answered before such a folder can be read as a film. Which of the files are frames, and in which order? Their names end in a number, but not always with zeros before it; now and then one is missing, and a cover or a list lies among them. One rule answers this for the whole library, and names what it leaves out. And what do the numbers in the pictures mean? A scanner may store the density of the film or the light behind it; taken for an ordinary picture, the one is pale as fog and the other nearly black, and the colors that a network finds for them are wrong. @fig-scans shows a frame as it is stored and as a screen should show it.

# %%
#| default_exp video.sequences

# %% tags=["parameters"]
width,height = 96,64

# %%
#| export
import atexit, glob, os, re, shutil, tempfile
from collections import Counter
from functools import lru_cache
from pathlib import Path
import av, numpy as np
from av.video.reformatter import VideoReformatter
from colorbook.color.srgb import srgb_encode
from colorbook.core import InputError

# %%
#| hide
from fractions import Fraction
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from skimage import data
from colorbook.color.srgb import srgb_decode
from colorbook.data.synthetic import travel
from colorbook.video.read import read_frames
home = Path(tempfile.mkdtemp())
ims = list(travel(Image.fromarray(data.astronaut()), 12, (width, height)))

# %% [markdown]
# ## Which files, in which order
#
# The frames of a folder are its pictures of one kind, in the order of the numbers in which their names end: 10 comes after 2, with zeros before it or without. A stray file, such as a cover or a picture of another kind, is left out, and can be named. Where numbers occur twice, or two kinds are about equally many, the order is open; such a folder is refused rather than shuffled.

# %%
#| export
FRAME_SUFFIXES = {'.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp', '.dpx', '.exr', '.jp2', '.tga', '.pgm',
                  '.ppm'}

def _pictures(folder:Path) -> list:
    "Its pictures, but no hidden ones"
    return [o for o in folder.iterdir() if o.suffix.lower() in FRAME_SUFFIXES and not o.name.startswith('.')]

def frame_files(
    folder:str|Path,
) -> dict[int,Path]: # pictures by number, in order
    "The numbered frames in a folder; `InputError` where their order is open"
    folder = Path(folder)
    if not folder.is_dir(): raise InputError(f"there is no folder '{folder}'", 'check the name')
    pictures = _pictures(folder)
    if not pictures: raise InputError(f"there are no pictures in '{folder}'", 'give a folder of numbered frames')
    number = lambda o: int(m[0]) if (m := re.search(r'\d+$', o.stem)) else None
    numbered = [o for o in pictures if number(o) is not None]
    if not numbered: raise InputError(f"no name in '{folder}' ends in a number", 'name them 00001.png, 00002.png')
    def most(kind_of): # the larger part of what is left, if it is by far
        kind,n = Counter(kind_of(o) for o in numbered).most_common(1)[0]
        return [o for o in numbered if kind_of(o) == kind] if 3*n > 2*len(numbered) else None
    one = most(lambda o: o.suffix.lower())
    if not one:
        what = f"the frames in '{folder}' are not of one kind: '{sorted(numbered)[0].name}'"
        raise InputError(what, 'move the others away')
    numbered = one
    if len({number(o) for o in numbered}) < len(numbered):
        numbered = most(lambda o: o.stem.rstrip('0123456789')) or []
        if not numbered or len({number(o) for o in numbered}) < len(numbered):
            what = f"not all names in '{folder}' end in a number of their own"
            raise InputError(what, 'name them 00001.png, 00002.png')
    return dict(sorted((number(o), o) for o in numbered))

def stray_files(
    folder:str|Path,
) -> list[str]: # names
    "Pictures in a folder of frames that are not among them"
    frames = {*frame_files(folder).values()}
    return sorted(o.name for o in _pictures(Path(folder)) if o not in frames)

def is_frame_folder(
    path:str|Path, # of anything
) -> bool:
    "Whether a path is a folder whose pictures have nothing but numbers for names, as frames of a film have"
    path = Path(path)
    names = [o.stem for o in _pictures(path)] if path.is_dir() else []
    return bool(names) and all(o.isdigit() for o in names)

# %% [markdown]
# FFmpeg reads such a folder if it is presented as a film: by a pattern of names, or by counting. Where neither gives the order of the numbers, it is shown a folder of links, which are named in order and go when the program ends.

# %%
#| export
def frame_pattern(files:dict) -> tuple[str,dict]: # of `frame_files`
    "How FFmpeg is told to read numbered pictures in their order"
    paths,kind = [o.absolute() for o in files.values()],next(iter(files.values())).suffix
    folder,head,start = paths[0].parent,paths[0].stem.rstrip('0123456789'),min(files)
    all_ = sorted(o for o in folder.iterdir() if o.name.endswith(kind) and not o.name.startswith('.'))
    if paths == all_: return f'{glob.escape(str(folder))}/*{kind}',dict(pattern_type='glob')
    if paths == [folder/f'{head}{n}{kind}' for n in range(start, start + len(paths))]:
        counted = f'{folder}/{head}'.replace('%', '%%') + f'%d{kind}'
        return counted,dict(pattern_type='sequence', start_number=str(start))
    return f'{_links(tuple(paths), kind.lower())}/*{kind.lower()}',dict(pattern_type='glob')

@lru_cache(8)
def _links(paths:tuple, kind:str) -> str: # a folder, which is removed when the program ends
    "Links to files, named so that they are in order"
    folder = tempfile.mkdtemp(prefix='frames-')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        for i,o in enumerate(paths): os.symlink(o, f'{folder}/{i:09}{kind}')
    except OSError as e:
        raise InputError(f"the frames in '{paths[0].parent}' are not in order", 'name them 00001.png, 00002.png') from e
    return folder

# %% [markdown]
# Twelve frames, once with leading zeros and once without. Both folders come back pixel by pixel in the order of their numbers, at the rate that we name. Then a frame is removed and a cover is added: eleven frames are left, and the cover is named.

# %%
def write_folder(name, form, ims, first=1):
    "Pictures as numbered files"
    (home/name).mkdir()
    for i,o in enumerate(ims, first): o.save(home/name/form.format(i))
    return home/name
padded,bare = write_folder('padded', '{:05}.png', ims[:12]),write_folder('100%d [x]', 'frame{}.png', ims[:12], 3)
for o in (padded, bare):
    got = list(read_frames(o, rate=25))
    assert all(np.array_equal(f.im, im) for f,im in zip(got, ims[:12]))
    test_close([f.time for f in got], np.arange(12)/25)
test_eq(([*frame_files(bare)], is_frame_folder(padded), is_frame_folder(bare)), ([*range(3, 15)], True, False))
(bare/'frame8.png').unlink()
ims[0].save(bare/'cover.png')
test_eq([*frame_files(bare)], [3, 4, 5, 6, 7, *range(9, 15)])
assert all(np.array_equal(f.im, im) for f,im in zip(read_frames(bare), ims[:5] + ims[6:12]))
ims[0].save(padded/'00013.jpg')
test_eq((len(frame_files(padded)), stray_files(padded), stray_files(bare)), (12, ['00013.jpg'], ['cover.png']))
len(frame_files(bare)),stray_files(bare)

# %% [markdown]
# ## What the numbers of a scan mean
#
# Negative film has a range of light that no screen can show, so scanners store the *density* of the film, which is a logarithm of light: black is at 9 percent of the numbers, and a white wall at 67. Other programs store light itself, where a middle gray is at 18 percent; for a screen it is at 46.
#
# In the files of Kodak's system Cineon, and in DPX files after them, a step of the number is .002 of density. The black of a film is at 95 of 1023, a white wall at 685, and what shines is above. The film itself has a contrast of .6, so between light $Y$ and the number $n$ there is
#
# $$ Y = \frac{10^{.002(n-685)/.6} - b}{1 - b}, \qquad b = 10^{.002(95-685)/.6} $$
#
# In words: 90 numbers less are half of the light. Light above 1 is cut off, as it is where a film of [high dynamic range](steps.ipynb) becomes a common one. FFmpeg has a number for most of the curves that a picture can have, and 3 is free in its list; here it stands for this one.

# %%
#| export
def cineon_light(
    x:np.ndarray, # stored values, 0..1
) -> np.ndarray: # light, 0..1
    "Light of the densities in a scan of negative film; see Kodak, Conversion of 10-bit log film data"
    black = 10**((95 - 685)*.002/.6)
    return ((10**((x*1023 - 685)*.002/.6) - black)/(1 - black)).clip(0, 1)

DENSITY,LINEAR = 3,8 # the second is FFmpeg's own
CURVES = {DENSITY: cineon_light, LINEAR: lambda x: x}

# %%
test_close(cineon_light(np.array([95, 685, 800])/1023), [0, 1, 1], eps=1e-6)
test_close(cineon_light(np.array([470])/1023), .18, eps=.01) # a card that reflects 18 percent
light = cineon_light(np.array([680, 680 - .6*np.log10(2)/.002])/1023)
test_close(light[1]/light[0], .5, eps=.01) # 90 numbers less are half of the light
light

# %% [markdown]
# Byte 801 of a DPX file says which kind of numbers it holds: 1 is the density of a print, 3 a logarithm, 2 light itself. FFmpeg knows the last of these and passes over the others. OpenEXR always holds light; there the decoder can do the work.

# %%
#| export
def tell_scan(
    s, # stream of pictures, not yet decoded
    path, # its file, or the first one of a folder
):
    "Tell a decoder what the numbers of a scanner's frames mean"
    if s.codec_context.name == 'exr': s.codec_context.options = dict(apply_trc='iec61966_2_1')
    if s.codec_context.name != 'dpx': return
    with open(path, 'rb') as f: head = f.read(802)
    if head[801:] in (b'\1', b'\3'): s.codec_context.color_trc = DENSITY

def is_scan(
    f, # a frame, or the codec context of one
) -> bool:
    "Are its numbers density or light?"
    return f.color_trc in CURVES and (f.format.is_rgb or f.format.name.startswith('gray'))

# %% [markdown]
# There are at most 65,536 different numbers, so the value for the screen is looked up in a table. The result has 16 bits, whatever the scan had: ten bits of density span a wider range than ten bits of an ordinary picture.

# %%
#| export
def on_screen(
    f:av.VideoFrame, # decoded
) -> av.VideoFrame: # the same, or a new one of 16 bits in sRGB
    "A frame of a scanner as a screen shows it"
    if not is_scan(f): return f
    bits,name = f.format.components[0].bits,f.format.name
    if name.startswith('gbrp') and name.endswith('le') and bits in (10, 12, 14, 16): x = f.to_ndarray()
    else: x,bits = VideoReformatter().reformat(f, format='rgba64le').to_ndarray(),16
    table = np.rint(srgb_encode(CURVES[f.color_trc](np.linspace(0, 1, 2**bits)))*65535).astype(np.uint16)
    y = table.take(x[...,:3])
    clear = f.format.name.endswith(('a', 'a64le', 'a64be')) or 'ap' in f.format.name
    if clear: y = np.dstack([y, x[...,3]])
    new = av.VideoFrame.from_ndarray(y, 'rgba64le' if clear else 'rgb48le')
    new.pts,new.time_base,new.duration,new.color_trc = f.pts,f.time_base,f.duration,13
    return new

# %% [markdown]
# A ramp of light is written as a scanner writes it, as density and as light, in DPX files of ten and of sixteen bits. What comes back is the ramp as a screen shows it: the values are the largest errors, by kind and by whether the file had 16 bits.

# %%
ramp = np.linspace(.01, 1, 256)[None,:,None].repeat(16, 0).repeat(3, 2)
def densities(Y):
    "The numbers of a light, the other way round"
    black = 10**((95 - 685)*.002/.6)
    return (685 + .6/.002*np.log10(Y*(1 - black) + black))/1023

def write_dpx(path, x, kind, deep=True):
    "A DPX file of 10 or 16 bits, in which byte 801 says what its numbers are"
    ctx = av.CodecContext.create('dpx', 'w')
    ctx.width,ctx.height,ctx.time_base = x.shape[1],x.shape[0],Fraction(1, 24)
    ctx.pix_fmt = 'rgb48be' if deep else 'gbrp10be'
    top = 65535 if deep else 1023
    f = av.VideoFrame.from_ndarray(np.rint(x*top).astype(np.uint16), 'rgb48le' if deep else 'gbrp10le')
    code = bytearray(b''.join(bytes(p) for p in [*ctx.encode(f.reformat(format=ctx.pix_fmt)), *ctx.encode(None)]))
    code[801] = kind
    path.write_bytes(code)
    return path

def read_dpx(path):
    "The first frame, as a screen is told"
    with av.open(str(path)) as c:
        s = c.streams.video[0]
        tell_scan(s, path)
        return on_screen(next(c.decode(s)))

off = {}
for deep in (False, True):
    for kind,x in ((1, densities(ramp)), (2, ramp), (3, densities(ramp))):
        got = read_dpx(write_dpx(home/'a.dpx', x, kind, deep))
        off[kind,deep] = np.abs(got.to_ndarray()/65535 - srgb_encode(ramp)).max()
        test_eq(got.color_trc, 13)
assert max(v for (_,deep),v in off.items() if deep) < 2e-3 and max(off.values()) < 8e-3
same = read_dpx(write_dpx(home/'b.dpx', ramp, 4))
test_eq(np.abs(same.to_ndarray().astype(int) - np.rint(ramp*65535)).max() <= 1, True)
off

# %%
#| label: fig-scans
#| fig-cap: "A photograph as a scanner stores it, as density, and the same frame on a screen."
photo = srgb_decode(data.astronaut()/255)
stored = densities(photo)
shown = read_dpx(write_dpx(home/'c.dpx', stored, 1)).to_ndarray()
fig,axs = plt.subplots(1, 2, figsize=(7, 3.4))
for ax,x in zip(axs, (stored.clip(0, 1), shown/65535)):
    ax.imshow(x)
    ax.axis('off')

# %% [markdown]
# The left picture of @fig-scans is density taken for an ordinary picture: no black, no white, everything pale. The right one is the same file, read as density.

# %% [markdown]
# ## What we have
#
# - `frame_files`, one rule for all that read folders of frames, and `stray_files`, which names what it leaves out;
# - `frame_pattern`, by which FFmpeg reads them in that order;
# - `tell_scan` and `on_screen`, by which density and light in the frames of a scanner become an ordinary picture.

# %% [markdown]
# ## Exercises
#
# 1. A number is missing in a folder of frames. Should the frame before it be shown for two, so that sound stays in step? Find out what FFmpeg does when it counts.
# 2. Two scanners wrote into one folder, `a1.png` and `b1.png`. Write a rule that makes two films of it.
# 3. What shines is cut off at the white of a wall. Let the brightest tenth be pressed together instead, and look at a film with windows in it.
# 4. Some scanners write densities and say in byte 801 that they do not. How could a program find out by looking at the picture alone, and when would it be wrong?
