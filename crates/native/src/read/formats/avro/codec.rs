//! How the blocks of an Avro file are compressed.

use crate::read::fence::fenced;
use flate2::read::DeflateDecoder;
use std::io::{self, Read};

/// The most bytes that the rows of a block may have, inflated or as they are stored. Memory: a thread holds one block.
pub(super) const LARGEST_BLOCK: u64 = 256 << 20;
/// The largest window of Zstandard that is read, as a power of 2.
const WINDOW_LOG: u32 = 27;
/// The checksum behind a block of Snappy.
const CRC: usize = 4;

/// A codec of the Avro specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
    /// One that is specified and not read.
    Unread(&'static str),
}

impl Codec {
    /// The codec that a header names; `None` for a name that is none.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"" | b"null" => Some(Self::Null),
            b"deflate" => Some(Self::Deflate),
            b"snappy" => Some(Self::Snappy),
            b"zstandard" => Some(Self::Zstandard),
            b"bzip2" => Some(Self::Unread("bzip2")),
            b"xz" => Some(Self::Unread("xz")),
            _ => None,
        }
    }

    /// Inflates a block; `None` where it is damaged or larger than [`LARGEST_BLOCK`].
    pub(super) fn inflate(self, block: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Self::Null => Some(block),
            Self::Deflate => bounded(DeflateDecoder::new(block.as_slice())),
            Self::Zstandard => {
                let mut decoder = fenced(|| zstd::Decoder::with_buffer(block.as_slice()))?;
                fenced(|| decoder.window_log_max(WINDOW_LOG))?;
                bounded(decoder)
            }
            Self::Snappy => {
                let (block, crc) = block.split_at(block.len().checked_sub(CRC)?);
                let length = fenced(|| snap::raw::decompress_len(block))?;
                if length as u64 > LARGEST_BLOCK {
                    return None;
                }
                let inflated = fenced(|| snap::raw::Decoder::new().decompress_vec(block))?;
                (crc32fast::hash(&inflated).to_be_bytes() == *crc).then_some(inflated)
            }
            Self::Unread(_) => None,
        }
    }
}

/// All bytes of a stream that has no more than [`LARGEST_BLOCK`].
fn bounded(stream: impl Read) -> Option<Vec<u8>> {
    let inflated = fenced(|| -> io::Result<_> {
        let mut bytes = Vec::new();
        stream.take(LARGEST_BLOCK + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    })?;
    (inflated.len() as u64 <= LARGEST_BLOCK).then_some(inflated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::DeflateEncoder;
    use std::io::Write;

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("into memory");
        encoder.finish().expect("into memory")
    }

    fn snappy(bytes: &[u8]) -> Vec<u8> {
        let mut block = snap::raw::Encoder::new().compress_vec(bytes).expect("into memory");
        block.extend_from_slice(&crc32fast::hash(bytes).to_be_bytes());
        block
    }

    #[test]
    fn blocks_are_inflated_and_damage_is_noticed() {
        let rows = b"rows rows rows rows".repeat(100);
        let zstandard = zstd::encode_all(rows.as_slice(), 3).expect("into memory");
        for (codec, block) in [
            (Codec::Null, rows.clone()),
            (Codec::Deflate, deflate(&rows)),
            (Codec::Snappy, snappy(&rows)),
            (Codec::Zstandard, zstandard),
        ] {
            assert_eq!(codec.inflate(block.clone()), Some(rows.clone()), "{codec:?}");
            // Where a stream of deflate ends early, rows are missing: whoever counts them notices.
            if !matches!(codec, Codec::Null | Codec::Deflate) {
                assert_eq!(codec.inflate(block[..block.len() - 1].to_vec()), None, "{codec:?}");
                assert_eq!(codec.inflate(Vec::new()), None, "{codec:?}");
            }
        }
        let mut damaged = snappy(&rows);
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        assert_eq!(Codec::Snappy.inflate(damaged), None);
    }

    #[test]
    fn a_small_block_does_not_become_a_large_one() {
        let zeros = io::repeat(0).take(LARGEST_BLOCK + 1);
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("into memory");
        io::copy(&mut { zeros }, &mut encoder).expect("into memory");
        assert_eq!(Codec::Zstandard.inflate(encoder.finish().expect("into memory")), None);
        let claimed = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0, 0, 0, 0];
        assert_eq!(Codec::Snappy.inflate(claimed.to_vec()), None);
    }
}
