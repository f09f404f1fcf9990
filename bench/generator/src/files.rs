//! Rows into files: where one file ends and the next begins, and the threads that write them.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};

use crate::arrivals::{Arrivals, ArrivingRow, Call, Fault};
use crate::error::GeneratorError;
use crate::ids::IdMaker;
use crate::line::LineMaker;
use crate::logs::{LogsFile, path_below};
use crate::options::{GeneratorFormat, Options};
use crate::parquet_file::ParquetFile;
use crate::random::{Purpose, Random};

/// Rows handed to a writing thread at once, and how many such parts may wait for one.
const PART_ROWS: usize = 1 << 16;
const PARTS_WAITING: usize = 16;
const HOUR_MS: i64 = 3_600_000;

/// What was written. `rows` is the sum of `tracks`, `duplicates`, `other_calls` and `bad_lines`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows or lines in all files.
    pub rows: u64,
    /// Distinct tracks.
    pub tracks: u64,
    /// Second deliveries of a track.
    pub duplicates: u64,
    /// Deliveries of tracks, first or second, an hour or more after the event.
    pub late: u64,
    /// Identify and page calls.
    pub other_calls: u64,
    /// Damaged lines.
    pub bad_lines: u64,
    /// Files.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

impl Summary {
    /// One JSON object, keys as the fields.
    pub fn to_json(&self) -> String {
        serde_json::json!({
            "rows": self.rows,
            "tracks": self.tracks,
            "duplicates": self.duplicates,
            "late": self.late,
            "other_calls": self.other_calls,
            "bad_lines": self.bad_lines,
            "files": self.files,
            "bytes": self.bytes,
        })
        .to_string()
    }

    fn count(&mut self, row: &ArrivingRow) {
        self.rows += 1;
        match row.call {
            Call::Track => {
                self.late += u64::from(row.received_at - row.timestamp >= HOUR_MS);
                self.duplicates += u64::from(row.again);
                self.tracks += u64::from(!row.again);
            }
            Call::Identify | Call::Page => self.other_calls += 1,
            Call::Damaged(_) => self.bad_lines += 1,
        }
    }
}

/// Writes the data set that the options describe.
///
/// # Errors
/// Options that contradict each other, a folder that is not empty, a disk that refuses. Files written by then stay.
///
/// # Cost
/// 24 bytes for each session, 40 for each row on its way, and one open file a thread.
pub fn generate(options: &Options) -> Result<Summary, GeneratorError> {
    options.check()?;
    let folder = match options.format {
        GeneratorFormat::Parquet => options.out.clone(),
        GeneratorFormat::RudderLogs => options.out.join("rudder-logs"),
    };
    prepare(&folder)?;
    let threads = options
        .threads
        .map_or_else(|| thread::available_parallelism().map_or(1, NonZero::get), |threads| threads as usize);
    thread::scope(|scope| {
        let (channels, writers): (Vec<_>, Vec<_>) = (0..threads)
            .map(|_| {
                let (sender, receiver) = sync_channel(PARTS_WAITING);
                (sender, scope.spawn(move || write_files(options, &receiver)))
            })
            .unzip();
        let mut cutter = Cutter::new(options, folder, channels);
        cutter.cut_all(options);
        let mut summary = cutter.finish();
        for writer in writers {
            summary.bytes += joined(writer)?;
        }
        Ok(summary)
    })
}

