# %% [markdown]
# # Coloring films
#
# > Any film in, the same film in color out, and a power cut costs seconds
#
# `colorize_video('old.mp4', 'color.mp4')` puts together what the chapters before it have: it takes a film apart, colors its frames and keeps the color steady, and joins everything again. It takes a folder of frames or a pipe as well. Everything else stays: every frame has its time, every language is there, the film lies as the telephone was held. Memory does not grow with the film, a run that was killed goes on where it was, and damage is passed over and named. @fig-film shows frames of a clip before and after.

# %%
#| default_exp video.colorize

# %% tags=["parameters"]
width,height = 96,64

# %%
#| export
import importlib, importlib.util, math, os, warnings
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
import av, numpy as np, onnxruntime, PIL
from colorbook import __version__
from colorbook.imaging.colorizer import check_options, Colorizer
from colorbook.core import InputError, OutputError, UsageError, atomic_path, prefetch, with_progress
from colorbook.video.along import first_packets, plan_streams
from colorbook.video.frame_shape import film_box
from colorbook.video.read import bits_of, has_alpha, has_captions, open_reel, video_length
from colorbook.video.sequences import DENSITY, is_scan, stray_files
from colorbook.video.steps import HDR, LAYOUTS, PacketTap, with_colors, chunk, paint_frame, prepare, watch
from colorbook.video.codecs import CODECS, choose_codec, format_of_film, spec_of
from colorbook.video.container import add_streams, encode_part, finish, mux, new_film, packets_along
from colorbook.video.parts import Parts, identity, loops_of, parts_of, write_frames, write_gif
from colorbook.video.model import color_source, load_film_model

# %%
#| hide
import tempfile
from PIL import Image
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data
from colorbook.video.read import read_frames, write_clip
from colorbook.data.synthetic import travel
from colorbook.color.srgb import light

# %% [markdown]
# ## Four steps

# %% [markdown]
# Frames are read and prepared in one thread, colored and steadied in a second, painted and encoded in a third; the encoder has threads of its own. When a film is resumed at some frame, the stabilizer must see as many frames before it as it asks for; then it gives what it would have given anyway. The network must see one frame before those. The stabilizer needs OpenCV, which the base installation has not: there it is off unless it is asked for, and then the error says what to install.

# %%
#| export
@dataclass
class Options:
    "What a film is to look like"
    size:int # the network sees about size x size pixels
    saturation:float=1. # factor on color
    stabilize:float=.9 # weight of neighboring frames, 0..1
    layout:str='result' # one of `LAYOUTS`
    seed:int|None=None # of the noise; None for none
    preview:float|None=None # seconds; None for all
    keep_interlaced:bool=False # leave two moments in a frame that has them
    box:list|None=None # left, top, right, bottom of the picture in a film with black bars
    reference:list|None=None # what steers a shot: hash of the picture and the number of its frame

# %%
#| export
WINDOW = 6 # frames that the stabilizer asks in each direction

def render(
    film, # a `FilmSource`
    model, # a `FilmModel` or a `Colorizer`
    o:Options,
    first:int=0, # frames before this one are there already
    header:bool=True, # see `encode_part`
    total:int|None=None, # frames, about, for the progress bar
    guide=None, # what a reference tells its shot, a `Guide`
): # yields parts
    "The four steps, side by side: look, color, paint and encode"
    spec,begin = film.spec,first - WINDOW - 1
    with closing(prefetch(prepare(film.frames(), o.size, model.card['multiple'], film.aspect, begin,
            spec.bits > 8, spec.alpha, o.box))) as small:
        pairs = with_colors(small, color_source(model, o.seed))
        pairs = (p for p in pairs if p[0].number >= first - WINDOW)
        if guide:
            from colorbook.video.reference import steer
            pairs = steer(pairs, guide)
        if o.stabilize:
            from colorbook.video.stabilize import stabilize
            pairs = stabilize(pairs, o.stabilize, WINDOW)
        with closing(prefetch(p for p in pairs if p[0].number >= first)) as pairs:
            for part in chunk(with_progress(pairs, 'coloring', total and total - first)):
                frames = ((paint_frame(f, ab, o.layout, o.saturation, spec.codec == 'png'), f.pts) for f,ab in part)
                yield encode_part(spec, frames, header)

