{{ config(materialized=var('tracklet_materialize'), enabled=carried_columns() | length > 0) }}

-- Every event with its session, why it opened one, and the columns that it carries.

select
    event_id,
    carried_1 as event_type,
    event,
    anonymous_id,
    user_id,
    dbt_visitor_id,
    {{ own_column('timestamp') }},
    {{ session_id() }} as session_id,
    session_key,
    track_sequence_number as event_sequence_number,
    start_reason
    {%- for column in carried_columns() if column.name != 'event_type' %},
    {{ column.inner }} as {{ own_column(column.name) }}
    {%- endfor %}
from {{ ref('tracklet_event_facts') }}
