# %% [markdown]
# # A database of frames
#
# > One HDF5 file, written in parts so that an interrupted build can go on, and read by many processes
#
# A film is a hundred thousand pictures of one size, which are unwieldy as a hundred thousand files. S2 keeps its frames in one HDF5 file, as lightness and color in bytes, ready for training. We build such a file from any source of photographs, with little memory however many there are, in a way that can be interrupted at any moment and goes on where it was. The reader takes S2's older files as well, and works in several processes at once.

# %%
#| default_exp data.hdf5

# %% tags=["parameters"]
size,seed = 96,7

# %%
#| export
import hashlib, os, shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
import h5py, numpy as np, torch
from PIL import Image, ImageOps
from colorbook.core import InputError, OutputError, UsageError, atomic_path, core_count, with_progress
from colorbook.data.photos import content_hash, list_photos, read_photo
from colorbook.color.lab import lab_to_rgb, rgb_to_lab

# %%
#| hide
import tempfile
from fastai.vision.all import set_seed
from fastcore.test import *
from torch.utils.data import DataLoader
from colorbook.data.loaders import color_loaders, split_by_hash
from colorbook.data.photos import Photos, sample_photos
from colorbook.color.lab import show_row

# %% [markdown]
# ## Lab in bytes

# %% [markdown]
# OpenCV puts Lab into bytes, and S2 took what OpenCV gave: lightness stretched over the whole byte, color moved by half of it,
#
# $$L_8=\tfrac{255}{100}L,\qquad a_8=a+128,\qquad b_8=b+128$$
#
# No color of sRGB is cut off. $L$ has two and a half steps for each unit, $a$ and $b$ have one, and a picture that goes through these bytes comes back a little changed: by a third of a step of RGB on average, by several where one unit of $b$ is worth more than one step of blue, as in deep yellow.
#
# OpenCV computes this in integers and is up to 2.5 units away from its own definition where colors are dark; we round what `rgb_to_lab` gives. Over all of RGB one color in two thousand differs from OpenCV's by more than one unit, in a dark photograph up to two pixels of a hundred; always in $a$, and never by more than three.

# %%
#| export
SCALE,SHIFT = torch.tensor([2.55, 1, 1]).view(3, 1, 1),torch.tensor([0., 128, 128]).view(3, 1, 1)

def to_lab8(
    im:Image.Image, # RGB
) -> np.ndarray: # planes L, a and b in bytes, 3xHxW
    "A picture as OpenCV's 8-bit Lab"
    rgb = torch.from_numpy(np.array(im)).permute(2, 0, 1)[None]/255
    return (rgb_to_lab(rgb)[0]*SCALE + SHIFT).round().clamp(0, 255).byte().numpy()

# %%
#| export
def from_lab8(
    planes:np.ndarray, # L, a and b in bytes, 3xHxW, or L alone, 1xHxW
) -> Image.Image: # RGB; gray where there is only L
    "The picture of 8-bit Lab planes"
    lab = torch.full((3, *planes.shape[1:]), 128.)
    lab[:len(planes)] = torch.from_numpy(planes)
    rgb = lab_to_rgb(((lab - SHIFT)/SCALE)[None], clip=True)[0]
    return Image.fromarray((rgb*255).round().byte().permute(1, 2, 0).contiguous().numpy())

# %% [markdown]
# Known colors first: white, black and gray have 128 in their second and third byte, and pure red has 136, 208 and 195. Then six photographs go there and back; printed are their mean changes in steps of RGB, and the largest of all. @fig-lab8 shows the three planes, and on the right the change, forty times as strong as it is.

# %%
known = Image.fromarray(np.array([[[255, 255, 255], [0, 0, 0], [119, 119, 119], [255, 0, 0]]], np.uint8))
test_eq(to_lab8(known)[:,0].T, [[255, 128, 128], [0, 128, 128], [128, 128, 128], [136, 208, 195]])
test_eq(np.asarray(from_lab8(to_lab8(known)[:1]))[0,:3], np.asarray(known)[0,:3])
ims = sample_photos(size)
back = [from_lab8(to_lab8(o)) for o in ims]
off = np.stack([abs(np.asarray(i, int) - np.asarray(o, int)) for i,o in zip(ims, back)])
assert off.mean() < .5 and np.quantile(off, .999) <= 4
off.mean((1, 2, 3)),off.max()

