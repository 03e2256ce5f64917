# %% [markdown]
# # Flicker
#
# > How much the colors of a film tremble, beside how much they have to
#
# A colorizer that sees one frame at a time decides anew in each: a coat is blue, then less blue, then brown for a moment. Everybody who looks at the film sees it, and hardly any program says how bad it is. `flicker_report` takes a film and any number of colored versions of it, made by any program, and says for each, for each shot and for each moment how much its colors change without a cause, and where one should look. Beside every number stands that of the true colors, because a film without any flicker is a film without any color.

# %%
#| default_exp evaluation.flicker

# %% tags=["parameters"]
width,height,seed = 192,108,7

# %%
#| export
import json, math
from collections import deque
from itertools import zip_longest
from pathlib import Path
import numpy as np
from PIL import Image
from colorbook.core import InputError, with_progress, atomic_path
from colorbook.video.read import Frame, open_video, read_frames
from colorbook.video.shots import mark_shots
from colorbook.video.flow import cv2, flow, occluded, warp

# %%
#| hide
import tempfile
from fastcore.test import *
from skimage import data
from colorbook.video.read import write_clip
from colorbook.data.synthetic import travel
from colorbook.imaging.sheet import LoopingClip
photos = [Image.fromarray(o()) for o in (data.astronaut, data.chelsea, data.coffee)]

# %% [markdown]
# First, what we are talking about. A camera moves over a photograph; on the right the color of every second frame is a little stronger and of the others a little weaker. That is made up for this chapter, and it is how the films of many colorizers look.

# %%
calm = list(travel(photos[0], 24, (width, height), (0, .2), (.3, .4)))
def tremble(ims, strength=.3, only=None):
    "The same lightness, its color stronger and weaker by turns"
    def change(i, im):
        by = 1 + strength*(-1)**i if only is None or i in only else 1
        Y,*c = im.convert('YCbCr').split()
        return Image.merge('YCbCr', [Y, *(o.point(lambda v: 128 + by*(v - 128)) for o in c)]).convert('RGB')
    return [change(i, o) for i,o in enumerate(ims)]
LoopingClip(list(zip(calm, tremble(calm))), 'A film whose colors are steady, and beside it one whose colors tremble.',
    ['true colors', 'trembling'])

# %% [markdown]
# Stop at any frame and the right picture is as believable as the left one. The fault is only between the frames, and a measure of flicker has to look there.

# %% [markdown]
# ## The distribution of colors

# %% [markdown]
# The first measure does not look at places at all. From one frame to the next people move, but the amounts of red, green and blue in the picture hardly do; if these jump, the whole picture has changed its color. Color distribution consistency [@liu2024] compares the histograms $p$ and $q$ of two frames by the Jensen-Shannon divergence, which is 0 for equal ones and $\ln2$ for those that share no value,
#
# $$\mathrm{JS}(p,q)=\tfrac12\sum_i p_i\ln\frac{p_i}{m_i}+\tfrac12\sum_i q_i\ln\frac{q_i}{m_i},\qquad m=\tfrac12(p+q)$$
#
# with 256 bins for each channel, for frames 1, 2 and 4 apart, and takes the mean over the pairs, the three distances and the channels.

# %%
#| export
DISTANCES = 1,2,4

def _rgb(o) -> Image.Image: return (o.im if isinstance(o, Frame) else o).convert('RGB')

def shares(
    im:Image.Image, # RGB
) -> np.ndarray: # 3x256, each row sums to 1
    "How large a part of the picture each value of each channel has"
    return np.reshape(im.histogram(), (3, 256))/(im.width*im.height)

def jensen_shannon(
    p:np.ndarray, # ...xN, shares
    q:np.ndarray, # the same shape
) -> float: # in 0..ln 2, the mean over the rows
    "Jensen-Shannon divergence with the natural logarithm"
    m = np.where(p + q > 0, (p + q)/2, 1)
    part = lambda a: a*np.log(np.where(a > 0, a, m)/m)
    return float((part(p) + part(q)).sum(-1).mean()/2)

# %%
#| export
class ColorSteps:
    "Divergences of a frame from those 1, 2 and 4 before it in its shot; remembers four histograms"
    def __init__(self): self.past = deque(maxlen=max(DISTANCES))
    def __call__(self,
        im:Image.Image, # RGB, the next frame
        new:bool=False, # does a shot begin?
    ) -> list: # three values; `nan` where there is no such frame
        if new: self.past.clear()
        p = shares(im)
        steps = [jensen_shannon(p, self.past[-t]) if t <= len(self.past) else math.nan for t in DISTANCES]
        self.past.append(p)
        return steps

