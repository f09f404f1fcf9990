//! What a run does, decided of facts alone: nothing here asks a warehouse.
//!
//! ```text
//! latest run, configuration, target --BuildPlan::before_looking--> all rows, and why; or the new rows from a time on
//!     --the schema: BuildPlan::after_looking--> the same, once the tables fit
//! the same facts --reason_to_rebuild--> an erasure exchanges rows, or notes them for a run that takes all rows
//! ```

use crate::forgotten::Standing;
use crate::sql::runs::Latest;
use crate::targets::Kind;
use chrono::{DateTime, TimeDelta, Utc};
use tracklet_config::{Refresh, RunMode};

/// Why a run takes all rows while rows may exist that were only noted to go.
const FORGOTTEN: &str = "ids were forgotten";

/// Why rows are not exchanged where a reader could see some tables before and some after.
const NO_TRANSACTION: &str = "the tables can't be changed in one transaction here";

/// What is known before the tables are looked at.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The latest run that published, or began to.
    pub(super) latest: &'a Latest,
    /// Whether the tables lack the rows of all forgotten ids.
    pub(super) forgotten: Standing,
    pub(super) refresh: Refresh,
    /// Whether the run makes all models.
    pub(super) are_all_chosen: bool,
    /// Why rows of tables can't be exchanged in this dialect and format.
    pub(super) fixed_rows: Option<&'static str>,
    pub(super) exchange: Exchange,
    pub(super) config_fingerprint: &'a str,
    pub(super) sql_digest: &'a str,
    /// The names of the models that readers get.
    pub(super) models: &'a str,
    /// The columns that say when the source's rows were loaded, if every source table has one.
    pub(super) cursor_column: Option<&'a str>,
    /// How far before the latest load time a run looks, in microseconds.
    pub(super) overlap: u64,
}

/// How rows of tables can be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchange {
    /// In all tables in one transaction.
    Together,
    /// Table by table, with the run's row noted beforehand: the next run knows of one that was cut off.
    OneByOne,
    /// Not so that every reader and every later run sees either all of it or nothing.
    Impossible,
}

/// What the tables of the schema are, as far as an exchange of rows depends on it.
#[derive(Debug, Default)]
pub(super) struct SchemaState {
    /// A model whose table or view does not exist.
    pub(super) missing: Option<(Kind, &'static str)>,
    /// A table that has not the configured format, and that format.
    pub(super) of_other_format: Option<(&'static str, &'static str)>,
    /// Whether the table of all rows that were read has no row.
    pub(super) is_staged_empty: bool,
}

/// Where a run looks for new rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// The columns that say when a row was loaded.
    pub(super) cursor_column: String,
    /// The latest load time that earlier runs have read.
    pub(super) cursor_at: DateTime<Utc>,
    /// The earliest load time that is looked at.
    pub(super) since: DateTime<Utc>,
}

/// What `build` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BuildPlan {
    /// The run takes all rows of the source.
    Full {
        /// [`RunMode::Full`] or [`RunMode::Rebuild`].
        mode: RunMode,
        /// Why.
        reason: String,
        /// The columns by which the next run finds new rows.
        cursor_column: Option<String>,
    },
    /// The run takes the new rows.
    Increment(Window),
}

impl BuildPlan {
    /// What a run does whose tables fit.
    pub(super) fn before_looking(known: &Known<'_>) -> Self {
        match window(known) {
            Ok(window) => Self::Increment(window),
            Err(reason) => Self::full(known, reason),
        }
    }

    /// The same, once the tables were looked at.
    pub(super) fn after_looking(self, known: &Known<'_>, schema: &SchemaState) -> Self {
        match (&self, reason_in_schema(schema, known.latest)) {
            (Self::Increment(_), Some(reason)) => Self::full(known, &reason),
            _ => self,
        }
    }

    fn full(known: &Known<'_>, reason: &str) -> Self {
        let mode = if known.latest.sequence_number == 0 { RunMode::Full } else { RunMode::Rebuild };
        let cursor_column = known.cursor_column.map(str::to_owned);
        Self::Full { mode, reason: reason.to_owned(), cursor_column }
    }
}

