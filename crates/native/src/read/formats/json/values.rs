//! A file of JSON cut into its objects, however they stand there: one a line, one behind the other, over many lines, or as
//! the elements of an array.
//!
//! Damage costs what is damaged: an object that can't be taken apart ends where the next line starts that is indented no
//! more than its own and holds more than its closing brace.

use super::text::first_value;
use crate::read::rejects::RAW_BYTES;
use crate::read::window::End;

/// Bytes of objects over several lines that turned out to be none. Beyond it an object has to stand on one line, or a file of
/// opening braces would be read once a line.
const WASTE: u64 = 64 << 20;
/// A byte order mark in UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Takes what a file holds.
pub(in crate::read) trait Values {
    type Error;

    /// Takes the object that `text`, at `start` in the window, starts with; answers its length, or how far `text` is the
    /// start of one.
    fn object(&mut self, text: &str, start: usize, line: u64) -> Result<Result<usize, usize>, Self::Error>;

    /// Is shown what could not be taken apart, and on which line it starts.
    fn unreadable(&mut self, line: u64, raw: &[u8]) -> Result<(), Self::Error>;
}

/// Where in a file the next window starts.
pub(in crate::read) struct Cutter {
    /// The longest value, in bytes.
    longest: usize,
    line: u64,
    /// Spaces before the first value of the line.
    indent: usize,
    /// Whether the line holds nothing but space so far.
    is_blank: bool,
    /// Whether a comma may follow.
    is_behind_value: bool,
    array: Array,
    damage: Option<Damage>,
    wasted: u64,
}

/// The array around the values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Array {
    None,
    Open,
    /// Its end may be among what could not be taken apart.
    Damaged,
}

/// What can't be taken apart, up to where the next value starts.
struct Damage {
    line: u64,
    indent: usize,
    raw: Vec<u8>,
    /// Whether its end is within a line.
    is_in_line: bool,
}

impl Cutter {
    pub(in crate::read) fn new(longest: usize) -> Self {
        Self {
            longest,
            line: 1,
            indent: 0,
            is_blank: true,
            is_behind_value: false,
            array: Array::None,
            damage: None,
            wasted: 0,
        }
    }

    /// The same, where the stream starts with the line of this number.
    pub(in crate::read) fn starting_at(self, line: u64) -> Self {
        Self { line, ..self }
    }

    /// Takes the values that are whole in the window `bytes`; answers how many bytes are done with.
    ///
    /// An object counts only where the stream goes on behind it or is at its end.
    pub(in crate::read) fn take<V: Values>(
        &mut self,
        bytes: &[u8],
        end: End,
        values: &mut V,
    ) -> Result<usize, V::Error> {
        let mut at = 0;
        let mut valid = Valid::default();
        loop {
            if self.damage.is_some() {
                let Some(next) = self.pass_damage(bytes, &mut at, end) else { return Ok(at) };
                values.unreadable(next.line, next.raw.trim_ascii_end())?;
            }
            at = self.pass_space(bytes, at);
            let Some(byte) = bytes.get(at) else { break };
            let found = match byte {
                // What files begin with that were put together, and what RFC 7464 puts before each value.
                0x1E => {
                    at += 1;
                    continue;
                }
                0xEF if bytes[at..].starts_with(MARK) => {
                    at += MARK.len();
                    continue;
                }
                0xEF if end == End::Open && MARK.starts_with(&bytes[at..]) => break,
                b',' if self.is_behind_value => {
                    self.is_behind_value = false;
                    at += 1;
                    continue;
                }
                b']' if self.array != Array::None => {
                    (self.array, self.is_behind_value, self.is_blank) = (Array::None, true, false);
                    at += 1;
                    continue;
                }
                b'[' if self.array == Array::None => match after_bracket(&bytes[at + 1..]) {
                    Some(b'{' | b']') => {
                        (self.array, self.is_behind_value, self.is_blank) = (Array::Open, false, false);
                        at += 1;
                        continue;
                    }
                    None if end == End::Open && bytes.len() - at <= self.longest => break,
                    _ => self.value(bytes, at, end, &mut valid, first_value),
                },
                b'{' => {
                    let mut error = None;
                    let line = self.line;
                    let found = self.value(bytes, at, end, &mut valid, |text| {
                        values.object(text, at, line).unwrap_or_else(|failure| {
                            error = Some(failure);
                            Err(0)
                        })
                    });
                    if let Some(error) = error {
                        return Err(error);
                    }
                    found
                }
                _ if self.array != Array::None => self.value(bytes, at, end, &mut valid, first_value),
                _ => NextValue::None,
            };
            match found {
                NextValue::Value(length) => {
                    let value = &bytes[at..at + length];
                    if *byte != b'{' {
                        values.unreadable(self.line, value)?;
                    }
                    self.pass_value(value);
                    at += length;
                }
                NextValue::Cut => break,
                NextValue::None => {
                    if self.array == Array::Open {
                        self.array = Array::Damaged;
                    }
                    let (line, indent) = (self.line, self.indent);
                    self.damage = Some(Damage { line, indent, raw: Vec::new(), is_in_line: true });
                }
            }
        }
        Ok(at)
    }

