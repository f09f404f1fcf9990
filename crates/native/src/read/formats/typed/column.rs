//! Single columns of a typed table: found by a dotted name, and shown as text.

use crate::read::columns::find;
use crate::read::formats::json::path::flattened;
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::kernels::cast;
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Fields, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::DateTime;
use std::fmt::Write;
use std::sync::Arc;

/// A column that the filter names, perhaps inside a struct.
pub(in crate::read) struct FilterColumn {
    /// The place of the outermost column.
    pub(in crate::read) root: usize,
    /// The places on the way down from it.
    path: Vec<usize>,
    pub(in crate::read) data_type: DataType,
}

impl FilterColumn {
    /// The outermost column at a place.
    pub(in crate::read) fn outermost(fields: &Fields, place: usize) -> Self {
        Self { root: place, path: Vec::new(), data_type: fields[place].data_type().clone() }
    }

    /// The column called `name`, or the one inside a struct that its dots lead to, or else whose flattened name it is.
    pub(in crate::read) fn find_flattened(fields: &Fields, name: &str) -> Option<Self> {
        let flat = |name: &str| {
            let places = flattened_path(fields, &name.to_lowercase())?;
            let (root, path) = places.split_first()?;
            let mut data_type = fields[*root].data_type();
            for place in path {
                let DataType::Struct(inner) = data_type else { return None };
                data_type = inner[*place].data_type();
            }
            Some(Self { root: *root, path: path.to_vec(), data_type: data_type.clone() })
        };
        Self::find(fields, name).or_else(|| flat(name))
    }

    /// The column called `name`, or the one that its dots lead to.
    pub(in crate::read) fn find(fields: &Fields, name: &str) -> Option<Self> {
        let (place, rest) = step(fields, name)?;
        let mut path = Vec::new();
        let mut data_type = fields[place].data_type();
        let mut rest = rest;
        while let Some(name) = rest {
            let DataType::Struct(inner) = data_type else { return None };
            let (place, further) = step(inner, name)?;
            path.push(place);
            data_type = inner[place].data_type();
            rest = further;
        }
        Some(Self { root: place, path, data_type: data_type.clone() })
    }

    /// Whether it is no part of a struct.
    pub(in crate::read) fn is_outermost(&self) -> bool {
        self.path.is_empty()
    }

    /// The column's values in a batch of outermost columns.
    pub(in crate::read) fn values(&self, columns: &[ArrayRef]) -> ArrayRef {
        let mut values = ArrayRef::clone(&columns[self.root]);
        for place in &self.path {
            let outer = values.as_struct();
            let inner = outer.column(*place);
            // What is inside a null struct is null, whatever is stored there.
            values = match outer.nulls() {
                None => ArrayRef::clone(inner),
                Some(nulls) => {
                    let is_null = arrow::array::BooleanArray::new(!nulls.inner(), None);
                    nullif(inner, &is_null).expect("as many values inside as outside")
                }
            };
        }
        values
    }
}

/// UUIDs of 16 bytes each as the usual texts of 36 letters.
pub(in crate::read) fn uuid_texts(values: &ArrayRef) -> ArrayRef {
    let values = values.as_fixed_size_binary();
    let texts = values.iter().map(|uuid| Some(uuid_text(uuid?)));
    Arc::new(texts.collect::<StringArray>())
}

fn uuid_text(uuid: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in uuid.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The places on the way to the field inside structs whose flattened name `name` is.
fn flattened_path(fields: &Fields, name: &str) -> Option<Vec<usize>> {
    fields.iter().enumerate().find_map(|(place, field)| {
        let DataType::Struct(inner) = field.data_type() else { return None };
        let rest = name.strip_prefix(&flattened(field.name()))?.strip_prefix('_')?;
        let here = inner.iter().position(|field| {
            flattened(field.name()) == rest && !matches!(field.data_type(), DataType::Struct(_))
        });
        let below = here.map(|place| vec![place]).or_else(|| flattened_path(inner, rest))?;
        Some([vec![place], below].concat())
    })
}

/// The names of all structs, those inside others with dots.
pub(in crate::read) fn structs(fields: &Fields) -> Vec<String> {
    let mut found = Vec::new();
    for field in fields {
        if let DataType::Struct(inner) = field.data_type() {
            found.push(field.name().clone());
            found.extend(structs(inner).into_iter().map(|path| format!("{}.{path}", field.name())));
        }
    }
    found
}

/// The field that `name` or its part before a dot names, and the part behind that dot.
fn step<'n>(fields: &Fields, name: &'n str) -> Option<(usize, Option<&'n str>)> {
    let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    if let Some(place) = find(&names, name) {
        return Some((place, None));
    }
    let (first, rest) = name.split_once('.')?;
    Some((find(&names, first)?, Some(rest)))
}

/// The names of all columns, those inside structs with dots.
pub(in crate::read) fn paths(fields: &Fields) -> Vec<String> {
    let mut paths = Vec::new();
    for field in fields {
        paths.push(field.name().clone());
        if let DataType::Struct(inner) = field.data_type() {
            paths.extend(self::paths(inner).into_iter().map(|path| format!("{}.{path}", field.name())));
        }
    }
    paths
}

/// A value as text; a time as RFC 3339 in UTC with microseconds.
pub(in crate::read) fn text(values: &ArrayRef, row: usize) -> Option<String> {
    if values.is_null(row) {
        return None;
    }
    if let DataType::Timestamp(unit, _) = values.data_type() {
        let number = cast::cast(&values.slice(row, 1), &DataType::Int64).ok()?;
        let number = number.as_primitive::<arrow::datatypes::Int64Type>().value(0);
        return Some(time(number, *unit).unwrap_or_else(|| number.to_string()));
    }
    if let Some(bytes) = bytes(values, row) {
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    let formatter = ArrayFormatter::try_new(values, &FormatOptions::default()).ok()?;
    formatter.value(row).try_to_string().ok()
}

fn time(number: i64, unit: TimeUnit) -> Option<String> {
    let micros = match unit {
        TimeUnit::Second => number.checked_mul(1_000_000)?,
        TimeUnit::Millisecond => number.checked_mul(1_000)?,
        TimeUnit::Microsecond => number,
        TimeUnit::Nanosecond => number.div_euclid(1_000),
    };
    Some(DateTime::from_timestamp_micros(micros)?.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

/// The bytes of a binary value, which the formatter would show in hexadecimal.
fn bytes(values: &ArrayRef, row: usize) -> Option<Vec<u8>> {
    let value = values.slice(row, 1);
    let value = match value.data_type() {
        DataType::Dictionary(_, inner) if inner.is_binary() => cast::cast(&value, inner).ok()?,
        _ => value,
    };
    match value.data_type() {
        DataType::Binary => Some(value.as_binary::<i32>().value(0).to_vec()),
        DataType::LargeBinary => Some(value.as_binary::<i64>().value(0).to_vec()),
        DataType::BinaryView => Some(value.as_binary_view().value(0).to_vec()),
        DataType::FixedSizeBinary(_) => Some(value.as_fixed_size_binary().value(0).to_vec()),
        _ => None,
    }
}
