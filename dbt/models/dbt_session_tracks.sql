{{ config(materialized=var('tracklet_materialize')) }}

-- Every session: whose, which, from when, and when the visitor's next one starts.

select
    session_id,
    dbt_visitor_id,
    session_start_at,
    session_sequence_number,
    next_session_start_at
from {{ ref('tracklet_session_facts') }}
