//! JSON text taken apart without building anything: what is not asked for is checked and passed over.
//!
//! The grammar is RFC 8259, whole: a line is accepted exactly when all of it is one valid value. Nesting takes a bit
//! of memory a level and no stack. Numbers have no limits, and an escape may be half of a surrogate pair, as the
//! grammar allows; [`unescape`] is where such text shows to be none.

/// The text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) struct Malformed;

/// A value, or an object's key, as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) struct Value<'a> {
    pub(in crate::read) kind: ValueKind,
    /// The source text; of a string what is between the quotes.
    pub(in crate::read) text: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) enum ValueKind {
    Null,
    /// A string without escapes.
    Plain,
    /// A string with escapes.
    Escaped,
    Number,
    Bool,
    Array,
    Object,
}

/// A place in a text.
pub(in crate::read) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

/// Hands the entries of the object that is all of `text` to `entry`, in order, duplicates too.
///
/// # Errors
/// When `text` is no valid JSON; some entries may have been handed out by then. A valid value that is no object is
/// `Ok(false)`.
#[inline]
pub(in crate::read) fn object<'a>(
    text: &'a str,
    entry: impl FnMut(Value<'a>, Value<'a>),
) -> Result<bool, Malformed> {
    let mut scanner = Scanner::new(text);
    scanner.space();
    let is_object = scanner.peek() == Some(b'{');
    if is_object {
        scanner.object(entry)?;
    } else {
        scanner.value()?;
    }
    scanner.space();
    if scanner.at == scanner.bytes.len() { Ok(is_object) } else { Err(Malformed) }
}

/// Hands the entries of the object that `text` starts with to `entry`; answers the object's length.
///
/// # Errors
/// How far `text` is the start of an object: its length where more text might make it one. Some entries may have been
/// handed out by then.
#[inline]
pub(in crate::read) fn first_object<'a>(
    text: &'a str,
    entry: impl FnMut(Value<'a>, Value<'a>),
) -> Result<usize, usize> {
    let mut scanner = Scanner::new(text);
    match scanner.object(entry) {
        Ok(()) => Ok(scanner.at),
        Err(Malformed) => Err(scanner.at),
    }
}

/// The length of the value that `text` starts with.
///
/// # Errors
/// As [`first_object`].
pub(in crate::read) fn first_value(text: &str) -> Result<usize, usize> {
    let mut scanner = Scanner::new(text);
    match scanner.value() {
        Ok(_) => Ok(scanner.at),
        Err(Malformed) => Err(scanner.at),
    }
}

