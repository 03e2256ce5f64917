# %% [markdown]
# # One file
#
# > From a trained generator to an artifact that needs no torch

# %%
#| default_exp artifact

# %%
#| export
import copy, csv, hashlib, json, subprocess, yaml
from itertools import product
from pathlib import Path
import numpy as np, onnx, pandas as pd, torch, torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import nn, Tensor
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations
from colorbook.classify import AnnealedMean
from colorbook.core import UsageError, write_beside
from colorbook.data import Photos, split_by_hash
from colorbook.lab import gray_to_L, join_lab, lstar, rgb_to_lab
from colorbook.metrics import colorfulness, psnr
from colorbook.recipes import load_generator, load_recipe, to_plain

# %%
#| export
def fold(
    net:nn.Module, # in evaluation mode; it stays as it is
) -> nn.Module: # a copy with the same answers and fewer layers
    "Batch norm folded into the convolution before it, spectral norm into the weights"
    net = copy.deepcopy(net).eval()
    for m in net.modules():
        if is_parametrized(m): remove_parametrizations(m, 'weight')
    for seq in [m for m in net.modules() if isinstance(m, nn.Sequential)]:
        for i in range(1, len(seq)):
            if isinstance(seq[i], nn.BatchNorm2d): fold_norm(seq, i)
    return net

def fold_norm(seq, i):
    "Fold the batch norm at `i` into the convolution at `i-1`, or into the last one of a nest there"
    home,at = (seq[i-1], -1) if isinstance(seq[i-1], nn.Sequential) else (seq, i-1)
    if not isinstance(home[at], (nn.Conv2d, nn.ConvTranspose2d)): return
    home[at] = fuse_conv_bn_eval(home[at], seq[i], transpose=isinstance(home[at], nn.ConvTranspose2d))
    seq[i] = nn.Identity()

# %%
#| export
class LtoAb(nn.Module):
    "What an artifact holds: `L` to `ab`, whatever the generator's own output is"
    def __init__(self, generator): super().__init__(); self.generator = generator
    def forward(self, L):
        color = self.generator.color(self.generator(L))
        return rgb_to_lab((color + 1)/2)[:,1:]/110 if color.shape[1] == 3 else color

# %%
#| export
def weights_hash(
    net:nn.Module,
) -> str: # SHA-256 of all weights in the order of their names
    "A name for exactly these weights"
    h = hashlib.sha256()
    for k,v in sorted(net.state_dict().items()): h.update(k.encode() + v.detach().cpu().contiguous().numpy().tobytes())
    return h.hexdigest()

# %%
#| export
def make_card(
    generator:nn.Module,
    name:str, # of the model
    recipe=None, # the recipe that trained it
    size:int=256, # side of the square that the network sees by default
    **more, # 'data', 'licence', 'metrics' and whatever else should be known
) -> dict: # plain values
    "The card that an artifact carries"
    from colorbook import __version__
    git = subprocess.run(['git', 'rev-parse', 'HEAD'], capture_output=True, text=True)
    return dict(format=1, name=name, version=__version__, recipe=to_plain(recipe) if recipe else None, gray=recipe.gray if recipe else 'lstar',
        input='L/100', output='ab/110', size=size, multiple=32, seed=recipe.seed if recipe else None,
        commit=git.stdout.strip() or None, weights_sha256=weights_hash(generator), **more)

# %%
#| export
def strip(
    model:onnx.ModelProto, # changed in place
) -> onnx.ModelProto: # the same
    "Drop the exporter's notes, which name files and folders of this machine, and give the sides plain names"
    g = model.graph
    for o in [model, g, *g.node, *g.initializer, *g.input, *g.output]:
        for k in ('metadata_props', 'doc_string'): o.ClearField(k)
    del g.value_info[:]
    for o,names in ((g.input[0], 'hw'), (g.output[0], ('h_out', 'w_out'))):
        for dim,name in zip(o.type.tensor_type.shape.dim[2:], names): dim.dim_param = name
    return model

# %%
#| export
def export_artifact(
    generator:nn.Module, # trained
    path, # the .onnx file to write
    card:dict, # see `make_card`
) -> Path: # the file
    "Write a generator and its card as one ONNX file of dynamic size"
    net = LtoAb(fold(generator))
    sides = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    prog = torch.onnx.export(net, (torch.rand(1, 1, 96, 128),), dynamo=True, dynamic_shapes=(sides,), verbose=False,
        input_names=['L'], output_names=['ab'])
    model = strip(prog.model_proto)
    onnx.helper.set_model_props(model, dict(colorbook=json.dumps(card)))
    with write_beside(path) as f: onnx.save(model, f)
    return Path(path)

# %%
#| export
def pick(
    tried:list, # settings with 'psnr' and 'ratio'
    floor:float, # least colorfulness ratio
) -> dict: # one of them
    "The rule: the highest PSNR among settings that are colorful enough; the most colorful where none is"
    bright = [o for o in tried if o['ratio'] >= floor] or [max(tried, key=lambda o: o['ratio'])]
    return max(bright, key=lambda o: o['psnr'])

