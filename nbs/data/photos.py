# %% [markdown]
# # Photographs
#
# > Reading them from folders, tar files and lists: each time they are wanted, once into memory, or once into a file
#
# Color photographs come in folders with other things between them, in tar files, as lists, from memory. Some are turned by a tag in the file, some have 16 bits, some break off in the middle. This chapter makes one thing of all of these, a *set of photos*: a number of pictures with names, each of which is read as an upright RGB picture or stops the run with an error that names the file. Training wants the same set over and over, so the chapter also has two ways to decode it only once. Nothing here needs torch, so that tools which only look at pictures stay small.

# %%
#| default_exp data.photos

# %% tags=["parameters"]
seed = 7

# %%
#| export
import hashlib, io, json, math, os, tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from colorbook.core import atomic_path, InputError, UsageError, map_ahead, with_progress

# %%
#| hide
import tempfile, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.data.loaders import split_by_hash

# %% [markdown]
# ## From anywhere

# %% [markdown]
# A few photographs come with packages that we need anyway; the chapters use them, so that the book runs on a machine without data. Thousands come in a folder, with subfolders and other things between the pictures, or in tar shards, which a file system likes better than a million small files. All of these, and lists of them, are sources. A source becomes a list of names and of things to decode, always in the same order. A list in a text file names files or members of tars, relative to itself; that is how a split is written down. Of a tar only the headers are read; they say where in the file each picture lies, and any number of processes may read there at once. A whole tar ends in zeros. If it was cut off between two pictures, Python's own reader stops there without an error and the rest is lost, so we look for the zeros.

# %%
#| export
def data_dir() -> Path|None: # the folder, or None where the variable is not set
    "Folder of real photographs for chapters, tests and benchmarks: the variable `COLORBOOK_DATA`, and nothing else"
    return Path(os.environ['COLORBOOK_DATA']) if os.environ.get('COLORBOOK_DATA') else None

def weights_file(
    name:str, # of a file, or of a folder of files
) -> Path|None: # where it is; None where the variable is not set or the folder has no such file
    "A file of pretrained weights in the folder that the variable `COLORBOOK_WEIGHTS` names"
    home = os.environ.get('COLORBOOK_WEIGHTS')
    return Path(home)/name if home and (Path(home)/name).exists() else None

# %%
#| export
def sample_photos(
    size:int=None, # resize and crop to squares of this many pixels; None keeps the pictures whole
) -> list: # six color photographs as PIL pictures
    "Color photographs that scikit-image and scikit-learn carry"
    from skimage import data
    from sklearn.datasets import load_sample_images
    arrays = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), *load_sample_images().images]
    ims = [Image.fromarray(o) for o in arrays]
    return ims if size is None else [ImageOps.fit(o, (size, size), Image.Resampling.LANCZOS) for o in ims]

# %%
#| label: fig-samples
#| fig-cap: "The six photographs that come with scikit-image and scikit-learn, on which the book runs."
fig,axs = plt.subplots(1, 6, figsize=(10, 1.8), layout='constrained')
for ax,im in zip(axs, sample_photos(160)):
    ax.imshow(im)
    ax.axis('off')

# %%
#| export
PHOTO_SUFFIXES = {'.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff'}

def is_photo(
    name:str|Path, # of a file
) -> bool: # has it a photo's suffix, and is it not hidden?
    "Whether a file counts as a photo, by its name"
    return Path(name).suffix.lower() in PHOTO_SUFFIXES and not Path(name).name.startswith('.')

# %%
#| export
@dataclass(frozen=True)
class TarPart:
    "A member of a tar file, found again without a search"
    path:Path # the tar
    start:int # where the member begins, in bytes
    size:int # in bytes
    def read(self) -> bytes: # the member, still encoded
        "Read it; every call opens the tar by itself, so that processes do not disturb each other"
        with open(self.path, 'rb') as f:
            f.seek(self.start)
            return f.read(self.size)

