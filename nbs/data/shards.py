# %% [markdown]
# # Packing into shards
#
# > A million photographs in a few hundred files, each of which is checked
#
# A folder of a million photographs is slow before anything is learned: every file is looked up, opened and closed, and a network disk pays for each of these with a round trip. Packed into a few hundred tar files, *shards*, the same photographs are read from front to back as fast as the disk can. But a file that holds a thousand pictures can also lose a thousand at once, and the usual reader does not notice. Here photographs are packed into shards, an index says where each of them is and that the file is whole, some are held out by their hash, and shards that lie on a server are fetched once. How an epoch is read from shards is the subject of [Shards](shard_loader.ipynb).

# %%
#| default_exp data.shards

# %% tags=["parameters"]
n,per_shard,seed = 240,25,5

# %%
#| export
from fastai.vision.all import *
import glob, hashlib, io, os, random, re, tarfile, tempfile, zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
import numpy as np, webdataset as wds
from PIL import Image, ImageOps
from webdataset.cache import FileCache
from colorbook.core import InputError, OutputError, UsageError, with_progress, atomic_path
from colorbook.data.loaders import split_by_hash
from colorbook.data.photos import PHOTO_SUFFIXES, is_photo, list_photos, open_photo, read_photo

# %%
#| hide
from fastcore.test import *

# %% [markdown]
# ## Packing

# %% [markdown]
# The convention is [WebDataset](https://github.com/webdataset/webdataset)'s: the files of a tar that share a name up to the first dot are one sample. Its writer does the writing; around it we put four things. The pictures are mixed once, because neighbors in a folder often show the same thing. Each is decoded before it is packed, since a broken file can still be replaced now. The bytes are stored as they came, unless `short` asks for smaller pictures: then as JPEG with full color resolution, where usual JPEG halves it. And the folder gets its name when it is complete, so an interrupted run leaves nothing that looks like a whole set.

# %%
#| export
def pack_photo(
    src, # path, bytes, something with `read`, PIL picture or array
    name:str, # what to call it in an error
    short:int=None, # shrink it if its short side is longer than this
) -> tuple: # bytes and suffix
    "A photo as it is stored in a shard"
    try: data = Path(src).read_bytes() if isinstance(src, (str, Path)) else src.read() if hasattr(src, 'read') else src
    except OSError as e: raise InputError(f"cannot read '{name}': {e.strerror}", 'remove it or copy it again') from e
    im,kind = read_photo(data, name),open_photo(data).format
    suffix = {'JPEG': 'jpg', 'MPO': 'jpg'}.get(kind, str(kind).lower())
    small = short and min(im.size) > short
    if isinstance(data, bytes) and not small and f'.{suffix}' in PHOTO_SUFFIXES: return data,suffix
    out,suffix = io.BytesIO(),('jpg' if small else 'png')
    if small: im = ImageOps.scale(im, short/min(im.size), Image.Resampling.BOX)
    im.save(out, 'JPEG' if small else 'PNG', quality=95, subsampling=0)
    return out.getvalue(),suffix

# %%
#| export
def write_shard(
    path:Path, # tar file to write
    items:list, # pairs of name and photo
    first:int=0, # number of the first
    short:int=None, # see `pack_photo`
    skip_bad:bool=False, # leave out what cannot be read, instead of stopping
) -> list: # errors of photos left out
    "One shard: photos under a running number and what is left of their name"
    def pack(o):
        try: return pack_photo(o[1], o[0], short)
        except InputError as e:
            if not skip_bad: raise
            return e
    with ThreadPoolExecutor() as ex: packed = list(ex.map(pack, items))
    with atomic_path(path) as tmp, wds.TarWriter(str(tmp), mtime=0, encoder=False) as tar:
        for i,((name, _),o) in enumerate(zip(items, packed), first):
            stem = re.sub(r'[^\w-]+', '-', Path(name).with_suffix('').as_posix(), flags=re.ASCII)[-60:]
            if not isinstance(o, InputError): tar.write({'__key__': f'{i:07}-{stem}', o[1]: o[0]})
    return [o for o in packed if isinstance(o, InputError)]

