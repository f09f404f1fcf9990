//! Columns as they are written down.

use serde::{Deserialize, Serialize};
use tracklet_kernel::registry::{CarriedSpec, CarriedType};

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
