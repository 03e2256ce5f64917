"The monitor over more seeds; schedules under a recorder; two callbacks compared. Stops are in test_train."
from functools import partial

import numpy as np, pytest, torch, torch.nn.functional as F
from fastai.callback.core import Callback
from fastai.callback.progress import ProgressCallback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.optimizer import Adam
from fastai.torch_core import params
from fastcore.basics import noop
from torch import nn

from colorbook.losses.basic import L1Loss, LeastSquaresLoss, LogisticLoss
from colorbook.training.gan import GANCallback, GAN, gan_splitter
from colorbook.training.monitor import GANMonitor
from colorbook.training.small_gan import SmallGAN, SmallGANCallback
from colorbook.models.critics import PatchCritic
from colorbook.models.small_critic import SmallCritic
from colorbook.models.small_unet import SmallUNet
from colorbook.data.loaders import color_loaders
from colorbook.data.photos import Photos, sample_photos
from colorbook.training.runs import seed_everything
from colorbook.training.journal import RunRecorder
from colorbook.training.critic_schedules import make_gan_callback

SIZE = 16
quiet = pytest.mark.filterwarnings('ignore')


class Tiny(nn.Module):
    def __init__(self, nf=12):
        super().__init__()
        def block(ni): return nn.Sequential(nn.Conv2d(ni, nf, 3, padding=1), nn.BatchNorm2d(nf), nn.ReLU())
        self.layers,self.color = nn.Sequential(block(1), block(nf), nn.Conv2d(nf, 2, 3, padding=1)),nn.Tanh()
    def forward(self, L): return self.layers(L)


@pytest.fixture(scope='module')
def patches():
    spots = [(x, y) for x in range(0, 8*SIZE, SIZE) for y in range(0, 8*SIZE, SIZE)]
    return Photos([o.crop((x, y, x + SIZE, y + SIZE)) for o in sample_photos(8*SIZE) for x,y in spots])


def learner(patches, seed=0):
    seed_everything(seed)
    gan = GAN(Tiny(), PatchCritic(2, 12, (2, 2, 1)))
    dls = color_loaders(patches, 8, SIZE, valid=.2, target='ab', device='cpu')
    def l1(out, ab, L): return F.l1_loss(out.tanh(), ab)
    learn = Learner(dls, gan, l1, opt_func=partial(Adam, mom=.5), splitter=gan_splitter, wd=.01)
    learn.remove_cb(ProgressCallback)
    learn.logger = lambda *_: None
    return learn


class Deaf(GANCallback):
    def play(self, L, real, fake): return super().play(L, real, fake.detach())


class Frozen(Callback):
    order = GANCallback.order + 1
    def before_batch(self): self.learn.model.generator.eval()


@quiet
@pytest.mark.parametrize('seed', [3, 4])
def test_the_monitor(patches, seed):
    def alarms(*stretches):
        learn,alarm = learner(patches, seed),GANMonitor()
        for lr,*cbs in stretches: learn.fit(1, lr, cbs=[*cbs, alarm])
        return alarm
    well = alarms((3e-3, GANCallback(mode='content')), (2e-3, GANCallback(mode='critic')),
        (1e-3, GANCallback(weight=.1)),
        (1e-3, GANCallback(weight=.1)))
    assert well.raised == {} and well.n > 100
    assert list(alarms((1e-3, Deaf())).raised.items())[0] == ('detached', 1)
    assert alarms((1e-3, GANCallback(), Frozen())).raised == {'norm': 21}
    assert {'generator rate': 1, 'critic rate': 1}.items() <= alarms((1e-1, GANCallback())).raised.items()


@quiet
@pytest.mark.parametrize('mode', ['1-3', 'adaptive', 'plain'])
def test_a_schedule_under_a_recorder(patches, tmp_path, mode):
    learn,rows = learner(patches),[]
    learn.fit(1, (1e-3, 1e-3), cbs=[make_gan_callback('logistic', .1, mode), RunRecorder(tmp_path, 0, rows)])
    assert rows[0]['mode'] == mode and np.isfinite(rows[0]['crit'])
    assert torch.load(tmp_path/'checkpoint.pth', weights_only=True)['model']['step'] == len(learn.dls.train)


def adversarial_run(gan, callback, split, steps=4):
    "Every weight and every loss of a small run of the generator of lesson 5 against the critic of lesson 6"
    seed_everything(3)
    gan = gan(SmallUNet(6), SmallCritic(4))
    L,ab = torch.rand(8*steps, 1, 32, 48),torch.rand(8*steps, 2, 32, 48) - .5
    dls = DataLoaders.from_dsets([*zip(L, ab)], [*zip(L[:8], ab[:8])], bs=8, shuffle=True, num_workers=0, device='cpu')
    learn = Learner(dls, gan, L1Loss(100), opt_func=Adam, splitter=split, wd=0., cbs=callback)
    learn.remove_cb(ProgressCallback)
    learn.logger = noop
    with learn.no_bar(): learn.fit_one_cycle(2, (3e-3, 1e-3))
    losses = [getattr(learn.adversary, k).item() for k in ('content', 'gen', 'crit')]
    nets = {f'{k}.{n}': v for k in ('generator', 'critic') for n,v in getattr(gan, k).state_dict().items()}
    return nets, [*losses, *(o.item() for o in learn.recorder.losses), learn.validate()[0]]


@pytest.mark.parametrize('name,loss', dict(logistic=LogisticLoss, lsgan=LeastSquaresLoss).items())
def test_the_callback_of_the_lesson_and_that_of_the_library_are_one(name, loss):
    "Bit by bit, as long as the library is asked for nothing that the lesson has not; another weight is seen"
    def children(gan): return [params(o) for o in gan.children()]
    nets,losses = adversarial_run(SmallGAN, SmallGANCallback(loss()), children)
    for kw in (dict(), dict(mode=lambda step,crit: 'both')):
        again,same = adversarial_run(GAN, GANCallback(name, **kw), gan_splitter)
        assert losses == same and nets.keys() == again.keys()
        assert [k for k,v in nets.items() if not torch.equal(v, again[k])] == []
    for weight in (2., 0.):
        other,_ = adversarial_run(GAN, GANCallback(name, weight), gan_splitter)
        assert not torch.equal(nets['generator.head.weight'], other['generator.head.weight'])
        again,_ = adversarial_run(SmallGAN, SmallGANCallback(loss(), weight), children)
        assert all(torch.equal(v, again[k]) for k,v in other.items())
