-- rows read = sessionized + evidence + duplicates + rejected.

with counted as (
    select
        (select count(*) from {{ ref('tracklet_staged') }}) as rows_read,
        (select count(*) from {{ ref('tracklet_event_facts') }}) as sessionized,
        (select count(*) from {{ ref('tracklet_staged') }} where fate = 4) as evidence,
        (select count(*) from {{ ref('tracklet_duplicates') }}) as duplicates,
        (select count(*) from {{ ref('tracklet_rejects') }}) as rejected
)

select rows_read, sessionized, evidence, duplicates, rejected
from counted
where rows_read <> sessionized + evidence + duplicates + rejected
