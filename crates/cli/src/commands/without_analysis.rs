//! What stands in the place of the commands that ask SQL of the tables, in a program without its SQL engine: an error that
//! says how to build one that has them.

use super::warehouse::WarehouseLines;
use crate::arguments::{
    CertifyArguments, DocsArguments, ExplainArguments, ExportArguments, FolderArguments, QueryArguments,
    ReportArguments, TestArguments, TuneArguments,
};
use crate::failure::{Failure, Outcome};
use crate::logging::Log;
use std::sync::Arc;
use tracklet_display::error::Hint;
use tracklet_native::read::{NoRowFilters, RowFilters};
use tracklet_native::results::Rows;
use tracklet_warehouse::testing::CheckResult;
use tracklet_warehouse::testing::user::UserTest;

/// A command that this program was built without.
#[derive(Debug, thiserror::Error)]
#[error("this program was built without its SQL engine, which `{0}` needs")]
struct NotBuilt(&'static str);

impl Hint for NotBuilt {
    fn hint(&self) -> Option<String> {
        Some("build a program that has it: cargo build --release --features full".to_owned())
    }
}

fn not_built<T>(command: &'static str) -> Result<T, Failure> {
    Err(Failure::new(NotBuilt(command)))
}

pub fn certify(_: &CertifyArguments, _: &Log) -> Outcome {
    not_built("certify")
}

pub fn docs(_: &DocsArguments, _: &Log) -> Outcome {
    not_built("docs")
}

pub fn explain(_: &ExplainArguments) -> Outcome {
    not_built("explain")
}

pub fn export(_: &ExportArguments, _: &Log) -> Outcome {
    not_built("export")
}

pub fn query(_: &QueryArguments) -> Outcome {
    not_built("query")
}

pub fn report(_: &ReportArguments, _: &Log) -> Outcome {
    not_built("report")
}

pub fn tune(_: &TuneArguments, _: &Log) -> Outcome {
    not_built("tune")
}

/// Refuses every `[source] where`.
pub fn row_filters() -> Arc<dyn RowFilters> {
    Arc::new(NoRowFilters)
}

pub fn show_where(_: &FolderArguments, _: &str, _: Option<usize>, _: &str) -> Result<Rows, Failure> {
    not_built("show --where")
}

pub fn top_users(_: &FolderArguments, _: Option<usize>) -> Result<Rows, Failure> {
    not_built("show top-users")
}

pub fn test_files(
    _: &TestArguments,
    _: &[UserTest],
    _: &WarehouseLines<'_>,
) -> Result<Vec<CheckResult>, Failure> {
    not_built("test")
}
