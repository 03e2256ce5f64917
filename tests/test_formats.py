"Public sets come through the real code of the libraries that fetch them, from archives in small on this machine."
import hashlib, io, shutil, tarfile, threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np, pytest
from PIL import Image
from scipy.io import savemat
from torchvision import datasets as tv
from torchvision.datasets import imagenet as tv_imagenet

from colorbook.core import InputError, UsageError
from colorbook.data.loaders import color_loaders
from colorbook.data.photos import Photos, data_dir
from colorbook.data.named_sets import (Sets, flowers17, keep_sound, lfw, numbered_frames, read_sets,
                               unofficial_flower_splits, unofficial_people)
from colorbook.data.paired import nir_pairs, pair_loaders
from colorbook.data.download import URLs, fetch

RNG = np.random.default_rng(7)
photos = pytest.mark.skipif(not (data_dir() and (data_dir()/'flowers17').is_dir()), reason='no shared photos here')


def picture(side=24):
    "A JPEG that is not like any other"
    out = io.BytesIO()
    small = Image.fromarray(RNG.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    small.resize((side, side)).save(out, 'JPEG')
    return out.getvalue()


def archive(path, files):
    "A tar file with `files`, a dictionary of name to bytes; its checksum"
    with tarfile.open(path, 'w:gz' if path.suffix in ('.tgz', '.gz') else 'w') as t:
        for name,content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
    return md5(path)


def md5(path): return hashlib.md5(path.read_bytes()).hexdigest()


def sha256(path): return hashlib.sha256(path.read_bytes()).hexdigest()


def pixels(items): return [np.asarray(o.convert('RGB')).tolist() for o in items]


@pytest.fixture
def web(tmp_path, monkeypatch):
    "A folder that a server on this machine serves, and its address"
    folder,asked = tmp_path/'web',[]
    folder.mkdir()
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args): pass
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    yield folder, f'http://127.0.0.1:{server.server_port}/', asked
    server.shutdown()
    thread.join()
    server.server_close()


def serve_flowers(web, monkeypatch, n=9):
    "Flowers102 with nine photos"
    folder,address,_ = web
    parts = dict(image=('102flowers.tgz', archive(folder/'102flowers.tgz',
        {f'jpg/image_{i + 1:05}.jpg': picture() for i in range(n)})))
    savemat(folder/'imagelabels.mat', dict(labels=np.arange(n)%3 + 1))
    savemat(folder/'setid.mat', dict(trnid=[5, 2], valid=[1, 9, 4], tstid=[3, 6, 7, 8]))
    for k,name in dict(label='imagelabels.mat', setid='setid.mat').items(): parts[k] = name,md5(folder/name)
    monkeypatch.setattr(tv.Flowers102, '_download_url_prefix', address)
    monkeypatch.setattr(tv.Flowers102, '_file_dict', parts)


def test_flowers102(web, monkeypatch, tmp_path):
    serve_flowers(web, monkeypatch)
    sets = fetch('flowers102', tmp_path)
    assert [[int(o.stem[-5:]) for o in v] for v in sets.values()] == [[5, 2], [1, 9, 4], [3, 6, 7, 8]]
    for ours,theirs in dict(train='train', valid='val', test='test').items():
        assert pixels(Photos(sets[ours])) == pixels(o for o,_ in tv.Flowers102(tmp_path/'flowers102', theirs))
    asked = len(web[2])
    assert fetch('flowers102', tmp_path) == sets and len(web[2]) == asked  # a second time nothing is asked for


