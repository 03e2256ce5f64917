"Flicker that was planted is found, what is not there is not, and every file that cannot be used is one line."
import json, math, subprocess, sys
from pathlib import Path

import numpy as np, pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from colorbook.cli.app import main
from colorbook.video.read import read_clip, write_clip
from colorbook.data.synthetic import travel
from colorbook.evaluation.flicker import (ColorSteps, Moments, cdc, flicker_report, jensen_shannon, moves, peaks,
                                          plot_flicker, warp_error)
from colorbook.evaluation.naturalness import own_color
from colorbook.data.photos import sample_photos

SIZE = 128,72
SHOTS = [list(travel(o, 14, SIZE, (0, .2), (.15, .3))) for o in sample_photos()[:2]]
CLIP = SHOTS[0] + SHOTS[1]


def stronger(ims, by):
    "The same luma, other strength of color; `by` has one factor for each"
    out = []
    for im,k in zip(ims, by):
        Y,*c = im.convert('YCbCr').split()
        out.append(Image.merge('YCbCr', [Y, *(o.point(lambda v: 128 + k*(v - 128)) for o in c)]).convert('RGB'))
    return out


def flat(*names): return [Image.new('RGB', (40, 24), o) for o in names]


@pytest.mark.parametrize('names,want', [(['teal']*8, 0), (['red', 'cyan']*6, math.log(2)/3),
    (['red', 'lime', 'blue']*4, math.log(2)*2/3), (['black', 'white'], math.log(2)),
    (['red', 'red', 'cyan'], math.log(2)*3/4)])
def test_closed_forms(names, want): assert abs(cdc(flat(*names)) - want) < 1e-9


def test_every_distance_counts():
    by_four = flat(*(['red']*2 + ['cyan']*2)*5)  # 20 frames of period 4
    assert abs(cdc(by_four) - math.log(2)/3*(9/19 + 1)) < 1e-9


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=4), st.lists(st.integers(0, 9), min_size=4, max_size=4))
def test_divergence(p, q):
    if not sum(p) or not sum(q): return
    p,q = (np.array([o])/sum(o) for o in (p, q))
    m,kl = (p + q)/2,lambda a,b: sum(x*math.log(x/y) for x,y in zip(a[0], b[0]) if x)
    want = (kl(p, m) + kl(q, m))/2
    assert abs(jensen_shannon(p, q) - want) < 1e-12 and -1e-12 < want <= math.log(2) + 1e-12
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p)) and jensen_shannon(p, p) == 0


def test_memory_is_five_frames_and_ends_at_a_cut():
    steps = ColorSteps()
    for i in range(50): steps(CLIP[i%28])
    assert len(steps.past) == 4
    assert all(math.isnan(o) for o in steps(CLIP[0], new=True)) and not math.isnan(steps(CLIP[1])[0])


def test_no_pair_is_divided_by_a_cut():
    marked = list(moves(CLIP))
    assert [o[1] for o in marked] == [0]*14 + [1]*14
    assert [i for i,o in enumerate(marked) if o[2] is None] == [0, 14]
    wild = SHOTS[0] + stronger(SHOTS[1], [0]*14)  # colors end with the shot: no flicker
    found = flicker_report(CLIP, wild)
    assert found.by_shot(1)[0]['color_error_excess'] == 0 and found.compare(1)['cdc'] < .02
    assert abs(found.by_shot(1)[0]['cdc'] - cdc(SHOTS[0])) < 1e-12


def test_planted_flicker():
    by = [1.3, .7]*14
    found = flicker_report(CLIP, CLIP, stronger(CLIP, by), stronger(CLIP, [1]*28))
    same,bad,calm = (found.compare(i) for i in (1, 2, 3))
    assert found.truth and all(same[f'{k}_excess'] == 0 for k in ('cdc', 'warp_error', 'color_error', 'color_change'))
    for k in ('cdc', 'warp_error', 'color_error', 'color_change'):
        assert bad[f'{k}_excess'] > 10*abs(calm[f'{k}_excess']) and bad[f'{k}_excess'] > found.compare(0)[k]
    assert abs(bad['color_change'] - .6/math.sqrt((1.3**2 + .7**2)/2)) < .05
    whole = warp_error(CLIP, stronger(CLIP, by))
    assert whole == pytest.approx((bad['warp_error'], bad['color_error']))