# %% [markdown]
# ## A source

# %% [markdown]
# The first frame decides how the film is encoded, so it is read before anything else. How many frames will come is what the container says, or a guess by its length; only the progress bar needs it. How long the last frame is shown is known by the container alone, and MP4 says it by the length of the whole.

# %%
#| export
class FilmSource:
    "A source that is being read"
    def __init__(self,
        src, # for errors
        c, s, # container and stream
        o:Options,
        codec:str, # of the new film
        quality:int|None, # on the codec's scale
        threads:int|None, # of its encoder; None for as many as there are cores
        bad:list, # takes what is damaged
        fmt:str|None=None, # FFmpeg's name of the new container
    ):
        self.c,self.s,self.o,self.bad,self.last,self.plan,self.changes = c,s,o,bad,0,None,[]
        combs = lambda: self.changes.append('interlaced frames were made whole; --keep-interlaced keeps their fields')
        self.seen = watch(src, c, s, o.preview or math.inf, bad, o.keep_interlaced, combs)
        self.first = next(self.seen, None)
        if not self.first: raise InputError(f"there is no whole frame in '{src}'", 'copy it again')
        self.spec = spec_of(s, self.first.frame, codec, LAYOUTS[o.layout], quality, threads, fmt)
        self.aspect = float(s.sample_aspect_ratio or 1)
        self.compare(min(bits_of(self.first.frame), bits_of(s.codec_context)), s.sample_aspect_ratio or 1)
        if self.spec.fields and codec != 'h264':
            raise UsageError(f'{codec} cannot keep interlaced frames', 'leave keep-interlaced out, or take h264')
        self.begin = float(self.first.pts*s.time_base)
        self.total = s.frames or round((c.duration or 0)/av.time_base*Fraction(*self.spec.rate)) or None
        if o.preview and self.total: self.total = min(self.total, math.ceil(o.preview*Fraction(*self.spec.rate)))

    def compare(self, bits:int, aspect): # of the source
        "Say what the codec cannot hold"
        codec,f = self.spec.codec,self.first.frame
        if self.s.codec_context.color_trc in HDR:
            self.changes.append('the high dynamic range is turned into what a common screen shows')
        if is_scan(self.s.codec_context):
            what = 'density' if self.s.codec_context.color_trc == DENSITY else 'light itself'
            self.changes.append(f'numbers that mean {what} are turned into what a common screen shows')
        if has_captions(f): self.changes.append('closed captions inside of the pictures are left out')
        if bits > self.spec.bits: self.changes.append(f'{codec} is written with {self.spec.bits} bits, not {bits}')
        if aspect != 1 and not self.spec.aspect and codec != 'png':
            self.changes.append('pixels are made square, which keeps the shape of the picture')
        if has_alpha(f) and not self.spec.alpha and f.to_ndarray(format='rgba')[...,3].min() < 255:
            self.changes.append(f'{codec} has no transparency; a GIF, a folder of frames and ffv1 have')

    @property
    def stop(self) -> float: return self.begin + (self.o.preview or math.inf) # of sound and subtitles, seconds

    def frames(self): # yields `VideoFrame`
        "All frames; `last` is how long the newest is shown"
        s = self.s
        exact = 'mp4' in self.c.format.name and s.duration and not self.o.preview
        for x in chain([self.first], self.seen):
            left = (s.start_time or 0) + s.duration - x.pts if exact and not self.bad else 0
            self.last = left if left > 0 else x.frame.duration or 0
            yield x

# %% [markdown]
# ## What comes out

# %% [markdown]
# A film is joined from its parts and the other streams of its source, which is opened once more for them. Two other targets have no streams, a [folder of pictures](parts.ipynb#parts-as-pictures) and an animated GIF. For both the parts hold PNG files, upright and with square pixels, because a GIF cannot say that it is to be turned. Whatever it is, it grows in the folder of the parts, and gets its name when it is whole.

