//! Devices: what stays the same over all of a device's calls.

use super::agents;
use crate::random::{Purpose, Random};

/// Apps of a hundred devices; the others are browsers.
pub const APPS_OF_A_HUNDRED: u64 = 15;
/// Session ids that somebody set by hand lie below this, so that many devices share each.
const MANUAL_SESSION_IDS: u64 = 50;

/// Locale, time zone as browsers write it, its IANA name, country and city.
const PLACES: [[&str; 5]; 8] = [
    ["en-GB", "GMT+0000", "Europe/London", "GB", "London"],
    ["en-US", "GMT-0500", "America/New_York", "US", "New York"],
    ["de-DE", "GMT+0100", "Europe/Berlin", "DE", "Berlin"],
    ["en-US", "GMT-0800", "America/Los_Angeles", "US", "Seattle"],
    ["fr-FR", "GMT+0100", "Europe/Paris", "FR", "Lyon"],
    ["pt-BR", "GMT-0300", "America/Sao_Paulo", "BR", "Recife"],
    ["ja-JP", "GMT+0900", "Asia/Tokyo", "JP", "Osaka"],
    ["nl-NL", "GMT+0100", "Europe/Amsterdam", "NL", "Utrecht"],
];
const BROWSER_SCREENS: [(i64, i64); 5] = [(1920, 1080), (390, 844), (1440, 900), (412, 915), (1536, 864)];
/// Manufacturer, model and version of the operating system.
const ANDROID_PHONES: [[&str; 3]; 4] = [
    ["Google", "Pixel 8", "14"],
    ["samsung", "SM-S918B", "14"],
    ["samsung", "SM-A536B", "13"],
    ["Xiaomi", "M2101K6G", "12"],
];
const IPHONES: [[&str; 3]; 3] =
    [["Apple", "iPhone15,2", "18.1.1"], ["Apple", "iPhone16,1", "18.2"], ["Apple", "iPhone13,2", "17.6.1"]];
const CARRIERS: [&str; 5] = ["Vodafone", "T-Mobile", "Orange", "Verizon", "O2"];
const APP_VERSIONS: [&str; 4] = ["4.12.1", "4.12.0", "4.11.3", "3.9.0"];

/// What a device runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// A browser, with RudderStack's SDK for JavaScript.
    Web,
    /// An app for Android.
    Android,
    /// An app for iOS.
    Ios,
}

/// How a device numbers its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionIds {
    /// By the moment at which a session starts: milliseconds in browsers, seconds in apps.
    Start,
    /// The id of its first session stays for ever.
    Endless,
    /// By a small number that was set by hand.
    Manual(i64),
}

/// One device.
#[derive(Debug, Clone, Copy)]
pub struct Device {
    /// What it runs.
    pub platform: Platform,
    /// How it numbers its sessions.
    pub session_ids: SessionIds,
    /// Its user agent; apps for iOS send none.
    pub user_agent: Option<&'static str>,
    /// Its locale.
    pub locale: &'static str,
    /// Its time zone, as its SDK writes it.
    pub time_zone: &'static str,
    /// Where the server that looks up addresses places it.
    pub country: &'static str,
    /// The city of the same.
    pub city: &'static str,
    /// Width and height of its screen.
    pub screen: (i64, i64),
    /// Manufacturer, model and version of the operating system of a phone with the app.
    pub phone: Option<[&'static str; 3]>,
    /// The carrier of such a phone.
    pub carrier: Option<&'static str>,
    /// The version of the app.
    pub app_version: &'static str,
}

impl Device {
    /// The device of this key, which [`key`] makes.
    pub fn of(seed: u64, key: u64) -> Self {
        // The two top bits keep this stream apart from those of the device's clock and of its browser in `crate::line`.
        let mut random = Random::of(seed, Purpose::Device, key ^ 3 << 62);
        let platform = if random.below(100) >= APPS_OF_A_HUNDRED {
            Platform::Web
        } else if random.below(5) < 3 {
            Platform::Android
        } else {
            Platform::Ios
        };
        let session_ids = match random.below(100) {
            0 | 1 => SessionIds::Endless,
            2..10 if platform != Platform::Web => {
                SessionIds::Manual(random.below(MANUAL_SESSION_IDS) as i64 + 1)
            }
            _ => SessionIds::Start,
        };
        let [locale, offset, zone, country, city] = random.pick(&PLACES);
        let phone = match platform {
            Platform::Web => None,
            Platform::Android => Some(random.pick(&ANDROID_PHONES)),
            Platform::Ios => Some(random.pick(&IPHONES)),
        };
        Self {
            platform,
            session_ids,
            user_agent: match platform {
                Platform::Web => Some(agents::of_browser(&mut random)),
                Platform::Android => Some(agents::of_android_app(&mut random)),
                Platform::Ios => None,
            },
            locale,
            time_zone: if platform == Platform::Web { offset } else { zone },
            country,
            city,
            screen: if platform == Platform::Web { random.pick(&BROWSER_SCREENS) } else { (1080, 2400) },
            phone,
            carrier: phone.map(|_| random.pick(&CARRIERS)),
            app_version: if platform == Platform::Web { "2.48.5" } else { random.pick(&APP_VERSIONS) },
        }
    }

    /// The session id of a session that starts at this moment, unless it is a special one.
    pub fn session_id_at(&self, ms: i64) -> i64 {
        if self.platform == Platform::Web { ms } else { ms / 1000 }
    }
}

/// A visitor's device as a subject of randomness.
pub fn key(visitor: u32, device: u8) -> u64 {
    u64::from(visitor) << 8 | u64::from(device)
}
