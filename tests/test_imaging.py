"Settings of pictures arrive: every option of every public function of the room, changed once, changes what it should"
import inspect, io, json, os, subprocess, sys, textwrap, threading, warnings
from pathlib import Path

import numpy as np, pytest
from PIL import Image, ImageOps
from skimage import color, data

import colorbook.imaging as room
from colorbook.cli import app
from colorbook.core import InputError, OutputError, UsageError, core_count
from colorbook.imaging import (Colorizer, MeanColorizer, Picture, add_model, card, check_model, chroma_maps,
                               colorize, colorize_bytes, colorize_file, colorize_samples, contact_sheet,
                               default_model, encode_pages, encode_picture, find_model, find_pictures, format_like,
                               format_of, plan, survey,
                               from_array, find_borders, inside_borders,
                               from_image, list_models, load_model, matrix_orientation, open_model, paint,
                               read_picture, resize, sample_noise, to_image, upright)
from colorbook.color.srgb import lstar_gray
from colorbook.imaging import compose
from colorbook.imaging.compose import small_light
from colorbook.imaging.artifact import model_folder
from colorbook.imaging.colorizer import check_options, net_size
from colorbook.imaging.sheet import as_cell

ROOT = Path(__file__).resolve().parents[1]
SIZE = 96  # of the models made here
HINTS = [(20, 20, 'orange')]


def make_model(path, ab=(.2, .1), follow=.05, noise=2, size=SIZE, **more):
    "An artifact whose answer is known: `ab`, plus `follow` times the light it sees, plus z"
    import onnx
    from onnx import helper as h, TensorProto as T
    const = lambda name, v: h.make_tensor(name, T.FLOAT, np.shape(v), np.ravel(v).astype(float))
    nodes = [h.make_node('AveragePool', ['L'], ['small'], kernel_shape=[4, 4], strides=[4, 4]),
             h.make_node('Mul', ['small', 'follow'], ['by']), h.make_node('Add', ['by', 'base'], ['plain'])]
    inputs = [h.make_tensor_value_info('L', T.FLOAT, [1, 1, 'h', 'w'])]
    if noise:
        inputs.append(h.make_tensor_value_info('z', T.FLOAT, [1, 2]))
        nodes += [h.make_node('Reshape', ['z', 'shape'], ['tall']), h.make_node('Add', ['plain', 'tall'], ['ab'])]
    else: nodes.append(h.make_node('Identity', ['plain'], ['ab']))
    given = [const('follow', [[[[follow]], [[-follow]]]]), const('base', np.reshape(ab, (1, 2, 1, 1))),
             h.make_tensor('shape', T.INT64, [4], [1, 2, 1, 1])]
    out = h.make_tensor_value_info('ab', T.FLOAT, [1, 2, 'h4', 'w4'])
    model = h.make_model(h.make_graph(nodes, 'known', inputs, [out], given), opset_imports=[h.make_opsetid('', 17)],
                         ir_version=8)
    about = dict(format=1, name='known', version='0', size=size, multiple=32, noise=noise, weights_sha256='0') | more
    h.set_model_props(model, dict(colorbook=json.dumps(about)))
    onnx.save(model, path)
    return path


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp('home')
    make_model(home/'known.onnx')
    make_model(home/'other.onnx', ab=(-.2, .1))
    make_model(home/'single.onnx', noise=0)
    make_model(home/'film.onnx', kind='video', metrics=dict(psnr=20))
    for name,x in dict(a=data.camera(), b=data.clock()).items():
        Image.fromarray(x).resize((120, 80)).save(home/f'{name}.png')
    turned = Image.Exif()
    turned[274] = 6
    Image.open(home/'a.png').save(home/'turned.jpg', exif=turned, quality=70)
    return home


def each_option(f, base, changes, result=None):
    "`changes`: for every parameter a value, or a dict of it and what else is set in both calls"
    assert {k for k,p in inspect.signature(f).parameters.items() if p.kind != p.VAR_KEYWORD} == {*changes}
    result = result or (lambda o: o)
    for name,change in changes.items():
        given,value = change if isinstance(change, tuple) else ({}, change)
        a,b = result(f(**base | given)),result(f(**base | given | {name: value}))
        assert not same(a, b), f'{name} has no effect'
        again = result(f(**base | given))
        assert same(a, again), f'{name}: not the same twice'


def same(a, b):
    if type(a) != type(b): return False
    if isinstance(a, Image.Image): a,b = (np.asarray(o.convert('RGBA')) for o in (a, b))
    if isinstance(a, (list, tuple)): return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray): return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b)
    return a == b


