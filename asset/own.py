"""What the book keeps of `benchmarks/systems.py`: `python asset/own.py OUT` writes `asset/own.json`, figures, plans,
commands, logs and hashes of weights.
"""
import csv, json, sys
from pathlib import Path

from colorbook.core import atomic_path
from colorbook.training.recipes import to_plain
from colorbook.training.runs import Run, state_hash

HERE = Path(__file__).resolve().parent


def main(out):
    out,kept = Path(out),dict(commands=['python benchmarks/systems.py flowers PHOTOS OUT',
        'python benchmarks/systems.py films FILM OUT', 'python asset/own.py OUT'], runs={})
    for folder in sorted(o.parent for o in out.glob('*/recipe.yaml')):
        run,name = Run(folder),folder.name
        tag = json.loads((out/'flowers.json').read_text())['chosen']['tag'] if name == 's0-flowers' else run.tags[-1]
        with open(folder/'history.csv', newline='') as f: log = list(csv.DictReader(f))
        log = [{k: v if k in ('mode', 'tag') else float(v) for k,v in o.items()} for o in log]
        log = [{k: None if v != v else v for k,v in o.items()} for o in log]
        kept['runs'][name] = dict(recipe=to_plain(run.recipe), tag=tag, weights_sha256=state_hash(run.weights(tag)),
            log=log)
    for o in ('flowers', 'films'):
        if (out/f'{o}.json').exists(): kept[o] = json.loads((out/f'{o}.json').read_text())
    with atomic_path(HERE/'own.json') as f: f.write_text(json.dumps(kept, indent=1) + '\n')


if __name__ == '__main__': main(sys.argv[1])
