"Shards: every picture once an epoch on any machines, exact resume after a kill, and nothing lost in silence."
import functools, gzip, http.server, io, itertools, json, os, random, shutil, signal, subprocess, sys, tarfile
import threading
from pathlib import Path

import numpy as np, pytest, torch
from fastai.vision.all import SGD, Callback, CancelFitException, Learner, nn
from PIL import Image, JpegImagePlugin

from colorbook.core import InputError, OutputError, UsageError
from colorbook.data.loaders import color_loaders
from colorbook.data.photos import data_dir, is_photo, sample_photos
from colorbook.data.shards import Shards, scan_shard, write_shards
from colorbook.data.shard_loader import plan_epoch, read_batches, shard_loaders

N, BS = 131, 8
ROOT = Path(__file__).parent.parent


def ticket(i):
    "A picture that carries its number in red, and in blue tells where a crop was taken"
    rgb = np.broadcast_arrays(i, 255 - i, np.arange(24)*10*np.ones((20, 1)))
    return Image.fromarray(np.stack(rgb, -1).astype(np.uint8))


def numbers(batches):
    "Which tickets are in each batch"
    return [((rgb[:, 0, 0, 0] + 1)/2*255).round().int().tolist() for _,rgb in batches]


def flat(batches): return [i for b in batches for i in b]


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    "Shards of tickets: seven of 20 or fewer, and all in one"
    home = tmp_path_factory.mktemp('shards')
    assert write_shards([ticket(i) for i in range(N)], home/'many', 20) == []
    assert write_shards([ticket(i) for i in range(N)], home/'one', 1000) == []
    return home


def loaders(source, rank=0, nodes=1, num_workers=0, **kwargs):
    kwargs = {**dict(valid=.1, seed=3, buffer=30), **kwargs}
    return shard_loaders(source, BS, 8, device='cpu', num_workers=num_workers, world=(rank, nodes), target='rgb',
                         **kwargs)


@pytest.mark.parametrize('name', ['many', 'one'])
@pytest.mark.parametrize('nodes', [1, 2, 3])
@pytest.mark.parametrize('num_workers', [0, 1, 2])
def test_every_picture_once(home, name, nodes, num_workers):
    "With real worker processes; one shard is fewer than there are readers"
    each = [loaders(home/name, r, nodes, num_workers) for r in range(nodes)]
    shards = Shards(home/name)
    held = {shards[i].getpixel((0, 0))[0] for i in each[0].held}
    epochs = [[numbers(o.train) for o in each] for _ in range(2)]
    for e in epochs:
        assert sorted(i for o in e for i in flat(o)) == sorted(set(range(N)) - held)
        assert {len(o) for o in e} == {len(each[0].train)} and max(len(b) for o in e for b in o) <= BS
    assert epochs[0] != epochs[1]
    assert [numbers(loaders(home/name, r, nodes, num_workers).train) for r in range(nodes)] == epochs[0]
    assert sorted(i for o in each for i in flat(numbers(o.valid))) == sorted(held)
    other = [numbers(loaders(home/name, r, nodes, num_workers, seed=4).train) for r in range(nodes)]
    assert other != epochs[0]


def test_a_plan_of_any_shape():
    "Sizes, machines, lanes and buffers drawn at random; no machine has more batches than another"
    rng = random.Random(1)
    for _ in range(200):
        ends = sorted(rng.sample(range(1, 400), rng.randint(1, 12)))
        groups = [list(range(a, b)) for a,b in zip([0] + ends, ends)]
        nodes,lanes,bs,buffer = (rng.randint(1, k) for k in (min(9, ends[-1]), 9, 50, 99))
        plans = [plan_epoch(groups, bs, (r, nodes), lanes, buffer, 'k') for r in range(nodes)]
        assert sorted(i for _,b in plans for i in flat(b)) == list(range(ends[-1]))
        assert all(sorted(flat(pieces)) == sorted(flat(b)) for pieces,b in plans)
        sizes = [len(b) for _,o in plans for b in o]
        assert len({len(b) for _,b in plans}) == 1 and 1 <= min(sizes)
        assert max(sizes) <= bs or bs == 1 and max(sizes) == 2


