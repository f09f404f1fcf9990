"""One schema through configurations that follow each other: with events of every type and without, as views and as tables, swapped
and row by row. It begins as version 0.1 left it, with tables of the names that the tables of events have now, and views over
them. After each run every table must be that of the definition, and there must be none that the configuration does not have.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses answers.program_changes
"""

import sys
import tempfile
from pathlib import Path

from conformance.program_conformance import leftovers
from lib import cases, definition, program
from lib.comparison import compare
from lib.definition import Config
from lib.histories import SEED
from lib.warehouse import Postgres
from stand_ins import servers

SCHEMA = "sessions"
OF_0_1 = [
    f"create schema {SCHEMA}",
    f"create table {SCHEMA}.tracklet_events (event_id text, idle_time_minutes bigint)",
    f"create table {SCHEMA}.tracklet_sessions (session_id text)",
    f"create view {SCHEMA}.dbt_mapped_tracks as select event_id from {SCHEMA}.tracklet_events",
    f"create view {SCHEMA}.dbt_session_tracks as select session_id from {SCHEMA}.tracklet_sessions",
]
OF_EVENTS = ["tracklet_events", "tracklet_sessions"]


def main():
    case, wrong = cases.Events(), []
    with servers.postgres() as port, tempfile.TemporaryDirectory(prefix="tracklet-changes-") as folder:
        warehouse, folder = Postgres(port), Path(folder)
        rows = warehouse.loadable(case.rows(SEED, 200))
        case.load(warehouse, rows)
        warehouse.execute(OF_0_1)
        tracks = [row for row in rows if row["event_type"] == "track"]
        expected = {True: definition.tables(rows, case.rules), False: definition.tables(tracks, Config())}
        runs = [
            (has_events, materialize, publish)
            for publishes in (["swap", "rows"], ["rows", "swap"])
            for has_events in (False, True) for materialize in ("view", "table") for publish in publishes]
        for has_events, materialize, publish in [*runs, *reversed(runs)]:
            rules = case.rules if has_events else Config()
            text = program.configuration(
                rules, warehouse, SCHEMA, [("rudder", "tracks")], materialize=materialize, publish=publish)
            (folder / "tracklet.toml").write_text(text)
            program.run(folder, "run", "--target", "pg", "--full-refresh")
            kind = "BASE TABLE" if materialize == "table" else "VIEW"
            found = compare(warehouse, SCHEMA, rules, kind, expected[has_events]) + leftovers(warehouse, SCHEMA)
            _, there = warehouse.query(
                "select table_name from information_schema.tables"
                f" where table_schema = '{SCHEMA}' and table_name like 'tracklet_%' order by table_name")
            if [name for (name,) in there if name in OF_EVENTS] != OF_EVENTS * has_events:
                found.append(f"  there are {there}")
            wrong += [f"events {has_events}, {materialize}, {publish}:", *found] if found else []
    print(*(wrong or [f"ok: {2 * len(runs)} runs of configurations that follow each other"]), sep="\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
