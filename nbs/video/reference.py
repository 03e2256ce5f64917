# %% [markdown]
# # A colored frame as reference
#
# > Exemplar-based coloring: one frame in color tells its shot what the others are
#
# A network guesses, and sometimes a person knows: the uniform was blue, the car was red. To paint that into every frame is a month's work; to paint it into one is an afternoon's, with a brush or with another program. Such a frame is called a *reference*. The frames around it show the same things, and optical flow says where they went. In this chapter one colored frame steers the whole of its shot. Its colors are carried along the motion as far as they can be followed; for the rest the network's colors are corrected by the mistakes that it made in the reference; other shots are not touched. It need not be known at which second the frame stands: it is found in the film by its light.

# %%
#| default_exp video.reference

# %% tags=["parameters"]
seed,n,width,height = 5,24,256,144

# %%
#| export
from collections import deque
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
import numpy as np
from PIL import Image
from colorbook.core import InputError, UsageError
from colorbook.imaging.opening import upright
from colorbook.imaging.io import read_picture
from colorbook.video.flow import PRESETS, cv2, flow, grid, visibility, warp
from colorbook.video.model import color_source
from colorbook.video.steps import prepare, watch
from colorbook.video.read import frame_rate, open_reel

# %%
#| hide
import tempfile
from types import SimpleNamespace
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data
from colorbook.data.synthetic import travel
from colorbook.imaging.sheet import contact_sheet, LoopingClip
from colorbook.video.model import load_film_model
from colorbook.video.steps import paint_frame, with_colors
from colorbook.video.read import read_frames, write_clip

# %% [markdown]
# ## The picture

# %% [markdown]
# A reference may have any size, but it must be a frame of the film: the same shape, and in color. Its light is not used; that is the film's own. Its color is reduced to the grid on which a network answers, as the network's own truth was in training: first the picture is made as small as the network's copy, then its $a$ and $b$ are averaged.

# %%
#| export
def check_shape(
    im:Image.Image, # the reference, upright
    w:float, # of the film, upright with square pixels
    h:float,
    name:str='reference', # for errors
):
    "`InputError` if a picture cannot be a frame of a film"
    if 1/1.03 < im.width/im.height/(w/h) < 1.03: return
    raise InputError(f"'{name}' is {im.width}x{im.height}, and the film {w:.0f}x{h:.0f}",
        'give a frame of the film, not cropped')

def reference_color(
    im:Image.Image, # a frame in color, upright, any size
    shape:tuple, # rows and columns of the network's copy
    small:tuple, # rows and columns of its answer
    name:str='reference', # for errors
) -> np.ndarray: # 2xhxw, in units of 110
    "Color of a reference on the network's grid; `InputError` if it has none"
    x = np.asarray(im.convert('RGB').resize(shape[::-1], Image.Resampling.BOX), np.float32)/255
    ab = cv2.resize(cv2.cvtColor(x, cv2.COLOR_RGB2Lab)[...,1:]/110, small[::-1], interpolation=cv2.INTER_AREA)
    if np.abs(ab).max() < .02: raise InputError(f"'{name}' has no color", 'give a frame that was colored')
    return np.moveaxis(ab, -1, 0)

# %%
cup = Image.fromarray(data.coffee())
ab = reference_color(cup, (128, 192), (32, 48))
again = reference_color(cup.resize((1200, 800)), (128, 192), (32, 48))
assert ab.shape == (2, 32, 48) and np.abs(ab - again).mean() < .005
plain = reference_color(Image.new('RGB', (60, 40), (255, 0, 0)), (128, 192), (32, 48))
test_close(plain[:,0,0]*110, [80.1, 67.2], eps=.2)
test_fail(lambda: reference_color(cup.convert('L'), (128, 192), (32, 48)), exc=InputError, contains='no color')
check_shape(cup, 1199, 800)
test_fail(lambda: check_shape(cup, 800, 800), exc=InputError, contains='not cropped')
ab.mean((1, 2))

# %% [markdown]
# ## Carried along

