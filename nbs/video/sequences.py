# %% [markdown]
# # Folders of frames
#
# > Numbered pictures in the order of their numbers
#
# Scanners and programs for editing write a film as a folder of pictures, one for each frame. Their names end in a number, but not always with zeros before it; now and then one is missing, and a cover or a list lies among them. Which of the files are frames, and in which order? One rule answers that for the whole library, and names what it leaves out.

# %%
#| default_exp video.sequences

# %% tags=["parameters"]
width,height = 96,64

# %%
#| export
import atexit, glob, os, re, shutil, tempfile
from collections import Counter
from functools import lru_cache
from pathlib import Path
from colorbook.core import InputError

# %%
#| hide
import numpy as np
from fastcore.test import *
from PIL import Image
from skimage import data
from colorbook.data.synthetic import travel
from colorbook.video.read import read_frames
home = Path(tempfile.mkdtemp())
ims = list(travel(Image.fromarray(data.astronaut()), 12, (width, height)))

# %% [markdown]
# ## One rule

# %% [markdown]
# The frames of a folder are its pictures of one kind, in the order of the numbers in which their names end: 10 comes after 2, with zeros before it or without. A stray file, such as a cover or a picture of another kind, is left out, and can be named. Where numbers occur twice, or two kinds are about equally many, the order is open; such a folder is refused rather than shuffled.

# %%
#| export
FRAME_SUFFIXES = {'.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp', '.dpx', '.exr', '.jp2', '.tga', '.pgm',
                  '.ppm'}

def _pictures(folder:Path) -> list:
    "Its pictures, but no hidden ones"
    return [o for o in folder.iterdir() if o.suffix.lower() in FRAME_SUFFIXES and not o.name.startswith('.')]

def frame_files(
    folder:str|Path,
) -> dict[int,Path]: # pictures by number, in order
    "The numbered frames in a folder; `InputError` where their order is open"
    folder = Path(folder)
    if not folder.is_dir(): raise InputError(f"there is no folder '{folder}'", 'check the name')
    pictures = _pictures(folder)
    if not pictures: raise InputError(f"there are no pictures in '{folder}'", 'give a folder of numbered frames')
    number = lambda o: int(m[0]) if (m := re.search(r'\d+$', o.stem)) else None
    numbered = [o for o in pictures if number(o) is not None]
    if not numbered: raise InputError(f"no name in '{folder}' ends in a number", 'name them 00001.png, 00002.png')
    def most(kind_of): # the larger part of what is left, if it is by far
        kind,n = Counter(kind_of(o) for o in numbered).most_common(1)[0]
        return [o for o in numbered if kind_of(o) == kind] if 3*n > 2*len(numbered) else None
    one = most(lambda o: o.suffix.lower())
    if not one:
        what = f"the frames in '{folder}' are not of one kind: '{sorted(numbered)[0].name}'"
        raise InputError(what, 'move the others away')
    numbered = one
    if len({number(o) for o in numbered}) < len(numbered):
        numbered = most(lambda o: o.stem.rstrip('0123456789')) or []
        if not numbered or len({number(o) for o in numbered}) < len(numbered):
            what = f"not all names in '{folder}' end in a number of their own"
            raise InputError(what, 'name them 00001.png, 00002.png')
    return dict(sorted((number(o), o) for o in numbered))

def stray_files(
    folder:str|Path,
) -> list[str]: # names
    "Pictures in a folder of frames that are not among them"
    frames = {*frame_files(folder).values()}
    return sorted(o.name for o in _pictures(Path(folder)) if o not in frames)

def is_frame_folder(
    path:str|Path, # of anything
) -> bool:
    "Whether a path is a folder whose pictures have nothing but numbers for names, as frames of a film have"
    path = Path(path)
    names = [o.stem for o in _pictures(path)] if path.is_dir() else []
    return bool(names) and all(o.isdigit() for o in names)

# %% [markdown]
# FFmpeg reads such a folder if it is presented as a film: by a pattern of names, or by counting. Where neither gives the order of the numbers, it is shown a folder of links, which are named in order and go when the program ends.

# %%
#| export
def frame_pattern(files:dict) -> tuple[str,dict]: # of `frame_files`
    "How FFmpeg is told to read numbered pictures in their order"
    paths,kind = [o.absolute() for o in files.values()],next(iter(files.values())).suffix
    folder,head,start = paths[0].parent,paths[0].stem.rstrip('0123456789'),min(files)
    all_ = sorted(o for o in folder.iterdir() if o.name.endswith(kind) and not o.name.startswith('.'))
    if paths == all_: return f'{glob.escape(str(folder))}/*{kind}',dict(pattern_type='glob')
    if paths == [folder/f'{head}{n}{kind}' for n in range(start, start + len(paths))]:
        counted = f'{folder}/{head}'.replace('%', '%%') + f'%d{kind}'
        return counted,dict(pattern_type='sequence', start_number=str(start))
    return f'{_links(tuple(paths), kind.lower())}/*{kind.lower()}',dict(pattern_type='glob')

@lru_cache(8)
def _links(paths:tuple, kind:str) -> str: # a folder, which is removed when the program ends
    "Links to files, named so that they are in order"
    folder = tempfile.mkdtemp(prefix='frames-')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        for i,o in enumerate(paths): os.symlink(o, f'{folder}/{i:09}{kind}')
    except OSError as e:
        raise InputError(f"the frames in '{paths[0].parent}' are not in order", 'name them 00001.png, 00002.png') from e
    return folder

# %% [markdown]
# ## Read

# %% [markdown]
# Twelve frames, once with leading zeros and once without. Both folders come back pixel by pixel in the order of their numbers, at the rate that we name. Then a frame is removed and a cover is added: eleven frames are left, and the cover is named.

# %%
def write_folder(name, form, ims, first=1):
    "Pictures as numbered files"
    (home/name).mkdir()
    for i,o in enumerate(ims, first): o.save(home/name/form.format(i))
    return home/name
padded,bare = write_folder('padded', '{:05}.png', ims[:12]),write_folder('100%d [x]', 'frame{}.png', ims[:12], 3)
for o in (padded, bare):
    got = list(read_frames(o, rate=25))
    assert all(np.array_equal(f.im, im) for f,im in zip(got, ims[:12]))
    test_close([f.time for f in got], np.arange(12)/25)
test_eq(([*frame_files(bare)], is_frame_folder(padded), is_frame_folder(bare)), ([*range(3, 15)], True, False))
(bare/'frame8.png').unlink()
ims[0].save(bare/'cover.png')
test_eq([*frame_files(bare)], [3, 4, 5, 6, 7, *range(9, 15)])
assert all(np.array_equal(f.im, im) for f,im in zip(read_frames(bare), ims[:5] + ims[6:12]))
ims[0].save(padded/'00013.jpg')
test_eq((len(frame_files(padded)), stray_files(padded), stray_files(bare)), (12, ['00013.jpg'], ['cover.png']))
len(frame_files(bare)),stray_files(bare)

# %% [markdown]
# ## What we have
#
# - `frame_files`, one rule for all that read folders of frames, and `stray_files`, which names what it leaves out;
# - `frame_pattern`, by which FFmpeg reads them in that order.

# %% [markdown]
# ## Exercises
#
# 1. A number is missing in a folder of frames. Should the frame before it be shown for two, so that sound stays in step? Find out what FFmpeg does when it counts.
# 2. Two scanners wrote into one folder, `a1.png` and `b1.png`. Write a rule that makes two films of it.
