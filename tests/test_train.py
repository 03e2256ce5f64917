"Training as users run it: the shipped recipe, stopped anywhere and taken up again, and with what it should refuse."
import copy, subprocess, sys, time
from dataclasses import replace
from pathlib import Path

import onnx, pandas as pd, pytest, torch, yaml
from PIL import Image
from safetensors.torch import save_file

import book
from colorbook.cli.app import main
from colorbook.color.bins import class_weights
from colorbook.core import TrainingError, UsageError
from colorbook.data.photos import sample_photos
from colorbook.models.registry import generators
from colorbook.training.export import commit, export_artifact, export_run, make_card
from colorbook.training.gan import GANCallback
from colorbook.training.journal import RunRecorder
from colorbook.training.critic_schedules import knee
from colorbook.training.recipes import Phase, recipes, save_recipe
from colorbook.training.registry import make_gan
from colorbook.training.runs import Run, state_hash
from colorbook.training.selection import candidates
from colorbook.training.trainer import train
from small import Fuse, Small

quiet = pytest.mark.filterwarnings('ignore')
DEFAULT = recipes['default-mobile']
# a recipe with a critic, on a small generator and for moments: its content loss, weights of classes, critic and rates
SMALL = replace(DEFAULT, name='small', generator='small', size=64, bs=8, valid=.2, phases=(
    replace(DEFAULT.phases[0], epochs=2), DEFAULT.phases[1], replace(DEFAULT.phases[2], epochs=2)))


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    "A folder of photos and a recipe"
    home = tmp_path_factory.mktemp('train')
    (home/'photos').mkdir()
    for i,o in enumerate(sample_photos(192)):
        for x in 0,64,128:
            for y in 0,64,128: o.crop((x, y, x + 64, y + 64)).save(home/f'photos/{i}-{x}-{y}.png')
    save_recipe(SMALL, home/'small.yaml')
    return home


def run(recipe, home, out, photos='photos', **kwargs):
    return Run(train(recipe, str(home/photos), out, progress=False, **kwargs))


def result(run):
    "Everything that two equal runs have in common"
    history = pd.DataFrame(run.history).drop(columns='seconds')
    looks = {o.name: o.read_text() for o in run.folder.glob('looks-*')}
    weights = {k: state_hash(run.weights(k)) for k in run.tags}
    return weights,history.to_csv(),looks,state_hash(run.checkpoint()['model'])


@pytest.fixture(scope='module')
def straight(home):
    with pytest.MonkeyPatch.context() as m:
        m.setattr('warnings.warn', lambda *_, **__: None)
        return run(SMALL, home, home/'straight')


def test_a_recipe_is_trained_as_it_says(straight):
    assert (SMALL.content, SMALL.rebalance, SMALL.adv_weight) == ('bins', .5, .2)
    assert [o['mode'] for o in straight.history] == ['content', 'content', 'critic', 'both', 'both']
    hypers = straight.checkpoint()['opt']['hypers']
    assert [o['lr'] for o in hypers] == list(DEFAULT.phases[2].lrs) == [2e-5, 1e-4, 2e-4]
    for o in hypers: assert (o['mom'], o['sqr_mom'], o['wd'], o['eps']) == (*DEFAULT.betas, DEFAULT.wd, DEFAULT.eps)
    weights = straight.class_weights()
    assert weights.shape == (313,) and weights.max() > 2*weights.min()


@quiet
def test_the_prior_and_its_exponent_arrive(home, tmp_path):
    prior = torch.arange(1., 314.)/torch.arange(1., 314.).sum()
    save_file(dict(prior=prior), tmp_path/'prior')
    short = replace(SMALL, phases=(Phase('content', 1, (1e-3, 1e-3, 0.), share=.1),))
    for alpha in (.5, 0.):
        made = run(replace(short, rebalance=alpha), home, tmp_path/str(alpha), prior=tmp_path/'prior')
        assert torch.allclose(made.class_weights(), class_weights(prior, alpha=alpha), rtol=1e-5)
    assert made.record['prior'] and torch.allclose(made.class_weights(), torch.ones(313))


