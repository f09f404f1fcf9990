"""Raw `rudder-logs` in DuckDB: the needed fields alone, or all tables.

    duckdb_json.py INPUT OUTPUT THREADS [read|tables]
"""

import re
import sys

from duckdb_tuned import connect, tables

FIELDS = """{type: 'VARCHAR', messageId: 'VARCHAR', anonymousId: 'VARCHAR', userId: 'VARCHAR', event: 'VARCHAR',
    timestamp: 'TIMESTAMPTZ', receivedAt: 'TIMESTAMPTZ'}"""


def snake_case(name):
    """Good for the names of the generator; RudderStack's own rules have more cases."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def main(source, output, threads, what):
    database = connect(output, threads)
    lines = f"""read_json('{source}/**/*.json.gz', format = 'newline_delimited', columns = {FIELDS},
        ignore_errors = true)"""
    rows = f"""select messageId as id, nullif(anonymousId, '') as anonymous_id, nullif(userId, '') as user_id,
        nullif(event, '') as event, timestamp,
        receivedAt as received_at from {lines} where type = 'track'"""
    database.execute(f"create table read as {rows}")
    if what == "read":
        return
    names = [name for (name,) in database.execute("select distinct event from read where event is not null").fetchall()]
    database.execute("create table names (original varchar, event varchar)")
    database.executemany("insert into names values (?, ?)", [(name, snake_case(name)) for name in names])
    database.execute("""create view source as select id, anonymous_id, user_id, names.event, timestamp, received_at
        from read left join names on read.event = names.original""")
    tables(database, output)


main(*sys.argv[1:])
