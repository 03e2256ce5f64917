# %% [markdown]
# # Shards
#
# > Reading shards: every picture once an epoch, in a new order, on any number of machines, resumed anywhere
#
# [Shards](shards.ipynb) are read fast from front to back. Training wants a random order, another one each time, shared out to several machines with several workers each. The usual tools for shards give something up: they draw with replacement, so that some pictures are not seen in an epoch, or they give whole shards to each machine, so that one has more to do than another, and they cannot resume in the middle of an epoch. We need not give up any of it if we decide at the beginning of an epoch which worker will read which picture. This chapter makes that plan and follows it.

# %%
#| default_exp data.shard_loader

# %% tags=["parameters"]
n,per_shard,bs,buffer,seed = 240,25,16,50,5

# %%
#| export
from fastai.vision.all import *
import hashlib, random
from contextlib import contextmanager
import numpy as np, torch, webdataset as wds
from colorbook.core import InputError, UsageError
from colorbook.data.loaders import data_loaders, PlainErrors, SquareCrop, ToLab, split_by_hash
from colorbook.data.photos import read_photo
from colorbook.data.shards import Shards, write_shards

# %%
#| hide
import json, tempfile, matplotlib.pyplot as plt
from types import SimpleNamespace
from fastcore.test import *
from colorbook.data.loaders import color_loaders
from colorbook.data.photos import sample_photos
from colorbook.data.shards import pack_photo

# %% [markdown]
# The pictures of this chapter are made for testing: each carries its number in red and green, so that one can see which pictures are in a batch, and its columns in blue, so that one can see where each was cropped.

