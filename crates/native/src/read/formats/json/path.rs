//! Values of a JSON line by a configured name: a top-level key, a dotted path, or the warehouse's flattened name.

use super::text::{Value, ValueKind, elements, object, unescape};
use std::borrow::Cow;
use std::collections::HashMap;
use tracklet_kernel::event_name::EventNames;
use tracklet_kernel::secret_hash::SecretState;

/// How many different keys are kept with what they lead to.
const KNOWN_KEYS: usize = 10_000;
/// The longest key that is kept, in bytes.
const LONGEST_KNOWN_KEY: usize = 256;

/// A name to look for in every line.
#[derive(Debug, Clone)]
pub(in crate::read) struct WantedName {
    /// The name as configured.
    pub(in crate::read) name: String,
    /// The path it may spell, when it holds dots or `[0]`.
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
pub(in crate::read) struct FoundValue<'a> {
    fit: Fit,
    pub(in crate::read) value: Value<'a>,
}

impl WantedName {
    pub(in crate::read) fn new(name: &str) -> Self {
        let path: Vec<String> = dotted(name).split('.').map(str::to_owned).collect();
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

/// A path with `.0` for each `[0]`.
fn dotted(name: &str) -> String {
    let mut parts = name.split('[');
    let mut path = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(']').unwrap_or_default();
        let is_place = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_place || !(rest.is_empty() || rest.starts_with('.')) {
            return name.to_owned();
        }
        path = format!("{path}.{number}{rest}");
    }
    path
}

/// The names to look for in every object, and where the keys met so far lead to.
///
/// ```text
/// context_page_url, context_ip --context--> page_url, ip --page--> url --url--> found
/// ```
///
/// An object is gone through once for all names, and only where some of them go on.
pub(in crate::read) struct NameTree {
    targets: Vec<WantedName>,
    /// The targets that may spell a path with dots.
    with_path: Vec<usize>,
    /// Where names go on; the first is the object itself.
    places: Vec<ObjectPlace>,
    /// What keys lead to. The first is that of a key beyond those that are kept.
    steps: Vec<KeyStep>,
}

/// A place in objects at which names go on.
struct ObjectPlace {
    /// By target: where in its flattened name.
    names: Vec<(usize, usize)>,
    /// The steps of the keys met so far.
    known: HashMap<String, usize, SecretState>,
}

/// What a key leads to.
#[derive(Default)]
struct KeyStep {
    /// The targets whose value it has.
    takes: Vec<(usize, Fit)>,
    /// The place inside its value.
    next: Option<usize>,
}

impl NameTree {
    /// Nothing was met yet.
    pub(in crate::read) fn new(targets: &[WantedName]) -> Self {
        let names = (0..targets.len()).map(|target| (target, 0)).collect();
        let whole = ObjectPlace { names, known: HashMap::default() };
        let with_path = (0..targets.len()).filter(|target| !targets[*target].path.is_empty()).collect();
        Self { targets: targets.to_vec(), with_path, places: vec![whole], steps: vec![KeyStep::default()] }
    }

    /// Looks whether a top-level entry of an object is, or holds, what targets name.
    #[inline]
    pub(in crate::read) fn note<'a>(
        &mut self,
        key: &str,
        value: Value<'a>,
        found: &mut [Option<FoundValue<'a>>],
    ) {
        if self.targets.is_empty() {
            return;
        }
        self.step_into(0, key, value, found);
        for target in &self.with_path {
            if let [first, rest @ ..] = self.targets[*target].path.as_slice()
                && first.eq_ignore_ascii_case(key)
                && let Some((value, is_exact)) = at_path(value, rest)
            {
                let fit = if is_exact && first == key { Fit::Path } else { Fit::PathInOtherCase };
                take(&mut found[*target], fit, value);
            }
        }
    }

    fn step_into<'a>(
        &mut self,
        place: usize,
        key: &str,
        value: Value<'a>,
        found: &mut [Option<FoundValue<'a>>],
    ) {
        let step = match self.places[place].known.get(key) {
            Some(step) => *step,
            None => self.new_step(place, key),
        };
        let KeyStep { takes, next } = &self.steps[step];
        for (target, fit) in takes {
            take(&mut found[*target], *fit, value);
        }
        if let Some(next) = *next
            && value.kind == ValueKind::Object
        {
            // The line as a whole is checked by who looks at it.
            let _ = object(value.text, |key, value| self.step_into(next, &meaning(key), value, found));
        }
    }

