# %% [markdown]
# # Pictures as they come
#
# > Any file or array in, the same kind of file or array out, and nothing lost on the way
#
# A network sees a small square of floats. A person has a folder in which a phone turned half the pictures by a tag, a scanner wrote 16 bits a channel, a museum embedded a gray profile, and one download broke off in the middle. Between the two stands this chapter. At its end `read_picture` turns everything that can be colored into one small record, and `encode_picture` writes a colored record with its orientation, profile, transparency and depth. It uses only NumPy and Pillow: a library for 16-bit files would weigh more than all the rest of the installation, and as we shall see, Pillow can do it if it is asked twice.

# %%
#| default_exp imaging.io

# %%
#| export
import io, os, struct, sys, warnings, zlib
from dataclasses import dataclass, field
from pathlib import Path
import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.JpegImagePlugin import get_sampling
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from colorbook.core import InputError, OutputError

# %%
#| hide
import tempfile
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data

# %% [markdown]
# ## One record

# %% [markdown]
# What coloring needs is few things: the light-carrying numbers, gray or RGB, in the depth they came in; the transparency, which it must not touch; and the way the camera was held. What it must hand on unread is the rest: the color profile, the EXIF block, the resolution, the quantization tables of a JPEG. Of a file with 8 bits the numbers stay where Pillow decoded them: Pillow shrinks them faster than NumPy can, and a strip of them, copied when its turn comes, is cheaper than all of them at once.

# %%
#| export
@dataclass
class Picture:
    "What coloring needs to know of a picture, and what it must hand on"
    source:np.ndarray|Image.Image # HxW gray or HxWx3 RGB; uint8, uint16 or float32 in 0..1; or Pillow's L or RGB
    alpha:np.ndarray|None=None # HxW transparency of the same type, or None
    orientation:int=1 # EXIF orientation, 1..8: how to turn the stored pixels upright, see `imaging.orientation`
    info:dict=field(default_factory=dict) # `icc_profile`, `exif`, `xmp`, `dpi`, and of a JPEG its tables

    @property
    def pixels(self) -> np.ndarray: return np.asarray(self.source)
    @property
    def shape(self) -> tuple[int,int]: # height and width as stored
        return self.source.size[::-1] if isinstance(self.source, Image.Image) else self.source.shape[:2]
    @property
    def dtype(self) -> np.dtype: return np.dtype('u1') if isinstance(self.source, Image.Image) else self.source.dtype

# %% [markdown]
# ## Arrays

# %% [markdown]
# An array has no header, so its type and shape must say everything: bytes run to 255, 16-bit integers to 65535, floats to 1. Guessing further would be friendly once and wrong the next time: a float picture in 0..255 that is silently clipped comes out white. So what does not fit is refused, and the error names the remedy.

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
# ## Profiles

# %% [markdown]
# A color profile says what the numbers mean. Three cases must be told apart. An RGB profile still fits a colored picture, so it is handed on, and the numbers are treated as if they were sRGB; a gray in any usual RGB space is the same gray afterwards. A gray profile would be invalid in an RGB file: the tones are carried over to sRGB, and the picture says so. The same is done with the inks of a CMYK file. The four bytes after the sixteenth settle which case it is. A gray profile is applied to the 256 grays once, and the ramp serves pictures of any depth. The lesson makes one itself, with a gamma of 1.8 as old Macintosh scans have it: the middle gray of such a file is lighter than ours.

# %%
#| export
def profile_space(
    icc:bytes|None, # an ICC profile
) -> str: # 'RGB', 'GRAY', 'CMYK', 'Lab', or ''
    "The color space that a profile describes, from its header"
    return icc[16:20].decode('latin1').strip() if icc else ''

def srgb_profile() -> bytes: # an ICC profile
    "The profile of sRGB"
    return ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()

# %%
#| export
def _to_srgb(im:Image.Image, icc:bytes|None, mode:str) -> Image.Image:
    "`im` in sRGB by its profile, or by Pillow's plain conversion where the profile is of no use"
    try:
        profile = ImageCms.createProfile('LAB') if im.mode=='LAB' else ImageCms.getOpenProfile(io.BytesIO(icc or b''))
        return ImageCms.profileToProfile(im, profile, ImageCms.createProfile('sRGB'), outputMode='RGB').convert(mode)
    except (ImageCms.PyCMSError, OSError, ValueError): return im.convert(mode)

