//! The commands that ask SQL of the tables, and what other commands have of SQL.
//!
//! `without_analysis.rs` stands in the place of this module in a program that is built without its SQL engine.

mod certify;
mod docs;
mod explain;
mod export;
mod query;
mod report;
mod tune;

pub use certify::certify;
pub use docs::docs;
pub use explain::explain;
pub use export::export;
pub use query::query;
pub use report::report;
pub use tune::tune;

use super::output_folder;
use super::warehouse::{ChosenTarget, WarehouseLines};
use crate::arguments::{ChosenArguments, ExportFormat, FolderArguments, TablesArguments, TestArguments};
use crate::failure::Failure;
use std::sync::Arc;
use tracklet_analysis::Queries;
use tracklet_analysis::export::FileKind;
use tracklet_analysis::figures::{Choice, ChoiceError};
use tracklet_analysis::filter::SqlRowFilters;
use tracklet_analysis::tables::{InWarehouse, Tables, TablesError};
use tracklet_config::Config;
use tracklet_display::error::listed;
use tracklet_native::manifest::{Manifest, RecordedRules};
use tracklet_native::publish::Snapshot;
use tracklet_native::read::RowFilters;
use tracklet_native::results::{Results, Rows};
use tracklet_warehouse::progress::Progress as _;
use tracklet_warehouse::testing::CheckResult;
use tracklet_warehouse::testing::user::UserTest;

/// What parses `[source] where`.
pub fn row_filters() -> Arc<dyn RowFilters> {
    Arc::new(SqlRowFilters)
}

/// The first rows of a table of the newest snapshot for which `filter` holds.
pub fn show_where(
    place: &FolderArguments,
    table: &str,
    limit: Option<usize>,
    filter: &str,
) -> Result<Rows, Failure> {
    Ok(Queries::open(&output_folder(place)?)?.show(table, limit, Some(filter))?)
}

/// The visitors with the longest sessions on average.
pub fn top_users(place: &FolderArguments, limit: Option<usize>) -> Result<Rows, Failure> {
    Ok(Queries::open(&output_folder(place)?)?.top_users(limit)?)
}

/// Runs the data tests on the newest snapshot.
pub fn test_files(
    arguments: &TestArguments,
    own: &[UserTest],
    lines: &WarehouseLines<'_>,
) -> Result<Vec<CheckResult>, Failure> {
    let (results, manifest, rules) = newest_run(&arguments.place)?;
    if manifest.rows.sessionized == 0 {
        lines.say("no rows to test: every row that was read is rejected or skipped");
    }
    if !rules.left_out.is_empty() {
        let tables = listed(rules.left_out.iter().map(String::as_str));
        lines.say(&format!("not tested, for `output.tables` leaves them out: {tables}"));
    }
    let choice = (arguments.selection.select.as_slice(), arguments.selection.exclude.as_slice());
    let mut checked = |result: &CheckResult| lines.checked(result);
    let queries = Queries::from(results);
    tracklet_analysis::testing::test(&queries, &manifest, &rules, own, choice, &mut checked)
        .map_err(Failure::new)
}

/// Does something with the tables that were asked for, wherever they are.
fn with_tables<T>(
    arguments: &TablesArguments,
    work: impl FnOnce(&dyn Tables, &Manifest, &RecordedRules) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let Some(target) = &arguments.target else {
        let (results, manifest, rules) = newest_run(&arguments.place)?;
        return work(&Queries::from(results), &manifest, &rules);
    };
    let config = arguments.place.config.as_deref();
    let place = ChosenTarget::new(Some(target), config, arguments.profiles_dir.as_deref())?;
    let client = place.connect()?;
    let tables =
        InWarehouse::new(&place.target, &place.config, &*client, place.runtime()).map_err(Failure::new)?;
    let manifest = tables.manifest(&place.config).map_err(Failure::new)?;
    let rules = manifest.rules.clone().unwrap_or_else(|| RecordedRules::from(&place.config.rules));
    work(&tables, &manifest, &rules)
}

/// The tables of the newest run, with what it says about itself and its rules.
fn newest_run(place: &FolderArguments) -> Result<(Results, Manifest, RecordedRules), Failure> {
    let results = Results::open(&output_folder(place)?)?;
    let path = results.folder().to_owned();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let manifest = Snapshot { name, path, current: true }.manifest()?;
    let rules = match &manifest.rules {
        Some(rules) => rules.clone(),
        // The first manifests had none.
        None => RecordedRules::from(&Config::load_or_default(place.config.as_deref())?.rules),
    };
    Ok((results, manifest, rules))
}

impl From<ChoiceError> for Failure {
    fn from(error: ChoiceError) -> Self {
        Self::new(error)
    }
}

impl From<TablesError> for Failure {
    fn from(error: TablesError) -> Self {
        Self::new(error)
    }
}

impl From<&ChosenArguments> for Choice {
    fn from(chosen: &ChosenArguments) -> Self {
        Self {
            from: chosen.from.clone(),
            to: chosen.to.clone(),
            events: chosen.events.clone(),
            visitor_prefix: chosen.visitor_prefix.clone(),
            time_zone: chosen.time_zone.clone(),
        }
    }
}

impl From<ExportFormat> for FileKind {
    fn from(format: ExportFormat) -> Self {
        match format {
            ExportFormat::Csv => Self::Csv,
            ExportFormat::Json => Self::Json,
            ExportFormat::Parquet => Self::Parquet,
        }
    }
}
