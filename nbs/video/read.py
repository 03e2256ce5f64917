# %% [markdown]
# # Reading films
#
# > Frames as a player shows them, from a file, a folder or a pipe
#
# A film is a cheap source of color: an hour holds 86,400 pictures, and nobody has to search for them. But reading them is not simple. Frames lie on their side with a note that says so, pixels need not be square, the rate may be 24000/1001 or none at all, files break off, and frame 10 stands before frame 2 where names have no leading zeros. `read_frames` gives the frames of any video, and of any folder of numbered pictures, as a player would show them (@fig-upright), each with its time.

# %%
#| default_exp video.read

# %% tags=["parameters"]
width,height,seed = 192,108,7

# %%
#| export
import math, os, shutil, tempfile
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple
import av, numpy as np
from av.stream import Disposition
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image
from colorbook.core import InputError, UsageError, atomic_path
from colorbook.imaging.opening import matrix_orientation, upright
from colorbook.video.sequences import frame_files, frame_pattern, on_screen, tell_scan

# %%
#| hide
import random, torch
from PIL import ImageOps
from fastcore.test import *
from colorbook.data.synthetic import travel
from colorbook.data.photos import sample_photos
from colorbook.color.lab import show_row
T = Image.Transpose

# %% [markdown]
# ## Clips to test with

# %% [markdown]
# To test a reader of videos we need videos of which we know every pixel and every time. We make them of frames that a [camera over a photograph](../data/synthetic.ipynb) has seen, and encode them with whatever a camera or a cutter may have left in a file: any rate, a time for each frame, a turn, a pixel shape, an odd number of columns.

# %% [markdown]
# Video stores luma and chroma, and there are two recipes for them: Rec. 601 for the old sizes and Rec. 709 for high definition, with other weights of red, green and blue. Most files do not say which one they follow, and players go by the size. So do we, in both directions.

# %%
#| export
QUALITY = Interpolation.BICUBIC|Interpolation.ACCURATE_RND|Interpolation.FULL_CHR_H_INT

def is_high(
    w:int, # stored columns
    h:int, # stored rows
) -> bool:
    "Whether a video that does not say so follows Rec. 709"
    return max(w, h) >= 1280 or min(w, h) > 576

# %%
#| export
def write_clip(
    ims, # PIL pictures of one size, or anything that yields them
    path:str|Path, # the suffix decides the container
    rate=24, # frames a second: an integer or a `Fraction`
    times=None, # a time in seconds for each frame: a variable rate
    codec:str='libx264',
    turn:int=0, # degrees counterclockwise by which a player has to turn the frames
    mirror:bool=False, # must it mirror them, after that?
    aspect=None, # width of a pixel divided by its height, a `Fraction`
    **options, # of the codec: `crf`, `g` ...
) -> Path: # the file
    "Encode pictures as a video"
    flags = {'movflags': 'faststart'} if Path(path).suffix in ('.mp4', '.mov') else {}
    with atomic_path(path) as tmp, av.open(str(tmp), 'w', options=flags) as c:
        stream,convert = None,VideoReformatter()
        for i,im in enumerate(ims):
            if not stream:
                stream = c.add_stream(codec, rate=rate, options={k: str(v) for k,v in options.items()})
                stream.width,stream.height = im.size
                stream.pix_fmt = 'yuv444p' if codec == 'libx264' else 'yuv420p'
                stream.codec_context.time_base = Fraction(1, 12000) if times else 1/Fraction(rate)
                if aspect: stream.sample_aspect_ratio = aspect
                if turn or mirror: stream.set_display_rotation(turn, hflip=mirror)
            space = 'ITU709' if is_high(*im.size) else 'ITU601'
            f = av.VideoFrame.from_image(im.convert('RGB'))
            f = convert.reformat(f, format=stream.pix_fmt, dst_colorspace=space, interpolation=QUALITY)
            f.pts,f.time_base = round(times[i]*12000) if times else i,stream.codec_context.time_base
            c.mux(stream.encode(f))
        c.mux(stream.encode())
    return Path(path)

