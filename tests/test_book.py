"""The book runs: each chapter through the staging of `book.py`, then the check of what refers to what.

One test a chapter; the fixture runs those that were asked for, two at a time, so that `-k` stays quick."""
import re, shutil

import nbformat, pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import book

CHAPTERS = book.chapters()
IMAGE = [new_output('display_data', {'image/png': 'iVBORw0KGgo='})]


@pytest.fixture(scope='session')
def staged(request):
    wanted = {o.callspec.params['path'] for o in request.session.items if o.originalname == 'test_chapter'}
    shutil.rmtree(book.PROC, ignore_errors=True)
    return book.stage_all(sorted(wanted), report=lambda o: None)


@pytest.mark.parametrize('path', CHAPTERS, ids=[book.name(o) for o in CHAPTERS])
def test_chapter(staged, path):
    seconds,error = staged[book.name(path)]
    assert error is None, error
    nb = nbformat.read(book.PROC/path.relative_to(book.ROOT), as_version=4)
    source = '\n'.join(c.source for c in nb.cells)
    assert 'colab.research.google.com' in nb.cells[0].source
    assert book.check_outputs(book.PROC/path.relative_to(book.ROOT)) == []
    assert not any(o in source for o in ('#| export', '#| default_exp', '#| hide', '#|export'))
    print(f"{book.name(path)}: {seconds:.1f} s")


def test_links_find_headings_with_code(tmp_path):
    text = '# Title\n\nSay `# no heading`.\n\n```\n# none\n```\n\n## `colorbook gallery` {.a}\n\n## Two words\n'
    (page := tmp_path/'a.qmd').write_text(text)
    assert book.anchors(book.prose(page)[0]) == {'title', 'colorbook-gallery', 'two-words'}


def test_references(staged):
    if {book.name(o) for o in CHAPTERS} != set(staged): return  # a part of the book was asked for: see -k
    book.stage_frame()
    assert book.check() == []
    assert (book.render() if shutil.which('quarto') else []) == []


# what follows shows that the runner and the check would notice

def notebook(tmp_path, monkeypatch, *cells):
    "A one-chapter project with `cells` after the title"
    title = new_markdown_cell('# Title\n\n> Subtitle\n\nText.')
    (tmp_path/'nbs').mkdir()
    path = tmp_path/'nbs'/'01_a.ipynb'
    nbformat.write(new_notebook(cells=[title, *cells]), path)
    shutil.copy(book.ROOT/'settings.ini', tmp_path)
    monkeypatch.setattr(book, 'ROOT', tmp_path)
    monkeypatch.setattr(book, 'PROC', tmp_path/'_proc')
    return path


def test_stage(tmp_path, monkeypatch):
    sources = ('#| default_exp a', '#| slow\nm = 2', 'n = 1', '#| notest\nraise Exception()',
               '#| export\ndef f(): return n',
               '#| eval: false\nraise Exception()', '#| hide\nf()', '#| gpu\nraise Exception()')
    codes = [new_code_cell(o, metadata={'tags': ['parameters']} if o == 'n = 1' else {}) for o in sources]
    path = notebook(tmp_path, monkeypatch, *codes)
    out,_,error = book.stage(path, {'n': 7})
    cells = nbformat.read(out, as_version=4).cells
    assert error is None
    assert [c.source for c in cells[1:]] == ['m = 2', 'n = 1', '#| eval: false\nraise Exception()', 'def f(): return n',
        '#| eval: false\nraise Exception()', '#| include: false\nf()', '#| eval: false\nraise Exception()']
    assert cells[-2].outputs[0].data['text/plain'] == '7'
    assert [bool(c.execution_count) for c in cells[1:]] == [True, True, False, True, False, True, False]
    blocks = cells[0].source.split('\n\n')
    url = '{user}/{repo}/blob/{branch}/nbs/01_a.ipynb'.format(**book.settings())
    assert blocks[:2] == ['# Title', '> Subtitle'] and url in blocks[2] and blocks[-1] == 'Text.'
    assert not blocks[2].endswith(')')  # a picture alone in its paragraph would become a figure


