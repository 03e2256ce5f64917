"The table of published constants against the recipes, row by row: what is not a reasoned difference is equal."
import functools
from dataclasses import fields, replace
from fnmatch import fnmatch

import numpy as np, pytest, torch

import starts
from colorbook.color.bins import ab_bins, color_counts, color_prior
from colorbook.color.lab import gray_to_L, grays, rgb_to_lab
from colorbook.data.synthetic import visibility_batch
from colorbook.data.loaders import color_loaders, SquareCrop
from colorbook.data.photos import Photos
from colorbook.losses.adversarial import adversarial_losses
from colorbook.losses.content import content_losses
from colorbook.models.energy_critic import energy
from colorbook.training.recipes import Phase, published, Recipe, recipes
from colorbook.training.registry import targets
from colorbook.training.scene import SceneTraining, tasks
from colorbook.training.critic_schedules import as_schedule, make_gan_callback
from colorbook.models.registry import critics, generators
from colorbook.models.s2 import S2Critic, Stride1Generator

FREE = 'name', 'phases', 'floor', 'seed', 'taught', 'scenes'  # not published, or the subject of several rows
ELSEWHERE = 'rebalance',  # for classes alone
BINS = len(ab_bins())


def expand():
    "A row for each of its fields and recipes"
    for system,rows in published().items():
        for row in rows:
            many = isinstance(row['field'], list)
            names = [row['network']] if 'network' in row else [
                n for n in recipes if any(fnmatch(n, p) for p in row['recipes'])] or [row['recipes'][0]]
            for i,field in enumerate(row['field'] if many else [row['field']]):
                value = row['published'][i] if many and isinstance(row['published'], list) else row['published']
                for name in names:
                    yield pytest.param(name, field, dict(row, published=value), id=f'{system} {name} {field}')


ROWS = list(expand())


def plain(o):
    "Tuples as lists, truth as a number"
    if isinstance(o, (list, tuple)): return [plain(x) for x in o]
    return float(o) if isinstance(o, (bool, int, float)) else o


def equal(a, b, about=1e-6):
    a,b = plain(a),plain(b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equal(x, y, about) for x,y in zip(a, b))
    if isinstance(a, float) and isinstance(b, float): return a == pytest.approx(b, rel=about)
    return type(a) is type(b) and a == b


# ---- what is built

SIDE = 32  # of the pictures that networks are tried with


def at(name, side=SIDE): return replace(recipes[name], size=side)


def planes(name): return 3 if recipes[name].target == 'rgb' else 2


@functools.lru_cache(maxsize=None)
def made(kind, key, target):
    "A network of the tables, small"
    torch.manual_seed(3)
    if kind == 'generator': return generators[key](size=SIDE)
    return critics[key](size=SIDE, n_color=3 if target == 'rgb' else 2)


def generator_of(name): return made('generator', recipes[name].generator, recipes[name].target)


def critic_of(name): return made('critic', recipes[name].critic, recipes[name].target)


def weights(net): return sum(p.numel() for p in net.parameters())


def n_weights(kind, name, size=256, part=''):
    "Weights of a network of the tables, without making it"
    make = generators[name] if kind == 'generators' else critics[name]
    settings = dict(size=size)
    if kind == 'critics': settings['n_color'] = 3 if name[:2] in ('s0', 's1', 's3') else 2
    if name == 'zhang': return weights(make(**settings))  # its bins are computed
    with torch.device('meta'): return weights(make(**settings).get_submodule(part))


