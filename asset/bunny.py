"""The film that the lessons learn from: `python asset/bunny.py big-buck-bunny-480p.mp4` writes `asset/bunny.mp4`.

Thirty seconds of *Big Buck Bunny* at 256x144, 24 frames a second, without sound, in H.264 with color at half
the size, as browsers like it. `bunny.json` has source, authors, licence and hash."""
import json, sys
from fractions import Fraction
from hashlib import sha256
from itertools import islice
from pathlib import Path

import av
from PIL import Image

from colorbook.video.read import read_frames

HERE = Path(__file__).parent


def main(source, size=(256, 144), crf=21):
    with av.open(str(HERE/'bunny.mp4'), 'w', options={'movflags': 'faststart'}) as c:
        stream = c.add_stream('libx264', rate=24, options={'crf': str(crf), 'preset': 'veryslow'})
        stream.width,stream.height = size
        stream.pix_fmt,stream.codec_context.time_base = 'yuv420p',Fraction(1, 24)
        for i,o in enumerate(islice(read_frames(source), 30*24)):
            f = av.VideoFrame.from_image(o.im.resize(size, Image.Resampling.LANCZOS))
            f.pts = i
            c.mux(stream.encode(f))
        c.mux(stream.encode())
    about = dict(file='bunny.mp4', title='Big Buck Bunny', source='https://peach.blender.org',
        authors='(c) 2008 Blender Foundation, www.bigbuckbunny.org', licence='CC BY 3.0',
        licence_url='https://creativecommons.org/licenses/by/3.0/', frames=i + 1, rate=24,
        width=size[0], height=size[1],
        changes='thirty seconds, made smaller, without sound', made_by='asset/bunny.py',
        sha256=sha256((HERE/'bunny.mp4').read_bytes()).hexdigest())
    (HERE/'bunny.json').write_text(json.dumps(about, indent=1) + '\n')


if __name__ == '__main__': main(sys.argv[1])
