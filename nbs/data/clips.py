# %% [markdown]
# # Films to learn from
#
# > Every frame once, no triple across a cut, and photos that a camera moves over
#
# A network that looks at three frames wants films, and films are scarcer than photos: an hour of one has hundreds of shots and not a hundred thousand subjects. In this chapter a folder of S1's frames, a video file or a set of photos gives clips of consecutive frames with their true colors, and with the flow between them: measured once, before training, where the film is real, and known exactly where we moved the camera ourselves. And no frame is lost: S1's tester, which shuffles and drops the last incomplete batch, leaves some of a film uncolored.

# %%
#| default_exp data.clips

# %% tags=["parameters"]
size,seed = 64,5

# %%
#| export
import hashlib, os, random
from pathlib import Path
from types import SimpleNamespace
import numpy as np, torch, torch.nn.functional as F
from PIL import Image
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from torch import Tensor
from colorbook.core import InputError
from colorbook.data.loaders import data_loaders, PlainErrors, split_by_hash, targets
from colorbook.video.read import read_frames
from colorbook.video.sequences import is_frame_folder
from colorbook.video.shots import mark_shots
from colorbook.data.frames import frame_shots
from colorbook.color.lab import gray_to_L, grays
from colorbook.data.photos import Photos, read_photo
from colorbook.data.synthetic import camera_clip, compared_pairs, read_flow, visibility_batch
from colorbook.video.flow import flow

# %%
#| hide
import tempfile
from fastcore.test import *
from colorbook.data.loaders import present
from colorbook.video.read import write_clip
from colorbook.data.synthetic import travel, warp_batch, write_rides
from colorbook.color.lab import join_lab, show_row
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## Films

# %% [markdown]
# A film is a list of frames and the shot of each. From a video the shots are found by the [detector of shots](../video/shots.ipynb); a folder of frames, numbered from `00001.png` as S1 wants them, has its shots in `frames.csv`, or they are looked for as well. Frames are kept in memory, small: so that the short side has a length that suits training, both sides multiples of four, or squeezed into a square as S1 does.

# %%
#| export
VIDEO_SUFFIXES = {'.mp4', '.mkv', '.mov', '.webm', '.avi', '.m4v', '.mpg', '.gif', '.ogv', '.ts'}

def fit_frame(
    im:Image.Image,
    side:int, # pixels
    square:bool=False, # squeeze into a square? Else `side` is the short one
) -> np.ndarray: # HxWx3, sides multiples of four
    "A frame as it is kept"
    by = side/min(im.size)
    w,h = (side, side) if square else (max(side, round(o*by/4)*4) for o in im.size)
    return np.asarray(im.resize((w, h), Image.Resampling.BILINEAR, reducing_gap=3).convert('RGB'))

# %%
#| export
class Film:
    "Consecutive frames in memory, and the shots they belong to"
    def __init__(self,
        frames:list, # HxWx3 bytes, all of one size
        shots:list=None, # the shot of each: anything that can be compared; one for all if not given
        name:str='film',
    ):
        self.frames,self.shots,self.name,self.flows = list(frames),shots or [0]*len(frames),name,{}
        self.known = None # the true flow to each frame from the second on, where it is known, see `read_flow`
        if not self.frames: raise InputError(f"no frame of '{name}' is left", 'take more of it')
    def __len__(self): return len(self.frames)
    def part(self, start, stop): # shares of the length
        "A part of the film, by its length"
        a,b = round(start*len(self)),round(stop*len(self))
        film = Film(self.frames[a:b], self.shots[a:b], f'{self.name}[{a}:{b}]')
        film.known = None if self.known is None else self.known[a:b - 1]
        return film

