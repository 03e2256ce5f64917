"What becomes of which kind of picture: the page kinds.qmd is made here, by coloring one file of each kind"
import io, re, struct, sys, warnings
from pathlib import Path
import numpy as np
import tifffile
from PIL import Image
import book
from colorbook.color.srgb import RGB_TO_XYZ, lab_f, srgb_decode
from colorbook.core import ColorbookError
from colorbook.imaging.colorizer import colorize_bytes
from colorbook.imaging.io import read_picture
from colorbook.imaging.write import png16

PAGE = book.ROOT/'kinds.qmd'
HEAD = '''---
title: "What becomes of which picture and which film"
---

Every row is a small file of one kind that was made, colored and read again by `tests/test_kinds.py`, which also writes
this page: `python tests/test_kinds.py`. *Light* is the largest difference of lightness in units of L*, before and
after, where the format has no losses of its own. *Said* is the note on the way. Films [follow](#films).

| kind | becomes | bits | transparent | pages | light | said |
|---|---|---|---|---|---|---|
'''


def lightness(pic):
    x = pic.pixels/{'u1': 255, 'u2': 65535}.get(pic.dtype.str[1:], 1)
    v = srgb_decode(x)
    return 116*lab_f(v if v.ndim == 2 else v@RGB_TO_XYZ[1]) - 16


def saved(im, fmt, **how):
    out = io.BytesIO()
    im.save(out, fmt, **how)
    return out.getvalue()


def tiff(x, **how):
    out = io.BytesIO()
    tifffile.imwrite(out, x, **how)
    return out.getvalue()


