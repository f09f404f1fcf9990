//! Tracks back as rows of the canonical columns, for who hands them on as they came.

use crate::carried::{CarriedColumn, NO_NUMBER, number_type, truth_text};
use crate::decimal;
use crate::event_type::EventType;
use crate::registry::{self, CarriedSpec, ColumnSpec, ColumnType};
use crate::tables::timestamp_type;
use crate::tracks::{Row, Tracks, text_of};
use arrow::array::{ArrayRef, RecordBatch, StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::borrow::Cow;
use std::sync::Arc;

impl Tracks {
    /// All tracks, duplicates included, in batches of at most `rows` rows, in no order.
    ///
    /// Out: the columns of the [`registry`], texts as text, times as UTC microseconds.
    pub fn batches(&self, rows: usize) -> impl Iterator<Item = RecordBatch> + '_ {
        self.batches_of(rows, &[], None)
    }

    /// The same of the events of one type, or of all, and behind the columns of the registry those of `carried` but for the type itself,
    /// all as text: numbers as their digits, truths as `true` and `false`. `carried` is what the gate was given.
    pub fn batches_of<'a>(
        &'a self,
        rows: usize,
        carried: &'a [CarriedSpec],
        of: Option<EventType>,
    ) -> impl Iterator<Item = RecordBatch> + 'a {
        let field = |column: &ColumnSpec| match column.column_type {
            ColumnType::Text => Field::new(column.name, DataType::Utf8, true),
            ColumnType::Time => Field::new(column.name, timestamp_type(), true),
            ColumnType::Number => Field::new(column.name, number_type(), true),
        };
        let type_at = carried.iter().position(|column| column.name == registry::EVENT_TYPE);
        let carried: Vec<(usize, &str)> = carried
            .iter()
            .map(|column| column.name.as_str())
            .enumerate()
            .filter(|(place, _)| Some(*place) != type_at)
            .collect();
        let of_carried = carried.iter().map(|(_, name)| Field::new(*name, DataType::Utf8, true));
        let fields: Vec<Field> = registry::COLUMNS.iter().map(field).chain(of_carried).collect();
        let schema = Arc::new(Schema::new(fields));
        let is_of = move |row: &Row| match (of, type_at) {
            (Some(of), Some(place)) => self.carried_text(*row, place).as_deref() == Some(of.name()),
            _ => true,
        };
        let places = self.chunks.iter().enumerate().flat_map(move |(chunk, tracks)| {
            let length = tracks.len();
            (0..length).step_by(rows).map(move |start| (chunk, start..length.min(start + rows)))
        });
        places.map(move |(chunk, places)| {
            let rows: Vec<Row> = places.map(|place| Row::new(chunk, place)).filter(is_of).collect();
            let mut columns = vec![
                self.texts(&rows, |tracks, row, out| out.append_value(tracks.event_id(row).to_string())),
                self.texts(&rows, |tracks, row, out| out.append_option(tracks.anonymous_id(row))),
                self.texts(&rows, |tracks, row, out| out.append_option(tracks.user_id(row))),
                self.texts(&rows, |tracks, row, out| out.append_option(tracks.event_name(row))),
                self.times(&rows, |tracks, row| Some(tracks.timestamp(row))),
                self.times(&rows, Tracks::received_at),
            ];
            columns.extend(carried.iter().map(|(place, _)| {
                self.texts(&rows, |tracks, row, out| out.append_option(tracks.carried_text(row, *place)))
            }));
            RecordBatch::try_new(Arc::clone(&schema), columns).expect("the columns have the schema's types")
        })
    }

    /// The text of a carried column, by its place among them; numbers are their digits.
    fn carried_text(&self, row: Row, place: usize) -> Option<Cow<'_, str>> {
        match &self.chunks[row.chunk()].carried.0[place] {
            CarriedColumn::Texts(numbers) => text_of(&self.values, numbers[row.place()]).map(Cow::Borrowed),
            CarriedColumn::Numbers(numbers) => {
                let number = numbers[row.place()];
                (number != NO_NUMBER).then(|| Cow::Owned(decimal::to_text(number)))
            }
            CarriedColumn::Truths(truths) => truth_text(truths[row.place()]).map(Cow::Borrowed),
        }
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
