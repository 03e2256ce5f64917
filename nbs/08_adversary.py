# %% [markdown]
# # The adversary
#
# > Adversarial training as one callback on a plain fastai Learner

# %%
#| default_exp adversary

# %%
#| export
import torch
from torch import nn, Tensor
from fastai.vision.all import *
from colorbook.losses import adversarial_losses

# %%
#| export
class GAN(nn.Module):
    "Generator and critic side by side; called, it is the generator"
    def __init__(self,
        generator:nn.Module, # `L` to output; its method `color` turns output into what the critic sees
        critic:nn.Module, # `L` and color to logits
    ):
        super().__init__()
        self.generator,self.critic = generator,critic
    def forward(self, L): return self.generator(L)

# %%
#| export
def gan_splitter(
    gan:GAN,
) -> list: # parameter groups: the generator's (its `groups` where it has some), then the critic's
    "One optimizer, one group for each learning rate"
    groups = getattr(gan.generator, 'groups', lambda: [params(gan.generator)])()
    return [*groups, params(gan.critic)]

# %%
#| export
class Adversary(Callback):
    "The critic's step and the generator's adversarial term, from one pass of the generator"
    order = 5
    def __init__(self,
        loss:str='logistic', # key of `adversarial_losses`
        weight:float=1., # of the adversarial term beside the content loss
        mode:str='both', # 'content', 'critic' or 'both'
    ):
        self.adv,self.weight,self.mode = adversarial_losses[loss](),weight,mode
    def before_fit(self):
        self.content = self.gen = self.crit = torch.tensor(float('nan'))
        self.learn.model.generator.requires_grad_(self.mode != 'critic')
    def after_fit(self): self.learn.model.generator.requires_grad_(True)

    def before_train(self):
        self.learn.model.generator.train(self.mode != 'critic')
        self.learn.model.critic.train(self.mode != 'content')

    def after_loss(self):
        if not self.training: return
        gan,L = self.learn.model,self.xb[0]
        self.content = self.learn.loss_grad.detach()
        if self.mode == 'content': return
        fake = gan.generator.color(self.pred)
        self.critic_step(gan.critic, L, self.yb[0], fake.detach())
        if self.mode == 'both': self.generator_term(gan.critic, L, fake)
        self.learn.loss = self.learn.loss_grad.clone()

    def critic_step(self, critic, L, real, fake):
        crit = self.adv.critic(critic(L, real), critic(L, fake))
        crit.backward()
        self.crit = crit.detach()

    def generator_term(self, critic, L, fake):
        critic.requires_grad_(False)
        gen = self.adv.generator(critic(L, fake))
        critic.requires_grad_(True)
        self.gen = gen.detach()
        self.learn.loss_grad = self.learn.loss_grad + self.weight*gen

    def before_backward(self):
        if self.mode == 'critic': raise CancelBackwardException()

    def before_step(self):
        resting = dict(content=self.learn.model.critic, critic=self.learn.model.generator).get(self.mode)
        if resting is not None:
            for p in resting.parameters(): p.grad = None
