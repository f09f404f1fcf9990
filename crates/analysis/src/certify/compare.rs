//! Tables as multisets of rows.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use serde::Serialize;
use std::collections::HashMap;

/// A row as text; times are microseconds.
type TextRow = Vec<Option<String>>;

/// The rows in which a table of the warehouse differs from that of the native engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The name of the table that differs.
    pub table: &'static str,
    /// How many expected rows the table lacks; a row that it has too seldom counts for each time.
    pub missing: usize,
    /// Rows that should not be there, or not so often.
    pub unexpected: usize,
    /// Some of the rows that differ, as text.
    pub examples: Vec<String>,
}

/// The rows that a table must have.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The table.
    pub(super) table: &'static str,
    /// The columns that are compared.
    pub(super) columns: Vec<String>,
    rows: HashMap<TextRow, i64>,
}

impl Expected {
    pub(super) fn new(table: &'static str, columns: Vec<String>, batches: &[RecordBatch]) -> Self {
        let mut rows = HashMap::new();
        for batch in batches {
            let named: Vec<usize> =
                columns.iter().filter_map(|name| batch.schema().index_of(name).ok()).collect();
            let batch = batch.project(&named).expect("the places are the batch's own");
            count(&batch, &mut rows, 1);
        }
        Self { table, columns, rows }
    }

    /// Leaves rows out.
    pub(super) fn retain(&mut self, keep: impl Fn(&[Option<String>]) -> bool) {
        self.rows.retain(|row, _| keep(row));
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.values().map(|times| usize::try_from(*times).unwrap_or(0)).sum()
    }

    /// How the rows that were found differ.
    pub(super) fn difference(&self, found: &[RecordBatch]) -> Option<Difference> {
        const SHOWN: usize = 3;
        let mut rows = self.rows.clone();
        for batch in found {
            count(batch, &mut rows, -1);
        }
        rows.retain(|_, times| *times != 0);
        if rows.is_empty() {
            return None;
        }
        let sum = |sign: i64| rows.values().map(|times| (times * sign).max(0)).sum::<i64>();
        let mut examples: Vec<String> = rows
            .iter()
            .map(|(row, times)| format!("{} {row:?}", if *times > 0 { "missing" } else { "unexpected" }))
            .collect();
        examples.sort();
        examples.truncate(SHOWN);
        Some(Difference {
            table: self.table,
            missing: usize::try_from(sum(1)).unwrap_or(0),
            unexpected: usize::try_from(sum(-1)).unwrap_or(0),
            examples,
        })
    }
}

fn count(batch: &RecordBatch, rows: &mut HashMap<TextRow, i64>, by: i64) {
    let columns: Vec<Vec<Option<String>>> = batch.columns().iter().map(|column| texts(column)).collect();
    for row in 0..batch.num_rows() {
        *rows.entry(columns.iter().map(|column| column[row].clone()).collect()).or_insert(0) += by;
    }
}

/// Every value as text; a number that a warehouse gives as a decimal is the same number.
fn texts(column: &dyn Array) -> Vec<Option<String>> {
    let is_time = matches!(column.data_type(), DataType::Timestamp(..));
    let wanted = if is_time { DataType::Int64 } else { DataType::Utf8 };
    let column = cast(column, &wanted).expect("times are integers, and all has a text");
    if is_time {
        let times = column.as_primitive::<Int64Type>();
        return times.iter().map(|time| time.map(|micros| micros.to_string())).collect();
    }
    column.as_string::<i32>().iter().map(|text| text.map(ToOwned::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::Expected;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use std::sync::Arc;

    fn batch(rows: &[(&str, i64)]) -> RecordBatch {
        let texts: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>());
        let numbers: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>());
        RecordBatch::try_from_iter([("a", texts), ("b", numbers)]).unwrap()
    }

    #[test]
    fn a_row_too_often_is_a_difference_and_order_is_none() {
        let columns = vec!["a".to_owned(), "b".to_owned()];
        let expected = Expected::new("t", columns, &[batch(&[("x", 1), ("y", 2), ("y", 2)])]);
        assert_eq!(expected.difference(&[batch(&[("y", 2)]), batch(&[("x", 1), ("y", 2)])]), None);
        let found = expected.difference(&[batch(&[("x", 1), ("y", 2), ("z", 3)])]).unwrap();
        assert_eq!((found.missing, found.unexpected), (1, 1));
    }
}
