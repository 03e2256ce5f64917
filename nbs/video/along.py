# %% [markdown]
# # Sound and subtitles
#
# > Streams that the new container can hold are copied; others are converted, or refused in the first second
#
# A film is more than its pictures, and not every container can hold what is in it: MP4 knows no SubRip subtitles, WebM no AAC sound, Matroska no Windows Media sound, and a transport stream takes nearly everything and gives it back as data that nobody can play. To find that out after a night of coloring is too late. So, before the first frame is colored, one packet of every stream is written to a container in memory and read again. What comes back as it went in will be copied. Other sound is converted to a codec that the container can hold, other subtitles to its own kind. What cannot be converted is refused by name, with a way out.

# %%
#| default_exp video.along

# %%
#| export
import io, re, types
from fractions import Fraction
from functools import cache
from typing import NamedTuple
import av, numpy as np
from av.stream import Disposition
from av.subtitles.subtitle import SubtitleSet
from colorbook.core import OutputError

# %%
#| hide
import tempfile
from pathlib import Path
from fastcore.test import *

# %% [markdown]
# ## The first packets

# %% [markdown]
# What a stream is like is known for certain only from its packets: the sound of a transport stream carries its parameters in each of them, and its header says nothing. So a few packets of every stream are collected from the beginning of the source. Subtitles may begin late; after sixteen megabytes we do without.

# %%
#| export
KINDS = dict(audio='sound', subtitle='subtitles')

def is_cover(s) -> bool: return bool(s.type == 'video' and s.disposition & Disposition.attached_pic)

def copy_of(
    p:av.Packet,
    bytes_:bytes|None=None, # None for its own
) -> av.Packet: # of no stream yet
    "A packet with the same times and its own bytes"
    q = av.Packet(bytes(p) if bytes_ is None else bytes_)
    q.pts,q.dts,q.duration,q.time_base,q.is_keyframe = p.pts,p.dts,p.duration,p.time_base,p.is_keyframe
    return q

def first_packets(
    c, # container of the source, at its beginning
    each:int=3, # so many of a stream
    most:int=2**24, # bytes after which it is enough
) -> dict: # list of packets by number of the stream
    "Some packets of all that is not the picture"
    found = {o.index: [] for o in c.streams if (o.type in KINDS or is_cover(o)) and o.codec_context}
    wanted = {i: 1 if is_cover(c.streams[i]) else each for i in found}
    try:
        for p in c.demux() if found else ():
            i,most = p.stream.index,most - p.size
            if i in found and p.size and len(found[i]) < wanted[i]: found[i].append(p)
            if most < 0 or all(len(o) >= wanted[k] for k,o in found.items()): break
    except av.FFmpegError: pass # whoever reads the pictures will say so
    return found

# %% [markdown]
# ## As it is

# %% [markdown]
# A container may take a stream and not give it back. So both are tried: the packets are written into memory (*muxed*) and the result is opened. If a stream of the same codec is in it, the container holds it.

# %%
#| export
READERS = dict(ipod='mp4') # the others read what they write

def codec_name(s) -> str: return s.codec_context.codec.canonical_name if s.codec_context else ''

def in_memory(
    fmt:str, # FFmpeg's name of a container
    fill, # is given the open container and writes into it
    look=lambda c: [(o.type, codec_name(o)) for o in c.streams], # is given what came back
    pipe:bool=False, # write as to a pipe, where nothing that was written can be mended
    **options, # of the container
): # what `look` says, by default kind and codec of each stream
    "What comes back from a container that was written to memory; an empty list if it cannot be written"
    buffer,same = io.BytesIO(),{'fflags': '+bitexact'}
    to = types.SimpleNamespace(write=buffer.write) if pipe else buffer
    try:
        with av.open(to, 'w', format=fmt, options=options, container_options=same) as out: fill(out)
        if fmt == 'mpegts': buffer.write((b'\x47\x1f\xff\x10' + b'\xff'*184)*99) # FFmpeg reads no shorter stream
        buffer.seek(0)
        with av.open(buffer, format=READERS.get(fmt, fmt)) as c: return look(c)
    except (av.FFmpegError, ValueError, AssertionError): return []

