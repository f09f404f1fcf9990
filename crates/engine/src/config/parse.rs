//! From the text of the file to a [`Config`].

use super::document::{Document, Entry, Section};
use super::duration::{self, DurationError};
use super::error::{ConfigError, Problem, TakenBy};
use super::{
    Columns, Config, EVENT_NAMES, FACT_COLUMNS, FORMATS, LONGEST_COLUMN, LONGEST_FLOW, MICROS_PER_MINUTE,
    Output, Source, minutes_in,
};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use tracklet_kernel::rules::{Count, Duplicates, Rules, Timeout};

pub(super) fn parse(text: &str, file: &Path) -> Result<Config, ConfigError> {
    let document = Document::new(text, file);
    let table = document.parse()?;
    let top = Section::top(document, &table)?;
    Ok(Config {
        source: source(&top.section("source")?)?,
        rules: rules(&top)?,
        output: output(&top.section("output")?)?,
        profile: top.get("profile").map(|entry| entry.text()).transpose()?,
        targets: super::targets::targets(&top.named_sections("targets")?)?,
    })
}

fn source(section: &Section<'_>) -> Result<Source, ConfigError> {
    let columns = section.section("source.columns")?;
    let column = |name: &str| columns.get(name).map(|entry| entry.text()).transpose();
    Ok(Source {
        paths: section.get("paths").map(|entry| entry.texts()).transpose()?.unwrap_or_default(),
        tables: section.get("tables").map(|entry| entry.texts()).transpose()?.unwrap_or_default(),
        format: section.get("format").map(|entry| entry.choice(&FORMATS)).transpose()?,
        filter: section.get("where").map(|entry| entry.text()).transpose()?,
        event_names: section
            .get("event_names")
            .map(|entry| entry.choice(&EVENT_NAMES))
            .transpose()?
            .unwrap_or_default(),
        columns: Columns {
            event_id: column("event_id")?,
            anonymous_id: column("anonymous_id")?,
            user_id: column("user_id")?,
            event: column("event")?,
            timestamp: column("timestamp")?,
            received_at: column("received_at")?,
        },
    })
}

fn rules(top: &Section<'_>) -> Result<Rules, ConfigError> {
    let default = Rules::default();
    let duplicates = match top.get("dedupe").map(|entry| entry.boolean()).transpose()? {
        None => default.duplicates,
        Some(true) => Duplicates::Drop,
        Some(false) => Duplicates::Keep,
    };
    let counts = top.section("counts")?;
    let flow = top.section("flow")?;
    Ok(Rules {
        timeout: timeout(&top.section("sessions")?)?,
        duplicates,
        counts: if counts.exists() { self::counts(&counts)? } else { default.counts },
        flow_length: match flow.get("length") {
            Some(entry) => entry.number(1, Some(LONGEST_FLOW))? as usize,
            None => default.flow_length,
        },
    })
}

#[derive(Clone, Copy)]
enum Boundary {
    WholeMinutes,
    Exact,
}

fn timeout(section: &Section<'_>) -> Result<Timeout, ConfigError> {
    const BOUNDARIES: [(&str, Boundary); 2] =
        [("whole_minutes", Boundary::WholeMinutes), ("exact", Boundary::Exact)];
    let boundary = match section.get("boundary") {
        Some(entry) => entry.choice(&BOUNDARIES)?,
        None => Boundary::WholeMinutes,
    };
    let Timeout::WholeMinutes(default) = Timeout::default() else {
        unreachable!("the reference project's timeout is in whole minutes")
    };
    let entry = section.get("timeout");
    let micros = match &entry {
        Some(entry) => timeout_micros(entry)?,
        None => default.saturating_mul(NonZeroU64::new(MICROS_PER_MINUTE).expect("a minute is not 0")),
    };
    Ok(match boundary {
        Boundary::Exact => Timeout::Exact(micros),
        Boundary::WholeMinutes => match (minutes_in(micros), &entry) {
            (Some(minutes), _) => Timeout::WholeMinutes(minutes),
            (None, Some(entry)) => return Err(entry.wrong(Problem::PartMinutes { value: entry.written() })),
            (None, None) => Timeout::WholeMinutes(default),
        },
    })
}

/// The timeout in microseconds, from a number of minutes or a text with units.
fn timeout_micros(entry: &Entry<'_>) -> Result<NonZeroU64, ConfigError> {
    let refuse = |value: &str, problem: DurationError| {
        entry.wrong(Problem::Timeout { value: value.to_owned(), problem })
    };
    let Some(text) = entry.as_text() else {
        let minutes = entry.number(1, Some(duration::LONGEST / MICROS_PER_MINUTE))?;
        return NonZeroU64::new(minutes * MICROS_PER_MINUTE).ok_or_else(|| refuse("0", DurationError::Zero));
    };
    let micros = duration::parse(text).map_err(|problem| refuse(text, problem))?;
    NonZeroU64::new(micros).ok_or_else(|| refuse(text, DurationError::Zero))
}

fn counts(section: &Section<'_>) -> Result<Vec<Count>, ConfigError> {
    let mut counts: Vec<Count> = Vec::new();
    for entry in section.entries() {
        let column = entry.key.clone();
        if !is_column(&column) {
            return Err(entry.wrong_key(Problem::BadColumn(column)));
        }
        let fixed =
            FACT_COLUMNS.into_iter().find(|fixed| fixed.eq_ignore_ascii_case(&column)).map(TakenBy::Table);
        let other = || counts.iter().find(|count| count.column.eq_ignore_ascii_case(&column));
        if let Some(other) = fixed.or_else(|| other().map(|count| TakenBy::Count(count.column.clone()))) {
            return Err(entry.wrong_key(Problem::TakenColumn { column, other }));
        }
        let events = entry.texts()?;
        if events.is_empty() {
            return Err(entry.wrong(Problem::CountsNothing(column)));
        }
        counts.push(Count { column, events });
    }
    Ok(counts)
}

/// Whether every warehouse takes the name for a column without quotes.
fn is_column(name: &str) -> bool {
    name.len() <= LONGEST_COLUMN
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn output(section: &Section<'_>) -> Result<Output, ConfigError> {
    let default = Output::default();
    let keep = section.get("keep").map(|entry| entry.number(1, None)).transpose()?;
    Ok(Output {
        dir: section.get("dir").map(|entry| entry.text()).transpose()?.map_or(default.dir, PathBuf::from),
        keep: keep.and_then(|keep| NonZeroUsize::new(keep as usize)).unwrap_or(default.keep),
    })
}
