"""Films: read as a player shows them, colored with everything beside the pictures left as it was, and played.

A name is imported when it is first used, since most of them bring av along and some OpenCV. `flow` and `stabilize` are
modules; their functions of the same names are `colorbook.video.flow.flow` and `colorbook.video.stabilize.stabilize`.
"""
from typing import TYPE_CHECKING

from ..core import lazy_face

if TYPE_CHECKING:  # the table below once more, for type checkers and editors
    from .colorize import Done as Done
    from .colorize import Options as Options
    from .colorize import colorize_video as colorize_video
    from .codecs import CODECS as CODECS
    from .flow import occluded as occluded
    from .flow import visibility as visibility
    from .flow import warp as warp
    from .model import FilmModel as FilmModel
    from .model import color_film as color_film
    from .model import default_film_model as default_film_model
    from .model import load_film_model as load_film_model
    from .player import Player as Player
    from .read import Frame as Frame
    from .read import open_reel as open_reel
    from .read import read_frames as read_frames
    from .read import video_length as video_length
    from .read import write_clip as write_clip
    from .sequences import frame_files as frame_files
    from .reference import Guide as Guide
    from .reference import load_guide as load_guide
    from .web_player import Server as Server
    from .shots import find_cuts as find_cuts
    from .shots import mark_shots as mark_shots
    from .stabilize import steady_so_far as steady_so_far

__getattr__, __dir__, __all__ = lazy_face(__name__, {
    'colorize': 'Done Options colorize_video',
    'codecs': 'CODECS',
    'flow': 'occluded visibility warp',
    'model': 'FilmModel color_film default_film_model load_film_model',
    'player': 'Player',
    'read': 'Frame open_reel read_frames video_length write_clip',
    'sequences': 'frame_files',
    'reference': 'Guide load_guide',
    'web_player': 'Server',
    'shots': 'find_cuts mark_shots',
    'stabilize': 'steady_so_far',
})