def holds(
    fmt:str, # FFmpeg's name of a container
    s, # stream of the source
    packets:list, # some of its packets, if there are any yet
    pipe:bool=False, # see `in_memory`
) -> bool:
    "Whether a container gives back a stream as it is"
    def fill(out):
        twin = out.add_stream_from_template(s)
        out.start_encoding()
        for p in packets:
            q = copy_of(p)
            q.stream = twin
            out.mux(q)
    back = in_memory(fmt, fill, pipe=pipe)
    alike = lambda kind, name: (kind, 'mpeg' if name in ('mp1', 'mp2', 'mp3') else name) # some call all three one
    return alike(s.type, codec_name(s)) in [alike(*o) for o in back] or bool(not packets and back and fmt != 'mpegts')

# %% [markdown]
# ## Converted

# %% [markdown]
# Which encoder? For sound without loss, the first lossless one that the container gives back; for other sound AAC or else Opus; for subtitles the kind that keeps most. Here too the container is asked instead of a table: a tenth of a second of silence, or one word, is written and read.

# %%
#| export
SOUND = dict(flac=True, alac=True, aac=False, libopus=False) # encoder: is it without loss?
WORDS = 'subrip', 'mov_text', 'webvtt', 'ass'
NO_STYLE = (b'[Script Info]\r\nScriptType: v4.00+\r\nPlayResX: 384\r\nPlayResY: 288\r\n\r\n[V4+ Styles]\r\n'
    b'Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, '
    b'Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, '
    b'MarginV, Encoding\r\n'
    b'Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\r\n\r\n[Events]\r\n'
    b'Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n')

def add_words(out, encoder:str, header:bytes|None): # a stream
    "A stream of subtitles that are encoded"
    s = out.add_stream(encoder)
    s.codec_context.time_base,s.codec_context.subtitle_header = Fraction(1, 1000),header or NO_STYLE
    return s

def encode_words(s, text:bytes, at:int, lasting:int) -> av.Packet: # milliseconds
    "One line of subtitles, in the form of ASS, as a packet"
    p = s.codec_context.encode_subtitle(SubtitleSet.create(text, 0, lasting, 0))
    p.stream,p.pts,p.dts,p.duration,p.time_base,p.is_keyframe = s,at,at,lasting,Fraction(1, 1000),True
    return p

def silence(
    out, # open container
    encoder:str, # one of `SOUND`
): # the stream
    "A tenth of a second of nothing"
    s = out.add_stream(encoder, rate=48000, layout='mono')
    f = av.AudioFrame.from_ndarray(np.zeros((1, 5120), np.int16), format='s16', layout='mono')
    f.sample_rate,f.pts,f.time_base = 48000,0,Fraction(1, 48000)
    s.metadata['title'] = 'nothing'
    out.mux([*s.encode(f), *s.encode(None)])
    return s

@cache
def makes(
    fmt:str, # FFmpeg's name of a container
    encoder:str, # one of `SOUND` or `WORDS`
) -> bool:
    "Whether an encoder's streams come back from a container"
    if encoder not in av.codecs_available: return False
    def words(out):
        s = add_words(out, encoder, None)
        out.start_encoding()
        out.mux(encode_words(s, b'0,0,Default,,0,0,0,,Hello', 0, 500))
    kind,fill = ('audio', lambda out: silence(out, encoder)) if encoder in SOUND else ('subtitle', words)
    return (kind, av.Codec(encoder, 'w').canonical_name) in in_memory(fmt, fill)

# %% [markdown]
# Chapters are tried in the same way, and so is what is written about the film: its title, its author, the place where it was made. MP4 has places for some thirty such words, Matroska and NUT for all, a transport stream for none. Telephones use names of their own, which begin like an address on the web; MP4 and QuickTime keep those if they are told to, but then all words stand where fewer programs look, so they are told only where there are such names.

# %%
#| export
def _first_sound(fmt:str): return next((o for o in SOUND if makes(fmt, o)), None)

@cache
def keeps_chapters(
    fmt:str, # FFmpeg's name of a container
) -> bool:
    "Whether chapters come back from a container"
    encoder = _first_sound(fmt)
    def fill(out):
        out.set_chapters([dict(id=1, start=0, end=9, time_base=Fraction(1, 1000), metadata={})])
        silence(out, encoder)
    return bool(encoder and in_memory(fmt, fill, lambda c: c.chapters()))

# %%
#| export
_stale = re.compile('encoder|.*_brands?|minor_version|duration|bps|number_of_.*|_statistics.*|wmfsdk.*|isvbr', re.I)

def about(metadata:dict) -> dict:
    "What is still true of a film whose pictures were changed"
    return {k: v for k,v in metadata.items() if not _stale.fullmatch(k.split('-')[0]) and not v.startswith('Lavf')}

