# %% [markdown]
# # Color profiles
#
# > What the numbers in a picture mean: lightness by its profile, at any depth
#
# A file holds numbers, and a color profile inside the file says which light they stand for. The byte 128 is a medium gray in an sRGB file, a lighter one in a scan made for old Macintosh screens, and no gray at all in the inks of a CMYK file. A colorizer that promises to keep lightness has to ask the profile. `light_through` gives the light of every pixel as the profile means it, from 8 bits, 16 bits or floats; from there on the library works in sRGB. Taking Adobe RGB for sRGB would be wrong by several units of lightness; how many is measured in *Into sRGB*.

# %%
#| default_exp imaging.profiles

# %%
#| export
import io, struct
from functools import lru_cache
import numpy as np
from PIL import Image, ImageCms
from colorbook.color.srgb import RGB_TO_XYZ, lab_f, lab_f_inv, srgb_decode, srgb_encode

# %%
#| hide
from fastcore.test import *
from skimage import color, data

# %% [markdown]
# ## What stands in a profile

# %% [markdown]
# An ICC profile begins with a header of 128 bytes, in which four letters name the kind of numbers that it describes: `RGB`, `GRAY`, `CMYK`, `Lab`. A table of tags follows. The profiles of cameras and screens are simple: three *curves* (`rTRC`, `gTRC`, `bTRC`) turn numbers into amounts of light, and three *colorants* (`rXYZ` and so on) say what a full red, green and blue are in CIE's $X,Y,Z$, adapted to the white of paper, D50. A gray profile has one curve, `kTRC`. The profiles of printers hold tables instead.

# %%
#| export
def profile_space(
    icc:bytes|None, # an ICC profile
) -> str: # 'RGB', 'GRAY', 'CMYK', 'Lab', or ''
    "The color space that a profile describes, from its header"
    return icc[16:20].decode('latin1').strip() if icc else ''

def s15(*v) -> bytes: return struct.pack(f'>{len(v)}i', *(round(o*65536) for o in v))

@lru_cache(maxsize=1)
def srgb_profile() -> bytes: # an ICC profile
    "The profile of sRGB, which is always the same: LittleCMS writes down the second in which it made one"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    return icc[:24] + struct.pack('>6H', 2000, 1, 1, 0, 0, 0) + icc[36:]

def profile_tags(
    icc:bytes, # an ICC profile
) -> dict: # bytes by the four letters of their tag
    "What stands in a profile"
    n, = struct.unpack_from('>I', icc, 128)
    found = [struct.unpack_from('>4sII', icc, 132 + 12*i) for i in range(min(n, 200))]
    return {name.decode('latin1'): icc[at:at+size] for name,at,size in found}

# %% [markdown]
# A curve is written in one of two ways: as a list of values to interpolate in (`curv`; a list of one value is an exponent, an empty one means *as it is*), or by the parameters of a power with a straight foot (`para`), of which there are five forms. With $a, b, c, d, e, f$ and the exponent $g$ the fullest is
#
# $$ y = \begin{cases} (ax + b)^g + e & x \ge d \\ cx + f & \text{else} \end{cases} $$
#
# and the others leave parameters out.

# %%
#| export
def _power(x:np.ndarray, g, a=1., b=0., c=0., d=-1., e=0., f=0.) -> np.ndarray:
    "A power with a straight foot"
    return np.where(x >= d, np.maximum(a*x + b, 0)**g + e, c*x + f)

def curve(
    tag:bytes, # a tag of a profile, 'curv' or 'para'
    x:np.ndarray, # stored values in 0..1
) -> np.ndarray: # amounts of light, float64
    "A curve of a profile at some values; `ValueError` if it is none"
    if tag[:4] == b'curv':
        n, = struct.unpack_from('>I', tag, 8)
        values = np.frombuffer(tag, '>u2', n, 12)
        if n < 2: return x**(values[0]/256) if n else x
        return np.interp(x, np.linspace(0, 1, n), values/65535)
    if tag[:4] != b'para': raise ValueError('a profile without a curve')
    kind, = struct.unpack_from('>H', tag, 8)
    p = np.frombuffer(tag, '>i4', (1, 3, 4, 5, 7)[kind], 12)/65536
    if kind in (1, 2): # (ax + b)^g + c from -b/a on, c below
        g,a,b,*c = p
        return _power(x, g, a, b, 0, -b/a, *(c + c))
    return _power(x, *p[:5], *p[5:])

