"""Tables that contradict each other are not published in PostgreSQL: a trigger of the database changes staging tables while a run
makes them, in each way that breaks an invariant. Readers keep their tables, what was made is kept under names of its own, the error
names the invariant and a row, the exit code is 3, and the next run is as any other.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses answers.program_invariants
"""

import re
import tempfile
from pathlib import Path

import sqlglot

from answers.program_hints import Place, administer
from answers.program_load import tables, write
from lib import functions, program
from lib.answers import Answers
from lib.warehouse import Postgres
from stand_ins import servers
from statements import legality

# An event trigger that runs a statement on each table that is made and whose name ends so.
TRIGGER = """
create function public.tamper() returns event_trigger language plpgsql as $$
declare made record;
begin
    for made in select object_identity as name from pg_event_trigger_ddl_commands() where object_type = 'table' loop
        if made.name like '%\\_aside\\_%{ending}' then
            execute replace(replace($sql${statement}$sql$, 'THIS', made.name), 'EVENTS',
                regexp_replace(made.name, 'session(s|_facts)$', 'event\\1'));
        end if;
    end loop;
end $$
"""

TWICE = "insert into THIS select * from THIS where ctid = (select min(ctid) from THIS)"
LOST = "delete from THIS where ctid = (select min(ctid) from THIS)"
FIRST = "where ctid = (select min(ctid) from THIS)"

# The table that is changed, how, and what the error says: of full runs of both kinds, and of those whose views are tables.
WHOLE = [
    ("tracklet_event_facts", LOST, "1. tracklet_event_facts has one row per track"),
    ("tracklet_session_facts", "delete from EVENTS where ctid = (select min(ctid) from EVENTS)", "1. tracklet_event_facts has one row per track"),
    ("tracklet_event_facts", TWICE, "1. tracklet_event_facts has one row per track"),
    ("tracklet_session_facts", TWICE, "2. session_id is unique in tracklet_session_facts"),
    ("dbt_aliases_mapping", TWICE, "2. alias is unique in dbt_aliases_mapping"),
    ("tracklet_session_facts", f"update THIS set num_pvs = num_pvs + 1 {FIRST}", "3. the num_pvs of tracklet_session_facts add up"),
    ("tracklet_event_facts", "update THIS set idle_time_minutes = 31 where ctid = (select min(ctid) from THIS where track_sequence_number > 1)",
     "4. no session of tracklet_event_facts holds a gap over the timeout"),
    ("tracklet_session_facts", "update THIS set next_session_start_at = ended_at + interval '1 minute' where session_id ="
     " (select min(session_id) from THIS where next_session_start_at is not null)", "4. consecutive sessions"),
    ("tracklet_session_facts", LOST, "5. tracklet_event_facts and tracklet_session_facts have the same sessions"),
    ("tracklet_session_facts", f"update THIS set dbt_visitor_id = 'nobody' {FIRST}", "5. every dbt_visitor_id of tracklet_session_facts is in"),
]
OF_TABLES = [
    ("dbt_mapped_tracks", LOST, "1. dbt_mapped_tracks has one row per track"),
    ("dbt_track_facts", TWICE, "1. dbt_track_facts has one row per track"),
    ("dbt_tracks_flow", LOST, "1. dbt_tracks_flow has one row per track"),
    ("dbt_session_tracks", TWICE, "2. session_id is unique in dbt_session_tracks"),
    ("dbt_session_track_facts", TWICE, "2. session_id is unique in dbt_session_track_facts"),
    ("dbt_session_duration", TWICE, "2. session_id is unique in dbt_session_duration"),
    ("dbt_user_session_facts", TWICE, "2. dbt_visitor_id is unique in dbt_user_session_facts"),
    ("dbt_session_track_facts", f"update THIS set num_pvs = num_pvs - 1 {FIRST}", "3. the num_pvs of dbt_session_track_facts add up"),
    ("dbt_user_session_facts", f"update THIS set number_of_sessions = 99 {FIRST}", "3. the number_of_sessions of dbt_user_session_facts"),
    ("dbt_session_tracks", LOST, "5. every session_id of dbt_track_facts is in dbt_session_tracks"),
    ("dbt_session_duration", f"update THIS set session_id = 'none' {FIRST}", "5. every session_id of dbt_session_duration"),
    ("dbt_tracks_flow", f"update THIS set dbt_visitor_id = 'nobody' {FIRST}", "5. every dbt_visitor_id of dbt_tracks_flow"),
]
ROWS = [
    ("increment_sessions", TWICE, "2. session_id is unique in tracklet_session_facts"),
    ("increment_aliases", TWICE, "2. alias is unique in dbt_aliases_mapping"),
    ("increment_sessions", "delete from EVENTS where ctid = (select min(ctid) from EVENTS)", "3. the num_pvs of tracklet_session_facts add up"),
    ("increment_sessions", LOST, "5. tracklet_event_facts and tracklet_session_facts have the same sessions"),
]


