//! What holds for the tables before readers see them: SPEC's invariants, as one query over the staging tables of a run.
//!
//! Views need no check of their own: each shows columns of a table that is checked. The query counts, groups by sessions and
//! visitors, and sorts nothing as long as the tracks.

use super::{Names, RenderError, Renderer};
use std::fmt::Write;

/// What is staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staged {
    /// Whole tables.
    Whole,
    /// Rows of tables that replace others.
    Rows,
}

/// A query for the rows for which an invariant does not hold.
struct Invariant {
    /// Its number among the invariants of docs/semantics.md.
    number: u8,
    /// What holds, without a quote in it.
    says: String,
    /// The staging tables that it looks at.
    needs: Vec<&'static str>,
    /// Whether it holds for whole tables alone.
    is_of_whole: bool,
    /// A template of the query, with a column `offender`: what identifies the row, as text.
    offending: String,
}

const EVENTS: &str = "tracklet_event_facts";
const SESSIONS: &str = "tracklet_session_facts";
const MAPPING: &str = "dbt_aliases_mapping";
const USERS: &str = "dbt_user_session_facts";

/// The tables with a row for each track.
const OF_TRACKS: [&str; 3] = ["dbt_mapped_tracks", "dbt_track_facts", "dbt_tracks_flow"];

/// The tables with a row for each session, but for [`SESSIONS`].
const OF_SESSIONS: [&str; 3] = ["dbt_session_tracks", "dbt_session_track_facts", "dbt_session_duration"];

/// A query that finds in the staging tables, called as `names` says, what contradicts the invariants; none where it would look at
/// nothing. `has` says whether a model has a staging table. A row of the answer is an invariant that does not hold: its number,
/// what it says, how many rows contradict it, and what identifies the first of them.
///
/// # Errors
/// [`RenderError`].
pub fn contradictions(
    renderer: &Renderer,
    names: &Names,
    staged: Staged,
    has: impl Fn(&str) -> bool,
) -> Result<Option<String>, RenderError> {
    let is_checked = |invariant: &Invariant| {
        (staged == Staged::Whole || !invariant.is_of_whole) && invariant.needs.iter().all(|table| has(table))
    };
    let mut template = String::new();
    for invariant in all().into_iter().filter(is_checked) {
        if !template.is_empty() {
            template.push_str("\nunion all\n");
        }
        let Invariant { number, says, offending, .. } = invariant;
        let _ = write!(
            template,
            "select\n    {{{{ as_integer('{number}') }}}} as invariant,\n    \
             {{{{ as_text(text_literal('{says}')) }}}} as says,\n    count(*) as offenders,\n    \
             min(offender) as first_offender\nfrom (\n{offending}\n) as offending"
        );
    }
    if template.is_empty() {
        return Ok(None);
    }
    let query = format!(
        "select invariant, says, offenders, first_offender\nfrom (\n{template}\n) as checked\nwhere offenders > 0\norder by \
         invariant, says"
    );
    Ok(Some(renderer.render_text("the invariants", &query, names)?.sql.trim_end().to_owned()))
}

fn all() -> Vec<Invariant> {
    let mut all = vec![one_row_per_track(EVENTS, "tracklet_staged", " where fate = 0")];
    all.extend(
        OF_TRACKS.into_iter().chain(["tracklet_events"]).map(|table| one_row_per_track(table, EVENTS, "")),
    );
    all.extend([SESSIONS].into_iter().chain(OF_SESSIONS).map(|table| unique(table, "session_id")));
    all.push(unique("tracklet_sessions", "session_key"));
    all.extend([
        unique(MAPPING, "alias"),
        Invariant { is_of_whole: true, ..unique(USERS, "dbt_visitor_id") },
    ]);
    all.extend([SESSIONS, "dbt_session_track_facts"].map(num_pvs_add_up));
    all.extend([numbers_of_sessions_add_up(), no_gap_in_a_session(), sessions_are_apart()]);
    all.push(tracks_and_sessions_agree());
    let with_session =
        ["dbt_track_facts", "dbt_tracks_flow", "dbt_session_track_facts", "dbt_session_duration"];
    all.extend(with_session.map(|table| exists(table, "session_id", "dbt_session_tracks")));
    all.push(exists("tracklet_events", "session_key", "tracklet_sessions"));
    let with_visitor = [SESSIONS, "dbt_session_tracks", "dbt_session_duration", USERS];
    let with_visitor = with_visitor.into_iter().chain(OF_TRACKS);
    all.extend(with_visitor.map(|table| exists(table, "dbt_visitor_id", MAPPING)));
    all
}

