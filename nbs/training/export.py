# %% [markdown]
# # Export to ONNX
#
# > From a trained generator to one file that needs no torch
#
# Training needs torch, fastai and some gigabytes; coloring a photograph should not. So a trained generator is exported to one `.onnx` file of a few megabytes that any runtime for ONNX can open: lightness in, color out, at every size. It carries a card that says what it is, where it comes from and how good it is. Which of a run's many weights go into it is decided by [the rule](trainer.ipynb#the-rule-for-what-is-shipped) of the chapter on training.

# %%
#| default_exp training.export

# %% tags=["parameters"]
size,seed = 32,0

# %%
#| export
import copy, json, math, subprocess
from pathlib import Path
import colorbook, numpy as np, onnx, pandas as pd, torch
from torch import nn, Tensor
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrize import is_parametrized
from colorbook.color.bins import HueBias
from colorbook.color.lab import rgb_to_lab
from colorbook.core import atomic_path
from colorbook.data.loaders import data_loaders
from colorbook.models.registry import generators
from colorbook.training.recipes import to_plain
from colorbook.training.registry import searched
from colorbook.training.runs import Run, state_hash
from colorbook.training.selection import best_of, candidates, chosen_color, pick

# %%
#| hide
import sys, tempfile
from itertools import product
import matplotlib.pyplot as plt, onnxruntime
from fastcore.test import *
from torch.utils.flop_counter import FlopCounterMode
from colorbook.color.bins import AnnealedMean
from colorbook.color.lab import split_lab
from colorbook.core import UsageError
from colorbook.data.photos import sample_photos
from colorbook.models.critics import PatchCritic
from colorbook.models.s0 import S0Generator
from colorbook.models.temporal import S1Generator, TemporalUNet
from colorbook.models.unet import MobileUNet
from colorbook.training.recipes import Phase, recipes, replace
from colorbook.training.trainer import train

# %% [markdown]
# ## Folding

# %% [markdown]
# Batch norm helps training. When a network is used its statistics are constants, and a convolution followed by a constant scale and shift is another convolution. With weights $W$, running mean $\mu$ and variance $\sigma^2$, and the norm's own scale $\gamma$ and shift $\beta$,
#
# $$W'=\frac{\gamma}{\sqrt{\sigma^2+\epsilon}}\,W,\qquad b'=\beta-\frac{\gamma\,\mu}{\sqrt{\sigma^2+\epsilon}},$$
#
# channel by channel. In the same way spectral norm is a division of the weights by a number that no longer changes. Folding both in makes a net of fewer layers with the same answers; it works on a copy, so that training can go on.

# %%
#| export
def fold_norm(seq, i):
    "Fold the batch norm at `i` into the convolution at `i-1`, or into the last one of a nest there"
    home,at = (seq[i-1], -1) if isinstance(seq[i-1], nn.Sequential) else (seq, i-1)
    if not isinstance(home[at], (nn.Conv2d, nn.ConvTranspose2d)): return
    home[at] = fuse_conv_bn_eval(home[at], seq[i], transpose=isinstance(home[at], nn.ConvTranspose2d))
    seq[i] = nn.Identity()

def fold_spectral(m):
    "Make a layer with spectral norm an ordinary one; the class it gives up belongs to the original as well"
    w = m.weight.detach().clone()
    m.__class__ = type(m).__base__
    del m.parametrizations
    m.weight = nn.Parameter(w)

def fold(
    net:nn.Module, # in evaluation mode; it stays as it is
) -> nn.Module: # a copy with the same answers and fewer layers
    "Batch norm folded into the convolution before it, spectral norm into the weights"
    net = copy.deepcopy(net).eval()
    for m in [m for m in net.modules() if is_parametrized(m)]: fold_spectral(m)
    for seq in [m for m in net.modules() if isinstance(m, nn.Sequential)]:
        for i in range(1, len(seq)):
            if type(seq[i]) is nn.BatchNorm2d: fold_norm(seq, i)
    return net

# %% [markdown]
# In a new net the running statistics are zero and one, and folding would change nothing. So each net sees some noise in training mode first. Then the folded copy must agree with the original, have no norm left, and leave the original untouched. The critic, which no artifact contains, is here for its spectral norm.

