"Films in, films out: every frame at its time, every packet of sound, whatever is done to the process"
import hashlib, os, pty, random, re, resource, select, shutil, signal, subprocess, sys, time
from fractions import Fraction
from itertools import accumulate, cycle, islice
from pathlib import Path
from types import SimpleNamespace

import av, numpy as np, pytest
from PIL import Image
from skimage import data

from colorbook.cli.app import main
from colorbook.core import InputError, OutputError, UsageError
from colorbook.video.read import decode, read_frames, write_clip
from colorbook.data.synthetic import travel
from colorbook.video.steps import frame_by_frame
from colorbook.color.srgb import light
from colorbook.video.codecs import spec_of
from colorbook.video.container import EncodedFrame, encode_part, with_timestamps
from colorbook.video.read import open_reel
from colorbook.video.stabilize import stabilize
from colorbook.video.colorize import colorize_video

ROOT,SIZE = Path(__file__).parent.parent,32
PICTURES = ROOT/'colorbook/default.onnx'  # the model for pictures, which has many answers
CAT,CUP = Image.fromarray(data.chelsea()),Image.fromarray(data.coffee())


def pictures(*lens, size=(64, 48)):
    "Shots of these lengths"
    return [o for im,n in zip(cycle((CAT, CUP)), lens) for o in travel(im, n, size, (0, 0), (.3, .3))]


def with_sound(silent, path, tracks=1, words=False, samples=15360):
    "The same pictures with tones, and subtitles"
    (path.parent/'words.srt').write_text('1\n00:00:00,100 --> 00:00:00,400\nHello\n\n')
    with av.open(str(silent)) as c, av.open(str(path.parent/'words.srt')) as text, av.open(str(path), 'w') as out:
        v = out.add_stream_from_template(c.streams.video[0])
        v.time_base = c.streams.video[0].time_base
        tones = [out.add_stream('aac', rate=16000, layout='mono') for _ in range(tracks)]
        for o,language in zip(tones, ('eng', 'fra')): o.metadata['language'] = language
        titles = [out.add_stream_from_template(text.streams.subtitles[0])] if words else []
        for i,o in enumerate(tones):
            wave = np.sin(np.arange(samples)*(i + 1)/9).astype(np.float32)[None]
            for at in range(0, samples, 1024):
                f = av.AudioFrame.from_ndarray(wave[:,at:at+1024], format='fltp', layout='mono')
                f.sample_rate,f.pts = 16000,at
                out.mux(o.encode(f))
            out.mux(o.encode(None))
        for s,source in ((v, c), *((t, text) for t in titles)):
            for p in source.demux(**({'video': 0} if s is v else {'subtitles': 0})):
                if not p.size: continue
                p.stream = s
                out.mux(p)
    return path


def inside(path):
    "All that must not change: times of frames, length, shape and turn, packets of sound and words, languages"
    with av.open(str(path)) as c:
        s = c.streams.video[0]
        frames = list(c.decode(s))
        sides = [f.side_data.get('DISPLAYMATRIX') for f in frames]
        times = [round(float(f.pts*f.time_base), 3) for f in frames]
        end = (s.start_time or 0) + s.duration if s.duration else frames[-1].pts + (frames[-1].duration or 0)
        what = dict(times=times, length=round((c.duration or 0)/1e6, 2), size=(frames[0].width, frames[0].height),
            aspect=s.sample_aspect_ratio, matrix=[bytes(o)[:36] if o else None for o in sides],
            along=[o.metadata.get('language') for o in c.streams.audio], end=round(float(end*s.time_base), 3))
    with av.open(str(path)) as c:
        rest = [o for o in c.streams if o.type in ('audio', 'subtitle')]
        packets = [(p.stream.type, p.stream_index, round(float(p.pts*p.time_base), 3), p.duration*(p.pts >= 0),
            bytes(p)) for p in (c.demux(rest) if rest else ()) if p.dts is not None]
    return what | {'packets': sorted(packets, key=lambda o: o[1:3])}


def looks(path):
    "A hash of each decoded frame"
    return [(round(o.time, 3), hashlib.sha256(o.im.tobytes()).hexdigest()) for o in read_frames(path)]


KINDS = dict(film=dict(rate=Fraction(24000, 1001), tracks=2, words=True, suffix='.mkv'), pal=dict(rate=25, tracks=1),
    ntsc=dict(rate=Fraction(30000, 1001)), uneven=dict(times=True, tracks=1), uneven_alone=dict(times=True),
    uneven_mkv=dict(times=True, tracks=1, suffix='.mkv'), odd=dict(size=(853, 479), tracks=1),
    turned=dict(turn=90, rate=25, tracks=1), mirrored=dict(turn=180, mirror=True), wide=dict(aspect=Fraction(16, 11)),
    one=dict(n=(1,), tracks=1), two=dict(n=(2,)), early=dict(n=(1, 7), tracks=1), one_alone=dict(n=(1,), suffix='.mkv'))


