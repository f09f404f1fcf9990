//! What the models are called in the warehouse.

use super::Dialect;
use std::collections::BTreeMap;
use std::sync::Arc;
use tracklet_dialects::TableName;
use tracklet_dialects::description::Format;

/// The names of the models in one schema, and the format of the tables there. Until they are published, some have the names of their staging tables.
#[derive(Debug, Clone)]
pub struct Names {
    dialect: Dialect,
    database: Option<String>,
    schema: String,
    format: Format,
    staging: Arc<BTreeMap<String, String>>,
}

impl Names {
    /// Models that stand where readers find them; `schema` and `database` as the warehouse spells them.
    pub fn new(dialect: Dialect, database: Option<String>, schema: String) -> Self {
        Self { dialect, database, schema, format: Format::default(), staging: Arc::default() }
    }

    /// These names, of tables of another format.
    #[must_use]
    pub fn in_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// These names, with some models under other names: model -> table.
    #[must_use]
    pub fn with_staging_names(&self, staging: BTreeMap<String, String>) -> Self {
        Self { staging: Arc::new(staging), ..self.clone() }
    }

    /// The dialect that they are quoted for.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The format of the tables, where the warehouse has a choice.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The schema, as the warehouse spells it.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The database, as the warehouse spells it; `None` is that of the connection.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The schema, quoted.
    pub fn quoted_schema(&self) -> String {
        let parts = self.database.iter().chain([&self.schema]);
        parts.map(|part| self.dialect.quoted(part)).collect::<Vec<_>>().join(".")
    }

    /// The table of a model.
    pub fn table(&self, model: &str) -> TableName {
        let own = self.staging.get(model).map_or(model, String::as_str);
        self.own(own)
    }

    /// A table of our own, by its name in lower case.
    pub fn own(&self, name: &str) -> TableName {
        TableName {
            database: self.database.clone(),
            schema: self.schema.clone(),
            table: self.dialect.own(name),
        }
    }

    /// The table of a model, quoted.
    pub fn relation(&self, model: &str) -> String {
        relation(self.dialect, &self.table(model))
    }
}

/// A table's name, quoted.
pub fn relation(dialect: Dialect, table: &TableName) -> String {
    dialect.relation(table)
}

/// A table's name as a user wrote it: parts between dots, each plain or in double quotes or backticks. Without a
/// schema or database, those given hold.
///
/// # Errors
/// What is wrong with the text, in words.
pub fn parse_table(
    dialect: Dialect,
    written: &str,
    database: Option<&str>,
    schema: &str,
) -> Result<TableName, String> {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = written;
    loop {
        let first = rest.chars().next().unwrap_or('.');
        if first == '"' || first == '`' {
            let mut part = String::new();
            let mut inside = rest[1..].char_indices().peekable();
            let end = loop {
                match inside.next() {
                    None => return Err(format!("a quote is not closed in `{written}`")),
                    Some((_, c)) if c == first => match inside.peek() {
                        Some((_, next)) if *next == first => {
                            part.push(first);
                            inside.next();
                        }
                        next => break next.map_or(rest.len(), |(place, _)| place + 1),
                    },
                    Some((_, c)) => part.push(c),
                }
            };
            parts.push(part);
            rest = &rest[end..];
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            parts.push(dialect.spelled(&rest[..end]));
            rest = &rest[end..];
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None if rest.is_empty() => break,
            None => return Err(format!("after the closing quote in `{written}` a dot must come")),
        }
    }
    if parts.iter().any(String::is_empty) {
        return Err(format!("`{written}` has an empty part"));
    }
    let table = parts.pop().unwrap_or_default();
    let of_schema = parts.pop().unwrap_or_else(|| schema.to_owned());
    let of_database = parts.pop().or_else(|| database.map(ToOwned::to_owned));
    if parts.is_empty() {
        Ok(TableName { database: of_database, schema: of_schema, table })
    } else {
        Err(format!("`{written}` has more than three parts"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Names, parse_table, relation};
    use std::collections::BTreeMap;

    fn parsed(dialect: Dialect, written: &str) -> Result<String, String> {
        parse_table(dialect, written, None, "home").map(|table| relation(dialect, &table))
    }

    #[test]
    fn parts_are_plain_or_quoted() {
        let postgres = |written| parsed(Dialect::Postgres, written).unwrap();
        assert_eq!(postgres("tracks"), r#""home"."tracks""#);
        assert_eq!(postgres("Rudder.tracks"), r#""Rudder"."tracks""#);
        assert_eq!(postgres(r#"db."my shop"."tracks.app""#), r#""db"."my shop"."tracks.app""#);
        assert_eq!(postgres(r#""a""b".tracks"#), r#""a""b"."tracks""#);
        assert_eq!(
            parsed(Dialect::BigQuery, "my-project.web.tracks").unwrap(),
            "`my-project`.`web`.`tracks`"
        );
    }

    #[test]
    fn snowflake_reads_plain_names_in_upper_case() {
        assert_eq!(parsed(Dialect::Snowflake, r#"rudder."tracks""#).unwrap(), r#""RUDDER"."tracks""#);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in ["", "a..b", ".a", "a.", "a.b.c.d", "\"a", "\"a\"b"] {
            assert!(parsed(Dialect::Postgres, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn staging_tables_have_other_names() {
        let names = Names::new(Dialect::Snowflake, None, "S".to_owned());
        let staging = BTreeMap::from([("tracklet_event_facts".to_owned(), "aside_1".to_owned())]);
        let building = names.with_staging_names(staging);
        assert_eq!(building.relation("tracklet_event_facts"), r#""S"."ASIDE_1""#);
        assert_eq!(building.relation("tracklet_session_facts"), r#""S"."TRACKLET_SESSION_FACTS""#);
    }
}
