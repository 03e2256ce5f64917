# %% [markdown]
# # Metadata
#
# > Captions, keywords, cameras and dates stay with the picture, and what cannot stay is named
#
# An archive's scan is worth little without its caption. Where the words stand depends on the kind of file: in EXIF, in IPTC records inside a Photoshop block, in XMP, in the texts of a PNG, in a comment. Most programs keep the ones that they know and lose the rest. `carried` collects them all from a picture that Pillow opened, three functions write them the way that JPEG, PNG and TIFF want them, and `not_held` names what another format cannot hold.

# %%
#| default_exp imaging.carried

# %%
#| export
import re, struct, zlib
from contextlib import suppress
from PIL import Image
from PIL.JpegImagePlugin import get_sampling
from colorbook.imaging.profiles import chunk_profile

# %%
#| hide
import io
from fastcore.test import *

# %% [markdown]
# ## Inside of a Photoshop block

# %% [markdown]
# Press agencies describe pictures by IPTC records: caption, keywords, byline. They lie in a block that Photoshop invented, a list of *resources*, each with the letters `8BIM`, a number, a name and its content. Number 1028 holds the records. Numbers 1033 and 1036 are thumbnails of the picture; they would stay gray, so they are left out.

# %%
#| export
_IPTC,_THUMBNAILS = 1028,(1033, 1036)

def photoshop_parts(
    block:bytes, # what follows after 'Photoshop 3.0' in a JPEG, or a TIFF's tag 34377
) -> dict: # each as it stands, and its content, by number
    "The resources of a Photoshop block, as far as it is whole"
    found,at = {},0
    while at + 12 <= len(block) and block[at:at+4] in (b'8BIM', b'MeSa', b'PHUT', b'AgHg', b'DCSR'):
        number,name = struct.unpack_from('>HB', block, at + 4)
        start = at + 6 + (name + 2)//2*2
        if start + 4 > len(block): break
        size, = struct.unpack_from('>L', block, start)
        end = start + 4 + size
        if end > len(block): break
        found[number] = block[at:end] + bytes(size%2),block[start+4:end]
        at = end + size%2
    return found

def _photoshop(block:bytes) -> dict:
    "A block without its thumbnails, and the IPTC records in it"
    parts = photoshop_parts(block)
    rest = b''.join(raw for n,(raw,_) in parts.items() if n not in _THUMBNAILS)
    return {k:v for k,v in dict(photoshop=rest, iptc=parts[_IPTC][1] if _IPTC in parts else b'').items() if v}

def photoshop_block(
    info:dict, # `photoshop`, or `iptc`
) -> bytes:
    "A Photoshop block with what is known"
    if info.get('photoshop') or not (iptc := info.get('iptc')): return info.get('photoshop', b'')
    return struct.pack('>4sHHL', b'8BIM', _IPTC, 0, len(iptc)) + iptc + bytes(len(iptc)%2)

# %%
caption = b'\x1c\x02\x78\0\x06A lake\x1c\x02\x19\0\x05water'
block = photoshop_block(dict(iptc=caption)) + struct.pack('>4sHHL', b'8BIM', 1036, 0, 3) + b'abc\0'
test_eq({k: v[1] for k,v in photoshop_parts(block).items()}, {1028: caption, 1036: b'abc'})
test_eq(_photoshop(block), dict(photoshop=photoshop_block(dict(iptc=caption)), iptc=caption))
test_eq(photoshop_parts(block[:-3]).keys(), {1028})
len(block)

# %% [markdown]
# ## EXIF without its thumbnail

# %% [markdown]
# EXIF is a small TIFF file inside the file, with the camera's settings. Its second directory holds a thumbnail, and a viewer of folders would show that, in gray. Cameras also put notes of their own in, with addresses that count from the beginning of the block, so nothing in it may move. We only cut the connection: the pointer to the second directory becomes zero. The thumbnail mostly lies at the end, where it can be cut off; elsewhere its bytes are cleared.

