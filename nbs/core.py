# %% [markdown]
# # Ground
#
# > Errors that say what to do, and files that are either whole or absent
#
# Two small habits hold the rest of the book together. Every failure that a user can cause is one kind of exception, which says what was wrong, in which file, and what to do about it. And every file is written beside its final name and then renamed, so that a crash leaves the old file or the new one, never half of one. At the end of this chapter we have both; neither needs more than Python's standard library, because the part of colorbook that only colors pictures must install in seconds.

# %%
#| default_exp core

# %%
#| export
import inspect, io, os, sys, tokenize
from contextlib import contextmanager
from fnmatch import fnmatchcase as fnmatch
from importlib import import_module
from inspect import signature
from pathlib import Path
from textwrap import dedent

# %%
#| hide
from fastcore.test import *

# %% [markdown]
# ## One family of errors

# %% [markdown]
# A traceback tells a programmer where the code was; it tells someone with a folder of old photographs nothing. A `ColorbookError` carries one sentence on what is wrong and one on the remedy, and the command line prints the two and ends with the class's exit code: 2 for wrong usage, 3 for input that cannot be used, 4 for output that cannot be written, 5 for training that diverged. An error may also come out of a process that loads pictures. torch hands it over as a report of many lines that starts with "Caught", and whose last one is the error; only that is kept.

# %%
#| export
class ColorbookError(Exception):
    "What was wrong, and what to do about it: the base of every error that colorbook raises on purpose"
    exit_code = 1
    def __init__(self,
        what:str, # what was wrong, with the file's name where there is one
        remedy:str='', # what the user can do about it
    ):
        if what.startswith('Caught '): what = what.strip().splitlines()[-1].partition('Error: ')[2]
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
far = InputError(f'Caught InputError in process 1.\nTraceback\n  line 3\ncolorbook.core.InputError: {err}\n')
test_eq(str(far), str(err))
str(err)

# %% [markdown]
# ## Whole files or none

# %% [markdown]
# `os.replace` is atomic inside one file system: whoever reads the final name sees the old file or the new one. So `atomic_path` hands out a temporary name in the same folder, and renames it only when the block ends well. The temporary name keeps the suffix, because Pillow and FFmpeg choose the format by it.

# %%
#| export
@contextmanager
def atomic_path(
    path:str|os.PathLike, # the final name; its folder is made if it is missing
):
    "A temporary path in the same folder, renamed to `path` if the block succeeds and removed if it does not"
    path = Path(path)
    tmp = path.with_name(f'.{path.stem}.{os.getpid()}.tmp{path.suffix}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield tmp
        os.replace(tmp, path)
    except OSError as e:
        raise OutputError(f"cannot write '{path}': {e.strerror or e}", 'choose another place or make room') from e
    finally:
        if tmp.exists(): tmp.unlink()

# %% [markdown]
# A block that fails leaves the earlier file as it was and nothing beside it.

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
# A place that cannot be written is an `OutputError`: the name of the file is in it.

# %%
def into_a_file():
    with atomic_path(folder/'a.txt'/'b.txt') as f: f.write_text('')
test_fail(into_a_file, exc=OutputError, contains='b.txt')

# %% [markdown]
# ## Long work

# %% [markdown]
# Whoever waits wants to see how long. The bar goes to the standard error, so that pipes stay clean, and only where a person is looking: the log of a machine is not filled with it, and where nobody looks the library behind it is not even loaded.

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
# ## Faces

# %% [markdown]
# A package shows names that live in its modules: `from colorbook import colorize` should not ask which file that is in. But to import all of them at once would bring in whatever any of them needs, and torch alone takes seconds. Python asks a module's own `__getattr__` for a name that it does not have (PEP 562), so a package can list its names by hand and import the module behind a name when the name is used for the first time. `lazy_face` makes the three things that this takes; the idea and the form are those of the library `lazy_loader`. A name that needs an extra that is not installed says which.

# What a name brings along should be explained where people ask, in `help`. The comments beside the parameters say what each of them is, but Python forgets comments when it has read a function; so the face reads them again from the source, once, when the name is used.

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

def explain(
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
        return sys.modules[package].__dict__.setdefault(name, explain(getattr(module, name)))
    def dir_(): return sorted({*sys.modules[package].__dict__, *home})
    return getattr_,dir_,sorted(home)

# %% [markdown]
# A package made for a moment, with two modules, of which one cannot be imported here. Its names are there, the first is fetched when it is asked for, and the second says what it lacks.

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
want = ['Make bread', '', 'n: loaves', 'hot: as they are eaten', 'sweet: as they are eaten', 'returns: a tray']
test_eq(shop.bake.__doc__.splitlines(), want)
test_eq(shop.bake.__doc__, explain(shop.bake).__doc__)
test_eq(('roll' in vars(shop), shop.roll, vars(shop)['roll']), (False, 'a roll', 'a roll'))
test_eq(shop.bread.loaf, 'a loaf')
test_fail(lambda: shop.ham, exc=ImportError, contains="pip install 'colorbook[butcher]'")
test_fail(lambda: shop.fish, exc=AttributeError, contains="no 'fish'")
test_fail(lambda: lazy_face('shop', {'bread':'bread'}), exc=ValueError, contains='bread')
dir(shop)[-3:]

# %% [markdown]
# ## Tables of names

# %% [markdown]
# A recipe, a checkpoint and a command line can only hold names, so each kind of network and each kind of loss has a table from names to builders. Two things go wrong with such tables when they are plain dictionaries. They are filled by whatever has been imported, so that a name exists in one program and not in the next; and they say how a thing is made but not what it is, so that a wrong pair is found out by an error deep inside of torch.
#
# A `Registry` knows the modules whose definitions enter it and imports them before it is looked at for the first time. An entry is made at the definition, by a decorator, together with facts: each registry lists which there are and what they are by default. And since a table's builders do not all want the same, whoever builds offers all that he knows, the `shared` settings, and a builder gets those that it names. A setting that is not shared must fit, so a misspelled one is an error.

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
        named = signature(self.make).parameters
        return self.make(**{k: v for k,v in settings.items() if k in named or k not in self.shared})

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
    ) -> list: # in the order of their definitions
        "The names that match"
        for o in self.members: import_module(o)
        return [o for o in self.entries if fnmatch(o, pattern)]
    def __iter__(self): return iter(self.names())
    def __contains__(self, name): return name in self.names()
    def __getitem__(self, name) -> Entry:
        if name in self: return self.entries[name]
        raise UsageError(f"there is no {self.kind} '{name}'", f"choose {', '.join(self)}")

# %% [markdown]
# A registry of bakers, whose second one stands in a module that nobody has imported yet.

# %%
bakers = Registry('baker', 'village', 'flour', legs=2)
@bakers('anna')
def bake(flour, salt=1): return f'{flour} with {salt}'
(folder/'village.py').write_text("import __main__\n@__main__.bakers('bear', legs=4)\nclass Bear: pass")
sys.modules['__main__'].bakers = bakers
test_eq((list(bakers), bakers.names('b*'), 'carl' in bakers), (['anna', 'bear'], ['bear'], False))
test_eq([bakers[o].legs for o in bakers], [2, 4])
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
# - `Registry`, a table of names that is complete and knows what its entries are;
# - `lazy_face`, with which a package lists its names and loads them when they are used;
# - a rule for the chapters to come: no error without a remedy.

# %% [markdown]
# ## Exercises
#
# 1. Raise an `InputError` inside `atomic_path`. Which of the two errors arrives, and why is that right?
# 2. `os.replace` fails across file systems. Where would a temporary folder such as `/tmp` break the promise?
