# %% [markdown]
# # An energy-based critic (EBGAN)
#
# > An auto-encoder as critic: it redraws what it sees, and what it cannot redraw counts as false
#
# A [critic with verdicts](critics.ipynb) learns from photographs and from fakes. The discriminator of an energy-based GAN (EBGAN) can learn from photographs alone: it is a network that redraws what it sees, and whatever it redraws badly is suspect. We build the one that S4 used, with a measure that means the same at every size of picture and batch, and see what it makes of colors that it has never met. A last term notices when a generator has only one answer.

# %%
#| default_exp models.energy_critic

# %% tags=["parameters"]
size,steps,seed = 64,60,2

# %%
#| export
import math, torch, torch.nn.functional as F
from typing import NamedTuple
from torch import nn, Tensor
from colorbook.models.layers import adapt, concat_condition, critic_block
from colorbook.models.registry import critics

# %%
#| hide
import numpy as np, matplotlib.pyplot as plt
from fastcore.test import *
from colorbook.color.lab import join_lab, split_lab
from colorbook.data.photos import sample_photos
from colorbook.models.inspect import n_weights

# %% [markdown]
# ## Energy

# %% [markdown]
# An auto-encoder squeezes a picture through a narrow place, a small map called the *code*, and draws it again from there. It learns to redraw what it is trained on; where it fails, the picture must be of another kind. The distance between the picture and the drawing is called its *energy*.

# %% [markdown]
# In an energy-based GAN [@zhao2017] the critic $A$ is such an auto-encoder. How is the distance measured? S4 takes the root of the sum of squares over the *whole batch*, and divides by the number of pictures (it also adds the lightness to picture and drawing, which cancels):
#
# $$E_{S4}=\frac1n\sqrt{\sum_{i,c,p}\left(A(c_i)-c_i\right)^2}$$
#
# Double the side of the pictures and this doubles; repeat the batch four times and it is half. The loss compares it with a fixed margin of 80, which therefore means something else at every size. With a distance of $r$ at every pixel, S4's energy at 256 pixels is $128\,r$ for a batch of 4 and $45\,r$ for one of 32, the two batch sizes it was run with.

# %%
def published(drawn, color):
    "S4's energy"
    return (drawn - color).square().sum().sqrt()/len(color)

off = torch.full((4, 2, 256, 256), math.sqrt(.5))
test_close(published(off, 0*off), 128, eps=.1)
test_close(published(off.repeat(8, 1, 1, 1), 0*off.repeat(8, 1, 1, 1)), 128/math.sqrt(8), eps=.1)
test_close(published(off[...,::2,::2], 0*off[...,::2,::2]), 64, eps=.1)
published(off.repeat(8, 1, 1, 1), 0*off.repeat(8, 1, 1, 1))

# %% [markdown]
# We take the distance in the plane of $a$ and $b$, its mean square over the pixels of *one* picture, and the root:
#
# $$E(c)=110\sqrt{\frac1P\sum_p\left\|A(c)_p-c_p\right\|^2}$$
#
# The factor makes it a distance in units of Lab, so an energy can be read: with 5 one has to look twice to see a difference, with 80 the drawing shows something else. S4's margin of 80, at its batch of four, stands for 69 units of Lab; here it is 80 units. For RGB in -1..1 the factor is 127.5 and the unit a gray level.

# %%
#| export
def energy(
    drawn:Tensor, # what the auto-encoder made of it, `bs`xCxhxw
    color:Tensor, # the picture's color, the same shape
    unit:float=110., # how many units of Lab (or levels) make 1
) -> Tensor: # `bs`x1x1x1, 0 for a perfect drawing
    "Root mean square distance of a drawing from the picture, pixel by pixel in the space of its colors"
    far = torch.linalg.vector_norm(drawn - color, dim=(1, 2, 3), keepdim=True)
    return unit*far/math.sqrt(color.shape[-2]*color.shape[-1])