@pytest.mark.parametrize('kind', KINDS)
def test_everything_else_is_kept(kind, tmp_path):
    how = dict(KINDS[kind])
    n,tracks,words,suffix = how.pop('n', (6, 4)),how.pop('tracks', 0),how.pop('words', False),how.pop('suffix', '.mp4')
    ims = pictures(*n, size=how.pop('size', (64, 48)))
    if how.pop('times', False):
        how['times'] = list(islice(accumulate(cycle((.02, .05, .31, .04)), initial=0), len(ims)))
    src = write_clip(ims, tmp_path/f'silent{suffix}', **how)
    if tracks: src = with_sound(src, tmp_path/f'film{suffix}', tracks, words)
    dst = tmp_path/f'color{suffix}'
    assert colorize_video(src, dst, size=SIZE).frames == len(ims)
    was,now = inside(src),inside(dst)
    assert now.pop('end') == pytest.approx(was.pop('end'), abs=2e-3), 'MP4 counts in thousandths of a second'
    for k in was: assert now[k] == was[k], k
    kinds = {o[0] for o in was['packets']}
    assert kinds == ({'audio'} if tracks else set()) | ({'subtitle'} if words else set()), 'the test made what it tests'
    if 'uneven' in kind: assert len(set(np.diff(was['times']).round(3))) > 2
    if kind in ('turned', 'mirrored'): assert was['matrix'][0]
    shown = [np.asarray(o.im.convert('L'), int) for o in read_frames(dst)]
    assert np.mean([np.abs(a - np.asarray(o.im.convert('L'))).mean() for a,o in zip(shown, read_frames(src))]) < 14
    assert np.ptp(np.asarray(next(read_frames(dst)).im, int), axis=-1).max() > 20, 'there is color'
    assert not list(tmp_path.glob('.color*'))


@pytest.mark.parametrize('name,codec', [('a.mp4', 'hevc'), ('a.mkv', 'av1'), ('a.webm', None), ('a.mov', 'prores'),
    ('a.mkv', 'ffv1'), ('a.nut', None), ('a.ts', None), ('a.TS', None), ('a.mp4', None)])
@pytest.mark.parametrize('size', [(64, 48), (65, 47)])
def test_codecs(name, codec, size, tmp_path):
    src = write_clip(pictures(5, size=size), tmp_path/'a.mp4', rate=25)
    dst = tmp_path/'out'/name
    assert colorize_video(src, dst, size=SIZE, codec=codec).frames == 5
    with av.open(str(dst)) as c:
        frames,used = list(c.decode(video=0)),c.streams.video[0].codec_context.codec.canonical_name
    assert used == (codec or {'a.webm': 'vp9', 'a.nut': 'ffv1'}.get(name, 'h264'))
    assert len(frames) == 5 and (frames[0].width, frames[0].height) == size
    assert np.diff([float(f.pts*f.time_base) for f in frames]) == pytest.approx([.04]*4, abs=2e-3)


def test_gray_keeps_its_lightness(tmp_path):
    (tmp_path/'in').mkdir()
    grays = [o.convert('L') for o in pictures(5)]
    for i,o in enumerate(grays): o.save(tmp_path/f'in/{i:03}.png')
    colorize_video(tmp_path/'in', tmp_path/'out', size=SIZE, saturation=2)
    colorize_video(tmp_path/'in', tmp_path/'out.mkv', size=SIZE, codec='ffv1', saturation=2)
    with av.open(str(tmp_path/'out.mkv')) as c: stored = [f.to_ndarray(format='rgb24') for f in c.decode(video=0)]
    for i,(o,x) in enumerate(zip(grays, stored)):
        png = np.asarray(Image.open(tmp_path/f'out/{i + 1:05}.png'))
        assert (png == x).all(), 'two lossless ways'
        assert np.abs(light(x)[1] - light(np.asarray(o))[1]).max()*116 < .5
        assert np.ptp(x.astype(int), axis=-1).max() > 20


def test_layouts(tmp_path):
    ims = pictures(4, size=(48, 64))
    upright = write_clip(ims, tmp_path/'a.mp4', crf=4)
    lying = write_clip([o.transpose(Image.Transpose.ROTATE_270) for o in ims], tmp_path/'b.mp4', turn=90, crf=4)
    for src in (upright, lying):
        colorize_video(src, tmp_path/'wide.mkv', size=SIZE, layout='triptych', codec='ffv1', overwrite=True)
        wide = next(read_frames(tmp_path/'wide.mkv')).im
        assert wide.size == (3*48, 64), 'beside each other as they are seen'
        gray,color,truth = (np.asarray(wide.crop((i*48, 0, i*48 + 48, 64)), int) for i in range(3))
        assert np.ptp(gray, axis=-1).max() <= 1 < np.ptp(color, axis=-1).max()
        assert np.abs(truth - np.asarray(ims[0])).mean() < 4
        assert np.abs(light(color.astype(np.uint8))[1] - light(gray.astype(np.uint8))[1]).max()*116 < 1
    colorize_video(lying, tmp_path/'a.gif', size=SIZE, layout='side-by-side')
    with Image.open(tmp_path/'a.gif') as gif: assert (gif.size, gif.n_frames) == ((96, 64), 4)


