"Films: published sizes, a network that begins as the image model, losses, clips, and a stream equal to it."
import json, random

import numpy as np, pytest, torch
from PIL import Image
from torch import nn

from colorbook.color.bins import AnnealedMean
from colorbook.core import InputError, UsageError
from colorbook.data.synthetic import compared_pairs, travel, visibility_batch, warp_batch
from colorbook.color.lab import rgb_to_lab
from colorbook.data.photos import sample_photos
from colorbook.models.encoder_unet import EncoderUNet
from colorbook.models.temporal import from_image_model, S1Critic, S1Generator, TemporalUNet
from colorbook.losses.temporal import SteadyLoss
from colorbook.data.clips import clip_loaders, ClipItems, Clips, Film, split_clips, windows
from colorbook.data.synthetic import camera_clip
from colorbook.models.registry import create_generator
from colorbook.training.export import export_stream, stream_card
from colorbook.training.recipes import recipes
from colorbook.training.registry import make_generator
from colorbook.training.trainer import make_content
from colorbook.video.model import FilmModel


def count(net): return sum(o.numel() for o in net.parameters())


@pytest.mark.parametrize('nf,attention,n', [(64, False, 8_085_504), (64, True, 8_111_346), (32, False, 2_023_424),
    (32, True, 2_029_946)])
def test_published_sizes(nf, attention, n):
    with torch.device('meta'): assert count(S1Generator(nf, attention)) == n


def test_the_critic_is_blind_to_lightness_and_of_the_published_size():
    critic,color = S1Critic().eval(),torch.rand(1, 3, 70, 70)
    assert count(critic) == 694_240
    assert torch.equal(critic(torch.zeros(1, 1, 70, 70), color), critic(torch.ones(1, 1, 70, 70), color))


@pytest.fixture(scope='module')
def nets():
    "Both generators with arbitrary weights that answer visibly"
    torch.manual_seed(0)
    product = TemporalUNet(color=AnnealedMean(), frozen=True).eval()
    for o in product.fuse.parameters(): nn.init.normal_(o, 0, .4)
    nn.init.normal_(product.head.weight, 0, 1.)
    return dict(product=product, s1=S1Generator(8).eval())


@pytest.mark.parametrize('name', ['product', 's1'])
def test_gradient_reaches_all_three_frames(nets, name):
    net,frozen = nets[name],getattr(nets[name], 'frozen', None)
    net.frozen = False
    x = torch.rand(1, 3, 64, 64, requires_grad=True)
    slope, = torch.autograd.grad(net(x).float().square().sum(), x)
    net.frozen = frozen
    assert (slope.abs().sum((2, 3)) > 0).all()


def test_it_begins_as_the_image_model_and_stays_it_for_photos_and_still_pictures():
    torch.manual_seed(1)
    image,x = EncoderUNet('lite0', 2, 4).eval(),torch.rand(2, 3, 64, 32)
    net = from_image_model(TemporalUNet(n_out=2), image.state_dict()).eval()
    with torch.no_grad():
        plain = image(x[:,1:2])
        torch.testing.assert_close(net(x), plain, rtol=0, atol=1e-5)
        for o in net.fuse.parameters(): nn.init.normal_(o)
        assert (net(x) - plain).abs().max() > 1e-3
        alone = x.clone()
        alone[:,[0, 2]] = -1
        for o in (x[:,1:2], alone, x[:,1:2].expand(-1, 3, -1, -1)):
            torch.testing.assert_close(net(o), plain, rtol=0, atol=1e-5)
        for k in (0, 2): # one neighbor is enough to differ, and the other can be missing
            one = x.clone()
            one[:,k] = -1
            assert (net(one) - plain).abs().max() > 1e-3
            one[:,k] = x[:,1]
            other = x.clone()
            other[:,k] = -1
            torch.testing.assert_close(net(one), net(other), rtol=0, atol=1e-5)


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match='no weights of the image model'): from_image_model(TemporalUNet(n_out=2), {})


def test_warp_by_whole_pixels():
    y,flow = torch.rand(1, 2, 7, 9),torch.zeros(1, 2, 7, 9)
    for dx,dy in ((1, 0), (0, 2), (-3, 1)):
        flow[:,0],flow[:,1] = dx,dy
        got = warp_batch(y, flow)
        for i in range(7):
            for j in range(9):
                want = y[0,:,min(max(i + dy, 0), 6),min(max(j + dx, 0), 8)]
                torch.testing.assert_close(got[0,:,i,j], want, rtol=0, atol=1e-5)


