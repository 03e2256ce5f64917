# %% [markdown]
# # The data commands
#
# > Sets of pictures on the command line: list, examine, divide, pack
#
# Pictures of one's own lie in some layout, have faults that nobody knows of, and hold copies that must not stand on both sides of a split. The chapters on data have functions for all of that; here each becomes a word after `colorbook data`. What they write is what `colorbook train` reads: lists, folders, shards, a database. If you train on your own pictures, two of them are worth a minute: `doctor` and `split`.

# %%
#| default_exp cli.data

# %%
#| export
import inspect, json, os
from pathlib import Path
from typing import Annotated, Optional
import typer
from colorbook.cli.app import say, train_half, app
from colorbook.core import OutputError, UsageError, atomic_path, malloc_policy

# %%
#| hide
import contextlib, io, tempfile
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image
from colorbook.cli.app import main
from colorbook.data.photos import Photos, sample_photos

# %%
#| export
data = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help='Sets of pictures: read, examine, divide, pack.')
app.add_typer(data, name='data')

Skip = Annotated[bool, typer.Option('--skip-bad', help='Leave out what is damaged, and count it.')]
Out = Annotated[str, typer.Option('--out', '-o', help='A folder.')]


# %% [markdown]
# ## Lists of a set

# %% [markdown]
# A set in a [known layout](../data/named_sets.ipynb) becomes text files, one for each of its lists, with a photo in each line, relative to the file. `colorbook train RECIPE train.txt` learns from one, `colorbook evaluate MODEL test.txt` measures on another. With `--skip-bad` what is missing or broken is left out and counted; the exit code is 0, because it was asked for.

# %%
#| export
def _tell_skipped(skipped:list):
    "The first few entries that were left out, and how many there are"
    for o in skipped[:5]: say(f'left out: {o}')
    if skipped: say(f'{len(skipped)} left out')

def write_lists(
    sets:dict, # named lists of paths; of pairs the first is written
    out, # folder
) -> list: # the files
    "A text file for each list, for `colorbook.data.photos.read_list`"
    out,files = Path(out),[]
    for name,items in sets.items():
        lines = [os.path.relpath(o[0] if isinstance(o, tuple) else o, out) for o in items]
        if any('\n' in o for o in lines): raise OutputError(f"a name in '{name}' has two lines", 'rename the file')
        with atomic_path(out/f'{name}.txt') as f: f.write_text(''.join(f'{o}\n' for o in lines), encoding='utf-8')
        files.append(out/f'{name}.txt')
    return files


# %%
#| export
@data.command('list')
def list_command(
    layout: Annotated[str, typer.Argument(help='flower, bob, sc2, lfw, folder or folders.')],
    root: Annotated[str, typer.Argument(help='The folder of the set.')],
    out: Out,
    split: Annotated[Optional[int], typer.Option(help='1, 2 or 3; of the flowers.')] = None,
    mat: Annotated[Optional[str], typer.Option(help='The file of splits of the flowers, if elsewhere.')] = None,
    large: Annotated[bool, typer.Option('--large', help='img_480; of bob and sc2.')] = False,
    skip_bad: Skip = False,
):
    "Write the lists of a set in a known layout, as train.txt, test.txt and so on."
    formats = train_half('data.named_sets')
    given = {k: v for k,v in dict(split=split, mat=mat, large=large, skip_bad=skip_bad).items() if v}
    known = inspect.signature(formats.layouts[layout]).parameters if layout in formats.layouts else given
    wrong = [k for k in given if k not in known]
    if wrong: raise UsageError(f"the layout '{layout}' has no {wrong[0]}", 'leave it out')
    sets = formats.read_sets(layout, Path(root), **given)
    files = write_lists(sets, out)
    _tell_skipped(sets.skipped)
    for f,items in zip(files, sets.values()): print(f'{f}: {len(items)}')


# %%
#| export
@data.command('flower-splits')
def flower_splits_command(
    path: Annotated[str, typer.Argument(help='The file to write, datasplits.mat.')],
    seed: Annotated[int, typer.Option(help='Another seed makes others.')] = 0,
):
    "Make splits of the 17 flowers with the keys of the official file; they are not the official ones."
    print(train_half('data.named_sets').unofficial_flower_splits(Path(path), seed))


