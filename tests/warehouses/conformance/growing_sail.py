"""Tables of tracks that grow, as growing_tables.py says, on Sail: Delta tables, by Spark Connect."""

import pyarrow

from conformance import spark_conformance
from conformance.growing_tables import SCHEMA, Growing, load_time
from lib import calls, program

TEXTS = ("id", "anonymous_id", "user_id", "event")
TIME = pyarrow.timestamp("us", tz="UTC")


class InSail(Growing):
    """One `sail_server.Sail`, each variant in a schema of its own. Rows go in by Spark's own client."""

    target = "lake"
    holds_types = True
    name = "sail"

    def __init__(self, sail, folder):
        super().__init__(folder)
        self.sail, self.spark = sail, sail.spark
        self.started = 0
        # Where the program finds the server; a test may stand between.
        self.port = sail.port

    @staticmethod
    def loadable(rows):
        return [row for row in rows if spark_conformance.loadable(row)]

    @property
    def schema(self):
        return f"{SCHEMA}_{self.started}"

    @property
    def tables(self):
        return [f"rudder_{self.started}.{name}" for name in ("tracks", "app")][:self.variant.tables]

    def columns(self, place, event_type=None):
        """Those of a source table: what some lack is the user. A table of one of several types has what their events carry."""
        texts = [name for name in TEXTS if name != "user_id" or not place]
        if event_type:
            texts = [name for name in texts if name != "event" or event_type == "track"]
            texts += calls.sources_of(self.variant.rules, event_type)
        times = ["timestamp", "received_at", *(["loaded_at"] if self.variant.cursor == "loaded_at" else [])]
        return pyarrow.schema([*((name, pyarrow.string()) for name in texts), *((name, TIME) for name in times)])

    def start(self, variant):
        self.variant = variant
        self.started += 1
        self.spark.sql(f"create schema rudder_{self.started}")
        self.spark.sql(f"create schema {self.schema}")
        for place, table, event_type in self.tables_with_types():
            kinds = (
                (field.name, "string" if field.type == pyarrow.string() else "timestamp") for field in self.columns(place, event_type))
            self.spark.sql(
                f"create table {table} ({', '.join(f'`{name}` {kind}' for name, kind in kinds)}) using delta")
        self.configure()

    def tables_with_types(self):
        """Every source table with its place among those of tracks, and the type of its calls where there are several types."""
        if not self.variant.rules.events:
            return [(place, table, None) for place, table in enumerate(self.tables)]
        schema = self.tables[0].split(".")[0]
        return [(0, f"{schema}.{table}", calls.type_of((table,))) for _, table in calls.tables((schema, "tracks"), self.variant.rules)]

    def configure(self, file_format="delta"):
        variant = self.variant
        text = spark_conformance.configuration(
            self.sail.remote(self.port), variant.rules, self.tables, materialize=variant.materialize,
            target=self.target, schema=self.schema, file_format=file_format)
        self.write_configuration(text)

    def append(self, rows, number):
        for place, table, event_type in self.tables_with_types():
            # What has no user may go into the table without users.
            chosen = [row for row in rows if len(self.tables) == 1 or (row["user_id"] is None) == bool(place)]
            if event_type:
                chosen = [row for row in chosen if row["event_type"] == event_type]
            if chosen:
                schema = self.columns(place, event_type)
                values = [
                    {"id": row["event_id"], "loaded_at": load_time(row, number)} | row | row.get("sources", {}) for row in chosen]
                columns = [pyarrow.array([value[field.name] for value in values], field.type) for field in schema]
                frame = self.spark.createDataFrame(pyarrow.Table.from_arrays(columns, schema=schema))
                frame.write.insertInto(table)

    def differences(self, tables):
        """Lines that say how the tables differ from those of the definition."""
        kind = "TABLE" if self.variant.materialize == "table" else "VIEW"
        expected = spark_conformance.in_order(tables, self.variant.rules)
        return spark_conformance.compare(
            self.spark, self.variant.rules, expected, kind, spark_conformance.OF_FILES, schema=self.schema)

    def contents(self):
        """{table: rows} of everything in the schema, views too; every value as text."""
        found = {}
        for name in {row["tableName"] for row in self.spark.sql(f"show tables in {self.schema}").collect()}:
            rows = self.spark.sql(f"select * from {self.schema}.{name}").collect()
            found[name] = [tuple(None if value is None else str(value) for value in row) for row in rows]
        return found

    def latest_run(self, *names):
        """Some columns of the row of the latest run that has a number."""
        rows = self.spark.sql(
            f"select {', '.join(names)} from {self.schema}.tracklet_runs where sequence_number is not null"
            " order by sequence_number desc limit 1").collect()
        return dict(zip(names, rows[0], strict=True))