# %%
ramp = np.linspace(0, 1, 300)
srgb_curve = b'para\0\0\0\0' + struct.pack('>HH', 3, 0) + s15(2.4, 1/1.055, .055/1.055, 1/12.92, .04045)
test_close(curve(srgb_curve, ramp), srgb_decode(ramp), eps=2e-5)
test_close(curve(b'para\0\0\0\0\0\0\0\0' + s15(2.2), ramp), ramp**2.2, eps=1e-4)
test_close(curve(b'curv\0\0\0\0' + struct.pack('>I', 0), ramp), ramp, eps=1e-9)
knees = b'curv\0\0\0\0' + struct.pack('>IHHH', 3, 0, 16384, 65535)
test_close(curve(knees, np.array([.25, .75])), [.125, .625], eps=1e-3)
shifted = b'para\0\0\0\0' + struct.pack('>HH', 2, 0) + s15(2, 1.25, -.25, .125)
test_close(curve(shifted, np.array([.1, .2, 1])), [.125, .125, 1.125], eps=1e-3)
curve(srgb_curve, np.array([.5]))

# %% [markdown]
# ## Luminance

# %% [markdown]
# We need one number from a pixel, its luminance $Y$, because everything else is to be replaced. For a simple profile it is a weighted sum of the three curves. The weights are the $Y$ of the colorants, brought back from the white of paper to that of the screen (the matrix is Bradford's, the usual one), because this book measures lightness against the screen's white. They are divided by their sum: white is white, whatever the rounding in the profile.

# %%
#| export
_D50_TO_D65_Y = np.array([-.0282895, 1.0099416, .0210077]) # row of Bradford's matrix that gives Y

class LightProfile:
    "The way from stored numbers to luminance, for a profile with curves; `ValueError` if it has tables instead"
    def __init__(self,
        icc:bytes, # an ICC profile for RGB or gray
    ):
        tags,gray = profile_tags(icc),profile_space(icc) == 'GRAY'
        if not gray and ('rXYZ' not in tags or 'A2B0' in tags): raise ValueError('a profile with tables')
        self.curves = [tags.get(o + 'TRC', b'') for o in ('k' if gray else 'rgb')]
        self.lab,self.weights = gray and icc[20:23] == b'Lab',np.ones(1)
        if not gray:
            colorants = np.array([np.frombuffer(tags[o + 'XYZ'], '>i4', 3, 8)/65536 for o in 'rgb'])
            self.weights = colorants@_D50_TO_D65_Y/(colorants@_D50_TO_D65_Y).sum()
        self.share(0, np.zeros(1))

    def share(self,
        i:int, # number of a channel
        x:np.ndarray, # its values, in 0..1
    ) -> np.ndarray: # luminance, float32
        "What a channel adds to the luminance"
        y = curve(self.curves[i], x)
        return (self.weights[i]*(lab_f_inv((100*y + 16)/116) if self.lab else y)).astype(np.float32)

    def __call__(self,
        x:np.ndarray, # HxW gray or HxWx3 RGB; uint8, uint16, or float in 0..1
    ) -> np.ndarray: # HxW float32, luminance
        "How light each pixel is: by lookup, floats one by one"
        look = self.share
        if x.dtype.kind == 'u':
            tables = [self.share(i, np.linspace(0, 1, 256**x.dtype.itemsize)) for i in range(len(self.curves))]
            look = lambda i,v: tables[i].take(v)
            if x.ndim == 2: return sum(tables).take(x)
        return sum(look(i, x if x.ndim == 2 else x[...,i]) for i in range(len(self.curves)))

# %% [markdown]
# A small profile is quickly made: a header, a table, and a few numbers with sixteen bits behind the point (`s15`). Such profiles are for tests, and for PNG files below.

# %%
#| export
def xyz(*v) -> bytes: return b'XYZ \0\0\0\0' + s15(*v)

