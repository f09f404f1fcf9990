#!/usr/bin/env bash
# BigQuery and Snowflake on their stand-ins: makes their Python environments, then runs what is named.
#
#   clouds.sh FOLDER.SCRIPT [ARGUMENT...]    a script of tests/warehouses, by TRACKLET_PYTHON or python3
#
# local-bigquery needs Python 3.13; where there is none this says so and leaves it out, or fails if nothing may be left
# out (TRACKLET_REQUIRE_ALL=1).
set -euo pipefail
warehouses=$(cd "$(dirname "$0")/.." && pwd)
venvs="${XDG_CACHE_HOME:-$HOME/.cache}/tracklet/venvs"

retried() {
  local attempt
  for attempt in 1 2 3 4 5; do
    "$@" && return 0
    sleep $((attempt * 5))
  done
  return 1
}

# An environment of this name and Python, made anew when the list of its packages changes.
environment() {
  local venv="$venvs/$1" list="$warehouses/requirements-$1.txt"
  cmp -s "$list" "$venv/installed.txt" && return 0
  rm -rf "$venv"
  "$2" -m venv "$venv"
  # The lists are complete: what the packages ask for besides is in them, in versions that work.
  retried "$venv/bin/pip" install --quiet --retries 10 --no-deps -r "$list"
  if [ "$1" = bigquery ]; then
    # DuckDB looks for its extensions under HOME.
    mkdir -p "$venv/home"
    HOME="$venv/home" "$venv/bin/python" -c "
import duckdb
from duckdb_extensions import import_extension
for extension in ('icu', 'ducklake', 'spatial'):
    import_extension(extension, con=duckdb.connect())"
  fi
  cp "$list" "$venv/installed.txt"
}

# A Python of at least 3.13.
recent_python() {
  local candidate
  for candidate in python3.14 python3.13 python3 "$HOME"/.pyenv/versions/3.1[3-9]*/bin/python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 13))' 2>/dev/null; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

environment snowflake python3
export TRACKLET_SNOWFLAKE_PYTHON="$venvs/snowflake/bin/python"
if python=$(recent_python); then
  environment bigquery "$python"
  export TRACKLET_BIGQUERY_PYTHON="$venvs/bigquery/bin/python"
else
  echo "skipped: BigQuery's stand-in, which needs Python 3.13"
  [ -z "${TRACKLET_REQUIRE_ALL:-}" ] || exit 1
fi
exec "${TRACKLET_PYTHON:-python3}" "$warehouses" "$@"
