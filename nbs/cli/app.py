# %% [markdown]
# # The command line
#
# > Color a folder of photographs, and say in words, in JSON and by an exit code how it went
#
# Most people who want color have a folder, not a variable. `colorbook colorize FOLDER -o OUT` finds the pictures ([Folders of pictures](../imaging/folder.ipynb)), keeps their names and their tree, skips what is done, goes on after a file that is broken, and says at the end what happened: in words for people, in an exit code for scripts and in JSON for programs. This chapter has that command, and the frame into which [all other commands](models.ipynb) fit. Those that train load torch; the others never do.

# %%
#| default_exp cli.app

# %%
#| export
import json, os, sys, time, warnings
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Annotated, Optional
import typer
from colorbook.core import ColorbookError, InputError, OutputError, UsageError, with_progress, atomic_path

# %%
#| hide
import contextlib, tempfile
import matplotlib.pyplot as plt
from PIL import Image
from fastcore.test import *
from skimage import data
from colorbook.imaging.folder import plan

# %% [markdown]
# ## One picture after the other

# %% [markdown]
# A job is a pair of names, the picture and its result, and ends as done, skipped, or failed with the reason. Reading and writing pipes is here as well, because there the format has to be taken from the bytes themselves.

# %%
#| export
@dataclass
class Job:
    "What became of one picture"
    src:str # the picture
    out:str # its colored name
    status:str='done' # 'done', 'skipped', 'left out' or 'failed'
    seconds:float=0. # how long it took
    error:str|None=None # why it failed or was left out
    notes:tuple=() # what else there is to know
    exit_code:int=0 # of the error

# %%
#| export
def _piped(src:Path, dst:Path, **options):
    "Color from or to a pipe; the format stays where no name says otherwise"
    from colorbook.imaging.colorizer import colorize_bytes
    from colorbook.imaging.write import format_like, format_of
    content = sys.stdin.buffer.read() if str(src)=='-' else src
    fmt = format_of(dst) if str(dst)!='-' else format_like(content)
    result = colorize_bytes(content, fmt, **options)
    if str(dst)!='-':
        with atomic_path(dst) as f: f.write_bytes(result)
    else:
        try: sys.stdout.buffer.write(result); sys.stdout.buffer.flush()
        except OSError as e: raise OutputError('cannot write to the standard output', 'see who reads it') from e

# %%
#| export
def _about(src:Path, text:str) -> str:
    "A sentence with the name of the file that it is about"
    return text if f"'{src}'" in text or str(src) == '-' else f"'{src}': {text}"

# %%
#| export
def _color_one(src:Path, dst:Path, overwrite:bool, options:dict, skip_bad:bool=False) -> Job:
    "Color one picture and say what became of it; `options` as of `colorize_file`, or `colorize_samples`"
    from colorbook.imaging.colorizer import colorize_file, colorize_samples
    from colorbook.imaging.folder import answers_of
    job,start = Job(str(src), str(dst)), time.perf_counter()
    if str(dst)!='-' and dst.exists() and not overwrite:
        job.status = 'skipped'
        return job
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter('always', UserWarning)
        try:
            if 'samples' in options:
                there = [] if overwrite else [o for o in answers_of(dst, options['samples']) if o.exists()]
                if there: raise OutputError(f"'{there[0]}' is there already", 'choose another place, or --overwrite')
                colorize_samples(src, dst, **options)
            else: (_piped if '-' in (str(src), str(dst)) else colorize_file)(src, dst, **options)
        except Exception as e:
            if os.environ.get('COLORBOOK_DEBUG'): raise
            job.status,job.exit_code = 'failed', getattr(e, 'exit_code', 3)
            job.error = _about(src, str(e) if isinstance(e, ColorbookError) else f'{type(e).__name__}: {e}')
            if skip_bad and isinstance(e, InputError): job.status,job.exit_code = 'left out',0
    said = dict.fromkeys(_about(src, str(n.message)) for n in notes)
    job.seconds,job.notes = round(time.perf_counter()-start, 3), tuple(said)
    return job

