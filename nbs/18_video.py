# %% [markdown]
# # Video
#
# > Frame by frame in four steps that run side by side, and a film that is finished even if the power fails
#
# We can color a picture, take a film apart, and keep color from flickering. This chapter puts the three in a row: frames are decoded and looked at, a network answers with small maps of color, the maps are steadied, painted over the light of the frame and encoded. Each step runs in a thread of its own and hands on to the next. At the end `colorize_video` turns any film into a colored one with everything else as it was, in the same memory for a minute and for a day, and goes on where it was when it was killed.

# %%
#| default_exp video

# %%
#| export
import io, json, math, shutil, warnings
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from hashlib import sha256
from itertools import chain
from collections import deque
from pathlib import Path
import av, numpy as np
from PIL import Image
from colorbook import __version__
from colorbook.colorize import check_options, load_model
from colorbook.core import InputError, OutputError, UsageError, with_progress, write_beside
from colorbook.film import video_length
from colorbook.moving import LAYOUTS, ahead, colored, divide, frame_by_frame, paint_frame, reduce, watch
from colorbook.reel import Spec, choose_codec, encode_part, frame_files, join, lay_out, load_part, new_film, open_reel
from colorbook.reel import packets_along, save_part, spec_of
from colorbook.stabilize import stabilize

# %%
#| export
class Parts:
    "Parts of a film in a folder beside it"
    def __init__(self,
        dst:Path, # the film
        job:dict, # all that decides what the parts are; others are thrown away
        resume:bool=True, # keep those that are there?
    ):
        self.folder,self.job = dst.with_name(f'.{dst.name}.parts'),json.loads(json.dumps(job))
        if not resume or self._job() != self.job: shutil.rmtree(self.folder, ignore_errors=True)
        with write_beside(self.folder/'job.json') as f: f.write_text(json.dumps(self.job))
        self.files = sorted(self.folder.glob('[0-9]*.part'))

    def _job(self):
        "What the parts that are there belong to"
        try: return json.loads((self.folder/'job.json').read_text())
        except (OSError, ValueError): return None

    def frames(self) -> int: return sum(len(load_part(o)) for o in self.files)
    def __iter__(self): return (load_part(o) for o in self.files)
    def add(self, part:list):
        self.files.append(self.folder/f'{len(self.files):06}.part')
        save_part(self.files[-1], part)
    def remove(self): shutil.rmtree(self.folder, ignore_errors=True)

# %%
#| export
class Tap:
    "The other streams of a source that can be read only once: they wait until they are asked for"
    def __init__(self, c): self.c,self.others,self.duration = c,deque(),None
    def demux(self, s):
        for p in self.c.demux():
            if p.stream.index == s.index: yield p
            elif p.stream.type in ('audio', 'subtitle'): self.others.append(p)
    def __iter__(self): return self
    def __next__(self):
        if self.others: return self.others.popleft()
        raise StopIteration

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

WINDOW = 4 # frames that the stabilizer asks in each direction

def render(
    seen, # yields `Seen`
    spec:Spec, # of the encoder
    model, # a `Colorizer`
    o:Options,
    first:int=0, # frames before this one are there already
    header:bool=True, # see `encode_part`
    total:int|None=None, # frames, about, for the progress bar
): # yields parts
    "The four steps, side by side: look, color, paint and encode"
    aspect = Fraction(*spec.aspect) if spec.aspect else 1
    with closing(ahead(reduce(seen, o.size, model.card['multiple'], float(aspect), first - WINDOW))) as small:
        pairs = colored(small, frame_by_frame(model, o.seed))
        if o.stabilize: pairs = stabilize(pairs, o.stabilize, WINDOW)
        with closing(ahead(p for p in pairs if p[0].number >= first)) as pairs:
            for part in divide(with_progress(pairs, 'coloring', total)):
                frames = ((paint_frame(f, ab, o.layout, o.saturation, spec.codec == 'png'), f.pts) for f,ab in part)
                yield encode_part(spec, frames, header)