def test_a_run_leaves_its_files(straight, home):
    tags = ['0-000', '0-001', '1-000', '2-000', '2-001']
    assert straight.tags == tags
    assert sorted(o.name for o in straight.folder.iterdir()) == sorted(['checkpoint.pth', 'checkpoint-before.pth',
        'classes.safetensors', 'history.csv', 'losses.png', 'recipe.yaml', 'record.yaml', 'sheet--1.jpg',
        *[f'sheet-{o}.jpg' for o in tags], *[f'generator-{o}.safetensors' for o in tags]])
    for o in straight.folder.glob('*.[jp][pn]g'): Image.open(o).load()
    assert straight.record | dict(held='') == dict(source=str(home/'photos'), n=None, held='', weights=None, prior=None,
        teacher=None)


@quiet
def test_the_command_ends_in_a_file_that_colors(home, tmp_path, capsys):
    assert main(['train', str(home/'small.yaml'), str(home/'photos'), '-o', str(tmp_path/'run'), '--tensorboard',
        '--epochs', '1']) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path/'run/artifact.onnx')
    assert list((tmp_path/'run/tensorboard').iterdir())
    assert main(['colorize', str(home/'photos/0-0-0.png'), '-o', str(tmp_path/'out.png'), '--model',
        str(tmp_path/'run/artifact.onnx')]) == 0
    assert Image.open(tmp_path/'out.png').size == (64, 64)
    card = yaml.safe_load({o.key: o.value for o in onnx.load(tmp_path/'run/artifact.onnx').metadata_props}['colorbook'])
    assert card['record']['held'] == Run(tmp_path/'run').record['held'] and 'source' not in card['record']


# ---- stopped anywhere

STOP = replace(SMALL, ema=.9, learn_weights=True, phases=(
    Phase('content', 1, (1e-3, 1e-3, 0.)), Phase('2-1', 2, (1e-4, 1e-3, 1e-3), 'constant', stop=.2, size=48, bs=6),
    Phase('adaptive', 1, (1e-4, 1e-3, 1e-3), 'constant'), Phase('both', 1, (1e-4, 1e-3, 1e-3))))


@pytest.fixture(scope='module')
def whole(home):
    with pytest.MonkeyPatch.context() as m:
        m.setattr('warnings.warn', lambda *_, **__: None)
        return run(STOP, home, home/'whole')


