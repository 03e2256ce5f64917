# %% [markdown]
# # Frames of films, for training
#
# > Numbered pictures of a video, and triplets that no cut divides
#
# S1 and S2 learned from films. S1 wants folders of numbered frames and shows its generator three of them at a time; S2 takes one frame a second, without the titles and without the black ones. `extract_frames` makes such folders of any video, by either's rules. Two things are new. No shot stands on both sides of the split between training and validation, since neighboring frames are nearly the same picture. And a frame's neighbors end where its shot ends, so the network never learns from a frame across a cut.

# %%
#| default_exp data.frames

# %% tags=["parameters"]
width,height = 192,108

# %%
#| export
import csv, json, math
from pathlib import Path
from PIL import Image
from colorbook.core import InputError, OutputError, UsageError, with_progress, atomic_path
from colorbook.data.photos import read_photo
from colorbook.video.read import read_frames, video_length
from colorbook.video.sequences import frame_files
from colorbook.video.shots import is_black, mark_shots

# %%
#| hide
import tempfile, numpy as np, torch
from itertools import pairwise
from fastcore.test import *
from colorbook.data.photos import sample_photos
from colorbook.video.read import write_clip
from colorbook.data.synthetic import travel
from colorbook.color.lab import show_row

# %% [markdown]
# ## Folders of frames

# %% [markdown]
# S1 wants two folders: `train/` with `00000.png` and so on, `val/` with numbers from 10000. Which frames go where matters more than their names. A random split would examine the network on pictures that it has nearly seen; we give the last part of the film to `val/`, beginning with a new shot. Beside the folders lies `frames.csv`: for each picture its place and time in the video, and its shot. Cuts are looked for among all frames, even where only one a second is kept: pictures a second apart differ so much that each would look like a new shot.

# %%
#| export
CAPTURE_RULES = dict(per_second=1, skip_start=75., skip_end=60., drop_black=5, crop=(4, 3)) # S2's for a television show

def thin_out(
    marked, # pairs of `Frame` and shot
    every:int=1, # keep every so many-th
    per_second:float|None=None, # or so many a second, by their times
): # yields some of the pairs
    "Thin out a video, by count or by time"
    last,zero = -1,None
    for i,(f,shot) in enumerate(marked):
        zero = f.time if zero is None else zero
        tick = i//every if per_second is None else math.floor((f.time - zero)*per_second + 1e-6)
        if tick > last: yield f,shot
        last = max(tick, last)

# %%
#| export
def center_crop(
    im:Image.Image,
    shape:tuple, # width and height in any unit, as (4, 3)
) -> Image.Image: # the largest part of that shape around the center
    "Cut off what is too wide or too high"
    w,h = im.size
    tw,th = min(w, round(h*shape[0]/shape[1])),min(h, round(w*shape[1]/shape[0]))
    x,y = (w - tw)//2,(h - th)//2
    return im.crop((x, y, x + tw, y + th))

# %% [markdown]
# A film is long and machines are switched off, so the work can be continued. Each picture is written whole or not at all; a note of video and settings is written first and the table last. A folder with a note and without a table is unfinished and is continued; with a table it is done; and with the note of another video or of other settings it is refused, before anything is mixed.

# %%
#| export
FRAME_FIELDS = ('folder', 'number', 'frame', 'time', 'shot')

def read_table(
    out:str|Path, # folder with `frames.csv`
) -> list: # a dictionary for each picture: its folder and number, frame and time in the video, and shot
    "What `extract_frames` wrote"
    try:
        with open(Path(out)/'frames.csv', newline='') as f: rows = list(csv.DictReader(f))
        kinds = dict(folder=str, time=float)
        return [{k: kinds.get(k, int)(o[k]) for k in FRAME_FIELDS} for o in rows]
    except (OSError, KeyError, TypeError, ValueError) as e:
        raise InputError(f"cannot read '{Path(out)/'frames.csv'}': {e!r}", 'extract the frames again') from e

