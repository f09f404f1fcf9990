//! Decimal numbers with six digits behind the point, the same on every engine.
//!
//! A number is held as a whole number of millionths in 128 bits. Floats take no part: sums of them would depend on the order
//! of the rows. What lies between two millionths is rounded half away from zero.

/// Digits behind the point.
pub const SCALE: u32 = 6;
/// All digits.
pub const PRECISION: u8 = 28;

/// Millionths of the least number that is too large: 10^28.
const LIMIT: i128 = 10_i128.pow(PRECISION as u32);
const ONE: i128 = 10_i128.pow(SCALE);
/// Beyond this, an exponent only ever makes a number too large, or zero.
const LARGEST_EXPONENT: i64 = 1_000_000;

/// Millionths of the number that a text writes as `-?digits[.digits]`; `None` for any other text and for numbers with more
/// than 22 digits before the point.
///
/// ```
/// use tracklet_kernel::decimal::parse;
/// assert_eq!(parse("12.5"), Some(12_500_000));
/// assert_eq!(parse("-0.0000005"), Some(-1));
/// assert_eq!(parse("-0"), Some(0));
/// assert_eq!((parse("1e3"), parse(" 1"), parse("1."), parse("+1")), (None, None, None, None));
/// ```
pub fn parse(text: &str) -> Option<i128> {
    let (negative, digits) = signed(text);
    let (whole, fraction) = parts(digits)?;
    millionths(negative, whole, fraction, 0)
}

/// The number of a text as JSON writes it or a float prints: [`parse`], where an exponent may follow.
///
/// ```
/// use tracklet_kernel::decimal::parse_number;
/// assert_eq!(parse_number("1.25E+2"), Some(125_000_000));
/// assert_eq!(parse_number("5e-7"), Some(1));
/// assert_eq!(parse_number("1e22"), None);
/// ```
pub fn parse_number(text: &str) -> Option<i128> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return parse(text) };
    let (is_small, digits) =
        exponent.strip_prefix('+').map_or_else(|| signed(exponent), |digits| (false, digits));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let exponent = digits.parse::<i64>().unwrap_or(LARGEST_EXPONENT).min(LARGEST_EXPONENT);
    let (negative, mantissa) = signed(mantissa);
    let (whole, fraction) = parts(mantissa)?;
    millionths(negative, whole, fraction, if is_small { -exponent } else { exponent })
}

/// Millionths of a number of `value` times ten to the power of `-scale`.
pub fn rescale(value: i128, scale: i8) -> Option<i128> {
    if let Ok(digits @ 0..=SCALE) = u32::try_from(scale) {
        let millionths = value.checked_mul(10_i128.pow(SCALE - digits))?;
        return (millionths.unsigned_abs() < LIMIT.unsigned_abs()).then_some(millionths);
    }
    let digits = value.unsigned_abs().to_string();
    millionths(value < 0, &digits, "", -i64::from(scale))
}

fn signed(text: &str) -> (bool, &str) {
    text.strip_prefix('-').map_or((false, text), |rest| (true, rest))
}

/// The digits before and behind the point.
fn parts(text: &str) -> Option<(&str, &str)> {
    let are_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        None => are_digits(text).then_some((text, "")),
        Some((whole, fraction)) => (are_digits(whole) && are_digits(fraction)).then_some((whole, fraction)),
    }
}

/// The number of these digits, its point moved to the right by `shift`.
fn millionths(negative: bool, whole: &str, fraction: &str, shift: i64) -> Option<i128> {
    let mut value: i128 = 0;
    // How many digits are behind the point after the one that is looked at.
    let mut left = whole.len() as i64 + shift + i64::from(SCALE);
    let mut digits = whole.bytes().chain(fraction.bytes()).map(|byte| i128::from(byte - b'0'));
    // Digits of millionths and above.
    for digit in digits.by_ref().take(usize::try_from(left.max(0)).unwrap_or(usize::MAX)) {
        left -= 1;
        value = value * 10 + digit;
        if value >= LIMIT {
            return None;
        }
    }
    if left < 0 {
        // The first digit is behind the place that decides: less than half of a millionth.
        return Some(0);
    }
    let next = digits.next();
    // The number has fewer digits than places: the others are zeros.
    if next.is_none() && value != 0 {
        for _ in 0..left {
            value *= 10;
            if value >= LIMIT {
                return None;
            }
        }
    }
    value += i128::from(left == 0 && next.is_some_and(|digit| digit >= 5));
    (value < LIMIT).then_some(if negative { -value } else { value })
}

/// The number as text: `12.5` as `12.5`, whole numbers without a point.
pub fn to_text(millionths: i128) -> String {
    let (whole, fraction) =
        (millionths.unsigned_abs() / ONE.unsigned_abs(), millionths.unsigned_abs() % ONE.unsigned_abs());
    let sign = if millionths < 0 { "-" } else { "" };
    let fraction = format!("{fraction:06}");
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        for (text, millionths) in [
            ("0.0000005", 1),
            ("0.00000049999", 0),
            ("1.2345674", 1_234_567),
            ("1.2345675", 1_234_568),
            ("-1.2345675", -1_234_568),
            ("-0.0000004", 0),
            ("0009.10", 9_100_000),
            ("9999999999999999999999.999999", LIMIT - 1),
        ] {
            assert_eq!(parse(text), Some(millionths), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_number_is_none() {
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "+1",
            "--1",
            "1-",
            "1,5",
            "1 000",
            " 1",
            "1 ",
            "1e3",
            "NaN",
            "inf",
            "0x10",
            "١",
            "10000000000000000000000",
            "9999999999999999999999.9999995",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["1e", "e3", "1e+", "1e+-3", "1e3.0", "1e22", "1e99999999999999999999", "-1e22"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }

    #[test]
    fn exponents_move_the_point() {
        for (text, millionths) in [
            ("1e3", 1_000_000_000),
            ("1.5E2", 150_000_000),
            ("150e-2", 1_500_000),
            ("4.9e-7", 0),
            ("5e-7", 1),
            ("50e-8", 1),
            ("49e-8", 0),
            ("5e-8", 0),
            ("-5e-7", -1),
            ("0e999999999999999999999", 0),
            ("0.00001e5", 1_000_000),
            ("1e-999999999999999999999", 0),
            ("9e21", 9_000_000_000_000_000_000_000_000_000),
        ] {
            assert_eq!(parse_number(text), Some(millionths), "{text}");
        }
    }

    #[test]
    fn other_scales_are_rounded() {
        assert_eq!(rescale(12_345, 2), Some(123_450_000));
        assert_eq!(rescale(-15, 7), Some(-2));
        assert_eq!(rescale(-14, 7), Some(-1));
        assert_eq!(rescale(7, -3), Some(7_000_000_000));
        assert_eq!(rescale(i128::MIN, 0), None);
        assert_eq!(rescale(i128::MIN, 38), Some(-1_701_412));
    }

    #[test]
    fn texts_come_back() {
        for text in ["0", "12.5", "-0.000001", "1000", "9999999999999999999999.999999"] {
            assert_eq!(to_text(parse(text).unwrap()), text);
        }
    }
}
