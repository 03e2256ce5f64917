"What becomes of which kind of film: each is made here, colored and read again by FFmpeg"
import io, re, subprocess, sys, tempfile, warnings
from fractions import Fraction
from pathlib import Path

import av, numpy as np, pytest
from PIL import Image, ImageOps
from skimage import data

import book
from colorbook.cli.app import main
from colorbook.core import ColorbookError, InputError, OutputError, UsageError
from colorbook.data.synthetic import travel
from colorbook.video.along import codec_name
from colorbook.video.colorize import colorize_video
from colorbook.video.read import read_frames, write_clip

sys.path.insert(0, str(book.ROOT/'benchmarks'))
import containers

SIZE = 32
CAT,CUP = Image.fromarray(data.chelsea()),Image.fromarray(data.coffee())
pictures = lambda n, size=(64, 48): list(travel(CAT, n, size, (0, 0), (.3, .3)))


def said_by(*args, **how):
    "What `colorize_video` says, and what it gives"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        done = colorize_video(*args, size=SIZE, stabilize=0, **how)
    return done,[str(o.message) for o in said if o.category is UserWarning]


def streams(path):
    "Kind and codec of all streams"
    with av.open(str(path)) as c: return [(s.type, codec_name(s)) for s in c.streams]


def frames(path):
    with av.open(str(path)) as c: return list(c.decode(video=0))


@pytest.mark.parametrize('row', containers.combinations()[::3], ids='-'.join)
def test_combinations(row, tmp_path): containers.outcome(row, tmp_path)


def test_there_are_sixty_combinations():
    rows = containers.combinations()
    assert len(rows) == len(set(rows)) == 60
    for i,names in enumerate(('mp4 mov mkv webm avi ts mpg wmv flv nut', None, None, None, 'mp4 mkv webm ts mov')):
        if names: assert {o[i] for o in rows} == {*names.split()}
    for k,(pics,sound,words) in containers.SOURCES.items():
        for i,o in ((1, pics.split()), (2, sound.split()), (3, words)): assert {r[i] for r in rows if r[0] == k} == {*o}


@pytest.mark.parametrize('suffix', ['mp4', 'mkv', 'mov', 'ts'])
def test_sound_of_a_transport_stream(suffix, tmp_path):
    src = containers.make(tmp_path/'a.ts', 'libx264', 'aac', '')
    done,said = said_by(src, tmp_path/f'b.{suffix}')
    was,now = containers.inside(src),containers.inside(tmp_path/f'b.{suffix}')
    assert not said and containers.alike(was['packets'], now['packets']) and len(now['packets']) > 40
    assert (was['sound'] == now['sound']).mean() > .99 and not list(tmp_path.glob('.b*'))


def test_through_a_pipe(tmp_path):
    "An MP4 with its index at the end, larger than what FFmpeg keeps of it"
    src = containers.make(tmp_path/'a.mp4', 'libx264', 'aac', '')
    code = src.read_bytes()
    assert code.index(b'mdat') < code.index(b'moov')
    big = tmp_path/'big.mp4'
    with av.open(str(big), 'w') as out:
        s = out.add_stream('libx264', rate=25, options={'qp': '0'})
        s.width,s.height,s.pix_fmt = 320,240,'yuv420p'
        rng = np.random.default_rng(1)
        for _ in range(8):
            f = av.VideoFrame.from_ndarray(rng.integers(0, 256, (240, 320), np.uint8), format='gray')
            out.mux(s.encode(f.reformat(format='yuv420p')))
        out.mux(s.encode(None))
    assert big.stat().st_size > 300000
    for o,n in ((src, 25), (big, 8)):
        run = subprocess.run([sys.executable, '-m', 'colorbook', 'video', '-', '-', '--size', '32', '--stabilize', '0'],
            cwd=book.ROOT, input=o.read_bytes(), capture_output=True)
        assert run.returncode == 0, run.stderr
        (tmp_path/'c.mkv').write_bytes(run.stdout)
        assert len(frames(tmp_path/'c.mkv')) == n


def test_sound_of_a_transport_stream_through_a_pipe(tmp_path):
    "AAC there has no header; Matroska wants one at once where it cannot go back"
    src = containers.make(tmp_path/'a.ts', 'libx264', 'aac', '')
    words = [sys.executable, '-m', 'colorbook', 'video', str(src), '-', '--size', '32', '--stabilize', '0']
    run = subprocess.run(words, cwd=book.ROOT, capture_output=True)
    assert run.returncode == 0 and b'converted from aac to aac' in run.stderr, run.stderr
    (tmp_path/'c.mkv').write_bytes(run.stdout)
    assert streams(tmp_path/'c.mkv') == [('video', 'h264'), ('audio', 'aac')]
    with av.open(str(tmp_path/'c.mkv')) as c: assert sum(f.samples for f in c.decode(audio=0)) > 1000


def test_drop_and_refuse(tmp_path):
    src = containers.make(tmp_path/'a.mkv', 'libx264', 'aac', 'subrip')
    with pytest.raises(OutputError, match='cannot hold the subtitles, subrip.*--drop-subtitles'):
        said_by(src, tmp_path/'b.ts')
    assert [o.name for o in tmp_path.iterdir()] == ['a.mkv']
    _,said = said_by(src, tmp_path/'b.ts', drop_subtitles=True)
    assert streams(tmp_path/'b.ts') == [('video', 'h264'), ('audio', 'aac')] and 'left out, as asked for' in said[0]
    _,said = said_by(src, tmp_path/'c.mkv', drop_sound=True)
    assert streams(tmp_path/'c.mkv') == [('video', 'h264'), ('subtitle', 'subrip')] and len(said) == 1
    for codec in ('av1', 'vp9', 'ffv1', 'prores'):
        with pytest.raises(UsageError, match=f'cannot hold {codec}'): said_by(src, tmp_path/'d.ts', codec=codec)
    _,said = said_by(src, tmp_path/'frames')
    assert len([o for o in said if 'only pictures' in o]) == 2