    /// The step of a key that was not met there before.
    fn new_step(&mut self, place: usize, key: &str) -> usize {
        let part = flattened(key);
        let mut step = KeyStep::default();
        let mut next = Vec::new();
        for (target, from) in &self.places[place].names {
            let WantedName { name, flat, renamed, .. } = &self.targets[*target];
            if place == 0 && key.eq_ignore_ascii_case(name) {
                step.takes.push((*target, if key == name { Fit::Key } else { Fit::KeyInOtherCase }));
                continue;
            }
            if place == 0 && renamed.is_some_and(|renamed| renamed.eq_ignore_ascii_case(key)) {
                step.takes.push((*target, Fit::Renamed));
            }
            // Without a part of its own a level would not make the name shorter.
            let rest = flat[*from..].strip_prefix(part.as_str()).filter(|_| !part.is_empty());
            match rest.map(|rest| rest.strip_prefix('_').ok_or(rest)) {
                Some(Err("")) => step.takes.push((*target, Fit::Flattened)),
                Some(Ok(rest)) => next.push((*target, flat.len() - rest.len())),
                Some(Err(_)) | None => {}
            }
        }
        if !next.is_empty() {
            let known = self.places.iter().position(|place| place.names == next);
            step.next = Some(known.unwrap_or(self.places.len()));
            if known.is_none() {
                self.places.push(ObjectPlace { names: next, known: HashMap::default() });
            }
        }
        if self.steps.len() > KNOWN_KEYS || key.len() > LONGEST_KNOWN_KEY {
            self.steps[0] = step;
            return 0;
        }
        self.steps.push(step);
        let number = self.steps.len() - 1;
        self.places[place].known.insert(key.to_owned(), number);
        number
    }
}

/// Takes a value for a target where none fits better.
fn take<'a>(found: &mut Option<FoundValue<'a>>, fit: Fit, value: Value<'a>) {
    if found.is_none_or(|found| found.fit <= fit) {
        *found = Some(FoundValue { fit, value });
    }
}

/// A key as a part of a warehouse column's name.
pub(in crate::read) fn flattened(key: &str) -> String {
    EventNames::RudderStack.normalise(key).unwrap_or_default()
}

/// A key or string as it is meant; half a surrogate pair is U+FFFD.
pub(in crate::read) fn meaning(value: Value<'_>) -> Cow<'_, str> {
    if value.kind != ValueKind::Escaped {
        return Cow::Borrowed(value.text);
    }
    let mut text = String::with_capacity(value.text.len());
    // The text with U+FFFD is the best there is.
    let _ = unescape(value.text, &mut text);
    Cow::Owned(text)
}

/// What stands at `path` below `value`, and whether all keys are spelled as in the path. An array's elements are counted
/// from 0.
fn at_path<'a>(value: Value<'a>, path: &[String]) -> Option<(Value<'a>, bool)> {
    let [first, rest @ ..] = path else { return Some((value, true)) };
    let mut found: Option<(Value, bool)> = None;
    match value.kind {
        // The line as a whole is checked by who looks at it.
        ValueKind::Object => {
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
        ValueKind::Array => {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn find(line: &str, name: &str) -> Option<String> {
        let mut names =
            NameTree::new(&[WantedName::new("id"), WantedName::new(name), WantedName::new("context_x_y_z")]);
        let mut found = [None; 3];
        let looked = object(line, |key, value| names.note(&meaning(key), value, &mut found));
        assert_eq!(looked, Ok(true));
        let first = found[1].map(|found: FoundValue<'_>| meaning(found.value).into_owned());
        // A line like it takes the steps that are known now.
        let mut again = [None; 3];
        let _ = object(line, |key, value| names.note(&meaning(key), value, &mut again));
        assert_eq!(again[1].map(|found: FoundValue<'_>| meaning(found.value).into_owned()), first);
        first
    }

    #[test]
    fn names_are_found_also_beyond_the_keys_that_are_kept() {
        let mut names = NameTree::new(&[WantedName::new("context_page_url")]);
        for key in 0..KNOWN_KEYS + 5 {
            names.note(&format!("k{key}"), Value { kind: ValueKind::Number, text: "1" }, &mut [None]);
        }
        let mut found = [None];
        let page = Value { kind: ValueKind::Object, text: r#"{"ip":1,"page":{"path":2,"url":3}}"# };
        names.note("context", page, &mut found);
        assert_eq!(found[0].map(|found| found.value.text), Some("3"));
    }

    #[test]
    fn names_are_keys_then_paths_then_flattened() {
        let line = r#"{"context":{"traits":{"userId":"a","e\u006dail":"b"},"ip":"1.2.3.4","sessionId":7},
            "a.b":"key","a":{"b":"path"},"context_ip":"top","messageId":"m","event":"Product Viewed","in[0]brackets":"a key",
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
            ("contexts.session[0].userId", Some("first")),
            ("contexts.session[1].UserId", Some("second")),
            ("contexts.session[2][0]", Some("7")),
            ("contexts.session[3].userId", None),
            ("contexts.session[x].userId", None),
            ("contexts.session[0]userId", None),
            ("contexts.session[", None),
            ("in[0]brackets", Some("a key")),
        ] {
            assert_eq!(find(line, name).as_deref(), expected, "{name}");
        }
    }
}
