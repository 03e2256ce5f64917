# %% [markdown]
# # Folders of pictures
#
# > Which pictures of a folder are colored, under which names, and why the other files are not
#
# Nobody knows what is in a folder of photographs: scans with and without a suffix, photographs of telephones, raw files beside their JPEGs, notes, the small copies that a server hid in a folder of its own. So, before a pixel is touched, `plan` makes a list of pairs, a picture and its colored name, and `survey` says of every other file why it is left out. No photograph is ever written over, and none goes missing without a word.

# %%
#| default_exp imaging.folder

# %%
#| export
import glob, os, re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from colorbook.core import InputError, OutputError, UsageError
from colorbook.imaging.opening import RAW_SUFFIXES, is_heic
from colorbook.imaging.write import format_of

# %%
#| hide
import tempfile
from PIL import Image
from fastcore.test import *
from skimage import data

# %% [markdown]
# ## What a file is

# %% [markdown]
# The first bytes of a file say what it is, whatever its name. They are asked where the name says nothing, and again for the new name: a PNG with transparency that somebody called `.jpg` could not be written as a JPEG at all.

# %%
#| export
_suffixes = {f'.{s}' for s in 'jpg jpeg jpe jfif png apng tif tiff webp bmp dib gif jp2 j2k avif mpo pgm ppm pnm tga '
             'ico psd pcx sgi'.split()}
_heic = {'.heic', '.heif', '.hif'}
_films = {f'.{s}' for s in 'mp4 m4v mov mkv webm avi mpg mpeg ts m2ts wmv flv 3gp dv mts vob ogv'.split()}
_magic = [(b'\xff\xd8\xff', 'JPEG'), (b'\x89PNG\r\n', 'PNG'), (b'GIF8', 'GIF'), (b'II*\0', 'TIFF'), (b'MM\0*', 'TIFF'),
          (b'II+\0', 'TIFF'), (b'MM\0+', 'TIFF'), (b'\0\0\0\x0cjP  ', 'JPEG2000'), (b'\xff\x4f\xff\x51', 'JPEG2000'),
          (b'8BPS', 'PSD'), (b'BM', 'BMP'), (b'P5', 'PPM'), (b'P6', 'PPM')]
_suffix_of = {'JPEG':'.jpg', 'PNG':'.png', 'GIF':'.gif', 'TIFF':'.tif', 'WEBP':'.webp', 'AVIF':'.avif', 'HEIF':'.heic',
              'JPEG2000':'.jp2', 'BMP':'.bmp'}

def kind_of(
    path:str|os.PathLike, # a file
) -> str: # Pillow's name of a format, or ''
    "What the first bytes of a file say that it is"
    try:
        with open(path, 'rb') as f: head = f.read(32)
    except OSError: return ''
    if head[:4] == b'RIFF' and head[8:12] == b'WEBP': return 'WEBP'
    if head[4:12] in (b'ftypavif', b'ftypavis'): return 'AVIF'
    return 'HEIF' if is_heic(head) else next((k for m,k in _magic if head.startswith(m)), '')

# %%
#| export
def reason_against(
    path:Path, # a file in a folder
) -> str|None: # a sentence, or None for a picture
    "Why a file cannot be colored as it is"
    suffix = path.suffix.lower()
    if suffix in _suffixes: return None
    kind = kind_of(path)
    if suffix in _heic or kind == 'HEIF':
        return None if find_spec('pillow_heif') else "a HEIC picture; pip install 'colorbook[heif]' reads it"
    if suffix in RAW_SUFFIXES:
        return None if find_spec('rawpy') else "the raw file of a camera; pip install 'colorbook[raw]' reads it"
    if kind: return None
    return 'a film; see colorbook video' if suffix in _films else 'not a picture'

# %% [markdown]
# ## What is in a folder

# %% [markdown]
# A file stands for itself, a folder for all pictures below it, a pattern such as `'scans/**/*.png'` for what it matches, also where the shell did not expand it, and `-` for the standard input. Hidden folders, where servers and programs keep small copies, are not entered.

# %%
#| export
_hidden = {'@eaDir', '__MACOSX', '#recycle', '$RECYCLE.BIN', 'System Volume Information'}

def _below(folder:Path) -> list[Path]:
    "The files below a folder that are not hidden"
    found = []
    for top,dirs,files in os.walk(folder):
        dirs[:] = [o for o in dirs if not o.startswith('.') and o not in _hidden]
        found += [Path(top)/o for o in files if not o.startswith('.')]
    return sorted(found)

