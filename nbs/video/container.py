# %% [markdown]
# # Writing films
#
# > Encode frames in parts, join the parts, and add all other streams of the source
#
# To color a film is to replace one of its streams. All the rest, two languages and their subtitles, the turn of the telephone, the shape of the pixels, the time of every frame, must come out as it went in. And because coloring takes hours where copying takes seconds, the new stream must survive a power cut: it is made in [parts](parts.ipynb), each of them encoded by itself. This chapter has both halves of that work: frames are encoded into parts, and parts are joined with the other streams of the source into a new film, without being encoded again.

# %%
#| default_exp video.container

# %%
#| export
import math
from collections import deque
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple
import av, numpy as np
from av.codec.context import Flags
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from colorbook.core import OutputError
from colorbook.video.along import KINDS, Plan, about, codec_name, copies
from colorbook.video.codecs import CODECS, SHAPED, Spec, configure, format_of_film
from colorbook.video.frame_shape import by_fields, say_shape
from colorbook.video.read import QUALITY, report_damage

# %%
#| hide
import tempfile
from PIL import Image
from fastcore.test import *
from skimage import data
from colorbook.video.codecs import spec_of
from colorbook.video.read import decode, open_reel, write_clip
from colorbook.data.synthetic import travel

# %% tags=["parameters"]
width,height = 96,64

# %% [markdown]
# ## A run of frames

# %% [markdown]
# A part is a run of frames that an encoder of its own has made: it begins with a frame that needs no other, a *key frame*, and depends on nothing before it. So a part that was lost can be made again, and it will be the same. Little has to be kept of it: for each packet its time, whether it is a key frame, and its bytes.

# %%
#| export
class EncodedFrame(NamedTuple):
    "An encoded frame"
    pts:int # its time in units of the time base
    key:bool # does it stand for itself?
    data:bytes

def encode_part(
    spec:Spec,
    frames, # yields decoded frames in any format, or RGBA arrays of 8 or 16 bits, with their times: pairs
    header:bool=True, # parameters of the codec in the header of the file, not in each key frame
) -> list[EncodedFrame]: # in the order of decoding
    "Encode a run of frames with an encoder of its own"
    ctx,convert,out = av.CodecContext.create(CODECS[spec.codec].encoder, 'w'),VideoReformatter(),[]
    configure(ctx, spec)
    if header: ctx.flags |= Flags.global_header
    def take(packets): out.extend(EncodedFrame(p.pts, bool(p.is_keyframe), bytes(p)) for p in packets)
    for x,pts in frames:
        if spec.fields and isinstance(x, np.ndarray): f = by_fields(x, spec.format, spec.space, convert)
        else:
            f = x
            if isinstance(x, np.ndarray): f = av.VideoFrame.from_ndarray(x, 'rgba64le' if x.itemsize == 2 else 'rgba')
            f = convert.reformat(f, spec.width, spec.height, spec.format, dst_colorspace=spec.space,
                                 interpolation=QUALITY)
        f.pts,f.time_base,f.pict_type = pts,ctx.time_base,0
        take(ctx.encode(f))
    if ctx.is_open: take(ctx.encode(None))
    return out

# %% [markdown]
# A clip of twenty frames in parts of eight, eight and four. Each begins with a key frame, and encoding it once more gives the same bytes.

# %%
home = Path(tempfile.mkdtemp())
ims = list(travel(Image.fromarray(data.astronaut()), 20, (width, height)))
clip = write_clip(ims, home/'clip.mp4', Fraction(24000, 1001), crf=8)
c,s = open_reel(clip)
frames = [(f, f.pts) for f in decode(clip, c, s)]
spec = spec_of(s, frames[0][0], 'h264')
parts = [encode_part(spec, frames[i:i+8]) for i in (0, 8, 16)]
assert all(encode_part(spec, frames[8:16]) == parts[1] for _ in range(12))
test_eq([o[0].key for o in parts], [True]*3)
[len(o) for o in parts], sum(len(o.data) for p in parts for o in p)

# %% [markdown]
# ## Joining

