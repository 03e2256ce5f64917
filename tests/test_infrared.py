"Infrared, holes and sketches: scenes stay apart, settings arrive, lightness is painted, three channels work"
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np, onnx, pytest, torch
from PIL import Image
from skimage.color import rgb2lab

from colorbook.cli.app import main
from colorbook.cli.train import parse_changes
from colorbook.color.lab import infrared, rgb_to_lab
from colorbook.core import UsageError
from colorbook.data.photos import sample_photos
from colorbook.data.loaders import load_data
from colorbook.imaging.artifact import card, find_model
from colorbook.imaging.colorizer import Colorizer, colorize, load_model
from colorbook.models.infrared import InfraredUNet
from colorbook.training.export import export_artifact, export_run, make_card
from colorbook.training.recipes import Phase, recipes
from colorbook.training.registry import check_recipe
from colorbook.training.runs import Run
from colorbook.training.trainer import train
from colorbook.video.model import load_film_model

pytestmark = pytest.mark.filterwarnings('ignore')
SCENES = 'hill', 'lake', 'old-town', 'street'
ROOT = Path(__file__).resolve().parent.parent
SPLITS = 'mountain,street', 'country,indoor', 'field,urban', 'forest,oldbuilding', 'water' # of benchmarks/infrared.py


def drawn(n, w=72, h=48, seed=0):
    "Skies over lawns, in color"
    rng = np.random.default_rng(seed)
    for _ in range(n):
        top,grain = rng.integers(h//4, 3*h//4),rng.normal(0, 8, (h, w, 1))
        a = np.empty((h, w, 3))
        a[:top],a[top:] = rng.uniform((90, 140, 200), (130, 180, 250)),rng.uniform((50, 90, 20), (90, 140, 60))
        yield (a + grain).clip(0, 255).astype(np.uint8)


def as_infrared(a):
    "The sky is dark, the lawn is bright; grain stays"
    r,g,b = a.astype(float).transpose(2, 0, 1)
    return (110 + .5*(g - b) + .3*(g - g.mean())).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp('nir')
    for k in ('nir', 'photos', 'kaist/set00/visible', 'kaist/set00/lwir', 'kaist/set01/visible', 'kaist/set01/lwir'):
        (home/k).mkdir(parents=True)
    for i,a in enumerate(drawn(48)):
        s,near = SCENES[i%4],as_infrared(a)
        Image.fromarray(a).save(home/f'nir/{s}-{i:03}_rgb.png')
        Image.fromarray(near).save(home/f'nir/{s}-{i:03}_nir.png')
        Image.fromarray(a).save(home/f'photos/{i:03}.png')
        Image.fromarray(a).save(home/f'kaist/set0{i%2}/visible/{i:03}.png')
        Image.fromarray(np.stack([near, near[::-1], near], 2)).save(home/f'kaist/set0{i%2}/lwir/{i:03}.png')
    return home


SMALL = dict(size=32, bs=4, low=.8, aged=0., ema=0.)
PHASE = Phase('content', 10, (2e-3, 1e-2, 0.))


@pytest.fixture(scope='module')
def run(home, tmp_path_factory):
    "The recipe of the book, small"
    recipe = replace(recipes['nir'], phases=(PHASE,), scenes='lake,street', **SMALL)
    return Run(train(recipe, home/'nir', tmp_path_factory.mktemp('run')/'nir', weights='none', progress=False))


@pytest.fixture(scope='module')
def file(run): return export_run(run, size=64)


# ---- scenes

@pytest.mark.parametrize('scenes', ['lake,street', 'hill', ' old-town , lake'])
@pytest.mark.parametrize('word', ['nir', 'lwir'])
def test_no_scene_is_on_both_sides(home, word, scenes):
    if word == 'lwir': scenes = 'set01'
    recipe = replace(recipes['nir'], data=word, scenes=scenes, **SMALL)
    dls = load_data(recipe, home/('nir' if word == 'nir' else 'kaist'))
    of = [o.split('/')[-3] if word == 'lwir' else o.split('/')[-1].rsplit('-', 1)[0] for o in dls.crop.photos.names]
    held = {of[i] for i in dls.held}
    assert held == {o.strip() for o in scenes.split(',')} and len(dls.held) == sum(o in held for o in of)
    assert {of[i] for i in dls.train_ds.items} == {*of} - held


def test_the_default_holds_two_scenes_out():
    assert parse_changes(["scenes=''"]) == dict(scenes='')  # none
    assert len(recipes['nir'].scenes.split(',')) == 2
    for name in ('default', 's0', 'sketch'):
        with pytest.raises(UsageError, match='scenes are held out of pairs'):
            check_recipe(replace(recipes[name], scenes='street'))


# ---- a run, its file, and the command line

def test_a_run_learns_lightness_and_color_of_scenes_it_has_not_seen(file):
    near,rgb = fresh()
    done,copy = (np.mean([psnr(o, b) for o,b in zip(m, rgb)]) for m in ([colorize(o, file) for o in near], near))
    assert done > copy + 2


def fresh():
    pics = list(drawn(6, seed=9))
    return [np.repeat(as_infrared(a)[...,None], 3, -1) for a in pics],pics


def psnr(a, b): return -10*np.log10(np.mean((a/255. - b/255.)**2) + 1e-9)


def test_the_file_says_that_it_changes_lightness_and_agrees_with_torch(run, file):
    card = json.loads({o.key: o.value for o in onnx.load(file).metadata_props}['colorbook'])
    assert card['light'] and 'channels' not in card and card['recipe']['scenes'] == 'lake,street'
    model,L = Colorizer(file),torch.rand(64, 96)
    with torch.no_grad(): lab = rgb_to_lab((run.generator().eval()(L[None,None]) + 1)/2)[0].numpy()
    assert np.abs(model.ab(L.numpy()) - lab[1:]/110).max() < 3e-3
    assert np.abs(L.numpy() + model.light(L.numpy()) - lab[0]/100).max() < 3e-3


def test_a_picture_through_the_command_line(file, tmp_path, capsys):
    near = as_infrared(next(drawn(1, 200, 150, seed=5)))
    Image.fromarray(near).save(tmp_path/'near.png')
    assert main(['colorize', str(tmp_path/'near.png'), '-o', str(tmp_path/'out.png'), '-m', str(file)]) == 0
    out = np.asarray(Image.open(tmp_path/'out.png'))
    assert out.shape == (150, 200, 3)
    assert (out == colorize(near, file)).all()
    moved = rgb2lab(out)[...,0] - rgb2lab(near[...,None].repeat(3, 2))[...,0]
    assert moved[:30].mean() > 10 > -3 > moved[-30:].mean()  # the sky is light again, and the lawn is not
    deep = colorize(near.astype(np.uint16)*257, file)
    assert deep.dtype == np.uint16 and np.abs(deep/257. - out).mean() < 8  # it is shrunk by another filter


def test_lightness_is_not_changed_by_halves(file):
    for model in (['default', file], [file, 'default']):
        with pytest.raises(UsageError, match='for infrared'): load_model(model)
    both,one = load_model([file, file]),load_model(file)
    near = as_infrared(next(drawn(1, seed=7)))
    assert np.abs(colorize(near, both).astype(int) - colorize(near, one)).max() <= 1
    with pytest.raises(UsageError, match='keeps its own'): load_film_model(file)


def test_practice_on_photographs_is_a_beginning(home, tmp_path):
    some = replace(recipes['nir-photos'], phases=(replace(PHASE, epochs=1),), valid=.2, **SMALL)
    first = train(some, home/'photos', tmp_path/'a', weights='none', progress=False)
    phase = replace(PHASE, epochs=1, lrs=(0., 0., 0.), schedule='constant')
    still = replace(recipes['nir'], scenes='hill', phases=(phase,), wd=0., **SMALL)
    more = train(still, home/'nir', tmp_path/'b', weights=first, progress=False)
    a,b = Run(first).weights(),Run(more).weights()
    assert all(torch.equal(v, b[k]) for k,v in a.items() if k.endswith('weight'))


def test_a_part_of_the_practice_is_kept(home, tmp_path):
    "The average lies on the way from the first weights, zero in the last layer, to the last ones"
    assert 0 < recipes['nir'].ema < 1
    small = dict(SMALL, phases=(replace(PHASE, epochs=1),), scenes='lake,street', wd=0.)
    heads = []
    for ema in (0., recipes['nir'].ema):
        recipe = replace(recipes['nir'], **small | dict(ema=ema))
        run = Run(train(recipe, home/'nir', tmp_path/str(ema), weights='none', progress=False))
        heads.append(run.weights()['head.weight'].norm().item())
    assert heads[0]/20 < heads[1] < heads[0]/2


# ---- three channels

def test_three_channels_from_the_folder_to_the_file(home, tmp_path):
    recipe = replace(recipes['nir'], generator='infrared3', data='lwir', scenes='set01', **SMALL,
        phases=(replace(PHASE, epochs=2),))
    run = Run(train(recipe, home/'kaist', tmp_path/'run', weights='none', progress=False))
    path = export_run(run)
    model = Colorizer(path)
    assert model.card['channels'] == 3
    x = np.random.default_rng(0).random((64, 96, 3), np.float32)
    other = x.copy()
    other[...,0] = 1 - x[...,0]
    assert np.abs(model.ab(x) - model.ab(other)).max() > 1e-3
    with torch.no_grad(): out = run.generator().eval()(torch.from_numpy(x).permute(2, 0, 1)[None])
    lab = rgb_to_lab((out + 1)/2)[0]
    assert np.abs(model.ab(x) - lab[1:].numpy()/110).max() < 3e-3
    a = np.asarray(Image.open(home/'kaist/set00/lwir/000.png'))
    assert colorize(a, path).shape == a.shape
    assert (colorize(a, path) != colorize(a[...,[1, 1, 1]], path)).any()
    assert model.ab(x[...,0]).shape == model.ab(x).shape


def test_a_generator_of_three_channels_wants_data_that_has_them():
    check_recipe(replace(recipes['nir'], generator='infrared3', data='lwir'))
    with pytest.raises(UsageError, match='choose data inpainting, lwir, nir, pairs, sketch'):
        check_recipe(replace(recipes['nir'], generator='infrared3', data='photos', scenes=''))


def test_an_untrained_file_gives_the_picture_back(tmp_path):
    net,a = InfraredUNet(3),next(drawn(1, 90, 60, seed=3))
    path = export_artifact(net, tmp_path/'same.onnx', make_card(net, 'same', light=True, channels=3))
    away = np.abs(rgb2lab(colorize(a, path)) - rgb2lab(a))
    assert away[...,0].max() < 1 and away.mean() < 3


# ---- holes and sketches

@pytest.mark.parametrize('word', ['inpainting', 'sketch'])
def test_held_out_loss_falls_below_copying(home, tmp_path, word):
    "pix2pix, small, on drawn pictures: better than what it is shown"
    phases = (Phase('content', 15, (3e-3, 0.)),)
    recipe = replace(recipes[word], phases=phases, size=32, bs=6, low=.8, valid=.2)
    run = Run(train(recipe, home/'photos', tmp_path/'run', progress=False))
    dls = load_data(recipe, home/'photos')
    x,y = dls.valid.one_batch()
    copied = 100*(x*2 - 1 - y).abs().mean().item()
    assert float(run.history[-1]['valid']) < copied


# ---- the model in the package

def test_the_model_in_the_package_says_what_was_measured():
    kept,about = json.loads((ROOT/'asset/infrared.json').read_text()),card('infrared')
    assert about['light'] and about['name'] == 'colorbook-infrared' and about['recipe']['scenes'] == ''
    assert {*kept['splits']} == {*SPLITS} and sum(o['n'] for o in kept['splits'].values()) == 180
    rows = [r for o in kept['splits'].values() for r in o['rows']]
    assert len({r['name'] for r in rows}) == 180
    for k in ('psnr', 'lpips'):
        mean = {o: np.mean([r[o][k] for r in rows]) for o in ('nir', 'gray')}
        assert about['metrics'][k] == pytest.approx(mean['nir'], abs=1e-3)
        assert about['metrics'][f'gray_{k}'] == pytest.approx(mean['gray'], abs=1e-3)
    assert find_model('infrared').stat().st_size < 2e6
    assert {**about['practice']}.keys() >= {'held', 'weights', 'epochs'}
    assert recipes['nir-photos'].phases[0].epochs == about['practice']['epochs'][0]
    assert about['recipe'] == json.loads(json.dumps(asdict(replace(recipes['nir'], scenes=''))))


def test_the_model_in_the_package_corrects_what_infrared_does_to_photographs():
    gained = []
    for im in sample_photos(128):
        rgb = np.array(im)
        near = infrared(torch.from_numpy(rgb).permute(2, 0, 1)[None]/255)[0,0].clamp(0, 1).numpy()
        near = (near*255).round().astype(np.uint8)
        gained.append(psnr(colorize(near, 'infrared'), rgb) - psnr(near[...,None], rgb))
    assert min(gained) > -.3 and np.mean(gained) > 1.5
    with pytest.raises(UsageError, match='for infrared'): load_model(['default', 'infrared'])