def illegal(folder):
    """What is no legal SQL in the query of a dialect; BigQuery's is analyzed with types, the others' is parsed."""
    wrong = []
    # The tables have the same columns under either configuration.
    analyzer = legality.BigQuery()
    analyzer.add_source(legality.SOURCES[0])
    renderer = legality.Renderer("bigquery", legality.SOURCES[:1], {"tracklet_materialize": "table"})
    for name in renderer.models():
        analyzer.add(f"sessions.{name}", analyzer.analyze(renderer.render(name)[0], ()))
    for settings in ("", 'dedupe = false\n[sessions]\ntimeout = "90s"\nboundary = "exact"\n'):
        (folder / "tracklet.toml").write_text(settings)
        for dialect in ("bigquery", *functions.DOCUMENTED):
            sql = program.run(folder, "compile", "invariants", "--dialect", dialect).stdout
            if dialect == "bigquery":
                try:
                    found = list(analyzer.analyze(re.sub(r"`sessions`\.`(\w+)`", r"sessions.\1", sql), ()))
                    if found != ["invariant", "says", "offenders", "first_offender"]:
                        wrong.append(f"{dialect}: the query gives {found}")
                except Exception as error:  # noqa: BLE001, the binding raises several unrelated kinds
                    wrong.append(f"{dialect}: {error}")
                continue
            trees = sqlglot.parse(sql, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
            calls = {call.lower() for call in re.findall(r"(\w+)\s*\(", re.sub(r"'[^']*'", "''", sql))} - legality.SYNTAX
            if len(trees) != 1 or calls - set(functions.DOCUMENTED[dialect]) - {"all"}:
                wrong.append(f"{dialect}: {len(trees)} statements, which call {sorted(calls)}")
    return wrong


def main():
    answers = Answers()
    expect, wrong = answers.expect, answers.wrong

    with servers.postgres() as port, tempfile.TemporaryDirectory(prefix="tracklet-invariants-") as name:
        warehouse, place = Postgres(port), Place(Path(name), port)
        write(place.folder / "late.jsonl", 0, 1)
        write(place.folder / "old.jsonl", 300, 40)
        administer(warehouse, "create role clerk login superuser")
        wrong += illegal(place.folder)

        def contents():
            # The first erasure makes its list, and one that fails leaves it empty.
            return {name: (rows, digest) for name, (rows, digest) in tables(warehouse).items()
                    if not name.startswith("tracklet_failed_") and (rows or name != "tracklet_forgotten")}

        def kept():
            return warehouse.query("select table_name, table_type from information_schema.tables where table_schema = 'sessions'"
                                   " and (table_name like 'tracklet\\_failed\\_%' or table_name like 'tracklet\\_aside\\_%')")[1]

        def damaged(table, statement, says, *command):
            """A run while a table is changed, and whether nothing of it is seen."""
            before = contents()
            administer(warehouse, TRIGGER.format(ending=table.replace("_", "\\_"), statement=statement),
                       "create event trigger tamper on ddl_command_end when tag in ('CREATE TABLE AS')"
                       " execute function public.tamper()")
            what = f"{' '.join(command)}: {table}: {statement}"
            failed = f"tracklet_failed_{table}"
            expect(what, place.run(*command, "--target", "pg"), 3, says, "nothing was published", f"sessions.{failed}")
            administer(warehouse, "drop event trigger tamper", "drop function public.tamper()")
            after = contents()
            wrong.extend(f"{what}: {name} has changed" for name in before | after if before.get(name) != after.get(name))
            if (failed, "BASE TABLE") not in kept() or not all(name.startswith("tracklet_failed_") for name, _ in kept()):
                wrong.append(f"{what}: kept are {kept()}")

        for publish, materialize in (("swap", "view"), ("rows", "table")):
            administer(warehouse, "drop schema if exists sessions cascade", "create schema sessions authorization clerk")
            place.configure(f'publish = "{publish}"', f'materialize = "{materialize}"', tables=["sessions.tracks"])
            expect("load", place.run("load", "late.jsonl", "--target", "pg"), 0)
            # The first run has no tables to keep, and fails all the same.
            damaged("tracklet_session_facts", TWICE, "2. session_id is unique in tracklet_session_facts", "run")
            expect("the run after it", place.run("run", "--target", "pg"), 0, "it is the first run")
            for table, statement, says in OF_TABLES if materialize == "table" else WHOLE:
                damaged(table, statement, says, "run", "--full-refresh")
            damaged(*WHOLE[2], "build", "--full-refresh")
            expect("load", place.run("load", "old.jsonl", "--target", "pg"), 0)
            for table, statement, says in ROWS:
                damaged(table, statement, says, "run")
            expect("the run after it", place.run("run", "--target", "pg"), 0, "incremental run: 500 new rows")
            if kept():
                wrong.append(f"the run after a failed one has left {kept()}")
            # Of a visitor who shares no id its aliases alone are left among the steps.
            damaged(*ROWS[1], "forget", "--visitor", "device 3")
            expect("the erasure", place.run("forget", "--visitor", "device 3", "--target", "pg"), 0)
            found = contents()
            expect("a full refresh", place.run("run", "--target", "pg", "--full-refresh"), 0)
            after = contents()
            wrong.extend(f"{name} differs from a full refresh" for name in found if found[name] != after[name])
            if kept():
                wrong.append(f"the erasure after a failed one has left {kept()}")
    answers.end()


if __name__ == "__main__":
    main()
