//! Files made for a test, and what is read of them.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tracklet_analysis::filter::SqlRowFilters;
use tracklet_native::read::inputs::discover;
use tracklet_native::read::{Options, Quiet, Read, ReadError, Reject, Source, Strictness, read_all};

/// A folder of input files that is gone after the test.
pub struct Files(TempDir);

impl Files {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn name(&self, file: &str) -> String {
        self.0.path().join(file).display().to_string()
    }

    pub fn write(&self, file: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }

    pub fn read(&self) -> Read {
        self.try_read(&Source::default(), Strictness::Lenient).expect("a lenient read")
    }

    pub fn read_as(&self, source: &Source) -> Read {
        self.try_read(source, Strictness::Lenient).expect("a lenient read")
    }

    /// Reads with one thread and with three, which must not matter.
    pub fn try_read(&self, source: &Source, strictness: Strictness) -> Result<Read, ReadError> {
        let paths = [self.path().display().to_string()];
        let files = discover(&paths, source.format, source.types)?.files;
        let read = |threads| {
            let threads = NonZeroUsize::new(threads).expect("not 0");
            let options = Options {
                threads,
                strictness,
                temporary: self.path(),
                filters: &SqlRowFilters,
                first_rows: None,
            };
            read_all(&files, source, &options, &Quiet)
        };
        let (one, three) = (read(1), read(3));
        if let (Ok(one), Ok(three)) = (&one, &three) {
            assert_eq!(one.rejects, three.rejects);
            assert_eq!(one.files, three.files);
            assert_eq!(tracks(one), tracks(three));
        }
        assert_eq!(one.is_ok(), three.is_ok());
        one
    }
}

/// How many tracks there are. The sums of the files have to agree.
pub fn tracks(read: &Read) -> u64 {
    let tracks = read.tracks.iter().map(tracklet_kernel::tracks::TracksBuilder::rows).sum();
    let rows: u64 = read.files.iter().map(|file| file.rows).sum();
    let rejected: u64 = read.files.iter().map(|file| file.rejected).sum();
    let skipped: u64 = read.files.iter().map(|file| file.skipped).sum();
    assert_eq!(rows, tracks + rejected, "every row is in one place");
    assert_eq!(rejected, read.rejects.len() as u64);
    assert_eq!(skipped, read.skipped);
    tracks
}

/// Tracks, skipped rows, and each reject's row and reason.
pub fn outcome(read: &Read) -> (u64, u64, Vec<(Option<u64>, &'static str)>) {
    let rejects = read.rejects.iter().map(|reject| (reject.row_number, reject.reason.as_str())).collect();
    (tracks(read), read.skipped, rejects)
}

/// Event ids of the tracks, in order.
pub fn event_names(read: Read) -> Vec<String> {
    let tracks = tracklet_kernel::tracks::Tracks::merge(read.tracks);
    let mut names: Vec<String> = tracks.event_names().map(str::to_owned).collect();
    names.sort();
    names
}

/// A good track's line, without `\n`.
pub fn line(id: &str) -> String {
    format!(
        r#"{{"type":"track","event":"Product Viewed","messageId":"{id}","anonymousId":"a","userId":"","properties":{{"price":[1,{{"x":null}}]}},"timestamp":"2026-01-04T10:00:00.000Z","receivedAt":"2026-01-04T10:00:01.000Z"}}"#
    )
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("into memory");
    encoder.include_checksum(true).and_then(|()| encoder.write_all(bytes)).expect("into memory");
    encoder.finish().expect("into memory")
}

/// The only reject.
pub fn only(read: &Read) -> &Reject {
    assert_eq!(read.rejects.len(), 1, "{:?}", read.rejects);
    &read.rejects[0]
}
