"""Runs the dbt package as its users do, and compares every table with the definition, row for row.

A new dbt project installs dbt/ as a local package and builds it, on DuckDB and on PostgreSQL, for each
of a few configurations. Many histories go into one run; the ids keep them apart.

    python dbt_conformance.py [--adapter duckdb|postgres] [--case NAME] [--tracks N] [--seed N]
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import definition
import histories
import servers
from definition import MINUTE, Config
from warehouse import DuckDb, Postgres, quoted, time_for_loading

PACKAGE = Path(__file__).resolve().parents[2] / "dbt"
SCHEMA = "sessions"
TEXT, INTEGER, TIME = "text", "integer", "time"
TYPES = {
    "text": TEXT, "VARCHAR": TEXT, "character varying": TEXT,
    "bigint": INTEGER, "BIGINT": INTEGER,
    "timestamp with time zone": TIME, "TIMESTAMP WITH TIME ZONE": TIME,
}


def columns_of(rules):
    """The columns of SPEC.md's tables, in order, with their types."""
    return {
        "dbt_aliases_mapping": {"alias": TEXT, "dbt_visitor_id": TEXT},
        "dbt_mapped_tracks": {
            "event_id": TEXT, "anonymous_id": TEXT, "dbt_visitor_id": TEXT, "timestamp": TIME,
            "event": TEXT, "idle_time_minutes": INTEGER},
        "dbt_session_tracks": {
            "session_id": TEXT, "dbt_visitor_id": TEXT, "session_start_at": TIME,
            "session_sequence_number": INTEGER, "next_session_start_at": TIME},
        "dbt_track_facts": {
            "anonymous_id": TEXT, "timestamp": TIME, "event_id": TEXT, "event": TEXT, "session_id": TEXT,
            "dbt_visitor_id": TEXT, "track_sequence_number": INTEGER},
        "dbt_session_track_facts":
            {"session_id": TEXT, "ended_at": TIME, "num_pvs": INTEGER} | dict.fromkeys(rules.counts, INTEGER),
        "dbt_user_session_facts": {
            "dbt_visitor_id": TEXT, "first_date": TIME, "last_date": TIME, "number_of_sessions": INTEGER},
        "dbt_session_duration": {"dbt_visitor_id": TEXT, "session_id": TEXT, "session_duration": INTEGER},
        "dbt_tracks_flow": {
            "event_id": TEXT, "session_id": TEXT, "track_sequence_number": INTEGER, "event": TEXT,
            "dbt_visitor_id": TEXT, "timestamp": TIME,
            **{f"event_{k}": TEXT for k in range(2, rules.flow_length + 1)}},
        "tracklet_duplicates": {
            "event_id": TEXT, "anonymous_id": TEXT, "user_id": TEXT, "event": TEXT, "timestamp": TIME,
            "received_at": TIME},
        "tracklet_rejects": {
            "source_file": TEXT, "row_number": INTEGER, "reason": TEXT, "event_id": TEXT,
            "anonymous_id": TEXT, "user_id": TEXT, "event": TEXT, "timestamp": TEXT, "received_at": TEXT,
            "raw": TEXT},
    }


class Case:
    """A configuration: the project's vars, what they mean, and a way to lay out the source."""

    name = "defaults"
    rules = Config()
    variables = {"tracklet_source_tables": ["rudder.tracks"], "tracklet_timeout": 30}
    sources = None
    kind = "VIEW"

    def load(self, warehouse, rows):
        """One table as RudderStack makes it, with a column that nobody asked for."""
        table = quoted("rudder", "tracks")
        warehouse.execute([
            'create schema "rudder"',
            f'create table {table} (id text, received_at timestamptz, anonymous_id text, user_id text,'
            ' event text, "timestamp" timestamptz, event_text text)'])
        warehouse.insert(table, [
            (row["event_id"], time_for_loading(row["received_at"]), row["anonymous_id"], row["user_id"],
             row["event"], time_for_loading(row["timestamp"]), "Other Text") for row in rows])