def make_profile(
    space:bytes, # four letters
    **tags, # bytes
) -> bytes:
    "The smallest ICC profile with these tags"
    table,body = struct.pack('>I', len(tags)),b''
    at = 132 + 12*len(tags)
    for name,value in tags.items():
        value = value + bytes(-len(value) % 4)
        table += struct.pack('>4sII', name.encode(), at + len(body), len(value))
        body += value
    head = struct.pack('>I4xI4s4s4s12x4s', at + len(body), 0x02400000, b'mntr', space, b'XYZ ', b'acsp')
    return head.ljust(68, b'\0') + s15(.9642, 1, .8249).ljust(60, b'\0') + table + body

# %% [markdown]
# Profiles with the published primaries of two color spaces are built, and the luminance that they give is compared with plain matrix arithmetic. The values are the shares of red, green and blue in the luminance. A gray has the luminance of its curve in any of them: in Adobe RGB, with its exponent of 2.2, that is close to sRGB, in ProPhoto, with 1.8, it is not.

# %%
gamma = lambda g: b'curv\0\0\0\0' + struct.pack('>IH', 1, round(g*256))
ADOBE = (.60974, .31111, .01947), (.20528, .62567, .06087), (.14919, .06322, .74457)
PROPHOTO = (.79767, .28804, 0), (.13519, .71188, 0), (.03134, .00009, .82491)
def rgb_profile(colorants, g):
    "A profile with one exponent and three colorants"
    tags = {f'{o}XYZ': xyz(*c) for o,c in zip('rgb', colorants)} | {f'{o}TRC': gamma(g) for o in 'rgb'}
    return make_profile(b'RGB ', wtpt=xyz(.9505, 1, 1.0891), **tags)

adobe,prophoto = LightProfile(rgb_profile(ADOBE, 2.2)),LightProfile(rgb_profile(PROPHOTO, 1.8))
test_close(adobe.weights, [.29734, .62736, .07529], eps=2e-4) # Y of the primaries of Adobe RGB (1998)
test_close(adobe(np.array([[128]], np.uint8)), (128/255)**(563/256), eps=1e-4)
test_close(prophoto(np.array([[.5]])), .5**1.8, eps=1e-3)
for x in (data.chelsea(), data.chelsea()*np.uint16(257)): test_close(adobe(x), adobe(data.chelsea()/255), eps=1e-5)
test_close(LightProfile(srgb_profile()).weights, RGB_TO_XYZ[1], eps=2e-3)
adobe.weights.round(4), prophoto.weights.round(4)

# %% [markdown]
# ## Two chunks of PNG

# %% [markdown]
# A PNG without a profile may describe its colors in two chunks: `gAMA` holds the exponent by which light was turned into numbers, and `cHRM` the places of white, red, green and blue in the diagram of colors, as pairs $x, y$. An exponent of 1/2.2 alone is what programs write for sRGB, and is taken for it. Anything else becomes a profile. The columns of the matrix from RGB to $X,Y,Z$ are the primaries, scaled so that their sum is white; then white is brought to that of paper by Bradford's way, which scales three responses of the eye.

# %%
#| export
_BRADFORD = np.array([[.8951, .2664, -.1614], [-.7502, 1.7135, .0367], [.0389, -.0685, 1.0296]])
_SRGB_PLACES = .3127, .329, .64, .33, .3, .6, .15, .06

