# %% [markdown]
# # Photos as films
#
# > A set of clips with true flow, made of photos, for this book's networks and anybody else's
#
# Films in color that may be trained on are rare, photos are not. The [last chapters](clips.ipynb) move a camera over photos while they train and keep nothing. At the end of this one `colorbook data rides PHOTOS --out RIDES` has written such clips down, each a folder of numbered frames with the true flow beside it: a set that `colorbook train s1 RIDES` takes as it takes films, that is the same on every machine, and that can be published wherever its photos can.

# %%
#| default_exp data.rides

# %% tags=["parameters"]
size,n,seed = 64,6,7

# %%
#| export
import json, random
from pathlib import Path
import numpy as np
from PIL import Image
from colorbook.core import InputError, OutputError, UsageError, with_progress, atomic_path
from colorbook.data.photos import Photos, read_photo
from colorbook.data.clips import camera_clip

# %%
#| hide
import shutil, tempfile, torch, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.data.photos import sample_photos
from colorbook.models.temporal import visibility, warp
from colorbook.data.clips import Clips, films_in

# %% [markdown]
# ## One clip, one folder

# %% [markdown]
# A clip is a folder with frames from `00001.png` on, and `flow.npz`: for each frame but the first, where each of its pixels was in the frame before, in pixels, in half precision, as true as half precision is (to a hundredth of a pixel or two). What hides and what is uncovered is not stored, since it follows from frames and flow ([visibility](../models/temporal.ipynb)).

# %%
#| export
def write_ride(
    folder:Path, # written as a whole
    frames:np.ndarray, # nxHxWx3 bytes
    flows:np.ndarray, # (n-1)x2xHxW, pixels: where each pixel of frame i+1 is found in frame i
):
    "A clip as numbered frames, and its flow"
    with atomic_path(folder/'flow.npz') as f:
        for i,o in enumerate(frames, 1): Image.fromarray(o).save(folder/f'{i:05}.png')
        with open(f, 'wb') as out: np.savez_compressed(out, flow=flows.astype(np.float16))

def read_ride(
    folder, # one clip
) -> tuple[np.ndarray,np.ndarray]: # frames nxHxWx3 bytes, and flow (n-1)x2xHxW in pixels
    "Frames and true flow of a clip"
    folder = Path(folder)
    try: flows = np.load(folder/'flow.npz', allow_pickle=False)['flow'].astype(np.float32)
    except (OSError, ValueError, KeyError) as e:
        raise InputError(f"'{folder}' has no flow", 'give a clip of `colorbook data rides`') from e
    return np.stack([np.asarray(read_photo(o)) for o in sorted(folder.glob('[0-9]*.png'))]),flows

# %% [markdown]
# ## A set

# %% [markdown]
# Each clip draws its photo's camera, and in half of them another photo that passes in front, from the seed and its own number. So a set that was interrupted is continued without doing anything twice, and a larger set begins with the smaller one. The flow lies there last: a folder without it is not finished.

# %%
#| export
def write_rides(
    photos, # see `colorbook.data.photos.Photos`
    out, # folder
    count:int=None, # clips; one for each photo if not given
    frames:int=16, # of each clip, at least 2
    size:int=128, # side of the frames, a multiple of 4
    front:float=.5, # share of clips with another photo in front
    seed:int=0,
) -> list: # folders
    "Write photos as films, with true flow"
    if frames < 2 or size < 32 or size%4: raise UsageError('too small, or no multiple of four', 'try 16 and 128')
    photos,out,done = Photos(photos, size*3//2, keep=False),Path(out),[]
    about = dict(frames=frames, size=size, front=front, seed=seed, photos=len(photos))
    note = out/'rides.json'
    if note.exists() and json.loads(note.read_text()) != about:
        raise OutputError(f"'{out}' holds other rides", 'name another folder')
    with atomic_path(note) as f: f.write_text(json.dumps(about))
    for i in with_progress(range(count or len(photos)), 'riding'):
        folder,rng = out/f'{i:06}',random.Random(f'{seed} {i}')
        done.append(folder)
        if (folder/'flow.npz').exists(): continue
        near = photos[rng.randrange(len(photos))] if rng.random() < front else None
        ims,flows = camera_clip(photos[i%len(photos)], frames + 2, size, rng, near, 1)
        folder.mkdir(parents=True, exist_ok=True)
        write_ride(folder, ims[1:-1], np.stack(flows[:frames - 1]))
    return done

# %% [markdown]
# What is read is what was drawn; the flow takes each frame to the next, and is worse when it is shifted by a pixel; a set is the same when it is written again, or gone on with.

# %%
home,photos = Path(tempfile.mkdtemp()),sample_photos(96)
folders = write_rides(photos, home/'rides', 4, n, size, seed=seed)
ims,flows = read_ride(folders[0])
test_eq((ims.shape, flows.shape), ((n, size, size, 3), (n - 1, 2, size, size)))
x,w = torch.from_numpy(ims).permute(0, 3, 1, 2)/255,torch.from_numpy(flows)
def gap(w): return ((x[1:] - warp(x[:-1], w)).abs().mean(1)*(visibility(x[:-1], x[1:], w)[:,0] > 0)).mean().item()
assert gap(w) < .03 and gap(w + 1) > 1.5*gap(w)
before = [(o/'flow.npz').read_bytes() for o in folders]
shutil.rmtree(folders[2])
again = write_rides(photos, home/'rides', 5, n, size, seed=seed)
test_eq(len(again), 5)
assert [(o/'flow.npz').read_bytes() for o in again[:4]] == before
test_fail(lambda: write_rides(photos, home/'rides', 5, n, size, seed=seed + 1), exc=OutputError, contains='other rides')
test_fail(lambda: read_ride(home), exc=InputError, contains='no flow')
gap(w),gap(w + 1)

# %% [markdown]
# The folders are films to everything that takes films.

# %%
test_eq(len(films_in(home/'rides')), 5)
test_eq(len(Clips(home/'rides', 32)), 5*n)

# %%
#| label: fig-rides
#| fig-cap: "Three rides, a row each."
def show_rides(folders, step=2):
    "Every `step`-th frame of some clips"
    fig,ax = plt.subplots(figsize=(6, 2*len(folders)))
    ax.imshow(np.vstack([np.hstack(read_ride(o)[0][::step]) for o in folders]))
    ax.axis('off')
show_rides(folders[:3])

# %% [markdown]
# ## What we have
#
# - `write_rides` and `read_ride`: photos as a set of clips with true flow, continued where it was interrupted;
# - `colorbook data rides`, which does it from the command line.

# %% [markdown]
# ## Exercises
#
# 1. Measure `colorbook.video.flow.flow` against the true flow of some rides. Where is it wrong by more than a pixel?
# 2. Train `s1` on rides alone, and color a real film with it. Which motion has it never seen?
# 3. Add a sequence of light, a lamp that is switched on, to a ride. Which file has to tell about it?
