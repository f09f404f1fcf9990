//! One Parquet file of a table, made of column chunks that were encoded elsewhere.

use super::encode::EncodedColumn;
use crate::digests::{Digester, FileDigest};
use crate::disk::{Disk, NewFile};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::Result;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// What writes the files. It changes when the bytes that equal rows give may change, since old parts and new ones would not be
/// those of one run: the build counts such changes from the version's first on.
pub const WRITER: &str = concat!("tracklet version ", env!("CARGO_PKG_VERSION"), " (build 4)");

/// A file under construction.
pub(crate) struct TableFile {
    writer: SerializedFileWriter<CountedFile>,
    rows: u64,
    digester: Digester,
}

impl TableFile {
    /// Creates the file; it must not exist.
    pub(crate) fn create(disk: &dyn Disk, path: &Path, schema: &SchemaRef) -> Result<Self> {
        let file = CountedFile { file: disk.create(path)?, bytes: 0, footer: None };
        let descriptor = ArrowSchemaConverter::new().schema_root("schema").convert(schema)?;
        let writer = SerializedFileWriter::new(file, descriptor.root_schema_ptr(), properties())?;
        Ok(Self { writer, rows: 0, digester: Digester::default() })
    }

    /// Appends a row group of these columns, in the schema's order.
    pub(crate) fn append<'a>(&mut self, columns: impl Iterator<Item = &'a EncodedColumn>) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in columns {
            group.append_column(&column.bytes, column.close.clone())?;
            self.digester.add_chunk(&column.digest, column.bytes.len());
        }
        self.rows += group.close()?.num_rows() as u64;
        Ok(())
    }

    /// Writes the footer; answers how many rows and bytes the file has. The data is on its way,
    /// not yet safely on the disk.
    pub(crate) fn finish(mut self) -> Result<CompleteFile> {
        self.writer.inner_mut().footer = Some((self.digester.footer_start(), Vec::new()));
        let mut file = self.writer.into_inner()?;
        file.flush()?;
        let (_, footer) = file.footer.unwrap_or_default();
        let digest = self.digester.finish(&footer, file.bytes);
        Ok(CompleteFile { file: file.file, rows: self.rows, bytes: file.bytes, digest })
    }
}

/// A file and how many bytes went into it.
struct CountedFile {
    file: Box<dyn NewFile>,
    bytes: u64,
    /// Where the footer starts, once that is known, and its bytes: what stands before it may be on its way still.
    footer: Option<(u64, Vec<u8>)>,
}

impl Write for CountedFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        if let Some((start, footer)) = &mut self.footer {
            let before = start.saturating_sub(self.bytes).min(written as u64) as usize;
            footer.extend_from_slice(&bytes[before..written]);
        }
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A complete file.
pub(crate) struct CompleteFile {
    /// Still open, to be synced.
    pub(crate) file: Box<dyn NewFile>,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) digest: FileDigest,
}

/// The Parquet columns of a schema, in order.
pub(crate) fn descriptors(schema: &SchemaRef) -> Result<Vec<ColumnDescPtr>> {
    let descriptor: SchemaDescriptor = ArrowSchemaConverter::new().schema_root("schema").convert(schema)?;
    Ok(descriptor.columns().to_vec())
}

fn properties() -> WriterPropertiesPtr {
    Arc::new(
        WriterProperties::builder().set_created_by(WRITER.to_owned()).set_offset_index_disabled(true).build(),
    )
}