def test_steady_loss_by_hand_and_its_invariances():
    gen = torch.Generator().manual_seed(2)
    y,moves = torch.rand(8, 2, 5, 6, generator=gen),torch.rand(2, 5, 3, 5, 6, generator=gen)
    loss = SteadyLoss(lambda *o: torch.tensor(2.), short=3., long=5.)
    total = 0
    for i,j in compared_pairs(4):
        parts = []
        for n in range(2):
            k = compared_pairs(4).index((i, j))
            moved = warp_batch(y[4*n + i][None], moves[n,k,:2][None])[0]
            parts.append(((y[4*n + j] - moved).abs()*moves[n,k,2]).mean())
        total = total + torch.stack(parts).mean()*(3/3 if j == i + 1 else 5/2)
    torch.testing.assert_close(loss(y, y, None, moves), 2 + total)
    torch.testing.assert_close(loss.steady(y.repeat(3, 1, 1, 1), moves.repeat(3, 1, 1, 1, 1)), total)
    assert loss(y, y) == 2
    assert loss.steady(y, moves*torch.tensor([1., 1, 0]).view(3, 1, 1)) == 0


def test_visibility_closed_form():
    a,flow = torch.full((1, 3, 4, 4), .5),torch.zeros(1, 2, 4, 4)
    torch.testing.assert_close(visibility_batch(a, a + .2, flow), torch.full((1, 1, 4, 4), float(np.exp(-50*3*.04))))
    flow[:,1,0] = -1
    assert (visibility_batch(a, a, flow)[0,0] == torch.tensor([0., 1, 1, 1])[:,None]).all()


def test_no_frame_is_lost_and_no_window_crosses_a_cut():
    rng = random.Random(3)
    for _ in range(50):
        shots = np.cumsum([rng.random() < .3 for _ in range(rng.randrange(1, 60))]).tolist()
        found = windows(shots)
        assert [o[1] for o in found] == list(range(len(shots)))
        assert all(len({shots[i] for i in o if i is not None}) == 1 for o in found)
        for prev,now,after in found:
            assert (prev is None) == (now == 0 or shots[now - 1] != shots[now])
            assert (after is None) == (now == len(shots) - 1 or shots[now + 1] != shots[now])


def test_measuring_takes_every_frame_in_order():
    photo = sample_photos(96)[0]
    clips = Clips([Film([np.asarray(o) for o in travel(photo, 11, (48, 40))], [0]*5 + [1]*6)], 32, square=False, step=1)
    batches = list(clip_loaders(clips, 4, valid=1., target='rgb').valid)
    assert [len(x) for x,_ in batches] == [4, 4, 3]
    x = torch.cat([o for o,_ in batches])
    assert ((x[:,0] == -1).flatten(1).all(1)).nonzero().flatten().tolist() == [0, 5]
    assert ((x[:,2] == -1).flatten(1).all(1)).nonzero().flatten().tolist() == [4, 10]
    assert torch.equal(x[1:5,0], x[:4,1]) and torch.equal(x[5:10,2], x[6:,1])


def test_what_is_held_out_of_a_film_is_far_from_what_is_learned():
    film = Film([np.full((40, 40, 3), i, np.uint8) for i in range(30)])
    clips = Clips([film], 32, 3)
    train,held = ([clips.items[k][2] for k in o] for o in split_clips(clips, .3))
    assert max(i for o in train for i in o if i is not None) < min(i for o in held for i in o[1:-1])
    assert max(o[3] for o in held) == 29 and min(o[1] for o in train) == 0


@pytest.mark.parametrize('two', [False, True])
def test_the_flow_of_a_camera_is_true(two):
    photos,rng,errors = sample_photos(192),random.Random(4),{0: [], 2: []}
    for _ in range(6):
        frames,flows = camera_clip(photos[0], 5, 64, rng, photos[2] if two else None, 1)
        x = torch.from_numpy(frames).permute(0, 3, 1, 2)/255
        for off,found in errors.items():
            w = torch.from_numpy(flows[2])[None] + off
            gap = (x[3:4] - warp_batch(x[1:2], w)).abs().mean(1)*(visibility_batch(x[1:2], x[3:4], w)[:,0] > 0)
            found.append(gap[0,6:-6,6:-6].median().item())
    assert np.mean(errors[0]) < .03 and np.mean(errors[2]) > 2*np.mean(errors[0])


