#!/usr/bin/env bash
# All tests. Makes .venv (and .venv-newest) beside the code; a second run finds them there and is quicker.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s (%s s so far)\n' "$*" "$SECONDS"; }

step "environment with everything"
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/pip install -qq -e '.[dev]'

# two processes at a time from here on, and one thread in each: two with two threads are in each other's way
export OMP_NUM_THREADS=1

# photos and weights beside the checkout; without them chapters use what installed packages carry
for o in data weights; do
    v=COLORBOOK_${o^^}
    if [ -z "${!v:-}" ] && [ -d "../shared/$o" ]; then export "$v=$(cd "../shared/$o" && pwd)"; fi
done

step "chapters, without a kernel"
.venv/bin/nbdev_test --n_workers 2

step "book"
.venv/bin/python -m pytest tests/test_book.py

step "repository, contract, installation"
.venv/bin/python -m pytest --ignore tests/test_book.py -n 2 --dist worksteal

unset OMP_NUM_THREADS

step "the newest fastai, without nbdev"
bash tests/newest.sh
