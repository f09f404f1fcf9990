//! `[session.columns]`: what sessions say of their events.

use super::document::{Entry, Section};
use super::error::{ConfigError, Problem, TakenBy};
use super::recorded::event_filter;
use super::{columns_of_sessions, is_column};
use tracklet_kernel::rules::Rules;
use tracklet_kernel::session_columns::{EventField, FIXED_FIELDS, FOLDS, FieldType, Fold, SessionColumn};

/// The section, its keys' prefix in messages.
const SECTION: &str = "session.columns";

/// Stands for no column: a count of events.
const ALL: &str = "*";

/// The section's columns in its order; those that are wrong are noted.
pub(super) fn columns(section: &Section<'_>, rules: &Rules) -> Vec<SessionColumn> {
    let mut columns: Vec<SessionColumn> = Vec::new();
    for entry in section.entries() {
        if let Some(column) = section.kept(column(&entry, rules, &columns)) {
            columns.push(column);
        }
    }
    columns
}

fn column(entry: &Entry<'_>, rules: &Rules, before: &[SessionColumn]) -> Result<SessionColumn, ConfigError> {
    let name = entry.key.clone();
    if !is_column(&name) {
        return Err(entry.wrong_key(Problem::BadColumn { section: SECTION, column: name }));
    }
    if let Some(other) = taken_by(&name, rules, before) {
        return Err(entry.wrong_key(Problem::TakenColumn { section: SECTION, column: name, other }));
    }
    let fields = entry.fields();
    let fold_of =
        |field: &Entry<'_>| FOLDS.iter().find(|(name, _)| *name == field.key).map(|(_, fold)| *fold);
    let found: Vec<(&Entry<'_>, Fold)> =
        fields.iter().filter_map(|field| Some((field, fold_of(field)?))).collect();
    let is_known = |field: &Entry<'_>| fold_of(field).is_some() || ["of", "at"].contains(&field.key.as_str());
    let [(taken, fold)] = found[..] else { return Err(entry.wrong_type_of(FORM)) };
    if !fields.iter().all(is_known) {
        return Err(entry.wrong_type_of(FORM));
    }
    let list = |key: &'static str| -> Result<Option<(&Entry<'_>, Vec<String>)>, ConfigError> {
        let Some(field) = fields.iter().find(|field| field.key == key) else { return Ok(None) };
        let entries = field.texts()?;
        if entries.is_empty() {
            return Err(field.wrong(Problem::EmptyList { name: name.clone(), key }));
        }
        Ok(Some((field, entries)))
    };
    let of = list("of")?.map(|(_, entries)| event_filter(&entries));
    let known = |field: &Entry<'_>, column: &str| {
        known_column(column, rules).ok_or_else(|| {
            field.wrong(Problem::NoEventColumn {
                name: name.clone(),
                column: column.to_owned(),
                known: all_columns(rules),
            })
        })
    };
    let at = list("at")?;
    if let Some((field, _)) = at.as_ref().filter(|_| !fold.picks()) {
        return Err(field.wrong_key(Problem::PicksNothing { name, function: fold.name() }));
    }
    let column = taken.text()?;
    if fold == Fold::Count && column == ALL {
        return Ok(SessionColumn { name, fold, column: None, of, at: Vec::new() });
    }
    let (column, held) = known(taken, &column)?;
    if !fold.takes(held) {
        return Err(taken.wrong(Problem::WrongFold { name, fold, column, held }));
    }
    let at = match at {
        Some((field, columns)) => {
            let known = |column: &String| known(field, column).map(|(column, _)| column);
            columns.iter().map(known).collect::<Result<_, _>>()?
        }
        None if fold.picks() => vec![column.clone()],
        None => Vec::new(),
    };
    Ok(SessionColumn { name, fold, column: Some(column), of, at })
}

/// What the value of a key can be.
const FORM: &str = "a table with one of `first`, `last`, `min`, `max`, `sum`, `count`, `distinct` and `any`, and beside it nothing but `of` and `at`";

/// Whose name a column of sessions would have.
fn taken_by(name: &str, rules: &Rules, before: &[SessionColumn]) -> Option<TakenBy> {
    let is_it = |other: &str| other.eq_ignore_ascii_case(name);
    let fixed = columns_of_sessions().find(|(column, _)| is_it(column));
    let count = || {
        rules.counts.iter().find(|count| is_it(&count.column)).map(|count| format!("counts.{}", count.column))
    };
    let own = || before.iter().find(|column| is_it(&column.name)).map(|column| column.name.clone());
    let other = || count().or_else(own).map(TakenBy::Other);
    fixed.map(|(column, table)| TakenBy::Table(column, table)).or_else(other)
}

/// A column of events as it is spelled, and what it holds.
fn known_column(name: &str, rules: &Rules) -> Option<(String, FieldType)> {
    let field = EventField::find(name, &rules.carried)?;
    let spelled = match field {
        EventField::Carried(place) => rules.carried[place].name.clone(),
        _ => name.to_ascii_lowercase(),
    };
    Some((spelled, field.field_type(&rules.carried)))
}

/// The columns of events that functions can take.
fn all_columns(rules: &Rules) -> Vec<String> {
    let fixed = FIXED_FIELDS.iter().map(|(name, _)| (*name).to_owned());
    fixed.chain(rules.carried.iter().map(|column| column.name.clone())).collect()
}
