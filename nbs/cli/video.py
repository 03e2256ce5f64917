# %% [markdown]
# # The film commands
#
# > Color a film, watch it while it runs, measure how much its colors flicker
#
# A film is colored by people who have never opened a notebook, often overnight and sometimes on a machine that somebody switches off. Three commands are for them. `colorbook video IN OUT` colors a film, goes on where it was interrupted, and can stand in a pipe between two programs. `colorbook play FILE` shows at once, on a page in the browser, what a film or a camera looks like in color. `colorbook flicker ORIGINAL COLORED...` tells which of several versions, by whatever program, flickers least, and where. None of them loads torch.

# %%
#| default_exp cli.video

# %%
#| export
import sys, time, warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Optional
import typer
from colorbook.cli.app import say, app
from colorbook.core import OutputError, UsageError

# %%
#| hide
import contextlib, io, json, os, re, tempfile, threading
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from skimage import data
from colorbook.cli.app import main
from colorbook.data.synthetic import travel
from colorbook.video.colorize import Done
from colorbook.video.read import read_frames, write_clip
from colorbook.video.web_player import read_stream

# %% [markdown]
# ## Color a film

# %% [markdown]
# The options are those of [`colorize_video`](../video/colorize.ipynb). On a terminal there is a bar with the time that is left; at the end one line tells frames, seconds and their quotient. What was damaged is said on the standard error, with the times; the exit code is 0 all the same, since the film is whole. Control-C leaves the parts where they are and says how to go on.

# %%
#| export
def _check_target(dst:str, overwrite:bool):
    "Errors that are better made before the first frame"
    if dst == '-':
        if sys.stdout.isatty(): raise UsageError('a terminal cannot show a film', 'redirect it, or name a file')
    elif dst.strip() and Path(dst).exists() and not overwrite:
        raise OutputError(f"'{dst}' is there already", 'choose another name, or --overwrite')

# %%
#| export
def _film_summary(
    done, # a `Done`
    seconds:float, # that it took
) -> str:
    "What became of a film in one line"
    kept = f', {done.kept} of them from an earlier run' if done.kept else ''
    return f'{done.frames} frames{kept}, in {seconds:.1f} s: {(done.frames - done.kept)/seconds:.1f} frames/s'

# %%
test_eq(_film_summary(Done(None, 100, []), 8), '100 frames, in 8.0 s: 12.5 frames/s')
test_eq(_film_summary(Done(None, 100, [], 60), 8), '100 frames, 60 of them from an earlier run, in 8.0 s: 5.0 frames/s')

