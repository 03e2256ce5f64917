# %% [markdown]
# # Reading pictures
#
# > Any file or array becomes one small record, with the lightness that it means
#
# A network sees a small square of floats. A person has a folder in which a phone turned half the pictures by a tag, a scanner wrote 16 bits a channel, a museum embedded a gray profile, and one download broke off in the middle. `read_picture` turns all of that into one kind of record, with the lightness that [its profile](profiles.ipynb) means, [all its bits](deep.ipynb) and [its metadata](carried.ipynb); what cannot be colored is an error that says why. It uses only NumPy and Pillow; photographs of telephones in HEIC and the raw files of cameras need one small library more, and the error names it.

# %%
#| default_exp imaging.io

# %%
#| export
import io, os, warnings
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
import numpy as np
from PIL import Image, ImageCms
from colorbook.core import ColorbookError, InputError
from colorbook.color.srgb import lab_f_inv
from colorbook.imaging.carried import carried, tiff_carried
from colorbook.imaging.deep import Samples, deep_samples, is_tiff, tiff_pages
from colorbook.imaging.opening import (RAW_SUFFIXES, choose_pages, develop, heic_samples, is_hdr, is_shallow,
                                       lacks_frames, lacks_strips, open_image, page_count, read_bytes, upright,
                                       whole_pages)
from colorbook.imaging.profiles import is_srgb, light_gray, light_through, profile_space, srgb_profile

# %%
#| hide
import struct, tempfile
from fastcore.test import *
from skimage import color, data

# %% [markdown]
# ## One record

# %% [markdown]
# Coloring needs three things of a picture: its numbers, gray or RGB, in the depth they came in; its transparency, which must not change; and the way the camera was held. The rest is handed on unread: the color profile, the EXIF block, the resolution, the quantization tables of a JPEG. The numbers of a file with 8 bits stay where Pillow decoded them: Pillow shrinks them faster than NumPy can, and a strip of them, copied when its turn comes, is cheaper than all of them at once.

# %%
#| export
@dataclass
class Picture:
    "What coloring needs to know of a picture, and what it must hand on"
    source:np.ndarray|Image.Image # HxW gray or HxWx3 RGB; uint8, uint16 or float32 in 0..1; or Pillow's L or RGB
    alpha:np.ndarray|None=None # HxW transparency of the same type, or None
    orientation:int=1 # EXIF orientation, 1..8: how to turn the stored pixels upright, see `imaging.opening`
    info:dict=field(default_factory=dict) # `icc_profile`, `exif` and more, see `imaging.carried`
    bits:int|None=None # of the file, 8 to 16; None for those of `source`

    @property
    def pixels(self) -> np.ndarray: return np.asarray(self.source)
    @property
    def shape(self) -> tuple[int,int]: # height and width as stored
        return self.source.size[::-1] if isinstance(self.source, Image.Image) else self.source.shape[:2]
    @property
    def dtype(self) -> np.dtype: return np.dtype('u1') if isinstance(self.source, Image.Image) else self.source.dtype
    @property
    def deep(self) -> bool: return self.bits > 8 if self.bits else self.dtype != np.uint8

# %% [markdown]
# ## Arrays

# %% [markdown]
# An array has no header, so its type and shape must say everything: bytes run to 255, 16-bit integers to 65535, floats to 1. To guess further would be right once and wrong the next time: a float picture in 0..255 that is silently clipped comes out white. So what does not fit is refused, and the error says what to do, for instance to divide by 255.

# %%
#| export
def _check_shape(x:np.ndarray):
    "Raise `InputError` unless `x` is HxW or HxWxC with 1 to 4 channels, and not empty"
    if x.ndim==3 and x.shape[0] in (1,3,4) and x.shape[2] > 4:
        raise InputError(f'an array of shape {x.shape} has its channels first', 'put them last: x.transpose(1, 2, 0)')
    if x.ndim not in (2,3) or (x.ndim==3 and x.shape[2] not in (1,2,3,4)):
        raise InputError(f'an array of shape {x.shape} is not a picture', 'give HxW, HxWx3 or HxWx4, or a list')
    if 0 in x.shape: raise InputError(f'an array of shape {x.shape} has no pixels', 'give at least one')