def open_film(
    path:str|Path, # a video, or a folder of frames with numbers as names
    side:int=144, # see `fit_frame`
    square:bool=False, # see `fit_frame`
) -> Film:
    "A film from a file or from a folder"
    path = Path(path)
    if path.is_dir():
        files,shots = frame_shots(path)
        film = Film([fit_frame(read_photo(o), side, square) for o in files], shots, path.name)
        if (path/'flow.npz').exists(): film.known = read_flow(path)
        return film
    def small():
        for f in read_frames(path): yield f._replace(im=Image.fromarray(fit_frame(f.im, side, square)))
    marked = [(np.asarray(f.im), shot) for f,shot in mark_shots(small())]
    return Film(*map(list, zip(*marked)), path.name)

# %% [markdown]
# A *window* is what a generator is shown at a time: the $T$ frames that it answers for, and one on either side, if there is one in the same shot. With $T=1$ these are S1's triples, one for each frame. In a film with cuts, even if a shot has a single frame, every frame stands in the middle exactly once, and no window crosses a cut.

# %%
#| export
def windows(
    shots:list, # the shot of each frame
    n:int=1, # frames that are answered
) -> list: # tuples of n+2 indices, None where a neighbor is missing
    "All runs of `n` frames within a shot, and their neighbors within it"
    def near(i, j): return j if 0 <= j < len(shots) and shots[j] == shots[i] else None
    runs = [i for i in range(len(shots) - n + 1) if len(set(shots[i:i + n])) == 1]
    return [(near(i, i - 1), *range(i, i + n), near(i + n - 1, i + n)) for i in runs]

# %%
shots = [0, 0, 0, 1, 2, 2]
test_eq(windows(shots), [(None, 0, 1), (0, 1, 2), (1, 2, None), (None, 3, None), (None, 4, 5), (4, 5, None)])
test_eq(windows(shots, 3), [(None, 0, 1, 2, None)])
rng = random.Random(seed)
for _ in range(20):
    cuts = np.cumsum([rng.random() < .3 for _ in range(rng.randrange(1, 40))]).tolist()
    test_eq([o[1] for o in windows(cuts)], list(range(len(cuts))))
    for o in windows(cuts): test_eq({cuts[i] for i in o if i is not None}, {cuts[o[1]]})
    for o in windows(cuts, 3): test_eq(len({cuts[i] for i in o if i is not None}), 1)
len(windows(cuts))

# %% [markdown]
# ## Measured flow

# %% [markdown]
# For the losses over time a film needs its flow, from each later frame of a pair to the earlier one. OpenCV's dense inverse search needs no weights and a few milliseconds ([Optical flow](../video/flow.ipynb)). It looks at the true lightness, so that what a network paints cannot fool it, and is measured once and kept at the size at which colors are compared.

# %%
#| export
def film_flow(
    film:Film,
    i:int, j:int, # indices of the earlier and of the later frame
    step:int=4, # colors are compared at this fraction of the size
) -> np.ndarray: # 2 x h/step x w/step, half precision, in pixels of that size: where each pixel of j is found in i
    "The flow between two frames, true where it is known, else measured when it is first asked for"
    if (i, j, step) not in film.flows:
        if film.known is not None and j == i + 1:
            (h,w0),(hk,wk) = film.frames[i].shape[:2],film.known.shape[2:]
            w = F.interpolate(torch.from_numpy(film.known[i])[None], (h, w0), mode='bilinear')
            w = w*torch.tensor([w0/wk, h/hk]).view(1, 2, 1, 1)
        else:
            a,b = (np.asarray(Image.fromarray(film.frames[k]).convert('L')) for k in (j, i))
            w = torch.from_numpy(np.asarray(flow(a, b), np.float32)).permute(2, 0, 1)[None]
        film.flows[i,j,step] = (F.avg_pool2d(w, step)[0]/step).half().numpy()
    return film.flows[i,j,step]

