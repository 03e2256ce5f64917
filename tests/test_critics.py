"Critics and losses against sums done in plain Python, and every pair of them in real training steps."
import copy, math
from functools import partial
from itertools import product

import numpy as np, pytest, torch, torch.nn.functional as F
from fastai.callback.progress import ProgressCallback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.optimizer import Adam
from torch import nn

from colorbook.losses.adversarial import (
    adversarial_losses, EachLoss, EnergyLoss, GradientPenaltyLoss, HingeLoss, LogisticLoss, slopes,
    WassersteinLoss)
from colorbook.training.gan import GANCallback, GAN, gan_splitter, gan_step
from colorbook.color.bins import ab_bins, AnnealedMean, class_weights, color_counts, color_prior, SoftBins
from colorbook.losses.classification import BinLoss
from colorbook.losses.content import (ColorfulnessLoss, colorful, L1Loss, L2Loss, PerceptualLoss, small_vgg, SumLoss,
    TotalVariationLoss, vgg19)
from colorbook.color.lab import lab_to_rgb
from colorbook.core import ColorbookError, UsageError
from colorbook.models.energy_critic import EnergyCritic, pull_away
from colorbook.models.critics import ChannelCritics, Critics, PatchCritic, realness
from colorbook.models.s0 import S0Critic
from colorbook.models.s2 import S2Critic
from colorbook.models.pix2pix import ChannelGenerator, S4Critic
from colorbook.data.photos import weights_file
from colorbook.evaluation.metrics import colorfulness
from colorbook.models.layers import adapt, limit, norms

SIZE = 32


@pytest.fixture(autouse=True)
def seed(): torch.manual_seed(0)


def n_weights(net): return sum(o.numel() for o in net.parameters())


# ---- numbers of weights

@pytest.mark.parametrize('make, n, off', [
    (lambda: S2Critic(), 22_388_721, 0), (lambda: S4Critic(), 2_770_000, .01),
    (lambda: S4Critic(), 2_766_529, 0), (lambda: S0Critic(224), 16_758_848, 0),
    (lambda: S0Critic(480), 62_896_192, 0)], ids=['S2', 'S4', 'S4 by hand', 'S0', 'S0 large'])
def test_published_counts(make, n, off):
    with torch.device('meta'): assert abs(n_weights(make()) - n) <= off*n


def test_s2_global_pool_has_the_convolutions_and_a_small_head():
    with torch.device('meta'): assert n_weights(S2Critic()) - n_weights(S2Critic(None)) == (90*120 - 1)*128*16


# ---- critics in training


class Tiny(nn.Module):
    def __init__(self, n=2):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, n, 3, padding=1))
    def forward(self, L): return self.layers(L)
    def color(self, out): return out.tanh()


def run(generator, critic, loss, n=3, size=SIZE):
    "`n` steps without content; returns the GAN, its first weights and the callback"
    gan = GAN(generator, critic)
    L = torch.rand(4*n, 1, size, size)
    n_color = gan.generator.color(gan.generator(L[:1])).shape[1]
    items = list(zip(L, .3*torch.randn(4*n, n_color, size, size).tanh()))
    dls = DataLoaders.from_dsets(items, items[:4], bs=4, device='cpu', num_workers=0)
    opt = partial(Adam, mom=.5)
    learn = Learner(dls, gan, lambda out, ab, L: out.sum()*0, opt_func=opt, splitter=gan_splitter, wd=0.)
    learn.remove_cb(ProgressCallback)
    learn.logger = lambda *_: None
    was,cb = copy.deepcopy(gan.state_dict()),GANCallback(loss)
    with learn.no_bar(): learn.fit(1, [1e-3, 1e-3], cbs=cb)
    return gan,was,cb


