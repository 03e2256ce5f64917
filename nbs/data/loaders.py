# %% [markdown]
# # Data loaders
#
# > Batches of photographs: lightness in, color out, with crops, aged pictures, and some photos held out
#
# Every color photograph is an exercise with its solution: take the color away, and what was taken is the answer. So data is cheap here, and the mistakes one can make with it are of another kind. A copy of a training photo among the held-out ones makes a network look better than it is; an augmentation that brightens the picture also changes the answer. We hold photographs out so that equal files stay together, crop and mirror the rest, damage their lightness as a century does, and hand batches of $L$ and of any kind of target to fastai. The last section has the words by which a recipe says what it reads, photographs or shards, films or infrared.

# %%
#| default_exp data.loaders

# %% tags=["parameters"]
size,bs,seed = 96,6,7

# %%
#| export
import hashlib, random
from contextlib import contextmanager
import numpy as np, torch, torch.nn.functional as F
from PIL import Image
from fastai.vision.all import *
from colorbook.core import ColorbookError, InputError, Registry
from colorbook.color.lab import gray_to_L, grays, rgb_to_lab
from colorbook.data.photos import open_photos, Photos

# %%
#| hide
import shutil, tarfile, tempfile
from types import SimpleNamespace
from PIL import ImageOps
from fastcore.test import *
from colorbook.color.lab import join_lab, show_row
from colorbook.core import UsageError
from colorbook.data.photos import sample_photos
from colorbook.data.shards import write_shards
from colorbook.data.synthetic import travel
from colorbook.video.read import write_clip

# %% [markdown]
# ## A split that no copy crosses

# %% [markdown]
# Sets gathered from many places hold the same file several times, under other names. With a random split about $2v(1-v)$ of all pairs of copies end up on two sides, where $v$ is the share held out, and the network is tested on pictures that it has learned from. So the side depends on the file's bytes alone. A hash of seed and file is as good as a random number $u\in[0,1)$, equal for equal files and independent for all others:
#
# $$\text{held out}\iff u(\text{seed},\text{file})<v$$
#
# The split need not be stored, and photos that are added later move none of the others. It does not depend on how the photos are read: in which size, by how many processes, from a folder, a tar or shards. At least one picture stands on each side. It does not recognize near copies: the same photo in another format is another file. [Near-duplicates](duplicates.ipynb) finds those.

# %%
#| export
def split_by_hash(
    photos:Photos,
    valid:float=.03, # share that is held out: at least one picture, and never all
    seed:int=0, # another seed holds out others
) -> tuple[list,list]: # indices to train with, indices held out
    "A split that depends on the stored files alone: equal files always stand on the same side"
    codes = [hashlib.sha256(f'{seed}{photos.hash(i)}'.encode()).hexdigest() for i in range(len(photos))]
    place = [int(o[:8], 16)/16**8 for o in codes]
    first,last = min(place),max(place)
    if first == last: raise InputError('all photos are the same picture', 'add others: one at least is held out')
    out = [o < last and (o < valid or o == first) for o in place]
    return [i for i,o in enumerate(out) if not o],[i for i,o in enumerate(out) if o]

# %% [markdown]
# Two dozen small pictures, in folders and in tar files, are our set. We add copies of every file, under other names and inside a tar, and split with twenty seeds: each picture and its copies must stay together. Then we take every third photo away, and no other may change sides. Printed are the numbers of different pictures on the two sides of the last split.

# %%
ims = [o.crop((x, 40, x + 50, 80)) for o in sample_photos(200) for x in range(0, 151, 50)]
home = Path(tempfile.mkdtemp())
for i,o in enumerate(ims):
    f = home/'photos'/f'{i%3}'/f'{i:03}.png'
    f.parent.mkdir(parents=True, exist_ok=True)
    o.save(f)
    with tarfile.open(home/f'shard-{i%2}.tar', 'a') as t: t.add(f, f'{i:03}.png')
for i,o in enumerate(ims):
    f = home/'photos'/f'{i%3}'/f'{i:03}.png'
    shutil.copy(f, home/'photos'/f'copy-{99 - i}.png')
    if i%2: shutil.copy(f, home/'photos/2'/f'again-{i}.PNG')
