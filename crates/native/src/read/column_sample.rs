//! What the first rows of files have in each column.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Columns whose values are looked at; hostile files have many.
const COLUMNS: usize = 1000;
/// The longest value that is kept as an example, in characters.
const LONGEST: usize = 40;

/// The values of the columns in the first rows of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnSamples {
    columns: BTreeMap<String, ColumnSample>,
}

/// The values of a column in the first rows of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnSample {
    /// Rows that have a value.
    pub filled: u64,
    /// The first of the values that is not long.
    pub example: Option<String>,
    /// Hashes of all values.
    values: HashSet<u64>,
}

impl ColumnSample {
    /// How many different values there are.
    pub fn different(&self) -> u64 {
        self.values.len() as u64
    }

    fn note(&mut self, value: &str) {
        self.filled += 1;
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        self.values.insert(hasher.finish());
        if self.example.is_none() && value.chars().nth(LONGEST).is_none() {
            self.example = Some(value.to_owned());
        }
    }
}

impl ColumnSamples {
    /// Takes in a value, if it is one.
    pub(super) fn note(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let is_below_limit = self.columns.len() < COLUMNS;
        if let Some(column) = self.columns.get_mut(name) {
            column.note(value);
        } else if is_below_limit {
            self.columns.entry(name.to_owned()).or_default().note(value);
        }
    }

    /// Adds those of other files.
    pub(super) fn merge(&mut self, others: Self) {
        for (name, other) in others.columns {
            if self.columns.len() >= COLUMNS && !self.columns.contains_key(&name) {
                continue;
            }
            let column = self.columns.entry(name).or_default();
            column.filled += other.filled;
            column.values.extend(other.values);
            column.example = column.example.take().or(other.example);
        }
    }

    /// A column by its name.
    pub fn get(&self, name: &str) -> Option<&ColumnSample> {
        self.columns.get(name)
    }

    /// The columns with a value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ColumnSample)> {
        self.columns.iter().map(|(name, column)| (name.as_str(), column))
    }
}
