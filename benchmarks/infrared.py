"""Near infrared by the recipe `nir`, trained on some scenes and measured on the others, in five ways that together ask
about every scene once: PSNR and LPIPS of each picture, beside copying it as gray and beside the model in the package.

    python benchmarks/infrared.py NIR --weights runs/nir-photos --out asset/infrared.json
"""
import argparse, json
from pathlib import Path
import numpy as np, torch
from PIL import Image
from colorbook.data.paired import nir_pairs
from colorbook.evaluation.metrics import bootstrap_ci, colorfulness, lpips, lpips_state, psnr
from colorbook.imaging.artifact import card
from colorbook.imaging.colorizer import colorize
from colorbook.training.export import export_run
from colorbook.training.trainer import train

SPLITS = 'mountain,street', 'country,indoor', 'field,urban', 'forest,oldbuilding', 'water'


def batch(a): return torch.from_numpy(np.array(a)).permute(2, 0, 1)[None].float()/255


def measure(pair, model, net):
    "Figures of a picture for the model, for a copy and for the package's model"
    rgb,near = (np.asarray(Image.open(o).convert(m)) for o,m in zip(pair, ('RGB', 'L')))
    answers = dict(nir=colorize(near, model), gray=near[...,None].repeat(3, 2), default=colorize(near))
    truth,row = batch(rgb),dict(name=pair[0].stem[:-4])
    for k,o in answers.items():
        o = batch(o)
        row[k] = dict(psnr=psnr(o, truth).item(), colorfulness=colorfulness(o).item(),
            **(dict(lpips=lpips(o, truth, net).item()) if net else {}))
    return row | dict(truth=colorfulness(truth).item())


def compare(rows, other, key):
    "Mean of the paired differences, with its interval"
    d = np.array([o['nir'][key] - o[other][key] for o in rows])
    return dict(mean=d.mean().item(), low=bootstrap_ci(d)[0], high=bootstrap_ci(d)[1])


def summary(rows):
    keys = [k for k in ('psnr', 'lpips') if k in rows[0]['gray']]
    means = {k: {o: float(np.mean([r[o][k] for r in rows])) for o in ('nir', 'gray', 'default')} for k in keys}
    ratio = sum(r['nir']['colorfulness'] for r in rows)/sum(r['truth'] for r in rows)
    return dict(n=len(rows), means=means, ratio=ratio,
        **{f'{k} - {o}': compare(rows, o, k) for k in keys for o in ('gray', 'default')})


def main():
    p = argparse.ArgumentParser()
    p.add_argument('data'); p.add_argument('--weights'); p.add_argument('--out', default='infrared.json')
    p.add_argument('--runs', default='runs/infrared'); p.add_argument('--size', type=int, default=192)
    p.add_argument('--splits', nargs='*', default=SPLITS); p.add_argument('--epochs', type=int)
    p.add_argument('--set', nargs='*', default=[])
    o = p.parse_args()
    net,pairs,found = lpips_state()[0],nir_pairs(Path(o.data))['pairs'],{}
    changes = {k: json.loads(v) for k,v in (s.split('=') for s in o.set)}
    for scenes in o.splits:
        run = train('nir', o.data, f'{o.runs}/{scenes}', changes=dict(changes, scenes=scenes), weights=o.weights,
            epochs=o.epochs, progress=False)
        model,held = export_run(run, size=o.size),scenes.split(',')
        rows = [measure(q, model, net) for q in pairs if q[0].stem.rsplit('-', 1)[0] in held]
        found[scenes] = dict(rows=rows, **summary(rows))
        print(scenes, json.dumps(summary(rows)), flush=True)
    rows = [r for f in found.values() for r in f['rows']]
    made = dict(command=f'benchmarks/infrared.py NIR --size {o.size}', default=card()['weights_sha256'][:12],
        splits=found, all=summary(rows))
    print('all', json.dumps(made['all']))
    Path(o.out).write_text(json.dumps(made))


if __name__ == '__main__': main()
