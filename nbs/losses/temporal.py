# %% [markdown]
# # Temporal loss
#
# > A content loss that sees flicker: color moves with the film, and nothing else
#
# [Three frames](../models/temporal.ipynb) let S1's network know more than one does, but nothing tells it to be steady. Here is the loss that S1 lacked, after VCGAN [@zhao2022]: it compares each colored frame with earlier ones, moved to where their things are now.

# %%
#| default_exp losses.temporal

# %% tags=["parameters"]
seed = 13

# %%
#| export
from torch import nn, Tensor
from colorbook.color.bins import AnnealedMean
from colorbook.data.synthetic import compared_pairs, warp_batch
from colorbook.losses.classification import ColorL1
from colorbook.losses.content import content_losses

# %%
#| hide
import numpy as np, torch
from fastcore.test import *
from colorbook.color.lab import split_lab
from colorbook.data.photos import sample_photos
from colorbook.data.synthetic import visibility_batch

# %% [markdown]
# ## Two frames that should agree

# %% [markdown]
# [Synthetic clips](../data/synthetic.ipynb#warping-along-a-flow) has moved frames along a flow, $\hat y_i$, and weighed each pixel by how far that can be trusted, $v_{ij}$. Two colored frames $i<j$ of a clip should agree where the film itself does:
#
# $$\ell_{ij}=\frac1N\sum v_{ij}\left|y_j-\hat y_i\right|$$
#
# Compared are [neighbors, the short term, and the first frame with each later one, the long term](../data/synthetic.ipynb#which-frames-are-compared). The sum is a mean over all $N$ values, so neither size nor batch changes it, and pixels that are not visible count as zero. Flow and visibility are made of the *true* frames, once, before training; nothing that the generator does can move them. VCGAN gives the short term a weight of 3 and the long one of 5 beside 10 for L1.
#
# Gray never flickers, so gray has the smallest loss of all. It needs a content loss beside it that asks for color, and a measure of flicker must be read together with one of colorfulness.

# %%
#| export
class SteadyLoss(nn.Module):
    "A content loss, and warped differences between the frames of a clip"
    def __init__(self,
        content, # loss of output and truth, for all frames alike
        color=None, # turns output into color; None where it is color
        short:float=3., # weight of neighbors
        long:float=5., # weight of first and later frames
    ):
        super().__init__()
        self.content,self.color,self.short,self.long = content,color or nn.Identity(),short,long
        if hasattr(content, 'weights'): self.weights = content.weights
    def steady(self,
        color:Tensor, # about -1..1, (`bs`*T)xCxhxw
        moves:Tensor, # flow to the earlier frame and visibility, `bs`xPx3xhxw, in the order of `compared_pairs`
    ) -> Tensor: # scalar
        "Weighted mean of the short plus that of the long term"
        n = (moves.shape[1] + 3)//2
        y,total = color.unflatten(0, (-1, n)),color.new_zeros(())
        for (i,j),m in zip(compared_pairs(n), moves.unbind(1)):
            weight = self.short/(n - 1) if j == i + 1 else self.long/(n - 2)
            total = total + weight*((y[:,j] - warp_batch(y[:,i], m[:,:2])).abs()*m[:,2:]).mean()
        return total
    def forward(self,
        output:Tensor, # generated, of all answered frames
        target:Tensor, # the truth
        L:Tensor=None, # lightness of the same frames
        moves:Tensor=None, # see `steady`; None for frames without neighbors
    ) -> Tensor: # scalar
        "Content and both terms over time"
        loss = self.content(output, target, L)
        return loss if moves is None else loss + self.steady(self.color(output), moves)

@content_losses('steady', outputs=('bins4',), prior=True)
def _steady(lam=1., prior=None, rebalance=1., color=None):
    return SteadyLoss(content_losses['bins'](prior=prior, rebalance=rebalance), color or AnnealedMean(), 3*lam, 5*lam)

