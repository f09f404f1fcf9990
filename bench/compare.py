"""Are two folders' tables equal, row for row?

Both sides are read by DuckDB. Rows are compared as multisets: their number, and the sum and the exclusive or of a 64-bit
hash of all their columns, so that two different tables of 10 million rows agree once in some 10^30.
"""

import sys
from pathlib import Path

import duckdb

sys.path.append(str(Path(__file__).resolve().parent / "peers"))

from wide_columns import COLUMNS  # noqa: E402

TIMES = ("timestamp", "session_start_at", "next_session_start_at", "ended_at", "first_date", "last_date")
TABLES = {
    "dbt_aliases_mapping": "alias dbt_visitor_id",
    "dbt_mapped_tracks": "event_id anonymous_id dbt_visitor_id timestamp event idle_time_minutes",
    "dbt_session_tracks":
        "session_id dbt_visitor_id session_start_at session_sequence_number next_session_start_at",
    "dbt_track_facts": "anonymous_id timestamp event_id event session_id dbt_visitor_id track_sequence_number",
    "dbt_session_track_facts": "session_id ended_at num_pvs cnt_viewed_product cnt_signup",
    "dbt_user_session_facts": "dbt_visitor_id first_date last_date number_of_sessions",
    "dbt_session_duration": "dbt_visitor_id session_id session_duration",
    "dbt_tracks_flow":
        "event_id session_id track_sequence_number event dbt_visitor_id timestamp event_2 event_3 event_4 event_5",
}

# Those of events of all types, with the columns that the benchmarks configure.
WIDE_TABLES = {
    "tracklet_events":
        "event_id event_type event anonymous_id user_id dbt_visitor_id timestamp session_id session_key"
        " event_sequence_number start_reason " + " ".join(COLUMNS),
    "tracklet_sessions":
        "session_key session_id dbt_visitor_id session_sequence_number session_start_at ended_at next_session_start_at"
        " start_reason events",
}
NUMBERS = (
    "idle_time_minutes", "session_sequence_number", "track_sequence_number", "event_sequence_number", "num_pvs",
    "cnt_viewed_product", "cnt_signup", "number_of_sessions", "session_duration", "events",
)


def canonical(column):
    if column in TIMES:
        return f"epoch_us({column}::timestamptz)"
    return f"{column}::bigint" if column in NUMBERS else f"{column}::varchar"


def digest(database, files, columns):
    row = ", ".join(f"coalesce({canonical(column)}::varchar, chr(1))" for column in columns.split())
    query = f"select count(*), sum(hash({row})::hugeint), bit_xor(hash('x', {row})) from read_parquet('{files}')"
    return database.execute(query).fetchone()


def digests(folder, tables=TABLES):
    """Table to the digest of its rows; ours is a folder a table, a peer's a file. A table that is not there has none."""
    database = duckdb.connect()
    database.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
    found = {}
    for table, columns in tables.items():
        own, file = Path(folder) / table, Path(folder) / f"{table}.parquet"
        if own.is_dir() or file.exists():
            found[table] = digest(database, f"{own}/*.parquet" if own.is_dir() else str(file), columns)
    return found


def differing(ours, theirs, tables=TABLES):
    """Names of the tables whose digests differ, or that either side lacks."""
    found = []
    for table in tables:
        left, right = ours.get(table), theirs.get(table)
        if left is None or right is None:
            found.append(f"{table} is missing")
        elif left != right:
            found.append(f"{table} ({left[0]} and {right[0]} rows)" if left[0] != right[0] else table)
    return found


if __name__ == "__main__":
    differences = differing(*map(digests, sys.argv[1:3]))
    print("\n".join(differences) or "equal")
    sys.exit(1 if differences else 0)