crowd = Photos([home/'photos', home/'shard-1.tar'])
test_eq(len(crowd), 24 + 24 + 12 + 12)
def sides(photos, seed): return [{photos.hash(i) for i in o} for o in split_by_hash(photos, .3, seed)]
for s in range(20):
    train,held = sides(crowd, s)
    assert train and held and not train & held
few = Photos([home/'photos/0', home/'photos/1'])
test_eq(sides(few, seed)[1], sides(crowd, seed)[1] & set(few.hashes))
small = Photos([home/'photos', home/'shard-1.tar'], short=20)
late = Photos([home/'photos', home/'shard-1.tar'], keep=False)
test_eq([split_by_hash(o, .3, seed) for o in (small, late)], [split_by_hash(crowd, .3, seed)]*2)
test_eq([len(o) for o in split_by_hash(few, 0)], [len(few) - 1, 1])
assert sides(crowd, 0) != sides(crowd, 1)
test_fail(lambda: split_by_hash(Photos(ims[:1]*3)), exc=InputError, contains='the same picture')
test_close(np.mean([len(sides(crowd, s)[1])/24 for s in range(200)]), .3, eps=.03)
len(train),len(held)

# %% [markdown]
# ## Geometry

# %% [markdown]
# Two kinds of change to a training photo must be kept apart. A crop or a mirror image changes $L$ and color together, and the pair is still a true one. We take a random square, at least 70 % of the short side, mirror every second one and resize with proper averaging; for held-out photos always the middle, so that a validation loss can be compared from epoch to epoch. Photos are never turned or stood on their heads: that the sky is above is part of what a colorizer has to know. The test below crops a picture whose red counts columns and whose green counts rows, so that each crop tells where it came from.
#
# The published systems differ in both. S0 and S1 squeeze the whole picture into a square, which widens or narrows what is in it, and mirror nothing; S4 squeezes, then crops and mirrors. `squeeze` and `mirror` say which.

# %%
#| export
class SquareCrop(DisplayedTransform):
    "A random part of a photo as a square, perhaps mirrored; for held-out photos the middle, or all of it"
    def __init__(self,
        photos:Photos,
        size:int=128, # side of the result
        low:float=.7, # smallest part, as a share of the short side, or of both where they are squeezed
        held=(), # indices that get the middle square, or the whole photo where it is squeezed
        squeeze:bool=False, # parts as wide or as high as the photo, made square; else squares
        mirror:bool=True, # every second one mirrored?
    ): store_attr(); self.held = set(held)
    def encodes(self, i:int):
        im = self.photos[i]
        (w,h),short = im.size,min(im.size)
        s,t = im.size if self.squeeze else (short, short)
        x,y,flip = (w - s)/2,(h - t)/2,False
        if i not in self.held: (x,y,s,t),flip = self.box(w, h),random.random() < .5 and self.mirror
        a = np.asarray(im.resize((self.size, self.size), Image.Resampling.BILINEAR, box=(x, y, x + s, y + t)))
        return torch.from_numpy(np.ascontiguousarray((a[:,::-1] if flip else a).transpose(2, 0, 1)))
    def box(self, w, h): # left, top, width and height of a random part
        s,t = (w, h) if self.squeeze else (min(w, h),)*2
        share = random.uniform(self.low, 1)
        s,t = s*share,t*share
        return random.uniform(0, w - s),random.uniform(0, h - t),s,t

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
whole = SquareCrop(ruler, 100, low=1., held=[1], squeeze=True, mirror=False)
for o in (whole(0).int(), whole(1).int()): test_close(o[:2,-1,-1] - o[:2,0,0], tensor([198, 99]), eps=2)
parts = torch.stack([SquareCrop(ruler, 100, low=.5, squeeze=True, mirror=False)(0) for _ in range(50)]).int()
wide,high = parts[:,0,0,-1] - parts[:,0,0,0],parts[:,1,-1,0] - parts[:,1,0,0]
test_close(wide, 2*high, eps=3)
assert 95 <= wide.min() < 110 and wide.max() > 180
down.min(),down.max(),(across < 0).float().mean()

# %% [markdown]
# ## Age

