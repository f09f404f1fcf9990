{{ config(
    materialized='table',
    partition_by=partition_by_month('session_start_at'),
    cluster_by=['dbt_visitor_id'],
    dist='dbt_visitor_id',
    sort=['dbt_visitor_id', 'session_start_at'],
    indexes=indexed_by([['dbt_visitor_id', 'session_start_at']]),
    post_hook=gather_statistics()
) }}

-- One row per session, with every column that a session has.

{{ sessions_of(ref('tracklet_event_facts')) }}