def test_every_option_of_colorize(home):
    x = np.asarray(Image.open(home/'a.png'))
    framed = dict(image=np.pad(x, [(8, 8), (8, 8)] + [(0, 0)]*(x.ndim - 2), constant_values=230))
    each_option(colorize, dict(image=x, model=home/'known.onnx'), dict(
        image=x.T, model=home/'other.onnx', size=160, saturation=.5, samples=2, seed=(dict(samples=2), 1),
        z=[.1, -.1], borders=(framed, False), hints=HINTS, reach=(dict(hints=HINTS), .1)))


def test_a_list_is_colored_with_the_same_options(home):
    x,y = (np.asarray(Image.open(home/o)) for o in ('a.png', 'b.png'))
    base = dict(model=home/'known.onnx')
    for more in ({}, dict(model=home/'other.onnx'), dict(size=160), dict(saturation=.5), dict(samples=2),
                 dict(samples=2, seed=1), dict(z=[.1, -.1])):
        for kind in (list, tuple):
            assert same(colorize(kind([x, y]), **base | more), [colorize(o, **base | more) for o in (x, y)]), more


def framed(home):
    "The picture with a border"
    ImageOps.expand(Image.open(home/'a.png').convert('RGB'), 8, (240, 240, 240)).save(home/'framed.png')
    return home/'framed.png'


def pages_of(home, tmp_path):
    "A TIFF of two pages"
    with Image.open(home/'a.png') as a, Image.open(home/'b.png') as b:
        a.save(tmp_path/'two.tif', save_all=True, append_images=[b])
    return dict(src=tmp_path/'two.tif', fmt='TIFF')


def test_every_option_of_colorize_bytes(home, tmp_path):
    each_option(colorize_bytes, dict(src=home/'a.png', fmt='JPEG', model=home/'known.onnx'), dict(
        src=home/'b.png', fmt='PNG', model=home/'other.onnx', size=160, saturation=.5, quality=30, z=[.1, -.1],
        pages=(pages_of(home, tmp_path), '2'), borders=(dict(src=framed(home)), False), hints=HINTS,
        reach=(dict(hints=HINTS), .1)))


def test_every_option_of_colorize_file(home, tmp_path):
    read = lambda path: (path.name, path.read_bytes())
    two = dict(src=pages_of(home, tmp_path)['src'], dst=tmp_path/'q.tif')
    each_option(colorize_file, dict(src=home/'a.png', dst=tmp_path/'o.jpg', model=home/'known.onnx'), dict(
        src=home/'b.png', dst=tmp_path/'p.jpg', model=home/'other.onnx', size=160, saturation=.5, quality=30,
        z=[.1, -.1], pages=(two, '2'), borders=(dict(src=framed(home)), False), hints=HINTS,
        reach=(dict(hints=HINTS), .1)), read)


def test_every_option_of_colorize_samples(home, tmp_path):
    def result(answers):
        folder = sorted(tmp_path.iterdir())
        found = [(o.name, o.read_bytes()) for o in folder]
        for o in folder: o.unlink()
        assert sorted([*answers, *(o for o in folder if o not in answers)]) == folder
        return found
    base = dict(src=home/'a.png', dst=tmp_path/'o.jpg', model=home/'known.onnx', samples=2)
    each_option(colorize_samples, base, dict(src=home/'b.png', dst=tmp_path/'p.jpg', samples=3, seed=1,
                                             model=home/'other.onnx'), result)
    plain = result(colorize_samples(**base))
    for more in (dict(size=160), dict(saturation=.5), dict(quality=30)):
        assert not same(plain, result(colorize_samples(**base, **more))), more


