"""Runs the program on the stand-ins for BigQuery and Snowflake, as its users would, and compares every table row for
row: the corpus with its expected tables, a generated history and the example with the native engine. All that was sent
to BigQuery's then passes Google's analyzer.

    TRACKLET_BIN=target/release/tracklet clouds.sh conformance.cloud_conformance
        [--warehouse NAME] [--tracks N] [--seed N] [--whole]

Rows go in as files, by `tracklet load`. The warehouses are run side by side. Needs the packages of requirements.txt.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conformance.program_conformance import UNTYPED, native_tables, write_lines
from lib import calls, cases, corpus, definition, figures, histories, program
from lib.cases import ALL_ELSE
from lib.comparison import PHYSICAL, columns_of, differences
from lib.definition import Config
from lib.histories import SEED
from stand_ins import cloud_readers, cloud_servers
from statements import cloud_legality

# BigQuery takes letters, digits and underscores only.
SCHEMAS = {"bigquery": "Sessions_1", "snowflake": "MY SESSIONS"}
# fakesnow knows no format of TO_CHAR, by which a reject's times become text.
UNKNOWN = {"bigquery": (), "snowflake": ("timestamp", "received_at")}
# Of a file's rejects, what a typed table keeps otherwise.
OF_FILES = ("event", "timestamp", "received_at")
# In a warehouse a reject's source is the relation, and it has neither line nor raw text.
NOT_OF_WAREHOUSES = ("source_file", "row_number", "raw")


def configuration(reader, config, source, event_names="raw", **options):
    """A tracklet.toml. Names of events are those of the rows if not said otherwise."""
    return "\n".join([
        f"dedupe = {program.toml(config.dedupe)}",
        "[source]", f"event_names = {program.toml(event_names)}", f"tables = {program.toml([source])}",
        *program.settings_of_events(config),
        *program.source_columns(config),
        *program.identity(config),
        *program.sessions(config),
        "[counts]", *(f"{name} = {program.toml(events)}" for name, events in config.counts.items()),
        "[flow]", f"length = {config.flow_length}",
        "[targets.cloud]", *reader.target(), *(f"{name} = {program.toml(value)}" for name, value in options.items()),
    ]) + "\n"


def compare(reader, config, expected, kind, unknown):
    """Lines that say what differs. `expected` has the columns of each table in order."""
    kinds = reader.kinds()
    wrong = [f"  left behind: {name}" for name in kinds if name.lower().startswith("tracklet_aside")]
    for table, columns in columns_of(config).items():
        physical = table in PHYSICAL
        found = kinds.get(reader.own(table))
        if found != ("TABLE" if physical else kind):
            wrong.append(f"  {table}: is a {found}")
            continue
        left_out = (*NOT_OF_WAREHOUSES, *unknown) if table == "tracklet_rejects" else ()
        names = [name for name in columns if name not in left_out]
        types, rows = reader.query(f"select {', '.join(map(reader.column, names))} from {reader.relation(table)}")
        if types != [columns[name] for name in names]:
            wrong.append(f"  {table}: types {types}")
        places = [list(columns).index(name) for name in names]
        rows_of = [tuple(row[place] for place in places) for row in expected[table]]
        if table == "tracklet_rejects":
            # Files lose an empty text, or keep it, by their format.
            rows, rows_of = ([tuple(value or None for value in row) for row in some] for some in (rows, rows_of))
        wrong += differences(table, rows_of, rows)
    return wrong


def in_order(tables, config):
    """Rows of dicts as rows of values."""
    return {
        table: [tuple(row.get(name) for name in columns) for row in tables[table]]
        for table, columns in columns_of(config).items()}


class Lane:
    """One warehouse and a folder to run the program in."""

    def __init__(self, reader, folder):
        self.reader, self.folder = reader, folder
        self.sources = 0
        self.failed = False

    def check(self, name, config, paths, expected, kind="VIEW", unknown=(), tests=True, **options):
        """Loads files into a table of their own, builds, compares. `expected` gives the tables when the program may run;
        `unknown` are columns of the rejects that are not compared."""
        started = time.monotonic()
        self.sources += 1
        source = f"raw_{self.sources}.tracks"
        (self.folder / "tracklet.toml").write_text(configuration(self.reader, config, source, **options), "utf-8")
        tables = expected()
        program.run(self.folder, "load", *paths, "--target", "cloud", code=None)
        # The data tests take as long as the tables: once for each kind of rows is enough.
        program.run(self.folder, "build" if tests else "run", "--target", "cloud")
        wrong = compare(self.reader, config, tables, kind, (*unknown, *UNKNOWN[self.reader.name]))
        rows = len(tables["dbt_mapped_tracks"])
        print(f"{'FAIL' if wrong else 'ok'}: {self.reader.name}, {name}: {rows} tracks, "
              f"{time.monotonic() - started:.1f} s", *wrong, sep="\n", flush=True)
        self.failed |= bool(wrong)

    def native(self, paths):
        """The tables of the native engine, without the rejects that no typed table can hold."""
        def tables():
            # A run over other files would add to what is there.
            shutil.rmtree(self.folder / "out", ignore_errors=True)
            program.run(self.folder, "run", *paths, "--out", "out", code=None)
            found = native_tables(self.folder, Config())
            reason = list(columns_of(Config())["tracklet_rejects"]).index("reason")
            found["tracklet_rejects"] = [row for row in found["tracklet_rejects"] if row[reason] not in UNTYPED]
            return found

        return tables

    def example(self):
        """The example, and what people see of it."""
        files = [str(program.REPOSITORY / "examples" / "shop" / "rudder-logs")]
        self.check("the example", Config(), files, self.native(files), unknown=OF_FILES, event_names="rudderstack")
        if self.reader.name == "bigquery":
            started = time.monotonic()
            wrong = figures.check(self.folder, "cloud", figures.subjects(self.folder, 2))
            print(f"{'FAIL' if wrong else 'ok'}: {self.reader.name}, what people see of the example: "
                  f"{time.monotonic() - started:.1f} s", *wrong, sep="\n", flush=True)
            self.failed |= bool(wrong)

    def all(self, tracks, seed, whole):
        # Each but the first finds the tables of another in their place.
        for case in corpus.cases():
            if len(case.folders) == 1 and not whole:
                continue
            rows = [row for row in case.rows(seed, 0) if loadable(row)]
            path = self.folder / "rows.jsonl"
            write_lines(path, rows)
            expected = in_order(case.expected(rows), case.rules)
            self.check(case.name, case.rules, [path.name], lambda tables=expected: tables,
                       tests=len(case.folders) > 1)
        path = self.folder / "else.jsonl"
        rows = [row for row in histories.packed(f"{seed}/else", tracks // 10) if loadable(row)]
        write_lines(path, rows)
        expected = in_order(definition.tables(rows, ALL_ELSE), ALL_ELSE)
        self.check("other settings", ALL_ELSE, [path.name], lambda: expected, unknown=OF_FILES, tests=False)
        path = self.folder / "events.jsonl"
        rules = cases.Events.rules
        rows = calls.of_types(histories.packed(f"{seed}/events", tracks // 20), rules, f"{seed}/events")
        rows = [row for row in rows if loadable(row)]
        write_lines(path, rows)
        expected_events = in_order(definition.tables(rows, rules), rules)
        self.check("events", rules, [path.name], lambda: expected_events, unknown=OF_FILES)
        path = self.folder / "history.jsonl"
        write_lines(path, [row for row in histories.packed(f"{seed}/clouds", tracks) if loadable(row)])
        self.check("a generated history", Config(), [path.name], self.native([path.name]), unknown=OF_FILES, tests=False)
        path = self.folder / "small.jsonl"
        write_lines(path, [row for row in histories.packed(f"{seed}/replaced", tracks // 10) if loadable(row)])
        self.check("a generated history, replaced tables", Config(), [path.name], self.native([path.name]), "TABLE",
                   OF_FILES, tests=False, publish="replace", materialize="table")
        self.example()


def loadable(row):
    """Whether a file's row gets into a typed table: its texts have no U+0000, its times are in the years 1 to 9999."""
    if any("\0" in value for value in row.values() if isinstance(value, str)):
        return False
    times = (row["timestamp"], row["received_at"])
    return all(time is None or (isinstance(time, int) and abs(time) < 250_000_000_000_000_000) for time in times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", choices=["bigquery", "snowflake"], action="append")
    parser.add_argument("--tracks", type=int, default=20_000)
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--whole", action="store_true", help="the cases of the corpus with a configuration of their own, too")
    parser.add_argument("--example", action="store_true", help="the example alone")
    options = parser.parse_args()
    os.environ["TRACKLET_TEST_PASSWORD"] = "none"
    names = options.warehouse or cloud_servers.available()
    with ThreadPoolExecutor() as threads:
        failed = list(threads.map(lambda name: conform(name, options), names))
    sys.exit(1 if any(failed) else 0)


@contextlib.contextmanager
def stand_in(name):
    """A reader of the stand-in for this warehouse, which is started, and an empty folder; both end with the block."""
    server, reader = {
        "bigquery": (cloud_servers.BigQuery, cloud_readers.BigQuery),
        "snowflake": (cloud_servers.Snowflake, cloud_readers.Snowflake)}[name]
    with tempfile.TemporaryDirectory(prefix="tracklet-clouds-", ignore_cleanup_errors=True) as folder, server() as running:
        yield reader(running, SCHEMAS[name]), Path(folder)


def conform(name, options):
    """Whether anything differs on this warehouse."""
    with stand_in(name) as (reader, folder):
        lane = Lane(reader, folder)
        if options.example:
            lane.example()
        else:
            lane.all(options.tracks, options.seed, options.whole)
        if name == "bigquery":
            lane.failed |= bool(cloud_legality.differences(lane.reader, lane.sources))
        return lane.failed


if __name__ == "__main__":
    main()
