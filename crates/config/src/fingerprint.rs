//! The hash of what a configuration means.

use super::{ColumnSource, Config, CsvOptions, EVENT_NAMES, EventColumn, Quote, TIME_UNITS};
use crate::{RecordedColumn, RecordedSessionColumn};
use serde_json::{Value, json};
use tracklet_kernel::event_name::EventNames;
use tracklet_kernel::event_type::{EventType, EventTypes};
use tracklet_kernel::ignored_ids::IgnoredIds;
use tracklet_kernel::registry::CarriedSpec;
use tracklet_kernel::rules::{Duplicates, Timeout};

pub(super) fn fingerprint(config: &Config) -> String {
    hash(&canonical(config))
}

/// The part of it that changes what is read from a file.
pub(super) fn source_fingerprint(config: &Config) -> String {
    let Value::Array(all) = canonical(config) else { unreachable!("it is made as an array") };
    let of_source = all.into_iter().filter(|entry| {
        [
            "columns",
            "where",
            "event_names",
            "time_unit",
            "csv",
            "types",
            "evidence",
            "event_columns",
            "ignore",
        ]
        .iter()
        .any(|name| entry[0].as_str() == Some(name))
    });
    hash(&of_source.collect())
}

fn hash(canonical: &Value) -> String {
    blake3::hash(canonical.to_string().as_bytes()).to_hex().to_string()
}

/// Everything that changes the tables, as JSON with the keys in this order. A change of this rendering changes
/// every fingerprint, and with it what earlier manifests can be compared with.
fn canonical(config: &Config) -> Value {
    let rules = &config.rules;
    let (boundary, timeout) = match rules.timeout {
        Timeout::WholeMinutes(minutes) => ("whole_minutes", minutes),
        Timeout::Exact(micros) => ("exact", micros),
    };
    let columns: Vec<Value> = config
        .source
        .columns
        .mapped()
        .into_iter()
        .filter_map(|(canonical, own)| Some(json!([canonical, own?.to_lowercase()])))
        .collect();
    let counts: Vec<Value> = rules
        .counts
        .iter()
        .map(|count| {
            let mut events = count.events.clone();
            events.sort_unstable();
            events.dedup();
            json!([count.column, events])
        })
        .collect();
    // Conventions whose spelling was corrected have a number, so that names of before are read again.
    let event_names = match config.source.event_names {
        EventNames::RudderStackDivided => Some("rudderstack_divided 2"),
        EventNames::Segment => Some("segment 2"),
        other => EVENT_NAMES.iter().find(|(_, names)| *names == other).map(|(name, _)| *name),
    };
    let time_unit =
        TIME_UNITS.iter().find(|(_, unit)| Some(*unit) == config.source.time_unit).map(|(name, _)| *name);
    let ignored = IgnoredIds::new(&config.identity.ignore);
    let mut canonical = vec![
        json!(["boundary", boundary]),
        json!(["timeout", timeout]),
        json!(["dedupe", rules.duplicates != Duplicates::Keep]),
        json!(["columns", columns]),
        json!(["where", config.source.filter]),
        json!(["event_names", event_names]),
        json!(["counts", counts]),
        json!(["flow", rules.flow_length]),
    ];
    // Keys that came later stand in it only where they are set, so that tables made without them are not rebuilt.
    canonical.extend(time_unit.map(|unit| json!(["time_unit", unit])));
    canonical.extend(csv(&config.source.csv));
    canonical.extend(types(config.source.types));
    canonical.extend(evidence(config.identity.evidence));
    canonical.extend(event_columns(&config.columns));
    canonical.extend(carried(&rules.carried));
    if !rules.session_columns.is_empty() {
        let columns: Vec<RecordedSessionColumn> =
            rules.session_columns.iter().map(RecordedSessionColumn::from).collect();
        canonical.push(json!(["session_columns", columns]));
    }
    if !rules.left_out.is_empty() {
        let names: Vec<&str> = rules.left_out.iter().map(|table| table.name()).collect();
        canonical.push(json!(["left_out", names]));
    }
    if ignored != IgnoredIds::default() {
        canonical.push(json!(["ignore", ignored.rule()]));
    }
    Value::Array(canonical)
}

/// The types of calls whose rows are events, unless those are tracks alone.
fn types(types: EventTypes) -> Option<Value> {
    let names: Vec<&str> = types.iter().map(EventType::name).collect();
    (types != EventTypes::default()).then(|| json!(["types", names]))
}

/// The types of calls that are evidence, where some are.
fn evidence(types: EventTypes) -> Option<Value> {
    let names: Vec<&str> = types.iter().map(EventType::name).collect();
    (!types.is_empty()).then(|| json!(["evidence", names]))
}

/// What the columns of events are read from, in their order.
fn event_columns(columns: &[EventColumn]) -> Option<Value> {
    let column = |column: &EventColumn| {
        let source =
            |source: &ColumnSource| json!([source.name.to_lowercase(), source.of.map(EventType::name)]);
        let sources = |sources: &[ColumnSource]| -> Vec<Value> { sources.iter().map(source).collect() };
        let recorded = RecordedColumn::from(&column.spec);
        if let Some(from) = &column.derived {
            let function = json!([from.function.name(), from.function.version()]);
            let of = [sources(&from.of), sources(&from.os_name)];
            return json!([column.spec.name, recorded, function, of, from.no_value]);
        }
        json!([column.spec.name, recorded, sources(&column.sources), column.spec.no_value])
    };
    let columns: Vec<Value> = columns.iter().map(column).collect();
    (!columns.is_empty()).then(|| json!(["event_columns", columns]))
}

/// The columns that tracks carry, in their order.
fn carried(carried: &[CarriedSpec]) -> Option<Value> {
    let columns: Vec<RecordedColumn> = carried.iter().map(RecordedColumn::from).collect();
    (!columns.is_empty()).then(|| json!(["carried", columns]))
}

/// What differs from the defaults of `[source.csv]`.
fn csv(options: &CsvOptions) -> Option<Value> {
    let default = CsvOptions::default();
    if *options == default {
        return None;
    }
    let quote = match options.quote {
        Quote::Found => json!(null),
        Quote::None => json!("none"),
        Quote::Byte(quote) => json!(quote),
    };
    let mut null = options.null.clone();
    null.sort_unstable();
    null.dedup();
    let mut usual = default.null;
    usual.sort_unstable();
    let markers = (null != usual).then_some(null);
    Some(json!(["csv", options.header, options.columns, options.delimiter, quote, markers]))
}
