//! Rows into files: where one file ends and the next begins, and the threads that write them.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};

use crate::arrivals::{Arrivals, ArrivingRow, Call, Fault};
use crate::calls::details::Detailed;
use crate::calls::tables::{Table, TableFile};
use crate::error::GeneratorError;
use crate::ids::IdMaker;
use crate::line::LineMaker;
use crate::logs::{LogsFile, RawLines, path_below};
use crate::options::{Calls, GeneratorFormat, Options};
use crate::parquet_file::ParquetFile;
use crate::random::{Purpose, Random};
use crate::summary::Summary;

/// Rows handed to a writing thread at once, and how many such parts may wait for one.
const PART_ROWS: usize = 1 << 16;
const PARTS_WAITING: usize = 16;
const HOUR_MS: i64 = 3_600_000;

/// Writes the data set that the options describe.
///
/// # Errors
/// Options that contradict each other, a folder that is not empty, a disk that refuses. Files written by then stay.
///
/// # Cost
/// 24 bytes for each session, 48 for each row on its way, and one open file a thread; with calls of all types one a table in Parquet, and
/// some 32 for each device.
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

/// Files that are written one after the other: those of a table of calls of all types, otherwise all.
type Stream = usize;

enum OutputFile {
    Parquet(Box<ParquetFile>),
    Logs(Box<LogsFile>),
    Table(Box<TableFile>),
}

impl OutputFile {
    fn create(options: &Options, stream: Stream, path: PathBuf) -> Result<Self, GeneratorError> {
        let traffic = &options.traffic;
        let ids = IdMaker::new(traffic, options.ids);
        let detailed = || Detailed::new(traffic, options.ids);
        Ok(match (options.format, traffic.calls) {
            (GeneratorFormat::Parquet, Calls::Tracks) => {
                Self::Parquet(Box::new(ParquetFile::create(path, ids)?))
            }
            (GeneratorFormat::Parquet, Calls::All) => {
                Self::Table(Box::new(TableFile::create(path, Table::ALL[stream], detailed())?))
            }
            (GeneratorFormat::RudderLogs, Calls::Tracks) => {
                let lines = LineMaker::new(traffic, ids, options.context);
                Self::Logs(Box::new(LogsFile::create(path, RawLines::Tracks(lines))?))
            }
            (GeneratorFormat::RudderLogs, Calls::All) => {
                Self::Logs(Box::new(LogsFile::create(path, RawLines::All(detailed()))?))
            }
        })
    }

    fn write(&mut self, rows: &[ArrivingRow]) -> Result<(), GeneratorError> {
        match self {
            Self::Parquet(file) => file.write(rows),
            Self::Logs(file) => file.write(rows),
            Self::Table(file) => file.write(rows),
        }
    }

    fn close(self) -> Result<u64, GeneratorError> {
        match self {
            Self::Parquet(file) => file.close(),
            Self::Logs(file) => file.close(),
            Self::Table(file) => file.close(),
        }
    }
}

