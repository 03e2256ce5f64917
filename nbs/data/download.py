# %% [markdown]
# # Fetching public sets
#
# > Imagenette, Flowers102, Places365, LFW, ImageNet and COCO's sample by name, each whole or not at all
#
# `fetch('imagenette')` brings a public set and answers with the named lists of [Sets in known layouts](named_sets.ipynb). The fetching itself is done by torchvision, fastai and scikit-learn, which know where the sets lie, how they are packed and which checksums they have. What is added here is what they leave open: each of them unpacks into another place and answers with another kind of object, and none of them notices that an earlier run was stopped in the middle of unpacking. Where a program may not fetch a set, or finds no network, the error says what to do by hand.

# %%
#| default_exp data.download

# %%
#| export
import re, shutil
from pathlib import Path
import fastai.data
from fastai.data.external import URLs
from fastdownload import FastDownload
from torchvision import datasets as tv_datasets
from colorbook.core import InputError, UsageError
from colorbook.data.named_sets import Sets, any_folder, class_folders, keep_sound, lfw, read_mat

# %%
#| hide
import contextlib, hashlib, io, os, tarfile, tempfile, threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
import numpy as np
from fastcore.test import *
from PIL import Image
from scipy.io import savemat
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## Two more layouts

# %% [markdown]
# Imagenette and ImageNet are folders with the names of lists, LFW is known already, and COCO's sample is a plain folder. Two have layouts of their own. Flowers102 keeps its lists in a MATLAB file, `setid.mat`: 1,020 photos to train with, 1,020 to choose by and 6,149 to test on. That is the wrong way round for most uses and is left as it is, so that figures can be compared. Places365 has tables with a path and a class in each line, 1.8 million lines in the longer one; the paths begin with a slash though they are relative.

# %%
#| export
def flowers102(
    root:Path, # folder with `jpg/` and `setid.mat`
    skip_bad:bool=False, # see `keep_sound`
) -> Sets: # train, valid, test
    "Oxford's 102 kinds of flowers"
    ids = read_mat(Path(root)/'setid.mat', ['trnid', 'valid', 'tstid'])
    lists = [[Path(root)/f'jpg/image_{i:05}.jpg' for i in o] for o in ids.values()]
    return keep_sound(dict(zip(('train', 'valid', 'test'), lists)), skip_bad)

# %%
#| export
def places365(
    root:Path, # folder with the tables and `data_256_standard/`, `val_256/`
    skip_bad:bool=False, # see `keep_sound`
) -> Sets: # train, valid
    "Places365 at 256 pixels"
    def read(table, folder):
        try: rows = (Path(root)/table).read_text().split('\n')
        except (OSError, ValueError) as e: raise InputError(f"cannot read '{Path(root)/table}': {e}", 'bring it') from e
        return [Path(root)/folder/o.split()[0].lstrip('/') for o in rows if o.strip()]
    return keep_sound(dict(train=read('places365_train_standard.txt', 'data_256_standard'),
        valid=read('places365_val.txt', 'val_256')), skip_bad)

# %%
home = Path(tempfile.mkdtemp())
ims = [o.crop((x, y, x + 48, y + 48)) for o in sample_photos(144) for y in (0, 48, 96) for x in (0, 48, 96)]
(home/'flowers/jpg').mkdir(parents=True)
for i in range(9): ims[i].save(home/f'flowers/jpg/image_{i + 1:05}.jpg')
savemat(home/'flowers/setid.mat', dict(trnid=[5, 2], valid=[1, 9, 4], tstid=[3, 6, 7, 8]))
test_eq([[int(o.stem[-5:]) for o in v] for v in flowers102(home/'flowers').values()], [[5, 2], [1, 9, 4], [3, 6, 7, 8]])
(home/'places/val_256').mkdir(parents=True)
(home/'places/data_256_standard/a').mkdir(parents=True)
for o in ('data_256_standard/a/1', 'data_256_standard/a/2', 'val_256/1'): ims[0].save(home/f'places/{o}.jpg')
test_fail(lambda: places365(home/'places'), exc=InputError, contains='places365_train_standard.txt')
(home/'places/places365_train_standard.txt').write_text('/a/1.jpg 0\n/a/2.jpg 0\n')
(home/'places/places365_val.txt').write_text('1.jpg 0\n2.jpg 0\n')
test_fail(lambda: places365(home/'places'), exc=InputError, contains="val_256/2.jpg' is missing")
places = places365(home/'places', skip_bad=True)
test_eq([o.stem for o in places['train'] + places['valid']], ['1', '2', '1'])
places

