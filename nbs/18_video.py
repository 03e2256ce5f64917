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
import io, json, math, shutil, threading, warnings
from collections import deque
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from hashlib import sha256
from itertools import chain, groupby
from pathlib import Path
from queue import Full, Queue
import av, numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image
from colorbook import __version__
from colorbook.colorize import check_options, load_model, net_size, small_light, upright
from colorbook.core import InputError, OutputError, UsageError, with_progress, write_beside
from colorbook.film import QUALITY, decode, is_high, mark_shots, video_length
from colorbook.paint import _rgb2xyz, _tables, chroma_maps, paint, srgb_encode
from colorbook.picture import Picture
from colorbook.reel import Spec, choose_codec, display_matrix, encode_part, frame_files, join, lay_out, load_part
from colorbook.reel import new_film, open_reel, packets_along, save_part, spec_of
from colorbook.stabilize import stabilize

# %%
#| export
_orientations = {(-1,0,0,1): 2, (-1,0,0,-1): 3, (1,0,0,-1): 4, (0,1,1,0): 5, (0,1,-1,0): 6, (0,-1,-1,0): 7, (0,-1,1,0): 8}

def orientation(
    matrix:list|None, # of display, nine integers
) -> int: # as in EXIF, 1..8
    "How stored frames have to be turned to be upright"
    return _orientations.get(tuple(int(np.sign(matrix[i])) for i in (0, 1, 3, 4)), 1) if matrix else 1

# %%
#| export
_gray_of_light = np.rint(srgb_encode((np.arange(4096) + .5)/4096)*255).astype(np.uint8)
_full_range = ((np.arange(256) - 16)*(255/219)).round().clip(0, 255).astype(np.uint8)

def plane(f:av.VideoFrame, i:int) -> np.ndarray: # rows x columns
    "One plane of a frame of 8 bits, without copying"
    p = f.planes[i]
    return np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:,:p.width]

def gray_of(
    f:av.VideoFrame, # decoded
    convert:VideoReformatter, # the same for all frames
) -> np.ndarray: # HxW, uint8
    "The frame in gray: its luma if it has no color, else gray of the same L*"
    if f.format.name in ('yuv420p', 'yuv422p', 'yuv444p', 'yuvj420p', 'yuvj422p', 'yuvj444p', 'gray'):
        if all(abs(int(o) - 128) <= 2 for i in range(1, len(f.planes)) for o in (plane(f, i).min(), plane(f, i).max())):
            full = f.color_range == 2 or f.format.name[3] == 'j' or f.format.name == 'gray'
            return plane(f, 0).copy() if full else _full_range.take(plane(f, 0))
    space = 'ITU709' if f.colorspace == 2 and is_high(f.width, f.height) else None
    x = convert.reformat(f, format='rgb24', src_colorspace=space, interpolation=QUALITY).to_ndarray()
    Y = sum((_tables()[0]*np.float32(w*4096)).take(x[...,i]) for i,w in enumerate(_rgb2xyz[1]))
    return _gray_of_light.take(Y.astype(np.int16), mode='clip')

# %%
#| export
@dataclass
class Seen:
    "A frame on its way"
    frame:av.VideoFrame # as decoded
    im:Image.Image # very small and in color, to find cuts by
    pts:int # its time in units of the stream
    number:int # its place, from 0
    shot:int=0 # the number of its shot
    cut:bool=False # is it the first of its shot?
    gray:np.ndarray|None=None # as stored, uint8
    L:np.ndarray|None=None # the network's copy, upright, 0..1

# %%
#| export
def watch(
    video, # for errors
    c, s, # container and stream
    stop:float=math.inf, # end before this time, seconds
    bad:list|None=None, # takes what is damaged
): # yields `Seen`
    "Decoded frames with their times and shots"
    step,tiny = max(1, round(1/((s.average_rate or 24)*s.time_base))),VideoReformatter()
    def read():
        first,last = None,None
        for n,f in enumerate(decode(video, c, s, bad)):
            pts = f.pts if f.pts is not None else n*step
            pts = pts if last is None or pts > last else last + 1
            first,last = pts if first is None else first,pts
            if (pts - first)*s.time_base >= stop: return
            yield Seen(f, tiny.reformat(f, 64, 36, 'rgb24', interpolation=Interpolation.AREA).to_image(), pts, n)
    last = None
    for o,o.shot in mark_shots(read()):
        o.cut,last = o.shot != last,o.shot
        yield o

