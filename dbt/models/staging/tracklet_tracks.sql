{{ config(tags=['aside']) }}

-- The tracks that become sessions: canonical columns, without rejected rows and duplicates.

select
    {{ numbered_id('event_id', 'copy_number') ~ ' as event_id' if ids_from_rows() else 'event_id' }},
    anonymous_id,
    user_id,
    event,
    {{ own_column('timestamp') }},
    received_at
    {{- and_carried(indent=4) }}
from {{ ref('tracklet_staged') }}
where fate = 0
