"""`tracklet load` and the runs after it on PostgreSQL: rows that were received long ago and loaded today are new, whoever created
the table, by a role that has rights on the schemas alone. And `source.partition_time`, wrong, is refused before the first run.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses answers.program_load
"""

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from answers.program_hints import Place, administer
from lib.answers import Answers
from lib.warehouse import Postgres
from stand_ins import servers

TRACKS = "id text, anonymous_id text, user_id text, event text, timestamp timestamptz, received_at timestamptz"
# Rows of both kinds; each visitor has some of both, so that late rows change sessions that exist.
ROWS = 500


def write(path, first, received_days_ago):
    """Tracks of some visitors, an hour apart, received long ago or of late."""
    start = datetime.now(UTC) - timedelta(days=received_days_ago)
    with path.open("w") as file:
        for number in range(first, first + ROWS):
            time = start + timedelta(minutes=17 * (number % 40), seconds=number)
            line = {"type": "track", "messageId": str(number), "anonymousId": f"device {number % 23}", "event": "paid",
                    "timestamp": time.isoformat(), "receivedAt": time.isoformat()}
            file.write(json.dumps(line) + "\n")


def tables(warehouse):
    """The number of rows of each table but those about runs, and a digest of them in any order."""
    _, names = warehouse.query("select table_name from information_schema.tables where table_schema = 'sessions'"
                               " and table_name not in ('tracklet_runs', 'tracklet_staged')")
    each = [f"select '{name}', count(*), md5(string_agg(rows::text, chr(10) order by rows::text collate \"C\"))"
            f' from sessions."{name}" as rows' for (name,) in names]
    return {name: found for name, *found in warehouse.query(" union all ".join(each))[1]} if each else {}


def main():
    answers = Answers()
    expect, wrong = answers.expect, answers.wrong

    def expect_rows(what, expected):
        found = warehouse.query("select count(*) from sessions.tracklet_event_facts")[1][0][0]
        if found != expected:
            wrong.append(f"{what}: {found} tracks, expected {expected}")
        before = tables(warehouse)
        expect(what, place.run("run", "--target", "pg", "--full-refresh"), 0, "full run: a full refresh was asked for")
        after = tables(warehouse)
        wrong.extend(f"{what}: {name} differs from that of a full refresh" for name in after if before.get(name) != after[name])

    with servers.postgres() as port, tempfile.TemporaryDirectory(prefix="tracklet-load-") as name:
        warehouse, place = Postgres(port), Place(Path(name), port)
        write(place.folder / "late.jsonl", 0, 1)
        write(place.folder / "old.jsonl", 300, 40)
        write(place.folder / "older.jsonl", 700, 90)
        administer(
            warehouse, "create role clerk login", "create schema sessions", "create schema raw", "create schema others",
            "grant usage, create on schema sessions, raw to clerk", "grant usage on schema others to clerk")

        # A table that `load` creates. The role has no right to create schemas.
        place.configure(tables=["raw.tracks"])
        expect("the first load", place.run("load", "late.jsonl", "--target", "pg"), 0, "500 rows loaded")
        expect("the first run", place.run("run", "--target", "pg"), 0, "it is the first run")
        expect("a second load", place.run("load", "old.jsonl", "--target", "pg"), 0, "500 rows loaded")
        expect("the run after it", place.run("run", "--target", "pg"), 0, "incremental run: 500 new rows")
        expect_rows("two loads", 800)
        expect("no load", place.run("run", "--target", "pg"), 0, "incremental run: no new rows")

        # A table of an earlier version, or of somebody, without the column.
        place.configure(tables=["raw.plain"])
        administer(warehouse, f"create table raw.plain ({TRACKS})", "alter table raw.plain owner to clerk",
                   "insert into raw.plain values ('first', 'device 1', null, 'paid', now(), now())")
        expect("a run without load times", place.run("run", "--target", "pg", "--full-refresh"), 0)
        expect("the column is added", place.run("load", "late.jsonl", "--target", "pg"), 0,
               "raw.plain got the column `loaded_at`", "500 rows loaded")
        expect("then all rows are read", place.run("run", "--target", "pg"), 0, "full run: ")
        expect("a load of old rows", place.run("load", "older.jsonl", "--target", "pg"), 0, "500 rows loaded")
        expect("rows are new", place.run("run", "--target", "pg"), 0, "incremental run: 500 new rows")
        expect_rows("a table of an earlier version", 1001)

        # One that others own: the column can't be added, and nothing is loaded.
        place.configure(tables=["others.tracks"])
        administer(warehouse, f"create table others.tracks ({TRACKS})", "grant insert on others.tracks to clerk")
        expect("a table that may not be read", place.run("load", "late.jsonl", "--target", "pg"), 2,
               'grant select on "others"."tracks" to "clerk"')
        administer(warehouse, "grant select on others.tracks to clerk")
        statement = 'alter table "others"."tracks" add column "loaded_at" timestamp with time zone'
        expect("a table of others", place.run("load", "late.jsonl", "--target", "pg"), 2, "`loaded_at`", statement)
        if warehouse.query("select count(*) from others.tracks")[1][0][0]:
            wrong.append("rows were loaded without their load time")
        administer(warehouse, statement)
        expect("a role that may only insert", place.run("load", "late.jsonl", "--target", "pg"), 0, "500 rows loaded")

        # A column that says when rows were received, and nothing else, is what the configuration asks for.
        place.configure(tables=["raw.tracks"], columns='loaded_at = "received_at"')
        expect("rows that runs may miss", place.run("load", "old.jsonl", "--target", "pg"), 0,
               "runs look for new rows by `received_at`", "--full-refresh")

        # Partitions of the source.
        administer(warehouse, "create schema parted authorization clerk")

        def partitioned_by(column):
            place.configure(tables=["raw.tracks"], columns=f"partition_time = {json.dumps(column)}")
            file = place.folder / "tracklet.toml"
            file.write_text(file.read_text().replace('schema = "sessions"', 'schema = "parted"'))

        partitioned_by("received_at) or (true")
        expect("SQL in the place of a column", place.run("check"), 1, "is the name of one column", "hint:")
        expect("SQL in the place of a column", place.run("run", "--target", "pg"), 2, "is the name of one column")
        partitioned_by("day")
        expect("an absent column", place.run("run", "--target", "pg"), 2, "has no column day", "[source] partition_time")
        partitioned_by("event")
        expect("a column of texts", place.run("run", "--target", "pg"), 2, "`source.partition_time` = `event`", "hint:")
        expect("a column of texts", place.run("debug", "--target", "pg"), 1, "`source.partition_time` = `event`")
        if warehouse.query("select count(*) from information_schema.tables where table_schema = 'parted'"
                           " and table_name like 'dbt%'")[1][0][0]:
            wrong.append("a run that can't be followed by others has made tables")
        partitioned_by("Received_At")
        expect("the first run", place.run("run", "--target", "pg"), 0, "it is the first run")
        expect("the second run", place.run("run", "--target", "pg"), 0, "incremental run: no new rows")
    answers.end()


if __name__ == "__main__":
    main()
