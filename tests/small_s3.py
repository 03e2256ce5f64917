"S3 in a few weights, for tests: the networks of its recipes by other names, and features without a download."
from dataclasses import replace

from colorbook.losses.content import content_losses, small_vgg
from colorbook.losses.saliency import S3Loss
from colorbook.models.registry import critics, generators
from colorbook.models.s3 import begin_with, HierarchicalCritic, S3Critic, S3Generator
from colorbook.training.recipes import recipes


@generators('s3_slim', output='rgb_saliency', weights='s3')
def _s3_slim(state=None): return begin_with(S3Generator(nf=2), state)


@critics('s3_two_slim', saliency=True)
def _s3_two_slim(n_color=3): return HierarchicalCritic(n_color, norm='instance', nf=2)


@critics('s3_slim', mixes=True)
def _s3_critic_slim(n_color=3): return S3Critic(n_color, nf=2)


@critics('s3_slim_gp')
def _s3_slim_gp(n_color=3): return S3Critic(n_color, norm='instance', nf=2)


@content_losses('s3_slim', outputs=('rgb_saliency', 'ab4_saliency'), saliency=True)
def _s3_content(lam=1., perceptual=0., attention=0.): return S3Loss(lam, perceptual, attention, small_vgg)


def slim(name, epochs=2):
    "A recipe of S3 with few weights, small pictures and short phases; all else as it is"
    r = recipes[name]
    return replace(r, generator='s3_slim', critic='s3_two_slim', content='s3_slim', size=32, bs=4, valid=.2,
        phases=tuple(replace(p, epochs=epochs, bs=3 + i) for i,p in enumerate(r.phases)))
