# %% [markdown]
# # Flicker and its timeline
#
# > How much the colors of a film tremble, beside how much they have to
#
# A colorizer that sees one frame at a time decides anew in each: a coat is blue, then less blue, then brown for a moment. Everybody who looks at the film sees it, and hardly any program says how bad it is. `flicker_report` takes a film and any number of colored versions of it, made by any program, and says for each, for each shot and for each moment how much its colors change without a cause, and where one should look. `plot_flicker` draws that in one picture (@fig-flicker), for a film of any length. Beside every number stands that of the true colors, because a film without any flicker is a film without any color.

# %%
#| default_exp evaluation.flicker

# %% tags=["parameters"]
width,height,seed = 192,108,7

# %%
#| export
import json, math
from collections import deque
from pathlib import Path
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from colorbook.core import OutputError, with_progress, atomic_path
from colorbook.evaluation.naturalness import own_color
from colorbook.video.read import Frame, open_video, read_clip, side_by_side
from colorbook.video.shots import mark_shots
from colorbook.video.flow import cv2, flow, occluded, warp

# %%
#| hide
import tempfile, matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data
from colorbook.core import InputError
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
    v = [o for o in v if not math.isnan(o)]
    return float(np.mean(v)) if v else math.nan

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
# ## The report

# %% [markdown]
# The versions of a film come as videos, as folders of numbered pictures, in other sizes. They are [read together with the original](../video/read.ipynb#versions-of-a-film) and resized to its size, and another count of frames is an error. Whether the original has the true colors is [looked at](naturalness.ipynb#is-it-in-color), if the caller does not say so. For each frame and version six numbers are kept, the divergences at three distances, the two warp errors and the amount of color, and no picture. From them come the figures of the film and of each shot. The *excess* is a version's figure less that of the true colors: what the colorizer has added. It may be negative, for colors duller than the true ones: what moves less because there is less of it is no achievement. Only the last, `color_change`, is free of that.

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
# ## The timeline

# %% [markdown]
# Who has to decide between two programs, or to repair a film, wants to see the places. A film of two hours has 172,800 frames, and a line of a thousand pixels: each column shows the largest value in it, or the one bad frame would not be seen. Above are the divergences between neighbors, below the warp errors of the color, the original in gray, cuts as light lines. Then come the worst moments of each version: the frame before and the frame, with the time under it. It is drawn with Pillow, because an installation that only colors films has no plotting library.

# %%
#| export
COLORS = '#888888','#c23b22','#1f6fb2','#2e8b57','#b8860b','#7b4fa3','#444444'

def peaks(
    values:np.ndarray, # one for each frame, some `nan`
    columns:int,
) -> np.ndarray: # `columns` values, `nan` where there is none
    "The largest value in each column"
    out,at = np.full(columns, np.nan),np.arange(len(values))*columns//max(1, len(values))
    np.fmax.at(out, at, values)
    return out

def _curve(d, values, box, top, color):
    "One line in a panel; columns without a value are passed over"
    x0,y0,w,h = box
    line = peaks(values, min(w, max(1, len(values))))
    points = [(x0 + (i + .5)*w/len(line), y0 + h*(1 - v/top)) for i,v in enumerate(line) if not math.isnan(v)]
    if len(points) > 1: d.line(points, color, 2)

