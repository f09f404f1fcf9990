"""Runs on Delta tables of Sail, where each statement takes effect by itself: the program killed before statements, and
while the server is at work on them; two runs at once; tables that are not Delta. The next run must make what the definition
makes of all rows; and take all rows, and say why, exactly where a run may have left tables of two runs.

    TRACKLET_BIN=target/debug/tracklet python tests/warehouses crashes.delta_cuts [--seed N]
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from conformance.growing_sail import InSail
from conformance.increment_conformance import Variant, accounting
from lib import definition, histories, program
from lib.histories import SEED
from stand_ins import sail_server
from stand_ins.spark_relay import Relay

HISTORIES = 40
# More than there are runs.
BATCHES = 160
# Of the statements before the tables change, which are cut.
EARLY = range(1, 60, 3)
# Seconds until something is taken to hang.
PATIENCE = 60
CUT_OFF = "the last run was cut off while it changed the tables"


class Watching(Relay):
    """Kills the program at one of the statements that it sends, or holds it there."""

    def __init__(self, server):
        super().__init__(server)
        self.watch()

    def watch(self, at=None, noted=None, during=False, held=None):
        """`at` counts statements from the first of a run, `noted` from the one that notes that the tables will change. There the
        program is killed: before the server gets the statement, or, `during`, when it has got it. With `held`, an event, the
        statement waits for that instead."""
        self.at, self.noted, self.during, self.held = at, noted, during, held
        self.count, self.since_noted, self.cut = 0, None, None
        self.process = None
        self.reached, self.ended = threading.Event(), threading.Event()

    def is_here(self, text):
        with self.lock:
            self.count += 1
            if "tracklet_runs" in text and text.startswith("insert into"):
                self.since_noted = -1
            if self.since_noted is not None:
                self.since_noted += 1
            is_here = self.cut is None and (self.count == self.at or (self.since_noted is not None and self.since_noted == self.noted))
            if is_here:
                self.cut = text
            return is_here

    def passing(self, text, answers):
        if not self.is_here(text):
            return answers()
        self.reached.set()
        if self.held:
            self.held.wait(PATIENCE)
            return answers()
        sent = answers() if self.during else ()
        self.process.kill()
        # To its end, whoever waits for it.
        rest = iter(list(sent))
        self.ended.set()
        return rest


class Lane:
    def __init__(self, sail, relay, folder, seed):
        self.relay, self.seed = relay, seed
        self.growing = InSail(sail, folder)
        self.growing.port = relay.port
        self.wrong = []

    def start(self, variant):
        """Begins again, with a first run."""
        cuts = [histories.cut(number, f"{self.seed}/{variant.name}", BATCHES) for number in range(HISTORIES)]
        self.batches = [self.growing.loadable([row for batch in some for row in batch]) for some in zip(*cuts, strict=True)]
        self.number, self.rows = 0, []
        self.growing.start(variant)
        self.load()
        self.settle("the first run", "full")

    def load(self):
        """One more batch that is not empty."""
        batch = []
        while not batch:
            batch = self.batches[self.number]
            self.growing.append(batch, self.number)
            self.rows += batch
            self.number += 1

    def begin(self, *arguments):
        """A run that does not wait."""
        self.relay.process = subprocess.Popen(
            [program.binary(), "run", "--target", self.growing.target, *arguments], cwd=self.growing.folder,
            stderr=subprocess.PIPE, text=True)
        return self.relay.process

    def settle(self, what, mode, reason=None):
        """A run to its end, compared with the definition."""
        self.relay.watch()
        self.growing.run("run")
        tables = definition.tables(self.rows, self.growing.variant.rules)
        found = self.growing.differences(tables)
        expected = accounting(tables) | {"mode": mode, "status": "published"} | ({"reason": reason} if reason else {})
        row = self.growing.latest_run(*expected)
        if row != expected:
            found.append(f"  the row of the run says {row}, expected {expected}")
        if found:
            self.wrong += [f"after {what}, the next run:", *found]

    def cut_at(self, what, arguments=(), **where):
        """Cuts a run off at a statement; gives that, and how far it is from the one that notes that the tables will change."""
        self.load()
        self.relay.watch(**where)
        self.begin(*arguments).communicate(timeout=PATIENCE)
        cut, since_noted = self.relay.cut, self.relay.since_noted
        if cut is None:
            self.wrong.append(f"{what} was never reached")
            return "", None
        if not self.relay.ended.wait(PATIENCE):
            self.wrong.append(f"{what} came to no end")
        # From the note to what takes it back.
        has_happened = where.get("during", False)
        is_open = since_noted is not None and since_noted >= (0 if has_happened else 1)
        is_open = is_open and not cut.startswith("drop") and not (has_happened and cut.startswith("update"))
        what = f"a cut at {what}: {' '.join(cut[:60].split())}"
        self.settle(what, *(("full", CUT_OFF) if is_open else ("incremental",)))
        return cut, since_noted

    def cut_everywhere(self, during, arguments=()):
        """Cuts runs at statements before the tables change, and at each from then on until the staging tables are dropped."""
        cuts = 0
        for at in EARLY if not arguments else ():
            _, since_noted = self.cut_at(f"statement {at}", arguments, at=at, during=during)
            cuts += 1
            if since_noted is not None:
                break
        for noted in range(100):
            cuts += 1
            cut, _ = self.cut_at(f"statement {noted} after the note", arguments, noted=noted, during=during)
            if not cut or cut.startswith("drop table if exists"):
                break
        title = f"{self.growing.variant.name}, {' '.join(arguments) or 'increments'}"
        print(f"{title}: killed {'during' if during else 'before'} {cuts} statements", flush=True)

    def two_at_once(self):
        """One run is held before it notes its row, or before its fifth change of a table, while another comes to its end."""
        for noted, mode, reason in ((0, "incremental", None), (5, "full", CUT_OFF)):
            self.load()
            held = threading.Event()
            self.relay.watch(noted=noted, held=held)
            first = self.begin()
            if not self.relay.reached.wait(PATIENCE):
                self.wrong.append("the first of two runs was never held")
            # It does not go through the relay, which still counts.
            self.growing.port = self.growing.sail.port
            self.growing.configure()
            self.growing.run("run")
            held.set()
            _, said = first.communicate(timeout=PATIENCE)
            self.growing.port = self.relay.port
            self.growing.configure()
            if first.returncode != 2 or "another run has published" not in said:
                self.wrong.append(f"the first of two runs, held at {noted}: {first.returncode}, {said}")
            self.load()
            self.settle(f"two runs at once, one held at {noted}", mode, reason)
        print("two runs at once", flush=True)

    def other_formats(self):
        """Tables that are there and not Delta."""
        schema, spark = self.growing.schema, self.growing.spark
        for table in ("tracklet_pairs", "tracklet_runs"):
            spark.sql(f"create table {schema}.kept using delta as select * from {schema}.{table}")
            spark.sql(f"drop table {schema}.{table}")
            with contextlib.suppress(Exception):
                # The client can't read the number of rows that Sail answers.
                spark.sql(f"create table {schema}.{table} using parquet as select * from {schema}.kept")
            spark.sql(f"drop table {schema}.kept")
            self.load()
            if table == "tracklet_runs":
                # It is made a Delta table, and its rows stay.
                self.settle("a table of runs in Parquet", "incremental")
            else:
                self.settle("a table in Parquet", "full", f"{table} is no table of the format delta")
            self.load()
            self.settle("a table in Parquet, the second", "incremental")
        print("tables of another format", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", default=SEED)
    options = parser.parse_args()
    with sail_server.sail() as sail, tempfile.TemporaryDirectory(prefix="tracklet-cuts-") as folder:
        relay = Watching(sail.port)
        lane = Lane(sail, relay, Path(folder), options.seed)
        lane.start(Variant("views", 1, 0, 0))
        lane.cut_everywhere(during=True)
        lane.cut_everywhere(during=False, arguments=("--full-refresh",))
        lane.two_at_once()
        lane.other_formats()
        lane.start(Variant("tables", 1, 0, 0, materialize="table", tables=2))
        lane.cut_everywhere(during=False)
        relay.close()
    print(*(lane.wrong or ["ok: cut anywhere, every next run was exact"]), sep="\n")
    sys.exit(1 if lane.wrong else 0)


if __name__ == "__main__":
    main()
