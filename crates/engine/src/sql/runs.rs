//! `tracklet_runs`: the runs that were made in a schema, and how two at once are kept from both publishing.

use super::dialect::ColumnType;
use super::names::relation;
use super::{Dialect, Names};
use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt::Write;

/// The table's name.
pub const RUNS: &str = "tracklet_runs";

/// A table with one row, which every run that publishes changes, where nothing else makes two of them conflict.
pub const TURN: &str = "tracklet_turn";

/// What the warehouse says when a run finds that another has published meanwhile.
pub const CONFLICT: &str = "another run has published";

/// The columns, in order.
const COLUMNS: [(&str, ColumnType); 16] = [
    ("run_id", ColumnType::Text),
    ("sequence_number", ColumnType::Integer),
    ("status", ColumnType::Text),
    ("started_at", ColumnType::Time),
    ("finished_at", ColumnType::Time),
    ("seconds", ColumnType::Double),
    ("tracklet_version", ColumnType::Text),
    ("config_fingerprint", ColumnType::Text),
    ("models", ColumnType::Text),
    ("rows_read", ColumnType::Integer),
    ("sessionized", ColumnType::Integer),
    ("duplicates", ColumnType::Integer),
    ("rejected", ColumnType::Integer),
    ("sessions", ColumnType::Integer),
    ("visitors", ColumnType::Integer),
    ("message", ColumnType::Text),
];

/// Where the rows of a run went, as far as the run made the tables that tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accounting {
    /// Rows of the source.
    pub rows_read: Option<u64>,
    /// Rows that are in sessions.
    pub sessionized: Option<u64>,
    /// Rows dropped for one with the same event id.
    pub duplicates: Option<u64>,
    /// Rows that are no tracks.
    pub rejected: Option<u64>,
    /// Sessions.
    pub sessions: Option<u64>,
    /// Visitors.
    pub visitors: Option<u64>,
}

impl Accounting {
    /// Whether every row read is somewhere, where all is known.
    pub fn adds_up(&self) -> bool {
        match (self.rows_read, self.sessionized, self.duplicates, self.rejected) {
            (Some(read), Some(sessionized), Some(duplicates), Some(rejected)) => {
                read == sessionized + duplicates + rejected
            }
            _ => true,
        }
    }
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// The run.
    pub run_id: String,
    /// Which published run it is, from 1; none for one that published nothing.
    pub sequence_number: Option<u64>,
    /// `published` or `failed`.
    pub status: &'static str,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// The fingerprint of its configuration.
    pub config_fingerprint: String,
    /// The models that it made.
    pub models: String,
    /// Where its rows went.
    pub accounting: Accounting,
    /// Why it failed.
    pub message: Option<String>,
}

/// The statement that makes the table if it is not there.
pub fn create(names: &Names) -> String {
    let dialect = names.dialect();
    let mut made = format!("create table if not exists {} (", relation(dialect, &names.own(RUNS)));
    for (place, (name, column)) in COLUMNS.into_iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        // Of two runs that publish at once the constraint refuses the second, where constraints are kept.
        let unique = if dialect == Dialect::Postgres && name == "sequence_number" { " unique" } else { "" };
        let _ =
            write!(made, "{comma}\n    {} {}{unique}", dialect.own_column(name), dialect.type_name(column));
    }
    made.push_str("\n)");
    if dialect == Dialect::Spark {
        made.push_str(" using parquet");
    }
    made
}

/// A query for the number of the latest published run and the fingerprint of its configuration.
pub fn latest(names: &Names) -> String {
    format!(
        "select sequence_number, config_fingerprint, tracklet_version\nfrom {}\nwhere sequence_number is not null\n\
         order by sequence_number desc\nlimit 1",
        relation(names.dialect(), &names.own(RUNS))
    )
}

