# %% [markdown]
# # U-Net
#
# > Two generators

# %%
#| default_exp unet

# %%
#| export
import torch, torch.nn.functional as F
from torch import nn, Tensor
from torchvision.models import mobilenet_v2

# %%
#| export
def he_init(
    net:nn.Module, # changed in place
) -> nn.Module: # the same
    "S0's start: normal weights with standard deviation sqrt(2/(k*k*channels out))"
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(m.weight, 0, (2/(m.kernel_size[0]*m.kernel_size[1]*m.out_channels))**.5)
    return net

# %%
#| export
def down(
    ni:int, # channels in
    nf:int, # channels out
    ks:int=3, stride:int=2, pad:int=1,
) -> nn.Sequential: # convolution without bias, batch norm, leaky ReLU of slope 0.1
    "S0's block on the way down: half the size"
    return nn.Sequential(nn.Conv2d(ni, nf, ks, stride, pad, bias=False), nn.BatchNorm2d(nf), nn.LeakyReLU(.1, inplace=True))

# %%
#| export
def up(
    ni:int, # channels in
    nf:int, # channels out
) -> nn.Sequential: # transposed convolution without bias, batch norm, ReLU
    "S0's block on the way up: twice the size"
    return nn.Sequential(nn.ConvTranspose2d(ni, nf, 3, 2, 1, output_padding=1, bias=False), nn.BatchNorm2d(nf), nn.ReLU())

# %%
#| export
class S0Generator(nn.Module):
    "S0's generator: five halvings and five doublings with skips that are added, from L to RGB in -1..1"
    def __init__(self):
        super().__init__()
        enc,dec = [1, 64, 128, 256, 512, 512],[512, 512, 256, 128, 64]
        self.downs = nn.ModuleList([down(i, o) for i,o in zip(enc, enc[1:])])
        self.ups = nn.ModuleList([up(i, o) for i,o in zip(dec, dec[1:])])
        self.head = nn.ConvTranspose2d(64, 3, 3, 2, 1, output_padding=1, bias=False)
        he_init(self)
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, any size
    ) -> Tensor: # RGB in -1..1, `bs`x3xHxW
        h,w = L.shape[-2:]
        x,skips = F.pad(L, (0, -w%32, 0, -h%32), mode='replicate'),[]
        for d in self.downs:
            x = d(x)
            skips.append(x)
        for u,skip in zip(self.ups, skips[-2::-1]): x = u(x) + skip
        return self.head(x).tanh()[...,:h,:w]
    def color(self, out): return out

# %%
#| export
class SamePad(nn.Module):
    "Zeros at the right and bottom edge: TensorFlow's padding for 3x3 convolutions of stride 2 on even sizes"
    def forward(self, x): return F.pad(x, (0, 1, 0, 1))

# %%
#| export
def pad_same(
    net:nn.Module, # changed in place
):
    "Give every convolution of stride 2 TensorFlow's padding"
    for m in list(net.modules()):
        for name,c in list(m.named_children()):
            if isinstance(c, nn.Conv2d) and c.stride == (2, 2):
                c.padding = (0, 0)
                setattr(m, name, nn.Sequential(SamePad(), c))

# %%
#| export
def mobile_encoder(
    state:dict=None, # weights of torchvision's layout, with or without classifier
) -> nn.ModuleList: # five stages, at 1/2 to 1/32 of the size, with 16, 24, 32, 96 and 320 channels
    "MobileNetV2's features, cut where the size halves, for one gray channel"
    net = mobilenet_v2(num_classes=1001 if state is None else len(state['classifier.1.bias']))
    if state is not None: net.load_state_dict(state)
    feats = net.features[:18]
    gray,norm = nn.Conv2d(1, 32, 3, 2, 1, bias=False),feats[0][1]
    gray.weight.data = feats[0][0].weight.data.sum(1, keepdim=True)
    feats[0][0] = gray
    if len(net.classifier[1].bias) == 1000:
        norm.running_mean -= gray.weight.data.sum((1, 2, 3))*(.5 - .449)/.226
        gray.weight.data *= .5/.226
    pad_same(feats)
    return nn.ModuleList([feats[:2], feats[2:4], feats[4:7], feats[7:14], feats[14:18]])

# %%
#| export
def conv(ni, nf, ks=3): return nn.Sequential(nn.Conv2d(ni, nf, ks, padding=ks//2, bias=False), nn.BatchNorm2d(nf), nn.ReLU(inplace=True))

# %%
#| export
class MobileUNet(nn.Module):
    "The product's generator"
    def __init__(self,
        n_out:int=313, # channels: 313 bins, or 2 for color itself
        widths:tuple=(256, 192, 128, 64), # channels at 1/32, 1/16, 1/8 and 1/4 of the size
        state:dict=None, # MobileNetV2 weights for the encoder
        color:nn.Module=None, # turns the output into color in about -1..1; None where it is color already
    ):
        super().__init__()
        self.encoder = mobile_encoder(state)
        skips = (96, 32, 24)
        self.bottom = conv(320, widths[0], 1)
        self.look = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(widths[0], widths[0], 1))
        self.ups = nn.ModuleList([conv(w + s, o) for w,s,o in zip(widths, skips, widths[1:])])
        self.head = nn.Conv2d(widths[-1], n_out, 1)
        self.color = color or nn.Identity()
    def groups(self):
        first = list(self.encoder.parameters())
        ids = {id(p) for p in first}
        return [first, [p for p in self.parameters() if id(p) not in ids]]
    def forward(self,
        L:Tensor, # lightness in 0..1, `bs`x1xHxW, sides multiples of 32
    ) -> Tensor: # `bs`x`n_out`xH/4xW/4
        x,skips = L*2 - 1,[]
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        x = self.bottom(x)
        x = x + self.look(x)
        for up,skip in zip(self.ups, skips[3:0:-1]):
            x = up(torch.cat([F.interpolate(x, scale_factor=2., mode='bilinear', align_corners=False), skip], 1))
        return self.head(x)
