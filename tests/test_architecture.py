"ARCHITECTURE.md is true: its rooms and modules are those of the library, its walks are taken and watched."
import ast, itertools, re, runpy, sys, threading

import pytest
from PIL import Image
from skimage import data

import book
from test_repo import MODULES, ORDER

ROOT = book.ROOT
PAGE = (ROOT/'ARCHITECTURE.md').read_text()
SECTIONS = dict(re.findall(r'^## (.+?)\n(.*?)(?=^## |\Z)', PAGE, re.S | re.M))
STEP = re.compile(r'`(\w+(?:/\w+)?):([\w.]+)`')


def functions(module):
    "The functions and classes of a module, methods as `Class.method`"
    found = set()
    for o in ast.parse((ROOT/'colorbook'/f'{module}.py').read_text()).body:
        if isinstance(o, (ast.FunctionDef, ast.ClassDef)): found.add(o.name)
        if isinstance(o, ast.FunctionDef) and o.args.args and any('patch' in ast.unparse(d) for d in o.decorator_list):
            found.add(f'{ast.unparse(o.args.args[0].annotation)}.{o.name}')  # a method that is defined beside its class
        inner = o.body if isinstance(o, ast.ClassDef) else []
        found |= {f'{o.name}.{f.name}' for f in inner if isinstance(f, ast.FunctionDef)}
    return found


def test_every_name_exists():
    steps = STEP.findall(PAGE)
    assert len(steps) > 50
    assert [f'{m}:{n}' for m,n in steps if n not in functions(m)] == []


def test_every_room_and_every_module_is_in_the_table():
    rows = dict(re.findall(r'^\| `(\w+)` \|.*?\| (.*?) \|$', SECTIONS['Rooms'], re.M))
    assert [*rows] == ORDER
    for room,names in rows.items():
        there = {o.stem for o in MODULES if o.parts[1] == room and not o.stem.startswith('__')}
        assert set(re.findall(r'`(\w+)`', names)) == there, room


def test_the_rule_stands_there(): assert ' < '.join(ORDER) in PAGE


def test_the_drawing_is_of_these_imports():
    script = runpy.run_path(str(ROOT/'asset'/'architecture.py'))
    assert list(script['ROOMS']) == ORDER
    assert script['draw']() == (ROOT/'asset'/'architecture.svg').read_text(), 'run python asset/architecture.py'
    assert 'asset/architecture.svg' in PAGE


def test_it_is_one_page(): assert len(PAGE.split()) < 1500


class Watch:
    "When each function of the library is entered, whatever thread enters it"
    def __enter__(self):
        self.seen,self.home,count = {},str(ROOT/'colorbook') + '/',itertools.count()
        def enter(frame, event, arg):
            code = frame.f_code
            if event == 'call' and code.co_filename.startswith(self.home):
                name = getattr(code, 'co_qualname', code.co_name)  # Python 3.10 has the last part only
                self.seen.setdefault((code.co_filename[len(self.home):-3], name), []).append(next(count))
        threading.setprofile(enter)
        sys.setprofile(enter)
        return self

    def __exit__(self, *error):
        sys.setprofile(None)
        threading.setprofile(None)


def walked(section, watch):
    "The steps of a walk that were not taken, or not in this order"
    steps,last,wrong = STEP.findall(SECTIONS[section].split('*To change*')[0]),-1,[]
    assert len(steps) > 10
    for module,name in steps:
        is_class = name[:1].isupper() and '.' not in name  # the body of a class runs at import
        def fits(n): return n.startswith(f'{name}.') if is_class else n in (name, name.split('.')[-1])
        times = [i for (m, n),o in watch.seen.items() if m == module and fits(n) for i in o]
        later = [i for i in times if i > last]
        if later: last = min(later)
        else: wrong.append(f'{module}:{name} ' + ('comes earlier only' if times else 'is not entered'))
    return wrong


def test_the_walk_of_a_photograph(tmp_path):
    from colorbook.cli.app import main
    from colorbook.imaging import artifact, colorizer, compose
    Image.fromarray(data.camera()).resize((90, 70)).save(tmp_path/'a.png')
    for o in (colorizer._cached, artifact._opened, compose._pool): o.cache_clear() # of earlier tests
    with Watch() as watch: assert main(['colorize', str(tmp_path/'a.png'), '-o', str(tmp_path/'b.png')]) == 0
    assert walked('The walk of a photograph', watch) == []


def test_the_walk_of_a_film(tmp_path):
    from colorbook.cli.app import main
    from colorbook.data.synthetic import travel
    from colorbook.video.read import write_clip
    shots = [o for f in (data.astronaut, data.chelsea) for o in travel(Image.fromarray(f()), 6, (96, 64))]
    film = write_clip(shots, tmp_path/'film.mp4')
    with Watch() as watch: assert main(['video', str(film), str(tmp_path/'color.mp4')]) == 0
    assert walked('The walk of a film', watch) == []


@pytest.mark.filterwarnings('ignore')
def test_the_walk_of_a_training_batch(tmp_path):
    from colorbook.cli.app import main
    (tmp_path/'photos').mkdir()
    for i in range(14):
        Image.fromarray(data.astronaut()[i*30:i*30 + 48, i*30:i*30 + 48]).save(tmp_path/f'photos/{i}.png')
    words = ['train', 's0', tmp_path/'photos', '--out', tmp_path/'run', '--epochs', 1, '--batch-size', 4]
    words += ['--set', 'size=32']
    with Watch() as watch: assert main([*map(str, words)]) == 0
    assert walked('The walk of a training batch', watch) == []
