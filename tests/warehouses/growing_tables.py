"""Tables of tracks that grow batch by batch, as a loader fills them, and the program run after each: one class for the
servers that are written to in SQL, one for those that get files.

Every row gets a load time as real loaders give it: of the moment when its file was made, before it was committed, so that
some rows of a batch are older than what was there before.
"""

import cloud_conformance
import comparison
import definition
import program
from definition import DAY
from program_conformance import leftovers, write_lines
from warehouse import quoted, time_for_loading

HOUR = DAY // 24
FIRST_LOAD = 20_600 * DAY
FUTURE = 60_000 * DAY
SCHEMA = "sessions"
ACCOUNTING = ("rows_read", "sessionized", "duplicates", "rejected", "sessions", "visitors")


def load_times(number):
    """The load times of a batch, which comes six hours after the one before: that of most rows; and of rows whose event id
    has a length of 0, 1, 2 and 3 modulo 5, which are as old as the batch before, hours older, of no known time, and stamped by a
    clock that is wrong by decades."""
    now = FIRST_LOAD + number * 6 * HOUR
    return now, [now - 6 * HOUR, now - 10 * HOUR, None, FUTURE]


def load_time(row, number):
    now, others = load_times(number)
    remainder = len(row["event_id"] or "xxxx") % 5
    return others[remainder] if remainder < len(others) else now


class Growing:
    """Tables of tracks that grow. `cursor` of the variant is the column with the load time: `loaded_at`, beside which
    `received_at` may be anything, or `received_at` itself."""

    # Whether a run takes seconds, however little there is to do.
    is_slow = False

    def __init__(self, folder):
        self.folder = folder
        self.variant = None

    def stamped(self, row, number):
        """The row as it is loaded with a batch."""
        return row | {"received_at": load_time(row, number)} if self.variant.cursor == "received_at" else row

    def loaded_at(self, row, number):
        """When a row of a batch was loaded, as a run sees it."""
        return load_time(row, number) if self.variant.cursor == "loaded_at" else row["received_at"]

    def run(self, *arguments, code=0):
        return program.run(self.folder, *arguments, "--target", self.target, code=code)


class InDatabase(Growing):
    """A PostgreSQL, or what stands in for Redshift: rows go in by SQL."""

    target = "pg"

    def __init__(self, warehouse, folder):
        super().__init__(folder)
        self.warehouse, self.name = warehouse, warehouse.kind

    def loadable(self, rows):
        return self.warehouse.loadable(rows)

    @property
    def tables(self):
        return [("rudder", "tracks"), ("rudder", "app")][:self.variant.tables]

    def start(self, variant):
        """Begins anew with empty tables."""
        self.variant = variant
        loaded_at = ", loaded_at timestamptz" if variant.cursor == "loaded_at" else ""
        # What some source tables lack.
        columns = ["user_id text, ", ""][:variant.tables]
        self.warehouse.execute([
            *(f"drop schema if exists {quoted(schema)} cascade" for schema in ("rudder", SCHEMA)),
            'create schema "rudder"',
            *(f"create table {quoted(*table)} (id text, anonymous_id text, {user}event text,"
              f' "timestamp" timestamptz, received_at timestamptz{loaded_at})'
              for table, user in zip(self.tables, columns, strict=True))])
        text = program.configuration(
            variant.rules, self.warehouse, SCHEMA, self.tables, materialize=variant.materialize, publish=variant.publish)
        (self.folder / "tracklet.toml").write_text(text)

    def append(self, rows, number):
        for place, table in enumerate(self.tables):
            # What has no user may go into the table without users.
            chosen = [row for row in rows if len(self.tables) == 1 or (row["user_id"] is None) == bool(place)]
            if chosen:
                names = [name for name in definition.COLUMNS if name != "user_id" or not place]
                self.warehouse.insert(quoted(*table), [self.values(row, names, number) for row in chosen])

    def values(self, row, names, number):
        values = [time_for_loading(row[name]) if name in ("timestamp", "received_at") else row[name] for name in names]
        loaded_at = [time_for_loading(load_time(row, number))] if self.variant.cursor == "loaded_at" else []
        return tuple(values + loaded_at)

    def differences(self, tables):
        """Lines that say how the tables differ from those of the definition."""
        wrong = comparison.compare(self.warehouse, SCHEMA, self.variant.rules, self.variant.kind, tables)
        return wrong + leftovers(self.warehouse, SCHEMA)

    def latest_run(self, *names):
        """Some columns of the row of the latest run that published."""
        _, rows = self.warehouse.query(
            f"select {', '.join(names)} from {quoted(SCHEMA, 'tracklet_runs')} where sequence_number is not null"
            " order by sequence_number desc limit 1")
        return dict(zip(names, rows[0], strict=True))


