-- Invariant 4, second half: a visitor's consecutive sessions are apart by more than the timeout.

with joined as (
    select
        sessions.session_id,
        facts.ended_at,
        sessions.next_session_start_at
    from {{ ref('dbt_session_tracks') }} as sessions
    inner join {{ ref('dbt_session_track_facts') }} as facts
        on facts.session_id = sessions.session_id
    where sessions.next_session_start_at is not null
),

gaps as (
    select
        session_id,
        {{ microseconds_between('ended_at', 'next_session_start_at') }} as gap
    from joined
)

select session_id, gap
from gaps
where gap < {{ shortest_splitting_gap() }}