# %%
#| export
def _mean(v) -> float:
    "Mean of what is not `nan`; `nan` if nothing is left"
    v = np.asarray(v, dtype=float)
    v = v[~np.isnan(v)]
    return float(v.mean()) if len(v) else math.nan

def cdc(
    frames, # PIL pictures or `Frame`s, or anything that yields them
) -> float: # 0 for a constant clip; `nan` for one frame
    "Color distribution consistency of a clip; a distance that it is too short for does not count"
    steps = ColorSteps()
    rows = np.reshape([steps(_rgb(o)) for o in frames], (-1, len(DISTANCES)))
    return _mean([_mean(o) for o in rows.T])

# %% [markdown]
# The value of three clips can be worked out. A still one has 0. One that is red and cyan by turns shares no value with its neighbors and all of them with the frames 2 and 4 before, which makes a third of $\ln2$. With red, green and blue by turns, two of three channels change at each step and none is there again at distances 1, 2 and 4. Without its colors the trembling clip scores low as well, which is no merit: so the figure of a colored film is read beside that of the true one.

# %%
flat = lambda *names: [Image.new('RGB', (32, 18), o) for o in names]
test_eq(cdc(flat('tan')*9), 0)
test_close(cdc(flat('red', 'cyan')*5), math.log(2)/3, eps=1e-9)
test_close(cdc(flat('red', 'lime', 'blue')*5), 2/3*math.log(2), eps=1e-9)
test_close(cdc(flat('red', 'cyan')), math.log(2), eps=1e-9)
assert math.isnan(cdc(flat('red'))) and math.isnan(cdc([]))
gray = [o.convert('L').convert('RGB') for o in calm]
assert cdc(gray) < cdc(tremble(calm))/2 and cdc(calm) < cdc(tremble(calm))/2
[round(cdc(o), 5) for o in (gray, calm, tremble(calm))]

# %% [markdown]
# ## Along the motion

# %% [markdown]
# The second measure follows each thing. The previous frame is warped to where this one is, with the [flow](../video/flow.ipynb) of the *original*, so that no version can make its own motion easier, and the squared difference is averaged over the pixels that can be followed [@lai2018]:
#
# $$E_t=\frac{\sum_x M_t(x)\,\bigl|O_t(x)-\hat O_{t-1}(x)\bigr|^2}{3\sum_x M_t(x)}$$
#
# Then the mean over the pairs is taken, and never is a pair divided by a cut. The flow is computed on gray copies whose long side has 480 pixels, with the exacter preset: for larger films that is all the motion that can be trusted, and its share of the time stays the same. No film has an error of 0: light changes, film has grain and flow is not exact. In most of them that is nearly all of the error, the same for each version, because all have the lightness of the original, and a figure of which nine tenths cannot change tells little about color. So we keep a second one, of the same differences without their luma, as television calls its weighted sum of red, green and blue: with $d$ the difference at a pixel and $w$ the weights of Rec. 601, it averages $|d-(w\cdot d)|^2$, is 0 for every gray film, and is called `color_error`. Dull colors tremble less than lively ones, too. So this error is divided by the same average over the colors themselves, and the root of the quotient, `color_change`, says by which part of itself the color changes from frame to frame: .05 are five percent of the film's color, for strong colors and for weak ones.

# %%
#| export
FLOW = dict(preset='medium', side=480) # of every figure that is compared with another

def moves(
    frames, # PIL pictures or `Frame`s of the original, or anything that yields them
    preset:str=FLOW['preset'], # of `flow`
    side:int=FLOW['side'], # longest side of the gray copies
): # yields frame, number of its shot, flow to the frame before and which pixels count: None at the beginning of a shot
    "Shots of a film, and how each frame came from the one before"
    last = None
    for o,shot in mark_shots(frames):
        gray = np.asarray(_rgb(o).convert('L'))
        scale,back,use = min(1, side/max(gray.shape)),None,None
        if last and last[1] == shot:
            back = flow(gray, last[0], preset, scale)
            use = ~occluded(back, flow(last[0], gray, preset, scale))
        yield o,shot,back,use
        last = gray,shot

# %%
#| export
COLOR = np.eye(3, dtype=np.float32) - np.array([.299, .587, .114], np.float32) # what luma does not explain

