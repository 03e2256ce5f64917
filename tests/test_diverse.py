"Several answers for one photograph: the same choices on both roads, as files too, and the sheet of a trained run."
import math
from dataclasses import replace

import numpy as np, onnxruntime, pytest, torch
from PIL import Image

from colorbook.training.export import export_artifact, make_card
from colorbook.color.bins import AnnealedMean, HueBias
from colorbook.imaging.colorizer import Colorizer, colorize, sample_noise
from colorbook.core import InputError, UsageError
from colorbook.models.s2 import S2Critic, Stride1Generator
from colorbook.models.pix2pix import Pix2PixGenerator, S4Critic
from colorbook.evaluation.diversity import (answer_spread, answers, best_answer, draw_z, pairwise_lpips,
    pictures, rank, ranked_sheet, with_choices)
from colorbook.models.energy_critic import EnergyCritic
from colorbook.models.critics import Critics, realness
from colorbook.evaluation.metrics import lpips, lpips_state
from colorbook.data.photos import sample_photos
from colorbook.models.classifiers import PlainNet
from colorbook.training.recipes import Phase, recipes
from colorbook.models.registry import generators
from colorbook.training.runs import Run
from colorbook.training.trainer import train

quiet = pytest.mark.filterwarnings('ignore')
ROADS = dict(stride1=lambda: Stride1Generator(z_dim=6, planes=3, widths=(8, 6)),
    pix2pix=lambda: Pix2PixGenerator(depth=4, nf=8, z_dim=3),
    leaning=lambda: HueBias(PlainNet(313, (8, 8), color=AnnealedMean())))
roads = pytest.mark.parametrize('road', ROADS)


def used(road):
    "A generator of some use: weights that answer in colors, running statistics that are not those of the start"
    torch.manual_seed(3)
    net = ROADS[road]()
    for name,p in net.named_parameters():
        if 'head' in name and p.dim() == 4: torch.nn.init.normal_(p, 0, .1)
    with torch.no_grad():
        for _ in range(5): net.train()(torch.rand(4, 1, 32, 32), torch.randn(4, net.z_dim))
    return net.eval()


@pytest.fixture(scope='module')
def L(): return torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(0))


@roads
def test_the_same_choices_again(road, L):
    net = used(road)
    z = draw_z(net, 4, 1)
    first,second = (answers(net, o, z=z) for o in L.split(1))
    assert torch.equal(first, answers(net, L[:1], 4, 1)) and torch.equal(second, answers(net, L[1:], 4, 1))
    assert torch.equal(answers(net, L[:1], 7, 1)[:4], first)
    assert not torch.equal(answers(net, L[:1], 4, 2), first)
    assert torch.pdist(first.flatten(1)).min() > 1e-2 and (first - second).abs().max() > 1e-3
    flat = torch.full((1, 1, 32, 48), .5)
    assert torch.equal(answers(net, flat, z=z), answers(net, flat.clone(), z=z))
    # photographs that differ outside of what a pixel sees get the same color there, choice by choice
    if road != 'pix2pix':
        other = flat.clone()
        other[...,:8,:8] = torch.rand(8, 8)
        a,b = (answers(net, o, z=z)[...,20:,30:] for o in (flat, other))
        assert (a - b).abs().max() < 1e-5 < 1e-3 < torch.pdist(a[...,5,5]).min()


@roads
def test_a_choice_is_one_number_after_the_other(road):
    net = used(road)
    z = draw_z(net, 1000, 5)
    assert torch.equal(draw_z(net, 10, 5), z[:10]) and not torch.equal(draw_z(net, 10, 6), z[:10])
    assert abs(z.var() - (1 if road == 'leaning' else 1/3)) < .07
    assert (z.abs().max() < 1) == (road != 'leaning')


