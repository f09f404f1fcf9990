//! Ids that stand for no id: what programs write where there is no value.
//!
//! Taken for an id, such a word makes one visitor of many strangers. The gate makes it null before it judges a row.

/// Words for no value that are no id anywhere.
const USUAL: [&str; 8] = ["null", "(null)", "none", "nan", "undefined", "n/a", r"\n", "[object object]"];
/// Words that [`Ignore::STRICT`] has besides.
const STRICT: [&str; 7] = ["unknown", "anonymous", "guest", "(not set)", "true", "false", "-1"];
/// UUIDs of zeros alone, with hyphens and without.
const ZERO_UUIDS: [&str; 2] = ["00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000"];
/// What a list names all of [`USUAL`] and [`STRICT`] by.
const NAMES: [&str; 2] = ["usual", "strict"];

/// Which ids are taken for none.
///
/// Ids are compared with entries in ASCII lower case, without spaces around both. The entries `usual` and `strict` stand for
/// the words that they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore(Vec<String>);

impl Default for Ignore {
    /// The usual words, and UUIDs of zeros alone.
    fn default() -> Self {
        Self::of(["usual"])
    }
}

impl Ignore {
    /// A rule that ignores no id.
    pub fn nothing() -> Self {
        Self(Vec::new())
    }

    /// The ids of a list.
    pub fn of(entries: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self(entries.into_iter().map(|entry| normal(entry.as_ref())).collect())
    }

    /// The entries, as ids are compared with them.
    pub fn entries(&self) -> &[String] {
        &self.0
    }

    fn names(&self, name: &str) -> bool {
        self.0.iter().any(|entry| entry == name)
    }
}

fn normal(id: &str) -> String {
    id.trim_matches(' ').to_ascii_lowercase()
}

/// [`Ignore`] made ready for many ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredIds {
    words: Vec<String>,
    /// Whether texts of only `0` and `-` are ignored.
    zeros_and_hyphens: bool,
    /// A bit for every length that a word has, the last for all that are longer.
    lengths: u64,
    /// A bit for every first byte that a word has, without the highest bit of it. The words include two UUIDs, so that the
    /// length alone would let most ids through to be compared.
    first_bytes: u128,
}

/// What stands for texts of only `0` and `-` where words are listed. No word has a capital.
const ZEROS_AND_HYPHENS: &str = "texts of only 0 and -, as in STRICT";

impl Default for IgnoredIds {
    fn default() -> Self {
        Self::new(&Ignore::default())
    }
}

impl IgnoredIds {
    /// The ids that `ignore` takes for none.
    pub fn new(ignore: &Ignore) -> Self {
        let [usual, strict] = NAMES;
        let is_strict = ignore.names(strict);
        let mut words: Vec<String> = Vec::new();
        if is_strict || ignore.names(usual) {
            words.extend(USUAL.into_iter().chain(ZERO_UUIDS).map(str::to_owned));
        }
        if is_strict {
            words.extend(STRICT.map(str::to_owned));
        }
        words.extend(ignore.0.iter().filter(|entry| !NAMES.contains(&entry.as_str())).cloned());
        Self::of_words(words, is_strict)
    }

    /// The ids of what [`IgnoredIds::rule`] gave.
    pub fn of_rule(mut rule: Vec<String>) -> Self {
        let words = rule.len();
        rule.retain(|word| word != ZEROS_AND_HYPHENS);
        let has_pattern = rule.len() < words;
        Self::of_words(rule, has_pattern)
    }

    fn of_words(mut words: Vec<String>, zeros_and_hyphens: bool) -> Self {
        words.retain(|word| !word.is_empty());
        words.sort_unstable();
        words.dedup();
        let lengths = words.iter().fold(0, |lengths, word| lengths | bit(word.len()));
        let first_bytes = words.iter().fold(0, |bytes, word| bytes | first_bit(word));
        Self { words, zeros_and_hyphens, lengths, first_bytes }
    }

