"One set of Lab constants and one code book: torch and NumPy say the same, and scikit-image nearly so"
import inspect, math, subprocess, sys

import numpy as np, pytest, torch
from skimage import color, data
from skimage.color.colorconv import xyz_from_rgb

import colorbook.color as room
from colorbook.color import (AnnealedMean, HueBias, SoftBins, ab_bins, bins_on_screen, class_weights, color_counts,
                             color_prior, fit_gamut, gamut_excess, gray_to_L, grays, join_lab, lab_f, lab_f_inv,
                             lab_to_rgb, light, linear_rgb, load_prior, lstar, lstar_gray, map_gamut, rgb_to_lab,
                             save_prior, soft_code, split_lab, srgb_decode, srgb_encode, to_rgb)
from colorbook.color import DELTA, RGB_TO_XYZ, WHITE, XYZ_TO_RGB
from colorbook.color.bins import color_units, rgb_edges
from colorbook.color.conversion import from_linear, lab_curve, lab_curve_inv, lab_to_linear, to_linear
from colorbook.color.lab import luma
from colorbook.color.srgb import LEVELS, lookup_tables
from colorbook.core import InputError, UsageError


def batch(*shape, seed=0): return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)).double()


def both(x): return torch.from_numpy(x),x


# light and Lab

def test_the_constants_are_the_published_ones():
    assert np.allclose(RGB_TO_XYZ*WHITE[:,None], xyz_from_rgb, atol=1e-12)
    assert np.allclose(WHITE, [.950456, 1, 1.088754], atol=1e-9) and WHITE[1] == pytest.approx(1, abs=1e-12)
    assert np.allclose(WHITE, color.xyz_tristimulus_values(illuminant='D65', observer='2'), atol=1e-4)
    assert np.allclose(XYZ_TO_RGB@RGB_TO_XYZ, np.eye(3), atol=1e-12) and DELTA == 6/29 and LEVELS == 16384


@pytest.mark.parametrize('here,there', [(srgb_decode, to_linear), (srgb_encode, from_linear), (lab_f, lab_curve),
                                        (lab_f_inv, lab_curve_inv)])
def test_curves_of_both_halves(here, there):
    t,x = both(np.linspace(0, 1, 10001))
    assert np.allclose(here(x), there(t).numpy(), atol=2e-7)
    back = {srgb_decode: srgb_encode, srgb_encode: srgb_decode, lab_f: lab_f_inv, lab_f_inv: lab_f}[here]
    assert np.allclose(back(here(x)), x, atol=3e-6 if here in (lab_f_inv, srgb_decode) else 1e-6)


def test_curves_at_known_points():
    assert srgb_decode(np.array([0, .04045, 188/255, 1])) == pytest.approx([0, .04045/12.92, .50289, 1], abs=1e-5)
    assert lab_f(np.array([0, DELTA**3, 1])) == pytest.approx([4/29, DELTA, 1], abs=1e-6)


def test_grays_have_no_color_in_either_half():
    v = np.arange(256)/255
    lab = rgb_to_lab(torch.from_numpy(v).view(1, 1, -1, 1).expand(-1, 3, -1, -1))[0,:,:,0]
    assert lab[1:].abs().max() < 1e-10
    Y,fy = light(v.astype('f4')[None])
    assert np.abs(np.stack(linear_rgb(fy, Y, fy)) - srgb_decode(v)).max() < 1e-6
    assert np.abs(lab[0].numpy() - (116*fy[0] - 16)).max() < 1e-3


@pytest.mark.parametrize('kind,limit', [('u1', .03), ('u2', 1e-3), ('f4', 1e-3)])
def test_both_halves_see_the_same_light(kind, limit):
    x = data.astronaut()[::4,::4]
    lab = rgb_to_lab(torch.from_numpy(x/255.).permute(2, 0, 1)[None])[0]
    seen = dict(u1=x, u2=x*np.uint16(257), f4=(x/255).astype('f4'))[kind]
    Y,fy = light(seen)
    assert np.abs(116*fy - 16 - lab[0].numpy()).max() < limit
    assert np.abs(Y - (srgb_decode(x/255)@RGB_TO_XYZ[1])).max() < 1e-5
    assert light(seen[...,0])[1].shape == x.shape[:2]


def test_both_halves_paint_the_same_color():
    lab = rgb_to_lab(batch(1, 3, 40, 40))[0]
    L,a,b = (lab*torch.tensor([1., 1.6, 1.6]).view(3, 1, 1)).numpy()  # many beyond the screen
    fy = (L + 16)/116
    rgb = linear_rgb(fy + a/500, lab_f_inv(fy), fy - b/200)
    there = lab_to_linear(torch.from_numpy(np.stack([L, a, b]))[None])[0].numpy()
    assert np.abs(np.stack(rgb) - there).max() < 3e-5
    inside = ((there > .01) & (there < .99)).all(0)
    assert (gamut_excess(rgb)[inside] < 0).all() and 0 < (gamut_excess(rgb) > 0).mean() < 1


