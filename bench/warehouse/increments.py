"""One more day beside ninety in PostgreSQL: a run that takes the new rows alone, as a share of one over everything.

Starts a PostgreSQL with its default settings, generates ninety-one days, loads the first ninety with an index on
received_at, runs, loads the last, and times the run after it and then one with --full-refresh; all tables must be the same
after both. For days in order without new logins, with 2 % of the rows up to seven days late, and with the generator's logins. With
`--calls all` the rows are events of every type, 60 % of them page views, in three tables with all columns of SDKs, and the
configuration has the preset `web`; then it makes `tracklet_events` and `tracklet_sessions` too.

    python increments.py [--tracks N] [--calls all] [--shapes NAMES] [--rounds N] [--out FILE] [--generator PROGRAM] [--program PROGRAM]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "tests" / "warehouses"))

from lib import program  # noqa: E402
from lib.definition import Config  # noqa: E402
from lib.warehouse import Postgres, quoted  # noqa: E402
from stand_ins import servers  # noqa: E402

SHAPES = {
    "in order": ("--known-visitors", "0"),
    "2 % late": ("--known-visitors", "0", "--late", "0.02"),
    "logins": (),
}
# What calls there are to the source's tables, and what they are to the configuration.
SOURCES = {"tracks": ["tracks"], "all": ["tracks", "pages", "screens"]}
TYPES = {"tracks": ["track"], "all": ["track", "page", "screen"]}
PRESET = {"tracks": {}, "all": {"preset": "web"}}
COLUMN_TYPES = {
    "VARCHAR": "text", "BIGINT": "bigint", "BOOLEAN": "boolean", "TIMESTAMP WITH TIME ZONE": "timestamptz",
}
TABLES = [
    "dbt_aliases_mapping", "dbt_mapped_tracks", "dbt_session_tracks", "dbt_track_facts", "dbt_session_track_facts",
    "dbt_user_session_facts", "dbt_session_duration", "dbt_tracks_flow", "tracklet_duplicates", "tracklet_rejects"]
TABLES_OF_EVENTS = ["tracklet_events", "tracklet_sessions"]
SCHEMA = "sessions"


def generate(folder, options, shape):
    """The ninety days and the one more as CSV, by table; what arrives after the ninetieth belongs to that one. The columns of each table."""
    calls = [] if options.calls == "tracks" else ["--calls", options.calls]
    subprocess.run(
        [options.generator, "--tracks", str(options.tracks * 91 // 90), "--days", "91", "--hours-per-file", "24",
         "--out", folder / "rows", *calls, *SHAPES[shape]], check=True, stdout=subprocess.DEVNULL)
    found, columns = {"history": {}, "day": {}}, {}
    for table in SOURCES[options.calls]:
        below = folder / "rows" if options.calls == "tracks" else folder / "rows" / table
        files = [str(file) for file in sorted(below.glob("*.parquet"))]
        for name, chosen in (("history", files[:90]), ("day", files[90:])):
            rows = duckdb.sql(f"from read_parquet({chosen})")
            columns[table] = dict(zip(rows.columns, map(str, rows.types)))
            found[name][table] = folder / f"{name}-{table}.csv"
            rows.write_csv(str(found[name][table]))
    return found, columns


def create(warehouse, columns):
    warehouse.execute([f"drop schema if exists rudder, {SCHEMA} cascade", "create schema rudder"])
    for table, types in columns.items():
        listed = ", ".join(f"{quoted(name)} {COLUMN_TYPES[type]}" for name, type in types.items())
        warehouse.execute([f"create table rudder.{table} ({listed})", f"create index on rudder.{table} (received_at)"])


def copy(warehouse, files):
    for table, path in files.items():
        with warehouse.connect() as connection, connection.cursor() as cursor, path.open() as text:
            cursor.copy_expert(f"copy rudder.{table} from stdin (format csv, header)", text)
            cursor.execute(f"analyze rudder.{table}")


def settle(warehouse):
    connection = warehouse.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("checkpoint")
    connection.close()


def timed(folder, warehouse, *arguments):
    settle(warehouse)
    started = time.monotonic()
    program.run(folder, "run", "--target", "pg", *arguments)
    return round(time.monotonic() - started, 2)


def contents(warehouse, tables):
    """A number for the rows of each table, whatever their order."""
    return [warehouse.query(f"select count(*), sum(hashtextextended(t::text, 0)::numeric) from {quoted(SCHEMA, table)} t")[1]
            for table in tables]


def measure(folder, shape, options):
    files, columns = generate(folder, options, shape)
    tables = TABLES + TABLES_OF_EVENTS * (options.calls != "tracks")
    found = {"increment": [], "full": []}
    with servers.postgres("bytes", jit=True) as port:
        warehouse = Postgres(port)
        text = program.configuration(
            Config(types=TYPES[options.calls], column_settings=PRESET[options.calls]), warehouse, SCHEMA, [("rudder", "tracks")])
        (folder / "tracklet.toml").write_text(text)
        for number in range(options.rounds):
            create(warehouse, columns)
            copy(warehouse, files["history"])
            program.run(folder, "run", "--target", "pg")
            copy(warehouse, files["day"])
            found["increment"].append(timed(folder, warehouse))
            mode, reason = warehouse.query(
                f"select mode, reason from {quoted(SCHEMA, 'tracklet_runs')} order by sequence_number desc limit 1")[1][0]
            if mode != "incremental":
                raise SystemExit(f"the run took all rows: {reason}")
            after = contents(warehouse, tables)
            found["full"].append(timed(folder, warehouse, "--full-refresh"))
            if after != contents(warehouse, tables):
                raise SystemExit("the tables differ")
            print(f"{shape}, round {number + 1}: {reason}, {found['increment'][-1]} s; full {found['full'][-1]} s", flush=True)
        version = warehouse.query("show server_version")[1][0][0]
    medians = {mode: statistics.median(values) for mode, values in found.items()}
    return {"new": reason, "seconds": found, "medians": medians,
            "share": round(medians["increment"] / medians["full"], 4)}, version


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=1_000_000, help="of the ninety days")
    parser.add_argument("--calls", choices=SOURCES, default="tracks", help="what the rows are [tracks]")
    parser.add_argument("--shapes", default=",".join(SHAPES), help="which, joined by commas [all three]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--generator", default="tracklet-generator")
    parser.add_argument("--program", help="[default: TRACKLET_BIN]")
    options = parser.parse_args()
    if options.program:
        os.environ["TRACKLET_BIN"] = options.program
    shapes = {}
    for shape in options.shapes.split(","):
        with tempfile.TemporaryDirectory(prefix="tracklet-increments-") as folder:
            shapes[shape], version = measure(Path(folder), shape, options)
    result = {"tracks": options.tracks, "calls": options.calls, "server": f"PostgreSQL {version}", "cores": os.cpu_count(), "shapes": shapes}
    print(json.dumps(result, indent=2))
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
