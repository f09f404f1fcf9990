//! A first look at files: which columns they have, which of them are canonical, and what the first rows hold.

use super::columns::{Column, Lacking, find, lacking};
use super::formats::Holds;
use super::inputs::{Format, InputFile, Location};
use super::partitions::partitions;
use super::remote::FetchError;
use super::sample::{Sample, Sampled};
use super::{ReadError, Source};
use crate::read::formats::HasReader as _;
use std::collections::BTreeSet;
use std::path::Path;
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::time::{Unit, whole_number};

/// Objects or rows of a file that are looked at.
pub(super) const ROWS: usize = 1000;
/// Files of a format that are looked at.
const FILES: usize = 20;

/// The formats, columns and first rows of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The columns of each format that has files.
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
    /// The format of these files; none of tables in a warehouse.
    pub format: Option<Format>,
    /// How many files or tables there are.
    pub files: usize,
    /// The columns of the first files, by name; of JSON the keys, those inside objects by their flattened names.
    pub columns: Vec<String>,
    /// Which of them each canonical column is, without any configuration.
    pub canonical: Vec<(Column, Option<String>)>,
    /// What the whole numbers in the place of event times count, where the first rows have some and their size tells.
    pub time_unit: Option<Unit>,
    /// Numbers of different units in the place of event times, an example of each; none where they agree.
    pub differing_times: Vec<(Unit, String)>,
    /// The calls and events in the first rows.
    pub sample: Sample,
}

impl FormatColumns {
    /// How many files or tables there are, in words: `3 csv files`.
    pub fn label(&self) -> String {
        let plural = if self.files == 1 { "" } else { "s" };
        match self.format {
            Some(format) => format!("{} {} file{plural}", self.files, format.as_str()),
            None => format!("{} table{plural}", self.files),
        }
    }
}

/// A table of calls of one type in a warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTable {
    /// The type of the calls.
    pub event_type: EventType,
    /// The names of the columns, as the warehouse has them.
    pub columns: Vec<String>,
    /// The first rows: of each column the value as a text, empty where there is none.
    pub rows: Vec<Vec<String>>,
}

/// Looks at tables of a warehouse as [`inspect`] does at files.
pub fn inspect_tables(tables: Vec<CallTable>) -> Inspection {
    let mut names = BTreeSet::new();
    let mut times = Vec::new();
    let mut sample = Sample::default();
    let files = tables.len();
    for CallTable { event_type, columns, rows } in tables {
        let columns: Vec<String> = columns.iter().map(|name| name.to_lowercase()).collect();
        let sampled = Sampled::new(&columns, &[], event_type);
        times.extend(rows.into_iter().filter_map(|row| sampled.note_row(row, &mut sample)));
        names.extend(columns);
    }
    let columns: Vec<String> = names.into_iter().collect();
    Inspection { formats: vec![FormatColumns::new(None, Format::Csv, files, columns, &times, sample)] }
}

impl FormatColumns {
    /// What was found in files or tables, whose columns are called as in files of the format `names`.
    fn new(
        format: Option<Format>,
        names: Format,
        files: usize,
        columns: Vec<String>,
        times: &[String],
        sample: Sample,
    ) -> Self {
        let canonical = Column::ALL.map(|column| {
            let place = names.reader().place(column, &columns);
            (column, place.map(|place| columns[place].clone()))
        });
        Self {
            format,
            files,
            columns,
            canonical: canonical.to_vec(),
            time_unit: time_unit(times),
            differing_times: differing_times(times),
            sample,
        }
    }
}

/// Looks at the headers and footers, and the first 1,000 rows or objects, of up to 20 files of each format.
///
/// Objects are fetched to the folder `temporary`.
///
/// # Errors
/// A file that can't be opened or fetched. One that can't be understood has no columns.
pub fn inspect(files: &[InputFile], temporary: &Path) -> Result<Inspection, ReadError> {
    let mut formats = Vec::new();
    for format in Format::all() {
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
        formats.push(FormatColumns::new(Some(format), format, of_format.len(), columns, &times, sample));
    }
    Ok(Inspection { formats })
}

/// The names of values in the first objects of local files of calls.
pub(super) fn names_of_calls(files: &[InputFile]) -> BTreeSet<String> {
    let of_calls = files.iter().filter(|file| file.format.reader().holds() == Holds::Calls).take(FILES);
    of_calls
        .filter_map(|file| match &file.location {
            Location::Local(path) => file.format.reader().first(file, path).ok(),
            Location::Remote(_) | Location::Unreachable => None,
        })
        .flat_map(|First { names, lists, in_lists, .. }| {
            names.into_iter().filter(move |name| !lists.contains(name)).chain(in_lists)
        })
        .collect()
}

/// The start of a file.
#[derive(Default)]
pub(super) struct First {
    pub(super) names: Vec<String>,
    /// Those of the names whose values are lists, and the paths of what is in the first element of these.
    pub(super) lists: BTreeSet<String>,
    pub(super) in_lists: BTreeSet<String>,
    /// The event times of the first rows, as they stand.
    pub(super) times: Vec<String>,
    pub(super) sample: Sample,
}

impl First {
    /// What a file lacks whose first row stands in the place of a header.
    fn lacks_header(&self, file: &InputFile) -> Option<Lacking> {
        let is_headless = file.format.reader().is_row(&self.names);
        let lacks = || lacking(&self.names, &file.partitions(), &Source::default(), file.event_type);
        is_headless.then(lacks).flatten()
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

fn differing_times(times: &[String]) -> Vec<(Unit, String)> {
    let mut found: Vec<(Unit, String)> = Vec::new();
    for time in times {
        if let Some(unit) = whole_number(time).and_then(Unit::likely)
            && found.iter().all(|(other, _)| *other != unit)
        {
            found.push((unit, time.clone()));
        }
    }
    if found.len() > 1 { found } else { Vec::new() }
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
    let mut first = file.format.reader().first(file, path)?;
    for partition in partitions(&file.name) {
        if find(&first.names, &partition.name).is_none() {
            first.names.push(partition.name);
        }
    }
    Ok(first)
}