# %%
#| export
def note_plan(
    out:Path, # a folder, perhaps not there yet
    plan:dict, # video and settings
) -> bool: # is the work already done?
    "Note in the folder what is going to be in it, or see that it is the same"
    plan,note = json.loads(json.dumps(plan)),out/'frames.json'
    there = json.loads(note.read_text())['plan'] if note.exists() else None
    if there is None and any(next((out/o).glob('*'), None) for o in ('train', 'val')) or there not in (None, plan):
        raise OutputError(f"'{out}' holds frames of another video or other settings", 'choose an empty folder')
    if there is None:
        with atomic_path(note) as tmp: tmp.write_text(json.dumps(dict(plan=plan)))
    return (out/'frames.csv').exists()

# %%
#| export
def number_frames(
    picked, # pairs of `Frame` and shot
    split:float, # seconds from which a new shot begins the validation part
    drop_black:int|None=None, # leave out frames in which no value reaches this
    counts:dict|None=None, # `black` counts what is left out
): # yields pairs of `Frame` and row of the table
    "Give each picture its folder and number"
    folder,number,last = 'train',0,None
    for f,shot in picked:
        if shot != last and f.time >= split and folder == 'train': folder,number = 'val',10000
        last = shot
        if drop_black and is_black(f.im, drop_black): counts['black'] += 1
        else:
            yield f,dict(zip(FRAME_FIELDS, (folder, number, f.number, round(f.time, 6), shot)))
            number += 1

# %%
#| export
def save_frame(
    im:Image.Image,
    path:Path, # left as it is if it is there
    crop:tuple|None, # shape of the part to keep, as (4, 3)
    size:tuple|None, # width and height to resize to
):
    "Write one picture, whole or not at all"
    if path.exists(): return
    im = center_crop(im, crop) if crop else im
    im = im.resize(size, Image.Resampling.LANCZOS) if size else im
    with atomic_path(path) as tmp: im.save(tmp, compress_level=1)

# %%
#| export
def write_table(
    out:Path,
    rows:list, # of the table
    left:dict, # what was left out
):
    "Write the note in full, clear away what a killed run left, and write the table"
    note = json.loads((out/'frames.json').read_text())
    with atomic_path(out/'frames.json') as tmp: tmp.write_text(json.dumps(dict(note, left_out=left), indent=1))
    for o in out.glob('*/.*.tmp.png'): o.unlink()
    with atomic_path(out/'frames.csv') as tmp, open(tmp, 'w', newline='') as f:
        table = csv.DictWriter(f, FRAME_FIELDS)
        table.writeheader()
        table.writerows(rows)

# %%
#| export
def extract_frames(
    video:str|Path,
    out:str|Path, # folder for `train/`, `val/` and `frames.csv`
    every:int=1, # keep every so many-th frame
    per_second:float|None=None, # or so many a second, by their times
    skip_start:float=0., # seconds to leave out at the beginning
    skip_end:float=0., # and at the end
    drop_black:int|None=None, # leave out frames in which no value reaches this, as 5
    crop:tuple|None=None, # keep the middle of this shape, as (4, 3)
    size:int|tuple|None=None, # width and height to resize to; one number is a square, as S1 wants it
    valid:float=.1, # share of the time at the end, from the first new shot in it, that goes to `val/`
    skip_bad:bool=False, # leave out what is damaged and note it in `frames.json`; otherwise it is an error
) -> list: # the table, see `read_table`
    "Numbered pictures of a video, as S1 and S2 make them; can be interrupted and called again"
    out,video,bad = Path(out),Path(video),[] if skip_bad else None
    size = (size, size) if isinstance(size, int) else size
    stop = video_length(video, bad) - skip_end
    if every < 1 or (per_second or 1) <= 0 or not 0 <= valid <= 1 or stop <= skip_start:
        raise UsageError(f"no frame of '{video}' is left ({stop + skip_end:.1f} s)", 'skip less, and step forward')
    plan = dict(video=video.name, bytes=video.stat().st_size, every=every, per_second=per_second, crop=crop, size=size,
        skip_start=skip_start, skip_end=skip_end, drop_black=drop_black, valid=valid, skip_bad=skip_bad)
    if note_plan(out, plan): return read_table(out)
    marked = mark_shots(read_frames(video, skip_start, stop if skip_end else math.inf, bad))
    rows,left = [],dict(black=0)
    placed = number_frames(thin_out(marked, every, per_second), stop - valid*(stop - skip_start), drop_black, left)
    for f,row in with_progress(placed, video.name):
        save_frame(f.im, out/row['folder']/f"{row['number']:05}.png", crop, size)
        rows.append(row)
    if not rows: raise InputError(f"every frame of '{video}' is black", 'keep black frames, or take another video')
    write_table(out, rows, dict(left, damaged=sorted(set(bad or []))))
    return rows

