"""Runs Tracklet and its peers alternately and writes down what it saw. `run.sh` calls it; `--help` has the options."""

import argparse
import csv
import datetime
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import chart
import compare

HERE = Path(__file__).resolve().parent
PEERS = {
    "duckdb_reference": "DuckDB, reference SQL",
    "duckdb_tuned": "DuckDB, tuned",
    "polars_tables": "Polars",
    "clickhouse_tables": "ClickHouse",
    "datafusion_tables": "DataFusion",
}
PACKAGES = ("duckdb", "polars", "chdb", "datafusion", "pyarrow")
SHAPES = {
    "first": (),
    # 27-character ids, long user ids, one visitor with 5 % of all rows, 2 % duplicates.
    "second": ("--ids", "ksuid", "--hot-visitor", "0.05", "--duplicates", "0.02"),
}
FIELDS = ("engine", "round", "wall_s", "user_s", "system_s", "peak_rss_bytes", "bytes_written", "files", "equal", "read_s", "sha256")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", default="10m", help="1m, 10m, 100m or a number [10m]")
    parser.add_argument("--shape", choices=SHAPES, default="first", help="which data set [first]")
    parser.add_argument("--beside", choices=SHAPES, help="also ours over this data set, in turns")
    parser.add_argument("--raw", action="store_true", help="rudder-logs json.gz instead of Parquet, against DuckDB")
    parser.add_argument("--runs", type=int, default=3, help="rounds; ours also runs in between [3]")
    parser.add_argument("--minutes", type=float, default=6, help="start no run that would likely end later than this [6]")
    parser.add_argument("--peers", default="all", help="all, none, or names joined by commas")
    parser.add_argument("--memory-limit", help="passed on to tracklet")
    parser.add_argument("--on-disk", action="store_true", help="DuckDB keeps its own tables in a file, not in memory")
    parser.add_argument("--floor", action="store_true", help="also what decoding and encoding alone cost")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--machine", default=f"{os.cpu_count()}-core", help="how the folder calls this machine")
    parser.add_argument("--data", type=Path, help="where data and outputs go [the cache]")
    parser.add_argument("--cache", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="the folder of the results [bench/runs/<date>-<machine>]")
    return parser.parse_args()


def number(text):
    units = {"k": 1_000, "m": 1_000_000}
    return int(float(text[:-1]) * units[text[-1].lower()]) if text[-1].lower() in units else int(text)


