{{ config(
    materialized='table',
    partition_by=partition_by_month('loaded_at'),
    cluster_by=['event_id'],
    dist='event_id',
    sort=['event_id'],
    unlogged=true,
    pre_hook=session_in_utc(),
    indexes=indexed_by([['event_id'], ['loaded_at']]),
    post_hook=gather_statistics(['event_id', 'fate', 'anonymous_id', 'user_id', 'loaded_at'])
) }}

-- Every row of the source and what becomes of it: fate 0 is kept, 1 a duplicate, 2 rejected, 4 evidence.
-- The only model that reads the source, and it reads it once.

with {{ canonical_rows() }}

{{ rows_with_fates('canonical') }}