def _check_values(x:np.ndarray) -> np.ndarray:
    "Numbers of a type and range that mean light; `InputError` for all others"
    if x.dtype==bool: return x.astype(np.uint8)*255
    native = x.dtype.newbyteorder('=')
    if native in (np.uint8, np.uint16): return x.astype(native, copy=False)
    if x.dtype.kind!='f': raise InputError(f'an array of {x.dtype} has no agreed range', 'make it uint8 or uint16')
    lo,hi = x.min(),x.max()
    if not np.isfinite(lo+hi): raise InputError('the array holds NaN or infinity', 'see np.nan_to_num')
    if lo < -1e-6 or hi > 1+1e-6:
        raise InputError(f'the array runs from {lo:.4g} to {hi:.4g}', 'floats are 0..1: divide by the largest value')
    return x.astype(np.float32).clip(0, 1)

# %%
#| export
def from_array(
    x:np.ndarray, # HxW, HxWx1 gray, HxWx2 gray and alpha, HxWx3 RGB, HxWx4 RGB and alpha
) -> Picture:
    "A record of an array"
    _check_shape(x)
    x = _check_values(x)
    if x.ndim==2: return Picture(x)
    n = x.shape[2]
    return Picture(x[...,0] if n<3 else x[...,:3], None if n%2 else x[...,-1])

# %%
chelsea,cat = data.chelsea(),Image.fromarray(data.chelsea())
pic = from_array(np.dstack([chelsea, chelsea[...,0]]))
test_eq(pic.pixels, chelsea)
test_eq(pic.alpha, chelsea[...,0])
for bad,word in ((chelsea.astype('f4'), 'divide'), (np.full((2, 2), np.nan), 'NaN'), (chelsea.astype(int), 'uint8'),
                 (chelsea.transpose(2, 0, 1), 'transpose'), (np.zeros((0, 4), 'u1'), 'no pixels')):
    test_fail(lambda: from_array(bad), exc=InputError, contains=word)
from_array(chelsea/255).pixels.dtype

# %% [markdown]
# ## Modes

# %% [markdown]
# Pillow knows some twenty modes. They come down to a few: gray or RGB in bytes, each with transparency or without, the four inks of CMYK, Lab, and gray in 16 bits. The two wide modes, `I` and `F`, carry no range with them, so the smallest usual range that holds all the values is taken: 1 for floats, then 255, then 65535.

# %%
#| export
def _wide(im:Image.Image, label:str) -> np.ndarray:
    "The numbers of a wide gray picture: uint16, or float32 in 0..1"
    x = np.asarray(im)
    if x.dtype.itemsize == 2:
        bits = im.tag_v2.get(258, (16,))[0] if getattr(im, 'tag_v2', None) else 16
        return x.astype(np.uint16) if bits == 16 else np.rint(x*(65535/(2**bits - 1))).clip(0, 65535).astype(np.uint16)
    if im.format == 'PPM' and im.mode == 'I': return x.astype(np.uint16)
    if not np.isfinite(x).all() or x.min() < 0 or x.max() > 65535:
        raise InputError(f'{label} has values from {np.nanmin(x):.4g} to {np.nanmax(x):.4g}, which have no agreed '
                         'meaning', 'scale them to 0..1')
    top = next(t for t in ((1, 255, 65535) if im.mode=='F' else (255, 65535)) if x.max() <= t)
    return (x/top).astype(np.float32)

def _plain(im:Image.Image) -> Image.Image:
    "A picture as L, LA, RGB, RGBA, CMYK, LAB or a wide mode; transparency by color made a channel"
    clear = 'transparency' in im.info or im.mode in ('PA', 'La', 'RGBa')
    if im.mode[0] in 'IF' or im.mode in ('L', 'LA', 'RGB', 'RGBA', 'CMYK', 'LAB') and not clear: return im
    gray = im.mode in ('1', 'L', 'LA', 'La')
    return im.convert(('LA' if clear else 'L') if gray else 'RGBA' if clear else 'RGB')

# %%
modes = {m: _plain(cat.convert(m)).mode for m in '1 L LA P RGB RGBA RGBX CMYK YCbCr HSV I F'.split()}
test_eq((modes['P'], modes['CMYK']), ('RGB', 'CMYK'))
test_eq(_wide(cat.convert('L').convert('F'), 'it'), np.asarray(cat.convert('L'))/np.float32(255))
test_fail(lambda: _wide(Image.fromarray(np.float32([[-600, 1]])), "'scan.tif'"), exc=InputError, contains='scan.tif')
modes

# %% [markdown]
# ## What the numbers mean

# %% [markdown]
# What is in sRGB, or says nothing, is handed on as it is: a gray in any usual RGB space is the same gray afterwards. Everything else becomes a gray picture in sRGB with 16 bits whose lightness is what the profile means. A gray profile could not stay in a colored file anyway, the inks of a print cannot hold the new colors, and of a wide RGB space only the lightness is needed, because its colors will be replaced.

# A film's reference is the exception: [there](../video/reference.ipynb) the colors themselves are wanted, and `colors` gives them in sRGB.