# %%
photo = sample_photos(192)[2]
moving = Film([np.asarray(o) for o in travel(photo, 6, (96, 72), (0, .5), (.5, .5), part=.8)])
true = np.array([.5*(192 - .8*192)/5*96/(.8*192), 0])/4
found = film_flow(moving, 1, 3)
test_eq((found.shape, film_flow(moving, 1, 3) is found), ((2, 18, 24), True))
middle = np.median(found[:,4:-4,4:-4].astype(np.float32), (1, 2))
test_close(middle, 2*true, eps=.1)
middle,2*true

# %% [markdown]
# A [ride](synthetic.ipynb#clips-written-down) has its true flow beside its frames. It is taken where neighbors are compared, at the size at which the film is kept; a flow over several frames is measured here too.

# %%
ride = Path(tempfile.mkdtemp())
write_rides([photo], ride, 1, 4, 64, seed=seed)
true = F.avg_pool2d(torch.from_numpy(read_flow(ride/'000000')), 4)/4
whole,large = (open_film(ride/'000000', o) for o in (64, 80))
known = [film_flow(whole, i, i + 1) for i in range(3)]
test_close(np.stack(known).astype(np.float32), true.numpy(), eps=1e-3)
test_eq(film_flow(whole.part(.25, 1), 0, 1), known[1])
test_close(film_flow(large, 1, 2).mean((1, 2)), known[1].mean((1, 2))*80/64, eps=.02)
whole.known = None
whole.flows.clear()
assert not np.array_equal(film_flow(whole, 1, 2), known[1])
np.abs(known[1]).max()

# %% [markdown]
# ## Clips

# %% [markdown]
# All sources together are one set of clips: windows of films, and photos over which the camera of [synthetic clips](synthetic.ipynb) rides, whose flow needs no measuring. A film is held out by its end, a photo by its hash as [ever](loaders.ipynb); S1's folders `train/` and `val/` say themselves which is which. Between what is learned and what is held out of one film lie a few frames that are neither, since neighboring frames are the same picture.

# %%
#| export
def split_source(source) -> list: # of paths, `Film`s and lists of photos
    "Several paths in one text, as in PATH, or a list"
    if isinstance(source, (str, Path)): source = str(source).split(os.pathsep)
    return list(source)

def is_film(path) -> bool: # a video, or a folder of pictures that are named by numbers?
    "Whether a path is one film"
    return is_frame_folder(path) if Path(path).is_dir() else Path(path).suffix.lower() in VIDEO_SUFFIXES

def films_in(path) -> list: # pairs of a path and what it is for: 'train', 'val' or 'both'
    "The films below a path; where there are any, nothing else is looked at"
    if not isinstance(path, (str, Path)): return []
    path = Path(path)
    if is_film(path): return [(path, 'both')]
    below = [o for o in sorted(path.rglob('*')) if is_film(o)] if path.is_dir() else []
    role = lambda o: next((p for p in o.relative_to(path).parts if p in ('train', 'val')), 'both')
    return [(o, role(o)) for o in below]

