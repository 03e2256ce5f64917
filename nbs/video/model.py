# %% [markdown]
# # A model for films
#
# > Push a frame, get the color of the frame before
#
# The [video artifact](../training/export.ipynb) is a graph that takes a frame and a state. `FilmModel` puts it to work with two methods: `push` takes the lightness of the next frame, and is told where a shot ends, and `flush` gives what is still due. It needs NumPy and onnxruntime, like all of this half of the library, and holds the features of two frames, however long the film is.

# %%
#| default_exp video.model

# %% tags=["parameters"]
seed,h,w = 11,64,96

# %%
#| export
import os
from importlib.resources import files
from pathlib import Path
import numpy as np
from colorbook.imaging.artifact import find_model, open_model
from colorbook.imaging.colorizer import Colorizer, load_model, MeanColorizer
from colorbook.core import InputError, UsageError
from colorbook.video.steps import frame_by_frame

# %%
#| hide
import tempfile, torch
from fastcore.test import *
from colorbook.color.bins import AnnealedMean
from colorbook.imaging.artifact import default_model
from colorbook.models.temporal import TemporalUNet
from colorbook.training.export import export_stream, stream_card

# %% [markdown]
# ## Push and flush

# %% [markdown]
# Answers are one frame late: a frame is colored when the one after it is known. So the first `push` returns nothing, each later one the color of the frame before, and `flush` that of the last. A cut is announced with the frame that begins the new shot; neither the frame before it nor the new one then hears of the other. Frames of one film have one size. After `flush` the object is as new, for another film or another size.
#
# The state is kept where onnxruntime put it, without a copy. `flush` has to run the graph once more and gives it the last frame again, whose features nobody will look at.

