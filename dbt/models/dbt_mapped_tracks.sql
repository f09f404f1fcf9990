{{ config(materialized=var('tracklet_materialize')) }}

-- Every track with its visitor and the whole minutes since that visitor's event before.

select
    event_id,
    anonymous_id,
    dbt_visitor_id,
    {{ own_column('timestamp') }},
    event,
    idle_time_minutes
from {{ ref('tracklet_event_facts') }}
