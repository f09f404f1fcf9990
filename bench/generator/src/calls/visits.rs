//! Which calls a session is made of, on which page each stands, and which session id the SDK gives it.

use std::collections::HashMap;

use super::device::{APPS_OF_A_HUNDRED, Device, Platform, SessionIds, key};
use crate::arrivals::{ArrivingRow, Call};
use crate::names::APPLICATION_OPENED;
use crate::options::Traffic;
use crate::plan::{PlannedSession, SignIn, TRACKS_OF_A_SESSION};
use crate::random::{Purpose, Random};

/// Screen calls of an app's other calls.
const SCREENS: f64 = 0.45;
/// Tracks that a server sends: one in so many.
const FROM_SERVER: u64 = 32;
/// Sessions whose first events still have the session id before: one in so many, and how many events.
const STALE: u64 = 30;
const STALE_EVENTS: u32 = 2;

/// The sessions of all devices so far.
///
/// # Cost
/// 16 bytes for each device, and what a hash table adds to that.
#[derive(Debug)]
pub struct Visits {
    seed: u64,
    /// How often a browser's call that is not the first of its session is a page call.
    pages: f64,
    /// The last session id of each device.
    last_ids: HashMap<u64, i64>,
}

/// A session whose calls are being made.
#[derive(Debug)]
pub struct Visit {
    random: Random,
    device: Device,
    pages: f64,
    session_id: i64,
    stale_id: Option<i64>,
    page: Option<u8>,
    is_signed_in: bool,
    /// Whether a login during the session makes the SDK open another one.
    renews: bool,
    /// Whether an identify call comes with the first event that has a user.
    identifies: bool,
}

impl Visits {
    /// None so far.
    pub fn new(traffic: &Traffic) -> Self {
        // Apps have no pages, and each session in a browser begins with one: the rest makes up for both.
        let in_browsers = traffic.page_views / (1.0 - APPS_OF_A_HUNDRED as f64 / 100.0);
        let calls = TRACKS_OF_A_SESSION as f64;
        let pages = ((in_browsers * calls - 1.0) / (calls - 1.0)).clamp(0.0, 1.0);
        Self { seed: traffic.seed, pages, last_ids: HashMap::new() }
    }

    /// The calls of a session that starts at this moment; those of a device in the order in which they start.
    pub fn begin(&mut self, session: &PlannedSession, start_ms: i64) -> Visit {
        let mut random = Random::of(self.seed, Purpose::Visit, session.key());
        let key = key(session.visitor, session.device);
        let device = Device::of(self.seed, key);
        let last = self.last_ids.get(&key).copied();
        let session_id = match device.session_ids {
            SessionIds::Start => device.session_id_at(start_ms),
            SessionIds::Endless => last.unwrap_or_else(|| device.session_id_at(start_ms)),
            SessionIds::Manual(id) => id,
        };
        self.last_ids.insert(key, session_id);
        Visit {
            stale_id: last.filter(|_| random.below(STALE) == 0),
            renews: session.sign_in == SignIn::FromTheMiddle && random.below(8) == 0,
            identifies: session.sign_in == SignIn::FromTheMiddle || random.below(2) == 0,
            random,
            device,
            pages: self.pages,
            session_id,
            page: None,
            is_signed_in: false,
        }
    }
}

impl Visit {
    /// Makes the session's next event, which is its `number`th from 0, the call that it is. True when an identify call comes before it.
    pub fn step(&mut self, number: u32, row: &mut ArrivingRow) -> bool {
        row.call = match self.device.platform {
            Platform::Web if number == 0 || self.random.chance(self.pages) => Call::Page,
            Platform::Android | Platform::Ios if number > 0 && self.random.chance(SCREENS) => Call::Screen,
            _ => Call::Track,
        };
        match row.call {
            Call::Page | Call::Screen => self.page = Some(self.page.map_or(0, |page| page.saturating_add(1))),
            _ if number == 0 => row.event = APPLICATION_OPENED,
            _ => {}
        }
        row.page = self.page.unwrap_or(0);
        let signs_in = row.signed_in && !self.is_signed_in;
        self.is_signed_in = row.signed_in;
        if signs_in && self.renews {
            self.session_id = self.device.session_id_at(row.timestamp);
        }
        row.sdk_session = match self.stale_id {
            Some(stale_id) if number < STALE_EVENTS => stale_id,
            _ => self.session_id,
        };
        if row.call == Call::Track && number > 0 && !signs_in && self.random.below(FROM_SERVER) == 0 {
            row.sdk_session = 0;
        }
        signs_in && self.identifies
    }
}
