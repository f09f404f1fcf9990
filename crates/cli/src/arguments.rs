//! What can be typed.

mod checking;
mod handing_out;
mod looking;
mod warehouse;

pub use checking::{CheckArguments, TestArguments};
#[cfg(feature = "analysis")]
pub use handing_out::ExportFormat;
pub use handing_out::{DocsArguments, ExportArguments};
#[cfg(feature = "analysis")]
pub use looking::{ChosenArguments, ExplainFormat, ExplainSubject};
pub use looking::{ExplainArguments, ReportArguments, TablesArguments, TuneArguments};
pub use warehouse::{
    BuildArguments, CertifyArguments, CompileArguments, DebugArguments, LoadArguments, ReportFormat,
    Selection, TargetChoice,
};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use tracklet_config::{FORMATS, Format};
use tracklet_native::pipeline::Changed;

/// RudderStack and Segment events to session tables
///
/// Reads track events from files and writes the tables of their sessions as Parquet.
#[derive(Debug, Parser)]
#[command(name = "tracklet", version, arg_required_else_help = true, subcommand_required = true)]
#[command(after_help = "\
Examples:
  tracklet init rudder-logs                look at the files and write a commented tracklet.toml
  tracklet run rudder-logs                 sessions of every file below rudder-logs, in ./out
  tracklet run --target pg                 the same tables inside a warehouse
  tracklet show dbt_session_tracks         look at a table
  tracklet query \"SELECT count(*) FROM dbt_session_tracks\"

Exit codes: 0 done, 1 ran but input is damaged or a test failed, 2 could not run, 3 not published: an invariant fails")]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more on stderr; twice for details of every step
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// How to write on stderr: for people, or one JSON object a line for machines
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    Init(InitArguments),
    Check(CheckArguments),
    Run(RunArguments),
    Build(BuildArguments),
    Test(TestArguments),
    Compile(CompileArguments),
    Load(LoadArguments),
    Debug(DebugArguments),
    Forget(ForgetArguments),
    Certify(CertifyArguments),
    Show(ShowArguments),
    Query(QueryArguments),
    Ls(LsArguments),
    Docs(DocsArguments),
    Export(ExportArguments),
    Report(ReportArguments),
    Tune(TuneArguments),
    Explain(ExplainArguments),
    Snapshots(SnapshotsArguments),
    Completions(CompletionsArguments),
    #[command(hide = true)]
    DocsReference(DocsReferenceArguments),
}

/// Look at files or at tables in a warehouse and write a commented tracklet.toml for them
///
/// The file says which columns were found and which of them is which, and has every key with its default. With `--target` the
/// tables `tracks`, `pages`, `screens` and the like of a schema are looked at; what was found is added to the file that has the
/// section `[targets.NAME]`, or with `--profile` a new file takes the target from dbt's profiles.yml.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet init rudder-logs
  tracklet init 'exports/*.parquet' --config shop.toml
  tracklet init --target pg --schema rudder
  tracklet init --target dev --profile shop --schema rudder

Exit codes: 0 done, 2 nothing was written")]
pub struct InitArguments {
    /// Files, folders, globs or s3://, gs://, az:// URLs for the configuration to read
    #[arg(value_name = "PATH|GLOB|URL", required_unless_present = "target", conflicts_with = "target")]
    pub paths: Vec<String>,
    /// The file to write [default: tracklet.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, conflicts_with = "target")]
    pub force: bool,
    /// The warehouse whose tables are looked at
    #[arg(long, value_name = "NAME", requires = "schema")]
    pub target: Option<String>,
    /// The schema that has the tables, as `SCHEMA` or `DATABASE.SCHEMA`
    #[arg(long, value_name = "SCHEMA", requires = "target")]
    pub schema: Option<String>,
    /// The profile of dbt's profiles.yml that has the target
    #[arg(long, value_name = "NAME", requires = "target")]
    pub profile: Option<String>,
    /// Where profiles.yml is [default: `DBT_PROFILES_DIR`, the working folder or ~/.dbt]
    #[arg(long, value_name = "DIR", requires = "target")]
    pub profiles_dir: Option<PathBuf>,
}

