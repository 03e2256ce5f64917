# %% [markdown]
# # Pairs
#
# > Two pictures of one scene, always cropped in the same place
#
# Some systems learn from two pictures at a time: a photograph and a map of where people look first, or a photograph and what an infrared camera saw. Both must show the same, and nothing in a training run complains if they do not. We read such pairs from three layouts of folders, check that each picture has a partner of the same shape, crop both in the same place, and hand them to a network in batches. For saliency there is also a way to make the maps.

# %%
#| default_exp data.paired

# %% tags=["parameters"]
size,bs,seed = 96,4,7

# %%
#| export
import os, random
from pathlib import Path
import numpy as np
from fastai.vision.all import *
from PIL import Image, ImageFilter, ImageOps
from colorbook.color.lab import rgb_to_lab
from colorbook.core import InputError, UsageError, with_progress, atomic_path
from colorbook.data.loaders import data_loaders, PhotoDL, SquareCrop, ToLab, split_by_hash
from colorbook.data.photos import Photos, open_photo, open_photos, read_photo
from colorbook.data.named_sets import Sets, flaw_of, keep_sound, photos_in

# %%
#| hide
import tempfile
from types import SimpleNamespace
from fastcore.test import *
from colorbook.data.photos import data_dir, sample_photos
from colorbook.color.lab import show_row

# %% [markdown]
# ## Finding the pairs

# %% [markdown]
# S3 knows two kinds of second picture. One says where people look: a *[saliency map](../evaluation/saliency.ipynb)*, gray, in a second folder under the same name, which weighs the loss. The other takes the place of the gray photograph: near infrared, `NAME_nir` beside `NAME_rgb`, or long-wave infrared (a picture of warmth) with three channels, `lwir/` beside `visible/` as the KAIST set has them. For each layout a rule says to which side a file belongs and what its pair is called. A file without a partner is an error that names it, or is counted.
#
# Two pictures of a pair may differ in size, as cameras do, but not in shape: a second picture of another shape is another section of the scene, or a wrong file. `pair_flaw` finds that from the headers of the files, without decoding them ([Known sets](named_sets.ipynb) uses it when a set is read).

# %%
#| export
def shape_of(
    path:Path, # of a picture
) -> tuple[int,int]: # width and height, turned the way its EXIF data says
    "Size of a picture that is not decoded"
    with open_photo(path) as im:
        return im.size[::-1] if im.getexif().get(0x0112, 1) >= 5 else im.size

# %%
#| export
def pair_flaw(
    pair:tuple, # two paths
    decode:bool=False, # decode both
) -> str|None: # a sentence, or None
    "What is wrong with a pair"
    for o in pair:
        if flaw := flaw_of(o, decode): return flaw
    try: (w,h),(w2,h2) = map(shape_of, pair)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as e: return f'cannot read a pair: {e}'
    if abs(w*h2/(h*w2) - 1) > .02: return f"'{pair[1]}' is {w2}x{h2}, its partner '{pair[0]}' {w}x{h}"

# %%
#| export
def pair_up(
    files:list, # triples: side (0, 1 or None), name of the pair, path
    skip_bad:bool=False, # leave out and count what has no partner or a flaw, instead of stopping
) -> Sets: # `pairs`, a list of tuples of paths
    "Files into pairs"
    sides,lone = ({}, {}),[]
    for side,name,path in files:
        if side is None: lone.append(path)
        elif sides[side].setdefault(name, path) != path:
            raise InputError(f"'{path}' and '{sides[side][name]}' have the same name", 'remove one of them')
    names = sorted(sides[0].keys() & sides[1].keys())
    lone += [o[k] for o in sides for k in o.keys() - set(names)]
    told = [f"'{o}' has no partner" for o in sorted(lone)]
    if told and not skip_bad:
        others = f' ({len(told)} such files)' if len(told) > 1 else ''
        raise InputError(told[0] + others, 'bring it, or leave it out with skip_bad=True')
    return keep_sound(Sets(dict(pairs=[(sides[0][k], sides[1][k]) for k in names]), told), skip_bad, pair_flaw)

# %%
#| export
def folder_pairs(
    photos:Path, # folder of photos
    others:Path, # folder of saliency maps or other pictures with the same names; suffixes may differ
    skip_bad:bool=False, # see `pair_up`
) -> Sets: # `pairs`
    "Two folders with the same names"
    return pair_up([(i, str(o.relative_to(root).with_suffix('')), o)
        for i,root in enumerate((photos, others)) for o in photos_in(root)], skip_bad)

