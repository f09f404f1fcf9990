"""Events of every type and their columns: what they cost beside tracks alone, and beside other engines.

    python3 bench/events.py                                    the figures web, sessions and raw over 10 M events
    python3 bench/events.py --events 2m --rounds 1 --only web  one of them, smaller
    python3 bench/events.py --only limit --events 100m         the same bytes with a limit of memory

A figure is a few commands, run in turns and timed as whole processes; a peer counts only when its tables are equal to ours. The
data comes from the generator's seed, once per size. Results are written to bench/runs/<date>-events/: the raw figures (.csv),
versions and machine (.json), medians beside the targets (.md). `events.sh` installs and builds what this needs.
"""

import argparse
import csv
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import compare
import harness
from wide_columns import COLUMNS, EVENTS, EVIDENCE

FIELDS = ("figure", "command", "round", "wall_s", "user_s", "system_s", "peak_rss_bytes", "bytes_written", "files", "equal", "sha256")
WIDE = list(compare.WIDE_TABLES)
ALL_CALLS = ("--calls", "all", "--page-views", "0.6")
# Name of a data set to the generator's options; each has as many events as the others.
DATA = {
    "tracks": (),
    "web": ALL_CALLS,
    "web raw": (*ALL_CALLS, "--format", "rudder-logs", "--hours-per-file"),
}
FIFTEEN = {name: [of_pages, of_context] if of_pages else [of_context] for name, (of_context, of_pages) in COLUMNS.items()}
RAW_FIFTEEN = {
    name: [f"properties_{of_pages}", of_context] if of_pages else [of_context] for name, (of_context, of_pages) in COLUMNS.items()
}


def configuration(columns=None, types=True, tables=None):
    """The text of a `tracklet.toml`; `columns` is what `[columns]` has."""
    lines = []
    if types:
        lines += ["[source]", f"types = {json.dumps([call for call, _ in EVENTS.values()])}"]
        lines += ["[identity]", f"evidence = {json.dumps([call for call, _ in EVIDENCE.values()])}"]
    if columns:
        lines += ["[columns]", *(f"{name} = {json.dumps(sources)}" for name, sources in columns.items())]
    if tables:
        lines += ["[output]", f"tables = {json.dumps(tables)}"]
    return "\n".join(lines) + "\n"


class Command:
    """What is timed: a run of ours with a configuration, or a peer's script over the same data set."""

    def __init__(self, data, toml=None, arguments=(), peer=None):
        self.data, self.toml, self.arguments, self.peer = data, toml, arguments, peer

    def line(self, options, source, output):
        if self.peer:
            return [sys.executable, self.peer, str(source), str(output), str(options.threads)]
        line = [os.environ["TRACKLET_BIN"], "--quiet", "run", str(source), "--out", str(output), "--threads", str(options.threads)]
        if self.toml:
            path = output.with_suffix(".toml")
            path.write_text(self.toml)
            line += ["--config", str(path)]
        return [*line, *self.arguments]


DEFAULT = "tracks, default configuration"
FIGURES = {
    "web": {
        DEFAULT: Command("tracks"),
        "web, 15 columns, all tables": Command("web", configuration(FIFTEEN)),
        "web, the preset's 25 columns, all tables": Command("web", configuration({"preset": "web"})),
        "web, 15 columns, two tables": Command("web", configuration(FIFTEEN, tables=WIDE)),
        "DuckDB, two tables": Command("web", peer="duckdb_wide.py"),
        "Polars, two tables": Command("web", peer="polars_wide.py"),
    },
    "sessions": {
        DEFAULT: Command("tracks"),
        "tracks, tracklet_sessions alone": Command("tracks", configuration(types=False, tables=["tracklet_sessions"])),
    },
    "raw": {
        "raw, no columns": Command("web raw", configuration()),
        "raw, 15 columns": Command("web raw", configuration(RAW_FIFTEEN)),
    },
    "limit": {
        "web, 15 columns, all tables": Command("web", configuration(FIFTEEN)),
        "web, 15 columns, all tables, 4 GB": Command("web", configuration(FIFTEEN), ("--memory-limit", "4GB")),
    },
}
# What a figure is, and the most that it may be.
TARGETS = {
    "web": [
        ("web, 15 columns, all tables / " + DEFAULT, 2.2),
        ("web, the preset's 25 columns, all tables / " + DEFAULT, None),
        ("web, 15 columns, two tables / DuckDB, two tables", 1 / 3.5),
        ("web, 15 columns, two tables / Polars, two tables", 1 / 3.5),
    ],
    "sessions": [("tracks, tracklet_sessions alone / " + DEFAULT, 0.6)],
    "raw": [("raw, 15 columns / raw, no columns", 1.35)],
    "limit": [("web, 15 columns, all tables, 4 GB / web, 15 columns, all tables", None)],
}
# The most memory that a command may take, in GB.
PEAKS = {"web, 15 columns, all tables": ("web", 3), "web, 15 columns, all tables, 4 GB": ("limit", 4)}


def generated(options, name):
    """The folder of the data set, generated unless it is there."""
    folder = options.data / f"events-{options.events}-{name.replace(' ', '-')}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        command = [os.environ["TRACKLET_GENERATOR"], "--tracks", str(options.events), "--out", str(folder / "in"), *DATA[name]]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (folder / "done").touch()
    return folder / "in"


