"One colored frame steers its shot: nearer to the truth, nothing else touched, the same after any stop"
import hashlib
from types import SimpleNamespace

import cv2, numpy as np, pytest
from PIL import Image
from skimage import data

from colorbook.video import reference as ref_module
from colorbook.video import colorize as video
from colorbook.cli.app import main
from colorbook.imaging.colorizer import load_model
from colorbook.core import InputError, UsageError
from colorbook.video.read import read_frames, write_clip
from colorbook.data.synthetic import travel
from colorbook.video.steps import with_colors, prepare, watch
from colorbook.video.read import open_reel
from colorbook.video.reference import reference_color, steer, propagate_reference
from colorbook.video.reference import find_frame, load_guide, read_shot
from colorbook.video.model import color_source
from colorbook.video.colorize import colorize_video

SIZE = 64
CAT,CUP,ROCKET = (Image.fromarray(o()) for o in (data.chelsea, data.coffee, data.rocket))


def shots(*lens, size=(96, 64)):
    return [o for im,n in zip((CAT, CUP, ROCKET), lens) for o in travel(im, n, size, (0, .2), (.5, .5))]


@pytest.fixture(scope='module')
def film(tmp_path_factory):
    "Three shots, their true pictures, and a reference in the second"
    home,ims = tmp_path_factory.mktemp('film'),shots(12, 30, 12)
    ims[25].resize((144, 96)).save(home/'25.png')
    return SimpleNamespace(home=home, ims=ims, path=write_clip(ims, home/'a.mp4', rate=25, crf=6), ref=home/'25.png')


def network(film, model=None):
    "What a model answers, with the frames"
    c,s = open_reel(film.path)
    with c: return list(with_colors(prepare(watch(film.path, c, s), SIZE, 32), color_source(model or load_model())))


def rms(a, b): return 110*float(np.sqrt(np.mean(np.square(np.stack(a) - np.stack(b)))))


def test_nearer_to_the_truth_and_nothing_else(film):
    model = load_model()
    own = network(film, model)
    told = load_guide(film.path, film.ref, model, SIZE)
    assert (told.number, told.shot) == (25, 1) and sorted(told.frames) == list(range(12, 42))
    steered = [ab for _,ab in steer(iter(own), told)]
    truth = [reference_color(im, o.L.shape, ab.shape[1:]) for im,(o,ab) in zip(film.ims, own)]
    plain = [ab for _,ab in own]
    assert all(steered[i] is plain[i] for i in (*range(12), *range(42, 54))), 'other shots, bit for bit'
    part = slice(12, 42)
    assert rms(steered[part], truth[part]) < .4*rms(plain[part], truth[part])
    assert rms(steered[part], truth[part]) < .7*rms([truth[25]]*30, truth[part]), 'better than no motion'
    assert rms(steered[25:26], truth[25:26]) < .2*rms(plain[25:26], truth[25:26])
    near,far = (rms([steered[i] for i in o], [truth[i] for i in o]) for o in ((24, 26), (12, 41)))
    assert near < far


def test_what_the_network_says_itself_changes_next_to_nothing(film):
    own = network(film)[12:42]
    lights = [np.rint(o.L*255).astype(np.uint8) for o,_ in own]
    told = propagate_reference(lights, 13, 25, 1, own[13][1], own[13][1])
    steered = [ab for _,ab in steer(iter(own), told)]
    truth = [reference_color(im, o.L.shape, ab.shape[1:]) for im,(o,ab) in zip(film.ims[12:], own)]
    changed = rms(steered, [ab for _,ab in own])
    assert changed < .33*rms([ab for _,ab in own], truth)
    assert rms([steered[13]], [own[13][1]]) < .05


