{{ config(materialized='table', unlogged=true, dist='affected_visitor_id', post_hook=gather_statistics()) }}

-- The visitors whose sessions may change, and from when on they are rebuilt: from the session before the one in which
-- the first change is, since that one says when the next starts. Nothing earlier can change.

with {{ changed_tracks() }},

changes as (
    select
        case when changed.is_new = 1 then aliases.dbt_visitor_id else aliases.old_visitor_id end as affected_visitor_id,
        changed.{{ own_column('timestamp') }} as changed_at
    from changed
    inner join {{ ref('increment_aliases') }} as aliases
        on aliases.alias = coalesce(changed.user_id, changed.anonymous_id)
    {%- if aliases_moved %}
    union all
    select
        case when sides.side = 'old' then moved.old_visitor_id else moved.dbt_visitor_id end as affected_visitor_id,
        moved.changed_at
    from (
        select
            aliases.old_visitor_id,
            aliases.dbt_visitor_id,
            min(events.{{ own_column('timestamp') }}) as changed_at
        from {{ ref('increment_aliases') }} as aliases
        inner join {{ ref('tracklet_event_facts') }} as events
            on events.dbt_visitor_id = aliases.old_visitor_id
            and coalesce(events.user_id, events.anonymous_id) = aliases.alias
        where aliases.dbt_visitor_id <> aliases.old_visitor_id
            and events.{{ own_column('timestamp') }} >= {{ moved_since }}
        group by aliases.old_visitor_id, aliases.dbt_visitor_id
    ) as moved
    cross join (
        select 'old' as side
        union all
        select 'new' as side
    ) as sides
    {%- endif %}
),

affected as (
    select
        affected_visitor_id,
        min(changed_at) as changed_at
    from changes
    group by affected_visitor_id
),

-- The visitor's sessions, those that start before or with the first change from the last to the first.
placed as (
    select
        affected.affected_visitor_id,
        affected.changed_at,
        sessions.session_start_at,
        sessions.ended_at,
        sessions.session_sequence_number,
        case
            when sessions.session_start_at <= affected.changed_at
                then row_number() over (
                    partition by
                        affected.affected_visitor_id,
                        case when sessions.session_start_at <= affected.changed_at then 1 else 0 end
                    order by sessions.session_sequence_number desc
                )
        end as place_before
    from affected
    left join {{ ref('tracklet_session_facts') }} as sessions
        on sessions.dbt_visitor_id = affected.affected_visitor_id
)

select
    affected_visitor_id,
    coalesce(
        max(case when place_before = 2 then session_start_at end),
        min(session_start_at),
        min(changed_at)
    ) as restart_at,
    coalesce(max(case when place_before = 2 then session_sequence_number end), 1) - 1 as sessions_before,
    max(case when place_before = 3 then ended_at end) as last_before
from placed
group by affected_visitor_id
