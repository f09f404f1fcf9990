{{ config(
    materialized='table',
    partition_by=partition_by_month('timestamp'),
    cluster_by=['dbt_visitor_id'],
    dist='dbt_visitor_id',
    sort=['dbt_visitor_id', 'session_start_at'],
    indexes=indexed_by([['dbt_visitor_id', 'timestamp']]),
    post_hook=gather_statistics(['dbt_visitor_id', 'session_sequence_number'])
) }}

-- One row per event: its visitor, its place in the session, and the events that follow.

with visited as (
    select
        tracks.event_id,
        tracks.anonymous_id,
        tracks.user_id,
        mapping.dbt_visitor_id,
        tracks.{{ own_column('timestamp') }},
        tracks.event
        {{- and_carried('tracks.') }}
    from {{ ref('tracklet_tracks') }} as tracks
    left join {{ ref('dbt_aliases_mapping') }} as mapping
        on mapping.alias = coalesce(tracks.user_id, tracks.anonymous_id)
),

{{ numbered_events() }}

{{ events_of_numbered() }}
