//! What the user can choose about sessions, and the one place that knows where a session splits.

use crate::event_type::EventTypes;
use crate::registry::CarriedSpec;
use crate::session_columns::SessionColumn;
use crate::table::Table;
use std::collections::BTreeSet;
use std::num::NonZeroU64;

/// Microseconds in a minute, the unit of `idle_time_minutes` and `session_duration`.
pub const MICROS_PER_MINUTE: i64 = 60_000_000;

/// The settings that change the meaning of the tables. The default is the reference project's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Inactivity that ends a session.
    pub timeout: Timeout,
    /// Whether rows whose `event_id` was seen before are dropped.
    pub duplicates: Duplicates,
    /// The `cnt_*` columns of `dbt_session_track_facts`, in column order.
    pub counts: Vec<Count>,
    /// How many events `dbt_tracks_flow` shows a row, itself included; at least 1.
    pub flow_length: usize,
    /// The columns that tracks carry. Their names differ from those of all columns of tables and state of tracks.
    pub carried: Vec<CarriedSpec>,
    /// Whether there are tables of events and sessions, `tracklet_events` and `tracklet_sessions`. The first carried column is
    /// [`EVENT_TYPE`](crate::registry::EVENT_TYPE) then, and duplicates are dropped: a session is known by the id of its first event.
    pub events: bool,
    /// The types whose rows are evidence: they are in no session and only say which user a device has. There is none without
    /// tables of events, for evidence is known by the type that a row carries.
    pub evidence: EventTypes,
    /// The columns that `tracklet_sessions` has beside those that it always has; none where there are no tables of events. They take
    /// carried columns, and none is called as a column that a table of sessions always has.
    pub session_columns: Vec<SessionColumn>,
    /// Tables that are not made, although these rules have them.
    pub left_out: BTreeSet<Table>,
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
            carried: Vec::new(),
            events: false,
            evidence: EventTypes::NONE,
            session_columns: Vec::new(),
            left_out: BTreeSet::new(),
        }
    }
}

/// The facts of an event that the split rules use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitEvent {
    /// Microseconds since 1970, UTC.
    pub time: i64,
}

/// Why an event opens a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitReason {
    /// The visitor has no earlier event.
    First,
    /// The visitor was idle for longer than the timeout.
    Idle,
}

impl SplitReason {
    /// The reason as `start_reason` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Idle => "idle",
        }
    }
}

impl Rules {
    /// Why `next` opens a session after `previous`, the same visitor's event right before it; `None` where both are in one
    /// session. Kernel, increments, checks and invariants ask here; only the oracles decide by
    /// themselves.
    ///
    /// ```
    /// use tracklet_kernel::rules::{MICROS_PER_MINUTE, Rules, SplitEvent, SplitReason};
    /// let (rules, at) = (Rules::default(), |time| SplitEvent { time });
    /// assert_eq!(rules.split(None, at(0)), Some(SplitReason::First));
    /// // 30 whole minutes are not over 30.
    /// assert_eq!(rules.split(Some(at(0)), at(31 * MICROS_PER_MINUTE - 1)), None);
    /// assert_eq!(rules.split(Some(at(0)), at(31 * MICROS_PER_MINUTE)), Some(SplitReason::Idle));
    /// ```
    #[inline]
    pub fn split(&self, previous: Option<SplitEvent>, next: SplitEvent) -> Option<SplitReason> {
        let Some(previous) = previous else { return Some(SplitReason::First) };
        self.timeout.is_over(previous.time, next.time).then_some(SplitReason::Idle)
    }

    /// The columns that events bring along: those that tracks carry, without their type.
    pub fn event_columns(&self) -> &[CarriedSpec] {
        if self.events { self.carried.get(1..).unwrap_or_default() } else { &[] }
    }

    /// Why a session opens that starts at a time, in microseconds, where the event before it was at another.
    pub fn opening(&self, previous: Option<i64>, start: i64) -> SplitReason {
        let reason = self.split(previous.map(|time| SplitEvent { time }), SplitEvent { time: start });
        reason.expect("a session opens where the rules split")
    }

    /// Whether events at these times, in microseconds, of one visitor and with none between them are in different sessions.
    #[inline]
    pub fn are_apart(&self, previous: i64, next: i64) -> bool {
        self.split(Some(SplitEvent { time: previous }), SplitEvent { time: next }).is_some()
    }
}

/// Whether rows whose `event_id` was seen before are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// The least row of each id is kept, the others go to `tracklet_duplicates`.
    Drop,
    /// Every row counts.
    Keep,
    /// Ids are made of the rows, which have none: rows alike are numbered, so that there are no duplicates. See
    /// [`from_row`](crate::from_row).
    Number,
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
    /// Whether the gap from `previous` to `next`, both in microseconds, is over the timeout. One backwards in time never is.
    fn is_over(self, previous: i64, next: i64) -> bool {
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
