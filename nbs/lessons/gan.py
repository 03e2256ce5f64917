# %% [markdown]
# # 9. A GAN that colors
#
# > From noise to a meadow in one minute, judged on seconds that it has never seen in color
#
# **You need** [The duel](duel.ipynb), and the networks of [U-Net](unet.ipynb) and [The critic](critic.ipynb). **You get** a GAN that you have trained yourself, its course in pictures, and two numbers that say how good it is. **Minutes:** 10, of which one is training.
#
# ![Frames that the GAN has never seen in color: gray, its answers, the truth.](../../asset/lessons/gan.jpg)

# %% tags=["parameters"]
size,n_epochs,seed = (80, 144), 14, 0

# %%
import json, numpy as np, torch, matplotlib.pyplot as plt
from PIL import Image
from fastai.vision.all import *
from IPython.display import display
from colorbook.color.lab import join_lab, show_sheet
from colorbook.data.film_tasks import film_tasks
from colorbook.evaluation.metrics import colorfulness_ratio, psnr
from colorbook.losses.basic import L1Loss, LogisticLoss
from colorbook.models.critics import PatchCritic
from colorbook.models.small_unet import SmallUNet
from colorbook.training.small_gan import SmallGAN, SmallGANCallback

# %% [markdown]
# ## The film

# %% [markdown]
# The data are the [exercises](tasks.ipynb) that we made from *Big Buck Bunny*: the first two thirds of each shot to learn from, the last third held out. A cartoon is an easy start, because it has few colors and repeats them. [S0](../../appendix/systems.qmd#s0), too, learned from one. Look at the held-out frames in gray; the GAN will get no more than this.

# %%
#| label: fig-lesson-gray
#| fig-cap: "Six held-out frames, as the generator gets them."
learn,held = film_tasks(size=size)
pick = torch.linspace(0, len(held.L) - 1, 6).long()
show_sheet([held.L[pick]]);

# %% [markdown]
# Meadow, trees, a brook, sky, the title, and a burrow: if you know the film you color them in your head. The network has to learn it.

# %% [markdown]
# ## The networks

# %% [markdown]
# The generator is the U-Net of lesson 5, from `L` to `ab`. The critic is the patch critic of lesson 6 in the library's form; it sees `L` beside the color and gives a verdict for each patch of 34 pixels. The loss of the generator has two parts. *L1*, the mean distance from the truth, times 100, keeps colors where they belong. The critic's verdict, by the log loss of lesson 7, keeps them from fading. The callback of lesson 8 does both halves of each step.

# %%
def new_learner(weight=1.):
    "Networks with fresh weights, and all that trains them"
    set_seed(seed)
    pairs = [list(zip(o.L, o.ab)) for o in (learn, held)]
    dls = DataLoaders.from_dsets(*pairs, bs=16, shuffle=True, drop_last=True,
        num_workers=0, device='cpu')
    gan = SmallGAN(SmallUNet(24), PatchCritic(nf=16, strides=(2, 2, 1, 1)))
    learner = Learner(dls, gan, L1Loss(100), opt_func=Adam, wd=0.,
        splitter=lambda gan: [params(o) for o in gan.children()],
        cbs=SmallGANCallback(LogisticLoss(), weight))
    learner.remove_cb(ProgressCallback)
    learner.logger = noop
    return learner

learner = new_learner()
{k: sum(p.numel() for p in o.parameters())
    for k,o in learner.model.named_children()}

# %% [markdown]
# Half a million weights to paint, 43,000 to judge: both are tiny. Many GANs use a momentum of .5 instead of .9, since the direction that was right ten steps ago may be wrong now. Here one cycle moves it from .95 to .85 and back; to try the other, pass `moms=(.5, .5, .5)` to the Learner.

# %% [markdown]
# ## One minute of training

# %% [markdown]
# To see it learn we need a picture every few steps. This callback colors the six held-out frames and adds a row to the sheet, and it writes down what each of the two networks paid.