# %% [markdown]
# Codecs of today store frames out of order: a frame from which others are predicted comes before them. So a packet has two times, that of showing and that of decoding, and the second must never run back, not even where two parts meet, and not where the rate varies. Let $p_0<p_1<\dots$ be the times of showing of the whole film in order, and let no frame be moved forward by more than $d$ places. Then the packet at place $i$ may be decoded at
#
# $$ t_i = p_{i-d}, \qquad t_i = p_0 - (d-i)\,\Delta \ \text{ for } i<d $$
#
# with $\Delta$ the usual step between frames: the time at which the frame $d$ places earlier is shown. That is early enough for every frame and never runs back. How long a frame lasts follows from the next one; for the last we ask the source. Both need to see only a few packets ahead.
#
# MP4 needs one thing more. It keeps no length for a frame, only the time from one decoding to the next, and the length of a film is their sum. Where the rate varies that sum may end before the last frame is shown, by a third of a second in one of our tests, and a player that trusts it cuts the film. Then the last packet of all is decoded as late as it may be, at its own time, and kept until the film ends; the sum is long enough again, and the list of edits, which is exact, decides.

# %%
#| export
def with_timestamps(
    parts, # yields parts
    depth:int, # places by which a packet may come before its turn
    step:int, # usual time between frames
    last=lambda: 0, # says in the end how long the last frame is shown; 0 for the usual time
    summed:bool=False, # is the film as long as its packets are from decoding to decoding, as in MP4?
): # yields a coded frame, when it may be decoded, and how long it is shown
    "All packets of all parts, with times that fit together"
    early = deque()
    for part,following in pairwise(chain(parts, [None])):
        shown = sorted(o.pts for o in part)
        if not early: early.extend(shown[0] - (depth - i)*step for i in range(depth))
        early.extend(shown)
        end = min(o.pts for o in following) if following else shown[-1] + (last() or step)
        lasting = dict(pairwise(shown + [end]))
        for o in part[:-1]: yield o,early.popleft(),lasting[o.pts] - o.pts
        o,t = part[-1],early.popleft()
        short = summed and not following and t + lasting[o.pts] - o.pts < end - depth*step
        yield (o,o.pts,end - o.pts) if short else (o,t,lasting[o.pts] - o.pts)

# %%
times = list(with_timestamps(parts, 2, 512, lambda: 99))
assert [o for o,*_ in times] == sum(parts, [])
early,step = [t for _,t,_ in times],frames[1][1] - frames[0][1]
assert early == sorted(set(early)) and all(t <= o.pts for o,t,_ in times)
test_eq([d for *_,d in sorted(times, key=lambda o: o[0].pts)], [step]*19 + [99])
rare = [[EncodedFrame(t, i == 0, b'') for i,t in enumerate((0, 10, 900, 910))]]
test_eq([o[1:] for o in with_timestamps(rare, 2, 10, lambda: 10)], [(-20, 10), (-10, 890), (0, 10), (10, 10)])
test_eq([o[1:] for o in with_timestamps(rare, 2, 10, lambda: 10, True)][-1], (910, 10))
assert list(with_timestamps(parts, 2, step, lambda: step, True)) == list(with_timestamps(parts, 2, step, lambda: step))
[(o.pts, t) for o,t,_ in times[:4]]

# %% [markdown]
# Each pair is a time of showing and one of decoding. The second frame that is stored is shown after the two that follow it; the times of decoding only grow, and none comes after its frame is due.

# %% [markdown]
# What is added is every stream of sound and every one of subtitles, as the [plan](along.ipynb) says: packet by packet or converted, with its language and its title; what cannot be read while it is converted is silent there, and is named at the end. Chapters and the cover are added, and where the container is Matroska the fonts that it carries. The header is written before the first frame is colored, because that costs nothing and shows whether the place can be written.