def test_where_nothing_can_be_followed_the_network_speaks():
    dark = np.random.default_rng(0).integers(0, 40, (64, 96)).astype(np.uint8)
    light = lambda gray, i: SimpleNamespace(L=gray/np.float32(255), number=i, shot=0)
    own,true = np.zeros((2, 16, 24), np.float32),np.full((2, 16, 24), .5, np.float32)
    told = propagate_reference([dark, dark, 255 - dark, dark], 0, 0, 0, own, true)
    steered = [ab for _,ab in steer([(light(g, i), own) for i,g in enumerate((dark, dark, 255 - dark, dark))], told)]
    assert all(np.allclose(o, .5, atol=.01) for o in steered[:2])
    assert all(np.abs(o).max() < .1 for o in steered[2:]), 'and what was lost is not found by chance'


def test_both_directions_are_mirror_images():
    "A shot played backward is steered as forward"
    grays = [np.asarray(o.convert('L')) for o in travel(CUP, 9, (96, 64), (0, 0), (.4, .2))]
    own = np.zeros((2, 16, 24), np.float32)
    true = reference_color(CUP.resize((96, 64)), (64, 96), (16, 24))
    ahead,back = propagate_reference(grays, 0, 0, 0, own, true),propagate_reference(grays[::-1], 8, 8, 0, own, true)
    for i in range(9):
        assert all(np.array_equal(a, b) for a,b in zip(ahead.frames[i], back.frames[8-i]))


def test_only_so_far(film):
    lights,at,shot = read_shot(film.path, 25, SIZE, 32, most=5)
    assert (len(lights), at, shot) == (11, 5, 1)
    full,at,_ = read_shot(film.path, 25, SIZE, 32)
    assert (len(full), at) == (30, 13) and all(np.array_equal(a, b) for a,b in zip(full[8:19], lights))
    for number,place,n in ((0, 0, 12), (11, 11, 12), (12, 0, 30), (53, 11, 12)):
        lights,at,_ = read_shot(film.path, number, SIZE, 32)
        assert (at, len(lights)) == (place, n)


def test_the_frame_is_found(film):
    for i in (0, 11, 12, 41, 53): assert find_frame(film.path, film.ims[i])[0] == i
    assert find_frame(film.path, film.ims[20].convert('L').convert('RGB')) == (20, 1), 'by light alone'
    assert find_frame(film.path, film.ims[20], 20/25) == (20, 1)
    lying = [o.transpose(Image.Transpose.ROTATE_270) for o in film.ims]
    turned = write_clip(lying, film.home/'b.mp4', rate=25, turn=90)
    assert find_frame(turned, film.ims[30]) == (30, 1)


def looks(path): return [hashlib.sha256(o.im.tobytes()).hexdigest() for o in read_frames(path)]


def colors(path):
    return [np.asarray(o.im.resize((24, 16)).convert('YCbCr'), np.float32)[...,1:] for o in read_frames(path)]


def test_a_film(film):
    how = dict(size=SIZE, codec='ffv1', model=load_model())
    colorize_video(film.path, film.home/'plain.mkv', **how)
    colorize_video(film.path, film.home/'told.mkv', reference=film.ref, **how)
    a,b = looks(film.home/'plain.mkv'),looks(film.home/'told.mkv')
    assert a[:12] == b[:12] and a[42:] == b[42:] and not set(a[12:42]) & set(b[12:42])
    true,plain,told = (colors(film.home/o) for o in ('a.mp4', 'plain.mkv', 'told.mkv'))
    error = lambda x: np.sqrt(np.mean([np.square(p - q).mean() for p,q in zip(x[12:42], true[12:42])]))
    assert error(told) < .55*error(plain)
    colorize_video(film.path, film.home/'at.mkv', reference=film.ref, at=1.0, **how)
    assert looks(film.home/'at.mkv') == b


