//! The rows that tests find, kept in files where a person can look at them.

use super::TestError;
use arrow::record_batch::RecordBatch;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use tracklet_display::error::{AnyError, Hint};
use tracklet_display::print::{Integers, Layout, PrintError, Unprinted, print};

/// The folder of the files, one a test: `target/failures/NAME.jsonl`.
const FOLDER: &str = "target/failures";
/// How many rows of a test are shown.
const SHOWN: usize = 5;
/// How many rows of a test in a warehouse are kept. Of files all are.
pub const MOST_STORED: usize = 1_000;

/// Rows that a test found.
#[derive(Debug)]
pub struct Kept {
    /// How many there are.
    pub failures: u64,
    /// The first of them as a table for people.
    pub shown: String,
    /// The file that has them.
    pub file: PathBuf,
}

/// Writes rows as they are read to the file of the test; `None` without rows, and then no file is left.
///
/// # Errors
/// [`TestError::Tables`] where the rows can't be read, [`TestError::Keep`] where they can't be written.
pub fn keep<E: Hint + Send + Sync + 'static>(
    test: &str,
    rows: impl Iterator<Item = Result<RecordBatch, E>>,
) -> Result<Option<Kept>, TestError> {
    let file = Path::new(FOLDER).join(format!("{}.jsonl", file_name(test)));
    let failed = |source: Unprinted| TestError::Keep { path: file.clone(), source };
    let mut rows = rows.filter(|batch| batch.as_ref().map_or(true, |batch| batch.num_rows() > 0)).peekable();
    let first = match rows.peek() {
        None => {
            // What an earlier run found is no longer so.
            return match fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error.into())),
                _ => Ok(None),
            };
        }
        Some(Err(_)) => {
            let error = rows.find_map(Result::err).expect("a row failed");
            return Err(TestError::Tables(AnyError::new(error)));
        }
        Some(Ok(batch)) => batch.slice(0, batch.num_rows().min(SHOWN)),
    };
    fs::create_dir_all(FOLDER).map_err(|error| failed(error.into()))?;
    let mut out = BufWriter::new(File::create(&file).map_err(|error| failed(error.into()))?);
    let schema = first.schema();
    let failures = print(&schema, rows, Layout::Json, &mut out).map_err(|error| match error {
        PrintError::Rows(error) => TestError::Tables(AnyError::new(error)),
        PrintError::Print(error) => failed(error),
    })?;
    let mut shown = Vec::new();
    print(
        &schema,
        [Ok::<_, std::convert::Infallible>(first)],
        Layout::Table { width: Some(SHOWN_WIDTH), integers: Integers::Plain },
        &mut shown,
    )
    .map_err(|error| match error {
        PrintError::Print(error) => failed(error),
        PrintError::Rows(never) => match never {},
    })?;
    Ok(Some(Kept { failures, shown: String::from_utf8_lossy(&shown).into_owned(), file }))
}

/// Characters of a line of the rows that are shown.
const SHOWN_WIDTH: usize = 110;

/// The test's name without what a file's name can't have.
fn file_name(test: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-. ".contains(c) { c } else { '_' };
    test.chars().map(plain).take(200).collect()
}
