//! A first look at files: which columns they have, which of them are canonical, and what the first rows hold.

use super::columns::{Column, Lacking, find, is_row, lacking, place};
use super::inputs::{Format, InputFile, Location};
use super::json_calls::batch;
use super::json_path::{flattened, meaning};
use super::json_text::{Kind, elements, first_object, object};
use super::json_values::{Cutter, Values};
use super::partitions::{Partition, partitions};
use super::remote::FetchError;
use super::sample::{Sample, Sampled};
use super::window::{End, Window};
use super::{DEFAULT_MAX_LINE, ReadError, Source, bytes, csv, parquet};
use std::collections::BTreeSet;
use std::path::Path;
use tracklet_kernel::time::{Unit, whole_number};

/// Objects or rows of a file that are looked at.
const ROWS: usize = 1000;
/// Files of a format that are looked at.
const FILES: usize = 20;
/// Objects in objects whose keys are told.
const DEPTH: usize = 6;

/// What files hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// One a format that is there.
    pub formats: Vec<FormatColumns>,
}

impl Inspection {
    /// The calls and events in the first rows of all files.
    pub fn sample(&self) -> Sample {
        let mut all = Sample::default();
        for format in &self.formats {
            all.merge(format.sample.clone());
        }
        all
    }
}

/// The columns of all files of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatColumns {
    /// The format.
    pub format: Format,
    /// How many files are of it.
    pub files: usize,
    /// The columns of the first files, by name; of JSON the keys, those inside objects by their flattened names.
    pub columns: Vec<String>,
    /// Which of them each canonical column is, without any configuration.
    pub canonical: Vec<(Column, Option<String>)>,
    /// What the whole numbers in the place of event times count, where the first rows have some and their size tells.
    pub time_unit: Option<Unit>,
    /// The calls and events in the first rows.
    pub sample: Sample,
}

/// Looks at the headers and footers, and the first 1,000 rows or objects, of up to 20 files of each format.
///
/// Objects are fetched to the folder `temporary`.
///
/// # Errors
/// A file that can't be opened or fetched. One that can't be understood has no columns.
pub fn inspect(files: &[InputFile], temporary: &Path) -> Result<Inspection, ReadError> {
    let mut formats = Vec::new();
    for format in [Format::Json, Format::Csv, Format::Parquet] {
        let of_format: Vec<&InputFile> = files.iter().filter(|file| file.format == format).collect();
        if of_format.is_empty() {
            continue;
        }
        let mut found = BTreeSet::new();
        let mut times = Vec::new();
        let mut sample = Sample::default();
        let mut without_header = None;
        for file in of_format.iter().take(FILES) {
            let first = look(file, temporary)?;
            if let Some(lacking) = first.lacks_header(file) {
                without_header = without_header.or(Some(lacking.in_csv(file, &first.names, true)));
                continue;
            }
            found.extend(first.names);
            times.extend(first.times);
            sample.merge(first.sample);
        }
        // Parts without a header go with the one that has it.
        if let Some(error) = without_header.filter(|_| found.is_empty()) {
            return Err(error);
        }
        let columns: Vec<String> = found.into_iter().collect();
        let canonical = Column::ALL.map(|column| {
            let place = match format {
                Format::Json => json_place(column, &columns),
                Format::Csv | Format::Parquet => place(column, &columns, &Source::default()),
            };
            (column, place.map(|place| columns[place].clone()))
        });
        formats.push(FormatColumns {
            format,
            files: of_format.len(),
            columns,
            canonical: canonical.to_vec(),
            time_unit: time_unit(&times),
            sample,
        });
    }
    Ok(Inspection { formats })
}

/// Where a canonical column is among the keys of JSON objects: a call's, or else a table row's.
fn json_place(column: Column, keys: &[String]) -> Option<usize> {
    find(keys, column.json_field()).or_else(|| place(column, keys, &Source::default()))
}

/// The names in the first objects of local JSON files.
pub(super) fn json_names(files: &[InputFile]) -> BTreeSet<String> {
    let json = files.iter().filter(|file| file.format == Format::Json).take(FILES);
    json.filter_map(|file| match &file.location {
        Location::Local(path) => json_columns(file, path).ok(),
        Location::Remote(_) | Location::Unreachable => None,
    })
    .flat_map(|first| first.names)
    .collect()
}

/// The start of a file.
#[derive(Default)]
struct First {
    names: Vec<String>,
    /// The event times of the first rows, as they stand.
    times: Vec<String>,
    sample: Sample,
}

impl First {
    /// What a CSV file lacks whose first line is a row.
    fn lacks_header(&self, file: &InputFile) -> Option<Lacking> {
        let is_headless = file.format == Format::Csv && is_row(&self.names);
        is_headless.then(|| lacking(&self.names, &file.partitions(), &Source::default())).flatten()
    }
}

/// The unit of the numbers among `times`; `None` where most are no numbers or the numbers do not agree.
fn time_unit(times: &[String]) -> Option<Unit> {
    let units: Vec<Option<Unit>> =
        times.iter().filter_map(|time| whole_number(time)).map(Unit::likely).collect();
    let unit = *units.first()?;
    let agree = units.len() * 2 > times.len() && units.iter().all(|other| *other == unit);
    unit.filter(|_| agree)
}

