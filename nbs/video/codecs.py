# %% [markdown]
# # Codecs of films
#
# > From a file's name and a film's first frame to an encoder that always gives the same bytes
#
# The suffix of a file says little about what is inside. Which codec, which of its many kinds of pixels, how many bits, with or without transparency, whose rows come first: an encoder has to be told all of it, and told the same when a film is continued a day later. So the name chooses a codec, the first frame of the source is turned into a record of plain values, and the record alone sets up the encoder.

# %%
#| default_exp video.codecs

# %%
#| export
import os
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import NamedTuple
import av
from av.codec.context import Flags
from colorbook.core import UsageError, core_count
from colorbook.video.along import in_memory
from colorbook.video.read import bits_of, display_matrix, frame_rate, has_alpha, is_high

# %%
#| hide
import tempfile
from fastcore.test import *
from PIL import Image
from skimage import data
from colorbook.data.synthetic import travel
from colorbook.video.read import decode, open_reel, write_clip

# %% tags=["parameters"]
width,height = 96,64

# %% [markdown]
# ## What goes out

# %% [markdown]
# The suffix of the new name chooses the container and, unless it is named, the codec. H.264, HEVC, AV1 and VP9 store chroma at half the size in both directions. The encoders of the first two need an even number of columns and rows for that; there films with an odd one get full chroma, because losing a column would be worse. FFV1 stores RGB without loss, for those who edit further. A film of ten bits keeps them in all but H.264, where few players could show them. Wide pixels are said by the first two themselves, and by MP4 and QuickTime for every codec. In Matroska and WebM it is [said afterwards](frame_shape.ipynb#wide-pixels). Where nobody can say it, as for AV1 in NUT or through a pipe, the picture is enlarged until its pixels are square. Quality is the codec's own constant-quality scale.

# %%
#| export
class Codec(NamedTuple):
    "How a codec is called and set up"
    encoder:str # FFmpeg's name
    format:str # of its pixels
    odd:str # the same where a side is odd
    quality:int|None # the default of its constant-quality scale, or None if it has none
    options:dict # what else it is told
    depth:int=0 # places by which a packet may come before its turn
    worst:int=63 # the last value of its scale of quality, which begins with 0

DEEP = {'hevc', 'av1', 'vp9', 'prores'} # these encode ten bits as well; FFV1 and PNG up to sixteen
CLEAR = {'png', 'ffv1'} # these encode transparency

CODECS = dict(
    h264=Codec('libx264', 'yuv420p', 'yuv444p', 20, dict(preset='veryfast'), 3, 51),
    hevc=Codec('libx265', 'yuv420p', 'yuv444p', 24, {'preset': 'fast', 'x265-params': 'log-level=none'}, 3, 51),
    av1=Codec('libsvtav1', 'yuv420p', 'yuv420p', 30, dict(preset=10)),
    vp9=Codec('libvpx-vp9', 'yuv420p', 'yuv420p', 31, {'b': 0, 'deadline': 'good', 'cpu-used': 5}),
    prores=Codec('prores_ks', 'yuv422p10le', 'yuv422p10le', None, dict(profile=3)),
    ffv1=Codec('ffv1', 'bgr0', 'bgr0', None, dict(g=1, level=3)),
    png=Codec('png', 'rgb24', 'rgb24', None, dict(pred='sub')))
SHAPED = {'h264', 'hevc'} # what they encode says itself how wide a pixel is
SUFFIXES = {'.mp4': 'h264', '.m4v': 'h264', '.mov': 'h264', '.mkv': 'h264', '.ts': 'h264', '.webm': 'vp9',
            '.nut': 'ffv1', '.gif': 'png', '': 'png', '-': 'h264'}
FORMATS = {'.mp4': 'mp4', '.m4v': 'ipod', '.mov': 'mov', '.mkv': 'matroska', '.ts': 'mpegts', '.webm': 'webm',
           '.nut': 'nut', '.gif': 'gif', '': 'png', '-': 'matroska'} # FFmpeg's names of containers

def format_of_film(
    dst, # the new file, a folder, or '-'
) -> str|None: # FFmpeg's name of its container; None for no film
    "What container a name asks for"
    return FORMATS.get('-' if str(dst) == '-' else Path(dst).suffix.lower())

# %%
#| export
def choose_codec(
    dst, # the new file, a folder, or '-'
    codec:str|None=None, # a name of `CODECS`; None for what the suffix stands for
) -> str: # a name of `CODECS`
    "Which codec a name asks for; `UsageError` if there is none or it cannot be had"
    suffix = '-' if str(dst) == '-' else Path(str(dst)).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"'{dst}' has no suffix of a film", f'use {", ".join(o for o in SUFFIXES if len(o) > 1)}')
    if codec is None: codec = SUFFIXES[suffix]
    if codec not in CODECS: raise UsageError(f"there is no codec '{codec}'", f'choose {", ".join(CODECS)}')
    if (codec == 'png') != (SUFFIXES[suffix] == 'png'):
        raise UsageError(f"codec {codec} does not fit '{dst}'", 'leave it out, or choose another suffix')
    if CODECS[codec].encoder not in av.codecs_available:
        raise UsageError(f'this FFmpeg has no encoder for {codec}', 'choose h264 or ffv1')
    if codec in ('png', SUFFIXES[suffix]) or comes_back(codec, format_of_film(dst)): return codec
    raise UsageError(f"'{dst}' cannot hold {codec}", f'name an .mkv, or leave the codec out for {SUFFIXES[suffix]}')

