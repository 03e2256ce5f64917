# %% [markdown]
# # The steps of a film
#
# > Read, prepare, color, paint: four steps that run side by side
#
# A picture is colored in a tenth of a second, and nobody minds. A film has a hundred thousand pictures, and then everything counts: that no pixel is converted twice, that the network works while the next frame is decoded and the last one is painted, and that a frame is forgotten as soon as it is done. So the work is cut into steps: frames are watched for cuts, prepared for the network, colored, and painted. Each step is a generator that takes what the one before it gives, and any of them can run in a thread of its own.

# %%
#| default_exp video.steps

# %% tags=["parameters"]
width,height = 128,72

# %%
#| export
import math
from collections import deque
from dataclasses import dataclass
from itertools import groupby
import av, numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image
from colorbook.imaging.colorizer import net_size
from colorbook.video.frame_shape import whole_frames
from colorbook.video.read import QUALITY, bits_of, decode, display_matrix, frame_rate, is_high
from colorbook.video.sequences import on_screen
from colorbook.video.shots import mark_shots
from colorbook.color.srgb import light, lstar_gray, srgb_encode
from colorbook.imaging.compose import chroma_maps, paint, small_light
from colorbook.imaging.io import Picture
from colorbook.imaging.opening import matrix_orientation, upright

# %%
#| hide
import tempfile
from fractions import Fraction
from pathlib import Path
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data
from colorbook.imaging.colorizer import load_model
from colorbook.video.read import write_clip
from colorbook.data.synthetic import travel
from colorbook.color.srgb import light
from colorbook.video.read import open_reel

# %% [markdown]
# ## Gray

# %% [markdown]
# A film that never had color is stored with chroma that says "none", and its luma, stretched from 16 to 235 to the whole range of a byte, is the gray we need; a table does that. A film in color is turned gray as the photographs were on which the network was trained: by its lightness $L^*$. The gray of a pixel is then the value whose three equal channels have the same luminance, which takes three tables for the way to light, a sum, and one for the way back.

# %%
#| export
_full_range = ((np.arange(256) - 16)*(255/219)).round().clip(0, 255).astype(np.uint8)

def plane(f:av.VideoFrame, i:int) -> np.ndarray: # rows x columns
    "One plane of a frame of 8 bits, without copying"
    p = f.planes[i]
    return np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:,:p.width]

def gray_of(
    f:av.VideoFrame, # decoded
    convert:VideoReformatter, # the same for all frames
) -> np.ndarray: # HxW, uint8
    "The frame in gray: its luma if it has no color, else gray of the same L*"
    if f.format.name in ('yuv420p', 'yuv422p', 'yuv444p', 'yuvj420p', 'yuvj422p', 'yuvj444p', 'gray'):
        if all(abs(int(o) - 128) <= 2 for i in range(1, len(f.planes)) for o in (plane(f, i).min(), plane(f, i).max())):
            full = f.color_range == 2 or f.format.name[3] == 'j' or f.format.name == 'gray'
            return plane(f, 0).copy() if full else _full_range.take(plane(f, 0))
    space = 'ITU709' if f.colorspace == 2 and is_high(f.width, f.height) else None
    x = convert.reformat(f, format='rgb24', src_colorspace=space, interpolation=QUALITY).to_ndarray()
    return lstar_gray(x)

# %% [markdown]
# Films for editors have ten bits or more, and frames of a scanner sixteen. Where the new film can hold as many, the gray is made in sixteen, so that nothing is rounded to a byte on the way.

# %%
#| export
def deep_gray(
    f:av.VideoFrame, # decoded, of more than 8 bits
    convert:VideoReformatter, # the same for all frames
) -> np.ndarray: # HxW, uint16
    "What `gray_of` gives, with 16 bits"
    bits,name = bits_of(f),f.format.name
    wide = lambda i: np.frombuffer(f.planes[i], np.uint16).reshape(f.planes[i].height, -1)[:,:f.planes[i].width]
    if name.endswith('le') and name.startswith(('yuv4', 'gray1')):
        near,middle = 2 << bits - 8,1 << bits - 1
        chroma = range(1, len(f.planes)) if name[:3] == 'yuv' else ()
        if all(abs(int(o) - middle) <= near for i in chroma for o in (wide(i).min(), wide(i).max())):
            full = f.color_range == 2 or name[:4] == 'gray' and f.color_range != 1
            low,span = (0, (1 << bits) - 1) if full else (16 << bits - 8, 219 << bits - 8)
            return ((wide(0).astype(np.float32) - low)*np.float32(65535/span)).round().clip(0, 65535).astype(np.uint16)
    space = 'ITU709' if f.colorspace == 2 and is_high(f.width, f.height) else None
    x = convert.reformat(f, format='rgb48le', src_colorspace=space, interpolation=QUALITY).to_ndarray()
    if (x[...,:1] == x).all(): return x[...,0]
    return np.rint(srgb_encode(light(x)[0].clip(0, 1))*65535).astype(np.uint16)