# %%
#| export
def write_frames(
    dst:Path, # a folder
    parts, # of PNG files
):
    "Parts as numbered pictures from 00001.png on, all or none"
    tmp = dst.with_name(f'.{dst.name}.tmp')
    shutil.rmtree(tmp, ignore_errors=True)
    try:
        tmp.mkdir(parents=True)
        for i,o in enumerate((o for part in parts for o in part), 1): (tmp/f'{i:05}.png').write_bytes(o.data)
        if dst.exists(): dst.rmdir()
        tmp.replace(dst)
    except OSError as e:
        shutil.rmtree(tmp, ignore_errors=True)
        raise OutputError(f"cannot write '{dst}': {e.strerror or e}", 'make room or name a new folder') from e

# %%
#| export
def write_gif(
    dst, # the file
    spec:Spec,
    parts, # of PNG files
):
    "Parts as an animated GIF, 256 colors for each frame"
    with write_beside(dst) as tmp, new_film(tmp) as out:
        s = out.add_stream('gif', rate=Fraction(*spec.rate))
        s.width,s.height,s.pix_fmt,s.codec_context.time_base = spec.width,spec.height,'pal8',Fraction(*spec.time_base)
        for o in (o for part in parts for o in part):
            im = Image.open(io.BytesIO(o.data)).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
            colors = np.zeros((256, 4), np.uint8)
            own = np.array(im.getpalette(), np.uint8).reshape(-1, 3)
            colors[:len(own),0],colors[:len(own),1:] = 255,own
            f = av.VideoFrame.from_ndarray((np.asarray(im), colors), format='pal8')
            f.pts,f.time_base = o.pts,s.codec_context.time_base
            out.mux(s.encode(f))
        out.mux(s.encode(None))

# %%
#| export
def identity(
    src, # a file, a folder or an address
) -> list:
    "What tells whether a source is still the same"
    p = Path(src)
    files = frame_files(p)[0] if p.is_dir() else [p] if p.is_file() else []
    return [str(p.resolve() if files else src), *sum(([o.stat().st_size, o.stat().st_mtime_ns] for o in files), [])]

# %%
#| export
class Film:
    "A source that is being read"
    def __init__(self,
        src, # for errors
        c, s, # container and stream
        o:Options,
        codec:str, # of the new film
        quality:int|None, # on the codec's scale
        bad:list, # takes what is damaged
    ):
        self.c,self.o,self.last = c,o,0
        self.seen = watch(src, c, s, o.preview or math.inf, bad)
        self.first = next(self.seen, None)
        if not self.first: raise InputError(f"there is no whole frame in '{src}'", 'copy it again')
        self.spec = spec_of(s, self.first.frame, codec, LAYOUTS[o.layout], quality)
        self.begin = float(self.first.pts*s.time_base)
        self.total = s.frames or round((c.duration or 0)/av.time_base*Fraction(*self.spec.rate)) or None
        if o.preview and self.total: self.total = min(self.total, math.ceil(o.preview*Fraction(*self.spec.rate)))

    @property
    def stop(self) -> float: return self.begin + (self.o.preview or math.inf) # of sound and subtitles, seconds

    def frames(self): # yields `Seen`
        "All frames; `last` is how long the newest is shown"
        for x in chain([self.first], self.seen):
            self.last = x.frame.duration or 0
            yield x

# %%
#| export
def stream(
    src, dst, # at least one of them is '-'
    film:Film,
    make, # makes parts
    tap, # the source, if it can be read only once
) -> int: # frames
    "From or to a pipe: parts are joined as they come"
    twice = nullcontext(tap.c) if isinstance(tap, Tap) else open_reel(src)[0]
    with twice as c, nullcontext('-') if str(dst) == '-' else write_beside(dst) as tmp, new_film(tmp) as out:
        others = tap if isinstance(tap, Tap) else packets_along(c)
        with closing(make(total=film.total)) as parts:
            return join(out, film.spec, parts, c, others, lambda: film.last, film.stop)

# %%
#| export
def finish(
    src,
    dst:Path,
    film:Film,
    parts, # all of them
) -> int: # frames
    "Join what is complete under its final name"
    if film.spec.codec == 'png':
        if dst.suffix: write_gif(dst, film.spec, parts)
        else: write_frames(dst, parts)
        return parts.frames()
    c,_ = open_reel(src)
    with c, write_beside(dst) as tmp, new_film(tmp) as out:
        return join(out, film.spec, parts, c, packets_along(c), lambda: film.last, film.stop)

