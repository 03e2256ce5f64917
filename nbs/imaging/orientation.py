# %% [markdown]
# # The orientation of a picture
#
# > Eight ways in which a stored picture can lie, by a camera's tag or by a film's matrix
#
# A camera that is held on its side leaves the pixels as the sensor gave them and writes down how it was held; every viewer reads that and turns the picture. A colorizer has to know it too, because its network does badly on mountains that lie on their side. `upright` turns stored pixels as a viewer would, and back. There are two ways to write the orientation down, the tag of photographs and the matrix of films, and both come to the same eight numbers (@fig-orientations).

# %%
#| default_exp imaging.orientation

# %%
#| export
import numpy as np

# %%
#| hide
import tempfile
from pathlib import Path
import matplotlib.pyplot as plt
from fastcore.test import *
from PIL import Image, ImageOps
from skimage import data

# %% [markdown]
# ## Eight ways to lie

# %% [markdown]
# Only the small copy that the network sees is turned upright, and the color that it answers with is turned back; the large picture never moves. A camera writes a tag; a telephone that films writes a matrix, whose signs say the same. The eight orientations are the eight symmetries of the square, and only the two quarter turns are not their own inverse.

# %%
#| export
_turns = {1: lambda x: x, 2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud, 5: lambda x: x.swapaxes(0, 1),
          6: lambda x: np.rot90(x, -1), 7: lambda x: np.rot90(x, 2).swapaxes(0, 1), 8: np.rot90}

def upright(
    x:np.ndarray, # HxW or HxWxC as stored
    orientation:int, # EXIF orientation, 1..8
    back:bool=False, # from upright to stored instead
) -> np.ndarray:
    "Turn stored pixels the way that the tag asks for, or back"
    return _turns[{6:8, 8:6}.get(orientation, orientation) if back else orientation](x)

# %%
#| export
_signs = {(-1, 0, 0, 1): 2, (-1, 0, 0, -1): 3, (1, 0, 0, -1): 4, (0, 1, 1, 0): 5, (0, 1, -1, 0): 6, (0, -1, -1, 0): 7,
          (0, -1, 1, 0): 8}

def matrix_orientation(
    matrix:list|None, # of display in a film: nine numbers, row by row
) -> int: # as in EXIF, 1..8
    "How stored frames have to be turned to be upright"
    return _signs.get(tuple(int(np.sign(matrix[i])) for i in (0, 1, 3, 4)), 1) if matrix else 1

# %% [markdown]
# Two references: a picture is turned by Pillow's own `exif_transpose`, which must agree with `upright`; and the matrix of each orientation is derived from where the corners of a picture go. (A matrix takes a point $(x, y)$ of the stored frame to where it is shown.)

# %%
chelsea,cat = data.chelsea(),Image.fromarray(data.chelsea())
exif,folder = Image.Exif(),Path(tempfile.mkdtemp())
for o in range(1, 9):
    exif[274] = o
    cat.save(folder/'o.png', exif=exif)
    test_eq(upright(chelsea, o), np.asarray(ImageOps.exif_transpose(Image.open(folder/'o.png'))))
    test_eq(upright(upright(chelsea, o), o, back=True), chelsea)
y,x = np.mgrid[-1:2:2,-1:2:2]
for o in range(1, 9):
    place = dict(zip(upright(x + 10*y, o).flat, zip(x.flat, y.flat))) # where each corner is shown
    ax,ay = ((np.subtract(place[a], place[b])//2).tolist() for a,b in ((11, 9), (11, -9))) # steps along x and y
    test_eq(matrix_orientation([*ax, 0, *ay, 0, 0, 0, 1]), o)
test_eq(matrix_orientation(None), 1)

# %%
#| label: fig-orientations
#| fig-cap: "The eight orientations that a camera can write: what is stored, for a cat that every viewer shows upright."
def show_row(ims, titles, height=1.6):
    "Pictures in a row, no axes"
    fig,axs = plt.subplots(1, len(ims), figsize=(9, height))
    for ax,im,t in zip(axs, ims, titles):
        ax.imshow(im, cmap='gray')
        ax.set_title(t, fontsize=8)
    for ax in axs: ax.axis('off')
show_row([upright(chelsea[::4,::4], o, back=True) for o in range(1, 9)], [f'orientation {o}' for o in range(1, 9)]);

# %% [markdown]
# Number 1 of @fig-orientations is a picture that was stored upright. Numbers 3, 6 and 8 are a camera turned upside down and to either side. The other four are mirrored; cameras do not write them, but programs and scanners do.

# %% [markdown]
# ## What we have
#
# - `upright`, stored pixels turned as the tag asks for, or back, for pictures and for maps of any size;
# - `matrix_orientation`, the same number from the matrix of a film.

# %% [markdown]
# ## Exercises
#
# 1. Which of the eight orientations can a camera not get into by being turned? How do they come about all the same?
# 2. Apply `upright` twice with two orientations. Is there always one orientation that does both? Make the table.
