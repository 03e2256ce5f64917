# %% [markdown]
# # Learning to see in gray
#
# > The encoder of S3's scene is trained beforehand, to tell what is on a gray picture
#
# To color a picture a network has to know what is on it. S3's [second encoder](../models/s3.ipynb#the-scene) is there for that. Before it helps to color, it is trained to name what is on photographs, in gray, as it will see them. ImageNet has a thousand names for 1.3 million photographs; any folder that has one folder for each kind of thing will do. One command trains the encoder by any of the four tasks that S3's program offers, can be stopped and resumed, and writes a file with which `colorbook train s3 --weights` begins.

# %%
#| default_exp training.scene

# %% tags=["parameters"]
size,n_epochs,seed = 32,3,0

# %%
#| export
import csv, yaml
from dataclasses import asdict, dataclass
from pathlib import Path
import torch, torch.nn.functional as F
from fastai.vision.all import *
from safetensors.torch import save_file
from torch import nn
from colorbook.color.lab import gray_to_L, grays
from colorbook.core import InputError, TrainingError, UsageError, atomic_path
from colorbook.data.loaders import PhotoDL, split_by_hash, SquareCrop
from colorbook.data.photos import open_photos
from colorbook.evaluation.saliency import map_maker
from colorbook.models.registry import generators, outputs
from colorbook.models.s3 import SceneEncoder
from colorbook.data.tasks import punch
from colorbook.training.optimization import LRSchedule
from colorbook.training.runs import (load_checkpoint, Run, save_checkpoint, seed_everything, set_rng_state,
    state_of)

# %%
#| hide
import tempfile, numpy as np
from fastcore.test import *
from colorbook.color.lab import show_row
from colorbook.data.photos import sample_photos
from colorbook.models.s3 import begin_with, S3Generator
from colorbook.training.recipes import recipes, save_recipe
from colorbook.training.registry import make_generator

# %% [markdown]
# ## Four tasks

# %% [markdown]
# The question is always what is on the picture, and the answer is the name of the folder in which the photograph lies. The tasks differ in what the encoder is shown: lightness, as the generator will show it; colors; and either with [a hole](../data/tasks.ipynb), a square of a quarter to a half of the side whose content is gone, with one channel more that says where it is. With a hole the encoder cannot rely on a single part of the thing. Each column of @fig-tasks has one photograph as the four tasks show it.

# %%
#| export
tasks = dict(gray=1, rgb=3, inpainting=4, gray_inpainting=2) # channels that the encoder sees

class SceneInput(ItemTransform):
    "Batches of photos and numbers of their kinds into what the encoder sees, and the numbers"
    order = 10
    def __init__(self,
        task:str, # key of `tasks`
        gray:str='rec601', # key of `colorbook.color.lab.grays`; S3's
    ): self.task,self.gray = task,grays[gray]
    def encodes(self, b):
        rgb = b[0].float()/255
        x = gray_to_L(self.gray(rgb)) if self.task.startswith('gray') else rgb
        return punch(x) if self.task.endswith('inpainting') else x,b[1]

# %%
#| label: fig-tasks
#| fig-cap: "The same photographs as the four tasks show them; the channel that says where the hole is is left out."
photos = torch.stack([torch.from_numpy(np.array(o.resize((96, 96)))) for o in sample_photos(96)]).permute(0, 3, 1, 2)
torch.manual_seed(seed)
shown = {k: SceneInput(k)((photos, torch.arange(6)))[0] for k in tasks}
test_eq({k: o.shape[1] for k,o in shown.items()}, tasks)
hole = shown['inpainting'][:,3:]
assert (.2**2 < hole.mean((1, 2, 3))).all() and (hole.mean((1, 2, 3)) < .55**2).all()
test_eq((shown['inpainting'][:,:3]*hole).abs().max(), 0)
kept = 1 - hole
test_close(shown['inpainting'][:,:3], photos/255*kept)
show_row([torch.cat([o[i,:1].expand(3, -1, -1) if k.startswith('gray') else o[i,:3] for k,o in shown.items()], 1)
    for i in range(6)])

# %% [markdown]
# ## From any task to gray

