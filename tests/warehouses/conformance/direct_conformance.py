"""Runs the package's SQL, rendered without dbt, and compares every table with the definition, row for row.

All corpus cases and random histories, on DuckDB and PostgreSQL, and the SQL for Redshift on a stand-in, in seconds; `--mutations` also breaks the
SQL on purpose, one line at a time, and fails if no case notices.

    python tests/warehouses conformance.direct_conformance
        [--adapter duckdb|postgres|redshift] [--tracks N] [--seed N] [--mutations]
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

from conformance import mutations
from lib import corpus, direct
from lib.cases import FORGETFUL, RANDOM
from lib.comparison import compare
from lib.histories import SEED
from lib.warehouse import DuckDb, Postgres, Redshift, quoted
from stand_ins import servers

SCHEMA = "sessions"


def load(warehouse, case, rows):
    schemas = {schema for schema, _ in case.tables}
    warehouse.execute([f"drop schema if exists {quoted(schema)} cascade" for schema in schemas])
    case.load(warehouse, rows)


def differences(warehouse, case, expected, package=None):
    """Lines that say what is wrong with the tables made from the rows that are loaded."""
    renderer = direct.run(warehouse, case.tables, case.variables, SCHEMA, package)
    wrong = compare(warehouse, SCHEMA, case.rules, case.kind, expected)
    return wrong + [f"  data test {name} fails" for name in direct.failing_tests(warehouse, renderer)]


def check(warehouse, case, tracks, seed):
    started = time.monotonic()
    rows = warehouse.loadable(case.rows(seed, tracks))
    load(warehouse, case, rows)
    wrong = differences(warehouse, case, case.expected(rows))
    print(f"{'FAIL' if wrong else 'ok'}: {warehouse.name}, {case.name}: {len(rows)} rows, "
          f"{time.monotonic() - started:.1f} s", *wrong, sep="\n", flush=True)
    return not wrong


def check_mutations(warehouse, folder, cases, tracks, seed):
    """Each mutation for this warehouse must be noticed by the corpus; says by random histories if not."""
    alive = dict(mutations.packages(warehouse.name, folder))
    for case in cases:
        if not alive:
            break
        rows = warehouse.loadable(case.rows(seed, tracks))
        load(warehouse, case, rows)
        expected = case.expected(rows)
        for name, package in list(alive.items()):
            try:
                wrong = differences(warehouse, case, expected, package)
            except Exception as error:  # noqa: BLE001, a mutant may fail in any way
                wrong = [str(error)]
            if wrong:
                print(f"killed: {warehouse.name}, {name}, by {case.name}: {wrong[0].strip().splitlines()[0][:120]}", flush=True)
                del alive[name]
    for name in alive:
        print(f"FAIL: {warehouse.name}, {name} lives", flush=True)
    return not alive


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", choices=["duckdb", "postgres", "redshift"], action="append")
    parser.add_argument("--corpus", type=Path, default=corpus.CORPUS)
    parser.add_argument("--tracks", type=int, default=20_000)
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--mutations", action="store_true")
    options = parser.parse_args()
    adapters = options.adapter or ["duckdb", "postgres", "redshift"]
    shared = corpus.cases(options.corpus)
    if not shared:
        parser.error(f"no case below {options.corpus}")
    folder = Path(tempfile.mkdtemp(prefix="tracklet-sql-"))
    results = []
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        warehouses = []
        if "duckdb" in adapters:
            warehouses.append(DuckDb(":memory:"))
        if "postgres" in adapters:
            warehouses.append(Postgres(stack.enter_context(servers.postgres())))
        if "redshift" in adapters:
            warehouses.append(Redshift(":memory:"))
        for warehouse in warehouses:
            results += [check(warehouse, case, options.tracks, options.seed) for case in [*shared, *RANDOM, FORGETFUL]]
            if options.mutations:
                results.append(check_mutations(warehouse, folder, shared, options.tracks, options.seed))
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
