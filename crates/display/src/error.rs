//! What every error can do beside saying what went wrong.

/// An error that may know what to do about it.
///
/// The message (`Display`) names the object and the place, `source` is the cause, and the hint stands apart, so
/// that each is printed once.
pub trait Hint: std::error::Error {
    /// What the user can do, as a sentence without a full stop; `None` when there is nothing sure to say.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Any error with its hint.
#[derive(Debug)]
pub struct AnyError(Box<dyn Hint + Send + Sync>);

impl AnyError {
    /// The error, whatever its type.
    pub fn new(error: impl Hint + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

impl std::fmt::Display for AnyError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for AnyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl Hint for AnyError {
    fn hint(&self) -> Option<String> {
        self.0.hint()
    }
}

/// The message of an error with those of its causes, in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// The hint of errors for which the system refuses memory.
pub const MORE_MEMORY: &str = "give the process more memory, or use less with --memory-limit and --threads";

/// Whether an error says that the system refused memory to Zstandard's library, which asks for it by itself.
pub fn is_refused_memory(error: &dyn std::fmt::Display) -> bool {
    error.to_string().contains("not enough memory")
}

/// Whether `word` is `known` with one or two slips of the keyboard.
pub fn is_nearly(word: &str, known: &str) -> bool {
    word != known && strsim::damerau_levenshtein(&word.to_lowercase(), known) <= 2
}

/// The one of `known` that `word` was probably meant to be, without regard to case.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    // In words of two or three letters one that is wrong, lacking, or too much is half of the word or more.
    let is_slip = |candidate: &str| {
        let letters = word.chars().count().min(candidate.chars().count());
        letters >= 2 && strsim::damerau_levenshtein(&word, &candidate.to_lowercase()) == 1
    };
    known
        .into_iter()
        .map(|candidate| {
            (strsim::normalized_damerau_levenshtein(&word, &candidate.to_lowercase()), candidate)
        })
        .filter(|(likeness, candidate)| *likeness >= 0.55 || is_slip(candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` and `c`, each in backticks.
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    let Some(last) = quoted.pop() else { return "none".to_owned() };
    if quoted.is_empty() { last } else { format!("{} and {last}", quoted.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::{listed, nearest};

    #[test]
    fn a_typing_error_is_recognised_and_another_word_is_not() {
        let known = ["timeout", "boundary"];
        assert_eq!(nearest("timout", known), Some("timeout"));
        assert_eq!(nearest("TIMEOUT", known), Some("timeout"));
        assert_eq!(nearest("columns", known), None);
        assert_eq!(nearest("pq", ["pg", "rs"]), Some("pg"));
        assert_eq!(nearest("pgg", ["pg"]), Some("pg"));
        assert_eq!(nearest("x", ["a"]), None);
    }

    #[test]
    fn lists_read_as_prose() {
        assert_eq!(listed([]), "none");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
