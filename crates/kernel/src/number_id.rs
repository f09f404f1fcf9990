//! Ids that were numbers: `1001`, `1001.0` and the double 1001 are one id.
//!
//! A column of whole numbers with a null becomes one of floats in pandas, and its texts end in `.0` in that file alone.

/// From here on doubles no longer tell neighbors apart, so a whole number that large may not be the one that was meant.
const NOT_EXACT: u64 = 1 << 53;
/// Digits of [`NOT_EXACT`].
const MOST_DIGITS: i64 = 16;

/// The digits of a JSON number that is whole and below 2^53, sign first; `None` when its text is to stay.
///
/// ```
/// use tracklet_kernel::number_id::whole_number;
/// assert_eq!(whole_number("1001.0").as_deref(), Some("1001"));
/// assert_eq!(whole_number("1.001e3").as_deref(), Some("1001"));
/// assert_eq!(whole_number("12.50"), None);
/// assert_eq!(whole_number("9007199254740993.0"), None);
/// ```
pub fn whole_number(number: &str) -> Option<String> {
    // Nearly all are digits alone, which are what they should be.
    if number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (is_negative, unsigned) = match number.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, number),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = [whole, fraction].concat();
    let significant = digits.trim_end_matches('0');
    let leading = significant.len() - significant.trim_start_matches('0').len();
    let significant = &significant[leading..];
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    // Where the point stands, counted from the first significant digit.
    let point = (whole.len() as i64 - leading as i64).checked_add(exponent)?;
    if point < significant.len() as i64 || point > MOST_DIGITS {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(point - significant.len() as i64).ok()?);
    let value = significant.parse::<u64>().ok()?.checked_mul(scale).filter(|value| *value < NOT_EXACT)?;
    Some(if is_negative { format!("-{value}") } else { value.to_string() })
}

fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.strip_prefix('+').unwrap_or(text).parse().ok())?
}

/// The digits of a text of untyped data, such as CSV, that is digits and a fraction of zeros alone; `None` when it is to stay.
///
/// Texts like `12e3` and `007.0` may be codes, and stay.
///
/// ```
/// use tracklet_kernel::number_id::whole_text;
/// assert_eq!(whole_text("1001.0").as_deref(), Some("1001"));
/// assert_eq!(whole_text("12e3"), None);
/// ```
pub fn whole_text(text: &str) -> Option<String> {
    // Most texts are through here.
    if !text.ends_with('0') {
        return None;
    }
    let (whole, zeros) = text.split_once('.')?;
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_number = digits == "0" || digits.starts_with(|first: char| matches!(first, '1'..='9'));
    (is_number && zeros.bytes().all(|byte| byte == b'0')).then(|| whole_number(text))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_whole_and_exact_are_their_digits() {
        for (number, expected) in [
            ("0", None),
            ("1001", None),
            ("0.0", Some("0")),
            ("-0", Some("0")),
            ("-0.0e7", Some("0")),
            ("1001.0", Some("1001")),
            ("-1001.000", Some("-1001")),
            ("-7", Some("-7")),
            ("1001.50", None),
            ("0.5", None),
            ("5e-1", None),
            ("50e-1", Some("5")),
            ("1e3", Some("1000")),
            ("1.5E+3", Some("1500")),
            ("1.0005e3", None),
            ("0.001e6", Some("1000")),
            ("9007199254740991.0", Some("9007199254740991")),
            ("9007199254740992.0", None),
            ("1e15", Some("1000000000000000")),
            ("1e16", None),
            ("12345678901234567890.0", None),
            ("1e400", None),
            ("1e99999999999999999999", None),
            ("1e9223372036854775807", None),
            ("1.0e-9223372036854775808", None),
            ("NaN", None),
            ("inf", None),
            ("", None),
            ("-", None),
            (".5", None),
        ] {
            assert_eq!(whole_number(number).as_deref(), expected, "{number}");
        }
    }

    #[test]
    fn texts_lose_a_fraction_of_zeros_alone() {
        for (text, expected) in [
            ("1001.0", Some("1001")),
            ("-1001.00", Some("-1001")),
            ("0.0", Some("0")),
            ("1001", None),
            ("1001.", None),
            ("1001.10", None),
            ("1.0.0", None),
            ("007.0", None),
            ("1e3", None),
            ("1.0e0", None),
            ("a.0", None),
            (".0", None),
            ("9007199254740993.0", None),
        ] {
            assert_eq!(whole_text(text).as_deref(), expected, "{text}");
        }
    }
}
