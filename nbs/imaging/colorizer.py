# %% [markdown]
# # Colorize
#
# > Any picture in, the same kind and size in color out
#
# `colorize(image)` is what most users of the library call. It shows a small upright copy of the picture to a network, and paints the colors that come back over the picture's own light: any kind of picture in, the same kind and size out, lightness untouched, the same bytes every time. [Reading](io.ipynb), [painting](compose.ipynb) and [model files](artifact.ipynb) have their own chapters; here they are put together. It needs NumPy, Pillow and onnxruntime, and no torch. @fig-colorize shows what it does.

# %%
#| default_exp imaging.colorizer

# %%
#| export
import math, os, warnings
from functools import lru_cache
from hashlib import sha256
from numbers import Integral, Real
from pathlib import Path
import numpy as np
from PIL import Image, ImageOps
from colorbook.core import InputError, UsageError, atomic_path
from colorbook.imaging.compose import NEARLY_GRAY, chroma_maps, nearly_gray, paint, resize, small_light, small_rgb
from colorbook.imaging.artifact import find_model, open_model
from colorbook.imaging.borders import find_borders, inside_borders
from colorbook.imaging.hints import add_hints, check_hints, place_hints
from colorbook.imaging.sheet import contact_sheet
from colorbook.imaging.io import Picture, read_pages, read_picture
from colorbook.imaging.deep import is_tiff
from colorbook.imaging.opening import RAW_SUFFIXES, open_image, page_count, read_bytes, upright
from colorbook.imaging.write import (ANIMATED, DEEP_FORMATS, ColoredImage, encode_pages, encode_picture, format_of,
                                     to_image)

# %%
#| hide
import tempfile, time
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import color, data
from colorbook.color.srgb import light

# %% [markdown]
# ## The small copy

# %% [markdown]
# The network was trained on pictures of about 256 by 256, and does best on that many pixels, whatever the shape of the picture. So the copy keeps the shape and gets that *area*, with each side rounded to a multiple of 32, which the network's halvings ask for. Pictures longer than one to sixty-four get the copy of one to sixty-four.

