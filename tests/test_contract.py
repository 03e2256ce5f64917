"The contract of colorize on made-up and real pictures: size, kind, light, gamut, and everything that a file carries"
import io, os, shutil, struct, sys, tarfile, warnings
from pathlib import Path
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageCms, ImageOps
from skimage import color, data
from colorbook import colorize
from colorbook.imaging.colorizer import Colorizer, colorize_bytes, colorize_file, load_model
from colorbook.core import InputError, OutputError, UsageError
from colorbook.imaging.compose import chroma_maps, paint
from colorbook.imaging.io import read_picture

SHARED = Path(os.environ.get('COLORBOOK_DATA') or 'no shared photos')
PHOTOS = {'astronaut': data.astronaut, 'chelsea': data.chelsea, 'rocket': data.rocket, 'camera': data.camera,
          'page': data.page, 'clock': data.clock}
SIZES = [(1, 1), (1, 2), (2, 1), (3, 500), (500, 3), (31, 33), (127, 64), (257, 255)]


def lightness(x):
    "L* of sRGB bytes, 16-bit numbers or floats, by scikit-image"
    x = np.asarray(x)
    x = x.astype(float)/{'uint8': 255, 'uint16': 65535}.get(x.dtype.name, 1)
    return color.rgb2lab(x if x.ndim==3 else np.repeat(x[..., None], 3, 2))[..., 0]


def hue_chroma(x):
    "Hue angle and chroma of sRGB bytes"
    lab = color.rgb2lab(x/{'uint8': 255, 'uint16': 65535}.get(x.dtype.name, 1))
    return np.arctan2(lab[..., 2], lab[..., 1]), np.hypot(lab[..., 1], lab[..., 2])


def same_light(out, x, limit=.5):
    d = np.abs(lightness(out)-lightness(x))
    assert d.max() < limit, d.max()


