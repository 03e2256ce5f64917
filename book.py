"""Run the book: stage every chapter, execute it, check what refers to what, render it where there is Quarto.

    python book.py                        all chapters, then the book in _proc/_book
    python book.py color/lab training     these chapters only (no rendering)
    python book.py trainer -p epochs 3    with another value in the cell of parameters
    python book.py --prepare              before a commit: sync twins, drop outputs, clean, export
"""
import argparse, base64, configparser, io, os, re, shutil, subprocess, sys, tarfile, tempfile, time
from concurrent.futures import ProcessPoolExecutor, as_completed
from html.parser import HTMLParser
from pathlib import Path

import nbformat, yaml

import book_appendix

ROOT = Path(__file__).resolve().parent
PROC = ROOT/'_proc'
COPIED = ('*.qmd', 'ARCHITECTURE.md', 'references.bib', 'asset', 'appendix', 'guides')
PAGES = ('*.qmd', 'guides/*.qmd', 'appendix/**/*.qmd')
NBDEV = {'default_exp', 'export', 'exporti', 'exports', 'notest', 'slow', 'gpu'}  # nbdev's words, dropped
HIDING = {'hide': '#| include: false', 'hide_input': '#| echo: false', 'hide_output': '#| output: false'}
QUARTO = {'label', 'fig-cap', 'fig-alt', 'tbl-cap', 'layout-ncol', 'column', 'include', 'echo', 'eval', 'output',
          'warning', 'code-fold', 'code-summary'}
PREFIXES = 'fig|tbl|sec|eq|lst'
KATEX = 'katex@0.19'


def settings():
    "What `settings.ini` says: the only place that knows the project's address"
    cfg = configparser.ConfigParser()
    cfg.read(ROOT/'settings.ini')
    return cfg['DEFAULT']


def shared_folders():
    "Photos and weights beside the checkout, for chapters and tests: the library itself asks two variables and no more"
    for o in ('data', 'weights'):
        folder = ROOT.parent/'shared'/o
        if folder.is_dir(): os.environ.setdefault(f'COLORBOOK_{o.upper()}', str(folder))


def chapters(which=()):
    "The notebooks in the order of `_quarto.yml`, or those whose names (`color/lab` or `lab`) begin with one of `which`"
    conf = yaml.safe_load((ROOT/'_quarto.yml').read_text())
    flat = [c for o in conf['book']['chapters'] for c in (o['chapters'] if isinstance(o, dict) else [o])]
    found = [ROOT/o for o in flat if o.endswith('.ipynb')]
    return [o for o in found if any(name(o).startswith(w) or o.stem.startswith(w) for w in which)] if which else found


def name(path):
    "A chapter's name: its room and its file, as in `color/lab`"
    return path.relative_to(ROOT/settings()['nbs_path']).with_suffix('').as_posix()


def directive(line):
    "Name and value of a `#| name: value` line, or None"
    m = re.match(r'#\s*\|\s*([\w-]+):?\s*(.*)', line)
    return m and (m[1], m[2].strip())


def directives(source):
    "The options at the top of a code cell, in order"
    found = dict()
    for line in source.splitlines():
        d = directive(line)
        if d: found[d[0]] = d[1]
        elif line.strip(): break
    return found


def rewrite(source):
    "`source` with nbdev's directives dropped or turned into Quarto's; an option that neither knows is an error"
    lines = source.splitlines()
    for i,line in enumerate(lines):
        d = directive(line)
        if not d and line.strip(): break
        if not d or d[0] in QUARTO: continue
        if d[0] in HIDING: lines[i] = HIDING[d[0]]
        elif d[0] in NBDEV: lines[i] = None
        else: raise ValueError(f"unknown cell option '{line}'")
    return '\n'.join(o for o in lines if o is not None).strip('\n')


def badge(path):
    "Colab badge of one chapter; the words behind it keep it from becoming a figure with a caption"
    s,up = settings(),'../'*(len(path.relative_to(ROOT).parts) - 1)
    blob = f"{s['user']}/{s['repo']}/blob/{s['branch']}/{s['nbs_path']}/{name(path)}.ipynb"
    return (f"[![Open in Colab]({up}asset/badge.svg)](https://colab.research.google.com/github/{blob}) "
            "and run this chapter yourself; its first cell installs there what it needs.")


