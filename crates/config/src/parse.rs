//! From the text of the file to a [`Config`].

use super::derived;
use super::document::{Document, Entry, Section};
use super::duration::{self, DurationError};
use super::error::{ConfigError, Problem, TakenBy};
use super::event_columns::{self, DerivedFrom};
use super::function::{FUNCTIONS, Function, OS_NAME};
use super::session_columns;
use super::{
    BOUNDARIES, Boundary, COLUMNS_BESIDE_EVENTS, ColumnSource, Columns, Config, CsvOptions, EVENT_NAMES,
    EventColumn, FACT_COLUMNS, FORMATS, IGNORED, Identity, LONGEST_FLOW, LONGEST_OVERLAP, LONGEST_TIMEOUT,
    MICROS_PER_MINUTE, Output, PRESETS, Preset, Quote, Source, TABLES, TABLES_OF_EVENTS, TIME_UNITS, TYPES,
    columns_of, is_column, is_identifier, minutes_in,
};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use tracklet_kernel::event_type::{EventType, EventTypes};
use tracklet_kernel::ignored_ids::Ignore;
use tracklet_kernel::registry::{CarriedSpec, CarriedType};
use tracklet_kernel::rules::{Count, Duplicates, Rules, Timeout};
use tracklet_kernel::tables::Table;

/// The configuration, and all that is wrong with it: the default stands for what is.
pub(super) fn parse(text: &str, file: &Path) -> (Config, Vec<ConfigError>) {
    let document = Document::new(text, file);
    let table = match document.parse() {
        Ok(table) => table,
        Err(error) => return (Config::default(), vec![error]),
    };
    let config = {
        let top = Section::top(&document, &table);
        let source = source(&top.section("source"));
        let of_events = top.section("columns");
        let mut columns = columns(&of_events);
        let inputs = derived::resolve(&mut columns);
        let output = output(&top.section("output"));
        let mut rules = rules(&top);
        if source.columns.ids_from_rows() {
            rules.duplicates = Duplicates::Number;
        }
        let identity = identity(&top.section("identity"), &source);
        rules.evidence = identity.evidence;
        rules.events = source.types != EventTypes::default()
            || of_events.exists()
            || !rules.evidence.is_empty()
            || top.section("session").exists()
            || output.names_events();
        if let Some(written) = &output.tables {
            rules.left_out = Table::all(&rules).filter(|table| !written.contains(table)).collect();
        }
        if rules.events {
            let of_columns = columns.iter().map(|column| column.spec.clone());
            rules.carried = std::iter::once(CarriedSpec::event_type()).chain(of_columns).collect();
        }
        rules.session_columns =
            session_columns::columns(&top.section("session").section("session.columns"), &rules);
        let config = Config {
            source,
            columns,
            inputs,
            identity,
            rules,
            output,
            profile: top.read("profile", Entry::text),
            targets: super::targets::targets(&top.named_sections("targets")),
        };
        if let Some(asked_by) = config.events_asked_by() {
            check_beside_events(&top, &config.rules, asked_by);
        }
        config
    };
    drop(table);
    (config, document.into_found())
}