def warp_step(
    now:np.ndarray, # HxWx3 uint8
    before:np.ndarray, # the frame before it
    back:np.ndarray, # flow from `now` to `before`
    use:np.ndarray, # HxW bool: the pixels that count
) -> tuple: # mean squared difference of values in 0..1, the same of their color, and mean squared color
    "What remains of the difference of two frames when the motion is undone"
    now,n = now.astype(np.float32),int(use.sum())
    d = cv2.subtract(now, warp(before.astype(np.float32), back))
    total = lambda o: cv2.norm(o, cv2.NORM_L2SQR, use.view(np.uint8))/(3*255**2*n) if n else math.nan
    return total(d),*(total(cv2.transform(o, COLOR)) for o in (d, now))

# %%
#| export
def warp_error(
    original, # PIL pictures or `Frame`s, or anything that yields them: flow and shots come from here
    colored, # as many of the same size, in color
    **options, # of `moves`
) -> tuple: # two values, of the pictures and of their color; `nan` if no shot has two frames
    "Masked warp error of a clip, of all and of its color alone, mean over its pairs of frames (Lai et al. 2018)"
    steps,before = [],None
    for (_,_,back,use),o in zip(moves(original, **options), colored, strict=True):
        now = np.asarray(_rgb(o))
        if back is not None: steps.append(warp_step(now, before, back, use))
        before = now
    return tuple(map(_mean, np.reshape(steps, (-1, 3)).T[:2]))

# %% [markdown]
# A still clip has an error of 0, whatever its colors. If a still version is brighter by turns by $e$, the error is $e^2$, and that of its color 0; if it is redder by $e$, they are $e^2/3$ and $\frac{e^2}{3}\left(.701^2+2\cdot.299^2\right)$. Across a cut nothing is counted, and colors that tremble along a camera's way show.

# %%
still,e = flat('gray')*6,.2
test_eq(warp_error(still, flat('tan')*6), (0, 0))
by_turns = lambda *more: [Image.new('RGB', (32, 18), tuple(100 + 51*(i%2)*o for o in more)) for i in range(6)]
test_close(warp_error(still, by_turns(1, 1, 1)), (e**2, 0), eps=1e-6)
test_close(warp_error(still, by_turns(1, 0, 0)), (e**2/3, e**2/3*(.701**2 + 2*.299**2)), eps=1e-6)
cut = [o.resize((width, height)) for o in (photos[0], photos[1])]
mixed = [cut[i > 3] for i in range(8)]
test_eq(warp_error(mixed, mixed), (0, 0))
assert np.isnan(warp_error(still[:1], still[:1])).all()
true,bad,none = (warp_error(calm, o) for o in (calm, tremble(calm), gray))
assert bad[0] > 2*true[0] and bad[1] > 5*true[1] and abs(none[1]) < 1e-9
test_close(none, warp_error(gray, gray), eps=1e-9)
true,bad,none

# %% [markdown]
# ## Reading versions together

# %% [markdown]
# Programs write what they like: videos, folders of numbered pictures, frames of 480x480. A version is read beside its original, frame by frame by their numbers, and is resized to the original's size if it has another one. What cannot be forgiven is another count of frames, because then nobody knows which belongs to which; the error says where the two part.

# %%
#| export
def read_clip(
    source, # a video, a folder of numbered pictures, or PIL pictures
    rate:float=24, # frames a second, of a folder or of pictures
): # yields `Frame`s
    "The frames of anything"
    if isinstance(source, (str, Path)): return (yield from read_frames(source, rate=rate))
    for i,o in enumerate(source): yield o if isinstance(o, Frame) else Frame(o.convert('RGB'), i/rate, i)

# %%
#| export
def side_by_side(
    moved, # what `moves` yields of the original
    versions:dict, # names and what yields their `Frame`s
): # yields what `moves` yields and a list of `Frame`s
    "The original with the same frame of each version; `InputError` where one has more or fewer frames"
    number,time,end = 0,0.,None
    for row,*others in zip_longest(moved, *versions.values()):
        for name,o in zip(versions, others):
            if o is None: end = f"'{name}' ends after {number} frames, where the original is at {row[0].time:.2f} s"
            elif row is None: end = f"'{name}' goes on after the {number} frames of the original ({time:.2f} s)"
            if end: raise InputError(end, 'compare files with the same frames')
        number,time = number + 1,row[0].time
        yield row,others

# %% [markdown]
# Is the original in color? Many films that are colored are not, and may be brown or blue all the same. What counts is color that lightness does not explain: the differences of the channels are fitted by a parabola of lightness, and what is left is measured. In toned pictures nothing is.

