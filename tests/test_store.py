"A database survives kills at every step, serves many processes, and says what is wrong with a file."
import hashlib, itertools, multiprocessing, os, random, resource, shutil, signal, sys, time
from pathlib import Path

import h5py, numpy as np, pytest
from PIL import Image
from torch.utils.data import DataLoader

from colorbook.data import hdf5 as store
from colorbook.core import InputError, OutputError, UsageError
from colorbook.data.loaders import split_by_hash
from colorbook.data.photos import Photos, data_dir, sample_photos
from colorbook.data.hdf5 import DBPhotos, build_db, from_lab8, lock_parts, parts_folder, to_lab8

CHILD = multiprocessing.get_context('forkserver')  # children are forked from a process without threads
SIZE,PART = (24, 18), 4*24*18*3  # four frames a part


@pytest.fixture(scope='module', autouse=True)
def server():
    "The process that children are forked from, with this module imported once"
    from multiprocessing import forkserver
    with pytest.MonkeyPatch.context() as m:
        m.setenv('PYTHONPATH', os.pathsep.join(o for o in sys.path if o))
        CHILD.set_forkserver_preload([__name__])
        forkserver.ensure_running()


def noise(seed, size=SIZE):
    "A picture that no other number has"
    w,h = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8))


def frames(n, size=SIZE, first=0): return ((f'{i:04}.png', noise(i, size)) for i in range(first, first + n))


def content(db):
    "Hash of everything in an HDF5 file that a reader can see: names, attributes, types, values"
    code = hashlib.sha256()
    def see(name, o):
        code.update(repr((name, sorted((k, str(v)) for k,v in o.attrs.items()))).encode())
        if isinstance(o, h5py.Dataset): code.update(repr((o.dtype, o.shape, o.chunks, o[()].tolist())).encode())
    with h5py.File(db) as f:
        see('', f)
        f.visititems(see)
    return code.hexdigest()


def answer(pipe, f, args):
    try: pipe.send(f(*args))
    except Exception as e: pipe.send(e)


def in_child(f, *args):
    "What `f` returns or raises in a process of its own"
    here,there = CHILD.Pipe()
    p = CHILD.Process(target=answer, args=(there, f, args))
    p.start()
    there.close()
    out = here.recv()
    p.join()
    if isinstance(out, Exception): raise out
    return out


# Lab in bytes

def all_colors():
    "A grid over RGB as a picture"
    g = np.arange(0, 256, 5, dtype=np.uint8)
    return np.stack(np.meshgrid(g, g, g, indexing='ij'), -1).reshape(52, -1, 3)


def test_lab_is_opencvs():
    import cv2
    for rgb in [np.asarray(noise(0, (300, 200))), all_colors(), *map(np.asarray, sample_photos(96))]:
        off = abs(to_lab8(Image.fromarray(rgb)).astype(int) - cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).transpose(2, 0, 1))
        # OpenCV's integers are up to 2.5 units away from the formula in `a` of dark colors: see the next test
        assert off[[0, 2]].max() <= 1 and off[1].max() <= 3 and (off > 1).mean() < .01


def test_lab_is_the_formula():
    "Against scikit-image in double precision: nothing is further off than by rounding"
    from skimage.color import rgb2lab
    exact = rgb2lab(all_colors()).transpose(2, 0, 1)*[[[2.55]], [[1]], [[1]]] + [[[0]], [[128]], [[128]]]
    assert abs(to_lab8(Image.fromarray(all_colors())) - exact).max() < .51


def test_there_and_back():
    gray = Image.fromarray(np.arange(256, dtype=np.uint8)[None].repeat(3, 0)).convert('RGB')
    assert abs(np.asarray(from_lab8(to_lab8(gray)), int) - np.asarray(gray)).max() <= 1
    rgb = all_colors()
    off = abs(np.asarray(from_lab8(to_lab8(Image.fromarray(rgb))), int) - rgb)
    assert off.mean() < 1 and np.quantile(off, .99) <= 6


# Building

def test_photos_come_back_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(store, 'PART', PART)
    assert build_db(frames(30), tmp_path/'x.h5', size=SIZE) == dict(added=30, present=0, bad=[])
    db = DBPhotos(tmp_path/'x.h5')
    assert db.names == [o[0] for o in frames(30)] and db.size == SIZE
    assert [o.tobytes() for o in db] == [from_lab8(to_lab8(o)).tobytes() for _,o in frames(30)]
    assert [*tmp_path.iterdir()] == [tmp_path/'x.h5']
    with pytest.raises(IndexError): db[30]
    assert db[-1].tobytes() == db[29].tobytes()


