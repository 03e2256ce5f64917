"Rules of the repository: what is generated equals its source, chapters have their form, and nothing private is in it."
import ast, re, shutil, subprocess, sys
from pathlib import Path

import nbformat, pytest, yaml

import book

ROOT = book.ROOT
CHAPTERS = book.chapters()
MODULE = re.compile(r'^#\|\s*default_exp\s+([\w.]+)', re.M)
ORDER = 'core color imaging video data models losses evaluation training cli'.split()  # a room imports to its left
each = pytest.mark.parametrize('path', CHAPTERS, ids=[book.name(o) for o in CHAPTERS])


def tracked():
    "Files that a commit would hold"
    out = subprocess.check_output(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, text=True)
    return [ROOT/o for o in out.splitlines() if (ROOT/o).is_file()]


def texts():
    "Name and text of every tracked text file"
    for o in tracked():
        try: yield o.relative_to(ROOT).as_posix(), o.read_text()
        except UnicodeDecodeError: pass


def code(path):
    "Sources of the code cells of a notebook"
    return [c.source for c in book.without_colab(nbformat.read(path, as_version=4).cells) if c.cell_type == 'code']


def module_of(path):
    m = MODULE.search('\n'.join(code(path)))
    return m and m[1]


def test_there_are_chapters(): assert {'core', 'color/lab', 'training/gan'} <= {book.name(o) for o in CHAPTERS}


def test_every_script_has_its_notebook():
    scripts = [o for o in (ROOT/'nbs').rglob('*.py') if not o.parent.name.startswith('.')]
    assert sorted(scripts) == sorted(o.with_suffix('.py') for o in CHAPTERS)


@each
def test_twin(path): assert book.twins(path), f'{path.stem}: run `python book.py --prepare`'


def test_a_changed_twin_is_seen(tmp_path):
    shutil.copy(ROOT/'jupytext.toml', tmp_path)
    for end in ('.ipynb', '.py'): shutil.copy((ROOT/'nbs'/'core').with_suffix(end), tmp_path)
    nb,py = tmp_path/'core.ipynb',tmp_path/'core.py'
    assert book.twins(nb)
    py.write_text(py.read_text().replace('exit_code = 3', 'exit_code = 6'))
    assert not book.twins(nb)


@each
def test_no_outputs(path):
    nb = nbformat.read(path, as_version=4)
    assert nb.nbformat_minor >= 5
    assert not [c.id for c in nb.cells if c.get('outputs') or c.get('execution_count')]


def test_export_and_clean_leave_no_diff(tmp_path):
    for o in ('nbs', 'colorbook'):
        leave = shutil.ignore_patterns('__pycache__', '.*', '*.onnx', 'py.typed', '*.yaml')
        shutil.copytree(ROOT/o, tmp_path/o, ignore=leave)
    for o in ('settings.ini', 'pyproject.toml', 'jupytext.toml'): shutil.copy(ROOT/o, tmp_path)
    tool = Path(sys.executable).with_name
    for o in ('nbdev_clean', 'nbdev_export'): subprocess.run([tool(o)], cwd=tmp_path, check=True)
    made = {o.relative_to(tmp_path) for d in ('nbs', 'colorbook') for o in (tmp_path/d).rglob('*.*') if o.is_file()}
    there = {o.relative_to(ROOT) for o in (ROOT/'colorbook').rglob('*.py')}
    assert there == {o for o in made if o.parts[0] == 'colorbook'}
    assert [str(o) for o in sorted(made) if (tmp_path/o).read_bytes() != (ROOT/o).read_bytes()] == []