# %% [markdown]
# ## Fetched once

# %% [markdown]
# `fetch` calls the libraries in a folder of the set's own. All of them take a folder that is there for a set that is whole, and unpack in place; after a power cut they go on with half of it and say nothing. So `fetch` marks the folder while they work, and if it finds its mark the next time, it has them unpack again, from the archives that are there. A folder without a mark was brought by somebody; it is read and never touched.
#
# torchvision no longer downloads LFW; scikit-learn does, without the lists of persons. ImageNet is given to persons, not to programs: its archives must be put in the folder by hand, and the error says which. The same holds for all others where there is no network.

# %%
#| export
def get_lfw(home):
    "LFW by way of scikit-learn, which decodes each picture"
    from sklearn.datasets import fetch_lfw_people
    fetch_lfw_people(data_home=home, color=True, resize=.1)

def get_both(make):
    "Both parts of one of torchvision's sets"
    return lambda home: [make(home, o) for o in ('val', 'train')]

# %%
#| export
def get_places(home, split):
    "A part of Places365, in small"
    tv_datasets.Places365(home, 'train-standard' if split == 'train' else split, small=True, download=True)

fetchable = dict( # how to fetch a set into its folder, where its archives lie, what is unpacked, and how to read it
    flowers102=(lambda o: tv_datasets.Flowers102(o, download=True), 'flowers-102', ['flowers-102/jpg'],
        lambda o, **kw: flowers102(o/'flowers-102', **kw)),
    lfw=(get_lfw, 'lfw_home', ['lfw_home/lfw_funneled'], lambda o, **kw: lfw(o/'lfw_home/lfw_funneled', **kw)),
    imagenette=(lambda o: tv_datasets.Imagenette(o, size='160px', download=True), '', ['imagenette2-160'],
        lambda o, **kw: class_folders(o/'imagenette2-160', **kw)),
    imagenet=(get_both(tv_datasets.ImageNet), '', ['train', 'val'], class_folders),
    places365=(get_both(get_places), '', ['data_256_standard', 'data_256', 'val_256'], places365),
    coco_sample=(lambda o: FastDownload(base=o, module=fastai.data).get(URLs.COCO_SAMPLE), 'archive',
        ['data/coco_sample'], lambda o, **kw: any_folder(o/'data/coco_sample', **kw)))

# %%
#| export
def unpack_once(
    home:Path, # folder of the set
    get, # function of it that fetches and unpacks
    folders:list, # what it unpacks there
    archives:Path, # where it looks for archives, which people may bring
):
    "`get`, if none of the folders is there or if it broke off the last time"
    mark,made = home/'.unpacking',[home/o for o in folders]
    if not mark.exists() and any(o.exists() for o in made): return
    def clear():
        for o in made: shutil.rmtree(o, ignore_errors=True)
    clear()
    home.mkdir(parents=True, exist_ok=True)
    mark.touch()
    try: get(home)
    except Exception as e: # each library has errors of its own
        clear()
        mark.unlink()
        remedy = f"where there is no network, put the set's archives in '{archives}'"
        raise InputError(f"cannot fetch into '{home}': {e}", remedy) from e
    mark.unlink()

# %%
#| export
def fetch(
    name:str, # key of `fetchable`
    root:Path, # the set comes into a folder of that name in it
    download:bool=True, # fetch and unpack it if it is not there
    **kwargs, # options of its reader, such as `skip_bad`
) -> Sets: # named lists
    "A public set, fetched once"
    if name not in fetchable: raise UsageError(f"nothing known of '{name}'", f"choose {', '.join(fetchable)}")
    (get,archives,folders,read),home = fetchable[name],Path(root).absolute()/name
    if download: unpack_once(home, get, folders, home/archives)
    return read(home, **kwargs)

# %% [markdown]
# To see it work without a network, a server on this machine offers an archive in the layout of Imagenette, twelve pictures in all; torchvision is told its address and checksum and does everything else as usual. The lists have the same pictures as torchvision's own reader of the set.

# %%
(home/'web').mkdir()
with tarfile.open(home/'web/imagenette2-160.tgz', 'w:gz') as t:
    for i,o in enumerate(('train/n01440764', 'train/n03000684', 'val/n01440764', 'val/n03000684')*3):
        ims[i].save(home/'one.JPEG')
        t.add(home/'one.JPEG', f'imagenette2-160/{o}/{i:03}.JPEG')
