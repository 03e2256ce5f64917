"""Make the model for near infrared in the package: all nine scenes, and the figures of five divisions on its card.

    colorbook train nir-photos PHOTOS --out runs/practice
    python benchmarks/infrared.py NIR --weights runs/practice --out asset/infrared.json
    colorbook train nir NIR --weights runs/practice --out RUN --set scenes=
    python asset/infrared.py RUN
"""
import json, sys
from pathlib import Path

from colorbook.training.export import export_run

ROOT = Path(__file__).resolve().parent.parent
OUT,KEPT = ROOT/'colorbook'/'infrared.onnx',ROOT/'asset'/'infrared.json'
DATA = ('180 pairs of photographs and near infrared, nine scenes of the RGB-NIR set of Brown and Susstrunk (2011); '
        'before them 6,000 photographs whose infrared was guessed; encoder EfficientNet-Lite0 trained on ImageNet '
        '(Apache-2.0)')
LICENCE = 'weights under Apache-2.0; the pictures they were trained on are licensed for research only'
MEASURED = ('python benchmarks/infrared.py NIR: the same recipe trained five times on other scenes than those it is '
            'measured on; means over 180 pictures; gray is the infrared picture itself')


def figures(kept):
    "What the card says, of `asset/infrared.json`"
    means = {k: {o: round(v, 4) for o,v in m.items()} for k,m in kept['all']['means'].items()}
    return dict(psnr=means['psnr']['nir'], lpips=means['lpips']['nir'], gray_psnr=means['psnr']['gray'],
        gray_lpips=means['lpips']['gray'], **{k: kept['all'][k] for k in ('psnr - gray', 'lpips - gray')})


def main(run):
    export_run(run, OUT, name='colorbook-infrared', size=192, data=DATA, licence=LICENCE, measured=MEASURED,
        metrics=figures(json.loads(KEPT.read_text())))


if __name__ == '__main__': main(*sys.argv[1:2])
