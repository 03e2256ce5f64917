"""Make the model for near infrared in the package, from photographs and pairs to the file and the figures on its card.

    python asset/infrared.py PHOTOS NIR [--runs runs/infrared]

PHOTOS is a folder, a tar, a list or a glob ('train-*.tar'), NIR a folder of `SCENE-0001_rgb.jpg` and
`SCENE-0001_nir.jpg`. These commands are run one after the other; what is finished is not done again:

    colorbook train nir-photos PHOTOS --out RUNS/practice
    python benchmarks/infrared.py NIR --weights RUNS/practice --runs RUNS --out asset/infrared.json
    colorbook train nir NIR --weights RUNS/practice --set "scenes=''" --out RUNS/all

Practice on photographs whose infrared is guessed; the figures, of five networks that have not seen the scenes they are
asked about; the network that ships, which has seen all of them.
"""
import argparse, json, subprocess, sys
from pathlib import Path

from colorbook.training.export import begun, export_run
from colorbook.training.runs import Run

ROOT = Path(__file__).resolve().parent.parent
OUT,KEPT = ROOT/'colorbook'/'infrared.onnx',ROOT/'asset'/'infrared.json'
DATA = ('180 pairs of photographs and near infrared, nine scenes of the RGB-NIR set of Brown and Susstrunk (2011); '
        'before them photographs whose infrared was guessed (`practice` has the run); encoder EfficientNet-Lite0 '
        'trained on ImageNet (Apache-2.0)')
LICENCE = 'weights under Apache-2.0; the pictures they were trained on are licensed for research only'
MEASURED = ('python benchmarks/infrared.py NIR: the same recipe trained five times on other scenes than those it is '
            'measured on; means over 180 pictures; gray is the infrared picture itself')


def figures(kept):
    "What the card says, of `asset/infrared.json`"
    means = {k: {o: round(v, 4) for o,v in m.items()} for k,m in kept['all']['means'].items()}
    return dict(psnr=means['psnr']['nir'], lpips=means['lpips']['nir'], gray_psnr=means['psnr']['gray'],
        gray_lpips=means['lpips']['gray'], **{k: kept['all'][k] for k in ('psnr - gray', 'lpips - gray')})


def of(run):
    "What decided the weights of a run, without paths of this machine"
    return begun(run) | dict(epochs=[p.epochs for p in run.recipe.phases])


def main(args=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('photos'); p.add_argument('nir'); p.add_argument('--runs', type=Path, default=Path('runs/infrared'))
    o = p.parse_args(args)
    practice,every = o.runs/'practice',o.runs/'all'
    colorbook = '-m', 'colorbook', 'train'
    for words in ((*colorbook, 'nir-photos', o.photos, '--out', practice),
                  (ROOT/'benchmarks'/'infrared.py', o.nir, '--weights', practice, '--runs', o.runs, '--out', KEPT),
                  (*colorbook, 'nir', o.nir, '--weights', practice, '--set', "scenes=''", '--out', every)):
        print(*words, flush=True)
        subprocess.run([sys.executable, *map(str, words)], check=True)
    export_run(every, OUT, name='colorbook-infrared', size=192, data=DATA, licence=LICENCE, measured=MEASURED,
        practice=of(Run(practice)), metrics=figures(json.loads(KEPT.read_text())))


if __name__ == '__main__': main()
