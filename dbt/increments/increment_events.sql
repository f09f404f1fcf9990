{{ config(materialized='table', unlogged=true, dist='dbt_visitor_id', post_hook=gather_statistics(['dbt_visitor_id', 'session_sequence_number'])) }}

-- The events of those visitors from there on, as tracklet_event_facts has them afterwards.

with {{ changed_tracks() }},

standing as (
    select
        events.event_id,
        events.anonymous_id,
        events.user_id,
        coalesce(aliases.dbt_visitor_id, events.dbt_visitor_id) as dbt_visitor_id,
        events.{{ own_column('timestamp') }},
        events.event
        {{- and_carried('events.') }}
    from {{ ref('increment_restarts') }} as restarts
    inner join {{ ref('tracklet_event_facts') }} as events
        on events.dbt_visitor_id = restarts.affected_visitor_id
        and events.{{ own_column('timestamp') }} >= restarts.restart_at
    left join {{ ref('increment_aliases') }} as aliases
        on aliases.alias = coalesce(events.user_id, events.anonymous_id)
    {%- if tracks_deleted %}
    left join changed as gone
        on gone.event_id = events.event_id
        and gone.is_new = 0
        {%- if forgets and not var('tracklet_dedupe') %}
        -- Others may have tracks with the event id of one that goes.
        and coalesce(gone.anonymous_id, '') = coalesce(events.anonymous_id, '')
        and coalesce(gone.user_id, '') = coalesce(events.user_id, '')
        {%- endif %}
    {%- endif %}
    where events.{{ own_column('timestamp') }} >= {{ restarted_since }}
        {%- if tracks_deleted %}
        and gone.event_id is null
        {%- endif %}
    union all
    select
        changed.event_id,
        changed.anonymous_id,
        changed.user_id,
        aliases.dbt_visitor_id,
        changed.{{ own_column('timestamp') }},
        changed.event
        {{- and_carried('changed.') }}
    from changed
    inner join {{ ref('increment_aliases') }} as aliases
        on aliases.alias = coalesce(changed.user_id, changed.anonymous_id)
    where changed.is_new = 1
),

visited as (
    select
        standing.event_id,
        standing.anonymous_id,
        standing.user_id,
        standing.dbt_visitor_id,
        standing.{{ own_column('timestamp') }},
        standing.event
        {{- and_carried('standing.') }},
        restarts.sessions_before,
        restarts.last_before
    from standing
    left join {{ ref('increment_restarts') }} as restarts
        on restarts.affected_visitor_id = standing.dbt_visitor_id
),

{{ numbered_events(goes_on=true) }}

{{ events_of_numbered() }}
