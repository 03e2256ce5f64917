# %% [markdown]
# # Telling a film
#
# > Which frame a picture belongs to, and what its shot has to know
#
# Somebody has colored one frame of a film and gives it to us as a file, perhaps without knowing at which second it stands. At the end of this chapter that frame is found in the film, its shot is read once, and what the [reference](reference.ipynb) tells the shot is ready before the first frame is colored. All that is kept is small: the lightness of some frames as the network sees them, and their colors on its grid.

# %%
#| default_exp video.steer

# %% tags=["parameters"]
width,height = 96,64

# %%
#| export
from collections import deque
from hashlib import sha256
from pathlib import Path
import numpy as np
from PIL import Image
from colorbook.imaging.colorizer import upright
from colorbook.core import InputError, UsageError
from colorbook.video.flow import cv2
from colorbook.video.pipeline import reduce, watch
from colorbook.imaging.io import read_picture
from colorbook.video.read import open_reel
from colorbook.video.reference import MOST, Told, check_shape, reference_color, tell
from colorbook.video.model import color_source

# %%
#| hide
import tempfile
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data
from colorbook.video.read import write_clip
from colorbook.data.synthetic import travel
from colorbook.video.pipeline import colored
from colorbook.video.reference import steer
from colorbook.video.model import load_film_model

# %% [markdown]
# ## The file

# %% [markdown]
# Any picture that can be colored can be read, with its profile and its turn; what it needs beyond that is color.

# %%
#| export
def load_reference(
    path, # a picture
) -> Image.Image: # RGB, upright
    "A colored frame from a file; `InputError` if it cannot be read or has no color"
    pic = read_picture(path)
    x = np.asarray(pic.source)
    if x.ndim < 3 or x.shape[2] < 3: raise InputError(f"'{path}' has no color", 'give a frame that was colored')
    if x.dtype == np.uint16: x = (x//257).astype(np.uint8)
    elif x.dtype != np.uint8: x = np.rint(np.clip(x, 0, 1)*255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(upright(x[...,:3], pic.orientation)))

# %% [markdown]
# ## The frame

# %% [markdown]
# Where its time is known, the reference belongs to the frame that is shown then. Where it is not, it belongs to the frame whose lightness is most like its own, on copies of 64 by 36 pixels, in values and in pattern: the film is read once for that, which costs a few milliseconds a frame. A picture that is like no frame, or not like the one at its time, is refused; it would paint a face with a meadow.

# %%
#| export
def tiny(x:np.ndarray) -> np.ndarray: # 36x64, lightness in 0..100
    "A very small lightness of an RGB picture"
    x = cv2.resize(np.ascontiguousarray(x), (64, 36), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(x.astype(np.float32)/255, cv2.COLOR_RGB2Lab)[...,0]

def unlike(a:np.ndarray, b:np.ndarray) -> float: # from 0 up
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
) -> tuple[int,int]: # the number of its frame, and that of its shot
    "Which frame of a film a picture belongs to"
    if at is not None and at < 0: raise UsageError(f'a reference at {at} s', 'times count from the first frame')
    want,best,end,first = tiny(np.asarray(im)),None,0.,None
    c,s = open_reel(src, rate)
    with c:
        for o in watch(src, c, s, bad=[]):
            if first is None: first = check_frame(im, o, float(s.sample_aspect_ratio or 1), name)
            t = float((o.pts - first)*s.time_base)
            if at is not None and t > at + 1e-3: break
            end = t + float((o.frame.duration or 0)*s.time_base or 1/(s.average_rate or 24))
            x = tiny(upright(np.asarray(o.im), o.turn))
            d = unlike(x, want)
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
ims = [o for im in (data.astronaut(), data.coffee()) for o in travel(Image.fromarray(im), 14, (width, height))]
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
    most:int=MOST, # so many frames before and after
) -> tuple[list,int,int]: # lightness of the frames around it in its shot, uint8; its place among them; its shot
    "The frames around one, as the network sees them"
    c,s = open_reel(src, rate)
    held,at,shot = deque(),None,None
    with c:
        near = (o for o in watch(src, c, s, bad=[]) if number - most <= o.number)
        for o in reduce(near, size, multiple, aspect):
            if o.number > number + most or at is not None and o.shot != shot: break
            if at is None and o.shot != shot: held.clear()
            shot = o.shot
            held.append(np.rint(o.L.clip(0, 1)*255).astype(np.uint8))
            if o.number == number: at = len(held) - 1
    return list(held),at,shot

