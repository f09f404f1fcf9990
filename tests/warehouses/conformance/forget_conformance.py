"""People forgotten in tables that grow: random histories, of each of which a visitor, users, devices, or ids that are never
seen are forgotten on the way. Then, and after all later runs, though the source keeps every row, the tables must be, row for
row, what the definition makes of the rows without these people's; nowhere may their ids be read; and a rebuild must find
everything as it is.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses conformance.forget_conformance
        [--redshift] [--histories N] [--seed N]
    TRACKLET_BIN=target/release/tracklet clouds.sh conformance.forget_conformance --clouds [--warehouse NAME]
    TRACKLET_BIN=target/release/tracklet python tests/warehouses conformance.forget_conformance --sail [--histories N]

On PostgreSQL the native engine forgets the same people on the way through the same files, and must come to the same tables;
and erasures are cut off at each statement. On Delta tables, of which each changes by itself, an erasure rebuilds all tables.
"""

import argparse
import contextlib
import os
import random
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from conformance.growing_tables import ACCOUNTING, SCHEMA, InDatabase
from conformance.increment_conformance import LATE, Variant, accounting
from conformance.program_conformance import native_tables, write_lines
from crashes.increment_cuts import MANY, Cutting, Relayed
from crashes.program_crashes import state
from lib import calls, cases, comparison, definition, histories, program
from lib.definition import Config
from lib.functions import DOCUMENTED
from lib.histories import SEED
from lib.shrinking import Shrinker, history_of, readable
from lib.warehouse import Postgres
from stand_ins import redshift_stand_in, servers

VARIANTS = [
    Variant("as it is", 1, 5, 3),
    Variant("duplicates kept", 0.4, 4, 2, cursor="received_at",
            rules=Config(timeout=31 * definition.MINUTE, exact=True, dedupe=False, flow_length=3, counts={"cnt_paid": ["paid"]})),
    Variant("evidence", 0.5, 5, 2, rules=cases.FEW_WITH_EVIDENCE),
    Variant("ids of rows", 0.5, 5, 2, rules=cases.FEW_WITHOUT_IDS),
    Variant("tables", 0.4, 4, 2, materialize="table", publish="rows", tables=2),
]
PATIENCE = 120
# The files with the statements of an erasure.
SENT = ("forget_hashes", "forget_staged", "increment_pairs", "increment_aliases", "increment_restarts", "increment_events",
        "increment_sessions", "forget_exchange")
OPTIONS = {"v": "--visitor", "u": "--user-id", "a": "--anonymous-id"}
# What differs from run to run, and has no row of a person.
OF_RUNS = ("tracklet_runs", "tracklet_turn", "tracklet_forgotten")


def held(growing):
    """The variants that a server of a kind can hold."""
    return [variant for variant in VARIANTS if growing.holds_types or not variant.rules.events]


class People:
    """Who is forgotten so far."""

    def __init__(self, rules):
        self.rules, self.forgotten = rules, set()

    def keeps(self, row):
        return not definition.ids_of(row, self.rules) & self.forgotten

    def remaining(self, rows):
        return [row for row in rows if self.keeps(row)]

    def forget(self, subjects, rows):
        """A visitor is all ids that belong to it by the tables that are there."""
        tables = definition.tables(self.remaining(rows), self.rules)
        self.forgotten |= subjects | {
            ("v", alias["alias"]) for alias in tables["dbt_aliases_mapping"] if ("v", alias["dbt_visitor_id"]) in subjects}


def chosen(batches, seed, share):
    """Some ids of some histories."""
    by_history = {}
    for row in (row for batch in batches for row in batch):
        number = history_of(row)
        for name in ("anonymous_id", "user_id"):
            if number and row[name] and "\0" not in row[name] and not row[name].startswith("-"):
                by_history.setdefault(number, set()).add(row[name])
    subjects = set()
    for number, ids in sorted(by_history.items()):
        draw = random.Random(f"{seed}/{number}")
        ids = [*sorted(ids), f"{number}|nobody"]
        if draw.random() < share:
            subjects |= {(draw.choice("vvvua"), draw.choice(ids)) for _ in range(draw.choice([1, 1, 2]))}
    return subjects


def arguments(subjects):
    return [f"{OPTIONS[letter]}={identity}" for letter, identity in sorted(subjects)]



