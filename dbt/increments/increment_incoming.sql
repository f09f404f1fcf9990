{{ config(materialized='table', unlogged=true, post_hook=gather_statistics(['event_id', 'reason'])) }}

-- Those of them that no run has seen: of rows alike in every column, as many as there are more than before.

with together as (
    select
        {{ row_columns() }},
        1 as is_new
    from {{ ref('increment_window') }}
    union all
    select
        {{ row_columns() }},
        0 as is_new
    from {{ ref('tracklet_staged') }}
    where event_id in (select event_id from {{ ref('increment_window') }})
        {%- if not days %}
        and (loaded_at >= {{ since }} or loaded_at is null)
        {%- endif %}
    union all
    select
        {{ row_columns() }},
        0 as is_new
    from {{ ref('tracklet_staged') }}
    where event_id is null
        {%- if not days %}
        and (loaded_at >= {{ since }} or loaded_at is null)
        {%- endif %}
),

counted as (
    select
        {{ row_columns() }},
        is_new,
        row_number() over (partition by {{ row_columns() }}, is_new order by event_id) as copy_number,
        sum(1 - is_new) over (partition by {{ row_columns() }}) as known_copies
    from together
)

select
    {{ row_columns() }}
from counted
where is_new = 1
    and copy_number > known_copies
