#!/usr/bin/env bash
# What events of every type and their columns cost: every figure, into bench/runs/<date>-events/.
#
#   bench/events.sh                  10 M events, three rounds, beside DuckDB and Polars; then 1 M in PostgreSQL
#   bench/events.sh --only web       one figure: web, sessions, raw, limit (events.py --help), or postgres
#   bench/events.sh --large          also 100 M events with and without --memory-limit 4GB, one round; takes 60 GB of disk
#
# Needs Rust, Python 3 and, for its figure, a PostgreSQL server. Other options are those of events.py.
set -euo pipefail
cd "$(dirname "$0")/.."

figures=web,sessions,raw postgres=yes large=
options=()
while [ $# -gt 0 ]; do
  case "$1" in
    --only) figures="$2" postgres=; shift 2 ;;
    --large) large=yes; shift ;;
    *) options+=("$1"); shift ;;
  esac
done
if [ "$figures" = postgres ]; then figures= postgres=yes; fi

cache="${XDG_CACHE_HOME:-$HOME/.cache}/tracklet"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
out="bench/runs/$(date -u +%F)-events"

# An environment of Python with the packages that a file lists.
environment() {
  local venv="$cache/venvs/$1"
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  if ! cmp -s "$2" "$venv/installed.txt"; then
    "$venv/bin/pip" install --quiet --retries 10 -r "$2"
    cp "$2" "$venv/installed.txt"
  fi
}

if [ -z "${TRACKLET_BIN:-}" ]; then
  cargo build --locked --quiet --release -p tracklet -p tracklet-generator --features tracklet/postgres
  export TRACKLET_BIN="$CARGO_TARGET_DIR/release/tracklet"
fi
export TRACKLET_GENERATOR="${TRACKLET_GENERATOR:-$CARGO_TARGET_DIR/release/tracklet-generator}"
mkdir -p "$out"

if [ -n "$figures$large" ]; then environment bench bench/requirements.txt; fi
events() { "$cache/venvs/bench/bin/python" bench/events.py --data "$cache/bench" --out "$out" "$@"; }
if [ -n "$figures" ]; then events --only "$figures" "${options[@]}"; fi
if [ -n "$large" ]; then events --only limit --events 100m --rounds 1 --drop-data; fi
if [ -n "$postgres" ]; then
  environment warehouses tests/warehouses/requirements.txt
  "$cache/venvs/warehouses/bin/python" bench/warehouse/increments.py --calls all --generator "$TRACKLET_GENERATOR" \
    --out "$out/postgres-1m.json"
fi
