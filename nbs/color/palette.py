# %% [markdown]
# # The palette
#
# > Pick a pixel, hold its lightness, and walk through the colors it could have had
#
# A colorizer is given one of three numbers and has to invent two. How many answers are there, and how different are they? The quickest way to get a feeling for it is to try. We build a small instrument: a photograph in which you pick a pixel, the plane of all colors of the same lightness, and two sliders for $a$ and $b$. It shows where the screen's colors end, and what becomes of a color beyond that border.

# %% tags=["parameters"]
size,seed = 160,1

# %%
import io, numpy as np, torch, ipywidgets as widgets
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor
from colorbook.color.lab import lab_to_rgb, map_gamut, rgb_to_lab

# %%
#| hide
import matplotlib.pyplot as plt
from fastcore.test import *
from skimage import data

# %% [markdown]
# ## All colors of one lightness

# %% [markdown]
# At a given lightness the colors that a screen can show fill a region of the plane of $a$ and $b$: nothing but gray at 0 and 100, and between them a shape that changes with $L$. Blue lies low, where $L$ is small, yellow high. Outside of the region we paint nothing but a paper gray, so that the rim is seen. A color is inside if its linear light stays in 0..1; a small tolerance forgives the rounding of white and black.

# %%
REACH = 115 # of the plane in a and b, on all sides; sRGB's colors end at -108 and 98

def in_gamut(
    lab:Tensor, # colors, `bs`x3xHxW
    eps:float=1e-4, # how far sRGB may leave 0..1
) -> Tensor: # `bs`xHxW, bool
    "Whether sRGB can show a color"
    rgb = lab_to_rgb(lab)
    return ((rgb > -eps) & (rgb < 1 + eps)).all(1)

# %%
def lab_plane(
    L:float, # lightness, 0..100
    size:int=231, # pixels on a side: a from left to right, b from bottom to top, both from -115 to 115
    paper:float=.93, # gray of what no screen can show
) -> np.ndarray: # `size`x`size`x3 bytes
    "The plane of a and b at one lightness, as far as sRGB goes"
    axis = torch.linspace(-REACH, REACH, size)
    b,a = torch.meshgrid(-axis, axis, indexing='ij')
    lab = torch.stack([torch.full_like(a, L), a, b])[None]
    rgb = lab_to_rgb(lab, clip=True)[0].where(in_gamut(lab), torch.tensor(paper))
    return (rgb*255).round().byte().permute(1, 2, 0).numpy()

# %% [markdown]
# Two known points tell whether the plane is right: its middle is a gray of that lightness, and pure red stands in the plane of *its* lightness, 53.24, and is missing in that of 30. The list below is the area of the region, in squares of one unit, for $L$ = 0, 10, ... 100. It is largest at middle lightness and vanishes at both ends: in snow and in deep shadow there is hardly a wrong color to choose. @fig-planes shows five planes of the list.

# %%
def at(plane, a, b): return plane[round(115 - b),round(a + 115)].tolist()
red = rgb_to_lab(torch.tensor([1., 0., 0.]).view(1, 3, 1, 1)).flatten().tolist()
test_close(at(lab_plane(red[0]), 80, 67), [255, 0, 0], eps=3)
test_eq(at(lab_plane(30), *red[1:]), [237]*3)
gray = lab_to_rgb(torch.tensor([30., 0., 0.]).view(1, 3, 1, 1)).flatten().mul(255).round().int().tolist()
test_eq(at(lab_plane(30), 0, 0), gray)
area = [in_gamut(torch.cat([torch.full((1, 1, 116, 116), float(L)),
    torch.stack(torch.meshgrid(*[torch.arange(-115., 116, 2)]*2, indexing='ij'))[None]], 1)).sum().item()*4
    for L in range(0, 101, 10)]
assert area[0] <= 4 and area[-1] <= 4 and 50 <= 10*np.argmax(area) <= 70
area

# %%
#| label: fig-planes
#| fig-cap: "Colors that a screen can show at lightness 20, 40, 60, 80 and 95; a from left to right, b upward."
fig,axs = plt.subplots(1, 5, figsize=(10, 2.2), layout='constrained')
for ax,L in zip(axs, (20, 40, 60, 80, 95)):
    ax.imshow(lab_plane(L), extent=(-REACH, REACH, -REACH, REACH))
    ax.set(xticks=[], yticks=[], title=f'L = {L}')

# %% [markdown]
# At 20 there are blues and violets and no yellow, at 95 a little yellow and hardly any blue. What a thing can be is already narrowed by its lightness.

