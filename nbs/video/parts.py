# %% [markdown]
# # Parts of a film
#
# > Colored frames are kept on the disk as they come, so that a power cut costs seconds; pictures and GIFs are made of them
#
# To color a film takes hours, and in hours a machine may be switched off. So the colored frames are encoded in runs of some seconds, and each run is put on the disk as soon as it is there: whole or not at all. The folder of these parts has a note that says which film and which options they belong to. A second call of the same command counts the parts that are whole and goes on after them; parts of another film, or of other options, are thrown away. When all are there they become [one file](container.ipynb), or, at the end of this chapter, what is no film: a folder of numbered pictures for a program that edits, or an animated GIF for a page on the web.

# %%
#| default_exp video.parts

# %%
#| export
import io, json, os, shutil
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
import av, numpy as np
from PIL import Image
from colorbook.core import OutputError, atomic_path
from colorbook.video.codecs import Spec
from colorbook.video.container import EncodedFrame, new_film
from colorbook.video.sequences import frame_files

# %%
#| hide
import tempfile
from contextlib import closing
from fastcore.test import *
from colorbook.video.container import encode_part
home = Path(tempfile.mkdtemp())

# %% [markdown]
# ## One part, one file
#
# A part is a file: a line of JSON with the time of each packet, its length and whether it is a key frame, and then the bytes. It is written beside its name and renamed; but first the disk is told to keep it, since a power cut could otherwise leave the name without the bytes. A file that is shorter than its first line says is not whole, and is not read.

# %%
#| export
def save_part(
    path:Path,
    part:list[EncodedFrame],
):
    "Write a part, whole or not at all"
    head = json.dumps([[o.pts, o.key, len(o.data)] for o in part]).encode()
    with atomic_path(path) as tmp, open(tmp, 'wb') as f:
        f.writelines([head, b'\n', *(o.data for o in part)])
        f.flush()
        os.fsync(f.fileno())

def load_part(
    path:Path,
) -> list[EncodedFrame]:
    "Read a part; `ValueError` if it is not whole"
    with open(path, 'rb') as f:
        head = json.loads(f.readline())
        part = [EncodedFrame(pts, key, f.read(n)) for pts,key,n in head]
    if [len(o.data) for o in part] != [n for *_,n in head]: raise ValueError(f'{path} is not whole')
    return part

# %%
part = [EncodedFrame(i, not i, bytes([i])*(5 + i)) for i in range(4)]
save_part(home/'0.part', part)
test_eq(load_part(home/'0.part'), part)
for n in (1, 30): # in the bytes, and in the line
    (home/'1.part').write_bytes((home/'0.part').read_bytes()[:-n])
    test_fail(lambda: load_part(home/'1.part'), exc=ValueError)
[o.name for o in home.iterdir()]

# %% [markdown]
# ## Whose parts?
#
# A source is known by its name and by size and date of change: a film that was replaced, or a folder in which one frame was painted anew, is another source. An address has nothing but its name.

# %%
#| export
def identity(
    src, # a file, a folder or an address
) -> list:
    "What tells whether a source is still the same"
    p = Path(src)
    files = [*frame_files(p).values()] if p.is_dir() else [p] if p.is_file() else []
    return [str(p.resolve() if files else src), *sum(([o.stat().st_size, o.stat().st_mtime_ns] for o in files), [])]

# %%
(home/'in').mkdir()
for i in (1, 2): Image.new('L', (4, 4)).save(home/f'in/{i}.png')
was = identity(home/'in')
os.utime(home/'in/2.png', (1, 1))
assert identity(home/'in') != was and identity(home/'in')[:3] == was[:3]
test_eq(identity('rtsp://nowhere/1'), ['rtsp://nowhere/1'])
len(was)

# %% [markdown]
# ## A folder of parts
#
# The parts of a film lie in a folder beside it, hidden by a point in its name, until all are there. A file beside them says what they are parts of: which source, which model, which options, which versions. So the same command goes on, and a changed one begins anew. Parts count as far as they follow one another and are whole; the rest is made again.
#
# Two runs of the same command at the same time would write the same parts, and the later one would find them gone at the end. So a run holds a lock on a file in the folder. The system lets go of it when the process ends, however it ends, so nobody has to clean up after a power cut. If the file was removed while we waited for it, its lock means nothing, and we take the new one. Where a file system has no locks we do without.

