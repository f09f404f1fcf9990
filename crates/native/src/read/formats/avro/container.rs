//! The framing of an Avro object container file: a header, then blocks of rows, each with a marker behind it.
//!
//! The marker is the same 16 random bytes behind every block of a file, so that reading can go on behind damage.

use memchr::memmem;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// What every file starts with.
pub(super) const MAGIC: &[u8] = b"Obj\x01";
/// The longest header, in bytes: its schema is the only long part.
const LONGEST_HEADER: u64 = 16 << 20;
/// The length of a marker.
const MARKER: usize = 16;
/// How many bytes behind damage are searched for a marker at a time.
const SEARCHED: usize = 1 << 20;

/// The header of a file.
pub(super) struct Header {
    /// The schema of the rows, as JSON.
    pub(super) schema: Vec<u8>,
    /// How blocks are compressed: the name of a codec, empty for not at all.
    pub(super) codec: Vec<u8>,
    /// The marker behind every block.
    marker: [u8; MARKER],
    /// Where the first block starts.
    pub(super) end: u64,
}

impl Header {
    /// Reads the header of a file; `None` where it is damaged, or the file is none of Avro.
    ///
    /// # Errors
    /// The file can't be read.
    pub(super) fn read(file: &File) -> io::Result<Option<Self>> {
        let mut file = file;
        let size = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let mut bytes = CountedBytes { inner: BufReader::new(file).take(size.min(LONGEST_HEADER)), taken: 0 };
        match Self::parse(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            parsed => parsed,
        }
    }

    fn parse<R: Read>(bytes: &mut CountedBytes<R>) -> io::Result<Option<Self>> {
        let mut magic = [0; MAGIC.len()];
        bytes.read_exact(&mut magic)?;
        if magic != MAGIC {
            return Ok(None);
        }
        let (mut schema, mut codec) = (Vec::new(), Vec::new());
        loop {
            let Some(pairs) = long(bytes)? else { return Ok(None) };
            if pairs == 0 {
                break;
            }
            if pairs < 0 && long(bytes)?.is_none() {
                return Ok(None);
            }
            for _ in 0..pairs.unsigned_abs() {
                let (Some(key), Some(value)) = (text(bytes)?, text(bytes)?) else { return Ok(None) };
                match key.as_slice() {
                    b"avro.schema" => schema = value,
                    b"avro.codec" => codec = value,
                    _ => {}
                }
            }
        }
        let mut marker = [0; MARKER];
        bytes.read_exact(&mut marker)?;
        Ok(Some(Self { schema, codec, marker, end: bytes.taken }))
    }
}

/// A text with its length before it; `None` where that is no length.
fn text(bytes: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let Some(length) = long(bytes)?.and_then(|length| u64::try_from(length).ok()) else { return Ok(None) };
    let mut text = Vec::new();
    bytes.by_ref().take(length).read_to_end(&mut text)?;
    if text.len() as u64 == length { Ok(Some(text)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// A number of variable length; `None` where it has over 64 bits.
fn long(bytes: &mut impl Read) -> io::Result<Option<i64>> {
    let mut number = 0_u64;
    for shift in (0..70).step_by(7) {
        let mut byte = [0];
        bytes.read_exact(&mut byte)?;
        if shift == 63 && byte[0] > 1 {
            return Ok(None);
        }
        number |= u64::from(byte[0] & 0x7F) << shift;
        if byte[0] < 0x80 {
            return Ok(Some(unzigzag(number)));
        }
    }
    Ok(None)
}

/// The signed number that is written as `number`.
pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

/// Bytes, and how many of them were read.
struct CountedBytes<R> {
    inner: R,
    taken: u64,
}

impl<R: Read> Read for CountedBytes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.taken += length as u64;
        Ok(length)
    }
}

/// The blocks of a file from a place on. What is found there is the same wherever reading started, as long as a block starts there.
pub(super) struct Blocks<'f> {
    file: BufReader<&'f File>,
    marker: [u8; MARKER],
    /// Where the next block starts.
    at: u64,
    size: u64,
}

/// What a file has at some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContainerItem {
    /// A block, with a marker where it says.
    Block(AvroBlock),
    /// Bytes that are no block, up to the next marker or the end of the file.
    Damaged,
}

/// Where a block's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AvroBlock {
    /// How many rows it says it has.
    pub(super) rows: u64,
    start: u64,
    /// The bytes of its rows, as they are stored.
    pub(super) length: u64,
}