/// Turn event files into session tables
///
/// Reads every file below the paths that it has not read before and publishes all tables at once in DIR/current; they
/// are those of one run over all files ever read. Rows that can't be used go to the table `tracklet_rejects`,
/// duplicates to `tracklet_duplicates`; every row is accounted for.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet run rudder-logs
  tracklet run 'exports/2026-*.parquet' more/ --out sessions
  tracklet run s3://bucket/rudder-logs --strict
  tracklet run                             the paths of tracklet.toml
  tracklet run --target pg                 in the warehouse that [targets.pg] of tracklet.toml describes
  tracklet run --target pg --select tracklet_session_facts+
  tracklet run --target pg --dry-run       only show the statements
  tracklet run --memory-limit 4GB          more tracks than fit into memory
  tracklet run --full-refresh              a full rebuild from the files that exist
  tracklet run --changed reread            files that changed are read again, as new deliveries

Exit codes: 0 done, 1 published but lines or files of the input are damaged, 2 nothing was published,
3 nothing was published because the tables that were made break an invariant; they are kept and named.
Rows that are read well and can't be tracks are rejected and listed; alone they leave the exit code at 0.")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct RunArguments {
    /// Files, folders, globs or s3://, gs://, az:// URLs [default: `source.paths` of the configuration]
    #[arg(value_name = "PATH|GLOB|URL")]
    pub paths: Vec<String>,
    #[command(flatten)]
    pub place: FolderArguments,
    /// What the files are, whatever they are called
    #[arg(long, value_name = "FORMAT", value_parser = input_formats())]
    pub format: Option<Format>,
    /// Stop at the first row or file that can't be used, and publish nothing
    #[arg(long)]
    pub strict: bool,
    /// How many threads to use [default: all cores]; with --target, how many models to make side by side
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
    /// Run in a warehouse: a section [targets.NAME] of the configuration, or a target of dbt's profiles.yml
    #[arg(long, value_name = "NAME", conflicts_with_all = ["paths", "out", "format", "strict"])]
    pub target: Option<String>,
    #[command(flatten)]
    pub selection: Selection,
    /// With --target, show the statements, and on BigQuery what they would scan, without running them
    #[arg(long, requires = "target")]
    pub dry_run: bool,
    /// The folder of dbt's profiles.yml [default: `DBT_PROFILES_DIR`, the working folder or ~/.dbt]
    #[arg(long, value_name = "DIR")]
    pub profiles_dir: Option<PathBuf>,
    /// The longest line that is read as one; a longer one is rejected
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = length)]
    pub max_line: NonZeroUsize,
    /// How much memory the run may take: tracks that don't fit are spilled to disk and the tables stay the same
    #[arg(long, value_name = "SIZE", value_parser = size, conflicts_with = "target")]
    pub memory_limit: Option<NonZeroU64>,
    /// Where files are put that don't outlive the run [default: the system's folder for temporary files, and the output
    /// folder for what --memory-limit puts away]
    #[arg(long, value_name = "DIR", value_parser = folder)]
    pub temp_dir: Option<PathBuf>,
    /// Read every file or row again, and let go of rows whose file is gone, or which are no longer in the source; before rows of
    /// files are dropped, say which and ask
    #[arg(long)]
    pub full_refresh: bool,
    /// With --full-refresh, drop rows of files that are gone without being asked
    #[arg(long, conflicts_with = "target")]
    pub yes: bool,
    /// What becomes of a file that was read and has other content now: `reread` adds its rows as a new delivery, `keep` keeps those
    /// that were read [default: an error that names the file]
    #[arg(long, value_name = "reread|keep", conflicts_with_all = ["target", "full_refresh"])]
    pub changed: Option<ChangedFiles>,
    /// Compare the source with what was seen of it, day by day, and read again each day that differs
    #[arg(long, requires = "target")]
    pub audit: bool,
}

/// What becomes of files that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChangedFiles {
    /// Their rows are added, as a new delivery
    Reread,
    /// The rows that were read stay
    Keep,
}

impl From<ChangedFiles> for Changed {
    fn from(changed: ChangedFiles) -> Self {
        match changed {
            ChangedFiles::Reread => Self::Reread,
            ChangedFiles::Keep => Self::Keep,
        }
    }
}