# %%
#| export
def list_tar(
    path:Path, # tar file of photos
) -> list: # pairs of member name and `TarPart`, or bytes where the tar is compressed
    "All photos of a tar shard, still encoded"
    try:
        with tarfile.open(path) as t:
            plain = type(t.fileobj) is io.BufferedReader
            def part(m): return TarPart(Path(path), m.offset_data, m.size) if plain else t.extractfile(m).read()
            found = [(m.name, part(m)) for m in t if m.isfile() and is_photo(m.name)]
            t.fileobj.seek(t.offset)
            if t.fileobj.read(512) != bytes(512): raise tarfile.ReadError('it breaks off, or a header is damaged')
            return found
    except (tarfile.TarError, OSError, EOFError) as e:
        raise InputError(f"cannot read '{path}' as a tar file: {e}", 'copy it again or make it anew') from e

# %%
#| export
def read_list(
    path:Path, # text file: a name in each line, relative to the file; members as `shard.tar/name.jpg`
) -> list: # pairs of a name and a path or `TarPart`
    "The photos that a list names, in its order"
    home,tars,found = Path(path).parent,{},[]
    for line in filter(None, map(str.strip, Path(path).read_text().splitlines())):
        o = home/line
        tar = next((p for p in o.parents if '.tar' in p.suffixes and p.is_file()), None)
        if tar and tar not in tars: tars[tar] = dict(list_tar(tar))
        src = tars[tar].get(str(o.relative_to(tar))) if tar else o if o.is_file() else None
        if src is None: raise InputError(f"'{path}' names '{line}', which is missing", 'bring it, or correct the list')
        found.append((line, src))
    return found

# %%
#| export
def list_photos(
    source, # folder (recursive), photo, tar, list as .txt, glob of these, or a list of these, pictures, arrays or bytes
) -> list: # pairs of a name and something that `read_photo` takes
    "What there is to read in `source`, in a fixed order"
    if not isinstance(source, (str, Path)):
        pairs = [list_photos(o) if isinstance(o, (str, Path)) else [(f'{i:05}', o)] for i,o in enumerate(source)]
        return [o for p in pairs for o in p]
    path = Path(source)
    if path.is_dir():
        found = sorted(o for o in path.rglob('*') if is_photo(o))
        shards = sorted(path.rglob('*.tar'))
        return [(str(o.relative_to(path)), o) for o in found] + [p for o in shards for p in list_tar(o)]
    files = [path] if path.exists() else sorted(path.parent.glob(path.name))
    if not files: raise InputError(f"there is nothing at '{source}'", 'give a folder, a tar file or a pattern')
    def one(o): return list_tar(o) if '.tar' in o.suffixes else read_list(o) if o.suffix == '.txt' else [(str(o), o)]
    return [p for o in files for p in one(o)]

# %%
#| export
def open_photo(
    src, # see `read_photo`
) -> Image.Image: # as it is stored
    "A photo, opened but not yet decoded"
    if isinstance(src, Image.Image): return src
    if isinstance(src, TarPart): src = src.read()
    if not isinstance(src, np.ndarray): return Image.open(io.BytesIO(src) if isinstance(src, bytes) else src)
    if src.dtype != np.uint8: raise ValueError(f'an array of {src.dtype}, not of bytes')
    return Image.fromarray(src)

# %%
#| export
def read_photo(
    src, # path, bytes, `TarPart`, PIL picture or HxWx3 array of bytes
    name:str='', # what to call it in an error
) -> Image.Image: # RGB, turned the way its EXIF data says
    "One photo, decoded"
    try:
        im = ImageOps.exif_transpose(open_photo(src))
        if im.mode.startswith('I'): im = Image.fromarray(np.rint(np.asarray(im).clip(0, 65535)/257).astype(np.uint8))
        return im.convert('RGB')
    except (OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError) as e:
        name = name or (type(src).__name__ if isinstance(src, (bytes, np.ndarray)) else src)
        why = 'the format is unknown' if isinstance(e, UnidentifiedImageError) else e
        raise InputError(f"cannot read '{name}' as a picture: {why}", 'remove it or copy it again') from e

