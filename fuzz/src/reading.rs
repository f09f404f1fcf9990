//! A file of any bytes, read through the same door as every run, and what must hold of that.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use tempfile::TempDir;
use tracklet_kernel::gate::Reason;
use tracklet_kernel::tracks::TracksBuilder;
use tracklet_native::read::inputs::discover;
use tracklet_native::read::{
    NoRowFilters, Options, Quiet, Read, ReadError, Source, Strictness, inspect, read_all,
    silence_caught_panics,
};

/// How many rows of a file went where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOutcome {
    pub tracks: u64,
    pub skipped: u64,
    /// Rejected for what they say.
    pub refused: u64,
    /// Rejected since they could not be taken apart.
    pub unreadable: u64,
}

impl ReadOutcome {
    fn of(read: &Read) -> Self {
        let tracks = read.tracks.iter().map(TracksBuilder::rows).sum();
        let sum =
            |count: fn(&tracklet_native::read::FileSummary) -> u64| read.files.iter().map(count).sum::<u64>();
        let rejected = read.rejects.len() as u64;
        assert_eq!(sum(|file| file.rejected), rejected, "every reject is counted for its file");
        assert_eq!(sum(|file| file.rows), tracks + rejected, "every row is in one place");
        assert_eq!(sum(|file| file.skipped), read.skipped, "every skipped row is counted for its file");
        let unreadable =
            read.rejects.iter().filter(|reject| reject.reason == Reason::Unreadable).count() as u64;
        Self { tracks, skipped: read.skipped, refused: rejected - unreadable, unreadable }
    }
}

/// Reads `bytes` as a file called `name`; `None` when its columns are not those of tracks.
///
/// Whatever the bytes are: threads make no difference, a strict read fails exactly when something is rejected, and a
/// first look at the file succeeds, unless its header is a row.
pub fn read(name: &str, bytes: &[u8], source: &Source) -> Option<ReadOutcome> {
    // The fuzzer takes every panic for a failure, also those that the readers catch.
    silence_caught_panics();
    let folder = folder();
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("room for a small file");
    let inputs =
        discover(&[path.display().to_string()], None, source.types).expect("the file is there").files;
    match inspect(&inputs, folder.path()) {
        Ok(_) | Err(ReadError::MissingColumn { is_row: true, .. } | ReadError::Printed { .. }) => {}
        Err(other) => panic!("a first look fails only for a file without a header: {other}"),
    }
    let read = |threads, strictness| {
        let threads = NonZeroUsize::new(threads).expect("not 0");
        read_all(
            &inputs,
            source,
            &Options {
                threads,
                strictness,
                temporary: folder.path(),
                filters: &NoRowFilters,
                first_rows: None,
            },
            &Quiet,
        )
    };
    let lenient = match read(1, Strictness::Lenient) {
        Ok(lenient) => lenient,
        // The names of columns, that of a codec, and a table for people's eyes are what a file can be wrong in as a whole.
        Err(
            ReadError::MissingColumn { .. }
            | ReadError::Codec { .. }
            | ReadError::Printed { .. }
            | ReadError::OtherHeader { .. },
        ) => return None,
        Err(other) => panic!("a file is never an error for what it holds: {other}"),
    };
    let outcome = ReadOutcome::of(&lenient);
    let threaded = read(2, Strictness::Lenient).expect("it could be read by one thread");
    assert_eq!(ReadOutcome::of(&threaded), outcome, "two threads");
    assert_eq!(threaded.rejects, lenient.rejects, "two threads");
    match (read(1, Strictness::Strict), lenient.rejects.first()) {
        (Ok(strict), None) => assert_eq!(ReadOutcome::of(&strict), outcome),
        (Err(ReadError::Rejected { row, reason, .. }), Some(first)) => {
            // A lone carriage return ends a record of CSV but no line: of several records on the first line that is
            // rejected, a strict run meets another first than the order of the rejects has.
            assert_eq!(row, first.row_number, "strict names the first line with a reject");
            let mut of_line = lenient.rejects.iter().filter(|reject| reject.row_number == row);
            assert!(of_line.any(|reject| reject.reason == reason), "strict: {reason:?}, lenient: {first:?}");
        }
        (strict, first) => {
            panic!("strict: {:?}, lenient: {first:?}", strict.map(|read| ReadOutcome::of(&read)))
        }
    }
    Some(outcome)
}

/// A folder in memory where there is such a thing: a fuzzer writes thousands of files a second.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("tracklet-fuzz-").tempdir_in(place).expect("a folder for temporary files")
}
