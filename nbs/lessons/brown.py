# %% [markdown]
# # 4. The first network is brown
#
# > Why a network that is punished for its distance from the truth takes the middle of all truths
#
# **You need** [Every photo is an exercise with its solution](tasks.ipynb). **You get** your first colorizing network, trained in half a minute, and the reason why it paints everything in the color of mud. **Minutes:** 10.
#
# ![Six photographs and what the first network makes of them.](../../asset/lessons/brown.jpg)

# %%
#| default_exp models.small_plain

# %% tags=["parameters"]
size,n_steps,seed = 96, 100, 0

# %%
#| export
from torch import nn

# %%
#| hide
import torch, torch.nn.functional as F, numpy as np, matplotlib.pyplot as plt
from colorbook.color.lab import join_lab, show_row, show_sheet, split_lab
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## Ten buses

# %% [markdown]
# Imagine ten buses, six of them red and four blue, and nothing in the gray picture that says which. A network must give *one* answer for all of them, because they look the same. Its mistake is measured as a distance from the truth in the `ab` plane. Which answer has the smallest mean distance?
#
# It depends on how distance is measured. *L2* takes its square, *L1* takes it as it is (here: the sum of the distances in a and in b). We try all answers on the straight line from blue to red.

# %%
#| label: fig-lesson-buses
#| fig-cap: "The mean loss of ten buses over the answer. Below, the color of each answer; dots mark the best."
red,blue = torch.tensor([.6, .45]),torch.tensor([.2, -.7])
t = torch.linspace(0, 1, 201)[:,None]
answers = blue + t*(red - blue)
losses = {k: .6*f(answers - red) + .4*f(answers - blue) for k,f in dict(
    L2=lambda d: d.square().sum(1), L1=lambda d: d.abs().sum(1)).items()}
best = {k: o.argmin().item() for k,o in losses.items()}
fig,axs = plt.subplots(2, 1, figsize=(6, 3), height_ratios=(4, 1),
    layout='constrained')
for k,o in losses.items():
    axs[0].plot(t, o, label=k)
    axs[0].plot(t[best[k]], o[best[k]], 'ko', ms=5)
axs[0].legend(frameon=False)
axs[0].set(ylabel='mean loss', xlim=(0, 1))
strip = join_lab(torch.full((1, 1, 1, 201), .5), answers.T[None,:,None])
axs[1].imshow(strip[0].permute(1, 2, 0), aspect='auto', extent=(0, 1, 0, 1))
axs[1].set(yticks=[], xlabel='from blue (0) to red (1)');

# %% [markdown]
# The squares are smallest at 0.6, a rose that no bus ever had: the *average* of the truths. L1 is smallest at 1, plain red: the *median*, the color of the majority. Squares punish one large mistake more than many small ones and therefore avoid taking sides. L1 takes the side of the majority and gives up the rest.

# %%
#| code-fold: true
assert abs(t[best['L2']].item() - .6) < 1e-3 and best['L1'] == 200
mean = .6*red + .4*blue
assert torch.allclose(answers[best['L2']], mean, atol=1e-3)

# %% [markdown]
# ## A network

# %% [markdown]
# Now the same with photographs. Our first network is a stack of *convolutions*: each value of the next layer is a weighted sum over a neighborhood of 3x3 in the layer before, with the same weights at every place, and a bend at zero (*ReLU*) behind it; `BatchNorm2d` between the two keeps the numbers at a scale on which one can learn, which the next lesson says more about. Four such convolutions, the last without norm and bend, keep the size of the picture and go from one channel (`L`) to two (`ab`).

# %%
#| export
def plain_net(
    nf:int=24, # channels of the layers between
) -> nn.Module: # `bs`x1xHxW to `bs`x2xHxW
    "Four convolutions that keep the size"
    def conv(ni): return nn.Sequential(nn.Conv2d(ni, nf, 3, padding=1),
        nn.BatchNorm2d(nf), nn.ReLU())
    return nn.Sequential(conv(1), conv(nf), conv(nf),
        nn.Conv2d(nf, 2, 3, padding=1))

# %% [markdown]
# The exercises are six photographs, and we will test on the same six. That is a test nobody should fail: the network has the solutions in front of it.

# %%
torch.manual_seed(seed)
net = plain_net()
photos = np.stack(sample_photos(size))
rgb = torch.from_numpy(photos).permute(0, 3, 1, 2)/255
L,ab = split_lab(rgb)
f'{sum(p.numel() for p in net.parameters()):,} weights, {ab.numel():,} answers'

# %% [markdown]
# ## Training, watched

# %% [markdown]
# Each step: answer all six, measure the mean squared distance, follow it back to every weight (`backward`), move the weights a little (`step`; *Adam* is a rule for how far each moves). Every 25 steps we keep the pictures. Look for the first color that appears, and for the ones that never do.

