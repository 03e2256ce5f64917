# %% [markdown]
# # 8. The duel
#
# > A GAN in forty lines of PyTorch, on pictures small enough to watch it learn, and to watch it fail
#
# **You need** [The critic](critic.ipynb) and [From verdicts to losses](losses.ipynb). **You get** the training loop of a GAN that you can read at one glance, a film strip of its learning, and a failure that you will recognize later. **Minutes:** 10.
#
# ![Discs colored by distance alone, and with a critic.](../../asset/lessons/duel.jpg)

# %% tags=["parameters"]
size,n_steps,seed = 24, 240, 0

# %%
import torch, torch.nn.functional as F, matplotlib.pyplot as plt
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from colorbook.color.lab import join_lab, show_sheet

# %% [markdown]
# ## A problem with two right answers

# %% [markdown]
# The smallest problem that needs a GAN: a bright disc on a gray ground. Half of the discs are orange and half are blue, and nothing in the lightness tells which. The ground is always gray. Look at the two rows: the same kind of question, two kinds of answers.

# %%
#| label: fig-lesson-discs
#| fig-cap: "Eight questions, and their true answers."
HUES = torch.tensor([[.35, .45], [-.1, -.5]]) # ab of orange and of blue

def discs(n):
    "Lightness, color and place of `n` discs"
    y = torch.arange(size)[:,None]
    cy,cx,r = ((torch.rand(3, n, 1, 1)*.25 + o)*size for o in (.37, .37, .2))[0:3] \
        if False else [(torch.rand(n, 1, 1)*.25 + o)*size for o in (.37, .37, .2)]
    disc = ((y - cy)**2 + (y.T - cx)**2 < r**2).float()[:,None]
    L = .5 + .2*disc + .01*torch.randn(n, 1, size, size)
    return L, disc*HUES[torch.randint(0, 2, (n,))][:,:,None,None], disc

torch.manual_seed(seed)
L,ab,disc = discs(8)
show_sheet([L, join_lab(L, ab)], ['L', 'truth']);