def test_preview_ends_sound_too(tmp_path):
    src = with_sound(write_clip(pictures(20), tmp_path/'a.mp4', rate=25), tmp_path/'b.mp4')
    assert colorize_video(src, tmp_path/'c.mp4', size=SIZE, preview=.4).frames == 10
    was,now = inside(src),inside(tmp_path/'c.mp4')
    assert now['times'] == was['times'][:10]
    assert now['packets'] == [o for o in was['packets'] if o[2] < .4] != was['packets']


def test_the_same_again(tmp_path):
    src = write_clip(pictures(6, 6), tmp_path/'a.mp4')
    for k in 'bc': colorize_video(src, tmp_path/f'{k}.mp4', size=SIZE)
    assert (tmp_path/'b.mp4').read_bytes() == (tmp_path/'c.mp4').read_bytes()
    for k,seed in zip('de', (None, 3)): colorize_video(src, tmp_path/f'{k}.mp4', PICTURES, size=SIZE, seed=seed)
    assert looks(tmp_path/'d.mp4') != looks(tmp_path/'e.mp4')


@pytest.mark.parametrize('size', [(96, 64), (54, 48), (53, 47)])
def test_a_part_made_again_is_the_same(size, tmp_path):
    clip = write_clip(pictures(8, size=size), tmp_path/'a.mp4')
    c,s = open_reel(clip)
    with c:
        frames = [(f, f.pts) for f in decode(clip, c, s)]
        spec = spec_of(s, frames[0][0], 'h264')
    first = encode_part(spec, frames)
    for i in range(25): assert encode_part(spec, frames) == first, i


def test_one_draw_a_shot():
    seen = []
    model = SimpleNamespace(card=dict(noise=2), ab=lambda L, z: seen.append(tuple(z)))
    list(frame_by_frame(model, seed=5)((None, (i >= 4) + (i >= 6)) for i in range(9)))
    assert [len(set(seen[a:b])) for a,b in ((0, 4), (4, 6), (6, 9), (0, 9))] == [1, 1, 1, 3]


def test_gif(tmp_path):
    src = write_clip(pictures(9), tmp_path/'a.mp4', rate=20)
    colorize_video(src, tmp_path/'a.gif', size=SIZE)
    colorize_video(src, tmp_path/'a', size=SIZE)
    with Image.open(tmp_path/'a.gif') as gif:
        assert (gif.n_frames, gif.info['duration'], gif.size) == (9, 50, (64, 48))
        for i in range(9):
            gif.seek(i)
            png = np.asarray(Image.open(tmp_path/f'a/{i + 1:05}.png'), int)
            assert np.abs(np.asarray(gif.convert('RGB'), int) - png).mean() < 6, '256 colors are near'
    assert sorted(o.name for o in tmp_path.iterdir()) == ['a', 'a.gif', 'a.mp4']


@pytest.mark.parametrize('suffix', ['.mkv', '.nut', '.mp4'])
def test_pipes(suffix, tmp_path):
    src = with_sound(write_clip(pictures(8), tmp_path/'a.mp4', rate=25), tmp_path/f'b{suffix}')
    run = subprocess.run([sys.executable, '-m', 'colorbook', 'video', '-', '-', '--size', str(SIZE)], cwd=ROOT,
        input=src.read_bytes(), capture_output=True, timeout=300)
    assert run.returncode == 0, run.stderr
    (tmp_path/'c.mkv').write_bytes(run.stdout)
    was,now = inside(src),inside(tmp_path/'c.mkv')
    late = now['times'][0] - was['times'][0]  # Matroska knows no time before 0, where sound in MP4 may begin
    assert 0 <= late < .07 and now['times'] == pytest.approx([o + late for o in was['times']], abs=1e-3)
    assert [o[2] for o in now['packets']] == pytest.approx([o[2] + late for o in was['packets']], abs=1e-3), 'in step'
    assert [o[-1] for o in now['packets']] == [o[-1] for o in was['packets']]
    colorize_video(src, tmp_path/'d.mkv', size=SIZE)
    assert looks(tmp_path/'d.mkv') == looks(tmp_path/'c.mkv')


def much_sound(silent, path, tracks=6, seconds=6):
    "The same pictures with so many packets of sound, one a millisecond, that joining takes a while"
    with av.open(str(silent)) as c, av.open(str(path), 'w') as out:
        v,unit = out.add_stream_from_template(c.streams.video[0]),Fraction(1, 8000)
        tracks = [out.add_stream('pcm_s16le', rate=8000, layout='mono') for _ in range(tracks)]
        for p in c.demux(video=0):
            if not p.size: continue
            p.stream = v
            out.mux(p)
        for i,s in ((i, s) for i in range(1000*seconds) for s in tracks):
            p = av.Packet(bytes([i%251])*16)
            p.stream,p.pts,p.dts,p.duration,p.time_base = s,8*i,8*i,8,unit
            out.mux(p)
    return path