def still_readable(contents, rows, kept, expected):
    """Lines that say where something of a forgotten person can be read."""
    columns = ("event_id", "anonymous_id", "user_id")
    gone = {row[name] for row in rows for name in columns if row[name]} - {row[name] for row in kept for name in columns}
    gone = sorted(gone, key=len)
    allowed = {value for row in kept for value in row.values() if isinstance(value, str)}
    allowed |= {value for table in expected.values() for row in table for value in row.values() if isinstance(value, str)}
    wrong = []
    for table, found in contents.items():
        others = {value for row in found for value in row if isinstance(value, str)} - allowed
        wrong += [f"  {table} has {value!r}, of {identity!r}" for value in others for identity in gone if identity in value]
    return wrong[:5]


def illegal(growing):
    """Lines that say what the vendor would not take of the statements that an erasure sent, which the program writes down."""
    wrong = []
    if growing.name in DOCUMENTED:
        from statements import cloud_scripts

        files = sorted((growing.folder / "target" / "compiled" / growing.target).glob("*.sql"))
        files = [path for path in files if path.stem in SENT]
        if len(files) < len(SENT):
            wrong.append(f"  only {len(files)} files with statements")
        for path in files:
            wrong += [f"{path.stem}:{line}" for line in cloud_scripts.illegal(path.read_text("utf-8"), growing.name)]
    return wrong


