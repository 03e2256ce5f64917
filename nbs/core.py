# %% [markdown]
# # Errors, whole files and threads
#
# > Errors that say what to do, files that are either whole or absent, and work that goes on in threads
#
# This part explains the modules that the other parts only use, one chapter each, and is for those who want to change them; [the architecture](../architecture.qmd) shows how they hang together. It begins with what all of them share. When a program that colors photographs goes wrong, its user should be told what was wrong, in which file, and what to do about it; and no crash should leave half a file behind. So there is a family of exceptions, and a way to write a file beside its final name and rename it when it is whole. A few helpers that keep several cores busy come after them. Nothing here needs more than Python's standard library, because the part of colorbook that only colors pictures must install in seconds.

# %%
#| default_exp core

# %%
#| export
import ctypes, errno, inspect, io, os, secrets, sys, threading, tokenize
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from fnmatch import fnmatchcase as fnmatch
from importlib import import_module
from inspect import signature
from pathlib import Path
from queue import Full, Queue
from textwrap import dedent

# %%
#| hide
from fastcore.test import *

# %% [markdown]
# ## One family of errors

# %% [markdown]
# A traceback tells a programmer where the code was; it tells someone with a folder of old photographs nothing. A `ColorbookError` carries one sentence on what is wrong and one on the remedy, and the command line prints the two and ends with the class's exit code: 2 for wrong usage, 3 for input that cannot be used, 4 for output that cannot be written, 5 for training that diverged.

# %%
#| export
class ColorbookError(Exception):
    "What was wrong, and what to do about it: the base of every error that colorbook raises on purpose"
    exit_code = 1
    def __init__(self,
        what:str, # what was wrong, with the file's name where there is one
        remedy:str='', # what the user can do about it
    ):
        super().__init__(what, remedy)
        self.what,self.remedy = what,remedy
    def __str__(self): return f'{self.what}; {self.remedy}' if self.remedy else self.what

# %%
#| export
class UsageError(ColorbookError):
    "Options that do not exist or do not fit together"
    exit_code = 2

# %%
#| export
class InputError(ColorbookError):
    "A file or a value that cannot be used as it is"
    exit_code = 3

# %%
#| export
class OutputError(ColorbookError):
    "A result that cannot be written"
    exit_code = 4

# %%
#| export
class TrainingError(ColorbookError):
    "Training that diverged or cannot be resumed"
    exit_code = 5

# %%
err = InputError("'cat.jpg' is empty", 'copy it again from the camera')
test_eq(isinstance(err, ColorbookError), True)
test_eq([e.exit_code for e in (UsageError, InputError, OutputError, TrainingError)], [2, 3, 4, 5])
str(err)

# %% [markdown]
# ## Whole files or none

# %% [markdown]
# `os.replace` is atomic inside one file system: a program that reads the final name sees the old file or the new one, never a mixture. So `atomic_path` hands out a temporary name in the same folder, and renames it only when the block ends well. The name has random letters, so that neither two processes nor two threads share one, and keeps the suffix, because Pillow and FFmpeg choose the format by it. A power cut needs more care than a crash: the system may write the new name to the disk before the content. So the content is sent to the disk first (`fsync`), then the file is renamed, then the folder is sent after it.
#
# Two kinds of failure are told apart. A full disk, or a temporary file that cannot be opened, is an `OutputError`. But a block also reads, and an error of reading is not one of writing: it passes through as it is.

# %%
#| export
_no_room = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}

@contextmanager
def _writing(path, tmp=None):
    "What goes wrong is an `OutputError` about `path`; with `tmp`, only what concerns that file or the room on the disk"
    try: yield
    except OSError as e:
        if tmp and e.errno not in _no_room and os.fsdecode(e.filename or '') != str(tmp): raise
        raise OutputError(f"cannot write '{path}': {e.strerror or e}", 'choose another place or make room') from e

def _to_disk(path, flags):
    "Wait until a file or a folder is on the disk"
    fd = os.open(path, flags)
    try: os.fsync(fd)
    finally: os.close(fd)

