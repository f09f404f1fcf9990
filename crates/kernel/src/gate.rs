//! The one gate by which rows become tracks: what is made of a batch's rows before they are judged, and why one is none.

use crate::carried::{CarriedValues, TextValues};
pub use crate::columns::{MAX_ID_BYTES, MAX_NAME_BYTES};
use crate::columns::{Text, TextColumn, Time, TimeColumn};
use crate::event_name::EventNames;
use crate::event_type::{EventType, EventTypes};
use crate::ignored_ids::{Ignore, IgnoredIds};
use crate::intern::Last;
use crate::registry::{self, CarriedSpec};
use crate::time::{Unit, in_range};
use arrow::array::{ArrayRef, RecordBatch};

/// `received_at` of a track that has none.
pub(crate) const NO_TIME: i64 = i64::MAX;

/// Why a row is no track. A row has the first reason that holds, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A line or the rest of a file that could not be taken apart.
    Unreadable,
    /// An id of more than [`MAX_ID_BYTES`].
    IdTooLong,
    /// An event name of more than [`MAX_NAME_BYTES`].
    NameTooLong,
    /// An id or name that is not text, or holds U+0000.
    InvalidText,
    /// No `event_id`.
    MissingEventId,
    /// No `timestamp`.
    MissingTimestamp,
    /// A `timestamp` that is no time.
    BadTimestamp,
    /// A `timestamp` before 1970 or from 2262 on.
    TimestampOutOfRange,
    /// The row has neither `anonymous_id` nor `user_id`.
    MissingIds,
}

impl Reason {
    /// All reasons, in the order in which the gate looks for them.
    pub const ALL: [Self; 9] = [
        Self::Unreadable,
        Self::IdTooLong,
        Self::NameTooLong,
        Self::InvalidText,
        Self::MissingEventId,
        Self::MissingTimestamp,
        Self::BadTimestamp,
        Self::TimestampOutOfRange,
        Self::MissingIds,
    ];

    /// The reason as `tracklet_rejects` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::IdTooLong => "id_too_long",
            Self::NameTooLong => "name_too_long",
            Self::InvalidText => "invalid_text",
            Self::MissingEventId => "missing_event_id",
            Self::MissingTimestamp => "missing_timestamp",
            Self::BadTimestamp => "bad_timestamp",
            Self::TimestampOutOfRange => "timestamp_out_of_range",
            Self::MissingIds => "missing_ids",
        }
    }
}

/// A row of a batch that did not become a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// The row's place in the batch.
    pub row: usize,
    /// Why.
    pub reason: Reason,
}

/// The settings of the gate: how it reads rows before it judges them.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Whose spelling original event names are brought to.
    pub event_names: EventNames,
    /// Ids that are null.
    pub ignored_ids: IgnoredIds,
    /// What whole numbers in the place of times count; without it they are no times.
    pub time_unit: Option<Unit>,
    /// Whether the rows came through a gate before. Lengths are not judged again: names may be longer than they came.
    pub is_again: bool,
    /// The columns that tracks carry.
    pub carried: Vec<CarriedSpec>,
    /// Columns of texts that carried ones are derived from and that tracks do not carry themselves.
    pub inputs: Vec<CarriedSpec>,
    /// The types whose rows are evidence, which carries nothing but its type: no table shows more of it.
    pub evidence: EventTypes,
    /// Whether event ids are made of the rows: a column of them does not count. See [`from_row`](crate::from_row).
    pub ids_from_rows: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            event_names: EventNames::default(),
            ignored_ids: IgnoredIds::default(),
            time_unit: None,
            is_again: false,
            carried: Vec::new(),
            evidence: EventTypes::NONE,
            inputs: Vec::new(),
            ids_from_rows: false,
        }
    }
}

impl Gate {
    /// The gate for rows that came through one before, with these carried columns: ids stay as they are.
    pub fn again(carried: &[CarriedSpec]) -> Self {
        let ignored_ids = IgnoredIds::new(&Ignore::nothing());
        let carried = carried.iter().map(CarriedSpec::as_stored).collect();
        Self { ignored_ids, is_again: true, carried, ..Self::default() }
    }
}

/// Whether a batch holds event names as the warehouse spells them or as they were sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Warehouse,
    Original,
}

/// What each column's last row has.
#[derive(Default)]
pub(crate) struct Known<'a> {
    pub(crate) anonymous_id: Last<'a>,
    pub(crate) user_id: Last<'a>,
    pub(crate) event: Last<'a>,
    pub(crate) carried: Vec<Last<'a>>,
    pub(crate) inputs: Vec<Last<'a>>,
}

/// A row that is a track.
pub(crate) struct Accepted<'a> {
    /// The row's place in the batch.
    pub(crate) row: usize,
    pub(crate) event_id: &'a str,
    pub(crate) anonymous_id: Option<&'a str>,
    pub(crate) user_id: Option<&'a str>,
    pub(crate) event: Option<&'a str>,
    pub(crate) timestamp: i64,
    pub(crate) received_at: i64,
}

/// A batch's columns.
pub(crate) struct GateColumns {
    pub(crate) event_id: TextColumn,
    pub(crate) anonymous_id: TextColumn,
    pub(crate) user_id: TextColumn,
    pub(crate) event: TextColumn,
    pub(crate) names: Names,
    pub(crate) timestamp: TimeColumn,
    pub(crate) received_at: TimeColumn,
    pub(crate) carried: Vec<CarriedValues>,
    pub(crate) inputs: Vec<TextValues>,
}

