//! The published tables, and how an increment replaces rows of each.

/// How the rows of a published table are exchanged.
pub(super) struct Exchange {
    pub(super) model: &'static str,
    pub(super) gone: Gone,
    pub(super) come: Come,
}

/// Which rows go, said twice.
pub(super) struct Gone {
    /// As a condition on the table.
    pub(super) condition: &'static str,
    /// As a query, no two rows of which tell the same row of the table,
    pub(super) rows: &'static str,
    /// and what those rows, `gone`, have in common with the table's, `target`.
    pub(super) matching: &'static str,
}

/// Which rows are inserted.
pub(super) enum Come {
    /// The rows of a query.
    Rows(&'static str),
    /// The rows that the model makes of the new rows of what it is made from.
    Model,
    /// The rows that the model makes, for the affected visitors, of what it is made from as it is then.
    ModelOfVisitors,
}

/// The affected visitors' tracks from where they are rebuilt, in a table with the time of each. PostgreSQL finds them by
/// an index only if the visitors alone are asked for, too.
const TRACKS: Gone = Gone {
    condition: "\
{{ own_column('timestamp') }} >= {{ restarted_since }}
    and dbt_visitor_id in (select affected_visitor_id from {{ ref('increment_restarts') }})
    and exists (
        select 1
        from {{ ref('increment_restarts') }} as restarts
        where restarts.affected_visitor_id = dbt_visitor_id
            and restarts.restart_at <= {{ own_column('timestamp') }}
    )",
    rows: "\
select
    affected_visitor_id,
    restart_at
from {{ ref('increment_restarts') }}",
    matching: "\
target.dbt_visitor_id = gone.affected_visitor_id
    and target.{{ own_column('timestamp') }} >= gone.restart_at
    and target.{{ own_column('timestamp') }} >= {{ restarted_since }}",
};

/// Their sessions, in a table with the start of each.
const SESSIONS: Gone = Gone {
    condition: "\
session_start_at >= {{ restarted_since }}
    and dbt_visitor_id in (select affected_visitor_id from {{ ref('increment_restarts') }})
    and exists (
        select 1
        from {{ ref('increment_restarts') }} as restarts
        where restarts.affected_visitor_id = dbt_visitor_id
            and restarts.restart_at <= session_start_at
    )",
    rows: "\
select
    affected_visitor_id,
    restart_at
from {{ ref('increment_restarts') }}",
    matching: "\
target.dbt_visitor_id = gone.affected_visitor_id
    and target.session_start_at >= gone.restart_at
    and target.session_start_at >= {{ restarted_since }}",
};

/// Their sessions, in a table that has their names alone. It must be asked before the sessions go.
const NAMED_SESSIONS: Gone = Gone {
    condition: "\
session_id in (
        select sessions.session_id
        from {{ ref('tracklet_session_facts') }} as sessions
        inner join {{ ref('increment_restarts') }} as restarts
            on restarts.affected_visitor_id = sessions.dbt_visitor_id
        where sessions.session_start_at >= restarts.restart_at
            and sessions.session_start_at >= {{ restarted_since }}
    )",
    rows: "\
select sessions.session_id
from {{ ref('tracklet_session_facts') }} as sessions
inner join {{ ref('increment_restarts') }} as restarts
    on restarts.affected_visitor_id = sessions.dbt_visitor_id
where sessions.session_start_at >= restarts.restart_at
    and sessions.session_start_at >= {{ restarted_since }}",
    matching: "\
target.session_id = gone.session_id",
};