# %%
#| export
@contextmanager
def atomic_path(
    path:str|os.PathLike, # the final name of a file; its folder is made if it is missing
):
    "A temporary file in the same folder, renamed to `path` if the block succeeds and removed if it does not"
    path = Path(path)
    tmp = path.with_name(f'.{path.stem[:40]}.{secrets.token_hex(6)}.tmp{path.suffix}')
    try:
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(tmp, os.O_CREAT|os.O_EXCL, 0o666))
        with _writing(path, tmp): yield tmp
        with _writing(path):
            _to_disk(tmp, os.O_RDWR)
            os.replace(tmp, path)
        with suppress(OSError): _to_disk(path.parent, os.O_RDONLY) # not every system opens folders
    finally:
        with suppress(OSError): tmp.unlink()

# %% [markdown]
# Below a block fails halfway. The earlier file is as it was, and nothing lies beside it.

# %%
import tempfile
folder = Path(tempfile.mkdtemp())
with atomic_path(folder/'a.txt') as f: f.write_text('first')
def broken():
    with atomic_path(folder/'a.txt') as f:
        f.write_text('half')
        raise ValueError('power cut')
test_fail(broken, contains='power cut')
test_eq([o.name for o in folder.iterdir()], ['a.txt'])
(folder/'a.txt').read_text()

# %% [markdown]
# A place that cannot be written is an `OutputError` with the name of the file in it.

# %%
def into_a_file():
    with atomic_path(folder/'a.txt'/'b.txt') as f: f.write_text('')
test_fail(into_a_file, exc=OutputError, contains='b.txt')
test_eq([o.name for o in folder.iterdir()], ['a.txt'])

# %% [markdown]
# ## Long work

# %% [markdown]
# Long work should show how long it takes. The bar goes to the standard error, so that pipes stay clean, and only to a terminal with a person before it: the log of a machine is not filled with it, and where nobody looks the library behind it is not even loaded.

# %%
#| export
def with_progress(
    items, # what is worked through
    what:str, # what is done to it, one word
    n:int|None=None, # how many there are, where `items` does not know
): # the items
    "The items, with a progress bar on the standard error if a person is looking"
    if not sys.stderr.isatty(): return items
    from rich.console import Console
    from rich.progress import track
    return track(items, what, total=n, console=Console(stderr=True), transient=True)

# %%
test_eq(list(with_progress(range(3), 'counting')), [0, 1, 2])
test_eq(list(with_progress(iter('abc'), 'spelling', 3)), ['a', 'b', 'c'])

# %% [markdown]
# ## Several things at once

# %% [markdown]
# Decoders, encoders and arithmetic let go of Python's interpreter while they work, so threads can use all cores. There are as many cores as this process may run on, which can be fewer than the machine has. `map_ahead` computes a function for many items; the results come in the order of the items, whichever is ready first. Each thread has only a few items under way at a time; without that limit a fast disk would fill the memory with items that no thread has got to yet. If the iterator of the items raises an error, the results of the items before it come first.

# %%
#| export
def core_count() -> int:
    "Cores that this process may use"
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1

# %%
#| export
def map_ahead(
    f, # function of one item
    items, # iterable
    workers:int|None=None, # threads; None for as many as there are cores
    each:int=8, # at most so many items a thread are under way
): # yields results in the order of `items`
    "Results of `f`, computed by threads a little ahead of the reader"
    workers = workers or core_count()
    pool,under_way = ThreadPoolExecutor(workers),deque()
    try:
        for o in items:
            under_way.append(pool.submit(f, o))
            if len(under_way) >= workers*each: yield under_way.popleft().result()
        while under_way: yield under_way.popleft().result()
    finally: pool.shutdown(cancel_futures=True)

# %% [markdown]
# Below, the function takes longer for some items than for others, and the results still come in order. Then the items have no end, and the reader stops after five: the two numbers are how many items were begun and how many were drawn.

# %%
import itertools, time
def slow(i):
    time.sleep(.002*(i%3))
    begun.append(i)
    return i**2
begun,drawn = [],[]
test_eq(list(map_ahead(slow, range(60), workers=5, each=2)), [i**2 for i in range(60)])
begun.clear()
endless = map_ahead(slow, (drawn.append(i) or i for i in itertools.count()), workers=2, each=50)
test_eq([next(endless) for _ in range(5)], [0, 1, 4, 9, 16])
endless.close()
assert len(drawn) <= 5 + 2*50 and len(begun) < len(drawn) - 10
len(begun),len(drawn)