def test_other_shapes_are_cropped_in_the_middle(tmp_path):
    wide = np.zeros((60, 200, 3), np.uint8)
    wide[:,60:140] = 255
    build_db([wide, wide.swapaxes(0, 1)], tmp_path/'x.h5', size=(80, 60))
    first,second = DBPhotos(tmp_path/'x.h5')
    assert first.size == second.size == (80, 60) and np.asarray(first).min() > 250
    assert np.asarray(second)[0].max() > 250 and (np.asarray(second) > 250).mean() > .95


def test_split_is_the_folders(tmp_path):
    for i in range(20): noise(i, (50, 40)).save(tmp_path/f'{i}.png')
    build_db(tmp_path, tmp_path/'x.h5', size=SIZE)
    photos,db = Photos(tmp_path),DBPhotos(tmp_path/'x.h5')
    assert db.names == photos.names
    for seed in range(5): assert split_by_hash(db, .3, seed) == split_by_hash(photos, .3, seed)


def test_sources_agree(tmp_path):
    "Folder, tar, list of files and pictures give the same frames"
    import tarfile
    for n,o in frames(9): (tmp_path/'a').mkdir(exist_ok=True); o.save(tmp_path/'a'/n)
    with tarfile.open(tmp_path/'a.tar', 'w') as t:
        for o in sorted((tmp_path/'a').iterdir()): t.add(o, o.name)
    sources = [tmp_path/'a', tmp_path/'a.tar', sorted((tmp_path/'a').iterdir()), [o for _,o in frames(9)], frames(9)]
    for i,o in enumerate(sources): build_db(o, tmp_path/f'{i}.h5', size=SIZE)
    first = DBPhotos(tmp_path/'0.h5')
    for i in range(1, len(sources)):
        other = DBPhotos(tmp_path/f'{i}.h5')
        assert [o.tobytes() for o in other] == [o.tobytes() for o in first]
        assert (other.hashes == first.hashes) == (i < 3)  # of files; pictures in memory have none
    assert build_db(tmp_path/'a.tar', tmp_path/'0.h5') == dict(added=0, present=9, bad=[])


def test_nothing_is_lost_or_doubled(tmp_path, monkeypatch):
    monkeypatch.setattr(store, 'PART', PART)
    db,pairs = tmp_path/'x.h5',list(frames(10))
    twice = pairs + pairs[:3] + [(pairs[0][0], noise(99))]
    assert build_db(iter(twice), db, size=SIZE)['added'] == 14
    once = content(db)
    assert build_db(iter(twice), db) == dict(added=0, present=14, bad=[])
    assert content(db) == once
    assert build_db(iter(twice + pairs[:1]), db) == dict(added=1, present=14, bad=[])
    assert build_db(frames(4), db, 'Test') == dict(added=4, present=0, bad=[])
    assert (len(DBPhotos(db)), len(DBPhotos(db, 'Test'))) == (15, 4)
    test = np.asarray(DBPhotos(db, 'Test')[0])
    assert (test[...,0] == test[...,1]).all() and DBPhotos(db, 'Test').planes(0).shape == (1, *SIZE[::-1])


def test_bad_photos_are_named_or_counted(tmp_path):
    for n,o in frames(20): o.save(tmp_path/n)
    for i in (0, 7, 19): (tmp_path/f'{i:04}.png').write_bytes((tmp_path/f'{i:04}.png').read_bytes()[:200])
    (tmp_path/'0011.png').write_text('not a picture')
    with pytest.raises(InputError, match='0000.png'): build_db(tmp_path, tmp_path/'x.h5', size=SIZE)
    assert not (tmp_path/'x.h5').exists() and not parts_folder(tmp_path/'x.h5').exists()
    report = build_db(tmp_path, tmp_path/'x.h5', size=SIZE, skip_bad=True)
    assert report['added'] == len(DBPhotos(tmp_path/'x.h5')) == 16
    assert [o.split("'")[1] for o in report['bad']] == ['0000.png', '0007.png', '0011.png', '0019.png']
    noise(7).save(tmp_path/'0007.png')  # repaired: the next run takes it
    assert build_db(tmp_path, tmp_path/'x.h5', skip_bad=True)['added'] == 1