def generated(options, shape, data):
    """The folder of the input, generated unless it is there."""
    kind = "raw" if options.raw else "parquet"
    folder = data / f"{number(options.tracks)}-{shape}-{kind}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        command = [os.environ["TRACKLET_GENERATOR"], "--tracks", str(number(options.tracks)), "--out", str(folder / "in")]
        command += SHAPES[shape]
        if options.raw:
            command += ["--format", "rudder-logs", "--hours-per-file"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (folder / "done").touch()
    return folder / "in"


def measured(command, output, log):
    """Runs a process to its end: wall, CPU and peak memory as the kernel counts them, and what it left behind."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    # What the last run left to write must not slow this one down.
    os.sync()
    with open(log, "ab") as said:
        # Whose words follow: a peer that is stopped for want of memory says nothing itself.
        said.write(f"{' '.join(command)}\n".encode())
        said.flush()
        started = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=HERE / "peers")
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    files = [path for path in output.rglob("*.parquet") if not path.is_symlink()]
    return {
        "status": process.returncode,
        "wall_s": round(wall, 3),
        "user_s": round(usage.ru_utime, 3),
        "system_s": round(usage.ru_stime, 3),
        "peak_rss_bytes": usage.ru_maxrss * 1024,
        "bytes_written": sum(path.stat().st_size for path in files),
        "files": len(files),
    }


def step(output, name):
    """Seconds that a step of our run took, as its manifest says."""
    return round(json.loads((output / "current/manifest.json").read_text())["timings"][name], 3)


def digest(output):
    """A hash of all that our run left for readers and for the next run, but for the manifest, which tells the time."""
    whole = hashlib.sha256()
    for path in sorted((output / "current").rglob("*")):
        if path.is_file() and path.name != "manifest.json":
            with open(path, "rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{path.relative_to(output / 'current')} {content}\n".encode())
    return whole.hexdigest()


def ours(options, source, output):
    command = [os.environ["TRACKLET_BIN"], "--quiet", "run", str(source), "--out", str(output)]
    command += ["--threads", str(options.threads)]
    if options.memory_limit:
        command += ["--memory-limit", options.memory_limit]
    return command


def engines(options, source, data):
    """Name to (command, output folder)."""
    output = data / "out-tracklet"
    found = {"tracklet": (ours(options, source, output), output)}
    if options.beside:
        output = data / "out-tracklet-beside"
        beside = generated(options, options.beside, data)
        found[f"tracklet, {options.beside} data set"] = (ours(options, beside, output), output)
    names = list(PEERS) if options.peers == "all" else [] if options.peers == "none" else options.peers.split(",")
    if options.raw:
        names = [] if options.peers == "none" else ["duckdb_json tables", "duckdb_json read"]
    for name in names:
        output = data / f"out-{name.replace(' ', '-')}"
        script, *what = name.split(" ")
        found[name] = ([sys.executable, f"{script}.py", str(source), str(output), str(options.threads), *what], output)
    return found


def rounds(options, engines, results, log):
    """Every engine in turn, ours before each peer; tables are compared the first time that an engine has run."""
    started = time.monotonic()
    lasted, equal, broken = {}, {}, set()
    # Of our rows by the hash of our files: at a hundred million our tables and a peer's do not fit on the disk together.
    known = {}
    has_peers = any(not name.startswith("tracklet") for name in engines)

    def fits(name):
        return time.monotonic() - started + lasted.get(name, 0) <= options.minutes * 60

    def run(name, number):
        command, output = engines[name]
        before = time.monotonic()
        row = {"engine": name, "round": number, **measured(command, output, log)}
        if row.pop("status") != 0:
            broken.add(name)
            row["equal"] = "failed"
        elif name.startswith("tracklet"):
            row |= {"equal": "", "read_s": step(output, "read"), "sha256": digest(output)}
            if name == "tracklet" and row["sha256"] not in known and has_peers:
                known[row["sha256"]] = compare.digests(output / "current")
        elif name.endswith(" read"):
            row["equal"] = ""
        else:
            if name not in equal:
                ours = next(iter(known.values()))
                differing = compare.differing(ours, compare.digests(output))
                equal[name] = "no: " + ", ".join(differing) if differing else "yes"
            row["equal"] = equal[name]
        lasted[name] = time.monotonic() - before
        print(row, flush=True)
        results.append(row)
        # The floor is that of our tables.
        if name != "tracklet" or not options.floor:
            shutil.rmtree(output, ignore_errors=True)

    for number in range(1, options.runs + 1):
        for name in engines:
            if name == "tracklet" or name in broken or not fits(name):
                continue
            # A single round is one run of each.
            if options.runs > 1 or not results:
                run("tracklet", number)
            if "tracklet" in broken:
                sys.exit(f"tracklet failed, see {log}")
            run(name, number)
        if len(engines) == 1 and fits("tracklet"):
            run("tracklet", number)


def floors(options, source, tables):
    """What decoding the input and encoding every distinct column of the output once costs, as often as there are rounds."""
    command = [os.environ["TRACKLET_FLOOR"], "--input", str(source), "--tables", str(tables / "current")]
    command += ["--threads", str(options.threads)]
    said = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(options.runs)]
    return [json.loads(line) for line in said]


def machine():
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    memory = Path("/proc/meminfo").read_text().split()[1]
    return {
        "cores": os.cpu_count(),
        "processor": fields.get("model name", platform.machine()),
        "memory_gb": round(int(memory) / 1e6),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
    }


def versions():
    said = subprocess.run([os.environ["TRACKLET_BIN"], "--version"], check=True, capture_output=True, text=True)
    # The checkout may have moved on since the program was built: then the variable says from what.
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    commit = os.environ.get("TRACKLET_COMMIT") or head.stdout.strip()
    found = {"tracklet": f"{said.stdout.split()[-1]} ({commit})", "python": platform.python_version()}
    return found | {package: version(package) for package in PACKAGES}


def medians(results):
    """Per engine, in the order of the medians' wall time."""
    summary = []
    for name in dict.fromkeys(row["engine"] for row in results):
        rows = [row for row in results if row["engine"] == name]
        middle = {field: statistics.median(row[field] for row in rows) for field in FIELDS[2:7]}
        summary.append({"engine": name, "runs": len(rows), "equal": rows[-1]["equal"], **middle})
    return sorted(summary, key=lambda row: (row["equal"].startswith(("no", "failed")), row["wall_s"]))


def written(options, folder, results, floors):
    folder.mkdir(parents=True, exist_ok=True)
    label = f"{options.tracks}-{options.shape}" + ("-raw" if options.raw else "")
    label += f"-{options.memory_limit}" if options.memory_limit else ""
    with open(folder / f"{label}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(results)
    about = {"machine": machine(), "versions": versions(), "command": " ".join(["bench/run.sh", *sys.argv[1:]])}
    about["command"] = about["command"].replace(f"--cache {options.cache} ", "").replace(f"--cache {options.cache}", "").strip()
    (folder / f"{label}.json").write_text(json.dumps(about, indent=2) + "\n")
    summary = medians(results)
    own = next(row for row in summary if row["engine"] == "tracklet")
    lines = [
        f"# {options.tracks} tracks, {options.shape} data set" + (", raw json.gz" if options.raw else ""),
        "",
        f"`{about['command']}` on {about['machine']['cores']} cores, {about['machine']['memory_gb']} GB. Medians of whole"
        " processes; a peer's tables were compared with ours row for row before its time counts.",
        "",
        "| engine | runs | wall s | times ours | CPU s | peak GB | written MB | tables equal |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in summary:
        cpu = row["user_s"] + row["system_s"]
        times = "-" if row["equal"] == "failed" else f"{row['wall_s'] / own['wall_s']:.1f}"
        lines.append(
            f"| {PEERS.get(row['engine'], row['engine'])} | {row['runs']} | {row['wall_s']:.2f} | {times} | {cpu:.1f} |"
            f" {row['peak_rss_bytes'] / 1e9:.2f} | {row['bytes_written'] / 1e6:.0f} | {row['equal'] or '-'} |"
        )
    rows = [row for row in results if row["engine"] == "tracklet"]
    digests = sorted({row["sha256"] for row in rows})
    lines += [
        "",
        f"Our step of reading took {statistics.median(row['read_s'] for row in rows):.2f} s. SHA-256 over all our files but the"
        f" manifest, {'the same in every run' if len(digests) == 1 else 'NOT the same in every run'}: `{'`, `'.join(digests)}`.",
    ]
    if floors:
        (folder / f"{label}-floor.json").write_text(json.dumps(floors, indent=2) + "\n")
        floor, decode, encode = (statistics.median(f[k] for f in floors) for k in ("floor_s", "decode_s", "encode_s"))
        lines += [
            "",
            f"The floor, which decodes the input ({decode:.2f} s), encodes every distinct column of the output once"
            f" ({encode:.2f} s) and does nothing else: {floor:.2f} s; ours takes {own['wall_s'] / floor:.2f} times that.",
        ]
    lines += ["", "Versions: " + ", ".join(f"{name} {text}" for name, text in about["versions"].items()) + "."]
    (folder / f"{label}.md").write_text("\n".join(lines) + "\n")
    good = [row for row in summary if row["engine"].startswith("tracklet") or row["equal"] == "yes"]
    bars = [(PEERS.get(row["engine"], row["engine"]), row["wall_s"], row["peak_rss_bytes"] / 1e9) for row in good]
    (folder / f"{label}.svg").write_text(chart.svg(f"{options.tracks} tracks to eight tables", bars))
    print("\n".join(lines))


def main():
    options = arguments()
    data = options.data or options.cache
    if options.on_disk:
        os.environ["DUCKDB_ON_DISK"] = "1"
    data.mkdir(parents=True, exist_ok=True)
    folder = options.out or HERE / "runs" / f"{datetime.date.today()}-{options.machine}"
    source = generated(options, options.shape, data)
    results = []
    log = data / "log.txt"
    log.unlink(missing_ok=True)
    found = engines(options, source, data)
    measured_floors = []
    try:
        rounds(options, found, results, log)
        if options.floor:
            measured_floors = floors(options, source, found["tracklet"][1])
    finally:
        for _, output in found.values():
            shutil.rmtree(output, ignore_errors=True)
    written(options, folder, results, measured_floors)
    return 1 if any(row["equal"].startswith(("no", "failed")) for row in results) else 0


if __name__ == "__main__":
    sys.exit(main())
