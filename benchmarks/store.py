"""The database of frames: memory and speed of building, and frames a second that a loader reads.

    python benchmarks/store.py [--counts 1000 10000] [--size 192] [--seconds 8]

Building: each count in a process of its own, from an iterator of drawn 640x480 frames, so that the source takes no
memory either; peak is the most that the process ever had, base what it had after its imports. Reading: the default's
crops of 128 pixels, two workers, random order, with the turn from Lab to RGB and the crop; beside it S2's way, a file
of pixels that PyTables compressed with Blosc, read a frame at a time.
"""
import argparse, itertools, multiprocessing, resource, sys, tempfile, time
from pathlib import Path

import h5py, numpy as np, torch
from torch.utils.data import DataLoader

from colorbook.data.loaders import SquareCrop
from colorbook.data.photos import sample_photos
from colorbook.data.hdf5 import DBPhotos, build_db


def frames(n, size=(640, 480)):
    "Parts of photographs, no two alike"
    ims = [o.resize((size[0] + 200, size[1] + 200)) for o in sample_photos()]
    for i in range(n):
        x,y = (i*37)%200,(i*i*11)%200
        yield f'{i:06}.png',ims[i%6].crop((x, y, x + size[0], y + size[1]))


def rss():
    "The most memory this process ever had, in MB"
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/(2**20 if sys.platform == 'darwin' else 2**10)


def build(path, n, size, pipe):
    list(frames(2))
    base,t = rss(),time.perf_counter()
    build_db(frames(n), path, size=(size, size))
    pipe.send((base, rss(), time.perf_counter() - t))


def pixels(path, db):
    "The same frames as S2 wrote them"
    import tables
    cols = {k: tables.UInt8Col() for k in 'LAB'}
    with tables.open_file(str(path), 'w', filters=tables.Filters(complevel=5, complib='blosc')) as f:
        t = f.create_table('/', 'Train', cols)
        for i in range(len(db)):
            rows = np.empty(db.planes(i)[0].size, t.dtype)
            for k,o in zip('LAB', db.planes(i)): rows[k] = o.ravel()
            t.append(rows)


def speed(photos, seconds, workers):
    "Crops a second"
    crop = SquareCrop(photos, 128)
    order = itertools.cycle(np.random.default_rng(0).permutation(len(photos)).tolist())
    loader = iter(DataLoader(Crops(crop), batch_size=32, sampler=Endless(order), num_workers=workers))
    next(loader)
    n,t = 0,time.perf_counter()
    while time.perf_counter() - t < seconds: n += len(next(loader))
    return n/(time.perf_counter() - t)


class Endless(torch.utils.data.Sampler):
    def __init__(self, order): self.order = order
    def __iter__(self): return self.order


class Crops:
    def __init__(self, crop): self.crop = crop
    def __getitem__(self, i): return self.crop.encodes(i)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--counts', type=int, nargs='+', default=[1000, 10000])
    ap.add_argument('--size', type=int, default=192)
    ap.add_argument('--seconds', type=float, default=8)
    a = ap.parse_args()
    torch.set_num_threads(1)
    child = multiprocessing.get_context('spawn')
    with tempfile.TemporaryDirectory() as tmp:
        print('frames      base MB   peak MB   file MB   frames/s')
        for n in a.counts:
            path,(here,there) = Path(tmp)/f'{n}.h5',child.Pipe()
            p = child.Process(target=build, args=(path, n, a.size, there))
            p.start()
            base,peak,took = here.recv()
            p.join()
            print(f'{n:6}{base:13.0f}{peak:10.0f}{path.stat().st_size/2**20:10.0f}{n/took:11.0f}', flush=True)
        db = DBPhotos(Path(tmp)/f'{a.counts[0]}.h5')
        pixels(Path(tmp)/'s2.h5', db)
        old = DBPhotos(Path(tmp)/'s2.h5', size=db.size)
        print('\nreading, crops of 128/s   no worker   two workers')
        for name,o in [('database', db), ("S2's file", old)]:
            print(f'{name:24}{speed(o, a.seconds, 0):11.0f}{speed(o, a.seconds, 2):14.0f}', flush=True)
        t = time.perf_counter()
        order = np.random.default_rng(1).permutation(len(db)).tolist()
        for i in order: db.planes(i)
        print(f'\nframes/s unpacked by one process, as Lab: {len(db)/(time.perf_counter() - t):.0f}')


if __name__ == '__main__': main()