def kinds():
    "Name, content and format wanted, of one small file a kind"
    import pillow_heif
    pillow_heif.register_heif_opener()
    y,x = np.mgrid[:48,:64]
    deep = ((x*800 + y*300)%65536).astype(np.uint16)
    gray,clear = Image.fromarray((deep>>8).astype(np.uint8)),Image.fromarray((x*4).astype(np.uint8))
    la,rgb,cmyk = Image.merge('LA', [gray, clear]),gray.convert('RGB'),gray.convert('CMYK')
    flat = Image.merge('LAB', [gray, *[Image.new('L', gray.size, 0)]*2])
    exif = Image.Exif()
    exif[274] = 6
    three = np.stack([deep]*3, -1)
    many = dict(save_all=True, append_images=[rgb.rotate(90), rgb.rotate(180)])
    whole = saved(gray, 'JPEG', quality=95)
    chunk = dict(icc_profile=wide())
    yield 'JPEG, gray', whole, 'JPEG'
    yield 'JPEG, color', saved(rgb, 'JPEG'), 'JPEG'
    yield 'JPEG, on its side by EXIF', saved(gray, 'JPEG', exif=exif), 'JPEG'
    yield 'JPEG, a wide RGB profile', saved(rgb, 'JPEG', quality=95, **chunk), 'JPEG'
    yield 'JPEG, CMYK', saved(cmyk, 'JPEG'), 'JPEG'
    yield 'JPEG, breaking off', whole[:len(whole)//2], 'JPEG'
    yield 'PNG, 8 bits', saved(gray, 'PNG'), 'PNG'
    yield 'PNG, 8 bits, transparent', saved(la, 'PNG'), 'PNG'
    yield 'PNG, palette, one color transparent', saved(gray.convert('P'), 'PNG', transparency=40), 'PNG'
    yield 'PNG, a wide RGB profile', saved(rgb, 'PNG', **chunk), 'PNG'
    yield 'PNG, 16 bits, gray', saved(Image.fromarray(deep), 'PNG'), 'PNG'
    yield 'PNG, 16 bits, color, transparent', png16(np.dstack([three, deep]), {}), 'PNG'
    yield 'PNG, animated', saved(rgb, 'PNG', **many), 'PNG'
    yield 'PNG, transparent, to JPEG', saved(la, 'PNG'), 'JPEG'
    yield 'TIFF, 16 bits', tiff(deep, photometric='minisblack'), 'TIFF'
    yield 'TIFF, 16 bits, white is zero', tiff(65535 - deep, photometric='miniswhite'), 'TIFF'
    yield 'TIFF, 16 bits, planes', tiff(np.moveaxis(three, 2, 0), photometric='rgb', planarconfig='separate'), 'TIFF'
    both = dict(photometric='minisblack', extrasamples=[2])
    yield 'TIFF, 16 bits, gray, transparent', tiff(np.dstack([deep]*2), **both), 'TIFF'
    yield 'BigTIFF', tiff(three, photometric='rgb', bigtiff=True), 'TIFF'
    yield 'TIFF, floats in 0..1', tiff((three/65535).astype(np.float32), photometric='rgb'), 'TIFF'
    yield 'TIFF, floats below 0', tiff(np.float32(deep) - 600, photometric='minisblack'), 'TIFF'
    yield 'TIFF, 16 bits, Lab', tiff(np.dstack([deep, deep*0, deep*0]), photometric='cielab'), 'TIFF'
    yield 'TIFF, 8 bits, Lab', saved(flat, 'TIFF'), 'TIFF'
    yield 'TIFF, 16 bits, CMYK', tiff(np.dstack([deep*0]*3 + [65535 - deep]), photometric='separated'), 'TIFF'
    yield 'TIFF, three pages', saved(rgb, 'TIFF', **many), 'TIFF'
    yield 'TIFF, three pages, to JPEG', saved(rgb, 'TIFF', **many), 'JPEG'
    yield 'TIFF, 16 bits, to JPEG', tiff(deep, photometric='minisblack'), 'JPEG'
    yield 'GIF', saved(gray, 'GIF'), 'GIF'
    yield 'GIF, animated', saved(rgb, 'GIF', **many), 'GIF'
    yield 'GIF, animated, to WebP', saved(rgb, 'GIF', **many), 'WEBP'
    yield 'WebP', saved(gray, 'WEBP'), 'WEBP'
    yield 'WebP, without losses', saved(rgb, 'WEBP', lossless=True), 'WEBP'
    yield 'WebP, animated', saved(rgb, 'WEBP', **many), 'WEBP'
    yield 'AVIF', saved(rgb, 'AVIF'), 'AVIF'
    yield 'HEIC (extra heif)', saved(rgb, 'HEIF'), 'HEIF'
    yield 'HEIC, to JPEG', saved(rgb, 'HEIF'), 'JPEG'
    yield 'JPEG 2000, 8 bits', saved(rgb, 'JPEG2000'), 'JPEG2000'
    yield 'JPEG 2000, 16 bits, gray', saved(Image.fromarray(deep), 'JPEG2000'), 'JPEG2000'
    yield 'PGM, 16 bits', b'P5 64 48 65535\n' + deep.astype('>u2').tobytes(), 'PPM'
    yield 'BMP', saved(gray, 'BMP'), 'BMP'
    yield 'TGA', saved(rgb, 'TGA'), 'TGA'
    yield 'raw file of a camera that is none', struct.pack('<4sLHHHLLL', b'II*\0', 8, 1, 50706, 1, 4, 0x0401, 0), 'PNG'
    yield 'PDF', b'%PDF-1.4\n' + bytes(200), 'PNG'
    yield 'a text', b'Dear Sir or Madam', 'PNG'


def wide():
    "A profile with the curve and the primaries of Adobe RGB"
    sys.path.insert(0, str(Path(__file__).parent))
    from test_real_files import profile
    return profile('Adobe RGB')


def row(name, content, fmt):
    "A line of the table"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        try: new = colorize_bytes(content, fmt)
        except ColorbookError as e: return f"| {name} | refused | | | | | {re.sub(': .*?;', ';', str(e))} |"
    notes = dict.fromkeys(str(o.message).replace('the picture ', '') for o in said if o.category is UserWarning)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        before,after,im = read_picture(content),read_picture(new),Image.open(io.BytesIO(new))
        pages = getattr(im, 'n_frames', 1)
        off = np.abs(lightness(before) - lightness(after)).max() if before.shape == after.shape else np.nan
    lossy = fmt in ('JPEG', 'GIF', 'AVIF', 'HEIF') or fmt == 'WEBP' and b'VP8L' not in new[:64]
    light = '' if lossy else '< 0.01' if off < .01 else '< 0.5' if off < .5 else f'{off:.1f}'
    bits,clear = 8*after.dtype.itemsize,'' if after.alpha is None else 'kept'
    return f"| {name} | {im.format} | {bits} | {clear} | {pages if pages > 1 else ''} | {light} | {'; '.join(notes)} |"


def page():
    sys.path.insert(0, str(Path(__file__).parent))
    from test_film_kinds import film_table
    return HEAD + '\n'.join(row(*o) for o in kinds()) + '\n' + film_table()


def test_the_page_is_true():
    now = page()
    assert now == PAGE.read_text(), 'run python tests/test_kinds.py'
    rows = [o for o in now.split('## Films')[0].splitlines() if o.startswith('| ')]
    assert len(rows) > 40 and sum('refused' in o for o in rows) == 6
    assert not [o for o in rows if 'refused' not in o and 'TIFF' in o.split('|')[2] and '< 0' not in o]


if __name__ == '__main__': PAGE.write_text(page())