# %% [markdown]
# `prefetch` is for work in steps: it runs a generator in a thread of its own and keeps a few of its items ready, so that the next frame of a film is decoded while this one is painted. Order stays, an error is raised in the thread that takes the items, and when that one stops taking, the generator is closed. In one case it cannot be closed: while it waits for a pipe into which nobody writes. Then we give up waiting for it after `patience` seconds; the thread ends with the program.

# %%
#| export
def prefetch(
    items, # a generator
    n:int=4, # how many may wait
    patience:float=5, # seconds that the generator gets to end when nobody takes any more
): # yields the same
    "Run a generator in a thread of its own, a few items ahead"
    q,done = Queue(n),threading.Event()
    def put(o):
        while not done.is_set():
            try: return q.put(o, timeout=.1)
            except Full: pass
    def work():
        try:
            with closing(items):
                for o in items:
                    put((o, None))
                    if done.is_set(): return
            put((None, StopIteration()))
        except BaseException as e: put((None, e))
    t = threading.Thread(target=work, daemon=True)
    t.start()
    try:
        while True:
            o,e = q.get()
            if isinstance(e, StopIteration): return
            if e: raise e
            yield o
    finally:
        done.set()
        t.join(patience)

# %%
test_eq(list(prefetch(i*i for i in range(50))), [i*i for i in range(50)])
def breaks():
    yield 1
    raise ValueError('broken in the thread')
test_fail(lambda: list(prefetch(breaks())), contains='broken in the thread')
gone,items = [],prefetch((gone.append(i) or i for i in range(1000)), 2)
test_eq([next(items), next(items)], [0, 1])
items.close()
assert len(gone) < 8
len(gone)

# %% [markdown]
# Of a thousand items only a few had been made when the reader stopped.

# %% [markdown]
# When Python lets go of a large block of memory, C's library gives it back to the system, which hands out the same memory again for the next block, filled with zeros, page by page. Training frees and takes the same tensors thousands of times and is faster if the library keeps them; how much is measured in `benchmarks/gan_step.py`. A scan of a million pictures wants the opposite: the library keeps what was freed between pieces that are still in use, and grows. `malloc_policy` asks for one or the other. It holds for the whole process, so only a program calls it, never a function that others call.

# %%
#| export
def malloc_policy(
    keep:bool, # keep the memory of what is gone for what comes next? Otherwise give it back at once, and share it
):
    "Fast or small: what C's library does with memory that was freed; without glibc nothing changes"
    try: mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError): return
    kept = (-4, 0), (-1, 2**31 - 1), (-2, 2**26) # MMAP_MAX, TRIM_THRESHOLD, TOP_PAD
    spared = (-3, 2**17), (-1, 2**17), (-8, 1) # MMAP_THRESHOLD, TRIM_THRESHOLD, ARENA_MAX
    for option,value in kept if keep else spared: mallopt(option, value)

# %% [markdown]
# ## Faces

# %% [markdown]
# A package offers names that live in its modules: with `from colorbook import colorize` one need not know which file that is in. But to import all of them at once would bring in whatever any of them needs, and torch alone takes seconds. Python asks a module's own `__getattr__` for a name that it does not have (PEP 562), so a package can list its names by hand and import the module behind a name when the name is used for the first time. `lazy_face` makes the three things that this takes: `__getattr__`, `__dir__` and `__all__`; the idea and the form are those of the library `lazy_loader`. A name that needs an extra that is not installed says which.

# `help` should explain what such a name takes. The comments beside the parameters say it, but Python forgets comments when it has read a function; so they are read again from the source, once, when the name is first used.

# %%
#| export
def _comments(source:str, names) -> dict: # by parameter, and `returns`
    "What the comments in the head of a function say"
    found,now,depth,last = {},[],0,''
    for kind,text,*_ in tokenize.generate_tokens(io.StringIO(dedent(source)).readline):
        if kind == tokenize.OP: depth,last = depth + (text in '([{') - (text in ')]}'),text
        elif kind == tokenize.NAME and depth == 1 and text in names and last in ('(', ',', '*', '**'): now.append(text)
        elif kind == tokenize.COMMENT:
            found |= {o: text.lstrip('# ') for o in now or ([] if depth else ['returns'])}
            now = []
        elif kind == tokenize.NEWLINE: break
        if kind == tokenize.NAME: last = text
    return found

