//! The column by which runs know the rows that a load adds: when they were loaded, not when they were received.
//!
//! ```text
//! columns of the source tables --> the column that runs look at --in the table?--> filled
//!                                                                \--no----------> added, and filled
//! ```

use super::sources::{column_names, named};
use super::{Job, WarehouseError};
use crate::sql::names::relation;
use crate::targets::{TableName, Target};
use tracklet_config::Config;
use tracklet_dialects::Dialect;
use tracklet_dialects::description::ColumnType;

/// The columns by which runs know new rows where the configuration names none, the first before the others, but for the time
/// at which a row was received, which a load does not choose. The macro `loaded_at` has the same names.
const USUAL: [&str; 2] = ["loaded_at", "uuid_ts"];

/// What runs look at where no source table has one of [`USUAL`].
const RECEIVED_AT: &str = "received_at";

/// What a load writes besides the canonical columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadTimes {
    /// Columns that get the time of the load, as the warehouse spells them.
    pub(super) filled: Vec<String>,
    /// The one of them that the table does not have yet.
    pub(super) added: Option<String>,
    /// What runs look at instead, where it is none of them: rows may be loaded that no run finds new.
    pub(super) unseen: Option<String>,
}

impl LoadTimes {
    /// What to write into a source table. `own` are its columns, none where it does not exist; `others` those of the other
    /// source tables that can be seen.
    pub(super) fn new(
        target: &Target,
        config: &Config,
        own: Option<&[String]>,
        others: &[Vec<String>],
    ) -> Self {
        let dialect = target.dialect;
        let canonical: Vec<String> = column_names(target, config).into_iter().map(|(_, own)| own).collect();
        let own = own.unwrap_or(&canonical);
        let find = |columns: &[String], name: &str| {
            let same = |column: &&String| column.eq_ignore_ascii_case(name);
            columns.iter().find(same).cloned()
        };
        // A column that holds a part of the event keeps it.
        let is_taken = |name: &str| find(&canonical, name).is_some();
        let everywhere = |name: &&str| others.iter().all(|columns| find(columns, name).is_some());
        let common: Vec<&str> = USUAL.into_iter().filter(everywhere).collect();
        let of_common = common.iter().find(|name| find(own, name).is_some()).or(common.first()).copied();
        let wanted = config.source.loaded_at.as_deref().or(of_common).filter(|name| !is_taken(name));
        let spelled = |name: &str| match &config.source.loaded_at {
            Some(_) => dialect.spelled(name),
            None => dialect.own(name),
        };
        let added = wanted.filter(|name| find(own, name).is_none()).map(spelled);
        let known = USUAL.into_iter().chain(wanted).filter(|name| !is_taken(name));
        let mut filled: Vec<String> = known.filter_map(|name| find(own, name)).chain(added.clone()).collect();
        filled.sort();
        filled.dedup();
        let has = |columns: &[String], name: &str| find(columns, name).is_some();
        let looked_at = config.source.loaded_at.as_deref().or_else(|| {
            let in_own = |name: &&str| has(own, name) || has(&filled, name);
            USUAL.into_iter().chain([RECEIVED_AT]).find(|name| in_own(name) && everywhere(name))
        });
        let unseen = looked_at.filter(|name| !has(&filled, name)).map(ToOwned::to_owned);
        Self { filled, added, unseen }
    }

    /// The same, with the columns that the warehouse says the tables have.
    pub(super) async fn of(
        job: &Job<'_>,
        into: &TableName,
        own: Option<&[String]>,
    ) -> Result<Self, WarehouseError> {
        let mut others = Vec::new();
        for other in named(job.target, job.config)?.iter().filter(|other| other.table != *into) {
            // A run says what is wrong with a table that can't be seen.
            if let Some(columns) = job.warehouse.columns(&other.table).await? {
                others.push(columns.into_iter().map(|column| column.name).collect());
            }
        }
        Ok(Self::new(job.target, job.config, own, &others))
    }

    /// Adds the column that an existing table lacks.
    pub(super) async fn add_to(&self, job: &Job<'_>, table: &TableName) -> Result<(), WarehouseError> {
        let Some(column) = &self.added else { return Ok(()) };
        let statement = add_column(job.target.dialect, table, column);
        let done = job.warehouse.execute(&statement).await;
        done.map(|_| ()).map_err(|source| WarehouseError::NoLoadTime {
            table: table.to_string(),
            column: column.clone(),
            statement,
            source: Box::new(source),
        })
    }
}

