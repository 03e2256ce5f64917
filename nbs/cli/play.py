# %% [markdown]
# # The play command
#
# > Look first, color later
#
# Before a night is spent on a film one wants to see what becomes of it, and sometimes seeing is all that is wanted. At the end of this chapter `colorbook play FILE` prints an address, waits until a browser opens it, and colors the film while it runs; `colorbook play 0` does that with a camera. Control-C ends it with one line that says how it went.

# %%
#| default_exp cli.play

# %%
#| export
from typing import Annotated, Optional
import typer
from colorbook.cli.app import say, app
from colorbook.core import UsageError

# %%
#| hide
import contextlib, io, tempfile, threading
from pathlib import Path
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from skimage import data
from colorbook.cli.app import main
from colorbook.video.read import write_clip
from colorbook.data.synthetic import travel
from colorbook.video.server import read_stream

# %% [markdown]
# ## The command

# %% [markdown]
# The address goes to the standard output, as the one thing a script may want; all else is said on the standard error. Where nobody can open a browser, `--no-wait` begins at once. Other machines can watch only if `--host` asks for it, and then the command says so.

# %%
#| export
@app.command('play')
def play_command(
    src: Annotated[str, typer.Argument(metavar='FILE|CAMERA', help="A film, folder, address, '-', 0 or /dev/video0.")],
    model: Annotated[Optional[str], typer.Option('--model', '-m', help='An .onnx file; else the default.')] = None,
    size: Annotated[Optional[int], typer.Option(help='The network sees about SIZE x SIZE pixels.')] = None,
    saturation: Annotated[float, typer.Option(help='Factor on color; 0 is gray.')] = 1.,
    stabilize: Annotated[float, typer.Option(help='How much earlier frames count; 0 is frame by frame.')] = .9,
    height: Annotated[int, typer.Option(help='Larger films are shown so high.')] = 720,
    seconds: Annotated[Optional[float], typer.Option(help='Stop after so long.')] = None,
    loop: Annotated[bool, typer.Option('--loop', help='Play again and again.')] = False,
    rate: Annotated[float, typer.Option(help='Frames a second of a folder.')] = 24.,
    host: Annotated[str, typer.Option(help='0.0.0.0 lets other machines watch.')] = '127.0.0.1',
    port: Annotated[int, typer.Option(help='Of the page; 0 for a free one.')] = 0,
    wait: Annotated[bool, typer.Option('--wait/--no-wait', help='Begin when somebody looks.')] = True,
    browser: Annotated[bool, typer.Option('--browser', help='Open the page.')] = False,
):
    "Color a film or a camera while it runs, on a page in the browser; late frames are dropped."
    from colorbook.video.server import Server
    from colorbook.video.player import Player
    if seconds is not None and not seconds > 0: raise UsageError(f'{seconds} seconds', 'try 10')
    player = Player(src, model, size, saturation, stabilize, height, loop, rate)
    server = Server(player.screen, player.state, host, port)
    try:
        if not server.private: say(f'note: whoever can reach {host} can watch')
        print(server.address, flush=True)
        if browser: typer.launch(server.address)
        if wait: player.screen.wait(lambda o: o.viewers)
        player.run(float('inf') if seconds is None else seconds)
    except KeyboardInterrupt: pass # the way to end it
    finally: server.close()
    for o in player.notes: say(f'left out: {o}')
    say(player.summary())

# %% [markdown]
# A clip is played and watched. The address is on the standard output before the film begins, as a viewer needs it; what was shown is said at the end. A camera that is not there, a file that is no film, a port that is taken: one line, and 3 or 2.

# %%
class Said(io.StringIO):
    "Text that can be waited for"
    def __init__(self): super().__init__(); self.ready = threading.Event()
    def write(self, text): super().write(text); self.ready.set()

def run(*args):
    "Exit code and what was said on the standard error"
    with contextlib.redirect_stderr(io.StringIO()) as said: code = main([*map(str, args)])
    return code,said.getvalue().strip()

home,seen,out = Path(tempfile.mkdtemp()),[],Said()
clip = write_clip(travel(Image.fromarray(data.astronaut()), 20, (128, 96)), home/'clip.mp4')
def look():
    out.ready.wait()
    seen.extend(Image.open(io.BytesIO(o)) for o in read_stream(out.getvalue().strip()))
viewer = threading.Thread(target=look)
viewer.start()
with contextlib.redirect_stdout(out): code,said = run('play', clip, '--size', 64)
viewer.join()
shown,dropped = (int(o.split()[0]) for o in said.split(', ')[:2])
test_eq((code, shown + dropped), (0, 20))
assert 0 < len(seen) <= shown and all(o.size == (128, 96) for o in seen)
said

# %%
(home/'text.mp4').write_text('not a film')
with contextlib.redirect_stdout(io.StringIO()):
    test_eq([run('play', o)[0] for o in ('9', '/dev/video9', home/'text.mp4', home/'no.mp4', 'udp://nowhere:x')], [3]*5)
    test_eq([run('play', clip, *o)[0] for o in (('--port', 99999), ('--host', 'nowhere.invalid'), ('--seconds', 0),
        ('--stabilize', 2), ('--size', 4))], [2]*5)
    test_eq(run('play', '-', '--loop')[0], 2)
    code,said = run('play', '9')
said

# %%
#| label: fig-play-command
#| fig-cap: "First and last of the pictures that the viewer saw."
def show_frames(ims, height=1.8):
    "Pictures in a row, no axes"
    fig,axs = plt.subplots(1, len(ims), figsize=(6, height))
    for ax,im in zip(axs, ims):
        ax.imshow(im)
        ax.axis('off')
show_frames([seen[0], seen[-1]])

# %% [markdown]
# ## What we have
#
# - `colorbook play`, for films and cameras, on a page that only this machine can see;
# - one line at the end: how many frames were shown, how many were dropped, and how fast it was.

# %% [markdown]
# ## Exercises
#
# 1. Play a film of 1920x1080 with `--height 1080` and with 480. What becomes of the rate, and of the number of dropped frames?
# 2. Pipe a camera of another system in: `ffmpeg -f avfoundation -i 0 -f matroska - | colorbook play -`. How late is the picture, and where is it kept waiting?
# 3. Start three players on three ports. Which of them drops frames first, and is that fair?
