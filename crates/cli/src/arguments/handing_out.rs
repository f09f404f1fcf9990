//! What can be typed to take results elsewhere.

use super::{FolderArguments, TablesArguments};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Write tables as files, objects or tables of a database
///
/// Rows are written in the order of the tables, in constant memory. A file replaces another once it is complete; a table of a
/// database is written to a staging table, which then replaces it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet export dbt_session_tracks --to sessions.csv
  tracklet export dbt_track_facts --where \"event = 'order_completed'\" --to orders.jsonl
  tracklet export dbt_session_tracks dbt_track_facts --to exports/ --format csv
  tracklet export --all --to s3://bucket/sessions/
  tracklet export dbt_session_tracks --to pg --replace     the target [targets.pg] of tracklet.toml

Exit codes: 0 done, 2 not every table was written")]
pub struct ExportArguments {
    /// The tables
    #[arg(value_name = "TABLE", required_unless_present = "all")]
    pub tables: Vec<String>,
    /// All tables of `tracklet ls`
    #[arg(long, conflicts_with = "tables")]
    pub all: bool,
    /// A file that ends in .csv, .json (JSON lines), .jsonl or .parquet, a folder, a URL (s3://, gs://, az://), or the name of a
    /// PostgreSQL or Redshift target; a name that is a target's means the target
    #[arg(long, value_name = "FILE|DIR|URL|TARGET")]
    pub to: String,
    /// What the files hold [default: by the file's ending, in a folder parquet]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ExportFormat>,
    /// Only rows for which this SQL expression holds
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,
    /// Replace a table of the database that exists already
    #[arg(long)]
    pub replace: bool,
    /// In CSV files, write an apostrophe before texts that a spreadsheet takes for a formula (`=`, `+`, `-`, `@` first)
    #[arg(long)]
    pub safe_for_spreadsheets: bool,
    /// The folder of dbt's profiles.yml [default: `DBT_PROFILES_DIR`, the working folder or ~/.dbt]
    #[arg(long, value_name = "DIR")]
    pub profiles_dir: Option<PathBuf>,
    /// Refused, with what helps
    #[arg(long, hide = true)]
    pub target: Option<String>,
    #[command(flatten)]
    pub place: FolderArguments,
}

/// Write a reference of the tables of a run
///
/// What each table is, what its columns hold and by which tests, what it is made from, and how many rows it has: one page of
/// Markdown and one of HTML.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet docs
  tracklet docs --to site/tables --target pg")]
pub struct DocsArguments {
    /// The folder for tables.md and tables.html, which are replaced
    #[arg(long, value_name = "DIR", default_value = "tables-reference")]
    pub to: PathBuf,
    #[command(flatten)]
    pub tables: TablesArguments,
}

/// What exported files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Csv,
    Json,
    Parquet,
}