# %%
#| export
@app.command('video')
def video_command(
    src: Annotated[str, typer.Argument(metavar='IN', help="A film, a folder of numbered frames, or '-'.")],
    dst: Annotated[str, typer.Argument(metavar='OUT', help="By suffix; without one a folder of frames; or '-'.")],
    model: Annotated[Optional[str], typer.Option('--model', '-m', help='A name or an .onnx file.')] = None,
    size: Annotated[Optional[int], typer.Option(help='The network sees about SIZE x SIZE pixels.')] = None,
    saturation: Annotated[float, typer.Option(help='Factor on color; 0 is gray.')] = 1.,
    stabilize: Annotated[Optional[float], typer.Option(help='How much neighboring frames count; 0 is off.',
        show_default='0.9 with OpenCV')] = None,
    codec: Annotated[Optional[str], typer.Option(help='h264, hevc, av1, vp9, prores or ffv1; else by suffix.')] = None,
    quality: Annotated[Optional[int], typer.Option(help="On the codec's scale (CRF); less is better.")] = None,
    preview: Annotated[Optional[float], typer.Option(help='So many seconds only.')] = None,
    layout: Annotated[str, typer.Option(help='result, side-by-side or triptych (gray, result, truth).')] = 'result',
    seed: Annotated[Optional[int], typer.Option(help="Choose among a model's answers, one for each shot.")] = None,
    rate: Annotated[float, typer.Option(help='Frames a second of a folder.')] = 24.,
    resume: Annotated[bool, typer.Option('--resume/--no-resume', help='Go on with what was interrupted.')] = True,
    skip_bad: Annotated[bool, typer.Option('--skip-bad', help='Color what there is of a broken film.')] = False,
    reference: Annotated[Optional[str], typer.Option(help='A frame of the film in color; it steers its shot.')] = None,
    at: Annotated[Optional[float], typer.Option(help='Its time in seconds; else it is looked for.')] = None,
    threads: Annotated[Optional[int], typer.Option(help='Of the encoder.', show_default='one a core')] = None,
    overwrite: Annotated[bool, typer.Option('--overwrite', help='Replace what is there.')] = False,
    drop_sound: Annotated[bool, typer.Option('--drop-sound', help='Leave the sound out.')] = False,
    drop_subtitles: Annotated[bool, typer.Option('--drop-subtitles', help='Leave the subtitles out.')] = False,
    borders: Annotated[bool, typer.Option('--borders/--no-borders',
        help='Leave black bars out of what the network sees.')] = True,
    keep_interlaced: Annotated[bool, typer.Option('--keep-interlaced', help='Keep two fields in a frame.')] = False,
):
    "Color a film; sound, subtitles and times stay. Interrupted, it goes on when it is called again."
    from colorbook.video.colorize import colorize_video, parts_of
    _check_target(dst, overwrite)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)
        try: done = colorize_video(src, dst, model=model, size=size, saturation=saturation, stabilize=stabilize,
            codec=codec, quality=quality, preview=preview, layout=layout, seed=seed, rate=rate, resume=resume,
            skip_bad=skip_bad, reference=reference, at=at, threads=threads, overwrite=overwrite,
            drop_sound=drop_sound, drop_subtitles=drop_subtitles, keep_interlaced=keep_interlaced,
            borders=borders)
        except KeyboardInterrupt:
            if parts_of(dst).exists(): say('what is done is kept; the same command goes on with it')
            raise
    for o in done.notes: say(f'left out: {o}')
    for o in done.changes: say(f'note: {o}')
    if stabilize is None and not find_spec('cv2'): say("not stabilized; pip install 'colorbook[film]' for that")
    say(_film_summary(done, time.perf_counter() - start))

# %% [markdown]
# A clip of twelve frames is colored. A second call does not overwrite the result, and says so:

# %%
def run(*args):
    "Exit code, standard output and standard error of the command"
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()) as out:
        code = main([*map(str, args)])
    return code,out.getvalue().strip(),said.getvalue().strip()

home = Path(tempfile.mkdtemp())
clip = write_clip(travel(Image.fromarray(data.astronaut()), 12, (96, 64)), home/'clip.mp4')
code,_,said = run('video', clip, home/'color.mp4', '--size', 64)
assert code == 0 and re.fullmatch(r'12 frames, in [\d.]+ s: [\d.]+ frames/s', said)
test_eq(len(list(read_frames(home/'color.mp4'))), 12)
code,_,said = run('video', clip, home/'color.mp4')
test_eq((code, 'there already' in said), (4, True))
said.replace(str(home), '')

# %%
#| label: fig-command
#| fig-cap: "Three frames of the clip that the command made."
def show_frames(ims, height=1.6):
    "Pictures in a row, no axes"
    fig,axs = plt.subplots(1, len(ims), figsize=(1.5*height*len(ims), height), layout='constrained')
    for ax,im in zip(axs, ims):
        ax.imshow(im)
        ax.axis('off')
show_frames([o.im for o in read_frames(home/'color.mp4') if o.number%5 == 0])

# %% [markdown]
# ## Watch it while it runs

# %% [markdown]
# Before a night is spent on a film one wants to see what becomes of it. The [player](../video/player.ipynb) serves a page; its address goes to the standard output, as the one thing a script may want, and all else to the standard error. Where nobody can open a browser, `--no-wait` begins at once. Other machines can watch only if `--host` asks for it, and then the command says so. Control-C ends it with one line that says how it went.

