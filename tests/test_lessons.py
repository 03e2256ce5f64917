"What can be counted in the ten lessons, and the film that they learn from."
import hashlib, json, re, runpy

import nbformat, pytest
from PIL import Image

import book
from colorbook.video.read import read_frames

LESSONS = [o for o in book.chapters() if book.name(o).startswith('lessons/')]
ORDER = 'ten_lines light_and_color tasks brown unet critic losses duel gan how_good'.split()
FORBIDDEN = 'At the end of this chapter', 'whoever', 'to the last bit', 'to the letter', 'test_fail'
each = pytest.mark.parametrize('path', LESSONS, ids=[o.stem for o in LESSONS])


def cells(path, kind):
    "Sources of the cells of one kind"
    return [c.source for c in book.without_colab(nbformat.read(path, as_version=4).cells) if c.cell_type == kind]


def words(path):
    "Words of a lesson's prose: without code, formulas, addresses and tags"
    text = '\n'.join(cells(path, 'markdown'))
    for o in (r'```.*?```', r'\$\$.*?\$\$', r'<[^>]+>', r'\]\([^)]*\)'): text = re.sub(o, ' ', text, flags=re.S)
    return len(re.findall(r"[\w'’]*[A-Za-z][\w'’-]*", text))


def code(path): return [o for o in cells(path, 'code') if set(book.directives(o)) != {'default_exp'}]


def test_ten_in_their_order():
    assert [o.stem for o in LESSONS] == ORDER
    titles = [cells(o, 'markdown')[0].splitlines()[0] for o in LESSONS]
    assert [int(re.match(r'# (\d+)\. ', o)[1]) for o in titles] == list(range(1, 11))


def test_all_in_one_sitting():
    assert sum(words(o) for o in LESSONS) <= 10_000
    assert sum(len(code(o)) for o in LESSONS) <= 120


def test_words_are_counted():
    assert len(re.findall(r"[\w'’]*[A-Za-z][\w'’-]*", "It's 3 o'clock, well-known `L`.")) == 4


@each
def test_size(path):
    assert words(path) <= 1200
    assert len(code(path)) <= 12
    lines = [o for c in cells(path, 'code') for o in c.splitlines() if not o.startswith('#|')]
    assert [o for o in lines if len(o) > 80] == []


@each
def test_box_on_top(path):
    top = cells(path, 'markdown')[0]
    for o in ('**You need**', '**You get**', '**Minutes:**'): assert o in top
    [picture] = re.findall(r'!\[[^\]]{20,}\]\(([^)]+)\)', top)
    assert (path.parent/picture).stat().st_size < 200_000


@each
def test_three_exercises_with_folded_solutions(path):
    exercises = '\n'.join(cells(path, 'markdown')).split('## Exercises')[1]
    assert re.findall(r'^(\d)\. ', exercises, re.M) == ['1', '2', '3']
    folded = re.findall(r'<details><summary>Solution (\d)</summary>\n\n.+?\n\n</details>', exercises, re.S)
    assert folded == ['1', '2', '3']


@each
def test_assertions_are_folded(path):
    for o in code(path):
        if re.search(r'^\s*assert ', o, re.M): assert {'code-fold', 'hide'} & set(book.directives(o)), o
    assert not any(re.search(r'\btest_\w+\(', o) for o in code(path))


@each
def test_prose(path):
    text = '\n'.join(cells(path, 'markdown'))
    assert [o for o in FORBIDDEN if o.lower() in text.lower()] == []
    assert re.findall(r'\bchapter \d', text) == []
    assert re.findall(r'\b(?:colour|grey|disks?)\w*', text) == []


def test_every_figure_follows_prose():
    for path in LESSONS:
        before = None
        for c in book.without_colab(nbformat.read(path, as_version=4).cells):
            opts = set(book.directives(c.source)) if c.cell_type == 'code' else set()
            kind = 'figure' if 'label' in opts else c.cell_type
            assert not kind == before == 'figure', (path, c.source)
            if not opts & {'code-fold', 'hide'}: before = kind


GLOSSARY = (book.ROOT/'appendix'/'glossary.qmd').read_text().split('## Words')[1]
TERMS = re.findall(r'^([^\n:#{}].*)\n: ', GLOSSARY, re.M)
EVERYDAY = dict(answer='of a question', turn='the verb', panel='half of a figure')  # other words that are spelled so