# %%
#| export
def nir_pairs(
    root:Path, # folder with `NAME_rgb.jpg` and `NAME_nir.jpg`
    skip_bad:bool=False, # see `pair_up`
) -> Sets: # `pairs`
    "Photos and near infrared"
    return pair_up([({'_rgb': 0, '_nir': 1}.get(o.stem[-4:]), str(o.parent/o.stem[:-4]), o)
        for o in photos_in(root)], skip_bad)

# %%
#| export
def lwir_pairs(
    root:Path, # folder with `visible/` and `lwir/`, at any depth
    skip_bad:bool=False, # see `pair_up`
) -> Sets: # `pairs`
    "Photos and long-wave infrared, as KAIST has them"
    return pair_up([({'visible': 0, 'lwir': 1}.get(o.parent.name), str(o.parent.parent/o.stem), o)
        for o in photos_in(root)], skip_bad)

# %% [markdown]
# We test with small copies of the three layouts, each with a fault: a photo without a partner, a note among the pictures, a map that is turned, a file that breaks off. Printed is what was left out.

# %%
home = Path(tempfile.mkdtemp())
ims = [o.crop((x, y, x + 72, y + 48)) for o in sample_photos(144) for y in (0, 48, 96) for x in (0, 72)]
for i in range(6):
    name = home/f'kaist/set00/V{i%2}'
    for k,suffix in (('visible', 'jpg'), ('lwir', 'png')):
        (name/k).mkdir(parents=True, exist_ok=True)
        ims[i].save(name/k/f'I{i:05}.{suffix}')
warm = lwir_pairs(home/'kaist')['pairs']
test_eq([(a.parent.name, b.parent.name, a.stem, b.stem) for a,b in warm[:1]], [('visible', 'lwir', 'I00000', 'I00000')])
(home/'nir').mkdir()
for i,o in enumerate(('sea_rgb', 'sea_nir', 'hill_rgb', 'note')): ims[i].save(home/f'nir/{o}.png')
test_fail(lambda: nir_pairs(home/'nir'), exc=InputError, contains="hill_rgb.png' has no partner (2 such files)")
counted = nir_pairs(home/'nir', skip_bad=True)
test_eq(counted['pairs'], [(home/'nir/sea_rgb.png', home/'nir/sea_nir.png')])
[o.replace(str(home), '') for o in counted.skipped]

# %%
for k in ('a', 'b'):
    (home/k).mkdir()
    for i in range(4): ims[i].save(home/f'{k}/{i}.png')