    /// The rule as a list of texts: two rules with one list ignore the same ids.
    pub fn rule(&self) -> Vec<String> {
        let pattern = self.zeros_and_hyphens.then(|| ZEROS_AND_HYPHENS.to_owned());
        self.words.iter().cloned().chain(pattern).collect()
    }

    /// Whether `id` stands for none.
    pub fn has(&self, id: &str) -> bool {
        self.place(id).is_some()
    }

    /// The place in [`IgnoredIds::rule`] of what `id` is ignored by.
    #[inline]
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        let id = if id.starts_with(' ') || id.ends_with(' ') { id.trim_matches(' ') } else { id };
        if self.lengths & bit(id.len()) != 0
            && self.first_bytes & first_bit(id) != 0
            && let Some(place) = self.words.iter().position(|word| word.eq_ignore_ascii_case(id))
        {
            return Some(place);
        }
        let is_zeros =
            self.zeros_and_hyphens && !id.is_empty() && id.bytes().all(|byte| byte == b'0' || byte == b'-');
        is_zeros.then_some(self.words.len())
    }
}

fn bit(length: usize) -> u64 {
    1 << length.min(63)
}

fn first_bit(text: &str) -> u128 {
    text.bytes().next().map_or(0, |byte| 1 << (byte.to_ascii_lowercase() & 127))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ignore: &Ignore, ignored: &[&str], kept: &[&str]) {
        let ids = IgnoredIds::new(ignore);
        for id in ignored {
            assert!(ids.has(id), "{id:?} is an id by {ignore:?}");
        }
        for id in kept {
            assert!(!ids.has(id), "{id:?} is none by {ignore:?}");
        }
    }

    #[test]
    fn the_usual_words_are_no_ids() {
        let ignored = [
            "null",
            "NULL",
            " Null  ",
            "(null)",
            "None",
            "NaN",
            "undefined",
            "N/A",
            r"\N",
            r"\n",
            "[object Object]",
            "00000000-0000-0000-0000-000000000000",
            "00000000000000000000000000000000",
        ];
        let kept =
            ["", " ", "nul", "nulls", "\tnull", "null\u{a0}", "0", "-1", "unknown", "guest", "ann", "usual"];
        check(&Ignore::default(), &ignored, &kept);
        check(&Ignore::nothing(), &[], &ignored);
    }

    #[test]
    fn strict_has_more_of_them() {
        let ignored =
            ["null", "Unknown", "anonymous", "GUEST", "(not set)", "true", "False", "-1", "0", "-", "00-0 "];
        check(&Ignore::of(["strict"]), &ignored, &["", "  ", "01", "--1", "0 0", "strict", "un\u{212a}nown"]);
    }

    #[test]
    fn a_list_has_its_own_words_alone() {
        let long = "x".repeat(80);
        let list = Ignore::of([" Test ", "ÄB", &long]);
        check(&list, &["test", "TEST ", "Äb", &long.to_uppercase()], &["null", "äb", "tes", &long[1..]]);
        check(&Ignore::of(["usual", "test"]), &["null", "test"], &["unknown", "usual"]);
    }

    #[test]
    fn rules_that_mean_the_same_are_the_same() {
        let rule = |ignore: Ignore| IgnoredIds::new(&ignore).rule();
        assert_eq!(rule(Ignore::of(["b", "a", "A"])), rule(Ignore::of(["a", "b"])));
        assert_eq!(rule(Ignore::of(["usual", "NULL"])), rule(Ignore::default()));
        assert_ne!(rule(Ignore::of(["strict"])), rule(Ignore::default()));
        assert_eq!(rule(Ignore::nothing()), Vec::<String>::new());
        let ids = IgnoredIds::new(&Ignore::of(["strict"]));
        assert_eq!(ids.rule()[ids.place("00").unwrap()], ZEROS_AND_HYPHENS);
        assert_eq!(IgnoredIds::of_rule(ids.rule()), ids);
        assert_eq!(ids.rule()[ids.place(" NaN").unwrap()], "nan");
    }
}
