__version__ = "0.1.0"

from .core import ColorbookError
from .imaging.colorizer import colorize

__all__ = ["ColorbookError", "colorize"]
