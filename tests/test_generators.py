"The generators: published sizes, any picture in, the same out, in torch and as one file"
import copy, json
import numpy as np, onnxruntime, pytest, torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized
from colorbook.training.export import ImageGraph, export_artifact, fold, make_card, strip
from colorbook.color.bins import AnnealedMean
from colorbook.core import InputError, UsageError
from colorbook.models.inspect import n_weights, one_step, unreached
from colorbook.models.layers import adapt, draw_noise, SelfAttention
from colorbook.models.classifiers import FCN32, PlainNet, ZhangNet
from colorbook.models.s2 import Stride1Generator
from colorbook.models.unet import MobileUNet
from colorbook.models.s0 import S0Generator
from colorbook.models.pix2pix import Pix2PixGenerator
from colorbook.models.encoder_unet import EncoderUNet, StaticConv, encoder_state, timm_encoder

EIGHT,SLIM = (4, 4, 8, 8, 8, 8, 8, 4),(16, 12, 8, 8)
SMALL = dict(
    plain=lambda **kw: PlainNet(widths=(8, 8), **kw),
    plain_norm=lambda **kw: PlainNet(widths=(8, 8), **{'norm': 'batch', **kw}),
    fcn32=lambda **kw: FCN32(widths=(4,)*5, dense=8, **kw),
    stride1=lambda **kw: Stride1Generator(z_dim=6, widths=(8, 6, 4), **kw),
    nearest=lambda **kw: Pix2PixGenerator(depth=4, nf=4, **kw),
    transposed=lambda **kw: Pix2PixGenerator('transposed', depth=4, nf=4, z_dim=2, **kw),
    zhang=lambda **kw: ZhangNet(2, widths=EIGHT, **kw),
    zhang_bins=lambda **kw: ZhangNet(widths=EIGHT, stride=4, color=AnnealedMean(), **kw),
    s0=lambda **kw: adapt(S0Generator(), **kw),
    mobile=lambda **kw: EncoderUNet('mobile', widths=SLIM, **kw),
    lite0=lambda **kw: EncoderUNet('lite0', widths=SLIM, **kw),
    alexnet=lambda **kw: EncoderUNet('alexnet', widths=SLIM, **kw),
    resnet=lambda **kw: EncoderUNet('resnet18', widths=SLIM, stride=4, **kw),
    inception=lambda **kw: EncoderUNet('inception_v3', widths=SLIM, **kw))
QUARTER = 'zhang_bins', 'resnet'
# biases that a norm takes back: S2's convolutions, and projections of MobileNetV2 and its heirs: a norm without ReLU
BLIND = dict(stride1=('project.bias', '0.bias'), mobile=('conv.2.bias', 'conv.3.bias'),
    lite0=('bn3.bias', 'blocks.0.0.bn2.bias'))
small = pytest.mark.parametrize('name', SMALL)


def made(name, seed=0, **kw):
    torch.manual_seed(seed)
    return SMALL[name](**kw)


def used(net, L, std=.3):
    "`net` with running statistics of some use and answers of a deviation of `std`, where spectral norm allows it"
    with torch.no_grad():
        for _ in range(3): net.train()(L)
        last = [m for m in net.head.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))][-1]
        share = std/net.eval()(L).std()
        if not is_parametrized(last):
            for o in last.parameters(): o.mul_(share)
    return net.eval()


COUNTS = [
    ('s0', S0Generator, 7_822_336, 0), ('s2', lambda: Stride1Generator((90, 120)), 1_572_454, 0),
    ('s4 nearest', Pix2PixGenerator, 39.3e6, .01),
    ('s4 transposed', lambda: Pix2PixGenerator('transposed'), 54.7e6, .01),
    ('lite0', lambda: EncoderUNet('lite0', 313, 4), 4_118_905, 0),
    ('zhang', ZhangNet, 32.2e6, .01), ('fcn32', lambda: FCN32(1000), 138_357_544 - 2*9*64, 0)]  # VGG-16's


