"""Runs the program on Spark, as its users would, by Spark Connect, with two executors that are processes of their own,
and compares every table row for row: the corpus with its expected tables, a generated history and the example with
the native engine. Rows go in as files, by `tracklet load`, and are read back by Spark's own client. A second run on Parquet
tables must say why it takes all rows. This server has no Delta tables: Spark's parser must take every statement of runs on
them, and an increment is made by hand, its statements as they are but that Parquet tables are rewritten where a Delta table
loses rows.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses conformance.spark_conformance [--tracks N] [--seed N] [--whole]
"""

import argparse
import contextlib
import re
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import SparkSession, functions

from conformance.growing_tables import FIRST_LOAD
from conformance.program_conformance import UNTYPED, native_tables, write_lines
from lib import calls, cases, corpus, definition, histories, program
from lib.cases import ALL_ELSE
from lib.comparison import INTEGER, NUMBER, PHYSICAL, TEXT, TIME, TRUTH, columns_of, differences
from lib.definition import Config
from lib.histories import SEED
from stand_ins import spark_server

# Spark takes letters, digits and underscores only; one that starts with a digit must be quoted.
SCHEMA = "1_sessions"
TYPES = {"string": TEXT, "bigint": INTEGER, "decimal(28,6)": NUMBER, "decimal(38,6)": NUMBER, "timestamp": TIME, "boolean": TRUTH}
# In a warehouse a reject's source is the relation, and it has neither line nor raw text.
NOT_OF_WAREHOUSES = ("source_file", "row_number", "raw")
MERGE = re.compile(
    r"merge into (\S+) as target\nusing \((.*)\n\) as gone\non (.*)\nwhen matched then delete", re.DOTALL)
# Of a file's rejects, what a typed table keeps otherwise.
OF_FILES = ("event", "timestamp", "received_at")


def configuration(
        remote, config, sources, event_names="raw", materialize="view", target="it", schema=SCHEMA, file_format="parquet"):
    """A tracklet.toml. Names of events are those of the rows if not said otherwise."""
    return "\n".join([
        f"dedupe = {program.toml(config.dedupe)}",
        "[source]", f"event_names = {program.toml(event_names)}", f"tables = {program.toml(sources)}",
        *program.settings_of_events(config),
        *program.source_columns(config),
        *program.identity(config),
        *program.sessions(config),
        "[counts]", *(f"{name} = {program.toml(events)}" for name, events in config.counts.items()),
        "[flow]", f"length = {config.flow_length}",
        f"[targets.{target}]", 'type = "spark"', f"remote = {program.toml(remote)}", f"schema = {program.toml(schema)}",
        f"materialize = {program.toml(materialize)}", f"format = {program.toml(file_format)}",
    ]) + "\n"


def loadable(row):
    """Whether a file's row gets into a typed table: its texts have no U+0000, its times are in the years 1 to 9999."""
    if any("\0" in value for value in row.values() if isinstance(value, str)):
        return False
    times = (row["timestamp"], row["received_at"])
    return all(time is None or (isinstance(time, int) and abs(time) < 250_000_000_000_000_000) for time in times)


def read(spark, schema, table, columns):
    """The types of the columns, and the rows; times as text."""
    frame = spark.table(f"`{schema}`.`{table}`").select(*(functions.col(f"`{column}`") for column in columns))
    types = [TYPES.get(kind, kind) for _, kind in frame.dtypes]
    # The client's own times are in the machine's zone and end in the year 9999: microseconds have neither trouble.
    moments = [
        functions.unix_micros(f"`{column}`").alias(column) if kind == TIME else functions.col(f"`{column}`")
        for column, kind in zip(columns, types, strict=True)]
    rows = frame.select(*moments).collect()
    start = datetime(1970, 1, 1, tzinfo=UTC)

    def value(kind, cell):
        if kind == NUMBER and cell is not None:
            return f"{cell:.6f}"
        if kind != TIME or cell is None:
            return cell
        return f"{start + timedelta(microseconds=cell):%Y-%m-%dT%H:%M:%S.%f}Z"

    return types, [tuple(map(value, types, row)) for row in rows]