COLAB = 'install-on-colab'  # id of the hidden cell that every notebook has behind its title, and no twin


def colab_cell(path):
    "The cell that makes a notebook run on Colab, and does nothing elsewhere"
    s,room = settings(),path.parent.relative_to(ROOT).as_posix()
    here = f"/content/{s['repo']}"
    return nbformat.v4.new_code_cell('\n'.join(['#| hide', '# on Colab only: fetch the project and install it',
        'import sys', "if 'google.colab' in sys.modules:",
        f"    !git clone -q --depth 1 -b {s['branch']} {s['git_url']} {here}",
        f'    %cd -q {here}/{room}', f'    %pip install -q "{here}[train]"']), id=COLAB)


def without_colab(cells):
    "Cells of a notebook without that one"
    return [c for c in cells if c.get('id') != COLAB]


class Table(HTMLParser):
    "Rows of the first table in a piece of HTML"
    def __init__(self, html):
        super().__init__()
        self.rows,self.open,self.depth = [],False,0
        self.feed(html)
    def handle_starttag(self, tag, attrs):
        if tag == 'table': self.depth += 1
        elif self.depth == 1 and tag == 'tr': self.rows.append([])
        elif self.depth == 1 and tag in ('td', 'th') and self.rows:
            self.rows[-1] += ['']*int(dict(attrs).get('colspan', 1))
            self.open = True
    def handle_endtag(self, tag):
        if tag == 'table': self.depth += 1  # a second table is not read
        elif tag in ('td', 'th'): self.open = False
    def handle_data(self, data):
        if self.open: self.rows[-1][-1] += data


def pipes(rows):
    "A Markdown table of `rows`, the first of which is its head; columns of numbers are set to the right"
    wide = max(map(len, rows))
    plain = lambda o: re.sub(r'([\\`*_<>$|\[\]@~^#])', r'\\\1', ' '.join(o.split()))
    rows = [[plain(c) for c in r + ['']*(wide - len(r))] for r in rows]
    number = [all(re.fullmatch(r'[-+]?[\d.,e+-]*|NaN|nan|inf|', r[i]) for r in rows[1:]) for i in range(wide)]
    lines = [rows[0], ['---:' if o else ':---' for o in number], *rows[1:]]
    return '\n'.join(f"| {' | '.join(o)} |" for o in lines)


def lighter(png, least=60_000):
    "A PNG in base64 as (kind, base64): photographs as JPEG where that takes less than half of the bytes"
    from PIL import Image
    raw = base64.b64decode(png)
    if len(raw) < least: return 'image/png',png
    im,out = Image.open(io.BytesIO(raw)),io.BytesIO()
    if 'A' in im.getbands() and im.getchannel('A').getextrema()[0] < 255: return 'image/png',png
    im.convert('RGB').save(out, 'JPEG', quality=90, subsampling=0, optimize=True)
    short = len(out.getvalue()) < len(raw)/2
    return ('image/jpeg', base64.b64encode(out.getvalue()).decode()) if short else ('image/png', png)


def polish(cell):
    "Outputs of a cell as the book wants them: tables in Markdown (Quarto answers HTML with scripts of other hosts)"
    kept = []
    for o in cell.get('outputs', ()):
        data = o.get('data', {})
        for k in [k for k in data if k.startswith('application/vnd.jupyter.widget') or 'javascript' in k]: del data[k]
        if html := data.pop('text/html', None):
            rows = [r for r in Table(html).rows if r]
            if rows: data['text/markdown'] = pipes(rows)
            elif not html.lstrip().startswith(('<pre', '<style')) and 'progress' not in html:
                data['text/markdown'] = f'```{{=html}}\n{html}\n```'
            elif data.get('text/plain', '').startswith('<IPython'): data.clear()
        if 'text/plain' in data: data['text/plain'] = re.sub(r'\x1b\[[\d;]*m', '', data['text/plain'])
        if 'image/png' in data and 'image/svg+xml' not in data:
            kind,image = lighter(data.pop('image/png'))
            data[kind] = image
            o.metadata |= {kind: o.metadata[k] for k in ('image/png',) if k in o.metadata}
        if data or o.output_type in ('stream', 'error'): kept.append(o)
    if cell.cell_type == 'code': cell.outputs = kept
    opts = directives(cell.source)
    if opts.get('fig-cap') and 'fig-alt' not in opts:
        said = re.sub(r'\]\([^)]*\)|[\[\]$*`]|@[\w-]+', '', opts['fig-cap'].strip('"\'')).replace('"', "'")
        cell.source = f'#| fig-alt: "{said}"\n{cell.source}'


