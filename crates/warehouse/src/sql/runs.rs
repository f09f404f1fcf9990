//! `tracklet_runs`: the runs that were made in a schema, and how two at once are kept from both publishing.

use super::names::relation;
use super::render::ModelOptions;
use super::{Dialect, Names};
use chrono::{DateTime, Utc};
use std::fmt::{self, Write};
use tracklet_config::RunMode;
use tracklet_dialects::description::{ColumnType, PublishLock, Stay};

/// The table's name.
pub const RUNS: &str = "tracklet_runs";

/// A table with one row, which every run that publishes changes, where nothing else makes two of them conflict.
pub const TURN: &str = "tracklet_turn";

/// What the warehouse says when a run finds that another has published meanwhile.
pub const CONFLICT: &str = "another run has published";

/// What has come to its end.
pub const PUBLISHED: &str = "published";

/// What changes the tables one by one, or was cut off while it did: see [`settle`].
pub const RUNNING: &str = "running";

/// What has failed. With a number it had begun to change the tables one by one.
pub const FAILED: &str = "failed";

/// The columns, in order.
const COLUMNS: [(&str, ColumnType); 23] = [
    ("run_id", ColumnType::Text),
    ("sequence_number", ColumnType::Integer),
    ("status", ColumnType::Text),
    ("started_at", ColumnType::Time),
    ("finished_at", ColumnType::Time),
    ("seconds", ColumnType::Double),
    ("tracklet_version", ColumnType::Text),
    ("config_fingerprint", ColumnType::Text),
    ("models", ColumnType::Text),
    ("mode", ColumnType::Text),
    ("reason", ColumnType::Text),
    ("cursor_column", ColumnType::Text),
    ("cursor_at", ColumnType::Time),
    ("rows_read", ColumnType::Integer),
    ("sessionized", ColumnType::Integer),
    ("duplicates", ColumnType::Integer),
    ("rejected", ColumnType::Integer),
    ("sessions", ColumnType::Integer),
    ("visitors", ColumnType::Integer),
    ("message", ColumnType::Text),
    // Columns of later versions come last, where `add_columns` puts them into a table that is there.
    ("sql_digest", ColumnType::Text),
    ("forgotten_digest", ColumnType::Text),
    ("evidence", ColumnType::Integer),
];

/// Where the rows of a run went, as far as the run made the tables that tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accounting {
    /// Rows of the source.
    pub rows_read: Option<u64>,
    /// Rows that are in sessions.
    pub sessionized: Option<u64>,
    /// Rows that are evidence, and in no session; none is 0 in a run of a version that knew no evidence.
    pub evidence: Option<u64>,
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
        self.places().is_none_or(|(read, in_places)| read == in_places)
    }

    /// The rows read and those that are somewhere, where all is known.
    pub fn places(&self) -> Option<(u64, u64)> {
        let in_sessions_or_not = self.sessionized? + self.evidence.unwrap_or(0);
        Some((self.rows_read?, in_sessions_or_not + self.duplicates? + self.rejected?))
    }
}

/// How a run made the tables, and why or of how many rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDetail {
    /// The mode.
    pub mode: RunMode,
    /// Why the run took all rows; none for another run.
    pub reason: Option<String>,
    /// Rows of the source that were new, or rows that were forgotten; 0 for a run that took all rows.
    pub rows: u64,
}

impl RunDetail {
    /// A run that took all rows.
    pub fn of_all_rows(mode: RunMode, reason: String) -> Self {
        Self { mode, reason: Some(reason), rows: 0 }
    }

    /// A run that took this many new rows.
    pub fn incremental(new_rows: u64) -> Self {
        Self { mode: RunMode::Incremental, reason: None, rows: new_rows }
    }

    /// A run that deleted this many rows of forgotten people.
    pub fn forget(rows: u64) -> Self {
        Self { mode: RunMode::Forget, reason: None, rows }
    }
}

impl fmt::Display for RunDetail {
    /// The column `why` of `tracklet_runs`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, reason, rows } = self;
        match (mode, reason) {
            (_, Some(reason)) => f.write_str(reason),
            (RunMode::Forget, None) if *rows == 1 => f.write_str("1 row was forgotten"),
            (RunMode::Forget, None) => write!(f, "{rows} rows were forgotten"),
            (_, None) if *rows == 1 => f.write_str("1 new row"),
            (_, None) => write!(f, "{rows} new rows"),
        }
    }
}

