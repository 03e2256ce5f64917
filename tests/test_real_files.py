"Pictures as people have them: depths, profiles and words in files, made here and read by other libraries"
import io, struct, warnings, zlib
from fractions import Fraction
import av, numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from skimage import data
from colorbook.color.srgb import RGB_TO_XYZ, lab_f, srgb_decode
from colorbook.core import InputError, OutputError
from colorbook.imaging.carried import carried
from colorbook.imaging.colorizer import colorize_bytes, colorize_file
from colorbook.imaging.io import read_pages, read_picture
from colorbook.imaging.opening import is_hdr, is_shallow, open_image
from colorbook.imaging.profiles import srgb_profile

RNG = np.random.default_rng(3)
GRAY = np.asarray(Image.fromarray(data.camera()).resize((64, 48)))
DEEP = np.clip(GRAY.astype(int)*257 + RNG.integers(-120, 121, GRAY.shape), 0, 65535).astype(np.uint16)
CLEAR = np.linspace(0, 65535, GRAY.size).reshape(GRAY.shape).astype(np.uint16)
pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')


def lightness(x):
    "L* of gray or RGB in sRGB"
    top = {'u1': 255, 'u2': 65535}.get(x.dtype.str[1:], 1)
    v = srgb_decode(x/top)
    return 116*lab_f(v if v.ndim == 2 else v[...,:3]@RGB_TO_XYZ[1]) - 16


def saved(im, fmt, **how):
    out = io.BytesIO()
    im.save(out, fmt, **how)
    return out.getvalue()


