# %% [markdown]
# # Near-duplicates
#
# > The same photograph twice, found among a million without comparing all pairs
#
# A network that is measured on a photograph it has learned from shows what it remembers, not what it can do. [Data loaders](loaders.ipynb#a-split-that-no-copy-crosses) keeps equal pictures on one side of the split, but collections hold the same photograph in other forms: saved again as JPEG, at another size, a little brighter, with its edge trimmed. This chapter searches for such near copies, in seconds for thousands of pictures; it finds the shots of a film that lies as numbered frames; and it divides a set into training, validation and test so that copies and shots stay together.

# %%
#| default_exp data.duplicates

# %% tags=["parameters"]
size,seed = 150,5

# %%
#| export
import hashlib, re, shutil
from pathlib import Path
import numpy as np, pandas as pd, torch, torch.nn.functional as F
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from torch import Tensor
from colorbook.core import InputError, OutputError, atomic_path
from colorbook.data.photos import read_photo
from colorbook.data.scan import summarize_images, stream_photos

# %%
#| hide
import io, tempfile, matplotlib.pyplot as plt
from PIL import Image
from fastcore.test import *
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## Where the light is

# %% [markdown]
# What survives another format, another size and another brightness is the coarse distribution of light. A perceptual hash keeps 64 bits of it: the picture is shrunk to 32x32, its lowest 8x8 frequencies are taken, and each becomes one bit, above the median or below. We keep the numbers instead of bits, because the bit of a frequency that is nearly zero changes with the smallest change of the picture, such as a trimmed edge. So with $C$ the first eight rows of the cosine transform and $T$ the thumbnail, the description is
#
# $$D=\frac{CTC^{\mathsf T}}{\lVert CTC^{\mathsf T}\rVert},\qquad C_{ki}\propto\cos\frac{\pi k(2i+1)}{2\cdot32},\quad D_{00}:=0,$$
#
# 63 numbers of length 1, low frequencies first. Without the mean, brightness does not count, and because of the length contrast does not.

# %%
#| export
def thumbnails(
    squares:np.ndarray, # nx64x64x3 bytes, see `colorbook.data.scan.summarize_image`
) -> np.ndarray: # nx32x32 bytes
    "Small gray pictures (Rec. 601)"
    gray = squares.astype(np.float32) @ np.array([.299, .587, .114], np.float32)
    return gray.reshape(len(gray), 32, 2, 32, 2).mean((2, 4)).round().astype(np.uint8)

# %%
#| export
def describe(
    thumbs:np.ndarray, # nx32x32
) -> np.ndarray: # nx63 of length 1, low frequencies first
    "Where the light is, whatever brightness and contrast: the lowest frequencies of the cosine transform"
    if not len(thumbs): return np.zeros((0, 63), np.float32)
    k,u = np.mgrid[:8,:8]
    order = np.argsort((k**2 + u**2).ravel(), kind='stable')[1:]
    D = dctn(thumbs.astype(np.float32), axes=(1, 2), norm='ortho')[:,:8,:8].reshape(-1, 64)[:,order]
    return D/np.linalg.norm(D, axis=1, keepdims=True).clip(1e-9)

# %% [markdown]
# The pictures of this chapter are tiles of the six photographs, which do not overlap (tiles of nothing but sky are left out). Four things are done to each: it is saved as JPEG, shrunk, trimmed by 4 %, made brighter; then all four at once; and last, as a harder case, it is trimmed by 8 %.

# %%
rng = np.random.default_rng(seed)
def tiles(im): return [im.crop((x, y, x + size, y + size)) for y in range(0, im.height - size + 1, size)
                       for x in range(0, im.width - size + 1, size)]
ims = [t for o in sample_photos() for t in tiles(o) if np.asarray(t.convert('L')).std() > 12]
def as_jpeg(im, quality=60):
    f = io.BytesIO()
    im.save(f, 'JPEG', quality=quality)
    return Image.open(f)