/// Every table that may be kept, those first whose rows are decided by the rows of others.
pub(super) const EXCHANGES: [Exchange; 16] = [
    Exchange { model: "dbt_session_duration", gone: NAMED_SESSIONS, come: Come::Model },
    Exchange { model: "dbt_session_track_facts", gone: NAMED_SESSIONS, come: Come::Model },
    Exchange { model: "dbt_session_tracks", gone: SESSIONS, come: Come::Model },
    Exchange { model: "dbt_mapped_tracks", gone: TRACKS, come: Come::Model },
    Exchange { model: "dbt_track_facts", gone: TRACKS, come: Come::Model },
    Exchange { model: "dbt_tracks_flow", gone: TRACKS, come: Come::Model },
    Exchange { model: "tracklet_events", gone: TRACKS, come: Come::Model },
    Exchange { model: "tracklet_sessions", gone: SESSIONS, come: Come::Model },
    Exchange {
        model: "tracklet_rejects",
        gone: Gone {
            condition: "\
{% if forgets %}coalesce(event_id, '') in (select coalesce(event_id, '') from {{ ref('increment_staged') }} where old_fate = 2)
{%- else %}event_id in (select event_id from {{ ref('increment_staged') }} where old_fate = 2){% endif %}",
            rows: "\
select distinct event_id
from {{ ref('increment_staged') }}
where old_fate = 2",
            matching: "target.event_id = gone.event_id",
        },
        come: Come::Model,
    },
    Exchange {
        model: "tracklet_duplicates",
        gone: Gone {
            condition: "event_id in (select event_id from {{ ref('increment_staged') }} where old_fate = 1)",
            rows: "\
select distinct event_id
from {{ ref('increment_staged') }}
where old_fate = 1",
            matching: "target.event_id = gone.event_id",
        },
        come: Come::Model,
    },
    Exchange {
        model: "tracklet_staged",
        gone: Gone {
            condition: "\
{% if forgets %}coalesce(event_id, '') in (select coalesce(event_id, '') from {{ ref('increment_staged') }})
{%- else %}event_id in (select event_id from {{ ref('increment_staged') }} where old_fate is not null){% endif %}",
            rows: "\
select distinct event_id
from {{ ref('increment_staged') }}
where old_fate is not null",
            matching: "target.event_id = gone.event_id",
        },
        come: Come::Rows(
            "\
select
    {{ row_columns() }},
    fate
    {{- and_copy_number() }}
from {{ ref('increment_staged') }}
{%- if forgets %}
where fate <> 3
{%- endif %}",
        ),
    },
    Exchange {
        model: "tracklet_pairs",
        gone: Gone {
            condition: "\
exists (
        select 1
        from (
            select
                anonymous_id as changed_anonymous_id,
                user_id as changed_user_id
            from {{ ref('increment_pairs') }}
        ) as changed
        where changed.changed_anonymous_id = anonymous_id
            and changed.changed_user_id = user_id
    )",
            rows: "\
select
    anonymous_id,
    user_id
from {{ ref('increment_pairs') }}",
            matching: "\
target.anonymous_id = gone.anonymous_id
    and target.user_id = gone.user_id",
        },
        come: Come::Rows(
            "\
select
    anonymous_id,
    user_id,
    last_at
from {{ ref('increment_pairs') }}
where last_at is not null",
        ),
    },
    Exchange {
        model: "dbt_aliases_mapping",
        gone: Gone {
            condition: "alias in (select alias from {{ ref('increment_aliases') }})",
            rows: "\
select alias
from {{ ref('increment_aliases') }}",
            matching: "target.alias = gone.alias",
        },
        come: Come::Rows(
            "\
select
    alias,
    dbt_visitor_id
from {{ ref('increment_aliases') }}
where dbt_visitor_id is not null",
        ),
    },
    Exchange {
        model: "tracklet_event_facts",
        gone: TRACKS,
        come: Come::Rows("select *\nfrom {{ ref('increment_events') }}"),
    },
    Exchange {
        model: "tracklet_session_facts",
        gone: SESSIONS,
        come: Come::Rows("select *\nfrom {{ ref('increment_sessions') }}"),
    },
    Exchange {
        model: "dbt_user_session_facts",
        gone: Gone {
            condition: "dbt_visitor_id in (select affected_visitor_id from {{ ref('increment_restarts') }})",
            rows: "\
select affected_visitor_id
from {{ ref('increment_restarts') }}",
            matching: "target.dbt_visitor_id = gone.affected_visitor_id",
        },
        come: Come::ModelOfVisitors,
    },
];