# %%
photos,home = sample_photos(),Path(tempfile.mkdtemp())
ims = [o for p,n in zip(photos, (14, 9, 3, 20, 12, 11)) for o in travel(p, n, (width, height), (0, .2), (.8, .7))]
clip = write_clip(ims, home/'clip.mp4', Fraction(24000, 1001), crf=12)
len(ims),clip.stat().st_size

# %% [markdown]
# ## Reading

# %% [markdown]
# PyAV brings FFmpeg in its wheel and decodes nearly everything. Four things are left to us, before the picture is as a player would show it.
#
# - Telephones store how they were held as a matrix of display: its signs tell which of [the eight orientations of EXIF](../imaging/opening.ipynb#the-eight-orientations) a frame has.
# - Old television stores 720 columns for a picture that is wider or narrower than its count of pixels; we enlarge the side that is short, so that no pixel is thrown away.
# - The recipe of luma is guessed where the file does not name it: a wrong guess turns every green a little.
# - The fast way from luma and chroma to RGB, which most readers take, makes each channel about one level of 255 too dark; asked for accurate rounding, the same library errs by a quarter of that, and to both sides.

# %%
#| export
class Frame(NamedTuple):
    "A picture of a video"
    im:Image.Image # upright, with square pixels, in RGB
    time:float # seconds since the beginning
    number:int # its place in the video, from 0

# %%
#| export
def display_matrix(
    f:av.VideoFrame, # decoded
) -> list|None: # nine integers
    "How a player is to turn a frame, if it is"
    try: side = f.side_data.get('DISPLAYMATRIX')
    except ValueError: # beside it stands something that PyAV has no name for, as the EXIF of a JPEG frame
        c,s = (round(65536*o(math.radians(f.rotation))) for o in (math.cos, math.sin))
        return [c, -s, 0, s, c, 0, 0, 0, 2**30] if f.rotation else None
    return np.frombuffer(side, np.int32)[:9].tolist() if side else None

# %%
#| export
def bits_of(f:av.VideoFrame) -> int: # 8 or more
    "Bits of a channel of a decoded frame; 16 for floats"
    return min(16, max(8, *(o.bits for o in f.format.components)))

def has_captions(f:av.VideoFrame) -> bool:
    "Whether a decoded frame carries closed captions, as American television does"
    try: return f.side_data.get('A53_CC') is not None
    except ValueError: return False # see `display_matrix`

def has_alpha(f:av.VideoFrame) -> bool:
    "Whether a decoded frame has room for transparency"
    return any(o.is_alpha for o in f.format.components)

# %%
#| export
def frame_image(
    f:av.VideoFrame, # decoded
    aspect=None, # width of a pixel divided by its height
    convert:VideoReformatter|None=None, # the same for all frames of a video saves half of the time
) -> Image.Image: # RGB
    "A decoded frame as a player shows it"
    f = on_screen(f)
    a,w,h = float(aspect or 1),f.width,f.height
    space = 'ITU709' if f.colorspace == 2 and is_high(w, h) else None
    w,h = (round(w*a), h) if a > 1 else (w, round(h/a))
    convert = convert or VideoReformatter()
    x = convert.reformat(f, w, h, 'rgb24', src_colorspace=space, interpolation=QUALITY).to_ndarray()
    return Image.fromarray(np.ascontiguousarray(upright(x, matrix_orientation(display_matrix(f)))))

# %% [markdown]
# Times count from the first frame of the stream and come from the file, never from a rate: a telephone slows down in the dark, and 24000/1001 is not 24. What is damaged is not passed on. A file that breaks off has fewer packets than its index promises, or ends before its own length; a frame that was patched together from remains carries a mark. Either is an error that names the file. A program that wants what there is gives a list instead, and each damage becomes a line in it.

