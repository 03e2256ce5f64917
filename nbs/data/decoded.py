# %% [markdown]
# # Photographs decoded once
#
# > A file of pixels beside the photographs, for training that reads each of them many times
#
# To decode a JPEG takes longer than to crop it, and in every epoch it is decoded again; or all photographs are kept in memory, once in each process. Here the decoded pixels are written into one file, in a folder that the user names. A later training on the same photographs finds them there, several processes share one copy of them, and the operating system keeps in memory what fits.

# %%
#| default_exp data.decoded

# %%
#| export
import json
from hashlib import sha256
from pathlib import Path
import numpy as np
from PIL import Image
from colorbook.core import atomic_path, InputError, map_ahead, with_progress
from colorbook.data.photos import open_photos

# %%
#| hide
import os, tempfile
from fastcore.test import *
from colorbook.data.loaders import split_by_hash
from colorbook.data.photos import Photos, sample_photos

# %% [markdown]
# The file is named after what is in it: a hash over the names and hashes of all stored photographs, in their order, and the length to which their short sides were shrunk. So the file can never be out of date: if a photograph is added, replaced, renamed or left out, the name is another, and another file is made. An index beside it says where each picture begins, and how high and wide it is. Both are written under other names and renamed when they are complete.
#
# `DecodedPhotos` has the interface of [`Photos`](photos.ipynb), so it goes wherever these go, and what is held out does not change, because the hashes are those of the stored photographs.

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
    source, # see `colorbook.data.photos.open_photos`
    folder, # where the pixels are kept; 3 bytes a pixel: 40,000 photographs of 200 by 270 pixels take 6.5 GB
    short:int=None, # shrink pictures whose short side is longer than this
    n:int=None, # take only so many
) -> DecodedPhotos:
    "The photographs of `source`, decoded into a file, if they are not there yet"
    photos = open_photos(source, short, n, keep=False)
    hashes = list(map_ahead(photos.hash, range(len(photos))))
    key = sha256(json.dumps([1, short, photos.names, hashes]).encode()).hexdigest()[:16]
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
# The test stores six photographs as JPEGs. The file must give back exactly the pixels that `Photos` would have decoded; a second call must find the file and write nothing; one photograph more must give another file; and a file that was cut off must be noticed. Printed are the sizes of the two files in bytes.

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
# - `decode_photos`: pixels in a file with the name of their content, made once;
# - `DecodedPhotos`, a set of photographs like any other; [`train`](../training/trainer.ipynb) takes the folder as `cache`.

# %% [markdown]
# ## Exercises
#
# 1. Suppose the pixels of each 8x8 block were kept together instead of row by row. For which crops would less of the file have to be read?
# 2. How long does it take at least to read 40,000 photographs of 200 by 270 pixels from a disk of 500 MB a second? What changes in the second epoch?
