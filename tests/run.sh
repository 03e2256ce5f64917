#!/usr/bin/env bash
# All tests. Makes .venv (and .venv-newest) beside the code; a second run finds them there and is quicker.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s (%s s so far)\n' "$*" "$SECONDS"; }

step "environment with everything"
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/pip install -qq -e '.[dev]'

step "chapters, without a kernel"
OMP_NUM_THREADS=1 .venv/bin/nbdev_test --n_workers 2

step "repository, book, contract, installation"
.venv/bin/python -m pytest

step "the newest fastai, without nbdev"
bash tests/newest.sh
