"""Random histories, cut into batches: after each the program runs, and every table must be, row for row, what the
definition makes of all that was loaded so far; and every run but the first must have taken the new rows alone. What is
committed long after its load time must be found by `--audit`, and by nothing else.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses conformance.increment_conformance
        [--redshift] [--histories N] [--seed N]
    TRACKLET_BIN=target/release/tracklet clouds.sh conformance.increment_conformance --clouds [--warehouse NAME]
    TRACKLET_BIN=target/debug/tracklet python tests/warehouses conformance.increment_conformance --sail

The histories are packed into one data set, each with its number before its ids, so that one run proves as many. What
fails is made smaller until a person can read it; `--only N` takes one history alone.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from conformance.growing_tables import ACCOUNTING, FUTURE, InDatabase
from lib import calls, cases, definition, histories, program
from lib.definition import Config
from lib.histories import SEED
from lib.shrinking import Shrinker, readable
from lib.warehouse import Postgres
from stand_ins import redshift_stand_in, servers

# The number of a batch whose load times are ten days before the first.
LATE = -40
# Seconds for making what fails smaller.
PATIENCE = 180


@dataclass
class Variant:
    """A configuration under which tables grow."""

    name: str
    share: float
    # How many batches; fewer on the stand-ins of clouds, where a run takes seconds.
    cuts: int
    cloud_cuts: int
    rules: Config = field(default_factory=Config)
    cursor: str = "loaded_at"
    materialize: str = "view"
    publish: str = "swap"
    tables: int = 1
    # The column by which the source tables are said to be partitioned.
    partition_time: str | None = None

    @property
    def kind(self):
        return "BASE TABLE" if self.materialize == "table" else "VIEW"


VARIANTS = [
    Variant("as it is", 1, 6, 3),
    Variant("duplicates kept", 0.3, 4, 2, cursor="received_at",
            rules=Config(timeout=31 * definition.MINUTE, exact=True, dedupe=False, flow_length=3, counts={"cnt_paid": ["paid"]})),
    Variant("events", 0.3, 4, 2, materialize="table", rules=cases.FEW_COLUMNS),
    # With events of every type and columns: two hundred on each warehouse.
    Variant("evidence", 0.85, 6, 3, rules=cases.FEW_WITH_EVIDENCE),
    Variant("ids of rows", 0.5, 6, 3, rules=cases.FEW_WITHOUT_IDS),
    Variant("tables", 0.3, 4, 2, materialize="table", publish="rows", tables=2, partition_time="loaded_at"),
]


def variants(growing):
    """Those that a server of a kind can hold."""
    return [variant for variant in VARIANTS if growing.holds_types or not variant.rules.events]


def accounting(tables):
    """What the row of the run should say."""
    sessionized, duplicates, rejected = (
        len(tables[name]) for name in ("dbt_mapped_tracks", "tracklet_duplicates", "tracklet_rejects"))
    evidence = len(tables.get("evidence", []))
    values = (sessionized + evidence + duplicates + rejected, sessionized, evidence, duplicates, rejected,
              len(tables["dbt_session_tracks"]), len(tables["dbt_user_session_facts"]))
    return dict(zip(ACCOUNTING, values, strict=True))


def failing(growing, variant, batches, report_run=None):
    """Loads the batches one by one and runs after each, and once more without anything new. The last batch is committed so
    late that its load times are out of sight: of it a run sees only the rows without any, and then one with `--audit` all.
    Gives the first lines that say what is wrong, none if all is well. `report_run` is called after each run."""
    growing.start(variant)
    seen, expected_mode = [], "full"
    *in_time, late = batches
    runs = [*((batch, number, ["run"]) for number, batch in enumerate(in_time)),
            (late, LATE, ["run"]), ([], LATE, ["run", "--audit"]), ([], LATE, ["run"])]
    hidden = []
    for place, (batch, number, arguments) in enumerate(runs):
        batch = [growing.stamped(row, number) for row in batch]
        growing.append(batch, number)
        # A load time that none can be yet hides nothing: such a row is looked at by every run, like one without any.
        of_no_time = [row for row in batch if growing.loaded_at(row, number) in (None, FUTURE)]
        in_sight = batch if number != LATE or expected_mode == "full" else of_no_time
        hidden += [row for row in batch if not any(row is other for other in in_sight)]
        seen += in_sight
        if "--audit" in arguments:
            seen += hidden
        started = time.monotonic()
        try:
            growing.run(*arguments)
        except program.Failed as error:
            return [f"  run {place + 1}: {error}"]
        seconds = time.monotonic() - started
        tables = definition.tables(seen, variant.rules)
        wrong = growing.differences(tables)
        expected, found = accounting(tables), growing.latest_run(*ACCOUNTING)
        if found != expected:
            wrong.append(f"  the row of the run says {found}, expected {expected}")
        mode = growing.latest_run("mode")["mode"]
        if mode != expected_mode:
            wrong.append(f"  the run was {mode}, expected {expected_mode}")
        if len(in_sight) > len(of_no_time):
            expected_mode = "incremental"
        if wrong:
            return [f"  after run {place + 1} ({' '.join(arguments)}):", *wrong]
        if report_run:
            report_run(place, len(batch), len(seen), seconds)
    return []


def check(growing, variant, number_of_histories, seed, only):
    """Whether a variant fails. Prints the outcome, and a small case if it fails."""
    started = time.monotonic()
    numbers = range(max(1, round(number_of_histories * variant.share))) if only is None else [only]
    number_of_cuts = variant.cloud_cuts if growing.is_slow else variant.cuts
    cuts = [histories.cut(number, f"{seed}/{variant.name}", number_of_cuts) for number in numbers]
    if variant.rules.events:
        cuts = [
            [calls.of_types(batch, variant.rules, f"{seed}/{number}/{place}") for place, batch in enumerate(batches)]
            for number, batches in zip(numbers, cuts, strict=True)]
    if variant.rules.ids_from_rows:
        cuts = [histories.without_ids(batches, f"{seed}/{number}") for number, batches in zip(numbers, cuts, strict=True)]
    batches = [growing.loadable([row for batch in some for row in batch]) for some in zip(*cuts, strict=True)]
    title = f"{growing.name}, {variant.name}: {len(numbers)} histories, {sum(map(len, batches))} rows, {number_of_cuts} cuts"

    def report_run(number, new, rows, seconds):
        print(f"  {growing.name}, {variant.name}, run {number + 1}: {new} new rows, {rows} seen, {seconds:.1f} s", flush=True)

    wrong = failing(growing, variant, batches, report_run)
    print(f"{'FAIL' if wrong else 'ok'}: {title}, {time.monotonic() - started:.1f} s", *wrong, sep="\n", flush=True)
    if wrong:
        shrinker = Shrinker(lambda smaller: failing(growing, variant, smaller), PATIENCE)
        least, lines = shrinker.shrink(batches, wrong)
        print(f"the least that fails, after {shrinker.tried} tries ({variant}):",
              *readable(least, definition.time_as_text), *lines, sep="\n", flush=True)
    return bool(wrong)


def in_clouds(name, options):
    """Whether anything fails on the stand-in for this warehouse."""
    # Only there they are installed.
    from conformance import cloud_conformance
    from conformance.growing_clouds import InCloud
    from statements import cloud_legality

    with cloud_conformance.stand_in(name) as (reader, folder):
        growing = InCloud(reader, folder)
        failed = [bool(check(growing, variant, options.histories, options.seed, options.only)) for variant in variants(growing)]
        if name == "bigquery":
            failed.append(bool(cloud_legality.differences(reader)))
        return any(failed)


def in_sail(options):
    """Whether anything fails on Sail."""
    # Only there it is installed.
    from conformance.growing_sail import InSail
    from stand_ins import sail_server

    with sail_server.sail() as sail, tempfile.TemporaryDirectory(prefix="tracklet-increments-") as folder:
        growing = InSail(sail, Path(folder))
        return any([check(growing, variant, options.histories, options.seed, options.only) for variant in variants(growing)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=240)
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--only", type=int, help="this history alone")
    parser.add_argument("--variant", choices=[variant.name for variant in VARIANTS], help="this variant alone")
    parser.add_argument("--redshift", action="store_true", help="on Redshift's stand-in")
    parser.add_argument("--sail", action="store_true", help="on Delta tables of Sail")
    parser.add_argument("--clouds", action="store_true", help="on the stand-ins for BigQuery and Snowflake")
    parser.add_argument("--warehouse", choices=["bigquery", "snowflake"], action="append")
    options = parser.parse_args()
    if options.variant:
        VARIANTS[:] = [variant for variant in VARIANTS if variant.name == options.variant]
    if options.sail:
        sys.exit(1 if in_sail(options) else 0)
    if options.clouds:
        from stand_ins import cloud_servers

        os.environ["TRACKLET_TEST_PASSWORD"] = "none"
        with ThreadPoolExecutor() as threads:
            failed = list(threads.map(lambda name: in_clouds(name, options), options.warehouse or cloud_servers.available()))
        sys.exit(1 if any(failed) else 0)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tracklet-increments-")))
        warehouse = stack.enter_context(redshift_stand_in.redshift()) if options.redshift else \
            Postgres(stack.enter_context(servers.postgres()))
        growing = InDatabase(warehouse, folder)
        failed = [check(growing, variant, options.histories, options.seed, options.only) for variant in variants(growing)]
    sys.exit(1 if any(failed) else 0)


if __name__ == "__main__":
    main()
