"""Draw the five systems, one picture each.

A bar is a stage: its height stands for the size of the map, the number on it is how many channels it has.

    python asset/systems.py    writes asset/systems-s0.svg to asset/systems-s4.svg
"""
import math
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GEN,CRI,DATA = '#f6e3c5','#d7e6f7','#e6e6e6'


def text(x, y, words, size=14, anchor='middle'):
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}">{words}</text>'


def box(x, y, w, h, words, fill):
    lines = words.split('|')
    rows = ''.join(text(x + w/2, y + h/2 + 5 + 17*(i - (len(lines) - 1)/2), o) for i,o in enumerate(lines))
    return f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6" fill="{fill}" stroke="#444"/>{rows}'


def arrow(d):
    return f'<path d="{d}" fill="none" stroke="#444" stroke-width="2" marker-end="url(#tip)"/>'


def bars(x, y, stages, skips=(), step=36, fill=GEN):
    "Stages (size, channels) around the height `y`, with arcs between stages that are joined"
    out,high = [],lambda size: 14 + 13*math.log2(size)
    for a,b in skips:
        xa,xb,top = x + a*step + 13,x + b*step + 13,y - high(stages[a][0])/2
        out.append(f'<path d="M{xa} {top:.0f}C{xa} {top - 26:.0f} {xb} {top - 26:.0f} {xb} {top:.0f}" fill="none" '
                   'stroke="#777" stroke-width="1.5"/>')
    for i,(size,n) in enumerate(stages):
        h = high(size)
        out.append(f'<rect x="{x + i*step}" y="{y - h/2:.0f}" width="27" height="{h:.0f}" fill="{fill}" stroke="#444"/>'
                   + text(x + i*step + 13.5, y + 4, n, 11))
    return ''.join(out)


def svg(height, said, *parts):
    return '\n'.join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 {height}" role="img" fill="#222" '
        f'aria-label="{said}" font-family="sans-serif">', f'<rect width="480" height="{height}" fill="white"/>',
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 0L10 5L0 10z" fill="#444"/></marker></defs>', *parts, '</svg>', ''])


def s0():
    stages = [*zip((112, 56, 28, 14, 7), (64, 128, 256, 512, 512)),
        *zip((14, 28, 56, 112, 224), (512, 256, 128, 64, 3))]
    return svg(300, 'S0: a U-Net from lightness to RGB, and a critic that sees RGB alone',
        text(45, 30, 'L, 224'), arrow('M45 40V75H58'),
        bars(62, 90, stages, [(3, 5), (2, 6), (1, 7), (0, 8)]),
        text(452, 95, 'RGB'), text(240, 165, 'generator: halved five times, doubled five times; skips are added'),
        arrow('M452 105V225H424'), box(60, 200, 360, 50, 'critic: five halvings, one 7x7 layer, one verdict', CRI),
        text(240, 280, 'it never sees L: nothing ties the color to the picture'))


def s1():
    down = [(112, 64), (56, 128), (28, 256), (14, 512), (7, 512)]
    rows = [text(10, 49 + 42*i, o, anchor='start') + bars(100, 45 + 42*i, [(2, n) for _,n in down]) + arrow(
        f'M280 {45 + 42*i}H{318}') for i,o in enumerate(('before', 'now', 'after'))]
    return svg(350, 'S1: three frames share one encoder; their maps meet at the bottleneck',
        *rows, box(322, 25, 70, 126, '1 : 6 : 1|joined', DATA), arrow('M357 151V225H340'),
        bars(160, 225, [(112, 3), (56, 64), (28, 128), (14, 256), (7, 512)]), arrow('M158 225H90'),
        text(60, 230, 'RGB'), text(400, 240, 'up again'), text(190, 170, 'one encoder for all three frames'),
        box(80, 290, 340, 44, 'PatchGAN critic: least squares, spectral norm', CRI), arrow('M60 240V312H78'))


def s2():
    return svg(290, 'S2: every layer at full size; lightness goes into each of them; the critic is not heard',
        text(50, 60, 'noise z'), arrow('M75 55H100'),
        bars(104, 90, [(90, n) for n in (1, 128, 64, 64, 64, 32, 2)], step=46),
        text(445, 95, 'ab'), ''.join(arrow(f'M{117 + 46*i} 175V144') for i in range(1, 7)),
        text(240, 195, 'L into every layer'),
        box(60, 220, 360, 50, 'critic: four layers at full size, sees ab alone;|'
            'its verdict never reaches the generator', CRI))


def s3():
    stages = [*zip((256, 64, 16, 8), (64, 256, 512, 512)), *zip((4, 1, 4, 16), (512, 512, 512, 512)),
        (64, 256), (256, 64)]
    return svg(345, 'S3: a U-Net, a network that knows the scene, and a branch that says where one looks',
        box(100, 15, 200, 44, 'scene: VGG-16 that was|trained on gray pictures', DATA),
        arrow('M200 59C200 75 190 70 187 88'),
        text(30, 145, 'gray'), bars(62, 140, stages, [(2, 7), (1, 8), (0, 9)]), text(450, 145, 'RGB'),
        arrow('M330 190V225'), box(250, 228, 190, 44, 'saliency: where one looks', DATA),
        box(40, 285, 400, 44, 'critic on patches: gray, RGB (and saliency); WGAN-GP', CRI), arrow('M455 155V305H442'))


def s4():
    names = ['GAN', 'least squares', 'energy', 'Wasserstein']
    return svg(330, 'S4: one generator, four critics, and a comparison',
        text(30, 80, 'L'), bars(55, 75, [*zip((128, 64, 32, 16, 8, 4, 2, 1), (64, 128, 256) + (512,)*5)], step=34),
        text(375, 80, 'and back up'), text(450, 80, 'ab'),
        text(200, 150, 'one U-Net with eight halvings, for every experiment'),
        ''.join(box(10 + 118*i, 185, 108, 46, o, CRI) + arrow(f'M{64 + 118*i} 232V262') for i,o in enumerate(names)),
        text(240, 176, 'critics on patches that see L and ab'),
        box(10, 265, 460, 46, 'each with L1 and with L2, and Zhang&#39;s 313 classes beside them', DATA))


DRAWINGS = dict(s0=s0, s1=s1, s2=s2, s3=s3, s4=s4)


def main():
    for k,f in DRAWINGS.items(): (ROOT/'asset'/f'systems-{k}.svg').write_text(f())


if __name__ == '__main__': main()
