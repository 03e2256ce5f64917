"Several processes train one network: equal to the last bit after a stop, and nobody waits for who is gone"
import os, time
from dataclasses import replace

import pytest, torch
from fastai.callback.core import Callback

from colorbook.core import TrainingError, UsageError
from colorbook.data.photos import sample_photos
from colorbook.data.loaders import load_data
from colorbook.training.gan import GANCallback
from colorbook.training.journal import RunRecorder
from colorbook.training.recipes import Phase, recipes
from colorbook.training.runs import Run, state_hash
from colorbook.training.team import Team
from colorbook.training.trainer import make_learner, train
from small import Fuse

SMALL = replace(recipes['default'], name='small', size=32, bs=4, valid=.1, ema=.5, early_every=2, phases=(
    Phase('content', 2, (1e-3, 1e-3, 0.), 'warmup'), Phase('content', 1, (1e-3, 1e-3, 0.), 'to_zero')))


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp('team')
    (home/'photos').mkdir()
    for i,o in enumerate(sample_photos(96)):
        for x in 0,48: o.crop((x, 0, x + 48, 48)).save(home/f'photos/{i}-{x}.png')
    return home


def result(run):
    return {k: state_hash(run.weights(k)) for k in run.tags},state_hash(run.checkpoint()['model'])


@pytest.mark.filterwarnings('ignore')
def test_two_processes_resume_exactly(home, monkeypatch):
    def run(name, **kwargs):
        path = train(SMALL, str(home/'photos'), home/name, weights='none', progress=False, cache=home/'cache', **kwargs)
        return Run(path)
    straight = run('straight')
    assert straight.tags == ['0-000', '0-001', '1-000'] and len(set(result(straight)[0].values())) == 3
    with monkeypatch.context() as m:
        Fuse(m, RunRecorder, 'before_epoch').at(2)
        with pytest.raises(KeyboardInterrupt): run('stopped')
    assert Run(home/'stopped').tags == ['0-000']
    assert result(run('stopped')) == result(straight)
    assert len(list((home/'cache').glob('*.u8'))) == 1


@pytest.mark.filterwarnings('ignore')
def test_a_process_that_ends_is_noticed():
    team = Team(2, 10)
    team.start(os._exit, 3)  # takes no team: an error in the other process, which ends it
    start = time.monotonic()
    with pytest.raises(TrainingError, match='has ended'): team.wait()
    assert time.monotonic() - start < 60
    team.close()
    assert not team.others[0].is_alive()


class Moves(Callback):
    "Which steps move an early weight, and which the head"
    order = 100
    def before_fit(self):
        gen = self.learn.model.generator
        self.pair,self.seen = (gen.early()[0], gen.head.weight),[]
    def before_batch(self): self.was = [p.detach().clone() for p in self.pair]
    def after_batch(self):
        if self.training: self.seen.append([not torch.equal(p, w) for p,w in zip(self.pair, self.was)])


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('every', [1, 2, 3])
def test_early_layers_rest(home, every):
    recipe = replace(SMALL, early_every=every, processes=1, bs=2)
    learn,moves = make_learner(recipe, load_data(recipe, home/'photos')),Moves()
    learn.remove_cbs([o for o in learn.cbs if type(o).__name__ == 'ProgressCallback'])
    with learn.no_logging(): learn.fit(1, [1e-3, 1e-3, 0.], cbs=[GANCallback(mode='content'), moves])
    assert len(moves.seen) > 3
    assert moves.seen == [[i%every == 0, True] for i in range(len(moves.seen))]
    assert all(p.requires_grad for p in learn.model.generator.parameters())


def test_a_network_without_early_layers_says_so(home):
    recipe = replace(recipes['default-mobile'], generator='mobile_scratch', size=32, bs=2, early_every=2)
    learn = make_learner(recipe, load_data(recipe, home/'photos'))
    with pytest.raises(UsageError, match='no early layers'), learn.no_logging(): learn.fit(1, cbs=GANCallback())