/// Two numbers that are to be the same. `offender` tells them where `differ` holds of them.
fn same(
    number: u8,
    says: String,
    needs: Vec<&'static str>,
    [(left, of_left), (right, of_right)]: [(&str, &str); 2],
    differ: &str,
) -> Invariant {
    let offending = format!(
        "select {{{{ as_text('of_left') }}}} || ' {left}, ' || {{{{ as_text('of_right') }}}} || ' {right}' as offender\nfrom (\n\
         select\n    ({of_left}) as of_left,\n    ({of_right}) as of_right\n) as counted\nwhere {differ}"
    );
    Invariant { number, says, needs, is_of_whole: true, offending }
}

fn one_row_per_track(table: &'static str, tracks: &'static str, condition: &str) -> Invariant {
    let rows = format!("select count(*) from {{{{ ref('{table}') }}}}");
    let of_tracks = format!("select count(*) from {{{{ ref('{tracks}') }}}}{condition}");
    let says = format!("{table} has one row per track");
    same(1, says, vec![table, tracks], [("rows", &rows), ("tracks", &of_tracks)], "of_left <> of_right")
}

fn unique(table: &'static str, key: &'static str) -> Invariant {
    Invariant {
        number: 2,
        says: format!("{key} is unique in {table}"),
        needs: vec![table],
        is_of_whole: false,
        offending: format!(
            "select {key} as offender\nfrom {{{{ ref('{table}') }}}}\ngroup by {key}\nhaving count(*) > 1\n    or {key} is null"
        ),
    }
}

fn num_pvs_add_up(table: &'static str) -> Invariant {
    let sum = format!("select coalesce(sum(num_pvs), 0) from {{{{ ref('{table}') }}}}");
    let tracks = "select count(*) from {{ ref('tracklet_event_facts') }}";
    let says = format!("the num_pvs of {table} add up to the tracks");
    // Kept duplicates count once in a session.
    let differ = "of_left {{ '<>' if var('tracklet_dedupe') else '>' }} of_right";
    let same = same(3, says, vec![table, EVENTS], [("num_pvs", &sum), ("tracks", tracks)], differ);
    Invariant { is_of_whole: false, ..same }
}

fn numbers_of_sessions_add_up() -> Invariant {
    let sum = "select coalesce(sum(number_of_sessions), 0) from {{ ref('dbt_user_session_facts') }}";
    let sessions = "select count(*) from {{ ref('tracklet_session_facts') }}";
    let says = "the number_of_sessions of dbt_user_session_facts add up to the sessions".to_owned();
    let sides = [("counted by visitors", sum), ("sessions", sessions)];
    same(3, says, vec![USERS, SESSIONS], sides, "of_left <> of_right")
}

fn no_gap_in_a_session() -> Invariant {
    Invariant {
        number: 4,
        says: "no session of tracklet_event_facts holds a gap over the timeout".to_owned(),
        needs: vec![EVENTS],
        is_of_whole: false,
        offending: "select event_id as offender\nfrom {{ ref('tracklet_event_facts') }}\nwhere track_sequence_number > 1\n    and \
                    coalesce(idle_time_minutes, {{ longest_idle_minutes() }} + 1) > {{ longest_idle_minutes() }}"
            .to_owned(),
    }
}

fn sessions_are_apart() -> Invariant {
    let gap = "{{ microseconds_between('ended_at', 'next_session_start_at') }}";
    Invariant {
        number: 4,
        says: "consecutive sessions of tracklet_session_facts are apart by more than the timeout".to_owned(),
        needs: vec![SESSIONS],
        is_of_whole: false,
        offending: format!(
            "select session_id as offender\nfrom {{{{ ref('tracklet_session_facts') }}}}\nwhere next_session_start_at is not null\n    \
             and {gap} < {{{{ shortest_splitting_gap() }}}}"
        ),
    }
}

fn tracks_and_sessions_agree() -> Invariant {
    Invariant {
        number: 5,
        says: "tracklet_event_facts and tracklet_session_facts have the same sessions".to_owned(),
        needs: vec![EVENTS, SESSIONS],
        is_of_whole: false,
        offending: TRACKS_AND_SESSIONS.to_owned(),
    }
}

const TRACKS_AND_SESSIONS: &str = "\
select
    coalesce(
        sessions.session_id,
        {{ as_text('tracks.session_sequence_number') }} || ' - ' || tracks.dbt_visitor_id,
        'a track without a visitor'
    ) as offender
from (
    select
        dbt_visitor_id,
        session_sequence_number,
        min(session_start_at) as session_start_at,
        max({{ own_column('timestamp') }}) as ended_at,
        count(*) as tracks
    from {{ ref('tracklet_event_facts') }}
    group by dbt_visitor_id, session_sequence_number
) as tracks
full outer join {{ ref('tracklet_session_facts') }} as sessions
    on sessions.dbt_visitor_id = tracks.dbt_visitor_id
    and sessions.session_sequence_number = tracks.session_sequence_number
where sessions.session_id is null
    or tracks.tracks is null
    or sessions.session_start_at <> tracks.session_start_at
    or sessions.ended_at <> tracks.ended_at
    or sessions.num_pvs {{ '<>' if var('tracklet_dedupe') else '>' }} tracks.tracks";

