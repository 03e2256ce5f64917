# %% [markdown]
# # Data at scale
#
# > A folder, shards, a database, or pixels decoded once: four ways to hold many photographs, and when to take which
#
# Six photographs fit anywhere. With a hundred thousand the way in which they are stored decides how long an epoch takes, how much memory it needs, whether it can be spread over machines, and whether anybody notices that a file has been damaged. The library has four ways, and the chapters linked below have their code. This chapter puts them side by side: the same sixty pictures are stored in each way, and we look at how large they are and how long it takes to read them.

# %% tags=["parameters"]
n_photos,passes,seed = 60,3,0

# %%
#| hide
import tempfile, time
import numpy as np, pandas as pd, matplotlib.pyplot as plt
from pathlib import Path
from fastcore.test import *
from PIL import Image
from colorbook.data.hdf5 import build_db, DBPhotos
from colorbook.data.loaders import split_by_hash
from colorbook.data.photos import decode_photos, Photos, sample_photos
from colorbook.data.shards import Shards, write_shards

# %% [markdown]
# ## Sixty pictures

# %% [markdown]
# Sixty different pieces are cut out of the six photographs that come with other packages, 256 pixels wide and 192 high, and saved as JPEG. That is how most sets arrive: a folder, one file for each photograph.

# %%
home,rng = Path(tempfile.mkdtemp()),np.random.default_rng(seed)
(home/'folder').mkdir()
whole = sample_photos()
for i in range(n_photos):
    im = whole[i%len(whole)]
    h = int(rng.uniform(.5, 1)*min(im.height, im.width*3/4))
    x,y = rng.integers(im.width - h*4//3 + 1),rng.integers(im.height - h + 1)
    piece = im.resize((256, 192), Image.Resampling.LANCZOS, box=(x, y, x + h*4//3, y + h))
    piece.save(home/f'folder/{i:03}.jpg', quality=90)

# %% [markdown]
# ## Four ways to hold them

# %% [markdown]
# **A folder** ([Photographs](photos.ipynb)) is the beginning of everything. `Photos` lists it and reads each picture when it is asked for (`keep=False`); nothing has to be prepared. What it costs is paid in every epoch: each file is looked up, opened and decoded again. On a disk at the other end of a network, looking up and opening take longer than reading.
#
# **Shards** ([Packing into shards](shards.ipynb), [Shards](shard_loader.ipynb)) are tar files of some hundred or thousand photographs each, still as JPEG. They are as small as the folder, and are read from front to back as fast as a disk or a network can. An index beside each says where every picture is, and that the file is whole. Only an order that is mostly sequential is fast, so training shuffles pieces of shards and then what is in a buffer.
#
# **A database** ([A database of frames](hdf5.ipynb)) is one HDF5 file of pictures of *one* size, decoded and already split into lightness and color, a byte for each value, packed without loss. It is made for the frames of films, which are many and equally large. A build that is interrupted goes on where it was.
#
# **Pixels decoded once** ([Photographs](photos.ipynb#decoded-once-into-a-file)) are the same pictures without any packing, in one file that is mapped into memory: the operating system brings in what is touched and keeps what fits, and all processes share one copy. `decode_photos` makes the file at the first training and finds it at the next. For a set that fits into the memory of one process, `Photos` with `keep=True` does the same without a file.

# %%
write_shards(home/'folder', home/'shards', per_shard=20)
build_db(home/'folder', home/'frames.h5', size=(256, 192))
decode_photos(home/'folder', home/'pixels')
sets = dict(folder=Photos(home/'folder', keep=False), shards=Shards(home/'shards'), database=DBPhotos(home/'frames.h5'),
    decoded=decode_photos(home/'folder', home/'pixels'))
{k: len(v) for k,v in sets.items()}

# %% [markdown]
# Everything that has a length, names, pictures by number and a hash for each is a *set of photos*, and the rest of the library does not ask how it is stored. Below they are put in the order of their hashes, because shards are shuffled when they are packed, and compared: the pictures must be the same in all four. The database is the exception, but only just: a color that is rounded in Lab comes back with a difference of a few steps of 255 at most, on average of less than one (printed). And because hashes are taken of the original files, the same photographs are held out whichever way is chosen.

# %%
def pixels(photos): return np.stack([np.asarray(photos[i], int) for i in sorted(range(len(photos)), key=photos.hash)])
def held(photos): return {photos.hash(i) for i in split_by_hash(photos, .2)[1]}
true = pixels(sets['folder'])
apart = {k: np.abs(pixels(v) - true) for k,v in sets.items()}
for k in ('shards', 'decoded'): test_eq(apart[k].max(), 0)
assert 0 < apart['database'].mean() < 1
for v in sets.values(): test_eq(held(v), held(sets['folder']))
{k: round(v.mean(), 2) for k,v in apart.items()}

# %% [markdown]
# ## What they take

# %% [markdown]
# Now each is read from the first picture to the last, a few times over; the fastest pass counts, because other programs can only make it slower. The disk's own share is missing from these times, since sixty pictures are in the operating system's memory after they have been written. What we see is the work of the processor.

# %%
#| label: tbl-scale
#| tbl-cap: "Sixty pictures of 256x192 pixels in four ways. Times are of the machine that made this book."
def read_all(photos):
    "Seconds for all pictures, one after the other, in the fastest of some passes"
    took = []
    for _ in range(passes):
        start = time.perf_counter()
        for i in range(len(photos)): np.asarray(photos[i])
        took.append(time.perf_counter() - start)
    return min(took)
places = dict(folder='folder', shards='shards', database='frames.h5', decoded='pixels')
files = {k: [f for f in [home/o, *(home/o).rglob('*')] if f.is_file()] for k,o in places.items()}
size = {k: sum(f.stat().st_size for f in v) for k,v in files.items()}
took = {k: read_all(v) for k,v in sets.items()}
rows = [(k, len(files[k]), size[k]/n_photos/1e3, took[k]/n_photos*1e3) for k in sets]
pd.DataFrame(rows, columns=['way', 'files', 'kB a picture', 'ms a picture']).set_index('way').round(2)

# %%
#| label: fig-scale
#| fig-cap: "What a picture takes on disk, and how long it takes to read."
fig,axs = plt.subplots(1, 2, figsize=(8, 2.2), layout='constrained', sharey=True)
for ax,column,what in zip(axs, (2, 3), ('kB on disk', 'ms to read')):
    bars = ax.barh([o[0] for o in rows], [o[column] for o in rows], color='#1f6fb2')
    ax.bar_label(bars, fmt='%.3g', padding=3)
    ax.set(xlabel=what, xlim=(0, 1.2*max(o[column] for o in rows)))
axs[0].invert_yaxis()

# %% [markdown]
# On disk, folder and shards are equally large, because they hold the same JPEGs; a shard adds less than a kilobyte for each picture. Decoded pixels take three bytes each, ten times as much as the JPEGs, and packing them as lightness and color halves that. In time it is another order. What is decoded already is only copied, several times as fast as a JPEG is decoded. Folder and shards take equally long here, where no disk has to search; the database takes longest, because unpacking it and turning Lab into RGB is more work than decoding a JPEG.
#
# A table of sixty says what a million would take on disk. That is printed, after what the text said of the sizes has been checked.

# %%
test_eq((len(files['folder']), len(list((home/'shards').glob('*.tar')))), (n_photos, -(-n_photos//20)))
test_eq(next(f.stat().st_size for f in files['decoded'] if f.suffix == '.u8'), n_photos*192*256*3)
assert max(size['folder'], size['shards']) < size['database'] < size['decoded']
million = {k: f'{v/n_photos*1e6/1e9:,.0f} GB' for k,v in size.items()}
million

# %% [markdown]
# ## Which one to take

# %% [markdown]
# | you have | take | because |
# |---|---|---|
# | up to some ten thousand photographs, one run | the folder | decoded once, at the start, and kept in memory |
# | the same, and many runs or several processes | `--cache FOLDER`, the decoded pixels | decoded once for all of them |
# | more than memory holds | the folder, with `--workers` | nothing to prepare; processes decode side by side |
# | a million, a slow or distant disk, several machines | shards | read in sequence, checked, shared out evenly |
# | the frames of films, all of one size | a database | one file, and a build that can be interrupted and added to |
#
# The table speaks of [`colorbook train`](../../guides/train.qmd). Begin with the folder. The usual reason to leave it is that the processor waits: if an epoch from memory is much faster than the first one, decoding is what takes the time, and the cache pays. If an epoch is slow though the processor has little to do, the disk is what takes the time, and shards pay.

# %% [markdown]
# ## What we have
#
# - four ways to store photographs that the rest of the library cannot tell apart, with the same pictures held out;
# - what each takes on disk and in time, and a table that says when to take which.

# %% [markdown]
# ## Exercises
#
# 1. Change `n_photos` to 600. Which of the columns of @tbl-scale stay as they are?
# 2. Save the folder as PNG instead of JPEG. Which of the four sizes change, and which of the four would you take then?
# 3. How many photographs of 256x192 pixels fit decoded into 16 GB, and how many as JPEG at the size of @tbl-scale?
