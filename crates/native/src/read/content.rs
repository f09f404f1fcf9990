//! What a file holds, as a digest: a file is known by its content, and its path is only a name.

use super::ReadError;
use super::formats::OldPart;
use super::formats::csv::Quote;
use super::inputs::{Compression, Format, InputFile, Location};
use super::remote::FetchError;
use crate::read::formats::HasReader as _;
use blake3::Hasher;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes hashed at a time.
const BLOCK: usize = 1 << 20;
/// The longest last line without an end that a file can grow behind.
const LONGEST_TAIL: u64 = 64 << 20;

/// A file's size and the first half of the BLAKE3 of its bytes, as they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Content {
    pub(crate) bytes: u64,
    pub(crate) digest: Digest,
}

/// The first 16 bytes of BLAKE3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 16]);

impl Digest {
    fn of(hasher: &Hasher) -> Self {
        Self(*hasher.finalize().as_bytes().first_chunk().expect("32 bytes"))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&digits)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = (text.len() == 32).then(|| u128::from_str_radix(&text, 16).ok()).flatten();
        let wrong = || serde::de::Error::custom("a digest is 32 hexadecimal digits");
        Ok(Self(number.ok_or_else(wrong)?.to_be_bytes()))
    }
}

/// Hashes a file as it is read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hashed {
    hasher: Hasher,
    bytes: u64,
}

impl Hashed {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    pub(crate) fn content(&self) -> Content {
        Content { bytes: self.bytes, digest: Digest::of(&self.hasher) }
    }