# %%
#| export
def gray_ramp(
    icc:bytes, # a gray profile
) -> np.ndarray: # 256 values in 0..255
    "What each of the 256 grays of a gray profile is in sRGB"
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    return np.asarray(_to_srgb(ramp, icc, 'L'))[0].astype(np.float32)

def _apply_ramp(pic:Picture, ramp:np.ndarray):
    "Carry a gray picture over to sRGB, in place"
    top = np.iinfo(pic.dtype).max if pic.dtype.kind=='u' else 1
    out = np.interp(pic.pixels*(255/top), np.arange(256), ramp)*(top/255)
    pic.source = (np.rint(out) if top>1 else out).astype(pic.dtype)

# %%
def gray_profile(gamma):
    "The smallest ICC profile of a gray scale"
    tags = {b'wtpt': b'XYZ \0\0\0\0' + struct.pack('>3i', 63190, 65536, 54061),
            b'kTRC': b'curv\0\0\0\0' + struct.pack('>IH', 1, round(gamma*256)) + b'\0\0'}
    at,table,body = 132 + 12*len(tags), struct.pack('>I', len(tags)), b''
    for name,value in tags.items():
        table += struct.pack('>4sII', name, at+len(body), len(value))
        body += value
    head = struct.pack('>I4xI4s4s4s12x4s', at+len(body), 0x02400000, b'mntr', b'GRAY', b'XYZ ', b'acsp')
    return head.ljust(68, b'\0') + struct.pack('>3i', 63190, 65536, 54061).ljust(60, b'\0') + table + body

ramp = gray_ramp(gray_profile(1.8))
test_eq(profile_space(gray_profile(1.8)), 'GRAY')
test_close(ramp[128], 255*(1.055*(128/255)**(1.8/2.4)-.055), eps=1)
ramp[[0, 128, 255]]

# %% [markdown]
# ## Modes

# %% [markdown]
# Pillow knows some twenty modes. All of them come down to five: gray or RGB in bytes, each with transparency or without, and gray in 16 bits. The two wide modes, `I` and `F`, carry no range with them, so the smallest usual range that holds all the values is taken: 1 for floats, then 255, then 65535.

# %%
#| export
def _wide(im:Image.Image) -> np.ndarray:
    "The numbers of a wide gray picture: uint16, or float32 in 0..1"
    x = np.asarray(im)
    if x.dtype.itemsize==2: return x.astype(np.uint16)
    if not np.isfinite(x).all() or x.min() < 0 or x.max() > 65535:
        raise InputError(f'a picture of mode {im.mode} with values outside 0..65535', 'scale it to 0..1')
    top = next(t for t in ((1, 255, 65535) if im.mode=='F' else (255, 65535)) if x.max() <= t)
    return (x/top).astype(np.float32)

def _plain(im:Image.Image) -> Image.Image:
    "A picture of any mode as L, LA, RGB, RGBA or a wide mode; transparency by color made a channel"
    clear = 'transparency' in im.info or im.mode in ('PA', 'La', 'RGBa')
    if im.mode[0] in 'IF' or im.mode in ('L', 'LA', 'RGB', 'RGBA') and not clear: return im
    if im.mode in ('CMYK', 'LAB'): return _to_srgb(im, im.info.get('icc_profile'), 'RGB')
    gray = im.mode in ('1', 'L', 'LA', 'La')
    return im.convert(('LA' if clear else 'L') if gray else 'RGBA' if clear else 'RGB')

# %%
modes = {m: _plain(cat.convert(m)).mode for m in '1 L LA P RGB RGBA RGBX CMYK YCbCr HSV I F'.split()}
test_eq(modes['P'], 'RGB')
test_eq(_wide(cat.convert('L').convert('F')), np.asarray(cat.convert('L'))/np.float32(255))
modes

# %% [markdown]
# ## Sixteen bits

# %% [markdown]
# A 16-bit color file opens in Pillow as `RGB` with the lower byte of every number thrown away. But the decoder is told by a name, the *raw mode*, how the bytes lie: `RGB;16B` means the high byte stands first, `RGB;16L` the low byte. Told the opposite of the truth, Pillow hands out exactly the half that it threw away. So we decode the file a second time with the other name and put the halves together:
#
# $$ v = 256\, v_\text{high} + v_\text{low} $$
#
# It costs a second decoding and no dependency, and it works for every compression that Pillow reads.

# %%
#| export
_other_half = {'B':'L', 'L':'B', 'N':'B' if sys.byteorder=='little' else 'L'}

