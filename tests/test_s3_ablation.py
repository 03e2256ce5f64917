"S3's ablations: what a variant lacks is missing, weights arrive, a killed search goes on, and the tables are whole."
import os, signal, subprocess, sys
from dataclasses import replace
from pathlib import Path

import numpy as np, pandas as pd, pytest, torch
from safetensors.torch import load_file
from scipy.stats import bootstrap

import small_s3  # noqa: F401, enters networks and a loss
from colorbook.data.loaders import ab_target
from colorbook.data.photos import Photos, sample_photos
from colorbook.models.layers import InstanceNorm
from colorbook.models.s3 import HierarchicalCritic
from colorbook.training.ablation import new_learner, seeds, squares, start_of, train_variant
from colorbook.training.gan import GANCallback
from colorbook.training.registry import check_recipe
from colorbook.training.s3_ablation import (crossed_ci, evolution_sheet, s3_jobs, s3_pairs, s3_variants, S3Measures,
    search_weights)
from colorbook.training.trainer import train
from small_s3 import slim

ROOT = Path(__file__).parents[1]
HOW = dict(weights='none', adversary=GANCallback, average=True)
pytestmark = pytest.mark.filterwarnings('ignore')


def short(name, **changes):
    "A variant with few steps, and features that need no download"
    r = s3_variants[name]
    phases = tuple(replace(p, epochs=1, share=1.) for p in r.phases)
    return replace(r, **{**dict(content='s3_slim', bs=4, valid=.2, phases=phases), **changes})


@pytest.fixture(scope='module')
def photos():
    "Sixteen quarters of photographs"
    whole = [o.resize((144, 144)) for o in sample_photos(256)[:4]]
    return Photos([o.crop((x, y, x + 72, y + 72)) for o in whole for x in (0, 72) for y in (0, 72)])


def lacks(learn):
    "What is not as in the full variant"
    gen,critic,loss = learn.model.generator,learn.model.critic,learn.loss_func
    return {k for k,o in dict(saliency=gen.saliency is None, scene=gen.look is None, features=loss.perceptual is None,
        attention=loss.attention is None, batch_norm=any(isinstance(m, InstanceNorm) for m in gen.modules()),
        second_critic=not isinstance(critic, HierarchicalCritic)).items() if o}


MISSING = {'no saliency': {'saliency', 'attention', 'second_critic'}, 'no perceptual': {'features'},
    'no scene': {'scene'}, 'instance norm': {'batch_norm'}}


@pytest.mark.parametrize('name', s3_variants)
def test_a_variant_lacks_what_it_says(name, photos):
    check_recipe(s3_variants[name])
    assert lacks(new_learner(short(name), photos, 0, 'none')) == MISSING.get(name, set())


def test_terms():
    "Modes of the phases, how much is seen, and which variants share a first term"
    modes = {k: [p.mode for p in r.phases] for k,r in s3_variants.items()}
    assert modes['full'] == ['content', 'critic', 'both'] and modes['first term'] == ['content']
    assert modes['no critic'] == ['content', 'content'] and modes['one term'] == ['critic', 'both']
    seen = {k: sum(p.epochs*p.share for p in r.phases if p.mode != 'critic') for k,r in s3_variants.items()}
    assert all(abs(v - seen['full']) < 1e-6 for k,v in seen.items() if k != 'first term')
    shared = [k for k,r in s3_variants.items() if r.phases[0].mode == 'content' and start_of(r) == start_of(
        s3_variants['full'])]
    assert shared == ['full', 'first term', 'no critic', 'more critic']
    jobs = [(r[0].name, i) for r,i in s3_jobs(s3_variants.values())]
    assert len(jobs) == len(set(jobs)) == 3*len(s3_variants)
    assert jobs[:3] == [('full', 0), ('first term', 0), ('no saliency', 0)] and jobs[8] == ('no saliency', 2)


def test_weights_arrive_in_the_second_term(photos, tmp_path):
    "From one first term, each weight leads elsewhere; the same weights lead to the same end"
    base = short('full')
    train_variant(short('first term'), photos, tmp_path, **HOW)
    first = load_file(next(tmp_path.glob('*.safetensors')))
    def end(**weights):
        net = train_variant(replace(base, **weights), photos, tmp_path, start=base, **HOW)
        return {k: v.clone() for k,v in net.state_dict().items()}
    was = end()
    def same(a, b): return all(torch.equal(v, b[k]) for k,v in a.items())
    assert same(end(), was) and not same(first, was)
    for o in (dict(adv_weight=9.), dict(attention=5.), dict(perceptual=1.)): assert not same(end(**o), was), o
    assert len(list(tmp_path.glob('*.safetensors'))) == 1