def test_overwrite_only_when_told(tmp_path):
    src,dst = write_clip(pictures(3), tmp_path/'a.mp4'),tmp_path/'b.mp4'
    dst.write_bytes(b'mine')
    with pytest.raises(OutputError, match='there already.*overwrite'): said_by(src, dst)
    assert dst.read_bytes() == b'mine'
    assert said_by(src, dst, overwrite=True)[0].frames == 3 == len(frames(dst))
    assert said_by(src, tmp_path/'c.mp4', preview=float('inf'))[0].frames == 3
    for o in (float('-inf'), float('nan'), 0):
        with pytest.raises(UsageError, match='preview'): said_by(src, tmp_path/'d.mp4', preview=o)
    for codec,worst in dict(h264=51, hevc=51, av1=63, vp9=63).items():
        for q in (-1, worst + 1):
            with pytest.raises(UsageError, match=f'quality {q} is not in 0..{worst}'):
                said_by(src, tmp_path/'d.mkv', codec=codec, quality=q)


@pytest.mark.parametrize('words', [('video', '', 'b.mp4'), ('video', 'frames', ''), ('video', 'frames', ' '),
                                   ('play', '', '--no-wait')], ids=str)
def test_an_empty_name_is_not_this_folder(words, tmp_path, monkeypatch, capsys):
    (tmp_path/'frames').mkdir()
    for folder in (tmp_path, tmp_path/'frames'): Image.new('L', (32, 32), 99).save(folder/'1.png')
    monkeypatch.chdir(tmp_path)
    assert main(list(words)) == 2 and 'a name is empty' in capsys.readouterr().err
    assert sorted(o.name for o in tmp_path.iterdir()) == ['1.png', 'frames']


def test_two_runs_on_one_film(tmp_path):
    "The later one says so at once; a run that was killed holds nothing"
    src = write_clip(pictures(3), tmp_path/'a.mp4')
    hold = "import sys,time; from colorbook.video.parts import Parts; p = Parts(sys.argv[1], {})\n"
    words = [sys.executable, '-c', hold + 'print("on", flush=True)\ntime.sleep(99)', str(tmp_path/'b.mp4')]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=book.ROOT) as run:
        assert run.stdout.readline() == b'on\n'
        with pytest.raises(OutputError, match='another run'): said_by(src, tmp_path/'b.mp4')
        assert not (tmp_path/'b.mp4').exists()
        run.kill()
    assert said_by(src, tmp_path/'b.mp4')[0].frames == 3
    assert sorted(o.name for o in tmp_path.iterdir()) == ['a.mp4', 'b.mp4']


def with_exif(im, path, orientation):
    exif = Image.Exif()
    exif[274],exif[306] = orientation,'1999:12:31 23:59:59'
    im.save(path, exif=exif, quality=95)


def test_frames_with_exif(tmp_path):
    (tmp_path/'in').mkdir()
    face = pictures(1)[0]
    for i in (1, 2): with_exif(face.transpose(Image.Transpose.ROTATE_90), tmp_path/f'in/{i:03}.jpg', 6)
    assert said_by(tmp_path/'in', tmp_path/'b.mp4')[0].frames == 2
    im = next(read_frames(tmp_path/'b.mp4')).im.convert('L')
    assert im.size == face.size and np.abs(np.asarray(im, int) - np.asarray(face.convert('L'))).mean() < 12


def raw_dv(path):
    with av.open(str(path), 'w') as out:
        s = out.add_stream('dvvideo', rate=25)
        s.width,s.height,s.pix_fmt = 720,576,'yuv420p'
        f = av.VideoFrame.from_image(CAT.resize((720, 576))).reformat(format='yuv420p')
        for _ in range(3): out.mux(s.encode(f))
        out.mux(s.encode(None))
    return path


def test_raw_dv_has_a_rate(tmp_path):
    raw_dv(tmp_path/'a.dv')
    for suffix in ('mp4', 'mkv'):
        said_by(tmp_path/'a.dv', tmp_path/f'b.{suffix}')
        with av.open(str(tmp_path/f'b.{suffix}')) as c:
            assert c.streams.video[0].average_rate == 25 and c.streams.video[0].sample_aspect_ratio == Fraction(16, 15)
            assert np.diff([float(f.pts*f.time_base) for f in c.decode(video=0)]) == pytest.approx([.04]*2, abs=2e-3)


def with_gap(path):
    with av.open(str(path), 'w') as out:
        s = out.add_stream('mjpeg', rate=25)
        s.width,s.height,s.pix_fmt = 64,48,'yuvj420p'
        for i,o in enumerate(pictures(20)):
            f = av.VideoFrame.from_image(o).reformat(format='yuvj420p')
            f.pts,f.time_base = i + 3*(i >= 10),Fraction(1, 25)
            out.mux(s.encode(f))
        out.mux(s.encode(None))
    return path


