"Every field of a recipe and of a phase arrives where it acts: runs of `train` with two values of each, watched."
import json, math, os, shutil
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np, onnx, pandas as pd, pytest, torch, torch.nn.functional as F, yaml
from fastai.callback.core import Callback
from fastai.callback.progress import ProgressCallback
from fastai.data.core import DataLoaders
from fastai.learner import defaults, Learner
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

import small_s3  # noqa: F401, enters networks and a loss
from colorbook.color.bins import ab_bins
from colorbook.color.lab import rgb_to_lab
from colorbook.data.audit import save_prior
from colorbook.data.loaders import load_data
from colorbook.imaging.colorizer import load_model
from colorbook.losses.content import as_rgb, small_vgg
from colorbook.models.registry import generators
from colorbook.training.export import export_run
from colorbook.training.gan import GAN, gan_splitter
from colorbook.training.monitor import GANMonitor
from colorbook.training.critic_schedules import make_gan_callback, NoGANStop
from colorbook.training.pretrained import image_weights
from colorbook.training.recipes import load_recipe, Phase, Recipe
from colorbook.training.registry import make_gan
from colorbook.training.runs import Run
from colorbook.training.selection import best_of, mean_tag
from colorbook.training.trainer import train

pytestmark = pytest.mark.filterwarnings('ignore')
N = 12  # pictures of each kind

BINS_RECIPE = Recipe('bins', (
    Phase('content', 2, (1e-3, 0.), 'one_cycle', 1., 0.),
    Phase('both', 1, (2e-3, 3e-3), 'constant', .5, 0.)), generator='plain_bins', critic='s4_ab', content='bins',
    rebalance=1., size=32, low=1., squeeze=True, mirror=False, bs=3, betas=(.5, .98), eps=1e-6, wd=0.,
    valid=.1)
RECIPES = {r.name: r for r in [
    BINS_RECIPE,
    replace(BINS_RECIPE, name='other', phases=(Phase('both', 1, (1e-3, 2e-3), 'constant', 1., .4),), critic='s4',
        rebalance=.5, adversarial='lsgan', adv_weight=3., aged=1., critic_clip=1e-4, bs=2, betas=(.8, .9),
        eps=1e-4, wd=.3, valid=.45, seed=1),
    replace(BINS_RECIPE, name='mixed', phases=(Phase('content', 1, (1e-3, 0.), mean=True),
        Phase('content', 1, (1e-3, 0.), content='bins_picture', mean=True))),
    Recipe('ruler', (Phase('both', 1, (1e-4, 1e-4), 'constant'),), generator='s0', critic='s0', content='l1', lam=7.,
        adv_weight=.25, gray='rec601', size=32, low=.5, squeeze=False, mirror=True, bs=4, wd=0.,
        valid=.1),
    Recipe('whole', (Phase('critic', 1, (0., 1e-4), 'constant'),), generator='s0', critic='s0', content='smooth_l1',
        lam=2., gray='mean', size=64, low=1., squeeze=True, mirror=False, bs=4, clip=.02, bf16=True,
        wd=0., valid=.1),
    Recipe('parts', (Phase('1-2', 1, (1e-4, 1e-4), 'constant'),), generator='s0', critic='s0', content='l2', lam=5.,
        size=32, low=.5, squeeze=True, mirror=False, bs=3, clip=.02, ema=.75,
        learn_weights=True, wd=0., valid=.1),
    Recipe('grown', (Phase('both', 2, (1e-4, 2e-4), 'warmup_stable_decay', size=32, bs=2), Phase('both', 2,
        (1e-4, 1e-4), 'cosine', share=.5)), generator='s0', critic='s4', content='l1', lam=3., size=64,
        squeeze=True, mirror=False, low=1., bs=3, wd=0., valid=.1),
    Recipe('looks', (Phase('content', 3, (1e-4, 1e-3, 0.), 'half-every-2'),), generator='s3_small', critic='s3_small',
        content='s3_slim', lam=.5, perceptual=2., attention=3., size=64, bs=4, wd=0., valid=.1,
        data='saliency'),
    Recipe('film', (Phase('generator', 1, (1e-4, 0.), 'constant'),), generator='s1_32', critic='s1', content='l1',
        size=32, squeeze=True, mirror=False, low=1., bs=2, data='frames', wd=0., valid=.2)]}
