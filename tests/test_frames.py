"Videos as cameras and networks leave them: turns, rates, colors, damage, a killed run, an address."
import http.server, signal, subprocess, sys, threading, time
from fractions import Fraction
from pathlib import Path

import av, numpy as np, pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from colorbook.core import InputError, UsageError
from colorbook.data.photos import data_dir, sample_photos
from colorbook.video.read import open_reel, open_video, read_frames, video_length, write_clip
from colorbook.video.sequences import frame_files
from colorbook.video.shots import find_cuts, mark_shots
from colorbook.data.download import fetch_video
from colorbook.data.synthetic import travel
from colorbook.data.frames import extract_frames, frame_shots, read_table, triplets

T = Image.Transpose
PHOTO = sample_photos()[0]


def error(a, b): return np.abs(np.asarray(a, dtype=int) - np.asarray(b)).mean()


def moving(n, size=(128, 72), photo=PHOTO): return travel(photo, n, size, (0, .2), (1, .5))


@pytest.mark.parametrize('turn', [0, 90, 180, 270])
@pytest.mark.parametrize('mirror', [False, True])
def test_all_eight_ways_to_lie(tmp_path, turn, mirror):
    im = PHOTO.resize((96, 54))
    undo = {0: None, 90: T.ROTATE_270, 180: T.ROTATE_180, 270: T.ROTATE_90}[turn]
    stored = im.transpose(T.FLIP_LEFT_RIGHT) if mirror else im
    stored = stored.transpose(undo) if undo is not None else stored
    clip = write_clip([stored]*2, tmp_path/'a.mp4', turn=turn, mirror=mirror, crf=8)
    with av.open(str(clip)) as c: raw = next(c.decode(video=0)).to_image()
    assert error(raw, stored) < 5, 'nothing is turned in the file itself'
    shown = [o.im for o in read_frames(clip)]
    assert [o.size for o in shown] == [im.size]*2 and max(error(o, im) for o in shown) < 5


@pytest.mark.parametrize('aspect,want', [(Fraction(4, 3), (128, 72)), (Fraction(8, 9), (96, 81)), (1, (96, 72))])
def test_pixels_become_square_without_losing_any(tmp_path, aspect, want):
    clip = write_clip([PHOTO.resize((96, 72))]*2, tmp_path/'a.mp4', aspect=aspect)
    assert next(read_frames(clip)).im.size == want


@pytest.mark.parametrize('size', [(853, 479), (33, 17), (1, 1)])
@pytest.mark.parametrize('codec', ['libx264', 'mpeg4'])
def test_odd_sizes(tmp_path, size, codec):
    frames = list(read_frames(write_clip([PHOTO.resize(size)]*3, tmp_path/'a.mp4', codec=codec)))
    assert [o.im.size for o in frames] == [size]*3