# %%
#| export
def without_thumbnail(
    exif:bytes, # an EXIF block
) -> bytes: # with everything else where it was
    "An EXIF block whose thumbnail is gone"
    skip = 6 if exif[:6] == b'Exif\0\0' else 0
    try:
        t,order = bytearray(exif[skip:]),{b'II': '<', b'MM': '>'}[exif[skip:skip+2]]
        def entries(at):
            n, = struct.unpack_from(order + 'H', t, at)
            return at + 2 + 12*n,dict(struct.unpack_from(order + 'HxxxxxxL', t, at + 2 + 12*i) for i in range(n))
        pointer,_ = entries(*struct.unpack_from(order + 'L', t, 4))
        second, = struct.unpack_from(order + 'L', t, pointer)
        if not second: return exif
        t[pointer:pointer+4] = bytes(4)
        with suppress(struct.error):
            tags = entries(second)[1]
            at,size = tags.get(513, 0),tags.get(514, 0)
            if at >= second and at + size >= len(t): del t[at:]
            elif at >= second: t[at:at+size] = bytes(size)
        return exif[:skip] + bytes(t)
    except (KeyError, struct.error): return exif

# %%
def exif_with_thumbnail(thumb):
    "A block with a camera's name, a second directory and a picture, put together by hand"
    first = struct.pack('<HHHLLL', 1, 271, 2, 4, int.from_bytes(b'Cam\0', 'little'), 26)
    second = struct.pack('<HHHLLHHLLL', 2, 513, 4, 1, 56, 514, 4, 1, len(thumb), 0)
    return b'Exif\0\0II*\0\x08\0\0\0' + first + second + thumb

block = exif_with_thumbnail(b'\xff\xd8 a small gray picture')
cut,exif = without_thumbnail(block),Image.Exif()
exif.load(cut)
test_eq((exif[271], exif._info.next), ('Cam', 0))
assert b'gray' in block and b'gray' not in cut and cut[6:20] == block[6:20]
test_eq(without_thumbnail(cut), cut)
test_eq(without_thumbnail(b'Exif\0\0nothing'), b'Exif\0\0nothing')
len(block),len(cut)

# %% [markdown]
# ## Everything, from a picture

# %% [markdown]
# Pillow undoes the orientation of a TIFF by itself and takes the tag away; of all other files it leaves the pixels as they are stored. We leave them too: the tag is handed on, and every viewer turns the colored picture as it turned the gray one. The tags of a TIFF that describe how its bytes lie must not be handed on, because ours will lie differently.

# Of a JPEG we also keep the tables by which it was compressed: see [Writing pictures](write.ipynb).

# %%
#| export
LAYOUT_TAGS = {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 282, 283, 284, 296, 301, 317, 318, 319, 320,
               322, 323, 324, 325, 330, 338, 339, 347, 529, 530, 531, 532, 34675, 700, 33723, 34377, 50706}

def _tiff_carried(old, sub) -> dict:
    "EXIF and IPTC among the tags of a TIFF; `sub` gives the directories inside of the directory"
    new,info = Image.Exif(),{}
    for k,v in old.items():
        if k in (34665, 34853): v = sub(k)
        if k not in LAYOUT_TAGS and v is not None: new[k] = v
    raw = lambda v: v.encode('latin1', 'replace') if isinstance(v, str) else bytes(v or ())
    with suppress(ValueError, TypeError): info |= _photoshop(raw(old.get(34377)))
    with suppress(ValueError, TypeError):
        if raw(old.get(33723)): info['iptc'] = raw(old.get(33723))
    with suppress(Exception): info |= {'exif': new.tobytes()} if len(new) else {}
    return info

def tiff_carried(
    tags:dict, # of a page that Pillow does not open
) -> dict: # as of `carried`
    "What the tags of a TIFF say besides its pixels"
    named = {'icc_profile': tags.get(34675), 'xmp': tags.get(700)}
    if 282 in tags and tags.get(296, 2) == 2: named['dpi'] = float(tags[282]),float(tags.get(283, tags[282]))
    return {k: v for k,v in named.items() if v} | _tiff_carried(tags, lambda k: None)

def _png_texts(im:Image.Image) -> dict:
    "The texts of a PNG, without those that are something else in disguise"
    texts = {k: str(v) for k,v in getattr(im, 'text', {}).items()}
    found = {'texts': {k: v for k,v in texts.items() if not re.match('XML:com.adobe.xmp|Raw profile type', k)}}
    if m := re.fullmatch(r'\s*(?:iptc|8bim)\s+\d+\s+([0-9a-fA-F\s]+)', texts.get('Raw profile type iptc', '')):
        with suppress(ValueError):
            block = bytes.fromhex(m[1])
            found |= _photoshop(block) if block[:4] == b'8BIM' else {'iptc': block}
    return {k: v for k,v in found.items() if v}