NETWORKS = dict(s3_small='S3Small', plain_bins='PlainNet', s0='S0Generator', s1_32='S1Generator')
CRITICS = dict(s3_small='S3Critic', s4_ab='S4Critic', s4='S4Critic', s0='S0Critic', s1='S1Critic')
CONTENTS = dict(s3_slim='S3Loss', bins='BinLoss', bins_picture='BinPictureLoss',
    l1='L1Loss', smooth_l1='SmoothL1Loss', l2='L2Loss')
GRAYS = dict(lstar=None, rec601=(.299, .587, .114), mean=(1/3, 1/3, 1/3))


# ---- pictures

def drawn(n, size, seed=0):
    "Waves of color, in bytes"
    rng = np.random.default_rng(seed)
    y,x = np.mgrid[:size,:size]/size
    def wave():
        a = np.sin(7*(rng.uniform(-2, 2)*x + rng.uniform(-2, 2)*y + rng.random()))
        return a[...,None]*rng.uniform(-1, 1, 3)
    return [(128 + 55*(wave() + wave())).clip(0, 255).astype(np.uint8) for _ in range(n)]


def rulers(n, w=96, h=64):
    "Red counts columns, green rows"
    x,y = np.meshgrid(np.linspace(0, 250, w), np.linspace(0, 250, h))
    return [np.stack([x, y, 0*x + 9*i], 2).astype(np.uint8) for i in range(n)]


def pictures_for(recipe, home):
    "A folder of pictures for a recipe"
    kind = 'film' if recipe.data == 'frames' else 'drawn' if recipe.target == 'ab' else 'ruler'
    path = home/kind
    if not path.exists():
        path.mkdir()
        ims = dict(film=rulers(N), drawn=drawn(N, 32), ruler=rulers(N))[kind]
        for i,a in enumerate(ims): Image.fromarray(a).save(path/f'{i:05}.png' if kind == 'film' else path/f'p{i}.png')
    return path


# ---- who watches

class Watch(Callback):
    "What a Learner does in each of its fits"
    order,runs = 1000,[]
    def before_fit(self):
        learn,gan = self.learn,self.learn.model
        self.log = SimpleNamespace(cbs=list(learn.cbs), groups=len(learn.opt.hypers), n_epoch=learn.n_epoch, batches=[],
            epochs=[], steps=[], first=None, dtypes={})
        self.log.loss = getattr(learn.loss_func, 'now', learn.loss_func)
        self.seen.fits.append(self.log)
        def keep(k):
            def hook(m, x, out): self.log.dtypes[k] = out.dtype
            return next(m for m in getattr(gan, k).modules() if isinstance(m, nn.Conv2d)).register_forward_hook(hook)
        self.hooks = [keep(k) for k in ('generator', 'critic')]
        self.was = self.state()
    def state(self): return {k: {n: o.detach().clone() for n,o in net.named_parameters()}
        for k,net in self.learn.model.named_children() if net is not None}
    def before_batch(self):
        if not self.training: return
        if self.log.first is None: self.log.first = {k: o.clone() for k,o in self.learn.model.state_dict().items()}
        self.now = SimpleNamespace(x=self.xb[0].clone(), y=self.yb[0].clone(), more=self.yb[1:], norms={},
            hypers=None, top={})
    def after_loss(self):
        if self.training: self.now.loss = self.learn.loss.item()
    def before_step(self):
        for k,net in self.learn.model.named_children():
            grads = [p.grad for p in net.parameters() if p.grad is not None] if net is not None else []
            if grads:
                self.now.norms[k] = torch.stack([g.norm() for g in grads]).norm().item()
                self.now.top[k] = max(g.abs().max().item() for g in grads)
    def after_step(self):
        if 'generator' in self.now.norms:
            self.log.steps.append(next(self.learn.model.generator.parameters()).detach().clone())
    def after_batch(self):
        if not self.training: return
        self.now.hypers = [dict(h) for h in self.learn.opt.hypers]
        self.now.crit = self.learn.model.crit.item()
        self.log.batches.append(self.now)
    def after_epoch(self): self.log.epochs.append(len(self.log.batches))
    def after_fit(self):
        for h in self.hooks: h.remove()
        self.log.last = next(self.learn.model.generator.parameters()).detach().clone()
        now = self.state()
        self.log.moved = {k for k in now if any(not torch.equal(now[k][n], self.was[k][n]) for n in now[k])}


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    "Each recipe trained, and what was seen"
    home,old = tmp_path_factory.mktemp('settings'),os.getcwd()
    prior = torch.rand(len(ab_bins()), generator=torch.Generator().manual_seed(0))
    save_prior(home/'prior.safetensors', prior/prior.sum())
    made = {}
    os.chdir(home)
    try:
        for name,recipe in RECIPES.items():
            run = SimpleNamespace(recipe=recipe, fits=[], learn=None, prior=prior/prior.sum(), home=home)
            class Mine(Watch):
                def after_create(self, run=run): self.seen,run.learn = run,self.learn
            defaults.callbacks.append(Mine)
            try:
                extra = dict(prior=home/'prior.safetensors') if recipe.content == 'bins' else {}
                run.path = train(recipe, pictures_for(recipe, home), weights='none', progress=False, **extra)
            finally: defaults.callbacks.remove(Mine)
            made[name] = run
    finally: os.chdir(old)
    return made


