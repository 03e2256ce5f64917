# %% [markdown]
# # The video command
#
# > One line for a whole film
#
# A film is colored by people who have never opened a notebook, often overnight and sometimes on a machine that somebody switches off. At the end of this chapter they have `colorbook video IN OUT`: it says how far it is and how long it will take, goes on where it was interrupted, writes nothing over what is there, and can stand in the middle of a pipe between two other programs.

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
import contextlib, io, re, tempfile
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from skimage import data
from colorbook.cli.app import main
from colorbook.video.read import read_frames, write_clip
from colorbook.data.synthetic import travel
from colorbook.video.colorize import Done

# %% [markdown]
# ## The command

# %% [markdown]
# The options are those of [`colorize_video`](../video/colorize.ipynb). A person who looks on sees a bar with the time that is left; at the end one line tells frames, seconds and their quotient. What was damaged is said on the standard error, with the times; the exit code is 0 all the same, since the film is whole. Control-C leaves the parts where they are and says how to go on.

# %%
#| export
def _check_target(dst:str, overwrite:bool):
    "Errors that are better made before the first frame"
    if dst == '-':
        if sys.stdout.isatty(): raise UsageError('a terminal cannot show a film', 'redirect it, or name a file')
    elif Path(dst).exists() and not overwrite:
        raise OutputError(f"'{dst}' is there already", 'choose another name, or --overwrite')

# %%
#| export
def _told(
    done, # a `Done`
    seconds:float, # that it took
) -> str:
    "What became of a film in one line"
    kept = f', {done.kept} of them from an earlier run' if done.kept else ''
    return f'{done.frames} frames{kept}, in {seconds:.1f} s: {(done.frames - done.kept)/seconds:.1f} frames/s'

# %%
test_eq(_told(Done(None, 100, []), 8), '100 frames, in 8.0 s: 12.5 frames/s')
test_eq(_told(Done(None, 100, [], 60), 8), '100 frames, 60 of them from an earlier run, in 8.0 s: 5.0 frames/s')

# %%
#| export
@app.command('video')
def video_command(
    src: Annotated[str, typer.Argument(metavar='IN', help="A film, a folder of numbered frames, or '-'.")],
    dst: Annotated[str, typer.Argument(metavar='OUT', help="By suffix; without one a folder of frames; or '-'.")],
    model: Annotated[Optional[str], typer.Option('--model', '-m', help='An .onnx file; else the default.')] = None,
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
    overwrite: Annotated[bool, typer.Option('--overwrite', help='Replace what is there.')] = False,
):
    "Color a film; sound, subtitles and times stay. Interrupted, it goes on when it is called again."
    from colorbook.video.colorize import colorize_video, parts_of
    _check_target(dst, overwrite)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)
        try: done = colorize_video(src, dst, model, size, saturation, stabilize, codec, quality, preview, layout, seed,
                                   rate, resume, skip_bad, reference, at)
        except KeyboardInterrupt:
            if parts_of(dst).exists(): say('what is done is kept; the same command goes on with it')
            raise
    for o in done.notes: say(f'left out: {o}')
    if stabilize is None and not find_spec('cv2'): say("not stabilized; pip install 'colorbook[film]' for that")
    say(_told(done, time.perf_counter() - start))

# %% [markdown]
# A clip goes in and a clip comes out; a second call does not touch it; what cannot be done is one line and an exit code.

# %%
def run(*args):
    "Exit code and what was said on the standard error"
    with contextlib.redirect_stderr(io.StringIO()) as said: code = main([*map(str, args)])
    return code,said.getvalue().strip()

home = Path(tempfile.mkdtemp())
clip = write_clip(travel(Image.fromarray(data.astronaut()), 12, (96, 64)), home/'clip.mp4')
code,said = run('video', clip, home/'color.mp4', '--size', 64)
assert code == 0 and re.fullmatch(r'12 frames, in [\d.]+ s: [\d.]+ frames/s', said)
test_eq(len(list(read_frames(home/'color.mp4'))), 12)
code,said = run('video', clip, home/'color.mp4')
test_eq((code, 'there already' in said), (4, True))
(home/'text.mp4').write_text('not a film')
test_eq([run('video', *o)[0] for o in ((home/'text.mp4', home/'a.mp4'), (home/'no.mp4', home/'a.mp4'),
    (clip, home/'a.xyz'), (clip, home/'a.mp4', '--codec', 'h265'), (clip, home/'a.mp4', '--layout', 'all'),
    (clip, clip, '--overwrite'))], [3, 3, 2, 2, 2, 2])
test_eq(sorted(o.name for o in home.iterdir()), ['clip.mp4', 'color.mp4', 'text.mp4'])
said.replace(str(home), '')

# %%
#| label: fig-command
#| fig-cap: "Three frames of the clip that the command made."
def show_frames(ims, height=1.6):
    "Pictures in a row, no axes"
    fig,axs = plt.subplots(1, len(ims), figsize=(8, height))
    for ax,im in zip(axs, ims):
        ax.imshow(im)
        ax.axis('off')
show_frames([o.im for o in read_frames(home/'color.mp4') if o.number%5 == 0])

# %% [markdown]
# ## What we have
#
# - `colorbook video`, for files, folders and pipes;
# - a run that can be interrupted, and one that says what it left out;
# - an exit code for everything that cannot be done.

# %% [markdown]
# ## Exercises
#
# 1. Read a film from one program and hand it to another: `ffmpeg ... -f matroska - | colorbook video - - | ffplay -`. How late is the picture?
# 2. Let the command take several films. What should it do when the third is damaged?
# 3. Write a JSON report as `colorbook colorize --json` does. Which times would you want to find in it?
