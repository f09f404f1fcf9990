#!/usr/bin/env bash
# How long the shortest things take: `tracklet --version`, and the example (20,000 lines) from files to all tables.
#
#   bench/startup.sh [FOLDER]      writes startup.json (hyperfine's) and startup.md there [bench/runs/<date>-startup]
#
# Needs hyperfine. TRACKLET_BIN names the program; without it, it is built.
set -euo pipefail
cd "$(dirname "$0")/.."

folder="${1:-bench/runs/$(date -u +%F)-startup}"
if [ -z "${TRACKLET_BIN:-}" ]; then
  export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/tracklet/target}"
  cargo build --locked --quiet --release -p tracklet
  TRACKLET_BIN="$CARGO_TARGET_DIR/release/tracklet"
fi
mkdir -p "$folder"
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT

# A second run on the same output would read nothing: every run starts without one.
hyperfine --shell=none --warmup 5 --runs 100 --export-json "$out/version.json" \
  --command-name "tracklet --version" "$TRACKLET_BIN --version"
hyperfine --shell=none --warmup 3 --runs 30 --prepare "rm -rf $out/tables" --export-json "$out/example.json" \
  --command-name "tracklet run examples/shop/rudder-logs --out out" \
  "$TRACKLET_BIN run examples/shop/rudder-logs --out $out/tables"

python3 - "$out" "$folder" "$(find examples/shop/rudder-logs -name '*.gz' -exec zcat {} + | wc -l)" <<'PYTHON'
import json
import os
import sys
from pathlib import Path

out, folder, lines = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
results = [row for name in ("version", "example") for row in json.loads((out / f"{name}.json").read_text())["results"]]
(folder / "startup.json").write_text(json.dumps({"results": results}, indent=1) + "\n")
table = [
    f"# Start-up, and the example's {lines:,} lines",
    "",
    f"`bench/startup.sh` on {os.cpu_count()} cores. Whole processes, milliseconds.",
    "",
    "| command | runs | median | mean | deviation | least | most |",
    "|---|---|---|---|---|---|---|",
]
for row in results:
    seen = (row[name] * 1000 for name in ("median", "mean", "stddev", "min", "max"))
    table.append(f"| `{row['command']}` | {len(row['times'])} | " + " | ".join(f"{ms:.1f}" for ms in seen) + " |")
(folder / "startup.md").write_text("\n".join(table) + "\n")
print("\n".join(table))
PYTHON
