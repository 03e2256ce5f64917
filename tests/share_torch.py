"Link torch and what it consists of from this environment into another one: python tests/share_torch.py ENVIRONMENT"
import os, re, sys, sysconfig
from importlib.metadata import distributions
from pathlib import Path

SHARED = re.compile(r'(torch|torchvision|triton|nvidia-.*|cuda-.*)')


def main(env):
    here = Path(sysconfig.get_path('purelib'))
    there = env/here.relative_to(sys.prefix)
    for d in distributions(path=[str(here)]):
        if not SHARED.fullmatch(d.name): continue
        print('linking', d.name, d.version)
        for f in d.files:
            source,goal = here/f,there/f
            if '..' in f.parts or source.suffix == '.pyc': continue  # scripts carry the other environment's path
            goal.parent.mkdir(parents=True, exist_ok=True)
            os.link(source, goal)


if __name__ == '__main__': main(Path(sys.argv[1]))
