"""Sixty combinations of container, pictures, sound and subtitles: each comes out with all its streams, or is refused

    python benchmarks/containers.py            all of them, as a table
    python benchmarks/containers.py 8          every eighth

Each film is made here, of one second, by FFmpeg through PyAV; colored to another container; and read again. *Kept* is a
stream whose packets or words are the same, *converted* one that sounds or reads the same; a refusal has to come within
the first second and to say what to do."""
import itertools, os, sys, tempfile, time, warnings
from fractions import Fraction
from pathlib import Path

import av, numpy as np

from colorbook.core import ColorbookError
from colorbook.video.along import add_words, encode_words
from colorbook.video.colorize import colorize_video

os.environ.setdefault('SVT_LOG', '1')  # else an encoder tells of itself

# container: encoders of pictures, of sound, of subtitles ('' for none)
SOURCES = dict(
    mp4=('libx264 libx265 mpeg4 libsvtav1', 'aac libmp3lame ac3 libopus flac alac', ('mov_text', '')),
    mov=('libx264 prores_ks mjpeg', 'aac pcm_s16le alac', ('mov_text', '')),
    mkv=('libx264 ffv1 libvpx-vp9 mpeg2video', 'flac libopus ac3 pcm_s16le libmp3lame eac3', ('subrip', 'ass', '')),
    webm=('libvpx-vp9 libvpx libsvtav1', 'libopus', ('webvtt', '')),
    avi=('mpeg4 mjpeg', 'libmp3lame pcm_s16le ac3', ('',)),
    ts=('libx264 mpeg2video', 'aac mp2 ac3', ('',)),
    mpg=('mpeg2video mpeg1video', 'mp2 ac3', ('',)),
    wmv=('wmv2 msmpeg4', 'wmav2', ('',)),
    flv=('flv libx264', 'libmp3lame aac', ('',)),
    nut=('ffv1 mpeg4', 'pcm_s16le libmp3lame', ('',)))
TARGETS = 'mp4', 'mkv', 'webm', 'ts', 'mov'
WORDS = 'Hello there'


def combinations(n=60):
    "Names of source, pictures, sound, words and target; every codec of every container is in it"
    rows,targets = [],itertools.cycle(TARGETS)
    for container,(pictures,sound,words) in SOURCES.items():
        pictures,sound = pictures.split(),sound.split()
        most = max(len(pictures), len(sound), len(words))
        rows += [(container, *(o[i%len(o)] for o in (pictures, sound, words))) for i in range(2*most)]
    rows = list(dict.fromkeys(rows))
    more = (o for k,(a,b,c) in SOURCES.items() for o in itertools.product([k], a.split(), b.split(), c))
    rows += [o for o in more if o not in rows]
    return [(*o, next(targets)) for o in rows[:n]]


def tone(n, rate): return (9000*np.sin(np.arange(n)*2*np.pi*440/rate)).astype(np.int16)


def make(path, pictures, sound, words):
    "A film of one second"
    with av.open(str(path), 'w', format={'wmv': 'asf', 'mpg': 'vob', 'ts': 'mpegts'}.get(path.suffix[1:])) as out:
        v,a = out.add_stream(pictures, rate=25),out.add_stream(sound, rate=48000, layout='stereo')
        v.width,v.height = 64,48
        v.pix_fmt = {'mjpeg': 'yuvj420p', 'prores_ks': 'yuv422p10le'}.get(pictures, 'yuv420p')
        v.options = {'crf': '20', 'preset': '10' if 'svt' in pictures else 'ultrafast'} if pictures in (
            'libx264', 'libx265', 'libsvtav1') else {}
        if pictures == 'libx265': v.options |= {'x265-params': 'log-level=none'}
        a.codec_context.bit_rate = 128000
        t = add_words(out, words, None) if words else None
        out.start_encoding()
        if t: out.mux(encode_words(t, f'0,0,Default,,0,0,0,,{WORDS}'.encode(), 200, 400))
        wave = np.repeat(tone(48000, 48000), 2)[None]
        for i in range(25):
            x = np.full((48, 64), 40, np.uint8)
            x[:,i:i + 20] = 200
            f = av.VideoFrame.from_ndarray(x, format='gray').reformat(format=v.pix_fmt)
            f.pts,f.time_base = i,Fraction(1, 25)
            out.mux(v.encode(f))
            x = np.ascontiguousarray(wave[:,2*1920*i:2*1920*(i + 1)])
            f = av.AudioFrame.from_ndarray(x, format='s16', layout='stereo')
            f.sample_rate,f.pts,f.time_base = 48000,1920*i,Fraction(1, 48000)
            out.mux(a.encode(f))
        out.mux(v.encode(None))
        out.mux(a.encode(None))
    return path


