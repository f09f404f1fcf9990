//! Which columns of the tables are distinct, and how they are encoded.

use crate::Fallible;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::Encoding;
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracklet_native::write::encode::encode;

/// Tables whose rows are the same in the same order, with the state beside them. A column of such a group is encoded once.
const ALIGNED: [&[&str]; 5] = [
    &["dbt_mapped_tracks", "dbt_track_facts", "dbt_tracks_flow", "state/tracks"],
    &["dbt_session_track_facts", "dbt_session_duration"],
    &["dbt_session_tracks", "state/sessions"],
    &["dbt_aliases_mapping", "state/aliases"],
    &["dbt_user_session_facts"],
];

/// Files, and the columns of them that no aligned table before has.
pub struct Folder {
    pub files: Vec<PathBuf>,
    pub columns: Vec<String>,
}

/// The Parquet files of a folder, by name.
pub fn files(folder: &Path) -> Fallible<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

pub fn distinct_columns(tables: &Path) -> Fallible<Vec<Folder>> {
    let mut folders = Vec::new();
    for aligned in ALIGNED {
        let mut known = BTreeSet::new();
        for table in aligned {
            let files = files(&tables.join(table))?;
            let Some(first) = files.first() else { continue };
            let names = schema(first)?.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
            let columns = names.into_iter().filter(|name| known.insert(name.clone())).collect();
            folders.push(Folder { files, columns });
        }
    }
    Ok(folders)
}

/// The schema of a table's file in which what stands there as a dictionary is read as one, as the kernel gives it.
pub fn schema(file: &Path) -> Fallible<SchemaRef> {
    let reader = SerializedFileReader::new(File::open(file)?)?;
    let metadata = reader.metadata();
    let plain = parquet_to_arrow_schema(metadata.file_metadata().schema_descr(), None)?;
    let is_dictionary = |column: usize| {
        metadata.row_groups().iter().any(|group| {
            group.column(column).encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY)
        })
    };
    let fields = plain.fields().iter().enumerate().map(|(column, field)| {
        if is_dictionary(column) {
            let dictionary = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
            Arc::new(Field::new(field.name(), dictionary, field.is_nullable()))
        } else {
            field.clone()
        }
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// Encodes all columns; answers how many bytes they became.
pub fn encoded_bytes(batch: &RecordBatch) -> Fallible<usize> {
    let descriptors = ArrowSchemaConverter::new().convert(batch.schema().as_ref())?;
    let mut bytes = 0;
    for (column, descriptor) in batch.columns().iter().zip(descriptors.columns()) {
        bytes += encode(column, descriptor)?.bytes.len();
    }
    Ok(bytes)
}
