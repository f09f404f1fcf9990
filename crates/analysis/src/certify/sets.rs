//! The rows that go in, and the tables that the native engine makes of them.

use super::compare::Expected;
use super::corpus::{CASES, CorpusCase};
use super::history::history;
use crate::Queries;
use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tracklet_config::{Config, ConfigError};
use tracklet_display::error::Hint;
use tracklet_kernel::event_name::EventNames;
use tracklet_kernel::tables::Table;
use tracklet_native::observer::Silent;
use tracklet_native::pipeline::{self, RunError, RunRequest};
use tracklet_native::results::ResultsError;
use tracklet_warehouse::load::loadable_rows;

/// Rows of the generated history.
const HISTORY_ROWS: usize = 20_000;

/// Rows of one configuration, with the tables that they must give.
#[derive(Debug)]
pub struct Set {
    /// The set's name for people, such as the name of a corpus case.
    pub name: String,
    pub(super) config: Config,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) expected: Vec<Expected>,
}

impl Set {
    /// How many rows the set has.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// Why the sets could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CertifyError {
    /// The folder for temporary files can't be used.
    #[error("cannot use a temporary folder")]
    Folder(#[from] io::Error),
    /// A Parquet file can't be written.
    #[error("cannot write a temporary file")]
    File(#[from] parquet::errors::ParquetError),
    /// A case's settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The native engine failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The tables of the native engine can't be read.
    #[error(transparent)]
    Results(#[from] ResultsError),
}

impl Hint for CertifyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => error.hint(),
            Self::Results(error) => error.hint(),
            Self::Folder(_) | Self::File(_) | Self::Config(_) => None,
        }
    }
}

/// The corpus, its cases of one configuration packed into one set, then a generated history. Runs the native engine.
///
/// # Errors
/// [`CertifyError`].
pub fn prepare() -> Result<Vec<Set>, CertifyError> {
    let mut groups: BTreeMap<String, (Config, Vec<&CorpusCase>)> = BTreeMap::new();
    for case in CASES {
        let settings = settings(case)?;
        let config = Config { rules: settings.rules, ..Config::default() };
        groups.entry(config.fingerprint()).or_insert_with(|| (config, Vec::new())).1.push(case);
    }
    let mut groups: Vec<(Config, Vec<&CorpusCase>)> = groups.into_values().collect();
    groups.sort_by_key(|(_, cases)| (std::cmp::Reverse(cases.len()), cases[0].name));
    let mut sets = Vec::new();
    for (config, cases) in groups {
        let mut batches = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            let rows = rows_of(case)?;
            batches.extend(rows.iter().map(|batch| prefixed(batch, &format!("{number}|"))));
        }
        let others = if cases.len() > 1 { format!(" and {} more", cases.len() - 1) } else { String::new() };
        sets.push(set(format!("corpus: {}{others}", cases[0].name), config, batches)?);
    }
    sets.push(set("a generated history".to_owned(), Config::default(), vec![history(1, HISTORY_ROWS)])?);
    Ok(sets)
}

/// A case's `[config]` as a configuration.
fn settings(case: &CorpusCase) -> Result<Config, ConfigError> {
    let (_, config) = case.settings.split_once("[config").unwrap_or(("", ""));
    let text = if config.is_empty() { String::new() } else { format!("[config{config}") };
    // `[config.sessions]` is `[sessions]` of a file, and `[config]` its top.
    let text = text.replace("[config.", "[").replace("[config]", "");
    Config::parse(&text, Path::new(case.name))
}

/// What a warehouse would have of a case.
fn rows_of(case: &CorpusCase) -> Result<Vec<RecordBatch>, CertifyError> {
    let folder = tempfile::tempdir()?;
    for (path, bytes) in case.inputs {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        std::fs::write(path, bytes)?;
    }
    let config = settings(case)?;
    let names = config.source.event_names;
    let request = RunRequest { paths: vec![folder.path().display().to_string()], ..RunRequest::new(config) };
    let read = pipeline::read(&request, &Silent)?;
    Ok(loadable_rows(&read.tracks, &read.rejects, names))
}

/// The rows with something before each id, so that many histories fit into one table.
fn prefixed(batch: &RecordBatch, prefix: &str) -> RecordBatch {
    let columns = batch.columns().iter().zip(batch.schema_ref().fields()).map(|(column, field)| {
        if !matches!(field.name().as_str(), "event_id" | "anonymous_id" | "user_id") {
            return Arc::clone(column);
        }
        let texts = column.as_string::<i32>().iter().map(|text| match text {
            Some(text) if !text.is_empty() => Some(format!("{prefix}{text}")),
            other => other.map(ToOwned::to_owned),
        });
        Arc::new(texts.collect::<StringArray>()) as ArrayRef
    });
    RecordBatch::try_new(batch.schema(), columns.collect()).expect("the types stay")
}

/// Runs the native engine over the rows.
fn set(name: String, config: Config, batches: Vec<RecordBatch>) -> Result<Set, CertifyError> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tracks.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path)?, batches[0].schema(), None)?;
    for batch in &batches {
        writer.write(batch)?;
    }
    writer.close()?;
    let output = folder.path().join("out");
    let request = RunRequest {
        paths: vec![path.display().to_string()],
        output: output.clone(),
        ..RunRequest::new(Config {
            source: tracklet_config::Source { event_names: EventNames::Raw, ..config.source.clone() },
            ..config.clone()
        })
    };
    pipeline::run(&request, &Silent)?;
    let results = Queries::open(&output)?;
    let mut expected = Vec::new();
    for table in Table::all(&config.rules) {
        let rows = results.show(table.name(), None, None)?.collect::<Result<Vec<_>, _>>()?;
        let columns = match table {
            // In a warehouse a reject's source is the relation, and its times are times.
            Table::Rejects => {
                ["reason", "event_id", "anonymous_id", "user_id", "event"].map(ToOwned::to_owned).to_vec()
            }
            _ => table.schema(&config.rules).fields().iter().map(|field| field.name().clone()).collect(),
        };
        let mut of_table = Expected::new(table.name(), columns, &rows);
        if table == Table::Rejects {
            of_table.retain(|row| row[0].as_deref() != Some("bad_timestamp"));
        }
        expected.push(of_table);
    }
    Ok(Set { name, config, batches, expected })
}

#[cfg(test)]
mod tests {
    use super::{CASES, prepare, settings};

    #[test]
    fn every_case_has_settings_that_are_understood() {
        for case in CASES {
            settings(case).unwrap();
        }
    }

    #[test]
    fn the_sets_hold_the_whole_corpus_and_a_history() {
        let sets = prepare().unwrap();
        let last = sets.last().unwrap();
        assert!(last.rows() >= 20_000);
        assert!(sets.len() > 5);
        assert!(sets.iter().all(|set| set.expected.len() == 10), "every table is compared");
    }
}