@quiet
@roads
def test_files_choose_alike(road, L, tmp_path):
    "torch and onnxruntime, for the same numbers; and the numbers of `colorize` are those of a leaning"
    net = used(road)
    file = Colorizer(export_artifact(net, tmp_path/'net.onnx', make_card(net, road)))
    assert file.card['noise'] == net.z_dim
    for l in (L[:1], L[1:,:,:,:32]):
        here,there = answers(net, l, 3, 4),np.stack([file.ab(l[0,0].numpy(), o) for o in sample_noise(3, 4, file)])
        assert np.abs(here.numpy() - there).max() < 1e-3
        assert np.abs(there[0] - there[1]).max() > 1e-2


def test_the_shipped_model():
    photo = sample_photos(96)[0].convert('L')
    many = [np.asarray(o.convert('RGB')) for o in colorize(photo, samples=4, seed=2)]
    again = [np.asarray(o.convert('RGB')) for o in colorize(photo, samples=4, seed=2)]
    assert np.array_equal(many, again)
    rgb = torch.from_numpy(np.stack(many)).permute(0, 3, 1, 2)/255
    assert answer_spread(rgb).max() > .02
    if lpips_state()[0]:
        by_hand = [lpips(rgb[i:i + 1], rgb[j:j + 1]).item() for i in range(4) for j in range(i)]
        assert abs(pairwise_lpips(rgb) - np.mean(by_hand)) < 1e-5 and min(by_hand) > 0
        assert pairwise_lpips(rgb[:1].expand(3, -1, -1, -1)) == 0


def test_closed_forms():
    plus = torch.zeros(1, 2, 3, 4)
    plus[:,0] = 1
    assert torch.equal(answer_spread(torch.cat([plus, -plus])), torch.ones(3, 4))
    assert torch.equal(answer_spread(torch.cat([plus + .3, .3 - plus]*5)).round(decimals=5), torch.ones(3, 4))
    assert torch.equal(answer_spread(plus.repeat(4, 1, 1, 1)), torch.zeros(3, 4))
    x = torch.randn(9, 2, 3, 4)
    assert torch.allclose(answer_spread(x)**2, x.var(0, correction=0).sum(0), atol=1e-5)
    truth = torch.full((1, 3, 4, 4), .5)
    shifts = torch.tensor([.4, -.1, .2]).view(3, 1, 1, 1)
    best,gain = best_answer(truth + shifts, truth, truth + .3)
    assert math.isclose(best, 20, abs_tol=1e-3) and math.isclose(gain, 20*math.log10(3), abs_tol=1e-3)
    assert best_answer(truth + .1, truth, truth + .1)[1] == 0


class Chroma(torch.nn.Module):
    "A critic that likes color"
    def forward(self, L, color): return color.norm(dim=1, keepdim=True)


def test_ranking(L):
    strength = torch.tensor([.3, .1, .5, .2, .4, 0.])
    colors = torch.ones(6, 2, 8, 12)*strength.view(-1, 1, 1, 1)
    order,scores = rank(Chroma().eval(), L[:1], colors)
    assert order.tolist() == [2, 4, 0, 3, 1, 5]
    assert torch.allclose(scores, strength.sort(descending=True)[0]*2**.5)
    sheet = np.asarray(ranked_sheet(Chroma().eval(), L[:1], colors, 4))
    assert sheet.shape == (2*34 + 2, 4*50 + 2, 3)
    cells = [sheet[y:y + 32,x:x + 48] for y in (2, 36) for x in (2, 52, 102, 152)]
    for cell,i in zip(cells, order):
        want = pictures(L[:1], colors)[i].permute(1, 2, 0).numpy()
        assert np.abs(cell/255 - want).max() <= 1/255
    assert all((o == 255).all() for o in cells[6:])


@pytest.mark.parametrize('critic', [lambda: S4Critic(nf=8, strides=(2, 2, 1)), lambda: EnergyCritic(nf=4),
    lambda: Critics([S4Critic(nf=8, strides=(2, 2, 1)), S2Critic(None, widths=(4, 4, 8, 8))])],
    ids=['patches', 'energy', 'two'])
