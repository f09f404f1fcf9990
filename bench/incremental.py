"""An incremental run over one more day after ninety, as a share of a full run.

    python3 bench/incremental.py                    10 M tracks, three rounds
    python3 bench/incremental.py --tracks 1000000 --rounds 1 --shapes "in order,logins"

Generates the data, runs both ways alternately on the same machine, compares all tables byte for byte, and prints a table.
`--save FILE.json` writes the figures there, and FILE.md beside it. One shape's tables are removed before the next's.
TRACKLET_BIN and TRACKLET_GENERATOR name the programs; without them they are built.
"""

import argparse
import hashlib
import json
import os
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
    """Wall and processor time in seconds and the peak of memory in bytes of a whole process."""
    started = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return {"wall_s": round(wall, 3), "cpu_s": round(usage.ru_utime + usage.ru_stime, 3), "peak_rss_bytes": usage.ru_maxrss * 1024}


def digests(out):
    """A hash of every file that readers and the next run find, but for the manifest, which tells the time."""
    current, found = out / "current", {}
    for path in sorted(current.rglob("*")):
        if path.is_file() and path.name != "manifest.json":
            with open(path, "rb") as file:
                found[str(path.relative_to(current))] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def measured(run, data, shape, rounds):
    """A history, the day added to it, and one run over both, in turns; what they took, and what the last increment says."""
    history, day = str(data / "all"), str(data / "day")
    base, whole = data / "base", data / "whole"
    full, increments = [], []
    for _ in range(rounds):
        for out in (base, whole):
            shutil.rmtree(out, ignore_errors=True)
        subprocess.run([*run, history, "--out", str(base)], check=True)
        # What is written back by the system meanwhile is not the increment's.
        os.sync()
        increments.append(timed([*run, history, day, "--out", str(base)]))
        # Both outputs side by side may be more than fits on the disk.
        manifest, found = json.loads((base / "current/manifest.json").read_text()), digests(base)
        shutil.rmtree(base)
        os.sync()
        full.append(timed([*run, history, day, "--out", str(whole)]))
        print(f"{shape}: full {full[-1]}, increment {increments[-1]}", flush=True)
        wanted = digests(whole)
        wrong = [name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)]
        shutil.rmtree(whole)
        if wrong:
            sys.exit(f"{shape}: {len(wrong)} files are not those of a full run, for instance {wrong[0]}")
    return {
        "shape": shape, "share": middle(increments, "wall_s") / middle(full, "wall_s"), "mode": manifest["mode"],
        "parts": manifest["parts"], "bytes_read": manifest["bytes_read"], "bytes_written": manifest["written"]["bytes"],
        "rows": manifest["rows"]["read"], "new_rows": manifest["new"]["rows"]["read"], "timings": manifest["timings"],
        "full": full, "increments": increments,
    }


def middle(runs, field):
    return statistics.median(run[field] for run in runs)


def table(options, results):
    """The figures as Markdown; the share of a full run's time is what the targets are about."""
    command = f"bench/incremental.py --tracks {options.tracks} --rounds {options.rounds}"
    if options.memory_limit:
        command += f" --memory-limit {options.memory_limit}"
    lines = [
        f"# One more day after {options.tracks:,} tracks of ninety days",
        "",
        f"`{command}` on {os.cpu_count()} cores. Medians of"
        f" {options.rounds} of whole processes, in turns; after every increment all files were, byte for byte, those of the full"
        " run over the same rows." if options.rounds > 1 else
        f"`{command}` on {os.cpu_count()} cores. Whole processes;"
        " after the increment all files were, byte for byte, those of the full run over the same rows.",
        "",
        "| one more day | new rows | full s | increment s | share | CPU s, full and increment | peak GB, full and increment |"
        " parts linked, rewritten | MB read | MB written |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in results:
        full, increments = row["full"], row["increments"]
        lines.append(
            f"| {row['shape']} | {row['new_rows']:,} | {middle(full, 'wall_s'):.2f} | {middle(increments, 'wall_s'):.2f} |"
            f" {100 * row['share']:.1f} % | {middle(full, 'cpu_s'):.1f}, {middle(increments, 'cpu_s'):.1f} |"
            f" {middle(full, 'peak_rss_bytes') / 1e9:.2f}, {middle(increments, 'peak_rss_bytes') / 1e9:.2f} |"
            f" {row['parts']['linked']:,}, {row['parts']['rewritten']:,} | {sum(row['bytes_read'].values()) / 1e6:.0f} |"
            f" {row['bytes_written'] / 1e6:.0f} |"
        )
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=10_000_000, help="of the ninety days [10000000]")
    parser.add_argument("--rounds", type=int, default=3, help="[3]")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/tracklet/bench/incremental")
    parser.add_argument("--shapes", default=",".join(SHAPES), help="which, joined by commas [all three]")
    parser.add_argument("--memory-limit", help="passed on to tracklet, for every run")
    parser.add_argument("--drop-data", action="store_true", help="remove a shape's input too once it is measured")
    parser.add_argument("--save", type=Path, help="write the figures there as JSON, and as a table beside it")
    options = parser.parse_args()
    tracklet = program("tracklet", "TRACKLET_BIN", "tracklet")
    generator = program("tracklet-generator", "TRACKLET_GENERATOR", "tracklet-generator")
    run = [tracklet, "run", "-q"]
    if options.memory_limit:
        run += ["--memory-limit", options.memory_limit]
    results = []
    for shape in options.shapes.split(","):
        data = options.cache / f"{options.tracks}-{shape.replace(' ', '-').replace('%', 'percent')}"
        generate(generator, data, options.tracks, SHAPES[shape])
        results.append(measured(run, data, shape, options.rounds))
        if options.drop_data:
            shutil.rmtree(data)
        if options.save:
            options.save.parent.mkdir(parents=True, exist_ok=True)
            options.save.write_text(json.dumps(results, indent=2) + "\n")
            options.save.with_suffix(".md").write_text("\n".join(table(options, results)) + "\n")


if __name__ == "__main__":
    main()
