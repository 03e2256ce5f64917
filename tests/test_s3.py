"S3: published sizes, any picture, a branch that is a leaf, two critics, and what becomes of it in a file."
from dataclasses import replace
from functools import partial

import numpy as np, onnx, onnxruntime, pytest, torch, yaml
from fastai.optimizer import SGD
from PIL import Image
from safetensors.torch import load_file
from sklearn.metrics import precision_recall_fscore_support

from colorbook.cli.app import main
from colorbook.core import UsageError
from colorbook.data.paired import write_saliency
from colorbook.data.photos import sample_photos
from colorbook.evaluation.saliency import map_maker, saliency_scores
from colorbook.models.inspect import n_weights
from colorbook.models.registry import create_critic, create_generator, generators, outputs
from colorbook.models.s3 import begin_with, HierarchicalCritic, S3Critic, S3Generator, S3Small, SceneEncoder
from colorbook.training.export import export_artifact, export_run, ImageGraph, make_card
from colorbook.training.gan import GANCallback
from colorbook.training.pretrained import state_for
from colorbook.training.registry import make_gan
from colorbook.training.runs import Run, state_hash
from colorbook.training.scene import pretrain, SceneTraining, tasks
from colorbook.training.trainer import train
from small import Fuse
from small_s3 import slim

quiet = pytest.mark.filterwarnings('ignore')


@pytest.fixture(autouse=True)
def seed(): torch.manual_seed(0)


# ---- sizes, to the last weight

def test_counts():
    with torch.device('meta'):
        net,two,one = create_generator('s3'),create_critic('s3_two', n_color=3),create_critic('s3', n_color=3)
        assert n_weights(net) == n_weights(S3Generator(norm='instance')) == 58_755_328
        assert n_weights(create_critic('s3_gp', n_color=3)) == n_weights(one) == 5_766_144
    assert (n_weights(net.scene), n_weights(net.saliency)) == (17_078_080, 1_624_448)
    assert n_weights(net) - n_weights(net.scene) - n_weights(net.saliency) == 40_052_800
    assert n_weights(two) == 2*5_766_144


def test_maps_at_256():
    "Where the scene is joined, where the branch hangs, and how many verdicts there are"
    net,seen = S3Generator(nf=2).eval(),{}
    for k in ('downs.6', 'downs.8', 'ups.0', 'ups.4', 'ups.5', 'ups.6', 'scene', 'saliency'):
        net.get_submodule(k).register_forward_hook(lambda m, x, out, k=k: seen.update({k: (x[0].shape, out.shape)}))
    with torch.no_grad(): net(torch.rand(1, 1, 256, 256))
    assert seen['downs.6'][0] == (1, 16 + 16, 8, 8) and seen['scene'][1] == (1, 16, 8, 8)
    assert seen['downs.8'][1][2:] == (1, 1) and seen['ups.0'][1][2:] == (2, 2)
    assert [tuple(seen[f'ups.{k}'][1][1:]) for k in (4, 5, 6)] == [(16, 32, 32), (8, 64, 64), (4, 128, 128)]
    assert seen['saliency'][1] == (1, 1, 256, 256)
    judge = S3Critic(nf=2).eval()
    with torch.no_grad(): assert judge(torch.rand(1, 1, 256, 256), torch.rand(1, 3, 256, 256)).shape == (1, 1, 30, 30)


# ---- what a generator answers

MADE = dict(
    s3=lambda **kw: S3Generator(nf=2, **kw), instance=lambda **kw: S3Generator(nf=2, norm='instance', **kw),
    no_scene=lambda **kw: S3Generator(nf=2, scene=False, **kw), ab=lambda **kw: S3Generator(nf=2, n_out=2, **kw),
    small=lambda **kw: S3Small(widths=(16, 12, 8, 8), **kw),
    small_no_scene=lambda **kw: S3Small(widths=(16, 12, 8, 8), scene=False, **kw))


