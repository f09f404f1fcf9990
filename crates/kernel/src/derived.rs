//! Columns whose values are derived from texts: the host of a URL, and what lists of words say of an agent.
//!
//! Everything here is ASCII lower case, positions and substrings, so that static SQL computes the same on every warehouse.

use crate::carried::{Carried, CarriedColumn};
use crate::intern::{Interner, NONE};
use crate::registry::{CarriedSpec, CarriedType};
use std::borrow::Cow;
use std::sync::Arc;

/// From what a carried column is derived. A column of truths is false where no input says anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Derived {
    /// The texts that are looked at. The first that says something decides.
    pub inputs: Vec<Input>,
    /// The value where an input has a text and none says anything.
    pub otherwise: Option<String>,
}

/// A text that a column is derived from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Input {
    /// The name of its column: one that tracks carry, or one of [`Gate::inputs`](crate::tracks::Gate::inputs).
    pub name: String,
    /// What is looked for in it.
    pub reading: Reading,
}

/// What is looked for in a text.
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
    /// What the rule says where it holds.
    pub value: String,
    /// One of these words must stand in the text.
    pub words: Vec<String>,
    /// And one of these, where there are any.
    pub with: Vec<String>,
    /// None of these may.
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
    fn read<'a>(&'a self, text: &str) -> Option<Cow<'a, str>> {
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

/// Derives the columns of the tracks of one builder, once for each different text.
#[derive(Debug, Default)]
pub(crate) struct Deriver {
    columns: Vec<DerivedColumn>,
    /// Texts of inputs that tracks do not carry.
    pub(crate) texts: Interner,
}

#[derive(Debug)]
struct DerivedColumn {
    /// The place of the column among the carried ones.
    place: usize,
    inputs: Vec<KnownInput>,
    otherwise: Option<String>,
    carried_type: CarriedType,
}

/// An input, and what its texts say as far as they were seen.
#[derive(Debug)]
struct KnownInput {
    from: From,
    reading: Reading,
    /// By the number of the text: the number of the value or 1 for a true one, [`NONE`] where it says nothing, or [`UNSEEN`].
    said: Vec<u32>,
}

/// Whose numbers those of an input's texts are.
#[derive(Debug, Clone, Copy)]
enum From {
    /// A carried column, by its place.
    Carried(usize),
    /// An input that is not carried, by its place.
    Input(usize),
}

/// Stands for a text that was not looked at yet.
const UNSEEN: u32 = NONE - 1;

impl Deriver {
    pub(crate) fn new(carried: &[CarriedSpec], inputs: &[CarriedSpec]) -> Self {
        let place = |name: &str| {
            let is_it = |spec: &CarriedSpec| spec.name == name && spec.carried_type == CarriedType::Text;
            let of_carried = carried.iter().position(|spec| is_it(spec) && spec.derived.is_none());
            let of_inputs = || inputs.iter().position(is_it).map(From::Input);
            of_carried.map(From::Carried).or_else(of_inputs)
        };
        let column = |(column_place, spec): (usize, &CarriedSpec)| {
            let derived = spec.derived.as_ref()?;
            let known = |input: &Input| {
                Some(KnownInput {
                    from: place(&input.name)?,
                    reading: input.reading.clone(),
                    said: Vec::new(),
                })
            };
            Some(DerivedColumn {
                place: column_place,
                inputs: derived.inputs.iter().filter_map(known).collect(),
                otherwise: derived.otherwise.clone(),
                carried_type: spec.carried_type,
            })
        };
        Self { columns: carried.iter().enumerate().filter_map(column).collect(), texts: Interner::default() }
    }

    /// Adds the values of `rows` new rows to the derived columns. `inputs` are the numbers of these rows' texts that are not carried;
    /// carried columns of texts have theirs as their last.
    pub(crate) fn derive(
        &mut self,
        rows: usize,
        carried: &mut Carried,
        inputs: &[Vec<u32>],
        values: &mut Interner,
    ) {
        let Self { columns, texts } = self;
        for DerivedColumn { place, inputs: known, otherwise, carried_type } in columns {
            let (is_truth, mut default) = (*carried_type == CarriedType::Truth, None);
            let mut derived = Vec::with_capacity(rows);
            for row in 0..rows {
                let mut value = NONE;
                let mut has_text = false;
                for KnownInput { from, reading, said } in known.iter_mut() {
                    let number = match *from {
                        From::Carried(place) => {
                            let numbers = carried.texts(place);
                            numbers[numbers.len() - rows + row]
                        }
                        From::Input(place) => inputs[place][row],
                    };
                    if number == NONE {
                        continue;
                    }
                    has_text = true;
                    if said.len() <= number as usize {
                        said.resize(number as usize + 1, UNSEEN);
                    }
                    if said[number as usize] == UNSEEN {
                        let text = match from {
                            From::Carried(_) => values.get(number),
                            From::Input(_) => texts.get(number),
                        };
                        said[number as usize] = match reading.read(text) {
                            None => NONE,
                            Some(value) if is_truth => u32::from(value == TRUE),
                            Some(value) => values.intern(&value),
                        };
                    }
                    value = said[number as usize];
                    if value != NONE {
                        break;
                    }
                }
                derived.push(match otherwise {
                    _ if value != NONE => value,
                    _ if is_truth => 0,
                    Some(otherwise) if has_text => *default.get_or_insert_with(|| values.intern(otherwise)),
                    _ => NONE,
                });
            }
            match &mut carried.0[*place] {
                CarriedColumn::Texts(texts) => texts.extend(derived),
                CarriedColumn::Truths(truths) => truths.extend(derived.into_iter().map(|truth| truth as u8)),
                CarriedColumn::Numbers(_) => unreachable!("no number is derived"),
            }
        }
    }

    /// Bytes of memory, about, that the texts take and what is known of them.
    pub(crate) fn bytes(&self) -> u64 {
        let said = self.columns.iter().flat_map(|column| &column.inputs).map(|input| input.said.len());
        self.texts.bytes() + (said.sum::<usize>() * size_of::<u32>()) as u64
    }
}

/// What a list says of a text for which the truth holds.
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
