{{ config(materialized=var('tracklet_materialize')) }}

-- Every visitor's first and last session, and how many there were.

select
    dbt_visitor_id,
    min(session_start_at) as first_date,
    max(session_start_at) as last_date,
    {{ as_integer('count(*)') }} as number_of_sessions
from {{ ref('tracklet_session_facts') }}
group by dbt_visitor_id