def test_every_option_of_the_command(home, tmp_path, capsysbinary, monkeypatch):
    "The fields of `colorbook colorize`, each changed once: other files, or another report"
    out = tmp_path/'out'
    def run(*words, before=()):
        for o in sorted(out.rglob('*'), reverse=True): o.unlink() if o.is_file() else o.rmdir()
        out.mkdir(exist_ok=True)
        for name in before: (out/name).write_bytes(b'was here')
        code = app.main(['colorize', *map(str, words)])
        return code,{o.relative_to(out).as_posix(): o.read_bytes() for o in out.rglob('*') if o.is_file()}
    base = [home/'a.png', '-o', out/'a.jpg', '-m', home/'known.onnx']
    code,plain = run(*base)
    assert code == 0 and [*plain] == ['a.jpg'] and run(*base) == (code, plain)
    changed = dict(
        inputs=([home/'b.png', *base[1:]], {'a.jpg'}), out=([*base, '-o', out/'b.jpg'], {'b.jpg'}),
        model=([*base, '-m', home/'other.onnx'], {'a.jpg'}), size=([*base, '--size', 160], {'a.jpg'}),
        saturation=([*base, '--saturation', .5], {'a.jpg'}), quality=([*base, '--quality', 30], {'a.jpg'}),
        hint=([*base, '--hint', '20,20=orange'], {'a.jpg'}),
        samples=([*base, '--samples', 2], {'a.jpg', 'a-1.jpg', 'a-2.jpg'}),
        report_to=([*base, '--json', out/'r.json'], {'a.jpg', 'r.json'}))
    for name,(words,names) in changed.items():
        code,files = run(*words)
        assert code == 0 and {*files} == names and files != plain, name
    report = json.loads(files['r.json'])
    assert report['options'] == dict(size=None, saturation=1., quality=None, borders=True)
    assert report['model']['name'] == 'known'
    hinted = [run(*base, '--hint', '20,20=orange', '--reach', o)[1] for o in (.4, .4, .1)]
    assert hinted[0] == hinted[1] != hinted[2]
    seeds = [run(*base, '--samples', 2, '--seed', o)[1] for o in (0, 0, 1)]
    assert seeds[0] == seeds[1] != seeds[2]
    assert run(*base, before=['a.jpg'])[1] == {'a.jpg': b'was here'}
    assert run(*base, '--overwrite', before=['a.jpg'])[1] == plain
    here = inspect.signature(app.colorize_command).parameters
    more = {'seed', 'reach', 'overwrite', 'pages', 'max_pixels', 'skip_bad', 'borders'} # see test_folders
    assert {*here} == {*changed, *more}
    bordered = [framed(home), *base[1:]]
    assert run(*bordered)[1] == run(*bordered, '--borders')[1] != run(*bordered, '--no-borders')[1]
    capsysbinary.readouterr()
    monkeypatch.setattr(sys, 'stdout', out := io.TextIOWrapper(io.BytesIO()))
    assert app.main(['colorize', str(home/'a.png'), '-o', '-', '-m', str(home/'known.onnx')]) == 0
    assert Image.open(io.BytesIO(out.buffer.getvalue())).format == 'PNG'


WRONG = dict(size=[31, 2049, -1], saturation=[-.1, 10.1, float('nan')], quality=[0, 101], samples=[0, 1001])
RIGHT = dict(size=[32, 2048], saturation=[0, 10], quality=[1, 100], samples=[1])


@pytest.mark.parametrize('name', WRONG)
def test_ranges_of_options(home, tmp_path, name):
    x,calls = np.zeros((4, 4), np.uint8),[]
    if name != 'quality': calls.append(lambda **kw: colorize(x, home/'known.onnx', **kw))
    if name != 'samples':
        calls += [lambda **kw: colorize_bytes(home/'a.png', 'JPEG', home/'known.onnx', **kw),
                  lambda **kw: colorize_file(home/'a.png', tmp_path/'a.jpg', home/'known.onnx', **kw)]
    calls.append(lambda **kw: colorize_samples(home/'a.png', tmp_path/'a.jpg', model=home/'known.onnx',
                                               **dict(samples=1) | kw))
    for f in calls:
        for o in WRONG[name]:
            with pytest.raises(UsageError) as e: f(**{name: o})
            assert name in str(e.value) and e.value.remedy
        if calls.index(f) < 2:
            for o in RIGHT[name]: f(**{name: o})
    assert {*inspect.signature(check_options).parameters} == {'size', 'saturation', 'quality'}


