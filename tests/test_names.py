"Everything with a name is what it says it is, and whatever says that it fits together takes a step."
from inspect import signature

import pytest, torch
from torch import nn
from torchvision.models import alexnet, mobilenet_v2

from colorbook.color.bins import AnnealedMean, class_weights
from colorbook.core import UsageError
from colorbook.losses import content as kin
from colorbook.losses.adversarial import adversarial_losses, EachLoss
from colorbook.losses.classification import BinLoss
from colorbook.losses.content import ColorfulnessLoss, content_losses, TotalVariationLoss
from colorbook.losses.temporal import SteadyLoss
from colorbook.models.energy_critic import EnergyOutput
from colorbook.models.registry import create_critic, create_generator, critics, generators, list_critics, outputs
from colorbook.training.gan import GAN, gan_step

SIZE = 64
KINDS = [(c, n) for c,n in (('rgb', 3), ('ab', 2))]


@pytest.fixture(autouse=True)
def seed(): torch.manual_seed(0)


class Tiny(nn.Module):
    "A generator of two layers"
    def __init__(self, n):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, n, 3, padding=1))
    def forward(self, L): return self.layers(L)
    def color(self, out): return out.tanh()


def finite(net, some=True):
    grads = [p.grad for p in net.parameters() if p.grad is not None]
    return bool(grads) == some and all(g.isfinite().all() for g in grads)


# ---- generators

@pytest.mark.parametrize('name', list(generators))
def test_a_generator_answers_as_it_says_and_learns_by_every_content_that_can_read_it(name, monkeypatch):
    vgg = kin.vgg
    monkeypatch.setattr(kin, 'vgg', lambda: vgg(pretrained=False))  # the real one's layers, no download
    entry,net = generators[name],create_generator(name, size=SIZE)
    assert entry.noise == bool(getattr(net, 'z_dim', 0))
    kind = outputs[entry.output]
    L = torch.rand(2, 5 if entry.film else entry.n_in, SIZE, SIZE)
    n = 2*(L.shape[1] - 2 if entry.film else 1)
    side = SIZE//kind.stride
    target,prior = torch.rand(n, kind.channels, side, side) - .5,torch.full((313,), 1/313)
    light = L[:,1:-1].flatten(0, 1)[:,None] if entry.film else L[:,:1]
    assert net.color(net.eval()(L)).shape == target.shape
    answered = 313 if entry.output.startswith('bins') else kind.channels + kind.saliency
    assert net.eval()(L).shape[1] == answered
    fits = [k for k in content_losses if entry.output in content_losses[k].outputs]
    assert fits
    out,total = net.train()(L),0
    for content in fits:
        loss = content_losses[content](prior=prior if content_losses[content].prior else None)
        value = loss(out, target, light)
        assert value.isfinite() and value > 0, content
        assert torch.autograd.grad(value, out, retain_graph=True)[0].isfinite().all(), content
        total = total + value
    total.backward()
    assert finite(net)


@pytest.mark.parametrize('name', list(generators))
def test_a_generator_says_with_what_it_begins(name):
    assert bool(generators[name].weights) == ('state' in signature(generators[name].make).parameters)


def test_pretrained_weights_arrive():
    "Those of MobileNetV2, of another encoder and of an image model, in the network that is made by name"
    mobile,alex = mobilenet_v2(num_classes=1001).state_dict(),alexnet().state_dict()
    for k in ('mobile', 'mobile_ab'):
        net = create_generator(k, state=mobile)
        assert torch.equal(net.encoder[4][-1].conv[2].weight, mobile['features.17.conv.2.weight'])
    made = create_generator('alexnet', state=alex).encoder.state_dict().values()
    assert any(o.shape == alex['features.10.weight'].shape and torch.equal(o, alex['features.10.weight']) for o in made)
    image = create_generator('lite0').state_dict()
    film = create_generator('temporal', state=image).state_dict()
    assert all(torch.equal(v, film[k]) for k,v in image.items())


# ---- critics

def test_ends_of_critics():
    ends = {k: type(create_critic(k).end) for k in ('s4', 's4_ab', 's4_gp', 's4_leaky', 's4_sigmoid')}
    assert ends == dict(s4=nn.Identity, s4_ab=nn.Identity, s4_gp=nn.LeakyReLU, s4_leaky=nn.LeakyReLU,
        s4_sigmoid=nn.Sigmoid)
    assert create_critic('s4_leaky').end.negative_slope == .2


