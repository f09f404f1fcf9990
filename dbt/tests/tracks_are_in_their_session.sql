-- Invariant 5 for the wide table: the session of every track is there, and started when the track says.

select
    events.event_id,
    events.dbt_visitor_id,
    events.session_sequence_number,
    events.session_start_at
from {{ ref('tracklet_event_facts') }} as events
left join {{ ref('tracklet_session_facts') }} as sessions
    on sessions.dbt_visitor_id = events.dbt_visitor_id
    and sessions.session_sequence_number = events.session_sequence_number
where sessions.session_start_at is null
    or sessions.session_start_at <> events.session_start_at