/// Erase a person's rows from all tables and snapshots
///
/// The rows leave the tables, the state, the rejects and the duplicates of every snapshot; with --target, every table that
/// Tracklet keeps in the warehouse, at once. Later runs don't bring them back, also when their files or the source are read
/// again: salted hashes of the ids are kept in DIR/forgotten.json, or in the table `tracklet_forgotten`. The input files
/// and the source tables are yours to clean. That list must be the one with which the tables were made. An id of `-` takes ids
/// from standard input, one a line.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("subject").required(true).multiple(true))]
#[command(after_help = "\
Examples:
  tracklet forget --visitor ann
  tracklet forget --user-id ann --anonymous-id 8f1c --out sessions
  tracklet forget --visitor ann --target pg
  tracklet forget --user-id - --dry-run < ids.txt

Exit codes: 0 done, 2 nothing, or not everything, was erased,
3 nothing was erased because the tables of a warehouse would break an invariant; they are kept and named.")]
pub struct ForgetArguments {
    /// Every row of this visitor: of all ids that belong to it
    #[arg(long, value_name = "ID", group = "subject")]
    pub visitor: Vec<String>,
    /// Every row with this user id
    #[arg(long, value_name = "ID", group = "subject")]
    pub user_id: Vec<String>,
    /// Every row with this anonymous id
    #[arg(long, value_name = "ID", group = "subject")]
    pub anonymous_id: Vec<String>,
    /// Show how many rows would go, of every table and snapshot, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub place: FolderArguments,
    /// Erase in a warehouse: a section [targets.NAME] of the configuration, or a target of dbt's profiles.yml
    #[arg(long, value_name = "NAME", conflicts_with = "out")]
    pub target: Option<String>,
    /// The folder of dbt's profiles.yml [default: `DBT_PROFILES_DIR`, the working folder or ~/.dbt]
    #[arg(long, value_name = "DIR")]
    pub profiles_dir: Option<PathBuf>,
}

/// Show the rows of a table, or the visitors with the longest sessions
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet show dbt_session_tracks --limit 5
  tracklet show dbt_track_facts --where \"dbt_visitor_id = 'ann'\"
  tracklet show tracklet_rejects --limit 0 --format csv > rejects.csv
  tracklet show top-users
  tracklet show tracklet_runs --target pg  a table in a warehouse; --where is in its SQL")]
pub struct ShowArguments {
    /// A table, or `top-users`: visitors by their average session in minutes, longest first
    #[arg(value_name = "TABLE|top-users")]
    pub table: String,
    /// How many rows; 0 for all
    #[arg(long, value_name = "N", default_value = "20")]
    pub limit: usize,
    /// Only rows for which this SQL expression holds
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,
    #[command(flatten)]
    pub answer: Answer,
    #[command(flatten)]
    pub tables: TablesArguments,
}

/// Ask the tables something in SQL
///
/// Every table of `tracklet ls` can be used; nothing can be changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet query \"SELECT event, count(*) AS n FROM dbt_track_facts GROUP BY event ORDER BY n DESC\"
  tracklet query \"SELECT * FROM dbt_session_duration\" --format json | jq .session_duration")]
pub struct QueryArguments {
    /// A SELECT statement
    #[arg(value_name = "SQL")]
    pub sql: String,
    #[command(flatten)]
    pub answer: Answer,
    /// Refused, with what helps
    #[arg(long, hide = true)]
    pub target: Option<String>,
    #[command(flatten)]
    pub place: FolderArguments,
}

/// List the tables with their rows and columns
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet ls
  tracklet ls --out sessions --format json
  tracklet ls --target pg                  the tables in a warehouse")]
pub struct LsArguments {
    #[command(flatten)]
    pub answer: Answer,
    #[command(flatten)]
    pub tables: TablesArguments,
}

/// List the snapshots, or go back to an earlier one
///
/// Every run publishes a snapshot, and the newest few are kept (`output.keep`). Without a command they are listed.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  tracklet snapshots
  tracklet snapshots rollback              to the one before the current one
  tracklet snapshots rollback 000007")]
pub struct SnapshotsArguments {
    #[command(subcommand)]
    pub command: Option<SnapshotsCommand>,
    #[command(flatten)]
    pub answer: Answer,
    /// Refused, with what helps
    #[arg(long, hide = true, global = true)]
    pub target: Option<String>,
    #[command(flatten)]
    pub place: FolderArguments,
}

