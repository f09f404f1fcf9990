//! Records of a CSV stream, in memory that no record can exceed.

use super::dialect::Dialect;
use super::spaces::Unspaced;
use crate::read::rejects::RAW_BYTES;
use csv_core::{ReadRecordResult, ReaderBuilder};
use std::io::{ErrorKind, Read};

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;

/// The longest record, and the most fields, that are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) bytes: usize,
    pub(super) fields: usize,
}

/// What comes next of a file of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A record, perhaps with another number of fields than the others.
    Record,
    /// One beyond the limits.
    TooLong,
    /// One whose last field is quoted to the end of the file.
    Unclosed,
    /// The stream broke, perhaps within a record.
    Broken,
    /// There is no more.
    End,
}

/// Cuts a stream into records. Memory: a buffer, and a record up to the limits.
pub(super) struct Records {
    stream: Box<dyn Read>,
    core: csv_core::Reader,
    buffer: Vec<u8>,
    /// The buffer's part not taken yet.
    start: usize,
    end: usize,
    is_fresh: bool,
    /// Bytes of the stream that were put into the buffer.
    filled: u64,
    /// An error that came after bytes which are good.
    error: Option<std::io::Error>,
    /// The fields of the record, one behind the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    /// The start of the record as it stands.
    raw: Vec<u8>,
    /// The line on which the record starts, and the one at `start`, from 1.
    first_line: u64,
    line: u64,
}

impl Records {
    /// The records of a stream whose first line has this number.
    pub(super) fn new(stream: Box<dyn Read>, dialect: Dialect, line: u64) -> Self {
        let stream: Box<dyn Read> =
            if dialect.is_spaced { Box::new(Unspaced::new(stream, dialect)) } else { stream };
        let mut builder = ReaderBuilder::new();
        builder.delimiter(dialect.delimiter).quoting(dialect.quote.is_some());
        builder.quote(dialect.quote.unwrap_or(b'"')).escape(dialect.escape);
        Self {
            stream,
            core: builder.build(),
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            is_fresh: true,
            filled: 0,
            error: None,
            text: vec![0; 1 << 12],
            ends: vec![0; 1 << 6],
            fields: 0,
            raw: Vec::new(),
            first_line: line,
            line,
        }
    }

    /// How many fields the record has.
    pub(super) fn len(&self) -> usize {
        self.fields
    }

    /// The record's fields, one behind the other.
    pub(super) fn text(&self) -> &[u8] {
        &self.text[..self.fields.checked_sub(1).map_or(0, |last| self.ends[last])]
    }

    /// Where in [`Self::text`] a field is.
    pub(super) fn range(&self, field: usize) -> std::ops::Range<usize> {
        let start = field.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[field]
    }

    /// The record's fields; what is not UTF-8 is replaced.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |field| String::from_utf8_lossy(&self.text()[self.range(field)]).into_owned();
        (0..self.fields).map(name).collect()
    }

    /// The line on which the record starts.
    pub(super) fn first_line(&self) -> u64 {
        self.first_line
    }

    /// How many bytes of the stream were taken, up to the end of the record.
    pub(super) fn taken(&self) -> u64 {
        self.filled - (self.end - self.start) as u64
    }

    /// Goes on in the midst of a file, where no byte order mark is looked for.
    pub(super) fn go_on(mut self) -> Self {
        self.is_fresh = false;
        self
    }

    /// The record as it stands, its start if it is long.
    pub(super) fn raw(&self) -> &[u8] {
        let line_end = self.raw.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        &self.raw[..self.raw.len() - line_end]
    }

    /// Takes the next record.
    pub(super) fn next(&mut self, limits: Limits) -> Next {
        self.fields = 0;
        self.raw.clear();
        let started = self.skip_line_ends();
        self.first_line = self.line;
        match started {
            Ok(true) => {}
            Ok(false) => return Next::End,
            Err(_) => return Next::Broken,
        }
        let (mut written, mut size, mut is_too_long) = (0, 0, false);
        loop {
            if self.start == self.end {
                match self.fill() {
                    Err(_) => return Next::Broken,
                    Ok(false) => return self.close(written, is_too_long, limits),
                    Ok(true) => {}
                }
            }
            let input = &self.buffer[self.start..self.end];
            let (result, read, out, ended) =
                self.core.read_record(input, &mut self.text[written..], &mut self.ends[self.fields..]);
            let taken = &input[..read];
            let wanted = (RAW_BYTES + 1).saturating_sub(self.raw.len()).min(read);
            self.raw.extend_from_slice(&taken[..wanted]);
            self.line += memchr::memchr_iter(b'\n', taken).count() as u64;
            self.start += read;
            size += read;
            written += out;
            self.fields += ended;
            is_too_long |= size > limits.bytes + 2;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    is_too_long |= !self.grow_text(&mut written, limits, is_too_long);
                }
                ReadRecordResult::OutputEndsFull => is_too_long |= !self.grow_ends(limits, is_too_long),
                ReadRecordResult::Record if is_too_long => return Next::TooLong,
                ReadRecordResult::Record => return Next::Record,
                ReadRecordResult::End => return Next::End,
            }
        }
    }

    /// Ends the last record, which has no line end.
    fn close(&mut self, mut written: usize, mut is_too_long: bool, limits: Limits) -> Next {
        loop {
            // A line end closes every record but one that it belongs to.
            let (result, _, out, ended) =
                self.core.read_record(b"\n", &mut self.text[written..], &mut self.ends[self.fields..]);
            written += out;
            self.fields += ended;
            match result {
                ReadRecordResult::OutputFull => {
                    is_too_long |= !self.grow_text(&mut written, limits, is_too_long);
                }
                ReadRecordResult::OutputEndsFull => is_too_long |= !self.grow_ends(limits, is_too_long),
                ReadRecordResult::InputEmpty => return Next::Unclosed,
                _ if is_too_long => return Next::TooLong,
                _ => return Next::Record,
            }
        }
    }

    /// Reserves memory for text. Text beyond the limit is dropped, and the answer is `false`.
    fn grow_text(&mut self, written: &mut usize, limits: Limits, is_too_long: bool) -> bool {
        if is_too_long || self.text.len() >= limits.bytes {
            *written = 0;
            return false;
        }
        self.text.resize((self.text.len() * 2).min(limits.bytes.max(1)), 0);
        true
    }

    fn grow_ends(&mut self, limits: Limits, is_too_long: bool) -> bool {
        if is_too_long || self.ends.len() >= limits.fields {
            self.fields = 0;
            return false;
        }
        self.ends.resize((self.ends.len() * 2).min(limits.fields.max(1)), 0);
        true
    }

    /// Moves to the start of a record; `false` at the end of the stream.
    fn skip_line_ends(&mut self) -> std::io::Result<bool> {
        loop {
            while self.start < self.end {
                match self.buffer[self.start] {
                    b'\n' => self.line += 1,
                    b'\r' => {}
                    _ => return Ok(true),
                }
                self.start += 1;
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// Reads on into the empty buffer; `false` at the end of the stream.
    fn fill(&mut self) -> std::io::Result<bool> {
        self.start = 0;
        self.end = 0;
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        // A byte order mark may come in parts.
        let wanted = if self.is_fresh { 3 } else { 1 };
        while self.end < wanted {
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(length) => {
                    self.end += length;
                    self.filled += length as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if self.end > 0 => {
                    self.error = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        if self.is_fresh && self.buffer[..self.end].starts_with(b"\xEF\xBB\xBF") {
            self.start = 3;
        }
        self.is_fresh = false;
        Ok(self.end > 0)
    }
}
