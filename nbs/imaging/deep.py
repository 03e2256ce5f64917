# %% [markdown]
# # Sixteen bits
#
# > All the bits of deep PNG, TIFF, PPM and JPEG 2000 files, by decoders that give half of them
#
# Scanners and raw converters write 65,536 steps a channel instead of 256, and a colored sky shows the difference. Pillow opens such files and keeps the upper byte of every number; some, whose planes are stored one after the other, it even mixes up, and others it does not open at all. A library for deep files would weigh more than the rest of the installation. But the decoders inside Pillow are good, and they do what they are told about the bytes. So we describe the same bytes to them in another way, such that nothing is thrown away: `deep_samples` gives all the bits of PNG, TIFF, PPM and JPEG 2000 files, with any compression that Pillow knows.

# %%
#| default_exp imaging.deep

# %%
#| export
import io, re, struct
from dataclasses import dataclass
import numpy as np
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

# %%
#| hide
import tempfile
from pathlib import Path
import tifffile
from fastcore.test import *

# %%
#| export
@dataclass
class Samples:
    "The numbers of a deep file"
    x:np.ndarray # HxW or HxWxC, uint16 or float32; uint8 in a BigTIFF that Pillow does not open
    alpha:np.ndarray|None=None # HxW, of the same type
    space:str='RGB' # 'gray', 'RGB', 'CMYK' or 'Lab'
    bits:int|None=None # of a number in the file; None for those of `x`

# %% [markdown]
# ## PNG

# %% [markdown]
# The decoder is told by a name, the *raw mode*, how the bytes of a pixel lie: `RGB;16B` means three numbers of two bytes, the high one first, of which it keeps the high ones. Told `RGB;16L`, the low one first, it keeps exactly the bytes that it threw away before. So we decode twice and put the halves together, $v = 256\,v_\text{high} + v_\text{low}$. Gray with transparency has four bytes a pixel, just as many as four channels of 8 bits: told `RGBA`, Pillow hands out all four at once.

# One color of a PNG can be declared transparent, by its 16-bit number. It is compared with the whole number, of course; half of it would make other colors transparent as well.

# %%
#| export
def _as_told(content:bytes, raw:str, mode:str) -> np.ndarray:
    "The bytes of a PNG, decoded under another raw mode"
    im = Image.open(io.BytesIO(content))
    im.tile = [type(t)(*t[:3], raw) if hasattr(t, '_fields') else (*t[:3], raw) for t in im.tile]
    im._mode = mode
    im.load()
    return np.asarray(im)

def _png(im:Image.Image, content:bytes) -> Samples|None:
    "All bits of a PNG; None if it has eight"
    raw,clear = str(im.tile[0][3]) if im.tile else '', im.info.get('transparency')
    if raw == 'LA;16B':
        x = _as_told(content, 'RGBA', 'RGBA').view('>u2').astype(np.uint16)
        return Samples(x[...,0], x[...,1], 'gray')
    if raw == 'I;16B': x,space = np.asarray(im).astype(np.uint16),'gray'
    elif raw in ('RGB;16B', 'RGBA;16B'):
        high,low = (_as_told(content, raw[:-1] + o, raw[:-4]) for o in 'BL')
        x,space = high.astype(np.uint16)<<8 | low,'RGB'
    else: return None
    if space == 'RGB' and x.shape[2] == 4: return Samples(x[...,:3], x[...,3])
    same = None if clear is None else (x == np.asarray(clear)).reshape(*x.shape[:2], -1).all(-1)
    return Samples(x, None if clear is None else np.where(same, 0, 65535).astype(np.uint16), space)

# %% [markdown]
# ## TIFF

# %% [markdown]
# A TIFF file is a directory of tags, which say how the pixels are cut into strips or tiles and compressed, and those pieces. The same pieces can be described by other tags. A row of 100 pixels with three numbers each is also a row of 300 gray pixels, and gray pixels of 16 or 32 bits come out of Pillow whole. Planes that lie one after the other are as many gray pictures. So we write a second directory behind the file, let its head point there, and open it.