# %%
#| export
def report_damage(
    bad:list|None, # takes what is wrong; None raises it
    what:str, # what is wrong
):
    "Raise an `InputError`, or note it"
    if bad is None: raise InputError(what, 'copy the video again, or skip what is bad')
    bad.append(what)

# %%
#| export
def open_video(
    video:str|Path,
) -> tuple: # container and the stream of pictures in it
    "A video, opened"
    given = hasattr(video, 'read')
    try: c = av.open(video if given else str(Path(video).absolute() if Path(video).is_file() else video)) # no protocol
    except (av.FFmpegError, OSError) as e:
        if given: video = '-'
        raise InputError(f"cannot read '{video}' as a video: {e.strerror or e}", 'copy it again or convert it') from e
    streams = [o for o in c.streams.video if not o.disposition & Disposition.attached_pic]
    if streams: return c,streams[0]
    c.close()
    if given: video = '-'
    raise InputError(f"there is no video stream in '{video}'", 'give a file with moving pictures')

# %% [markdown]
# A [folder of numbered pictures](sequences.ipynb) is a film as well, and so is what comes through a pipe. So three kinds of source differ in nothing but the way they are opened: a file or an address, a folder, and `-` for a pipe. [Frames of a scanner](sequences.ipynb#what-the-numbers-of-a-scan-mean) may hold density or light itself and not what a screen is told; the decoder is told so. An MP4 whose index stands at its end cannot be read from a pipe, and is put into a file first. A stream that no decoder knows is refused here too, before any work begins.

# %%
#| export
class Pipe:
    "What comes through the standard input, after what was read of it already"
    def __init__(self): self.head = b''
    def read(self, n:int) -> bytes:
        if not self.head: return os.read(0, n)
        out,self.head = self.head[:n],self.head[n:]
        return out
    def ahead(self, n:int) -> bytes: # less at the end
        "The first bytes, which stay to be read"
        while len(self.head) < n and (more := os.read(0, n - len(self.head))): self.head += more
        return self.head[:n]

def from_pipe(): # something with `read`
    "The standard input; an MP4 whose index stands at its end is put into a file first, as nobody can read it otherwise"
    pipe,at = Pipe(),0
    if pipe.ahead(12)[4:8] != b'ftyp': return pipe
    while len(head := pipe.ahead(at + 8)) == at + 8:
        size,kind = int.from_bytes(head[at:at + 4], 'big'),head[at + 4:]
        if kind == b'mdat':
            f = tempfile.TemporaryFile()
            shutil.copyfileobj(pipe, f, 2**20)
            f.seek(0)
            return f
        if kind == b'moov' or size < 8: break
        at += size
    return pipe

def open_reel(
    src, # a file, an address, a folder of frames, or '-' for the standard input
    rate=24, # frames a second of a folder
) -> tuple: # container and the stream of pictures in it
    "A film or a folder of frames, opened; `InputError` if it cannot be decoded"
    if not str(src).strip(): raise UsageError('a name is empty', "name a film or a folder; '.' is this one")
    if str(src) != '-' and Path(src).is_dir():
        if not .01 <= rate <= 1000: raise UsageError(f'a rate of {rate}', 'try 24')
        pattern,how = frame_pattern(frame_files(src))
        how['framerate'] = str(Fraction(rate).limit_denominator(1001))
        try: c = av.open(pattern, format='image2', options=how)
        except (av.FFmpegError, OSError) as e:
            raise InputError(f"cannot read the frames in '{src}': {e.strerror or e}", 'write them again') from e
        s = c.streams.video[0]
        tell_scan(s, next(iter(frame_files(src).values())))
        return c,s
    c,s = open_video(from_pipe() if str(src) == '-' else src)
    if s.codec_context is not None and s.codec_context.codec.name:
        if Path(src).is_file(): tell_scan(s, src)
        return c,s
    c.close()
    raise InputError(f"no decoder for the pictures in '{src}'", 'convert it with a program that plays it')

