# %% [markdown]
# # Letterboxes
#
# > Black bars of a film are found once, for all its frames
#
# Films are wider than television was, and so they were given black bars above and below; old films on wide screens have them at the sides. To the network a bar is a part of the scene, a dark floor or a night sky, and the picture inside gets colors that go with it. [Borders](../imaging/borders.ipynb) of one picture are found by looking at it. In a film that is not enough: a scene at night has no visible edge, a title in white on black looks like all bars, and colors would jump whenever bars are found in one frame and not in the next. So the bars are looked for in the whole film at once (@fig-letterbox).

# %%
#| default_exp video.letterbox

# %%
#| export
import av, numpy as np
from av.video.reformatter import VideoReformatter
from colorbook.imaging.borders import find_borders
from colorbook.imaging.io import Picture
from colorbook.video.read import open_reel, own_length

# %%
#| hide
import tempfile
import matplotlib.pyplot as plt
from pathlib import Path
from fastcore.test import *
from PIL import Image, ImageDraw
from skimage import data
from colorbook.data.synthetic import travel
from colorbook.video.read import write_clip

# %% [markdown]
# ## A few frames from everywhere
#
# Twenty-four places are enough, evenly over the film. A jump ends at a frame that needs no other, so two jumps may end at the same one; a short film has only one such frame, and there we read on instead.

# %%
#| export
def frames_from_everywhere(
    c, s, # container and stream of a film
    n:int=24, # so many, at most
): # yields decoded frames
    "Frames that are spread over a film"
    length,start,seen = own_length(c, s)/float(s.time_base),s.start_time or 0,set()
    for i in range(n):
        try:
            c.seek(round(start + (i + .5)/n*length), stream=s)
            f = next(c.decode(s))
        except (av.FFmpegError, StopIteration): continue
        if f.pts in seen: continue
        seen.add(f.pts)
        yield f
    if len(seen) >= n//3: return
    try:
        c.seek(start, stream=s)
        for i,f in enumerate(c.decode(s)):
            if i >= 10*n: return
            if i%10 == 5 and f.pts not in seen: yield f
    except av.FFmpegError: return # damage is told by whoever reads all frames

# %% [markdown]
# ## The film as one picture
#
# For each pixel we ask how bright it is in the brighter frames. Not in the very brightest, because subtitles come and go in the lower bar, but at the first third: a value that a third of the frames exceed. In that picture a bar is still black, and everything else has been bright at some time. Its borders are found as those of any picture.

# %%
#| export
def film_box(
    src, # a film or a folder of frames, no pipe
    rate:float=24, # frames a second of a folder
    dark:float=.2, # gray up to which a bar is black
) -> tuple|None: # left, top, right, bottom of the picture, as stored; None for a film without bars
    "Where the picture of a film is that has black bars on opposite sides"
    c,s = open_reel(src, rate)
    convert,bright,n = VideoReformatter(),[],0
    with c:
        for f in frames_from_everywhere(c, s):
            x = convert.reformat(f, format='gray').to_ndarray()
            if bright and x.shape != bright[0].shape: continue
            n += 1
            for i,o in enumerate(bright): bright[i],x = np.maximum(o, x),np.minimum(o, x)
            if len(bright) < 9: bright.append(x)
    if not bright: return None
    x = bright[min(n//3, 8)]
    box = find_borders(Picture(x))
    if not box: return None
    left,top,right,bottom = box
    outside = np.ones(x.shape, bool)
    outside[top:bottom,left:right] = False
    return box if np.median(x[outside]) <= 255*dark else None

# %% [markdown]
# A film of three scenes between bars: by day, at night where nothing is bright, and a title on black, with subtitles in the lower bar now and then. The box is found to the pixel, and the same film without bars has none.

# %%
home = Path(tempfile.mkdtemp())
def scenes(bars, words=True):
    "Frames of a film with black bars of so many rows"
    night = Image.fromarray((data.astronaut()//9).astype(np.uint8))
    title = Image.new('RGB', (400, 200))
    ImageDraw.Draw(title).text((130, 90), 'THE END', 'white', font_size=40)
    for k,im in enumerate((Image.fromarray(data.coffee()), night, title)):
        size = 192,108 - 2*bars
        for i,o in enumerate(travel(im, 16, size, (0, .1), (.5, .6)) if k < 2 else [im.resize(size)]*8):
            whole = Image.new('RGB', (192, 108))
            whole.paste(o, (0, bars))
            if words and i in (3, 4, 5): ImageDraw.Draw(whole).text((60, 94), 'What a day', 'white')
            yield whole
boxed = write_clip(scenes(14), home/'boxed.mp4', crf=12, g=4)
test_eq(film_box(boxed), (0, 14, 192, 94))
test_eq(film_box(write_clip(scenes(14), home/'long.mp4', crf=12, g=250)), (0, 14, 192, 94))
test_eq(film_box(write_clip(scenes(0, False), home/'plain.mp4', crf=12, g=4)), None)

# %%
#| label: fig-letterbox
#| fig-cap: "Three frames of a film, and where its picture was found to be."
from colorbook.video.read import read_frames
shown = [o.im for o in read_frames(boxed) if o.number in (4, 20, 36)]
fig,axs = plt.subplots(1, 3, figsize=(9, 2))
for ax,im in zip(axs, shown):
    ax.imshow(im)
    ax.plot([0, 191, 191, 0, 0], [14, 14, 93, 93, 14], 'r', lw=1)
    ax.axis('off')

# %% [markdown]
# The line in @fig-letterbox is the box that was found. In the second frame alone it could hardly be seen, in the third not at all; and the words in the lower bar do not mislead it.

# %% [markdown]
# ## What we have
#
# - `film_box`, the place of the picture in a film with black bars; the network sees nothing else, and the bars stay as they are.

# %% [markdown]
# ## Exercises
#
# 1. Some films change their shape: wide scenes, high scenes. What does `film_box` answer, and what would a box for each shot need?
# 2. Take the brightest frame instead of the one at the first third. Which of the assertions fails?
