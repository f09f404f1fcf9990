"""Runs the models by `tracklet run --target` on PostgreSQL and compares every table, row for row: with the definition
for the corpus and random histories in typed tables, and with the program's own native engine for files that went in
by `tracklet load`.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses conformance.program_conformance
        [--redshift] [--tracks N] [--seed N]

With `--redshift` the target's type is that, on its stand-in.
"""

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
import time
import xml.etree.ElementTree
from pathlib import Path

import duckdb

from lib import calls, cases, corpus, figures, histories, program
from lib.comparison import columns_of, compare, differences
from lib.definition import Config, time_as_text
from lib.histories import SEED
from lib.warehouse import Postgres, plain, quoted
from stand_ins import redshift_stand_in, servers

SCHEMA = "sessions"
# A schema's name that escapes could break.
HOSTILE_SCHEMA = "it's \"my\" schema; drop -- \\"
# What a typed table can't hold.
UNTYPED = ("unreadable", "id_too_long", "name_too_long", "invalid_text", "bad_timestamp")


class ProgramKeepsAll(cases.KeepsAll):
    """The program's file takes only plain names for counts, and no count of nothing."""

    rules = Config(
        timeout=90_000_000, exact=True, dedupe=False, flow_length=3,
        counts={"cnt_quote": ["it's", 'say "hi"'], "cnt_backslash": ["back\\slash", "\\'; drop"],
                "cnt_other": ["new\nline", "naïve", "tab\there"]})


CASES = [case if not isinstance(case, cases.KeepsAll) else ProgramKeepsAll() for case in cases.RANDOM]


def settings(case, warehouse, publish):
    # The tables of other types are found beside those of tracks.
    tables = [table for table in case.tables if calls.type_of(table) == "track"]
    return program.configuration(
        case.rules, warehouse, SCHEMA, tables, case.variables.get("tracklet_columns", {}),
        case.variables.get("tracklet_where"), case.variables.get("tracklet_materialize", "view"), publish)


def check(warehouse, case, folder, tracks, seed, publish):
    """A case in typed tables: the program's tables against the definition, its data tests, twice over."""
    rows = warehouse.loadable(case.rows(seed, tracks))
    started = time.monotonic()
    warehouse.execute([f"drop schema if exists {quoted(s)} cascade" for s in ("rudder", "my shop", SCHEMA)])
    case.load(warehouse, rows)
    (folder / "tracklet.toml").write_text(settings(case, warehouse, publish))
    program.run(folder, "build", "--target", "pg")
    # Again, over what is there.
    program.run(folder, "run", "--target", "pg", "--threads", "2")
    expected = case.expected(rows)
    wrong = compare(warehouse, SCHEMA, case.rules, case.kind, expected)
    wrong += leftovers(warehouse, SCHEMA)
    if case.rules.events and expected["tracklet_events"]:
        wrong += explained(folder, expected["tracklet_events"][-1], case.rules)
    if expected.get("evidence"):
        wrong += evidence_explained(folder, expected)
    report(f"{case.name}, {publish}", len(rows), started, wrong)
    return not wrong


def explained(folder, event, rules):
    """Whether `explain event` shows the type of an event and what it carries."""
    printed = program.run(folder, "explain", "event", event["event_id"], "--target", "pg", "--format", "json").stdout
    names = ["event_type", *(column.name for column in rules.event_columns)]
    texts = {True: "true", False: "false"}
    expected = [[name, texts[event[name]] if isinstance(event[name], bool) else event[name]] for name in names if event[name] is not None]
    found = [story.get("columns") for story in json.loads(printed)["sessionized"]]
    return [] if found == [expected] else [f"  explain event {event['event_id']!r}: {str(found)[:400]}, expected {expected}"]