def measured(options, figure, results):
    """Every command of the figure in turns. A peer's tables are compared with ours the first time that it has run."""
    ours, equal, failed = None, {}, set()
    output = options.data / "out-events"
    for number in range(1, options.rounds + 1):
        for name, command in FIGURES[figure].items():
            if name in failed or (command.peer and not options.peers):
                continue
            source = generated(options, command.data)
            line = command.line(options, source, output)
            row = {"figure": figure, "command": name, "round": number, "equal": "", "sha256": ""}
            row |= harness.measured(line, output, options.data / "log.txt")
            status = row.pop("status")
            if status != 0 and not command.peer:
                sys.exit(f"{name} ended with {status}, see {options.data / 'log.txt'}")
            if status != 0:
                failed.add(name)
                row["equal"] = "failed"
            elif not command.peer:
                row["sha256"] = harness.digest(output)
                if "two tables" in name and ours is None:
                    ours = compare.digests(output / "current", compare.WIDE_TABLES)
            else:
                if name not in equal:
                    differing = compare.differing(ours, compare.digests(output, compare.WIDE_TABLES), compare.WIDE_TABLES)
                    equal[name] = "no: " + ", ".join(differing) if differing else "yes"
                row["equal"] = equal[name]
            print(row, flush=True)
            results.append(row)
            shutil.rmtree(output, ignore_errors=True)
    if options.drop_data:
        for name in {command.data for command in FIGURES[figure].values()}:
            shutil.rmtree(options.data / f"events-{options.events}-{name.replace(' ', '-')}", ignore_errors=True)


def medians(results, figure):
    """Command to its median figures."""
    found = {}
    for name in FIGURES[figure]:
        rows = [row for row in results if (row["figure"], row["command"]) == (figure, name)]
        if rows:
            found[name] = {field: statistics.median(row[field] for row in rows) for field in FIELDS[3:8]}
            found[name] |= {"runs": len(rows), "equal": rows[-1]["equal"], "sha256": sorted({row["sha256"] for row in rows})}
    return found


def table(results, figure):
    """A figure as Markdown."""
    found = medians(results, figure)
    lines = [f"## {figure}", "", "| | runs | wall s | CPU s | peak GB | written MB | tables equal |", "|---|---|---|---|---|---|---|"]
    for name, row in found.items():
        cpu = row["user_s"] + row["system_s"]
        lines.append(
            f"| {name} | {row['runs']} | {row['wall_s']:.2f} | {cpu:.1f} | {row['peak_rss_bytes'] / 1e9:.2f} |"
            f" {row['bytes_written'] / 1e6:.0f} | {row['equal'] or '-'} |"
        )
    lines += ["", "| | | target |", "|---|---|---|"]
    for text, most in TARGETS[figure]:
        above, below = text.split(" / ")
        if above not in found or below not in found or found[below]["equal"] == "failed":
            continue
        ratio = found[above]["wall_s"] / found[below]["wall_s"]
        is_peer = FIGURES[figure][below].peer
        said = f"{1 / ratio:.2f} times faster" if is_peer else f"{ratio:.2f} times the time"
        target = "-" if most is None else f"at least {1 / most:.1f}" if is_peer else f"at most {most}"
        lines.append(f"| {above}, to {below} | {said} | {target} |")
    for name, (of, most) in PEAKS.items():
        if of == figure and name in found:
            lines.append(f"| {name}: peak of memory | {found[name]['peak_rss_bytes'] / 1e9:.2f} GB | under {most} GB |")
    differing = [name for name, row in found.items() if len(row["sha256"]) > 1]
    lines += ["", f"Files that differ between rounds: {', '.join(differing) or 'none'}."]
    if figure == "limit":
        digests = {digest for row in found.values() for digest in row["sha256"]}
        lines.append(f"With and without the limit all files are {'the same' if len(digests) == 1 else 'NOT the same'}, byte for byte.")
    return [*lines, ""]


def written(options, figures, results):
    folder = options.out
    folder.mkdir(parents=True, exist_ok=True)
    label = f"{options.label}-{options.only.replace(',', '-')}"
    with open(folder / f"{label}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(results)
    about = {"machine": harness.machine(), "versions": harness.versions()}
    (folder / f"{label}.json").write_text(json.dumps(about, indent=2) + "\n")
    machine = about["machine"]
    lines = [
        f"# {options.label} events", "",
        f"`bench/events.py --events {options.label} --rounds {options.rounds} --only {options.only}` on {machine['cores']} cores,"
        f" {machine['memory_gb']} GB. Medians of whole processes, in turns; a peer's tables were compared with ours row for row.", "",
    ]
    for figure in figures:
        lines += table(results, figure)
    lines.append("Versions: " + ", ".join(f"{name} {text}" for name, text in about["versions"].items()) + ".")
    (folder / f"{label}.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", dest="label", default="10m", help="1m, 10m, 100m or a number [10m]")
    parser.add_argument("--rounds", type=int, default=3, help="[3]")
    parser.add_argument("--only", default="web,sessions,raw", help=f"which of {', '.join(FIGURES)} [web,sessions,raw]")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="ours alone")
    parser.add_argument("--drop-data", action="store_true", help="remove a figure's data once it is measured")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--data", type=Path, default=Path.home() / ".cache/tracklet/bench", help="where data and outputs go [the cache]")
    parser.add_argument("--out", type=Path, default=harness.HERE / "runs" / f"{datetime.date.today()}-events", help="the folder of the results")
    options = parser.parse_args()
    options.events = harness.number(options.label)
    options.data.mkdir(parents=True, exist_ok=True)
    (options.data / "log.txt").unlink(missing_ok=True)
    figures, results = options.only.split(","), []
    for figure in figures:
        measured(options, figure, results)
        # After each of them: a run that is stopped keeps what it has.
        written(options, figures[: figures.index(figure) + 1], results)
    return 1 if any(row["equal"].startswith(("no", "failed")) for row in results) else 0


if __name__ == "__main__":
    sys.exit(main())
