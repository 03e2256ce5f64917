"""The run behind a figure of lesson 9, in DeOldify's order: content loss alone, the critic alone, then both, watched.

    python asset/nogan.py    about a minute of one core

The last stretch is run three times from the same weights: with a gentle critic, with one that is not heard (distance
goes on alone), and with one that counts ten times as much as the first.
Writes asset/lessons/nogan.json, what is measured on the held-out frames after every fourth step, and
asset/lessons/nogan.jpg, six of these frames: before it, at the best moment of the first run, at the most colorful one
of the last, and the truth.
"""
import json, sys, time
from pathlib import Path

import numpy as np, torch
from fastai.vision.all import Adam, Callback, DataLoaders, Learner, noop, ProgressCallback, set_seed
from PIL import Image

from colorbook.color.lab import join_lab
from colorbook.data.film_tasks import film_tasks
from colorbook.evaluation.metrics import psnr
from colorbook.losses.basic import L1Loss
from colorbook.models.small_critic import SmallCritic
from colorbook.models.small_unet import SmallUNet
from colorbook.training.gan import GAN, gan_splitter, GANCallback
from colorbook.training.critic_schedules import knee, ValidationPanel

ROOT = Path(__file__).resolve().parent.parent
SIZE = 48,80


class Look(Callback):
    "The held-out frames before the first step and after every few"
    order = 70
    def __init__(self, held, every): self.held,self.every,self.panel = held,every,ValidationPanel(held.L, held.ab)
    def look(self):
        net = self.learn.model.eval()
        with torch.no_grad(): fake = join_lab(self.held.L, net(self.held.L))
        row = dict(step=self.n, psnr=psnr(fake, self.held.rgb).mean().item(), **self.panel.look(net))
        self.rows.append({k: round(v, 4) for k,v in row.items()})
        self.frames.append(fake)
        net.train()
    def before_fit(self):
        self.rows,self.frames,self.n = [],[],0
        self.look()
    def after_batch(self):
        if not self.training: return
        self.n += 1
        if self.n%self.every == 0: self.look()


def main(epochs=(20, 4, 8), weights=(5., 0., 50.), rates=(1e-4, 2e-3), every=4, seed=0, size=SIZE,
         out=ROOT/'asset/lessons'):
    start = time.process_time()
    torch.set_num_threads(1)
    learn,held = film_tasks(ROOT/'asset/bunny.mp4', size)
    set_seed(seed)
    pairs = [list(zip(o.L, o.ab)) for o in (learn, held)]
    dls = DataLoaders.from_dsets(*pairs, bs=16, shuffle=True, drop_last=True, num_workers=0, device='cpu')
    gan,look,runs = GAN(SmallUNet(24), SmallCritic(16)),Look(held, every),[]
    def stretch(mode, weight=1.):
        learner = Learner(dls, gan, L1Loss(100), Adam, splitter=gan_splitter, wd=0.,
                          cbs=GANCallback('logistic', weight, mode))
        learner.remove_cb(ProgressCallback)
        learner.logger = noop
        return learner
    stretch('content').fit_one_cycle(epochs[0], 3e-3)
    stretch('critic').fit(epochs[1], (0., 2e-3))
    kept = {k: v.clone() for k,v in gan.state_dict().items()}
    for weight in weights:
        gan.load_state_dict(kept)
        set_seed(seed + 1)
        stretch('both', weight).fit(epochs[2], rates, cbs=look)
        best = knee([o['distance'] for o in look.rows])  # as `NoGANStop` chooses
        runs.append(dict(weight=weight, best=look.rows[best]['step'], rows=look.rows))
        if weight == weights[0]: shown = [look.frames[0], look.frames[best]]
    wild = int(np.argmax([o['ratio'] for o in look.rows]))
    pick = torch.linspace(0, len(held.L) - 1, 6).long()
    sheet = torch.cat([torch.cat(list(o[pick]), 2) for o in (*shown, look.frames[wild], held.rgb)], 1)
    sheet = (sheet*255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(sheet).save(out/'nogan.jpg', quality=92, subsampling=0)
    about = dict(command='python asset/nogan.py', epochs=epochs, rates=rates, size=size, seed=seed,
                 wild=look.rows[wild]['step'], torch=torch.__version__, runs=runs)
    (out/'nogan.json').write_text(json.dumps(about, indent=1) + '\n')
    print(f'{time.process_time() - start:.0f} s')


if __name__ == '__main__': sys.exit(main())
