"What surrounds the chapters: drawings, guides, appendices, the first page; made from the code where they can be."
import re, runpy

import pytest

import book, book_appendix as appendix, pages

ROOT = book.ROOT
GUIDES = sorted((ROOT/'guides').glob('*.qmd'))
VIEW = '<meta name="viewport" content="width=device-width">'


def test_drawings_are_their_scripts():
    drawing = (ROOT/'asset'/'map.svg').read_text()
    bare = lambda o: re.sub(r'base64,[^"]*', '', o)
    assert bare(drawing) == bare(runpy.run_path(str(ROOT/'asset'/'map.py'))['draw']()), 'run python asset/readme.py'
    for page in re.findall(r'<a href="([^"]+)"', drawing): assert (ROOT/page).with_suffix('.ipynb').exists(), page
    for k,draw in runpy.run_path(str(ROOT/'asset'/'systems.py'))['DRAWINGS'].items():
        assert (ROOT/'asset'/f'systems-{k}.svg').read_text() == draw(), 'run python asset/systems.py'


@pytest.fixture(scope='module')
def helps():
    "The help of every command, by its words"
    from typer.main import get_command
    from colorbook.cli.app import commands
    found = {}
    def walk(command, words):
        found[words] = {o for p in command.params for o in [*p.opts, *p.secondary_opts]}
        for name,o in getattr(command, 'commands', {}).items(): walk(o, (*words, name))
    walk(get_command(commands()), ())
    return found


@pytest.mark.parametrize('path', GUIDES, ids=[o.stem for o in GUIDES])
def test_commands_of_a_guide_exist(path, helps):
    blocks = re.findall(r'^```bash\n(.*?)^```', path.read_text(), flags=re.S | re.M)
    lines = [o.split() for b in blocks for o in b.splitlines() if o.startswith('colorbook ')]
    assert len(lines) >= 2
    for _,*words in lines:
        name = tuple(words[:2]) if tuple(words[:2]) in helps else tuple(words[:1])
        assert name in helps, words
        assert {o for o in words if re.match('-+[a-z]', o)} <= helps[name], words


def test_guides_need_no_code_of_ours():
    assert [o.stem for o in GUIDES if 'import ' in o.read_text() or len(o.read_text().split()) > 400] == []


def test_the_five_systems_are_introduced():
    text = (ROOT/'appendix'/'systems.qmd').read_text()
    for k in range(5):
        part = text.split(f'{{#s{k}}}')[1].split('\n## ')[0]
        assert f'systems-s{k}.svg' in part and all(f'**{o}' in part for o in ('What was wrong', 'Ours', 'Result'))


def test_systems_are_linked_at_their_first_mention():
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
    nb = new_notebook(cells=[new_markdown_cell(
        '# S0\n\n> S0 and S1\n\nFor S0 and S0, `S1`, [S1](a.ipynb), $S1$, s1, S1-b.'),
        new_code_cell('S1'), new_markdown_cell("S1's and S0.")])
    assert appendix.link_systems(nb, '../../') == {'S0', 'S1'}
    link = '[S0](../../appendix/systems.qmd#s0)'
    assert nb.cells[0].source.endswith(f'For {link} and S0, `S1`, [S1](a.ipynb), $S1$, s1, S1-b.')
    assert nb.cells[0].source.startswith('# S0\n\n> S0 and S1\n')
    assert (nb.cells[1].source, nb.cells[2].source) == ('S1', "[S1](../../appendix/systems.qmd#s1)'s and S0.")