# %%
#| export
def by_parts(
    src,
    dst:Path,
    film:Film,
    make, # makes parts
    model, # a `Colorizer`
    resume:bool, # keep parts that are there
) -> int: # frames
    "From file to file: parts are kept until all are there"
    job = dict(source=identity(src), options=asdict(film.o), spec=asdict(film.spec), versions=[__version__, av.__version__],
        model=sha256(model.path.read_bytes()).hexdigest())
    parts = Parts(dst, job, resume)
    if film.spec.codec != 'png':
        with write_beside(parts.folder/f'probe{dst.suffix}') as tmp, new_film(tmp) as out: lay_out(out, film.spec, film.c)
    with closing(make(first=parts.frames(), header=dst.suffix != '.ts', total=film.total)) as new:
        for part in new: parts.add(part)
    n = finish(src, dst, film, parts)
    parts.remove()
    return n

# %%
#| export
def check_film(src, dst, o:Options, model):
    "`UsageError` if an option is out of range"
    check_options(o.size, o.saturation)
    if not 0 <= o.stabilize < 1: raise UsageError(f'stabilize {o.stabilize} is not in 0..1', '0.9 is usual, 0 is off')
    if o.layout not in LAYOUTS: raise UsageError(f"there is no layout '{o.layout}'", f'choose {", ".join(LAYOUTS)}')
    if o.preview is not None and not o.preview > 0: raise UsageError(f'a preview of {o.preview} s', 'try 10')
    if o.seed is not None and not model.card.get('noise'): raise UsageError('this model has one answer', 'leave seed out')
    if str(src) != '-' and Path(src).resolve() == Path(dst).resolve():
        raise UsageError(f"'{src}' would be written over itself", 'choose another name')

# %%
#| export
@dataclass
class Done:
    "What became of a film"
    path:Path|None # the colored film; None for the standard output
    frames:int # how many there are in it
    notes:list # what was damaged and left out

def colorize_video(
    src, # a film that FFmpeg reads, a folder of numbered frames, or '-' for the standard input
    dst, # its suffix chooses the container; without one a folder of frames; '-' for the standard output (Matroska)
    model=None, # an .onnx file or `Colorizer`; None for the artifact in the package
    size:int|None=None, # the network sees about size x size pixels; None for what it was trained on
    saturation:float=1., # factor on color: 0 is gray, 1 is as trained
    stabilize:float=.9, # how much neighboring frames count, 0..1; 0 is frame by frame
    codec:str|None=None, # h264, hevc, av1, vp9, prores or ffv1; None for what the suffix stands for
    quality:int|None=None, # on the codec's constant-quality scale, less is better; None for its default
    preview:float|None=None, # so many seconds only
    layout:str='result', # 'result', 'side-by-side' (gray, result) or 'triptych' (gray, result, truth)
    seed:int|None=None, # chooses among a model's answers, one for each shot; None for the plain one
    rate:float=24, # frames a second of a folder
    resume:bool=True, # go on with what an earlier run left
    skip_bad:bool=False, # color what there is of a film that breaks off
) -> Done:
    "Color a film; everything but its colors stays as it was"
    codec,model,notes = choose_codec(dst, codec),load_model(model),[]
    o = Options(size or model.card['size'], saturation, stabilize, layout, seed, preview)
    check_film(src, dst, o, model)
    piped = '-' in (str(src), str(dst))
    if not piped and not Path(src).is_dir(): video_length(src, notes if skip_bad else None)
    notes.clear()
    c,s = open_reel(src, rate)
    with c:
        tap = Tap(c) if str(src) == '-' else c
        film = Film(src, tap, s, o, codec, quality, notes)
        make = partial(render, film.frames(), film.spec, model, o)
        if piped: n = stream(src, dst, film, make, tap)
        else: n = by_parts(src, Path(dst), film, make, model, resume)
    for x in notes: warnings.warn(x, stacklevel=2)
    return Done(None if str(dst) == '-' else Path(dst), n, notes)
