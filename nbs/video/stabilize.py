# %% [markdown]
# # Steady color
#
# > Ask the network about the same thing in several frames, and take the mean
#
# A network that looks at one frame at a time decides anew twenty-four times a second, and every small change of light or noise changes its answer a little. In a picture nobody sees that; in a film the coat shimmers. But the frames of a shot show the same things, and optical flow says where each thing was and will be. So we may ask the network about the same thing several times and take the mean of its answers. `stabilize` does that to the colors of any model, without touching light and without ever looking across a cut.

# %%
#| default_exp video.stabilize

# %%
#| export
from collections import deque
from dataclasses import dataclass
import numpy as np
from colorbook.video.flow import cv2, flow, visibility, warp

# %%
#| hide
from types import SimpleNamespace
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data
from colorbook.imaging.colorizer import load_model
from colorbook.imaging.sheet import LoopingClip
from colorbook.video.model import color_source
from colorbook.video.read import open_reel
from colorbook.video.steps import paint_frame, prepare, watch, with_colors

# %% tags=["parameters"]
seed,n = 42,21 # of the noise; frames

# %% [markdown]
# ## Links

# %% [markdown]
# [Dense inverse search](flow.ipynb) gives us the flow from one frame to a neighbor, the neighbor as seen from the frame, and how much of it can be believed: $e^{-50d^2}$, where $d$ is the difference in lightness after warping. What comes out from behind a tree has no past, and there the weight is near zero. All of this is measured on the small lightness that the network sees, and carried down to the grid of its answer, which is four times smaller still. So a link costs a few milliseconds, and light at full size is never touched: the stabilizer has no way to blur it.

# %%
#| export
def flow_link(
    a:np.ndarray, # lightness, hxw, uint8
    b:np.ndarray, # of a neighbor
    shape:tuple, # rows and columns of the color
    strength:float, # weight of a neighbor that is seen perfectly
) -> tuple: # flow from a to b, and the weight of each of its pixels, on the grid of the color
    "How to look up in b what belongs to a, and how far to trust it"
    move = flow(a, b)
    seen = visibility(a/np.float32(255), warp(b, move)/np.float32(255))
    small = lambda x: cv2.resize(x, shape[::-1], interpolation=cv2.INTER_AREA)
    return small(move)*np.float32([shape[1]/a.shape[1], shape[0]/a.shape[0]]),small(seen)[...,None]*np.float32(strength)

# %%
face = (data.camera()[100:356:2,100:420:2]).copy()
move,weight = flow_link(face, np.roll(face, 8, 1), (32, 40), .9)
test_close(np.median(move[...,0]), 2, eps=.1)
test_close(np.median(move[...,1]), 0, eps=.1)
test_close(np.median(weight), .9, eps=.02)
noise = np.random.default_rng(seed).integers(0, 256, face.shape, dtype=np.uint8)
assert flow_link(face, noise, (32, 40), .9)[1].mean() < .6
flow_link(face, noise, (32, 40), .9)[1].mean()

# %% [markdown]
# ## The mean along the motion

# %% [markdown]
# Let $A_t$ be the answer of the network, $W_{ts}$ the warp that shows frame $s$ as seen from $t$, and $v_t$ the weight of the link from $t$ to the frame before. With strength $s$ the frames of the past say
#
# $$ P_t = s\,v_t\,W_{t,t-1}\bigl(A_{t-1} + P_{t-1}\bigr), \qquad w_t = s\,v_t\,W_{t,t-1}\bigl(1 + w_{t-1}\bigr) $$
#
# which is summed from the farthest of `window` frames to the nearest, and those of the future say the same with the links turned round. The stabilized color is the sum over the sum of weights. Because only a few frames are asked, it depends on nothing farther away: a film that is taken up again in the middle gives the same colors as one that was never stopped. Where the network says blue in one frame and brown in the next, the mean is nearly gray; so the mean gets back the strength that color has in the frames that were asked, one factor for the whole frame and never more than a fifth. Strength is what colorfulness measures [@hasler2003], on $a$ and $b$: with the root of the mean square in its place a camera that moves fast lost five percent of its film's colorfulness, because a mean keeps the overall tint and loses the contrast between things.

# %%
#| export
@dataclass
class StabilizedFrame:
    "A frame between its neighbors"
    item:object # whatever comes with it
    gray:np.ndarray # hxw, uint8
    ab:np.ndarray # h'xw'x3: color, and a third channel of ones that counts
    before:tuple|None=None # flow to the frame before and weight, on the grid of the color; None after a cut
    after:tuple|None=None # flow from the frame before to this one, and weight