# %%
#| export
def tell_film(
    src, # a film or a folder of frames, not a pipe
    reference, # a colored frame of it: a picture file
    model, # a `Stream` or a `Colorizer`
    size:int, # the network sees about size x size pixels
    at:float|None=None, # time of the reference, seconds from the first frame; None to look for it
    seed:int|None=None, # of the model's noise
    aspect:float=1., # width of a pixel divided by its height
    rate:float=24, # frames a second of a folder
) -> Told:
    "What a colored frame tells its shot; done before the film is colored"
    if str(src) == '-': raise UsageError('a pipe can be read only once', 'give a reference with a file')
    im = load_reference(reference)
    number,_ = find_frame(src, im, at, rate, reference)
    lights,i,shot = read_shot(src, number, size, model.card['multiple'], aspect, rate)
    around = range(max(0, i - 2), min(len(lights), i + 3))
    answers = list(color_source(model, seed)((lights[j]/np.float32(255), shot) for j in around))
    own = answers[around.index(i)]
    return tell(lights, i, number, shot, own, reference_color(im, lights[i].shape, own.shape[1:], reference))

# %%
#| export
def reference_id(
    reference, # a picture file
    told:Told,
) -> list: # plain values
    "What tells whether a film is steered in the same way"
    return [sha256(Path(reference).read_bytes()).hexdigest(), told.number]

# %% [markdown]
# The true frame in the middle of the second shot steers it: color there is much nearer to the truth than the network's own, which in the first shot stays what it was.

# %%
model = load_film_model()
ims[21].resize((2*width, 2*height)).save(home/'reference.png')
told = tell_film(clip, home/'reference.png', model, 64)
c,s = open_reel(clip)
with c: seen = list(reduce(watch(clip, c, s), 64, 32))
own = list(colored(iter(seen), color_source(model)))
steered = [ab for _,ab in steer(iter(own), told)]
truth = [reference_color(im, o.L.shape, ab.shape[1:]) for im,(o,ab) in zip(ims, own)]
rms = lambda xs, part: 110*float(np.sqrt(np.mean([np.square(a - b) for a,b in zip(xs[part], truth[part])])))
before,after = (rms(x, slice(14, 28)) for x in ([ab for _,ab in own], steered))
assert (told.number, told.shot, len(told.frames)) == (21, 1, 14) and after < .6*before
assert all(a is ab for a,(_,ab) in zip(steered[:14], own))
before,after

# %%
Image.fromarray(data.camera()).save(home/'gray.png')
ims[21].crop((0, 0, 50, 64)).save(home/'narrow.png')
ims[21].convert('L').convert('RGB').save(home/'colorless.png')
(home/'text.png').write_text('no picture')
said = dict(gray='has no color', narrow='not cropped', colorless='has no color', text='text.png', missing='missing.png')
for k,words in said.items():
    test_fail(lambda: tell_film(clip, home/f'{k}.png', model, 64, .9), exc=InputError, contains=words)
test_fail(lambda: tell_film('-', home/'reference.png', model, 64), exc=UsageError, contains='only once')

# %%
#| label: fig-steer
#| fig-cap: "Color at one lightness: the network's, steered, true. First frame of the shot, reference, last frame."
def show_colors(rows, L=62):
    "Small colors, enlarged"
    def rgb(ab): return cv2.cvtColor(np.dstack([np.full(ab.shape[1:], L, np.float32), *(110*ab)]), cv2.COLOR_Lab2RGB)
    fig,axs = plt.subplots(len(rows), len(rows[0]), figsize=(8, 4.2))
    for ax,ab in zip(axs.ravel(), sum(rows, [])):
        ax.imshow(rgb(ab).clip(0, 1))
        ax.axis('off')
show_colors([[x[i] for i in (14, 21, 27)] for x in ([ab for _,ab in own], steered, truth)])

# %% [markdown]
# ## What we have
#
# - a frame that is found by its light, or named by its time, and refused where it does not fit;
# - `tell_film`, which reads a shot once and hands on what steers it.

# %% [markdown]
# ## Exercises
#
# 1. The film is decoded from its beginning, twice. Seek to the reference instead, and see that shots keep their numbers.
# 2. Allow several references, each with a time. What should happen to two in one shot?
# 3. The search takes the first of equals. Make a film in which that is the wrong one.
