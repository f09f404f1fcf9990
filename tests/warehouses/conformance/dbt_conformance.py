"""Runs the dbt package as its users do, and compares every table with the definition, row for row.

A new dbt project installs dbt/, as a local package or from a git repository, and builds it, on DuckDB and on
PostgreSQL, for each of a few configurations: random histories, and the corpus cases that share the most
common one. Many histories go into one run; the ids keep them apart.

    python tests/warehouses conformance.dbt_conformance
        [--adapter duckdb|postgres] [--case NAME] [--install local|git] [--every] [--tracks N] [--seed N]
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
from pathlib import Path
from types import SimpleNamespace

from lib import corpus, definition
from lib.cases import FORGETFUL, RANDOM
from lib.comparison import compare
from lib.histories import SEED
from lib.warehouse import DuckDb, Postgres, quoted
from stand_ins import servers

PACKAGE = Path(__file__).resolve().parents[3] / "dbt"
SCHEMA = "sessions"
# Whoever commits it is of no account.
AUTHOR = {f"GIT_{who}_{what}": "tests" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
CASES = [*RANDOM, FORGETFUL, *corpus.cases(Path(os.environ.get("TRACKLET_CORPUS", corpus.CORPUS)))[:1]]


def run_dbt(project, *arguments):
    # Another time zone than UTC: no result may depend on it.
    environment = os.environ | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "TZ": "Asia/Kolkata"}
    done = subprocess.run(
        [Path(sys.executable).parent / "dbt", "--no-use-colors", *arguments, "--profiles-dir", project],
        cwd=project, env=environment, text=True, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"dbt {' '.join(arguments)} failed in {project}:\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    return done.stdout


def git_repository(folder):
    """A repository that holds the package in its folder `dbt`, as it is here and now."""
    shutil.copytree(PACKAGE, folder / "dbt", ignore=shutil.ignore_patterns("target", "dbt_packages", "logs"))
    for arguments in (["init", "--quiet", "--initial-branch=main"], ["add", "."], ["commit", "--quiet", "-m", "The package"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, env=os.environ | AUTHOR)
    return {"git": folder.as_uri(), "subdirectory": "dbt", "revision": "main"}


def new_project(folder, warehouse, case, package):
    """A user's project, which installs the package. JSON is YAML."""
    files = {
        "dbt_project.yml": {
            "name": "shop", "version": "1.0.0", "config-version": 2, "profile": "shop", "vars": case.variables},
        "packages.yml": {"packages": [package]},
        "profiles.yml": {"shop": {"target": "it", "outputs": {"it": warehouse.profile(SCHEMA)}}},
    }
    if case.sources:
        files["models/sources.yml"] = case.sources
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2))


def compare_analysis(project, warehouse, expected):
    """The analysis is a query, and its order is part of it."""
    name = "dbt_top_users_by_avg_session_duration"
    run_dbt(project, "compile", "--select", name)
    sql = next(project.glob(f"target/compiled/tracklet/analyses/{name}.sql")).read_text()
    _, actual = warehouse.query(sql)
    expected = definition.top_users(expected)
    return [] if expected == actual else [f"  {name}: {actual[:3]}, expected {expected[:3]}"]


# Variables that the package must refuse, where they are set, and what it says.
REFUSED = [
    ({"tracklet_timout": 5}, None, "no variable tracklet_timout: did you mean tracklet_timeout?"),
    ({"tracklet_session_timeout": 5}, None, "did you mean tracklet_timeout?"),
    ({}, {"tracklet_boundry_rule": "exact"}, "did you mean tracklet_boundary?"),
    ({"tracklet_columns": {"evnt_id": "id"}}, None, "no column evnt_id: did you mean event_id?"),
    ({"tracklet_flow_length": 0}, None, "write a whole number"),
    ({"tracklet_source_tables": "rudder.tracks"}, None, "write a list"),
    ({"tracklet_event_columns": {"x": {"hots": "url"}}}, None, "tracklet_event_columns.x has hots: did you mean host?"),
    ({"tracklet_event_columns": {"x": {"host": "url", "os_name": "name"}}}, None, "os_name stands beside os or device_category"),
    ({"tracklet_event_columns": {"x": {"host": "url", "number": "n"}}}, None, "write a column, a list of columns, or one of"),
    ({"tracklet_session_columns": {"x": {"frist": "event"}}}, None, "tracklet_session_columns.x has frist: did you mean first?"),
    ({"tracklet_session_columns": {"x": {"first": "event", "last": "event"}}}, None, "write one of {first: column}, {last: column}"),
    ({"tracklet_session_columns": {"x": "event"}}, None, "write one of {first: column}, {last: column}"),
    ({"tracklet_session_columns": {"x": {"first": ["event"]}}}, None, "first takes the name of a column of tracklet_events"),
    ({"tracklet_session_columns": {"x": {"first": "event", "of": []}}}, None, "of takes a name or a list of names"),
    ({"tracklet_session_columns": {"x": {"count": "event", "at": "event"}}}, None, "at: it stands beside first and last"),
    ({"tracklet_session_columns": {"x": {"first": "evnt"}}}, None, "takes the column evnt, which events do not have: did you mean event?"),
    ({"tracklet_session_columns": {"x": {"first": "*"}}}, None, "add it to tracklet_event_columns; events have event_id"),
    ({"tracklet_session_columns": {"x": {"sum": "event"}}}, None, "which is a text: it is of a number; {number: column}"),
    ({"tracklet_evidence": ["identfy"]}, None, "tracklet_evidence has identfy: did you mean identify?"),
    ({"tracklet_evidence": ["track"]}, None, "calls are events or evidence"),
    ({"tracklet_evidence": "identify"}, None, "write a list: [identify]"),
    ({"tracklet_columns": {"event_id": "from_row"}, "tracklet_evidence": ["identify"]}, None, "tracklet_evidence can't stand"),
    ({"tracklet_columns": {"event_id": "from_row"}, "tracklet_dedupe": False}, None, "tracklet_dedupe says nothing"),
]