def stage(path, params=None):
    "Execute a copy of one chapter without its directives; returns the copy, the seconds and the error or None"
    import papermill as pm
    from traitlets.config import Config
    nb,out = nbformat.read(path, as_version=4),PROC/path.relative_to(ROOT)
    out.parent.mkdir(parents=True, exist_ok=True)
    # nbdev_test leaves slow cells out; here they run
    aside,skip,kept = [],set(settings()['tst_flags'].split()) - {'slow'},[]
    nb.cells = without_colab(nb.cells)
    title = nb.cells[0].source.split('\n\n', 2)
    nb.cells[0].source = '\n\n'.join(title[:2] + [badge(path)] + title[2:])
    for c in nb.cells:
        if c.cell_type == 'code':
            opts = directives(c.source)
            c.source = rewrite(c.source)
            if not c.source: continue  # nothing but `#| default_exp`
            if skip & opts.keys() or opts.get('eval', '').lower() == 'false':
                if 'eval' not in opts: c.source = '#| eval: false\n' + c.source
                aside.append((len(kept) + len(aside), c))
                continue
        kept.append(c)
    nb.cells,start,error = kept,time.time(),None
    nb.metadata.kernelspec = dict(name='python3', display_name='Python 3', language='python')
    nbformat.write(nb, out)
    try:
        with tempfile.TemporaryDirectory() as sockets:  # files, not ports: a free port may be taken a moment later
            profile = Path(sockets)/'profile_default'
            profile.mkdir()
            (profile/'ipython_kernel_config.py').write_text("get_config().InlineBackend.figure_formats = {'retina'}\n")
            os.environ['IPYTHONDIR'] = sockets
            pm.execute_notebook(out, out, parameters=params, kernel_name='python3', cwd=path.parent,
                                progress_bar=False, execution_timeout=900,
                                config=Config(KernelManager=dict(transport='ipc', ip=f'{sockets}/kernel')))
    except pm.PapermillExecutionError as e:
        first = '\n    '.join(e.source.splitlines()[:6])
        error = f'{name(path)}, cell [{e.exec_count}]:\n    {first}\n{e.ename}: {e.evalue}'
    seconds,nb = time.time() - start,nbformat.read(out, as_version=4)
    added = {'injected-parameters', 'papermill-error-cell-tag'}
    nb.cells = [c for c in nb.cells if not added & set(c.metadata.get('tags', ()))]
    for i,c in aside: nb.cells.insert(i, c)
    nb.metadata.pop('papermill', None)
    for c in nb.cells:
        c.metadata.pop('papermill', None)
        if c.cell_type == 'code': polish(c)
    book_appendix.fold(name(path), nb)
    book_appendix.link_systems(nb, '../'*(len(path.relative_to(ROOT).parts) - 1))
    nbformat.write(nb, out)
    return out,seconds,error