@pytest.mark.parametrize('spots', [(5,), (9, 24), (20,)])
def test_worst_moments_are_where_they_were_put(spots):
    found = flicker_report(CLIP, stronger(CLIP, [.2 if i in spots else 1 for i in range(28)]), names=['a', 'b'])
    worst = [o['frame'] for o in found.tracks[1].worst.found[:len(spots)]]
    assert all(min(abs(o - i) for i in spots) <= 1 and o >= min(spots) for o in worst) and len(worst) == len(spots)
    pictures = found.tracks[1].worst.found[0]['pictures']
    assert len(pictures) == 2 and all(o.size == SIZE for o in pictures)


def test_less_color_is_not_less_change():
    dull = stronger(CLIP, [.5]*28)
    found = flicker_report(CLIP, dull)
    assert found.compare(1)['color_error_excess'] < 0, 'the absolute error falls with the color'
    assert abs(found.compare(1)['color_change_excess']) < .02
    gray = flicker_report([o.convert('L') for o in CLIP], CLIP, [o.convert('L') for o in CLIP])
    assert not gray.truth and gray.compare(1)['cdc_excess'] is None
    assert gray.compare(1)['color_change'] > 0 and math.isnan(gray.compare(2)['color_change'])
    assert flicker_report([o.convert('L') for o in CLIP], CLIP, truth=True).compare(1)['color_error_excess'] > 0


def test_toned_films_have_no_colors_of_their_own():
    from PIL import ImageOps
    for im in SHOTS[0][:1] + SHOTS[1][:1]:
        assert own_color(ImageOps.colorize(im.convert('L'), '#102030', '#f0fff8')) < 3 < own_color(im)


@pytest.mark.parametrize('n', [0, 1, 2, 3])
def test_few_frames(n, tmp_path):
    still = [CLIP[0]]*n
    found = flicker_report(still, still)
    one = found.compare(1)
    numbers = [o for o in one.values() if o is not None]  # without frames there is no truth, and no excess
    assert [math.isnan(o) for o in numbers] == [n < 2]*(8 if n else 4)
    assert n < 2 or one['cdc'] == one['warp_error'] == 0
    found.save(tmp_path/'a.json')
    line = json.loads((tmp_path/'a.json').read_text())
    assert line['frames'] == n and (line['versions'][0]['cdc'] is None) == (n < 2)
    assert Image.open(plot_flicker(found, tmp_path/'a.png')).width == 1200


def test_memory_does_not_grow():
    def many(n):
        for i in range(n): yield CLIP[i%14]
    import tracemalloc
    def peak(n):
        tracemalloc.start()
        flicker_report(many(n), many(n))
        try: return tracemalloc.get_traced_memory()[1]
        finally: tracemalloc.stop()
    peak(3)
    assert peak(70) < 1.2*peak(14) + 2e5


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 9), max_size=60))
def test_moments_have_the_worst_and_keep_apart(values):
    worst = Moments(keep=3)
    for i,v in enumerate(values): worst.add(v, i/5, i, lambda: ())
    found = worst.found
    assert len(found) <= 3 and len(worst.best) <= 9
    if any(values): assert found[0]['value'] == max(values)
    times = sorted(o['time'] for o in found)
    assert all(b - a >= .5 - 1e-9 for a,b in zip(times, times[1:]))


