# %% [markdown]
# # Opening pictures and turning them upright
#
# > From a name, bytes or a stream to a picture that can be decoded, or to a sentence that says what it is; and which way is up
#
# Most of what goes wrong with pictures goes wrong before the first pixel: the file is empty, it is a page of a web site under the name of a picture, it is the raw file of a camera, it claims to be larger than any memory. A message that only says *cannot identify image file* helps nobody. `open_image` either opens a file or says what it is and what can be done. It also says how many pages there are, and whether a file has more bits than Pillow gives. And where a camera was held on its side and the file says so, `upright` turns the pixels as a viewer would, and back (@fig-orientations).

# %%
#| default_exp imaging.opening

# %%
#| export
import io, os, re, warnings
from contextlib import suppress
from pathlib import Path
import numpy as np
from PIL import Image, UnidentifiedImageError
from colorbook.core import InputError, UsageError
from colorbook.imaging.deep import Samples, is_tiff, jpeg2000_bits, tiff_pages

# %%
#| hide
import tempfile, matplotlib.pyplot as plt
from fastcore.test import *
from PIL import ImageOps
from skimage import data

# %% [markdown]
# ## From anything to bytes

# %% [markdown]
# A picture may be given as a name, as bytes or as an open file. `label` is what error messages call it: its name where it has one. A file object is read from its beginning, as Pillow does it.

# %%
#| export
def read_bytes(
    source, # a path, bytes or a file object
) -> tuple[str,bytes]: # what to call it in an error, and its content
    "Content of a picture's file, undecoded; `InputError` if it cannot be read"
    if isinstance(source, (bytes, bytearray, memoryview)): label,read = 'the picture', lambda: bytes(source)
    elif isinstance(source, (str, os.PathLike)): label,read = f"'{os.fspath(source)}'", Path(source).read_bytes
    elif hasattr(source, 'read'): label,read = f"'{getattr(source, 'name', 'the picture')}'", source.read
    elif hasattr(source, 'detach') or hasattr(source, '__array__'):
        raise InputError(f'a {type(source).__name__} cannot be colored', 'make it an array: .numpy(), channels last')
    else: raise InputError(f'a {type(source).__name__} cannot be colored', 'give a path, a file, a picture or an array')
    try:
        if hasattr(source, 'seek'):
            with suppress(OSError): source.seek(0)
        content = read()
    except FileNotFoundError as e: raise InputError(f'{label} does not exist', 'check the name') from e
    except IsADirectoryError as e: raise InputError(f'{label} is a folder', 'name a picture in it') from e
    except (OSError, ValueError) as e:
        raise InputError(f"{label} cannot be read: {getattr(e, 'strerror', None) or e}", 'check its rights') from e
    if not isinstance(content, bytes): raise InputError(f'{label} is open as text', "open it with mode 'rb'")
    if not content: raise InputError(f'{label} is empty', 'copy it again from where it came')
    return label,content

# %% [markdown]
# ## Telephones and cameras

# %% [markdown]
# Two kinds of files need a library that not everybody has: the photographs of many telephones, HEIC, and the raw files of cameras. Pillow would read the small preview in some raw files and take it for the picture, so those are known by their suffix, or by the tag of Adobe's DNG.

# %%
#| export
RAW_SUFFIXES = {f'.{o}' for o in '3fr arw cr2 cr3 crw dcr dng erf iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl '
                'sr2 srf srw x3f'.split()}
_HEIC = {b'heic', b'heix', b'hevc', b'heim', b'heis', b'hevm', b'mif1', b'msf1'}

def has_heif() -> bool:
    "Can HEIC be read? If so, Pillow knows it from now on"
    try: import pillow_heif
    except ImportError: return False
    pillow_heif.register_heif_opener()
    return True

def is_heic(content:bytes) -> bool:
    "Do the first bytes say that it is HEIC?"
    return content[4:8] == b'ftyp' and content[8:12] in _HEIC

def develop(
    label:str, # what to call it in an error
    content:bytes, # of the file
) -> tuple: # 16 bits, upright, and what is carried
    "The raw file of a camera, developed; `InputError` if it cannot be"
    try: import rawpy
    except ImportError as e:
        raise InputError(f'{label} is the raw file of a camera', "pip install 'colorbook[raw]' reads it") from e
    try:
        with rawpy.imread(io.BytesIO(content)) as raw:
            x = raw.postprocess(output_bps=16, use_camera_wb=True, gamma=(2.4, 12.92))
    except Exception as e:
        why = e.args[0].decode('utf-8', 'replace') if e.args and isinstance(e.args[0], bytes) else e
        raise InputError(f'{label} cannot be developed: {why}', 'convert it to TIFF where it comes from') from e
    info = {}
    with suppress(Exception):
        old,new = Image.Exif(),Image.Exif()
        old.load(content)
        for k in {271, 272, 305, 306, 315, 33432} & set(old): new[k] = old[k]
        for k in (34665, 34853): new[k] = {t: v for t,v in old.get_ifd(k).items() if t not in (37500, 40965)}
        info['exif'] = new.tobytes()
    return Samples(x),info

