"""Tables of tracks that grow, as growing_tables.py says, on the stand-ins for clouds, which get files."""

from conformance import cloud_conformance
from conformance.growing_tables import Growing, load_times
from conformance.program_conformance import write_lines
from lib import calls
from lib.warehouse import time_for_loading


class InCloud(Growing):
    """The stand-ins for BigQuery and Snowflake: rows go in as files, by `tracklet load`, and get their load time in SQL.
    They go into one table for each type, whatever the variant says."""

    target = "cloud"
    is_slow = True
    holds_types = True
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
        self.reader.execute(f"create schema {self.reader.schema_relation(self.raw)}")
        for _, table in calls.tables((self.raw, "tracks"), variant.rules):
            columns = ", ".join(f"{self.reader.column(name)} {self.kind(name)}" for name in self.columns(table))
            self.reader.execute(f"create table {self.reader.relation(table, self.raw)} ({columns})")
        self.configure()

    def columns(self, table):
        """The names of a table's columns."""
        loaded = calls.loaded_columns(self.variant.rules, calls.type_of((table,)))
        return loaded + ["loaded_at"] * (self.variant.cursor == "loaded_at")

    def kind(self, column):
        return self.types[self.name]["time" if column in ("timestamp", "received_at", "loaded_at") else "text"]

    def contents(self):
        """{table: rows} of everything in the schema, views too."""
        reader = self.reader
        return {name.lower(): reader.query(f"select * from {reader.relation(name)}")[1] for name in reader.kinds()}

    def configure(self, schema=None):
        variant = self.variant
        text = cloud_conformance.configuration(
            self.reader, variant.rules, f"{schema or f'raw_{self.started}'}.tracks", materialize=variant.materialize)
        self.write_configuration(text)

    def append(self, rows, number):
        if not rows:
            return
        write_lines(self.folder / "batch.jsonl", rows)
        # Of its own, for tables of other types stand beside that of tracks.
        batch = f"raw_{self.started}_batch_{abs(number)}"
        self.configure(batch)
        self.run("load", "batch.jsonl", code=None)
        self.configure()
        loaded_at = ""
        if self.variant.cursor == "loaded_at":
            now, others = load_times(number)
            # Rows without ids are those of no id, all alike.
            cases = [] if self.variant.rules.ids_from_rows else [
                f"when mod(length(coalesce({self.reader.column('id')}, 'xxxx')), 5) = {remainder} then {self.time(time)}"
                for remainder, time in enumerate(others)]
            loaded_at = f", case {' '.join(cases)} else {self.time(now)} end" if cases else f", {self.time(now)}"
        there = [name.lower() for name in self.reader.kinds(self.reader.own(batch))]
        for _, table in calls.tables((self.raw, "tracks"), self.variant.rules):
            if table in there:
                names = list(map(self.reader.column, self.columns(table)))
                known = [name for name in names if name != self.reader.column("loaded_at")]
                self.reader.execute(
                    f"insert into {self.reader.relation(table, self.raw)} ({', '.join(names)})"
                    f" select {', '.join(known)}{loaded_at} from {self.reader.relation(table, self.reader.own(batch))}")

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