# %%
#| export
def enlarge(
    ab:Tensor, # color of any size, `bs`x2xhxw
    L:Tensor, # lightness, ...xHxW
) -> Tensor: # color of the size of `L`
    "Chroma at the size of the lightness, by plain interpolation"
    return F.interpolate(ab, L.shape[-2:], mode='bilinear')

# %%
#| export
def choose(
    generator:nn.Module, # with `AnnealedMean` as its `color`
    photos:list, # held-out RGB pictures, HxWx3 bytes of one size
    weights:Tensor, # of the classes in training
    floor:float=.7, # least colorfulness ratio
    sizes:tuple=(160, 192, 224), temperatures:tuple=(.38, .6, 1.), shares:tuple=(0., .25, .5),
) -> tuple[dict,list]: # the choice, and every setting that was tried with its figures
    "Size, temperature and the share of the rebalancing to divide out: the highest PSNR among settings that are colorful enough"
    rgb = torch.stack([torch.as_tensor(o) for o in photos]).permute(0, 3, 1, 2).float()/255
    L,real = gray_to_L(lstar(rgb)),colorfulness(rgb).mean()
    tried = []
    for size in sizes:
        with torch.no_grad(): outs = [generator(F.interpolate(l[None], (size, size), mode='bilinear', antialias=True)) for l in L]
        for T,share in product(temperatures, shares):
            color = AnnealedMean(T, -share*weights.log())
            fake = torch.cat([join_lab(l[None], enlarge(color(o), l), gamut=False) for l,o in zip(L, outs)])
            tried.append(dict(size=size, T=T, share=share, psnr=psnr(fake, rgb).mean().item(), ratio=(colorfulness(fake).mean()/real).item()))
    return pick(tried, floor),tried

# %%
#| export
def held_photos(
    run, # folder of a run
    data=None, # where the photos are; what the run was trained on if not given
    n:int=120, # so many at the most
    size:int=256, # side of the squares they are stretched to
) -> list: # HxWx3 bytes
    "Photographs that the run held out"
    recipe,seen = load_recipe(Path(run)/'recipe.yaml'),yaml.safe_load((Path(run)/'data.yaml').read_text())
    source = data or seen['source']
    if source is None: raise UsageError(f"'{run}' was trained on pictures in memory", 'say where photos are to choose by')
    photos = Photos(source, n=seen['n'])
    train,held = split_by_hash(photos, recipe.valid, recipe.seed)
    return [np.asarray(photos[i].resize((size, size), Image.Resampling.BICUBIC)) for i in (held or train)[:n]]

# %%
#| export
def candidates(
    run, # folder of a run
) -> list: # 'PHASE-EPOCH' of the weights that may be shipped
    "The last weights of each phase that trains the generator, and those after each adversarial epoch"
    rows = list(csv.DictReader(open(Path(run)/'history.csv')))
    last = {o['phase']: o for o in rows if o['mode'] != 'critic'}
    return [f"{o['phase']}-{int(o['epoch']):03}" for o in rows if o['mode'] == 'both' or o in last.values() and o['mode'] != 'critic']

# %%
#| export
def best_of(
    run, # folder of a run
    photos:list, # held-out photos, see `held_photos`
) -> tuple[nn.Module,dict,list]: # generator, the choice, and all that was tried
    "The weights and settings of highest held-out PSNR among those that are colorful enough"
    recipe,tried = load_recipe(Path(run)/'recipe.yaml'),[]
    weights = load_file(Path(run)/'classes.safetensors')['weights']
    for tag in candidates(run): tried += [dict(tag=tag, **o) for o in choose(load_generator(run, tag), photos, weights, recipe.floor)[1]]
    best = pick(tried, recipe.floor)
    gen = load_generator(run, best['tag'])
    gen.color = AnnealedMean(best['T'], -best['share']*weights.log())
    return gen,best,tried

# %%
#| export
def stamp(
    path, # an artifact
    **card, # entries to add to its card, or to replace
):
    "Change the card of an artifact, for example to add what was measured"
    model = onnx.load(path)
    old = json.loads({o.key: o.value for o in model.metadata_props}['colorbook'])
    onnx.helper.set_model_props(model, dict(colorbook=json.dumps({**old, **card})))
    with write_beside(path) as f: onnx.save(model, f)

# %%
#| export
def export_run(
    run, # folder of a run
    out=None, # the .onnx file; `artifact.onnx` in the folder if not given
    photos=None, # to choose by, see `held_photos`
    **card, # more for the card: 'name', 'data', 'licence', 'metrics'
) -> Path: # the file
    "Choose among a run's weights and export the best as an artifact"
    run = Path(run)
    recipe,more,size = load_recipe(run/'recipe.yaml'),{},recipe_size(run)
    if recipe.content == 'bins':
        gen,best,tried = best_of(run, held_photos(run, photos))
        with write_beside(run/'tried.csv') as f: pd.DataFrame(tried).to_csv(f, index=False)
        size,more = best['size'],dict(chosen=best)
    else: gen = load_generator(run)
    return export_artifact(gen, out or run/'artifact.onnx', make_card(gen, card.pop('name', recipe.name), recipe, size, **more, **card))

def recipe_size(run): return load_recipe(Path(run)/'recipe.yaml').size//32*32
