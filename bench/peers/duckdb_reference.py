"""The eight tables in DuckDB, a table a model, joined as the reference dbt project joins them."""

import os
import sys

import duckdb

MODELS = {
    "tracks": """
        select id as event_id, anonymous_id, user_id, event, timestamp, received_at
        from read_parquet('{input}/*.parquet')
        qualify row_number() over (
            partition by id
            order by timestamp, received_at nulls last, anonymous_id nulls last, user_id nulls last, event nulls last
        ) = 1
    """,
    "dbt_aliases_mapping": """
        with logins as (
            select anonymous_id as alias, arg_max(user_id, {{'at': timestamp, 'id': user_id}}) as user_id
            from tracks
            where anonymous_id is not null and user_id is not null
            group by anonymous_id
        ),
        aliases as (
            select anonymous_id as alias from tracks where anonymous_id is not null
            union
            select user_id from tracks where user_id is not null
        )
        select alias, coalesce(logins.user_id, alias) as dbt_visitor_id
        from aliases left join logins using (alias)
    """,
    "dbt_mapped_tracks": """
        select
            event_id, anonymous_id, dbt_visitor_id, timestamp, event,
            date_sub('minute', lag(timestamp) over visitor, timestamp) as idle_time_minutes
        from tracks join dbt_aliases_mapping as mapping on mapping.alias = coalesce(tracks.user_id, tracks.anonymous_id)
        window visitor as (partition by dbt_visitor_id order by timestamp, event_id)
    """,
    "dbt_session_tracks": """
        with starts as (
            select
                dbt_visitor_id,
                timestamp as session_start_at,
                row_number() over (partition by dbt_visitor_id order by timestamp, event_id) as session_sequence_number,
                lead(timestamp) over (partition by dbt_visitor_id order by timestamp, event_id) as next_session_start_at
            from dbt_mapped_tracks
            where idle_time_minutes > 30 or idle_time_minutes is null
        )
        select
            session_sequence_number || ' - ' || dbt_visitor_id as session_id,
            dbt_visitor_id, session_start_at, session_sequence_number, next_session_start_at
        from starts
    """,
    "dbt_track_facts": """
        select
            anonymous_id, timestamp, event_id, event, session_id, tracks.dbt_visitor_id,
            row_number() over (partition by session_id order by timestamp, event_id) as track_sequence_number
        from dbt_mapped_tracks as tracks
        join dbt_session_tracks as sessions
            on sessions.dbt_visitor_id = tracks.dbt_visitor_id
            and tracks.timestamp >= sessions.session_start_at
            and (tracks.timestamp < sessions.next_session_start_at or sessions.next_session_start_at is null)
    """,
    "dbt_session_track_facts": """
        select
            session_id,
            max(timestamp) as ended_at,
            count(distinct event_id) as num_pvs,
            count(*) filter (event = 'viewed_product') as cnt_viewed_product,
            count(*) filter (event = 'signup') as cnt_signup
        from dbt_track_facts
        group by session_id
    """,
    "dbt_user_session_facts": """
        select
            dbt_visitor_id, min(session_start_at) as first_date, max(session_start_at) as last_date,
            count(*) as number_of_sessions
        from dbt_session_tracks
        group by dbt_visitor_id
    """,
    "dbt_session_duration": """
        select
            dbt_visitor_id, session_id,
            date_sub('minute', session_start_at, ended_at) as session_duration
        from dbt_session_tracks join dbt_session_track_facts using (session_id)
    """,
    "dbt_tracks_flow": """
        select
            event_id, session_id, track_sequence_number, event, dbt_visitor_id, timestamp,
            lead(event, 1) over session as event_2,
            lead(event, 2) over session as event_3,
            lead(event, 3) over session as event_4,
            lead(event, 4) over session as event_5
        from dbt_track_facts
        window session as (partition by session_id order by track_sequence_number)
    """,
}


def main(source, output, threads):
    database = duckdb.connect(f"{output}/tables.duckdb" if os.environ.get("DUCKDB_ON_DISK") else ":memory:")
    database.execute(f"set threads = {int(threads)}; set enable_progress_bar = false; set TimeZone = 'UTC'")
    database.execute(f"set temp_directory = '{output}/spill'")
    for name, query in MODELS.items():
        database.execute(f"create table {name} as {query.format(input=source)}")
        if name.startswith("dbt_"):
            database.execute(f"copy {name} to '{output}/{name}.parquet' (format parquet, compression zstd)")


main(*sys.argv[1:])