# %%
test_eq(peaks(np.array([1, 5, np.nan, 2, 0, 3]), 3).tolist(), [5, 2, 3])
many = np.zeros(172800)
many[100001] = 1
test_eq(np.flatnonzero(peaks(many, 1160)), [100001*1160//172800])
assert np.isnan(peaks(np.array([np.nan]*3), 5)).all() and np.isnan(peaks(np.array([]), 5)).all()

# %%
#| export
def _panel(d, report, column, title, box, font):
    "All versions in one measure"
    x0,y0,w,h = box
    n,top = len(report.times),max([np.nanmax(o[:,column], initial=0) for o in report.rows]) or 1
    for i in np.flatnonzero(np.diff(report.shots)) + 1: d.line([(x0 + i*w/n, y0), (x0 + i*w/n, y0 + h)], '#dddddd')
    d.rectangle([x0, y0, x0 + w, y0 + h], outline='#aaaaaa')
    for i,o in enumerate(report.rows): _curve(d, o[:,column], box, top, COLORS[i%len(COLORS)])
    d.text((x0, y0 - 18), f'{title}, up to {top:.2g}', 'black', font)
    for t,anchor,x in ((report.times[:1], 'la', x0), (report.times[-1:], 'ra', x0 + w)):
        if len(t): d.text((x, y0 + h + 3), _clock(t[0]), 'black', font, anchor)

def _clock(t:float) -> str: return f'{int(t)//60}:{t%60:05.2f}'

# %%
#| export
def plot_flicker(
    report:FlickerReport,
    path:str|Path, # .png or another suffix that Pillow writes
) -> Path: # the file
    "Draw the timeline and the worst moments"
    font,left,w = ImageFont.load_default(13),20,1160
    out = Image.new('RGB', (1200, 330 + 20*len(report.tracks) + sum(map(_high, report.tracks[1:]))), 'white')
    d = ImageDraw.Draw(out)
    _panel(d, report, 0, 'divergence of color from the frame before', (left, 30, w, 110), font)
    _panel(d, report, 4, 'warp error of the color', (left, 190, w, 110), font)
    for i,t in enumerate(report.tracks):
        y = 325 + 20*i
        d.rectangle([left, y, left + 12, y + 12], COLORS[i%len(COLORS)])
        d.text((left + 20, y - 2), t.name, 'black', font)
    for t in report.tracks[1:]:
        _strip(out, t, y + 30, font)
        y += _high(t)
    try:
        with atomic_path(path) as tmp: out.save(tmp)
    except ValueError as e: raise OutputError(f"cannot write '{path}' as a picture", 'call it .png') from e
    return Path(path)

def _high(track) -> int: return 75 + 2*max([im.height for o in track.worst.found for im in o['pictures']], default=-20)

def _strip(out, track, y, font):
    "The worst moments of a version in a row: before above, after below"
    d = ImageDraw.Draw(out)
    d.text((20, y), f'{track.name}: ' + ('worst moments' if track.worst.found else 'no bad moment'), 'black', font)
    for k,o in enumerate(track.worst.found):
        x = 20 + 195*k
        for j,im in enumerate(o['pictures']): out.paste(im, (x, y + 20 + j*(im.height + 3)))
        d.text((x, y + 25 + 2*im.height), f"{_clock(o['time'])}  +{o['value']:.2g}", 'black', font)

# %% [markdown]
# As an example take two shots and two versions, one of which trembles all the time, while the other loses most of its color in two frames. In the lower panel look for a line that is high everywhere, and for one that has two spikes.

# %%
clip = [o for im,n in zip(photos, (24, 36)) for o in travel(im, n, (width, height), (0, 0), (.3, .2))]
ways = [tremble(clip), tremble(clip, .8, only=(9, 41))]
report = flicker_report(clip, *ways, names=['original', 'trembles', 'two frames'])
plot = np.asarray(Image.open(plot_flicker(report, home/'timeline.png')), int)
rgb = lambda o: [int(o[i:i + 2], 16) for i in (1, 3, 5)]
def rows_of(color): return np.flatnonzero((plot[190:301,25:1175] == rgb(color)).all(2).any(1))
assert rows_of(COLORS[1]).min() < rows_of(COLORS[0]).min()
assert (plot[195:295,20 + 1160*24//60] == rgb('#dddddd')).all(1).any()
test_fail(lambda: plot_flicker(report, home/'timeline.what'), exc=OutputError, contains='timeline.what')
test_eq(Image.open(plot_flicker(flicker_report([]), home/'none.png')).width, 1200)
[[(o['frame'], round(o['value'], 4)) for o in t.worst.found[:3]] for t in report.tracks]

# %%
#| label: fig-flicker
#| fig-cap: "A timeline: one version trembles all the time, one loses its color for two frames."
def show_file(path, height=7):
    "A picture, no axes"
    fig,ax = plt.subplots(figsize=(9, height), layout='constrained')
    ax.imshow(Image.open(path))
    ax.axis('off')
show_file(home/'timeline.png')

# %% [markdown]
# The version that trembles is far above the gray line of the original from beginning to end. The other one lies on the original and leaves it twice, once in each shot. Below are the worst moments, the frame before above and the frame itself below: at 0:00.42 and 0:01.75 color is back that was gone in the frame before.

# %% [markdown]
# ## What we have
#
# - `cdc` and `warp_error`, as published, the part of the latter that is color, and constant memory for films of any length;
# - `flicker_report` for the versions of any program, by film, shot and moment, always beside the truth where there is one;
# - figures as JSON, and `plot_flicker`, one picture that shows where the colors of a film tremble, whatever its length, with the worst moments of each version.

# %% [markdown]
# ## Exercises
#
# 1. Smooth the color of the trembling version over five frames. Which of the two measures falls faster, and what does that do at the cut?
# 2. Let the trembling have a period of four frames. What do the three distances of the divergence say about the period?
# 3. Compute the flow on the colored version instead of the original. By how much can a version that is smeared lower its own error?
# 4. Draw the excess over the original instead of both curves. When is that easier to read, and what does it hide?
# 5. Sort the moments by time instead of by badness, and put each under its place in the panel.