# %%
#| label: fig-lab8
#| fig-cap: "A photograph, the three planes of bytes that the file holds, and forty times the change that they cost."
def as_tensor(im): return torch.from_numpy(np.array(im)).permute(2, 0, 1)/255
planes = torch.from_numpy(to_lab8(ims[1]))/255
change = (as_tensor(ims[1]) - as_tensor(back[1])).abs()
show_row([as_tensor(ims[1]), *planes[:,None], 40*change], ['', '$L_8$', '$a_8$', '$b_8$', 'change'])

# %% [markdown]
# ## Tables

# %% [markdown]
# The file holds up to two tables. `Train` has three planes; `Test` has one, for frames whose color is unknown or should not be seen. A table is an array of bytes, frames x planes x height x width, in chunks of one frame, each compressed by itself with gzip, which every HDF5 library reads without a plugin. The planes are apart, because smooth planes compress better than mixed triples. To read any frame is to read and unpack one chunk.
#
# All frames of a file have one size, which stands in its attributes `width` and `height`. Frames of a film have one size anyway; photographs of other shapes are cropped in the middle and resized. Choose a size a little above that of training: a file at 192 pixels serves training at 128 with random crops.
#
# Beside each table stands a list with a row for each frame: its name, and the hash of the photo's file. That is the hash that `Photos` takes, so the [split](loaders.ipynb#a-split-that-no-copy-crosses) holds out the same photos whether they come from the folder or from the database; and by it a later run knows what is there without decoding anything.

# %%
#| export
PLANES = dict(Train='Lab', Test='L')
ROW = np.dtype([('name', h5py.string_dtype()), ('file', 'S64')])

def make_table(
    f:h5py.File,
    table:str, # 'Train' or 'Test'
    size:tuple, # width and height of all frames
):
    "An empty table, its empty list, and the size in the file's attributes"
    (w,h),c = map(int, size),len(PLANES[table])
    f.attrs.update(width=w, height=h, scale='L*255/100, a+128, b+128 (D65)')
    rows = f.create_dataset(table, (0, c, h, w), 'u1', maxshape=(None, c, h, w), chunks=(1, c, h, w),
        compression='gzip', compression_opts=4)
    rows.attrs['planes'] = PLANES[table]
    f.create_dataset(f'{table}_list', (0,), ROW, maxshape=(None,), chunks=(256,))

# %%
#| export
def add_rows(
    f:h5py.File,
    table:str,
    rows, # for the list: name and hash of the file
    frames=(), # planes in bytes, for each row
    chunks=(), # or chunks that are compressed already: filter mask and bytes, for each row
):
    "Frames at the end of a table"
    data,names,n = f[table],f[f'{table}_list'],len(f[table])
    for o in (data, names): o.resize(n + len(rows), 0)
    names[n:] = np.array([tuple(o) for o in rows], ROW)
    for i,o in enumerate(frames, n): data[i] = o
    for i,(mask,raw) in enumerate(chunks, n): data.id.write_direct_chunk((i, 0, 0, 0), raw, mask)

# %%
home = Path(tempfile.mkdtemp())
with h5py.File(home/'six.h5', 'w') as f:
    make_table(f, 'Train', (size, size))
    add_rows(f, 'Train', [(f'{i}', b'') for i in range(6)], [to_lab8(o) for o in ims])
    test_eq(f['Train'][1], to_lab8(ims[1]))
    test_eq((f['Train'].shape, f['Train'].chunks), ((6, 3, size, size), (1, 3, size, size)))
    packed = f['Train'].id.get_storage_size()/f['Train'].nbytes
assert .3 < packed < .8
packed

# %% [markdown]
# ## Reading in many processes

# %% [markdown]
# Processes must not share an open HDF5 file. After a `fork` the child has a copy of the library's memory, but the same open file of the operating system; depending on the version, one process can then move the position at which the other reads, and now and then a frame is wrong without an error. With *spawn*, the other way to start a worker, an open file cannot be sent at all. So our reader carries only a path, and each process opens the file when it asks for its first frame. A file that it has inherited is closed first, because the library would otherwise use the old handle again.