# ---- what each field does

def batches(run): return [b for f in run.fits for b in f.batches]


def phases_of(run): return zip(run.recipe.phases, run.fits, strict=True)


def of_photos(L): return L if L.shape[1] == 1 else L[:,1:-1].flatten(0, 1)[:,None]


def gray_of(rgb, weights):
    "Lightness by hand: of the color, or of a weighted gray"
    if weights is None: return rgb_to_lab(rgb)[:,:1]/100
    gray = sum(w*rgb[:,i:i + 1] for i,w in enumerate(weights)).expand(-1, 3, -1, -1)
    return rgb_to_lab(gray)[:,:1]/100


def clean(run):
    "Lightness and ab of all pictures of a run with pictures of its own size"
    rgb = torch.stack([torch.from_numpy(o) for o in drawn(N, 32)]).permute(0, 3, 1, 2)/255
    lab = rgb_to_lab(rgb)
    return lab[:,:1]/100, lab[:,1:]/110


def nearest(x, table): return (x[:,None] - table[None]).abs().amax((2, 3, 4)).amin(1)


def spans(run):
    "Of each picture of a run of rulers: signed shares of its width and height"
    each = [b.y*127.5 + 127.5 for b in batches(run)]
    across = torch.cat([o[:,0,o.shape[2]//2,-1] - o[:,0,o.shape[2]//2,0] for o in each])
    return across/250, torch.cat([o[:,1,-1,o.shape[3]//2] - o[:,1,0,o.shape[3]//2] for o in each])/250


def adversarial_by_hand(recipe, real, fake):
    "Critic's and generator's loss"
    if recipe.adversarial == 'lsgan': return ((real - 1)**2).mean() + (fake**2).mean(), ((fake - 1)**2).mean()
    return F.softplus(-real).mean() + F.softplus(fake).mean(), F.softplus(-fake).mean()


def first_step(run, phase=0):
    "Content, critic's and adversarial loss of the first batch of a phase, from its weights and pictures"
    gan,b = make_gan(replace(run.recipe, bf16=False)),run.fits[phase].batches[0]
    gan.load_state_dict(run.fits[phase].first)
    gan.train()
    with torch.no_grad():
        out = gan.generator(b.x)
        fake,L = gan.generator.color(out),of_photos(b.x)
        real = gan.critic(L, b.y)
        crit,gen = adversarial_by_hand(run.recipe, real, gan.critic(L, fake))
    return SimpleNamespace(out=out, fake=fake, crit=crit.item(), gen=gen.item(), batch=b)


def check_name(run):
    assert run.path.as_posix() == f'runs/{run.recipe.name}'
    assert load_recipe(run.home/run.path/'recipe.yaml') == run.recipe


def check_phases(run): assert len(run.fits) == len(run.recipe.phases)


def check_mode(run):
    works = dict(content={'generator'}, critic={'critic'}, generator={'generator'}, both={'generator', 'critic'})
    for p,f in phases_of(run):
        assert f.moved - {'weights'} == works.get(p.mode, {'generator', 'critic'})
        # the gradients of whoever steps: critic to generator, as the ratio says
        steps = [{k for k in b.norms if k != 'weights'} for b in f.batches]
        if p.mode == '1-2': assert steps[:3] == [{'generator', 'critic'}, {'generator'}, {'generator', 'critic'}]
        else: assert all(o == works[p.mode] for o in steps)


def check_monitor(run):
    for p,f in phases_of(run): assert any(isinstance(o, GANMonitor) for o in f.cbs) == (p.mode != 'content')


def check_epochs(run):
    for p,f in phases_of(run): assert len(f.epochs) == p.epochs == f.n_epoch


def check_lrs(run):
    for p,f in phases_of(run):
        rates = torch.tensor([[h['lr'] for h in b.hypers] for b in f.batches])
        assert rates.shape[1] == len(p.lrs)
        if p.schedule == 'constant': assert torch.allclose(rates, torch.tensor(p.lrs).expand_as(rates))
        else: assert torch.allclose(rates*p.lrs[0], rates[:,:1]*torch.tensor(p.lrs), rtol=1e-4, atol=0)


def check_schedule(run):
    "The rate of each step, as a share of the largest, by the formula"
    def by_hand(name, p):
        if name == 'constant': return 1.
        if name == 'cosine': return (1 + math.cos(math.pi*p))/2
        if name == 'one_cycle':
            lo,hi,q = (1/25, 1, 4*p) if p < .25 else (1, 1e-5, (p - .25)/.75)
            return lo + (hi - lo)*(1 - math.cos(math.pi*q))/2
        if name == 'half-every-2': return .5**(int(3*p + 1e-9)//2)
        return .01 + .99*p/.05 if p < .05 else 1. if p < .8 else 1 - math.sqrt((p - .8)/.2)
    for p,f in phases_of(run):
        k,n = max(range(len(p.lrs)), key=lambda i: p.lrs[i]),len(f.batches)
        for i,b in enumerate(f.batches):
            assert b.hypers[k]['lr']/p.lrs[k] == pytest.approx(by_hand(p.schedule, i/n), rel=1e-4)


def check_share(run):
    for p,f in phases_of(run):
        n = len(run.learn.dls.train)
        n = n if p.bs in (0, run.recipe.bs) else run.learn.dls.train.n//p.bs  # the rest of the photos is left out
        assert len(f.batches) == p.epochs*int(np.ceil(p.share*n)) > 0


def check_stop(run):
    for p,f in phases_of(run):
        stops = [o for o in f.cbs if isinstance(o, NoGANStop)]
        assert [o.share for o in stops] == [p.stop]*(p.stop > 0)
        for o in stops:
            dl = run.learn.dls.train
            assert o.every == max(1, round(p.stop*dl.n/dl.bs)) and len(o.rows) == 1 + len(f.batches)//o.every


def check_generator(run): assert type(run.learn.model.generator).__name__ == NETWORKS[run.recipe.generator]


def check_critic(run):
    critic = run.learn.model.critic
    assert type(critic).__name__ == CRITICS[run.recipe.critic]
    if run.recipe.critic.startswith('s4'): assert critic.conditional == (run.recipe.critic == 's4')


def check_content(run):
    for p,f in phases_of(run):
        assert type(f.loss).__name__ == CONTENTS[p.content or run.recipe.content]
        if p.content == 'bins_picture':
            torch.testing.assert_close(f.loss.weights, Run(run.home/run.path).class_weights())


def check_mean(run):
    "One more candidate, where phases ask for it: the mean of their last weights"
    path = run.home/run.path
    ends = [f'{i}-{p.epochs - 1:03}' for i,p in enumerate(run.recipe.phases) if p.mean]
    assert mean_tag(path) == (['+'.join(ends)] if ends else [])
    if ends:
        one,two = (load_file(path/f'generator-{o}.safetensors') for o in ends)
        for k,v in Run(path).weights(mean_tag(path)[0]).items():
            if v.is_floating_point(): torch.testing.assert_close(v, (one[k] + two[k])/2)
        assert any(not torch.equal(one[k], two[k]) for k in one)
        one = np.array(Image.open(pictures_for(run.recipe, run.home)/'p0.png'))
        assert {o['tag'] for o in best_of(path, [one])[1]} == {*ends, '+'.join(ends)}


def check_lam(run):
    "The loss of the first batch, where it is plain content or content and critic"
    loss = dict(l1=lambda a, b: (a - b).abs().mean(), l2=lambda a, b: (a - b).square().mean(),
        smooth_l1=lambda a, b: F.smooth_l1_loss(a, b, beta=.1)).get(run.recipe.content)
    if loss is None: return
    a,b = torch.rand(2, 2, 3, 8, 8)
    assert run.learn.loss_func(a, b).item() == pytest.approx(run.recipe.lam*loss(a, b).item(), rel=1e-5)


def check_adversarial(run):
    for i,(p,f) in enumerate(phases_of(run)):
        if p.mode not in ('both', 'critic') or run.recipe.bf16: continue
        assert f.batches[0].crit == pytest.approx(first_step(run, i).crit, rel=2e-3)


def check_adv_weight(run):
    for i,(p,f) in enumerate(phases_of(run)):
        if p.mode != 'both' or run.recipe.learn_weights: continue
        o = first_step(run, i)
        content = run.learn.loss_func(o.out, o.batch.y).item()
        assert o.batch.loss == pytest.approx(content + run.recipe.adv_weight*o.gen, rel=2e-3)
        assert abs(run.recipe.adv_weight*o.gen) > .01*content


def terms_by_hand(run):
    "Loss of the first batch, and its three terms, from its weights, pictures and maps"
    b,gan = run.fits[0].batches[0],make_gan(run.recipe)
    gan.load_state_dict(run.fits[0].first)
    with torch.no_grad(): out = gan.train().generator(b.x)
    fake,real = (as_rgb(o, b.x) for o in (out[:,:2], b.y))
    net = small_vgg()
    far = [(out[:,:2] - b.y).abs().mean(), (net(fake) - net(real)).abs().mean(),
        (fake*out[:,2:] - real*b.more[0]).abs().mean()]
    return b.loss,[w*o.item() for w,o in zip((run.recipe.lam, run.recipe.perceptual, run.recipe.attention), far)]


def check_perceptual(run):
    if run.recipe.content != 's3_slim': return
    loss,terms = terms_by_hand(run)
    assert loss == pytest.approx(sum(terms), rel=1e-3) and terms[1] > .01*loss


def check_attention(run):
    if run.recipe.content != 's3_slim': return
    loss,terms = terms_by_hand(run)
    assert loss - terms[0] - terms[1] == pytest.approx(terms[2], rel=1e-2) and terms[2] > .05*loss


def check_rebalance(run):
    if run.recipe.content != 'bins': return
    w = (run.prior/2 + .5/len(run.prior))**-run.recipe.rebalance
    w = w/(run.prior*w).sum()
    assert torch.allclose(run.learn.loss_func.weights, w, rtol=1e-4) and w.std() > .05


def check_target(run):
    channels = dict(ab=2, ab4=2, rgb=3)[run.recipe.target]
    for b in batches(run):
        assert b.y.shape[1:] == (channels, *(o//4 if run.recipe.target == 'ab4' else o for o in b.x.shape[2:]))
        if channels == 3: assert b.y.min() < -.5 and b.y.max() > .4


def check_gray(run):
    if run.recipe.target == 'rgb' and not run.recipe.aged:
        for b in batches(run):
            L = gray_of(b.y/2 + .5, GRAYS[run.recipe.gray])
            assert torch.allclose(of_photos(b.x), L, atol=2e-3)


def check_data(run):
    assert {b.x.shape[1] for b in batches(run)} == {3 if run.recipe.data == 'frames' else 1}
    for b in batches(run):
        maps = [o for o in b.more if run.recipe.data == 'saliency']
        assert all(o.shape[1:] == (1, *b.y.shape[2:]) and 0 <= o.min() and .05 < o.max() <= 1 for o in maps)


def check_aged(run):
    if run.recipe.target != 'ab': return
    L,ab = clean(run)
    for b in batches(run):
        assert (nearest(b.y, ab) < 1e-4).all()
        assert (nearest(b.x, L) < 1e-4).all() if run.recipe.aged == 0 else (nearest(b.x, L) > 1e-3).all()
    for x,*_ in run.learn.dls.valid: assert (nearest(x, L) < 1e-4).all()


def check_size(run):
    "Of each phase, or of the recipe where the phase does not say"
    for p,f in phases_of(run):
        side = p.size or run.recipe.size
        far = side//4 if run.recipe.target == 'ab4' else side
        assert all(b.x.shape[2:] == (side, side) and b.y.shape[2:] == (far, far) for b in f.batches)


def check_low(run):
    if run.recipe.target != 'rgb' or run.recipe.data != 'photos': return
    down = spans(run)[1]
    assert run.recipe.low - .05 < down.min() and down.max() < 1.01
    assert down.min() < run.recipe.low + .2 and (run.recipe.low == 1 or down.std() > .05)


def check_squeeze(run):
    if run.recipe.target != 'rgb': return
    across,down = spans(run)
    assert torch.allclose(across.abs()/down, torch.tensor(1. if run.recipe.squeeze else 64/96), atol=.05)


def check_mirror(run):
    if run.recipe.target != 'rgb': return
    turned = (spans(run)[0] < 0).float().mean()
    assert .1 < turned < .9 if run.recipe.mirror else turned == 0


def check_bs(run):
    for p,f in phases_of(run): assert all(len(b.x) == (p.bs or run.recipe.bs) for b in f.batches)


def hypers(run, key): return {h[key] for b in batches(run) for h in b.hypers}


def check_betas(run):
    assert hypers(run, 'mom') == {run.recipe.betas[0]} and hypers(run, 'sqr_mom') == {run.recipe.betas[1]}


def check_eps(run): assert hypers(run, 'eps') == {run.recipe.eps}


def check_wd(run): assert hypers(run, 'wd') == {run.recipe.wd}


def check_clip(run):
    "Each network's gradient for itself: one that explodes does not shrink the other's step"
    norms = [(k, v) for b in batches(run) for k,v in b.norms.items() if k in ('generator', 'critic')]
    if run.recipe.clip: assert norms and all(v == pytest.approx(run.recipe.clip, rel=1e-3) for _,v in norms)
    else: assert max(v for _,v in norms) > .05


def check_critic_clip(run):
    tops = {k: [b.top[k] for b in batches(run) if k in b.top] for k in ('generator', 'critic')}
    if run.recipe.critic_clip:
        assert max(tops['critic']) == pytest.approx(run.recipe.critic_clip)
        assert max(tops['generator']) > run.recipe.critic_clip
    elif tops['critic'] and not run.recipe.clip: assert max(tops['critic']) > 1e-3


def check_learn_weights(run):
    there = run.learn.model.weights
    assert (there is not None) == run.recipe.learn_weights
    if there is not None: assert all(p.abs().max() > 0 for p in there.parameters())


def check_bf16(run):
    want = torch.bfloat16 if run.recipe.bf16 else torch.float32
    for p,f in phases_of(run):
        assert f.dtypes['generator'] == want and f.dtypes.get('critic', want) == want
    assert {p.dtype for p in run.learn.model.parameters()} == {torch.float32}


def check_ema(run):
    "What is left of a phase: the last weights, or their average over the generator's steps"
    for p,f in phases_of(run):
        if p.stop: continue  # which goes back to weights of its choice
        mean = f.steps[0] if f.steps else f.last
        for o in f.steps[1:]: mean = run.recipe.ema*mean + (1 - run.recipe.ema)*o
        assert torch.allclose(f.last, mean, atol=1e-7)
        if run.recipe.ema: assert len(f.steps) > 1 and not torch.allclose(f.last, f.steps[-1], atol=1e-7)
        key,_ = next(run.learn.model.generator.named_parameters())
        saved = load_file(run.home/run.path/f'generator-{run.recipe.phases.index(p)}-{p.epochs - 1:03}.safetensors')
        assert torch.allclose(saved[key], mean, atol=1e-7)  # what is on the disk, too


def check_valid(run):
    n,held = (len(run.learn.dls.crop.photos), len(run.learn.dls.held))
    assert n >= N - 2 and abs(held/n - run.recipe.valid) < .2


def check_seed(run):
    "The first weights are those of the seed"
    torch.manual_seed(run.recipe.seed)
    net = generators[run.recipe.generator](size=run.recipe.size)
    for k,v in net.state_dict().items(): assert torch.equal(v, run.fits[0].first[f'generator.{k}'])


CHECKS = {k.removeprefix('check_'): v for k,v in list(globals().items()) if k.startswith('check_')}
PHASE = {f.name for f in fields(Phase)}
ALONE = {'floor', 'taught', 'early_every', 'processes', 'scenes'}  # tested here, in test_team.py, in test_infrared.py


@pytest.mark.parametrize('field', CHECKS)
def test_field(runs, field):
    for run in runs.values(): CHECKS[field](run)
    if field in PHASE: values = {repr(getattr(p, field)) for r in RECIPES.values() for p in r.phases}
    else: values = {repr(getattr(r, field)) for r in RECIPES.values() if hasattr(r, field)}
    assert field == 'monitor' or len(values) > 1, 'one value proves nothing'


def test_every_field_is_tested():
    assert set(CHECKS) - {'monitor', 'target'} == PHASE | {f.name for f in fields(Recipe)} - ALONE


def test_seeds_hold_out_others(runs):
    path,some = pictures_for(BINS_RECIPE, runs['bins'].home),replace(BINS_RECIPE, valid=.4)
    assert len({tuple(load_data(replace(some, seed=seed), path).held) for seed in range(4)}) == 4
    first = [runs[k].fits[0].first['generator.layers.0.weight'] for k in ('bins', 'other')]
    assert not torch.equal(*first)


def test_taught(tmp_path):
    "What is learned is the answer of the image model to the same picture, not its color"
    some = Recipe('some', (Phase('content', 1, (1e-3, 1e-3, 0.)),), size=32, low=1., squeeze=True, mirror=False, bs=4)
    for i,a in enumerate(drawn(N, 32)): Image.fromarray(a).save(tmp_path/f'{i}.png')
    lab = rgb_to_lab(torch.stack([torch.from_numpy(o) for o in drawn(N, 32)]).permute(0, 3, 1, 2)/255)
    own = torch.stack([torch.from_numpy(load_model().ab(o.numpy())) for o in lab[:,0]/100])
    for taught in (False, True):
        x,y = load_data(replace(some, taught=taught), tmp_path).train.one_batch()
        assert x.shape[1:] == (1, 32, 32) and y.shape[1:] == (2, 8, 8)
        assert (nearest(y, own) < 1e-3).all() if taught else (nearest(y, own) > 1e-2).all()


def test_floor(runs, tmp_path):
    "Weights are chosen by the recipe's floor, for a file and as a start: the best of those that are colorful enough"
    made,run = runs['ruler'],tmp_path/'run'
    shutil.copytree(made.home/made.path, run)
    row = pd.read_csv(run/'history.csv').to_dict('records')[0]
    rows = [dict(row, epoch=i, tag=f'0-{i:03}', mode='both', psnr=p, ratio=r)
            for i,(p,r) in enumerate([(30., .5), (20., .9)])]
    pd.DataFrame(rows).to_csv(run/'history.csv', index=False)
    weights = load_file(run/'generator-0-000.safetensors')
    save_file({k: v + 1 if v.is_floating_point() else v for k,v in weights.items()}, run/'generator-0-001.safetensors')
    def floored(floor):
        plain = yaml.safe_load((run/'recipe.yaml').read_text()) | dict(floor=floor)
        (run/'recipe.yaml').write_text(yaml.safe_dump(plain))
    floored(.8)
    card = json.loads(onnx.load(export_run(run)).metadata_props[0].value)
    assert card['chosen']['tag'] == '0-001'
    for floor,more in (.8, 1.), (.4, 0.):
        floored(floor)
        for k,v in image_weights(run).items():
            if v.is_floating_point(): assert torch.allclose(v - weights[k], torch.tensor(more), atol=1e-4)


def test_the_penalty_is_measured_between_real_and_generated():
    "A critic whose slope is the distance from zero: real color lies at 0, generated at distance 1"
    class Bowl(nn.Module):
        def __init__(self): super().__init__(); self.k = nn.Parameter(torch.ones(1))
        def forward(self, L, color): return self.k*color.square().flatten(1).sum(1)[:,None,None,None]/2
    class Same(nn.Module):
        def __init__(self): super().__init__(); self.k = nn.Parameter(torch.tensor(128.**-.5))
        def forward(self, L): return self.k.expand(len(L), 2, 8, 8)
        def color(self, out): return out
    items = [(torch.rand(1, 8, 8), torch.zeros(2, 8, 8)) for _ in range(24)]
    dls = DataLoaders.from_dsets(items, items[:2], bs=4, device='cpu', num_workers=0)
    owed = []
    class Keep(Callback):
        order = 900
        def after_loss(self):
            if self.training: owed.append(self.learn.model.crit.item() - .5)  # fake scores 1/2, real 0
    learn = Learner(dls, GAN(Same(), Bowl()), lambda out, y, *more: out.sum()*0, splitter=gan_splitter)
    learn.remove_cb(ProgressCallback)
    learn.logger = lambda *_: None
    torch.manual_seed(0)
    learn.fit(1, 0., wd=0., cbs=[make_gan_callback('wgan_gp', 1., 'both'), Keep()])
    assert len(owed) == 6 and len(set(owed)) == 6  # 10 at the real, 0 at the generated, in between 10*share^2
    assert all(.01 < o < 9.9 for o in owed) and 2 < sum(owed)/6 < 5
