//! Tables that were split into files, of which the first alone has a header.

use super::reader::{Start, is_part, look, read};
use crate::read::columns::lacking;
use crate::read::formats::FilePart;
use crate::read::inputs::{InputFile, Location};
use crate::read::sink::Sink;
use crate::read::{ReadError, Source};
use std::collections::BTreeSet;
use std::path::Path;
use tracklet_kernel::event_type::EventType;

/// The headers of the CSV files of a read.
pub(in crate::read) struct Headers<'a> {
    source: &'a Source,
    /// Those with all columns that are needed, each once for a type of events.
    good: BTreeSet<(EventType, Vec<String>)>,
    others: BTreeSet<String>,
}

impl<'a> Headers<'a> {
    /// Takes in the headers of the files `found`, and for parts without one those of the tables in the same folder.
    pub(in crate::read) fn new<'f>(
        found: impl Iterator<Item = (&'f InputFile, &'f Start)>,
        beside: &[InputFile],
        source: &'a Source,
    ) -> Self {
        let mut headers = Self { source, good: BTreeSet::new(), others: BTreeSet::new() };
        let mut folders = BTreeSet::new();
        for (file, start) in found {
            let partitions = file.partitions();
            headers.others.extend(partitions.iter().map(|partition| partition.name.clone()));
            if lacking(&start.names, &partitions, source, file.event_type).is_none() {
                headers.good.insert((file.event_type, start.names.clone()));
            } else {
                folders.insert(folder_of(file));
            }
        }
        for file in beside.iter().filter(|file| folders.contains(folder_of(file))) {
            // One that can't be read is none that the part could belong to.
            if let Location::Local(path) = &file.location
                && let Ok(Some(start)) = look(file, path, source)
                && lacking(&start.names, &file.partitions(), source, file.event_type).is_none()
            {
                headers.good.insert((file.event_type, start.names));
            }
        }
        headers
    }

    /// How a file is read that does not say it itself: as a part of the only table of which its first line is a row.
    ///
    /// # Errors
    /// It lacks columns, and is no part of one table.
    pub(in crate::read) fn part(
        &self,
        file: &InputFile,
        start: Option<Start>,
    ) -> Result<Option<Box<dyn FilePart>>, ReadError> {
        let Some(start) = start else { return Ok(None) };
        let lacking = lacking(&start.names, &file.partitions(), self.source, file.event_type);
        let Some(lacking) = lacking else { return Ok(None) };
        let is_of_type = |event_type: &EventType| *event_type == file.event_type;
        let good = self.good.iter().filter(|(event_type, _)| is_of_type(event_type)).map(|(_, names)| names);
        let mut tables = good.filter(|names| is_part(&start, names, self.source));
        match (tables.next(), tables.next()) {
            (Some(names), None) => {
                tracing::info!("`{}` has no header: it is read as a part of the table beside it", file.name);
                Ok(Some(Box::new(Continued(names.clone()))))
            }
            _ => Err(lacking.in_csv(file, &start.names, self.source.csv.columns.is_none())),
        }
    }

    /// The names of all columns.
    pub(in crate::read) fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.good.iter().flat_map(|(_, names)| names).chain(&self.others).cloned()
    }
}

/// A file without a header, with the names of the columns of the table whose part it is.
struct Continued(Vec<String>);

impl FilePart for Continued {
    fn read(&self, file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
        read(file, path, Some(&self.0), sink)
    }
}

fn folder_of(file: &InputFile) -> &str {
    file.name.rsplit_once('/').map_or("", |(folder, _)| folder)
}