def unexplained(paragraphs, terms):
    "Terms whose first paragraph neither sets them in *emphasis*, as where a term is explained, nor links them"
    found = []
    for term in terms:
        word = re.compile(rf"\b{re.escape(term)}(?:s|d)?\b", 0 if term.isupper() else re.I)
        first = next((o for o in paragraphs if word.search(o)), None)
        marked = re.findall(r'\*+([^*]+)\*+|\[([^\]]+)\]\(', first or '')
        if first and not any(word.search(a or b) for a,b in marked): found.append((term, first))
    return found


def test_a_term_of_the_glossary_is_explained_or_linked_where_it_comes_first():
    "In the order of the ten lessons, without the boxes on top and the addresses of links"
    text = '\n\n'.join(c for o in LESSONS for c in cells(o, 'markdown')[1:])
    text = re.sub(r'\]\([^)]*\)', '](', re.sub(r'```.*?```|`[^`\n]*`', '', text, flags=re.S))
    paragraphs = [o for o in re.split(r'\n\s*\n|\n(?=\d\. )', text) if not o.startswith(('#', '!['))]
    assert len(TERMS) > 40 and set(EVERYDAY) < set(TERMS)
    used = [t for t in TERMS if re.search(rf'\b{re.escape(t)}s?\b', text, re.I)]
    assert {'critic', 'generator', 'verdict', 'PSNR', 'U-Net', 'spectral norm'} <= set(used)
    assert unexplained(paragraphs, [t for t in TERMS if t not in EVERYDAY]) == []


def test_an_unexplained_term_is_seen():
    text = ['A critic is strict.', 'The *critic*, a network, gives [a verdict](', 'Verdicts; PSNR, the **PSNR** in dB.']
    assert [o[0] for o in unexplained(text, ['critic', 'verdict', 'PSNR', 'gamut'])] == ['critic']


def test_film():
    about = json.loads((book.ROOT/'asset'/'bunny.json').read_text())
    film = book.ROOT/'asset'/about['file']
    assert hashlib.sha256(film.read_bytes()).hexdigest() == about['sha256'] and film.stat().st_size < 1e6
    assert about['licence'] == 'CC BY 3.0' and 'Blender Foundation' in about['authors']
    frames = list(read_frames(film))
    assert len(frames) == about['frames'] and frames[0].im.size == (about['width'], about['height'])
    assert 29.9 < frames[-1].time < 30


def test_the_runs_that_lesson_9_shows():
    "The same start; the gentle critic's best moment is nearer to the truth, the loud one's colors are strong and wrong"
    from colorbook.training.critic_schedules import knee
    kept = json.loads((book.ROOT/'asset'/'lessons'/'nogan.json').read_text())
    rows = {o['weight']: o['rows'] for o in kept['runs']}
    assert list(rows) == [5, 0, 50] and rows[5][0] == rows[0][0] == rows[50][0]
    for o in kept['runs']: assert o['best'] == o['rows'][knee([r['distance'] for r in o['rows']])]['step']
    start,best = rows[5][0],next(r for r in rows[5] if r['step'] == kept['runs'][0]['best'])
    assert best['psnr'] > start['psnr'] and best['ratio'] > start['ratio'] and best['distance'] < .7*start['distance']
    wild = max(rows[50], key=lambda o: o['ratio'])
    assert wild['step'] == kept['wild'] and wild['ratio'] > 1 and wild['psnr'] < start['psnr'] - 3.9
    assert kept['runs'][0]['best'] < kept['runs'][1]['best']


def test_the_script_of_these_runs(tmp_path):
    "At a third of the size and an epoch of each stretch it writes what the lesson reads"
    main = runpy.run_path(str(book.ROOT/'asset'/'nogan.py'))['main']
    main((1, 1, 1), every=2, size=(16, 32), out=tmp_path)
    made,kept = (json.loads((o/'nogan.json').read_text()) for o in (tmp_path, book.ROOT/'asset'/'lessons'))
    assert made.keys() == kept.keys() and made['runs'][0]['rows'][0].keys() == kept['runs'][0]['rows'][0].keys()
    assert [o['step'] for o in made['runs'][0]['rows']] == list(range(0, 15, 2))
    assert made['runs'][1]['rows'] != made['runs'][2]['rows']
    for o,(h,w) in ((tmp_path, (16, 32)), (book.ROOT/'asset'/'lessons', kept['size'])):
        assert Image.open(o/'nogan.jpg').size == (6*w, 4*h)