# %% [markdown]
# Old photographs are not modern ones with the color taken out. Prints fade: black turns to gray, and white becomes darker. Contrast differs from paper to paper, and film has grain, which a network that saw only clean $L$ takes for texture. So in training we damage some of the pictures. A usual brightness augmentation would brighten the target as well, and teach that people in faded prints are pale. The damage is therefore done to $L$ alone, and the target stays the color of the undamaged photo:
#
# $$L' = b + (w-b)\,L^{\gamma} + \sigma\,n,\qquad\gamma\in[.65,1.5],\;b\in[0,.18],\;w\in[.8,1],\;\sigma\in[0,.035],\;n\sim N(0,1)$$
#
# A third as often as by these, a picture is softened, by a mean over 3x3 pixels, as cheap lenses and enlargements do. And some pictures were cut out of a newspaper. Printers make gray of black dots, whose size says how dark it is: *halftone*. A scan shows the dots as a grid at 45 degrees, which is strongest in the middle grays and vanishes in black and white; a sixth as often as by gamma, a picture gets one whose dots are 2.5 to 5 pixels apart. Each kind of damage is drawn for each picture by itself. @fig-age has six draws of all of them; compare the blacks and the whites with those of the first picture.

# %%
#| export
def halftone(
    L:Tensor, # lightness in 0..1, `bs`x1xHxW
    cell:float|Tensor=4., # pixels from a dot to the next, or one number for each picture, `bs`x1x1x1
    depth:float|Tensor=.5, # 0 for none, .5 for dots that reach black and white
) -> Tensor: # lightness in 0..1 with the same mean
    "The grid of dots of a printed picture, at 45 degrees and darkest in the middle grays"
    y,x = (torch.arange(n, device=L.device, dtype=L.dtype) for n in L.shape[-2:])
    across,down = ((o*(2**.5*torch.pi/cell)).cos() for o in (x, y[:,None]))
    return L + 2*depth*torch.minimum(L, 1 - L)*across*down

def degrade(
    L:Tensor, # lightness in 0..1, `bs`x1xHxW
    p:float=.5, # chance of each kind of damage, for each picture
) -> Tensor: # lightness in 0..1
    "Gamma, fading, halftone, softness and grain: damage of old photographs that leaves the color alone"
    def uniform(lo, hi): return torch.empty(len(L), 1, 1, 1).uniform_(lo, hi).to(L)
    def some(lo, hi, neutral):
        return torch.where((torch.rand(len(L), 1, 1, 1) < p).to(L.device), uniform(lo, hi), neutral)
    L = L.clamp(0, 1)**some(.65, 1.5, 1.)
    black,white,dots = some(0, .18, 0.),some(.8, 1, 1.),torch.rand(len(L)) < p/6
    if dots.any(): L[dots] = halftone(L[dots], *(o[dots] for o in (uniform(2.5, 5), uniform(.1, .5))))
    L,soft = black + (white - black)*L,torch.rand(len(L)) < p/3
    if soft.any(): L[soft] = F.avg_pool2d(F.pad(L[soft], (1, 1, 1, 1), mode='replicate'), 3, 1)
    return (L + torch.randn_like(L)*some(0, .035, 0.)).clamp(0, 1)

# %%
set_seed(seed)
black,middle,white = (degrade(torch.full((400, 1, 16, 16), v)) for v in (0., .5, 1.))
test_eq(degrade(middle, 0), middle)
grainy = middle.std((1, 2, 3)) > 0
test_close(grainy.float().mean(), .5, eps=.1)
test_close((middle.std((1, 2, 3)) > .04).float().mean(), .5/6, eps=.04) # dots; grain is finer
means = [o.mean((1, 2, 3)) for o in (black, middle, white)]
assert .1 < means[0].max() < .2 and .79 < means[2].min() < .9
assert .25 < means[1].min() and means[1].max() < .72
stripes = torch.zeros(900, 1, 9, 9)
stripes[...,::3] = 1
spread = degrade(stripes, .3).std((1, 2, 3))
test_close((spread < .22).float().mean(), .1, eps=.04)
grainy.float().mean(),[(o.min().item(), o.max().item()) for o in means]

# %% [markdown]
# Dots leave black and white alone and never leave that range; the mean of a picture is what it was; and from a dot to its neighbor at 45 degrees it is as far as was asked for.

