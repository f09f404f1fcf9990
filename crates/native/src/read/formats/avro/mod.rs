//! Tables as Avro object container files.
//!
//! The framing is read here, so that reading can go on behind a damaged block; what is in a block is decoded by `arrow-avro`. Each
//! step of the decoder is fenced, and a panic is a block that can't be read.

mod codec;
mod container;
mod rows;
mod schema;
mod types;

use super::typed::{TypedColumns, column, note_columns};
use super::{Compressed, CutPart, FileFormat, FilePart, Holds, Marks, Split};
use crate::read::ReadError;
use crate::read::inputs::InputFile;
use crate::read::inspect::First;
use crate::read::sample::{Sample, Sampled};
use crate::read::sink::Sink;
use arrow::array::RecordBatch;
use codec::{Codec, LARGEST_BLOCK};
use container::{AvroBlock, Blocks, ContainerItem, Header, MAGIC};
use rows::{AvroTable, RowDecoder};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Blocks are taken together up to so many rows, or bytes of the file: a part for a thread has to be worth its while.
const PART_ROWS: u64 = 1 << 18;
const PART_BYTES: u64 = 32 << 20;
/// The most rows for a byte of a damaged block that are believed: more are one reject.
const ROWS_OF_A_BYTE: u64 = 16;

/// The format.
pub(in crate::read) struct Avro;

impl FileFormat for Avro {
    fn extensions(&self) -> &'static [&'static str] {
        &["avro"]
    }

    fn compressed(&self) -> Compressed {
        Compressed::Inside
    }

    fn holds(&self) -> Holds {
        Holds::Tracks
    }

    fn marks(&self) -> Option<Marks> {
        Some(Marks { start: MAGIC, end: b"" })
    }

    fn is_of_table_formats(&self) -> bool {
        true
    }

    fn first(&self, file: &InputFile, path: &Path) -> Result<First, ReadError> {
        let failed = |source| ReadError::Open { file: file.name.clone(), source };
        let opened = File::open(path).map_err(failed)?;
        let Some(container) = Container::open(&opened).map_err(failed)? else { return Ok(First::default()) };
        let names = column::paths(container.table.fields());
        let mut sample = Sample::default();
        let columns = Sampled::new(&names, &file.partitions(), file.event_type);
        let values = |place: usize, rows| container.first_values(&opened, &names[place], rows);
        let times = columns.note_columns(values, &mut sample).map_err(failed)?;
        Ok(First { names, times, sample, ..First::default() })
    }

    /// Reads the header and goes from block to block. A broken header is a reject.
    fn split(&self, file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<Split, ReadError> {
        let failed = |source| ReadError::Open { file: file.name.clone(), source };
        let opened = File::open(path).map_err(failed)?;
        let Some(container) = Container::open(&opened).map_err(failed)? else {
            sink.unreadable(file, None, &[])?;
            return Ok(Split::Parts(Vec::new()));
        };
        if let Codec::Unread(codec) = container.codec {
            return Err(ReadError::Codec { file: file.name.clone(), codec });
        }
        let container = Arc::new(container);
        let parts = container.parts(&opened).map_err(failed)?;
        note_columns(file, container.table.fields(), !parts.is_empty(), sink)?;
        Ok(Split::Parts(parts))
    }
}

/// What the header of a file says.
struct Container {
    header: Header,
    codec: Codec,
    table: AvroTable,
}

impl Container {
    /// Reads the header of a file; `None` where it is damaged.
    fn open(file: &File) -> io::Result<Option<Self>> {
        let Some(header) = Header::read(file)? else { return Ok(None) };
        let (Some(codec), Some(table)) = (Codec::named(&header.codec), AvroTable::new(&header.schema)) else {
            return Ok(None);
        };
        Ok(Some(Self { header, codec, table }))
    }

    /// Cuts the file into parts, the same whatever reads them. A file without rows has none.
    fn parts(self: &Arc<Self>, file: &File) -> io::Result<Vec<CutPart>> {
        let mut blocks = Blocks::new(file, &self.header, self.header.end)?;
        let mut parts: Vec<AvroPart> = Vec::new();
        let (mut start, mut first_row) = (blocks.at(), 1_u64);
        while let Some(found) = blocks.next()? {
            let end = blocks.at();
            let rows = rows_in(found);
            match parts.last_mut() {
                Some(part)
                    if part.rows.saturating_add(rows) <= PART_ROWS && end - part.start <= PART_BYTES =>
                {
                    part.rows += rows;
                    part.end = end;
                }
                _ => parts.push(AvroPart { container: Arc::clone(self), start, end, first_row, rows }),
            }
            start = end;
            first_row = first_row.saturating_add(rows);
        }
        let cut = |part: AvroPart| CutPart { bytes: part.end - part.start, part: Box::new(part) };
        Ok(parts.into_iter().filter(|part| part.rows > 0).map(cut).collect())
    }

