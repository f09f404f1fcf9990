//! What a dialect says of itself.

use crate::TableName;
use crate::model::ModelOptions;

/// A warehouse's SQL, where it differs from that of others in the statements around a model. What differs inside a model is
/// a macro of the dbt package. A description is text alone: it knows no client, no file and no configuration.
///
/// What has a default here is standard SQL, or what most warehouses do.
pub trait Description: Sync {
    /// The name of the dialect: that of dbt's adapter, and the `type` of a target.
    fn name(&self) -> &'static str;

    /// The name of the warehouse in messages.
    fn product(&self) -> &'static str;

    /// The names of other adapters of dbt for warehouses with this SQL.
    fn other_adapters(&self) -> &'static [&'static str] {
        &[]
    }

    /// The name under which SQL parsers know the dialect.
    fn parser(&self) -> &'static str {
        self.name()
    }

    /// The macros of the dialect: the text of `dbt/macros/NAME.sql`.
    fn macros(&self) -> &'static str;

    /// A name spelled exactly so, quoted. The macro `identifier` does the same; a test holds them together.
    fn quoted(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// A text as a literal. The macro `text_literal` does the same; a test holds them together.
    fn text(&self, text: &str) -> String;

    /// How the warehouse spells a name that stands without quotes in a statement.
    fn unquoted(&self, name: &str) -> String {
        name.to_owned()
    }

    /// How the warehouse spells one of Tracklet's own names, of a table or column: so that it also works without quotes.
    fn own(&self, name: &str) -> String {
        self.unquoted(name)
    }

    /// How the warehouse spells a name that a user wrote: as dbt takes it. A plain name is read as without quotes.
    fn spelled(&self, written: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
        let is_plain = written.chars().all(plain) && !written.starts_with(|c: char| c.is_ascii_digit());
        if is_plain { self.unquoted(written) } else { written.to_owned() }
    }

    /// A column of Tracklet's own, quoted.
    fn own_column(&self, name: &str) -> String {
        self.quoted(&self.own(name))
    }

    /// Columns of Tracklet's own, quoted, with commas between.
    fn own_columns(&self, names: &[String]) -> String {
        names.iter().map(|name| self.own_column(name)).collect::<Vec<_>>().join(", ")
    }

    /// A table's name, quoted.
    fn relation(&self, table: &TableName) -> String {
        let parts = table.database.iter().chain([&table.schema, &table.table]);
        parts.map(|part| self.quoted(part)).collect::<Vec<_>>().join(".")
    }

    /// Whether a schema that the warehouse lists is the one called `name`.
    fn is_schema(&self, listed: &str, name: &str) -> bool {
        listed == name
    }

    /// The name of a type.
    fn type_name(&self, column: ColumnType) -> &'static str;

    /// What stands behind date and time in a literal of [`ColumnType::Time`], to say that it is in UTC.
    fn utc_in_time(&self) -> &'static str {
        "+00:00"
    }

    /// The microseconds since 1970 of a time, as a 64-bit integer.
    fn micros(&self, time: &str) -> String;

    /// The whole part of a quotient of two integers that are not negative.
    fn divided(&self, dividend: &str, divisor: i64) -> String {
        format!("({dividend}) / {divisor}")
    }

    /// A statement that makes the session's time zone UTC; none where times never depend on it.
    fn session_in_utc(&self) -> Option<&'static str>;

    /// The words before and after a list of statements that take effect together; none where the warehouse has none.
    fn transaction(&self) -> Option<(&'static str, &'static str)> {
        Some(("begin", "commit"))
    }

    /// Whether a table or view that a transaction has made or dropped is as before when the transaction is taken back.
    fn takes_back_ddl(&self) -> bool {
        false
    }

    /// What keeps two runs from publishing at the same time.
    fn publish_lock(&self) -> PublishLock;

    /// The ways to publish tables of a format that the warehouse knows. The first is taken when the configuration does not say.
    fn publishings(&self, format: Format) -> &'static [Publishing];

    /// How tables are published when the configuration does not say.
    fn publishing(&self, format: Format) -> Publishing {
        self.publishings(format)[0]
    }

    /// How an increment replaces rows of the published tables.
    fn row_exchange(&self) -> RowExchange {
        RowExchange::Together
    }

    /// Why rows of a table of this format can't be replaced; none where they can.
    fn fixed_rows(&self, format: Format) -> Option<&'static str> {
        let _ = format;
        None
    }

    /// The formats that a table's files can have; empty where there is no choice.
    fn formats(&self) -> &'static [Format] {
        &[]
    }

    /// The clause of `create table` that says what the table's files are, on a line of its own; none where there is no choice.
    fn using(&self, format: Format) -> Option<String> {
        let _ = format;
        None
    }

    /// The words between `create` and `table`, each with a space behind.
    fn table_words(&self, options: &ModelOptions, stay: Stay) -> &'static str {
        let _ = (options, stay);
        ""
    }

    /// The clauses of `create table` between the table's name and its query, each after a line feed.
    fn table_clauses(&self, format: Format, options: &ModelOptions, stay: Stay) -> String {
        let _ = (options, stay);
        self.using(format).unwrap_or_default()
    }

    /// The clauses of `create view` between the view's name and its query, each after a space.
    fn view_clauses(&self, stay: Stay) -> &'static str {
        let _ = stay;
        ""
    }

    /// Whether tables have indexes.
    fn has_indexes(&self) -> bool {
        false
    }

    /// The clause of `alter table` that adds a column; `column` is its quoted name and type.
    fn added_column(&self, column: &str) -> String {
        format!("add column {column}")
    }

    /// The name that `alter table .. rename to` takes for a table of the same schema, quoted.
    fn new_name(&self, new: &TableName) -> String {
        self.quoted(&new.table)
    }

    /// Whether `report`, `tune` and `explain` can ask figures of the tables.
    fn answers_figures(&self) -> bool {
        false
    }

    /// Whether `export` can send tables there.
    fn takes_exports(&self) -> bool {
        false
    }
}