# %% [markdown]
# How many frames a second a film has is said in more than one place of a file, and not all of them speak of frames: raw DV counts the ticks of its clock, sixty thousand a second. A number that cannot be the rate of a film is not believed.

# %%
#| export
def frame_rate(
    s, # stream of pictures
) -> Fraction: # frames a second, about
    "The rate that a film says it has, if it can be one"
    return next((o for o in (s.average_rate, s.guessed_rate, s.base_rate) if o and .01 <= o <= 1000), Fraction(24))

# %%
#| export
def own_length(
    c, s, # container and stream
) -> float: # seconds; the container's, which may have longer sound, where the stream has none of its own
    "How long a stream says it is"
    if s.duration: return float(s.duration*s.time_base)
    parts = s.metadata.get('DURATION', '').split(':') # of Matroska: hours, minutes, seconds
    if len(parts) == 3: return sum(float(o)*by for o,by in zip(parts, (3600, 60, 1)))
    return (c.duration or 0)/av.time_base

# %%
#| export
def packets(
    video:str|Path,
    c, s, # its container and stream
    bad:list|None=None, # takes what is wrong; None raises it
): # yields pairs of a packet and the seconds at which the longest so far ends
    "All packets of a stream, and whether it breaks off"
    n,end,source = 0,0.,c.demux(s)
    while True:
        try: p = next(source)
        except StopIteration: break
        except av.FFmpegError as e:
            report_damage(bad, f"'{video}' cannot be read on after {end:.2f} s: {e.strerror or e}")
            break
        n += p.size > 0 or p.dts is not None # a frame of no bytes says that the last one is shown on
        if p.pts is not None: end = max(end, float((p.pts - (s.start_time or 0) + (p.duration or 0))*s.time_base))
        yield p,end
    length,late = own_length(c, s),max(0., float((s.start_time or 0)*s.time_base))
    missing = n < s.frames and ('avi' not in c.format.name or end < length - 1.5/frame_rate(s)) # AVI leaves gaps
    if missing or not s.frames and end + late < .95*length - 1:
        report_damage(bad, f"'{video}' breaks off after {end:.2f} s of {length:.2f}")

# %%
#| export
def video_length(
    video:str|Path,
    bad:list|None=None, # takes what is wrong; None raises it
) -> float: # seconds from the first frame to the end of the last
    "How long the pictures of a video last, by its packets and without decoding"
    c,s = open_video(video)
    with c: return max((end for _,end in packets(video, c, s, bad)), default=0.)

# %%
#| export
def decode(
    video:str|Path,
    c, s, # its container and stream
    bad:list|None=None, # takes what is wrong; None raises it
): # yields decoded frames
    "All whole frames of a stream"
    for p,end in packets(video, c, s, bad):
        try: frames = p.decode()
        except av.FFmpegError as e:
            report_damage(bad, f"'{video}' is damaged near {end:.2f} s: {e.strerror or e}")
            continue
        for f in frames:
            if f.is_corrupt: report_damage(bad, f"'{video}' is damaged at {float(f.time or 0):.2f} s")
            else: yield f

# %%
#| export
def read_frames(
    video:str|Path, # a file, an address, or a folder of numbered frames
    start:float=0., # skip what is earlier, seconds
    stop:float=math.inf, # end before this time, seconds
    bad:list|None=None, # takes a line for all that is damaged and left out; None raises an `InputError`
    rate:float=24, # frames a second of a folder
): # yields `Frame`s
    "The frames of a video as a player would show them, with their times"
    c,s = open_reel(video, rate)
    with c:
        s.thread_type,n,convert = 'AUTO',-1,VideoReformatter()
        zero,step = (s.start_time or 0)*s.time_base,1/frame_rate(s)
        for n,f in enumerate(decode(video, c, s, bad)):
            time = float(n*step if f.pts is None else f.pts*f.time_base - zero)
            if time >= stop: return
            if time >= start: yield Frame(frame_image(f, s.sample_aspect_ratio, convert), time, n)
    if n < 0: raise InputError(f"there is no whole frame in '{video}'", 'copy it again')

