//! A TOML file as sections and values that know where they stand.

use super::error::{ConfigError, Place, Problem};
use super::keys::{ANY, keys_of, sections};
use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The text of a file and its name: what turns an offset into a place. Keeps what was found wrong, so that one look finds all
/// of it.
#[derive(Debug)]
pub(super) struct Document<'a> {
    text: &'a str,
    file: &'a Path,
    found: RefCell<Vec<ConfigError>>,
}

impl<'a> Document<'a> {
    pub(super) fn new(text: &'a str, file: &'a Path) -> Self {
        Self { text, file, found: RefCell::default() }
    }

    /// Keeps an error; the look goes on.
    pub(super) fn note(&self, error: ConfigError) {
        self.found.borrow_mut().push(error);
    }

    /// All that was found wrong, in the order of the file.
    pub(super) fn into_found(self) -> Vec<ConfigError> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|error| error.place().map(|place| (place.line, place.column)));
        found
    }

    /// The error `problem` at the byte range `span`.
    pub(super) fn wrong(&self, span: &Range<usize>, problem: Problem) -> ConfigError {
        ConfigError::Wrong { place: self.place(span), problem }
    }

    fn place(&self, span: &Range<usize>) -> Place {
        let before = &self.text[..self.text.floor_char_boundary(span.start)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Place {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// Where the name and the value of the key at a path stand; `None` where the file has no such key.
    pub(super) fn spot(&self, path: &[&str]) -> Option<Spot> {
        let top = self.parse().ok()?;
        let mut table = &top;
        let (last, sections) = path.split_last()?;
        for section in sections {
            table = table.get(*section)?.get_ref().as_table()?;
        }
        let (name, value) = table.get_key_value(*last)?;
        Some(Spot { name: self.place(&name.span()), value: self.place(&value.span()) })
    }

    /// The top of the file.
    pub(super) fn parse(&self) -> Result<DeTable<'a>, ConfigError> {
        DeTable::parse(self.text).map(Spanned::into_inner).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            self.wrong(&span, Problem::Syntax(error.message().lines().collect::<Vec<_>>().join(", ")))
        })
    }

    /// What stands at `span`, short enough for a message.
    fn written(&self, span: &Range<usize>) -> String {
        const SHOWN: usize = 60;
        let whole = self.text.get(span.clone()).unwrap_or_default().trim();
        let line = whole.lines().next().unwrap_or_default();
        let mut shown: String = line.chars().take(SHOWN).collect();
        if shown.len() < whole.len() {
            shown.push_str("...");
        }
        shown
    }
}

/// Where a key and its value are in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Where the key is, for a section the text between the brackets.
    pub name: Place,
    /// Where the value is.
    pub value: Place,
}

/// A table of the file, its unknown keys noted.
pub(super) struct Section<'a> {
    document: &'a Document<'a>,
    name: &'static str,
    /// The name the user gave it, where users do.
    own: String,
    table: Option<&'a DeTable<'a>>,
}

impl<'a> Section<'a> {
    /// The top of the file.
    pub(super) fn top(document: &'a Document<'a>, table: &'a DeTable<'a>) -> Self {
        Self { document, name: "", own: String::new(), table: Some(table) }.checked()
    }

    /// The section `[name]` (its dotted name) that stands in this one; without keys if the file has no such section.
    pub(super) fn section(&self, name: &'static str) -> Self {
        let own_name = name.rsplit('.').next().unwrap_or(name);
        let table = self.table_at(own_name, name);
        Self { document: self.document, name, own: String::new(), table }.checked()
    }

    /// What stands below a key; a value that is no section is noted.
    fn table_at(&self, key: &str, path: &str) -> Option<&'a DeTable<'a>> {
        let value = self.table?.get(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.document.note(self.no_section(path, value));
        }
        table
    }