WORK = 'import sys; from colorbook.video.colorize import colorize_video; colorize_video(*sys.argv[1:3], size=32)'


def test_killed_ten_times(tmp_path):
    "At any moment, some of them while the film is joined"
    src = much_sound(write_clip(pictures(30, 25, 40, 26, 28), tmp_path/'a.mp4', rate=25), tmp_path/'b.mkv')
    dst,parts,seed = tmp_path/'killed.mkv',tmp_path/'.killed.mkv.parts',random.randrange(10**6)
    print('seed', seed)
    rng,killed,joining,most = random.Random(seed),0,0,0
    begin = lambda name: subprocess.Popen([sys.executable, '-c', WORK, str(src), str(tmp_path/name)], cwd=ROOT)
    start = time.monotonic()
    assert begin('straight.mkv').wait() == 0
    whole = time.monotonic() - start
    def whole_films():
        try: return {o for o in os.listdir(parts) if o.startswith('.film.')}
        except FileNotFoundError: return set()
    joined = lambda: whole_films() - left
    while killed < 10:
        left = whole_films()  # of the run before
        run,wait,start = begin(dst.name),rng.uniform(0, whole),time.monotonic()
        if killed in (4, 9):  # these two in the join, if it is not over too soon
            while run.poll() is None and not joined(): time.sleep(.001)
            wait = rng.uniform(0, .05) + time.monotonic() - start
        while run.poll() is None and time.monotonic() - start < wait: time.sleep(.001)
        run.send_signal(signal.SIGKILL)
        if run.wait() == 0:  # it was done before: look, and once more from the beginning
            assert looks(dst) == looks(tmp_path/'straight.mkv')
            dst.unlink()
            continue
        killed,joining = killed + 1,joining + bool(joined())
        assert run.returncode == -signal.SIGKILL
        if dst.exists():  # killed between its name and the end of its parts
            assert looks(dst) == looks(tmp_path/'straight.mkv')
            dst.unlink()
        most = max(most, len(list(parts.glob('0*.part'))))
        if rng.random() < .2 and (half := parts/'000000.part').exists():
            half.write_bytes(b'[[0,true,9]]\nhalf')  # as a power cut may leave it
    assert joining and most == 5
    assert begin(dst.name).wait() == 0 and not parts.exists()
    assert looks(dst) == looks(tmp_path/'straight.mkv') and inside(dst) == inside(tmp_path/'straight.mkv')
    assert sorted(o.name for o in tmp_path.iterdir()) == ['a.mp4', 'b.mkv', 'killed.mkv', 'straight.mkv']


def test_other_words_begin_anew(tmp_path, monkeypatch):
    src = write_clip(pictures(30, 30), tmp_path/'a.mp4')
    from colorbook.video import colorize as video
    real = video.save_film
    def broken(*a): raise KeyboardInterrupt
    monkeypatch.setattr(video, 'save_film', broken)
    with pytest.raises(KeyboardInterrupt): colorize_video(src, tmp_path/'b.mp4', size=SIZE, saturation=0)
    assert len(list((tmp_path/'.b.mp4.parts').glob('0*.part'))) == 2
    monkeypatch.setattr(video, 'save_film', real)
    colorize_video(src, tmp_path/'b.mp4', size=SIZE)
    colorize_video(src, tmp_path/'c.mp4', size=SIZE)
    assert looks(tmp_path/'b.mp4') == looks(tmp_path/'c.mp4')


def fails(error, words, src, dst, **how):
    "It ends with one line, and nothing is left under the final name or beside it"
    there = set(Path(dst).parent.iterdir()) if Path(dst).parent.is_dir() else set()
    with pytest.raises(error) as e: colorize_video(src, dst, size=SIZE, **how)
    assert words in str(e.value) and e.value.remedy and '\n' not in str(e.value)
    assert there == (set(Path(dst).parent.iterdir()) if Path(dst).parent.is_dir() else set())


