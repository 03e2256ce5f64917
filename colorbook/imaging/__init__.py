"""One photograph: read as it is, colored, written as it was.

`io` reads and writes every kind of picture, `orientation` knows which way is up, `compose` joins color to light,
`colorizer` has the model and `colorize`, `sheet` lays many pictures on one. NumPy, Pillow and onnxruntime; no torch.
"""
from ..core import lazy_face

__getattr__,__dir__,__all__ = lazy_face(__name__, {
    'io': 'Picture read_picture from_array from_image encode_picture format_of format_like to_image',
    'orientation': 'upright matrix_orientation',
    'compose': 'paint chroma_maps resize',
    'colorizer': 'colorize colorize_file colorize_bytes colorize_samples sample_noise Colorizer load_model '
                 'open_model card default_model',
    'sheet': 'contact_sheet'})