impl<'f> Blocks<'f> {
    /// The blocks from the byte `at` on.
    pub(super) fn new(file: &'f File, header: &Header, at: u64) -> io::Result<Self> {
        let mut file = BufReader::new(file);
        let size = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(at))?;
        Ok(Self { file, marker: header.marker, at, size })
    }

    /// Where the next block starts.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// What follows; `None` at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<ContainerItem>> {
        if self.at >= self.size {
            return Ok(None);
        }
        let block = match self.block() {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            block => block?,
        };
        if let Some(block) = block {
            self.at = block.start + block.length + MARKER as u64;
            return Ok(Some(ContainerItem::Block(block)));
        }
        self.at = self.behind_next_marker()?;
        self.file.seek(SeekFrom::Start(self.at))?;
        Ok(Some(ContainerItem::Damaged))
    }

    /// The stored bytes of a block.
    pub(super) fn bytes(&mut self, block: &AvroBlock) -> io::Result<Vec<u8>> {
        self.go_to(block.start)?;
        let mut bytes = Vec::with_capacity(block.length as usize);
        self.file.by_ref().take(block.length).read_to_end(&mut bytes)?;
        self.go_to(self.at)?;
        Ok(bytes)
    }

    fn block(&mut self) -> io::Result<Option<AvroBlock>> {
        let (Some(rows), Some(length)) = (long(&mut self.file)?, long(&mut self.file)?) else {
            return Ok(None);
        };
        let (Ok(rows), Ok(length)) = (u64::try_from(rows), u64::try_from(length)) else { return Ok(None) };
        let start = self.file.stream_position()?;
        let end = start.checked_add(length).and_then(|end| end.checked_add(MARKER as u64));
        if end.is_none_or(|end| end > self.size) {
            return Ok(None);
        }
        self.go_to(start + length)?;
        let mut marker = [0; MARKER];
        self.file.read_exact(&mut marker)?;
        Ok((marker == self.marker).then_some(AvroBlock { rows, start, length }))
    }

    /// Goes to a place, within the bytes in memory where it is among them.
    fn go_to(&mut self, place: u64) -> io::Result<()> {
        let here = self.file.stream_position()?;
        self.file.seek_relative(place.cast_signed() - here.cast_signed())
    }

    /// The byte behind the next marker, or the end of the file.
    fn behind_next_marker(&mut self) -> io::Result<u64> {
        let finder = memmem::Finder::new(&self.marker);
        self.file.seek(SeekFrom::Start(self.at))?;
        let mut window = Vec::new();
        // The place of the window's first byte.
        let mut start = self.at;
        loop {
            let length = self.file.by_ref().take(SEARCHED as u64).read_to_end(&mut window)?;
            if let Some(found) = finder.find(&window) {
                return Ok(start + (found + MARKER) as u64);
            }
            if length == 0 {
                return Ok(self.size);
            }
            // A marker may lie across the end of the window.
            let gone = window.len().saturating_sub(MARKER - 1);
            window.drain(..gone);
            start += gone as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const SYNC: [u8; MARKER] = *b"0123456789abcdef";

    fn zigzag(number: i64, to: &mut Vec<u8>) {
        let mut number = (number << 1 ^ number >> 63).cast_unsigned();
        while number >= 0x80 {
            to.push(number as u8 | 0x80);
            number >>= 7;
        }
        to.push(number as u8);
    }

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("a disk");
        file
    }

    fn header() -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (key, value) in [("avro.schema", "{}"), ("avro.codec", "deflate")] {
            // A negative number of pairs has their length behind it.
            zigzag(-1, &mut bytes);
            zigzag(100, &mut bytes);
            for text in [key, value] {
                zigzag(text.len() as i64, &mut bytes);
                bytes.extend_from_slice(text.as_bytes());
            }
        }
        bytes.push(0);
        bytes.extend_from_slice(&SYNC);
        bytes
    }

    fn block(rows: i64, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        zigzag(rows, &mut bytes);
        zigzag(data.len() as i64, &mut bytes);
        bytes.extend_from_slice(data);
        bytes.extend_from_slice(&SYNC);
        bytes
    }

    /// The rows of the blocks found, `None` for what is damaged, and all their bytes.
    fn found(bytes: &[u8]) -> (Vec<Option<u64>>, Vec<u8>) {
        let file = file(bytes);
        let header = Header::read(&file).expect("a disk").expect("a header");
        let mut blocks = Blocks::new(&file, &header, header.end).expect("a disk");
        let (mut found, mut data) = (Vec::new(), Vec::new());
        while let Some(next) = blocks.next().expect("a disk") {
            match next {
                ContainerItem::Block(block) => {
                    found.push(Some(block.rows));
                    data.extend(blocks.bytes(&block).expect("a disk"));
                }
                ContainerItem::Damaged => found.push(None),
            }
        }
        (found, data)
    }

    #[test]
    fn a_header_of_several_parts() {
        let header = Header::read(&file(&header())).expect("a disk").expect("a header");
        assert_eq!((header.schema.as_slice(), header.codec.as_slice()), (&b"{}"[..], &b"deflate"[..]));
        assert_eq!(header.marker, SYNC);
        for wrong in
            [&b"Obj\x02"[..], b"", b"Obj\x01\x02\x7F", b"Obj\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"]
        {
            assert!(Header::read(&file(wrong)).expect("a disk").is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn reading_goes_on_behind_the_next_marker() {
        let (one, two, three) = (block(1, b"one"), block(2, &vec![7; 3 * SEARCHED]), block(3, b"three"));
        let whole = [header(), one.clone(), two.clone(), three.clone()].concat();
        assert_eq!(found(&whole).0, [Some(1), Some(2), Some(3)]);
        assert!(found(&whole).1.ends_with(b"three"));
        // A length that is wrong, and one that leads behind the end of the file.
        for length in [5, 1 << 40] {
            let mut damaged = Vec::new();
            zigzag(2, &mut damaged);
            zigzag(length, &mut damaged);
            damaged.extend_from_slice(&two[5..]);
            let bytes = [header(), one.clone(), damaged, three.clone()].concat();
            assert_eq!(found(&bytes), (vec![Some(1), None, Some(3)], b"onethree".to_vec()), "{length}");
        }
        // A damaged marker takes the next block along.
        let mut bytes = whole.clone();
        let place = header().len() + one.len() - 1;
        bytes[place] ^= 1;
        assert_eq!(found(&bytes).0, [None, Some(3)]);
        assert_eq!(found(&whole[..whole.len() - 1]).0, [Some(1), Some(2), None]);
    }
}
