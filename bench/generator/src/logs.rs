//! One file of raw lines, gzip, in the folders that `RudderStack`'s uploader makes.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::arrivals::ArrivingRow;
use crate::calls::details::Detailed;
use crate::calls::json;
use crate::error::GeneratorError;
use crate::ids::IdMaker;
use crate::line::{LineMaker, utc};

/// How rows become lines.
pub enum RawLines {
    /// Those of traffic of tracks.
    Tracks(LineMaker),
    /// Those of calls of all types.
    All(Detailed),
}

impl RawLines {
    fn push(&self, row: &ArrivingRow, out: &mut Vec<u8>) {
        match self {
            Self::Tracks(lines) => lines.push(row, out),
            Self::All(detailed) => json::push(&detailed.of(row), out),
        }
    }
}

/// A `.json.gz` file that is being written.
pub struct LogsFile {
    path: PathBuf,
    encoder: GzEncoder<BufWriter<File>>,
    lines: RawLines,
    buffer: Vec<u8>,
}

/// `<source>/<YYYY-MM-DD>/<unix>.<source>.<uuid>.json.gz`, after the first row's arrival in milliseconds.
pub fn path_below(folder: &Path, ids: &IdMaker, number: u64, received_at: i64) -> PathBuf {
    let source = ids.source();
    let day = utc(received_at).format("%Y-%m-%d").to_string();
    let name = format!("{}.{source}.{}.json.gz", received_at.div_euclid(1000), ids.file(number));
    folder.join(source.as_str()).join(day).join(name)
}

impl LogsFile {
    /// Makes the file and the folders it stands in.
    ///
    /// # Errors
    /// The path of what cannot be made.
    pub fn create(path: PathBuf, lines: RawLines) -> Result<Self, GeneratorError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .map_err(|source| GeneratorError::Folder { path: folder.to_path_buf(), source })?;
        }
        let file =
            File::create(&path).map_err(|source| GeneratorError::File { path: path.clone(), source })?;
        let encoder = GzEncoder::new(BufWriter::with_capacity(1 << 18, file), Compression::default());
        Ok(Self { path, encoder, lines, buffer: Vec::new() })
    }

    /// Appends a line a row.
    ///
    /// # Errors
    /// The path, when the disk refuses.
    pub fn write(&mut self, rows: &[ArrivingRow]) -> Result<(), GeneratorError> {
        // A few hundred lines at once: the compressor's calls stay few and the buffer in the cache.
        for rows in rows.chunks(256) {
            self.buffer.clear();
            for row in rows {
                self.lines.push(row, &mut self.buffer);
            }
            self.encoder
                .write_all(&self.buffer)
                .map_err(|source| GeneratorError::File { path: self.path.clone(), source })?;
        }
        Ok(())
    }

    /// Ends the file; its bytes.
    ///
    /// # Errors
    /// The path, when the disk refuses.
    pub fn close(self) -> Result<u64, GeneratorError> {
        let finish = || {
            let file = self.encoder.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            Ok(file.metadata()?.len())
        };
        finish().map_err(|source| GeneratorError::File { path: self.path, source })
    }
}
