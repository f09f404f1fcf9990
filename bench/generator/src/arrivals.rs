//! What arrives when: the rows of all planned sessions, hour by hour in the order of their arrival.

use std::collections::VecDeque;

use crate::calls::visits::Visits;
use crate::names::Zipf;
use crate::options::{Calls, Traffic};
use crate::plan::{PlannedSession, SignIn, plan};
use crate::random::{Purpose, Random};

const HOUR_MS: i64 = 3_600_000;
const WEEK_HOURS: i64 = 7 * 24;

/// One row to be written, 48 bytes: everything else about it follows from these and the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrivingRow {
    /// Milliseconds since 1970.
    pub received_at: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Identifies the message: two rows have the same key if and only if they are deliveries of the same message.
    pub key: u64,
    /// Whose.
    pub visitor: u32,
    /// Milliseconds since its session's first track.
    pub since_session_start: u32,
    /// On which of the visitor's devices.
    pub device: u8,
    /// An index into [`crate::names::EVENT_NAMES`].
    pub event: u8,
    /// What kind of call it is.
    pub call: Call,
    /// Whether the user id is known.
    pub signed_in: bool,
    /// Whether the same message was delivered before.
    pub again: bool,
    /// Milliseconds by which `timestamp` is off because it was computed again for a second delivery.
    pub moved: i8,
    /// On which page or screen of its session, from 0; the 256th and all later ones are 255. Always 0 in traffic of tracks.
    pub page: u8,
    /// The session id that the SDK gives it, 0 if none. Always 0 in traffic of tracks.
    pub sdk_session: i64,
}

/// What kind of call a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// The only kind in Parquet, but with calls of all types.
    Track,
    /// Tells the user's traits.
    Identify,
    /// A page was seen.
    Page,
    /// A screen of an app was seen.
    Screen,
    /// A track that something has damaged.
    Damaged(Fault),
}

/// How a line is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Cut off in the middle.
    Truncated,
    /// Neither a device nor a user id.
    NoIds,
    /// `timestamp` is not RFC 3339.
    BadTimestamp,
    /// `anonymousId` is `true`.
    BooleanId,
    /// No `messageId`.
    NoMessageId,
    /// No `timestamp`.
    NoTimestamp,
    /// A device clock in the year 9999.
    FarFuture,
    /// U+0000 in `userId`.
    NulInId,
    /// No `type`.
    NoType,
}

impl Fault {
    /// All of them, in the order in which they are gone through.
    pub const ALL: [Self; 9] = [
        Self::Truncated,
        Self::NoIds,
        Self::BadTimestamp,
        Self::BooleanId,
        Self::NoMessageId,
        Self::NoTimestamp,
        Self::FarFuture,
        Self::NulInId,
        Self::NoType,
    ];
}

/// Bits of [`ArrivingRow::key`] that distinguish messages beside an event from the event itself.
const ADDED_CALL: u64 = 1 << 30;
const DAMAGED: u64 = 1 << 31;

impl ArrivingRow {
    /// A track of its own beside this one, damaged.
    #[must_use]
    pub fn damaged(self, fault: Fault) -> Self {
        Self { key: self.key | DAMAGED, call: Call::Damaged(fault), ..self }
    }
}

/// The rows, one hour of arrival after the other, each hour ordered by arrival.
///
/// # Cost
/// The plan, and 48 bytes for each row whose session has begun and that has not arrived yet.
#[derive(Debug)]
pub struct Arrivals {
    traffic: Traffic,
    start_ms: i64,
    sessions: std::iter::Peekable<std::vec::IntoIter<PlannedSession>>,
    /// The hours from `hour` on, as far as a row is known to arrive in them.
    in_flight: VecDeque<Vec<ArrivingRow>>,
    hour: i64,
    names: Zipf,
    /// Where calls are of all types.
    visits: Option<Visits>,
}

impl Arrivals {
    /// Plans the traffic; nothing is generated yet.
    pub fn new(traffic: &Traffic) -> Self {
        Self {
            traffic: traffic.clone(),
            start_ms: traffic.start_ms(),
            sessions: plan(traffic).into_iter().peekable(),
            in_flight: VecDeque::new(),
            hour: 0,
            names: Zipf::new(),
            visits: (traffic.calls == Calls::All).then(|| Visits::new(traffic)),
        }
    }

