//! `tracklet tune`

use super::with_tables;
use crate::arguments::{AnswerFormat, TuneArguments};
use crate::commands::answer::layout;
use crate::failure::Outcome;
use crate::logging::Log;
use crate::progress::Busy;
use crate::status::Status;
use std::fmt::Write as _;
use std::io::Write;
use tracklet_analysis::figures::Choice;
use tracklet_analysis::tune::Tuning;
use tracklet_display::numbers::grouped;
use tracklet_native::results::{Integers, print_batches};

/// The timeouts that people choose.
const SHOWN: [u64; 16] = [1, 2, 3, 5, 10, 15, 20, 25, 30, 45, 60, 90, 120, 150, 180, 240];
/// Characters of the longest bar.
const BAR: usize = 40;

pub fn tune(arguments: &TuneArguments, log: &Log) -> Outcome {
    let choice = Choice::from(&arguments.chosen);
    let (_, selection) = choice.meant()?;
    let busy = Busy::new(log, "tune");
    let tuning = with_tables(&arguments.tables, |tables, _, rules| {
        choice.verify(tables, &selection, arguments.before.as_deref())?;
        Ok(Tuning::of(tables, rules, &selection, arguments.before.as_deref())?)
    })?;
    drop(busy);
    let mut out = std::io::stdout().lock();
    match arguments.answer.format {
        AnswerFormat::Table => out.write_all(table(&tuning).as_bytes())?,
        AnswerFormat::Csv | AnswerFormat::Json => {
            let rows = tuning.rows();
            print_batches(&rows.schema(), [rows], layout(&arguments.answer, Integers::Grouped), &mut out)?;
        }
    }
    out.flush()?;
    Ok(Status::Done)
}

/// The curve at the timeouts that people choose and at the one that is configured, with a bar for the sessions.
fn table(tuning: &Tuning) -> String {
    let now = tuning.configured.minutes;
    let what = match &tuning.event {
        Some(event) => format!("events `{event}`"),
        None => "events".to_owned(),
    };
    let opened = if tuning.event.is_some() { "sessions open with it" } else { "sessions" };
    let mut text = format!(
        "{} {what}; with the timeout of {now} min {} {opened}\n\n\
         timeout       sessions  events/session  one-event\n\
         -------  -------------  --------------  ---------\n",
        grouped(tuning.events),
        grouped(tuning.configured.sessions)
    );
    let most = tuning.curve.first().map_or(0, |point| point.sessions).max(1);
    for point in &tuning.curve {
        let is_now = (point.timeout as f64 - now).abs() < 1e-9;
        if !is_now && !SHOWN.contains(&point.timeout) {
            continue;
        }
        let (each, single) = if point.sessions == 0 {
            ("-".to_owned(), "-".to_owned())
        } else {
            let sessions = point.sessions as f64;
            let share = 100.0 * point.one_event_sessions as f64 / sessions;
            (format!("{:.2}", tuning.events as f64 / sessions), format!("{share:.1} %"))
        };
        let bar = "█".repeat((BAR as f64 * point.sessions as f64 / most as f64).round() as usize);
        let mark = if is_now { "  <- now" } else { "" };
        let _ = writeln!(
            text,
            "{:>3} min  {:>13}  {each:>14}  {single:>9}  {bar}{mark}",
            point.timeout,
            grouped(point.sessions)
        );
    }
    text
}
