"""Run the book: stage every chapter, execute it, check what refers to what, render it where there is Quarto.

    python book.py                        all chapters, then the book in _proc/_book
    python book.py color/lab training     these chapters only (no rendering)
    python book.py trainer -p epochs 3    with another value in the cell of parameters
    python book.py --prepare              before a commit: sync twins, drop outputs, clean, export
"""
import argparse, configparser, os, re, shutil, subprocess, sys, tempfile, time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import nbformat, yaml

ROOT = Path(__file__).resolve().parent
PROC = ROOT/'_proc'
COPIED = ('index.qmd', 'kinds.qmd', 'architecture.qmd', 'ARCHITECTURE.md', 'references.bib', 'asset')
NBDEV = {'default_exp', 'export', 'exporti', 'exports', 'notest', 'slow', 'gpu'}  # nbdev's words, dropped
HIDING = {'hide': '#| include: false', 'hide_input': '#| echo: false', 'hide_output': '#| output: false'}
QUARTO = {'label', 'fig-cap', 'fig-alt', 'tbl-cap', 'layout-ncol', 'column', 'include', 'echo', 'eval', 'output',
          'warning', 'code-fold', 'code-summary'}
PREFIXES = 'fig|tbl|sec|eq|lst'


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


def badge(file):
    "Colab badge and install line of one chapter"
    s,img = settings(),'https://colab.research.google.com/assets/colab-badge.svg'
    url = f"https://colab.research.google.com/github/{s['user']}/{s['repo']}/blob/{s['branch']}/{s['nbs_path']}/{file}"
    return (f"[![Open in Colab]({img})]({url})\n\n::: {{.callout-tip collapse=\"true\"}}\n## On Colab\n"
            f"Run this cell first: `%pip install \"colorbook[train] @ git+{s['git_url']}@{s['branch']}\"`\n:::")


def stage(path, params=None):
    "Execute a copy of one chapter without its directives; returns the copy, the seconds and the error or None"
    import papermill as pm
    from traitlets.config import Config
    nb,out = nbformat.read(path, as_version=4),PROC/path.relative_to(ROOT)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside,skip,kept = [],set(settings()['tst_flags'].split()),[]
    title = nb.cells[0].source.split('\n\n', 2)
    nb.cells[0].source = '\n\n'.join(title[:2] + [badge(name(path) + '.ipynb')] + title[2:])
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
    for c in nb.cells: c.metadata.pop('papermill', None)
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


def stage_frame():
    "Copy what surrounds the chapters, with the address filled in from `settings.ini`"
    PROC.mkdir(exist_ok=True)
    for o in COPIED:
        if (ROOT/o).is_dir(): shutil.copytree(ROOT/o, PROC/o, dirs_exist_ok=True)
        elif (ROOT/o).exists(): shutil.copy(ROOT/o, PROC/o)
    s,conf = settings(),yaml.safe_load((ROOT/'_quarto.yml').read_text())
    conf['book'] |= {'repo-url': s['git_url'], 'site-url': s['doc_host'] + s['doc_baseurl']}
    (PROC/'_quarto.yml').write_text(yaml.safe_dump(conf, sort_keys=False))
    (PROC/'_variables.yml').write_text(yaml.safe_dump({k: s[k] for k in ('git_url', 'branch', 'repo', 'version')}))


def prose(path):
    "Markdown of one page without code, and its labelled code cells"
    if path.suffix in ('.qmd', '.md'): return [re.sub(r'```.*?```|`[^`\n]*`', '', path.read_text(), flags=re.S)],[]
    nb = nbformat.read(path, as_version=4)
    texts = [re.sub(r'```.*?```|`[^`\n]*`', '', c.source, flags=re.S) for c in nb.cells if c.cell_type == 'markdown']
    codes = [(directives(c.source), c) for c in nb.cells if c.cell_type == 'code']
    return texts,[o for o in codes if 'label' in o[0]]


def anchors(texts):
    "Identifiers that pandoc gives to the headings of a page, and those given by hand"
    heads = re.findall(r'^#+ +(.*?)(?: *\{.*\})? *$', '\n\n'.join(texts), flags=re.M)
    return {re.sub(r'[^\w. -]', '', h).strip().lower().replace(' ', '-') for h in heads} | set(
        re.findall(r'\{#([\w-]+)', '\n\n'.join(texts)))


def check(proc=PROC):
    "What Quarto would only warn of, and what it would not see: a list of complaints about the staged pages"
    frame = [o for o in (proc/'index.qmd', proc/'ARCHITECTURE.md') if o.exists()]
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


def render():
    "Render the staged tree with Quarto; returns its complaints"
    run = subprocess.run(['quarto', 'render', str(PROC)], capture_output=True, text=True)
    log = run.stdout + run.stderr
    (PROC/'quarto.log').write_text(log)
    return quarto_complaints(log) or ([f'quarto ended with status {run.returncode}'] if run.returncode else [])


def twins(path):
    "Do a notebook and its percent script hold the same cells? Compared in memory: syncing would hide the answer"
    import jupytext
    from jupytext.config import load_jupytext_config
    pair = [jupytext.read(o, config=load_jupytext_config(str(o))) for o in (path, path.with_suffix('.py'))]
    a,b = ([(c.cell_type, c.source.strip('\n'), c.metadata.get('tags', [])) for c in nb.cells] for nb in pair)
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