/// The statement that adds a row.
pub fn insert(names: &Names, row: &RunRow) -> String {
    let dialect = names.dialect();
    let text = |text: &str| dialect.text(text);
    let number = |number: Option<u64>| number.map_or("null".to_owned(), |number| number.to_string());
    let counts = row.accounting;
    let seconds = (row.finished_at - row.started_at).num_milliseconds() as f64 / 1000.0;
    let values = [
        text(&row.run_id),
        number(row.sequence_number),
        text(row.status),
        time(dialect, row.started_at),
        time(dialect, row.finished_at),
        format!("cast({seconds:.3} as {})", dialect.type_name(ColumnType::Double)),
        text(env!("CARGO_PKG_VERSION")),
        text(&row.config_fingerprint),
        text(&row.models),
        number(counts.rows_read),
        number(counts.sessionized),
        number(counts.duplicates),
        number(counts.rejected),
        number(counts.sessions),
        number(counts.visitors),
        row.message.as_deref().map_or("null".to_owned(), text),
    ];
    let columns: Vec<String> = COLUMNS.iter().map(|(name, _)| dialect.own_column(name)).collect();
    format!(
        "insert into {} (\n    {}\n)\nvalues (\n    {}\n)",
        relation(dialect, &names.own(RUNS)),
        columns.join(",\n    "),
        values.join(",\n    ")
    )
}

/// The statements that see to it that [`TURN`] is there with a row, where it is needed. More than one row, by two runs at
/// once, does as well.
pub fn create_turn(names: &Names) -> Vec<String> {
    let dialect = names.dialect();
    if !has_turn_table(dialect) {
        return Vec::new();
    }
    let (table, column) = (relation(dialect, &names.own(TURN)), dialect.own_column("run_id"));
    let text = dialect.type_name(ColumnType::Text);
    vec![
        format!("create table if not exists {table} (\n    {column} {text}\n)"),
        format!(
            "insert into {table} (\n    {column}\n)\nselect 'none'\nfrom (select 1 as one) as nothing\n\
             where not exists (select 1 from {table})"
        ),
    ]
}

/// The statement at the start of a transaction that publishes by which only one of two at once comes to its end. The other
/// waits for it, and then [`check`] finds its number taken; or it is aborted as a conflict, at once or when it commits.
///
/// Deleting the rows of tables does not do: of two first runs neither finds a row to delete, and both insert.
pub fn take_turn(names: &Names, run_id: &str) -> Option<String> {
    let dialect = names.dialect();
    if has_turn_table(dialect) {
        let (table, column) = (relation(dialect, &names.own(TURN)), dialect.own_column("run_id"));
        return Some(format!("update {table}\nset {column} = {}\nwhere true", dialect.text(run_id)));
    }
    // Its transactions may see what was there when their first query ran, and a lock is none: after it this one
    // sees what the other has committed. It ends with the transaction, or with the connection.
    (dialect == Dialect::Redshift).then(|| format!("lock {}", relation(dialect, &names.own(RUNS))))
}

/// Whether inserts of two transactions into one table both succeed, and a transaction can't lock one.
fn has_turn_table(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::BigQuery | Dialect::Snowflake)
}

/// A query that fails, with [`CONFLICT`] in its message, unless one run alone has this number. It must run after
/// [`take_turn`].
pub fn check(names: &Names, sequence_number: u64) -> String {
    let dialect = names.dialect();
    format!(
        "select case when count(*) = 1 then 0 else cast(concat({}, max(run_id)) as {}) end as conflicts\nfrom {}\n\
         where sequence_number = {sequence_number}",
        dialect.text(&format!("{CONFLICT}: ")),
        dialect.type_name(ColumnType::Integer),
        relation(dialect, &names.own(RUNS)),
    )
}