def test_every_critic_can_rank(critic, L):
    torch.manual_seed(0)
    critic,colors = critic().eval(),torch.rand(5, 2, 32, 48) - .5
    order,scores = rank(critic, L[:1], colors)
    with torch.no_grad(): together = realness(critic(L[:1].expand(5, -1, -1, -1), colors))
    assert torch.allclose(scores, together[order], atol=1e-4) and (scores.diff() <= 0).all()


def test_errors(L):
    net = used('stride1')
    for bad,error,what in ((lambda: answers(net, L), InputError, '2 photos'),
            (lambda: answers(net, L[:1], z=torch.zeros(2, 5)), UsageError, 'give 6 numbers'),
            (lambda: answers(net, L[:1], 0), UsageError, 'not in 1..1000'),
            (lambda: answers(PlainNet(2, (8,)).eval(), L[:1]), UsageError, 'one answer'),
            (lambda: with_choices(PlainNet(2, (8,))), UsageError, 'one answer'),
            (lambda: rank(S4Critic(nf=8), L[:1], torch.zeros(2, 2, 32, 48)), UsageError, 'in training'),
            (lambda: pairwise_lpips(torch.zeros(1, 3, 64, 64)), InputError, 'no pair')):
        with pytest.raises(error, match=what): bad()
    with pytest.raises(UsageError, match='in training'): answers(net.train(), L[:1])


@pytest.fixture
def patches():
    spots = [(x, y) for x in (0, 32, 64) for y in (0, 32, 64)]
    return [o.crop((x, y, x + 32, y + 32)) for o in sample_photos(96) for x,y in spots]


SMALL = dict(s2_noise=replace(recipes['s2-fixed'], name='s2_noise', generator='small_noise'),
    bins=replace(recipes['s2-fixed'], name='bins', generator='plain_bins', content='bins', critic='s4',
        adversarial='lsgan'))


def own_table(monkeypatch):
    "The table of generators, for entries that are gone after the test"
    monkeypatch.setattr(generators, 'entries', {k: generators.entries[k] for k in generators})
    return generators


@quiet
@pytest.mark.parametrize('name', SMALL)
def test_the_sheet_of_a_run(name, patches, tmp_path, monkeypatch):
    own_table(monkeypatch)('small_noise', noise=True)(lambda: ROADS['stride1']())
    recipe = replace(SMALL[name], size=32, bs=8, phases=(Phase('both', 1, (1e-3, 1e-3), schedule='constant'),))
    run = train(recipe, patches, tmp_path/'run', progress=False)
    sample_photos(80)[2].save(tmp_path/'photo.png')
    sheet = Run(run).ranked(tmp_path/'photo.png', seed=1)
    assert sheet.size == (8*34 + 2,)*2
    assert np.array_equal(sheet, Run(run).ranked(Image.open(tmp_path/'photo.png'), seed=1))
    assert not np.array_equal(sheet, Run(run).ranked(tmp_path/'photo.png', seed=2))
    gan = Run(run).gan()
    assert not gan.training and with_choices(gan.generator).z_dim == (6 if name == 's2_noise' else 2)
    assert np.asarray(sheet).std((0, 1)).min() > 0


@quiet
def test_runs_that_have_no_sheet(patches, tmp_path, monkeypatch):
    own_table(monkeypatch)('one_answer')(lambda: PlainNet(2, (8, 8)))
    alone = Phase('content', 1, (1e-3, 0.), schedule='constant')
    recipe = replace(SMALL['bins'], size=32, bs=8, phases=(alone,))
    run = train(recipe, patches, tmp_path/'content', progress=False)
    with pytest.raises(UsageError, match='has learned nothing'): Run(run).ranked(sample_photos(80)[2])
    (run/'checkpoint.pth').unlink()
    with pytest.raises(InputError, match='no checkpoint'): Run(run).ranked(sample_photos(80)[2])
    both = Phase('both', 1, (1e-3, 1e-3), schedule='constant')
    one = replace(recipe, generator='one_answer', content='l1', phases=(both,))
    run = train(one, patches, tmp_path/'one', progress=False)
    with pytest.raises(UsageError, match='one answer'): Run(run).ranked(sample_photos(80)[2])
