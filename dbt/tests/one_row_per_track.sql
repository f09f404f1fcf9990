-- Invariant 1: these tables have one row per sessionized track.

with counted as (
    select
        (select count(*) from {{ ref('tracklet_tracks') }}) as tracks,
        (select count(*) from {{ ref('dbt_mapped_tracks') }}) as mapped_tracks,
        (select count(*) from {{ ref('dbt_track_facts') }}) as track_facts,
        (select count(*) from {{ ref('dbt_tracks_flow') }}) as tracks_flow
)

select tracks, mapped_tracks, track_facts, tracks_flow
from counted
where mapped_tracks <> tracks
    or track_facts <> tracks
    or tracks_flow <> tracks
