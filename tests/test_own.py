"Systems trained on their own kind of pictures: what is measured was not learned, and the page has what was measured"
import importlib.util, json, re, sys
from hashlib import sha256
from itertools import islice

import numpy as np, pytest
from PIL import Image
from safetensors.torch import load_file

import book
from colorbook.data.clips import Clips, Film, fit_frame, split_clips
from colorbook.evaluation.diversity import draw_z
from colorbook.models.registry import create_generator
from colorbook.training.ablation import variants
from colorbook.training.recipes import from_plain
from colorbook.training.registry import check_recipe
from colorbook.video.read import read_frames

sys.path.insert(0, str(book.ROOT/'benchmarks'))


def script(path):
    spec = importlib.util.spec_from_file_location(f'own_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


systems,keeper = (script(book.ROOT/o) for o in ('benchmarks/systems.py', 'asset/own.py'))
FOLDER = book.ROOT/'asset/own'
OWN = json.loads((book.ROOT/'asset/own.json').read_text())


def test_plans_are_recipes_that_go_together():
    assert all(check_recipe(o) == o for o in systems.PLANS.values())


def test_no_frame_that_is_measured_was_learned():
    shot = Film([np.full((16, 16, 3), i, np.uint8) for i in range(60)])
    clips = Clips([shot], 16)
    learned = {i for k in split_clips(clips, 1/3)[0] for i in clips.items[k][2] if i is not None}
    measured = {o[1].max() for o in systems.held_out(shot)}
    assert learned and measured and max(learned) + 3 <= min(measured) and max(measured) == 59


def test_a_frame_without_neighbor():
    held = systems.held_out(Film([np.full((16, 16, 3), 9*i, np.uint8) for i in range(24)]))
    x = systems.light(held[-1], 'lstar')
    assert x.shape == (1, 3, 16, 16) and (x[:,2] == -1).all() and (x[:,:2] >= 0).all() and x[0,0,0,0] < x[0,1,0,0]


def test_the_book_says_what_was_measured():
    "S0 on flowers: the figures of the page are those that were kept"
    kept = OWN['flowers']
    text = ' '.join((book.ROOT/'appendix/systems.qmd').read_text().split())
    assert kept['photos'] == 340
    for tag in ('0-006', '1-002'):
        o = kept['summary'][tag]
        for k,unit,off in (('psnr', ' dB', .0051), ('lpips', '', .00051)):
            said = np.array(re.findall(rf'(\d+\.\d+){unit} \[(\d+\.\d+), (\d+\.\d+)\]', text), float)
            assert (abs(said - [o[k][v] for v in ('mean', 'low', 'high')]).max(1) < off).any(), (tag, k)


@pytest.mark.parametrize('name', systems.PLANS)
def test_what_is_kept_is_what_the_command_trains(name):
    "The whole plan was carried out: its recipe, every epoch, and the weights of the last or of the one that was chosen"
    run = OWN['runs'][name]
    assert from_plain(run['recipe']) == systems.PLANS[name]
    assert len(run['log']) == sum(o.epochs for o in systems.PLANS[name].phases)
    assert run['tag'] in [o['tag'] for o in run['log']] and re.fullmatch('[0-9a-f]{64}', run['weights_sha256'])


def test_the_chapter_shows_what_is_kept():
    text = (book.ROOT/'nbs/results/systems.py').read_text()
    shown = {*re.findall(r'asset/own/([\w-]+\.\w+)', text)}
    shown |= {f'{o}.mp4' for o in re.findall(r"looping\('([\w-]+)'", text)}
    assert {o.name for o in FOLDER.iterdir()} == shown | {'s4.json', 's2-film.safetensors'}
    assert sum(o.stat().st_size for o in FOLDER.iterdir()) < 3e6


@pytest.fixture(scope='module')
def held():
    "Held-out frames of the film as S2 has them, of each shot"
    return [systems.held_out(o) for o in systems.shots_of(book.ROOT/'asset/bunny.mp4', systems.SIDE['s2-film'])]


def test_figures_are_of_these_frames(held):
    kept = OWN['films']
    assert kept['shots'] == [len(o) for o in held]
    def error(o):
        gray = systems.without_color(systems.light(o, 'lstar')[:,1:2])
        return ((gray/255. - o[1]/255.)**2).mean()
    found = np.mean([-10*np.log10(error(o)) for shot in held for o in shot])
    assert abs(found - kept['versions']['s2-film']['gray']['psnr']['mean']) < .01


def test_frames_of_the_page_were_held_out(held):
    times = re.search(r'^times = (.+)$', (book.ROOT/'nbs/results/systems.py').read_text(), re.M)[1]
    for t in map(float, times.split(',')):
        im = next(read_frames(book.ROOT/'asset/bunny.mp4', t, t + .1)).im
        assert any(np.array_equal(fit_frame(im, systems.SIDE['s2-film']), o[1]) for shot in held for o in shot), t


def test_the_weights_of_the_page_made_its_film(held):
    "S2 with one noise, by the weights in half precision, beside a frame of the kept film"
    run,plan = OWN['runs']['s2-film'],systems.PLANS['s2-film']
    path = book.ROOT/'asset'/run['file']
    assert sha256(path.read_bytes()).hexdigest() == run['file_sha256']
    net = create_generator(plan.generator).eval()
    net.load_state_dict(load_file(path))
    frames = [o for shot in held for o in shot]
    i = len(held[0]) + len(held[1])//2
    again = systems.color((net, plan), frames[i], draw_z(net, len(frames) + 1)[-1:])
    film = next(islice(read_frames(FOLDER/'s2-film.mp4'), i, None)).im
    w = film.width//3
    kept,truth = (np.asarray(film.crop((k*w, 0, (k + 1)*w, film.height)), float) for k in (1, 2))
    again = np.asarray(Image.fromarray(again).resize((w, film.height), Image.Resampling.LANCZOS), float)
    off,far = abs(again - kept).mean(),abs(truth - kept).mean() # the codec keeps color at half the size
    assert off < 6 and off < far/3


def test_losses_at_128():
    kept = json.loads((FOLDER/'s4.json').read_text())
    assert set(kept['arms']) <= set(variants) and {'l1 alone', 'gan-l1'} <= set(kept['arms'])
    assert '--scale 2' in kept['command'] and all(repr(o) in kept['command'] for o in kept['arms'])
    assert all(o['psnr']['low'] < o['psnr']['mean'] < o['psnr']['high'] for o in kept['arms'].values())
    w,h = Image.open(FOLDER/'s4.jpg').size
    assert (w, h) == (144*(len(kept['arms']) + 2), 144*6)


def test_frames_that_are_shown_are_spread_over_the_shots():
    at = keeper.spread([10, 100, 7], 8)
    assert len(at) == 8 and at == sorted(set(at)) and max(at) < 117
    assert [sum(a <= o < b for o in at) for a,b in ((0, 10), (10, 110), (110, 117))] == [3, 3, 2]


def test_a_sheet_has_its_rows_and_columns_in_their_places():
    colors = [[np.full((6, 8, 3), 40*i + 10*j, np.uint8) for j in range(3)] for i in range(2)]
    x = np.asarray(keeper.sheet(colors, ['a', 'b', 'c'], 8))
    assert x.shape == (22 + 2*10 - 4, 3*12 - 4, 3)
    assert [[x[22 + 10*i + 3,12*j + 4,0] for j in range(3)] for i in range(2)] == [[0, 10, 20], [40, 50, 60]]