def _png_profile(im:Image.Image) -> dict:
    "What the chunks gAMA and cHRM of a PNG mean, where it has neither a profile nor says that it is in sRGB"
    said = {k: im.info[v] for k,v in dict(gamma='gamma', places='chromaticity').items() if v in im.info}
    if not said or 'srgb' in im.info or 'icc_profile' in im.info: return {}
    icc = chunk_profile(**said, gray=im.mode[0] in '1LI')
    return {'icc_profile': icc} if icc else {}

# %%
#| export
def carried(
    im:Image.Image, # decoded
) -> dict: # `icc_profile`, `exif`, `xmp`, `dpi`, `comment`, `iptc`, `photoshop`, `texts`, and of a JPEG its tables
    "What a picture carries besides its pixels"
    info = {k:im.info[k] for k in ('icc_profile', 'exif', 'xmp', 'dpi', 'comment') if im.info.get(k)}
    with suppress(Exception):
        if im.format == 'TIFF': info |= _tiff_carried(im.getexif(), im.getexif().get_ifd)
    if im.format == 'PNG': info |= _png_texts(im) | _png_profile(im)
    if im.format == 'JPEG2000': info.pop('comment', None) # says which program wrote it
    if im.format in ('JPEG', 'MPO'):
        info |= {'qtables': list(im.quantization.values()), 'subsampling': max(get_sampling(im), -1)}
        if im.mode == 'L': info['subsampling'] = 2
        head = b'Photoshop 3.0\0'
        info |= _photoshop(b''.join(v[len(head):] for k,v in im.applist if k == 'APP13' and v.startswith(head)))
    if info.get('exif'): info['exif'] = without_thumbnail(b'Exif\0\0' + info['exif'].removeprefix(b'Exif\0\0'))
    if isinstance(info.get('xmp'), str): info['xmp'] = info['xmp'].encode()
    return info

# %% [markdown]
# ## The same, for three formats

# %% [markdown]
# A PNG has texts with names; five of the names have a place in EXIF as well, so that a caption is not lost on the way to a JPEG. The other way round a comment becomes a text. IPTC records in a PNG are written in hexadecimal, as ImageMagick began and exiftool reads.

# %%
#| export
_IN_EXIF = {'Description': 270, 'Title': 270, 'Author': 315, 'Copyright': 33432, 'Software': 305}

def with_texts(
    info:dict, # what is carried
) -> dict: # the same, and the texts in `exif` and `comment`
    "The texts of a PNG in places that other formats have"
    texts,exif = info.get('texts'),Image.Exif()
    if not texts: return info
    with suppress(Exception): exif.load(info.get('exif') or b'')
    new = {_IN_EXIF[k]: texts[k] for k in reversed(_IN_EXIF) if k in texts and _IN_EXIF[k] not in exif}
    for k,v in new.items(): exif[k] = v
    comment = {'comment': texts['Comment'].encode()} if 'Comment' in texts and not info.get('comment') else {}
    return {k: v for k,v in info.items() if k != 'texts'} | ({'exif': exif.tobytes()} if new else {}) | comment

# %%
#| export
def jpeg_segments(
    info:dict, # what is carried
) -> bytes: # for Pillow's `extra`
    "XMP and IPTC as segments of a JPEG"
    segment = lambda n,body: struct.pack('>BBH', 255, n, len(body) + 2) + body
    out,xmp,block = b'',info.get('xmp'),photoshop_block(info)
    if xmp and len(xmp) < 65500: out += segment(0xe1, b'http://ns.adobe.com/xap/1.0/\0' + xmp)
    for i in range(0, len(block), 65000): out += segment(0xed, b'Photoshop 3.0\0' + block[i:i+65000])
    return out

def png_texts(
    info:dict, # what is carried
) -> list: # names and bodies of chunks
    "Texts, XMP and IPTC as chunks of a PNG"
    text = lambda k,v: (b'iTXt', k.encode('latin1', 'replace')[:79] + b'\0\0\0\0\0' + v.encode('utf-8', 'replace'))
    comment = info.get('comment')
    comment = comment.decode('utf-8', 'replace') if isinstance(comment, bytes) else comment
    texts = ({'Comment': comment} if comment else {}) | info.get('texts', {})
    chunks = [text(k, v) for k,v in texts.items()]
    if xmp := info.get('xmp'): chunks.append(text('XML:com.adobe.xmp', xmp.decode('utf-8', 'replace')))
    if block := photoshop_block(info):
        body = f'\niptc\n{len(block):8}\n{block.hex()}\n'.encode()
        chunks.append((b'zTXt', b'Raw profile type iptc\0\0' + zlib.compress(body)))
    return chunks