def test_faults(tmp_path):
    ims = pictures(40)
    film = write_clip(ims, tmp_path/'a.mp4', codec='mpeg4', b=2000000)
    code,out = film.read_bytes(),tmp_path/'out'
    out.mkdir()
    bad = dict(zero=b'', text=b'this is no film'*99, half=code[:len(code)//2], head=code[:100])
    for k,o in bad.items(): (tmp_path/f'{k}.mp4').write_bytes(o)
    fails(InputError, 'breaks off', tmp_path/'half.mp4', out/'b.mp4')
    for k in ('zero', 'text', 'head', 'missing'): fails(InputError, f'{k}.mp4', tmp_path/f'{k}.mp4', out/'b.mp4')
    (tmp_path/'wrong.avi').write_bytes(code)
    assert colorize_video(tmp_path/'wrong.avi', tmp_path/'fine.mp4', size=SIZE, preview=.1).frames == 3
    mkv = write_clip(ims[:3], tmp_path/'a.mkv').read_bytes()
    (tmp_path/'strange.mkv').write_bytes(mkv.replace(b'V_MPEG4/ISO/AVC', b'V_MPEG9/ISO/AVC'))
    fails(InputError, 'no decoder', tmp_path/'strange.mkv', out/'b.mp4')
    fails(UsageError, 'suffix', film, out/'b.txt')
    fails(UsageError, "no codec 'h265'", film, out/'b.mp4', codec='h265')
    fails(UsageError, 'layout', film, out/'b.mp4', layout='all')
    fails(UsageError, 'itself', film, film)
    fails(OutputError, 'cannot write', film, film/'b.mp4')
    words = with_sound(write_clip(ims[:5], tmp_path/'s.mp4'), tmp_path/'words.mkv', 1, True)
    fails(OutputError, 'subtitles, subrip; name an .mkv, or leave them out: --drop-subtitles', words, out/'b.ts')
    with pytest.warns(UserWarning, match='breaks off'):
        done = colorize_video(tmp_path/'half.mp4', out/'half.mp4', size=SIZE, skip_bad=True)
    assert 10 < done.frames < 40 and done.frames == len(looks(out/'half.mp4'))


def test_faults_on_the_command_line(tmp_path, capsys):
    "One line with a remedy and an exit code; nothing under the final name and nothing beside it"
    film = write_clip(pictures(6), tmp_path/'a.mp4')
    (tmp_path/'zero.mp4').write_bytes(b'')
    (tmp_path/'text.mkv').write_text('no film')
    (tmp_path/'half.mp4').write_bytes(film.read_bytes()[:-900])
    whole = write_clip(pictures(3), tmp_path/'c.mkv').read_bytes()
    (tmp_path/'strange.mkv').write_bytes(whole.replace(b'V_MPEG4/ISO/AVC', b'V_MPEG9/ISO/AVC'))
    (tmp_path/'locked').mkdir(mode=0o555)
    locked = tmp_path/'locked' if os.geteuid() else Path('/proc')  # nothing is read-only for root but this
    there = sorted(tmp_path.rglob('*'))
    for src,dst,code in (('zero.mp4', 'b.mp4', 3), ('text.mkv', 'b.mp4', 3), ('half.mp4', 'b.mp4', 3),
            ('none.mp4', 'b.mp4', 3), ('strange.mkv', 'b.mp4', 3), (film, 'b.xyz', 2), (film, locked/'b.mp4', 4),
            (film, film/'b.mp4', 4), (film, 'c.mkv', 4)):
        assert main(['video', str(tmp_path/src), str(tmp_path/dst), '--size', '32']) == code, src
        said = capsys.readouterr().err
        assert re.fullmatch(r'colorbook: [^\n]+[;:,] [^\n]+\n', said), said
        assert sorted(tmp_path.rglob('*')) == there and not (locked/'b.mp4').exists()


def test_full_disk(tmp_path):
    src = write_clip(pictures(30, 30), tmp_path/'a.mp4')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (3000, 60000):  # for a part; for the whole film
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
            with pytest.raises(OutputError, match='cannot write .*make room'):
                how = dict(codec='ffv1') if limit < 9999 else dict(quality=0)
                colorize_video(src, tmp_path/'b.mkv', size=SIZE, **how)
        finally: resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert not (tmp_path/'b.mkv').exists()
    assert colorize_video(src, tmp_path/'b.mkv', size=SIZE, quality=0).frames == 60


VIDEO = [sys.executable, '-m', 'colorbook', 'video']


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='there is no device that is always full')
def test_full_pipe(tmp_path):
    src = write_clip(pictures(30), tmp_path/'a.mp4')
    with open('/dev/full', 'wb') as full:
        run = subprocess.run([*VIDEO, str(src), '-', '--size', '32'], cwd=ROOT, stdout=full, stderr=subprocess.PIPE)
    assert run.returncode == 4 and run.stderr.count(b'\n') == 1 and b'No space left' in run.stderr, run.stderr


def test_full_file_system(tmp_path):
    (tmp_path/'small').mkdir()
    src = write_clip(pictures(30, 30), tmp_path/'a.mp4')
    mount = f'mount -t tmpfs -o size=64k none {tmp_path}/small'
    own = lambda command: ['unshare', '-rm', 'sh', '-c', f'{mount} && {command}']
    if not shutil.which('unshare') or subprocess.run(own('true'), capture_output=True).returncode:
        pytest.skip('a file system of our own cannot be mounted here')
    run = subprocess.run([*own('"$@"; echo $? $(ls -A small)'), 'sh', *VIDEO, str(src), 'small/b.mkv', '--size', '32',
        '--codec', 'ffv1'], cwd=tmp_path, capture_output=True, text=True, env=os.environ | {'PYTHONPATH': str(ROOT)})
    code,*left = run.stdout.split()
    assert code == '4' and 'b.mkv' not in left and run.stderr.count('\n') == 1 and 'No space left' in run.stderr


@pytest.mark.parametrize('codec,suffix', [('mpeg4', '.mp4'), ('libx264', '.mp4'), ('libx264', '.mkv')])
def test_damage_in_the_middle(codec, suffix, tmp_path):
    options = dict(b=2000000) if codec == 'mpeg4' else dict(g=12, crf=12)
    silent = write_clip(pictures(30, 30), tmp_path/f'a{suffix}', rate=30, codec=codec, **options)
    film = with_sound(silent, tmp_path/f'b{suffix}')
    whole,code = inside(film),bytearray(film.read_bytes())
    with av.open(str(film)) as c: at,size = [(p.pos, p.size) for p in c.demux(video=0) if p.size][40]
    first = at + size//4 if suffix == '.mp4' else code.index(bytes(code[at:at + 12])) + size//4
    code[first:first + size//2] = bytes(size//2)
    film.write_bytes(code)
    with pytest.warns(UserWarning, match=r'damaged (near|at) 1\.\d+ s'):
        done = colorize_video(film, tmp_path/f'c{suffix}', size=SIZE)
    now = inside(tmp_path/f'c{suffix}')
    assert done.notes and 40 <= done.frames < 60 and set(now['times']) < set(whole['times'])
    assert {whole['times'][0], whole['times'][-1]} <= set(now['times']), 'it goes on after the damage'
    assert now['packets'] == whole['packets'] and len(now['packets']) >= 15, 'the sound is what it was'
    true = {round(o.time, 2): np.asarray(o.im.convert('L'), int) for o in read_frames(silent)}
    off = {o.time: np.abs(np.asarray(o.im.convert('L')) - true[round(o.time, 2)]).mean()
        for o in read_frames(tmp_path/f'c{suffix}')}
    assert max(off.values()) < 30 and max(v for k,v in off.items() if not 1.2 < k < 1.8) < 14, 'each at its own time'


def test_more_bits_and_higher_range(tmp_path):
    "Ten bits look as eight do; PQ and HLG look like a common film, and say so"
    def write(path, trc, levels):
        with av.open(str(path), 'w') as c:
            s = c.add_stream('libx264', rate=25, options=dict(crf='4'))
            s.width,s.height,s.pix_fmt = 64,48,'yuv420p10le'
            ctx,own = s.codec_context,(1, 1) if trc == 1 else (9, 9)
            ctx.color_trc,ctx.color_primaries,ctx.colorspace,ctx.color_range = trc,*own,1
            for i in range(6):
                f = av.VideoFrame(64, 48, 'yuv420p10le')
                for p,x in zip(f.planes, (levels, np.full((24, 32), 512), np.full((24, 32), 512))):
                    np.frombuffer(p, np.uint16).reshape(p.height, -1)[:,:p.width] = x
                f.pts = i
                c.mux(s.encode(f))
            c.mux(s.encode())
        return path
    ramp = np.linspace(64, 940, 64).astype(int)[None].repeat(48, 0)
    for trc in (1, 16, 18):
        src = write(tmp_path/f'{trc}.mp4', trc, ramp)
        how = dict(quality=4, layout='triptych', overwrite=True)
        done = colorize_video(src, tmp_path/'c.mkv', size=SIZE, **how)
        assert done.frames == 6 and any('high dynamic range' in o for o in done.changes) == (trc != 1)
        with av.open(str(tmp_path/'c.mkv')) as c: f = next(c.decode(video=0))
        assert f.format.name == 'yuv420p' and (f.color_trc, f.color_primaries, f.colorspace) == (1, 1, 1)
        wide = np.frombuffer(f.planes[0], np.uint8).reshape(48, -1)[24].astype(int)
        luma,truth = wide[64:128],wide[128:192]
        assert (np.diff(luma) >= -3).all() and luma[0] < 22 and luma[-1] > 228
        assert np.abs(truth - luma).mean() < 4, 'the truth of a gray film is gray'
        if trc == 1: assert np.abs(luma - np.linspace(16, 235, 64)).max() < 6
        if trc == 16: assert 220 < luma[38] <= 240 and np.ptp(luma[42:]) < 9, '203 candelas are white'
        if trc == 18: assert 210 < luma[48] <= 240 and 70 < luma[24] < 150


@pytest.mark.parametrize('suffix', ['.mkv', '.mp4'])
def test_chapters_and_fonts(suffix, tmp_path):
    chapters = [dict(id=i, start=i*200, end=i*200 + 200, time_base=Fraction(1, 1000), metadata={'title': o})
        for i,o in enumerate(('Dawn', 'Noon'))]
    with av.open(str(write_clip(pictures(10), tmp_path/'a.mp4', rate=25))) as c:
        with av.open(str(tmp_path/f'b{suffix}'), 'w') as out:
            v = out.add_stream_from_template(c.streams.video[0])
            if suffix == '.mkv': out.add_attachment('letters.ttf', 'application/x-truetype-font', b'letters'*20)
            out.set_chapters(chapters)
            for p in c.demux(video=0):
                if not p.size: continue
                p.stream = v
                out.mux(p)
    def told(path):
        with av.open(str(path)) as c:
            times = lambda o: [float(o[k]*o['time_base']) for k in ('start', 'end')]
            told = [(o['metadata']['title'], *times(o)) for o in c.chapters()]
            return told,[(o.name, o.mimetype, bytes(o.data)) for o in c.streams if o.type == 'attachment']
    colorize_video(tmp_path/f'b{suffix}', tmp_path/f'c{suffix}', size=SIZE)
    assert told(tmp_path/f'c{suffix}') == told(tmp_path/f'b{suffix}')
    assert [len(o) for o in told(tmp_path/f'c{suffix}')] == [2, suffix == '.mkv']
    colorize_video(tmp_path/f'b{suffix}', tmp_path/f'd{suffix}', size=SIZE, preview=.3)
    assert told(tmp_path/f'd{suffix}')[0] == [('Dawn', 0, .2), ('Noon', .2, pytest.approx(.3, abs=.002))]


def on_terminal(args, stop=None):
    "Exit code and all that a terminal shows; `stop` sees it growing and says when to press Control-C"
    me,its = pty.openpty()
    run = subprocess.Popen([*VIDEO, *map(str, args)], cwd=ROOT, stdin=its, stdout=its, stderr=its,
        start_new_session=True, env=os.environ | {'TERM': 'xterm', 'COLUMNS': '100'},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))  # a job behind & ignores it
    os.close(its)
    shown,sent = b'',False
    while True:
        if select.select([me], [], [], .02)[0]:
            try: shown += os.read(me, 9999)
            except OSError: break
        if stop and not sent and stop(shown):
            run.send_signal(signal.SIGINT)
            sent = True
    os.close(me)
    return run.wait(),re.sub(r'\x1b\[[?\d;]*\w', '', shown.decode())


def test_on_a_terminal(tmp_path):
    "A bar with the time that is left, one line at the end; Control-C keeps what is done"
    src = write_clip(pictures(*[30]*8), tmp_path/'a.mp4', rate=25)
    parts,dst = tmp_path/'.b.mp4.parts',tmp_path/'b.mp4'
    code,shown = on_terminal([src, dst, '--size', 32], lambda _: len(list(parts.glob('0*.part'))) >= 2)
    assert code == 130 and not dst.exists() and 'the same command goes on' in shown and 'Traceback' not in shown
    kept = len(list(parts.glob('0*.part')))
    assert kept >= 2
    code,shown = on_terminal([src, dst, '--size', 32])
    assert code == 0 and 'coloring' in shown and re.search(r'\d+%.* \d:\d\d:\d\d', shown), shown
    last = re.findall(r'240 frames, (\d+) of them from an earlier run, in [\d.]+ s: [\d.]+ frames/s', shown)
    assert last == [str(30*kept)], shown
    assert '100%' in shown, 'the bar counts what is left to do'
    colorize_video(src, tmp_path/'c.mp4', size=SIZE)
    assert looks(dst) == looks(tmp_path/'c.mp4') and not parts.exists()


def test_odd_folders(tmp_path):
    (tmp_path/'in').mkdir()
    with pytest.raises(InputError, match='no pictures'): colorize_video(tmp_path/'in', tmp_path/'a.mp4')
    for i in (1, 2, 10): CAT.resize((64, 48)).save(tmp_path/f'in/frame{i}.png')
    assert colorize_video(tmp_path/'in', tmp_path/'a.mp4', size=SIZE).frames == 3
    (tmp_path/'a.mp4').unlink()
    (tmp_path/'full').mkdir()
    (tmp_path/'full/mine.txt').write_text('mine')
    src = write_clip(pictures(2), tmp_path/'b.mp4')
    with pytest.raises(OutputError, match='full'): colorize_video(src, tmp_path/'full', size=SIZE)
    assert [o.name for o in (tmp_path/'full').iterdir()] == ['mine.txt']


def test_packets_may_be_decoded_in_time():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.integers(1, 900, 90)).tolist()
    parts = []
    for i in range(0, 90, 30):  # as B-frames are stored: 0 3 1 2 6 4 5
        t = times[i:i+30]
        order = [0, *(j for k in range(3, 30, 3) for j in (k, k - 2, k - 1)), 28, 29]
        parts.append([EncodedFrame(t[j], j == 0, b'') for j in order])
    out = list(with_timestamps(parts, 3, 40, lambda: 7))
    early = [t for _,t,_ in out]
    assert all(a < b for a,b in zip(early, early[1:])) and all(t <= o.pts for o,t,_ in out)
    assert [d for *_,d in sorted(out, key=lambda o: o[0].pts)] == [*np.diff(times), 7]