def test_a_mirrored_clip_has_a_mirrored_flow():
    clips = Clips([[o for o in sample_photos(96)]], 64, 3)
    film = Film([np.asarray(o) for o in travel(sample_photos(96)[1], 6, (72, 72), part=.8)])
    film.flows = {(i, j, 4): np.stack([np.full((18, 18), 4.*(j - i)), np.full((18, 18), 1.)]) for i in range(6)
        for j in range(6)}
    items,found = ClipItems(Clips([film], 64, 3), [1]),set()
    random.seed(5)
    for _ in range(20):
        frames,_,flows = items[0]
        found.add(tuple(flows[:,0,0,0].tolist()))
        assert (flows[:,1] == 1).all() and frames.shape == (5, 3, 64, 64)
    assert found == {(4., 4., 8.), (-4., -4., -8.)} and len(clips) == 6


SHOTS = [0, 0, 0, 0, 1, 2, 2]


def in_triples(net, film, shots):
    "What the three-frame network says, frame by frame; `film` is NxHxW"
    n,rows = len(film),[]
    for t in range(n):
        near = [film[j] if 0 <= j < n and shots[j] == shots[t] else torch.full_like(film[t], -1)
            for j in (t - 1, t, t + 1)]
        with torch.no_grad(): rows.append(net.color(net(torch.stack(near)[None])))
    out = torch.cat(rows)
    return out if out.shape[1] == 2 else rgb_to_lab((out + 1)/2)[:,1:]/110


@pytest.fixture(scope='module')
def files(nets, tmp_path_factory):
    home = tmp_path_factory.mktemp('streams')
    return {k: export_stream(g, home/f'{k}.onnx', stream_card(g, k)) for k,g in nets.items()}


@pytest.mark.parametrize('size', [(64, 96), (160, 32)])
@pytest.mark.parametrize('name', ['product', 's1'])
def test_the_stream_is_the_network(nets, files, name, size):
    from colorbook.video.model import color_film, FilmModel
    film = torch.rand(7, *size, generator=torch.Generator().manual_seed(6))
    got = np.stack(list(color_film(FilmModel(files[name]), zip(film.numpy(), SHOTS))))
    want = in_triples(nets[name], film, SHOTS).numpy()
    assert np.abs(got - want).max() < 1e-3 and np.abs(want).max() > .05
    plain = in_triples(nets[name], film, [0]*7).numpy()
    assert (np.abs(plain - want).max((1, 2, 3)) > 1e-3).tolist() == [False, False, False, True, True, True, False]


def test_a_film_of_any_length_and_one_after_another(files):
    from colorbook.video.model import color_film, FilmModel
    stream = FilmModel(files['s1'])
    assert stream.flush() is None
    for n,size in ((1, (32, 32)), (2, (64, 32)), (0, (32, 32)), (3, (32, 96))):
        film = np.random.default_rng(n).random((n, *size), np.float32)
        assert len(list(color_film(stream, zip(film, [0]*n)))) == n
    stream.push(np.zeros((32, 32)))
    with pytest.raises(UsageError, match='flush'): stream.push(np.zeros((64, 32)))
    with pytest.raises(UsageError, match='multiples of 32'): FilmModel(files['s1']).push(np.zeros((40, 32)))


def test_a_model_for_pictures_is_refused():
    from colorbook.imaging.artifact import default_model
    from colorbook.video.model import FilmModel
    with pytest.raises(InputError, match='for pictures'): FilmModel(default_model())