def made_up(h, w, channels, dtype, seed=0):
    "Noise, a ramp and hard edges, black and white among them"
    rng = np.random.default_rng(seed)
    x = rng.random((h, w, max(channels, 1)))
    x[:h//2] = np.linspace(0, 1, w)[None, :, None]
    x[h//2:, :w//4], x[h//2:, w//4:w//2] = 0, 1
    x = x if channels else x[..., 0]
    top = {'uint8': 255, 'uint16': 65535}.get(np.dtype(dtype).name)
    return np.rint(x*top).astype(dtype) if top else x.astype(dtype)


def saved(im, fmt, **kw):
    out = io.BytesIO()
    im.save(out, fmt, **kw)
    return out.getvalue()


# arrays

@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('channels', [0, 1, 3, 4])
def test_every_size(size, channels):
    x = made_up(*size, channels, np.uint8)
    out = colorize(x)
    assert out.shape==(*size, 4 if channels==4 else 3) and out.dtype==np.uint8
    same_light(out[..., :3], x[..., 0] if channels==1 else x[..., :3] if channels else x)
    if channels==4: assert (out[..., 3]==x[..., 3]).all()


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', '>u2', 'float16', 'float32', 'float64'])
@pytest.mark.parametrize('channels', [0, 3, 4])
def test_every_type(dtype, channels):
    x = made_up(65, 97, channels, dtype)
    out = colorize(x)
    assert out.dtype==x.dtype and out.shape[:2]==(65, 97)
    native = lambda v: v.astype(v.dtype.newbyteorder('='))
    same_light(native(out[..., :3]), native(x[..., :3] if channels else x), .5 if dtype in ('uint8', 'float16') else .1)
    if channels==4: assert (out[..., 3]==x[..., 3]).all()


def test_bool_and_views():
    x = made_up(40, 60, 0, np.uint8)
    out = colorize(x > 128)
    assert out.dtype==np.uint8 and set(np.unique(out)) <= {0, 255}
    wide = made_up(80, 120, 3, np.uint8)
    assert (colorize(wide[::2, ::-2])==colorize(wide[::2, ::-2].copy())).all()
    assert (colorize(np.asfortranarray(wide))==colorize(wide)).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([0, 3]), st.integers(0, 999), st.floats(0, 4))
def test_light_never_moves(h, w, channels, seed, saturation):
    x = np.random.default_rng(seed).integers(0, 256, (h, w, 3) if channels else (h, w), dtype=np.uint8)
    out = colorize(x, saturation=saturation)
    assert out.shape[:2]==(h, w)
    same_light(out, x)


@pytest.mark.parametrize('name', PHOTOS)
@pytest.mark.parametrize('saturation', [1, 3])
def test_light_of_photos(name, saturation):
    x = PHOTOS[name]()
    same_light(colorize(x, saturation=saturation), x)


def shared_photos(n=12):
    "Some photographs of the shared folder, by their bytes"
    tar = SHARED/'photos'/'eval.tar'
    if not tar.exists(): pytest.skip('shared photos are not here')
    with tarfile.open(tar) as t: return [t.extractfile(m).read() for m in t.getmembers()[:n*40:40]]


def test_light_of_shared_photos():
    for raw in shared_photos():
        x = Image.open(io.BytesIO(raw)).convert('RGB')
        same_light(colorize(x), x)


def test_black_white_and_gray_stay():
    grays = np.arange(256, dtype=np.uint8).reshape(16, 16).repeat(4, 0).repeat(4, 1)
    out = colorize(grays, saturation=10)
    assert (out[grays==0]==0).all() and (out[grays==255]==255).all()
    assert (colorize(grays, saturation=0)==grays[..., None]).all()
    assert (colorize(grays[..., None].repeat(3, 2))==colorize(grays)).all()


def test_hue_is_constant_where_chroma_was_reduced():
    "The same maps once mild and once far too strong: the hue of each pixel is the same, its light too"
    g = np.linspace(5, 250, 360).astype(np.uint8)[:, None].repeat(360, 1)
    angle = np.linspace(0, 2*np.pi, 360, dtype=np.float32)[None].repeat(360, 0)
    maps = np.stack([0*angle, 0*angle, np.cos(angle), np.sin(angle)])
    mild, wild = (np.empty((360, 360, 3), np.uint16) for _ in range(2))
    deep = g.astype(np.uint16)*257
    paint(deep, maps, mild, .05)
    paint(deep, maps, wild, 1.)
    (h0, c0), (h1, c1) = hue_chroma(mild), hue_chroma(wild)
    off = np.abs(np.angle(np.exp(1j*(h1-h0))))*c1
    assert (c1 < 109).mean() > .9, 'nearly all of these colors are outside'
    assert off[c0 > 4].max() < .5 and (c1 > c0-.1).all()
    same_light(wild, deep, .02)
    rim = np.minimum(wild.min(-1), 65535-wild.max(-1))
    assert np.quantile(rim[c1 < 105], .99) < 150, 'as strong as the screen allows'


def test_color_follows_the_edges_of_light():
    "A red disk on a gray ground: guided color stops at the edge, where plain enlargement glows"
    y, x = np.mgrid[:512, :512]
    disk = (y-250)**2+(x-260)**2 < 150**2
    L = np.where(disk, .4, .7).astype(np.float32)
    small = L.reshape(256, 2, 256, 2).mean((1, 3))
    ab = np.where(disk, .5, 0).astype(np.float32).reshape(64, 8, 64, 8).mean((1, 3))[None].repeat(2, 0)
    maps = chroma_maps(small, ab)
    big = np.stack([np.asarray(Image.fromarray(m).resize((512, 512), Image.BILINEAR)) for m in maps])
    guided = big[0]*L+big[2]
    plain = np.asarray(Image.fromarray(ab[0]).resize((512, 512), Image.BICUBIC))
    err = lambda a: np.abs(a-np.where(disk, .5, 0)).mean()
    assert err(guided) < .6*err(plain)


# Pillow pictures

MODES = '1 L LA La P PA RGB RGBA RGBa RGBX CMYK YCbCr HSV I F I;16 LAB'.split()


def in_mode(mode):
    im = Image.fromarray(data.chelsea()).resize((90, 61))
    if mode=='La': return im.convert('LA').convert('La')
    if mode=='RGBa': return im.convert('RGBA').convert('RGBa')
    if mode=='I;16': return Image.fromarray(np.asarray(im.convert('L')).astype(np.uint16)*257)
    if mode=='LAB':
        srgb, lab = map(ImageCms.createProfile, ('sRGB', 'LAB'))
        return ImageCms.profileToProfile(im, srgb, lab, outputMode='LAB')
    return im.convert('P').convert('PA') if mode=='PA' else im.convert(mode)


@pytest.mark.parametrize('mode', MODES)
def test_every_mode(mode):
    im = in_mode(mode)
    assert im.mode==mode
    before = im.tobytes()
    out = colorize(im)
    assert isinstance(out, Image.Image) and out.size==im.size and im.tobytes()==before
    assert out.mode==('RGBA' if mode in ('LA', 'La', 'PA', 'RGBA', 'RGBa') else 'RGB')
    plain = Image.fromarray(data.chelsea()).resize((90, 61))
    ref = {'I': 'L', 'F': 'L', 'I;16': 'L', 'LA': 'L', 'La': 'L', 'PA': 'P'}.get(mode, mode)
    ref = ref if ref in ('1', 'L', 'P', 'YCbCr', 'HSV') else 'RGB'
    if mode not in ('CMYK', 'LAB'): same_light(out.convert('RGB'), plain.convert(ref).convert('RGB'))
    else: same_light(out, plain, 3)


def test_transparent_palette_and_color_key():
    im = Image.fromarray(data.chelsea()).resize((50, 40)).convert('P')
    im.info['transparency'] = 7
    out = colorize(im)
    assert out.mode=='RGBA' and (np.asarray(out)[..., 3]==np.where(np.asarray(im)==7, 0, 255)).all()
    gray = Image.fromarray(data.camera()[:40, :50])
    raw = saved(gray, 'PNG', transparency=100)
    out = colorize(raw)
    assert out.mode=='RGBA' and ((np.asarray(out)[..., 3]==0)==(np.asarray(gray)==100)).all()


def test_every_source_is_the_same(tmp_path):
    path = tmp_path/'cat.png'
    Image.fromarray(data.chelsea()).save(path)
    ref = np.asarray(colorize(Image.open(path)))
    with open(path, 'rb') as f:
        for src in (str(path), path, path.read_bytes(), bytearray(path.read_bytes()), f, io.BytesIO(path.read_bytes())):
            out = colorize(src)
            assert isinstance(out, Image.Image) and (np.asarray(out)==ref).all()
    assert (colorize(data.chelsea())==ref).all()


def test_lists():
    x = data.chelsea()
    many = [x, Image.fromarray(x).convert('L'), x[..., 0].astype(np.float32)/255, saved(Image.fromarray(x), 'PNG')]
    out = colorize(many)
    kinds = np.ndarray, Image.Image, np.ndarray, Image.Image
    assert isinstance(out, list) and all(isinstance(o, k) for o,k in zip(out, kinds, strict=True))
    assert (out[0]==colorize(x)).all()
    assert colorize([])==[]


# what a file carries

@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('suffix', ['jpg', 'png', 'tif', 'webp'])
def test_orientation(tmp_path, orientation, suffix):
    "A turned file gives, as viewers show it, what its upright twin gives"
    photo = Image.fromarray(data.rocket()).convert('L').resize((320, 192))
    exif, back = Image.Exif(), {6: 8, 8: 6}.get(orientation, orientation)
    exif[274], exif[271] = orientation, 'Camera'
    turn = lambda im, o: ImageOps.exif_transpose(_tagged(im, o))
    turn(photo, back).save(tmp_path/f'in.{suffix}', exif=exif, **({'lossless': True} if suffix=='webp' else {}))
    out = Image.open(colorize_file(tmp_path/f'in.{suffix}', tmp_path/'out.png'))
    upright = ImageOps.exif_transpose(out)
    assert upright.size==photo.size and out.getexif()[271]=='Camera'
    stored = Image.open(io.BytesIO((tmp_path/f'in.{suffix}').read_bytes()))
    colored = np.asarray(colorize(ImageOps.exif_transpose(stored)))
    assert np.abs(np.asarray(upright).astype(int)-colored).mean() < 1.5
    colorize_file(tmp_path/f'in.{suffix}', tmp_path/f'same.{suffix}')
    assert ImageOps.exif_transpose(Image.open(tmp_path/f'same.{suffix}')).size==photo.size


def _tagged(im, orientation):
    im = im.copy()
    im.getexif()[274] = orientation
    return im


def srgb_bytes(): return ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'tif', 'webp'])
@pytest.mark.parametrize('mode', ['L', 'RGB'])
def test_profile_exif_and_resolution(tmp_path, suffix, mode):
    icc, exif = srgb_bytes(), Image.Exif()
    exif[272], exif[306] = 'Model', '1936:05:04 03:02:01'
    exif.get_ifd(34665)[33434] = .5
    im = Image.fromarray(data.chelsea()).convert(mode)
    im.save(tmp_path/f'in.{suffix}', icc_profile=icc, exif=exif.tobytes(), dpi=(300, 300))
    out = Image.open(colorize_file(tmp_path/f'in.{suffix}', tmp_path/f'out.{suffix}'))
    assert out.format==Image.open(tmp_path/f'in.{suffix}').format and out.size==im.size and out.mode=='RGB'
    assert out.info['icc_profile']==icc
    assert out.getexif()[272]=='Model' and float(out.getexif().get_ifd(34665)[33434])==.5
    if suffix!='webp': assert np.allclose([float(d) for d in out.info['dpi']], 300, atol=.1)
    assert colorize(tmp_path/f'in.{suffix}').info['icc_profile']==icc


