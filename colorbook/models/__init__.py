"""Networks, one file a system: generators from lightness to color, and critics that judge it.

A name is imported when it is first used. Every network has a name in the tables of `registry` as well:
`list_generators('s4*')`, `create_generator('pix2pix', size=256)`. They need the extra `train`.
"""
from typing import TYPE_CHECKING

from ..core import lazy_face

if TYPE_CHECKING:  # the table below once more, for type checkers and editors
    from .classifiers import FCN32 as FCN32
    from .classifiers import PlainNet as PlainNet
    from .classifiers import ZhangNet as ZhangNet
    from .critics import ChannelCritics as ChannelCritics
    from .critics import Critics as Critics
    from .energy_critic import EnergyCritic as EnergyCritic
    from .critics import PatchCritic as PatchCritic
    from .critics import realness as realness
    from .encoder_unet import EncoderUNet as EncoderUNet
    from .layers import Normalize as Normalize
    from .layers import SelfAttention as SelfAttention
    from .layers import adapt as adapt
    from .layers import concat_condition as concat_condition
    from .layers import draw_noise as draw_noise
    from .layers import norms as norms
    from .pix2pix import ChannelGenerator as ChannelGenerator
    from .pix2pix import Pix2PixGenerator as Pix2PixGenerator
    from .pix2pix import S4Critic as S4Critic
    from .registry import create_critic as create_critic
    from .registry import create_generator as create_generator
    from .registry import list_critics as list_critics
    from .registry import list_generators as list_generators
    from .s0 import S0Critic as S0Critic
    from .s0 import S0Generator as S0Generator
    from .s2 import S2Critic as S2Critic
    from .s2 import Stride1Generator as Stride1Generator
    from .infrared import InfraredUNet as InfraredUNet
    from .s3 import HierarchicalCritic as HierarchicalCritic
    from .s3 import S3Critic as S3Critic
    from .s3 import S3Generator as S3Generator
    from .s3 import S3Small as S3Small
    from .temporal import Fusion as Fusion
    from .temporal import S1Critic as S1Critic
    from .temporal import S1Generator as S1Generator
    from .temporal import TemporalUNet as TemporalUNet
    from .unet import MobileUNet as MobileUNet

__getattr__, __dir__, __all__ = lazy_face(__name__, {
    'classifiers': 'FCN32 PlainNet ZhangNet',
    'energy_critic': 'EnergyCritic',
    'critics': 'ChannelCritics Critics PatchCritic realness',
    'encoder_unet': 'EncoderUNet',
    'layers': 'Normalize SelfAttention adapt concat_condition draw_noise norms',
    'pix2pix': 'ChannelGenerator Pix2PixGenerator S4Critic',
    'registry': 'create_critic create_generator list_critics list_generators',
    's0': 'S0Critic S0Generator',
    's2': 'S2Critic Stride1Generator',
    'infrared': 'InfraredUNet',
    's3': 'HierarchicalCritic S3Critic S3Generator S3Small',
    'temporal': 'Fusion S1Critic S1Generator TemporalUNet',
    'unet': 'MobileUNet',
}, 'train')
