//! Event ids that most rows share: no two events have one id, so that those rows are lost as duplicates.

use arrow::array::{Array, AsArray, RecordBatch};
use tracklet_display::numbers::grouped;

/// Rows that a run must have read before one id is remarked on.
const ROWS: u64 = 1_000;
/// The share of all rows, as one of so many, from which on an id is remarked on.
const DIVISOR: u64 = 20;

/// The event id that stands on most rows of `tracklet_duplicates`, whose rows are ordered by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// The id of the first row and of those that follow with the same, and their number.
    first: (String, u64),
    /// Likewise of the last row.
    last: (String, u64),
    most: (String, u64),
}

impl Repeated {
    /// Of the next rows of the table.
    pub(crate) fn of(batch: &RecordBatch) -> Self {
        let ids = batch.column_by_name("event_id").expect("a column of the table").as_string::<i32>();
        let mut found = Self::default();
        let mut start = 0;
        for row in 1..=ids.len() {
            if row < ids.len() && ids.value(row) == ids.value(start) {
                continue;
            }
            let rows = (row - start) as u64;
            if start == 0 {
                found.first = (ids.value(0).to_owned(), rows);
            }
            if row == ids.len() {
                found.last = (ids.value(start).to_owned(), rows);
            }
            if rows > found.most.1 {
                found.most = (ids.value(start).to_owned(), rows);
            }
            start = row;
        }
        found
    }

    /// Takes in what was seen of the rows behind these.
    pub(super) fn append(&mut self, next: Self) {
        if next.first.1 == 0 {
            return;
        }
        let Self { first, mut last, most } = next;
        if self.last.0 == first.0 && self.last.1 > 0 {
            let joined = (first.0, self.last.1 + first.1);
            // All rows behind are of that id.
            if last.0 == joined.0 {
                last = joined.clone();
            }
            self.take(joined);
        }
        self.take(most);
        self.last = last;
    }

    fn take(&mut self, other: (String, u64)) {
        if other.1 > self.most.1 {
            self.most = other;
        }
    }

    /// A sentence about the id that has over a twentieth of the rows read, if there are enough of them.
    pub(crate) fn warning(&self, read: u64) -> Option<String> {
        let (id, dropped) = &self.most;
        (read >= ROWS && dropped * DIVISOR > read).then(|| {
            format!(
                "{} of {} rows have the event id `{id}`, and one of them is kept: if it is not one event's, read `event_id` \
                 from another column with [source.columns]",
                grouped(dropped + 1),
                grouped(read)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Repeated;
    use arrow::array::{ArrayRef, RecordBatch, StringArray};
    use std::sync::Arc;

    fn seen(batches: &[&[&str]]) -> Repeated {
        let mut all = Repeated::default();
        for ids in batches {
            let ids: ArrayRef = Arc::new(StringArray::from(ids.to_vec()));
            all.append(Repeated::of(&RecordBatch::try_from_iter([("event_id", ids)]).unwrap()));
        }
        all
    }

    #[test]
    fn the_most_frequent_id_is_found_wherever_the_table_is_cut() {
        let most = |batches: &[&[&str]]| seen(batches).most;
        assert_eq!(most(&[]), (String::new(), 0));
        assert_eq!(most(&[&["a", "b", "b", "c"]]), ("b".to_owned(), 2));
        assert_eq!(most(&[&["a", "b"], &["b", "c", "c"]]), ("b".to_owned(), 2));
        assert_eq!(most(&[&["a", "b"], &["b"], &["b", "b"], &["c"]]), ("b".to_owned(), 4));
        assert_eq!(most(&[&["a"], &[], &["b", "b", "b"]]), ("b".to_owned(), 3));
    }

    #[test]
    fn few_rows_and_small_parts_are_not_reported() {
        let ids = vec!["NULL"; 60];
        let repeated = seen(&[&ids]);
        assert_eq!(repeated.warning(999), None);
        assert_eq!(repeated.warning(1200), None);
        let message = repeated.warning(1199).unwrap();
        assert!(
            message.starts_with("61 of 1,199 rows have the event id `NULL`, and one of them is kept"),
            "{message}"
        );
    }
}