@pytest.mark.parametrize('mode', ['L', 'I;16'])
def test_gray_profile_becomes_srgb(tmp_path, mode):
    "A gray profile cannot stay in an RGB file: its tones are carried over"
    tags = struct.pack('>4sII', b'kTRC', 144, 14)
    body = b'curv\0\0\0\0'+struct.pack('>IH', 1, 256)+b'\0\0'
    head = struct.pack('>I4xI4s4s4s12x4s', 144+len(body), 0x02400000, b'mntr', b'GRAY', b'XYZ ', b'acsp')
    icc = head.ljust(68, b'\0')+struct.pack('>3i', 63190, 65536, 54061).ljust(60, b'\0')+struct.pack('>I', 1)+tags+body
    x = np.full((64, 64), 55, np.uint8)  # linear light by this profile
    im = Image.fromarray(x if mode=='L' else x.astype(np.uint16)*257)
    im.save(tmp_path/'in.png', icc_profile=icc)
    out = Image.open(colorize_file(tmp_path/'in.png', tmp_path/'out.tif'))
    assert out.info['icc_profile'][16:20]==b'RGB '
    assert abs(lightness(np.asarray(out)).mean()-(116*np.cbrt(55/255)-16)) < .6


@pytest.mark.parametrize('suffix', ['png', 'tif'])
@pytest.mark.parametrize('channels', [0, 3, 4])
def test_sixteen_bits(tmp_path, suffix, channels):
    x = made_up(71, 93, channels, np.uint16)
    if channels:
        from colorbook.imaging.write import png16, tiff
        info = {'dpi': (600, 600)}
        (tmp_path/f'in.{suffix}').write_bytes(png16(x, info) if suffix=='png' else tiff([(x, info)]))
    else: Image.fromarray(x).save(tmp_path/f'in.{suffix}')
    pic = read_picture(colorize_file(tmp_path/f'in.{suffix}', tmp_path/f'out.{suffix}'))
    assert pic.pixels.dtype==np.uint16
    same_light(pic.pixels, x[..., :3] if channels else x, .02)
    if channels==4: assert (pic.alpha==x[..., 3]).all()
    assert len(np.unique(pic.pixels)) > 256


