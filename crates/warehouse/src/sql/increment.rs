//! An increment: the statements of a run that takes the new rows alone.
//!
//! ```text
//! window (rows loaded since a while before the last run) -> incoming (those not seen before) -> staged (what becomes of
//!   them, and again of known rows with the same event id) -> pairs -> aliases (and who owned each before) -> restarts
//!   (from when on each affected visitor's sessions are rebuilt) -> events -> sessions
//! ```
//!
//! The steps are staging tables, each as large as what changes. In the end one transaction takes the rows that they replace
//! out of the published tables and puts theirs in: see [`Increment::exchange`].

mod erasure;
mod exchanges;

pub use erasure::{HASHES, STEPS_OF_ERASURE};

use self::exchanges::{Come, EXCHANGES, Exchange};
use super::invariants::{Staged, contradictions};
use super::plan::{Planned, drop_if_there, staging_name};
use super::{Dialect, Names, RenderError, Renderer, package, runs};
use chrono::{DateTime, NaiveTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use tracklet_config::Source;
use tracklet_dialects::description::RowExchange;
use tracklet_dialects::{Kind, TableName};

/// The steps, in order.
pub const STEPS: [&str; 8] = [
    "increment_window",
    "increment_incoming",
    "increment_staged",
    "increment_pairs",
    "increment_aliases",
    "increment_restarts",
    "increment_events",
    "increment_sessions",
];

/// What the steps must know beforehand, in literals: no warehouse leaves out the parts of a table by what it only finds
/// while it runs a query.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// A time: rows of the source that were loaded earlier are not looked at.
    pub since: String,
    /// Where rows loaded since then can be, if the source says so.
    pub partitions: Option<Partitions>,
    /// Texts: days of `received_at` of which all rows are looked at.
    pub days: Vec<String>,
    /// Whether a known track is displaced by a new row with its event id.
    pub tracks_deleted: bool,
    /// Whether an alias belongs to another visitor than before.
    pub aliases_moved: bool,
    /// A time: such an alias has no earlier events.
    pub moved_since: String,
    /// A time: no event before it changes.
    pub restarted_since: String,
    /// Whether known rows are forgotten, in place of new rows that are inserted.
    pub forgets: bool,
}

/// Partitions of the source tables.
#[derive(Debug, Clone, Serialize)]
pub struct Partitions {
    /// The name of the column that they are by.
    pub column: String,
    /// A time: none before it is looked at.
    pub since: String,
}

impl Facts {
    /// What is known before the first step: rows of the source that were loaded since then are looked at.
    pub fn before_looking(dialect: Dialect, since: DateTime<Utc>, source: &Source) -> Self {
        // A row may be loaded just after the midnight before which its time was stamped, and the other way round.
        let day_before = since.date_naive().pred_opt().map(|day| day.and_time(NaiveTime::MIN).and_utc());
        let partitions = source
            .partition_time
            .clone()
            .map(|column| Partitions { column, since: dialect.time(day_before.unwrap_or(since)) });
        Self { partitions, ..Self::unknown(dialect.time(since), dialect.time(DateTime::UNIX_EPOCH)) }
    }

    /// What is right whatever the steps find.
    pub fn unknown(since: String, earliest: String) -> Self {
        Self {
            since,
            partitions: None,
            days: Vec::new(),
            tracks_deleted: true,
            aliases_moved: true,
            moved_since: earliest.clone(),
            restarted_since: earliest,
            forgets: false,
        }
    }
}

/// The increment of one run.
#[derive(Debug, Clone)]
pub struct Increment<'a> {
    renderer: &'a Renderer,
    /// The steps under their staging names, the models as readers find them.
    names: Names,
    /// The same, but that models go by the names of the steps that have their new rows.
    exchanging: Names,
    /// The same for [`CHECKED`].
    checking: Names,
}

/// The models whose rows are checked before they are exchanged, and the steps that have them.
const CHECKED: [(&str, &str); 3] = [
    ("tracklet_event_facts", "increment_events"),
    ("tracklet_session_facts", "increment_sessions"),
    ("dbt_aliases_mapping", "increment_aliases"),
];

impl<'a> Increment<'a> {
    /// The increment of the run `token`.
    pub fn new(renderer: &'a Renderer, published: &Names, token: &str) -> Self {
        let mut steps: BTreeMap<String, String> = STEPS
            .iter()
            .chain([&HASHES])
            .map(|step| ((*step).to_owned(), staging_name(token, step)))
            .collect();
        steps.insert("forget_staged".to_owned(), staging_name(token, "increment_staged"));
        let mut exchanging = steps.clone();
        for (model, step) in [
            ("tracklet_staged", "increment_staged"),
            ("tracklet_event_facts", "increment_events"),
            ("tracklet_session_facts", "increment_sessions"),
        ] {
            exchanging.insert(model.to_owned(), staging_name(token, step));
        }
        let checking = CHECKED.map(|(model, step)| (model.to_owned(), staging_name(token, step)));
        Self {
            renderer,
            names: published.with_staging_names(steps),
            exchanging: published.with_staging_names(exchanging),
            checking: published.with_staging_names(checking.into()),
        }
    }

