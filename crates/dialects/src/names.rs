//! Names of tables in a warehouse.

/// A table, each part spelled as the warehouse spells it. [`std::fmt::Display`] joins the parts by dots, for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// `BigQuery`: the project. Others: the database. `None` is that of the connection.
    pub database: Option<String>,
    /// `BigQuery`: the dataset.
    pub schema: String,
    /// The table's name, not quoted.
    pub table: String,
}

impl std::fmt::Display for TableName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(database) = &self.database {
            write!(formatter, "{database}.")?;
        }
        write!(formatter, "{}.{}", self.schema, self.table)
    }
}

/// Whether a relation of a warehouse is a table or a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The relation holds rows itself.
    Table,
    /// The relation is a query over others, or something else that can't be written to.
    View,
}
