"""Draw the rooms of the library and who imports whom.

    python asset/architecture.py    writes asset/architecture.svg from the imports as they are
"""
import ast, re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {'core': 'errors, files', 'color': 'color science', 'imaging': 'one photograph', 'video': 'films',
    'data': 'to learn from', 'models': 'networks',
    'losses': 'what is minimized', 'evaluation': 'what is measured',
    'training': 'recipe to file', 'cli': 'the commands'}
LEGEND = ('A room imports only rooms to its left. Blue: the use half, without torch. Sand: the train half. '
    'An arc is thicker the more imports there are.')
USE,MIXED = ('core', 'imaging', 'video', 'cli'),('color', 'evaluation')  # without torch; in part


def arrows():
    "How many imports of its left neighbors a room has: a `Counter` of (from, to)"
    found = Counter()
    for o in sorted((ROOT/'colorbook').rglob('*.py')):
        here = list(o.relative_to(ROOT).with_suffix('').parts)
        if len(here) < 3 and here[-1] != 'core': continue
        for node in ast.walk(ast.parse(o.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str): # of `import_module`
                to = re.fullmatch(r'(?:colorbook\.)?(\w+)\.\w+', node.value)
                if to and to[1] in ROOMS and to[1] != here[1]: found[here[1],to[1]] += 1
            if not isinstance(node, ast.ImportFrom): continue
            up = here[:len(here) - node.level] if node.level else []
            whole = up + (node.module.split('.') if node.module else [])
            to = whole[1] if len(whole) > 1 else node.names[0].name if whole == ['colorbook'] else ''
            if to in ROOMS and to != here[1]: found[here[1],to] += 1
    return found


def draw():
    "The drawing as SVG"
    w,h,step,top = 96,46,104,30
    x = {o: 10 + i*step for i,o in enumerate(ROOMS)}
    width,found = 20 + step*len(ROOMS),arrows()
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 345" font-family="sans-serif" '
           'font-size="14" text-anchor="middle">',
           '<defs><linearGradient id="both"><stop offset=".5" stop-color="#d7e6f7"/><stop offset=".5" '
           'stop-color="#f6e3c5"/></linearGradient></defs>',
           f'<rect width="{width}" height="345" fill="white"/>',
           f'<text x="10" y="18" font-size="12" text-anchor="start">{LEGEND}</text>']
    for (a,b),n in sorted(found.items()):
        x0,x1,y = x[a] + w/2 - 6,x[b] + w/2 + 6,top + h
        deep = y + .8*(x0 - x1)*.42 + 14
        out.append(f'<path d="M{x0:.0f},{y} C{x0:.0f},{deep:.0f} {x1:.0f},{deep:.0f} {x1:.0f},{y + 5}" fill="none" '
                   f'stroke="#56606b" stroke-opacity=".55" stroke-width="{min(5, .7 + .35*n):.2f}"/>'
                   f'<path d="M{x1:.0f},{y} l-4,8 h8 z" fill="#56606b"/>')
    for o,what in ROOMS.items():
        fill = '#d7e6f7' if o in USE else 'url(#both)' if o in MIXED else '#f6e3c5'
        out.append(f'<rect x="{x[o]}" y="{top}" width="{w}" height="{h}" rx="6" fill="{fill}" stroke="#56606b"/>'
                   f'<text x="{x[o] + w/2:.0f}" y="{top + 20}" font-weight="bold">{o}</text>'
                   f'<text x="{x[o] + w/2:.0f}" y="{top + 37}" font-size="9.5">{what}</text>')
    return '\n'.join(out + ['</svg>', ''])


if __name__ == '__main__': (ROOT/'asset'/'architecture.svg').write_text(draw())