# %% [markdown]
# ## One pixel and its choices

# %% [markdown]
# Of a color that was chosen we show four things beside each other: the pixel as it was; the gray that a colorizer is given; the color wished for, each channel cut to what the screen has; and the color that [map_gamut](lab.ipynb#colors-that-do-not-fit) makes of it, with less chroma but the same lightness and hue. As long as the wish is inside the gamut, the last two are the same. Outside they part, and the cut one is lighter or darker than it should be.

# %%
def choices(
    pixel:Tensor, # sRGB in 0..1, 3 values
    a:float, # wished for at the pixel's lightness
    b:float,
) -> dict: # sRGB in 0..1 as 3 values each: truth, gray, cut, mapped
    "A pixel with another color of the same lightness"
    lab = rgb_to_lab(pixel.view(1, 3, 1, 1))
    wish = torch.tensor([lab[0,0,0,0], a, b]).view(1, 3, 1, 1)
    colors = dict(truth=lab, gray=wish*torch.tensor([1., 0, 0]).view(1, 3, 1, 1), cut=wish, mapped=map_gamut(wish))
    return {k: lab_to_rgb(v, clip=True).flatten() for k,v in colors.items()}

# %%
def lab_of(rgb): return rgb_to_lab(rgb.view(1, 3, 1, 1)).flatten()
sky = torch.tensor([.45, .62, .82])
L,a,b = lab_of(sky)
test_close(choices(sky, a, b)['mapped'], sky, eps=1e-4)
wild = choices(sky, -60., -90.)
far = {k: lab_of(v) for k,v in wild.items()}
test_close(far['gray'].tolist(), [L.item(), 0., 0.], eps=.01)
test_close(far['mapped'][0], L, eps=.05)
test_close(torch.atan2(far['mapped'][2], far['mapped'][1]), torch.tensor(-90.).atan2(torch.tensor(-60.)), eps=.01)
assert (far['cut'][0] - L).abs() > 2
{k: v.numpy().round(1) for k,v in far.items()}

# %% [markdown]
# ## The instrument

# %% [markdown]
# Everything on the screen is a function of four numbers: where the pixel is, and which $a$ and $b$ it should have. Moving to another pixel sets the two colors to those of the photograph; moving a color leaves the pixel alone. Three pictures follow: the photograph with a cross, the plane with a ring at the wish and a dot at the mapped color, and the four swatches. What they show is also said in numbers.

# %%
def as_png(
    im, # PIL picture, or HxWx3 array of bytes
) -> bytes:
    "A picture for a widget"
    f = io.BytesIO()
    (im if isinstance(im, Image.Image) else Image.fromarray(im)).save(f, 'PNG')
    return f.getvalue()

def mark(
    im:Image.Image, # drawn on a copy of it
    xy:tuple, # middle, in pixels
    r:int, # radius in pixels
    **kwargs, # options of Pillow's `ellipse`
) -> Image.Image:
    "A ring or a dot"
    im = im.copy()
    ImageDraw.Draw(im).ellipse([xy[0] - r, xy[1] - r, xy[0] + r, xy[1] + r], **kwargs)
    return im