@each
def test_form(path):
    nb = nbformat.read(path, as_version=4)
    blocks,last = nb.cells[0].source.split('\n\n'),'\n'.join(c.source for c in nb.cells[-4:])
    assert re.fullmatch(r'# .+', blocks[0]) and re.fullmatch(r'> .+', blocks[1]) and len(blocks[2].split()) >= 20
    lesson = book.name(path).startswith('lessons/')  # has a form of its own as well: see test_lessons.py
    assert '## Exercises' in (last if lesson else last.split('## What we have', 1)[1])
    assert len(code(path)) <= 45
    sources = code(path)
    exported = [o for o in sources if re.search(r'^#\|\s*export', o, re.M)]
    assert any(re.search(r'\b(test_\w+\(|assert )', o) for o in sources if o not in exported), 'no cell asserts'
    assert sum(len(o.splitlines()) for o in exported) <= 300
    assert bool(module_of(path)) == bool(exported)
    if exported and not lesson: assert module_of(path).replace('.', '/') == book.name(path)
    for o in sources: book.rewrite(o)  # no unknown option
    for i,line in enumerate(path.with_suffix('.py').read_text().splitlines(), 1):
        assert line.startswith('# ') or len(line) <= 120, f'line {i} is too long'


def test_lines_are_short():
    long = [f'{n}:{i}' for n,t in texts() if n.endswith('.py') and not n.startswith(('nbs/', 'colorbook/'))
            for i,o in enumerate(t.splitlines(), 1) if len(o) > 120]
    assert long == []


def imported(source, here='colorbook'):
    "What `source`, a module of the package `here`, imports of colorbook, also in functions and by `import_module`"
    for o in ast.walk(ast.parse(source)):
        if isinstance(o, ast.ImportFrom):
            up = here.split('.')[:len(here.split('.')) + 1 - o.level] if o.level else []
            base = '.'.join(up + ([o.module] if o.module else []))
            if base.split('.')[0] == 'colorbook': yield from (f'{base}.{a.name}' for a in o.names)
        elif isinstance(o, ast.Import): yield from (a.name for a in o.names if a.name.startswith('colorbook.'))
        elif isinstance(o, ast.Constant) and isinstance(o.value, str) and re.fullmatch(r'colorbook(\.\w+)+', o.value):
            yield o.value


def test_imported_sees_every_form():
    source = 'import colorbook.a.b\nfrom colorbook.c import x\nfrom .d import y\nfrom ..e.f import z\n'
    source += "from colorbook import g\ndef h():\n    from . import i\n    import_module('colorbook.j.k')"
    found = sorted(o.split('.', 1)[1] for o in imported(source, 'colorbook.room'))
    assert found == sorted('a.b c.x g room.d.y e.f.z room.i j.k'.split())


MODULES = sorted(o.relative_to(ROOT).with_suffix('') for o in (ROOT/'colorbook').rglob('*.py')
                 if o.parent != ROOT/'colorbook' or o.stem == 'core')


@pytest.mark.parametrize('module', MODULES, ids=[o.as_posix() for o in MODULES])
def test_a_room_imports_only_rooms_to_its_left(module):
    room = module.parts[1]
    names = imported((ROOT/module).with_suffix('.py').read_text(), '.'.join(module.parts[:-1]))
    rooms = {o.split('.')[1] for o in names}
    assert {o for o in rooms & {*ORDER} if ORDER.index(o) > ORDER.index(room)} == set()


def test_every_room_is_in_the_order():
    assert {o.name for o in (ROOT/'colorbook').iterdir() if (o/'__init__.py').exists()} == {*ORDER} - {'core'}


def public():
    "The public names of every module, as `__all__` has them"
    for module in MODULES:
        if module.stem.startswith('__'): continue
        tree = ast.parse((ROOT/module).with_suffix('.py').read_text())
        [names] = [o.value for o in tree.body if isinstance(o, ast.Assign) and ast.unparse(o.targets[0]) == '__all__']
        for o in ast.literal_eval(names): yield o,'.'.join(module.parts[1:])


def test_a_public_name_means_one_thing():
    homes = {}
    for name,module in public(): homes.setdefault(name, []).append(module)
    assert len(homes) > 500
    assert {k: v for k,v in homes.items() if len(v) > 1} == {}