# %%
#| export
def _flat_light(x, kind:str, icc:bytes|None):
    "Numbers of any kind as gray or RGB in sRGB, and whether the profile has been used up"
    image,space = isinstance(x, Image.Image),profile_space(icc)
    if kind == 'Lab':
        L = np.asarray(x)[...,0]
        return light_gray(lab_f_inv((L*np.float32(100/(255 if L.dtype == np.uint8 else 65535)) + 16)/116)),True
    if space and not (space == 'RGB' and is_srgb(icc)):
        with suppress(ValueError): return light_through(x, icc),True
    if kind == 'CMYK' and image: x = x.convert('RGB')
    elif kind == 'CMYK':
        top = np.float32(65535 if x.dtype == np.uint16 else 1)
        x = (np.float32(1) - x[...,:3]/top)*(np.float32(1) - x[...,3:]/top)
        x = np.rint(x*top).astype(np.uint16) if top > 1 else x
    return x,space not in ('', 'RGB')

def _in_colors(im:Image.Image, icc:bytes|None) -> Image.Image:
    "RGB in sRGB by its profile, or by Pillow's plain conversion where the profile is of no use"
    try:
        profile = ImageCms.createProfile('LAB') if im.mode=='LAB' else ImageCms.getOpenProfile(io.BytesIO(icc or b''))
        return ImageCms.profileToProfile(im, profile, ImageCms.createProfile('sRGB'), outputMode='RGB')
    except (ImageCms.PyCMSError, OSError, ValueError): return im.convert('RGB')

# %%
#| export
def _record(x, alpha, kind:str, info:dict, turn:int, bits:int, label:str) -> Picture:
    "A record of numbers whose kind and profile are known"
    icc = info.get('icc_profile')
    flat,used = _flat_light(x, kind, icc)
    if used:
        info['icc_profile'] = srgb_profile()
        if profile_space(icc) == 'RGB' or kind in ('CMYK', 'Lab'):
            name = kind if kind == 'Lab' else profile_name(icc) or f'a {kind} space of its own'
            warnings.warn(f'{label} is in {name}: lightness stays, the colors are written in sRGB', stacklevel=4)
    if not isinstance(flat, Image.Image): flat = from_array(flat).source
    return Picture(flat, alpha, turn if turn in range(1, 9) else 1, info, bits)

def profile_name(
    icc:bytes|None, # an ICC profile
) -> str: # such as 'Adobe RGB (1998)', or ''
    "What a profile calls itself"
    with suppress(Exception): return ImageCms.getProfileDescription(ImageCms.getOpenProfile(io.BytesIO(icc))).strip()
    return ''

def from_image(
    im:Image.Image, # a decoded picture of any mode
    label:str='the picture', # what to call it in an error
    colors:bool=False, # RGB in sRGB also where the profile is another one
) -> Picture:
    "A record of a Pillow picture; `InputError` if it cannot be colored"
    if im.width*im.height == 0: raise InputError(f'{label} has no pixels', 'copy it again from where it came')
    info,turn = carried(im),1
    with suppress(Exception): turn = im.getexif().get(274, 1)
    flat,icc = _plain(im),info.get('icc_profile')
    kind = {'LAB': 'Lab', 'CMYK': 'CMYK'}.get(flat.mode, 'RGB' if flat.mode[:3] == 'RGB' else 'gray')
    if flat.mode[0] in 'IF':
        x,clear = _wide(flat, label),flat.info.get('transparency')
        alpha = np.where(np.asarray(flat) == clear, 0, 65535).astype(np.uint16) if isinstance(clear, int) else None
        return _record(x, alpha, kind, info, turn, 16, label)
    if colors and (kind in ('Lab', 'CMYK') or profile_space(icc) == 'RGB' and not is_srgb(icc)):
        flat,kind,info['icc_profile'] = _in_colors(flat, icc),'RGB',srgb_profile()
    if flat.mode not in ('LA', 'RGBA'): return _record(flat, None, kind, info, turn, 8, label)
    return _record(flat.convert(flat.mode[:-1]), np.asarray(flat.getchannel('A')), kind, info, turn, 8, label)

# %% [markdown]
# ## `read_picture`

# %% [markdown]
# [Opening pictures and turning them upright](opening.ipynb) says what there is to decode. Whatever goes wrong from here on, in any decoder, is an `InputError` with the name of the file.