# %%
class Explorer(widgets.VBox):
    "A photograph, the plane of colors at the lightness of one of its pixels, and the pixel in another color"
    def __init__(self,
        photo, # PIL picture, or HxWx3 array of bytes
        size:int=360, # longer side of the photograph on the screen, in pixels
    ):
        self.photo = ImageOps.contain(Image.fromarray(photo) if isinstance(photo, np.ndarray) else photo, (size, size))
        self.photo = self.photo.convert('RGB')
        def slider(name, lo, hi, kind=widgets.IntSlider): return kind(min=lo, max=hi, description=name)
        self.x,self.y = (slider(n, 0, m - 1) for n,m in zip('xy', self.photo.size))
        self.a,self.b = (slider(n, -REACH, REACH, widgets.FloatSlider) for n in 'ab')
        self.views = [widgets.Image(format='png') for _ in range(3)]
        self.said = widgets.Label()
        for o in (self.x, self.y): o.observe(lambda _: self.pick(), 'value')
        for o in (self.a, self.b): o.observe(lambda _: self.draw(), 'value')
        super().__init__([widgets.HBox(self.views[:2]), widgets.HBox([self.x, self.y]),
            widgets.HBox([self.a, self.b]), self.views[2], self.said])
        self.x.value,self.y.value = (o//2 for o in self.photo.size)
        self.pick()
    def pixel(self) -> Tensor: # sRGB in 0..1, 3 values
        "The pixel under the cross"
        return torch.tensor(self.photo.getpixel((self.x.value, self.y.value)))/255
    def pick(self):
        "Begin with the color that the pixel has"
        _,a,b = rgb_to_lab(self.pixel().view(1, 3, 1, 1)).flatten().tolist()
        with self.a.hold_trait_notifications(), self.b.hold_trait_notifications(): self.a.value,self.b.value = a,b
        self.draw()
    def draw(self):
        "Photograph, plane, swatches and the line below"
        a,b,pixel = self.a.value,self.b.value,self.pixel()
        L = rgb_to_lab(pixel.view(1, 3, 1, 1))[0,0,0,0].item()
        colors = choices(pixel, a, b)
        fits = rgb_to_lab(colors['mapped'].view(1, 3, 1, 1)).flatten().tolist()
        plane = mark(Image.fromarray(lab_plane(L)), (REACH + a, REACH - b), 5, outline='black', width=2)
        plane = mark(plane, (REACH + fits[1], REACH - fits[2]), 2, fill='black')
        tiles = torch.stack(list(colors.values())).mul(255).round().byte().numpy()
        pictures = mark(self.photo, (self.x.value, self.y.value), 6, outline='white', width=2), plane
        for view,im in zip(self.views, (*pictures, tiles[None].repeat(90, 1).repeat(60, 0))): view.value = as_png(im)
        self.said.value = (f'L {L:.1f}, wish a {a:.1f} b {b:.1f}, shown a {fits[1]:.1f} b {fits[2]:.1f} '
            f'(chroma {np.hypot(*fits[1:]):.1f} of {np.hypot(a, b):.1f}). Swatches: {", ".join(colors)}.')

# %% [markdown]
# In a notebook, `Explorer(photo)` in the last line of a cell gives you the sliders; in the book it is a still picture. Here we set the sliders in code: onto the dark fur of a cat, and to an orange that no screen can show so dark. The line of text below says what the instrument answers, @fig-explorer what it looks like: the ring of the wish lies far outside of the region, the dot on its border, and of the four swatches at the bottom the third, which was cut, is lighter than the fur.

# %%
def shown(view): return np.asarray(Image.open(io.BytesIO(view.value)).convert('RGB'))
look = Explorer(data.chelsea(), 300)
look.x.value,look.y.value = 100,60
here = np.asarray(look.photo)[60,100]
test_close(look.pixel().numpy()*255, here, eps=.01)
test_close(shown(look.views[2])[30,[45,315]].astype(int), np.stack([here, here]).astype(int), eps=2)
test_close([look.a.value, look.b.value], lab_of(look.pixel())[1:].tolist(), eps=.06)
look.a.value,look.b.value = 90.,90.
truth,gray,cut,mapped = (torch.from_numpy(shown(look.views[2])[30,x]/255.).float() for x in (45, 135, 225, 315))
test_close(truth.numpy()*255, here, eps=1.)
test_close(lab_of(mapped)[0], lab_of(look.pixel())[0], eps=.6)
test_close(lab_of(gray)[1:], 0, eps=.01)
assert (lab_of(cut)[0] - lab_of(look.pixel())[0]).abs() > 8
look.x.value = 20
test_close([look.a.value, look.b.value], lab_of(look.pixel())[1:].tolist(), eps=.06)
look.said.value

# %%
#| label: fig-explorer
#| fig-cap: "The explorer: a pixel; colors of its lightness, the wish (ring), what can be shown (dot); four swatches."
look.x.value,look.y.value = 100,60
look.a.value,look.b.value = 90.,90.
fig,axs = plt.subplots(1, 3, figsize=(9, 3), layout='constrained', width_ratios=(3, 2, 3))
for ax,view in zip(axs, look.views): ax.imshow(shown(view)); ax.axis('off')

# %% [markdown]
# ## What we have
#
# - `lab_plane`: all colors of one lightness that a screen can show;
# - `choices`: a pixel in another color, cut and mapped;
# - `Explorer`: both under one's hands, for any photograph.

# %% [markdown]
# ## Exercises
#
# 1. Find the pixel of a photograph with the largest choice of colors, and the one with the smallest. What do they have in common with those where colorizers fail?
# 2. Hold $a$ and $b$ and walk over the picture. Where does the ring leave the gamut?
# 3. Put a slider for chroma and one for hue in the place of $a$ and $b$. Which of the two can be changed by a fifth of its range without making another thing of what is shown?