@pytest.mark.parametrize('size,red', [((320, 180), 81), ((1280, 534), 63), ((720, 576), 81), ((608, 1080), 63)])
def test_untagged_colors_follow_the_size(tmp_path, size, red):
    clip = write_clip([Image.new('RGB', size, (255, 0, 0))]*2, tmp_path/'a.mp4')
    with av.open(str(clip)) as c: luma = np.asarray(next(c.decode(video=0)).planes[0])
    assert abs(int(luma[len(luma)//3]) - red) <= 1, 'red has another luma in Rec. 601 and in Rec. 709'
    assert error(next(read_frames(clip)).im, Image.new('RGB', size, (255, 0, 0))) < 2


@pytest.mark.parametrize('suffix', ['mp4', 'mkv', 'avi'])
def test_rates_that_are_no_integers(tmp_path, suffix):
    rate = Fraction(24000, 1001)
    clip = write_clip(moving(241, (32, 18)), tmp_path/f'a.{suffix}', rate, codec='mpeg4')
    frames = list(read_frames(clip))
    assert [o.number for o in frames] == list(range(241))
    assert max(abs(o.time - i/rate) for i,o in enumerate(frames)) < 2e-3
    assert abs(video_length(clip) - 241/rate) < .01
    seconds = [o['time'] for o in extract_frames(clip, tmp_path/'out', per_second=1)]
    assert len(seconds) == 11 and all(0 <= t - i < 1/rate + 2e-3 for i,t in enumerate(seconds))


def test_a_variable_rate_is_thinned_by_time(tmp_path):
    times = [0, .02, .04, .06, 1.5, 1.6, 1.7, 4., 4.01, 4.02, 4.99, 5.2]
    clip = write_clip(moving(12), tmp_path/'a.mp4', times=times)
    assert np.allclose([o.time for o in read_frames(clip)], times, atol=1e-3)
    rows = extract_frames(clip, tmp_path/'out', per_second=1)
    assert [o['frame'] for o in rows] == [0, 4, 7, 11], 'one for each second in which there is one'
    assert [o['frame'] for o in extract_frames(clip, tmp_path/'two', every=5)] == [0, 5, 10]


def test_a_stream_that_begins_late_begins_at_zero(tmp_path):
    clip = write_clip(moving(10), tmp_path/'a.mkv', times=[7 + i/24 for i in range(10)])
    assert np.allclose([o.time for o in read_frames(clip)], [i/24 for i in range(10)], atol=2e-3)
    assert abs(video_length(clip) - 10/24) < .05


@pytest.mark.parametrize('suffix', ['mp4', 'mkv', 'avi', 'ts'])
def test_a_file_that_breaks_off(tmp_path, suffix):
    clip = write_clip(moving(192), tmp_path/f'a.{suffix}', codec='mpeg4', b=3000000, g=12)
    assert len(list(read_frames(clip))) == 192
    code = clip.read_bytes()
    clip.write_bytes(code[:len(code)*6//10])
    with pytest.raises(InputError, match=f'a.{suffix}'): list(read_frames(clip))
    with pytest.raises(InputError, match=f'a.{suffix}'): extract_frames(clip, tmp_path/'out')
    assert not (tmp_path/'out/frames.csv').exists()
    bad = []
    rest = list(read_frames(clip, bad=bad))
    assert bad and 40 < len(rest) < 192
    rows = extract_frames(clip, tmp_path/'skipped', skip_bad=True)
    assert len(rows) == len(rest)
    assert f'a.{suffix}' in (tmp_path/'skipped/frames.json').read_text()


def test_a_hole_leaves_out_what_is_broken_only(tmp_path):
    clip = write_clip(moving(120), tmp_path/'a.mp4', codec='mpeg4', b=3000000, g=12)
    whole = [o.im for o in read_frames(clip)]
    code = bytearray(clip.read_bytes())
    code[len(code)//2:len(code)//2 + 400] = bytes(400)
    clip.write_bytes(code)
    with pytest.raises(InputError, match='damaged'): list(read_frames(clip))
    bad = []
    rest = list(read_frames(clip, bad=bad))
    assert 1 <= len(bad) <= 12 and len(rest) + len(bad) == 120
    assert sum(error(a.im, b) < .01 for a,b in zip(rest, whole)) > 40, 'frames before the hole are as they were'


def test_files_without_pictures(tmp_path):
    with av.open(str(tmp_path/'sound.wav'), 'w') as c:
        s = c.add_stream('pcm_s16le', rate=8000)
        f = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout='mono')
        f.sample_rate = 8000
        c.mux(s.encode(f))
    (tmp_path/'empty.mp4').touch()
    (tmp_path/'folder.mp4').mkdir()
    for name,said in {'sound.wav': 'no video stream', 'empty.mp4': 'as a video', 'folder.mp4': 'as a video',
                      'lost.mp4': 'as a video'}.items():
        with pytest.raises(InputError, match=said): open_video(tmp_path/name)
    with pytest.raises(InputError, match='lost.mp4'): extract_frames(tmp_path/'lost.mp4', tmp_path/'out')
    black = write_clip([Image.new('RGB', (32, 18))]*5, tmp_path/'black.mp4')
    with pytest.raises(InputError, match='is black'): extract_frames(black, tmp_path/'black', drop_black=5)


def test_cuts_are_found_while_reading():
    given = []
    def source():
        for i,o in enumerate(moving(200)):
            given.append(i)
            yield o
    for i,_ in enumerate(mark_shots(source())): assert len(given) - i <= 3, 'at most three frames are kept'
    assert i == 199


@pytest.mark.parametrize('seed', range(4))
def test_made_films(seed):
    rng = np.random.default_rng(seed)
    lens = rng.integers(2, 15, 24)
    photos = [o.crop((x, 0, x + 300, 250)).resize((300, 250)) for o in sample_photos() for x in (0, 100, 150, 200)]
    order = rng.permutation(len(photos))
    ims = [im for i,n in zip(order, lens) for im in travel(photos[i], n, (160, 90), (.2, .2), (.2 + n*.02, .2 + n*.03))]
    want,got = set(np.cumsum(lens)[:-1].tolist()),set(find_cuts(ims))
    assert len(want & got) >= 20 and len(got - want) <= 1, (want - got, got - want)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=30))
def test_triplets_stay_in_their_shot(shots):
    found = triplets(shots)
    assert [o[1] for o in found] == list(range(len(shots)))
    for a,i,b in found:
        assert shots[a] == shots[i] == shots[b] and i - 1 <= a <= i <= b <= i + 1
        assert a < i or i == 0 or shots[i - 1] != shots[i]
        assert b > i or i == len(shots) - 1 or shots[i + 1] != shots[i]


def test_a_folder_from_elsewhere(tmp_path):
    folder = tmp_path/'train'
    folder.mkdir()
    ims = list(moving(6)) + list(moving(7, photo=sample_photos()[4]))
    for i,o in enumerate(ims): o.save(folder/f'shot{i + 41:05}.jpg')
    files,shots = frame_shots(folder)
    assert [o.name for o in files] == [f'shot{i + 41:05}.jpg' for i in range(13)]
    assert [o[0] for o in triplets(shots)] == [0, 0, 1, 2, 3, 4, 6, 6, 7, 8, 9, 10, 11]
    (folder/'shot00049.jpg').unlink()
    with pytest.raises(InputError, match='00049 is missing'): frame_shots(folder)
    files,shots = frame_shots(folder, skip_bad=True)
    assert len(files) == 12 and triplets(shots)[7:9] == [(6, 7, 7), (8, 8, 9)]
    (folder/'shot00050.jpg').write_bytes(b'no picture')
    with pytest.raises(InputError, match='shot00050'): frame_shots(folder, skip_bad=True)
    (folder/'shot00050.jpg').unlink()
    (folder/'cover.jpg').write_bytes(b'')  # no frame, by its name
    assert len(frame_shots(folder, skip_bad=True)[0]) == 11


def test_lost_frames_at_the_end_are_missed(tmp_path):
    clip = write_clip(moving(20), tmp_path/'a.mp4')
    extract_frames(clip, tmp_path/'out')
    (tmp_path/'out/train/00019.png').unlink()
    with pytest.raises(InputError, match='00019 is missing'): frame_shots(tmp_path/'out/train')
    (tmp_path/'out/frames.csv').write_text('folder,number\ntrain,x\n')
    with pytest.raises(InputError, match='frames.csv'): read_table(tmp_path/'out')


def test_nothing_is_left_of_a_film(tmp_path):
    clip = write_clip([Image.new('RGB', (64, 36))]*24, tmp_path/'a.mp4')
    for asked in (dict(skip_end=2.), dict(skip_start=1.5), dict(every=0), dict(valid=1.1)):
        with pytest.raises(UsageError, match='no frame'): extract_frames(clip, tmp_path/'out', **asked)
        assert not (tmp_path/'out').exists()


WORK = 'import sys; from colorbook.data.frames import extract_frames; extract_frames(*sys.argv[1:3], valid=.4)'


def test_killed_and_taken_up_again(tmp_path):
    ims = list(moving(200, (256, 144))) + list(moving(100, (256, 144), sample_photos()[5]))
    clip = write_clip(ims, tmp_path/'a.mp4', codec='mpeg4')
    rows = extract_frames(clip, tmp_path/'straight', valid=.4)
    assert {o['folder'] for o in rows} == {'train', 'val'}
    out = tmp_path/'killed'
    run = subprocess.Popen([sys.executable, '-c', WORK, clip, out], cwd=Path(__file__).parent.parent)
    while run.poll() is None and len(list(out.glob('train/0*.png'))) < 5: time.sleep(.005)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL, 'it was to be killed in the middle'
    assert not (out/'frames.csv').exists()
    done = {o: o.stat().st_mtime_ns for o in out.glob('train/0*.png')}
    assert 5 <= len(done) < 300
    (out/'train/.00007.1.tmp.png').write_bytes(b'half')
    assert extract_frames(clip, out, valid=.4) == rows
    assert all(o.stat().st_mtime_ns == t for o,t in done.items()), 'what was there is not written again'
    files = lambda d: {o.relative_to(d): o.read_bytes() for o in d.rglob('*') if o.is_file()}
    assert files(out) == files(tmp_path/'straight')


@pytest.fixture
def site(tmp_path, monkeypatch):
    "A server on this machine with a small film and a page"
    for o in ('http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'): monkeypatch.delenv(o, raising=False)
    (tmp_path/'www').mkdir()
    write_clip(moving(12), tmp_path/'www/film.mp4')
    (tmp_path/'www/page.html').write_text('<html><title>words</title><p>no film</p></html>')
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args): super().__init__(*args, directory=tmp_path/'www')
        def log_message(self, *args): pass
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


def test_fetch(site, tmp_path, capsys):
    path = fetch_video(f'{site}/film.mp4', tmp_path/'got')
    assert path.parent == tmp_path/'got' and path.suffix == '.mp4'
    assert path.read_bytes() == (tmp_path/'www/film.mp4').read_bytes()
    assert list(path.parent.iterdir()) == [path]
    assert len(extract_frames(path, tmp_path/'out')) == 12
    with pytest.raises(InputError, match='cannot fetch .*no.mp4.*404'): fetch_video(f'{site}/no.mp4', tmp_path/'no')
    with pytest.raises(InputError, match='cannot fetch .*page.html'): fetch_video(f'{site}/page.html', tmp_path/'no')
    assert not list(tmp_path.glob('no/*'))
    assert capsys.readouterr().out == ''


def test_fetch_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'yt_dlp', None)
    with pytest.raises(UsageError, match='colorbook\\[fetch\\]'): fetch_video('http://localhost/a.mp4', tmp_path)


def test_a_trailer(tmp_path):
    if data_dir() is None or not (data_dir()/'video').is_dir(): pytest.skip('needs the shared photos and clips')
    rows = extract_frames(data_dir()/'video/sintel-trailer-480p.mp4', tmp_path, every=3, drop_black=5, size=64)
    black = 1253//3 + 1 - len(rows)
    assert 25 <= black <= 35
    starts = [b['frame'] for a,b in zip(rows, rows[1:]) if a['shot'] != b['shot']]
    for cut in (334, 396, 404, 571, 621, 658, 1163): assert any(0 <= o - cut < 3 for o in starts), cut
    assert len(starts) <= 16
    val = {o['shot'] for o in rows if o['folder'] == 'val'}
    assert val and not val & {o['shot'] for o in rows if o['folder'] == 'train'}


def test_a_folder_whose_order_is_open_is_refused(tmp_path):
    def folder(name, *files):
        (tmp_path/name).mkdir()
        for o in files: Image.new('L', (8, 8)).save(tmp_path/name/o)
        return tmp_path/name
    kinds = folder('kinds', *(f'{i:05}.{o}' for i in range(4) for o in ('png', 'bmp')))
    with pytest.raises(InputError, match='not of one kind'): frame_files(kinds)
    twice = folder('twice', *(f'{o}{i}.png' for i in range(4) for o in 'ab'))
    with pytest.raises(InputError, match='a number of their own'): frame_files(twice)
    with pytest.raises(UsageError, match='rate'): open_reel(folder('good', '1.png', '2.png'), rate=0)
