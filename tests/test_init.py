"Every network of the tables begins as its system lets it begin: deviations of weights, slopes, norms, spectral norm."
import pytest, torch

import starts
from colorbook.models.registry import critics, generators

LIBRARY = None  # layers that another library starts, and would overwrite by weights that were trained
MOBILE = {r'^encoder\.0\.0\.0\.1$': 'three he out', '^encoder': 'he out', '^fuse': 'zero', '': 'torch'}
S3_SMALL = {'^head$': 'normal .02', r'^encoder\.net\.0\.0\.0\.1$': 'three he out', '^encoder': 'he out', '': 'torch'}
ENCODER = {'^encoder': LIBRARY, '': 'torch'}
INFRARED = {'^net': LIBRARY, '^head': 'zero', '': 'torch'},[],(['batch'], [1e-5, 1e-3], [.1]),0
BATCH, INSTANCE, KERAS = (['batch'], [1e-5], [.1]), (['instance'], [1e-5], [.1]), (['batch'], [1e-3], [.01])
NO_NORM = [], [], []

# pattern of a layer's name to its rule; slopes of leaky ReLUs; norms, eps, momenta; share of layers with spectral norm
GENERATORS = dict(
    s0=({'': 'he out'}, [.1], BATCH, 0),
    mobile=(MOBILE, [], BATCH, 0),
    mobile_ab=(MOBILE, [], BATCH, 0),
    mobile_scratch=(MOBILE, [], BATCH, 0),
    plain=({'^head': 'torch', '': 'he in'}, [], BATCH, 0),
    plain_bins=({'^head': 'torch', '': 'he in'}, [], BATCH, 0),
    fcn32=({'^head': 'torch', '': 'he in'}, [], NO_NORM, 0),
    stride1=({'': 'glorot'}, [], KERAS, 0),
    stride1_dense=({'': 'glorot'}, [], KERAS, 0),
    pix2pix=({'': 'normal .02'}, [.2], BATCH, 0),
    pix2pix_transposed=({'': 'normal .02'}, [.2], BATCH, 0),
    pix2pix_noise=({'': 'normal .02'}, [.2], BATCH, 0),
    pix2pix_batch=({'': 'normal .02'}, [.2], BATCH, 0),
    pix2pix_instance=({'': 'normal .02'}, [.2], INSTANCE, 0),
    pix2pix_channels=({'': 'normal .02'}, [.2], BATCH, 0),
    zhang=({r'^head|^blocks\.7\.0$': 'torch', '': 'he in'}, [], BATCH, 0),
    colcolgan=({r'^head|^blocks\.7\.0$': 'torch', '': 'he in'}, [], BATCH, 0),
    alexnet=(ENCODER, [], BATCH, 0),
    inception_v3=(ENCODER, [], (['batch'], [1e-5, 1e-3], [.1]), 0),
    resnet18=(ENCODER, [], BATCH, 0),
    lite0=(ENCODER, [], (['batch'], [1e-5, 1e-3], [.1]), 0),
    encoder_alexnet=(ENCODER, [], BATCH, 0),
    encoder_inception_v3=(ENCODER, [], (['batch'], [1e-5, 1e-3], [.1]), 0),
    encoder_resnet18=(ENCODER, [], BATCH, 0),
    s1=({'': 'he out'}, [.1], INSTANCE, 0),
    s1_attention=({'': 'he out'}, [.1], INSTANCE, 0),
    s1_32=({'': 'he out'}, [.1], INSTANCE, 0),
    s1_32_attention=({'': 'he out'}, [.1], INSTANCE, 0),
    temporal=({'^fuse': 'zero'} | ENCODER, [], (['batch'], [1e-5, 1e-3], [.1]), 0),
    infrared=INFRARED,
    infrared3=INFRARED,
    pix2pix_rgb=({'': 'normal .02'}, [.2], BATCH, 0),
    pix2pix_rgb3=({'': 'normal .02'}, [.2], BATCH, 0),
    s3_lwir=({'': 'xavier .02'}, [.2], BATCH, 1),
    s3=({'': 'xavier .02'}, [.2], BATCH, 1),
    s3_small=(S3_SMALL, [], BATCH, 0),
    s3_small_instance=(S3_SMALL, [], INSTANCE, 0),
    s3_small_no_scene=(S3_SMALL, [], BATCH, 0),
    s3_small_no_saliency=(S3_SMALL, [], BATCH, 0))