@cache
def comes_back(
    codec:str, # a name of `CODECS`
    fmt:str, # FFmpeg's name of a container
) -> bool:
    "Whether pictures of a codec can be read again from a container"
    def fill(out):
        s = out.add_stream(CODECS[codec].encoder, rate=24)
        configure(s.codec_context, Spec(codec, 64, 64, (1, 24), (24, 1)))
        for i in range(3):
            f = av.VideoFrame(64, 64, s.codec_context.pix_fmt)
            f.pts,f.time_base = i,Fraction(1, 24)
            out.mux(s.encode(f))
        out.mux(s.encode(None))
    return ('video', codec) in in_memory(fmt, fill)

# %% [markdown]
# Everything that an encoder must be told stands in one record, `Spec`. It is written beside the parts of a film, so that a later run sets up the very same encoder. It is taken from the first decoded frame: size, pixel shape, matrix of display, and the recipe of luma if the source names one.

# %%
#| export
@dataclass
class Spec:
    "All that is needed to set up an encoder, in plain values"
    codec:str # a name of `CODECS`
    width:int # of the frames, as stored
    height:int
    time_base:tuple # of their times: numerator and denominator
    rate:tuple # frames a second, about
    aspect:tuple|None=None # width of a pixel divided by its height
    matrix:list|None=None # of display, nine integers
    tags:dict=field(default_factory=dict) # what the source says of its colors
    quality:int|None=None # on the codec's scale; None for its default
    threads:int=1 # of the encoder: another number may give other bytes
    bits:int=8 # of a channel, as they are encoded
    alpha:bool=False # is transparency encoded?
    fields:str='' # 'tff' or 'bff' where frames hold two moments: the rows of which come first

    @property
    def format(self) -> str: # of pixels
        c,odd = CODECS[self.codec],self.width%2 or self.height%2 or self.fields and self.height%4
        if self.codec == 'png': return {8: ('rgb24', 'rgba'), 16: ('rgb48be', 'rgba64be')}[self.bits][self.alpha]
        if self.codec == 'ffv1' and self.bits > 8: return f"gbr{'a' if self.alpha else ''}p{self.bits}le"
        if self.codec == 'ffv1' and self.alpha: return 'bgra'
        if self.bits > 8 and self.codec != 'prores': return f'{c.odd if odd else c.format}10le'
        return c.odd if odd else c.format
    @property
    def space(self) -> str: # the recipe of luma, as the reformatter calls it
        named = {1: 'ITU709', 5: 'ITU601', 6: 'ITU601'}.get(self.tags.get('colorspace'))
        return named or ('ITU709' if is_high(self.width, self.height) else 'ITU601')

# %%
#| export
def spec_of(
    s, # stream of the source
    f:av.VideoFrame, # its first frame
    codec:str, # a name of `CODECS`
    panels:int=1, # pictures side by side
    quality:int|None=None, # on the codec's scale
    threads:int|None=None, # of the encoder; None for as many as there are cores
    fmt:str|None=None, # FFmpeg's name of the new container
) -> Spec:
    "What the colored film has in common with its source"
    bits = bits_of(f)
    bits = 8 if bits == 8 else 10 if codec in DEEP else next(o for o in (10, 12, 16) if bits <= o or o == 16)
    deep = codec in DEEP and any(o.name.endswith('10le') for o in av.Codec(CODECS[codec].encoder, 'w').video_formats)
    if not deep and codec not in CLEAR: bits = 8 # some builds of an encoder have no more
    if codec == 'png' and bits > 8: bits = 16
    alpha = codec in CLEAR and panels == 1 and has_alpha(f)
    rate,matrix = frame_rate(s),display_matrix(f)
    lying = bool(matrix) and not matrix[0]
    w,h = f.width*(1 if lying else panels),f.height*(panels if lying else 1)
    aspect = s.sample_aspect_ratio
    said = codec in SHAPED or fmt in ('mp4', 'mov', 'ipod', 'matroska', 'webm')
    if aspect and not said: # then the pixels become square
        w,h,aspect = *((round(w*aspect), h) if aspect > 1 else (w, round(h/aspect))),None
    if codec == 'png': w,h,matrix = *((h, w) if lying else (w, h)),None
    says = {k: int(getattr(f, k)) for k in ('colorspace', 'color_primaries', 'color_trc')}
    tags = {k: v for k,v in says.items() if v not in (0, 2) and f.format.name[:3] == 'yuv'}
    if tags.get('colorspace', 1) not in (1, 5, 6): tags['colorspace'] = 1 # what is encoded, whatever it was
    if codec not in ('png', 'ffv1'): tags['color_range'] = 1 # 16 to 235, whatever it was
    pair = lambda v: (v.numerator, v.denominator)
    return Spec(codec, w, h, pair(s.time_base), pair(rate), pair(aspect) if aspect else None, matrix, tags, quality,
                threads or core_count(), bits, alpha, field_order(s) if f.interlaced_frame and codec != 'png' else '')

