"""Color science.

`srgb` has the constants, the curves and the gamut in NumPy, `lab` is Lab for batches of torch, `bins` are the 313
classes of Zhang et al. and the way between a distribution over them and a color. Only `srgb` is without torch.
"""
from ..core import lazy_face

__getattr__,__dir__,__all__ = lazy_face(__name__, {
    'srgb': 'DELTA WHITE RGB_TO_XYZ XYZ_TO_RGB srgb_decode srgb_encode lab_f lab_f_inv light lstar_gray '
            'linear_rgb gamut_excess fit_gamut',
    'lab': 'rgb_to_lab lab_to_rgb split_lab join_lab to_rgb map_gamut grays lstar gray_to_L',
    'bins': 'ab_bins bins_on_screen SoftBins soft_code color_counts color_prior class_weights save_prior '
            'load_prior AnnealedMean HueBias'}, {'lab': 'train', 'bins': 'train'})
