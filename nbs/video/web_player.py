# %% [markdown]
# # The player's web page
#
# > Pictures for a browser over HTTP, from the standard library
#
# To show moving pictures one needs a window, and not every machine has one; but every machine has a browser. `Server` puts pictures that change on a page, at an address of this machine: as gray, as color or both, with a line of figures below, for as many viewers as like. It takes a web server from Python's standard library, and a kind of stream that browsers have understood for decades.

# %%
#| default_exp video.web_player

# %%
#| export
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse
from urllib.request import urlopen
import numpy as np
from colorbook.video.flow import cv2
from colorbook.core import UsageError

# %%
#| hide
import io
from urllib.error import HTTPError
from urllib.request import Request
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from skimage import data

# %% [markdown]
# ## The screen

# %% [markdown]
# The newest picture is kept in one place; viewers are woken when it changes and take what is there, so a slow viewer misses frames and holds nobody up. The picture is kept with its gray beside it, and turned into JPEG when a viewer wants it: one view of the same picture is encoded once, however many watch, and nothing is encoded that nobody looks at.

# %%
#| export
VIEWS = dict(color=slice(1, 2), gray=slice(0, 1), both=slice(0, 2)) # which halves

class Screen:
    "The newest picture, for any number of viewers"
    def __init__(self):
        self.changed,self.number,self.wide,self.jpegs = threading.Condition(),0,None,{}
        self.viewers,self.ended = 0,False

    def show(self, wide:np.ndarray): # gray and color side by side, HxWx4
        with self.changed:
            self.wide,self.jpegs,self.number = wide,{},self.number + 1
            self.changed.notify_all()
    def end(self):
        with self.changed:
            self.ended = True
            self.changed.notify_all()
    def arrive(self, by:int=1): # of viewers
        with self.changed:
            self.viewers += by
            self.changed.notify_all()

    def wait(self, what, most:float|None=None) -> bool: # a question to the screen; seconds
        with self.changed: return self.changed.wait_for(lambda: what(self), most)
    def next(self, after:int, view:str) -> tuple|None: # number and JPEG of a newer picture; None at the end
        with self.changed:
            self.changed.wait_for(lambda: self.number > after or self.ended)
            if self.number <= after: return None
            number,wide,jpegs = self.number,self.wide,self.jpegs
        if view not in jpegs: jpegs[view] = jpeg(wide, view)
        return number,jpegs[view]

