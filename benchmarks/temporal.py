"""The product's film model, trained from the image model on two cores in half an hour; it can be interrupted.

    python benchmarks/temporal.py RUN_OF_THE_IMAGE_MODEL OUT [--minutes 25] [--lam 1] [--photos 3000]

Films are those of $COLORBOOK_DATA/video: the first two thirds of `bmx-trees`, `people` and
`big-buck-bunny`, whose last third is for measuring, and all of `sintel-trailer`. Photos are moved by cameras. The
teacher is the image model, so RUN should be the run that the artifact in the package comes from. How many clips an
epoch has follows from the time and from a measurement; the same command goes on where it was stopped.
"""
import argparse, json, time
from pathlib import Path

import torch

from colorbook.data.photos import data_dir
from colorbook.training.recipes import recipes, replace
from colorbook.data.clips import Clips, open_film
from colorbook.training.export import export_run
from colorbook.training.pretrained import state_for
from colorbook.data.loaders import data_loaders, load_data, present
from colorbook.training.trainer import make_learner, train

LEARN = {'bmx-trees': 2/3, 'people.mp4': 2/3, 'big-buck-bunny-480p.mp4': 2/3, 'sintel-trailer-480p.mp4': 1.}


def films(side):
    "What may be learned of each film"
    found = []
    for name,share in LEARN.items():
        film = open_film(data_dir()/'video'/name, side)
        found.append(film.part(0, share) if share < 1 else film)
        print(found[-1].name, len(found[-1]), 'frames of', found[-1].frames[0].shape, flush=True)
    return found


def seconds_a_step(recipe, clips, n):
    "How long a step takes, the first one left out"
    data_loaders['clips'].make = lambda **o: clips_loaders(recipe, clips)
    learn = make_learner(recipe, load_data(recipe, None), state_for(recipe, IMAGE))
    opt = torch.optim.AdamW([p for g in learn.model.generator.groups() for p in g], 1e-4)
    learn.model.train()
    for i,(x,target,*moves) in zip(range(n + 1), learn.dls.train):
        if i == 1: start = time.time()
        learn.loss_func(learn.model(x), target, present(x), *moves).backward()
        opt.step(); opt.zero_grad()
    return (time.time() - start)/n


def clips_loaders(recipe, clips):
    from colorbook.data.clips import clip_loaders
    return clip_loaders(clips, recipe.bs, recipe.valid, recipe.seed, aged=recipe.aged, target=recipe.target,
        gray=recipe.gray, lone=.3)


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('image', type=Path)
    p.add_argument('out', type=Path)
    p.add_argument('--minutes', type=float, default=25)
    p.add_argument('--lam', type=float, default=1.)
    p.add_argument('--photos', type=int, default=3000)
    p.add_argument('--epochs', type=int, default=8)
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--rehearse', action='store_true', help='measure the speed and stop')
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    o.out.mkdir(parents=True, exist_ok=True)
    IMAGE,plan = o.image,o.out/'plan.json'
    recipe = replace(recipes['video'], lam=o.lam)
    t = time.time()
    clips = Clips([*films(144), str(data_dir()/'photos/train-0.tar')], recipe.size, 3, o.photos)
    data_loaders['clips'].make = lambda **o: clips_loaders(recipe, clips)
    dls = clips_loaders(recipe, clips)
    print(f'{len(clips)} clips, read and their flow measured in {time.time() - t:.0f} s', flush=True)
    if not plan.exists():
        each = seconds_a_step(recipe, clips, 8)
        share = min(1., o.minutes*60*.8/o.epochs/each*recipe.bs/len(dls.train.dataset))
        print(f'{each:.2f} s a step of {recipe.bs} clips: {share:.3f} of the clips in each of {o.epochs} epochs')
        if not o.rehearse: plan.write_text(json.dumps(dict(share=share)))
    if not o.rehearse:
        phase = replace(recipe.phases[0], epochs=o.epochs, share=json.loads(plan.read_text())['share'])
        run = train(replace(recipe, phases=(phase,)), 'films and photos of the data folder', out=o.out/'run',
            weights=o.image)
        print(export_run(run, o.out/'video.onnx', name='colorbook-video'))
