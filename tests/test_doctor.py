"The doctor on more pictures than its chapter has, and on what only a set of real photographs shows."
import io, json, random, tarfile, threading, time
from itertools import islice
from pathlib import Path

import numpy as np, pytest
from PIL import Image

from colorbook.data.duplicates import candidate_pairs, clusters, describe, find_copies, find_shots, split, thumbnails
from colorbook.core import InputError
from colorbook.data.photos import data_dir, read_photo, sample_photos
from colorbook.color.bins import load_prior
from colorbook.data.audit import examine, FINDINGS
from colorbook.data.scan import summarize_image, summarize_images, stream_photos


def tiles(side, step):
    "Squares of the sample photographs in which there is something to see"
    for im in sample_photos():
        for y in range(0, im.height - side + 1, step):
            for x in range(0, im.width - side + 1, step):
                t = im.crop((x, y, x + side, y + side))
                if np.asarray(t.convert('L')).std() > 15: yield t


def coded(im, suffix='jpg', quality=70):
    f = io.BytesIO()
    im.save(f, dict(jpg='JPEG', webp='WEBP', png='PNG')[suffix], quality=quality)
    return f.getvalue()


def trim(im, rng, share=.04):
    w,h = round(im.width*(1 - share)),round(im.height*(1 - share))
    x,y = rng.randint(0, im.width - w),rng.randint(0, im.height - h)
    return im.crop((x, y, x + w, y + h))


CHANGES = dict(
    encoded=lambda im, rng: coded(im, quality=rng.randint(40, 80)),
    resized=lambda im, rng: coded(im.resize((round(im.width*.8), round(im.height*.8))), 'webp', 90),
    cropped=lambda im, rng: coded(trim(im, rng), 'webp', 90),
    brighter=lambda im, rng: coded(im.point(lambda v: min(255, v*1.1)), 'webp', 90))


def write_tar(path, items):
    with tarfile.open(path, 'w') as t:
        for name,blob in items:
            info = tarfile.TarInfo(name)
            info.size = len(blob)
            t.addfile(info, io.BytesIO(blob))
    return path


@pytest.fixture(scope='module')
def photos():
    "A few hundred encoded photographs of the shared set"
    shard = data_dir() and data_dir()/'photos/train-0.tar'
    if not shard or not shard.exists(): pytest.skip('no shared photos')
    return list(islice(stream_photos(shard), 600))


@pytest.mark.parametrize('seed', [1, 2])
def test_planted_across_sets(photos, seed, tmp_path):
    rng = random.Random(seed)
    chosen = rng.sample(range(600), 80)
    planted = [(f'{k}-{i}.jpg', CHANGES[k](read_photo(photos[i][1]), rng), photos[i][0])
               for k,i in zip(list(CHANGES)*20, chosen)]
    train = write_tar(tmp_path/'train.tar', photos)
    test = write_tar(tmp_path/'test.tar', [o[:2] for o in planted])
    r = examine(dict(train=train, test=test)).report()
    found = {frozenset(o['names']) for o in r['pairs'] if o['leak']}
    want = {frozenset((a, b)) for a,_,b in planted}
    assert len(want & found) >= 77  # 96 %, as 48 of 50
    assert len(found - want) == 0
    both = split([train, test], seed=seed)
    both['origin'] = [*(n for n,_ in photos), *(b for *_,b in planted)]
    together = both.groupby('origin').side.nunique()
    assert len(both) == 680 and (together > 1).sum() <= 3
    assert abs((both.side == 'train').mean() - .8) < .02


def test_photographs_have_color(photos):
    t = examine([Image.open(io.BytesIO(o)) for _,o in photos]).pictures
    assert (t.finding != '').mean() < .05 and not t.finding.isin(['black', 'flat', 'gray']).any()


def test_gray_and_sepia_photographs_are_found(photos):
    gray = lambda im: np.asarray(im) @ np.array([.299, .587, .114])
    sepia = np.array([[.393, .769, .189], [.349, .686, .168], [.272, .534, .131]])
    ims = [read_photo(o) for _,o in photos[:150]]
    t = examine(dict(gray=[coded(Image.fromarray(np.uint8(gray(o)))) for o in ims],
        sepia=[coded(Image.fromarray(np.uint8((np.asarray(o) @ sepia.T).clip(0, 255)))) for o in ims])).pictures
    assert (t.finding[t.set == 'gray'] == 'gray').all()
    assert (t.finding[t.set == 'sepia'] == 'sepia').mean() >= .99


def test_true_prints_are_found():
    if not data_dir() or not (data_dir()/'legacy').exists(): pytest.skip('no shared photos')
    t = examine(data_dir()/'legacy').pictures
    assert len(t) == 48 and t.finding.isin(['gray', 'sepia']).all()