@pytest.mark.parametrize('make,count,tol', [o[1:] for o in COUNTS], ids=[o[0] for o in COUNTS])
def test_published_counts(make, count, tol):
    with torch.device('meta'): n = n_weights(make())
    assert abs(n - count) <= tol*count


def test_s2_is_mostly_one_layer():
    with torch.device('meta'): assert n_weights(Stride1Generator((90, 120)).project) == 1_090_800


@small
def test_size_stays(name):
    net = made(name).eval()
    for h,w in ((1, 1), (2, 63), (45, 61), (32, 96)):
        q = 4 if name in QUARTER else 1
        with torch.no_grad(): out = net(torch.rand(1, 1, h, w))
        assert out.shape[2:] == (-(-h//q), -(-w//q)) and out.isfinite().all()


@small
def test_a_picture_is_alone(name):
    "In use, a picture's answer does not depend on the others of a batch, and comes again"
    net,L = made(name).eval(),torch.rand(3, 1, 37, 50)
    with torch.no_grad():
        both = net(L)
        assert torch.equal(net(L), both)
        assert (net(L[1:2]) - both[1:2]).abs().max() < 1e-4*both.abs().max()


@pytest.mark.parametrize('name', [o for o in SMALL if o not in ('alexnet', 'inception')])
def test_the_seed_makes_the_network(name):
    a,b,c = made(name, 1).state_dict(),made(name, 1).state_dict(),made(name, 2).state_dict()
    assert all(torch.equal(v, b[k]) for k,v in a.items()) and any(not torch.equal(v, c[k]) for k,v in a.items())


@small
def test_every_weight_learns(name):
    torch.manual_seed(3)
    net = made(name)
    for m in net.modules():  # residual branches that start at zero would hide what is behind them
        if isinstance(m, nn.BatchNorm2d): nn.init.ones_(m.weight)
    # a noise plane that is the same all over the batch would leave nothing: as many draws as pictures
    dead = unreached(net, torch.rand(4, 1, 64, 64))
    assert [o for o in dead if not o.endswith(BLIND.get(name, ()))] == []


@small
def test_a_step_lowers_the_loss(name):
    torch.manual_seed(0)
    net,L = made(name),torch.rand(4, 1, 64, 64)
    with torch.no_grad(): shape = net.eval()(L).shape
    before,after = one_step(net, (L,), torch.rand(shape), lr=3e-4)
    assert after < before


VARIANTS = dict(
    s0=dict(norm='instance', attention=('ups.1',)), nearest=dict(norm='group', spectral=True, attention=('ups.0',)),
    transposed=dict(norm='instance', spectral=True), zhang=dict(norm='group', attention=('blocks.4',)),
    stride1=dict(norm='instance', spectral=True), plain_norm=dict(norm='group', spectral=True),
    fcn32=dict(spectral=True), mobile=dict(norm='group', spectral=True), resnet=dict(norm='instance'),
    inception=dict(norm='group', attention=('ups.0',)), alexnet=dict(spectral=True, attention=('ups.1',)))


@pytest.mark.parametrize('name', VARIANTS)
def test_options(name):
    kw = VARIANTS[name]
    net,L = made(name, **kw),torch.rand(2, 1, 45, 61)
    kinds = [type(m).__name__ for m in net.modules()]
    if 'norm' in kw: assert 'BatchNorm2d' not in kinds and 'BatchNormAct2d' not in kinds
    assert kinds.count('SelfAttention') == len(kw.get('attention', ()))
    layers = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))]
    assert all(is_parametrized(m) == kw.get('spectral', False) for m in layers)
    net = used(net, L)
    for m in net.modules():
        if isinstance(m, SelfAttention): m.gamma.data.fill_(.5)
    with torch.no_grad():
        assert net(L).isfinite().all()
        assert (fold(net)(L) - net(L)).abs().max() < 1e-4*max(1., net(L).abs().max().item())