# %% [markdown]
# From the reference we track through the shot, forward and backward, frame by frame. The flow $f_t$ leads from a frame to the one before it on the way, and what we keep is where each pixel comes *from*, in the reference: $m_t(x) = f_t(x) + m_{t-1}(x + f_t(x))$. To carry places instead of colors has two advantages. Color is looked up once, in the reference itself, so it does not get paler with every step. And errors can be taken back: at each step the search for flow begins anew between the frame and the reference, from $m_t$ as a first guess.
#
# How far a place can be believed we see from the lightness that is found there. The weight is $e^{-4d^2}$ with $d$ the difference: mild, since even a doubtful place is usually in the right thing. But it never rises again on the way: where something was hidden in one frame, whatever is found in later ones is there by chance.

# %%
#| export
def refine(
    a:np.ndarray, # gray, uint8 HxW, at least 12 pixels a side
    b:np.ndarray, # the same size
    first:np.ndarray, # a guess of the flow from `a` to `b`
) -> np.ndarray: # HxWx2
    "Flow from `a` to `b`, searched from a first guess"
    if min(a.shape) < 32: return first
    guess = np.ascontiguousarray(first, np.float32).copy()
    return cv2.DISOpticalFlow_create(PRESETS['fast']).calc(np.ascontiguousarray(a), np.ascontiguousarray(b), guess)

# %%
#| export
def track(
    ref:np.ndarray, # lightness of the reference, hxw, uint8
    others, # lightness of the frames beside it, nearest first
    sharp:float=4., # how much a difference in lightness counts
): # yields for each the flow to the reference, and how far it can be believed, in 0..1
    "Where the pixels of frame after frame come from"
    h,w = ref.shape
    near,move,trust = ref,np.zeros((h, w, 2), np.float32),np.ones((h, w), np.float32)
    for gray in others:
        f = flow(gray, near)
        move = refine(gray, ref, f + warp(move, f))
        x,y = cv2.split(grid(h, w) + move)
        inside = (x >= -.5) & (x <= w - .5) & (y >= -.5) & (y <= h - .5)
        seen = visibility(gray/np.float32(255), warp(ref, move)/np.float32(255), sharp)*inside
        trust = np.minimum(warp(trust, f), seen)
        near = gray
        yield move,trust

# %% [markdown]
# A camera moves over a photograph for a second, by two fifths of what it sees in both directions. At the end the places are right within a pixel wherever they are believed, and what came in from the side is not believed.

# %%
def lightness(im): return np.asarray(im.convert('L'))
shot = list(travel(Image.fromarray(data.astronaut()), n, (width, height), (0, .2), (.6, .4), part=.6))
by = .6*min(512/width, 512/height)
pan = np.array([512 - width*by, 512 - height*by])*[.6, .2]/by # all of it, in pixels
*_,(move,trust) = track(lightness(shot[0]), map(lightness, shot[1:]))
error = np.linalg.norm(move - pan, axis=2)
x,y = np.moveaxis(grid(height, width) + pan, -1, 0)
new,old = (x > width + 2) | (y > height + 2),(x < width - 9) & (y < height - 9)
test_close(np.median(error[trust > .9]), 0, eps=.3)
assert (error[trust > .9] < 1).mean() > .9 and trust[new].mean() < .1 < .8 < trust[old].mean()
pan,np.median(error[trust > .9]),trust[new].mean(),trust[old].mean()

# %% [markdown]
# ## A correction from the network's mistakes

# %% [markdown]
# For what has just come into view nothing can be looked up. But the reference also shows how the network errs in this shot: if it has made the coat brown there, it will make it brown in the next frame as well. Let $D_i$ be what is missing at place $i$ of the reference, and $u_i$ a vector of its lightness, of the network's color and of the place. Then what is missing at a pixel with vector $u$ is the mean of the $D_i$ of those that are alike,
#
# $$ D(u) = \frac{\sum_i k_i D_i}{\lambda + \sum_i k_i}, \qquad k_i = e^{-|u-u_i|^2/2} $$
#
# and $\lambda$ lets it fade where nothing is alike. Every third place in both directions is enough. It must also fade where the scene has changed altogether, as after a long pan: so it counts as much as the square of the share of the picture that can still be followed.