def stage_all(paths, params=None, jobs=2, report=print):
    "Stage `paths`, `jobs` at a time; returns a dict of `name` to (seconds, error)"
    shared_folders()
    os.environ.setdefault('OMP_NUM_THREADS', str(max(1, (os.cpu_count() or 1)//jobs)))
    os.environ.setdefault('MPLBACKEND', 'module://matplotlib_inline.backend_inline')
    os.environ.setdefault('PYTHONWARNINGS', 'ignore:`torch.jit:FutureWarning')  # of fastai, at import
    done = {}
    with ProcessPoolExecutor(jobs) as pool:
        runs = {pool.submit(stage, o, params): o for o in paths}
        for f in as_completed(runs):
            _,seconds,error = f.result()
            done[name(runs[f])] = seconds,error
            report(f'{seconds:6.1f} s  {name(runs[f])}' + (f'  FAILED\n{error}' if error else ''))
    return done


def words(path):
    "Title and Markdown of a chapter"
    texts = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == 'markdown']
    return texts[0].splitlines()[0].removeprefix('# '),'\n\n'.join(texts)


def stage_frame():
    "Copy what surrounds the chapters, with the address filled in from `settings.ini`"
    PROC.mkdir(exist_ok=True)
    s,conf = settings(),yaml.safe_load((ROOT/'_quarto.yml').read_text())
    for o in [p for pattern in COPIED for p in ROOT.glob(pattern)]:
        if o.is_dir(): shutil.copytree(o, PROC/o.name, dirs_exist_ok=True)
        else: shutil.copy(o, PROC/o.name)
    book_appendix.write_api(PROC/'appendix')
    book_appendix.write_solutions(PROC/'appendix', [(name(o), *words(o)) for o in chapters()])
    drawing = (ROOT/'asset'/'map.svg').read_text()
    for o in [p for pattern in PAGES for p in PROC.glob(pattern)]:
        text = re.sub(r'\{\{< var (\w+) >\}\}', lambda m: s[m[1]], o.read_text())
        if o == PROC/'index.qmd':  # the door to understanding leads to the first lesson
            text = text.replace('](nbs/color/lab.ipynb)', f']({chapters()[0].relative_to(ROOT).as_posix()})')
        o.write_text(text.replace('<!-- map -->', f'```{{=html}}\n{drawing}```'))
    conf['book'] |= {'repo-url': s['git_url'], 'site-url': s['doc_host'] + s['doc_baseurl'],
                     'description': s['description']}
    (PROC/'_quarto.yml').write_text(yaml.safe_dump(conf, sort_keys=False))


def without_code(text):
    "Markdown without code, but for that in headings, which links may lead to"
    lines = re.sub(r'```.*?```', '', text, flags=re.S).split('\n')
    return '\n'.join(o if o.startswith('#') else re.sub(r'`[^`]*`', '', o) for o in lines)


def prose(path):
    "Markdown of one page without code, and its labelled code cells"
    if path.suffix in ('.qmd', '.md'): return [without_code(path.read_text())],[]
    nb = nbformat.read(path, as_version=4)
    texts = [without_code(c.source) for c in nb.cells if c.cell_type == 'markdown']
    codes = [(directives(c.source), c) for c in nb.cells if c.cell_type == 'code']
    return texts,[o for o in codes if 'label' in o[0]]


def anchors(texts):
    "Identifiers that pandoc gives to the headings of a page, and those given by hand"
    heads = re.findall(r'^#+ +(.*?)(?: *\{.*\})? *$', '\n\n'.join(texts), flags=re.M)
    return {re.sub(r'[^\w. -]', '', h).strip().lower().replace(' ', '-') for h in heads} | set(
        re.findall(r'\{#([\w-]+)', '\n\n'.join(texts)))


def visible(cell):
    "Does the reader see the outputs of this cell?"
    opts = directives(cell.source)
    return opts.get('include') != 'false' and opts.get('output') != 'false'


def spoken(output):
    "All text of one output"
    data = [str(v) for k,v in output.get('data', {}).items() if k.startswith('text')]
    return '\n'.join([output.get('text', ''), *data])


FOLDERS = {str(o) for o in (tempfile.gettempdir(), Path.home(), ROOT) if len(str(o)) > 1}
PRIVATE = re.compile('|'.join(['site-packages', *(rf'(?<![\w.]){re.escape(o)}/[\w.-]+' for o in FOLDERS)]))
PAGE = 2_500_000  # bytes of one page with its pictures


def check_outputs(path):
    "Complaints about the outputs of one staged chapter: warnings, paths of this machine, pages that are too large"
    bad,size = [],path.stat().st_size if path.exists() else 0
    for c in nbformat.read(path, as_version=4).cells:
        if c.cell_type != 'code' or not visible(c): continue
        where = f"{path.name}, {(c.source.splitlines() or [''])[-1][:60]!r}"
        for o in c.outputs:
            if o.get('name') == 'stderr': bad.append(f"{where}: stderr: {o.text.strip()[:120]}")
            elif m := PRIVATE.search(spoken(o)): bad.append(f'{where}: a path of this machine, {m[0]}')
            if 'text/html' in o.get('data', {}): bad.append(f'{where}: HTML, for which Quarto loads scripts')
            pictures = [k for k in o.get('data', {}) if k.startswith('image/')]
            if pictures and 'fig-alt' not in directives(c.source): bad.append(f'{where}: a picture without alt text')
    if size > PAGE*4/3: bad.append(f'{path.name}: {size*3/4e6:.1f} MB')
    return bad


def check(proc=PROC):
    "What Quarto would only warn of, and what it would not see: a list of complaints about the staged pages"
    frame = [o for pattern in ('ARCHITECTURE.md', *PAGES) for o in proc.glob(pattern)]
    pages,bib,bad,labels = frame + sorted(proc.glob('nbs/**/*.ipynb')),proc/'references.bib',[],{}
    keys = set(re.findall(r'^@\w+\{([^,\s]+)', bib.read_text(), flags=re.M)) if bib.exists() else set()
    content = {p: prose(p) for p in pages}
    def define(label, page):
        if label in labels: bad.append(f'{page.name}: label {label} is already in {labels[label].name}')
        labels[label] = page
    for p,(texts,cells) in content.items():
        for label in re.findall(rf'\{{#((?:{PREFIXES})-[\w-]+)', '\n'.join(texts)): define(label, p)
        for opts,c in cells:
            define(opts['label'], p)
            if not opts['label'].startswith('fig-'): continue
            drawn = any(k.startswith('image/') for o in c.get('outputs', ()) for k in o.get('data', ()))
            if not opts.get('fig-cap'): bad.append(f"{p.name}: {opts['label']} has no caption")
            if opts.get('eval') != 'false' and not drawn: bad.append(f"{p.name}: {opts['label']} drew nothing")
    for o in pages:
        if o.suffix == '.ipynb': bad += check_outputs(o)
    for p,(texts,_) in content.items():
        text = '\n\n'.join(texts)
        for ref in re.findall(r'(?<![\w.@\\/])@([A-Za-z][\w:-]*\w)', text):
            known = labels if re.match(rf'({PREFIXES})-', ref) else keys
            if ref.startswith('sec-'): bad.append(f'{p.name}: @{ref}: sections carry no numbers, link to it instead')
            elif ref not in known: bad.append(f'{p.name}: @{ref} is not defined')
        for link in re.findall(r'\]\(<?([^)\s>]+)', text):
            target,_,anchor = link.partition('#')
            if re.match(r'\w+:|\{\{', link): continue
            goal = (p.parent/target).resolve() if target else p
            if not goal.exists(): bad.append(f'{p.name}: link to {link} leads nowhere')
            elif anchor and goal in content and anchor not in anchors(content[goal][0]):
                bad.append(f'{p.name}: link to {link} finds no such heading')
    return bad


def quarto_complaints(log):
    "The lines of Quarto's log that mean a broken book, though it ends with status 0"
    return [o for o in log.splitlines() if re.search(r'WARN|ERROR|Unable to resolve', o)]


def bundle_katex(into):
    "The formulas' program, so that no page asks another host for it: npm's `katex`, its fonts as woff2 only"
    with tempfile.TemporaryDirectory() as tmp:
        made = subprocess.run(['npm', 'pack', '--silent', KATEX], cwd=tmp, capture_output=True, text=True)
        if made.returncode: return [f'npm pack {KATEX}: {made.stderr.strip()[-200:]}']
        safe = dict(filter='data') if hasattr(tarfile, 'data_filter') else {} # since Python 3.11.4
        with tarfile.open(next(Path(tmp).glob('*.tgz'))) as t: t.extractall(tmp, **safe)
        dist = Path(tmp)/'package'/'dist'
        (into/'fonts').mkdir(parents=True, exist_ok=True)
        for o in ('katex.min.js', 'katex.min.css'): shutil.copy(dist/o, into)
        for o in dist.glob('fonts/*.woff2'): shutil.copy(o, into/'fonts')
    return []


def relink(page, root):
    "`/katex/` and such as the way there from `page`, so that the book can be opened in any folder"
    up = '../'*(len(page.relative_to(root).parts) - 1)
    return re.sub(r'((?:src|href)=")(?:\.*/)*katex/', rf'\1{up}katex/', page.read_text())


def render():
    "Render the staged tree with Quarto; returns its complaints"
    if not shutil.which('npm'): return ['npm is needed for the formulas, which come from its package katex']
    if bad := bundle_katex(PROC/'katex'): return bad
    run = subprocess.run(['quarto', 'render', str(PROC)], capture_output=True, text=True)
    log = run.stdout + run.stderr
    (PROC/'quarto.log').write_text(log)
    for o in (PROC/'_book').rglob('*.html'): o.write_text(relink(o, PROC/'_book'))
    return quarto_complaints(log) or ([f'quarto ended with status {run.returncode}'] if run.returncode else [])


def twins(path):
    "Do a notebook and its percent script hold the same cells? Compared in memory: syncing would hide the answer"
    import jupytext
    from jupytext.config import load_jupytext_config
    pair = [jupytext.read(o, config=load_jupytext_config(str(o))) for o in (path, path.with_suffix('.py'))]
    a,b = ([(c.cell_type, c.source.strip('\n'), c.metadata.get('tags', [])) for c in without_colab(nb.cells)]
           for nb in pair)
    return a == b


def prepare():
    "Bring twins, notebooks and modules in step, ready to commit"
    nbs = ROOT/settings()['nbs_path']
    tool = lambda *o: subprocess.run([Path(sys.executable).with_name(o[0]), *map(str, o[1:])], cwd=ROOT, check=True)
    for o in sorted(nbs.rglob('[!.]*.py')):
        if not o.with_suffix('.ipynb').exists() or not twins(o.with_suffix('.ipynb')): tool('jupytext', '--sync', o)
    for o in chapters():
        nb = nbformat.read(o, as_version=4)
        for c in nb.cells:
            if c.get('outputs') or c.get('execution_count'): c.outputs,c.execution_count = [],None
        cells = without_colab(nb.cells)
        nb.cells = [cells[0], colab_cell(o), *cells[1:]]
        nbformat.write(nb, o)
    tool('nbdev_clean')
    tool('nbdev_export')


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('which', nargs='*', help='chapters, by the beginning of their names (all)')
    ap.add_argument('-p', nargs=2, action='append', default=[], metavar=('NAME', 'VALUE'), help='one parameter')
    ap.add_argument('-j', '--jobs', type=int, default=2, help='chapters at a time (2)')
    ap.add_argument('--prepare', action='store_true', help='make twins, notebooks and modules agree, and stop')
    args = ap.parse_args()
    if args.prepare: return prepare()
    if not args.which: shutil.rmtree(PROC, ignore_errors=True)
    if not chapters(args.which): sys.exit(f'no chapter begins with {args.which}')
    start,params = time.time(),{k: yaml.safe_load(v) for k,v in args.p}
    done = stage_all(chapters(args.which), params, args.jobs)
    print(f'{time.time() - start:6.1f} s  {len(done)} chapters')
    if any(error for _,error in done.values()): sys.exit('the book does not run')
    if args.which: return
    stage_frame()
    bad = check()
    if not bad and shutil.which('quarto'): bad = render()
    if bad: sys.exit('\n'.join(bad))
    print(f'rendered to {PROC/"_book"}' if shutil.which('quarto') else
          f'staged and checked in {PROC}; not rendered, because quarto is not installed')


if __name__ == '__main__': main()