# %% [markdown]
# A ramp of all grays comes back from five formats, to the error that the format itself has: none for sixteen bits without chroma, a step or two for others.

# %%
ramp = np.linspace(0, 65535, 96*64).reshape(64, 96).astype(np.uint16)
for o,err in dict(gray16le=0, rgb48le=0, yuv444p16le=2, yuv422p10le=120, gbrp12le=40).items():
    x = av.VideoFrame.from_ndarray(ramp, format='gray16le').reformat(format=o, interpolation=QUALITY)
    off = np.abs(deep_gray(x, VideoReformatter()).astype(int) - ramp).max()
    assert off <= err, (o, off)

# %% [markdown]
# For a photograph in bytes, the lightness of the gray is that of the color: the values are the mean and the largest error in units of $L^*$. A frame that is gray already keeps its numbers, to a rounding.

# %%
astronaut = Image.fromarray(data.astronaut())
def frame_of(x, format): return av.VideoFrame.from_ndarray(np.asarray(x), format='rgb24').reformat(format=format)
convert,color = VideoReformatter(),astronaut.resize((width, height))
gray = gray_of(frame_of(color, 'yuv444p'), convert)
error = 116*np.abs(light(gray)[1] - light(np.asarray(color))[1])
assert np.median(error) < .5 and error.mean() < 1
for o in ('yuv420p', 'yuvj420p', 'gray'):
    same = gray_of(frame_of(np.dstack([gray]*3), o), convert)
    assert np.abs(same.astype(int) - gray).max() <= 2, o
error.mean(), error.max()

# %% [markdown]
# ## Watching

# %% [markdown]
# Telephones film in high dynamic range: ten bits, a curve that reaches far beyond white, and primaries that no old screen has. Taken as it is, such a film is dull and pale. FFmpeg needs two seconds to make a table for it and then turns it into what a common screen shows, with everything brighter than white (203 candelas per square meter) cut off. The colored film is then one for common screens, and says so.

# %%
#| export
HDR = (16, 18) # FFmpeg's numbers for the curves PQ and HLG

def tonemap(
    f:av.VideoFrame, # decoded
    convert:VideoReformatter, # the same for all frames
) -> av.VideoFrame: # the same frame, or for a high dynamic range a new one of 8 bits in Rec. 709
    "A frame as a common screen shows it"
    if f.color_trc not in HDR: return on_screen(f)
    return convert.reformat(f, format='yuv444p', dst_colorspace='ITU709', interpolation=QUALITY, dst_color_trc=1,
                            dst_color_primaries=1)

# %% [markdown]
# On the curve PQ, the usual one, white is at 58 percent of the signal: below, it becomes 255, and what is brighter is white too. A film of ten bits with a common curve is left alone. The density or the light that a [scanner](sequences.ipynb#what-the-numbers-of-a-scan-mean) wrote goes the same way.

# %%
def flat(level, trc):
    "A gray frame of ten bits with a level of 0..1"
    f = av.VideoFrame(16, 16, 'yuv420p10le')
    for p,v in zip(f.planes, (round(64 + 876*level), 512, 512)): np.frombuffer(p, np.uint16)[:] = v
    f.color_trc,f.color_primaries,f.colorspace,f.color_range = trc,*((1, 1) if trc == 1 else (9, 9)),1
    return f
levels = [int(gray_of(tonemap(flat(o, 16), convert), convert)[8,8]) for o in (0, .44, .58, 1)]
assert levels[0] == 0 and 110 < levels[1] < 160 and levels[2] > 245 and levels[3] == 255
test_eq(tonemap(flat(.5, 1), convert).format.name, 'yuv420p10le')
levels