def test_a_gap_in_avi_is_no_damage(tmp_path):
    with_gap(tmp_path/'a.avi')
    done,said = said_by(tmp_path/'a.avi', tmp_path/'b.mp4')
    times = [float(f.pts*f.time_base) for f in frames(tmp_path/'b.mp4')]
    assert done.frames == 20 and not done.notes and np.diff(times).max() == pytest.approx(.16, abs=.01)
    code = (tmp_path/'a.avi').read_bytes()
    (tmp_path/'half.avi').write_bytes(code[:len(code)//2])
    with pytest.raises(InputError, match='breaks off'): said_by(tmp_path/'half.avi', tmp_path/'c.mp4')


def moment(t):
    "A bright square on its way"
    x = np.full((96, 128), 40, np.uint8)
    x[24:72,8 + 4*t:48 + 4*t] = 220
    return x


def interlaced(path, first=0, n=6):
    "Two moments in each frame; `first` says whose rows come first"
    with av.open(str(path), 'w') as out:
        s = out.add_stream('libx264', rate=25)
        s.width,s.height,s.pix_fmt = 128,96,'yuv420p'
        s.options = {'crf': '2', 'x264-params': f'{"bff" if first else "tff"}=1'}
        for i in range(n):
            x = moment(2*i)
            x[1 - first::2] = moment(2*i + 1)[1 - first::2]
            out.mux(s.encode(av.VideoFrame.from_ndarray(x, format='gray').reformat(format='yuv420p')))
        out.mux(s.encode(None))
    return path


def combs(f):
    "How much rows differ from the mean of the rows above and below"
    x = f.to_ndarray(format='gray')[26:70].astype(int)
    return np.abs(2*x[1:-1] - x[:-2] - x[2:]).mean()


@pytest.mark.parametrize('first', [0, 1])
def test_interlaced(first, tmp_path):
    src = interlaced(tmp_path/'a.mkv', first=first)
    was = frames(src)
    assert all(f.interlaced_frame for f in was) and combs(was[2]) > 8
    _,said = said_by(src, tmp_path/'b.mp4')
    whole = frames(tmp_path/'b.mp4')
    assert not any(f.interlaced_frame for f in whole) and combs(whole[2]) < combs(was[2])/4
    assert said == ['interlaced frames were made whole; --keep-interlaced keeps their fields'] and len(whole) == 6
    for suffix in ('mp4', 'mkv', 'ts', 'mov'):
        _,said = said_by(src, tmp_path/f'c.{suffix}', keep_interlaced=True, quality=4)
        kept = frames(tmp_path/f'c.{suffix}')
        assert all(f.interlaced_frame for f in kept) and not said
        with av.open(str(tmp_path/f'c.{suffix}')) as c:
            next(c.decode(video=0))
            assert c.streams.video[0].codec_context.field_order in ((3, 4) if first else (2, 5)), suffix
        gray = lambda f: f.to_ndarray(format='gray').astype(int)
        assert max(np.abs(gray(a) - gray(b)).mean() for a,b in zip(was, kept)) < 4, 'the same moments in the same rows'
    with pytest.raises(UsageError, match='cannot keep interlaced'):
        said_by(src, tmp_path/'d.mkv', keep_interlaced=True, codec='vp9')


@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv', 'a.webm', 'a.mov', 'a.ts', 'hevc.mkv', 'vp9.mkv',
    'vp9.mp4', 'av1.mkv', 'av1.mp4', 'av1.webm', 'ffv1.mkv', 'prores.mov'])
@pytest.mark.parametrize('aspect', [Fraction(16, 15), Fraction(8, 9)])
def test_pixels_keep_their_shape(name, aspect, tmp_path):
    src = write_clip(pictures(3, (90, 64)), tmp_path/'src.mp4', aspect=aspect)
    codec = None if name[0] == 'a' and name[1] == '.' else name.split('.')[0]
    _,said = said_by(src, tmp_path/name, codec=codec)
    with av.open(str(tmp_path/name)) as c:
        f,shape = next(c.decode(video=0)),c.streams.video[0].sample_aspect_ratio
    assert shape == aspect and (f.width, f.height) == (90, 64) and not said
    with av.open(str(tmp_path/name)) as c:
        c.seek(0)
        assert len(list(c.decode(video=0))) == 3


def test_or_the_picture_does(tmp_path):
    src = write_clip(pictures(3, (90, 64)), tmp_path/'src.mp4', aspect=Fraction(16, 15))
    _,said = said_by(src, tmp_path/'a.nut')
    assert said == ['pixels are made square, which keeps the shape of the picture']
    assert frames(tmp_path/'a.nut')[0].width == 96


@pytest.mark.parametrize('full', [False, True])
@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv', 'a.webm', 'a.ts', 'hevc.mp4', 'av1.mkv', 'prores.mov'])
def test_range(name, full, tmp_path):
    "Black is black and white is white, whatever numbers stand for them"
    with av.open(str(tmp_path/'src.mkv'), 'w') as out:
        s = out.add_stream('libx264', rate=25, options={'crf': '1'})
        s.width,s.height,s.pix_fmt = 64,48,'yuvj420p' if full else 'yuv420p'
        s.codec_context.color_range = 2 if full else 1
        for _ in range(40 if name[-2:] == 'ts' else 3):  # FFmpeg reads no transport stream of so few bytes
            f = av.VideoFrame(64, 48, s.pix_fmt)
            for p,v in zip(f.planes, (np.repeat([0, 255] if full else [16, 235], 32)[None].repeat(48, 0), 128, 128)):
                np.frombuffer(p, np.uint8).reshape(p.height, -1)[:,:p.width] = v
            f.color_range = 2 if full else 1
            out.mux(s.encode(f))
        out.mux(s.encode(None))
    said_by(tmp_path/'src.mkv', tmp_path/name, codec=None if name[:2] == 'a.' else name.split('.')[0], saturation=0)
    f = frames(tmp_path/name)[1]
    x = f.to_ndarray(format='gray').astype(int)
    assert f.color_range in (0, 1) and x[20:28,4:28].max() <= 4 and x[20:28,36:60].min() >= 251, x[24,::8]


