# %% [markdown]
# # Losses
#
# > Two ways to score a critic, two to measure distance

# %%
#| default_exp losses

# %%
#| export
import torch, torch.nn.functional as F
from torch import Tensor

# %%
#| export
class LogisticLoss:
    "The GAN of Goodfellow et al. (2014), on logits, with the generator's loss that does not saturate"
    def critic(self,
        real:Tensor, # logits of real pictures
        fake:Tensor, # logits of generated ones
    ) -> Tensor: # scalar
        return F.softplus(-real).mean() + F.softplus(fake).mean()
    def generator(self, fake:Tensor) -> Tensor: return F.softplus(-fake).mean()

# %%
#| export
class LeastSquaresLoss:
    "LSGAN (Mao et al. 2017): targets 1 for real and 0 for generated"
    def critic(self, real:Tensor, fake:Tensor) -> Tensor: return ((real - 1)**2).mean() + (fake**2).mean()
    def generator(self, fake:Tensor) -> Tensor: return ((fake - 1)**2).mean()

# %%
#| export
adversarial_losses = dict(logistic=LogisticLoss, lsgan=LeastSquaresLoss)

# %%
#| export
class L1Loss:
    "Mean absolute difference times lambda: independent of the size of pictures and batches"
    def __init__(self, lam:float=1.): self.lam = lam
    def __call__(self, pred:Tensor, target:Tensor) -> Tensor: return self.lam*(pred - target).abs().mean()

# %%
#| export
class SmoothL1Loss:
    "Huber's loss: squared near the target, absolute far from it"
    def __init__(self, lam:float=1., beta:float=.1): self.lam,self.beta = lam,beta
    def __call__(self, pred:Tensor, target:Tensor) -> Tensor: return self.lam*F.smooth_l1_loss(pred, target, beta=self.beta)