fn source(section: &Section<'_>) -> Source {
    let columns = section.section("source.columns");
    let tables_of = section.section("source.tables_of");
    let column = |name: &str| columns.read(name, Entry::text);
    Source {
        paths: section.read("paths", Entry::texts).unwrap_or_default(),
        types: section.read("types", types).unwrap_or_default(),
        tables: section.read("tables", Entry::texts).unwrap_or_default(),
        tables_of: TYPES
            .into_iter()
            .filter(|(_, of)| *of != EventType::Track)
            .filter_map(|(name, of)| Some((of, tables_of.read(name, Entry::texts)?)))
            .filter(|(_, tables)| !tables.is_empty())
            .collect(),
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

fn types(entry: &Entry<'_>) -> Result<EventTypes, ConfigError> {
    let types = entry.choices(&TYPES)?;
    if types.is_empty() { Err(entry.wrong(Problem::NoTypes)) } else { Ok(types.into_iter().collect()) }
}

/// What can't stand beside tables of events and sessions: rows of one event id that are events each, and counts that are called as
/// columns which are made with them.
fn check_beside_events(top: &Section<'_>, rules: &Rules, asked_by: &'static str) {
    let counts = top.section("counts");
    for count in &rules.counts {
        let mut tables = [Table::Sessions, Table::SessionDuration].into_iter();
        let Some(other) = tables.find_map(|table| taken_by(&count.column, table)) else { continue };
        counts.read(&count.column, |entry| -> Result<(), ConfigError> {
            let column = count.column.clone();
            Err(entry.wrong_key(Problem::TakenColumn { section: "counts", column, other }))
        });
    }
    if rules.duplicates == Duplicates::Keep {
        top.read("dedupe", |entry| -> Result<(), ConfigError> {
            Err(entry.wrong(Problem::NoSessionKey { asked_by }))
        });
    }
}

/// The column of a table that has this name, if one does.
fn taken_by(name: &str, table: Table) -> Option<TakenBy> {
    let column = columns_of(table).into_iter().find(|column| column.eq_ignore_ascii_case(name))?;
    Some(TakenBy::Table(column, table.name()))
}

/// The columns of the preset, each where the file does not define it itself, and then the file's own.
fn columns(section: &Section<'_>) -> Vec<EventColumn> {
    let preset = section.read("preset", |entry| entry.choice(&PRESETS));
    let mut columns = preset.map(Preset::columns).unwrap_or_default();
    let of_preset = columns.len();
    for entry in section.entries().into_iter().filter(|entry| entry.key != "preset") {
        let Some(column) = section.kept(event_column(&entry, &columns[of_preset..])) else { continue };
        let is_it = |other: &&mut EventColumn| other.spec.name.eq_ignore_ascii_case(&column.spec.name);
        match columns[..of_preset].iter_mut().find(is_it) {
            Some(replaced) => *replaced = column,
            None => columns.push(column),
        }
    }
    event_columns::follow(&mut columns);
    columns
}

fn event_column(entry: &Entry<'_>, before: &[EventColumn]) -> Result<EventColumn, ConfigError> {
    const SECTION: &str = "columns";
    let name = entry.key.clone();
    if name.eq_ignore_ascii_case("preset") {
        return Err(entry.wrong_key(Problem::UnknownKey { section: SECTION.to_owned(), key: name }));
    }
    if !is_column(&name) {
        return Err(entry.wrong_key(Problem::BadColumn { section: SECTION, column: name }));
    }
    let is_it = |other: &&str| other.eq_ignore_ascii_case(&name);
    let of_tables = TABLES_OF_EVENTS.into_iter().find_map(|table| taken_by(&name, table));
    let of_others = || {
        let (column, of) = COLUMNS_BESIDE_EVENTS.into_iter().find(|(column, _)| is_it(column))?;
        Some(TakenBy::Table(column.to_owned(), of))
    };
    let of_flow = || is_of_flow(&name).then(|| TakenBy::Table(name.clone(), Table::TracksFlow.name()));
    let fixed = of_tables.or_else(of_others).or_else(of_flow);
    let other = || before.iter().find(|other| is_it(&other.spec.name.as_str()));
    if let Some(other) = fixed.or_else(|| other().map(|other| TakenBy::Other(other.spec.name.clone()))) {
        return Err(entry.wrong_key(Problem::TakenColumn { section: SECTION, column: name, other }));
    }
    let sources = |inner: &Entry<'_>| -> Result<Vec<ColumnSource>, ConfigError> {
        let names = inner.texts()?;
        if names.is_empty() {
            return Err(inner.wrong(Problem::ReadsNothing(name.clone())));
        }
        Ok(names.iter().map(|name| ColumnSource::new(name)).collect())
    };
    let (carried_type, sources) = match (entry.only("number"), entry.is_table()) {
        (Some(inner), _) => (CarriedType::Number, sources(&inner)?),
        (None, true) => return Ok(EventColumn::derived(&name, derived_from(entry, sources)?)),
        (None, false) => (CarriedType::Text, sources(entry)?),
    };
    let spec = CarriedSpec::new(&name, carried_type);
    Ok(EventColumn { spec, sources, derived: None, is_of_preset: false, read_for: None })
}

/// What a table says a column is derived from: a function, and for some the name of the operating system.
fn derived_from(
    entry: &Entry<'_>,
    sources: impl Fn(&Entry<'_>) -> Result<Vec<ColumnSource>, ConfigError>,
) -> Result<DerivedFrom, ConfigError> {
    let function = |field: &Entry<'_>| {
        FUNCTIONS.iter().find(|(name, _)| *name == field.key).map(|(_, function)| *function)
    };
    let fields = entry.fields();
    let found: Vec<(&Entry<'_>, Function)> =
        fields.iter().filter_map(|field| Some((field, function(field)?))).collect();
    let os_name = fields.iter().find(|field| field.key == OS_NAME);
    match found[..] {
        [(of, function)]
            if fields.len() == 1 + usize::from(os_name.is_some())
                && (os_name.is_none() || function.takes_os_name()) =>
        {
            Ok(DerivedFrom::new(function, sources(of)?, os_name.map_or_else(|| Ok(Vec::new()), sources)?))
        }
        _ => Err(entry.wrong_type_of(
            "a column's name, a list of names, or one of `{ number = ... }`, `{ host = ... }`, `{ is_bot = ... }`, \
             `{ browser = ... }`, `{ os = ..., os_name = ... }` and `{ device_category = ..., os_name = ... }`",
        )),
    }
}

fn csv(section: &Section<'_>) -> CsvOptions {
    let default = CsvOptions::default();
    let columns = section.read("columns", Entry::texts);
    let header = section.read("header", Entry::boolean);
    if header == Some(false) && columns.is_none() {
        section.read("header", |entry| -> Result<(), ConfigError> { Err(entry.wrong(Problem::NoColumns)) });
    }
    if columns.as_ref().is_some_and(Vec::is_empty) {
        section.read("columns", |entry| -> Result<(), ConfigError> { Err(entry.wrong(Problem::NoColumns)) });
    }
    let is_quoted =
        section.read("quote", |entry| Ok::<_, ConfigError>(entry.as_text().map(str::to_owned))).is_some();
    let delimiter = section.read("delimiter", |entry| {
        let text = entry.text()?;
        match one_byte(&text) {
            Some(b'"') if !is_quoted => Err(entry.wrong(Problem::SameCharacter)),
            Some(delimiter) => Ok(delimiter),
            None => Err(entry.wrong(Problem::NoCharacter { key: entry.path.clone(), value: text })),
        }
    });
    let quote = section.read("quote", |entry| match quote(entry)? {
        Quote::Byte(quote) if Some(quote) == delimiter => Err(entry.wrong(Problem::SameCharacter)),
        quote => Ok(quote),
    });
    CsvOptions {
        null: section.read("null", Entry::any_texts).unwrap_or(default.null),
        delimiter,
        quote: quote.unwrap_or_default(),
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

fn identity(section: &Section<'_>, source: &Source) -> Identity {
    let ignore = section.read("ignore", |entry| match entry.as_text() {
        Some(_) => Ok(Ignore::of([entry.choice(&IGNORED)?])),
        None => Ok(Ignore::of(entry.texts()?)),
    });
    let evidence = section.read("evidence", |entry| {
        let evidence: EventTypes = entry.choices(&TYPES)?.into_iter().collect();
        match evidence.iter().find(|event_type| source.types.contains(*event_type)) {
            Some(both) => Err(entry.wrong(Problem::EvidenceIsEvent { event_type: both.name() })),
            None if source.columns.ids_from_rows() && !evidence.is_empty() => {
                Err(entry.wrong(Problem::EvidenceOfRows))
            }
            None => Ok(evidence),
        }
    });
    Identity { ignore: ignore.unwrap_or_default(), evidence: evidence.unwrap_or(EventTypes::NONE) }
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
        events: default.events,
        evidence: default.evidence,
        session_columns: default.session_columns,
        left_out: default.left_out,
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
    const SECTION: &str = "counts";
    let column = entry.key.clone();
    if !is_column(&column) {
        return Err(entry.wrong_key(Problem::BadColumn { section: SECTION, column }));
    }
    let fixed = FACT_COLUMNS.into_iter().find(|fixed| fixed.eq_ignore_ascii_case(&column));
    let fixed = fixed.map(|fixed| TakenBy::Table(fixed.to_owned(), "dbt_session_track_facts"));
    let other = || before.iter().find(|count| count.column.eq_ignore_ascii_case(&column));
    if let Some(other) = fixed.or_else(|| other().map(|count| TakenBy::Other(count.column.clone()))) {
        return Err(entry.wrong_key(Problem::TakenColumn { section: SECTION, column, other }));
    }
    let events = entry.texts()?;
    if events.is_empty() {
        return Err(entry.wrong(Problem::CountsNothing(column)));
    }
    Ok(Count { column, events })
}

/// Whether a flow of some length has a column of this name: `event_2`, `event_3`, ...
fn is_of_flow(name: &str) -> bool {
    let number = name.to_ascii_lowercase().strip_prefix("event_").map(str::to_owned);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn output(section: &Section<'_>) -> Output {
    let default = Output::default();
    let keep = section.read("keep", |entry| entry.number(1, None));
    Output {
        dir: section.read("dir", Entry::text).map_or(default.dir, PathBuf::from),
        keep: keep.and_then(|keep| NonZeroUsize::new(keep as usize)).unwrap_or(default.keep),
        tables: section.read("tables", |entry| {
            let tables = entry.choices(&TABLES)?;
            if tables.is_empty() {
                Err(entry.wrong(Problem::NoTables))
            } else {
                Ok(tables.into_iter().collect())
            }
        }),
    }
}