# %% [markdown]
# ## Opening

# %% [markdown]
# Pillow opens a file without decoding it. Where the file has more bits than Pillow hands out, HEIC and [JPEG 2000](deep.ipynb) have a way to get them, and of AVIF we at least know that they are missing.

# %%
#| export
def open_image(label:str, content:bytes) -> Image.Image:
    "A picture opened and not yet decoded; `InputError` if it is none, or too large to be safe"
    if is_heic(content) and not has_heif():
        raise InputError(f'{label} is a HEIC picture', "pip install 'colorbook[heif]' reads it")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            return Image.open(io.BytesIO(content))
    except Image.DecompressionBombError as e:
        raise InputError(f'{label} is larger than {2*Image.MAX_IMAGE_PIXELS/1e6:.3g} megapixels',
                         'reduce it, or if you trust it raise --max-pixels or PIL.Image.MAX_IMAGE_PIXELS') from e
    except UnidentifiedImageError as e:
        raise InputError(f'{label} is not a picture that Pillow can read', 'save it as JPEG, PNG or TIFF') from e
    except Exception as e: raise InputError(f'{label} is damaged: {e}', 'copy it again from where it came') from e

# %%
#| export
def is_shallow(
    im:Image.Image, # as Pillow opened it
    content:bytes, # of the file
) -> bool:
    "Has the file more bits than Pillow gave?"
    if im.format == 'JPEG2000' and im.mode[0] != 'I': return jpeg2000_bits(content) > 8
    at = content.find(b'av1C') if im.format == 'AVIF' else -1
    return at >= 0 and bool(content[at+6:at+7]) and bool(content[at+6] & 64)

def is_hdr(
    content:bytes, # of a file
) -> bool:
    "Does a PNG, AVIF or HEIC say that its numbers are of a high dynamic range, by the curves PQ or HLG?"
    png,head = content[:4] == b'\x89PNG',content[:2**16] if content[4:8] == b'ftyp' else content[:2**12]
    at = head.find(b'cICP' if png else b'nclx') if png or content[4:8] == b'ftyp' else -1
    return at >= 0 and head[at+(5 if png else 7):][:1] in (b'\x10', b'\x12')

def heic_samples(
    content:bytes, # of the file
) -> Samples|None:
    "All bits of a HEIC picture with more than eight"
    import pillow_heif
    im = pillow_heif.open_heif(io.BytesIO(content), convert_hdr_to_8bit=False)
    if (im.info.get('bit_depth') or 8) <= 8: return None
    x = np.asarray(im).astype(np.uint16)
    bits = im.info['bit_depth']
    x = np.rint((x >> (16 - bits))*np.float32(65535/(2**bits - 1))).astype(np.uint16)
    if x.ndim == 2 or x.shape[2] == 1: return Samples(x.reshape(x.shape[:2]), None, 'gray', bits)
    return Samples(x[...,:3], x[...,3] if x.shape[2] == 4 else None, 'RGB', bits)

# %% [markdown]
# Two kinds of damage go unnoticed by Pillow: a TIFF that claims to have more rows than it has strips for, and an animated WebP whose frames are specks on a canvas of a hundred megapixels. What is missing comes out black, and a file of a few bytes can take a gigabyte. Both are looked for.

