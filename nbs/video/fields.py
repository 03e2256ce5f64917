# %% [markdown]
# # Interlaced films
#
# > Two moments in one frame are told apart
#
# Television sent its pictures in halves: first the even rows, a moment later the odd ones. Such a film has two moments in each frame, and where something moves its edges look like combs (@fig-fields, left). A network that sees combs colors combs, and motion that is measured on them is wrong. A filter of FFmpeg makes such frames whole. For those who want to keep the two halves, the *fields*, a frame is turned into luma and chroma field by field, so that colors of one moment do not get into the other.

# %%
#| default_exp video.fields

# %%
#| export
import av, numpy as np
from av.filter import Graph
from av.video.reformatter import VideoReformatter
from colorbook.video.read import QUALITY

# %%
#| hide
from fastcore.test import *
import matplotlib.pyplot as plt

# %% [markdown]
# ## Whole frames
#
# The filter is `bwdif`. It looks at the frames before and after, and where nothing moves it takes the missing rows from there, so a still picture loses no sharpness. It touches only frames that carry the mark of being interlaced. It needs the next frame, so its answer comes one frame late; the times wait beside it.

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
import tempfile
film = interlaced(5, tempfile.mkdtemp() + '/a.mkv')
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
# ## Kept as they are
#
# A film that goes back to television needs its fields. Then the combs stay, and only the way from RGB to luma and chroma has to know of them: in 4:2:0 one value of chroma belongs to two rows, and these must be of one field. So the two fields are converted by themselves and woven together.

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
# ## What we have
#
# - `whole_frames`, which takes the combs out of frames that say they have some;
# - `by_fields`, which converts a frame and keeps its two moments apart.

# %% [markdown]
# ## Exercises
#
# 1. Let the filter give a frame for each field, twice as many. What has to be said about their times, and what does the network gain?
# 2. Some films are interlaced and do not say so. FFmpeg has a filter that looks for combs, `idet`. After how many frames would you believe it?
