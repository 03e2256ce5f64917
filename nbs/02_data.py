# %% [markdown]
# # Data
#
# > Photographs decoded once, lightness in, color out
#
# Every color photograph is an exercise with its solution: take the color away, and what was taken is the answer. So data is cheap here, and the mistakes one can make with it are of another kind. A copy of a training photo among the held-out ones makes a network look as if it could guess; an augmentation that brightens the picture also changes the answer. At the end of this chapter we can read photographs from wherever they lie, hold some out so that no copy crosses over, damage the lightness of the rest the way a century does, and hand batches of $L$ and of any kind of target to fastai.

# %%
#| default_exp data

# %% tags=["parameters"]
size,bs,seed = 96,6,7

# %%
#| export
import hashlib, io, math, os, random, tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
import numpy as np, torch, torch.nn.functional as F
from PIL import Image, ImageOps, UnidentifiedImageError
from fastai.vision.all import *
from colorbook.core import InputError
from colorbook.lab import gray_to_L, grays, rgb_to_lab

# %%
#| hide
import tempfile, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.lab import join_lab, show_row

# %% [markdown]
# ## Photographs from anywhere

# %% [markdown]
# A few photographs come with packages that we need anyway; the chapters use them, so that the book runs on a machine without data. Thousands come in a folder, with subfolders and other things between the pictures, or in tar shards, which a file system likes better than a million small files. All of these, and lists of them, are sources. A source becomes a list of names and of things to decode, always in the same order. A list in a text file names files or members of tars, relative to itself; that is how a split is written down. Of a tar only the headers are read; a member is then known by its place in the file, as a file is by its path, and any number of processes may read there at once. A tar ends in zeros; where it does not, Python's own reader stops without a word, and what follows would be lost in silence.

# %%
#| export
def data_dir() -> Path|None: # the folder, or None where there is none
    "Folder of real photographs: `COLORBOOK_DATA`, or `../shared/data` beside the checkout"
    if os.environ.get('COLORBOOK_DATA'): return Path(os.environ['COLORBOOK_DATA'])
    for up in [Path.cwd(), *Path.cwd().parents][:4]:
        if (up/'../shared/data/photos').is_dir(): return (up/'../shared/data').resolve()

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
#| export
SUFFIXES = {'.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff'}

def is_photo(
    name:str|Path, # of a file
) -> bool: # has it a photo's suffix, and is it not hidden?
    "Whether a file counts as a photo, by its name"
    return Path(name).suffix.lower() in SUFFIXES and not Path(name).name.startswith('.')

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
    if is_listy(source):
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
def content_hash(
    src, # see `read_photo`
    name:str='', # what to call it in an error
) -> str: # 64 hexadecimal digits
    "Hash of an encoded photo as it is stored, without decoding it; of pixels where there is nothing else"
    if isinstance(src, (Image.Image, np.ndarray)): code = read_photo(src, name).tobytes()
    elif isinstance(src, bytes): code = src
    else:
        try: code = src.read() if isinstance(src, TarPart) else Path(src).read_bytes()
        except OSError as e: raise InputError(f"cannot read '{name or src}': {e}", 'copy it again') from e
    return hashlib.sha256(code).hexdigest()

# %% [markdown]
# What training wants next is any photo, again and again. A set that fits into memory is decoded once, turned the way its EXIF data says, made small and kept: 25,000 photos of 192 pixels are 3 GB, and an epoch that decodes nothing is several times as fast on few cores. A larger set is decoded anew each time it is asked for, and then by several processes. Both kinds answer the same four questions: how many, which picture, under what name, and with what hash of its content. Whatever answers these is a set of photos for all that follows, frames in an [HDF5 file](02_store.ipynb) too.

# %%
#| export
class Photos:
    "Photographs, decoded once and kept in memory, or each time they are asked for"
    def __init__(self,
        source, # see `list_photos`
        short:int=None, # shrink pictures whose short side is longer than this
        n:int=None, # take only so many
        keep:bool=True, # decode all now, and hash their pixels; else each when wanted, and hash the files as they are
    ):
        items = list_photos(source)[:n]
        if not items: raise InputError(f"there is no photo in '{source}'", f"it reads {', '.join(sorted(SUFFIXES))}")
        self.names,self.items = map(list, zip(*items))
        self.short,self.ims = short,None
        if not keep: return
        with ThreadPoolExecutor() as ex: loaded = list(ex.map(self._load, range(len(items))))
        self.ims,self.hashes = map(list, zip(*loaded))
    def _load(self, i):
        im = read_photo(self.items[i], self.names[i])
        return self._shrink(im),hashlib.sha256(im.tobytes()).hexdigest()
    def _shrink(self, im):
        by = (self.short or math.inf)/min(im.size)
        return im if by >= 1 else ImageOps.scale(im, by, Image.Resampling.BOX)
    def __len__(self): return len(self.names)
    def __getitem__(self, i):
        return self.ims[i] if self.ims else self._shrink(read_photo(self.items[i], self.names[i]))
    def hash(self, i): return self.hashes[i] if self.ims else content_hash(self.items[i], self.names[i])