class Lane:
    """A variant's tables from the first run to the last."""

    def __init__(self, growing, variant, seed, native=False):
        self.growing, self.variant, self.seed = growing, variant, seed
        self.people, self.rows = People(variant.rules), []
        self.is_always_rebuilt = growing.name == "sail"
        # Rows whose load time hides them until a run looks at all.
        self.native = native
        growing.start(variant)
        if native:
            shutil.rmtree(growing.folder / "files", ignore_errors=True)
            shutil.rmtree(growing.folder / "out", ignore_errors=True)
            (growing.folder / "files").mkdir()
            # Files have names of events as people give them.
            text = (growing.folder / "tracklet.toml").read_text()
            (growing.folder / "native.toml").write_text(text.replace("[source]\n", '[source]\nevent_names = "raw"\n'))

    def append(self, batch, number):
        batch = [self.growing.stamped(row, number) for row in batch]
        self.growing.append(batch, number)
        self.rows += batch
        if self.native:
            write_lines(self.growing.folder / "files" / f"{number:03}.jsonl", batch)

    def run(self, *options):
        """A run, and what differs then."""
        printed = self.growing.run("run", *options).stderr
        if self.native:
            self.run_natively("run", "files")
        wrong = self.differences()
        if "--audit" in options:
            wrong += self.days_that_differ(printed)
        return wrong

    def days_that_differ(self, printed):
        """Lines that say on which days an audit, as the program tells it, took the source for another than what was seen."""
        days = [line for line in printed.splitlines() if line.startswith("audit: ") and "on every day" not in line]
        if self.growing.name == "snowflake":
            # fakesnow adds hashes up as doubles, in any order: of days with the same number of rows nothing is known.
            numbers = [re.findall(r"(\d[\d,]*) (?:rows in the source|had been seen)", line) for line in days]
            days = [line for line, (source, seen) in zip(days, numbers, strict=True) if source != seen]
        # A run that has to take all rows has nothing to compare.
        elif not days and "on every day" not in printed and "full run" not in printed:
            days = ["audit: nothing was reported"]
        return [f"  {line}" for line in days]

    def run_natively(self, *options):
        program.run(self.growing.folder, *options, "--config", "native.toml", "--out", "out", code=None)

    def forget(self, subjects, is_rebuilt=False):
        is_rebuilt = is_rebuilt or self.is_always_rebuilt
        before = len(self.people.remaining(self.rows))
        self.people.forget(subjects, self.rows)
        printed = self.growing.run("forget", *arguments(subjects)).stderr
        if self.native:
            self.run_natively("forget", *arguments(subjects))
        wrong = self.differences()
        count = before - len(self.people.remaining(self.rows))
        if not any(line.startswith(f"{count:,} rows erased") for line in printed.splitlines()):
            wrong.append(f"  {count} rows should have been erased: {printed[-700:]}")
        if count and not is_rebuilt:
            wrong += illegal(self.growing)
        mode = self.growing.latest_run("mode")["mode"]
        if mode != ("full" if is_rebuilt else "forget"):
            wrong.append(f"  the run was {mode}")
        return wrong

    def differences(self):
        kept = self.people.remaining(self.rows)
        tables = definition.tables(kept, self.growing.variant.rules)
        wrong = self.growing.differences(tables)
        expected, found = accounting(tables), self.growing.latest_run(*ACCOUNTING)
        if found != expected:
            wrong.append(f"  the row of the run says {found}, expected {expected}")
        if self.people.forgotten:
            wrong += still_readable(self.growing.contents(), self.rows, kept, tables)
        if self.native:
            wrong += self.other_than_native(tables)
        return wrong

    def other_than_native(self, tables):
        config = self.growing.variant.rules
        found = native_tables(self.growing.folder, config)
        wrong = []
        for table, columns in comparison.columns_of(config).items():
            # Of what is no track, files tell another reason than typed columns.
            if table != "tracklet_rejects":
                expected = [tuple(row.get(name) for name in columns) for row in tables[table]]
                wrong += [f"  native:{line}" for line in comparison.differences(table, expected, found[table])]
        return wrong

    def lasting(self):
        contents = self.growing.contents()
        # Which of rows that are alike but for their load time is the duplicate may be another each time.
        rules = self.variant.rules
        loaded_at = 6 + (1 + len(rules.event_columns) if rules.events else 0)
        contents["tracklet_staged"] = [(*row[:loaded_at], *row[loaded_at + 1:]) for row in contents["tracklet_staged"]]
        if not self.variant.rules.dedupe:
            # And which of tracks that are alike in every key of the order has which user.
            contents["tracklet_event_facts"] = [(*row[:2], *row[3:]) for row in contents["tracklet_event_facts"]]
        return {name: sorted(map(repr, rows)) for name, rows in contents.items() if name not in OF_RUNS}

    def steps(self, batches):
        """What is done, one after the other, as (name, function that gives what is wrong)."""
        *in_time, late = batches if len(batches) > 1 else [*batches, []]
        middle = len(in_time) // 2
        for number, batch in enumerate(in_time):
            yield f"run {number}", lambda batch=batch, number=number: self.append(batch, number) or self.run()
            if number == middle:
                subjects = chosen(batches, f"{self.seed}/middle", 0.5)
                yield "forget in the middle", lambda subjects=subjects: self.forget(subjects) if subjects else []
        subjects = chosen(batches, f"{self.seed}/end", 0.5)
        yield "forget in the end", lambda: self.forget(subjects) if subjects else []
        yield "forget again", lambda: self.forget(subjects) if subjects else []
        # Load times long ago: an audit sees them, but not what was forgotten.
        yield "late rows", lambda: self.append(late, LATE) or self.growing.run("run", "--audit") and []
        yield "audit", lambda: self.run("--audit")
        yield "rebuild", self.rebuild
        yield "forget with another configuration", self.forget_with_another_configuration
        yield "the last run", self.run

    def rebuild(self):
        before = self.lasting()
        wrong = self.run("--full-refresh")
        after = self.lasting()
        return wrong + [f"  {name} is another after a rebuild" for name in after if before.get(name) != after[name]]

    def forget_with_another_configuration(self):
        """A configuration that has changed: all tables are rebuilt."""
        rules = self.variant.rules
        # Sail, unlike Delta Lake, replaces no table by one that has more columns.
        length = rules.flow_length - 1 if self.is_always_rebuilt else 4
        self.growing.variant = replace(self.variant, rules=replace(rules, flow_length=length))
        self.growing.configure()
        self.native = False
        subjects = chosen([self.rows], f"{self.seed}/anew", 0.2)
        return self.forget(subjects, is_rebuilt=True) if subjects else []


def failing(growing, variant, batches, seed, native=False, printed=None):
    """The first lines that say what is wrong, none if all is well."""
    lane = Lane(growing, variant, seed, native)
    for name, step in lane.steps(batches):
        started = time.monotonic()
        try:
            wrong = step()
        except program.Failed as error:
            wrong = [f"  {error}"]
        if wrong:
            return [f"  {name}:", *wrong]
        if printed:
            printed(name, time.monotonic() - started)
    return []


