# %% [markdown]
# # Black bars, interlaced fields and wide pixels
#
# > What television left in the frames of films, and how it is found, made whole or kept
#
# A film that was made for television, or shown by it, has frames that hold more than a picture. There may be black bars around it, where picture and screen had different shapes. There may be two moments in one frame, woven together row by row. And its pixels may be wider or narrower than they are high. Each of these spoils colors or shapes when nobody minds it: a network takes a bar for a dark floor and colors what is above it accordingly, it colors the combs at the edges of what moves, and a copy that forgets the shape of its pixels shows thin people. This chapter finds the bars of a film (@fig-letterbox), makes frames of two moments whole (@fig-fields), or keeps both moments where they are wanted, and tells a finished file how wide its pixels are. That is the order in which a film meets them on its way through the library.

# %%
#| default_exp video.frame_shape

# %%
#| export
import av, numpy as np
from av.filter import Graph
from av.video.reformatter import VideoReformatter
from colorbook.imaging.borders import find_borders
from colorbook.imaging.io import Picture
from colorbook.video.read import QUALITY, open_reel, own_length

# %%
#| hide
import tempfile
from fractions import Fraction
from pathlib import Path
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image, ImageDraw
from skimage import data
from colorbook.data.synthetic import travel
from colorbook.video.read import read_frames, write_clip
home = Path(tempfile.mkdtemp())

# %% [markdown]
# ## Black bars
#
# [Borders](../imaging/borders.ipynb) of one picture are found by looking at it. In a film that is not enough: a scene at night has no visible edge, a title in white on black looks like all bars, and colors would jump whenever bars are found in one frame and not in the next. So the bars are looked for once, in the whole film.
#
# Twenty-four places are enough, evenly over the film. A jump ends at a frame that needs no other, a key frame, so two jumps may end at the same one; a short film has only one key frame, and there we read on instead.

# %%
#| export
def frames_from_everywhere(
    c, s, # container and stream of a film
    n:int=24, # so many, at most
): # yields decoded frames
    "Frames that are spread over a film"
    length,start,seen = own_length(c, s)/float(s.time_base),s.start_time or 0,set()
    for i in range(n):
        try:
            c.seek(round(start + (i + .5)/n*length), stream=s)
            f = next(c.decode(s))
        except (av.FFmpegError, StopIteration): continue
        if f.pts in seen: continue
        seen.add(f.pts)
        yield f
    if len(seen) >= n//3: return
    try:
        c.seek(start, stream=s)
        for i,f in enumerate(c.decode(s)):
            if i >= 10*n: return
            if i%10 == 5 and f.pts not in seen: yield f
    except av.FFmpegError: return # damage is told by whoever reads all frames

# %% [markdown]
# For each pixel we ask how bright it is in the brighter frames. Not in the very brightest, because subtitles come and go in the lower bar, but at the first third: a value that a third of the frames exceed. In the picture of these values a bar is still black, and everything else has been bright at some time. Its borders are found as those of any picture.