critics = {
    's0': lambda c, **o: adapt(S0Critic(SIZE, 2, conditional=c), **o),
    's2': lambda c, **o: S2Critic((SIZE, SIZE), conditional=c, widths=(2, 4, 4, 4), **o),
    's2 pooled': lambda c, **o: S2Critic(None, conditional=c, widths=(2, 4, 4, 4), **o),
    's4': lambda c, **o: S4Critic(2, c, 4, **o),
    'patch': lambda c: PatchCritic(2, 4, conditional=c),
    'energy': lambda c, **o: EnergyCritic(2, c, 4, **o),
    'channels a, b': lambda c, **o: ChannelCritics('ab', partial(S4Critic, nf=4, **o), c),
    'channels r, g, b': lambda c, **o: ChannelCritics('rgb', partial(S4Critic, nf=4, **o), c),
    'energy a channel': lambda c, **o: ChannelCritics('ab', partial(EnergyCritic, nf=4, **o), c),
    'patch and whole': lambda c: Critics([PatchCritic(2, 4, conditional=c), S2Critic(None, conditional=c)], (.9, .1))}


@pytest.mark.parametrize('name', critics)
def test_every_critic_learns_and_teaches_under_every_loss_that_fits(name):
    "All weights of the critic move, and with no content loss all of the generator move by the critic alone"
    fits = [k for k in adversarial_losses if k.startswith('energy') == name.startswith('energy')]
    assert len(fits) >= 2
    for loss,conditional in zip(fits, [True, False]*len(fits)):
        gan,was,cb = run(Tiny(), critics[name](conditional), loss)
        assert cb.crit.isfinite() and cb.gen.isfinite(), (loss, cb.crit, cb.gen)
        now = gan.state_dict()
        # a bias before a norm has no gradient, and one number after all logits none under a difference of means
        still = [k for k,_ in gan.named_parameters() if torch.equal(now[k], was[k])]
        assert not [k for k in still if k.startswith('generator')], loss
        assert not [k for k in still if not k.endswith('bias')], (loss, still)
        if loss == 'wgan': assert max(p.abs().max() for p in gan.critic.parameters()) <= .01


@pytest.mark.parametrize('name', [o for o in critics if o not in ('patch', 'patch and whole')])
def test_every_critic_has_its_switches(name):
    "Each norm and spectral norm: answers, passes a slope to the color, sees lightness only if told to"
    L,ab = torch.rand(2, 1, SIZE, SIZE, requires_grad=True),torch.rand(2, 2, SIZE, SIZE, requires_grad=True)
    for norm,spectral,c in product(norms, (False, True), (False, True)):
        net = critics[name](c, norm=norm, spectral=spectral)
        gL,gab = torch.autograd.grad(realness(net(L, ab)).square().sum(), (L, ab), allow_unused=True)
        assert gab.isfinite().all() and gab.abs().max() > 0, (norm, spectral, c)
        needs_L = c or 'r, g, b' in name  # RGB of ab is made with the lightness
        assert (gL is not None and gL.abs().max().item() > 0) == needs_L, (norm, spectral, c)
        assert copy.deepcopy(net).load_state_dict(net.state_dict())


@pytest.mark.parametrize('k', range(3), ids='rgb')
def test_each_channel_has_its_own_game(k):
    "With a generator and a critic for each channel, training one channel's critic leaves the others' generators alone"
    gen = ChannelGenerator(Tiny(1) for _ in range(3))
    make = partial(S4Critic, nf=4, strides=(2, 2, 1))
    gan,was,_ = run(gen, ChannelCritics('rgb', make, weights=[i == k for i in range(3)]), 'hinge')
    moved = {k.split('.')[2] for k,v in gan.state_dict().items() if k.startswith('gen') and not torch.equal(v, was[k])}
    assert moved == {str(k)}


def test_a_loss_for_each_of_several_critics():
    gan,was,cb = run(Tiny(), Critics([S4Critic(2, nf=4), EnergyCritic(2, nf=4)]), [HingeLoss(), EnergyLoss(10)])
    assert cb.crit.isfinite() and cb.gen.isfinite()
    with pytest.raises(UsageError, match='cannot read'): run(Tiny(), EnergyCritic(2, nf=4), 'hinge')
    with pytest.raises(UsageError, match='cannot read'): run(Tiny(), S4Critic(2, nf=4), 'energy')