def compare(spark, config, expected, kind, unknown, schema=SCHEMA):
    """Lines that say what differs. `expected` has the columns of each table in order."""
    found = {table.tableName: "TABLE" for table in spark.sql(f"show tables in `{schema}`").collect()}
    views = (view.asDict() for view in spark.sql(f"show views in `{schema}`").collect())
    found |= {view.get("viewName") or view["tableName"]: "VIEW" for view in views}
    wrong = [f"  left behind: {name}" for name in found if name.startswith("tracklet_aside")]
    for table, columns in columns_of(config).items():
        physical = table in PHYSICAL
        if found.get(table) != ("TABLE" if physical else kind):
            wrong.append(f"  {table}: is a {found.get(table)}")
            continue
        left_out = (*NOT_OF_WAREHOUSES, *unknown) if table == "tracklet_rejects" else ()
        names = [name for name in columns if name not in left_out]
        types, rows = read(spark, schema, table, names)
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


def load_typed(spark, table, case, rows):
    """Makes a table of tracks whose own columns have the types that the case says."""
    types = {"id": "string", "received_at": "timestamp", "anonymous_id": "string", "user_id": "string", "event": "string", "timestamp": "timestamp"}
    names = {"double precision": "double", "timestamp with time zone": "timestamp"}
    types |= {name: names.get(kind, kind) for name, (kind, _) in case.kinds.items()}

    def time(value):
        return None if value is None else f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)}"

    texts = [
        (row["event_id"], time(row["received_at"]), row["anonymous_id"], row["user_id"], row["event"], time(row["timestamp"]),
         *row["values"].values()) for row in rows]
    frame = spark.createDataFrame(texts, ", ".join(f"`{name}` string" for name in types))
    spark.sql(f"create schema if not exists {table.split('.')[0]}")
    frame.select(*(functions.col(f"`{name}`").cast(kind).alias(name) for name, kind in types.items())).write.saveAsTable(table)