def test_train_s1_as_users_do(tmp_path, capsys):
    "A folder of S1's frames, one command, and a file that colors every frame"
    import yaml
    from colorbook.cli.app import main
    from colorbook.training.recipes import Phase, recipes, replace, save_recipe
    from colorbook.video.model import color_film, FilmModel
    for folder,start,n in (('train', 1, 8), ('val', 10000, 5)):
        (tmp_path/'film'/folder).mkdir(parents=True)
        for i,o in enumerate(travel(sample_photos(96)[start > 1], n, (48, 36))):
            o.save(tmp_path/f'film/{folder}/{start + i:05}.png')
    phases = (Phase('both', 1, (1e-4, 1e-4), schedule='constant'),)
    save_recipe(replace(recipes['s1'], generator='s1_32', size=32, bs=4, phases=phases), tmp_path/'s1.yaml')
    assert main(['train', str(tmp_path/'s1.yaml'), str(tmp_path/'film'), '-o', str(tmp_path/'run')]) == 0
    path = capsys.readouterr().out.splitlines()[-1]
    assert path == str(tmp_path/'run/artifact.onnx')
    stream = FilmModel(path)
    assert (stream.card['kind'], stream.card['gray'], stream.card['recipe']['data']) == ('video', 'rec601', 'frames')
    film = np.random.default_rng(0).random((5, 32, 64), np.float32)
    assert len(list(color_film(stream, zip(film, [0]*5)))) == 5
    assert yaml.safe_load((tmp_path/'run/recipe.yaml').read_text())['lam'] == 20
    assert json.loads(json.dumps(stream.card))
    Image.open(tmp_path/'run/sheet--1.jpg').load()


@pytest.mark.parametrize('stabilize', [0, .9])
def test_a_film_taken_up_again_has_the_same_colors(files, tmp_path, monkeypatch, stabilize):
    "The model needs a frame more than the stabilizer before the place where it goes on"
    from colorbook.video import colorize as video
    from colorbook.video.read import read_frames, write_clip
    photos = sample_photos(128)
    ims = [o for k,n in ((0, 135), (3, 10)) for o in travel(photos[k], n, (64, 48), (0, .2), (.6, .6), part=.7)]
    clip = write_clip(ims, tmp_path/'clip.mp4')
    color = lambda dst: video.colorize_video(clip, tmp_path/dst, files['product'], 64, stabilize=stabilize)
    color('straight.mkv')
    encode,left = video.encode_part,[1] # a part is 120 frames here, so it ends within a shot
    def failing(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0: raise RuntimeError('no power')
        return encode(*args, **kwargs)
    monkeypatch.setattr(video, 'encode_part', failing)
    with pytest.raises(RuntimeError): color('again.mkv')
    monkeypatch.setattr(video, 'encode_part', encode)
    assert len(list((tmp_path/'.again.mkv.parts').glob('*.part'))) == 1
    color('again.mkv')
    straight,again = ([o.im.tobytes() for o in read_frames(tmp_path/o)] for o in ('straight.mkv', 'again.mkv'))
    assert len(straight) == 145 and straight == again


def test_film_and_picture_models_are_told_apart(files, tmp_path):
    from colorbook.imaging.artifact import default_model
    from colorbook.imaging.colorizer import colorize
    from colorbook.video.model import load_film_model, FilmModel
    with pytest.raises(InputError, match='colorbook video'): colorize(sample_photos(64)[0], model=files['s1'])
    assert isinstance(load_film_model(files['s1']), FilmModel)
    assert load_film_model(default_model()).card.get('kind') != 'video'


def test_a_film_model_keeps_the_colors_that_were_chosen_for_its_image_model(tmp_path):
    "Temperature and saturation of the artifact arrive in the film network, in its loss and in its file"
    torch.manual_seed(4)
    image,x = create_generator('lite0').eval(),torch.rand(1, 1, 64, 64)
    image.color = AnnealedMean(.7, torch.randn(313), 1.4)
    film = make_generator(recipes['video'], image.state_dict()).eval()
    with torch.no_grad(): want = image.color(image(x))
    torch.testing.assert_close(film.color(film(x)), want, rtol=0, atol=1e-5)
    assert (AnnealedMean()(image(x)) - want).abs().max() > .01
    loss = make_content(recipes['video'], None, color=film.color)
    scores = film(x).detach()
    assert loss(scores, want).item() < 1e-5 < .01 < make_content(recipes['video'], None)(scores, want).item()
    path = export_stream(film, tmp_path/'film.onnx', stream_card(film, 'chance'))
    model = FilmModel(path)
    assert model.push(x[0,0].numpy(), False) is None
    assert abs(model.flush() - want[0].numpy()).max() < 1e-3
