"The systems trained on their own kind of pictures: what is measured was not learned, and small weights are the weights"
import importlib.util, sys

import numpy as np, pytest, torch

import book
from colorbook.data.clips import Clips, Film, split_clips
from colorbook.training.registry import check_recipe

sys.path.insert(0, str(book.ROOT/'benchmarks'))


def script(path):
    spec = importlib.util.spec_from_file_location(f'own_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


systems,own = (script(book.ROOT/o) for o in ('benchmarks/systems.py', 'asset/own.py'))


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


@pytest.mark.parametrize('bits', [3, 4, 8])
def test_packed_weights(bits):
    w = torch.randn(4, 32, 3, 3, generator=torch.Generator().manual_seed(0))
    code,scale = own.pack(w, bits)
    assert len(code) == w.numel()*bits/8 and len(scale) == w.numel()/64
    # by hand, value by value
    digits = np.unpackbits(code.numpy(), bitorder='little').reshape(-1, bits)
    whole = [sum(int(d) << i for i,d in enumerate(o)) - 2**(bits - 1) for o in digits]
    back = torch.tensor(whole).view(-1, 64)*scale.float()[:,None]
    off = (back - w.view(-1, 64)).abs()
    assert (off <= .51*scale.float()[:,None] + 1e-6).all() and off.max() > .2*scale.min()