# %%
home = Path(tempfile.mkdtemp())
ims = [o.crop((x, y, x + 64, y + 64)) for o in sample_photos(192) for y in (0, 64, 128) for x in (0, 64, 128)]
def run(*args):
    "Exit code, standard output and error of the command"
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()) as out:
        code = main([*map(str, args)])
    return code,out.getvalue().strip(),said.getvalue().strip()

(home/'bob/img').mkdir(parents=True)
for i in range(9): ims[i].save(home/f'bob/img/frame_{i:04}.png')
(home/'bob/train_split.csv').write_text('id\n0000\n0002\n0003\n0009\n')
(home/'bob/test_split.csv').write_text('id\n0001\n')
code,_,said = run('data', 'list', 'bob', home/'bob', '-o', home/'lists')
test_eq((code, 'missing' in said), (3, True))
code,out,said = run('data', 'list', 'bob', home/'bob', '-o', home/'lists', '--skip-bad')
test_eq((code, said.splitlines()[-1]), (0, '1 left out'))
test_eq([o.tobytes() for o in Photos(home/'lists/train.txt')], [ims[i].tobytes() for i in (0, 2, 3)])
test_eq(run('data', 'list', 'bob', home/'bob', '-o', home/'lists', '--split', 2)[0], 2)
test_eq(run('data', 'list', 'rob', home/'bob', '-o', home/'lists')[0], 2)
out.replace(str(home), '')


# %% [markdown]
# ## From the network

# %% [markdown]
# An address is a video, fetched with yt-dlp; a name is one of the [public sets](../data/download.ipynb), fetched by the code of torchvision and fastai and turned into lists at once. Nothing else in colorbook ever uses a network.

# %%
#| export
@data.command('fetch')
def fetch_command(
    what: Annotated[str, typer.Argument(help='The address of a video, or the name of a public set.')],
    out: Out,
    height: Annotated[int, typer.Option(help='Of a video at most.')] = 480,
    skip_bad: Skip = False,
):
    "Fetch a video by its address, or a public set by its name."
    if '://' in what: return print(train_half('data.download').fetch_video(what, out, height))
    sets = train_half('data.download').fetch(what, Path(out), skip_bad=skip_bad)
    _tell_skipped(sets.skipped)
    for f in write_lists(sets, out): print(f)


# %%
code,_,said = run('data', 'fetch', 'flowers18', '-o', home/'far')
test_eq((code, 'choose flowers102' in said), (2, True))
code,_,said = run('data', 'fetch', 'ftp://example.org/film.mp4', '-o', home/'far')
test_eq((code, 'begin with https://' in said), (2, True))
said


# %% [markdown]
# ## Frames, shards, a database

# %% [markdown]
# Three ways to store pictures for training: as [numbered frames](../data/frames.ipynb) of a video, in [shards](../data/shard_loader.ipynb) for more than fits on one disk, in a [database](../data/hdf5.ipynb) as S2 has it; [Data at scale](../data/scale.ipynb) compares them. All can be interrupted and called again. Two commands make what some recipes need besides: saliency maps, and films of photographs under a moving camera.

# %%
#| export
def _pair(text:str|None, sign:str, what:str) -> tuple|None:
    "Two numbers, such as 120x90 or 4:3"
    if text is None: return None
    try: a,b = (int(o) for o in text.split(sign))
    except ValueError as e: raise UsageError(f"{what} is '{text}'", f'give two numbers, as in 4{sign}3') from e
    if min(a, b) < 1: raise UsageError(f"{what} is '{text}'", 'give numbers of at least 1')
    return a,b


