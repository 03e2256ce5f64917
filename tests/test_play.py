"A film that is colored while it runs: nothing is late, nothing out of order, and a browser sees it in color"
import io, json, os, random, signal, socket, subprocess, sys, threading, time, urllib.error, urllib.request
from collections import deque
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace

import av, numpy as np, pytest
from hypothesis import example, given, settings, strategies as st
from PIL import Image
from skimage import data

from colorbook.cli.app import main
from colorbook.core import InputError, UsageError
from colorbook.video.read import write_clip
from colorbook.data.synthetic import travel
from colorbook.video.web_player import Server, read_stream
from colorbook.video.player import Pace, Player, film_frames, in_time
from colorbook.video.read import open_reel
from colorbook.video.stabilize import stabilize, steady_so_far

ROOT,SIZE = Path(__file__).parent.parent,32
CAT = Image.fromarray(data.chelsea())
PROGRAM = [sys.executable, '-m', 'colorbook', 'play']


def clip(path, n=20, size=(64, 48), **how): return write_clip(travel(CAT, n, size, (0, 0), (.3, .3)), path, **how)


def rehearse(steps, costs, decoding, behind=0, cuts=(0,), limit=.2):
    "Play on a clock of our own: frames `steps` apart that cost what they cost; pace, and what was shown when"
    clock = SimpleNamespace(time=5.)
    def move(by): clock.time += by
    pace = Pace(limit=limit, now=lambda: clock.time, wait=move)
    frames = [SimpleNamespace(i=i, time=t, cut=i in cuts) for i,t in enumerate(accumulate(steps, initial=0))]
    def decoded():
        for o in frames:
            move(decoding)
            yield o
    def color(chosen):
        held = deque()
        for o in chosen:
            move(costs[o.i%len(costs)])
            held.append(o)
            if len(held) > behind: yield held.popleft(),None
        for o in held: yield o,None
    shown,zeros = [],set()
    for o,_ in in_time(decoded(), color, pace):
        if pace.shows(o.time):
            zeros.add(pace.zero)
            shown.append(SimpleNamespace(o=o, late=clock.time - pace.zero - o.time))
    assert len(zeros) <= 1 + pace.slips
    return pace,shown,frames


steps = st.lists(st.floats(.001, .3), min_size=1, max_size=150)
costs = st.lists(st.floats(0, 1.5), min_size=1, max_size=20)


@given(steps=steps, costs=costs, decoding=st.floats(0, .1), behind=st.integers(0, 3), limit=st.floats(0, .5))
@settings(max_examples=300, deadline=None)
def test_never_late_never_early_always_in_order(steps, costs, decoding, behind, limit):
    pace,shown,frames = rehearse(steps, costs, decoding, behind, limit=limit)
    assert all(-1e-9 <= o.late <= limit + 1e-9 for o in shown)
    order = [o.o.i for o in shown]
    assert order == sorted(set(order)) and order[0] == 0, 'the first frame is always there'
    assert len(shown) + pace.skipped + pace.late == len(frames)


