"""One photograph: read as it is, colored, written as it was.

`io` reads every kind of picture with the help of `profiles` (what numbers mean), `deep` (16 bits) and `carried` (what a
file says besides its pixels), `write` writes them, `opening` opens them and knows which way is up, `compose` joins
color to light, `artifact` finds and opens model files, `colorizer` has the model and `colorize`, `hints` takes
colors from a person, `sheet` lays many pictures on one. NumPy, Pillow and onnxruntime; no torch.
"""
from typing import TYPE_CHECKING

from ..core import lazy_face

if TYPE_CHECKING:  # the table below once more, for type checkers and editors
    from .io import Picture as Picture
    from .io import read_picture as read_picture
    from .io import from_array as from_array
    from .io import from_image as from_image
    from .write import encode_picture as encode_picture
    from .write import format_of as format_of
    from .write import format_like as format_like
    from .write import to_image as to_image
    from .write import encode_pages as encode_pages
    from .opening import upright as upright
    from .opening import matrix_orientation as matrix_orientation
    from .compose import paint as paint
    from .compose import chroma_maps as chroma_maps
    from .compose import resize as resize
    from .artifact import add_model as add_model
    from .artifact import card as card
    from .artifact import check_model as check_model
    from .artifact import default_model as default_model
    from .artifact import find_model as find_model
    from .artifact import list_models as list_models
    from .artifact import open_model as open_model
    from .colorizer import colorize as colorize
    from .colorizer import MeanColorizer as MeanColorizer
    from .colorizer import colorize_file as colorize_file
    from .colorizer import colorize_bytes as colorize_bytes
    from .colorizer import colorize_samples as colorize_samples
    from .colorizer import sample_noise as sample_noise
    from .colorizer import Colorizer as Colorizer
    from .colorizer import load_model as load_model
    from .borders import find_borders as find_borders
    from .borders import inside_borders as inside_borders
    from .hints import check_hints as check_hints
    from .hints import parse_hint as parse_hint
    from .folder import plan as plan
    from .folder import survey as survey
    from .folder import find_pictures as find_pictures
    from .sheet import contact_sheet as contact_sheet

__getattr__,__dir__,__all__ = lazy_face(__name__, {
    'io': 'Picture read_picture from_array from_image',
    'write': 'encode_picture encode_pages format_of format_like to_image',
    'opening': 'upright matrix_orientation',
    'compose': 'paint chroma_maps resize',
    'colorizer': 'colorize colorize_file colorize_bytes colorize_samples sample_noise Colorizer MeanColorizer '
                 'load_model',
    'artifact': 'add_model card check_model default_model find_model list_models open_model',
    'borders': 'find_borders inside_borders',
    'hints': 'check_hints parse_hint',
    'folder': 'plan survey find_pictures',
    'sheet': 'contact_sheet'})