def own_names(metadata) -> bool:
    "Are there names as telephones give them?"
    return any(k.startswith('com.') for k in metadata)

@cache
def tags_lost(
    fmt:str, # FFmpeg's name of a container
    tags:frozenset, # names of words about the film, 'stream title' for that of a stream
) -> list: # sorted
    "Words about a film that do not come back from a container"
    encoder,own = _first_sound(fmt),own_names(tags) and fmt in ('mp4', 'mov', 'ipod')
    examples = dict(location='+48.1+011.5/', creation_time='2001-02-03T04:05:06Z', date='1962', timecode='10:00:00:00')
    def fill(out):
        out.metadata.update({k: examples.get(k.lower(), 'words') for k in tags if k != 'stream title'})
        silence(out, encoder)
    def look(c):
        title = ['stream title']*('nothing' in c.streams[0].metadata.values())
        return [k.lower() for k in c.metadata] + title
    back = in_memory(fmt, fill, look, **({'movflags': 'use_metadata_tags'} if own else {})) if encoder else []
    return sorted(o for o in {k.lower() for k in tags} if o not in back)

# %%
words = frozenset(['title', 'director', 'stream title'])
test_eq({o: tags_lost(o, words) for o in ('mp4', 'matroska', 'mpegts')},
        dict(mp4=['director'], matroska=[], mpegts=['director', 'stream title', 'title']))
test_eq(tags_lost('mp4', words | {'com.apple.quicktime.make'}), [])
test_eq({o: keeps_chapters(o) for o in ('mp4', 'mov', 'matroska', 'mpegts', 'png')},
        dict(mp4=True, mov=True, matroska=True, mpegts=False, png=False))
fits = {o: [k for k in (*SOUND, *WORDS) if makes(o, k)] for o in ('mp4', 'mov', 'matroska', 'webm', 'mpegts')}
assert {'aac', 'mov_text'} <= {*fits['mp4']} and 'subrip' not in fits['mp4'] and 'alac' in fits['mov']
test_eq(fits['webm'], ['libopus', 'webvtt'])
test_eq([o for o in fits['mpegts'] if o in WORDS], [])
fits

# %% [markdown]
# The table of what each container holds was not written by hand: each was asked. WebM takes one kind of sound and one of subtitles, a transport stream no subtitles at all.

# %%
#| export
def encoder_for(
    fmt:str, # FFmpeg's name of a container
    s, # stream of sound or subtitles
) -> str|None: # one of `SOUND` or `WORDS`; None if nothing will do
    "What a stream is to be converted to"
    codec = s.codec_context.codec
    if s.type == 'audio':
        lossless = codec.lossless and not codec.lossy or codec.canonical_name.startswith('pcm_')
        order = sorted(SOUND, key=lambda o: not SOUND[o]) if lossless else sorted(SOUND, key=lambda o: SOUND[o])
    else:
        if not codec.text_sub: return None # pictures of words
        order = sorted(WORDS, key=lambda o: o != 'ass') if codec.canonical_name == 'ass' else WORDS
    return next((o for o in order if makes(fmt, o)), None)

# %% [markdown]
# A stream goes into the new film in one of three ways: copied, as new sound, as new subtitles. Each way is a class that adds a stream to the new film, takes packets of the old one and gives packets of the new; at the end it gives what is still due.

# %%
#| export
class Copied:
    "A stream that goes over as it is"
    bad = () # seconds at which it is damaged: a copy has what there is
    def __init__(self, out, s, encoder=None): self.stream = out.add_stream_from_template(s)
    def take(self, p): # yields packets
        p.stream = self.stream
        yield p
    def rest(self): return iter(())

def seconds_of(p:av.Packet) -> float: return float((p.pts or p.dts or 0)*p.time_base)