# %%
#| export
def _deep_record(label:str, im:Image.Image|None, content:bytes, found:Samples, page:int, colors:bool) -> Picture:
    "A record of a file with more than eight bits"
    tiff = is_tiff(content)
    tags = tiff_pages(content, page + 1)[page] if tiff else {}
    info = carried(im) if im else tiff_carried(tags)
    if tiff and tags.get(274, 1) in range(2, 9):
        found.x = np.ascontiguousarray(upright(found.x, tags[274]))
        found.alpha = None if found.alpha is None else np.ascontiguousarray(upright(found.alpha, tags[274]))
    if found.x.dtype == np.float32: found.x = _check_values(found.x)
    turn = 1
    with suppress(Exception): turn = 1 if tiff else im.getexif().get(274, 1)
    if colors and profile_space(info.get('icc_profile')) == 'RGB' and found.space == 'RGB':
        eight = Image.fromarray(np.rint(found.x*(255/(65535 if found.x.dtype == np.uint16 else 1))).astype(np.uint8))
        return Picture(_in_colors(eight, info['icc_profile']), None, turn, info)
    return _record(found.x, found.alpha, found.space, info, turn, found.bits or 8*min(2, found.x.itemsize), label)

def read_picture(
    source, # a path, bytes, a file object, a Pillow picture or an array
    page:int|None=None, # of a file with several; None for the first, with a warning about the others
    colors:bool=False, # colors in sRGB also where another profile says what they are; otherwise lightness is enough
) -> Picture:
    "A record of anything that can be colored; `InputError` names what is wrong and what to do"
    if isinstance(source, np.ndarray): return from_array(source)
    if isinstance(source, Image.Image):
        name = getattr(source, 'filename', '')
        label = f"'{os.fspath(name)}'" if name and isinstance(name, (str, os.PathLike)) else 'the picture'
    else: label,content = read_bytes(source)
    try:
        if isinstance(source, Image.Image):
            source.load()
            return from_image(source, label, colors)
        name = str(source if isinstance(source, (str, os.PathLike)) else getattr(source, 'name', ''))
        if Path(name).suffix.lower() in RAW_SUFFIXES or _is_dng(content): 
            found,info = develop(label, content)
            return Picture(found.x, info=info)
        return _read(label, content, page, colors)
    except InputError: raise
    except Exception as e:
        raise InputError(f'{label} is truncated or damaged: {e or type(e).__name__}',
                         'copy it again from where it came') from e

def _is_dng(content:bytes) -> bool:
    "Is it a DNG, by its tag?"
    if content[:4] not in (b'II*\0', b'MM\0*'): return False
    with suppress(Exception): return 50706 in tiff_pages(content, 1)[0]
    return False

def _read(label:str, content:bytes, page:int|None, colors:bool, im:Image.Image|None=None) -> Picture:
    "A record of a page of a file, which may be open already"
    error = None
    try: im = im or open_image(label, content)
    except InputError as e: error = e
    if error and (not is_tiff(content) or 'megapixels' in error.what): raise error
    if page is None and (n := page_count(im, content)) > 1:
        what = 'pages' if is_tiff(content) else 'frames'
        warnings.warn(f'{label} has {n} {what}: only the first is colored', stacklevel=4)
    if is_hdr(content):
        what = 'has a high dynamic range: its numbers are taken as those of a common screen'
        warnings.warn(f'{label} {what}', stacklevel=4)
    if page and im: im.seek(page)
    animated = page is not None and im and im.format == 'PNG' and page_count(im, content) > 1
    if page or animated: found = _tiff_samples(im, content, page)
    else: found = heic_samples(content) if im and im.format == 'HEIF' else deep_samples(im, content)
    if found: return _deep_record(label, im, content, found, page or 0, colors)
    if error: raise error
    if lacks_strips(im) or lacks_frames(im, content): raise OSError('most of it is missing')
    im.load()
    if is_shallow(im, content): warnings.warn(f'{label} has more than 8 bits, of which Pillow reads 8', stacklevel=4)
    pic = from_image(im, label, colors)
    if im.format == 'WEBP' and b'VP8L' in content[:64]: pic.info['lossless'] = True
    return pic

def _tiff_samples(im:Image.Image|None, content:bytes, page:int) -> Samples|None:
    "All bits of a later page, which only a TIFF can have"
    return deep_samples(im, content, page) if is_tiff(content) else None

