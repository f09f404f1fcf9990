-- Invariant 4, first half: no session holds a gap over the timeout. Judged again from the times.

with in_order as (
    select
        event_id,
        session_id,
        {{ own_column('timestamp') }},
        lag({{ own_column('timestamp') }}) over (partition by session_id order by track_sequence_number) as previous_at
    from {{ ref('dbt_track_facts') }}
),

gaps as (
    select
        event_id,
        session_id,
        {{ microseconds_between('previous_at', own_column('timestamp')) }} as gap
    from in_order
)

select event_id, session_id, gap
from gaps
where gap < 0
    or gap >= {{ shortest_splitting_gap() }}