def _low_half(im:Image.Image) -> Image.Image|None:
    "The bytes that Pillow would drop of a file just opened, or None if it is not one of 16-bit color"
    tiles = []
    for tile in getattr(im, 'tile', ()):
        codec,box,at,args = tile
        raw = args if isinstance(args, str) else args[0]
        if raw[:-1] not in ('RGB;16', 'RGBA;16'): return None
        raw = raw[:-1] + _other_half[raw[-1]]
        tiles.append((codec, box, at, raw if isinstance(args, str) else (raw, *args[1:])))
    if not tiles: return None
    im.tile = [type(tile)(*t) if hasattr(tile, '_fields') else t for t in tiles]
    im.load()
    return im

# %% [markdown]
# ## Opening

# %% [markdown]
# Everything that can go wrong with a file goes wrong here, and each way has its own sentence. `label` is what the sentence calls the picture: its name where it has one.

# %%
#| export
def read_bytes(
    source, # a path, bytes or a file object
) -> tuple[str,bytes]: # what to call it in an error, and its content
    "Content of a picture's file, undecoded; `InputError` if it cannot be read"
    if isinstance(source, (bytes, bytearray, memoryview)): label,read = 'the picture', lambda: bytes(source)
    elif isinstance(source, (str, os.PathLike)): label,read = f"'{os.fspath(source)}'", Path(source).read_bytes
    elif hasattr(source, 'read'): label,read = f"'{getattr(source, 'name', 'the picture')}'", source.read
    else: raise InputError(f'a {type(source).__name__} cannot be colored', 'give a path, a file, a picture or an array')
    try: content = read()
    except FileNotFoundError as e: raise InputError(f'{label} does not exist', 'check the name') from e
    except IsADirectoryError as e: raise InputError(f'{label} is a folder', 'name a picture in it') from e
    except OSError as e: raise InputError(f'{label} cannot be read: {e.strerror or e}', 'check its rights') from e
    if not isinstance(content, bytes): raise InputError(f'{label} is open as text', "open it with mode 'rb'")
    if not content: raise InputError(f'{label} is empty', 'copy it again from where it came')
    return label,content

# %%
#| export
def open_image(label:str, content:bytes) -> Image.Image:
    "A picture opened and not yet decoded; `InputError` if it is none, or too large to be safe"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(content))
    except Image.DecompressionBombError as e:
        raise InputError(f'{label} is larger than {2*Image.MAX_IMAGE_PIXELS/1e6:.0f} megapixels',
                         'reduce it, or raise PIL.Image.MAX_IMAGE_PIXELS if you trust it') from e
    except UnidentifiedImageError as e:
        raise InputError(f'{label} is not a picture that Pillow can read', 'save it as JPEG, PNG or TIFF') from e
    except Exception as e: raise InputError(f'{label} is damaged: {e}', 'copy it again from where it came') from e

def _load(label:str, im:Image.Image) -> Image.Image:
    "Decode a picture; `InputError` if it breaks off, a warning if it has more frames than one"
    try: im.load()
    except Exception as e:
        raise InputError(f'{label} is truncated or damaged: {e}', 'copy it again from where it came') from e
    if getattr(im, 'is_animated', False) and im.format!='MPO':
        warnings.warn(f'{label} has {im.n_frames} frames: only the first is colored', stacklevel=4)
    return im

