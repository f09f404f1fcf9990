{{ config(materialized='table', pre_hook=session_in_utc()) }}

-- The rows that are no track, each with the first reason that holds and its columns as they stood.

select
    source_file,
    {{ as_integer('null') }} as {{ own_column('row_number') }},
    {{ as_text('reason') }} as reason,
    event_id,
    anonymous_id,
    user_id,
    event,
    {{ time_as_text(own_column('timestamp')) }} as {{ own_column('timestamp') }},
    {{ time_as_text('received_at') }} as received_at,
    {{ as_text('null') }} as {{ own_column('raw') }}
from {{ ref('tracklet_staged') }}
where fate = 2
