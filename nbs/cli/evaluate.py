# %% [markdown]
# # The measuring command
#
# > One command for every colorizer, whoever wrote it
#
# Figures that a program reports about itself are advertisement. At the end of this chapter one command measures a model file, or a folder of pictures that any other program colored, on photographs whose colors are known, by [the protocol](../evaluation/protocol.ipynb) of this book; it leaves a table, a sheet and a page of pictures, and compares two such reports photo by photo.

# %%
#| default_exp cli.evaluate

# %%
#| export
from pathlib import Path
from typing import Annotated, Optional
import typer
from colorbook.cli.app import app, card_hash, say, train_half

# %%
#| hide
import contextlib, io, json, tempfile
from fastcore.test import *
from PIL import Image
from colorbook.cli.app import main
from colorbook.data.photos import sample_photos

# %% [markdown]
# ## The command

# %% [markdown]
# `COLORED` is a model file, or results: a folder or a tar with [the names of the photographs](../evaluation/compare.ipynb#matching). What cannot be measured is said and not replaced: without the weights of LPIPS there is no LPIPS, and without those of FID's Inception, which `--fid` names, no FID.

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
# Six photographs and two tools: one leaves half of the color, the other one and a half of it.

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
# A model is measured in the same way; reports that were not measured alike are refused.

# %%
from importlib.resources import files
model = files('colorbook')/'default.onnx'
test_eq(run('evaluate', model, *words, '-o', home/'c', '--no-classifier', '--atlas')[0], 0)
assert (home/'c/atlas.jpg').exists() and 'lack_of_color' in (home/'c/metrics.json').read_text()
test_eq(json.loads((home/'c/metrics.json').read_text())['protocol']['about']['artifact'], 'default.onnx')
assert (home/'c/page.html').read_text().count('<figure') == 6
code,_,said = run('evaluate', home/'half', *words, '-o', home/'d', '--no-classifier', '--against', home/'a')
test_eq((code, "differ in 'classifier'" in said), (2, True))
(home/'text.onnx').write_text('no model')
test_eq(run('evaluate', home/'text.onnx', home/'truth')[0], 3)
test_eq(run('evaluate', home/'half', home/'truth', '--lpips', 'resnet')[0], 3)
test_eq(run('evaluate', home/'half', *words, '--fid', home/'text.onnx')[0], 3)
test_eq(run('evaluate', home/'half', *words, '--labels', home/'missing.csv')[0], 3)
said

# %% [markdown]
# ## What we have
#
# - `colorbook evaluate COLORED TRUTH`, for a model or for the pictures of any program;
# - `--against`, the comparison with an earlier report, refused where it would mean nothing.

# %% [markdown]
# ## Exercises
#
# 1. Color a folder with another program, and measure it against the model of the package. On which photographs do they differ most? The page sorts them.