/// Up to where the source was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The column, as SQL; of every source table, between commas.
    pub column: Option<String>,
    /// The time.
    pub at: Option<DateTime<Utc>>,
}

/// The latest run that published, or began to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latest {
    /// The number of the run; 0 if there is none.
    pub sequence_number: u64,
    /// Whether the run came to its end: `false` of one that was cut off while it changed the tables one by one.
    pub is_whole: bool,
    /// The fingerprint of its configuration.
    pub config_fingerprint: String,
    /// The digest of the SQL of its models; none of a run of a version that did not record it.
    pub sql_digest: Option<String>,
    /// The models that it made.
    pub models: String,
    /// Up to where it read.
    pub cursor: Cursor,
    /// Where the rows went.
    pub accounting: Accounting,
    /// The digest of the list of forgotten ids; none where nobody was forgotten, and of a run of a version that did not record it.
    pub forgotten_digest: Option<String>,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// The run.
    pub run_id: String,
    /// Which published run it is, from 1; none for one that has changed nothing.
    pub sequence_number: Option<u64>,
    /// [`PUBLISHED`], [`RUNNING`] or [`FAILED`].
    pub status: &'static str,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// The fingerprint of its configuration.
    pub config_fingerprint: String,
    /// The models that it made.
    pub models: String,
    /// How the run made the tables; none for a run that failed.
    pub mode: Option<RunDetail>,
    /// The column that says when rows of the source were loaded, and the latest such time that is not after the run's start:
    /// later runs look for rows that came after it.
    pub cursor: Cursor,
    /// Where its rows went.
    pub accounting: Accounting,
    /// Why it failed.
    pub message: Option<String>,
    /// The digest of the SQL of the models.
    pub sql_digest: String,
    /// The digest of the list of forgotten ids; none where nobody is forgotten.
    pub forgotten_digest: Option<String>,
}

/// The statement that makes the table if it is not there.
pub fn create(names: &Names) -> String {
    let dialect = names.dialect();
    let mut made = format!("create table if not exists {} (", relation(dialect, &names.own(RUNS)));
    for (place, (name, column)) in COLUMNS.into_iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let is_unique = name == "sequence_number" && dialect.publish_lock() == PublishLock::UniqueNumber;
        let unique = if is_unique { " unique" } else { "" };
        let _ =
            write!(made, "{comma}\n    {} {}{unique}", dialect.own_column(name), dialect.type_name(column));
    }
    made.push_str("\n)");
    made.extend(dialect.using(names.format()));
    made
}

/// The statements that make the table, of another format, one of the format of `names`, with its rows. `staging_name` is a table of the
/// same schema that is not there. Cut off between them the rows are lost, and the next run takes itself to be the first.
pub fn convert(names: &Names, staging_name: &str) -> Vec<String> {
    let dialect = names.dialect();
    let (table, staging_name) =
        (relation(dialect, &names.own(RUNS)), relation(dialect, &names.own(staging_name)));
    let copy = |to: &str, from: &str| {
        let options = ModelOptions::default();
        let query = format!("select *\nfrom {from}");
        dialect.create_table_as(to, names.format(), &options, Stay::Published, &query)
    };
    vec![
        copy(&staging_name, &table),
        format!("drop table {table}"),
        copy(&table, &staging_name),
        format!("drop table {staging_name}"),
    ]
}

/// The statements that give a table of an earlier version the columns that it lacks; `there` are those that it has, as
/// the warehouse spells them.
pub fn add_columns(names: &Names, there: &[&str]) -> Vec<String> {
    let dialect = names.dialect();
    dialect.add_columns(&relation(dialect, &names.own(RUNS)), &COLUMNS, there)
}

/// A query for what [`Latest`] holds, in the order of its fields.
pub fn latest(names: &Names) -> String {
    format!(
        "select\n    sequence_number,\n    case when status = '{PUBLISHED}' then 1 else 0 end as is_whole,\n    config_fingerprint,\n    sql_digest,\n    models,\n    cursor_column,\n    \
         cursor_at,\n    rows_read,\n    sessionized,\n    duplicates,\n    rejected,\n    sessions,\n    visitors,\n    forgotten_digest,\n    evidence\n\
         from {}\nwhere sequence_number is not null\norder by sequence_number desc, is_whole\nlimit 1",
        relation(names.dialect(), &names.own(RUNS))
    )
}

