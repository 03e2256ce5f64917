"""The command `colorbook`.

`app` has the program, its errors and the commands for photographs; `video`, `train`, `data`, `evaluate`, `models` and `gallery` add theirs to it.
"""
from typing import TYPE_CHECKING

from ..core import lazy_face

if TYPE_CHECKING:  # the table below once more, for type checkers and editors
    from .app import main as main
    from .app import commands as commands
    from .app import Job as Job
    from .app import report as report
    from .app import exit_code as exit_code

__getattr__,__dir__,__all__ = lazy_face(__name__, {
    'app': 'main commands Job report exit_code'})
