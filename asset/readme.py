"""Make what README and first page show of the model in the package: its pictures and its figures.

    python asset/readme.py    writes asset/readme.jpg, asset/readme-wrong.jpg, asset/readme-film.jpg, the four
                              pictures asset/slider-*.jpg, the drawing asset/map.svg, and the lines between the marks
                              of README.md
"""
import re, runpy
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from skimage.color import lab2rgb, rgb2lab

import colorbook
from colorbook.imaging.artifact import default_model
from colorbook.imaging.colorizer import Colorizer
from colorbook.imaging.sheet import contact_sheet
from colorbook.video.model import color_source, load_film_model
from colorbook.video.read import open_reel
from colorbook.video.stabilize import stabilize
from colorbook.video.steps import paint_frame, prepare, watch, with_colors

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT/'data'/'chelsea.png'
MARKS = re.compile(r'(<!-- figures: python asset/readme.py -->\n)(.*?)(<!-- end -->)', re.S)


WRONG = data.astronaut  # NASA, public domain: what the model gets wrong


def triplet(truth):
    "Gray, result and truth of one photograph, side by side"
    truth = (truth if isinstance(truth, Image.Image) else Image.open(truth)).convert('RGB')
    gray = truth.convert('L')
    sheet = Image.new('RGB', (3*truth.width + 16, truth.height), 'white')
    for i,o in enumerate((gray, colorbook.colorize(gray), truth)): sheet.paste(o, (i*(truth.width + 8), 0))
    return sheet


def wrong():
    "The photograph that the model gets wrong"
    return Image.fromarray(WRONG()).resize((400, 400), Image.Resampling.LANCZOS)


def film(wanted=(264, 428), around=7):
    "Frames of the film: gray, colored as `colorbook video` does it, and true, a row each"
    def pictures(n):
        model,(c,s) = load_film_model(),open_reel(str(ROOT/'asset'/'bunny.mp4'))
        with c:
            frames = watch('bunny', c, s, stop=(n + around)/24)
            seen = list(prepare(frames, model.card['size'], 32, first=n - around))
        for o,ab in stabilize(with_colors(iter(seen), color_source(model))):
            if o.number == n: return [o.gray, paint_frame(o, ab)[...,:3], o.frame.to_image()]
    return contact_sheet(sum(map(pictures, wanted), []), 3, gap=8)


def slider():
    "The pictures of the first page: gray, colored, the colors alone, and the photograph"
    truth = Image.open(PHOTO).convert('RGB')
    gray = truth.convert('L')
    color = colorbook.colorize(gray)
    lab = rgb2lab(np.asarray(color))
    lab[...,0] = 65
    flat = Image.fromarray((lab2rgb(lab)*255).round().astype('uint8'))
    return dict(gray=gray, color=color, ab=flat, truth=truth)


def figures(card):
    "Markdown table of what the card says of the model"
    m = card['metrics'].get('summary', card['metrics'])
    cell = lambda k, f: '{mean:{f}} ({low:{f}} to {high:{f}})'.format(**m[k], f=f)
    return '\n'.join([
        '| measured on 800 photographs at 256x256, never trained on | model | gray picture |', '|---|---|---|',
        f"| PSNR, dB | {cell('psnr', '.2f')} | {cell('gray_psnr', '.2f')} |",
        f"| colorfulness, as part of the truth's | {cell('colorfulness_ratio', '.2f')} | 0 |",
        f"| LPIPS (squeeze), as part of the gray picture's | {cell('lpips_ratio', '.2f')} | 1 |", ''])


def main():
    triplet(PHOTO).save(ROOT/'asset'/'readme.jpg', quality=90)
    triplet(wrong()).save(ROOT/'asset'/'readme-wrong.jpg', quality=90)
    film().save(ROOT/'asset'/'readme-film.jpg', quality=90)
    for k,o in slider().items(): o.save(ROOT/'asset'/f'slider-{k}.jpg', quality=90)
    runpy.run_path(str(ROOT/'asset'/'map.py'), run_name='__main__')
    readme = ROOT/'README.md'
    readme.write_text(MARKS.sub(lambda o: o[1] + figures(Colorizer(default_model()).card) + o[3], readme.read_text()))


if __name__ == '__main__': main()