class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass
server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=home/'web'))
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ['no_proxy'] = '127.0.0.1'
md5 = hashlib.md5((home/'web/imagenette2-160.tgz').read_bytes()).hexdigest()
address = f'http://127.0.0.1:{server.server_port}/imagenette2-160.tgz'
Imagenette = tv_datasets.Imagenette
Imagenette._ARCHIVES = Imagenette._ARCHIVES | {'160px': (address, md5)}
with contextlib.redirect_stderr(io.StringIO()): nette = fetch('imagenette', home) # a bar of torchvision's
for k,split in dict(train='train', valid='val').items():
    theirs = Imagenette(home/'imagenette', split, '160px')
    test_eq([np.asarray(Image.open(o)).sum() for o in nette[k]], [np.asarray(o).sum() for o,_ in theirs])
nette

# %% [markdown]
# Now a power cut in the middle of unpacking, played by an exception that nobody catches. Half of the set lies there, and the next `fetch` brings the whole of it.

# %%
server.shutdown()
class PowerCut(BaseException): pass
def halfway(folder):
    Imagenette(folder, size='160px', download=True)
    shutil.rmtree(folder/'imagenette2-160/val')
    raise PowerCut
shutil.rmtree(home/'imagenette/imagenette2-160')
try: unpack_once(home/'imagenette', halfway, ['imagenette2-160'], home)
except PowerCut: test_eq([o.name for o in (home/'imagenette/imagenette2-160').iterdir()], ['train'])
test_eq(fetch('imagenette', home), nette)
test_fail(lambda: fetch('imagenet', home), exc=InputError, contains='ILSVRC2012_devkit_t12.tar.gz is not present')
test_fail(lambda: fetch('coco_sample', home, download=False), exc=InputError, contains='there is no photo in')
sorted(o.name for o in (home/'imagenette').iterdir())

# %% [markdown]
# ## A video from an address

# %% [markdown]
# S2 took its films from a video site. `yt-dlp` knows hundreds of sites, and any address that ends in a video; it is an extra of its own, since many have files already. We ask for one file of moderate height without sound, because frames are made small anyway, and for one video where the address is that of a list. While it is loading, the file has another name.

# %%
#| export
def fetch_video(
    url:str, # `http://` or `https://`
    folder:str|Path, # where to put the file
    height:int=480, # not higher than this, if there is a choice
) -> Path: # the file
    "Fetch a video from the network with `yt-dlp`"
    if not url.startswith(('http://', 'https://')): raise UsageError(f"'{url}' is no address", 'begin with https://')
    try: from yt_dlp import YoutubeDL, utils
    except ImportError as e: raise UsageError('yt-dlp is not installed', "pip install 'colorbook[fetch]'") from e
    options = dict(outtmpl=str(Path(folder)/'%(title).80B-%(id)s.%(ext)s'), restrictfilenames=True, noplaylist=True,
        format=f'bv*[height<={height}]/b[height<={height}]/bv*/b', quiet=True, no_warnings=True, noprogress=True,
        logtostderr=True, retries=2, socket_timeout=20, color='never')
    try:
        with YoutubeDL(options) as y: return Path(y.extract_info(url)['requested_downloads'][0]['filepath'])
    except (utils.YoutubeDLError, KeyError, TypeError) as e:
        why = re.sub(r'^ERROR:\s*', '', str(e).splitlines()[0])
        raise InputError(f"cannot fetch '{url}': {why}", 'look whether it opens in a browser, or update yt-dlp') from e

# %%
test_fail(lambda: fetch_video('films/a.mp4', home), exc=UsageError, contains='is no address')

# %% [markdown]
# ## What we have
#
# - six public sets by name, each fetched and unpacked by the library that knows it, and read into named lists;
# - a mark in the folder while that happens, so that half a set is never taken for a whole one;
# - an error that says what to put where, for the sets and the places that a program cannot reach;
# - videos from an address.

# %% [markdown]
# ## Exercises
#
# 1. A set is fetched onto a disk that is nearly full. Which files are there afterwards, and what does the next `fetch` do?
# 2. Add a set to `fetchable`, with fastai's `URLs.PETS`. How many lines does it take, and which reader fits?
# 3. `unpack_once` believes a folder without a mark. What would it cost to make sure that every picture of ImageNet is there, and is it worth that?
