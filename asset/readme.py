"""Make what the README shows of the model in the package: its picture and its figures.

    python asset/readme.py          writes asset/readme.jpg and the lines between the marks of README.md
"""
import re
from pathlib import Path

from PIL import Image

import colorbook
from colorbook.imaging.artifact import default_model
from colorbook.imaging.colorizer import Colorizer

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT/'data'/'chelsea.png'
MARKS = re.compile(r'(<!-- figures: python asset/readme.py -->\n)(.*?)(<!-- end -->)', re.S)


def triplet(photo):
    "Gray, result and truth of one photograph, side by side"
    truth = Image.open(photo).convert('RGB')
    gray = truth.convert('L')
    sheet = Image.new('RGB', (3*truth.width + 16, truth.height), 'white')
    for i,o in enumerate((gray, colorbook.colorize(gray), truth)): sheet.paste(o, (i*(truth.width + 8), 0))
    return sheet


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
    readme = ROOT/'README.md'
    readme.write_text(MARKS.sub(lambda o: o[1] + figures(Colorizer(default_model()).card) + o[3], readme.read_text()))


if __name__ == '__main__': main()