# %%
#| export
def reduce(
    seen, # yields `Seen`
    size:int, # the network sees about size x size pixels
    multiple:int, # what both sides must be divisible by
    aspect:float=1., # width of a pixel divided by its height
    first:int=0, # frames before this one are not needed
): # yields `Seen`, with `gray` and `L`
    "What the network is to see of each frame"
    convert = VideoReformatter()
    for o in seen:
        if o.number < first: continue
        o.gray = gray_of(o.frame, convert)
        h,w = o.gray.shape
        small = small_light(Picture(Image.fromarray(o.gray)), *net_size(w*aspect, h, size, multiple))
        o.L = np.ascontiguousarray(upright(small, orientation(display_matrix(o.frame))))
        yield o

# %%
#| export
def frame_by_frame(
    model, # a `Colorizer`
    seed:int|None=None, # of the noise, drawn once for each shot; None for none
): # a source of colors
    "Colors of each frame by itself"
    def colors(seen): # yields pairs of `L` and whether a shot begins; gives color in the same order
        shot,z = 0,None
        for L,cut in seen:
            shot += cut
            if cut and seed is not None:
                z = np.random.default_rng((seed, shot)).standard_normal(model.card['noise']).astype(np.float32)
            yield model.ab(L, z)
    return colors

# %%
#| export
def colored(
    seen, # yields `Seen`
    colors, # a source of colors
): # yields pairs of a frame and its color
    "Frames and their colors, which may come late"
    waiting = deque()
    def given():
        for o in seen:
            waiting.append(o)
            yield o.L,o.cut
    for ab in colors(given()): yield waiting.popleft(),ab

# %%
#| export
LAYOUTS = {'result': 1, 'side-by-side': 2, 'triptych': 3}

def paint_frame(
    o:Seen,
    ab:np.ndarray, # 2xhxw, upright
    layout:str='result', # one of `LAYOUTS`
    saturation:float=1., # factor on color
    stand:bool=False, # upright, not as stored
) -> np.ndarray: # HxWx4, RGBA
    "The frame in color, or beside its gray and its truth"
    k = orientation(display_matrix(o.frame))
    turn = lambda x, back=True: upright(x, k, back)
    ab = np.ascontiguousarray(np.moveaxis(turn(np.moveaxis(ab, 0, -1)), -1, 0))
    maps,out = chroma_maps(np.ascontiguousarray(turn(o.L)), ab),np.empty((*o.gray.shape, 4), np.uint8)
    paint(o.gray, maps, out, saturation)
    if layout == 'result': return turn(out, False) if stand else out
    panels = [np.dstack([o.gray]*3 + [np.full_like(o.gray, 255)]), out]
    if layout == 'triptych': panels.append(o.frame.to_ndarray(format='rgba'))
    wide = np.hstack([turn(x, False) for x in panels])
    return wide if stand else turn(wide)

# %%
#| export
def ahead(
    items, # a generator
    n:int=4, # how many may wait
): # yields the same
    "Run a generator in a thread of its own, a few items ahead"
    q,done = Queue(n),threading.Event()
    def put(o):
        while not done.is_set():
            try: return q.put(o, timeout=.1)
            except Full: pass
    def work():
        try:
            with closing(items):
                for o in items:
                    put((o, None))
                    if done.is_set(): return
            put((None, StopIteration()))
        except BaseException as e: put((None, e))
    t = threading.Thread(target=work, daemon=True)
    t.start()
    try:
        while True:
            o,e = q.get()
            if isinstance(e, StopIteration): return
            if e: raise e
            yield o
    finally:
        done.set()
        t.join()

# %%
#| export
def divide(
    frames, # yields pairs of `Seen` and anything
    longest:int=120, # frames of a part
    shortest:int=24, # of a part that ends at a cut
): # yields the frames of each part
    "Parts end at cuts, or when they are long"
    def numbered():
        part,n = 0,0
        for o,x in frames:
            if n == longest or (o.cut and n >= shortest): part,n = part + 1,0
            n += 1
            yield part,o,x
    for _,group in groupby(numbered(), lambda o: o[0]): yield ((o,x) for _,o,x in group)

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
