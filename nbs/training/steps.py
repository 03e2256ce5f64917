# %% [markdown]
# # Steps that cost less
#
# > The same training in less time: one optimizer call for all weights, and early layers that rest
#
# Between two looks at the pictures a network does the same thing some ten thousand times: forward, backward, step. This chapter saves time in two places: the optimizer's step becomes one call instead of a thousand, which changes nothing in the result, and the early layers of the encoder, which take much of the time and have little left to learn, learn in every fourth step only.

# %%
#| default_exp training.steps

# %% tags=["parameters"]
seed = 3

# %%
#| export
import torch
from fastai.callback.core import Callback
from fastai.optimizer import Optimizer
from torch.optim.adamw import adamw
from colorbook.core import UsageError

# %%
#| hide
from fastai.optimizer import Adam
from fastcore.test import *
from torch import nn
from colorbook.models.encoder_unet import EncoderUNet

# %% [markdown]
# ## One call for all weights

# %% [markdown]
# fastai's optimizers are made of small functions that run for one tensor after the other, which is clear and slow: a U-Net has some two hundred tensors, and for each of them a dozen operations are started from Python. PyTorch has a function that takes all tensors of a group at once. `FusedAdam` has fastai's interface, its hyperparameters and its state, and calls that function. It is Adam with decoupled weight decay (AdamW) as before; weights of norms and biases are not decayed. And a gradient that was used is dropped instead of set to zero, so that the next backward pass writes it instead of adding to it.

# %%
#| export
class FusedAdam(Optimizer):
    "fastai's Adam (decoupled weight decay) with one call for all tensors of a group"
    def __init__(self,
        params, # parameters, or a list of groups of them
        lr:float, # learning rate
        mom:float=.9, # decay of the gradients' average
        sqr_mom:float=.99, # decay of their squares' average
        eps:float=1e-5, # added to its root
        wd:float=.01, # weight decay
    ): super().__init__(params, [], lr=lr, mom=mom, sqr_mom=sqr_mom, eps=eps, wd=wd)
    def zero_grad(self):
        for p,*_ in self.all_params(with_grad=True): p.grad = None
    @torch.no_grad()
    def step(self, closure=None):
        if closure is not None: raise NotImplementedError('a step is taken on gradients that are there')
        for group,h in zip(self.param_lists, self.hypers):
            moved = [p for p in group if p.grad is not None]
            for decays in (True, False):
                ps = [p for p in moved if self.state[p].get('do_wd', True) == decays]
                for p in ps:
                    if 'step' not in self.state[p]: self.state[p] |= dict(step=torch.zeros((), device=p.device),
                        grad_avg=torch.zeros_like(p), sqr_avg=torch.zeros_like(p))
                    # fastai's Adam counts in whole numbers
                    self.state[p]['step'] = torch.as_tensor(self.state[p]['step'], dtype=torch.float32, device=p.device)
                of = lambda k: [self.state[p][k] for p in ps]
                if ps: adamw(ps, [p.grad for p in ps], of('grad_avg'), of('sqr_avg'), [], of('step'), fused=True,
                    amsgrad=False, maximize=False, beta1=h['mom'], beta2=h['sqr_mom'], lr=h['lr'], eps=h['eps'],
                    weight_decay=h['wd']*decays)

# %% [markdown]
# Is it the same Adam? Both take ten steps from the same weights, with two groups of different rates. One tensor has a gradient in every second step only, and one is not decayed, because these are the places where a faster version easily goes wrong. In the last two lines one optimizer goes on from the saved state of another.

# %%
def ten_steps(kind, again=None):
    "Weights after ten steps; with `again` a new optimizer of that kind takes over in the middle"
    torch.manual_seed(seed)
    ps = [nn.Parameter(torch.randn(3, 4)) for _ in range(4)]
    make = lambda kind: kind([ps[:2], ps[2:]], lr=.1, mom=.8, sqr_mom=.95, eps=1e-3, wd=.2)
    opt = make(kind)
    opt.set_hyper('lr', [.1, .03])
    opt.state[ps[3]]['do_wd'] = False
    for i in range(10):
        if again and i == 5:
            state,opt = opt.state_dict(),make(again)
            opt.load_state_dict(state)
        for k,p in enumerate(ps):
            if k or i%2 == 0: p.grad = torch.randn(3, 4)
        opt.step()
        opt.zero_grad()
        if type(opt) is not FusedAdam: ps[0].grad = None
    return torch.stack([p.detach() for p in ps])

fused = ten_steps(FusedAdam)
test_close(fused, ten_steps(Adam), eps=1e-5)
test_eq(ten_steps(FusedAdam, again=FusedAdam), fused)
test_close(ten_steps(Adam, again=FusedAdam), fused, eps=1e-5)
fused.std()

# %% [markdown]
# ## Early layers rest

# %% [markdown]
# Where do the milliseconds of [the U-Net on EfficientNet-Lite0](../models/encoder_unet.ipynb) go? Its stem and its first three stages work on maps of a half to an eighth of the size. They have 2 % of the encoder's weights and take 40 % of the time of a step, most of it on the way back. They are also what a pretrained encoder has learned best: edges, textures, and nothing about color that a gray picture could tell. The 5x5 depthwise kernels are alike: few numbers, and gradients that cost much.
#
# So these parameters, which [the encoder](../models/encoder_unet.ipynb) lists as `early`, learn in every $n$-th step only. In the other steps no gradient is computed for them, and the backward pass ends in front of them. The count begins anew with each epoch, so that a run that is resumed there goes on alike. With $n=4$ they get a quarter of the steps. In a recipe this is the field `early_every`. What it costs in quality was not measured; it is a bargain for the same *time*, not for the same number of pictures.

# %%
#| export
class RestEarly(Callback):
    "The encoder's early layers learn in every so manieth step only"
    order,run_valid = 20,False
    def __init__(self,
        every:int=4, # 1 for all steps
    ): self.every = every
    def before_fit(self):
        self.early = list(getattr(self.learn.model.generator, 'early', list)())
        if not self.early:
            what = f"'{type(self.learn.model.generator).__name__}' has no early layers that could rest"
            raise UsageError(what, 'set early_every to 1, or choose generator lite0')
    def before_batch(self):
        learn = self.iter%self.every == 0 and self.learn.adversary.turn != 'critic'
        for p in self.early: p.requires_grad_(learn)
    def after_fit(self):
        for p in self.early: p.requires_grad_(True)

# %% [markdown]
# The U-Net on EfficientNet-Lite0 shows it: between half a percent and a tenth of the encoder's weights are early, and when they rest, they and no others are without a gradient after the backward pass.

# %%
torch.manual_seed(seed)
net = EncoderUNet('lite0', 313, 4)
early = sum(p.numel() for p in net.early())
assert .005 < early/sum(p.numel() for p in net.encoder.parameters()) < .1
for p in net.early(): p.requires_grad_(False)
net(torch.rand(2, 1, 32, 32)).square().mean().backward()
ids = {id(p) for p in net.early()}
test_eq([p.grad is None for p in net.encoder.parameters()], [id(p) in ids for p in net.encoder.parameters()])
early

# %% [markdown]
# ## What we have
#
# - `FusedAdam`, equal to fastai's Adam to rounding, with states that another one goes on from, and those of Adam as well;
# - `RestEarly`, by which a recipe's `early_every` saves the gradients of the encoder's early layers.

# %% [markdown]
# ## Exercises
#
# 1. Measure a step of the U-Net with `early_every` 1, 2, 4 and 16. From which on is nothing gained any more, and why?
# 2. Batch norm in layers that rest still updates its running statistics. Does that matter? Freeze them as well, and compare.