# %%
drawn,color = torch.zeros(2, 2, 1, 2),torch.tensor([[[[.3, 0]], [[.4, .1]]], [[[0., 0]], [[0, 0]]]])
test_close(energy(drawn, color).flatten(), torch.tensor([110*math.sqrt((.3**2 + .4**2 + .1**2)/2), 0]), eps=1e-5)
for o in (lambda x: x.repeat(1, 1, 2, 3), lambda x: x.repeat(4, 1, 1, 1)):
    test_close(energy(o(drawn), o(color))[:2], energy(drawn, color), eps=1e-5)
still = color.clone().requires_grad_()
assert torch.autograd.grad(energy(color, still).sum(), still)[0].isfinite().all()
energy(drawn, color).flatten()

# %% [markdown]
# (The cell also asks for the gradient where a drawing is perfect and the root has a corner: torch gives 0 there, not `nan`.)

# %% [markdown]
# ## The auto-encoder

# %% [markdown]
# S4's auto-encoder has four convolutions of stride 2 down to 512 channels and four transposed ones up again, to a $\tanh$. It returns the energy and the code, which the pull-away term below needs, together as an `EnergyOutput`.
#
# Sizes that are no multiple of 16 are padded with copies of their edge, and the drawing is cut to size before it is compared. S4's auto-encoder is called conditional, but the lightness that it puts on both sides of the difference cancels. Ours, where it is conditional, *sees* the lightness while it draws the color: it may know that skies are blue.

# %%
#| export
class EnergyOutput(NamedTuple):
    "What an energy-based critic says of a batch"
    energy:Tensor # `bs`x1x1x1: low for real
    code:Tensor # `bs`xKxh/16xw/16: what it saw

# %%
#| export
@critics('energy', energy=True, mixes=True)
class EnergyCritic(nn.Module):
    "The critic of EBGAN (Zhao et al. 2017) as S4 has it: an auto-encoder of color"
    def __init__(self,
        n_color:int=2, # color channels: 2 for ab, 3 for RGB
        conditional:bool=False, # see `L` while drawing? S4's does not
        nf:int=64, # channels after the first layer
        norm:str='batch', # key of `colorbook.models.layers.norms`
        spectral:bool=False, # spectral norm in every layer?
    ):
        super().__init__()
        self.conditional,self.unit = conditional,110. if n_color == 2 else 127.5
        chans = [n_color + conditional, nf, 2*nf, 4*nf, 8*nf]
        downs = [critic_block(i, o, 4, 2, 1, n > 0) for n,(i,o) in enumerate(zip(chans, chans[1:]))]
        self.encoder = nn.Sequential(*downs)
        ups = [nn.Sequential(nn.ConvTranspose2d(2*o, o, 4, 2, 1), nn.BatchNorm2d(o), nn.ReLU(inplace=True))
               for o in (4*nf, 2*nf, nf)]
        self.decoder = nn.Sequential(*ups, nn.ConvTranspose2d(nf, n_color, 4, 2, 1), nn.Tanh())
        adapt(self, norm, spectral)
    def draw(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW
        color:Tensor, # about -1..1, `bs`x`n_color`xhxw, any size
    ) -> tuple[Tensor,Tensor]: # the drawing, shape of `color`, and the code
        "The picture through the narrow place"
        h,w = color.shape[-2:]
        x = concat_condition(L, color) if self.conditional else color
        code = self.encoder(F.pad(x, (0, -w%16, 0, -h%16), mode='replicate'))
        return self.decoder(code)[...,:h,:w],code
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW; it is averaged to the size of `color`
        color:Tensor, # about -1..1, `bs`x`n_color`xhxw, any size
    ) -> EnergyOutput: # energies and codes
        "How far each picture is from its drawing"
        drawn,code = self.draw(L, color)
        return EnergyOutput(energy(drawn, color, self.unit), code)

# %%
chans = [2, 64, 128, 256, 512]
down = sum(16*i*o + o for i,o in zip(chans, chans[1:])) + 2*(128 + 256 + 512)
up = sum(16*i*o + i for i,o in zip(chans, chans[1:])) + 2*(64 + 128 + 256)
with torch.device('meta'):
    test_eq(n_weights(EnergyCritic()), down + up)
    test_eq(n_weights(EnergyCritic(conditional=True)) - down - up, 16*64)