# %%
#| export
@data.command('frames')
def frames_command(
    video: Annotated[str, typer.Argument(help='Any video that FFmpeg reads.')],
    out: Annotated[str, typer.Argument(help='A folder, for train, val and frames.csv.')],
    every: Annotated[int, typer.Option(help='Keep every so many-th frame.')] = 1,
    per_second: Annotated[Optional[float], typer.Option(help='Or so many a second.')] = None,
    skip_start: Annotated[float, typer.Option(help='Seconds left out at the beginning.')] = 0.,
    skip_end: Annotated[float, typer.Option(help='And at the end.')] = 0.,
    drop_black: Annotated[Optional[int], typer.Option(help='Leave out frames with no value as large as this.')] = None,
    crop: Annotated[Optional[str], typer.Option(help='Keep the middle of this shape, as 4:3.')] = None,
    size: Annotated[Optional[str], typer.Option(help='Resize to this, as 480x480.')] = None,
    valid: Annotated[float, typer.Option(help='Share at the end, from a new shot on, for val.')] = .1,
    s2: Annotated[bool, typer.Option('--s2', help="S2's rules for all of this: one a second, no titles, 4:3.")] = False,
    skip_bad: Skip = False,
):
    "Numbered frames of a video for training."
    frames = train_half('data.frames')
    given = dict(every=every, per_second=per_second, skip_start=skip_start, skip_end=skip_end, drop_black=drop_black,
        crop=_pair(crop, ':', '--crop'))
    usual = dict(every=1, per_second=None, skip_start=0., skip_end=0., drop_black=None, crop=None)
    both = [k for k,v in given.items() if s2 and v != usual[k]]
    if both: raise UsageError(f"--s2 says itself what --{both[0].replace('_', '-')} is", 'leave one of them out')
    rules = frames.CAPTURE_RULES if s2 else given
    rows = frames.extract_frames(video, out, **rules, size=_pair(size, 'x', '--size'), valid=valid, skip_bad=skip_bad)
    count = {k: sum(o['folder'] == k for o in rows) for k in ('train', 'val')}
    print(f"{out}: {count['train']} frames to train with, {count['val']} held out")


# %%
#| export
@data.command('cuts')
def cuts_command(video: Annotated[str, typer.Argument(help='Any video that FFmpeg reads.')]):
    "Print where a new shot begins: number of the frame and time in seconds."
    from colorbook.video.read import read_frames
    from colorbook.video.shots import mark_shots
    last = None
    for f,shot in mark_shots(read_frames(video)):
        if last is not None and shot != last: print(f'{f.number} {f.time:.3f}')
        last = shot

# %%
#| export
@data.command('build-db')
def build_db_command(
    source: Annotated[str, typer.Argument(metavar='SRC', help='Photos: a folder, tars or a list.')],
    db: Annotated[str, typer.Argument(metavar='DB', help='An HDF5 file, new or to be added to.')],
    table: Annotated[str, typer.Option(help='Train, with color, or Test, without.')] = 'Train',
    size: Annotated[Optional[str], typer.Option(help="Of all frames; those of the file, or S2's 120x90.")] = None,
    skip_bad: Skip = False,
):
    "Put photos into a database as S2 has it; killed and called again, it goes on."
    done = train_half('data.hdf5').build_db(source, db, table, _pair(size, 'x', '--size'), skip_bad)
    _tell_skipped(done['bad'])
    print(f"{db}: {done['added']} added to {done['present']} in {table}")


# %%
#| export
@data.command('pack')
def pack_command(
    source: Annotated[str, typer.Argument(metavar='SRC', help='Photos: a folder, tars or a list.')],
    out: Annotated[str, typer.Argument(help='A folder for the shards.')],
    per_shard: Annotated[int, typer.Option(help='Photos in each.')] = 1000,
    short: Annotated[Optional[int], typer.Option(help='Shrink photos whose short side is longer.')] = None,
    skip_bad: Skip = False,
):
    "Pack photos into WebDataset shards."
    _tell_skipped(train_half('data.shards').write_shards(source, out, per_shard, short, skip_bad=skip_bad))
    print(f'{out}: {len(list(Path(out).glob("*.tar")))} shards')


# %%
#| export
@data.command('saliency')
def saliency_command(
    photos: Annotated[str, typer.Argument(help='A folder of photos.')],
    out: Annotated[str, typer.Argument(help='A folder for the maps.')],
    method: Annotated[str, typer.Option(help='spectrum, contrast, tuned, or a run of s3.')] = 'spectrum',
    skip_bad: Skip = False,
):
    "Make a saliency map for each photo, for those who have none."
    if Path(method).is_dir(): method = train_half('training.scene').run_maps(method)
    sets = train_half('data.paired').write_saliency(Path(photos), Path(out), method, skip_bad)
    _tell_skipped(sets.skipped)
    print(f"{out}: {len(sets['pairs'])} maps")