# %% [markdown]
# We cut two dozen small pictures out of the six photographs and store them in several ways: as files in nested folders, between other files, and in two shards. Every source gives the same pixels.

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
same = sorted(read['pictures'].hashes)
for k in ('folder', 'files', 'tars', 'glob', 'arrays', 'list'): test_eq(sorted(read[k].hashes), same)
test_eq(read['list'].hashes, read['pictures'].hashes)
test_eq(read['tars'].names[:2], ['000.png', '002.bmp'])
test_eq(max(max(o.size) for o in Photos(ims, short=20).ims), 25)
for k,v in sources.items():
    test_eq([o.tobytes() for o in late[k]], [o.tobytes() for o in Photos(v, short=20)])
test_eq(sorted(map(late['tars'].hash, range(24))), sorted(map(late['folder'].hash, range(24))))
{k: len(v) for k,v in read.items()}

# %% [markdown]
# What a scanner or a telephone adds is undone: the turn in the EXIF data, and 16 bits, which Pillow alone would cut to white. What cannot be read is named in the error. An unreadable photo stops the run; leaving it out in silence would change the split from one machine to the next.
#
# The last cell counts what a folder of real photographs holds, where there is one; elsewhere its answer is empty, and nothing below needs it.

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
# ## A split that no copy crosses

# %% [markdown]
# Sets gathered from many places hold the same file several times, under other names and in other formats. With a random split about $2v(1-v)$ of all pairs of copies end up on two sides, where $v$ is the share held out, and the network is examined on what it has learned by heart. So the side depends on the pixels alone. A hash of seed and decoded pixels is as good as a random number $u\in[0,1)$, equal for equal pictures and independent for all others:
#
# $$\text{held out}\iff u(\text{seed},\text{pixels})<v$$
#
# Two things come free: nobody has to store the split, and photos that are added later move none of the others. The hash is taken before shrinking, so that recipes of different sizes hold out the same photos. At least one picture stands on each side. What it does not see are near copies: the same photo as JPEG has other pixels.

# %%
#| export
def split_by_hash(
    photos:Photos,
    valid:float=.03, # share that is held out: at least one picture, and never all
    seed:int=0, # another seed holds out others
) -> tuple[list,list]: # indices to train with, indices held out
    "A split that depends on the pixels alone: equal pictures always stand on the same side"
    codes = [hashlib.sha256(f'{seed}{photos.hash(i)}'.encode()).hexdigest() for i in range(len(photos))]
    place = [int(o[:8], 16)/16**8 for o in codes]
    first,last = min(place),max(place)
    if first == last: raise InputError('all photos are the same picture', 'add others: one at least is held out')
    out = [o < last and (o < valid or o == first) for o in place]
    return [i for i,o in enumerate(out) if not o],[i for i,o in enumerate(out) if o]

# %% [markdown]
# We plant copies of every picture, under another name, in another format and inside a shard, and split with twenty seeds: each picture and its copies always stay together. Then we take every third photo away, and nobody else changes sides.

# %%
for i,o in enumerate(ims):
    o.save(home/'photos'/f'copy-{99 - i}.webp', lossless=True)
    if i%2: o.save(home/'photos/2'/f'again-{i}.tiff')
crowd = Photos([home/'photos', home/'shard-1.tar'])
test_eq(len(crowd), 24 + 24 + 12 + 12)
def sides(photos, seed): return [{photos.hash(i) for i in o} for o in split_by_hash(photos, .3, seed)]
for s in range(20):
    train,held = sides(crowd, s)
    assert train and held and not train & held