# %%
#| export
def stored(
    src, # see `read_photo`
    name:str='', # what to call it in an error
): # bytes; of a PIL picture or an array, itself
    "A photo as it is stored, not yet decoded"
    if not isinstance(src, (str, Path, TarPart)): return src
    try: return src.read() if isinstance(src, TarPart) else Path(src).read_bytes()
    except OSError as e: raise InputError(f"cannot read '{name or src}': {e}", 'copy it again') from e

def content_hash(
    src, # see `read_photo`
    name:str='', # what to call it in an error
) -> str: # 64 hexadecimal digits
    "Hash of a photo as it is stored, without decoding it; of pixels where there is nothing else"
    code = stored(src, name)
    return hashlib.sha256(code if isinstance(code, bytes) else read_photo(code, name).tobytes()).hexdigest()

# %% [markdown]
# ## A set of photos

# %% [markdown]
# Training asks for each photo again and again. A set that fits into memory is decoded once, turned the way its EXIF data says, made small and kept: 25,000 photos of 192 pixels are 3 GB, and an epoch that decodes nothing is several times as fast on few cores. A larger set is decoded anew each time, by several processes, or [once into a file](#decoded-once-into-a-file); [Data at scale](scale.ipynb) says when to take which. All kinds have a length, pictures, names, and for each picture a hash of its stored file (a number that is the same for equal files and practically never for others). The hash decides which photos are held out, and because it is taken from the file, that does not depend on how the photos are read. Everything that has these four is a set of photos for the other chapters, frames in an [HDF5 file](hdf5.ipynb) too.

# %%
#| export
class Photos:
    "Photographs, decoded once and kept in memory, or each time they are asked for"
    def __init__(self,
        source, # see `list_photos`
        short:int=None, # shrink pictures whose short side is longer than this
        n:int=None, # take only so many
        keep:bool=True, # decode all now; else each when it is wanted
    ):
        items = list_photos(source)[:n]
        known = ', '.join(sorted(PHOTO_SUFFIXES))
        if not items: raise InputError(f"there is no photo in '{source}'", f'it reads {known}')
        self.names,self.items = map(list, zip(*items))
        self.short,self.ims,self.hashes = short,None,[None]*len(items)
        if not keep: return
        with ThreadPoolExecutor() as ex: loaded = list(ex.map(self._load, range(len(items))))
        self.ims,self.hashes = map(list, zip(*loaded))
    def _load(self, i):
        code = stored(self.items[i], self.names[i])
        return self._shrink(read_photo(code, self.names[i])),content_hash(code, self.names[i])
    def _shrink(self, im):
        by = (self.short or math.inf)/min(im.size)
        return im if by >= 1 else ImageOps.scale(im, by, Image.Resampling.BOX)
    def __len__(self): return len(self.names)
    def __getitem__(self, i):
        return self.ims[i] if self.ims else self._shrink(read_photo(self.items[i], self.names[i]))
    def hash(self, i):
        if not self.hashes[i]: self.hashes[i] = content_hash(self.items[i], self.names[i])
        return self.hashes[i]

# %% [markdown]
# What a command or a recipe is given may be any of these, a [database of frames](hdf5.ipynb), or a set that is open already.

# %%
#| export
def open_photos(
    source, # see `list_photos`; a database of frames, see `colorbook.data.hdf5`; or a set of photos, which comes back
    short:int=None, # shrink pictures whose short side is longer than this
    n:int=None, # take only so many
    keep:bool=True, # in memory
): # a set of photos
    "Photos from wherever they are"
    is_db = isinstance(source, (str, Path)) and Path(source).suffix in ('.h5', '.hdf5')
    if not is_db and not hasattr(source, 'hash'): return Photos(source, short, n, keep)
    if n: raise UsageError(f"{'a database' if is_db else 'an open set'} is taken whole", 'leave n out')
    if not is_db: return source
    from colorbook.data.hdf5 import DBPhotos
    return DBPhotos(source)

