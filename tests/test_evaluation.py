"The ruler: every option of an evaluation arrives, and is changed here once."
import base64, inspect, io, json, math, os, subprocess, sys

import numpy as np, pandas as pd, pytest, torch
from PIL import Image

from colorbook.cli.app import main
from colorbook.data.photos import sample_photos
from colorbook.evaluation import compare, flicker, metrics, protocol
from colorbook.evaluation.atlas import FAILURES
from colorbook.evaluation.metrics import bootstrap_ci, compute_metrics, lpips_state

PHOTOS = [o.resize((60, 48)) for o in sample_photos(96)[:4]]


def tint(by): return lambda g: np.clip(g + np.array([by, 0, -by]), 0, 255).astype(np.uint8)


def evaluate(**changed):
    return protocol.evaluate(**(dict(colorizer=tint(20), photos=PHOTOS, size=32, net=None, classifier=False,
        progress=False) | changed))


@pytest.fixture(scope='module')
def base(): return evaluate()


def same(a, b): return pd.testing.assert_frame_equal(a.photos, b.photos) is None


def colorizer(base, tmp_path, monkeypatch):
    assert (evaluate(colorizer=tint(60)).photos.psnr != base.photos.psnr).all()


def photos(base, tmp_path, monkeypatch):
    few = evaluate(photos=PHOTOS[1:3])
    assert few.photos.psnr.tolist() == base.photos.psnr[1:3].tolist() and len(few.photos) == 2


def out(base, tmp_path, monkeypatch):
    evaluate(out=tmp_path/'out')
    assert {o.name for o in (tmp_path/'out').iterdir()} == {'metrics.json', 'photos.csv', 'sheet.jpg'}


def size(base, tmp_path, monkeypatch):
    large = evaluate(size=64, out=tmp_path)
    assert (large.card['size'], base.card['size']) == ('64x64', '32x32') and large.photos.psnr[0] != base.photos.psnr[0]
    assert Image.open(tmp_path/'sheet.jpg').width == 3*(64 + 4) + 4


def net(base, tmp_path, monkeypatch):
    assert base.card['lpips'] == 'left out' and 'lpips' not in base.photos
    if lpips_state()[0]:  # where the weights are
        found = evaluate(net='squeeze', size=64)
        assert found.card['lpips'] == 'v0.1, squeeze' and (found.photos.lpips > 0).all()
    with pytest.raises(Exception, match="no network 'resnet'"): evaluate(net='resnet')


def bs(base, tmp_path, monkeypatch):
    seen,measure = [],protocol.measure_photos
    monkeypatch.setattr(protocol, 'measure_photos', lambda c, o, *args: seen.append(len(o)) or measure(c, o, *args))
    assert same(evaluate(bs=3), base) and seen == [3, 1]


def about(base, tmp_path, monkeypatch): assert evaluate(about={'name': 'tint'}).card['about'] == {'name': 'tint'}


def progress(base, tmp_path, monkeypatch):
    words = []
    monkeypatch.setattr(protocol, 'with_progress', lambda items, what: words.append(what) or items)
    assert same(evaluate(), base) and words == []
    assert same(evaluate(progress=True), base) and words == ['measuring']


def classifier(base, tmp_path, monkeypatch):
    assert base.card['classifier'] == 'left out' and base.sets == {} and 'same_top1' not in base.photos
    found = evaluate(classifier=True, size=64, out=tmp_path)
    assert {*found.sets} == {'frechet_lite0', 'gray_frechet_lite0'} and 'fid: not measured' in str(found)
    assert found.photos.same_top5.ge(found.photos.same_top1).all() and 'Lite0' in found.card['classifier']
    kept = json.loads((tmp_path/'metrics.json').read_text())['sets']['frechet_lite0']
    assert kept['mean'] == found.sets['frechet_lite0']['mean'] > 0 and kept['parts'] == []
    again = compare.load_evaluation(tmp_path)
    assert again.sets['frechet_lite0']['mean'] == kept['mean'] and np.isnan(again.sets['frechet_lite0']['low'])


