"A generator for tests that trains in a moment, `python small.py train ...`: the command line with it, and a fuse"
import sys

from fastai.vision.all import params
from torch import nn

from colorbook.color.bins import AnnealedMean
from colorbook.models.registry import generators


@generators('small', output='bins4')
class Small(nn.Module):
    "Scores of 313 classes at a quarter of the size, in two groups of parameters as the product's generator has them"
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 16, 4, 4), nn.BatchNorm2d(16), nn.ReLU())
        self.head,self.color = nn.Conv2d(16, 313, 1),AnnealedMean()
    def forward(self, L): return self.head(self.encoder(L))
    def groups(self): return [params(self.encoder), params(self.head)]


class Fuse:
    "Fails at a call of a function"
    def __init__(self, monkeypatch, owner, name):
        self.calls,self.blow,f = 0,None,getattr(owner, name)
        def counted(*args, **kwargs):
            self.calls += 1
            if self.calls == self.blow: raise KeyboardInterrupt
            return f(*args, **kwargs)
        monkeypatch.setattr(owner, name, counted)
    def at(self, n): self.calls,self.blow = 0,n


if __name__ == '__main__':
    from colorbook.cli.app import main
    sys.exit(main(sys.argv[1:]))