# %%
class Watch(Callback):
    "A row of held-out frames every `every` steps, and the losses of each step"
    def __init__(self, every=28): self.every,self.names,self.rows = every,[],[]
    def before_fit(self):
        self.losses,self.place = [],display('...', display_id=True)
    def look(self):
        "Color the held-out frames, as they are now"
        net = self.model.generator.eval()
        with torch.no_grad(): answer = net(held.L[pick])
        net.train()
        self.rows.append(join_lab(held.L[pick], answer))
        self.names.append(f'step {self.train_iter}')
        fig = show_sheet([*self.rows, held.rgb[pick]], [*self.names, 'truth'])
        self.place.update(fig)
        plt.close(fig)
    def before_batch(self):
        if self.training and self.train_iter%self.every == 0: self.look()
    def after_batch(self):
        if self.training: self.losses.append(
            [o.item() for o in (self.adversary.content/100, self.adversary.gen,
                self.adversary.crit)])
    def after_fit(self): self.look()

# %% [markdown]
# Now the training: the learning rate rises for a quarter of the time and then falls to nothing (*one cycle*), so that the end is calm. In a notebook the sheet grows while you watch; on this page you see it finished. Look at which colors come first, and at what happens to the sky.

# %%
#| slow
#| label: fig-lesson-evolution
#| fig-cap: "Held-out frames while the GAN learns, and the truth. Big Buck Bunny (c) 2008 Blender Foundation."
watch = Watch()
learner.fit_one_cycle(n_epochs, 3e-3, cbs=watch)

# %% [markdown]
# Before the first step everything is tinted by chance. The first thing that it learns is a difference between bright and dark: pink skies over bluish shadows, with a fine grid that comes from the transposed convolutions. Grass turns green around step 84, and so does everything with the texture of grass; the evening sky becomes violet while the morning sky stays pink, for which the network has to look further than a few pixels. Then the learning rate falls, and the colors only get cleaner. What it never finds are the bright blues and greens of the bushes: they are rare.
#
# Now the losses. Look at the right panel, and remember from [The duel](duel.ipynb) what the dashed line means.

# %%
#| slow
#| label: fig-lesson-both-losses
#| fig-cap: "Left: distance from the truth. Right: what generator and critic pay; dashed, a critic that can only guess."
content,gen,crit = torch.tensor(watch.losses).T
fig,axs = plt.subplots(1, 2, figsize=(9, 2.6), layout='constrained')
axs[0].plot(content)
axs[0].set(xlabel='step', ylabel='L1')
for o,name in ((gen, 'generator'), (crit, 'critic')): axs[1].plot(o, label=name)
axs[1].axhline(2*math.log(2), color='gray', ls='--', lw=1)
axs[1].set(xlabel='step', ylim=(0, 3))
axs[1].legend(frameon=False);

# %% [markdown]
# The distance falls, with some noise. The two others do not, and should not: each network's success is the other's failure. What matters is that they stay together. The critic hovers a little below the dashed line, better than guessing, but never sure.

# %% [markdown]
# ## How good is it?

# %% [markdown]
# Two numbers on all held-out frames: PSNR, the closeness to the truth, beside that of the gray frames; and the colorfulness of the answers divided by that of the truth. One without the other is easy: gray has no colorfulness, and confetti has plenty.

# %%
#| slow
#| label: fig-lesson-result
#| fig-cap: "Held-out frames in gray, colored by the GAN, and as they are. Big Buck Bunny (c) 2008 Blender Foundation."
def score(net):
    "Answers, PSNR and colorfulness ratio on the held-out frames"
    with torch.no_grad(): fake = join_lab(held.L, net.eval()(held.L))
    closeness = psnr(fake, held.rgb).mean().item()
    return fake, closeness, colorfulness_ratio(fake, held.rgb)

fake,db,ratio = score(learner.model)
gray = psnr(join_lab(held.L, 0*held.ab), held.rgb).mean().item()
show_sheet([held.L[pick], fake[pick], held.rgb[pick]], ['gray', 'GAN', 'truth'])
print(f'gray {gray:.1f} dB, GAN {db:.1f} dB, colorfulness {ratio:.2f}')

# %%
#| slow
#| code-fold: true
if n_epochs >= 14:
    assert db > gray + 3 and .7 <= ratio <= 1.2
    assert content[-14:].mean() < .5*content[:14].mean()
    assert .3 < crit[-14:].median() < 2

# %% [markdown]
# About five decibels better than gray, with most of the color that the truth has. Do not give all of the credit to the critic: on a film in which light nearly tells the color, distance alone comes close, as exercise 1 shows. This is a GAN that colors, trained from nothing, on one film. It knows this film and nothing else: show it your holidays and it will find grass in your living room. To color everything one needs more pictures, an encoder that has already learned to recognize things, and patience. The model that ships also has another kind of answer, [a choice among classes](../color/bins.ipynb). [Training](../training/trainer.ipynb) is about such runs, with a larger callback built on this one.