/// Hands the elements of the array `text` to `element`, in order; does nothing for text that is no array.
pub(in crate::read) fn elements<'a>(text: &'a str, mut element: impl FnMut(Value<'a>)) {
    let mut scanner = Scanner::new(text);
    if scanner.expect(b'[').is_err() {
        return;
    }
    scanner.space();
    while scanner.peek() != Some(b']') {
        let Ok(value) = scanner.value() else { return };
        element(value);
        if scanner.expect(b',').is_err() {
            return;
        }
        scanner.space();
    }
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0 }
    }

    /// An object with its braces.
    #[inline]
    fn object(&mut self, mut entry: impl FnMut(Value<'a>, Value<'a>)) -> Result<(), Malformed> {
        self.expect(b'{')?;
        self.entries(&mut entry)
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        self.space();
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(Malformed)
    }

    /// An object's entries, from behind its `{`.
    #[inline]
    fn entries(&mut self, entry: &mut impl FnMut(Value<'a>, Value<'a>)) -> Result<(), Malformed> {
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.expect(b'"')?;
            let key = self.string()?;
            self.expect(b':')?;
            let value = self.value()?;
            entry(key, value);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Malformed),
            }
        }
    }

    /// The next value, whole.
    #[inline]
    fn value(&mut self) -> Result<Value<'a>, Malformed> {
        self.space();
        let start = self.at;
        let kind = match self.peek().ok_or(Malformed)? {
            b'"' => {
                self.at += 1;
                return self.string();
            }
            b'{' => {
                self.container()?;
                ValueKind::Object
            }
            b'[' => {
                self.container()?;
                ValueKind::Array
            }
            _ => self.scalar()?,
        };
        Ok(Value { kind, text: &self.text[start..self.at] })
    }

    /// A number or a word.
    #[inline]
    fn scalar(&mut self) -> Result<ValueKind, Malformed> {
        match self.peek().ok_or(Malformed)? {
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true", ValueKind::Bool),
            b'f' => self.word(b"false", ValueKind::Bool),
            b'n' => self.word(b"null", ValueKind::Null),
            _ => Err(Malformed),
        }
    }

    #[inline]
    fn word(&mut self, word: &[u8], kind: ValueKind) -> Result<ValueKind, Malformed> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(kind);
        }
        if word.starts_with(rest) {
            // The text ends within the word.
            self.at = self.bytes.len();
        }
        Err(Malformed)
    }

    #[inline]
    fn number(&mut self) -> Result<ValueKind, Malformed> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(Malformed),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(ValueKind::Number)
    }

    /// One digit or more.
    #[inline]
    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(Malformed) }
    }

    /// A string, from behind its opening quote.
    #[inline]
    fn string(&mut self) -> Result<Value<'a>, Malformed> {
        let start = self.at;
        let mut kind = ValueKind::Plain;
        loop {
            self.at += plain_length(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Value { kind, text: &self.text[start..self.at - 1] });
                }
                Some(b'\\') => {
                    kind = ValueKind::Escaped;
                    self.escape()?;
                }
                _ => return Err(Malformed),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        let rest = &self.bytes[self.at + 1..];
        match rest.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') if rest.len() > 4 && rest[1..5].iter().all(u8::is_ascii_hexdigit) => self.at += 6,
            Some(b'u') if rest.len() <= 4 && rest[1..].iter().all(u8::is_ascii_hexdigit) => {
                // The text ends within the escape.
                self.at = self.bytes.len();
                return Err(Malformed);
            }
            None => {
                self.at = self.bytes.len();
                return Err(Malformed);
            }
            _ => return Err(Malformed),
        }
        Ok(())
    }

    /// An array or object with all that is in it, without recursion.
    fn container(&mut self) -> Result<(), Malformed> {
        let mut open = Levels::default();
        loop {
            // At a value.
            self.space();
            match self.peek().ok_or(Malformed)? {
                opening @ (b'{' | b'[') => {
                    self.at += 1;
                    self.space();
                    let is_object = opening == b'{';
                    let closing = if is_object { b'}' } else { b']' };
                    if self.peek() != Some(closing) {
                        open.push(is_object);
                        if is_object {
                            self.key()?;
                        }
                        continue;
                    }
                    self.at += 1;
                }
                b'"' => {
                    self.at += 1;
                    self.string()?;
                }
                _ => {
                    self.scalar()?;
                }
            }
            // Behind a value.
            loop {
                let Some(is_object) = open.last() else { return Ok(()) };
                self.space();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if is_object {
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if is_object => self.at += 1,
                    Some(b']') if !is_object => self.at += 1,
                    _ => return Err(Malformed),
                }
                open.pop();
            }
        }
    }

    /// A key and the colon behind it.
    #[inline]
    fn key(&mut self) -> Result<(), Malformed> {
        self.expect(b'"')?;
        self.string()?;
        self.expect(b':')
    }
}

/// The containers that are open, a bit each: set for an object.
#[derive(Default)]
struct Levels {
    /// The innermost, at most 64.
    bits: u64,
    depth: usize,
    outer: Vec<u64>,
}

impl Levels {
    #[inline]
    fn push(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(is_object);
        self.depth += 1;
    }

    #[inline]
    fn last(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.bits & 1 == 1)
    }

    #[inline]
    fn pop(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }
}

/// How many bytes come before the first quote, backslash or control character. Eight are looked at together.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word;
    let (words, rest) = bytes.as_chunks::<8>();
    for (position, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quotes = zero_bytes(word ^ (ONES * u64::from(b'"')));
        let backslashes = zero_bytes(word ^ (ONES * u64::from(b'\\')));
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        // A borrow can set the bits of later bytes only, so the lowest one is right.
        let found = (quotes | backslashes | controls) & HIGHS;
        if found != 0 {
            return position * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1F);
    words.len() * 8 + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Appends what a string with escapes stands for.
///
/// In: the text of a [`ValueKind::Escaped`] value. Half of a surrogate pair becomes U+FFFD, and the answer is
/// [`Malformed`]: there is no such text.
pub(in crate::read) fn unescape(text: &str, to: &mut String) -> Result<(), Malformed> {
    let mut result = Ok(());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        to.push_str(&rest[..at]);
        let kind = rest.as_bytes().get(at + 1).copied().ok_or(Malformed)?;
        let mut length = 2;
        let character = match kind {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = code_unit(&rest[at..]).ok_or(Malformed)?;
                length = 6;
                let second = code_unit(&rest[at + 6..]).filter(|_| (0xD800..0xDC00).contains(&first));
                let pair = [Some(first), second];
                let mut decoded = char::decode_utf16(pair.into_iter().flatten());
                if let Some(Ok(character)) = decoded.next() {
                    length = 6 * character.len_utf16();
                    character
                } else {
                    result = Err(Malformed);
                    char::REPLACEMENT_CHARACTER
                }
            }
            other => char::from(other),
        };
        to.push(character);
        rest = &rest[at + length..];
    }
    to.push_str(rest);
    result
}

/// The number of an escape like `\u00e9` that `text` starts with.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
