"""Tables of tracks that grow batch by batch, as a loader fills them, and the program run after each: what is the same for
all servers, and those that are written to in SQL. Others: growing_clouds.py, growing_sail.py.

Every row gets a load time as real loaders give it: of the moment when its file was made, before it was committed, so that
some rows of a batch are older than what was there before.
"""

from conformance.program_conformance import leftovers
from lib import calls, comparison, definition, program
from lib.definition import DAY
from lib.warehouse import quoted, time_for_loading

HOUR = DAY // 24
FIRST_LOAD = 20_600 * DAY
FUTURE = 60_000 * DAY
SCHEMA = "sessions"
ACCOUNTING = ("rows_read", "sessionized", "evidence", "duplicates", "rejected", "sessions", "visitors")


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
    # Whether calls of other types than tracks go in.
    holds_types = False

    def __init__(self, folder):
        self.folder = folder
        self.variant = None

    def stamped(self, row, number):
        """The row as it is loaded with a batch."""
        return row | {"received_at": load_time(row, number)} if self.variant.cursor == "received_at" else row

    def loaded_at(self, row, number):
        """When a row of a batch was loaded, as a run sees it."""
        return load_time(row, number) if self.variant.cursor == "loaded_at" else row["received_at"]

    def write_configuration(self, text):
        if self.variant.partition_time:
            assert "[source]\n" in text, text
            text = text.replace("[source]\n", f"[source]\npartition_time = {program.toml(self.variant.partition_time)}\n")
        (self.folder / "tracklet.toml").write_text(text, "utf-8")

    def run(self, *arguments, code=0):
        return program.run(self.folder, *arguments, "--target", self.target, code=code)


class InDatabase(Growing):
    """A PostgreSQL, or what stands in for Redshift: rows go in by SQL."""

    target = "pg"
    holds_types = True

    def __init__(self, warehouse, folder):
        super().__init__(folder)
        self.warehouse, self.name = warehouse, warehouse.kind

    def loadable(self, rows):
        return self.warehouse.loadable(rows)

    @property
    def tables(self):
        return [("rudder", "tracks"), ("rudder", "app")][:self.variant.tables]

    @property
    def tables_of_types(self):
        """The source tables of calls that are no tracks."""
        return calls.tables(self.tables[0], self.variant.rules)[1:]

    def kinds(self, event_type, loaded_at):
        names = calls.columns(self.variant.rules, event_type)
        kinds = [f"{quoted(name)} {'timestamptz' if name in ('timestamp', 'received_at') else 'text'}" for name in names]
        return ", ".join(kinds) + loaded_at

    def start(self, variant):
        """Begins again with empty tables."""
        self.variant = variant
        loaded_at = ", loaded_at timestamptz" if variant.cursor == "loaded_at" else ""
        # What some source tables lack.
        columns = ["user_id text, ", ""][:variant.tables]
        self.warehouse.execute([
            *(f"drop schema if exists {quoted(schema)} cascade" for schema in ("rudder", SCHEMA)),
            'create schema "rudder"',
            *(f"create table {quoted(*table)} (id text, anonymous_id text, {user}event text,"
              f' "timestamp" timestamptz, received_at timestamptz{loaded_at})'
              for table, user in zip(self.tables, columns, strict=True) if not variant.rules.events),
            *(f"create table {quoted(*table)} ({self.kinds(calls.type_of(table), loaded_at)})"
              for table in [*self.tables, *self.tables_of_types] if variant.rules.events)])
        self.configure()

    def configure(self):
        variant = self.variant
        text = program.configuration(
            variant.rules, self.warehouse, SCHEMA, self.tables, materialize=variant.materialize, publish=variant.publish)
        self.write_configuration(text)

    def contents(self):
        """{table: rows} of everything in the schema, views too; every value as text."""
        _, found = self.warehouse.query(
            "select table_name, column_name from information_schema.columns"
            f" where table_schema = '{SCHEMA}' order by table_name, ordinal_position")
        columns = {}
        for table, column in found:
            columns.setdefault(table, []).append(f"{quoted(column)}::text")
        return {table: self.warehouse.query(f"select {', '.join(texts)} from {quoted(SCHEMA, table)}")[1]
                for table, texts in columns.items()}

    def append(self, rows, number):
        if self.variant.rules.events:
            for table in [*self.tables, *self.tables_of_types]:
                event_type = calls.type_of(table)
                chosen = [row for row in rows if row["event_type"] == event_type]
                values = [
                    calls.values(self.warehouse, row, self.variant.rules, event_type) + self.load_times(row, number) for row in chosen]
                if values:
                    self.warehouse.insert(quoted(*table), values)
            return
        for place, table in enumerate(self.tables):
            # What has no user may go into the table without users.
            chosen = [row for row in rows if len(self.tables) == 1 or (row["user_id"] is None) == bool(place)]
            if chosen:
                names = [name for name in definition.COLUMNS if name != "user_id" or not place]
                self.warehouse.insert(quoted(*table), [self.values(row, names, number) for row in chosen])

    def values(self, row, names, number):
        values = [time_for_loading(row[name]) if name in ("timestamp", "received_at") else row[name] for name in names]
        return (*values, *self.load_times(row, number))

    def load_times(self, row, number):
        """What stands in the column `loaded_at`, if there is one."""
        return (time_for_loading(load_time(row, number)),) if self.variant.cursor == "loaded_at" else ()

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