def shrink(im, by=.8): return im.resize((round(im.width*by), round(im.height*by)), Image.Resampling.LANCZOS)
def trim(im, share=.04):
    w,h = round(im.width*(1 - share)),round(im.height*(1 - share))
    x,y = rng.integers(im.width - w + 1),rng.integers(im.height - h + 1)
    return im.crop((x, y, x + w, y + h))
def brighten(im, by=1.1): return im.point(lambda v: min(255, v*by))
changes = dict(encoded=as_jpeg, shrunk=shrink, trimmed=trim, brighter=brighten,
    all=lambda o: as_jpeg(brighten(trim(shrink(o)))))
hard = dict(twice=lambda o: trim(o, .08))

# %% [markdown]
# The table has the distance $d$ of the descriptions of each copy from its original, and in its last row that of different pictures. The largest distance of copies should be below the smallest of different pictures; the last column shows that the two ranges nearly meet, so the distance alone cannot decide.

# %%
def small(pictures): return thumbnails(np.stack([o.square for o in summarize_images(pictures)]))
n,T = len(ims),small(ims)
D = describe(T)
C = np.cos(np.pi*np.arange(8)[:,None]*(2*np.arange(32) + 1)/64)/4
C[0] /= 2**.5
by_hand = (C @ T[0] @ C.T).ravel()[[8, 1, 9, 16, 2]]/np.linalg.norm((C @ T[0] @ C.T).ravel()[1:])
test_close(np.sort(D[0,:5]), np.sort(by_hand), eps=1e-5)
test_close(describe(T*.5 + 20.), D, eps=1e-4)
test_eq(np.abs(describe(np.full((1, 32, 32), 77))).max() < 1e-3, True)
copies = {k: small([f(o) for o in ims]) for k,f in (changes | hard).items()}
far = {k: np.linalg.norm(describe(o) - D, axis=1) for k,o in copies.items()}
others = np.linalg.norm(D[:,None] - D, axis=2)[~np.eye(n, dtype=bool)]
pd.DataFrame({**far, 'another picture': others[:n*n]}.items(), columns=['', 'd']).set_index('').d.map(
    lambda o: pd.Series(dict(median=np.median(o), largest=o.max(), smallest=o.min()))).apply(pd.Series).round(3)

# %% [markdown]
# ## An index

# %% [markdown]
# A million pictures have $5\cdot10^{11}$ pairs, so neighbors must be found without looking at all of them. A tree of boxes (a k-d tree) does that if there are few dimensions, and here few are enough, because the numbers are ordered by frequency and light is mostly of low frequency. The distance in the first 24 numbers is never greater than in all 63, so whatever is near in all is near in the first, and the tree over 24 loses nothing.
#
# Libraries for approximate search (faiss, hnswlib) would be faster in many dimensions, but they find *most* neighbors and need tuning, and libraries for perceptual hashes (imagehash) make the bits and leave the search to us. SciPy's tree is exact and comes with scikit-image. Of each picture the ten nearest within the radius become candidates. So a thousand frames of a standing camera do not make half a million pairs, and they are still connected with each other.

