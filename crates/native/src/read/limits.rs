//! How much one folder of tables can hold: the kernel numbers rows and ids with 32 bits.

use super::ReadError;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most rows of all runs together. A quarter of the numbers is left for blocks of rows that are not full.
pub(crate) const MOST_ROWS: u64 = 3 << 30;
/// The most different ids, of devices and of users together.
pub(crate) const MOST_IDS: u64 = u32::MAX as u64 - 1;

/// What the threads of a read have taken of it.
#[derive(Debug)]
pub(super) struct Limits {
    rows: AtomicU64,
    most_rows: u64,
    most_ids: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: AtomicU64::new(0), most_rows: MOST_ROWS, most_ids: MOST_IDS }
    }
}

impl Limits {
    /// Takes so many more rows for a thread that has read so many different ids.
    ///
    /// # Errors
    /// [`ReadError::TooMany`] when they would be too many; none of the rows may be taken then.
    pub(super) fn take(&self, rows: usize, ids: usize) -> Result<(), ReadError> {
        let (rows, ids) = (rows as u64, ids as u64);
        let taken = self.rows.fetch_add(rows, Ordering::Relaxed);
        check("rows", taken.saturating_add(rows), self.most_rows)?;
        // Each row can have two new ones.
        check("different ids", ids.saturating_add(2 * rows), self.most_ids)
    }

    /// Whether the ids of all threads can be numbered together.
    pub(super) fn check_ids(&self, ids: u64) -> Result<(), ReadError> {
        check("different ids", ids, self.most_ids)
    }
}

/// # Errors
/// [`ReadError::TooMany`].
pub(crate) fn check(what: &'static str, number: u64, most: u64) -> Result<(), ReadError> {
    if number > most { Err(ReadError::TooMany { what, most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracklet_display::error::Hint;

    #[test]
    fn what_is_too_much_is_an_error_before_it_is_taken() {
        let limits = Limits { rows: AtomicU64::new(0), most_rows: 10, most_ids: 30 };
        limits.take(6, 0).unwrap();
        limits.take(4, 22).unwrap();
        let error = limits.take(1, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there are more than 10 rows, which is the most that one output folder can hold"
        );
        assert!(error.hint().is_some_and(|hint| hint.contains("--out")));
        let limits = Limits { most_rows: 100, ..limits };
        assert!(limits.take(4, 23).unwrap_err().to_string().contains("more than 30 different ids"));
        assert!(limits.check_ids(30).is_ok() && limits.check_ids(31).is_err());
    }

    #[test]
    fn whatever_is_allowed_can_be_numbered() {
        assert!(MOST_ROWS < u64::from(u32::MAX) && MOST_IDS < u64::from(u32::MAX));
    }
}