def test_both_halves_have_one_gamut():
    "Chroma is lowered by the same share in NumPy and in torch"
    g = np.random.default_rng(0)
    L,a,b = (g.uniform(lo, hi, (60, 60)).astype('f4') for lo,hi in ((5, 95), (-110, 110), (-110, 110)))
    fy = (L + 16)/116
    fx,fz,Y = fy + a/500,fy - b/200,lab_f_inv(fy)
    rgb = linear_rgb(fx, Y, fz)
    fit_gamut(rgb, fx, fy, fz, Y)
    there = map_gamut(torch.from_numpy(np.stack([L, a, b])).double()[None], eps=4e-6)
    want = lab_to_linear(there)[0].numpy()
    far = np.abs(np.stack(rgb) - want)  # seven halvings and a straight line, against sixteen
    assert far.max() < 5e-3 and far.mean() < 1e-4 and gamut_excess(rgb).max() < 1e-5


def test_scikit_image_within_the_tolerance_that_is_documented():
    x = batch(2, 3, 64, 64)
    far = np.abs(rgb_to_lab(x).numpy() - color.rgb2lab(x.numpy(), channel_axis=1))
    assert far[:,0].max() < 1e-4 and .001 < far.max() < 6e-3
    assert np.abs(lab_to_rgb(rgb_to_lab(x)).numpy() - x.numpy()).max() < 1e-9


def test_gray_of_equal_lightness_in_both_halves():
    x = data.coffee()[::3,::3]
    t = lstar(torch.from_numpy(x/255.).permute(2, 0, 1)[None])[0,0].numpy()
    assert np.abs(lstar_gray(x)/255 - t).max() < .6/255
    byte,f,back = lookup_tables()
    assert (back[(byte*LEVELS).astype(int).clip(max=LEVELS - 1)] == np.arange(256)).all() and len(f) == 65536
    for k,w in dict(rec601=(.299, .587, .114), rec709=(.2126, .7152, .0722), mean=(1/3,)*3, ortho=(0, .6, .4)).items():
        one = torch.eye(3).view(3, 3, 1, 1)
        assert grays[k](one).flatten().tolist() == pytest.approx(w, abs=1e-6) == luma(one, w).flatten().tolist()
    assert {*grays} == {'lstar', 'rec601', 'rec709', 'mean', 'ortho', 'infrared'} and grays['lstar'] is lstar


def test_scales_of_the_network():
    x = batch(1, 3, 8, 8)
    L,ab = split_lab(x)
    lab = rgb_to_lab(x)
    assert torch.allclose(L, lab[:,:1]/100) and torch.allclose(ab, lab[:,1:]/110)
    assert torch.allclose(gray_to_L(lstar(x)), L, atol=1e-6)
    wild = ab*3
    mapped,cut = (join_lab(L, wild, gamut) for gamut in (True, False))
    assert (rgb_to_lab(mapped)[:,:1]/100 - L).abs().max() < 1e-3 < (rgb_to_lab(cut)[:,:1]/100 - L).abs().max()
    L,ab,x = L.float(),ab.float(),x.float()
    assert torch.allclose(to_rgb(L, ab), x, atol=1e-5) and torch.allclose(to_rgb(L, x*2 - 1), x, atol=1e-6)
    assert to_rgb(L, ab[...,:2,:2]).shape == x.shape


# the 313 bins

def by_hand(a, b, k=10, sigma=5.):
    "Nearest bins of a color in whole units, by the formula"
    d = [math.hypot(a - x, b - y) for x,y in ab_bins().tolist()]
    near = sorted(range(len(d)), key=d.__getitem__)[:k]
    w = [math.exp(-d[i]**2/(2*sigma**2)) for i in near]
    return {i: o/sum(w) for i,o in zip(near, w)}


@pytest.mark.parametrize('k,sigma', [(10, 5.), (3, 5.), (10, 9.)])
def test_one_code_book(k, sigma):
    for a,b in ((-71, 64), (1, 2), (62, -96), (37, 58)):
        ab = torch.tensor([a, b]).view(1, 2, 1, 1)/110
        unit = color_units(ab).flatten()
        assert unit.item() == (a + 128)*256 + b + 128
        want = by_hand(a, b, k, sigma)
        for idx,w in (soft_code(unit, k, sigma), [o.flatten(1) for o in SoftBins(k, sigma)(ab)]):
            got = dict(zip(idx.flatten().tolist(), w.flatten().tolist()))
            assert got == pytest.approx(want, abs=1e-5) and idx.flatten()[0].item() == max(want, key=want.get)
    assert (SoftBins().idx.shape, ab_bins().shape) == ((65536, 10), (313, 2))


