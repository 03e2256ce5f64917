# %% [markdown]
# # Sets in known layouts
#
# > OxFlower17, SC2Replay, SpongeBob, LFW and plain folders, each read into named lists of paths
#
# A set of photographs comes in the layout that its makers found handy: a MATLAB file beside a folder, two tables of frame numbers, a list of persons, a folder of folders. Here a layout is no more than a function from a folder to *named lists* of paths, such as `train` and `test`; from there on `Photos`, loaders and recipes are those of [Data loaders](loaders.ipynb). S0's own sets are among the layouts, and so is any folder. All lists pass one check, which says exactly which entries of a damaged set are missing or broken.

# %%
#| default_exp data.named_sets

# %% tags=["parameters"]
size,bs,seed = 64,4,7

# %%
#| export
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path
import numpy as np, pandas as pd
from colorbook.core import InputError, UsageError, with_progress, atomic_path
from colorbook.data.photos import PHOTO_SUFFIXES, is_photo, read_photo

# %%
#| hide
import tempfile
from fastcore.test import *
from fastai.vision.all import DataBlock, IndexSplitter, TransformBlock, set_seed, torch
from PIL import Image
from scipy.io import savemat
from colorbook.data.loaders import SquareCrop, ToLab, color_loaders
from colorbook.data.photos import Photos, data_dir, sample_photos
from colorbook.color.lab import show_row

# %% [markdown]
# ## Named lists, and nothing lost in silence

# %% [markdown]
# Sooner or later a list and its folder disagree: a picture was deleted, a copy broke off, an editor reordered a table. The usual loader finds out in the middle of the night, as an `IndexError` in a worker; or it never does, because somebody wrapped it in `except: continue`. Here every list is checked before anything is trained. Either each entry is there, or one error names the first that is not, says how many others there are and what to do. With `skip_bad`, every picture is decoded as well, and the bad ones are left out *and counted*, each with its reason. A picture that stands in two lists is refused too, and no option allows it: a network cannot be measured on what it was trained on.

# %%
#| export
class Sets(dict):
    "Named lists of paths, or of pairs of paths; `skipped` says what was left out and why"
    def __init__(self,
        sets, # dictionary of lists
        skipped=(), # sentences, one for each entry left out
    ):
        super().__init__(sets)
        self.skipped = list(skipped)
    def __repr__(self): return str({**{k: len(v) for k,v in self.items()}, 'skipped': len(self.skipped)})

# %%
#| export
def flaw_of(
    path:Path, # of a picture
    decode:bool=False, # decode all of it, which takes longer than to see whether it is there
) -> str|None: # a sentence, or None
    "What is wrong with a picture"
    if not Path(path).is_file(): return f"'{path}' is missing"
    try:
        if decode: read_photo(path)
    except InputError as e: return e.what

# %%
#| export
def check_apart(
    sets:dict, # named lists
):
    "`InputError` if something stands in two of the lists"
    where = {}
    for name,items in sets.items():
        for o in items:
            if where.setdefault(o, name) != name:
                raise InputError(f"'{o}' is in {where[o]} and in {name}", 'take it out of one of the lists')

# %%
#| export
def keep_sound(
    sets:dict, # named lists of paths, or of what `flaw` takes
    skip_bad:bool=False, # decode everything, leave flawed entries out and count them, instead of stopping
    flaw=flaw_of, # function of an entry and `decode`
) -> Sets: # the same lists without the flawed entries
    "Every entry of every list checked"
    check_apart(sets)
    kept,skipped = {},list(getattr(sets, 'skipped', []))
    for name,items in sets.items():
        with ThreadPool() as pool:
            flaws = list(with_progress(pool.imap(partial(flaw, decode=skip_bad), items, 64), 'checking', len(items)))
        kept[name] = [o for o,f in zip(items, flaws) if not f]
        bad = [f for f in flaws if f]
        if bad and not skip_bad:
            others = f' ({len(bad)} such entries in {name})' if len(bad) > 1 else ''
            raise InputError(bad[0] + others, 'bring what is missing, or leave it out with skip_bad=True')
        if not kept[name]:
            raise InputError(f'nothing is left in {name}: ' + (bad[0] if bad else 'it is empty'), 'is it this folder?')
        skipped += bad
    return Sets(kept, skipped)