# %%
#| export
def propagate(
    chain, # color of frames, nearest first, each with the link that leads to it from the one before
): # sum of color and of weights, h'xw'x3, or 0
    "What the frames of one direction say about the first"
    total = 0
    for ab,(move,weight) in reversed(chain): total = weight*warp(ab + total, move)
    return total

# %%
#| export
def chroma_strength(
    ab:np.ndarray, # h'xw'x2, and more channels that do not count
) -> float:
    "How strong color is: its spread and three tenths of its mean, as colorfulness adds them up"
    mean,spread = cv2.meanStdDev(ab)
    return float(np.hypot(*spread[:2,0]) + .3*np.hypot(*mean[:2,0]))

def average(
    me:np.ndarray, # h'xw'x3, see `StabilizedFrame`
    back:list, # see `propagate`: the frames before
    on:list, # and those that follow
) -> np.ndarray: # 2xh'xw'
    "The mean of all that is said about a frame, as strong as its neighbors are"
    total = me + propagate(back) + propagate(on)
    ab = total[...,:2]/total[...,2:]
    strong = np.mean([chroma_strength(x) for x in (me, *(x for x,_ in back + on))])
    return np.moveaxis(ab*np.float32(np.clip(strong/(chroma_strength(ab) + 1e-6), 1, 1.2)), -1, 0)

# %%
#| export
def _stabilized(item, ab:np.ndarray) -> StabilizedFrame:
    return StabilizedFrame(item, np.rint(item.L.clip(0, 1)*255).astype(np.uint8), np.dstack([*ab, np.ones_like(ab[0])]))

def _around(
    held:list, # `StabilizedFrame` frames
    at:int, # the place of one
    window:int, # how many are asked in each direction
) -> tuple[list,list]: # frames before and after, nearest first, each with the link that leads to it
    "The neighbors of a frame in its shot"
    back,on = [],[]
    for i in range(at, max(at - window, 0), -1):
        if held[i].before is None: break
        back.append((held[i-1].ab, held[i].before))
    for o in held[at+1:at+1+window]:
        if o.after is None: break
        on.append((o.ab, o.after))
    return back,on

def stabilize(
    frames, # yields pairs of something with `L` (hxw, 0..1) and `cut` (does a shot begin?), and its color, 2xh'xw'
    strength:float=.9, # weight of a neighbor, 0..1; 0 changes nothing
    window:int=6, # how many frames are asked in each direction
): # yields the same pairs, `window` frames late
    "Each color as the mean of what its neighbors say, moved with the picture, never across a cut"
    held,at = [],0
    def steady(): return held[at].item,average(held[at].ab, *_around(held, at, window))
    for item,ab in frames:
        o = _stabilized(item, ab)
        if held and not item.cut:
            o.before = flow_link(o.gray, held[-1].gray, ab.shape[1:], strength)
            o.after = flow_link(held[-1].gray, o.gray, ab.shape[1:], strength)
        held.append(o)
        if len(held) <= at + window: continue
        yield steady()
        if at < window: at += 1
        else: del held[0]
    for at in range(at, len(held)): yield steady()

# %% [markdown]
# For three films in which nothing moves the result can be worked out. Color that does not change comes back unchanged. Color that jumps between $+1$ and $-1$ from frame to frame is answered, inside the film, with
#
# $$ \frac{1 + 2\sum_{k=1}^{6}(-s)^k}{1 + 2\sum_{k=1}^{6}s^k} $$
#
# times itself, 0.059 for $s=0.9$; the strength that is given back makes it at most a fifth more. And a cut in the middle of a film gives the same as two films.

# %%
still = face/np.float32(255)
def film(colors, cuts=(0,)):
    "Frames of a face that does not move, with given colors"
    frame = lambda i: SimpleNamespace(L=still, cut=i in cuts, i=i)
    return [(frame(i), np.full((2, 32, 40), c, np.float32)) for i,c in enumerate(colors)]
