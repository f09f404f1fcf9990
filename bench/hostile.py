"""Peak memory of runs with `--memory-limit` over rows that somebody chose to fill it.

    python3 bench/hostile.py                              a million rows each, 300 MB
    python3 bench/hostile.py --rows 200000 --limit 230
    python3 bench/hostile.py --only rejects,duplicates    those with such a word in their names

Each input is written, read by one run of `tracklet run --memory-limit`, and removed. A run ends with 0 or 1, or with an error
that names the limit that would do (exit code 2); no run may take more than the limit. The table has the peak of resident
memory of the whole process. `--save FOLDER` writes it there as hostile.md, and the figures as hostile.json.
TRACKLET_BIN names the program; without it, it is built.
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = "id,anonymous_id,user_id,event,timestamp\n"
# Bytes of a long text: the most that an id may have, but one.
LONG = 65_535


def program():
    if os.environ.get("TRACKLET_BIN"):
        return os.environ["TRACKLET_BIN"]
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "-p", "tracklet"], cwd=HERE.parent, check=True)
    return str(Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")) / "release" / "tracklet")


def moment(row, year=2026):
    """A time within that year; one more second a row."""
    minute, second = divmod(row, 60)
    hour, minute = divmod(minute, 60)
    day, hour = divmod(hour, 24)
    return f"{year}-{1 + day // 28 % 12:02d}-{1 + day % 28:02d}T{hour:02d}:{minute:02d}:{second:02d}Z"


def csv(line):
    """One CSV file of the rows that `line` makes of their numbers."""

    def write(folder, rows):
        with open(folder / "tracks.csv", "w") as file:
            file.write(HEADER)
            file.writelines(line(row) for row in range(rows))

    return write


def lines(line, share=1, pack=open, name="tracks.json"):
    """One file of lines; long lines are fewer by `share`."""

    def write(folder, rows):
        with pack(folder / name, "wt") as file:
            file.writelines(line(row) for row in range(rows // share))

    return write


def many_files(folder, rows):
    """A hundred rejected rows in each file."""
    for number in range(rows // 100):
        below = folder / f"{number // 1000:04d}"
        below.mkdir(exist_ok=True)
        text = "".join(f"m{number}-{row},a,,viewed,never {row}\n" for row in range(100))
        (below / f"{number:06d}.csv").write_text(HEADER + text)


def track(row, **fields):
    usual = {"type": "track", "messageId": f"m{row}", "anonymousId": f"a{row % 977}", "event": "viewed", "timestamp": moment(row)}
    return json.dumps(usual | fields) + "\n"


def long(row):
    """A text of its own, near the limit of lengths."""
    return f"{row:09d}".ljust(LONG, "x")


INPUTS = {
    "usual rows": csv(lambda row: f"m{row},a{row % 9973},,viewed,{moment(row)}\n"),
    "one visitor has all rows": csv(lambda row: f"m{row},a,,viewed,{moment(row)}\n"),
    "one user, each row another device": csv(lambda row: f"m{row},a{row},u,viewed,{moment(row)}\n"),
    "each row its own visitor": csv(lambda row: f"m{row},device-of-somebody-{row},,viewed,{moment(row)}\n"),
    "each row its own event name": csv(lambda row: f"m{row},a{row % 9973},,viewed product {row},{moment(row)}\n"),
    "rows in 291 years": csv(lambda row: f"m{row},a{row % 9973},,viewed,{moment(row, 1970 + row % 291)}\n"),
    "all rows at one time": csv(lambda row: f"m{row},a{row % 9973},,viewed,{moment(0)}\n"),
    "duplicates of one id": csv(lambda row: f"m,a{row % 9973},,viewed,{moment(row)}\n"),
    "each id twice, duplicates of UUIDs": csv(
        lambda row: f"{row // 2:08x}-0000-4000-8000-000000000000,a{row % 9973},,viewed,{moment(row)}\n"
    ),
    "rejects: times that are none": csv(lambda row: f"m{row},a{row % 9973},,viewed,never {row}\n"),
    "rejects: damaged lines": lines(lambda row: f'{{"type":"track","messageId":"m{row}","event\n'),
    "rejects: short lines in gzip": lines(lambda _: "1\n", pack=gzip.open, name="tracks.json.gz"),
    "rejects: damaged lines of 64 KiB": lines(lambda row: f'{{"type":"{long(row)}\n', share=160),
    "rejects: six long columns": lines(
        lambda row: track(row, messageId=long(row), anonymousId=long(row), userId=long(row), event=long(row), timestamp="-"),
        share=1000,
    ),
    "rejects in many files": many_files,
    "long event ids": lines(lambda row: track(row, messageId=long(row)), share=160),
    "long event ids, all duplicates": lines(lambda row: track(row, messageId=long(row % 10)), share=160),
    "long anonymous ids": lines(lambda row: track(row, anonymousId=long(row)), share=160),
    "long event names": lines(lambda row: track(row, event=long(row)), share=160),
    "one name of 60 MB": lambda folder, _: (folder / "tracks.json").write_text(track(0, event="x" * 60_000_000)),
    "one line of 400 bytes a row, in gzip": lines(lambda _: "x" * 400, pack=gzip.open, name="tracks.json.gz"),
    "a header of commas": lambda folder, rows: (folder / "tracks.csv").write_text("," * rows * 64 + "\n"),
}


def run(tracklet, folder, limit):
    """Exit code, peak of memory in bytes and seconds of a run over the folder, with the last words of an error."""
    command = [tracklet, "run", "input", "--out", "out", "--memory-limit", f"{limit}MB"]
    with tempfile.TemporaryFile() as said:
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode(errors="replace")
    error = next((line for line in text.splitlines() if line.startswith("error:")), "")
    return {
        "code": process.returncode,
        "peak_rss_bytes": usage.ru_maxrss * 1024,
        "wall_s": round(seconds, 1),
        "error": error.removeprefix("error: "),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--limit", type=int, default=300, help="in MB")
    parser.add_argument("--only", default="", help="words, separated by commas")
    parser.add_argument("--save", type=Path, help="a folder for the table and the figures")
    asked = parser.parse_args()
    words = [word for word in asked.only.split(",") if word]
    chosen = {name: write for name, write in INPUTS.items() if not words or any(word in name for word in words)}
    tracklet, found = program(), {}
    title = f"{asked.rows:,} rows each, `--memory-limit {asked.limit}MB`, {os.cpu_count()} cores"
    table = ["| rows | input, MB | exit code | peak, MB | seconds | |", "|---|---|---|---|---|---|"]
    print("\n".join(table))
    for name, write in chosen.items():
        folder = Path(tempfile.mkdtemp(prefix="hostile-", dir=os.environ.get("TMPDIR")))
        try:
            (folder / "input").mkdir()
            write(folder / "input", asked.rows)
            size = sum(path.stat().st_size for path in (folder / "input").rglob("*") if path.is_file())
            result = found[name] = {"input_bytes": size} | run(tracklet, folder, asked.limit)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        peak = result["peak_rss_bytes"] / 1e6
        is_over = peak > asked.limit
        note = "**over the limit**" if is_over else result["error"]
        table.append(f"| {name} | {size / 1e6:.1f} | {result['code']} | {peak:.0f} | {result['wall_s']} | {note} |")
        print(table[-1], flush=True)
    if asked.save:
        asked.save.mkdir(parents=True, exist_ok=True)
        (asked.save / "hostile.json").write_text(json.dumps({"rows": asked.rows, "limit_mb": asked.limit, "runs": found}, indent=1) + "\n")
        (asked.save / "hostile.md").write_text("\n".join(["# Rows that fill memory", "", title, "", *table]) + "\n")
    over = [name for name, result in found.items() if result["peak_rss_bytes"] > asked.limit * 1_000_000]
    failed = [name for name, result in found.items() if result["code"] not in (0, 1, 2)]
    return f"over the limit: {', '.join(over)}; ended otherwise: {', '.join(failed)}" if over or failed else 0


if __name__ == "__main__":
    sys.exit(main())