    /// Shows what is left when there is no more window: `rest` is what was not consumed of a broken stream.
    pub(in crate::read) fn finish<V: Values>(
        self,
        rest: &[u8],
        end: End,
        values: &mut V,
    ) -> Result<(), V::Error> {
        if let Some(damage) = self.damage {
            return values.unreadable(damage.line, damage.raw.trim_ascii_end());
        }
        if end == End::Broken || self.array == Array::Open {
            return values.unreadable(self.line, rest);
        }
        Ok(())
    }

    /// The value at a place of the window.
    fn value<'a>(
        &mut self,
        bytes: &'a [u8],
        at: usize,
        end: End,
        valid: &mut Valid<'a>,
        first: impl FnOnce(&str) -> Result<usize, usize>,
    ) -> NextValue {
        let rest = valid.text(bytes, at);
        let is_valid = at + rest.len() == bytes.len() || valid.is_cut(end);
        let mut length = rest.len();
        let mut is_open = end != End::Ended && is_valid;
        if is_open {
            // What ends with the window may go on behind it.
            length -= usize::from(at + length == bytes.len());
        }
        if length > self.longest {
            (length, is_open) = (self.longest, false);
        }
        if self.wasted > WASTE
            && let Some(line_end) = memchr::memchr(b'\n', &rest.as_bytes()[..length])
        {
            (length, is_open) = (line_end, false);
        }
        while !rest.is_char_boundary(length) {
            length -= 1;
        }
        match first(&rest[..length]) {
            // A number may go on, too.
            Ok(found) if found < length || !is_open || bytes[at] == b'{' => NextValue::Value(found),
            Ok(_) => NextValue::Cut,
            Err(place) if place == length && is_open => NextValue::Cut,
            Err(place) => {
                let line_end = memchr::memchr(b'\n', &bytes[at..at + place]).unwrap_or(place);
                self.wasted += (place - line_end) as u64;
                NextValue::None
            }
        }
    }

    /// Goes over space; answers the place behind it.
    #[inline]
    fn pass_space(&mut self, bytes: &[u8], mut at: usize) -> usize {
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\n' => {
                    self.line += 1;
                    (self.indent, self.is_blank) = (0, true);
                }
                b' ' | b'\t' | b'\r' => self.indent += usize::from(self.is_blank),
                _ => break,
            }
            at += 1;
        }
        at
    }

    /// Takes note of a value, which may stand on several lines.
    #[inline]
    fn pass_value(&mut self, value: &[u8]) {
        if let Some(last) = memchr::memrchr(b'\n', value) {
            self.line += memchr::memchr_iter(b'\n', value).count() as u64;
            self.indent = value[last + 1..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        }
        (self.is_blank, self.is_behind_value) = (false, true);
    }

    /// Goes on to the line where the next value can start; answers the damage when that is in the window.
    fn pass_damage(&mut self, bytes: &[u8], at: &mut usize, end: End) -> Option<Damage> {
        let mut damage = self.damage.take()?;
        loop {
            let rest = &bytes[*at..];
            let length = if damage.is_in_line {
                match memchr::memchr(b'\n', rest) {
                    Some(place) => {
                        damage.is_in_line = false;
                        self.line += 1;
                        place + 1
                    }
                    None => rest.len(),
                }
            } else {
                let indent = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
                match rest.get(indent) {
                    None if end == End::Open && indent <= self.longest => {
                        self.damage = Some(damage);
                        return None;
                    }
                    None => rest.len(),
                    Some(b'\n') => {
                        self.line += 1;
                        indent + 1
                    }
                    Some(first) if indent <= damage.indent && *first != b'}' => {
                        (self.indent, self.is_blank, self.is_behind_value) = (0, true, false);
                        return Some(damage);
                    }
                    Some(_) => {
                        damage.is_in_line = true;
                        indent
                    }
                }
            };
            // A byte more than is shown tells where its last character ends.
            let kept = length.min((RAW_BYTES + 1).saturating_sub(damage.raw.len()));
            damage.raw.extend_from_slice(&rest[..kept]);
            *at += length;
            if *at == bytes.len() {
                self.damage = Some(damage);
                return None;
            }
        }
    }
}

/// What stands at a place.
enum NextValue {
    /// A value of this length.
    Value(usize),
    /// The start of one, perhaps.
    Cut,
    None,
}

/// The first byte that is no space.
fn after_bracket(bytes: &[u8]) -> Option<u8> {
    bytes.iter().copied().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// The part of a window that is known to be UTF-8.
#[derive(Default)]
struct Valid<'a> {
    text: &'a str,
    start: usize,
    /// Whether what follows may be the start of a character.
    is_cut: bool,
}

impl<'a> Valid<'a> {
    /// The text from `at` up to the first byte that is not UTF-8.
    fn text(&mut self, bytes: &'a [u8], at: usize) -> &'a str {
        if at < self.start || at >= self.start + self.text.len() {
            let rest = &bytes[at..];
            self.start = at;
            (self.text, self.is_cut) = simdutf8::basic::from_utf8(rest).map_or_else(
                |_| {
                    let error = simdutf8::compat::from_utf8(rest).expect_err("it was looked at before");
                    let text = std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default();
                    (text, error.error_len().is_none())
                },
                |text| (text, false),
            );
        }
        // Values start with a character of one byte.
        self.text.get(at - self.start..).unwrap_or_default()
    }

    fn is_cut(&self, end: End) -> bool {
        self.is_cut && end == End::Open
    }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
