//! Values of a JSON line by a configured name: a top-level key, a dotted path, or the warehouse's flattened name.

use super::text::{Kind, Value, elements, object, unescape};
use std::borrow::Cow;
use std::collections::HashMap;
use tracklet_kernel::event_name::EventNames;

/// How many different keys have their flattened spelling kept.
const KNOWN_KEYS: usize = 10_000;

/// A name to look for in every line.
#[derive(Debug, Clone)]
pub(in crate::read) struct Target {
    /// The name as configured.
    pub(in crate::read) name: String,
    /// The path it may spell, when it holds dots.
    path: Vec<String>,
    /// The name as the warehouse may spell it.
    flat: String,
    /// The line's field that has another name in the warehouse.
    renamed: Option<&'static str>,
}

/// How well a place fits a name; a better one wins wherever it stands, of equals the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Renamed,
    Flattened,
    PathInOtherCase,
    Path,
    KeyInOtherCase,
    Key,
}

/// The value found for a target so far.
#[derive(Debug, Clone, Copy)]
pub(in crate::read) struct Found<'a> {
    fit: Fit,
    pub(in crate::read) value: Value<'a>,
}

impl Target {
    pub(in crate::read) fn new(name: &str) -> Self {
        let path: Vec<String> = name.split('.').map(str::to_owned).collect();
        Self {
            name: name.to_owned(),
            path: if path.len() > 1 { path } else { Vec::new() },
            flat: name.to_lowercase(),
            renamed: match name.to_lowercase().as_str() {
                "id" | "event_id" => Some("messageId"),
                "event_text" => Some("event"),
                _ => None,
            },
        }
    }
}

/// How keys are spelled in the warehouse, kept from line to line.
#[derive(Default)]
pub(in crate::read) struct Keys(HashMap<String, String>);

impl Keys {
    fn flat(&mut self, key: &str) -> String {
        if let Some(flat) = self.0.get(key) {
            return flat.clone();
        }
        let flat = flattened(key);
        if self.0.len() < KNOWN_KEYS {
            self.0.insert(key.to_owned(), flat.clone());
        }
        flat
    }
}

/// A key as a part of a warehouse column's name.
pub(in crate::read) fn flattened(key: &str) -> String {
    EventNames::RudderStack.normalise(key).unwrap_or_default()
}

/// A key or string as it is meant; half a surrogate pair is U+FFFD.
pub(in crate::read) fn meaning(value: Value<'_>) -> Cow<'_, str> {
    if value.kind != Kind::Escaped {
        return Cow::Borrowed(value.text);
    }
    let mut text = String::with_capacity(value.text.len());
    // The text with U+FFFD is the best there is.
    let _ = unescape(value.text, &mut text);
    Cow::Owned(text)
}

/// Looks whether a top-level entry of the line is, or holds, what a target names.
pub(in crate::read) fn look<'a>(
    target: &Target,
    key: &str,
    value: Value<'a>,
    keys: &mut Keys,
    found: &mut Option<Found<'a>>,
) {
    let mut take = |fit: Fit, value: Value<'a>| {
        if found.is_none_or(|found| found.fit <= fit) {
            *found = Some(Found { fit, value });
        }
    };
    if key == target.name {
        return take(Fit::Key, value);
    }
    if key.eq_ignore_ascii_case(&target.name) {
        return take(Fit::KeyInOtherCase, value);
    }
    if target.renamed.is_some_and(|renamed| renamed.eq_ignore_ascii_case(key)) {
        take(Fit::Renamed, value);
    }
    if let [first, rest @ ..] = target.path.as_slice()
        && first.eq_ignore_ascii_case(key)
        && let Some((value, is_exact)) = at_path(value, rest)
    {
        take(if is_exact && first == key { Fit::Path } else { Fit::PathInOtherCase }, value);
    }
    if let Some(value) = at_flat(key, value, &target.flat, keys) {
        take(Fit::Flattened, value);
    }
}