def test_what_cannot_be_built(tmp_path):
    db = tmp_path/'x.h5'
    with pytest.raises(UsageError, match='Valid'): build_db(frames(1), db, 'Valid')
    (tmp_path/'empty').mkdir()
    with pytest.raises(InputError, match='empty'): build_db(tmp_path/'empty', db)
    with pytest.raises(InputError, match='nowhere'): build_db(tmp_path/'nowhere', db)
    assert not db.exists() and not parts_folder(db).exists()
    build_db(frames(2), db, size=SIZE)
    with pytest.raises(InputError, match=r'\(24, 18\)'): build_db(frames(3), db, size=(18, 24))
    (tmp_path/'file').write_text('')
    with pytest.raises(OutputError, match='file'): build_db(frames(1), tmp_path/'file/x.h5')
    (tmp_path/'cut.h5').write_bytes(db.read_bytes()[:-100])
    before = (tmp_path/'cut.h5').read_bytes()
    with pytest.raises(InputError, match='cut.h5'): build_db(frames(3), tmp_path/'cut.h5')
    assert (tmp_path/'cut.h5').read_bytes() == before


def test_one_build_at_a_time(tmp_path):
    with lock_parts(tmp_path/'x.h5'):
        with pytest.raises(OutputError, match='another build'): in_child(build_tiny, tmp_path/'x.h5')
    assert in_child(build_tiny, tmp_path/'x.h5') == 3


def build_tiny(db): return build_db(frames(3), db, size=SIZE)['added']


# Kills

STEPS = [(os, 'replace'), (os, 'fsync'), (shutil, 'copyfile'), (shutil, 'rmtree'), (Path, 'unlink'),
    (h5py.Dataset, 'resize'), (h5py.Dataset, '__setitem__'), (h5py.Group, 'create_dataset'), (h5py.File, 'close')]


def build_and_die(step, db, n):
    "Build, and kill this process before (even) or after (odd) the call of one of `STEPS` with this number"
    store.PART = PART
    count = itertools.count()
    def dying(f):
        def inner(*args, **kwargs):
            if next(count) == step: os.kill(os.getpid(), signal.SIGKILL)
            out = f(*args, **kwargs)
            if next(count) == step: os.kill(os.getpid(), signal.SIGKILL)
            return out
        return inner
    for where,name in STEPS: setattr(where, name, dying(getattr(where, name)))
    build_db(frames(n), db, size=SIZE)


def run_to_death(f, *args, wait=None):
    "Exit code of `f` in its own process, which is killed after `wait` seconds if it still runs"
    p = CHILD.Process(target=f, args=args)
    p.start()
    p.join(wait)
    if wait is not None: p.kill()
    p.join()
    return p.exitcode


@pytest.mark.parametrize('n0', [0, 6], ids=['new', 'append'])
def test_killed_at_every_step(tmp_path, monkeypatch, n0):
    monkeypatch.setattr(store, 'PART', PART)
    straight,db,n = tmp_path/'straight.h5',tmp_path/'x.h5',n0 + 9
    if n0: build_db(frames(n0), tmp_path/'old.h5', size=SIZE)
    if n0: shutil.copyfile(tmp_path/'old.h5', straight)
    build_db(frames(n), straight, size=SIZE)
    want,old = content(straight),content(tmp_path/'old.h5') if n0 else None
    for step in itertools.count():
        if n0: shutil.copyfile(tmp_path/'old.h5', db)
        code = run_to_death(build_and_die, step, db, n)
        if code == 0: break
        assert code == -signal.SIGKILL
        assert (content(db) if db.exists() else None) in (old, want), f'step {step}: a third thing under the final name'
        report = build_db(frames(n), db) if n0 else build_db(frames(n), db, size=SIZE)
        assert report['added'] + report['present'] == n
        assert content(db) == want, f'step {step}'
        assert not parts_folder(db).exists()
        db.unlink()
    assert step > 60, f'only {step} steps were tried'


def build_slowly(db, n):
    store.PART = PART
    build_db(frames(n), db, size=SIZE)


