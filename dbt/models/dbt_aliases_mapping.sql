{{ config(materialized='table', cluster_by=['alias'], dist='alias', indexes=indexed_by([['alias']]), post_hook=gather_statistics()) }}

-- Every id that was seen, as a device's or as a user's, with the visitor it belongs to.

-- Made from the few pairs of ids, not from the tracks.
with {{ ranked_aliases(ref('tracklet_pairs')) }}

select
    alias,
    coalesce(user_id, alias) as dbt_visitor_id
from ranked
where candidate_number = 1
