//! Digests of every file of a snapshot, by which a flipped bit is found.
//!
//! ```text
//! manifest.json, sealed by its own digest --digest of--> state/digests.json --digests of--> every other file
//! ```
//!
//! A Parquet file has a digest a column chunk and one of all else, so that who reads some columns verifies just what it reads.

mod verified;

pub(crate) use verified::{Verified, damage};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::Hasher;
use twox_hash::XxHash64;

/// The file of [`Digests`] in the folder of the state.
pub(crate) const DIGESTS_FILE: &str = "digests.json";
/// What every Parquet file starts with.
const MAGIC: &[u8; 4] = b"PAR1";
/// Hexadecimal digits of a digest within the file.
const DIGITS: usize = 16;

/// The version of the file of [`Digests`].
const FORMAT: u32 = 2;

/// The digest of a part of a file: XXH64 with seed 0, as 16 hexadecimal digits.
///
/// It finds damage, not forgery, which no digest beside its file could. Every byte that a run writes goes through it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hexadecimal(XxHash64::oneshot(0, bytes))
}

fn hexadecimal(hash: u64) -> String {
    format!("{hash:0DIGITS$x}")
}

/// The digest of a small file as a whole: 32 hexadecimal digits of BLAKE3.
pub(crate) fn seal(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}

/// What a file holds, to the byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileDigest {
    bytes: u64,
    /// The digests of all column chunks of a Parquet file, one behind the other.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    chunks: String,
    /// Of all else.
    rest: String,
}

/// The digests of a Parquet file that is being written.
#[derive(Debug, Default)]
pub(crate) struct Digester {
    chunks: String,
    bytes: u64,
}

impl Digester {
    pub(crate) fn add_chunk(&mut self, digest: &str, bytes: usize) {
        self.chunks.push_str(digest);
        self.bytes += bytes as u64;
    }

    /// Where what stands behind the chunks starts.
    pub(crate) fn footer_start(&self) -> u64 {
        MAGIC.len() as u64 + self.bytes
    }

    pub(crate) fn finish(self, footer: &[u8], bytes: u64) -> FileDigest {
        FileDigest { bytes, chunks: self.chunks, rest: digest_of_rest(MAGIC, footer) }
    }
}

fn digest_of_rest(magic: &[u8], footer: &[u8]) -> String {
    let mut hasher = XxHash64::with_seed(0);
    hasher.write(magic);
    hasher.write(footer);
    hexadecimal(hasher.finish())
}

/// The digests of a snapshot's files, by their paths from its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Digests {
    format: u32,
    files: BTreeMap<String, FileDigest>,
}

impl Default for Digests {
    fn default() -> Self {
        Self { format: FORMAT, files: BTreeMap::new() }
    }
}

impl Digests {
    pub(crate) fn insert(&mut self, name: String, digest: FileDigest) {
        self.files.insert(name, digest);
    }

    /// Adds a file that is no table.
    pub(crate) fn insert_bytes(&mut self, name: String, bytes: &[u8]) {
        let digest =
            FileDigest { bytes: bytes.len() as u64, chunks: String::new(), rest: self::digest(bytes) };
        self.files.insert(name, digest);
    }

    /// Adds a file that is the same in another snapshot.
    pub(crate) fn copy(&mut self, name: &str, other: &Self) {
        if let Some(digest) = other.files.get(name) {
            self.files.insert(name.to_owned(), digest.clone());
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&FileDigest> {
        self.files.get(name)
    }

    /// Whether the digests are of the kind that this version makes.
    pub(crate) fn is_readable(&self) -> bool {
        self.format == FORMAT
    }

    /// Every file and its digest.
    pub(crate) fn files(&self) -> &BTreeMap<String, FileDigest> {
        &self.files
    }

    /// The file's bytes.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("texts and numbers");
        text.push(b'\n');
        text
    }
}

impl FileDigest {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether these are the bytes of a file that is no table.
    pub(crate) fn is_of(&self, bytes: &[u8]) -> bool {
        self.chunks.is_empty() && self.bytes == bytes.len() as u64 && self.rest == digest(bytes)
    }
}
