"""Make the film model in the package from a run of `benchmarks/temporal.py`: export, measure, write the card.

    python benchmarks/temporal.py RUN_OF_THE_IMAGE_MODEL OUT
    python asset/film.py OUT/run VIDEOS

VIDEOS is the folder of the shared clips, whose last thirds `benchmarks/steady.py` measures. It takes ten minutes.
"""
import json, subprocess, sys
from hashlib import sha256
from pathlib import Path

from colorbook.core import atomic_path
from colorbook.training.export import export_run, stamp

ROOT = Path(__file__).resolve().parent.parent
OUT,KEPT = ROOT/'colorbook'/'film.onnx',ROOT/'asset'/'film.json'
DATA = ('no colors of films: the image model colorbook-default taught it, frame by frame, on the first two thirds of '
        'three clips (bmx-trees of DAVIS, people, Big Buck Bunny), the Sintel trailer, and 3,000 of the photographs '
        'that the image model learned from, with a camera moving over them')
LICENCE = 'weights under Apache-2.0; some of the pictures they were trained on are licensed for research only'
MEASURED = ('python benchmarks/steady.py VIDEOS --video FILE.onnx --asset, asset/film.json of the repository; by clip, '
            'without the stabilizer; means, with 95 % intervals where there are any')


def main(run, videos):
    export_run(run, OUT, name='colorbook-film', data=DATA, licence=LICENCE)
    subprocess.run([sys.executable, ROOT/'benchmarks'/'steady.py', videos, '--video', OUT, '--asset'], check=True)
    kept = json.loads(KEPT.read_text())
    figures = ('psnr', 'lpips', 'colorfulness', 'cdc', 'warp_error', 'color_change')
    stamp(OUT, measured=MEASURED, metrics={clip: {k: o['versions']['film model'][k] for k in figures}
        for clip,o in kept['clips'].items()})
    kept['sha256']['film model'] = sha256(OUT.read_bytes()).hexdigest()
    with atomic_path(KEPT) as f: f.write_text(json.dumps(kept, indent=1) + '\n')


if __name__ == '__main__': main(*sys.argv[1:3])