class InCloud(Growing):
    """The stand-ins for BigQuery and Snowflake: rows go in as files, by `tracklet load`, and get their load time in SQL.
    They go into one table, whatever the variant says."""

    target = "cloud"
    is_slow = True
    types = {
        "bigquery": {"text": "string", "time": "timestamp"},
        "snowflake": {"text": "varchar", "time": "timestamp_tz"}}

    def __init__(self, reader, folder):
        super().__init__(folder)
        self.reader, self.name = reader, reader.name
        self.schema, self.started = reader.schema, 0

    @staticmethod
    def loadable(rows):
        return [row for row in rows if cloud_conformance.loadable(row)]

    def start(self, variant):
        self.variant = variant
        self.started += 1
        self.reader.schema = f"{self.schema}_{self.started}"
        self.raw = self.reader.own(f"raw_{self.started}")
        kinds = self.types[self.name]
        columns = dict.fromkeys(("id", "anonymous_id", "user_id", "event"), kinds["text"])
        columns |= dict.fromkeys(["timestamp", "received_at", "loaded_at"][:3 if variant.cursor == "loaded_at" else 2], kinds["time"])
        self.columns = [self.reader.column(name) for name in columns]
        self.reader.execute(f"create schema {self.reader.schema_relation(self.raw)}")
        self.reader.execute(
            f"create table {self.reader.relation('tracks', self.raw)} ("
            + ", ".join(f"{self.reader.column(name)} {kind}" for name, kind in columns.items()) + ")")
        self.configure("tracks")

    def configure(self, table):
        variant = self.variant
        text = cloud_conformance.configuration(
            self.reader, variant.rules, f"raw_{self.started}.{table}", materialize=variant.materialize)
        (self.folder / "tracklet.toml").write_text(text, "utf-8")

    def append(self, rows, number):
        if not rows:
            return
        write_lines(self.folder / "batch.jsonl", rows)
        self.configure(f"batch_{abs(number)}")
        self.run("load", "batch.jsonl", code=None)
        self.configure("tracks")
        names = self.columns[:6]
        loaded_at = ""
        if self.variant.cursor == "loaded_at":
            now, others = load_times(number)
            cases = [
                f"when mod(length(coalesce({names[0]}, 'xxxx')), 5) = {remainder} then {self.time(time)}"
                for remainder, time in enumerate(others)]
            loaded_at = f", case {' '.join(cases)} else {self.time(now)} end"
        self.reader.execute(
            f"insert into {self.reader.relation('tracks', self.raw)} ({', '.join(self.columns)})"
            f" select {', '.join(names)}{loaded_at} from {self.reader.relation(f'batch_{abs(number)}', self.raw)}")

    def time(self, time):
        """A literal."""
        kind = self.types[self.name]["time"]
        return f"cast({'null' if time is None else repr(time_for_loading(time))} as {kind})"

    def differences(self, tables):
        variant = self.variant
        kind = "TABLE" if variant.kind == "BASE TABLE" else "VIEW"
        return cloud_conformance.compare(
            self.reader, variant.rules, cloud_conformance.in_order(tables, variant.rules), kind,
            cloud_conformance.UNKNOWN[self.name])

    def latest_run(self, *names):
        _, rows = self.reader.query(
            f"select {', '.join(map(self.reader.column, names))} from {self.reader.relation('tracklet_runs')}"
            f" where sequence_number is not null order by sequence_number desc limit 1")
        return dict(zip(names, rows[0], strict=True))