    /// A step.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn step(&self, name: &'static str, facts: &Facts) -> Result<Planned, RenderError> {
        self.step_with(name, facts)
    }

    fn step_with(&self, name: &'static str, values: &impl Serialize) -> Result<Planned, RenderError> {
        let file = package::increments().find(|file| file.name() == name).expect("a test looks at each");
        let rendered = self.renderer.render_step(name, file.text, values, &self.names)?;
        Ok(Planned::step(name, &self.names, rendered))
    }

    /// The statements that take away the steps.
    pub fn clean(&self) -> Vec<String> {
        STEPS.iter().rev().map(|step| drop_if_there(Kind::Table, &self.names.relation(step))).collect()
    }

    /// The statements that replace rows of the published tables among `kept`. They take effect together, in this order:
    /// which rows are deleted is decided by tables that change later. With [`RowExchange::TableByTable`] each takes effect by itself, and what
    /// goes from a table and what comes into it follow each other.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn exchange(&self, kept: &[&str], facts: &Facts) -> Result<Vec<String>, RenderError> {
        let tables = || EXCHANGES.iter().filter(|exchange| kept.contains(&exchange.model));
        let mut statements = Vec::new();
        if self.names.dialect().row_exchange() == RowExchange::TableByTable {
            for exchange in tables() {
                statements.push(self.merge(exchange, facts)?);
                statements.push(self.insert(exchange, facts)?);
            }
            return Ok(statements);
        }
        for exchange in tables() {
            let condition = self.text(exchange.gone.condition, facts, &self.names)?;
            statements
                .push(format!("delete from {}\nwhere {condition}", self.names.relation(exchange.model)));
        }
        for exchange in tables() {
            statements.push(self.insert(exchange, facts)?);
        }
        Ok(statements)
    }

    /// What goes from one table, for [`RowExchange::TableByTable`].
    fn merge(&self, exchange: &Exchange, facts: &Facts) -> Result<String, RenderError> {
        let rows = self.text(exchange.gone.rows, facts, &self.names)?.replace('\n', "\n    ");
        let matching = self.text(exchange.gone.matching, facts, &self.names)?;
        Ok(format!(
            "merge into {} as target\nusing (\n    {rows}\n) as gone\non {matching}\nwhen matched then delete",
            self.names.relation(exchange.model)
        ))
    }

    fn insert(&self, exchange: &Exchange, facts: &Facts) -> Result<String, RenderError> {
        let query = self.rows_that_come(exchange, facts)?;
        Ok(format!("insert into {}\n{query}", self.names.relation(exchange.model)))
    }

    fn rows_that_come(&self, exchange: &Exchange, facts: &Facts) -> Result<String, RenderError> {
        Ok(match exchange.come {
            Come::Rows(query) => self.text(query, facts, &self.names)?,
            Come::Model => self.renderer.render(exchange.model, &self.exchanging)?.sql.trim_end().to_owned(),
            Come::ModelOfVisitors => format!(
                "select *\nfrom (\n{}\n) as facts\nwhere dbt_visitor_id in (select affected_visitor_id from {})",
                self.renderer.render(exchange.model, &self.names)?.sql.trim_end(),
                self.names.relation("increment_restarts")
            ),
        })
    }

    /// The published tables among `kept` in the order in which [`Self::exchange`] takes rows out of them, and puts rows in.
    pub fn tables_exchanged(&self, kept: &[&str]) -> Vec<&'static str> {
        EXCHANGES.iter().map(|exchange| exchange.model).filter(|model| kept.contains(model)).collect()
    }

    /// A query for the number of rows that no run has seen, and the latest load time that is not after `started`, a literal.
    pub fn count_incoming(&self, started: &str) -> String {
        format!(
            "select\n    (select count(*) from {}) as new_rows,\n    ({}) as cursor_at",
            self.names.relation("increment_incoming"),
            runs::cursor_at(&self.names.relation("increment_window"), started)
        )
    }

    /// A query for the number of known tracks, and rows of evidence, that are displaced.
    pub fn count_gone(&self) -> String {
        let staged = self.names.relation("increment_staged");
        let is_other = if self.renderer.makes_ids() { " or old_copy_number <> copy_number" } else { "" };
        format!(
            "select count(*) as gone\nfrom {staged}\nwhere old_fate in (0, 4)\n    and (fate <> old_fate{is_other})"
        )
    }

    /// A query for the number of sessions of visitors that lose an alias, and the start of the first.
    pub fn moved_since(&self) -> String {
        format!(
            "select\n    count(*) as moved,\n    min(sessions.session_start_at) as moved_since\nfrom {} as aliases\n\
             inner join {} as sessions\n    on sessions.dbt_visitor_id = aliases.old_visitor_id\n\
             where aliases.dbt_visitor_id <> aliases.old_visitor_id",
            self.names.relation("increment_aliases"),
            self.names.relation("tracklet_session_facts")
        )
    }

    /// A query for the number of affected visitors, and the time from which on something changes.
    pub fn restarted_since(&self) -> String {
        format!(
            "select\n    count(*) as visitors,\n    min(restart_at) as restarted_since\nfrom {}",
            self.names.relation("increment_restarts")
        )
    }

    /// A query for what the increment adds to the counts of the last run, as `added` and `taken` of each in the order of
    /// [`super::runs::Accounting`].
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn accounting(&self, facts: &Facts) -> Result<String, RenderError> {
        self.text(ACCOUNTING, facts, &self.names)
    }

    /// A query for what contradicts the invariants in the rows that are inserted, see [`contradictions`].
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn contradictions(&self) -> Result<Option<String>, RenderError> {
        let is_staged = |name: &str| CHECKED.iter().any(|(model, _)| *model == name);
        contradictions(self.renderer, &self.checking, Staged::Rows, is_staged)
    }

    /// The steps that have these rows, and their tables.
    pub fn tables_checked(&self) -> Vec<(&'static str, TableName)> {
        CHECKED.iter().map(|(_, step)| (*step, self.names.table(step))).collect()
    }

    fn text(&self, text: &str, facts: &impl Serialize, names: &Names) -> Result<String, RenderError> {
        Ok(self.renderer.render_step("an increment", text, facts, names)?.sql.trim_end().to_owned())
    }
}