def document(
    obj, # a function or a class
): # the same
    "Put what the source says beside each parameter into the docstring, where `help` shows it"
    made = obj.__init__ if inspect.isclass(obj) else obj
    if not inspect.isfunction(made) or '\n' in (obj.__doc__ or ''): return obj
    try: found = _comments(inspect.getsource(made), inspect.signature(made).parameters)
    except (OSError, SyntaxError, tokenize.TokenError): return obj
    if found: obj.__doc__ = '\n'.join([obj.__doc__ or '', '', *(f'{k}: {v}' for k,v in found.items())])
    return obj

# %%
#| export
def lazy_face(
    package:str, # `__name__` of the package
    names:dict, # module in the package: names that it has, in one string
    extra:str|dict='', # the optional dependencies that these modules need, such as 'train', or a dict of module: these
) -> tuple: # `__getattr__`, `__dir__` and `__all__` of the package
    "Names of a package that are imported from its modules when they are first used"
    home = {name:module for module,o in names.items() for name in o.split()}
    if both := {*home} & {o.split('.')[0] for o in names}: raise ValueError(f'{sorted(both)} are names and modules')
    def getattr_(name):
        if name not in home and name not in names: raise AttributeError(f'module {package!r} has no {name!r}')
        try: module = import_module(f'{package}.{home.get(name, name)}')
        except ModuleNotFoundError as e:
            extras = extra.get(home.get(name, name)) if isinstance(extra, dict) else extra
            if not extras or (e.name or '').startswith(package.split('.')[0]): raise
            raise ImportError(f"{package}.{name} needs {e.name}; pip install 'colorbook[{extras}]'", name=e.name) from e
        if name in names: return module
        return sys.modules[package].__dict__.setdefault(name, document(getattr(module, name)))
    def dir_(): return sorted({*sys.modules[package].__dict__, *home})
    return getattr_,dir_,sorted(home)

# %% [markdown]
# Here is a package with two modules, of which one cannot be imported. Its names are all there; the first is fetched when it is asked for, and the second says what has to be installed.

# %%
(folder/'shop').mkdir()
(folder/'shop'/'__init__.py').write_text(f"from {lazy_face.__module__} import lazy_face\n"
    "__getattr__,__dir__,__all__ = lazy_face(__name__, {'bread':'roll loaf bake', 'meat':'ham'}, {'meat':'butcher'})")
(folder/'shop'/'bread.py').write_text('''roll,loaf = 'a roll','a loaf'
def bake(
    n:int=1, # loaves
    *, hot=len('#('), sweet=False, # as they are eaten
): # a tray
    "Make bread"
''')
(folder/'shop'/'meat.py').write_text('import a_knife_that_is_missing')
sys.path.insert(0, str(folder))
import shop
test_eq(shop.__all__, ['bake', 'ham', 'loaf', 'roll'])
test_eq(('roll' in vars(shop), shop.roll, vars(shop)['roll']), (False, 'a roll', 'a roll'))
test_eq(shop.bread.loaf, 'a loaf')
test_fail(lambda: shop.ham, exc=ImportError, contains="pip install 'colorbook[butcher]'")
print(shop.bake.__doc__)

# %% [markdown]
# ## Tables of names

# %% [markdown]
# A recipe, a checkpoint and a command line can only hold names, so each kind of network and each kind of loss has a table from names to builders. Plain dictionaries have two faults here. They are filled by whatever has been imported, so that a name exists in one program and not in the next; and they say how a thing is made but not what it is, so that a pair that does not go together is found out by an error deep inside torch.
#
# A `Registry` knows the modules whose definitions enter it and imports them before it is looked at for the first time. An entry is made at the definition, by a decorator, together with facts about it: each registry lists which facts there are and what they are by default. And since the builders of a table do not all want the same settings, the program that builds offers all that it has, the `shared` ones, and each builder gets those that it names. A setting that is not shared must fit, so a misspelled one is an error.