@given(steps=st.lists(st.floats(.02, .3), min_size=1, max_size=150), costs=st.lists(st.floats(0, .015), min_size=1),
    behind=st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_a_fast_machine_drops_none(steps, costs, behind):
    pace,shown,frames = rehearse(steps, costs, .005, behind)
    assert len(shown) == len(frames) and pace.skipped == pace.late == pace.slips == 0
    assert max(o.late for o in shown) < (.02 if behind else 1e-9)


@given(cost=st.floats(.05, 1.5), behind=st.integers(0, 2))
@example(cost=.2948357306258757, behind=1)
@settings(max_examples=50, deadline=None)
def test_a_slow_machine_shows_what_it_can(cost, behind):
    "The example is a cost at which a pace without a margin lost every fourth frame by a hundredth of a second"
    pace,shown,_ = rehearse([1/24]*1440, [cost], .001, behind)
    assert len(shown) > .85*60/cost - 8 and pace.slips == 0
    if not behind:
        assert pace.late <= 2, 'no frame is colored in vain, except while the cost is not known'
        assert max(b.o.time - a.o.time for a,b in zip(shown, shown[1:])) < 2*cost + .1, 'no long halt'


def test_a_slow_decoder_does_not_end_the_film():
    pace,shown,_ = rehearse([1/24]*400, [.01], .1)
    assert pace.slips > 5 and shown[-1].o.i > 380


@given(dropped=st.sets(st.integers(1, 30)), cuts=st.sets(st.integers(1, 30)))
@settings(max_examples=50, deadline=None)
def test_a_dropped_cut_is_passed_on(dropped, cuts):
    "Each frame that is taken begins a shot if there was a cut since the one before"
    frames = [SimpleNamespace(i=i, time=i/24, cut=i in cuts | {0}) for i in range(32)]
    pace = SimpleNamespace(takes=lambda t: round(24*t) not in dropped, learn=lambda c: None, now=time.monotonic)
    taken = [o for o,_ in in_time(iter(frames), lambda chosen: ((o, None) for o in chosen), pace)]
    assert [o.i for o in taken] == [i for i in range(32) if i not in dropped]
    for a,b in zip(taken, taken[1:]): assert b.cut == any(a.i < i <= b.i for i in cuts)
    assert taken[0].cut


def test_played_again_time_goes_on(tmp_path):
    path,got = clip(tmp_path/'a.mp4', 7, rate=25),[]
    for o in film_frames(path, *open_reel(path), lambda: open_reel(path)):
        got.append(o)
        if len(got) == 24: break
    assert [o.time for o in got] == pytest.approx([i/25 for i in range(24)], abs=2e-3)
    assert [i for i,o in enumerate(got) if o.cut] == [0, 7, 14, 21]
    assert [o.shot for o in got] == [i//7 for i in range(24)]


def test_steady_without_the_future():
    rng,wide = np.random.default_rng(0),np.asarray(CAT.convert('L'), np.float32)/255
    pairs = [(SimpleNamespace(L=wide[:96,5*i:5*i+128], cut=i in (0, 9)),
        rng.normal(0, .2, (2, 24, 32)).astype(np.float32)) for i in range(20)]
    now = [ab for _,ab in steady_so_far(iter(pairs))]
    for n in (4, 9, 15, 20): # as if the film ended here
        assert np.allclose(now[n-1], [ab for _,ab in stabilize(iter(pairs[:n]))][-1], atol=1e-6)
    one = [ab for _,ab in steady_so_far(iter(pairs[9:]))]
    assert all(np.array_equal(a, b) for a,b in zip(now[9:], one)), 'nothing crosses a cut'


def begin(*args, **how):
    "The program in a process of its own, and its address"
    p = subprocess.Popen([*PROGRAM, *map(str, args), '--size', str(SIZE)], cwd=ROOT, text=how.pop('text', True),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler)) # a job behind & ignores it
    line = p.stdout.readline()
    assert line, p.stderr.read()
    return p,(line if isinstance(line, str) else line.decode()).strip()


def fetch(address, host=None):
    r = urllib.request.Request(address, headers={'Host': host} if host else {})
    with urllib.request.urlopen(r, timeout=60) as o: return o.read().decode()


def colorful(code):
    im = Image.open(io.BytesIO(code))
    assert im.format == 'JPEG'
    return im.size,np.ptp(np.asarray(im.convert('RGB'), int), axis=-1).mean()


def test_a_browser_sees_it(tmp_path):
    p,address = begin(clip(tmp_path/'a.mp4', 30), '--loop')
    try:
        assert address.startswith('http://127.0.0.1:')
        assert 'src="/stream?view=color"' in fetch(address)
        state = json.loads(fetch(address + 'state'))
        assert (state['shown'], state['name'], state['ended']) == (0, 'a.mp4', False), 'it waits for a viewer'
        views = ('color', (64, 48), 3, 99), ('gray', (64, 48), 0, 1), ('both', (128, 48), 1.5, 99)
        for view,size,least,most in views:
            parts = [next(o) for o in [read_stream(address, view)] for _ in range(4)]
            for code in parts:
                got,color = colorful(code)
                assert got == size and least <= color < most
            assert len(set(parts)) > 1, 'it moves'
        state = json.loads(fetch(address + 'state'))
        assert state['shown'] >= 4 and state['rate'] > 0 and state['film_rate'] == 24 and not state['live']
        for path,host,code in (('x', None, 404), ('stream?view=red', None, 404), ('', 'evil.example', 403)):
            with pytest.raises(urllib.error.HTTPError) as e: fetch(address + path, host)
            assert e.value.code == code
        assert fetch(address, 'localhost:1')
        p.send_signal(signal.SIGINT)
        _,said = p.communicate(timeout=60)
    finally: p.kill()
    assert p.returncode == 0 and len(said.splitlines()) == 1
    shown,dropped,rate = said.strip().split(', ')
    assert int(shown.split()[0]) >= 4 and dropped.endswith(' dropped') and rate.endswith('frames/s')


def test_interrupted_while_it_waits(tmp_path):
    p,_ = begin(clip(tmp_path/'a.mp4', 3))
    p.send_signal(signal.SIGINT)
    _,said = p.communicate(timeout=60)
    assert p.returncode == 0 and said == '0 frames shown, 0 dropped, 0.0 frames/s\n'


def test_a_pipe(tmp_path):
    film = clip(tmp_path/'a.mkv', 12).read_bytes()
    with open(tmp_path/'a.mkv', 'rb') as f: p,address = begin('-', '--no-wait', stdin=f)
    out,said = p.communicate(timeout=120)
    assert p.returncode == 0 and film
    n = [int(o.split()[0]) for o in said.split(', ')[:2]]
    assert sum(n) == 12 and n[0] > 0


def test_who_does_not_read_holds_nobody_up(tmp_path):
    player = Player(clip(tmp_path/'a.mp4', 40, (320, 240)), size=SIZE)
    server = Server(player.screen, player.state)
    with socket.create_connection(server.server_address) as lazy:
        lazy.sendall(b'GET /stream HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n')
        assert player.screen.wait(lambda o: o.viewers == 1, 60)
        player.run()
        state = json.loads(fetch(server.address + 'state'))
        assert state['shown'] > 0 and state['shown'] + state['dropped'] == 40 # to the end, whatever came too late
    server.close()


def test_as_a_player_shows_it(tmp_path):
    "Upright, with square pixels, and not larger than asked for"
    from fractions import Fraction
    tall = [o.transpose(Image.Transpose.ROTATE_270) for o in travel(CAT, 3, (48, 64), (0, 0), (.1, .1))]
    kinds = dict(turned=(write_clip(tall, tmp_path/'a.mp4', turn=90), 720, (48, 64)),
        wide=(clip(tmp_path/'b.mp4', 3, aspect=Fraction(3, 2)), 720, (96, 48)),
        large=(clip(tmp_path/'c.mp4', 3, (256, 192)), 96, (128, 96)))
    for k,(path,height,size) in kinds.items():
        player = Player(path, size=SIZE, height=height)
        player.run()
        (got,color),(_,gray) = (colorful(player.screen.next(0, v)[1]) for v in ('color', 'gray'))
        assert got == size and color > 3 > 1 > gray, k
        assert player.state()['shown'] >= 1


def free_port():
    "A UDP port that is free, below those that the system gives to senders (from 32768 on)"
    for port in random.sample(range(20000, 30000), 50):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try: s.bind(('127.0.0.1', port))
            except OSError: continue
            return port


def test_live(tmp_path):
    "A sender that does not wait: what is not fetched in time is never seen, and what is seen is new"
    port = free_port()
    ims,stop = [o.convert('RGB') for o in travel(CAT, 25, (64, 48))],threading.Event()
    def send():
        with av.open(f'udp://127.0.0.1:{port}?pkt_size=1316', 'w', format='mpegts') as c:
            s = c.add_stream('mpeg2video', rate=25, options={'g': '5'})
            s.width,s.height,s.pix_fmt = 64,48,'yuv420p'
            for i in range(10**6):
                if stop.wait(.04): return
                f = av.VideoFrame.from_image(ims[i%25])
                f.pts = i
                c.mux(s.encode(f))
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        player = Player(f'udp://127.0.0.1:{port}', size=SIZE)
        player.run(seconds=1.5)
    finally:
        stop.set()
        sender.join()
    state = player.state()
    assert state['live'] and state['shown'] > 2 and state['slips'] == 0
    size,color = colorful(player.screen.next(0, 'color')[1])
    assert size == (64, 48) and color > 3


@pytest.mark.parametrize('src', ['9', '/dev/video9', 'missing.mp4', 'tcp://127.0.0.1:9'])
def test_what_cannot_be_opened(src, capsys):
    assert main(['play', src]) == 3
    out,said = capsys.readouterr()
    assert out == '' and len(said.splitlines()) == 1 and '; ' in said
    if 'video' in src or src == '9': assert "camera '/dev/video9'" in said and 'connect it' in said


def test_a_device_that_is_no_camera(tmp_path):
    from colorbook.video import player as play
    assert play.camera('/dev/video0') == '/dev/video0'
    (tmp_path/'5').write_bytes(b'')
    here = os.getcwd()
    os.chdir(tmp_path)
    try: assert play.camera('5') is None and play.camera('6') == '/dev/video6', 'a file of that name is a file'
    finally: os.chdir(here)


def test_usage(tmp_path):
    film = clip(tmp_path/'a.mp4', 2)
    for how in (dict(stabilize=1.), dict(height=2), dict(size=3), dict(saturation=-1)):
        with pytest.raises(UsageError): Player(film, **how)
    with pytest.raises(UsageError, match='again'): Player('-', loop=True)
    with pytest.raises(UsageError, match='cannot serve'): Server(None, None, '127.0.0.1', 1 << 20)
    taken = Server(None, None)
    with pytest.raises(UsageError, match='another --port'): Server(None, None, port=taken.server_address[1])
    taken.server_close()
    (tmp_path/'empty.mp4').write_bytes(b'')
    with pytest.raises(InputError): Player(tmp_path/'empty.mp4')
