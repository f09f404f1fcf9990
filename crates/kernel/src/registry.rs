//! The registry of columns: what every track has, what a column is called in each kind of source, and what it is for.
//!
//! Readers, configuration, rejects, state and spill files go through these lists, so that a column is added in one place.

use crate::derived::Derived;

/// The part that a column has in the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Names the event: rows with the same key are duplicates.
    Key,
    /// Names a device or a user.
    Identity,
    /// Names what happened.
    Name,
    /// Says when it happened. Sessions are cut by it.
    Time,
    /// Decides between duplicates, and nothing else.
    Ordering,
    /// Is carried from the source to the tables; no rule looks at it.
    Carried,
}

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// UTF-8 text without U+0000. Empty text is null.
    Text,
    /// Microseconds since 1970, UTC.
    Time,
    /// A decimal number with up to 22 digits before the point and 6 behind it: see [`decimal`](crate::decimal).
    Number,
}

/// A column that every track has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSpec {
    /// The canonical name, as in the configuration and in the tables.
    pub name: &'static str,
    /// The field of a raw JSON line.
    pub json_field: &'static str,
    /// The names in tables; the first that a table has counts.
    pub table_names: &'static [&'static str],
    /// The type of the column's values.
    pub column_type: ColumnType,
    /// The part that the column has in the rules.
    pub role: Role,
}

/// The message id.
pub const EVENT_ID: ColumnSpec = ColumnSpec {
    name: "event_id",
    json_field: "messageId",
    table_names: &["id", "event_id"],
    column_type: ColumnType::Text,
    role: Role::Key,
};
/// The device id.
pub const ANONYMOUS_ID: ColumnSpec = ColumnSpec {
    name: "anonymous_id",
    json_field: "anonymousId",
    table_names: &["anonymous_id"],
    column_type: ColumnType::Text,
    role: Role::Identity,
};
/// The id that is set at login.
pub const USER_ID: ColumnSpec = ColumnSpec {
    name: "user_id",
    json_field: "userId",
    table_names: &["user_id"],
    column_type: ColumnType::Text,
    role: Role::Identity,
};
/// The event's name, normalized.
pub const EVENT: ColumnSpec = ColumnSpec {
    name: "event",
    json_field: "event",
    table_names: &["event", ORIGINAL_EVENT],
    column_type: ColumnType::Text,
    role: Role::Name,
};
/// The time when the event happened.
pub const TIMESTAMP: ColumnSpec = ColumnSpec {
    name: "timestamp",
    json_field: "timestamp",
    table_names: &["timestamp", "_timestamp"],
    column_type: ColumnType::Time,
    role: Role::Time,
};
/// The time when the event arrived.
pub const RECEIVED_AT: ColumnSpec = ColumnSpec {
    name: "received_at",
    json_field: "receivedAt",
    table_names: &["received_at"],
    column_type: ColumnType::Time,
    role: Role::Ordering,
};

/// A table's column of event names as they were sent, which the gate normalizes.
pub const ORIGINAL_EVENT: &str = "event_text";

/// The carried column that says of which [type](crate::event_type::EventType) an event is. Every event has one, and it is the first
/// carried column, where [`Rules::events`](crate::rules::Rules::events) holds.
pub const EVENT_TYPE: &str = "event_type";

/// The columns that every track has, in the order of the contract.
pub static COLUMNS: [ColumnSpec; 6] = [EVENT_ID, ANONYMOUS_ID, USER_ID, EVENT, TIMESTAMP, RECEIVED_AT];

/// The canonical names of [`COLUMNS`].
pub const NAMES: [&str; COLUMNS.len()] = {
    let mut names = [""; COLUMNS.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = COLUMNS[place].name;
        place += 1;
    }
    names
};

/// A column that tracks carry besides [`COLUMNS`], of the role [`Role::Carried`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CarriedSpec {
    /// The column's name in batches and tables.
    pub name: String,
    /// The type of the column's values.
    pub carried_type: CarriedType,
    /// Texts that stand for no value, besides the empty one.
    pub no_value: Vec<String>,
    /// The text and function that the column is derived from; `None` if the source has the column.
    pub derived: Option<Derived>,
}

impl CarriedSpec {
    /// A column of this name and type.
    pub fn new(name: &str, carried_type: CarriedType) -> Self {
        Self { name: name.to_owned(), carried_type, no_value: Vec::new(), derived: None }
    }

    /// The column as one that has its values already, whatever they were derived from.
    #[must_use]
    pub fn as_stored(&self) -> Self {
        Self { derived: None, ..self.clone() }
    }

    /// The column of an event's type.
    pub fn event_type() -> Self {
        Self::new(EVENT_TYPE, CarriedType::Text)
    }
}

/// The types that carried columns can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CarriedType {
    /// [`ColumnType::Text`].
    Text,
    /// [`ColumnType::Number`].
    Number,
    /// True or false. The source has no such columns: they are [derived](crate::derived).
    Truth,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_belongs_to_two_columns() {
        let names = |column: &ColumnSpec| [&[column.name], column.table_names].concat();
        for (place, column) in COLUMNS.iter().enumerate() {
            assert_eq!(NAMES[place], column.name);
            for other in &COLUMNS[place + 1..] {
                assert_ne!(column.json_field, other.json_field);
                assert!(
                    names(column).iter().all(|name| !names(other).contains(name)),
                    "{} {}",
                    column.name,
                    other.name
                );
            }
        }
    }
}