def chunk_profile(
    gamma:float=1/2.2, # what `gAMA` says
    places:tuple=_SRGB_PLACES, # what `cHRM` says
    gray:bool=False, # a profile for gray
) -> bytes|None: # None for that of sRGB, and for what has no meaning
    "The profile that is meant by two chunks of a PNG; see its specification, third edition, 11.3.2"
    wide = not gray and max(abs(a - b) for a,b in zip(places, _SRGB_PLACES)) > .002
    if not .1 < gamma < 10 or abs(1/gamma - 2.2) < .01 and not wide: return None
    trc = b'para\0\0\0\0\0\0\0\0' + s15(1/gamma)
    if gray: return make_profile(b'GRAY', wtpt=xyz(.9642, 1, .8249), kTRC=trc)
    x,y = np.array(places, float).reshape(4, 2).T
    if min(y) < 1e-3 or max(*x, *y) > 1: return None
    white,*rgb = np.stack([x/y, np.ones(4), (1 - x - y)/y], -1)
    if abs(np.linalg.det(rgb)) < 1e-6: return None
    rgb = np.array(rgb).T*np.linalg.solve(np.array(rgb).T, white)
    scale = (_BRADFORD@[.9642, 1, .8249])/(_BRADFORD@white)
    rgb = np.linalg.solve(_BRADFORD, scale[:,None]*(_BRADFORD@rgb))
    if not np.abs(rgb).max() < 100: return None
    tags = {f'{o}XYZ': xyz(*v) for o,v in zip('rgb', rgb.T)} | {f'{o}TRC': trc for o in 'rgb'}
    return make_profile(b'RGB ', wtpt=xyz(.9642, 1, .8249), **tags)

# %%
adobe_places = .3127, .329, .64, .33, .21, .71, .15, .06
found = LightProfile(chunk_profile(1/2.2, adobe_places))
test_close(found.weights, [.29734, .62736, .07529], eps=2e-4)
tags = profile_tags(chunk_profile(1/2.2, adobe_places))
test_close([np.frombuffer(tags[o + 'XYZ'], '>i4', 3, 8)/65536 for o in 'rgb'], ADOBE, eps=3e-4)
test_close(LightProfile(chunk_profile(1/1.8, gray=True))(np.array([[128]], np.uint8)), (128/255)**1.8, eps=1e-4)
test_eq([chunk_profile(*o) for o in ((.45455,), (0,), (1, (.3, .3, .6, 0, .3, .6, .1, .1)), (1, (.3,)*8))], [None]*4)
found.weights.round(4)

# %% [markdown]
# ## Into sRGB

# %% [markdown]
# The rest of the library gets a gray picture in sRGB with 16 bits: its numbers say the lightness, finely enough for any depth. Where a profile has tables, and for inks, LittleCMS inside Pillow gives the lightness $L^*$ in 8 bits, which is a step of 0.4 units. The picture is worked through in strips, so that a large one needs little more memory than itself.

# Most files carry the profile of sRGB itself or one of its many near copies. Those are left alone: `is_srgb` compares a profile with ours on a few hundred colors.

# %%
#| export
def light_gray(
    Y:np.ndarray, # luminance
) -> np.ndarray: # uint16, sRGB
    "The gray of a luminance, in 16 bits"
    return np.rint(srgb_encode(np.clip(Y, 0, 1))*65535).astype(np.uint16)

@lru_cache(maxsize=8)
def _light_profile(icc:bytes) -> LightProfile|None:
    "The profile ready to use, or None if it has tables"
    try: return LightProfile(icc)
    except (ValueError, KeyError, IndexError, TypeError, struct.error): return None

@lru_cache(maxsize=8)
def is_srgb(
    icc:bytes, # an ICC profile
) -> bool: # no color is off by a tenth of a unit of lightness
    "Does a profile mean by its numbers what sRGB means?"
    if profile_space(icc) != 'RGB' or not (found := _light_profile(icc)): return False
    x = np.stack(np.meshgrid(*[np.linspace(0, 1, 7)]*3), -1).reshape(1, -1, 3)
    x = np.concatenate([x, np.linspace(0, 1, 64)[None,:,None].repeat(3, 2)], 1)
    return bool(np.abs(lab_f(found(x)) - lab_f(srgb_decode(x)@RGB_TO_XYZ[1])).max()*116 < .1)

# %% [markdown]
# For inks in 16 bits a step of 0.4 would be coarse. The table of a printer's profile, in the two usual forms (`mft1` and `mft2`), is a grid with one axis for each ink, between curves for what goes in and what comes out. Only its first number, the lightness, is read, and between the points of the grid it is interpolated along every axis.

