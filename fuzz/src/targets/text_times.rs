//! Times as text, beside a parser of another hand.

use chrono::DateTime;
use tracklet_kernel::time::parse;

/// A time is taken exactly when `chrono` takes it too, once it is spelled as RFC 3339, but for leap seconds, and means
/// the same.
pub fn times(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let ours = parse(text);
    let theirs = rfc3339(text).and_then(|plain| {
        let is_leap = plain.get(17..19) == Some("60");
        let time = DateTime::parse_from_rfc3339(&plain).ok().filter(|_| !is_leap)?;
        let nanos = i128::from(time.timestamp()) * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos());
        Some(nanos.div_euclid(1000) as i64)
    });
    assert_eq!(ours, theirs, "{text:?}");
}

/// The text with `T`, seconds and an offset of four digits with a colon, where it has another of our forms.
fn rfc3339(text: &str) -> Option<String> {
    // `chrono` takes a minus of Unicode, and not all that we take as a separator.
    if !text.is_ascii() || !matches!(text.get(10..11), Some("T" | "t" | " ")) {
        return None;
    }
    let (date, time) = (&text[..10], &text[11..]);
    let end = time.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(time.len());
    let (clock, offset) = time.split_at(end);
    let clock = if clock.len() == 5 { format!("{clock}:00") } else { clock.to_owned() };
    let offset = match offset.strip_prefix(' ') {
        Some("") => return None,
        Some(rest) => rest,
        None => offset,
    };
    let offset = match offset {
        "" | "UTC" | "Z" | "z" => "Z".to_owned(),
        _ if !offset.starts_with(['+', '-']) => return None,
        short if short.len() == 3 => format!("{short}:00"),
        plain if plain.len() == 5 => format!("{}:{}", &plain[..3], &plain[3..]),
        colon if colon.len() == 6 => colon.to_owned(),
        _ => return None,
    };
    Some(format!("{date}T{clock}{offset}"))
}
