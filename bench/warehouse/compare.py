"""The package's models against the reference project's SQL, on the same PostgreSQL and the same tracks.

Starts a PostgreSQL with its default settings, generates and loads tracks, then runs, in turns: the reference's
queries, the same with a cheaper mapping of the ids, our models with duplicates kept, our models with duplicates
dropped. Each round writes every table again.
Prints the seconds of each round, the medians, and the ratios of the medians; `--out` writes them as JSON, too.

    python compare.py [--tracks N] [--rounds N] [--order bytes|english] [--out FILE] [--generator PROGRAM]
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
import psycopg2

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "tests" / "warehouses"))

from lib import direct  # noqa: E402
from lib.warehouse import Postgres, quoted  # noqa: E402
from stand_ins import servers  # noqa: E402

REFERENCE, CHEAPER, KEPT, DROPPED = "reference", "cheaper mapping", "duplicates kept", "duplicates dropped"
SCHEMA = "bench"


def load(warehouse, folder, generator, tracks):
    """The source table, as RudderStack makes it, analyzed as any table of that age is."""
    subprocess.run([generator, "--tracks", str(tracks), "--out", folder / "tracks"], check=True, stdout=subprocess.DEVNULL)
    lines = folder / "tracks.csv"
    duckdb.sql(
        "select id, anonymous_id, user_id, event, timestamp, received_at"
        f" from read_parquet('{folder}/tracks/*.parquet')").write_csv(str(lines))
    with warehouse.connect() as connection, connection.cursor() as cursor, lines.open() as text:
        cursor.execute(
            'create schema rudder; create table rudder.tracks (id text, anonymous_id text, user_id text, event text,'
            ' "timestamp" timestamptz, received_at timestamptz)')
        cursor.copy_expert("copy rudder.tracks from stdin (format csv, header)", text)
        cursor.execute("analyze rudder.tracks")
    lines.unlink()


def settle(warehouse):
    """What earlier rounds left to write is written now, not in the next one's time."""
    connection = warehouse.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"drop schema if exists {SCHEMA} cascade")
        cursor.execute("checkpoint")
    connection.close()


def run_reference(warehouse, mapping=None):
    """The reference's tables, one transaction each, and statistics after each as our models have them; `mapping` may
    be another file for the first of them."""
    statements = [s for s in (HERE / "reference.sql").read_text().split(";\n") if s.strip()]
    if mapping:
        statements[0] = (HERE / mapping).read_text()
    warehouse.execute([f"create schema {SCHEMA}"])
    for statement in statements:
        warehouse.execute([f"set search_path = {SCHEMA}", statement])
        if "create table" in statement:
            table = statement.split("create table ", 1)[1].split()[0]
            warehouse.execute([f"analyze {SCHEMA}.{table}"])


def run_ours(warehouse, dedupe):
    """Our tables and views."""
    variables = {"tracklet_source_tables": ["rudder.tracks"], "tracklet_dedupe": dedupe}
    direct.run(warehouse, [("rudder", "tracks")], variables, SCHEMA)


def sessions(warehouse):
    return warehouse.query(f"select count(*), max(session_start_at) from {quoted(SCHEMA, 'dbt_session_tracks')}")[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--order", choices=["bytes", "english"], default="bytes", help="how the server compares text")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--generator", default="tracklet-generator")
    options = parser.parse_args()
    variants = {
        REFERENCE: run_reference,
        CHEAPER: lambda warehouse: run_reference(warehouse, "cheaper_mapping.sql"),
        KEPT: lambda warehouse: run_ours(warehouse, dedupe=False),
        DROPPED: lambda warehouse: run_ours(warehouse, dedupe=True)}
    seconds = {variant: [] for variant in variants}
    with tempfile.TemporaryDirectory() as folder, servers.postgres(options.order, jit=True) as port:
        warehouse = Postgres(port)
        load(warehouse, Path(folder), options.generator, options.tracks)
        version = warehouse.query("show server_version")[1][0][0]
        for number in range(options.rounds):
            found = {}
            for variant, run in variants.items():
                settle(warehouse)
                started = time.monotonic()
                run(warehouse)
                seconds[variant].append(round(time.monotonic() - started, 2))
                found[variant] = sessions(warehouse)
            if len({repr(rows) for rows in found.values()}) != 1:
                raise SystemExit(f"the variants differ: {found}")
            print(f"round {number + 1}: " + ", ".join(f"{variant} {seconds[variant][-1]} s" for variant in variants), flush=True)
    medians = {variant: round(statistics.median(values), 2) for variant, values in seconds.items()}
    result = {
        "tracks": options.tracks, "server": f"PostgreSQL {version}", "text_order": options.order,
        "cores": os.cpu_count(), "seconds": seconds, "medians": medians,
        "times_faster": {
            f"{variant} than {other}": round(medians[other] / medians[variant], 2)
            for other in (REFERENCE, CHEAPER) for variant in (KEPT, DROPPED)}}
    print(json.dumps(result, indent=2))
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