# %%
#| export
class FilmModel:
    "A video artifact at work on one film"
    def __init__(self,
        model:str|os.PathLike, # an .onnx file that `colorbook.training.export` wrote
    ):
        self.path = find_model(model)
        self.session,self.card = open_model(self.path)
        if self.card.get('kind') != 'video':
            raise InputError(f"'{self.path}' is a model for pictures, not for films", 'give a video artifact')
        self.names = [o.name for o in self.session.get_inputs()]
        self.reset()
    def reset(self):
        "Forget the film"
        self.state = self.last = None
        self.known = 0. # is the frame before the middle one in its shot?

    def push(self,
        L:np.ndarray, # hxw, lightness in 0..1 of the next frame; both sides multiples of the card's
        cut:bool=False, # does a new shot begin with it?
    ) -> np.ndarray|None: # 2 x h' x w', color of the frame before in units of 110; None for the first frame
        "Take the next frame"
        L = np.ascontiguousarray(L, np.float32)[None,None]
        self._check(L)
        begins = self.last is None
        h,w = L.shape[2:]
        if begins: self.state = [np.zeros((1, c, h//by, w//by), np.float32) for c,by in self.card['state']]
        near = 0. if begins or cut else 1.
        ab = self._step(L, near)
        self.known,self.last = near,L
        return None if begins else ab
    def flush(self) -> np.ndarray|None: # color of the last frame; None if there was none
        "End the film"
        ab = None if self.last is None else self._step(self.last, 0.)
        self.reset()
        return ab

    def _step(self, L, near):
        given = [L, np.array([[self.known, near]], np.float32), *self.state]
        ab,*self.state = self.session.run(None, dict(zip(self.names, given)))
        return ab[0]
    def _check(self, L):
        by = self.card['multiple']
        if L.ndim != 4 or any(o%by or not o for o in L.shape[2:]):
            raise UsageError(f'a frame of {L.shape[2:]} values does not fit', f'give sides that are multiples of {by}')
        if self.last is not None and L.shape != self.last.shape:
            raise UsageError(f'a frame of {L.shape[2:]} after those of {self.last.shape[2:]}', 'flush, and begin anew')

# %%
#| export
def color_film(
    model:FilmModel,
    frames, # yields pairs of a frame's lightness, hxw in 0..1, and its shot: anything that can be compared
): # yields the color of each frame, in order, 2 x h' x w'
    "All colors of a film"
    last = None
    for i,(L,shot) in enumerate(frames):
        ab = model.push(L, i and shot != last)
        last = shot
        if ab is not None: yield ab
    ab = model.flush()
    if ab is not None: yield ab

# %% [markdown]
# A model with random weights is enough to see how it behaves. There are as many colors as frames, with one frame, two, or none. A film of three shots is colored as the shots are by themselves, since nothing goes over a cut. And a frame depends on its neighbors and on nothing else: a change in frame 4 changes the answers for frames 3, 4 and 5.

# %%
torch.manual_seed(seed)
net = TemporalUNet(color=AnnealedMean()).eval()
for o in net.fuse.parameters(): torch.nn.init.normal_(o, 0, .1)
torch.nn.init.normal_(net.head.weight, 0, 1.)
path = export_stream(net, Path(tempfile.mkdtemp())/'film.onnx', stream_card(net, 'chance'))
one,film = FilmModel(path),np.random.default_rng(seed).random((8, h, w), np.float32)
shots = [0, 0, 0, 1, 2, 2, 2, 2]
def run(film, shots=[0]*8): return list(color_film(one, zip(film, shots)))
test_eq([len(run(film[:n])) for n in (0, 1, 2, 8)], [0, 1, 2, 8])
whole,parts = run(film, shots),run(film[:3]) + run(film[3:4]) + run(film[4:])
assert all(np.array_equal(a, b) for a,b in zip(whole, parts))
other = film.copy()
other[4] = other[4,::-1]
changed = [i for i,(a,b) in enumerate(zip(run(film), run(other))) if not np.array_equal(a, b)]
test_eq(changed, [3, 4, 5])
whole[0].shape,one.card['state']

# %% [markdown]
# The three-frame network in torch gives the same to $10^{-3}$ (the value is the largest difference). A film pushed again gives the same bytes, whatever was pushed before.

# %%
def triple(i):
    x = [film[j] if 0 <= j < 8 and shots[j] == shots[i] else np.full((h, w), -1, np.float32) for j in (i - 1, i, i + 1)]
    with torch.no_grad(): return net.color(net(torch.from_numpy(np.stack(x)[None])))[0].numpy()

worst = max(np.abs(triple(i) - o).max() for i,o in enumerate(whole))
assert worst < 1e-3
assert all(np.array_equal(a, b) for a,b in zip(run(film, shots), whole))
worst

# %% [markdown]
# ## A source of colors

# %% [markdown]
# The pipeline that turns films into films takes either kind of model: one for pictures, which sees frame after frame, and one for films. As a [source of colors](steps.ipynb#colors) the second is one frame late. Each source has a `FilmModel` of its own, so that two films do not mix; they share the session, which is loaded once. Without a name it is the model for films that the package carries.

# %%
#| export
def default_film_model() -> Path: # an .onnx file
    "The video artifact that the package carries, or whatever artifact COLORBOOK_MODEL names"
    return Path(os.environ.get('COLORBOOK_MODEL') or files('colorbook')/'film.onnx')

def load_film_model(
    model=None, # name or .onnx file of a model for films or pictures, a loaded one, or None for the package's own
): # a `FilmModel`, or a `Colorizer`, which will see frame by frame
    "The model that colors a film"
    if isinstance(model, (list, tuple, MeanColorizer)): raise UsageError('a film takes one model', 'name one')
    if model is not None and not isinstance(model, (str, os.PathLike, Colorizer, FilmModel)):
        raise UsageError(f'model is {model!r}, a {type(model).__name__}', 'give a name or an .onnx file')
    if not isinstance(model, (Colorizer, FilmModel)):
        path = find_model(default_film_model() if model is None else model)
        model = FilmModel(path) if open_model(path)[1].get('kind') == 'video' else load_model(path)
    if model.card.get('light'):
        raise UsageError('this model changes lightness, and a film keeps its own', 'color its frames as pictures')
    return model

# %%
#| export
def color_source(
    model, # a `FilmModel` or a `Colorizer`
    seed:int|None=None, # of the noise of a `Colorizer`, drawn once for each shot
): # a source of colors
    "How a model colors a film: a picture model frame by frame, a film model with a memory"
    if isinstance(model, Colorizer): return frame_by_frame(model, seed)
    return lambda frames: color_film(FilmModel(model.path), frames)

# %%
test_eq([np.array_equal(a, b) for a,b in zip(color_source(one)(zip(film, shots)), whole)], [True]*8)
test_eq(list(color_source(one)([])), [])
picture = load_film_model(default_model())
test_eq(next(color_source(picture)([(film[0], 0)])), picture.ab(film[0]))
test_eq([type(load_film_model(o)) for o in (path, picture, one)], [FilmModel, Colorizer, FilmModel])

# %% [markdown]
# What does not fit is refused: a model for pictures, a size that the network cannot halve, another size in the middle of a film.

# %%
test_fail(lambda: FilmModel(default_model()), exc=InputError, contains='for pictures')
test_fail(lambda: one.push(film[0,:50]), exc=UsageError, contains='multiples of 32')
test_fail(lambda: one.push(np.zeros((3, h, w))), exc=UsageError, contains='does not fit')
one.push(film[0])
test_fail(lambda: one.push(film[0,:32]), exc=UsageError, contains='flush')
test_eq(one.flush().shape, (2, h//4, w//4))
one.push(film[0,:32]) is None

# %% [markdown]
# ## What we have
#
# - `FilmModel`, which colors a film one frame late with `push` and `flush`, and forgets at a cut;
# - `color_film` and `color_source`, which take a film model, or either kind of model, to all frames of a film;
# - a test that an answer depends on a frame and its two neighbors alone.

# %% [markdown]
# ## Exercises
#
# 1. Two films are colored alternately, a frame of one, a frame of the other. What must each have for itself, and what may they share?
# 2. `flush` encodes a frame for nothing. Could a cut be used to save that?
# 3. Measure how much time passes between `push` of a frame and its answer at 24 frames a second, and what a player has to do about the sound.
