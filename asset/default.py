"""Make the model in the package from a run of the recipe `default`: choose, export, measure, write the card.

    colorbook train default PHOTOS --out RUN
    python asset/default.py RUN PHOTOS MEASURED

PHOTOS are those of the training: the rule of `training.selection` chooses by the ones that the run held out.
MEASURED are others.
"""
import sys
from pathlib import Path

from colorbook.training.export import export_run, stamp
from colorbook.imaging.colorizer import colorize, load_model
from colorbook.evaluation.protocol import evaluate

OUT = Path(__file__).resolve().parent.parent/'colorbook'/'default.onnx'
DATA = ('38,825 color photographs of public research sets (people, rooms, streets, landscapes, food, animals; '
        'short side 144 to 192 pixels), 658 more held out; encoder EfficientNet-Lite0 trained on ImageNet (Apache-2.0)')
LICENCE = 'weights under Apache-2.0; most of the photographs they were trained on are licensed for research only'


def main(run, photos, measured):
    export_run(run, OUT, photos, name='colorbook-default', data=DATA, licence=LICENCE)
    model = load_model(OUT)
    result = evaluate(lambda gray: colorize(gray, model), measured, out=Path(run)/'evaluation')
    print(result)
    stamp(OUT, metrics=result.summary, protocol=result.card)


if __name__ == '__main__': main(*sys.argv[1:4])
