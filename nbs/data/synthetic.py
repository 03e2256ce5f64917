# %% [markdown]
# # Clips with known motion
#
# > Photographs that a camera moves over, with the true flow
#
# To test a reader of films, a detector of cuts or a measure of motion one needs clips of which everything is known: each pixel, each cut, where each point of a frame is found in the next one. Filmed material does not tell; a photograph that we move a camera over does. At the end of this chapter we have two such cameras, one that pans over a photograph, and one before a scene of several planes, whose optical flow is known exactly between any two times.

# %%
#| default_exp data.synthetic

# %% tags=["parameters"]
width,height,seed = 320,180,7

# %%
#| export
from typing import NamedTuple
import numpy as np
from PIL import Image
from colorbook.video.flow import cv2, grid, inside

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data
from colorbook.video.flow import warp
photo = Image.fromarray(data.astronaut())

# %% [markdown]
# ## A camera that pans

# %% [markdown]
# The simplest clip is what a camera sees that moves over a photograph at constant speed: true colors in true motion. Two of them one after the other have a cut, whose place is known. Between two frames each pixel moves by the same arrow, which follows from the way of the camera and from how much of the photograph it sees.

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
pan = list(travel(photo, 5, (width, height), (0, 0), (.4, .2)))
by = .7*min(512/width, 512/height) # pixels of the photograph in one of the frame
step = np.array([(512 - width*by)*.4, (512 - height*by)*.2])/by/4 # pixels of the frame from one frame to the next
arrow = np.broadcast_to(np.float32(step), (height, width, 2))
ahead = [warp(np.asarray(a, np.float32), arrow) - np.asarray(b) for a,b in zip(pan, pan[1:])]
assert all(np.abs(o)[:-9,:-16].mean() < 3 for o in ahead)
test_eq([o.size for o in pan], [(width, height)]*5)
step

# %% [markdown]
# ## A scene of planes

# %% [markdown]
# To know how wrong the flow is, and to train with motion where there are only photographs, we need scenes whose flow is known exactly. A scene here is a stack of planes. The first is the photograph; before it hang pieces cut from its mirror image, at various distances. A camera moves, turns and closes in, and what is near moves more, which is parallax; each piece also has a motion of its own. All that a plane can do is a similarity: at time $t$ the pixel $x$ of the frame shows the point
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
def blob(
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
def planes(
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
        shape = blob(*rgb.shape[:2], middle + rng.uniform(-.4, .4, 2)*size, rng.uniform(.1, .3)*min(size), rng)
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
# `moving` is the same as a clip: each frame with its true flow to the next one and what stays visible in it. A photograph and a seed always make the same clip. A training set draws many: two frames for a loss over a short time, the first and the last with `Scene.flow` for one over a long time.

# %%
#| export
class Moved(NamedTuple):
    "A frame of a scene"
    im:Image.Image # RGB
    flow:np.ndarray # HxWx2 float32, in pixels: where each of its pixels is in the next frame
    visible:np.ndarray # HxW, bool: is it seen there?

def moving(
    photo:Image.Image,
    n:int, # frames
    size:tuple, # their width and height
    seed:int=0,
    **options, # of `planes`: `layers`, `speed`, `part`
): # yields `Moved`; the flow of the last leads to a frame that would come next
    "A clip from a photo: pan, zoom, turn and parallax, with its true flow"
    s = Scene(planes(photo, size, seed, **options), size)
    for t in range(n): yield Moved(s.at(t), *s.flow(t, t + 1))

# %% [markdown]
# The truth must be true: the next frame, fetched along the flow, is this frame wherever it is visible, up to what a bilinear look-up loses, and is not where it is hidden. There and back again is nowhere. A scene without pieces and turns is a pan, whose arrow is the camera's speed.

# %%
clip = list(moving(photo, 4, (width, height), seed))
test_eq(np.asarray(clip[2].im), np.asarray(list(moving(photo, 3, (width, height), seed))[2].im))
apart = []
for now,after in zip(clip, clip[1:]):
    d = np.abs(warp(np.asarray(after.im, np.float32), now.flow) - np.asarray(now.im)).mean(-1)
    apart.append((d[now.visible].mean(), d[~now.visible & inside(now.flow)].mean()))
assert all(seen < 4 and hidden > 5*seen for seen,hidden in apart)
stage = Scene(planes(photo, (width, height), seed), (width, height))
there,seen = stage.flow(0, 3)
back,_ = stage.flow(3, 0)
whole = cv2.erode(seen.astype(np.uint8), np.ones((5, 5))) > 0
assert (np.linalg.norm(there + warp(back, there), axis=2)[whole] < .01).mean() > .99
only = planes(photo, (width, height), seed, layers=0)[0]._replace(zoom=0, turn=0)
test_close(Scene([only], (width, height)).flow(0, 2)[0], np.broadcast_to(-2*only.speed, (height, width, 2)), eps=1e-3)
apart

# %%
#| label: fig-scene
#| fig-cap: "Three frames of a clip made from one photograph, the true flow over eight, what stays visible."
def flow_picture(f):
    "Direction as hue, length as saturation"
    size,angle = np.linalg.norm(f, axis=2),np.arctan2(f[...,1], f[...,0])
    hue = (angle/np.pi*90 + 90).astype(np.uint8)
    sat = (255*np.clip(size/size.max(), 0, 1)).astype(np.uint8)
    return cv2.cvtColor(np.stack([hue, sat, np.full_like(hue, 255)], -1), cv2.COLOR_HSV2RGB)
def show_row(ims, titles, height=1.5):
    "Pictures in a row, no axes"
    fig,axs = plt.subplots(1, len(ims), figsize=(10, height), layout='constrained')
    for ax,im,t in zip(axs, ims, titles):
        ax.imshow(im, cmap='gray')
        ax.set_title(t, fontsize=8)
        ax.axis('off')
stage = Scene(planes(photo, (width, height), seed + 4, layers=3), (width, height))
long,seen = stage.flow(0, 8)
show_row([stage.at(0), stage.at(4), stage.at(8), flow_picture(long), seen], ['0', '4', '8', 'flow', 'visible'])

# %% [markdown]
# ## What we have
#
# - `travel`, a pan over a photograph, for everything that needs frames and cuts whose place is known;
# - `Scene` and `moving`: any photograph as a moving scene whose flow is known between any two times, and what of a frame stays visible.

# %% [markdown]
# ## Exercises
#
# 1. `travel` moves at constant speed. Add a hand that trembles; by how many pixels may it do so before [cuts](../video/shots.ipynb) are missed?
# 2. Chain the flows of eight neighboring frames and compare with `Scene.flow` from the first to the last. Where do they part, and why?
# 3. Give the pieces a shadow on the plane behind them. Which pixels of the shadow have no true flow?