# %%
#| export
def jpeg(
    wide:np.ndarray, # gray and color side by side, HxWx4
    view:str, # one of `VIEWS`
) -> bytes:
    "A view as a JPEG file"
    half,v = wide.shape[1]//2,VIEWS[view]
    x = np.ascontiguousarray(wide[:,v.start*half:v.stop*half])
    return cv2.imencode('.jpg', cv2.cvtColor(x, cv2.COLOR_RGBA2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()

# %% [markdown]
# A cat, gray and in color, in the three views: `both` is twice as wide, and asking twice encodes once.

# %%
cat,screen = data.chelsea()[:192,:256],Screen()
test_eq(screen.wait(lambda o: o.viewers, .01), False)
def both(x):
    "Gray and color side by side, with a fourth channel, as the player paints them"
    gray = x.mean(2, keepdims=True).repeat(3, 2).astype(np.uint8)
    return np.dstack([np.hstack([gray, x]), np.full((192, 512), 255, np.uint8)])
screen.show(both(cat))
sizes = {}
for view in VIEWS:
    number,code = screen.next(0, view)
    sizes[view] = Image.open(io.BytesIO(code)).size
    assert screen.next(0, view)[1] is code
test_eq(sizes, dict(color=(256, 192), gray=(256, 192), both=(512, 192)))
assert np.abs(np.asarray(Image.open(io.BytesIO(screen.next(0, 'color')[1])), int) - cat).mean() < 4
screen.end()
test_eq(screen.next(1, 'color'), None)

# %% [markdown]
# ## The page

# %% [markdown]
# A browser shows a stream of JPEG files in place of a picture without any script, if the stream is of the kind `multipart/x-mixed-replace`. A few lines of script ask for the figures twice a second. Each part is closed with the line that opens the next, since a browser paints a picture when it sees where it ends.

# %%
#| export
PAGE = '''<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>colorbook play</title>
<style>
body {margin: 0; background: #111; color: #ccc; font: 15px system-ui, sans-serif; text-align: center}
img {display: block; margin: 0 auto; width: 100vw; height: calc(100vh - 3em); object-fit: contain}
button {background: #333; color: #ccc; border: 0; border-radius: 4px; padding: .3em .8em; font: inherit}
button[aria-pressed=true] {background: #ccc; color: #111}
footer {height: 3em; line-height: 3em; font-variant-numeric: tabular-nums}
</style>
<img id="film" alt="the film in color" src="/stream?view=color">
<footer><button>color</button> <button>gray</button> <button>both</button> <span id="state">waiting</span></footer>
<script>
const film = document.getElementById('film'), line = document.getElementById('state')
const buttons = [...document.querySelectorAll('button')]
const press = b => buttons.forEach(o => o.setAttribute('aria-pressed', o === b))
buttons.forEach(b => b.onclick = () => { film.src = '/stream?view=' + b.textContent; press(b) })
press(buttons[0])
const tell = o => `${o.time.toFixed(1)} s \\u00b7 ${o.rate.toFixed(1)} of ${o.film_rate.toFixed(1)} frames/s`
  + ` \\u00b7 ${o.shown} shown, ${o.dropped} dropped` + (o.ended ? ' \\u00b7 ended' : '')
const ask = async () => line.textContent = tell(await (await fetch('/state')).json())
const timer = setInterval(() => ask().catch(() => { clearInterval(timer); line.textContent += ' \\u00b7 closed' }), 500)
</script></html>
'''

# %% [markdown]
# Only this machine can watch unless another address is asked for. Even so a page of the web in the owner's browser could try to reach the server, by a name of its own that points to this machine; such a request carries the wrong name, and is refused.

# %%
#| export
class Viewer(BaseHTTPRequestHandler):
    "Answers a browser; `server` has a `screen`, and `state()` gives the figures"
    def do_GET(self):
        at = urlparse(self.path)
        view = parse_qs(at.query).get('view', ['color'])[0]
        name = (self.headers.get('Host') or '').rsplit(':', 1)[0]
        if self.server.private and name not in ('127.0.0.1', 'localhost'): self.send_error(403)
        elif at.path == '/': self.answer(PAGE.encode(), 'text/html; charset=utf-8')
        elif at.path == '/state': self.answer(json.dumps(self.server.state()).encode(), 'application/json')
        elif at.path == '/stream' and view in VIEWS: self.stream(self.server.screen, view)
        else: self.send_error(404)

    def begin(self, kind, length=None):
        self.send_response(200)
        for k,v in {'Content-Type': kind, 'Content-Length': length, 'Cache-Control': 'no-store'}.items():
            if v is not None: self.send_header(k, v)
        self.end_headers()
    def answer(self, body, kind):
        self.begin(kind, len(body))
        self.wfile.write(body)
    def stream(self, screen, view):
        screen.arrive()
        try:
            self.begin('multipart/x-mixed-replace; boundary=frame')
            self.wfile.write(b'--frame')
            number = 0
            while new := screen.next(number, view):
                number,code = new
                self.wfile.write(b'\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n' % len(code))
                self.wfile.write(code + b'\r\n--frame')
            self.wfile.write(b'--\r\n')
        except OSError: pass # the viewer has gone
        finally: screen.arrive(-1)
    def log_message(self, *args): pass

# %%
#| export
class Server(ThreadingHTTPServer):
    "Serves a screen in threads of its own"
    daemon_threads,block_on_close = True,False
    def __init__(self,
        screen:Screen,
        state, # gives the figures as a dictionary
        host:str='127.0.0.1', # another one lets other machines watch
        port:int=0, # 0 for a free one
    ):
        self.screen,self.state,self.private = screen,state,host in ('127.0.0.1', 'localhost')
        try: super().__init__((host, port), Viewer)
        except (OSError, OverflowError) as e:
            raise UsageError(f'cannot serve on {host}:{port}: {getattr(e, "strerror", "") or e}',
                'choose another --port or --host') from e
        threading.Thread(target=self.serve_forever, args=(.1,), daemon=True).start()
    def handle_error(self, request, client_address): pass # a viewer that breaks off is no error of ours
    @property
    def address(self) -> str: return f'http://{self.server_address[0]}:{self.server_address[1]}/'
    def close(self):
        "End the stream, and give viewers a moment to see the last picture"
        self.screen.end()
        self.screen.wait(lambda o: not o.viewers, 1)
        self.shutdown()
        self.server_close()

# %% [markdown]
# The other end of the stream, for programs that want the pictures:

# %%
#| export
def read_stream(
    address:str, # of a page
    view:str='color', # one of `VIEWS`
): # yields JPEG files
    "The pictures of a stream, as they come"
    with urlopen(f'{address}stream?view={view}', timeout=60) as r:
        while (r.readline().strip() or r.readline().strip()) == b'--frame':
            head = dict(o.split(b': ') for o in iter(lambda: r.readline().strip(), b''))
            yield r.read(int(head[b'Content-Length']))

# %% [markdown]
# Three pictures are shown, and a viewer takes them as they come: in order, and the last one always. Other addresses are not found, and a request that names another host is refused. The list says which pictures the viewer saw; it may have missed one.

# %%
screen,got = Screen(),[]
server = Server(screen, lambda: dict(time=1.5, shown=screen.number))
def look(): got.extend(Image.open(io.BytesIO(o)) for o in read_stream(server.address, 'both'))
viewer = threading.Thread(target=look)
viewer.start()
assert screen.wait(lambda o: o.viewers == 1, 60)
films = [data.chelsea()[:192,60*i:60*i + 256] for i in range(3)]
for i,x in enumerate(films, 1):
    screen.show(both(x))
    test_eq(json.loads(urlopen(server.address + 'state').read()), dict(time=1.5, shown=i))
assert b'/stream?view=color' in urlopen(server.address).read()
for path,host,code in (('x', 'localhost', '404'), ('stream?view=red', 'localhost', '404'), ('', 'elsewhere', '403')):
    test_fail(lambda: urlopen(Request(server.address + path, headers=dict(Host=host))), exc=HTTPError, contains=code)
server.close()
viewer.join()
shown = [min(range(3), key=lambda i: np.abs(np.asarray(o, int)[:,256:] - films[i]).mean()) for o in got]
assert shown == sorted(set(shown)) and shown[-1] == 2 and {o.size for o in got} == {(512, 192)}
shown

# %% [markdown]
# A port that is taken, or a host that does not exist, is an error that says so.

# %%
taken = Server(screen, dict)
test_fail(lambda: Server(screen, dict, port=int(taken.address.split(':')[-1][:-1])), exc=UsageError, contains='--port')
test_fail(lambda: Server(screen, dict, host='nowhere.invalid'), exc=UsageError, contains='cannot serve on nowhere')
taken.close()

# %%
#| label: fig-page
#| fig-cap: "A picture as it came through the stream, with both halves."
fig,ax = plt.subplots(figsize=(6, 2.4))
ax.imshow(got[-1])
ax.axis('off');

# %% [markdown]
# @fig-page is the last picture as the viewer got it in the view `both`: the gray half left, the color right.

# %% [markdown]
# ## What we have
#
# - a screen that keeps the newest picture and wakes whoever watches;
# - a page for it with three views and a line of figures, on this machine only unless told otherwise.

# %% [markdown]
# ## Exercises
#
# 1. Fetch `/stream` with a program that reads one part a second. Which parts does it get, and what lies between them in the buffers of the system?
# 2. Let the page choose the quality of the JPEG files. Where must the cache of views know of it?
# 3. Replace the stream by WebRTC. What has to be added to the package, and what is gained on a machine far away?