def fid(base, tmp_path, monkeypatch):
    "With weights of the right shapes the figure is there and the card names the file; gray pictures have their own"
    from torchvision.models.inception import Inception3
    torch.manual_seed(0)
    torch.save(Inception3(1008, aux_logits=False, init_weights=False).state_dict(), tmp_path/'weights.pth')
    from colorbook.evaluation import features
    wide = []  # the distance of 2048 numbers takes its time, and is tested in its chapter
    def gap(a, b): wide.append(len(a.mean)); return ((a.mean - b.mean)**2).sum()
    monkeypatch.setattr(features, 'frechet_distance', gap)
    found = evaluate(classifier=True, fid=tmp_path/'weights.pth', photos=PHOTOS[:1])
    assert found.sets['fid']['mean'] > 0 and found.sets['gray_fid']['mean'] > 0 and sorted(wide) == [320]*2 + [2048]*2
    assert found.card['fid'].startswith('Inception weights ')
    with pytest.raises(Exception, match='leave the classifier in'): evaluate(fid=tmp_path/'weights.pth')


def labels(base, tmp_path, monkeypatch):
    def found(k):
        (tmp_path/'labels.csv').write_text(''.join(f'{i:05},{k}\n' for i in range(4)))
        return evaluate(classifier=True, labels=tmp_path/'labels.csv').photos
    assert {'top1', 'top5', 'gray_top1', 'truth_top1'} <= {*found(281)}
    assert found(999).truth_top5.sum() < 4
    with pytest.raises(Exception, match='missing'): evaluate(classifier=True, labels=tmp_path/'missing.csv')


def atlas(base, tmp_path, monkeypatch):
    found = evaluate(atlas=True, out=tmp_path)
    assert {*FAILURES} <= {*found.photos} and 'overlap' not in base.photos
    assert found.summary['lack_of_color']['mean'] == found.photos.lack_of_color.mean() > 0
    assert Image.open(tmp_path/'atlas.jpg').size == (4*36 + 4, 3*7*48 + 4)


OPTIONS = dict(atlas=atlas, classifier=classifier, fid=fid, labels=labels, colorizer=colorizer, photos=photos,
    out=out, size=size, net=net, bs=bs, about=about, progress=progress)


@pytest.mark.parametrize('name', inspect.signature(protocol.evaluate).parameters)
def test_every_option_of_an_evaluation_matters(name, base, tmp_path, monkeypatch):
    OPTIONS[name](base, tmp_path, monkeypatch)


def test_the_command_s_options(tmp_path, capsys):
    (tmp_path/'photos').mkdir()
    for i,o in enumerate(PHOTOS): o.save(tmp_path/f'photos/{i}.png')
    def run(*words):
        assert main(['evaluate', *map(str, words)]) == 0
        return capsys.readouterr().out
    from importlib.resources import files
    model = files('colorbook')/'default.onnx'
    run(model, tmp_path/'photos', '--size', 64, '--out', tmp_path/'a', '--no-classifier')
    report = json.loads((tmp_path/'a/metrics.json').read_text())
    assert report['photos'] == 4 and report['protocol']['size'] == '64x64'
    about = report['protocol']['about']
    assert report['protocol']['classifier'] == 'left out'
    assert about['artifact'] == 'default.onnx' and len(about['card_sha256']) == 64
    run(model, tmp_path/'photos', '--size', 48, '-o', tmp_path/'b', '--no-classifier', '--lpips', 'none')
    assert json.loads((tmp_path/'b/metrics.json').read_text())['protocol']['lpips'] == 'left out'
    assert json.loads((tmp_path/'b/metrics.json').read_text())['summary']['psnr'] != report['summary']['psnr']
    assert main(['evaluate', str(model), str(tmp_path/'none')]) == 3