def test_the_truth_has_no_error():
    "Right colors: no difference, the classifier's own answers, the photographs' hues"
    rgb = squares(sample_photos(96), 64, 6)
    class Right(torch.nn.Module):
        def forward(self, L): return ab_target(rgb)
        def color(self, out): return out
    look = S3Measures()
    best,gray = look(Right(), rgb, ('psnr', 'nrmse')),look(None, rgb, ('psnr', 'nrmse'))
    assert best.nrmse.max() < .01 and best.same_top1.min() == best.same_top5.min() == 1
    assert best.object_intervention.max() < .01 and gray.cni.max() == 0
    for k in ('hue_salient', 'hue_other'): assert best[k][0] == pytest.approx(best[f'truth_{k}'][0], rel=.05)
    assert (gray.same_top1 <= gray.same_top5).all() and 'own_hue_salient' not in best


def test_an_interval_draws_both():
    "Against draws by hand, and wider than that of photographs alone"
    v = np.random.default_rng(0).normal(size=(40, 3)) + np.array([0, .5, 1.])
    rng = np.random.default_rng(1)
    draws = [v[rng.integers(40, size=40)][:,rng.integers(3, size=3)].mean() for _ in range(4000)]
    o = crossed_ci(v, n=4000)
    assert np.allclose((o['low'], o['high']), np.quantile(draws, (.025, .975)), atol=.04)
    alone = bootstrap((v.mean(1),), np.mean, rng=0).confidence_interval
    assert o['high'] - o['low'] > 1.5*(alone.high - alone.low) and o['mean'] == pytest.approx(v.mean())


SLOW = """
import sys, time
from colorbook.training.s3_ablation import search_weights
def judge(w):
    seen.append(w)
    print(len(seen), flush=True)
    if len(seen) == 5: time.sleep(99)
    return dict(value=w['adv_weight'] + w['attention']/w['perceptual'])
seen = []
search_weights(judge, sys.argv[1], 7)
"""


def test_a_killed_search_goes_on(tmp_path):
    "Killed in its fifth trial, it makes the same seven trials; more can be asked for later"
    p = subprocess.Popen([sys.executable, '-W', 'ignore', '-c', SLOW, tmp_path/'a.db'], stdout=subprocess.PIPE,
        text=True, cwd=ROOT, env=os.environ | dict(PYTHONPATH=str(ROOT)))
    while p.stdout.readline().strip() != '5': assert p.poll() is None
    os.kill(p.pid, signal.SIGKILL); p.wait()
    seen = []
    def judge(w):
        seen.append(w)
        return dict(value=w['adv_weight'] + w['attention']/w['perceptual'])
    rest = search_weights(judge, tmp_path/'a.db', 7)
    assert len(seen) == 3
    whole = search_weights(judge, tmp_path/'b.db', 7)
    assert rest.to_csv() == whole.to_csv() and len(whole) == 7
    more = search_weights(judge, tmp_path/'b.db', 8)
    assert more[:7].to_csv() == whole.to_csv() and len(more) == 8


def test_evolution(tmp_path):
    "Gray, each epoch of both terms, truth"
    run = train(slim('s3-first'), sample_photos(48)*2, tmp_path/'run', progress=False)
    sheet = np.asarray(evolution_sheet(run, Photos(sample_photos(48)), n=3, side=32)).astype(int)
    h,w = 32 + 4 + 12,32 + 4
    assert sheet.shape == (3*h + 4, 4*w + 4, 3)
    cell = lambda i,j: sheet[i*h + 4:i*h + 30,j*w + 4:j*w + 34]
    for i in range(3):
        gray = [np.ptp(cell(i, j), axis=-1).max() for j in range(4)]
        assert gray[0] == 0 < min(gray[1:])
    one = np.asarray(evolution_sheet(run, Photos(sample_photos(48)), n=1, every=9, side=32))
    assert one.shape == (h + 4, 4*w + 4, 3) # first and last epoch are always there


# ---- what is kept

@pytest.fixture(scope='module')
def kept(): return [pd.read_csv(ROOT/f'asset/scgan{o}.csv', comment='#') for o in ('', '-pairs', '-search')]


def test_tables_are_whole(kept):
    runs,pairs,search = kept
    done = {k: {*runs.seed[runs.variant == k]} for k in s3_variants}
    assert all(done[k] == {*seeds} for k in ('full', 'first term', 'no saliency', 'no critic'))
    want = ['psnr', 'ssim', 'lpips', 'nrmse', 'ratio', 'cci', 'cni', 'same_top1', 'same_top5', 'object_intervention',
        'hue_salient', 'hue_other']
    assert np.isfinite(runs[want][runs.variant != 'gray']).all(axis=None) # gray has no hue
    mean = runs.groupby('variant').mean(numeric_only=True)
    assert {(a, b) for a,b in zip(pairs['first'], pairs.second)} == {(a, b) for a,b in s3_pairs if done[a] & done[b]}
    for o in pairs[pairs.measure.isin([*want, 'colorfulness']) & (pairs.seeds == 3)].itertuples():
        assert o.difference == pytest.approx(mean[o.measure][o.first] - mean[o.measure][o.second], abs=2e-3, rel=1e-3)
    some = pairs.dropna(subset=['low'])
    assert (some.low <= some.difference + 1e-9).all() and (some.difference <= some.high + 1e-9).all()
    assert len(search) >= 7 and np.isfinite(search).all(axis=None)