# %% [markdown]
# The progress bar goes to the standard error, and only where a person is looking; the standard output belongs to pictures and reports.

# %%
#| export
def say(text:str):
    "A line on the standard error"
    print(text, file=sys.stderr, flush=True)

# %%
#| export
def _color_all(pairs:list, overwrite:bool, options:dict, jobs:list[Job], skip_bad:bool=False):
    "Color all pictures and fill `jobs` as it goes; one that fails does not stop the others"
    for src,dst in with_progress(pairs, 'coloring') if len(pairs) > 1 else pairs:
        job = _color_one(src, dst, overwrite, options, skip_bad)
        jobs.append(job)
        for note in job.notes: say(f'note: {note}')
        if job.error: say(f"{'left out' if job.status == 'left out' else 'colorbook'}: {job.error}")

def _leave_out(inputs:list[str], jobs:list[Job]):
    "Name the first few files that are no pictures, and enter all of them into the report"
    from colorbook.imaging.folder import survey
    left = [o for name in dict.fromkeys(inputs) for o in survey(name)[2]]
    for src,why in left[:5]: say(f"left out: '{src}': {why}")
    if len(left) > 5: say(f'left out: {len(left) - 5} more; --json names them')
    jobs += [Job(str(src), '', 'left out', error=why) for src,why in left]

# %% [markdown]
# ## The report

# %% [markdown]
# A program that calls this one wants to know what became of each picture, and which model did it: the card's hash names the model beyond doubt. The exit code is 0 if nothing failed. If a picture could not be used it is 3, whatever else happened; if results could not be written, 4.

# %%
#| export
def card_hash(card:dict) -> str:
    "A name for a card that no other card has"
    return sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()

def report(jobs:list[Job], options:dict, card:dict|None) -> dict:
    "Everything that a program may want to know of a run, ready for JSON"
    from colorbook import __version__
    count = {s.replace(' ', '_'):sum(j.status==s for j in jobs) for s in ('done', 'skipped', 'left out', 'failed')}
    model = card and {k:card.get(k) for k in ('name', 'version', 'weights_sha256')} | {'card_sha256':card_hash(card)}
    rows = [{('in' if k=='src' else k):v for k,v in asdict(j).items() if k!='exit_code'} for j in jobs]
    return {'colorbook':__version__, 'model':model, 'options':{k:v for k,v in options.items() if k!='model'}, **count,
            'pictures':rows}

# %%
#| export
def _write_json(value:dict, where:str):
    "Write a report to a file, or to the standard output where that is '-'"
    raw = (json.dumps(value, indent=2, ensure_ascii=False)+'\n').encode('utf-8', 'backslashreplace') # not every name is
    if where=='-': sys.stdout.write(raw.decode())
    else:
        with atomic_path(where) as f: f.write_bytes(raw)

def exit_code(jobs:list[Job]) -> int:
    "0, or the code of what went wrong; input before output"
    codes = {j.exit_code for j in jobs if j.status=='failed'}
    return 3 if 3 in codes else max(codes, default=0)

# %% [markdown]
# The report of two pictures, one of which could not be written:

# %%
rows = [Job('a.jpg', 'b.jpg'), Job('c.jpg', 'd.jpg', 'failed', error='cannot write', exit_code=4)]
test_eq(exit_code(rows), 4)
test_eq(exit_code(rows + [Job('e.jpg', 'f.jpg', 'failed', exit_code=3)]), 3)
test_eq(exit_code(rows[:1]), 0)
{k:v for k,v in report(rows, {'size':None}, None).items() if k!='colorbook'}

# %% [markdown]
# ## The commands

# %% [markdown]
# Typer makes a program of functions with typed parameters; their help is the help of the program. The modules of `COMMANDS` add theirs to the same `app` when they are imported, which `commands` does. `colorize` loads the model before the first picture, so that a wrong model is one error and not one for each file; if everything is done already, it is not loaded at all. [Hints](../imaging/hints.ipynb) are pixels of one picture, so more than one is refused. `card` prints what a model file says of itself.

