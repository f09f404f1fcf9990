//! A first look at files: which columns they have, and which of them are canonical.

use super::columns::{Column, Lacking, find, is_row, lacking, place};
use super::inputs::{Format, InputFile, Location};
use super::json_calls::batch;
use super::json_path::{flattened, meaning};
use super::json_text::{Kind, elements, first_object, object};
use super::json_values::{Cutter, Values};
use super::partitions::partitions;
use super::remote::FetchError;
use super::window::{End, Window};
use super::{DEFAULT_MAX_LINE, ReadError, Source, bytes, csv, parquet};
use std::collections::BTreeSet;
use std::path::Path;
use tracklet_kernel::time::{Unit, whole_number};

/// Objects of a JSON file that are looked at.
const OBJECTS: usize = 1000;
/// Rows of a table that are looked at.
const ROWS: usize = 100;
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
}

/// Looks at the headers and footers, or the first objects, of up to 20 files of each format.
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
        let mut without_header = None;
        for file in of_format.iter().take(FILES) {
            let first = look(file, temporary)?;
            if let Some(lacking) = first.lacks_header(file) {
                without_header = without_header.or(Some(lacking.in_csv(file, &first.names, true)));
                continue;
            }
            found.extend(first.names);
            times.extend(first.times);
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
    let mut first = match file.format {
        Format::Json => json_columns(file, path)?,
        Format::Csv => {
            let (names, rows) = csv::first_rows(file, path, &Source::default(), ROWS)?;
            let place = place(Column::Timestamp, &names, &Source::default());
            let time = |row: Vec<String>| row.into_iter().nth(place?).filter(|time| !time.is_empty());
            First { times: rows.into_iter().filter_map(time).collect(), names }
        }
        Format::Parquet => {
            let failed = |source| ReadError::Open { file: file.name.clone(), source };
            let names = parquet::names(path).map_err(failed)?;
            let place = place(Column::Timestamp, &names, &Source::default());
            let times = place.map(|place| parquet::first_values(path, &names[place], ROWS));
            First { times: times.transpose().map_err(failed)?.unwrap_or_default(), names }
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
    let mut names = Names::default();
    loop {
        let (bytes, end) = window.fill();
        // An error is the end of the look.
        match cutter.take(bytes, end, &mut names) {
            Ok(taken) if end == End::Open => window.consume(taken),
            Ok(_) | Err(Enough) => break,
        }
    }
    Ok(First { names: names.keys.into_iter().collect(), times: names.times })
}

/// The keys of the objects seen.
#[derive(Default)]
struct Names {
    keys: BTreeSet<String>,
    times: Vec<String>,
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
        match batch(text) {
            Some(batch) => elements(batch.calls, |call| self.note(call.text)),
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
        if self.objects == OBJECTS { Err(Enough) } else { Ok(()) }
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
