# %% [markdown]
# # The judging commands
#
# > `colorbook evaluate`, with the true colors beside; `colorbook gallery`, where nobody knows them
#
# How good is a colorizer? Two commands answer, for two situations. Where the true colors are known, `colorbook evaluate` measures a model file, or a folder of pictures that any program colored, by [the protocol](../evaluation/protocol.ipynb) of this book, and compares two such reports photo by photo. For an album whose colors nobody knows, `colorbook gallery` lays small colored copies side by side, [on a contact sheet and a page](../evaluation/gallery.ipynb), with figures that need no truth.

# %%
#| default_exp cli.evaluate

# %%
#| export
from pathlib import Path
from typing import Annotated, Optional
import typer
from colorbook.cli.app import app, card_hash, say, train_half
from colorbook.imaging.folder import find_pictures

# %%
#| hide
import contextlib, io, json, tempfile
from fastcore.test import *
from PIL import Image
from skimage import data
from colorbook.cli.app import main
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## `colorbook evaluate`

# %% [markdown]
# `COLORED` is a model file, or results: a folder or a tar with [the names of the photographs](../evaluation/compare.ipynb#matching). A measure that cannot be taken is named, and none is put in its place: without the weights of LPIPS there is no LPIPS, and without those of FID's Inception, which `--fid` names, no FID.

# %%
#| export
@app.command('evaluate')
def evaluate_command(
    colored: Annotated[str, typer.Argument(help="A model's name or file, or pictures that any program colored.")],
    truth: Annotated[str, typer.Argument(help='The color photographs: a folder or a tar.')],
    out: Annotated[str, typer.Option('--out', '-o', help='A folder for table, sheet and page.')] = 'evaluation',
    size: Annotated[int, typer.Option(help='Photographs are measured at SIZE x SIZE.')] = 256,
    against: Annotated[Optional[str], typer.Option(help='The folder of another report: differences, in pairs.')] = None,
    lpips: Annotated[str, typer.Option(help='Network of LPIPS: squeeze, alex or vgg; none leaves it out.')] = 'squeeze',
    classifier: Annotated[bool, typer.Option('--classifier/--no-classifier',
        help='Ask EfficientNet-Lite0: agreement of its answers, and a Frechet distance of its features.')] = True,
    fid: Annotated[Optional[str], typer.Option(metavar='FILE',
        help="Weights of FID's Inception; without them FID is left out.")] = None,
    labels: Annotated[Optional[str], typer.Option(metavar='FILE',
        help="NAME,CLASS in each line, ImageNet's 0..999; else the answer to the photograph counts as true.")] = None,
    atlas: Annotated[bool, typer.Option('--atlas',
        help='Seven kinds of failure as well, and a sheet of the worst photographs of each.')] = False,
):
    "Measure a model, or any program's pictures, on color photographs that it has not seen."
    from colorbook.imaging.artifact import list_models
    from colorbook.imaging.colorizer import colorize, load_model
    measured = train_half('evaluation.compare')
    other = measured.load_evaluation(against) if against else None
    options = dict(out=out, size=size, net=None if lpips == 'none' else lpips, classifier=classifier, fid=fid,
        labels=labels, atlas=atlas)
    if Path(colored).suffix == '.onnx' or colored in list_models() and not Path(colored).exists():
        model = load_model(colored)
        about = {'name':model.card.get('name'), 'artifact':model.path.name, 'card_sha256':card_hash(model.card)}
        found = measured.evaluate_model(lambda gray: colorize(gray, model), truth, about=about, **options)
    else: found = measured.evaluate_pictures(colored, truth, **options)
    print(found)
    if other: print(measured.compare_evaluations(found, other).to_string(float_format='{:.4f}'.format))
    say(f"table, sheet and page are in '{out}'")

# %% [markdown]
# Six photographs and two made-up tools: one leaves half of the color, the other gives one and a half times as much. The second is measured against the first.

# %%
home = Path(tempfile.mkdtemp())
photos = [o.resize((72, 48)) for o in sample_photos()]
for name,by in (('truth', 1), ('half', .5), ('gaudy', 1.5)):
    (home/name).mkdir()
    for i,o in enumerate(photos): Image.blend(o.convert('L').convert('RGB'), o, by).save(home/name/f'{i}.png')

def run(*args):
    "Exit code, standard output and error of the command"
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()) as out:
        code = main([*map(str, args)])
    return code,out.getvalue().strip(),said.getvalue().strip()

words = home/'truth','--size',48,'--lpips','none'
code,out,said = run('evaluate', home/'half', *words, '-o', home/'a')
test_eq((code, 'fid: not measured' in out, 'cci_ratio' in out), (0, True, True))
test_eq({o.name for o in (home/'a').iterdir()}, {'metrics.json', 'photos.csv', 'sheet.jpg', 'page.html'})
print(run('evaluate', home/'gaudy', *words, '-o', home/'b', '--against', home/'a')[1])