# %%
#| export
def net_size(
    w:int, # width of the picture, upright
    h:int, # its height
    size:int, # the side of a square of the wanted area
    multiple:int=32, # what both sides must be divisible by
) -> tuple[int,int]: # width and height of the copy
    "A small size of the same shape and about `size`x`size` pixels"
    longest = max(multiple, size*size//multiple)
    fit = lambda v: int(min(longest, max(multiple, round(v/multiple)*multiple)))
    return fit(size*(w/h)**.5), fit(size*(h/w)**.5)

# %%
test_eq(net_size(512, 512, 256), (256, 256))
test_eq(net_size(4000, 3000, 256), (288, 224))
test_eq(net_size(1, 9999, 256), (32, 2048))
[np.prod(net_size(w, h, 256))/256**2 for w,h in ((4, 3), (3, 2), (16, 9), (3, 1))]

# %% [markdown]
# Most models look at the lightness of the copy, [`small_light`](compose.ipynb). A few look at three channels, as they are stored: a camera for [long-wave infrared](../models/infrared.ipynb) writes three, and a picture with a hole has colors around it. The two values below are the mean lightness of the copy and of the photograph.

# %%
photo = data.astronaut()
for o in (photo, photo*np.uint16(257), photo/255):
    test_close(small_rgb(read_picture(o), 64, 64), small_rgb(read_picture(photo), 64, 64), eps=.04)
test_eq(np.ptp(small_rgb(read_picture(photo[...,1]), 64, 64), -1).max(), 0)
L,truth = small_light(read_picture(photo), 64, 64), color.rgb2lab(photo)[...,0]/100
test_close(L, small_light(read_picture(photo/255), 64, 64), eps=.02)
test_close(L.mean(), truth.mean(), eps=.02)
L.mean(), truth.mean()

# %% [markdown]
# ## The colorizer

# %% [markdown]
# `Colorizer` holds [a model file](artifact.ipynb), opened, and does the three steps: the small copy turned upright, its color turned back, the painting.

# %%
#| export
class Colorizer:
    "An artifact ready to color pictures"
    def __init__(self,
        model:str|os.PathLike|None=None, # a name or an .onnx file, see `find_model`; None for the default
    ):
        self.path = find_model(model)
        self.session,self.card = open_model(self.path)
        if self.card.get('kind') == 'video':
            raise InputError(f"'{self.path}' is a model for films", 'give one for pictures, or use colorbook video')

    def __reduce__(self): return load_model, (self.path,) # to another process goes the name, and not the session

    def ab(self,
        L:np.ndarray, # hxw, lightness in 0..1, or hxwx3 for three channels; both sides multiples of the card's
        z:np.ndarray|None=None, # as many values as the card's `noise`, which choose among answers; None for zeros
    ) -> np.ndarray: # 2 x h/4 x w/4, color in units of 110
        "What the network answers"
        given,noise = self._given(L),self.card.get('noise', 0)
        if noise: given['z'] = np.zeros((1, noise), np.float32) if z is None else np.asarray(z, np.float32)[None]
        if z is not None and (not noise or np.shape(z) != (noise,)):
            raise UsageError(f"z has shape {np.shape(z)}, this model takes {noise or 'no'} values", 'see its card')
        return self.session.run(None, given)[0][0]

    def _given(self, L):
        x = np.asarray(L, np.float32)
        x = x[None] if x.ndim == 2 else np.moveaxis(x, -1, 0)
        return {'L': np.ascontiguousarray(x.repeat(self.card.get('channels', 1)//len(x), 0))[None]}

    def light(self,
        L:np.ndarray, # see `ab`
    ) -> np.ndarray: # hxw, in units of 100
        "What is to be added to the lightness, for a model whose card says `light`"
        return self.session.run(['light'], self._given(L))[0][0,0]

    def maps(self,
        pic:Picture, # any picture
        size:int|None=None, # the network sees about size x size pixels; None for the card's
        z:np.ndarray|None=None, # see `ab`
    ) -> np.ndarray: # 4xhxw: slopes and offsets of color over lightness, as stored; a fifth is added to the lightness
        "Color of a picture, seen upright"
        h,w = pic.shape
        small = net_size(w, h, size or self.card['size'], self.card['multiple'])
        L = small_light(pic, *small)
        seen = upright(small_rgb(pic, *small) if self.card.get('channels') == 3 else L, pic.orientation)
        ab = upright(np.moveaxis(self.ab(seen, z), 0, -1), pic.orientation, back=True)
        if not self.card.get('light'): return chroma_maps(L, np.moveaxis(ab, -1, 0))
        more = upright(self.light(seen), pic.orientation, back=True)
        return np.concatenate([chroma_maps((L + more).clip(0, 1), np.moveaxis(ab, -1, 0)), more[None]])

# %% [markdown]
# Two models make different mistakes, and the mean of their colors is often better than either: where one is sure it keeps most of its color, and where they disagree the color fades. `MeanColorizer` is such a pair, or more of them, and is used as one model. Each sees the picture at its own size; then slopes and offsets are averaged, which for the same size is exactly the mean of $a$ and $b$.

# %%
#| export
class MeanColorizer(Colorizer):
    "Several artifacts whose colors are averaged"
    def __init__(self,
        models, # names, .onnx files or `Colorizer`s, see `load_model`
    ):
        self.models = [load_model(o) for o in models]
        if not self.models: raise UsageError('a mean needs models', 'name at least one')
        cards,self.path = [o.card for o in self.models],None
        if len({(bool(o.get('light')), o.get('channels', 1)) for o in cards}) > 1:
            raise UsageError('a mean of models for photographs and for infrared', 'name models of one kind')
        named = sha256(''.join(str(o.get('weights_sha256')) for o in cards).encode()).hexdigest()
        self.card = dict(format=1, name='mean of ' + ', '.join(str(o.get('name')) for o in cards), version=None,
            size=max(o['size'] for o in cards), multiple=math.lcm(*(o['multiple'] for o in cards)),
            weights_sha256=named, mean_of=cards, **{k: cards[0][k] for k in ('light', 'channels') if k in cards[0]})

    def __reduce__(self): return load_model, (self.models,)

    def _mean(self, found):
        "Their mean on the largest of their grids"
        h,w = max((o.shape[1:] for o in found), key=math.prod)
        return np.mean([o if o.shape[1:] == (h, w) else np.stack([resize(p, w, h) for p in o]) for o in found], 0)

    def ab(self, L, z=None):
        if z is not None: raise UsageError('a mean of models has one answer', 'leave samples out')
        return self._mean([o.ab(L) for o in self.models])

    def maps(self, pic, size=None, z=None):
        if z is not None: raise UsageError('a mean of models has one answer', 'leave samples out')
        return self._mean([o.maps(pic, size) for o in self.models])

# %%
#| export
@lru_cache(maxsize=4)
def _cached(path, changed): return Colorizer(path)

def load_model(
    model=None, # a name, an .onnx file, a `Colorizer`, a list of these for their mean, or None for the default
) -> Colorizer:
    "A `Colorizer`, loaded once for each file and date of change; `InputError` if the file is no model for pictures"
    if isinstance(model, Colorizer): return model
    if model is not None and not isinstance(model, (str, os.PathLike, list, tuple)):
        raise UsageError(f'model is {model!r}, a {type(model).__name__}', 'give a name or an .onnx file')
    if isinstance(model, (list, tuple)): return load_model(model[0]) if len(model) == 1 else MeanColorizer(model)
    path = find_model(model)
    return _cached(path, path.stat().st_mtime_ns)

# %%
bad = Path(tempfile.mkdtemp())/'bad.onnx'
bad.write_bytes(b'not a model')
test_fail(lambda: load_model(bad), exc=InputError, contains='bad.onnx')
test_fail(lambda: load_model('missing.onnx'), exc=InputError, contains='does not exist')
test_eq((load_model() is load_model(), load_model().session is open_model()[0]), (True, True))
test_fail(lambda: load_model('film'), exc=InputError, contains='for films')
test_eq(load_model(['default']) is load_model('default'), True)

# %% [markdown]
# The mean of a model with itself is the model. With one that answers the opposite color, nothing is left. And with one that always answers the same tint, the mean is half of each.

# %%
class Tint(Colorizer):
    "Not a network: the same color everywhere, or another model's color times a factor"
    def __init__(self, a=0, b=0, of=None, by=1): self.a,self.b,self.of,self.by,self.card = a,b,of,by,load_model().card
    def ab(self, L, z=None):
        if self.of: return self.of.ab(L)*self.by
        return np.broadcast_to(np.float32([self.a, self.b])[:,None,None], (2, L.shape[0]//4, L.shape[1]//4))
pic,one = read_picture(photo),load_model()
test_close(MeanColorizer([one, one]).maps(pic), one.maps(pic), eps=1e-6)
test_close(MeanColorizer([one, Tint(of=one, by=-1)]).maps(pic), 0, eps=1e-5)
both,tint = MeanColorizer([one, Tint(.2, -.1)]),Tint(.2, -.1)
test_close(both.maps(pic), (one.maps(pic) + tint.maps(pic))/2, eps=1e-6)
test_eq(both.maps(pic, 128).shape, one.maps(pic, 128).shape)
small = Tint(.2, -.1)
small.card = dict(small.card, size=64)
test_eq(MeanColorizer([small, one]).maps(pic).shape, one.maps(pic).shape)
test_fail(lambda: both.ab(L, [0., 0.]), exc=UsageError, contains='one answer')
test_fail(lambda: load_model([]), exc=UsageError, contains='needs models')
both.card['name']

# %% [markdown]
# ## `colorize`

# %% [markdown]
# What comes back is what went in: an array of the same type and size for an array, a Pillow picture for everything else, a list for a list. Transparency stays; gray becomes RGB. A picture from a file is as Pillow opens it, unturned, with its orientation in `info['exif']`.

# %%
#| export
def check_options(
    size:int|None=None, # the network sees about size x size pixels
    saturation:float=1., # factor on color
    quality:int|None=None, # 1..100 for JPEG and WebP
):
    "`UsageError` if an option is out of range"
    for name,value,kind in ('size', size, Integral), ('saturation', saturation, Real), ('quality', quality, Integral):
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise UsageError(f'{name} is {value!r}, a {type(value).__name__}', 'give a number')
    if saturation is None: raise UsageError('saturation is None', '1 is as trained')
    if size is not None and not 32 <= size <= 2048: raise UsageError(f'size {size} is not in 32..2048', 'try 256')
    if not 0 <= saturation <= 10: raise UsageError(f'saturation {saturation} is not in 0..10', '1 is as trained')
    if quality is not None and not 0 < quality <= 100: raise UsageError(f'quality {quality} is not in 1..100', 'try 92')

# %% [markdown]
# Uniform [borders](borders.ipynb) are left out of what the network sees. What is inside is colored as if it had been cut out, and the border stays gray.
#
# Where a network does not know, its mean of many colors is gray, and the picture comes back as it was. In a folder of a hundred one wants to know which these are: a picture whose color is less than 2 units of $a$ and $b$ on average is reported by a warning, which the [command line](../cli/app.ipynb) prints as a note and writes into its report.

# %% [markdown]
# A scan of two hundred megapixels takes 800 megabytes as Pillow stores it, and not every machine has as much again for the result. From `LARGE` pixels on, a picture in 8 bits that nobody else needs is painted strip by strip into itself; borders are not looked for then.

# %%
#| export
LARGE = 2**25 # pixels from which on memory counts

def _colored(pic:Picture, model, size:int|None, saturation:float, dtype, channels:int, z=None,
             keep:bool=True, borders:bool=True, hints=(), reach:float=.6) -> np.ndarray|Image.Image:
    "Color a record; alpha goes into the fourth channel. Where memory is short, a Pillow picture"
    large = channels == 4 and pic.alpha is None and isinstance(pic.source, Image.Image) and math.prod(pic.shape) > LARGE
    box = find_borders(pic) if borders and not large else None
    part = inside_borders(pic, box) if box else pic
    points = place_hints(hints, pic.shape, pic.orientation, box)
    maps = load_model(model).maps(part, size, z)
    if saturation and nearly_gray(maps): warnings.warn(NEARLY_GRAY, stacklevel=4)
    if points: maps,saturation = add_hints(part, maps, points, reach, saturation),1
    if large:
        out = pic.source if pic.source.mode == 'RGB' else Image.new('RGB', pic.source.size)
        if keep and out is pic.source: out = out.copy()
        paint(pic.source, maps, out, saturation)
        return out
    out = np.empty((*pic.shape, channels), np.dtype(dtype).newbyteorder('='))
    if box: paint(pic.source, np.zeros((4, 1, 1), np.float32), out)
    l,t,r,b = box or (0, 0, pic.shape[1], pic.shape[0])
    paint(part.source, maps, out[t:b,l:r], saturation)
    if channels==4: out[...,3] = _depth(pic.alpha, out.dtype)
    return out.astype(dtype, copy=False)

# %%
#| export
def _depth(alpha:np.ndarray|None, dtype:np.dtype) -> np.ndarray|float:
    "Transparency in another depth; None is opaque"
    top = lambda d: {'uint8':255, 'uint16':65535}.get(np.dtype(d).name, 1)
    if alpha is None or alpha.dtype==dtype: return top(dtype) if alpha is None else alpha
    out = alpha*(top(dtype)/top(alpha.dtype))
    return np.rint(out) if top(dtype) > 1 else out

# %% [markdown]
# A gray picture has more than one plausible color picture, and a model whose card says `noise` knows several. Random numbers choose; the same numbers make the same choice again, for another picture as well. `sample_noise` takes them from a seed, and the first numbers do not depend on how many are asked for.

# %%
#| export
def sample_noise(
    samples:int, # how many answers are wanted
    seed:int=0, # another seed, other answers
    model=None, # see `colorize`
) -> np.ndarray: # samples x noise, normal numbers
    "Numbers that choose among a model's answers; `UsageError` if it has one only"
    noise = load_model(model).card.get('noise', 0)
    if not noise: raise UsageError('this model has one answer for each picture', 'leave samples out')
    if not isinstance(samples, Integral) or not 1 <= samples <= 1000:
        raise UsageError(f'{samples!r} samples are not in 1..1000', 'try 8')
    if not isinstance(seed, Integral) or seed < 0: raise UsageError(f'seed {seed!r} is no number from 0 on', 'try 0')
    return np.random.default_rng(seed).standard_normal((samples, noise)).astype(np.float32)

# %%
exif = Image.Exif()
exif[274] = 6
sideways = Path(tempfile.mkdtemp())/'a.jpg'
Image.fromarray(photo).save(sideways, exif=exif, dpi=(300, 300))

# %%
#| export
def _answer(image, pic:Picture, model, size:int|None, saturation:float, z, **more):
    "A record in color, as the kind of thing that `image` is"
    alpha = pic.alpha is not None
    if isinstance(image, np.ndarray):
        dtype = np.uint8 if image.dtype==bool else image.dtype
        out = _colored(pic, model, size, saturation, dtype, 3+alpha, z, **more)
        if alpha and image.dtype!=bool: out[...,3] = image[...,-1]
        return out
    out = _colored(pic, model, size, saturation, np.uint8, 4, z, **more)
    return ColoredImage(out if isinstance(out, Image.Image) else to_image(out, alpha), pic.info)

# %%
#| export
def colorize(
    image, # a path, bytes, file object, Pillow picture of any mode, array (gray, RGB, RGBA), or a list of these
    model=None, # a name, an .onnx file, a `Colorizer`, a list of these for their mean; None for the default
    size:int|None=None, # the network sees about size x size pixels, 32..2048; None for what it was trained on
    saturation:float=1., # factor on color, 0..10: 0 is gray, 1 is as trained
    samples:int|None=None, # a list of so many different answers instead of one, 1..1000; not of every model
    seed:int=0, # of the samples: another seed, other answers
    z:np.ndarray|None=None, # the numbers of one answer, see `sample_noise`; None for the most probable one
    borders:bool=True, # leave uniform borders out, and gray? Otherwise the network sees them
    hints:list|None=None, # (x, y, color) in pixels as shown: '#rrggbb', a name, an RGB triple, or None to keep
    reach:float=.6, # how far a hint goes where nothing stops it, as a part of the picture's side
): # the same kind and size, in color, transparency kept; a list of these for a list, or for `samples`
    "Color a picture and keep its lightness; `InputError` for what cannot be colored, `UsageError` for a wrong option"
    more = dict(borders=borders, hints=check_hints(hints, reach), reach=reach)
    if isinstance(image, (list, tuple)):
        if more['hints'] and len(image) != 1: raise UsageError(f'hints for {len(image)} pictures', 'give one')
        return [colorize(o, model, size, saturation, samples, seed, z, **more) for o in image]
    check_options(size, saturation)
    if samples is None: return _answer(image, read_picture(image), model, size, saturation, z, **more)
    if z is not None: raise UsageError('samples draw numbers of their own', 'give z or samples')
    zs,pic = sample_noise(samples, seed, model),read_picture(image)
    return [_answer(image, pic, model, size, saturation, o, **more) for o in zs]

# %%
colorize(Image.open(sideways)).save(sideways.with_name('b.jpg'))
back = Image.open(sideways.with_name('b.jpg'))
test_eq((back.getexif()[274], back.info['dpi']), (6, (300, 300)))
gray = data.camera()
out = colorize(gray)
test_eq((out.shape, out.dtype), ((*gray.shape, 3), gray.dtype))
test_eq(out, colorize(gray))
dL = np.abs(color.rgb2lab(out)[...,0] - color.rgb2lab(gray[...,None].repeat(3, 2))[...,0])
test_eq(dL.max() < .5, True)
test_eq(colorize(gray, saturation=0), gray[...,None].repeat(3, 2))
framed = np.pad(gray, 60, constant_values=240)
whole = colorize(framed)
test_eq(whole[60:-60,60:-60], out)
test_eq(np.ptp(whole[:60]), 0)
assert np.abs(colorize(framed, borders=False)[60:-60,60:-60].astype(int) - out).mean() > .5
one,two = colorize([Image.fromarray(gray).convert('LA'), gray.astype(np.float32)/255])
test_eq((one.mode, two.dtype), ('RGBA', np.float32))
dL.max()

# %%
#| label: fig-colorize
#| fig-cap: "A photograph that never had colors, and the colors that the artifact gives it, at saturation 1 and 1.5."
def show_all(ims, height=3):
    "Pictures in a row, no axes"
    fig,axs = plt.subplots(1, len(ims), figsize=(9, height))
    for ax,im in zip(axs, ims):
        ax.imshow(im, cmap='gray')
        ax.axis('off')
show_all([gray, out, colorize(gray, saturation=1.5)]);

# %% [markdown]
# In @fig-colorize sky, meadow and skin get likely colors; the coat stays nearly black. Saturation 1.5 makes the same colors stronger, and with them what is doubtful, such as the meadow's bare left part.

# %% [markdown]
# A model that knows several answers is asked for three. Each has the lightness of the picture, and the same seed gives the same three. The values say how far each is from the plain answer, in levels of 255.

# %%
many = colorize(gray, samples=3, seed=1)
test_eq(np.stack(many), np.stack(colorize(gray, samples=3, seed=1)))
test_eq(many[1], colorize(gray, z=sample_noise(2, 1)[1]))
test_eq(colorize(gray, z=np.zeros(2)), out)
for o in many:
    assert np.abs(color.rgb2lab(o) - color.rgb2lab(out))[...,1:].mean() > .5
    assert np.abs(color.rgb2lab(o)[...,0] - color.rgb2lab(gray[...,None].repeat(3, 2))[...,0]).max() < .5
test_fail(lambda: colorize(gray, z=[0.]), exc=UsageError, contains='takes 2 values')
test_fail(lambda: colorize(gray, samples=0), exc=UsageError, contains='not in 1..1000')
[np.abs(o.astype(int) - out).mean() for o in many]

# %%
#| label: fig-answers
#| fig-cap: "Four answers of one model to one photograph."
show_all(colorize(gray, samples=4, seed=2));

# %% [markdown]
# The answers of @fig-answers agree about the sky and differ where the model is unsure: the coat is black, blue, red, black, and the meadow more or less green.

# %% [markdown]
# ## File to file

# %% [markdown]
# The suffix of the new name chooses the format. Sixteen bits stay where the format has them (PNG and TIFF), everything that the picture carried is handed on, and nothing appears under the new name before it is complete. `colorize_bytes` is the same for pictures that are in memory, and is what the command line's `-` uses.

# %%
#| export
def colorize_bytes(
    src, # a path, bytes or a file object
    fmt:str, # Pillow's name of the format wanted, such as 'JPEG'
    model=None, # a name, an .onnx file, a `Colorizer`, a list of these for their mean; None for the default
    size:int|None=None, # the network sees about size x size pixels, 32..2048; None for what it was trained on
    saturation:float=1., # factor on color, 0..10: 0 is gray, 1 is as trained
    quality:int|None=None, # 1..100 for JPEG and WebP; None keeps the tables of a JPEG, else 92
    z:np.ndarray|None=None, # the numbers of one answer, see `sample_noise`; None for the most probable one
    pages:str|None=None, # 'all' or numbers such as '1,3-5'; None for all of an animation, and of a TIFF for a TIFF
    borders:bool=True, # leave uniform borders out, and gray? Otherwise the network sees them
    hints:list|None=None, # (x, y, color) in pixels as shown: '#rrggbb', a name, an RGB triple, or None to keep
    reach:float=.6, # how far a hint goes where nothing stops it, as a part of the picture's side
) -> bytes: # the content of a file
    "Color a file's content, keeping EXIF, profile, transparency and depth; `OutputError` if the format cannot"
    check_options(size, saturation, quality)
    if pages is None: src,pages = _usual_pages(src, fmt)
    more = dict(borders=borders, hints=check_hints(hints, reach), reach=reach)
    painted = lambda pic: _painted(pic, fmt, model, size, saturation, z, **more)
    if pages is None: return encode_picture(*painted(read_picture(src)), fmt, quality)
    done,loop = [],None
    for pic,ms,loop in read_pages(src, pages):
        if done and more['hints']: raise UsageError('hints for a file of several pictures', 'name a page: --pages 1')
        done.append((*painted(pic), ms))
    return encode_picture(*done[0][:3], fmt, quality) if len(done) == 1 else encode_pages(done, fmt, quality, loop)

def _usual_pages(src, fmt:str) -> tuple:
    "Something to read, and 'all' for an animation and for a TIFF that become one again, else None"
    named = isinstance(src, (str, os.PathLike))
    if fmt not in (*ANIMATED, 'TIFF') or named and Path(src).suffix.lower() in RAW_SUFFIXES: return src,None
    label,content = read_bytes(src)
    try: im = open_image(label, content)
    except InputError: im = None
    kind = 'TIFF' if is_tiff(content) else im.format if im else ''
    try: several = (kind == fmt == 'TIFF' or kind in ANIMATED and fmt != 'TIFF') and page_count(im, content) > 1
    except Exception as e: raise InputError(f'{label} is damaged: {e}', 'color what is whole with --pages 1') from e
    return src if named else content, 'all' if several else None

def _painted(pic:Picture, fmt:str, model, size:int|None, saturation:float, z, **more) -> tuple:
    "Pixels in color, whether the fourth channel means something, and what is handed on"
    dtype = np.uint16 if fmt in DEEP_FORMATS and pic.deep else np.uint8
    if pic.deep and dtype == np.uint8: warnings.warn(f'{fmt} is written with 8 bits, not {pic.bits or 16}', None, 4)
    return _colored(pic, model, size, saturation, dtype, 4, z, False, **more), pic.alpha is not None, pic.info

# %%
#| export
def colorize_file(
    src, # a path, bytes or a file object
    dst:str|os.PathLike, # the new file, which may exist; its suffix chooses the format, its folder is made
    model=None, # a name, an .onnx file, a `Colorizer`, a list of these for their mean; None for the default
    size:int|None=None, # the network sees about size x size pixels, 32..2048; None for what it was trained on
    saturation:float=1., # factor on color, 0..10: 0 is gray, 1 is as trained
    quality:int|None=None, # 1..100 for JPEG and WebP; None keeps the tables of a JPEG, else 92
    z:np.ndarray|None=None, # the numbers of one answer, see `sample_noise`; None for the most probable one
    pages:str|None=None, # 'all' or numbers such as '1,3-5'; None for all of an animation, and of a TIFF for a TIFF
    borders:bool=True, # leave uniform borders out, and gray? Otherwise the network sees them
    hints:list|None=None, # (x, y, color) in pixels as shown: '#rrggbb', a name, an RGB triple, or None to keep
    reach:float=.6, # how far a hint goes where nothing stops it, as a part of the picture's side
) -> Path: # the new file
    "Color a file into a file, whole or not at all; `OutputError` if it cannot be written"
    there = isinstance(src, (str, os.PathLike)) and os.path.exists(dst) and os.path.exists(src)
    if there and os.path.samefile(src, dst):
        raise UsageError(f"'{os.fspath(dst)}' would be written over its own picture", 'give it another name')
    content = colorize_bytes(src, format_of(dst), model, size, saturation, quality, z, pages, borders,
                             hints, reach)
    with atomic_path(dst) as f: f.write_bytes(content)
    return Path(dst)

# %% [markdown]
# Several answers to one file are several files, and a [contact sheet](sheet.ipynb) to choose from. The sheet has the name that was asked for, the answers have numbers behind it.

# %%
#| export
def colorize_samples(
    src, # a path, bytes or a file object
    dst:str|os.PathLike, # the contact sheet; the answers are NAME-1, NAME-2 and so on beside it
    samples:int=8, # how many answers
    seed:int=0, # another seed, other answers
    model=None, # see `colorize`
    **options, # 'size', 'saturation', 'quality', 'pages', 'borders', 'hints', 'reach' of `colorize_file`
) -> list[Path]: # the answers
    "Several answers to a file, and a sheet to choose from"
    dst,zs = Path(dst),sample_noise(samples, seed, model)
    src = read_bytes(src)[1] if hasattr(src, 'read') else src
    format_of(dst)
    files = [colorize_file(src, dst.with_stem(f'{dst.stem}-{i}'), model, **options, z=z) for i,z in enumerate(zs, 1)]
    sheet = contact_sheet([ImageOps.exif_transpose(Image.open(f)) for f in files], 4, range(1, samples + 1), 480)
    with atomic_path(dst) as f: sheet.save(f, format_of(dst))
    return files

# %%
home = Path(tempfile.mkdtemp())
Image.fromarray(gray).save(home/'camera.png')
made = colorize_samples(home/'camera.png', home/'one.png', 3, seed=1)
test_eq([o.name for o in made], ['one-1.png', 'one-2.png', 'one-3.png'])
for f,o in zip(made, many): test_eq(np.asarray(Image.open(f).convert('RGB')), o)
test_eq(Image.open(home/'one.png').size[0], 3*484 + 4)

# %% [markdown]
# A gray scan of 16 bits becomes a color picture of 16 bits. The value is how many levels of green it has; a picture of 8 bits would have 256 at most.

# %%
folder = Path(tempfile.mkdtemp())
scan = np.linspace(0, 65535, 200*300).reshape(200, 300).astype(np.uint16)
Image.fromarray(scan).save(folder/'scan.tif')
for name in ('scan.png', 'color.tif'):
    deep = read_picture(colorize_file(folder/'scan.tif', folder/name)).pixels
    test_eq(deep.dtype, np.uint16)
    test_close(light(deep)[1]*116, light(scan)[1]*116, eps=.01)
len(np.unique(deep[...,1]))

# %% [markdown]
# How long does it take? The two numbers are seconds, for coloring a JPEG of three megapixels and for merely reading and writing it. The network costs the same for a picture of any size, since it sees a small copy.

# %%
def seconds(f, *args):
    start = time.perf_counter()
    f(*args)
    return time.perf_counter()-start
big = Image.fromarray(data.astronaut()).resize((2000, 1500))
big.save(folder/'big.jpg')
resave = lambda: Image.open(folder/'big.jpg').save(folder/'again.jpg')
{'colorize': seconds(colorize_file, folder/'big.jpg', folder/'out.jpg'), 'resave': seconds(resave)}

# %% [markdown]
# ## What we have
#
# - `colorize` and `colorize_file`: any picture in, the same kind out, lightness kept to less than half a unit;
# - `Colorizer`: an artifact, opened once;
# - a small copy for the network, whatever the shape of the picture.

# %% [markdown]
# ## Exercises
#
# 1. Color a picture at sizes from 128 to 512. Where do the colors get better, and where worse?
# 2. Color a picture and its mirror image, and average the two answers of the network. What does it bring, and what does it cost?
# 3. The network's copy of a picture of 1 by 10 is enlarged to 96 by 736 pixels. Find a rule for tiny pictures that is faster and colors no worse.
