# %% [markdown]
# # Frames of a scanner
#
# > Numbers that mean density or light are turned into what a screen is told
#
# A scanner of films writes one picture for each frame, and not always in the numbers that a screen takes. Negative film has a range of light that no screen can show, so scanners store the *density* of the film, which is a logarithm of light: black is at 9 percent of the numbers, and a white wall at 67. Other programs store light itself, where a middle gray is at 18 percent; for a screen it is at 46. Taken for an ordinary film, such a one is pale as fog, or nearly black, and the colors that a network finds for it are wrong. @fig-scans shows a scan as it is stored and as a screen should show it; this chapter is the way from one to the other.

# %%
#| default_exp video.scans

# %%
#| export
import av, numpy as np
from av.video.reformatter import VideoReformatter
from colorbook.color.srgb import srgb_encode

# %%
#| hide
import tempfile
from fractions import Fraction
from pathlib import Path
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data
from colorbook.color.srgb import srgb_decode

# %% [markdown]
# ## Density
#
# In the files of Kodak's system Cineon, and in DPX files after them, a step of the number is .002 of density. The black of a film is at 95, a white wall at 685, and what shines is above. The film itself has a contrast of .6, so between light $Y$ and the number $n$ there is
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
# ## What a file says
#
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
# ## A table
#
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
home = Path(tempfile.mkdtemp())
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
# - `tell_scan` and `on_screen`, by which density and light in the frames of a scanner become an ordinary picture.

# %% [markdown]
# ## Exercises
#
# 1. What shines is cut off at the white of a wall. Let the brightest tenth be pressed together instead, and look at a film with windows in it.
# 2. Some scanners write densities and say in byte 801 that they do not. How could a program find out by looking at the picture alone, and when would it be wrong?
