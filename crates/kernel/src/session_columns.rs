//! Columns of `tracklet_sessions` that fold a session's events: what they are, and what type they have.

use crate::event_type::EventTypes;
use crate::registry::{CarriedSpec, CarriedType};

/// A column of `tracklet_sessions` that is a function of the session's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionColumn {
    /// The column's name, which no other column of a table of sessions has.
    pub name: String,
    /// The function.
    pub fold: Fold,
    /// The column of `tracklet_events` that it takes, one that [`EventField::find`] knows; `None` for a count of events.
    pub column: Option<String>,
    /// The events that it looks at; `None` for all.
    pub of: Option<EventFilter>,
    /// For [`Fold::First`] and [`Fold::Last`]: the columns of which one has a value on the event that is picked.
    pub at: Vec<String>,
}

/// Some events: those of the types and those with the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// The types.
    pub types: EventTypes,
    /// The names.
    pub names: Vec<String>,
}

/// How a session's events become a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// The value on the first event that is picked; null if none is.
    First,
    /// The value on the last event that is picked; null if none is.
    Last,
    /// The least value; null if there is none.
    Min,
    /// The greatest value; null if there is none.
    Max,
    /// The sum of the values; 0 if there is none.
    Sum,
    /// How many events have a value.
    Count,
    /// How many different values there are.
    Distinct,
    /// Whether a value is true.
    Any,
}

/// Every function with its name in the configuration.
pub const FOLDS: [(&str, Fold); 8] = [
    ("first", Fold::First),
    ("last", Fold::Last),
    ("min", Fold::Min),
    ("max", Fold::Max),
    ("sum", Fold::Sum),
    ("count", Fold::Count),
    ("distinct", Fold::Distinct),
    ("any", Fold::Any),
];

impl Fold {
    /// The name of the function.
    pub fn name(self) -> &'static str {
        let is_it = |(_, fold): &&(&str, Self)| *fold == self;
        FOLDS.iter().find(is_it).map(|(name, _)| *name).expect("every function has a name")
    }

    /// Whether the function takes values of a type.
    pub fn takes(self, values: FieldType) -> bool {
        match self {
            Self::Min | Self::Max => matches!(values, FieldType::Number | FieldType::Time),
            Self::Sum => values == FieldType::Number,
            Self::Any => values == FieldType::Truth,
            Self::First | Self::Last | Self::Count | Self::Distinct => true,
        }
    }

    /// Whether the value is that of one event.
    pub fn picks(self) -> bool {
        matches!(self, Self::First | Self::Last)
    }
}

/// A column of `tracklet_events` that functions can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventField {
    /// `event_id`.
    EventId,
    /// `anonymous_id`.
    AnonymousId,
    /// `user_id`.
    UserId,
    /// `event`.
    Event,
    /// `timestamp`.
    Timestamp,
    /// The carried column in this place; the first one is `event_type`.
    Carried(usize),
}

/// The type of the values of an [`EventField`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// UTF-8 text.
    Text,
    /// decimal(28, 6).
    Number,
    /// True or false.
    Truth,
    /// Microseconds since 1970, UTC.
    Time,
}

/// The columns of `tracklet_events` that functions can take beside the carried ones.
pub const FIXED_FIELDS: [(&str, EventField); 5] = [
    ("event_id", EventField::EventId),
    ("anonymous_id", EventField::AnonymousId),
    ("user_id", EventField::UserId),
    ("event", EventField::Event),
    ("timestamp", EventField::Timestamp),
];

impl EventField {
    /// The column of this name, which is compared without regard to ASCII case, where tracks carry these columns.
    pub fn find(name: &str, carried: &[CarriedSpec]) -> Option<Self> {
        let fixed = FIXED_FIELDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let carried = || carried.iter().position(|column| column.name.eq_ignore_ascii_case(name));
        fixed.map(|(_, field)| *field).or_else(|| carried().map(Self::Carried))
    }

    /// The type of the column's values.
    pub fn field_type(self, carried: &[CarriedSpec]) -> FieldType {
        match self {
            Self::EventId | Self::AnonymousId | Self::UserId | Self::Event => FieldType::Text,
            Self::Timestamp => FieldType::Time,
            Self::Carried(place) => match carried[place].carried_type {
                CarriedType::Text => FieldType::Text,
                CarriedType::Number => FieldType::Number,
                CarriedType::Truth => FieldType::Truth,
            },
        }
    }
}

impl SessionColumn {
    /// The column that the function takes, where tracks carry these columns.
    ///
    /// # Panics
    /// If there is no column of the name.
    pub fn field(&self, carried: &[CarriedSpec]) -> Option<EventField> {
        let find = |name: &String| EventField::find(name, carried).expect("a column of events");
        self.column.as_ref().map(find)
    }
}