# One thing has to be undone by hand. Many files store differences from the pixel to the left, and "the pixel to the left" is three numbers away for us and one for the decoder; so the tag that says so is left out, and the differences are added up in NumPy.

# %%
#| export
def is_tiff(content:bytes) -> bool: return content[:2] in (b'II', b'MM')

def tiff_pages(
    content:bytes, # of a file
    most:int=10000, # pages at the most
) -> list: # dictionaries of tags
    "The directories of a TIFF or BigTIFF file, as far as they can be read"
    fp,pages = io.BytesIO(content),[]
    ifd = ImageFileDirectory_v2(content[:2] + (b'*\0' if content[:2] == b'II' else b'\0*') + content[4:8])
    ifd._bigtiff,at,seen = 43 in content[2:4],ifd.next,set() # Pillow overlooks a BigTIFF of the other byte order
    if ifd._bigtiff: at, = struct.unpack_from('<Q' if content[:2] == b'II' else '>Q', content, 8)
    while at and at not in seen and at < len(content) and len(pages) < most:
        seen.add(at)
        fp.seek(at)
        ifd.load(fp)
        pages.append(dict(ifd))
        at = ifd.next
    return pages

def _described(content:bytes, tags:dict) -> bytes:
    "The same file with another first directory, of numbers of four bytes, as a plain TIFF"
    order,at = '<' if content[:2] == b'II' else '>',len(content) + len(content)%2
    entries,more = [],b''
    for tag,values in sorted(tags.items()):
        packed,one = struct.pack(f'{order}{len(values)}L', *values),len(values) == 1
        where = packed if one else struct.pack(order + 'L', at + 6 + 12*len(tags) + len(more))
        entries.append(struct.pack(order + 'HHL', tag, 4, len(values)) + where)
        more += b'' if one else packed
    head = (b'II*\0' if order == '<' else b'MM\0*') + struct.pack(order + 'L', at)
    ifd = struct.pack(order + 'H', len(tags)) + b''.join(entries) + bytes(4)
    return head + content[8:].ljust(at - 8, b'\0') + ifd + more

# %%
#| export
class _Retold(TiffImageFile):
    "A TIFF whose width is that of our story; the picture's own number of pixels was looked at before"
    def load_prepare(self): ImageFile.ImageFile.load_prepare(self)