few = Photos(ims[::3] + ims[1::3])
test_eq(sides(few, seed)[1], sides(crowd, seed)[1] & set(few.hashes))
test_eq(sides(Photos(ims, short=20), seed), sides(crowd, seed))
test_eq([len(o) for o in split_by_hash(few, 0)], [len(few) - 1, 1])
assert sides(crowd, 0) != sides(crowd, 1)
test_fail(lambda: split_by_hash(Photos(ims[:1]*3)), exc=InputError, contains='the same picture')
test_close(np.mean([len(sides(crowd, s)[1])/24 for s in range(200)]), .3, eps=.03)
len(train),len(held)

# %% [markdown]
# ## Geometry

# %% [markdown]
# Two kinds of change to a training photo must be kept apart. A crop or a mirror image changes $L$ and color together: the pair is as true as before. We take a random square, at least 70 % of the short side, mirror every second one and resize with proper averaging; for held-out photos always the middle, so that a validation loss can be compared from epoch to epoch. Photos are never turned or stood on their heads: that the sky is above is half of what a colorizer knows. The example crops a picture whose red counts columns and whose green counts rows, so that each crop tells where it came from.

# %%
#| export
class SquareCrop(DisplayedTransform):
    "A random square of a photo, perhaps mirrored; for held-out photos the middle"
    def __init__(self,
        photos:Photos,
        size:int=128, # side of the result
        low:float=.7, # smallest side of the square, as a share of the short side
        held=(), # indices that get the middle square
    ): store_attr(); self.held = set(held)
    def encodes(self, i:int):
        im = self.photos[i]
        w,h = im.size
        s = min(w, h)
        x,y,flip = (w - s)/2,(h - s)/2,False
        if i not in self.held:
            s *= random.uniform(self.low, 1)
            x,y,flip = random.uniform(0, w - s),random.uniform(0, h - s),random.random() < .5
        a = np.asarray(im.resize((self.size, self.size), Image.Resampling.BILINEAR, box=(x, y, x + s, y + s)))
        return torch.from_numpy(np.ascontiguousarray((a[:,::-1] if flip else a).transpose(2, 0, 1)))

# %%
cols,rows = np.meshgrid(np.arange(200), np.arange(100))
ruler = Photos([np.stack([cols, rows, 0*rows], 2).astype(np.uint8)]*2)
crop = SquareCrop(ruler, 100, low=.7, held=[1])
test_eq(crop(1).numpy(), np.asarray(ruler[1])[:,50:150].transpose(2, 0, 1))
set_seed(seed)
drawn = torch.stack([crop(0) for _ in range(200)]).int()
across,down = (drawn[:,0,50,-1] - drawn[:,0,50,0]),(drawn[:,1,-1,50] - drawn[:,1,0,50])
test_close(across.abs(), down, eps=2)
assert 67 <= down.min() < 75 and 93 < down.max() <= 100
test_close((across < 0).float().mean(), .5, eps=.15)
down.min(),down.max(),(across < 0).float().mean()

# %% [markdown]
# ## Age

# %% [markdown]
# The photographs that people bring are not modern ones with the color taken out. Prints fade: black turns to gray, white yellows to a darker one. Contrast differs from paper to paper, and film has grain. A network that saw only clean $L$ takes grain for texture. So in training we damage some of the pictures; but a plain brightness augmentation would brighten the target as well, and teach that faded people are pale. The damage is done to $L$ alone, and the target stays the color of the undamaged photo:
#
# $$L' = b + (w-b)\,L^{\gamma} + \sigma\,n,\qquad\gamma\in[.7,1.4],\;b\in[0,.15],\;w\in[.85,1],\;\sigma\in[0,.04],\;n\sim N(0,1)$$
#
# Each kind comes to each picture by its own toss of a coin (@fig-age).

# %%
#| export
def age(
    L:Tensor, # lightness in 0..1, `bs`x1xHxW
    p:float=.5, # chance of each kind of damage, for each picture
) -> Tensor: # lightness in 0..1
    "Gamma, fading and grain: damage of old photographs that changes lightness and leaves the true color alone"
    def some(lo, hi, neutral):
        value = torch.empty(len(L), 1, 1, 1).uniform_(lo, hi)
        return torch.where(torch.rand(len(L), 1, 1, 1) < p, value, neutral).to(L)
    L = L.clamp(0, 1)**some(.7, 1.4, 1.)
    black,white = some(0, .15, 0.),some(.85, 1, 1.)
    return (black + (white - black)*L + torch.randn_like(L)*some(0, .04, 0.)).clamp(0, 1)

