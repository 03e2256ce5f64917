#!/usr/bin/env bash
# The library in an environment without nbdev, with the newest fastai and fastcore that there are.
# torch is gigabytes, so where the tests' environment is there its torch is linked, not fetched again; pip sees
# the linked packages as installed and chooses the rest by itself.
set -euo pipefail
cd "$(dirname "$0")/.."
env=.venv-newest
rm -rf "$env"
python3 -m venv "$env"
[ -x .venv/bin/python ] && .venv/bin/python tests/share_torch.py "$env"
"$env/bin/pip" install -qq -e '.[train]'
"$env/bin/python" tests/newest.py