# %%
#| export
COMMANDS = tuple(f'colorbook.cli.{o}' for o in ('video', 'train', 'data', 'evaluate', 'models'))
app = typer.Typer(name='colorbook', no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  rich_markup_mode=None, help='Color photographs with a network that the book trained.')

def _version(wanted:bool):
    "Print the version and stop"
    if not wanted: return
    from colorbook import __version__
    print(f'colorbook {__version__}')
    raise typer.Exit()

@app.callback()
def _start(
    version: Annotated[bool, typer.Option('--version', callback=_version, is_eager=True, help='Print it.')] = False,
    debug: Annotated[bool, typer.Option('--debug', help='Show where an error arose; or COLORBOOK_DEBUG=1.')] = False,
):
    "Color photographs with a network that the book trained."
    if debug: os.environ['COLORBOOK_DEBUG'] = '1'

# %%
#| export
def _check_stdout(pairs:list, report_to:str|None):
    "`UsageError` if the standard output would get two things, or a terminal a picture"
    if not any(str(d)=='-' for _,d in pairs): return
    if report_to=='-': raise UsageError('picture and report cannot share the standard output', 'give --json a file')
    if sys.stdout.isatty(): raise UsageError('a terminal cannot show a picture', "redirect it, or name a file with -o")

def _summary(jobs:list[Job], n:int) -> str:
    "One line for people; `n` is how many there were to color"
    count = lambda s: sum(j.status==s for j in jobs)
    parts = [f"{count('done')} colored"]
    if count('skipped'): parts.append(f"{count('skipped')} skipped (there already; see --overwrite)")
    if count('left out'): parts.append(f"{count('left out')} left out")
    if count('failed'): parts.append(f"{count('failed')} failed")
    if len(jobs) < n: parts.append(f'{n-len(jobs)} not reached')
    return ', '.join(parts)

def _allow_pixels(text:str):
    "Read pictures of so many pixels, such as '300M'; Pillow warns at half of what it refuses"
    from PIL import Image
    try: n = float(text.upper().removesuffix('M'))*(1e6 if text[-1:] in 'mM' else 1)
    except ValueError: n = 0
    if not 1 <= n < 1e12: raise UsageError(f"--max-pixels is '{text}'", 'give a number, as 300M')
    Image.MAX_IMAGE_PIXELS = max(1, int(n/2))