# %%
#| export
def candidate_pairs(
    D:np.ndarray, # descriptions, nx63
    radius:float=.5, # how far apart copies may be
    k:int=10, # at most so many neighbors of each
    dims:int=24, # numbers that the tree knows
    workers:int=1, # threads of the search
) -> np.ndarray: # rows i < j, sorted
    "Pairs that may be copies: nearest neighbors in the first numbers that are near in all of them"
    if len(D) < 2: return np.zeros((0, 2), int)
    near = cKDTree(D[:,:dims]).query(D[:,:dims], min(k + 1, len(D)), distance_upper_bound=radius, workers=workers)[1]
    pairs = np.stack([np.arange(len(D)).repeat(near.shape[1]), near.ravel()], 1)
    pairs = np.sort(pairs[(pairs[:,1] < len(D)) & (pairs[:,0] != pairs[:,1])], 1)
    pairs = np.unique(pairs, axis=0)
    parts = np.array_split(pairs, len(pairs)//10_000 + 1)
    return np.concatenate([o[np.linalg.norm(D[o[:,0]] - D[o[:,1]], axis=1) < radius] for o in parts])

# %% [markdown]
# The cell compares the tree with a table of all distances, for random points. Then it searches among our tiles and their copies. Printed are the number of candidates, the number of all pairs, and the number of copies that were missed: only some of those that lost 8 % of their edge.

# %%
points = rng.normal(size=(300, 63))*np.linspace(1, .1, 63)
distances = np.linalg.norm(points[:,None] - points, axis=2)
near = np.quantile(distances, .05)
test_eq(candidate_pairs(points, near, k=299), np.argwhere(np.triu(distances < near, 1)))
test_eq([len(candidate_pairs(points[:i])) for i in (0, 1)], [0, 0])
everything = np.concatenate([T, *copies.values()])
found = candidate_pairs(describe(everything))
originals = set(map(tuple, found[found[:,0] < n]))
missed = [(k, i) for j,k in enumerate(copies) for i in range(n) if (i, (j + 1)*n + i) not in originals]
test_eq([k for k,_ in missed if k not in hard], [])
len(found),len(everything)*(len(everything) - 1)//2,len(missed)

# %% [markdown]
# ## Is one a crop of the other?

# %% [markdown]
# Photographs of two beaches have the light in the same places and are different, so candidates are examined more closely. If $B$ is a trimmed, brighter $A$, then at each pixel $(x,y)$ of the thumbnails
#
# $$B\approx g\,A(x+t_x+s_xx,\;y+t_y+s_yy)+o\approx g\,A+o+g\,(t_x+s_xx)\,A_x+g\,(t_y+s_yy)\,A_y.$$
#
# The right side is linear in $g$, $o$ and the four numbers of the crop: least squares with six unknowns. $A$ is moved by what was found and the step repeated, as Lucas and Kanade [-@lucas1981] did for stereo. Five steps are enough for a shift of two pixels.
#
# How well does $A$ explain $B$ then? The share of the explained variance is no good measure: two beaches explain 90 % of each other, because light above and dark below *is* most of the variance. What differs are the details, that which remains after the mean of the neighborhood is taken away. With $H$ doing that, over 7x7 pixels,
#
# $$\mathrm{fit}=1-\frac{\max(0,\ \lVert H(B-\hat B)\rVert^2/n-\nu)}{\lVert HB\rVert^2/n},$$
#
# where $\nu$, half a gray value squared, is what rounding and compression do to any of the $n$ pixels. A crop can be explained by the whole better than the whole by a crop, so both directions are tried and the better one counts.

# %%
#| export
def detail(
    im:Tensor, # nx1xhxw
) -> Tensor: # nxhw
    "What the mean of the neighborhood does not tell"
    return (im - F.avg_pool2d(im, 7, 1, 3, count_include_pad=False)).flatten(1)

# %%
#| export
def crop_terms(
    A:Tensor, # thumbnails, nx1x32x32
    crop:Tensor, # shift and scale across, shift and scale down, nx4, half the picture being 1
) -> Tensor: # nx1024x6: the cropped picture, 1, and its change with each number of the crop
    "The linear model of a picture that is cropped a little more and changed in brightness"
    axis = torch.linspace(-1, 1, A.shape[-1])*(1 - 1/A.shape[-1])
    y,x = torch.meshgrid(axis, axis, indexing='ij')
    tx,sx,ty,sy = crop.T[...,None,None]
    a = F.grid_sample(A, torch.stack([x + tx + sx*x, y + ty + sy*y], -1), 'bicubic', 'border', align_corners=False)[:,0]
    ay,ax = torch.gradient(a, spacing=(axis[1] - axis[0]).item(), dim=(1, 2))
    return torch.stack([a, torch.ones_like(a), ax, ax*x, ay, ay*y], -1).flatten(1, 2)

# %%
#| export
def explain(
    A:Tensor, # thumbnails, nx32x32
    B:Tensor, # as many
    steps:int=5, # times that A is moved
    limit:float=.15, # largest shift and scale, half the picture being 1
    noise:float=.5, # variance of rounding and compression, in values of 0..255
) -> Tensor: # n values: 1 if a crop of A with other brightness and contrast is B, 0 or less if A says nothing of B
    "Share of the details of B that A explains (after Lucas and Kanade, 1981)"
    A,B,crop = A[:,None].float(),B[:,None].float(),torch.zeros(len(A), 4)
    for _ in range(steps):
        terms = crop_terms(A, crop)
        normal = (terms.mT @ terms).double() + 1e-3*torch.eye(6)
        w = torch.linalg.solve(normal, (terms.mT @ B.flatten(1)[...,None]).double()).float()
        crop = (crop + (w[:,2:]/w[:,:1].clamp(min=.1)).squeeze(-1)).clamp(-limit, limit)
    left,own = (detail(o).square().mean(1) for o in (B - (terms @ w).view_as(B), B))
    return torch.where(w[:,0,0] > 0, 1 - (left - noise).clamp(min=0)/own.clamp(min=.1), -1.)

# %%
#| export
def fit_pairs(
    thumbs:np.ndarray, # nx32x32 bytes
    pairs:np.ndarray, # mx2 rows
) -> np.ndarray: # m values, at most 1
    "How well the pictures of each pair explain each other, in the better direction"
    T,fits = torch.from_numpy(thumbs),[torch.zeros(0)]
    for some in torch.from_numpy(pairs).split(64):
        A,B = T[some.T]
        fits.append(torch.maximum(explain(A, B), explain(B, A)))
    return torch.cat(fits).numpy()

# %% [markdown]
# Printed is the smallest fit of each kind of copy with its original, and the largest of two different pictures. All copies but the hard ones are above 0.7 and all different pictures below, so that is our threshold. In @fig-fit each dot is a pair: copies are near each other in the description (left) and have a high fit (top).

# %%
FIT = .7
truth = {k: fit_pairs(np.concatenate([T, o]), np.arange(2*n).reshape(2, n).T) for k,o in copies.items()}
different = fit_pairs(T, np.argwhere(np.triu(np.ones((n, n)), 1)))
assert min(truth[k].min() for k in changes) > FIT > different.max()
A = torch.from_numpy(T)
test_close(explain(A, A*.5 + 20), 1, eps=1e-2)
assert max(explain(A, 255 - A).max(), explain(A, A.flip(2)).max()) < FIT
{**{k: o.min() for k,o in truth.items()}, 'two different pictures, at most': different.max()}

# %%
#| label: fig-fit
#| fig-cap: "Distance of descriptions and fit of pairs. Inside the dashed lines they are called copies."
def show_fits(kinds):
    "A dot for each pair"
    fig,ax = plt.subplots(figsize=(7.5, 4), layout='constrained')
    for k,(d,fit) in kinds.items(): ax.scatter(d, fit, s=9, label=k)
    ax.plot([.5, .5, 0], [1.02, FIT, FIT], 'k--', lw=1)
    ax.set(xlim=(0, 1.6), ylim=(-1.05, 1.05), xlabel='distance of descriptions', ylabel='fit')
    ax.legend(fontsize=8)
i,j = np.triu_indices(n, 1)
show_fits({k: (far[k], truth[k]) for k in truth} | {'different': (np.linalg.norm(D[i] - D[j], axis=1), different)})

# %% [markdown]
# ## Pairs and clusters

# %% [markdown]
# Equal pictures are joined by their hash, without any search, and only one of each kind is put into the tree. Pictures with nothing to see, all black or all of one gray, look alike and are joined by their hash alone. If A is a copy of B and B of C, the three belong together although A and C may differ by more than the rule allows: the components of the graph of pairs are the clusters. A pair whose pictures are in two sets is a *leak*.

# %%
#| export
def has_light(
    thumbs:np.ndarray, # nx32x32 bytes
) -> np.ndarray: # n values, true or false
    "Whether there is anything to see: light that deviates by more than two values of 255"
    return np.array([o.std() > 2 for o in thumbs], bool)

# %%
#| export
def find_copies(
    codes, # hash of each picture
    thumbs:np.ndarray, # their thumbnails, nx32x32 bytes
    fit:float=.7, # share of the details that a copy explains
    **kwargs, # options of `candidate_pairs`
) -> pd.DataFrame: # `first` < `second` (rows), `kind` 'exact' or 'near', `fit`
    "Equal pictures, each with the first of its kind, and near copies"
    _,first,same = np.unique(np.array(list(codes), dtype=str), return_index=True, return_inverse=True)
    first,row = first[same],np.arange(len(same))
    again = first != row
    one = row[~again & has_light(thumbs)]
    pairs = candidate_pairs(describe(thumbs[one]), **kwargs)
    fits = fit_pairs(thumbs[one], pairs)
    near = one[pairs[fits >= fit]]
    both = pd.DataFrame(np.concatenate([np.stack([first[again], row[again]], 1), near]), columns=['first', 'second'])
    return both.assign(kind=['exact']*again.sum() + ['near']*len(near), fit=[*np.ones(again.sum()), *fits[fits >= fit]])

# %%
#| export
def clusters(
    n:int, # pictures
    *pairs, # arrays of pairs of rows
) -> np.ndarray: # n numbers, equal for pictures that belong together
    "Connected components of the graph of pairs"
    i,j = np.concatenate([np.zeros((0, 2), int), *pairs]).T
    return connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(n, n)), directed=False)[1]