# %% [markdown]
# Three pictures, of which one is missing and one is cut off in the middle. Without `skip_bad` the missing one is an error. With it, both are left out, and the value shows what is said of them.

# %%
home = Path(tempfile.mkdtemp())
ims = [o.crop((x, y, x + 48, y + 48)) for o in sample_photos(144) for y in (0, 48, 96) for x in (0, 48, 96)]
for i in range(3): ims[i].save(home/f'{i}.jpg')
(home/'2.jpg').write_bytes((home/'2.jpg').read_bytes()[:700])
lists = dict(train=[home/'0.jpg', home/'none.jpg'], test=[home/'1.jpg', home/'2.jpg'])
test_fail(lambda: keep_sound(lists), exc=InputError, contains="none.jpg' is missing; bring what is missing")
sound = keep_sound(lists, skip_bad=True)
test_eq(sound, dict(train=[home/'0.jpg'], test=[home/'1.jpg']))
test_eq(['none.jpg' in sound.skipped[0], '2.jpg' in sound.skipped[1], len(sound.skipped)], [True, True, 2])
test_fail(lambda: keep_sound(dict(a=lists['train'], b=lists['train'])), exc=InputError, contains='is in a and in b')
test_fail(lambda: keep_sound(dict(a=[home/'none.jpg']), skip_bad=True), exc=InputError, contains='nothing is left')
sound,[o.replace(str(home), '') for o in sound.skipped]

# %% [markdown]
# ## Flowers

# %% [markdown]
# OxFlower17 is S0's first set: 17 kinds of flowers, 80 photographs each, `jpg/image_0001.jpg` to `image_1360.jpg`, sorted by kind. Beside them lies `datasplits.mat` with three splits, in each 40 photographs of a kind to train with, 20 to choose by and 20 to test on. S0 learns from the first two, 1,020, and measures on the third, 340.
#
# The photographs travel more often than the split does. For those who have no `datasplits.mat` we make a file with the same keys and the same counts in each kind, from a seed. Its name says that it is not the official one, and so does a note inside: figures measured with it are not to be set beside published ones.

# %%
#| export
def read_mat(
    path:Path, # MATLAB file
    keys:list, # what must be in it
) -> dict: # for each key a list of whole numbers
    "Lists of numbers from a MATLAB file"
    from scipy.io import loadmat
    try: mat = loadmat(path, appendmat=False)
    except Exception as e: # whatever a damaged file makes of the parser
        raise InputError(f"cannot read '{path}' as a MATLAB file: {e}", 'copy it again or make it anew') from e
    lost = [k for k in keys if not np.issubdtype(getattr(mat.get(k), 'dtype', object), np.number)]
    if lost:
        there = ', '.join(k for k in mat if not k.startswith('__')) or 'nothing'
        raise InputError(f"'{path}' has no numbers '{lost[0]}'; there is {there}", 'is it the file of another set?')
    return {k: mat[k].ravel().astype(int).tolist() for k in keys}

