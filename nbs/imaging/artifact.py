# %% [markdown]
# # Model files
#
# > A network in one file that says what it is, found by its name or by its path
#
# A network that can be used is one file: an ONNX graph with a *card* inside that says what it was trained on, what it expects and how good it is. Such files can be given names, so that `colorize(photo, 'portraits')` finds what `colorbook models add` has put away. And they are checked: a file that is broken, cut off or not a colorizer at all is refused with a sentence that says which of these it is. NumPy and onnxruntime are enough, there is no torch.

# %%
#| default_exp imaging.artifact

# %%
#| export
import json, os, re
from copy import deepcopy
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
import numpy as np
from colorbook.core import InputError, UsageError, atomic_path, core_count

# %%
#| hide
import shutil, tempfile
from fastcore.test import *

# %% [markdown]
# ## Names

# %% [markdown]
# The package carries three models: `default` for photographs, `film` for films, and `infrared` for pictures of a camera that sees [near infrared](../results/infrared.ipynb). Others live in a folder of the user, one file each, and are called as their file is, without the suffix. A model can be given by its name or by its path; a `Path` is always a path. Where no model is given at all, it is the package's, or the one that the variable `COLORBOOK_MODEL` names.

# %%
#| export
PACKAGED = dict(default='default.onnx', film='film.onnx', infrared='infrared.onnx')

def model_folder() -> Path: # need not exist
    "Where a user's models are: `COLORBOOK_MODELS`, or a folder for the data of programs"
    if home := os.environ.get('COLORBOOK_MODELS'): return Path(home)
    return Path(os.environ.get('XDG_DATA_HOME') or Path.home()/'.local/share')/'colorbook/models'

def list_models() -> dict: # paths by names, those of the package first
    "All models that have a name"
    own = sorted(model_folder().glob('*.onnx')) if model_folder().is_dir() else []
    return {k: Path(str(files('colorbook')/v)) for k,v in PACKAGED.items()} | {o.stem: o for o in own
        if o.stem not in PACKAGED and not o.name.startswith('.')}

# %%
#| export
def default_model() -> Path: # an .onnx file
    "The artifact that the package carries, or the one that COLORBOOK_MODEL names"
    return Path(os.environ.get('COLORBOOK_MODEL') or files('colorbook')/'default.onnx')

def find_model(
    model:str|os.PathLike|None=None, # a name, an .onnx file, or None for `default_model`
) -> Path: # an .onnx file, which exists
    "Where a model is; `InputError` if it is nowhere"
    if model is None: model = os.environ.get('COLORBOOK_MODEL') or default_model()
    word = str(model) if isinstance(model, str) and not re.search(r'[/\\]|\.onnx$', model) else None
    path = list_models().get(word) if word else None
    path = path or Path(model)
    if path.is_file(): return path
    if word is None: raise InputError(f"model '{path}' does not exist", 'check the name')
    raise InputError(f"there is no model '{word}'", f"take {', '.join(list_models())}, or name an .onnx file")

# %% [markdown]
# ## Opening

# %% [markdown]
# A file without a card, or with one from the future, is refused. The session asks onnxruntime for reproducible kernels, and for threads that sleep when they have nothing to do, because the painting wants the cores next. A file is opened once, whoever asks, and its card is read from the same session; a model for films has a card too.

# %%
#| export
def _open_session(path:Path):
    "An onnxruntime session; `InputError` if the file is none"
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.use_deterministic_compute,options.log_severity_level = True,4
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    if core_count() < (os.cpu_count() or 1): options.intra_op_num_threads = core_count()
    try: return ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
    except Exception as e:
        raise InputError(f"'{path}' cannot be loaded as a model", 'give an .onnx file that colorbook exported') from e

# %%
#| export
@lru_cache(maxsize=4)
def _opened(path:Path, changed:int) -> tuple:
    "Session and card of an artifact; `InputError` if it has no card that we can read"
    session = _open_session(path)
    try: card = json.loads(session.get_modelmeta().custom_metadata_map['colorbook'])
    except (KeyError, ValueError) as e:
        raise InputError(f"'{path}' is a model without a colorbook card", 'give one of `colorbook export`') from e
    if not isinstance(card, dict) or card.get('format') != 1:
        what = card.get('format') if isinstance(card, dict) else type(card).__name__
        raise InputError(f"'{path}' has a card of format {what}", 'update colorbook: this one reads format 1')
    given = {o.name for o in session.get_inputs()}
    video = card.get('kind') == 'video'
    known = all(isinstance(card.get(k), int) and card[k] > 0 for k in ('size', 'multiple'))
    known = known and card.get('channels', 1) in (1, 3)
    wanted = {'L', 'z'} if card.get('noise') else {'L'}
    if not known or 'L' not in given or not video and given != wanted:
        raise InputError(f"'{path}' has a card that does not fit its network", 'export it again')
    return session,card

def open_model(
    model:str|os.PathLike|None=None, # see `find_model`
) -> tuple: # onnxruntime's session, and the card
    "An artifact for pictures or films, opened once for each file and date of change; `InputError` if it is none"
    path = find_model(model)
    return _opened(path, path.stat().st_mtime_ns)

# %%
#| export
def card(
    model=None, # a name, an .onnx file for pictures or for films, a loaded model, or None for the one in the package
) -> dict: # plain values
    "The card of an artifact: where it comes from and how good it is; `InputError` if the file has none"
    return deepcopy(model.card if hasattr(model, 'card') else open_model(model)[1])

# %% [markdown]
# Some of what the card of the model in the package says. A file that is no model, one that is cut off, one that is not there and a name that nobody knows are errors.

