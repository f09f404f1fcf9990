//! Columns of sessions: their definition, and one of every kind.

use super::{OracleSession, Track, Value, text, text_or_null};
use crate::event_type::EventType;
use crate::registry::CarriedSpec;
use crate::rules::Rules;
use crate::session_columns::{EventField, EventFilter, FIXED_FIELDS, FOLDS, Fold, SessionColumn};
use std::collections::BTreeSet;

/// What a column of `[session.columns]` says of a session.
pub(super) fn folded(session: &OracleSession, column: &SessionColumn, rules: &Rules) -> Value {
    let field = |track: &Track, name: &String| match name.as_str() {
        "event_id" => text(&track.event_id),
        "anonymous_id" => text_or_null(track.anonymous_id.as_ref()),
        "user_id" => text_or_null(track.user_id.as_ref()),
        "event" => text_or_null(track.event.as_ref()),
        "timestamp" => Value::Time(track.timestamp),
        name => {
            let place = rules.carried.iter().position(|carried| carried.name == name);
            track.carried[place.expect("a column of events")].clone()
        }
    };
    let is_of = |track: &&Track| {
        column.of.as_ref().is_none_or(|of| {
            let is_of_type = of.types.iter().any(|of_type| track.carried[0] == text(of_type.name()));
            is_of_type || track.event.as_ref().is_some_and(|event| of.names.contains(event))
        })
    };
    let events: Vec<&Track> = session.tracks.iter().map(|(track, _)| track).filter(is_of).collect();
    let Some(name) = &column.column else { return Value::Integer(events.len() as i64) };
    let values = || events.iter().map(|track| field(track, name)).filter(|value| *value != Value::Null);
    let is_picked = |track: &&&Track| column.at.iter().any(|name| field(track, name) != Value::Null);
    let mut picked = events.iter().filter(is_picked).map(|track| field(track, name));
    match column.fold {
        Fold::First => picked.next().unwrap_or(Value::Null),
        Fold::Last => picked.next_back().unwrap_or(Value::Null),
        Fold::Min => values().min().unwrap_or(Value::Null),
        Fold::Max => values().max().unwrap_or(Value::Null),
        Fold::Sum => Value::Number(
            values().map(|value| if let Value::Number(number) = value { number } else { 0 }).sum(),
        ),
        Fold::Count => Value::Integer(values().count() as i64),
        Fold::Distinct => Value::Integer(values().collect::<BTreeSet<_>>().len() as i64),
        Fold::Any => Value::Truth(values().any(|value| value == Value::Truth(true))),
    }
}

/// Columns of sessions of every kind for events that carry these columns, of which the first is `event_type`: each function of each column
/// that it takes, and a count of events; of all events, of two types, of two names, and of a type and a name; those that pick at their
/// own column and at two others. Tests draw from them.
pub fn every_session_column(carried: &[CarriedSpec]) -> Vec<SessionColumn> {
    let filter = |types: &[EventType], names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Some(EventFilter { types: types.iter().copied().collect(), names })
    };
    let filters = [
        None,
        filter(&[EventType::Track, EventType::Screen], &[]),
        filter(&[], &["viewed_product", "nobody"]),
        filter(&[EventType::Page], &["viewed"]),
    ];
    let fixed = FIXED_FIELDS.iter().map(|(name, _)| (*name).to_owned());
    let fields: Vec<String> = fixed.chain(carried.iter().map(|column| column.name.clone())).collect();
    let takes = |fold: Fold, name: &String| {
        let field = EventField::find(name, carried).expect("a column of events");
        fold.takes(field.field_type(carried))
    };
    let mut columns = Vec::new();
    let mut add = |fold: Fold, column: Option<&String>, of: &Option<EventFilter>, at: Vec<String>| {
        let name = format!("column_{}", columns.len());
        columns.push(SessionColumn { name, fold, column: column.cloned(), of: of.clone(), at });
    };
    for of in &filters {
        add(Fold::Count, None, of, Vec::new());
        for (_, fold) in FOLDS {
            for (place, name) in fields.iter().enumerate().filter(|(_, name)| takes(fold, name)) {
                if fold.picks() {
                    let others = [1, 2].map(|step| fields[(place + step) % fields.len()].clone());
                    add(fold, Some(name), of, others.to_vec());
                    add(fold, Some(name), of, vec![name.clone()]);
                } else {
                    add(fold, Some(name), of, Vec::new());
                }
            }
        }
    }
    columns
}
