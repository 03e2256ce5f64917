# %% [markdown]
# # Synthetic clips
#
# > Frames moved along an optical flow, and cameras over photographs, whose every pixel, cut and motion is known
#
# Films in color that may be trained on are rare, photographs are not; and whatever is to see flicker must find the same thing in two frames of a film, while things move. So this chapter begins with tensors: batches of frames are moved along a flow, each pixel gets a weight for how far its flow can be trusted, and a rule says which frames of a clip are compared. [Optical flow](../video/flow.ipynb) finds flows in real films, with errors; here they come from films of which everything is known. A camera travels over a photograph. There are three such cameras, from a plain one to a scene with depth, and two of them know their flow exactly. `colorbook data rides PHOTOS --out RIDES` writes the clips of the second one down, each a folder of numbered frames with the flow beside it: a set that `colorbook train s1 RIDES` takes as it takes films, that is the same on every machine, and that can be published wherever its photographs can.

# %%
#| default_exp data.synthetic

# %% tags=["parameters"]
width,height,side,n,bs,seed = 320,180,64,6,2,7

# %%
#| export
import json, random
from pathlib import Path
from typing import NamedTuple
import numpy as np, torch, torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor
from colorbook.core import InputError, OutputError, UsageError, with_progress, atomic_path
from colorbook.data.photos import Photos
from colorbook.video.flow import cv2, grid, inside

# %%
#| hide
import shutil, tempfile, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.color.lab import show_row
from colorbook.data.photos import read_photo, sample_photos
from colorbook.imaging.sheet import LoopingClip
from colorbook.video.flow import visibility, warp
photo = sample_photos()[0]

# %% [markdown]
# ## Warping along a flow

# %% [markdown]
# An optical flow $w$ says for each pixel of frame $j$ where it was in frame $i$: what is at $p$ now was at $p+w(p)$ then. To *warp* frame $i$ is to fetch it from there, in between pixels bilinearly:
#
# $$\hat y_i(p)=y_i(p+w(p))$$

# %%
#| export
def warp_batch(
    y:Tensor, # pictures, `n`xCxhxw
    flow:Tensor, # where each pixel is found in `y`: pixels to the right and down, `n`x2xhxw
) -> Tensor: # `n`xCxhxw; beyond the edge its last pixel goes on
    "Fetch each pixel from where the flow points to"
    h,w = y.shape[-2:]
    at = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing='xy')).to(flow) + flow
    side = torch.tensor([max(w - 1, 1), max(h - 1, 1)]).to(flow).view(2, 1, 1)
    return F.grid_sample(y, (at*2/side - 1).permute(0, 2, 3, 1), padding_mode='border', align_corners=True)

# %% [markdown]
# As a check, a flow of whole pixels must bring them as they are, half a pixel must bring the mean of two neighbors, and a flow that points out of the picture must bring the edge.

# %%
y = torch.rand(bs, 3, 9, 12)
flow = torch.zeros(bs, 2, 9, 12)
test_close(warp_batch(y, flow), y, eps=1e-6)
flow[:,0],flow[:,1] = 2,-1
test_close(warp_batch(y, flow)[...,1:,:-2], y[...,:-1,2:], eps=1e-5)
test_close(warp_batch(y, flow)[...,0,:-2], y[...,0,2:], eps=1e-5)
half = torch.zeros(bs, 2, 9, 12)
half[:,0] = .5
test_close(warp_batch(y, half)[...,:-1], (y[...,:-1] + y[...,1:])/2, eps=1e-5)
mixed = torch.zeros(1, 2, 1, 3)
mixed[0,0,0] = torch.tensor([2., 0, -1])
test_eq(warp_batch(torch.tensor([[[[1., 2, 4]]]]), mixed), torch.tensor([[[[4., 2, 2]]]]))
warp_batch(y, flow).shape

# %% [markdown]
# Not everything in a frame was there in the one before. Where the *true* frames, one warped to the other, disagree by $d$, the pixel was hidden, or the flow is wrong, or the light has changed; there the color may change as well. VCGAN [@zhao2022] weighs every pixel by
#
# $$v=\exp(-50\,\lVert x_j-\hat x_i\rVert^2)$$
#
# over RGB in 0..1, which is one half at a difference of 0.12. Where the flow points out of the picture, there is no true pixel and $v=0$.

