//! UTF-16, as Windows PowerShell and Excel write it, and UTF-32 read as UTF-8.

use std::io::{self, ErrorKind, Read};

/// Bytes read from the stream at a time.
const CHUNK: usize = 64 << 10;
/// What stands for something that is no character: a byte that UTF-8 does not have there.
const NO_CHARACTER: u8 = 0x80;

/// The bytes of a stream as UTF-8: UTF-16 and UTF-32 are decoded, all else is as it was.
///
/// Half of a surrogate pair, and a number that is no character, become a byte that is no UTF-8: a replacement character could make
/// two ids one.
pub(super) struct Decoded<R> {
    stream: R,
    encoding: Option<Encoding>,
    /// Bytes read and not decoded yet.
    encoded: Vec<u8>,
    /// Bytes to hand out, from `start` on.
    ready: Vec<u8>,
    start: usize,
    is_over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// UTF-8, or none that is known.
    Other,
    LittleEndian,
    BigEndian,
    LittleEndian32,
    BigEndian32,
}

impl Encoding {
    /// The encoding of a stream that starts with these bytes, and the length of its mark.
    fn of(start: &[u8]) -> (Self, usize) {
        match *start {
            [0xFF, 0xFE, 0, 0, ..] => (Self::LittleEndian32, 4),
            [0, 0, 0xFE, 0xFF, ..] => (Self::BigEndian32, 4),
            [0xFF, 0xFE, ..] => (Self::LittleEndian, 2),
            [0xFE, 0xFF, ..] => (Self::BigEndian, 2),
            _ => (Self::without_mark(start), 0),
        }
    }
}

/// Bytes that tell the encoding: two characters of UTF-32.
const LOOKED_AT: usize = 8;

impl Encoding {
    /// The encoding of a stream without a mark: all files of events start with a character of ASCII. One alone does not tell, where
    /// more bytes follow: some zeros in front of a file do not make all of it another encoding.
    fn without_mark(start: &[u8]) -> Self {
        let second = start.get(4..8);
        let is_character = |number: u32| char::from_u32(number).is_some();
        let little = |unit: &[u8]| u32::from_le_bytes(unit.try_into().expect("four bytes"));
        let big = |unit: &[u8]| u32::from_be_bytes(unit.try_into().expect("four bytes"));
        match start.get(..4) {
            Some([1..=0x7F, 0, 0, 0]) if second.is_none_or(|unit| is_character(little(unit))) => {
                Self::LittleEndian32
            }
            Some([0, 0, 0, 1..=0x7F]) if second.is_none_or(|unit| is_character(big(unit))) => {
                Self::BigEndian32
            }
            Some([1..=0x7F, 0, 1..=0x7F, 0]) => Self::LittleEndian,
            Some([0, 1..=0x7F, 0, 1..=0x7F]) => Self::BigEndian,
            _ => Self::Other,
        }
    }
}

impl<R: Read> Decoded<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, encoding: None, encoded: Vec::new(), ready: Vec::new(), start: 0, is_over: false }
    }

    /// Reads the first bytes, which tell the encoding.
    fn look(&mut self) -> io::Result<Encoding> {
        while self.encoded.len() < LOOKED_AT && !self.is_over {
            let mut bytes = [0; LOOKED_AT];
            let missing = LOOKED_AT - self.encoded.len();
            let length = self.read_more(&mut bytes[..missing])?;
            self.encoded.extend_from_slice(&bytes[..length]);
        }
        let (encoding, mark) = Encoding::of(&self.encoded);
        self.encoded.drain(..mark);
        if encoding == Encoding::Other {
            self.ready = std::mem::take(&mut self.encoded);
        }
        self.encoding = Some(encoding);
        Ok(encoding)
    }

    fn read_more(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    self.is_over = true;
                    return Ok(0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Decodes the next chunk.
    fn decode(&mut self, encoding: Encoding) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        let length = self.read_more(&mut chunk)?;
        self.encoded.extend_from_slice(&chunk[..length]);
        self.ready.clear();
        self.start = 0;
        let rest = match encoding {
            Encoding::LittleEndian32 | Encoding::BigEndian32 => self.decode_32(encoding),
            Encoding::Other | Encoding::LittleEndian | Encoding::BigEndian => self.decode_16(encoding),
        };
        if self.is_over && rest {
            // Half a character.
            self.ready.push(0xFF);
        }
        Ok(())
    }

    /// Decodes what was read but for a part of a character; returns whether there is one.
    fn decode_16(&mut self, encoding: Encoding) -> bool {
        let (pairs, rest) = self.encoded.as_chunks::<2>();
        let unit = |pair: &[u8; 2]| match encoding {
            Encoding::BigEndian => u16::from_be_bytes(*pair),
            _ => u16::from_le_bytes(*pair),
        };
        // The first half of a pair waits for the second.
        let is_half = pairs.last().is_some_and(|pair| (0xD800..0xDC00).contains(&unit(pair)));
        let whole = pairs.len() - usize::from(is_half && !self.is_over);
        for character in char::decode_utf16(pairs[..whole].iter().map(unit)) {
            match character {
                Ok(character) => push(&mut self.ready, character),
                Err(_) => self.ready.push(NO_CHARACTER),
            }
        }
        let is_cut = !rest.is_empty();
        self.encoded.drain(..2 * whole);
        is_cut
    }

    /// As [`Self::decode_16`].
    fn decode_32(&mut self, encoding: Encoding) -> bool {
        let (units, rest) = self.encoded.as_chunks::<4>();
        for unit in units {
            let number = match encoding {
                Encoding::BigEndian32 => u32::from_be_bytes(*unit),
                _ => u32::from_le_bytes(*unit),
            };
            match char::from_u32(number) {
                Some(character) => push(&mut self.ready, character),
                None => self.ready.push(NO_CHARACTER),
            }
        }
        let (whole, is_cut) = (4 * units.len(), !rest.is_empty());
        self.encoded.drain(..whole);
        is_cut
    }
}

