//! A stream of bytes through a window that moves, in bounded memory.

use std::io::{ErrorKind, Read};

/// Bytes asked of the stream at a time; the window is about as large.
const BLOCK: usize = 1 << 20;

/// How a window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// More bytes may follow.
    Open,
    /// The stream is at its end.
    Ended,
    /// The stream broke: what would follow is lost.
    Broken,
}

/// The part of a stream that is in memory. Memory: a block, and twice what is left unread, never a block more than the
/// longest value.
pub(super) struct Window<R> {
    stream: R,
    longest: usize,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    is_fresh: bool,
    ends: End,
}

impl<R: Read> Window<R> {
    /// A window on `stream` for values of up to `longest` bytes; a byte order mark of UTF-8 at its start is passed over.
    pub(super) fn new(stream: R, longest: usize) -> Self {
        Self { stream, longest, buffer: vec![0; BLOCK], start: 0, end: 0, is_fresh: true, ends: End::Open }
    }

    /// The same on a stream that starts in the midst of a file, where a mark is none.
    pub(super) fn in_the_midst(self) -> Self {
        Self { is_fresh: false, ..self }
    }

    /// Whether the stream starts in the midst of a file, or was read from before.
    pub(super) fn is_in_the_midst(&self) -> bool {
        !self.is_fresh
    }

    /// Reads on behind what was not consumed; answers the bytes in the window and how it ends.
    pub(super) fn fill(&mut self) -> (&[u8], End) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let left = self.end;
        // Twice the bytes that were too few, or one value would be looked at once a block.
        let size = BLOCK.max((2 * left).min(self.longest.saturating_add(BLOCK))).max(left + BLOCK / 2);
        if size > self.buffer.len() {
            self.buffer.reserve_exact(size - self.buffer.len());
            self.buffer.resize(size, 0);
        } else if self.buffer.len() > 2 * BLOCK && left < BLOCK / 2 {
            // A long value has gone by.
            self.buffer.truncate(BLOCK);
            self.buffer.shrink_to_fit();
        }
        // A stream that gives a few bytes at a time would make windows of a few bytes.
        let enough = (left + BLOCK / 2).max((2 * left).min(self.buffer.len()));
        while self.ends == End::Open && self.end < enough {
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ends = End::Ended,
                Ok(length) => self.end += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.ends = End::Broken,
            }
        }
        if std::mem::take(&mut self.is_fresh) && self.buffer[..self.end].starts_with(b"\xEF\xBB\xBF") {
            self.start = 3;
        }
        (&self.buffer[self.start..self.end], self.ends)
    }

    /// Goes on behind the first `bytes` bytes of the window.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// Gives its text in pieces of `step` bytes, then ends or breaks.
    struct Chunks<'a>(&'a [u8], usize, Option<ErrorKind>);

    impl Read for Chunks<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(self.1).min(buffer.len());
            match self.2 {
                Some(kind) if length == 0 => return Err(kind.into()),
                _ => {}
            }
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    #[test]
    fn every_byte_goes_by_once_and_the_window_stays_small() {
        let text: Vec<u8> = (0..5 * BLOCK).map(|at| (at % 251) as u8).collect();
        for (step, keep) in [(100, 0), (BLOCK, 10), (3 * BLOCK, 3 * BLOCK / 2)] {
            let mut window = Window::new(Chunks(&text, step, None), 2 * BLOCK);
            let mut seen = Vec::new();
            loop {
                let (bytes, ends) = window.fill();
                assert!(bytes.len() <= 3 * BLOCK, "{}", bytes.len());
                let taken = if ends == End::Open { bytes.len().saturating_sub(keep) } else { bytes.len() };
                seen.extend_from_slice(&bytes[..taken]);
                window.consume(taken);
                if ends != End::Open {
                    break;
                }
            }
            assert!(seen == text, "{step} {keep}");
        }
    }

    #[test]
    fn a_mark_is_passed_over_and_ends_differ() {
        for step in [1, 2, 100] {
            let mut window = Window::new(Chunks(b"\xEF\xBB\xBFa", step, None), 10);
            assert_eq!(window.fill(), (&b"a"[..], End::Ended));
            let mut window = Window::new(Chunks(b"ab", step, Some(ErrorKind::InvalidData)), 10);
            assert_eq!(window.fill(), (&b"ab"[..], End::Broken));
            let mut window = Window::new(Chunks(b"", step, None), 10);
            assert_eq!(window.fill(), (&b""[..], End::Ended));
        }
    }
}
