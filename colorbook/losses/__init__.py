"""What is minimized.

`basic` has L1, the log loss and least squares, `adversarial` the other losses on what a critic says (hinge, WGAN, WGAN-GP,
EBGAN), `content` the kin of L1 and features of VGG, `classification` cross-entropy over the 313 bins, `temporal` flicker.

A name is imported when it is first used. Each loss has a name in `adversarial_losses` or `content_losses` as well. They
need the extra `train`.
"""
from typing import TYPE_CHECKING

from ..core import lazy_face

if TYPE_CHECKING:  # the table below once more, for type checkers and editors
    from .adversarial import EnergyLoss as EnergyLoss
    from .adversarial import GradientPenaltyLoss as GradientPenaltyLoss
    from .adversarial import HingeLoss as HingeLoss
    from .adversarial import WassersteinLoss as WassersteinLoss
    from .adversarial import adversarial_losses as adversarial_losses
    from .basic import L1Loss as L1Loss
    from .basic import LeastSquaresLoss as LeastSquaresLoss
    from .basic import LogisticLoss as LogisticLoss
    from .classification import BinLoss as BinLoss
    from .content import ColorfulnessLoss as ColorfulnessLoss
    from .content import L2Loss as L2Loss
    from .content import L2SumLoss as L2SumLoss
    from .content import PerceptualLoss as PerceptualLoss
    from .content import SmoothL1Loss as SmoothL1Loss
    from .content import SumLoss as SumLoss
    from .content import TotalVariationLoss as TotalVariationLoss
    from .content import content_losses as content_losses
    from .content import vgg as vgg
    from .content import vgg19 as vgg19
    from .saliency import AttentionLoss as AttentionLoss
    from .saliency import S3Loss as S3Loss
    from .temporal import SteadyLoss as SteadyLoss

__getattr__, __dir__, __all__ = lazy_face(__name__, {
    'adversarial': 'EnergyLoss GradientPenaltyLoss HingeLoss WassersteinLoss adversarial_losses',
    'basic': 'L1Loss LeastSquaresLoss LogisticLoss',
    'classification': 'BinLoss',
    'content': 'ColorfulnessLoss L1Loss L2Loss L2SumLoss PerceptualLoss SmoothL1Loss SumLoss '
        'TotalVariationLoss content_losses vgg vgg19',
    'saliency': 'AttentionLoss S3Loss',
    'temporal': 'SteadyLoss',
}, 'train')