def field_order(s) -> str: # 'tff' or 'bff'
    "Whose rows come first in an interlaced stream: the upper ones, unless it says otherwise or is DV"
    order = s.codec_context.field_order
    return 'bff' if order in (3, 4) or order < 2 and s.codec_context.name == 'dvvideo' else 'tff'

# %% [markdown]
# The same frames must give the same bytes, or a film that was resumed is not the one that was never stopped. On processors with AVX-512 the x264 in FFmpeg's wheel does not keep this promise: of twenty-five runs over eight small frames seven gave other bytes, on one thread and with the very same input. Told to use nothing newer than AVX2 it gives the same bytes every time, so it is told that when it is opened. The number of threads is part of the record for the same reason: by default the encoder gets as many as there are cores for this process, and another number may give other bytes.

# %%
#| export
@cache
def has_avx512() -> bool:
    "Whether this processor is known to have AVX-512; only Linux says what a processor has"
    try: return 'avx512' in Path('/proc/cpuinfo').read_text()
    except OSError: return False

def encoder_options(
    spec:Spec,
) -> dict:
    "What an encoder is told beside size and times, for this processor"
    c,more = CODECS[spec.codec],{}
    if spec.codec == 'h264':
        params = ['asm=AVX2']*has_avx512() + [f'{spec.fields}=1']*bool(spec.fields)
        if params: more['x264-params'] = ':'.join(params)
    if c.quality is not None: more['crf'] = c.quality if spec.quality is None else spec.quality
    return {k: str(v) for k,v in (c.options | more).items()}

# %%
#| export
def configure(
    ctx, # codec context of an encoder, not open
    spec:Spec,
):
    "Tell an encoder what is in a `Spec`"
    ctx.width,ctx.height,ctx.pix_fmt = spec.width,spec.height,spec.format
    ctx.time_base,ctx.framerate = Fraction(*spec.time_base),Fraction(*spec.rate)
    if spec.aspect: ctx.sample_aspect_ratio = Fraction(*spec.aspect)
    for k,v in spec.tags.items(): setattr(ctx, k, v)
    if spec.fields:
        ctx.flags |= Flags.interlaced_dct
        ctx.field_order = 2 if spec.fields == 'tff' else 3
    ctx.thread_count = spec.threads
    ctx.options = encoder_options(spec)
    if spec.codec == 'av1': os.environ.setdefault('SVT_LOG', '1') # else this encoder tells of itself

# %% [markdown]
# Some names and their codecs; four that do not go together; and, at the end, the record of a clip whose pixels are 16:15 wide, for H.264.

# %%
home = Path(tempfile.mkdtemp())
test_eq([choose_codec(o) for o in ('a.mp4', 'a.WEBM', '-', 'folder', 'a.gif')], ['h264', 'vp9', 'h264', 'png', 'png'])
for name,codec in (('a.xyz', None), ('a.mp4', 'h265'), ('a.ts', 'ffv1'), ('a.gif', 'h264')):
    test_fail(lambda: choose_codec(name, codec), exc=UsageError)
ims = list(travel(Image.fromarray(data.astronaut()), 4, (width, height)))
clip = write_clip(ims, home/'clip.mp4', Fraction(24000, 1001), aspect=Fraction(16, 15))
c,s = open_reel(clip)
with c: f = next(decode(clip, c, s))
c,s = open_reel(clip)
with c: kinds = {o: spec_of(s, f, o, fmt='png' if o == 'png' else 'matroska') for o in ('h264', 'vp9', 'ffv1', 'png')}
test_eq({o.rate for o in kinds.values()}, {(24000, 1001)})
test_eq([(o.width, o.aspect) for o in kinds.values()], [(96, (16, 15))]*3 + [(102, None)])
kinds['h264']

# %% [markdown]
# ## What we have
#
# - `choose_codec`, which asks a container whether it gives back what is put into it;
# - a `Spec`, which says how the new pictures are to be encoded, and `configure`, which tells an encoder.

# %% [markdown]
# ## Exercises
#
# 1. H.264 can encode ten bits as well. Which of the programs that you have can play such a film?
# 2. Add a codec. Which of the assertions tells you that a container does not give it back?
