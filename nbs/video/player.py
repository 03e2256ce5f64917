# %% [markdown]
# # The player
#
# > Color while the film runs, and rather one frame less than one too late
#
# To find out whether a film is worth a night of coloring, or to look at a wall of old photographs through a camera, one wants a picture now, and no file. So the player works against a clock: each frame has a time at which it is due, and a frame that cannot be ready by then is left out rather than shown late, because lateness adds up and a missing frame does not. It colors a film, a pipe or a camera as it goes, shows it on a [page](web_player.ipynb), and says how many frames it left out.

# %%
#| default_exp video.player

# %% tags=["parameters"]
width,height = 128,72

# %%
#| export
import math, threading, time
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
import av, numpy as np
from colorbook.imaging.colorizer import check_options
from colorbook.core import InputError, UsageError, prefetch
from colorbook.video.read import decode, frame_rate, open_reel
from colorbook.video.flow import cv2
from colorbook.video.steps import VideoFrame, with_colors, paint_frame, prepare, watch
from colorbook.video.web_player import Screen
from colorbook.video.stabilize import steady_so_far
from colorbook.video.model import color_source, load_film_model

# %%
#| hide
import io, json, tempfile
from urllib.request import urlopen
from types import SimpleNamespace
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from skimage import data
from colorbook.video.read import write_clip
from colorbook.data.synthetic import travel
from colorbook.video.web_player import Server, read_stream

# %% [markdown]
# ## The pace

# %% [markdown]
# A film's clock starts when its first frame is ready, at $z$, and from then on the frame with time $t$ is due at $z+t$. Three questions are asked of each frame.
#
# 1. Before the network sees it: if it costs what frames cost at present, will it be ready at $z+t+0.9\,\ell$, where $\ell=0.2$ s is the lateness that we allow? If not, it is dropped, and only its decoding was in vain. (The tenth is for costs that are a little higher than foreseen. Without it there are machines on which every fourth frame is colored and comes a hundredth of a second too late.)
# 2. When it is ready: is it in time after all?
# 3. Is it too early? Then we wait.
#
# So a machine that needs half a second for a frame does not fall behind: it skips ahead to a frame that is due in about half a second, and shows that in time.
#
# What frames cost is the median of the last three, so that one hiccup changes nothing. If for a second all frames were dropped, because decoding alone takes longer than playing or the lid of the laptop was closed, the clock is put back; otherwise the rest of the film would be dropped as well.

