# %% [markdown]
# # Writing pictures
#
# > A colored picture in the format that was asked for, with its depth, its metadata and all its pages
#
# A colored picture should lie in the folder as the gray one did: the same kind of file, the same 16 bits, the caption still in it, an animation still moving. `encode_picture` makes a file of colored pixels and of [the old file's metadata](carried.ipynb), and `encode_pages` one of several pages. For 8 bits Pillow does the work. It cannot write 16 bits in color, so there are three short functions for PNG, TIFF and PPM.

# %%
#| default_exp imaging.write

# %%
#| export
import io, os, struct, warnings, zlib
from pathlib import Path
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from colorbook.core import OutputError
from colorbook.imaging.carried import jpeg_segments, not_held, png_texts, tiff_tags, with_texts
from colorbook.imaging.io import read_picture
from colorbook.imaging.opening import has_heif, open_image, read_bytes, upright

# %%
#| hide
import tifffile
from fastcore.test import *
from skimage import data
from colorbook.imaging.profiles import srgb_profile

# %% [markdown]
# ## Sixteen bits

# %% [markdown]
# A PNG file is a list of chunks, each with its length, name and checksum; a row of pixels is stored as differences from the pixel to the left (*filter* 1), modulo 256, and everything is deflated. Photographs in 16 bits are mostly noise in the lower byte, so the lightest compression is nearly as small as the heaviest and much faster.

# %%
#| export
def _chunk(name:bytes, body:bytes) -> bytes:
    "One chunk of a PNG file"
    return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))