# %%
#| export
def write_shards(
    source, # see `list_photos`; or `Shards`, to pack them anew
    out:str|Path, # folder to make
    per_shard:int=1000, # photos in each
    short:int=None, # see `pack_photo`
    seed:int|None=0, # of the order; None keeps that of `source`
    skip_bad:bool=False, # leave out what cannot be read, instead of stopping
) -> list: # errors of photos left out
    "Photos as numbered tar files with their indexes; the folder appears when it is complete"
    out,items = Path(out),source.items() if isinstance(source, Shards) else list_photos(source)
    if out.exists() and any(out.iterdir()): raise OutputError(f"'{out}' is not empty", 'choose another folder')
    if seed is not None: random.Random(seed).shuffle(items)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f'.{out.name}.') as tmp:
            new,bad = Path(tmp)/'new',[]
            for k in with_progress(range(0, len(items), per_shard), 'packing'):
                path = new/f'shard-{k//per_shard:06}.tar'
                bad += write_shard(path, items[k:k + per_shard], k, short, skip_bad)
                index_shard(path)
            if len(bad) == len(items): raise InputError(f"there is no readable photo in '{source}'", 'give others')
            os.replace(new, out)
    except OSError as e: raise OutputError(f"cannot write '{out}': {e.strerror or e}", 'choose another place') from e
    return bad

# %% [markdown]
# ## What is in a shard

# %% [markdown]
# A reader that streams a tar from front to back does not know how much should be in it. We take a shard with four pictures and cut it off behind the second, as a broken download does; then we spoil the third header of another copy. Printed is how many pictures WebDataset reads, without an error. A tar ends with a block of zeros, so a cut file can be recognized, if one looks.

# %%
home = Path(tempfile.mkdtemp())
def tar_of(path, datas):
    with wds.TarWriter(str(path), mtime=0) as t:
        for i,o in enumerate(datas): t.write({'__key__': f'{i}', 'png': o})
    return path.read_bytes()
