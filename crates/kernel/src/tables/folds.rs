//! The columns of sessions that fold their events.

use super::columns::{integers, optional_times, with_nulls};
use super::texts::LocalDictionary;
use super::timestamp_type;
use crate::carried::{NO_NUMBER, NO_TRUTH, number_type, sum_type};
use crate::intern::NONE;
use crate::registry::CarriedSpec;
use crate::session_columns::{EventField, EventFilter, FieldType, Fold, SessionColumn};
use crate::sessionize::Sessionized;
use crate::tracks::{Chunk, Row, Tracks};
use arrow::array::{ArrayRef, BooleanArray, StringArray};
use arrow::datatypes::DataType;
use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

impl SessionColumn {
    /// The Arrow type of the column, and whether it can hold null.
    pub(super) fn data_type(&self, carried: &[CarriedSpec]) -> (DataType, bool) {
        let values = || match self.field(carried).map(|field| field.field_type(carried)) {
            Some(FieldType::Text) | None => DataType::Utf8,
            Some(FieldType::Number) => number_type(),
            Some(FieldType::Truth) => DataType::Boolean,
            Some(FieldType::Time) => timestamp_type(),
        };
        match self.fold {
            Fold::First | Fold::Last | Fold::Min | Fold::Max => (values(), true),
            Fold::Sum => (sum_type(), false),
            Fold::Count | Fold::Distinct => (DataType::Int64, false),
            Fold::Any => (DataType::Boolean, false),
        }
    }
}

impl Sessionized {
    /// A column of the sessions whose tracks are in `places` in the order of all tracks.
    ///
    /// # Cost
    /// A look at each of these tracks; of a column that picks, at each up to the one that is picked.
    pub(super) fn folded(&self, column: &SessionColumn, places: &[Range<usize>]) -> ArrayRef {
        let carried = &self.rules().carried;
        let filter = column.of.as_ref().map(|of| EventMatcher::new(&self.tracks, of));
        let passes = |row: &Row| filter.as_ref().is_none_or(|filter| filter.passes(*row));
        let rows = |places: &Range<usize>| self.sorted.rows(places.clone()).iter().copied().filter(&passes);
        let Some(field) = column.field(carried) else {
            return integers(places.iter().map(|places| rows(places).count() as i64));
        };
        let values = Values { tracks: &self.tracks, field, field_type: field.field_type(carried) };
        let number = |row: Row| values.number(row);
        match column.fold {
            Fold::First | Fold::Last => {
                let at: Vec<Values<'_>> = column
                    .at
                    .iter()
                    .map(|name| {
                        let field = EventField::find(name, carried).expect("a column of events");
                        Values { tracks: &self.tracks, field, field_type: field.field_type(carried) }
                    })
                    .collect();
                let is_picked = |row: &Row| passes(row) && at.iter().any(|values| values.is_set(*row));
                let pick = |places: &Range<usize>| {
                    let mut rows = self.sorted.rows(places.clone()).iter().copied();
                    if column.fold == Fold::First { rows.find(is_picked) } else { rows.rfind(is_picked) }
                };
                let picked: Vec<Option<Row>> = places.iter().map(pick).collect();
                values.column(&picked)
            }
            Fold::Min => values.numbers(places.iter().map(|places| rows(places).filter_map(number).min())),
            Fold::Max => values.numbers(places.iter().map(|places| rows(places).filter_map(number).max())),
            Fold::Sum => {
                let sum = |places| rows(places).filter_map(number).sum::<i128>();
                Arc::new(with_nulls(places.iter().map(sum).collect(), sum_type()))
            }
            Fold::Count => {
                let is_set = |row: &Row| values.is_set(*row);
                integers(places.iter().map(|places| rows(places).filter(is_set).count() as i64))
            }
            Fold::Distinct => integers(places.iter().map(|places| {
                if field == EventField::EventId {
                    // No two events of these tables have one id.
                    return rows(places).count() as i64;
                }
                let mut found: Vec<i128> = rows(places).filter_map(number).collect();
                found.sort_unstable();
                found.dedup();
                found.len() as i64
            })),
            Fold::Any => {
                let is_true = |row: Row| values.number(row) == Some(1);
                let some = |places| Some(rows(places).any(is_true));
                Arc::new(places.iter().map(some).collect::<BooleanArray>())
            }
        }
    }
}

/// Which events a column looks at.
struct EventMatcher<'a> {
    tracks: &'a Tracks,
    of: &'a EventFilter,
    /// The type and the name that were looked at last, as numbers of their texts, and whether they are wanted: most rows have those of
    /// the row before.
    last_type: Cell<(u32, bool)>,
    last_name: Cell<(u32, bool)>,
}

