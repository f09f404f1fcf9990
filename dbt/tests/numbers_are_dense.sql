-- Sessions of a visitor and tracks of a session are numbered from 1 without holes.

with numbered as (
    select
        dbt_visitor_id as owner,
        count(*) as members,
        count(distinct session_sequence_number) as numbers,
        min(session_sequence_number) as least,
        max(session_sequence_number) as greatest
    from {{ ref('dbt_session_tracks') }}
    group by dbt_visitor_id

    union all

    select
        session_id as owner,
        count(*) as members,
        count(distinct track_sequence_number) as numbers,
        min(track_sequence_number) as least,
        max(track_sequence_number) as greatest
    from {{ ref('dbt_track_facts') }}
    group by session_id
)

select owner, members, numbers, least, greatest
from numbered
where numbers <> members
    or least <> 1
    or greatest <> members