def test_killed_at_random_moments(tmp_path, monkeypatch):
    "Dozens of kills from outside, wherever the process happens to be, until builds with many kills have come to an end"
    monkeypatch.setattr(store, 'PART', PART)
    n,kills,resumed,rng = 60,0,0,random.Random(0)
    build_db(frames(n), tmp_path/'straight.h5', size=SIZE)
    t = time.perf_counter()
    run_to_death(build_slowly, tmp_path/'timed.h5', n)
    longest = time.perf_counter() - t
    while kills < 30:
        db = tmp_path/f'{kills}.h5'
        while run_to_death(build_slowly, db, n, wait=rng.uniform(0, longest)) != 0:
            kills += 1
            resumed += parts_folder(db).exists()
            assert not db.exists() or content(db) == content(tmp_path/'straight.h5')
        assert content(db) == content(tmp_path/'straight.h5') and not parts_folder(db).exists()
    assert resumed > 5, 'the kills came too early to leave anything'


def peak(db, n):
    "Memory of this process after a build of large photos, in MB"
    store.PART = PART
    build_db(frames(n, (600, 400)), db, size=SIZE)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/(2**20 if sys.platform == 'darwin' else 2**10)


def test_memory_does_not_grow(tmp_path):
    few,many = in_child(peak, tmp_path/'few.h5', 30),in_child(peak, tmp_path/'many.h5', 180)
    assert many - few < 40, 'kept photos would be 108 MB'


# Reading

@pytest.mark.parametrize('start', ['fork', 'spawn'])
def test_workers_read_what_was_written(tmp_path, start):
    build_db(frames(120), tmp_path/'x.h5', size=SIZE)
    db = DBPhotos(tmp_path/'x.h5')
    truth = [np.asarray(from_lab8(to_lab8(o))) for _,o in frames(120)]
    assert (np.asarray(db[5]) == truth[5]).all()  # the file is open here when the workers start
    order = random.Random(1).choices(range(120), k=800)
    loader = DataLoader(db, batch_size=None, sampler=order, num_workers=2, collate_fn=np.asarray,
        multiprocessing_context=start)
    for i,o in zip(order, loader, strict=True):
        assert (o == truth[i]).all()
        j = (i*7)%120
        assert (np.asarray(db[j]) == truth[j]).all()  # and is read here all the while


def test_reader_keeps_its_file(tmp_path):
    "Frames added while somebody reads disturb nobody"
    build_db(frames(5), tmp_path/'x.h5', size=SIZE)
    db = DBPhotos(tmp_path/'x.h5')
    first = [o.tobytes() for o in db]
    build_db(frames(9), tmp_path/'x.h5')
    assert [o.tobytes() for o in db] == first and len(DBPhotos(tmp_path/'x.h5')) == 9


def pytables(path, photos, filters=5, **columns):
    "A file as S2 wrote it, by PyTables: a row for each pixel"
    import tables
    planes = np.stack([to_lab8(o) for o in photos], 1).reshape(3, -1)
    columns = columns or dict(L=tables.UInt8Col(), A=tables.UInt8Col(), B=tables.UInt8Col())
    with tables.open_file(str(path), 'w', filters=tables.Filters(complevel=filters, complib='blosc')) as f:
        for name,cols in dict(Train=columns, Test={'L': columns['L']}).items():
            t = f.create_table('/', name, cols)
            rows = np.empty(planes.shape[1], t.dtype)
            for k,o in zip('LAB', planes):
                if k in cols: rows[k] = o
            t.append(rows)
    return path


def test_files_of_pytables(tmp_path):
    ims = [o.resize((120, 90)) for o in sample_photos(160)]
    path = in_child(pytables, tmp_path/'s2.h5', ims)
    with h5py.File(path) as f:
        assert f['Train'].dtype.names == ('A', 'B', 'L') and f['Train'].shape == (6*120*90,)
        assert f['Train'].id.get_create_plist().get_filter(0)[0] == 32001  # Blosc
    train,test = DBPhotos(path, size=(120, 90)),DBPhotos(path, 'Test', size=(120, 90))
    assert [o.tobytes() for o in train] == [from_lab8(to_lab8(o)).tobytes() for o in ims]
    assert [o.tobytes() for o in test] == [from_lab8(to_lab8(o)[:1]).tobytes() for o in ims]
    far = DataLoader(train, batch_size=None, num_workers=2, collate_fn=np.asarray)
    assert (np.stack(list(far)) == np.stack([np.asarray(o) for o in train])).all()
    assert len({train.hash(i) for i in range(6)}) == 6 and train.hash(2) == DBPhotos(path, size=(120, 90)).hash(2)
    held = split_by_hash(train, .3)
    assert sorted(held[0] + held[1]) == list(range(6))
    for kwargs,why in [({}, 'how large'), (dict(size=(120, 91)), 'not frames of')]:
        with pytest.raises(InputError, match=why) as e: DBPhotos(path, **kwargs)
        assert 's2.h5' in str(e.value)
    with pytest.raises(InputError, match="S2's"): build_db(frames(2), path, size=(120, 90))


