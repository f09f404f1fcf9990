{{ config(
    materialized='table',
    partition_by=partition_by_month('timestamp'),
    cluster_by=['dbt_visitor_id'],
    dist='dbt_visitor_id',
    sort=['dbt_visitor_id', 'session_start_at'],
    post_hook=gather_statistics(['dbt_visitor_id', 'session_sequence_number'])
) }}

-- One row per track: its visitor, its place in the session, and the events that follow.
-- All windows are over a visitor's events in their order, so one sort serves them all: what is past the
-- end of a session is told by where sessions open.

with visited as (
    select
        tracks.event_id,
        tracks.anonymous_id,
        mapping.dbt_visitor_id,
        tracks.{{ own_column('timestamp') }},
        tracks.event
    from {{ ref('tracklet_tracks') }} as tracks
    left join {{ ref('dbt_aliases_mapping') }} as mapping
        on mapping.alias = coalesce(tracks.user_id, tracks.anonymous_id)
),

-- The gap is computed beside its window, and so only once: a planner may copy what stands further out into each use.
in_order as (
    select
        event_id,
        anonymous_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event,
        {{ microseconds_between('lag(' ~ own_column('timestamp') ~ ') over (' ~ visitor_order() ~ ')', own_column('timestamp')) }} as idle_microseconds,
        row_number() over ({{ visitor_order() }}) as visitor_sequence_number
    from visited
),

idle as (
    select
        event_id,
        anonymous_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event,
        visitor_sequence_number,
        idle_microseconds,
        {{ whole_minutes('idle_microseconds') }} as idle_time_minutes
    from in_order
),

split as (
    select
        event_id,
        anonymous_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event,
        idle_time_minutes,
        visitor_sequence_number,
        case when {{ opens_session() }} then 1 else 0 end as opens_session
    from idle
),

-- A session's number is how many have been opened so far; it started when and where the latest was opened.
numbered as (
    select
        event_id,
        anonymous_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event,
        idle_time_minutes,
        sum(opens_session) over ({{ visitor_order_again() }}{{ so_far() }}) as session_sequence_number,
        max(case when opens_session = 1 then {{ own_column('timestamp') }} end) over ({{ visitor_order_again() }}{{ so_far() }}) as session_start_at,
        max(case when opens_session = 1 then visitor_sequence_number end) over ({{ visitor_order_again() }}{{ so_far() }}) as first_place,
        row_number() over ({{ visitor_order_again() }}) as place
        {%- for number in range(2, var('tracklet_flow_length') + 1) %},
        lead(event, {{ number - 1 }}) over ({{ visitor_order_again() }}) as next_{{ number }},
        lead(opens_session, {{ number - 1 }}) over ({{ visitor_order_again() }}) as opens_{{ number }}
        {%- endfor %}
    from split
)

select
    event_id,
    anonymous_id,
    dbt_visitor_id,
    {{ own_column('timestamp') }},
    event,
    {{ as_integer('idle_time_minutes') }} as idle_time_minutes,
    {{ as_integer('session_sequence_number') }} as session_sequence_number,
    session_start_at,
    {{ as_integer('place - first_place + 1') }} as track_sequence_number
    {%- for number in range(2, var('tracklet_flow_length') + 1) %},
    case when {% for between in range(2, number + 1) %}{{ 'opens_' ~ between }}{{ ' + ' if not loop.last }}{% endfor %} = 0 then next_{{ number }} end as event_{{ number }}
    {%- endfor %}
from numbered
