#!/usr/bin/env bash
# Fuzzes every target, from the seeds of the corpus and what earlier runs found.
#
#   fuzz/run.sh [SECONDS [TARGET...]]      10 seconds each; an input that fails is named, and kept below $found
#   fuzz/run.sh --smoke [TARGET...]        the same 5,000 inputs every time, with the debug build of the dependencies
#
# Only the crates of this workspace are built again, with counters.
set -euo pipefail
cd "$(dirname "$0")/.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/tracklet"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
found="$CARGO_TARGET_DIR/fuzz"

if [ "${1:-}" = --smoke ]; then
  targets=("${@:2}")
  # All of the workspace and the features that tests have, so that no dependency is built again.
  profile=debug build=(cargo build --locked --workspace --features full,spark)
  # Nothing that earlier runs found: one and the same series of inputs.
  found="$found/smoke"
  rm -rf "$found"
  limits=(-seed="${TRACKLET_TEST_SEED:-20261125}" -runs=5000 -max_total_time=60 -max_len=4096)
  effort="5,000 inputs"
else
  targets=("${@:2}")
  # With the main program's package the features of all dependencies are those of the main program's build.
  profile=release build=(cargo build --locked --release -p tracklet -p tracklet-fuzz)
  limits=(-max_total_time="${1:-10}" -max_len=16384)
  effort="${1:-10} s"
fi

"${build[@]}" --bin fuzz_seeds
rm -rf "$found/seeds"
CARGO_MANIFEST_DIR="$PWD/fuzz" "$CARGO_TARGET_DIR/$profile/fuzz_seeds" "$found/seeds"
# Every target has a folder of seeds.
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls "$found/seeds")
# What has counters can't run without libFuzzer, so the fuzzer is built apart.
RUSTC_WORKSPACE_WRAPPER="$PWD/fuzz/instrument" "${build[@]}" --features tracklet-fuzz/libfuzzer --bin fuzz_target

failed=0
for target in "${targets[@]}"; do
  mkdir -p "$found/inputs/$target" "$found/failures/$target"
  echo "fuzzing $target: $effort"
  # Quiet but for the end: a line a second would bury it.
  if ! TRACKLET_FUZZ_TARGET="$target" "$CARGO_TARGET_DIR/$profile/fuzz_target" "$found/inputs/$target" "$found/seeds/$target" \
    "${limits[@]}" -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$found/failures/$target/" >"$found/$target.log" 2>&1; then
    failed=1
    tail -40 "$found/$target.log"
  else
    grep -E "stat::(number_of_executed_units|new_units_added|peak_rss_mb)" "$found/$target.log"
  fi
done
exit $failed
