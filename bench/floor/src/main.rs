//! The least that a run can cost: the columns of its input decoded, and every distinct column of its output encoded once,
//! by the same encoders, codec and threads. Nothing is sessionized and nothing written.
//!
//! ```text
//! floor = decode all row groups of the input + encode the row groups of the tables, which are read beforehand
//! ```
//!
//! Prints one line of JSON: seconds of both, and the encoded bytes.

mod columns;

use arrow::array::RecordBatch;
use clap::Parser;
use columns::{Folder, distinct_columns};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use rayon::prelude::*;
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What a run reads of its input.
const INPUT_COLUMNS: [&str; 6] = ["id", "anonymous_id", "user_id", "event", "timestamp", "received_at"];

/// Decodes the input of a run and encodes its output, and tells how long that takes.
#[derive(Debug, Parser)]
#[command(name = "tracklet-floor")]
struct Arguments {
    /// The folder of the Parquet files that a run reads
    #[arg(long)]
    input: PathBuf,
    /// The tables that it made of them: `current` below its output folder
    #[arg(long)]
    tables: PathBuf,
    /// Threads; all cores by default
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> Fallible<()> {
    let arguments = Arguments::parse();
    rayon::ThreadPoolBuilder::new().num_threads(arguments.threads.unwrap_or(0)).build_global()?;

    let started = Instant::now();
    let rows = decode(&arguments.input)?;
    let decode_seconds = started.elapsed().as_secs_f64();
    let encoded = encode(&arguments.tables)?;
    let line = serde_json::json!({
        "rows": rows,
        "threads": rayon::current_num_threads(),
        "decode_s": decode_seconds,
        "encode_s": encoded.time.as_secs_f64(),
        "floor_s": decode_seconds + encoded.time.as_secs_f64(),
        "encoded_bytes": encoded.bytes,
    });
    println!("{line}");
    Ok(())
}

/// A row group of a file.
struct Group {
    file: PathBuf,
    metadata: ArrowReaderMetadata,
    number: usize,
}

fn groups_of(file: &Path, options: ArrowReaderOptions) -> Fallible<Vec<Group>> {
    let metadata = ArrowReaderMetadata::load(&File::open(file)?, options)?;
    let groups = 0..metadata.metadata().num_row_groups();
    Ok(groups.map(|number| Group { file: file.to_owned(), metadata: metadata.clone(), number }).collect())
}

impl Group {
    /// The named columns, in batches of up to `rows` rows.
    fn read(&self, columns: &[&str], rows: usize) -> Fallible<Vec<RecordBatch>> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            File::open(&self.file)?,
            self.metadata.clone(),
        );
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        let reader =
            builder.with_projection(mask).with_row_groups(vec![self.number]).with_batch_size(rows).build()?;
        Ok(reader.collect::<Result<_, _>>()?)
    }

    fn rows(&self) -> usize {
        self.metadata.metadata().row_group(self.number).num_rows() as usize
    }
}

/// Decodes the input; answers how many rows it has.
fn decode(folder: &Path) -> Fallible<usize> {
    let files = columns::files(folder)?;
    let groups: Vec<Vec<Group>> =
        files.iter().map(|file| groups_of(file, ArrowReaderOptions::new())).collect::<Result<_, _>>()?;
    let groups: Vec<Group> = groups.into_iter().flatten().collect();
    let rows = groups.par_iter().map(|group| {
        let batches = group.read(&INPUT_COLUMNS, 1 << 16)?;
        Ok(batches.iter().map(RecordBatch::num_rows).sum::<usize>())
    });
    rows.try_reduce(|| 0, |a, b| Ok(a + b))
}

#[derive(Default)]
struct Encoded {
    time: Duration,
    bytes: usize,
}

/// Encodes every distinct column of the tables; reading them is not counted.
fn encode(tables: &Path) -> Fallible<Encoded> {
    let mut encoded = Encoded::default();
    for Folder { files, columns } in distinct_columns(tables)? {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        for file in &files {
            let groups = groups_of(file, ArrowReaderOptions::new().with_schema(columns::schema(file)?))?;
            // As a run has it: as many groups in memory as there are threads.
            for groups in groups.chunks(rayon::current_num_threads()) {
                let batches: Vec<Vec<RecordBatch>> = groups
                    .par_iter()
                    .map(|group| group.read(&columns, group.rows().max(1)))
                    .collect::<Result<_, _>>()?;
                let started = Instant::now();
                let bytes: usize = batches
                    .par_iter()
                    .flatten()
                    .map(|batch| columns::encoded_bytes(batch))
                    .try_reduce(|| 0, |a, b| Ok(a + b))?;
                encoded.time += started.elapsed();
                encoded.bytes += bytes;
            }
        }
    }
    Ok(encoded)
}
