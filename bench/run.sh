#!/usr/bin/env bash
# Tracklet and its peers side by side: installs what it needs, generates the tracks, checks that all tables are equal,
# times whole processes alternately, and writes bench/runs/<date>-<machine>/.
#
#   bench/run.sh                              10 M tracks, every peer, about six minutes on two quiet cores
#   bench/run.sh --tracks 1m --runs 3         another size
#   bench/run.sh --tracks 100m --peers none   ours alone; --peers names them: duckdb_tuned,polars_tables
#   bench/run.sh --floor                      also what decoding and encoding alone cost
#   bench/run.sh --memory-limit 4GB           passed on to tracklet
#   bench/run.sh --help                       all options
set -euo pipefail
cd "$(dirname "$0")/.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/tracklet"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
venv="$cache/venvs/bench"

retried() {
  local attempt
  for attempt in 1 2 3 4 5; do
    "$@" && return 0
    sleep $((attempt * 5))
  done
  return 1
}

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
if ! cmp -s bench/requirements.txt "$venv/installed.txt"; then
  retried "$venv/bin/pip" install --quiet --retries 10 -r bench/requirements.txt
  cp bench/requirements.txt "$venv/installed.txt"
fi
if [ -z "${TRACKLET_BIN:-}" ]; then
  cargo build --locked --quiet --release -p tracklet -p tracklet-generator -p tracklet-floor
  export TRACKLET_BIN="$CARGO_TARGET_DIR/release/tracklet"
fi
export TRACKLET_FLOOR="${TRACKLET_FLOOR:-$CARGO_TARGET_DIR/release/tracklet-floor}"
export TRACKLET_GENERATOR="${TRACKLET_GENERATOR:-$CARGO_TARGET_DIR/release/tracklet-generator}"
exec "$venv/bin/python" bench/harness.py --cache "$cache/bench" "$@"