def test_peaks():
    many = np.zeros(100000)
    many[77777] = 5
    assert peaks(many, 1000)[777] == 5 and peaks(many, 1000).sum() == 5
    assert peaks(np.arange(4.), 4).tolist() == [0, 1, 2, 3]


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    home = tmp_path_factory.mktemp('films')
    for k,v in dict(true=CLIP, bad=stronger(CLIP, [1.4, .6]*14), short=CLIP[:20], one=CLIP[:1]).items():
        write_clip(v, home/f'{k}.mp4', crf=4)
    write_clip([o.resize((100, 100)) for o in CLIP], home/'square.mkv', 30, crf=4)
    (home/'frames').mkdir()
    for i,o in enumerate(CLIP): o.save(home/f'frames/{i + 1}.png')
    (home/'garbage.mp4').write_bytes(bytes(range(256))*40)
    (home/'empty.mp4').write_bytes(b'')
    (home/'none').mkdir()
    (home/'broken').mkdir()
    for i in range(28): (home/f'broken/{i}.png').write_bytes(b'no picture')
    return home


def test_any_kind_of_file(files):
    found = flicker_report(files/'true.mp4', files/'true.mp4', files/'frames', files/'square.mkv', files/'bad.mp4')
    same,frames,square,bad = (found.compare(i) for i in (1, 2, 3, 4))
    assert same['color_change_excess'] == 0 and abs(frames['color_change_excess']) < .02
    assert abs(square['color_change_excess']) < .05 and found.tracks[3].size == (100, 100)
    assert bad['color_change_excess'] > .3 and len(set(o.name for o in found.tracks)) == 5
    assert [o.number for o in read_clip(files/'frames')] == list(range(28)), '10.png comes after 9.png'


@pytest.mark.parametrize('name', ['missing.mp4', 'garbage.mp4', 'empty.mp4', 'short.mp4', 'none', 'broken', 'one.mp4'])
@pytest.mark.parametrize('first', [True, False])
def test_one_line_and_exit_code_3(files, name, first, capsys):
    pair = [str(files/'true.mp4'), str(files/name)]
    assert main(['flicker', *(pair[::-1] if first else pair), '--json', str(files/'no.json')]) == 3
    said = capsys.readouterr()
    assert not said.out and len(said.err.splitlines()) == 1 and said.err.startswith('colorbook: ')
    assert not (files/'no.json').exists()
    if name == 'short.mp4': assert '20 frames' in said.err and 'same frames' in said.err


def test_the_command(files, capsys):
    words = [str(files/o) for o in ('true.mp4', 'bad.mp4')]
    assert main(['flicker', *words, '--json', str(files/'a.json'), '--plot', str(files/'a.png')]) == 0
    out,found = capsys.readouterr().out,json.loads((files/'a.json').read_text())
    assert 'bad.mp4' in out and f"{100*found['versions'][0]['color_change']:.3f}" in out
    assert len(found['versions'][0]['timeline']['warp_error']) == found['frames'] == 28
    assert Image.open(files/'a.png').size[0] == 1200
    (files/'a [b] [red].mp4').write_bytes((files/'bad.mp4').read_bytes())
    assert main(['flicker', words[0], str(files/'a [b] [red].mp4')]) == 0
    assert 'a [b] [red].mp4' in capsys.readouterr().out
    assert main(['flicker', *words, '--plot', str(files/'a.xyz')]) == 4
    assert main(['flicker', *words, '--json', str(files/'true.mp4/a.json')]) == 4
    assert main(['flicker', words[0]]) == 2


def test_without_torch_and_matplotlib(tmp_path):
    code = '''
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in 'torch torchvision fastai fastcore matplotlib skimage sklearn pandas scipy'.split():
            raise ImportError(name)
sys.meta_path.insert(0, Block())
from PIL import Image
from colorbook.evaluation.flicker import flicker_report, plot_flicker
import colorbook.cli.video
noise = Image.effect_noise((200, 150), 60).convert('RGB')
ims = [noise.crop((i, 2*i, 80 + i, 60 + 2*i)) for i in range(3)]
plot_flicker(flicker_report(ims, ims), sys.argv[1])
'''
    run = subprocess.run([sys.executable, '-c', code, str(tmp_path/'a.png')], cwd=Path(__file__).parent.parent,
        capture_output=True, text=True)
    assert run.returncode == 0 and (tmp_path/'a.png').exists(), run.stderr