    /// Takes in what the file has behind what was hashed.
    pub(crate) fn finish(mut self, path: &Path) -> io::Result<Content> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.bytes))?;
        self.read(&mut file)?;
        Ok(self.content())
    }

    fn read(&mut self, bytes: &mut dyn Read) -> io::Result<()> {
        let mut block = vec![0; BLOCK];
        loop {
            match bytes.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(length) => self.update(&block[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The content of a whole file.
pub(crate) fn of_file(path: &Path) -> io::Result<Content> {
    Hashed::default().finish(path)
}

/// Where the new part of a file of lines starts, whose old part is as it was.
#[derive(Debug, Clone)]
pub(crate) struct Grown {
    /// Of the first byte that is read.
    pub(crate) offset: u64,
    /// Number of the line that starts there, or of the end of the line before.
    pub(crate) line: u64,
    /// Whether the last line of the old part had no end and is read again, as the start of a longer one.
    pub(crate) rereads_line: bool,
    /// What was hashed up to there.
    pub(crate) hashed: Hashed,
}

impl InputFile {
    /// Whether a file of this kind can get new rows behind its old ones.
    pub(crate) fn can_grow(&self) -> bool {
        self.compression == Compression::None && self.format.reader().can_grow()
    }

    /// The content, where it can be had; an object is fetched for it, to the folder `temporary`.
    pub(crate) fn content(&self, temporary: &Path) -> Result<Option<Content>, ReadError> {
        self.at_local_path(temporary, |path| of_file(path).map(Some))
    }

    /// See [`grown`].
    pub(crate) fn grown_since(
        &self,
        old: Content,
        quote: Quote,
        temporary: &Path,
    ) -> Result<Option<Grown>, ReadError> {
        self.at_local_path(temporary, |path| grown(path, self.format, quote, old))
    }

    fn at_local_path<T>(
        &self,
        temporary: &Path,
        work: impl FnOnce(&Path) -> io::Result<Option<T>>,
    ) -> Result<Option<T>, ReadError> {
        let file = || self.name.clone();
        let worked = match &self.location {
            Location::Unreachable => Ok(None),
            Location::Local(path) => work(path),
            Location::Remote(object) => {
                let fetched = object.fetch(temporary).map_err(|error| match error {
                    FetchError::Remote(source) => ReadError::Fetch { file: file(), source },
                    FetchError::Temporary(source) => {
                        ReadError::Temporary { folder: temporary.display().to_string(), source }
                    }
                })?;
                work(fetched.path())
            }
        };
        worked.map_err(|source| ReadError::Open { file: file(), source })
    }
}

/// Looks whether the file at `path` starts with all that `old` was, and where its new part starts; none where it does not, or where
/// the parts may not give the rows of the whole.
fn grown(path: &Path, format: Format, quote: Quote, old: Content) -> io::Result<Option<Grown>> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() <= old.bytes {
        return Ok(None);
    }
    let Some(tail) = last_line(&mut file, old.bytes)? else { return Ok(None) };
    file.seek(SeekFrom::Start(0))?;
    let mut up_to_tail = Hashed::default();
    let quoted = match quote {
        Quote::Found => Some(b'"'),
        Quote::Byte(quote) => Some(quote),
        Quote::None => None,
    };
    let mut lines = LineCounter { hashed: &mut up_to_tail, quoted, ends: 0, quotes: 0 };
    lines.read(&mut file.by_ref().take(tail))?;
    let LineCounter { ends, quotes, .. } = lines;
    let mut whole = up_to_tail.clone();
    whole.read(&mut file.by_ref().take(old.bytes - tail))?;
    if whole.content() != old {
        return Ok(None);
    }
    let mut next = [0; 2];
    let length = file.read(&mut next)?;
    let goes_on_with_an_end = matches!(&next[..length], [b'\n', ..] | [b'\r', b'\n']);
    let rereads_line = tail != old.bytes && !goes_on_with_an_end;
    let end = if rereads_line { tail } else { old.bytes };
    if !format.reader().is_divisible(&mut file, &OldPart { end, quote, quotes })? {
        return Ok(None);
    }
    let hashed = if rereads_line { up_to_tail } else { whole };
    Ok(Some(Grown { offset: end, line: ends + 1, rereads_line, hashed }))
}

/// The first byte from `start` to `end` that is no space, and where it is.
pub(super) fn first_of(file: &mut File, start: u64, end: u64) -> io::Result<Option<(u64, u8)>> {
    file.seek(SeekFrom::Start(start))?;
    let mut at = start;
    let mut block = vec![0; BLOCK];
    while at < end {
        let wanted = (end - at).min(BLOCK as u64) as usize;
        let length = file.read(&mut block[..wanted])?;
        if length == 0 {
            break;
        }
        if let Some(place) = block[..length].iter().position(|byte| !byte.is_ascii_whitespace()) {
            return Ok(Some((at + place as u64, block[place])));
        }
        at += length as u64;
    }
    Ok(None)
}

/// Where the last line before `end` starts: `end` itself behind a line's end. None where that line is too long.
pub(super) fn last_line(file: &mut File, end: u64) -> io::Result<Option<u64>> {
    let mut before = end;
    let mut block = vec![0; BLOCK];
    while before > 0 {
        let length = before.min(BLOCK as u64);
        file.seek(SeekFrom::Start(before - length))?;
        let block = &mut block[..length as usize];
        file.read_exact(block)?;
        if let Some(at) = memchr::memrchr(b'\n', block) {
            return Ok(Some(before - length + at as u64 + 1));
        }
        before -= length;
        if end - before > LONGEST_TAIL {
            return Ok(None);
        }
    }
    Ok(Some(0))
}

/// Counts the ends of lines on the way.
struct LineCounter<'a> {
    hashed: &'a mut Hashed,
    /// What stands around fields.
    quoted: Option<u8>,
    ends: u64,
    quotes: u64,
}

impl LineCounter<'_> {
    fn read(&mut self, bytes: &mut dyn Read) -> io::Result<()> {
        let mut block = vec![0; BLOCK];
        loop {
            match bytes.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(length) => {
                    let block = &block[..length];
                    let count = |byte: u8| memchr::memchr_iter(byte, block).count() as u64;
                    self.ends += count(b'\n');
                    self.quotes += self.quoted.map_or(0, count);
                    self.hashed.update(block);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
