//! Columns as they are written down.

use serde::{Deserialize, Serialize};
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::registry::{CarriedSpec, CarriedType};
use tracklet_kernel::session_columns::{EventFilter, FOLDS, SessionColumn};

/// A carried column, as a manifest has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedColumn {
    /// The column's name.
    pub name: String,
    /// The type of the column's values.
    pub values: RecordedType,
}

/// The type of a carried column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedType {
    /// Text.
    Text,
    /// decimal(28,6).
    Number,
    /// True or false.
    Truth,
}

impl RecordedColumn {
    /// The column as the kernel takes it.
    pub fn spec(&self) -> CarriedSpec {
        let carried_type = match self.values {
            RecordedType::Text => CarriedType::Text,
            RecordedType::Number => CarriedType::Number,
            RecordedType::Truth => CarriedType::Truth,
        };
        CarriedSpec::new(&self.name, carried_type)
    }
}

impl From<&CarriedSpec> for RecordedColumn {
    fn from(spec: &CarriedSpec) -> Self {
        let values = match spec.carried_type {
            CarriedType::Text => RecordedType::Text,
            CarriedType::Number => RecordedType::Number,
            CarriedType::Truth => RecordedType::Truth,
        };
        Self { name: spec.name.clone(), values }
    }
}

/// A column of sessions as manifests and fingerprints write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSessionColumn {
    /// The column's name.
    pub name: String,
    /// The name of the function.
    pub function: String,
    /// The column of events that it takes; absent for a count of events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The types and names of the events that it looks at; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Vec<String>>,
    /// The columns of which one has a value on the event that is picked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<String>,
}

impl RecordedSessionColumn {
    /// The column as the kernel takes it; `None` where no function is called so.
    pub fn spec(&self) -> Option<SessionColumn> {
        let (_, fold) = FOLDS.into_iter().find(|(name, _)| *name == self.function)?;
        Some(SessionColumn {
            name: self.name.clone(),
            fold,
            column: self.column.clone(),
            of: self.of.as_deref().map(event_filter),
            at: self.at.clone(),
        })
    }
}

impl From<&SessionColumn> for RecordedSessionColumn {
    fn from(column: &SessionColumn) -> Self {
        let entries = |of: &EventFilter| {
            of.types.iter().map(|of| of.name().to_owned()).chain(of.names.iter().cloned()).collect()
        };
        Self {
            name: column.name.clone(),
            function: column.fold.name().to_owned(),
            column: column.column.clone(),
            of: column.of.as_ref().map(entries),
            at: column.at.clone(),
        }
    }
}

/// The events that a list names: a word that is a type is no name.
pub(super) fn event_filter(entries: &[String]) -> EventFilter {
    let of_type = |entry: &&String| EventType::ALL.into_iter().find(|of| of.name() == entry.as_str());
    EventFilter {
        types: entries.iter().filter_map(|entry| of_type(&entry)).collect(),
        names: entries.iter().filter(|entry| of_type(entry).is_none()).cloned().collect(),
    }
}