# %%
set_seed(seed)
black,middle,white = (age(torch.full((400, 1, 16, 16), v)) for v in (0., .5, 1.))
test_eq(age(middle, 0), middle)
grainy = middle.std((1, 2, 3)) > 0
test_close(grainy.float().mean(), .5, eps=.1)
assert middle.std((1, 2, 3)).max() < .05
means = [o.mean((1, 2, 3)) for o in (black, middle, white)]
assert means[0].max() < .2 and .3 < means[1].min() and means[1].max() < .7 and means[2].min() > .8
grainy.float().mean(),[(o.min().item(), o.max().item()) for o in means]

# %%
#| label: fig-age
#| fig-cap: "One photograph as it is and in six stages of neglect. The color to be found is the same for all."
set_seed(seed)
face = torch.from_numpy(np.array(sample_photos(size*2)[0])).permute(2, 0, 1)[None]/255
L = gray_to_L(grays['lstar'](face))
show_row([L[0], *age(L.expand(6, -1, -1, -1), 1.)])

# %% [markdown]
# ## Targets

# %% [markdown]
# What should the network answer? Systems disagree, and a recipe chooses by name. S0 answers with the whole picture, RGB in -1..1, and has to copy the lightness that it was given. Most later ones answer with $a,b$ only. Ours answers with $a,b$ at a quarter of the size, which is all that the eye asks of color ([chapter 03](03_unet.ipynb#a-quarter-is-enough) measures it): the photo is averaged over squares of 4x4 pixels first. Classes, for networks that classify color, are made from $a,b$ by the loss, in [chapter 06](06_classify.ipynb); a new kind of target is a function and an entry in `targets`. Each of the three, together with $L$, gives the photo back; `ab4` does so for a picture of 4x4 tiles, in which nothing is lost by averaging.

# %%
#| export
def rgb_target(
    rgb:Tensor, # photos in 0..1, `bs`x3xHxW
) -> Tensor: # the same in -1..1
    "S0's target: the photo itself"
    return rgb*2 - 1

# %%
#| export
def ab_target(
    rgb:Tensor, # photos in 0..1, `bs`x3xHxW
) -> Tensor: # color in about -1..1, `bs`x2xHxW
    "Color at full size"
    return rgb_to_lab(rgb)[:,1:]/110

# %%
#| export
def ab4_target(
    rgb:Tensor, # photos in 0..1, `bs`x3xHxW
) -> Tensor: # color in about -1..1, `bs`x2xH/4xW/4
    "Color of the photo shrunk to a quarter of its size"
    return ab_target(F.avg_pool2d(rgb, 4))

targets = dict(rgb=rgb_target, ab=ab_target, ab4=ab4_target)

# %%
tiles = torch.rand(2, 3, 8, 8).repeat_interleave(4, 2).repeat_interleave(4, 3)
L = rgb_to_lab(tiles)[:,:1]/100
test_close((targets['rgb'](tiles) + 1)/2, tiles, eps=1e-6)
test_close(join_lab(L, targets['ab'](tiles)), tiles, eps=1e-4)
small = targets['ab4'](tiles)
test_eq(small.shape, (2, 2, 8, 8))
test_close(join_lab(L, F.interpolate(small, scale_factor=4.)), tiles, eps=1e-4)
small[0,:,0,0]

# %% [markdown]
# ## Batches

# %% [markdown]
# The pieces meet in a `DataBlock`. Photos are cropped one by one, by other processes where that is asked for; everything else is done to whole batches and, where there is a GPU, on it. A transform of fastai is called with the number of its subset, 0 for training; only there is $L$ aged. All randomness comes from the usual three generators, so one `set_seed` beforehand makes the batches come again: with ageing the targets are the same to the last bit and only $L$ differs, and the held-out photos are neither aged nor moved (@fig-batch shows a batch).

# %%
#| export
class ToLab(ItemTransform):
    "Batches of photos into what a generator sees, `L`, and what it should answer"
    order = 10
    def __init__(self,
        target:str='ab4', # 'rgb' in -1..1, 'ab' at full or 'ab4' at a quarter of the size, in about -1..1
        gray:str='lstar', # gray function: a key of `colorbook.lab.grays`
        aged:float=0., # chance of each kind of damage to L in training
    ): self.target,self.gray,self.aged = targets[target],grays[gray],aged
    def __call__(self, b, split_idx=None, **kwargs):
        self.training = split_idx == 0
        return super().__call__(b, split_idx=split_idx, **kwargs)
    def encodes(self, b):
        rgb = b[0].float()/255
        L = gray_to_L(self.gray(rgb)).contiguous(memory_format=torch.channels_last)
        return age(L, self.aged) if self.training and self.aged else L,self.target(rgb)

