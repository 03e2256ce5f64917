"Systems trained on their own kind of pictures: what is measured was not learned, and the page has what was measured"
import importlib.util, json, re, sys

import numpy as np

import book
from colorbook.data.clips import Clips, Film, split_clips
from colorbook.training.registry import check_recipe

sys.path.insert(0, str(book.ROOT/'benchmarks'))


def script(path):
    spec = importlib.util.spec_from_file_location(f'own_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


systems = script(book.ROOT/'benchmarks/systems.py')


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
    kept = json.loads((book.ROOT/'asset/own.json').read_text())['flowers']
    text = ' '.join((book.ROOT/'appendix/systems.qmd').read_text().split())
    assert kept['photos'] == 340
    for tag in ('0-006', '1-002'):
        o = kept['summary'][tag]
        for k,unit,off in (('psnr', ' dB', .0051), ('lpips', '', .00051)):
            said = np.array(re.findall(rf'(\d+\.\d+){unit} \[(\d+\.\d+), (\d+\.\d+)\]', text), float)
            assert (abs(said - [o[k][v] for v in ('mean', 'low', 'high')]).max(1) < off).any(), (tag, k)