fn push(bytes: &mut Vec<u8>, character: char) {
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            None => self.look()?,
        };
        if encoding == Encoding::Other && self.start == self.ready.len() {
            return self.stream.read(buffer);
        }
        while self.start == self.ready.len() {
            if self.is_over {
                return Ok(0);
            }
            self.decode(encoding)?;
        }
        let length = buffer.len().min(self.ready.len() - self.start);
        buffer[..length].copy_from_slice(&self.ready[self.start..self.start + length]);
        self.start += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(self.1).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn decoded(bytes: &[u8]) -> Vec<u8> {
        let all: Vec<Vec<u8>> = [1, 3, 100_000]
            .map(|step| {
                let mut text = Vec::new();
                Decoded::new(Slow(bytes, step)).read_to_end(&mut text).expect("nothing fails");
                text
            })
            .to_vec();
        assert!(all.iter().all(|text| *text == all[0]), "the steps of reading do not matter");
        all[0].clone()
    }

    fn encoded(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn utf16_with_a_mark_and_without() {
        let text = "{\"a\": \"é🍔\"}\r\n".repeat(20_000);
        for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            assert!(decoded(&encoded(&text, bytes)) == text.as_bytes());
            assert!(decoded(&encoded(&format!("\u{feff}{text}"), bytes)) == text.as_bytes());
        }
    }

    #[test]
    fn utf32_with_a_mark_and_without() {
        let text = "{\"a\": \"é🍔\"}\r\n".repeat(20_000);
        for bytes in [u32::to_le_bytes, u32::to_be_bytes] {
            let encoded = |text: &str| text.chars().flat_map(|c| bytes(c as u32)).collect::<Vec<u8>>();
            assert!(decoded(&encoded(&text)) == text.as_bytes());
            assert!(decoded(&encoded(&format!("\u{feff}{text}"))) == text.as_bytes());
            // Half a surrogate pair, a number beyond all characters, and a part of one.
            let mut bad = encoded("ab");
            bad.extend([bytes(0xD83D), bytes(0x0011_0000)].concat());
            bad.extend(&bytes(u32::from(b'c'))[..3]);
            assert_eq!(decoded(&bad), b"ab\x80\x80\xFF");
        }
    }

    #[test]
    fn other_bytes_stay() {
        for bytes in [
            &b""[..],
            b"{",
            b"{}",
            b"{}\n",
            b"\xEF\xBB\xBF{}",
            b"{\0",
            b"{\0\0",
            b"\0\0\0\0",
            b"PAR1\0\xFF",
            b"\0\0\0\n{\"a\":1}",
            b"\n\0\0\0{\"a\":1}",
        ] {
            assert_eq!(decoded(bytes), bytes);
        }
    }

    #[test]
    fn halves_are_no_text() {
        let mut bytes = encoded("\u{feff}ab", u16::to_le_bytes);
        bytes.extend([0x3D, 0xD8, b'c', 0, 0x3D, 0xD8]);
        assert_eq!(decoded(&bytes), b"ab\x80c\x80");
        bytes.push(b'x');
        assert_eq!(decoded(&bytes), b"ab\x80c\x80\xFF");
    }
}
