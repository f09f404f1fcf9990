"""The eight tables in DuckDB with as few passes as its SQL allows."""

import os
import sys

import duckdb

# The visitor of every alias, of the table `pairs`.
MAPPING = """
        with logins as (
            select anonymous_id as alias, arg_max(user_id, {'at': last_at, 'id': user_id}) as user_id
            from pairs where anonymous_id is not null and user_id is not null group by anonymous_id
        ),
        aliases as (
            select anonymous_id as alias from pairs where anonymous_id is not null
            union
            select user_id from pairs where user_id is not null
        )
        select alias, coalesce(logins.user_id, alias) as dbt_visitor_id from aliases left join logins using (alias)
"""

TABLES = [
    # Ids that occur twice are few: only their rows need an order.
    ("table", "twice", "select id from source group by id having count(*) > 1"),
    ("table", "tracks", """
        select id as event_id, anonymous_id, user_id, event, timestamp from source anti join twice using (id)
        union all
        (
            select id, anonymous_id, user_id, event, timestamp from source semi join twice using (id)
            qualify row_number() over (
                partition by id
                order by timestamp, received_at nulls last, anonymous_id nulls last, user_id nulls last,
                    event nulls last
            ) = 1
        )
    """),
    ("table", "pairs", "select anonymous_id, user_id, max(timestamp) as last_at from tracks group by all"),
    ("result", "dbt_aliases_mapping", MAPPING),
    ("table", "events", """
        with idle as (
            select
                event_id, anonymous_id, dbt_visitor_id, timestamp, event,
                date_sub('minute', lag(timestamp) over visitor, timestamp) as idle_time_minutes
            from tracks
            join dbt_aliases_mapping as mapping on mapping.alias = coalesce(tracks.user_id, tracks.anonymous_id)
            window visitor as (partition by dbt_visitor_id order by timestamp, event_id)
        ),
        numbered as (
            select
                *,
                sum(case when idle_time_minutes <= 30 then 0 else 1 end) over (
                    partition by dbt_visitor_id order by timestamp, event_id
                    rows between unbounded preceding and current row
                )::bigint as session_sequence_number
            from idle
        )
        select
            *,
            session_sequence_number || ' - ' || dbt_visitor_id as session_id,
            row_number() over session as track_sequence_number,
            lead(event, 1) over session as event_2,
            lead(event, 2) over session as event_3,
            lead(event, 3) over session as event_4,
            lead(event, 4) over session as event_5
        from numbered
        window session as (partition by dbt_visitor_id, session_sequence_number order by timestamp, event_id)
    """),
    ("table", "sessions", """
        select
            session_id, dbt_visitor_id, session_sequence_number,
            min(timestamp) as session_start_at, max(timestamp) as ended_at, count(*) as num_pvs,
            count(*) filter (event = 'viewed_product') as cnt_viewed_product,
            count(*) filter (event = 'signup') as cnt_signup
        from events group by session_id, dbt_visitor_id, session_sequence_number
    """),
    ("copy", "dbt_mapped_tracks",
     "select event_id, anonymous_id, dbt_visitor_id, timestamp, event, idle_time_minutes from events"),
    ("copy", "dbt_track_facts", """
        select anonymous_id, timestamp, event_id, event, session_id, dbt_visitor_id, track_sequence_number from events
    """),
    ("copy", "dbt_tracks_flow", """
        select
            event_id, session_id, track_sequence_number, event, dbt_visitor_id, timestamp,
            event_2, event_3, event_4, event_5
        from events
    """),
    ("copy", "dbt_session_tracks", """
        select
            session_id, dbt_visitor_id, session_start_at, session_sequence_number,
            lead(session_start_at) over (partition by dbt_visitor_id order by session_sequence_number)
                as next_session_start_at
        from sessions
    """),
    ("copy", "dbt_session_track_facts",
     "select session_id, ended_at, num_pvs, cnt_viewed_product, cnt_signup from sessions"),
    ("copy", "dbt_session_duration", """
        select dbt_visitor_id, session_id, date_sub('minute', session_start_at, ended_at) as session_duration
        from sessions
    """),
    ("copy", "dbt_user_session_facts", """
        select
            dbt_visitor_id, min(session_start_at) as first_date, max(session_start_at) as last_date,
            count(*) as number_of_sessions
        from sessions group by dbt_visitor_id
    """),
]


def tables(database, output):
    """All tables from the view `source`."""
    for kind, name, query in TABLES:
        if kind in ("table", "result"):
            database.execute(f"create table {name} as {query}")
            query = f"from {name}"
        if kind in ("copy", "result"):
            database.execute(f"copy ({query}) to '{output}/{name}.parquet' (format parquet, compression zstd)")


def connect(output, threads):
    database = duckdb.connect(f"{output}/tables.duckdb" if os.environ.get("DUCKDB_ON_DISK") else ":memory:")
    database.execute(f"set threads = {int(threads)}; set enable_progress_bar = false; set TimeZone = 'UTC'")
    database.execute(f"set preserve_insertion_order = false; set temp_directory = '{output}/spill'")
    return database


def main(source, output, threads):
    database = connect(output, threads)
    database.execute(f"create view source as from read_parquet('{source}/*.parquet')")
    tables(database, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
