"""The two warehouses that dbt reaches here: connecting, loading a source table, reading tables back."""

import contextlib
import json
import re
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import psycopg2
import psycopg2.extras
import sqlglot

from lib.definition import time_as_text


def quoted(*names):
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def plain(value):
    """Times as text, decimal numbers with six digits behind the point, all else as it is."""
    if isinstance(value, Decimal):
        return f"{value:.6f}"
    if isinstance(value, datetime):
        value = value if value.tzinfo else value.replace(tzinfo=UTC)
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    return value


def time_for_loading(time):
    text = time_as_text(time)
    return text if text is None or "infinity" in text else text.replace("T", " ").replace("Z", "+00")


def without_nul(rows):
    return [row for row in rows if not any("\0" in text for text in row.values() if isinstance(text, str))]


class DuckDb:
    """A DuckDB file, opened for each call so that dbt can have it in between; or `:memory:`, kept."""

    name = "duckdb"
    spelling_counts = False
    # Types that only this one gives to the columns.
    types = {}

    def __init__(self, path):
        self.path = str(path)
        self.kept = duckdb.connect() if self.path == ":memory:" else None

    def connect(self):
        return contextlib.nullcontext(self.kept) if self.kept else duckdb.connect(self.path)

    @staticmethod
    def loadable(rows):
        """The rows that a table here can hold: all."""
        return rows

    @staticmethod
    def own(sql):
        """A statement of the package as it is run here: as it is."""
        return sql

    def profile(self, schema):
        return {"type": "duckdb", "path": self.path, "schema": schema, "threads": 2}

    def execute(self, statements):
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def insert(self, table, rows):
        # One parameter with all rows: as many as there are values take a hundred times as long.
        columns = ", ".join(f"entry ->> {place}" for place in range(len(rows[0])))
        with self.connect() as connection:
            connection.execute(
                f"insert into {table} select {columns} from (select unnest(cast(? as json[])) as entry)",
                [json.dumps(rows)])

    def query(self, sql):
        """Column names, and rows."""
        with self.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description]
            return names, [tuple(map(plain, row)) for row in cursor.fetchall()]


class Redshift(DuckDb):
    """DuckDB as a stand-in for Redshift: it runs what sqlglot makes of the SQL for Redshift."""

    name = "redshift"

    @staticmethod
    def loadable(rows):
        """The rows that a table of Redshift's can hold: those without U+0000."""
        return without_nul(rows)

    @staticmethod
    def own(sql):
        tree = sqlglot.parse_one(sql, read="redshift", error_level=sqlglot.ErrorLevel.RAISE)
        # What sqlglot does not know of Redshift: whole numbers are divided into whole numbers, and a format's
        # quoted text stands for itself.
        for division in list(tree.find_all(sqlglot.exp.Div)):
            if division.expression.is_int:
                division.replace(sqlglot.exp.IntDiv(this=division.this, expression=division.expression))
        sql = tree.sql("duckdb")
        # DuckDB's function of this name is of blobs alone.
        sql = re.sub("octet_length", "strlen", sql, flags=re.IGNORECASE)
        return re.sub(r"(strftime\(.*?'[^']*?)\"T\"([^']*?)\"Z\"'", r"\1T\2Z'", sql, flags=re.IGNORECASE)


class Postgres:
    """A PostgreSQL on this machine."""

    name = "postgres"
    spelling_counts = True
    types = {}
    # The `type` of a target.
    kind = "postgres"

    def __init__(self, port):
        self.port = port

    @property
    def program_port(self):
        """Where the program connects."""
        return self.port

    @staticmethod
    def loadable(rows):
        """The rows that a table here can hold: those without U+0000."""
        return without_nul(rows)

    @staticmethod
    def own(sql):
        """A statement of the package as it is run here: as it is."""
        return sql

    def profile(self, schema):
        return {"type": "postgres", "host": "127.0.0.1", "port": self.port, "user": "postgres",
                "password": "unused", "dbname": "postgres", "schema": schema, "threads": 2}

    def connect(self):
        return psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres", dbname="postgres")

    def execute(self, statements):
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def insert(self, table, rows):
        with self.connect() as connection, connection.cursor() as cursor:
            psycopg2.extras.execute_values(cursor, f"insert into {table} values %s", rows, page_size=1000)

    def query(self, sql):
        """Column names, and rows."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("set timezone = 'UTC'")
            cursor.execute(sql)
            names = [column.name for column in cursor.description]
            return names, [tuple(map(plain, row)) for row in cursor.fetchall()]
