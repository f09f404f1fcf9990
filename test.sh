#!/usr/bin/env bash
# Every test of the project. Installs what it needs; a machine with Rust, Python 3 and a C compiler is enough.
#
#   ./test.sh            all steps
#   ./test.sh STEP...    these steps only; ./test.sh --list names them
#
# Lanes that this machine can't run are skipped with a line that says so; TRACKLET_REQUIRE_ALL=1 fails them instead.
set -uo pipefail
cd "$(dirname "$0")"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/tracklet"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
export CARGO_NET_RETRY="${CARGO_NET_RETRY:-10}"
export TRACKLET_REQUIRE_ALL="${TRACKLET_REQUIRE_ALL:-}"
python="$cache/venvs/tests/bin/python"

# A Python environment with exactly these packages, made anew when the list changes.
install_python() {
  local venv="$cache/venvs/tests" list="tests/requirements.txt"
  cmp -s "$list" "$venv/installed.txt" && return 0
  rm -rf "$venv" && python3 -m venv "$venv" || return 1
  retried "$venv/bin/pip" install --quiet --retries 10 -r "$list" && cp "$list" "$venv/installed.txt"
}

# Downloads fail now and then.
retried() {
  local attempt
  for attempt in 1 2 3 4 5; do
    "$@" && return 0
    sleep $((attempt * 5))
  done
  return 1
}

fetch() { retried cargo fetch --locked && install_python; }
format() { cargo fmt --all --check; }
units() {
  export TRACKLET_TEST_PYTHON="$python"
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --no-fail-fast --status-level fail
  else
    cargo test --locked --workspace --all-targets --no-fail-fast --quiet
  fi
}

# The main job as the README has it, then the tables of the example and the corpus read by DuckDB and compared with an
# independent definition.
main_job() {
  local out status
  out=$(mktemp -d) || return 1
  cargo run --locked --release -- run examples/shop/rudder-logs --out "$out/out"
  status=$?
  [ "$status" -eq 0 ] && [ -f "$out/out/current/manifest.json" ] &&
    TRACKLET_BIN="$CARGO_TARGET_DIR/release/tracklet" "$python" tests/through_files/check.py
  status=$?
  rm -rf "$out"
  return $status
}
oracle() { python3 tests/oracle/oracle.py --corpus corpus --check && (cd tests/oracle && python3 test_reading.py); }

# Mistakes made on purpose in the kernel, each of which the corpus must notice.
mutations() { python3 tests/mutations/run.py; }

# name, seconds it may take
steps=("fetch 900" "format 60" "units 2400" "oracle 120" "mutations 1200" "main_job 1800")

if [ "${1:-}" = --list ]; then
  printf '%s\n' "${steps[@]%% *}"
  exit 0
fi

# A step runs in a shell of its own, so that its time limit ends all that it has started.
if [ "${1:-}" = --step ]; then
  "$2"
  exit
fi

passed=0 failed=0
for entry in "${steps[@]}"; do
  read -r name limit <<<"$entry"
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
    continue
  fi
  started=$SECONDS
  echo "== $name"
  if timeout --kill-after=10 "$limit" bash ./test.sh --step "$name" </dev/null; then
    passed=$((passed + 1))
    echo "-- $name passed in $((SECONDS - started)) s"
  else
    failed=$((failed + 1))
    echo "-- $name FAILED after $((SECONDS - started)) s (limit $limit s)"
    # Nothing later can succeed without the dependencies.
    [ "$name" = fetch ] && break
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
