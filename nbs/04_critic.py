# %% [markdown]
# # The critic
#
# > A second network that tells real color from generated color

# %%
#| default_exp critic

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from torch.nn.utils.parametrizations import spectral_norm
from colorbook.unet import down, he_init

# %%
#| export
class S0Critic(nn.Module):
    "S0's critic: five halvings, then one convolution as large as what is left, which makes it fully connected"
    def __init__(self,
        size:int=224, # side of the pictures, a multiple of 32: S0 has 224 and 480
        n_color:int=3, # color channels
        conditional:bool=False, # see L as well? S0's does not
    ):
        super().__init__()
        self.conditional = conditional
        widths = [n_color + conditional, 64, 128, 256, 512, 512]
        self.features = nn.Sequential(*[down(i, o) for i,o in zip(widths, widths[1:])])
        self.head = nn.Sequential(down(512, 512, size//32, 1, 0), nn.Conv2d(512, 1, 1, bias=False))
        he_init(self)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        color:Tensor, # `bs`x`n_color`xHxW
    ) -> Tensor: # logits, `bs`x1x1x1: positive for real
        x = torch.cat([L*2 - 1, color], 1) if self.conditional else color
        return self.head(self.features(x))

# %%
#| export
class PatchCritic(nn.Module):
    "PatchGAN (Isola et al. 2017) with spectral norm: one verdict for each overlapping patch"
    def __init__(self,
        n_color:int=2, # color channels
        nf:int=64, # channels after the first layer
        strides:tuple=(2, 2, 2, 1, 1), # of the 4x4 convolutions; these see patches of 70 pixels
        conditional:bool=True, # see L as well?
    ):
        super().__init__()
        self.conditional = conditional
        widths = [n_color + conditional] + [nf*min(2**i, 8) for i in range(len(strides) - 1)] + [1]
        layers = []
        for i,(ni,no,s) in enumerate(zip(widths, widths[1:], strides)):
            layers += [spectral_norm(nn.Conv2d(ni, no, 4, s, 1)), nn.LeakyReLU(.2, inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW; it is averaged to the size of `color`
        color:Tensor, # `bs`x`n_color`xhxw
    ) -> Tensor: # logits, `bs`x1xh'xw'
        if not self.conditional: return self.layers(color)
        return self.layers(torch.cat([F.interpolate(L, color.shape[-2:], mode='area')*2 - 1, color], 1))
