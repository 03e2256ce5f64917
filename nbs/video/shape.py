# %% [markdown]
# # The shape of pixels
#
# > A Matroska file is told how wide its pixels are, after it was written
#
# Old television has pixels that are wider or narrower than they are high, and a film that forgets it shows thin people. H.264 and HEVC say it in their own headers, and MP4 says it for all codecs. Matroska and WebM have two fields for the size at which a picture is to be shown, but PyAV gives us no way to ask for them when the film is written. So `say_shape` adds them to the finished file: a few bytes near its beginning change, and not one byte of sound or picture moves.

# %%
#| default_exp video.shape

# %%
#| export
from pathlib import Path

# %%
#| hide
import tempfile
from fractions import Fraction
import av, numpy as np
from fastcore.test import *

# %% [markdown]
# ## Elements
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
# ## Two fields more
#
# The two fields belong into the description of the pictures, which is inside the description of their track, which is inside that of all tracks; each of these has a length that grows. The room for it is there already: FFmpeg leaves a gap before the tracks, filled by an element that is called *void* and means nothing. The gap becomes smaller by as much, what stands between it and the fields moves forward, and the table of contents at the beginning is changed to match.

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
home = Path(tempfile.mkdtemp())
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
# - `say_shape`, which tells a finished Matroska or WebM file the size at which it is to be shown.

# %% [markdown]
# ## Exercises
#
# 1. Which other field of a track could be added in this way? Try the one that says which of two fields comes first.
# 2. What is in the void that FFmpeg leaves, and why does it leave so much?