def check(growing, variant, options):
    started = time.monotonic()
    numbers = range(max(1, round(options.histories * variant.share))) if options.only is None else [options.only]
    number_of_cuts = variant.cloud_cuts if growing.is_slow else variant.cuts
    seed = f"{options.seed}/{variant.name}/forget"
    cuts = [histories.cut(number, seed, number_of_cuts) for number in numbers]
    if variant.rules.events:
        cuts = [
            [calls.of_types(batch, variant.rules, f"{seed}/{number}/{place}") for place, batch in enumerate(batches)]
            for number, batches in zip(numbers, cuts, strict=True)]
    if variant.rules.ids_from_rows:
        cuts = [histories.without_ids(batches, f"{seed}/{number}") for number, batches in zip(numbers, cuts, strict=True)]
    batches = [growing.loadable([row for batch in some for row in batch]) for some in zip(*cuts, strict=True)]
    native = growing.name == "postgres" and variant.name in ("as it is", "evidence")
    title = f"{growing.name}, {variant.name}: {len(numbers)} histories, {sum(map(len, batches))} rows"

    def printed(name, seconds):
        print(f"  {growing.name}, {variant.name}, {name}: {seconds:.1f} s", flush=True)

    wrong = failing(growing, variant, batches, seed, native, printed)
    print(f"{'FAIL' if wrong else 'ok'}: {title}, {time.monotonic() - started:.1f} s", *wrong, sep="\n", flush=True)
    if wrong:
        shrinker = Shrinker(lambda smaller: failing(growing, variant, smaller, seed, native), PATIENCE)
        least, lines = shrinker.shrink(batches, wrong)
        print(f"the least that fails, after {shrinker.tried} tries ({variant}):",
              *readable(least, definition.time_as_text), *lines, sep="\n", flush=True)
    return bool(wrong)


class CuttingAt(Cutting):
    """Cuts the connection also before the first statement with some words in it."""

    words = None

    def passing(self, statement):
        if self.words and self.words in statement:
            self.words = None
            raise ConnectionAbortedError
        return super().passing(statement)


class Cuts:
    """Erasures on PostgreSQL whose connection is cut at each statement: the old tables, or the new ones."""

    def __init__(self, growing, relay, rows, seed):
        self.growing, self.relay, self.wrong = growing, relay, []
        self.lane = Lane(growing, Variant("cuts", 1, 0, 0), seed)
        self.lane.append(rows, 0)
        self.note("the first run", self.lane.run())
        # As many erasures as come to their end.
        self.subjects = iter(sorted((number, some) for number, some in by_history(chosen([rows], seed, 0.9)).items()))

    def note(self, what, lines):
        self.wrong += [f"{what}: {line.strip()}" for line in lines]

    def some(self):
        """The next people to forget."""
        subjects = next(self.subjects)[1]
        self.lane.people.forget(subjects, self.lane.rows)
        return subjects

    def cut_at_each(self, after):
        """Cuts erasures at every statement that they send, one further each time, until one comes to its end without."""
        word, published = "after" if after else "before", 0
        subjects, before = self.some(), self.state()
        for at in range(1, MANY):
            self.relay.cut(at, after)
            with contextlib.suppress(program.Failed):
                self.growing.run("forget", *arguments(subjects))
            is_cut, _ = self.relay.count >= at, self.relay.cut(None)
            self.wait()
            if self.state() != before:
                # The commit was sent: all tables are the new ones, and nothing of the person is in the staging tables that are left.
                published += 1
                kept = self.lane.people.remaining(self.lane.rows)
                tables = definition.tables(kept, self.growing.variant.rules)
                found = comparison.compare(self.growing.warehouse, SCHEMA, self.growing.variant.rules, "VIEW", tables)
                contents = self.growing.contents()
                self.note(f"cut {word} statement {at}", found + still_readable(contents, self.lane.rows, kept, tables))
                if not is_cut:
                    break
                subjects, before = self.some(), self.state()
        print(f"cut {word} each of {at - 1} statements; {published} erasures had come to their end", flush=True)
        self.note("the next run", self.lane.run())

    def state(self):
        """What readers see, and whether the run has published."""
        return state(self.growing.warehouse), self.growing.latest_run("sequence_number")

    def wait(self):
        """The server may still be at work on what was sent."""
        end = time.monotonic() + 5
        query = ("select count(*) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'"
                 " and state <> 'idle'")
        while self.growing.warehouse.query(query)[1][0][0] and time.monotonic() < end:
            time.sleep(0.01)

    def noted_alone(self):
        """Hashes that were noted by an erasure that must take all rows, and is cut off then: the next run takes all rows."""
        lane, growing = self.lane, self.growing
        subjects, rules, before = self.some(), growing.variant.rules, self.state()
        growing.variant.rules = replace(rules, flow_length=2)
        growing.configure()
        self.relay.words = '_tracklet_staged"\nas'
        with contextlib.suppress(program.Failed):
            growing.run("forget", *arguments(subjects))
        self.wait()
        if self.relay.words or self.state() != before:
            self.wrong.append("hashes were not only noted")
        # As if the configuration had never changed: an increment would do, but for the hashes.
        growing.variant.rules = rules
        growing.configure()
        for expected in ({"mode": "full", "reason": "ids were forgotten"}, {"mode": "incremental", "reason": "0 new rows"}):
            self.note("after hashes were noted", lane.run())
            found = growing.latest_run("mode", "reason")
            if found != expected:
                self.wrong.append(f"a run after hashes were noted was {found}, expected {expected}")


