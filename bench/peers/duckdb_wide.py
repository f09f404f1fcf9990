"""The two wide tables of events and sessions in DuckDB: windows over narrow rows, which the columns of events join afterwards."""

import sys

from duckdb_tuned import MAPPING, connect
from wide_columns import COLUMNS, EVENTS, EVIDENCE

CARRIED = ", ".join(COLUMNS)


def column(name, table):
    of_context, of_pages = COLUMNS[name]
    value = f"coalesce({of_pages}, {of_context})" if table == "pages" and of_pages else of_context
    return f"{value}::varchar as {name}"


def source(folder, table, event_type, event):
    carried = ", ".join(column(name, table) for name in COLUMNS)
    event = "event" if event is None else f"'{event}'"
    return f"""select id, anonymous_id, user_id, {event} as event, '{event_type}' as event_type, timestamp, received_at, {carried}
        from read_parquet('{folder}/{table}/*.parquet')"""


TABLES = [
    # Ids that occur twice are few: only their rows need an order.
    ("twice", "select id from source group by id having count(*) > 1"),
    ("kept", """
        select * from source anti join twice using (id)
        union all
        (
            select * from source semi join twice using (id)
            qualify row_number() over (
                partition by id
                order by timestamp, received_at nulls last, anonymous_id nulls last, user_id nulls last,
                    event nulls last, event_type
            ) = 1
        )
    """),
    ("pairs", "select anonymous_id, user_id, max(timestamp) as last_at from kept group by all"),
    ("mapping", MAPPING),
    ("placed", f"""
        with idle as (
            select
                kept.rowid as place, id as event_id, dbt_visitor_id, timestamp,
                date_sub('minute', lag(timestamp) over visitor, timestamp) as idle_time_minutes,
                row_number() over visitor as number
            from kept join mapping on mapping.alias = coalesce(user_id, anonymous_id)
            where event_type not in ({', '.join(f"'{event_type}'" for event_type, _ in EVIDENCE.values())})
            window visitor as (partition by dbt_visitor_id order by timestamp, id)
        ),
        opening as (
            select
                *,
                case when idle_time_minutes is null then 'first' when idle_time_minutes > 30 then 'idle' end as start_reason
            from idle
        )
        select
            place, event_id, dbt_visitor_id, timestamp, start_reason, number,
            count(start_reason) over so_far as session_sequence_number,
            max(case when start_reason is not null then number end) over so_far as first_number,
            last_value(case when start_reason is not null then event_id end ignore nulls) over so_far as session_key
        from opening
        window so_far as (
            partition by dbt_visitor_id order by timestamp, event_id rows between unbounded preceding and current row
        )
    """),
    ("sessions", """
        select
            session_key, session_sequence_number || ' - ' || dbt_visitor_id as session_id, dbt_visitor_id,
            session_sequence_number, min(timestamp) as session_start_at, max(timestamp) as ended_at,
            max(start_reason) as start_reason, count(*) as events
        from placed group by session_key, dbt_visitor_id, session_sequence_number
    """),
]
RESULTS = {
    "tracklet_events": f"""
        select
            event_id, event_type, event, anonymous_id, user_id, dbt_visitor_id, placed.timestamp,
            session_sequence_number || ' - ' || dbt_visitor_id as session_id, session_key,
            number - first_number + 1 as event_sequence_number, start_reason, {CARRIED}
        from placed join kept on kept.rowid = placed.place
    """,
    "tracklet_sessions": """
        select
            session_key, session_id, dbt_visitor_id, session_sequence_number, session_start_at, ended_at,
            lead(session_start_at) over (partition by dbt_visitor_id order by session_sequence_number)
                as next_session_start_at,
            start_reason, events
        from sessions
    """,
}


def main(folder, output, threads):
    database = connect(output, threads)
    tables = EVENTS | EVIDENCE
    database.execute("create view source as " + " union all ".join(source(folder, name, *tables[name]) for name in tables))
    for name, query in TABLES:
        database.execute(f"create table {name} as {query}")
    for name, query in RESULTS.items():
        database.execute(f"copy ({query}) to '{output}/{name}.parquet' (format parquet, compression zstd)")


if __name__ == "__main__":
    main(*sys.argv[1:])
