{{ config(materialized=var('tracklet_materialize')) }}

-- Every track with its session and its number there.

select
    anonymous_id,
    {{ own_column('timestamp') }},
    event_id,
    event,
    {{ session_id() }} as session_id,
    dbt_visitor_id,
    track_sequence_number
from {{ ref('tracklet_event_facts') }}