def test_nothing_of_the_workplace():
    hosts = ['py' + 'pi.org', 'pythonhosted' + '.org', 'registry.' + 'npmjs', 'deb.' + 'debian']
    private = re.compile(r'(?<![\w./-])/(?:work|opt|root|home|mnt)/\w|' + '|'.join(map(re.escape, hosts)))
    assert private.search('cd /' + 'work/main') and private.search('from https://' + hosts[0])
    assert [(n, m[0]) for n,t in texts() for m in [private.search(t)] if m] == []


def test_the_address_stands_once():
    s = book.settings()
    address = re.compile(rf"{re.escape(s['user'])}(?! authors)|github\.io")
    assert address.search(s['git_url']) and address.search(s['doc_host'])
    # nbdev writes _modidx.py from settings.ini, and the test of the export holds the two together
    allowed = {'settings.ini', 'colorbook/_modidx.py', 'tests/test_repo.py'}
    # and every notebook has it once, in the cell that is made from settings.ini
    def kept(n, t): return t.replace(s['git_url'], '', 1) if n.endswith('.ipynb') else t
    assert [(n, m[0]) for n,t in texts() for m in [address.search(kept(n, t))] if m and n not in allowed] == []


@each
def test_the_cell_for_colab(path):
    cells = nbformat.read(path, as_version=4).cells
    assert [i for i,c in enumerate(cells) if c.id == book.COLAB] == [1], 'run `python book.py --prepare`'
    assert cells[1].source == book.colab_cell(path).source and book.COLAB not in path.with_suffix('.py').read_text()


def test_the_cell_for_colab_does_nothing_elsewhere_and_all_there(monkeypatch):
    "Run by IPython, with the commands written down instead of carried out"
    from IPython.core.interactiveshell import InteractiveShell
    shell,done = InteractiveShell(),[]
    monkeypatch.setattr(shell, 'system', lambda line: done.append(line))
    monkeypatch.setattr(shell, 'run_line_magic', lambda name, line, *a, **k: done.append(f'{name} {line}'))
    source,s = book.colab_cell(ROOT/'nbs'/'color'/'lab.ipynb').source,book.settings()
    assert shell.run_cell(source).success and done == []
    monkeypatch.setitem(sys.modules, 'google.colab', object())
    assert shell.run_cell(source).success
    assert [o.split()[0] for o in done] == ['git', 'cd', 'pip'] and s['git_url'] in done[0]
    assert done[1].endswith('/nbs/color') and done[2].endswith('[train]"')


def test_no_file_is_large():
    assert [(o.name, o.stat().st_size) for o in tracked() if o.stat().st_size > 15e6] == []


BLOCK = '''
import sys
LEFT_OUT = 'torch torchvision fastai fastcore matplotlib skimage sklearn pandas scipy'.split()
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in LEFT_OUT: raise ImportError(f'{name} is not for the use half')
sys.meta_path.insert(0, Block())
'''


PICTURE = ("from PIL import Image; from colorbook import colorize; "
           "assert colorize(Image.new('L', (70, 50), 99)).size == (70, 50)")


USED = ['.'.join(o.parts) for o in MODULES if o.parts[1] in ('core', 'imaging', 'video', 'cli')
        or o.parts[1:] in (('color', 'srgb'), ('evaluation', 'flicker'),
                         *(('evaluation', k) for k in ('naturalness', 'gallery')))]
USED = [o.removesuffix('.__init__') for o in USED]


@pytest.mark.parametrize('what', ['import colorbook', *(f'import {o}' for o in USED), PICTURE],
    ids=['colorbook', *USED, 'a picture'])
