//! Rows of tables whose columns have types, whatever format they are stored in.

pub(in crate::read) mod column;

use crate::read::columns::{Column, Mapping, ORIGINAL_EVENT, ValuePlace, find_place, lacking};
use crate::read::event_columns::places;
use crate::read::filter::Bound;
use crate::read::inputs::InputFile;
use crate::read::rejects::RawColumns;
use crate::read::run::lock;
use crate::read::sink::Sink;
use crate::read::{ReadError, Source};
use arrow::array::{
    Array, ArrayRef, DictionaryArray, RecordBatch, RecordBatchOptions, StringArray, UInt32Array,
    new_null_array,
};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use column::FilterColumn;
use std::collections::BTreeSet;
use std::sync::Arc;
use tracklet_kernel::registry::{self, CarriedType};

/// Notes the columns of a table.
///
/// # Errors
/// A column that is needed is absent, in a table that has rows.
pub(in crate::read) fn note_columns(
    file: &InputFile,
    fields: &Fields,
    has_rows: bool,
    sink: &Sink<'_>,
) -> Result<(), ReadError> {
    let partitions = file.partitions();
    let source = sink.shared.source;
    let (names, structs) = (column::paths(fields), column::structs(fields));
    let is_outermost = |name: &String| fields.find(name).is_some();
    // A struct itself is no value; a configured name may lead into one.
    let mut names: Vec<String> = names.into_iter().filter(|name| !structs.contains(name)).collect();
    let mapped = source.columns.values().filter(|name| nested(fields, name).is_some());
    let mapped: Vec<String> = mapped.cloned().collect();
    let outermost: Vec<String> = names.iter().filter(|name| is_outermost(name)).cloned().collect();
    names.extend(mapped.iter().cloned());
    let found = places(&source.event_columns, file.event_type, |name| {
        FilterColumn::find(fields, name)
            .is_some()
            .then_some(())
            .or_else(|| find_place(&[], &partitions, name).map(|_| ()))
    });
    let mut seen = lock(&sink.shared.seen);
    seen.files_with.note(&source.event_columns, |column| !found[column].is_empty());
    seen.tables
        .extend(outermost.into_iter().chain(partitions.iter().map(|partition| partition.name.clone())));
    seen.tables.extend(mapped);
    seen.structs.extend(structs);
    seen.nested.extend(column::paths(fields));
    drop(seen);
    match lacking(&names, &partitions, source, file.event_type).filter(|_| has_rows) {
        Some(lacking) => Err(lacking.of(file, &names)),
        None => Ok(()),
    }
}