# %%
#| export
@app.command('play')
def play_command(
    src: Annotated[str, typer.Argument(metavar='FILE|CAMERA', help="A film, folder, address, '-', 0 or /dev/video0.")],
    model: Annotated[Optional[str], typer.Option('--model', '-m', help='A name or an .onnx file.')] = None,
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
    from colorbook.video.web_player import Server
    from colorbook.video.player import Player
    if seconds is not None and not seconds > 0: raise UsageError(f'{seconds} seconds', 'try 10')
    player = Player(src, model=model, size=size, saturation=saturation, stabilize=stabilize, height=height, loop=loop,
                    rate=rate)
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
# A clip is played while a viewer watches. The line below is what the command says at the end.

# %%
class Said(io.StringIO):
    "Text that can be waited for"
    def __init__(self): super().__init__(); self.ready = threading.Event()
    def write(self, text): super().write(text); self.ready.set()

seen,out = [],Said()
longer = write_clip(travel(Image.fromarray(data.astronaut()), 20, (128, 96)), home/'longer.mp4')
def look():
    out.ready.wait()
    seen.extend(Image.open(io.BytesIO(o)) for o in read_stream(out.getvalue().strip()))
viewer = threading.Thread(target=look)
viewer.start()
with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(out):
    code = main(['play', str(longer), '--size', '64'])
viewer.join()
shown,dropped = (int(o.split()[0]) for o in said.getvalue().split(', ')[:2])
test_eq((code, shown + dropped), (0, 20))
assert 0 < len(seen) <= shown and all(o.size == (128, 96) for o in seen)
said.getvalue()

# %%
#| label: fig-play-command
#| fig-cap: "First and last of the pictures that the viewer saw."
show_frames([seen[0], seen[-1]])

# %% [markdown]
# ## Measure how much its colors flicker

# %% [markdown]
# After coloring a film with two programs one wants to know which of the results flickers less, and where. The [report](../evaluation/flicker.ipynb) knows more than fits on a screen. Three measures are printed, each with its excess over the original's where the original is in color: color distribution consistency and warp error in thousandths, and the change of color from frame to frame in percent of the color. Of many shots the five worst are shown, and of the moments three; the rest is in the JSON.

# %%
#| export
MEASURES = dict(cdc=('CDC, 1e-3', 1e3), warp_error=('warp error, 1e-3', 1e3), color_change=('color change, %', 100))

def _number(v:float|None, sign:str='') -> str: return '-' if v is None else f'{v:{sign}.3f}'

def _cells(o:dict) -> list:
    "The measures of a line, each with its excess"
    out = []
    for k,(_,by) in MEASURES.items():
        value,more = (None if v is None else v*by for v in (o[k], o[f'{k}_excess']))
        out.append(_number(value) + (f' ({_number(more, "+")})' if more is not None else ''))
    return out

# %%
#| export
def _table(title:str, first:list, rows:list):
    "A table of rich: names of the first columns, and rows of their cells and a line of figures"
    from rich.table import Table
    table = Table(*first, title=title, title_justify='left')
    for head,_ in MEASURES.values(): table.add_column(head, justify='right')
    for cells,line in rows: table.add_row(*map(str, cells), *_cells(line))
    return table

def _clock(t:float) -> str: return f'{int(t)//60}:{t%60:05.2f}'

# %%
#| export
def _shots(version:dict, most:int=5):
    "The worst shots of a version; None if there is one only"
    shots = sorted(version['shots'], key=lambda o: -(o['color_change'] or 0))
    rows = [((o['shot'], _clock(o['start']), _clock(o['stop']), o['frames']), o) for o in shots[:most]]
    title = f"{version['name']}: the {len(rows)} worst of {len(shots)} shots"
    return _table(title, ['shot', 'from', 'to', 'frames'], rows) if len(shots) > 1 else None

def print_flicker(
    found:dict, # `FlickerReport.as_dict()`
    console, # of rich
):
    "The tables of a report"
    lines = [found['original'], *found['versions']] # the original has no excess over itself
    lines = [((o['name'],), o if i else o | {f'{k}_excess': None for k in MEASURES}) for i,o in enumerate(lines)]
    console.print(_table(f"{found['frames']} frames", ['film'], lines))
    if not found['truth']: console.print('The original has no colors of its own: nothing to compare with.')
    for o in found['versions']:
        shots = _shots(o)
        if shots: console.print(shots)
        when = ', '.join(_clock(k['time']) for k in o['worst'][:3])
        if when: console.print(f"{o['name']}: look at {when}")

# %%
#| export
@app.command('flicker')
def flicker_command(
    original: Annotated[str, typer.Argument(help='A video or a folder of frames, in color if the truth is known.')],
    colored: Annotated[list[str], typer.Argument(help='Versions of it with as many frames, by any program.')],
    json_: Annotated[Optional[str], typer.Option('--json', metavar='FILE', help='Write all figures.')] = None,
    plot: Annotated[Optional[str], typer.Option(metavar='FILE', help='Draw timeline and worst moments.')] = None,
    truth: Annotated[Optional[bool], typer.Option('--truth/--no-truth', help="Whether the original's colors are true; "
        'looked at if not said.')] = None,
):
    "How much the colors of a film tremble, beside the true ones."
    from rich.console import Console
    from colorbook.evaluation.flicker import flicker_report, plot_flicker
    from colorbook.imaging.write import format_of
    if plot: format_of(plot)
    found = flicker_report(original, *colored, truth=truth)
    if json_: found.save(json_)
    if plot: plot_flicker(found, plot)
    wide = None if sys.stdout.isatty() else 140
    print_flicker(found.as_dict(), Console(width=wide, soft_wrap=True, force_jupyter=False, markup=False,
        highlight=False))

# %% [markdown]
# Two versions of a clip of two shots: one is the original again, in the other the color is stronger and weaker by turns. The table says which is which.

# %%
def stronger(im, by):
    Y,*c = im.convert('YCbCr').split()
    return Image.merge('YCbCr', [Y, *(o.point(lambda v: 128 + by*(v - 128)) for o in c)]).convert('RGB')

ims = [o for f in (data.astronaut, data.chelsea) for o in travel(Image.fromarray(f()), 12, (128, 72), (0, 0), (.1, .1))]
kinds = dict(true=ims, same=ims, tremble=[stronger(o, 1 + .4*(-1)**i) for i,o in enumerate(ims)])
for k,v in kinds.items(): write_clip(v, home/f'{k}.mp4', crf=4)
here = os.getcwd()
os.chdir(home) # so that the names in the report are short
code,out,said = run('flicker', 'true.mp4', 'same.mp4', 'tremble.mp4', '--json', 'found.json', '--plot', 'found.png')
os.chdir(here)
found = json.loads((home/'found.json').read_text())
same,bad = found['versions']
test_eq((code, said, same['cdc_excess'], len(bad['shots'])), (0, '', 0, 2))
assert bad['color_change_excess'] > .2 and f"{bad['color_change']*100:.3f}" in out and 'look at 0:' in out
print(out)

# %%
#| label: fig-flicker-command
#| fig-cap: "What --plot writes: both measures over time; the worst moments, each below the frame before it."
fig,ax = plt.subplots(figsize=(9, 5), layout='constrained')
ax.imshow(Image.open(home/'found.png'))
ax.axis('off');

# %% [markdown]
# In @fig-flicker-command the version that trembles lies far above its copy of the original in both shots, and more so in the second; the thin upright line is the cut. The original's own gray line is hidden beneath that of the copy. Two worst moments are shown below, one from each shot: the strong color and the weak one follow each other.

# %% [markdown]
# ## What we have
#
# - `colorbook video`, for files, folders and pipes, that can be interrupted, and says what it left out;
# - `colorbook play`, for films and cameras, on a page that only this machine can see;
# - `colorbook flicker`, for the files of any program, with the truth in the same table;
# - an exit code for everything that cannot be done.

# %% [markdown]
# ## Exercises
#
# 1. Read a film from one program and hand it to another: `ffmpeg ... -f matroska - | colorbook video - - | ffplay -`. How late is the picture?
# 2. Play a film of 1920x1080 with `--height 1080` and with 480. What becomes of the rate, and of the number of dropped frames?
# 3. Color a film with this package and with another program, and compare them with `flicker`. Do the moments that it names look worst to you, too?
# 4. Encode a film in color at a low rate and measure that as a version of itself. How much flicker does a codec make?
