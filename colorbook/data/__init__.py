"""What is learned from.

Photographs (`photos`) become batches (`loaders`), and so do films (`clips`), pairs (`paired`), shards (`shard_loader`) and
databases (`hdf5`); `sources` finds the way by a recipe's word. `datasets`, `download`, `frames` and `synthetic` bring or make
sets, `scan`, `duplicates` and `audit` look into them. The extra `train` is needed.
"""
from typing import TYPE_CHECKING

from ..core import lazy_face

if TYPE_CHECKING:  # the table below once more, for type checkers and editors
    from .photos import Photos as Photos
    from .photos import list_photos as list_photos
    from .photos import open_photos as open_photos
    from .photos import read_photo as read_photo
    from .photos import sample_photos as sample_photos
    from .loaders import SquareCrop as SquareCrop
    from .loaders import ToLab as ToLab
    from .loaders import color_loaders as color_loaders
    from .loaders import data_loaders as data_loaders
    from .loaders import load_photos as load_photos
    from .loaders import split_by_hash as split_by_hash
    from .sources import load_data as load_data
    from .clips import Clips as Clips
    from .clips import clip_loaders as clip_loaders
    from .paired import pair_loaders as pair_loaders
    from .paired import write_saliency as write_saliency
    from .hdf5 import DBPhotos as DBPhotos
    from .hdf5 import build_db as build_db
    from .hdf5 import open_db as open_db
    from .shards import Shards as Shards
    from .shards import write_shards as write_shards
    from .shard_loader import shard_loaders as shard_loaders
    from .datasets import read_sets as read_sets
    from .download import fetch as fetch
    from .download import fetch_video as fetch_video
    from .frames import extract_frames as extract_frames
    from .frames import triplets as triplets
    from .synthetic import Scene as Scene
    from .synthetic import camera_clip as camera_clip
    from .synthetic import travel as travel
    from .synthetic import write_rides as write_rides
    from .scan import ImageSummary as ImageSummary
    from .scan import stream_photos as stream_photos
    from .scan import summarize_images as summarize_images
    from .duplicates import find_copies as find_copies
    from .duplicates import find_shots as find_shots
    from .duplicates import write_split as write_split
    from .audit import AuditReport as AuditReport
    from .audit import examine as examine

__getattr__,__dir__,__all__ = lazy_face(__name__, {
    'photos': 'Photos list_photos open_photos read_photo sample_photos',
    'loaders': 'SquareCrop ToLab color_loaders data_loaders load_photos split_by_hash',
    'sources': 'load_data',
    'clips': 'Clips clip_loaders',
    'paired': 'pair_loaders write_saliency',
    'hdf5': 'DBPhotos build_db open_db',
    'shards': 'Shards write_shards',
    'shard_loader': 'shard_loaders',
    'datasets': 'read_sets',
    'download': 'fetch fetch_video',
    'frames': 'extract_frames triplets',
    'synthetic': 'Scene camera_clip travel write_rides',
    'scan': 'ImageSummary stream_photos summarize_images',
    'duplicates': 'find_copies find_shots write_split',
    'audit': 'AuditReport examine',
}, 'train')
