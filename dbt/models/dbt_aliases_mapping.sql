{{ config(materialized='table', cluster_by=['alias'], dist='alias', post_hook=gather_statistics()) }}

-- Every id that was seen, as a device's or as a user's, with the visitor it belongs to.

-- The tracks are read once: all below works on the few pairs of ids.
with pairs as (
    select
        anonymous_id,
        user_id,
        max({{ own_column('timestamp') }}) as last_at
    from {{ ref('tracklet_tracks') }}
    group by anonymous_id, user_id
),

-- A pair makes its device an alias of its user, and its user an alias that by itself says nothing.
sides as (
    select 'device' as side
    union all
    select 'user' as side
),

candidates as (
    select
        case when sides.side = 'device' then pairs.anonymous_id else pairs.user_id end as alias,
        case when sides.side = 'device' then pairs.user_id end as user_id,
        pairs.last_at
    from pairs
    cross join sides
),

ranked as (
    select
        alias,
        user_id,
        row_number() over (
            partition by alias
            order by
                case when user_id is null then 1 else 0 end,
                last_at desc,
                user_id desc nulls last
        ) as candidate_number
    from candidates
    where alias is not null
)

select
    alias,
    coalesce(user_id, alias) as dbt_visitor_id
from ranked
where candidate_number = 1