# %% [markdown]
# A model is measured in the same way. Two reports that were not measured alike, here one without the classifier, are not compared:

# %%
from importlib.resources import files
model = files('colorbook')/'default.onnx'
test_eq(run('evaluate', model, *words, '-o', home/'c', '--no-classifier', '--atlas')[0], 0)
assert (home/'c/atlas.jpg').exists() and 'lack_of_color' in (home/'c/metrics.json').read_text()
test_eq(json.loads((home/'c/metrics.json').read_text())['protocol']['about']['artifact'], 'default.onnx')
assert (home/'c/page.html').read_text().count('<figure') == 6
code,_,said = run('evaluate', home/'half', *words, '-o', home/'d', '--no-classifier', '--against', home/'a')
test_eq((code, "differ in 'classifier'" in said), (2, True))
said

# %% [markdown]
# ## `colorbook gallery`

# %% [markdown]
# Is this model any good for *my* photographs? A gallery takes a fraction of the time and of the disk of coloring them all. The originals are not touched, and the folder of the gallery is never taken for a part of the album, even if it lies inside it. The exit code is 3 if a photograph could not be used. This command needs no torch.

# %%
#| export
@app.command('gallery')
def gallery_command(
    inputs: Annotated[list[str], typer.Argument(metavar='DIR...', help='Folders, files or patterns.')],
    out: Annotated[str, typer.Option('--out', '-o', help='A folder for sheet, page and table.')] = 'gallery',
    model: Annotated[Optional[list[str]], typer.Option('--model', '-m',
        help='A name of `colorbook models` or an .onnx file; given twice, the mean of both.')] = None,
    size: Annotated[Optional[int], typer.Option(help='The network sees about SIZE x SIZE pixels.')] = None,
    saturation: Annotated[float, typer.Option(help='Factor on color; 1 is as trained.')] = 1.,
    side: Annotated[int, typer.Option(help='Longest side of a picture on the page.')] = 480,
    title: Annotated[Optional[str], typer.Option(help='Of the page; else the name of the folder.')] = None,
):
    "Color an album for the eye: a contact sheet, a page that sorts, and figures that need no truth."
    from colorbook.evaluation.gallery import make_gallery
    from colorbook.imaging.colorizer import check_options
    check_options(size, saturation)
    found,home = [find_pictures(o) for o in inputs],Path(out).resolve()
    photos = [(f.relative_to(root).as_posix(), f) for some,root in found for f in some
        if home not in f.resolve().parents]
    title = title or ', '.join(Path(o).resolve().name for o in inputs)
    report = make_gallery(photos, out, model or None, size, saturation, side, title)
    for o in report['pictures']:
        if 'error' in o: say(f"colorbook: left out: {o['error']}")
    lost = f", {report['failed']} left out" if report['failed'] else ''
    say(f"{report['done']} photographs in '{Path(out)/'page.html'}'{lost}")
    raise typer.Exit(3 if report['failed'] else 0)

# %% [markdown]
# An album of two photographs, one of them in a folder of its own. The gallery is made inside the album, twice, and is not taken for a part of it. A broken file is left out and named:

# %%
(home/'album/1920').mkdir(parents=True)
for name in ('camera', '1920/moon'):
    Image.fromarray(getattr(data, Path(name).stem)()[::2,::2]).save(home/f'album/{name}.png')

for _ in range(2): # the second time the gallery is in the album, and not of it
    code,_,said = run('gallery', home/'album', '-o', home/'album/gallery')
    test_eq((code, said.startswith('2 photographs in')), (0, True))
names = [o['name'] for o in json.loads((home/'album/gallery/gallery.json').read_text())['pictures']]
test_eq(names, ['1920/moon.png', 'camera.png'])
(home/'album/half.jpg').write_bytes(b'half a picture')
code,_,said = run('gallery', home/'album', '-o', home/'album/gallery', '--saturation', 0, '--title', 'Mine')
test_eq((code, 'half.jpg' in said, 'left out' in said.splitlines()[-1]), (3, True, True))
report = json.loads((home/'album/gallery/gallery.json').read_text())
assert report['means']['colorfulness'] < .5 and '<h1>Mine</h1>' in (home/'album/gallery/page.html').read_text()
said.replace(f'{home}/', '')

# %% [markdown]
# ## What we have
#
# - `colorbook evaluate COLORED TRUTH`, for a model or for the pictures of any program;
# - `--against`, the comparison with an earlier report, refused where it would mean nothing;
# - `colorbook gallery`: an album on a sheet and a page, without torch, without touching it.

# %% [markdown]
# ## Exercises
#
# 1. Color a folder with another program, and measure it against the model of the package. On which photographs do they differ most? The page sorts them.
# 2. Make a gallery of your own album with each of two models (`--model`). On which photographs do the figures differ most?