    fn expand(&mut self, session: &PlannedSession) {
        let mut random = Random::of(self.traffic.seed, Purpose::Session, session.key());
        let session_start = self.start_ms + i64::from(session.start) * 1000 + random.below(1000) as i64;
        let mut timestamp = session_start;
        let mut visit = self.visits.as_mut().map(|visits| visits.begin(session, session_start));
        for number in 0..session.tracks {
            // Every fiftieth track is sent in the same millisecond as the one before, as real pages do.
            if number > 0 && random.below(50) != 0 {
                timestamp += random.skewed(u64::from(session.pace)) as i64;
            }
            let mut row = ArrivingRow {
                received_at: timestamp + self.delay(&mut random),
                timestamp,
                key: session.key() + u64::from(number),
                visitor: session.visitor,
                since_session_start: (timestamp - session_start) as u32,
                device: session.device,
                event: self.names.draw(&mut random),
                call: Call::Track,
                signed_in: match session.sign_in {
                    SignIn::Never => false,
                    SignIn::FromStart => true,
                    SignIn::FromTheMiddle => number >= session.tracks / 2,
                },
                again: false,
                moved: 0,
                page: 0,
                sdk_session: 0,
            };
            if visit.as_mut().is_some_and(|visit| visit.step(number, &mut row)) {
                self.deliver(ArrivingRow { call: Call::Identify, key: row.key | ADDED_CALL, ..row });
            }
            self.deliver(row);
            if random.chance(self.traffic.duplicates) {
                self.deliver(delivered_again(row, &mut random));
            }
            if random.chance(self.traffic.other_types) {
                self.deliver(added_call(row, &mut random));
            }
        }
    }

    /// Milliseconds from an event to its arrival.
    fn delay(&self, random: &mut Random) -> i64 {
        if random.chance(self.traffic.late) {
            HOUR_MS + random.below(((WEEK_HOURS - 1) * HOUR_MS) as u64) as i64
        } else {
            40 + random.skewed(900) as i64
        }
    }

    fn deliver(&mut self, row: ArrivingRow) {
        let ahead = ((row.received_at - self.start_ms) / HOUR_MS - self.hour) as usize;
        if ahead >= self.in_flight.len() {
            self.in_flight.resize_with(ahead + 1, Vec::new);
        }
        self.in_flight[ahead].push(row);
    }
}

impl Iterator for Arrivals {
    type Item = Vec<ArrivingRow>;

    /// The next hour in which something arrives.
    fn next(&mut self) -> Option<Vec<ArrivingRow>> {
        loop {
            while let Some(session) =
                self.sessions.next_if(|session| i64::from(session.start / 3600) <= self.hour)
            {
                self.expand(&session);
            }
            if self.in_flight.is_empty() && self.sessions.peek().is_none() {
                return None;
            }
            let mut rows = self.in_flight.pop_front().unwrap_or_default();
            self.hour += 1;
            if !rows.is_empty() {
                // Total: deliveries of one message are never in the same millisecond.
                rows.sort_unstable_by_key(|row| (row.received_at, row.key));
                return Some(rows);
            }
        }
    }
}

/// The client saw no answer and sent once more: mostly within a quarter of an hour, sometimes up to a day later.
fn delivered_again(row: ArrivingRow, random: &mut Random) -> ArrivingRow {
    let longest = if random.below(10) == 0 { 24 * HOUR_MS } else { HOUR_MS / 4 };
    let later = 200 + random.below(longest as u64) as i64;
    // The server reckons the time from the clock at sending, which can move by some milliseconds.
    let moved = if random.below(4) == 0 { random.below(41) as i8 - 20 } else { 0 };
    ArrivingRow {
        received_at: row.received_at + later,
        timestamp: row.timestamp + i64::from(moved),
        again: true,
        moved,
        ..row
    }
}

fn added_call(row: ArrivingRow, random: &mut Random) -> ArrivingRow {
    let call = if row.signed_in && random.below(4) == 0 { Call::Identify } else { Call::Page };
    ArrivingRow { call, key: row.key | ADDED_CALL, ..row }
}