def film_of(n, cuts=(0,), seed=0):
    "Frames of noise that moves, with colors of noise"
    rng = np.random.default_rng(seed)
    wide = np.asarray(CAT.convert('L').resize((240, 64)), np.float32)/255
    frame = lambda i: SimpleNamespace(L=wide[:,3*i:3*i+96], cut=i in cuts, i=i)
    return [(frame(i), rng.normal(0, .3, (2, 16, 24)).astype(np.float32)) for i in range(n)]


def test_nothing_crosses_a_cut():
    frames = film_of(20, (0, 9))
    apart = [ab for run in (frames[:9], frames[9:]) for _,ab in stabilize(iter(run))]
    assert (np.stack([ab for _,ab in stabilize(iter(frames))]) == np.stack(apart)).all()
    joined = np.stack([ab for _,ab in stabilize(iter(film_of(20)))])
    differ = (joined != np.stack(apart)).any((1, 2, 3))
    assert differ[3:15].all() and not differ[:3].any() and not differ[15:].any(), 'six frames, and no farther'


def test_begun_in_the_middle():
    frames = film_of(20)
    whole,part = (np.stack([ab for _,ab in stabilize(iter(o))]) for o in (frames, frames[7:]))
    assert (whole[13:] == part[6:]).all()


def test_it_looks_at_few_frames():
    taken = []
    def source():
        for o in film_of(30): taken.append(o[0].i); yield o
    for i,_ in enumerate(stabilize(source())): assert len(taken) - i <= 7
    assert i == 29