@content_losses('follow', outputs=('bins4',))
def _follow(lam=1., color=None):
    color = color or AnnealedMean()
    return SteadyLoss(ColorL1(color), color, 3*lam, 5*lam)

# %% [markdown]
# The smallest case can be worked out by hand: three frames of two pixels, standing still, with one pixel hidden. The loss must not depend on how often a clip is in the batch, nor on its size. Then a film in which a camera moves: if the colors move with the picture the loss must be zero, and if they blink it must not.

# %%
loss = SteadyLoss(lambda *o: 0, short=1., long=10.)
still,y = torch.zeros(1, 3, 3, 1, 2),torch.tensor([[0., 0], [.5, .1], [.2, .4]]).view(3, 1, 1, 2)
still[:,:,2] = 1
still[0,1,2,0,1] = 0
short,long = ((.5 + .1)/2 + .3/2)/2,(.2 + .4)/2
by_hand = short + 10*long
test_close(loss.steady(y, still), by_hand, eps=1e-6)
test_close(loss.steady(y.repeat(4, 1, 1, 1), still.repeat(4, 1, 1, 1, 1)), by_hand, eps=1e-6)
big = lambda o: o.repeat_interleave(3, -1).repeat_interleave(3, -2)
test_close(loss.steady(big(y), big(still)), by_hand, eps=1e-6)
test_close(SteadyLoss(lambda *o: 7.)(y, y, None, still), 7 + 3*short + 5*long, eps=1e-6)
by_hand

# %%
rgb = torch.from_numpy(np.array(sample_photos(128)[2])).permute(2, 0, 1)[None]/255
film = torch.cat([rgb[...,32:96,2*i:2*i + 96] for i in range(3)])
ab = split_lab(film)[1].requires_grad_()
moves = torch.zeros(1, 3, 3, 64, 96)
for k,(i,j) in enumerate(compared_pairs(3)):
    moves[:,k,0] = 2*(j - i)
    moves[:,k,2:] = visibility_batch(film[i:i + 1], film[j:j + 1], moves[:,k,:2])
steady = SteadyLoss(lambda *o: 0)
assert (moves[:,:,2,:,:-4] > .999).all() and (moves[:,:,2,:,-1] == 0).all()
blink = ab + .05*torch.tensor([1., -1, 1]).view(3, 1, 1, 1)
slope, = torch.autograd.grad(steady.steady(blink, moves), ab)
assert steady.steady(ab, moves) < 1e-4 < .2 < steady.steady(blink, moves)
assert (slope[:,:,:,8:-8].abs().sum((1, 2, 3)) > 0).all()
steady.steady(blink, moves).item(),3*.1

# %% [markdown]
# What does the loss see? In the figure the colors of the middle frame are too strong by a little. The camera has moved by two pixels, which the loss knows and takes back.

# %%
#| label: fig-blink
#| fig-cap: "Three frames, the colors of the middle one too strong, and what the loss counts between the first two."
from colorbook.color.lab import join_lab, show_row
L,ab = split_lab(film)
strong = ab*torch.tensor([1., 1.5, 1]).view(3, 1, 1, 1)
counted = ((strong[1:2] - warp_batch(strong[:1], moves[0,:1,:2])).abs()*moves[0,:1,2:]).mean(1)*6
show_row([*join_lab(L, strong), counted], ['first', 'second', 'third', 'counted'])

# %% [markdown]
# The last picture is bright where there is much color, since there it has changed most, and dark where the picture is gray anyway. At the right edge, where the camera sees something new, nothing is counted.
#
# Two entries of the table of content losses have it: `steady` beside classes, with the truth as target, and `follow`, which learns from the colors of another model.

# %% [markdown]
# ## What we have
#
# - `SteadyLoss`, a content loss and two terms over time, with VCGAN's weights;
# - a film whose color moves with it costs nothing, one that blinks pays.

# %% [markdown]
# ## Exercises
#
# 1. A light is switched on in a film. What does $v$ say in that frame, and what should it say if color is compared and not light?
# 2. A film is gray in every second frame. Which of the two terms sees it, and how much does each cost?