def survey(
    name:str, # a file, a folder, a pattern, or '-'
) -> tuple[list[Path],Path,list]: # pictures, the folder that they are relative to, and other files with the reason
    "What a word on the command line stands for"
    if not name.strip(): raise UsageError('a name is empty', "name a file or a folder; '.' is this one")
    path = Path(name)
    if name=='-' or path.is_file(): return [path], path.parent, []
    if path.is_dir(): files,root = _below(path),path
    elif not glob.has_magic(name): raise InputError(f"'{name}' does not exist", 'check the name')
    else:
        root = Path(*path.parts[:next(i for i,p in enumerate(path.parts) if glob.has_magic(p))])
        files = sorted(f for f in map(Path, glob.glob(name, recursive=True)) if f.is_file() and f.name[0] != '.'
            and not _hidden & {*f.relative_to(root).parts})
    reasons = {f: reason_against(f) for f in files}
    found = [f for f in files if not reasons[f]]
    if not found and not path.is_dir(): raise InputError(f"no picture matches '{name}'", 'check the pattern')
    return found, root, [(f, o) for f,o in reasons.items() if o]

def find_pictures(
    name:str, # a file, a folder, a pattern, or '-'
) -> tuple[list[Path],Path]: # the pictures, and the folder that they are relative to
    "The pictures that a word on the command line stands for"
    return survey(name)[:2]

# %% [markdown]
# ## The colored name

# %% [markdown]
# Without `-o`, `one.jpg` becomes `one-color.jpg` beside it. With it, a single file goes to the name that is given, and everything else into a folder of that name, in its own tree. A name whose suffix cannot be written, or is not what the file is, gets the suffix of what the file is, or `.png`.

# %%
#| export
def _writable(path:Path, src:Path) -> Path:
    "The same name if its suffix can be written and is what `src` is, else with another suffix"
    kind = '' if src.suffix.lower() in RAW_SUFFIXES else kind_of(src)
    try: fmt = {'MPO': 'JPEG'}.get(format_of(path), format_of(path))
    except OutputError: return path.with_suffix(_suffix_of.get(kind, '.png'))
    return path.with_suffix(_suffix_of[kind]) if kind in _suffix_of and kind != fmt else path

def _target(src:Path, root:Path, out:str|None, single:bool) -> Path:
    "The name of the colored picture; `single` if it is the only one, named as a file"
    if out is None and str(src)=='-': return Path('-')
    if out is None: return _writable(src.with_name(f'{src.stem}-color{src.suffix}'), src)
    if single and (out=='-' or not (Path(out).is_dir() or out.endswith(('/', os.sep)))):
        if out=='-' or Path(out).suffix: return Path(out)
    if str(src)=='-' or out=='-': raise UsageError(f"'-' is one picture, and '{out}' does not name one", 'name a file')
    return _writable(Path(out)/src.relative_to(root), src)

# %% [markdown]
# Three cases need care. The output folder may lie inside the input folder, and then a second run must not color what the first one made. The same holds for `one-color.jpg` where `one.jpg` is there too. And two inputs may want one name, or an input its own: that is an error before anything is written, never a lost photograph. Only where the suffix was changed by us, as with a raw file beside another of the same name, the old suffix stays in the new name.

# %%
#| export
def _is_output(src:Path, root:Path, made:set, out:str|None) -> bool:
    "Was `src` made by an earlier run?"
    if out not in (None, '-'):
        inside = lambda p: Path(out).resolve() in (p.resolve(), *p.resolve().parents)
        if inside(src) and not inside(root): return True
    return src in made or src.with_stem(re.sub(r'-\d+$', '', src.stem)) in made # a sheet, or one of its answers

def answers_of(
    dst:Path, # the sheet
    samples:int, # how many
) -> list[Path]:
    "Names of the answers whose sheet is `dst`"
    return [dst.with_stem(f'{dst.stem}-{i}') for i in range(1, samples + 1)]

def _no_clash(pairs:dict, samples:int=0):
    "`UsageError` where a picture would be lost"
    sources,seen = {s.resolve() for s in pairs if str(s)!='-'}, {}
    for src,dst in pairs.items():
        if str(dst)=='-': continue
        for o in (dst, *answers_of(dst, samples)):
            key = o.resolve()
            if key in sources: raise UsageError(f"'{o}' would be written over a picture to color", 'take another place')
            if key in seen: raise UsageError(f"'{seen[key]}' and '{src}' would both become '{o}'", 'name their folder')
            seen[key] = src