def read_without_plugin(path):
    sys.modules['hdf5plugin'] = None
    return len(DBPhotos(path, size=(120, 90)))


def test_plugin_is_named(tmp_path):
    path = in_child(pytables, tmp_path/'s2.h5', [noise(i, (120, 90)) for i in range(2)])
    with pytest.raises(InputError, match='pip install hdf5plugin'): in_child(read_without_plugin, path)
    path = in_child(pytables, tmp_path/'plain.h5', [noise(i, (120, 90)) for i in range(2)], 0)
    assert in_child(read_without_plugin, path) == 2  # nothing is asked for that is not needed


def other_tables(path):
    import tables
    pytables(path/'16bit.h5', [noise(1)], L=tables.UInt16Col(), A=tables.UInt8Col(), B=tables.UInt8Col())
    pytables(path/'column.h5', [noise(1)], L=tables.UInt8Col(), A=tables.UInt8Col())


def test_what_is_wrong_is_said(tmp_path):
    build_db(frames(12), tmp_path/'good.h5', size=SIZE)
    in_child(other_tables, tmp_path)
    data = (tmp_path/'good.h5').read_bytes()
    (tmp_path/'cut.h5').write_bytes(data[:len(data)//2])
    (tmp_path/'text.h5').write_text('not HDF5')
    (tmp_path/'nothing.h5').write_bytes(b'')
    wrong = dict(floats=np.zeros((3, 3, 18, 24), 'f4'), rgb=np.zeros((3, 18, 24, 3), 'u1'), flat=np.zeros(99, 'u1'))
    for k,o in wrong.items():
        with h5py.File(tmp_path/f'{k}.h5', 'w') as f: f['Train'] = o
    with h5py.File(tmp_path/'folder.h5', 'w') as f: f.create_group('Train')['L'] = np.zeros(9, 'u1')
    with h5py.File(tmp_path/'empty.h5', 'w') as f: store.make_table(f, 'Train', SIZE)
    said = dict(cut='truncated', text='as an HDF5 file', nothing='as an HDF5 file', floats='float32', rgb='shape',
        flat='shape', folder='is missing', empty='is empty', column='not a byte each', lost='there is no file')
    said['16bit'] = 'not a byte each'
    for k,why in said.items():
        with pytest.raises(InputError, match=why) as e: DBPhotos(tmp_path/f'{k}.h5', size=SIZE)
        assert f'{k}.h5' in str(e.value) and e.value.remedy
    with pytest.raises(InputError, match='Train') as e: DBPhotos(tmp_path/'good.h5', 'Test')
    assert 'good.h5' in str(e.value)


def test_a_damaged_frame_is_named(tmp_path):
    build_db(frames(12), tmp_path/'x.h5', size=SIZE)
    with h5py.File(tmp_path/'x.h5') as f: chunk = f['Train'].id.get_chunk_info_by_coord((7, 0, 0, 0))
    with open(tmp_path/'x.h5', 'r+b') as f:
        f.seek(chunk.byte_offset + chunk.size//2)
        f.write(bytes(200))
    db = DBPhotos(tmp_path/'x.h5')
    assert db[6].size == db[8].size == SIZE
    with pytest.raises(InputError, match=r"frame 7 of '.*x\.h5'"): db[7]


@pytest.mark.skipif(not data_dir(), reason='shared photos are not here')
def test_real_photos(tmp_path):
    shard = sorted((data_dir()/'photos').glob('*.tar'))[0]
    photos = Photos(shard, short=96, n=60)
    from colorbook.data.photos import list_photos
    build_db(iter(list_photos(shard)[:60]), tmp_path/'x.h5', size=(96, 96))
    db = DBPhotos(tmp_path/'x.h5')
    assert db.names == photos.names and split_by_hash(db, .2) == split_by_hash(photos, .2)
    from PIL import ImageOps
    off = [abs(np.asarray(d, int) - np.asarray(ImageOps.fit(p, (96, 96)))).mean() for d,p in zip(db, photos)]
    assert np.median(off) < 6
