//! The tables of a snapshot's folder, by their part files.

use super::ResultsError;
use arrow::array::{ArrayRef, StringArray, UInt64Array};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracklet_kernel::tables::Table as Known;

/// A table of a snapshot: a folder of part files.
#[derive(Debug)]
pub struct StoredTable {
    /// The name of the table, which is that of its folder.
    pub name: String,
    /// The part files, at least one, sorted by name, which is the order of their rows.
    pub parts: Vec<PathBuf>,
}

/// The rows, columns and files of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// The table's name.
    pub name: String,
    /// The table's rows, over all part files.
    pub rows: u64,
    /// The table's columns in order.
    pub columns: Vec<Column>,
    /// How many part files it has.
    pub parts: usize,
    /// The bytes of all part files.
    pub bytes: u64,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// The column's type in a word: `text`, `integer`, `double`, `boolean`, `timestamp`, or Arrow's own name for another.
    pub kind: String,
}

/// The tables as rows to print: `table`, `rows`, and `columns` as a text (`alias text, dbt_visitor_id text`).
pub fn tables_as_rows(tables: &[TableInfo]) -> RecordBatch {
    let columns = tables.iter().map(|table| {
        let columns: Vec<String> =
            table.columns.iter().map(|column| format!("{} {}", column.name, column.kind)).collect();
        columns.join(", ")
    });
    let columns: [(&str, ArrayRef); 3] = [
        ("table", Arc::new(StringArray::from_iter_values(tables.iter().map(|table| &table.name)))),
        ("rows", Arc::new(UInt64Array::from_iter_values(tables.iter().map(|table| table.rows)))),
        ("columns", Arc::new(StringArray::from_iter_values(columns))),
    ];
    RecordBatch::try_from_iter(columns).expect("the columns have one value a table")
}

/// Every folder of `folder` that has part files: the known tables in the order of the data's way, then any other.
/// `state` is no table.
pub(super) fn find(folder: &Path) -> Result<Vec<StoredTable>, ResultsError> {
    let mut tables = Vec::new();
    for path in list(folder)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name == "state" || !path.is_dir() {
            continue;
        }
        let parts: Vec<PathBuf> = list(&path)?
            .into_iter()
            .filter(|part| part.extension().is_some_and(|ending| ending == "parquet"))
            .collect();
        if !parts.is_empty() {
            tables.push(StoredTable { name: name.to_owned(), parts });
        }
    }
    let place = |name: &str| {
        let mut known = Known::ALWAYS.into_iter().chain(Known::OF_EVENTS);
        known.position(|known| known.name() == name).unwrap_or(usize::MAX)
    };
    tables.sort_by(|a, b| (place(&a.name), &a.name).cmp(&(place(&b.name), &b.name)));
    Ok(tables)
}

/// The names of the snapshots in the folder of all of them: those that are numbers, for a run at work has another.
pub(super) fn snapshots(folder: &Path) -> Result<Vec<String>, ResultsError> {
    let names = list(folder)?.into_iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
    Ok(names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect())
}

/// What is in a folder, sorted.
fn list(folder: &Path) -> Result<Vec<PathBuf>, ResultsError> {
    let unreadable = |source| ResultsError::Unreadable { path: folder.to_owned(), source };
    let mut paths = fs::read_dir(folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    paths.sort();
    Ok(paths)
}

impl StoredTable {
    /// The columns, from the first part: all parts have the same.
    ///
    /// # Errors
    /// [`ResultsError::Unreadable`] or [`ResultsError::BadPart`] of the first part.
    pub fn schema(&self) -> Result<SchemaRef, ResultsError> {
        Ok(footer(&self.parts[0])?.1.schema().clone())
    }

    pub(super) fn info(&self) -> Result<TableInfo, ResultsError> {
        let (mut rows, mut bytes) = (0, 0);
        for part in &self.parts {
            let (file, footer) = footer(part)?;
            rows += u64::try_from(footer.metadata().file_metadata().num_rows()).unwrap_or(0);
            bytes += file
                .metadata()
                .map_err(|source| ResultsError::Unreadable { path: part.clone(), source })?
                .len();
        }
        let columns = self
            .schema()?
            .fields()
            .iter()
            .map(|field| Column { name: field.name().clone(), kind: kind(field.data_type()) })
            .collect();
        Ok(TableInfo { name: self.name.clone(), rows, columns, parts: self.parts.len(), bytes })
    }
}

fn footer(part: &Path) -> Result<(File, ArrowReaderMetadata), ResultsError> {
    let file =
        File::open(part).map_err(|source| ResultsError::Unreadable { path: part.to_owned(), source })?;
    let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
        .map_err(|source| ResultsError::BadPart { path: part.to_owned(), source })?;
    Ok((file, footer))
}

pub(super) fn kind(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Int64 => "integer".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamp".to_owned(),
        DataType::Dictionary(_, values) => kind(values),
        other => other.to_string(),
    }
}