# %%
pictures = ims + [ims[3], ims[3], Image.new('RGB', (50, 50)), Image.new('RGB', (60, 60))]
pictures += [f(o) for f in changes.values() for o in ims]
seen = list(summarize_images(pictures))
codes,thumbs = [o.code for o in seen],thumbnails(np.stack([o.square for o in seen]))
pairs = find_copies(codes, thumbs)
cluster = clusters(len(seen), pairs[['first', 'second']])
test_eq(pairs[pairs.kind == 'exact'][['first', 'second']].values.tolist(), [[3, n], [3, n + 1]])
belongs = np.array([*range(n), 3, 3, n, n + 1, *list(range(n))*len(changes)])
test_eq(len(set(zip(cluster, belongs))), n + 2)
test_eq([len(set(o)) for o in (cluster, belongs)], [n + 2]*2)
order = rng.permutation(len(seen))
again = find_copies([codes[i] for i in order], thumbs[order])
test_eq(len(find_copies([], np.zeros((0, 32, 32), np.uint8))), 0)
same = lambda c: {frozenset(np.flatnonzero(c == k).tolist()) for k in set(c)}
test_eq(same(clusters(len(seen), again[['first', 'second']])[np.argsort(order)]), same(cluster))
pairs.kind.value_counts().to_dict()

