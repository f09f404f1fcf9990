"""`tracklet build` on a schema that dbt has built, and dbt on what it made of it: each takes the place of the other's tables
and views, and the rows are right.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses conformance.program_after_dbt [--tracks N] [--seed N]
"""

import argparse
import sys
import tempfile
from pathlib import Path

from conformance import dbt_conformance, program_conformance
from lib import program
from lib.comparison import compare
from lib.histories import SEED
from lib.warehouse import Postgres, quoted
from stand_ins import servers


def check(warehouse, folder, case, publish, options):
    """What differs, once dbt, the program, and dbt again have built."""
    rows = warehouse.loadable(case.rows(options.seed, options.tracks))
    warehouse.execute([f"drop schema if exists {quoted(s)} cascade" for s in ("rudder", "my shop", program_conformance.SCHEMA)])
    case.load(warehouse, rows)
    project = folder / f"{case.name}-{publish}"
    project.mkdir()
    dbt_conformance.new_project(project, warehouse, case, {"local": str(dbt_conformance.PACKAGE)})
    dbt_conformance.run_dbt(project, "deps")
    dbt_conformance.run_dbt(project, "build")
    (folder / "tracklet.toml").write_text(program_conformance.settings(case, warehouse, publish))
    expected = case.expected(rows)
    wrong = []
    # Twice: on what dbt has made, and on what is the program's own but for dbt's view of the tracks.
    for _ in range(2):
        program.run(folder, "build", "--target", "pg", "--full-refresh")
        wrong += compare(warehouse, program_conformance.SCHEMA, case.rules, case.kind, expected)
    dbt_conformance.run_dbt(project, "build")
    wrong += compare(warehouse, program_conformance.SCHEMA, case.rules, case.kind, expected)
    print(f"{'FAIL' if wrong else 'ok'}: {case.name}, {publish}: built by dbt, by the program, by dbt", *wrong, sep="\n", flush=True)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=1000)
    parser.add_argument("--seed", default=SEED)
    options = parser.parse_args()
    with servers.postgres() as port, tempfile.TemporaryDirectory(prefix="tracklet-after-dbt-") as name:
        warehouse = Postgres(port)
        cases = [case for case in program_conformance.CASES if case.name == "defaults"]
        results = [check(warehouse, Path(name), case, publish, options) for case in cases for publish in ("swap", "rows")]
    sys.exit(0 if all(results) and results else 1)


if __name__ == "__main__":
    main()
