//! Tables with a space behind each delimiter, which is none of the fields'.

use super::dialect::Dialect;
use std::io::{self, Read};

/// A stream without the spaces at the start of fields, but for those of a record's first field. Quotes stay as they are.
pub(super) struct Unspaced<R> {
    stream: R,
    dialect: Dialect,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the start of a record.
    Record,
    /// Behind a delimiter.
    Field,
    /// In a field without quotes, or behind its closing quote.
    Inside,
    /// Between quotes.
    Quoted,
    /// Between quotes, behind what makes the next byte the field's own.
    Escaped,
    /// Behind a quote that may be the closing one, or the first of two.
    Closed,
}

impl<R> Unspaced<R> {
    pub(super) fn new(stream: R, dialect: Dialect) -> Self {
        Self { stream, dialect, place: Place::Record }
    }

    /// Takes the next byte; `false` for a space that is left out.
    fn takes(&mut self, byte: u8) -> bool {
        let is_quote = self.dialect.quote == Some(byte);
        self.place = match self.place {
            Place::Quoted if self.dialect.escape == Some(byte) => Place::Escaped,
            Place::Quoted if is_quote => Place::Closed,
            Place::Quoted | Place::Escaped => Place::Quoted,
            Place::Record | Place::Field | Place::Closed if is_quote => Place::Quoted,
            Place::Field if byte == b' ' => return false,
            _ if byte == self.dialect.delimiter => Place::Field,
            _ if matches!(byte, b'\r' | b'\n') => Place::Record,
            _ => Place::Inside,
        };
        true
    }
}

impl<R: Read> Read for Unspaced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.stream.read(buffer)?;
            let mut kept = 0;
            for at in 0..length {
                let byte = buffer[at];
                if self.takes(byte) {
                    buffer[kept] = byte;
                    kept += 1;
                }
            }
            if kept > 0 || length == 0 {
                return Ok(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_at_the_start_of_fields_go() {
        let dialect = Dialect { delimiter: b',', quote: Some(b'"'), escape: Some(b'\\'), is_spaced: true };
        let text =
            "id, name,  at\n 0, \"a\\\", \\\\\", b\n 1, \"a, \"\"b\"\"\n, c\", d e \r\n, \"\", \" x\"y, z\n";
        let expected = "id,name,at\n 0,\"a\\\", \\\\\",b\n 1,\"a, \"\"b\"\"\n, c\",d e \r\n,\"\",\" x\"y,z\n";
        for step in [1, 2, 1000] {
            let mut unspaced = Unspaced::new(text.as_bytes(), dialect);
            let (mut all, mut bytes) = (Vec::new(), vec![0; step]);
            while let length @ 1.. = unspaced.read(&mut bytes).unwrap() {
                all.extend_from_slice(&bytes[..length]);
            }
            assert_eq!(String::from_utf8(all).unwrap(), expected, "{step}");
        }
    }
}