def test_spectral_norm_bounds_the_scores():
    "With |D(x) - D(y)| over |x - y| at random pairs: bounded with spectral norm on, not without"
    def steepest(net):
        net = net.train()
        with torch.no_grad():
            for _ in range(30): net(None, torch.randn(2, 2, 64, 64))
            x = torch.randn(8, 2, 64, 64)
            y = x + .1*torch.randn_like(x)
            far = (net.eval()(None, x) - net(None, y)).flatten(1).norm(dim=1)
        return (far/(x - y).flatten(1).norm(dim=1)).max().item()
    plain = S4Critic(2, False, 4, norm='none')
    with torch.no_grad():
        for p in plain.parameters(): p.mul_(40)
    # each 4x4 convolution of stride s covers a pixel (4/s)^2 times: at most 2*2*2*4*4
    assert steepest(limit(copy.deepcopy(plain))) < 128 < steepest(plain)


# ---- adversarial losses, by sums in plain Python

def test_losses_by_hand():
    r,f = torch.randn(3, 1, 4, 5)*2,torch.randn(3, 1, 4, 5)*2
    rs,fs = r.flatten().tolist(),f.flatten().tolist()
    mean = lambda o: sum(o)/len(o)
    hands = dict(
        logistic=(mean([math.log1p(math.exp(-s)) for s in rs]) + mean([math.log1p(math.exp(s)) for s in fs]),
            mean([math.log1p(math.exp(-s)) for s in fs])),
        lsgan=(mean([(s - 1)**2 for s in rs]) + mean([s**2 for s in fs]), mean([(s - 1)**2 for s in fs])),
        hinge=(mean([max(0, 1 - s) for s in rs]) + mean([max(0, 1 + s) for s in fs]), -mean(fs)),
        wgan=(mean(fs) - mean(rs), -mean(fs)), wgan_gp=(mean(fs) - mean(rs), -mean(fs)),
        wgan_s4=(mean(fs) - mean(rs), -mean(fs)))
    assert set(hands) | {'energy', 'energy_pull'} == set(adversarial_losses)
    for name,(crit,gen) in hands.items():
        loss = adversarial_losses[name]()
        assert loss.critic(r, f).item() == pytest.approx(crit, abs=1e-5), name
        assert loss.generator(f).item() == pytest.approx(gen, abs=1e-5), name


@pytest.mark.parametrize('length', [.2, 1., 3.])
def test_penalty_of_a_linear_critic(length):
    w = torch.randn(2, 6, 7)
    w = length*w/w.norm()
    loss = GradientPenaltyLoss()
    for bs in (1, 5):
        L,a,b = torch.rand(bs, 1, 6, 7),torch.rand(bs, 2, 6, 7),torch.rand(bs, 2, 6, 7)
        for critic in (lambda L, c: (c*w).sum((1, 2, 3)), lambda L, c: (c*w).sum((1, 2, 3), keepdim=True) + L.sum()):
            assert loss.penalty(critic, L, a, b).item() == pytest.approx(10*(length - 1)**2, abs=1e-4)


def test_penalty_is_by_picture_not_by_batch():
    "Two pictures with slopes 0 and 2 cost 1 on average; a norm over the batch would see a slope of 2"
    critic = lambda L, c: (c*torch.tensor([0., 2.]).view(2, 1, 1, 1)).flatten(1).sum(1)
    x = torch.rand(2, 1, 1, 1)
    assert GradientPenaltyLoss(1.).penalty(critic, x, x, x + 1).item() == pytest.approx(1)
    assert slopes(critic, x, x).tolist() == pytest.approx([0, 2])


def test_penalty_is_measured_between_real_and_fake_with_one_chance_a_picture():
    seen = []
    def critic(L, c):
        seen.append(c.detach())
        return c.flatten(1).sum(1)
    GradientPenaltyLoss().penalty(critic, None, torch.ones(50, 2, 3, 3), torch.zeros(50, 2, 3, 3))
    mix = seen[0].flatten(1)
    assert (mix == mix[:,:1]).all() and mix.min() >= 0 and mix.max() <= 1 and mix[:,0].std() > .2