# %%
#| export
def visibility_batch(
    first:Tensor, # true earlier frames, `n`xCxhxw, in 0..1
    later:Tensor, # true later frames
    flow:Tensor, # where each pixel of `later` is found in `first`, `n`x2xhxw
    k:float=50., # how fast trust falls
) -> Tensor: # `n`x1xhxw, 1 where both show the same thing
    "How far a flow can be trusted: exp(-k d^2) (Zhao et al., VCGAN), 0 outside of the picture"
    h,w = flow.shape[-2:]
    at = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing='xy')).to(flow) + flow
    inside = (at >= -.5).all(1) & (at[:,0] <= w - .5) & (at[:,1] <= h - .5)
    return (torch.exp(-k*(later - warp_batch(first, flow)).square().sum(1))*inside)[:,None]

# %%
a = torch.rand(1, 3, 6, 8)
b,shift = a.roll(2, 3),torch.zeros(1, 2, 6, 8)
shift[:,0] = -2
sure = visibility_batch(a, b, shift)
test_close(sure[...,2:], 1, eps=1e-4)
test_eq(sure[...,:2].abs().max(), torch.tensor(0.))
test_close(visibility_batch(a, a + .1, shift*0), np.exp(-50*3*.01), eps=1e-4)
sure[0,0,0]

# %% [markdown]
# ## Tensors and arrays agree

# %% [markdown]
# [Optical flow](../video/flow.ipynb) has `warp` and `visibility` too, on NumPy and OpenCV, for one picture and without gradients. For random pictures and random flows, many of which point out of the picture, both must look up the same pixels. OpenCV counts the place between two pixels in 32nds, so the two differ by at most a 32nd of the step from one pixel to the next in each direction; at places that are multiples of a 32nd they are equal.

# %%
rng = np.random.default_rng(seed)
pictures,moves = rng.random((2, 20, 30, 3), dtype=np.float32),rng.uniform(-9, 9, (2, 20, 30, 2)).astype(np.float32)
exact = np.round(moves*32)/32
tensor = lambda o: torch.from_numpy(o).permute(0, 3, 1, 2)
def both(moves):
    "The batch warped by tensors, and by arrays one after the other"
    ours = warp_batch(tensor(pictures), tensor(moves)).permute(0, 2, 3, 1).numpy()
    return ours,np.stack([warp(o, m) for o,m in zip(pictures, moves)])
test_close(*both(exact), eps=1e-4)
assert np.abs(np.subtract(*both(moves))).max() < 2/32
weight = visibility_batch(tensor(pictures), tensor(pictures[::-1].copy()), tensor(exact))[:,0].numpy()
theirs = np.stack([visibility(a, warp(b, m))*inside(m)
                   for a,b,m in zip(pictures[::-1], pictures, exact)])
test_close(weight, theirs, eps=1e-4)
assert (theirs == 0).mean() > .1
np.abs(np.subtract(*both(moves))).max()

# %% [markdown]
# ## Which frames are compared

# %% [markdown]
# Neighbors, $(t,t+1)$, keep color from flickering: the short term. The first frame and each later one, $(0,t)$, keep it from drifting: the long term; where $t=1$ it would be the short one again and is left out. Whoever measures flows for a clip and whoever spends them in [a loss](../losses/temporal.ipynb) go through the pairs in this order.

# %%
#| export
def compared_pairs(
    n:int, # frames of a clip that are answered
) -> list: # pairs (earlier, later): neighbors first, then the first frame with each from the third on
    "Which frames of a clip are compared"
    return [(i, i + 1) for i in range(n - 1)] + [(0, i) for i in range(2, n)]

# %%
test_eq([compared_pairs(o) for o in (1, 2, 3, 4)], [[], [(0, 1)], [(0, 1), (1, 2), (0, 2)],
    [(0, 1), (1, 2), (2, 3), (0, 2), (0, 3)]])
{n: len(compared_pairs(n)) for n in range(1, 9)}