def test_a_stop_of_a_recipe_reaches_the_disk(whole):
    assert whole.tags == ['0-000', '1-000', '1-001', '1-stop', '2-000', '3-000']
    looks = pd.read_csv(whole/'looks-1.csv')
    assert len(looks) >= 5 and looks.step[looks.chosen].tolist() == [looks.step[knee(looks.distance)]]
    assert {'ratio', 'skin', 'accuracy', 'distance'} < set(looks)
    epochs = {k: state_hash(whole.weights(k)) for k in whole.tags}
    chosen,end = looks.step[looks.chosen].item(),looks.step.max()
    for tag,step in (('1-000', end//2), ('1-001', end)):  # back at the chosen step, wherever that was
        assert (epochs['1-stop'] == epochs[tag]) == (chosen == step)
    assert chosen < end
    assert [o['tag'] for o in candidates(whole)] == ['0-000', '1-stop', '2-000', '3-000']
    rows = {o['tag']: o for o in whole.history}
    assert float(rows['1-stop']['psnr']) > 0 and rows['1-stop']['content'] == 'nan'


@pytest.mark.parametrize('i', [0, 1])
def test_a_stop_needs_a_critic_to_play_against(home, tmp_path, i):
    phases = tuple(replace(p, stop=.2) for p in (STOP.phases[0], replace(STOP.phases[0], mode='critic')))
    with pytest.raises(UsageError, match='plays against a critic; leave it out'):
        run(replace(STOP, phases=phases[i:i+1]), home, tmp_path/'run')
    assert not (tmp_path/'run').exists()


@pytest.mark.parametrize('data', ['nir', 'lwir', 'shards'])
def test_a_cache_is_for_photographs(home, tmp_path, data):
    with pytest.raises(UsageError, match='leave the cache out'):
        train(replace(SMALL, data=data, phases=SMALL.phases[:1]), home/'photos', tmp_path/'run', cache=tmp_path/'cache')
    assert not (tmp_path/'cache').exists()


@quiet
def test_what_is_exported_are_the_weights_of_the_stop(home, tmp_path):
    stopped = run(replace(STOP, ema=0., learn_weights=False, phases=STOP.phases[1:2]), home, tmp_path/'run')
    assert [o['tag'] for o in candidates(stopped)] == ['0-stop']
    card = yaml.safe_load({o.key: o.value for o in onnx.load(export_run(stopped)).metadata_props}['colorbook'])
    assert card['chosen']['tag'] == '0-stop'


@quiet
@pytest.mark.parametrize('owner,name,at', [(GANCallback, 'after_loss', 3), (GANCallback, 'after_loss', 9),
    (GANCallback, 'after_loss', 16), (GANCallback, 'after_loss', 24), (RunRecorder, 'close', 1),
    (RunRecorder, 'close', 2), (RunRecorder, 'save', 2), (RunRecorder, 'save', 5), (Run, 'save_checkpoint', 4)])
def test_stopped_anywhere_it_goes_on_to_the_same_end(whole, home, tmp_path, monkeypatch, owner, name, at):
    fuse = Fuse(monkeypatch, owner, name)
    fuse.at(at)
    with pytest.raises(KeyboardInterrupt): run(STOP, home, tmp_path/'run')
    fuse.at(None)
    assert result(run(STOP, home, tmp_path/'run')) == result(whole)


@quiet
def test_a_broken_checkpoint_costs_an_epoch(straight, home, tmp_path, monkeypatch):
    fuse = Fuse(monkeypatch, RunRecorder, 'save')
    fuse.at(4)
    with pytest.raises(KeyboardInterrupt): run(SMALL, home, tmp_path/'run')
    fuse.at(None)
    whole = (tmp_path/'run/checkpoint.pth').read_bytes()
    (tmp_path/'run/checkpoint.pth').write_bytes(whole[:len(whole)//2])
    with pytest.raises(TrainingError, match="remove it: 'checkpoint-before.pth' is taken then"):
        run(SMALL, home, tmp_path/'run')
    (tmp_path/'run/checkpoint.pth').unlink()
    assert result(run(SMALL, home, tmp_path/'run')) == result(straight)


def command(home, out):
    return [sys.executable, str(Path(__file__).parent/'small.py'), 'train', str(home/'small.yaml'), str(home/'photos'),
        '-o', str(out)]


def test_killed_at_any_time_it_goes_on_to_the_same_end(straight, home):
    out = home/'killed'
    for at in 'generator-0-001.safetensors', 'checkpoint.pth', 'sheet-2-000.jpg':
        stamp = lambda: (out/at).stat().st_mtime_ns if (out/at).exists() else 0
        before,child = stamp(),subprocess.Popen(command(home, out), cwd=book.ROOT, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        while stamp() == before and child.poll() is None: time.sleep(.005)
        assert child.poll() is None, 'it ended before it could be killed'
        child.kill()
        child.wait()
        assert len(Run(out).tags) < 5
    done = subprocess.run(command(home, out), cwd=book.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert result(Run(out)) == result(straight)
    names = lambda folder: {o.name for o in folder.iterdir()} - {'artifact.onnx', 'tried.csv'}
    assert names(out) == names(straight.folder)


@quiet
def test_a_new_start_leaves_files_of_others_alone(home, tmp_path):
    short = replace(SMALL, phases=(Phase('content', 2, (1e-3, 1e-3, 0.), share=.1),))
    made = run(short, home, tmp_path/'run')
    mine = [made/o for o in ('my-generator-notes.txt', 'best-generator-0-004.safetensors', 'generator-old.safetensors')]
    for o in mine: o.write_text('mine')
    (made/'checkpoint.pth').unlink(), (made/'checkpoint-before.pth').unlink()
    again = run(replace(short, phases=(replace(short.phases[0], epochs=1),)), home, made)
    assert [o.read_text() for o in mine] == ['mine']*3
    assert again.tags == ['0-000'] and not (made/'generator-0-001.safetensors').exists()


# ---- what is refused

@quiet
def test_a_run_is_not_gone_on_with_anything_else(home, tmp_path):
    made = run(replace(SMALL, phases=SMALL.phases[:1]), home, tmp_path/'run')
    recipe,before = made.recipe,result(made)
    (tmp_path/'few').mkdir(), save_file(dict(prior=torch.full((313,), 1/313)), tmp_path/'prior')
    for o in sorted((home/'photos').iterdir())[:40]: (tmp_path/'few'/o.name).write_bytes(o.read_bytes())
    for what,source,kwargs in (('other photos', tmp_path/'few', {}),
            ('another number of pictures', home/'photos', dict(n=54)),
            ('another prior', home/'photos', dict(prior=tmp_path/'prior')),
            ('holds another recipe', home/'photos', dict(changes=dict(lam=2.)))):
        with pytest.raises(UsageError, match=what): train(recipe, str(source), made.folder, progress=False, **kwargs)
    assert result(made) == before


@quiet
def test_first_weights_are_on_record(home, tmp_path, monkeypatch):
    state = Small().state_dict()
    class Begun(Small):
        def __init__(self, state=None):
            super().__init__()
            if state: self.load_state_dict(state)
    generators('begun', output='bins4', weights='mobilenet_v2')(Begun)
    recipe = replace(SMALL, generator='begun', phases=(Phase('content', 1, (0., 0., 0.), share=.1),))
    torch.save(state, tmp_path/'a.pth'), torch.save(Small().state_dict(), tmp_path/'b.pth')
    (tmp_path/'all').mkdir(), torch.save(state, tmp_path/'all/mobilenet_v2-tf-imagenet.pth')
    monkeypatch.setenv('COLORBOOK_WEIGHTS', str(tmp_path/'all'))
    made = run(recipe, home, tmp_path/'run')
    assert made.record['weights'] == state_hash(state)
    assert torch.equal(made.weights()['head.weight'], state['head.weight'])
    with pytest.raises(UsageError, match='other first weights'): run(recipe, home, made, weights=tmp_path/'b.pth')
    assert run(recipe, home, made, weights=tmp_path/'a.pth').tags == made.tags


def refused(capsys, *args):
    "Exit code and last line of the standard error, in this process"
    code = main(['train', *map(str, args)])
    return code, capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize('change,code,what', [
    (('size: 64', 'size: 64\nlamb: 100'), 2, 'a recipe has no lamb'),
    (('mode: both', 'mode: fight'), 2, "no mode 'fight'"),
    (('generator: small', 'generator: smal'), 2, "no generator 'smal'"),
    (('  - 2.0e-05\n', ''), 2, 'phase 2 has 2 learning rates'),
    (('phases:', 'stretches:'), 3, 'is no recipe'),
    (('valid: 0.2', 'valid: much'), 3, 'is no recipe'),
    (('content: bins', 'content: l1'), 2, "content loss 'l1' cannot read bins4"),
    (('  - 0.0003', '  - 1.0e+30'), 5, 'the loss is')])
def test_errors_are_one_line_and_an_exit_code(change, code, what, home, tmp_path, capsys):
    text = (home/'small.yaml').read_text()
    assert change[0] in text
    (tmp_path/'r.yaml').write_text(text.replace(*change))
    got,said = refused(capsys, tmp_path/'r.yaml', home/'photos', '-o', tmp_path/'run')
    assert got == code and said.startswith('colorbook: ') and what in said
    assert not list(tmp_path.glob('run/generator-*')) and not list(tmp_path.glob('run/.*'))


@pytest.mark.parametrize('change,what', [('workers=3', 'a recipe has no workers'), ('data=clips', 'data inpainting'),
    ('target=rgb', 'a recipe has no target'), ('epochs=3', 'a recipe has no epochs'),
    ('adversarial=energy', 'choose adversarial')])
def test_what_set_cannot_set(change, what, home, tmp_path, capsys):
    code,said = refused(capsys, home/'small.yaml', home/'photos', '-o', tmp_path/'run', '--set', change)
    assert code == 2 and what in said and 'defect' not in said


def test_an_unknown_recipe_and_missing_photos(home, tmp_path, capsys):
    code,said = refused(capsys, 's00', home/'photos', '-o', tmp_path/'run')
    assert code == 2 and 's0, s0-large, s2' in said
    code,said = refused(capsys, 's0', home/'none', '-o', tmp_path/'run')
    assert code == 3 and 'nothing at' in said
    assert not (tmp_path/'run').exists()


# ---- networks and files

def test_a_copy_of_a_bfloat16_network_is_a_copy(tmp_path):
    gan = make_gan(replace(recipes['s0'], size=32, bf16=True)).eval()
    zeros,L = copy.deepcopy(gan),torch.rand(1, 1, 32, 32)
    for o in zeros.generator.parameters(): torch.nn.init.zeros_(o)
    assert zeros(L).abs().max() == 0 < gan(L).abs().max()
    plain = make_gan(replace(recipes['s0'], size=32)).eval()
    assert torch.equal(gan.generator(L), plain(L)) and not torch.equal(gan(L), plain(L))
    path = export_artifact(gan.generator, tmp_path/'s0.onnx', make_card(gan.generator, 's0', recipes['s0'], size=32))
    assert not {'Cast', 'BatchNormalization'} & {o.op_type for o in onnx.load(path).graph.node}
    sample_photos(32)[0].save(tmp_path/'in.png')
    assert main(['colorize', str(tmp_path/'in.png'), '-m', str(path), '-o', str(tmp_path/'out.png')]) == 0


def test_the_commit_is_that_of_the_library(tmp_path, monkeypatch):
    git = lambda *args: subprocess.run(['git', *args], check=True, capture_output=True, text=True).stdout.strip()
    ours = git('-C', str(book.ROOT), 'rev-parse', 'HEAD')
    monkeypatch.chdir(tmp_path)
    git('init'), git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--allow-empty', '-m', 'mine')
    assert git('rev-parse', 'HEAD') != commit() == ours


def test_tables_are_complete_without_importing_anything_else():
    code = '''from colorbook.training import list_recipes, load_recipe, create_generator, create_critic
from colorbook.models.registry import list_critics, list_generators
assert {'s0', 's1', 's1-baseline', 'video', 'default', 's4-zhang'} <= set(list_recipes())
assert {'temporal', 's1_32', 'mobile'} <= set(list_generators()) and {'s1', 'energy'} <= set(list_critics())
assert load_recipe('s1').data == 'frames'
create_generator('s1_32'), create_critic('s1')'''
    subprocess.run([sys.executable, '-W', 'ignore', '-c', code], cwd=book.ROOT, check=True)


def test_the_model_in_the_package_names_its_recipe():
    from colorbook.imaging.artifact import card
    from colorbook.training.recipes import from_plain
    made = card()
    recipe = from_plain(made['recipe'])  # fields that came later have their defaults
    assert recipe == recipes['default']
    assert made['chosen']['ratio'] >= recipes['default'].floor and made['size'] == made['chosen']['size']