# %%
#| export
class Entry:
    "A named builder with what is known of it; the facts are attributes"
    def __init__(self, name:str, make, shared:set, facts:dict):
        self.name,self.make,self.shared = name,make,shared
        self.__dict__.update(facts)
    def __call__(self,
        **settings, # those that are shared and that the builder does not name are left out
    ): # what the builder makes
        return self.make(**{k: v for k,v in settings.items() if self.takes(k) or k not in self.shared})
    def takes(self, setting:str) -> bool: # does its builder name it?
        "Whether what it makes depends on a setting"
        return setting in signature(self.make).parameters

# %%
#| export
class Registry:
    "Names to builders, entered by a decorator where they are defined, and complete whenever it is looked at"
    def __init__(self,
        kind:str, # what is in it, one word or two
        members:str='', # names of the modules that enter things, separated by spaces
        shared:str='', # settings that are offered to every builder
        **facts, # what every entry says of itself, with what it says by default
    ): self.kind,self.members,self.shared,self.facts,self.entries = kind,members.split(),{*shared.split()},facts,{}
    def __call__(self,
        name:str,
        **facts, # those that differ from the default
    ): # a decorator for a class or a function, which stays what it is
        "Enter a builder by its name; a `UsageError` where another one has it already"
        if unknown := {*facts} - {*self.facts}: raise TypeError(f'a {self.kind} has no {sorted(unknown)}')
        def enter(make):
            old = self.entries.get(name)
            if old and old.make.__qualname__ != make.__qualname__:
                raise UsageError(f"there is a {self.kind} '{name}' already", 'choose another name')
            self.entries[name] = Entry(name, make, self.shared, {**self.facts, **facts})
            return make
        return enter
    def names(self,
        pattern:str='*', # with wildcards, such as 's4*'
    ) -> list: # sorted
        "The names that match"
        for o in self.members: import_module(o)
        return sorted(o for o in self.entries if fnmatch(o, pattern))
    def __iter__(self): return iter(self.names())
    def __contains__(self, name): return name in self.names()
    def __getitem__(self, name) -> Entry:
        if name in self: return self.entries[name]
        raise UsageError(f"there is no {self.kind} '{name}'", f"choose {', '.join(self)}")

# %% [markdown]
# A registry of bakers: the second stands in a module that nobody has imported yet, and is in the table all the same. `anna` names the shared setting `flour` and gets it, `bear` does not and is not given it.

# %%
bakers = Registry('baker', 'village', 'flour', legs=2)
@bakers('anna')
def bake(flour, salt=1): return f'{flour} with {salt}'
(folder/'village.py').write_text("import __main__\n@__main__.bakers('bear', legs=4)\nclass Bear: pass")
sys.modules['__main__'].bakers = bakers
test_eq((list(bakers), bakers.names('b*'), 'carl' in bakers), (['anna', 'bear'], ['bear'], False))
test_eq([bakers[o].legs for o in bakers], [2, 4])
test_eq([bakers[o].takes('flour') for o in bakers], [True, False])
test_eq((bakers['anna'](flour='rye'), bakers['anna'](flour='rye', salt=2)), ('rye with 1', 'rye with 2'))
test_eq(type(bakers['bear'](flour='rye')).__name__, 'Bear')
test_fail(lambda: bakers['bear'](salt=2), exc=TypeError)
test_fail(lambda: bakers['carl'], exc=UsageError, contains="no baker 'carl'; choose anna, bear")
test_fail(lambda: bakers('anna')(dict), exc=UsageError, contains='already')
test_fail(lambda: bakers('dora', arms=2), exc=TypeError, contains='arms')
bakers.names()

# %% [markdown]
# ## What we have
#
# - one exception family with exit codes, `ColorbookError`;
# - `atomic_path`, after which a file is whole or was never there;
# - `map_ahead` and `prefetch`, threads that keep order, pass on errors and end when nobody wants more;
# - `malloc_policy`, memory that is kept or given back, and `core_count`, the cores that are ours;
# - `Registry`, a table of names that is complete and knows what its entries are;
# - `lazy_face`, with which a package lists its names and loads them when they are used.

# %% [markdown]
# ## Exercises
#
# 1. Raise an `InputError` inside `atomic_path`. Which of the two errors arrives, and why is that right?
# 2. `os.replace` fails across file systems. Where would a temporary folder such as `/tmp` break the promise?