class NewSound:
    "A stream of sound that is decoded and encoded"
    def __init__(self, out, s, encoder:str):
        self.bad = []
        ctx,codec = s.codec_context,av.Codec(encoder, 'w')
        rate = ctx.sample_rate if not codec.audio_rates or ctx.sample_rate in codec.audio_rates else 48000
        usual = {1: 'mono', 2: 'stereo', 6: '5.1', 8: '7.1'}
        self.source,n = s,ctx.layout.nb_channels
        self.stream = out.add_stream(encoder, rate=rate, layout=usual.get(n, ctx.layout.name))
        wide = ctx.format is not None and ctx.format.bytes > 2 and ctx.codec.canonical_name.startswith('pcm_')
        deep = [o.name for o in codec.audio_formats or () if o.name in ('s32', 's32p')]
        if SOUND[encoder] and deep and wide: self.stream.codec_context.format = deep[0]
        if not SOUND[encoder]: self.stream.codec_context.bit_rate = min(96000, 2*rate)*n
    def take(self, p):
        try: frames = p.decode()
        except av.FFmpegError: self.bad.append(seconds_of(p))
        else:
            for f in frames: yield from self.stream.encode(f)
    def rest(self):
        try: frames = self.source.codec_context.decode(None)
        except av.FFmpegError: frames = () # what was damaged has been noted
        for f in frames: yield from self.stream.encode(f)
        yield from self.stream.encode(None)

class NewWords:
    "A stream of subtitles whose words are written anew"
    def __init__(self, out, s, encoder:str):
        self.decoder,self.bad = s.codec_context,[]
        self.decoder.open(strict=False)
        self.stream = add_words(out, encoder, self.decoder.subtitle_header)
    def take(self, p):
        try: found = self.decoder.decode2(p)
        except av.FFmpegError: found = self.bad.append(seconds_of(p))
        lines = [o.ass for o in found or () if o.ass]
        if not lines or p.pts is None: return
        text = b'\\N'.join([lines[0], *(o.split(b',', 8)[-1] for o in lines[1:])])
        at,lasting = (round(v*p.time_base*1000) for v in (p.pts, p.duration or 0))
        if not lasting: lasting = found.end_display_time if 0 < found.end_display_time < 2**31 else 3000
        yield encode_words(self.stream, text, at, lasting)
    def rest(self): return iter(())

# %% [markdown]
# ## What goes along

# %% [markdown]
# All of that together is a plan, which is used twice: for a film without frames, which shows that the film can be written, and for the film itself. A conversion is tried with the real packets as well. Covers are pictures that stand still: Matroska carries them as attachments, MP4 as a stream of one packet, the others not at all. Whatever is left out is named.

# %%
#| export
class Plan(NamedTuple):
    "What becomes of everything that is not the picture"
    ways:dict # by number of the stream: a class of this chapter and an encoder
    covers:dict # by number of the stream: the file of a picture that stands still
    notes:list # lines on what is converted and what is left out
    own:bool=False # are there names as telephones give them?

def copies(c) -> Plan: # container of the source
    "The plan that copies all sound and all subtitles, whether they fit or not"
    return Plan({o.index: (Copied, None) for o in c.streams if o.type in KINDS and o.codec_context}, {}, [])

def plan_streams(
    c, # container of the source
    s, # its stream of pictures
    fmt:str, # FFmpeg's name of the new container; 'png' and 'gif' hold pictures only
    packets:dict, # of `first_packets`
    name, # of the new film, for errors
    drop=(), # kinds of streams that are left out: 'audio', 'subtitle'
) -> Plan:
    "Who is copied, who is converted, who stays behind; `OutputError` where nothing will do"
    ways,covers,notes = {},{},[]
    if c.chapters() and not keeps_chapters(fmt): notes.append('the chapters are left out')
    if fmt in ('mpegts', 'gif', 'png') and any('timecode' in o.metadata for o in (c, *c.streams)):
        notes.append('the timecode is left out')
    words,named = about(c.metadata),[o for o in c.streams if o.type in KINDS and o.type not in drop]
    tags = {k for k in words if k.lower() != 'timecode'}
    tags |= {'stream title' for o in named if {'title', 'name'} & {k.lower() for k in o.metadata}}
    if lost := tags_lost(fmt, frozenset(tags)):
        notes.append(f'words about the film are left out: {", ".join(lost)}')
    for o in (o for o in c.streams if o.index != s.index):
        first = packets.get(o.index, [])
        if is_cover(o) and first and fmt in ('matroska', 'mp4', 'ipod'): covers[o.index] = bytes(first[0])
        elif is_cover(o): notes.append('the cover is left out')
        elif o.type == 'attachment':
            if fmt != 'matroska': notes.append(f"the attachment '{o.name or 'unnamed'}' is left out")
        elif o.type not in KINDS:
            what = 'a second stream of pictures' if o.type == 'video' else f'a stream of {o.type}'
            told = 'timecode' in o.metadata or c.chapters() and int(o.discard) == 48 # tracks of time and of chapters
            if not told: notes.append(f'{what} is left out')
        elif fmt in ('png', 'gif'):
            notes.append(f'{KINDS[o.type]} ({codec_name(o)}): left out, there are only pictures')
        elif o.type in drop: notes.append(f'the {KINDS[o.type]} ({codec_name(o)}) are left out, as asked for'
            if o.type == 'subtitle' else f'the sound ({codec_name(o)}) is left out, as asked for')
        elif not o.codec_context: refuse(o, name, 'of an unknown kind')
        elif holds(fmt, o, first, str(name) == '-'): ways[o.index] = Copied,None
        else: ways[o.index] = converted(fmt, o, first, name, notes)
    return Plan(ways, covers, notes, own_names(c.metadata))