def deep(path, n=3):
    "A ramp of ten bits, without loss"
    ramp = np.linspace(64, 940, 876).round().astype(np.uint16)[None].repeat(64, 0)
    with av.open(str(path), 'w') as out:
        s = out.add_stream('ffv1', rate=25)
        s.width,s.height,s.pix_fmt = 876,64,'yuv422p10le'
        for _ in range(n):
            f = av.VideoFrame(876, 64, 'yuv422p10le')
            for p,v in zip(f.planes, (ramp, 512, 512)):
                np.frombuffer(p, np.uint16).reshape(p.height, -1)[:,:p.width] = v
            out.mux(s.encode(f))
        out.mux(s.encode(None))
    return path,(ramp[0].astype(float) - 64)/876


@pytest.mark.parametrize('name,bits', [('prores.mov', 10), ('ffv1.mkv', 10), ('hevc.mkv', 10), ('av1.mkv', 10),
    ('vp9.webm', 10), ('folder', 16), ('h264.mp4', 8)])
def test_ten_bits(name, bits, tmp_path):
    src,true = deep(tmp_path/'src.mkv')
    codec,dst = name.split('.')[0],tmp_path/name
    how = dict(quality=4) if codec in ('hevc', 'av1', 'vp9', 'h264') else {}
    _,said = said_by(src, dst, codec=None if codec == 'folder' else codec, saturation=0, **how)
    if codec == 'vp9' and 'yuv420p10le' not in [o.name for o in av.Codec('libvpx-vp9', 'w').video_formats]: bits = 8
    f = frames(dst/'00002.png' if codec == 'folder' else dst)[0]
    assert max(o.bits for o in f.format.components) == bits
    assert said == ([f'{codec} is written with 8 bits, not 10'] if bits == 8 else [])
    x = f.reformat(format='rgb48le').to_ndarray()[32,:,1]/65535
    off = np.abs(x - true)
    assert off.mean() < (8e-3 if bits == 8 else 1.2e-3), off.mean()
    assert len(np.unique(x)) > (300 if bits > 8 else 100)


@pytest.mark.parametrize('kind', ['dpx', 'exr', 'tif', 'png'])
def test_frames_of_a_scanner(kind, tmp_path):
    "Sixteen bits go in, sixteen come out; OpenEXR holds light itself"
    (tmp_path/'in').mkdir()
    y,x = np.mgrid[:48,:64]
    gray = ((x*1000 + y*31)%65536).astype(np.uint16)
    for i in (9, 10):
        code = {'dpx': 'dpx', 'exr': 'exr', 'tif': 'tiff', 'png': 'png'}[kind]
        v = gray
        x = gray/65535
        if kind == 'exr': v = np.where(x <= .04045, x/12.92, ((x + .055)/1.055)**2.4).astype(np.float32)
        ctx = av.CodecContext.create(code, 'w')
        ctx.width,ctx.height,ctx.time_base = 64,48,Fraction(1, 24)
        ctx.pix_fmt = {'dpx': 'rgb48be', 'exr': 'gbrpf32le', 'tif': 'gray16le', 'png': 'rgb48be'}[kind]
        if kind == 'exr':
            f = av.VideoFrame(64, 48, 'gbrpf32le')
            for p in f.planes: np.frombuffer(p, np.float32).reshape(48, -1)[:,:64] = v
        else: f = av.VideoFrame.from_ndarray(gray, format='gray16le').reformat(format=ctx.pix_fmt)
        (tmp_path/f'in/scan{i}.{kind}').write_bytes(b''.join(bytes(p) for p in [*ctx.encode(f), *ctx.encode(None)]))
    (tmp_path/'in/notes.txt').write_text('roll 3')
    done,said = said_by(tmp_path/'in', tmp_path/'out', saturation=0)
    assert done.frames == 2 and not said
    f = frames(tmp_path/'out/00001.png')[0]
    new = f.to_ndarray(format='rgb48le')[...,1].astype(int)
    assert f.format.name == 'rgb48be' and np.abs(new - gray).max() <= (70 if kind == 'exr' else 2)
    assert said_by(tmp_path/'in', tmp_path/'b.mov', codec='prores', rate=25)[0].frames == 2


def scans(folder, kind, n=2):
    "DPX frames of ten bits: densities of a negative (1), light (2) or what a screen is told (4); and the light in them"
    light = np.linspace(.02, 1, 64)[None,:,None].repeat(48, 0).repeat(3, 2)
    black = 10**(-.59*2/.6)
    x = {1: (685 + 300*np.log10(light*(1 - black) + black))/1023, 2: light, 4: srgb(light)}[kind]
    folder.mkdir()
    for i in range(n):
        ctx = av.CodecContext.create('dpx', 'w')
        ctx.width,ctx.height,ctx.time_base,ctx.pix_fmt = 64,48,Fraction(1, 24),'gbrp10be'
        f = av.VideoFrame.from_ndarray(np.rint(x*1023).astype(np.uint16), format='gbrp10le').reformat(format='gbrp10be')
        code = bytearray(b''.join(bytes(p) for p in [*ctx.encode(f), *ctx.encode(None)]))
        code[801] = kind
        (folder/f'a{i}.dpx').write_bytes(code)
    return folder,light


def srgb(Y): return np.where(Y <= .0031308, 12.92*Y, 1.055*np.maximum(Y, .0031308)**(1/2.4) - .055)