# %%
#| export
class SimilarityTransfer:
    "What is missing in a network's color, by pixels of the reference that are alike"
    def __init__(self,
        L:np.ndarray, # lightness of the reference, hxw in 0..1
        ab:np.ndarray, # the network's color for it, 2xh'xw'
        true:np.ndarray, # and that of the reference
        widths:tuple=(.08, .06, .15), # how far alike goes: lightness, color, place (of the width)
        fade:float=2., # lambda
        step:int=3, # of the grid of pixels that are kept
    ):
        self.widths,self.fade = widths,fade
        keep = np.zeros(ab.shape[1:], bool)
        keep[step//2::step,step//2::step] = True
        self.u = self.vectors(L, ab)[keep.ravel()]
        self.missing = np.ascontiguousarray((true - ab)[:,keep].T, np.float32)

    def vectors(self, L, ab) -> np.ndarray: # one row for each pixel of `ab`
        (h,w),(l,c,p) = ab.shape[1:],self.widths
        x,y = cv2.split(grid(h, w)/np.float32(w*p))
        light = cv2.resize(np.float32(L), (w, h), interpolation=cv2.INTER_AREA)/np.float32(l)
        return np.stack([light, *(ab/np.float32(c)), x, y], -1).reshape(-1, 5)
    def __call__(self,
        L:np.ndarray, # lightness of a frame
        ab:np.ndarray, # the network's color for it
    ) -> np.ndarray: # 2xh'xw', what is missing
        u = self.vectors(L, ab)
        far = np.square(u).sum(1)[:,None] + np.square(self.u).sum(1) - 2*u@self.u.T
        k = np.exp(-.5*far.clip(0))
        return (k@self.missing/(k.sum(1, keepdims=True) + np.float32(self.fade))).T.reshape(ab.shape)

# %% [markdown]
# A network that takes one color for its opposite is corrected, and one that was right is left alone.

# %%
small = (36, 64)
truth = [reference_color(o, (height, width), small) for o in shot]
light = [lightness(o)/np.float32(255) for o in shot]
def rms(a, b): return 110*float(np.sqrt(np.mean(np.square(a - b))))
turned = SimilarityTransfer(light[0], -truth[0], truth[0])
assert rms(-truth[4] + turned(light[4], -truth[4]), truth[4]) < .55*rms(-truth[4], truth[4])
assert np.array_equal(SimilarityTransfer(light[0], truth[0], truth[0])(light[4], truth[4]), np.zeros_like(truth[4]))
assert np.abs(turned(light[4], -truth[4] + 9)).max() < 1e-6, 'nothing is alike'
rms(-truth[4], truth[4]),rms(-truth[4] + turned(light[4], -truth[4]), truth[4])

# %% [markdown]
# ## Steering

# %% [markdown]
# Both are put together: color that was carried along where it can be believed, and the network's color with what is missing elsewhere. All that must be kept for a frame are the carried color and its weight, some 20 kB, so it is done before the film is colored, and a film that is taken up again in the middle is steered as one that was never stopped. A shot may be long: from three quarters of `most` frames on the weight falls, and at `most` frames the network is alone again.

# %%
#| export
@dataclass
class Guide:
    "What a reference tells its shot"
    number:int # of its frame in the film
    shot:int # the number of its shot
    transfer:SimilarityTransfer
    frames:dict # by number: color carried along, 2xh'xw', and its weight, h'xw'; both float16

MAX_GUIDED_FRAMES = 1440 # frames that a reference reaches in each direction

def propagate_reference(
    lights:list, # lightness of the frames of the shot around the reference, in order, hxw, uint8
    at:int, # the place of the reference among them
    number:int, # its number in the film
    shot:int, # and that of its shot
    own:np.ndarray, # the network's color for it, 2xh'xw'
    true:np.ndarray, # and its own
    most:int=MAX_GUIDED_FRAMES, # so many frames are reached in each direction
) -> Guide:
    "Exemplar-based coloring: carry the colors of a reference through its shot"
    small,ref = own.shape[1:],lights[at]
    guide = Guide(number, shot, SimilarityTransfer(ref/np.float32(255), own, true), {})
    guide.frames[number] = true.astype(np.float16),np.ones(small, np.float16)
    down = lambda x: cv2.resize(x, small[::-1], interpolation=cv2.INTER_AREA)
    scale = np.float32([small[1]/ref.shape[1], small[0]/ref.shape[0]])
    plane = np.ascontiguousarray(np.moveaxis(true, 0, -1))
    for step,others in ((1, lights[at+1:at+1+most]), (-1, lights[max(0, at-most):at][::-1])):
        for i,(move,trust) in enumerate(track(ref, others), 1):
            ab = np.moveaxis(warp(plane, down(move)*scale), -1, 0)
            weight = down(trust)*np.float32(min(1, 4*(most - i)/most))
            guide.frames[number + step*i] = ab.astype(np.float16),weight.astype(np.float16)
    return guide

# %%
#| export
def steer(
    frames, # yields pairs of something with `L`, `number` and `shot`, and its color, 2xh'xw'
    guide:Guide,
): # yields the same pairs
    "Steer the colors of one shot; those of others are passed on as they are"
    for o,ab in frames:
        known = guide.frames.get(o.number) if o.shot == guide.shot else None
        if known:
            carried,weight = (x.astype(np.float32) for x in known)
            own = ab + guide.transfer(o.L, ab)*weight.mean()**2
            ab = own + weight*(carried - own)
        yield o,ab

# %% [markdown]
# Our photograph again, and a network that sees everything at half its strength and a little blue, with its own noise in each frame. The reference stands in the middle. Steered, the error of the whole shot is a third of the network's, and less than half of what the reference makes when it is repeated without motion. The reference itself comes back, another shot stays the same to the bit, and a reference that says what the network says changes next to nothing.

# %%
rng = np.random.default_rng(seed)
guess = [.5*o + np.float32([[[0]], [[-.1]]]) + rng.normal(0, .02, o.shape).astype(np.float32) for o in truth]
film = [(SimpleNamespace(L=L, number=i, shot=0), ab) for i,(L,ab) in enumerate(zip(light, guess))]
other = [(SimpleNamespace(L=L, number=n + i, shot=1), ab) for i,(L,ab) in enumerate(zip(light, guess))]
middle = n//2
bytes_of = [np.rint(o*255).astype(np.uint8) for o in light]
def guided(true, **how): return propagate_reference(bytes_of, middle, middle, 0, guess[middle], true, **how)
steered = [ab for _,ab in steer(iter(film + other), guided(truth[middle]))]
errors = {k: np.mean([rms(a, b) for a,b in zip(x, truth)])
    for k,x in dict(guess=guess, steered=steered, repeated=[truth[middle]]*n).items()}
assert errors['steered'] < .5*min(errors['guess'], errors['repeated'])
assert rms(steered[middle], truth[middle]) < .05
assert all(a is b for a,(_,b) in zip(steered[n:], other))
same = [ab for _,ab in steer(iter(film), guided(guess[middle]))]
assert np.mean([rms(a, b) for a,b in zip(same, guess)]) < .4*errors['guess']
errors

# %% [markdown]
# Eight frames are the end of its reach in the next cell: nothing is steered beyond, and the weight falls without a step.

# %%
short = guided(truth[middle], most=8)
test_eq(sorted(short.frames), range(middle - 8, middle + 9))
weights = [float(short.frames[middle + i][1].mean()) for i in range(9)]
assert weights[8] == 0 and all(a >= b - .02 for a,b in zip(weights, weights[1:])) and max(-np.diff(weights)) < .6
np.round(weights, 2)

# %%
#| label: fig-reference
#| fig-cap: "Error of color along the shot: the network (gray), the reference repeated (dashed), steered (black)."
def show_errors(kinds, at):
    "Errors along a shot"
    fig,ax = plt.subplots(figsize=(8, 2.2))
    for (x,how) in kinds: ax.plot(np.arange(n) - at, [rms(a, b) for a,b in zip(x, truth)], **how)
    ax.set(xlabel='frames from the reference', ylabel='error of ab', ylim=0)
repeated = [truth[middle]]*n, dict(ls='--', color='C3')
show_errors([(guess, dict(color='.6')), repeated, (steered, dict(color='k'))], middle)

# %% [markdown]
# At the reference itself, in the middle, the steered colors have no error. They get a little worse with the distance, and stay far below those of the network. The dashed line shows what comes of repeating the reference without motion: a few frames away it is no better than the network, since the camera moves.

# %% [markdown]
# `benchmarks/reference.py` measures the same on real films. It takes a true frame of a held-out piece as reference and compares with the image model, frame by frame, and with the reference's colors repeated without motion; PSNR is that of the frames at full size, in dB. A rider passes behind trees and the camera follows him: there it helps most to know the motion. A street before a fixed camera and a branch in an animated film hardly move, and there steering gains little over repeating; at single distances it loses up to .08 dB.
#
# | frames from the reference | rider: model, repeated, steered | street | branch |
# |---|---|---|---|
# | 1 to 2 | 22.5, 26.8, 31.4 | 21.6, 39.9, 39.9 | 19.5, 35.7, 35.7 |
# | 3 to 6 | 22.7, 24.4, 30.3 | 21.6, 39.9, 39.9 | 19.5, 35.5, 35.5 |
# | 7 to 12 | 22.6, 23.4, 29.1 | 21.6, 39.6, 39.6 | 19.5, 35.4, 35.4 |
# | 13 to 24 | 22.9, 23.8, 29.7 | 21.7, 38.7, 38.9 | 19.4, 33.6, 33.6 |
# | 25 and more | | 21.7, 37.9, 38.3 | 19.1, 31.6, 31.8 |

# %% [markdown]
# ## A file and its frame

# %% [markdown]
# Somebody has colored one frame of a film and gives it to us as a file, perhaps without knowing at which second it stands. Any picture that can be colored can be read, with its profile and its turn; what it needs beyond that is color.

# %%
#| export
def load_reference(
    path, # a picture
) -> Image.Image: # RGB, upright
    "A colored frame from a file; `InputError` if it cannot be read or has no color"
    pic = read_picture(path, colors=True)
    x = np.asarray(pic.source)
    if x.ndim < 3 or x.shape[2] < 3: raise InputError(f"'{path}' has no color", 'give a frame that was colored')
    if x.dtype == np.uint16: x = (x//257).astype(np.uint8)
    elif x.dtype != np.uint8: x = np.rint(np.clip(x, 0, 1)*255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(upright(x[...,:3], pic.orientation)))

# %% [markdown]
# Where its time is known, the reference belongs to the frame that is shown then. Where it is not, it belongs to the frame whose lightness is most like its own, on copies of 64 by 36 pixels, in values and in pattern: the film is read once for that, which costs a few milliseconds a frame. A picture that is like no frame, or not like the one at its time, is refused; it would paint a face with a meadow.

# %%
#| export
def tiny_lightness(x:np.ndarray) -> np.ndarray: # 36x64, lightness in 0..100
    "A very small lightness of an RGB picture"
    x = cv2.resize(np.ascontiguousarray(x), (64, 36), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(x.astype(np.float32)/255, cv2.COLOR_RGB2Lab)[...,0]

def distance(a:np.ndarray, b:np.ndarray) -> float: # from 0 up
    "Mean difference of two small lightnesses, and 25 more if their patterns have nothing in common"
    x,y = a - a.mean(),b - b.mean()
    return float(np.abs(a - b).mean() + 25*(1 - (x*y).mean()/(x.std()*y.std() + 1)))

def check_frame(im, o, aspect, name) -> int: # its time
    "The first frame of a film; `InputError` if the reference has another shape"
    w,h = o.frame.width*aspect,o.frame.height
    check_shape(im, *((h, w) if o.turn > 4 else (w, h)), name)
    return o.pts

def find_frame(
    src, # a film or a folder of frames
    im:Image.Image, # the reference
    at:float|None=None, # its time, seconds from the first frame; None to look for it
    rate:float=24, # frames a second of a folder
    name='reference', # for errors
    most:float=20., # how unlike a frame can be and still be it
    keep_interlaced:bool=False, # see `watch`
) -> tuple[int,int]: # the number of its frame, and that of its shot
    "Which frame of a film a picture belongs to"
    if at is not None and at < 0: raise UsageError(f'a reference at {at} s', 'times count from the first frame')
    want,best,end,first = tiny_lightness(np.asarray(im)),None,0.,None
    c,s = open_reel(src, rate)
    with c:
        for o in watch(src, c, s, bad=[], keep_interlaced=keep_interlaced):
            if first is None: first = check_frame(im, o, float(s.sample_aspect_ratio or 1), name)
            t = float((o.pts - first)*s.time_base)
            if at is not None and t > at + 1e-3: break
            end = t + float((o.frame.duration or 0)*s.time_base or 1/frame_rate(s))
            x = tiny_lightness(upright(np.asarray(o.im), o.turn))
            d = distance(x, want)
            if best is None or at is not None or d < best[0]: best = d,o.number,o.shot
        else:
            if at is not None and at > end + 1e-3:
                raise InputError(f"'{src}' has no frame at {at} s", f'it ends at {end:.2f} s')
    if best is None: raise InputError(f"there is no whole frame in '{src}'", 'copy it again')
    if best[0] <= most: return best[1:]
    raise InputError(f"'{name}' is not like {'any frame' if at is None else f'the frame at {at} s'} of '{src}'",
        'give a colored frame of this film' + (' and its time' if at is None else ', or another time'))

# %%
home = Path(tempfile.mkdtemp())
ims = [o for im in (data.astronaut(), data.coffee()) for o in travel(Image.fromarray(im), 14, (96, 64))]
clip = write_clip(ims, home/'clip.mp4', crf=8)
test_eq([find_frame(clip, ims[i]) for i in (0, 5, 13, 14, 20)], [(0, 0), (5, 0), (13, 0), (14, 1), (20, 1)])
test_eq(find_frame(clip, ims[20].resize((300, 200))), (20, 1))
test_eq([find_frame(clip, ims[i], i/24 + .01) for i in (0, 9, 27)], [(0, 0), (9, 0), (27, 1)])
cat = Image.fromarray(data.chelsea()).resize((96, 64))
test_fail(lambda: find_frame(clip, cat), exc=InputError, contains='any frame')
test_fail(lambda: find_frame(clip, ims[3], .9), exc=InputError, contains='the frame at 0.9 s')
test_fail(lambda: find_frame(clip, ims[3], 5), exc=InputError, contains='no frame at 5 s')
test_fail(lambda: find_frame(clip, ims[3], -1), exc=UsageError, contains='first frame')

# %% [markdown]
# ## Its shot

# %% [markdown]
# The film is read a second time, up to the end of the shot, and of the frames of that shot only the small lightness is kept. What the network would have said of the reference is asked with the two frames before and after, since a network with a memory answers in their company.

# %%
#| export
def read_shot(
    src, # the film
    number:int, # of a frame
    size:int, # the network sees about size x size pixels
    multiple:int, # what both sides must be divisible by
    aspect:float=1., # width of a pixel divided by its height
    rate:float=24, # frames a second of a folder
    most:int=MAX_GUIDED_FRAMES, # so many frames before and after
    keep_interlaced:bool=False, # see `watch`
) -> tuple[list,int,int]: # lightness of the frames around it in its shot, uint8; its place among them; its shot
    "The frames around one, as the network sees them"
    c,s = open_reel(src, rate)
    held,at,shot = deque(),None,None
    with c:
        frames = watch(src, c, s, bad=[], keep_interlaced=keep_interlaced)
        near = (o for o in frames if number - most <= o.number)
        for o in prepare(near, size, multiple, aspect):
            if o.number > number + most or at is not None and o.shot != shot: break
            if at is None and o.shot != shot: held.clear()
            shot = o.shot
            held.append(np.rint(o.L.clip(0, 1)*255).astype(np.uint8))
            if o.number == number: at = len(held) - 1
    return list(held),at,shot

# %%
#| export
def load_guide(
    src, # a film or a folder of frames, not a pipe
    reference, # a colored frame of it: a picture file
    model, # a `FilmModel` or a `Colorizer`
    size:int, # the network sees about size x size pixels
    at:float|None=None, # time of the reference, seconds from the first frame; None to look for it
    seed:int|None=None, # of the model's noise
    aspect:float=1., # width of a pixel divided by its height
    rate:float=24, # frames a second of a folder
    keep_interlaced:bool=False, # see `colorbook.video.steps.watch`
) -> Guide:
    "What a colored frame tells its shot; done before the film is colored"
    if str(src) == '-': raise UsageError('a pipe can be read only once', 'give a reference with a file')
    im = load_reference(reference)
    number,_ = find_frame(src, im, at, rate, reference, keep_interlaced=keep_interlaced)
    lights,i,shot = read_shot(src, number, size, model.card['multiple'], aspect, rate, keep_interlaced=keep_interlaced)
    around = range(max(0, i - 2), min(len(lights), i + 3))
    answers = list(color_source(model, seed)((lights[j]/np.float32(255), shot) for j in around))
    own = answers[around.index(i)]
    true = reference_color(im, lights[i].shape, own.shape[1:], reference)
    return propagate_reference(lights, i, number, shot, own, true)

# %%
#| export
def reference_id(
    reference, # a picture file
    guide:Guide,
) -> list: # plain values
    "What tells whether a film is steered in the same way"
    return [sha256(Path(reference).read_bytes()).hexdigest(), guide.number]

# %% [markdown]
# The true frame in the middle of the second shot steers it: color there is much nearer to the truth than the network's own, which in the first shot stays what it was.

# %%
model = load_film_model()
ims[21].resize((192, 128)).save(home/'reference.png')
guide = load_guide(clip, home/'reference.png', model, 64)
c,s = open_reel(clip)
with c: seen = list(prepare(watch(clip, c, s), 64, 32))
own = list(with_colors(iter(seen), color_source(model)))
steered = [ab for _,ab in steer(iter(own), guide)]
truth = [reference_color(im, o.L.shape, ab.shape[1:]) for im,(o,ab) in zip(ims, own)]
gap = lambda xs, part: 110*float(np.sqrt(np.mean([np.square(a - b) for a,b in zip(xs[part], truth[part])])))
before,after = (gap(x, slice(14, 28)) for x in ([ab for _,ab in own], steered))
assert (guide.number, guide.shot, len(guide.frames)) == (21, 1, 14) and after < .6*before
assert all(a is ab for a,(_,ab) in zip(steered[:14], own))
before,after

# %%
Image.fromarray(data.camera()).save(home/'gray.png')
ims[21].crop((0, 0, 50, 64)).save(home/'narrow.png')
ims[21].convert('L').convert('RGB').save(home/'colorless.png')
(home/'text.png').write_text('no picture')
said = dict(gray='has no color', narrow='not cropped', colorless='has no color', text='text.png', missing='missing.png')
for k,words in said.items():
    test_fail(lambda: load_guide(clip, home/f'{k}.png', model, 64, .9), exc=InputError, contains=words)
test_fail(lambda: load_guide('-', home/'reference.png', model, 64), exc=UsageError, contains='only once')

# %% [markdown]
# What does it look like? From a shot of *Big Buck Bunny* ((c) 2008 Blender Foundation, bigbuckbunny.org, CC BY 3.0) one true frame is given as the reference. Above are the colors of the film model, in the middle the same steered by the reference, below the true ones.

# %%
#| label: fig-steer
#| fig-cap: "A shot of Big Buck Bunny: the model's colors, steered, true. The third column is the reference."
def shot_of(first, stop):
    "Frames of the film, with the model's colors, and their true pictures"
    c,s = open_reel('../../asset/bunny.mp4')
    with c: seen = list(prepare(watch('bunny', c, s, stop=stop/24), 192, 32, first=first))
    return (list(with_colors(iter(seen), color_source(model))),
            [o.im for o in read_frames('../../asset/bunny.mp4')][first:stop])
own,true = shot_of(378, 478)
true[50].save(home/'bird.png')
guide = load_guide('../../asset/bunny.mp4', home/'bird.png', model, 192)
test_eq((guide.number, len(guide.frames)), (428, 175))
for o,_ in own: o.shot = guide.shot
steered = list(steer(iter(own), guide))
views = [[paint_frame(o, ab)[...,:3] for o,ab in pairs] for pairs in (own, steered)] + [true]
contact_sheet([x[i] for x in views for i in (10, 30, 50, 70, 90)], 5,
    ['model']*5 + ['steered']*5 + [f'true, {i:+} frames' for i in (-40, -20, 0, 20, 40)])

# %% [markdown]
# The model makes the bird brown and the sky blue, as they would be in a photograph. Steered, both are violet in all five frames, though only the one in the middle was given and the bird dances. What could not be followed is lost: the orange beak, where the head has turned. The same in motion:

# %%
LoopingClip(list(zip(*views))[30:70:2],
    "A dancing bird in the model's colors, steered by one frame, and in true colors.", ['model', 'steered', 'true'])

# %% [markdown]
# ## What we have
#
# - places that are carried through a shot, found anew at every step, with a weight that never rises again;
# - a correction for what the network gets wrong on things that are alike;
# - a frame that is found by its light, or named by its time, and refused where it does not fit;
# - `load_guide` and `steer`, which change one shot and are the same wherever a film is taken up.

# %% [markdown]
# ## Exercises
#
# 1. Let two references steer one shot. Which weight should each have between them?
# 2. Carry colors instead of places, frame by frame. After how many frames can you see that they grow pale?
# 3. Only the coat was painted in the reference, the rest is as the network had it. What does the correction do to a second coat, and what would you change?
# 4. The film is decoded from its beginning, twice. Seek to the reference instead, and see that shots keep their numbers.
