"""Color science.

`srgb` has the constants, the curves and the gamut in NumPy, `conversion` is Lab for batches of torch, `lab` says what is
gray, `bins` are the 313 classes of Zhang et al. and the way between a distribution over them and a color. Only `srgb` is
without torch.
"""
from typing import TYPE_CHECKING

from ..core import lazy_face

if TYPE_CHECKING:  # the table below once more, for type checkers and editors
    from .srgb import DELTA as DELTA
    from .srgb import WHITE as WHITE
    from .srgb import RGB_TO_XYZ as RGB_TO_XYZ
    from .srgb import XYZ_TO_RGB as XYZ_TO_RGB
    from .srgb import srgb_decode as srgb_decode
    from .srgb import srgb_encode as srgb_encode
    from .srgb import lab_f as lab_f
    from .srgb import lab_f_inv as lab_f_inv
    from .srgb import light as light
    from .srgb import lstar_gray as lstar_gray
    from .srgb import linear_rgb as linear_rgb
    from .srgb import gamut_excess as gamut_excess
    from .srgb import fit_gamut as fit_gamut
    from .conversion import rgb_to_lab as rgb_to_lab
    from .conversion import lab_to_rgb as lab_to_rgb
    from .conversion import map_gamut as map_gamut
    from .conversion import split_lab as split_lab
    from .conversion import join_lab as join_lab
    from .lab import to_rgb as to_rgb
    from .lab import grays as grays
    from .lab import lstar as lstar
    from .lab import gray_to_L as gray_to_L
    from .bins import ab_bins as ab_bins
    from .bins import bins_on_screen as bins_on_screen
    from .bins import SoftBins as SoftBins
    from .bins import soft_code as soft_code
    from .bins import color_counts as color_counts
    from .bins import color_prior as color_prior
    from .bins import class_weights as class_weights
    from .bins import save_prior as save_prior
    from .bins import load_prior as load_prior
    from .bins import AnnealedMean as AnnealedMean
    from .bins import HueBias as HueBias

__getattr__,__dir__,__all__ = lazy_face(__name__, {
    'srgb': 'DELTA WHITE RGB_TO_XYZ XYZ_TO_RGB srgb_decode srgb_encode lab_f lab_f_inv light lstar_gray '
            'linear_rgb gamut_excess fit_gamut',
    'conversion': 'rgb_to_lab lab_to_rgb map_gamut split_lab join_lab',
    'lab': 'to_rgb grays lstar gray_to_L',
    'bins': 'ab_bins bins_on_screen SoftBins soft_code color_counts color_prior class_weights save_prior '
            'load_prior AnnealedMean HueBias'}, {'conversion': 'train', 'lab': 'train', 'bins': 'train'})
