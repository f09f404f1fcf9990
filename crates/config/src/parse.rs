//! From the text of the file to a [`Config`].

use super::document::{Document, Entry, Section};
use super::duration::{self, DurationError};
use super::error::{ConfigError, Problem, TakenBy};
use super::{
    BOUNDARIES, Boundary, Columns, Config, CsvOptions, EVENT_NAMES, FACT_COLUMNS, FORMATS, IGNORED, Identity,
    LONGEST_COLUMN, LONGEST_FLOW, LONGEST_OVERLAP, LONGEST_TIMEOUT, MICROS_PER_MINUTE, Output, Quote, Source,
    TIME_UNITS, minutes_in,
};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use tracklet_kernel::ignored_ids::Ignore;
use tracklet_kernel::rules::{Count, Duplicates, Rules, Timeout};

/// The configuration, and all that is wrong with it: the default stands for what is.
pub(super) fn parse(text: &str, file: &Path) -> (Config, Vec<ConfigError>) {
    let document = Document::new(text, file);
    let table = match document.parse() {
        Ok(table) => table,
        Err(error) => return (Config::default(), vec![error]),
    };
    let config = {
        let top = Section::top(&document, &table);
        Config {
            source: source(&top.section("source")),
            identity: identity(&top.section("identity")),
            rules: rules(&top),
            output: output(&top.section("output")),
            profile: top.read("profile", Entry::text),
            targets: super::targets::targets(&top.named_sections("targets")),
        }
    };
    drop(table);
    (config, document.into_found())
}

fn source(section: &Section<'_>) -> Source {
    let columns = section.section("source.columns");
    let column = |name: &str| columns.read(name, Entry::text);
    Source {
        paths: section.read("paths", Entry::texts).unwrap_or_default(),
        tables: section.read("tables", Entry::texts).unwrap_or_default(),
        format: section.read("format", |entry| entry.choice(&FORMATS)),
        filter: section.read("where", Entry::text),
        loaded_at: section.read("loaded_at", Entry::text),
        partition_time: section.read("partition_time", one_column),
        overlap: section.read("overlap", |entry| micros(entry, LONGEST_OVERLAP)),
        event_names: section.read("event_names", |entry| entry.choice(&EVENT_NAMES)).unwrap_or_default(),
        time_unit: section.read("time_unit", |entry| entry.choice(&TIME_UNITS)),
        csv: csv(&section.section("source.csv")),
        columns: Columns {
            event_id: column("event_id"),
            anonymous_id: column("anonymous_id"),
            user_id: column("user_id"),
            event: column("event"),
            timestamp: column("timestamp"),
            received_at: column("received_at"),
        },
    }
}

fn csv(section: &Section<'_>) -> CsvOptions {
    let default = CsvOptions::default();
    let columns = section.read("columns", Entry::texts);
    let header = section.read("header", Entry::boolean);
    if header == Some(false) && columns.is_none() {
        section.read("header", |entry| -> Result<(), ConfigError> { Err(entry.wrong(Problem::NoColumns)) });
    }
    CsvOptions {
        null: section.read("null", Entry::any_texts).unwrap_or(default.null),
        delimiter: section.read("delimiter", |entry| {
            let text = entry.text()?;
            one_byte(&text)
                .ok_or_else(|| entry.wrong(Problem::NoCharacter { key: entry.path.clone(), value: text }))
        }),
        quote: section.read("quote", quote).unwrap_or_default(),
        header: header.unwrap_or(columns.is_none()),
        columns,
    }
}

fn quote(entry: &Entry<'_>) -> Result<Quote, ConfigError> {
    let text = entry.text()?;
    match one_byte(&text) {
        Some(quote) => Ok(Quote::Byte(quote)),
        None if text == "none" => Ok(Quote::None),
        None => Err(entry.wrong(Problem::NoCharacter { key: entry.path.clone(), value: text })),
    }
}

/// The name of one column, and no other SQL.
fn one_column(entry: &Entry<'_>) -> Result<String, ConfigError> {
    let name = entry.text()?;
    if is_identifier(&name) {
        return Ok(name);
    }
    Err(entry.wrong(Problem::NotOneColumn { key: entry.path.clone(), value: name }))
}

/// The only byte of a text; line ends can't tell fields apart.
fn one_byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Some(*byte),
        _ => None,
    }
}

fn identity(section: &Section<'_>) -> Identity {
    let ignore = section.read("ignore", |entry| match entry.as_text() {
        Some(_) => Ok(Ignore::of([entry.choice(&IGNORED)?])),
        None => Ok(Ignore::of(entry.texts()?)),
    });
    Identity { ignore: ignore.unwrap_or_default() }
}

