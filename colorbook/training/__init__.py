"""From a recipe to a file.

A recipe is data (`recipes`); `registry` makes networks, losses and loaders of its names and refuses what does not go
together. `gan` trains generator and critic, `critic_schedules` says how many critic steps a generator step has and stops
at the best moment, `optimization` says how large the steps are and averages weights, `monitor` warns of failures.
`journal` writes the folder of a run, `runs` reads it and has the checkpoints from which it resumes, `trainer` is the
whole. `selection` chooses among the weights, `export` writes the file, `ablation` compares ways to train.
"""
from typing import TYPE_CHECKING

from ..core import lazy_face

if TYPE_CHECKING:  # the table below once more, for type checkers and editors
    from .export import export_artifact as export_artifact
    from .export import export_run as export_run
    from .gan import GAN as GAN
    from .gan import GANCallback as GANCallback
    from .gan import gan_splitter as gan_splitter
    from .gan import gan_step as gan_step
    from .recipes import Phase as Phase
    from .recipes import Recipe as Recipe
    from .recipes import list_recipes as list_recipes
    from .recipes import load_recipe as load_recipe
    from .recipes import save_recipe as save_recipe
    from .registry import check_recipe as check_recipe
    from .registry import create_critic as create_critic
    from .registry import create_generator as create_generator
    from .registry import make_gan as make_gan
    from .runs import Run as Run
    from .scene import SceneTraining as SceneTraining
    from .scene import pretrain as pretrain
    from .trainer import train as train

__getattr__, __dir__, __all__ = lazy_face(__name__, {
    'export': 'export_artifact export_run',
    'gan': 'GAN GANCallback gan_splitter gan_step',
    'recipes': 'Phase Recipe list_recipes load_recipe save_recipe',
    'registry': 'check_recipe create_critic create_generator make_gan',
    'runs': 'Run',
    'scene': 'SceneTraining pretrain',
    'trainer': 'train',
}, 'train')
