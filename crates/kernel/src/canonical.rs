//! Tracks back as rows of the canonical columns, for who hands them on as they came.

use crate::carried::number_type;
use crate::registry::{self, ColumnSpec, ColumnType};
use crate::tables::timestamp_type;
use crate::tracks::{Row, Tracks};
use arrow::array::{ArrayRef, RecordBatch, StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::sync::Arc;

impl Tracks {
    /// All tracks, duplicates included, in batches of at most `rows` rows, in no order.
    ///
    /// Out: the columns of the [`registry`], texts as text, times as UTC microseconds.
    pub fn batches(&self, rows: usize) -> impl Iterator<Item = RecordBatch> + '_ {
        let field = |column: &ColumnSpec| match column.column_type {
            ColumnType::Text => Field::new(column.name, DataType::Utf8, true),
            ColumnType::Time => Field::new(column.name, timestamp_type(), true),
            ColumnType::Number => Field::new(column.name, number_type(), true),
        };
        let schema = Arc::new(Schema::new(registry::COLUMNS.iter().map(field).collect::<Vec<_>>()));
        let places = self.chunks.iter().enumerate().flat_map(move |(chunk, tracks)| {
            let length = tracks.len();
            (0..length).step_by(rows).map(move |start| (chunk, start..length.min(start + rows)))
        });
        places.map(move |(chunk, places)| {
            let rows: Vec<Row> = places.map(|place| Row::new(chunk, place)).collect();
            let columns = vec![
                self.texts(&rows, |tracks, row, out| out.append_value(tracks.event_id(row).to_string())),
                self.texts(&rows, |tracks, row, out| out.append_option(tracks.anonymous_id(row))),
                self.texts(&rows, |tracks, row, out| out.append_option(tracks.user_id(row))),
                self.texts(&rows, |tracks, row, out| out.append_option(tracks.event_name(row))),
                self.times(&rows, |tracks, row| Some(tracks.timestamp(row))),
                self.times(&rows, Tracks::received_at),
            ];
            RecordBatch::try_new(Arc::clone(&schema), columns).expect("the columns have the schema's types")
        })
    }

    fn texts(&self, rows: &[Row], append: impl Fn(&Self, Row, &mut StringBuilder)) -> ArrayRef {
        let mut texts = StringBuilder::with_capacity(rows.len(), rows.len() * 16);
        for row in rows {
            append(self, *row, &mut texts);
        }
        Arc::new(texts.finish())
    }

    fn times(&self, rows: &[Row], get: impl Fn(&Self, Row) -> Option<i64>) -> ArrayRef {
        let times = rows.iter().map(|row| get(self, *row));
        Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    }
}