# %% [markdown]
# ## Shots

# %% [markdown]
# Frames of one shot are near copies in a wider sense, because each looks like the next. They must stay together too, or a network is measured on frames like those that it learned from, as in the published splits of S0. Frames are files with consecutive numbers. A cut is where the coarse light of a frame has little to do with that of the next: the product of two descriptions of length 1 is their correlation, above 0.6 for nearly all neighbors in the films that we looked at, and rarely above 0.5 across a cut. A cut between two similar pictures is missed; that joins two shots, which does a split no harm. Numbered files that are no film have a cut nearly everywhere, so a run counts as a film only if it has eight frames at least, and three or more to a shot. Every picture that is not of a film is a shot by itself.
#
# The [detector of shots](../video/shots.ipynb) finds cuts by a jump that stands out between its neighbors. That is right for a film and wrong here: in a folder of numbered photographs every neighbor is a jump, none stands out, and all of them would be one shot. The function can be replaced: it gets thumbnails in order, and answers with the frames that begin a shot.

# %%
#| export
def numbered_runs(
    names, # of pictures
) -> list: # arrays of rows, each a run of files with consecutive numbers, in order
    "Pictures that may be frames of a film: same folder, same name but for the number at its end"
    parts = [re.fullmatch(r'(.*?)(\d+)', str(Path(o).with_suffix(''))) for o in names]
    keys = [(o[1], int(o[2]), i) for i,o in enumerate(parts) if o]
    keys.sort()
    breaks = [i for i in range(1, len(keys)) if keys[i][0] != keys[i - 1][0] or keys[i][1] != keys[i - 1][1] + 1]
    return [np.array([k[2] for k in o]) for o in np.split(np.array(keys, object), breaks) if len(o) > 1]