# %% [markdown]
# We cut two dozen small pictures out of the six photographs and store them in several ways: as files in nested folders, between other files, and in two tar files. Every source must give the same pixels and the same hashes. Printed is how many pictures each holds; `one` is a single file.

# %%
ims = [o.crop((x, 40, x + 50, 80)) for o in sample_photos(200) for x in range(0, 151, 50)]
home = Path(tempfile.mkdtemp())
for i,o in enumerate(ims):
    f = home/'photos'/f'{i%3}'/f'{i:03}.{("png", "PNG", "bmp")[i%3]}'
    f.parent.mkdir(parents=True, exist_ok=True)
    o.save(f)
    with tarfile.open(home/f'shard-{i%2}.tar', 'a') as t: t.add(f, f'{i:03}{f.suffix}')
(home/'photos/notes.txt').write_text('not a photo')
(home/'photos/0/._000.png').write_text('what another system leaves beside a photo')
(home/'list.txt').write_text('\n'.join(f'photos/{i%3}/{i:03}.{("png", "PNG", "bmp")[i%3]}' if i%2 else
    f'shard-0.tar/{i:03}.{("png", "PNG", "bmp")[i%3]}' for i in range(24)))
sources = dict(folder=home/'photos', files=sorted((home/'photos').rglob('0*.*')), glob=home/'shard-*.tar', pictures=ims,
    list=home/'list.txt', tars=[home/'shard-0.tar', home/'shard-1.tar'], arrays=[np.asarray(o) for o in ims],
    one=home/'photos/1/001.PNG')
read = {k: Photos(v) for k,v in sources.items()}
late = {k: Photos(v, short=20, keep=False) for k,v in sources.items()}
def pixels(photos): return sorted(o.tobytes() for o in photos)
for k in ('folder', 'files', 'tars', 'glob', 'arrays', 'list'): test_eq(pixels(read[k]), pixels(ims))
test_eq([o.tobytes() for o in read['list']], [o.tobytes() for o in ims])
test_eq(read['tars'].names[:2], ['000.png', '002.bmp'])
test_eq(max(max(o.size) for o in Photos(ims, short=20).ims), 25)
for k,v in sources.items():
    test_eq([o.tobytes() for o in late[k]], [o.tobytes() for o in Photos(v, short=20)])
    test_eq([late[k].hash(i) for i in range(len(late[k]))], read[k].hashes)
for k in ('files', 'tars', 'glob', 'list'): test_eq(sorted(read[k].hashes), sorted(read['folder'].hashes))
test_eq(read['arrays'].hashes, read['pictures'].hashes)
test_eq(open_photos(home/'list.txt', short=20, n=5).ims[4].size, late['list'][4].size)
assert open_photos(read['list']) is read['list'] and open_photos(home/'list.txt', keep=False).ims is None
test_fail(lambda: open_photos(read['list'], n=3), exc=UsageError, contains='leave n out')
{k: len(v) for k,v in read.items()}

# %% [markdown]
# ## Difficult files

# %% [markdown]
# A turn in the EXIF data is undone, and 16 bits are scaled to 8, where Pillow alone would cut them to white. An unreadable photo stops the run with its name, because leaving it out in silence would change what is held out from one machine to the next. Printed is such an error. The cell after it counts the photographs of the folder `COLORBOOK_DATA`, where there is one.

