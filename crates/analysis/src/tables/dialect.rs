//! Where the engines differ in the SQL that figures are queried with. All else in those queries is common to them.

use tracklet_dialects::description::ColumnType;
use tracklet_warehouse::sql::Names;

/// The SQL in which tables are queried: that of the native engine, or the dialect of a warehouse.
#[derive(Debug, Clone)]
pub enum QueryDialect {
    /// Queries over the Parquet tables of the native engine.
    Native,
    /// Queries over the tables in a warehouse, whose names these are.
    Warehouse(Names),
}

impl QueryDialect {
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

    /// The quoted name of a column of our own.
    pub fn column(&self, column: &str) -> String {
        match self {
            Self::Native => format!("\"{column}\""),
            Self::Warehouse(names) => names.dialect().own_column(column),
        }
    }

    /// A column of our own as text.
    pub fn as_text(&self, column: &str) -> String {
        match self {
            Self::Native => format!("cast(\"{column}\" as varchar)"),
            Self::Warehouse(names) => {
                let dialect = names.dialect();
                format!("cast({} as {})", dialect.own_column(column), dialect.type_name(ColumnType::Text))
            }
        }
    }

    /// The microseconds since 1970 of a time, as a 64-bit integer.
    pub fn micros(&self, time: &str) -> String {
        match self {
            Self::Native => format!("cast({time} as bigint)"),
            Self::Warehouse(names) => names.dialect().micros(time),
        }
    }

    /// The whole part of a quotient of two integers that are not negative.
    pub fn divided(&self, dividend: &str, divisor: i64) -> String {
        match self {
            Self::Native => format!("({dividend}) / {divisor}"),
            Self::Warehouse(names) => names.dialect().divided(dividend, divisor),
        }
    }

    /// The name of the type of 64-bit integers.
    pub fn integer(&self) -> &'static str {
        match self {
            Self::Native => "bigint",
            Self::Warehouse(names) => names.dialect().type_name(ColumnType::Integer),
        }
    }

    /// The name of the type of texts.
    pub fn text_type(&self) -> &'static str {
        match self {
            Self::Native => "varchar",
            Self::Warehouse(names) => names.dialect().type_name(ColumnType::Text),
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
    use super::QueryDialect;
    use tracklet_warehouse::sql::{Dialect, Names};

    fn of(dialect: Dialect) -> QueryDialect {
        QueryDialect::Warehouse(Names::new(dialect, None, dialect.spelled("s")))
    }

    #[test]
    fn a_text_ends_where_it_ends() {
        assert_eq!(QueryDialect::Native.text("it's '\\"), "'it''s ''\\'");
        assert_eq!(of(Dialect::Postgres).text("it's '\\"), "E'it''s ''\\\\'");
        assert_eq!(of(Dialect::BigQuery).text("it's '\\"), "'it\\'s \\'\\\\'");
    }

    #[test]
    fn whole_parts_are_never_rounded() {
        assert_eq!(of(Dialect::Postgres).divided("a + b", 60), "(a + b) / 60");
        assert_eq!(of(Dialect::BigQuery).divided("a + b", 60), "div((a + b), 60)");
    }

    #[test]
    fn tables_are_quoted_in_their_schema() {
        assert_eq!(of(Dialect::Snowflake).table("dbt_track_facts"), "\"S\".\"DBT_TRACK_FACTS\"");
        assert_eq!(QueryDialect::Native.table("dbt_track_facts"), "dbt_track_facts");
    }
}
