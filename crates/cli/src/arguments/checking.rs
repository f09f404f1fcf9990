//! What can be typed to have things checked.

use super::{FolderArguments, ReportFormat, Selection};
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Say what is wrong with the configuration, before any work
///
/// Finds every mistake at once, each with its line and column and what was probably meant: unknown keys, wrong values, targets
/// that lack a field, filters that are no SQL, profiles that do not exist, local files whose first rows a run would not understand.
/// It connects to nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet check
  tracklet check --config shop.toml --format json
  tracklet check --schema > tracklet.schema.json     for editors

Exit codes: 0 nothing is wrong, or only worth a warning, 1 something is wrong, 2 could not look")]
pub struct CheckArguments {
    /// The configuration file [default: tracklet.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of dbt's profiles.yml [default: `DBT_PROFILES_DIR`, the working folder or ~/.dbt]
    #[arg(long, value_name = "DIR")]
    pub profiles_dir: Option<PathBuf>,
    /// Lines for people, or one JSON object a finding
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ReportFormat,
    /// Print the JSON schema of the configuration file in place of a check
    #[arg(long, conflicts_with_all = ["config", "profiles_dir", "format"])]
    pub schema: bool,
}

/// Run the data tests on the tables of the newest run, or in a warehouse
///
/// The tests of every column (unique, not null, accepted values, relationships), the invariants of the contract, and your own:
/// each file `tests/*.sql` beside the configuration is a query that must find no row, written as in dbt, with
/// `{{ ref('dbt_track_facts') }}` for a table. A line `-- severity: warn` makes one a warning. The rows that a test finds are shown,
/// and kept in target/failures.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet test
  tracklet test --select dbt_session_tracks --junit tests.xml
  tracklet test --target pg --format json

Exit codes: 0 every test passed or only warns, 1 a test failed, 2 could not run")]
pub struct TestArguments {
    /// Test in a warehouse: a section [targets.NAME] of the configuration, or a target of dbt's profiles.yml
    #[arg(long, value_name = "NAME", conflicts_with = "out")]
    pub target: Option<String>,
    #[command(flatten)]
    pub place: FolderArguments,
    /// The folder of dbt's profiles.yml [default: `DBT_PROFILES_DIR`, the working folder or ~/.dbt]
    #[arg(long, value_name = "DIR")]
    pub profiles_dir: Option<PathBuf>,
    #[command(flatten)]
    pub selection: Selection,
    /// With --target, how many tests to run side by side [default: `threads` of the target, or 4]
    #[arg(long, value_name = "N", requires = "target")]
    pub threads: Option<NonZeroUsize>,
    /// Lines for people on stderr, or one JSON object a test on stdout
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ReportFormat,
    /// Also write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}