# %%
#| export
def film_box(
    src, # a film or a folder of frames, no pipe
    rate:float=24, # frames a second of a folder
    dark:float=.2, # gray up to which a bar is black
) -> tuple|None: # left, top, right, bottom of the picture, as stored; None for a film without bars
    "Where the picture of a film is that has black bars on opposite sides"
    c,s = open_reel(src, rate)
    convert,bright,n = VideoReformatter(),[],0
    with c:
        for f in frames_from_everywhere(c, s):
            x = convert.reformat(f, format='gray').to_ndarray()
            if bright and x.shape != bright[0].shape: continue
            n += 1
            for i,o in enumerate(bright): bright[i],x = np.maximum(o, x),np.minimum(o, x)
            if len(bright) < 9: bright.append(x)
    if not bright: return None
    x = bright[min(n//3, 8)]
    box = find_borders(Picture(x))
    if not box: return None
    left,top,right,bottom = box
    outside = np.ones(x.shape, bool)
    outside[top:bottom,left:right] = False
    return box if np.median(x[outside]) <= 255*dark else None

# %% [markdown]
# A film of three scenes between bars: by day, at night where nothing is bright, and a title on black, with subtitles in the lower bar now and then. The box is found to the pixel, and the same film without bars has none.

# %%
def scenes(bars, words=True):
    "Frames of a film with black bars of so many rows"
    night = Image.fromarray((data.astronaut()//9).astype(np.uint8))
    title = Image.new('RGB', (400, 200))
    ImageDraw.Draw(title).text((130, 90), 'THE END', 'white', font_size=40)
    for k,im in enumerate((Image.fromarray(data.coffee()), night, title)):
        size = 192,108 - 2*bars
        for i,o in enumerate(travel(im, 16, size, (0, .1), (.5, .6)) if k < 2 else [im.resize(size)]*8):
            whole = Image.new('RGB', (192, 108))
            whole.paste(o, (0, bars))
            if words and i in (3, 4, 5): ImageDraw.Draw(whole).text((60, 94), 'What a day', 'white')
            yield whole
boxed = write_clip(scenes(14), home/'boxed.mp4', crf=12, g=4)
test_eq(film_box(boxed), (0, 14, 192, 94))
test_eq(film_box(write_clip(scenes(14), home/'long.mp4', crf=12, g=250)), (0, 14, 192, 94))
test_eq(film_box(write_clip(scenes(0, False), home/'plain.mp4', crf=12, g=4)), None)

# %%
#| label: fig-letterbox
#| fig-cap: "Three frames of a film, and where its picture was found to be."
shown = [o.im for o in read_frames(boxed) if o.number in (4, 20, 36)]
fig,axs = plt.subplots(1, 3, figsize=(9, 2))
for ax,im in zip(axs, shown):
    ax.imshow(im)
    ax.plot([0, 191, 191, 0, 0], [14, 14, 93, 93, 14], 'r', lw=1)
    ax.axis('off')

# %% [markdown]
# The line in @fig-letterbox is the box that was found. In the second frame alone it could hardly be seen, in the third not at all; and the words in the lower bar do not mislead it.

# %% [markdown]
# ## Interlaced frames made whole
#
# Television sent its pictures in halves, the *fields*: first the even rows, a moment later the odd ones. A frame of such a film is *interlaced*: it holds two moments, and where something moves its edges look like combs. Motion that is measured on combs is wrong, and so are colors.
#
# FFmpeg's filter `bwdif` makes such frames whole. It looks at the frames before and after, and where nothing moves it takes the missing rows from there, so a still picture loses no sharpness. It touches only frames that carry the mark of being interlaced. It needs the next frame, so its answer comes one frame late; the times wait beside it.

# %%
#| export
class _Filter:
    "One graph of filters for frames of one kind"
    def __init__(self, f:av.VideoFrame):
        self.kind,self.graph,self.waiting,self.n = _kind_of(f),Graph(),[],0
        source = self.graph.add_buffer(width=f.width, height=f.height, format=f.format, time_base=f.time_base)
        self.graph.link_nodes(source, self.graph.add('bwdif', 'mode=send_frame:parity=auto:deint=interlaced'),
                              self.graph.add('buffersink')).configure()
    def push(self, f): # yields frames
        self.waiting.append((f.pts, f.time_base, f.duration))
        f.pts,self.n = self.n,self.n + 1
        self.graph.push(f)
        yield from self.pull()
    def end(self): # yields frames
        self.graph.push(None)
        yield from self.pull()
    def pull(self):
        while self.waiting:
            try: f = self.graph.pull()
            except (BlockingIOError, EOFError): return
            pts,f.time_base,lasting = self.waiting.pop(0)
            f.pts,f.duration = pts,lasting
            yield f

def _kind_of(f:av.VideoFrame) -> tuple: return f.width,f.height,f.format.name

def whole_frames(
    frames, # yields decoded frames
    seen=None, # is called once if any of them is interlaced
): # yields as many, at the same times
    "Frames of a film without combs"
    graph = None
    for f in frames:
        if graph and graph.kind != _kind_of(f):
            yield from graph.end()
            graph = None
        if not graph and f.interlaced_frame:
            graph = _Filter(f)
            if seen: seen()
        if graph: yield from graph.push(f)
        else: yield f
    if graph: yield from graph.end()

# %% [markdown]
# A square moves eight pixels from field to field. The two numbers say how much rows differ from their neighbors above and below, before and after the filter; there are as many frames as before, at the same times.

# %%
def moment(t, size=(96, 128)):
    "A bright square on its way"
    x = np.full(size, 40, np.uint8)
    x[24:72,8 + 8*t:48 + 8*t] = 220
    return x
def interlaced(n, path):
    "A film with two moments in each frame"
    with av.open(path, 'w', format='matroska') as out:
        s = out.add_stream('libx264', rate=25, options={'crf': '2', 'x264-params': 'tff=1'})
        s.width,s.height,s.pix_fmt = 128,96,'yuv420p'
        for i in range(n):
            x = moment(2*i)
            x[1::2] = moment(2*i + 1)[1::2]
            out.mux(s.encode(av.VideoFrame.from_ndarray(x, format='gray').reformat(format='yuv420p')))
        out.mux(s.encode(None))
    return path
def combs(x):
    "How much rows differ from the mean of the rows above and below"
    x = x[26:70].astype(int)
    return np.abs(2*x[1:-1] - x[:-2] - x[2:]).mean()
film = interlaced(5, str(home/'a.mkv'))
with av.open(film) as c: before = [(f.pts, f.to_ndarray(format='gray'), f.interlaced_frame) for f in c.decode(video=0)]
called = []
with av.open(film) as c: after = [(f.pts, f.to_ndarray(format='gray'))
                                  for f in whole_frames(c.decode(video=0), lambda: called.append(1))]
test_eq(([o[0] for o in after], called, all(o[2] for o in before)), ([o[0] for o in before], [1], True))
assert combs(before[2][1]) > 10*combs(after[2][1])
combs(before[2][1]), combs(after[2][1])

# %%
#| label: fig-fields
#| fig-cap: "A frame with two moments in it, and the same frame whole."
fig,axs = plt.subplots(1, 2, figsize=(8, 3))
for ax,x in zip(axs, (before[2][1], after[2][1])):
    ax.imshow(x, cmap='gray')
    ax.axis('off')

# %% [markdown]
# In @fig-fields the square's left and right edges are combs eight pixels deep; at the right the square stands at one of its two moments, with straight edges. Faint lines remain at its top and bottom.

# %% [markdown]
# ## Fields kept as they are
#
# A film that goes back to television needs its fields. Then the combs stay, and only the way from RGB to lightness (*luma*) and color (*chroma*) has to know of them: in 4:2:0, as most films are stored, there is one value of chroma for two rows and two columns, and the two rows must be of one field. So the two fields are converted by themselves and woven together.

# %%
#| export
def planes_of(f:av.VideoFrame) -> list: # arrays of rows that can be written to
    "The planes of a frame, without copying"
    return [np.frombuffer(p, np.uint8).reshape(p.height, p.line_size) for p in f.planes]

def by_fields(
    x:np.ndarray, # HxWx4, RGBA; the height is a multiple of 4
    fmt:str, # of pixels, of FFmpeg, planar
    space:str, # the recipe of luma, as the reformatter calls it
    convert:VideoReformatter, # the same for all frames
) -> av.VideoFrame:
    "Luma and chroma of a frame whose rows belong to two moments"
    h,w = x.shape[:2]
    out = av.VideoFrame(w, h, fmt)
    for i in (0, 1):
        f = av.VideoFrame.from_ndarray(np.ascontiguousarray(x[i::2]), format='rgba')
        f = convert.reformat(f, w, h//2, fmt, dst_colorspace=space, interpolation=QUALITY)
        for new,half in zip(planes_of(out), planes_of(f)):
            n = min(new.shape[1], half.shape[1])
            new[i::2,:n] = half[:,:n]
    return out

# %% [markdown]
# A frame of which one field is red and the other blue. The first two numbers are the red chroma of the two fields, kept apart; the third is what the usual way makes of both, a mixture.

# %%
x = np.zeros((16, 16, 4), np.uint8)
x[0::2,:,0] = x[1::2,:,2] = x[...,3] = 255
fields = by_fields(x, 'yuv420p', 'ITU601', VideoReformatter())
v = planes_of(fields)[2][:,:8].astype(int)
assert v[0::2].min() > 235 and v[1::2].max() < 115
mixed = planes_of(av.VideoFrame.from_ndarray(x, format='rgba').reformat(format='yuv420p'))[2][:,:8].astype(int)
assert 130 < mixed.min() and mixed.max() < 220
v[:2,0], mixed[0,0]

# %% [markdown]
# ## Wide pixels
#
# Old television has pixels that are wider or narrower than they are high. H.264 and HEVC say it in their own headers, and MP4 says it for all codecs. Matroska and WebM have two fields for the size at which a picture is to be shown, but PyAV gives us no way to ask for them when the film is written. So `say_shape` adds them to the finished file: a few bytes near its beginning change, and not one byte of sound or picture moves.
#
# A Matroska file is a tree. Each element is a number that names it, a length, and either bytes or more elements. The first bits of name and length tell how many bytes they take: a one after $n$ zeros means $n+1$ bytes.

# %%
#| export
def _number(b:bytes, at:int, marked:bool=False) -> tuple[int,int]: # the number, and where it ends
    "A number of variable length; `marked` keeps the bits that tell its length, as names are written"
    n = 9 - b[at].bit_length()
    v = int.from_bytes(b[at:at + n], 'big')
    return v if marked else v & (1 << 7*n) - 1,at + n

def elements(b:bytes, at:int, end:int): # yields name, begin of the element, of its content, its end
    "What stands beside each other from `at` to `end`"
    while at < end:
        name,i = _number(b, at, True)
        size,i = _number(b, i)
        yield name,at,i,min(i + size, end)
        at = i + size

def element(name:int, content:bytes, width:int=1) -> bytes:
    "An element, whose length takes at least `width` bytes"
    while len(content) >= (1 << 7*width) - 1: width += 1
    return (name.to_bytes((name.bit_length() + 7)//8, 'big') +
            ((1 << 7*width) | len(content)).to_bytes(width, 'big') + content)

# %%
test_eq([o[0] for o in elements(element(0xE0, b'abc') + element(0x54B0, bytes(200)), 0, 209)], [0xE0, 0x54B0])
test_eq(_number(element(0xEC, bytes(200)), 1), (200, 3))

# %% [markdown]
# The two values belong into the description of the pictures, which is inside the description of their track, which is inside that of all tracks; each of these has a length that grows. The room for it is there already. FFmpeg cannot know how long the table of contents will be until the file is finished, so it leaves a generous gap before the tracks, filled by an element that is called *void* and means nothing. The gap becomes smaller by as much, what stands between it and the new values moves forward, and the table of contents at the beginning is changed to match.

# %%
#| export
SEGMENT,SEEKS,SEEK,PLACE,VOID,TRACKS,TRACK,KIND,VIDEO = (0x18538067, 0x114D9B74, 0x4DBB, 0x53AC, 0xEC, 0x1654AE6B, 0xAE,
                                                         0x83, 0xE0)
SHOWN = 0x54B0, 0x54BA, 0x54B2 # width, height, and the unit of these, which says 'unknown'

def _grown(b:bytes, at:int, end:int, more:bytes) -> bytes: # the same with `more` in the first description of pictures
    "Tracks with two fields more"
    out = b''
    for name,i,j,k in elements(b, at, end):
        new = b[i:k]
        pictures = name == TRACK and any(n == KIND and b[x:y] == b'\x01' for n,_,x,y in elements(b, j, k))
        if more and (pictures or name == VIDEO):
            rest = b''.join(b[x:z] for n,x,_,z in elements(b, j, k) if n not in SHOWN) if name == VIDEO else b''
            inner = rest + more if name == VIDEO else _grown(b, j, k, more)
            new,more = element(name, inner, _number(b, i + 1)[1] - i - 1),b''
        out += new
    return out

def say_shape(
    path, # a Matroska or WebM file
    width:int, # at which its pictures are to be shown
    height:int,
) -> bool: # has it been said? If not, the file is as it was
    "Tell a finished file the size at which its pictures are to be shown"
    with open(path, 'r+b') as f:
        b = f.read(2**20)
        try:
            home = next(j for name,_,j,_ in elements(b, 0, len(b)) if name == SEGMENT)
            found = {}
            for name,*place in elements(b, home, len(b)):
                found.setdefault(name, place)
                if name == TRACKS: break
            (_,s0,s1),(v0,_,v1),(t0,t1,t2) = found[SEEKS],found[VOID],found[TRACKS]
        except (StopIteration, KeyError, IndexError): return False
        more = b''.join(element(name, v.to_bytes(4, 'big')) for name,v in zip(SHOWN, (width, height)))
        tracks = element(TRACKS, _grown(b, t1, t2, more), t1 - t0 - 4)
        by = len(tracks) - (t2 - t0)
        if not 0 < by <= v1 - v0 - 9: return False
        seeks = bytearray(b[s0:s1])
        for _,_,j,k in elements(seeks, 0, len(seeks)):
            for name,_,x,y in elements(seeks, j, k):
                v = int.from_bytes(seeks[x:y], 'big')
                if name == PLACE and v1 - home <= v <= t0 - home: seeks[x:y] = (v - by).to_bytes(y - x, 'big')
        f.seek(s0)
        f.write(bytes(seeks) + b[s1:v0] + element(VOID, bytes(v1 - v0 - by - 9), 8) + b[v1:t0] + tracks)
    return True

# %% [markdown]
# A film of 96x64 pixels, each 16:15 wide. The length of the file and every packet are what they were, the film can still be searched, and a reader sees the shape.

# %%
def write(path):
    "A film of ten frames"
    with av.open(str(path), 'w', container_options={'fflags': '+bitexact'}) as out:
        s = out.add_stream('libvpx-vp9', rate=25)
        s.width,s.height,s.pix_fmt = 96,64,'yuv420p'
        for i in range(10):
            f = av.VideoFrame.from_ndarray(np.full((64, 96), 20*i, np.uint8), format='gray').reformat(format='yuv420p')
            out.mux(s.encode(f))
        out.mux(s.encode(None))
def read(path):
    "Shape, and all packets"
    with av.open(str(path)) as c:
        s = c.streams.video[0]
        return s.sample_aspect_ratio,[(p.pts, bytes(p)) for p in c.demux(s) if p.size]
for suffix in ('webm', 'mkv'):
    write(home/f'a.{suffix}')
    (shape,packets),size = read(home/f'a.{suffix}'),(home/f'a.{suffix}').stat().st_size
    assert say_shape(home/f'a.{suffix}', 1536, 960)
    test_eq(read(home/f'a.{suffix}'), (Fraction(16, 15), packets))
    test_eq((home/f'a.{suffix}').stat().st_size, size)
    with av.open(str(home/f'a.{suffix}')) as c:
        c.seek(300000)
        test_eq(next(c.decode(video=0)).pts, 0)
(home/'b.mkv').write_bytes(b'no film')
test_eq(say_shape(home/'b.mkv', 4, 3), False)
shape

# %% [markdown]
# ## What we have
#
# - `film_box`, the place of the picture in a film with black bars; the network sees nothing else, and the bars stay as they are;
# - `whole_frames`, which takes the combs out of frames that say they have some, and `by_fields`, which converts a frame and keeps its two moments apart;
# - `say_shape`, which tells a finished Matroska or WebM file the size at which it is to be shown.

# %% [markdown]
# ## Exercises
#
# 1. Some films change their shape: wide scenes, high scenes. What does `film_box` answer, and what would a box for each shot need?
# 2. Take the brightest frame instead of the one at the first third. Which of the assertions fails?
# 3. Let the filter give a frame for each field, twice as many. What has to be said about their times, and what does the network gain?
# 4. Some films are interlaced and do not say so. FFmpeg has a filter that looks for combs, `idet`. After how many frames would you believe it?
# 5. Which other value of a track could be added as `say_shape` adds its two? Try the one that says which of two fields comes first.