# %%
folder = Path(tempfile.mkdtemp())
cat.save(folder/'cat.jpg', quality=90)
whole = (folder/'cat.jpg').read_bytes()
for bad,word in ((whole[:len(whole)//2], 'truncated'), (b'', 'empty'), (b'hello', 'not a picture'),
                 (folder/'dog.jpg', 'dog.jpg'), (folder, 'folder'), (io.StringIO('x'), 'text'), (7, 'int')):
    test_fail(lambda: _load('it', open_image(*read_bytes(bad))), exc=InputError, contains=word)
open_image('it', whole).size

# %% [markdown]
# What is handed on is picked by name. Pillow undoes the orientation of a TIFF by itself and takes the tag away, of all other files it leaves the pixels as they are stored, and so do we: the tag is handed on with them, and every viewer turns the colored picture as it turned the gray one. The tags of a TIFF that describe how its bytes lie must not be handed on, because ours will lie differently. Then there is one door for all sources, `read_picture`. Its `deep` asks for the second decoding; without it a 16-bit color file gives 8 bits, which is all that a Pillow picture can take back.

# %%
#| export
_layout_tags = {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 282, 283, 284, 296, 301, 317, 318, 319, 320,
                322, 323, 324, 325, 330, 338, 339, 347, 529, 530, 531, 532, 34377, 34675}

def _info(im:Image.Image) -> dict:
    "Profile, EXIF, resolution and JPEG tables of a decoded picture"
    info = {k:im.info[k] for k in ('icc_profile', 'exif', 'xmp', 'dpi', 'comment') if im.info.get(k)}
    if im.format=='TIFF':
        exif = im.getexif()
        for tag in _layout_tags & set(exif): del exif[tag]
        info |= {'exif': exif.tobytes()} if len(exif) else {}
    if im.format in ('JPEG', 'MPO'):
        info |= {'qtables': list(im.quantization.values()), 'subsampling': max(get_sampling(im), -1)}
        if im.mode=='L': info['subsampling'] = 2
    return info

# %%
#| export
def from_image(
    im:Image.Image, # a decoded picture of any mode
    low:Image.Image|None=None, # the lower bytes of a 16-bit color picture
) -> Picture:
    "A record of a Pillow picture"
    info,icc = _info(im), im.info.get('icc_profile')
    turn = im.getexif().get(274, 1)
    flat,space = _plain(im), profile_space(icc)
    if low is None and flat.mode in ('L', 'RGB'): pic = Picture(flat)
    else:
        pixels = _wide(flat) if flat.mode[0] in 'IF' else np.asarray(flat)
        pic = from_array(pixels if low is None else pixels.astype(np.uint16)<<8 | np.asarray(low))
    if space=='GRAY' and pic.pixels.ndim==2: _apply_ramp(pic, gray_ramp(icc))
    if space not in ('', 'RGB'): info['icc_profile'] = srgb_profile()
    pic.info,pic.orientation = info, turn if turn in range(1, 9) else 1
    return pic

# %%
#| export
def read_picture(
    source, # a path, bytes, a file object, a Pillow picture or an array
    deep:bool=False, # read all 16 bits of a 16-bit color file
) -> Picture:
    "A record of anything that can be colored; `InputError` names what is wrong and what to do"
    if isinstance(source, np.ndarray): return from_array(source)
    if isinstance(source, Image.Image): return from_image(_load('the picture', source))
    label,content = read_bytes(source)
    im,low = _load(label, open_image(label, content)), None
    if im.width*im.height==0: raise InputError(f'{label} has no pixels', 'copy it again from where it came')
    if deep and im.mode in ('RGB', 'RGBA') and im.format in ('PNG', 'TIFF'): low = _low_half(open_image(label, content))
    return from_image(im, low)

# %%
exif = Image.Exif()
exif[274] = 6
cat.convert('L').save(folder/'turned.jpg', exif=exif, icc_profile=gray_profile(2.2))
pic = read_picture(folder/'turned.jpg')
test_eq(pic.orientation, 6)
test_eq(profile_space(pic.info['icc_profile']), 'RGB')
test_eq(pic.pixels.shape, chelsea.shape[:2])
sorted(pic.info)

# %% [markdown]
# ## Writing

# %% [markdown]
# Reading 16-bit color took a trick; writing it takes two short functions. A PNG file is a list of chunks, each with its length, name and checksum; a row of pixels is stored as differences from the pixel to the left (*filter* 1), modulo 256, and everything is deflated. Photographs in 16 bits are mostly noise in the lower byte, so the lightest compression is nearly as small as the heaviest and much faster.

# %%
#| export
def _chunk(name:bytes, body:bytes) -> bytes:
    "One chunk of a PNG file"
    return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))

def png16(
    x:np.ndarray, # HxWx3 or HxWx4, uint16
    info:dict, # `icc_profile`, `exif`, `dpi`
) -> bytes:
    "A 16-bit color PNG file; see the PNG specification, third edition"
    h,w,n = x.shape
    raw = np.ascontiguousarray(x.astype('>u2')).view(np.uint8).reshape(h, -1)
    rows = np.empty((h, 1 + raw.shape[1]), np.uint8)
    rows[:,0],rows[:,1:2*n+1] = 1,raw[:,:2*n]
    np.subtract(raw[:,2*n:], raw[:,:-2*n], out=rows[:,2*n+1:])
    out = b'\x89PNG\r\n\x1a\n' + _chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, 16, {3:2, 4:6}[n], 0, 0, 0))
    if icc := info.get('icc_profile'): out += _chunk(b'iCCP', b'ICC profile\0\0' + zlib.compress(icc))
    if dpi := info.get('dpi'): out += _chunk(b'pHYs', struct.pack('>IIB', *(round(float(d)/.0254) for d in dpi), 1))
    if exif := info.get('exif'): out += _chunk(b'eXIf', exif.removeprefix(b'Exif\0\0'))
    return out + _chunk(b'IDAT', zlib.compress(rows, 1)) + _chunk(b'IEND', b'')

