"""Colors for gray photographs and films, and the networks that give them.

The use half (`colorize`, `colorize_video` and what belongs to them) needs numpy, Pillow, onnxruntime and av; the train
half (`train`, `evaluate` and what belongs to them) needs the extra `train`. A name is imported when it is first used.
"""
__version__ = "0.1.0"

from typing import TYPE_CHECKING

from .core import ColorbookError, InputError, OutputError, TrainingError, UsageError, lazy_face

_train = 'evaluation.protocol models.registry training.export training.recipes training.trainer'
if TYPE_CHECKING:  # the table below once more, for type checkers and editors
    from .evaluation.flicker import flicker_report as flicker_report
    from .evaluation.protocol import evaluate as evaluate
    from .imaging.artifact import card as card
    from .imaging.colorizer import Colorizer as Colorizer
    from .imaging.colorizer import colorize as colorize
    from .imaging.colorizer import colorize_file as colorize_file
    from .imaging.colorizer import load_model as load_model
    from .models.registry import create_critic as create_critic
    from .models.registry import create_generator as create_generator
    from .training.export import export_run as export_run
    from .training.recipes import list_recipes as list_recipes
    from .training.recipes import load_recipe as load_recipe
    from .training.trainer import train as train
    from .video.colorize import colorize_video as colorize_video
    from .video.model import FilmModel as FilmModel

__getattr__, __dir__, _names = lazy_face(__name__, {
    'evaluation.flicker': 'flicker_report',
    'evaluation.protocol': 'evaluate',
    'imaging.artifact': 'card',
    'imaging.colorizer': 'Colorizer colorize colorize_file load_model',
    'models.registry': 'create_critic create_generator',
    'training.export': 'export_run',
    'training.recipes': 'list_recipes load_recipe',
    'training.trainer': 'train',
    'video.colorize': 'colorize_video',
    'video.model': 'FilmModel',
}, dict.fromkeys(_train.split(), 'train'))

__all__ = ['ColorbookError', 'InputError', 'OutputError', 'TrainingError', 'UsageError', *_names]
