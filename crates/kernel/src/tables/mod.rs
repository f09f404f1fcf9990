//! The tables as Arrow arrays: their schemas, and the columns of any range of rows.

mod columns;
mod folds;
mod texts;

pub(crate) use columns::whole_rows;
pub use columns::{PACKED_EVENT_IDS, TrackRun, uuid_type};

use crate::registry::{CarriedSpec, EVENT_TYPE};
use crate::rules::Rules;
pub use crate::table::Table;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

impl Table {
    /// The tables that a run with these rules makes.
    pub fn all(rules: &Rules) -> impl Iterator<Item = Self> + use<> {
        let of_events = if rules.events { &Self::OF_EVENTS[..] } else { &[] };
        let left_out = rules.left_out.clone();
        let all = Self::ALWAYS.iter().chain(of_events).copied();
        all.filter(move |table| !left_out.contains(table))
    }

    /// The columns of a table of events or sessions.
    fn fields_of_events(self, rules: &Rules) -> Vec<Field> {
        let text = |name: &str| field(name, DataType::Utf8, Nulls::None);
        let nullable = |name: &str| field(name, DataType::Utf8, Nulls::Some);
        let time = |name: &str| field(name, timestamp_type(), Nulls::None);
        let integer = |name: &str| field(name, DataType::Int64, Nulls::None);
        if self == Self::Sessions {
            let fixed = [
                text("session_key"),
                text("session_id"),
                text("dbt_visitor_id"),
                integer("session_sequence_number"),
                time("session_start_at"),
                time("ended_at"),
                field("next_session_start_at", timestamp_type(), Nulls::Some),
                text("start_reason"),
                integer("events"),
            ];
            let folded = rules.session_columns.iter().map(|column| {
                let (data_type, is_nullable) = column.data_type(&rules.carried);
                Field::new(&column.name, data_type, is_nullable)
            });
            return fixed.into_iter().chain(folded).collect();
        }
        let fixed = [
            text("event_id"),
            text(EVENT_TYPE),
            nullable("event"),
            nullable("anonymous_id"),
            nullable("user_id"),
            text("dbt_visitor_id"),
            time("timestamp"),
            text("session_id"),
            text("session_key"),
            integer("event_sequence_number"),
            nullable("start_reason"),
        ];
        fixed.into_iter().chain(carried(rules.event_columns())).collect()
    }

    /// The table's columns, in order.
    pub fn schema(self, rules: &Rules) -> SchemaRef {
        let text = |name: &str| field(name, DataType::Utf8, Nulls::None);
        let nullable = |name: &str| field(name, DataType::Utf8, Nulls::Some);
        let time = |name: &str| field(name, timestamp_type(), Nulls::None);
        let integer = |name: &str| field(name, DataType::Int64, Nulls::None);
        let fields = match self {
            Self::AliasesMapping => vec![text("alias"), text("dbt_visitor_id")],
            Self::MappedTracks => vec![
                text("event_id"),
                nullable("anonymous_id"),
                text("dbt_visitor_id"),
                time("timestamp"),
                nullable("event"),
                field("idle_time_minutes", DataType::Int64, Nulls::Some),
            ],
            Self::SessionTracks => vec![
                text("session_id"),
                text("dbt_visitor_id"),
                time("session_start_at"),
                integer("session_sequence_number"),
                field("next_session_start_at", timestamp_type(), Nulls::Some),
            ],
            Self::TrackFacts => vec![
                nullable("anonymous_id"),
                time("timestamp"),
                text("event_id"),
                nullable("event"),
                text("session_id"),
                text("dbt_visitor_id"),
                integer("track_sequence_number"),
            ],
            Self::SessionTrackFacts => {
                let fixed = [text("session_id"), time("ended_at"), integer("num_pvs")];
                fixed.into_iter().chain(rules.counts.iter().map(|count| integer(&count.column))).collect()
            }
            Self::UserSessionFacts => vec![
                text("dbt_visitor_id"),
                time("first_date"),
                time("last_date"),
                integer("number_of_sessions"),
            ],
            Self::SessionDuration => {
                vec![text("dbt_visitor_id"), text("session_id"), integer("session_duration")]
            }
            Self::TracksFlow => {
                let fixed = [
                    text("event_id"),
                    text("session_id"),
                    integer("track_sequence_number"),
                    nullable("event"),
                    text("dbt_visitor_id"),
                    time("timestamp"),
                ];
                fixed.into_iter().chain(following_events(rules).map(|name| nullable(&name))).collect()
            }
            Self::Duplicates => vec![
                text("event_id"),
                nullable("anonymous_id"),
                nullable("user_id"),
                nullable("event"),
                time("timestamp"),
                field("received_at", timestamp_type(), Nulls::Some),
            ],
            Self::Rejects => vec![
                text("source_file"),
                field("row_number", DataType::Int64, Nulls::Some),
                text("reason"),
                nullable("event_id"),
                nullable("anonymous_id"),
                nullable("user_id"),
                nullable("event"),
                nullable("timestamp"),
                nullable("received_at"),
                nullable("raw"),
            ],
            Self::Events | Self::Sessions => self.fields_of_events(rules),
        };
        Arc::new(Schema::new(fields))
    }
}

