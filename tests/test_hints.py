"Hints: a color goes to one thing, stops at its edge, and nothing else moves"
import json, warnings

import numpy as np, pytest
from PIL import Image
from skimage import color, data

from colorbook.cli import app
from colorbook.color.srgb import lstar_gray
from colorbook.core import UsageError
from colorbook.imaging import check_hints, colorize, colorize_bytes, colorize_file, parse_hint, read_picture
from colorbook.imaging.hints import apply_links, link_weights, place_hints, solve_links, spread_hints
from test_imaging import make_model

pytestmark = pytest.mark.filterwarnings('ignore:a hint of')
GRAY = data.camera()
COAT = (190, 300, '#1d4d2b')


def lab(x): return color.rgb2lab(np.asarray(x)[..., :3])


def ab_of(c): return lab(Image.new('RGB', (1, 1), c))[0, 0, 1:]


def moved(a, b): return np.hypot(*np.moveaxis((lab(a) - lab(b))[..., 1:], -1, 0))


@pytest.fixture(scope='module')
def plain(): return colorize(GRAY)


@pytest.fixture(scope='module')
def drawn():
    "A light disc and a darker band on middle gray, with a little grain: their masks, a frame of two pixels left out"
    y,x = np.mgrid[:300, :400]
    far = np.hypot(y - 120, x - 130)
    g = np.full((300, 400), 110.)
    g[far < 70] = 190
    g[230:, :] = 50
    g += np.random.default_rng(0).normal(0, 2, g.shape)
    inside = dict(disc=far < 66, band=y > 234, ground=(far > 76) & (y < 226))
    return g.clip(0, 255).astype(np.uint8),inside


def test_without_hints_nothing_changes(plain):
    for hints in (None, [], ()): assert np.array_equal(colorize(GRAY, hints=hints, reach=1.), plain)
    for hints in ([(60, 60, None)], [(60, 60, None), (200, 300, None), (400, 400, None)]):
        assert np.abs(colorize(GRAY, hints=hints).astype(int) - plain).max() <= 1 # only kept places: nothing to change


@pytest.mark.parametrize('at', [(60, 60), (100, 420), (400, 470), (450, 60), (131, 300)])
def test_a_hinted_pixel_takes_its_color(at, plain):
    "A color that exists at the lightness of the pixel, for it is made there"
    x,y = at
    L = lab(plain)[y, x, 0]
    for wanted in ((18, -12), (-15, 10), (5, 25)):
        c = np.rint(color.lab2rgb([[[L, *wanted]]])[0, 0].clip(0, 1)*255).astype(int).tolist()
        for reach in (.2, .6, 2):
            out = lab(colorize(GRAY, hints=[(x, y, c)], reach=reach))[y, x]
            assert color.deltaE_ciede2000(out, lab(np.uint8([[c]]))[0, 0]) < (1.5 if reach >= .6 else 2.5)


def test_lightness_stays():
    out = colorize(GRAY, hints=[COAT, (60, 60, 'tomato'), (400, 470, 'navy')])
    assert np.abs(lab(out)[..., 0] - lab(GRAY[..., None].repeat(3, 2))[..., 0]).max() < .5


def test_a_thing_changes_as_far_as_its_edge(drawn):
    g,inside = drawn
    before = colorize(g)
    for name,at in dict(disc=(110, 150), band=(200, 265), ground=(300, 100)).items():
        change = moved(colorize(g, hints=[(*at, '#a05a5a')]), before)
        own = change[inside[name]].mean()
        assert own > 5, name
        for other,mask in inside.items():
            if other != name: assert change[mask].mean() < .05*own, (name, other)


def test_keep_keeps(drawn):
    g,inside = drawn
    before,at = colorize(g),(300, 100)
    alone = moved(colorize(g, hints=[(*at, '#a05a5a')]), before)
    kept = moved(colorize(g, hints=[(*at, '#a05a5a'), (360, 180, None)]), before)
    assert alone[180, 360] > 1.5 and kept[180, 360] < .5 # one level of 255
    assert kept[100, 300] == pytest.approx(alone[100, 300], abs=1)


