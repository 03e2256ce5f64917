"""What is learned from.

`photos` reads photographs from wherever they lie, `loaders` makes batches of them and finds those that a recipe asks
for, `varied` makes them as various as people's own. `named_sets`, `download`, `paired`, `hdf5` and `shards` are the ways
in which sets are stored, `scan`, `duplicates` and `audit` look at them before training. `frames`, `clips` and
`synthetic` are about films.
"""
from typing import TYPE_CHECKING

from ..core import lazy_face

if TYPE_CHECKING:  # the table below once more, for type checkers and editors
    from .photos import Photos as Photos
    from .photos import open_photos as open_photos
    from .photos import list_photos as list_photos
    from .photos import read_photo as read_photo
    from .photos import is_photo as is_photo
    from .photos import sample_photos as sample_photos
    from .photos import data_dir as data_dir
    from .photos import weights_file as weights_file
    from .photos import content_hash as content_hash
    from .loaders import color_loaders as color_loaders
    from .loaders import split_by_hash as split_by_hash
    from .loaders import SquareCrop as SquareCrop
    from .loaders import ToLab as ToLab
    from .loaders import degrade as degrade
    from .loaders import targets as targets
    from .loaders import data_loaders as data_loaders
    from .loaders import present as present
    from .loaders import load_data as load_data
    from .varied import camera_light as camera_light
    from .varied import add_borders as add_borders
    from .varied import VariedCrop as VariedCrop
    from .varied import VariedLab as VariedLab
    from .named_sets import read_sets as read_sets
    from .named_sets import layouts as layouts
    from .download import fetch as fetch
    from .download import fetch_video as fetch_video
    from .paired import pair_loaders as pair_loaders
    from .paired import folder_pairs as folder_pairs
    from .paired import nir_pairs as nir_pairs
    from .paired import lwir_pairs as lwir_pairs
    from .paired import split_by_scene as split_by_scene
    from .tasks import punch as punch
    from .tasks import sketch as sketch
    from .paired import saliency_map as saliency_map
    from .paired import write_saliency as write_saliency
    from .hdf5 import build_db as build_db
    from .hdf5 import DBPhotos as DBPhotos
    from .shards import Shards as Shards
    from .shards import write_shards as write_shards
    from .shard_loader import shard_loaders as shard_loaders
    from .scan import stream_photos as stream_photos
    from .scan import ImageSummary as ImageSummary
    from .scan import summarize_image as summarize_image
    from .scan import summarize_images as summarize_images
    from .duplicates import find_copies as find_copies
    from .duplicates import find_shots as find_shots
    from .duplicates import split as split
    from .duplicates import write_split as write_split
    from .audit import examine as examine
    from .audit import AuditReport as AuditReport
    from .audit import Rules as Rules
    from .frames import extract_frames as extract_frames
    from .frames import frame_shots as frame_shots
    from .frames import triplets as triplets
    from .frames import CAPTURE_RULES as CAPTURE_RULES
    from .synthetic import warp_batch as warp_batch
    from .synthetic import visibility_batch as visibility_batch
    from .synthetic import compared_pairs as compared_pairs
    from .synthetic import travel as travel
    from .synthetic import camera_clip as camera_clip
    from .synthetic import Scene as Scene
    from .synthetic import scene_planes as scene_planes
    from .synthetic import scene_frames as scene_frames
    from .synthetic import write_rides as write_rides
    from .synthetic import read_flow as read_flow
    from .clips import Clips as Clips
    from .clips import Film as Film
    from .clips import open_film as open_film
    from .clips import clip_loaders as clip_loaders
    from .clips import degrade_clip as degrade_clip

__getattr__,__dir__,__all__ = lazy_face(__name__, {
    'photos': 'Photos open_photos list_photos read_photo is_photo sample_photos data_dir weights_file content_hash',
    'loaders': 'color_loaders split_by_hash SquareCrop ToLab degrade targets data_loaders present load_data',
    'varied': 'camera_light add_borders VariedCrop VariedLab',
    'named_sets': 'read_sets layouts',
    'download': 'fetch fetch_video',
    'paired': 'pair_loaders folder_pairs nir_pairs lwir_pairs split_by_scene saliency_map write_saliency',
    'tasks': 'punch sketch',
    'hdf5': 'build_db DBPhotos',
    'shards': 'Shards write_shards',
    'shard_loader': 'shard_loaders',
    'scan': 'stream_photos ImageSummary summarize_image summarize_images',
    'duplicates': 'find_copies find_shots split write_split',
    'audit': 'examine AuditReport Rules',
    'frames': 'extract_frames frame_shots triplets CAPTURE_RULES',
    'synthetic': 'warp_batch visibility_batch compared_pairs travel camera_clip Scene scene_planes scene_frames '
                 'write_rides read_flow',
    'clips': 'Clips Film open_film clip_loaders degrade_clip',
}, 'train')