def steadied(frames, **how): return np.stack([ab for _,ab in stabilize(iter(frames), **how)])
test_close(steadied(film([.3]*n)), .3, eps=1e-5)
test_eq([o.i for o,_ in stabilize(iter(film([.3]*n)))], range(n))
flicker = [(-1)**i for i in range(n)]
gain = (1 + 2*sum((-.9)**k for k in range(1, 7)))/(1 + 2*sum(.9**k for k in range(1, 7)))
inner = steadied(film(flicker))[6:-6]
test_close(np.abs(inner), 1.2*gain, eps=2e-3)
assert (np.sign(inner[:,0,0,0]) == flicker[6:-6]).all()
two = film([.3]*7 + [-.5]*(n - 7), cuts=(0, 7))
test_close(steadied(two)[:7], .3, eps=1e-5)
test_close(steadied(two)[7:], -.5, eps=1e-5)
test_eq(steadied(film(flicker), strength=0), np.stack([ab for _,ab in film(flicker)]))
gain

# %% [markdown]
# ## Strength

# %% [markdown]
# Colorfulness is linear in color, so what is missing in it is one factor. Of two pictures with the same contrast the one with a tint is stronger by three tenths of it. Suppose that the answers alternate: in one frame the left half is orange and the right half blue, in the next it is the other way round. The mean has hardly any color left, and a fifth more of that is still little. So the factor repairs colors that are too pale; it does not choose between two answers.

# %%
x = np.random.default_rng(seed).normal(size=(32, 40, 3)).astype(np.float32)
test_close(chroma_strength(3*x), 3*chroma_strength(x), eps=1e-4)
tint = np.zeros_like(x) + np.float32([3, 4, 9])
test_close(chroma_strength(tint), 1.5, eps=1e-5)
halves = np.where(np.arange(40) < 20, 1, -1)
apart = [(o, ab*sign*halves) for sign,(o,ab) in zip(flicker, film([1.]*n))]
test_close(np.abs(steadied(apart))[6:-6,:,:,[5,35]], 1.2*gain, eps=2e-3)
faint = [(o, ab*(1 + .15*sign)*halves) for sign,(o,ab) in zip(flicker, film([1.]*n))]
strong = [chroma_strength(np.moveaxis(ab, 0, -1)) for ab in steadied(faint)[6:-6]]
test_close(np.mean(strong), np.mean([chroma_strength(np.moveaxis(ab, 0, -1)) for _,ab in faint]), eps=.03)
np.ptp(strong)

# %% [markdown]
# ## In motion

# %% [markdown]
# A camera moves over a photograph, and each frame gets the true color of what it shows, with an error of its own. What is stabilized is nearer to the truth than what came in, and changes less along the motion.

# %%
rng = np.random.default_rng(seed)
wide,chroma = data.camera()[60:220],rng.normal(0, .3, (2, 10, 16)).astype(np.float32)
chroma = np.stack([cv2.resize(o, (512, 160), interpolation=cv2.INTER_CUBIC) for o in chroma])
def seen(i):
    "The frame at a place of the camera, and its true color"
    x = 8*i + 20
    return SimpleNamespace(L=wide[:,x:x+256]/np.float32(255), cut=i == 0),chroma[:,2::4,x+2:x+258:4]
frames = [seen(i) for i in range(n)]
wrong = lambda: rng.normal(0, .15, (2, 5, 8)).repeat(8, 1).repeat(8, 2).astype(np.float32)
noisy = [(o, ab + wrong()) for o,ab in frames]
calm = [ab for _,ab in stabilize(iter(noisy))]
error = lambda xs: np.sqrt(np.mean([(x - ab)**2 for x,(_,ab) in zip(xs, frames)]))
jump = lambda xs: np.sqrt(np.mean([(b[:,:,:-2] - a[:,:,2:])**2 for a,b in zip(xs, xs[1:])]))
before = [ab for _,ab in noisy]
assert error(calm) < .6*error(before) and jump(calm) < .4*jump(before)
{k: (error(x), jump(x)) for k,x in dict(before=before, after=calm).items()}

# %%
#| label: fig-steady
#| fig-cap: "One color of one moving point, frame by frame: as answered (gray), steadied (black), true (dashed)."
def show_point(row=20, column=40):
    "Color along the motion"
    along = lambda xs: [x[0,row,column - 2*i] for i,x in enumerate(xs)]
    fig,ax = plt.subplots(figsize=(8, 2))
    ax.plot(along(before), color='.7')
    ax.plot(along(calm), color='k')
    ax.plot(along([ab for _,ab in frames]), '--', color='C3')
    ax.set(xlabel='frame', ylabel='a/110')
show_point();

# %% [markdown]
# The gray line jumps at every frame, since each frame has an error of its own. The black line follows the dashed truth with small and slow deviations.