/// A query for the latest load time in `staged` that is not after `started`, a time as a literal: what is stamped later comes
/// from a clock that is wrong, and would hide the rows that come before it.
pub fn cursor_at(staged: &str, started: &str) -> String {
    format!("select max(loaded_at) as cursor_at\nfrom {staged}\nwhere loaded_at <= {started}")
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
        dialect.time(row.started_at),
        dialect.time(row.finished_at),
        format!("cast({seconds:.3} as {})", dialect.type_name(ColumnType::Double)),
        text(env!("CARGO_PKG_VERSION")),
        text(&row.config_fingerprint),
        text(&row.models),
        row.mode.as_ref().map_or("null".to_owned(), |detail| text(detail.mode.name())),
        row.mode.as_ref().map_or("null".to_owned(), |detail| text(&detail.to_string())),
        row.cursor.column.as_deref().map_or("null".to_owned(), text),
        row.cursor.at.map_or("null".to_owned(), |at| dialect.time(at)),
        number(counts.rows_read),
        number(counts.sessionized),
        number(counts.duplicates),
        number(counts.rejected),
        number(counts.sessions),
        number(counts.visitors),
        row.message.as_deref().map_or("null".to_owned(), text),
        text(&row.sql_digest),
        row.forgotten_digest.as_deref().map_or("null".to_owned(), text),
        number(counts.evidence),
    ];
    let columns: Vec<String> = COLUMNS.iter().map(|(name, _)| dialect.own_column(name)).collect();
    format!(
        "insert into {} (\n    {}\n)\nvalues (\n    {}\n)",
        relation(dialect, &names.own(RUNS)),
        columns.join(",\n    "),
        values.join(",\n    ")
    )
}

/// A query for how many runs have this number, and the highest number that a run has.
pub fn numbers(names: &Names, sequence_number: u64) -> String {
    format!(
        "select\n    sum(case when sequence_number = {sequence_number} then 1 else 0 end) as with_number,\n    \
         max(sequence_number) as highest\nfrom {}",
        relation(names.dialect(), &names.own(RUNS))
    )
}

/// The statement that changes status, number, end and message of a row that is there. Where tables change one by one, a run
/// notes its row before as [`RUNNING`] and changes it afterwards: what was cut off in between is seen by the next.
pub fn settle(names: &Names, row: &RunRow) -> String {
    let dialect = names.dialect();
    let seconds = (row.finished_at - row.started_at).num_milliseconds() as f64 / 1000.0;
    let columns = [
        ("status", dialect.text(row.status)),
        ("sequence_number", number(dialect, row.sequence_number)),
        ("finished_at", dialect.time(row.finished_at)),
        ("seconds", format!("cast({seconds:.3} as {})", dialect.type_name(ColumnType::Double))),
        ("message", message(dialect, row)),
    ];
    let columns: Vec<String> =
        columns.into_iter().map(|(name, value)| format!("{} = {value}", dialect.own_column(name))).collect();
    format!(
        "update {}\nset {}\nwhere {} = {}",
        relation(dialect, &names.own(RUNS)),
        columns.join(",\n    "),
        dialect.own_column("run_id"),
        dialect.text(&row.run_id)
    )
}

fn number(dialect: Dialect, number: Option<u64>) -> String {
    let none = || format!("cast(null as {})", dialect.type_name(ColumnType::Integer));
    number.map_or_else(none, |number| number.to_string())
}

fn message(dialect: Dialect, row: &RunRow) -> String {
    let none = || format!("cast(null as {})", dialect.type_name(ColumnType::Text));
    row.message.as_deref().map_or_else(none, |message| dialect.text(message))
}