def inside(path):
    "Times of frames from the first, packets of sound, the sound itself, words with their times"
    with av.open(str(path)) as c:
        times = [float(f.pts*f.time_base) for f in c.decode(video=0)]
    with av.open(str(path)) as c: packets = [bytes(p) for p in c.demux(audio=0) if p.size] if c.streams.audio else []
    with av.open(str(path)) as c:
        resample = av.AudioResampler('s16', 'mono', 16000)
        heard = c.decode(audio=0) if c.streams.audio else ()
        sound = [o.to_ndarray()[0] for f in heard for o in resample.resample(f)]
        codecs = [(s.type, s.codec_context.codec.canonical_name) for s in c.streams if s.codec_context]
    words = []
    with av.open(str(path)) as c:
        for p in c.demux(subtitles=0) if c.streams.subtitles else ():
            found = c.streams.subtitles[0].codec_context.decode2(p) if p.size else None
            words += [(round(float(p.pts*p.time_base), 2), o.dialogue.decode()) for o in found or () if o.dialogue]
    start = times[0] if times else 0
    return dict(times=np.round(np.array(times) - start, 3), packets=packets, codecs=codecs, words=words,
        sound=np.concatenate(sound) if sound else np.zeros(0))


def loud(x):
    "How much of a sound is the tone of 440 hertz"
    x = x[2000:-2000].astype(float)
    wave = np.exp(2j*np.pi*440*np.arange(len(x))/16000)
    return 2*abs((x*wave).mean())**2/max(1, (x**2).mean())


def alike(packets, others):
    "Whether sound is the same but for the heads of its packets in a transport stream, or in packets of other lengths"
    if b''.join(packets) == b''.join(others): return True
    return len(packets) == len(others) and all(a.endswith(b) or b.endswith(a) for a,b in zip(packets, others))


def outcome(row, home):
    "One combination: what became of sound and words, or the refusal; an AssertionError where something was lost"
    container,pictures,sound,words,target = row
    src,dst = home/f'{"-".join(row)}.{container}',home/f'{"-".join(row)}.out.{target}'
    make(src, pictures, sound, words)
    begin = time.perf_counter()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        try: done = colorize_video(src, dst, size=32, stabilize=0)
        except ColorbookError as e:
            assert e.remedy and time.perf_counter() - begin < 1, e
            assert not dst.exists() and 'cannot hold' in str(e), e
            return f'refused: {e}'
    was,now = inside(src),inside(dst)
    assert done.frames == len(was['times']) == len(now['times'])
    assert np.abs(was['times'] - now['times']).max() <= .0021
    said = ' '.join(str(o.message) for o in said)
    assert loud(now['sound']) > .9, 'the tone is there'
    assert abs(len(now['sound']) - len(was['sound'])) < .12*16000
    kept = alike(was['packets'], now['packets'])
    assert kept or 'the sound is converted' in said, 'other packets, and no word about it'
    assert [o[1] for o in now['words']] == [o[1] for o in was['words']], (was['words'], now['words'])
    if words: assert abs(now['words'][0][0] - was['words'][0][0]) < .1 and WORDS in now['words'][0][1]
    codec = lambda o, kind: next((c for k,c in o['codecs'] if k == kind), '')
    same = codec(was, 'subtitle') == codec(now, 'subtitle')
    assert not words or same or 'the subtitles are converted' in said
    return ('sound kept' if kept else f"sound to {codec(now, 'audio')}") + (
        '' if not words else ', words kept' if same else f", words to {codec(now, 'subtitle')}")


if __name__ == '__main__':
    rows,lost = combinations()[::int(sys.argv[1]) if len(sys.argv) > 1 else 1],0
    home = Path(tempfile.mkdtemp())
    for row in rows:
        try: told = outcome(row, home)
        except AssertionError as e: told,lost = f'LOST {e}',lost + 1
        print('| ' + ' | '.join(row) + f' | {told.replace(str(home) + "/", "")} |', flush=True)
    print(f'{len(rows)} combinations, {lost} with a loss in silence')