# %%
#| slow
#| label: fig-lesson-training
#| fig-cap: "The plain network's answers while it learns, from the first step on, and the truth below."
opt = torch.optim.Adam(net.parameters(), 1e-2)
losses,rows,names = [],[],[]
for step in range(n_steps + 1):
    if step%(n_steps//4) == 0:
        with torch.no_grad(): rows.append(join_lab(L, net(L).clamp(-1, 1)))
        names.append(f'step {step}')
    loss = F.mse_loss(net(L), ab)
    opt.zero_grad()
    loss.backward()
    opt.step()
    losses.append(loss.item())
show_sheet([*rows, rgb], [*names, 'truth']);

# %% [markdown]
# It begins with a tint by chance, here green. After 25 steps everything is grayish, after 50 everything is brown, with some blue in the darkest parts, and there it stays. Suit and skin, cat, cup and temple get the same color where they have the same gray. The deep red of the saucer and of the temple, the blue of the flag, the green around the flower never come, although the network has seen them in every single step.
#
# Is this a matter of patience? Look at the loss.

# %%
#| slow
#| label: fig-lesson-mse
#| fig-cap: "The loss, and (dashed) what one gets for answering every pixel with the mean color of all."
mean = ab.mean((0, 2, 3), keepdim=True)
fig,ax = plt.subplots(figsize=(6, 2.4), layout='constrained')
ax.plot(losses)
ax.axhline((ab - mean).square().mean(), color='gray', ls='--', lw=1)
ax.set(xlabel='step', ylabel='mean squared error', yscale='log');

# %% [markdown]
# The curve falls below the dashed line, the loss of the best single color for everything, and then hardly moves. The network has found out a little more than the mean color: which colors go with which gray and with which kind of texture. The rest it *cannot* know.

# %%
#| slow
#| code-fold: true
fake = net.eval()(L).detach()
assert losses[-1] < (ab - mean).square().mean()
assert fake.norm(dim=1).mean() < .8*ab.norm(dim=1).mean() # pale
angle = torch.atan2(*(fake.mean((0, 2, 3)).flip(0)))
assert .2 < angle < 2 # between red and yellow: brown

# %% [markdown]
# ## Why brown?

# %% [markdown]
# Two reasons, and they need two remedies.
#
# **It does not see what it colors.** Each of four 3x3 convolutions reaches one pixel further, so an answer depends on a *patch* of 9x9 pixels. Such a gray patch may be cheek, clay or cloud. To the network these are ten buses. A better network looks further: [U-Net](unet.ipynb).
#
# **It is punished for taking sides.** Where the truth cannot be known, squares are smallest at the mean, and the mean of the colors of the world is a grayish brown. No better network helps against this, since some things *are* unknowable: the bus. L1 takes a side more often, but it is the side of the majority, which is gray or brown, too. What helps is another question: not "how far from the truth", but "could this be true?" [The critic](critic.ipynb) asks it.

# %% [markdown]
# Both reasons in one picture: the same plain network knows the mean color for each gray, and not much more. On the left is what the network paints for the cat, in the middle what a table with one color for each gray value would paint, on the right the truth.

# %%
#| slow
#| label: fig-lesson-table
#| fig-cap: "The network's answer, the mean color of each gray value, and the truth."
level = (L*15).round().long()
table = torch.stack([ab.permute(1, 0, 2, 3)[:,level[:,0] == o].mean(1)
    if (level == o).any() else torch.zeros(2) for o in range(16)])
by_gray = join_lab(L, table[level[:,0]].permute(0, 3, 1, 2))
pictures = join_lab(L, fake)[1],by_gray[1],rgb[1]
show_row(pictures, ['network', 'table', 'truth'], width=7)

# %% [markdown]
# ## Exercises
#
# 1. Make the buses five to five. What do L1 and L2 answer now?
# 2. Replace `F.mse_loss` by `F.l1_loss` and train again. Is the result more colorful?
# 3. How many 3x3 convolutions would a plain network need to see 96 pixels? What would speak against that?
#
# <details><summary>Solution 1</summary>
#
# L2 answers the middle. For L1 every answer between the two is equally good: the loss is flat, and chance decides.
#
# </details>
#
# <details><summary>Solution 2</summary>
#
# No, rather grayer: most pixels of most photographs are nearly gray, and the median of many grays and a few colors is gray.
#
# </details>
#
# <details><summary>Solution 3</summary>
#
# Each adds two pixels to the side, so 48 of them. All would work at full size, which is slow, and a stack so deep is hard to train. Making the picture smaller reaches as far in five steps.
#
# </details>
