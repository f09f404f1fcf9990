//! The tables in a warehouse, and what its runs say about themselves.

use super::{Evidence, Login, Logins, QueryDialect, Tables, TablesError};
use arrow::record_batch::RecordBatch;
use std::collections::BTreeMap;
use tokio::runtime::Runtime;
use tracklet_config::{Config, RunMode};
use tracklet_display::error::Hint;
use tracklet_kernel::tables::Table;
use tracklet_native::manifest::{
    BytesRead, FORMAT, Inputs, Manifest, New, Parts, RecordedRules, RowCounts, Versions, Written,
};
use tracklet_warehouse::sql::{self, Dialect, runs};
use tracklet_warehouse::targets::{Target, TargetError, Warehouse};

/// The tables that `tracklet run --target` keeps in a warehouse.
pub struct InWarehouse<'a> {
    target: &'a Target,
    warehouse: &'a dyn Warehouse,
    runtime: &'a Runtime,
    /// Whether calls of some types are evidence.
    has_evidence: bool,
}

/// Why there are no figures of a warehouse.
#[derive(Debug, thiserror::Error)]
pub enum InWarehouseError {
    /// Warehouses of this type are not queried for figures.
    #[error(
        "figures can be queried from {}, and `{target}` is of type `{kind}`",
        Dialect::products(|dialect| dialect.answers_figures())
    )]
    Kind {
        /// The target.
        target: String,
        /// What the name stands for: a view, for instance.
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
        config: &Config,
        warehouse: &'a dyn Warehouse,
        runtime: &'a Runtime,
    ) -> Result<Self, InWarehouseError> {
        if !target.dialect.answers_figures() {
            let kind = target.dialect.name();
            return Err(InWarehouseError::Kind { target: target.name.clone(), kind });
        }
        Ok(Self { target, warehouse, runtime, has_evidence: !config.identity.evidence.is_empty() })
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
        // A table that a version without evidence has made lacks the column.
        let evidence = if self.has_evidence { "evidence" } else { "0" };
        let answer = self.ask(&format!(
            "select run_id, {finished} as finished, seconds, tracklet_version, config_fingerprint, rows_read, sessionized, \
             duplicates, rejected, sessions, visitors, {evidence} as evidence from {runs} where sequence_number is not null \
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
        let evidence = run.number(11)?.unwrap_or(0) as u64;
        let in_places = sessionized + evidence + duplicates + rejected;
        let read = run.number(5)?.map_or(in_places, |read| read as u64);
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
            rows: RowCounts { read, sessionized, evidence, duplicates, rejected, ..RowCounts::default() },
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

/// What `tracklet_staged` has as `fate` of rows that are evidence.
const IS_EVIDENCE: u8 = 4;

/// The column of `tracklet_staged` with the type of a call.
const TYPE_OF_CALL: &str = "carried_1";

impl InWarehouse<'_> {
    /// The evidence for which a condition holds, ordered by device and id. `joins` stands behind the table.
    fn evidence_where(&self, joins: &str, condition: &str) -> Result<Vec<Evidence>, TablesError> {
        if !self.has_evidence {
            return Ok(Vec::new());
        }
        let dialect = self.dialect();
        let (staged, at) = (dialect.table("tracklet_staged"), dialect.micros(&dialect.column("timestamp")));
        let answer = self.ask(&format!(
            "select event_id, {TYPE_OF_CALL} as event_type, anonymous_id, user_id, {at} as at_micros from {staged}{joins} \
             where fate = {IS_EVIDENCE} and {condition} order by anonymous_id, event_id"
        ))?;
        let evidence = answer.rows().map(|row| {
            let text = |place| Ok::<_, TablesError>(row.text(place)?.map(str::to_owned));
            Ok(Evidence {
                event_id: row.word(0)?,
                event_type: row.word(1)?,
                anonymous_id: text(2)?,
                user_id: text(3)?,
                timestamp: row.number(4)?.unwrap_or(0),
            })
        });
        evidence.collect()
    }
}

impl Tables for InWarehouse<'_> {
    fn dialect(&self) -> QueryDialect {
        QueryDialect::Warehouse(self.target.names.clone())
    }

    fn logins(&self, event_id: &str, device: Option<&str>) -> Result<Option<Logins>, TablesError> {
        if !self.has_evidence {
            return Ok(None);
        }
        let dialect = self.dialect();
        let events = dialect.table("tracklet_event_facts");
        let of_event = format!("select user_id from {events} where event_id = {}", dialect.text(event_id));
        let of_event = self.ask(&of_event)?;
        let user_id = of_event.first().map(|row| row.text(0)).transpose()?.flatten().map(str::to_owned);
        let Some(device) = device else { return Ok(Some(Logins { user_id, ..Logins::default() })) };
        let device = dialect.text(device);
        let (staged, at) = (dialect.table("tracklet_staged"), dialect.micros(&dialect.column("timestamp")));
        let no_type = format!("cast(null as {})", dialect.text_type());
        let of_device = self.ask(&format!(
            "select event_id, user_id, at_micros, evidence from (select event_id, user_id, {at} as at_micros, {no_type} as evidence \
             from {events} where anonymous_id = {device} and user_id is not null union all select event_id, user_id, {at}, \
             {TYPE_OF_CALL} from {staged} where fate = {IS_EVIDENCE} and anonymous_id = {device} and user_id is not null) as logins \
             order by at_micros desc, user_id desc, event_id"
        ))?;
        let latest = of_device.first().map(|row| {
            Ok::<_, TablesError>(Login {
                event_id: row.word(0)?,
                user_id: row.word(1)?,
                timestamp: row.number(2)?.unwrap_or(0),
                evidence: row.text(3)?.map(str::to_owned),
            })
        });
        let of_device = of_device.rows().count() as u64;
        Ok(Some(Logins { user_id, of_device, latest: latest.transpose()? }))
    }

    fn evidence(&self, event_id: &str) -> Result<Vec<Evidence>, TablesError> {
        let is_it = format!("event_id = {}", self.dialect().text(event_id));
        self.evidence_where("", &is_it)
    }

    fn deciding_evidence(&self, visitor: &str) -> Result<Vec<Evidence>, TablesError> {
        let dialect = self.dialect();
        let (mapping, pairs) = (dialect.table(Table::AliasesMapping.name()), dialect.table("tracklet_pairs"));
        let visitor = dialect.text(visitor);
        let joins = format!(
            " inner join (select alias from {mapping} where dbt_visitor_id = {visitor}) as own on own.alias = anonymous_id \
             inner join (select anonymous_id as device, max(last_at) as login_at from {pairs} where user_id <> '' \
             group by anonymous_id) as logins on logins.device = own.alias"
        );
        let decides = format!("user_id = {visitor} and {} = login_at", dialect.column("timestamp"));
        self.evidence_where(&joins, &decides)
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
