//! Where the engines differ in the SQL that figures are asked with. All else in those queries is common to them.

use tracklet_engine::dialects::description::ColumnType;
use tracklet_engine::sql::{self, Names};

/// The SQL of an engine.
#[derive(Debug, Clone)]
pub enum Dialect {
    /// Queries over the Parquet tables of the native engine.
    Native,
    /// Queries over the tables in a warehouse, whose names these are.
    Warehouse(Names),
}

impl Dialect {
    /// A table as the engine finds it.
    pub fn table(&self, name: &str) -> String {
        match self {
            Self::Native => name.to_owned(),
            Self::Warehouse(names) => names.relation(name),
        }
    }

    /// A text as a literal, whatever stands in it.
    pub fn text(&self, text: &str) -> String {
        match self {
            Self::Native => format!("'{}'", text.replace('\'', "''")),
            Self::Warehouse(names) => names.dialect().text(text),
        }
    }

    /// The microseconds since 1970 of a time, as a 64-bit integer.
    pub fn micros(&self, time: &str) -> String {
        match self {
            Self::Native => format!("cast({time} as bigint)"),
            Self::Warehouse(names) => match names.dialect() {
                sql::Dialect::BigQuery | sql::Dialect::Spark => format!("unix_micros({time})"),
                // Two times are apart by as many microseconds as there are boundaries between.
                sql::Dialect::Redshift => format!("datediff(microsecond, timestamp '1970-01-01', {time})"),
                sql::Dialect::Snowflake => format!("date_part(epoch_microsecond, {time})"),
                // extract gives an exact numeric; date_part's double would lose the last microsecond.
                sql::Dialect::Postgres => format!("cast(extract(epoch from {time}) * 1000000 as bigint)"),
            },
        }
    }

    /// The whole part of a quotient of two integers that are not negative.
    pub fn divided(&self, dividend: &str, divisor: i64) -> String {
        let dialect = match self {
            Self::Native => return format!("({dividend}) / {divisor}"),
            Self::Warehouse(names) => names.dialect(),
        };
        match dialect {
            sql::Dialect::Redshift | sql::Dialect::Postgres => format!("({dividend}) / {divisor}"),
            // The parentheses are for translators that make an operator of it.
            sql::Dialect::BigQuery => format!("div(({dividend}), {divisor})"),
            sql::Dialect::Spark => format!("(({dividend}) div {divisor})"),
            // Its division gives a rounded decimal: divide only what is divisible.
            sql::Dialect::Snowflake => {
                format!("cast((({dividend}) - mod({dividend}, {divisor})) / {divisor} as bigint)")
            }
        }
    }

    /// The name of the type of 64-bit integers.
    pub fn integer(&self) -> &'static str {
        match self {
            Self::Native => "bigint",
            Self::Warehouse(names) => names.dialect().type_name(ColumnType::Integer),
        }
    }

    /// The name of the type of doubles.
    pub fn double(&self) -> &'static str {
        match self {
            Self::Native => "double",
            Self::Warehouse(names) => names.dialect().type_name(ColumnType::Double),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Dialect;
    use tracklet_engine::sql::{self, Names};

    fn of(dialect: sql::Dialect) -> Dialect {
        Dialect::Warehouse(Names::new(dialect, None, dialect.spelled("s")))
    }

    #[test]
    fn a_text_ends_where_it_ends() {
        assert_eq!(Dialect::Native.text("it's '\\"), "'it''s ''\\'");
        assert_eq!(of(sql::Dialect::Postgres).text("it's '\\"), "E'it''s ''\\\\'");
        assert_eq!(of(sql::Dialect::BigQuery).text("it's '\\"), "'it\\'s \\'\\\\'");
    }

    #[test]
    fn whole_parts_are_never_rounded() {
        assert_eq!(of(sql::Dialect::Postgres).divided("a + b", 60), "(a + b) / 60");
        assert_eq!(of(sql::Dialect::BigQuery).divided("a + b", 60), "div((a + b), 60)");
    }

    #[test]
    fn tables_are_quoted_in_their_schema() {
        assert_eq!(of(sql::Dialect::Snowflake).table("dbt_track_facts"), "\"S\".\"DBT_TRACK_FACTS\"");
        assert_eq!(Dialect::Native.table("dbt_track_facts"), "dbt_track_facts");
    }
}
