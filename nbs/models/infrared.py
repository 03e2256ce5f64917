# %% [markdown]
# # Near infrared
#
# > A network that corrects lightness as well as color, because infrared light is not what the eye sees
#
# A camera for near infrared sees what lies just beyond red. Leaves and grass reflect it almost completely and are white, the sky and water hardly at all and are black, and many dyes do not exist. So a picture of it is not the lightness of the scene, and a colorizer that keeps lightness, as all others in this book do, paints green on snow. S3 shows that its networks color infrared after a change of the data setting alone, because they answer with all of RGB. This chapter has a network made for infrared that is small enough to learn from 180 pairs of pictures: it answers with a smooth change of lightness, and takes all detail from the picture that it sees.

# %%
#| default_exp models.infrared

# %% tags=["parameters"]
size,seed = 64,3

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from colorbook.color.lab import lab_to_rgb, rgb_to_lab
from colorbook.core import UsageError
from colorbook.models.encoder_unet import lite_encoder
from colorbook.models.registry import generators
from colorbook.models.unet import conv

# %%
#| hide
import numpy as np
from fastcore.test import *
from colorbook.color.lab import grays, show_row
from colorbook.data.photos import sample_photos
from colorbook.models.inspect import n_weights, one_step, unreached

# %% [markdown]
# ## What infrared looks like

# %% [markdown]
# Pairs of infrared and color are rare: the set of @brown2011 has 477 of them in nine scenes, and few are alike. But what infrared does to colors can be guessed from colors. Fitted to seven of these scenes, the value is about green, with blue taken away, and with foliage, which is where green exceeds both red and blue, made brighter:
#
# $$N = G + 0.2\,(R-G) + 1.2\,(G-B) + 0.65\,\frac{\max(0, G-\max(R,B))}{\max(R,G,B)+0.03}$$
#
# That is the gray function [`infrared`](../color/lab.ipynb#what-is-gray). With it every color photograph makes a pair, though not quite a true one, on which a network can practice before it sees the few real ones. In @fig-infrared compare the second and the third picture of each photograph: the sky becomes darker, leaves become lighter.

# %%
#| label: fig-infrared
#| fig-cap: "Two photographs, their lightness, and the guess at what a camera for near infrared would have seen."
photos = [torch.from_numpy(np.array(o)).permute(2, 0, 1)[None]/255 for o in sample_photos(120)]
shown = [p for x in (photos[4], photos[5]) for p in (x[0], grays['lstar'](x)[0], grays['infrared'](x)[0])]
show_row(shown)

# %% [markdown]
# ## A correction

# %% [markdown]
# What should such a network answer? All of the picture, says S3, and a network with millions of pairs can learn that. With a hundred it learns a blurred one. Most of the picture is known: edges, textures, faces are in infrared as they are in color, a little stronger or weaker. What is wrong is the *level* of larger parts, sky, lawn, wall, and that is smooth. So the answer is a correction $d$ of lightness and the color $a,b$, all three at a quarter of the size, enlarged, and
#
# $$L'=L+\uparrow d,\qquad (a',b')=(a,b)+\uparrow(\Delta a,\Delta b),$$
#
# where $a,b$ is zero for a picture of one channel. The last layer begins with zeros, so that the network begins by copying the picture. Its final answer is RGB in -1..1 like that of S0 or S3, so that recipes, losses and critics can be used as they are.
#
# How bright a place is depends on the weather and on the exposure as well as on what is there, and a network that has seen seven scenes is easily surer of that than it should be. An earlier one was: on scenes that it had not seen, three quarters of its correction were nearer to the truth than all of it. Since then it practices on more photographs, most of them [faded, brightened or darkened](../data/loaders.ipynb), and no part of the correction does better than the whole. Which of the two did it was not measured apart.
#
# The way down is that of [EfficientNet-Lite0](encoder_unet.ipynb) as far as a sixteenth of the size: 0.7 of its 3.4 million weights; the last stages, which tell breeds of dogs apart, are not needed here. The mean over the picture is added to each cell, as in [the first model's U-Net](unet.ipynb), because whether it is a sunny day or a room can only be told from the whole.