def test_copies_of_many_tiles():
    rng,ims = random.Random(0),list(tiles(120, 60))
    copies = {k: [summarize_image(('', f(o, rng))).square for o in ims] for k,f in CHANGES.items()}
    squares = np.stack([o.square for o in summarize_images(ims)] + [o for k in copies for o in copies[k]])
    n = len(ims)
    pairs = find_copies([str(i) for i in range(len(squares))], thumbnails(squares))
    assert n > 150 and (pairs['first'] % n == pairs['second'] % n).mean() > .99
    cluster = clusters(len(squares), pairs[['first', 'second']])
    assert np.mean([cluster[i + n*k] == cluster[i] for i in range(n) for k in range(1, 5)]) > .96


def test_a_still_camera_makes_few_pairs():
    "A thousand frames that hardly differ are one cluster, without half a million pairs"
    rng = np.random.default_rng(0)
    still = np.asarray(sample_photos(64)[0])
    frames = np.uint8((still[None] + rng.normal(0, 3, (1000, 64, 64, 1))).clip(0, 255))
    thumbs = thumbnails(frames)
    assert len(candidate_pairs(describe(thumbs))) <= 10*1000
    pairs = find_copies(range(1000), thumbs)
    _,shot = find_shots([f'{i:04}.png' for i in range(1000)], thumbs)
    assert len(set(shot)) == 1 and len(set(clusters(1000, pairs[['first', 'second']]))) == 1


class Database:
    "Pictures by number that must not be read by two threads at once, one of them broken"
    def __init__(self, ims): self.ims,self.names,self.busy = ims,[f'{i}' for i in range(len(ims))],threading.Lock()
    def __len__(self): return len(self.ims)
    def __getitem__(self, i):
        assert self.busy.acquire(blocking=False), 'two at once'
        time.sleep(.001)
        self.busy.release()
        if i == 5: raise InputError(f"cannot read '{i}' as a picture", 'make it again')
        return self.ims[i]


def test_a_database(tmp_path):
    ims = list(tiles(120, 120))
    exam = examine(dict(db=Database(ims), memory=[ims[7]]), workers=8)
    assert exam.unreadable[['set', 'name']].values.tolist() == [['db', '5']]
    assert [tuple(o['names']) for o in exam.report()['pairs'] if o['leak']] == [('7', '00000')]
    exam.save(tmp_path/'out')
    assert json.loads((tmp_path/'out/report.json').read_text())['leaks'] == 1
    assert load_prior(tmp_path/'out/prior.safetensors').sum() == pytest.approx(1, abs=1e-5)
    assert Image.open(tmp_path/'out/leaks.png').size[0] > 0
    with pytest.raises(InputError): split(Database(ims))
    sides = split(Database(ims), skip_bad=True)
    assert sides.side[5] == '' and 'cannot read' in sides.error[5] and (sides.side.drop(5) != '').all()


def test_findings_do_not_depend_on_the_order_or_the_threads(tmp_path):
    rng,ims = random.Random(3),list(tiles(120, 120))
    items = [(f'{i}.png', coded(o, 'png')) for i,o in enumerate(ims)]
    items += [(f'c{i}.jpg', CHANGES['cropped'](o, rng)) for i,o in enumerate(ims)]
    items += [('gray.jpg', coded(ims[0].convert('L'))), ('black.png', coded(Image.new('RGB', (30, 30)), 'png'))]
    def found(items, workers):
        r = examine(write_tar(tmp_path/'s.tar', items), workers=workers).report()
        return ({f: sorted(r['sets']['set']['findings'][f]) for f in FINDINGS}, r['prior'],
                {frozenset(o['names']) for o in r['pairs']})
    a = found(items, 1)
    rng.shuffle(items)
    b = found(items, 4)
    assert a[0] == b[0] and a[2] == b[2] and np.allclose(a[1], b[1], atol=1e-6)
    assert len(a[2]) >= len(ims)


def test_every_file_of_a_folder_is_accounted_for(tmp_path):
    ims = list(tiles(120, 120))
    for i,o in enumerate(ims): o.save(tmp_path/f'{i:03}.png')
    for i in range(0, len(ims), 3):
        path = tmp_path/f'{i:03}.png'
        path.write_bytes(path.read_bytes()[:len(path.read_bytes())//2])
    exam = examine(tmp_path)
    assert len(exam.pictures) + len(exam.unreadable) == len(ims)
    assert {Path(o).name for o in exam.unreadable.name} == {f'{i:03}.png' for i in range(0, len(ims), 3)}
    assert all('remove it or copy it again' in o for o in exam.unreadable.error)


def test_a_lost_picture_of_a_database_is_named():
    class Broken:
        "A set whose second picture is lost"
        names = ['a', 'b', 'c']
        def __getitem__(self, i):
            return read_photo(b'lost' if i == 1 else np.full((64, 64, 3), 9, np.uint8), self.names[i])
    seen = [summarize_image(o, i) for i,o in enumerate(stream_photos(Broken()))]
    assert [bool(o.error) for o in seen] == [False, True, False]