# %%
#| export
def find_breaks(
    thumbs:np.ndarray, # frames in order, nx32x32 bytes
    least:float=.5, # correlation of descriptions of frames of one shot
) -> np.ndarray: # rows that begin a shot, without the first
    "Frames that have too little in common with the one before"
    D,light = describe(thumbs),has_light(thumbs)
    alike = (D[1:]*D[:-1]).sum(1)
    dark = ~light[1:] & ~light[:-1]
    return np.flatnonzero((alike < least) & ~dark) + 1

# %%
#| export
def find_shots(
    names, # of pictures
    thumbs:np.ndarray, # their thumbnails, nx32x32 bytes
    cuts=find_breaks, # function of the thumbnails of a run: the rows that begin a shot
) -> tuple: # number of the film of each picture (-1 for none); number of its shot
    "Shots of films that lie as numbered frames; every other picture is a shot by itself"
    film,shot = np.full(len(thumbs), -1),np.arange(len(thumbs))
    for i,rows in enumerate(numbered_runs(names)):
        begins = np.concatenate([[0], np.asarray(cuts(thumbs[rows]), int)])
        if len(rows) < 8 or len(rows) < 3*len(begins): continue
        film[rows] = i
        shot[rows] = rows[begins][np.searchsorted(begins, np.arange(len(rows)), side='right') - 1]
    return film,np.unique(shot, return_inverse=True)[1]

# %% [markdown]
# The test is a film of four shots, in which a camera moves over photographs, with black frames between two of them, in a folder beside numbered photographs that have nothing to do with each other. Printed are its numbers of frames and of shots; the black frames count as one.

# %%
def pan(im, n, side=170):
    "`n` frames of a camera that moves over `im` and comes nearer"
    for t in np.linspace(0, 1, n):
        s = side + (1 - t)*60
        yield im.resize((160, 120), box=(t*(im.width - s)*.5, 40, t*(im.width - s)*.5 + s, 40 + s*.75))
photos = sample_photos(400)
black = [Image.new('RGB', (160, 120))]*3
film = [*pan(photos[0], 20), *pan(photos[1], 9), *black, *pan(photos[2], 15), *pan(photos[5], 12)]
begins = [0, 20, 29, 32, 47]
names = [f'film/{i:05}.png' for i in range(1, len(film) + 1)] + [f'photo-{i}.jpg' for i in range(n)] + ['me.jpg']
thumbs = small(film + ims + ims[:1])
run,shot = find_shots(names, thumbs)
test_eq(np.flatnonzero(np.diff(shot[:len(film)], prepend=-1)).tolist(), begins)
mixed = rng.permutation(len(names))
test_eq(same(find_shots([names[i] for i in mixed], thumbs[mixed])[1][np.argsort(mixed)]), same(shot))
test_eq(len(set(shot)), len(begins) + n + 1)
test_eq((run[-1], len(set(run[:len(film)]))), (-1, 1))
by_hand = find_shots(names, thumbs, cuts=lambda o: [10] if len(o) == len(film) else [])[1]
test_eq(np.flatnonzero(np.diff(by_hand[:len(film)])).tolist(), [9])
len(film),len(set(shot[:len(film)]))

# %% [markdown]
# ## A split by clusters

# %% [markdown]
# The split shuffles clusters and cuts the row where the shares are reached. The order must depend on the pictures alone, not on their names or on the order of the list, so each cluster is known by the smallest hash of its pictures and is ordered by a hash of that and the seed. A cluster goes where its middle lies: with shares $v_1,v_2,\dots$ and $u$ the share of pictures that stand before its middle, to the side $k$ with
#
# $$\sum_{j<k}v_j\leq u<\sum_{j\leq k}v_j.$$
#
# [`split_by_hash`](loaders.ipynb#a-split-that-no-copy-crosses) draws $u$ for each picture independently; here the row is cut, so that even a film of five shots has something on each side. The price is that the result depends on the whole set and must be stored.