const ACCOUNTING: &str = "\
select
    {%- if forgets %}
    {{ as_integer('0') }} as read_added,
    (select count(*) from {{ ref('increment_staged') }} where fate = 3) as read_taken,
    {%- else %}
    (select count(*) from {{ ref('increment_incoming') }}) as read_added,
    {{ as_integer('0') }} as read_taken,
    {%- endif %}
    (select count(*) from {{ ref('increment_events') }}) as sessionized_added,
    (
        select count(*)
        from {{ ref('increment_restarts') }} as restarts
        inner join {{ ref('tracklet_event_facts') }} as events
            on events.dbt_visitor_id = restarts.affected_visitor_id
            and events.{{ own_column('timestamp') }} >= restarts.restart_at
        where events.{{ own_column('timestamp') }} >= {{ restarted_since }}
    ) as sessionized_taken,
    (select count(*) from {{ ref('increment_staged') }} where fate = 1) as duplicates_added,
    (select count(*) from {{ ref('increment_staged') }} where old_fate = 1) as duplicates_taken,
    (select count(*) from {{ ref('increment_staged') }} where fate = 2) as rejected_added,
    (select count(*) from {{ ref('increment_staged') }} where old_fate = 2) as rejected_taken,
    (select count(*) from {{ ref('increment_sessions') }}) as sessions_added,
    (
        select count(*)
        from {{ ref('increment_restarts') }} as restarts
        inner join {{ ref('tracklet_session_facts') }} as sessions
            on sessions.dbt_visitor_id = restarts.affected_visitor_id
            and sessions.session_start_at >= restarts.restart_at
    ) as sessions_taken,
    (
        select count(*)
        from {{ ref('increment_restarts') }} as restarts
        left join (
            select dbt_visitor_id
            from {{ ref('increment_sessions') }}
            group by dbt_visitor_id
        ) as visitors
            on visitors.dbt_visitor_id = restarts.affected_visitor_id
        where restarts.sessions_before > 0
            or visitors.dbt_visitor_id is not null
    ) as visitors_added,
    (
        select count(distinct sessions.dbt_visitor_id)
        from {{ ref('increment_restarts') }} as restarts
        inner join {{ ref('tracklet_session_facts') }} as sessions
            on sessions.dbt_visitor_id = restarts.affected_visitor_id
    ) as visitors_taken,
    (select count(*) from {{ ref('increment_staged') }} where fate = 4) as evidence_added,
    (select count(*) from {{ ref('increment_staged') }} where old_fate = 4) as evidence_taken";

#[cfg(test)]
mod tests;