# %%
#| export
def save_film(
    src,
    dst:Path,
    film:FilmSource,
    parts:Parts, # all of them
):
    "Join what is complete under its final name"
    whole = parts.folder/f'film{dst.suffix}'
    if film.spec.codec != 'png':
        with open_reel(src)[0] as c, atomic_path(whole) as tmp:
            with new_film(tmp, film.plan) as out:
                mux(out, film.spec, parts, c, packets_along(c), lambda: film.last, film.stop, film.plan, film.bad)
            film.changes += finish(tmp, film.spec)
    elif dst.suffix: write_gif(whole, film.spec, parts, loops_of(src, film.c))
    else: write_frames(whole, parts)
    try:
        for o in whole.iterdir() if whole.is_dir() else [whole]: # parts go when the film is on the disk, not before
            with open(o, 'rb+') as f: os.fsync(f.fileno())
        if dst.is_dir(): dst.rmdir()
        whole.replace(dst)
    except OSError as e: raise OutputError(f"cannot write '{dst}': {e.strerror}", 'choose another name') from e

# %% [markdown]
# Before the first frame is colored, a film with no frames is written where the parts will lie. If the place is read-only, or the container refuses one of the streams, that fails in a second, and not after a night.

# %%
#| export
def by_parts(
    src,
    dst:Path,
    film:FilmSource,
    make, # makes parts
    model, # a `FilmModel` or a `Colorizer`
    resume:bool, # keep parts that are there
) -> tuple: # frames, and how many of them were there already
    "From file to file: parts are kept until all are there"
    versions = [__version__, *(o.__version__ for o in (av, onnxruntime, np, PIL))]
    if film.o.stabilize or film.o.reference: versions.append(importlib.import_module('cv2').__version__)
    job = dict(source=identity(src), options=asdict(film.o), spec=asdict(film.spec), versions=versions,
        model=sha256(model.path.read_bytes()).hexdigest())
    parts = Parts(dst, job, resume)
    try:
        if film.spec.codec != 'png':
            with atomic_path(parts.folder/f'probe{dst.suffix}') as tmp, new_film(tmp, film.plan) as out:
                add_streams(out, film.spec, film.c, plan=film.plan)
        n = parts.kept
        with closing(make(first=n, header=dst.suffix.lower() != '.ts', total=film.total)) as new:
            for part in new: n += len(parts.add(part))
        save_film(src, dst, film, parts)
        parts.remove()
        return n,parts.kept
    finally:
        if not parts.files: parts.remove()
        parts.close()

# %% [markdown]
# Through a pipe there is nothing to resume; parts are joined as soon as they are made, with the sound that belongs to them.

# %%
#| export
def by_pipe(
    src, dst, # at least one of them is '-'
    film:FilmSource,
    make, # makes parts
    tap, # the source, if it can be read only once
) -> int: # frames
    "From or to a pipe: parts are joined as they come"
    twice = nullcontext(tap.c) if isinstance(tap, PacketTap) else open_reel(src)[0]
    with twice as c, nullcontext('-') if str(dst) == '-' else atomic_path(dst) as tmp:
        others = tap if isinstance(tap, PacketTap) else packets_along(c)
        with (new_film(tmp, film.plan) as out,
              closing(make(header=Path(str(dst)).suffix.lower() != '.ts', total=film.total)) as parts):
            n = mux(out, film.spec, parts, c, others, lambda: film.last, film.stop, film.plan, film.bad)
        if tmp != '-': film.changes += finish(tmp, film.spec)
    return n

# %%
#| export
def plan_of(
    src,
    tap, # the container of the source, or a `PacketTap`
    s, # its stream of pictures
    fmt:str, # FFmpeg's name of the new container
    dst, # for errors
    drop:list, # kinds of streams that are left out
    rate:float, # frames a second of a folder
): # a `Plan`
    "What becomes of sound, subtitles and covers; a pipe is asked for what has come so far"
    if isinstance(tap, PacketTap):
        came = {}
        for p in tap.others: came.setdefault(p.stream.index, []).append(p)
        return plan_streams(tap.c, s, fmt, {k: v[:3] for k,v in came.items()}, dst, drop)
    with open_reel(src, rate)[0] as early, open_reel(src, rate)[0] as c:
        return plan_streams(c, c.streams[s.index], fmt, first_packets(early), dst, drop)

