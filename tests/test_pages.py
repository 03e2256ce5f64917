"The script that looks at the rendered book sees what it should; the book itself is looked at where there is one."
import re

import pytest

import book, pages

needs_browser = pytest.mark.skipif(not pages.browser(), reason='chromium is not installed: the script was not tried')
FORMULA = r'\mathcal{L}=\mathbb{E}[\ell(G(L),c)]' + '+a'*120
PAGE = '''<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1">HEAD</head>
<body><main><h1>A page</h1>BODY</main></body></html>'''
HEAD = '''<link rel="stylesheet" href="../katex/katex.min.css"><script defer src="../katex/katex.min.js"></script>
<script>document.addEventListener('DOMContentLoaded', () => { for (const o of document.getElementsByClassName('math'))
katex.render(o.firstChild.data, o, {displayMode: o.classList.contains('display'), throwOnError: false}) })</script>'''
SET = f'<p><span class="math display">{FORMULA}</span></p>'


def rules():
    "The style and the script that every page of the book gets, as plain CSS and HTML"
    scss = (book.ROOT/'asset'/'book.scss').read_text().split('scss:rules --*/')[1]
    assert '$' not in scss and '&' not in scss
    return f"<style>{re.sub(r'^//.*$', '', scss, flags=re.M)}</style>" + (book.ROOT/'asset'/'book.html').read_text()


FAULTS = dict(
    script=('', '<script>nothing()</script>', 'script: ReferenceError: nothing is not defined'),
    host=('', '<img alt="a" src="http://far.invalid/a.png">', 'asks another host: far.invalid/a.png'),
    absent=('', '<img alt="a" src="none.png">', '404: /none.png'),
    wide=('', '<div style="width: 1000px">wide</div>', 'pixels wide on a screen of 390'),
    alt=('', '<img src="data:,">', '1 pictures have no alt text'),
    raw=('', '<p><span class="math inline">x^2</span></p>', '1 formulas are not set'),
    broken=(HEAD.replace('../', ''), r'<p><span class="math inline">\frac{1</span></p>', '1 formulas are not set'),
    pale=('', '<p style="color: #ddd">words</p>', 'color-contrast'))


@needs_browser
def test_faults_are_seen_and_good_pages_are_not_blamed(tmp_path):
    bad = book.bundle_katex(tmp_path/'katex')
    axe = pages.axe_core()
    if bad or not axe: pytest.skip('katex and axe-core were not to be had from npm: the script was not tried')
    (tmp_path/'a').mkdir()
    (tmp_path/'a'/'good.html').write_text(PAGE.replace('HEAD', HEAD + rules()).replace('BODY', SET))
    for k,(head,body,_) in FAULTS.items():
        (tmp_path/f'{k}.html').write_text(PAGE.replace('HEAD', head).replace('BODY', body))
    found = pages.look(tmp_path, axe=axe, n_axe=len(FAULTS) + 1)
    for k,(_,_,said) in FAULTS.items():
        assert [o for o in found if o.startswith(f'{k}.html') and said in o], (k, found)
        assert all(said in o or 'image-alt' in o for o in found if o.startswith(f'{k}.html')), (k, found)
    assert [o for o in found if o.startswith('a/')] == []


@needs_browser
def test_the_style_is_what_makes_a_formula_fit(tmp_path):
    if book.bundle_katex(tmp_path/'katex'): pytest.skip('katex was not to be had from npm')
    (tmp_path/'a').mkdir()
    (tmp_path/'a'/'bare.html').write_text(PAGE.replace('HEAD', HEAD).replace('BODY', SET))
    found = pages.look(tmp_path)
    assert len(found) == 2 and all('pixels wide' in o for o in found)


def test_what_is_missing_is_said_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('sys.argv', ['pages.py', str(tmp_path)])
    pages.main()
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith('not looked at: there is no rendered book')
    monkeypatch.setattr('sys.argv', ['pages.py', '--required', str(tmp_path)])
    with pytest.raises(SystemExit, match='there is no rendered book'): pages.main()


def test_the_rendered_book():
    if why := pages.missing(book.PROC/'_book'): pytest.skip(f'not looked at: {why}')
    assert pages.look(book.PROC/'_book', axe=pages.axe_core()) == []
