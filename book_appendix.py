"""What book.py adds to the book from the code and from the exercises: the reference, and the page of solutions."""
import ast, posixpath, re, tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ROOMS = dict(core='errors, whole files, tables of names', color='light and color', imaging='one photograph',
    video='films', data='what is learned from', models='networks', losses='what is minimized',
    evaluation='what is measured', training='from a recipe to a file', cli='the commands')


def comments(path):
    "The comment behind the code of each line of a module"
    with tokenize.open(path) as f: tokens = [*tokenize.generate_tokens(f.readline)]
    found = [o for o in tokens if o.type == tokenize.COMMENT]
    return {o.start[0]: o.string.lstrip('# ').strip() for o in found if o.line[:o.start[1]].strip()}


def cell(text):
    "Words for a cell of a Markdown table"
    return text.replace('|', '\\|').replace('<', '&lt;') or '&nbsp;'


def parameters(node, notes):
    "Rows of name, type, default and comment, and the result's type and comment"
    a,rows = node.args,[]
    line = lambda o: getattr(o, 'end_lineno', o.lineno)
    plain = [*a.posonlyargs, *a.args]
    defaults = [None]*(len(plain) - len(a.defaults)) + a.defaults
    for o,d in [*zip(plain, defaults), *zip(a.kwonlyargs, a.kw_defaults)]:
        if o.arg in ('self', 'cls'): continue
        said = notes.get(line(d or o), '') or notes.get(line(o), '')
        alone = line(o) != node.lineno
        kind,default = (ast.unparse(x) if x else '' for x in (o.annotation, d))
        rows.append((o.arg, kind, default, said if alone else ''))
    for o,stars in ((a.vararg, '*'), (a.kwarg, '**')):
        if o: rows.append((stars + o.arg, '', '', notes.get(o.lineno, '') if o.lineno != node.lineno else ''))
    head = node.body[0].lineno
    end = max((line(o) for o in (node.returns,) if o), default=0)
    result = (ast.unparse(node.returns), notes.get(end, '')) if node.returns else None
    return rows,result if end < head else None


def entry(name, node, notes, level=3):
    "Markdown of one function"
    rows,result = parameters(node, notes)
    words = ', '.join(o[0] + (f'={o[2]}' if o[2] else '') for o in rows)
    anchor = re.sub(r'\W+', '-', name).lower()
    out = [f"{'#'*level} `{name}` {{#{anchor}}}", f'`{name.split(".")[-1]}({words})`', ast.get_docstring(node) or '']
    if any(o[1] or o[3] for o in rows):
        out.append('\n'.join(['| parameter | type | default | |', '|---|---|---|---|', *(
            f"| `{a}` | {f'`{cell(b)}`' if b else ''} | {f'`{cell(c)}`' if c else ''} | {cell(d) if d else ''} |"
            for a,b,c,d in rows)]))
    if result and result[0] != 'None':
        out.append(f'Gives `{result[0]}`' + (f', {result[1]}' if result[1] else '') + '.')
    return '\n\n'.join(o for o in out if o)


def module_page(path):
    "Markdown of the public names of one module"
    source,notes = path.read_text(),comments(path)
    tree = ast.parse(source)
    names = next(ast.literal_eval(o.value) for o in tree.body if isinstance(o, ast.Assign)
                 and ast.unparse(o.targets[0]) == '__all__')
    out,patched = [],{}
    for o in tree.body:
        if isinstance(o, ast.FunctionDef) and any(ast.unparse(d) == 'patch' for d in o.decorator_list):
            patched.setdefault(ast.unparse(o.args.args[0].annotation), []).append(o)
    for o in tree.body:
        if getattr(o, 'name', None) not in names: continue
        if isinstance(o, ast.FunctionDef): out.append(entry(o.name, o, notes))
        elif isinstance(o, ast.ClassDef):
            bases = ', '.join(map(ast.unparse, o.bases))
            methods = [m for m in [*o.body, *patched.get(o.name, ())] if isinstance(m, ast.FunctionDef)]
            init = next((m for m in methods if m.name == '__init__'), None)
            if init:
                made = entry(o.name, init, notes).split('\n\n')
                head,rest = made[:2],made[2:]
                said = ast.get_docstring(init)
                if said and rest and rest[0] == said: rest = rest[1:]
                out.append('\n\n'.join([*head, ast.get_docstring(o) or '', *rest]))
            else:
                out.append('\n\n'.join([f'### `{o.name}` {{#{o.name.lower()}}}', f'`class {o.name}({bases})`',
                                        ast.get_docstring(o) or '']))
            out += [entry(f'{o.name}.{m.name}', m, notes, 4) for m in methods
                    if not m.name.startswith('_') and ast.get_docstring(m)]
    values = [n for n in names if not any(getattr(o, 'name', None) == n for o in tree.body)]
    if values: out.append('Values: ' + ', '.join(f'`{o}`' for o in sorted(values)) + '.')
    return '\n\n'.join(out)


def unique(text):
    "Anchors of a page, each once: names that differ in upper and lower case only get a number"
    seen = {}
    def once(m):
        seen[m[1]] = seen.get(m[1], 0) + 1
        return f"{{#{m[1]}{f'-{seen[m[1]]}' if seen[m[1]] > 1 else ''}}}"
    return re.sub(r'\{#([\w-]+)\}', once, text)


def modules():
    "Room to its modules, as names and paths"
    found = {room: [] for room in ROOMS}
    for o in sorted((ROOT/'colorbook').rglob('*.py')):
        here = o.relative_to(ROOT/'colorbook').with_suffix('').parts
        if here[-1].startswith('_') or here[0] not in found: continue
        found[here[0]].append(('.'.join(here), o))
    return found