# %%
#| export
class OwnFile:
    "An HDF5 file that each process opens for itself"
    def __init__(self,
        path:str|Path,
    ): self.path,self.file,self.pid = str(path),None,None
    def __getstate__(self): return dict(path=self.path, file=None, pid=None)
    def __call__(self, table) -> h5py.Dataset: # as this process sees it
        if self.pid != os.getpid():
            if self.file: self.file.close()
            self.file,self.pid = h5py.File(self.path),os.getpid()
            need_plugin(self.file[table])
        return self.file[table]

# %% [markdown]
# S2 wrote its files with PyTables: the rows of a table are not frames but pixels, three bytes named `L`, `A` and `B`, all frames one after the other, compressed with Blosc in chunks that know nothing of frames. Nothing in such a file says how large a frame is, so the reader has to be told. Blosc is not part of HDF5; the package `hdf5plugin` has it, and is needed only for files that use a plugin.

# %%
#| export
def need_plugin(
    rows:h5py.Dataset,
):
    "Load the plugins for compression if this table needs one"
    made = rows.id.get_create_plist()
    if all(h5py.h5z.filter_avail(made.get_filter(i)[0]) for i in range(made.get_nfilters())): return
    try: import hdf5plugin
    except ImportError as e:
        raise InputError(f"'{rows.file.filename}' is compressed by a plugin of HDF5", 'pip install hdf5plugin') from e

# %% [markdown]
# Faults of a file should be found when the reader is made, not in the middle of an epoch: it is missing, not HDF5, or cut off; it lacks the table; it holds floats, or the axes are in another order; the pixels of an older file are not a whole number of frames. Each is an error that names the file and what to do.

# %%
#| export
REBUILD = 'build it anew with `colorbook data build-db`'

def parts_folder(db:str|Path) -> Path:
    "Folder of the parts of a database that is being built"
    return Path(db).with_name(Path(db).name + '.parts')

@contextmanager
def open_db(
    db:str|Path, # HDF5 file
): # the open file
    "An HDF5 file for reading, with errors that say what to do"
    if not Path(db).is_file():
        half = parts_folder(db).is_dir()
        if half: raise InputError(f"the build of '{db}' was interrupted", 'start it again to go on')
        raise InputError(f"there is no file '{db}'", 'make it with `colorbook data build-db`')
    try: f = h5py.File(db)
    except OSError as e:
        raise InputError(f"cannot read '{db}' as an HDF5 file: {e}", f'copy it again or {REBUILD}') from e
    with f: yield f

# %%
#| export
def check_table(
    f:h5py.File,
    table:str, # name of the table
    size:tuple=None, # width and height of a frame, for S2's files
) -> tuple: # width and height, number of frames
    "What a table holds, if it is one that we can read"
    def hold(ok, why, remedy=REBUILD):
        if not ok: raise InputError(f"table '{table}' of '{f.filename}' {why}", remedy)
    there = sorted(k for k,o in f.items() if isinstance(o, h5py.Dataset) and not k.endswith('_list'))
    hold(table in there, 'is missing', f"the file has {', '.join(there) or 'none'}")
    rows,planes = f[table],PLANES.get(table, 'Lab')
    if not rows.dtype.names:
        hold(rows.dtype == np.uint8, f'holds {rows.dtype}, not uint8')
        ours = rows.ndim == 4 and rows.shape[1] == len(planes) and len(f.get(f'{table}_list', ())) == len(rows)
        hold(ours, f'has the shape {rows.shape}, which is not our layout')
        return rows.shape[:1:-1],len(rows)
    names,kinds = zip(*((k.upper(), rows.dtype[k]) for k in rows.dtype.names))
    fits = rows.ndim == 1 and {*names} == {*planes.upper()} and {*kinds} == {np.dtype('u1')}
    hold(fits, f'holds {rows.dtype}, not a byte each of {planes}')
    hold(size, "is S2's and does not say how large a frame is", 'give `size`, width and height')
    hold(len(rows)%(size[0]*size[1]) == 0, f'has {len(rows)} pixels, not frames of {size}', 'give the true size')
    return tuple(size),len(rows)//(size[0]*size[1])

