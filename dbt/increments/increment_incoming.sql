{{ config(materialized='table', unlogged=true, post_hook=gather_statistics(['event_id', 'reason'])) }}

-- Those of them that no run has seen: of rows alike in every column, as many as there are more than before.

{%- set columns = ['event_id', 'anonymous_id', 'user_id', 'event', own_column('timestamp'), 'received_at', 'loaded_at', 'source_file', 'reason'] %}

with together as (
    select
        {{ columns | join(',\n        ') }},
        1 as is_new
    from {{ ref('increment_window') }}
    union all
    select
        {{ columns | join(',\n        ') }},
        0 as is_new
    from {{ ref('tracklet_staged') }}
    where event_id in (select event_id from {{ ref('increment_window') }})
        {%- if not days %}
        and (loaded_at >= {{ since }} or loaded_at is null)
        {%- endif %}
    union all
    select
        {{ columns | join(',\n        ') }},
        0 as is_new
    from {{ ref('tracklet_staged') }}
    where event_id is null
        {%- if not days %}
        and (loaded_at >= {{ since }} or loaded_at is null)
        {%- endif %}
),

counted as (
    select
        {{ columns | join(',\n        ') }},
        is_new,
        row_number() over (partition by {{ columns | join(', ') }}, is_new order by event_id) as copy_number,
        sum(1 - is_new) over (partition by {{ columns | join(', ') }}) as known_copies
    from together
)

select
    {{ columns | join(',\n    ') }}
from counted
where is_new = 1
    and copy_number > known_copies