def evidence_explained(folder, expected):
    """Whether `explain` shows a row of evidence, and which evidence named the user of a visitor's devices."""
    def printed(subject, identity):
        return json.loads(program.run(folder, "explain", subject, identity, "--target", "pg", "--format", "json").stdout)

    evidence = expected["evidence"]
    latest, visitors = {}, {row["alias"]: row["dbt_visitor_id"] for row in expected["dbt_aliases_mapping"]}
    for row in [*expected["tracklet_events"], *evidence]:
        if row["anonymous_id"] and row["user_id"]:
            latest[row["anonymous_id"]] = max(row["timestamp"], latest.get(row["anonymous_id"], ""))
    deciding = {}
    for row in evidence:
        device, user = row["anonymous_id"], row["user_id"]
        if device and user == visitors[device] and row["timestamp"] == latest[device]:
            deciding.setdefault(user, set()).add(row["event_id"])
    sessions = {row["dbt_visitor_id"] for row in expected["dbt_user_session_facts"]}
    visitor = min(deciding.keys() & sessions)
    one = next(row for row in evidence if row["event_id"] in deciding[visitor])
    found = [{name: row[name] for name in ("event_id", "event_type", "anonymous_id", "user_id")} for row in printed("event", one["event_id"])["evidence"]]
    wrong = [] if found == [{name: one[name] for name in found[0]}] else [f"  explain event {one['event_id']!r}: {found}"]
    found = {row["event_id"] for row in printed("visitor", visitor)["named_by"]}
    if found != deciding[visitor]:
        wrong.append(f"  explain visitor {visitor!r}: {found}, expected {deciding[visitor]}")
    events = [row for row in expected["tracklet_events"] if row["anonymous_id"] == one["anonymous_id"] and row["user_id"] is None]
    for event in events[:1]:
        why = printed("event", event["event_id"])["sessionized"][0]["why_visitor"]
        if "evidence, the " not in why and len(deciding[visitor]) == 1:
            wrong.append(f"  explain event {event['event_id']!r}: {why}")
    return wrong


def leftovers(warehouse, schema):
    _, found = warehouse.query(
        "select table_name from information_schema.tables"
        f" where table_schema = '{schema.replace(chr(39), chr(39) * 2)}' and table_name like 'tracklet_aside%'")
    return [f"  left behind: {name}" for (name,) in found]


def report(name, rows, started, wrong):
    print(f"{'FAIL' if wrong else 'ok'}: {name}: {rows} rows, {time.monotonic() - started:.1f} s", *wrong,
          sep="\n", flush=True)


def write_lines(path, rows):
    """The rows as RudderStack's raw lines."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            line = {"type": row.get("event_type", "track"), "messageId": row["event_id"], "anonymousId": row["anonymous_id"],
                    "userId": row["user_id"], "event": row["event"], "timestamp": time_as_text(row["timestamp"]),
                    "receivedAt": time_as_text(row["received_at"]), **row.get("sources", {})}
            file.write(json.dumps({key: value for key, value in line.items() if value is not None}) + "\n")


def native_tables(folder, config):
    """The tables that the native engine wrote, read by DuckDB."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    tables = {}
    for table, columns in columns_of(config).items():
        files = f"{folder}/out/current/{table}/*.parquet"
        wanted = ", ".join(quoted(column) for column in columns)
        if not list(Path(folder).glob(f"out/current/{table}/*.parquet")):
            tables[table] = []
            continue
        found = connection.execute(f"select {wanted} from read_parquet('{files}')").fetchall()
        tables[table] = [tuple(map(plain, row)) for row in found]
    return tables


def check_against_native(warehouse, folder, name, paths, schema, tracks=None, publish="swap"):
    """Files by way of `load` and `run --target`, and by way of the native `run`."""
    started = time.monotonic()
    config = Config()
    warehouse.execute([f"drop schema if exists {quoted(schema)} cascade"])
    table = (schema, 'tracks "raw"; \\ --')
    (folder / "tracklet.toml").write_text(
        program.configuration(config, warehouse, schema, [table], publish=publish))
    # A snapshot that is there would be added to.
    shutil.rmtree(folder / "out", ignore_errors=True)
    program.run(folder, "run", *paths, "--out", "out", code=None)
    native = native_tables(folder, config)
    program.run(folder, "load", *paths, "--target", "pg", code=None)
    program.run(folder, "build", "--target", "pg")
    wrong = leftovers(warehouse, schema)
    for table, columns in columns_of(config).items():
        names = list(columns)
        expected = native[table]
        if table == "tracklet_rejects":
            # A table holds times where a file holds text, names that were normalised, and not every reject.
            reason = names.index("reason")
            expected = [row for row in expected if row[reason] not in UNTYPED]
            names = ["reason", "event_id", "anonymous_id", "user_id"]
            places = [list(columns).index(name) for name in names]
            expected = [tuple(row[place] or None for place in places) for row in expected]
        _, actual = warehouse.query(f"select {', '.join(map(quoted, names))} from {quoted(schema, table)}")
        if table == "tracklet_rejects":
            actual = [tuple(value or None for value in row) for row in actual]
        wrong += differences(table, expected, actual)
    report(f"native and warehouse, {name}", len(native["dbt_mapped_tracks"]), started, wrong)
    return not wrong