def test_reach_is_how_far_a_hint_goes():
    flat = np.full((2, 96, 96), .5, np.float32)[0]
    falls = []
    for reach in (.05, .2, .8):
        d = spread_hints(flat, np.zeros((2, 96, 96), np.float32), [(48, 48, (.2, -.1))], reach)
        assert d[:, 48, 48] == pytest.approx([.2, -.1], abs=.002)
        assert np.allclose(d[0], -2*d[1], atol=1e-3) and np.allclose(d[0], d[0].T, atol=1e-3) # one shape, symmetric
        falls.append(d[0, 48, 90])
    assert falls[0] < .001 < falls[1] < falls[2]/3
    sides = [moved(colorize(GRAY, hints=[(60, 60, 'tomato')], reach=o), colorize(GRAY))[:100].mean() for o in (.1, 1)]
    assert sides[1] > 2*sides[0]


def test_the_solver_against_full_matrices():
    rng = np.random.default_rng(1)
    for h,w in ((7, 9), (16, 13), (20, 18), (1, 12), (9, 1), (1, 1)):
        links = rng.random((h, w - 1)),rng.random((h - 1, w))
        own = .01 + 50*(rng.random((h, w)) > .9)
        b = rng.standard_normal((2, h, w))
        A = np.zeros((h*w, h*w)) # from the sum of squares itself
        def link(i, j, weight):
            for a,c,s in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)): A[a, c] += s*weight
        for i in range(h):
            for j in range(w):
                A[i*w + j, i*w + j] += own[i, j]
                if j + 1 < w: link(i*w + j, i*w + j + 1, links[0][i, j])
                if i + 1 < h: link(i*w + j, i*w + j + w, links[1][i, j])
        assert np.allclose(apply_links(links, own, b).reshape(2, -1), b.reshape(2, -1)@A)
        exact = np.linalg.solve(A, b.reshape(2, -1).T).T.reshape(b.shape)
        assert np.abs(solve_links(links, own, b) - exact).max() < 1e-10*np.abs(exact).max()


def test_weights_are_cut_by_light_and_by_color():
    L,ab = np.zeros((3, 4), np.float32),np.zeros((2, 3, 4), np.float32)
    assert all((o == 1).all() for o in link_weights(L, ab))
    L[:, 2:],ab[0, 1:] = .1,.2
    across,down = link_weights(L, ab)
    assert across[0] == pytest.approx([1, np.exp(-9), 1]) and down[0, 0] == pytest.approx(np.exp(-4))
    assert (down[1] == 1).all()
    assert link_weights(L, ab, edge=0, tint=10)[0][0] == pytest.approx([1, 1, 1])
    assert link_weights(L, ab, edge=0, tint=5)[1][0, 0] == pytest.approx(np.exp(-1))


def test_a_picture_of_another_size_gets_the_same_color():
    small,big = (np.asarray(Image.fromarray(GRAY).resize((n, n), Image.BICUBIC)) for n in (512, 1024))
    shrink = lambda x: np.asarray(Image.fromarray(x).resize((256, 256), Image.BOX))
    hints = [(60, 60, 'tomato'), COAT, (100, 450, None)]
    one = colorize(small, hints=hints)
    two = colorize(big, hints=[(2*x, 2*y, c) for x,y,c in hints])
    assert moved(one, colorize(small)).mean() > 3
    assert moved(shrink(one), shrink(two)).mean() < .5


@pytest.mark.parametrize('orientation', range(1, 9))
def test_points_are_counted_as_the_picture_is_shown(orientation, tmp_path):
    from PIL import ImageOps
    from colorbook.imaging import upright
    exif,shown = Image.Exif(),GRAY[::2, ::2][:200]
    exif[274] = orientation
    Image.fromarray(np.ascontiguousarray(upright(shown, orientation, back=True))).save(tmp_path/'a.png', exif=exif)
    hints = [(30, 30, 'tomato'), (60, 170, 'navy')]
    colorize_file(tmp_path/'a.png', tmp_path/'b.png', hints=hints)
    with Image.open(tmp_path/'b.png') as im: out = np.asarray(ImageOps.exif_transpose(im))
    assert np.abs(out[..., :3].astype(int) - colorize(shown, hints=hints)).mean() < .5


