#!/usr/bin/env bash
# Random histories of events of every type, with evidence and columns, cut into random runs, many more than the tests try, and
# others every time: after a series of runs the tables must be, to the byte, those of one run over everything.
#
#   bench/histories.sh [HISTORIES]      10,000 take five to fifteen minutes on two cores
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tracklet/target}"
export TRACKLET_HISTORIES="${1:-10000}"
unset PROPTEST_RNG_SEED
exec cargo test --locked --workspace --features full,spark --lib increment::tests::histories
