"""Loading for training: images a second that reach the trainer at 128 pixels, beside what training consumes.

    python benchmarks/loading.py [PHOTOS] [--n 3000] [--workers 2] [--rounds 3]

The same photos (a folder or tars; crops of the packages' own pictures if not given), short side 192, are written as a
folder of JPEG files, a tar of them, shards for streaming and an HDF5 file of frames. Each is read as
`colorbook train default DATA --workers 2` does: random square, resize, mirror, then L and color of whole batches. The
limit is what the recipe `default` itself takes up: its first phase on batches that are in memory already, measured
between the rounds, on the same machine. Beside them the ways of two systems that the book builds on, as far as they are
published: S1 decodes each frame with Pillow and transforms it with torchvision, for each of the three of a triplet; S2
reads single frames from a table of pixels and resizes them with OpenCV, one after the other. A rate counts pictures
that went through the network's door: for S1 a triplet is one.
"""
import argparse, tarfile, tempfile, time
from pathlib import Path
from statistics import median

import cv2, h5py, hdf5plugin, numpy as np, torch
from PIL import Image, ImageOps
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from colorbook.data.loaders import color_loaders, load_data
from colorbook.data.photos import list_photos, Photos, read_photo, sample_photos
from colorbook.data.shards import write_shards
from colorbook.training.recipes import recipes
from colorbook.data.shard_loader import shard_loaders
from colorbook.data.hdf5 import build_db, DBPhotos, to_lab8
from colorbook.core import malloc_policy
from colorbook.training.trainer import make_learner

SIZE,BS = 128,48


