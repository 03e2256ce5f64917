# %% [markdown]
# # 5. U-Net
#
# > A network that sees far and still knows where the edges are
#
# **You need** [The first network is brown](brown.ipynb). **You get** the generator of this course, in twenty lines, and a race between it and the plain network. **Minutes:** 10.
#
# ![Held-out seconds of the film: gray, plain network, U-Net, truth.](../../asset/lessons/unet.jpg)

# %%
#| default_exp models.small_unet

# %% tags=["parameters"]
size,n_steps,seed = (48, 80),100,0

# %%
#| export
import torch
from torch import nn, Tensor

# %%
#| hide
import torch.nn.functional as F
from colorbook.color.lab import join_lab, show_row, show_sheet
from colorbook.data.film_tasks import film_tasks
from colorbook.evaluation.metrics import colorfulness_ratio, psnr
from colorbook.models.small_plain import plain_net

# %% [markdown]
# ## Down and up again

# %% [markdown]
# The plain network was brown because each of its answers came from a small patch. To see more, let the network make the picture *smaller*: a convolution with a stride of 2 looks at every second place only, and its output has half the rows and half the columns. After four of them our pictures of 48x80 are 3x5, and each of these 15 places has seen a large part of the picture. That is where the network can know *what* it sees: a meadow, a sky.
#
# But the answer must be large again. A *transposed convolution* does the reverse and doubles the size. What went down to 3x5 and up again has forgotten where the edges were. So at each size the network gets back what it knew there on the way down: these *skip connections* are the bars across the letter U [@ronneberger2015]. Read `forward`: down, remembering; up, with what was remembered beside it. (`4, 2, 1` are the side of the window, the stride, and a border of zeros.)

# %%
#| export
class SmallUNet(nn.Module):
    "A U-Net in its shortest form: lightness in, color out, at the same size"
    def __init__(self,
        nf:int=24, # channels after the first step down
        n_out:int=2, # channels of the answer
    ):
        super().__init__()
        def step(conv, ni, no): # half or twice the size, normalized, bent
            return nn.Sequential(conv(ni, no, 4, 2, 1, bias=False),
                nn.BatchNorm2d(no), nn.LeakyReLU(.2))
        a,b,c = nf,2*nf,4*nf
        widths = (1, a), (a, b), (b, c), (c, c)
        self.downs = nn.ModuleList([step(nn.Conv2d, *o) for o in widths])
        widths = (c, c), (2*c, b), (2*b, a) # two: from below, from the left
        self.ups = nn.ModuleList([step(nn.ConvTranspose2d, *o) for o in widths])
        self.head = nn.ConvTranspose2d(2*a, n_out, 4, 2, 1)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, sides multiples of 16
    ) -> Tensor: # color in -1..1, `bs`x`n_out`xHxW
        x,seen = 2*L - 1,[]
        for down in self.downs: seen.append(x := down(x))
        for up,skip in zip(self.ups, seen[-2::-1]):
            x = torch.cat([up(x), skip], 1)
        return self.head(x).tanh()
    def color(self, out): return out # what the critic sees is the answer itself

# %% [markdown]
# Three details. *Batch norm* brings the values of each channel to mean 0 and deviation 1, so that no layer has to chase the scale of another. *Leaky ReLU* is the bend without which any stack of convolutions would be one convolution. And `tanh` keeps the answer in -1..1, where `ab` lives. What comes out has the size of what went in.

# %%
#| code-fold: true
torch.manual_seed(seed)
net = SmallUNet().eval()
assert net(torch.rand(2, 1, *size)).shape == (2, 2, *size)
assert sum(p.numel() for p in net.parameters()) == 574_178

# %% [markdown]
# ## What one answer sees

# %% [markdown]
# How far does it look? Ask the network itself: change one pixel of the answer, follow the gradient back, and mark every pixel of the question that matters. Bright is much, dark is nothing. Compare the two squares.

# %%
#| label: fig-lesson-field
#| fig-cap: "What one pixel of the answer depends on: the plain network, the U-Net."
def field(net):
    "How strongly the middle of the answer depends on each pixel"
    L = torch.rand(1, 1, 96, 160, requires_grad=True)
    net.eval()(L)[0,:,48,80].sum().backward()
    return L.grad[0].abs()

torch.manual_seed(seed)
fields = [field(plain_net()), field(SmallUNet())]
show_row([(o/o.max())**.3 for o in fields], ['plain', 'U-Net'], width=7)

# %% [markdown]
# The plain network decides from 9x9 pixels. The U-Net sees a square more than sixty pixels wide, and what is near counts much more than what is far. The nested squares are its layers of different size at work.