def tiff_tags(
    info:dict, # what is carried
) -> dict: # values by tag
    "EXIF, profile, XMP, IPTC and resolution as tags of a TIFF"
    exif = Image.Exif()
    with suppress(Exception): exif.load(info.get('exif', b''))
    tags = {k:exif.get_ifd(k) if k in (34665, 34853) else v for k,v in exif.items() if k not in LAYOUT_TAGS}
    named = (34675, 'icc_profile'), (700, 'xmp'), (33723, 'iptc'), (34377, 'photoshop')
    tags |= {t:info[k] for t,k in named if info.get(k)}
    if dpi := info.get('dpi'): tags |= {282:float(dpi[0]), 283:float(dpi[1]), 296:2}
    return tags

# %% [markdown]
# Words that a format has no place for are named, so that nobody finds out years later.

# %%
#| export
_HOLDS = {'JPEG': 'exif xmp iptc comment dpi', 'PNG': 'exif xmp iptc comment dpi texts', 'TIFF': 'exif xmp iptc dpi',
          'WEBP': 'exif xmp', 'AVIF': 'exif xmp', 'HEIF': 'exif xmp', 'GIF': 'comment',
          'BMP': 'dpi', 'MPO': 'exif xmp dpi'}

def not_held(
    info:dict, # what is carried
    fmt:str, # Pillow's name of a format
) -> list: # words for people
    "What a format cannot hold of it"
    new,holds = info if fmt == 'PNG' else with_texts(info),_HOLDS.get(fmt, '').split()
    lost = [o for o in ('exif', 'xmp', 'iptc', 'comment') if new.get(o) and o not in holds]
    if fmt == 'JPEG' and len(new.get('xmp', b'')) >= 65500: lost.append('xmp')
    words = {'exif': 'EXIF', 'xmp': 'XMP', 'iptc': 'IPTC', 'comment': 'the comment'}
    texts = [] if fmt == 'PNG' else [k for k in info.get('texts', {}) if k not in _IN_EXIF and k != 'Comment']
    return [words[o] for o in lost] + [f"the text '{o}'" for o in texts]

# %% [markdown]
# A caption, keywords, two texts and a comment are written into a PNG and read again; then into a JPEG. All but one text arrive there, and `not_held` had said which. The value is what a WebP could not hold.

# %%
from PIL.PngImagePlugin import PngInfo
chunks,png = PngInfo(),io.BytesIO()
info = dict(iptc=caption, xmp=b'<x:xmpmeta/>', texts={'Title': 'Lake', 'Mood': 'Stille über dem See'}, comment=b'seen')
for name,body in png_texts(info): chunks.add(name, body)
Image.new('L', (4, 4)).save(png, 'PNG', pnginfo=chunks)
back = Image.open(png)
back.load()
got = carried(back)
test_eq(got['texts'], info['texts'] | {'Comment': 'seen'})
test_eq((got['iptc'], got['xmp']), (caption, info['xmp']))
jpeg = io.BytesIO()
new = with_texts(info)
Image.new('L', (4, 4)).save(jpeg, 'JPEG', extra=jpeg_segments(new), exif=new['exif'], comment=new['comment'])
got = carried(Image.open(jpeg))
test_eq((got['iptc'], got['xmp'], got['comment']), (caption, info['xmp'], b'seen'))
exif.load(got['exif'])
test_eq(exif[270], 'Lake')
test_eq(not_held(info, 'JPEG'), ["the text 'Mood'"])
test_eq(not_held(info, 'PNG'), [])
not_held(info, 'WEBP')

# %% [markdown]
# ## What we have
#
# - `carried`, everything that a picture says besides its pixels, without gray thumbnails;
# - `jpeg_segments`, `png_texts` and `tiff_tags`, which write it down again;
# - `not_held`, what will be missed.

# %% [markdown]
# ## Exercises
#
# 1. Renew the thumbnail instead of leaving it out: make a small JPEG of the colored picture that is no longer than the old one.
# 2. A WebP file has no place for IPTC records, but for XMP. Write caption and keywords there, as `dc:description` and `dc:subject`.