def test_an_error_names_chapter_and_cell(tmp_path, monkeypatch):
    path = notebook(tmp_path, monkeypatch, new_code_cell('a = 1'), new_code_cell('a/0'))
    _,_,error = book.stage(path)
    assert '01_a, cell [2]' in error and 'a/0' in error and 'ZeroDivisionError' in error


def test_an_unknown_option_is_an_error():
    with pytest.raises(ValueError, match='expotr'): book.rewrite('#| expotr\nx = 1')


def figure(label, caption='#| fig-cap: "A."\n', outputs=IMAGE):
    return new_code_cell(f'#| label: {label}\n#| fig-alt: "A."\n{caption}draw()', outputs=outputs, execution_count=1)


@pytest.mark.parametrize('cells,complaint', [
    ([new_markdown_cell('@fig-a, @ronneberger2015, `@x`, a@b.de, [this](01_a.ipynb#title).'), figure('fig-a')], None),
    ([new_markdown_cell('See @fig-b.'), figure('fig-a')], '@fig-b is not defined'),
    ([new_markdown_cell('See [@nobody1900].')], '@nobody1900 is not defined'),
    ([figure('fig-a'), figure('fig-a')], 'label fig-a is already in'),
    ([figure('fig-a', outputs=[])], 'fig-a drew nothing'),
    ([figure('fig-a', caption='')], 'fig-a has no caption'),
    ([figure('fig-a', '#| fig-cap: "A."\n#| eval: false\n', [])], None),
    ([new_markdown_cell('[there](02_b.ipynb)')], 'link to 02_b.ipynb leads nowhere'),
    ([new_markdown_cell('![there](../asset/none.png)')], 'leads nowhere'),
    ([new_markdown_cell('[there](#nowhere)')], 'finds no such heading'),
    ([new_markdown_cell('See @sec-a.\n\n## A {#sec-a}')], 'sections carry no numbers'),
])
def test_check(tmp_path, monkeypatch, cells, complaint):
    path = notebook(tmp_path, monkeypatch, *cells)
    shutil.copytree(path.parent, book.PROC/'nbs')
    (book.PROC/'index.qmd').write_text('# Preface\n')
    shutil.copy(book.__file__.replace('book.py', 'references.bib'), book.PROC)
    bad = book.check(book.PROC)
    assert len(bad) == bool(complaint) and (complaint or '') in ''.join(bad)


said = lambda data, **kwargs: new_code_cell('f()', outputs=[new_output('execute_result', data, **kwargs)])