/// The statements by which a warehouse shows new tables to its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publishing {
    /// The old tables are dropped and the staging tables renamed, in one transaction.
    Swap,
    /// The rows of the tables are deleted and those of the staging tables inserted, in one transaction. Tables stay what they
    /// are, with their grants; those that are missing are made before.
    Rows,
    /// Each table is replaced by itself: `create or replace table`.
    Replace,
    /// Each table is dropped, and its staging table renamed, by itself.
    Rename,
}

impl Publishing {
    /// Whether the tables change in one transaction.
    pub fn is_transaction(self) -> bool {
        matches!(self, Self::Swap | Self::Rows)
    }
}

/// Every way to publish with its name in the configuration.
pub const PUBLISHINGS: [(&str, Publishing); 4] = [
    ("swap", Publishing::Swap),
    ("rows", Publishing::Rows),
    ("replace", Publishing::Replace),
    ("rename", Publishing::Rename),
];

/// What keeps two runs from publishing at the same time: why only one of two transactions comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishLock {
    /// A constraint on the numbers in the table of runs: the second insert of a number waits for the first, and fails.
    UniqueNumber,
    /// A table with one row, which both update. Inserts of two transactions into one table both succeed here, and a
    /// transaction can't lock a table.
    OneRow,
    /// The statement `lock` on the table of runs. Transactions may see what was there when their first query ran, and a lock is
    /// none: after it this one sees what the other has committed. It ends with the transaction, or with the connection.
    Table,
    /// Nothing: tables change one by one.
    None,
}

/// The statements by which an increment replaces rows of the published tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowExchange {
    /// The rows of all tables are deleted, then those of all inserted, in one transaction.
    Together,
    /// One table after the other: rows are deleted by a `merge`, for `delete` takes no subqueries or reads the table twice
    /// for them, and others inserted.
    TableByTable,
}

/// The file format of tables, where the warehouse has a choice: on Spark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Parquet alone. The rows of a table that is there can't be changed.
    #[default]
    Parquet,
    /// Delta Lake. Every statement on a table takes effect at once, or not at all.
    Delta,
}

/// Every format with its name in the configuration, which is also Spark's.
pub const FORMATS: [(&str, Format); 2] = [("parquet", Format::Parquet), ("delta", Format::Delta)];

impl Format {
    /// The format's name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Delta => "delta",
        }
    }
}

/// The types of Tracklet's own columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Any text.
    Text,
    /// 64 bits.
    Integer,
    /// A time in UTC, with microseconds.
    Time,
    /// A double.
    Double,
}

/// Whether a table outlives the run that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// A staging table: it is dropped, or gets another name.
    Staging,
    /// A table for readers that does not exist yet.
    Published,
    /// A table for readers that replaces an existing one, if there is one, in one step.
    Replacing,
}

impl Stay {
    /// The first words of the statement.
    pub fn create(self) -> &'static str {
        match self {
            Self::Staging | Self::Published => "create ",
            Self::Replacing => "create or replace ",
        }
    }
}