# %%
#| export
def _lock(f):
    "Lock an open file; `BlockingIOError` or `PermissionError` if another process has"
    try: import fcntl
    except ImportError:
        import msvcrt
        return msvcrt.locking(f.fileno(), msvcrt.LK_NBLCK, 1)
    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)

def hold(
    path:Path, # of the lock; its folder is made if it is missing
    dst, # the film, for the error
): # an open file, which is to be closed at the end
    "Be the only one who works on a film; `OutputError` if another run does"
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            f = open(path, 'ab')
        except OSError as e: raise OutputError(f"cannot write '{dst}': {e.strerror}", 'choose another place') from e
        try: _lock(f)
        except (BlockingIOError, PermissionError) as e:
            f.close()
            raise OutputError(f"another run is making '{dst}'", 'wait for it, or choose another name') from e
        except OSError: return f # a file system without locks
        with suppress(OSError):
            if os.name == 'nt' or os.path.samestat(os.fstat(f.fileno()), path.stat()): return f
        f.close()

# %%
#| export
def parts_of(dst) -> Path: return (p := Path(dst).absolute()).with_name(f'.{p.name}.parts') # where the parts lie

class Parts:
    "Parts of a film in a folder beside it"
    def __init__(self,
        dst:Path, # the film
        job:dict, # all that decides what the parts are; others are thrown away
        resume:bool=True, # keep those that are there?
    ):
        self.folder,self.job = parts_of(dst),json.loads(json.dumps(job))
        self.lock = hold(self.folder/'lock', dst)
        if not resume or self._job() != self.job: self._empty()
        with atomic_path(self.folder/'job.json') as f: f.write_text(json.dumps(self.job))
        for o in self.folder.glob('.*.tmp*'): o.unlink() # whoever wrote it was killed
        self.files,self.kept = [],0
        while n := self._frames(self._name()): self.files,self.kept = [*self.files, self._name()],self.kept + n

    def _name(self): return self.folder/f'{len(self.files):06}.part'
    def _frames(self, path):
        "How many frames a part has; 0 if it is not there or not whole"
        try: return len(load_part(path))
        except (OSError, ValueError): return 0

    def _job(self):
        "What the parts that are there belong to"
        try: return json.loads((self.folder/'job.json').read_text())
        except (OSError, ValueError): return None

    def _empty(self):
        "Throw away all but the lock"
        for o in self.folder.iterdir():
            if o.is_dir(): shutil.rmtree(o, ignore_errors=True)
            elif o.name != 'lock': o.unlink(missing_ok=True)

    def __iter__(self): return (load_part(o) for o in self.files)
    def add(self, part:list):
        save_part(self._name(), part)
        self.files.append(self._name())
        return part
    def close(self): self.lock.close() # for another run; what there is stays
    def remove(self):
        if os.name == 'nt': self.close() # Windows removes no open file
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

# %% [markdown]
# Two parts of two frames each are found again by the next run. A half-written file is removed; if the second part loses a byte, the first alone counts; and with another `size` none does.

# %%
parts = Parts(home/'a.mp4', dict(size=64))
test_fail(lambda: Parts(home/'a.mp4', dict(size=64)), exc=OutputError, contains='another run')
for i in (0, 2): parts.add([EncodedFrame(i, True, b'one'), EncodedFrame(i + 1, False, b'two')])
def again(**job):
    "The parts as another run finds them, and leaves them"
    with closing(Parts(home/'a.mp4', job)) as o: return o.kept,[len(part) for part in o]
parts.close()
test_eq(again(size=64), (4, [2, 2]))
(home/'.a.mp4.parts'/'.000002.7.tmp.part').write_bytes(b'half of a part')
test_eq(again(size=64), (4, [2, 2]))
assert not list((home/'.a.mp4.parts').glob('.*'))
second = home/'.a.mp4.parts/000001.part'
second.write_bytes(second.read_bytes()[:-1])
test_eq(again(size=64), (2, [2]))
test_eq(again(size=96), (0, []))
[o.name for o in (home/'.a.mp4.parts').iterdir()]

