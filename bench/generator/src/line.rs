//! One raw line: what `RudderStack`'s uploader writes for a call, keys in alphabetical order as there.

use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::arrivals::{ArrivingRow, Call, Fault};
use crate::ids::IdMaker;
use crate::names::EVENT_NAMES;
use crate::options::{Context, Traffic};
use crate::random::{Purpose, Random};

const LIBRARY: &str = r#""library":{"name":"RudderLabs JavaScript SDK","version":"2.48.5"}"#;
const BROWSERS: [(&str, &str); 4] = [
    ("Windows NT 10.0; Win64; x64", "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"),
    (
        "Macintosh; Intel Mac OS X 10_15_7",
        "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Safari/605.1.15",
    ),
    (
        "iPhone; CPU iPhone OS 18_2 like Mac OS X",
        "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Mobile/15E148",
    ),
    (
        "Linux; Android 14; Pixel 8",
        "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
    ),
];
const SCREENS: [(u32, u32); 4] = [(1920, 1080), (1440, 900), (390, 844), (412, 915)];
const LOCALES: [(&str, &str); 4] =
    [("en-GB", "GMT+0000"), ("de-DE", "GMT+0100"), ("pt-BR", "GMT-0300"), ("ja-JP", "GMT+0900")];
const CAMPAIGNS: [(&str, &str, &str); 3] = [
    ("google", "cpc", "winter-sale"),
    ("newsletter", "email", "weekly-digest"),
    ("instagram", "social", "spring_collection"),
];
const CATEGORIES: [&str; 6] = ["shoes", "jackets", "bags", "hats", "kitchen", "garden"];