# %%
#| label: fig-warp
#| fig-cap: "Two frames of a moving camera, their difference without and with warping, and what is visible."
rgb = torch.from_numpy(np.array(sample_photos(128)[2])).permute(2, 0, 1)[None]/255
film = torch.cat([rgb[...,32:96,2*i:2*i + 96] for i in range(3)])
move = torch.zeros(1, 2, 64, 96)
move[:,0] = 4
apart = (film[2] - film[0]).abs().mean(0, keepdim=True)*3
warped = (film[2:] - warp_batch(film[:1], move)).abs().mean(1)*3
seen = visibility_batch(film[:1], film[2:], move)[0]
assert (seen[...,:-4] > .999).all() and (seen[...,-3:] == 0).all()
show_row([film[0], film[2], apart, warped, seen], ['first', 'third', 'difference', 'warped', 'visible'])

# %% [markdown]
# The camera has moved by four pixels from the first to the third frame, so their plain difference (third picture) shows every edge. After warping the difference is black, except for the strip at the right where the camera sees something new. The same strip is black in the last picture: there nothing is compared.

# %% [markdown]
# ## A camera at constant speed

# %% [markdown]
# The plainest camera sees a part of the photograph, of the shape of the frames, and moves from one place to another at constant speed. Between pixels it interpolates, so it may move by fractions of one. Several photographs one after the other are a film with cuts; the chapters on [reading films](../video/read.ipynb) and all tests of films are built of such clips.

# %%
#| export
def travel(
    photo:Image.Image,
    n:int, # frames
    size:tuple, # width and height of the frames
    start:tuple=(0, 0), # place of the camera at the first frame: right and down, in 0..1
    stop:tuple=(1, 1), # and at the last one
    part:float=.7, # how much of the photo it sees at a time
): # yields PIL pictures
    "What a camera sees that moves over a photo at constant speed"
    w,h = photo.size
    by = part*min(w/size[0], h/size[1])
    w,h,free = size[0]*by,size[1]*by,np.array([w - size[0]*by, h - size[1]*by])
    for t in np.linspace(0, 1, n):
        x,y = free*((1 - t)*np.array(start) + t*np.array(stop))
        yield photo.resize(size, Image.Resampling.BILINEAR, box=(x, y, x + w, y + h))

# %%
pan = list(travel(photo, 5, (100, 50), (0, .5), (1, .5), part=.5))
test_eq([o.size for o in pan], [(100, 50)]*5)
whole = next(travel(photo, 1, (100, 100), part=1))
test_eq(np.asarray(whole), np.asarray(photo.resize((100, 100), Image.Resampling.BILINEAR)))
still = [np.asarray(o) for o in travel(photo, 3, (100, 50), (.2, .4), (.2, .4))]
assert np.array_equal(still[0], still[2]) and not np.array_equal(np.asarray(pan[0]), np.asarray(pan[1]))
step = (512 - .5*512)/4*100/256 # columns of a frame between two frames of the pan
test_close(np.asarray(pan[1], int)[:,:-26], np.asarray(pan[0], int)[:,25:-1], eps=3)
step

# %% [markdown]
# ## A camera whose flow is known

# %% [markdown]
# Training on clips wants more than `travel`: squares, a zoom, and the flow. Where frame $i$ shows the square of side $s_i$ at $o_i$ in the photo, the pixel at $u$ of frame $j$, each of $n$ pixels, was at
#
# $$u'=\left(o_j+u\frac{s_j}{n}-o_i\right)\frac{n}{s_i}$$
#
# so the flow $u'-u$ needs no measuring. The camera's hand trembles a little, because hands do and because nothing else tells a network that half a pixel of movement is no reason for another color.

# %%
#| export
def camera_path(
    w:int, h:int, # size of the photo
    n:int, # frames
    rng, # a `random.Random`
    speed:float=.12, # largest way of the whole clip, as a share of what the camera sees
) -> np.ndarray: # nx3: left, top and side of a square in the photo for each frame
    "Where a camera looks that pans, zooms and trembles"
    side,zoom = min(w, h)*rng.uniform(.6, .95),rng.uniform(-.08, .08)
    x,y = rng.uniform(0, w - side),rng.uniform(0, h - side)
    dx,dy = (side*rng.uniform(-speed, speed) for _ in range(2))
    t = np.linspace(-.5, .5, n)
    s = side*np.exp(zoom*t).clip(0, min(w, h)/side)
    shake = np.array([[rng.gauss(0, .004*side) for _ in range(2)] for _ in t])
    at = np.stack([x + dx*t + (side - s)/2, y + dy*t + (side - s)/2], 1) + shake
    return np.c_[at.clip(0, np.stack([w - s, h - s], 1)), s]