# %%
#| export
@dataclass
class Pace:
    "Which frames are shown, and when; times are in seconds"
    limit:float=.2 # so late may a frame be
    live:bool=False # frames are as new as can be, and shown as soon as they are ready
    patience:float=1. # after so long a time of nothing but late frames the clock is put back
    now:object=time.monotonic # a clock
    wait:object=time.sleep # waits for some seconds
    zero:float|None=None # when the film's time was 0; None before the first frame
    since:float|None=None # when the row of frames that nobody saw began
    skipped:int=0 # frames that the network has not seen
    late:int=0 # frames that it has seen, and nobody else
    slips:int=0 # how often the clock was put back
    costs:deque=field(default_factory=lambda: deque([0.], maxlen=3)) # of the last frames

    @property
    def cost(self) -> float: return sorted(self.costs)[(len(self.costs) - 1)//2]
    def learn(self, cost:float): self.costs.append(cost)

    def miss(self):
        if self.since is None: self.since = self.now()

    def takes(self, t:float) -> bool:
        "Can a frame that is due at film time `t` be ready in time?"
        zero,since,now = self.zero,self.since,self.now()
        if self.live or zero is None or now + self.cost <= zero + t + .9*self.limit: return True
        if since is None or now - since < max(self.patience, 3*self.cost):
            self.skipped += 1
            self.miss()
            return False
        self.zero,self.since,self.slips = None,None,self.slips + 1
        return True

    def shows(self, t:float) -> bool:
        "Wait until a frame is due; False if it is too late for it"
        if not self.live:
            zero = self.zero
            if zero is None: zero = self.zero = self.now() - t
            if zero + t > self.now(): self.wait(zero + t - self.now())
            if self.now() - zero - t > self.limit:
                self.late += 1
                self.miss()
                return False
        self.since = None
        return True

# %% [markdown]
# What a frame costs is the time from the moment at which it is taken until it has its colors, less the time in which the one before it waited to be shown. A source of colors that gives them some frames late is measured in the same way. If a dropped frame was the first of a shot, the next one begins the shot.

# %%
#| export
def in_time(
    frames, # yields anything that has `time` (seconds) and `cut`, in order
    color, # given an iterator of them yields pairs of them and their colors, in the same order, maybe late
    pace:Pace,
): # yields the pairs
    "Color those frames that can be ready in time"
    idle = 0.
    def chosen():
        cut = True
        for o in frames:
            cut |= o.cut
            if not pace.takes(o.time): continue
            o.cut,cut,o.begun = cut,False,pace.now() - idle
            yield o
    for o,x in color(chosen()):
        start = pace.now()
        pace.learn(start - idle - o.begun)
        yield o,x
        idle += pace.now() - start

# %% [markdown]
# With a clock that moves only when we say so, a minute of film passes in no time. We play 24 frames a second on machines that need from 10 to 700 ms for a frame. The table has, for each cost and for sources that are 0 or 2 frames late: frames shown, dropped before and after the network, and how often the clock was put back. A fast machine drops none; a slow one shows as many as it can color, none later than the limit.

# %%
class Clock:
    "A clock that stands still, and moves when somebody works or waits"
    def __init__(self): self.time = 0.
    def __call__(self): return self.time
    def move(self, by): self.time += by

def rehearse(cost, n=1440, behind=0, decoding=.002):
    "Play frames that cost `cost(i)` seconds; pace and (frame, lateness) of those shown"
    clock = Clock()
    pace,shown = Pace(now=clock, wait=clock.move),[]
    def frames():
        for i in range(n):
            clock.move(decoding)
            yield SimpleNamespace(i=i, time=i/24, cut=not i)
    def color(chosen):
        held = deque()
        for o in chosen:
            clock.move(cost(o.i))
            held.append(o)
            if len(held) > behind: yield held.popleft(),None
        for o in held: yield o,None
    for o,_ in in_time(frames(), color, pace):
        if pace.shows(o.time): shown.append((o.i, clock() - pace.zero - o.time))
    return pace,shown

rows = {}
for c in (.01, .035, .05, .1, .3, .7):
    for behind in (0, 2):
        pace,shown = rehearse(lambda i: c, behind=behind)
        order,late = zip(*shown)
        assert list(order) == sorted(set(order)) and 0 <= min(late) + 1e-9 and max(late) <= .2 + 1e-9
        assert len(shown) + pace.skipped + pace.late == 1440
        if c < 1/24: assert len(shown) == 1440 and max(late[3:]) < 1e-9
        else: assert len(shown) > .85*60/c - 8
        rows[c,behind] = len(shown),pace.skipped,pace.late,pace.slips
rows

# %% [markdown]
# A hiccup of three seconds costs the frames of three seconds, and no more. If the decoder is slower than the film, the film is played slower, since there is nothing better to show.

# %%
pace,shown = rehearse(lambda i: 3. if i == 500 else .01)
assert 60 <= pace.skipped + pace.late <= 80 and shown[-1][0] == 1439 and not pace.slips
pace,slow = rehearse(lambda i: .01, n=200, decoding=.1)
assert len(slow) > 15 and pace.slips > 3
len(shown),len(slow)

# %% [markdown]
# ## What is played

# %% [markdown]
# A film, a folder or a pipe can wait: frames are decoded a few ahead, and the rest comes when it is asked for. Their times count from the first frame, and when a film is played again they go on counting. A camera, or an address that sends whether or not somebody looks, cannot wait: what is not fetched piles up, and the picture is late by all that waits. So its frames are all fetched, and only the newest is kept.

# %%
#| export
@dataclass
class LiveFrame(VideoFrame):
    "A frame that is due at some time"
    time:float=0. # of the film, seconds; counted on where it is played again
    begun:float=0. # when the work on it began

LIVE_SCHEMES = 'rtsp://', 'rtsps://', 'rtp://', 'udp://', 'srt://', 'tcp://'

def camera(
    src:str, # a number, or anything else
) -> str|None: # its device
    "The camera that is meant, if it is one: 0, 1 or /dev/video0"
    if src.startswith('/dev/video'): return src
    return f'/dev/video{src}' if src.isdecimal() and not Path(src).exists() else None

# %%
#| export
def open_live(
    src:str, # a camera or an address
) -> tuple|None: # container and stream of pictures; None if it is a film that can wait
    "What sends pictures whether or not somebody looks, opened; `InputError` if that fails"
    device = camera(src)
    if not device and not src.startswith(LIVE_SCHEMES): return None
    how = dict(format='video4linux2') if device else dict(timeout=(15, 10), options={'fflags': 'nobuffer'})
    try: c = av.open(device or src, **how)
    except (av.FFmpegError, OSError, ValueError) as e:
        what,why = (f"camera '{device}'", 'connect it, and close what else uses it') if device else \
            (f"'{src}'", 'check the address, and whether it is sending')
        raise InputError(f"cannot open {what}: {getattr(e, 'strerror', '') or e}", why) from e
    if c.streams.video: return c,c.streams.video[0]
    c.close()
    raise InputError(f"there are no pictures in '{src}'", 'check the address')

# %%
for src in ('7', '/dev/video7'): test_fail(lambda: open_live(src), exc=InputError, contains="camera '/dev/video7'")
test_fail(lambda: open_live('tcp://127.0.0.1:9'), exc=InputError, contains='whether it is sending')
test_eq([camera(o) for o in ('0', '12', '/dev/video3', 'film.mp4', '-')],
    ['/dev/video0', '/dev/video12', '/dev/video3', None, None])

# %%
#| export
def film_frames(
    src, c, s, # the film, its container and stream
    reopen=None, # opens it again; None for once
    bad:list|None=None, # takes what is damaged
): # yields `LiveFrame`
    "Frames of a film, with times that count on from the first"
    zero,end,shots = 0.,0.,0
    while True:
        first,begun = None,shots
        with c:
            for o in watch(src, c, s, bad=bad):
                if first is None: first = o.pts
                t,o.shot = zero + float((o.pts - first)*s.time_base),begun + o.shot
                shots = o.shot + 1
                yield LiveFrame(**vars(o), time=t)
                end = t + (float((o.frame.duration or 0)*s.time_base) or float(1/frame_rate(s)))
        if reopen is None or first is None: return
        zero,(c,s) = end,reopen()

# %%
#| export
def live_frames(
    src, c, s, # the camera, its container and stream
    bad:list, # takes what is damaged
    now=time.monotonic,
): # yields `LiveFrame`
    "Frames of a camera, with the times at which they came"
    start = now()
    with c:
        for n,f in enumerate(decode(src, c, s, bad)): yield LiveFrame(f, None, n, n, cut=not n, time=now() - start)

# %%
#| export
def newest(
    items, # a generator
    passed=lambda: None, # called for each that nobody took
): # yields those that are the newest when they are asked for
    "Run a generator in a thread of its own, and keep one item"
    ready,box,state = threading.Condition(),[],dict(done=False, error=None)
    def work():
        try:
            with closing(items):
                for o in items:
                    with ready:
                        if state['done']: return
                        if box: passed()
                        box[:] = [o]
                        ready.notify()
        except BaseException as e: state['error'] = e
        finally:
            with ready: state['done'] = ready.notify() or True
    threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            with ready:
                ready.wait_for(lambda: box or state['done'])
                if not box: break
                o = box.pop()
            yield o
        if state['error']: raise state['error']
    finally: state['done'] = True

# %% [markdown]
# A source that gives one frame, then 28 at once, then a last one. The reader sees the first, the newest of the 28 and the last.

# %%
go,there,last,gone = *(threading.Event() for _ in range(3)),[]
def camera_like():
    yield 0
    go.wait()
    yield from range(1, 29)
    there.set(), last.wait()
    yield 29
fresh = newest(camera_like(), lambda: gone.append(1))
kept = [next(fresh)]
go.set(), there.wait()
kept += [next(fresh)]
last.set()
kept += list(fresh)
test_eq((kept, len(gone)), ([0, 28, 29], 27))
def unplugged():
    yield 1
    raise InputError('the camera is gone')
test_fail(lambda: list(newest(unplugged())), exc=InputError, contains='gone')
kept

# %% [markdown]
# ## The player

# %% [markdown]
# One thread decodes, one colors, the third waits until a frame is due and puts it on the screen. Large films are shrunk before they are painted, since a test needs no 2160 rows, and stretched where their pixels are not square; the film itself is never changed.

# %%
#| export
def shown_size(
    w:int, # stored columns
    h:int, # stored rows
    aspect:float, # width of a pixel divided by its height
    most:int, # pixels of the shorter side
) -> tuple[int,int]: # columns and rows
    "The size at which a frame is shown, as stored, with square pixels"
    w,h = (w*aspect, h) if aspect > 1 else (w, h/aspect)
    by = min(1, most/min(w, h))
    return max(1, round(w*by)),max(1, round(h*by))

# %%
test_eq(shown_size(854, 480, 1, 720), (854, 480))
test_eq(shown_size(3840, 2160, 1, 720), (1280, 720))
shown_size(720, 576, 16/11, 480)

# %%
#| export
class Player:
    "A film or a camera, colored as it runs"
    def __init__(self,
        src:str, # a film, a folder of frames, '-', an address, or a camera: 0, /dev/video0
        model=None, # an .onnx file for films or pictures, `FilmModel` or `Colorizer`; None for the one in the package
        size:int|None=None, # the network sees about size x size pixels
        saturation:float=1., # factor on color
        stabilize:float=.9, # how much earlier frames count, 0..1
        height:int=720, # larger films are shown so high
        loop:bool=False, # play again and again
        rate:float=24, # frames a second of a folder
    ):
        self.model,self.saturation,self.stabilize,self.most = load_film_model(model),saturation,stabilize,height
        self.src,self.size,self.loop,self.rate = str(src),self.model.card['size'] if size is None else size,loop,rate
        check_options(self.size, saturation)
        if not 0 <= stabilize < 1: raise UsageError(f'stabilize {stabilize} is not in 0..1', '0.9 is usual, 0 is off')
        if height < 16: raise UsageError(f'a height of {height}', 'try 720')
        self.notes,self.screen,self.begun,self.time,self.shown = [],Screen(),None,0.,0
        live = open_live(self.src)
        if loop and (live or src == '-'): raise UsageError(f"'{src}' cannot be played again", 'leave --loop out')
        self.c,self.s = live or open_reel(src, rate)
        if not live: self.s.thread_type = 'AUTO'
        self.film_rate,self.aspect = float(frame_rate(self.s)),float(self.s.sample_aspect_ratio or 1)
        self.pace,self.times = Pace(live=bool(live)),deque(maxlen=500)

    def frames(self): # yields `LiveFrame`, decoded ahead
        def passed(): self.pace.skipped += 1
        if self.pace.live: return newest(live_frames(self.src, self.c, self.s, self.notes), passed)
        again = (lambda: open_reel(self.src, self.rate)) if self.loop else None
        return prefetch(film_frames(self.src, self.c, self.s, again, self.notes))

    def color(self, chosen): # yields pairs of `LiveFrame`, and gray and color side by side
        small = prepare(chosen, self.size, self.model.card['multiple'], self.aspect)
        pairs = with_colors(small, color_source(self.model))
        for o,ab in steady_so_far(pairs, self.stabilize) if self.stabilize else pairs:
            (h,w),new = o.gray.shape,shown_size(*o.gray.shape[::-1], self.aspect, self.most)
            if new != (w, h): o.gray = cv2.resize(o.gray, new, interpolation=cv2.INTER_AREA)
            yield o,paint_frame(o, ab, 'side-by-side', self.saturation, stand=True)

    def run(self, seconds:float=math.inf): # stop after so long
        "Play to the end"
        self.begun,clock = self.pace.now(),self.pace.now
        with closing(self.frames()) as frames, closing(prefetch(in_time(frames, self.color, self.pace), 2)) as done:
            for o,wide in done:
                if self.pace.shows(o.time):
                    self.times.append(clock())
                    self.time,self.shown = o.time,self.shown + 1
                    self.screen.show(wide)
                if clock() - self.begun >= seconds: break
        if not self.shown: raise InputError(f"there is no whole frame in '{self.src}'", 'copy it again')

    def state(self) -> dict:
        "The figures of the moment"
        now,p = self.pace.now(),self.pace
        span = max(1e-3, min(2., now - (self.begun or now)))
        return dict(name=Path(self.src).name, time=round(self.time, 3), shown=self.shown, dropped=p.skipped + p.late,
            rate=round(sum(t > now - span for t in list(self.times))/span, 2), slips=p.slips, live=p.live,
            film_rate=round(self.film_rate, 3), limit=p.limit, ended=self.screen.ended)
    def summary(self) -> str: # one line
        t = self.times[-1] - self.begun if self.times else 0
        dropped = self.pace.skipped + self.pace.late
        return f'{self.shown} frames shown, {dropped} dropped, {self.shown/max(t, 1e-3):.1f} frames/s'

# %% [markdown]
# A clip is played with viewers that do what browsers do: they fetch the page, the stream in two views, and the figures, which are shown below.

# %%
home = Path(tempfile.mkdtemp())
ims = [o for im in (data.astronaut(), data.coffee()) for o in travel(Image.fromarray(im), 18, (width, height))]
player = Player(write_clip(ims, home/'clip.mp4'), size=64)
server,got = Server(player.screen, player.state),{'both': [], 'color': []}
def look(view): got[view] += [Image.open(io.BytesIO(o)) for o in read_stream(server.address, view)]
viewers = [threading.Thread(target=look, args=(v,)) for v in got]
for t in viewers: t.start()
assert player.screen.wait(lambda o: o.viewers == 2, 30)
player.run()
page,state = (urlopen(server.address + o).read().decode() for o in ('', 'state'))
server.close()
for t in viewers: t.join()
state = json.loads(state)
test_eq(state['shown'] + state['dropped'], 36)
assert 0 < len(got['color']) <= state['shown'] and '/stream?view=color' in page and state['film_rate'] == 24
test_eq([{o.size for o in got[v]} for v in got], [{(2*width, height)}, {(width, height)}])
colors = lambda im: np.ptp(np.asarray(im, int), axis=-1).mean()
assert all(colors(o) > 3 for o in got['color']) and colors(got['both'][0].crop((0, 0, width, height))) < 1
state

# %%
#| label: fig-play
#| fig-cap: "What came through the stream: gray and color beside each other."
def show_pictures(ims, height=1.6):
    "Pictures in a row, no axes"
    fig,axs = plt.subplots(1, len(ims), figsize=(9, height))
    for ax,im in zip(axs, ims):
        ax.imshow(im)
        ax.axis('off')
show_pictures([got['both'][0], got['both'][-1]])

# %% [markdown]
# @fig-play has the first picture that the viewer saw, and the last. The film has two shots of 18 frames. (The network sees 64 pixels here, to be quick, and does badly: the wall is yellowish, one spot of the saucer red.)

# %% [markdown]
# ## What we have
#
# - a pace that drops what would be late, before it costs anything, and was tested without a second of waiting;
# - a player in three threads, which needs no more than the moment;
# - films, folders, pipes, addresses and cameras as sources, each with its own kind of patience.

# %% [markdown]
# ## Exercises
#
# 1. Give the page a button that pauses. What must happen to the clock?
# 2. Let the player choose the size of the network's copy so that nothing is dropped. How soon should it try a larger one again?
# 3. Sound is missing. Which of the two clocks, that of the pictures or that of the sound card, should follow the other?
