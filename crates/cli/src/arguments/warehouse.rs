//! What can be typed about a warehouse.

use super::input_formats;
use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tracklet_config::Format;

/// Make the tables in a warehouse and test them: run, then test
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet build --target pg
  tracklet build --target pg --select +dbt_session_tracks

Exit codes: 0 done, 1 published but a data test failed, 2 nothing was published,
3 nothing was published because the tables that were made break an invariant; they are kept and named.")]
pub struct BuildArguments {
    #[command(flatten)]
    pub target: TargetChoice,
    #[command(flatten)]
    pub selection: Selection,
    /// How many models or tests to run side by side [default: `threads` of the target, or 4]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Make all tables from all rows of the source
    #[arg(long)]
    pub full_refresh: bool,
    /// Compare the source with what was seen of it, day by day, and read again each day that differs
    #[arg(long)]
    pub audit: bool,
}

/// Print the SQL that a run would send to a warehouse, without connecting
///
/// Without a model the whole script is printed, which can be run by hand.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet compile --target pg
  tracklet compile dbt_session_tracks --dialect snowflake
  tracklet compile dbt_top_users_by_avg_session_duration --target pg | psql")]
pub struct CompileArguments {
    /// A model, analysis or data test; `invariants` for what a run checks before it publishes
    #[arg(value_name = "MODEL")]
    pub model: Option<String>,
    #[command(flatten)]
    pub target: TargetChoice,
    /// The SQL of this kind of warehouse, for a schema called `sessions`, without a target
    #[arg(long, value_name = "TYPE", conflicts_with_all = ["target", "profiles_dir"])]
    pub dialect: Option<String>,
    /// The script of a run that takes the new rows alone
    #[arg(long, conflicts_with_all = ["model", "select", "exclude"])]
    pub increment: bool,
    #[command(flatten)]
    pub selection: Selection,
}

/// Put raw files into the source tables of a warehouse
///
/// Tracks are appended to the first of `source.tables`, calls of the other `source.types` to the tables beside it. A table is created with
/// RudderStack's columns and `loaded_at` if it does not exist. Each row gets the time of the load, by which `run` knows it as new however long ago it was received.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet load rudder-logs --target pg && tracklet build --target pg

Exit codes: 0 done, 1 loaded but some rows can't be in such a table, 2 nothing was loaded")]
pub struct LoadArguments {
    /// Files, folders, globs or s3://, gs://, az:// URLs
    #[arg(value_name = "PATH|GLOB|URL", required = true)]
    pub paths: Vec<String>,
    #[command(flatten)]
    pub target: TargetChoice,
    /// What the files are, whatever they are called
    #[arg(long, value_name = "FORMAT", value_parser = input_formats())]
    pub format: Option<Format>,
}

/// Say whether a warehouse can be used, and if not, why
///
/// Looks at the configuration, the connection, the right to make tables and the columns of the source tables.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet debug --target pg

Exit codes: 0 all is well, 1 something is wrong, 2 could not look")]
pub struct DebugArguments {
    #[command(flatten)]
    pub target: TargetChoice,
    /// Lines for people, or one JSON object a line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ReportFormat,
}

/// Compare a warehouse with the native engine, row for row
///
/// Runs the project's corpus and a generated history of 20,000 tracks in a schema of their own, which is dropped afterwards, and
/// stores the outcome.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet certify --target pg

Exit codes: 0 every row agrees, 1 some row differs or a data test failed, 2 could not run")]
pub struct CertifyArguments {
    #[command(flatten)]
    pub target: TargetChoice,
    /// The file for the result, as JSON [default: certified-NAME-DATE.json]
    #[arg(long, value_name = "FILE")]
    pub result: Option<PathBuf>,
}

/// Which warehouse.
#[derive(Debug, Args)]
pub struct TargetChoice {
    /// A section [targets.NAME] of the configuration, or a target of dbt's profiles.yml [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// The configuration file [default: tracklet.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of dbt's profiles.yml [default: `DBT_PROFILES_DIR`, the working folder or ~/.dbt]
    #[arg(long, value_name = "DIR")]
    pub profiles_dir: Option<PathBuf>,
}

/// Which models, in dbt's words.
#[derive(Debug, Args)]
pub struct Selection {
    /// Only these models: `name`, `+name` with what it needs, `name+` with what needs it, `dbt_*`
    #[arg(short, long, value_name = "MODELS", num_args = 1..)]
    pub select: Vec<String>,
    /// All but these models
    #[arg(long, value_name = "MODELS", num_args = 1..)]
    pub exclude: Vec<String>,
}

/// What a report looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Text,
    Json,
}