@pytest.mark.parametrize('kind,what', [(1, 'density'), (2, 'light itself'), (4, '')])
def test_density_and_light_of_a_scanner(kind, what, tmp_path):
    src,light = scans(tmp_path/'in', kind)
    for source,dst,codec in ((src, 'out', None), (src, 'b.mkv', 'ffv1'), (src/'a1.dpx', 'c.mkv', 'ffv1')):
        _,said = said_by(source, tmp_path/dst, codec=codec, saturation=0)
        assert said == ([f'numbers that mean {what} are turned into what a common screen shows'] if what else [])
        f = frames(tmp_path/dst/'00001.png' if dst == 'out' else tmp_path/dst)[0]
        got = f.reformat(format='rgb48le').to_ndarray()/65535
        assert np.abs(got - srgb(light)).max() < (.02 if kind == 2 else .006), 'dark light has few numbers'
    im = next(read_frames(src)).im
    assert np.abs(np.asarray(im)/255 - srgb(light)).max() < .025


def test_numbers_are_read_as_numbers(tmp_path):
    (tmp_path/'in').mkdir()
    for i,g in ((1, 40), (2, 120), (10, 200)): Image.new('L', (64, 48), g).save(tmp_path/f'in/f{i}.png')
    Image.new('RGB', (300, 300)).save(tmp_path/'in/cover.png')
    Image.new('RGB', (300, 300)).save(tmp_path/'in/f3.jpg')
    done,said = said_by(tmp_path/'in', tmp_path/'b.mkv', codec='ffv1', saturation=0)
    levels = [int(f.to_ndarray(format='gray')[9,9]) for f in frames(tmp_path/'b.mkv')]
    assert levels == pytest.approx([40, 120, 200], abs=1)
    assert said == ["'cover.png' is no frame and is left out", "'f3.jpg' is no frame and is left out"]


def test_cover(tmp_path):
    cover = io.BytesIO()
    CUP.resize((80, 60)).save(cover, 'JPEG')
    write_clip(pictures(5), tmp_path/'s.mp4', rate=25)
    with av.open(str(tmp_path/'a.mkv'), 'w') as out, av.open(str(tmp_path/'s.mp4')) as c:
        v = out.add_stream_from_template(c.streams.video[0])
        out.add_attachment('cover.jpg', 'image/jpeg', cover.getvalue())
        for p in c.demux(video=0):
            if p.size: p.stream = v; out.mux(p)
    def covers(path):
        with av.open(str(path)) as c:
            still = [s.index for s in c.streams.video if int(s.disposition) & 1024]
            return [bytes(p) for p in c.demux() if p.stream.index in still and p.size]
    assert covers(tmp_path/'a.mkv') == [cover.getvalue()]
    for name,source in (('b.mp4', 'a.mkv'), ('c.mkv', 'b.mp4'), ('d.mp4', 'b.mp4')):
        done,said = said_by(tmp_path/source, tmp_path/name)
        assert done.frames == 5 and not said and covers(tmp_path/name) == [cover.getvalue()], name
    for name in ('e.webm', 'e.ts', 'e'): assert said_by(tmp_path/'a.mkv', tmp_path/name)[1] == ['the cover is left out']


def test_other_streams_are_named(tmp_path):
    write_clip(pictures(5), tmp_path/'s.mp4', rate=25)
    with av.open(str(tmp_path/'a.mkv'), 'w') as out, av.open(str(tmp_path/'s.mp4')) as c:
        two = [out.add_stream_from_template(c.streams.video[0]) for _ in range(2)]
        two[0].metadata.update(title='Camera one', language='deu')
        out.add_attachment('letters.ttf', 'application/x-truetype-font', b'letters'*20)
        for p in c.demux(video=0):
            for s in two if p.size else ():
                q = av.Packet(bytes(p))
                q.pts,q.dts,q.time_base,q.is_keyframe,q.stream = p.pts,p.dts,p.time_base,p.is_keyframe,s
                out.mux(q)
    assert said_by(tmp_path/'a.mkv', tmp_path/'b.mkv')[1] == ['a second stream of pictures is left out']
    with av.open(str(tmp_path/'b.mkv')) as c:
        about = c.streams.video[0].metadata
        assert about['title'] == 'Camera one' and about['language'] in ('deu', 'ger')
    assert "the attachment 'letters.ttf' is left out" in said_by(tmp_path/'a.mkv', tmp_path/'b.mp4')[1]


def test_chapters_and_timecode(tmp_path):
    "They stay where a container has a place for them; else they are named"
    chapter = dict(id=1, start=0, end=100, time_base=Fraction(1, 1000), metadata={'title': 'Dawn'})
    write_clip(pictures(5), tmp_path/'s.mp4', rate=25)
    for name in ('chapters', 'timecode'):
        with av.open(str(tmp_path/f'{name}.mov'), 'w') as out, av.open(str(tmp_path/'s.mp4')) as c:
            v = out.add_stream_from_template(c.streams.video[0])
            if name == 'timecode': v.metadata['timecode'] = '10:00:00:00'
            else: out.set_chapters([chapter])
            for p in c.demux(video=0):
                if p.size: p.stream = v; out.mux(p)
    for suffix in ('mov', 'mp4', 'mkv', 'ts', 'webm', 'nut'):
        for name in ('chapters', 'timecode'):
            dst = tmp_path/f'{name}.out.{suffix}'
            _,said = said_by(tmp_path/f'{name}.mov', dst)
            with av.open(str(dst)) as c:
                codes = [{k.lower(): v for k,v in o.metadata.items()}.get('timecode') for o in (c, *c.streams)]
                there = [o['metadata'].get('title') for o in c.chapters()] == ['Dawn'], '10:00:00:00' in codes
            kept = there[name == 'timecode']
            assert said == ([] if kept else [f'the {name} {"are" if name == "chapters" else "is"} left out']), suffix
            assert kept or suffix not in ('mov', 'mp4', 'mkv')