# %%
home = Path(tempfile.mkdtemp())
def ticket(i):
    "A small picture with a number"
    rgb = np.broadcast_arrays(i%256, i//256, np.arange(24)*10*np.ones((20, 1)))
    return Image.fromarray(np.stack(rgb, -1).astype(np.uint8))
write_shards([ticket(i) for i in range(n)], home/'set', per_shard)
shards = Shards(home/'set')
number = lambda im: im.getpixel((0, 0))[0] + 256*im.getpixel((0, 0))[1]
test_eq(sorted(number(o) for o in shards), list(range(n)))
shards.names[:3]

# %% [markdown]
# ## Mixing with a buffer

# %% [markdown]
# A reader that goes forward cannot draw from the whole set. A buffer helps: it holds $b$ pictures, gives away one of them at random, and takes the next from the shard in its place. No picture can come out more than $b$ places early. How late it comes is chance: in each turn it is given away with probability $1/b$, so it stays for $b$ turns on average. `webdataset.shuffle` does that. In @fig-buffer a dot is a picture, its place in the shard upward and its place in the output to the right. On the left, with a buffer of 2 % of all, the dots stay near the diagonal: pictures that were neighbors come into the same batch. On the right they are well mixed. That is why the pictures are mixed once when they are packed, and the order of the shards in every epoch; then a small buffer is enough to make epochs differ.
#
# To mix *numbers* takes no time. So we send the numbers of the pictures through the buffer, before anything is read. Then the order of the epoch is known at its beginning, and the reader keeps just those pictures in memory that the buffer would have held.

# %%
#| export
def shuffle_buffered(
    items:list, # to mix
    buffer:int, # how many are kept in hand; up to 1 leaves the order as it is
    key:str, # the same key mixes the same way
) -> list: # the same items
    "Order in which a buffer gives away what it is fed, front to back"
    if buffer < 2: return list(items)
    return list(wds.shuffle(buffer, initial=buffer, rng=random.Random(key))(iter(items)))

# %%
buffers = (20, 100, 1000)
mixed = {b: shuffle_buffered(range(1000), b, 'chapter') for b in buffers}
for b,o in mixed.items():
    test_eq(sorted(o), list(range(1000)))
    place = np.argsort(o)
    assert (place - np.arange(1000)).min() >= -b
test_eq(shuffle_buffered(range(1000), 20, 'chapter'), mixed[20])
assert shuffle_buffered(range(1000), 20, 'other') != mixed[20]
follow = {b: np.corrcoef(np.arange(1000), o)[0,1].item() for b,o in mixed.items()}
assert follow[20] > .98 and follow[20] > follow[100] > follow[1000] and abs(follow[1000]) < .1
late = [np.argsort(shuffle_buffered(range(4000), 20, f'{k}')) - np.arange(4000) for k in range(10)]
waits = [np.mean((o + 20)[:3000]) for o in late]
test_close(np.mean(waits), 20, eps=1.5)
follow

# %%
#| label: fig-buffer
#| fig-cap: "Where 1,000 pictures come out that went in one after another, with buffers of 20, 100 and 1,000."
def show_mixed(mixed):
    "Position in against position out, one square for each buffer"
    fig,axs = plt.subplots(1, len(mixed), figsize=(8, 2.8), layout='constrained')
    for ax,(b,o) in zip(axs, mixed.items()):
        ax.scatter(np.arange(len(o)), o, s=1, color='black')
        ax.set(xticks=[], yticks=[], aspect='equal', title=f'{b:,}', xlabel='position out', ylabel='position in')
show_mixed(mixed)

# %% [markdown]
# ## Sharing out an epoch

# %% [markdown]
# The usual way gives out whole shards: `split_by_node`, then `split_by_worker`. With three shards and two machines of two workers each, one worker gets nothing, and WebDataset raises an error in its process. With shards of different sizes one machine has more batches than the other, and since all machines wait for each other after every batch, training hangs at the end of the epoch. WebDataset's documentation advises to draw shards with replacement instead. Printed is how many of 240 pictures in ten shards three machines would get.

# %%
def whole_shards(rank, nodes, shards):
    "Shards of a node, by WebDataset"
    with modified_env(RANK=str(rank), WORLD_SIZE=str(nodes)): return list(wds.split_by_node(iter(shards)))
by_shard = [sum(whole_shards(r, 3, [25]*9 + [15])) for r in range(3)]
test_eq((sum(by_shard), max(by_shard) - min(by_shard)), (240, 15))
test_eq(whole_shards(2, 3, [25, 25]), [])
by_shard

# %% [markdown]
# We know how many pictures there are, so we need not give out whole shards. All shards in the epoch's order make one long line of $N$ pictures, held-out ones left out. The line is cut into $W$ pieces, one for each machine, and a piece is cut into *lanes*, one for each worker. A cut may go through a shard, which is then opened by two readers, each of which reads its part. Sizes differ by one at most, and batches are shared out in the same way: every machine gets
#
# $$B=\left\lceil\frac{\lceil N/W\rceil}{b}\right\rceil$$
#
# batches of at most $b$ pictures, as equal as can be. (Batches of one picture cannot be dealt evenly; then a batch may have two.) So all machines have equally many batches, all batches have nearly the same size, no picture is left out, and there may be fewer shards than readers. Batch $t$ comes from lane $t$ modulo their number. Printed are the sizes of the batches of one of two machines. In @fig-share each row is a shard and each color a machine; look for shards that are shared by two.

# %%
#| export
def deal_evenly(
    n:int, # things
    parts:int, # to deal them to
) -> list: # sizes, the larger ones first
    "Sizes that differ by one at most"
    return [(n + parts - 1 - i)//parts for i in range(parts)]

def cut_pieces(
    items, # list or array
    sizes:list, # of the pieces
) -> list: # pieces, one after the other
    "`items` in pieces of the given sizes"
    return [items[e - s:e] for s,e in zip(sizes, np.cumsum(sizes))]

def count_batches(
    n:int, # photos
    bs:int, # largest batch
    nodes:int=1, # machines
) -> int: # batches of each machine
    "As many as the machine with most photos needs, and no more than the others can fill"
    return min(-(-deal_evenly(n, nodes)[0]//bs), n//nodes)

# %%
#| export
def plan_epoch(
    groups:list, # numbers of the photos to see, a list for each shard
    bs:int, # largest batch
    world:tuple=(0,1), # number of this machine (or process), and how many there are
    lanes:int=1, # readers of this machine
    buffer:int=0, # photos that each has in hand; up to 1 keeps the order
    key:str='', # of the order
) -> tuple: # photos of each lane in the order of reading, and photos of each batch
    "Who reads what in an epoch: each photo once, and equally many batches on every machine"
    rank,nodes = world
    line = [i for g in shuffle_buffered(groups, len(groups) if buffer > 1 else 0, key) for i in g]
    if len(line) < nodes: raise InputError(f'there are {len(line)} photos for {nodes} machines', 'each needs one')
    mine = cut_pieces(line, deal_evenly(len(line), nodes))[rank]
    sizes = deal_evenly(len(mine), count_batches(len(line), bs, nodes))
    pieces = cut_pieces(mine, [sum(sizes[k::lanes]) for k in range(lanes)])
    mixed = [shuffle_buffered(o, buffer, f'{key} {rank} {k}') for k,o in enumerate(pieces)]
    chunks = [cut_pieces(o, sizes[k::lanes]) for k,o in enumerate(mixed)]
    return pieces,[chunks[t%lanes][t//lanes] for t in range(len(sizes))]

# %%
groups = [g.tolist() for g in np.split(np.arange(n), shards.start[1:-1])]
def epoch_of(nodes, lanes, key='0', groups=groups):
    return [plan_epoch(groups, bs, (r, nodes), lanes, buffer, key)[1] for r in range(nodes)]
for nodes in (1, 2, 3, 7):
    for lanes in (1, 2, 5):
        each = epoch_of(nodes, lanes)
        test_eq(sorted(i for b in each for o in b for i in o), list(range(n)))
        test_eq({len(b) for b in each}, {count_batches(n, bs, nodes)})
        sizes = {len(o) for b in each for o in b}
        assert max(sizes) <= bs and max(sizes) - min(sizes) <= 1
        test_eq(epoch_of(nodes, lanes), each)
        assert epoch_of(nodes, lanes, '1') != each
one_shard = epoch_of(3, 2, groups=[list(range(97))])
test_eq(sorted(i for b in one_shard for o in b for i in o), list(range(97)))
test_fail(lambda: epoch_of(3, 2, groups=[[1], [2]]), exc=InputError, contains='2 photos for 3 machines')
[len(o) for o in epoch_of(2, 2)[1]]

# %%
#| label: fig-share
#| fig-cap: "Ten shards (rows), dealt to three machines of two lanes: a color for each machine, a shade for each lane."
def show_share(nodes, lanes):
    "Which lane of which machine reads each picture"
    grid = np.full((len(groups), max(map(len, groups))), np.nan)
    for r in range(nodes):
        for k,piece in enumerate(plan_epoch(groups, bs, (r, nodes), lanes, buffer, '0')[0]):
            for i in piece: grid[shards.shard(i), i - shards.start[shards.shard(i)]] = lanes*r + k
    plt.figure(figsize=(6, 2.4))
    plt.pcolormesh(grid, cmap='Paired', vmin=0, vmax=11, ec='w', lw=.5)
    plt.axis('off')
show_share(3, 2)

# %% [markdown]
# ## Reading by the plan

# %% [markdown]
# A reader takes the plan of its lane and the numbers of the batches it is to deliver. It reads forward through what is in these batches, keeps what comes too early, and gives each picture away when its turn comes. These may be all batches, the last half, or every third. So a run that is resumed in mid-epoch names the batches that are left, and a worker among three names every third. The order is the same in each case, because it is in the plan.

# %%
#| export
def read_batches(
    shards:Shards,
    plan:tuple, # see `plan_epoch`
    todo:list, # numbers of the batches to read
): # for each, its number and a list of pairs of photo's number and bytes
    "Batches of a plan, read forward; what comes before its turn is kept"
    lanes,batches = plan
    need = [{i for t in todo if t%len(lanes) == k for i in batches[t]} for k in range(len(lanes))]
    coming,early = [shards.read([i for i in o if i in w]) for o,w in zip(lanes, need)],{}
    for t in todo:
        for i in batches[t]:
            while i not in early: early.update([next(coming[t%len(lanes)])])
        yield t,[(i, early.pop(i)) for i in batches[t]]

# %%
plan = plan_epoch(groups, bs, (1, 2), 2, buffer, '0')
straight = dict(read_batches(shards, plan, range(len(plan[1]))))
test_eq([[i for i,_ in o] for o in straight.values()], plan[1])
assert all(data == shards.encoded(i) for o in straight.values() for i,data in o)
test_eq(dict(read_batches(shards, plan, range(3, 8))), {t: straight[t] for t in range(3, 8)})
workers = {k: v for w in range(3) for k,v in read_batches(shards, plan, range(2 + w, len(straight), 3))}
test_eq(workers, {t: o for t,o in straight.items() if t >= 2})
len(straight)

# %% [markdown]
# ## Batches for fastai

# %% [markdown]
# What is left is to make fastai's loader follow the plan. Each of its workers asks for a sample of what is to do, and gets every second number of a batch, if there are two of them. Crops are the same as for photographs in memory, and are drawn from random numbers that belong to the seed, the epoch and the batch, so that a batch is always the same, whichever process reads it. What a worker cannot read it sends along beside the batch; the main process stops with that error, or counts it.

# %%
#| export
@contextmanager
def seeded(
    key:str, # the same key draws the same
):
    "Python's random numbers begin at `key` inside the block, and go on afterwards as if nothing had been drawn"
    state = random.getstate()
    random.seed(key)
    try: yield
    finally: random.setstate(state)

# %%
#| export
class ShardSide:
    "One side of the split: which photos of which shards, and how they become batches"
    def __init__(self,
        shards:Shards,
        ids:list, # numbers of the photos
        split_idx:int, # 0 to train with, in another order each epoch; 1 held out, always the same
        bs:int, size:int, low:float, squeeze:bool, mirror:bool, # as in `color_loaders`
        world:tuple, lanes:int, buffer:int, # as in `plan_epoch`
        seed:int, # of order and crops
    ):
        store_attr()
        shard = np.searchsorted(shards.start, ids, 'right')
        self.groups,self.bad = [np.asarray(ids)[shard == k].tolist() for k in np.unique(shard)],[]
        self.known,self.photos = (None, None),hashlib.sha256(shards.sha[ids].tobytes()).hexdigest()[:16]
    def __len__(self): return len(self.ids)
    def layout(self):
        return dict(photos=self.photos, nodes=self.world[1], **{k: getattr(self, k) for k in ('bs', 'buffer', 'seed')})
    def plan(self, epoch):
        if self.known[0] != (epoch, self.lanes):
            buffer,key = 0 if self.split_idx else self.buffer,f'{self.seed} {epoch}'
            self.known = (epoch, self.lanes),plan_epoch(self.groups, self.bs, self.world, self.lanes, buffer, key)
        return self.known[1]
    def make(self, photos, key):
        ims,bad = [],[]
        for i,data in photos:
            try: ims.append(read_photo(data, self.shards.where(i)))
            except InputError as e: bad.append(e)
        held = range(len(ims)) if self.split_idx else ()
        crop = SquareCrop(ims, self.size, self.low, held, self.squeeze, self.mirror)
        with seeded(f'{self.seed} {key} {self.world[0]}'): squares = [crop(k) for k in range(len(ims))]
        return torch.stack(squares) if ims else None,bad

# %%
#| export
class ReportBad(ItemTransform):
    "Takes what could not be read off a batch: it stops the run, or is counted"
    order = 0
    def __init__(self,
        bad:list, # where errors are collected
        skip_bad:bool=False, # count, and go on with the rest of the batch
    ): self.bad,self.skip_bad = bad,skip_bad
    def encodes(self, b):
        x,bad = b
        if bad and (x is None or not self.skip_bad): raise bad[0]
        self.bad += bad
        return (x,)

# %%
#| export
class ShardDL(PlainErrors, TfmdDL):
    "Batches of a `ShardSide` in the order of its plan; it knows its place in the epoch"
    def __init__(self, dataset, bs=None, n=None, **kwargs):
        self.epoch,self.first,self.done = 0,0,0
        n = count_batches(len(dataset), dataset.bs, dataset.world[1])
        super().__init__(dataset, bs=None, n=n, **kwargs)
    def before_iter(self):
        super().before_iter()
        self.now = self.dataset.plan(self.epoch)
    def get_idxs(self): return [i for b in self.dataset.plan(self.epoch)[1][self.first:] for i in b]
    def sample(self): return range(self.first + self.offs, self.n, self.num_workers)
    def create_batches(self, samps):
        try:
            for t,photos in read_batches(self.dataset.shards, self.now, samps):
                yield self.dataset.make(photos, f'{self.epoch} {t}')
        except InputError as e: yield None,[e]
    def __iter__(self):
        self.done = self.first
        for b in super().__iter__():
            self.done += 1
            yield b
        self.epoch,self.first,self.done = self.epoch + 1,0,0
    def one_batch(self):
        done = self.done
        try: return super().one_batch()
        finally: self.done = done
    def _one_pass(self): self._n_inp,self._types = 1,explode_types(self.one_batch())

# %% [markdown]
# The loader counts the batches that the training loop has been given, not those that workers have prepared. Its state is a handful of numbers and can be written as JSON: the epoch, the batch, and what the plan depends on, with a hash of the photos' hashes. With other photos, another batch size or another number of machines it is refused. The number of workers may change.

# %%
#| export
@patch
def state_dict(self:ShardDL) -> dict: # plain values
    "Where the next batch comes from"
    return dict(epoch=self.epoch, batch=self.done, lanes=self.dataset.lanes, **self.dataset.layout())

# %%
#| export
@patch
def load_state_dict(self:ShardDL,
    state:dict, # what `state_dict` returned, on this machine or another of the same training
):
    "The next epoch is the rest of the one that was left"
    now = self.dataset.layout()
    other = [f'{k} {state[k]} (now {v})' for k,v in now.items() if state[k] != v]
    if other: raise UsageError(f"the state is of {', '.join(other)}", 'go on with the same shards and options')
    self.dataset.lanes,self.epoch = state['lanes'],state['epoch']
    self.first = self.done = state['batch']

# %%
#| export
def this_world() -> tuple: # number of this process, and how many there are
    "Place of this process in distributed training, from torch or from the launcher's environment"
    dist = torch.distributed
    if dist.is_available() and dist.is_initialized(): return dist.get_rank(),dist.get_world_size()
    return rank_distrib(),max(1, num_distrib())

# %%
#| export
def shard_loaders(
    shards, # `Shards`, or what they are made from
    bs:int=48, # largest batch of each process
    size:int=128, # side of the crops
    low:float=.7, # smallest crop, as a share of the short side
    valid:float=.03, # share held out, by the hash of the stored bytes
    seed:int=0, # of the split, the order and the crops
    device=None, # where batches go
    num_workers:int=0, # processes that read and decode
    world:tuple=None, # number of this process and how many there are; None asks torch
    lanes:int=None, # readers that the order is made for; None is one for each worker
    buffer:int=1000, # photos that each lane has in hand to mix them
    state:dict=None, # go on where `dls.train.state_dict()` was taken
    skip_bad:bool=False, # count photos that cannot be read, in `dls.train.bad`, instead of stopping
    squeeze:bool=False, # see `SquareCrop`
    mirror:bool=True, # see `SquareCrop`
    **kwargs, # options of `ToLab`
) -> DataLoaders: # batches of `L` and target; `dls.held` has the numbers held out
    "Batches like those of `color_loaders`, read from shards"
    if not isinstance(shards, Shards): shards = Shards(shards, skip_bad=skip_bad)
    train,held = split_by_hash(shards, valid, seed)
    def side_loader(ids, k):
        n = lanes or max(1, num_workers)
        side = ShardSide(shards, ids, k, bs, size, low, squeeze, mirror, world or this_world(), n, buffer, seed)
        return ShardDL(side, num_workers=num_workers, after_batch=[ReportBad(side.bad, skip_bad), ToLab(**kwargs)])
    dls = DataLoaders(side_loader(train, 0), side_loader(held, 1), device=device or default_device())
    dls.held,dls.crop = held,SquareCrop(shards, size, low, held, squeeze, mirror)
    if state: dls.train.load_state_dict(state)
    return dls

# %% [markdown]
# A recipe says `shards` for its data. A run writes its checkpoints between epochs and tells the loader the number of each epoch, so the order of an epoch is the same whether the run went straight to it or was resumed there.

# %%
#| export
@patch
def set_epoch(self:ShardDL,
    epoch:int, # number of the epoch that comes next, from its beginning
):
    "Go to the beginning of an epoch, as torch's `DistributedSampler.set_epoch`"
    self.epoch,self.first,self.done = epoch,0,0

@data_loaders('shards')
def load_shards(
    recipe, # see `colorbook.data.loaders.load_photos`
    source, # `Shards`, or what they are made from: a folder, a pattern as 'shards-{000..146}.tar', a list
    n:int=None, # shards are taken whole
    workers:int=0, # processes that read and decode
) -> DataLoaders:
    "Photos streamed from shards, in squares"
    if n: raise UsageError('shards are taken whole', 'leave n out')
    return shard_loaders(source, recipe.bs, recipe.size, recipe.low, recipe.valid, recipe.seed, num_workers=workers,
        lanes=2, squeeze=recipe.squeeze, mirror=recipe.mirror, target=recipe.target, gray=recipe.gray,
        aged=recipe.aged)

# %%
recipe = SimpleNamespace(bs=bs, size=16, low=.7, valid=.2, seed=seed, squeeze=False, mirror=True, target='rgb',
    gray='lstar', aged=0.)
dls = load_shards(recipe, home/'set')
once = [list(dls.train) for _ in range(2)]
dls.train.set_epoch(1)
test_eq(list(dls.train), once[1])
assert not torch.equal(once[0][0][0], once[1][0][0])
test_eq(list(load_shards(recipe, home/'set', workers=2).train), once[0])
test_fail(lambda: load_shards(recipe, home/'set', n=3), exc=UsageError, contains='taken whole')
len(once[0])

# %% [markdown]
# The test has two machines with two workers each, one after the other in this notebook. Together they must see every picture that is not held out once, in equally many batches; the next epoch must have another order; and the same seed must give the same. Printed are the sizes of the batches of the first machine.

# %%
def dealt(rank=0, nodes=1, num_workers=0, **kwargs):
    return shard_loaders(shards, bs, 16, valid=.2, seed=seed, device='cpu', num_workers=num_workers,
                         world=(rank, nodes), buffer=buffer, target='rgb', **kwargs)
def tickets(batches):
    rgb = [(rgb[:,:2,0,0] + 1)/2*255 for _,rgb in batches]
    return [(o.round().int() @ torch.tensor([1, 256], dtype=torch.int)).tolist() for o in rgb]
nodes = [dealt(r, 2, num_workers=2) for r in range(2)]
first,second = [[tickets(o.train) for o in nodes] for _ in range(2)]
flat = lambda o: sorted(k for machine in o for b in machine for k in b)
train = sorted(number(shards[i]) for i in set(range(n)) - set(nodes[0].held))
test_eq([flat(first), flat(second)], [train, train])
test_eq(len(first[0]), len(first[1]))
assert first[0] != second[0]
test_eq(tickets(dealt(0, 2, lanes=2).train), first[0])
[len(o) for o in first[0]]

# %% [markdown]
# Now a run is interrupted after five batches, while its two workers have prepared some more. Others go on from its state, with one process and with three workers: the batches that follow must be exactly those of the uninterrupted epoch, crops included, and so must those of the next. Printed is the state.

# %%
straight = dealt(num_workers=2)
epochs = [list(straight.train) for _ in range(2)]
broken = dealt(num_workers=2)
for _ in zip(range(5), broken.train): pass
state = json.loads(json.dumps(broken.train.state_dict()))
for k in (0, 3):
    again = dealt(num_workers=k, state=state)
    test_eq(list(again.train), epochs[0][5:])
    test_eq(list(again.train), epochs[1])
seen = tickets(epochs[0][:5]) + tickets(dealt(state=state).train)
test_eq(sorted(k for b in seen for k in b), train)
test_fail(lambda: dealt(0, 2, state=state), exc=UsageError, contains='nodes 1 (now 2)')
state

# %% [markdown]
# `color_loaders` takes `Shards` as well, but reads them at random places. Both hold out the same photos and give the same squares and targets for them. In training the crops are drawn from the same range, but by each batch's own random numbers.

# %%
write_shards(sample_photos(40)*4, home/'photos', 5)
options = dict(bs=5, size=32, valid=.2, seed=seed, device='cpu', aged=.5)
jump,forward = color_loaders(Shards(home/'photos'), **options),shard_loaders(home/'photos', **options)
together = lambda dl: [torch.cat(o) for o in zip(*dl)]
test_eq(forward.held, jump.held)
test_eq(together(forward.valid), together(jump.valid))
L,ab = forward.train.one_batch()
test_eq([L.shape[1:], ab.shape[1:]], [(1, 32, 32), (2, 8, 8)])
[len(L) for L,_ in forward.train],[len(L) for L,_ in jump.train]

# %% [markdown]
# A picture whose bytes are spoiled stops the loop, in a worker as well, and the error has its shard and its name. With `skip_bad` its batch is smaller by one and the picture is listed.

# %%
photos = [pack_photo(o, '')[0] for o in sample_photos(40)*4]
photos[7] = photos[7][:800]
with wds.TarWriter(str(home/'spoiled.tar'), encoder=False) as tar:
    for i,o in enumerate(photos): tar.write({'__key__': f'{i}', 'png': o})
def spoiled(**kwargs): return shard_loaders(home/'spoiled.tar', 4, 32, valid=0, device='cpu', **kwargs).train
for k in (0, 1):
    test_fail(lambda: list(spoiled(num_workers=k)), exc=InputError, contains='spoiled.tar/7.png')
    dl = spoiled(num_workers=k, skip_bad=True)
    test_eq([sum(len(L) for L,_ in dl) + 1, len(dl.bad)], [len(dl.dataset), 1])
dl.bad[0].what.replace(f'{home}/', '')

# %% [markdown]
# ## What we have
#
# - a plan for each epoch, made of numbers alone: every photo once, equally many batches on every machine, another order each time and the same for the same seed;
# - a reader that follows any part of the plan, in one forward pass;
# - `shard_loaders`, with the batches of `color_loaders`, which goes on in the middle of an epoch, even with another number of workers.

# %% [markdown]
# ## Exercises
#
# 1. A lane keeps up to `buffer` pictures in memory. Why does the reader never hold more than that, though it was not told the size of the buffer?
# 2. Pack with `seed=None` a folder in which a hundred frames of each film follow one another. How many films are in a batch of 48 with a buffer of 50, of 1,000, and how many if the folder is mixed when it is packed?
# 3. A machine is added in mid-epoch. What would the state have to hold, so that the rest could be dealt to three machines instead of two, and what has to be given up?
