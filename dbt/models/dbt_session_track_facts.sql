{{ config(materialized=var('tracklet_materialize')) }}

-- What happened in every session.

select
    session_id,
    ended_at,
    num_pvs
    {%- for column, names in var('tracklet_counts') | items %},
    {{ own_column(column) }}
    {%- endfor %}
from {{ ref('tracklet_session_facts') }}