def first_input(net):
    "What the first convolution is given for black and for white"
    seen,first = [],next(m for m in net.modules() if isinstance(m, torch.nn.Conv2d) and m.in_channels < 10)
    hook = first.register_forward_pre_hook(lambda m, x: seen.append(x[0][len(x[0])//2,0].mean().item()))
    with torch.no_grad():
        for o in (0., 1.): net.eval()(torch.full((1, 1, SIDE, SIDE), o))
    hook.remove()
    return [round(o, 4) for o in seen]


def reach(net):
    "The largest value that a generator can answer"
    head = [m for m in net.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.ConvTranspose2d))][-1]
    was = head.weight.data.clone()
    head.weight.data *= 1e5
    with torch.no_grad(): out = net.eval()(torch.rand(1, 1, SIDE, SIDE)).abs().max().item()
    head.weight.data = was
    return out


def sees(name):
    "What a critic's verdict depends on"
    critic,color = critic_of(name).eval(),torch.rand(1, planes(name), SIDE, SIDE)
    with torch.no_grad(): a,b = (critic(torch.full((1, 1, SIDE, SIDE), o), color) for o in (0., 1.))
    if not isinstance(a, torch.Tensor): a,b = a[0],b[0]
    return 'color' if torch.equal(a, b) else 'lightness and color'


def end_of(name):
    "What comes after the last layer of a critic"
    net,seen = critic_of(name).eval(),[]
    hook = list(starts.layers(net).values())[-1].register_forward_hook(lambda m, x, out: seen.append(out.flatten()))
    with torch.no_grad(): out = net(torch.rand(4, 1, SIDE, SIDE), torch.rand(4, planes(name), SIDE, SIDE)).flatten()
    hook.remove()
    if torch.allclose(out, seen[0]): return 'scores'
    if torch.allclose(out, seen[0].sigmoid()): return 'sigmoid'
    below = seen[0] < 0
    assert torch.equal(out[~below], seen[0][~below])
    return f'leaky {(out/seen[0])[below].mean().item():.1f}'


def spectral_of(net): return next(m for m in net.modules() if type(m).__name__ == '_SpectralNorm')


# ---- losses

def loss_of(name):
    r = recipes[name]
    prior = torch.full((BINS,), 1/BINS)
    prior[0],prior[1] = 2/BINS,0.
    make = content_losses[r.content]
    return make(lam=r.lam, rebalance=r.rebalance, prior=prior) if make.prior else make(lam=r.lam, rebalance=r.rebalance)


def sigma(name):
    "Width of the soft code: a gray is at its bin, and ten units from the next"
    near,far = loss_of(name).soft.w[128*256 + 128,:2]
    return round(((-50/torch.log(far/near))**.5).item(), 3)


def rare(name):
    "Share of the uniform distribution in the class weights, and their mean under the prior of `loss_of`"
    w = loss_of(name).weights
    prior = torch.full((BINS,), 1/BINS)
    prior[0],prior[1] = 2/BINS,0.
    return (w[2]/w[1]).item(), (prior*w).sum().item()


def adversarial(name): return adversarial_losses[recipes[name].adversarial]()


def half_sum(name):
    "The content loss of a published batch in units of half the sum of squares"
    g = torch.Generator().manual_seed(0)
    a,b = (torch.rand(4, 2, 256, 256, generator=g) for _ in range(2))
    return (loss_of(name)(a, b)/((a - b).square().sum()/2)).item()


def axes(name):
    "Over what a slope is measured: a linear critic of slope 1 owes nothing, if over a picture"
    w = torch.randn(2, 8, 8)
    w /= w.norm()
    real,fake = torch.rand(2, 3, 2, 8, 8)
    owed = adversarial(name).penalty(lambda L, c: (c*w).sum((1, 2, 3)), torch.rand(3, 1, 8, 8), real, fake)
    return 'a picture' if owed < 1e-6 else 'one axis'


def penalty(name):
    "Weight of the penalty: what a critic without any slope owes"
    x = torch.rand(3, 2, 8, 8)
    return adversarial(name).penalty(lambda L, c: 0*c.sum((1, 2, 3)), torch.rand(3, 1, 8, 8), x, x).item()


def critic_steps(name):
    "Critic steps for the generator's steps 0, 9, 10, 499, 500 and 501"
    turns,steps,n = as_schedule(recipes[name].phases[0].mode),[],0
    for step in range(6000):
        n += 1
        if turns(step, None) == 'both':
            steps.append(n)
            n = 0
    return [steps[i] for i in (0, 9, 10, 499, 500, 501)]


# ---- pictures

def square(w, h):
    "Pictures whose red counts columns and whose green counts rows"
    x,y = np.meshgrid(np.linspace(0, 250, w), np.linspace(0, 250, h))
    return [np.stack([x, y, 0*x + i], 2).astype(np.uint8) for i in range(24)]


def crop_range(name):
    "Shares of a side that crops have"
    r = recipes[name]
    crop = SquareCrop(Photos(square(96, 96)), 96, r.low, (), r.squeeze, r.mirror)
    shares = torch.tensor([(o[1,-1,0].float() - o[1,0,0]).item() for o in map(crop, [0]*200)])/250
    assert r.low - .02 < shares.min()
    return [r.low, 1.] if shares.max() - shares.min() > .5*(1 - r.low) else [r.low, r.low]


def shuffle(name):
    "Do two epochs have one order?"
    dls = color_loaders(Photos(square(32, 32)), 4, 32, 1., .1, device='cpu', mirror=False, target='rgb')
    a,b = ([y[:,2,0,0] for _,y in dls.train] for _ in range(2))
    return 'every epoch' if not torch.equal(torch.cat(a), torch.cat(b)) else 'fixed permutation'


def lightness(name):
    "What a network is given of a gray of .2"
    gray = torch.full((1, 3, 4, 4), .2)
    L,lstar = gray_to_L(grays[recipes[name].gray](gray)),rgb_to_lab(gray)[:,:1]/100
    return 'L* of the gray' if torch.allclose(L, lstar, atol=1e-4) else 'the gray itself'


def target_of(name): return targets[recipes[name].target]


def unit(name):
    "How many units of a and b are 1"
    rgb = torch.tensor([1., 0., 0.]).view(1, 3, 1, 1).expand(-1, -1, 8, 8)
    return round((rgb_to_lab(rgb)[0,1,0,0]/target_of(name)(rgb)[0,0,0,0]).item(), 3)


def soft_prior(name):
    "Are colors counted one bin each, or through the soft code?"
    one = color_prior(color_counts([torch.zeros(1, 2, 4, 4) + .03]))
    return 'counted through the soft code' if (one > 0).sum() > 1 else 'counted'


def printed(name):
    "Is the value of the loss weighted?"
    loss = loss_of(name)
    loss.weights = torch.ones(BINS)*2
    one = loss(torch.zeros(1, BINS, 1, 1), torch.full((1, 2, 1, 1), .5))
    return 'weighted' if one.item() == pytest.approx(2*np.log(BINS), rel=1e-4) else 'not weighted'


def pretraining(name):
    n = {}
    for p in recipes[name].phases[:-1]: n[p.mode] = n.get(p.mode, 0) + p.epochs
    return ' and '.join(f'{v} {k}' for k,v in n.items())


# ---- one step

@functools.lru_cache(maxsize=4)
def step(name):
    "One batch of a recipe at 32 pixels: whose verdict the generator hears, and whether norms learn"
    from fastai.vision.all import Callback
    from colorbook.training.gan import GANCallback
    from colorbook.training.trainer import make_learner
    r = replace(recipes[name], size=32, bs=4, valid=.2)
    dls = color_loaders(Photos(square(32, 32)[:6]), 4, 32, 1., .1, device='cpu', target=r.target)
    learn,heard,moved = make_learner(r, dls),[],[]
    class Watch(Callback):
        order = GANCallback.order + 1
        def before_batch(self):
            net = self.learn.model
            if self.training: self.was = [m.running_mean.clone() for m in net.modules() if hasattr(m, 'running_mean')]
        def after_loss(self):
            if self.training: self.then = [p.detach().clone() for p in self.learn.model.critic.parameters()]
        def before_step(self):
            now = self.learn.model.critic.parameters()
            heard.append('old critic' if all(torch.equal(a, b) for a,b in zip(self.then, now)) else 'new critic')
        def after_batch(self):
            net = self.learn.model
            if self.training: moved.append([not torch.equal(a, m.running_mean) for a,m in
                zip(self.was, [m for m in net.modules() if hasattr(m, 'running_mean')])])
    with learn.no_bar(), learn.no_logging():
        callback = make_gan_callback(r.adversarial, r.adv_weight, r.phases[0].mode)
        learn.fit(1, list(r.phases[0].lrs), cbs=[callback, Watch()])
    return heard[0], all(moved[0])


def frames_answered(name):
    from colorbook.data.loaders import load_data
    r = replace(recipes[name], size=32, bs=1, valid=.2)
    x,y,*_ = load_data(r, square(48, 48)[:6]).train.one_batch()
    return len(y)//len(x)


def trust(name):
    "The constant of a flow's visibility"
    a,b = torch.zeros(1, 1, 8, 8),torch.full((1, 1, 8, 8), .1)
    return round(-visibility_batch(a, b, torch.zeros(1, 2, 8, 8))[0,0,4,4].log().item()/.01, 3)


@functools.lru_cache(maxsize=None)
def once(f, kind, key, target): return f(made(kind, key, target))


def G(f): return lambda name: once(f, 'generator', recipes[name].generator, recipes[name].target)


def D(f): return lambda name: once(f, 'critic', recipes[name].critic, recipes[name].target)


MEASURED = {
    'generator.parameters': lambda n: n_weights('generators', recipes[n].generator, recipes[n].size),
    'critic.parameters': lambda n: n_weights('critics', recipes[n].critic, recipes[n].size),
    'generator.init': G(starts.rule_of), 'critic.init': D(starts.rule_of),
    'generator.slopes': G(starts.slopes), 'critic.slopes': D(starts.slopes),
    'generator.norm': G(lambda o: ' '.join(starts.norms(o)[0])),
    'critic.norm': D(lambda o: ' '.join(starts.norms(o)[0])),
    'generator.norm_eps': G(lambda o: starts.norms(o)[1][0]), 'critic.norm_eps': D(lambda o: starts.norms(o)[1][0]),
    'generator.norm_momentum': G(lambda o: starts.norms(o)[2][0]),
    'critic.norm_momentum': D(lambda o: starts.norms(o)[2][0]),
    'generator.scene_parameters': lambda n: n_weights('generators', recipes[n].generator, part='scene'),
    'generator.saliency_parameters': lambda n: n_weights('generators', recipes[n].generator, part='saliency'),
    'generator.spectral': G(starts.spectral), 'smaller_coeff': lambda n: 'none',
    'generator.padding': G(lambda o: ' '.join({m.padding_mode for m in starts.layers(o).values()})),
    'norm weights': G(lambda o: [round(f(torch.cat([m.weight.detach() for m in o.modules()
        if isinstance(m, torch.nn.BatchNorm2d)])).item(), 2) for f in (torch.mean, torch.std)]),
    'generator.end': G(lambda o: 'tanh' if reach(o) < 1.2 else 'none'), 'generator.reach': G(reach),
    'generator.input': G(first_input), 'generator.bottleneck': G(lambda o: [m.out_channels for m in o.fuse]),
    'generator.noise': G(lambda o: o.z_dim),
    'generator.noise_range': G(lambda o: [round(f(o.train().noise(torch.rand(400, 1, 8, 8))).item(), 2)
        for f in (torch.min, torch.max)]),
    'generator.dropout': G(lambda o: [m.p for m in o.modules() if isinstance(m, torch.nn.Dropout)]),
    'generator.T': G(lambda o: o.color.T.item()),
    'generator.stride': G(lambda o: SIDE//o.eval()(torch.rand(1, 1, SIDE, SIDE)).shape[-1]),
    'generator.dilations': G(lambda o: sorted({m.dilation[0] for m in o.modules() if isinstance(m, torch.nn.Conv2d)})),
    'critic.sees': sees, 'critic.end': end_of, 'critic.spectral': D(starts.spectral),
    'critic.power_iterations': D(lambda o: spectral_of(o).n_power_iterations),
    'critic.spectral_eps': D(lambda o: spectral_of(o).eps),
    'critic.patch': lambda n: starts.receptive(  # without the norm that looks at all of a picture
        made('critic', recipes[n].critic.removesuffix('_gp'), recipes[n].target), planes(n)),
    'critic.energy': lambda n: energy(torch.ones(1, 2, 8, 8)/2**.5, torch.zeros(1, 2, 8, 8)).item(),
    'adversarial.critic': lambda n: adversarial(n).critic(torch.tensor([.3]), torch.tensor([.6])).item(),
    'adversarial.generator': lambda n: recipes[n].adv_weight*adversarial(n).generator(torch.tensor([.6])).item(),
    'adversarial.clip': lambda n: adversarial(n).clip, 'adversarial.penalty': penalty, 'adversarial.axes': axes,
    'adversarial.margin': lambda n: adversarial(n).margin, 'adversarial.pull': lambda n: adversarial(n).pull,
    'content.of_half_sum': half_sum,
    'content.neighbors': lambda n: loss_of(n).soft.idx.shape[1], 'content.least': lambda n: loss_of(n).least,
    'content.sigma': sigma, 'content.uniform': lambda n: rare(n)[0], 'content.mean_weight': lambda n: rare(n)[1],
    'loss.short': lambda n: loss_of(n).short, 'loss.long': lambda n: loss_of(n).long, 'visibility': trust,
    'target.range': lambda n: [target_of(n)(torch.full((1, 3, 8, 8), o)).mean().item() for o in (0., 1.)],
    'target.unit': unit, 'bins': lambda n: BINS, 'schedule': critic_steps, 'crop range': crop_range, 'shuffle': shuffle,
    'lightness': lightness, 'prior': soft_prior, 'printed loss': printed, 'pretraining': pretraining,
    'answered frames': frames_answered,
    'order': lambda n: step('s2')[0], 'norms learn': lambda n: step(n)[1]}


# ---- the table

def value(name, field, row):
    "What a row is about, as it is"
    if name == 's3-features':
        how = SceneTraining()
        more = dict(tasks=[*tasks], optimizer=f'SGD, momentum {how.momentum}')
        return more[field] if field in more else getattr(how, field)
    if 'network' in row:
        if field == 'recipe': return 'there' if any(name.lower() in n for n in recipes) else 'none'
        kind,key = name.split('/')
        if 'at' not in row: return n_weights(kind, key)
        make = dict(s2=S2Critic, stride1_dense=Stride1Generator)[key]
        with torch.device('meta'): return weights(make(tuple(row['at'])))
    if field.startswith('phases.'):
        _,i,key = field.split('.')
        return getattr(recipes[name].phases[int(i)], key)
    return MEASURED[field](name) if field in MEASURED else getattr(recipes[name], field)


@pytest.mark.parametrize('name,field,row', ROWS)
def test_row(name, field, row):
    if row.get('pending'):
        assert name not in recipes, f'{name} exists now: its rows are pending no more'
        return
    got,about = value(name, field, row),row.get('about', 1e-6)
    assert equal(got, row.get('ours', row['published']), about)
    if 'ours' not in row: return
    assert len(row['why'].split()) >= 3
    assert not equal(got, row['published'], about), 'this is no difference any more'


def test_rows_are_complete():
    for system,rows in published().items():
        for row in rows:
            assert set(row) <= set('recipes network at field published about source note ours why pending'.split())
            assert row['source'] and ('ours' in row) == ('why' in row) and ('recipes' in row) != ('network' in row)


@pytest.mark.parametrize('name', [n for n in recipes if n[:2] in ('s0', 's1', 's2', 's3', 's4')
    and n not in ('s4-zhang', 's3-small')])
def test_every_field_of_a_published_recipe_has_its_row(name):
    "All but s4-zhang, of whose training the source has no constants"
    there = {p.values[1] for p in ROWS if p.values[0] == name}
    other = () if recipes[name].content.startswith('s3') else ('perceptual', 'attention')  # of S3's content loss alone
    assert {f.name for f in fields(Recipe)} - {*FREE, *ELSEWHERE, *other} - there == set()
    mode,own = recipes[name].phases[0].mode,{'content', 'mean'}  # of phases, and used by none that is published
    assert mode == 'plain' or {f'phases.0.{f.name}' for f in fields(Phase) if f.name not in own} <= there
    assert not any(getattr(p, o) for p in recipes[name].phases for o in own)


def test_equal_is_not_lenient():
    assert equal(100., 100) and equal((.5, .999), [.5, .999]) and equal(False, 0)
    for a,b in (1e-4, 2e-5), ([1e-3, 1e-3], [1e-3, 1e-4]), ('s4', 's4_gp'), (96, [90, 120]), (.93, 256/276), ('1', 1):
        assert not equal(a, b)