class Lane:
    """A server, and a folder to run the program in."""

    def __init__(self, port, folder):
        self.port, self.folder = port, folder
        self.sources = 0
        self.failed = False

    def check(self, name, config, paths, expected, unknown=(), is_tested=False, load=None, **options):
        """Loads files into a table of their own, builds, compares. `expected` gives the tables when the program may
        run; `unknown` are columns of the rejects that are not compared. Without files `load` makes the table."""
        started = time.monotonic()
        self.sources += 1
        source = f"raw_{self.sources}.tracks"
        (self.folder / "tracklet.toml").write_text(configuration(f"sc://127.0.0.1:{self.port}", config, [source], **options), "utf-8")
        tables = expected()
        if paths:
            program.run(self.folder, "load", *paths, "--target", "it", code=None)
        else:
            spark = SparkSession.builder.remote(f"sc://127.0.0.1:{self.port}").create()
            load(spark, source)
            spark.stop()
        # Data tests are many small queries, seconds each here: twice are enough.
        command = "build" if is_tested else "run"
        program.run(self.folder, command, "--target", "it")
        kind = "TABLE" if options.get("materialize") == "table" else "VIEW"
        # A session keeps the files of tables that it has seen, whoever replaces them: a new one for each look.
        spark = SparkSession.builder.remote(f"sc://127.0.0.1:{self.port}").create()
        wrong = compare(spark, config, tables, kind, unknown)
        spark.stop()
        print(f"{'FAIL' if wrong else 'ok'}: spark, {name}: {len(tables['dbt_mapped_tracks'])} tracks, "
              f"{time.monotonic() - started:.1f} s", *wrong, sep="\n", flush=True)
        self.failed |= bool(wrong)

    def say(self, what, wrong):
        print(f"{'FAIL' if wrong else 'ok'}: spark, {what}", *wrong, sep="\n", flush=True)
        self.failed |= bool(wrong)

    def run_again(self):
        """A second run on Parquet tables."""
        program.run(self.folder, "run", "--target", "it")
        spark = SparkSession.builder.remote(f"sc://127.0.0.1:{self.port}").create()
        query = f"select status, mode, reason from `{SCHEMA}`.tracklet_runs order by sequence_number desc limit 1"
        found = tuple(spark.sql(query).collect()[0])
        spark.stop()
        expected = ("published", "full", "rows of Parquet tables can't be changed: format = \"delta\" keeps tables that can")
        self.say("a second run on Parquet tables", [f"  {found}"] if found != expected else [])

    def increment_by_hand(self, tracks, seed):
        """Half of a history by a run, the other half by the script of an increment."""
        started = time.monotonic()
        # The script looks at rows since 1970.
        rows = [row | {"received_at": FIRST_LOAD} for row in histories.packed(f"{seed}/increment", tracks) if loadable(row)]
        files = ["first.jsonl", "second.jsonl"]
        for place, file in enumerate(files):
            write_lines(self.folder / file, rows[place::2])
        text = configuration(
            f"sc://127.0.0.1:{self.port}", Config(), ["raw_increment.tracks"], materialize="table")
        # Without a connection nothing says that `load` writes when it loaded a row.
        text = text.replace("[source]\n", '[source]\nloaded_at = "loaded_at"\n')
        (self.folder / "tracklet.toml").write_text(text, "utf-8")
        expected = self.native(files)()
        for file in files:
            program.run(self.folder, "load", file, "--target", "it", code=None)
            if file == files[0]:
                program.run(self.folder, "run", "--target", "it")
        script = program.run(self.folder, "compile", "--target", "it", "--increment").stdout
        spark = SparkSession.builder.remote(f"sc://127.0.0.1:{self.port}").create()
        merges = 0
        for statement in filter(str.strip, script.split(";\n")):
            merge = MERGE.search(statement)
            if merge:
                merges += 1
                table, gone, matching = merge.groups()
                kept = f"`{SCHEMA}`.`kept`"
                spark.sql(f"create table {kept} using parquet as select target.* from {table} as target"
                          f" left anti join ({gone}) as gone on {matching}")
                spark.sql(f"drop table {table}")
                spark.sql(f"alter table {kept} rename to {table}")
            else:
                spark.sql(statement).collect()
        wrong = compare(spark, Config(), expected, "TABLE", OF_FILES)
        spark.stop()
        if merges != 14:
            wrong.append(f"  {merges} merges")
        self.say(f"an increment by hand: {len(rows)} rows, {time.monotonic() - started:.1f} s", wrong)

    def forget(self, rows):
        """A person forgotten, natively and here, where all tables are rebuilt: and absent after the next run."""
        users = sorted({row["user_id"] for row in rows if row["user_id"] and row["user_id"].isascii()}, key=len)
        named = [f"--visitor={users[len(users) // 2]}", f"--user-id={users[0]}"]
        program.run(self.folder, "run", "history.jsonl", "--out", "out", code=None)
        program.run(self.folder, "forget", *named, "--out", "out")
        expected, wrong = self.native_rows(), []
        for arguments in (["forget", *named], ["run"]):
            said = program.run(self.folder, *arguments, "--target", "it").stderr
            spark = SparkSession.builder.remote(f"sc://127.0.0.1:{self.port}").create()
            wrong += compare(spark, Config(), expected, "TABLE", OF_FILES)
            spark.stop()
            if arguments[0] == "forget" and " rows erased: " not in said:
                wrong.append(f"  it says {said[-500:]}")
        self.say("people forgotten", wrong)

    def parse_delta(self):
        """Whether Spark's parser takes the scripts of runs on Delta tables. Without Delta nothing more can be asked; and a run
        that asks for it fails with Spark's own words."""
        spark = SparkSession.builder.remote(f"sc://127.0.0.1:{self.port}").create()
        wrong, parsed = [], 0
        for materialize in ("view", "table"):
            text = configuration(
                f"sc://127.0.0.1:{self.port}", Config(), ["raw_increment.tracks"], materialize=materialize, file_format="delta")
            (self.folder / "tracklet.toml").write_text(text, "utf-8")
            for what in ([], ["--increment"]):
                script = program.run(self.folder, "compile", "--target", "it", *what).stdout
                for statement in filter(str.strip, script.split(";\n")):
                    parsed += 1
                    try:
                        spark.sql(f"explain {statement}").collect()
                    except ParseException as error:
                        wrong.append(f"  {statement[:300]}\n  {str(error)[:300]}")
                    except AnalysisException:
                        # It was parsed, and names what is not there.
                        pass
        spark.stop()
        if parsed < 100:
            wrong.append(f"  only {parsed} statements")
        said = program.run(self.folder, "run", "--target", "it", code=2).stderr
        if "delta" not in said.lower():
            wrong.append(f"  a run without Delta says {said}")
        self.say(f"its parser on {parsed} statements for Delta tables", wrong)

    def native(self, paths):
        """The tables of the native engine, without the rejects that no typed table can hold."""
        def tables():
            # A run over other files would add to what is there.
            shutil.rmtree(self.folder / "out", ignore_errors=True)
            program.run(self.folder, "run", *paths, "--out", "out", code=None)
            return self.native_rows()

        return tables

    def native_rows(self):
        """The rows of the native engine's tables that are there."""
        found = native_tables(self.folder, Config())
        reason = list(columns_of(Config())["tracklet_rejects"]).index("reason")
        found["tracklet_rejects"] = [row for row in found["tracklet_rejects"] if row[reason] not in UNTYPED]
        return found

    def all(self, tracks, seed, whole):
        # Later ones find the tables of others in their place, and replace them.
        for number, case in enumerate(corpus.cases()):
            if len(case.folders) == 1 and not whole:
                continue
            rows = [row for row in case.rows(seed, 0) if loadable(row)]
            write_lines(self.folder / "rows.jsonl", rows)
            expected = in_order(case.expected(rows), case.rules)
            self.check(case.name, case.rules, ["rows.jsonl"], lambda tables=expected: tables,
                       is_tested=number == 0)
        rows = [row for row in histories.packed(f"{seed}/else", tracks // 10) if loadable(row)]
        write_lines(self.folder / "rows.jsonl", rows)
        expected = in_order(definition.tables(rows, ALL_ELSE), ALL_ELSE)
        self.check("other settings", ALL_ELSE, ["rows.jsonl"], lambda: expected, OF_FILES)
        rules = cases.Events.rules
        rows = calls.of_types(histories.packed(f"{seed}/events", tracks // 20), rules, f"{seed}/events")
        rows = [row for row in rows if loadable(row)]
        write_lines(self.folder / "events.jsonl", rows)
        expected_events = in_order(definition.tables(rows, rules), rules)
        self.check("events", rules, ["events.jsonl"], lambda: expected_events, OF_FILES)
        typed = cases.Typed()
        rows = [row for row in typed.rows(seed, tracks) if loadable(row)]
        expected_typed = in_order(typed.expected(rows), typed.rules)
        self.check(typed.name, typed.rules, [], lambda: expected_typed, load=lambda spark, table: load_typed(spark, table, typed, rows))
        rows = [row for row in histories.packed(f"{seed}/spark", tracks) if loadable(row)]
        write_lines(self.folder / "history.jsonl", rows)
        self.check("a generated history, tables", Config(), ["history.jsonl"], self.native(["history.jsonl"]),
                   OF_FILES, materialize="table")
        self.forget(rows)
        example = [str(program.REPOSITORY / "examples" / "shop" / "rudder-logs")]
        self.check("the example", Config(), example, self.native(example), OF_FILES, is_tested=True, event_names="rudderstack")
        self.run_again()
        self.increment_by_hand(tracks, seed)
        self.parse_delta()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=20_000)
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--whole", action="store_true", help="the cases of the corpus with a configuration of their own, too")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tracklet-on-spark-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        lane = Lane(stack.enter_context(spark_server.spark()), folder)
        lane.all(options.tracks, options.seed, options.whole)
    sys.exit(1 if lane.failed else 0)


if __name__ == "__main__":
    main()