# %%
folder = Path(tempfile.mkdtemp())
cat.save(folder/'cat.jpg', quality=90)
whole = (folder/'cat.jpg').read_bytes()
test_fail(lambda: read_picture(whole[:len(whole)//2]), exc=InputError, contains='truncated')
written = io.BytesIO()
cat.save(written, 'PNG')
test_eq(read_picture(written).pixels, chelsea)
open_image('it', whole).size

# %% [markdown]
# A scan with a gray profile of exponent 1.8 whose camera lay on its side: the record has the orientation, 16 bits and the lightness that the profile means. The values are what black, 128 and white become.

# %%
exif = Image.Exif()
exif[274] = 6
ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None].repeat(8, 0))
def gray_profile(gamma):
    "The smallest ICC profile of a gray scale"
    body = b'curv\0\0\0\0' + struct.pack('>IH', 1, round(gamma*256)) + b'\0\0'
    head = struct.pack('>I4xI4s4s4s12x4s', 144 + len(body), 0x02400000, b'mntr', b'GRAY', b'XYZ ', b'acsp')
    head = head.ljust(68, b'\0') + struct.pack('>3i', 63190, 65536, 54061).ljust(60, b'\0')
    return head + struct.pack('>I4sII', 1, b'kTRC', 144, len(body)) + body

ramp.save(folder/'turned.png', exif=exif, icc_profile=gray_profile(1.8))
pic = read_picture(folder/'turned.png')
test_eq((pic.orientation, pic.deep, profile_space(pic.info['icc_profile'])), (6, False, 'RGB'))
want = 255*(1.055*(np.arange(256)/255)**(1.8/2.4) - .055)
test_close(pic.pixels[0,128]/257, want[128], eps=.3)
pic.pixels[0,[0, 128, 255]]

# %% [markdown]
# ## Several pages

# %% [markdown]
# Frames of an animation are decoded one after the other from one opened file, because each is stored as a change of the one before. `read_picture` takes the first and says so in a warning, shown below.

# %%
#| export
def read_pages(
    source, # a path, bytes or a file object
    pages:str, # 'all' or numbers, see `choose_pages`
): # yields records, each with the milliseconds that it is shown, and how often the animation is repeated
    "The pages of a file, one after the other; `InputError` if one is damaged"
    label,content = read_bytes(source)
    try:
        im = None
        with suppress(InputError): im = open_image(label, content)
        whole = [0] # where nobody can count, there is one at least
        with suppress(Exception):
            whole = whole_pages(content) if is_tiff(content) else list(range(page_count(im, content)))
        for i in choose_pages(pages, len(whole)):
            pic = _read(label, content, whole[i], False, None if is_tiff(content) else im)
            if isinstance(pic.source, Image.Image): pic.source = pic.source.copy()
            yield pic, im.info.get('duration', 0) if im else 0, im.info.get('loop') if im else None
    except ColorbookError: raise
    except Exception as e:
        raise InputError(f'{label} is damaged: {e or type(e).__name__}', 'color what is whole with --pages 1') from e

# %%
moving = [cat.resize((60, 40)).rotate(90*i) for i in range(3)]
moving[0].save(folder/'a.gif', save_all=True, append_images=moving[1:], duration=[30, 50, 70], loop=2)
got = list(read_pages(folder/'a.gif', 'all'))
test_eq([(ms, loop) for _,ms,loop in got], [(30, 2), (50, 2), (70, 2)])
for (pic,*_),im in zip(got, moving): test_close(pic.pixels.mean((0, 1)), np.asarray(im).mean((0, 1)), eps=8)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter('always')
    test_eq(read_picture(folder/'a.gif').pixels.shape, (40, 60, 3))
str(said[0].message).replace(str(folder), '')

# %% [markdown]
# A picture in Lab and one in inks come to the same lightness as the picture that they were made from.

# %%
srgb,lab = map(ImageCms.createProfile, ('sRGB', 'LAB'))
as_lab = ImageCms.profileToProfile(cat, srgb, lab, outputMode='LAB')
L = np.asarray(as_lab)[...,0]*np.float32(100/255)
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    pic = read_picture(as_lab)
test_close(color.rgb2lab(np.rint(pic.pixels/257).astype(np.uint8)[...,None].repeat(3, 2))[...,0], L, eps=.3)
test_eq(read_picture(cat.convert('CMYK')).pixels, np.asarray(cat.convert('CMYK').convert('RGB')))
pic.deep

# %% [markdown]
# ## What we have
#
# - `read_picture`: one record from files, bytes, Pillow pictures and arrays, and an error with a remedy for what is none;
# - `read_pages`, for animations and scans of many pages;
# - lightness as the profile means it, whatever the numbers in the file are;
# - HEIC and raw files where their libraries are installed.

# %% [markdown]
# ## Exercises
#
# 1. A PNG can say by a chunk `cICP` that it has a high dynamic range; so far that is a warning and no more. Where would its numbers have to be turned into those of a common screen, and what should become of what shines?
# 2. An array with values from 0 to 1023 is refused. Which friendlier rule would be wrong, and for which pictures?