def test_the_network_sees_what_size_says(home, monkeypatch):
    "None is the card's size; the area is kept, the sides are multiples of 32, and the picture is upright"
    seen = []
    real = Colorizer.ab
    monkeypatch.setattr(Colorizer, 'ab', lambda self, L, z=None: (seen.append(L), real(self, L, z))[1])
    for size in (None, 64, 320): colorize(home/'a.png', home/'known.onnx', size=size)
    colorize(home/'turned.jpg', home/'known.onnx')
    assert [o.shape for o in seen] == [(64, 128), (64, 64), (256, 384), (128, 64)]
    assert net_size(1, 10**6, 64) == (32, 64*64//32) and net_size(300, 100, 64, 8) == (112, 40)
    still = small_light(read_picture(home/'a.png'), 64, 64)
    lying = small_light(read_picture(home/'turned.jpg'), 64, 64)
    assert np.abs(still - lying).max() < .06  # turned only when it is shown
    assert np.abs(np.rot90(seen[0], -1)[::2,::2] - seen[3][::2,::2]).mean() < .02


def test_saturation_and_choice_are_exact(home):
    "A model that says (.2, .1) paints that, times saturation, plus z, at the picture's lightness"
    make_model(home/'flat.onnx', follow=0.)
    gray = np.full((64, 64), 119, np.uint8)
    L = color.rgb2lab(gray[...,None].repeat(3, 2))[0,0,0]
    for s,z in ((1, None), (.5, None), (2, None), (1, [.1, -.3]), (.5, [.1, -.3]), (0, [.1, -.3])):
        want = [L, *(s*110*(np.array([.2, .1]) + (z or [0, 0])))]
        for size in (32, 128):
            got = color.rgb2lab(colorize(gray, home/'flat.onnx', size, s, z=z))[20,30]
            assert np.abs(got - want).max() < .6, (s, z, got, want)


def test_samples_are_noise_of_their_seed(home):
    z = sample_noise(3, 5, home/'known.onnx')
    assert z.shape == (3, 2) and np.array_equal(z, np.random.default_rng(5).standard_normal((3, 2)).astype('f4'))
    x = np.asarray(Image.open(home/'a.png'))
    many = colorize(x, home/'known.onnx', samples=3, seed=5)
    assert all(same(o, colorize(x, home/'known.onnx', z=k)) for o,k in zip(many, z))
    with open(home/'a.png', 'rb') as f:
        assert [o.size for o in colorize(f, home/'known.onnx', samples=2)] == [(120, 80)]*2
    with pytest.raises(UsageError, match='z or samples'): colorize(x, home/'known.onnx', samples=2, z=[0, 0])
    with pytest.raises(UsageError, match='one answer'): sample_noise(2, 0, home/'single.onnx')
    with pytest.raises(UsageError, match='no values'): colorize(x, home/'single.onnx', z=[1., 2.])


def test_quality(home, tmp_path):
    "None is 92 for a picture that was no JPEG; it has no meaning for PNG"
    f = lambda q, fmt='JPEG': colorize_bytes(home/'a.png', fmt, home/'known.onnx', quality=q)
    assert f(None) == f(92) != f(91) and f(None, 'PNG') == f(10, 'PNG')
    assert f(None, 'WEBP') == f(92, 'WEBP') != f(30, 'WEBP')
    jpeg = Image.open(io.BytesIO(colorize_bytes(home/'turned.jpg', 'JPEG', home/'known.onnx')))
    assert jpeg.quantization[0] == Image.open(home/'turned.jpg').quantization[0]


def test_the_sheet_of_answers(home, tmp_path):
    big = tmp_path/'big.png'
    Image.fromarray(data.camera()).resize((1000, 500)).save(big)
    files = colorize_samples(big, tmp_path/'o.png', 5, model=home/'known.onnx')
    assert [o.name for o in files] == [f'o-{i}.png' for i in range(1, 6)]
    assert Image.open(tmp_path/'o.png').size == (4*484 + 4, 2*(240 + 4 + 12) + 4)
    assert all(Image.open(o).size == (1000, 500) for o in files)


# models

def test_a_file_is_opened_once(home, monkeypatch):
    import onnxruntime
    from colorbook.video.model import FilmModel, load_film_model
    made = []
    class Session(onnxruntime.InferenceSession):
        def __init__(self, path, *args, **kw): made.append(Path(path).name); super().__init__(path, *args, **kw)
    monkeypatch.setattr(onnxruntime, 'InferenceSession', Session)
    for i,first in enumerate((load_model, Colorizer, load_film_model, card)):
        path = make_model(home/(name := f'{i}.onnx'))
        for f in (first, card, load_model, load_film_model, Colorizer, open_model): f(path)
        assert made.count(name) == 1
    film = make_model(home/'five.onnx', kind='video', state=[[4, 4]])
    for f in (card, load_film_model, FilmModel, open_model): f(film)
    assert made.count('five.onnx') == 1
    make_model(home/'0.onnx', ab=(0, 0), name='changed')
    os.utime(home/'0.onnx', ns=(1, 1))
    assert card(home/'0.onnx')['name'] == load_model(home/'0.onnx').card['name'] == 'changed'
    assert made.count('0.onnx') == 2


def test_cards(home, capsys):
    assert card(home/'film.onnx')['metrics'] == dict(psnr=20) and card(home/'known.onnx')['name'] == 'known'
    for o in (home/'known.onnx', load_model(home/'known.onnx')): card(o)['name'] = 'spoiled'
    assert card(home/'known.onnx')['name'] == 'known' == card(load_model(home/'known.onnx'))['name']
    assert card() == card(None) == card(default_model())
    for name in ('film', 'known'):
        assert app.main(['card', str(home/f'{name}.onnx')]) == 0
        assert json.loads(capsys.readouterr().out) == card(home/f'{name}.onnx')
    with pytest.raises(InputError, match='for films'): load_model(home/'film.onnx')


def test_the_card_of_the_film_model_has_its_figures():
    kept = json.loads((ROOT/'asset'/'film.json').read_text())['clips']
    about = card(ROOT/'colorbook'/'film.onnx')
    assert about['kind'] == 'video' and {*about['metrics']} == {*kept}
    for clip,rows in about['metrics'].items():
        for k,o in rows.items(): assert o.items() <= kept[clip]['versions']['film model'][k].items()


def test_models_that_are_none(home, tmp_path):
    import onnx
    make_model(tmp_path/'old.onnx', format=2)
    plain = onnx.load(home/'known.onnx')
    del plain.metadata_props[:]
    onnx.save(plain, tmp_path/'plain.onnx')
    (tmp_path/'text.onnx').write_text('hello')
    words = dict(old='format 2', plain='without a colorbook card', text='cannot be loaded', gone='not exist')
    for name,word in words.items():
        for f in (card, load_model, Colorizer, open_model, lambda o: colorize(np.zeros((4, 4), np.uint8), o)):
            with pytest.raises(InputError, match=word) as e: f(tmp_path/f'{name}.onnx')
            assert name in str(e.value) and e.value.remedy


def test_a_model_has_a_name(home, tmp_path, monkeypatch):
    monkeypatch.setenv('COLORBOOK_MODELS', str(tmp_path/'mine'))
    names = [*list_models()]
    assert names == ['default', 'film', 'infrared'] and find_model() == default_model() == find_model('default')
    put = add_model(home/'known.onnx')
    assert put == tmp_path/'mine'/'known.onnx' == find_model('known')
    assert put.read_bytes() == (home/'known.onnx').read_bytes()
    assert add_model(home/'known.onnx', name='other') == find_model('other')
    with pytest.raises(UsageError, match="model 'other'"): add_model(home/'known.onnx', 'other')
    make_model(tmp_path/'new.onnx', ab=(0, 0))
    add_model(tmp_path/'new.onnx', 'other', overwrite=True)
    assert [*list_models()] == ['default', 'film', 'infrared', 'known', 'other']
    x = np.full((64, 64), 128, np.uint8)
    assert same(colorize(x, 'known'), colorize(x, home/'known.onnx')) and not same(colorize(x, 'known'), colorize(x))
    assert same(colorize(x, ['known']), colorize(x, 'known'))
    monkeypatch.setenv('COLORBOOK_MODEL', str(home/'known.onnx'))
    assert same(colorize(x), colorize(x, 'known')) and not same(colorize(x, 'default'), colorize(x))
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path/'data'))
    monkeypatch.delenv('COLORBOOK_MODELS')
    assert model_folder() == tmp_path/'data'/'colorbook'/'models'
    monkeypatch.chdir(home)
    assert find_model('known.onnx').samefile(home/'known.onnx')