# %% [markdown]
# The reader has what every set of photos here has: a length, pictures, names, and a hash of each one's content. Older files have neither names nor hashes; their frames get numbers, and the hash is taken from their bytes.

# %%
#| export
class DBPhotos:
    "Frames of a database as a set of photos, read when they are asked for"
    def __init__(self,
        db:str|Path, # HDF5 file of `build_db`, or one of S2's
        table:str='Train', # 'Train', or 'Test', whose frames are gray
        size:tuple=None, # width and height of a frame, for S2's files
    ):
        with open_db(db) as f:
            self.size,n = check_table(f, table, size)
            need_plugin(f[table])
            rows = f[f'{table}_list'][:] if f'{table}_list' in f else None
        if not n: raise InputError(f"table '{table}' of '{db}' is empty", REBUILD)
        self.table,self.file,self.old = table,OwnFile(db),rows is None
        self.names = [f'{table}-{i:06}' for i in range(n)] if self.old else [o.decode() for o in rows['name']]
        self.hashes = None if self.old else [o.decode() for o in rows['file']]
    def __len__(self): return len(self.names)
    def __getitem__(self, i): return from_lab8(self.planes(i))
    def hash(self, i): return hashlib.sha256(self.planes(i)).hexdigest() if self.old else self.hashes[i]
    def planes(self, i):
        i = range(len(self))[i]
        try: return read_pixels(self.file(self.table), i, *self.size) if self.old else self.file(self.table)[i]
        except OSError as e:
            raise InputError(f"cannot read frame {i} of '{self.file.path}': {e}", f'copy it again or {REBUILD}') from e

# %%
#| export
def read_pixels(rows, i, w, h):
    "The planes of frame `i` in a table of pixels of PyTables"
    pixels = rows[i*w*h:(i + 1)*w*h]
    column = {k.upper(): pixels[k] for k in pixels.dtype.names}
    return np.stack([column[k].reshape(h, w) for k in 'LAB' if k in column])

# %% [markdown]
# The test reads back the table of the last section, in this process and in two workers of a loader that are forked *after* this process opened the file. Then the same pixels are written the old way, without a list and with columns in the order of the alphabet, as PyTables puts them, and read as well.

# %%
six = DBPhotos(home/'six.h5')
test_eq([o.tobytes() for o in six], [o.tobytes() for o in back])
far = DataLoader([(six, i) for i in range(6)], batch_size=None, num_workers=2, collate_fn=lambda o: o[0].planes(o[1]))
test_eq(np.stack(list(far)), np.stack([to_lab8(o) for o in ims]))
flat = np.empty(6*size*size, [(o, 'u1') for o in 'ABL'])
for k,o in zip('LAB', np.stack([to_lab8(o) for o in ims], 1)): flat[k] = o.ravel()
with h5py.File(home/'old.h5', 'w') as f: f['Train'] = flat
old = DBPhotos(home/'old.h5', size=(size, size))
test_eq([o.tobytes() for o in old], [o.tobytes() for o in back])
test_eq((len({old.hash(i) for i in range(6)}), old.names[5]), (6, 'Train-000005'))
(home/'cut.h5').write_bytes((home/'six.h5').read_bytes()[:-500])
for o,why in [('cut.h5', 'truncated'), ('no.h5', 'there is no file'), ('old.h5', 'how large')]:
    test_fail(lambda: DBPhotos(home/o), exc=InputError, contains=why)
test_fail(lambda: DBPhotos(home/'six.h5', 'Test'), exc=InputError, contains="'Test' of")
len(old)

# %% [markdown]
# ## A build that can be killed