def test_borders_are_counted_and_cannot_be_hinted():
    framed = np.pad(GRAY, 40, constant_values=240)
    out = colorize(framed, hints=[(100, 100, 'tomato')])
    assert np.array_equal(out[40:-40, 40:-40], colorize(GRAY, hints=[(60, 60, 'tomato')]))
    with pytest.raises(UsageError, match='10,300 is in the border'): colorize(framed, hints=[(10, 300, 'red')])
    out = colorize(framed, borders=False, hints=[(10, 300, 'tomato')])
    assert moved(out, colorize(framed, borders=False)).max() > 9


def test_a_hint_is_not_made_stronger_by_saturation():
    for s in (0, .5, 1, 1.5):
        out = lab(colorize(GRAY, saturation=s, hints=[(60, 60, '#e0b0b0')]))[60, 60, 1:]
        assert out == pytest.approx(ab_of('#e0b0b0'), abs=1.5)
        kept = colorize(GRAY, saturation=s, hints=[(60, 60, None)])
        assert np.abs(kept.astype(int) - colorize(GRAY, saturation=s)).max() <= 1


def test_other_answers_and_other_models_are_hinted(tmp_path):
    hints = [(60, 60, 'tomato')]
    for o in colorize(GRAY, samples=2, hints=hints): assert moved(o, colorize(GRAY, hints=hints))[60, 60] < 1.5
    pair = ['default', make_model(tmp_path/'other.onnx', ab=(-.2, .3))]
    mean,plain = colorize(GRAY, pair, hints=hints),colorize(GRAY, pair)
    near = colorize(GRAY, 'infrared', hints=[(100, 420, '#806060')])
    assert lab(mean)[60, 60, 1:] == pytest.approx(lab(colorize(GRAY, hints=hints))[60, 60, 1:], abs=2)
    assert moved(mean, plain)[-40:].mean() < 1 < 5 < moved(mean, colorize(GRAY, hints=hints))[-40:].mean()
    assert lab(near)[420, 100, 1:] == pytest.approx(ab_of('#806060'), abs=3)
    deep = colorize(GRAY.astype(np.uint16)*257, hints=hints)
    assert deep.dtype == np.uint16 and np.abs(deep/257 - colorize(GRAY, hints=hints)).mean() < .5


def test_what_a_color_may_be():
    given = ['#1d4d2b', '#1D4D2B', 'rgb(29,77,43)', (29, 77, 43), [29, 77, 43], np.array([29, 77, 43])]
    assert {check_hints([(1, 2, o)])[0] for o in given} == {(1, 2, (29, 77, 43))}
    assert check_hints(None) == [] and check_hints([(np.int64(1), 2, None)]*2) == [(1, 2, None)]
    assert parse_hint('1,2=rgb(29,77,43)') == (1, 2, (29, 77, 43)) and parse_hint(' 1, 2 = keep') == (1, 2, None)


@pytest.mark.parametrize('hints,said', [
    ([(1, 2, 'reddish')], 'reddish'), ([(1, 2, '#1d4d2b80')], 'cannot be read'), ([(1, 2, (1, 2))], 'cannot be read'),
    ([(1, 2, (1, 2, 300))], 'cannot be read'), ([(1, 2, (.1, .2, .3))], 'cannot be read'),
    ([(1, 2, 5)], 'cannot be read'),
    ([(1.5, 2, 'red')], 'whole pixels'), ([(True, 2, 'red')], 'whole pixels'), ([(1, 2)], 'is no hint'),
    ((1, 2, 'red'), 'is no hint'), ([(1, 2, 'red'), (1, 2, 'blue')], '1,2 contradict'),
    ([(1, 2, 'red'), (1, 2, None)], 'contradict'), ([(512, 2, 'red')], '512x512 pixels'), ([(-1, 2, None)], 'outside')])
def test_hints_that_cannot_be(hints, said):
    with pytest.raises(UsageError, match=said): colorize(GRAY, hints=hints)
    with pytest.raises(UsageError, match=said): colorize_bytes(GRAY_PNG(), 'PNG', hints=hints)


def GRAY_PNG():
    from colorbook.imaging import encode_picture
    return encode_picture(np.dstack([GRAY]*3 + [np.full_like(GRAY, 255)]), False, {}, 'PNG')


