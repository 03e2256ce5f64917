# %% [markdown]
# # Data
#
# > Photographs decoded once, lightness in, color out

# %%
#| default_exp data

# %%
#| export
import hashlib, io, os, random, tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np, torch, torch.nn.functional as F
from PIL import Image, ImageOps
from fastai.vision.all import *
from colorbook.core import InputError
from colorbook.lab import gray_to_L, grays, rgb_to_lab

# %%
#| hide
from fastcore.test import *

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

def list_photos(
    source, # folder (recursive), tar file, glob of tar files, or a list of paths, PIL pictures or arrays
) -> list: # pairs of a name and something that `read_photo` takes
    "What there is to read in `source`, in a fixed order"
    if isinstance(source, (list, tuple)): return [(str(o) if isinstance(o, (str, Path)) else f'{i:05}', o) for i,o in enumerate(source)]
    path = Path(source)
    if path.is_dir():
        found = sorted(p for p in path.rglob('*') if p.suffix.lower() in SUFFIXES)
        return [(str(p.relative_to(path)), p) for p in found] or [o for t in sorted(path.glob('*.tar')) for o in read_tar(t)]
    tars = [path] if path.exists() else sorted(path.parent.glob(path.name))
    if not tars: raise InputError(f"there is nothing at '{source}'", 'give a folder of photos, a tar file or a glob of tar files')
    return [o for t in tars for o in read_tar(t)]

# %%
#| export
def read_tar(
    path:Path, # tar file of photos
) -> list: # pairs of member name and bytes
    "All photos of a tar shard, still encoded"
    try:
        with tarfile.open(path) as t: return [(m.name, t.extractfile(m).read()) for m in t if Path(m.name).suffix.lower() in SUFFIXES]
    except (tarfile.TarError, OSError) as e: raise InputError(f"cannot read '{path}' as a tar file: {e}", 'make it anew') from e

# %%
#| export
def read_photo(
    src, # path, bytes, PIL picture or HxWx3 array of bytes
    name:str='', # what to call it in an error
) -> Image.Image: # RGB, turned the way its EXIF data says
    "One photo, decoded"
    if isinstance(src, np.ndarray): return Image.fromarray(src).convert('RGB')
    try:
        im = src if isinstance(src, Image.Image) else Image.open(io.BytesIO(src) if isinstance(src, bytes) else src)
        return ImageOps.exif_transpose(im).convert('RGB')
    except (OSError, SyntaxError, ValueError) as e: raise InputError(f"cannot read '{name or src}' as a picture: {e}", 'remove it or copy it again') from e

# %%
#| export
class Photos:
    "Photographs decoded once and kept in memory"
    def __init__(self,
        source, # see `list_photos`
        short:int=None, # shrink pictures whose short side is longer than this
        n:int=None, # take only so many
    ):
        def load(o):
            im = read_photo(o[1], o[0])
            return im if short is None or min(im.size) <= short else ImageOps.scale(im, short/min(im.size), Image.Resampling.BOX)
        items = list_photos(source)[:n]
        if not items: raise InputError(f"there is no photo in '{source}'", f"colorbook reads {', '.join(sorted(SUFFIXES))}")
        with ThreadPoolExecutor() as ex: self.ims = list(ex.map(load, items))
        self.names = [o[0] for o in items]
    def __len__(self): return len(self.ims)
    def __getitem__(self, i): return self.ims[i]
    def hash(self, i): return hashlib.sha256(self.ims[i].tobytes()).hexdigest()

# %%
#| export
def split_by_hash(
    photos:Photos,
    valid:float=.03, # share that is held out
    seed:int=0, # another seed holds out others
) -> tuple[list,list]: # indices to train with, indices held out
    "A split that depends on the pixels alone: equal pictures always stand on the same side"
    def out(i): return int(hashlib.sha256(f'{seed}{photos.hash(i)}'.encode()).hexdigest()[:8], 16)/16**8 < valid
    held = [i for i in range(len(photos)) if out(i)]
    s = set(held)
    return [i for i in range(len(photos)) if i not in s],held

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
#| export
def age(
    L:Tensor, # lightness in 0..1, `bs`x1xHxW
    p:float=.5, # chance of each kind of damage, for each picture
) -> Tensor: # lightness in 0..1
    "Gamma, fading and grain: damage of old photographs that changes lightness and leaves the true color alone"
    def some(lo, hi, neutral): return torch.where(torch.rand(len(L), 1, 1, 1) < p, torch.empty(len(L), 1, 1, 1).uniform_(lo, hi), neutral).to(L)
    L = L.clamp(0, 1)**some(.7, 1.4, 1.)
    black,white = some(0, .15, 0.),some(.85, 1, 1.)
    return (black + (white - black)*L + torch.randn_like(L)*some(0, .04, 0.)).clamp(0, 1)

# %%
#| export
def rgb_target(rgb): return rgb*2 - 1
def ab_target(rgb): return rgb_to_lab(rgb)[:,1:]/110
def ab4_target(rgb): return ab_target(F.avg_pool2d(rgb, 4))

targets = dict(rgb=rgb_target, ab=ab_target, ab4=ab4_target)

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
    def encodes(self, b):
        rgb = b[0].float()/255
        L = gray_to_L(self.gray(rgb)).contiguous(memory_format=torch.channels_last)
        if self.split_idx == 0 and self.aged: L = age(L, self.aged)
        return L,self.target(rgb)

# %%
#| export
def color_loaders(
    photos:Photos,
    bs:int=48, # batch size
    size:int=128, # side of the crops
    low:float=.7, # smallest crop, as a share of the short side
    valid:float=.03, # share held out
    seed:int=0,
    device=None, # where batches go
    **kwargs, # options of `ToLab`
) -> DataLoaders: # batches of `L` and target; `dls.held` has the indices held out
    "Batches for training and for validation"
    train,held = split_by_hash(photos, valid, seed)
    if not held: held = train[-1:]
    crop = SquareCrop(photos, size, low, held)
    block = DataBlock(blocks=TransformBlock(), get_items=lambda o: list(range(len(o))), splitter=lambda _: (train, held),
        item_tfms=crop, batch_tfms=ToLab(**kwargs), n_inp=1)
    dls = block.dataloaders(photos, bs=min(bs, len(train)), val_bs=min(bs, len(held)), num_workers=0, device=device or default_device())
    dls.held,dls.crop = held,crop
    return dls

# %%
dls = color_loaders(Photos(sample_photos(160)), bs=4, size=64, valid=.3)
L,ab = dls.one_batch()
L.shape,ab.shape,ab.abs().max()