def test_sound_may_be_longer_than_pictures(tmp_path):
    src = with_sound(write_clip(pictures(8), tmp_path/'a.mp4', rate=25), tmp_path/'b.mkv', samples=81920)
    done = colorize_video(src, tmp_path/'c.mkv', size=SIZE)
    was,now = inside(src),inside(tmp_path/'c.mkv')
    assert done.frames == 8 and (was['times'], was['packets']) == (now['times'], now['packets'])


def test_a_pipe_becomes_a_transport_stream_that_plays(tmp_path):
    src = write_clip(pictures(6), tmp_path/'b.mkv', rate=25)
    words = [sys.executable, '-m', 'colorbook', 'video', '-', '--size', str(SIZE)]
    def run(dst): return subprocess.run([*words, tmp_path/dst], cwd=ROOT, input=src.read_bytes(), capture_output=True)
    assert run('c.ts').returncode == 0
    assert len(list(read_frames(tmp_path/'c.ts'))) == 6
    assert (run('c.gif').returncode, run('frames').returncode) == (2, 2)


@pytest.mark.parametrize('tag', [2, 9])
def test_matrices_of_large_and_tagged_films(tag, tmp_path):
    "What says nothing and is large follows Rec. 709; what says Rec. 2020 is written as what it then says"
    lot = Image.new('RGB', (1280, 720), (30, 200, 40))
    with av.open(str(tmp_path/'a.mkv'), 'w') as out:
        s = out.add_stream('ffv1', rate=25)
        s.width,s.height,s.pix_fmt = *lot.size,'yuv444p'
        f = av.VideoFrame.from_image(lot).reformat(format='yuv444p', dst_colorspace='ITU709')
        if tag != 2: f.colorspace = s.codec_context.colorspace = tag
        out.mux(s.encode(f)); out.mux(s.encode(None))
    colorize_video(tmp_path/'a.mkv', tmp_path/'b.mkv', size=SIZE, layout='triptych')
    x = np.asarray(next(read_frames(tmp_path/'b.mkv')).im, int)
    true = np.asarray(next(read_frames(tmp_path/'a.mkv')).im, int)[360,640]
    gray,shown = x[360,640],x[360,2*1280 + 640]
    assert np.abs(shown - true).max() <= 6
    assert abs(116*(light(np.uint8(gray[None,None]))[1] - light(np.uint8(true[None,None]))[1]).item()) < 2.5


def test_names_rates_and_sizes_that_surprise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_clip(pictures(4), tmp_path/'Alien: one.mp4', rate=25)
    assert colorize_video('Alien: one.mp4', 'Alien: two.mp4', size=SIZE).frames == 4
    (tmp_path/'in').mkdir()
    for i,o in enumerate(pictures(6)): (o if i < 3 else o.rotate(90, expand=True)).save(tmp_path/f'in/{i:05}.png')
    assert colorize_video('in', 'out.mp4', size=SIZE).frames == 6
    for rate in (0, -1, float('nan')):
        with pytest.raises(UsageError, match='rate'): colorize_video('in', 'no.mp4', size=SIZE, rate=rate)
    with pytest.raises(UsageError, match='quality'): colorize_video('in', 'no.mov', codec='prores', quality=5)
