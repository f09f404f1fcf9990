//! Text times: RFC 3339 with `T` or a space, in UTC where no offset is given.

use chrono::NaiveDate;

/// 1970-01-01T00:00:00Z, the first valid event time.
pub const FIRST_MICROS: i64 = 0;
/// 2262-01-01T00:00:00Z, the first event time that is no longer valid.
pub const END_MICROS: i64 = 9_214_646_400_000_000;
/// Microseconds of a day.
pub const MICROS_OF_A_DAY: i64 = 86_400_000_000;

/// The UTC day of an event time, counted from 1970-01-01.
pub fn day(micros: i64) -> usize {
    usize::try_from(micros / MICROS_OF_A_DAY).expect("tracks are from 1970 on")
}

/// Whether an event time can be kept.
pub fn in_range(micros: i64) -> bool {
    (FIRST_MICROS..END_MICROS).contains(&micros)
}

/// Microseconds since 1970 of an RFC 3339 time; fractions beyond microseconds are cut off.
///
/// `None` for anything else: a date alone, a number, second 60, hour 24.
///
/// ```
/// use tracklet_kernel::time::parse_rfc3339;
/// assert_eq!(parse_rfc3339("1970-01-01 00:00:01.0000019"), Some(1_000_001));
/// assert_eq!(parse_rfc3339("1970-01-01T01:00:00+01:00"), Some(0));
/// assert_eq!(parse_rfc3339("1970-01-01"), None);
/// ```
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (head, mut rest) = bytes.split_at_checked(19)?;
    let separators = [head[4], head[7], head[13], head[16]] == [b'-', b'-', b':', b':'];
    if !separators || !matches!(head[10], b'T' | b't' | b' ') {
        return None;
    }
    let year = (two_digits(&head[0..])? * 100 + two_digits(&head[2..])?).cast_signed();
    let month = two_digits(&head[5..])?;
    let day = two_digits(&head[8..])?;
    let (hour, minute, second) =
        (two_digits(&head[11..])?, two_digits(&head[14..])?, two_digits(&head[17..])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = i64::from(NaiveDate::from_ymd_opt(year, month, day)?.to_epoch_days());
    let mut fraction = 0;
    if let Some(digits) = rest.strip_prefix(b".") {
        let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 {
            return None;
        }
        for place in 0..6 {
            fraction = fraction * 10 + digits[..length].get(place).map_or(0, |digit| i64::from(digit - b'0'));
        }
        rest = &digits[length..];
    }
    let offset_minutes = match rest {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hours, minutes) = (two_digits(&[*h0, *h1])?, two_digits(&[*m0, *m1])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = i64::from(hours * 60 + minutes);
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let minutes = (days * 24 + i64::from(hour)) * 60 + i64::from(minute) - offset_minutes;
    Some((minutes * 60 + i64::from(second)) * 1_000_000 + fraction)
}

/// The number that `bytes` starts with, two digits long.
fn two_digits(bytes: &[u8]) -> Option<u32> {
    let (tens, ones) = (bytes[0].wrapping_sub(b'0'), bytes[1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_times() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01 00:00:00", 0),
            ("1970-01-01t00:00:00z", 0),
            ("1969-12-31T23:59:59.9999999Z", -1),
            ("2262-01-01T00:00:00Z", END_MICROS),
            ("2024-02-29T12:00:00.5+05:30", 1_709_188_200_500_000),
            ("2026-01-04T10:00:00.123456789-00:00", 1_767_520_800_123_456),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
        ] {
            assert_eq!(parse_rfc3339(text), Some(micros), "{text}");
        }
    }

    #[test]
    fn bad_times() {
        for text in [
            "",
            "2026-01-04",
            "1767520800",
            "2026-01-04T10:00",
            "2026-01-04T10:00:60Z",
            "2026-01-04T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-04T10:00:00.Z",
            "2026-01-04T10:00:00,5Z",
            "2026-01-04T10:00:00+01",
            "2026-01-04T10:00:00+0100",
            "2026-01-04T10:00:00+24:00",
            "2026-01-04T10:00:00 Z",
            " 2026-01-04T10:00:00Z",
            "2026-01-04T10:00:00Z ",
            "+2026-01-04T10:00:00Z",
            "２026-01-04T10:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }
}