def png(color, pixels, *chunks):
    "A 16-bit PNG with its rows as they are"
    chunk = lambda name,body: struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))
    h,w = pixels.shape[:2]
    rows = b''.join(b'\0' + o.astype('>u2').tobytes() for o in pixels)
    parts = [(b'IHDR', struct.pack('>IIBBBBB', w, h, 16, color, 0, 0, 0)), *chunks, (b'IDAT', zlib.compress(rows)),
             (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunk(*o) for o in parts)


def jpeg2000(x, fmt):
    "A JPEG 2000 without losses, by FFmpeg; Pillow writes no deep ones in color"
    codec = av.CodecContext.create('jpeg2000', 'w')
    codec.width,codec.height,codec.pix_fmt,codec.time_base = x.shape[1],x.shape[0],fmt,Fraction(1, 24)
    codec.options = dict(format='jp2', pred='dwt53')
    f = av.VideoFrame.from_ndarray(np.ascontiguousarray(x), fmt)
    return b''.join(bytes(p) for p in [*codec.encode(f), *codec.encode(None)])


# sixteen bits, whatever way they are stored

TIFFS = {
    'white is zero': (65535 - DEEP, dict(photometric='miniswhite')),
    'white is zero, compressed': (65535 - DEEP, dict(photometric='miniswhite', compression='zlib', predictor=2)),
    'planes': (np.stack([DEEP]*3), dict(photometric='rgb', planarconfig='separate')),
    'planes, tiled': (np.stack([DEEP]*3), dict(photometric='rgb', planarconfig='separate', tile=(16, 16))),
    'planes, other byte order': (np.stack([DEEP]*3), dict(photometric='rgb', planarconfig='separate', byteorder='>')),
    'large': (DEEP, dict(bigtiff=True)), 'large, other byte order': (DEEP, dict(bigtiff=True, byteorder='>')),
    'large, in color': (np.stack([DEEP]*3, -1), dict(bigtiff=True, photometric='rgb', compression='zlib')),
    'gray with transparency': (np.stack([DEEP, CLEAR], -1), dict(photometric='minisblack', extrasamples=[2])),
    'color with transparency': (np.stack([DEEP]*3 + [CLEAR], -1), dict(photometric='rgb', extrasamples=[2])),
    'floats in color': (np.stack([DEEP/np.float32(65535)]*3, -1), dict(photometric='rgb')),
    'half floats': (np.stack([DEEP/np.float32(65535)]*3, -1).astype(np.float16), dict(photometric='rgb')),
    '32 bits': (np.stack([DEEP.astype(np.uint32)<<16]*3, -1), dict(photometric='rgb')),
    'inks': (np.stack([np.zeros_like(DEEP)]*3 + [65535 - DEEP], -1), dict(photometric='separated')),
}


@pytest.mark.parametrize('name', TIFFS)
def test_deep_tiffs(tmp_path, name):
    x,how = TIFFS[name]
    tifffile.imwrite(tmp_path/'a.tif', x, description='A caption', **how)
    back = tifffile.imread(colorize_file(tmp_path/'a.tif', tmp_path/'b.tif'))
    assert back.dtype == np.uint16 and back.shape[:2] == DEEP.shape and len(np.unique(back[...,1])) > 256
    assert np.abs(lightness(back) - lightness(DEEP)).max() < (.1 if 'half' in name else .01)
    if 'transparency' in name: assert (back[...,3] == CLEAR).all()
    with tifffile.TiffFile(tmp_path/'b.tif') as f: assert f.pages[0].tags[270].value == 'A caption'
    assert np.ptp(back[...,:3].astype(int), 2).max() > 1000


DEEPS = {
    'png gray, transparent': (png(4, np.stack([DEEP, CLEAR], -1)), 'PNG'),
    'png gray, one value transparent': (png(0, DEEP, (b'tRNS', struct.pack('>H', DEEP[9,9]))), 'PNG'),
    'png color, one value transparent': (
        png(2, np.stack([DEEP]*3, -1), (b'tRNS', struct.pack('>3H', *[DEEP[9,9]]*3))), 'PNG'),
    'pgm': (b'P5\n64 48\n65535\n' + DEEP.astype('>u2').tobytes(), 'PPM'),
    'ppm with a remark': (b'P6\n# a scan\n64 48\n65535\n' + np.stack([DEEP]*3, -1).astype('>u2').tobytes(), 'PPM'),
    'jpeg 2000': (saved(Image.fromarray(DEEP), 'JPEG2000'), 'PNG'),
    'jpeg 2000, color': (jpeg2000(np.stack([DEEP]*3, -1), 'rgb48le'), 'PNG'),
    'jpeg 2000, transparent': (jpeg2000(np.stack([DEEP]*3 + [CLEAR], -1), 'rgba64le'), 'PNG')}


@pytest.mark.parametrize('name', DEEPS)
def test_deep_files(name):
    content,fmt = DEEPS[name]
    pic = read_picture(colorize_bytes(content, fmt))
    assert pic.dtype == np.uint16 and np.abs(lightness(pic.pixels) - lightness(DEEP)).max() < .01
    eight = Image.open(io.BytesIO(colorize_bytes(content, fmt)))  # Pillow reads the upper halves
    assert np.abs(np.asarray(eight)[...,:3].astype(int) - (pic.pixels>>8)).max() <= 1
    if 'transparent' in name:
        want = CLEAR if 'one' not in name else np.where(DEEP == DEEP[9,9], 0, 65535)
        assert (pic.alpha == want).all() and np.ptp(pic.alpha) > 0


def test_twelve_bits_are_not_dark(tmp_path):
    "The values of a 12-bit scan end at 4095"
    bits = np.unpackbits((DEEP>>4).astype('>u2').view(np.uint8).reshape(-1, 2), axis=1)[:,4:]
    raw,at = np.packbits(bits).tobytes(),8 + 2 + 12*9 + 4
    tags = [(256, 64), (257, 48), (258, 12), (259, 1), (262, 1), (273, at), (277, 1), (278, 48), (279, len(raw))]
    ifd = struct.pack('<H', len(tags)) + b''.join(struct.pack('<HHLL', t, 4, 1, v) for t,v in tags) + bytes(4)
    assert np.abs(lightness(read_picture(b'II*\0\x08\0\0\0' + ifd + raw).pixels) - lightness(DEEP)).max() < .05


def test_a_profile_of_ours_is_always_the_same():
    "LittleCMS writes the second in which it made a profile"
    assert srgb_profile()[24:36] == struct.pack('>6H', 2000, 1, 1, 0, 0, 0)
    made = ImageCms.getOpenProfile(io.BytesIO(srgb_profile()))
    assert 'sRGB' in ImageCms.getProfileDescription(made)


def test_what_becomes_eight_bits_is_said():
    with pytest.warns(UserWarning, match='WEBP is written with 8 bits'): colorize_bytes(DEEPS['pgm'][0], 'WEBP')
    color = saved(Image.fromarray(DEEP), 'JPEG2000')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        read_picture(color)
    twelve = jpeg2000(np.stack([DEEP>>4]*3, -1), 'gbrp12le')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        pic = read_picture(twelve)
    assert pic.bits == 12 and np.abs(lightness(pic.pixels) - lightness(DEEP)).max() < .05
    with pytest.warns(UserWarning, match='JPEG2000 is written with 8 bits, not 12'): colorize_bytes(twelve, 'JPEG2000')
    half = jpeg2000(np.stack([DEEP]*3, -1), 'yuv444p16le')
    with pytest.warns(UserWarning, match='more than 8 bits, of which Pillow reads 8'): read_picture(half)


# profiles

s15 = lambda *v: struct.pack(f'>{len(v)}i', *(round(o*65536) for o in v))
gamma = lambda g: b'curv\0\0\0\0' + struct.pack('>IHxx', 1, round(g*256))
SRGB_CURVE = b'para\0\0\0\0' + struct.pack('>HH', 3, 0) + s15(2.4, 1/1.055, .055/1.055, 1/12.92, .04045)
L_STAR = b'curv\0\0\0\0' + struct.pack('>I', 1024) + np.rint(np.where((L := np.linspace(0, 100, 1024)) > 8,
    ((L + 16)/116)**3, L/903.3)*65535).astype('>u2').tobytes()
SPACES = {  # colorants in D50, as the makers of the spaces publish them, and the curve
    'Adobe RGB': (((.60974, .31111, .01947), (.20528, .62567, .06087), (.14919, .06322, .74457)), gamma(2.19921875)),
    'Display P3': (((.51512, .24120, -.00105), (.29198, .69225, .04189), (.15710, .06657, .78407)), SRGB_CURVE),
    'ProPhoto': (((.79767, .28804, 0), (.13519, .71188, 0), (.03134, .00009, .82491)), gamma(1.8)),
    'eciRGB': (((.65020, .32030, 0), (.17810, .60210, .06780), (.13590, .07760, .75710)), L_STAR)}


def make_profile(space, **tags):
    "The smallest ICC profile with these tags"
    at,table,body = 132 + 12*len(tags),struct.pack('>I', len(tags)),b''
    for name,value in tags.items():
        value += bytes(-len(value)%4)
        table += struct.pack('>4sII', name.encode(), at + len(body), len(value))
        body += value
    head = struct.pack('>I4xI4s4s4s12x4s', at + len(body), 0x02400000, b'mntr', space, b'XYZ ', b'acsp')
    return head.ljust(68, b'\0') + s15(.9642, 1, .8249).ljust(60, b'\0') + table + body


def profile(name):
    if name == 'sRGB': return srgb_profile()
    if name.startswith('gray'): return make_profile(b'GRAY', kTRC=gamma(float(name[5:])))
    colorants,curve = SPACES[name]
    tags = {f'{o}XYZ': b'XYZ \0\0\0\0' + s15(*c) for o,c in zip('rgb', colorants)}
    return make_profile(b'RGB ', **tags, **{f'{o}TRC': curve for o in 'rgb'})


def true_lightness(name, v):
    "L* of a gray value in 0..1, by the formula of the space"
    if name == 'sRGB': return 116*lab_f(srgb_decode(v)) - 16
    if name == 'Display P3': return 116*lab_f(srgb_decode(v)) - 16
    if name == 'eciRGB': return 100*v
    g = {'Adobe RGB': 2.19921875, 'ProPhoto': 1.8}.get(name) or float(name[5:])
    return 116*lab_f(v**(round(g*256)/256)) - 16  # a profile has 256 steps for an exponent of 1


@pytest.mark.parametrize('name', ['sRGB', *SPACES, 'gray 1.8', 'gray 2.2'])
@pytest.mark.parametrize('bits', [8, 16])
def test_lightness_through_the_profile(tmp_path, name, bits):
    "The output says by its own profile, which is sRGB, what the input said by its"
    gray = name.startswith('gray')
    x = (GRAY if bits == 8 else DEEP) if gray else np.stack([GRAY if bits == 8 else DEEP]*3, -1)
    tifffile.imwrite(tmp_path/'a.tif', x, photometric='minisblack' if gray else 'rgb', iccprofile=profile(name))
    colorize_file(tmp_path/'a.tif', tmp_path/'b.tif')
    with tifffile.TiffFile(tmp_path/'b.tif') as f: back,icc = f.asarray(),f.pages[0].tags[34675].value
    assert back.dtype == x.dtype and icc == profile('sRGB')
    want = true_lightness(name, (x if gray else x[...,0])/(255 if bits == 8 else 65535))
    worst = np.abs(lightness(back) - want).max()
    print(f'{name} {bits}: {worst:.4f}')
    assert worst < (.5 if bits == 8 else .01)


def with_chunks(content, **chunks):
    "A PNG that says something between its head and its pixels"
    body = {'cICP': bytes, 'gAMA': lambda v: struct.pack('>I', round(v*1e5)), 'sRGB': lambda v: bytes([v]),
            'cHRM': lambda v: struct.pack('>8I', *(round(o*1e5) for o in v))}
    new = [(k.encode(), body[k](v)) for k,v in chunks.items()]
    new = [struct.pack('>I', len(b)) + k + b + struct.pack('>I', zlib.crc32(k + b)) for k,b in new]
    return content[:33] + b''.join(new) + content[33:]


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('exponent', [1, 1.8, 2.2, 2.6])
@pytest.mark.parametrize('color', [False, True])
def test_the_exponent_of_a_png(bits, exponent, color):
    "A chunk gAMA, with no profile, says what the numbers mean; 2.2 stands for sRGB, and sRGB has the last word"
    x = GRAY if bits == 8 else DEEP
    many = np.stack([x]*3, -1) if color else x
    plain = saved(Image.fromarray(many), 'PNG') if bits == 8 else png(2 if color else 0, many)
    srgb = lightness(x)
    v = x/(255 if bits == 8 else 65535)
    want = srgb if exponent == 2.2 else 116*lab_f(v**exponent) - 16
    back = read_picture(colorize_bytes(with_chunks(plain, gAMA=1/exponent), 'PNG'))
    assert np.abs(lightness(back.pixels) - want).max() < (.5 if bits == 8 else .01)
    assert back.dtype == x.dtype
    back = read_picture(colorize_bytes(with_chunks(plain, gAMA=1/exponent, sRGB=0), 'PNG'))
    assert np.abs(lightness(back.pixels) - srgb).max() < (.5 if bits == 8 else .01)


def test_the_primaries_of_a_png():
    "By chunks cHRM and gAMA a photograph is as light as by the profile of Adobe RGB; what is no space is passed over"
    photo = saved(Image.fromarray(data.chelsea()).resize((90, 60)), 'PNG')
    adobe = dict(gAMA=1/2.19921875, cHRM=(.3127, .329, .64, .33, .21, .71, .15, .06))
    by_profile = read_picture(saved(Image.open(io.BytesIO(photo)), 'PNG', icc_profile=profile('Adobe RGB')))
    by_chunks = read_picture(with_chunks(photo, **adobe))
    assert np.abs(lightness(by_chunks.pixels) - lightness(by_profile.pixels)).max() < .02
    assert np.abs(lightness(by_profile.pixels) - lightness(read_picture(photo).pixels)).max() > 1
    for odd in (dict(gAMA=0), dict(cHRM=(0,)*8), dict(gAMA=.6, cHRM=(.3,)*8), dict(cHRM=adobe['cHRM'], sRGB=0)):
        assert (read_picture(with_chunks(photo, **odd)).pixels == read_picture(photo).pixels).all()


def test_a_high_dynamic_range_is_said():
    "What stands in a PNG or AVIF of such a range is taken as it is, and that is said; sRGB by the same words is silent"
    plain = saved(Image.fromarray(GRAY), 'PNG')
    for curve,primaries in ((16, 9), (18, 9), (13, 1)):
        new = with_chunks(plain, cICP=(primaries, curve, 0, 1))
        avif = saved(Image.fromarray(GRAY).convert('RGB'), 'AVIF')
        at = avif.index(b'nclx')
        avif = avif[:at+7] + bytes([curve]) + avif[at+8:]
        for content in (new, avif):
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter('always')
                read_picture(content)
            assert ['high dynamic range' in str(o.message) for o in said] == [True]*(curve != 13)


@pytest.mark.parametrize('name', SPACES)
def test_colors_of_a_wide_space_do_not_become_louder(name):
    "LittleCMS turns the photograph into a space and the result back; its own eight bits cost half a unit"
    photo = Image.fromarray(data.chelsea()).resize((90, 60))
    srgb,icc = ImageCms.createProfile('sRGB'),profile(name)
    wide = ImageCms.profileToProfile(photo, srgb, ImageCms.getOpenProfile(io.BytesIO(icc)))
    with pytest.warns(UserWarning, match='written in sRGB'):
        back = colorize_bytes(saved(wide, 'PNG', icc_profile=icc), 'PNG')
    im = Image.open(io.BytesIO(back))
    assert im.mode == 'RGB' and im.info['icc_profile'] == profile('sRGB')
    assert read_picture(back).dtype == np.uint8
    d = np.abs(lightness(np.asarray(im)) - lightness(np.asarray(photo)))
    assert d.max() < 2 and d.mean() < .4


def test_lab_and_inks(tmp_path):
    "L of a Lab file is kept; black ink is what Pillow makes of it, in 16 bits as well"
    lab = np.zeros((48, 64, 3), np.uint16)
    lab[...,0] = DEEP
    tifffile.imwrite(tmp_path/'a.tif', lab, photometric='cielab')
    back = tifffile.imread(colorize_file(tmp_path/'a.tif', tmp_path/'b.tif'))
    assert back.dtype == np.uint16 and np.abs(lightness(back) - DEEP/655.35).max() < .01
    eight = Image.merge('LAB', [Image.fromarray(GRAY), *[Image.new('L', (64, 48))]*2])
    back = Image.open(io.BytesIO(colorize_bytes(saved(eight, 'TIFF'), 'TIFF')))
    assert np.abs(lightness(np.asarray(back)) - GRAY/2.55).max() < .5
    inks = Image.merge('CMYK', [Image.new('L', (64, 48))]*3 + [Image.fromarray(255 - GRAY)])
    for fmt in ('TIFF', 'JPEG'):
        back = Image.open(io.BytesIO(colorize_bytes(saved(inks, fmt), 'PNG')))
        before = np.asarray(Image.open(io.BytesIO(saved(inks, fmt))).convert('RGB'))
        assert np.abs(lightness(np.asarray(back)) - lightness(before)).max() < .5


def cmyk_profile():
    "A printer's profile with a table of two steps an ink, whose lightness is 100 (1 - K) where there is no other ink"
    table = b''.join(struct.pack('>3H', round(65280*(1 - k)*(1 - .3*(c + m + y)/3)), 32768, 32768)
                     for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1))
    line = struct.pack('>2H', 0, 65535)
    body = b'mft2\0\0\0\0' + struct.pack('>BBBx', 4, 3, 2) + s15(1, 0, 0, 0, 1, 0, 0, 0, 1) + struct.pack('>HH', 2, 2)
    out = make_profile(b'CMYK', A2B0=body + line*4 + table + line*3)
    return out[:12] + b'prtrCMYKLab ' + out[24:]