# %%
#| export
def add_streams(
    out, # container that is written
    spec:Spec, # of the pictures
    c=None, # container of the source, whose sound and subtitles go along
    stop:float=math.inf, # chapters end before this time, seconds
    plan:Plan|None=None, # of what goes along; None for copies of all
) -> tuple: # stream of the pictures, and what makes the other streams, by their numbers in the source
    "The streams of a new film; writes the header"
    v = out.add_stream(CODECS[spec.codec].encoder, rate=Fraction(*spec.rate))
    configure(v.codec_context, spec)
    v.time_base = v.codec_context.time_base
    if spec.matrix: v.set_display_matrix(spec.matrix)
    plan = plan or (copies(c) if c else Plan({}, {}, []))
    twins = {i: way(out, c.streams[i], encoder) for i,(way,encoder) in plan.ways.items()}
    for i,o in twins.items():
        o.stream.metadata.update(about(c.streams[i].metadata))
        o.stream.disposition = c.streams[i].disposition
    covers = []
    if c:
        pictures = [o for o in c.streams.video if not o.disposition & Disposition.attached_pic]
        if pictures: v.metadata.update(about(pictures[0].metadata))
        out.metadata.update(about(c.metadata))
        ends = lambda o: o['end'] if math.isinf(stop) else min(o['end'], round(stop/o['time_base']))
        out.set_chapters([o | dict(end=ends(o)) for o in c.chapters() if o['start']*o['time_base'] < stop])
        fonts = [o for o in c.streams if o.type == 'attachment'] if out.format.name == 'matroska' else []
        for o in fonts: out.add_attachment(o.name or 'unnamed', o.mimetype or 'application/octet-stream', o.data)
        covers = [(add_cover(out, c.streams[i], data), data) for i,data in plan.covers.items()]
    out.start_encoding()
    for t,data in covers:
        if t.type != 'video': continue
        p = av.Packet(data)
        p.stream,p.pts,p.dts,p.is_keyframe = t,0,0,True
        out.mux(p)
    return v,twins

def add_cover(out, s, data:bytes): # a stream
    "A picture that stands still: an attachment of Matroska, elsewhere a stream of one packet"
    if out.format.name == 'matroska':
        kind = {'mjpeg': 'jpeg'}.get(s.codec_context.name, s.codec_context.name)
        return out.add_attachment(f"cover.{kind.replace('jpeg', 'jpg')}", f'image/{kind}', data)
    t = out.add_stream_from_template(s)
    t.disposition = Disposition.attached_pic
    return t

# %%
#| export
@contextmanager
def new_film(
    where, # the file, or '-' for the standard output
    plan:Plan|None=None, # of what goes along
    **options, # of the container
): # an open container; on failure an `OutputError`
    "A container that is written"
    pipe = str(where) == '-'
    own = '+use_metadata_tags' if plan and plan.own else ''
    flags = {'movflags': 'faststart' + own} if Path(where).suffix.lower() in ('.mp4', '.m4v', '.mov') else {}
    options = {k: str(v) for k,v in dict(fflags='+bitexact', **options).items()}
    try:
        with av.open('pipe:1' if pipe else str(where), 'w', format=format_of_film(where),
                     options=flags, container_options=options) as out: yield out
    except (av.FFmpegError, ValueError) as e:
        raise OutputError(f"cannot write '{where}': {getattr(e, 'strerror', None) or e}",
                          'make room, choose another place, or .mkv, which holds every kind of stream') from e

# %%
#| export
def finish(
    path, # a film that was written and closed
    spec:Spec,
) -> list: # what could not be said
    "Say in Matroska and WebM how wide pixels are, where the codec does not"
    if not spec.aspect or spec.codec in SHAPED or format_of_film(path) not in ('matroska', 'webm'): return []
    a = Fraction(*spec.aspect)
    said = say_shape(path, *((round(spec.width*a), spec.height) if a > 1 else (spec.width, round(spec.height/a))))
    return [] if said else [f'the file does not say that a pixel is {float(a):.3g} times as wide as it is high']