# %%
def worn(net, *inputs):
    "A net whose statistics are those of some use"
    with torch.no_grad():
        for _ in range(3): net.train()(*inputs)
    return net.eval()

torch.manual_seed(seed)
L = torch.rand(2, 1, 64, 96)
nets = dict(mobile=(worn(MobileUNet(color=AnnealedMean()), L), L), s0=(worn(S0Generator(), L), L),
    critic=(worn(PatchCritic(strides=(2, 2, 1)), L, torch.rand(2, 2, 64, 96)), L, torch.rand(2, 2, 64, 96)))
norms = lambda net: sum(isinstance(m, nn.BatchNorm2d) or is_parametrized(m) for m in net.modules())
for net,*inputs in nets.values():
    before,flat = copy.deepcopy(net.state_dict()),fold(net)
    with torch.no_grad(): test_close(flat(*inputs), net(*inputs), eps=1e-4)
    test_eq((norms(flat), norms(net) > 0), (0, True))
    for k,v in net.state_dict().items(): test_eq(v, before[k])
{k: (norms(o[0]), sum(p.numel() for p in o[0].parameters())) for k,o in nets.items()}

# %% [markdown]
# ## From lightness to color

# %% [markdown]
# Generators answer in their own ways: S0 in RGB, the product's in scores of 313 classes. An artifact has one interface, $L$ in 0..1 to $ab$ in units of 110, so the last steps go into the graph: the annealed mean of [the bins](../color/bins.ipynb), or the way from RGB to Lab of [Lab](../color/lab.ipynb). Of S0's RGB only the color survives, and whoever uses the file joins it to the lightness of the photograph. Where what the generator saw was not the lightness, as in [infrared](../models/infrared.ipynb), the difference to it is a second output, `light`. A generator that has more than one answer says so by an attribute `z_dim`, the number of values in a second input `z`; a classifier gets one by `HueBias`. A file's `z` are always normal numbers, so that whoever draws them need not know how it was trained: for generators that practiced with uniform noise the error function, which makes uniform numbers of normal ones, is part of the graph.

# %%
#| export
class ImageGraph(nn.Module):
    "What an artifact holds: `L` to `ab`, whatever the generator's own output is"
    def __init__(self,
        generator:nn.Module, # `L`, and `z` where it has a `z_dim`, to output; with a method `color`
        light:bool=False, # answer with what is to be added to the lightness, too; for generators of RGB
    ):
        super().__init__()
        self.generator,self.light = generator,light
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, or three channels
        z:Tensor=None, # normal numbers, `bs`x`z_dim`, where the generator has a `z_dim`
    ): # color in about -1..1, `bs`x2xhxw; and with `light` `bs`x1xHxW, in units of 100
        if z is not None and hasattr(self.generator, 'noise'): z = torch.erf(z/2**.5) # uniform in -1..1
        color = self.generator.color(self.generator(L) if z is None else self.generator(L, z))
        if color.shape[1] == 2: return color
        lab = rgb_to_lab((color + 1)/2)
        if not self.light: return lab[:,1:]/110
        return lab[:,1:]/110,lab[:,:1]/100 - (rgb_to_lab(L)[:,:1]/100 if L.shape[1] == 3 else L)