# %%
#| export
def lacks_strips(
    im:Image.Image, # as Pillow opened it
) -> bool:
    "Are there fewer strips than a TIFF needs for its rows?"
    tags = getattr(im, 'tag_v2', {}) if im.format == 'TIFF' else {}
    if 273 not in tags or not (tall := tags.get(278, 0)) or 257 not in tags: return False
    planes = tags.get(277, 1) if tags.get(284, 1) == 2 else 1
    return len(tags[273]) < planes*-(-tags[257]//min(tall, tags[257]))

def lacks_frames(
    im:Image.Image, # as Pillow opened it
    content:bytes, # of the file
) -> bool:
    "Is the canvas of an animated WebP large, and no frame larger than a 64th of it?"
    if im.format != 'WEBP' or im.width*im.height < 2**24: return False
    side = lambda at: int.from_bytes(content[at:at+3], 'little') + 1
    sizes = [side(m.start() + 14)*side(m.start() + 17) for m in re.finditer(b'ANMF', content)]
    return bool(sizes) and 64*max(sizes) < im.width*im.height

# %% [markdown]
# Six things that are no picture, each with the word that its message must have. A PNG is found whichever way it is given.

# %%
cat,folder = Image.fromarray(data.chelsea()),Path(tempfile.mkdtemp())
for bad,word in ((b'', 'empty'), (b'hello', 'not a picture'), (folder/'dog.jpg', 'dog.jpg'), (folder, 'folder'),
                 (io.StringIO('x'), 'text'), (7, 'int')):
    test_fail(lambda: open_image(*read_bytes(bad)), exc=InputError, contains=word)
test_fail(lambda: develop("'a.dng'", b'nothing'), exc=InputError, contains='a.dng')
written = io.BytesIO()
cat.save(written, 'PNG')
test_eq(open_image(*read_bytes(written)).size, cat.size)
try: open_image(*read_bytes(folder/'dog.jpg'))
except InputError as e: said = str(e).replace(f'{folder}/', '')
said

# %% [markdown]
# A small TIFF is changed by one byte, after which it claims to have 256 times as many rows; an animated WebP is told that its canvas is large. Both are noticed; the value is the size that the WebP claims.

# %%
scan = io.BytesIO()
Image.new('1', (56, 40)).save(scan, 'TIFF')
tall = bytearray(scan.getvalue()) # says that it has 256 times as many rows
at = tall.index(b'\x01\x01') # its tag 257
tall[at+9] = 1
test_eq([lacks_strips(open_image('it', bytes(o))) for o in (scan.getvalue(), tall)], [False, True])
moving = io.BytesIO()
cat.resize((56, 40)).save(moving, 'WEBP', save_all=True, append_images=[cat.resize((56, 40)).rotate(90)])
speck = bytearray(moving.getvalue())
at = speck.index(b'VP8X') + 12 # width and height of the canvas, less one, of three bytes each
speck[at:at+6] = b'\x0f\x27\0\x0f\x27\0'
test_eq([lacks_frames(open_image('it', bytes(o)), bytes(o)) for o in (moving.getvalue(), speck)], [False, True])
open_image('it', bytes(speck)).size


# %% [markdown]
# ## Several pages

# %% [markdown]
# A scan of a letter has pages, an animation has frames, and a photograph of a telephone may have a second picture inside, a depth map for example. A TIFF also keeps smaller copies of itself, marked by a bit of tag 254; those are no pages.

# %%
#| export
def page_count(
    im:Image.Image|None, # as Pillow opened it
    content:bytes, # of the file
) -> int:
    "How many pictures there are in a file that are no smaller copies; layers do not count"
    if is_tiff(content): return max(1, len(whole_pages(content)))
    return getattr(im, 'n_frames', 1) if im and im.format in ('GIF', 'WEBP', 'PNG', 'AVIF', 'MPO', 'HEIF') else 1

def whole_pages(
    content:bytes, # of a TIFF
) -> list:
    "Numbers of the pages of a TIFF that are no smaller copies"
    return [i for i,o in enumerate(tiff_pages(content)) if not o.get(254, 0) & 1]

# %%
#| export
def choose_pages(
    pages:str, # 'all', or numbers from 1 on, as in '1', '2-4' or '1,3'
    n:int, # how many there are
) -> list: # numbers from 0 on
    "Which pages are meant; `UsageError` if they do not exist"
    if pages == 'all': return list(range(n))
    try:
        ends = [[int(v) for v in o.split('-')] for o in str(pages).split(',')]
        found = [i for o in ends for i in range(o[0], o[-1] + 1)]
    except ValueError as e:
        raise UsageError(f"pages '{pages}' are no numbers", "give 'all', or numbers as in 1,3-5") from e
    if not found or min(found) < 1 or max(found) > n:
        raise UsageError(f'there is no page {next((i for i in found if not 1 <= i <= n), pages)}', f'there are {n}')
    return [i - 1 for i in found]

# %%
moving = [cat.resize((60, 40)).rotate(90*i) for i in range(3)]
for name in ('a.gif', 'a.tif'): moving[0].save(folder/name, save_all=True, append_images=moving[1:])
content = (folder/'a.tif').read_bytes()
test_eq((page_count(Image.open(folder/'a.gif'), b''), page_count(None, content), page_count(cat, b'')), (3, 3, 1))
test_eq([choose_pages(o, 5) for o in ('all', '2-4', '1,3')], [[0, 1, 2, 3, 4], [1, 2, 3], [0, 2]])
for bad in ('6', '0', 'x', '3-1'): test_fail(lambda: choose_pages(bad, 5), exc=UsageError)
whole_pages(content)

# %% [markdown]
# ## The eight orientations

# %% [markdown]
# A camera that is held on its side leaves the pixels as the sensor gave them and writes down how it was held, as a number from 1 to 8 in a tag; every viewer reads that and turns the picture. A telephone that films writes a matrix, whose signs say the same. A colorizer has to know it too, because its network does badly on mountains that lie on their side. Only the small copy that the network sees is turned upright, and the color that it answers with is turned back; the large picture never moves. The eight orientations are the eight symmetries of the square, and only the two quarter turns are not their own inverse.

# %%
#| export
_turns = {1: lambda x: x, 2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud, 5: lambda x: x.swapaxes(0, 1),
          6: lambda x: np.rot90(x, -1), 7: lambda x: np.rot90(x, 2).swapaxes(0, 1), 8: np.rot90}

def upright(
    x:np.ndarray, # HxW or HxWxC as stored
    orientation:int, # EXIF orientation, 1..8
    back:bool=False, # from upright to stored instead
) -> np.ndarray:
    "Turn stored pixels the way that the tag asks for, or back"
    return _turns[{6:8, 8:6}.get(orientation, orientation) if back else orientation](x)

# %%
#| export
_signs = {(-1, 0, 0, 1): 2, (-1, 0, 0, -1): 3, (1, 0, 0, -1): 4, (0, 1, 1, 0): 5, (0, 1, -1, 0): 6, (0, -1, -1, 0): 7,
          (0, -1, 1, 0): 8}

def matrix_orientation(
    matrix:list|None, # of display in a film: nine numbers, row by row
) -> int: # as in EXIF, 1..8
    "How stored frames have to be turned to be upright"
    return _signs.get(tuple(int(np.sign(matrix[i])) for i in (0, 1, 3, 4)), 1) if matrix else 1

# %% [markdown]
# Two references: a picture is turned by Pillow's own `exif_transpose`, which must agree with `upright`; and the matrix of each orientation is derived from where the corners of a picture go. (A matrix takes a point $(x, y)$ of the stored frame to where it is shown.)

# %%
chelsea,exif = data.chelsea(),Image.Exif()
for o in range(1, 9):
    exif[274] = o
    cat.save(folder/'o.png', exif=exif)
    test_eq(upright(chelsea, o), np.asarray(ImageOps.exif_transpose(Image.open(folder/'o.png'))))
    test_eq(upright(upright(chelsea, o), o, back=True), chelsea)
y,x = np.mgrid[-1:2:2,-1:2:2]
for o in range(1, 9):
    place = dict(zip(upright(x + 10*y, o).flat, zip(x.flat, y.flat))) # where each corner is shown
    ax,ay = ((np.subtract(place[a], place[b])//2).tolist() for a,b in ((11, 9), (11, -9))) # steps along x and y
    test_eq(matrix_orientation([*ax, 0, *ay, 0, 0, 0, 1]), o)
test_eq(matrix_orientation(None), 1)

# %%
#| label: fig-orientations
#| fig-cap: "The eight orientations that a camera can write: what is stored, for a cat that every viewer shows upright."
def show_row(ims, titles, height=1.6):
    "Pictures in a row, no axes"
    fig,axs = plt.subplots(1, len(ims), figsize=(9, height))
    for ax,im,t in zip(axs, ims, titles):
        ax.imshow(im, cmap='gray')
        ax.set_title(t, fontsize=8)
    for ax in axs: ax.axis('off')
show_row([upright(chelsea[::4,::4], o, back=True) for o in range(1, 9)], [f'orientation {o}' for o in range(1, 9)]);

# %% [markdown]
# Number 1 of @fig-orientations is a picture that was stored upright. Numbers 3, 6 and 8 are a camera turned upside down and to either side. The other four are mirrored; cameras do not write them, but programs and scanners do.

# %% [markdown]
# ## What we have
#
# - `open_image`, and `InputError` with a remedy where there is nothing to open;
# - `develop`, for the raw files of cameras, and HEIC where its library is installed;
# - `page_count` and `choose_pages`;
# - `upright`, stored pixels turned as the tag asks for, or back, for pictures and for maps of any size;
# - `matrix_orientation`, the same number from the matrix of a film.

# %% [markdown]
# ## Exercises
#
# 1. A web page that was saved under the name of a picture is common. Recognize it by its first bytes and say so.
# 2. What does a camera's raw file look like without `use_camera_wb`? For a colorizer, which needs lightness alone, does it matter?
# 3. Which of the eight orientations can a camera not get into by being turned? How do they come about all the same?
# 4. Apply `upright` twice with two orientations. Is there always one orientation that does both? Make the table.