# %%
#| export
@app.command('colorize')
def colorize_command(
    inputs: Annotated[list[str], typer.Argument(metavar='IN...', help="Files, folders, patterns, or '-'.")],
    out: Annotated[Optional[str], typer.Option('--out', '-o', help="A folder; for one picture a file or '-'.")] = None,
    model: Annotated[Optional[list[str]], typer.Option('--model', '-m',
        help='A name of `colorbook models` or an .onnx file; given twice, the mean of both.')] = None,
    size: Annotated[Optional[int], typer.Option('--size', help='The network sees about SIZE x SIZE pixels.')] = None,
    saturation: Annotated[float, typer.Option(help='Factor on color; 1 is as trained.')] = 1.,
    borders: Annotated[bool, typer.Option('--borders/--no-borders',
        help='Leave uniform borders out of what the network sees, and gray.')] = True,
    quality: Annotated[Optional[int], typer.Option(help='1..100; a JPEG keeps its own without it.')] = None,
    samples: Annotated[Optional[int], typer.Option(help='So many answers, NAME-1 and so on; NAME is a sheet.')] = None,
    seed: Annotated[int, typer.Option(help='Of the samples.')] = 0,
    hint: Annotated[Optional[list[str]], typer.Option(metavar='X,Y=COLOR',
        help="The color at a pixel, as 120,80=#1d4d2b, or 120,80=keep; again for more.")] = None,
    reach: Annotated[float, typer.Option(help="How far a hint goes, as a part of the picture's side.")] = .6,
    pages: Annotated[Optional[str], typer.Option(help="'all', or numbers as in 1,3-5; animations are whole.")] = None,
    max_pixels: Annotated[Optional[str], typer.Option(help='The largest picture that is read, as 300M.')] = None,
    skip_bad: Annotated[bool, typer.Option('--skip-bad', help='Leave out what is damaged, and count it.')] = False,
    overwrite: Annotated[bool, typer.Option('--overwrite', help='Color again what is there already.')] = False,
    report_to: Annotated[Optional[str], typer.Option('--json', help="Write a report to this file, or '-'.")] = None,
):
    "Color pictures; without -o, one.jpg becomes one-color.jpg beside it."
    from colorbook.imaging.colorizer import check_options, load_model
    check_options(size, saturation, quality)
    from colorbook.imaging.folder import plan
    from colorbook.imaging.hints import check_hints, parse_hint
    hints = check_hints([parse_hint(o) for o in hint or []], reach)
    if max_pixels is not None: _allow_pixels(max_pixels)
    pairs,jobs,card = plan(inputs, out, samples or 0), [], None
    _check_stdout(pairs, report_to)
    if hints and len(pairs) != 1: raise UsageError(f'hints are for one picture, and there are {len(pairs)}', 'name one')
    if samples is not None and any('-' in (str(s), str(d)) for s,d in pairs):
        raise UsageError('several answers need names', 'give files and no pipe')
    if overwrite or any(str(d)=='-' or not d.exists() for _,d in pairs):
        model = load_model(model or None)
        card = model.card
    options = dict(model=model, size=size, saturation=saturation, quality=quality, borders=borders)
    if samples is not None: options |= dict(samples=samples, seed=seed)
    if pages: options |= dict(pages=pages)
    if hints: options |= dict(hints=hints, reach=reach)
    _leave_out(inputs, jobs)
    n = len(pairs) + len(jobs)
    try: _color_all(pairs, overwrite, options, jobs, skip_bad)
    finally:
        if report_to: _write_json(report(jobs, options, card), report_to)
        if n != 1 or jobs and jobs[0].status=='skipped': say(_summary(jobs, n))
    raise typer.Exit(exit_code(jobs))

# %%
#| export
@app.command('card')
def card_command(model: Annotated[Optional[str], typer.Argument(help='A name or an .onnx file.')] = None):
    "Print a model's card: where it comes from and how good it is."
    from colorbook.imaging.artifact import card
    print(json.dumps(card(model), indent=2, ensure_ascii=False))

# %% [markdown]
# ## Commands that train

# %% [markdown]
# Commands that train or measure need the larger half of the library, with torch. It is imported only when such a command runs, and where it is not installed the error says how to get it.

# %%
#| export
def train_half(module:str):
    "Import a module of the training half; `UsageError` where its extra is not installed"
    warnings.filterwarnings('ignore', '`torch.jit', FutureWarning) # fastai raises it at import
    try: return import_module(f'colorbook.{module}')
    except ModuleNotFoundError as e:
        if (e.name or '').startswith('colorbook'): raise
        raise UsageError(f'this command needs {e.name}', "pip install 'colorbook[train]'") from e

# %% [markdown]
# ## Errors in one line

# %% [markdown]
# `main` is what the program calls. An error that we raise on purpose is one line and its exit code; an option that does not exist is one line and 2; a file that the system refuses is 3; an interruption is 130, as in every shell. Everything else is a defect of ours, and says so; `--debug` shows where it arose.

# %%
#| export
def _fail(text:str, code:int) -> int:
    "One line on the standard error, and the code"
    say('colorbook: ' + ' '.join(text.split()))
    return code

def commands() -> typer.Typer: # `app`
    "The program with the commands of every module"
    for o in COMMANDS: import_module(o)
    return app