fn look(file: &InputFile, temporary: &Path) -> Result<First, ReadError> {
    let fetched;
    let path = match &file.location {
        Location::Local(path) => path.as_path(),
        Location::Unreachable => return Ok(First::default()),
        Location::Remote(object) => {
            fetched = object.fetch(temporary).map_err(|error| match error {
                FetchError::Remote(source) => ReadError::Fetch { file: file.name.clone(), source },
                FetchError::Temporary(source) => {
                    ReadError::Temporary { folder: temporary.display().to_string(), source }
                }
            })?;
            fetched.path()
        }
    };
    let in_path = file.partitions();
    let mut first = match file.format {
        Format::Json => json_columns(file, path)?,
        Format::Csv => {
            let (mut first, mut columns) = (First::default(), None);
            first.names = csv::first_rows(file, path, &Source::default(), ROWS, |names, row| {
                let columns = columns.get_or_insert_with(|| Sampled::new(names, &in_path));
                first.times.extend(columns.note_row(row, &mut first.sample));
            })?;
            first
        }
        Format::Parquet => {
            let failed = |source| ReadError::Open { file: file.name.clone(), source };
            let names = parquet::names(path).map_err(failed)?;
            let mut sample = Sample::default();
            let columns = Sampled::new(&names, &in_path);
            let times = columns.note_parquet(path, &names, ROWS, &mut sample).map_err(failed)?;
            First { names, times, sample }
        }
    };
    for partition in partitions(&file.name) {
        if find(&first.names, &partition.name).is_none() {
            first.names.push(partition.name);
        }
    }
    Ok(first)
}

fn json_columns(file: &InputFile, path: &Path) -> Result<First, ReadError> {
    let (stream, _) = bytes::open(path, file.compression)
        .map_err(|source| ReadError::Open { file: file.name.clone(), source })?;
    let mut window = Window::new(stream, DEFAULT_MAX_LINE);
    let mut cutter = Cutter::new(DEFAULT_MAX_LINE);
    let mut names = Names { partitions: partitions(&file.name), ..Names::default() };
    loop {
        let (bytes, end) = window.fill();
        // An error is the end of the look.
        match cutter.take(bytes, end, &mut names) {
            Ok(taken) if end == End::Open => window.consume(taken),
            Ok(_) | Err(Enough) => break,
        }
    }
    Ok(First { names: names.keys.into_iter().collect(), times: names.times, sample: names.sample })
}

/// The keys of the objects seen.
#[derive(Default)]
struct Names {
    keys: BTreeSet<String>,
    times: Vec<String>,
    sample: Sample,
    /// Columns in the file's path.
    partitions: Vec<Partition>,
    /// Objects and calls of batches that were looked at.
    objects: usize,
}

/// Enough objects were looked at.
struct Enough;

impl Values for Names {
    type Error = Enough;

    fn object(&mut self, text: &str, _: usize, _: u64) -> Result<Result<usize, usize>, Enough> {
        // An object that is cut has given its first keys by then, which are as good.
        let length = first_object(text, |_, _| {});
        let text = length.map_or(text, |length| &text[..length]);
        let is_call = length.is_ok() && self.sample.note_object(text, &self.partitions);
        match batch(text).filter(|_| !is_call) {
            Some(batch) => elements(batch.calls, |call| {
                if self.objects < ROWS {
                    self.sample.note_object(call.text, &self.partitions);
                    self.note(call.text);
                    self.objects += 1;
                }
            }),
            None => self.note(text),
        }
        self.count()?;
        Ok(length)
    }

    fn unreadable(&mut self, _: u64, _: &[u8]) -> Result<(), Enough> {
        self.count()
    }
}

impl Names {
    fn note(&mut self, text: &str) {
        keys(text, "", DEPTH, &mut self.keys);
        self.times.extend(time(text));
    }

    fn count(&mut self) -> Result<(), Enough> {
        self.objects += 1;
        if self.objects >= ROWS { Err(Enough) } else { Ok(()) }
    }
}

/// The event time of an object.
fn time(text: &str) -> Option<String> {
    let mut time = None;
    let _ = object(text, |key, value| {
        if meaning(key).eq_ignore_ascii_case(Column::Timestamp.json_field()) && value.kind != Kind::Null {
            time = Some(meaning(value).into_owned());
        }
    });
    time
}

/// Collects the keys of an object, below another one flattened.
fn keys(text: &str, above: &str, depth: usize, names: &mut BTreeSet<String>) {
    let _ = object(text, |key, value| {
        let key = meaning(key);
        let flat = if above.is_empty() { flattened(&key) } else { format!("{above}_{}", flattened(&key)) };
        if value.kind == Kind::Object && depth > 0 {
            keys(value.text, &flat, depth - 1, names);
        } else {
            names.insert(if above.is_empty() { key.into_owned() } else { flat });
        }
    });
}
