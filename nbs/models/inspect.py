# %% [markdown]
# # Questions to a network
#
# > What an untrained network already tells: its size, its view, and which of its weights are alive
#
# Most mistakes in a network are made before it has learned anything: a layer that no gradient reaches, a skip connection that leads nowhere, a cell that sees fewer pixels than its author believes. They seldom crash. The network trains, a little worse than it should, and nobody notices. There are four questions that a network answers in a second, without data and without training: how many weights has it, do all of them learn, how far does it see, and does one step lower its loss? The other chapters put them to every generator in this book.

# %%
#| default_exp models.inspect

# %% tags=["parameters"]
size,seed = 48,5

# %%
#| export
import copy, torch, torch.nn.functional as F
from torch import nn, Tensor

# %%
#| hide
from fastcore.test import *
from colorbook.color.lab import show_row

# %% [markdown]
# ## How large is it?

# %% [markdown]
# Published networks come with a number of parameters, and a copy that has another number is not a copy. The number is also arithmetic on a page: a convolution of kernel $k$ from $c$ to $c'$ channels has $k^2cc'$ weights, $c'$ more if it has a bias; a norm has $2c'$. We count what is learned and leave out running statistics. On torch's `meta` device a network has shapes and no memory, so that even a very large one is counted at once.

# %%
#| export
def n_weights(
    net:nn.Module,
) -> int: # weights that are learned
    "Number of parameters"
    return sum(o.numel() for o in net.parameters())

# %%
with torch.device('meta'): small = nn.Sequential(nn.Conv2d(3, 8, 5), nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1, bias=False))
test_eq(n_weights(small), 5*5*3*8 + 8 + 2*8 + 8*2)
n_weights(small)

# %% [markdown]
# ## Does every weight learn?

# %% [markdown]
# One step back from the output must reach every parameter. The step starts from a random mixture of everything that comes out, so that nothing cancels by symmetry. "Reached" is a matter of size: a bias in front of a batch norm is taken away again by the norm, its gradient *is* zero, but rounding makes it $10^{-8}$ instead. So the question is asked in double precision, of a copy, where rounding stays below $10^{-12}$ of the largest gradient.

# %%
#| export
def unreached(
    net:nn.Module, # stays as it is
    *inputs:Tensor,
    tol:float=1e-12, # share of the largest gradient that counts as zero
) -> list: # names of parameters
    "Parameters that one step back from the output does not reach"
    net = copy.deepcopy(net).double().train()
    out = net(*[o.double() for o in inputs])
    (out*torch.randn_like(out)).sum().backward()
    size = {k: 0. if p.grad is None else p.grad.abs().max().item() for k,p in net.named_parameters()}
    return [k for k,v in size.items() if not v > tol*max(size.values())]

# %% [markdown]
# We try it on a network with three faults: a layer that is declared and never used (S0's code has one), a bias that a norm takes back, and, in the second half of the cell, a ReLU whose input is negative everywhere. The list names what is not reached then: everything but the last bias.

# %%
class Faulty(nn.Module):
    "Three layers, each of which has something dead"
    def __init__(self):
        super().__init__()
        self.unused = nn.BatchNorm2d(3)
        self.conv,self.norm,self.last = nn.Conv2d(1, 4, 3, padding=1),nn.BatchNorm2d(4),nn.Conv2d(4, 2, 1)
        nn.init.constant_(self.norm.bias[:1], -99.)
    def forward(self, x): return self.last(self.norm(self.conv(x)).relu())

torch.manual_seed(seed)
net,x = Faulty(),torch.rand(2, 1, 8, 8)
test_eq(unreached(net, x), ['unused.weight', 'unused.bias', 'conv.bias'])
net.norm.bias.data.fill_(-99.)
test_eq(unreached(net, x), [k for k,_ in net.named_parameters() if k != 'last.bias'])
test_eq((net.norm.bias.dtype, net.norm.bias.grad), (torch.float32, None))
unreached(net, x)

# %% [markdown]
# ## How far does it see?

# %% [markdown]
# A cell of a map is computed from a patch of the input, its *receptive field*. Each layer adds to its side the kernel's reach times the distance $j$, in pixels, between neighbors of the layer's input:
#
# $$r\leftarrow r+(k-1)\,d\,j,\qquad j\leftarrow j\,s$$
#
# for kernel $k$, dilation $d$ and stride $s$. The formula is only as good as one's list of layers. The gradient asks the network itself: a cell's derivative with respect to the input is different from zero exactly where the cell looks. Batch norm must use its stored statistics, or each cell depends on all. `field` measures, `reach` calculates, and the two should agree.

