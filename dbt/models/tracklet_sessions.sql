{{ config(
    materialized='table',
    partition_by=partition_by_month('session_start_at'),
    cluster_by=['dbt_visitor_id'],
    dist='dbt_visitor_id',
    sort=['dbt_visitor_id', 'session_start_at'],
    post_hook=gather_statistics()
) }}

-- One row per session, with every column that a session has.

with grouped as (
    select
        dbt_visitor_id,
        session_sequence_number,
        min({{ own_column('timestamp') }}) as session_start_at,
        max({{ own_column('timestamp') }}) as ended_at,
        {#- Without duplicates every row has its own event_id. #}
        {%- if var('tracklet_dedupe') %}
        {{ as_integer('count(*)') }} as num_pvs
        {%- else %}
        {{ as_integer('count(distinct event_id)') }} as num_pvs
        {%- endif %}
        {%- for column, names in var('tracklet_counts') | items %},
        {{ count_events(names) }} as {{ own_column(column) }}
        {%- endfor %}
    from {{ ref('tracklet_events') }}
    group by dbt_visitor_id, session_sequence_number
)

select
    {{ session_id() }} as session_id,
    dbt_visitor_id,
    session_start_at,
    session_sequence_number,
    lead(session_start_at) over (partition by dbt_visitor_id order by session_sequence_number) as next_session_start_at,
    ended_at,
    {{ whole_minutes(microseconds_between('session_start_at', 'ended_at')) }} as session_duration,
    num_pvs
    {%- for column, names in var('tracklet_counts') | items %},
    {{ own_column(column) }}
    {%- endfor %}
from grouped