# %%
levels = torch.tensor([0., .2, .5, .9, 1.]).view(-1, 1, 1, 1).expand(-1, 1, 64, 64)
printed = halftone(levels, 8/2**.5, .5)
test_close(printed.mean((1, 2, 3)), levels[:,0,0,0], eps=1e-5)
assert 0 <= printed.min() and printed.max() < 1 + 1e-6
test_close(printed.amax((1, 2, 3)), tensor([0, .4, 1, 1, 1]), eps=1e-5)
y,x = (printed[2,0] > .999).nonzero().T
test_eq(((x - x[0])**2 + (y - y[0])**2).sort().values[1].item(), 32) # (8/2**.5)**2
assert ((x + y)%8 == 0).all()
test_eq(halftone(levels, 3., 0.), levels)

# %%
#| label: fig-age
#| fig-cap: "One photograph as it is, in six stages of neglect, and in print. The color to be found is the same."
set_seed(seed)
face = torch.from_numpy(np.array(sample_photos(size*2)[0])).permute(2, 0, 1)[None]/255
L = gray_to_L(grays['lstar'](face))
show_row([L[0], *degrade(L.expand(6, -1, -1, -1), 1.), halftone(L, 3.5)[0]])

# %% [markdown]
# ## Targets

# %% [markdown]
# What should the network answer? Systems disagree, and a recipe chooses by name. S0 answers with the whole picture, RGB in -1..1, and has to copy the lightness that it was given. Most later ones answer with $a,b$ only. Ours answers with $a,b$ at a quarter of the size, which is enough for the eye ([The first model's U-Net](../models/unet.ipynb#a-quarter-is-enough) measures that): the photo is averaged over squares of 4x4 pixels first. Classes, for networks that classify color, are made from $a,b$ by the loss, in [Color as classification](../color/bins.ipynb); a new kind of target is a function and an entry in `targets`. The test: each of the three, together with $L$, must give the photo back; `ab4` does so for a picture of 4x4 tiles, in which nothing is lost by averaging.

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
# The pieces meet in a `DataBlock`. Photos are cropped one by one, by other processes where that is asked for; everything else is done to whole batches and, where there is a GPU, on it. A transform of fastai is called with the number of its subset, 0 for training; only there is $L$ aged. All randomness comes from the generators of Python, NumPy and torch, so one `set_seed` beforehand gives the same batches again. The cell below `color_loaders` checks that with aging only $L$ differs and the targets do not, and that held-out photos are neither aged nor moved.

# %%
#| export
class ToLab(ItemTransform):
    "Batches of photos into what a generator sees, `L`, and what it should answer"
    order = 10
    def __init__(self,
        target:str='ab4', # 'rgb' in -1..1, 'ab' at full or 'ab4' at a quarter of the size, in about -1..1
        gray:str='lstar', # gray function: a key of `colorbook.color.lab.grays`
        aged:float=0., # chance of each kind of damage to L in training
    ): self.target,self.gray,self.aged = targets[target],grays[gray],aged
    def __call__(self, b, split_idx=None, **kwargs):
        self.training = split_idx == 0
        return super().__call__(b, split_idx=split_idx, **kwargs)
    def encodes(self, b):
        rgb = self.framed(b[0])
        return self.light(rgb),self.target(rgb.float()/255)
    def framed(self, rgb): return rgb
    def light(self, rgb):
        L = gray_to_L(self.gray(rgb.float()/255)).contiguous(memory_format=torch.channels_last)
        return degrade(L, self.aged) if self.training and self.aged else L

# %% [markdown]
# Where several processes load the photographs, an error comes out of one of them. torch hands it over as a report of many lines that starts with "Caught", and whose last line is the error. Our loaders pass on that line alone, so that an unreadable photograph gives the same error with processes and without.

# %%
#| export
@contextmanager
def plain_errors():
    "An error out of a loading process as it was raised there, without torch's report around it"
    try: yield
    except ColorbookError as e:
        if not e.what.startswith('Caught '): raise
        raise type(e)(e.what.strip().splitlines()[-1].partition('Error: ')[2]) from None

class PlainErrors:
    "For a loader of fastai: its errors are those of `plain_errors`"
    def __iter__(self):
        with plain_errors(): yield from super().__iter__()

