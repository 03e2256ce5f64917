# %% [markdown]
# # Parts of a film
#
# > Colored frames are kept on the disk as they come, so that a power cut costs seconds
#
# To color a film takes hours, and in hours a machine may be switched off. So the colored frames are encoded in runs of some seconds, and each run is put on the disk as soon as it is there: whole or not at all. The folder of these parts has a note that says which film and which options they belong to. A second call of the same command counts the parts that are whole and goes on after them; parts of another film, or of other options, are thrown away.

# %%
#| default_exp video.parts

# %%
#| export
import json, os, shutil
from contextlib import suppress
from pathlib import Path
from colorbook.core import OutputError, atomic_path
from colorbook.video.container import EncodedFrame
from colorbook.video.sequences import frame_files

# %%
#| hide
import tempfile
from contextlib import closing
from fastcore.test import *
from PIL import Image

# %% [markdown]
# ## One part, one file

# %% [markdown]
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
home = Path(tempfile.mkdtemp())
part = [EncodedFrame(i, not i, bytes([i])*(5 + i)) for i in range(4)]
save_part(home/'0.part', part)
test_eq(load_part(home/'0.part'), part)
for n in (1, 30): # in the bytes, and in the line
    (home/'1.part').write_bytes((home/'0.part').read_bytes()[:-n])
    test_fail(lambda: load_part(home/'1.part'), exc=ValueError)
[o.name for o in home.iterdir()]

# %% [markdown]
# ## Whose parts?

# %% [markdown]
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

# %% [markdown]
# The parts of a film lie in a folder beside it, hidden by a point in its name, until all are there. A file beside them says what they are parts of: which source, by size and date, which model, which options, which versions. Parts of anything else are thrown away. So the same command goes on, and a changed one begins anew. Parts count as far as they follow one another and are whole; the rest is made again.

# %% [markdown]
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
# ## What we have
#
# - files of encoded frames that are whole or absent;
# - `Parts`, a folder that goes on where it was left for the same film and the same words, and begins anew for any others.

# %% [markdown]
# ## Exercises
#
# 1. Two machines share a network drive and color the same film onto it. Does the lock keep the second one out? Find out what your system promises.
# 2. Size and date do not tell whether a file has the same bytes. Hash a film of an hour, and compare the time with that of coloring it.