# %% [markdown]
# First, the clip comes back picture by picture, at the times of its rate, and a clip with irregular times keeps them. The value is the mean error of the worst frame, in levels of 255.

# %%
def error(a, b): return np.abs(np.asarray(a, dtype=int) - np.asarray(b)).mean()
frames = list(read_frames(clip))
test_eq([o.number for o in frames], range(len(ims)))
test_close([o.time for o in frames], [i*1001/24000 for i in range(len(ims))], eps=1e-3)
assert max(error(o.im, im) for o,im in zip(frames, ims)) < 3
random.seed(seed)
times = np.cumsum([random.choice([.02, .04, .1, .5]) for _ in ims]).tolist()
uneven = list(read_frames(write_clip(ims, home/'uneven.mkv', times=times)))
test_close([o.time for o in uneven], np.array(times) - times[0], eps=2e-3)
test_close(video_length(clip), len(ims)*1001/24000, eps=.01)
test_eq([o.number for o in read_frames(clip, start=1, stop=2)], range(24, 48))
max(error(o.im, im) for o,im in zip(frames, ims))

# %% [markdown]
# Then hard cases: 853x479 pixels, an old codec, a camera on its side, one on its side and mirrored, and wide pixels. For each the value is the mean difference to the photograph.

# %%
face = photos[0].resize((853, 479))
lying,wide = face.transpose(T.ROTATE_270),face.resize((640, 479))
kinds = dict(odd=(face, {}), mpeg4=(face, dict(codec='mpeg4', b=8000000)), turned=(lying, dict(turn=90)),
    mirrored=(ImageOps.mirror(face).transpose(T.ROTATE_270), dict(turn=90, mirror=True)),
    wide=(wide, dict(aspect=Fraction(4, 3))))
shown = {k: next(read_frames(write_clip([im]*3, home/f'{k}.mp4', **how))).im for k,(im,how) in kinds.items()}
test_eq({k: o.size for k,o in shown.items()}, {k: (853, 479) for k in kinds})
{k: round(error(o, face), 2) for k,o in shown.items()}

# %% [markdown]
# Is the color right? In a clip of plain patches, stored with one chroma value for four pixels as most cameras do, the mean error of red, green and blue in the middle of the patches is within half a level (first line); PyAV's default makes all three too dark (second line).

# %%
patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
plain = write_clip([Image.fromarray(patches)]*2, home/'patches.mp4', codec='mpeg4', b=50000000)
with av.open(str(plain)) as c: fast = next(c.decode(video=0)).to_image()
def bias(im): return (np.asarray(im) - patches.astype(float)).reshape(6, 16, 8, 16, 3)[:,5:11,:,5:11].mean((0, 1, 2, 3))
ours = bias(next(read_frames(plain)).im)
assert abs(ours).max() < .6 and abs(ours).mean() < abs(bias(fast)).mean()
ours,bias(fast)

# %%
#| label: fig-upright
#| fig-cap: "What is stored in five clips (above) and what is read from them (below)."
small = lambda o: ImageOps.pad(o, (160, 160), color='white')
tiles = [np.vstack([small(kinds[k][0]), small(o)]) for k,o in shown.items()]
test_eq([error(o, face) < 6 for o in shown.values()], [True]*5)
show_row([torch.from_numpy(o).permute(2, 0, 1)/255 for o in tiles])

# %% [markdown]
# The upper row of @fig-upright is what is stored: two of the pictures lie on their side, one of them mirrored, and one is too narrow. Below, each is upright and in shape.