# %%
#| export
def split_clusters(
    codes, # hash of each picture
    cluster:np.ndarray, # number of the cluster of each
    shares:dict, # names of the sides and their shares
    seed:int=0, # another seed, another split
) -> np.ndarray: # the side of each picture
    "A side for each picture; pictures of one cluster are on one side"
    t = pd.DataFrame(dict(code=list(codes), cluster=cluster)).groupby('cluster').code.agg(['min', 'size'])
    t['place'] = [hashlib.sha256(f'{seed}{o}'.encode()).hexdigest() for o in t['min']]
    t = t.sort_values('place')
    u = (t['size'].cumsum() - t['size']/2)/len(cluster)
    ends = np.cumsum(list(shares.values()))
    t['side'] = np.array(list(shares), object)[np.searchsorted(ends/ends[-1], u, side='right').clip(max=len(ends) - 1)]
    empty = sorted({k for k,v in shares.items() if v > 0} - set(t.side))
    if empty: raise InputError(f"too few different pictures: nothing is left for {', '.join(empty)}", 'add pictures')
    return t.side[cluster].to_numpy()

# %%
shares = dict(train=.6, valid=.2, test=.2)
size_of = pd.Series(cluster).value_counts().max()
for s in range(20):
    sides = split_clusters(codes, cluster, shares, s)
    test_eq(len(set(zip(sides, cluster))), n + 2)
    test_eq(split_clusters([codes[i] for i in order], cluster[order], shares, s), sides[order])
    for k,v in shares.items(): assert abs((sides == k).mean() - v) <= size_of/len(codes) + 1e-9
assert (split_clusters(codes, cluster, shares, 0) != split_clusters(codes, cluster, shares, 1)).any()
test_fail(lambda: split_clusters(['a', 'b'], np.array([0, 0]), shares), exc=InputError, contains='too few')
pd.Series(sides).value_counts().to_dict()

# %% [markdown]
# `split` does all of this for a source: it looks once at each picture and finds copies, shots, clusters and sides. What cannot be read stops it, or is listed with an empty side if `skip_bad` is set. Its table goes into a CSV file, and `write_split` puts the pictures into a folder for each side, without coding them again, so that every tool that takes a folder can use them.

# %%
#| export
def split(
    source, # see `colorbook.data.scan.stream_photos`
    shares:dict=None, # names of the sides and their shares; 80 % train, 10 % valid, 10 % test if not given
    seed:int=0, # another seed, another split
    cuts=find_breaks, # see `find_shots`
    skip_bad:bool=False, # list what cannot be read, with the side '', instead of an error
    workers:int=None, # threads
) -> pd.DataFrame: # a row a picture: `name`, `side`, `cluster`, `code`, `error`
    "Divide a set so that no copy and no shot crosses"
    seen = []
    for o in summarize_images(source, workers):
        if o.error and not skip_bad: raise o.error
        if o.square is not None: o.square = thumbnails(o.square[None])[0]
        seen.append(o)
    good = [o for o in seen if not o.error]
    if not good: raise InputError(f"there is no photo in '{source}'", 'give a folder, a tar file or a pattern')
    codes,thumbs = [o.code for o in good],np.stack([o.square for o in good])
    _,shot = find_shots([o.name for o in good], thumbs, cuts)
    _,first,same = np.unique(shot, return_index=True, return_inverse=True)
    copies = find_copies(codes, thumbs)[['first', 'second']]
    cluster = clusters(len(good), copies, np.stack([first[same], np.arange(len(good))], 1))
    sides = split_clusters(codes, cluster, shares or dict(train=.8, valid=.1, test=.1), seed)
    table = pd.DataFrame(dict(name=[o.name for o in seen], error=[str(o.error or '') for o in seen]))
    rows = [i for i,o in enumerate(seen) if not o.error]
    for k,v,none in (('side', sides, ''), ('cluster', cluster, -1), ('code', codes, '')):
        table[k] = none
        table.loc[rows, k] = v
    return table[['name', 'side', 'cluster', 'code', 'error']]

