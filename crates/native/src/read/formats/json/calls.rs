//! What a JSON object is: a call as it was sent, a row of a warehouse's table, or a batch of calls.

use super::path::meaning;
use super::text::{Value, ValueKind, object};
use crate::read::columns::{Column, ORIGINAL_EVENT};
use tracklet_kernel::event_type::{EventType, EventTypes};

/// The keys that are looked for, without regard to case.
const KEYS: [&str; 15] = [
    "type",
    "messageId",
    "anonymousId",
    "userId",
    "event",
    "timestamp",
    "receivedAt",
    "id",
    "event_id",
    "anonymous_id",
    "user_id",
    ORIGINAL_EVENT,
    "_timestamp",
    "received_at",
    "batch",
];
const TYPE: usize = 0;
/// Keys that only a call as it was sent has.
const OF_CALLS: [usize; 4] = [1, 2, 3, 6];
/// Keys that only a row of a table has.
const OF_ROWS: [usize; 6] = [7, 8, 9, 10, 11, 13];
const EVENT: usize = 4;
const EVENT_TEXT: usize = 11;
const BATCH: usize = 14;

/// The place of a key in [`KEYS`], and whether it is spelled as there.
#[inline]
fn place(key: &str) -> Option<(usize, bool)> {
    let candidates: &[usize] = match key.len() {
        2 => &[7],
        4 => &[TYPE],
        5 => &[EVENT, BATCH],
        6 => &[3],
        7 => &[10],
        8 => &[8],
        9 => &[1, 5],
        10 => &[6, EVENT_TEXT, 12],
        11 => &[2, 13],
        12 => &[9],
        _ => return None,
    };
    let found = candidates.iter().find(|place| KEYS[**place].eq_ignore_ascii_case(key))?;
    Some((*found, KEYS[*found] == key))
}

/// How an object's fields are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) enum Form {
    /// As they were sent: `messageId`.
    Call,
    /// As in the warehouse: `id`.
    Row,
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) enum Call {
    /// An event of this type.
    Event(EventType, Form),
    /// A call of a type that is none, or of one that the specification does not name.
    Other(Option<EventType>),
    /// None, but perhaps calls are in it.
    Unknown,
}

/// The values of the keys that are looked for; the key spelled as usual counts, of equals the last.
#[derive(Debug, Default)]
pub(in crate::read) struct Fields<'a> {
    values: [Option<Value<'a>>; KEYS.len()],
    /// A bit for each value whose key is spelled as usual.
    exact: u16,
}

impl<'a> Fields<'a> {
    /// Takes note of an entry of the object.
    #[inline]
    pub(in crate::read) fn note(&mut self, key: &str, value: Value<'a>) {
        let Some((place, is_exact)) = place(key) else { return };
        let bit = 1 << place;
        if is_exact || self.exact & bit == 0 {
            self.values[place] = Some(value);
            self.exact |= bit * u16::from(is_exact);
        }
    }

    fn has(&self, keys: &[usize]) -> bool {
        keys.iter().any(|key| self.values[*key].is_some())
    }

    /// How the fields are called. An object that has a configured name alone is a table's row.
    fn form(&self, has_configured: bool) -> Option<Form> {
        if self.has(&OF_CALLS) {
            Some(Form::Call)
        } else {
            (has_configured || self.has(&OF_ROWS)).then_some(Form::Row)
        }
    }

    /// What the object is, where calls of these types are events; `default_type` is the type of a call without one, `row_type` that of
    /// the rows of a table.
    pub(in crate::read) fn call(
        &self,
        has_configured: bool,
        default_type: Option<&str>,
        row_type: EventType,
        types: EventTypes,
    ) -> Call {
        let form = self.form(has_configured);
        let of_table = || {
            if types.contains(row_type) {
                Call::Event(row_type, Form::Row)
            } else {
                Call::Other(Some(row_type))
            }
        };
        let row = || if form == Some(Form::Row) { of_table() } else { Call::Unknown };
        let named = |name: &str| match EventType::of_call(name) {
            Some(event_type) if types.contains(event_type) => {
                Call::Event(event_type, form.unwrap_or(Form::Call))
            }
            // A column that happens to be called so.
            None if form == Some(Form::Row) => of_table(),
            _ if self.values[BATCH].is_some_and(|batch| batch.kind == ValueKind::Array) => Call::Unknown,
            other => Call::Other(other),
        };
        match self.values[TYPE] {
            Some(value) if matches!(value.kind, ValueKind::Plain | ValueKind::Escaped) => {
                named(&meaning(value))
            }
            None | Some(Value { kind: ValueKind::Null, .. }) => default_type.map_or_else(row, named),
            Some(_) => row(),
        }
    }

    /// A canonical column's value.
    #[inline]
    pub(in crate::read) fn column(&self, column: Column, form: Form) -> Option<Value<'a>> {
        let places: &[usize] = match (form, column) {
            (Form::Call, Column::EventId) => &[1],
            (Form::Call, Column::AnonymousId) => &[2],
            (Form::Call, Column::UserId) => &[3],
            (Form::Call, Column::Event) => &[EVENT],
            (Form::Call, Column::Timestamp) => &[5],
            (Form::Call, Column::ReceivedAt) => &[6],
            (Form::Row, Column::EventId) => &[7, 8],
            (Form::Row, Column::AnonymousId) => &[9],
            (Form::Row, Column::UserId) => &[10],
            (Form::Row, Column::Event) => &[EVENT, EVENT_TEXT],
            (Form::Row, Column::Timestamp) => &[5, 12],
            (Form::Row, Column::ReceivedAt) => &[13],
        };
        places.iter().find_map(|place| self.values[*place])
    }

    /// Whether the event's name is as the warehouse spells it, as it was sent, or neither where there is none.
    pub(in crate::read) fn is_warehouse_name(&self, form: Form) -> Option<bool> {
        match form {
            Form::Call => Some(false),
            Form::Row if self.values[EVENT].is_some() => Some(true),
            Form::Row => self.values[EVENT_TEXT].map(|_| false),
        }
    }
}

/// The calls in a batch, and when they all arrived.
pub(in crate::read) struct Batch<'a> {
    /// An array.
    pub(in crate::read) calls: &'a str,
    pub(in crate::read) received_at: Option<Value<'a>>,
}

/// The batch that an object is, as SDKs send it, or that one of its fields holds, as the gateway keeps it.
pub(in crate::read) fn batch(text: &str) -> Option<Batch<'_>> {
    let mut fields = Fields::default();
    let mut inner = None;
    let _ = object(text, |key, value| {
        fields.note(&meaning(key), value);
        if value.kind == ValueKind::Object {
            let mut fields = Fields::default();
            let _ = object(value.text, |key, value| fields.note(&meaning(key), value));
            inner = of_fields(&fields).or(inner.take());
        }
    });
    let received_at = fields.values[6];
    let inner = inner.map(|inner| Batch { received_at: inner.received_at.or(received_at), ..inner });
    of_fields(&fields).or(inner)
}

fn of_fields<'a>(fields: &Fields<'a>) -> Option<Batch<'a>> {
    let calls = fields.values[BATCH].filter(|batch| batch.kind == ValueKind::Array)?;
    Some(Batch { calls: calls.text, received_at: fields.values[6] })
}
