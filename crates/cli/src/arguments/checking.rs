//! What can be typed to have things checked.

use super::ReportFormat;
use clap::Args;
use std::path::PathBuf;

/// Say what is wrong with the configuration, before any work
///
/// Finds every mistake at once, each with its line and column and what was probably meant: unknown keys, wrong values, targets
/// that lack a field, filters that are no SQL, profiles that are not there. It connects to nothing and reads no data.
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