def test_no_chapter_speaks_of_a_system_without_a_link():
    "What is named in the sentences of a chapter, found line by line, is what the book links there"
    import nbformat
    n = 0
    for o in book.chapters():
        nb,named = nbformat.read(o, as_version=4),set()
        for c in nb.cells:
            if c.cell_type != 'markdown': continue
            plain = re.sub(r'(?s)```.*?```|`[^`]*`|\$[^$]*\$|!?\[[^\]]*\]\([^)]*\)', ' ', c.source)
            for line in plain.splitlines():
                if line[:1] not in ('#', '>'): named |= set(re.findall(r'(?<![\w/.-])S[0-4](?![\w-])', line))
        by_hand = {k.upper() for c in nb.cells for k in re.findall(r'systems.qmd#(s[0-4])', c.source)}
        assert named - by_hand <= appendix.link_systems(nb, '../../'), o
        n += bool(named)
    assert n > 30


GLOSSARY = (ROOT/'appendix'/'glossary.qmd').read_text()
TERMS = re.findall(r'^(\S.*)\n: ', GLOSSARY, re.M)


def test_the_glossary_is_sorted_and_used():
    assert len(TERMS) > 40 and TERMS == sorted(TERMS, key=str.lower) and len(set(TERMS)) == len(TERMS)
    prose = ' '.join(book.words(o)[1] for o in book.chapters()).lower()
    assert [o for o in TERMS if o.lower() not in prose] == []


@pytest.mark.parametrize('word', 'verdict energy leaning turn arm panel ride reel artifact lane shard saliency'.split())
def test_house_words_are_defined(word): assert word in TERMS


def test_the_reference_has_every_public_name(tmp_path):
    from test_repo import public
    appendix.write_api(tmp_path)
    text = {o.stem: o.read_text() for o in (tmp_path/'api').glob('*.qmd')}
    assert set(text) == set(appendix.ROOMS)
    assert [o for o,module in public() if f'`{o}`' not in text[module.split('.')[0]]] == []
    for k,o in text.items():
        anchors = re.findall(r'\{#([\w-]+)\}', o)
        assert len(anchors) == len(set(anchors)), k
    color = text['losses'].split('### `LogisticLoss`')[1]
    assert '| `fake` | `Tensor` |  | logits of generated ones, any shape |' in color
    assert 'Gives `Tensor`, scalar, 2 log 2 for a critic that says nothing.' in color


def test_the_reference_reads_every_form_of_a_parameter(tmp_path):
    path = tmp_path/'m.py'
    path.write_text('''__all__ = ['f', 'C', 'k']
def f(
    a:int, # first
    b:str|None='x', # second
    *more, # others
    c=3,
    **kwargs # rest
) -> list: # all of it
    "Does."
class C(dict):
    "Is."
    def __init__(self, a): pass
    def g(self, x=1): "Gives."
    def _h(self): "Hidden."
@patch
def late(self:C, y): "Comes later."
k = 3
''')
    text = appendix.module_page(path)
    rows = [o for o in text.splitlines() if o.startswith('| `')]
    assert rows == ['| `a` | `int` |  | first |', "| `b` | `str \\| None` | `'x'` | second |",
        '| `c` |  | `3` |  |', '| `*more` |  |  | others |', '| `**kwargs` |  |  | rest |']
    assert 'Gives `list`, all of it.' in text and 'Values: `k`.' in text
    assert '### `C`' in text and '`C.g`' in text and '`C.late`' in text and '_h' not in text


def solutions():
    "Chapter, number and text of every solution"
    for o in book.chapters():
        for n,text in appendix.solved(book.name(o), book.words(o)[1]).items(): yield book.name(o),n,text


def test_every_solution_has_its_exercise():
    there = {o: appendix.exercises(book.words(book.ROOT/f'nbs/{o}.ipynb')[1]) for o in {s[0] for s in solutions()}}
    assert [(o, n) for o,n,_ in solutions() if n not in there[o]] == []
    named = {o.relative_to(ROOT/'appendix'/'solutions').with_suffix('').as_posix()
             for o in (ROOT/'appendix'/'solutions').rglob('*.md')}
    assert named <= {book.name(o) for o in book.chapters()}