# %%
#| export
def _apart(pairs:dict) -> dict:
    "The same, with the old suffix kept in a changed name that another picture wants as well"
    wanted = Counter(map(str, pairs.values()))
    changed = lambda s,d: str(d) != '-' and s.suffix.lower() != d.suffix.lower() and wanted[str(d)] > 1
    return {s: d.with_name(d.stem + s.suffix + d.suffix) if changed(s, d) else d for s,d in pairs.items()}

def plan(
    inputs:list[str], # words from the command line
    out:str|None=None, # what -o says
    samples:int=0, # answers for each, besides the sheet
) -> list[tuple[Path,Path]]: # pictures and their colored names
    "What becomes what; `UsageError` if two want the same name"
    found = [find_pictures(o) for o in inputs]
    several = sum(Path(o).is_dir() for o in inputs) > 1
    all_src = {f for files,_ in found for f in files}
    single = len(inputs)==1 and (inputs[0]=='-' or Path(inputs[0]).is_file())
    if not single and Path(out or '-').suffix.lower() in _suffixes | _heic and not Path(out).is_dir():
        raise UsageError(f"'{out}' names one picture, and there are {len(all_src)}", 'name a folder')
    made = set()
    if any('-color' in f.stem for f in all_src): # what an earlier run made of these pictures is not colored again
        made = {*_apart({f: _target(f, f.parent, None, False) for f in all_src if str(f) != '-'}).values()}
    pairs = {}
    for files,root in found:
        for src in files:
            if not single and _is_output(src, root, made, out): continue
            dst = _target(src, root.parent if several and root.name else root, out, single)
            if pairs.setdefault(src, dst)!=dst: raise UsageError(f"'{src}' is named twice", 'name it once')
    if not single: pairs = _apart(pairs)
    _no_clash(pairs, samples)
    return list(pairs.items())

# %% [markdown]
# A folder with hidden copies, a picture without a suffix, one with a strange suffix, and one that is a PNG under the name `g.jpg`. The last becomes `g.png`; if there is a `g.png` as well, both get names of their own, as below.

# %%
top = Path(tempfile.mkdtemp())
for name in ('a.png', 'b/c.jpg', 'b/d.tif', '.thumbnails/e.png', '@eaDir/f.png', 'scan', 'old.xyz', 'g.jpg'):
    (top/name).parent.mkdir(exist_ok=True)
    fmt = {'b/d.tif': 'TIFF', 'b/c.jpg': 'JPEG', 'scan': 'JPEG'}.get(name, 'PNG')
    Image.fromarray(data.camera()[::4,::4]).save(top/name, fmt)
(top/'b/notes.txt').write_text('not a picture')
(top/'b/film.mp4').write_bytes(b'something')
names = lambda pairs, base: [(str(s.relative_to(top)), str(d.relative_to(base))) for s,d in pairs]
test_eq(names(plan([str(top/'a.png')]), top), [('a.png', 'a-color.png')])
test_eq(dict(names(plan([str(top)], str(top/'out')), top/'out')), {'a.png': 'a.png', 'b/c.jpg': 'b/c.jpg',
    'b/d.tif': 'b/d.tif', 'scan': 'scan.jpg', 'old.xyz': 'old.png', 'g.jpg': 'g.png'})
test_eq([(f.name, o) for f,o in survey(str(top))[2]], [('film.mp4', 'a film; see colorbook video'),
                                                       ('notes.txt', 'not a picture')])
test_eq(names(plan([str(top/'**/*.jpg')], str(top/'out')), top/'out'), [('b/c.jpg', 'b/c.jpg'), ('g.jpg', 'g.png')])
test_fail(lambda: plan([str(top/'b')], str(top/'b')), exc=UsageError, contains='written over')
test_fail(lambda: plan(['']), exc=UsageError, contains='empty')
test_fail(lambda: plan([str(top)], str(top/'x.png')), exc=UsageError, contains='name a folder')
(top/'g.png').write_bytes((top/'g.jpg').read_bytes())
sorted(d for _,d in names(plan([str(top)], str(top/'out')), top/'out') if d[0] == 'g')

# %% [markdown]
# ## What we have
#
# - `plan`, what becomes what, and `UsageError` where a photograph would be lost;
# - `survey`, which has a reason for every file that is left out.

# %% [markdown]
# ## Exercises
#
# 1. `kind_of` opens a file for its first bytes. What does that cost on a folder of ten thousand files?
# 2. A raw file often has a JPEG of the same name beside it. Color only one of the two: which, and how does the user say so?