@pytest.mark.parametrize('name', list(critics))
def test_a_critic_is_what_it_says(name):
    "Energy or scores, and whether the verdict on one picture depends on the next"
    entry = critics[name]
    for color,n in KINDS:
        if color not in entry.colors: continue
        net,x = create_critic(name, size=SIZE, n_color=n),torch.rand(2, n, SIZE, SIZE, requires_grad=True)
        said = net(torch.rand(2, 1, SIZE, SIZE), x)
        each = [o for _,o in said] if isinstance(said, list) else [said]
        assert [isinstance(o, EnergyOutput) for o in each] == [entry.energy]*len(each)
        first = sum((o.energy if entry.energy else o)[0].sum() for o in each)
        slope = torch.autograd.grad(first, x)[0].abs().amax((1, 2, 3))
        assert slope[0] > 0 and (slope[1] > 0).item() == entry.mixes


@pytest.mark.parametrize('name', list(critics))
def test_a_critic_learns_and_teaches_under_every_loss_that_can_read_it(name):
    entry = critics[name]
    fits = [k for k in adversarial_losses if adversarial_losses[k].energy == entry.energy
            and not (adversarial_losses[k].alone and entry.mixes)]
    assert fits
    for color,n in KINDS:
        if color not in entry.colors: continue
        net = create_critic(name, size=SIZE, n_color=n)
        for adversarial in fits:
            gan = GAN(Tiny(n), net)
            L,real = torch.rand(2, 1, SIZE, SIZE),torch.rand(2, n, SIZE, SIZE) - .5
            loss = EachLoss(adversarial_losses[adversarial]())
            step = gan_step(gan, loss, L, real, gan.generator.color(gan(L)))
            step.term.backward()
            assert step.crit.isfinite() and step.gen.isfinite(), adversarial
            assert finite(net) and finite(gan.generator), adversarial
            for p in net.parameters(): p.grad = None
            loss.constrain(net)


@pytest.mark.parametrize('name', [k for k in critics if critics[k].energy])
def test_an_energy_is_refused_by_a_loss_of_scores(name):
    net,x = create_critic(name, size=SIZE, n_color=2),torch.rand(2, 2, SIZE, SIZE)
    for k in adversarial_losses:
        loss = EachLoss(adversarial_losses[k]())
        if adversarial_losses[k].energy: assert loss.generator(net(None, x)).isfinite()
        else:
            with pytest.raises(UsageError, match='auto-encoder'): loss.generator(net(None, x))
            with pytest.raises(UsageError, match='auto-encoder'): loss.critic(net(None, x), net(None, x))


# ---- losses

@pytest.mark.parametrize('name', [k for k in adversarial_losses if not adversarial_losses[k].energy])
def test_a_loss_says_whether_it_is_ever_negative(name):
    loss = adversarial_losses[name]()
    for s in torch.randn(50, 8)*3:
        if loss.generator(s) < 0: break
    else: assert adversarial_losses[name].positive
    worst = min(min(loss.generator(s), loss.critic(s, -s), loss.critic(-s, s)).item() for s in torch.randn(50, 8)*3)
    assert (worst < 0) != adversarial_losses[name].positive


def test_adversarial_losses_have_their_settings():
    made = {k: vars(adversarial_losses[k]()) for k in adversarial_losses}
    assert made == dict(energy=dict(margin=80, pull=0), energy_pull=dict(margin=80, pull=.1), hinge={}, logistic={},
        lsgan={}, wgan=dict(clip=.01), wgan_gp=dict(lam=10), wgan_s4=dict(clip=.05))


