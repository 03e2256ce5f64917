"Flow, what cannot be followed, and scenes whose truth is known."
import math

import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from colorbook.core import InputError
from colorbook.video.shots import find_cuts
from colorbook.data.synthetic import Plane, Scene, scene_frames, scene_planes, travel
from colorbook.video.flow import PRESETS, flow, grid, inside, motion_border, fails_consistency, occluded
from colorbook.video.flow import visibility, warp
from colorbook.data.photos import sample_photos

PHOTO = sample_photos()[0]
GRAY = np.asarray(PHOTO.convert('L').resize((480, 360)))


def apart(found, true, edge=24): return np.linalg.norm(found - true, axis=2)[edge:-edge,edge:-edge].mean()


@pytest.mark.parametrize('preset', PRESETS)
@pytest.mark.parametrize('dx,dy', [(0, 0), (1, 0), (-3, 2), (9, -6), (0, 17)])
def test_a_shifted_window(preset, dx, dy):
    a,b = (GRAY[40 + y:300 + y,60 + x:400 + x] for x,y in ((0, 0), (-dx, -dy)))
    assert apart(flow(a, b, preset), (dx, dy)) < (.3 if preset == 'medium' else .6)
    assert np.allclose(np.median(flow(a, b, preset), axis=(0, 1)), (dx, dy), atol=.15)


@pytest.mark.parametrize('scale', [.3, .5, .77])
def test_scale_keeps_direction_and_unit(scale):
    a,b = GRAY[40:240,60:360],GRAY[34:234,52:352]
    found = flow(a, b, 'medium', scale)
    assert found.shape == (200, 300, 2) and found.dtype == np.float32
    assert np.allclose(np.median(found, axis=(0, 1)), (8, 6), atol=.3)


def test_a_pan_of_the_film_chapter():
    size = 240,135
    a,b = (np.asarray(o.convert('L')) for o in travel(PHOTO, 2, size, (.2, .2), (.23, .22)))
    by = .7*min(PHOTO.width/size[0], PHOTO.height/size[1])
    true = -np.array([(PHOTO.width - size[0]*by)*.03, (PHOTO.height - size[1]*by)*.02])/by
    assert np.abs(true).max() > 1 and apart(flow(a, b, 'medium'), true) < .3


@settings(deadline=None, max_examples=30)
@given(h=st.integers(1, 60), w=st.integers(1, 60), channels=st.sampled_from([None, 1, 2, 3, 4]),
       x=st.integers(-70, 70), y=st.integers(-70, 70), byte=st.booleans())
def test_warp_is_a_shift_with_repeated_edges(h, w, channels, x, y, byte):
    rng = np.random.default_rng(h*w)
    a = rng.integers(0, 255, (h, w) if channels is None else (h, w, channels)).astype(np.uint8 if byte else np.float32)
    ys,xs = np.clip(np.arange(h) + y, 0, h - 1),np.clip(np.arange(w) + x, 0, w - 1)
    out = warp(a, np.full((h, w, 2), (x, y), np.float32))
    assert out.dtype == a.dtype and np.array_equal(out, a[ys][:,xs])


@pytest.mark.parametrize('shape', [(1, 1), (1, 300), (2, 5), (11, 11), (300, 3), (31, 33)])
def test_any_size(shape):
    a = np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8)
    for scale in (1, .5, .01): assert np.array_equal(flow(a, a, scale=scale), np.zeros((*shape, 2)))
    assert occluded(flow(a, a), flow(a, a)).shape == shape


def test_two_sizes_are_an_error():
    with pytest.raises(InputError, match='one size'): flow(GRAY, GRAY[1:])


def test_flow_leaves_its_input_alone_and_takes_views():
    a = GRAY.copy()
    first = flow(a[:,::2], a[:,1::2])
    assert np.array_equal(a, GRAY) and np.array_equal(first, flow(GRAY[:,::2].copy(), GRAY[:,1::2].copy()))
    with pytest.raises(ValueError): grid(4, 4)[0] = 1


def square(x, y, size=100):
    "A frame with a square of another photo at x, y"
    out = GRAY[:240,:360].copy()
    other = np.asarray(sample_photos()[1].convert('L').resize((300, 200)))
    out[y:y + size,x:x + size] = other[50:50 + size,80:80 + size]
    return out


def test_what_a_square_hides():
    n,(h, w) = 20,(240, 360)
    forward,backward = np.zeros((h, w, 2), np.float32),np.zeros((h, w, 2), np.float32)
    forward[60:160,100:200,0],backward[60:160,120:220,0] = n,-n
    hidden = np.zeros((h, w), bool)
    hidden[60:160,200:220] = True
    assert np.array_equal(fails_consistency(forward, backward), hidden)
    line = motion_border(forward)
    assert line[59:61,100:200].all() and not line[62:158,102:198].any() and not line[:58].any()
    assert np.array_equal(occluded(forward, backward), hidden | line)
    there,back = (flow(square(*a), square(*b), 'medium') for a,b in (((100, 60), (120, 60)), ((120, 60), (100, 60))))
    lost,out = fails_consistency(there, back),occluded(there, back)
    assert (lost & hidden).sum()/(lost | hidden).sum() > .3
    assert out[hidden].mean() > .9 and out[~hidden].mean() < .15