def test_a_mean_of_models(tmp_path):
    pair = [make_model(tmp_path/f'{i}.onnx', ab=o, follow=0, noise=0, name=f'm{i}')
            for i,o in enumerate(((.2, .1), (-.1, .1)))]
    x = np.full((64, 64), 128, np.uint8)
    want = np.float32([.05, .1])[:,None,None]
    model = load_model(pair)
    assert type(model) is MeanColorizer and model.card['name'] == 'mean of m0, m1'
    assert np.allclose(model.maps(from_array(x))[2:], want, atol=1e-5) and np.allclose(model.ab(x/255), want, atol=1e-6)
    assert same(colorize(x, pair), colorize(x, make_model(tmp_path/'m.onnx', ab=(.05, .1), follow=0, noise=0)))
    assert [o['name'] for o in card(model)['mean_of']] == ['m0', 'm1']
    from colorbook.video.model import load_film_model
    with pytest.raises(UsageError, match='one model'): load_film_model(pair)
    with pytest.raises(UsageError, match='one answer'): model.maps(from_array(x), z=[0., 0])


def test_models_that_do_not_fit_their_card(tmp_path):
    import onnx
    from onnx import numpy_helper
    def changed(name, f, **kw):
        m = onnx.load(make_model(tmp_path/f'{name}.onnx', **kw))
        f(m)
        onnx.save(m, tmp_path/f'{name}.onnx')
        return tmp_path/f'{name}.onnx'
    for more in (dict(size=None), dict(multiple=0), dict(multiple='32')):
        with pytest.raises(InputError, match='does not fit its network'): card(make_model(tmp_path/'a.onnx', **more))
    noisy = make_model(tmp_path/'noisy.onnx')
    m = onnx.load(noisy)
    [o] = m.metadata_props
    o.value = json.dumps(json.loads(o.value) | dict(noise=0))
    onnx.save(m, noisy)
    with pytest.raises(InputError, match='does not fit its network'): load_model(noisy)
    def nan(m):
        base = next(o for o in m.graph.initializer if o.name == 'base')
        base.CopyFrom(numpy_helper.from_array(np.full((1, 2, 1, 1), np.nan, np.float32), 'base'))
    with pytest.raises(InputError, match='nan or infinity'): check_model(changed('nan', nan))
    def three(m):
        follow = next(o for o in m.graph.initializer if o.name == 'follow')
        follow.CopyFrom(numpy_helper.from_array(np.zeros((1, 3, 1, 1), np.float32), 'follow'))
    with pytest.raises(InputError): check_model(changed('three', three, noise=0))
    assert check_model(make_model(tmp_path/'good.onnx'))['name'] == 'known'