# %%
#| export
def own_color(
    im:Image.Image, # RGB
) -> float: # levels of 255; 0 for gray and, nearly, for toned pictures
    "Root mean square of the color that does not follow from lightness"
    r,g,b = np.asarray(im.resize((48, 27), Image.Resampling.NEAREST), np.float64).reshape(-1, 3).T
    Y = (.299*r + .587*g + .114*b)/255
    powers,color = np.stack([Y**0, Y, Y**2], 1),np.stack([r - g, b - g], 1)
    rest = color - powers@np.linalg.lstsq(powers, color, rcond=None)[0]
    return float(np.sqrt(np.square(rest).sum(1).mean()))

# %%
from PIL import ImageOps
toned = [ImageOps.colorize(o.convert('L'), '#201008', '#fff0d0', mid='#907050') for o in photos]
assert max(own_color(o) for o in toned) < 3 < 6 < min(own_color(o) for o in photos)
test_close(own_color(gray[0]), 0, eps=1e-6)
[round(own_color(o), 1) for o in photos + toned]

# %% [markdown]
# ## The report

# %% [markdown]
# For each frame and version six numbers are kept, the divergences at three distances, the two warp errors and the amount of color, and no picture. From them come the figures of the film and of each shot. The *excess* is a version's figure less that of the true colors: what the colorizer has added. It may be negative, for colors duller than the true ones: what moves less because there is less of it is no achievement. Only the last, `color_change`, is free of that.

# %%
#| export
COLUMNS = 'cdc_1','cdc_2','cdc_4','warp_error','color_error','color'

def figures(
    rows:np.ndarray, # frames x 6, see `COLUMNS`
) -> dict: # `cdc`, `warp_error`, `color_error`, `color_change`; `nan` where there is no pair, the last for gray too
    "The measures of some frames"
    per = [_mean(o) for o in np.reshape(rows, (-1, 6)).T]
    change = math.sqrt(per[4]/per[5]) if per[5] > (.5/255)**2 else math.nan
    return dict(cdc=_mean(per[:3]), warp_error=per[3], color_error=per[4], color_change=change)

# %% [markdown]
# Where to look? At the moments where the color of a version differs from its warped predecessor by more than that of the original does; a gray original has 0 there. Each moment is kept with two small pictures, a moment less than half a second from a worse one is the same moment, and one that is not a hundredth as bad as the worst is none.

