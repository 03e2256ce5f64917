"The pictures in `data/` are the ones that its manifest describes."
import csv, hashlib
from pathlib import Path

import numpy as np
from PIL import Image

DATA = Path(__file__).parent.parent/'data'
ROWS = list(csv.DictReader((DATA/'manifest.csv').open()))


def test_manifest_is_complete():
    assert {o['file'] for o in ROWS} == {o.name for o in DATA.iterdir()} - {'README.md', 'manifest.csv'}
    assert len(ROWS) <= 3 and all(o['licence'] in ('CC0', 'public domain') for o in ROWS)


def test_hashes():
    assert {o['file']: hashlib.sha256((DATA/o['file']).read_bytes()).hexdigest() for o in ROWS} == {
        o['file']: o['sha256'] for o in ROWS}


def test_sources():
    import skimage
    for o in ROWS:
        assert o['source'] == f"skimage.data.{o['file'].split('.')[0]}"
        assert (Path(skimage.__file__).parent/'data'/o['file']).read_bytes() == (DATA/o['file']).read_bytes()


def test_color_is_what_the_manifest_says():
    for o in ROWS:
        rgb = np.asarray(Image.open(DATA/o['file']).convert('RGB'), int)
        assert (np.ptp(rgb, axis=2).max() > 0) == (o['color'] == 'yes')
    assert 'no' in {o['color'] for o in ROWS}, 'one picture is truly black and white'
