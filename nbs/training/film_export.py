# %% [markdown]
# # A graph with a memory
#
# > The newest frame and the state in, the middle frame's color and the new state out
#
# A temporal generator wants three frames, and a player has one at a time. To run the network on every three of them is to encode each frame three times, which is how S1 does it, and the encoder is the larger part of the work. At the end of this chapter a temporal generator is one `.onnx` file of a different form: each step takes the newest frame and what was kept of the two before it, and returns the color of the frame in the middle and what to keep. Over a whole clip, cuts and both ends included, the answers are those of the three-frame network.

# %%
#| default_exp training.film_export

# %% tags=["parameters"]
seed,nf = 17,8

# %%
#| export
import json
from pathlib import Path
import onnx, torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.training.export import fold, make_card
from colorbook.core import atomic_path
from colorbook.color.lab import rgb_to_lab

# %%
#| hide
import copy, tempfile, numpy as np, onnxruntime, pandas as pd
from fastcore.test import *
from torch.utils.flop_counter import FlopCounterMode
from colorbook.color.bins import AnnealedMean
from colorbook.models.temporal import S1Generator, TemporalUNet

# %% [markdown]
# ## One step

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
# The step in torch, driven frame by frame, against the network on whole clips, for both generators with arbitrary weights. Every combination occurs: the first frame, the last, a shot of several frames, of one frame, and of two.

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
nets = dict(product=unet, s1=S1Generator(nf).eval())
shots,film = [0, 0, 0, 0, 1, 2, 2],torch.rand(7, 1, 64, 96)
with torch.no_grad():
    for g in nets.values():
        ours,theirs = run_stream(FilmGraph(g), state_shapes(g), film, shots),run_triples(g, film, shots)
        test_close(ours, theirs, eps=1e-4)
        assert (run_triples(g, film, [0]*7) - theirs).abs().amax((1, 2, 3))[[3, 4, 5]].min() > 1e-3
{k: state_shapes(g) for k,g in nets.items()}

# %% [markdown]
# ## What it saves

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
# ## The file

# %% [markdown]
# As for [photos](export.ipynb), batch norm is folded away, sides are dynamic, the exporter's notes are dropped, and the card is in the metadata, with `kind` to tell the two apart and `state` to say how to begin. The sides of the state follow from the frame's.

# %%
#| export
def plain_names(
    model:onnx.ModelProto, # changed in place
    shapes:list, # of `state_shapes`
) -> onnx.ModelProto: # the same
    "Drop the exporter's notes and name all sides after the frame's"
    g,sides = model.graph,{'L': 1, **{f's{i}': by for i,(_,by) in enumerate(shapes)}}
    for o in [model, g, *g.node, *g.initializer, *g.input, *g.output]:
        for k in ('metadata_props', 'doc_string'): o.ClearField(k)
    del g.value_info[:]
    for o in [*g.input, *g.output]:
        by = sides.get(o.name.removeprefix('new_'))
        names = ('h_out', 'w_out') if o.name == 'ab' else [s if by == 1 else f'{s}/{by}' for s in 'hw'] if by else ()
        for dim,name in zip(o.type.tensor_type.shape.dim[2:], names): dim.dim_param = name
    return model

# %%
#| export
def export_stream(
    generator:nn.Module, # a `colorbook.models.temporal.Temporal`, trained
    path, # the .onnx file to write
    card:dict, # see `stream_card`
) -> Path: # the file
    "Write a temporal generator as a graph with a state, and its card, as one ONNX file of dynamic size"
    net = fold(generator).requires_grad_(False)
    net.frozen,shapes = False,state_shapes(generator)
    free = {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    names = [f's{i}' for i in range(len(shapes))]
    given = torch.rand(1, 1, 96, 128),torch.ones(1, 2),*empty_state(shapes, 96, 128)
    prog = torch.onnx.export(FilmGraph(net).eval(), given, dynamo=True, verbose=False,
        dynamic_shapes=(free, {}, (free,)*len(names)), input_names=['L', 'near', *names],
        output_names=['ab', *[f'new_{o}' for o in names]])
    model = plain_names(prog.model_proto, shapes)
    onnx.helper.set_model_props(model, dict(colorbook=json.dumps(card)))
    with atomic_path(path) as f: onnx.save(model, f)
    return Path(path)

def stream_card(
    generator:nn.Module,
    name:str, # of the model
    recipe=None, # the recipe that trained it
    **more, # see `colorbook.training.export.make_card`
) -> dict: # plain values
    "The card of a video artifact"
    return make_card(generator, name, recipe, **more) | dict(kind='video', state=state_shapes(generator))

# %% [markdown]
# The bar of $10^{-3}$, for the file in onnxruntime, over the whole film with its cuts, at a size that the exporter has not seen.

# %%
home = Path(tempfile.mkdtemp())
def as_step(path):
    run = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    names = [o.name for o in run.get_inputs()]
    return lambda *given: [torch.from_numpy(o) for o in run.run(None, {k: v.numpy() for k,v in zip(names, given)})]

card,worst = stream_card(unet, 'chance'),{}
step = as_step(export_stream(unet, home/'product.onnx', card))
for size in ((64, 96), (32, 160)):
    film = torch.rand(7, 1, *size)
    with torch.no_grad(): gap = run_stream(step, card['state'], film, shots) - run_triples(unet, film, shots)
    worst[size] = gap.abs().max().item()
assert max(worst.values()) < 1e-3
model = onnx.load(home/'product.onnx')
test_eq(json.loads({o.key: o.value for o in model.metadata_props}['colorbook'])['kind'], 'video')
assert (home/'product.onnx').stat().st_size < 15e6
assert b'site-packages' not in (home/'product.onnx').read_bytes()
worst,{o.name: [d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim] for o in model.graph.input}

# %% [markdown]
# Exporting has not changed the generator, not even what of it is frozen.

# %%
test_eq(unet.frozen, True)
test_eq(sum(isinstance(o, nn.BatchNorm2d) for o in unet.modules()) > 0, True)
(home/'product.onnx').stat().st_size

# %% [markdown]
# ## What we have
#
# - `FilmGraph`, a temporal generator as a step with a state, equal to the three-frame network;
# - `export_stream`, which writes it as one file of dynamic size, with a card;
# - the price of S1's way, counted.

# %% [markdown]
# ## Exercises
#
# 1. How many steps, and how much more state, would a generator with two neighbors on each side need?
# 2. Run the step one frame *early*: answer with the newest frame and take only the previous one into account. What is gained, and which flag is always 0?
# 3. The state of the product's generator at 192x256 is how many bytes? And that of S1?
