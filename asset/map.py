"""Draw the whole in one picture: photograph, lightness, generator, color, critic. book.py sets it into the first page.

    python asset/map.py    writes asset/map.svg
"""
import base64, io
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PAGES = dict(light='nbs/color/lab', generator='nbs/models/encoder_unet', join='nbs/imaging/compose',
    critic='nbs/models/critics', verdict='nbs/losses/adversarial', truth='nbs/data/loaders', color='nbs/color/bins',
    result='nbs/imaging/colorizer')



def thumb(name):
    "A picture of the slider, small, as an address that holds it"
    im,out = Image.open(ROOT/'asset'/f'slider-{name}.jpg').convert('RGB').resize((225, 150)),io.BytesIO()
    im.save(out, 'JPEG', quality=80)
    return 'data:image/jpeg;base64,' + base64.b64encode(out.getvalue()).decode()


def linked(page, body): return f'<a href="{PAGES[page]}.html">{body}</a>'


def photo(page, x, y, name, words):
    body = f'<image x="{x}" y="{y}" width="150" height="100" href="{thumb(name)}"/>'
    return linked(page, body + f'<text x="{x + 75}" y="{y + 119}">{words}</text>')


def box(page, x, y, title, words, fill):
    return linked(page, f'<rect x="{x}" y="{y}" width="180" height="80" rx="10" fill="{fill}" stroke="#444"/>'
        f'<text x="{x + 90}" y="{y + 34}" font-weight="bold" font-size="20">{title}</text>'
        f'<text x="{x + 90}" y="{y + 59}">{words}</text>')


def arrow(d, dashed=False):
    dash = ' stroke-dasharray="7 5"' if dashed else ''
    return f'<path d="{d}" fill="none" stroke="#444" stroke-width="2.5" marker-end="url(#tip)"{dash}/>'


def draw():
    "The drawing as SVG"
    return '\n'.join(['<svg xmlns="http://www.w3.org/2000/svg" class="whole" viewBox="0 0 470 640" role="group" '
        'aria-label="A gray photograph is lightness. The generator guesses the color for it. Lightness and color are '
        'joined to a colored photograph. The critic compares guesses with real photographs, and its verdict trains the '
        'generator." font-family="sans-serif" font-size="17" text-anchor="middle" fill="#222">',
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 0L10 5L0 10z" fill="#444"/></marker></defs>',
        arrow('M160 80H245'), arrow('M335 122V185'), arrow('M85 156V226'), arrow('M258 250H110'), arrow('M85 274V345'),
        arrow('M335 318V372'), arrow('M140 148C170 330 190 395 242 405'), arrow('M335 512V455'),
        arrow('M427 412H452V80H430', True),
        photo('light', 10, 30, 'gray', 'lightness L'),
        box('generator', 247, 40, 'generator', 'guesses color', '#f6e3c5'),
        photo('color', 260, 190, 'ab', 'color ab'),
        linked('join', '<circle cx="85" cy="250" r="23" fill="#fff" stroke="#444"/><text x="85" y="256">join</text>'),
        photo('result', 10, 350, 'color', 'colored'), box('critic', 247, 374, 'critic', 'guess or true?', '#d7e6f7'),
        photo('truth', 260, 515, 'truth', 'true color'),
        linked('verdict', '<text transform="translate(446 245) rotate(-90)" fill="#704000">its verdict trains</text>'),
        '</svg>', ''])


if __name__ == '__main__': (ROOT/'asset'/'map.svg').write_text(draw())