def damaged_sound(path, src, stream=1, which=lambda i: 9 < i < 14):
    "The same packets, but some of one stream hold nothing that can be decoded"
    with av.open(str(src)) as c, av.open(str(path), 'w') as out:
        twins,n = {s.index: out.add_stream_from_template(s) for s in c.streams},0
        for p in c.demux():
            if not p.size: continue
            here = p.stream.index == stream
            q = av.Packet(bytes(p.size) if here and which(n) else bytes(p))
            q.pts,q.dts,q.duration,q.time_base,q.is_keyframe = p.pts,p.dts,p.duration,p.time_base,p.is_keyframe
            q.stream,n = twins[p.stream.index],n + here
            out.mux(q)
    return path


def heard(path):
    with av.open(str(path)) as c: return [bytes(p) for p in c.demux(audio=0) if p.size]


def times_of_sound(path):
    "When a film is loud: its first and last moment, and how long it is silent between"
    with av.open(str(path)) as c:
        resample,spans = av.AudioResampler('s16', 'mono', 16000),[]
        for f in c.decode(audio=0):
            for o in resample.resample(f):
                if np.abs(o.to_ndarray()).max() > 3000: spans.append((o.time, o.time + o.samples/16000))
    return spans[0][0],spans[-1][1],max(b[0] - a[1] for a,b in zip(spans, spans[1:]))


def test_sound_that_cannot_be_decoded(tmp_path):
    "Where it is copied it stays; where it is converted it is named and what follows comes at its time"
    src = damaged_sound(tmp_path/'a.mkv', containers.make(tmp_path/'s.mkv', 'libx264', 'ac3', ''))
    done,said = said_by(src, tmp_path/'b.mkv')
    assert not said and heard(src) == heard(tmp_path/'b.mkv') and len(heard(src)) > 25
    done,said = said_by(src, tmp_path/'b.webm')
    line = 'the sound (ac3) cannot be read at 0.32 s and 3 times more'
    assert said == [line, 'the sound is converted from ac3 to opus'] and done.notes == [line]
    first,last,gap = times_of_sound(tmp_path/'b.webm')
    assert first < .05 and abs(last - 1) < .05 and gap == pytest.approx(4*.032, abs=.04)
    src = damaged_sound(tmp_path/'c.mkv', tmp_path/'s.mkv', which=lambda i: True)
    with pytest.raises(OutputError, match='the sound, ac3, which is damaged; .*--drop-sound'):
        said_by(src, tmp_path/'c.webm')
    assert said_by(src, tmp_path/'c.webm', drop_sound=True)[0].frames == 25


ABOUT = dict(title='Our house', artist='Ann', comment='at home', director='Dora')


def with_words(path, src, **words):
    flags = {'movflags': 'use_metadata_tags'} if path.suffix == '.mov' else {}
    with av.open(str(path), 'w', options=flags) as out, av.open(str(src)) as c:
        twins = {s.index: out.add_stream_from_template(s) for s in c.streams}
        twins[1].metadata['title'] = 'Commentary'
        out.metadata.update(words)
        for p in c.demux():
            if p.size: p.stream = twins[p.stream.index]; out.mux(p)
    return path


def words_of(path):
    with av.open(str(path)) as c:
        title = [v for s in c.streams.audio for k,v in s.metadata.items() if k.lower() in ('title', 'name')]
        return {k.lower(): v for k,v in c.metadata.items()},title


def test_words_about_a_film_are_kept_or_named(tmp_path):
    made = containers.make(tmp_path/'s.mkv', 'libx264', 'aac', '')
    src = with_words(tmp_path/'a.mkv', made, **ABOUT)
    lost = dict(mkv=[], webm=[], nut=[], mp4=['director'], m4v=['director', 'stream title'], mov=['director'],
                ts=[*sorted(ABOUT), 'stream title'])
    lost['ts'].sort()
    for suffix,names in lost.items():
        _,said = said_by(src, tmp_path/f'b.{suffix}')
        words,title = words_of(tmp_path/f'b.{suffix}')
        assert sorted(k for k,v in ABOUT.items() if words.get(k) != v) == [o for o in names if o in ABOUT], suffix
        assert (title == ['Commentary']) == ('stream title' not in names), suffix
        said = [o for o in said if 'converted' not in o]
        assert said == ([f'words about the film are left out: {", ".join(names)}'] if names else []), suffix
    said = said_by(src, tmp_path/'frames')[1]
    assert any('director' in o and 'title' in o for o in said)


def test_a_telephone_has_names_of_its_own(tmp_path):
    where = {'com.apple.quicktime.location.ISO6709': '+48.1372+011.5755/', 'com.apple.quicktime.make': 'Apple'}
    made = containers.make(tmp_path/'s.mkv', 'libx264', 'aac', '')
    src = with_words(tmp_path/'a.mov', made, **where, title='Our house')
    assert words_of(src)[0].items() >= {k.lower(): v for k,v in where.items()}.items()
    for suffix in ('mov', 'mp4', 'mkv'):
        _,said = said_by(src, tmp_path/f'b.{suffix}')
        words = words_of(tmp_path/f'b.{suffix}')[0]
        assert not said and words.items() >= {k.lower(): v for k,v in where.items()}.items(), suffix
        assert words['title'] == 'Our house'