def main(
    args:list[str]|None=None, # words after the program's name; None for those of the process
) -> int: # the exit code
    "The command `colorbook`"
    try: return commands()(args, standalone_mode=False, prog_name='colorbook') or 0
    except (KeyboardInterrupt, typer.Abort): return _fail('interrupted', 130)
    except BrokenPipeError: return _fail('nobody reads the output', 4)
    except Exception as e:
        code = getattr(e, 'exit_code', 1)
        if os.environ.get('COLORBOOK_DEBUG') and not hasattr(e, 'format_message'): raise
        if isinstance(e, ColorbookError): return _fail(str(e), code)
        if type(e).__name__ == 'NoArgsIsHelpError': return say(e.format_message()) or code
        if hasattr(e, 'format_message'): return _fail(e.format_message() or 'see colorbook --help', code)
        if isinstance(e, OSError) and e.filename: return _fail(f"'{os.fsdecode(e.filename)}': {e.strerror or e}", 3)
        return _fail(f'{type(e).__name__}: {e}; this is a defect of colorbook, --debug shows where', 1)

# %% [markdown]
# A folder of three photographs is colored, with a report: the values are the seconds that each took. A second run finds everything done.

# %%
top,home = Path(tempfile.mkdtemp()),Path(tempfile.mkdtemp())
for name,x in {'a.png': data.camera(), 'b/c.jpg': data.chelsea(), 'b/d.tif': data.coffee()}.items():
    (top/name).parent.mkdir(exist_ok=True)
    Image.fromarray(x[::2,::2]).convert('L').save(top/name)

def run(*args):
    "Exit code and what was said on the standard error"
    import io
    with contextlib.redirect_stderr(io.StringIO()) as said: code = main([*map(str, args)])
    return code, said.getvalue().strip()

test_eq(run('colorize', top, '-o', top/'out', '--json', home/'report.json'), (0, '3 colored'))
test_eq(run('colorize', top, '-o', top/'out')[1].startswith('0 colored, 3 skipped'), True)
test_eq(sorted(str(f.relative_to(top/'out')) for f in (top/'out').rglob('*.*')), ['a.png', 'b/c.jpg', 'b/d.tif'])
pictures = json.loads((home/'report.json').read_text())['pictures']
test_eq([p['status'] for p in pictures], ['done']*3)
[p['seconds'] for p in pictures]

# %% [markdown]
# A broken picture among good ones: the others are colored, and the exit code is 3. With `--samples 2` a photograph gets two answers and a sheet that shows them beside each other.

# %%
(top/'b'/'bad.jpg').write_bytes(b'half a picture')
code,said = run('colorize', top, '-o', top/'out', '--overwrite')
test_eq(code, 3)
test_eq(said.splitlines()[-1], '3 colored, 1 failed')
test_eq(run('colorize', top/'a.png', '--samples', 2, '-o', top/'many/a.png')[0], 0)
test_eq(sorted(f.name for f in (top/'many').iterdir()), ['a-1.png', 'a-2.png', 'a.png'])
said.splitlines()[0].replace(str(top), '')

# %%
#| label: fig-folder
#| fig-cap: "The results of three gray photographs, under the names of their originals."
def show_folder(files, height=2.5):
    "Pictures in a row, no axes"
    fig,axs = plt.subplots(1, len(files), figsize=(9, height))
    for ax,f in zip(axs, files):
        ax.imshow(Image.open(f))
        ax.set_title(f.name, fontsize=8)
        ax.axis('off')
show_folder(sorted(f for f in (top/'out').rglob('*.*')));

# %% [markdown]
# In @fig-folder sky, meadow and fur have likely colors. The cat's eyes, green in truth, stay gray; and the saucer, which is red in truth and could have any color, got a few red spots.

# %% [markdown]
# ## What we have
#
# - `colorbook colorize` for files, folders, patterns and pipes, which loses no photograph and no error;
# - exit codes, a progress bar and a JSON report;
# - `card`; the [data commands](data.ipynb) and those [for training](train.ipynb) come next, and only they load torch.

# %% [markdown]
# ## Exercises
#
# 1. `--skip-bad` leaves out what is damaged. Let it color what is whole of a JPEG that breaks off, and say how much that is.
# 2. Color two pictures at a time. What happens to memory and to the time of a single one?
# 3. Mark every result with the hash of the card, in EXIF or a PNG text, and let `_is_output` read it. What does that make safe that names do not?
