# %% [markdown]
# # Looking once at every picture
#
# > Files that are broken, sizes, copies: a set of a million pictures read in the memory of a telephone
#
# [Data loaders](loaders.ipynb) prepares photographs for training, which wants each of them again and again. Other questions need a single look: which files are broken, how large the pictures are, what is in them twice. The answers must not need memory that grows with the set, nor more time than decoding takes. So pictures are handed out one by one, from folders, tars and databases; each is decoded as small as is enough; and all cores do that a little ahead of the reader. [The data doctor](audit.ipynb) is built on the three functions of this chapter.

# %%
#| default_exp data.scan

# %% tags=["parameters"]
size = 128

# %%
#| export
import contextlib, hashlib, tarfile, threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
import numpy as np
from PIL import Image
from colorbook.core import ColorbookError, InputError, map_ahead
from colorbook.data.photos import is_photo, open_photo, read_photo

# %%
#| hide
import gzip, tempfile, tracemalloc
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import ImageOps
from colorbook.data.photos import list_photos, Photos, sample_photos

# %% [markdown]
# ## One after another

# %% [markdown]
# A tar is read from front to back, which is the only order in which a compressed one, a pipe or a tape can be read at all, and each member is let go before the next. If a tar breaks off, its end cannot be read. What came before should not be lost for that, and it should not pass in silence: where it breaks, the stream yields the tar's own name and, in place of a picture, the error. The program that reads the stream decides whether to stop or to count.

# %%
#| export
def stream_tar(
    path:Path, # tar file of photos, compressed or not
): # yields names and bytes; where the tar breaks off, its name and an `InputError`
    "Photos of a tar one after another, still encoded"
    try:
        with tarfile.open(path, 'r|*') as t:
            for m in t:
                if m.isfile() and is_photo(m.name): yield m.name, t.extractfile(m).read()
        with open(path, 'rb') as f:
            f.seek(t.offset)
            if t.fileobj.comptype == 'tar' and f.read(512) != bytes(512):
                raise tarfile.ReadError('it breaks off, or a header is damaged')
    except (tarfile.TarError, OSError, EOFError) as e:
        yield str(path), InputError(f"cannot read '{path}' as a tar file: {e}", 'copy it again or make it anew')

# %% [markdown]
# Sources are those of [Photographs](photos.ipynb), and two more. Everything that has a length, names and pictures by number is a set, such as `Photos` itself or a database. Its pictures are decoded only when somebody asks, so the stream yields a function for each; a lock sees to it that they are asked for one at a time, because few databases like to be read by several threads at once.
#
# Names and order are the same as in training. That is what makes it possible to say "the 17th picture" in a report and to find it again.

# %%
#| export
def stream_indexed(
    photos, # anything with a length, `names`, and pictures by number
): # yields names and functions that return the picture
    "Pictures of a set by number, decoded when the function is called, one at a time"
    lock = threading.Lock()
    def get(i):
        with lock: return photos[i]
    for i,name in enumerate(photos.names): yield name, partial(get, i)

# %%
#| export
def stream_photos(
    source, # folder (recursive), photo, tar, glob of these, set with `names`, or a collection of all these and pictures
): # yields pairs of a name and something that `summarize_image` takes, or an `InputError`
    "What there is to see in `source`, one at a time and always in the same order"
    if hasattr(source, 'names'): yield from stream_indexed(source)
    elif not isinstance(source, (str, Path)):
        for i,o in enumerate(source): yield from stream_photos(o) if isinstance(o, (str, Path)) else [(f'{i:05}', o)]
    elif (path := Path(source)).is_dir():
        for o in sorted(o for o in path.rglob('*') if is_photo(o)): yield str(o.relative_to(path)), o
        for o in sorted(path.rglob('*.tar')): yield from stream_tar(o)
    else:
        files = [path] if path.exists() else sorted(path.parent.glob(path.name))
        if not files: raise InputError(f"there is nothing at '{source}'", 'give a folder, a tar file or a pattern')
        for o in files: yield from stream_tar(o) if '.tar' in o.suffixes else [(str(o), o)]

# %% [markdown]
# The pictures of this chapter are tiles of the six photographs that our packages carry. Stored in several ways, they come in the order and under the names that `list_photos` has for them. The last tar is compressed and then cut off in the middle: what stands before the cut arrives, and after it the error. The value is how many there were and how many arrived.

# %%
def tiles(im): return [im.crop((x, y, x + size, y + size)) for y in range(0, im.height - size + 1, size)
                       for x in range(0, im.width - size + 1, size)]