def test_content_losses_have_their_settings(monkeypatch):
    "Each by the weights that its name stands for, at a lam of 2"
    monkeypatch.setattr(kin, 'vgg', lambda: kin.small_vgg(4))
    a,b,L = torch.rand(2, 2, 8, 8) - .5,torch.rand(2, 2, 8, 8) - .5,torch.rand(2, 1, 8, 8)
    d = (a - b).abs()
    l1,tv,color = 2*d.mean(),TotalVariationLoss()(a),ColorfulnessLoss()(a, b)
    seen = kin.PerceptualLoss(kin.small_vgg(4))(a, b, L)
    smooth = 2*torch.where(d < .1, d**2/.2, d - .05).mean()
    want = dict(l1=l1, l2=2*d.square().mean(), l2_sum=d.square().sum(), smooth_l1=smooth, l1_tv=l1 + .2*tv,
        colorful=l1 + color, perceptual=l1 + 10*seen)
    for k,v in want.items():
        assert content_losses[k](lam=2.)(a, b, L).item() == pytest.approx(v.item(), rel=1e-4), k
    scores,prior,mean = torch.randn(2, 313, 8, 8),torch.rand(313).softmax(0),AnnealedMean()
    gray = b*torch.tensor([0., 1]).view(2, 1, 1, 1) + .04
    for rebalance in (0., .5):
        bins = BinLoss(class_weights(prior, alpha=rebalance))
        known = {k: content_losses[k](prior=prior, rebalance=rebalance) for k in ('bins', 'bins_zhang', 'steady')}
        torch.testing.assert_close(known['bins'](scores, b), bins(scores, b))
        torch.testing.assert_close(known['steady'](scores, b), bins(scores, b))
        torch.testing.assert_close(known['bins_zhang'](scores, gray), bins(scores[1:], gray[1:])/2)
    moves = torch.rand(1, 3, 3, 8, 8)
    three = torch.randn(3, 313, 8, 8)
    steady = SteadyLoss(lambda *o: 0, None, 6., 10.).steady(mean(three), moves)
    torch.testing.assert_close(content_losses['follow'](lam=2.)(three, torch.zeros(3, 2, 8, 8), None, moves),
        mean(three).abs().mean() + steady)


# ---- constants of the published networks

def kinds(net, *types): return [m for m in net.modules() if isinstance(m, types)]


SLOPES = dict(s0=.1, s1=.01, s2=.2, s4=.2, s4_leaky=.2, energy=.2, patch=.2)  # of leaky ReLUs in critics


@pytest.mark.parametrize('name', SLOPES)
def test_slopes_of_critics(name):
    found = {m.negative_slope for m in kinds(create_critic(name, size=32, n_color=3), nn.LeakyReLU)}
    assert found == {SLOPES[name]}


def test_constants_of_generators():
    small = {k: create_generator(k, size=SIZE) for k in ('s0', 's1_32', 'stride1', 'pix2pix_batch')}
    slopes = {k: {m.negative_slope for m in kinds(o, nn.LeakyReLU)} for k,o in small.items()}
    assert slopes == dict(s0={.1}, s1_32={.1}, stride1=set(), pix2pix_batch={.2})
    assert [m.p for m in kinds(small['pix2pix_batch'], nn.Dropout)] == [.5]
    assert {(m.eps, m.momentum) for m in kinds(small['stride1'], nn.BatchNorm2d)} == {(1e-3, .01)}
    assert {(m.eps, m.momentum) for m in kinds(create_critic('s2', size=32), nn.BatchNorm2d)} == {(1e-3, .01)}
    for k in ('s0', 'pix2pix_batch'):
        assert {(m.eps, m.momentum) for m in kinds(small[k], nn.BatchNorm2d)} == {(1e-5, .1)}
    assert {m.eps for m in kinds(small['s1_32'], nn.InstanceNorm2d)} == {1e-5}
    assert create_generator('pix2pix_noise', size=8).z_dim == 8 and small['stride1'].z_dim == 100


def test_sizes_of_networks_by_name():
    "Parameters, which tell widths and depths: published ones, and those of the ablation"
    def n(net): return sum(p.numel() for p in net.parameters())
    with torch.device('meta'):
        got = {k: n(create_generator(k, size=256)) for k in ('s0', 's1', 's1_32', 'pix2pix', 'pix2pix_transposed')}
        judges = dict(s0=3, s1=3, s4=2, patch=2, lab=2, lab_ab=2, lab_full=2, energy=2)
        got |= {f'critic {k}': n(create_critic(k, size=224, n_color=c)) for k,c in judges.items()}
    lab = lambda i, *c: sum(16*a*b + b for a,b in zip((i, *c), (*c, 1)))
    assert got == {'s0': 7_822_336, 's1': 8_085_504, 's1_32': 2_023_424, 'pix2pix': 39_304_386,
        'pix2pix_transposed': 54_675_266, 'critic s0': 16_758_848, 'critic s1': 694_240, 'critic s4': 2_766_529,
        'critic patch': lab(3, 64, 128, 256), 'critic lab': lab(3, 32, 64), 'critic lab_ab': lab(2, 32, 64),
        'critic lab_full': lab(3, 32, 64, 128), 'critic energy': 5_513_218}


def test_names_by_pattern():
    assert list_critics('s4*') == ['s4', 's4_ab', 's4_gp', 's4_leaky', 's4_sigmoid']
    assert list_critics('nothing*') == []
    with pytest.raises(UsageError, match='no generator .s5.; choose .*pix2pix, '): create_generator('s5')
    with pytest.raises(TypeError): create_generator('mobile', depth=3)