# %%
turned = Image.new('RGB', (30, 20))
turned.getexif()[0x0112] = 6 # the camera was held upright
turned.save(home/'turned.jpg', exif=turned.getexif())
test_eq(read_photo(home/'turned.jpg').size, (20, 30))
deep = read_photo(Image.fromarray(np.array([[0, 257*100, 65535]], np.uint16)))
test_eq(np.asarray(deep)[0,:,0], [0, 100, 255])
(home/'half.png').write_bytes((home/'photos/0/000.png').read_bytes()[:400])
(home/'empty').mkdir()
(home/'no.tar').write_text('no tar')
test_fail(lambda: Photos(home/'half.png'), exc=InputError, contains='half.png')
test_fail(lambda: Photos(home/'empty'), exc=InputError, contains='there is no photo')
(home/'wrong.txt').write_text('photos/none.png')
test_fail(lambda: Photos(home/'wrong.txt'), exc=InputError, contains="names 'photos/none.png', which is missing")
test_fail(lambda: Photos(home/'no.tar'), exc=InputError, contains='as a tar file')
whole,part = (home/'shard-0.tar').read_bytes(),list_tar(home/'shard-0.tar')[5][1]
for code in (whole[:part.start - 512], whole[:part.start], whole[:part.start - 500] + b'?' + whole[part.start - 499:]):
    (home/'cut.tar').write_bytes(code)
    test_fail(lambda: list_tar(home/'cut.tar'), exc=InputError, contains='cut.tar')
test_fail(lambda: Photos(home/'lost'), exc=InputError, contains='there is nothing')
test_fail(lambda: Photos([np.zeros((4, 4, 3))]), exc=InputError, contains='not of bytes')
try: Photos([b'GIF89a'])
except InputError as e: said = str(e)
said

# %%
shards = sorted((data_dir()/'photos').glob('*.tar')) if data_dir() else []
{o.name: len(list_photos(o)) for o in shards}

# %% [markdown]
# ## Decoded once into a file

# %% [markdown]
# `decode_photos` writes the pixels of a set into one file, in a folder that the user names, since to decode a JPEG takes longer than to crop it. A later training on the same photographs finds them there, several processes share one copy of them, and the operating system keeps in memory what fits.
#
# The file is named after what is in it: a hash over the names and hashes of all stored photographs, in their order, and the length to which their short sides were shrunk. So the file can never be out of date: if a photograph is added, replaced, renamed or left out, the name is another, and another file is made. An index beside it says where each picture begins, and how high and wide it is. Both are written under other names and renamed when they are complete.

# %%
#| export
class DecodedPhotos:
    "A set of photographs whose pixels are in a file that is mapped into memory"
    def __init__(self,
        path, # of the pixels; the index is beside it, as .json
    ):
        self.path = Path(path)
        about = json.loads(self.path.with_suffix('.json').read_text())
        self.names,self.hashes,self.shapes = about['names'],about['hashes'],about['shapes']
        self.starts = np.concatenate([[0], np.cumsum([3*h*w for h,w in self.shapes])])
        if self.path.stat().st_size != self.starts[-1]:
            raise InputError(f"'{self.path}' is not as long as its index says", 'remove it; it is made again')
        self.pixels = np.memmap(self.path, np.uint8, 'r')
    def __len__(self): return len(self.names)
    def hash(self, i): return self.hashes[i]
    def __getitem__(self, i):
        a = self.pixels[self.starts[i]:self.starts[i + 1]]
        return Image.fromarray(np.array(a).reshape(*self.shapes[i], 3))
    def __getstate__(self): return dict(path=self.path)
    def __setstate__(self, state): self.__init__(state['path'])

