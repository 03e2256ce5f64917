"""The pictures on top of the lessons, from their executed notebooks: `python book.py lessons`, then
`python asset/lessons.py [NAME ...]` writes `asset/lessons/NAME.jpg` from the figure that each lesson ends with."""
import base64, io, sys
from pathlib import Path

import nbformat
from PIL import Image

ROOT = Path(__file__).parent.parent
FIGURES = dict(ten_lines='four', light_and_color='split', tasks='task', brown='table', unet='race', critic='map',
    losses='losses', duel='strip', gan='result', how_good='six')


def figure(name, label):
    "The last picture of the cell `fig-lesson-LABEL`"
    for c in nbformat.read(ROOT/'_proc'/'nbs'/'lessons'/f'{name}.ipynb', as_version=4).cells:
        if c.cell_type == 'code' and f'label: fig-lesson-{label}\n' in c.source:
            kinds = 'image/png','image/jpeg'
            [*_,last] = [o.data[k] for o in c.outputs for k in kinds if k in o.get('data', {})]
            return Image.open(io.BytesIO(base64.b64decode(last))).convert('RGB')
    raise SystemExit(f'{name} has no figure {label}')


def main(names, width=720):
    (ROOT/'asset'/'lessons').mkdir(exist_ok=True)
    for o in names:
        im = figure(o, FIGURES[o])
        im = im.resize((width, round(im.height*width/im.width)), Image.Resampling.LANCZOS)
        im.save(ROOT/'asset'/'lessons'/f'{o}.jpg', quality=85)


if __name__ == '__main__': main(sys.argv[1:] or FIGURES)