def test_other_errors(tmp_path):
    for reach in (0, -1, 11, 'far', None, True, .01, 1e-200, float('nan')):
        with pytest.raises(UsageError, match='reach'): colorize(GRAY, hints=[COAT], reach=reach)
    for hints in (5, '120,80=red'):
        with pytest.raises(UsageError, match='list'): colorize(GRAY, hints=hints)
    with pytest.raises(UsageError, match='2 pictures'): colorize([GRAY, GRAY], hints=[COAT])
    assert np.array_equal(colorize([GRAY], hints=[COAT])[0], colorize(GRAY, hints=[COAT]))
    a = Image.fromarray(GRAY)
    a.save(tmp_path/'two.tif', save_all=True, append_images=[a])
    with pytest.raises(UsageError, match='--pages'): colorize_file(tmp_path/'two.tif', tmp_path/'o.tif', hints=[COAT])
    colorize_file(tmp_path/'two.tif', tmp_path/'o.tif', pages='2', hints=[COAT])
    with Image.open(tmp_path/'o.tif') as o: assert np.array_equal(o.convert('RGB'), colorize(GRAY, hints=[COAT]))
    for text in ('12=red', '1,2,3=red', 'a,b=red', '1,2', '', '1,2=', '1,2=Keep it', '1,2=29,77,43'):
        with pytest.raises(UsageError): parse_hint(text)


def test_what_the_dark_cannot_show_is_said():
    with pytest.warns(UserWarning, match='#e06a20 is on a place so dark'):
        colorize(data.astronaut()[..., 1], hints=[(380, 420, '#e06a20')])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        colorize(GRAY, hints=[(60, 60, '#e0b0b0'), (190, 300, '#101010')])


def test_the_command(tmp_path, capsys):
    src,out,report = tmp_path/'a.png',tmp_path/'b.png',tmp_path/'r.json'
    Image.fromarray(GRAY).save(src)
    base = ['colorize', src, '-o', out, '--overwrite', '--json', report]
    run = lambda *words: app.main([*map(str, words)])
    assert run(*base, '--hint', '60,60=tomato', '--hint', '190,300=keep', '--reach', .3) == 0
    made = np.asarray(Image.open(out).convert('RGB'))
    assert np.array_equal(made, colorize(GRAY, hints=[(60, 60, 'tomato'), (190, 300, None)], reach=.3))
    options = json.loads(report.read_text())['options']
    assert options['hints'] == [[60, 60, [255, 99, 71]], [190, 300, None]] and options['reach'] == .3
    assert run(*base) == 0 and 'hints' not in json.loads(report.read_text())['options']
    assert run(*base, '--hint', '230,230=#6b4a1e') == 0
    assert 'so dark' in json.loads(report.read_text())['pictures'][0]['notes'][0]
    Image.fromarray(GRAY).save(tmp_path/'c.png')
    capsys.readouterr()
    for words,said in (((*base, '--hint', '600,60=red'), '512x512 pixels'),
                       ((*base, '--hint', '60,60=reddish'), 'reddish'),
                       ((*base, '--hint', '6=red'), 'X,Y=COLOR'), ((*base, '--hint', '1,1=red', '--reach', 0), 'reach'),
                       ((*base, '--hint', '1,1=red', '--hint', '1,1=blue'), 'contradict'),
                       (('colorize', tmp_path, '-o', tmp_path/'new', '--hint', '1,1=red'), 'for one picture')):
        assert run(*words) == 2, words
        assert said in capsys.readouterr().err
    assert not (tmp_path/'new').exists()


@pytest.mark.parametrize('name', ['astronaut', 'chelsea', 'coffee', 'rocket'])
def test_true_colors_of_more_places_make_a_better_picture(name):
    rgb = np.asarray(Image.fromarray(getattr(data, name)()).resize((256, 256), Image.LANCZOS))
    gray,truth = lstar_gray(rgb),lab(rgb)
    rng = np.random.default_rng(3)
    at,error = rng.integers(2, 254, (50, 2)).tolist(),[]
    for n in (0, 10, 50):
        hints = []
        for x,y in at[:n]:
            c = color.lab2rgb([[[truth[y, x, 0], *truth[y-2:y+3, x-2:x+3, 1:].mean((0, 1))]]])[0, 0]
            hints.append((x, y, np.rint(c.clip(0, 1)*255).astype(int).tolist()))
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            error.append(((colorize(gray, hints=hints) - rgb.astype(float))**2).mean())
    gain = -10*np.log10(np.array(error)/error[0])
    assert .1 < gain[1] < gain[2] - .4, gain # the astronaut gains least: the model drew edges in the suit