def test_every_exercise_has_its_solution():
    "Of a training that takes hours, and of photographs that only the reader has, it says what to expect and why"
    missing,n = [],0
    for o in book.chapters():
        name,text = book.name(o),book.words(o)[1]
        asked,found = appendix.exercises(text),appendix.solved(name, text)
        n += len(asked)
        missing += [f'{name} {k}' for k in asked if len(found.get(k, '').split()) < 5]
    assert n > 300 and missing == []


# those beside a chapter stand alone; those inside of a lesson go on from its cells
CODE = [(f'{book.name(o)} {n}', c) for o in book.chapters() for n,text in appendix.added(book.name(o)).items()
        for c in re.findall(r'^```python\n(.*?)^```', text, re.S | re.M)]


@pytest.mark.parametrize('code', [c for _,c in CODE], ids=[o for o,_ in CODE])
def test_code_of_a_solution_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert 'assert' in code
    exec(compile(code, 'solution', 'exec'), {'__name__': 'solution'})


def test_the_page_of_solutions(tmp_path):
    text = '''# Title

## Exercises

1. First, see [there](../color/lab.ipynb).
2. Second.

<details><summary>Solution 2</summary>

Two.

</details>'''
    assert appendix.exercises(text) == {1: 'First, see [there](../color/lab.ipynb).', 2: 'Second.'}
    assert appendix.solved('losses/none', text) == {2: 'Two.'}
    text = text.replace('Two.', 'See [that](../color/lab.ipynb).')
    appendix.write_solutions(tmp_path, [('losses/none', 'Title', text)])
    made = (tmp_path/'solutions.qmd').read_text()
    assert '**2.** Second.' in made and '](../nbs/color/lab.ipynb)' in made and '1 exercises' in made
    beside = next((o, n) for o,n,s in solutions() if n in appendix.added(o) and '](../evaluation/diversity.ipynb)' in s)
    appendix.write_solutions(tmp_path, [(beside[0], 'Title', '')])
    assert '](../nbs/evaluation/diversity.ipynb)' in (tmp_path/'solutions.qmd').read_text()


@pytest.mark.skipif(not pages.browser(), reason='chromium is not installed: the first page was not tried')
def test_the_slider_of_the_first_page(tmp_path):
    "By keyboard: the line moves, the button shows the truth"
    import tempfile
    html = re.search(r'```{=html}\n(.*?)```', (ROOT/'index.qmd').read_text(), re.S)[1]
    style = re.sub(r'^//.*$', '', (ROOT/'asset'/'book.scss').read_text().split('rules --*/')[1], flags=re.M)
    (tmp_path/'asset').symlink_to(ROOT/'asset')
    (tmp_path/'a.html').write_text(f'<!DOCTYPE html>{VIEW}<style>figure {{ margin: 0 }} {style}</style>{html}')
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        tab = pages.Chromium(home)
        try:
            tab.open(f'file://{tmp_path}/a.html', 390)
            at = "getComputedStyle(document.querySelector('.over')).clipPath"
            wide = "[...document.images].map(o => o.getBoundingClientRect())"
            wide += ".every(o => o.width > 300 && o.right <= 390)"
            was = tab.value(at)
            assert tab.value(wide) and '50%' in was
            tab.value("document.querySelector('input').focus()")
            right = dict(key='ArrowRight', code='ArrowRight', windowsVirtualKeyCode=39)
            for kind in ('keyDown', 'keyUp'): tab.do('Input.dispatchKeyEvent', type=kind, **right)
            assert '49%' in tab.value(at)
            tab.value("document.querySelector('button').focus()")
            for kind,more in (('keyDown', dict(text=' ')), ('keyUp', {})):
                tab.do('Input.dispatchKeyEvent', type=kind, key=' ', code='Space', windowsVirtualKeyCode=32, **more)
            assert tab.value("document.querySelector('.under').getAttribute('src')") == 'asset/slider-truth.jpg'
            assert tab.value("document.querySelector('button').getAttribute('aria-pressed')") == 'true'
        finally: tab.close()