def test_constants_of_the_papers():
    full = lambda *v: np.full((9, 9, 2), v, np.float32)
    middle = lambda f,b: bool(occluded(f, b)[4,4])
    assert not middle(full(0, 0), full(.7, 0)) and middle(full(0, 0), full(.72, 0)), '.5 at rest'
    assert middle(full(3, 0), full(-2, 0)) and not middle(full(3, 0), full(-2.3, 0))
    away = occluded(full(5, 0), full(-5, 0))
    assert not away[:,:4].any() and away[:,4:].all(), 'outside'
    ramp = lambda k: np.stack([k*grid(9, 9)[...,0], np.zeros((9, 9), np.float32)], -1)
    assert motion_border(ramp(.05))[4,1] and not motion_border(ramp(.04))[4,1:-1].any()
    assert not inside(full(-.51, 0))[4,0] and inside(full(-.49, 0))[4,0]


def test_visibility():
    a = np.random.default_rng(0).random((5, 6, 3), dtype=np.float32)
    assert np.array_equal(visibility(a, a), np.ones((5, 6)))
    assert np.allclose(visibility(a, a + np.float32([.1, 0, .2])), math.exp(-2.5), rtol=1e-4)
    assert np.allclose(visibility(a[...,0], a[...,0] + .1, sharp=10), math.exp(-.1), rtol=1e-4)


@pytest.mark.parametrize('seed', range(6))
def test_true_flow_is_true(seed):
    frames = list(scene_frames(PHOTO, 3, (160, 90), seed, layers=seed%4))
    assert [o.im.size for o in frames] == [(160, 90)]*3 and frames[0].flow.shape == (90, 160, 2)
    for now,after in zip(frames, frames[1:]):
        a,b = (np.asarray(o.im, np.float32) for o in (now, after))
        d = np.abs(warp(b, now.flow) - a).mean(-1)
        assert now.visible.mean() > .8 and d[now.visible].mean() < 5 < 3*np.abs(b - a).mean()
        hidden = ~now.visible & inside(now.flow)
        if hidden.sum() > 50: assert d[hidden].mean() > 3*d[now.visible].mean()
    assert not find_cuts([o.im for o in frames])


def test_flow_to_itself_there_and_back_and_over_a_stop():
    s = Scene(scene_planes(PHOTO, (160, 90), 3), (160, 90))
    zero,seen = s.flow(2.5, 2.5)
    assert np.abs(zero).max() < 1e-3 and seen.all()
    there,seen = s.flow(0, 4)
    one,_ = s.flow(0, 2)
    two,_ = s.flow(2, 4)
    chained = one + warp(two, one)
    close = np.linalg.norm(chained - there, axis=2)
    assert np.quantile(close[seen], .9) < .05 and np.abs(there).mean() > 1
    back,_ = s.flow(4, 0)
    assert np.quantile(np.linalg.norm(there + warp(back, there), axis=2)[seen], .9) < .01


def test_a_plane_moves_as_it_says():
    rgb = np.zeros((400, 400, 3), np.uint8)
    rgb[200,200] = rgb[200,201] = rgb[201,200] = rgb[201,201] = 255
    plane = Plane(rgb, None, np.array([200.5, 200.5]), np.array([-4., 2.]), 0, 0)
    stage = Scene([plane], (101, 61))
    for t in (0, 3):
        y,x = np.unravel_index(np.asarray(stage.at(t).convert('L')).argmax(), (61, 101))
        assert abs(x - (50 + 4*t)) <= 1 and abs(y - (30 - 2*t)) <= 1
    assert np.allclose(stage.flow(0, 3)[0], (12, -6), atol=1e-3)
    zoomed = Scene([plane._replace(speed=np.zeros(2), zoom=math.log(2))], (101, 61)).flow(0, 1)[0]
    assert np.allclose(zoomed, grid(61, 101) - (50, 30), atol=1e-3), 'twice as large after a frame'
    turned = Scene([plane._replace(speed=np.zeros(2), turn=math.pi/2)], (101, 61)).flow(0, 1)[0]
    assert np.allclose(turned[30,60], (-10, -10), atol=1e-3) and np.allclose(turned[30,50], 0, atol=1e-3)


def test_a_seed_is_a_clip():
    pixels = lambda seed: [np.asarray(o.im) for o in scene_frames(PHOTO, 2, (64, 48), seed)]
    assert np.array_equal(pixels(1), pixels(1)) and not np.array_equal(pixels(1), pixels(2))
    small = list(scene_frames(Image.new('L', (3, 2), 90), 2, (40, 30)))
    assert np.asarray(small[1].im).std() == 0
