"""The eight tables in DataFusion, intermediate results cached in memory."""

import sys

from datafusion import SessionConfig, SessionContext

TABLES = [
    ("cache", "twice", "select id from source group by id having count(*) > 1"),
    ("cache", "tracks", """
        select id as event_id, anonymous_id, user_id, event, timestamp from source
        left anti join twice on source.id = twice.id
        union all
        select id, anonymous_id, user_id, event, timestamp from (
            select source.*, row_number() over (
                partition by source.id
                order by timestamp, received_at nulls last, anonymous_id nulls last, user_id nulls last,
                    event nulls last
            ) as place
            from source left semi join twice on source.id = twice.id
        ) where place = 1
    """),
    ("cache", "pairs", """
        select anonymous_id, user_id, max(timestamp) as at from tracks group by anonymous_id, user_id
    """),
    ("cache", "dbt_aliases_mapping", """
        with logins as (
            select anonymous_id as alias, last_value(user_id order by at, user_id) as user_id
            from pairs where anonymous_id is not null and user_id is not null group by anonymous_id
        ),
        aliases as (
            select anonymous_id as alias from pairs where anonymous_id is not null
            union
            select user_id from pairs where user_id is not null
        )
        select aliases.alias, coalesce(logins.user_id, aliases.alias) as dbt_visitor_id
        from aliases left join logins on aliases.alias = logins.alias
    """),
    ("cache", "events", """
        with idle as (
            select
                event_id, anonymous_id, dbt_visitor_id, timestamp, event,
                (cast(timestamp as bigint) - cast(lag(timestamp) over (
                    partition by dbt_visitor_id order by timestamp, event_id
                ) as bigint)) / 60000000 as idle_time_minutes
            from tracks
            join dbt_aliases_mapping as mapping on mapping.alias = coalesce(tracks.user_id, tracks.anonymous_id)
        ),
        numbered as (
            select *, sum(case when idle_time_minutes <= 30 then 0 else 1 end) over (
                partition by dbt_visitor_id order by timestamp, event_id
                rows between unbounded preceding and current row
            ) as session_sequence_number
            from idle
        )
        select
            *,
            cast(session_sequence_number as varchar) || ' - ' || dbt_visitor_id as session_id,
            cast(row_number() over session as bigint) as track_sequence_number,
            lead(event, 1) over session as event_2,
            lead(event, 2) over session as event_3,
            lead(event, 3) over session as event_4,
            lead(event, 4) over session as event_5
        from numbered
        window session as (partition by dbt_visitor_id, session_sequence_number order by timestamp, event_id)
    """),
    ("cache", "sessions", """
        select
            session_id, dbt_visitor_id, session_sequence_number,
            min(timestamp) as session_start_at, max(timestamp) as ended_at, count(*) as num_pvs,
            count(*) filter (where event = 'viewed_product') as cnt_viewed_product,
            count(*) filter (where event = 'signup') as cnt_signup
        from events group by session_id, dbt_visitor_id, session_sequence_number
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
            lead(session_start_at) over (partition by dbt_visitor_id order by session_sequence_number)
                as next_session_start_at
        from sessions
    """),
    ("copy", "dbt_session_track_facts",
     "select session_id, ended_at, num_pvs, cnt_viewed_product, cnt_signup from sessions"),
    ("copy", "dbt_session_duration", """
        select dbt_visitor_id, session_id,
            (cast(ended_at as bigint) - cast(session_start_at as bigint)) / 60000000 as session_duration
        from sessions
    """),
    ("copy", "dbt_user_session_facts", """
        select dbt_visitor_id, min(session_start_at) as first_date, max(session_start_at) as last_date,
            count(*) as number_of_sessions
        from sessions group by dbt_visitor_id
    """),
]


def main(source, output, threads):
    config = SessionConfig().with_target_partitions(int(threads))
    context = SessionContext(config)
    context.register_parquet("source", f"{source}/")
    for kind, name, query in TABLES:
        if kind == "cache":
            context.register_view(name, context.sql(query).cache())
        else:
            context.sql(
                f"copy ({query}) to '{output}/{name}.parquet' stored as parquet "
                "options ('format.compression' 'zstd(3)')"
            ).collect()


main(*sys.argv[1:])