torch.manual_seed(seed)
critic = EnergyCritic(nf=4)
L,color = torch.rand(3, 1, 50, 70),torch.rand(3, 2, 50, 70)*2 - 1
said = critic(L, color)
test_eq((said.energy.shape, said.code.shape), ((3, 1, 1, 1), (3, 32, 4, 5)))
test_close(said.energy, energy(critic.draw(L, color)[0], color), eps=1e-4)
down + up

# %%
torch.manual_seed(seed)
asked = L.clone().requires_grad_()
def of_L(critic): return torch.autograd.grad(critic(asked, color).energy.sum(), asked, allow_unused=True)[0]
assert of_L(EnergyCritic(nf=4)) is None and of_L(EnergyCritic(nf=4, conditional=True)).abs().max() > 0
for kw in (dict(norm='instance'), dict(norm='group'), dict(norm='none', spectral=True)):
    assert EnergyCritic(3, True, 4, **kw)(L, torch.rand(3, 3, 50, 70)).energy.isfinite().all()
test_eq(EnergyCritic(3).unit, 127.5)

# %% [markdown]
# ## What it says of colors it has never seen

# %% [markdown]
# We train a small one on crops of photographs, on nothing else, to draw what it sees, and then ask about the same photographs with hues turned by 120 degrees and about colors shuffled from pixel to pixel. It has seen neither, and its energy is larger for both, as the means below say. There is a weakness: a critic that learns to redraw *anything* can no longer tell pictures apart. To keep it from that is what the margin in the [loss](../losses/adversarial.ipynb#energy) is for.

# %%
side = size//2
rgb = torch.stack([torch.from_numpy(np.array(o)) for o in sample_photos(size=3*side)]).permute(0, 3, 1, 2)/255
light,ab = split_lab(rgb)

def color_crops(bs):
    "Random crops of `ab`"
    at = torch.randint(0, 2*side + 1, (bs, 2)).tolist()
    return torch.stack([ab[i%len(ab), :, y:y + side, x:x + side] for i,(y,x) in enumerate(at)])

def learn_to_draw(critic, steps=steps, bs=24, lr=4e-3):
    "Lower the energy of photographs"
    opt,losses = torch.optim.Adam(critic.parameters(), lr, betas=(.5, .99)),[]
    for _ in range(steps):
        loss = critic(None, color_crops(bs)).energy.mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses

# %%
torch.manual_seed(seed)
critic = EnergyCritic(nf=8)
losses = learn_to_draw(critic)
c,s = math.cos(math.radians(120)),math.sin(math.radians(120))
turned = torch.einsum('ij,bjhw->bihw', torch.tensor([[c, -s], [s, c]]), ab)
shuffled = ab.flatten(2)[...,torch.randperm(ab.shape[-1]**2)].view_as(ab)
critic.eval()
with torch.no_grad(): energies = {k: critic(None, v).energy.flatten() for k,v in
    {'photograph': ab, 'hue turned': turned, 'shuffled': shuffled}.items()}
means = {k: v.mean().item() for k,v in energies.items()}
assert sum(losses[-5:]) < .6*sum(losses[:5])
for k in ('hue turned', 'shuffled'):
    assert means[k] > 1.1*means['photograph'] and (energies[k] > energies['photograph']).sum() >= 5
means

# %%
#| label: fig-drawings
#| fig-cap: "A photograph, its hues turned, its colors shuffled; below, what the critic draws of each, and the energy."
def show_drawings(pictures, i=0):
    "Pictures, their drawings at the same lightness, and their energies"
    fig,axs = plt.subplots(2, len(pictures), figsize=(2.2*len(pictures), 4.6), layout='constrained')
    for (top,low),(name,o) in zip(axs.T, pictures.items()):
        with torch.no_grad(): drawn = critic.draw(None, o[i:i + 1])[0]
        for ax,c in ((top, o[i:i + 1]), (low, drawn)): ax.imshow(join_lab(light[i:i + 1], c)[0].permute(1, 2, 0))
        low.set_title(f'energy {critic(None, o[i:i + 1]).energy.item():.1f}', fontsize=9)
        top.set_title(name, fontsize=9)
    for ax in axs.flat: ax.axis('off')
show_drawings({'photograph': ab, 'hue turned': turned, 'shuffled': shuffled})

