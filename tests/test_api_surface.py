"""The public names of every module are those of `api_surface.json`, so that a change of them shows in review.

    python tests/test_api_surface.py    writes the file anew
"""
import ast, json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT/'tests'/'api_surface.json'


def surface():
    "Name and parameters of what `__all__` lists, by module; read from the source, nothing is imported"
    found = {}
    for path in sorted((ROOT/'colorbook').rglob('*.py')):
        if path.stem.startswith('_'): continue
        tree,heads = ast.parse(path.read_text()),{}
        for o in tree.body:
            if isinstance(o, ast.FunctionDef): heads[o.name] = head(o)
            if isinstance(o, ast.ClassDef):
                made = [f for f in o.body if isinstance(f, ast.FunctionDef) and f.name == '__init__']
                heads[o.name] = 'class' + (head(made[0]).replace('self, ', '').replace('self', '') if made else '')
            if isinstance(o, ast.Assign) and ast.unparse(o.targets[0]) == '__all__': names = ast.literal_eval(o.value)
        module = '.'.join(path.relative_to(ROOT/'colorbook').with_suffix('').parts)
        found[module] = {o: heads.get(o, 'value') for o in sorted(names)}
    return found


def head(f):
    "Names and defaults of a function's parameters"
    for o in ast.walk(f.args):
        if isinstance(o, ast.arg): o.annotation = None
    return f'({ast.unparse(f.args)})'


def write(): FILE.write_text(json.dumps(surface(), indent=1, ensure_ascii=False) + '\n')


def test_public_names_are_those_of_the_list():
    assert surface() == json.loads(FILE.read_text()), 'if the change is meant: python tests/test_api_surface.py'


def test_a_changed_name_is_seen():
    now = surface()
    assert len(now) > 50 and now['core']['InputError'].startswith('class')
    assert now['imaging.colorizer']['load_model'] == '(model=None)'


if __name__ == '__main__': write()
