//! The tables in a warehouse, and what its runs say about themselves.

use super::{QueryDialect, Tables, TablesError};
use arrow::record_batch::RecordBatch;
use std::collections::BTreeMap;
use tokio::runtime::Runtime;
use tracklet_config::{Config, RunMode};
use tracklet_display::error::Hint;
use tracklet_kernel::tables::Table;
use tracklet_native::manifest::{
    BytesRead, FORMAT, Inputs, Manifest, New, Parts, RecordedRules, Rows, Versions, Written,
};
use tracklet_warehouse::sql::{self, Dialect, runs};
use tracklet_warehouse::targets::{Target, TargetError, Warehouse};

/// The tables that `tracklet run --target` keeps in a warehouse.
pub struct InWarehouse<'a> {
    target: &'a Target,
    warehouse: &'a dyn Warehouse,
    runtime: &'a Runtime,
}

/// Why there are no figures of a warehouse.
#[derive(Debug, thiserror::Error)]
pub enum InWarehouseError {
    /// Figures are not asked of warehouses of this type.
    #[error(
        "figures can be asked of {}, and `{target}` is of type `{kind}`",
        Dialect::products(|dialect| dialect.answers_figures())
    )]
    Kind {
        /// The target.
        target: String,
        /// What it is.
        kind: &'static str,
    },
    /// No run has published in the schema.
    #[error("no run has published in `{schema}`")]
    NoRun {
        /// The schema.
        schema: String,
        /// What the warehouse said, where it said something.
        source: Option<TargetError>,
    },
    /// The warehouse gave no answer.
    #[error(transparent)]
    Tables(#[from] TablesError),
}

impl Hint for InWarehouseError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Kind { .. } => Some("`tracklet run` makes the same tables of files".to_owned()),
            Self::NoRun { .. } => Some("`tracklet build --target NAME` makes the tables".to_owned()),
            Self::Tables(error) => error.hint(),
        }
    }
}

impl<'a> InWarehouse<'a> {
    /// The tables of a target. `runtime` is the one that the client lives in; it must not be at work.
    ///
    /// # Errors
    /// [`InWarehouseError::Kind`].
    pub fn new(
        target: &'a Target,
        warehouse: &'a dyn Warehouse,
        runtime: &'a Runtime,
    ) -> Result<Self, InWarehouseError> {
        if !target.dialect.answers_figures() {
            let kind = target.dialect.name();
            return Err(InWarehouseError::Kind { target: target.name.clone(), kind });
        }
        Ok(Self { target, warehouse, runtime })
    }

    /// What the newest run says about itself, in the form of a manifest: no files, no checks, no timings but the whole. The
    /// rules are those of `config`, with a warning where the run had others.
    ///
    /// # Errors
    /// [`InWarehouseError::NoRun`], and what the warehouse says.
    pub fn manifest(&self, config: &Config) -> Result<Manifest, InWarehouseError> {
        let dialect = self.dialect();
        let no_run =
            |source| InWarehouseError::NoRun { schema: self.target.names.schema().to_owned(), source };
        let runs = sql::names::relation(self.target.dialect, &self.target.names.own(runs::RUNS));
        let answer = self.ask(&format!(
            "select run_id, {finished} as finished, seconds, tracklet_version, config_fingerprint, rows_read, sessionized, \
             duplicates, rejected, sessions, visitors from {runs} where sequence_number is not null \
             and status = 'published' order by sequence_number desc limit 1",
            finished = dialect.micros("finished_at"),
        ));
        let answer = match answer {
            Err(TablesError::Target(error)) => return Err(no_run(Some(error))),
            other => other?,
        };
        let Some(run) = answer.first() else { return Err(no_run(None)) };
        let finished =
            chrono::DateTime::from_timestamp_micros(run.number(1)?.unwrap_or(0)).unwrap_or_default();
        let fingerprint = run.word(4)?;
        let mut warnings = Vec::new();
        if fingerprint != config.fingerprint() {
            warnings.push(
                "the configuration has changed since the run: what is said of its rules is of now".to_owned(),
            );
        }
        let tables = self.rows_of_tables()?;
        let rows_of = |table: Table| tables.get(table.name()).copied().unwrap_or(0);
        // A run of some models alone may not know; the tables do.
        let known = |place: usize, table: Table| -> Result<u64, TablesError> {
            Ok(run.number(place)?.map_or_else(|| rows_of(table), |number| number as u64))
        };
        let (sessionized, duplicates, rejected) =
            (known(6, Table::MappedTracks)?, known(7, Table::Duplicates)?, known(8, Table::Rejects)?);
        let read = run.number(5)?.map_or(sessionized + duplicates + rejected, |read| read as u64);
        Ok(Manifest {
            format: FORMAT,
            snapshot: run.word(0)?,
            created_at: finished.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            versions: Versions { tracklet: run.word(3)?, writer: self.target.dialect.name().to_owned() },
            config_fingerprint: fingerprint,
            source_fingerprint: String::new(),
            forgotten: None,
            ignored_ids: None,
            digests: None,
            seal: None,
            mode: RunMode::Full,
            reason: None,
            new: New::default(),
            parts: Parts::default(),
            bytes_read: BytesRead::default(),
            rules: Some(rules_of(config)),
            rows: Rows { read, sessionized, duplicates, rejected, ..Rows::default() },
            rejects: self.rejects()?,
            other_calls: BTreeMap::new(),
            sessions: known(9, Table::SessionTracks)?,
            visitors: known(10, Table::UserSessionFacts)?,
            tables,
            kept: BTreeMap::new(),
            inputs: Inputs::default(),
            gone: 0,
            older_settings: Vec::new(),
            warnings,
            checks: Vec::new(),
            counted: BTreeMap::new(),
            written: Written::default(),
            timings: run.double(2)?.map(|seconds| ("total".to_owned(), seconds)).into_iter().collect(),
        })
    }

    fn rows_of_tables(&self) -> Result<BTreeMap<String, u64>, TablesError> {
        let dialect = self.dialect();
        let counts = Table::ALWAYS.map(|table| {
            format!(
                "select {} as table_name, count(*) as table_rows from {}",
                dialect.text(table.name()),
                dialect.table(table.name())
            )
        });
        let answer = self.ask(&counts.join(" union all "))?;
        answer.rows().map(|row| Ok((row.word(0)?, row.count(1)?))).collect()
    }

    fn rejects(&self) -> Result<BTreeMap<String, u64>, TablesError> {
        let table = self.dialect().table(Table::Rejects.name());
        let answer = self.ask(&format!("select reason, count(*) as rejects from {table} group by reason"))?;
        answer.rows().map(|row| Ok((row.word(0)?, row.count(1)?))).collect()
    }
}

impl Tables for InWarehouse<'_> {
    fn dialect(&self) -> QueryDialect {
        QueryDialect::Warehouse(self.target.names.clone())
    }

    fn query(&self, sql: &str) -> Result<Vec<RecordBatch>, TablesError> {
        Ok(self.runtime.block_on(self.warehouse.query(sql))?)
    }
}

/// The rules of the tables in a warehouse: what a run from files leaves out is there.
fn rules_of(config: &Config) -> RecordedRules {
    let mut rules = RecordedRules::from(&config.rules);
    rules.left_out.clear();
    rules
}