def check_refusals(warehouse, folder, packages):
    """A variable with a slip in its name must not be passed over."""
    case = CASES[0]
    warehouse.execute([f'drop schema if exists {quoted(s)} cascade' for s in ("rudder", SCHEMA)])
    case.load(warehouse, warehouse.loadable(case.rows("1", 50)))
    wrong = []
    for number, (variables, of_command_line, said) in enumerate(REFUSED):
        project = folder / f"refused-{number}"
        project.mkdir()
        new_project(project, warehouse, SimpleNamespace(variables=case.variables | variables, sources=None), packages["local"])
        run_dbt(project, "deps")
        given = ["--vars", json.dumps(of_command_line)] if of_command_line else []
        try:
            run_dbt(project, "compile", "--select", "tracklet_staged", *given)
            wrong.append(f"  {variables} {of_command_line}: not refused")
        except SystemExit as error:
            if said not in " ".join(str(error).split()):
                wrong.append(f"  {variables} {of_command_line}: {error}")
    print(f"{'FAIL' if wrong else 'ok'}: {len(REFUSED)} variables that the package refuses", *wrong, sep="\n", flush=True)
    return not wrong


def check(warehouse, case, folder, packages, install, tracks, seed):
    rows = warehouse.loadable(case.rows(seed, tracks))
    started = time.monotonic()
    warehouse.execute([f'drop schema if exists {quoted(s)} cascade' for s in ("rudder", "my shop", SCHEMA)])
    case.load(warehouse, rows)
    project = folder / f"{warehouse.name}-{case.name}-{install}"
    project.mkdir()
    new_project(project, warehouse, case, packages[install])
    run_dbt(project, "deps")
    log = run_dbt(project, "build")
    expected = case.expected(rows)
    wrong = compare(warehouse, SCHEMA, case.rules, case.kind, expected) + compare_analysis(project, warehouse, expected)
    sizes = {table: len(found) for table, found in expected.items()}
    if "deprecat" in log.lower():
        wrong.append(f"  dbt speaks of deprecations:\n{log}")
    summary = next(line for line in log.splitlines() if "PASS=" in line).split("Done. ")[-1]
    print(f"{'FAIL' if wrong else 'ok'}: {warehouse.name} {case.name}, {install} package: {len(rows)} rows, "
          f"{sizes['dbt_mapped_tracks']} tracks, {sizes['dbt_session_tracks']} sessions, "
          f"{sizes['tracklet_duplicates']} duplicates, {sizes['tracklet_rejects']} rejects; "
          f"dbt {summary}; {time.monotonic() - started:.1f} s", *wrong, sep="\n", flush=True)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", choices=["duckdb", "postgres"], action="append")
    parser.add_argument("--case", choices=[case.name for case in CASES], action="append")
    parser.add_argument("--install", choices=["local", "git"], action="append",
                        help="from where; both for the defaults on the first, else local, if not said")
    parser.add_argument("--tracks", type=int, default=20_000)
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--every", action="store_true", help="every configuration on both")
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
        packages = {"local": {"local": str(PACKAGE)}, "git": git_repository(folder / "repository")}
        results = [
            check(warehouse, case, folder, packages, install, options.tracks, options.seed)
            for number, case in enumerate(CASES) if not options.case or case.name in options.case
            for place, warehouse in enumerate(warehouses)
            # A build takes half a minute, whatever its rows: what stands between the defaults and the corpus takes turns.
            if options.case or options.every or number in (0, len(CASES) - 1) or number % len(warehouses) == place
            for install in options.install or (["local", "git"][:2 - place] if case is CASES[0] else ["local"])]
        if not options.case:
            results.append(check_refusals(warehouses[-1], folder, packages))
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