    fn checked(self) -> Self {
        if keys_of(self.name).any(|key| key.name == ANY) {
            return self;
        }
        let known = |key: &str| {
            let path = self.path(key);
            let is_section = |name: &str| name == path || name.starts_with(&format!("{path}."));
            keys_of(self.name).any(|known| known.name == key)
                || sections().into_iter().chain(["targets"]).any(is_section)
        };
        for unknown in self.entries().into_iter().filter(|entry| !known(&entry.key)) {
            let problem = Problem::UnknownKey { section: self.name.to_owned(), key: unknown.key };
            self.document.note(self.document.wrong(&unknown.key_span, problem));
        }
        self
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}{}.{key}", self.name, self.own) }
    }

    /// Every key with its value, in the order of the file.
    pub(super) fn entries(&self) -> Vec<Entry<'a>> {
        let mut entries: Vec<Entry<'a>> = self
            .table
            .into_iter()
            .flatten()
            .map(|(key, value)| Entry {
                document: self.document,
                path: self.path(key.get_ref()),
                key: key.get_ref().to_string(),
                key_span: key.span(),
                value,
            })
            .collect();
        entries.sort_by_key(|entry| entry.key_span.start);
        entries
    }

    /// The section `[name]` of sections whose names the user chooses; without any if the file has none.
    pub(super) fn named_sections(&self, name: &'static str) -> Self {
        Self { document: self.document, name, own: String::new(), table: self.table_at(name, name) }
    }

    /// Every section in this one with the entry that names it. Their keys are not looked at.
    pub(super) fn tables(&self) -> Vec<(Entry<'a>, Self)> {
        let mut tables = Vec::new();
        for entry in self.entries() {
            let Some(table) = self.table_at(&entry.key, &self.path(&entry.key)) else { continue };
            let own = format!(".{}", entry.key);
            let section = Section { document: self.document, name: self.name, own, table: Some(table) };
            tables.push((entry, section));
        }
        tables
    }

    fn no_section(&self, name: &str, value: &Spanned<DeValue<'_>>) -> ConfigError {
        let problem = Problem::WrongType {
            key: name.to_owned(),
            expected: "a section",
            value: self.document.written(&value.span()),
        };
        self.document.wrong(&value.span(), problem)
    }

    /// Whether the file has the section.
    pub(super) fn exists(&self) -> bool {
        self.table.is_some()
    }

    /// The value of one key, if the file has it.
    pub(super) fn get(&self, key: &str) -> Option<Entry<'a>> {
        self.entries().into_iter().find(|entry| entry.key == key)
    }

    /// What `read` makes of the value of one key; `None` without the key, and where it is wrong, which is noted.
    pub(super) fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Entry<'a>) -> Result<T, ConfigError>,
    ) -> Option<T> {
        self.kept(read(&self.get(key)?))
    }

    /// The value; an error is noted.
    pub(super) fn kept<T>(&self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.document.note(error)).ok()
    }
}

/// A key with its value.
pub(super) struct Entry<'a> {
    document: &'a Document<'a>,
    /// The key with its section.
    pub(super) path: String,
    /// The key without its section.
    pub(super) key: String,
    /// Where the key stands.
    pub(super) key_span: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