# %% [markdown]
# ## When to stop

# %% [markdown]
# DeOldify's author found that the duel can be short: distance first, then the critic alone, then both, stopped at the right moment. He called this *NoGAN*. Which moment? Three runs are kept with this book (`python asset/nogan.py` makes them, at 48x80). They begin with the same networks: the generator has learned from distance for 280 steps, the critic from its colors for 56. From there on the critic's verdict counts 5, or 50, or nothing, so that distance goes on alone. Look where the third panel, the distance of features from those of true colors, stops falling, and what a weight of 50 does to the first two.

# %%
#| label: fig-lesson-nogan
#| fig-cap: "Held-out frames over the steps of the duel. Dashed: the best moment of the run with weight 5."
with open('../../asset/lessons/nogan.json') as f: runs = json.load(f)['runs']
fig,axs = plt.subplots(1, 3, figsize=(9, 2.6), layout='constrained')
for ax,k in zip(axs, ('psnr', 'ratio', 'distance')):
    for run in sorted(runs, key=lambda o: o['weight']):
        ax.plot([o['step'] for o in run['rows']],
            [o[k] for o in run['rows']], label=f"weight {run['weight']:.0f}")
    ax.axvline(runs[0]['best'], color='gray', ls='--', lw=1)
    ax.set(xlabel='step', ylabel={'distance': 'distance of features'}.get(k, k))
axs[2].set(yscale='log')
axs[0].legend(frameon=False, loc='lower left', fontsize=8);

# %% [markdown]
# With a weight of 5 colors get stronger at first and move away from the truth, for a dozen steps. Then the generator has answered the critic's first objections. Around step 40 the distance of features, 0 for true colors, is three fifths of what it was, PSNR is 0.3 dB higher, and there is a little more color (.83 instead of .81). There one stops: afterwards it goes up and down and gets hardly better. With 50 the colors become as strong as the truth's, but they are others: PSNR falls by four decibels and more. The run without a verdict keeps us honest. It ends as near to the truth as the one with 5; only its best moment comes later, at step 84.

# %%
#| label: fig-lesson-wild
#| fig-cap: "Before the duel, best of weight 5, most colorful of weight 50. Big Buck Bunny (c) 2008 Blender Foundation."
sheet = np.array(Image.open('../../asset/lessons/nogan.jpg'))
sheet = torch.from_numpy(sheet).permute(2, 0, 1)/255
rows = [torch.stack(o.split(80, 2)) for o in sheet.split(48, 1)]
show_sheet(rows, ['distance', 'weight 5', 'weight 50', 'truth']);

# %% [markdown]
# With a weight of 50 the blue sky turns pink, the woods get blue and red dots, and everything gets a grid: to the critic, patch by patch, that looks less like a mean than the careful colors above. [Turns, and when to stop](../training/critic_schedules.ipynb#nogan) watches a training in this way and goes back to its best moment.

# %% [markdown]
# ## Exercises
#
# 1. Train once without the critic's verdict: `new_learner(weight=0)`. Which of the two numbers suffers? Which differences can you see?
# 2. Let the critic count ten times as much: `new_learner(weight=10)`. What happens to PSNR, and what to the colors?
# 3. Train on your own film: `film_tasks('my.mp4', size)`.
#
# <details><summary>Solution 1</summary>
#
# ```python
# alone = new_learner(weight=0)
# alone.fit_one_cycle(n_epochs, 3e-3)
# score(alone.model)[1:]
# ```
#
# In a trial 22.4 dB and a ratio of .79 without the critic, 22.6 and .79 with it: hardly a difference. In this film the lightness nearly tells the color, and where an answer can be known, the distance is enough. The critic counts where several answers are right, as for the discs of [The duel](duel.ipynb), and on photographs of everything.
#
# </details>
#
# <details><summary>Solution 2</summary>
#
# In a trial PSNR fell to 14.2 dB, below gray, at a colorfulness of 1.5: vivid colors in the wrong places. The critic sees patches and does not mind where in the picture they are; the distance does. The weights between the two are the most important knob of a GAN that colors.
#
# </details>
#
# <details><summary>Solution 3</summary>
#
# Sides must be multiples of 16. Take a few minutes of one film, `every=8` or more, and expect it to need several times as many epochs: `python book.py lessons/gan -p n_epochs 60`.
#
# </details>