def test_a_wrong_checksum_leaves_nothing_that_looks_whole(web, monkeypatch, tmp_path):
    serve_flowers(web, monkeypatch)
    whole = (web[0]/'102flowers.tgz').read_bytes()
    (web[0]/'102flowers.tgz').write_bytes(whole[:len(whole)//2])
    for _ in range(2):
        with pytest.raises(InputError, match="cannot fetch into '.*flowers102'.*put the set's archives"):
            fetch('flowers102', tmp_path)
    (web[0]/'102flowers.tgz').write_bytes(whole)
    assert len(fetch('flowers102', tmp_path)['test']) == 4


def test_killed_between_two_files(web, monkeypatch, tmp_path):
    "After the photos were unpacked, and half of them lost, the next run unpacks them again from the same archive"
    serve_flowers(web, monkeypatch)
    real = tv.flowers102.download_url
    def cut(url, *args, **kwargs): raise KeyboardInterrupt
    monkeypatch.setattr(tv.flowers102, 'download_url', cut)
    with pytest.raises(KeyboardInterrupt): fetch('flowers102', tmp_path)
    jpg = tmp_path/'flowers102/flowers-102/jpg'
    assert len(list(jpg.iterdir())) == 9
    for o in list(jpg.iterdir())[:4]: o.unlink()
    asked = len(web[2])
    monkeypatch.setattr(tv.flowers102, 'download_url', real)
    assert sum(map(len, fetch('flowers102', tmp_path).values())) == 9
    assert web[2][asked:] and not any('102flowers' in o for o in web[2][asked:])  # the archive is still there


def test_what_somebody_brought_is_not_touched(web, monkeypatch, tmp_path):
    serve_flowers(web, monkeypatch)
    brought = tmp_path/'imagenet/train/n01440764'
    brought.mkdir(parents=True)
    (brought/'one.JPEG').write_bytes(picture())
    assert fetch('imagenet', tmp_path) == {'train': [brought/'one.JPEG']}
    (tmp_path/'flowers102/flowers-102/jpg').mkdir(parents=True)
    with pytest.raises(InputError, match='setid.mat'): fetch('flowers102', tmp_path)
    assert web[2] == [] and (tmp_path/'flowers102/flowers-102/jpg').is_dir()


def test_places365(web, monkeypatch, tmp_path):
    folder,address,_ = web
    train = [f'/{o}/{i:08}.jpg' for o in ('a/airfield', 'b/bar/outdoor') for i in (1, 2)]
    valid = [f'Places365_val_{i:08}.jpg' for i in (1, 2, 3)]
    tables = {'categories_places365.txt': '/a/airfield 0\n/b/bar/outdoor 1\n',
        'places365_train_standard.txt': ''.join(f'{o} {i//2}\n' for i,o in enumerate(train)),
        'places365_val.txt': ''.join(f'{o} {i%2}\n' for i,o in enumerate(valid))}
    kit = archive(folder/'kit.tar', {k: v.encode() for k,v in tables.items()})
    sums = {k: (k, hashlib.md5(v.encode()).hexdigest()) for k,v in tables.items()}
    images = {('train-standard', True): ('train.tar', archive(folder/'train.tar',
        {f'data_256{o}': picture() for o in train})),
        ('val', True): ('val.tar', archive(folder/'val.tar', {f'val_256/{o}': picture() for o in valid}))}
    for k,v in dict(_BASE_URL=address, _DEVKIT_META=dict(standard=('kit.tar', kit)), _IMAGES_META=images,
        _CATEGORIES_META=sums['categories_places365.txt'], _FILE_LIST_META={
            'train-standard': sums['places365_train_standard.txt'], 'val': sums['places365_val.txt']}).items():
        monkeypatch.setattr(tv.Places365, k, v)
    sets = fetch('places365', tmp_path)
    for ours,theirs in dict(train='train-standard', valid='val').items():
        there = tv.Places365(tmp_path/'places365', theirs, small=True)
        assert [str(o) for o in sets[ours]] == [o for o,_ in zip(there.imgs, there.targets) for o in o[:1]]
        assert pixels(Photos(sets[ours])) == pixels(o for o,_ in there)
    sets['train'][1].write_bytes(sets['train'][1].read_bytes()[:300])
    sets['valid'][0].unlink()
    with pytest.raises(InputError, match='Places365_val_00000001.jpg. is missing'): fetch('places365', tmp_path)
    counted = fetch('places365', tmp_path, skip_bad=True)
    assert [len(o) for o in (*counted.values(), counted.skipped)] == [3, 2, 2]


def tar_bytes(files, path):
    archive(path, files)
    return path.read_bytes()


def test_imagenet(monkeypatch, tmp_path):
    "Archives of the names and the layout of ImageNet's, put where torchvision looks"
    home,ids = tmp_path/'imagenet',['n01440764', 'n02102040']
    home.mkdir()
    with pytest.raises(InputError, match="ILSVRC2012_devkit_t12.tar.gz is not present.*put the set's archives in"):
        fetch('imagenet', tmp_path)
    kinds = np.array([(i + 1, k, k, k, 0) for i,k in enumerate(ids)] + [(3, 'n0', 'fish', 'fish', 2)],
        [('ILSVRC2012_ID', 'O'), ('WNID', 'O'), ('words', 'O'), ('gloss', 'O'), ('num_children', 'O')])
    savemat(tmp_path/'meta.mat', dict(synsets=kinds))
    sums = dict(devkit=archive(home/'ILSVRC2012_devkit_t12.tar.gz', {
        'ILSVRC2012_devkit_t12/data/meta.mat': (tmp_path/'meta.mat').read_bytes(),
        'ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt': b'2\n1\n2\n'}))
    sums['train'] = archive(home/'ILSVRC2012_img_train.tar', {f'{k}.tar': tar_bytes(
        {f'{k}_{i}.JPEG': picture() for i in range(3)}, tmp_path/'part.tar') for k in ids})
    sums['val'] = archive(home/'ILSVRC2012_img_val.tar',
        {f'ILSVRC2012_val_{i + 1:08}.JPEG': picture() for i in range(3)})
    meta = {k: (name, sums[k]) for k,(name,_) in tv_imagenet.ARCHIVE_META.items()}
    monkeypatch.setattr(tv_imagenet, 'ARCHIVE_META', meta)
    sets = fetch('imagenet', tmp_path)
    assert [o.parent.name for o in sets['valid']] == [ids[0], ids[1], ids[1]]
    for ours,theirs in dict(train='train', valid='val').items():
        assert pixels(Photos(sets[ours])) == pixels(o for o,_ in tv.ImageNet(home, theirs))
    assert len(sets['train']) == 6


def test_coco_sample(web, monkeypatch, tmp_path):
    folder,address,_ = web
    archive(folder/'coco_sample.tgz', {f'coco_sample/train_sample/{i:012}.jpg': picture() for i in range(4)} | {
        'coco_sample/annotations/instances_sample.json': b'{}'})
    monkeypatch.setattr(URLs, 'COCO_SAMPLE', f'{address}coco_sample.tgz')
    sets = fetch('coco_sample', tmp_path)
    assert [o.name for o in sets['train']] == [f'{i:012}.jpg' for i in range(4)]
    assert len(Photos(sets['train'])) == 4


def test_archives_brought_by_hand(monkeypatch, tmp_path):
    "The error names the folder for them, and with them there no network is needed"
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    monkeypatch.setattr(URLs, 'COCO_SAMPLE', 'http://127.0.0.1:9/coco_sample.tgz')
    with pytest.raises(InputError) as e: fetch('coco_sample', tmp_path)
    folder = Path(e.value.remedy.split("'")[-2])
    archive(folder/'coco_sample.tgz', {f'coco_sample/train_sample/{i:012}.jpg': picture() for i in range(4)})
    assert len(fetch('coco_sample', tmp_path)['train']) == 4


def people_files(persons):
    return {f'lfw_funneled/{k}/{k}_{i + 1:04}.jpg': picture(250) for k,n in persons.items() for i in range(n)}


def test_lfw_by_scikit_learn(web, monkeypatch, tmp_path):
    import sklearn.datasets._lfw as sk
    folder,address,_ = web
    archive(folder/'lfw-funneled.tgz', people_files(dict(Ann_Lee=3, Bo_Ek=1, Cy_Roy=2)))
    for o in sk.TARGETS: (folder/o.filename).write_text('1\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBo_Ek\t1\n')
    remote = lambda o: o._replace(url=address + o.filename, checksum=sha256(folder/o.filename))
    monkeypatch.setattr(sk, 'FUNNELED_ARCHIVE', remote(sk.FUNNELED_ARCHIVE))
    monkeypatch.setattr(sk, 'TARGETS', tuple(map(remote, sk.TARGETS)))
    with pytest.raises(InputError, match='peopleDevTrain.txt.*give lists=unofficial_people'): fetch('lfw', tmp_path)
    lists = unofficial_people(tmp_path/'lfw/lfw_home/lfw_funneled')
    sets = fetch('lfw', tmp_path, one=False, lists=lists)
    assert sorted(map(len, [{p.parent for p in o} for o in sets.values()])) == [1, 2]
    assert sum(map(len, sets.values())) == 6


def test_lfw_is_read_as_torchvision_reads_it(monkeypatch, tmp_path):
    home,parts = tmp_path/'lfw-py',dict(Train=dict(Ann_Lee=3, Bo_Ek=1), Test=dict(Cy_Roy=2))
    home.mkdir()
    archive(home/'lfw-funneled.tgz', people_files(parts['Train'] | parts['Test']))
    shutil.unpack_archive(home/'lfw-funneled.tgz', home)
    for k,v in parts.items():
        rows = [str(len(v))] + [f'{name}\t{n}' for name,n in v.items()]
        (home/f'peopleDev{k}.txt').write_text('\n'.join(rows) + '\n')
    (home/'lfw-names.txt').write_text('Ann_Lee\t3\nBo_Ek\t1\nCy_Roy\t2\n')
    monkeypatch.setattr(tv.LFWPeople, 'checksums', {o.name: md5(o) for o in home.glob('*.txt')})
    monkeypatch.setattr(tv.LFWPeople, 'file_dict', dict(funneled=('lfw_funneled', 'lfw-funneled.tgz',
        md5(home/'lfw-funneled.tgz'))))
    sets = lfw(home/'lfw_funneled', one=False)
    for k in ('train', 'test'): assert [str(o) for o in sets[k]] == tv.LFWPeople(tmp_path, k, 'funneled').data
    assert [o.stem for o in lfw(home/'lfw_funneled')['train']] == ['Ann_Lee_0001', 'Bo_Ek_0001']


def test_no_network(monkeypatch, tmp_path):
    "Nobody listens at the port: one error with the remedy, and nothing that looks like a set"
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    archives = {'160px': ('http://127.0.0.1:9/imagenette2-160.tgz', '')}
    monkeypatch.setattr(tv.Imagenette, '_ARCHIVES', archives)
    with pytest.raises(InputError, match="where there is no network, put the set's archives in"):
        fetch('imagenette', tmp_path)
    assert not list((tmp_path/'imagenette').iterdir())


@pytest.mark.parametrize('keep', [0, 100, 300, 600])
def test_a_mat_file_that_breaks_off(tmp_path, keep):
    mat = unofficial_flower_splits(tmp_path/'datasplits.mat')
    mat.write_bytes(mat.read_bytes()[:keep])
    with pytest.raises(InputError, match='datasplits.mat. .*; (copy it again|is it the file)'): flowers17(tmp_path)


def test_splits_that_are_no_splits(tmp_path):
    (tmp_path/'jpg').mkdir()
    for i in range(1, 5): (tmp_path/f'jpg/image_{i:04}.jpg').write_bytes(picture())
    mat = tmp_path/'datasplits.mat'
    savemat(mat, dict(trn1=[1, 2], val1=[3], tst1=[4]))
    assert {k: len(v) for k,v in flowers17(tmp_path).items()} == dict(train=3, test=1)
    with pytest.raises(UsageError, match='give 1, 2 or 3'): flowers17(tmp_path, 4)
    for content,said in ((dict(trnid=[1, 2]), "no numbers 'trn1'"), (dict(trn1=[1, 2], val1=[2], tst1=[3]),
                         'is in trn1 and in val1')):
        savemat(mat, content)
        with pytest.raises(InputError, match=said): flowers17(tmp_path)
    mat.write_text('this is no MATLAB file at all')
    with pytest.raises(InputError, match='as a MATLAB file'): flowers17(tmp_path)


@pytest.mark.parametrize('said,rows,options', [
    ("'0000,sea' is not a frame's number; S0 separates by tabs", ['id,scene', '0000,sea'], {}),
    ("begins with '0001' and not with a header", ['0001', '0003'], {}),
    ("has no column 'id', but \\['n'\\]", ['n', '0001'], dict(column='id')),
    ("'sea' is not a frame's number", ['scene\tid', 'sea\t0000'], {}),
    ("'00' is not a frame's number", ['id', '0000', '00'], {}), ('is in train and in test', ['id', '0', '2'], {}),
    ("0099.png' is missing", ['id', '0000', '0099'], {})])
def test_tables_of_frames(tmp_path, said, rows, options):
    "What is wrong with a table is said with the table's name"
    (tmp_path/'img').mkdir()
    for i in range(12): (tmp_path/f'img/frame_{i:04}.png').write_bytes(picture())
    def table(name, rows): (tmp_path/f'{name}_split.csv').write_text('\n'.join(rows) + '\n')
    table('test', ['id\tscene', '0002\tsea', '0011\thouse'])
    table('train', ['id\tscene', '0\tsea', '0003\tsea'])
    assert [o.stem for o in numbered_frames(tmp_path)['train']] == ['frame_0000', 'frame_0003']
    table('train', rows)
    with pytest.raises(InputError, match=said): numbered_frames(tmp_path, **options)
    if '0099' in said: assert "0099.png' is missing" in numbered_frames(tmp_path, skip_bad=True).skipped[0]


def test_tables_that_break_off(tmp_path):
    (tmp_path/'img').mkdir()
    (tmp_path/'img/frame_0001.png').write_bytes(picture())
    for content in (b'', b'\xff\xfe\x00', b'id\n', b'id\n00', b'id\n0000'):
        (tmp_path/'train_split.csv').write_bytes(content)
        (tmp_path/'test_split.csv').write_text('id\n0001\n')
        with pytest.raises(InputError, match=r"train_split.csv'.*; S0|0000.png' is missing"): read_sets('bob', tmp_path)
    (tmp_path/'train_split.csv').unlink()
    with pytest.raises(InputError, match=r"cannot read '.*train_split.csv'.*; S0"): read_sets('sc2', tmp_path)


def test_nothing_is_lost_among_many(tmp_path):
    "Of 300 photos in two lists, every one is kept or told, in order"
    paths = [tmp_path/f'{i:03}.jpg' for i in range(300)]
    bad = set(RNG.choice(300, 40, replace=False).tolist())
    for i,o in enumerate(paths):
        if i not in bad: o.write_bytes(picture())
        elif i%2: o.write_bytes(picture()[:-200])
    sets = keep_sound(Sets(dict(a=paths[::2], b=paths[1::2]), ['told before']), skip_bad=True)
    assert sets['a'] == [o for i,o in enumerate(paths) if i%2 == 0 and i not in bad]
    assert sets['b'] == [o for i,o in enumerate(paths) if i%2 and i not in bad]
    assert sets.skipped[0] == 'told before' and len(sets.skipped) == 41
    assert all(any(paths[i].name in o for o in sets.skipped) for i in bad)


@photos
def test_all_of_the_real_flowers(tmp_path):
    sets = flowers17(data_dir()/'flowers17', mat=unofficial_flower_splits(tmp_path/'datasplits-unofficial.mat'))
    train,test = (Photos(sets[k], short=96) for k in ('train', 'test'))
    assert (len(train), len(test)) == (1020, 340) and not set(train.names) & set(test.names)
    dls = color_loaders(train, 64, 64, valid=.05, device='cpu', target='rgb')
    seen = [len(L) for L,_ in dls.train] + [len(L) for L,_ in dls.valid]
    assert sum(seen) >= 1020 - 63 and dls.valid.one_batch()[1].abs().max() <= 1


@photos
def test_near_infrared_by_two_workers():
    pairs = nir_pairs(data_dir()/'nir')['pairs'][::10]
    dls,here = (pair_loaders(pairs, 'nir', 4, 64, valid=.2, device='cpu', num_workers=o, keep=False) for o in (2, 0))
    for (L,ab),(L2,ab2) in zip(dls.valid, here.valid): assert L.equal(L2) and ab.equal(ab2)
    assert sum(len(L) for L,_ in dls.train) == len(pairs) - len(dls.held) - (len(pairs) - len(dls.held))%4