ims = [t for o in sample_photos() for t in tiles(o)]
home = Path(tempfile.mkdtemp())
(home/'set/more').mkdir(parents=True)
for i,o in enumerate(ims): o.save(home/f'set/{"more/"*(i%2)}{i:03}.png')
with tarfile.open(home/'all.tar', 'w') as t: t.add(home/'set', '.')
with tarfile.open(home/'set/few.tar', 'w') as t: t.add(home/'set/000.png', 'few.png')
sources = [home/'set', home/'all.tar', home/'*.tar', [home/'all.tar', ims[0], home/'set/002.png'], ims]
def names(source): return [name for name,_ in stream_photos(source)]
for o in sources: test_eq(names(o), [name for name,_ in list_photos(o)])
test_eq(names(Photos(home/'set')), names(home/'set'))
packed = gzip.compress((home/'all.tar').read_bytes())
(home/'cut.tar.gz').write_bytes(packed[:len(packed)//2])
*whole,(last,error) = stream_photos(home/'cut.tar.gz')
test_eq([n for n,_ in whole], names(home/'all.tar')[:len(whole)])
test_eq((last, type(error)), (str(home/'cut.tar.gz'), InputError))
test_fail(lambda: names(home/'lost'), exc=InputError, contains='there is nothing')
len(ims),len(whole)

# %% [markdown]
# ## A glance

# %% [markdown]
# Decoding takes most of the time, and most of it can be saved. A JPEG is a set of 8x8 blocks, each stored as its frequencies, and a decoder that leaves out the high ones makes a picture of a half, a quarter or an eighth of the size for a fraction of the work. Twice the square that we want is enough. Of the decoded picture four things are kept: its true size, its brightest value (a film's black frames have none above 4), a square of 64x64 pixels, and a hash. A pixel of the square is the mean of what lies under it, weighted toward the middle: with plain boxes, whose edges fall between pixels, the squares of one photograph at two sizes differ several times as much.
#
# The hash is taken of all decoded pixels, so a picture that was saved again without loss is recognized, under whatever name and in whatever format. Of a large JPEG it is the hash of the reduced pixels: they are the same for the same file, and differ from those of the same photograph saved as PNG at full size. Such a pair is still found, as a near copy.

# %%
#| export
SIDE = 64 # pixels of the square that is kept

@dataclass
class ImageSummary:
    "What is kept of one picture"
    name:str
    place:int=0 # number in its stream
    size:tuple=(0, 0) # width and height, upright
    code:str='' # hash of the decoded pixels
    peak:int=0 # the largest of its values, 0..255
    square:np.ndarray=None # `SIDE`x`SIDE`x3 bytes
    error:ColorbookError=None # why it cannot be read

# %%
#| export
def open_small(
    src, # what `read_photo` takes
    side:int, # short side that is enough; anything that is not a JPEG keeps its size
) -> tuple: # the picture, not yet decoded, and its size upright
    "Open a photo so that it will be decoded at as small a size as is enough"
    im = open_photo(src)
    size = im.size if im.getexif().get(0x0112, 1) < 5 else im.size[::-1]
    if im is not src: im.draft('RGB', (side, side))
    return im,size

# %%
#| export
def summarize_image(
    item:tuple, # name, and path, bytes, picture, array, a function that returns one of these, or an error
    place:int=0, # number in the stream
) -> ImageSummary: # with `error` where it cannot be read
    "Decode a picture once, as small as is enough"
    (name,src),size = item,None
    try:
        if isinstance(src, ColorbookError): raise src
        if callable(src): src = src()
        with contextlib.suppress(Exception): src,size = open_small(src, 2*SIDE)
        im = read_photo(src, name)
    except ColorbookError as e: return ImageSummary(name, place, error=e)
    size = size or im.size
    code = hashlib.sha256(f'{size}'.encode() + im.tobytes()).hexdigest()[:32]
    square = np.array(im.resize((SIDE, SIDE), Image.Resampling.HAMMING))
    return ImageSummary(name, place, size, code, max(o[1] for o in im.getextrema()), square)

# %% [markdown]
# However the tiles are stored, their hashes are the same. The mean of a square is the mean of its picture. A large JPEG that lies on its side keeps its true size, and its square is that of the full picture to within a unit on average; the two numbers are that difference with our weights and with plain boxes.

# %%
def look(source): return [summarize_image(o, i) for i,o in enumerate(stream_photos(source))]
seen = {k: look(o) for k,o in dict(folder=home/'set', tar=home/'all.tar', list=ims, set=Photos(ims)).items()}
codes = {k: sorted(o.code for o in v if o.name != 'few.png') for k,v in seen.items()}
for o in codes.values(): test_eq(o, codes['list'])
assert len(set(codes['list'])) == len(ims)
for o,im in zip(seen['list'], ims):
    test_close(o.square.mean((0, 1)), np.asarray(im).mean((0, 1)), eps=1)
    test_eq((o.size, o.peak), (im.size, np.asarray(im).max()))

large = sample_photos()[0].resize((1500, 1000))
large.getexif()[0x0112] = 6
large.save(home/'turned.jpg', exif=large.getexif())
seen_small,full = summarize_image(('', home/'turned.jpg')),read_photo(home/'turned.jpg')
test_eq(seen_small.size, (1000, 1500))
def off(a, b): return np.abs(np.asarray(a, float) - np.asarray(b, float)).mean()
kinds = Image.Resampling.HAMMING,Image.Resampling.BOX
reduced = ImageOps.exif_transpose(open_small(home/'turned.jpg', 2*SIDE)[0])
differ = [off(*(o.resize((SIDE, SIDE), k) for o in (full, reduced))) for k in kinds]
test_eq(np.asarray(reduced.resize((SIDE, SIDE), kinds[0])), seen_small.square)
assert differ[0] < .5 < 1 < differ[1]
differ

# %% [markdown]
# A picture that cannot be read is named, and the stream goes on: half a file, text with a photo's suffix, a JPEG that breaks off (noticed at a small size too), and the end of a tar.

# %%
bad = home/'bad'
bad.mkdir()
(bad/'half.png').write_bytes((home/'set/000.png').read_bytes()[:900])
(bad/'half.jpg').write_bytes((home/'turned.jpg').read_bytes()[:-5000])
(bad/'none.jpg').write_text('not a picture')
(bad/'cut.tar').write_bytes((home/'all.tar').read_bytes()[:200_000])
ims[0].save(bad/'fine.png')
errors = {Path(o.name).name: str(o.error) for o in look(bad) if o.error}
test_eq(set(errors), {'half.png', 'half.jpg', 'none.jpg', 'cut.tar'})
for k,o in errors.items(): assert k in o and ('remove it' in o or 'copy it again' in o)
{k: o.replace(str(home), '')[:80] for k,o in errors.items()}

# %% [markdown]
# ## A little ahead

# %% [markdown]
# The decoders leave Python's interpreter alone while they work, so [`map_ahead`](../core.ipynb) keeps all cores busy with them: results come in the order of the stream, and only a few pictures a thread are under way at a time.

# %%
#| export
def summarize_images(
    source, # see `stream_photos`
    workers:int=None, # threads; None for as many as there are cores
): # yields a `ImageSummary` for each picture
    "All that there is to see in `source`, in its order"
    return map_ahead(lambda o: summarize_image(o[1], o[0]), enumerate(stream_photos(source)), workers)

# %% [markdown]
# A list that is a hundred times as long needs no more memory. The two numbers are the most that Python held, in MB, for 10 and for 1,000 pictures.

# %%
test_eq([(o.place, o.code) for o in summarize_images(ims)], [(i, o.code) for i,o in enumerate(seen['list'])])

def peak(n):
    "Most memory that Python held while it looked at `n` pictures, in MB"
    tracemalloc.start()
    seen = sum(o.peak > 0 for o in summarize_images((np.asarray(ims[i%9]).copy() for i in range(n)), workers=2))
    most = tracemalloc.get_traced_memory()[1]/1e6
    tracemalloc.stop()
    return seen,most
(few,small),(many,large) = peak(10),peak(1000)
test_eq((few, many), (10, 1000))
assert large < 3*small
small,large

# %%
#| label: fig-glance
#| fig-cap: "Photographs, and the squares of 64x64 pixels that are kept of them."
def show_glances(pictures):
    "Pictures above what a summary keeps"
    fig,axs = plt.subplots(2, len(pictures), figsize=(9, 3), layout='constrained')
    for (top,bottom),im,o in zip(axs.T, pictures, summarize_images(pictures)):
        top.imshow(im)
        bottom.imshow(o.square)
    for ax in axs.flat: ax.axis('off')
show_glances(sample_photos())

# %% [markdown]
# Beneath each photograph of @fig-glance is all that is kept of its pixels: a square, so wide photographs look squeezed, and enough to see that two pictures are the same one.

# %% [markdown]
# ## What we have
#
# - `stream_photos`, whatever there is in folders, tars, lists and databases, one by one, errors included;
# - `summarize_image`, a picture's size, hash, brightest value and a small square, from as little decoding as possible;
# - `summarize_images`, the same on all cores, in order and in constant memory.

# %% [markdown]
# ## Exercises
#
# 1. Give `map_ahead` a function that fails for one item. Which items does the reader see before the error, and which threads still work when it arrives?
# 2. The hash of a large JPEG depends on `SIDE`. Where would that matter, and what would it cost to hash the file's bytes instead?
# 3. Stream a tar through a pipe from another machine: `stream_tar` wants a path. What must change, and which promise of this chapter is then kept for the first time?
