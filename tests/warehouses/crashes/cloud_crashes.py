"""Kills the program, and the server, at random moments of `tracklet run --target` on the stand-ins for BigQuery and
Snowflake: the tables must be the old ones or the new ones and never a mix, and the next run must work.

    TRACKLET_BIN=target/release/tracklet clouds.sh crashes.cloud_crashes [--warehouse NAME] [--rounds N] [--seed N]

Each run finds more rows than the one before, under another configuration, which gives tables other columns: they and the
views are made again before the rows change. Also: two first runs at once, of which at most one may put its rows in.

fakesnow keeps the transaction of a client that is gone for ever, where Snowflake takes it back: there the server is
started again after the program was killed.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import time
import urllib.request

from conformance.cloud_conformance import configuration, loadable, stand_in
from conformance.program_conformance import write_lines
from lib import histories, program
from lib.comparison import columns_of
from lib.definition import MINUTE, Config
from lib.histories import SEED
from stand_ins import cloud_servers

# Other sessions, and other columns.
CONFIGS = [Config(), Config(timeout=5 * MINUTE, flow_length=3, counts={"cnt_viewed_product": ["viewed_product"], "cnt_it": ["it's"]})]
# Rows that each run finds more.
MORE = 1_000
# Seconds until something is taken to hang.
PATIENCE = 120
# Seconds that the program gets when its server is gone, which it would otherwise look for a minute or so.
FAREWELL = 3


def load(folder, number):
    """Puts further histories into the source."""
    rows = histories.packed(f"crashes/{number}", MORE)
    write_lines(folder / "rows.jsonl", [row for row in rows if loadable(row)])
    program.run(folder, "load", "rows.jsonl", "--target", "cloud", code=None)


def configure(reader, folder, number):
    text = configuration(reader, CONFIGS[number % len(CONFIGS)], "raw_1.tracks")
    (folder / "tracklet.toml").write_text(text, "utf-8")


def state(reader):
    """Every row of every table, by the columns that it always has."""
    tables = []
    others = columns_of(CONFIGS[1])
    for table, columns in columns_of(CONFIGS[0]).items():
        names = ", ".join(reader.column(column) for column in columns if column in others[table])
        _, rows = reader.query(f"select {names} from {reader.relation(table)}")
        tables.append((table, sorted(map(repr, rows))))
    return tables


def steady_state(reader, lost):
    """The same once nothing changes any more. The tables are read one by one, and a request that the program sent before it
    was killed may be taken up only after a first look at what runs: two looks that agree are one."""
    deadline = time.monotonic() + PATIENCE
    found = None
    while True:
        settle(reader, lost)
        before, found = found, state(reader)
        if found == before:
            return found
        if time.monotonic() > deadline:
            raise SystemExit(f"{reader.name}'s tables don't come to rest")


def running_jobs(reader):
    """The ids of what BigQuery's stand-in says it runs."""
    if reader.name != "bigquery":
        return set()
    url = f"{reader.server.endpoint}/bigquery/v2/projects/local/jobs?stateFilter=running&maxResults=1000"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return {job["jobReference"]["jobId"] for job in json.load(answer).get("jobs", [])}


def settle(reader, lost=frozenset()):
    """Waits until what BigQuery still runs for a client that is gone is done. What the stand-in ran when it was killed is
    lost, but it calls it running for ever."""
    deadline = time.monotonic() + PATIENCE
    while running_jobs(reader) - lost:
        if time.monotonic() > deadline:
            raise SystemExit(f"{reader.name} does not come to an end")
        time.sleep(0.2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", choices=["bigquery", "snowflake"], action="append")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", default=SEED)
    options = parser.parse_args()
    os.environ["TRACKLET_TEST_PASSWORD"] = "none"
    failed = False
    for name in options.warehouse or cloud_servers.available():
        with stand_in(name) as (reader, folder):
            failed |= crash(reader, folder, options)
    sys.exit(1 if failed else 0)


def crash(reader, folder, options):
    """Whether anything was a mix."""
    draw = random.Random(options.seed)
    configure(reader, folder, 0)
    load(folder, "first")
    failed = both(reader, folder)
    configure(reader, folder, 1)
    started = time.monotonic()
    program.run(folder, "run", "--target", "cloud")
    seconds = time.monotonic() - started
    old, lost = state(reader), set()
    for number in range(options.rounds):
        load(folder, number)
        configure(reader, folder, number)
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
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(FAREWELL)
            running.kill()
        running.wait()
        if victim == "the server" or reader.name == "snowflake":
            reader.server.kill()
            reader.server.start()
            reader.token = None
            lost |= running_jobs(reader)
        found = steady_state(reader, lost)
        program.run(folder, "run", "--target", "cloud")
        new = state(reader)
        works = new != old
        left = [name for name in reader.kinds() if name.lower().startswith("tracklet_aside")]
        outcome = "the old tables" if found == old else "the new tables" if found == new else None
        failed |= outcome is None or not works or bool(left)
        print(f"{'ok' if outcome and works and not left else 'FAIL'}: {reader.name}, {victim} killed after {moment:.1f} of "
              f"about {seconds:.1f} s: {outcome or 'a mix'}, the next run {'works' if works else 'changes nothing'}",
              *(f"  left behind: {name}" for name in left), sep="\n", flush=True)
        old = new
    return failed


def both(reader, folder):
    """Whether two first runs at once made anything else than what one makes."""
    together = [
        subprocess.Popen([program.binary(), "run", "--target", "cloud"], cwd=folder, stderr=subprocess.PIPE, text=True)
        for _ in range(2)]
    said = [running.communicate()[1] for running in together]
    codes = sorted(running.returncode for running in together)
    settle(reader)
    found = state(reader) if 0 in codes else None
    _, rows = reader.query(
        f"select {reader.column('run_id')} from {reader.relation('tracklet_runs')} where sequence_number is not null")
    program.run(folder, "run", "--target", "cloud")
    wrong = [] if found in (None, state(reader)) else ["  the tables are not those of one run"]
    if len(rows) != codes.count(0):
        wrong.append(f"  {len(rows)} runs are noted, {codes.count(0)} said that they had published")
    if wrong:
        wrong += [text[-2000:] for text in said]
    print(f"{'FAIL' if wrong else 'ok'}: {reader.name}, two first runs at once end with {codes}", *wrong, sep="\n",
          flush=True)
    return bool(wrong)


if __name__ == "__main__":
    main()
