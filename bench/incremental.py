"""One more day beside a history of ninety, as a share of a full run.

    python3 bench/incremental.py                    10 M tracks, three rounds
    python3 bench/incremental.py --tracks 1000000 --rounds 1

Generates the data, runs both ways alternately on the same machine, compares all tables byte for byte, and prints a table.
TRACKLET_BIN and TRACKLET_GENERATOR name the programs; without them they are built.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# One more day of the generator's traffic: in order and with nobody's user id, which could change who a visitor is; so, but
# 2 % of it up to seven days late; in order, with the generator's logins.
SHAPES = {
    "in order": ("--known-visitors", "0"),
    "2 % late": ("--known-visitors", "0", "--late", "0.02"),
    "logins": (),
}


def program(name, variable, package):
    if os.environ.get(variable):
        return os.environ[variable]
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "-p", package], cwd=HERE.parent, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")
    return str(Path(target) / "release" / name)


def generate(generator, folder, tracks, options):
    """Ninety-one days in files of an hour of arrival; those of the last day stand apart."""
    done = folder / "done"
    if done.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    total = tracks * 91 // 90
    subprocess.run(
        [generator, "--tracks", str(total), "--days", "91", "--hours-per-file", "24", "--out", str(folder / "all"), *options],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    files = sorted((folder / "all").rglob("*.parquet"))
    (folder / "day").mkdir()
    # What comes late arrives after the last day; it belongs to the increment.
    for file in files[90:]:
        file.rename(folder / "day" / file.name)
    done.touch()


def timed(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - started, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def files_of(out):
    current = out / "current"
    return {str(p.relative_to(current)): p for p in sorted(current.rglob("*")) if p.is_file() and p.name != "manifest.json"}


def differing(one, other):
    ours, theirs = files_of(one), files_of(other)
    names = ours.keys() | theirs.keys()
    return [n for n in names if n not in ours or n not in theirs or ours[n].read_bytes() != theirs[n].read_bytes()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=10_000_000, help="of the ninety days [10000000]")
    parser.add_argument("--rounds", type=int, default=3, help="[3]")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/tracklet/bench/incremental")
    parser.add_argument("--save", type=Path, help="write the figures there as JSON")
    options = parser.parse_args()
    tracklet = program("tracklet", "TRACKLET_BIN", "tracklet")
    generator = program("tracklet-generator", "TRACKLET_GENERATOR", "tracklet-generator")
    results = []
    for shape, extra in SHAPES.items():
        data = options.cache / f"{options.tracks}-{shape.replace(' ', '-').replace('%', 'percent')}"
        generate(generator, data, options.tracks, extra)
        history, day = str(data / "all"), str(data / "day")
        base, work, whole = data / "base", data / "work", data / "whole"
        full, increments = [], []
        for _ in range(options.rounds):
            for out in (base, work, whole):
                shutil.rmtree(out, ignore_errors=True)
            subprocess.run([tracklet, "run", history, "--out", str(base), "-q"], check=True)
            # What is written back by the system meanwhile is not the increment's.
            os.sync()
            increments.append(timed([tracklet, "run", history, day, "--out", str(base), "-q"]))
            os.sync()
            full.append(timed([tracklet, "run", history, day, "--out", str(whole), "-q"]))
        wrong = differing(base, whole)
        if wrong:
            sys.exit(f"{shape}: {len(wrong)} files are not those of a full run, for instance {wrong[0]}")
        manifest = json.loads((base / "current/manifest.json").read_text())
        wall_full, wall = (statistics.median(w for w, _ in runs) for runs in (full, increments))
        results.append({
            "shape": shape, "full_s": wall_full, "increment_s": wall, "share": wall / wall_full,
            "cpu_full_s": statistics.median(c for _, c in full), "cpu_increment_s": statistics.median(c for _, c in increments),
            "mode": manifest["mode"], "parts": manifest["parts"], "bytes_read": manifest["bytes_read"],
            "bytes_written": manifest["written"]["bytes"], "rows": manifest["rows"]["read"], "new_rows": manifest["new"]["rows"]["read"],
            "timings": manifest["timings"],
        })
        print(f"{shape}: full {wall_full:.2f} s, increment {wall:.2f} s = {100 * wall / wall_full:.1f} %, "
              f"{manifest['mode']}, parts {manifest['parts']}")
    if options.save:
        options.save.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