# %% [markdown]
# In @fig-drawings compare each upper picture with the one below it. Of the photograph it draws the orange suit again, with soft edges, and loses small things such as the badge. Of the turned hues it can draw almost none: the green suit comes out gray. The shuffled colors, in which each pixel has another, come out as one smooth pale brown, because no photograph has taught it such detail in color. The worse the drawing, the higher the energy.

# %% [markdown]
# ## When all answers are alike

# %% [markdown]
# A generator that has found *one* picture of low energy can return it always. The pull-away term [@zhao2017] raises the price of that. For the codes $s_1,\dots,s_n$ of a batch of generated pictures it is the mean squared cosine over all pairs,
#
# $$\ell_{PT}=\frac1{n(n-1)}\sum_i\sum_{j\ne i}\left(\frac{s_i^\top s_j}{\|s_i\|\,\|s_j\|}\right)^2,$$
#
# 1 where all codes point the same way and 0 where they are orthogonal. S4 planned it with a weight of 0.1 and did not get to it. One picture alone has no pair, and the term is 0. The cell compares with the sum over all pairs written out.

# %%
#| export
def pull_away(
    code:Tensor, # codes of generated pictures, `bs`x...
) -> Tensor: # scalar in 0..1, 0 for a single picture
    "Mean squared cosine between the codes of different pictures (Zhao et al. 2017, equation 6)"
    s,n = F.normalize(code.flatten(1), dim=1),len(code)
    return ((s @ s.T).square().sum() - s.square().sum(1).square().sum())/max(n*(n - 1), 1)

# %%
torch.manual_seed(seed)
codes = torch.randn(5, 6, 2, 2)
flat,total = codes.flatten(1).tolist(),0
for i,a in enumerate(flat):
    for j,b in enumerate(flat):
        if i != j: total += (sum(x*y for x,y in zip(a, b))/math.hypot(*a)/math.hypot(*b))**2
test_close(pull_away(codes), total/20, eps=1e-5)
test_close(pull_away(torch.eye(4)), 0, eps=1e-6)
test_close(pull_away(codes[:1].repeat(4, 1, 1, 1)), 1, eps=1e-5)
test_close(pull_away(codes*torch.tensor([1., -2, 3, 4, 5]).view(5, 1, 1, 1)), total/20, eps=1e-5)
test_close(pull_away(codes[:1]), 0, eps=1e-6)
pull_away(codes)

# %% [markdown]
# Does it depend on sizes? A code that is tiled has the same cosines, so the size of the picture does not matter. A batch repeated $k$ times has a larger value, and should, because it consists of twins: $\left(k(n-1)\,\ell+k-1\right)/(kn-1)$. For pictures that are drawn independently the mean is the same whatever the batch. The two numbers below are for random codes, in batches of eight and of four hundred.

# %%
n,k = len(codes),3
test_close(pull_away(codes.repeat(1, 1, 2, 2)), pull_away(codes), eps=1e-5)
expected = (k*(n - 1)*pull_away(codes) + k - 1)/(k*n - 1)
test_close(pull_away(codes.repeat(k, 1, 1, 1)), expected, eps=1e-5)
many = torch.randn(400, 50)
groups = torch.stack([pull_away(o) for o in many.split(8)]).mean()
test_close(groups, pull_away(many), eps=2e-3)
test_close(pull_away(many), 1/50, eps=2e-3)
groups,pull_away(many)

# %% [markdown]
# Both are $1/50$, the mean squared cosine between two random codes of 50 numbers.

# %% [markdown]
# ## What we have
#
# - `EnergyCritic`, the discriminator of EBGAN, which draws color and says in units of Lab how badly: an `EnergyOutput`;
# - `energy`, a distance that depends neither on the size of a picture nor on that of the batch;
# - `pull_away`, which is 1 for a generator that has only one answer.

# %% [markdown]
# ## Exercises
#
# 1. Make the narrow place of the auto-encoder wide (`nf=64`) and train it longer, at a lower learning rate. Does the energy of the turned hues fall with that of the photographs?
# 2. Compare the [loss](../losses/adversarial.ipynb) that goes with it. What happens if the margin is smaller than the energy of photographs?