class KeepsAll(Case):
    """Duplicates kept, exact part-minutes, hostile names, tables; two sources of which one lacks columns."""

    name = "keeps_all"
    rules = Config(
        timeout=90_000_000, exact=True, dedupe=False, flow_length=3,
        counts={"cnt quote": ["it's", 'say "hi"'], "cnt_backslash": ["back\\slash", "\\'; drop"],
                'cnt"s': ["new\nline", "naïve", "tab\there"], "cnt_none": []})
    variables = {
        "tracklet_source_tables": [
            {"schema": "my shop", "table": "tracks-web"}, {"schema": "my shop", "table": "tracks.app"}],
        "tracklet_columns": {"event_id": "message id"},
        "tracklet_where": '"Keep me" > 0 -- internal traffic',
        "tracklet_timeout": "90s", "tracklet_boundary": "exact", "tracklet_dedupe": False,
        "tracklet_counts": {
            "cnt quote": ["it's", 'say "hi"'], "cnt_backslash": ["back\\slash", "\\'; drop"],
            'cnt"s': ["new\nline", "naïve", "tab\there"], "cnt_none": []},
        "tracklet_flow_length": 3, "tracklet_materialize": "table"}
    kind = "BASE TABLE"

    @staticmethod
    def other_spelling(warehouse):
        """A name beside `message id` that must not be taken for it."""
        return "Message Id" if warehouse.spelling_counts else "message"

    def load(self, warehouse, rows):
        web, app = quoted("my shop", "tracks-web"), quoted("my shop", "tracks.app")
        warehouse.execute([
            'create schema "my shop"',
            f'create table {web} ("Keep me" int, "MESSAGE ID" text, "Anonymous_Id" text, "USER_ID" text,'
            ' "EVENT" text, "_timestamp" timestamptz, "RECEIVED_AT" timestamp)',
            f'create table {app} ("{self.other_spelling(warehouse)}" text, "message id" text, event text,'
            ' "timestamp" timestamp, anonymous_id text, "Keep me" int)'])

        def without_zone(time):
            text = time_for_loading(time)
            return text and text.removesuffix("+00")

        poor = [row for row in rows if row["user_id"] is None and row["received_at"] is None]
        rich = [row for row in rows if row["user_id"] is not None or row["received_at"] is not None]
        warehouse.insert(app, [
            ("wrong", row["event_id"], row["event"], without_zone(row["timestamp"]), row["anonymous_id"], keep)
            for row in poor for keep in ([1, 0] if row["event"] == "signup" else [1])])
        warehouse.insert(web, [
            (keep, row["event_id"], row["anonymous_id"], row["user_id"], row["event"],
             time_for_loading(row["timestamp"]), without_zone(row["received_at"]))
            for row in rich for keep in ([2, None] if row["event"] == "signup" else [2])])


class Hour(Case):
    """A timeout in hours, no counts, no next events, and a source that the project declares."""

    name = "hour"
    rules = Config(timeout=60 * MINUTE, counts={}, flow_length=1)
    variables = {
        "tracklet_source_tables": [{"source": "clicks", "table": "tracks"}],
        "tracklet_timeout": "1h", "tracklet_counts": {}, "tracklet_flow_length": 1}
    sources = {"version": 2, "sources": [{"name": "clicks", "schema": "rudder", "tables": [{"name": "tracks"}]}]}


class Nothing(Case):
    """A source without rows."""

    name = "nothing"

    def load(self, warehouse, rows):
        warehouse.execute([
            'create schema "rudder"',
            'create table "rudder"."tracks" (id text, anonymous_id text, "timestamp" timestamptz)'])


CASES = [Case(), KeepsAll(), Hour(), Nothing()]


def run_dbt(project, *arguments):
    # Another time zone than UTC: no result may depend on it.
    environment = os.environ | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "TZ": "Asia/Kolkata"}
    done = subprocess.run(
        [Path(sys.executable).parent / "dbt", "--no-use-colors", *arguments, "--profiles-dir", project],
        cwd=project, env=environment, text=True, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"dbt {' '.join(arguments)} failed in {project}:\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    return done.stdout


def new_project(folder, warehouse, case):
    """A user's project, with the package installed. JSON is YAML."""
    files = {
        "dbt_project.yml": {
            "name": "shop", "version": "1.0.0", "config-version": 2, "profile": "shop", "vars": case.variables},
        "packages.yml": {"packages": [{"local": str(PACKAGE)}]},
        "profiles.yml": {"shop": {"target": "it", "outputs": {"it": warehouse.profile(SCHEMA)}}},
    }
    if case.sources:
        files["models/sources.yml"] = case.sources
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2))


def differences(name, expected, actual):
    """Lines that say which rows differ; none if the multisets are equal."""
    missing, extra = Counter(expected), Counter(actual)
    missing, extra = missing - extra, extra - missing
    lines = [f"  {name}: missing {row}" for row in list(missing)[:3]]
    lines += [f"  {name}: not expected {row}" for row in list(extra)[:3]]
    if lines:
        lines.append(f"  {name}: {missing.total()} missing, {extra.total()} not expected, of {len(expected)}")
    return lines