def test_use_half_is_without_torch(what):
    run = subprocess.run([sys.executable, '-c', f'{BLOCK}\n{what}'], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_block_blocks():
    run = subprocess.run([sys.executable, '-c', f'{BLOCK}\nimport torch'], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode and 'not for the use half' in run.stderr


def test_quarto_index_and_chapters_agree():
    want = [o.relative_to(ROOT).as_posix() for o in CHAPTERS]
    assert sorted(want) == sorted(o.relative_to(ROOT).as_posix() for o in (ROOT/'nbs').rglob('*.ipynb')
                                  if '.ipynb_checkpoints' not in o.parts)
    assert len(want) == len(set(want))
    parts = yaml.safe_load((ROOT/'_quarto.yml').read_text())['book']['chapters'][1:]
    listed = [c for o in parts for c in o['chapters']]
    pages = {o.relative_to(ROOT).as_posix() for o in ROOT.rglob('*.qmd') if '_proc' not in o.parts} - {'index.qmd'}
    made = {f'appendix/{o}.qmd' for o in ('api', 'solutions', *(f'api/{r}' for r in ORDER))}
    assert {o for o in listed if o.endswith('.qmd')} == pages | made


def test_the_library_is_listed_room_by_room():
    parts = yaml.safe_load((ROOT/'_quarto.yml').read_text())['book']['chapters'][1:]
    listed = [[o.removesuffix('.ipynb').split('/')[1] for o in p['chapters']] for p in parts if 'VIII.' in p['part']]
    flat = sum(listed, [])
    assert len(listed) > 4 and flat == sorted(flat, key=ORDER.index)
    assert sum(len({*o}) for o in listed) == len({*flat}), 'a room is in two parts'


def test_workflows_mirror_ci():
    commands = lambda p: {o.strip() for o in (ROOT/p).read_text().splitlines()}
    flows = {}
    for o in sorted((ROOT/'.github'/'workflows').glob('*.yml')):
        jobs = yaml.safe_load(o.read_text())['jobs'].values()
        flows[o.stem] = [line.strip() for j in jobs for s in j['steps'] for line in s.get('run', '').splitlines()]
    assert set(flows) == {'test', 'newest', 'book'}
    assert 'bash .ci/run' in flows['test']
    assert 'bash tests/newest.sh' in flows['newest'] and 'bash tests/newest.sh' in commands('tests/run.sh')
    assert {'python book.py', 'python tests/pages.py --required'} <= {*flows['book']}


def test_the_citation_is_of_this_version():
    cff,s = yaml.safe_load((ROOT/'CITATION.cff').read_text()),book.settings()
    assert {'cff-version', 'message', 'title', 'authors', 'version', 'license', 'type'} <= {*cff}
    assert (str(cff['version']), cff['license'], cff['title']) == (s['version'], 'Apache-2.0', s['title'])
    assert all(o.get('name') or o.get('family-names') for o in cff['authors'])


DOCKERFILES = sorted((ROOT/'docker').glob('*.Dockerfile'))


@pytest.mark.parametrize('path', DOCKERFILES, ids=[o.stem for o in DOCKERFILES])
def test_dockerfiles_are_clean(path):
    "By hadolint; what they copy is there, what they run exists"
    run = subprocess.run([Path(sys.executable).with_name('hadolint'), path], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    lines = [o.split() for o in path.read_text().splitlines()]
    copied = [p for o in lines if o and o[0] == 'COPY' for p in o[1:-1] if not p.startswith('--')]
    assert copied and [o for o in copied if not (ROOT/o).exists()] == []
    assert {'USER', 'ENTRYPOINT'} <= {o[0] for o in lines if o}


def test_the_linter_sees_faults(tmp_path):
    (tmp_path/'Dockerfile').write_text('FROM python\nRUN cd x && apt-get install y\n')
    tool = Path(sys.executable).with_name('hadolint')
    run = subprocess.run([tool, tmp_path/'Dockerfile'], capture_output=True, text=True)
    assert run.returncode and 'DL3006' in run.stdout


def test_versions_agree():
    import colorbook
    assert colorbook.__version__ == book.settings()['version']
    assert f"## {colorbook.__version__}" in (ROOT/'CHANGELOG.md').read_text()