@pytest.mark.parametrize('bits', [8, 16])
def test_inks_with_a_profile(tmp_path, bits):
    x = np.zeros((48, 64, 4), np.uint8 if bits == 8 else np.uint16)
    x[...,3] = 255 - GRAY if bits == 8 else 65535 - DEEP
    tifffile.imwrite(tmp_path/'a.tif', x, photometric='separated', iccprofile=cmyk_profile())
    back = tifffile.imread(colorize_file(tmp_path/'a.tif', tmp_path/'b.tif'))
    want = GRAY/2.55 if bits == 8 else DEEP/655.35
    assert back.dtype == x.dtype and np.abs(lightness(back) - want).max() < (.5 if bits == 8 else .01)


# words in files

CAPTION = b'\x1c\x02\x78\0\x06A lake\x1c\x02\x19\0\x05water'
XMP = (b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
       b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta><?xpacket end="w"?>')


def with_words(fmt):
    "A gray picture with all that a format holds"
    exif = Image.Exif()
    exif[271],exif[315] = 'Camera','Somebody'
    exif.get_ifd(34665)[33434] = .5
    how = dict(exif=exif.tobytes(), dpi=(300, 300))
    block = b'8BIM\x04\x04\0\0' + struct.pack('>L', len(CAPTION)) + CAPTION + bytes(len(CAPTION)%2)
    block += b'8BIM\x04\x0c\0\0' + struct.pack('>L', 4) + b'THUM'
    if fmt == 'JPEG':
        segment = lambda n,b: b'\xff' + bytes([n]) + struct.pack('>H', len(b) + 2) + b
        xmp,iptc = b'http://ns.adobe.com/xap/1.0/\0' + XMP,b'Photoshop 3.0\0' + block
        how |= dict(extra=segment(0xe1, xmp) + segment(0xed, iptc), comment=b'seen')
    if fmt == 'PNG':
        from PIL.PngImagePlugin import PngInfo
        how['pnginfo'] = PngInfo()
        how['pnginfo'].add_itxt('XML:com.adobe.xmp', XMP.decode())
        how['pnginfo'].add_itxt('Title', 'Stille am See')
        how['pnginfo'].add_text('Mood', 'calm', zip=True)
    if fmt == 'TIFF':
        from PIL.TiffImagePlugin import ImageFileDirectory_v2
        tags = ImageFileDirectory_v2()
        tags[271],tags[315] = 'Camera','Somebody'
        for t,v in ((700, XMP), (33723, CAPTION), (34377, block)): tags.tagtype[t],tags[t] = 7,v
        how = dict(tiffinfo=tags, dpi=(300, 300))
    if fmt in ('WEBP', 'AVIF'): how |= dict(xmp=XMP)
    return saved(Image.fromarray(GRAY), fmt, **how)


def words(content):
    im = Image.open(io.BytesIO(content))
    im.load()
    return carried(im),im


@pytest.mark.parametrize('fmt', ['JPEG', 'PNG', 'TIFF', 'WEBP', 'AVIF'])
@pytest.mark.parametrize('to', ['JPEG', 'PNG', 'TIFF', 'WEBP', 'AVIF'])
def test_words_stay(fmt, to):
    "Whatever the new format can hold is in it; what it cannot is said"
    content = with_words(fmt)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        new = colorize_bytes(content, to)
    old,_ = words(content)
    got,im = words(new)
    assert got['xmp'] == XMP and im.getexif()[271] == 'Camera' and im.getexif()[315] == 'Somebody'
    if fmt != 'TIFF': assert float(im.getexif().get_ifd(34665)[33434]) == .5
    if 'iptc' in old:
        assert got['iptc'] == CAPTION if to in ('JPEG', 'PNG', 'TIFF') else any('IPTC' in str(o.message) for o in said)
    if 'texts' in old:
        if to == 'PNG': assert im.text['Title'] == 'Stille am See' and im.text['Mood'] == 'calm'
        else: assert im.getexif()[270] and any("'Mood'" in str(o.message) for o in said)
    if 'dpi' in old and to in ('JPEG', 'PNG', 'TIFF'):
        assert np.allclose([float(o) for o in im.info['dpi']], 300, atol=.1)
    assert b'THUM' not in new
    if to == 'TIFF': assert tifffile.TiffFile(io.BytesIO(new)).pages[0].tags[700].value == XMP


def test_a_thumbnail_does_not_stay_gray():
    thumb = saved(Image.fromarray(GRAY).resize((16, 12)), 'JPEG')
    first = struct.pack('<HHHLLL', 1, 271, 2, 4, int.from_bytes(b'Cam\0', 'little'), 26)
    second = struct.pack('<HHHLLHHLLL', 2, 513, 4, 1, 56, 514, 4, 1, len(thumb), 0)
    exif = b'Exif\0\0II*\0\x08\0\0\0' + first + second + thumb
    content = saved(Image.fromarray(GRAY), 'JPEG', exif=exif)
    back = colorize_bytes(content, 'JPEG')
    im = Image.open(io.BytesIO(back))
    assert im.getexif()[271] == 'Cam' and (content.count(b'\xff\xd8\xff'), back.count(b'\xff\xd8\xff')) == (2, 1)


@pytest.mark.parametrize('fmt', ['BMP', 'GIF', 'PPM', 'TGA', 'JPEG2000'])
def test_formats_without_a_tag_are_written_upright(fmt):
    exif = Image.Exif()
    exif[274] = 6
    content = saved(Image.fromarray(GRAY), 'JPEG', exif=exif, quality=95)
    im = Image.open(io.BytesIO(colorize_bytes(content, fmt))).convert('L')
    assert np.abs(np.asarray(im).astype(int) - np.rot90(GRAY, -1)).mean() < 8


# several pages

@pytest.mark.parametrize('fmt', ['GIF', 'WEBP', 'PNG', 'AVIF'])
def test_animations_stay_whole(tmp_path, fmt):
    frames = [Image.fromarray(np.roll(GRAY, 9*i, 1)) for i in range(4)]
    how = dict(save_all=True, append_images=frames[1:], duration=[50, 100, 150, 200])
    content = saved(frames[0], fmt, **how, **({} if fmt == 'AVIF' else {'loop': 3}))
    im = Image.open(io.BytesIO(colorize_bytes(content, fmt)))
    assert im.n_frames == 4 and (fmt == 'AVIF' or im.info['loop'] == 3)
    for i in range(4):
        im.seek(i)
        im.load()
        assert im.info['duration'] == 50*(i + 1)
        x = np.asarray(im.convert('RGB')).astype(int)
        assert np.ptp(x, 2).max() > 10 and np.abs(x.mean(2) - np.asarray(frames[i])).mean() < 8
    with pytest.warns(UserWarning, match='4 frames'): assert colorize_bytes(content, 'JPEG')[:2] == b'\xff\xd8'


def test_a_transparent_animation(tmp_path):
    frames = [Image.fromarray(np.dstack([GRAY]*3 + [np.uint8(255)*(np.roll(CLEAR, 5*i, 0) > 30000)])) for i in range(2)]
    content = saved(frames[0], 'GIF', save_all=True, append_images=frames[1:], duration=80, loop=0, disposal=2)
    im = Image.open(io.BytesIO(colorize_bytes(content, 'GIF')))
    assert im.n_frames == 2 and im.info['loop'] == 0
    for i,frame in enumerate(frames):
        im.seek(i)
        assert (np.asarray(im.convert('RGBA'))[...,3] == np.asarray(frame)[...,3]).all()


def test_pages_of_a_scan(tmp_path):
    "All pages, some pages, one page; a smaller copy is no page"
    with tifffile.TiffWriter(tmp_path/'a.tif') as f:
        for i in range(3): f.write(np.roll(DEEP, 9*i, 1), description=f'page {i}', metadata=None)
        f.write(DEEP[::2,::2], subfiletype=1, metadata=None)
    def pages(**how):
        with tifffile.TiffFile(colorize_file(tmp_path/'a.tif', tmp_path/'b.tif', **how)) as f:
            return [(o.asarray(), o.tags[270].value) for o in f.pages]
    every = pages()
    assert [t for _,t in every] == ['page 0', 'page 1', 'page 2']
    for i,(x,_) in enumerate(every): assert np.abs(lightness(x) - lightness(np.roll(DEEP, 9*i, 1))).max() < .01
    assert [t for _,t in pages(pages='2-3')] == ['page 1', 'page 2']
    with pytest.warns(UserWarning, match='3 pages'): colorize_file(tmp_path/'a.tif', tmp_path/'b.png')
    with pytest.warns(UserWarning, match='8 bits, not 16'):
        colorize_file(tmp_path/'a.tif', tmp_path/'b.png', pages='all')
    assert Image.open(tmp_path/'b.png').n_frames == 3
    with pytest.raises(OutputError, match='one picture'): colorize_bytes(tmp_path/'a.tif', 'JPEG', pages='all')
    assert colorize_bytes(tmp_path/'a.tif', 'JPEG', pages='2')


def test_a_page_is_read_as_deep_as_the_file(tmp_path):
    "Page 1 of one picture is the picture; a later page of a BigTIFF that Pillow does not open is there, too"
    content = png(2, np.stack([DEEP]*3, -1))
    (one,*_),whole = next(read_pages(content, '1')),read_picture(content)
    assert one.pixels.dtype == np.uint16 and (one.pixels == whole.pixels).all()
    with tifffile.TiffWriter(tmp_path/'a.tif', bigtiff=True, byteorder='>') as f:
        for i in range(2): f.write(np.stack([np.roll(DEEP, 9*i, 1)]*3, -1), photometric='rgb', metadata=None)
    assert (next(read_pages(tmp_path/'a.tif', '2'))[0].pixels[...,0] == np.roll(DEEP, 9, 1)).all()


def test_channels_are_no_pixels(tmp_path, monkeypatch):
    "The limit of pixels is one of pixels, in 16 bits as in 8"
    tifffile.imwrite(tmp_path/'a.tif', np.stack([DEEP]*3, -1), photometric='rgb', compression='zlib')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', DEEP.size)
    assert (read_picture(tmp_path/'a.tif').pixels[...,0] == DEEP).all()
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', DEEP.size//3)
    with pytest.raises(InputError, match='megapixels'): read_picture(tmp_path/'a.tif')


# telephones and cameras

def test_heic(tmp_path):
    "Size, light, EXIF and the upright way of a HEIC; and ten bits of one"
    pillow_heif = pytest.importorskip('pillow_heif')
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[271] = 'Phone'
    Image.fromarray(GRAY).convert('RGB').save(tmp_path/'a.heic', 'HEIF', exif=exif, quality=95)
    for name in ('b.png', 'b.heic'):
        im = Image.open(colorize_file(tmp_path/'a.heic', tmp_path/name))
        assert im.size == (64, 48) and im.getexif()[271] == 'Phone'
        assert np.ptp(np.asarray(im.convert('RGB')), 2).max() > 10
    deep = pillow_heif.from_bytes('RGB;16', (64, 48), np.stack([DEEP]*3, -1).tobytes())
    deep.save(tmp_path/'c.heic', quality=-1)
    pic = read_picture(colorize_file(tmp_path/'c.heic', tmp_path/'c.png'))
    assert pic.dtype == np.uint16 and np.abs(lightness(pic.pixels) - lightness(DEEP)).mean() < 1
    with pytest.warns(UserWarning, match='HEIF is written with 8 bits, not 10'):
        colorize_file(tmp_path/'c.heic', tmp_path/'d.heic')


def test_a_raw_file(tmp_path):
    "A DNG of one ramp, written here: developed in 16 bits, colored, and its camera's name kept"
    pytest.importorskip('rawpy')
    y,x = np.mgrid[:96,:128]
    unit = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)
    tags = [(50706, 1, 4, (1, 4, 0, 0)), (50707, 1, 4, (1, 1, 0, 0)), (50708, 2, 0, 'Test'), (33421, 3, 2, (2, 2)),
            (33422, 1, 4, (0, 1, 1, 2)), (50710, 1, 3, (0, 1, 2)), (50711, 3, 1, 1), (50714, 4, 1, 0),
            (50717, 4, 1, 65535), (50721, 10, 9, unit), (50728, 5, 3, (1,)*6), (50778, 3, 1, 21),
            (271, 2, 0, 'Maker'), (272, 2, 0, 'Model')]
    raw = (x*300 + y*100 + 2000).astype(np.uint16)
    tifffile.imwrite(tmp_path/'a.dng', raw, photometric=32803, extratags=[(*o, True) for o in tags], metadata=None)
    pic = read_picture(colorize_file(tmp_path/'a.dng', tmp_path/'a.png'))
    L = lightness(pic.pixels)
    assert pic.shape == (96, 128) and pic.dtype == np.uint16 and (np.diff(L[40,8:-8:8]) > 0).all()
    assert Image.open(tmp_path/'a.png').getexif()[271] == 'Maker'