# %%
#| export
@data.command('rides')
def rides_command(
    photos: Annotated[str, typer.Argument(help='Photos: a folder, tars or a list.')],
    out: Out,
    count: Annotated[Optional[int], typer.Option(help='Clips; as many as photos if not given.')] = None,
    frames: Annotated[int, typer.Option(help='Of each clip.')] = 16,
    size: Annotated[int, typer.Option(help='Side of the frames, a multiple of 4.')] = 128,
    front: Annotated[float, typer.Option(help='Share of clips with another photo in front.')] = .5,
    seed: Annotated[int, typer.Option(help='Another seed makes others.')] = 0,
):
    "Make films of photos, with a camera that moves over them, and their true flow."
    done = train_half('data.synthetic').write_rides(photos, out, count, frames, size, front, seed)
    print(f'{out}: {len(done)} clips')


# %%
from colorbook.video.read import write_clip
from colorbook.data.shard_loader import Shards
from colorbook.data.hdf5 import DBPhotos
write_clip(ims[:1]*8 + ims[20:21]*8, home/'film.mp4', rate=4)
test_eq(run('data', 'cuts', home/'film.mp4')[:2], (0, '8 2.000'))
test_eq(run('data', 'frames', home/'film.mp4', home/'film', '--size', '64x48', '--valid', '.6')[0], 0)
test_eq({o.parent.name: Image.open(o).size for o in (home/'film').rglob('*.png')}, dict(train=(64, 48), val=(64, 48)))
test_eq(run('data', 'rides', home/'film/train', '-o', home/'rides', '--count', 2, '--frames', 3, '--size', 32)[0], 0)
test_eq(len(list((home/'rides').rglob('*.png'))), 6)
code,out,_ = run('data', 'build-db', home/'film/train', home/'film.h5', '--size', '64x48')
test_eq((code, len(DBPhotos(home/'film.h5'))), (0, len(list((home/'film/train').glob('*.png')))))
test_eq(run('data', 'build-db', home/'film/val', home/'film.h5', '--table', 'Test')[0], 0)
test_eq(run('data', 'build-db', home/'film/val', home/'film.h5', '--size', '64')[0], 2)
test_eq(run('data', 'pack', home/'bob/img', home/'shards', '--per-shard', '4')[1].endswith('3 shards'), True)
test_eq(len(Shards(home/'shards')), 9)
test_eq(run('data', 'saliency', home/'bob/img', home/'maps')[1].endswith('9 maps'), True)
out.replace(str(home), '')


# %% [markdown]
# ## Doctor and split

# %% [markdown]
# The [doctor](../data/audit.ipynb) prints a table and leaves the same in JSON and CSV, a sheet for every kind of finding, and the prior of the set, which `colorbook train --prior` takes. Several sets, such as `train=A test=B`, are examined together, because what matters most is what stands in both. [Split](../data/duplicates.ipynb#a-split-by-clusters) then divides a set so that no copy and no shot crosses.

# %%
#| export
def _named(words:list[str]) -> dict:
    "Sources by name: `train=DIR`, or the last part of a path"
    sets = {}
    for o in words:
        name,_,source = o.partition('=') if '=' in o and not Path(o).exists() else (Path(o).stem, '', o)
        if sets.setdefault(name, source) != source or not name:
            raise UsageError(f"two sets are called '{name}'", 'name them: train=DIR test=DIR')
    return sets

def _open_set(source:str):
    "A database by its suffix, else as it is"
    return train_half('data.photos').open_photos(source) if Path(source).suffix in ('.h5', '.hdf5') else source


# %%
#| export
@data.command('doctor')
def doctor_command(
    sets: Annotated[list[str], typer.Argument(metavar='SET...', help='Folder, tars, list or .h5; or train=A test=B.')],
    out: Annotated[str, typer.Option('--out', '-o', help='A folder for what is found.')] = 'doctor',
):
    "Examine sets of pictures: what is unreadable, gray, toned, there twice; and which colors they cannot teach."
    import sys
    from rich.console import Console
    doctor = train_half('data.audit')
    malloc_policy(keep=False)
    exam = doctor.examine({k: _open_set(v) for k,v in _named(sets).items()}, progress=sys.stderr.isatty())
    exam.save(out)
    Console().print(exam.table())
    print(f'{out}: report.json, pictures.csv, prior.safetensors and a sheet for each finding')


