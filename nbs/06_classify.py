# %% [markdown]
# # Color as classification
#
# > 313 bins, soft targets, rebalancing and the annealed mean

# %%
#| default_exp classify

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor

# %%
#| export
# corners of the polygon that holds the bins of Zhang, Isola and Efros (2016), counterclockwise in the plane of a and b
HULL = ((-90, 90), (-90, 50), (-80, 20), (-60, -20), (-30, -50), (10, -80), (40, -100), (60, -110), (90, -110), (100, -90),
        (100, 0), (90, 70), (70, 80), (40, 90), (0, 100), (-50, 100))

# %%
#| export
def ab_bins() -> Tensor: # 313x2: the centers in a and b, ordered by a, then b
    "The 313 bins of Zhang et al. (2016): the points of a grid of 10 inside `HULL`"
    axis = torch.arange(-110., 111., 10)
    ab,hull = torch.cartesian_prod(axis, axis),torch.tensor(HULL, dtype=torch.float)
    edge = hull.roll(-1, 0) - hull
    rel = ab[:,None] - hull[None]
    inside = edge[:,0]*rel[:,:,1] - edge[:,1]*rel[:,:,0]
    return ab[(inside >= 0).all(1)]

# %%
#| export
class SoftBins(nn.Module):
    "Soft assignment of colors to bins: Gaussian weights of the nearest ones (Zhang et al.: 10 neighbors, sigma 5)"
    def __init__(self,
        k:int=10, # neighbors
        sigma:float=5., # width of the Gaussian, in units of a and b
    ):
        super().__init__()
        bins,axis = ab_bins(),torch.arange(-128., 128.)
        d,idx = torch.cdist(torch.cartesian_prod(axis, axis), bins).topk(k, largest=False)
        w = torch.exp(-d**2/(2*sigma**2) + d[:,:1]**2/(2*sigma**2))
        self.register_buffer('idx', idx, persistent=False)
        self.register_buffer('w', w/w.sum(1, keepdim=True), persistent=False)
    def forward(self,
        ab:Tensor, # color in about -1..1, `bs`x2xhxw
    ) -> tuple[Tensor,Tensor]: # bins and their weights, each `bs`xkxhxw; the weights sum to 1
        "Nearest bins of each pixel, by a table of whole units"
        i = (ab*110).round().clamp(-128, 127).long() + 128
        i = i[:,0]*256 + i[:,1]
        return self.idx[i].permute(0, 3, 1, 2),self.w[i].permute(0, 3, 1, 2)

# %%
#| export
def color_prior(
    soft:SoftBins,
    batches, # iterable of `ab`, `bs`x2xhxw in about -1..1
) -> Tensor: # 313 shares with sum 1
    "How often each bin occurs in a set of pictures"
    n = torch.zeros(len(ab_bins()), dtype=torch.float64)
    for ab in batches:
        idx,w = soft(ab)
        n.index_add_(0, idx.flatten().cpu(), w.flatten().double().cpu())
    return (n/n.sum()).float()

# %%
#| export
def class_weights(
    prior:Tensor, # share of each bin, sums to 1
    lam:float=.5, # share of the uniform distribution that is mixed in
    alpha:float=1., # 1 rebalances in full, 0 not at all
) -> Tensor: # weight of each bin; its mean under `prior` is 1
    "Rebalancing weights ((1-lam) p + lam/Q)^-alpha (Zhang et al., equation 4)"
    w = ((1 - lam)*prior + lam/len(prior))**-alpha
    return w/(prior*w).sum()

# %%
#| export
class BinLoss(nn.Module):
    "Cross-entropy against soft bins, weighted by the rarity of the nearest bin"
    def __init__(self,
        weights:Tensor=None, # 313 weights of `class_weights`; None for equal ones
        k:int=10, sigma:float=5.,
    ):
        super().__init__()
        self.soft = SoftBins(k, sigma)
        self.register_buffer('weights', torch.ones(len(ab_bins())) if weights is None else weights)
    def forward(self,
        logits:Tensor, # `bs`x313xhxw
        ab:Tensor, # true color in about -1..1, `bs`x2xhxw
    ) -> Tensor: # scalar, mean over pixels
        "Mean weighted cross-entropy"
        idx,w = self.soft(ab)
        ce = -(logits.float().log_softmax(1).gather(1, idx)*w).sum(1)
        return (ce*self.weights[idx[:,0]]).mean()

# %%
#| export
class AnnealedMean(nn.Module):
    "Color from bin scores: the mean over the bins of a sharpened softmax"
    def __init__(self,
        T:float=.38, # temperature: toward 0 the mode, 1 the mean
        bias:Tensor=None, # 313 values added to the scores, for example to undo part of a rebalancing
    ):
        super().__init__()
        self.T = T
        self.register_buffer('bias', torch.zeros(len(ab_bins())) if bias is None else bias)
        self.register_buffer('bins', ab_bins()/110, persistent=False)
    def forward(self,
        logits:Tensor, # `bs`x313xhxw
    ) -> Tensor: # color in about -1..1, `bs`x2xhxw
        "Expected color of the sharpened distribution"
        p = ((logits.float() + self.bias.view(1, -1, 1, 1))/self.T).softmax(1)
        return F.conv2d(p, self.bins.T[:,:,None,None])