def test_attention_changes_nothing_at_first():
    for name,at in (('s0', 'ups.1'), ('nearest', 'ups.0'), ('resnet', 'ups.1'), ('zhang', 'blocks.6')):
        net,L = made(name).eval(),torch.rand(1, 1, 40, 40)
        with torch.no_grad():
            before = net(L)
            assert torch.equal(adapt(net, attention=(at,))(L), before)


def test_options_fit_the_product():
    net = adapt(MobileUNet(2), norm='instance', attention=('ups.0',))
    assert net(torch.rand(1, 1, 64, 64)).shape == (1, 2, 16, 16)
    assert len(net.groups()) == 2


def run(path, **inputs):
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    return torch.from_numpy(session.run(['ab'], {k: v.numpy() for k,v in inputs.items()})[0])


# S0's and MobileNetV2's own files are tested in test_train
FILES = [(o, dict()) for o in SMALL if o not in ('s0', 'mobile')] + [(o, VARIANTS[o]) for o in ('nearest', 'stride1')]


@pytest.mark.parametrize('name,kw', FILES, ids=[f"{n}{'+' if kw else ''}" for n,kw in FILES])
def test_one_file_any_size(name, kw, tmp_path):
    net = used(made(name, **kw), torch.rand(4, 1, 64, 64), 1. if name == 'zhang_bins' else .3)
    for m in net.modules():
        if isinstance(m, SelfAttention): m.gamma.data.fill_(.5)
    path = export_artifact(net, tmp_path/'net.onnx', make_card(net, name))
    largest = 0.
    for h,w in ((64, 64), (96, 160), (45, 61), (131, 33)):
        L,z = torch.rand(1, 1, h, w),dict(z=torch.zeros(1, net.z_dim)) if getattr(net, 'z_dim', 0) else {}
        with torch.no_grad(): ab = ImageGraph(net)(L, *z.values())
        got = run(path, L=L, **z)
        assert got.shape == ab.shape and (got - ab).abs().max() < 1e-3
        largest = max(largest, ab.abs().max().item())
    assert largest > .02


def with_noise(net, path, z):
    "A file with two inputs"
    dims = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    prog = torch.onnx.export(fold(net), (torch.rand(1, 1, 48, 64), z), dynamo=True, verbose=False,
        dynamic_shapes=(dims, dims if z.dim() == 4 else None), input_names=['L', 'z'], output_names=['ab'])
    path.write_bytes(strip(prog.model_proto).SerializeToString())
    return path


@pytest.mark.parametrize('name', ['stride1', 'transposed'])
@pytest.mark.parametrize('size', [(), (3, 4)], ids=['vector', 'map'])
def test_noise_is_an_input(name, size, tmp_path):
    net = used(made(name), torch.rand(4, 1, 64, 64))
    path = with_noise(net, tmp_path/'net.onnx', draw_noise(1, net.z_dim, size))
    answers = []
    for s in (0, 1):
        L,z = torch.full((1, 1, 45, 61), .4),draw_noise(1, net.z_dim, tuple(2*o for o in size), s)
        with torch.no_grad(): ab = net(L, z)
        assert (run(path, L=L, z=z) - ab).abs().max() < 1e-3
        answers.append(ab)
    assert (answers[0] - answers[1]).abs().max() > 1e-3


def test_dense_noise_as_a_file(tmp_path):
    net = used(Stride1Generator((24, 32), 6, widths=(8, 6, 4)), torch.rand(4, 1, 24, 32))
    z,L = draw_noise(1, 6, seed=1),torch.rand(1, 1, 24, 32)
    names = dict(input_names=['L', 'z'], output_names=['ab'])
    prog = torch.onnx.export(fold(net), (L, z*0), dynamo=True, verbose=False, **names)
    (tmp_path/'net.onnx').write_bytes(strip(prog.model_proto).SerializeToString())
    with torch.no_grad(): assert (run(tmp_path/'net.onnx', L=L, z=z) - net(L, z)).abs().max() < 1e-3