def test_a_lane_holds_no_more_than_its_buffer(home):
    shards = Shards(home/'many')
    groups = [list(range(a, b)) for a,b in itertools.pairwise(shards.start.tolist())]
    plan,most,out = plan_epoch(groups, BS, lanes=1, buffer=30, key='x'),0,0
    class Counted(Shards):
        came = 0
        def read(self, order):
            for o in super().read(order):
                self.came += 1
                yield o
    counted = Counted(home/'many')
    for _,o in read_batches(counted, plan, range(len(plan[1]))):
        out += len(o)
        most = max(most, counted.came - out)
    assert 20 < most <= 30 and out == N


@pytest.mark.parametrize('nodes, num_workers', [(1, 0), (1, 2), (2, 1), (2, 2)])
def test_resume_anywhere(home, nodes, num_workers):
    "After each batch, with other numbers of workers: the rest of the epoch is the same to the last bit, and the next"
    rank = nodes - 1
    straight = loaders(home/'many', rank, nodes, num_workers)
    first,second = list(straight.train),list(straight.train)
    for k in range(0, len(first) + 1, 3):
        dl = loaders(home/'many', rank, nodes, num_workers).train
        for _ in zip(range(k), dl): pass
        state = json.loads(json.dumps(dl.state_dict()))
        assert (state['epoch'], state['batch']) == (0, k)
        rest = loaders(home/'many', rank, nodes, (k + num_workers)%3, state=state).train
        assert same(list(rest), first[k:]) and rest.epoch == 1
        if k == 6: assert same(list(rest), second)


def same(a, b): return len(a) == len(b) and all(torch.equal(x, y) for p,q in zip(a, b) for x,y in zip(p, q))


def test_crops_are_new_each_epoch(home):
    "And by picture, not by batch: the blue of a ticket tells where it was cut"
    dl = loaders(home/'many').train
    cuts = [{int(i): b for L,rgb in dl for i,b in zip(flat(numbers([(L, rgb)])), rgb[:, 2])} for _ in range(2)]
    assert len(cuts[0]) == len(dl.dataset) and set(cuts[0]) == set(cuts[1])
    assert sum(torch.equal(cuts[0][i], cuts[1][i]) for i in cuts[0]) < 10
    assert len({tuple(b.flatten().tolist()) for b in cuts[0].values()}) > len(dl.dataset)*.8
    dls = loaders(home/'many')
    assert same(list(dls.valid), list(dls.valid))


def test_same_sees_a_difference(home):
    a = list(loaders(home/'many').train)
    assert same(a, a) and not same(a, a[1:]) and not same(a, a[1:] + a[:1])


def test_looking_is_not_going_on(home):
    "A first batch, or a loop that is broken off, does not move the place where the next loop begins"
    dl = loaders(home/'many', num_workers=2).train
    state = dl.state_dict()
    a = dl.one_batch()
    assert dl.state_dict() == state
    for b in dl: break
    assert dl.state_dict() == {**state, 'batch': 1} and same([a], [b])
    assert same([next(iter(dl))], [a])


def test_a_state_of_something_else(home):
    state = loaders(home/'many').train.state_dict()
    for kwargs in (dict(nodes=2), dict(seed=4), dict(buffer=31), dict(valid=.2)):
        with pytest.raises(UsageError, match='the state is of'): loaders(home/'many', state=state, **kwargs)
    more = Shards([home/'many', home/'one'])
    with pytest.raises(UsageError, match='photos'): loaders(more, state=state)


TRAIN = '''
import json, os, sys, torch
from colorbook.core import atomic_path
from colorbook.data.shard_loader import shard_loaders
home, place = sys.argv[1:]
state = json.load(open(place)) if os.path.exists(place) else None
dl = shard_loaders(home, 8, 8, valid=.1, seed=3, buffer=30, device='cpu', num_workers=2, world=(0, 1), target='rgb',
                   state=state).train
while dl.epoch < 2:
    for _,rgb in dl:
        ids = ((rgb[:, 0, 0, 0] + 1)/2*255).round().int().tolist()
        with atomic_path(place) as f: f.write_text(json.dumps({**dl.state_dict(), 'ids': ids}))
        print(dl.epoch, *ids, flush=True)
        if not state: sys.stdin.readline()
'''


