-- The reference's mapping from the few pairs of ids, as our model makes it: what it would cost a careful hand.

create table dbt_aliases_mapping as
with pairs as (
    select anonymous_id, user_id, max("timestamp") as last_at from rudder.tracks group by anonymous_id, user_id
),
candidates as (
    select anonymous_id as alias, user_id, last_at from pairs
    union all
    select user_id, null, last_at from pairs
)
select distinct on (alias) alias, coalesce(user_id, alias) as dbt_visitor_id
from candidates
order by alias, user_id is null, last_at desc, user_id desc
