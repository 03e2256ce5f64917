"What does not go together in a recipe is refused, and the error names what does."
import pytest

from colorbook.core import UsageError
from colorbook.training.recipes import Phase, recipes, replace
from colorbook.training.registry import check_recipe


@pytest.mark.parametrize('name', [*recipes])
def test_recipes_of_the_library_fit(name): assert check_recipe(recipes[name]) is recipes[name]


def test_the_target_follows_from_the_generator():
    names = 's0', 's4-gan-l1', 's4-zhang', 'default', 'video'
    assert [recipes[o].target for o in names] == ['rgb', 'ab', 'ab4', 'ab4', 'taught']


def test_sizes_may_grow():
    sizes = tuple(Phase('content', 1, (1., 1., 0.), size=o, bs=8) for o in (64, 96, 0))
    grown = replace(recipes['default'], phases=sizes)
    assert check_recipe(grown) is grown


REFUSED = [
    ('s0', ["no critic 's00'; choose "], dict(critic='s00')),
    ('s0', ['answers rgb, and the model that teaches answers ab4; choose taught false or generator'],
        dict(taught=True)),
    ('s1', ['choose taught false or generator temporal'], dict(taught=True)),
    ('s4-gan-l1', ["'bins' cannot read ab, the answer of 'pix2pix'; choose content colorful, l1"],
        dict(content='bins')),
    ('s4-gan-l1', ["critic 's1' judges rgb"], dict(critic='s1')),
    ('s4-gan-l1', ["which 'energy' cannot read; choose adversarial hinge, logistic"], dict(adversarial='energy')),
    ('s4-gan-l1', ["critic 's4' has batch norm; choose critic ", 's4_gp'], dict(adversarial='wgan_gp')),
    ('s4-wgan-l1', ['run away; choose learn_weights false or adversarial logistic'], dict(learn_weights=True)),
    ('s1', ["is for films, and data is 'photos'; choose data clips, frames"], dict(data='photos')),
    ('s0', ["not for films, and data is 'clips'; choose data inpainting, lwir, nir"], dict(data='clips')),
    ('s3', ["loss 'l1' cannot read rgb_saliency"], dict(content='l1')),
    ('s3', ['the attention loss needs maps of saliency in data and answer; choose data and generator saliency'],
        dict(data='photos')),
    ('s3-readme', ["critic 's3_two_gp' needs maps"], dict(attention=0., data='photos')),
    ('s0', ["brings saliency, of which content loss 'l1' knows nothing; choose content s3"], dict(data='saliency')),
    ('s3', ["critic 's3' has batch norm"], dict(critic='s3')),
    ('s0', ["scenes are held out of pairs, and data is 'photos'; choose data lwir, nir, pairs"],
        dict(scenes='street')),
    ('s0', ["'infrared3' looks at three channels, and data 'photos' has one; choose data inpainting"],
        dict(generator='infrared3')),
    ('s0', ['a stop looks'], dict(phases=(Phase('content', 1, (1., 1.), stop=.1),))),
    ('s0', ["no mode 'fight'"], dict(phases=(Phase('fight', 1, (1., 1.)),))),
    ('s0', ["no schedule 'fast'; choose constant"], dict(phases=(Phase('both', 1, (1., 1.), 'fast'),))),
    ('s0', ["critic 's0' can be trained at one size only"], dict(phases=(Phase('both', 1, (1., 1.), size=64),))),
    ('default-mobile', ['the recipe has size 128'], dict(phases=(Phase('both', 1, (1., 1., 1.), size=256),))),
    ('default', ['on photos or varied'], dict(data='shards')),
    ('default-mobile', ['by the content loss alone'], dict(processes=2)),
    ('default', ['do not divide by 3 processes'], dict(processes=3)),
    ('default', ['two or more phases'], dict(phases=(Phase('content', 1, (1., 1., 0.), mean=True),))),
    ('s4-pretrained', ['so a mean is never chosen'], dict(phases=3*(Phase('content', 1, (1., 0.), mean=True),))),
    ('default', ["'l1' cannot read bins4"], dict(phases=(Phase('content', 1, (1., 1., 0.), content='l1'),))),
    ('s0', ["no data 'movies'; choose clips, frames, inpainting"], dict(data='movies'))]


@pytest.mark.parametrize('name,said,fields', REFUSED, ids=range(len(REFUSED)))
def test_what_does_not_fit_is_named(name, said, fields):
    with pytest.raises(UsageError) as e: check_recipe(replace(recipes[name], **fields))
    assert [o for o in said if o not in str(e.value)] == []
