# %% [markdown]
# # What a recipe reads
#
# > One word in a recipe, and photographs, shards, films or infrared become its batches
#
# A recipe says by one word what it learns from: `photos`, `shards`, `clips`, `nir` and so on; where that lies is the second argument of `colorbook train`. So a network that was trained on photographs is trained on a million of them in shards, or on near infrared, by changing one field. Each word belongs to a chapter on data; here they are all in one table.

# %%
#| default_exp data.sources

# %% tags=["parameters"]
size,bs = 32,4

# %%
#| export
from fastai.data.core import DataLoaders
from colorbook.data.loaders import data_loaders

# %%
#| hide
import tempfile
from pathlib import Path
from types import SimpleNamespace
from PIL import ImageOps
from fastcore.test import *
from colorbook.core import UsageError
from colorbook.data.photos import sample_photos
from colorbook.data.shards import write_shards
from colorbook.data.synthetic import travel
from colorbook.video.read import write_clip

# %% [markdown]
# | word | what it reads | chapter |
# |---|---|---|
# | `photos` | folders, tars, lists and databases of photographs, each at any time | [Data loaders](loaders.ipynb) |
# | `varied` | the same, as other cameras took them, with borders, in various shapes | [Photographs as people bring them](varied.ipynb) |
# | `shards` | tars in sequence, a million photographs and more | [Shards](shard_loader.ipynb) |
# | `frames`, `stills` | films, frame by frame with neighbors and without | [Films to learn from](clips.ipynb) |
# | `clips` | three frames at a time of films, and photographs under a moving camera | [Films to learn from](clips.ipynb) |
# | `saliency` | photographs, and maps of where one looks from a second folder or made | [Pairs](paired.ipynb) |
# | `inpainting`, `sketch` | photographs with a hole, or their lines alone, in the place of the gray photograph | [Sketches and holes](tasks.ipynb) |
# | `nir`, `lwir`, `pairs` | infrared, or any second picture, in the place of the gray photograph | [Pairs](paired.ipynb) |

# %%
#| export
def load_data(
    recipe, # any object with the fields of a recipe, see `colorbook.data.loaders.load_photos`
    source, # where the data is; what is understood depends on the word
    n:int=None, # use only so many photos, pairs or photos under a camera
    workers:int=0, # processes that read pictures late; 0 to keep all in memory. It never changes what is held out
    like:DataLoaders=None, # loaders of the same source for another size or batch: photos in memory are taken from there
) -> DataLoaders: # with `held`, indices held out, and `crop.photos`, the set that they are of
    "The batches that a recipe asks for; a `UsageError` with all words where there is no such data"
    if like and data_loaders[recipe.data].photos: source,n = like.crop.photos,None
    return data_loaders[recipe.data](recipe=recipe, source=source, n=n, workers=workers)

# %% [markdown]
# Below, the same six photographs are stored in each of these ways. Whatever the word, the first two parts of a batch are what the generator sees and what it should answer, as the sizes at the end show: most generators see one channel; films show three frames, and clips five channels.

# %%
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
    recipe = dict(data=word, bs=bs, size=size, low=.8, valid=.3, seed=0, squeeze=False, mirror=True, target='ab4',
        gray='lstar', aged=0., scenes='', channels=1)
    dls = load_data(SimpleNamespace(**recipe | changes), sources[word])
    assert all(dls.crop.photos.hash(i) for i in dls.held) and len(dls.crop.photos) > len(dls.held) > 0
    return dls.train.one_batch()
seen = {k: batch_of(k)[:2] for k in data_loaders}
test_eq({o.shape[-2:] for o,_ in seen.values()}, {(size, size)})
test_eq({o.shape[-2:] for _,o in seen.values()}, {(size//4, size//4)})
test_eq({k: o.shape[1] for k,(o,_) in seen.items() if o.shape[1] > 1}, dict(frames=3, clips=5))
recipe = SimpleNamespace(data='photos', bs=2, size=size, low=.8, valid=.3, seed=0, squeeze=False, mirror=True,
    target='ab', gray='lstar', aged=0.)
dls = load_data(recipe, sources['photos'], n=5)
recipe.size,recipe.bs = size//2,4
smaller = load_data(recipe, sources['photos'], n=5, like=dls)
assert smaller.crop.photos is dls.crop.photos and smaller.held == dls.held
test_eq([o.train.one_batch()[0].shape for o in (dls, smaller)], [(2, 1, size, size), (4, 1, size//2, size//2)])
songs = SimpleNamespace(data='songs')
test_fail(lambda: load_data(songs, home), exc=UsageError, contains="no data 'songs'; choose")
{k: tuple(o.shape) for k,(o,_) in seen.items()}

# %% [markdown]
# ## What we have
#
# - `load_data`, from a recipe and a place to batches, for every kind of data in the book;
# - `data_loaders`, the words that a recipe may say, complete wherever it is looked at.

# %% [markdown]
# ## Exercises
#
# 1. Enter a loader of your own under the word `zip`, for photographs in a zip file. Which of the functions of [Photographs](photos.ipynb) does it need, and what has a run to know for being resumed?
# 2. Train one recipe on `photos` and on `shards` with the same seed. Which pictures are held out in each, and from which batch on do the runs differ?