def png16(
    x:np.ndarray, # HxWx3 or HxWx4, uint16
    info:dict, # what is carried
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
    for name,body in png_texts(info): out += _chunk(name, body)
    return out + _chunk(b'IDAT', zlib.compress(rows, 1)) + _chunk(b'IEND', b'')

def ppm16(
    x:np.ndarray, # HxWx3, uint16
) -> bytes:
    "A 16-bit PPM file"
    return b'P6 %d %d 65535\n' % x.shape[1::-1] + x.astype('>u2').tobytes()

# %% [markdown]
# A TIFF file is a directory of tags and strips of pixels somewhere behind it. Pillow writes such a directory, EXIF and GPS included; we add the strips, deflated, with the same left-hand differences, this time modulo 256 or 65536. It serves 8 bits as well, because Pillow's own compressed TIFF cannot hold a whole EXIF block. Each page has a directory, which names the place of the next.

# %%
#| export
def _tiff_page(x:np.ndarray|Image.Image, info:dict, at:int) -> tuple[bytes,int]:
    "A directory that stands at `at` with its strips, and the place where the next one's is written"
    image = isinstance(x, Image.Image)
    h,w,n = (*x.size[::-1], 3) if image else x.shape
    step,size = max(1, 2**18//(w*n)),1 if image else x.itemsize
    def strip(i):
        rows = np.asarray(x.crop((0, i, w, min(i + step, h)))) if image else x[i:i+step]
        d = np.concatenate([rows[:,:1], np.diff(rows, axis=1)], 1)
        return zlib.compress(np.ascontiguousarray(d.astype(d.dtype.newbyteorder('<'), copy=False)), 1)
    strips = [strip(i) for i in range(0, h, step)]
    tags = tiff_tags(with_texts(info))
    tags |= {256:w, 257:h, 258:(8*size,)*n, 259:8, 262:2, 277:n, 278:step, 284:1, 317:2}
    tags |= {273: tuple(np.cumsum([0] + [len(s) for s in strips[:-1]]).tolist()), 279: tuple(map(len, strips))}
    if n==4: tags[338] = 2
    ifd = ImageFileDirectory_v2(b'II*\0\0\0\0\0')
    for tag in (273, 279): ifd.tagtype[tag] = 4
    for tag in {33723, 34377, 700, 34675} & set(tags): ifd.tagtype[tag] = 7
    for tag,value in tags.items(): ifd[tag] = value
    body = ifd.tobytes(at)
    return body + b''.join(strips), at + 2 + 12*struct.unpack_from('<H', body)[0]

def tiff(
    pages:list, # pairs: HxWx3 or HxWx4 of uint8 or uint16, or Pillow's RGB, and what is carried
) -> bytes:
    "A color TIFF file; see TIFF 6.0, sections 8 and 14"
    out,link = bytearray(b'II*\0\0\0\0\0'),4
    for x,info in pages:
        out += bytes(len(out)%2)
        struct.pack_into('<L', out, link, len(out))
        body,link = _tiff_page(x, info, len(out))
        out += body
    return bytes(out)

# %% [markdown]
# What these functions write, [`read_picture`](io.ipynb) reads back to the last bit, with profile, metadata and resolution. tifffile, a library of others, finds both pages of a TIFF.

# %%
deep = np.random.default_rng(0).integers(0, 65536, (37, 53, 4), dtype=np.uint16)
exif = Image.Exif()
exif[274] = 3
caption = b'\x1c\x02\x78\0\x06A lake'
info = dict(icc_profile=srgb_profile(), exif=exif.tobytes(), dpi=(300, 300), xmp=b'<x:xmpmeta/>', iptc=caption)
one = lambda x,info: tiff([(x, info)])
for write in (png16, one):
    for x in (deep, deep[...,:3]):
        back = read_picture(write(x, info))
        pixels = np.dstack([back.pixels, back.alpha]) if x.shape[2]==4 else back.pixels
        test_eq(pixels[::-1,::-1] if write is one else pixels, x)
        for k in ('icc_profile', 'xmp', 'iptc'): test_eq(back.info[k], info[k])
        test_close(back.info['dpi'], (300, 300), eps=.1)
test_eq(read_picture(ppm16(deep[...,:3])).pixels, deep[...,:3])
both = tiff([(deep, info), (deep[:20], {})])
test_eq([o.asarray().shape for o in tifffile.TiffFile(io.BytesIO(both)).pages], [(37, 53, 4), (20, 53, 4)])
test_eq(read_picture(both, page=1).pixels, deep[:20,:,:3])
len(png16(deep, info)), len(both)

# %% [markdown]
# Differences pay for a slope, which is what a sky is: the first number is the size of the file as a share of the pixels', the second what deflating alone would give.

# %%
smooth = np.add.outer(np.arange(400)*11, np.arange(600)*37).astype(np.uint16)[...,None].repeat(3, 2)
sizes = len(png16(smooth, {}))/smooth.nbytes, len(zlib.compress(smooth, 1))/smooth.nbytes
test_eq(sizes[0] < .1*sizes[1], True)
sizes

# %% [markdown]
# ## Eight bits

# %% [markdown]
# A JPEG is written with the quantization tables and the sampling of the JPEG that it came from. Lightness has not moved, so most of its coefficients fall on the very steps that they were rounded to before, and the file neither loses much a second time nor grows. A gray JPEG has one table, which then serves color too. Pictures from elsewhere are saved at quality 92, a WebP without losses stays without, and `quality` overrides all of it.

# %%
#| export
DEEP_FORMATS = 'PNG','TIFF','PPM' # which are written with 16 bits

def format_of(
    name:str|os.PathLike, # a file name with a suffix
) -> str: # Pillow's name of the format, such as 'JPEG'
    "The format that a suffix stands for; `OutputError` if it cannot be written"
    suffix = Path(name).suffix.lower()
    if suffix in ('.heic', '.heif', '.hif') and not has_heif():
        raise OutputError(f"'{os.fspath(name)}' is a HEIC picture", "pip install 'colorbook[heif]' writes it")
    found = Image.registered_extensions().get(suffix)
    if found in Image.SAVE and found not in ('PDF', 'EPS', 'PALM', 'MSP', 'XBM', 'SPIDER'): return found
    raise OutputError(f"'{os.fspath(name)}' has no suffix that can be written", 'use .jpg, .png, .tif or .webp')

def format_like(
    source, # a path, bytes or a file object
) -> str: # Pillow's name of a format that can be written
    "The format of a picture's file, by its content; PNG if that cannot be written"
    fmt = open_image(*read_bytes(source)).format
    return 'JPEG' if fmt == 'MPO' else fmt if fmt in Image.SAVE else 'PNG'

def _options(fmt:str, info:dict, quality:int|None) -> dict:
    "Keyword arguments for saving an 8-bit picture with Pillow"
    info = info if fmt == 'PNG' else with_texts(info)
    keep = {k:info[k] for k in ('icc_profile', 'exif', 'dpi', 'comment') if k in info}
    if fmt in ('WEBP', 'AVIF', 'HEIF') and info.get('xmp'): keep['xmp'] = info['xmp']
    if fmt == 'JPEG': keep['extra'] = jpeg_segments(info)
    if fmt == 'PNG':
        keep['pnginfo'] = PngInfo()
        for name,body in png_texts(info): keep['pnginfo'].add(name, body)
    if fmt=='JPEG' and quality is None and info.get('qtables'):
        return keep | {'qtables':info['qtables'], 'subsampling':info['subsampling']}
    if fmt == 'WEBP' and quality is None and info.get('lossless'): return keep | {'lossless':True, 'exact':True}
    return keep | ({'quality':quality or 92} if fmt in ('JPEG', 'WEBP', 'AVIF', 'HEIF') else {})

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

# %% [markdown]
# A Pillow picture carries EXIF and resolution in its `info`, and its `save` takes no notice of them. So `colorize(picture).save(name)` would lose the tag that says that a photograph lies on its side. What `colorize` returns is a Pillow picture whose `save` hands on what it carries, unless it is told something else.

# %%
#| export
class ColoredImage(Image.Image):
    "A Pillow picture that saves what it carries"
    def __init__(self,
        im:Image.Image, # in color
        info:dict, # what it carries, see `imaging.carried`
    ):
        super().__init__()
        self._mode,self._size,self.im = im.mode,im.size,im.im
        self.info = {k:v for k,v in info.items() if k not in ('qtables', 'subsampling', 'lossless')}

    def save(self,
        fp, # a name or a file object
        format:str|None=None, # Pillow's name of a format; None for that of the suffix
        **params, # as of Pillow
    ):
        "Write the picture with its profile, EXIF, XMP and resolution"
        keep = {k:self.info[k] for k in ('icc_profile', 'exif', 'dpi', 'xmp') if k in self.info}
        super().save(fp, format, **keep | params)

# %% [markdown]
# Formats without EXIF cannot say that a picture lies on its side, so for them it is turned. If a format cannot hold a caption, there is a warning, which the command line prints as a note.

# %%
#| export
_TURNED_BY_TAG = 'JPEG','MPO','PNG','TIFF','WEBP','AVIF'

def _turned(x, info:dict, fmt:str) -> tuple:
    "Pixels upright and no tag, where the format has no place for the tag"
    if fmt in _TURNED_BY_TAG or not info.get('exif'): return x,info
    exif = Image.Exif()
    exif.load(info['exif'])
    turn = exif.pop(274, 1)
    if turn not in range(2, 9): return x,info
    if isinstance(x, Image.Image): x = np.dstack([np.asarray(x), np.full(x.size[::-1], 255, np.uint8)])
    return np.ascontiguousarray(upright(x, turn)),info | {'exif': exif.tobytes()}

def _ready(x, alpha:bool, info:dict, fmt:str) -> tuple:
    "The same as the format wants it; a warning about what it cannot hold, `OutputError` if that is part of the picture"
    if alpha and fmt in ('JPEG', 'PPM', 'MPO', 'BMP'):
        if x[...,3].min() < (255 if x.dtype == np.uint8 else 65535):
            raise OutputError(f'a {fmt} cannot hold transparency', 'choose .png, .webp or .tif')
        alpha = False
    if lost := not_held(info, fmt): warnings.warn(f"{fmt} cannot hold {', '.join(lost)}", stacklevel=4)
    return (*_turned(x, info, fmt), alpha)

# %%
#| export
def encode_picture(
    x:np.ndarray|Image.Image, # HxWx4, uint8 or uint16: RGB and alpha; or Pillow's RGB
    alpha:bool, # the fourth channel means something
    info:dict, # what to hand on, see `imaging.carried`
    fmt:str, # Pillow's name of the format
    quality:int|None=None, # 1..100 for lossy formats; None keeps the tables of a JPEG
) -> bytes: # the content of a file
    "A colored picture as a file; `OutputError` if the format cannot hold it"
    x,info,alpha = _ready(x, alpha, info, fmt)
    image = isinstance(x, Image.Image)
    if fmt=='TIFF': return tiff([(x if alpha or image else x[...,:3], info)])
    if not image and x.dtype==np.uint16:
        return ppm16(x[...,:3]) if fmt=='PPM' else png16(x if alpha else x[...,:3], info)
    im,out = x if image else to_image(x, alpha, fast=fmt=='JPEG'),io.BytesIO()
    try: im.save(out, fmt, **_options(fmt, info, quality))
    except (OSError, ValueError, KeyError, TypeError, struct.error) as e:
        raise OutputError(f'{fmt} cannot hold this picture: {e}', 'choose .png or .tif') from e
    return out.getvalue()

# %% [markdown]
# A JPEG is read and written again: with its own tables it hardly changes, at a foreign quality it changes everywhere. The two values are the mean changes, in levels of 255.

# %%
whole = io.BytesIO()
Image.fromarray(data.chelsea()).save(whole, 'JPEG', quality=90)
pic = read_picture(whole)
x = np.dstack([pic.pixels, np.full(pic.shape, 255, np.uint8)])
same,other = encode_picture(x, False, pic.info, 'JPEG'), encode_picture(x, False, pic.info, 'JPEG', quality=80)
err = lambda b: np.abs(read_picture(b).pixels.astype(int) - pic.pixels).mean()
test_eq(err(same) < .5*err(other), True)
test_fail(lambda: encode_picture(x//2, True, {}, 'JPEG'), exc=OutputError, contains='transparency')
test_fail(lambda: format_of('a.xyz'), exc=OutputError, contains='a.xyz')
test_eq([format_like(o) for o in (whole, io.BytesIO(png16(deep, {})))], ['JPEG', 'PNG'])
exif[274] = 6
with warnings.catch_warnings(action='ignore'): bmp = encode_picture(x, False, dict(exif=exif.tobytes()), 'BMP')
test_eq(read_picture(bmp).pixels, np.rot90(pic.pixels, -1))
back = read_picture(encode_picture(x, False, dict(iptc=caption, exif=exif.tobytes()), 'JPEG')).info
test_eq((back['iptc'], back['exif'][:4]), (caption, b'Exif'))
err(same), err(other)

# %% [markdown]
# ## Several pages

# %% [markdown]
# Animations and scans of many pages become one file again: frames with the time that each is shown, and how often they are repeated; pages of a TIFF with what each of them carries. Formats that hold one picture are refused.

# %%
#| export
ANIMATED = 'GIF','WEBP','PNG','AVIF'

def encode_pages(
    pages:list, # of each: HxWx4 of uint8 or uint16, whether the fourth means something, what is carried, milliseconds
    fmt:str, # Pillow's name of the format
    quality:int|None=None, # 1..100 for lossy formats
    loop:int|None=None, # how often an animation is repeated, 0 for ever; None for not at all
) -> bytes: # the content of a file
    "Several colored pictures as one file; `OutputError` if the format cannot hold them"
    if fmt not in (*ANIMATED, 'TIFF'):
        raise OutputError(f'{fmt} holds one picture, not {len(pages)}', 'choose .tif, .gif or .webp, or --pages 1')
    ready = [(*_ready(x, alpha, info, fmt), ms) for x,alpha,info,ms in pages]
    image = lambda x: isinstance(x, Image.Image)
    if fmt == 'TIFF': return tiff([(x if alpha or image(x) else x[...,:3], info) for x,info,alpha,_ in ready])
    if any(not image(x) and x.dtype == np.uint16 for x,*_ in ready):
        warnings.warn(f'{fmt} with several pages is written with 8 bits, not 16', stacklevel=3)
    x8 = lambda x: x if x.dtype == np.uint8 else np.rint(x/257).astype(np.uint8)
    alpha,out = any(a for *_,a,_ in ready),io.BytesIO()
    ims = [x.convert('RGBA' if alpha else 'RGB') if image(x) else to_image(x8(x), alpha) for x,*_ in ready]
    times = [min(max(int(o or 100), 1), 65535) for *_,o in ready]
    options = _options(fmt, ready[0][1], quality) | {'duration': times if len(times) > 1 else times[0]}
    if fmt == 'PNG': options |= {'loop': 1 if loop is None else loop, 'disposal': 0, 'blend': 0}
    if fmt == 'WEBP': options |= {'loop': 1 if loop is None else loop}
    if fmt == 'GIF': options |= {'disposal': 2, 'optimize': False} | ({} if loop is None else {'loop': loop})
    try: ims[0].save(out, fmt, save_all=True, append_images=ims[1:], **options)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as e:
        raise OutputError(f'{fmt} cannot hold these pictures: {e}', 'choose .tif or .png') from e
    return out.getvalue()

# %%
frames = [(np.roll(x[:64,:80], 8*i, 1), False, {}, 40 + 10*i) for i in range(3)]
for fmt in ('GIF', 'WEBP', 'PNG'):
    im = Image.open(io.BytesIO(encode_pages(frames, fmt, loop=0)))
    times = []
    for i in range(3):
        im.seek(i)
        im.load()
        times.append(im.info['duration'])
    test_eq((im.n_frames, times, im.info['loop']), (3, [40, 50, 60], 0))
test_fail(lambda: encode_pages(frames, 'JPEG'), exc=OutputError, contains='one picture, not 3')
test_eq(Image.open(io.BytesIO(encode_pages(frames, 'TIFF'))).n_frames, 3)

# %% [markdown]
# ## What we have
#
# - `encode_picture`, which hands on profile, words, resolution and the tables of a JPEG, and keeps 16 bits;
# - `encode_pages`, for animations and for scans of many pages;
# - a warning for whatever a format cannot hold.

# %% [markdown]
# ## Exercises
#
# 1. Replace filter 1 in `png16` by the difference from the pixel above. For which pictures is the file smaller?
# 2. A GIF has 256 colors a frame. How far is the lightness of a colored GIF from the gray one's, and would one table for all frames be better?