/// Writes the parts that the other threads send; returns the bytes of its files.
fn write_files(options: &Options, parts: &Receiver<(Stream, WriterMessage)>) -> Result<u64, GeneratorError> {
    let mut bytes = 0;
    let mut open: [Option<OutputFile>; Table::ALL.len()] = [const { None }; _];
    for (stream, part) in parts {
        match (part, &mut open[stream]) {
            (WriterMessage::Open(path), file) => *file = Some(OutputFile::create(options, stream, path)?),
            (WriterMessage::Rows(rows), Some(file)) => file.write(&rows)?,
            (WriterMessage::Rows(_), None) => unreachable!("a file is opened before its rows are sent"),
            (WriterMessage::Close, file) => {
                if let Some(file) = file.take() {
                    bytes += file.close()?;
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
    channels: Vec<SyncSender<(Stream, WriterMessage)>>,
    streams: Vec<StreamState>,
    summary: Summary,
    /// A writer has given up; joining it returns its error.
    stopped: bool,
}

/// How far a stream is.
#[derive(Default)]
struct StreamState {
    /// Whether a file is open, and how many rows it has.
    open: Option<u64>,
    waiting: Vec<ArrivingRow>,
    /// The span of hours that the open file is for.
    span: i64,
    /// Files that are closed.
    files: u64,
}

impl Cutter {
    fn new(options: &Options, folder: PathBuf, channels: Vec<SyncSender<(Stream, WriterMessage)>>) -> Self {
        let traffic = &options.traffic;
        let rows = traffic.tracks as f64 * (1.0 + traffic.duplicates + traffic.other_types)
            + options.bad_lines as f64;
        let cut = match (options.files, options.hours_per_file) {
            (Some(files), _) => FileEnd::Rows { each: (rows / files as f64).ceil() as u64, files },
            (_, Some(hours)) => FileEnd::Hours(i64::from(hours)),
            _ => FileEnd::Rows { each: options.rows_per_file.unwrap_or(1_000_000), files: u64::MAX },
        };
        let is_in_tables = options.format == GeneratorFormat::Parquet && traffic.calls == Calls::All;
        let streams = if is_in_tables { Table::ALL.len() } else { 1 };
        Self {
            cut,
            format: options.format,
            folder,
            ids: IdMaker::new(traffic, options.ids),
            channels,
            streams: (0..streams).map(|_| StreamState::default()).collect(),
            summary: Summary { calls: traffic.calls, ..Summary::default() },
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
        let stream = if self.streams.len() > 1 { Table::of(row.call) as Stream } else { 0 };
        self.end_file_before(stream, row);
        if self.streams[stream].open.is_none() {
            let path = self.path(stream, row);
            self.send(stream, WriterMessage::Open(path));
        }
        let state = &mut self.streams[stream];
        state.open = Some(state.open.unwrap_or(0) + 1);
        state.waiting.push(*row);
        let is_full = state.waiting.len() == PART_ROWS;
        self.summary.count(row);
        if is_full {
            self.send_waiting(stream);
        }
    }

    /// Of the stream's next file, whose first row this is.
    fn path(&self, stream: Stream, row: &ArrivingRow) -> PathBuf {
        let number = self.streams[stream].files;
        match self.format {
            GeneratorFormat::Parquet if self.streams.len() > 1 => {
                let table = Table::ALL[stream].name();
                self.folder.join(table).join(format!("{table}-{number:05}.parquet"))
            }
            GeneratorFormat::Parquet => self.folder.join(format!("tracks-{number:05}.parquet")),
            GeneratorFormat::RudderLogs => path_below(&self.folder, &self.ids, number, row.received_at),
        }
    }

    fn end_file_before(&mut self, stream: Stream, row: &ArrivingRow) {
        let state = &mut self.streams[stream];
        let ends = match self.cut {
            FileEnd::Rows { each, files } => state.open == Some(each) && state.files + 1 < files,
            FileEnd::Hours(hours) => {
                let span = row.received_at.div_euclid(hours * HOUR_MS);
                std::mem::replace(&mut state.span, span) != span
            }
        };
        if ends && state.open.is_some() {
            self.end_file(stream);
        }
    }

    fn end_file(&mut self, stream: Stream) {
        self.send_waiting(stream);
        self.send(stream, WriterMessage::Close);
        let state = &mut self.streams[stream];
        state.open = None;
        state.files += 1;
        self.summary.files += 1;
    }

    fn send_waiting(&mut self, stream: Stream) {
        let waiting = &mut self.streams[stream].waiting;
        let rows = std::mem::replace(waiting, Vec::with_capacity(PART_ROWS));
        self.send(stream, WriterMessage::Rows(rows));
    }

    fn send(&mut self, stream: Stream, part: WriterMessage) {
        let writer = (self.streams[stream].files as usize + stream) % self.channels.len();
        self.stopped |= self.channels[writer].send((stream, part)).is_err();
    }

    /// Ends the last files and, by closing the channels, the threads.
    fn finish(mut self) -> Summary {
        for stream in 0..self.streams.len() {
            if self.streams[stream].open.is_some() {
                self.end_file(stream);
            }
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
