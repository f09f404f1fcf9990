#!/usr/bin/env bash
# Fuzzes every target for some seconds, from the seeds of the corpus and what earlier runs found.
#
#   fuzz/run.sh [SECONDS [TARGET...]]     10 seconds each; an input that fails is named, and kept below $found
#
# The dependencies are those of a release build; only the crates of this workspace are built anew, with counters.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-10}"
targets=("${@:2}")
if [ ${#targets[@]} -eq 0 ]; then
  targets=(json_lines csv parquet compressed event_names times config)
fi
cache="${XDG_CACHE_HOME:-$HOME/.cache}/tracklet"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
found="$CARGO_TARGET_DIR/fuzz"

# With the main program's package the features of all dependencies are those of the main program's build.
build=(cargo build --locked --release -p tracklet -p tracklet-fuzz)
"${build[@]}" --bin fuzz_seeds
"$CARGO_TARGET_DIR/release/fuzz_seeds" "$found/seeds"
# What has counters can't run without libFuzzer, so the targets are built apart.
RUSTC_WORKSPACE_WRAPPER="$PWD/fuzz/instrument" \
  "${build[@]}" --features tracklet-fuzz/libfuzzer "${targets[@]/#/--bin=fuzz_}"

failed=0
for target in "${targets[@]}"; do
  mkdir -p "$found/inputs/$target" "$found/failures/$target"
  echo "fuzzing $target for $seconds s"
  # Quiet but for the end: a line a second would bury it.
  if ! "$CARGO_TARGET_DIR/release/fuzz_$target" "$found/inputs/$target" "$found/seeds/$target" \
    -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -max_len=16384 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$found/failures/$target/" >"$found/$target.log" 2>&1; then
    failed=1
    tail -40 "$found/$target.log"
  else
    grep -E "stat::(number_of_executed_units|new_units_added|peak_rss_mb)" "$found/$target.log"
  fi
done
exit $failed
