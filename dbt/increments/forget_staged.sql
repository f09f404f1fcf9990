{{ config(materialized='table', unlogged=true, dist='event_id', post_hook=gather_statistics(['event_id', 'anonymous_id', 'user_id', 'fate', 'old_fate'])) }}

-- In the place of increment_staged: the rows that are forgotten, with fate 3, and the others with the same event id, with what
-- becomes of them then.

with marked as (
    select
        {{ row_columns() }},
        {{ as_integer('fate') }} as old_fate
        {{- and_copy_number('old_copy_number', as_integer('copy_number'), 8) }},
        case when of_alias.id_hash is not null or of_user.id_hash is not null or of_device.id_hash is not null then 1 else 0 end as is_forgotten
    from {{ ref('tracklet_staged') }} as staged
    {{ joined_with_forgotten('staged', ref('forget_hashes')) }}
),

touched as (
    select coalesce(event_id, '') as touched_event_id
    from marked
    where is_forgotten = 1
    group by coalesce(event_id, '')
),

candidates as (
    select
        {{ row_columns() }},
        old_fate
        {{- and_copy_number('old_copy_number', 'old_copy_number', 8) }},
        is_forgotten
    from marked
    inner join touched
        on touched.touched_event_id = coalesce(marked.event_id, '')
),

remaining as (
    select
        {{ row_columns() }},
        old_fate
        {{- and_copy_number('old_copy_number', 'old_copy_number', 8) }}
    from candidates
    where is_forgotten = 0
),

judged_again as (
    {{ rows_with_fates('remaining', goes_on=true) }}
)

select
    {{ row_columns() }},
    old_fate
    {{- and_copy_number('old_copy_number', 'old_copy_number') }},
    fate
    {{- and_copy_number() }}
from judged_again
union all
select
    {{ row_columns() }},
    old_fate
    {{- and_copy_number('old_copy_number', 'old_copy_number') }},
    3 as fate
    {{- and_copy_number(expression=as_integer('null')) }}
from candidates
where is_forgotten = 1