# %% [markdown]
# ## `colorize_video`

# %% [markdown]
# One [frame in color](reference.ipynb) may steer its shot. Its guide is prepared before the first frame is colored and does not depend on where the coloring begins, so a film that is resumed is the same.
#
# A film that breaks off is refused before work begins, since the rest of it is probably somewhere; with `skip_bad` what is there is colored. Damage in the middle is different: there is no other copy, and the frames around it are good. Damaged frames are passed over, the warning names their times, and as all others keep theirs, the sound stays in step.

# %%
#| export
def check_film(src, dst, o:Options, model, overwrite:bool=False):
    "`UsageError` if an option is out of range"
    for k,v,kinds in (('src', src, (str, os.PathLike)), ('dst', dst, (str, os.PathLike)),
        ('preview', o.preview, (int, float, type(None))), ('stabilize', o.stabilize, (int, float))):
        if not isinstance(v, kinds):
            raise UsageError(f'{k} is {v!r}, a {type(v).__name__}', 'see help(colorize_video)')
    check_options(o.size, o.saturation)
    if not str(src).strip() or not str(dst).strip():
        raise UsageError('a name is empty', "name a film or a folder; '.' is this one")
    if str(src) == '-' and str(dst) != '-' and Path(dst).suffix.lower() in ('', '.gif'):
        raise UsageError('a pipe becomes a film, no GIF and no folder of frames', 'save it first, or name an .mkv')
    if not 0 <= o.stabilize < 1: raise UsageError(f'stabilize {o.stabilize} is not in 0..1', '0.9 is usual, 0 is off')
    if o.stabilize: importlib.import_module('colorbook.video.stabilize') # which says what to install
    if o.layout not in LAYOUTS: raise UsageError(f"there is no layout '{o.layout}'", f'choose {", ".join(LAYOUTS)}')
    if o.preview is not None and not o.preview > 0: raise UsageError(f'a preview of {o.preview} s', 'try 10')
    if o.seed is not None and not (isinstance(model, Colorizer) and model.card.get('noise')):
        raise UsageError('this model has one answer', 'leave seed out, or take a model for pictures')
    if Path(dst).is_dir() and (Path(dst).suffix or any(Path(dst).iterdir())):
        raise OutputError(f"'{dst}' is a folder that is not empty", 'name a new one')
    if str(src) != '-' and Path(src).resolve() == Path(dst).resolve():
        raise UsageError(f"'{src}' would be written over itself", 'choose another name')
    if str(dst) != '-' and Path(dst).is_file() and not overwrite:
        raise OutputError(f"'{dst}' is there already", 'choose another name, or overwrite')

# %%
#| export
@dataclass
class Done:
    "What became of a film"
    path:Path|None # the colored film; None for the standard output
    frames:int # how many there are in it
    notes:list # what was damaged and left out
    kept:int=0 # how many frames an earlier run had made
    changes:list=field(default_factory=list) # what the new film could not hold, and what became of it