def test_taken_up_again(film, monkeypatch):
    "Killed inside the steered shot, before and after the reference; other references begin anew"
    src = write_clip(shots(20, 40, 12), film.home/'long.mp4', rate=25, crf=6)
    shots(20, 40, 12)[42].save(film.home/'42.png')
    how = dict(size=SIZE, reference=film.home/'42.png')
    real,encode = video.chunk,video.encode_part
    monkeypatch.setattr(video, 'chunk', lambda frames: real(frames, 15, 10)) # parts begin at 0, 15, 30, 45, 60
    colorize_video(src, film.home/'parts.mkv', **how)
    want = looks(film.home/'parts.mkv')
    for n in (2, 3):
        left = [n]
        def failing(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0: raise KeyboardInterrupt
            return encode(*args, **kwargs)
        monkeypatch.setattr(video, 'encode_part', failing)
        with pytest.raises(KeyboardInterrupt): colorize_video(src, film.home/f'{n}.mkv', **how)
        monkeypatch.setattr(video, 'encode_part', encode)
        assert len(list((film.home/f'.{n}.mkv.parts').glob('0*.part'))) == n
        done = colorize_video(src, film.home/f'{n}.mkv', **how)
        assert done.frames == 72 and looks(film.home/f'{n}.mkv') == want
    monkeypatch.setattr(video, 'encode_part', failing)
    left[0] = 4
    with pytest.raises(KeyboardInterrupt): colorize_video(src, film.home/'other.mkv', size=SIZE)
    monkeypatch.setattr(video, 'encode_part', encode)
    colorize_video(src, film.home/'other.mkv', **how)
    assert looks(film.home/'other.mkv') == want, 'parts without a reference are not taken'


def test_faults(film, capsys):
    home = film.home
    film.ims[25].convert('L').save(home/'gray.png')
    film.ims[25].convert('L').convert('RGB').save(home/'colorless.png')
    film.ims[25].crop((0, 0, 50, 64)).save(home/'narrow.png')
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)).save(home/'noise.png')
    (home/'text.png').write_text('no picture')
    cases = [('gray', None, 'no color', 3), ('colorless', None, 'no color', 3), ('narrow', None, 'not cropped', 3),
        ('noise', None, 'any frame', 3), ('text', None, 'text.png', 3), ('missing', None, 'missing.png', 3),
        ('25', 99, 'no frame at 99', 3), ('25', .1, 'the frame at 0.1 s', 3), ('25', -1, 'first frame', 2)]
    for name,at,words,code in cases:
        args = ['video', film.path, home/'out.mkv', '--size', SIZE, '--reference', home/f'{name}.png']
        assert main([str(o) for o in args + (['--at', at] if at is not None else [])]) == code
        said = capsys.readouterr().err.strip()
        assert words in said and '; ' in said and len(said.splitlines()) == 1, said
        assert not list(home.glob('*out.mkv*'))
    with pytest.raises(UsageError, match='without a reference'): colorize_video(film.path, home/'out.mkv', at=1.)
    with pytest.raises(UsageError, match='only once'): load_guide('-', film.ref, load_model(), SIZE)


def test_wide_reference_of_sixteen_bits(film, tmp_path):
    "A reference may be of another size, of sixteen bits, and turned"
    from colorbook.video.reference import load_reference
    exif = Image.Exif()
    exif[274] = 6
    film.ims[25].transpose(Image.Transpose.ROTATE_90).save(tmp_path/'turned.jpg', exif=exif, quality=95)
    big = film.ims[25].resize((480, 320))
    cv2.imwrite(str(tmp_path/'wide.png'), np.asarray(big)[...,::-1].astype(np.uint16)*257)
    for o in ('turned.jpg', 'wide.png'):
        im = load_reference(tmp_path/o)
        assert find_frame(film.path, im)[0] == 25
        error = np.abs(np.asarray(im.resize((96, 64)), int) - np.asarray(film.ims[25])).mean()
        assert error < 6
    with pytest.raises(InputError): load_reference(tmp_path/'none.png')
    assert ref_module.MAX_GUIDED_FRAMES >= 240