test_eq([(a.name, b.name) for a,b in folder_pairs(home/'a', home/'b')['pairs']], [(f'{i}.png',)*2 for i in range(4)])
ims[1].rotate(90, expand=True).save(home/'b/1.png')
test_fail(lambda: folder_pairs(home/'a', home/'b'), exc=InputError, contains="b/1.png' is 48x72, its partner")
whole = (home/'b/2.png').read_bytes()
(home/'b/2.png').write_bytes(whole[:len(whole)//2])
skipped = folder_pairs(home/'a', home/'b', skip_bad=True)
test_eq(([a.name for a,_ in skipped['pairs']], len(skipped.skipped)), (['0.png', '3.png'], 2))
assert "b/2.png' as a picture" in skipped.skipped[1]
upright = ims[0].rotate(90, expand=True)
upright.getexif()[0x0112] = 6
upright.save(home/'b/turned.jpg', exif=upright.getexif())
test_eq([shape_of(home/'b/turned.jpg'), read_photo(home/'b/turned.jpg').size], [(72, 48)]*2)
ims[0].save(home/'a/0.jpg')
test_fail(lambda: folder_pairs(home/'a', home/'b'), exc=InputError, contains='have the same name; remove one')
near = nir_pairs(data_dir()/'nir') if data_dir() and (data_dir()/'nir').is_dir() else None
if near: test_eq((len(near['pairs']), len(near.skipped)), (180, 0))
near or 'no such folder here'

# %% [markdown]
# ## Scenes

# %% [markdown]
# Pairs are rare, and taken in series: many pictures of one street, one after the other. If single pictures of such a series are held out, the network is tested on what it has seen from two steps aside. So whole *scenes* are held out. A scene is a folder, or all files whose names are the same up to the last hyphen (`street-0007_rgb.jpg`); the scenes to hold out are given by name.

# %%
#| export
def split_by_scene(
    photos, # a set of photos whose names are paths
    scenes:str, # names of scenes that are held out, with commas between them
) -> tuple[list,list]: # indices to train with, indices held out
    "A split that no scene crosses; a `UsageError` where there is no such scene"
    paths = [Path(o) for o in photos.names]
    root = os.path.commonpath([o.parent for o in paths])
    of = [{*o.parent.relative_to(root).parts, o.stem.removesuffix('_rgb').rsplit('-', 1)[0]} for o in paths]
    there,want = set().union(*of),{o.strip() for o in scenes.split(',')}
    if lost := want - there:
        raise UsageError(f"there is no scene '{min(lost)}'", f"choose {', '.join(sorted(there)[:20])}")
    held = [i for i,o in enumerate(of) if o & want]
    if len(held) == len(of): raise UsageError('all scenes are held out', 'leave one to learn from')
    return sorted({*range(len(of))} - {*held}),held

# %%
walk = SimpleNamespace(names=[f'a/{s}-{i}_rgb.jpg' for s in ('lake', 'hill', 'old-town') for i in range(3)])
train,held = split_by_scene(walk, 'lake, old-town')
test_eq((train, held), ([3, 4, 5], [0, 1, 2, 6, 7, 8]))
drive = SimpleNamespace(names=[f'set0{s}/V000/visible/I{i:05}.jpg' for s in range(3) for i in range(2)])
test_eq(split_by_scene(drive, 'set01')[1], [2, 3])
test_fail(lambda: split_by_scene(walk, 'sea'), exc=UsageError, contains="no scene 'sea'; choose hill, lake, old-town")
test_fail(lambda: split_by_scene(drive, 'V000'), exc=UsageError, contains='all scenes')
if near:
    near_scenes = SimpleNamespace(names=[str(a) for a,_ in near['pairs']])
    test_eq([len(o) for o in split_by_scene(near_scenes, 'mountain,street')], [143, 37])
held

# %% [markdown]
# ## Two pictures, one crop

# %% [markdown]
# The common mistake is to give each picture its own random crop: shapes agree, training runs, and the network learns that warmth has nothing to do with color. `SquareCrop` draws place, size and mirror image from Python's generator as shares of the picture's sides; so we set the generator back and crop the second picture with the same numbers, whatever its resolution.

# %%
#| export
class PairCrop(DisplayedTransform):
    "The same random square of two pictures, perhaps mirrored; for held-out pairs the middle"
    def __init__(self,
        first:Photos,
        second:Photos, # in the same order, each of the same shape as its partner
        size:int=128, # side of the result
        low:float=.7, # see `SquareCrop`
        held=(), # indices that get the middle square
        squeeze:bool=False, # see `SquareCrop`
        mirror:bool=True, # see `SquareCrop`
    ): self.crops,self.photos = [SquareCrop(o, size, low, held, squeeze, mirror) for o in (first, second)],first
    def encodes(self, i:int):
        state = random.getstate()
        one = self.crops[0](i)
        random.setstate(state)
        return torch.stack([one, self.crops[1](i)])

# %% [markdown]
# The test is a picture that counts columns in red and rows in green, paired with its own half-size copy. Wherever the crop falls, mirrored or not, both must show the same columns and rows. Printed is the largest difference, at most 2 because of the sizes.

# %%
cols,rows = np.meshgrid(np.arange(200), np.arange(100))
ruler = Image.fromarray(np.stack([cols, rows, 0*rows], 2).astype(np.uint8))
crop = PairCrop(Photos([ruler]*2), Photos([ruler.resize((100, 50), Image.Resampling.BOX)]*2), 50, held=[1])
set_seed(seed)
drawn = torch.stack([crop(0) for _ in range(100)]).int()
test_close(drawn[:,0], drawn[:,1], eps=2)
test_close(crop(1).int().diff(dim=0), 0, eps=2)
test_eq(crop(1), crop(1))
assert drawn[:,0,0,25,0].float().std() > 20 and drawn[:,0,1,0].float().std() > 5
test_close((drawn[:,0,0,0,0] > drawn[:,0,0,0,-1]).float().mean(), .5, eps=.2)
(drawn[:,0] - drawn[:,1]).abs().max()

# %% [markdown]
# What the network sees and what it should answer depends on the kind of pair. A kind is a function of the batches of both pictures and of `to_lab`, which makes `L` and target of photos as [Data loaders](loaders.ipynb#batches) does. With saliency, the map is handed on beside the target and has its size. Near infrared takes the place of the photo where `L` is made, aging and all; long-wave infrared is seen as it is.

# %%
#| export
def _saliency(to_lab, first, second):
    L,color = to_lab(first)
    return L,color,F.interpolate(second[:,:1].float()/255, color.shape[-2:], mode='area')

def _nir(to_lab, first, second): return to_lab(second)[0],to_lab(first)[1]

def _lwir(to_lab, first, second): return second.float()/255,to_lab(first)[1]

kinds = dict(saliency=_saliency, nir=_nir, lwir=_lwir) # what a generator sees, what it should answer, and a map

# %%
#| export
class PairToLab(ItemTransform):
    "Batches of pairs into what a generator sees, what it should answer, and the saliency where there is one"
    order = 10
    def __init__(self,
        kind:str='saliency', # key of `kinds`
        **kwargs, # options of `ToLab`
    ):
        if kind not in kinds: raise UsageError(f"no kind of pairs '{kind}'", f"choose {', '.join(kinds)}")
        if kind == 'lwir' and kwargs.get('aged'): raise UsageError('warmth does not age', 'leave `aged` at 0')
        self.kind,self.lab = kinds[kind],ToLab(**kwargs)
    def __call__(self, b, split_idx=None, **kwargs):
        self.to_lab = lambda photos: self.lab((photos,), split_idx=split_idx)
        return super().__call__(b, split_idx=split_idx, **kwargs)
    def encodes(self, b): return self.kind(self.to_lab, *b[0].unbind(1))

# %%
#| export
def pair_loaders(
    pairs:list, # tuples of two paths: photo and second picture
    kind:str='saliency', # key of `kinds`
    bs:int=16, # batch size
    size:int=128, # side of the crops
    low:float=.7, # smallest crop, as a share of the short side
    valid:float=.03, # share held out, by the file of the photo
    seed:int=0, # of the split
    device=None, # where batches go
    num_workers:int=0, # processes that crop
    keep:bool=True, # keep all pictures in memory, see `Photos`
    squeeze:bool=False, # see `SquareCrop`
    mirror:bool=True, # see `SquareCrop`
    scenes:str='', # hold out these scenes instead of a share, see `split_by_scene`
    **kwargs, # options of `ToLab`
) -> DataLoaders: # batches as `kinds` says; `dls.held` has the indices held out
    "Batches of pairs for training and for validation"
    keep_sound(dict(pairs=pairs), flaw=pair_flaw)
    first,second = (Photos([o[i] for o in pairs], short=size*3//2, keep=keep) for i in (0, 1))
    return set_loaders(first, second, kind, bs, size, low, valid, seed, device, num_workers, squeeze, mirror, scenes,
        **kwargs)

def set_loaders(first, second, kind, bs, size, low, valid, seed, device=None, num_workers=0, squeeze=False, mirror=True,
    scenes='', **kwargs):
    "Batches of two sets of photos in the same order"
    train,held = split_by_scene(first, scenes) if scenes else split_by_hash(first, valid, seed)
    crop = PairCrop(first, second, size, low, held, squeeze, mirror)
    block = DataBlock(blocks=TransformBlock(), get_items=lambda o: list(range(len(o))), n_inp=1,
        splitter=lambda _: (train, held), item_tfms=crop, batch_tfms=PairToLab(kind, **kwargs))
    dls = block.dataloaders(first, bs=min(bs, len(train)), val_bs=min(bs, len(held)), num_workers=num_workers,
        device=device or default_device(), dl_type=PhotoDL)
    dls.held,dls.crop = held,crop
    return dls

# %% [markdown]
# ## Making maps of saliency

# %% [markdown]
# S3's saliency maps came from a network of others and were not published; people asked for them at its repository and were told to make their own. OpenCV's contributed modules hold two ways to make such maps that need no weights, in one wheel that is built for every platform: what is left of the spectrum after its smooth part is taken away [@hou2007], and the contrast of each point with its surroundings, at several scales [@montabone2010]. Used as they are, both look at lightness alone, and both find the edges of things rather than the things. A loss that is to weigh *color* needs more. So we ask for each channel of Lab, add the answers up, each times the spread of its channel, and blur the sum by 2.5 % of the picture's side, which fills what the edges surround:
#
# $$S = G_{.025}*\sum_{c\in\{L,a,b\}}\sigma_c\,S_c$$
#
# stretched to 0..1. The rule knows nothing of things: a network that has learned what people are finds a face where this finds a bright window. Contrast spreads wider than the spectrum; on the photograph of a flower below, the flower gets 3.5 times the weight of its ground from the one and 1.4 times from the other, so the spectrum is the default. Better maps can be laid into the second folder.

# %%
#| export
def saliency_maker(
    method:str='spectrum', # or 'contrast'
): # object with `computeSaliency`
    "One of OpenCV's makers of maps; errors: `InputError` without its contributed modules"
    try: from cv2 import saliency
    except ImportError as e:
        remedy = 'pip install opencv-contrib-python-headless, and take other wheels of OpenCV away'
        raise InputError('there is no OpenCV with saliency', remedy) from e
    makers = dict(spectrum=saliency.StaticSaliencySpectralResidual_create,
        contrast=saliency.StaticSaliencyFineGrained_create)
    if method not in makers: raise UsageError(f"no method '{method}'", f"choose {', '.join(makers)}, tuned")
    return makers[method]()

# %%
#| export
def _tuned(im, sigma):
    rgb = np.asarray(im.filter(ImageFilter.GaussianBlur(sigma)))
    lab = rgb_to_lab(torch.tensor(rgb).permute(2, 0, 1)[None].float()/255)[0]
    return (lab - lab.mean((1, 2), keepdim=True)).norm(dim=0).numpy()

def _by_opencv(im, maker, sigma):
    import cv2
    lab = cv2.cvtColor(np.asarray(im), cv2.COLOR_RGB2LAB)
    found = sum(lab[...,c].std()*maker.computeSaliency(lab[...,c].copy())[1].astype(np.float32) for c in range(3))
    return cv2.GaussianBlur(found, (0, 0), sigma)

def saliency_map(
    im:Image.Image, # photo
    method='spectrum', # see `saliency_maker`; 'tuned', which needs no OpenCV; or a function from a photo to its map
    blur:float=.025, # standard deviation of the blur, as a share of the longer side
    side:int=320, # longer side of the copy that is looked at
) -> Image.Image: # gray, of the photo's size; 255 is what stands out most
    "Where one looks first, by lightness and by color"
    if callable(method): return method(im)
    small = ImageOps.contain(im.convert('RGB'), (side, side))
    found = _tuned(small, blur*side) if method == 'tuned' else _by_opencv(small, saliency_maker(method), blur*side)
    found = (found - found.min())/max(np.ptp(found), 1e-6)
    return Image.fromarray(np.rint(255*found).astype(np.uint8)).resize(im.size, Image.Resampling.BILINEAR)

# %% [markdown]
# There is a simpler way that needs no OpenCV. `tuned` [@achanta2009] asks how far the color of each place, a little blurred, is from the mean color of the photograph, as a distance in Lab:
#
# $$S(x)=\lVert\bar I-(G*I)(x)\rVert$$
#
# What is rare in color stands out, wherever it lies, and large things are filled as well; it fails where a thing fills most of the picture. The flower below gets 1.8 times the weight of its ground from it.
#
# The test has a disc on a plain ground that differs in lightness or, at the same lightness, in hue. OpenCV's own map, of the gray picture, does not see the second disc. Printed are the weights of the disc against its ground for our three methods, then those of the flower. @fig-maps has in each column a photograph, OpenCV's map and ours.

# %%
y,x = np.mgrid[:120,:160]
disc = (x - 50)**2 + (y - 70)**2 < 15**2
def weight(a, of): return round(float(np.mean(a, where=of)/max(np.mean(a, where=~of), 1e-6)), 2)
def scene(ground, color): return Image.fromarray(np.where(disc[...,None], color, ground).astype(np.uint8))
bright,red = scene((90, 90, 90), (230, 230, 230)),scene((82, 127, 82), (170, 82, 82))
assert not np.ptp(np.asarray(red.convert('L')))
assert weight(saliency_maker().computeSaliency(np.asarray(red)[...,::-1].copy())[1], disc) < 1.1
found = {(k, m): weight(saliency_map(o, m), disc) for m in ('contrast', 'spectrum', 'tuned')
    for k,o in dict(bright=bright, red=red).items()}
assert min(found.values()) > 4
large = saliency_map(red.resize((800, 600), Image.Resampling.NEAREST))
test_eq((large.size, large.mode, large.getextrema()), ((800, 600), 'L', (0, 255)))
assert np.corrcoef(np.ravel(large.resize((160, 120))), np.ravel(saliency_map(red)))[0,1] > .95
test_eq(saliency_map(Image.new('RGB', (30, 20), 'teal')).getextrema(), (0, 0))
flower = sample_photos(240)[5]
petals = rgb_to_lab(torch.tensor(np.array(flower)).permute(2, 0, 1)[None]/255)[0,1].numpy() > 10
shares = {m: weight(saliency_map(flower, m), petals) for m in ('spectrum', 'contrast', 'tuned')}
assert shares['spectrum'] > 2 > shares['tuned'] > shares['contrast'] > 1.2
test_eq(saliency_map(red, lambda im: im.convert('L').point(lambda o: 7)).getextrema(), (7, 7))
filled = [np.mean(np.asarray(saliency_map(flower, blur=b))[petals] > 51) for b in (.001, .025)]
assert filled[1] > filled[0] + .02
test_fail(lambda: saliency_map(red, 'pfan'), exc=UsageError, contains='choose spectrum, contrast, tuned')
found,shares,np.round(filled, 2)

# %%
#| label: fig-maps
#| fig-cap: "Photographs, OpenCV's map of the spectrum, and ours of lightness and color, slightly blurred."
def gray(a): return torch.as_tensor(np.asarray(a)/max(np.max(a), 1e-6)).float().expand(3, -1, -1)
columns = []
for o in sample_photos(size*2):
    theirs = saliency_maker().computeSaliency(np.asarray(o)[...,::-1].copy())[1]
    photo = torch.from_numpy(np.array(o)).permute(2, 0, 1)/255
    columns.append(torch.cat([photo, gray(theirs), gray(saliency_map(o))], 1))
show_row([torch.cat(columns, 2)])

# %% [markdown]
# OpenCV's map, in the second row of @fig-maps, is thin outlines and grain. Ours, below, marks the same places as softer and broader areas: the cat's eyes and the middle of the flower are filled. But neither knows what a thing is: of the cup both see the rim, of the rocket next to nothing, and most of all the lamps at its foot.

# %% [markdown]
# `write_saliency` makes a folder of maps with the same names from a folder of photos. Maps that are there are not made again, so an interrupted run goes on where it was. Photos that cannot be read stop it, or are counted.

# %%
#| export
def write_map(
    photo:Path, # photo
    to:Path, # its map
    method='spectrum', # see `saliency_map`
):
    "The map of one photo, unless it is there"
    if to.exists(): return
    found = saliency_map(read_photo(photo), method)
    with atomic_path(to) as f: found.save(f)

# %%
#| export
def write_saliency(
    photos:Path, # folder of photos
    out:Path, # folder for the maps, PNG files with the same names; one for each method
    method='spectrum', # see `saliency_map`
    skip_bad:bool=False, # leave out and count photos that cannot be read
) -> Sets: # `pairs`, for `pair_loaders`
    "A saliency map for each photo of a folder; those that are there already are not made again"
    photos,out = Path(photos),Path(out)
    if out.resolve().is_relative_to(photos.resolve()):
        raise UsageError(f"'{out}' lies in '{photos}'", 'choose a folder beside it, or maps will get maps')
    files = photos_in(photos)
    maps,told = {o: (out/o.relative_to(photos)).with_suffix('.png') for o in files},[]
    twins = [o for a,o in zip(files, files[1:]) if maps[a] == maps[o]]
    if twins: raise InputError(f"'{twins[0]}' has the name of its neighbor but for the suffix", 'rename one of them')
    for o in with_progress(files, 'looking'):
        try: write_map(o, maps[o], method)
        except InputError as e:
            if not skip_bad: raise
            told.append(e.what)
            del maps[o]
    return keep_sound(Sets(dict(pairs=list(maps.items())), told), flaw=pair_flaw)

# %%
(home/'six').mkdir()
for i,o in enumerate(sample_photos()): ImageOps.contain(o, (240, 240)).save(home/f'six/{i}.jpg', quality=95)
made = write_saliency(home/'six', home/'maps')
test_eq(made['pairs'], folder_pairs(home/'six', home/'maps')['pairs'])
times = {o: o.stat().st_mtime_ns for o in (home/'maps').iterdir()}
(home/'maps/3.png').unlink()
(home/'six/6.jpg').write_bytes((home/'six/5.jpg').read_bytes()[:2000])
test_fail(lambda: write_saliency(home/'six', home/'maps'), exc=InputError, contains="6.jpg' as a picture")
again = write_saliency(home/'six', home/'maps', skip_bad=True)
test_eq((again['pairs'], len(again.skipped), '6.jpg' in again.skipped[0]), (made['pairs'], 1, True))
test_eq([o.name for o,t in times.items() if o.stat().st_mtime_ns != t], ['3.png'])
test_fail(lambda: write_saliency(home/'six', home/'six/maps'), exc=UsageError, contains='maps will get maps')
ims[0].save(home/'six/5.png')
test_fail(lambda: write_saliency(home/'six', home/'maps'), exc=InputError, contains='rename one of them')
again.skipped[0].replace(str(home), '')

# %% [markdown]
# ## Batches of pairs

# %% [markdown]
# In a batch of photos and maps the third part is the map, in 0..1, cropped as its photo is, and of the size of the color. In @fig-saliency check that the bright places of the maps lie on the right things.

# %%
set_seed(seed)
dls = pair_loaders(made['pairs'], 'saliency', bs, size, valid=.2, device='cpu')
L,ab,saliency = dls.train.one_batch()
test_eq((L.shape, ab.shape), ((bs, 1, size, size), (bs, 2, size//4, size//4)))
test_eq(saliency.shape, (bs, 1, size//4, size//4))
assert 0 <= saliency.min() and .3 < saliency.max() <= 1
test_eq((len(dls.one_batch()), dls.n_inp), (3, 1))
test_fail(lambda: pair_loaders(made['pairs'], 'thermal'), exc=UsageError, contains='choose saliency, nir, lwir')
test_fail(lambda: pair_loaders([(home/'six/0.jpg', home/'no.png')]), exc=InputError, contains="no.png' is missing")
L.shape,ab.shape,saliency.shape

# %%
#| label: fig-saliency
#| fig-cap: "Photographs in lightness (above) and where one looks first (below), from a batch: the crops agree."
large = F.interpolate(saliency, L.shape[-2:])
show_row([torch.cat([torch.cat([a, b], 1).clamp(0, 1) for a,b in zip(L, large)], 2)])

# %% [markdown]
# With infrared the generator sees the second picture, and the answer is the color of the first. The test makes pairs whose second picture is the photo itself, which must give the same `L` as the photo would, aged or not; then pairs with the photo's negative, for which $L$ must follow the negative and the answer must stay.

# %%
twins = [(a, a) for a,_ in made['pairs']]
(home/'negative').mkdir()
for a,_ in twins: ImageOps.invert(read_photo(a)).save(home/f'negative/{a.stem}.png')
negatives = [(a, home/f'negative/{a.stem}.png') for a,_ in twins]
def first_batch(pairs, kind, n=bs, **kwargs):
    set_seed(seed)
    return pair_loaders(pairs, kind, n, size, valid=.2, device='cpu', **kwargs).train.one_batch()
(L1,y1,same),(L2,y2),(seen3,y3) = (first_batch(twins, k, target='rgb') for k in ('saliency', 'nir', 'lwir'))
test_eq((L1, y1, y1), (L2, y2, y3))
test_close(seen3*2 - 1, y3, eps=1e-6)
test_eq(same, seen3[:,:1])
dark,y4 = first_batch(negatives, 'nir', target='rgb', gray='rec601')
test_eq(y4, y1)
assert np.corrcoef(dark.flatten(), L1.flatten())[0,1] < -.8
aged = first_batch(twins, 'nir', aged=1., target='rgb')
test_eq((aged[0], aged[1]), (first_batch(twins, 'saliency', aged=1.)[0], y1))
assert (aged[0] - L1).abs().mean((1, 2, 3)).min() > .005
test_fail(lambda: first_batch(twins, 'lwir', aged=.5), exc=UsageError, contains='warmth does not age')
seen3.shape

# %% [markdown]
# For a recipe, an infrared picture stands where a gray photograph would, so only the recipe's `data` changes. `nir` and `lwir` are the two layouts, `pairs` is any two folders, with `:` between them, first the photographs and then what is seen instead. A generator of three channels sees all that the second picture has; one of one channel sees its lightness.

# %%
#| export
class PhotoMaps:
    "Saliency maps of a set of photos, each made when it is first asked for"
    def __init__(self,
        photos, # see `colorbook.data.photos.open_photos`
        method='spectrum', # see `saliency_map`
    ): self.photos,self.method,self.maps = photos,method,{}
    def __len__(self): return len(self.photos)
    def __getitem__(self, i):
        if i not in self.maps: self.maps[i] = saliency_map(self.photos[i], self.method)
        return self.maps[i].convert('RGB')

def maps_of(
    photos, # a set of photos
) -> PhotoMaps:
    "The maps of a set, which are kept with it: other loaders of the same photos do not make them again"
    if not hasattr(photos, 'maps'): photos.maps = PhotoMaps(photos)
    return photos.maps

def two_folders(source) -> list|None: # both; None where it is one
    "A source `PHOTOS:OTHERS`"
    many = source if isinstance(source, (list, tuple)) else []
    folders = source.split(os.pathsep) if isinstance(source, str) else many
    paths = all(isinstance(o, (str, Path)) and (isinstance(source, str) or Path(o).is_dir()) for o in folders)
    return list(folders) if paths and len(folders) == 2 else None

@data_loaders('saliency', saliency=True)
def load_saliency(recipe, source, n=None, workers=0):
    "Photos with the maps of a second folder, `PHOTOS:MAPS`; photos alone get maps by `saliency_map`"
    if folders := two_folders(source):
        first,second = (Photos([o[i] for o in folder_pairs(*folders)['pairs'][:n]], recipe.size*3//2, keep=not workers)
            for i in (0, 1))
    else:
        first = open_photos(source, recipe.size*3//2, n, keep=not workers)
        second = maps_of(first)
    return set_loaders(first, second, 'saliency', recipe.bs, recipe.size, recipe.low, recipe.valid, recipe.seed, None,
        workers, recipe.squeeze, recipe.mirror, target=recipe.target, gray=recipe.gray, aged=recipe.aged)

# %%
#| export
def load_pairs(recipe, pairs, n, workers):
    "Batches for a recipe in which the second picture takes the place of the gray photo"
    kind = 'lwir' if recipe.channels == 3 else 'nir'
    return pair_loaders(pairs['pairs'][:n], kind, recipe.bs, recipe.size, recipe.low, recipe.valid, recipe.seed,
        num_workers=workers, keep=not workers, squeeze=recipe.squeeze, mirror=recipe.mirror, target=recipe.target,
        gray=recipe.gray, aged=recipe.aged, scenes=recipe.scenes)

@data_loaders('nir', pairs=True, instead=True)
def load_nir(recipe, source, n=None, workers=0): return load_pairs(recipe, nir_pairs(source), n, workers)

@data_loaders('lwir', pairs=True, instead=True)
def load_lwir(recipe, source, n=None, workers=0): return load_pairs(recipe, lwir_pairs(source), n, workers)

@data_loaders('pairs', pairs=True, instead=True)
def load_folders(recipe, source, n=None, workers=0):
    folders = two_folders(source)
    if not folders: raise UsageError(f"'{source}' is not two folders", f'give PHOTOS{os.pathsep}OTHERS')
    return load_pairs(recipe, folder_pairs(*folders), n, workers)

# %%
recipe = SimpleNamespace(bs=bs, size=size, low=.7, valid=.2, seed=0, squeeze=False, mirror=True, target='rgb',
    gray='rec601', aged=0., scenes='', channels=1)
for o in ('six/5.png', 'six/6.jpg'): (home/o).unlink()
set_seed(seed)
test_eq(load_folders(recipe, f"{home/'six'}{os.pathsep}{home/'negative'}").train.one_batch(), (dark, y4))
test_fail(lambda: load_folders(recipe, f"{home/'six'}"), exc=UsageError, contains='two folders')
write_saliency(home/'six', home/'looks')
def seen(source):
    set_seed(seed)
    return load_saliency(recipe, source).train.one_batch()
made,given = seen(home/'six'),seen(f"{home/'six'}{os.pathsep}{home/'looks'}")
test_eq([o.shape[1] for o in given], [1, 3, 1])
for a,b in zip(made[:2], given[:2]): test_eq(a, b)
assert (made[2] - given[2]).abs().mean() < .03 # one map is of the whole photo, the other of a small copy
assert .02 < given[2].std() and given[2].max() <= 1
small = load_saliency(SimpleNamespace(**{**vars(recipe), 'target': 'ab4'}), home/'six').one_batch()
test_eq((small[1].shape[-1], small[2].shape[-1]), (size//4, size//4))
warmth = load_lwir(recipe, home/'kaist', n=4)
test_eq((len(warmth.train_ds) + len(warmth.held), warmth.one_batch()[0].shape[1]), (4, 1))
recipe.channels,recipe.scenes = 3,'V0'
warmth = load_lwir(recipe, home/'kaist')
drives = [warmth.crop.photos.names[i].split('/')[-3] for i in warmth.held]
test_eq((warmth.one_batch()[0].shape[1], drives), (3, ['V0']*3))

# %%
if near:
    L_near,rgb = first_batch(near['pairs'][::6], 'nir', 16, target='rgb')
    test_eq((L_near.shape, rgb.shape), ((16, 1, size, size), (16, 3, size, size)))
    L_seen,again = first_batch([(a, a) for a,_ in near['pairs'][::6]], 'nir', 16, target='rgb')
    test_eq(again, rgb)
    alike = [np.corrcoef(a.flatten(), b.flatten())[0,1] for a,b in zip(L_near, L_seen)]
    other = [np.corrcoef(a.flatten(), b.flatten())[0,1] for a,b in zip(L_near, L_seen.roll(1, 0))]
    assert np.mean(alike) > .3 > np.mean(other) # infrared resembles the lightness of its own scene, and is not it
(np.mean(alike).round(2), np.mean(other).round(2)) if near else 'no such folder here'

# %% [markdown]
# ## What we have
#
# - pairs of photo and saliency or infrared in three layouts, checked for partner and shape, with a count of what was left out;
# - one crop for both, and batches of three kinds by one loader;
# - `split_by_scene`, for pictures that were taken in series;
# - maps of where people look first, made by a rule from lightness and color.

# %% [markdown]
# ## Exercises
#
# 1. Let the two crops of a pair be drawn independently. By how many columns do the pictures miss each other on average?
# 2. Shift the second picture by 2 % of its width before it is paired. Does any check see it, and how could one measure the shift between a photo and its infrared partner?
# 3. For which of the six photographs in @fig-maps does our map weigh what you look at first, and for which not?