def compare(warehouse, case, expected):
    _, found = warehouse.query(
        "select table_name, column_name, data_type from information_schema.columns"
        f" where table_schema = '{SCHEMA}' order by table_name, ordinal_position")
    _, kinds = warehouse.query(
        f"select table_name, table_type from information_schema.tables where table_schema = '{SCHEMA}'")
    wrong = []
    for table, columns in columns_of(case.rules).items():
        types = {column: TYPES.get(kind, kind) for name, column, kind in found if name == table}
        if list(types.items()) != list(columns.items()):
            wrong.append(f"  {table}: columns {types}, expected {columns}")
            continue
        kind = "BASE TABLE" if table.startswith("tracklet_") or table == "dbt_aliases_mapping" else case.kind
        if dict(kinds)[table] != kind:
            wrong.append(f"  {table}: is a {dict(kinds)[table]}, expected a {kind}")
        # In a warehouse a reject's source is the relation, and it has neither line nor raw text.
        compared = [c for c in columns if c not in ("source_file", "row_number", "raw")]
        _, actual = warehouse.query(f"select {', '.join(map(quoted, compared))} from {quoted(SCHEMA, table)}")
        wrong += differences(table, [tuple(row[c] for c in compared) for row in expected[table]], actual)
    return wrong


def compare_analysis(project, warehouse, expected):
    """The analysis is a query, and its order is part of it."""
    name = "dbt_top_users_by_avg_session_duration"
    run_dbt(project, "compile", "--select", name)
    sql = next(project.glob(f"target/compiled/tracklet/analyses/{name}.sql")).read_text()
    _, actual = warehouse.query(sql)
    expected = definition.top_users(expected)
    return [] if expected == actual else [f"  {name}: {actual[:3]}, expected {expected[:3]}"]


def check(warehouse, case, folder, tracks, seed):
    rows = [] if case.name == "nothing" else histories.packed(f"{seed}/{case.name}", tracks)
    if warehouse.holds_nul:
        for row in rows[::200]:
            row["event"] = "a\0b"
    started = time.monotonic()
    warehouse.execute([f'drop schema if exists {quoted(s)} cascade' for s in ("rudder", "my shop", SCHEMA)])
    case.load(warehouse, rows)
    project = folder / f"{warehouse.name}-{case.name}"
    project.mkdir()
    new_project(project, warehouse, case)
    run_dbt(project, "deps")
    log = run_dbt(project, "build")
    expected = definition.tables(rows, case.rules)
    wrong = compare(warehouse, case, expected) + compare_analysis(project, warehouse, expected)
    sizes = {table: len(found) for table, found in expected.items()}
    if "deprecat" in log.lower():
        wrong.append(f"  dbt speaks of deprecations:\n{log}")
    summary = next(line for line in log.splitlines() if "PASS=" in line).split("Done. ")[-1]
    print(f"{'FAIL' if wrong else 'ok'}: {warehouse.name} {case.name}: {len(rows)} rows, "
          f"{sizes['dbt_mapped_tracks']} tracks, {sizes['dbt_session_tracks']} sessions, "
          f"{sizes['tracklet_duplicates']} duplicates, {sizes['tracklet_rejects']} rejects; "
          f"dbt {summary}; {time.monotonic() - started:.1f} s", *wrong, sep="\n", flush=True)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", choices=["duckdb", "postgres"], action="append")
    parser.add_argument("--case", choices=[case.name for case in CASES], action="append")
    parser.add_argument("--tracks", type=int, default=20_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--keep", action="store_true", help="leave the projects and say where they are")
    options = parser.parse_args()
    adapters = options.adapter or ["duckdb", "postgres"]
    folder = Path(tempfile.mkdtemp(prefix="tracklet-dbt-"))
    with contextlib.ExitStack() as stack:
        if options.keep:
            print(f"projects are in {folder}")
        else:
            stack.callback(shutil.rmtree, folder)
        warehouses = []
        if "duckdb" in adapters:
            warehouses.append(DuckDb(folder / "warehouse.duckdb"))
        if "postgres" in adapters:
            warehouses.append(Postgres(stack.enter_context(servers.postgres())))
        results = [
            check(warehouse, case, folder, options.tracks, options.seed)
            for case in CASES if not options.case or case.name in options.case
            for warehouse in warehouses]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