/// Every `key` of a table is one of `defined_in`.
fn exists(table: &'static str, key: &'static str, defined_in: &'static str) -> Invariant {
    Invariant {
        number: 5,
        says: format!("every {key} of {table} is in {defined_in}"),
        needs: vec![table, defined_in],
        is_of_whole: true,
        offending: format!(
            "select coalesce(used.{key}, 'null') as offender\nfrom (\n    select {key}\n    from {{{{ ref('{table}') }}}}\n    \
             group by {key}\n) as used\nleft join (\n    select {key}\n    from {{{{ ref('{defined_in}') }}}}\n    group by \
             {key}\n) as defined\n    on defined.{key} = used.{key}\nwhere defined.{key} is null"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{Staged, all, contradictions};
    use crate::sql::graph::Graph;
    use crate::sql::render::{Materialized, Renderer};
    use crate::sql::{Dialect, Names};
    use std::collections::BTreeSet;
    use std::path::Path;
    use tracklet_config::Config;

    fn renderer(dialect: Dialect, config: &str) -> Renderer {
        let config = Config::parse(config, Path::new("tracklet.toml")).unwrap();
        Renderer::new(dialect, &config, Materialized::Table, Vec::new())
    }

    fn query(dialect: Dialect, config: &str, staged: Staged, tables: &[&str]) -> Option<String> {
        let names = Names::new(dialect, None, dialect.spelled("s"));
        let has = |table: &str| tables.is_empty() || tables.contains(&table);
        contradictions(&renderer(dialect, config), &names, staged, has).unwrap()
    }

    fn said(query: &str) -> usize {
        query.matches(" as says,").count()
    }

    #[test]
    fn every_table_is_checked_in_every_dialect() {
        for dialect in Dialect::ALL {
            let query = query(dialect, "", Staged::Whole, &[]).unwrap();
            assert_eq!(said(&query), all().len());
            let names = Names::new(dialect, None, dialect.spelled("s"));
            let looked_at: BTreeSet<&str> =
                all().iter().flat_map(|invariant| invariant.needs.clone()).collect();
            for table in &looked_at {
                assert!(query.contains(&format!("from {}", names.relation(table))), "{table} in {query}");
            }
            let of_reference = |name: &&str| name.starts_with("dbt_");
            assert_eq!(looked_at.iter().filter(|name| of_reference(name)).count(), 8);
            assert!(!query.contains("{{") && !query.contains("{%"), "{query}");
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_contract() {
        let numbers: BTreeSet<u8> = all().iter().map(|invariant| invariant.number).collect();
        assert_eq!(numbers, (1..=5).collect());
    }

    #[test]
    fn what_is_not_staged_is_not_looked_at() {
        let tables = ["tracklet_event_facts", "tracklet_session_facts", "dbt_aliases_mapping"];
        let rows = query(Dialect::Postgres, "", Staged::Rows, &tables).unwrap();
        assert!(!rows.contains("\"dbt_session_tracks\"") && !rows.contains("\"tracklet_staged\""), "{rows}");
        assert_eq!(said(&rows), 6);
        let whole = query(Dialect::Postgres, "", Staged::Whole, &tables).unwrap();
        assert!(whole.contains("every dbt_visitor_id of tracklet_session_facts is in dbt_aliases_mapping"));
        assert_eq!(query(Dialect::Postgres, "", Staged::Whole, &["tracklet_rejects"]), None);
    }

    #[test]
    fn the_timeout_and_duplicates_are_those_of_the_configuration() {
        let tables = ["tracklet_event_facts", "tracklet_session_facts"];
        let usual = query(Dialect::Spark, "", Staged::Rows, &tables).unwrap();
        assert!(usual.contains("coalesce(idle_time_minutes, 30 + 1) > 30"), "{usual}");
        assert!(usual.contains("< 1860000000") && usual.contains("of_left <> of_right"), "{usual}");
        let other = "dedupe = false\n[sessions]\ntimeout = \"90s\"\nboundary = \"exact\"";
        let other = query(Dialect::Spark, other, Staged::Rows, &tables).unwrap();
        assert!(other.contains("coalesce(idle_time_minutes, 1 + 1) > 1"), "{other}");
        assert!(other.contains("< 90000001") && other.contains("of_left > of_right"), "{other}");
    }

    #[test]
    fn no_model_is_forgotten() {
        let renderer = renderer(Dialect::Postgres, "");
        let graph = Graph::new(&renderer, &Names::new(Dialect::Postgres, None, "s".to_owned())).unwrap();
        let looked_at: BTreeSet<&str> = all().iter().flat_map(|invariant| invariant.needs.clone()).collect();
        let mut tables =
            graph.models().iter().map(|model| model.name).filter(|name| name.starts_with("dbt_"));
        assert!(tables.all(|table| looked_at.contains(table)));
    }
}
