{{ config(materialized='table', indexes=indexed_by([['event_id']])) }}

-- The rows dropped because a lesser row has the same event_id.

select
    event_id,
    anonymous_id,
    user_id,
    event,
    {{ own_column('timestamp') }},
    received_at
from {{ ref('tracklet_staged') }}
where fate = 1