def by_history(subjects):
    found = {}
    for letter, identity in subjects:
        found.setdefault(identity.split("|")[0], set()).add((letter, identity))
    return found


def check_cuts(port, folder, seed):
    relay = CuttingAt(port)
    growing = InDatabase(Relayed(port, relay), folder)
    rows = growing.loadable([row for number in range(120) for row in histories.cut(number, f"{seed}/cuts", 1)[0]])
    cuts = Cuts(growing, relay, rows, seed)
    cuts.cut_at_each(after=False)
    cuts.cut_at_each(after=True)
    cuts.noted_alone()
    relay.close()
    print(*(cuts.wrong[:20] or ["ok: cut anywhere, old tables or new ones, and the next run was exact"]), sep="\n", flush=True)
    return bool(cuts.wrong)


def in_clouds(name, options):
    # Only there it is installed.
    from conformance import cloud_conformance
    from conformance.growing_clouds import InCloud
    from statements import cloud_legality

    with cloud_conformance.stand_in(name) as (reader, folder):
        growing = InCloud(reader, folder)
        # BigQuery's stand-in takes some 15 seconds for a run: the rule for duplicates, which the others try, is left to --every-variant.
        variants = [variant for variant in held(growing) if variant.rules.dedupe or name != "bigquery" or options.every_variant]
        print(f"{name}: {', '.join(variant.name for variant in variants)}", flush=True)
        failed = [check(growing, variant, options) for variant in variants]
        if name == "bigquery":
            failed.append(bool(cloud_legality.differences(reader)))
        return any(failed)


def in_sail(options):
    # Only there it is installed.
    from conformance.growing_sail import InSail
    from stand_ins import sail_server

    with sail_server.sail() as sail, tempfile.TemporaryDirectory(prefix="tracklet-forget-") as folder:
        growing = InSail(sail, Path(folder))
        return any([check(growing, variant, options) for variant in held(growing)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=200)
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--only", type=int, help="this history alone")
    parser.add_argument("--variant", choices=[variant.name for variant in VARIANTS], help="this variant alone")
    parser.add_argument("--redshift", action="store_true", help="on Redshift's stand-in")
    parser.add_argument("--sail", action="store_true", help="on Delta tables of Sail")
    parser.add_argument("--clouds", action="store_true", help="on the stand-ins for BigQuery and Snowflake")
    parser.add_argument("--every-variant", action="store_true", help="on BigQuery's stand-in, too")
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
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tracklet-forget-")))
        if options.redshift:
            warehouse = stack.enter_context(redshift_stand_in.redshift())
        else:
            port = stack.enter_context(servers.postgres())
            warehouse = Postgres(port)
        failed = [check(InDatabase(warehouse, folder), variant, options) for variant in VARIANTS]
        if not options.redshift and options.only is None and not options.variant:
            failed.append(check_cuts(port, folder, options.seed))
    sys.exit(1 if any(failed) else 0)


if __name__ == "__main__":
    main()