# %% [markdown]
# HDF5 does not promise that a file survives the death of its writer. A new chunk changes the index, the index a header, the header the end of the file; they are kept in memory and written at some later time, and a process that is killed between two of these writes leaves a file that does not open, or one that opens and has wrong contents. HDF5 has a mode for a single writer against that. We use something simpler, which every operating system guarantees: a rename happens completely or not at all.
#
# So a build writes *parts*, small HDF5 files of the same form with some 4 MB of frames, into a folder beside the database. Each is written under another name and renamed when it is whole; its name says at which frame of the table it begins. When all are there, they are joined, together with the database if there is one already, in a new file that then takes the final name. Chunks are moved as they are, still compressed. A killed process leaves whole parts, an old or a new database, and temporary files that are ignored:
#
# | killed | what is left | next time |
# |---|---|---|
# | within a part | the parts before it | goes on with that part |
# | while joining | all parts, the old database or none | joins again |
# | after the rename | the new database, parts that it holds | drops parts that do not begin at its end |
#
# The price is that frames are written twice, and that appending copies the file; in return, a reader has a whole database at any time.

# %%
#| export
PART = 2**22 # bytes of frames in a part, before compression

@contextmanager
def write_h5(
    path:Path, # final name
    start:Path=None, # begin with a copy of this file
): # open file
    "A new HDF5 file that gets its name when it is whole and on the disk"
    with atomic_path(path) as tmp:
        if start: shutil.copyfile(start, tmp)
        with h5py.File(tmp, 'a' if start else 'w') as f: yield f
        with open(tmp, 'rb') as f: os.fsync(f.fileno())

# %%
#| export
def find_parts(
    db:Path,
) -> tuple: # parts that belong behind the database, set of sizes, names and hashes of files for each table
    "What there is; parts that are in the database already are removed"
    live,sizes,keys = [],set(),{k: [] for k in PLANES}
    def take(path, table):
        with open_db(path) as f:
            if table not in f: return
            if f[table].dtype.names: raise InputError(f"'{path}' is a file of S2's", 'build another one beside it')
            sizes.add(check_table(f, table)[0])
            keys[table] += [o['name'] + b' ' + o['file'] for o in f[f'{table}_list'][:]]
    for k in PLANES:
        if db.exists(): take(db, k)
        for o in sorted(parts_folder(db).glob(f'{k}-*.h5')):
            if int(o.stem.split('-')[1]) != len(keys[k]): o.unlink()
            else:
                live.append(o)
                take(o, k)
    return live,sizes,keys

# %%
#| export
def join_parts(
    db:Path,
    live:list, # parts, from `find_parts`
):
    "Put the parts behind what is in the database, in a new file that takes its name"
    whole = parts_folder(db)/'whole.h5'
    with write_h5(whole, db if db.exists() else None) as f:
        for o in live:
            table = o.stem.split('-')[0]
            with h5py.File(o) as part:
                data = part[table]
                if table not in f: make_table(f, table, data.shape[:1:-1])
                chunks = (data.id.read_direct_chunk((i, 0, 0, 0)) for i in range(len(data)))
                add_rows(f, table, part[f'{table}_list'][:], chunks=chunks)
    os.replace(whole, db)
    for o in live: o.unlink()

# %% [markdown]
# If the process dies before the last line, parts remain that are already in the database. `find_parts` recognizes them, because they do not begin where the database ends.
#
# Two builds of one file at the same time would use each other's parts. HDF5 locks a file that is open for writing, and the system removes the lock when the process dies, so an empty HDF5 file in the folder serves as a lock.

# %%
#| export
@contextmanager
def lock_parts(
    db:Path,
): # the folder
    "The folder for parts, for this process alone; removed at the end unless parts are in it"
    folder = parts_folder(db)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = h5py.File(folder/'lock.h5', 'w')
    except OSError as e:
        raise OutputError(f"cannot write to '{folder}': {e}", 'is another build of this file running?') from e
    try:
        with lock: yield folder
    finally:
        if not any(folder.glob('[!.]*-*.h5')): shutil.rmtree(folder)

# %% [markdown]
# A build that goes on has to know which photos are there already. A photo is there if the database has one of the same name *and* the same hash; two folders may both hold a `001.png`. If a source gives the same photo under the same name twice, the database gets it twice, so we count how often each is there. This serves three cases: a build that goes on, a build started again although nothing is missing, and a build that adds another folder.