# %%
#| export
class Moments:
    "The worst moments so far: the worst frame of each half second, and of these the worst"
    def __init__(self,
        keep:int=6, # how many
        apart:float=.5, # seconds between two of them
    ): self.keep,self.apart,self.best = keep,apart,{}

    def add(self,
        value:float, # how bad; 0 and less, and `nan`, is not
        time:float, # seconds
        number:int, # of the frame
        pictures, # a function without arguments, called if the moment may be kept
    ):
        key,full = int(time//self.apart),len(self.best) >= 3*self.keep
        least = self.best[key]['value'] if key in self.best else min(self._values()) if full else 0
        if not value > least: return
        if full and key not in self.best: del self.best[min(self.best, key=lambda k: self.best[k]['value'])]
        self.best[key] = dict(frame=number, time=time, value=value, pictures=pictures())

    def _values(self): return [o['value'] for o in self.best.values()]

    @property
    def found(self) -> list: # the worst first
        out = []
        for o in sorted(self.best.values(), key=lambda o: -o['value']):
            if all(abs(o['time'] - k['time']) >= self.apart for k in out): out.append(o)
        return [o for o in out[:self.keep] if o['value'] > .01*out[0]['value']]

# %%
worst,ramp = Moments(keep=2),Moments()
for i,v in enumerate([0, 1, 3, 2, 0, 9, 0, 4, 1, math.nan]): worst.add(v, i*.3, i, lambda: ())
for i in range(3000): ramp.add(i, i/24, i, lambda: ())
test_eq([o['frame'] for o in worst.found], [5, 7])
test_eq([o['frame'] for o in ramp.found], [2999, 2987, 2975, 2963, 2951, 2939])
[(o['frame'], o['value']) for o in worst.found]

# %%
#| export
class Track:
    "A version while it is measured"
    def __init__(self, name:str):
        self.name,self.rows,self.steps,self.before,self.size,self.worst = name,[],ColorSteps(),None,None,Moments()

    def add(self,
        f:Frame, # of this version
        size:tuple, # of the original
        back, use, # flow and mask, or None at the beginning of a shot
        floor:Frame|None=None, # the original's frame, whose `Track` has it already
        base:float=0., # color error of the original at this frame
    ):
        self.size = self.size or f.im.size
        im = f.im if f.im.size == size else f.im.resize(size, Image.Resampling.BICUBIC)
        now,before = np.asarray(im),self.before
        errors = (math.nan,)*3 if back is None else warp_step(now, before, back, use)
        self.rows.append((*self.steps(im, back is None), *errors))
        if floor: self.worst.add(errors[1] - base, floor.time, floor.number, lambda: [_small(o) for o in (before, now)])
        self.before = now

def _small(x:np.ndarray) -> Image.Image:
    im = Image.fromarray(x)
    im.thumbnail((180, 120))
    return im

# %%
#| export
def with_excess(
    ours:dict, # figures
    true:dict|None, # those of the true colors
) -> dict: # with what the first has more
    "Figures beside the truth"
    return dict(ours, **{f'{k}_excess': ours[k] - true[k] if true else None for k in ours})

# %%
#| export
def _plain(o):
    if isinstance(o, dict): return {k: _plain(v) for k,v in o.items()}
    if isinstance(o, (list, tuple)): return [_plain(v) for v in o]
    return None if isinstance(o, float) and math.isnan(o) else o.item() if isinstance(o, np.generic) else o

# %%
#| export
class FlickerReport:
    "What `flicker_report` found"
    def __init__(self, tracks, times, shots, color):
        self.tracks,self.times,self.shots = tracks,np.array(times),np.array(shots, dtype=int)
        self.rows,self.truth = [np.reshape(o.rows, (-1, 6)) for o in tracks],color >= 3

    def compare(self,
        i:int, # number of the version, from 1; 0 is the original
        where=slice(None), # which frames
    ) -> dict: # figures and their excess
        return with_excess(figures(self.rows[i][where]), figures(self.rows[0][where]) if self.truth else None)

    def by_shot(self, i:int) -> list: # a dictionary for each shot
        out = []
        for shot in range(self.shots.max(initial=-1) + 1):
            at = np.flatnonzero(self.shots == shot)
            when = dict(shot=shot, start=float(self.times[at[0]]), stop=float(self.times[at[-1]]), frames=len(at))
            out.append(dict(when, **self.compare(i, at)))
        return out

    def version(self, i:int) -> dict: # figures, shots, moments and timeline
        t = self.tracks[i]
        worst = [{k: o[k] for k in ('frame', 'time', 'value')} for o in t.worst.found]
        line = dict(zip(COLUMNS, self.rows[i].T.tolist()))
        return dict(name=t.name, size=t.size, **self.compare(i), shots=self.by_shot(i), worst=worst, timeline=line)

    def as_dict(self) -> dict: # for JSON: no `nan`
        return _plain(dict(original=self.version(0), truth=bool(self.truth), flow=FLOW, frames=len(self.times),
            times=self.times.tolist(), versions=[self.version(i) for i in range(1, len(self.tracks))]))

    def save(self, path:str|Path):
        "Write JSON"
        with atomic_path(path) as tmp: tmp.write_text(json.dumps(self.as_dict()), encoding='utf-8')

# %%
#| export
def _names(sources, names=None) -> list:
    "A name for each version, no two the same"
    out = []
    for i,o in enumerate(sources):
        name = names[i] if names else str(o) if isinstance(o, (str, Path)) else f'version {i}' if i else 'original'
        out.append(f'{name} ({i})' if name in out else name)
    return out

def flicker_report(
    original, # a video, a folder of numbered pictures, or PIL pictures: in color if the true colors are known
    *colored, # versions of it, made by any program
    names:list|None=None, # of all, the original first
    truth:bool|None=None, # does the original have the true colors? None looks
) -> FlickerReport:
    "How much the colors of each version tremble, beside the true ones; memory does not depend on the length"
    tracks = [Track(o) for o in _names([original, *colored], names)]
    first,*rest = tracks
    versions = dict(zip([o.name for o in rest], map(read_clip, colored)))
    times,shots,color,n = [],[],[],_count(original)
    pairs = side_by_side(moves(read_clip(original)), versions)
    for (f,shot,back,use),others in with_progress(pairs, 'measuring', n):
        first.add(f, f.im.size, back, use)
        for t,o in zip(rest, others): t.add(o, f.im.size, back, use, f, first.rows[-1][4])
        times.append(f.time), shots.append(shot), color.append(own_color(f.im))
    return FlickerReport(tracks, times, shots, 3*bool(truth) if truth is not None else np.mean(color or [0]))

def _count(source) -> int|None:
    "Frames that a video says it has"
    if not isinstance(source, (str, Path)) or Path(source).is_dir(): return None
    c,s = open_video(source)
    with c: return s.frames or None

# %% [markdown]
# Two shots of a second each; one version is the original itself, one trembles all the time, one at frames 10 and 30 only. The original has no excess over itself, the trembling one has in both measures and in both shots, and the moments are found where they were put. Frame 24 begins a shot and is never among them.

# %%
clip = calm + list(travel(photos[1], 24, (width, height), (0, 0), (.3, .2)))
spots = tremble(clip, .5, only=(10, 30))
report = flicker_report(clip, clip, tremble(clip), spots, names=['true', 'same', 'trembling', 'spots'])
same,bad,spot = (report.compare(i) for i in (1, 2, 3))
test_eq((report.truth, *[same[f'{k}_excess'] for k in figures([])]), (True, 0, 0, 0, 0))
assert all(bad[f'{k}_excess'] > 2*report.compare(0)[k] for k in figures([]))
test_close([same['warp_error'], same['color_error']], warp_error(clip, clip), eps=1e-9)
test_eq([(o['shot'], o['frames']) for o in report.by_shot(2)], [(0, 24), (1, 24)])
assert all(o['color_error_excess'] > 0 and o['cdc_excess'] > 0 for o in report.by_shot(2))
test_eq({o['frame'] for o in report.tracks[3].worst.found[:2]} <= {10, 11, 30, 31}, True)
test_eq(report.tracks[1].worst.found, [])
report.by_shot(3)

# %% [markdown]
# People will give it files: a version that is smaller, one in a folder of frames, one with a frame too few, which is refused. And where the original is gray there is no truth to compare with.

# %%
home = Path(tempfile.mkdtemp())
def write(ims, name, **how): return write_clip(ims, home/name, crf=4, **how)
files = [write(clip, 'true.mp4'), write([o.resize((96, 96)) for o in clip], 'small.mp4'), home/'frames']
(home/'frames').mkdir()
for i,o in enumerate(spots): o.save(home/f'frames/{i:05}.png')
found = flicker_report(*files)
test_eq([o.size for o in found.tracks], [(width, height), (96, 96), (width, height)])
test_close(found.compare(0)['warp_error'], report.compare(0)['warp_error'], eps=1e-4)
test_eq({o['frame'] for o in found.tracks[2].worst.found[:2]} <= {10, 11, 30, 31}, True)
test_fail(lambda: flicker_report(files[0], write(clip[:-1], 'short.mp4')), exc=InputError, contains='ends after 47')
test_fail(lambda: flicker_report(clip[:9], files[0]), exc=InputError, contains='goes on after the 9')
blind = flicker_report([o.convert('L') for o in calm], calm, tremble(calm))
test_eq((blind.truth, blind.compare(2)['cdc_excess']), (False, None))
assert math.isnan(blind.compare(0)['color_change']) and blind.compare(0)['color_error'] < 1e-9
assert blind.compare(2)['color_change'] > 2*blind.compare(1)['color_change']
half = flicker_report(calm, tremble(calm, strength=0), [Image.blend(*o, .5) for o in zip(gray, calm)])
test_close(half.compare(2)['color_error'], half.compare(0)['color_error']/4, eps=2e-6)
test_close(half.compare(2)['color_change'], half.compare(0)['color_change'], eps=.005)
slow = list(travel(photos[0], 2, (width, height), (0, .2), (.01, .2)))
for n in (0, 1, 2):
    few = flicker_report(slow[:n], tremble(slow[:n]))
    test_eq((len(few.times), math.isnan(few.compare(1)['cdc'])), (n, n < 2))
found.save(home/'report.json')
test_eq(json.loads((home/'report.json').read_text())['versions'][1]['shots'][1]['start'], 1)

# %% [markdown]
# ## What we have
#
# - `cdc` and `warp_error`, as published, the part of the latter that is color, and constant memory for films of any length;
# - `flicker_report` for the versions of any program, by film, shot and moment, always beside the truth where there is one;
# - figures as JSON, from which the [next chapter](flicker_plot.ipynb) draws where to look.

# %% [markdown]
# ## Exercises
#
# 1. Smooth the color of the trembling version over five frames. Which of the two measures falls faster, and what does that do at the cut?
# 2. Let the trembling have a period of four frames. What do the three distances of the divergence say about the period?
# 3. Compute the flow on the colored version instead of the original. By how much can a version that is smeared lower its own error?