def test_sixteen_bits_against_other_readers(tmp_path):
    "tifffile reads our TIFF to the last bit; Pillow reads our PNG, chunk checksums included, to the high byte"
    import tifffile
    from colorbook.imaging.write import png16, tiff
    x = made_up(301, 203, 4, np.uint16)
    for y in (x, x[..., :3]):
        (tmp_path/'a.tif').write_bytes(tiff([(y, {})]))
        assert (tifffile.imread(tmp_path/'a.tif')==y).all()
        assert (np.asarray(Image.open(io.BytesIO(png16(y, {}))))==y>>8).all()


@pytest.mark.parametrize('compression', [None, 'zlib'])
@pytest.mark.parametrize('byteorder', '<>')
def test_sixteen_bit_scans_of_other_writers(tmp_path, compression, byteorder):
    import tifffile
    x = made_up(77, 53, 3, np.uint16)
    tifffile.imwrite(tmp_path/'a.tif', x, photometric='rgb', compression=compression, byteorder=byteorder)
    assert (read_picture(tmp_path/'a.tif').pixels==x).all()


@pytest.mark.parametrize('suffix', ['png', 'tif', 'webp'])
def test_alpha(tmp_path, suffix):
    x = made_up(60, 80, 4, np.uint8)
    kw = {'lossless': True, 'exact': True} if suffix=='webp' else {}
    Image.fromarray(x).save(tmp_path/f'in.{suffix}', **kw)
    out = Image.open(colorize_file(tmp_path/f'in.{suffix}', tmp_path/f'out.{suffix}'))
    assert out.mode=='RGBA' and (np.asarray(out)[..., 3]==x[..., 3]).all()
    with pytest.raises(OutputError, match='transparency'): colorize_file(tmp_path/f'in.{suffix}', tmp_path/'out.jpg')
    assert not (tmp_path/'out.jpg').exists()