def captioned(path, n=5):
    "H.264 whose frames carry the two bytes of a closed caption each, as American television does"
    ctx = av.CodecContext.create('libx264', 'w')
    ctx.width,ctx.height,ctx.pix_fmt,ctx.time_base,ctx.options = 64,48,'yuv420p',Fraction(1, 25),{'bf': '0'}
    body = b'\xb5\0\x31GA94\x03\xc1\xff\xfc\x94\x2c\xff'  # ATSC A/53: one pair, 'erase displayed memory'
    sei = b'\0\0\0\x01\x06\x04' + bytes([len(body)]) + body + b'\x80'
    out = b''
    for o in [*pictures(n), None]:
        f = None if o is None else av.VideoFrame.from_image(o).reformat(format='yuv420p')
        for p in ctx.encode(f):
            at = next(m.start() for m in re.finditer(rb'\0\0\0?\x01[\x65\x41\x61\x25\x45]', bytes(p)))
            out += bytes(p)[:at] + sei + bytes(p)[at:]
    path.write_bytes(out)
    return path


def test_captions_inside_of_pictures_are_named(tmp_path):
    src = captioned(tmp_path/'a.h264')
    assert 'A53_CC' in [o.type.name for o in frames(src)[0].side_data.keys()] or frames(src)[0].side_data.get('A53_CC')
    done,said = said_by(src, tmp_path/'b.mp4')
    assert done.frames == 5 and 'closed captions inside of the pictures are left out' in said
    plain = write_clip(pictures(5), tmp_path/'plain.mp4')
    assert not said_by(plain, tmp_path/'c.mp4')[1]


@pytest.mark.parametrize('loop', [None, 0, 3])
def test_gif_keeps_loops_and_transparency(loop, tmp_path):
    ims = []
    for i in range(3):
        im = CAT.resize((64, 48)).convert('RGBA')
        hole = Image.new('L', im.size, 255)
        hole.paste(0, (10*i, 10, 10*i + 16, 30))
        im.putalpha(hole)
        ims.append(im)
    how = {} if loop is None else dict(loop=loop)
    ims[0].save(tmp_path/'a.gif', save_all=True, append_images=ims[1:], duration=100, disposal=2, **how)
    _,said = said_by(tmp_path/'a.gif', tmp_path/'b.gif')
    with Image.open(tmp_path/'b.gif') as gif:
        assert gif.info.get('loop') == loop and gif.n_frames == 3 and not said
        for i in range(3):
            gif.seek(i)
            clear = np.asarray(gif.convert('RGBA'))[...,3] == 0
            assert (clear == (np.asarray(ims[i])[...,3] == 0)).mean() > .999, i
    said_by(tmp_path/'a.gif', tmp_path/'b')
    assert (np.asarray(Image.open(tmp_path/'b/00002.png'))[...,3] == np.asarray(ims[1])[...,3]).all()
    _,said = said_by(tmp_path/'a.gif', tmp_path/'b.mp4')
    assert said == ['h264 has no transparency; a GIF, a folder of frames and ffv1 have']
    said_by(tmp_path/'a.gif', tmp_path/'b.mkv', codec='ffv1')
    assert (frames(tmp_path/'b.mkv')[1].to_ndarray(format='rgba')[...,3] == np.asarray(ims[1])[...,3]).all()


