-- Without duplicates every event id is there once.
{{ config(enabled=var('tracklet_dedupe')) }}

select event_id
from {{ ref('tracklet_event_facts') }}
group by event_id
having count(*) > 1
