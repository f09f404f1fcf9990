//! Event ids that are made of the rows themselves, for data that has none.
//!
//! ```text
//! row --its values as text--> MD5 --> the id; rows alike have the same one
//!     --> the least of them keeps it, the next ones are `-2`, `-3`, ...     (alike.rs)
//! ```
//!
//! `docs/events.md` defines the text.

use crate::event_type::EventType;
use md5::{Digest, Md5};
use std::fmt::Write;

/// The value of `[source.columns] event_id` with which ids are made of rows.
pub const FROM_ROW: &str = "from_row";
/// Hexadecimal digits of an MD5.
const DIGITS: usize = 32;
/// Stands between values.
const SEPARATOR: char = '\u{1F}';
/// Stands in front of a value.
const VALUE: char = '+';
/// Stands in the place of a value that is missing.
const NULL: char = '-';
/// What stands between an id and its number.
const BEFORE_NUMBER: char = '-';

/// Makes the id of a row from its values, which are taken in in the order of the definition.
#[derive(Default)]
pub(crate) struct Maker {
    text: String,
    id: String,
}

impl Maker {
    /// Begins with a row.
    pub(crate) fn start(&mut self) -> &mut Self {
        self.text.clear();
        self
    }

    /// Takes in a text.
    pub(crate) fn text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => {
                self.text.push(VALUE);
                self.text.push_str(value);
            }
            None => self.text.push(NULL),
        }
        self.text.push(SEPARATOR);
        self
    }

    /// Takes in a number: microseconds, or millionths.
    pub(crate) fn number(&mut self, value: Option<i128>) -> &mut Self {
        match value {
            Some(value) => {
                let _ = write!(self.text, "{VALUE}{value}");
            }
            None => self.text.push(NULL),
        }
        self.text.push(SEPARATOR);
        self
    }

    /// Takes in the type of an event where tracks alone are events.
    pub(crate) fn track(&mut self) -> &mut Self {
        self.text(Some(EventType::Track.name()))
    }

    /// The MD5 of all values, in hexadecimal digits.
    pub(crate) fn id(&mut self) -> &str {
        let text = self.text.strip_suffix(SEPARATOR).unwrap_or_default();
        self.id.clear();
        for byte in Md5::digest(text.as_bytes()) {
            let _ = write!(self.id, "{byte:02x}");
        }
        &self.id
    }
}

/// The id of the row of this number, from 2 on, among those of one id.
pub fn numbered(id: &str, number: u64) -> String {
    format!("{id}{BEFORE_NUMBER}{number}")
}

/// The id without its number, where it has one.
pub(crate) fn without_number(id: &str) -> Option<&str> {
    let (start, number) = id.split_at_checked(DIGITS)?;
    let number = number.strip_prefix(BEFORE_NUMBER)?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.is_empty();
    is_number.then_some(start)
}