impl Entry<'_> {
    /// `problem` where the value stands.
    pub(super) fn wrong(&self, problem: Problem) -> ConfigError {
        self.document.wrong(&self.value.span(), problem)
    }

    /// `problem` where the key stands.
    pub(super) fn wrong_key(&self, problem: Problem) -> ConfigError {
        self.document.wrong(&self.key_span, problem)
    }

    /// The value as it stands in the file.
    pub(super) fn written(&self) -> String {
        self.document.written(&self.value.span())
    }

    fn wrong_type(&self, value: &Spanned<DeValue<'_>>, expected: &'static str) -> ConfigError {
        let written = self.document.written(&value.span());
        self.document
            .wrong(&value.span(), Problem::WrongType { key: self.path.clone(), expected, value: written })
    }

    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        self.value.get_ref().as_bool().ok_or_else(|| self.wrong_type(self.value, "`true` or `false`"))
    }

    /// The error that the value is not `expected`.
    pub(super) fn wrong_type_of(&self, expected: &'static str) -> ConfigError {
        self.wrong_type(self.value, expected)
    }

    /// The value, whatever it is. Times become texts.
    pub(super) fn json(&self) -> serde_json::Value {
        json(self.value.get_ref())
    }

    /// A text that is not empty.
    pub(super) fn text(&self) -> Result<String, ConfigError> {
        self.text_of(self.value, "a text")
    }

    /// The value if it is a text, whatever is in it.
    pub(super) fn as_text(&self) -> Option<&str> {
        self.value.get_ref().as_str()
    }

    fn text_of(&self, value: &Spanned<DeValue<'_>>, expected: &'static str) -> Result<String, ConfigError> {
        let text = value.get_ref().as_str().ok_or_else(|| self.wrong_type(value, expected))?;
        if text.is_empty() {
            return Err(self.document.wrong(&value.span(), Problem::Empty { key: self.path.clone() }));
        }
        Ok(text.to_owned())
    }

    /// A text or a list of texts, none of them empty.
    pub(super) fn texts(&self) -> Result<Vec<String>, ConfigError> {
        const EXPECTED: &str = "a text or a list of texts";
        match self.value.get_ref().as_array() {
            None => Ok(vec![self.text_of(self.value, EXPECTED)?]),
            Some(list) => {
                let (good, wrong): (Vec<_>, Vec<_>) =
                    list.iter().map(|item| self.text_of(item, EXPECTED)).partition(Result::is_ok);
                let mut wrong = wrong.into_iter().filter_map(Result::err);
                let Some(first) = wrong.next() else { return good.into_iter().collect() };
                wrong.for_each(|error| self.document.note(error));
                Err(first)
            }
        }
    }

    /// A text or a list of texts, which may be empty.
    pub(super) fn any_texts(&self) -> Result<Vec<String>, ConfigError> {
        const EXPECTED: &str = "a text or a list of texts";
        let text = |value: &Spanned<DeValue<'_>>| {
            let text = value.get_ref().as_str().map(ToOwned::to_owned);
            text.ok_or_else(|| self.wrong_type(value, EXPECTED))
        };
        match self.value.get_ref().as_array() {
            None => Ok(vec![text(self.value)?]),
            Some(list) => list.iter().map(text).collect(),
        }
    }

    /// A number from `least` to `most`.
    pub(super) fn number(&self, least: u64, most: Option<u64>) -> Result<u64, ConfigError> {
        let integer =
            self.value.get_ref().as_integer().ok_or_else(|| self.wrong_type(self.value, "a number"))?;
        u64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .filter(|number| (least..=most.unwrap_or(u64::MAX)).contains(number))
            .ok_or_else(|| {
                let (key, value) = (self.path.clone(), self.written());
                self.wrong(Problem::OutOfRange { key, value, least, most })
            })
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Result<T, ConfigError> {
        self.choice_of(self.value, "a text", choices)
    }

    /// One of a few words, or a list of them.
    pub(super) fn choices<T: Copy>(&self, choices: &[(&'static str, T)]) -> Result<Vec<T>, ConfigError> {
        const EXPECTED: &str = "a text or a list of texts";
        match self.value.get_ref().as_array() {
            None => Ok(vec![self.choice_of(self.value, EXPECTED, choices)?]),
            Some(list) => list.iter().map(|item| self.choice_of(item, EXPECTED, choices)).collect(),
        }
    }

    fn choice_of<T: Copy>(
        &self,
        value: &Spanned<DeValue<'_>>,
        expected: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<T, ConfigError> {
        let word = value.get_ref().as_str().ok_or_else(|| self.wrong_type(value, expected))?;
        choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice).ok_or_else(|| {
            self.document.wrong(
                &value.span(),
                Problem::NotAChoice {
                    key: self.path.clone(),
                    value: word.to_owned(),
                    choices: choices.iter().map(|(name, _)| *name).collect(),
                },
            )
        })
    }

    /// What stands under the only key of a value that is a table with that key alone.
    pub(super) fn only(&self, key: &str) -> Option<Entry<'_>> {
        let table = self.value.get_ref().as_table()?;
        let (name, value) = table.get_key_value(key).filter(|_| table.len() == 1)?;
        Some(Entry {
            document: self.document,
            path: self.path.clone(),
            key: self.key.clone(),
            key_span: name.span(),
            value,
        })
    }

    /// What stands under each key of a value that is a table.
    pub(super) fn fields(&self) -> Vec<Entry<'_>> {
        let fields = self.value.get_ref().as_table().into_iter().flatten();
        let field = |(name, value): (&Spanned<Cow<'_, str>>, _)| Entry {
            document: self.document,
            path: self.path.clone(),
            key: name.get_ref().to_string(),
            key_span: name.span(),
            value,
        };
        fields.map(field).collect()
    }

    /// Whether the value is a table.
    pub(super) fn is_table(&self) -> bool {
        self.value.get_ref().as_table().is_some()
    }
}

fn json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().into(),
        DeValue::Float(float) => float.as_str().parse::<f64>().ok().into(),
        DeValue::Boolean(truth) => (*truth).into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(list) => list.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())));
            serde_json::Value::Object(entries.collect())
        }
    }
}