# the parts

def test_paint_uses_the_threads_that_it_is_given(monkeypatch):
    x,maps = np.zeros((4000, 300), np.uint8),np.zeros((4, 8, 8), np.float32)
    names,real = set(),compose.light
    def light(o):
        names.add(threading.current_thread().name)
        return real(o)
    monkeypatch.setattr(compose, 'light', light)
    out = np.empty((4000, 300, 3), np.uint8)
    sizes = []
    made = compose._pool
    monkeypatch.setattr(compose, '_pool', lambda pid, n: (sizes.append(n), made(pid, n))[1])
    paint(x, maps, out, threads=1)
    assert len(names) == 1 and 'MainThread' not in names
    paint(x, maps, out)
    assert sizes == [1, core_count()]
    before = threading.active_count()
    for _ in range(5): paint(x, maps, out, threads=1)
    assert threading.active_count() == before  # no new threads for a picture


def test_a_forked_process_paints(tmp_path):
    "Threads do not survive a fork: a child that used its parent's would wait forever"
    code = '''
        import numpy as np, os
        from colorbook.imaging.compose import paint
        x,maps,out = np.zeros((400, 300), np.uint8),np.zeros((4, 8, 8), np.float32),np.empty((400, 300, 3), np.uint8)
        paint(x, maps, out)
        child = os.fork()
        if not child:
            paint(x, maps, out)
            os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))'''
    run = subprocess.run([sys.executable, '-W', 'ignore', '-c', textwrap.dedent(code)], capture_output=True, text=True,
                         timeout=120)
    assert run.stdout.strip() == '7', run.stderr