/// The moment of so many milliseconds since 1970.
pub fn utc(ms: i64) -> DateTime<Utc> {
    // Every time of a data set lies within some years of its start date, which is a valid date.
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// The time as lines have it.
pub fn text_time(ms: i64) -> String {
    utc(ms).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Makes the lines of one data set.
#[derive(Debug, Clone)]
pub struct LineMaker {
    seed: u64,
    ids: IdMaker,
    context: Context,
}

/// What a line says beyond its row, drawn once for the line.
struct Page {
    category: &'static str,
    product: u64,
    price_cents: u64,
    quantity: u64,
}

impl LineMaker {
    /// The lines that belong to this traffic.
    pub fn new(traffic: &Traffic, ids: IdMaker, context: Context) -> Self {
        Self { seed: traffic.seed, ids, context }
    }

    /// Appends the row's line, its line feed included.
    pub fn push(&self, row: &ArrivingRow, out: &mut Vec<u8>) {
        let from = out.len();
        // Writing to memory cannot fail.
        self.write(row, out).expect("memory takes every write");
        if row.call == Call::Damaged(Fault::Truncated) {
            out.truncate(from + (out.len() - from) / 2);
        }
        out.push(b'\n');
    }

    fn write(&self, row: &ArrivingRow, out: &mut Vec<u8>) -> std::io::Result<()> {
        let fault = match row.call {
            Call::Damaged(fault) => Some(fault),
            Call::Track | Call::Identify | Call::Page | Call::Screen => None,
        };
        let mut random = Random::of(self.seed, Purpose::Line, row.key);
        let page = Page {
            category: random.pick(&CATEGORIES),
            product: random.below(400) + 1,
            price_cents: 499 + random.below(20_000),
            quantity: random.below(3) + 1,
        };
        match fault {
            Some(Fault::NoIds) => write!(out, "{{")?,
            Some(Fault::BooleanId) => write!(out, r#"{{"anonymousId":true,"#)?,
            _ => write!(out, r#"{{"anonymousId":"{}","#, self.ids.device(row.visitor, row.device))?,
        }
        write!(out, r#""channel":"web","#)?;
        match self.context {
            Context::Full => self.write_full_context(row, &page, &mut random, out)?,
            Context::Small => {
                write!(
                    out,
                    r#""context":{{{LIBRARY},"page":{{"path":"/{}/{}"}},"#,
                    page.category, page.product
                )?;
                write_session(row, out)?;
                if row.call == Call::Identify {
                    self.write_traits(row, out)?;
                }
                write!(out, "}},")?;
            }
        }
        if matches!(row.call, Call::Track | Call::Damaged(_)) {
            write!(out, r#""event":"{}","#, EVENT_NAMES[usize::from(row.event)])?;
        }
        if self.context == Context::Full {
            write!(out, r#""integrations":{{"All":true}},"#)?;
        }
        if fault != Some(Fault::NoMessageId) {
            write!(out, r#""messageId":"{}","#, self.ids.message(row))?;
        }
        if row.call == Call::Page {
            write!(out, r#""name":"{}","#, page.category)?;
        }
        self.write_times_and_properties(row, fault, &page, out)?;
        match row.call {
            Call::Identify => write!(out, r#""type":"identify","#)?,
            Call::Page => write!(out, r#""type":"page","#)?,
            Call::Screen => write!(out, r#""type":"screen","#)?,
            Call::Damaged(Fault::NoType) => {}
            Call::Track | Call::Damaged(_) => write!(out, r#""type":"track","#)?,
        }
        match fault {
            Some(Fault::NoIds) => write!(out, r#""userId":""}}"#),
            Some(Fault::NulInId) => write!(out, r#""userId":"customer\u0000{}"}}"#, row.visitor),
            _ => write!(out, r#""userId":"{}"}}"#, self.user_text(row)),
        }
    }

    fn user_text(&self, row: &ArrivingRow) -> String {
        if row.signed_in { self.ids.user(row.visitor).to_string() } else { String::new() }
    }

    fn write_times_and_properties(
        &self,
        row: &ArrivingRow,
        fault: Option<Fault>,
        page: &Page,
        out: &mut Vec<u8>,
    ) -> std::io::Result<()> {
        // timestamp = receivedAt - (sentAt - originalTimestamp), whatever the device's clock says.
        let wrong_by = clock_error_ms(self.seed, row);
        let original = row.timestamp - wrong_by;
        write!(out, r#""originalTimestamp":"{}","#, text_time(original))?;
        if row.call == Call::Identify {
            // Traits stand in the context.
        } else if self.context == Context::Full {
            write_properties(row, page, out)?;
        } else {
            write!(out, r#""properties":{{"product_id":"{}"}},"#, page.product)?;
        }
        write!(out, r#""receivedAt":"{}","#, text_time(row.received_at))?;
        if self.context == Context::Full {
            let [a, b] = address(row);
            write!(
                out,
                r#""request_ip":"203.0.{a}.{b}","rudderId":"{}","#,
                self.ids.device(row.visitor, row.device)
            )?;
        }
        write!(out, r#""sentAt":"{}","#, text_time(row.received_at - wrong_by))?;
        match fault {
            Some(Fault::NoTimestamp) => Ok(()),
            Some(Fault::BadTimestamp) => {
                write!(out, r#""timestamp":"{}","#, utc(row.timestamp).format("%d/%m/%Y %H:%M"))
            }
            Some(Fault::FarFuture) => {
                write!(out, r#""timestamp":"9999-{}","#, &text_time(row.timestamp)[5..])
            }
            _ => write!(out, r#""timestamp":"{}","#, text_time(row.timestamp)),
        }
    }

    fn write_full_context(
        &self,
        row: &ArrivingRow,
        page: &Page,
        random: &mut Random,
        out: &mut Vec<u8>,
    ) -> std::io::Result<()> {
        // Browser, screen and place are the device's; the top bit keeps this stream apart from that of its clock.
        let mut device = Random::of(self.seed, Purpose::Device, device_key(row) ^ 1 << 63);
        let (system, engine) = device.pick(&BROWSERS);
        let (width, height) = device.pick(&SCREENS);
        let (locale, zone) = device.pick(&LOCALES);
        let (source, medium, name) = random.pick(&CAMPAIGNS);
        let Page { category, product, .. } = page;
        write!(out, r#""context":{{"app":{{"name":"RudderLabs JavaScript SDK","version":"2.48.5"}},"#)?;
        if row.key.is_multiple_of(3) {
            write!(out, r#""campaign":{{"medium":"{medium}","name":"{name}","source":"{source}"}},"#)?;
        } else {
            write!(out, r#""campaign":{{}},"#)?;
        }
        write!(out, r#"{LIBRARY},"locale":"{locale}","#)?;
        write!(
            out,
            concat!(
                r#""page":{{"initial_referrer":"$direct","path":"/{0}/{1}","#,
                r#""referrer":"https://shop.example/{0}","referring_domain":"shop.example","search":"","#,
                r#""title":"{0} | The shop","url":"https://shop.example/{0}/{1}"}},"#,
                r#""screen":{{"density":2,"height":{3},"width":{2}}},"#
            ),
            category, product, width, height
        )?;
        write_session(row, out)?;
        write!(out, r#","timezone":"{zone}""#)?;
        self.write_traits(row, out)?;
        write!(out, r#","userAgent":"Mozilla/5.0 ({system}) {engine}"}},"#)
    }

    fn write_traits(&self, row: &ArrivingRow, out: &mut Vec<u8>) -> std::io::Result<()> {
        if !row.signed_in {
            return write!(out, r#","traits":{{}}"#);
        }
        let (visitor, user) = (row.visitor, self.ids.user(row.visitor));
        write!(
            out,
            r#","traits":{{"email":"buyer{visitor}@mail.example","plan":"standard","userId":"{user}"}}"#
        )
    }
}

fn write_properties(row: &ArrivingRow, page: &Page, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Page { category, product, price_cents, quantity } = page;
    write!(
        out,
        concat!(
            r#""properties":{{"category":"{}","currency":"EUR","list_id":"list-{}","name":"{} number {}","position":{},"#,
            r#""price":{}.{:02},"product_id":"{}","quantity":{},"sku":"SKU-{:06}"}},"#
        ),
        category,
        row.event,
        category,
        product,
        row.since_session_start % 24 + 1,
        price_cents / 100,
        price_cents % 100,
        product,
        quantity,
        product * 37
    )
}

/// How late the clock of the row's device is: seconds, and for one device in twenty up to some hours.
pub fn clock_error_ms(seed: u64, row: &ArrivingRow) -> i64 {
    let mut random = Random::of(seed, Purpose::Device, device_key(row));
    let most = if random.below(20) == 0 { 6 * 3_600_000 } else { 2_000 };
    random.below(2 * most) as i64 - most as i64
}

/// The SDK's session: its start in milliseconds, and a mark on its first call.
fn write_session(row: &ArrivingRow, out: &mut Vec<u8>) -> std::io::Result<()> {
    let start = row.timestamp - i64::from(row.moved) - i64::from(row.since_session_start);
    write!(out, r#""sessionId":{start}"#)?;
    if row.since_session_start == 0 { write!(out, r#","sessionStart":true"#) } else { Ok(()) }
}

fn device_key(row: &ArrivingRow) -> u64 {
    u64::from(row.visitor) << 8 | u64::from(row.device)
}

fn address(row: &ArrivingRow) -> [u8; 2] {
    let [a, b, ..] = row.visitor.wrapping_mul(2_654_435_761).to_be_bytes();
    [a, b]
}