# %%
#| export
class InfraredUNet(nn.Module):
    "The picture that it sees, with lightness and color corrected: RGB from near or long-wave infrared"
    def __init__(self,
        n_in:int=1, # channels that it looks at: 1 for lightness, 3 for sRGB or what a thermal camera writes
        width:int=48, # channels on the way up
        state:dict=None, # weights of a whole such network; or of the encoder, see `colorbook.models.encoder_unet`
    ):
        if n_in not in (1, 3): raise UsageError(f'an input of {n_in} channels', 'choose 1 or 3')
        super().__init__()
        whole = state is not None and 'head.weight' in state
        lite = lite_encoder(None if whole else state)
        self.n_in,self.normalize,self.net,(a,b,c) = n_in,lite.normalize,lite.net,lite.channels[:3]
        self.net.blocks = self.net.blocks[:5]
        self.bottom = conv(c, 2*width, 1)
        self.look = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(2*width, 2*width, 1))
        self.ups = nn.ModuleList([conv(2*width + b, width), conv(width + a, width)])
        self.head = nn.Conv2d(width, 3, 1)
        for p in self.head.parameters(): nn.init.zeros_(p)
        if whole: self.load(state)
    def load(self, state):
        "First weights from another such network, as a sentence where they do not fit"
        try: self.load_state_dict(state)
        except RuntimeError as e:
            raise UsageError(f'these weights do not fit: {str(e).splitlines()[-1].strip()}', 'give a run of nir') from e
    def groups(self):
        "Parameters of the encoder, and all others"
        first = list(self.net.parameters())
        ids = {id(p) for p in first}
        return [first, [p for p in self.parameters() if id(p) not in ids]]
    def correct(self,
        x:Tensor, # `bs`x`n_in`xHxW in 0..1, sides multiples of 32
    ) -> Tensor: # `bs`x3xH/4xW/4: what is to be added to `L`, a and b, in units of 100 and 110
        "The corrections, at a quarter of the size"
        *maps,x = self.net(self.normalize(x.expand(-1, 3, -1, -1)))
        x = self.bottom(x)
        x = x + self.look(x)
        for up,skip in zip(self.ups, maps[::-1]):
            x = up(torch.cat([F.interpolate(x, scale_factor=2., mode='bilinear', align_corners=False), skip], 1))
        return self.head(x)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, or sRGB in 0..1, `bs`x3xHxW; any size
    ) -> Tensor: # RGB in -1..1, `bs`x3xHxW; a little outside where a color is not on the screen
        h,w = L.shape[-2:]
        more = self.correct(F.pad(L, (0, -w%32, 0, -h%32), mode='replicate'))
        more = F.interpolate(more, scale_factor=4., mode='bilinear', align_corners=False)[...,:h,:w]
        lab = rgb_to_lab(L) if self.n_in == 3 else F.pad(L*100, (0, 0, 0, 0, 0, 2))
        return lab_to_rgb(lab + more*L.new_tensor([100, 110, 110]).view(3, 1, 1))*2 - 1
    def color(self, out): return out

@generators('infrared', output='rgb', weights='infrared')
def _infrared(state=None): return InfraredUNet(state=state)

@generators('infrared3', output='rgb', weights='infrared', n_in=3)
def _infrared3(state=None): return InfraredUNet(3, state=state)

# %% [markdown]
# A new network must answer with what it sees, in gray for one channel and in its colors for three, at any size. A step lowers the loss, and after it every weight learns, except for shifts that a following norm takes back. Printed are the numbers of weights of the whole and of the encoder.

# %%
torch.manual_seed(seed)
for n in (1, 3):
    net,x = InfraredUNet(n).eval(),torch.rand(2, n, 45, 70)
    with torch.no_grad(): out = net(x)
    same = x if n == 3 else lab_to_rgb(F.pad(x*100, (0, 0, 0, 0, 0, 2)))
    test_close((out + 1)/2, same, eps=1e-4)
    wanted = torch.full((2, 3, size, size), -.5)
    before,after = one_step(InfraredUNet(n), (torch.rand(2, n, size, size),), wanted, lr=1e-3)
    assert after < before
nn.init.normal_(net.head.weight, 0, .1)
dead = unreached(net, torch.rand(2, 3, size, size))
assert all(k.endswith(('bn2.bias', 'bn3.bias')) for k in dead) # a norm takes a constant away again
test_fail(lambda: InfraredUNet(2), exc=UsageError, contains='1 or 3')
n_weights(net),n_weights(net.net)

# %% [markdown]
# Detail stays as it was: we set a correction that is the same everywhere, lightness down by 20, and look at stripes of one pixel. Both lightnesses go down by it, and the stripes keep their contrast of 10. The rows are $L$, $a$ and $b$ of two neighboring pixels.

# %%
net = InfraredUNet().eval()
with torch.no_grad(): net.head.bias.copy_(torch.tensor([-.2, .1, -.1]))
stripes = torch.full((1, 1, 32, 32), .5)
stripes[...,::2] = .6
with torch.no_grad(): lab = rgb_to_lab((net(stripes) + 1)/2)[0]
test_close(lab[:,0,:2], torch.tensor([[40., 30], [11, 11], [-11, -11]]), eps=.01)
other = InfraredUNet(state=net.state_dict())
test_eq(other.head.bias.data, net.head.bias.data)
test_fail(lambda: InfraredUNet(width=8, state=net.state_dict()), exc=UsageError, contains='do not fit')
lab[:,0,:2]

# %% [markdown]
# ## Thermal pictures

# %% [markdown]
# At wavelengths of some ten micrometers a camera sees how warm things are. The KAIST set, on which S3's authors tried theirs, has pictures of it with three channels. A network for them looks at three, `infrared3`, or S3's own as it was published but for its first layer, `s3_lwir`. [The table of generators](registry.ipynb) says how many channels each looks at, and the data and the [model file](../imaging/artifact.ipynb) follow from that. The numbers are the weights of `s3_lwir` and of `s3`.

# %%
wide = generators['s3_lwir']
test_eq((wide.n_in, generators['infrared3'].n_in, generators['infrared'].n_in), (3, 3, 1))
with torch.device('meta'): counts = n_weights(wide()),n_weights(generators['s3']())
first = 2*64*(7*7 + 3*3) # two channels more, in the first layers of both ways down; and no branch for saliency
test_eq(counts[0], 58_755_328 - 1_624_448 + first)
counts

# %% [markdown]
# ## What we have
#
# - `InfraredUNet`: lightness corrected, color found, detail kept;
# - generators `infrared`, and `infrared3` for three channels;
# - `infrared`, a gray function that makes practice pairs of photographs.

# %% [markdown]
# ## Exercises
#
# 1. Suppose that the correction were made at a 32nd of the size, or at the full size. What could the first no longer do, and what would the second learn from seven scenes?
# 2. Infrared goes through haze. What would a network have to learn to put it back, and would you want that?
# 3. Train `infrared` on photographs with the gray `lstar`. What should become of its correction of lightness?