# %%
#| export
def read_row(
    pair, # name and photo, see `list_photos`
    file:str, # hash of the photo's file
    size:tuple, # width and height
    planes:int, # 3, or 1 for L alone
) -> tuple: # row for the list, planes
    "A photo, cropped in the middle and resized, as bytes for the table"
    im = read_photo(pair[1], pair[0])
    if im.size != size: im = ImageOps.fit(im, size, Image.Resampling.LANCZOS)
    return (pair[0], file),to_lab8(im)[:planes]

# %%
#| export
def result_or_error(f, *args):
    "What `f` returns, or the error that a photo raised"
    try: return f(*args)
    except InputError as e: return e

# %%
#| export
def read_rows(
    pairs, # iterator of names and photos
    done:Counter, # how often each name and content is there
    report:dict, # where to count what is there and what is bad
    skip_bad:bool, # go on after errors?
    *args, # size and planes, for `read_row`
): # rows for the list and planes
    "Photos that are not there yet, in order, a few at a time"
    def load(o): return o[1] if isinstance(o[1], InputError) else result_or_error(read_row, *o, *args)
    with ThreadPoolExecutor(core_count()) as ex:
        while some := list(islice(pairs, 8)):
            new = []
            for o in zip(some, ex.map(lambda o: result_or_error(content_hash, o[1], o[0]), some)):
                key = f'{o[0][0]} {o[1]}'.encode()
                if done[key]: done[key] -= 1
                else: new.append(o)
            report['present'] += len(some) - len(new)
            for found in ex.map(load, new):
                if isinstance(found, tuple): yield found
                elif skip_bad: report['bad'].append(str(found))
                else: raise found