def crops(n):
    "Pictures with 4:3 from six photographs, none like the other"
    rng,ims = np.random.default_rng(0),[o.convert('RGB') for o in sample_photos()]
    for i in range(n):
        im = ims[i % len(ims)]
        h = int(rng.uniform(.5, 1)*min(im.height, im.width*3/4))
        x,y = rng.integers(im.width - h*4//3 + 1),rng.integers(im.height - h + 1)
        yield im.resize((256, 192), Image.Resampling.LANCZOS, box=(x, y, x + h*4//3, y + h))


def prepare(photos, n, home):
    "The same pictures in five layouts"
    items = list_photos(photos)[:n] if photos else None
    ims = (read_photo(o, name) for name,o in items) if items else crops(n)
    (home/'jpeg').mkdir()
    for i,im in enumerate(ims):
        ImageOps.fit(im, (256, 192)).save(home/f'jpeg/{i:05}.jpg', quality=90)
    with tarfile.open(home/'photos.tar', 'w') as t: t.add(home/'jpeg', '.')
    write_shards(home/'jpeg', home/'shards', per_shard=500)
    build_db(home/'jpeg', home/'frames.h5', size=(256, 192))
    with h5py.File(home/'s2.h5', 'w') as f:
        rows = np.stack([to_lab8(read_photo(o)) for o in sorted((home/'jpeg').glob('*'))[:500]])
        flat = np.empty(rows[:,0].size, [(c, 'u1') for c in 'ABL'])
        for k,c in enumerate('LAB'): flat[c] = rows[:,k].ravel()
        f.create_dataset('Train', data=flat, chunks=(65536,), **hdf5plugin.Blosc(clevel=5))


class S1Triplets(Dataset):
    "Three frames a sample, each decoded and transformed by itself"
    def __init__(self, folder):
        self.files = sorted(folder.glob('*.jpg'))
        half = [transforms.ToTensor(), transforms.Normalize((.5,), (.5,))]
        self.color = transforms.Compose([transforms.Resize((SIZE, SIZE)), *half])
        self.gray = transforms.Compose([transforms.Resize((SIZE, SIZE)), transforms.Grayscale(), *half])
    def __len__(self): return len(self.files)
    def __getitem__(self, i):
        near = [self.files[min(max(j, 0), len(self) - 1)] for j in (i - 1, i, i + 1)]
        with Image.open(near[1]) as im: color = self.color(im.convert('RGB'))
        grays = []
        for o in near:
            with Image.open(o) as im: grays.append(self.gray(im.convert('RGB')))
        return torch.stack(grays),color


class S2Frames(Dataset):
    "One frame a read, from a compressed table of pixels"
    def __init__(self, path, n, size=(256, 192)): self.path,self.n,self.size,self.rows = path,n,size,None
    def __len__(self): return self.n
    def __getitem__(self, i):
        if self.rows is None: self.rows = h5py.File(self.path)['Train']
        w,h = self.size
        planes = [self.rows[c, i*w*h:(i + 1)*w*h].reshape(h, w) for c in 'LAB']
        a = np.stack([cv2.resize(o, (SIZE, SIZE)) for o in planes]).astype(np.float32)/127.5 - 1
        return a[:1],a[1:]


def training(learn, n):
    "Images a second that the first phase of `default` consumes"
    batch = learn.dls.one_batch()
    learn.opt = None
    learn.create_opt()
    start = None
    for i in range(n + 2):
        if i == 2: start = time.perf_counter()
        learn.opt.zero_grad()
        loss = learn.loss_func(learn.model(batch[0]), batch[1])
        loss.backward()
        learn.opt.step()
    return n*len(batch[0])/(time.perf_counter() - start)


def rate(loader, n):
    "Pictures a second of a loader, from its second batch on; an epoch that ends is followed by the next"
    seen,start = 0,None
    while seen < n:
        for b in loader:
            if start is None: start = time.perf_counter()
            else: seen += len(b[0])
            if seen >= n: break
    return seen/(time.perf_counter() - start)


def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument('photos', nargs='?', help='color photographs; else crops of those in packages')
    for k,v in dict(n=3000, workers=2, rounds=3, steps=8).items(): arg.add_argument(f'--{k}', type=int, default=v)
    a = arg.parse_args()
    malloc_policy(keep=True)
    with tempfile.TemporaryDirectory() as home:
        home = Path(home)
        prepare(a.photos, a.n, home)
        def late(source): return color_loaders(source, BS, SIZE, low=.75, device='cpu', num_workers=a.workers).train
        learn = make_learner(recipes['default-mobile'], load_data(recipes['default-mobile'], home/'jpeg', n=400))
        other = dict(batch_size=BS, shuffle=True, num_workers=a.workers)
        loaders = {
            'JPEG folder': lambda: late(Photos(home/'jpeg', keep=False)),
            'tar': lambda: late(Photos(home/'photos.tar', keep=False)),
            'HDF5': lambda: late(DBPhotos(home/'frames.h5')),
            'shards, streamed': lambda: shard_loaders(home/'shards', BS, SIZE, low=.75, device='cpu',
                num_workers=a.workers).train,
            'in memory, no worker': lambda: load_data(recipes['default-mobile'], home/'jpeg').train,
            "S1's way, triplets": lambda: DataLoader(S1Triplets(home/'jpeg'), **other),
            "S2's way": lambda: DataLoader(S2Frames(home/'s2.h5', min(500, a.n)), batch_size=BS, shuffle=True)}
        found = {k: [] for k in ('training', *loaders)}
        for _ in range(a.rounds):
            for k,make in loaders.items():
                found['training'].append(training(learn, a.steps))
                found[k].append(rate(make(), a.n//2))
    need = median(found['training'])
    table = Table('source', 'images/s', 'times training', title=f'{a.n} photos, {SIZE} px, {a.workers} workers')
    for k,v in found.items(): table.add_row(k, f'{median(v):.0f} ({min(v):.0f}-{max(v):.0f})', f'{median(v)/need:.2f}')
    Console(width=100).print(table)
    print('bar: each of JPEG folder, tar and HDF5 at least 2.5 times training')


if __name__ == '__main__': main()
