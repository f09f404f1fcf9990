//! Times as texts and as whole numbers: RFC 3339 and the forms that warehouses and SDKs write, in UTC where no offset
//! is given.

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

/// Microseconds since 1970 of a text time; fractions beyond microseconds are cut off.
///
/// A date, `T` or a space, hours and minutes, and perhaps seconds with a fraction; then perhaps an offset, behind a
/// space or not: `Z`, `UTC`, `+05:30`, `+0530` or `+05`. `None` for anything else: a date alone, a number, second 60,
/// hour 24.
///
/// ```
/// use tracklet_kernel::time::parse;
/// assert_eq!(parse("1970-01-01 00:00:01.0000019"), Some(1_000_001));
/// assert_eq!(parse("1970-01-01T01:00:00+01:00"), Some(0));
/// assert_eq!(parse("1969-12-31 16:00:00.000 -0800"), Some(0));
/// assert_eq!(parse("1970-01-01 00:00 UTC"), Some(0));
/// assert_eq!(parse("1970-01-01"), None);
/// ```
pub fn parse(text: &str) -> Option<i64> {
    let (head, rest) = text.as_bytes().split_at_checked(16)?;
    let separators = [head[4], head[7], head[13]] == [b'-', b'-', b':'];
    if !separators || !matches!(head[10], b'T' | b't' | b' ') {
        return None;
    }
    let year = (two_digits(&head[0..])? * 100 + two_digits(&head[2..])?).cast_signed();
    let month = two_digits(&head[5..])?;
    let day = two_digits(&head[8..])?;
    let (hour, minute) = (two_digits(&head[11..])?, two_digits(&head[14..])?);
    let (second, fraction, rest) = seconds(rest)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = i64::from(NaiveDate::from_ymd_opt(year, month, day)?.to_epoch_days());
    let minutes = (days * 24 + i64::from(hour)) * 60 + i64::from(minute) - offset_minutes(rest)?;
    Some((minutes * 60 + i64::from(second)) * 1_000_000 + fraction)
}

/// The seconds that `rest` starts with, the microseconds of their fraction, and what follows. 0 without seconds.
fn seconds(rest: &[u8]) -> Option<(u32, i64, &[u8])> {
    let [b':', tens, ones, rest @ ..] = rest else { return Some((0, 0, rest)) };
    let second = two_digits(&[*tens, *ones])?;
    let Some(digits) = rest.strip_prefix(b".") else { return Some((second, 0, rest)) };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let micros = (0..6).fold(0, |micros, place| {
        micros * 10 + digits[..length].get(place).map_or(0, |digit| i64::from(digit - b'0'))
    });
    Some((second, micros, &digits[length..]))
}

/// The minutes that a local time with this offset is ahead of UTC.
fn offset_minutes(offset: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) =
        match offset.strip_prefix(b" ").filter(|rest| !rest.is_empty()).unwrap_or(offset) {
            [] | [b'Z' | b'z'] | b"UTC" => return Some(0),
            [sign @ (b'+' | b'-'), h0, h1] => (sign, [*h0, *h1], [b'0', b'0']),
            [sign @ (b'+' | b'-'), h0, h1, m0, m1] | [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
                (sign, [*h0, *h1], [*m0, *m1])
            }
            _ => return None,
        };
    let (hours, minutes) = (two_digits(&hours)?, two_digits(&minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let minutes = i64::from(hours * 60 + minutes);
    Some(if *sign == b'-' { -minutes } else { minutes })
}

/// The unit of whole numbers that stand for times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// Nanoseconds since 1970.
    Nanoseconds,
}

/// 2001, in microseconds since 1970: no unit's time from then on is one of another unit.
pub(crate) const FIRST_LIKELY: i64 = 978_307_200_000_000;

impl Unit {
    /// Microseconds since 1970, nanoseconds cut off towards the past. `None` beyond 64 bits.
    pub fn micros(self, number: i64) -> Option<i64> {
        match self {
            Self::Seconds => number.checked_mul(1_000_000),
            Self::Milliseconds => number.checked_mul(1_000),
            Self::Microseconds => Some(number),
            Self::Nanoseconds => Some(number.div_euclid(1_000)),
        }
    }