# %% [markdown]
# The first step decodes, keeps the time of each frame and asks the detector of [shots](shots.ipynb) where a shot begins; for that a copy of 64 by 36 pixels is enough. Only what the network sees is turned upright, and its answer is turned back. Frames that hold [two moments](frame_shape.ipynb#interlaced-frames-made-whole) are made whole. Times must grow: a frame that claims to be shown before the last one is shown right after it.
#
# How the frame lies is read from the small copy, too, for a reason of memory: PyAV ties a frame that was asked for its side data to the answer, and the two are freed only when Python looks for such rings. It does that so rarely that hundreds of frames would wait.

# %%
#| export
@dataclass
class VideoFrame:
    "A frame on its way"
    frame:av.VideoFrame # as decoded, with a common range
    im:Image.Image # very small and in color, to find cuts by
    pts:int # its time in units of the stream
    number:int # its place, from 0
    shot:int=0 # the number of its shot
    cut:bool=False # is it the first of its shot?
    gray:np.ndarray|None=None # as stored, uint8 or uint16
    L:np.ndarray|None=None # the network's copy, upright, 0..1
    turn:int=1 # how it lies, as in EXIF
    alpha:np.ndarray|None=None # transparency, as `gray`
    box:tuple|None=None # left, top, right, bottom of what the network sees; None for all

    @property
    def inside(self) -> tuple: # two slices: rows and columns of what the network sees
        if not self.box: return np.s_[:,:]
        left,top,right,bottom = self.box
        return np.s_[top:bottom,left:right]

# %%
#| export
def watch(
    video, # for errors
    c, s, # container and stream
    stop:float=math.inf, # end before this time, seconds
    bad:list|None=None, # takes what is damaged
    keep_interlaced:bool=False, # leave two moments in a frame that has them
    seen=None, # is called once if frames are made whole
): # yields `VideoFrame`
    "Decoded frames with their times and shots"
    step,tiny,convert = max(1, round(1/(frame_rate(s)*s.time_base))),VideoReformatter(),VideoReformatter()
    def read():
        first,last,shape = None,None,None
        frames = decode(video, c, s, bad)
        for n,f in enumerate(frames if keep_interlaced else whole_frames(frames, seen)):
            pts = f.pts if f.pts is not None else n*step
            pts = pts if last is None or pts > last else last + 1
            first,last = pts if first is None else first,pts
            if float((pts - first)*s.time_base) >= stop - 1e-6: return
            f = tonemap(f, convert)
            shape = shape or (f.width, f.height)
            if (f.width, f.height) != shape: f = convert.reformat(f, *shape, interpolation=QUALITY)
            small = tiny.reformat(f, 64, 36, 'rgb24', interpolation=Interpolation.AREA)
            yield VideoFrame(f, small.to_image(), pts, n, turn=matrix_orientation(display_matrix(small)))
    last = None
    for o,o.shot in mark_shots(read()):
        o.cut,last = o.shot != last,o.shot
        yield o

# %% [markdown]
# A pipe can be read only once: packets of sound and subtitles wait in a queue until the pictures have caught up.

# %%
#| export
class PacketTap:
    "The other streams of a source that can be read only once: they wait until they are asked for"
    def __init__(self, c): self.c,self.others,self.duration,self.format = c,deque(),None,c.format
    def demux(self, s):
        for p in self.c.demux():
            if p.stream.index == s.index: yield p
            elif p.stream.type in ('audio', 'subtitle'): self.others.append(p)
    def __iter__(self): return self
    def __next__(self):
        if self.others: return self.others.popleft()
        raise StopIteration

# %% [markdown]
# The second step makes the gray and the small copy. It is apart from the first, because a film that is resumed is watched from its beginning, so that its shots are the same, but prepared only from where work is left.

# %%
#| export
def prepare(
    seen, # yields `VideoFrame`
    size:int, # the network sees about size x size pixels
    multiple:int, # what both sides must be divisible by
    aspect:float=1., # width of a pixel divided by its height
    first:int=0, # frames before this one are not needed
    deep:bool=False, # 16 bits for frames that have more than 8
    clear:bool=False, # keep transparency
    box:tuple|None=None, # left, top, right, bottom of what the network is to see; None for all
): # yields `VideoFrame`, with `gray` and `L`
    "What the network is to see of each frame"
    convert,see = VideoReformatter(),VideoReformatter()
    for o in seen:
        if o.number < first: continue
        o.gray = deep_gray(o.frame, convert) if deep and bits_of(o.frame) > 8 else gray_of(o.frame, convert)
        if deep and o.gray.dtype == np.uint8: o.gray = o.gray*np.uint16(257)
        if clear: o.alpha = see.reformat(o.frame, format='rgba64le' if deep else 'rgba').to_ndarray()[...,3]
        o.box = box
        part = np.ascontiguousarray(o.gray[o.inside])
        h,w = part.shape
        small = small_light(Picture(part if deep else Image.fromarray(part)), *net_size(w*aspect, h, size, multiple))
        o.L = np.ascontiguousarray(upright(small, o.turn))
        yield o

