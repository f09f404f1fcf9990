//! Bugs that were, each with its story.

use super::support::{ended, manifest, tracklet};
use std::fs;
use std::path::Path;

/// An input that the fuzzer found.
fn found(target: &str, name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions");
    fs::read(folder.join(target).join(name)).unwrap()
}

/// The decoder asserts that a damaged page's bit width fits the type. The panic was caught and the file rejected, but
/// the user saw a line about a thread that panicked as if the program had failed.
#[test]
fn r1_a_decoder_that_gives_up_is_told_as_a_reject_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.parquet"), found("parquet", "001-bit-width-over-the-type")).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.parquet"]));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("25 unreadable") && !said.contains("panicked"), "{said}");
    assert_eq!(manifest(&folder.path().join("out"))["rejects"]["unreadable"], 25);
}