/// The statements that see to it that [`TURN`] is there with a row, where it is needed. More than one row, by two runs at
/// once, does as well.
pub fn create_turn(names: &Names) -> Vec<String> {
    let dialect = names.dialect();
    if dialect.publish_lock() != PublishLock::OneRow {
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
    match dialect.publish_lock() {
        PublishLock::OneRow => {
            let (table, column) = (relation(dialect, &names.own(TURN)), dialect.own_column("run_id"));
            Some(format!("update {table}\nset {column} = {}\nwhere true", dialect.text(run_id)))
        }
        PublishLock::Table => Some(format!("lock {}", relation(dialect, &names.own(RUNS)))),
        PublishLock::UniqueNumber | PublishLock::None => None,
    }
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

#[cfg(test)]
mod tests {
    use super::{
        Accounting, COLUMNS, Cursor, FAILED, PUBLISHED, RunDetail, RunMode, RunRow, add_columns, check,
        convert, create, create_turn, insert, latest, settle, take_turn,
    };
    use crate::sql::{Dialect, Names};
    use chrono::{TimeZone, Utc};
    use tracklet_dialects::description::Format;

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
            mode: Some(RunDetail::of_all_rows(RunMode::Full, "it is the first run".to_owned())),
            cursor: Cursor::default(),
            accounting: Accounting { rows_read: Some(3), ..Accounting::default() },
            message: Some("it's \\ gone".to_owned()),
            sql_digest: "d".to_owned(),
            forgotten_digest: Some("f".to_owned()),
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
    fn a_table_of_an_earlier_version_gets_what_it_lacks() {
        let added = |dialect: Dialect| {
            let there: Vec<String> = COLUMNS
                .iter()
                .filter(|(name, _)| !name.starts_with("cursor_"))
                .map(|(name, _)| dialect.own(name))
                .collect();
            add_columns(&names(dialect), &there.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(
            added(Dialect::Postgres),
            [
                "alter table \"s\".\"tracklet_runs\" add column \"cursor_column\" text",
                "alter table \"s\".\"tracklet_runs\" add column \"cursor_at\" timestamp with time zone"
            ]
        );
        assert_eq!(
            added(Dialect::Spark)[0],
            "alter table `s`.`tracklet_runs` add columns (`cursor_column` string)"
        );
        let all: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        assert_eq!(added(Dialect::Snowflake).len(), 2);
        assert!(add_columns(&names(Dialect::BigQuery), &all).is_empty());
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
    fn an_existing_row_gets_the_outcome_of_its_run() {
        let delta = names(Dialect::Spark).in_format(Format::Delta);
        let published = RunRow { status: PUBLISHED, message: None, ..row() };
        assert_eq!(
            settle(&delta, &published),
            "update `s`.`tracklet_runs`\nset `status` = 'published',\n    `sequence_number` = 7,\n    `finished_at` = \
             cast('2026-01-04 10:00:02.000000+00:00' as timestamp),\n    `seconds` = cast(2.000 as double),\n    \
             `message` = cast(null as string)\nwhere `run_id` = 'r1'"
        );
        let failed = settle(&delta, &RunRow { status: FAILED, sequence_number: None, ..row() });
        assert!(failed.contains("`sequence_number` = cast(null as bigint)"), "{failed}");
        assert!(failed.contains("`message` = 'it\\'s \\\\ gone'"), "{failed}");
    }

    #[test]
    fn of_two_runs_with_one_number_the_one_that_is_not_whole_is_the_latest() {
        let query = latest(&names(Dialect::Spark));
        assert!(query.contains("case when status = 'published' then 1 else 0 end as is_whole"), "{query}");
        assert!(query.ends_with("order by sequence_number desc, is_whole\nlimit 1"), "{query}");
    }

    #[test]
    fn the_table_is_of_the_format_of_the_others() {
        let delta = names(Dialect::Spark).in_format(Format::Delta);
        assert!(create(&delta).ends_with(")\nusing delta"));
        assert!(create(&names(Dialect::Spark)).ends_with(")\nusing parquet"));
        let [staging_name, gone, back, clean] = convert(&delta, "aside").try_into().unwrap();
        assert_eq!(
            staging_name,
            "create table `s`.`aside`\nusing delta\nas\nselect *\nfrom `s`.`tracklet_runs`"
        );
        assert_eq!(
            (gone.as_str(), clean.as_str()),
            ("drop table `s`.`tracklet_runs`", "drop table `s`.`aside`")
        );
        assert!(back.ends_with("select *\nfrom `s`.`aside`"), "{back}");
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