# %%
#| export
def table_lightness(
    icc:bytes, # the profile of a printer
    x:np.ndarray, # HxWxC of inks in 0..1
) -> np.ndarray: # HxW, L* in 0..100
    "Lightness by the table of a profile; `ValueError` if it has another kind of table"
    tag = profile_tags(icc).get('A2B0', b'')
    if tag[:4] not in (b'mft1', b'mft2') or icc[20:23] != b'Lab': raise ValueError('a profile with another table')
    (n,outs,grid),wide = tag[8:11],tag[:4] == b'mft2'
    ends,at,kind = struct.unpack_from('>HH', tag, 48) if wide else (256, 256),52 if wide else 48,'>u2' if wide else 'u1'
    numbers = np.frombuffer(tag, kind, (len(tag) - at)//(1 + wide), at)/np.float32(65535 if wide else 255)
    curves,cube = numbers[:n*ends[0]].reshape(n, -1),numbers[n*ends[0]:n*ends[0]+outs*grid**n][::outs]
    last = numbers[n*ends[0]+outs*grid**n:][:ends[1]]
    places = [np.interp(x[...,i], np.linspace(0, 1, ends[0]), curves[i])*(grid - 1) for i in range(n)]
    low = [np.minimum(o.astype(np.intp), grid - 2) for o in places]
    L = np.zeros(x.shape[:2])
    for corner in np.ndindex((2,)*n):
        share,where = 1,0
        for o,l,c in zip(places, low, corner): share,where = share*(o - l if c else 1 - o + l),where*grid + l + c
        L += share*cube[where]
    return np.interp(L, np.linspace(0, 1, ends[1]), last)*(6553500/65280 if wide else 100)

# %%
#| export
def _table_light(im:Image.Image, icc:bytes) -> np.ndarray:
    "Luminance of a strip by a profile with tables; `ValueError` if it is of no use"
    try:
        lab = ImageCms.profileToProfile(im, ImageCms.getOpenProfile(io.BytesIO(icc)), ImageCms.createProfile('LAB'),
                                        outputMode='LAB')
    except (ImageCms.PyCMSError, OSError) as e: raise ValueError('a profile of no use') from e
    return lab_f_inv((np.asarray(lab)[...,0]*np.float32(100/255) + 16)/116)

def _eight_bits(x:np.ndarray) -> np.ndarray:
    "The numbers as bytes, for LittleCMS"
    return x if x.dtype == np.uint8 else np.rint(x*np.float32(255/(65535 if x.dtype == np.uint16 else 1))).astype('u1')

def _fine_lightness(x:np.ndarray, icc:bytes) -> np.ndarray|None:
    "Lightness of inks in 16 bits, or None where it has to go through bytes"
    try: return table_lightness(icc, x/np.float32(65535 if x.dtype == np.uint16 else 1))
    except (ValueError, IndexError, struct.error): return None

def light_through(
    x:np.ndarray|Image.Image, # HxW gray, HxWx3 RGB or HxWx4 inks; or Pillow's L, RGB or CMYK
    icc:bytes, # the profile
) -> np.ndarray: # HxW uint16: gray in sRGB
    "What a profile makes of a picture; `ValueError` if the two do not go together"
    image,space = isinstance(x, Image.Image),profile_space(icc)
    (h,w),n = (x.size[::-1],len(x.mode)) if image else (x.shape[:2],x.shape[2] if x.ndim == 3 else 1)
    if (space,n) not in (('RGB', 1), ('RGB', 3), ('GRAY', 1), ('CMYK', 4)):
        raise ValueError(f'a profile for {space} and {n} channels')
    found,step,out = _light_profile(icc),max(1, 2**20//w),np.empty((h, w), np.uint16)
    for i in range(0, h, step):
        j = min(i + step, h)
        strip = np.asarray(x.crop((0, i, w, j))) if image else x[i:j]
        if found: Y = found(strip)
        elif n == 4 and strip.dtype != np.uint8 and (L := _fine_lightness(strip, icc)) is not None:
            Y = lab_f_inv((L.astype(np.float32) + 16)/116)
        else:
            im = Image.fromarray(_eight_bits(strip), {1: 'L', 3: 'RGB', 4: 'CMYK'}[n])
            Y = _table_light(im.convert('RGB') if space == 'RGB' else im, icc)
        out[i:j] = light_gray(Y)
    return out

# %% [markdown]
# A photograph in numbers of Adobe RGB, of ProPhoto, and as a scan with an exponent of 1.8: the lightness of the result is that of the formula, to a hundredth of a unit at 16 bits. Without the profile it would be wrong by up to so many units, for Adobe RGB and for ProPhoto:

# %%
photo = data.chelsea()*np.uint16(257)
lightness = lambda Y: 116*lab_f(Y) - 16
def missed(icc, x):
    "How far the lightness of sRGB numbers is from the profile's"
    return np.abs(lightness(LightProfile(icc)(x)) - lightness(srgb_decode(x/65535)@RGB_TO_XYZ[1])).max()
wide = rgb_profile(ADOBE, 2.2),rgb_profile(PROPHOTO, 1.8)
for icc in wide:
    got = light_through(photo, icc)
    test_eq(got.dtype, np.uint16)
    test_close(lightness(srgb_decode(got/65535)), lightness(LightProfile(icc)(photo/65535)), eps=.01)
    test_close(light_through(Image.fromarray(data.chelsea()), icc)/65535, got/65535, eps=2e-5)
scan = make_profile(b'GRAY', wtpt=xyz(.9642, 1, .8249), kTRC=gamma(1.8))
test_close(light_through(photo[...,0], scan)/65535, light_gray((photo[...,0]/65535)**(461/256))/65535, eps=2e-5)
test_fail(lambda: light_through(photo, scan), exc=ValueError, contains='GRAY and 3')
test_eq([is_srgb(o) for o in (srgb_profile(), *wide, scan)], [True, False, False, False])
[missed(icc, photo) for icc in wide]

# %% [markdown]
# A profile with tables goes through eight bits. Here is how far lightness is from that of scikit-image on average:

# %%
test_eq(profile_space(ImageCms.ImageCmsProfile(ImageCms.createProfile('LAB')).tobytes()), 'Lab')
test_close(lightness(_table_light(Image.fromarray(data.chelsea()), srgb_profile())),
           color.rgb2lab(data.chelsea())[...,0], eps=3)
np.abs(lightness(_table_light(Image.fromarray(data.chelsea()), srgb_profile()))
       - color.rgb2lab(data.chelsea())[...,0]).mean()

# %% [markdown]
# A printer's table made by hand, in which black ink takes the lightness away and the other three a tenth of it each. Halfway between two points of the grid the lightness must be halfway too; and for black alone LittleCMS says the same, in its bytes.

# %%
corners = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
grid = b''.join(struct.pack('>3H', round(65280*(1 - k)*(1 - .1*(c + m + y))), 32768, 32768) for c,m,y,k in corners)
line = struct.pack('>2H', 0, 65535)
mft2 = b'mft2\0\0\0\0' + struct.pack('>BBBx', 4, 3, 2) + s15(1, 0, 0, 0, 1, 0, 0, 0, 1) + struct.pack('>HH', 2, 2)
printer = make_profile(b'CMYK', A2B0=mft2 + line*4 + grid + line*3)
printer = printer[:12] + b'prtrCMYKLab ' + printer[24:]
inks = np.random.default_rng(0).random((20, 30, 4))
want = 100*(1 - inks[...,3])*(1 - .1*inks[...,:3].sum(-1))
test_close(table_lightness(printer, inks), want, eps=.01)
deep = np.rint(inks*65535).astype(np.uint16)
test_close(lightness(srgb_decode(light_through(deep, printer)/65535)), want, eps=.01)
eight = np.rint(inks*[0, 0, 0, 255]).astype(np.uint8)
test_close(lightness(srgb_decode(light_through(eight, printer)/65535)), 100*(1 - inks[...,3]), eps=.5)
test_fail(lambda: table_lightness(srgb_profile(), inks), exc=ValueError)

# %% [markdown]
# ## What we have
#
# - `light_through`, lightness as a profile means it, for curves exactly and for tables as LittleCMS has it;
# - `is_srgb`, which finds the many files for which there is nothing to do.

# %% [markdown]
# ## Exercises
#
# 1. Lightness in a profile is often measured against the white of paper, D50. Leave Bradford's row out of `LightProfile` and find the colors for which it matters most.
# 2. LittleCMS divides each cell of a table into tetrahedra instead of interpolating along every axis. How far are the two apart?