def test_weights_from_a_file(tmp_path):
    "What a file of the ordinary layout holds arrives, for each family, and the first answer shows it"
    import timm
    from torchvision.models import alexnet
    from safetensors.torch import save_file
    for name,whole in (('alexnet', alexnet()), ('inception_v3', timm.create_model('inception_v3')),
                       ('resnet18', timm.create_model('resnet18'))):
        torch.save(whole.state_dict(), tmp_path/'own.pth')
        save_file(whole.state_dict(), tmp_path/'own.safetensors')
        files = [encoder_state(name, tmp_path/f'own.{o}') for o in ('pth', 'safetensors')]
        nets = [EncoderUNet(name, widths=SLIM, state=o) for o in files]
        own = whole.state_dict()
        for net in nets:
            kept = {k: v for k,v in net.encoder.net.state_dict().items() if k in own}
            if name != 'alexnet': assert len(kept) > .9*len(net.encoder.net.state_dict())
            assert all(torch.equal(v, own[k]) for k,v in kept.items())
        if name == 'alexnet':
            first = nets[0].encoder.net[0][0]
            assert torch.equal(first.weight, own['features.0.weight'])
            wrong = {'features.0.weight': first.bias}
            with pytest.raises(InputError, match='alexnet'): EncoderUNet('alexnet', state=wrong)
    assert encoder_state('resnet18', 'none') is None
    with pytest.raises(UsageError): timm_encoder('no_such_net')


def test_weights_from_a_package():
    "EfficientNet-Lite0's weights arrive whole, and its maps of pictures with even sides are timm's own"
    import timm
    state = encoder_state('lite0')
    whole = timm.create_model('tf_efficientnet_lite0', features_only=True, out_indices=(1, 2, 3, 4)).eval()
    assert set(whole.state_dict()) < set(state)
    whole.load_state_dict({k: state[k] for k in whole.state_dict()})
    net = EncoderUNet('lite0', widths=SLIM, state=state).eval()
    for L in (torch.rand(2, 1, 96, 160), torch.rand(1, 1, 32, 64)):
        with torch.no_grad(): pairs = list(zip(net.encoder(L), whole((L.expand(-1, 3, -1, -1) - .498)/.502)))
        assert len(pairs) == 4 and all((a - b).abs().max() < 1e-4 for a,b in pairs)
        assert min(b.std() for _,b in pairs) > .1
    with pytest.raises(InputError, match='conv_stem'): EncoderUNet('lite0', state={'conv_stem.weight': L})


def test_float_gradients_of_depthwise_convolutions():
    "Under autocast a depthwise convolution answers in bfloat16 and learns with gradients of float32"
    torch.manual_seed(0)
    for k,stride in ((5, 1), (5, 2), (3, 2)):
        c = StaticConv(nn.Conv2d(8, 8, k, stride, k//2, groups=8, bias=False))
        x,given = torch.randn(2, 8, 12, 12).bfloat16(),[]
        for bf16 in (True, False):
            c.zero_grad()
            c.weight.data = c.weight.data.bfloat16().float()
            one = (x if bf16 else x.float()).clone().requires_grad_()
            with torch.autocast('cpu', torch.bfloat16, enabled=bf16): out = c(one)
            assert out.dtype == (torch.bfloat16 if bf16 else torch.float32) and out.shape[-1] == 12//stride
            out.float().sum().backward()
            given.append((c.weight.grad.clone(), one.grad.float()))
        for a,b in zip(*given): assert (a - b).abs().max() < .01*b.abs().max()


def test_the_card_of_a_new_generator(tmp_path):
    net = made('nearest').eval()
    card = make_card(net, 'pix2pix')
    assert json.loads(json.dumps(card)) == card
    twin = copy.deepcopy(net)
    assert make_card(twin, 'pix2pix')['weights_sha256'] == card['weights_sha256']
    assert np.isfinite(net(torch.zeros(1, 1, 20, 20)).detach().numpy()).all()
