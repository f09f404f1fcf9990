//! The curve of `tune` against the definition: for every timeout, at both boundaries, all sessions cut again.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use std::fmt::Write;
use std::num::{NonZeroU64, NonZeroUsize};
use tempfile::TempDir;
use tracklet_analysis::Queries;
use tracklet_analysis::figures::{MOST_MINUTES, Selection};
use tracklet_analysis::tune::Tuning;
use tracklet_config::Config;
use tracklet_kernel::ignored_ids::Ignore;
use tracklet_kernel::oracle::{self, OracleRow, OracleTable, Value};
use tracklet_kernel::rules::{MICROS_PER_MINUTE, Rules, Timeout};
use tracklet_native::manifest::RecordedRules;
use tracklet_native::observer::Silent;
use tracklet_native::pipeline::{RunRequest, run};
use tracklet_native::read::Strictness;

/// 2026-12-31T20:00:00Z: the histories cross into another part.
const START: i64 = 1_798_747_200_000_000;

/// An event of a history: its visitor, the gap to the event before, its name.
type Event = (&'static str, i64, &'static str);

fn event() -> impl Strategy<Value = Event> {
    let minutes = prop_oneof![
        3 => 0..4_i64,
        3 => select(vec![1_i64, 2, 29, 30, 31, 89, 90, 239, 240, 241, 242]),
        1 => 0..260_i64,
        1 => Just(100_000_i64),
    ];
    let beside = select(vec![-1_i64, 0, 0, 0, 1, 30_000_000]);
    let gap = (minutes, beside).prop_map(|(minutes, beside)| (minutes * MICROS_PER_MINUTE + beside).max(0));
    (select(vec!["ann", "bob", "\u{e9}ve"]), gap, select(vec!["opened", "viewed", "it's"]))
}

fn rows(events: &[Event]) -> Vec<OracleRow> {
    let mut times = std::collections::HashMap::new();
    let rows = (0..).zip(events).map(|(number, (visitor, gap, event))| {
        let time = times.entry(*visitor).or_insert(START);
        *time += gap;
        OracleRow {
            // The reverse of the order of arrival, so that the id decides ties.
            event_id: Some(format!("m{:03}", 900 - number)),
            anonymous_id: Some((*visitor).to_owned()),
            event: Some((*event).to_owned()),
            timestamp: Some(*time),
            ..OracleRow::default()
        }
    });
    rows.collect()
}

/// The tables of a run over `rows`.
fn published(rows: &[OracleRow], timeout: Timeout) -> (TempDir, Queries) {
    let folder = TempDir::new().unwrap();
    let mut csv = String::from("id,anonymous_id,event,timestamp\n");
    for row in rows {
        let time = chrono::DateTime::from_timestamp_micros(row.timestamp.unwrap()).unwrap();
        let [id, device, event] =
            [&row.event_id, &row.anonymous_id, &row.event].map(|text| text.as_ref().unwrap());
        let time = time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        writeln!(csv, "{id},{device},{event},{time}").unwrap();
    }
    std::fs::write(folder.path().join("tracks.csv"), csv).unwrap();
    let mut config = Config::default();
    config.rules.timeout = timeout;
    let output = folder.path().join("out");
    let mut request = RunRequest::new(config);
    request.output.clone_from(&output);
    request.paths = vec![folder.path().join("tracks.csv").display().to_string()];
    request.strictness = Strictness::Strict;
    request.threads = NonZeroUsize::new(1);
    run(&request, &Silent).unwrap();
    (folder, Queries::open(&output).unwrap())
}

/// Sessions that open with one of the events (any, for `None`), and those of one event.
fn sessions(facts: &OracleTable, event: Option<&str>) -> (u64, u64) {
    let column = |name: &str| facts.columns.iter().position(|column| column == name).unwrap();
    let (number, name) = (column("track_sequence_number"), column("event"));
    let opens = |row: &Vec<Value>| row[number] == Value::Integer(1);
    let (mut all, mut single) = (0, 0);
    for (place, row) in facts.rows.iter().enumerate() {
        let meant = event.is_none_or(|event| row[name] == Value::Text(event.to_owned()));
        if opens(row) && meant {
            all += 1;
            single += u64::from(facts.rows.get(place + 1).is_none_or(opens));
        }
    }
    (all, single)
}

fn compare(events: &[Event], timeouts: [Timeout; 2]) -> Result<(), TestCaseError> {
    let rows = rows(events);
    for timeout in timeouts {
        let (_folder, results) = published(&rows, timeout);
        let recorded = RecordedRules::from(&Rules { timeout, ..Rules::default() });
        let definition = |timeout| {
            let rules = Rules { timeout, ..Rules::default() };
            oracle::tables(&rows, &Ignore::default(), &rules).remove("dbt_track_facts").unwrap()
        };
        let named = |event| Tuning::of(&results, &recorded, &Selection::default(), event).unwrap();
        let tunings = [None, Some("opened"), Some("it's"), Some("never")].map(named);
        for minutes in 1..=MOST_MINUTES as u64 {
            let looked_at = match timeout {
                Timeout::WholeMinutes(_) => Timeout::WholeMinutes(NonZeroU64::new(minutes).unwrap()),
                Timeout::Exact(_) => {
                    Timeout::Exact(NonZeroU64::new(minutes * MICROS_PER_MINUTE as u64).unwrap())
                }
            };
            let facts = definition(looked_at);
            for tuning in &tunings {
                let point = tuning.curve[minutes as usize - 1];
                let found = (point.sessions, point.one_event_sessions);
                let event = tuning.event.as_deref();
                prop_assert_eq!(found, sessions(&facts, event), "{:?} {:?}", looked_at, event);
            }
        }
        let facts = definition(timeout);
        for tuning in &tunings {
            prop_assert_eq!(tuning.configured.sessions, sessions(&facts, tuning.event.as_deref()).0);
        }
        prop_assert_eq!(tunings[0].events, events.len() as u64);
        let gaps: u64 = tunings[0].gaps.iter().sum();
        let visitors: std::collections::BTreeSet<_> = events.iter().map(|event| event.0).collect();
        prop_assert_eq!(gaps, (events.len() - visitors.len()) as u64);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn every_timeout_gives_what_the_definition_gives(events in vec(event(), 1..60)) {
        let whole = Timeout::WholeMinutes(NonZeroU64::new(30).unwrap());
        let part = Timeout::Exact(NonZeroU64::new(90_000_000).unwrap());
        compare(&events, [whole, part])?;
    }
}