# %%
home = Path(tempfile.mkdtemp())
def shot(im, n): return list(travel(Image.fromarray(im), n, (width, height), (0, 0), (.2, .2)))
clip = write_clip(shot(data.astronaut(), 7) + shot(data.coffee(), 6), home/'clip.mp4', Fraction(24000, 1001))
def seen(first=0):
    c,s = open_reel(clip)
    with c: yield from prepare(watch(clip, c, s), 64, 32, first=first)
frames = list(seen())
test_eq([o.number for o in frames if o.cut], [0, 7])
test_eq([o.number for o in seen(9)], range(9, 13))
test_eq(np.diff([o.pts for o in frames]).std(), 0)
frames[0].gray.shape,frames[0].L.shape

# %% [markdown]
# ## Colors

# %% [markdown]
# Colors may come from a network that sees one frame, from one that keeps a memory, or from one that has been told the colors of a reference. For the steps a *source of colors* is a function that takes an iterator of pairs, lightness and the number of its shot, and gives an iterator of small color maps in the same order. It may give them late, as a source that looks ahead must. A model that chooses among answers gets one choice for each shot: with fresh random numbers for each frame, as S2 drew them, a film flickers by construction.

# %%
#| export
def frame_by_frame(
    model, # a `Colorizer`
    seed:int|None=None, # of the noise, drawn once for each shot; None for none
): # a source of colors
    "Colors of each frame by itself"
    def draw(shot): # the same for a shot, wherever in it a film is taken up again
        return np.random.default_rng((seed, shot)).standard_normal(model.card['noise']).astype(np.float32)
    def colors(seen): # yields pairs of `L` and shot; gives color in the same order
        for L,shot in seen: yield model.ab(L, None if seed is None else draw(shot))
    return colors

# %%
#| export
def with_colors(
    seen, # yields `VideoFrame`
    colors, # a source of colors
): # yields pairs of a frame and its color
    "Frames and their colors, which may come late"
    waiting = deque()
    def given():
        for o in seen:
            waiting.append(o)
            yield o.L,o.shot
    for ab in colors(given()): yield waiting.popleft(),ab

# %% [markdown]
# A source that is two frames late still gives every frame its own color. And a model that chooses makes the same choice for a shot, wherever in it a resumed film begins.

# %%
def late(given):
    "A source of colors that is two frames late and answers with the mean lightness"
    wait = deque()
    for L,_ in given:
        wait.append(np.full((2, 16, 32), L.mean(), np.float32))
        if len(wait) > 2: yield wait.popleft()
    yield from wait
for o,ab in with_colors(iter(frames), late): test_eq(ab[0,0,0], o.L.mean())
model = load_model()
answers = [ab for _,ab in with_colors(iter(frames), frame_by_frame(model, seed=1))]
plain = [ab for _,ab in with_colors(iter(frames), frame_by_frame(model))]
test_eq([len(answers), len(plain)], [13, 13])
assert all((a != b).any() for a,b in zip(answers, plain))
test_eq(next(frame_by_frame(model, seed=1)([(frames[9].L, frames[9].shot)])), answers[9])
plain[0].shape

# %% [markdown]
# ## Painting

# %% [markdown]
# The small map becomes color as in [painting](../imaging/compose.ipynb), with the gray of the frame as guide, so lightness is the gray's own. [Bars](frame_shape.ipynb#black-bars) around the picture stay gray. For comparisons the frame is set beside its gray, and beside its truth, as the viewer sees it: also where the frame is stored on its side.

# %%
#| export
LAYOUTS = {'result': 1, 'side-by-side': 2, 'triptych': 3}

