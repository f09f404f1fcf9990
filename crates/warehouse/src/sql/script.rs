//! A run as a script for people: the whole of it, in order, with what each part is for.

use super::increment::{Facts, Increment, STEPS};
use super::plan::{Existing, Plan, Step, create_schema, drop_if_there};
use super::schema::description;
use super::{Dialect, RenderError};
use std::fmt::Write;
use tracklet_dialects::Kind;
use tracklet_dialects::description::Publishing;

/// The script of a run. It can be run by hand: it makes the tables and shows them to readers, without the row of
/// `tracklet_runs`.
pub fn script(plan: &Plan, publishing: Publishing, notes: &[String]) -> String {
    let dialect = plan.published().dialect();
    let mut text = format!("-- Tracklet's tables for {}.\n", dialect.name());
    for note in notes {
        let _ = writeln!(text, "-- {note}");
    }
    text.push('\n');
    if let Some(statement) = dialect.session_in_utc() {
        part(&mut text, "Times without a zone are read in that of the session.", statement);
    }
    part(&mut text, "The schema of the tables.", &create_schema(plan.published()));
    for statement in plan.clean(Publishing::Rows) {
        let _ = writeln!(text, "{statement};");
    }
    text.push('\n');
    for model in &plan.models {
        if let [first, rest @ ..] = model.statements.as_slice() {
            part(&mut text, &format!("{}: {}", model.name, description(model.name)), first);
            for statement in rest {
                let _ = write!(text, "{statement};\n\n");
            }
        }
    }
    // What may be there is dropped under the kind that it would have.
    let existing = Existing {
        kinds: plan.kept().map(|model| (model.name, model.kind)).collect(),
        ..Existing::default()
    };
    let nothing_there = Existing::default();
    let existing = if publishing == Publishing::Rows { &nothing_there } else { &existing };
    text.push_str("-- Readers see the new tables from here on.\n");
    for step in plan.publish(publishing, existing, Vec::new()) {
        match step {
            Step::Alone(statement) => statement_of(&mut text, &statement),
            Step::Together(statements) => {
                let around = dialect.transaction();
                if let Some((begin, _)) = around {
                    let _ = writeln!(text, "{begin};");
                }
                for statement in statements {
                    statement_of(&mut text, &statement);
                }
                if let Some((_, commit)) = around {
                    let _ = writeln!(text, "{commit};");
                }
            }
        }
    }
    text.push_str("\n-- What was needed only meanwhile.\n");
    for statement in plan.clean(publishing) {
        let _ = writeln!(text, "{statement};");
    }
    text
}

/// The script of an increment: its staging tables, and what it exchanges in the published tables among `kept`. Without the
/// row of `tracklet_runs`.
///
/// # Errors
/// [`RenderError`] of the first step that can't be rendered.
pub fn increment_script(
    increment: &Increment<'_>,
    dialect: Dialect,
    kept: &[&str],
    facts: &Facts,
    notes: &[String],
) -> Result<String, RenderError> {
    let mut text = format!("-- New rows into Tracklet's tables for {}.\n", dialect.name());
    for note in notes {
        let _ = writeln!(text, "-- {note}");
    }
    text.push('\n');
    if let Some(statement) = dialect.session_in_utc() {
        part(&mut text, "Times without a zone are read in that of the session.", statement);
    }
    for name in STEPS {
        for statement in increment.step(name, facts)?.statements {
            let _ = write!(text, "{statement};\n\n");
        }
    }
    text.push_str("-- Readers see what has changed from here on.\n");
    let (begin, commit) = dialect.transaction().unzip();
    if begin.is_none() {
        text.push_str("-- Each statement takes effect by itself.\n");
    }
    let around = |word: Option<&str>| word.map_or(String::new(), |word| format!("{word};\n"));
    text.push_str(&around(begin));
    for statement in increment.exchange(kept, facts)? {
        let _ = write!(text, "{statement};\n\n");
    }
    text.push_str(&around(commit));
    text.push_str("\n-- What was needed only meanwhile.\n");
    for statement in increment.clean() {
        let _ = writeln!(text, "{statement};");
    }
    Ok(text)
}

fn part(text: &mut String, comment: &str, statement: &str) {
    for line in wrapped(comment) {
        let _ = writeln!(text, "-- {line}");
    }
    let _ = write!(text, "{statement};\n\n");
}

/// A statement that works whether or not a table is there yet.
fn statement_of(text: &mut String, statement: &str) {
    let words = [("drop table ", Kind::Table), ("drop view ", Kind::View)];
    let lenient = words
        .iter()
        .find_map(|(word, kind)| Some(drop_if_there(*kind, statement.strip_prefix(word)?)))
        .or_else(|| Some(format!("create table if not exists {}", statement.strip_prefix("create table ")?)))
        .or_else(|| Some(format!("create or replace view {}", statement.strip_prefix("create view ")?)));
    let _ = writeln!(text, "{};", lenient.as_deref().unwrap_or(statement));
}

/// A text in lines of at most 100 characters, broken between words.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always one");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= 100 {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
