# %% [markdown]
# # 6. The critic
#
# > A second network that tells true colors from wrong ones, patch by patch
#
# **You need** [U-Net](unet.ipynb). **You get** a critic that you have trained, and a map of what it thinks of a photograph that is half right and half wrong. **Minutes:** 9.
#
# ![Photographs with a wrong right half, and the critic's verdicts.](../../asset/lessons/critic.jpg)

# %%
#| default_exp models.small_critic

# %% tags=["parameters"]
size,n_steps,seed = 64, 150, 0

# %%
#| export
import torch
from torch import nn, Tensor
from torch.nn.utils.parametrizations import spectral_norm

# %%
#| hide
import torch.nn.functional as F, numpy as np, matplotlib.pyplot as plt
from colorbook.color.lab import join_lab, show_sheet, split_lab
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## Another question

# %% [markdown]
# A loss that measures the distance from the truth asks: *is this the color that the bus had?* Nobody can know that, and so the network answers with the mean of red and blue. A better question would be: *could this be the color of a bus?* Red could, blue could, purple could not. But how does one write that question down as a formula?
#
# One does not. One trains a second network to answer it. This **critic** (in the literature also *discriminator*) gets a picture and answers with one number, its *verdict*: above zero for "real", below zero for "made up". This number is called a *logit*; the function $\sigma(s)=1/(1+e^{-s})$ turns it into a probability.
#
# What does it need to see? Not only the color. Blue is a possible color, of a sky and not of a lawn. So it gets `L` and `ab` together, three channels. Such a critic is called *conditional*.

# %% [markdown]
# ## One verdict for each patch

# %% [markdown]
# A single verdict on a whole picture would tell the generator that something is wrong, but not where. The *PatchGAN* [@isola2017] stops before everything is one number: its last layer is a small *map* of verdicts, each for one patch of the picture. Read the strides: 2, 2, 1, 1 make the map about a quarter of the size.
#
# *Spectral norm* divides the weights of each layer, written as one matrix, by (an estimate of) the largest factor by which that matrix stretches a vector. This limits how fast the verdict can change. Without it, a critic can become so sure that its verdict hardly changes when a color does, and then no choice of loss helps; try it in an exercise of [The duel](duel.ipynb).