fn rules(top: &Section<'_>) -> Rules {
    let default = Rules::default();
    let duplicates = match top.read("dedupe", Entry::boolean) {
        None => default.duplicates,
        Some(true) => Duplicates::Drop,
        Some(false) => Duplicates::Keep,
    };
    let counts = top.section("counts");
    let length = top.section("flow").read("length", |entry| entry.number(1, Some(LONGEST_FLOW)));
    Rules {
        timeout: timeout(&top.section("sessions")),
        duplicates,
        counts: if counts.exists() { self::counts(&counts) } else { default.counts },
        flow_length: length.map_or(default.flow_length, |length| length as usize),
        carried: default.carried,
    }
}

fn timeout(section: &Section<'_>) -> Timeout {
    let boundary = match section.get("boundary") {
        Some(entry) => section.kept(entry.choice(&BOUNDARIES)),
        None => Some(Boundary::WholeMinutes),
    };
    let Some(micros) = section.read("timeout", |entry| micros(entry, LONGEST_TIMEOUT)) else {
        let Timeout::WholeMinutes(default) = Timeout::default() else {
            unreachable!("the reference project's timeout is in whole minutes")
        };
        let minute = NonZeroU64::new(MICROS_PER_MINUTE).expect("a minute is not 0");
        return match boundary {
            Some(Boundary::Exact) => Timeout::Exact(default.saturating_mul(minute)),
            _ => Timeout::WholeMinutes(default),
        };
    };
    match (boundary, minutes_in(micros)) {
        (Some(Boundary::WholeMinutes), Some(minutes)) => Timeout::WholeMinutes(minutes),
        (Some(Boundary::WholeMinutes), None) => {
            section.read("timeout", |entry| -> Result<(), ConfigError> {
                Err(entry.wrong(Problem::PartMinutes { value: entry.written() }))
            });
            Timeout::Exact(micros)
        }
        // Which boundary was meant is not known when it is wrong.
        _ => Timeout::Exact(micros),
    }
}

/// A duration in microseconds, from a number of minutes or a text with units.
fn micros(entry: &Entry<'_>, longest_minutes: u64) -> Result<NonZeroU64, ConfigError> {
    let refuse = |value: &str, problem: DurationError| {
        entry.wrong(Problem::Duration { key: entry.path.clone(), value: value.to_owned(), problem })
    };
    let Some(text) = entry.as_text() else {
        let minutes = entry.number(1, Some(longest_minutes))?;
        return NonZeroU64::new(minutes * MICROS_PER_MINUTE).ok_or_else(|| refuse("0", DurationError::Zero));
    };
    let micros = duration::parse(text).map_err(|problem| refuse(text, problem))?;
    if micros / MICROS_PER_MINUTE > longest_minutes {
        return Err(refuse(text, DurationError::TooLong));
    }
    NonZeroU64::new(micros).ok_or_else(|| refuse(text, DurationError::Zero))
}

fn counts(section: &Section<'_>) -> Vec<Count> {
    let mut counts: Vec<Count> = Vec::new();
    for entry in section.entries() {
        if let Some(count) = section.kept(count(&entry, &counts)) {
            counts.push(count);
        }
    }
    counts
}

fn count(entry: &Entry<'_>, before: &[Count]) -> Result<Count, ConfigError> {
    let column = entry.key.clone();
    if !is_column(&column) {
        return Err(entry.wrong_key(Problem::BadColumn(column)));
    }
    let fixed =
        FACT_COLUMNS.into_iter().find(|fixed| fixed.eq_ignore_ascii_case(&column)).map(TakenBy::Table);
    let other = || before.iter().find(|count| count.column.eq_ignore_ascii_case(&column));
    if let Some(other) = fixed.or_else(|| other().map(|count| TakenBy::Count(count.column.clone()))) {
        return Err(entry.wrong_key(Problem::TakenColumn { column, other }));
    }
    let events = entry.texts()?;
    if events.is_empty() {
        return Err(entry.wrong(Problem::CountsNothing(column)));
    }
    Ok(Count { column, events })
}

/// Whether every warehouse takes the name for a column without quotes.
fn is_column(name: &str) -> bool {
    name.len() <= LONGEST_COLUMN && is_identifier(name)
}

/// Whether a text is a name that needs no quotes in SQL.
fn is_identifier(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn output(section: &Section<'_>) -> Output {
    let default = Output::default();
    let keep = section.read("keep", |entry| entry.number(1, None));
    Output {
        dir: section.read("dir", Entry::text).map_or(default.dir, PathBuf::from),
        keep: keep.and_then(|keep| NonZeroUsize::new(keep as usize)).unwrap_or(default.keep),
    }
}
