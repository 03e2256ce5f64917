"""What is measured.

`metrics` has the figures of a picture, `naturalness` those that need no truth and the hues of a set, `features` asks a
classifier, `atlas` knows seven ways to fail, `protocol` measures a colorizer on a set of photographs in one fixed way,
`compare` takes the pictures of any program, `diversity` asks for several answers and sorts them, `flicker` measures
films, `gallery` writes pages of pictures and lays out an album. `naturalness`, `gallery` and `flicker` are without torch.
"""
from typing import TYPE_CHECKING

from ..core import lazy_face

if TYPE_CHECKING:  # the table below once more, for type checkers and editors
    from .metrics import psnr as psnr
    from .metrics import ssim as ssim
    from .metrics import ciede2000 as ciede2000
    from .metrics import ab_rmse as ab_rmse
    from .metrics import colorfulness as colorfulness
    from .metrics import colorfulness_ratio as colorfulness_ratio
    from .metrics import lpips as lpips
    from .metrics import bootstrap_ci as bootstrap_ci
    from .metrics import compute_metrics as compute_metrics
    from .metrics import nrmse as nrmse
    from .naturalness import cci as cci
    from .naturalness import cni as cni
    from .naturalness import natural_bands as natural_bands
    from .naturalness import HueCounter as HueCounter
    from .naturalness import hue_distance as hue_distance
    from .naturalness import hue_variance as hue_variance
    from .atlas import failures as failures
    from .atlas import overlay as overlay
    from .gallery import write_sortable as write_sortable
    from .gallery import make_gallery as make_gallery
    from .gallery import stability as stability
    from .features import frechet_distance as frechet_distance
    from .features import ClassifierView as ClassifierView
    from .saliency import saliency_overlay as saliency_overlay
    from .saliency import saliency_scores as saliency_scores
    from .saliency import map_maker as map_maker
    from .protocol import evaluate as evaluate
    from .protocol import Evaluation as Evaluation
    from .compare import evaluate_model as evaluate_model
    from .compare import evaluate_pictures as evaluate_pictures
    from .compare import compare_evaluations as compare_evaluations
    from .compare import load_evaluation as load_evaluation
    from .diversity import answers as answers
    from .diversity import draw_z as draw_z
    from .diversity import pictures as pictures
    from .diversity import answer_spread as answer_spread
    from .diversity import pairwise_lpips as pairwise_lpips
    from .diversity import best_answer as best_answer
    from .diversity import rank as rank
    from .diversity import ranked_sheet as ranked_sheet
    from .flicker import flicker_report as flicker_report
    from .flicker import FlickerReport as FlickerReport
    from .flicker import cdc as cdc
    from .flicker import warp_error as warp_error
    from .flicker import plot_flicker as plot_flicker

__getattr__,__dir__,__all__ = lazy_face(__name__, {
    'metrics': 'psnr ssim ciede2000 ab_rmse colorfulness colorfulness_ratio lpips bootstrap_ci compute_metrics nrmse',
    'naturalness': 'cci cni natural_bands HueCounter hue_distance hue_variance',
    'atlas': 'failures overlay',
    'gallery': 'write_sortable make_gallery stability',
    'features': 'frechet_distance ClassifierView',
    'saliency': 'saliency_overlay saliency_scores map_maker',
    'protocol': 'evaluate Evaluation',
    'compare': 'evaluate_model evaluate_pictures compare_evaluations load_evaluation',
    'diversity': 'answers draw_z pictures answer_spread pairwise_lpips best_answer rank ranked_sheet',
    'flicker': 'flicker_report FlickerReport cdc warp_error plot_flicker',
}, dict.fromkeys(('metrics', 'features', 'atlas', 'saliency', 'protocol', 'compare', 'diversity'), 'train'))