CRITICS = dict(
    s0=({'': 'he out'}, [.1], BATCH, 0),
    s0_conditional=({'': 'he out'}, [.1], BATCH, 0),
    patch=({'': 'torch'}, [.2], NO_NORM, 1),
    s2=({'': 'glorot'}, [.2], KERAS, 0),
    s2_pool=({'': 'torch'}, [.2], BATCH, 0),
    s4=({'': 'normal .02'}, [.2], BATCH, 0),
    s4_ab=({'': 'normal .02'}, [.2], BATCH, 0),
    s4_sigmoid=({'': 'normal .02'}, [.2], BATCH, 0),
    s4_leaky=({'': 'normal .02'}, [.2], BATCH, 0),
    s4_gp=({'': 'normal .02'}, [.2], INSTANCE, 0),
    lab=({'': 'normal .02'}, [.2], NO_NORM, 0),
    lab_ab=({'': 'normal .02'}, [.2], NO_NORM, 0),
    lab_full=({'': 'normal .02'}, [.2], NO_NORM, 0),
    energy=({'': 'torch'}, [.2], BATCH, 0),
    channels=({'': 'normal .02'}, [.2], BATCH, 0),
    channels_lab=({'': 'normal .02'}, [.2], BATCH, 0),
    patch_and_whole=({r'^nets\.1': 'torch', '': 'normal .02'}, [.2], BATCH, 0),
    s3=({'': 'xavier .02'}, [.2], BATCH, 1),
    s3_gp=({'': 'xavier .02'}, [.2], INSTANCE, 1),
    s3_small=({'': 'xavier .02'}, [.2], INSTANCE, 1),
    s3_small_two=({'': 'xavier .02'}, [.2], INSTANCE, 1),
    s3_tiny=({'': 'he leaky'}, [.2], NO_NORM, 0),
    s3_tiny_two=({'': 'he leaky'}, [.2], NO_NORM, 0),
    s3_two=({'': 'xavier .02'}, [.2], BATCH, 1),
    s3_two_gp=({'': 'xavier .02'}, [.2], INSTANCE, 1),
    s1=({'': 'torch'}, [.01], NO_NORM, 1),
    s1_attention=({'query|key|value': 'torch', '': 'torch'}, [.01], NO_NORM, 5/11))
SIZE = 64


def check(net, rules, slopes, norms, spectral):
    known = {n: starts.matching(rules, n) for n in starts.layers(net)}
    off = {n: starts.error(m, known[n]) for n,m in starts.layers(net).items() if known[n]}
    assert len(off) > 1 and {n: e for n,e in off.items() if e > 1} == {}
    assert starts.slopes(net) == pytest.approx(slopes)
    found = starts.norms(net)
    assert (found[0], found[1], found[2]) == (norms[0], pytest.approx(norms[1]), pytest.approx(norms[2]))
    assert starts.spectral(net) == pytest.approx(spectral)


@pytest.mark.parametrize('name', GENERATORS)
def test_generator(name):
    torch.manual_seed(1)
    check(generators[name](size=SIZE), *GENERATORS[name])


@pytest.mark.parametrize('name', CRITICS)
def test_critic(name):
    torch.manual_seed(1)
    n_color = 2 if 'ab' in critics[name].colors and name[:2] != 's0' else 3
    check(critics[name](size=SIZE, n_color=n_color), *CRITICS[name])


def test_every_network_is_tested():
    for tested,table in (GENERATORS, generators), (CRITICS, critics):
        own = {n for n in table if table[n].make.__module__.startswith('colorbook.')}  # other tests may enter theirs
        assert own == set(tested)
