"""Does S3 fit at its full size? Steps of both terms at 256 pixels, one picture a batch, and the second half once more.

    python benchmarks/s3.py PHOTOS [--content s3_vgg19] [--out DIR]

Prints the figures of each epoch, the largest memory, and whether the second half of the second term, resumed from the
checkpoint at its middle, ends with the same weights. Ten steps an epoch, two epochs a term.
"""
import argparse, resource, shutil, tempfile, time
from dataclasses import replace
from pathlib import Path

from colorbook.training.journal import RunRecorder
from colorbook.training.recipes import recipes
from colorbook.training.runs import Run, state_hash
from colorbook.training.trainer import train


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('photos')
    ap.add_argument('--content', default='s3', help="'s3_vgg19' where VGG-16's weights are not to be had")
    ap.add_argument('--out', help='a folder; a temporary one if not given')
    args = ap.parse_args()
    home,save = Path(args.out or tempfile.mkdtemp()),RunRecorder.save
    recipe = recipes['s3']
    phases = tuple(replace(p, epochs=2, bs=1) for p in recipe.phases)
    recipe = replace(recipe, content=args.content, bs=1, valid=.01, phases=phases)
    def kept(self, phase, epoch):
        save(self, phase, epoch)
        if (phase, epoch) == (1, 1) and not (home/'half').exists(): shutil.copytree(home/'straight', home/'half')
    RunRecorder.save,ends = kept,[]
    for name in ('straight', 'half'):
        start = time.time()
        run = Run(train(recipe, args.photos, home/name, n=11, progress=False))
        ends.append({k: state_hash(run.weights(k)) for k in run.tags})
        for o in run.history: print({k: o[k] for k in ('tag', 'content', 'gen', 'crit', 'valid', 'seconds')})
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/2**20
        print(f'{name}: {time.time() - start:.0f} s, at most {peak:.1f} GiB')
    print('resumed equals straight:', ends[0] == ends[1])


if __name__ == '__main__': main()
