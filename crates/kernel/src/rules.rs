//! What the user can choose about sessions, and the one place that knows where a session splits.

use std::num::NonZeroU64;

/// Microseconds in a minute, the unit of `idle_time_minutes` and `session_duration`.
pub const MICROS_PER_MINUTE: i64 = 60_000_000;

/// Everything that changes the meaning of the tables. The default is the reference project's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Inactivity that ends a session.
    pub timeout: Timeout,
    /// What happens to rows with an `event_id` seen before.
    pub duplicates: Duplicates,
    /// The `cnt_*` columns of `dbt_session_track_facts`, in column order.
    pub counts: Vec<Count>,
    /// How many events `dbt_tracks_flow` shows a row, itself included; at least 1.
    pub flow_length: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            timeout: Timeout::default(),
            duplicates: Duplicates::Drop,
            counts: vec![
                Count::new("cnt_viewed_product", ["viewed_product"]),
                Count::new("cnt_signup", ["signup"]),
            ],
            flow_length: 5,
        }
    }
}

/// What happens to rows with an `event_id` seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// The least row of each id is kept, the others go to `tracklet_duplicates`.
    Drop,
    /// Every row counts.
    Keep,
}

/// A column of `dbt_session_track_facts` that counts the events with one of some names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The column's name.
    pub column: String,
    /// The event names it counts.
    pub events: Vec<String>,
}

impl Count {
    /// A column that counts the events called one of `events`.
    pub fn new<const N: usize>(column: &str, events: [&str; N]) -> Self {
        Self { column: column.to_owned(), events: events.map(str::to_owned).to_vec() }
    }
}

/// Inactivity that ends a session.
///
/// ```
/// use tracklet_kernel::rules::{MICROS_PER_MINUTE, Timeout};
/// let timeout = Timeout::default();
/// assert!(!timeout.splits(0, 31 * MICROS_PER_MINUTE - 1)); // 30 whole minutes are not over 30
/// assert!(timeout.splits(0, 31 * MICROS_PER_MINUTE));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// A session ends when the gap, truncated to whole minutes, is more than this many.
    WholeMinutes(NonZeroU64),
    /// A session ends when the gap is more than this many microseconds.
    Exact(NonZeroU64),
}

impl Default for Timeout {
    fn default() -> Self {
        Self::WholeMinutes(NonZeroU64::new(30).expect("30 is not 0"))
    }
}

impl Timeout {
    /// Whether an event at `next` opens a session after one at `previous`, both in microseconds.
    /// Time going backwards never does.
    pub fn splits(self, previous: i64, next: i64) -> bool {
        let Ok(gap) = u64::try_from(next.saturating_sub(previous)) else { return false };
        match self {
            Self::WholeMinutes(minutes) => gap / MICROS_PER_MINUTE as u64 > minutes.get(),
            Self::Exact(micros) => gap > micros.get(),
        }
    }
}

/// Whole minutes from `previous` to `next` (microseconds), truncated.
pub fn whole_minutes(previous: i64, next: i64) -> i64 {
    (next - previous) / MICROS_PER_MINUTE
}