# %% [markdown]
# Now a film. A bird dances on a branch (*Big Buck Bunny*, (c) 2008 Blender Foundation, bigbuckbunny.org, CC BY 3.0), and the image model of the package colors every frame by itself. On the left are its colors, on the right the same colors steadied. Look at the sky and at the trunk.

# %%
c,s = open_reel('../../asset/bunny.mp4')
with c:
    seen = list(prepare(watch('bunny', c, s, stop=436/24), 192, 32, first=400))
own = list(with_colors(iter(seen), color_source(load_model())))
steady = list(stabilize(iter(own)))
views = [[paint_frame(o, ab)[...,:3] for o,ab in pairs] for pairs in (own, steady)]
LoopingClip(list(zip(*views))[::2], 'A bird on a branch, colored frame by frame, and the same colors steadied.',
    ['frame by frame', 'steadied'])

# %%
#| code-fold: true
def change(pairs): return np.mean([np.abs(b - a).mean() for (_,a),(_,b) in zip(pairs, pairs[1:])])
assert change(steady) < .7*change(own)

# %% [markdown]
# The light is the same in both, so the movement is. What is calmer on the right is the color of things that do not move or move slowly. Where the wings beat, flow cannot follow, and the colors are those of the frame itself.

# %% [markdown]
# ## Without the future

# %% [markdown]
# The sum above asks six frames before and six after. A [player](player.ipynb) has not seen the next frames yet. So the same sum is taken over the past alone; for the last frame of a film the two agree.

# %%
#| export
def steady_so_far(
    frames, # yields pairs of something with `L` and `cut`, and its color, 2xh'xw'
    strength:float=.9, # weight of a neighbor, 0..1
    window:int=6, # how many earlier frames are asked
): # yields the same pairs, none of them late
    "Each color as the mean of what the frames before say, moved with the picture, never across a cut"
    held = deque(maxlen=window + 1)
    for item,ab in frames:
        o = _stabilized(item, ab)
        if item.cut: held.clear()
        if held: o.before = flow_link(o.gray, held[-1].gray, ab.shape[1:], strength)
        held.append(o)
        yield item,average(o.ab, _around(list(held), len(held) - 1, window)[0], [])

# %%
rng = np.random.default_rng(seed)
def moving(i): return SimpleNamespace(L=wide[:,8*i:8*i+256]/np.float32(255), cut=i in (0, 5))
pairs = [(moving(i), rng.normal(.2, .15, (2, 40, 64)).astype(np.float32)) for i in range(16)]
past,both = ([ab for _,ab in f(iter(pairs))] for f in (steady_so_far, stabilize))
test_close(past[-1], both[-1], eps=1e-6)
test_close(past[5], pairs[5][1], eps=1e-6)
jump = lambda xs: np.sqrt(np.mean([(b[:,:,:-2] - a[:,:,2:])**2 for a,b in zip(xs[6:], xs[7:])]))
assert jump(both) < jump(past) < .5*jump([ab for _,ab in pairs])
jump([ab for _,ab in pairs]),jump(past),jump(both)

# %% [markdown]
# ## Measured

# %% [markdown]
# How much does it do to other films? That is measured in [Films, measured](../results/films.ipynb), on films that nothing was chosen on. What was chosen, window and strength, was chosen on 18 other pieces by `benchmarks/steady.py --choose`: four of the trailer of *Sintel*, six of the beginnings of the films that are measured, and eight photographs over which a camera moves. The rule: no piece may lose or gain more than 3 % of its colorfulness or lose more than .15 dB; of what is left, the steadiest. With 4, 6, 8 and 12 frames in each direction the change of color from frame to frame fell to .33, .29, .27 and .25 of what it was. With 8 and with 12 one piece loses 4 and 6 % of its colorfulness, so six frames are left. Between strengths of .9 and 1 there is no difference that counts (.293 and .292), and .8 is out by a hair.

# %% [markdown]
# ## What we have
#
# - links between frames, with a weight that is small where something cannot be followed;
# - `stabilize`, which needs six frames of each direction and no others, and whose effect on flicker is known in closed form;
# - `steady_so_far`, the same for those who cannot wait for the future;
# - color that shimmers less and is nearer to the truth, with light untouched.

# %% [markdown]
# ## Exercises
#
# 1. Ask twelve frames in each direction instead of six. What is gained in the closed form, and what is lost where flow is wrong?
# 2. Replace the mean by the weighted median of the answers. What becomes of the closed form?
# 3. The links of a frame to its neighbors know where something was hidden. Use that to color what appears from what was seen of it earlier.
