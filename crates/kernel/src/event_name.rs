//! Event names as the warehouse spells them: `Product Viewed` becomes `product_viewed`.
//!
//! Needed where the original name is all there is: raw JSON lines, and tables with `event_text` alone.

/// Whose spelling an original event name is brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventNames {
    /// RudderStack's warehouse destinations; digits stay with the letters beside them.
    #[default]
    RudderStack,
    /// Older RudderStack destinations; digits are words of their own.
    RudderStackDivided,
    /// Blendo: trimmed and in lower case.
    Blendo,
    /// Segment's warehouses.
    Segment,
    /// The name as it was sent.
    Raw,
}

impl EventNames {
    /// The warehouse's spelling of `original`; `None` when nothing of it is left.
    ///
    /// ```
    /// use tracklet_kernel::event_name::EventNames;
    /// assert_eq!(EventNames::RudderStack.normalise("Product Viewed").as_deref(), Some("product_viewed"));
    /// assert_eq!(EventNames::RudderStack.normalise("@#$%"), None);
    /// ```
    pub fn normalise(self, original: &str) -> Option<String> {
        let name = match self {
            Self::RudderStack => rudderstack(original, Digits::StayWithLetters),
            Self::RudderStackDivided => rudderstack(original, Digits::Apart),
            Self::Blendo => original.trim().to_lowercase(),
            Self::Segment => segment(original),
            Self::Raw => original.to_owned(),
        };
        (!name.is_empty()).then_some(name)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Digits {
    StayWithLetters,
    Apart,
}

fn rudderstack(original: &str, digits: Digits) -> String {
    let mut name: String = original.chars().take_while(|c| *c == '_').collect();
    let underscores = name.len();
    for run in original.as_bytes().split(|byte| !byte.is_ascii_alphanumeric()) {
        let mut rest = run;
        while !rest.is_empty() {
            let (word, after) = rest.split_at(word_length(rest, digits));
            if name.len() > underscores {
                name.push('_');
            }
            name.extend(word.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
            rest = after;
        }
    }
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

/// Length of the word at the start of `run`, which holds ASCII letters and digits only and is not empty.
fn word_length(run: &[u8], digits: Digits) -> usize {
    let uppers = count(run, u8::is_ascii_uppercase);
    // `Abc` or `abc`: one capital at the most, then small letters.
    let lowers = count(&run[uppers.min(1)..], u8::is_ascii_lowercase);
    if uppers <= 1 && lowers > 0 {
        let letters = uppers + lowers;
        return letters + trailing_digits(&run[letters..], digits);
    }
    if uppers > 0 {
        let followed_by_lower = run.get(uppers).is_some_and(u8::is_ascii_lowercase);
        // In `HTMLPage` the last capital belongs to the next word.
        let letters = if followed_by_lower { uppers - 1 } else { uppers };
        return letters + trailing_digits(&run[letters..], digits);
    }
    let number = count(run, u8::is_ascii_digit);
    if digits == Digits::Apart {
        return number;
    }
    let after = &run[number..];
    let uppers = count(after, u8::is_ascii_uppercase);
    let lowers = count(&after[uppers.min(1)..], u8::is_ascii_lowercase);
    if uppers <= 1 && lowers > 0 { number + uppers + lowers } else { number + uppers }
}

fn trailing_digits(rest: &[u8], digits: Digits) -> usize {
    match digits {
        Digits::StayWithLetters => count(rest, u8::is_ascii_digit),
        Digits::Apart => 0,
    }
}

fn count(bytes: &[u8], is: impl Fn(&u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| is(byte)).count()
}

/// A name that is in snake case up to some byte keeps that part as it is; from there on a word is a run of
/// capitals and digits, then a run of small letters and digits.
fn segment(original: &str) -> String {
    let bytes = original.as_bytes();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut at = 0;
    while at < bytes.len()
        && (plain(bytes[at]) || bytes[at] == b'_' && bytes.get(at + 1).is_some_and(|next| plain(*next)))
    {
        at += 1;
    }
    if at == bytes.len() {
        return original.to_owned();
    }
    if at > 0 && bytes[at - 1].is_ascii_digit() {
        at -= 1;
    }
    let mut name = original[..at].to_owned();
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        if !name.is_empty() {
            name.push('_');
        }
        let head = count(&bytes[at..], |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let tail = count(&bytes[at + head..], |byte| plain(*byte));
        name.extend(bytes[at..at + head + tail].iter().map(|byte| char::from(byte.to_ascii_lowercase())));
        at += head + tail;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: EventNames, pairs: &[(&str, &str)]) {
        for (original, expected) in pairs {
            let expected = (!expected.is_empty()).then(|| (*expected).to_owned());
            assert_eq!(names.normalise(original), expected, "{original:?} by {names:?}");
        }
    }

    #[test]
    fn rudderstack_keeps_digits_with_letters() {
        check(
            EventNames::RudderStack,
            &[
                ("Product Viewed", "product_viewed"),
                ("productViewed", "product_viewed"),
                ("omega v2", "omega_v2"),
                ("9mega", "_9mega"),
                ("CamelCase123Key", "camel_case123_key"),
                ("abc123def456", "abc123_def456"),
                ("_abc_123_def_456", "_abc_123_def_456"),
                ("path to $1,00,000", "path_to_1_00_000"),
                ("isISO8601", "is_iso8601"),
                ("@#$%", ""),
                ("___", "___"),
                ("_ä", "_"),
                ("", ""),
                ("HTMLPage", "html_page"),
                ("12ABCdef", "_12abc_def"),
                ("A", "a"),
                ("ABc", "a_bc"),
                ("Überraschung", "berraschung"),
                ("__x__y", "__x_y"),
                (" _x", "x"),
            ],
        );
    }

    #[test]
    fn rudderstack_divided_sets_digits_apart() {
        check(
            EventNames::RudderStackDivided,
            &[
                ("abc123def", "abc_123_def"),
                ("isISO8601", "is_iso_8601"),
                ("9mega", "_9_mega"),
                ("omega v2", "omega_v_2"),
            ],
        );
    }

    #[test]
    fn other_conventions() {
        check(EventNames::Blendo, &[("  Product Viewed ", "product viewed"), ("  ", "")]);
        check(EventNames::Raw, &[(" A b ", " A b "), ("", "")]);
        check(
            EventNames::Segment,
            &[
                ("Product Viewed", "product_viewed"),
                ("sample___text", "sample_text"),
                ("___$$Base64Encode", "base64_encode"),
                ("sample_text", "sample_text"),
                ("_kept", "_kept"),
                ("abc1Def", "abc_1def"),
                ("$$", ""),
            ],
        );
    }
}