def test_the_penalty_of_a_step_sees_real_and_fake():
    "One whose value depends on both colors joins the critic's loss, and its slope the critic's gradients"
    class Spy(LogisticLoss):
        def penalty(self, critic, L, real, fake): return critic(L, real - 2*fake).square().mean()
    gan = GAN(Tiny(), S4Critic(2, nf=4, strides=(2, 2, 1), norm='none'))
    L,real = torch.rand(3, 1, SIZE, SIZE),torch.rand(3, 2, SIZE, SIZE)
    fake = gan.generator.color(gan(L))
    step = gan_step(gan, EachLoss(Spy()), L, real, fake)
    grads = [p.grad.clone() for p in gan.critic.parameters()]
    by_hand = LogisticLoss().critic(gan.critic(L, real), gan.critic(L, fake.detach()))
    by_hand = by_hand + gan.critic(L, real - 2*fake.detach()).square().mean()
    assert step.crit.item() == pytest.approx(by_hand.item(), abs=1e-6)
    for a,b in zip(grads, torch.autograd.grad(by_hand, list(gan.critic.parameters()))): torch.testing.assert_close(a, b)


def test_penalty_teaches_the_critic():
    "Its gradient by the weights is the derivative of 10 (|w| - 1)^2"
    net = nn.Linear(5, 1, bias=False)
    x = torch.rand(4, 5, 1, 1)
    GradientPenaltyLoss().penalty(lambda L, c: net(c.flatten(1)), None, x, x + 1).backward()
    w = net.weight.detach()
    assert torch.allclose(net.weight.grad, 20*(w.norm() - 1)*w/w.norm(), atol=1e-4)


def test_clipping():
    net = S4Critic(2, nf=4)
    WassersteinLoss(.02).constrain(net)
    assert max(p.abs().max() for p in net.parameters()) <= .02 + 1e-7
    before = copy.deepcopy(net.state_dict())
    GradientPenaltyLoss().constrain(net)
    assert all(torch.equal(v, before[k]) for k,v in net.state_dict().items())


@pytest.mark.parametrize('rep', [(1, 1, 2, 2), (3, 1, 1, 1)], ids=['tiled', 'batch'])
def test_no_adversarial_loss_knows_the_size(rep):
    r,f = torch.randn(2, 1, 3, 4),torch.randn(2, 1, 3, 4)
    for name in set(adversarial_losses) - {'energy', 'energy_pull'}:
        loss = adversarial_losses[name]()
        assert loss.critic(r.repeat(rep), f.repeat(rep)).item() == pytest.approx(loss.critic(r, f).item(), abs=1e-5)
        assert loss.generator(f.repeat(rep)).item() == pytest.approx(loss.generator(f).item(), abs=1e-5)


def test_no_energy_knows_the_size():
    "Tiles of a picture whose edges continue are drawn as the picture is; so the energy and both losses stay"
    critic = EnergyCritic(2, nf=4).eval()
    for m in critic.modules():
        if isinstance(m, nn.Conv2d): m.padding_mode,m._reversed_padding_repeated_twice = 'circular',[1]*4
    real,fake = torch.rand(2, 2, 64, 64)*2 - 1,torch.rand(2, 2, 64, 64)*2 - 1
    for rep in ((1, 1, 2, 2), (3, 1, 1, 1)):
        loss = EnergyLoss(60.)
        a = loss.critic(critic(None, real), critic(None, fake))
        b = loss.critic(critic(None, real.repeat(rep)), critic(None, fake.repeat(rep)))
        # transposed convolutions know only zeros beyond the edge: what is left of it
        assert b.item() == pytest.approx(a.item(), rel=2e-3)


def test_pull_away_by_hand():
    codes = torch.randn(4, 3, 2, 2)
    v,total = codes.flatten(1).numpy(),0
    for i,j in product(range(4), repeat=2):
        if i != j: total += (v[i] @ v[j]/np.linalg.norm(v[i])/np.linalg.norm(v[j]))**2
    assert pull_away(codes).item() == pytest.approx(total/12, abs=1e-5)


