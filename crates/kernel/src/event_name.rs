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
        return if is_ordinal(run, number) { number + 2 } else { number };
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

/// Whether `run`, whose first `number` bytes are its leading digits, starts with an ordinal such as `22nd` or `4TH`.
///
/// The last digit alone chooses the ending, so that `11th` is none, and another letter of its case must not follow.
fn is_ordinal(run: &[u8], number: usize) -> bool {
    let endings: [&[u8]; 2] = match run[..number].last() {
        Some(b'1') => [b"st", b"ST"],
        Some(b'2') => [b"nd", b"ND"],
        Some(b'3') => [b"rd", b"RD"],
        Some(_) => [b"th", b"TH"],
        None => return false,
    };
    let after = run.get(number + 2);
    let ends = |next_word: fn(&u8) -> bool| after.is_none_or(next_word);
    run[number..].starts_with(endings[0]) && ends(u8::is_ascii_uppercase)
        || run[number..].starts_with(endings[1]) && ends(u8::is_ascii_lowercase)
}

fn count(bytes: &[u8], is: impl Fn(&u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| is(byte)).count()
}

/// Segment's spelling, as the last release (1.2.0) of its library has it.
///
/// A name keeps the part in front that is in snake case already; from there on a word is a run of capitals and digits,
/// then a run of small letters and digits. The last part in front goes on into a word that starts with a capital if
/// it has no small letter itself: `2FA` is one word, `mp3 Played` two.
fn segment(original: &str) -> String {
    let bytes = original.as_bytes();
    let mut at = snake_case_prefix(bytes);
    let mut name = original[..at].to_owned();
    let last_part = name.rsplit('_').next().unwrap_or_default();
    let mut goes_on = bytes.get(at).is_some_and(u8::is_ascii_uppercase)
        && !last_part.contains(|letter: char| letter.is_ascii_lowercase());
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        if !name.is_empty() && !goes_on {
            name.push('_');
        }
        goes_on = false;
        let head = count(&bytes[at..], |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let word = head + count(&bytes[at + head..], |byte| is_small(*byte));
        name.extend(bytes[at..at + word].iter().map(|byte| char::from(byte.to_ascii_lowercase())));
        at += word;
    }
    name
}

/// Length of the part of `name` in front that is in snake case: small letters and digits, single underscores between.
fn snake_case_prefix(name: &[u8]) -> usize {
    let mut length = count(name, |byte| is_small(*byte));
    while length > 0
        && name.get(length) == Some(&b'_')
        && name.get(length + 1).is_some_and(|byte| is_small(*byte))
    {
        length += 1 + count(&name[length + 1..], |byte| is_small(*byte));
    }
    length
}

fn is_small(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
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
    fn rudderstack_divided_keeps_ordinals_whole() {
        check(
            EventNames::RudderStackDivided,
            &[
                ("1st Purchase", "_1st_purchase"),
                ("3rdPartyLogin", "_3rd_party_login"),
                ("Completed 2nd Order", "completed_2nd_order"),
                ("4th Lesson Viewed", "_4th_lesson_viewed"),
                ("11th Hour", "_11_th_hour"),
                ("21ST CENTURY", "_21st_century"),
                ("10th", "_10th"),
                ("1STfoo", "_1st_foo"),
                ("1STFoo", "_1_st_foo"),
                ("2ndary", "_2_ndary"),
                ("3RDS", "_3_rds"),
                ("4Th", "_4_th"),
                ("4th2", "_4_th_2"),
                ("abc21st", "abc_21st"),
            ],
        );
    }

    #[test]
    fn other_conventions() {
        check(EventNames::Blendo, &[("  Product Viewed ", "product viewed"), ("  ", "")]);
        check(EventNames::Raw, &[(" A b ", " A b "), ("", "")]);
    }

    /// Names and spellings of the library's own tests are among these.
    #[test]
    fn segment_is_the_last_release_of_its_library() {
        check(
            EventNames::Segment,
            &[
                ("100 Clicked", "100_clicked"),
                ("mp3 Played", "mp3_played"),
                ("step_2 Done", "step_2_done"),
                ("abc1Def", "abc1_def"),
                ("_kept", "kept"),
                ("p_z9Rg", "p_z9_rg"),
                ("lk0B@bFmjrLQ_Z6YL", "lk0_b_b_fmjr_lq_z6yl"),
                ("Product Viewed", "product_viewed"),
                ("productViewed", "product_viewed"),
                ("sample___text", "sample_text"),
                ("samPLE text", "sam_ple_text"),
                ("___$$Base64Encode", "base64_encode"),
                ("sample_text", "sample_text"),
                ("sample 2 Text", "sample_2_text"),
                ("CStringRef", "cstring_ref"),
                ("5test", "5test"),
                ("5TEst", "5test"),
                ("_5TEst", "5test"),
                ("edf_6N", "edf_6n"),
                ("f_pX9", "f_p_x9"),
                ("2FA Enabled", "2fa_enabled"),
                ("Enabled 2FA", "enabled_2fa"),
                ("@49L0S145_¬fwHƒ0TSLNVp", "49l0s145_fw_h_0tslnvp"),
                ("•¶§ƒ˚foo˙∆˚¬", "foo"),
                ("v2Beta", "v2_beta"),
                ("5_Test", "5_test"),
                ("trailing_", "trailing"),
                ("a__b", "a_b"),
                ("$$", ""),
            ],
        );
    }
}