class PhotoDL(PlainErrors, TfmdDL):
    "Batches of photographs; where several processes share each batch, the part of one of them"
    part = 0,1 # number of this process, and how many there are
    def get_idxs(self):
        (k,n),idxs = self.part,super().get_idxs()
        return idxs if n == 1 else [o for i,o in enumerate(idxs[:len(self)*n*self.bs]) if i//self.bs%n == k]
    def __len__(self): return super().__len__() if self.part[1] == 1 else self.n//(self.bs*self.part[1])

# %%
err = InputError("'cat.jpg' is empty", 'copy it again from the camera')
def far():
    with plain_errors(): raise InputError(f'Caught InputError in process 1.\nTraceback\n  3\nmod.InputError: {err}\n')
def near():
    with plain_errors(): raise err
def said(f):
    "What the error of `f` says"
    try: f()
    except InputError as e: return str(e)
test_eq([said(far), said(near)], [str(err)]*2)
said(far)

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
    squeeze:bool=False, # see `SquareCrop`
    mirror:bool=True, # see `SquareCrop`
    crop=SquareCrop, # what cuts, and
    lab=ToLab, # what makes `L` and target, see `colorbook.data.varied`
    **kwargs, # options of `ToLab`
) -> DataLoaders: # batches of `L` and target; `dls.held` has the indices held out
    "Batches for training and for validation"
    train,held = split_by_hash(photos, valid, seed)
    crop = crop(photos, size, low, held, squeeze, mirror)
    block = DataBlock(blocks=TransformBlock(), get_items=lambda o: list(range(len(o))),
        splitter=lambda _: (train, held), item_tfms=crop, batch_tfms=lab(**kwargs), n_inp=1)
    dls = block.dataloaders(photos, bs=min(bs, len(train)), val_bs=min(bs, len(held)), num_workers=num_workers,
        device=device or default_device(), dl_type=PhotoDL)
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
# There are also batches of [clips](../models/temporal.ipynb), whose consecutive frames stand in the place of channels and are answered for all frames but the first and the last. `present` takes out the lightness that belongs to the answer, for a critic or for drawing.

# %%
#| export
def present(
    x:Tensor, # lightness of photos, `bs`x1xHxW, or of clips, `bs`x(T+2)xHxW
) -> Tensor: # of the photos, or of the clips' inner frames one after the other, (`bs`*T)x1xHxW
    "The lightness of what is to be colored"
    return x if x.shape[1] == 1 else x[:,1:-1].flatten(0, 1)[:,None]

# %%
clip = torch.arange(10.).view(2, 5, 1, 1).expand(-1, -1, 3, 4)
test_eq(present(clip)[:,0,0,0], torch.tensor([1., 2, 3, 6, 7, 8]))
test_eq(present(clip[:,:3])[:,0,0,0], torch.tensor([1., 6]))
assert present(L) is L
present(clip).shape

# %% [markdown]
# Photos that are not kept are decoded by the processes that crop them. The batches must be the same with and without processes. A photo that cannot be read is found only in the middle of training then; printed is the error, which still names it.

# %%
shutil.copytree(home/'photos', home/'late')
files = Photos(home/'late', keep=False)
def epoch(num_workers): return list(color_loaders(files, 4, 16, valid=.3, device='cpu', num_workers=num_workers).valid)
for (L0,ab0),(L2,ab2) in zip(epoch(0), epoch(2), strict=True):
    test_eq((L0, ab0), (L2, ab2))
set_seed(seed)
dls = color_loaders(files, 4, 16, valid=.3, device='cpu', num_workers=2)
twice = [list(dls.train) for _ in range(2)]
assert not torch.equal(twice[0][0][0], twice[1][0][0])
(home/'late/0/000.png').write_bytes(b'damaged')
lost = color_loaders(files, 4, 16, valid=.3, device='cpu', num_workers=2)
try: [list(o) for o in (lost.train, lost.valid)]
except InputError as e: said = str(e)
assert '000.png' in said and len(said.splitlines()) == 1
said

# %% [markdown]
# @fig-batch shows a batch of six: above what the generator sees, in the middle what it should answer, at a quarter of the size and with one lightness everywhere, below both together. The middle row looks coarse and the lower one does not: the eye takes the edges from the lightness.

# %%
#| label: fig-batch
#| fig-cap: "A batch: what the generator sees, what it should answer (small, at constant lightness), and both together."
answer = join_lab(torch.full_like(ab[:,:1], .65), ab)
both = join_lab(L, F.interpolate(ab, size=(size, size), mode='bilinear'))
rows = [L.expand(-1, 3, -1, -1), F.interpolate(answer, size=(size, size)), both]
test_close(rgb_to_lab(both)[:,:1]/100, L, eps=.01)
show_row([torch.cat([torch.cat([*o], -1) for o in rows], -2)])