/// Which of a table's columns are read, and for what.
pub(in crate::read) struct TypedColumns {
    /// Places among the table's columns, ascending.
    projected: Vec<usize>,
    /// Whether each of them holds UUIDs as 16 bytes.
    uuids: Vec<bool>,
    /// Places among the table's columns that are read as texts of events alone: as well as dictionaries.
    keyed: Vec<usize>,
    /// Name for the gate and place among the projected ones.
    canonical: Vec<(&'static str, Filtered)>,
    /// What events bring along: for each column of it, where its value may be.
    of_events: Vec<(String, Vec<Filtered>)>,
    filtered: Vec<Filtered>,
    bound: Option<Bound>,
}

impl TypedColumns {
    /// Chooses among the outermost columns `fields`; `is_uuid` says of a place whether it holds UUIDs as 16 bytes.
    pub(in crate::read) fn new(
        file: &InputFile,
        fields: &Fields,
        is_uuid: impl Fn(usize) -> bool,
        sink: &Sink<'_>,
    ) -> Result<Self, ReadError> {
        let source: &Source = sink.shared.source;
        let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        let partitions = file.partitions();
        let mut canonical: Vec<(&'static str, Filtered)> =
            (Mapping::new(&names, &partitions, source, file.event_type).places.into_iter())
                .map(|(name, place)| match place {
                    ValuePlace::Column(place) => {
                        (name, Filtered::Column(FilterColumn::outermost(fields, place)))
                    }
                    ValuePlace::Constant(value) => (name, Filtered::Constant(value)),
                })
                .collect();
        for (column, mapped) in &source.columns {
            if source.reads(*column)
                && canonical.iter().all(|(name, _)| *name != column.name())
                && let Some(found) = nested(fields, mapped)
            {
                canonical.push((column.name(), Filtered::Column(found)));
            }
        }
        let wanted = sink.shared.filter.map_or(&[][..], |filter| filter.columns());
        let find = |name: &str| match (FilterColumn::find(fields, name), find_place(&[], &partitions, name)) {
            (Some(column), _) => Some(Filtered::Column(column)),
            (None, Some(ValuePlace::Constant(value))) => Some(Filtered::Constant(value)),
            _ => None,
        };
        let mut filtered: Vec<Filtered> =
            wanted.iter().map(|name| find(name).unwrap_or(Filtered::Absent)).collect();
        let mut of_events: Vec<(String, Vec<Filtered>)> = Vec::new();
        if source.has_events() {
            let event_type = Filtered::Constant(Some(file.event_type.name().to_owned()));
            of_events.push((registry::EVENT_TYPE.to_owned(), vec![event_type]));
            let found = places(&source.event_columns, file.event_type, find);
            let names = source.event_columns.iter().map(|column| column.spec.name.clone());
            of_events.extend(names.zip(found));
        }
        let types: Vec<DataType> = filtered
            .iter()
            .map(|column| match column {
                Filtered::Column(column) if column.is_outermost() && is_uuid(column.root) => DataType::Utf8,
                Filtered::Column(column) => column.data_type.clone(),
                Filtered::Constant(_) => DataType::Utf8,
                Filtered::Absent => DataType::Null,
            })
            .collect();
        let bound = sink.shared.filter.map(|filter| filter.bind(&file.name, &types)).transpose()?;

        let keyed = keyed(source, &canonical, &of_events, &filtered);
        let mut projected: Vec<usize> = canonical.iter().filter_map(|(_, column)| column.root()).collect();
        projected.extend(filtered.iter().filter_map(Filtered::root));
        projected.extend(of_events.iter().flat_map(|(_, places)| places).filter_map(Filtered::root));
        projected.sort_unstable();
        projected.dedup();
        let among = |place: usize| projected.partition_point(|other| *other < place);
        let of_events_too = of_events.iter_mut().flat_map(|(_, places)| places);
        let canonical_too = canonical.iter_mut().map(|(_, column)| column);
        for column in filtered.iter_mut().chain(of_events_too).chain(canonical_too) {
            if let Filtered::Column(column) = column {
                column.root = among(column.root);
            }
        }
        let uuids = projected.iter().map(|place| is_uuid(*place)).collect();
        Ok(Self { projected, uuids, keyed, canonical, of_events, filtered, bound })
    }

    /// The places of the columns to read, ascending.
    pub(in crate::read) fn projected(&self) -> &[usize] {
        &self.projected
    }

    /// Places among the table's columns whose texts may come as dictionaries with keys of 32 bits, each value of which is interned once.
    pub(in crate::read) fn keyed(&self) -> &[usize] {
        &self.keyed
    }

    /// Whether the filter keeps no row, which the path alone says where it has all columns that the filter names.
    ///
    /// # Errors
    /// Those of the filter.
    pub(in crate::read) fn keeps_none(&self) -> Result<bool, ReadError> {
        let Some(bound) = &self.bound else { return Ok(false) };
        let in_path = |column: &Filtered| match column {
            Filtered::Constant(value) => Some(constant(value.as_deref(), 1)),
            Filtered::Column(_) | Filtered::Absent => None,
        };
        let Some(row) = self.filtered.iter().map(in_path).collect::<Option<Vec<ArrayRef>>>() else {
            return Ok(false);
        };
        let keep = bound.evaluate(&row, 1)?;
        Ok(!(keep.is_valid(0) && keep.value(0)))
    }

    /// Hands the rows of a batch of the projected columns on; the first has the number `first_row`.
    pub(in crate::read) fn push(
        &self,
        file: &InputFile,
        read: &RecordBatch,
        first_row: u64,
        sink: &mut Sink<'_>,
    ) -> Result<(), ReadError> {
        let rows = read.num_rows();
        let read: Vec<ArrayRef> = (read.columns().iter().zip(&self.uuids))
            .map(|(column, is_uuid)| if *is_uuid { column::uuid_texts(column) } else { Arc::clone(column) })
            .collect();
        let values = |column: &Filtered| match column {
            Filtered::Column(column) => column.values(&read),
            Filtered::Constant(value) => constant(value.as_deref(), rows),
            Filtered::Absent => new_null_array(&DataType::Null, rows),
        };
        let canonical = self.canonical.iter().map(|(name, column)| (*name, values(column)));
        // A column of events that may be in several places is there several times: the gate takes the first value.
        let value_of_event = |column: &Filtered| match column {
            Filtered::Constant(Some(value)) => constant_of_event(value, rows),
            column => values(column),
        };
        let of_events = (self.of_events.iter())
            .flat_map(|(name, places)| places.iter().map(|place| (name.as_str(), value_of_event(place))));
        let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = canonical
            .chain(of_events)
            .map(|(name, column)| (Field::new(name, column.data_type().clone(), true), column))
            .unzip();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
            .expect("as many values in each column");
        let keep = match &self.bound {
            None => None,
            Some(bound) => {
                let columns: Vec<ArrayRef> = self.filtered.iter().map(values).collect();
                Some(bound.evaluate(&columns, rows)?)
            }
        };
        sink.rows(file, &batch, keep.as_ref(), |row| first_row + row as u64, |row| raw_columns(&batch, row))
    }
}

/// The column inside a struct that a configured name leads to.
fn nested(fields: &Fields, name: &str) -> Option<FilterColumn> {
    let found = FilterColumn::find_flattened(fields, name)?;
    (!found.is_outermost() && !matches!(found.data_type, DataType::Struct(_))).then_some(found)
}

/// What the filter asks for.
enum Filtered {
    Column(FilterColumn),
    /// It stands in the path of the file.
    Constant(Option<String>),
    Absent,
}

impl Filtered {
    fn root(&self) -> Option<usize> {
        match self {
            Self::Column(column) => Some(column.root),
            Self::Constant(_) | Self::Absent => None,
        }
    }
}

/// The outermost columns that are texts of events and nothing else.
fn keyed(
    source: &Source,
    canonical: &[(&'static str, Filtered)],
    of_events: &[(String, Vec<Filtered>)],
    filtered: &[Filtered],
) -> Vec<usize> {
    let is_text = |name: &str| {
        let columns = source.event_columns.iter();
        columns
            .filter(|column| column.spec.name == name)
            .all(|column| column.spec.carried_type == CarriedType::Text)
    };
    let (texts, others): (Vec<_>, Vec<_>) = of_events.iter().partition(|(name, _)| is_text(name));
    let places = |columns: &[&(String, Vec<Filtered>)]| -> BTreeSet<usize> {
        columns.iter().flat_map(|(_, places)| places).filter_map(Filtered::root).collect()
    };
    let is_inside = |column: &&Filtered| matches!(column, Filtered::Column(column) if !column.is_outermost());
    let mut taken = places(&others);
    taken.extend(canonical.iter().map(|(_, column)| column).chain(filtered).filter_map(Filtered::root));
    taken
        .extend(of_events.iter().flat_map(|(_, places)| places).filter(is_inside).filter_map(Filtered::root));
    places(&texts).difference(&taken).copied().collect()
}

/// A text that all rows have, as a dictionary.
fn constant_of_event(value: &str, rows: usize) -> ArrayRef {
    let values: ArrayRef = Arc::new(StringArray::from(vec![value]));
    Arc::new(DictionaryArray::new(UInt32Array::from(vec![0; rows]), values))
}

fn constant(value: Option<&str>, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from(vec![value; rows]))
}

fn raw_columns(batch: &RecordBatch, row: usize) -> RawColumns {
    Column::ALL.map(|column| {
        let original = (column == Column::Event).then_some(ORIGINAL_EVENT);
        let values = batch.column_by_name(column.name()).or_else(|| batch.column_by_name(original?))?;
        column::text(values, row)
    })
}