/// Where an increment looks for new rows, or why there is none.
fn window(known: &Known<'_>) -> Result<Window, &'static str> {
    if let Some(reason) = reason_of_run(known) {
        return Err(reason);
    }
    let Some(column) = known.cursor_column else {
        return Err("no column says when the source's rows were loaded: name one as source.loaded_at");
    };
    let cursor = &known.latest.cursor;
    if cursor.column.as_deref() != Some(column) {
        return Err(
            "the source tables, or the column that says when their rows were loaded, are others than before",
        );
    }
    let Some(cursor_at) = cursor.at else { return Err("the last run has read no row with a load time") };
    let since = i64::try_from(known.overlap)
        .ok()
        .and_then(|micros| cursor_at.checked_sub_signed(TimeDelta::microseconds(micros)));
    let since = since.unwrap_or(DateTime::UNIX_EPOCH);
    Ok(Window { cursor_column: column.to_owned(), cursor_at, since })
}

/// Why an erasure can't exchange rows, so that all tables are rebuilt; [`SchemaState`] is looked at where nothing else speaks against it.
pub(super) fn reason_to_rebuild(known: &Known<'_>, schema: Option<&SchemaState>) -> Option<String> {
    if let Some(reason) = reason_of_run(known) {
        return Some(reason.to_owned());
    }
    // Tables that change one by one would have the person in some of them, and a reader who looks at two.
    if known.exchange != Exchange::Together {
        return Some(NO_TRANSACTION.to_owned());
    }
    reason_in_schema(schema?, known.latest)
}

/// Why rows of the tables can't be exchanged, as far as runs and configuration say.
fn reason_of_run(known: &Known<'_>) -> Option<&'static str> {
    let latest = known.latest;
    if known.forgotten == Standing::Pending {
        Some(FORGOTTEN)
    } else if latest.sequence_number == 0 {
        Some("it is the first run")
    } else if known.refresh == Refresh::Full {
        Some("a full refresh was asked for")
    } else if let Some(reason) = known.fixed_rows {
        Some(reason)
    } else if known.exchange == Exchange::Impossible {
        Some(NO_TRANSACTION)
    } else if !latest.is_whole {
        Some("the last run was cut off while it changed the tables")
    } else if !known.are_all_chosen {
        Some("only some models are chosen")
    } else if latest.config_fingerprint != known.config_fingerprint {
        Some("the configuration has changed")
    } else if latest.sql_digest.as_deref() != Some(known.sql_digest) {
        Some(if latest.sql_digest.is_some() {
            "the SQL of the models is not that of the last run"
        } else {
            "the last run was made by an earlier version"
        })
    } else if latest.models != known.models {
        Some("the last run made only some of the models")
    } else {
        None
    }
}

/// Why rows of the tables can't be exchanged, as far as the tables say.
fn reason_in_schema(schema: &SchemaState, latest: &Latest) -> Option<String> {
    if let Some((kind, model)) = schema.missing {
        let kind = match kind {
            Kind::Table => "table",
            Kind::View => "view",
        };
        return Some(format!("there is no {kind} {model}"));
    }
    if let Some((model, format)) = schema.of_other_format {
        return Some(format!("{model} is no table of the format {format}"));
    }
    let has_lost_rows = schema.is_staged_empty && latest.accounting.rows_read.unwrap_or(0) > 0;
    has_lost_rows
        .then(|| "what earlier runs have read is no longer there: the server had to recover".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::runs::{Accounting, Cursor};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn latest() -> Latest {
        Latest {
            sequence_number: 3,
            is_whole: true,
            config_fingerprint: "config".to_owned(),
            sql_digest: Some("sql".to_owned()),
            models: "a b".to_owned(),
            cursor: Cursor { column: Some("t.loaded_at".to_owned()), at: Some(at(7200)) },
            accounting: Accounting { rows_read: Some(5), ..Accounting::default() },
            forgotten_digest: None,
        }
    }

    /// Facts of a run that takes the new rows.
    fn known(latest: &Latest) -> Known<'_> {
        Known {
            latest,
            forgotten: Standing::InForce,
            refresh: Refresh::Incremental,
            are_all_chosen: true,
            fixed_rows: None,
            exchange: Exchange::Together,
            config_fingerprint: "config",
            sql_digest: "sql",
            models: "a b",
            cursor_column: Some("t.loaded_at"),
            overlap: 3_600_000_000,
        }
    }

    fn plan(known: &Known<'_>, schema: &SchemaState) -> BuildPlan {
        BuildPlan::before_looking(known).after_looking(known, schema)
    }

    #[test]
    fn new_rows_are_looked_for_from_the_overlap_before_the_latest_load_time_on() {
        let latest = latest();
        let BuildPlan::Increment(window) = plan(&known(&latest), &SchemaState::default()) else {
            panic!("an increment")
        };
        assert_eq!((window.cursor_at, window.since), (at(7200), at(3600)));
        // An overlap that reaches before all times.
        let BuildPlan::Increment(window) =
            plan(&Known { overlap: u64::MAX, ..known(&latest) }, &SchemaState::default())
        else {
            panic!("an increment")
        };
        assert_eq!(window.since, DateTime::UNIX_EPOCH);
    }

    #[test]
    fn every_fact_against_an_increment_has_its_reason() {
        let usual = latest();
        let changed = |change: fn(&mut Latest)| {
            let mut latest = latest();
            change(&mut latest);
            latest
        };
        let first = Latest::default();
        let (cut, other_config) =
            (changed(|run| run.is_whole = false), changed(|run| run.config_fingerprint.clear()));
        let (other_sql, no_sql) =
            (changed(|run| run.sql_digest = Some("old".to_owned())), changed(|run| run.sql_digest = None));
        let (fewer, other_cursor) =
            (changed(|run| run.models.pop().map_or((), drop)), changed(|run| run.cursor.column = None));
        let no_time = changed(|run| run.cursor.at = None);
        let cases: [(Known<'_>, &str); 14] = [
            (Known { forgotten: Standing::Pending, ..known(&usual) }, "ids were forgotten"),
            (known(&first), "it is the first run"),
            (Known { refresh: Refresh::Full, ..known(&usual) }, "a full refresh was asked for"),
            (Known { fixed_rows: Some("rows are fixed"), ..known(&usual) }, "rows are fixed"),
            (Known { exchange: Exchange::Impossible, ..known(&usual) }, NO_TRANSACTION),
            (known(&cut), "cut off"),
            (Known { are_all_chosen: false, ..known(&usual) }, "only some models"),
            (known(&other_config), "the configuration has changed"),
            (known(&other_sql), "the SQL of the models"),
            (known(&no_sql), "earlier version"),
            (known(&fewer), "made only some"),
            (Known { cursor_column: None, ..known(&usual) }, "source.loaded_at"),
            (known(&other_cursor), "are others than before"),
            (known(&no_time), "no row with a load time"),
        ];
        for (known, expected) in cases {
            let decided = plan(&known, &SchemaState::default());
            let BuildPlan::Full { mode, reason, .. } = decided else { panic!("{expected}") };
            assert!(reason.contains(expected), "{reason}");
            let is_first = known.latest.sequence_number == 0;
            assert_eq!(mode, if is_first { RunMode::Full } else { RunMode::Rebuild }, "{reason}");
        }
        // Where the run's row says beforehand that tables change one by one, they may.
        let one_by_one = Known { exchange: Exchange::OneByOne, ..known(&usual) };
        assert!(matches!(plan(&one_by_one, &SchemaState::default()), BuildPlan::Increment(_)));
    }

    #[test]
    fn tables_that_do_not_fit_are_rebuilt() {
        let latest = latest();
        let schemas = [
            (
                SchemaState { missing: Some((Kind::View, "a")), ..SchemaState::default() },
                "there is no view a",
            ),
            (
                SchemaState { of_other_format: Some(("b", "delta")), ..SchemaState::default() },
                "b is no table of the format delta",
            ),
            (SchemaState { is_staged_empty: true, ..SchemaState::default() }, "no longer there"),
        ];
        for (schema, expected) in schemas {
            let BuildPlan::Full { reason, .. } = plan(&known(&latest), &schema) else { panic!("{expected}") };
            assert!(reason.contains(expected), "{reason}");
            assert_eq!(reason_to_rebuild(&known(&latest), Some(&schema)), Some(reason));
        }
        // A run that read nothing leaves the table empty.
        let nothing_read = Latest { accounting: Accounting::default(), ..latest };
        let empty = SchemaState { is_staged_empty: true, ..SchemaState::default() };
        assert!(matches!(plan(&known(&nothing_read), &empty), BuildPlan::Increment(_)));
    }

    #[test]
    fn an_erasure_needs_no_load_time_but_transactions() {
        let latest = latest();
        let fits = SchemaState::default();
        let without_cursor = Known { cursor_column: None, ..known(&latest) };
        assert_eq!(reason_to_rebuild(&without_cursor, Some(&fits)), None);
        let one_by_one = Known { exchange: Exchange::OneByOne, ..known(&latest) };
        assert_eq!(reason_to_rebuild(&one_by_one, None).as_deref(), Some(NO_TRANSACTION));
        assert!(matches!(plan(&one_by_one, &fits), BuildPlan::Increment(_)));
    }
}