# %% [markdown]
# A file that breaks off, one with a hole, one that holds no pictures and one that is not there: each error names the file. With a list the whole frames come, and the list says what is missing.

# %%
whole = write_clip(ims*2, home/'whole.mp4', codec='mpeg4', b=2000000)
code = bytearray(whole.read_bytes())
(home/'half.mp4').write_bytes(code[:len(code)//2])
middle = len(code)*2//3
(home/'holes.mp4').write_bytes(code[:middle] + bytes(200) + code[middle + 200:])
(home/'text.mp4').write_text('no video')
said = {'half.mp4': 'half.mp4', 'holes.mp4': 'is damaged at', 'text.mp4': 'as a video', 'no.mp4': 'No such'}
for name,words in said.items():
    test_fail(lambda: list(read_frames(home/name)), exc=InputError, contains=words)
bad = []
rest = list(read_frames(home/'half.mp4', bad=bad))
assert len(ims)/2 < len(rest) < len(ims)*2 and 'breaks off' in bad[-1]
len(rest),[o.replace(f'{home}/', '') for o in bad]

# %% [markdown]
# ## Versions of a film

# %% [markdown]
# [Whoever compares colored versions of a film](../evaluation/flicker.ipynb) reads them together. Programs write what they like: videos, folders of numbered pictures. A version is read beside its original, frame by frame by their numbers. What cannot be forgiven is another count of frames, because then nobody knows which belongs to which; the error says where the two part.

# %%
#| export
def read_clip(
    source, # a video, a folder of numbered pictures, or PIL pictures
    rate:float=24, # frames a second, of a folder or of pictures
): # yields `Frame`s
    "The frames of anything"
    if isinstance(source, (str, Path)): return (yield from read_frames(source, rate=rate))
    for i,o in enumerate(source): yield o if isinstance(o, Frame) else Frame(o.convert('RGB'), i/rate, i)

# %%
#| export
def side_by_side(
    original, # yields tuples that begin with a `Frame` of the original
    versions:dict, # names and what yields their `Frame`s
): # yields such a tuple, and a list with the same `Frame` of each version
    "The original with the same frame of each version; `InputError` where one has more or fewer frames"
    number,time,end = 0,0.,None
    for row,*others in zip_longest(original, *versions.values()):
        for name,o in zip(versions, others):
            if o is None: end = f"'{name}' ends after {number} frames, where the original is at {row[0].time:.2f} s"
            elif row is None: end = f"'{name}' goes on after the {number} frames of the original ({time:.2f} s)"
            if end: raise InputError(end, 'compare files with the same frames')
        number,time = number + 1,row[0].time
        yield row,others

# %%
two = [read_clip(ims[:3]) for _ in range(2)]
pairs = list(side_by_side(((o,) for o in two[0]), dict(same=two[1])))
test_eq([(row[0].number, same.number) for row,(same,) in pairs], [(0, 0), (1, 1), (2, 2)])
for few,words in ((ims[:2], "'it' ends after 2 frames"), (ims[:4], "'it' goes on after the 3 frames")):
    test_fail(lambda: list(side_by_side(((o,) for o in read_clip(ims[:3])), dict(it=read_clip(few)))), exc=InputError,
        contains=words)
[o.time for (o,),_ in pairs]

# %% [markdown]
# ## What we have
#
# - frames of any video, upright, in shape, in true color and at their own times, and an error or a list where something is damaged;
# - `read_clip` and `side_by_side`, for versions of a film that are read together;
# - `open_reel`, to which files, folders and pipes are the same;
# - `write_clip`, for clips whose every pixel and time is known.

# %% [markdown]
# ## Exercises
#
# 1. Take the guess of the recipe out of `frame_image` and measure by how much a green meadow of 1920x1080 changes.
# 2. `video_length` looks at all packets. What does the header of the container say, and for which files are the two not the same?
# 3. An MP4 through a pipe is put into a file if its index stands at its end. What would a reader have to keep in memory instead?
