//! Columns whose values are derived from texts: the host of a URL, and what lists of words say of an agent.
//!
//! Everything here is ASCII lower case, positions and substrings, so that static SQL computes the same on every warehouse.

use std::borrow::Cow;
use std::sync::Arc;

/// From what a carried column is derived. A column of truths is false where no input says anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Derived {
    /// The texts that are looked at. The first that says something decides.
    pub inputs: Vec<DerivedInput>,
    /// The value where an input has a text and none says anything.
    pub otherwise: Option<String>,
}

/// A text that a column is derived from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DerivedInput {
    /// The name of its column: one that tracks carry, or one of [`Gate::inputs`](crate::gate::Gate::inputs).
    pub name: String,
    /// The function that finds the value in the text.
    pub reading: Reading,
}

/// A function that finds a value in a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reading {
    /// The host of a URL: see [`host`].
    Host,
    /// The first rule of a list that holds.
    Words(Arc<[WordRule]>),
}

/// A rule of a list of words. Words are looked for anywhere in the text in ASCII lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WordRule {
    /// The value of a text for which the rule holds.
    pub value: String,
    /// Words of which the text must have one.
    pub words: Vec<String>,
    /// And one of these, where there are any.
    pub with: Vec<String>,
    /// Words of which the text may have none.
    pub without: Vec<String>,
}

impl WordRule {
    /// Whether the rule holds for a text that is in ASCII lower case.
    fn holds(&self, text: &str) -> bool {
        let has = |words: &[String]| words.iter().any(|word| text.contains(word.as_str()));
        has(&self.words) && (self.with.is_empty() || has(&self.with)) && !has(&self.without)
    }
}

impl Reading {
    /// What a text says, if it says anything.
    pub(crate) fn read<'a>(&'a self, text: &str) -> Option<Cow<'a, str>> {
        match self {
            Self::Host => host(text).map(Cow::Owned),
            Self::Words(rules) => {
                let text = text.to_ascii_lowercase();
                rules.iter().find(|rule| rule.holds(&text)).map(|rule| Cow::Borrowed(rule.value.as_str()))
            }
        }
    }
}

/// The host of a URL in ASCII lower case, without user, port and a leading `www.`; `None` where the text has none.
///
/// The authority is what follows the first `://`, where no `/`, `?` or `#` is before that, or a `//` at the start, up to the next `/`, `?` or
/// `#`. Of it counts what follows the first `@`. An address in brackets ends with `]`, any other host before the first `:`. A host that
/// is empty, or holds another `@` or a space, is none.
pub fn host(url: &str) -> Option<String> {
    let authority = match (url.find("://"), url.strip_prefix("//")) {
        (_, Some(rest)) => rest,
        (Some(place), None) if !url[..place].contains(['/', '?', '#']) => &url[place + 3..],
        _ => return None,
    };
    let authority = &authority[..authority.find(['/', '?', '#']).unwrap_or(authority.len())];
    let address = authority.split_once('@').map_or(authority, |(_, address)| address);
    let host = if address.starts_with('[') {
        &address[..=address.find(']')?]
    } else {
        &address[..address.find(':').unwrap_or(address.len())]
    };
    let host = host.to_ascii_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    (!host.is_empty() && !host.contains(['@', ' '])).then(|| host.to_owned())
}

/// The value of a list of words for a text for which the truth holds.
pub const TRUE: &str = "true";

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn a_host_is_found_wherever_a_url_has_one() {
        let long = format!("https://a.example/{}", "p%20".repeat(2048));
        for (url, expected) in [
            ("https://a.example", "a.example"),
            ("HTTPS://WWW.A.Example:443/P?q#f", "a.example"),
            ("https://www.www.example", "www.example"),
            ("https://wwwa.example", "wwwa.example"),
            ("//a.example/p", "a.example"),
            ("//a.example://b.example", "a.example"),
            ("https://a.example?x=/y", "a.example"),
            ("https://a.example#f?", "a.example"),
            ("https://ann:secret@a.example:8080/", "a.example"),
            ("https://a.example/@ann", "a.example"),
            ("https://a.example/p?u=https://b.example", "a.example"),
            ("https://[2001:DB8::1]:443/", "[2001:db8::1]"),
            ("https://ann@[::1]", "[::1]"),
            ("https://a%2Eexample/", "a%2eexample"),
            ("https://MÜNCHEN.example/", "mÜnchen.example"),
            ("android-app://com.example.mail/", "com.example.mail"),
            (" https://a.example ", ""),
            (" https://a.example/ ", "a.example"),
            (&long, "a.example"),
            ("a.example/p", ""),
            ("/p?u=https://b.example", ""),
            ("p#://b.example", ""),
            ("mailto:ann@a.example", ""),
            ("about:blank", ""),
            ("$direct", ""),
            ("://", ""),
            ("https://", ""),
            ("https://www.", ""),
            ("https:///p", ""),
            ("file:///C:/p", ""),
            ("https://:80/", ""),
            ("https://@/", ""),
            ("https://a@b@c.example/", ""),
            ("https://[::1/", ""),
            ("https://a example/", ""),
            ("https:/a.example", ""),
            ("", ""),
        ] {
            assert_eq!(host(url).unwrap_or_default(), expected, "{url}");
        }
    }
}