# %%
#| export
def write_split(
    source, # as given to `split`
    table:pd.DataFrame, # of `split`
    out, # folder; gets one for each side, and split.csv
) -> Path: # the table
    "Pictures in a folder for each side, as they were stored"
    out,seen = Path(out),set()
    for (name,src),side in zip(stream_photos(source), table.side):
        if not side: continue
        to = out/side/Path(*[o for o in Path(name).parts if o not in ('..', Path(name).anchor)])
        if not isinstance(src, (Path, bytes)): to = to.with_suffix('.png')
        if to in seen: raise OutputError(f"two pictures would become '{to}'", 'rename one, or split them apart')
        seen.add(to)
        with atomic_path(to) as f:
            if isinstance(src, Path): shutil.copyfile(src, f)
            elif isinstance(src, bytes): f.write_bytes(src)
            else: read_photo(src() if callable(src) else src, name).save(f)
    with atomic_path(out/'split.csv') as f: table.to_csv(f, index=False)
    return out/'split.csv'

# %% [markdown]
# Now all together, for a folder with photographs, two changed copies of each, a film, and a file that is not a picture. Every original and its copies must be on one side, and so must every shot. Printed are the numbers of pictures on each side; the one without a side is the unreadable file.

# %%
home = Path(tempfile.mkdtemp())
def save(name, im):
    (home/name).parent.mkdir(exist_ok=True, parents=True)
    im.save(home/name)
for i,o in enumerate(ims):
    for k in (None, 'all', 'trimmed'): save(f'set/{k or "as it was"}/p{7*i}.png', changes[k](o) if k else o)
for i,o in enumerate(film): save(f'set/film/{i:05}.jpg', o)
(home/'set/none.png').write_text('none')
test_fail(lambda: split(home/'set'), exc=InputError, contains='none.png')
table = split(home/'set', shares, seed, skip_bad=True)
test_eq(table[table.error != ''][['name', 'side']].values.tolist(), [['none.png', '']])
photo = table[table.name.str.contains('/p')]
test_eq(photo.groupby(photo.name.map(lambda o: Path(o).name)).side.nunique().max(), 1)
frames = table[table.name.str.startswith('film')]
test_eq(set(np.flatnonzero(frames.side.ne(frames.side.shift()))) <= set(begins), True)
write_split(home/'set', table, home/'out')
for k in shares:
    files = sorted(str(o.relative_to(home/'out'/k)) for o in (home/'out'/k).rglob('*.*'))
    test_eq(files, sorted(table[table.side == k].name))
test_eq((home/'out'/table.side[0]/table.name[0]).read_bytes(), (home/'set'/table.name[0]).read_bytes())
test_eq(pd.read_csv(home/'out/split.csv', keep_default_na=False).side.tolist(), table.side.tolist())
test_fail(lambda: write_split(ims[:2] + [home/'set/none.png'], pd.DataFrame(dict(side=['a']*3)), home/'set/none.png'),
          exc=OutputError)
table.side.value_counts().to_dict()

# %% [markdown]
# ## What we have
#
# - `find_copies`, equal pictures and near copies: an index over the coarse light, and a fit of the details;
# - `find_shots` for films that lie as frames, `clusters` of whatever belongs together;
# - `split` and `write_split`: training, validation and test, with copies and shots kept together.

# %% [markdown]
# ## Exercises
#
# 1. A mirrored copy is not found. Which numbers of a description change their sign under a mirror, and what would finding it cost?
# 2. Round each description to bits, as perceptual hashes do. How many bits differ for trimmed copies, and how many for the nearest different picture?
# 3. The candidates are limited to ten neighbors. Plant a photograph thirty times with different trims: are all in one cluster, and why?
