-- Invariant 3: the sum of num_pvs is the number of tracks while duplicates are dropped, and at most
-- that otherwise; the sum of number_of_sessions is the number of sessions.

with counted as (
    select
        (select count(*) from {{ ref('dbt_mapped_tracks') }}) as tracks,
        (select coalesce(sum(num_pvs), 0) from {{ ref('dbt_session_track_facts') }}) as num_pvs,
        (select count(*) from {{ ref('dbt_session_tracks') }}) as sessions,
        (select coalesce(sum(number_of_sessions), 0) from {{ ref('dbt_user_session_facts') }}) as number_of_sessions
)

select tracks, num_pvs, sessions, number_of_sessions
from counted
where num_pvs {{ '<>' if var('tracklet_dedupe') else '>' }} tracks
    or number_of_sessions <> sessions
