"""Kills the program, and the server, at random moments of `tracklet run --target` on the stand-ins for BigQuery and
Snowflake: the tables must be the old ones or the new ones and never a mix, and the next run must work.

    TRACKLET_BIN=target/release/tracklet clouds.sh cloud_crashes.py [--warehouse NAME] [--rounds N] [--seed N]

Each run finds more rows than the one before, under one configuration: after a change of the configuration views are made
anew one by one, and a kill there may leave one away until the next run.

fakesnow keeps the transaction of a client that is gone for ever, where Snowflake takes it back: there the server is
started anew after the program was killed.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import cloud_readers
import cloud_servers
import histories
import program
from cloud_conformance import SCHEMAS, configuration, loadable
from comparison import columns_of
from definition import Config
from program_conformance import write_lines

CONFIG = Config()
# Rows that each run finds more.
MORE = 2_000


def load(folder, number):
    """Puts further histories into the source."""
    rows = histories.packed(f"crashes/{number}", MORE)
    write_lines(folder / "rows.jsonl", [row for row in rows if loadable(row)])
    program.run(folder, "load", "rows.jsonl", "--target", "cloud", code=None)


def state(reader):
    """Every row of every table."""
    tables = []
    for table, columns in columns_of(CONFIG).items():
        names = ", ".join(map(reader.column, columns))
        _, rows = reader.query(f"select {names} from {reader.relation(table)}")
        tables.append((table, sorted(map(repr, rows))))
    return tables


def settle(reader):
    """Waits until what BigQuery still runs for a client that is gone is done."""
    if reader.name != "bigquery":
        return
    url = f"{reader.server.endpoint}/bigquery/v2/projects/local/jobs?stateFilter=running&maxResults=10"
    while True:
        with urllib.request.urlopen(url) as answer:
            if not json.load(answer).get("jobs"):
                return
        time.sleep(0.2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", choices=["bigquery", "snowflake"], action="append")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    os.environ["TRACKLET_TEST_PASSWORD"] = "none"
    failed = False
    for name in options.warehouse or cloud_servers.available():
        server, reader = {
            "bigquery": (cloud_servers.BigQuery, cloud_readers.BigQuery),
            "snowflake": (cloud_servers.Snowflake, cloud_readers.Snowflake)}[name]
        folder = Path(tempfile.mkdtemp(prefix="tracklet-clouds-"))
        try:
            with server() as running:
                failed |= crash(reader(running, SCHEMAS[name]), folder, options)
        finally:
            shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


def crash(reader, folder, options):
    """Whether anything was a mix."""
    draw = random.Random(options.seed)
    (folder / "tracklet.toml").write_text(configuration(reader, CONFIG, "raw_1.tracks"), "utf-8")
    load(folder, "first")
    program.run(folder, "run", "--target", "cloud")
    started = time.monotonic()
    program.run(folder, "run", "--target", "cloud")
    seconds = time.monotonic() - started
    failed, old = False, state(reader)
    for number in range(options.rounds):
        load(folder, number)
        victim = "the server" if number % 2 else "the program"
        # The tables are shown in the last part of a run: most of the kills go there.
        moment = seconds * draw.uniform(0.1, 1.0) ** 0.5
        running = subprocess.Popen(
            [program.binary(), "run", "--target", "cloud"], cwd=folder, stderr=subprocess.DEVNULL)
        time.sleep(moment)
        if victim == "the program":
            running.kill()
        else:
            reader.server.kill()
        running.wait()
        if victim == "the server" or reader.name == "snowflake":
            reader.server.kill()
            reader.server.start()
            reader.token = None
        settle(reader)
        found = state(reader)
        program.run(folder, "run", "--target", "cloud")
        new = state(reader)
        works = new != old
        outcome = "the old tables" if found == old else "the new tables" if found == new else None
        failed |= outcome is None or not works
        print(f"{'ok' if outcome and works else 'FAIL'}: {reader.name}, {victim} killed after {moment:.1f} of about "
              f"{seconds:.1f} s: {outcome or 'a mix'}, the next run {'works' if works else 'changes nothing'}", flush=True)
        old = new
    return failed


if __name__ == "__main__":
    main()
