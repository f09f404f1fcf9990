"""Runs the binary and compares its Parquet files, read by DuckDB, with the independent oracle: the example and the corpus.

usage: TRACKLET_BIN=path/to/tracklet check.py
"""

import collections
import datetime
import decimal
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import duckdb

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ["TRACKLET_BIN"]
TABLES = [
    "dbt_aliases_mapping", "dbt_mapped_tracks", "dbt_session_tracks", "dbt_track_facts", "dbt_session_track_facts",
    "dbt_user_session_facts", "dbt_session_duration", "dbt_tracks_flow", "tracklet_duplicates", "tracklet_rejects",
]
# Where the configuration asks for events.
OF_EVENTS = ["tracklet_events", "tracklet_sessions"]


def shown(value):
    if isinstance(value, decimal.Decimal):
        return f"{value:.6f}"
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value


# What no table has: rows that are evidence, as the state has them.
EVIDENCE = "evidence"


def found(out, table, source):
    folder = f"state/{table}" if table == EVIDENCE else table
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    cursor = connection.execute(f"select * from read_parquet('{out}/current/{folder}/*.parquet')")
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, map(shown, row))) for row in cursor.fetchall()]
    for row in rows:
        if "source_file" in row:
            row["source_file"] = str(pathlib.Path(row["source_file"]).resolve().relative_to(source.resolve()))
    return rows


def expected(folder, table):
    return [json.loads(line) for line in (folder / f"{table}.jsonl").read_text("utf-8").splitlines()]


def compare(name, source, wanted, config):
    """Runs the binary over `source`; answers what differs from the tables in `wanted`."""
    with tempfile.TemporaryDirectory() as out:
        options = ["--config", str(config)] if config else []
        command = [BINARY, "-q", "run", str(source), "--out", out, *options]
        # 1: some lines are damaged, on purpose.
        status = subprocess.run(command, cwd=ROOT, timeout=120).returncode
        if status not in (0, 1):
            return [f"{name}: exit code {status}"]
        differences = []
        for table in [*TABLES, *(table for table in [*OF_EVENTS, EVIDENCE] if (wanted / f"{table}.jsonl").exists())]:
            bag = lambda rows: collections.Counter(json.dumps(row) for row in rows)
            ours, theirs = bag(found(out, table, source)), bag(expected(wanted, table))
            if ours != theirs:
                differences.append(f"{name}: {table}\n  only ours: {list((ours - theirs))[:3]}\n  missing: {list((theirs - ours))[:3]}")
        rows = json.loads(pathlib.Path(out, "current", "manifest.json").read_text())["rows"]
        if rows != json.loads((wanted / "rows.json").read_text()):
            differences.append(f"{name}: rows {rows}")
        return differences


def main():
    differences, compared = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        example = ROOT / "examples/shop/rudder-logs"
        oracle = [sys.executable, ROOT / "tests/oracle/oracle.py", example, "--out", f"{scratch}/shop"]
        subprocess.run(oracle, check=True, timeout=600)
        differences += compare("shop", example, pathlib.Path(scratch, "shop"), None)
        compared += 1
        import tomllib
        for case in sorted((ROOT / "corpus").iterdir()):
            if not (case / "case.toml").exists():
                continue
            text = (case / "case.toml").read_text("utf-8")
            config = None
            if "config" in tomllib.loads(text):
                config = pathlib.Path(scratch, f"{case.name}.toml")
                # The case's configuration stands under [config]; as a file of its own it is the top.
                lines = text[text.index("[config"):].splitlines()
                lines = [line.replace("[config.", "[") for line in lines if line.strip() != "[config]"]
                config.write_text("\n".join(lines), "utf-8")
            differences += compare(case.name, case / "input", case / "expected", config)
            compared += 1
    for difference in differences:
        print(difference)
    print(f"{compared} runs compared, {len(differences)} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