# %%
#| export
class SmallCritic(nn.Module):
    "A PatchGAN in its shortest form: lightness and color in, verdicts out"
    def __init__(self,
        nf:int=16, # channels after the first layer, doubled by each, up to 8 nf
        strides:tuple=(2, 2, 1, 1), # of the 4x4 convolutions
        n_in:int=3, # channels that it sees: one of L, two of ab
    ):
        super().__init__()
        widths = [nf*min(2**i, 8) for i in range(len(strides) - 1)]
        widths,layers = [n_in, *widths, 1],[]
        for ni,no,stride in zip(widths, widths[1:], strides):
            conv = spectral_norm(nn.Conv2d(ni, no, 4, stride, 1))
            layers += [conv, nn.LeakyReLU(.2, inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        ab:Tensor, # color in about -1..1, `bs`x2xHxW
    ) -> Tensor: # `bs`x1xhxw logits, positive for real
        return self.layers(torch.cat([L, ab], 1))

# %% [markdown]
# For a picture of 64x64 there are 14x14 verdicts. How large is a patch? A verdict joins 4x4 values of the layer before, those 4x4 values of theirs, and so on: with these strides $1+3\,(1+2+4+4)=34$ pixels. The folded cell asks the network itself.

# %%
#| code-fold: true
torch.manual_seed(seed)
critic = SmallCritic()
verdicts = critic(torch.rand(1, 1, 64, 64), torch.rand(1, 2, 64, 64))
assert verdicts.shape == (1, 1, 14, 14)
x = torch.rand(1, 3, 96, 96, requires_grad=True)
critic(x[:,:1], x[:,1:])[0,0,10,10].backward()
seen = x.grad[0].abs().sum(0) > 0
assert seen.any(1).sum() == seen.any(0).sum() == 34

# %% [markdown]
# ## School for critics

# %% [markdown]
# To learn, a critic needs real and wrong examples. Later the generator will supply the wrong ones. For now we make them ourselves: the lightness of one photograph with the color of *another*. These are true colors, only in the wrong place; a critic that did not see `L` could never tell.
#
# Here are six right pairs and, below them, six wrong ones, cut at random from six photographs. You are a critic, too: how can you tell?

# %%
#| label: fig-lesson-pairs
#| fig-cap: "Right pairs of lightness and color above, wrong pairs below."
photos = np.stack(sample_photos(2*size))
rgb = torch.from_numpy(photos).permute(0, 3, 1, 2)/255

def crops(n):
    "Lightness and color of random crops, neighbors of different photographs"
    at = torch.randint(0, size + 1, (n, 2)).tolist()
    return split_lab(torch.stack([rgb[i%6, :, y:y + size, x:x + size]
        for i,(y,x) in enumerate(at)]))

torch.manual_seed(seed)
L,ab = crops(6)
show_sheet([join_lab(L, ab), join_lab(L, ab.roll(1, 0))], ['right', 'wrong']);

# %% [markdown]
# In the wrong ones, edges of color do not follow edges of light. That is what we expect the critic to notice.
#
# Its loss punishes a low verdict on right pairs and a high one on wrong pairs: $\log(1+e^{-s})$ for the former, $\log(1+e^{s})$ for the latter, called `softplus` in PyTorch. A critic that always says 0 ("I do not know") pays $2\log2\approx1.39$. We train two of them: the second gets the color alone.

# %%
#| slow
#| label: fig-lesson-school
#| fig-cap: "The losses of two critics. Dashed: what one pays for always saying 0."
def train(critic, see_L, n_steps):
    "Losses of a critic that learns to tell right pairs from wrong ones"
    opt,losses = torch.optim.Adam(critic.parameters(), 2e-3, betas=(.5, .99)),[]
    for _ in range(n_steps):
        L,ab = crops(12)
        L = L*see_L
        right,wrong = critic(L, ab),critic(L, ab.roll(1, 0))
        loss = F.softplus(-right).mean() + F.softplus(wrong).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses

torch.manual_seed(seed)
losses = {k: train(o, see, n_steps) for k,o,see in (
    ('sees L and ab', critic, 1), ('sees ab alone', SmallCritic(), 0))}
fig,ax = plt.subplots(figsize=(6, 2.6), layout='constrained')
for k,o in losses.items(): ax.plot(o, label=k)
ax.axhline(2*np.log(2), color='gray', ls='--', lw=1)
ax.set(xlabel='step', ylabel='loss')
ax.legend(frameon=False);

# %% [markdown]
# The critic that sees both falls below the dashed line: it has learned something. The blind one stays on the line. That is not for lack of training. Its right and its wrong examples are the same colors in another order, so whatever it says of them counts for both, and $\log(1+e^{-s})+\log(1+e^{s})$ is never less than $2\log2$.

# %%
#| slow
#| code-fold: true
blind = losses['sees ab alone']
assert min(blind) > 2*np.log(2) - 1e-4
assert np.median(losses['sees L and ab'][-20:]) < 1.2

# %% [markdown]
# ## What it sees

# %% [markdown]
# Now the exam, an easy one, since these are the photographs it learned from. The *right half* of each has the colors of another photograph; nobody has told the critic about halves. Below each are its verdicts, blue for real and red for wrong. Do they fall on the right side?

# %%
#| slow
#| label: fig-lesson-map
#| fig-cap: "Photographs with a wrong right half, and the critic's verdicts: blue for real, red for wrong."
L,ab = split_lab(rgb)
half = torch.cat([ab[...,:size], ab.roll(1, 0)[...,size:]], -1)
with torch.no_grad(): verdicts = critic.eval()(L, half)[:,0]
limit = verdicts.abs().max()
fig,axs = plt.subplots(2, 6, figsize=(9, 3.2), layout='constrained')
for up,low,picture,v in zip(*axs, join_lab(L, half), verdicts):
    up.imshow(picture.permute(1, 2, 0))
    low.imshow(v, cmap='RdBu', vmin=-limit, vmax=limit)
for ax in axs.flat: ax.axis('off')

# %%
#| slow
#| code-fold: true
n = verdicts.shape[-1]//2
halves = verdicts[...,:n - 2],verdicts[...,n + 2:]
left,right = (o.mean((1, 2)) for o in halves)
assert (left > right).sum() >= 5 and (left - right).mean() > .3

# %% [markdown]
# For the rocket and the temple it is plain: nearly all of the right half is red, nearly nothing of the left. The others are fainter. Of the astronaut and of the cup it objects to one dark place on the right, and a little to the suit on the left, where everything is as it should be. Where the two photographs have much the same color, there is nothing to object to, and it shrugs. This map is what the generator will get instead of a distance: *here it looks right, there it does not*. How a verdict becomes something that one can learn from is the subject of [From verdicts to losses](losses.ipynb). The library's [PatchGAN](../models/critics.ipynb) is this critic with more channels, for color of any kind.

# %% [markdown]
# ## Exercises
#
# 1. With strides 2, 2, 2, 1, 1, how large is a patch? Why not make it as large as the picture?
# 2. Move the color by four pixels (`ab.roll(4, -1)`) instead of exchanging it. Can the critic learn that?
# 3. Take `spectral_norm` away and train again. What does the loss do, and how large do the verdicts get?
#
# <details><summary>Solution 1</summary>
#
# $1+3\,(1+2+4+8+8)=70$, the classic PatchGAN. With one verdict for the whole picture there is less to learn from each picture, more weights are needed, and it is tied to one size.
#
# </details>
#
# <details><summary>Solution 2</summary>
#
# Yes, though more slowly: the edges of color are beside those of light. Add `critic(L, ab.roll(4, -1))` as a third term and look at the map again.
#
# </details>
#
# <details><summary>Solution 3</summary>
#
# The loss falls faster and nearly to zero, and verdicts grow to tens. For school that is fine. In a duel it means that the generator is told "wrong" with equal certainty whatever it tries.
#
# </details>
