"What the commands refuse: one line with a remedy, the exit code of its kind, and nothing left behind."
import numpy as np, pytest
from PIL import Image
from skimage import data

from colorbook.cli.app import main
from colorbook.data.synthetic import travel
from colorbook.video.read import write_clip


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp('home')
    ims = list(travel(Image.fromarray(data.astronaut()), 6, (96, 64)))
    for name,o in dict(clip=ims, same=ims, short=ims[:-1]).items(): write_clip(o, home/f'{name}.mp4')
    (home/'text.mp4').write_text('no film')
    (home/'text.onnx').write_text('no model')
    for folder,by in (('truth', 1), ('half', .5)):
        (home/folder).mkdir()
        for i,o in enumerate(ims[:3]): Image.blend(o.convert('L').convert('RGB'), o, by).save(home/folder/f'{i}.png')
    (home/'two').mkdir()
    for name in ('a', 'b'): Image.fromarray(data.camera()[::4,::4]).save(home/f'two/{name}.png')
    (home/'clash').mkdir()  # the first answer to a.png would have the name of the other's sheet
    for name in ('a', 'a-1'): Image.fromarray(data.camera()[::4,::4]).save(home/f'clash/{name}.png')
    return home


def words(text, home): return [str(home/o[1:]) if o.startswith('@') else o for o in text.split()]


@pytest.mark.parametrize('text,code', [
    ('video @text.mp4 @a.mp4', 3), ('video @no.mp4 @a.mp4', 3), ('video @clip.mp4 @a.xyz', 2),
    ('video @clip.mp4 @a.mp4 --codec h265', 2), ('video @clip.mp4 @a.mp4 --layout all', 2),
    ('video @clip.mp4 @a.mp4 --threads 0', 2), ('video @clip.mp4 @clip.mp4 --overwrite', 2),
    ('video @clip.mp4 @same.mp4', 4),
    ('play 9', 3), ('play @text.mp4', 3), ('play @no.mp4', 3), ('play udp://nowhere:x', 3),
    ('play @clip.mp4 --port 99999', 2), ('play @clip.mp4 --host nowhere.invalid', 2),
    ('play @clip.mp4 --seconds 0', 2), ('play @clip.mp4 --stabilize 2', 2), ('play @clip.mp4 --size 4', 2),
    ('play - --loop', 2),
    ('flicker @clip.mp4 @missing.mp4', 3), ('flicker @clip.mp4 @text.mp4', 3), ('flicker @clip.mp4 @short.mp4', 3),
    ('flicker @missing.mp4 @clip.mp4', 3), ('flicker @clip.mp4', 2), ('flicker @clip.mp4 @same.mp4 --plot @a.mp3', 4),
    ('colorize @two/a.png --max-pixels many', 2), ('colorize @clash --samples 2 -o @new', 2),
    ('colorize @two/a.png --samples 0', 2), ('colorize @two/a.png --samples 2 -o -', 2),
    ('colorize @two/a.png --saturation -1', 2), ('colorize @two/a.png -m nobody -o @a.png', 3),
    ('train s00 @two', 2), ('train s0 @two --set lam', 2), ('train s0 @two --set lamb=3', 2),
    ('train s0 @two --set lam=much', 2), ('train s0 @two --set size=64.5', 2), ('train s0 @two --set phases=3', 2),
    ('train s0 @two --set content=bins', 2), ('rank @none @two/a.png', 3),
    ('evaluate @text.onnx @truth', 3), ('evaluate @half @truth --lpips resnet', 3),
    ('evaluate @half @truth --size 48 --lpips none --fid @text.onnx', 3),
    ('evaluate @half @truth --size 48 --lpips none --labels @missing.csv', 3),
    ('gallery @none', 3), ('gallery @two --size 3', 2), ('gallery @two -m none', 3),
    ('data list rob @two -o @lists', 2), ('data fetch flowers18 -o @far', 2), ('data doctor @none', 3),
    ('data split @two @parts --valid .7 --test .3', 2)])
def test_a_refusal_is_one_line(text, code, home, capsys):
    there = sorted(home.rglob('*'))
    assert main(words(text, home)) == code
    out,said = capsys.readouterr()
    lines = said.strip().splitlines()
    assert lines and lines[-1].startswith('colorbook: ') and 'defect' not in said and out == ''
    assert sorted(home.rglob('*')) == there


def test_a_film_without_colors_of_its_own(home, capsys):
    assert main(words('flicker @clip.mp4 @same.mp4 --no-truth', home)) == 0
    assert 'no colors of its own' in capsys.readouterr().out


def test_samples_are_not_written_over(home, tmp_path, capsys):
    args = ['colorize', str(home/'two/a.png'), '--samples', '2', '-o', str(tmp_path/'a.png')]
    assert main(args) == 0 and sorted(o.name for o in tmp_path.iterdir()) == ['a-1.png', 'a-2.png', 'a.png']
    (tmp_path/'a.png').unlink()
    before = {o: o.stat().st_mtime_ns for o in tmp_path.iterdir()}
    assert main(args) == 4 and "a-1.png' is there already" in capsys.readouterr().err
    assert {o: o.stat().st_mtime_ns for o in tmp_path.iterdir()} == before


def test_damage_may_be_left_out(home, tmp_path):
    (tmp_path/'in').mkdir()
    (tmp_path/'in/bad.jpg').write_bytes(b'half a picture')
    Image.fromarray(np.full((60, 80), 90, np.uint8)).save(tmp_path/'in/good.png')
    args = ['colorize', str(tmp_path/'in'), '-o', str(tmp_path/'out')]
    assert main(args) == 3 and main([*args, '--skip-bad', '--overwrite']) == 0
    assert [o.name for o in (tmp_path/'out').iterdir()] == ['good.png']