# %% [markdown]
# The generator shows its encoder lightness alone, whatever the encoder was trained on, so an encoder of colors has to be converted. For a gray picture its three channels are equal, and the first convolution adds up what its three sets of weights make of them; the sum of the sets does the same for one channel. The channel that marks the hole is zero where there is no hole, and its weights can be dropped. One thing remains: spectral norm divides the new weights by another number than the old ones, so the running mean and variance of the batch norm behind it are scaled to match. The cell checks for all four tasks that the two encoders give the same answers.

# %%
#| export
@torch.no_grad()
def gray_encoder(
    encoder:SceneEncoder, # trained on any of `tasks`
) -> SceneEncoder: # of one channel
    "The same function of gray pictures without a hole"
    first,n = encoder.layers[0][0],encoder.layers[0][0].in_channels
    colors = first.weight[:,:1 if n < 3 else 3].sum(1, keepdim=True)
    made = SceneEncoder(1, encoder.layers[0][0].out_channels)
    own = encoder.state_dict()
    made.load_state_dict({k: v for k,v in own.items() if not k.startswith('layers.0.0.')}, strict=False)
    limit = made.layers[0][0].parametrizations.weight
    limit.original.copy_(colors)
    limit[0]._power_method(colors.flatten(1), 100)
    norm,spread = made.layers[0][1],torch.linalg.vector_norm
    scale = spread(made.eval().layers[0][0].weight)/spread(colors)
    norm.running_mean *= scale
    norm.running_var *= scale**2
    return made.train(encoder.training)

# %%
torch.manual_seed(seed)
gray = shown['gray']
for k,n in tasks.items():
    net = SceneEncoder(n, 4)
    for _ in range(3): net.train()(torch.rand(4, n, 64, 64))
    with torch.no_grad():
        want = net.eval()(torch.cat([gray.expand(-1, n if n in (1, 3) else n - 1, -1, -1), 0*gray], 1)[:,:n])
        got = gray_encoder(net)(gray)
    test_close(got, want, eps=1e-3*want.abs().max())
want.abs().max()

# %% [markdown]
# ## The training

# %% [markdown]
# Settings are S3's: plain stochastic gradient descent with momentum, weight decay added to the gradient, a rate that falls to a tenth every 30 epochs. On top of the encoder come the mean over the picture and one dense layer, which are thrown away afterwards.

# %%
#| export
@dataclass(frozen=True)
class SceneTraining:
    "How the encoder of the scene is trained; S3's own values"
    task:str='gray' # key of `tasks`
    epochs:int=150
    lr:float=.01
    schedule:str='tenth-every-30' # see `colorbook.training.optimization.lr_schedule`
    momentum:float=.9
    wd:float=5e-4 # weight decay, added to the slope
    bs:int=256
    size:int=256 # side of the crops
    low:float=.7 # smallest crop, as a share of the short side
    valid:float=.03 # share of the photos that is held out
    nf:int=64 # channels of the encoder's first layer
    seed:int=0

class SceneClassifier(nn.Module):
    "The encoder with a dense layer on the mean of its features"
    def __init__(self, n_in:int, n_kinds:int, nf:int=64):
        super().__init__()
        self.encoder,self.head = SceneEncoder(n_in, nf),nn.Linear(8*nf, n_kinds)
    def forward(self, x): return self.head(self.encoder(x).mean((2, 3)))

# %%
#| export
def scene_loaders(
    photos, # a set of photos whose names say the folder they lie in
    how:SceneTraining,
    num_workers:int=0, # processes that crop
) -> DataLoaders: # batches of pictures and numbers; `dls.kinds` has the names, `dls.held` the indices held out
    "Photographs and what is on them; an `InputError` where all lie in one folder"
    of = [Path(o).parent.as_posix() for o in photos.names]
    kinds = sorted(set(of))
    if len(kinds) < 2: raise InputError('all photos lie in one folder', 'make a folder for each kind of thing')
    train,held = split_by_hash(photos, how.valid, how.seed)
    crop = SquareCrop(photos, how.size, how.low, held)
    block = DataBlock(blocks=(TransformBlock(), TransformBlock()), get_items=lambda o: list(range(len(o))), n_inp=1,
        getters=[crop, lambda i: torch.tensor(kinds.index(of[i]))], splitter=lambda _: (train, held),
        batch_tfms=SceneInput(how.task))
    dls = block.dataloaders(photos, bs=min(how.bs, len(train)), val_bs=min(how.bs, len(held)), num_workers=num_workers,
        device=default_device(), dl_type=PhotoDL)
    dls.kinds,dls.held = kinds,held
    return dls