def test_jpeg_keeps_its_tables(tmp_path):
    im = Image.fromarray(data.astronaut())
    for kw in ({'quality': 97, 'subsampling': 0}, {'quality': 60}):
        im.save(tmp_path/'in.jpg', **kw)
        a, b = Image.open(tmp_path/'in.jpg'), Image.open(colorize_file(tmp_path/'in.jpg', tmp_path/'out.jpg'))
        assert a.quantization==b.quantization and a.layer==b.layer
    low, high = (len(colorize_bytes(tmp_path/'in.jpg', 'JPEG', quality=q)) for q in (30, 95))
    assert low < high/2


def test_gray_jpeg(tmp_path):
    im = Image.fromarray(data.camera())
    im.save(tmp_path/'in.jpg', quality=95)
    out = Image.open(colorize_file(tmp_path/'in.jpg', tmp_path/'out.jpg'))
    assert out.mode=='RGB' and out.quantization[0]==Image.open(tmp_path/'in.jpg').quantization[0]
    assert np.abs(lightness(np.asarray(out))-lightness(np.asarray(Image.open(tmp_path/'in.jpg')))).mean() < 1


# the same bytes

def test_deterministic(tmp_path):
    Image.fromarray(data.rocket()).save(tmp_path/'in.jpg')
    first = colorize_bytes(tmp_path/'in.jpg', 'PNG')
    for _ in range(3): assert colorize_bytes(tmp_path/'in.jpg', 'PNG')==first
    shutil.copy(load_model().path, tmp_path/'copy.onnx')
    assert colorize_bytes(tmp_path/'in.jpg', 'PNG', model=Colorizer(tmp_path/'copy.onnx'))==first


def test_number_of_threads_does_not_matter(tmp_path):
    "One thread for network and painting gives the bytes that all threads give"
    import subprocess
    Image.fromarray(data.rocket()).save(tmp_path/'in.jpg')
    code = ("import os,sys;os.sched_setaffinity(0,{min(os.sched_getaffinity(0))})\n"
            "from colorbook.imaging.colorizer import colorize_file;colorize_file(sys.argv[1],sys.argv[2])")
    subprocess.run([sys.executable, '-c', code, tmp_path/'in.jpg', tmp_path/'one.png'], check=True)
    colorize_file(tmp_path/'in.jpg', tmp_path/'all.png')
    assert (tmp_path/'one.png').read_bytes()==(tmp_path/'all.png').read_bytes()


def test_options_change_something():
    x = data.rocket()
    ref = colorize(x)
    assert (colorize(x, size=512)!=ref).any() and (colorize(x, saturation=.5)!=ref).any()
    for kw in ({'size': 8}, {'size': 9999}, {'saturation': -1}, {'saturation': float('nan')}):
        with pytest.raises(UsageError): colorize(x, **kw)


# what cannot be colored

BAD_ARRAYS = {
    'a NaN': (np.full((4, 4), np.nan), 'NaN'), 'infinity': (np.full((4, 4), np.inf), 'NaN or inf'),
    'bytes as floats': (np.full((4, 4), 200.), 'divide'), 'below zero': (np.full((4, 4), -.5), 'divide'),
    'integers': (np.zeros((4, 4), int), 'uint8'), 'complex': (np.zeros((4, 4), complex), 'uint8'),
    'one dimension': (np.zeros(4, np.uint8), 'shape'), 'a batch': (np.zeros((2, 8, 8, 3), np.uint8), 'list'),
    'five channels': (np.zeros((8, 8, 5), np.uint8), 'shape'),
    'channels first': (np.zeros((3, 8, 8), np.uint8), 'transpose'),
    'no pixels': (np.zeros((0, 8), np.uint8), 'no pixels'), 'objects': (np.array([[None]]), 'uint8')}


