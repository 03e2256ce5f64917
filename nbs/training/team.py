# %% [markdown]
# # Training with two processes
#
# > Each takes half of a batch; what they would learn is averaged
#
# A step of a small network is two hundred small operations. Two threads that share each of them wait for each other two hundred times, and on a machine that has something else to do they wait long. Two processes of one thread each, with half of the batch, meet only once a step, when their gradients are averaged. A recipe asks for that by `processes=2`; [the trainer](trainer.ipynb) starts the second process and gives it the same command, and a run can be stopped and resumed exactly as with one.

# %%
#| default_exp training.team

# %% tags=["parameters"]
seed = 5

# %%
#| export
import os, random, signal, sys, threading
from hashlib import sha256
from threading import BrokenBarrierError
import torch
import torch.multiprocessing as mp
from fastai.callback.core import Callback
from fastcore.basics import patch
from colorbook.core import core_count, TrainingError
from colorbook.training.runs import seed_everything

# %%
#| hide
from concurrent.futures import ThreadPoolExecutor
from fastcore.test import *
from colorbook.data.loaders import color_loaders
from colorbook.data.photos import Photos, sample_photos

# %% [markdown]
# ## Meeting once a step

# %% [markdown]
# The processes share a piece of memory with a page for each of them. Each writes its gradients on its own page, waits until all have written, and reads the mean of all pages, in the same order of addition, so that all get the same bits. Two such sets of pages are used in turn, and that makes one meeting a step enough: a process that writes on the first set again has since met the others at the second, and they go there only when they have read the first.
#
# If one of them ends, the others must not wait for ever. A process that leaves breaks the barrier, at which the others get an error; and a process whose parent is gone ends itself.

# %%
#| export
class Team:
    "Processes that average tensors with each other"
    def __init__(self,
        n:int, # processes
        room:int, # numbers that one of them averages at the most
    ):
        self.n,self.rank,self.turn,self.others,self.threads = n,0,0,[],torch.get_num_threads()
        self.pages,self.barrier = torch.zeros(2, n, room).share_memory_(),mp.get_context('spawn').Barrier(n)
    def wait(self):
        "Go on when all are here; `TrainingError` if one of them has ended"
        try: self.barrier.wait()
        except BrokenBarrierError as e:
            what = 'a process that trained along has ended'
            raise TrainingError(what, 'see what it said; the same command goes on from the checkpoint') from e
    def mean(self,
        tensors:list, # of the same shapes in all processes; they become the mean
    ):
        "Average tensors over the processes, in place"
        pages,total = self.pages[self.turn],sum(t.numel() for t in tensors)
        self.turn = 1 - self.turn
        torch.cat([t.detach().reshape(-1) for t in tensors], out=pages[self.rank,:total])
        self.wait()
        mean,at = pages[0,:total].clone(),0
        for page in pages[1:,:total]: mean += page
        mean /= self.n
        for t in tensors:
            t.detach().copy_(mean[at:at + t.numel()].view(t.shape))
            at += t.numel()

# %% [markdown]
# Alone, the mean is the tensor itself. For two processes, two threads stand here: several times in a row both get the same tensors, and they are the average of what was given. At the end one of them leaves, and the other is told.

# %%
solo,x = Team(1, 10),torch.randn(2, 3)
kept = x.clone()
solo.mean([x])
test_eq(x, kept)

def twin(team, rank):
    "The same team as another of its processes sees it"
    other = object.__new__(Team)
    other.__dict__ |= team.__dict__ | dict(rank=rank)
    return other

team = Team(2, 20)
team.barrier = threading.Barrier(2)
sides = team,twin(team, 1)
given = torch.randn(2, 5, 12)
def work(rank):
    out = given[rank].clone()
    for o in out: sides[rank].mean([o[:4].view(2, 2).t(), o[4:]])
    return out
with ThreadPoolExecutor(2) as ex: first,second = ex.map(work, range(2))
test_eq(first, second)
test_close(first, given.mean(0), eps=1e-6)
team.barrier.abort()
test_fail(lambda: team.mean([x]), exc=TrainingError, contains='has ended')

# %% [markdown]
# ## Starting and ending

# %% [markdown]
# The processes that train along are started from scratch (`spawn`) and run a function with their place in the team. A program that starts them must be importable, so what it does stands under `if __name__ == '__main__'`. Control-C reaches all processes of a terminal; only the first answers it.