# %%
#| export
def camera_view(im, box, size): # what the camera sees, `size`x`size`
    x,y,s = box
    return im.resize((size, size), Image.Resampling.BILINEAR, box=(x, y, x + s, y + s))

def camera_flow(
    first:np.ndarray, # square of the earlier frame: left, top, side
    later:np.ndarray, # square of the later one
    n:int, # pixels of a side
) -> np.ndarray: # 2xnxn: where each pixel of the later frame is found in the earlier one
    "The flow between two places of a camera"
    u = np.arange(n) + .5
    x,y = ((later[k] + u*later[2]/n - first[k])*n/first[2] - u for k in (0, 1))
    return np.stack(np.broadcast_arrays(x[None], y[:,None])).astype(np.float32)

# %% [markdown]
# What is near moves faster than what is far. Two layers make a *parallax*: over the photo's film lies a piece of another photo, an ellipse of it, with a camera of its own. Each pixel has the flow of the layer it shows, and what the nearer layer uncovers has no true flow; there the colors of the warped frame are wrong and the visibility falls, as in a real film.

# %%
#| export
def camera_clip(
    photo:Image.Image,
    n:int, # frames
    size:int, # side of the frames
    rng, # a `random.Random`
    front:Image.Image=None, # a photo of which a piece passes in front
    step:int=4, # colors are compared at this fraction of the size
) -> tuple[np.ndarray,list]: # frames nx`size`x`size`x3, and flow for each pair of `compared_pairs(n - 2)`
    "A film from a photo, or of two layers from two, with its true flow"
    boxes,inner,k = camera_path(*photo.size, n, rng),compared_pairs(n - 2),size//step
    frames = [camera_view(photo, o, size) for o in boxes]
    flows = [camera_flow(boxes[i + 1], boxes[j + 1], k) for i,j in inner]
    if front is not None:
        near,piece = camera_path(*front.size, n, rng, .3),Image.new('L', front.size)
        x,y,s = near[n//2]
        a,b = sorted(rng.uniform(0, 1) for _ in range(2)),sorted(rng.uniform(0, 1) for _ in range(2))
        ImageDraw.Draw(piece).ellipse((x + a[0]*s, y + b[0]*s, x + a[1]*s + 9, y + b[1]*s + 9), 255)
        masks = [camera_view(piece, o, size) for o in near]
        frames = [Image.composite(camera_view(front, o, size), f, m) for o,f,m in zip(near, frames, masks)]
        shown = [np.asarray(m.resize((k, k), Image.Resampling.BOX)) > 127 for m in masks]
        flows = [np.where(shown[j + 1], camera_flow(near[i + 1], near[j + 1], k), w) for (i,j),w in zip(inner, flows)]
    return np.stack([np.asarray(o) for o in frames]),flows

# %% [markdown]
# The proof that a known flow is right is that it takes one frame to the other. With one layer all that differs is interpolation; with two, it is the band that is uncovered. And a flow that is wrong by a pixel is worse by far.

# %%
rng,squares = random.Random(seed),sample_photos(256)
def errors(front, off=0.):
    frames,flows = camera_clip(squares[0], 5, side, rng, front, step=1)
    x = torch.from_numpy(frames).permute(0, 3, 1, 2)/255
    first,later,w = x[1:2],x[3:4],torch.from_numpy(flows[2])[None] + off
    seen = visibility_batch(first, later, w)[:,0] > 0
    return ((later - warp_batch(first, w)).abs().mean(1)*seen)[0,6:-6,6:-6].mean().item()
one,two,wrong = ([errors(f, off) for _ in range(5)] for f,off in ((None, 0), (squares[1], 0), (None, 1.)))
assert np.mean(one) < .02 and np.mean(wrong) > 2*np.mean(one) and np.mean(one) < np.mean(two) < .1
[round(float(np.mean(o)), 4) for o in (one, two, wrong)]

# %%
#| label: fig-camera
#| fig-cap: "A camera's film with a piece of another photo in front, flow (right red, down green), visibility."
frames,flows = camera_clip(squares[4], 5, 192, random.Random(3), squares[1], step=1)
x = torch.from_numpy(frames).permute(0, 3, 1, 2)/255
w = torch.from_numpy(flows[2])[None]
def flow_picture(w): return torch.cat([.5 + w/w.abs().max()/2, torch.full((1, *w.shape[1:]), .5)])
show_row([x[0], x[4], flow_picture(w[0]), visibility_batch(x[1:2], x[3:4], w)[0]], ['first', 'last', 'flow', 'visible'])

# %% [markdown]
# First and last frame differ by a pan, a zoom and the piece that passes in front. The flow has one color for the background and another for the piece, and in the last picture a dark rim shows what the piece has uncovered.

# %% [markdown]
# ## A scene with known motion

# %% [markdown]
# The second camera sees squares and at most two layers, and its visibility is guessed from colors. To measure how wrong a flow is, one wants frames of any shape, turns, several depths, and visibility that is exact. A scene here is a stack of planes. The first is the photograph; before it hang pieces cut from its mirror image, at various distances. A camera moves, turns and closes in, and what is near moves more, which is parallax; each piece also has a motion of its own. All that a plane can do is a similarity: at time $t$ the pixel $x$ of the frame shows the point
#
# $$p = c + t\,v + e^{-zt}\,R_{\theta t}\,(x - m)$$
#
# of the plane, with $m$ the middle of the frame. So the flow from $t$ to $s$ is one matrix there and the inverse of another one back, for any two times, and a pixel stays visible if the plane that covers it still is in front where it goes.

# %%
#| export
class Plane(NamedTuple):
    "A picture in a scene and how the camera moves across it"
    rgb:np.ndarray # HxWx3, uint8
    alpha:np.ndarray|None # HxW in 0..1, where it hides what is behind; None for everywhere
    place:np.ndarray # c, the point seen in the middle at time 0
    speed:np.ndarray # v, pixels a frame
    zoom:float # z, logarithm of the growth in a frame
    turn:float # theta, radians a frame

    def pose(self,
        t:float, # time in frames
        m:np.ndarray, # middle of the frame
    ) -> np.ndarray: # 3x3
        "Matrix from places in the frame to places in the plane"
        c,s = np.cos(self.turn*t)*np.exp(-self.zoom*t),np.sin(self.turn*t)*np.exp(-self.zoom*t)
        R = np.array([[c, -s], [s, c]])
        return np.vstack([np.column_stack([R, self.place + t*self.speed - R@m]), [0, 0, 1]])

# %%
#| export
def blob_mask(
    h:int,
    w:int,
    center:np.ndarray, # right and down
    radius:float, # pixels
    rng:np.random.Generator, # draws the shape
) -> np.ndarray: # hxw in 0..1, float32
    "A round shape with waves, its edge one pixel soft"
    x,y = np.moveaxis(grid(h, w) - center, -1, 0)
    angle,shape = np.arctan2(y, x),rng.uniform(.7, 1)
    for k in (2, 3, 5): shape = shape + rng.uniform(0, .2)*np.sin(k*angle + rng.uniform(0, 7))
    return (radius*shape - np.hypot(x, y) + .5).clip(0, 1).astype(np.float32)

# %%
#| export
def scene_planes(
    photo:Image.Image,
    size:tuple, # width and height of the frames
    seed:int=0,
    layers:int=2, # pieces in front of the photo
    speed:float=4., # of the camera, in pixels a frame at most
    part:float=.7, # how much of the photo is seen at a time
) -> list: # of `Plane`, from the back to the front
    "A photo and pieces of its mirror image at various distances"
    rng,(w,h) = np.random.default_rng(seed),size
    by = max(w/photo.width, h/photo.height)/part
    big = photo.convert('RGB').resize((round(photo.width*by), round(photo.height*by)), Image.Resampling.LANCZOS)
    rgb = np.asarray(big)
    mirrored,middle = np.ascontiguousarray(rgb[:,::-1]),np.array(big.size)/2
    way,zoom,turn = rng.uniform(-1, 1, 2)*speed*.7,rng.uniform(-.01, .01),rng.uniform(-.005, .005)
    out = [Plane(rgb, None, middle, way, zoom, turn)]
    for near in np.sort(rng.uniform(1.2, 2, layers)):
        shape = blob_mask(*rgb.shape[:2], middle + rng.uniform(-.4, .4, 2)*size, rng.uniform(.1, .3)*min(size), rng)
        own = rng.uniform(-1, 1, 2)*speed*.5
        out.append(Plane(mirrored, shape, middle, way*near + own, zoom*near, turn + rng.uniform(-.01, .01)))
    return out

# %%
#| export
def _apply(m:np.ndarray, xy:np.ndarray) -> np.ndarray: return (xy@m[:2,:2].T + m[:2,2]).astype(np.float32)

class Scene:
    "Planes before a moving camera, at any time, with the true flow between any two times"
    def __init__(self,
        planes:list, # of `Plane`, from the back to the front
        size:tuple, # width and height of the frames
    ):
        self.planes,self.grid,self.middle = planes,grid(size[1], size[0]),(np.array(size) - 1)/2

    def at(self, t:float) -> Image.Image: # RGB
        "What the camera sees at time `t`, counted in frames"
        for p in self.planes:
            xy = _apply(p.pose(t, self.middle), self.grid)
            seen = cv2.remap(p.rgb, xy, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101).astype(np.float32)
            a = None if p.alpha is None else cv2.remap(p.alpha, xy, None, cv2.INTER_LINEAR)[...,None]
            out = seen if a is None else out + a*(seen - out)
        return Image.fromarray(np.rint(out).astype(np.uint8))

    def front(self, t:float, xy:np.ndarray) -> np.ndarray: # HxW, integers
        "Which plane is in front at time `t`, at any places in the frame"
        out = np.zeros(xy.shape[:2], np.int32)
        for k,p in enumerate(self.planes[1:], 1):
            out[cv2.remap(p.alpha, _apply(p.pose(t, self.middle), xy), None, cv2.INTER_LINEAR) > .5] = k
        return out

    def flow(self, t:float, s:float) -> tuple: # HxWx2 float32 in pixels, and HxW bool: what of `t` is seen at `s`
        "True flow from time `t` to time `s`"
        front,ends = self.front(t, self.grid),self.grid.copy()
        for k,p in enumerate(self.planes):
            there = np.linalg.inv(p.pose(s, self.middle))@p.pose(t, self.middle)
            ends[front == k] = _apply(there, self.grid)[front == k]
        move = ends - self.grid
        return move,(self.front(s, ends) == front) & inside(move)

# %% [markdown]
# `scene_frames` is the same as a clip: each frame with its true flow to the next one and what stays visible in it. A photograph and a seed always make the same clip. A training set draws many: two frames for a loss over a short time, the first and the last with `Scene.flow` for one over a long time.

# %%
#| export
class SceneFrame(NamedTuple):
    "A frame of a scene"
    im:Image.Image # RGB
    flow:np.ndarray # HxWx2 float32, in pixels: where each of its pixels is in the next frame
    visible:np.ndarray # HxW, bool: is it seen there?

def scene_frames(
    photo:Image.Image,
    n:int, # frames
    size:tuple, # their width and height
    seed:int=0,
    **options, # of `scene_planes`: `layers`, `speed`, `part`
): # yields `SceneFrame`; the flow of the last leads to a frame that would come next
    "A clip from a photo: pan, zoom, turn and parallax, with its true flow"
    s = Scene(scene_planes(photo, size, seed, **options), size)
    for t in range(n): yield SceneFrame(s.at(t), *s.flow(t, t + 1))

# %% [markdown]
# A known flow must be right, or everything measured with it is wrong. The next frame, fetched along the flow, must be this frame wherever it is visible, up to what bilinear interpolation loses, and must not where it is hidden. The flow there and the flow back must cancel. A scene without pieces and turns is a pan, whose arrow is the camera's speed.

# %%
clip = list(scene_frames(photo, 4, (width, height), seed))
test_eq(np.asarray(clip[2].im), np.asarray(list(scene_frames(photo, 3, (width, height), seed))[2].im))
apart = []
for now,after in zip(clip, clip[1:]):
    d = np.abs(warp(np.asarray(after.im, np.float32), now.flow) - np.asarray(now.im)).mean(-1)
    apart.append((d[now.visible].mean(), d[~now.visible & inside(now.flow)].mean()))
assert all(seen < 4 and hidden > 5*seen for seen,hidden in apart)
stage = Scene(scene_planes(photo, (width, height), seed), (width, height))
there,seen = stage.flow(0, 3)
back,_ = stage.flow(3, 0)
whole = cv2.erode(seen.astype(np.uint8), np.ones((5, 5))) > 0
assert (np.linalg.norm(there + warp(back, there), axis=2)[whole] < .01).mean() > .99
only = scene_planes(photo, (width, height), seed, layers=0)[0]._replace(zoom=0, turn=0)
test_close(Scene([only], (width, height)).flow(0, 2)[0], np.broadcast_to(-2*only.speed, (height, width, 2)), eps=1e-3)
apart

# %%
#| label: fig-scene
#| fig-cap: "Three frames of a clip made from one photograph, the true flow over eight, what stays visible."
stage = Scene(scene_planes(photo, (width, height), seed + 4, layers=3), (width, height))
long,seen = stage.flow(0, 8)
show_row([*(torch.from_numpy(np.array(stage.at(t))).permute(2, 0, 1)/255 for t in (0, 4, 8)),
    flow_picture(torch.from_numpy(long).permute(2, 0, 1)), torch.from_numpy(seen)[None]],
    ['0', '4', '8', 'flow', 'visible'])

# %% [markdown]
# In the flow, the pieces in front have other colors than the background: they move otherwise. The last picture is black where something is covered, or leaves the picture, within eight frames. The same scene in motion:

# %%
LoopingClip([[stage.at(t)] for t in range(24)],
    'A camera moves over a photograph, in front of which pieces of it float at other speeds.')

# %% [markdown]
# ## Clips written down

# %% [markdown]
# A clip is a folder with frames from `00001.png` on, and `flow.npz`: for each frame but the first, where each of its pixels was in the frame before, in pixels, in half precision, as true as half precision is (to a hundredth of a pixel or two). What hides and what is uncovered is not stored, since it follows from frames and flow (`visibility_batch`).

# %%
#| export
def write_ride(
    folder:Path, # written as a whole
    frames:np.ndarray, # nxHxWx3 bytes
    flows:np.ndarray, # (n-1)x2xHxW, pixels: where each pixel of frame i+1 is found in frame i
):
    "A clip as numbered frames, and its flow"
    with atomic_path(folder/'flow.npz') as f:
        for i,o in enumerate(frames, 1): Image.fromarray(o).save(folder/f'{i:05}.png')
        with open(f, 'wb') as out: np.savez_compressed(out, flow=flows.astype(np.float16))

def read_flow(
    folder, # one clip
) -> np.ndarray: # (n-1)x2xHxW, pixels: where each pixel of frame i+1 is found in frame i
    "The true flow of a clip"
    try: return np.load(Path(folder)/'flow.npz', allow_pickle=False)['flow'].astype(np.float32)
    except (OSError, ValueError, KeyError) as e:
        raise InputError(f"'{folder}' has no flow", 'give a clip of `colorbook data rides`') from e

# %% [markdown]
# Each clip draws its photo's camera, and in half of them another photo that passes in front, from the seed and its own number. So a set that was interrupted is continued without doing anything twice, and a larger set begins with the smaller one. The flow lies there last: a folder without it is not finished.

# %%
#| export
def write_rides(
    photos, # see `colorbook.data.photos.Photos`
    out, # folder
    count:int=None, # clips; one for each photo if not given
    frames:int=16, # of each clip, at least 2
    size:int=128, # side of the frames, a multiple of 4
    front:float=.5, # share of clips with another photo in front
    seed:int=0,
) -> list: # folders
    "Write photos as films, with true flow"
    if frames < 2 or size < 32 or size%4: raise UsageError('too small, or no multiple of four', 'try 16 and 128')
    photos,out,done = Photos(photos, size*3//2, keep=False),Path(out),[]
    about = dict(frames=frames, size=size, front=front, seed=seed, photos=len(photos))
    note = out/'rides.json'
    if note.exists() and json.loads(note.read_text()) != about:
        raise OutputError(f"'{out}' holds other rides", 'name another folder')
    with atomic_path(note) as f: f.write_text(json.dumps(about))
    for i in with_progress(range(count or len(photos)), 'riding'):
        folder,rng = out/f'{i:06}',random.Random(f'{seed} {i}')
        done.append(folder)
        if (folder/'flow.npz').exists(): continue
        near = photos[rng.randrange(len(photos))] if rng.random() < front else None
        ims,flows = camera_clip(photos[i%len(photos)], frames + 2, size, rng, near, 1)
        folder.mkdir(parents=True, exist_ok=True)
        write_ride(folder, ims[1:-1], np.stack(flows[:frames - 1]))
    return done

# %% [markdown]
# What is read is what was drawn; the flow takes each frame to the next, and is worse when it is shifted by a pixel; a set is the same when it is written again, or gone on with.

# %%
home,small = Path(tempfile.mkdtemp()),sample_photos(96)
folders = write_rides(small, home/'rides', 4, n, side, seed=seed)
def frames_of(folder): return np.stack([np.asarray(read_photo(o)) for o in sorted(folder.glob('[0-9]*.png'))])
ims,flows = frames_of(folders[0]),read_flow(folders[0])
test_eq((ims.shape, flows.shape), ((n, side, side, 3), (n - 1, 2, side, side)))
x,w = torch.from_numpy(ims).permute(0, 3, 1, 2)/255,torch.from_numpy(flows)
def gap(w):
    seen = visibility_batch(x[:-1], x[1:], w)[:,0] > 0
    return ((x[1:] - warp_batch(x[:-1], w)).abs().mean(1)*seen).mean().item()
assert gap(w) < .03 and gap(w + 1) > 1.5*gap(w)
before = [(o/'flow.npz').read_bytes() for o in folders]
shutil.rmtree(folders[2])
again = write_rides(small, home/'rides', 5, n, side, seed=seed)
test_eq(len(again), 5)
assert [(o/'flow.npz').read_bytes() for o in again[:4]] == before
test_fail(lambda: write_rides(small, home/'rides', 5, n, side, seed=seed + 1), exc=OutputError, contains='other rides')
test_fail(lambda: read_flow(home), exc=InputError, contains='no flow')
gap(w),gap(w + 1)

# %%
#| label: fig-rides
#| fig-cap: "Three rides, a row each."
def show_rides(folders, step=2):
    "Every `step`-th frame of some clips"
    fig,ax = plt.subplots(figsize=(6, 2*len(folders)))
    ax.imshow(np.vstack([np.hstack(frames_of(o)[::step]) for o in folders]))
    ax.axis('off')
show_rides(folders[:3])

# %% [markdown]
# Each row is a film of six frames, of which three are shown. In some a piece of another photograph passes in front.

# %% [markdown]
# ## What we have
#
# - `warp_batch` and `visibility_batch`, on tensors, with gradients, equal to those of the tools for films;
# - `compared_pairs`, the order in which the frames of a clip are compared;
# - `travel`, the camera of all tests of films;
# - `camera_clip`, which makes a clip of a photograph, with a piece of another in front, and knows its flow; training takes its clips from it;
# - `Scene` and `scene_frames`: any photograph as a moving scene whose flow is known between any two times;
# - `write_rides` and `read_flow`: photographs as a set of clips with true flow, continued where it was interrupted, and `colorbook data rides`, which does it from the command line.

# %% [markdown]
# ## Exercises
#
# 1. A light is switched on in a film. What does the visibility say in that frame, and what should it say if color is compared and not light?
# 2. Which gradient does `warp_batch` have with respect to the flow? Move a picture by half a pixel with it, by gradient descent alone.
# 3. How many pairs would be compared if every frame were compared with every other, and what would the loss gain?
# 4. Measure `colorbook.video.flow.flow` against the true flow of some rides. Where is it wrong by more than a pixel?
# 5. Give the piece in front of a `camera_clip` a shadow. Which of flow and visibility is wrong then, and does it matter?
# 6. Rotate the camera of `camera_clip`. What becomes of the formula for $u'$?
# 7. Train `s1` on rides alone, and color a real film with it. Which motion has it never seen?