/// A time as a literal.
fn time(dialect: Dialect, time: DateTime<Utc>) -> String {
    let written = time.to_rfc3339_opts(SecondsFormat::Micros, true).replace('T', " ");
    let plain = written.trim_end_matches('Z');
    let type_name = dialect.type_name(ColumnType::Time);
    match dialect {
        Dialect::Redshift => format!("cast('{plain}' as {type_name})"),
        Dialect::Snowflake => format!("cast('{plain} +0000' as {type_name})"),
        _ => format!("cast('{plain}+00:00' as {type_name})"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Accounting, RunRow, check, create, create_turn, insert, take_turn};
    use crate::sql::{Dialect, Names};
    use chrono::{TimeZone, Utc};

    fn names(dialect: Dialect) -> Names {
        Names::new(dialect, None, dialect.spelled("s"))
    }

    fn row() -> RunRow {
        RunRow {
            run_id: "r1".to_owned(),
            sequence_number: Some(7),
            status: "failed",
            started_at: Utc.with_ymd_and_hms(2026, 1, 4, 10, 0, 0).unwrap(),
            finished_at: Utc.with_ymd_and_hms(2026, 1, 4, 10, 0, 2).unwrap(),
            config_fingerprint: "f".to_owned(),
            models: "a b".to_owned(),
            accounting: Accounting { rows_read: Some(3), ..Accounting::default() },
            message: Some("it's \\ gone".to_owned()),
        }
    }

    #[test]
    fn values_are_literals_of_the_dialect() {
        let made = insert(&names(Dialect::Postgres), &row());
        assert!(made.starts_with("insert into \"s\".\"tracklet_runs\" (\n    \"run_id\","), "{made}");
        assert!(
            made.contains("cast('2026-01-04 10:00:02.000000+00:00' as timestamp with time zone)"),
            "{made}"
        );
        assert!(
            made.contains("cast(2.000 as double precision)") && made.contains(",\n    3,\n    null,"),
            "{made}"
        );
        assert!(made.contains("E'it''s \\\\ gone'"), "{made}");
    }

    #[test]
    fn the_table_is_made_with_the_warehouses_types() {
        assert!(create(&names(Dialect::Postgres)).contains("\"sequence_number\" bigint unique,"));
        assert!(
            create(&names(Dialect::Snowflake)).contains("\"S\".\"TRACKLET_RUNS\" (\n    \"RUN_ID\" varchar,")
        );
        assert!(create(&names(Dialect::BigQuery)).contains("`finished_at` timestamp,"));
        assert!(check(&names(Dialect::Redshift), 7).contains("where sequence_number = 7"));
    }

    #[test]
    fn of_two_runs_at_once_one_must_wait() {
        let turn = |dialect| take_turn(&names(dialect), "r1");
        assert_eq!(
            turn(Dialect::BigQuery).unwrap(),
            "update `s`.`tracklet_turn`\nset `run_id` = 'r1'\nwhere true"
        );
        assert!(turn(Dialect::Snowflake).unwrap().starts_with("update \"S\".\"TRACKLET_TURN\""));
        assert_eq!(turn(Dialect::Redshift).unwrap(), "lock \"s\".\"tracklet_runs\"");
        // Its table of runs refuses a number twice.
        assert_eq!(turn(Dialect::Postgres), None);
        assert_eq!(turn(Dialect::Spark), None);
        let [table, row] = create_turn(&names(Dialect::BigQuery)).try_into().unwrap();
        assert_eq!(table, "create table if not exists `s`.`tracklet_turn` (\n    `run_id` string\n)");
        assert!(row.ends_with("where not exists (select 1 from `s`.`tracklet_turn`)"), "{row}");
        assert!(create_turn(&names(Dialect::Redshift)).is_empty());
    }

    #[test]
    fn rows_add_up_or_are_not_known() {
        assert!(row().accounting.adds_up());
        let all = |rejected| Accounting {
            rows_read: Some(3),
            sessionized: Some(1),
            duplicates: Some(1),
            rejected: Some(rejected),
            ..Accounting::default()
        };
        assert!(all(1).adds_up());
        assert!(!all(2).adds_up());
    }
}