def test_killed_and_resumed(home, tmp_path):
    "SIGKILL in mid-epoch, with workers running ahead; a new process does the rest"
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    cmd = [sys.executable, '-W', 'ignore', '-c', TRAIN, str(home/'many'), str(tmp_path/'state.json')]
    with subprocess.Popen(cmd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        before = []
        for _ in range(5):
            before.append(p.stdout.readline())
            p.stdin.write('\n')
            p.stdin.flush()
        before.append(p.stdout.readline())
        p.send_signal(signal.SIGKILL)
        p.wait()
    after = subprocess.run(cmd, env=env, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [list(map(int, o.split())) for o in before + after]
    dl = loaders(home/'many', num_workers=2).train
    assert [[e, *b] for e in range(2) for b in numbers(dl)] == rows


GLOO = '''
import json, sys, torch, torch.distributed as dist
from colorbook.data.shard_loader import shard_loaders
home, rank, meet = sys.argv[1], int(sys.argv[2]), sys.argv[3]
dist.init_process_group('gloo', init_method=f'file://{meet}', rank=rank, world_size=2)
def loaders(**kwargs):
    return shard_loaders(home, 8, 8, valid=.1, seed=3, buffer=30, device='cpu', num_workers=2, target='rgb', **kwargs)
def together(dl, stop=None):
    seen, n = [], torch.zeros(1)
    for k,(_,rgb) in enumerate(dl):
        seen.append(((rgb[:, 0, 0, 0] + 1)/2*255).round().int().tolist())
        one = torch.ones(1)
        dist.all_reduce(one)   # as gradients would be: hangs if one process has more batches than the other
        n += one
        if k + 1 == stop: break
    return seen, n.item()
dl = loaders().train
epochs = [together(dl) for _ in range(2)]
dl = loaders().train
part = together(dl, 3)
rest = together(loaders(state=dl.state_dict()).train)
print(json.dumps(dict(world=dl.dataset.world, epochs=epochs, part=part, rest=rest)))
dist.destroy_process_group()
'''


def test_two_processes_through_gloo(home, tmp_path):
    "Places come from torch.distributed; an all-reduce after each batch, as in training"
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    ps = [subprocess.Popen([sys.executable, '-W', 'ignore', '-c', GLOO, str(home/'many'), str(r), str(tmp_path/'meet')],
        env=env, stdout=subprocess.PIPE, text=True) for r in range(2)]
    try: out = [json.loads(p.communicate(timeout=500)[0]) for p in ps]
    finally:
        for p in ps: p.kill()
    assert [o['world'] for o in out] == [[0, 2], [1, 2]]
    dls = [loaders(home/'many', r, 2, 2) for r in range(2)]
    train = sorted(set(range(N)) - {Shards(home/'many')[i].getpixel((0, 0))[0] for i in dls[0].held})
    for e in range(2):
        assert sorted(i for o in out for i in flat(o['epochs'][e][0])) == train
        assert [o['epochs'][e] for o in out] == [[numbers(d.train), 2*len(d.train)] for d in dls]
    for o in out: assert o['part'][0] + o['rest'][0] == o['epochs'][0][0]


class Stop(Callback):
    "Saves everything after some batches, and stops; or notes losses"
    def __init__(self, after=None): self.after,self.losses = after,[]
    def after_batch(self):
        if not self.training: return
        self.losses.append(self.learn.loss.item())
        if len(self.losses) == self.after:
            self.state = json.loads(json.dumps(self.dls.train.state_dict()))
            self.model_state = {k: v.clone() for k,v in self.model.state_dict().items()}
            raise CancelFitException


def test_a_learner_goes_on(tmp_path):
    "Training with fastai, interrupted in the second epoch: losses are those of the straight run"
    write_shards(sample_photos(32)*3, tmp_path/'set', 4)
    def learner(**kwargs):
        dls = shard_loaders(tmp_path/'set', 4, 16, valid=.2, seed=1, buffer=8, device='cpu', target='ab', **kwargs)
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1))
        return Learner(dls, model, loss_func=nn.MSELoss(), opt_func=functools.partial(SGD, mom=0.), lr=.1)
    straight,after = Stop(),Stop()
    with (learn := learner()).no_bar(), learn.no_logging(): learn.fit(3, cbs=straight, wd=0)
    n = len(learn.dls.train)
    broken = Stop(n + 2)
    assert n > 2 and len(straight.losses) == 3*n and np.isfinite(learn.validate()).all()
    with (learn := learner(num_workers=1)).no_bar(), learn.no_logging(): learn.fit(3, cbs=broken, wd=0)
    assert broken.state['epoch'] == 1 and broken.state['batch'] == 2
    learn = learner(state=broken.state, num_workers=2)
    learn.model.load_state_dict(broken.model_state)
    with learn.no_bar(), learn.no_logging(): learn.fit(2, cbs=after, wd=0)
    assert broken.losses + after.losses == pytest.approx(straight.losses, rel=1e-6)
    with learn.no_bar(): _,real = learn.get_preds()
    jump = color_loaders(Shards(tmp_path/'set'), 4, 16, valid=.2, seed=1, device='cpu', target='ab')
    assert torch.equal(torch.cat([o for _,o in jump.valid]), real)


