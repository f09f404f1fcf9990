//! Lengths of time as people write them: `30m`, `1h30m`, `500ms`.

/// Units from the longest to the shortest, in microseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000)];

/// The longest duration that the tables' 64-bit signed microseconds can hold.
pub(super) const LONGEST: u64 = i64::MAX as u64;

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a row of numbers with units.
    #[error("it is not a duration")]
    Malformed,
    /// A number without a unit.
    #[error("it has no unit")]
    NoUnit,
    /// A unit that does not exist.
    #[error("`{0}` is not a unit")]
    UnknownUnit(String),
    /// `30m1h`, or the same unit twice.
    #[error("its units must go from the longest to the shortest")]
    Order,
    /// More than 64-bit microseconds hold.
    #[error("it is too long")]
    TooLong,
    /// No time at all.
    #[error("it must be more than 0")]
    Zero,
}

/// The microseconds of a text such as `1h30m`.
pub(super) fn parse(text: &str) -> Result<u64, DurationError> {
    let mut rest = text;
    let mut micros = 0_u64;
    let mut units_left = &UNITS[..];
    if rest.is_empty() {
        return Err(DurationError::Malformed);
    }
    while !rest.is_empty() {
        let (digits, after) = split(rest, |byte| byte.is_ascii_digit());
        let (unit, after) = split(after, |byte| !byte.is_ascii_digit());
        if digits.is_empty() {
            return Err(DurationError::Malformed);
        }
        if unit.is_empty() {
            return Err(DurationError::NoUnit);
        }
        if !unit.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(DurationError::Malformed);
        }
        let Some(length) = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, length)| *length) else {
            return Err(DurationError::UnknownUnit(unit.to_owned()));
        };
        let place = units_left.iter().position(|(name, _)| *name == unit).ok_or(DurationError::Order)?;
        units_left = &units_left[place + 1..];
        let number: u64 = digits.parse().map_err(|_| DurationError::TooLong)?;
        micros = number
            .checked_mul(length)
            .and_then(|part| micros.checked_add(part))
            .filter(|sum| *sum <= LONGEST)
            .ok_or(DurationError::TooLong)?;
        rest = after;
    }
    if micros == 0 { Err(DurationError::Zero) } else { Ok(micros) }
}

fn split(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    // Every byte of a character beyond ASCII is no digit, so a cut never falls into one.
    text.split_at(text.bytes().position(|byte| !belongs(byte)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::{DurationError, parse};

    #[test]
    fn durations() {
        let good = [
            ("30m", 1_800_000_000),
            ("90s", 90_000_000),
            ("1h", 3_600_000_000),
            ("1h30m", 5_400_000_000),
            ("500ms", 500_000),
            ("1d1h1m1s1ms", 90_061_001_000),
            ("0h1s", 1_000_000),
        ];
        for (text, micros) in good {
            assert_eq!(parse(text), Ok(micros), "{text}");
        }
        let bad = [
            ("", DurationError::Malformed),
            ("m", DurationError::Malformed),
            ("-30m", DurationError::Malformed),
            ("1.5h", DurationError::Malformed),
            (" 30m", DurationError::Malformed),
            ("30 m", DurationError::Malformed),
            ("30\u{e9}", DurationError::Malformed),
            ("30", DurationError::NoUnit),
            ("1h30", DurationError::NoUnit),
            ("30min", DurationError::UnknownUnit("min".to_owned())),
            ("30M", DurationError::UnknownUnit("M".to_owned())),
            ("30m1h", DurationError::Order),
            ("1m1m", DurationError::Order),
            ("0s", DurationError::Zero),
            ("0h0m", DurationError::Zero),
            ("99999999999999999999h", DurationError::TooLong),
            ("106751992d", DurationError::TooLong),
        ];
        for (text, error) in bad {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        assert!(parse("106751991d").is_ok());
    }
}
