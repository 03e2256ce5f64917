"Damaged pictures: each ends in a picture or in a ColorbookError that names it, never in something else"
import importlib.util, io, time, warnings
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image
import book
from colorbook.core import ColorbookError, InputError
from colorbook.imaging.io import read_picture
from colorbook.imaging.opening import open_image

spec = importlib.util.spec_from_file_location('adversarial', book.ROOT/'benchmarks'/'adversarial.py')
adversarial = importlib.util.module_from_spec(spec)
spec.loader.exec_module(adversarial)
WHOLE = adversarial.whole()


def test_the_formats_are_all_that_pillow_writes():
    assert {o.split()[0] for o in WHOLE} >= set('BMP GIF ICO JPEG JPEG2000 PCX PNG PPM SGI TGA TIFF WEBP AVIF'.split())
    assert {o.split()[0] for o in WHOLE} >= {*Image.SAVE} - set('BUFR GRIB HDF5 WMF FITS'.split())
    assert 'HEIF RGB' in WHOLE


@pytest.mark.parametrize('part', range(5))
def test_damaged_pictures(tmp_path, part):
    "A hundred and fifty of them; `python benchmarks/adversarial.py` has the two thousand"
    found = []
    for name,content in adversarial.damaged(30, 100 + part):
        (tmp_path/name).write_bytes(content)
        start = time.perf_counter()
        found.append(adversarial.outcome(tmp_path/name))
        assert time.perf_counter() - start < adversarial.SECONDS, name
    assert {*found} <= {'picture', 'InputError', 'OutputError'} and found.count('InputError') > 3


@pytest.mark.parametrize('name', [o for o in WHOLE if o.split()[0] not in ('EPS', 'PDF', 'PALM', 'XBM')])
def test_whole_pictures_are_read(name):
    "The seeds of the damage themselves are pictures"
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        assert read_picture(WHOLE[name]).shape == (40, 56) or name.split()[0] in ('ICO', 'ICNS', 'CUR')


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.lists(st.tuples(st.integers(0, 2**16), st.binary(max_size=8)), max_size=6),
       st.integers(0, 2**16))
def test_the_reading_path_raises_nothing_else(name, edits, end):
    content = bytearray(WHOLE[name])
    for at,new in edits: content[at%len(content):at%len(content) + len(new)] = new
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try: read_picture(bytes(content[:end or None]))
        except ColorbookError as e: assert e.what and e.remedy


class Odd(Exception): "An error that no library documents"


@pytest.mark.parametrize('error', [
    Odd, ValueError, MemoryError, RecursionError, AssertionError, SystemError, SyntaxError])
def test_any_error_of_a_decoder_is_ours(monkeypatch, error):
    "A PSD with a wrong header once ended in a ValueError"
    content = WHOLE['PNG RGB']
    monkeypatch.setattr(Image.Image, 'getexif', lambda self: {})
    from PIL import PngImagePlugin
    def broken(self): raise error('negative tile size')
    monkeypatch.setattr(PngImagePlugin.PngImageFile, 'load_prepare', broken)
    with pytest.raises(InputError, match='negative tile size'): read_picture(content)
    monkeypatch.setattr(PngImagePlugin.PngImageFile, '_open', broken)
    with pytest.raises(InputError): open_image("'a.png'", content)


def test_a_psd_with_a_wrong_header():
    head = b'8BPS\0\1' + bytes(6) + b'\0\3' + b'\0\0\0\x28\0\0\0\x38' + b'\0\x08\0\3' + bytes(12) + b'\0\0'
    refused = 0
    for i in range(6, len(head)):
        for v in (0, 1, 127, 255):
            try: read_picture(head[:i] + bytes([v]) + head[i+1:] + bytes(40*56*3))
            except InputError: refused += 1
    assert refused > 20


def test_specks_on_a_canvas():
    "524 bytes of an animated WebP say that they are 157 megapixels; a large canvas with frames as large is a picture"
    moving = bytearray(WHOLE['WEBP pages'])
    at = moving.index(b'VP8X') + 12
    moving[at:at+6] = (4000000).to_bytes(3, 'little') + (39).to_bytes(3, 'little')
    start = time.process_time()
    with pytest.raises(InputError, match='most of it is missing'): read_picture(bytes(moving))
    assert time.process_time() - start < 2
    large,out = Image.new('RGB', (4200, 4000)),io.BytesIO()
    large.save(out, 'WEBP', save_all=True, append_images=[Image.new('RGB', (4200, 4000), 'red')], quality=1)
    with pytest.warns(UserWarning, match='only the first'): assert read_picture(out.getvalue()).shape == (4000, 4200)