@pytest.mark.parametrize('cell,complaint', [
    (said({'text/plain': '2'}), None),
    (new_code_cell('f()', outputs=[new_output('stream', name='stderr', text='a warning')]), 'stderr: a warning'),
    (new_code_cell('#| include: false\nf()', outputs=[new_output('stream', name='stderr', text='a warning')]), None),
    (new_code_cell('#| output: false\nf()', outputs=[new_output('stream', name='stderr', text='a warning')]), None),
    (said({'text/plain': f"'{book.tempfile.gettempdir()}/tmp1/a.png'"}), 'a path of this machine'),
    (said({'text/plain': 'lib/site-packages/a.py:3'}), 'a path of this machine'),
    (said({'text/plain': f"'{book.Path.home()}/a'"}), 'a path of this machine'),
    (said({'text/html': '<b>2</b>'}), 'HTML'),
    (said({'image/png': 'iVBORw0KGgo='}), 'without alt text'),
    (said({'text/plain': 'a'*(4*book.PAGE//3 + 1)}), 'a.ipynb: 2.5 MB'),
])
def test_what_a_reader_should_not_see(tmp_path, cell, complaint):
    nbformat.write(new_notebook(cells=[cell]), tmp_path/'a.ipynb')
    bad = book.check_outputs(tmp_path/'a.ipynb')
    assert len(bad) == bool(complaint) and (complaint or '') in ''.join(bad)


def test_polished_outputs():
    import pandas as pd
    frame = pd.DataFrame(dict(what=['a_b|c', '<x>'], n=[1.5, float('nan')]))
    bare = '<IPython.core.display.HTML object>'
    progress = new_output('display_data', {'text/plain': bare, 'text/html': '<style></style>'})
    clip = new_output('display_data', {'text/html': '<video src="a.mp4"></video>'})
    rich = new_output('display_data', {'text/plain': '\x1b[3mx\x1b[0m', 'text/html': '<pre>x</pre>'})
    table = new_output('execute_result', {'text/plain': '..', 'text/html': frame.to_html()})
    cell = new_code_cell('#| label: tbl-a\n#| fig-cap: "See [Lab](../lab.ipynb), $x$ in @fig-b."\nf()',
                         outputs=[progress, clip, rich, table])
    book.polish(cell)
    data = [o.data for o in cell.outputs]
    assert data[0] == {'text/markdown': '```{=html}\n<video src="a.mp4"></video>\n```'}
    assert data[1] == {'text/plain': 'x'}
    assert data[2]['text/markdown'].splitlines() == ['|  | what | n |', '| ---: | :--- | ---: |',
        '| 0 | a\\_b\\|c | 1.5 |', '| 1 | \\<x\\> | NaN |']
    assert cell.source.startswith('#| fig-alt: "See Lab, x in ."\n#| label')


def test_photographs_become_lighter():
    import base64, io
    import numpy as np
    from PIL import Image
    def png(pixels):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, 'PNG')
        return base64.b64encode(out.getvalue()).decode()
    photo = np.asarray(Image.open(book.ROOT/'data'/'chelsea.png').convert('RGB'))
    kind,less = book.lighter(png(photo))
    again = np.asarray(Image.open(io.BytesIO(base64.b64decode(less))), float)
    assert kind == 'image/jpeg' and len(less) < len(png(photo))/2 and abs(again - photo).mean() < 3
    flat = np.zeros((600, 600, 3), np.uint8)
    assert book.lighter(png(flat)) == ('image/png', png(flat))


@pytest.mark.skipif(not shutil.which('npm'), reason='npm is not installed: the formulas were not bundled')
def test_katex_is_bundled(tmp_path):
    bad = book.bundle_katex(tmp_path)
    if bad and any(o in bad[0] for o in ('ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ETIMEDOUT')):
        pytest.skip('npm has no network: the formulas were not bundled')
    assert bad == []
    css = (tmp_path/'katex.min.css').read_text()
    fonts = set(re.findall(r'url\(([^)]*\.woff2)\)', css))
    assert fonts and all((tmp_path/o).exists() for o in fonts) and (tmp_path/'katex.min.js').stat().st_size > 100_000


def test_the_way_to_katex(tmp_path):
    for page,up in (('index.html', ''), ('nbs/core.html', '../'), ('nbs/color/lab.html', '../../')):
        (tmp_path/page).parent.mkdir(parents=True, exist_ok=True)
        for given in ('katex/', '/katex/', '../katex/'):
            (tmp_path/page).write_text(f'<script src="{given}katex.min.js"></script>')
            assert book.relink(tmp_path/page, tmp_path) == f'<script src="{up}katex/katex.min.js"></script>'


def test_quarto_log():
    log = '''[1/3] index.qmd
WARN: Unable to resolve crossref @fig-none
[WARNING] Citeproc: citation nobody not found
WARNING (lib/deno.js) Unable to resolve link target: nbs/99.ipynb
Output created: _book/index.html'''
    assert len(book.quarto_complaints(log)) == 3
    assert book.quarto_complaints('[1/1] index.qmd\nOutput created: _book/index.html') == []