# %%
#| export
def colorize_video(
    src, # a film that FFmpeg reads, a folder of numbered frames, or '-' for the standard input
    dst, # its suffix chooses the container; without one a folder of frames; '-' for the standard output (Matroska)
    model=None, # an .onnx file for films or pictures, `FilmModel` or `Colorizer`; None for the one in the package
    size:int|None=None, # the network sees about size x size pixels; None for what it was trained on
    saturation:float=1., # factor on color: 0 is gray, 1 is as trained
    stabilize:float=None, # how much neighboring frames count, 0..1; 0 is off; None for .9 where OpenCV is installed
    codec:str|None=None, # h264, hevc, av1, vp9, prores or ffv1; None for what the suffix stands for
    quality:int|None=None, # on the codec's constant-quality scale, less is better; None for its default
    preview:float|None=None, # so many seconds only
    layout:str='result', # 'result', 'side-by-side' (gray, result) or 'triptych' (gray, result, truth)
    seed:int|None=None, # chooses among a model's answers, one for each shot; None for the plain one
    rate:float=24, # frames a second of a folder
    resume:bool=True, # go on with what an earlier run left
    skip_bad:bool=False, # color what there is of a film that breaks off
    reference=None, # a picture: one frame of the film in color, which steers its shot
    at:float|None=None, # its time, seconds from the first frame; None to look for it
    threads:int|None=None, # of the encoder; None for as many as there are cores; another number may give other bytes
    overwrite:bool=False, # replace a film that is there
    drop_sound:bool=False, # leave the sound out
    drop_subtitles:bool=False, # leave the subtitles out
    borders:bool=True, # leave black bars as they are, unseen by the network; not from a pipe, nor by a reference
    keep_interlaced:bool=False, # leave frames with two moments in them as they are, and say so in the film
) -> Done:
    "Color a film; everything but its colors stays as it was"
    codec,model,notes = choose_codec(dst, codec),load_film_model(model),[]
    if quality is not None and CODECS[codec].quality is None:
        raise UsageError(f'codec {codec} has no scale of quality', 'leave quality out')
    if quality is not None and not 0 <= quality <= CODECS[codec].worst:
        raise UsageError(f'quality {quality} is not in 0..{CODECS[codec].worst}', f'{CODECS[codec].quality} is usual')
    if threads is not None and not 1 <= threads <= 64: raise UsageError(f'{threads} threads are not in 1..64', 'try 2')
    if at is not None and reference is None:
        raise UsageError('a time without a reference', 'name the picture with reference')
    if stabilize is None: stabilize = .9 if importlib.util.find_spec('cv2') else 0
    size = model.card['size'] if size is None else size
    if preview == math.inf: preview = None
    o = Options(size, saturation, stabilize, layout, seed, preview, keep_interlaced)
    check_film(src, dst, o, model, overwrite)
    piped = '-' in (str(src), str(dst))
    if not piped and not Path(src).is_dir(): video_length(src, notes if skip_bad else None)
    notes.clear()
    if borders and str(src) != '-' and reference is None: o.box = film_box(src, rate)
    c,s = open_reel(src, rate)
    with c:
        tap = PacketTap(c) if str(src) == '-' else c
        guide,fmt = None,format_of_film(dst)
        film = FilmSource(src, tap, s, o, codec, quality, threads, notes, 'pipe' if str(dst) == '-' else fmt)
        drop = [k for k,v in dict(audio=drop_sound, subtitle=drop_subtitles).items() if v]
        film.plan = plan_of(src, tap, s, fmt, dst, drop, rate)
        film.changes += film.plan.notes
        if Path(src).is_dir(): film.changes += [f"'{o}' is no frame and is left out" for o in stray_files(src)]
        if reference is not None:
            from colorbook.video.reference import load_guide, reference_id
            guide = load_guide(src, reference, model, o.size, at, o.seed, film.aspect, rate, keep_interlaced)
            o.reference = reference_id(reference, guide)
        make = partial(render, film, model, o, guide=guide)
        if piped: n,kept = by_pipe(src, dst, film, make, tap),0
        else: n,kept = by_parts(src, Path(dst), film, make, model, resume)
    for x in [*notes, *film.changes]: warnings.warn(x, stacklevel=2)
    return Done(None if str(dst) == '-' else Path(dst), n, notes, kept, film.changes)

# %% [markdown]
# A clip of 56 frames with a cut in it: as many frames come out, at the same times. The value is the mean change of a frame's colors, in levels of 255.

# %%
home = Path(tempfile.mkdtemp())
def shot(im, n): return list(travel(Image.fromarray(im), n, (width, height), (0, 0), (.3, .3)))
ims = shot(data.astronaut(), 30) + shot(data.coffee(), 26)
clip = write_clip(ims, home/'clip.mp4', Fraction(24000, 1001))
done = colorize_video(clip, home/'color.mp4', size=64)
before,after = (list(read_frames(o)) for o in (clip, home/'color.mp4'))
test_eq((done.frames, done.notes), (56, []))
test_close([o.time for o in after], [o.time for o in before])
test_eq(sorted(o.name for o in home.iterdir() if 'color' in o.name), ['color.mp4'])
np.abs(np.asarray(after[3].im, int) - np.asarray(before[3].im)).mean()