# %% [markdown]
# A TIFF file is a directory of tags and strips of pixels somewhere behind it. Pillow writes such a directory, EXIF and GPS included; we add the strips, deflated, with the same left-hand differences, this time modulo 256 or 65536. It serves 8 bits as well, because Pillow's own compressed TIFF cannot hold a whole EXIF block. What the two functions write, `read_picture` must read back to the last bit, with profile and orientation where they belong; and a slope, which is what a sky is, must shrink to almost nothing.

# %%
#| export
def _tiff_tags(info:dict) -> dict:
    "The tags of a TIFF file that say what the picture is, not how its bytes lie"
    exif = Image.Exif()
    exif.load(info.get('exif', b''))
    tags = {k:exif.get_ifd(k) if k in (34665, 34853) else v for k,v in exif.items() if k not in _layout_tags}
    tags |= {t:info[k] for t,k in ((34675, 'icc_profile'), (700, 'xmp')) if info.get(k)}
    if dpi := info.get('dpi'): tags |= {282:float(dpi[0]), 283:float(dpi[1]), 296:2}
    return tags

# %%
#| export
def tiff(
    x:np.ndarray, # HxWx3 or HxWx4, uint8 or uint16
    info:dict, # `icc_profile`, `exif`, `xmp`, `dpi`
) -> bytes:
    "A color TIFF file; see TIFF 6.0, sections 8 and 14"
    h,w,n = x.shape
    step = max(1, 2**18//(w*n))
    x = np.concatenate([x[:,:1], np.diff(x, axis=1)], 1)
    x = x.astype(x.dtype.newbyteorder('<'), copy=False)
    strips = [zlib.compress(np.ascontiguousarray(x[i:i+step]), 1) for i in range(0, h, step)]
    tags = _tiff_tags(info) | {256:w, 257:h, 258:(8*x.itemsize,)*n, 259:8, 262:2, 277:n, 278:step, 284:1, 317:2}
    tags |= {273: tuple(np.cumsum([0] + [len(s) for s in strips[:-1]]).tolist()), 279: tuple(map(len, strips))}
    if n==4: tags[338] = 2
    ifd,out = ImageFileDirectory_v2(b'II*\0\0\0\0\0'), io.BytesIO()
    for tag in (273, 279): ifd.tagtype[tag] = 4
    for tag,value in tags.items(): ifd[tag] = value
    ifd.save(out)
    return out.getvalue() + b''.join(strips)

# %%
deep = np.random.default_rng(0).integers(0, 65536, (37, 53, 4), dtype=np.uint16)
exif[274] = 3
info = dict(icc_profile=srgb_profile(), exif=exif.tobytes(), dpi=(300, 300))
for write in (png16, tiff):
    for x in (deep, deep[...,:3]):
        back = read_picture(write(x, info), deep=True)
        pixels = np.dstack([back.pixels, back.alpha]) if x.shape[2]==4 else back.pixels
        test_eq(pixels[::-1,::-1] if write is tiff else pixels, x)
        test_eq(back.info['icc_profile'], info['icc_profile'])
        test_close(back.info['dpi'], (300, 300), eps=.1)
len(png16(deep, info)), len(tiff(deep, info))

# %%
smooth = np.add.outer(np.arange(400)*11, np.arange(600)*37).astype(np.uint16)[...,None].repeat(3, 2)
sizes = len(png16(smooth, {}))/smooth.nbytes, len(zlib.compress(smooth, 1))/smooth.nbytes
test_eq(sizes[0] < .1*sizes[1], True)
sizes

# %% [markdown]
# For 8 bits Pillow does the work. A JPEG is written with the quantization tables and the sampling of the JPEG that it came from: lightness has not moved, so most of its coefficients fall on the very steps that they were rounded to before, and the file neither loses much a second time nor grows. A gray JPEG has one table, which then serves color too. Pictures from elsewhere are saved at quality 92, and `quality` overrides both. The lesson compares: with its own tables a JPEG hardly changes, at a foreign quality it changes everywhere.

# %%
#| export
def format_of(
    name:str|os.PathLike, # a file name with a suffix
) -> str: # Pillow's name of the format, such as 'JPEG'
    "The format that a suffix stands for; `OutputError` if it cannot be written"
    found = Image.registered_extensions().get(Path(name).suffix.lower())
    if found in Image.SAVE: return found
    raise OutputError(f"'{os.fspath(name)}' has no suffix that can be written", 'use .jpg, .png, .tif or .webp')

def format_like(
    source, # a path, bytes or a file object
) -> str: # Pillow's name of a format that can be written
    "The format of a picture's file, by its content; PNG if that cannot be written"
    fmt = open_image(*read_bytes(source)).format
    return 'JPEG' if fmt == 'MPO' else fmt if fmt in Image.SAVE else 'PNG'

def _options(fmt:str, info:dict, quality:int|None) -> dict:
    "Keyword arguments for saving an 8-bit picture with Pillow"
    keep = {k:info[k] for k in ('icc_profile', 'exif', 'xmp', 'dpi', 'comment') if k in info}
    if fmt=='JPEG' and quality is None and info.get('qtables'):
        return keep | {'qtables':info['qtables'], 'subsampling':info['subsampling']}
    return keep | ({'quality':quality or 92} if fmt in ('JPEG', 'WEBP', 'AVIF') else {})

# %%
#| export
def encode_picture(
    x:np.ndarray, # HxWx4, uint8 or uint16: RGB and alpha
    alpha:bool, # the fourth channel means something
    info:dict, # what to hand on
    fmt:str, # Pillow's name of the format
    quality:int|None=None, # 1..100 for lossy formats; None keeps the tables of a JPEG
) -> bytes: # the content of a file
    "A colored picture as a file; `OutputError` if the format cannot hold it"
    if fmt=='TIFF' or x.dtype==np.uint16: return (tiff if fmt=='TIFF' else png16)(x if alpha else x[...,:3], info)
    if alpha and fmt=='JPEG':
        if x[...,3].min() < 255: raise OutputError('a JPEG cannot hold transparency', 'choose .png, .webp or .tif')
        alpha = False
    im = to_image(x, alpha, fast=fmt=='JPEG')
    out = io.BytesIO()
    try: im.save(out, fmt, **_options(fmt, info, quality))
    except (OSError, ValueError, KeyError) as e:
        raise OutputError(f'{fmt} cannot hold this picture: {e}', 'choose .png or .tif') from e
    return out.getvalue()

# %%
#| export
def to_image(
    x:np.ndarray, # HxWx4, uint8: RGB and alpha
    alpha:bool, # the fourth channel means something
    fast:bool=False, # mode RGBX, which shares the memory of `x`, instead of RGB
) -> Image.Image: # RGBA with alpha, else RGB
    "A Pillow picture of four channels, which are how Pillow itself stores three"
    im = Image.frombuffer('RGBA' if alpha else 'RGBX', x.shape[1::-1], x, 'raw', 'RGBA' if alpha else 'RGBX', 0, 1)
    return im if fast else im.copy() if alpha else im.convert('RGB')

# %%
pic = read_picture(whole)
x = np.dstack([pic.pixels, np.full(pic.pixels.shape[:2], 255, np.uint8)])
same,other = encode_picture(x, False, pic.info, 'JPEG'), encode_picture(x, False, pic.info, 'JPEG', quality=80)
err = lambda b: np.abs(read_picture(b).pixels.astype(int) - pic.pixels).mean()
test_eq(err(same) < .5*err(other), True)
test_fail(lambda: encode_picture(x//2, True, {}, 'JPEG'), exc=OutputError, contains='transparency')
test_fail(lambda: format_of('a.xyz'), exc=OutputError, contains='a.xyz')
test_eq([format_like(o) for o in (whole, folder/'turned.jpg', io.BytesIO(png16(deep, {})))], ['JPEG', 'JPEG', 'PNG'])
len(whole), len(same), err(same), err(other)

# %% [markdown]
# ## What we have
#
# - `read_picture`: one record from files, bytes, Pillow pictures and arrays, and an error with a remedy for what is none;
# - `png16` and `tiff`, so that sixteen bits survive without another dependency;
# - `encode_picture`, which hands on profile, EXIF, resolution and the tables of a JPEG.

# %% [markdown]
# ## Exercises
#
# 1. A 16-bit PNG with gray and alpha opens as mode `LA`. There is a raw mode `LA;16B` but no `LA;16L`. Find another way to its lower bytes.
# 2. Replace filter 1 in `png16` by the difference from the pixel above. For which pictures is the file smaller?
# 3. An embedded preview inside the EXIF block stays gray. Find out where it sits and whether it can be taken out without moving the rest.
