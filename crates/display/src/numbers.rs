//! Numbers for people: counts with separators, sizes with a unit that shows them, durations.

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    grouped_digits(&number.to_string())
}

/// The digits of an integer, perhaps with a sign, with a comma before each three.
pub(crate) fn grouped_digits(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        let left = digits.len() - place;
        if left.is_multiple_of(3) && text.ends_with(|last: char| last.is_ascii_digit()) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1` and `row` as `1 row`, `2000` as `2,000 rows`: the plural is made with an `s`.
pub fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A number of bytes in the largest decimal unit of which there is at least a half: `5 bytes`, `1.5 kB`, `0.9 MB`, `2.0 GB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, f64); 4] = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let unit = UNITS.into_iter().find(|(_, unit)| bytes as f64 >= unit / 2.0 && bytes >= 1000);
    unit.map_or_else(|| counted(bytes, "byte"), |(name, unit)| format!("{:.1} {name}", bytes as f64 / unit))
}

/// Seconds as `0.25 s`, from a minute on as `2 min 05 s`, from an hour on as `1 h 02 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 59.995 => format!("{seconds:.2} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(grouped_digits("-123456"), "-123,456");
        assert_eq!(grouped_digits("-1234"), "-1,234");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(0, "row"), "0 rows");
        assert_eq!(counted(12_000, "row"), "12,000 rows");
    }

    // A limit of 5 bytes was shown as 0.0 MB.
    #[test]
    fn a_size_is_printed_in_a_unit_that_shows_it() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (5, "5 bytes"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (1500, "1.5 kB"),
            (499_999, "500.0 kB"),
            (912_100, "0.9 MB"),
            (300_000_000, "300.0 MB"),
            (999_999_999, "1.0 GB"),
            (4 << 30, "4.3 GB"),
            (u64::MAX, "18446744.1 TB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
        assert!((0..64).all(|power| !["0.0", "0.1"].iter().any(|none| size(1 << power).starts_with(none))));
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (seconds, text) in [
            (0.0, "0.00 s"),
            (0.254, "0.25 s"),
            (59.99, "59.99 s"),
            (59.999, "1 min 00 s"),
            (125.4, "2 min 05 s"),
            (3599.6, "1 h 00 min"),
            (3725.0, "1 h 02 min"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }
}