# %%
#| export
def write_parts(
    rows, # iterator of rows for the list and planes
    db:Path,
    table:str,
    size:tuple, # width and height
    start:int, # frames that the table has
) -> int: # frames written
    "Frames in parts of some 4 MB each"
    n,many = start,max(1, PART//(size[0]*size[1]*len(PLANES[table])))
    while some := list(islice(rows, many)):
        with write_h5(parts_folder(db)/f'{table}-{n:09}.h5') as f:
            make_table(f, table, size)
            add_rows(f, table, *zip(*some))
        n += len(some)
    return n - start

# %%
#| export
def build_db(
    source, # see `list_photos`; or an iterator of pairs of name and photo
    db:str|Path, # HDF5 file, new or to be added to
    table:str='Train', # 'Train' with L, a and b, or 'Test' with L alone
    size:tuple=None, # width and height of all frames: by default those of the file, or S2's 120x90
    skip_bad:bool=False, # go on after photos that cannot be read?
) -> dict: # how many were `added`, how many `present` before, and `bad`, a list of errors that were skipped
    "Photos into a table of `db`; killed and started again, it goes on"
    if table not in PLANES: raise UsageError(f"there is no table '{table}'", f"take {' or '.join(PLANES)}")
    pairs,db,report = source if hasattr(source, '__next__') else list_photos(source),Path(db),dict(present=0, bad=[])
    with lock_parts(db):
        _,sizes,keys = find_parts(db)
        if size and sizes - {tuple(size)}: raise InputError(f"'{db}' has frames of {min(sizes)}", 'give that `size`')
        size = tuple(size or min(sizes, default=(120, 90)))
        shown = with_progress(pairs, 'building')
        rows = read_rows(iter(shown), Counter(keys[table]), report, skip_bad, size, len(PLANES[table]))
        report['added'] = write_parts(rows, db, table, size, len(keys[table]))
        if live := find_parts(db)[0]: join_parts(db, live)
    if report['added'] + report['present']: return report
    raise InputError(f"no photo in '{source}' can be read", 'give a folder, a tar file or a pattern of photos')

# %% [markdown]
# We try it with twenty-four pictures in a folder, in parts of five frames. The build is stopped at the seventeenth picture: there is no database then, but three parts, which are printed. Started again it keeps the fifteen that are there and reads the others, and the file must be the same as that of a build that was not stopped. (The library's tests do this with a real `kill -9`, before and after every step that touches a file.) The second cell adds another folder, in which one file has a known name and another content, and one cannot be read.

# %%
def cut(home, first, n):
    home.mkdir()
    for i in range(first, first + n): ims[i%6].crop((i, i, i + 48, i + 36)).save(home/f'{i:03}.png')
    return home
PART = 5*48*36*3
folder = cut(home/'a', 0, 24)
def stopped():
    for i,o in enumerate(list_photos(folder)):
        if i == 16: raise KeyboardInterrupt
        yield o
try: build_db(stopped(), home/'a.h5', size=(48, 36))
except KeyboardInterrupt: pass
test_fail(lambda: DBPhotos(home/'a.h5'), exc=InputError, contains='was interrupted')
parts = [o.name for o in find_parts(home/'a.h5')[0]]
test_eq(build_db(folder, home/'a.h5'), dict(added=9, present=15, bad=[]))
build_db(folder, home/'straight.h5', size=(48, 36))
test_eq((home/'a.h5').read_bytes(), (home/'straight.h5').read_bytes())
test_eq(parts_folder(home/'a.h5').exists(), False)
parts

# %%
before = DBPhotos(home/'a.h5')
more = cut(home/'b', 22, 4)
ims[0].save(more/'022.png')
(more/'bad.png').write_bytes((more/'024.png').read_bytes()[:300])
test_fail(lambda: build_db(more, home/'a.h5'), exc=InputError, contains='bad.png')
report = build_db(more, home/'a.h5', skip_bad=True)
test_eq((report['added'], report['present'], len(report['bad'])), (3, 1, 1))
build_db(more, home/'a.h5', 'Test', skip_bad=True)
frames,test = DBPhotos(home/'a.h5'),DBPhotos(home/'a.h5', 'Test')
test_eq(frames.names[22:], ['022.png', '023.png', '022.png', '024.png', '025.png'])
test_eq(([o.tobytes() for o in frames][:24], len(test)), ([o.tobytes() for o in before], 4))
test_eq(test.planes(1)[0], frames.planes(23)[0])
test_fail(lambda: build_db(folder, home/'a.h5', size=(24, 24)), exc=InputError, contains='(48, 36)')
report

# %% [markdown]
# ## Training from a database

# %% [markdown]
# A database is a set of photos, so `color_loaders` takes it. The hashes make the split the same as for the folder from which the frames came. Workers are useful here: they unpack a frame, turn it from Lab into RGB and crop it, and the first process only has to feed the network. @fig-store has some frames of both tables.

# %%
photos = Photos(folder)
test_eq(split_by_hash(before, .3, seed), split_by_hash(photos, .3, seed))
far = DataLoader([(before, i) for i in (5, 3, 17, 4)], batch_size=None, num_workers=2, collate_fn=lambda o: o[0][o[1]])
test_eq([o.tobytes() for o in far], [before[i].tobytes() for i in (5, 3, 17, 4)])
def batch(photos):
    set_seed(seed)
    return color_loaders(photos, 6, 32, valid=.2, seed=seed, device='cpu').train.one_batch()
(L,ab),(L_photos,ab_photos) = batch(before),batch(photos)
assert (L - L_photos).abs().mean() < .005 and (ab - ab_photos).abs().mean() < .005
L.shape,ab.shape

# %%
#| label: fig-store
#| fig-cap: "Frames of the table for training, and one of the table for testing, of which only the lightness is known."
show_row([as_tensor(before[i]) for i in range(5)] + [as_tensor(test[1])])

# %% [markdown]
# ## What we have
#
# - tables of frames in OpenCV's 8-bit Lab, one compressed chunk a frame, with names and the hashes that make the split;
# - a build in constant memory, which can be killed and goes on, and adds only what is missing;
# - a reader that each process opens for itself, for these files and for S2's, with errors that say what to do.

# %% [markdown]
# ## Exercises
#
# 1. Two processes share an open file of the operating system, and each reads by a `seek` followed by a `read`. How can one get the other's bytes, and why can that not happen with `pread`?
# 2. Make chunks of 64 frames. How much smaller is the file, and what does a random frame cost now?
# 3. Write a `join_parts` that makes a virtual dataset over the parts instead of a copy. What does it save, and what is lost with the one file?