@pytest.mark.parametrize('name', MADE)
def test_any_size_and_a_branch_that_is_a_leaf(name):
    net,q = MADE[name]().eval(),4 if name.startswith('small') else 1
    for h,w in ((1, 1), (31, 257)):
        L = torch.rand(1, 1, h, w)
        with torch.no_grad():
            net.with_saliency = True
            out = net(L)
            net.with_saliency = False
            assert torch.equal(net(L), net.color(out))
        n = 2 if q == 4 or name == 'ab' else 3
        assert out.shape == (1, n + 1, -(-h//q), -(-w//q)) and net.color(out).shape[1] == n
        assert 0 <= out[:,n:].min() and out[:,n:].max() <= 1
    bare = MADE[name](saliency=False)
    assert bare.saliency is None and bare(torch.rand(2, 1, 40, 40)).shape[1] == n


def test_range_of_color_is_that_of_its_target():
    "S3's own generator ends in a tanh and its targets lie in 0..1: half of what it can say is never right"
    from colorbook.data.loaders import targets
    out = outputs[generators['s3'].output]
    white,black = (targets[out.target](torch.full((1, 3, 8, 8), o)) for o in (1., 0.))
    net = S3Generator(nf=2, spectral=False).eval()
    with torch.no_grad():
        net.head[0].weight.mul_(1e6)
        said = net.color(net(torch.rand(1, 1, 64, 64)))
    assert said.min() < -.99 and said.max() > .99
    assert (black.min(), white.max()) == (-1, 1)  # what was defective: (0, 1)


def test_the_scene_is_heard():
    net,other = (S3Generator(nf=2).eval().double() for _ in range(2))
    L = torch.rand(1, 1, 64, 64).double()
    with torch.no_grad():
        was = net(L)
        begin_with(net, {f'scene.{k}': v for k,v in other.scene.state_dict().items()})
        assert not torch.equal(net(L), was)
        assert torch.equal(begin_with(net, other.state_dict())(L), other(L))
        assert torch.equal(begin_with(net, None)(L), other(L))
    wide = {f'scene.{k}': v for k,v in SceneEncoder(nf=4).state_dict().items()}
    for wrong in (SceneEncoder(nf=2).state_dict(), wide):
        with pytest.raises(UsageError, match='do not fit'): begin_with(net, wrong)


# ---- critics

def test_the_second_critic_hears_of_saliency():
    "From its verdict, slopes go to the map of saliency; none where the color is nothing"
    two,L = HierarchicalCritic(2, nf=4).eval(),torch.rand(1, 1, 32, 32)
    color = torch.rand(1, 3, 32, 32)
    color[:,:2,:,16:] = 0
    color.requires_grad_()
    verdict = two(L, color)
    whole,salient = (torch.autograd.grad(verdict[:,k].sum(), color, retain_graph=True)[0][0,2] for k in (0, 1))
    assert not whole.any() and not salient[:,16:].any() and salient[:,:16].abs().max() > 0
    ones = torch.cat([color[:,:2], torch.ones(1, 1, 32, 32)], 1)
    assert torch.equal(two(L, ones), two(L, ones[:,:2]))


# ---- as a file

@quiet
@pytest.mark.parametrize('name', ['s3', 'small'])
def test_the_file_has_no_branch(name, tmp_path):
    net = MADE[name]()
    for o in range(2): net.train()(torch.rand(2, 1, 96, 96))
    net.eval()
    path = export_artifact(net, tmp_path/'a.onnx', make_card(net, 'a'))
    assert net.with_saliency and net.saliency is not None  # as it was
    graph = onnx.load(path).graph
    names = [o.name for o in graph.initializer]
    assert [o for o in names if 'head' in o] and not [o for o in names if 'saliency' in o]
    assert 'Sigmoid' not in {o.op_type for o in graph.node}
    session = onnxruntime.InferenceSession(path)
    for h,w in ((96, 128), (64, 257), (300, 65)):
        L = torch.rand(1, 1, h, w)
        with torch.no_grad(): want = ImageGraph(net)(L)
        got = torch.from_numpy(session.run(None, dict(L=L.numpy()))[0])
        assert got.shape == want.shape and (got - want).abs().max() < 1e-3


# ---- two terms

@pytest.fixture(scope='module')
def photos(tmp_path_factory):
    home = tmp_path_factory.mktemp('photos')
    for i,o in enumerate(sample_photos(96)):
        for x in 0,48: o.crop((x, 0, x + 48, 48)).save(home/f'{i}-{x}.png')
    return home


def run(recipe, photos, out, **kwargs): return Run(train(recipe, photos, out, progress=False, **kwargs))


def end(run): return {k: state_hash(run.weights(k)) for k in run.tags},state_hash(run.checkpoint()['model'])


@quiet
def test_both_terms_stopped_and_resumed(photos, tmp_path, monkeypatch):
    "The recipe of the paper: two critics, attention, a penalty; stopped in the first term, and again in the second"
    recipe = slim('s3-readme')
    straight = run(recipe, photos, tmp_path/'straight')
    assert straight.tags == ['0-000', '0-001', '1-000', '1-001']
    assert [o['mode'] for o in straight.history] == ['content']*2 + ['both']*2
    fuse = Fuse(monkeypatch, GANCallback, 'after_loss')
    for at in (3, 14):
        fuse.at(at)
        with pytest.raises(KeyboardInterrupt): run(recipe, photos, tmp_path/'run')
    fuse.at(None)
    assert end(run(recipe, photos, tmp_path/'run')) == end(straight)
    names = {o.op_type for o in onnx.load(export_run(straight)).graph.node}
    assert 'Sigmoid' not in names and 'Tanh' in names


@quiet
@pytest.mark.parametrize('adversarial,critic', [('wgan', 's3_slim'), ('lsgan', 's3_slim'), ('wgan_gp', 's3_slim_gp')])
def test_every_game_of_s3(adversarial, critic, photos, tmp_path):
    "One critic that sees color alone; the term without a critic is the first"
    recipe = replace(slim('s3-second', 1), critic=critic, adversarial=adversarial)
    row, = run(recipe, photos, tmp_path/'run').history
    assert all(np.isfinite(float(row[k])) for k in ('content', 'gen', 'crit', 'valid'))
    weights = Run(tmp_path/'run').gan().critic.parameters()
    assert (max(o.abs().max() for o in weights) <= .01) == (adversarial == 'wgan')


@quiet
def test_the_second_term_begins_with_the_first(photos, tmp_path, monkeypatch):
    first = run(slim('s3-first', 1), photos, tmp_path/'first')
    second = run(slim('s3-second', 1), photos, tmp_path/'second', weights=tmp_path/'first')
    assert second.record['weights'] == state_hash(first.weights())
    net = S3Generator(nf=2)
    net.load_state_dict(first.weights())
    made = make_gan(slim('s3-second'), state_for(slim('s3-second'), tmp_path/'first')).generator
    assert state_hash(made.state_dict()) == state_hash(net.state_dict())
    with pytest.raises(UsageError, match='other first weights'):
        run(slim('s3-second', 1), photos, tmp_path/'second', weights=tmp_path/'second')


# ---- the scene, trained beforehand

@pytest.fixture(scope='module')
def kinds(tmp_path_factory):
    "Eight pictures of each of two kinds"
    home = tmp_path_factory.mktemp('kinds')
    for i in range(8):
        for k,hue in dict(red=(200, 60, 40), blue=(40, 60, 200)).items():
            (home/k).mkdir(exist_ok=True)
            noise = np.random.default_rng(i).integers(-30, 30, (40, 40, 1))
            Image.fromarray((np.array(hue) + noise).clip(0, 255).astype(np.uint8)).save(home/f'{k}/{i}.png')
    return home


@quiet
@pytest.mark.parametrize('task', tasks)
def test_s3_begins_with_a_scene_of_any_task(task, kinds, tmp_path):
    how = SceneTraining(task, epochs=1, bs=4, size=32, nf=2, valid=.2)
    made = pretrain(kinds, tmp_path/task, how, progress=False)
    state = load_file(made/'scene.safetensors')
    assert state['scene.layers.0.0.parametrizations.weight.original'].shape == (2, 1, 3, 3)
    recipe = slim('s3-first')
    net = make_gan(recipe, state_for(recipe, made)).generator
    assert all(torch.equal(v, state[f'scene.{k}']) for k,v in net.scene.state_dict().items())
    assert not torch.equal(make_gan(recipe).generator.scene.layers[5][0].weight, net.scene.layers[5][0].weight)
    assert state_hash(state) != state_hash({f'scene.{k}': v for k,v in SceneEncoder(nf=2).state_dict().items()})


@quiet
def test_the_command_takes_its_options(kinds, tmp_path, capsys):
    given = dict(task='rgb', epochs=1, lr=.02, bs=5, size=32, seed=3)
    names = dict(bs='batch-size')
    options = [x for k,v in given.items() for x in (f"--{names.get(k, k)}", str(v))]
    assert main(['pretrain', str(kinds), '-o', str(tmp_path/'run'), *options]) == 0
    assert capsys.readouterr().out.split()[-1] == str(tmp_path/'run/scene.safetensors')
    settings = yaml.safe_load((tmp_path/'run/settings.yaml').read_text())
    assert {k: settings[k] for k in given} == given and settings['kinds'] == ['blue', 'red']
    assert main(['pretrain', str(kinds), '-o', str(tmp_path/'run'), '--task', 'gray']) == 2


def test_its_optimizer_is_that_of_the_text():
    "Momentum, and weight decay that is part of the slope: as torch has it"
    a,b = (torch.nn.Parameter(torch.arange(4.)) for _ in range(2))
    how = SceneTraining()
    ours,theirs = (f([o]) for f,o in ((partial(SGD, lr=.1, mom=how.momentum, wd=how.wd, decouple_wd=False), a),
        (partial(torch.optim.SGD, lr=.1, momentum=how.momentum, weight_decay=how.wd), b)))
    for _ in range(4):
        for o,p in ((ours, a), (theirs, b)):
            o.zero_grad()
            (p**3).mean().backward()
            o.step()
    torch.testing.assert_close(a.data, b.data)


# ---- how well maps agree

@pytest.mark.parametrize('threshold,beta2', [(.3, .3), (.7, 1.), (None, .3)])
def test_scores_are_those_of_a_reference(threshold, beta2):
    p,t = torch.rand(3, 1, 9, 7)**2,torch.rand(3, 1, 9, 7)
    found = saliency_scores(p, t, threshold, beta2)
    for i in range(3):
        cut = min(2*p[i].mean().item(), 1) if threshold is None else threshold
        want = precision_recall_fscore_support((t[i] > .5).flatten(), (p[i] >= cut).flatten(), beta=beta2**.5,
            average='binary')[:3]
        assert [found[k][i].item() for k in ('precision', 'recall', 'f')] == pytest.approx(want, abs=1e-5)
        assert found['mae'][i].item() == pytest.approx((p[i] - t[i]).abs().mean().item(), rel=1e-5)


@quiet
def test_the_command_writes_what_a_run_predicts(photos, tmp_path, capsys):
    made = run(slim('s3-first', 1), photos, tmp_path/'run')
    assert main(['data', 'saliency', str(photos), str(tmp_path/'maps'), '--method', str(tmp_path/'run')]) == 0
    assert capsys.readouterr().out.strip().endswith('12 maps')
    name = sorted(photos.iterdir())[0]
    want = map_maker(made.generator(), 'rec601', 32)(Image.open(name))
    assert Image.open(tmp_path/'maps'/name.name).tobytes() == want.tobytes()


def test_predicted_maps_are_data(photos, tmp_path):
    "A network's maps, written beside the photographs, are what a batch brings"
    net = S3Generator(nf=2).eval()
    write_saliency(photos, tmp_path/'maps', map_maker(net, side=64))
    maps = [np.asarray(Image.open(o)) for o in sorted((tmp_path/'maps').iterdir())]
    assert len(maps) == 12 and all(o.shape == (48, 48) for o in maps)
    from colorbook.data.loaders import load_data
    batch = load_data(slim('s3'), (photos, tmp_path/'maps')).train.one_batch()
    levels = np.concatenate([o.flatten() for o in maps])/255
    assert levels.min() - .01 <= batch[2].min() and batch[2].max() <= levels.max() + .01