def homes():
    "The chapter that makes each module: a dict of `room.name` to the notebook's path without `.ipynb`"
    found = {}
    for o in (ROOT/'nbs').rglob('*.py'):
        m = re.search(r'^#\|\s*default_exp\s+([\w.]+)', o.read_text(), re.M)
        if m: found[m[1]] = o.relative_to(ROOT).with_suffix('').as_posix()
    return found


def write_api(into):
    "One page of reference for each room, and one that lists them"
    made = homes()
    (into/'api').mkdir(parents=True, exist_ok=True)
    rows = []
    for room,found in modules().items():
        parts = [f'---\ntitle: "Reference: {room}"\n---', f'`colorbook.{room}`: {ROOMS[room]}. Made from the code.']
        for name,path in found:
            said = ast.get_docstring(ast.parse(path.read_text())) or ''
            chapter = f'../../{made[name]}.ipynb'
            said = f'{said.rstrip(".")}. [The chapter]({chapter}) explains it.'.lstrip('. ')
            parts += [f'## colorbook.{name}', said, module_page(path)]
        (into/'api'/f'{room}.qmd').write_text(unique('\n\n'.join(parts)) + '\n')
        names = ', '.join(f"`{n.split('.')[-1]}`" for n,_ in found)
        rows.append(f'| [`{room}`](api/{room}.qmd) | {ROOMS[room]} | {names} |')
    head = ('---\ntitle: "Reference"\n---\n\nEvery public function and class with its parameters, one page for each '
            'room of the library. These pages are made from the code.\n\n| room | for | modules |\n|---|---|---|\n')
    (into/'api.qmd').write_text(head + '\n'.join(rows) + '\n')


FOLDED = re.compile(r'<details>\s*<summary>Solution (\d+)</summary>\s*(.*?)\s*</details>', re.S)


def added(name):
    "Solutions of a chapter that stand in `appendix/solutions/ROOM/NAME.md`: a dict of number to Markdown"
    path = ROOT/'appendix'/'solutions'/f'{name}.md'
    if not path.exists(): return {}
    parts = re.split(r'^## (\d+)\n', path.read_text(), flags=re.M)[1:]
    return {int(n): text.strip() for n,text in zip(parts[::2], parts[1::2])}


def exercises(text):
    "The numbered exercises in the last part of a chapter's Markdown: a dict of number to words"
    last = text.split('## Exercises')[-1] if '## Exercises' in text else ''
    last = FOLDED.sub('', last)
    return {int(n): ' '.join(o.split()) for n,o in re.findall(r'^(\d+)\. (.*(?:\n(?!\d+\. |\n).*)*)', last, flags=re.M)}


def solved(name, text):
    "All solutions of a chapter, those in it and those beside it"
    return {int(n): o for n,o in FOLDED.findall(text)} | added(name)


def fold(name, nb):
    "Put the solutions that stand beside a chapter under its exercises, folded"
    if not (more := added(name)): return
    here = [c for c in nb.cells if c.cell_type == 'markdown' and '## Exercises' in c.source]
    last = max(i for i,c in enumerate(nb.cells) if c is here[-1])
    if not exercises(here[-1].source): last += 1  # the heading stands in a cell of its own
    for n,o in sorted(more.items()):
        nb.cells[last].source += f'\n\n<details><summary>Solution {n}</summary>\n\n{o}\n\n</details>'


def write_solutions(into, chapters):
    "The page of all solutions; `chapters` are (name, title, Markdown) in the order of the book"
    out,n = [],0
    for name,title,text in chapters:
        # links of a chapter lead from its own folder, here they lead from appendix/
        to = lambda m: f"]({posixpath.relpath(posixpath.join('nbs', posixpath.dirname(name), m[1]), 'appendix')}"
        text = re.sub(r'\]\((?!\w+:|#)([^)\s]+)', to, text)
        asked,found = exercises(text),solved(name, text)
        for k,o in added(name).items(): found[k] = re.sub(r'\]\(([\w./-]+\.ipynb[^)\s]*)', to, o)
        if not found: continue
        n += len(found)
        out.append(f'## {title} {{#{name.replace("/", "-")}}}\n\n[To the chapter](../nbs/{name}.ipynb)')
        for k,o in sorted(found.items()):
            out.append(f'**{k}.** {asked.get(k, "")}\n\n<details><summary>Solution {k}</summary>\n\n{o}\n\n</details>')
    head = ('---\ntitle: "Solutions"\n---\n\nSolutions of the ' + f'{n} exercises, in the order of the book. Open '
            'one after you have tried. Each stands under its exercise as well.\n\n')
    (into/'solutions.qmd').write_text(head + '\n\n'.join(out) + '\n')


KEPT = re.compile(r"(```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]+\$|!?\[[^\]]*\]\([^)]*\)|\[@[^\]]*\]|^(?:#|>)[^\n]*)",
                  re.S | re.M)


def link_systems(nb, up):
    "Make the first S0 to S4 in the prose of a chapter links to the page that says what they are; returns which"
    linked = set()
    def link(m):
        if m[0] in linked: return m[0]
        linked.add(m[0])
        return f'[{m[0]}]({up}appendix/systems.qmd#{m[0].lower()})'
    for c in nb.cells:
        if c.cell_type != 'markdown': continue
        parts = KEPT.split(c.source)  # every second part is code, a formula, a link or a heading
        c.source = ''.join(o if i%2 else re.sub(r'(?<![\w/.-])S[0-4](?![\w-])', link, o) for i,o in enumerate(parts))
    return linked
