{{ config(materialized=var('tracklet_materialize')) }}

-- Every track with the next events of its session.

select
    event_id,
    {{ session_id() }} as session_id,
    track_sequence_number,
    event,
    dbt_visitor_id,
    {{ own_column('timestamp') }}
    {%- for number in range(2, var('tracklet_flow_length') + 1) %},
    event_{{ number }}
    {%- endfor %}
from {{ ref('tracklet_event_facts') }}
