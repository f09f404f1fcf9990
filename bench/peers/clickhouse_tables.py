"""The eight tables in ClickHouse, in process (chdb)."""

import sys

from chdb.session import Session

VISITOR = "(partition by dbt_visitor_id order by timestamp, event_id rows between unbounded preceding and unbounded following)"
SO_FAR = "(partition by dbt_visitor_id order by timestamp, event_id rows between unbounded preceding and current row)"
IN_SESSION = """(partition by dbt_visitor_id, session_sequence_number order by timestamp, event_id
    rows between unbounded preceding and unbounded following)"""

TABLES = [
    ("table", "twice", "select id from {source} group by id having count() > 1"),
    ("table", "tracks", """
        select id as event_id, anonymous_id, user_id, event, timestamp from {source}
        where id not in (select id from twice)
        union all
        select id, anonymous_id, user_id, event, timestamp from {source} where id in (select id from twice)
        order by id, timestamp, received_at nulls last, anonymous_id nulls last, user_id nulls last, event nulls last
        limit 1 by id
    """),
    ("table", "pairs", "select anonymous_id, user_id, max(timestamp) as at from tracks group by anonymous_id, user_id"),
    ("table", "dbt_aliases_mapping", """
        select
            assumeNotNull(id) as alias,
            coalesce(nullIf(argMaxIf(user, (at, user), user != ''), ''), alias) as dbt_visitor_id
        from (
            select anonymous_id as id, ifNull(user_id, '') as user, at from pairs
            union all
            select user_id, '', at from pairs
        )
        where id is not null
        group by id
    """),
    ("table", "numbered", f"""
        select
            event_id, anonymous_id, dbt_visitor_id, timestamp, event, idle_time_minutes,
            toInt64(sum(idle_time_minutes is null or idle_time_minutes > 30) over {SO_FAR}) as session_sequence_number
        from (
            select
                event_id, anonymous_id, assumeNotNull(dbt_visitor_id) as dbt_visitor_id, timestamp, event,
                lagInFrame(toNullable(timestamp)) over {VISITOR} as previous,
                intDiv(toUnixTimestamp64Micro(timestamp) - toUnixTimestamp64Micro(previous), 60000000)
                    as idle_time_minutes
            from tracks
            join dbt_aliases_mapping as mapping on mapping.alias = assumeNotNull(coalesce(user_id, anonymous_id))
        )
    """),
    ("table", "events", f"""
        select
            *,
            concat(toString(session_sequence_number), ' - ', dbt_visitor_id) as session_id,
            toInt64(row_number() over {IN_SESSION}) as track_sequence_number,
            leadInFrame(event, 1) over {IN_SESSION} as event_2,
            leadInFrame(event, 2) over {IN_SESSION} as event_3,
            leadInFrame(event, 3) over {IN_SESSION} as event_4,
            leadInFrame(event, 4) over {IN_SESSION} as event_5
        from numbered
    """),
    ("table", "sessions", """
        select
            dbt_visitor_id, session_sequence_number, any(session_id) as session_id,
            min(timestamp) as session_start_at, max(timestamp) as ended_at, toInt64(count()) as num_pvs,
            toInt64(countIf(event = 'viewed_product')) as cnt_viewed_product,
            toInt64(countIf(event = 'signup')) as cnt_signup
        from events group by dbt_visitor_id, session_sequence_number
    """),
    ("copy", "dbt_aliases_mapping", "select * from dbt_aliases_mapping"),
    ("copy", "dbt_mapped_tracks",
     "select event_id, anonymous_id, dbt_visitor_id, timestamp, event, idle_time_minutes from events"),
    ("copy", "dbt_track_facts", """
        select anonymous_id, timestamp, event_id, event, session_id, dbt_visitor_id, track_sequence_number from events
    """),
    ("copy", "dbt_tracks_flow", """
        select event_id, session_id, track_sequence_number, event, dbt_visitor_id, timestamp, event_2, event_3,
            event_4, event_5 from events
    """),
    ("copy", "dbt_session_tracks", """
        select session_id, dbt_visitor_id, session_start_at, session_sequence_number,
            leadInFrame(toNullable(session_start_at)) over (
                partition by dbt_visitor_id order by session_sequence_number
                rows between unbounded preceding and unbounded following
            ) as next_session_start_at
        from sessions
    """),
    ("copy", "dbt_session_track_facts",
     "select session_id, ended_at, num_pvs, cnt_viewed_product, cnt_signup from sessions"),
    ("copy", "dbt_session_duration", """
        select dbt_visitor_id, session_id,
            intDiv(toUnixTimestamp64Micro(ended_at) - toUnixTimestamp64Micro(session_start_at), 60000000)
                as session_duration
        from sessions
    """),
    ("copy", "dbt_user_session_facts", """
        select dbt_visitor_id, min(session_start_at) as first_date, max(session_start_at) as last_date,
            toInt64(count()) as number_of_sessions
        from sessions group by dbt_visitor_id
    """),
]


def main(source, output, threads):
    session = Session()
    session.query("create database if not exists bench")
    session.query("use bench")
    session.query(f"set max_threads = {int(threads)}")
    files = f"file('{source}/*.parquet', Parquet)"
    for kind, name, query in TABLES:
        query = query.format(source=files)
        if kind == "table":
            session.query(f"create table {name} engine = Memory as {query}")
        else:
            session.query(
                f"insert into function file('{output}/{name}.parquet', Parquet) {query} "
                "settings output_format_parquet_compression_method = 'zstd'"
            )


main(*sys.argv[1:])
