//! `tracklet build`, and `tracklet run --target`

use super::test::{own_tests, tell_tests};
use super::warehouse::{ChosenTarget, WarehouseLines};
use crate::arguments::LogFormat;
use crate::arguments::{BuildArguments, RunArguments};
use crate::failure::Outcome;
use crate::logging::Log;
use crate::progress::Busy;
use crate::status::Status;
use std::io::Write as _;
use tracklet_config::RunMode;
use tracklet_display::numbers::{duration, grouped, size};
use tracklet_native::pipeline::Refresh;
use tracklet_warehouse::audit::DifferentDay;
use tracklet_warehouse::run::{BuildReport, Checks, build as make};
use tracklet_warehouse::{checks, compile};

/// `run` in a warehouse.
pub fn in_warehouse(arguments: &RunArguments, target: &str, log: &Log) -> Outcome {
    let mut place = ChosenTarget::new(
        Some(target),
        arguments.place.config.as_deref(),
        arguments.profiles_dir.as_deref(),
    )?;
    place.refresh = refresh(arguments.full_refresh);
    place.audit = arguments.audit;
    let warehouse = place.connect()?;
    let selection = Some(&arguments.selection);
    if arguments.dry_run {
        let (script, estimates) =
            place.work(&*warehouse, selection, async |job| compile::dry_run(job).await)??;
        std::io::stdout().lock().write_all(script.as_bytes())?;
        for estimate in estimates.iter().filter(|estimate| estimate.bytes.is_some()) {
            let bytes = size(estimate.bytes.unwrap_or_default());
            WarehouseLines(log).say(&format!("{}: {bytes} would be scanned", estimate.model));
        }
        return Ok(Status::Done);
    }
    let threads = arguments.threads.unwrap_or(place.target.threads);
    let _busy = Busy::new(log, "run");
    let report = place.work(&*warehouse, selection, async |job| {
        make(job, threads, Checks::Skip, &WarehouseLines(log)).await
    })??;
    tell(&report, place.target.names.schema(), log);
    Ok(Status::Done)
}

pub fn build(arguments: &BuildArguments, log: &Log) -> Outcome {
    let mut place = ChosenTarget::of(&arguments.target)?;
    place.refresh = refresh(arguments.full_refresh);
    place.audit = arguments.audit;
    let warehouse = place.connect()?;
    let threads = arguments.threads.unwrap_or(place.target.threads);
    let selection = Some(&arguments.selection);
    let lines = WarehouseLines(log);
    let own = own_tests(arguments.target.config.as_deref())?;
    let busy = Busy::new(log, "build");
    let (report, mut tests) = place.work(&*warehouse, selection, async |job| {
        let report = make(job, threads, Checks::Run, &lines).await?;
        tell(&report, place.target.names.schema(), log);
        let tests = checks::test(job, &own, threads, &lines).await?;
        Ok::<_, tracklet_warehouse::WarehouseError>((report, tests))
    })??;
    drop(busy);
    tests.results.extend(report.checks);
    Ok(tell_tests(&tests.results, &lines))
}

fn refresh(is_full: bool) -> Refresh {
    if is_full { Refresh::Full } else { Refresh::Incremental }
}

/// Reports the outcome of a run.
fn tell(report: &BuildReport, schema: &str, log: &Log) {
    let counts = report.accounting;
    if log.format == LogFormat::Json {
        tracing::info!(
            run = report.run_id,
            mode = report.mode.mode.name(),
            why = report.mode.to_string(),
            read = counts.rows_read,
            sessionized = counts.sessionized,
            evidence = counts.evidence,
            duplicates = counts.duplicates,
            rejected = counts.rejected,
            sessions = counts.sessions,
            visitors = counts.visitors,
            seconds = report.seconds,
            "run finished"
        );
    }
    let lines = WarehouseLines(log);
    match report.mode.mode {
        RunMode::Full | RunMode::Rebuild => lines.say(&format!("full run: {}", report.mode)),
        RunMode::Incremental if report.mode.rows == 0 => lines.say("incremental run: no new rows"),
        RunMode::Incremental | RunMode::Forget => lines.say(&format!("incremental run: {}", report.mode)),
    }
    if let Some(days) = &report.audited {
        tell_audit(days, &lines);
    }
    let number = |number: Option<u64>| number.map_or("?".to_owned(), grouped);
    if counts.rows_read.is_some() {
        let evidence = counts.evidence.filter(|evidence| *evidence > 0);
        lines.say(&format!(
            "{} rows: {} sessionized{}, {} duplicates, {} rejected",
            number(counts.rows_read),
            number(counts.sessionized),
            evidence.map_or_else(String::new, |evidence| format!(", {} evidence", grouped(evidence))),
            number(counts.duplicates),
            number(counts.rejected)
        ));
    }
    if counts.sessions.is_some() {
        lines.say(&format!(
            "{} sessions of {} visitors in `{schema}`, {}",
            number(counts.sessions),
            number(counts.visitors),
            duration(report.seconds)
        ));
    }
}

/// Tells on which days the source differed from what was seen.
fn tell_audit(days: &[DifferentDay], lines: &WarehouseLines<'_>) {
    if days.is_empty() {
        lines.say("audit: the source is what was made into sessions, on every day");
    }
    for day in days {
        tracing::debug!(
            day = day.received_on,
            source = day.rows_in_source,
            seen = day.rows_seen,
            "day differs"
        );
        let when = if day.received_on == "none" { "without received_at" } else { &day.received_on };
        let (source, seen) = (grouped(day.rows_in_source), grouped(day.rows_seen));
        let less = "; the tables keep rows that the source no longer has, --full-refresh drops them";
        let more = if day.rows_in_source < day.rows_seen { less } else { "" };
        lines.say(&format!(
            "audit: {when}: {source} rows in the source, {seen} had been seen: read again{more}"
        ));
    }
}