def test_units_end_at_their_rim():
    ab = torch.tensor([[-2., 2.], [-128/110, 127/110], [.004, -.004], [.005, -.005]]).T.reshape(1, 2, 2, 2)
    assert color_units(ab).flatten().tolist() == [255, 255, 128*256 + 128, 129*256 + 127]


def test_one_prior():
    "By pixel, by histogram, in parts or at once: the same; nearest bins for themselves"
    ab = split_lab(torch.from_numpy(data.coffee()[:96,:96]/255.).permute(2, 0, 1)[None])[1].float()
    idx,w = SoftBins()(ab)
    share = torch.zeros(313).double().index_add(0, idx.flatten(), w.flatten().double())/idx[:,0].numel()
    counts = color_counts([ab])
    assert counts.sum() == 96*96 and torch.equal(counts, color_counts(ab.split(30, 2)))
    for o in (counts, counts.numpy()): assert torch.allclose(color_prior(o), share.float(), atol=1e-6)
    nearest = torch.bincount(idx[:,0].flatten(), minlength=313)/idx[:,0].numel()
    assert torch.allclose(color_prior(counts, nearest=True), nearest, atol=1e-6)
    assert color_prior(counts*0).sum() == 0 and color_prior(counts).sum() == pytest.approx(1, abs=1e-5)
    screen = bins_on_screen()
    assert screen[nearest > 0].all() and 250 < screen.sum() < 313 and len(rgb_edges(5)) == 60


def test_a_prior_in_a_file(tmp_path):
    from safetensors import safe_open
    prior = color_prior(color_counts([torch.zeros(1, 2, 4, 4)]))
    save_prior(tmp_path/'p.safetensors', prior, pictures=3)
    assert torch.equal(load_prior(tmp_path/'p.safetensors'), prior)
    with safe_open(str(tmp_path/'p.safetensors'), 'pt') as f:
        assert f.metadata() == {'pictures': '3'} and torch.equal(f.get_tensor('weights'), class_weights(prior))
    for text in (b'', b'none'):
        (tmp_path/'bad.safetensors').write_bytes(text)
        with pytest.raises(InputError, match='bad.safetensors'): load_prior(tmp_path/'bad.safetensors')
    for o in (prior[:312], prior*2, prior - 1e-2):
        save_prior(tmp_path/'q.safetensors', o)
        with pytest.raises(InputError, match='not 313 shares'): load_prior(tmp_path/'q.safetensors')


def test_weights_by_the_formula():
    p = np.array([.7, .2, .1])
    for lam,alpha in ((.5, 1.), (.25, 1.), (.5, .5), (0, 2)):
        w = ((1 - lam)*p + lam/3)**-alpha
        w = w/(p*w).sum()
        assert class_weights(torch.tensor(p), lam, alpha).tolist() == pytest.approx(w.tolist())
    assert torch.equal(class_weights(torch.tensor(p)), class_weights(torch.tensor(p), .5, 1.))
    with pytest.raises(UsageError, match='never occurs'): class_weights(torch.tensor([1., 0.]), lam=0)


def test_annealed_mean_and_leaning_by_the_formula():
    s = batch(1, 313, 2, 2)*9
    c = ab_bins().double()/110
    for T,bias in ((.38, None), (1., batch(313, seed=1).float())):
        p = ((s + (0 if bias is None else bias.view(1, -1, 1, 1)))/T).softmax(1)
        want = torch.einsum('bqhw,qc->bchw', p, c)
        assert torch.allclose(AnnealedMean(T, bias)(s).double(), want, atol=1e-5)
    assert AnnealedMean().T.item() == pytest.approx(.38)
    assert inspect.signature(HueBias).parameters['strength'].default == 2.5
    class Net(torch.nn.Module):
        color = AnnealedMean()
        def forward(self, L): return s.float()
    z = torch.tensor([[1., -2.]])
    for strength in (2.5, 1.):
        leaned = HueBias(Net(), strength)(None, z).double()
        assert torch.allclose(leaned, s + strength*(c@z[0].double()).view(1, -1, 1, 1), atol=1e-4)
    assert HueBias(Net()).color is Net.color and HueBias.z_dim == 2


def test_the_face_of_the_room_is_without_torch():
    code = '''
import sys, colorbook.color as c
assert {'rgb_to_lab', 'SoftBins', 'fit_gamut'} <= {*dir(c)} and not sys.modules.keys() & {'torch', 'numpy'}
c.light, c.fit_gamut, c.srgb
assert 'torch' not in sys.modules
c.rgb_to_lab, c.SoftBins
assert 'torch' in sys.modules'''
    subprocess.run([sys.executable, '-c', code], check=True)
    assert {*room.__all__} <= {*dir(room)}
