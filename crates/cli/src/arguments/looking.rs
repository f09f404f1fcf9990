//! What can be typed to look at a run.

use super::{Answer, FolderArguments};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Write a page that shows the run
///
/// One HTML file with everything in it: charts of sessions, visitors, events, flows and timeouts, each with its numbers as a
/// table, where every row went, and the tables with their checks. It works without a network and sends nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet report                          of the newest run, to report.html
  tracklet report --file january.html --from 2026-01-01 --to 2026-01-31 --time-zone Europe/Berlin
  tracklet report --event order_completed  sessions that have this event
  tracklet report --target pg              of the tables in a warehouse")]
pub struct ReportArguments {
    /// The file to write; it is replaced
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub file: PathBuf,
    /// What the page is called [default: Sessions]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    #[command(flatten)]
    pub chosen: ChosenArguments,
    #[command(flatten)]
    pub tables: TablesArguments,
}

/// Show what every timeout would make of the events
///
/// Sessions, events per session and sessions of one event for timeouts from 1 to 240 minutes, from one pass over the gaps
/// between events. A table has the timeouts that people choose; csv and json have all.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet tune
  tracklet tune --before video_finished    gaps before this event, sessions that open with it
  tracklet tune --format json | jq -c 'select(.timeout == 45)'")]
pub struct TuneArguments {
    /// Only gaps before events of this name: its sessions are those that open with it
    #[arg(long, value_name = "EVENT")]
    pub before: Option<String>,
    #[command(flatten)]
    pub chosen: ChosenArguments,
    #[command(flatten)]
    pub answer: Answer,
    #[command(flatten)]
    pub tables: TablesArguments,
}

/// Tell why an event, a session or a visitor is what it is
///
/// Of an event: its session and visitor and the rules that put it there, or which event it is a duplicate of, or why it was
/// rejected. Of a session: why it starts and ends, and its events with the time between them. Of a visitor: aliases and all
/// sessions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet explain event 7d4e4f9c-1f3a-4be1-9a7d-0d0c8a4f2b11
  tracklet explain event rudder-logs/events.json.gz:12    a rejected row by its place
  tracklet explain session '2 - ann'
  tracklet explain visitor ann --format json")]
pub struct ExplainArguments {
    /// What is asked about
    #[arg(value_name = "WHAT")]
    pub subject: ExplainSubject,
    /// Its id; for a visitor also any alias, for a rejected row also `FILE:ROW`
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    pub id: String,
    /// Text for people, or one JSON object
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ExplainFormat,
    /// How many events of a session or visitor are listed one by one; 0 for all
    #[arg(long, value_name = "N", default_value = "200")]
    pub limit: usize,
    #[command(flatten)]
    pub tables: TablesArguments,
}

/// Whose tables are looked at.
#[derive(Debug, Args)]
pub struct TablesArguments {
    #[command(flatten)]
    pub place: FolderArguments,
    /// The tables in a warehouse: a section [targets.NAME] of the configuration, or a target of dbt's profiles.yml
    #[arg(long, value_name = "NAME", conflicts_with = "out")]
    pub target: Option<String>,
    /// The folder of dbt's profiles.yml [default: `DBT_PROFILES_DIR`, the working folder or ~/.dbt]
    #[arg(long, value_name = "DIR", requires = "target")]
    pub profiles_dir: Option<PathBuf>,
}

/// What can be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExplainSubject {
    Event,
    Session,
    Visitor,
}

/// How an explanation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    Text,
    Json,
}

/// Which sessions are looked at, each as a whole.
#[derive(Debug, Args)]
pub struct ChosenArguments {
    /// Only sessions that start on this day or later
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// Only sessions that start on this day or earlier
    #[arg(long, value_name = "DAY")]
    pub to: Option<String>,
    /// Only sessions that have an event of this name; more than once: one of these names
    #[arg(long = "event", value_name = "EVENT")]
    pub events: Vec<String>,
    /// Only visitors whose id begins so
    #[arg(long, value_name = "TEXT")]
    pub visitor_prefix: Option<String>,
    /// The time zone of days and hours, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
}