impl<'a> EventMatcher<'a> {
    fn new(tracks: &'a Tracks, of: &'a EventFilter) -> Self {
        Self { tracks, of, last_type: Cell::new((NONE, false)), last_name: Cell::new((NONE, false)) }
    }

    fn passes(&self, row: Row) -> bool {
        let chunk = &self.tracks.chunks[row.chunk()];
        let is_of_type = is_wanted(chunk.carried.texts(0)[row.place()], &self.last_type, |number| {
            self.of.types.iter().any(|of| of.name() == self.tracks.values.get(number))
        });
        is_of_type
            || is_wanted(chunk.events[row.place()], &self.last_name, |number| {
                self.of.names.iter().any(|name| name == self.tracks.names.get(number))
            })
    }
}

/// Whether the text of a number is wanted; that of none is not.
fn is_wanted(number: u32, last: &Cell<(u32, bool)>, look: impl Fn(u32) -> bool) -> bool {
    if number == NONE {
        return false;
    }
    if last.get().0 != number {
        last.set((number, look(number)));
    }
    last.get().1
}

/// The values of a column of events.
struct Values<'a> {
    tracks: &'a Tracks,
    field: EventField,
    field_type: FieldType,
}

impl Values<'_> {
    fn chunk(&self, row: Row) -> &Chunk {
        &self.tracks.chunks[row.chunk()]
    }

    /// The number of a row's text; [`NONE`] for none.
    fn text(&self, row: Row) -> u32 {
        let chunk = self.chunk(row);
        match self.field {
            EventField::AnonymousId => chunk.anonymous_ids[row.place()],
            EventField::UserId => chunk.user_ids[row.place()],
            EventField::Event => chunk.events[row.place()],
            EventField::Carried(place) => chunk.carried.texts(place)[row.place()],
            EventField::EventId | EventField::Timestamp => unreachable!("no interned text"),
        }
    }

    /// The value as a number: a text's is another one for each text, a truth's 0 or 1.
    fn number(&self, row: Row) -> Option<i128> {
        match (self.field_type, self.field) {
            (_, EventField::EventId) => Some(0),
            (FieldType::Time, _) => Some(i128::from(self.tracks.timestamp(row))),
            (FieldType::Text, _) => Some(self.text(row)).filter(|text| *text != NONE).map(i128::from),
            (FieldType::Number, EventField::Carried(place)) => {
                Some(self.chunk(row).carried.numbers(place)[row.place()])
                    .filter(|number| *number != NO_NUMBER)
            }
            (FieldType::Truth, EventField::Carried(place)) => {
                let truth = self.chunk(row).carried.truths(place)[row.place()];
                Some(truth).filter(|truth| *truth != NO_TRUTH).map(i128::from)
            }
            _ => unreachable!("only carried columns are numbers and truths"),
        }
    }

    fn is_set(&self, row: Row) -> bool {
        self.number(row).is_some()
    }

    /// Numbers or times.
    fn numbers(&self, values: impl Iterator<Item = Option<i128>>) -> ArrayRef {
        match self.field_type {
            FieldType::Time => {
                optional_times(values.map(|value| value.map(|micros| micros as i64)).collect())
            }
            _ => {
                Arc::new(with_nulls(values.map(|value| value.unwrap_or(NO_NUMBER)).collect(), number_type()))
            }
        }
    }

    /// The values of some rows, none of no row.
    fn column(&self, rows: &[Option<Row>]) -> ArrayRef {
        let numbers = || rows.iter().map(|row| row.and_then(|row| self.number(row)));
        match (self.field_type, self.field) {
            (_, EventField::EventId) => {
                let id = |row: &Option<Row>| row.map(|row| self.tracks.event_id(row).to_string());
                Arc::new(rows.iter().map(id).collect::<StringArray>())
            }
            (FieldType::Text, field) => {
                let texts: Vec<u32> = rows.iter().map(|row| row.map_or(NONE, |row| self.text(row))).collect();
                let strings = match field {
                    EventField::AnonymousId | EventField::UserId => &self.tracks.ids,
                    EventField::Event => &self.tracks.names,
                    _ => &self.tracks.values,
                };
                LocalDictionary::of(&texts, strings)
            }
            (FieldType::Truth, _) => {
                Arc::new(numbers().map(|truth| truth.map(|truth| truth == 1)).collect::<BooleanArray>())
            }
            _ => self.numbers(numbers()),
        }
    }
}