/// What stands at `path` below `value`, and whether all keys are spelled as in the path. An array's elements are counted
/// from 0.
fn at_path<'a>(value: Value<'a>, path: &[String]) -> Option<(Value<'a>, bool)> {
    let [first, rest @ ..] = path else { return Some((value, true)) };
    let mut found: Option<(Value, bool)> = None;
    match value.kind {
        // The line as a whole is checked by who looks at it.
        Kind::Object => {
            let _ = object(value.text, |key, value| {
                let key = meaning(key);
                if first.eq_ignore_ascii_case(&key)
                    && let Some((value, is_exact)) = at_path(value, rest)
                {
                    let is_exact = is_exact && *first == key;
                    if is_exact || found.is_none_or(|(_, was_exact)| !was_exact) {
                        found = Some((value, is_exact));
                    }
                }
            });
        }
        Kind::Array => {
            let wanted: usize = first.parse().ok()?;
            let mut place = 0;
            elements(value.text, |value| {
                if place == wanted {
                    found = at_path(value, rest);
                }
                place += 1;
            });
        }
        _ => {}
    }
    found
}

/// What stands below `key` under the flattened name `flat`.
fn at_flat<'a>(key: &str, value: Value<'a>, flat: &str, keys: &mut Keys) -> Option<Value<'a>> {
    let part = keys.flat(key);
    // Without a part of its own a level would not make the name shorter.
    let rest = flat.strip_prefix(part.as_str()).filter(|_| !part.is_empty())?;
    if rest.is_empty() {
        return Some(value);
    }
    let rest = rest.strip_prefix('_')?;
    if value.kind != Kind::Object {
        return None;
    }
    let mut found = None;
    let _ = object(value.text, |key, value| {
        found = at_flat(&meaning(key), value, rest, keys).or(found);
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(line: &str, name: &str) -> Option<String> {
        let target = Target::new(name);
        let mut keys = Keys::default();
        let mut found = None;
        let looked = object(line, |key, value| look(&target, &meaning(key), value, &mut keys, &mut found));
        assert_eq!(looked, Ok(true));
        found.map(|found| meaning(found.value).into_owned())
    }

    #[test]
    fn names_are_keys_then_paths_then_flattened() {
        let line = r#"{"context":{"traits":{"userId":"a","e\u006dail":"b"},"ip":"1.2.3.4","sessionId":7},
            "a.b":"key","a":{"b":"path"},"context_ip":"top","messageId":"m","event":"Product Viewed",
            "properties":{"Cart Total":5,"x":null},"properties":{"Cart Total":6},"contexts":{"0":"zero","session":[
            {"userId":"first"},{"UserId":"second","userid":"small"},[7]]}}"#;
        for (name, expected) in [
            ("context.traits.userId", Some("a")),
            ("context_traits_user_id", Some("a")),
            ("CONTEXT_TRAITS_USER_ID", Some("a")),
            ("context.traits.email", Some("b")),
            ("context_session_id", Some("7")),
            ("context_ip", Some("top")),
            ("context.ip", Some("1.2.3.4")),
            ("a.b", Some("key")),
            ("a_b", Some("path")),
            ("properties_cart_total", Some("6")),
            ("properties_x", Some("null")),
            ("id", Some("m")),
            ("event_text", Some("Product Viewed")),
            ("context.traits.name", None),
            ("context_traits_user_i", None),
            ("a.b.c", None),
            ("messageid", Some("m")),
            ("MESSAGEID", Some("m")),
            ("Context.Traits.USERID", Some("a")),
            ("contexts.session.0.userId", Some("first")),
            ("contexts.session.1.UserId", Some("second")),
            ("contexts.session.1.userID", Some("small")),
            ("contexts.session.2.0", Some("7")),
            ("contexts.session.3.userId", None),
            ("contexts.session.userId", None),
            ("contexts.session.-1.userId", None),
            ("contexts.0", Some("zero")),
        ] {
            assert_eq!(find(line, name).as_deref(), expected, "{name}");
        }
    }
}