fn add_column(dialect: Dialect, table: &TableName, column: &str) -> String {
    dialect.add_column(&relation(dialect, table), column, ColumnType::Time)
}

#[cfg(test)]
mod tests {
    use super::{LoadTimes, add_column};
    use crate::targets::{TableName, Target};
    use std::path::Path;
    use tracklet_config::Config;
    use tracklet_dialects::Dialect;

    const TRACKS: [&str; 6] = ["id", "anonymous_id", "user_id", "event", "timestamp", "received_at"];
    const PG: &str =
        "[targets.pg]\ntype = \"postgres\"\nhost = \"h\"\nuser = \"u\"\ndbname = \"d\"\nschema = \"s\"\n";

    fn with(more: &[&str]) -> Vec<String> {
        TRACKS.iter().chain(more).map(|name| (*name).to_owned()).collect()
    }

    fn times(source: &str, own: Option<&[String]>, others: &[Vec<String>]) -> LoadTimes {
        let config = Config::parse(&format!("{source}{PG}"), Path::new("tracklet.toml")).unwrap();
        let target = Target::resolve(&config, None, None).unwrap();
        LoadTimes::new(&target, &config, own, others)
    }

    fn are(filled: &[&str], added: Option<&str>, unseen: Option<&str>) -> LoadTimes {
        LoadTimes {
            filled: filled.iter().map(|name| (*name).to_owned()).collect(),
            added: added.map(ToOwned::to_owned),
            unseen: unseen.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn a_table_has_the_column_by_which_runs_know_new_rows() {
        assert_eq!(times("", None, &[]), are(&["loaded_at"], Some("loaded_at"), None));
        assert_eq!(times("", Some(&with(&[])), &[]), are(&["loaded_at"], Some("loaded_at"), None));
        assert_eq!(times("", Some(&with(&["Loaded_At"])), &[]), are(&["Loaded_At"], None, None));
        assert_eq!(times("", Some(&with(&["uuid_ts"])), &[]), are(&["uuid_ts"], None, None));
        let named = "[source]\nloaded_at = \"arrived\"\n";
        assert_eq!(times(named, None, &[]), are(&["arrived"], Some("arrived"), None));
        assert_eq!(times(named, Some(&with(&["loaded_at", "ARRIVED"])), &[]).added, None);
    }

    #[test]
    fn of_several_tables_it_is_a_column_that_all_have() {
        let both = with(&["loaded_at", "uuid_ts"]);
        let rudder = || vec![with(&["uuid_ts"])];
        assert_eq!(times("", None, &rudder()), are(&["uuid_ts"], Some("uuid_ts"), None));
        assert_eq!(times("", Some(&both), &rudder()), are(&["loaded_at", "uuid_ts"], None, None));
        assert_eq!(
            times("", Some(&both), &[with(&[])]),
            are(&["loaded_at", "uuid_ts"], None, Some("received_at"))
        );
        assert_eq!(times("", None, &[with(&[])]), are(&[], None, Some("received_at")));
    }

    #[test]
    fn a_column_of_the_event_keeps_what_the_event_has() {
        let named = "[source]\nloaded_at = \"received_at\"\n";
        assert_eq!(times(named, None, &[]), are(&[], None, Some("received_at")));
        let mapped = "[source.columns]\nreceived_at = \"loaded_at\"\n";
        assert_eq!(times(mapped, None, &[]), are(&[], None, Some("loaded_at")));
    }

    #[test]
    fn it_is_added_in_the_words_of_the_dialect() {
        let table = TableName { database: None, schema: "s".to_owned(), table: "t".to_owned() };
        let added = |dialect: Dialect| add_column(dialect, &table, &dialect.own("loaded_at"));
        for (dialect, statement) in [
            (Dialect::Postgres, "alter table \"s\".\"t\" add column \"loaded_at\" timestamp with time zone"),
            (Dialect::Redshift, "alter table \"s\".\"t\" add column \"loaded_at\" timestamp"),
            (Dialect::Snowflake, "alter table \"s\".\"t\" add column \"LOADED_AT\" timestamp_tz"),
            (Dialect::BigQuery, "alter table `s`.`t` add column `loaded_at` timestamp"),
            (Dialect::Spark, "alter table `s`.`t` add columns (`loaded_at` timestamp)"),
        ] {
            assert_eq!(added(dialect), statement);
        }
    }
}