# %%
#| export
class SceneRecorder(Callback):
    "After each epoch: loss and accuracy on held-out photos, a checkpoint, and the encoder for S3"
    order = 70
    def __init__(self,
        folder:Path, # of the run
        rows:list, # of the epochs that are done
        rng:dict=None, # state of the random generators to go on from
    ): self.folder,self.rows,self.start,self.rng = folder,rows,len(rows),rng
    def before_epoch(self):
        self.losses = []
        if self.rng and self.epoch == self.start: set_rng_state(self.rng, self.learn.dls.train)
    def after_loss(self):
        if self.training: self.losses.append(self.learn.loss_grad.detach())
    def after_epoch(self):
        if self.epoch < self.start: return
        loss = torch.stack(self.losses).mean()
        if not loss.isfinite(): raise TrainingError(f'the loss is {loss} in epoch {self.epoch}', 'lower the rate')
        said,truth = self.learn.get_preds(dl=self.learn.dls.valid, inner=True)
        right = (said.argsort(1, descending=True)[:,:5] == truth[:,None]).float()
        figures = dict(valid=F.cross_entropy(said, truth).item(), top1=right[:,0].mean().item(),
            top5=right.sum(1).mean().item())
        self.rows.append(dict(epoch=self.epoch, loss=loss.item(), **figures))
        state = {f'scene.{k}': v.contiguous() for k,v in gray_encoder(self.learn.model.encoder).state_dict().items()}
        with atomic_path(self.folder/'scene.safetensors') as f: save_file(state, f)
        with atomic_path(self.folder/'history.csv') as f, open(f, 'w', newline='') as o:
            w = csv.DictWriter(o, self.rows[0].keys())
            w.writeheader(); w.writerows(self.rows)
        save_checkpoint(self.folder, state_of(self.learn, rows=self.rows))

