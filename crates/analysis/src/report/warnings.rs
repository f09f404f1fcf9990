//! What a person should look at.

use super::Totals;
use crate::figures::Selection;
use crate::tables::{Tables, TablesError};
use serde::Serialize;
use tracklet_native::manifest::Manifest;

/// Shares from which on something is worth a look.
const REJECTED: f64 = 0.01;
const DUPLICATES: f64 = 0.10;
const NAMELESS: f64 = 0.05;
const ONE_VISITOR: f64 = 0.05;
/// Below this many visitors, one with a large share is no surprise.
const MANY_VISITORS: u64 = 50;

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The finding, a sentence.
    pub what: String,
    /// How to act on the finding, a sentence.
    pub advice: String,
}

/// In the order of their weight.
pub(super) fn warnings(
    tables: &dyn Tables,
    manifest: &Manifest,
    selection: &Selection,
    totals: &Totals,
) -> Result<Vec<Warning>, TablesError> {
    let mut warnings = Vec::new();
    let mut warn = |what: String, advice: &str| {
        warnings.push(Warning { what, advice: advice.to_owned() });
    };
    for check in manifest.checks.iter().filter(|check| !check.passed) {
        let what = format!("A check failed: {} ({}).", check.invariant, check.found);
        warn(what, "The tables can't be trusted. Please report it with the manifest of this run.");
    }
    let rows = manifest.rows;
    if ratio(rows.rejected, rows.read) >= REJECTED {
        let what = format!("{} of the rows read were rejected.", percent(rows.rejected, rows.read));
        warn(what, "Look at the reasons under Rows, and at the table tracklet_rejects.");
    }
    if ratio(rows.duplicates, rows.read) >= DUPLICATES {
        let what = format!("{} of the rows read were duplicates.", percent(rows.duplicates, rows.read));
        warn(what, "Some repetition is normal; this much often means that files were read twice.");
    }
    for text in &manifest.warnings {
        warn(format!("{}.", sentence(text)), "");
    }

    let dialect = tables.dialect();
    let tracks = dialect.table("dbt_track_facts");
    let condition = selection.condition(&dialect);
    let run_at = chrono::DateTime::parse_from_rfc3339(&manifest.created_at).ok();
    let late = run_at.map_or(i64::MAX, |at| at.timestamp_micros());
    let answer = tables.ask(&format!(
        "select cast(sum(case when {micros} > {late} then 1 else 0 end) as {integer}) as future_events, \
         cast(sum(case when event is null then 1 else 0 end) as {integer}) as nameless from {tracks} where {condition}",
        micros = dialect.micros("timestamp"),
        integer = dialect.integer(),
    ))?;
    if let Some(row) = answer.first() {
        let (future, nameless) = (row.count(0)?, row.count(1)?);
        if future > 0 {
            let what = format!("{future} events lie after the time of the run.");
            warn(
                what,
                "Clocks of devices can be wrong. Such events make sessions on days that are yet to come.",
            );
        }
        if ratio(nameless, totals.events) >= NAMELESS {
            let what = format!("{} of the events have no name.", percent(nameless, totals.events));
            warn(what, "Check the column that the configuration takes for event.");
        }
    }
    let answer = tables.ask(&format!(
        "select dbt_visitor_id, count(*) as events from {tracks} where {condition} \
         group by dbt_visitor_id order by events desc, dbt_visitor_id limit 1"
    ))?;
    if let Some(row) = answer.first() {
        let events = row.count(1)?;
        if totals.visitors >= MANY_VISITORS && ratio(events, totals.events) >= ONE_VISITOR {
            let visitor = row.word(0)?;
            let what =
                format!("One visitor, {visitor}, has {} of all events.", percent(events, totals.events));
            warn(what, "A test account, a bot, or an id that many share? `[source] where` can leave it out.");
        }
    }
    Ok(warnings)
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} % ({part} of {whole})", 100.0 * ratio(part, whole))
}

fn sentence(text: &str) -> String {
    let mut characters = text.trim_end_matches('.').chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