# %%
#| export
def _train_along(team, rank, f, args, kwargs):
    "What another process of a team does"
    def orphaned():
        mp.parent_process().join()
        os._exit(1)
    threading.Thread(target=orphaned, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    team.rank = rank
    team.share_cores()
    try: f(*args, **kwargs, team=team)
    except BaseException as e:
        if not isinstance(e.__cause__, BrokenBarrierError): print(f'{type(e).__name__}: {e}', file=sys.stderr)
        os._exit(1)

@patch
def share_cores(self:Team): # so many threads for each process that the cores are shared
    torch.set_num_threads(max(1, core_count()//self.n))

@patch
def start(self:Team, f, *args, **kwargs):
    "Run `f` with these arguments, and `team`, in the other processes"
    ctx = mp.get_context('spawn')
    others = [ctx.Process(target=_train_along, args=(self, r, f, args, kwargs), daemon=True) for r in range(1, self.n)]
    def watch(p):
        p.join()
        if p.exitcode: self.barrier.abort()
    for p in others:
        p.start()
        threading.Thread(target=watch, args=(p,), daemon=True).start()
    self.others = others
    self.share_cores()

@patch
def close(self:Team):
    "Nobody meets any more: the others end"
    self.barrier.abort()
    for p in self.others:
        p.join(10)
        if p.is_alive(): p.kill()
    torch.set_num_threads(self.threads)

# %% [markdown]
# ## In training

# %% [markdown]
# Beside the gradients the running statistics of batch norm are averaged, so that the networks of all processes are equal after every step. Each network normalizes by its own half of the batch, which is the one way in which two halves of 16 differ from a batch of 32.
#
# All processes draw the same order of photographs, and each takes its part of every batch (`part` of the [loader](../data/loaders.ipynb)). What else is drawn, crops and aging, must differ between them, and yet be the same in a run that was resumed. So at the beginning of each epoch the random generators begin anew, by the recipe's seed, phase, epoch, and number of the process. Then there is nothing of the other processes that a checkpoint would have to hold.

# %%
#| export
def seed_of(*place) -> int: # 32 bits
    "A seed for a place in a run"
    return int(sha256(repr(place).encode()).hexdigest()[:8], 16)

class AverageGradients(Callback):
    "In each of a team's processes: its part of every batch, and the mean of all gradients"
    order = 80
    def __init__(self,
        team:Team,
        seed:int, # of the recipe
        phase:int, # its number in the recipe
    ): self.team,self.place = team,(seed, phase)
    def before_fit(self):
        self.learn.dls.train.part = self.team.rank,self.team.n
        buffers = self.learn.model.generator.named_buffers()
        self.running = [o for k,o in buffers if k.endswith(('running_mean', 'running_var'))]
    def before_epoch(self):
        seed_everything(seed_of(*self.place, self.epoch, self.team.rank))
        self.learn.dls.train.rng = random.Random(seed_of(*self.place, self.epoch))
    def after_backward(self):
        grads = [p.grad for p in self.learn.model.generator.parameters() if p.grad is not None]
        self.team.mean(grads + self.running)

def team_for(
    n:int, # processes
    model, # whose generator is trained
) -> Team:
    "A team with room for the gradients and the running statistics of a generator"
    gen = model.generator
    return Team(n, sum(o.numel() for o in [*gen.parameters(), *gen.buffers()]))

# %%
test_eq(seed_of(1, 2, 3), seed_of(1, 2, 3))
test_eq(len({seed_of(1, p, e, r) for p in range(3) for e in range(20) for r in range(2)}), 120)

photos = Photos(sample_photos(32)*4)
def shown(*part):
    "Batches of an epoch, as one process of a team sees them"
    dls = color_loaders(photos, 4//part[1], 32, valid=.2, device='cpu', low=1., mirror=False)
    dls.train.rng,dls.train.part = random.Random(seed),part
    return [L for L,_ in dls.train]

whole,left,right = shown(0, 1),shown(0, 2),shown(1, 2)
test_eq([len(whole), len(left)], [len(right)]*2)
for a,b,c in zip(whole, left, right): test_eq(a, torch.cat([b, c]))

# %% [markdown]
# Beside other work on two cores, the two processes of `default` saw up to twice as many photographs in a second as one process of two threads; on an idle machine the two ways were not compared.

# %% [markdown]
# ## What we have
#
# - `Team`: processes that average tensors and notice when one of them is gone;
# - `AverageGradients`, by which each learns from its part of the batch and all stay equal.

# %% [markdown]
# ## Exercises
#
# 1. Give three processes a batch of 32. What does [`check_recipe`](registry.ipynb) say, and what would a mean of unequal parts have to do?
# 2. Average the weights every ten steps instead of the gradients in each. What does that save, and what becomes of Adam's moments?