def test_realness_is_one_number_a_picture():
    logits,said = torch.randn(3, 1, 5, 4),EnergyCritic(2, nf=4)(None, torch.rand(3, 2, 32, 32))
    both = [(.25, logits), (.5, said)]
    assert torch.allclose(realness(both), .25*logits.mean((1, 2, 3)) - .5*said.energy.flatten(), atol=1e-5)


# ---- content losses

def test_content_by_hand():
    a,b = torch.randn(2, 2, 3, 4),torch.randn(2, 2, 3, 4)
    x,y = a.numpy(),b.numpy()
    assert L2Loss(3)(a, b).item() == pytest.approx(3*((x - y)**2).sum()/48, abs=1e-5)
    tv = sum(abs(x[i,c,h,w + 1] - x[i,c,h,w]) for i,c,h,w in np.ndindex(2, 2, 3, 3))
    tv += sum(abs(x[i,c,h + 1,w] - x[i,c,h,w]) for i,c,h,w in np.ndindex(2, 2, 2, 4))
    assert TotalVariationLoss(2)(a).item() == pytest.approx(2*tv/48, abs=1e-5)
    m = lambda z: 110*(np.hypot(z[0].std(), z[1].std()) + .37*np.hypot(z[0].mean(), z[1].mean()))
    by_hand = np.mean([abs(m(p) - m(q))/100 for p,q in zip(x, y)])
    assert ColorfulnessLoss()(a, b).item() == pytest.approx(by_hand, abs=1e-3)


def test_colorfulness_is_that_of_the_metrics():
    rgb = torch.rand(4, 3, 20, 30)
    assert torch.allclose(colorful(rgb*2 - 1, 0.), colorfulness(rgb), atol=1e-3)


def test_perceptual_by_hand_and_frozen():
    net = small_vgg(4)
    a,b = torch.rand(2, 3, 16, 16)*2 - 1,torch.rand(2, 3, 16, 16)*2 - 1
    fa,fb = (net(o/2 + .5).numpy() for o in (a, b))
    loss = PerceptualLoss(net, 5)
    assert loss(a, b).item() == pytest.approx(5*np.abs(fa - fb).mean(), rel=1e-4)
    assert not any(p.requires_grad for p in loss.parameters())
    x = a.clone().requires_grad_()
    loss(x, b).backward()
    assert x.grad.abs().max() > 0 and b.grad is None


def test_perceptual_on_ab_is_that_of_the_pictures():
    "With the lightness of the batch, at the color's size; and not without"
    ab,L = torch.rand(1, 2, 8, 8)*.1,torch.rand(1, 1, 16, 16)
    loss = SumLoss(l1=L1Loss(), vgg=PerceptualLoss(small_vgg(2)))
    pictures = [lab_to_rgb(torch.cat([F.avg_pool2d(L, 2)*100, o*110], 1))*2 - 1 for o in (ab, 0*ab)]
    expected = PerceptualLoss(small_vgg(2))(*pictures).item() + ab.abs().mean().item()
    assert loss(ab, 0*ab, L).item() == pytest.approx(expected, rel=1e-4)
    assert abs(loss(ab, 0*ab, 1 - L).item() - expected) > 1e-4
    with pytest.raises(UsageError, match='lightness'): loss(ab, 0*ab)


def test_vgg19_of_the_shared_weights():
    "Keys and layers fit, edges reflect, and the activations have the scale that they were normalized to"
    if not weights_file('vgg19-normalised-relu3_1.pth'):
        pytest.skip('no shared photos beside the checkout')
    from colorbook.data.photos import sample_photos
    net = vgg19()
    rgb = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size=64)[:3]]).permute(0, 3, 1, 2)/255
    with torch.no_grad(): out = net(rgb)
    assert out.shape == (3, 256, 16, 16) and out.min() >= 0 and .5 < out.mean() < 2
    # BGR minus its mean: pure red is (0, 0, 255) minus the means
    red = torch.tensor([1., 0, 0]).view(1, 3, 1, 1)
    assert torch.allclose(net[0](red).flatten(), torch.tensor([-103.939, -116.779, 255 - 123.68]), atol=.1)