# %% [markdown]
# ## Parts as pictures
#
# For a folder of pictures, or for a GIF, the parts hold PNG files. The folder gets them as they are. In a GIF each frame has at most 256 colors, so those of the frame are reduced to the 256 that suit it best; where there is transparency, to 255 and none. A GIF is repeated as often as its source was.

# %%
#| export
def write_frames(
    folder:Path, # a new one
    parts, # of PNG files
):
    "Parts as numbered pictures from 00001.png on"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        for i,o in enumerate((o for part in parts for o in part), 1): (folder/f'{i:05}.png').write_bytes(o.data)
    except OSError as e: raise OutputError(f"cannot write '{folder}': {e.strerror or e}", 'make room') from e

# %%
#| export
def loops_of(src, c) -> int: # source and its container
    "How often a GIF begins again; for ever if the source does not say"
    if c.format.name != 'gif' or not Path(src).is_file(): return 0
    with Image.open(src) as im: return im.info.get('loop', -1)

# %%
#| export
def write_gif(
    dst, # the file
    spec:Spec,
    parts, # of PNG files
    loop:int=0, # so many times again; 0 for ever, -1 for not at all
):
    "Parts as an animated GIF, 256 colors for each frame, of which one is no color where there is transparency"
    with atomic_path(dst) as tmp, new_film(tmp, loop=loop) as out:
        s = out.add_stream('gif', rate=Fraction(*spec.rate))
        s.width,s.height,s.pix_fmt,s.codec_context.time_base = spec.width,spec.height,'pal8',Fraction(*spec.time_base)
        for o in (o for part in parts for o in part):
            whole = Image.open(io.BytesIO(o.data))
            im = whole.convert('RGB').quantize(255 if spec.alpha else 256, Image.Quantize.MEDIANCUT)
            colors,index = np.zeros((256, 4), np.uint8),np.array(im)
            own = np.array(im.getpalette(), np.uint8).reshape(-1, 3)
            colors[:len(own),0],colors[:len(own),1:] = 255,own
            if spec.alpha: # one entry, and only one, is no color
                colors[:,0],colors[255] = 255,0
                index[np.asarray(whole.getchannel('A')) < 128] = 255
            f = av.VideoFrame.from_ndarray((index, colors), format='pal8')
            f.pts,f.time_base = o.pts,s.codec_context.time_base
            out.mux(s.encode(f))
        out.mux(s.encode(None))

# %% [markdown]
# Three frames with a hole that moves: the folder has every value, the GIF has the hole, its times and the number of its repetitions.

# %%
frames = []
for i in range(3):
    x = np.full((48, 64, 4), 255, np.uint8)
    x[...,0],x[8:24,16*i:16*i + 16,3] = np.arange(64)*4,0
    frames.append(x)
spec = Spec('png', 64, 48, (1, 10), (10, 1), alpha=True)
part = encode_part(spec, zip(frames, range(3)))
write_frames(home/'out', [part])
for i,o in enumerate(sorted((home/'out').iterdir())): test_eq(np.asarray(Image.open(o)), frames[i])
write_gif(home/'a.gif', spec, [part], 2)
with Image.open(home/'a.gif') as gif:
    test_eq((gif.n_frames, gif.info['loop'], gif.info['duration']), (3, 2, 100))
    for i in range(3):
        gif.seek(i)
        test_eq(np.asarray(gif.convert('RGBA'))[...,3], frames[i][...,3])
with av.open(str(home/'a.gif')) as c: test_eq(loops_of(home/'a.gif', c), 2)

# %% [markdown]
# ## What we have
#
# - files of encoded frames that are whole or absent;
# - `Parts`, a folder that goes on where it was left for the same film and the same words, and begins anew for any others;
# - `write_frames` and `write_gif`, which make pictures of parts.

# %% [markdown]
# ## Exercises
#
# 1. Two machines share a network drive and color the same film onto it. Does the lock keep the second one out? Find out what your system promises.
# 2. Size and date do not tell whether a file has the same bytes. Hash a film of an hour, and compare the time with that of coloring it.
# 3. Let `write_gif` use one table of colors for a whole shot. What becomes of the size of the file, and what of its colors?
# 4. WebP and PNG move as well. What would a third way need?