# %%
#| export
def mux(
    out, # container that is written
    spec:Spec, # of the pictures
    parts, # yields parts
    c=None, # container of the source, whose sound and subtitles go along
    others=(), # yields its packets
    last=lambda: 0, # says in the end how long the last frame is shown, in units of the time base
    stop:float=math.inf, # sound and subtitles end before this time, seconds
    plan:Plan|None=None, # of what goes along; None for copies of all
    bad:list|None=None, # takes what is damaged in what is converted; None raises it
) -> int: # frames
    "Put parts and the other streams of the source together without encoding"
    (v,twins),n,others,unit = add_streams(out, spec, c, stop, plan),0,iter(others),Fraction(*spec.time_base)
    step,summed = max(1, round(1/(Fraction(*spec.rate)*unit))),out.format.name in ('mp4', 'mov', 'ipod')
    held = None
    def until(time):
        nonlocal held
        for p in chain([held] if held else [], others):
            when = p.pts if p.dts is None else p.dts
            if when is None or p.stream.index not in twins or when*p.time_base >= stop: continue
            held = p if when*p.time_base > time else None
            if held: return
            for q in twins[p.stream.index].take(p): out.mux(q)
    for n,(o,early,lasting) in enumerate(with_timestamps(parts, CODECS[spec.codec].depth, step, last, summed), 1):
        until(early*unit)
        p = av.Packet(o.data)
        p.stream,p.pts,p.dts,p.duration,p.time_base,p.is_keyframe = v,o.pts,early,lasting,unit,o.key
        out.mux(p)
    until(math.inf)
    for i,o in twins.items():
        for q in o.rest(): out.mux(q)
        if o.bad:
            what,more = c.streams[i],f' and {len(o.bad) - 1} times more' if len(o.bad) > 1 else ''
            report_damage(bad, f'the {KINDS[what.type]} ({codec_name(what)}) cannot be read at {o.bad[0]:.2f} s{more}')
    return n

# %%
#| export
def packets_along(
    c, # container of the source
    twins=('audio', 'subtitle'), # kinds of streams
): # yields packets
    "Packets of the streams that go along, as far as the source can be read"
    along = [o for o in c.streams if o.type in twins]
    try: yield from c.demux(along) if along else ()
    except av.FFmpegError: return

# %% [markdown]
# A film with two languages is taken apart and put together: times, packets of sound and languages are what they were.

# %%
def sounding(path, silent, tracks=2, rate=8000):
    "The pictures of a clip with tones of 220, 440 ... hertz, and subtitles"
    with av.open(str(silent)) as c, av.open(str(path), 'w') as out:
        s = c.streams.video[0]
        v = out.add_stream_from_template(s)
        tones = [out.add_stream('aac', rate=rate, layout='mono') for _ in range(tracks)]
        for i,o in enumerate(tones): o.metadata['language'] = ('eng', 'fra', 'deu')[i]
        for p in c.demux(s):
            if p.dts is not None: p.stream = v; out.mux(p)
        for i,o in enumerate(tones):
            wave = np.sin(np.arange(rate)*2*np.pi*220*(i + 1)/rate).astype(np.float32)
            for at in range(0, rate - 1023, 1024):
                f = av.AudioFrame.from_ndarray(wave[None,at:at+1024], format='fltp', layout='mono')
                f.sample_rate,f.pts = rate,at
                out.mux(o.encode(f))
            out.mux(o.encode(None))
    return Path(path)

def kept(path):
    "Times of frames and packets of sound, with languages"
    with av.open(str(path)) as c: show = [f.pts*f.time_base for f in c.decode(video=0)]
    with av.open(str(path)) as c:
        heard = [(p.stream_index, p.dts*p.time_base, bytes(p)) for p in c.demux(audio=0) if p.dts is not None]
    with av.open(str(path)) as c: return show,heard,[o.metadata.get('language') for o in c.streams.audio]

film = sounding(home/'film.mp4', clip)
with av.open(str(film)) as c, new_film(home/'again.mp4') as out:
    test_eq(mux(out, spec, parts, c, packets_along(c), lambda: step), 20)
assert kept(home/'again.mp4') == kept(film)
test_eq(kept(film)[2], ['eng', 'fra'])

# %% [markdown]
# ## What we have
#
# - parts that are made alone, and made again with the same bytes;
# - `mux`, which puts them together with sound and subtitles, and changes neither.

# %% [markdown]
# ## Exercises
#
# 1. Let `with_timestamps` use a depth of 0 for H.264 and see which player complains first.
# 2. Every part begins with a key frame. Encode a film in parts of 24 and of 120 frames: how much larger is the first, and what does a part of 24 frames save when the power fails?
# 3. Parts could be encoded at the same time by several processes. What is lost, and what would have to be kept in order?
