"How layers begin: the rules that systems publish, and which of them a network's layers follow."
import re

import torch
from torch import nn

LAYERS = nn.Conv2d, nn.ConvTranspose2d, nn.Linear
NORMS = nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm


def weight_of(m):
    "The weight as it was drawn, without spectral norm"
    return m.parametrizations.weight.original if hasattr(m, 'parametrizations') else m.weight


def sides(m):
    "Values that go into an output and that come out of an input of a layer, the same for both kinds of convolution"
    area = m.weight[0,0].numel() if m.weight.dim() == 4 else 1
    ni, no = (m.in_features, m.out_features) if isinstance(m, nn.Linear) else (m.in_channels, m.out_channels)
    return area*ni//getattr(m, 'groups', 1), area*no


RULES = {  # name to the standard deviation
    'he out': lambda m: (2/sides(m)[1])**.5,  # S0: sqrt(2/(k k channels out))
    'he in': lambda m: (2/sides(m)[0])**.5,
    'he leaky': lambda m: (2/1.04/sides(m)[0])**.5,  # for a slope of 0.2
    'normal .02': lambda m: .02,
    'glorot': lambda m: (2/sum(sides(m)))**.5,
    'xavier .02': lambda m: .02*(2/sum(sides(m)))**.5,
    'torch': lambda m: (3*m.weight[0].numel())**-.5,  # uniform; for transposed ones its 'in' is our 'out'
    'three he out': lambda m: (3*2/sides(m)[1])**.5,  # three color channels summed into one of gray
    'zero': lambda m: 0.}


def layers(net): return {n: m for n,m in net.named_modules() if isinstance(m, LAYERS)}


def error(m, rule, spread=None):
    "Relative distance of a layer's deviation from a rule's, in units of what is tolerated: 5 %, more for few values"
    w,want = weight_of(m).detach(),RULES[rule](m)
    if spread is None: spread = w.square().mean().sqrt().item()
    if want == 0: return 9.*(spread > 0)
    return abs(spread/want - 1)/max(.05, 4/(2*w.numel())**.5)


def rule_of(net):
    "The rule that all layers of a network follow, 'mixed' where there is none"
    spreads = [(m, weight_of(m).detach().square().mean().sqrt().item()) for m in layers(net).values()]
    return next((r for r in RULES if all(error(m, r, s) < 1 for m,s in spreads)), 'mixed')


def matching(table, name):
    "The value of the first pattern that a name matches"
    return next(v for k,v in table.items() if re.search(k, name))


def slopes(net): return sorted({m.negative_slope for m in net.modules() if isinstance(m, nn.LeakyReLU)})


def norms(net):
    "Kinds of norms, their eps and their momenta"
    found = [m for m in net.modules() if isinstance(m, NORMS)]
    kinds = {'batch' if isinstance(m, nn.BatchNorm2d) else 'instance' if isinstance(m, nn.InstanceNorm2d) else 'group'
             for m in found}
    return sorted(kinds), sorted({m.eps for m in found}), sorted({m.momentum for m in found if hasattr(m, 'momentum')})


def spectral(net):
    "Share of the layers that have spectral norm"
    found = list(layers(net).values())
    return sum(hasattr(m, 'parametrizations') for m in found)/len(found)


def receptive(critic, planes, size=128):
    "Pixels across that one verdict in the middle depends on"
    c = torch.rand(1, planes, size, size, requires_grad=True)
    out = critic.eval()(torch.rand(1, 1, size, size), c)
    mid = out.shape[-1]//2
    g = torch.autograd.grad(out[0,0,mid,mid], c)[0].abs().sum((0, 1))
    return int((g > 0).any(0).sum())
