{{ config(materialized=var('tracklet_materialize')) }}

-- The whole minutes from every session's start to its last event.

select
    dbt_visitor_id,
    session_id,
    session_duration
from {{ ref('tracklet_session_facts') }}
