{{ config(materialized='table', unlogged=true, post_hook=gather_statistics()) }}

-- The pairs of ids that tracks or evidence came to or went from, with the time of the latest that each has now, or none.

with {{ changed_pairs() if var('tracklet_evidence') else changed_tracks() }},

touched as (
    select
        coalesce(anonymous_id, '') as anonymous_id,
        coalesce(user_id, '') as user_id,
        max(case when is_new = 1 then {{ own_column('timestamp') }} end) as last_at,
        min(is_new) as lost_none
    from changed
    group by coalesce(anonymous_id, ''), coalesce(user_id, '')
),

latest as (
    select anonymous_id, user_id, last_at
    from touched
    union all
    select
        pairs.anonymous_id,
        pairs.user_id,
        pairs.last_at
    from touched
    inner join {{ ref('tracklet_pairs') }} as pairs
        on pairs.anonymous_id = touched.anonymous_id
        and pairs.user_id = touched.user_id
    where touched.lost_none = 1
    {%- if tracks_deleted %}
    -- Of a pair that lost a track the latest may be another now.
    union all
    select
        touched.anonymous_id,
        touched.user_id,
        events.{{ own_column('timestamp') }} as last_at
    from touched
    inner join {{ ref('dbt_aliases_mapping') }} as mapping
        on mapping.alias = case when length(touched.user_id) > 0 then touched.user_id else touched.anonymous_id end
    inner join {{ ref('tracklet_event_facts') }} as events
        on events.dbt_visitor_id = mapping.dbt_visitor_id
        and coalesce(events.anonymous_id, '') = touched.anonymous_id
        and coalesce(events.user_id, '') = touched.user_id
    left join changed as gone
        on gone.event_id = events.event_id
        and gone.is_new = 0
    where touched.lost_none = 0
        and gone.event_id is null
    {%- if var('tracklet_evidence') %}
    union all
    select
        touched.anonymous_id,
        touched.user_id,
        evidence.{{ own_column('timestamp') }} as last_at
    from touched
    inner join {{ ref('tracklet_staged') }} as evidence
        on coalesce(evidence.anonymous_id, '') = touched.anonymous_id
        and coalesce(evidence.user_id, '') = touched.user_id
    left join changed as gone
        on gone.event_id = evidence.event_id
        and gone.is_new = 0
    where touched.lost_none = 0
        and evidence.fate = 4
        and gone.event_id is null
    {%- endif %}
    {%- endif %}
)

select
    anonymous_id,
    user_id,
    max(last_at) as last_at
from latest
group by anonymous_id, user_id
