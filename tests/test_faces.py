"The faces of the package and of its rooms: what they list is there, explained, seen by type checkers, and loads late."
import ast, json, subprocess, sys
from importlib import import_module
from inspect import isclass, isfunction, signature
from pathlib import Path

import pytest

import book, colorbook
from colorbook.core import lazy_face

ROOT = book.ROOT
ROOMS = sorted(o.parent.name for o in (ROOT/'colorbook').glob('*/__init__.py'))
USE = ('Colorizer FilmModel card colorize colorize_file colorize_video flicker_report load_model '
       'ColorbookError InputError OutputError TrainingError UsageError').split()
TRAIN = 'create_critic create_generator evaluate export_run list_recipes load_recipe train'.split()
HEAVY = 'torch', 'torchvision', 'fastai', 'pandas', 'matplotlib', 'av', 'cv2'
packages = pytest.mark.parametrize('name', ['colorbook', *(f'colorbook.{o}' for o in ROOMS)])


def loaded(code):
    "Which heavy packages `code` loads, in a process of its own"
    code += f'\nimport json, sys; print(json.dumps([o for o in {HEAVY} if o in sys.modules]))'
    return json.loads(subprocess.check_output([sys.executable, '-W', 'ignore', '-c', code], cwd=ROOT, text=True))


def test_the_face_of_the_package(): assert sorted(colorbook.__all__) == sorted(USE + TRAIN)


@packages
def test_a_face_lists_what_is_there(name):
    package = import_module(name)
    assert package.__all__ and len(set(package.__all__)) == len(package.__all__)
    assert {*package.__all__} <= {*dir(package)}
    for o in package.__all__: assert getattr(package, o).__name__ == o if isfunction(getattr(package, o)) else True
    there = {}
    exec(f'from {name} import *', there)
    assert {*package.__all__} <= {*there}
    modules = {o.stem for o in Path(package.__file__).parent.iterdir()} - {'__init__'}
    assert not modules & {*package.__all__}, 'a name that is a module too is two things'


@packages
def test_type_checkers_see_the_same_names(name):
    "The block under TYPE_CHECKING has the names of `__all__`, each from a module that has it"
    package = import_module(name)
    tree = ast.parse(Path(package.__file__).read_text())
    [block] = [o for o in tree.body if isinstance(o, ast.If) and ast.unparse(o.test) == 'TYPE_CHECKING']
    found = {a.asname: f"{name}.{o.module}" for o in block.body for a in o.names if a.asname == a.name}
    plain = {a.name for o in tree.body if isinstance(o, ast.ImportFrom) for a in o.names} & {*package.__all__}
    assert {*found} | plain == {*package.__all__}
    for k,module in found.items(): assert getattr(import_module(module), k) is getattr(package, k)


def test_nothing_heavy_until_it_is_used():
    assert loaded('import colorbook; dir(colorbook), colorbook.__all__') == []
    assert loaded('from colorbook import colorize, colorize_file, Colorizer, load_model, card; card()') == []
    for o in ROOMS: assert loaded(f'import colorbook.{o}; dir(colorbook.{o})') == [], o


@pytest.mark.parametrize('name', TRAIN)
def test_without_the_extra_its_name_is_said(name):
    code = f'''
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'fastai', 'pandas', 'yaml'): raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Block())
from colorbook import {name}'''
    run = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode and "pip install 'colorbook[train]'" in run.stderr.splitlines()[-1], run.stderr


def test_a_defect_is_not_taken_for_a_missing_extra(tmp_path, monkeypatch):
    (tmp_path/'colorbook_shop').mkdir()
    (tmp_path/'colorbook_shop'/'__init__.py').write_text('')
    (tmp_path/'colorbook_shop'/'bread.py').write_text('import colorbook_shop.gone')
    monkeypatch.syspath_prepend(tmp_path)
    import colorbook_shop
    ask = lazy_face('colorbook_shop', {'bread': 'roll'}, 'train')[0]
    with pytest.raises(ModuleNotFoundError, match='gone'): ask('roll')
    with pytest.raises(AttributeError, match="no 'stone'"): ask('stone')


def test_no_module_is_hidden_by_a_function():
    "`import colorbook.colorize` was a function once"
    with pytest.raises(ModuleNotFoundError): import_module('colorbook.colorize')
    for o in (ROOT/'colorbook').rglob('*.py'):
        module = '.'.join(o.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')
        if o.stem != '__main__': assert import_module(module).__name__ == module


@pytest.mark.parametrize('name', [o for o in USE + TRAIN if not o.endswith('Error')])
def test_help_says_what_every_parameter_is(name):
    obj = getattr(colorbook, name)
    made = obj.__init__ if isclass(obj) else obj
    said = {o.partition(':')[0]: o.partition(': ')[2] for o in obj.__doc__.splitlines()[1:]}
    want = [o for o in signature(made).parameters if o != 'self']
    assert [o for o in want if len(said.get(o, '').split()) < 1] == []