# %% [markdown]
# ## What a recipe reads

# %% [markdown]
# A recipe is data and says by one word what it learns from; where that lies is the second argument of `colorbook train`. So a network that was trained on photographs is trained on a million of them in shards, or on near infrared, by changing one field. `data_loaders` is the table of the words, complete wherever it is looked at; a function that makes batches is entered where it is defined, in this chapter and in later ones, and takes what it needs from the fields of the recipe. The table also says of each word whether it is of films (`films`), brings maps of saliency, reads photographs one by one (`photos`), or pairs of which scenes can be held out; and whether the network sees something else *instead* of the lightness.

# %% [markdown]
# | word | what it reads | chapter |
# |---|---|---|
# | `photos` | folders, tars, lists and databases of photographs, each at any time | this one |
# | `varied` | the same, as other cameras took them, with borders, in various shapes | [Photographs as people bring them](varied.ipynb) |
# | `shards` | tars in sequence, a million photographs and more | [Shards](shard_loader.ipynb) |
# | `frames`, `stills` | films, frame by frame with neighbors and without | [Films to learn from](clips.ipynb) |
# | `clips` | three frames at a time of films, and photographs under a moving camera | [Films to learn from](clips.ipynb) |
# | `saliency` | photographs, and maps of where one looks from a second folder or made | [Pairs](paired.ipynb) |
# | `inpainting`, `sketch` | photographs with a hole, or their lines alone, in the place of the gray photograph | [Sketches and holes](tasks.ipynb) |
# | `nir`, `lwir`, `pairs` | infrared, or any second picture, in the place of the gray photograph | [Pairs](paired.ipynb) |

# %%
#| export
data_loaders = Registry('data', 'colorbook.data.clips colorbook.data.paired colorbook.data.shard_loader'
    ' colorbook.data.tasks colorbook.data.varied', films=False, saliency=False, photos=False, pairs=False,
    instead=False)