fn joined(writer: ScopedJoinHandle<'_, Result<u64, GeneratorError>>) -> Result<u64, GeneratorError> {
    writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn prepare(folder: &Path) -> Result<(), GeneratorError> {
    let failed = |source| GeneratorError::Folder { path: folder.to_path_buf(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(GeneratorError::NotEmpty { path: folder.to_path_buf() });
    }
    Ok(())
}

/// A message to a writing thread: for each file `Open`, any number of `Rows`, then `Close`.
enum WriterMessage {
    Open(PathBuf),
    Rows(Vec<ArrivingRow>),
    Close,
}

enum OutputFile {
    Parquet(Box<ParquetFile>),
    Logs(Box<LogsFile>),
}

/// Writes the files that the messages describe. Answers the bytes written.
fn write_files(options: &Options, parts: &Receiver<WriterMessage>) -> Result<u64, GeneratorError> {
    let ids = IdMaker::new(&options.traffic, options.ids);
    let mut bytes = 0;
    let mut open = None;
    for part in parts {
        match part {
            WriterMessage::Open(path) => {
                open = Some(match options.format {
                    GeneratorFormat::Parquet => {
                        OutputFile::Parquet(Box::new(ParquetFile::create(path, ids.clone())?))
                    }
                    GeneratorFormat::RudderLogs => {
                        let lines = LineMaker::new(&options.traffic, ids.clone(), options.context);
                        OutputFile::Logs(Box::new(LogsFile::create(path, lines)?))
                    }
                });
            }
            WriterMessage::Rows(rows) => match &mut open {
                Some(OutputFile::Parquet(file)) => file.write(&rows)?,
                Some(OutputFile::Logs(file)) => file.write(&rows)?,
                None => unreachable!("a file is opened before its rows are sent"),
            },
            WriterMessage::Close => {
                bytes += match open.take() {
                    Some(OutputFile::Parquet(file)) => file.close()?,
                    Some(OutputFile::Logs(file)) => file.close()?,
                    None => 0,
                }
            }
        }
    }
    Ok(bytes)
}

/// Where a file ends.
enum FileEnd {
    /// After so many rows, but the last file takes the rest.
    Rows { each: u64, files: u64 },
    /// With each so many hours of arrival.
    Hours(i64),
}

/// Deals the rows out to the writing threads, file by file in turn.
struct Cutter {
    cut: FileEnd,
    format: GeneratorFormat,
    folder: PathBuf,
    ids: IdMaker,
    channels: Vec<SyncSender<WriterMessage>>,
    /// Whether a file is open, and how many rows it has.
    open: Option<u64>,
    waiting: Vec<ArrivingRow>,
    /// The span of hours that the open file is for.
    span: i64,
    summary: Summary,
    /// A writer has given up; joining it returns its error.
    stopped: bool,
}

impl Cutter {
    fn new(options: &Options, folder: PathBuf, channels: Vec<SyncSender<WriterMessage>>) -> Self {
        let traffic = &options.traffic;
        let rows = traffic.tracks as f64 * (1.0 + traffic.duplicates + traffic.other_types)
            + options.bad_lines as f64;
        let cut = match (options.files, options.hours_per_file) {
            (Some(files), _) => FileEnd::Rows { each: (rows / files as f64).ceil() as u64, files },
            (_, Some(hours)) => FileEnd::Hours(i64::from(hours)),
            _ => FileEnd::Rows { each: options.rows_per_file.unwrap_or(1_000_000), files: u64::MAX },
        };
        Self {
            cut,
            format: options.format,
            folder,
            ids: IdMaker::new(traffic, options.ids),
            channels,
            open: None,
            waiting: Vec::with_capacity(PART_ROWS),
            span: 0,
            summary: Summary::default(),
            stopped: false,
        }
    }

    fn cut_all(&mut self, options: &Options) {
        let mut bad_lines = BadLines::new(options);
        for hour in Arrivals::new(&options.traffic) {
            for row in &hour {
                self.push(row);
                if row.call == Call::Track
                    && !row.again
                    && let Some(fault) = bad_lines.after_track()
                {
                    self.push(&row.damaged(fault));
                }
            }
            if self.stopped {
                return;
            }
        }
    }

    fn push(&mut self, row: &ArrivingRow) {
        self.end_file_before(row);
        if self.open.is_none() {
            let number = self.summary.files;
            let path = match self.format {
                GeneratorFormat::Parquet => self.folder.join(format!("tracks-{number:05}.parquet")),
                GeneratorFormat::RudderLogs => path_below(&self.folder, &self.ids, number, row.received_at),
            };
            self.send(WriterMessage::Open(path));
        }
        self.open = Some(self.open.unwrap_or(0) + 1);
        self.summary.count(row);
        self.waiting.push(*row);
        if self.waiting.len() == PART_ROWS {
            self.send_waiting();
        }
    }

    fn end_file_before(&mut self, row: &ArrivingRow) {
        let ends = match self.cut {
            FileEnd::Rows { each, files } => self.open == Some(each) && self.summary.files + 1 < files,
            FileEnd::Hours(hours) => {
                let span = row.received_at.div_euclid(hours * HOUR_MS);
                std::mem::replace(&mut self.span, span) != span
            }
        };
        if ends && self.open.is_some() {
            self.end_file();
        }
    }

    fn end_file(&mut self) {
        self.send_waiting();
        self.send(WriterMessage::Close);
        self.open = None;
        self.summary.files += 1;
    }

    fn send_waiting(&mut self) {
        let rows = std::mem::replace(&mut self.waiting, Vec::with_capacity(PART_ROWS));
        self.send(WriterMessage::Rows(rows));
    }

    fn send(&mut self, part: WriterMessage) {
        let writer = self.summary.files as usize % self.channels.len();
        self.stopped |= self.channels[writer].send(part).is_err();
    }

    /// Ends the last file and, by closing the channels, the threads.
    fn finish(mut self) -> Summary {
        if self.open.is_some() {
            self.end_file();
        }
        self.summary
    }
}

/// Where damaged lines stand: the tracks are cut into as many equal ranges, and each range has one at a random place.
struct BadLines {
    random: Random,
    faults: &'static [Fault],
    tracks: u64,
    lines: u64,
    track: u64,
    line: u64,
    next_place: u64,
}

impl BadLines {
    fn new(options: &Options) -> Self {
        let random = Random::of(options.traffic.seed, Purpose::BadLines, 0);
        let mut places = Self {
            random,
            faults: options.faults.list(),
            tracks: options.traffic.tracks,
            lines: options.bad_lines,
            track: 0,
            line: 0,
            next_place: 0,
        };
        places.choose();
        places
    }

    fn choose(&mut self) {
        if self.line < self.lines {
            let first_track =
                |line| (u128::from(self.tracks) * u128::from(line) / u128::from(self.lines)) as u64;
            let (from, to): (u64, u64) = (first_track(self.line), first_track(self.line + 1));
            self.next_place = from + self.random.below(to - from);
        }
    }

    /// To be asked once after each track's first delivery.
    fn after_track(&mut self) -> Option<Fault> {
        let here = self.line < self.lines && self.track == self.next_place;
        self.track += 1;
        if !here {
            return None;
        }
        let fault = self.faults[(self.line % self.faults.len() as u64) as usize];
        self.line += 1;
        self.choose();
        Some(fault)
    }
}
