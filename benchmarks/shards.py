"""What shards cost: packing, looking through, planning a million, reading forward, and going on in mid-epoch.

    python benchmarks/shards.py DATA [--workers 2] [--size 128] [--batches 100]

DATA is a folder or tars of photographs. `jump` is `color_loaders` on the same shards, which decodes at random places;
`forward` is `shard_loaders`. `first batch at 0.9` is the time to the first batch after a resume near the end of an
epoch, and `replayed` the time that a loader would need that reads and throws away what was seen.
"""
import argparse, tempfile, time
from pathlib import Path

from colorbook.data.loaders import color_loaders
from colorbook.data.shards import Shards, write_shards
from colorbook.data.shard_loader import plan_epoch, shard_loaders


def timed(f):
    "Result and seconds"
    t = time.perf_counter()
    return f(), time.perf_counter() - t


def rate(dl, batches):
    "Photos a second after the first batch, and seconds to the first"
    it = iter(dl)
    _,first = timed(lambda: next(it))
    seen,s = timed(lambda: sum(len(L) for _,(L,_) in zip(range(batches), it)))
    return seen/s, first


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('data')
    ap.add_argument('--workers', type=int, default=2)
    ap.add_argument('--size', type=int, default=128)
    ap.add_argument('--batches', type=int, default=100)
    a = ap.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        out,rows = Path(tmp)/'set',{}
        _,s = timed(lambda: write_shards(a.data, out, short=3*a.size//2, skip_bad=True))
        shards,known = timed(lambda: Shards(out))
        rows['packed, photos/s'] = len(shards)/s
        for o in out.glob('*.npz'): o.unlink()
        _,s = timed(lambda: Shards(out))
        rows['looked through, photos/s'] = len(shards)/s
        rows['opened with indexes, s'] = known
        million = [list(range(k*1000, k*1000 + 1000)) for k in range(1000)]
        rows['plan of a million, s'] = timed(lambda: plan_epoch(million, 48, lanes=a.workers, buffer=1000, key='0'))[1]
        options = dict(bs=48, size=a.size, num_workers=a.workers, device='cpu')
        try: rows['jump, photos/s'] = rate(color_loaders(shards, **options).train, a.batches)[0]
        except TypeError: pass  # color_loaders without workers
        dl = shard_loaders(shards, **options).train
        rows['forward, photos/s'],rows['first batch, s'] = rate(dl, a.batches)
        state = {**dl.state_dict(), 'epoch': 0, 'batch': int(.9*len(dl))}
        rows['first batch at 0.9, s'] = rate(shard_loaders(shards, state=state, **options).train, 1)[1]
        rows['replayed, s'] = state['batch']*48/rows['forward, photos/s']
    for k,v in rows.items(): print(f'{k:28}{v:12.2f}')


if __name__ == '__main__': main()