def check_what_people_see(warehouse, folder):
    """Of the example that `check_against_native` has left in both places: `report`, `tune`, `explain`, the user's own tests,
    and an export."""
    started = time.monotonic()
    wrong = figures.check(folder, "pg", figures.subjects(folder))
    tests = folder / "tests"
    tests.mkdir()
    (tests / "refunds.sql").write_text(
        "-- severity: warn\nselect event_id from {{ ref('dbt_track_facts') }} where event = 'order_refunded';\n")
    (tests / "nobody.sql").write_text("select 1 as one from {{ ref('dbt_track_facts') }} where dbt_visitor_id = ''")
    lines = program.run(folder, "test", "--target", "pg", "--format", "json", "--junit", "tests.xml").stdout.splitlines()
    results = {result["test"]: result for result in map(json.loads, lines)}
    refunds = results["refunds"]
    kept = (folder / refunds["rows"]).read_text().splitlines()
    if not refunds["passed"] or refunds["failures"] != len(kept) or not kept or results["nobody"]["failures"] != 0:
        wrong.append(f"  the user's tests: {refunds}, {results['nobody']}")
    suite = xml.etree.ElementTree.parse(folder / "tests.xml").getroot()
    if int(suite.get("tests")) != len(results) or suite.get("failures") != "0":
        wrong.append(f"  JUnit: {suite.attrib}")
    (tests / "broken.sql").write_text("select no_such_column from {{ ref('dbt_track_facts') }}")
    if "no_such_column" not in program.run(folder, "test", "--target", "pg", code=1).stderr:
        wrong.append("  a test that can't run is not reported")
    shutil.rmtree(tests)
    settings = (folder / "tracklet.toml").read_text()
    (folder / "tracklet.toml").write_text(settings.replace(f"schema = {program.toml(SCHEMA)}", 'schema = "exported"'))
    printed = program.run(folder, "export", "dbt_session_tracks", "dbt_user_session_facts", "--to", "pg").stderr
    again = program.run(folder, "export", "dbt_session_tracks", "--to", "pg", code=2).stderr
    program.run(folder, "export", "dbt_session_tracks", "--to", "pg", "--replace")
    for table in ("dbt_session_tracks", "dbt_user_session_facts"):
        names = ", ".join(map(quoted, columns_of(Config())[table]))
        rows = [warehouse.query(f"select {names} from {quoted(schema, table)}")[1] for schema in (SCHEMA, "exported")]
        wrong += differences(table, *rows)
    if "1,866 rows in exported.dbt_session_tracks" not in printed or "already exists" not in again:
        wrong.append(f"  export: {printed} {again}")
    (folder / "tracklet.toml").write_text(settings)
    report("what people see of the example", 15_000, started, wrong)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=20_000)
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--redshift", action="store_true")
    parser.add_argument("--example", action="store_true", help="the example alone")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tracklet-program-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        warehouse = stack.enter_context(redshift_stand_in.redshift()) if options.redshift else \
            Postgres(stack.enter_context(servers.postgres()))
        results = [
            check(warehouse, case, folder, min(options.tracks, 3000), options.seed, publish)
            for number, case in enumerate([] if options.example else [*corpus.cases(), *CASES])
            for publish in (["swap", "rows"] if number == 0 or case in CASES else ["swap"])]
        example = program.REPOSITORY / "examples" / "shop" / "rudder-logs"
        results.append(check_against_native(warehouse, folder, "the example", [str(example)], SCHEMA))
        results.append(check_what_people_see(warehouse, folder))
        if options.example:
            sys.exit(0 if all(results) else 1)
        generated = folder / "history.jsonl"
        write_lines(generated, histories.packed(f"{options.seed}/program", options.tracks))
        for publish in ("swap", "rows"):
            results.append(check_against_native(
                warehouse, folder, f"a generated history, {publish}", [str(generated)], HOSTILE_SCHEMA, publish=publish))
        if options.redshift and not (warehouse.relay.layouts and warehouse.relay.differences):
            raise SystemExit("nothing of Redshift's own was sent")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