# %%
#| export
class Clips:
    "Windows of films, and photos that a camera moves over"
    def __init__(self,
        source, # films, folders of S1's frames, photos: paths joined by `os.pathsep`, or a list of these, with `Film`s
        size:int=128, # side of the clips
        n:int=1, # frames that are answered
        photos:int=None, # take only so many photos
        square:bool=False, # squeeze frames into squares, as S1 does? Else random squares are cut from them
        step:int=4, # colors are compared at this fraction of the size
    ):
        self.size,self.n,self.step,self.items,roles,others = size,n,step,[],[],[]
        side = size if square else max(size, round(size*9/8/4)*4)
        for o in split_source(source):
            if isinstance(o, Film): roles.append((o, 'both'))
            elif found := films_in(o): roles += [(open_film(p, side, square), role) for p,role in found]
            else: others += o if isinstance(o, list) else [o]
        self.photos = Photos(others, size*3//2, photos) if others else None
        for film,role in roles: self.items += [(film, role, o) for o in windows(film.shots, n)]
        if self.photos: self.items += [(None, 'both', i) for i in range(len(self.photos))]
        if not self.items: raise InputError(f"there is no film and no photo in '{source}'", 'give others')
    def __len__(self): return len(self.items)
    def hash(self, i):
        film,_,o = self.items[i]
        return self.photos.hash(o) if film is None else hashlib.sha256(film.frames[o[1]].tobytes()).hexdigest()

# %%
#| export
def split_clips(
    clips:Clips,
    valid:float=.1, # share that is held out: of each film its end, of photos some
    seed:int=0, # of the photos
) -> tuple[list,list]: # indices to learn from, indices held out
    "What is learned, what is held out; frames in between are neither"
    train,held,films = [],[],{}
    for k,(film,role,o) in enumerate(clips.items):
        if film is not None: films.setdefault(id(film), (film, role, []))[2].append(k)
    for film,role,ks in films.values():
        edge = {'train': len(film), 'val': 0}.get(role, len(film) - max(clips.n, round(valid*len(film))))
        last,first = edge if role == 'train' else edge - 3,edge
        train += [k for k in ks if clips.items[k][2][clips.n] < last]
        held += [k for k in ks if clips.items[k][2][1] >= first]
    if clips.photos:
        base = len(clips) - len(clips.photos)
        for out,new in zip((train, held), split_by_hash(clips.photos, valid, seed)): out += [base + i for i in new]
    return train,held or train[-1:]

# %%
film = Film([np.full((72, 72, 3), i, np.uint8) for i in range(40)], [0]*25 + [1]*15)
for n in (1, 3):
    clips = Clips([film], size, n)
    train,held = split_clips(clips, .25)
    seen = {i for k in train for i in clips.items[k][2][1:-1]}
    kept = {i for k in held for i in clips.items[k][2][1:-1]}
    test_eq((min(kept), max(kept), max(seen) < 30 - 2, min(seen)), (30, 39, True, 0))
test_eq(sorted(clips.items[k][2][1] for k in held), list(range(30, 38)))
len(train),len(held)

# %% [markdown]
# An item of the set: where a film's frames are larger than a clip, a square of them, at a place that the quarter-size grid knows; half of them mirrored, in which case what moved right moves left. Held-out clips are the middle, and a held-out photo has a ride of its own that is always the same.

# %%
#| export
def film_clip(
    film:Film,
    window:tuple, # see `windows`
    size:int, # side
    step:int, # colors are compared at this fraction of the size
    rng=None, # a `random.Random` for place and mirror; None for the middle
    mirror:bool=True, # every second one mirrored?
) -> tuple[np.ndarray,list]: # frames, and flow for each pair of the inner ones; missing frames are black
    "A window of a film as squares"
    h,w = film.frames[0].shape[:2]
    x,y = (((rng.randint(0, o - size) if rng else (o - size)//2)//4*4) for o in (w, h))
    cut,small = np.s_[y:y + size,x:x + size],np.s_[:,y//step:(y + size)//step,x//step:(x + size)//step]
    frames = np.stack([np.zeros((size, size, 3), np.uint8) if i is None else film.frames[i][cut] for i in window])
    flows = [film_flow(film, window[i + 1], window[j + 1], step)[small] for i,j in compared_pairs(len(window) - 2)]
    if not rng or rng.random() < .5 or not mirror: return frames,flows
    return frames[:,:,::-1],[o[:,:,::-1]*np.array([-1, 1], o.dtype)[:,None,None] for o in flows]

# %%
#| export
class ClipItems:
    "Some of the clips as tensors"
    def __init__(self,
        clips:Clips,
        at:list, # indices
        training:bool=True, # at random places, or always at the same ones?
        front:float=.5, # share of photos that have another one in front
        mirror:bool=True, # see `film_clip`
    ): self.clips,self.at,self.training,self.front,self.mirror = clips,at,training,front,mirror
    def __len__(self): return len(self.at)
    def __getitem__(self, k):
        c,rng = self.clips,random if self.training else None
        film,_,o = c.items[self.at[k]]
        there = torch.ones(c.n + 2, dtype=torch.bool)
        if film is None:
            rng = rng or random.Random(o)
            near = c.photos[rng.randrange(len(c.photos))] if self.training and rng.random() < self.front else None
            frames,flows = camera_clip(c.photos[o], c.n + 2, c.size, rng, near, c.step)
        else:
            frames,flows = film_clip(film, o, c.size, c.step, rng, self.mirror)
            there = torch.tensor([i is not None for i in o])
        moves = np.zeros((0, 2, 1, 1)) if not flows else np.stack(flows)
        tensors = frames.transpose(0, 3, 1, 2).copy(),there,moves.astype(np.float32)
        return tuple(torch.as_tensor(t) for t in tensors)

# %% [markdown]
# On the batch, frames become lightness and target. In training light may also waver, as it does in old films: each frame has a gain and a grain of its own. The colors stay, so a network learns that this is not what color depends on. And some clips lose their first or last frame, so that a network sees shots begin and end about as often as it does in films with many cuts, and learns to answer there as it does in between.

# %%
#| export
def degrade_clip(
    L:Tensor, # lightness of clips in 0..1, `bs`xTxHxW
    p:float=.5, # chance of each kind, for each clip
) -> Tensor: # lightness in 0..1
    "Light that trembles and grain that boils: damage that differs from frame to frame"
    def some(scale): return torch.rand(len(L), 1, 1, 1)*scale*(torch.rand(len(L), 1, 1, 1) < p)
    gain = 1 + some(.06)*(torch.rand(*L.shape[:2], 1, 1)*2 - 1)
    return (L*gain.to(L) + torch.randn_like(L)*some(.03).to(L)).clamp(0, 1)

# %%
#| export
class ToClips:
    "Batches of frames into what a temporal generator sees, what it should answer, and what moves"
    def __init__(self,
        target:str='ab4', # key of `colorbook.data.loaders.targets`
        gray:str='lstar', # key of `colorbook.color.lab.grays`
        aged:float=0., # chance of each kind of `degrade_clip`
        step:int=4, # colors are compared at this fraction of the size
        near:bool=True, # show neighbors? Else the inner frames one by one, as photos
        lone:float=0., # chance that the first frame is hidden, and the last, as if a shot began or ended there
    ): self.target,self.gray,self.aged,self.step,self.near,self.lone = targets[target],grays[gray],aged,step,near,lone
    def __call__(self, b):
        frames,there,flows = b
        if self.lone:
            there = there.clone()
            there[:,[0, -1]] &= torch.rand(len(there), 2, device=there.device) >= self.lone
        rgb = frames.float()/255
        L = gray_to_L(self.gray(rgb.flatten(0, 1))).view(rgb.shape[0], -1, *rgb.shape[-2:])
        if self.aged: L = degrade_clip(L, self.aged)
        x = torch.where(there[...,None,None], L, -1.)
        if not self.near: x = x[:,1:-1].flatten(0, 1)[:,None]
        target = self.target(rgb[:,1:-1].flatten(0, 1))
        return (x, target, self.moves(rgb[:,1:-1], flows)) if flows.shape[1] else (x, target)
    def moves(self, rgb, flows):
        "Flow and visibility, as `SteadyLoss` wants them"
        small = F.avg_pool2d(rgb.flatten(0, 1), self.step).unflatten(0, rgb.shape[:2])
        pairs = zip(compared_pairs(rgb.shape[1]), flows.unbind(1))
        return torch.stack([torch.cat([w, visibility_batch(small[:,i], small[:,j], w)], 1) for (i,j),w in pairs], 1)

# %%
#| export
class ClipDL(PlainErrors, DataLoader): "Batches of clips"

def clip_loaders(
    clips:Clips,
    bs:int=8, # clips
    valid:float=.1, # see `split_clips`
    seed:int=0, # of the split
    device=None,
    num_workers:int=0,
    aged:float=0., # see `ToClips`, as the next; in training only
    lone:float=0.,
    mirror:bool=True, # see `film_clip`
    front:float=.5, # see `ClipItems`
    **kwargs, # more for `ToClips`
) -> DataLoaders: # as `colorbook.data.loaders.color_loaders` gives
    "Batches of clips for training and for validation"
    train,held = split_clips(clips, valid, seed)
    for film,_,o in clips.items:
        for i,j in compared_pairs(clips.n) if film else (): film_flow(film, o[i + 1], o[j + 1], clips.step)
    def dl(at, training):
        to = ToClips(aged=aged if training else 0., lone=lone if training else 0., step=clips.step, **kwargs)
        items = ClipItems(clips, at, training, front, mirror)
        return ClipDL(items, bs=min(bs, len(at)), shuffle=training, drop_last=training,
            num_workers=num_workers, device=device or torch.device('cpu'), after_batch=to)
    dls = DataLoaders(dl(train, True), dl(held, False), device=device or torch.device('cpu'))
    dls.n_inp,dls.held,dls.crop = 1,held,SimpleNamespace(photos=clips)
    return dls

# %% [markdown]
# A recipe has three words for films. `frames` shows triples, as S1 does; `stills` shows the same frames without their neighbors, for S1's baseline; `clips` asks for three frames at a time, and hides the neighbors at the ends of some clips. Whether frames are squeezed into squares, as S1 does it, or squares are cut from them, the field `squeeze` says.

# %%
#| export
def load_clips(recipe, source, n, workers, answered=1, near=True, lone=0.):
    "Loaders of clips for a recipe"
    step = 1 if recipe.target in ('rgb', 'ab') else 4
    clips = Clips(source, recipe.size, answered, n, recipe.squeeze, step)
    return clip_loaders(clips, recipe.bs, recipe.valid, recipe.seed, num_workers=workers, aged=recipe.aged, lone=lone,
        mirror=recipe.mirror, target=recipe.target, gray=recipe.gray, near=near)

@data_loaders('frames', films=True)
def load_frames(recipe, source, n=None, workers=0): return load_clips(recipe, source, n, workers)

@data_loaders('stills')
def load_stills(recipe, source, n=None, workers=0): return load_clips(recipe, source, n, workers, near=False)

@data_loaders('clips', films=True)
def load_long_clips(recipe, source, n=None, workers=0):
    return load_clips(recipe, source, n, workers, answered=3, lone=.3)

# %% [markdown]
# S1's tester lost frames, so we count: thirteen frames in batches of four must give thirteen answers, in order. Training shuffles and may drop a batch; measuring does neither. The frames come from folders as `extract_frames` writes them, and from a video.

# %%
home,photos = Path(tempfile.mkdtemp()),sample_photos(256)
for folder,start,n in (('train', 1, 13), ('val', 10000, 6)):
    (home/folder).mkdir()
    for i,o in enumerate(travel(photos[0 if start == 1 else 3], n, (96, 64))): o.save(home/folder/f'{start + i:05}.png')
clips = Clips(home, size, square=True, step=1)
train,held = split_clips(clips)
test_eq((len(train), len(held)), (13, 6))
dls = clip_loaders(clips, 4, target='rgb', gray='rec601')
test_eq(sum(len(y) for _,y in dls.valid), 6)
everything = DataLoader(ClipItems(clips, train, False), bs=4, after_batch=ToClips('rgb'))
x,y = (torch.cat(o) for o in zip(*everything))
test_eq((len(x), x.shape[1:]), (13, (3, size, size)))
test_close(present(x)[:,0], x[:,1])
assert (x[0,0] == -1).all() and (x[12,2] == -1).all() and (x[1:,0] >= 0).all()
assert torch.equal(x[1:,0], x[:-1,1]) and torch.equal(x[:-1,2], x[1:,1])
write_clip(travel(photos[1], 9, (96, 64)), home/'pan.mp4')
test_eq(len(Clips(home/'pan.mp4', size)), 9)
test_fail(lambda: Clips([], size), exc=InputError, contains='no film')
x.shape,y.shape

# %% [markdown]
# Last, films and photos together, with flow: the true colors of one frame, warped as the loss warps them, must be those of the other, up to interpolation.

# %%
film = Film([np.asarray(o) for o in travel(photos[4], 12, (100, 80), part=.8)])
random.seed(seed); torch.manual_seed(seed)
dls = clip_loaders(Clips([film, photos[:4]], size, 3), 4, valid=.25, aged=.5)
x,target,moves = dls.train.one_batch()
test_eq((x.shape, target.shape, moves.shape), ((4, 5, size, size), (12, 2, 16, 16), (4, 3, 3, 16, 16)))
y = target.unflatten(0, (4, 3))
gaps = [((y[:,j] - warp_batch(y[:,i], m[:,:2])).abs()*m[:,2:]).mean()
        for (i,j),m in zip(compared_pairs(3), moves.unbind(1))]
blunt = [(y[:,j] - y[:,i]).abs().mean() for i,j in compared_pairs(3)]
assert sum(gaps) < .6*sum(blunt)
black,there = torch.zeros(200, 5, 3, 8, 8, dtype=torch.uint8),torch.ones(200, 5, dtype=torch.bool)
alone = ToClips(lone=.5)((black, there, torch.zeros(200, 0, 2, 2, 2)))[0]
hidden = (alone == -1).flatten(2).all(2).float().mean(0)
test_eq(hidden[1:4], torch.zeros(3))
assert all(.35 < hidden[i] < .65 for i in (0, 4))
again = [b for b in dls.valid]
assert all(torch.equal(a, b) for p,q in zip(again, dls.valid) for a,b in zip(p, q))
[round(o.item(), 4) for o in gaps],[round(o.item(), 4) for o in blunt]

# %% [markdown]
# A clip of a film as the network meets it (*Big Buck Bunny*, (c) 2008 Blender Foundation, bigbuckbunny.org, CC BY 3.0). Above are the five frames that it sees, below the true colors of the inner three, which it is to answer with. Look whether the first and the last frame are there.

# %%
#| label: fig-clip
#| fig-cap: "A clip of five frames. Above, what the network sees; below, what it should answer for three of them."
bird = Film([fit_frame(o.im, 144) for o in read_frames('../../asset/bunny.mp4', 17, 18.5)])
dls = clip_loaders(Clips([bird], 128, 3), 4, aged=.5, lone=.3)
torch.manual_seed(3); random.seed(3)
x,target,_ = dls.train.one_batch()
answers = F.interpolate(target[:3], scale_factor=4, mode='bilinear')
colored = join_lab(x[0,1:4,None].clamp(0), answers)
white,seen = torch.ones(3, 128, 128),x[0,:,None].clamp(0).expand(-1, 3, -1, -1)
show_row([torch.cat([torch.cat([*seen], 2), torch.cat([white, *colored, white], 2)], 1)])

# %% [markdown]
# The light of the five frames wavers a little, as in an old film; the colors below do not. A frame that is black is one that the network is told not to have, as at the beginning and the end of a shot.

# %% [markdown]
# ## What we have
#
# - films from videos and from S1's folders, and windows in which each frame is answered exactly once, never across a cut;
# - `clip_loaders`, from which training takes clips with flow and visibility, and which holds out the end of every film.

# %% [markdown]
# ## Exercises
#
# 1. A video is kept in memory, small. What would it take to keep it in a file, and which of the functions would notice?
# 2. Train on windows of five frames and on triples of the same film. Which of the two sees more of the film in an epoch?
# 3. Count how many frames S1's tester loses of a film of 1,000 frames with a batch size of 8 and of 48.