# %%
#| export
@data.command('split')
def split_command(
    source: Annotated[str, typer.Argument(metavar='SET', help='Photos: a folder, tars or .h5.')],
    out: Annotated[str, typer.Argument(help='A folder for train, valid, test and split.csv.')],
    valid: Annotated[float, typer.Option(help='Share of valid.')] = .1,
    test: Annotated[float, typer.Option(help='Share of test.')] = .1,
    seed: Annotated[int, typer.Option(help='Another seed, another split.')] = 0,
    skip_bad: Skip = False,
):
    "Divide a set so that no copy and no shot crosses."
    if min(valid, test) < 0 or valid + test >= 1: raise UsageError('shares do not fit', 'leave some for train')
    copies,shares = train_half('data.duplicates'),{k: v for k,v in dict(valid=valid, test=test).items() if v}
    found = _open_set(source)
    table = copies.split(found, dict(train=1 - valid - test) | shares, seed, skip_bad=skip_bad)
    copies.write_split(found, table, out)
    _tell_skipped([o for o in table.error if o])
    print(f'{out}: ' + ', '.join(f'{k} {n}' for k,n in table.side[table.side != ''].value_counts().items()))


# %%
many = home/'many'
many.mkdir()
for i,o in enumerate(ims): o.save(many/f'p{i}x.png')
for i in (3, 30, 40): ims[i].save(many/f'copy{i}x.jpg', quality=80)
ims[5].convert('L').save(many/'gray.png')
code,out,_ = run('data', 'doctor', f'all={many}', '-o', home/'doctor')
found = json.loads((home/'doctor/report.json').read_text())
test_eq(code, 0)
test_eq(found['sets']['all']['findings']['gray'], ['gray.png'])
twins = {frozenset(o['names']) for o in found['pairs']}
assert {frozenset((f'copy{i}x.jpg', f'p{i}x.png')) for i in (3, 30, 40)} <= twins
from colorbook.color.bins import load_prior
test_close(load_prior(home/'doctor/prior.safetensors').sum(), 1, eps=1e-5)
print(out.replace(str(home), ''))

# %%
code,out,_ = run('data', 'split', many, home/'parts', '--valid', '.2', '--test', '.2')
side = {f.name: f.parent.name for f in (home/'parts').rglob('*.*g')}
test_eq((code, len(side)), (0, len(ims) + 4))
test_eq([side[f'copy{i}x.jpg'] for i in (3, 30, 40)], [side[f'p{i}x.png'] for i in (3, 30, 40)])
test_eq(run('data', 'split', many, home/'parts2', '--valid', '.7', '--test', '.3')[0], 2)
test_eq(run('data', 'doctor', home/'none')[0], 3)
out.replace(str(home), '')


# %%
#| label: fig-doctor-sheets
#| fig-cap: "What the doctor leaves to be looked at: colors, copies, gray and tinted pictures of this set."
def show_files(files, height=3):
    "Pictures below each other, in thin frames"
    fig,axs = plt.subplots(len(files), 1, figsize=(9, height*len(files)), squeeze=False, layout='constrained')
    for ax,f in zip(axs[:,0], files):
        ax.imshow(Image.open(f).convert('RGB'))
        ax.set_title(f.name, fontsize=8)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color('lightgray')

show_files(sorted((home/'doctor').glob('*.png')), 2)

# %% [markdown]
# The first sheet of @fig-doctor-sheets has every color that the set contains, $a$ across and $b$ upward, the darker the more common; gray is in the middle, and the wide white is what this set cannot teach. Below it are the copies, in pairs. The gray picture counts as one of them, since its colored original is there. The three tinted pictures are none of old age but pieces of a night sky. The doctor reports what looks like a fault; whether it is one, a person sees on these sheets.

# %% [markdown]
# ## What we have
#
# - `colorbook data list`, `fetch` and `flower-splits`: sets in known layouts as lists that training reads;
# - `frames`, `build-db`, `pack` and `saliency`: pictures stored for training;
# - `doctor` and `split`: what is wrong with a set, and a division that nothing crosses.

# %% [markdown]
# ## Exercises
#
# 1. Run the doctor on pictures of your own before and after `split`. Which line of its table must be empty for `train=... test=...`?
# 2. Train with the doctor's prior and without. On which set does it make a difference that 40 batches are not enough to count?
# 3. Add a layout to `colorbook.data.named_sets.layouts` and list a set with it. Which lines of this chapter had to change?
