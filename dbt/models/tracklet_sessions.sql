{{ config(materialized=var('tracklet_materialize'), enabled=carried_columns() | length > 0) }}

-- Every session: by which key it is known, whose, from when to when, why it began and how many events it has.

select
    session_key,
    session_id,
    dbt_visitor_id,
    session_sequence_number,
    session_start_at,
    ended_at,
    next_session_start_at,
    start_reason,
    num_pvs as events
    {%- for column, settings in var('tracklet_session_columns') | items %},
    session_column_{{ loop.index }} as {{ own_column(column) }}
    {%- endfor %}
from {{ ref('tracklet_session_facts') }}
