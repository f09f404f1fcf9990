//! Who comes when: every session of the data set, before any of its events exists.

use crate::options::Traffic;
use crate::random::{Purpose, Random};

/// Mean sessions of a visitor.
const SESSIONS_OF_A_VISITOR: u64 = 5;
/// Mean tracks of a session.
pub const TRACKS_OF_A_SESSION: u64 = 8;
/// Seconds a visitor stays away between sessions at least: well over the usual timeout of 30 minutes.
const SECONDS_AWAY: u64 = 45 * 60;
/// Mean milliseconds between two events; the longest gap is four times this (see [`Random::skewed`]), 26 minutes.
const SLOWEST_PACE: u64 = 390_000;
/// The visitor that stands out comes once in each slot of four hours and stays three at most.
const HOT_SLOT_SECONDS: u64 = 4 * 3600;
const HOT_STAY_MS: u64 = 3 * 3_600_000;
/// How busy each hour of the day is, in UTC.
const BUSY: [u64; 24] =
    [3, 2, 1, 1, 1, 2, 4, 7, 9, 10, 11, 12, 13, 12, 11, 11, 12, 13, 15, 17, 18, 15, 10, 6];

/// One visit to be, 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedSession {
    /// Seconds after the data set's first midnight.
    pub start: u32,
    /// Whose, from 0.
    pub visitor: u32,
    /// How many tracks the visitor has in earlier planned sessions; with `visitor` it identifies the session.
    pub first_track: u32,
    /// How many tracks it has, at least 1.
    pub tracks: u32,
    /// Mean milliseconds from one track to the next.
    pub pace: u32,
    /// On which of the visitor's devices.
    pub device: u8,
    /// When the user id is known.
    pub sign_in: SignIn,
}

/// When in a session the user id is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// Not at all.
    Never,
    /// From its first track.
    FromStart,
    /// From its middle.
    FromTheMiddle,
}

impl PlannedSession {
    /// The session as a subject of randomness.
    pub fn key(&self) -> u64 {
        u64::from(self.visitor) << 32 | u64::from(self.first_track)
    }

    /// A second no track of it can be after.
    fn latest_end(&self) -> u64 {
        u64::from(self.start) + u64::from(self.tracks) * 4 * u64::from(self.pace) / 1000 + 1
    }
}

/// Plans all sessions, ordered by (start, visitor, first track); their tracks sum to `traffic.tracks`.
///
/// The share of the visitors that have a user id is the traffic's; it is known in half of their sessions. Each has one to three
/// devices.
///
/// # Cost
/// 24 bytes a session, so about 3 bytes a track; one sort.
pub fn plan(traffic: &Traffic) -> Vec<PlannedSession> {
    let mut sessions = Vec::with_capacity((traffic.tracks / TRACKS_OF_A_SESSION * 21 / 20) as usize + 64);
    let mut left = traffic.tracks;
    if traffic.hot_tracks() > 0 {
        plan_hot_visitor(traffic, &mut sessions);
        left -= traffic.hot_tracks();
    }
    // Visitor 0 is the one that stands out, there or not: the others don't depend on it.
    for visitor in 1.. {
        if left == 0 {
            break;
        }
        plan_visitor(traffic, visitor, &mut left, &mut sessions);
    }
    sessions.sort_unstable_by_key(|session| (session.start, session.visitor, session.first_track));
    sessions
}

fn plan_visitor(traffic: &Traffic, visitor: u32, left: &mut u64, sessions: &mut Vec<PlannedSession>) {
    let mut random = Random::of(traffic.seed, Purpose::Visitor, u64::from(visitor));
    let has_user_id = random.chance(traffic.known_visitors);
    let devices = random.pick(&[1, 1, 1, 1, 1, 2, 2, 2, 3, 3]);
    // More than six visits a day would not fit between a day's midnights.
    let count = random.geometric(SESSIONS_OF_A_VISITOR).min(6 * traffic.days);

    let mut starts: Vec<u32> = (0..count).map(|_| start(traffic, &mut random)).collect();
    starts.sort_unstable();
    let (mut first_track, mut free_from) = (0, 0);
    for start in starts {
        let tracks = u64::from(random.geometric(TRACKS_OF_A_SESSION)).min(*left) as u32;
        if tracks == 0 {
            return;
        }
        let session = PlannedSession {
            start: u64::from(start).max(free_from) as u32,
            visitor,
            first_track,
            tracks,
            pace: (2_000 + random.skewed(SLOWEST_PACE / 4)).min(SLOWEST_PACE) as u32,
            device: random.below(devices) as u8,
            sign_in: sign_in(has_user_id, &mut random),
        };
        free_from = session.latest_end() + SECONDS_AWAY;
        first_track += tracks;
        *left -= u64::from(tracks);
        sessions.push(session);
    }
}

/// A few very long sessions on one device: what a kiosk or a monitoring script leaves behind.
fn plan_hot_visitor(traffic: &Traffic, sessions: &mut Vec<PlannedSession>) {
    let mut random = Random::of(traffic.seed, Purpose::Visitor, 0);
    let total = traffic.hot_tracks();
    let slots = u64::from(traffic.days) * 86_400 / HOT_SLOT_SECONDS;
    let count = slots.min(total.div_ceil(TRACKS_OF_A_SESSION));
    for number in 0..count {
        let (from, to) = (total * number / count, total * (number + 1) / count);
        sessions.push(PlannedSession {
            start: (number * slots / count * HOT_SLOT_SECONDS) as u32,
            visitor: 0,
            first_track: from as u32,
            tracks: (to - from) as u32,
            pace: (HOT_STAY_MS / (4 * (to - from))).min(SLOWEST_PACE) as u32,
            device: 0,
            sign_in: sign_in(true, &mut random),
        });
    }
}

fn start(traffic: &Traffic, random: &mut Random) -> u32 {
    let mut point = random.below(BUSY.iter().sum());
    let hour = BUSY.iter().position(|&weight| {
        let inside = point < weight;
        point = point.saturating_sub(weight);
        inside
    });
    let day = random.below(u64::from(traffic.days));
    (day * 86_400 + hour.unwrap_or(0) as u64 * 3600 + random.below(3600)) as u32
}

fn sign_in(has_user_id: bool, random: &mut Random) -> SignIn {
    use SignIn::{FromStart, FromTheMiddle, Never};
    let drawn = random.pick(&[Never, Never, Never, Never, FromStart, FromStart, FromStart, FromTheMiddle]);
    if has_user_id { drawn } else { Never }
}