    /// The rows of a block; `None` where it is damaged.
    fn rows(
        &self,
        blocks: &mut Blocks<'_>,
        block: &AvroBlock,
        rows: &mut RowDecoder<'_>,
    ) -> io::Result<Option<Vec<RecordBatch>>> {
        if block.length > LARGEST_BLOCK {
            return Ok(None);
        }
        let inflated = self.codec.inflate(blocks.bytes(block)?);
        Ok(inflated.and_then(|inflated| rows.decode(&inflated, block.rows)))
    }

    /// The first values of a column as texts, those that are not null.
    fn first_values(&self, file: &File, name: &str, rows: usize) -> io::Result<Vec<String>> {
        let mut values = Vec::new();
        let place = self.table.fields().find(name).map(|(place, _)| place);
        let Some(mut decoder) = place.and_then(|place| self.table.rows(&[place])) else { return Ok(values) };
        let mut blocks = Blocks::new(file, &self.header, self.header.end)?;
        let mut left = rows;
        while left > 0
            && let Some(ContainerItem::Block(block)) = blocks.next()?
            && let Some(batches) = self.rows(&mut blocks, &block, &mut decoder)?
        {
            for batch in batches {
                let taken = batch.num_rows().min(left);
                values.extend((0..taken).filter_map(|row| column::text(batch.column(0), row)));
                left -= taken;
            }
        }
        Ok(values)
    }
}

/// How many row numbers there are in what was found: that of damaged bytes is the one that its first row would have.
fn rows_in(found: ContainerItem) -> u64 {
    match found {
        // One that says it has no rows and has bytes is damaged.
        ContainerItem::Block(AvroBlock { rows: 0, length, .. }) => u64::from(length > 0),
        ContainerItem::Block(block) => block.rows,
        ContainerItem::Damaged => 1,
    }
}

/// How many rejects it is where it can't be read.
fn rejects_of(found: ContainerItem) -> u64 {
    match found {
        ContainerItem::Block(block) if block.rows > block.length.saturating_mul(ROWS_OF_A_BYTE) => 1,
        ContainerItem::Block(_) | ContainerItem::Damaged => rows_in(found),
    }
}

/// Some blocks of a file.
struct AvroPart {
    container: Arc<Container>,
    /// Where the first block starts.
    start: u64,
    /// Where the last block ends.
    end: u64,
    /// The number of the first row, from 1.
    first_row: u64,
    rows: u64,
}

impl FilePart for AvroPart {
    /// Reads the part. Of a block that can't be read no row is taken: each of them is a reject.
    fn read(&self, file: &InputFile, path: &Path, sink: &mut Sink<'_>) -> Result<(), ReadError> {
        let failed = |source| ReadError::Open { file: file.name.clone(), source };
        let Container { header, table, .. } = &*self.container;
        let opened = File::open(path).map_err(failed)?;
        let columns = TypedColumns::new(file, table.fields(), |place| table.is_uuid(place), sink)?;
        let Some(mut decoder) = table.rows(columns.projected()) else {
            return sink.unreadable(file, None, &[]);
        };
        let mut blocks = Blocks::new(&opened, header, self.start).map_err(failed)?;
        let mut row = self.first_row;
        while blocks.at() < self.end {
            let before = blocks.at();
            let Some(found) = blocks.next().map_err(failed)? else { break };
            let rows = match &found {
                ContainerItem::Block(block) => {
                    self.container.rows(&mut blocks, block, &mut decoder).map_err(failed)?
                }
                ContainerItem::Damaged => None,
            };
            match rows {
                Some(batches) => {
                    let mut first = row;
                    for batch in &batches {
                        columns.push(file, batch, first, sink)?;
                        first += batch.num_rows() as u64;
                    }
                }
                None => {
                    for damaged in row..row.saturating_add(rejects_of(found)) {
                        sink.unreadable(file, Some(damaged), &[])?;
                    }
                }
            }
            row = row.saturating_add(rows_in(found));
            sink.shared.progress.advance(0, blocks.at() - before);
            if sink.is_stopped() {
                return Ok(());
            }
        }
        Ok(())
    }
}