# %%
#| export
def color_loaders(
    photos, # `Photos`, or another set with length, items, `names` and `hash`
    bs:int=48, # batch size
    size:int=128, # side of the crops
    low:float=.7, # smallest crop, as a share of the short side
    valid:float=.03, # share held out
    seed:int=0, # of the split
    device=None, # where batches go
    num_workers:int=0, # processes that decode and crop; worth their while where photos are not kept in memory
    **kwargs, # options of `ToLab`
) -> DataLoaders: # batches of `L` and target; `dls.held` has the indices held out
    "Batches for training and for validation"
    train,held = split_by_hash(photos, valid, seed)
    crop = SquareCrop(photos, size, low, held)
    block = DataBlock(blocks=TransformBlock(), get_items=lambda o: list(range(len(o))),
        splitter=lambda _: (train, held), item_tfms=crop, batch_tfms=ToLab(**kwargs), n_inp=1)
    dls = block.dataloaders(photos, bs=min(bs, len(train)), val_bs=min(bs, len(held)), num_workers=num_workers,
        device=device or default_device())
    dls.held,dls.crop = held,crop
    return dls

# %%
photos = Photos(sample_photos(size*3//2)*3, short=size*3//2)
def batches(seed, **kwargs):
    set_seed(seed)
    dls = color_loaders(photos, bs, size, valid=.2, device='cpu', **kwargs)
    return dls.train.one_batch(),dls.valid.one_batch()
(L,ab),(L_held,ab_held) = batches(seed)
test_eq(batches(seed)[0], (L, ab))
(L_aged,ab_aged),(L_clean,_) = batches(seed, aged=1.)
test_eq(ab_aged, ab)
test_eq(L_clean, L_held)
assert (L_aged - L).abs().mean((1, 2, 3)).min() > .005
(L_next,_),(L_again,ab_again) = batches(seed + 1)
assert not torch.equal(L_next, L)
test_eq((L_again, ab_again), (L_held, ab_held))
test_eq((L.shape, ab.shape), ((bs, 1, size, size), (bs, 2, size//4, size//4)))
L.shape,ab.shape

# %% [markdown]
# Photos that are not kept are decoded by the processes that crop them, and come in the same way. A photo that cannot be read is found late then, in the middle of training; the error still names it.

# %%
files = Photos(home/'photos', keep=False)
def epoch(num_workers): return list(color_loaders(files, 4, 16, valid=.3, device='cpu', num_workers=num_workers).valid)
for (L0,ab0),(L2,ab2) in zip(epoch(0), epoch(2), strict=True):
    test_eq((L0, ab0), (L2, ab2))
set_seed(seed)
dls = color_loaders(files, 4, 16, valid=.3, device='cpu', num_workers=2)
twice = [list(dls.train) for _ in range(2)]
assert not torch.equal(twice[0][0][0], twice[1][0][0])
(home/'photos/0/000.png').write_bytes(b'damaged')
lost = color_loaders(files, 4, 16, valid=.3, device='cpu', num_workers=2)
try: [list(o) for o in (lost.train, lost.valid)]
except InputError as e: said = str(e)
assert '000.png' in said and len(said.splitlines()) == 1
said

# %%
#| label: fig-batch
#| fig-cap: "A batch: what the generator sees, what it should answer (small, at constant lightness), and both together."
answer = join_lab(torch.full_like(ab[:,:1], .65), ab)
both = join_lab(L, F.interpolate(ab, size=(size, size), mode='bilinear'))
rows = [L.expand(-1, 3, -1, -1), F.interpolate(answer, size=(size, size)), both]
test_close(rgb_to_lab(both)[:,:1]/100, L, eps=.01)
show_row([torch.cat([torch.cat([*o], -1) for o in rows], -2)])

# %% [markdown]
# ## What we have
#
# - photos from folders, files, lists and tar shards, in a fixed order and decoded once, with errors that name the file;
# - a split by content that no copy crosses, and that stays as it is when photos are added;
# - batches of $L$ and one of three targets, damaged in $L$ alone, the same again for the same seed.

# %% [markdown]
# ## Exercises
#
# 1. Save one picture as JPEG and add it to the crowd. Which hash would notice that it is the same photo, and which different photos would it confuse?
# 2. Move `age` from $L$ to the photo before the split into $L$ and target. What does the network learn about faded prints?
# 3. Write a target `ab8` at an eighth of the size. Which line of which test tells you that averaging $a,b$ is not the same as averaging the photo?
