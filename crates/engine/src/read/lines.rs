//! Blocks of whole lines from a stream of bytes, in bounded memory.

use super::rejects::RAW_BYTES;
use std::io::{ErrorKind, Read};

/// Bytes asked of the stream at a time; a block is about as large.
const BLOCK: usize = 1 << 20;

/// What comes next of a file of lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block<'a> {
    /// Whole lines; all but perhaps the last of the file end in `\n`.
    Lines { bytes: &'a [u8], first_line: u64 },
    /// A line longer than is read. `start` is its start.
    TooLong { line: u64, start: &'a [u8] },
    /// The stream broke. `partial` is the start of the line that was cut.
    Broken { line: u64, partial: &'a [u8] },
}

/// Cuts a stream into [`Block`]s. Memory: one block, and twice the longest line.
///
/// A line that is too long is told apart only where it does not fit a block: who takes the lines looks at each.
pub(super) struct Blocks<R> {
    stream: R,
    max_line: usize,
    buffer: Vec<u8>,
    /// The buffer's part not handed out yet.
    start: usize,
    end: usize,
    /// The part after `start` known to hold no `\n`.
    searched: usize,
    /// Number of the line at `start`, from 1.
    line: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was read yet.
    Start,
    Open,
    /// The stream is at its end; the buffer may hold the last line.
    Ended,
    /// The stream failed; the buffer may hold the start of a line.
    Broken,
    /// All was handed out.
    Done,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(stream: R, max_line: usize) -> Self {
        Self {
            stream,
            max_line,
            buffer: vec![0; BLOCK],
            start: 0,
            end: 0,
            searched: 0,
            line: 1,
            state: State::Start,
        }
    }

    /// The next block; `None` at the end.
    pub(super) fn next(&mut self) -> Option<Block<'_>> {
        loop {
            let fresh = &self.buffer[self.start + self.searched..self.end];
            if let Some(last) = memchr::memrchr(b'\n', fresh) {
                let first = memchr::memchr(b'\n', fresh).unwrap_or(last);
                if self.searched + first > self.max_line {
                    return Some(self.long_line());
                }
                let from = self.start;
                self.start += self.searched + last + 1;
                self.searched = 0;
                let bytes = &self.buffer[from..self.start];
                let first_line = self.line;
                self.line += memchr::memchr_iter(b'\n', bytes).count() as u64;
                return Some(Block::Lines { bytes, first_line });
            }
            self.searched = self.end - self.start;
            match self.state {
                State::Done => return None,
                State::Ended | State::Broken => return self.rest(),
                State::Open if self.searched > self.max_line => return Some(self.long_line()),
                State::Start | State::Open => self.fill(),
            }
        }
    }

    /// What is left behind the last `\n` of a stream that is over.
    fn rest(&mut self) -> Option<Block<'_>> {
        let (rest, line) = (&self.buffer[self.start..self.end], self.line);
        let was = std::mem::replace(&mut self.state, State::Done);
        (self.start, self.searched) = (self.end, 0);
        match was {
            State::Broken => Some(Block::Broken { line, partial: rest }),
            _ if rest.is_empty() => None,
            _ if rest.len() > self.max_line => Some(Block::TooLong { line, start: rest }),
            _ => Some(Block::Lines { bytes: rest, first_line: line }),
        }
    }

    /// Reads on behind what is not handed out yet.
    fn fill(&mut self) {
        self.move_to_front();
        if self.buffer.len() - self.end < BLOCK / 2 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        } else if self.buffer.len() > 2 * BLOCK && self.end < BLOCK / 2 {
            // A long line has gone by.
            self.buffer.truncate(BLOCK);
            self.buffer.shrink_to_fit();
        }
        let is_start = self.state == State::Start;
        self.state = State::Open;
        // A stream that gives a few bytes at a time would make blocks of a few bytes.
        while self.read_behind_end() && self.end < BLOCK / 2 {}
        if is_start && self.buffer[..self.end].starts_with(b"\xEF\xBB\xBF") {
            self.start = 3;
        }
    }

    /// Reads once; answers whether there may be more.
    fn read_behind_end(&mut self) -> bool {
        loop {
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.state = State::Ended,
                Ok(length) => self.end += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => self.state = State::Broken,
            }
            return self.state == State::Open;
        }
    }

    fn move_to_front(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// Goes behind the end of the line at hand, of which only the start is kept.
    fn long_line(&mut self) -> Block<'_> {
        self.move_to_front();
        self.searched = 0;
        let mut kept = self.end.min(RAW_BYTES);
        let mut from = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[from..self.end]) {
                self.start = from + at + 1;
                self.line += 1;
                kept = kept.min(from + at);
                break;
            }
            // Read over all but the start.
            (from, self.end) = (kept, kept);
            if self.state == State::Open && self.read_behind_end() {
                continue;
            }
            self.start = self.end;
            if self.state == State::Broken {
                self.state = State::Done;
                return Block::Broken { line: self.line, partial: &self.buffer[..kept] };
            }
            self.line += 1;
            break;
        }
        Block::TooLong { line: self.line - 1, start: &self.buffer[..kept] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// Gives its text in pieces of `step` bytes, then ends or breaks.
    struct Pieces<'a>(&'a [u8], usize, Option<ErrorKind>);

    impl Read for Pieces<'_> {
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

    /// Everything that comes of a stream, lines told apart: number, kind, text.
    fn read(text: &[u8], step: usize, end: Option<ErrorKind>, max_line: usize) -> Vec<(u64, char, Vec<u8>)> {
        let mut blocks = Blocks::new(Pieces(text, step, end), max_line);
        let mut found = Vec::new();
        while let Some(block) = blocks.next() {
            match block {
                Block::Lines { bytes, first_line } => {
                    for (number, line) in (first_line..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
                        found.push((number, 'l', line.strip_suffix(b"\n").unwrap_or(line).to_vec()));
                    }
                }
                Block::TooLong { line, start } => found.push((line, 't', start[..3].to_vec())),
                Block::Broken { line, partial } => found.push((line, 'b', partial.to_vec())),
            }
        }
        found
    }

    #[test]
    fn lines_of_every_kind() {
        for step in [1, 2, 7, 100] {
            let lines = read(b"\xEF\xBB\xBFa\r\n\nbb\n", step, None, 100);
            assert_eq!(lines, [(1, 'l', b"a\r".to_vec()), (2, 'l', vec![]), (3, 'l', b"bb".to_vec())]);
            let broken = read(b"a\nbb\ncc", step, Some(ErrorKind::InvalidData), 100);
            assert_eq!(broken[2], (3, 'b', b"cc".to_vec()));
            assert_eq!(read(b"a\nbb", step, None, 100)[1], (2, 'l', b"bb".to_vec()));
            assert_eq!(read(b"a\n", step, Some(ErrorKind::InvalidData), 100)[1], (2, 'b', vec![]));
            assert!(read(b"", step, None, 100).is_empty());
        }
    }

    #[test]
    fn a_line_too_long_is_one_block_and_the_next_lines_are_read() {
        let long = 3 * BLOCK;
        let mut text = b"a\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', long));
        for (limit, kind) in [(long, 'l'), (long - 1, 't'), (BLOCK, 't'), (1000, 't')] {
            for step in [BLOCK, 4096, long * 2] {
                let at_end = read(&text, step, None, limit);
                assert_eq!((at_end.len(), at_end[1].0, at_end[1].1), (2, 2, kind), "{limit} {step}");
                let mut more = text.clone();
                more.extend(b"\nb\nc");
                let lines = read(&more, step, None, limit);
                assert_eq!((lines.len(), lines[1].0, lines[1].1), (4, 2, kind), "{limit} {step}");
                assert_eq!(lines[2..], [(3, 'l', b"b".to_vec()), (4, 'l', b"c".to_vec())]);
            }
        }
        let broken = read(&text, 4096, Some(ErrorKind::InvalidData), 1000);
        assert_eq!((broken.len(), broken[1].0, broken[1].1), (2, 2, 'b'));
    }
}