# %%
#| export
def unofficial_flower_splits(
    path:Path, # file to write
    seed:int=0, # another seed makes others
    kinds:int=17, # how many kinds of flowers
    each:int=80, # photographs of each kind, which follow each other
) -> Path: # the file
    "Three splits with the keys of `datasplits.mat`, half, a quarter and a quarter of each kind: not the official ones"
    from scipy.io import savemat
    rng,ids = np.random.default_rng(seed),np.arange(1, kinds*each + 1).reshape(kinds, each)
    mat = dict(note=f'made by colorbook with seed {seed}: not the official splits')
    for s in (1, 2, 3):
        parts = np.split(rng.permuted(ids, axis=1), [each//2, each*3//4], axis=1)
        mat |= {f'{k}{s}': np.sort(o, None) for k,o in zip(('trn', 'val', 'tst'), parts)}
    with atomic_path(path) as f: savemat(f, mat)
    return Path(path)

# %%
#| export
def flowers17(
    root:Path, # folder with `jpg/` and `datasplits.mat`
    split:int=1, # 1, 2 or 3
    mat:Path=None, # the file of splits, where it lies elsewhere or is not the official one
    skip_bad:bool=False, # see `keep_sound`
) -> Sets: # train: 1,020 photos; test: 340
    "OxFlower17 as S0 uses it: train and validation photos of a split to train with, the others to test on"
    if split not in (1, 2, 3): raise UsageError(f'there is no split {split}', 'give 1, 2 or 3')
    root,mat = Path(root),Path(mat or Path(root)/'datasplits.mat')
    if not mat.exists():
        other = mat.with_name('datasplits-unofficial.mat')
        raise InputError(f"'{mat}' is missing", f"bring it, or give mat=unofficial_flower_splits('{other}')")
    ids = read_mat(mat, [f'{k}{split}' for k in ('trn', 'val', 'tst')])
    sets = keep_sound({k: [root/f'jpg/image_{i:04}.jpg' for i in v] for k,v in ids.items()}, skip_bad)
    trn,val,tst = sets.values()
    return Sets(dict(train=trn + val, test=tst), sets.skipped)

# %% [markdown]
# A small copy: three kinds with eight photographs each. Every kind must stand in the lists with three quarters and one quarter, and the lists together must be the set. Where the real photographs are, the next cell runs on them.

# %%
(home/'flowers/jpg').mkdir(parents=True)
for i in range(24): ims[i].save(home/f'flowers/jpg/image_{i + 1:04}.jpg')
test_fail(lambda: flowers17(home/'flowers'), exc=InputError, contains='unofficial_flower_splits')
mat = unofficial_flower_splits(home/'flowers/datasplits-unofficial.mat', kinds=3, each=8)
small = flowers17(home/'flowers', mat=mat)
def kind(path, each): return (int(path.stem[-4:]) - 1)//each
test_eq([np.bincount([kind(o, 8) for o in small[k]]) for k in small], [[6, 6, 6], [2, 2, 2]])
test_eq(sorted(small['train'] + small['test']), sorted((home/'flowers/jpg').iterdir()))
assert len({str(flowers17(home/'flowers', s, mat)['test']) for s in (1, 2, 3)}) == 3
small

# %%
real,flowers = data_dir() and data_dir()/'flowers17',None
if real and real.is_dir():
    flowers = flowers17(real, mat=unofficial_flower_splits(home/'datasplits-unofficial.mat', seed))
    test_eq({k: len(v) for k,v in flowers.items()}, dict(train=1020, test=340))
    for k,n in dict(train=60, test=20).items(): test_eq(np.bincount([kind(o, 80) for o in flowers[k]]), [n]*17)
flowers or 'no such folder here'

# %% [markdown]
# ## Numbered frames

# %% [markdown]
# S0's other sets, frames of SpongeBob and of games of StarCraft 2, lie in `img/`, or larger in `img_480/`. Two tables, `train_split.csv` and `test_split.csv`, separated by tabs and with a header, list numbers padded with zeros to four digits; and a frame's number is what stands in its name at the characters 6 to 10, counted from 0 and without the last: `frame_0007.png`. Several things here can be wrong without anyone noticing, and are checked: commas instead of tabs, a file without header (which would lose its first frame), another column, a number that broke off, a frame in both tables. Zeros that a spreadsheet took away are put back. Frames that no table names form a list of their own, `rest`.

# %%
#| export
def read_numbers(
    path:Path, # table separated by tabs, with a header
    column:str=None, # name of the column; the first if not given
) -> list: # numbers of four digits
    "Numbers of frames from one of S0's tables"
    remedy = 'S0 separates by tabs, and has a header and numbers such as 0007; a column can be chosen with column='
    try: table = pd.read_csv(path, sep='\t', dtype=str, index_col=False)
    except (OSError, ValueError) as e: raise InputError(f"cannot read '{path}': {e}", remedy) from e
    name = column or table.columns[0]
    if name not in table: raise InputError(f"'{path}' has no column '{name}', but {list(table.columns)}", remedy)
    if table.empty: raise InputError(f"'{path}' has no frame", remedy)
    if str(name).isdigit(): raise InputError(f"'{path}' begins with '{name}' and not with a header", remedy)
    good = table[name].fillna('').str.fullmatch(r'\d{4}|[1-9]\d{0,2}|0').astype(bool)
    if not good.all(): raise InputError(f"'{path}': '{table[name][~good].iloc[0]}' is not a frame's number", remedy)
    return table[name].str.zfill(4).tolist()

# %%
#| export
def numbered_frames(
    root:Path, # folder with `img/` or `img_480/` and the two tables
    large:bool=False, # `img_480/`
    column:str=None, # see `read_numbers`
    skip_bad:bool=False, # see `keep_sound`
) -> Sets: # train, test, and as `rest` what is in neither table
    "S0's SpongeBob and SC2Replay"
    folder,found = Path(root)/('img_480' if large else 'img'),{}
    frames = [o for o in sorted(folder.glob('*')) if is_photo(o)]
    for o in frames:
        number = o.name[6:10]
        if number.isdigit() and found.setdefault(number, o) != o:
            raise InputError(f"'{o}' and '{found[number].name}' have the same number", 'remove one of them')
    ids = {k: read_numbers(Path(root)/f'{k}_split.csv', column) for k in ('train', 'test')}
    sets = {k: [found.get(i, folder/f'??????{i}.png') for i in v] for k,v in ids.items()}
    rest = sorted(set(frames) - {o for v in sets.values() for o in v})
    return keep_sound(sets | (dict(rest=rest) if rest else {}), skip_bad)

# %% [markdown]
# Twelve frames, of which five are in the tables. Then a table is separated by commas, and the error says so.

# %%
(home/'bob/img').mkdir(parents=True)
for i in range(12): ims[i].save(home/f'bob/img/frame_{i:04}.png')
def table(name, *rows): (home/'bob'/f'{name}_split.csv').write_text('\n'.join(rows) + '\n')
table('train', 'id\tscene', '0000\tsea', '0003\tsea', '0004\thouse')
table('test', 'id\tscene', '0002\tsea', '0011\thouse')
bob = numbered_frames(home/'bob')
test_eq([o.stem for o in bob['train'] + bob['test']], [f'frame_{i:04}' for i in (0, 3, 4, 2, 11)])
test_eq(len(bob['rest']), 7)
def refused(says, *rows, **kwargs):
    table('train', *rows)
    test_fail(lambda: numbered_frames(home/'bob', **kwargs), exc=InputError, contains=says)
refused("train_split.csv': '0000,sea' is not a frame's number; S0 separates by tabs", 'id,scene', '0000,sea')
bob

# %% [markdown]
# ## Faces

# %% [markdown]
# Labeled Faces in the Wild (LFW) has a folder for each person, with pictures `NAME_0001.jpg` and so on, and lists of the persons to develop with, `peopleDevTrain.txt` and `peopleDevTest.txt`: a count, then name and number of pictures in each line. There are 4,038 persons in the first and 1,711 in the second, none in both, and S0 takes one picture of each. Of its 250x250 pixels S0 keeps the rows and columns 13 to 236, which makes 224. We cut copies, without loss and once, so that the set stays a list of paths.
#
# Some copies of the set lack the lists. For those, lists are made from a seed, under another name; they put every person, with all pictures, on one side.

# %%
#| export
def read_people(
    path:Path, # one of LFW's lists of persons
) -> list: # pairs of name and count of pictures
    "Persons of LFW"
    try:
        n,*rows = Path(path).read_text().split('\n')
        people = [(name, int(k)) for name,k in (o.split() for o in rows if o.strip())]
        if int(n) != len(people): raise ValueError(f'it promises {int(n)} persons and names {len(people)}')
        return people
    except (OSError, ValueError) as e:
        remedy = 'bring the list that belongs to LFW, or give lists=unofficial_people(FOLDER OF PERSONS)'
        raise InputError(f"cannot read '{path}' as a list of persons: {e}", remedy) from e

# %%
#| export
def photos_in(
    root:Path, # folder
) -> list: # paths, sorted
    "Photos of a folder and of those in it"
    found = sorted(o for o in Path(root).rglob('*') if is_photo(o))
    if not found: raise InputError(f"there is no photo in '{root}'", f"it reads {', '.join(sorted(PHOTO_SUFFIXES))}")
    return found

# %%
#| export
def unofficial_people(
    people:Path, # folder of persons
    out:Path=None, # folder for the lists; `unofficial/` beside `people` if not given
    test:float=.3, # share of persons to test on
    seed:int=0, # another seed makes others
) -> Path: # folder of the lists
    "Lists of persons in the form of LFW's: not the official ones"
    names = sorted(o.name for o in Path(people).glob('*') if o.is_dir())
    n,order = round(len(names)*test),np.random.default_rng(seed).permutation(names)
    out = Path(out or Path(people).parent/'unofficial')
    for k,part in dict(Test=order[:n], Train=order[n:]).items():
        rows = [f'{o}\t{len(photos_in(Path(people)/o))}' for o in sorted(part)]
        with atomic_path(out/f'peopleDev{k}.txt') as f: f.write_text('\n'.join([str(len(rows)), *rows, '']))
    return out

# %%
#| export
def lfw(
    people:Path, # folder of persons
    one:bool=True, # only the first picture of each person, as in S0
    lists:Path=None, # folder of the two lists, where they do not lie beside `people`
    skip_bad:bool=False, # see `keep_sound`
) -> Sets: # train and test, without a person in common
    "Labeled Faces in the Wild"
    people,lists = Path(people),Path(lists or Path(people).parent)
    who = {k: read_people(lists/f'peopleDev{k.title()}.txt') for k in ('train', 'test')}
    sets = {k: [people/o/f'{o}_{i + 1:04}.jpg' for o,n in v for i in range(1 if one else n)] for k,v in who.items()}
    return keep_sound(sets, skip_bad)

# %%
persons = dict(Train=[('Ann_Lee', 2), ('Bo_Ek', 1)], Test=[('Cy_Roy', 3)])
faces,people = iter(sample_photos(250)),home/'lfw_funneled'
for k,v in persons.items():
    (home/f'peopleDev{k}.txt').write_text('\n'.join([str(len(v))] + [f'{name}\t{n}' for name,n in v]) + '\n')
    for name,n in v:
        (people/name).mkdir(parents=True)
        for i in range(n): next(faces).save(people/f'{name}/{name}_{i + 1:04}.jpg')
test_eq({k: [o.stem for o in v] for k,v in lfw(people).items()},
    dict(train=['Ann_Lee_0001', 'Bo_Ek_0001'], test=['Cy_Roy_0001']))
everyone = lfw(people, one=False)
test_eq({k: len(v) for k,v in everyone.items()}, dict(train=3, test=3))
(home/'peopleDevTest.txt').write_text('2\nCy_Roy\t3\n')
test_fail(lambda: lfw(people), exc=InputError, contains='promises 2 persons and names 1')
other = lfw(people, one=False, lists=unofficial_people(people))
test_eq([len({p.parent for p in o}) for o in other.values()] + [sum(map(len, other.values()))], [2, 1, 6])
other

# %%
#| label: fig-lfw
#| fig-cap: "A picture of LFW's size, here an astronaut's, and the 224 pixels in its middle that S0 sees."
frame = np.array(Image.open(everyone['train'][0]))
kept = frame[13:237,13:237].copy()
for a in (slice(12, 14), slice(236, 238)): frame[a,12:238] = frame[12:238,a] = (255, 220, 0)
test_eq(kept.shape, (224, 224, 3))
show_row([torch.tensor(o).permute(2, 0, 1)/255 for o in (frame, kept)], width=5)

# %% [markdown]
# The line in the left picture of @fig-lfw is 13 pixels from the edges. What lies outside of it, S0 never sees.

# %% [markdown]
# ## Sets in folders

# %% [markdown]
# Any folder of color photographs is a set. Many public sets add only folders with the names of lists, `train`, `val`, sometimes `test`, with or without a folder for each class: ImageNet, Imagenette, and the many that follow their layout.

# %%
#| export
def any_folder(
    root:Path, # folder
    skip_bad:bool=False, # see `keep_sound`
) -> Sets: # train
    "All photos of a folder and of those in it"
    return keep_sound(dict(train=photos_in(root)), skip_bad)

# %%
#| export
def class_folders(
    root:Path, # folder with `train/` and others
    skip_bad:bool=False, # see `keep_sound`
) -> Sets: # those of train, valid and test that are there
    "Sets that lie in folders with the names of lists: Imagenette, ImageNet and many others"
    names = dict(train=('train',), valid=('val', 'valid', 'validation'), test=('test',))
    found = {k: next((Path(root)/o for o in v if (Path(root)/o).is_dir()), None) for k,v in names.items()}
    if not any(found.values()): raise InputError(f"'{root}' has no folder train, val or test", 'is it one deeper?')
    return keep_sound({k: photos_in(o) for k,o in found.items() if o}, skip_bad)

# %%
for i,o in enumerate(('train/cat', 'train/dog', 'validation')*4):
    (home/'pets'/o).mkdir(parents=True, exist_ok=True)
    ims[i].save(home/f'pets/{o}/{i:02}.png')
pets = class_folders(home/'pets')
test_eq({k: [o.stem for o in v] for k,v in pets.items()}, dict(train=['00', '03', '06', '09', '01', '04', '07', '10'],
    valid=['02', '05', '08', '11']))
test_eq(sorted(any_folder(home/'pets')['train']), sorted(pets['train'] + pets['valid']))
test_fail(lambda: class_folders(home/'bob'), exc=InputError, contains='no folder train')
test_fail(lambda: any_folder(home/'none'), exc=InputError, contains="there is no photo in")
pets

# %% [markdown]
# ## One way from here

# %% [markdown]
# Whatever a set looks like on disk, it is now a few named lists of paths. `read_sets` finds the function by the name of the layout; S0's own words, `flower`, `bob` and `sc2`, are among them.

# %%
#| export
layouts = dict(folder=any_folder, folders=class_folders, flower=flowers17, bob=numbered_frames, sc2=numbered_frames,
    lfw=lfw)

def read_sets(
    layout:str, # key of `layouts`
    root:Path, # folder of the set
    **kwargs, # options of the layout, such as `skip_bad`
) -> Sets: # named lists
    "A set of photographs in a layout known by name"
    if layout not in layouts: raise UsageError(f"no layout '{layout}'", f"choose {', '.join(layouts)}")
    return layouts[layout](root, **kwargs)

# %% [markdown]
# `color_loaders` takes such a list as it takes a folder, and holds out some of `train` to choose weights by, while `test` waits untouched. If a picture is broken, training stops with its name, unless it was counted out before.

# %%
for sets in (small, bob, everyone, pets):
    photos = Photos(sets['train'], short=size)
    batch = color_loaders(photos, bs, size, valid=.2, device='cpu').one_batch()
    test_eq([o.shape[1] for o in batch], [1, 2])
broken = small['train'][0]
broken.write_bytes(broken.read_bytes()[:500])
torn = read_sets('flower', home/'flowers', mat=mat)['train']
test_fail(lambda: [o.size for o in Photos(torn)], exc=InputError, contains=broken.name)
rest = read_sets('flower', home/'flowers', mat=mat, skip_bad=True)
test_eq((len(Photos(rest['train'])), len(rest.skipped), broken.name in rest.skipped[0]), (17, 1, True))
test_fail(lambda: read_sets('flowers', home), exc=UsageError, contains='choose folder, folders, flower')
rest

# %% [markdown]
# For the split that the set's makers chose, which is what S0 uses, the `DataBlock` is built from the same pieces: all photos, and a splitter that knows where the second list begins. Here it is with S0's target, on 400 of the real flowers where there are any, and elsewhere on the small copy.

# %%
def s0_loaders(sets, **kwargs):
    photos = Photos(sets['train'] + sets['test'], short=size)
    held = range(len(sets['train']), len(photos))
    block = DataBlock(blocks=TransformBlock(), get_items=lambda o: list(range(len(o))), splitter=IndexSplitter(held),
        item_tfms=SquareCrop(photos, size, held=held), batch_tfms=ToLab(target='rgb'), n_inp=1)
    return block.dataloaders(photos, bs=bs, num_workers=0, device='cpu', **kwargs)
set_seed(seed)
sets = Sets({k: v[:200] for k,v in flowers.items()}) if flowers else rest
dls = s0_loaders(sets)
test_eq([len(o.dataset) for o in dls], [len(sets['train']), len(sets['test'])])
(L,rgb),first = dls.valid.one_batch(),SquareCrop(Photos(sets['test'][:1], short=size), size, held=[0])(0)
test_close((rgb[0] + 1)*255/2, first.float(), eps=1e-3)
L.shape,rgb.shape

# %% [markdown]
# ## What we have
#
# - the layouts of S0's sets and of folders, each a function from a folder to named lists;
# - made-up splits for those who have none, under names that say so;
# - one gate in front of all lists: an error that names file and remedy, or a counted list of what was left out.

# %% [markdown]
# ## Exercises
#
# 1. S0's tables hold neighboring frames in `train` and in `test`. Measure the mean difference between each frame of one and its nearest of the other, and compare it with frames of different scenes.
# 2. Write the function for a set of yours: a table with a column of file names and a column that says `train` or `test`. How many lines are left when `keep_sound` does the checking?
# 3. `skip_bad` decodes every picture, and `Photos` decodes them again. For which sets is that worth avoiding, and what would have to be kept of the first time?