def test_photos_for_all_loaders(home):
    "`Shards` is a source for `color_loaders`: the same pictures are held out, and look the same"
    a = color_loaders(Shards(home/'many'), BS, 8, valid=.1, seed=3, device='cpu')
    b = loaders(home/'many')
    assert a.held == b.held and a.crop.photos.names == b.crop.photos.names


def add(tar, name, data, **kwargs):
    o = tarfile.TarInfo(name)
    o.size = len(data)
    for k,v in kwargs.items(): setattr(o, k, v)
    tar.addfile(o, io.BytesIO(data))


def png(i):
    out = io.BytesIO()
    ticket(i).save(out, 'PNG')
    return out.getvalue()


@pytest.mark.parametrize('kind', [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_shards_of_others(tmp_path, kind):
    "Folders, notes, hidden files, dots, equal stems, long and foreign names; all read, none merged"
    names = ['a/b.jpg', 'a/b.png', 'a.b.PNG', 'a.c.png', 'Straße/ü.png', 'd'*60 + '/' + 'e'*80 + '.png']
    with tarfile.open(tmp_path/'x.tar', 'w', format=kind) as t:
        add(t, 'folder', b'', type=tarfile.DIRTYPE)
        add(t, 'notes.json', b'{}'*3000)
        add(t, 'a/._b.png', b'left by another system')
        for i,o in enumerate(names): add(t, o, png(i))
        add(t, 'last.txt', b'x'*512)
    shards = Shards(tmp_path/'x.tar')
    assert shards.names == names and [o.getpixel((0, 0))[0] for o in shards] == list(range(len(names)))


def shard_of(path, n=4):
    with tarfile.open(path, 'w') as t:
        for i in range(n): add(t, f'{i}.png', png(i))
    return path.read_bytes(),tarfile.open(path).getmembers()


def test_every_cut_is_seen(tmp_path):
    "A shard cut anywhere before its end is damaged; what stands before the cut is kept on demand, and counted"
    raw,members = shard_of(tmp_path/'whole.tar')
    end = members[-1].offset_data + 512
    for at in [1, 100, *range(256, end + 1, 256)]:
        path = tmp_path/f'{at}.tar'
        path.write_bytes(raw[:at])
        with pytest.raises(InputError, match=f'{at}.tar'): Shards(path)
        whole = sum(o.offset_data + o.size <= at for o in members)
        if not whole: continue
        some = Shards(path, skip_bad=True)
        assert len(some) == whole and len(some.bad) == 1 and str(path) in some.bad[0].what
        assert not path.with_name(f'{at}.tar.npz').exists()
    for at in (end + 512, len(raw)):
        (tmp_path/'enough.tar').write_bytes(raw[:at])
        assert len(Shards(tmp_path/'enough.tar')) == 4


@pytest.mark.parametrize('what', [b'', b'no tar', bytes(10240), 'gz', 'folder'])
def test_no_shard(tmp_path, what):
    path = tmp_path/'x.tar'
    raw,_ = shard_of(path)
    if what == 'gz':
        path.write_bytes(gzip.compress(raw))
    elif what == 'folder':
        path.unlink()
        (tmp_path/'empty').mkdir()
        path = tmp_path/'empty'
    else: path.write_bytes(what)
    with pytest.raises(InputError, match=r'x\.tar|empty'): Shards(path)


def test_a_shard_that_changes_while_it_is_read(tmp_path):
    "Cut off after it was looked through: an error in the main process, with the shard and the picture"
    raw,members = shard_of(tmp_path/'x.tar', 12)
    for k in (0, 2):
        (tmp_path/'x.tar').write_bytes(raw)
        dls = shard_loaders(tmp_path/'x.tar', 2, 8, valid=0, device='cpu', num_workers=k, skip_bad=True)
        (tmp_path/'x.tar').write_bytes(raw[:members[3].offset_data + 5])
        with pytest.raises(InputError, match=r'x\.tar/\d+\.png') as e: list(dls.train)
        assert '\n' not in str(e.value)


def test_a_changed_shard_is_looked_through_again(tmp_path):
    path = tmp_path/'x.tar'
    shard_of(path)
    assert len(Shards(path)) == 4 and (tmp_path/'x.tar.npz').exists()
    shard_of(path, 7)
    assert len(Shards(path)) == 7
    (tmp_path/'x.tar.npz').write_bytes(b'spoiled')
    assert len(Shards(path)) == 7
    seen = scan_shard(path)[0]
    path.write_bytes(path.read_bytes())  # a copy has another time
    assert [Shards(path).hash(i) for i in range(7)] == [o[3].hex() for o in seen]


def test_bad_pictures_in_batches(tmp_path):
    "Truncated JPEGs: named, or counted by every worker; a batch of nothing else stops the run in any case"
    def jpg(i, cut=False):
        out = io.BytesIO()
        sample_photos(64)[i%6].save(out, 'JPEG', quality=60 + i//6)
        return out.getvalue()[:900 if cut else None]
    bad = (3, 8, 20)
    with tarfile.open(tmp_path/'x.tar', 'w') as t:
        for i in range(30): add(t, f'{i:02}.jpg', jpg(i, i in bad))
    def dls(**kwargs):
        return shard_loaders(tmp_path/'x.tar', 6, 16, valid=0, seed=2, device='cpu', buffer=1, **kwargs)
    for k in (0, 2):
        with pytest.raises(InputError, match=r"x\.tar/03\.jpg' as a picture") as e: list(dls(num_workers=k).train)
        assert e.value.remedy and '\n' not in str(e.value)
        dl = dls(num_workers=k, skip_bad=True)
        assert not {*bad} & {*dl.held}
        assert sum(len(L) for L,_ in dl.train) == 30 - len(dl.held) - 3
        assert sorted(o.what.split('x.tar/')[1][:2] for o in dl.train.bad) == ['03', '08', '20']
    with tarfile.open(tmp_path/'y.tar', 'w') as t:
        for i in range(8): add(t, f'{i:02}.jpg', jpg(i, i not in (0, 7)))
    with pytest.raises(InputError, match='as a picture'):
        list(shard_loaders(tmp_path/'y.tar', 2, 16, valid=0, device='cpu', skip_bad=True, buffer=1).train)


def test_packing_keeps_bytes(tmp_path):
    "What is stored is what was there, under a name of its own; what shards cannot name becomes PNG"
    folder = tmp_path/'in'/'a b'
    folder.mkdir(parents=True)
    for k,o in enumerate(sample_photos(40)): o.save(folder/f'p.{k}.{("jpg", "png", "webp")[k%3]}')
    shutil.copy(folder/'p.0.jpg', tmp_path/'in'/'wrong.png')
    write_shards(tmp_path/'in', tmp_path/'out', 3, seed=4)
    shards = Shards(tmp_path/'out')
    there = sorted(o.read_bytes() for o in (tmp_path/'in').rglob('*.*'))
    assert sorted(shards.encoded(i) for i in range(len(shards))) == there
    assert all(o.count('.') == 1 and '/' not in o for o in shards.names) and len(set(shards.names)) == 7
    assert sorted(o[8:] for o in shards.names if 'wrong' in o) == ['wrong.jpg']
    gif = io.BytesIO()
    sample_photos(20)[0].save(gif, 'GIF')
    write_shards([gif.getvalue(), np.zeros((4, 5, 3), np.uint8), sample_photos(20)[1]], tmp_path/'mixed')
    assert [Image.open(io.BytesIO(o.read())).format for _,o in Shards(tmp_path/'mixed').items()] == ['PNG']*3


def test_packing_small(tmp_path):
    "`short` shrinks large pictures only, turns them upright, and keeps color at full resolution"
    im = Image.new('RGB', (300, 200), 'red')
    im.paste('blue', (0, 0, 153, 200))
    ex = im.getexif()
    ex[0x0112] = 6
    im.save(tmp_path/'turned.jpg', exif=ex, quality=95)
    Image.new('RGB', (30, 50)).save(tmp_path/'small.jpg')
    write_shards([tmp_path/'turned.jpg', tmp_path/'small.jpg'], tmp_path/'out', short=100, seed=None)
    big,small = Shards(tmp_path/'out')
    assert big.size == (100, 150) and small.size == (30, 50)
    assert Shards(tmp_path/'out').encoded(1) == (tmp_path/'small.jpg').read_bytes()
    assert JpegImagePlugin.get_sampling(Image.open(io.BytesIO(Shards(tmp_path/'out').encoded(0)))) == 0


def test_an_interrupted_packing_leaves_no_set(tmp_path):
    with pytest.raises(InputError, match='00005'):
        write_shards([ticket(i) if i != 5 else b'nothing' for i in range(9)], tmp_path/'out', 2, seed=None)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match='no readable photo'): write_shards([b'x', b'y'], tmp_path/'out', skip_bad=True)
    (tmp_path/'file').write_text('')
    with pytest.raises(OutputError, match='file'): write_shards([ticket(1)], tmp_path/'file'/'out')
    assert [o.name for o in tmp_path.iterdir()] == ['file']


def test_a_set_is_not_counted_twice(home):
    first = home/'many'/'shard-000000.tar'
    assert len(Shards([home/'many', first, str(home/'many'/'*.tar')])) == N
    with pytest.raises(InputError, match='shard-000099'): Shards(str(home/'many'/'shard-{000000,000099}.tar'))


def test_shards_on_a_server(home, tmp_path):
    "Fetched once through HTTP; a broken or a missing one is an error that names it"
    shutil.copytree(home/'many', tmp_path/'www')
    asked = []
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args): asked.append(self.path)
    handler = functools.partial(Handler, directory=str(tmp_path/'www'))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        at = f'http://127.0.0.1:{server.server_port}'
        for _ in range(2): shards = Shards(f'{at}/shard-{{000000..000006}}.tar', cache=tmp_path/'cache')
        assert len(asked) == 7 and len(shards) == N
        assert [shards.hash(i) for i in range(N)] == [Shards(home/'many').hash(i) for i in range(N)]
        with pytest.raises(InputError, match='lost.tar'): Shards(f'{at}/lost.tar', cache=tmp_path/'cache')
        (tmp_path/'www'/'half.tar').write_bytes((home/'one'/'shard-000000.tar').read_bytes()[:5000])
        with pytest.raises(InputError, match='half.tar'): Shards(f'{at}/half.tar', cache=tmp_path/'cache')
        server.shutdown()


def test_too_few_pictures(tmp_path):
    write_shards([ticket(i) for i in range(4)], tmp_path/'out')
    with pytest.raises(InputError, match='photos for 5 machines'):
        list(shard_loaders(tmp_path/'out', 2, 8, valid=0, device='cpu', world=(0, 5)).train)


def test_shared_photos(tmp_path):
    "Real shards, read through a link so that no index is written beside them"
    tars = sorted((data_dir()/'photos').glob('*.tar'))[-1:] if data_dir() else []
    if not tars: pytest.skip('no shared photos')
    (tmp_path/'x.tar').symlink_to(tars[0])
    shards = Shards(tmp_path/'x.tar')
    with tarfile.open(tars[0]) as t: names = [m.name for m in t if m.isfile() and is_photo(m.name)]
    assert shards.names == names and len(shards) > 1000
    dls = shard_loaders(shards, 32, 32, seed=1, device='cpu', num_workers=2, buffer=200, valid=.02)
    seen = sum(len(L) for L,_ in itertools.islice(dls.train, 4))
    L,ab = dls.valid.one_batch()
    assert seen in range(4*31, 4*32 + 1) and torch.isfinite(ab).all() and 0 <= L.min() and L.max() <= 1