# %%
#| export
def pretrain(
    source, # photographs, a folder for each kind of thing: see `colorbook.data.photos.open_photos`
    out=None, # folder of the run; `runs/scene-TASK` if not given
    how:SceneTraining=SceneTraining(),
    resume:bool=True, # go on from the folder's checkpoint where there is one
    workers:int=0, # processes that read pictures late; 0 to keep all in memory
    progress:bool=True, # show fastai's progress bar and table
) -> Path: # the folder: settings, history, checkpoint, and `scene.safetensors`, which S3 begins with
    "Train the encoder of S3's scene to tell what is on photographs"
    if how.task not in tasks: raise UsageError(f"there is no task '{how.task}'", f"choose {', '.join(tasks)}")
    out = Path(out or f'runs/scene-{how.task}')
    out.mkdir(parents=True, exist_ok=True)
    seed_everything(how.seed)
    dls = scene_loaders(open_photos(source, how.size*3//2, keep=not workers), how, workers)
    settings,last = asdict(how) | dict(kinds=dls.kinds, n=dls.train.n),load_checkpoint(out) if resume else None
    if last and yaml.safe_load((out/'settings.yaml').read_text()) != settings:
        raise UsageError(f"'{out}' was trained with other settings or photos", 'choose another folder')
    with atomic_path(out/'settings.yaml') as f: f.write_text(yaml.safe_dump(settings))
    opt = partial(SGD, mom=how.momentum, wd=how.wd, decouple_wd=False)
    learn = Learner(dls, SceneClassifier(tasks[how.task], len(dls.kinds), how.nf), nn.CrossEntropyLoss(), opt_func=opt)
    if not progress: learn.remove_cb(ProgressCallback); learn.logger = noop
    rows = last['rows'] if last else []
    if last:
        learn.create_opt()
        learn.model.load_state_dict(last['model'])
        learn.opt.load_state_dict(last['opt'])
    recorder = SceneRecorder(out, rows, last['rng'] if last else None)
    schedule = LRSchedule(how.schedule, [how.lr])
    if len(rows) < how.epochs: learn.fit(how.epochs, how.lr, cbs=[schedule, recorder], start_epoch=len(rows))
    return out

# %% [markdown]
# We try it with three kinds of pictures, horizontal stripes, vertical stripes and a disc, and a small encoder. One run goes straight through; another is stopped after the first epoch and resumed, and must end with the same weights. Printed is the last row of the history; `top1` is the share of held-out pictures that are named rightly.

# %%
home,rng = Path(tempfile.mkdtemp()),np.random.default_rng(seed)
y,x = np.mgrid[:40,:40]
for i in range(24):
    a,b = rng.uniform(.4, .9),rng.uniform(0, 6)
    disc = (x - 20)**2 + (y - 20)**2 < 150 + 99*a
    kinds = dict(lying=np.sin(a*y + b), standing=np.sin(a*x + b), disc=2.*disc - 1)
    for k,v in kinds.items():
        (home/k).mkdir(exist_ok=True)
        PILImage.create((127 + 100*v)[...,None].repeat(3, 2).astype(np.uint8)).save(home/f'{k}/{i}.png')
how = SceneTraining(epochs=n_epochs, lr=.05, bs=12, size=size, nf=4, valid=.2, schedule='tenth-every-30')
def run(name, **kw): return pretrain(home, home.parent/(home.name + name), how, progress=False, **kw)
straight = run('straight')
seen,f = [],SceneRecorder.after_epoch
def stopped(self):
    f(self)
    raise KeyboardInterrupt
SceneRecorder.after_epoch = stopped
try: run('other')
except KeyboardInterrupt: pass
finally: SceneRecorder.after_epoch = f
other = run('other')
test_eq((other/'history.csv').read_text(), (straight/'history.csv').read_text())
test_eq((other/'scene.safetensors').read_bytes(), (straight/'scene.safetensors').read_bytes())
rows = list(csv.DictReader(open(straight/'history.csv')))
test_eq(len(rows), n_epochs)
assert float(rows[-1]['loss']) < float(rows[0]['loss'])
test_fail(lambda: pretrain(home, straight, SceneTraining(task='rgb')), exc=UsageError, contains='other settings')
test_fail(lambda: pretrain(home/'disc', home/'x', how), exc=InputError, contains='one folder')
test_fail(lambda: pretrain(home, home/'x', SceneTraining(task='names')), exc=UsageError, contains='gray_inpainting')
rows[-1]

# %% [markdown]
# S3's generator begins with that file, as [First weights](pretrained.ipynb) describes.

# %%
from safetensors.torch import load_file
state = load_file(straight/'scene.safetensors')
net = begin_with(S3Generator(nf=4), state)
test_eq(net.scene.state_dict()['layers.13.1.weight'], state['scene.layers.13.1.weight'])
len(state)

# %% [markdown]
# ## Maps from a run

# %% [markdown]
# A run whose generator predicts saliency makes maps for others ([Where one looks](../evaluation/saliency.ipynb)): `colorbook data saliency PHOTOS MAPS --method RUN`.

# %%
#| export
def run_maps(
    run, # folder of a run
): # a function from a photo to its map; a `UsageError` where the run's generator predicts none
    "The maps that the generator of a run predicts"
    run = Run(run)
    recipe = run.recipe
    if not outputs[generators[recipe.generator].output].saliency:
        what = f"generator '{recipe.generator}' of '{run}' predicts no saliency"
        raise UsageError(what, 'give a run of s3 or s3-small')
    return map_maker(run.generator(), recipe.gray, recipe.size)

# %%
made = Run(home/'run')
made.folder.mkdir()
save_recipe(recipes['s3-small'], made/'recipe.yaml')
made.save_weights(make_generator(recipes['s3-small']), '0-000')
found = run_maps(made)(sample_photos(96)[0])
test_eq((found.mode, found.size), ('L', sample_photos(96)[0].size))
save_recipe(recipes['s0'], made/'recipe.yaml')
test_fail(lambda: run_maps(made), exc=UsageError, contains='predicts no saliency')
found.getextrema()

# %% [markdown]
# ## What we have
#
# - `pretrain`, and `colorbook pretrain` on the command line: four tasks, resumed exactly;
# - `gray_encoder`, which converts any of them to an encoder of gray pictures;
# - `run_maps`, which makes maps of saliency with the generator of a run;
# - `scene.safetensors` for `colorbook train s3 PHOTOS --weights runs/scene-gray`.

# %% [markdown]
# ## Exercises
#
# 1. An encoder that was trained on colors and converted gives the same answers to gray pictures as before. Why will it name some kinds of things worse in gray than one that was trained in gray?
# 2. S3 thought that a hole teaches more. How would you compare `gray` and `gray_inpainting` fairly?
# 3. Pretraining needs names. Which of the four tasks could be turned into one that needs none?