# %% [markdown]
# FFV1 stores what was painted without loss, so that one can look for lightness that moved. The value is the largest difference of any pixel, in units of $L^*$: no more than rounding to bytes makes.

# %%
gray = write_clip([o.convert('L') for o in ims[:8]], home/'gray.mkv', codec='ffv1')
colorize_video(gray, home/'exact.mkv', size=64, codec='ffv1')
lightness = lambda name: np.stack([light(np.asarray(f.im))[1]*116 for f in read_frames(home/name)])
dL = np.abs(lightness('gray.mkv') - lightness('exact.mkv')).max()
assert dL < 1
dL

# %% [markdown]
# Now the run is interrupted: encoding of the third part fails, as in a power cut. Two parts are kept, hidden; the second run makes only what is missing, and its film has the same frames as one that was never stopped.

# %%
long = write_clip(ims*3, home/'long.mp4')
straight = colorize_video(long, home/'straight.mkv', size=64)
class PowerCut(Exception): "Not one of ours"
def failing(*args, at=[3], **kwargs):
    at[0] -= 1
    if not at[0]: raise PowerCut('no power')
    return encode(*args, **kwargs)
encode,encode_part = encode_part,failing
test_fail(lambda: colorize_video(long, home/'resumed.mkv', size=64), exc=PowerCut)
encode_part = encode
left = sorted(o.name for o in (home/'.resumed.mkv.parts').glob('*.part'))
assert left == ['000000.part', '000001.part'] and not (home/'resumed.mkv').exists()
done = colorize_video(long, home/'resumed.mkv', size=64)
test_eq((straight.kept, done.kept), (0, sum((30, 26))))
looks = lambda name: [(o.time, o.im.tobytes()) for o in read_frames(home/name)]
assert looks('straight.mkv') == looks('resumed.mkv')
left

# %% [markdown]
# Comparisons may be films as well: here half a second side by side as a GIF, and a folder of frames with gray, result and truth. The folder is then colored like any film.

# %%
colorize_video(clip, home/'beside.gif', size=64, layout='side-by-side', preview=.5)
with Image.open(home/'beside.gif') as gif: test_eq((gif.size, gif.n_frames), ((2*width, height), 12))
colorize_video(clip, home/'three', size=64, layout='triptych', preview=.25)
test_eq(sorted(o.name for o in (home/'three').iterdir()), [f'{i:05}.png' for i in range(1, 7)])
again = colorize_video(home/'three', home/'again.mp4', size=64, rate=12)
test_eq(again.frames, 6)

# %%
#| label: fig-film
#| fig-cap: "Every fourteenth frame of a clip with a cut: gray, result, truth."
def show_strip(clip, height=3):
    "Frames below each other"
    film = [np.asarray(o.im) for o in clip]
    fig,ax = plt.subplots(figsize=(8, height))
    ax.imshow(np.vstack(film))
    ax.axis('off')
colorize_video(clip, home/'strip.mkv', size=64, layout='triptych')
show_strip([o for o in read_frames(home/'strip.mkv') if o.number%14 == 6], 5);

# %% [markdown]
# Each row of @fig-film is a frame: gray, result, truth. At the cut nothing of the first shot goes over into the second. Within a shot the colors of skin and wall stay; those of the saucer, which the network cannot know, are red in one frame and gray fourteen frames later. (It sees 64 pixels here, to be quick.)

# %% [markdown]
# ## What we have
#
# - `colorize_video`: films, folders and pipes in color, with sound, subtitles, times and turns as they were;
# - parts that survive a power cut, and the same frames as without one;
# - comparisons side by side, as a film, a GIF or pictures.

# %% [markdown]
# ## Exercises
#
# 1. A film that is resumed is decoded from its beginning. Seek instead, and find out which containers give you the frame that you asked for.
# 2. Keep the colors of each frame beside its part, and let a change of `saturation` paint anew without asking the network.
# 3. Color two parts at the same time in two processes. What must each of them know of the other's frames?