def test_every_option_of_the_interval_matters():
    rng = np.random.default_rng(0)
    values = rng.normal(3, 2, (60, 2))
    first = dict(values=values, stat=np.mean, n=300, level=.9, seed=1)
    def ci(**o): return bootstrap_ci(**(first | o))
    width = lambda o: o[1] - o[0]
    assert ci() == ci() and {*first} == {*inspect.signature(bootstrap_ci).parameters}
    assert ci(values=values + 1) == pytest.approx(np.add(ci(), 1))
    assert ci(stat=np.std)[0] < 2 < ci()[0]
    assert ci(n=301) != ci() and ci(seed=2) != ci()
    assert width(ci(level=.5)) < width(ci()) < width(ci(level=.99))
    # rows stay together: a difference of columns that is constant is certain
    pairs = np.stack([values[:,0], values[:,0] + 1], 1)
    assert ci(values=pairs, stat=lambda o: (o[:,1] - o[:,0]).mean()) == pytest.approx((1, 1))
    assert bootstrap_ci([2.5]) == (2.5, 2.5) and bootstrap_ci([1, math.inf]) == (math.inf, math.inf)


def test_the_interval_is_the_one_it_was():
    "The bounds of the loop that stood here before scipy's bootstrap, but for the noise of resampling"
    values = np.random.default_rng(3).gamma(2, 3, 80)
    rng = np.random.default_rng(0)
    means = [values[rng.integers(0, 80, 80)].mean() for _ in range(4000)]
    assert bootstrap_ci(values, n=4000) == pytest.approx(np.quantile(means, [.025, .975]), abs=.1)