def paint_frame(
    o:VideoFrame,
    ab:np.ndarray, # 2xhxw, upright
    layout:str='result', # one of `LAYOUTS`
    saturation:float=1., # factor on color
    stand:bool=False, # upright, not as stored
) -> np.ndarray: # HxWx4, RGBA of as many bits as its gray
    "The frame in color, or beside its gray and its truth"
    turn = lambda x, back=True: upright(x, o.turn, back)
    ab = np.ascontiguousarray(np.moveaxis(turn(np.moveaxis(ab, 0, -1)), -1, 0))
    maps,out = chroma_maps(np.ascontiguousarray(turn(o.L)), ab),np.empty((*o.gray.shape, 4), o.gray.dtype)
    most = np.iinfo(o.gray.dtype).max
    if o.box: out[...,:3],out[...,3] = o.gray[...,None],most
    paint(o.gray[o.inside], maps, out[o.inside], saturation)
    if o.alpha is not None or most > 255: out[...,3] = most if o.alpha is None else o.alpha
    if layout == 'result': return turn(out, False) if stand else out
    panels = [np.dstack([o.gray]*3 + [np.full_like(o.gray, most)]), out]
    if layout == 'triptych':
        space = 'ITU709' if o.frame.colorspace == 2 and is_high(o.frame.width, o.frame.height) else None
        form = 'rgba' if most == 255 else 'rgba64le'
        true = VideoReformatter().reformat(o.frame, format=form, src_colorspace=space, interpolation=QUALITY)
        panels.append(true.to_ndarray())
    wide = np.hstack([turn(x, False) for x in panels])
    return wide if stand else turn(wide)

# %%
done = [paint_frame(o, ab) for o,ab in zip(frames, plain)]
dL = max(116*np.abs(light(x[...,:3])[1] - light(o.gray)[1]).max() for o,x in zip(frames, done))
assert dL < .5
wide = paint_frame(frames[3], plain[3], 'triptych')
test_eq(wide.shape, (height, 3*width, 4))
assert (wide[:,width:2*width] == done[3]).all()
dL

# %%
#| label: fig-triptych
#| fig-cap: "A frame of a clip as the triptych has it: gray, result, truth."
fig,ax = plt.subplots(figsize=(8, 1.6))
ax.imshow(wide)
ax.axis('off');

# %% [markdown]
# @fig-triptych is what `--layout triptych` makes of a frame: the gray that the network had, its colors, and the frame as it was filmed. (The network sees 64 pixels here, to be quick; so the orange of the hair runs over its edge, and the flag keeps next to no color.)

# %% [markdown]
# ## Side by side

# %% [markdown]
# Three steps in a row leave one core idle while the other works. [`prefetch`](../core.ipynb) runs any of them in a thread of its own and keeps a few of its items ready: decoding, the network and the arithmetic all let go of Python's lock while they compute.

# %% [markdown]
# A film is encoded in parts. A part ends where a shot ends, since a new shot needs a key frame anyway, but not before it has a second or so, and it never grows beyond five.

# %%
#| export
def chunk(
    frames, # yields pairs of `VideoFrame` and anything
    longest:int=120, # frames of a part
    shortest:int=24, # of a part that ends at a cut
): # yields the frames of each part
    "Parts end at cuts, or when they are long"
    def numbered():
        part,n = 0,0
        for o,x in frames:
            if n == longest or (o.cut and n >= shortest): part,n = part + 1,0
            n += 1
            yield part,o,x
    for _,group in groupby(numbered(), lambda o: o[0]): yield ((o,x) for _,o,x in group)

# %%
def lengths(n, cuts=()):
    "Frames of each part"
    return [len(list(o)) for o in chunk((VideoFrame(None, None, i, i, cut=i in cuts), None) for i in range(n))]
test_eq(lengths(250), [120, 120, 10])
test_eq(lengths(100, cuts=(0, 10, 30, 90)), [30, 60, 10])
test_eq([lengths(0), lengths(1, (0,))], [[], [1]])
lengths(300, (50,))

# %% [markdown]
# ## What we have
#
# - frames with their shots, their gray and their small copy, each made once;
# - one way to ask for colors, whether they come at once or late;
# - painted frames, alone or beside gray and truth, and parts that end where a shot ends.

# %% [markdown]
# ## Exercises
#
# 1. Write a source of colors that colors every second frame and answers with the mean of two for those between. What does it save, and what does `stabilize` make of it?
# 2. Let `gray_of` take 10-bit luma without going through RGB. Which films gain?
# 3. Give each step a stopwatch. Which of them should be split in two on a machine with eight cores?