# ---- the 313 classes, checked again without any of their code but the table

def encode(c, bins, k=10, sigma=5.):
    d = [math.hypot(c[0] - a, c[1] - b) for a,b in bins]
    near = sorted(range(len(bins)), key=d.__getitem__)[:k]
    w = [math.exp(-d[i]**2/(2*sigma**2)) for i in near]
    return {i: o/sum(w) for i,o in zip(near, w)}


COLORS = [(-71., 64.), (1., 2.), (62., -96.), (37., 58.), (-72., 63.)]  # none with a tie for tenth place


def test_classes_by_hand():
    "Ten neighbors, sigma 5; weights of lambda 0.5 with mean 1; cross-entropy with both"
    bins = ab_bins().tolist()
    codes = [encode(c, bins) for c in COLORS]
    ab = torch.tensor(COLORS).T.view(1, 2, 1, -1)/110
    idx,w = SoftBins()(ab)
    for n,code in enumerate(codes):
        got = dict(zip(idx[0,:,0,n].tolist(), w[0,:,0,n].tolist()))
        assert len(got) == 10
        for i in set(got) | set(code): assert got.get(i, 0) == pytest.approx(code.get(i, 0), abs=1e-4)
    p = [sum(code.get(q, 0) for code in codes)/len(codes) for q in range(313)]
    assert np.allclose(color_prior(color_counts([ab])).numpy(), p, atol=1e-5)
    raw = [1/(.5*o + .5/313) for o in p]
    weights = [o/sum(a*b for a,b in zip(p, raw)) for o in raw]
    assert sum(a*b for a,b in zip(p, weights)) == pytest.approx(1)
    assert np.allclose(class_weights(torch.tensor(p)).numpy(), weights, rtol=1e-3)
    s = torch.randn(1, 313, 1, len(COLORS))
    loss = 0
    for n,code in enumerate(codes):
        e = np.exp(s[0,:,0,n].double().numpy())
        q = max(code, key=code.get)
        loss -= weights[q]*sum(z*math.log(e[i]/e.sum()) for i,z in code.items())/len(COLORS)
    made = BinLoss(torch.tensor(weights, dtype=torch.float))
    assert made(s, ab).item() == pytest.approx(loss, rel=1e-3)
    for rep in ((1, 1, 2, 2), (3, 1, 1, 1)):
        assert made(s.repeat(rep), ab.repeat(rep)).item() == pytest.approx(loss, rel=1e-3)


def test_annealed_mean_by_hand():
    "T = 0.38 by default, the mode toward 0, the mean at 1"
    bins,s = ab_bins().double().numpy(),torch.randn(313)*3
    def at(T):
        e = np.exp((s.double().numpy() - s.max().item())/T)
        return (e/e.sum()) @ bins
    color = lambda *T: AnnealedMean(*T)(s.view(1, -1, 1, 1)).flatten().numpy()*110
    assert np.allclose(color(), at(.38), atol=1e-2) and np.allclose(color(1.), at(1), atol=1e-2)
    assert np.allclose(color(1e-4), bins[s.argmax()], atol=1e-2)


@pytest.mark.parametrize('make', [PatchCritic, S4Critic])
def test_a_picture_too_small_for_a_verdict(make):
    "Color at a quarter of 32 pixels, as target `ab4` makes it"
    critic = make(2, strides=(2, 2, 1, 1))
    assert critic(torch.rand(2, 1, 48, 48), torch.rand(2, 2, 12, 12)).shape == (2, 1, 1, 1)
    with pytest.raises(UsageError, match='at least 12x12 pixels and got 8x8') as e:
        critic(torch.rand(2, 1, 32, 32), torch.rand(2, 2, 8, 8))
    assert e.value.exit_code == 2 and 'larger pictures' in e.value.remedy


def test_errors_say_what_to_do():
    for f in (lambda: S4Critic(norm='layer'), lambda: ChannelCritics('yuv'), lambda: ColorfulnessLoss(goal='less')):
        with pytest.raises(ColorbookError) as e: f()
        assert e.value.exit_code == 2