@pytest.mark.parametrize('name', BAD_ARRAYS)
def test_bad_arrays(name):
    x, word = BAD_ARRAYS[name]
    with pytest.raises(InputError, match=word) as e: colorize(x)
    assert e.value.remedy


def bad_files(folder):
    whole = saved(Image.fromarray(data.chelsea()), 'JPEG')
    png = saved(Image.fromarray(data.chelsea()), 'PNG')
    yield 'cut.jpg', whole[:len(whole)//2]
    yield 'cut.png', png[:len(png)//2]
    yield 'empty.jpg', b''
    yield 'text.jpg', b'Dear Sir or Madam'
    yield 'broken.png', png[:60]+bytes(40)+png[100:]
    yield 'head.png', png[:20]


def test_bad_files(tmp_path):
    for name, content in bad_files(tmp_path):
        (tmp_path/name).write_bytes(content)
        with pytest.raises(InputError) as e: colorize_file(tmp_path/name, tmp_path/'out.png')
        assert name in str(e.value) and e.value.remedy and e.value.exit_code==3
        assert not (tmp_path/'out.png').exists()
        with pytest.raises(InputError): colorize(content)
    with pytest.raises(InputError, match='nowhere.jpg'): colorize(tmp_path/'nowhere.jpg')
    with pytest.raises(InputError, match='folder'): colorize(tmp_path)
    for x in (None, 7, {}):
        with pytest.raises(InputError, match='cannot be colored'): colorize(x)


def test_too_large(tmp_path, monkeypatch):
    Image.new('L', (400, 300)).save(tmp_path/'big.png')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 50000)
    with pytest.raises(InputError, match='MAX_IMAGE_PIXELS'): colorize(tmp_path/'big.png')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100000)
    with warnings.catch_warnings():
        warnings.simplefilter('error', Image.DecompressionBombWarning)
        assert colorize(tmp_path/'big.png').size==(400, 300)


def test_first_frame_with_a_note(tmp_path):
    frames = [Image.fromarray(data.camera()[i:i+50, :60]) for i in (0, 100)]
    frames[0].save(tmp_path/'two.gif', save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match='2 frames'): out = colorize(tmp_path/'two.gif')
    same_light(out, Image.open(tmp_path/'two.gif').convert('L'))


def test_bad_models(tmp_path):
    (tmp_path/'no.onnx').write_bytes(b'nothing')
    for name, word in (('no.onnx', 'no.onnx'), ('gone.onnx', 'does not exist'), ('.', 'does not exist')):
        model = tmp_path/name
        with pytest.raises(InputError, match=word): colorize(data.camera(), model=model)
    onnx = pytest.importorskip('onnx')
    m = onnx.load(load_model().path)
    for value in (None, 'not json', '{"format": 99}'):
        del m.metadata_props[:]
        if value: onnx.helper.set_model_props(m, {'colorbook': value})
        onnx.save(m, tmp_path/'card.onnx')
        with pytest.raises(InputError, match='card'): Colorizer(tmp_path/'card.onnx')


def test_a_changed_model_is_loaded_again(tmp_path):
    path = tmp_path/'m.onnx'
    path.write_bytes(load_model().path.read_bytes())
    first = load_model(path)
    assert load_model(str(path)) is first
    os.utime(path, (1, 1))
    assert load_model(path) is not first


def test_unknown_suffix_and_unwritable_place(tmp_path):
    Image.fromarray(data.camera()).save(tmp_path/'in.png')
    for dst in ('out', 'out.xyz'):
        with pytest.raises(OutputError, match='suffix'): colorize_file(tmp_path/'in.png', tmp_path/dst)
    with pytest.raises(OutputError, match='cannot write'): colorize_file(tmp_path/'in.png', tmp_path/'in.png'/'x.png')
    assert sorted(p.name for p in tmp_path.iterdir())==['in.png']