# %%
#| export
def field(
    f, # computes a number from `x`: one cell of some layer
    x:Tensor, # 1xCxHxW
) -> Tensor: # HxW, zero where the cell does not look
    "Size of the derivative of `f` with respect to each pixel"
    x = x.clone().requires_grad_()
    return torch.autograd.grad(f(x), x)[0][0].abs().sum(0)

# %%
#| export
def extent(
    seen:Tensor, # HxW, see `field`
) -> tuple[int,int]: # height and width
    "Sides of the smallest box around everything that is not zero"
    h,w = ((o[-1] - o[0] + 1).item() for o in (seen.sum(d).nonzero()[:,0] for d in (1, 0)))
    return h,w

# %%
#| export
def reach(
    layers:list, # of (kernel, stride, dilation)
) -> int: # pixels
    "Side of the receptive field of a stack of convolutions"
    r,j = 1,1
    for k,s,d in layers: r,j = r + (k - 1)*d*j,j*s
    return r

# %% [markdown]
# As an example take four layers of 3x3 kernels in three forms: one after the other at full size, each with stride 2, each with twice the dilation of the one before. All have the same number of weights. In @fig-manners the sizes stand above the pictures: with strides or dilation the middle cell sees 31 pixels instead of 9. Strides also make each side of the map sixteen times smaller, which is cheap and loses the exact place. Dilation keeps the size, and computes as much as the plain layers do.

# %%
#| label: fig-manners
#| fig-cap: "What the middle cell of the fourth layer sees: plain, with strides, and with dilation."
def stack(strides, dilations):
    pairs = zip(strides, dilations)
    convs = [nn.Conv2d(1, 1, 3, s, padding=d, dilation=d, bias=False) for s,d in pairs]
    for o in convs: nn.init.uniform_(o.weight, .5, 1)
    return nn.Sequential(*convs)

torch.manual_seed(seed)
manners = dict(plain=((1,)*4, (1,)*4), strides=((2,)*4, (1,)*4), dilation=((1,)*4, (1, 2, 4, 8)))
seen,x = [],torch.rand(1, 1, size, size)
for strides,dilations in manners.values():
    net = stack(strides, dilations)
    middle = net(x).shape[-1]//2
    seen.append(field(lambda o: net(o)[0,0,middle,middle], x))
    test_eq(extent(seen[-1]), (reach([(3, s, d) for s,d in zip(strides, dilations)]),)*2)
test_eq([extent(o)[0] for o in seen], [9, 31, 31])
show_row([(o/o.max())[None]**.33 for o in seen], [f'{k}: {extent(o)[0]}' for k,o in zip(manners, seen)], width=6)

# %% [markdown]
# ## Does it learn at all?

# %% [markdown]
# The last question is the shortest training there is: one batch, one step of Adam, and the loss of the *same* batch before and after. If the loss does not fall, a sign is wrong, a tensor is detached, or the loss does not depend on the output. Dropout and noise draw the same numbers both times. A network that passes may still be bad; one that fails certainly is. The two numbers below should fall a little.

# %%
#| export
def one_step(
    net:nn.Module, # stays as it is
    inputs:tuple, # of tensors
    target:Tensor, # what it should answer
    lr:float=1e-4, # of Adam
    seed:int=0, # of dropout and noise
) -> tuple[float,float]: # mean squared error before and after
    "The loss of one batch before and after one step on it"
    net = copy.deepcopy(net).train()
    def loss():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return F.mse_loss(net(*inputs), target)
    opt,before = torch.optim.Adam(net.parameters(), lr),loss()
    before.backward()
    opt.step()
    with torch.no_grad(): return before.item(),loss().item()

# %%
torch.manual_seed(seed)
net,x = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.Dropout(), nn.Conv2d(8, 2, 1)),torch.rand(4, 1, 8, 8)
y = torch.rand(4, 2, 8, 8)
before,after = one_step(net, (x,), y)
assert after < before
test_eq(one_step(net, (x,), y), (before, after))
test_eq(one_step(net, (x,), y, lr=0.), (before, before))
before,after

# %% [markdown]
# ## What we have
#
# - `n_weights`, `unreached` and `one_step`, which find the wrong size, dead weights, and losses that cannot fall;
# - `field` and `extent`, which measure what one cell sees, and `reach`, which calculates it;
# - three ways to arrange the same weights, of which two see further.

# %% [markdown]
# ## Exercises
#
# 1. Dilations 2, 2, 2, 2 see less than they seem to: draw the field. Which pixels are left out, and why do the dilations 1, 2, 4, 8 leave out none?
# 2. What does `unreached` say of a network with a `detach` in its middle?
# 3. The gradient is not the same all over a field. How many pixels in the middle of a row have half of it, for 4, 16 and 64 plain layers with equal weights?