# %%
#| code-fold: true
def extent(o): return [int((o[0].sum(d) > 0).sum()) for d in (1, 0)]
assert extent(fields[0]) == [9, 9] and min(extent(fields[1])) > 60

# %% [markdown]
# ## The race

# %% [markdown]
# Same film, same loss (mean squared error), same number of steps, same batches; only the network differs. The score is on frames that neither has seen in color. *PSNR* is closeness to the truth in decibels, more is better; the second number is the *colorfulness ratio*, how colorful the answers are, 1 for as colorful as the truth.

# %%
#| slow
learn,held = film_tasks(size=size)

def train(net, n_steps, lr=3e-3):
    "Answers to the held-out questions after some steps"
    torch.manual_seed(seed)
    opt = torch.optim.Adam(net.parameters(), lr)
    for _ in range(n_steps):
        i = torch.randint(len(learn.L), (16,))
        loss = F.mse_loss(net.train()(learn.L[i]), learn.ab[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad(): ab = net.eval()(held.L).clamp(-1, 1)
    return join_lab(held.L, ab)

torch.manual_seed(seed)
nets = dict(plain=plain_net(), unet=SmallUNet())
answers = dict(gray=held.L.expand(-1, 3, -1, -1)) | {
    k: train(o, n_steps) for k,o in nets.items()}
scores = {k: (psnr(o, held.rgb).mean().item(), colorfulness_ratio(o, held.rgb))
    for k,o in answers.items()}
{k: [round(v, 2) for v in o] for k,o in scores.items()}

# %%
#| slow
#| code-fold: true
if n_steps >= 100:
    assert scores['unet'][0] > scores['plain'][0] > scores['gray'][0]
    assert scores['unet'][1] > scores['plain'][1]

# %% [markdown]
# Both beat gray by far: in this film a bright pixel of a smooth patch *is* sky, and even 9x9 pixels tell much. The U-Net is ahead in both numbers, and most of its work is done on small maps. Look at the letters in the fourth column, and at the blue in the trees.

# %%
#| slow
#| label: fig-lesson-race
#| fig-cap: "Held-out frames: gray, plain network, U-Net, truth. Big Buck Bunny (c) 2008 Blender Foundation."
pick = torch.linspace(0, len(held.L) - 1, 6).long()
show_sheet([*(o[pick] for o in answers.values()), held.rgb[pick]],
    ['gray', 'plain', 'U-Net', 'truth']);

# %% [markdown]
# White letters or a bright rim of sky: in a patch of 9x9 pixels they look the same, and the plain network paints both yellow. The U-Net leaves the letters white, makes that sky violet and finds some of the blue between the trees. It is not perfect: where it is unsure it is pale, because squares ask it to be, and it leaves a fine grid. That is what the next three lessons are about.
#
# ## A head start

# %% [markdown]
# This network began with random weights and had 237 pictures. Nobody can learn from these that fire engines are red. What helps is an *encoder* (the half that makes the picture smaller) that has already learned to *recognize* things in a million photographs: its features know "dog" and "sky", and only the way up has to learn colors. The library builds a U-Net [on any such encoder](../models/encoder_unet.ipynb), and [the one that ships](../models/encoder_unet.ipynb) also leaves out the last two steps up, since the eye hardly sees color at full size.

# %% [markdown]
# ## Exercises
#
# 1. Remove the skip connections: let `forward` use `torch.zeros_like(skip)`. What do the pictures look like after the same training?
# 2. About how many weights does `SmallUNet(48)` have, compared with `SmallUNet(24)`? Guess first.
# 3. Train the U-Net for 1,000 steps: set `n_steps = 1000` in the first cell, or run `python book.py lessons/unet -p n_steps 1000`. Does the score on held-out frames still grow?
#
# <details><summary>Solution 1</summary>
#
# Colors bleed over all edges in blocks of 16 pixels: the network knows what is in the picture and has forgotten where. PSNR falls by a few decibels.
#
# </details>
#
# <details><summary>Solution 2</summary>
#
# Four times as many. A convolution has (channels in) x (channels out) x 16 weights, and both factors double.
#
# ```python
# [sum(p.numel() for p in SmallUNet(o).parameters()) for o in (24, 48)]
# ```
#
# </details>
#
# <details><summary>Solution 3</summary>
#
# It grows more and more slowly, while the loss on the frames to learn from goes on falling: from some point on the network learns those by heart. Held-out frames show it; the training loss never would.
#
# </details>