def _gray_plane(content:bytes, tags:dict, n:int, plane:int, planes:int) -> np.ndarray:
    "The numbers of `n` interleaved channels, or of one plane, as HxWxn"
    w,h,several = tags[256],tags[257],lambda v: v if isinstance(v, tuple) else (v,)
    bits,tiled = several(tags[258])[0],324 in tags
    new = {256: (w*n,), 257: (h,), 258: (bits,), 259: (tags.get(259, 1),), 262: (1,), 277: (1,)}
    if bits == 32: new[339] = several(tags.get(339, 1))[:1]
    for t in (324, 325) if tiled else (273, 279):
        v = several(tags[t])
        new[t] = v[len(v)*plane//planes:len(v)*(plane + 1)//planes]
    new |= {322: (tags[322]*n,), 323: (tags[323],)} if tiled else {278: (min(tags.get(278, h), h),)}
    Image._decompression_bomb_check((w, h))
    im = _Retold(io.BytesIO(_described(content, new)))
    im.load()
    x = np.array(im).reshape(h, w, n)
    x = x.astype(x.dtype.newbyteorder('='), copy=False)
    if tags.get(317, 1) == 2:
        x = x.view(f'u{bits//8}')
        step = tags[322] if tiled else w
        for i in range(0, w, step): np.cumsum(x[:,i:i+step], 1, x.dtype, x[:,i:i+step])
    return x

# %%
#| export
def _tiff(content:bytes, page:int) -> Samples|None:
    "All bits of a page; None where Pillow's own way is right"
    pages = tiff_pages(content, page + 1)
    if page >= len(pages): return None
    tags,several = pages[page],lambda v: v if isinstance(v, tuple) else (v,)
    n,photo,kind = tags.get(277, 1),tags.get(262, 0),several(tags.get(339, 1))[0]
    bits,apart = {*several(tags.get(258, 1))},tags.get(284, 1) == 2
    space = {0: 'gray', 1: 'gray', 2: 'RGB', 5: 'CMYK', 8: 'Lab'}.get(photo)
    other = content[:4] == b'MM\0+' # a BigTIFF that Pillow does not open
    if bits not in ({16}, {32}, {8} if other else ()) or kind not in (1, 3) or not space: return None
    if tags.get(317, 1) == 3 and n > 1 or n == 1 and not (photo == 0 and kind == 1 or other): return None
    planes = [_gray_plane(content, tags, 1, i, n) for i in range(n)] if apart else [_gray_plane(content, tags, n, 0, 1)]
    x = np.concatenate(planes, 2)
    if kind == 3: x = x.astype(np.float32) if bits == {32} else x.view(np.float16).astype(np.float32)
    elif bits == {32}: x = (x.view(np.uint32)>>16).astype(np.uint16)
    colors,extra = {'RGB': 3, 'Lab': 3, 'CMYK': 4}.get(space, 1),several(tags.get(338, ()))
    clear = next((colors + i for i,o in enumerate(extra) if o in (1, 2) and colors + i < n), None)
    if not extra and n == colors + 1 and colors == 3: clear = 3
    alpha,x = None if clear is None else x[...,clear],x[...,:colors]
    if clear is not None and extra and extra[clear - colors] == 1: x = _freed(x, alpha)
    if photo == 0: x = (255 if bits == {8} else 65535 if kind == 1 else 1) - x
    return Samples(x[...,0] if colors == 1 else x, alpha, space)

def _freed(x:np.ndarray, alpha:np.ndarray) -> np.ndarray:
    "Colors that were multiplied by their transparency, as they were before"
    top = 65535 if x.dtype == np.uint16 else 1
    out = x*(top/np.maximum(alpha, top/65535).astype(np.float64))[...,None]
    return np.minimum(np.rint(out) if top > 1 else out, top).astype(x.dtype)

# %% [markdown]
# ## JPEG 2000

# %% [markdown]
# Archives keep their masters in JPEG 2000. Of gray Pillow gives all the bits, of color the upper eight. No other description helps here, but another decoder does: PyAV, which this library has for films, brings the one of FFmpeg, to which a picture is a film of one frame. It moves numbers of twelve bits up to the upper end of sixteen. Kinds that it stores otherwise, such as chroma at half the size, are left to Pillow.

# %%
#| export
def jpeg2000_bits(content:bytes) -> int: # 0 if it is none
    "Bits of a number in the first channel of a JPEG 2000, by its marker SIZ"
    at = content.find(b'\xff\x51')
    return (content[at+40] & 127) + 1 if 0 <= at < len(content) - 40 else 0

def _jpeg2000(im:Image.Image, content:bytes) -> Samples|None:
    "All bits of a JPEG 2000 in color; None where Pillow gives as many, or FFmpeg has it in another form"
    bits = jpeg2000_bits(content)
    if not 8 < bits <= 16 or im.mode not in ('RGB', 'RGBA'): return None
    import av
    try:
        codec = av.CodecContext.create('jpeg2000', 'r')
        codec.thread_count = 1
        f = next(iter(codec.decode(av.Packet(content)) or codec.decode(None)), None)
    except av.FFmpegError: return None
    if f is None or f.format.name != {'RGB': 'rgb48le', 'RGBA': 'rgba64le'}[im.mode] or (f.width, f.height) != im.size:
        return None
    x = f.to_ndarray()
    if bits < 16: x = np.rint((x >> (16 - bits))*np.float32(65535/(2**bits - 1))).astype(np.uint16)
    return Samples(np.ascontiguousarray(x[...,:3]), x[...,3] if im.mode == 'RGBA' else None, 'RGB', bits)

# %% [markdown]
# ## PPM, and all four together

# %% [markdown]
# A PPM file is a line of words and then the numbers, the high byte first where there are more than 255 steps; Pillow divides them down to 8 bits. The number of steps is written in the file and need not be 65,536.

# %%
#| export
def _ppm(content:bytes) -> Samples|None:
    "All bits of a binary PPM or PGM; None if it has eight"
    gap = rb'(?:\s+(?:#[^\n]*\n\s*)*)'
    m = re.match(rb'P([56])' + gap + rb'(\d+)' + gap + rb'(\d+)' + gap + rb'(\d+)\s', content[:4096])
    if not m or not 255 < int(m[4]) < 65536: return None
    n,w,h,top = 3 if m[1] == b'6' else 1,int(m[2]),int(m[3]),int(m[4])
    if len(content) - m.end() < 2*n*w*h: raise OSError('image file is truncated')
    x = np.frombuffer(content, '>u2', n*w*h, m.end()).astype(np.uint16).reshape(h, w, n)
    if top < 65535: x = np.rint(np.minimum(x, top)*np.float32(65535/top)).astype(np.uint16)
    return Samples(x if n == 3 else x[...,0], None, 'RGB' if n == 3 else 'gray')

def deep_samples(
    im:Image.Image|None, # as Pillow opened it, or None if it could not
    content:bytes, # of the file
    page:int=0, # of a TIFF
) -> Samples|None:
    "Every bit of a file that has more than Pillow gives, or None"
    if content[:4] in (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+'): return _tiff(content, page)
    if im is None: return None
    if im.format == 'JPEG2000': return _jpeg2000(im, content)
    return _png(im, content) if im.format == 'PNG' else _ppm(content) if im.format == 'PPM' else None

# %% [markdown]
# The library tifffile writes files in many ways, independently of us: two byte orders, planes together and apart, strips and tiles, compressed or not, with differences or without, and BigTIFF. Every number must come back.

# %%
folder,rng = Path(tempfile.mkdtemp()),np.random.default_rng(0)
x = rng.integers(0, 65536, (37, 53, 4), np.uint16)
def back(x, **how):
    "What is read of a file that tifffile wrote"
    tifffile.imwrite(folder/'a.tif', x, **how)
    return deep_samples(None, (folder/'a.tif').read_bytes())

for order in '<>':
    for how in ({}, dict(compression='zlib', predictor=2), dict(compression='zlib', tile=(16, 32)),
                dict(bigtiff=True), dict(compression='zlib', predictor=2, tile=(16, 32), bigtiff=True)):
        test_eq(back(x[...,:3], photometric='rgb', byteorder=order, **how).x, x[...,:3])
        apart = dict(photometric='rgb', planarconfig='separate', extrasamples=[2], byteorder=order)
        got = back(np.moveaxis(x, -1, 0), **apart, **how)
        test_eq(np.dstack([got.x, got.alpha]), x)
test_eq(back(x[...,0], photometric='miniswhite').x, 65535 - x[...,0])
got = back(x[...,:2], photometric='minisblack', extrasamples=[2])
test_eq((got.space, got.x.tolist(), got.alpha.tolist()), ('gray', x[...,0].tolist(), x[...,1].tolist()))
light = rng.random((9, 8, 3), np.float32)
test_eq(back(light, photometric='rgb').x, light)
test_eq(back(x, photometric='separated').space, 'CMYK')
test_eq(back((x[...,:3]>>8).astype(np.uint8), photometric='rgb'), None)
got.x[:2,:3]

# %% [markdown]
# The same for PNG: gray, color, each with transparency, and one color that is declared transparent. At the end a PPM file with 4,096 steps: its middle and its top become those of sixteen bits.

# %%
def png(color, pixels, *chunks):
    "A 16-bit PNG, row by row as it is"
    import zlib
    chunk = lambda name,body: struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))
    h,w = pixels.shape[:2]
    rows = b''.join(b'\0' + row.astype('>u2').tobytes() for row in pixels)
    head = chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, 16, color, 0, 0, 0))
    body = [head, *(chunk(*o) for o in chunks), chunk(b'IDAT', zlib.compress(rows)), chunk(b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(body)

def deep_png(*args):
    content = png(*args)
    im = Image.open(io.BytesIO(content))
    return deep_samples(im, content)

for color,n in ((4, 2), (2, 3), (6, 4), (0, 1)):
    got = deep_png(color, x[...,:n])
    test_eq(np.dstack([o for o in (got.x, got.alpha) if o is not None]), x[...,:n])
near = np.array([[700, 701, 65000]], np.uint16)
test_eq(deep_png(0, near, (b'tRNS', struct.pack('>H', 700))).alpha, [[0, 65535, 65535]])
three = near[...,None].repeat(3, 2)
test_eq(deep_png(2, three, (b'tRNS', struct.pack('>3H', 701, 701, 701))).alpha, [[65535, 0, 65535]])
ppm = b'P6 # a scan\n53 37\n65535\n' + x[...,:3].astype('>u2').tobytes()
test_eq(deep_samples(Image.open(io.BytesIO(ppm)), ppm).x, x[...,:3])
pgm = b'P5 3 1 4095\n' + struct.pack('>3H', 0, 2048, 4095)
deep_samples(Image.open(io.BytesIO(pgm)), pgm).x

# %% [markdown]
# FFmpeg writes JPEG 2000 as well, without losses if it is asked to. Every number comes back, of sixteen bits as it was and of twelve as its share of the largest.

# %%
def jpeg2000(x, fmt):
    "A JPEG 2000 without losses"
    import av
    from fractions import Fraction
    codec = av.CodecContext.create('jpeg2000', 'w')
    codec.width,codec.height,codec.pix_fmt,codec.time_base = x.shape[1],x.shape[0],fmt,Fraction(1, 24)
    codec.options = dict(format='jp2', pred='dwt53')
    f = av.VideoFrame.from_ndarray(np.ascontiguousarray(x), fmt)
    return b''.join(bytes(p) for p in [*codec.encode(f), *codec.encode(None)])

for y,fmt,bits in ((x[...,:3], 'rgb48le', 16), (x, 'rgba64le', 16), (x[...,:3] >> 4, 'gbrp12le', 12)):
    content = jpeg2000(y, fmt)
    got = deep_samples(Image.open(io.BytesIO(content)), content)
    test_eq((jpeg2000_bits(content), got.bits), (bits, bits))
    back = np.dstack([o for o in (got.x, got.alpha) if o is not None])
    assert np.abs(back - y*(65535/(2**bits - 1))).max() <= (0 if bits == 16 else .51)
gray = jpeg2000(x[...,0], 'gray16le')
test_eq(deep_samples(Image.open(io.BytesIO(gray)), gray), None) # Pillow itself gives them
got.x[0,0]

# %% [markdown]
# ## What we have
#
# - `deep_samples`, all bits of PNG, TIFF, PPM and JPEG 2000 files, also of those that Pillow mixes up or refuses;
# - `tiff_pages`, the tags of every page.

# %% [markdown]
# ## Exercises
#
# 1. TIFF knows a predictor for floats (the tag's value 3), which stores differences of single bytes. Undo it by hand as well.
# 2. AVIF has ten or twelve bits, of which Pillow gives 8, and FFmpeg reads it too. What else than the numbers has to be known of such a file?