# %%
s0,mobile = nets['s0'][0],nets['mobile'][0]
with torch.no_grad():
    rgb = (s0(L) + 1)/2
    test_close(ImageGraph(s0)(L), split_lab(rgb)[1], eps=1e-6)
    test_eq(ImageGraph(mobile)(L), mobile.color(mobile(L)))
    test_close(L + ImageGraph(s0, light=True)(L)[1], rgb_to_lab(rgb)[:,:1]/100, eps=1e-5)
    test_eq(ImageGraph(mobile)(L).shape, (2, 2, 64//4, 96//4))
{k: tuple(ImageGraph(o)(L).shape) for k,o in (('s0', s0), ('mobile', mobile))}

# %% [markdown]
# ## The card

# %% [markdown]
# A file of numbers that was downloaded somewhere raises questions: which photographs was it trained on, may I use it, which gray does it expect, how good is it? The card answers inside the file, as JSON under the key `colorbook`. It also has a hash of the weights that were exported, taken over names and bytes, so that a file can be traced to the checkpoint it came from.

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
    return dict(format=1, name=name, version=colorbook.__version__, recipe=to_plain(recipe) if recipe else None,
        gray=recipe.gray if recipe else 'lstar', input='L/100', output='ab/110', size=size, multiple=32,
        noise=getattr(generator, 'z_dim', 0), seed=recipe.seed if recipe else None, commit=commit(),
        weights_sha256=state_hash(generator.state_dict()),
        **{**dict(data=None, licence=None, metrics=None), **more})

def commit() -> str|None: # hash, or None where the library does not run from its own checkout
    "The commit of the code that is at work"
    home = Path(colorbook.__file__).parents[1]
    if not (home/'.git').exists(): return None
    try: said = subprocess.run(['git', '-C', home, 'rev-parse', 'HEAD'], capture_output=True, text=True)
    except OSError: return None
    return said.stdout.strip() or None

# %%
test_eq(state_hash(copy.deepcopy(s0).state_dict()), state_hash(s0.state_dict()))
other = copy.deepcopy(s0)
other.head.weight.data[0,0,0,0] = torch.nextafter(other.head.weight.data[0,0,0,0], torch.tensor(9.))
test_ne(state_hash(other.state_dict()), state_hash(s0.state_dict()))
card = make_card(s0, 'S0, untrained', recipes['s0'], size=224, data='noise', licence='CC0-1.0')
test_eq(json.loads(json.dumps(card)), card)
{k: v for k,v in card.items() if k != 'recipe'}

# %% [markdown]
# ## Export

# %% [markdown]
# PyTorch follows the net with an example and writes down what it computes. Height and width are declared dynamic, otherwise the example's would be built in. Two things are set right afterwards. The exporter notes on every operation which line of which file it came from, with the names of folders on the machine of whoever exports: that is nobody's business and is dropped. And the weights belong into the file, not beside it.

# %%
#| export
def strip(
    model:onnx.ModelProto, # changed in place
    shapes:list=(), # of `state_shapes`, where the graph has a state
) -> onnx.ModelProto: # the same
    "Drop the exporter's notes, which name files and folders of this machine, and name all sides after the picture's"
    g,sides = model.graph,{'L': 1, **{f's{i}': by for i,(_,by) in enumerate(shapes)}}
    for o in [model, g, *g.node, *g.initializer, *g.input, *g.output]:
        for k in ('metadata_props', 'doc_string'): o.ClearField(k)
    del g.value_info[:]
    for o in [*g.input, *g.output]:
        by = sides.get(o.name.removeprefix('new_'))
        names = [s if by == 1 else f'{s}/{by}' for s in 'hw'] if by else ()
        if o.name in ('ab', 'light'): names = ('h_out', 'w_out')
        for dim,name in zip(o.type.tensor_type.shape.dim[2:], names): dim.dim_param = name
    return model

def store_half(
    model:onnx.ModelProto, # changed in place
    least:int=64, # tensors with fewer numbers stay as they are
) -> onnx.ModelProto: # the same
    "Store weights in half precision; the runtime makes float32 of them when it loads the file"
    g,casts = model.graph,[]
    for t in g.initializer:
        if t.data_type != onnx.TensorProto.FLOAT or math.prod(t.dims) < least: continue
        half,name = onnx.numpy_helper.to_array(t).astype(np.float16),t.name
        if not np.isfinite(half).all(): continue
        t.CopyFrom(onnx.numpy_helper.from_array(half, f'{name}_half'))
        casts.append(onnx.helper.make_node('Cast', [t.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*g.node]
    del g.node[:]
    g.node.extend(casts + nodes)
    return model

def write_graph(net, path, card, given, free, inputs, outputs, shapes=(), half=False):
    "Follow a network with an example, and write it with its card as one ONNX file"
    prog = torch.onnx.export(net.eval(), given, dynamo=True, verbose=False, dynamic_shapes=free, input_names=inputs,
        output_names=outputs)
    model = strip(prog.model_proto, shapes)
    if half: store_half(model)
    onnx.helper.set_model_props(model, dict(colorbook=json.dumps(card)))
    with atomic_path(path) as f: onnx.save(model, f)
    return Path(path)

# %%
#| export
def export_artifact(
    generator:nn.Module, # trained
    path, # the .onnx file to write
    card:dict, # see `make_card`
    half:bool=False, # store the weights in half precision, see `store_half`
) -> Path: # the file
    "Write a generator and its card as one ONNX file of dynamic size"
    noise,sides = getattr(generator, 'z_dim', 0),{2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    light,given = bool(card.get('light')),torch.rand(1, card.get('channels', 1), 96, 128)
    n,net = 1 + bool(noise),fold(generator)
    if hasattr(net, 'with_saliency'): net.with_saliency,net.saliency = False,None # no color depends on it
    return write_graph(ImageGraph(net, light), path, card, (given, torch.randn(1, noise))[:n], (sides, {})[:n],
        ['L', 'z'][:n], ['ab', 'light'][:1 + light], half=half)

# %% [markdown]
# Half precision is enough for weights: their rounding, one part in 2,048, moves a color by less than a tenth of a unit. It is enough for the *file*. Computing in it would not pay on a processor, so each tensor is followed by a Cast to float32, which the runtime does once, when it opens the file. Lightness and color stay in float32, and the speed is the same. `export_run` stores artifacts so.
#
# Now the test that matters: the file, opened by onnxruntime, against torch, at sizes that the exporter has not seen. The bar is $10^{-3}$ in units of 110, a tenth of a unit of $a$ or $b$. The weights here are chance, of the default model's shape, so the file has its size, too: below the 15 MB that a package can carry. S0 takes any size whatever, so its file does, too. And no file may name a folder of this machine. Last, the card is read back by another process, which says whether it needed torch.

# %%
def parity(generator, path, sizes):
    "Largest difference between torch and onnxruntime at each size, in units of 110, and the largest color"
    run,worst,largest = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider']),{},0.
    for h,w in sizes:
        given = dict(L=torch.rand(1, 1, h, w), z=torch.randn(1, getattr(generator, 'z_dim', 0)))
        if not given['z'].numel(): given.pop('z')
        with torch.no_grad(): ab = ImageGraph(generator)(*given.values())
        there = torch.from_numpy(run.run(['ab'], {k: v.numpy() for k,v in given.items()})[0])
        worst[f'{h}x{w}'] = (ab - there).abs().max().item()
        largest = max(largest, ab.abs().max().item())
    return worst,largest

home = Path(tempfile.mkdtemp())
torch.nn.init.normal_(mobile.head.weight, 0, 1.)
leant = HueBias(mobile).eval()
path = export_artifact(leant, home/'mobile.onnx', make_card(leant, 'chance'))
worst,largest = parity(leant, path, [(32, 32), (256, 256), (96, 160), (160, 96), (224, 64)])
assert max(worst.values()) < 1e-3 and largest > .05
test_eq([o.name for o in home.iterdir()], ['mobile.onnx'])
assert path.stat().st_size < 15e6
worst,path.stat().st_size

# %% [markdown]
# In half precision the file has half the size. It answers like a network whose weights were rounded, and that network hardly differs from the other.

# %%
flat = fold(leant)
for p in [o for o in [*flat.parameters(), *flat.buffers()] if o.numel() >= 64 and o.is_floating_point()]:
    p.data = p.data.half().float()
half_path = export_artifact(leant, home/'half.onnx', make_card(leant, 'chance'), half=True)
both,_ = parity(flat, half_path, [(32, 32), (96, 160)])
assert max(both.values()) < 1e-3 and half_path.stat().st_size < .53*path.stat().st_size
onnx.checker.check_model(onnx.load(half_path))
half_path.unlink()
x = torch.rand(1, 1, 96, 160),torch.zeros(1, 2)
with torch.no_grad(): moved = (leant.color(leant(*x)) - flat.color(flat(*x))).abs().mean().item()
assert moved < .1/110
both,moved

# %%
#| label: fig-parity
#| fig-cap: "Largest difference between torch and onnxruntime for each size, against the bar (dotted)."
s0_path = export_artifact(s0, home/'s0.onnx', card)
worst = {'mobile': worst, 's0': parity(s0, s0_path, [(32, 32), (224, 224), (96, 160), (45, 61)])[0]}
assert max(worst['s0'].values()) < 1e-3
for f in (path, s0_path):
    for secret in ('site-packages', 'File "', torch.__path__[0]): test_eq(secret.encode() in f.read_bytes(), False)
def draw_parity(worst, bar=1e-3):
    "Differences as points on a logarithmic scale"
    fig,ax = plt.subplots(figsize=(6, 2.4))
    for name,d in worst.items(): ax.scatter(d.values(), d.keys(), label=name)
    ax.axvline(bar, color='k', ls=':', lw=1)
    ax.set_xscale('log')
    ax.set_xlabel('difference, units of 110')
    ax.legend()

draw_parity(worst)

# %%
code = f"""import json, onnxruntime, sys
session = onnxruntime.InferenceSession({str(s0_path)!r}, providers=['CPUExecutionProvider'])
card = json.loads(session.get_modelmeta().custom_metadata_map['colorbook'])
print(json.dumps([card, 'torch' in sys.modules]))"""
back = json.loads(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout)
test_eq(back, [card, False])
test_eq(back[0]['weights_sha256'], state_hash(s0.state_dict()))
back[0]['name'],back[0]['licence']

# %% [markdown]
# ## A graph with a memory

# %% [markdown]
# A temporal generator wants three frames, and a player has one at a time. To run the network on every three of them is to encode each frame three times, which is how S1 does it, and the encoder is the larger part of the work. So its file has another form: each step takes the newest frame and what was kept of the two before it, and returns the color of the frame in the middle and what to keep. Over a whole clip, cuts and both ends included, the answers are those of the three-frame network.

# %% [markdown]
# ### One step

# %% [markdown]
# What must be kept? Of the present frame everything that the decoder wants, for it is only decoded one step later, when the frame after it has come; of the frame before it, only what neighbors contribute. With features $e_t$ of frame $t$ and $e'_t$ for the shared part of them, the state after frame $t$ is $(e'_{t-1},e_t)$, and a step is
#
# $$\big(L_{t+1},\;e'_{t-1},e_t,\;p,n\big)\;\mapsto\;\big(ab_t,\;e'_t,e_{t+1}\big)$$
#
# The two numbers $p,n$ say whether the frame before $t$ and the newest one belong to the shot of $t$. At a cut the newest frame belongs to another, $n=0$, and with the next step $p=0$; nothing else happens at a cut, and no state needs to be cleared. Before the first frame the state is all zeros, with $p=n=0$ so that nobody looks at it, and that step's answer is thrown away; after the last one any frame can be pushed with $n=0$. So a film of $N$ frames takes $N+1$ steps.

# %%
#| export
class FilmGraph(nn.Module):
    "What a video artifact holds: one step of a temporal generator, with its state"
    def __init__(self,
        generator:nn.Module, # a `colorbook.models.temporal.Temporal`, folded
    ):
        super().__init__()
        self.generator = generator
    def forward(self,
        L:Tensor, # the newest frame's lightness in 0..1, 1x1xHxW
        near:Tensor, # 1x2: is the frame before the middle one in its shot, and the newest? 1 or 0
        *state:Tensor, # features of the frame before the middle one, then of the middle one
    ) -> tuple: # the middle frame's color in about -1..1, 1x2xhxw, and the new state
        g,k = self.generator,self.generator.n_near
        prev,now,after = state[:k],state[k:],g.encode(L)
        color = g.color(g.decode(g.mix(prev, now, after, near)))
        if color.shape[1] == 3: color = rgb_to_lab((color + 1)/2)[:,1:]/110
        return (color, *now[:k], *after)

# %%
#| export
def state_shapes(
    generator:nn.Module, # a `colorbook.models.temporal.Temporal`
    side:int=64, # to try with, a multiple of 32
) -> list: # channels and the fraction of the frame's sides of each part of the state
    "What a temporal generator keeps"
    with torch.no_grad(): feats = generator.encode(torch.zeros(1, 1, side, side))
    shapes = [[o.shape[1], side//o.shape[-1]] for o in feats]
    return shapes[:generator.n_near] + shapes

def empty_state(
    shapes:list, # of `state_shapes`
    h:int, w:int, # of the frames
) -> list: # of tensors
    "The state before the first frame"
    return [torch.zeros(1, c, h//by, w//by) for c,by in shapes]

# %% [markdown]
# Now the step, driven frame by frame, is compared with the network on the whole clip, for both generators with random weights. The clip has every combination: the first frame, the last, a shot of several frames, of one frame, and of two.

# %%
def run_stream(step, shapes, film, shots):
    "Colors of all frames by steps; `film` is Nx1xHxW"
    state,answers,n = empty_state(shapes, *film.shape[-2:]),[],len(film)
    same = lambda i,j: float(0 <= i and j < n and shots[i] == shots[j])
    for t in range(n + 1):
        near = torch.tensor([[same(t - 2, t - 1), same(t - 1, t)]])
        ab,*state = step(film[min(t, n - 1)][None], near, *state)
        answers.append(ab)
    return torch.cat(answers[1:])

def run_triples(generator, film, shots):
    "Colors of all frames by the three-frame network"
    n,rows = len(film),[]
    for t in range(n):
        there = [0 <= j < n and shots[j] == shots[t] for j in (t - 1, t, t + 1)]
        row = [film[t + k - 1,0] if o else torch.full_like(film[t,0], -1) for k,o in enumerate(there)]
        rows.append(generator.color(generator(torch.stack(row)[None])))
    out = torch.cat(rows)
    return out if out.shape[1] == 2 else rgb_to_lab((out + 1)/2)[:,1:]/110

torch.manual_seed(seed)
unet = TemporalUNet(color=AnnealedMean(), frozen=True).eval()
for o in unet.fuse.parameters(): nn.init.normal_(o, 0, .4)
nn.init.normal_(unet.head.weight, 0, 1.)
nets = dict(product=unet, s1=S1Generator(8).eval())
shots,film = [0, 0, 0, 0, 1, 2, 2],torch.rand(7, 1, 64, 96)
with torch.no_grad():
    for g in nets.values():
        ours,theirs = run_stream(FilmGraph(g), state_shapes(g), film, shots),run_triples(g, film, shots)
        test_close(ours, theirs, eps=1e-4)
        assert (run_triples(g, film, [0]*7) - theirs).abs().amax((1, 2, 3))[[3, 4, 5]].min() > 1e-3
{k: state_shapes(g) for k,g in nets.items()}

# %% [markdown]
# ### What it saves

# %% [markdown]
# Counted in multiplications, at the size that the shipped model sees, S1's way encodes three frames for each answer and a step one. How much that is depends on what the encoder's part is (@tbl-saved). The mixing is the same in both.

# %%
#| label: tbl-saved
#| tbl-cap: "Million multiplications for a frame of 192x256."
def mults(f):
    with FlopCounterMode(display=False) as c, torch.no_grad(): f()
    return c.get_total_flops()/2e6

frame = torch.rand(1, 1, 192, 256)
rows = {}
for k,g in dict(product=unet, s1=S1Generator(64).eval()).items():
    state = empty_state(state_shapes(g), 192, 256)
    step = FilmGraph(g)
    rows[k] = dict(encode=mults(lambda: g.encode(frame)), step=mults(lambda: step(frame, torch.ones(1, 2), *state)),
        triple=mults(lambda: g.color(g(frame.expand(-1, 3, -1, -1)))))
table = pd.DataFrame(rows).T
test_close(table.triple - table.step, 2*table.encode, eps=1)
table['times'] = table.triple/table.step
table.round(1)

# %% [markdown]
# ### The file of a film model

# %% [markdown]
# As for photos, batch norm is folded away, sides are dynamic, the exporter's notes are dropped, and the card is in the metadata, with `kind` to tell the two apart and `state` to say how to begin. The sides of the state follow from the frame's.

# %%
#| export
def export_stream(
    generator:nn.Module, # a `colorbook.models.temporal.Temporal`, trained
    path, # the .onnx file to write
    card:dict, # see `stream_card`
    half:bool=False, # store the weights in half precision, see `store_half`
) -> Path: # the file
    "Write a temporal generator as a graph with a state, and its card, as one ONNX file of dynamic size"
    net = fold(generator).requires_grad_(False)
    net.frozen,shapes = False,state_shapes(generator)
    free = {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    names = [f's{i}' for i in range(len(shapes))]
    given = torch.rand(1, 1, 96, 128),torch.ones(1, 2),*empty_state(shapes, 96, 128)
    return write_graph(FilmGraph(net), path, card, given, (free, {}, (free,)*len(names)), ['L', 'near', *names],
        ['ab', *[f'new_{o}' for o in names]], shapes, half)

def stream_card(
    generator:nn.Module,
    name:str, # of the model
    recipe=None, # the recipe that trained it
    **more, # see `colorbook.training.export.make_card`
) -> dict: # plain values
    "The card of a video artifact"
    return make_card(generator, name, recipe, **more) | dict(kind='video', state=state_shapes(generator))

# %% [markdown]
# The film file has the same bar of $10^{-3}$ as the one for photos: opened by onnxruntime, it must agree with torch over the whole film with its cuts, at sizes that the exporter has not seen.

# %%
def as_step(path):
    run = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    names = [o.name for o in run.get_inputs()]
    return lambda *given: [torch.from_numpy(o) for o in run.run(None, {k: v.numpy() for k,v in zip(names, given)})]

card,worst = stream_card(unet, 'chance'),{}
step = as_step(export_stream(unet, home/'product.onnx', card))
for sides in ((64, 96), (32, 160)):
    film = torch.rand(7, 1, *sides)
    with torch.no_grad(): gap = run_stream(step, card['state'], film, shots) - run_triples(unet, film, shots)
    worst[sides] = gap.abs().max().item()
assert max(worst.values()) < 1e-3
model = onnx.load(home/'product.onnx')
test_eq(json.loads({o.key: o.value for o in model.metadata_props}['colorbook'])['kind'], 'video')
assert (home/'product.onnx').stat().st_size < 18e6
assert b'site-packages' not in (home/'product.onnx').read_bytes()
worst,{o.name: [d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim] for o in model.graph.input}

# %% [markdown]
# Exporting has not changed the generator, not even what of it is frozen.

# %%
test_eq(unet.frozen, True)
test_eq(sum(isinstance(o, nn.BatchNorm2d) for o in unet.modules()) > 0, True)
(home/'product.onnx').stat().st_size

# %% [markdown]
# ## The artifact of a run

# %% [markdown]
# What is left is to apply the rule to a run: find the weights that may be shipped, find [the photographs that the run held out](runs.ipynb), [try all settings](selection.ipynb) of all of them, export the best, and keep the table of what was tried. What kind of file it becomes is a fact of the [table of generators](../models/registry.ipynb): those for films get a state, classifiers of color get their settings and a second input. `stamp` changes a card afterwards, when the finished file has been measured.

# %%
#| export
def export_run(
    run, # folder of a run
    out=None, # the .onnx file; `artifact.onnx` in the folder if not given
    photos=None, # to choose by, see `Run.held_out`
    **card, # more for the card: 'name', 'data', 'licence', 'metrics'
) -> Path: # the file
    "Choose among a run's weights and export the best as an artifact"
    run = Run(run)
    recipe,entry = run.recipe,generators[run.recipe.generator]
    best,tried = best_of(run, run.held_out(photos)) if searched(entry) else (None, candidates(run))
    best = best or pick(tried, recipe.floor)
    gen = run.generator(best['tag'])
    if searched(entry): gen = leaning(gen, best, run.class_weights())
    with atomic_path(run/'tried.csv') as f: pd.DataFrame(tried).to_csv(f, index=False)
    size = best.get('size', 192 if entry.weights == 'image' else recipe.size//32*32)
    about = dict(name=recipe.name, size=size, chosen=best, record=begun(run), stored='float16') | sees(recipe) | card
    write,make = (export_stream, stream_card) if entry.film else (export_artifact, make_card)
    return write(gen, out or run/'artifact.onnx', make(gen, recipe=recipe, **about), half=True)

def leaning(gen, best, weights):
    "A classifier with the settings that were chosen, and with a second input that chooses between its answers"
    gen.color = chosen_color(best, weights)
    return HueBias(gen).eval()

def sees(recipe): # for the card: three channels, and whether lightness is part of the answer
    instead = data_loaders[recipe.data].instead or recipe.gray == 'infrared'
    light = dict(light=True) if instead and recipe.target == 'rgb' else {}
    return light | (dict(channels=3) if recipe.channels == 3 else {})

def begun(run): # what the card says of the run's record: no path of this machine
    return {k: v for k,v in run.record.items() if k != 'source'}

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
    with atomic_path(path) as f: onnx.save(model, f)

# %% [markdown]
# A run of seconds, with a network of two layers, from photographs to a file. At the end the same weights and the same card make the same bytes.

# %%
class Small(nn.Module):
    "313 scores at a quarter of the size"
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 16, 4, 4), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 313, 1))
        self.color = AnnealedMean()
    def forward(self, L): return self.layers(L)

generators('small', output='bins4')(Small)
phases = tuple(Phase(m, 2, (3e-3, 3e-3), share=.99) for m in ('content', 'critic', 'both'))
(home/'photos').mkdir()
for i,o in enumerate(sample_photos(4*size)):
    for x,y in product(range(0, 4*size, size), repeat=2):
        o.crop((x, y, x + size, y + size)).save(home/f'photos/{i}-{x}-{y}.png')

# %%
recipe = replace(recipes['default-mobile'], generator='small', phases=phases, size=2*size, bs=8, valid=.02)
run = train(recipe, home/'photos', home/'run', progress=False)
test_eq([o['tag'] for o in candidates(run)], ['0-001', '2-000', '2-001'])
artifact = export_run(run, name='small')
stamp(artifact, metrics=dict(psnr=1.))
card = json.loads(onnx.load(artifact).metadata_props[0].value)
tried = pd.read_csv(run/'tried.csv').to_dict('records')
test_eq(len({(o['tag'], o['size'], o['T'], o['share']) for o in tried}), 3*27)
test_eq(card['chosen'], pick(tried, recipe.floor))
test_eq((card['size'], card['name'], card['metrics']), (card['chosen']['size'], 'small', dict(psnr=1.)))
test_fail(lambda: export_run(run, photos=sample_photos(64)*9), exc=UsageError, contains='not the photos')

gen,rare = Run(run).generator(card['chosen']['tag']),Run(run).class_weights()
gen = leaning(gen, card['chosen'], rare)
again = [export_artifact(gen, home/f'{i}.onnx', card, half=True).read_bytes() for i in range(2)]
test_eq(again[0] == again[1] == artifact.read_bytes(), True)
test_eq(card['weights_sha256'], state_hash(gen.state_dict()))
card['chosen']

# %% [markdown]
# ## What we have
#
# - `export_artifact`: one file, any size, no torch, the same answers to $10^{-3}$ and usually to $10^{-6}$;
# - a card inside it, with the hash of the weights, and nothing in it about the machine that made it;
# - `FilmGraph`, a temporal generator as a step with a state, equal to the three-frame network, and its price, counted;
# - `export_run`, which chooses by the rule and keeps the table of what it chose from.

# %% [markdown]
# ## Exercises
#
# 1. Half precision rounds a weight to one part in 2,048. Store whole numbers of eight bits instead, with one scale for each output channel. How much larger is the error of a typical weight, and how large the file?
# 2. Fold the factor 2 and the shift -1 that the generator applies to $L$ into its first convolution. Where does padding make that wrong?
# 3. How many steps, and how much more state, would a film generator with two neighbors on each side need?
# 4. Run the step one frame *early*: answer with the newest frame and take only the previous one into account. What is gained, and which flag is always 0?