# %%
test_eq(card()['format'], 1)
test_eq((card('default'), find_model('default')), (card(), default_model()))
test_eq(card('film')['kind'], 'video')
assert open_model()[0] is open_model('default')[0]
home = Path(tempfile.mkdtemp())
os.environ['COLORBOOK_MODELS'] = str(home/'models')
(home/'bad.onnx').write_bytes(b'not a model')
(home/'cut.onnx').write_bytes(default_model().read_bytes()[:100_000])
for o in ('bad', 'cut'): test_fail(lambda: open_model(home/f'{o}.onnx'), exc=InputError, contains='cannot be loaded')
test_fail(lambda: open_model(home/'none.onnx'), exc=InputError, contains='does not exist')
test_fail(lambda: open_model('nobody'), exc=InputError, contains="no model 'nobody'; take default, film, infrared")
{k: v for k,v in card().items() if k in ('name', 'version', 'gray', 'size', 'multiple')}

# %% [markdown]
# ## Does it work?

# %% [markdown]
# A file may open and still be of no use. So the check gives the network a small gray ramp, and looks at what comes back: two channels, a quarter of the size, numbers that are numbers. A file that `add_model` has put away has its hash beside it, in the form that `sha256sum -c` reads, and the check compares the two.

# %%
#| export
def model_hash(
    model=None, # see `find_model`
) -> str: # 64 hexadecimal digits
    "The hash of a model's file"
    return sha256(find_model(model).read_bytes()).hexdigest()

def check_model(
    model=None, # see `find_model`
) -> dict: # its card
    "Open a model and let it color a ramp; `InputError` that says what is wrong with it"
    path = find_model(model)
    note = path.with_suffix('.onnx.sha256')
    if note.is_file() and note.read_text().split()[:1] != [model_hash(path)]:
        raise InputError(f"'{path}' is not the file that was added", 'add it again')
    session,about = open_model(path)
    if about.get('kind') == 'video': return card(path)
    side = -(-64//about['multiple'])*about['multiple']
    ramp = np.linspace(0, 1, side*side, dtype=np.float32).reshape(1, 1, side, side)
    given = dict(L=ramp.repeat(about.get('channels', 1), 1))
    if about.get('noise'): given['z'] = np.zeros((1, about['noise']), np.float32)
    try: ab = session.run(None, given)[0]
    except Exception as e: raise InputError(f"'{path}' fails at {side}x{side} pixels", 'export it again') from e
    if ab.ndim != 4 or ab.shape[:2] != (1, 2): raise InputError(f"'{path}' answers with {ab.shape}", 'export it again')
    if not np.isfinite(ab).all(): raise InputError(f"'{path}' answers with nan or infinity", 'train it again')
    return card(path)

# %%
#| export
def add_model(
    source:str|os.PathLike, # an .onnx file
    name:str|None=None, # what to call it; None for the name of the file
    overwrite:bool=False, # take the place of a model of that name
) -> Path: # where it is now
    "Check a model and put it away under a name; `UsageError` if the name is taken"
    source,name = Path(source),name or Path(source).stem
    if not re.fullmatch(r'[A-Za-z0-9][\w.+-]*', name) or name.endswith('.onnx'):
        raise UsageError(f"'{name}' is no name for a model", 'take letters, digits, - and _')
    if name in PACKAGED: raise UsageError(f"'{name}' is the package's own model", 'take another name')
    path = model_folder()/f'{name}.onnx'
    if path.exists() and not overwrite: raise UsageError(f"there is a model '{name}'", 'rename it, or overwrite')
    check_model(source)
    content = source.read_bytes()
    with atomic_path(path) as f: f.write_bytes(content)
    note = f'{sha256(content).hexdigest()}  {path.name}\n'
    with atomic_path(path.with_suffix('.onnx.sha256')) as f: f.write_text(note)
    return path

# %% [markdown]
# A copy of the default is added under another name, and found. Then one of its bytes changes, and the check notices.

# %%
shutil.copy(default_model(), home/'mine.onnx')
put = add_model(home/'mine.onnx', 'portraits')
test_eq((find_model('portraits'), [*list_models()]), (put, ['default', 'film', 'infrared', 'portraits']))
test_eq(check_model('portraits'), card())
test_fail(lambda: add_model(home/'mine.onnx', 'portraits'), exc=UsageError, contains='is a model')
test_fail(lambda: add_model(home/'mine.onnx', 'default'), exc=UsageError, contains='package')
test_fail(lambda: add_model(home/'mine.onnx', '../mine'), exc=UsageError, contains='no name')
test_fail(lambda: add_model(home/'bad.onnx'), exc=InputError, contains='cannot be loaded')
test_eq([*list_models()], ['default', 'film', 'infrared', 'portraits'])
content = bytearray(put.read_bytes())
content[len(content)//2] ^= 1
put.write_bytes(content)
test_fail(lambda: check_model('portraits'), exc=InputError, contains='not the file that was added')
test_eq(add_model(home/'mine.onnx', 'portraits', overwrite=True), put)
test_eq(model_hash('portraits'), model_hash())
model_hash()[:12]

# %% [markdown]
# ## What we have
#
# - models by name or by path, and `open_model`, which opens a file once and refuses what is no colorizer;
# - `card`, what a model says of itself;
# - `check_model` and `add_model`: a model is put away only if it works, and found to be changed if it was.

# %% [markdown]
# ## Exercises
#
# 1. A model can lie: write a card with other metrics into a copy of the default with the package `onnx`. What would it take to notice?
# 2. Let `add_model` take an address instead of a file. What has to be checked before the file is opened?
