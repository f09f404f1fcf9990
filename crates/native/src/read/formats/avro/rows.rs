//! The rows of a block, decoded.
//!
//! The decoder takes rows one by one, each behind the number of its schema: so it can't read past a row's end, and what it
//! consumes is compared with what the schema says.

use super::schema;
use super::types::Type;
use crate::read::fence::fenced;
use arrow::array::RecordBatch;
use arrow::datatypes::Fields;
use arrow::error::ArrowError;
use arrow_avro::reader::{Decoder, ReaderBuilder};
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};

/// Rows of a batch.
const ROWS: usize = 8192;
/// The number of the schema, and what stands before a row with that number.
const SCHEMA: u32 = 1;
const PREFIX: [u8; 5] = [0, 0, 0, 0, SCHEMA as u8];

/// The columns of a file.
pub(super) struct AvroTable {
    row: Vec<(String, Type)>,
    /// The schema for the decoder.
    schema: String,
    fields: Fields,
}

impl AvroTable {
    /// The columns that the schema of a header describes; `None` where it can't be read.
    pub(super) fn new(schema: &[u8]) -> Option<Self> {
        let row = schema::parse(schema)?;
        // A decimal that the decoder does not take is bytes.
        let (schema, decoder) = [true, false].into_iter().find_map(|decimals| {
            let schema = row.for_decoder(decimals);
            let decoder = fenced(|| decoder(&schema, None))?;
            Some((schema, decoder))
        })?;
        let fields = decoder.schema().fields().clone();
        let Type::Record(row) = row else { return None };
        (fields.len() == row.len()).then_some(Self { row, schema, fields })
    }

    /// The columns by the names and types that batches have.
    pub(super) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Whether a column holds UUIDs as 16 bytes.
    pub(super) fn is_uuid(&self, place: usize) -> bool {
        self.row[place].1.is_uuid()
    }

    /// A decoder of the columns at these places, ascending.
    pub(super) fn rows(&self, places: &[usize]) -> Option<RowDecoder<'_>> {
        // Batches without a column would not know how many rows they have.
        let places = if places.is_empty() { vec![0] } else { places.to_vec() };
        let decoder = fenced(|| decoder(&self.schema, Some(&places)))?;
        Some(RowDecoder { table: self, places, decoder })
    }
}

fn decoder(schema: &str, places: Option<&[usize]>) -> Result<Decoder, ArrowError> {
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    store.set(Fingerprint::Id(SCHEMA), AvroSchema::new(schema.to_owned()))?;
    let builder = ReaderBuilder::new().with_batch_size(ROWS).with_writer_schema_store(store);
    match places {
        Some(places) => builder.with_projection(places.to_vec()).build_decoder(),
        None => builder.build_decoder(),
    }
}

/// Decodes some columns of a file's rows.
pub(super) struct RowDecoder<'t> {
    table: &'t AvroTable,
    places: Vec<usize>,
    decoder: Decoder,
}

impl RowDecoder<'_> {
    /// The rows of an inflated block, in batches; `None` where it has others than it says.
    pub(super) fn decode(&mut self, block: &[u8], rows: u64) -> Option<Vec<RecordBatch>> {
        let decoded = fenced(|| self.try_decode(block, rows));
        if decoded.is_none() {
            // The decoder may hold a part of a row.
            self.decoder = fenced(|| decoder(&self.table.schema, Some(&self.places)))?;
        }
        decoded
    }

    fn try_decode(&mut self, block: &[u8], rows: u64) -> Result<Vec<RecordBatch>, String> {
        let mut batches = Vec::new();
        let mut rest = block;
        for _ in 0..rows {
            let start = rest;
            let passed = self.table.row.iter().try_for_each(|(_, column)| column.pass(&mut rest));
            let row = &start[..start.len() - rest.len()];
            // Any number of rows without a byte would fit into a block.
            if passed.is_none() || row.is_empty() {
                return Err("a row is damaged".to_owned());
            }
            self.decoder.decode(&PREFIX).map_err(|error| error.to_string())?;
            if self.decoder.decode(row).map_err(|error| error.to_string())? != row.len() {
                return Err("a row is longer than its columns".to_owned());
            }
            if self.decoder.batch_is_full() {
                batches.extend(self.decoder.flush().map_err(|error| error.to_string())?);
            }
        }
        if !rest.is_empty() {
            return Err("bytes are left behind the last row".to_owned());
        }
        batches.extend(self.decoder.flush().map_err(|error| error.to_string())?);
        Ok(batches)
    }
}