@data_loaders('photos', photos=True)
def load_photos(
    recipe, # with the fields `bs`, `size`, `low`, `valid`, `seed`, `squeeze`, `mirror`, `target`, `gray` and `aged`
    source, # see `colorbook.data.photos.open_photos`
    n:int=None, # use only so many photos
    workers:int=0, # processes that read photos late; 0 to keep all in memory
    **parts, # 'crop' and 'lab', see `color_loaders`
) -> DataLoaders:
    "Photos in squares"
    photos = open_photos(source, recipe.size*3//2, n, keep=not workers)
    return color_loaders(photos, recipe.bs, recipe.size, recipe.low, recipe.valid, recipe.seed, num_workers=workers,
        squeeze=recipe.squeeze, mirror=recipe.mirror, target=recipe.target, gray=recipe.gray, aged=recipe.aged, **parts)

# %%
recipe = SimpleNamespace(bs=5, size=16, low=1., valid=.3, seed=1, squeeze=True, mirror=False, target='rgb',
    gray='rec601', aged=0.)
kept,late = (load_photos(recipe, home/'photos', workers=o) for o in (0, 2))
test_eq((kept.held, kept.train.bs), (late.held, 5))
test_eq([o.shape[1:] for o in kept.one_batch()], [(1, 16, 16), (3, 16, 16)])
kept.held

# %%
#| export
def load_data(
    recipe, # any object with the fields of a recipe, see `load_photos`
    source, # where the data is; what is understood depends on the word
    n:int=None, # use only so many photos, pairs or photos under a camera
    workers:int=0, # processes that read pictures late; 0 to keep all in memory. It never changes what is held out
    like:DataLoaders=None, # loaders of the same source for another size or batch: photos in memory are taken from there
) -> DataLoaders: # with `held`, indices held out, and `crop.photos`, the set that they are of
    "The batches that a recipe asks for; a `UsageError` with all words where there is no such data"
    if like and data_loaders[recipe.data].photos: source,n = like.crop.photos,None
    return data_loaders[recipe.data](recipe=recipe, source=source, n=n, workers=workers)

# %% [markdown]
# Below, the same six photographs are stored in each of these ways. A notebook that has just made the table has only its own word in it, so the cell takes table and function from the library. Whatever the word, the first two parts of a batch are what the generator sees and what it should answer, as the sizes at the end show: most generators see one channel; films show three frames, and clips five channels.

# %%
from colorbook.data.loaders import data_loaders, load_data
home,ims = Path(tempfile.mkdtemp()),[ImageOps.fit(o, (64, 48)) for o in sample_photos()]
for folder,names in dict(photos='{}', nir='{}_rgb', gray='{}').items():
    (home/folder).mkdir()
    for i,o in enumerate(ims): o.save(home/folder/f'{names.format(i)}.png')
for i,o in enumerate(ims):
    ImageOps.invert(o.convert('L')).save(home/f'nir/{i}_nir.png')
    for k in ('visible', 'lwir'):
        (home/'kaist'/k).mkdir(parents=True, exist_ok=True)
        o.save(home/'kaist'/k/f'{i}.png')
write_shards(home/'photos', home/'shards', 4)
write_clip((o for im in ims[:2] for o in travel(im, 8, (48, 36))), home/'film.mp4')
places = dict(photos='photos', inpainting='photos', sketch='photos', varied='photos', saliency='photos',
    shards='shards', frames='film.mp4', stills='film.mp4', clips='film.mp4', nir='nir', lwir='kaist')
sources = {k: str(home/o) for k,o in places.items()} | dict(pairs=[home/'photos', home/'gray'])
test_eq(sorted(sources), sorted(data_loaders))
def batch_of(word, **changes):
    recipe = dict(data=word, bs=4, size=32, low=.8, valid=.3, seed=0, squeeze=False, mirror=True, target='ab4',
        gray='lstar', aged=0., scenes='', channels=1)
    dls = load_data(SimpleNamespace(**recipe | changes), sources[word])
    assert all(dls.crop.photos.hash(i) for i in dls.held) and len(dls.crop.photos) > len(dls.held) > 0
    return dls.train.one_batch()
seen = {k: batch_of(k)[:2] for k in data_loaders}
test_eq({o.shape[-2:] for o,_ in seen.values()}, {(32, 32)})
test_eq({o.shape[-2:] for _,o in seen.values()}, {(8, 8)})
test_eq({k: o.shape[1] for k,(o,_) in seen.items() if o.shape[1] > 1}, dict(frames=3, clips=5))
recipe = SimpleNamespace(data='photos', bs=2, size=32, low=.8, valid=.3, seed=0, squeeze=False, mirror=True,
    target='ab', gray='lstar', aged=0.)
dls = load_data(recipe, sources['photos'], n=5)
recipe.size,recipe.bs = 16,4
smaller = load_data(recipe, sources['photos'], n=5, like=dls)
assert smaller.crop.photos is dls.crop.photos and smaller.held == dls.held
test_eq([o.train.one_batch()[0].shape for o in (dls, smaller)], [(2, 1, 32, 32), (4, 1, 16, 16)])
songs = SimpleNamespace(data='songs')
test_fail(lambda: load_data(songs, home), exc=UsageError, contains="no data 'songs'; choose")
{k: tuple(o.shape) for k,(o,_) in seen.items()}

# %% [markdown]
# ## What we have
#
# - crops for training and for held-out photos, and damage that changes lightness alone;
# - a split by content that keeps equal files together, and stays as it is when photos are added;
# - batches of $L$ and one of three targets, damaged in $L$ alone, the same again for the same seed;
# - `load_data`, from a recipe and a place to batches, for every kind of data in the book, and `data_loaders`, the words that a recipe may say.

# %% [markdown]
# ## Exercises
#
# 1. The split keeps equal files together, not equal photographs. What kind of hash would notice that a JPEG and a PNG are the same photo, and which different photos would it confuse?
# 2. Move `degrade` from $L$ to the photo before the split into $L$ and target. What does the network learn about faded prints?
# 3. Write a target `ab8` at an eighth of the size. How far is the color of the averaged photo from the average of its $a,b$, on the six photographs?
# 4. Enter a loader of your own under the word `zip`, for photographs in a zip file. Which of the functions of [Photographs](photos.ipynb) does it need, and what has a run to know for being resumed?
# 5. Train one recipe on `photos` and on `shards` with the same seed. Which pictures are held out in each, and from which batch on do the runs differ?
