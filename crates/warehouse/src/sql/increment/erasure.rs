//! An erasure: an increment of rows that go.
//!
//! ```text
//! forget_hashes (of the ids, and of all ids of a visitor) -> forget_staged, called increment_staged (the rows that go, and
//!   again the fates of others with the same event ids) -> pairs -> aliases -> restarts -> events -> sessions
//! ```

use super::exchanges::{Come, EXCHANGES};
use super::{Facts, Increment};
use crate::sql::RenderError;
use crate::sql::forgotten::{self, Hashes};
use crate::sql::plan::{Planned, drop_if_there};
use std::collections::BTreeMap;
use tracklet_dialects::Kind;

/// The steps of an erasure, in order, after `forget_hashes`. What `forget_staged` makes takes the place of `increment_staged`.
pub const STEPS_OF_ERASURE: [&str; 6] = [
    "forget_staged",
    "increment_pairs",
    "increment_aliases",
    "increment_restarts",
    "increment_events",
    "increment_sessions",
];

/// The first step of an erasure.
pub const HASHES: &str = "forget_hashes";

impl Facts {
    /// What is right for every erasure. `earliest` is a time as a literal.
    pub fn of_erasure(earliest: String) -> Self {
        Self { forgets: true, ..Self::unknown(earliest.clone(), earliest) }
    }
}

impl Increment<'_> {
    /// The step [`HASHES`].
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn hashes(&self, hashes: &Hashes) -> Result<Planned, RenderError> {
        self.step_with(HASHES, hashes)
    }

    /// The statements that take away the steps of an erasure.
    pub fn clean_erasure(&self) -> Vec<String> {
        let steps = STEPS_OF_ERASURE.iter().rev().chain([&HASHES]);
        steps.map(|step| drop_if_there(Kind::Table, &self.names.relation(step))).collect()
    }

    /// The statement that notes what the step [`HASHES`] has; `noted_after` is the number of the latest published run, `digest`
    /// that of the list which then results.
    pub fn note(&self, noted_after: u64, digest: &str) -> String {
        forgotten::note(&self.names, &self.names.relation(HASHES), noted_after, digest)
    }

    /// A query for the hashes of the step [`HASHES`].
    pub fn hashes_made(&self) -> String {
        forgotten::hashes_in(&self.names.relation(HASHES))
    }

    /// [`Self::count_staged_of`] what the step [`HASHES`] has.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn count_staged_of_hashes(&self) -> Result<String, RenderError> {
        self.count_staged_of(&self.names.relation(HASHES))
    }

    /// For each published table or view among `kept` a query for its rows before an exchange, those that are deleted and those that are inserted.
    /// The steps must be there, and the exchange not made.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn count_exchanges(
        &self,
        kept: &[&str],
        facts: &Facts,
    ) -> Result<Vec<(&'static str, String)>, RenderError> {
        let mut queries = Vec::new();
        for exchange in EXCHANGES.iter().filter(|exchange| kept.contains(&exchange.model)) {
            let table = self.names.relation(exchange.model);
            let condition = self.text(exchange.gone.condition, facts, &self.names)?;
            let rows = match exchange.come {
                Come::ModelOfVisitors => self.text(VISITORS_THAT_STAY, facts, &self.names)?,
                _ => self.rows_that_come(exchange, facts)?,
            };
            let query = format!(
                "select\n    (select count(*) from {table}) as before,\n    (select count(*) from {table} where {condition}) as gone,\n    \
                 (select count(*) from (\n{rows}\n) as coming) as come"
            );
            queries.push((exchange.model, query));
        }
        Ok(queries)
    }

    /// The statements that empty those of the erasure's steps that were made, in the transaction that erases: who is killed
    /// before they are dropped leaves nothing of the person.
    pub fn empty(&self, made: &[&str]) -> Vec<String> {
        made.iter().map(|step| format!("delete from {}\nwhere true", self.names.relation(step))).collect()
    }

    /// A query for how many rows go, by what had become of them: kept, duplicates, rejected, evidence.
    pub fn count_forgotten(&self) -> String {
        let count =
            |fate: u8, name: &str| format!("    count(case when old_fate = {fate} then 1 end) as {name}");
        format!(
            "select\n{},\n{},\n{},\n{}\nfrom {}\nwhere fate = 3",
            count(0, "tracks"),
            count(1, "duplicates"),
            count(2, "rejected"),
            count(4, "evidence"),
            self.names.relation("increment_staged")
        )
    }

    /// A query for the number of rows that runs before have staged and of which `forgotten`, a quoted table, has a hash now.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn count_staged_of(&self, forgotten: &str) -> Result<String, RenderError> {
        self.text(STAGED_OF_FORGOTTEN, &BTreeMap::from([("forgotten", forgotten)]), &self.names)
    }
}

/// The affected visitors that have sessions afterwards: before what changes, or in it.
const VISITORS_THAT_STAY: &str = "\
select restarts.affected_visitor_id
from {{ ref('increment_restarts') }} as restarts
left join (
    select dbt_visitor_id
    from {{ ref('increment_sessions') }}
    group by dbt_visitor_id
) as visitors
    on visitors.dbt_visitor_id = restarts.affected_visitor_id
where restarts.sessions_before > 0
    or visitors.dbt_visitor_id is not null";

const STAGED_OF_FORGOTTEN: &str = "\
select
    count(case when staged.fate = 0 then 1 end) as tracks,
    count(case when staged.fate = 1 then 1 end) as duplicates,
    count(case when staged.fate = 2 then 1 end) as rejected,
    count(case when staged.fate = 4 then 1 end) as evidence
from {{ ref('tracklet_staged') }} as staged
{{ joined_with_forgotten('staged', forgotten) }}
where of_alias.id_hash is not null
    or of_user.id_hash is not null
    or of_device.id_hash is not null";