# %% [markdown]
# A clip of twelve shots becomes two folders; the last shots go to `val/`. Then we take away the table and half of the pictures, as if the work had been interrupted, and call it again: the same bytes come back.

# %%
photos,home = sample_photos(),Path(tempfile.mkdtemp())
lens = [14, 9, 3, 20, 12, 11]*2
ims = [im for o,n in zip(photos*2, lens) for im in travel(o, n, (width, height), (0, .3), (n/20, .5))]
whole,films = write_clip(ims, home/'whole.mp4', crf=12),home/'films'
code = whole.read_bytes()
(home/'half.mp4').write_bytes(code[:len(code)//2])
rows = extract_frames(whole, films/'a', size=64, valid=.3)
have = {o.relative_to(films/'a').as_posix(): o.read_bytes() for o in (films/'a').rglob('*.png')}
test_eq([o['shot'] for o in rows], np.repeat(range(12), lens).tolist())
test_eq(sorted(have), sorted(f"{o['folder']}/{o['number']:05}.png" for o in rows))
val = [o for o in rows if o['folder'] == 'val']
test_eq([o['number'] for o in val], range(10000, 10000 + len(val)))
assert not {o['shot'] for o in val} & {o['shot'] for o in rows if o['folder'] == 'train'}
test_eq(val[0]['frame'], sum(lens[:10]))
test_eq(Image.open(films/'a/val/10000.png').size, (64, 64))
for name in ['frames.csv', *list(have)[::2]]: (films/'a'/name).unlink()
test_eq(extract_frames(whole, films/'a', size=64, valid=.3), rows)
test_eq(read_table(films/'a'), rows)
test_eq({k: (films/'a'/k).read_bytes() for k in have}, have)
test_fail(lambda: extract_frames(whole, films/'a', size=32, valid=.3), exc=OutputError, contains='other settings')
val[0]

# %% [markdown]
# S2's rules, on 150 seconds with a black frame in the middle: the first 75 seconds are left out for the titles and the last 60, the black frame is counted, and one picture a second in 4:3 is kept.

# %%
show = list(travel(photos[1], 150, (64, 36), (0, .2), (1, .8), .3)) + list(travel(photos[4], 150, (64, 36), part=.3))
show[160] = Image.new('RGB', (64, 36))
show = write_clip(show, home/'show.mp4', rate=2)
ruled = extract_frames(show, films/'b', **CAPTURE_RULES)
test_eq([o['time'] for o in ruled], [o for o in range(75, 90) if o != 80])
test_eq({Image.open(o).size for o in (films/'b').rglob('*.png')}, {(48, 36)})
left = json.loads((films/'b/frames.json').read_text())['left_out']
test_eq(left, dict(black=1, damaged=[]))
test_eq([o['frame'] for o in extract_frames(show, films/'c', every=100, valid=0)], [0, 100, 200])
test_fail(lambda: extract_frames(home/'half.mp4', films/'e'), exc=InputError, contains='breaks off')
some = extract_frames(home/'half.mp4', films/'e', skip_bad=True)
assert len(ims)/4 < len(some) < len(ims)
half = json.loads((films/'e/frames.json').read_text())['left_out']
left,[o.replace(f'{home}/', '') for o in half['damaged']]

# %% [markdown]
# ## Triplets

# %% [markdown]
# S1 shows its generator three frames, the one to be colored between its neighbors. The first and the last frame of a film lack a neighbor; there the frame itself is taken instead. S1 takes neighbors by number alone, so about one frame in forty of a film learns from a foreign shot on one side. Here every shot is treated as a film of its own: at its ends frames repeat. The shots come from `frames.csv`; folders from elsewhere, without a table, are searched for cuts. A number that is missing is an error or, with `skip_bad`, the end of a shot.

# %%
#| export
def triplets(
    shots, # the shot of each frame, in order: anything that can be compared
) -> list: # for each frame the indices (previous, now, next)
    "Neighbors within a shot; the ends of a shot stand in for those they lack"
    def near(i, j): return j if 0 <= j < len(shots) and shots[j] == shots[i] else i
    return [(near(i, i - 1), i, near(i, i + 1)) for i in range(len(shots))]

# %%
#| export
def frame_shots(
    folder:str|Path, # of numbered pictures, as `train/`, perhaps with `frames.csv` beside it
    skip_bad:bool=False, # let a shot end where a number is missing; otherwise it is an error
) -> tuple[list,list]: # the files in order, and the shot of each
    "Frames of a folder and the shots they belong to"
    folder = Path(folder)
    files,table = frame_files(folder),folder.parent/'frames.csv'
    rows = read_table(folder.parent) if table.exists() else []
    known = {o['number']: o['shot'] for o in rows if o['folder'] == folder.name}
    lost = sorted({*(known or range(min(files), max(files) + 1))} - set(files))
    if lost and not skip_bad:
        raise InputError(f"frame {lost[0]:05} is missing in '{folder}' ({len(lost)} in all)", 'copy it, or skip it')
    marked = [o[1] for o in mark_shots(read_photo(o) for o in files.values())] if not known else map(known.get, files)
    return list(files.values()),[(shot, number - i) for i,(number,shot) in enumerate(zip(files, marked))]

# %%
shots_a = frame_shots(films/'a/val')[1]
test_eq(triplets('aaab'), [(0, 0, 1), (0, 1, 2), (1, 2, 2), (3, 3, 3)])
test_eq(triplets([0]*5), [(max(i - 1, 0), i, min(i + 1, 4)) for i in range(5)])
for o in triplets(shots_a): test_eq(len({shots_a[i] for i in o}), 1)
test_eq(sum(len(set(o)) < 3 for o in triplets(shots_a)), 2*len(set(shots_a)))
(films/'a/frames.csv').rename(films/'a/away.csv')
assert triplets(frame_shots(films/'a/val')[1]) == triplets(shots_a)
(films/'a/val/10005.png').rename(films/'lost.png')
test_fail(lambda: frame_shots(films/'a/val'), exc=InputError, contains='10005 is missing')
gap = frame_shots(films/'a/val', skip_bad=True)
test_eq(triplets(gap[1])[4:6], [(3, 4, 4), (5, 5, 6)])
(films/'lost.png').rename(films/'a/val/10005.png'), (films/'a/away.csv').rename(films/'a/frames.csv')
test_fail(lambda: frame_shots(films), exc=InputError, contains='no pictures')
len(shots_a)

# %% [markdown]
# The four columns of @fig-triplets are frames around a cut; each column has the frame before, the frame itself and the frame after. In the second column the last picture repeats, in the third the first one does: neither looks across the cut. [Films to learn from](clips.ipynb) makes batches of such triplets.

# %%
#| label: fig-triplets
#| fig-cap: "Triplets around a cut, one a column: the frame before, the frame itself, the frame after."
files,shots = frame_shots(films/'a/val')
def column(triplet):
    "Gray frames, one above the other"
    return torch.cat([torch.from_numpy(np.array(read_photo(files[j]).convert('L')))[None]/255 for j in triplet], 1)
near = triplets(shots)
cut = next(i for i,(a,b) in enumerate(pairwise(shots)) if a != b) + 1
test_eq((near[cut - 1][2], near[cut][0]), (cut - 1, cut))
show_row([column(near[i]) for i in range(cut - 2, cut + 2)])

# %% [markdown]
# ## What we have
#
# - numbered folders of any video by the rules of S1 and S2, that can be interrupted, with a table of times and shots;
# - triplets that end where a shot ends, from our folders and from those of others.

# %% [markdown]
# ## Exercises
#
# 1. Keep one frame a second and look for cuts among these only. How many of the three thoughts of the [detector of cuts](../video/shots.ipynb) still work?
# 2. S2's rules drop frames in which no value reaches 5. How would you drop the titles as well, white letters on black, and keep a night sky?
# 3. A loader that reads triplets from files decodes every frame three times. Keep the last few decoded pictures; what happens to that when the loader shuffles?