def test_every_metric_of_a_batch_is_asked_for_by_name():
    fake,real = torch.rand(2, 2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    names = [o for o in metrics.measures if o != 'lpips']
    for o in names:
        found = compute_metrics(fake, real, (o,))
        assert {*found} == {o, 'colorfulness', 'truth_colorfulness'}
        want,other = metrics.measures[o](fake, real),metrics.measures[o](real, real)
        assert torch.equal(found[o], want) and not torch.equal(want, other)
    assert torch.equal(compute_metrics(fake, real, ())['colorfulness'], metrics.colorfulness(fake))
    assert torch.equal(compute_metrics(fake, real, ())['truth_colorfulness'], metrics.colorfulness(real))
    nets = []
    with pytest.MonkeyPatch.context() as m:
        m.setitem(metrics.measures, 'lpips', lambda fake, real, net: nets.append(net) or torch.zeros(2))
        compute_metrics(fake, real, ('lpips',), 'alex')
    assert nets == ['alex']


def test_the_sheet_shows_so_many_of_each_kind():
    items = protocol.find_photos(PHOTOS*2)
    table = protocol.measure_photos(lambda name, g: tint(20)(g), items, ('psnr',), size=32)
    heights = [protocol.extremes(lambda name, g: tint(20)(g), items, table, 32, n).height for n in (1, 2, 9)]
    assert heights == [k*(32 + 4 + 12) + 4 for k in (3, 6, 6)]


def clip(by=1.): # a film whose color is stronger and weaker by turns
    film = []
    for i in range(30):
        im = PHOTOS[0].transform((96, 64), Image.Transform.AFFINE, (.5, 0, i*.3, 0, .6, 0))
        Y,*c = im.convert('YCbCr').split()
        k = 1 + (by - 1)*(-1)**i
        film.append(Image.merge('YCbCr', [Y, *(o.point(lambda v: 128 + k*(v - 128)) for o in c)]).convert('RGB'))
    return film


def test_every_option_of_the_flicker_report_matters():
    assert {*inspect.signature(flicker.flicker_report).parameters} == {'original', 'colored', 'names', 'truth'}
    report = flicker.flicker_report(clip(), clip(1.3), names=['film', 'wild'])
    assert [o.name for o in report.tracks] == ['film', 'wild'] and report.truth
    calm = flicker.flicker_report(clip(), clip(1.01))
    assert calm.compare(1)['color_error'] < report.compare(1)['color_error']
    assert flicker.flicker_report(clip(1.3), clip(1.3)).compare(0)['color_error'] > report.compare(0)['color_error']
    unknown = flicker.flicker_report(clip(), clip(1.3), truth=False)
    assert not unknown.truth and unknown.compare(1)['cdc_excess'] is None


def test_every_option_of_the_flow_of_a_report_matters():
    assert {*inspect.signature(flicker.moves).parameters} == {'frames', 'preset', 'side'}
    film = [o.resize((192, 128)) for o in clip()[::3]][:3]
    def last(**o): return [*flicker.moves(film, **o)][-1][2]
    assert last(side=96).shape == last(side=48).shape == (128, 192, 2)
    assert not np.array_equal(last(side=96), last()) and not np.array_equal(last(preset='ultrafast'), last())


def test_moments_keep_so_many_so_far_apart():
    def found(**o):
        m = flicker.Moments(**o)
        for i in range(40): m.add(1 + i%7, i*.1, i, tuple)
        return [o['time'] for o in m.found]
    assert len(found()) == 6 and len(found(keep=2)) == 2
    gaps = lambda times: min(np.diff(sorted(times)))
    assert gaps(found(apart=.5)) >= .5 - 1e-9 and gaps(found(apart=1.2, keep=3)) >= 1.2 - 1e-9
    assert {*inspect.signature(flicker.Moments).parameters} == {'keep', 'apart'}


# the pictures of any tool

@pytest.fixture(scope='module')
def sets(tmp_path_factory):
    home = tmp_path_factory.mktemp('sets')
    for name,by in (('truth', 1), ('half', .5), ('gaudy', 1.6)):
        (home/name).mkdir()
        for i,o in enumerate(PHOTOS):
            gray = o.convert('L').convert('RGB')
            Image.blend(gray, o, by).save(home/name/f'{i}.{"png" if name == "truth" else "webp"}', lossless=True)
    return home


def pictures(sets, **changed):
    first = dict(colored=sets/'half', truth=sets/'truth', size=32, net=None, classifier=False, progress=False)
    return compare.evaluate_pictures(**(first | changed))


def test_every_option_of_an_evaluation_of_pictures_matters(sets, tmp_path, monkeypatch):
    first,names = pictures(sets),set(inspect.signature(compare.evaluate_pictures).parameters)
    def changes(name): names.remove(name)
    changes('colored'), changes('truth'), changes('size')
    gaudy = pictures(sets, colored=sets/'gaudy')
    assert gaudy.summary['colorfulness_ratio']['mean'] > 1.2 > .8 > first.summary['colorfulness_ratio']['mean']
    assert pictures(sets, truth=sets/'gaudy').photos.psnr[0] < first.photos.psnr[0]
    assert pictures(sets, size=48).card['size'] == '48x48'
    changes('out')
    pictures(sets, out=tmp_path)
    assert {o.name for o in tmp_path.iterdir()} == {'metrics.json', 'photos.csv', 'sheet.jpg', 'page.html'}
    seen,run = {},compare.run_protocol
    def spy(answer, photos, out, size, net, bs, about, progress, classifier, fid, labels, atlas):
        seen.update(net=net, bs=bs, about=about, progress=progress, classifier=classifier, fid=fid, labels=labels,
            atlas=atlas)
        return run(answer, photos, out, size, None, bs, about, False, False)
    monkeypatch.setattr(compare, 'run_protocol', spy)
    for k,v in dict(net='squeeze', bs=3, about={'name': 'mine'}, progress=True, classifier=True,
                    fid='weights.pth', labels='labels.csv', atlas=True).items():
        changes(k)
        pictures(sets, **{k: v})
        assert seen[k] == v
    assert names == set()


def test_options_of_the_page(sets, tmp_path):
    found = pictures(sets)
    items = protocol.find_photos(sets/'truth')
    def page(**o):
        compare.write_page(found, lambda name, gray: gray, items, tmp_path/'page.html', 32, **o)
        return (tmp_path/'page.html').read_text()
    assert page().count('<figure') == 4 and page(n=2).count('<figure') == 2
    best,worst = found.photos.name[found.photos.ciede2000.idxmin()],found.photos.name[found.photos.ciede2000.idxmax()]
    assert all(f'data-name="{o}"' in page(n=2) for o in (best, worst))
    first = page(side=40).split('base64,')[1].split('"')[0]
    assert Image.open(io.BytesIO(base64.b64decode(first))).size == (120, 40)


def test_pictures_through_the_command(sets, tmp_path, capsys):
    def run(*words): return main(['evaluate', *map(str, words)]),capsys.readouterr()
    words = sets/'truth','--size','32','--no-classifier','--lpips','none'
    assert run(sets/'half', *words, '-o', tmp_path/'half')[0] == 0
    code,said = run(sets/'gaudy', *words, '-o', tmp_path/'gaudy', '--against', tmp_path/'half')
    assert code == 0 and 'difference' in said.out
    code,said = run(sets/'gaudy', *words, '--size', 48, '-o', tmp_path/'x', '--against', tmp_path/'half')
    assert code == 2 and "differ in 'size'" in said.err
    (tmp_path/'few').mkdir()
    Image.new('RGB', (60, 48)).save(tmp_path/'few/0.png')
    code,said = run(tmp_path/'few', *words)
    assert code == 3 and "3 photos have no result, '1.png' among them" in said.err and len(said.err.splitlines()) == 1


def test_pictures_do_not_stay_in_memory(tmp_path, monkeypatch):
    "However many are measured, no more are there at a time than a few batches hold; the page and the sheet included"
    import weakref
    from colorbook.evaluation import compare
    alive,most,read = [],[0],protocol.read_truth
    def watched(*args):
        found = read(*args)
        alive[:] = [o for o in alive if o() is not None] + [weakref.ref(found)]
        most[0] = max(most[0], len(alive))
        return found
    for o in (protocol, compare): monkeypatch.setattr(o, 'read_truth', watched)
    photos = [o.resize((24, 24)) for o in PHOTOS]*12
    compare.evaluate_pictures(photos, photos, tmp_path, 24, None, bs=4, classifier=False, progress=False)
    assert 8 <= most[0] <= 24 and len(photos) == 48


def test_peers_in_one_table(sets, tmp_path, capsys, monkeypatch):
    "Panels are cut into folders, and every folder is a line with its intervals"
    import runpy, sys
    from pathlib import Path
    peers = Path(__file__).resolve().parents[1]/'benchmarks'/'peers.py'
    def run(*words):
        monkeypatch.setattr(sys, 'argv', ['peers.py', *map(str, words)])
        runpy.run_path(str(peers), run_name='__main__')
        return capsys.readouterr().out
    (tmp_path/'panels').mkdir()
    for i in range(4):
        ims = [Image.open(next((sets/o).glob(f'{i}.*'))).convert('RGB') for o in ('truth', 'half', 'gaudy')]
        wide = Image.new('RGB', (180, 48))
        for j,o in enumerate(ims): wide.paste(o, (60*j, 0))
        wide.save(tmp_path/f'panels/{i}.png')
    run('--cut', tmp_path/'panels', '--names', 'truth,half,gaudy', '--out', tmp_path/'cut')
    said = run(tmp_path/'cut/truth', tmp_path/'cut/half', tmp_path/'cut/gaudy', '--size', 32, '--lpips', 'none')
    lines = {o.split()[0]: o for o in said.splitlines() if o.strip()}
    assert {'gray', 'colorbook', 'half', 'gaudy'} <= {*lines} and '[' in lines['half']
    assert 'colorbook - half' in said and 'difference' in said and 'frechet_lite0' in said
    exact = run(tmp_path/'cut/truth', tmp_path/'cut/half', '--exact', '--size', 32, '--lpips', 'none')
    assert lines['half'] not in exact and 'colorbook - half' in exact
    (tmp_path/'panels/odd.png').write_bytes((tmp_path/'panels/0.png').read_bytes())
    with pytest.raises(SystemExit, match='not 7 equal panels'):
        run('--cut', tmp_path/'panels', '--names', 'a,b,c,d,e,f,g', '--out', tmp_path/'cut')


def test_who_has_no_weights_is_told_once(tmp_path):
    "In the report, and not by torch on the standard output, where reports and the book's pages are"
    code = 'from colorbook.evaluation.metrics import lpips_state as s; import sys; print(s()[1], file=sys.stderr)'
    keep = {k: v for k,v in os.environ.items() if k not in ('COLORBOOK_WEIGHTS', 'COLORBOOK_DATA')}
    gone = dict(TORCH_HOME=str(tmp_path), **dict.fromkeys(('https_proxy', 'HTTPS_PROXY'), 'http://127.0.0.1:9'))
    made = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], env=keep | gone, capture_output=True, text=True)
    assert made.stdout == '' and 'not measured, no weights for LPIPS' in made.stderr
    assert str(tmp_path) not in made.stderr