def refuse(s, name, what:str):
    "Raise an `OutputError` with a way out"
    option = f"--drop-{KINDS[s.type]}"
    raise OutputError(f"'{name}' cannot hold the {KINDS[s.type]}, {what}", f'name an .mkv, or leave them out: {option}')

def converted(fmt, s, first:list, name, notes:list) -> tuple: # a class and an encoder
    "How a stream is converted; it is tried on its first packets"
    encoder = encoder_for(fmt, s)
    way,bad = NewSound if s.type == 'audio' else NewWords,[]
    def fill(out):
        new = way(out, s, encoder)
        out.start_encoding()
        for p in first: out.mux(list(new.take(p)))
        bad.extend(new.bad)
        if s.type == 'audio': out.mux(new.stream.encode(None))
    if encoder and (not first or in_memory(fmt, fill)):
        are = 'is' if s.type == 'audio' else 'are'
        new = av.Codec(encoder, 'w').canonical_name
        notes.append(f'the {KINDS[s.type]} {are} converted from {codec_name(s)} to {new}')
        return way,encoder
    refuse(s, name, f'{codec_name(s)}{", which is damaged" if bad and len(bad) == len(first) else ""}')

# %% [markdown]
# A film with uncompressed sound and SubRip subtitles is planned for four containers. Matroska takes both as they are; WebM needs both converted; a transport stream has no subtitles, so it is refused until they are dropped; the lines for MP4 stand below.

# %%
home = Path(tempfile.mkdtemp())
def sounding(path):
    "A film of one second with sound without loss and one line of words"
    with av.open(str(path), 'w') as out:
        v,a = out.add_stream('ffv1', rate=25),out.add_stream('pcm_s16le', rate=8000, layout='mono')
        v.width,v.height,v.pix_fmt = 64,48,'yuv420p'
        t = add_words(out, 'subrip', None)
        out.start_encoding()
        for i in range(25):
            f = av.VideoFrame.from_ndarray(np.full((48, 64), 9*i, np.uint8), format='gray').reformat(format='yuv420p')
            f.pts = i
            out.mux(v.encode(f))
            x = (9999*np.sin(np.arange(320*i, 320*(i + 1))/3)).astype(np.int16)
            f = av.AudioFrame.from_ndarray(x[None], format='s16', layout='mono')
            f.sample_rate,f.pts,f.time_base = 8000,320*i,Fraction(1, 8000)
            out.mux(a.encode(f))
        out.mux(v.encode(None))
        out.mux(a.encode(None))
        out.mux(encode_words(t, b'0,0,Default,,0,0,0,,Hello', 200, 500))
    return path

film = sounding(home/'film.mkv')
def planned(fmt, drop=()):
    "The lines of a plan"
    with av.open(str(film)) as c: packets = first_packets(c)
    with av.open(str(film)) as c: return plan_streams(c, c.streams.video[0], fmt, packets, 'a.x', drop).notes
test_eq(planned('matroska'), [])
test_eq(planned('webm'), ['the sound is converted from pcm_s16le to opus',
                          'the subtitles are converted from subrip to webvtt'])
test_fail(lambda: planned('mpegts'), exc=OutputError, contains='--drop-subtitles')
test_eq(planned('mpegts', ['subtitle'])[0], 'the sound is converted from pcm_s16le to aac')
planned('mp4')

# %% [markdown]
# ## What we have
#
# - `first_packets` and `holds`, which ask a container what it gives back;
# - `plan_streams` for all streams beside the pictures: copied, converted with a line, or refused with a remedy.

# %% [markdown]
# ## Exercises
#
# 1. Give `SOUND` another encoder and see which containers take it without a change anywhere else.
# 2. Subtitles of a DVD are pictures. What would it take to turn them into words?