def test_every_option_of_the_parts(home, tmp_path):
    rng = np.random.default_rng(0)
    L,ab = rng.random((32, 48), np.float32),rng.random((2, 8, 12), np.float32)*.2
    each_option(chroma_maps, dict(L=L, ab=ab), dict(L=L[::-1], ab=-ab, eps=.05))
    each_option(resize, dict(x=L, w=20, h=10), dict(x=L[::-1], w=21, h=11, how=Image.BICUBIC))
    x,maps = np.uint8(L*255),chroma_maps(L, ab)
    def painted(x, maps, out, saturation=1., threads=None):
        out = out.copy()
        paint(x, maps, out, saturation, threads)
        return out
    blank = np.empty((32, 48, 3), np.uint8)
    for kw in (dict(x=x[::-1]), dict(maps=-maps), dict(out=np.empty((32, 48, 3), np.uint16)), dict(saturation=.5)):
        assert not same(painted(x, maps, blank), painted(**dict(x=x, maps=maps, out=blank) | kw)), kw
    assert {*inspect.signature(paint).parameters} == {'x', 'maps', 'out', 'saturation', 'threads'}
    model = load_model(home/'known.onnx')
    each_option(model.ab, dict(L=L[:,:32]), dict(L=L[:,16:], z=[.1, .2]))
    pic = from_array(x)
    each_option(model.maps, dict(pic=pic), dict(pic=from_array(x[::-1]), size=160, z=[.1, .2]))
    assert read_picture(home/'a.png').shape == (80, 120) and Picture(x).orientation == 1
    each_option(upright, dict(x=x, orientation=6), dict(x=x[::-1], orientation=3, back=True))
    each_option(small_light, dict(pic=pic, w=10, h=10), dict(pic=from_array(x[::-1]), w=11, h=11))
    each_option(net_size, dict(w=300, h=100, size=128), dict(w=100, h=200, size=256, multiple=64))
    y = np.dstack([x]*3 + [np.full_like(x, 255)])
    each_option(encode_picture, dict(x=y, alpha=False, info={}, fmt='WEBP'), dict(
        x=y[::-1].copy(), alpha=(dict(x=y//2), True), info={'icc_profile': b'0'*200},
        fmt='PNG', quality=30))
    each_option(to_image, dict(x=y//2, alpha=False), dict(x=y, alpha=True, fast=True),
                lambda o: (o.mode, np.asarray(o).copy()))
    two = tmp_path/'two.tif'
    two.write_bytes(encode_pages([(y, False, {}, 0), (y[::-1].copy(), False, {}, 0)], 'TIFF'))
    wide = tmp_path/'wide.png'
    Image.fromarray(y[...,:3]).save(wide, icc_profile=wide_profile())
    with pytest.warns(UserWarning, match='only the first'):
        each_option(read_picture, dict(source=two), dict(source=home/'b.png', page=1, colors=(dict(source=wide), True)),
                    lambda o: o.pixels)
    assert read_picture(deep(tmp_path)).dtype == np.uint16
    cells = [np.full((9, 9), o, np.uint8) for o in (0, 90, 180)]
    each_option(contact_sheet, dict(pictures=cells), dict(pictures=cells[::-1], columns=2, notes='abc', side=5, gap=1))
    each_option(as_cell, dict(picture=cells[0]), dict(picture=cells[1], side=5))


def wide_profile():
    "A profile whose curves are not those of sRGB"
    colorants = (.61, .311, .0195), (.205, .626, .061), (.149, .063, .744)
    s15 = lambda c: np.int32([v*65536 for v in c]).astype('>i4').tobytes()
    tags = {f'{o}XYZ': b'XYZ ' + bytes(4) + s15(c) for o,c in zip('rgb', colorants)}
    tags |= {f'{o}TRC': b'curv' + bytes(7) + b'\1\2\x33' + bytes(2) for o in 'rgb'}
    at,table,body = 132 + 12*len(tags),len(tags).to_bytes(4, 'big'),b''
    for k,v in tags.items():
        table += k.encode() + (at + len(body)).to_bytes(4, 'big') + len(v).to_bytes(4, 'big')
        body += v
    head = (at + len(body)).to_bytes(4, 'big') + bytes(4) + b'\2\x40' + bytes(2) + b'mntrRGB XYZ ' + bytes(12) + b'acsp'
    white = np.int32([.9642*65536, 65536, .8249*65536]).astype('>i4').tobytes()
    return head.ljust(68, b'\0') + white.ljust(60, b'\0') + table + body


def deep(folder):
    "A file with 16 bits"
    x = np.random.default_rng(0).integers(0, 65536, (8, 8, 4), np.uint16)
    (folder/'deep.png').write_bytes(encode_picture(x, False, {}, 'PNG'))
    return folder/'deep.png'


def test_a_folder_is_planned(home, tmp_path):
    "What becomes what; more in test_folders"
    for o in ('in/a.png', 'in/b/a.jpg', 'notes.txt'): (tmp_path/o).parent.mkdir(parents=True, exist_ok=True)
    for o in ('in/a.png', 'in/b/a.png'): (tmp_path/o).write_bytes((home/'a.png').read_bytes())
    (tmp_path/'in/notes.txt').write_text('hello')
    found,root,left = survey(str(tmp_path/'in'))
    assert (found, root) == find_pictures(str(tmp_path/'in')) and [o.name for o,_ in left] == ['notes.txt']
    pairs = dict(plan([str(tmp_path/'in')], str(tmp_path/'out')))
    assert [*pairs.values()] == [tmp_path/'out/a.png', tmp_path/'out/b/a.png']
    assert [o.name for _,o in plan([str(tmp_path/'in/a.png')])] == ['a-color.png']
    with pytest.raises(UsageError, match='would both become'):
        plan([str(o) for o in found], str(tmp_path/'out'), samples=2)


def test_the_face_of_the_room():
    "Names are there without their modules, and none is forgotten by the tests above"
    code = ("import sys, colorbook.imaging as r\n"
            "assert not [o for o in sys.modules if o.startswith('colorbook.imaging.')]\n"
            "for o in r.__all__: getattr(r, o)\n"
            "print(sorted(sys.modules.keys() & {'torch', 'fastai', 'pandas', 'av', 'cv2'}))")
    assert subprocess.check_output([sys.executable, '-c', code], text=True).strip() == '[]'
    text = Path(__file__).read_text() + Path(__file__).with_name('test_hints.py').read_text()
    assert [o for o in room.__all__ if text.count(o) < 2] == []


def test_help_tells_what_a_parameter_is():
    for f in (colorize, colorize_file, colorize_bytes, load_model, card):
        for k in inspect.signature(f).parameters: assert f'\n{k}: ' in f.__doc__, (f, k)
    assert '32..2048' in colorize.__doc__ and '0..10' in colorize.__doc__ and 'InputError' in colorize.__doc__


def test_formats_and_orientation(home, tmp_path):
    assert [format_of(f'a.{o}') for o in ('jpg', 'JPEG', 'png', 'tif', 'tiff', 'webp')] == [
        'JPEG', 'JPEG', 'PNG', 'TIFF', 'TIFF', 'WEBP']
    with pytest.raises(OutputError, match='a.xyz'): format_of('a.xyz')
    Image.open(home/'a.png').save(tmp_path/'a.bmp')
    assert [format_like(home/o) for o in ('a.png', 'turned.jpg')] == ['PNG', 'JPEG']
    assert format_like((tmp_path/'a.bmp').read_bytes()) == 'BMP'
    with pytest.raises(InputError, match='gone'): format_like(tmp_path/'gone.png')
    exif = Image.Exif()
    exif[274] = 8
    Image.open(home/'a.png').save(tmp_path/'t.jpg', exif=exif)
    assert from_image(Image.open(tmp_path/'t.jpg')).orientation == 8
    assert from_array(np.zeros((3, 3), np.uint8)).orientation == 1
    # the signs as FFmpeg has them for a telephone held upright (90 degrees clockwise), and on its head
    assert [matrix_orientation(o) for o in ([0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30],
        [-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30], None)] == [6, 3, 1]


@pytest.mark.parametrize('level', [0, 90, 255])
@pytest.mark.parametrize('kind', ['frame', 'letterbox', 'noisy'])
def test_a_border_changes_no_colors_inside(level, kind):
    "A border of 60 pixels, by the model of the package: the mean of a and b moves by 2 units at the most"
    rng = np.random.default_rng(0)
    for o in (data.astronaut(), data.chelsea(), data.coffee()):
        gray = lstar_gray(np.asarray(ImageOps.fit(Image.fromarray(o), (240, 240))))
        pad = [(60, 60), (0, 0) if kind == 'letterbox' else (60, 60)]
        x = np.pad(gray, pad, constant_values=level).astype(float)
        if kind == 'noisy': x += 4*rng.standard_normal(x.shape)*(np.pad(gray*0. + 1, pad) == 0)
        whole,alone = colorize(x.clip(0, 255).astype(np.uint8)),colorize(gray)
        inner = whole[60:300] if kind == 'letterbox' else whole[60:300,60:300]
        assert np.abs(color.rgb2lab(inner)[...,1:].mean((0, 1)) - color.rgb2lab(alone)[...,1:].mean((0, 1))).max() <= 2
        assert np.abs(whole[:58].astype(int) - whole[:58,:,:1]).max() <= 1  # gray


def test_what_is_nearly_gray_is_said(tmp_path):
    flat = np.full((64, 64), 128, np.uint8)
    class Gray(Colorizer):
        def maps(self, pic, size=None, z=None): return super().maps(pic, size, z)*self.by
    model = Gray()
    for model.by,said in (0., True), (1., False):
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter('always')
            colorize(data.camera()[::4,::4], model)
        assert any('nearly gray' in str(o.message) for o in notes) == said
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter('always')
        colorize(flat, model, saturation=0)
    assert not notes


def test_where_a_border_ends():
    x = np.pad(data.camera(), [(20, 24), (30, 36)], constant_values=250)
    for source in (x, x.astype(np.float32)/255, np.stack([x]*3, -1), Image.fromarray(x)):
        pic = Picture(source, orientation=6)
        assert find_borders(pic) == (30, 20, 542, 532)
        part = inside_borders(pic, (30, 20, 542, 532))
        assert part.shape == (512, 512) and part.orientation == 6
