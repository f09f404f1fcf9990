//! All that a call says, whatever it is written as.

use super::device::{Device, Platform, key};
use super::site::{self, SitePage};
use crate::arrivals::{ArrivingRow, Call};
use crate::ids::{Id, IdMaker};
use crate::line::clock_error_ms;
use crate::names::{EVENT_NAMES, NORMALISED_NAMES};
use crate::options::{IdStyle, Traffic};

/// What a call says.
#[derive(Debug)]
pub struct Details {
    /// What kind of call it is.
    pub call: Call,
    /// The message id.
    pub id: Id,
    /// The device's id.
    pub anonymous_id: Id,
    /// The user's id, where it is known.
    pub user_id: Option<Id>,
    /// The number of the visitor.
    pub visitor: u32,
    /// The name of a track, as the warehouse has it.
    pub event: &'static str,
    /// The same as it was sent.
    pub event_text: &'static str,
    /// When it happened, in milliseconds since 1970, as are all times here.
    pub timestamp: i64,
    /// When it arrived.
    pub received_at: i64,
    /// The same by the device's clock.
    pub sent_at: i64,
    /// When it happened, by the device's clock.
    pub original_timestamp: i64,
    /// What sent it.
    pub sender: Sender,
    /// The address that it came from.
    pub ip: String,
    /// The device, of which a server knows nothing.
    pub device: Option<Device>,
    /// The SDK's session, which servers have none of.
    pub session_id: Option<i64>,
    /// Whether the call is the first of that session.
    pub starts_session: bool,
    /// The page on which it was made, in a browser.
    pub page: Option<SitePage>,
    /// The screen of a screen call.
    pub screen: Option<&'static str>,
}

/// What sends calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// `web`, `mobile` or `server`.
    pub channel: &'static str,
    /// The SDK.
    pub library: &'static str,
    /// Its version.
    pub library_version: &'static str,
    /// What it calls the app; in browsers the SDK names itself.
    pub app: Option<(&'static str, &'static str)>,
    /// What it calls the operating system; in browsers nothing.
    pub system: Option<&'static str>,
}

const WEB: Sender = Sender {
    channel: "web",
    library: "RudderLabs JavaScript SDK",
    library_version: "2.48.5",
    app: Some(("RudderLabs JavaScript SDK", "com.rudderlabs.javascript")),
    system: None,
};
const ANDROID: Sender = Sender {
    channel: "mobile",
    library: "com.rudderstack.android.sdk.core",
    library_version: "1.27.0",
    app: Some(("Shop", "example.shop")),
    system: Some("Android"),
};
const IOS: Sender =
    Sender { library: "rudder-ios-library", library_version: "1.31.0", system: Some("iOS"), ..ANDROID };
const SERVER: Sender = Sender {
    channel: "server",
    library: "@rudderstack/rudder-sdk-node",
    library_version: "2.1.0",
    app: None,
    system: None,
};

/// Makes the details of the calls of one data set.
#[derive(Debug, Clone)]
pub struct Detailed {
    seed: u64,
    ids: IdMaker,
}

impl Detailed {
    /// Those that belong to this traffic.
    pub fn new(traffic: &Traffic, style: IdStyle) -> Self {
        Self { seed: traffic.seed, ids: IdMaker::new(traffic, style) }
    }

    /// What the row's call says.
    pub fn of(&self, row: &ArrivingRow) -> Details {
        let wrong_by = clock_error_ms(self.seed, row);
        let start = row.timestamp - i64::from(row.moved) - i64::from(row.since_session_start);
        let visit = site::visit(row.visitor, start);
        let device = Device::of(self.seed, key(row.visitor, row.device));
        let is_from_server = row.sdk_session == 0;
        let is_web = device.platform == Platform::Web && !is_from_server;
        let [a, b, c, _] = row.visitor.wrapping_mul(2_654_435_761).to_be_bytes();
        Details {
            call: row.call,
            id: self.ids.message(row),
            anonymous_id: self.ids.device(row.visitor, row.device),
            user_id: row.signed_in.then(|| self.ids.user(row.visitor)),
            visitor: row.visitor,
            event: NORMALISED_NAMES[usize::from(row.event)],
            event_text: EVENT_NAMES[usize::from(row.event)],
            timestamp: row.timestamp,
            received_at: row.received_at,
            sent_at: row.received_at - wrong_by,
            original_timestamp: row.timestamp - wrong_by,
            sender: match device.platform {
                _ if is_from_server => SERVER,
                Platform::Web => WEB,
                Platform::Android => ANDROID,
                Platform::Ios => IOS,
            },
            ip: if is_from_server { "198.51.100.7".to_owned() } else { format!("203.{a}.{b}.{c}") },
            starts_session: row.since_session_start == 0 && row.sdk_session == device.session_id_at(start),
            device: (!is_from_server).then_some(device),
            session_id: (!is_from_server).then_some(row.sdk_session),
            page: is_web.then(|| site::page(self.seed, visit, row.page)),
            screen: (row.call == Call::Screen).then(|| site::screen(self.seed, visit, row.page)),
        }
    }
}

impl Details {
    /// The address of a user who is known.
    pub fn email(&self) -> Option<String> {
        self.user_id.is_some().then(|| format!("buyer{}@mail.example", self.visitor))
    }
}

/// The host of a URL, as the SDK computes a referring domain: empty where there is no referrer.
pub fn referring_domain(referrer: &str) -> &str {
    referrer.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default())
}
