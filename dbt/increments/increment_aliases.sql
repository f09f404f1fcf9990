{{ config(materialized='table', unlogged=true, post_hook=gather_statistics()) }}

-- The aliases in those pairs, with the visitor that each belongs to now and the one that it belonged to before.

with touched as (
    select alias
    from (
        select anonymous_id as alias
        from {{ ref('increment_pairs') }}
        union all
        select user_id as alias
        from {{ ref('increment_pairs') }}
    ) as sides_of_pairs
    where length(alias) > 0
    group by alias
),

known as (
    select
        pairs.anonymous_id,
        pairs.user_id,
        pairs.last_at
    from touched
    inner join {{ ref('tracklet_pairs') }} as pairs
        on pairs.anonymous_id = touched.alias
    union all
    select
        pairs.anonymous_id,
        pairs.user_id,
        pairs.last_at
    from touched
    inner join {{ ref('tracklet_pairs') }} as pairs
        on pairs.user_id = touched.alias
),

remaining as (
    select
        known.anonymous_id,
        known.user_id,
        known.last_at
    from known
    left join {{ ref('increment_pairs') }} as changed
        on changed.anonymous_id = known.anonymous_id
        and changed.user_id = known.user_id
    where changed.anonymous_id is null
    union all
    select anonymous_id, user_id, last_at
    from {{ ref('increment_pairs') }}
    where last_at is not null
),

{{ ranked_aliases('remaining') }}

select
    touched.alias,
    case when ranked.alias is not null then coalesce(ranked.user_id, ranked.alias) end as dbt_visitor_id,
    mapping.dbt_visitor_id as old_visitor_id
from touched
left join ranked
    on ranked.alias = touched.alias
    and ranked.candidate_number = 1
left join {{ ref('dbt_aliases_mapping') }} as mapping
    on mapping.alias = touched.alias