/// What can be done with snapshots.
#[derive(Debug, Subcommand)]
pub enum SnapshotsCommand {
    /// List the snapshots with their rows, oldest first
    #[command(after_help = "\
Examples:
  tracklet snapshots list --format json")]
    List {
        #[command(flatten)]
        answer: Answer,
        #[command(flatten)]
        place: FolderArguments,
    },
    /// Show readers an earlier snapshot again
    #[command(after_help = "\
Examples:
  tracklet snapshots rollback
  tracklet snapshots rollback 000007 --out sessions")]
    Rollback {
        /// The snapshot [default: the one before the current one]
        name: Option<String>,
        #[command(flatten)]
        place: FolderArguments,
    },
}

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tracklet completions bash > ~/.local/share/bash-completion/completions/tracklet
  tracklet completions zsh > ~/.zfunc/_tracklet
  tracklet completions fish > ~/.config/fish/completions/tracklet.fish")]
pub struct CompletionsArguments {
    /// The shell
    pub shell: Shell,
}

/// Print a page of the reference as Markdown
#[derive(Debug, Args)]
pub struct DocsReferenceArguments {
    /// The page
    pub page: ReferencePage,
}

/// The pages that are made from the code.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ReferencePage {
    Configuration,
    Cli,
    Tables,
    WordLists,
    /// The macros of the dbt package that have the lists of words
    WordListsSql,
}

/// Where the tables are.
#[derive(Debug, Args)]
pub struct FolderArguments {
    /// The configuration file [default: tracklet.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of the tables [default: `output.dir` of the configuration, which is `out`]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// How an answer is written on stdout.
#[derive(Debug, Args)]
pub struct Answer {
    /// Aligned columns, CSV with a header, or one JSON object a line
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: AnswerFormat,
    /// Show every value whole: by default a table on a terminal cuts long values in the middle to fit its width
    #[arg(long)]
    pub wide: bool,
    /// In CSV, write an apostrophe before texts that a spreadsheet takes for a formula (`=`, `+`, `-`, `@` first)
    #[arg(long)]
    pub safe_for_spreadsheets: bool,
}

/// What an answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnswerFormat {
    Table,
    Csv,
    Json,
}

/// The most threads that a command takes: beyond the cores they only wait for each other.
const MOST_THREADS: usize = 256;

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse::<NonZeroUsize>().ok().filter(|number| number.get() <= MOST_THREADS);
    number.ok_or_else(|| format!("write a whole number from 1 to {MOST_THREADS}"))
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Parses the name of an input format.
pub fn input_formats() -> impl TypedValueParser<Value = Format> {
    let names = PossibleValuesParser::new(FORMATS.map(|(name, _)| name));
    names.try_map(|name| Format::from_name(&name).ok_or("it is no format"))
}

/// A number of bytes: `1000`, or with a unit `4GB` (4,000,000,000) or `64MiB` (67,108,864).
fn size(text: &str) -> Result<NonZeroU64, String> {
    const WRONG: &str = "give a size like 4GB, 512MiB or 1000000";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(WRONG.to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| WRONG)?;
    let bytes = number.checked_mul(unit).ok_or("that is too much")?;
    NonZeroU64::new(bytes).ok_or_else(|| "it can't be 0".to_owned())
}

/// A number of bytes that can lie in memory in one piece.
/// A folder that exists.
fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("there is no such folder".to_owned()) }
}

fn length(text: &str) -> Result<NonZeroUsize, String> {
    NonZeroUsize::try_from(size(text)?).map_err(|_| "that is too much".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Arguments, size};
    use clap::CommandFactory;

    #[test]
    fn sizes_have_units() {
        let good = [
            ("1", 1),
            ("67108864", 64 << 20),
            ("64MiB", 64 << 20),
            ("4GB", 4_000_000_000),
            ("2 kb", 2_000),
            ("2 kib", 2048),
            ("1TiB", 1 << 40),
        ];
        for (text, bytes) in good {
            assert_eq!(size(text).map(u64::from), Ok(bytes), "{text}");
        }
        for text in ["", "0", "0GB", "GB", "4G", "1.5GB", "-1", "99999999999999999999", "99999999TiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_that_is_shown_has_examples() {
        for command in Arguments::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Examples:\n  tracklet"), "{}", command.get_name());
        }
    }
}