def test_without_the_extra_its_name_is_said(monkeypatch):
    import sys
    for o in ('pillow_heif', 'rawpy'): monkeypatch.setitem(sys.modules, o, None)
    with pytest.raises(InputError, match=r'colorbook\[heif\]'): read_picture(b'\0\0\0\x18ftypheic' + bytes(40))
    dng = struct.pack('<4sLHHHLLL', b'II*\0', 8, 1, 50706, 1, 4, 0x0401, 0)
    with pytest.raises(InputError, match=r'colorbook\[raw\]'): read_picture(dng)


def test_what_the_bytes_of_a_file_say():
    "Bits that Pillow does not give, and a high dynamic range, by single bytes of small files"
    def j2k(im):
        f = io.BytesIO()
        im.save(f, 'JPEG2000')
        return f.getvalue()
    deep,flat = j2k(Image.fromarray(np.zeros((8, 8), np.uint16))),bytearray(j2k(Image.new('RGB', (64, 48))))
    assert not is_shallow(open_image('it', deep), deep)
    im = open_image('it', bytes(flat))
    assert not is_shallow(im, bytes(flat))
    flat[flat.find(b'\xff\x51') + 40] = 15  # it says now that its first channel has 16 bits
    assert is_shallow(im, bytes(flat))
    said = [b'\x89PNG' + bytes(30) + b'cICP\x09' + bytes([o, 0, 1]) for o in (13, 16, 18)]
    said += [b'\0\0\0\x1cftypavif' + bytes(30) + b'colrnclx\0\x09\0' + bytes([o]) for o in (1, 16, 18)]
    assert [is_hdr(o) for o in said] == [False, True, True]*2