def test_bars_are_left_out(tmp_path):
    "What is between them gets the colors of the film without bars, they stay black; a dark scene changes nothing"
    dim = lambda o, by: o.convert('L').point(lambda v: v//by).convert('RGB')
    ims = [dim(o, 8 if i >= 9 else 1) for i,o in enumerate(pictures(12, (96, 64)))]
    write_clip(ims, tmp_path/'plain.mkv', codec='ffv1', rate=25)
    write_clip([ImageOps.expand(o, (0, 16), 'black') for o in ims], tmp_path/'boxed.mkv', codec='ffv1', rate=25)
    how = dict(codec='ffv1', saturation=2)
    for src,name in (('plain', 'plain'), ('boxed', 'boxed'), ('boxed', 'seen')):
        said_by(tmp_path/f'{src}.mkv', tmp_path/f'{name}.out.mkv', borders=name != 'seen', **how)
    film = lambda name: np.stack([np.asarray(o.im, int) for o in read_frames(tmp_path/f'{name}.out.mkv')])
    plain,boxed,seen = map(film, ('plain', 'boxed', 'seen'))
    inside = np.s_[:,16:-16]
    assert np.abs(boxed[inside] - plain).max() <= 1 < np.abs(seen[inside] - plain).mean()
    assert boxed[:,:16].max() == boxed[:,-16:].max() == 0
    assert np.ptp(boxed[inside], axis=-1).mean() > 5


def clear_gif(path):
    ims = [CAT.resize((64, 48)).convert('RGBA') for _ in range(2)]
    hole = np.where(np.mgrid[:48,:64][1] < 20, 0, 255).astype(np.uint8)
    for im in ims: im.putalpha(Image.fromarray(hole))
    ims[0].save(path, save_all=True, append_images=ims[1:], duration=100, disposal=2, loop=2)
    return path


def half(path):
    whole = write_clip(pictures(30), path, codec='mpeg4', b=2000000).read_bytes()
    path.write_bytes(whole[:len(whole)//2])
    return path


def folder_of(path, kind, names, stray=()):
    path.mkdir()
    gray = Image.fromarray((np.mgrid[:48,:64][1]*1000).astype(np.uint16))
    for o in names:
        if kind == 'tif': gray.save(path/f'{o}.tif')
        else: CAT.resize((64, 48)).save(path/f'{o}.{kind}')
    for o in stray: CUP.save(path/o)
    return path


def film_kinds(home):
    "Name of a kind, a film of it, the new name and options"
    make = lambda kind, *codecs: containers.make(home/f'{"-".join(codecs)}.{kind}', *codecs)
    mp4,mkv = make('mp4', 'libx264', 'aac', 'mov_text'),make('mkv', 'libx264', 'flac', 'subrip')
    for o in ('a.mp4', 'a.mkv', 'a.mov', 'a.webm', 'a.ts'): yield 'MP4: H.264, AAC, text',mp4,o,{}
    for o in ('b.mkv', 'b.mp4', 'b.webm'): yield 'Matroska: H.264, FLAC, SubRip',mkv,o,{}
    yield 'the same, `--drop-subtitles`',mkv,'b.ts',dict(drop_subtitles=True)
    yield 'the same, `--codec ffv1`',mkv,'c.ts',dict(codec='ffv1')
    yield 'the same',mkv,'b.gif',{}
    yield 'WebM: VP9, Opus, WebVTT',make('webm', 'libvpx-vp9', 'libopus', 'webvtt'),'c.mp4',{}
    yield 'transport stream: H.264, AAC',make('ts', 'libx264', 'aac', ''),'d.mp4',{}
    yield 'AVI: MPEG-4, uncompressed sound',make('avi', 'mpeg4', 'pcm_s16le', ''),'d.ts',{}
    yield 'Windows Media',make('wmv', 'wmv2', 'wmav2', ''),'e.mkv',{}
    yield 'raw DV',raw_dv(home/'raw.dv'),'f.mp4',{}
    yield 'AVI with a gap',with_gap(home/'gap.avi'),'g.mp4',{}
    yield 'MP4 that breaks off',half(home/'half.mp4'),'g.mkv',{}
    yield 'interlaced',interlaced(home/'lace.mkv'),'h.mp4',{}
    yield 'the same, `--keep-interlaced`',home/'lace.mkv','i.mp4',dict(keep_interlaced=True)
    wide = write_clip(pictures(3, (90, 64)), home/'wide.mp4', aspect=Fraction(16, 15))
    for o in ('j.webm', 'j.nut'): yield 'pixels of 16:15',wide,o,{}
    ten = deep(home/'ten.mkv')[0]
    for codec,o in (('prores', 'k.mov'), ('hevc', 'k.mkv'), ('ffv1', 'l.mkv'), (None, 'k.mp4')):
        yield f'ten bits{f", `--codec {codec}`" if codec else ""}',ten,o,dict(codec=codec)
    gif = clear_gif(home/'clear.gif')
    for o in ('m.gif', 'm', 'm.mp4'): yield 'GIF with transparency, shown three times',gif,o,{}
    yield 'folder of TIFF, 16 bits',folder_of(home/'scan', 'tif', ['a1', 'a2', 'a10']),'n',{}
    for kind,what in ((1, 'density'), (2, 'light')):
        yield f'folder of DPX, 10 bits, {what}',scans(home/what, kind)[0],f'p{kind}',{}
    yield 'folder of DPX, 10 bits, density',home/'density','p.mov',dict(codec='prores')
    hurt = damaged_sound(home/'hurt.mkv', containers.make(home/'ac3.mkv', 'libx264', 'ac3', ''))
    for o in ('q.mkv', 'q.webm'): yield 'sound (AC-3) that cannot be read in part',hurt,o,{}
    told = with_words(home/'told.mkv', mkv, **ABOUT)
    for o in ('r.nut', 'r.mp4'): yield 'title, author, comment, director; name of a track',told,o,{}
    yield 'the same, `--drop-subtitles`',told,'r.ts',dict(drop_subtitles=True)
    yield 'H.264 with closed captions',captioned(home/'cc.h264'),'s.mp4',{}
    yield 'folder of PNG with a stray picture',folder_of(home/'in', 'png', ['1', '2', '10'], ['cover.png']),'n.mp4',{}


HEAD = """
## Films

Every row is a short film that was made, colored and read again by `tests/test_film_kinds.py`. What stands under *said*
is told when the film is done; what is refused is refused before its first frame is colored.

| kind | to | pictures | bits | sound | words | said |
|---|---|---|---|---|---|---|
"""


def film_row(home, name, src, new, how):
    "A line of the table"
    to = Path(new).suffix[1:] or 'folder'
    try: _,said = said_by(src, home/new, **how)
    except ColorbookError as e:
        return f"| {name} | {to} | refused | | | | {re.sub(r'.[^ ]*/([^ /]*).(?= )', r'the film', str(e), count=1)} |"
    made = sorted((home/new).iterdir())[0] if to == 'folder' else home/new
    found = streams(made)
    kind = lambda k: ', '.join(c for t,c in found if t == k)
    bits = max(o.bits for o in frames(made)[0].format.components)
    return f"| {name} | {to} | {kind('video')} | {bits} | {kind('audio')} | {kind('subtitle')} | {'; '.join(said)} |"


def film_table():
    with tempfile.TemporaryDirectory() as home: return HEAD + ''.join(
        film_row(Path(home), *o) + '\n' for o in film_kinds(Path(home)))


def test_the_table_is_in_the_page():
    table = film_table()
    assert table in (book.ROOT/'kinds.qmd').read_text(), 'run python tests/test_kinds.py'
    assert 30 < table.count('\n|') and 2 < table.count('| refused |') < 5
