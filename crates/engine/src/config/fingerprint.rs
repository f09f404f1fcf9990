//! The hash of what a configuration means.

use super::{Config, EVENT_NAMES};
use serde_json::{Value, json};
use tracklet_kernel::rules::{Duplicates, Timeout};

pub(super) fn fingerprint(config: &Config) -> String {
    blake3::hash(canonical(config).to_string().as_bytes()).to_hex().to_string()
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
    let event_names =
        EVENT_NAMES.iter().find(|(_, names)| *names == config.source.event_names).map(|(name, _)| *name);
    json!([
        ["boundary", boundary],
        ["timeout", timeout],
        ["dedupe", rules.duplicates == Duplicates::Drop],
        ["columns", columns],
        ["where", config.source.filter],
        ["event_names", event_names],
        ["counts", counts],
        ["flow", rules.flow_length],
    ])
}
