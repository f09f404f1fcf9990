//! Times as text, beside a parser of another hand.

use chrono::DateTime;
use tracklet_kernel::time::parse_rfc3339;

/// A time is taken exactly when `chrono` takes it too, but for leap seconds, and means the same.
pub fn times(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let ours = parse_rfc3339(text);
    // `chrono` takes a minus of Unicode, and not all that we take as a separator; the rest is the same grammar.
    if !text.is_ascii() || text.len() < 19 {
        assert_eq!(ours, None, "{text:?}");
        return;
    }
    let has_offset = text.ends_with(['Z', 'z']) || text[19..].contains(['+', '-']);
    let mut plain = text.to_ascii_uppercase();
    plain.replace_range(10..11, if matches!(&plain[10..11], "T" | " ") { "T" } else { "?" });
    if !has_offset {
        plain.push('Z');
    }
    let theirs = DateTime::parse_from_rfc3339(&plain).ok();
    let is_leap = &plain[17..19] == "60";
    let theirs = theirs.filter(|_| !is_leap).map(|time| {
        let nanos = i128::from(time.timestamp()) * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos());
        nanos.div_euclid(1000) as i64
    });
    assert_eq!(ours, theirs, "{text:?}");
}
