"Every option of a film arrives: changed once, it changes the film, the record of its parts, and the command as well"
import inspect, io, json, os, re, shutil, subprocess, sys, threading
from dataclasses import fields
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import av, numpy as np, pytest, typer
from PIL import Image, ImageOps
from skimage import data

from colorbook.cli.app import commands, main
from colorbook.core import InputError, UsageError
from colorbook.data.synthetic import travel
from colorbook.video import colorize as video
from colorbook.video import player as play
from colorbook.video.colorize import Options, colorize_video
from colorbook.video.codecs import Spec
from colorbook.video.player import Player
from colorbook.video.read import read_frames, write_clip
from colorbook.video.web_player import read_stream

ROOT = Path(__file__).parent.parent
PICTURES = ROOT/'colorbook/default.onnx'  # the model for pictures, which has many answers
CAT,CUP = Image.fromarray(data.chelsea()),Image.fromarray(data.coffee())
BASE = dict(size=32, codec='ffv1')  # without loss, so that frames tell everything
CORES = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    "A film of two shots, other films, a folder, a film that breaks off, a frame in true color"
    home = tmp_path_factory.mktemp('films')
    ims = [o for im in (CAT, CUP) for o in travel(im, 30, (64, 48), (0, .2), (.15, .3))]
    write_clip(ims, home/'a.mp4', rate=25, crf=6)
    write_clip(ims[::-1], home/'other.mp4', rate=25, crf=6)
    code = write_clip(ims, home/'mpeg4.mp4', rate=25, codec='mpeg4', b=2000000).read_bytes()
    (home/'half.mp4').write_bytes(code[:len(code)//2])
    write_clip(travel(CAT, 4, (64, 512)), home/'tall.mp4', rate=25)  # x264 gives 64 rows to a thread
    bars = [ImageOps.expand(o, (0, 12), 'black') for o in travel(CUP, 12, (64, 48))]
    write_clip(bars, home/'bars.mp4', rate=25, crf=6)
    (home/'in').mkdir()
    for i,o in enumerate(ims[:8]): o.save(home/f'in/{i:03}.png')
    ims[40].save(home/'true.png')
    Image.fromarray(np.asarray(ims[40])[...,::-1]).save(home/'wrong.png')
    return home


def looks(path): return [np.asarray(o.im, int) for o in read_frames(path)]
def times(path): return [round(o.time, 3) for o in read_frames(path)]


def inside(path):
    "Container and codec"
    with av.open(str(path)) as c: return c.format.name,c.streams.video[0].codec_context.codec.canonical_name


def differ(a, b): return len(a) != len(b) or any(x.shape != y.shape or (x != y).any() for x,y in zip(a, b))


def chroma(path): return float(np.mean([np.ptp(o, axis=-1) for o in looks(path)]))


def told_threads(path):
    "How many threads x264 wrote into the film that it had"
    return int(re.search(rb' threads=(\d+) ', path.read_bytes())[1])


# what is changed: words that both films have, the word that one has, and what must not be the same in the two
SETTINGS = dict(src=({}, 'other.mp4', looks), dst=(dict(codec=None), 'b.mp4', inside), model=({}, PICTURES, looks),
    size=({}, 64, looks), saturation=({}, .5, looks), stabilize=({}, 0., looks), codec=({}, 'h264', inside),
    quality=(dict(codec='h264'), 45, looks), preview=({}, .4, times), layout=({}, 'triptych', looks),
    seed=(dict(model=PICTURES), 3, looks), rate=(dict(src='in'), 12., times), resume=({}, False, None),
    skip_bad=(dict(src='half.mp4'), True, None), reference=({}, 'true.png', looks),
    at=(dict(reference='true.png'), 1.5, looks),
    threads=(dict(codec='h264', src='tall.mp4'), 3 if CORES == 2 else 2, told_threads), overwrite=({}, True, None),
    drop_sound=({}, True, None), drop_subtitles=({}, True, None),
    keep_interlaced=({}, True, None), borders=(dict(src='bars.mp4', saturation=3.), False, looks))
FILES = 'src', 'reference'  # words that name a file at home
FRAMES = {'in': 8, 'tall.mp4': 4, 'bars.mp4': 12}  # of others than 60


def words(home, given):
    "Arguments of `colorize_video`, with their files"
    return {k: home/v if k in FILES and v is not None else v for k,v in (dict(src='a.mp4') | BASE | given).items()}


@pytest.fixture(scope='module')
def make(home):
    "Films by their words, each made once"
    made = {}
    def film(given, name='b.mkv'):
        key = repr(sorted(given.items(), key=str)) + name
        if key not in made:
            made[key] = home/f'{len(made)}'/name
            colorize_video(dst=made[key], **words(home, given))
        return made[key]
    return film


def test_the_list_is_complete():
    assert set(SETTINGS) == set(inspect.signature(colorize_video).parameters)
    assert {o.name for o in fields(Options)} - {'box'} <= set(SETTINGS)  # which follows from borders


CHANGE = [k for k,(_,_,probe) in SETTINGS.items() if probe]


@pytest.mark.parametrize('name', CHANGE)
def test_every_option_of_a_film_matters(make, name):
    both,value,probe = SETTINGS[name]
    one = make(both)
    other = make(both, value) if name == 'dst' else make(both | {name: value})
    a,b = probe(one),probe(other)
    assert differ(a, b) if probe is looks else a != b, name


def test_what_the_options_mean(make):
    full,half,gray = (chroma(make(o)) for o in ({}, dict(saturation=.5), dict(saturation=0)))
    assert full > 15 and gray == 0 and .4 < half/full < .6
    true = looks(make({}))
    fine,default,coarse = (make(dict(codec='h264') | o) for o in (dict(quality=4), {}, dict(quality=45)))
    off = [np.mean([np.square(x - y).mean() for x,y in zip(looks(o), true)]) for o in (fine, default, coarse)]
    assert off[0] < .8*off[1] < .8*off[1]*1.3 < off[2], 'quality is how near the film is to what was painted'
    assert fine.stat().st_size > 1.5*default.stat().st_size > 1.5*1.5*coarse.stat().st_size
    steady,little,loose = (np.stack(looks(make(o)))[:30] for o in ({}, dict(stabilize=.3), dict(stabilize=0.)))
    tint = lambda x: x - x.mean(-1, keepdims=True)
    jump = lambda x: np.abs(np.diff(tint(x), axis=0)).mean()
    assert jump(steady) < jump(little) < jump(loose), 'color changes less from frame to frame'
    assert len(times(make(dict(preview=.4)))) == 10 and inside(make({}))[1] == 'ffv1'
    assert looks(make(dict(layout='triptych')))[0].shape == (48, 3*64, 3)
    slow = times(make(dict(src='in', rate=12.)))
    assert slow == pytest.approx(np.arange(8)/12, abs=2e-3)
    told = [told_threads(make(dict(codec='h264', src='tall.mp4') | o)) for o in ({}, dict(threads=1), dict(threads=3))]
    assert told == [min(CORES, 8), 1, 3]


def test_the_others_mean_errors(home, tmp_path):
    half = words(home, dict(src='half.mp4'))
    with pytest.raises(InputError, match='breaks off'): colorize_video(dst=tmp_path/'b.mkv', **half)
    with pytest.warns(UserWarning): done = colorize_video(dst=tmp_path/'b.mkv', skip_bad=True, **half)
    assert 20 < done.frames < 60
    wrong = dict(size=0, saturation=-1, stabilize=1., codec='h265', quality=52, preview=0, layout='all', rate=0,
        threads=0)
    for k,v in wrong.items():
        given = words(home, {k: v} | (dict(codec='h264') if k == 'quality' else dict(src='in') if k == 'rate' else {}))
        with pytest.raises(UsageError): colorize_video(dst=tmp_path/'c.mkv', **given)
        assert not list(tmp_path.glob('*c.mkv*')), k


@pytest.fixture(scope='module')
def stopped(home):
    "Runs that were stopped when all parts were there: a folder of parts by the words"
    made = {}
    def parts(given):
        key = repr(sorted(given.items(), key=str))
        if key not in made:
            real,made[key] = video.save_film,home/f'stopped{len(made)}'
            def power_cut(*args): raise KeyboardInterrupt
            video.save_film = power_cut
            try:
                with pytest.raises(KeyboardInterrupt): colorize_video(dst=made[key]/'b.mkv', **words(home, given))
            finally: video.save_film = real
        return made[key]/'.b.mkv.parts'
    return parts


def go_on(parts, home, tmp_path, **given):
    "Go on with parts that lie there, with these words: how many frames were kept"
    shutil.copytree(parts, tmp_path/'.b.mkv.parts')
    try: return colorize_video(dst=tmp_path/'b.mkv', **words(home, given)).kept
    finally:
        shutil.rmtree(tmp_path/'.b.mkv.parts', ignore_errors=True)
        (tmp_path/'b.mkv').unlink(missing_ok=True)


@pytest.mark.parametrize('name', [o for o in CHANGE if o not in ('dst', 'src')])
def test_parts_of_other_words_are_not_taken(home, stopped, tmp_path, name):
    "The record of the parts holds every option that changes the film"
    both,value,_ = SETTINGS[name]
    parts = stopped(both)
    assert go_on(parts, home, tmp_path, **both) == FRAMES.get(both.get('src'), 60), 'the same words go on'
    assert go_on(parts, home, tmp_path, **both | {name: value}) == 0, name


def test_parts_of_another_source_are_not_taken(home, stopped, tmp_path):
    film = tmp_path/'film.mp4'
    shutil.copy(home/'a.mp4', film)
    how = dict(src=film)
    parts = stopped(how)
    assert go_on(parts, home, tmp_path, **how) == 60
    assert go_on(parts, home, tmp_path, resume=False, **how) == 0
    os.utime(film, (1, 1))
    assert go_on(parts, home, tmp_path, **how) == 0, 'touched'
    assert go_on(parts, home, tmp_path, src=home/'other.mp4') == 0
    folder = tmp_path/'in'
    shutil.copytree(home/'in', folder)
    parts = stopped(dict(src=folder))
    assert go_on(parts, home, tmp_path, src=folder) == 8
    CUP.resize((64, 48)).save(folder/'005.png')
    assert go_on(parts, home, tmp_path, src=folder) == 0, 'a frame was painted anew'


def test_gone_on_in_the_middle_of_a_shot(home, tmp_path, monkeypatch):
    "What network and stabilizer ask of the frames before is there again, to the last bit"
    real,encode,left = video.chunk,video.encode_part,[2]
    monkeypatch.setattr(video, 'chunk', lambda frames: real(frames, 10, 10))
    how = words(home, dict(saturation=4., stabilize=.99))
    colorize_video(dst=tmp_path/'straight.mkv', **how)
    def power_cut(*args):
        left[0] -= 1
        if left[0] < 0: raise KeyboardInterrupt
        return encode(*args)
    monkeypatch.setattr(video, 'encode_part', power_cut)
    with pytest.raises(KeyboardInterrupt): colorize_video(dst=tmp_path/'again.mkv', **how)
    monkeypatch.setattr(video, 'encode_part', encode)
    assert colorize_video(dst=tmp_path/'again.mkv', **how).kept == 20
    assert not differ(looks(tmp_path/'straight.mkv'), looks(tmp_path/'again.mkv'))


def test_the_record_of_parts(home, stopped):
    "By name: all options, all that the encoder is told, the model, the source and the versions"
    job = json.loads((stopped(dict(reference='true.png'))/'job.json').read_text())
    assert set(job) == {'source', 'options', 'spec', 'versions', 'model'}
    assert set(job['options']) == {o.name for o in fields(Options)}
    assert set(job['spec']) == {o.name for o in fields(Spec)}
    assert job['options']['reference'][1] == 40
    import cv2, onnxruntime, PIL
    from colorbook import __version__
    all_versions = [__version__, *(o.__version__ for o in (av, onnxruntime, np, PIL, cv2))]
    assert job['versions'] == all_versions
    plain = json.loads((stopped(dict(stabilize=0.))/'job.json').read_text())
    assert plain['versions'] == all_versions[:-1], 'OpenCV is asked only by stabilizer and reference'


def command(name): return typer.main.get_command(commands()).commands[name]
def options(name): return {o.name for o in command(name).params} - {'help'}


def as_words(name, given):
    "Words on the command line"
    params,out = {o.name: o for o in command(name).params},[]
    for k,v in given.items():
        p = params[k]
        if p.param_type_name == 'argument' or v is None: continue
        if isinstance(v, bool): out += [(p.opts if v else p.secondary_opts)[0]]
        else: out += [p.opts[0], str(v)]
    return out


def test_the_command_has_every_option():
    assert options('video') == set(SETTINGS)


@pytest.mark.parametrize('name', CHANGE)
def test_every_option_of_the_command_arrives(home, make, tmp_path, name):
    "The command makes the file that `colorize_video` makes with the same words"
    both,value,_ = SETTINGS[name]
    given,file = (both, value) if name == 'dst' else (both | {name: value}, 'b.mkv')
    how = words(home, given)
    assert main(['video', str(how.pop('src')), str(tmp_path/file), *as_words('video', how)]) == 0
    assert (tmp_path/file).read_bytes() == make(given, file).read_bytes()


def test_the_command_goes_on_overwrites_and_skips(home, stopped, tmp_path, capsys):
    film,parts,dst = home/'a.mp4',stopped({}),tmp_path/'b.mkv'
    for resume,kept in ((True, ', 60 of them from an earlier run'), (False, '')):
        shutil.copytree(parts, tmp_path/'.b.mkv.parts', dirs_exist_ok=True)
        assert main(['video', str(film), str(dst), *as_words('video', BASE | dict(resume=resume))]) == 0
        assert f'60 frames{kept}, in ' in capsys.readouterr().err
        dst.unlink()
    dst.write_bytes(b'mine')
    assert main(['video', str(film), str(dst), *as_words('video', BASE)]) == 4 and dst.read_bytes() == b'mine'
    assert main(['video', str(film), str(dst), *as_words('video', BASE | dict(overwrite=True))]) == 0
    assert len(looks(dst)) == 60
    half = [str(home/'half.mp4'), str(tmp_path/'c.mkv')]
    assert main(['video', *half, *as_words('video', BASE)]) == 3
    assert main(['video', *half, *as_words('video', BASE | dict(skip_bad=True))]) == 0


def test_one_session_a_film(home, tmp_path, monkeypatch):
    "A model is opened once, whichever kind it is, and shared by all that color with it"
    import onnxruntime
    opened,real = [],onnxruntime.InferenceSession
    def session(path, *args, **kwargs):
        opened.append(Path(path).name)
        return real(path, *args, **kwargs)
    monkeypatch.setattr(onnxruntime, 'InferenceSession', session)
    for o in ('film.onnx', 'default.onnx'): shutil.copy(ROOT/'colorbook'/o, tmp_path)  # nobody has opened these
    colorize_video(home/'a.mp4', tmp_path/'a.mkv', tmp_path/'film.onnx', 32, preview=.2, reference=home/'true.png')
    colorize_video(home/'a.mp4', tmp_path/'b.mkv', tmp_path/'default.onnx', 32, preview=.2)
    assert opened == ['film.onnx', 'default.onnx']


@pytest.mark.parametrize('suffix', ['.mkv', '', '.webm', '.mp4'])
def test_the_network_sees_the_shape_of_the_picture(home, tmp_path, suffix):
    "Frames with wide pixels are colored as the same frames made wide, and otherwise than with square pixels"
    seen,ims = {},list(travel(CAT, 3, (64, 48)))
    wide = [Image.fromarray(np.asarray(o)).resize((128, 48), Image.Resampling.BICUBIC) for o in ims]
    for name,frames,aspect in ('square', ims, 1), ('wide', ims, 2), ('made wide', wide, 1):
        film = write_clip(frames, tmp_path/f'{name}.mp4', aspect=Fraction(aspect), crf=0)
        made,codec = tmp_path/f'{name} color{suffix}','ffv1' if suffix == '.mkv' else None
        colorize_video(film, made, size=64, stabilize=0, codec=codec)
        pictures = [o.im for o in read_frames(made)]
        assert pictures[0].size == (64 if name == 'square' else 128, 48)
        seen[name] = [np.asarray(o.resize((64, 48), Image.Resampling.BOX), int) for o in pictures]
    off = {k: np.mean([np.abs(a - b).mean() for a,b in zip(seen[k], seen['wide'])]) for k in seen}
    assert off['made wide'] < 7 < off['square'], off


IMPORT = """
import os, pathlib
class NotNow(Exception): "A file of the machine is read"
def read_text(self, *args, real=pathlib.Path.read_text, **kwargs):
    if self.parts[:2] == ('/', 'proc'): raise NotNow(self)
    return real(self, *args, **kwargs)
pathlib.Path.read_text = read_text
from colorbook.video.codecs import Spec, encoder_options
assert 'SVT_LOG' not in os.environ
try: encoder_options(Spec('h264', 64, 48, (1, 25), (25, 1)))
except NotNow: print('asked when it is opened')
"""


def test_importing_asks_and_changes_nothing():
    "What a processor can and what an encoder may say is asked and set when one is opened"
    env = {k: v for k,v in os.environ.items() if k != 'SVT_LOG'}
    run = subprocess.run([sys.executable, '-c', IMPORT], cwd=ROOT, env=env, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, 'asked when it is opened\n'), run.stderr


# --- the player

PLAYED = dict(src='other.mp4', model=PICTURES, size=64, saturation=.5, stabilize=0., height=24, loop=True, rate=12.)


def shown(home, n=40, **given):
    "Times and pictures, gray beside color, of the first frames that a player would show"
    player = Player(home/given.pop('src', 'a.mp4'), **dict(size=32) | given)
    frames = player.color(player.frames())
    pairs = list(islice(frames, n))
    frames.close()
    return [round(o.time, 3) for o,_ in pairs],[x[...,:3].astype(int) for _,x in pairs]


@pytest.mark.parametrize('name', PLAYED)
def test_every_option_of_the_player_matters(home, name):
    assert set(PLAYED) == set(inspect.signature(Player).parameters)
    base = dict(src='in') if name in ('loop', 'rate') else {}
    (t,a),(u,b) = shown(home, **base),shown(home, **base | {name: PLAYED[name]})
    assert t != u if name == 'rate' else differ(a, b)
    if name == 'rate': assert u == pytest.approx(np.arange(8)/12, abs=2e-3)
    if name == 'loop': assert (len(a), len(b)) == (8, 40)
    if name == 'height': assert b[0].shape == (24, 64, 3)
    if name == 'saturation':
        full,half = (np.mean([np.ptp(o, axis=-1)[:,64:] for o in x]) for x in (a, b))
        assert .4 < half/full < .6
        gray = shown(home, saturation=0.)[1]
        assert not np.ptp(gray, axis=-1).any()
    if name == 'stabilize':
        tint = lambda x: (x - x.mean(-1, keepdims=True))[:30,:,64:]
        jump = [np.abs(np.diff(tint(np.stack(x)), axis=0)).mean() for x in (a, shown(home, stabilize=.3)[1], b)]
        assert jump[0] < jump[1] < jump[2]


def test_every_option_of_the_play_command_arrives(home, monkeypatch, capsys):
    "A player that tells how it was made, and runs"
    seen = SimpleNamespace(opened=None)
    class Watched(Player):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            seen.player = self
        def run(self, seconds):
            seen.seconds = seconds
            seen.viewers = self.screen.viewers
            if self.loop: seconds = min(seconds, .5)
            super().run(seconds)
    monkeypatch.setattr(play, 'Player', Watched)
    monkeypatch.setattr(typer, 'launch', lambda address: setattr(seen, 'opened', address))
    given = dict(model=PICTURES, size=64, saturation=.5, stabilize=.3, height=24, seconds=.4, loop=True, rate=12.,
        host='localhost', port=0, wait=False, browser=True)
    assert options('play') == {'src', *given}
    assert main(['play', str(home/'in'), *as_words('play', given)]) == 0
    p,address = seen.player,capsys.readouterr().out.strip()
    assert (p.src, p.model.path, p.size, p.saturation, p.stabilize) == (str(home/'in'), PICTURES, 64, .5, .3)
    assert (p.most, p.loop, p.rate, seen.seconds, seen.opened, seen.viewers) == (24, True, 12., .4, address, 0)
    assert min(p.screen.wide.shape[:2]) == 24
    assert main(['play', str(home/'in'), '--size', '32', '--no-wait']) == 0
    assert seen.seconds == float('inf') and not seen.player.loop and seen.opened == address
    ready,got = threading.Event(),[]
    class Said(io.StringIO):
        def write(self, text): super().write(text); ready.set()
    said = Said()
    def look():
        ready.wait()
        got.extend(read_stream(said.getvalue().strip()))
    viewer = threading.Thread(target=look)
    viewer.start()
    monkeypatch.setattr('sys.stdout', said)
    assert main(['play', str(home/'in'), '--size', '32']) == 0, 'it waits for a viewer'
    viewer.join()
    assert seen.viewers == 1 and got


# --- the measure of flicker

def test_every_option_of_the_flicker_command_arrives(home, make, tmp_path, capsys):
    assert options('flicker') == {'original', 'colored', 'json_', 'plot', 'truth'}
    pair = [str(home/'a.mp4'), str(make({}))]
    said = {}
    for truth in (None, True, False):
        assert main(['flicker', *pair, *as_words('flicker', dict(truth=truth, json_=tmp_path/f'{truth}.json'))]) == 0
        said[truth] = capsys.readouterr().out
    found = {k: json.loads((tmp_path/f'{k}.json').read_text()) for k in said}
    assert (found[None]['truth'], found[True]['truth'], found[False]['truth']) == (True, True, False)
    assert 'no colors of its own' in said[False] and 'no colors of its own' not in said[True]
    assert not (tmp_path/'a.png').exists()
    assert main(['flicker', *pair, *as_words('flicker', dict(plot=tmp_path/'a.png'))]) == 0
    assert Image.open(tmp_path/'a.png').width == 1200
    assert main(['flicker', *pair, str(make(dict(stabilize=0.))), '--json', str(tmp_path/'two.json')]) == 0
    two = [o['color_change'] for o in json.loads((tmp_path/'two.json').read_text())['versions']]
    assert len(two) == 2 and two[0] < two[1], 'what is stabilized changes less'
    assert main(['flicker', str(home/'other.mp4'), pair[1], '--json', str(tmp_path/'other.json')]) == 0
    other = json.loads((tmp_path/'other.json').read_text())
    assert other['versions'][0]['cdc_excess'] != found[None]['versions'][0]['cdc_excess'], 'the original counts'


@pytest.mark.parametrize('wrong', [dict(src=None), dict(src=5), dict(dst=None), dict(model=5), dict(preview='a'),
    dict(stabilize='b'), dict(saturation='c')])
def test_what_is_no_option_is_said(tmp_path, wrong):
    "No error of Python's own, and nothing is written"
    given = dict(src=tmp_path/'in.mp4', dst=tmp_path/'out.mp4') | wrong
    with pytest.raises(UsageError): colorize_video(**given)
    assert not [*tmp_path.iterdir()]