/// What the next run needs and no table has. Each but evidence is aligned to the rows of a table and stored beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Of every track, aligned to `dbt_mapped_tracks`: its user, its arrival, the hash of its id, and what it carries; of these only
    /// what `tracklet_events` does not have, where there is one.
    Tracks,
    /// Of every session, aligned to `dbt_session_tracks`: its end and how many tracks it has.
    Sessions,
    /// Of every alias, aligned to `dbt_aliases_mapping`: when the login was that decides its visitor.
    Aliases,
    /// Of every duplicate, aligned to `tracklet_duplicates`: what it carries. Not written where tracks carry nothing.
    Duplicates,
    /// The rows that are evidence, whole. Only where the rules have evidence.
    Evidence,
}

impl State {
    /// The states that a run with these rules writes.
    pub fn all(rules: &Rules) -> impl Iterator<Item = Self> {
        let duplicates = (!rules.carried.is_empty()).then_some(Self::Duplicates);
        let evidence = (!rules.evidence.is_empty()).then_some(Self::Evidence);
        [Self::Tracks, Self::Sessions, Self::Aliases].into_iter().chain(duplicates).chain(evidence)
    }

    /// The state's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tracks => "tracks",
            Self::Sessions => "sessions",
            Self::Aliases => "aliases",
            Self::Duplicates => "duplicates",
            Self::Evidence => "evidence",
        }
    }

    /// The state's columns, in order.
    pub fn schema(self, rules: &Rules) -> SchemaRef {
        let fields = match self {
            Self::Tracks if rules.events => vec![
                field("received_at", timestamp_type(), Nulls::Some),
                field("event_id_hash", DataType::Int64, Nulls::None),
            ],
            Self::Tracks => {
                let fixed = [
                    field("user_id", DataType::Utf8, Nulls::Some),
                    field("received_at", timestamp_type(), Nulls::Some),
                    field("event_id_hash", DataType::Int64, Nulls::None),
                ];
                fixed.into_iter().chain(carried(&rules.carried)).collect()
            }
            Self::Sessions => vec![
                field("ended_at", timestamp_type(), Nulls::None),
                field("tracks", DataType::Int64, Nulls::None),
            ],
            Self::Aliases => vec![field("last_login_at", timestamp_type(), Nulls::Some)],
            Self::Duplicates => carried(&rules.carried).collect(),
            Self::Evidence => {
                let event_type = field(EVENT_TYPE, DataType::Utf8, Nulls::None);
                Table::Duplicates
                    .schema(rules)
                    .fields()
                    .iter()
                    .map(|field| Field::clone(field))
                    .chain([event_type])
                    .collect()
            }
        };
        Arc::new(Schema::new(fields))
    }
}

/// Whether a column may hold nulls.
#[derive(Clone, Copy)]
enum Nulls {
    None,
    Some,
}

fn field(name: &str, data_type: DataType, nulls: Nulls) -> Field {
    Field::new(name, data_type, matches!(nulls, Nulls::Some))
}

/// Carried columns as a table or state has them.
fn carried(columns: &[CarriedSpec]) -> impl Iterator<Item = Field> {
    columns.iter().map(|spec| field(&spec.name, spec.carried_type.data_type(), Nulls::Some))
}

/// Names of the flow's columns after `event`: `event_2`, `event_3`, ...
fn following_events(rules: &Rules) -> impl Iterator<Item = String> {
    (2..=rules.flow_length).map(|position| format!("event_{position}"))
}

/// UTC with microseconds.
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}