    /// The unit in words: "seconds".
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Microseconds => "microseconds",
            Self::Nanoseconds => "nanoseconds",
        }
    }

    /// Whether `number` is hardly meant to count this unit: it is before 1971, or a time from 2001 on in another unit.
    ///
    /// ```
    /// use tracklet_kernel::time::Unit;
    /// assert!(Unit::Milliseconds.is_doubtful(1_767_520_800));
    /// assert!(!Unit::Seconds.is_doubtful(1_767_520_800) && !Unit::Seconds.is_doubtful(900_000_000));
    /// assert!(!Unit::Seconds.is_doubtful(0));
    /// ```
    pub fn is_doubtful(self, number: i64) -> bool {
        const FIRST_DOUBTLESS: i64 = 365 * 24 * 3600 * 1_000_000;
        match Self::likely(number) {
            Some(likely) => likely != self,
            None => number > 0 && self.micros(number).is_some_and(|micros| micros < FIRST_DOUBTLESS),
        }
    }

    /// The unit in which `number` is a time between 2001 and 2262: its count of digits tells.
    ///
    /// ```
    /// use tracklet_kernel::time::Unit;
    /// assert_eq!(Unit::likely(1_767_520_800_000), Some(Unit::Milliseconds));
    /// assert_eq!(Unit::likely(20_260_104), None);
    /// ```
    pub fn likely(number: i64) -> Option<Self> {
        let units = [Self::Seconds, Self::Milliseconds, Self::Microseconds, Self::Nanoseconds];
        let is_likely = |unit: &Self| {
            unit.micros(number).is_some_and(|micros| (FIRST_LIKELY..END_MICROS).contains(&micros))
        };
        units.into_iter().find(is_likely)
    }
}

/// The whole number that a text is, perhaps with a fraction of zeros. `None` for another text, [`i64::MAX`] or
/// [`i64::MIN`] beyond 64 bits.
///
/// ```
/// use tracklet_kernel::time::whole_number;
/// assert_eq!(whole_number("-1767520800.0"), Some(-1_767_520_800));
/// assert_eq!(whole_number("1767520800.5"), None);
/// ```
pub fn whole_number(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    if digits.is_empty() || fraction.is_empty() {
        return None;
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || fraction.bytes().any(|byte| byte != b'0') {
        return None;
    }
    Some(whole.parse().unwrap_or(if whole.len() > digits.len() { i64::MIN } else { i64::MAX }))
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
            ("2026-01-04 10:00:00.745232+00", 1_767_520_800_745_232),
            ("2026-01-04 02:00:00.745 -0800", 1_767_520_800_745_000),
            ("2026-01-04T15:30:00+0530", 1_767_520_800_000_000),
            ("2026-01-04T11:00:00+01", 1_767_520_800_000_000),
            ("2026-01-04 10:00:00.5 UTC", 1_767_520_800_500_000),
            ("2026-01-04T10:00:00 Z", 1_767_520_800_000_000),
            ("2026-01-04 15:30:00 +05:30", 1_767_520_800_000_000),
            ("2026-01-04T10:00", 1_767_520_800_000_000),
            ("2026-01-04T10:00Z", 1_767_520_800_000_000),
            ("2026-01-04 09:00-01", 1_767_520_800_000_000),
            ("2026-01-04 10:00 UTC", 1_767_520_800_000_000),
        ] {
            assert_eq!(parse(text), Some(micros), "{text}");
        }
    }

    #[test]
    fn bad_times() {
        for text in [
            "",
            "2026-01-04",
            "1767520800",
            "2026-01-04T10:00:60Z",
            "2026-01-04T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-04T10:00:00.Z",
            "2026-01-04T10:00:00,5Z",
            "2026-01-04T10:00:00+24:00",
            " 2026-01-04T10:00:00Z",
            "2026-01-04T10:00:00Z ",
            "2026-01-04T10:00:00 ",
            "2026-01-04T10:00:00  Z",
            "2026-01-04T10:00:00 utc",
            "2026-01-04T10:00:00 CET",
            "2026-01-04T10:00:00:Z",
            "2026-01-04T10:00:",
            "2026-01-04T10:00.5Z",
            "2026-01-04T10",
            "2026-01-04T10:00:00+1",
            "2026-01-04T10:00:00+010",
            "2026-01-04T10:00:00+01:0",
            "2026-01-04T10:00:00+0160",
            "2026-01-04T10:00:00+2400",
            "+2026-01-04T10:00:00Z",
            "２026-01-04T10:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