ticket = lambda i: Image.new('RGB', (12, 10), (i%256, i//256, 99))
whole = tar_of(home/'four.tar', [pack_photo(ticket(i), '')[0] for i in range(4)])
at = [o.offset for o in tarfile.open(home/'four.tar').getmembers()]
damaged = dict(cut=whole[:at[2]], spoiled=whole[:at[2]] + b'?'*512 + whole[at[2] + 512:], torn=whole[:at[2] + 540])
for k,o in damaged.items(): (home/f'{k}.tar').write_bytes(o)
read = {k: len(list(wds.WebDataset(str(home/f'{k}.tar'), shardshuffle=False))) for k in ('four', 'cut', 'spoiled')}
test_eq(read, dict(four=4, cut=2, spoiled=2))
read

# %% [markdown]
# So each shard is read through once, to find where every picture begins, how long it is, and the hash of its bytes. For sets that we packed ourselves this happens while packing. The result, an index, is kept in a small file beside the shard, and is valid as long as the shard's size and time of change are the same. Without it the shard is read through again.

# %%
#| export
def scan_shard(
    path:Path, # tar file, not compressed
) -> tuple: # list of (name, offset, size, hash of the bytes), and what is wrong with the file or None
    "Every photo in a shard, read through to the end"
    rows,end,last = [],0,None
    try:
        with tarfile.open(path, 'r:') as t:
            for m in t:
                last,end = m.name,m.offset_data + -(-m.size//512)*512
                if not (m.isfile() and is_photo(m.name)): continue
                rows.append((m.name.encode(), m.offset_data, m.size, hashlib.sha256(t.extractfile(m).read()).digest()))
        with open(path, 'rb') as f:
            f.seek(end)
            if f.read(512) == bytes(512): return rows,None
    except (tarfile.TarError, OSError, EOFError) as e:
        if last is None: return [],f"cannot read '{path}' as a tar file: {e}"
    return rows,f"'{path}' is damaged in or after '{last}'"

# %%
#| export
INDEX_FIELDS = dict(name='S', offset='i8', size='i8', sha='V32')

def index_shard(
    path:Path, # tar file
    skip_bad:bool=False, # use what comes before a damage, instead of stopping
) -> tuple: # arrays by the names in INDEX_FIELDS, and what is wrong with the file or None
    "Where the photos of a shard are, kept beside it in a file of the same name and `.npz`"
    stat,side = path.stat(),path.with_name(f'{path.name}.npz')
    stamp = [stat.st_size, stat.st_mtime_ns]
    try:
        with np.load(side) as o:
            if o['stamp'].tolist() == stamp: return {k: o[k] for k in INDEX_FIELDS},None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile): pass
    rows,why = scan_shard(path)
    if why and not skip_bad: raise InputError(why, 'copy or make it anew, uncompressed, or skip what is bad')
    index = {k: np.array([r[j] for r in rows], t) for j,(k,t) in enumerate(INDEX_FIELDS.items())}
    if not why:
        with suppress(OutputError), atomic_path(side) as f: np.savez(f, stamp=stamp, **index)
    return index,why

# %% [markdown]
# Where do shards lie? In folders, behind patterns with `*` or `{000..146}`, or on a server. If a file of a pattern in braces is missing, that is an error. A shard with an address is copied once to a folder of this machine by WebDataset's cache, which knows `https:`, the usual clouds, and `pipe:` before any command that writes a tar. Each machine needs all shards, because in every epoch they are shared out anew.

# %%
#| export
def is_far(
    shard:str, # path, address such as https://... or command such as pipe:cat ...
) -> bool: # must it be fetched?
    "Whether a shard is not a file of this machine"
    return bool(re.match(r'\w\w+:', shard))

# %%
#| export
def list_shards(
    source, # folder (recursive), tar file, pattern with * or {000..146}, address, or a list of these
) -> list: # paths and addresses, in a fixed order, none twice
    "The shards that `source` names"
    if is_listy(source): return list(dict.fromkeys(o for s in source for o in list_shards(s)))
    folder = Path(source).is_dir()
    found = {o: [o] if is_far(o) else sorted(glob.glob(o, recursive=True))
             for o in ([f'{source}/**/*.tar'] if folder else wds.shardlists.expand_urls(str(source)))}
    for o,files in found.items():
        if not files: raise InputError(f"there is nothing at '{o}'", 'give shards; `write_shards` makes them')
    return [f for files in found.values() for f in files]

# %%
#| export
def fetch_shard(
    shard:str, # path or address
    cache:str|Path|None=None, # folder for copies of what has an address
) -> Path: # on this machine
    "A shard on this machine: itself, or a copy that is made once"
    if not is_far(shard): return Path(shard)
    if cache is None: raise UsageError(f"'{shard}' is not on this machine", 'name a folder for copies with `cache`')
    name = lambda o: f'{hashlib.sha256(o.encode()).hexdigest()[:8]}-{Path(o).name}'
    try: return Path(FileCache(str(cache), url_to_name=name, validator=lambda o: True).get_file(shard))
    except OSError as e: raise InputError(f"cannot fetch '{shard}'", 'try the address in a browser') from e

# %%
#| export
class Shards:
    "Photographs in shards: a source like `Photos`, and read in order by `read`"
    def __init__(self,
        source, # see `list_shards`
        cache:str|Path=None, # folder for copies of shards that have an address
        skip_bad:bool=False, # use what can be used; `bad` says what could not
    ):
        look = lambda o: (path := fetch_shard(o, cache), *index_shard(path, skip_bad))
        shards = list_shards(source)
        with ThreadPoolExecutor(4) as ex: found = list(with_progress(ex.map(look, shards), 'looking through shards'))
        self.paths,index,why = zip(*found)
        self.bad = [InputError(o, 'copy it again or make it anew') for o in why if o]
        self.start = np.cumsum([0] + [len(o['size']) for o in index])
        for k in INDEX_FIELDS: setattr(self, k, np.concatenate([o[k] for o in index]))
        if not len(self): raise InputError(f"there is no photo in the shards of '{source}'", 'give others')
    def __len__(self): return len(self.size)
    def __getitem__(self, i): return read_photo(self.encoded(i), self.where(i))
    def hash(self, i): return self.sha[i].tobytes().hex()
    def shard(self, i): return int(np.searchsorted(self.start, i, 'right')) - 1
    def where(self, i): return f'{self.paths[self.shard(i)]}/{self.name[i].decode()}'
    def encoded(self, i): return next(self.read([i]))[1]
    @property
    def names(self): return [o.decode() for o in self.name.tolist()]
    def items(self): return list(zip(self.names, map(partial(Member, self), range(len(self)))))

# %%
#| export
@patch
def read(self:Shards,
    order, # numbers of photos, those of one shard together
): # pairs of number and bytes
    "Photos as they are stored, each shard opened once and read forward"
    for s,group in groupby(order, self.shard):
        with open(self.paths[s], 'rb') as f:
            for i in group:
                f.seek(self.offset[i])
                data = f.read(self.size[i])
                if len(data) == self.size[i]: yield i,data
                else: raise InputError(f"'{self.where(i)}' is cut off", 'the shard has changed: start again')

# %%
#| export
@dataclass(frozen=True)
class Member:
    "One photo of shards, still in its tar"
    shards:Shards # where it is
    i:int # its number
    def read(self): return self.shards.encoded(self.i)

# %% [markdown]
# We pack pictures that carry their number in their color, so that each can be recognized. Packing the same ones again must give the same bytes, and packing the shards anew into larger ones the same pictures. In the second cell the damaged shards from above are recognized; with `skip_bad` what comes before the damage is used. Printed are two such errors.

# %%
number = lambda im: im.getpixel((0, 0))[0] + 256*im.getpixel((0, 0))[1]
test_eq(write_shards([ticket(i) for i in range(n)], home/'set', per_shard), [])
shards = Shards(home/'set')
test_eq(sorted(number(shards[i]) for i in range(n)), list(range(n)))
test_eq([len(shards), len(shards.paths)], [n, -(-n//per_shard)])
write_shards([ticket(i) for i in range(n)], home/'again', per_shard)
write_shards(shards, home/'larger', 100, seed=None)
test_eq(*[b''.join(o.read_bytes() for o in Shards(home/k).paths) for k in ('set', 'again')])
test_eq([shards.hash(i) for i in range(n)], [o.hash(i) for o in [Shards(home/'larger')] for i in range(n)])
last = f'{len(shards.paths) - 1:06}'
test_eq(Shards(f'{home}/set/shard-{{000000..{last}}}.tar').names, shards.names)
test_fail(lambda: Shards(f'{home}/set/shard-{{000000..000099}}.tar'), exc=InputError, contains='shard-')
test_fail(lambda: write_shards(shards, home/'set'), exc=OutputError, contains='is not empty')
shards.names[:2],[o.name for o in shards.paths[:2]]

# %%
for k in damaged: test_fail(lambda: Shards(home/f'{k}.tar'), exc=InputError, contains=f'{k}.tar')
torn = Shards([home/'four.tar', home/'torn.tar'], skip_bad=True)
test_eq([len(torn), len(torn.bad)], [6, 1])
def pack_broken(**kwargs): return write_shards([ticket(1), whole[512:560], ticket(2)], home/'mended', **kwargs)
test_fail(pack_broken, exc=InputError, contains='00001')
test_eq((home/'mended').exists(), False)
left_out = pack_broken(skip_bad=True)
test_eq([len(left_out), len(Shards(home/'mended'))], [1, 2])
torn.bad[0].what.replace(f'{home}/', ''),left_out[0].what

# %% [markdown]
# ## A split without a list

# %% [markdown]
# Photos are held out as in [Data loaders](loaders.ipynb#a-split-that-no-copy-crosses): by a hash of seed and content, here of the stored bytes. It does not matter in which shard a picture lies, in what order, or what else there is. Pictures added later move none of the others, and every machine comes to the same split.

# %%
def held_hashes(source): return {source.hash(i) for i in split_by_hash(source, .2, seed)[1]}
held = held_hashes(shards)
test_eq(held_hashes(Shards(home/'larger')), held)
part = Shards([shards.paths[3], shards.paths[1]])
test_eq(held_hashes(part), held & {part.hash(i) for i in range(len(part))})
assert held != {shards.hash(i) for i in split_by_hash(shards, .2, seed + 1)[1]}
test_close(len(held)/n, .2, eps=.08)
len(held)

# %% [markdown]
# Shards on a server are fetched once. In this test the "server" is a command that prints the file; after one of the files is removed, the copies are still there.

# %%
far = [f'pipe:cat 2>/dev/null {o}' for o in shards.paths]
near = Shards(far, cache=home/'cache')
test_eq([near.hash(i) for i in range(n)], [shards.hash(i) for i in range(n)])
shards.paths[0].rename(home/'gone.tar')
test_eq(len(Shards(far, cache=home/'cache')), n)
test_fail(lambda: Shards(far), exc=UsageError, contains='name a folder')
test_fail(lambda: Shards(far, cache=home/'other'), exc=InputError, contains='cannot fetch')

# %% [markdown]
# ## What we have
#
# - `write_shards`, which packs what can be decoded, and gives the set its name when it is complete;
# - `Shards`, which recognizes damaged files, reads forward or at random, and fetches what lies elsewhere once;
# - a split by the hash of what is stored.

# %% [markdown]
# ## Exercises
#
# 1. Which damage of a tar does `scan_shard` not see, and what would see it? (Spoil a byte in the middle of a picture.)
# 2. Two photos of the set differ in their JPEG quality alone. Are they always on one side here, or with `Photos`?
# 3. A JPEG keeps one color for four pixels, unless it is told otherwise. Shrink a red flower to 64 pixels and store it both ways: how large is the difference in $a,b$?