impl GateColumns {
    pub(crate) fn new(batch: &RecordBatch, gate: &Gate) -> Self {
        let column = |name: &str| -> Option<&ArrayRef> { batch.column_by_name(name) };
        let (event, names) = match (column(registry::EVENT.name), column(registry::ORIGINAL_EVENT)) {
            (None, Some(original)) => (Some(original), Names::Original),
            (event, _) => (event, Names::Warehouse),
        };
        Self {
            event_id: TextColumn::new(column(registry::EVENT_ID.name).filter(|_| !gate.ids_from_rows)),
            anonymous_id: TextColumn::new(column(registry::ANONYMOUS_ID.name)),
            user_id: TextColumn::new(column(registry::USER_ID.name)),
            event: TextColumn::new(event),
            names,
            timestamp: TimeColumn::new(column(registry::TIMESTAMP.name), gate.time_unit),
            received_at: TimeColumn::new(column(registry::RECEIVED_AT.name), gate.time_unit),
            carried: (gate.carried.iter())
                .map(|spec| CarriedValues::new(&columns_of(batch, &spec.name), spec, batch.num_rows()))
                .collect(),
            inputs: (gate.inputs.iter())
                .map(|spec| TextValues::new(&columns_of(batch, &spec.name), spec))
                .collect(),
        }
    }

    /// Which rows are evidence.
    pub(crate) fn evidence(&self, gate: &Gate) -> EvidenceRows<'_> {
        let types = self.carried.first().filter(|_| !gate.evidence.is_empty());
        EvidenceRows { types, evidence: gate.evidence }
    }

    /// The row as a track, or the first reason why it is none.
    #[inline]
    pub(crate) fn accept(
        &self,
        row: usize,
        gate: &Gate,
        ignored: &mut [u64],
    ) -> Result<Accepted<'_>, Reason> {
        let (event_id, anonymous_id) = (self.event_id.get(row), self.anonymous_id.get(row));
        let (user_id, event) = (self.user_id.get(row), self.event.get(row));
        if !gate.is_again {
            if event_id.length().max(anonymous_id.length()).max(user_id.length()) > MAX_ID_BYTES {
                return Err(Reason::IdTooLong);
            }
            if event.length() > MAX_NAME_BYTES {
                return Err(Reason::NameTooLong);
            }
        }
        let (event_id, anonymous_id) = (text(event_id)?, text(anonymous_id)?);
        let (user_id, event) = (text(user_id)?, text(event)?);
        let event_id = match event_id {
            None if !gate.ids_from_rows => return Err(Reason::MissingEventId),
            event_id => event_id.unwrap_or_default(),
        };
        let timestamp = match self.timestamp.get(row) {
            Time::Missing => return Err(Reason::MissingTimestamp),
            Time::Unparsable => return Err(Reason::BadTimestamp),
            Time::Micros(micros) if in_range(micros) => micros,
            Time::Micros(_) | Time::OutOfRange => return Err(Reason::TimestampOutOfRange),
        };
        let anonymous_id = known(anonymous_id, &gate.ignored_ids, ignored);
        let user_id = known(user_id, &gate.ignored_ids, ignored);
        if anonymous_id.is_none() && user_id.is_none() {
            return Err(Reason::MissingIds);
        }
        let received_at = match self.received_at.get(row) {
            Time::Micros(micros) if in_range(micros) => micros,
            _ => NO_TIME,
        };
        Ok(Accepted { row, event_id, anonymous_id, user_id, event, timestamp, received_at })
    }
}

/// Tells which rows of a batch are evidence.
#[derive(Clone, Copy)]
pub(crate) struct EvidenceRows<'a> {
    /// The column of types, where there is evidence.
    pub(crate) types: Option<&'a CarriedValues>,
    pub(crate) evidence: EventTypes,
}

impl EvidenceRows<'_> {
    #[inline]
    pub(crate) fn has(self, row: usize) -> bool {
        let Some(CarriedValues::Texts(types)) = self.types else { return false };
        types.get(row).and_then(EventType::of_call).is_some_and(|found| self.evidence.contains(found))
    }
}

/// The columns of a batch that have this name.
fn columns_of<'b>(batch: &'b RecordBatch, name: &str) -> Vec<&'b ArrayRef> {
    let fields = batch.schema_ref().fields().iter().zip(batch.columns());
    fields.filter(|(field, _)| field.name() == name).map(|(_, column)| column).collect()
}

/// The id, if it is one.
#[inline]
fn known<'a>(id: Option<&'a str>, ignored_ids: &IgnoredIds, ignored: &mut [u64]) -> Option<&'a str> {
    let id = id?;
    match ignored_ids.place(id) {
        None => Some(id),
        Some(place) => {
            ignored[place] += 1;
            None
        }
    }
}

/// A value's text; empty text is null.
#[inline]
fn text(value: Text<'_>) -> Result<Option<&str>, Reason> {
    match value {
        Text::Missing | Text::Value("") => Ok(None),
        Text::Value(value) => Ok(Some(value)),
        Text::Invalid => Err(Reason::InvalidText),
    }
}