# %%
#| export
def decode_photos(
    source, # see `open_photos`
    folder, # where the pixels are kept; 3 bytes a pixel: 40,000 photographs of 200 by 270 pixels take 6.5 GB
    short:int=None, # shrink pictures whose short side is longer than this
    n:int=None, # take only so many
) -> DecodedPhotos:
    "The photographs of `source`, decoded into a file, if they are not there yet"
    photos = open_photos(source, short, n, keep=False)
    hashes = list(map_ahead(photos.hash, range(len(photos))))
    key = hashlib.sha256(json.dumps([1, short, photos.names, hashes]).encode()).hexdigest()[:16]
    path = Path(folder)/f'photos-{key}.u8'
    if not (path.exists() and path.with_suffix('.json').exists()):
        shapes = []
        with atomic_path(path) as f, open(f, 'wb') as o:
            load = lambda i: np.asarray(photos[i])
            for a in with_progress(map_ahead(load, range(len(photos))), 'decoding', len(photos)):
                shapes.append(a.shape[:2])
                o.write(a.tobytes())
        about = dict(names=photos.names, hashes=hashes, shapes=shapes)
        with atomic_path(path.with_suffix('.json')) as f: f.write_text(json.dumps(about))
    return DecodedPhotos(path)

# %% [markdown]
# `DecodedPhotos` has the interface of `Photos`, so it goes wherever these go, and [what is held out](loaders.ipynb#a-split-that-no-copy-crosses) does not change, because the hashes are those of the stored photographs. The test stores six photographs as JPEGs. The file must give back exactly the pixels that `Photos` would have decoded; a second call must find the file and write nothing; one photograph more must give another file; and a file that was cut off must be noticed. Printed are the sizes of the two files in bytes.

# %%
home = Path(tempfile.mkdtemp())
(home/'photos').mkdir()
for i,o in enumerate(sample_photos()): o.save(home/f'photos/{i}.jpg')
plain,kept = Photos(home/'photos', short=100),decode_photos(home/'photos', home/'pixels', 100)
test_eq((kept.names, len(kept)), (plain.names, 6))
for i in range(6): test_eq(np.asarray(kept[i]), np.asarray(plain[i]))
test_eq(split_by_hash(kept, .4), split_by_hash(plain, .4))
stamps = lambda: {o.name: o.stat().st_mtime_ns for o in (home/'pixels').iterdir()}
before = stamps()
again = decode_photos(home/'photos', home/'pixels', 100)
test_eq(stamps(), before)
test_eq(np.asarray(again[3]), np.asarray(plain[3]))
for change in (dict(short=90), dict(short=100, n=5)): decode_photos(home/'photos', home/'pixels', **change)
sample_photos()[0].rotate(90).save(home/'photos/7.jpg')
test_eq(len(decode_photos(home/'photos', home/'pixels', 100)), 7)
test_eq(len(stamps()), 8)
with open(kept.path, 'r+b') as f: f.truncate(1000)
test_fail(lambda: decode_photos(home/'photos', home/'pixels', 90) and DecodedPhotos(kept.path), exc=InputError,
    contains='remove it')
{k: os.path.getsize(home/'pixels'/k) for k in sorted(before)}

# %% [markdown]
# ## What we have
#
# - photos from folders, files, lists and tar shards, in a fixed order, with errors that name the file;
# - `Photos`: decoded once and kept, or each time it is asked for, by any number of processes;
# - `decode_photos` and `DecodedPhotos`: pixels in a file with the name of their content, made once; [`train`](../training/trainer.ipynb) takes its folder as `cache`;
# - a hash of each photo's stored file, the same whether it lies in a folder or in a tar, and however it is kept.

# %% [markdown]
# ## Exercises
#
# 1. Time `Photos` on a folder with and without `keep`, and the second pass over each. From how many passes on does keeping pay?
# 2. Save one picture as JPEG and as PNG. Does the hash of the files, or a hash of the pixels, tell that it is the same photo? What would?
# 3. Cut a tar off in the middle of a picture, and then exactly between two. Which of the two does Python's `tarfile` notice, which `list_tar`?
# 4. Suppose the pixels of each 8x8 block in the file of pixels were kept together instead of row by row. For which crops would less of the file have to be read?
# 5. How long does it take at least to read 40,000 decoded photographs of 200 by 270 pixels from a disk of 500 MB a second? What changes in the second epoch?
