{{ config(
    materialized='table',
    partition_by=partition_by_month('timestamp'),
    cluster_by=['dbt_visitor_id'],
    dist='dbt_visitor_id',
    sort=['dbt_visitor_id', 'session_start_at'],
    post_hook=gather_statistics()
) }}

-- One row per track: its visitor, its place in the session, and the events that follow.
-- The windows over a visitor have one partition and order, so one sort serves them all; those over a
-- session only reorder what already lies together.

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

in_order as (
    select
        event_id,
        anonymous_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event,
        lag({{ own_column('timestamp') }}) over ({{ visitor_order() }}) as previous_at,
        row_number() over ({{ visitor_order() }}) as visitor_sequence_number
    from visited
),

gaps as (
    select
        event_id,
        anonymous_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event,
        previous_at,
        visitor_sequence_number,
        {{ microseconds_between('previous_at', own_column('timestamp')) }} as idle_microseconds
    from in_order
),

idle as (
    select
        event_id,
        anonymous_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event,
        previous_at,
        visitor_sequence_number,
        idle_microseconds,
        {{ whole_minutes('idle_microseconds') }} as idle_time_minutes
    from gaps
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

-- A session's number is how many have been opened so far; it started when the latest was opened.
numbered as (
    select
        event_id,
        anonymous_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event,
        idle_time_minutes,
        visitor_sequence_number,
        {{ as_integer('sum(opens_session) over (' ~ visitor_order() ~ ' ' ~ so_far() ~ ')') }} as session_sequence_number,
        max(case when opens_session = 1 then {{ own_column('timestamp') }} end) over ({{ visitor_order() }} {{ so_far() }}) as session_start_at
    from split
)

select
    event_id,
    anonymous_id,
    dbt_visitor_id,
    {{ own_column('timestamp') }},
    event,
    {{ as_integer('idle_time_minutes') }} as idle_time_minutes,
    session_sequence_number,
    session_start_at,
    {{ as_integer('row_number() over (' ~ session_order() ~ ')') }} as track_sequence_number
    {%- for number in range(2, var('tracklet_flow_length') + 1) %},
    lead(event, {{ number - 1 }}) over ({{ session_order() }}) as event_{{ number }}
    {%- endfor %}
from numbered
