//! Random histories, cut into random runs.

use super::history::{DAY, File, MINUTE, START, World, assert_is_rebuilt};
use crate::write::Layout;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::collections::BTreeSet;
use std::iter;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use tracklet_config::RunMode;
use tracklet_kernel::derived::{Derived, DerivedInput, Reading, WordRule};
use tracklet_kernel::event_type::{EventType, EventTypes};
use tracklet_kernel::oracle::{OracleRow, Value, every_session_column};
use tracklet_kernel::registry::{CarriedSpec, CarriedType};
use tracklet_kernel::rules::{Duplicates, Rules, Timeout};
use tracklet_kernel::tables::Table;

/// How many histories are tried; more with this variable.
const HISTORIES: u32 = 200;
const HISTORIES_VARIABLE: &str = "TRACKLET_HISTORIES";

/// The invented columns of the rows.
pub(super) fn carried_columns() -> [CarriedSpec; 2] {
    [CarriedSpec::new("plan", CarriedType::Text), CarriedSpec::new("revenue", CarriedType::Number)]
}

/// Columns that are derived from these.
fn derived_columns() -> [CarriedSpec; 2] {
    let word = |value: &str| {
        let rule = WordRule {
            value: value.to_owned(),
            words: vec!["pro".to_owned()],
            with: Vec::new(),
            without: Vec::new(),
        };
        vec![DerivedInput { name: "plan".to_owned(), reading: Reading::Words([rule].into()) }]
    };
    let is_paid = Derived { inputs: word("true"), otherwise: None };
    let kind = Derived { inputs: word("paid"), otherwise: Some("other".to_owned()) };
    [
        CarriedSpec { derived: Some(is_paid), ..CarriedSpec::new("is_paid", CarriedType::Truth) },
        CarriedSpec { derived: Some(kind), ..CarriedSpec::new("kind", CarriedType::Text) },
    ]
}

/// What happens next.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// Microseconds since the one before; a clock may jump.
    step: i64,
    device: Option<u8>,
    user: Option<u8>,
    name: Option<&'static str>,
    /// How many later events are read before this one.
    late: usize,
    repeats: Option<Repeat>,
    bad: bool,
    plan: Option<&'static str>,
    /// In millionths.
    revenue: Option<i32>,
}

/// The event is one of those before again.
#[derive(Debug, Clone)]
struct Repeat {
    /// Of which event.
    back: usize,
    /// What is different.
    received: i64,
    time: i64,
    same_ids: bool,
    same_carried: bool,
    /// Where the ids can be others that have the same text together.
    same_text: bool,
}

/// The id of a device that is those of a device and of a user for the id of a row.
const TWO_IDS: &str = "a0\u{1f}+u0";

/// The row with other ids that have the same text, if there are some.
fn with_the_same_text(row: OracleRow) -> OracleRow {
    match (row.anonymous_id.as_deref(), &row.user_id) {
        (Some(TWO_IDS), Some(user_id)) => OracleRow {
            user_id: Some(format!("u0\u{1f}+{user_id}")),
            anonymous_id: Some("a0".to_owned()),
            ..row
        },
        _ => row,
    }
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    let step = prop_oneof![
        3 => select(vec![0, 0, 1, MINUTE, 20 * MINUTE]),
        2 => select(vec![30 * MINUTE, 31 * MINUTE - 1, 31 * MINUTE, 31 * MINUTE + 1, 90_000_000]),
        2 => select(vec![DAY / 3, DAY, 3 * DAY]),
        1 => select(vec![40 * DAY, -MINUTE, -31 * MINUTE, -2 * DAY, -30 * DAY]),
    ];
    let late = prop_oneof![6 => Just(0), 2 => 1..4usize, 1 => 4..40usize];
    let repeat = (
        1..20usize,
        select(vec![0, 0, -5, 5]),
        select(vec![0, 0, 0, -MINUTE, MINUTE, -DAY]),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(back, received, time, same_ids, same_carried, same_text)| Repeat {
            back,
            received,
            time,
            same_ids,
            same_carried,
            same_text,
        });
    let name = select(vec![
        None,
        Some("viewed_product"),
        Some("signup"),
        Some("other"),
        Some("viewed_product"),
        Some("identify"),
        Some("screen_view"),
        Some("group"),
        Some("alias"),
    ]);
    (
        step,
        prop_oneof![1 => Just(None), 9 => (0..6u8).prop_map(Some)],
        prop_oneof![5 => Just(None), 3 => (0..4u8).prop_map(Some)],
        name,
        late,
        option::weighted(0.15, repeat),
        prop::bool::weighted(0.03),
        (select(vec![None, Some("free"), Some("pro"), Some("é")]), option::of(-3..3)),
    )
        .prop_map(|(step, device, user, name, late, repeats, bad, (plan, revenue))| Event {
            step,
            device,
            user,
            name,
            late,
            repeats,
            bad,
            plan,
            revenue,
        })
}

/// The rows of the events, in the order in which they are read.
pub(super) fn rows(events: &[Event]) -> Vec<OracleRow> {
    let mut now = START;
    let mut rows: Vec<(usize, OracleRow)> = Vec::new();
    for (place, event) in events.iter().enumerate() {
        now = (now + event.step).max(START - 60 * DAY);
        let mut row = OracleRow {
            event_id: Some(format!("m{place}")),
            // What the ids of rows are made of can be the same for rows that differ.
            anonymous_id: event
                .device
                .map(|device| if device == 5 { TWO_IDS.to_owned() } else { format!("a{device}") }),
            // A user may be called as a device is.
            user_id: event.user.map(|user| if user == 3 { "a1".to_owned() } else { format!("u{user}") }),
            event: event.name.map(str::to_owned),
            timestamp: Some(now),
            received_at: Some(now + 7),
            carried: vec![
                event.plan.map_or(Value::Null, |plan| Value::Text(plan.to_owned())),
                event.revenue.map_or(Value::Null, |revenue| Value::Number(revenue.into())),
            ],
        };
        if let Some(repeat) = &event.repeats
            && let Some((_, before)) = place.checked_sub(repeat.back).map(|before| &rows[before])
        {
            let shifted = |time: Option<i64>, by: i64| time.map(|time| time + by);
            let ids = if repeat.same_ids { before.clone() } else { row.clone() };
            let ids = if repeat.same_text { with_the_same_text(ids) } else { ids };
            row = OracleRow {
                event_id: before.event_id.clone(),
                timestamp: shifted(before.timestamp, repeat.time),
                received_at: shifted(before.received_at, repeat.received),
                carried: if repeat.same_carried { before.carried.clone() } else { row.carried.clone() },
                ..ids
            };
        }
        if event.bad {
            row.event_id = None;
        }
        rows.push((place + event.late, row));
    }
    // Stable: those not late keep their order.
    rows.sort_by_key(|(arrival, _)| *arrival);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Types that may be evidence.
fn evidence() -> [EventTypes; 4] {
    let types = |types: &[EventType]| types.iter().copied().collect();
    [
        EventTypes::NONE,
        types(&[EventType::Identify]),
        types(&[EventType::Identify, EventType::Page]),
        types(&[EventType::Identify, EventType::Group, EventType::Alias]),
    ]
}

/// Tables that are not written: none, some, or nearly all.
pub(super) fn left_out() -> impl Strategy<Value = BTreeSet<Table>> {
    let all: Vec<Table> = Table::ALWAYS.into_iter().chain(Table::OF_EVENTS).collect();
    let last = all.len() - 1;
    prop_oneof![2 => Just(Vec::new()), 1 => subsequence(all.clone(), 0..=last), 1 => subsequence(all, last)]
        .prop_map(|tables| tables.into_iter().collect())
}

pub(super) fn rules() -> impl Strategy<Value = Rules> {
    let exact = Timeout::Exact(NonZeroU64::new(90_000_000).unwrap());
    (
        prop_oneof![4 => Just(Timeout::default()), 1 => Just(exact)],
        prop_oneof![
            4 => Just(Duplicates::Drop),
            1 => Just(Duplicates::Keep),
            2 => Just(Duplicates::Number),
        ],
        select(vec![5, 1, 3]),
        select(vec![0, 0, 1, 2, 4]),
        prop::bool::weighted(0.4),
        select(evidence().to_vec()),
        left_out(),
        vec(any::<prop::sample::Index>(), 0..5),
    )
        .prop_map(|(timeout, duplicates, flow_length, carried, events, evidence, left_out, chosen)| {
            let all = [carried_columns(), derived_columns()].concat();
            let columns = all[..carried].iter().cloned();
            let rules = Rules {
                timeout,
                duplicates,
                flow_length,
                carried: columns.clone().collect(),
                left_out: left_out.clone(),
                ..Rules::default()
            };
            if duplicates == Duplicates::Keep || !events {
                return rules;
            }
            let carried: Vec<_> = iter::once(CarriedSpec::event_type()).chain(columns).collect();
            let all = every_session_column(&carried);
            let chosen: BTreeSet<usize> = chosen.iter().map(|chosen| chosen.index(all.len())).collect();
            let session_columns = chosen.iter().map(|place| all[*place].clone()).collect();
            let evidence = if duplicates == Duplicates::Number { EventTypes::NONE } else { evidence };
            Rules { carried, events, evidence, session_columns, ..rules }
        })
}

pub(super) fn layout() -> impl Strategy<Value = Layout> {
    (select(vec![1, 2, 6, 20, 1_000_000]), select(vec![2, 5, 1 << 17]), select(vec![100, 100, 100, 50]))
        .prop_map(|(tracks_of_a_part, rows_of_a_group, touched_percent)| Layout {
            tracks_of_a_part,
            rows_of_a_group,
            touched_percent,
        })
}

/// Files of the rows, cut at these places; names say nothing of the order.
pub(super) fn files(rows: &[OracleRow], cuts: &[usize]) -> Vec<File> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (rows.len() + 1)).collect();
    cuts.extend([0, rows.len()]);
    cuts.sort_unstable();
    let name = |place: usize| format!("{}.json", (place * 7 + 3) % 10);
    let parts = cuts.windows(2).enumerate();
    parts.map(|(place, ends)| File { name: name(place), rows: rows[ends[0]..ends[1]].to_vec() }).collect()
}

/// Of how many shares each is tried by a test of its own, so that all cores have one.
const QUARTERS: u64 = 4;

/// Tries a share of the histories; after every `compared`th run the tables are compared, and always after the last.
fn try_histories(quarter: u64, compared: usize) {
    let all =
        std::env::var(HISTORIES_VARIABLE).ok().and_then(|cases| cases.parse().ok()).unwrap_or(HISTORIES);
    let cases = (all / QUARTERS as u32).max(1);
    let mut config = Config { cases, failure_persistence: None, ..Config::default() };
    if let RngSeed::Fixed(seed) = config.rng_seed {
        // The shares are not to be the same.
        config.rng_seed = RngSeed::Fixed(seed * QUARTERS + quarter);
    }
    let mut runner = TestRunner::new(config);
    let (incremental, linked) = (AtomicU64::new(0), AtomicU64::new(0));
    let cut = any::<prop::sample::Index>().prop_map(|cut| cut.index(71));
    let history = (vec(event(), 1..70), vec(cut, 1..6), rules(), layout());
    let result = runner.run(&history, |(events, cuts, rules, layout)| {
        let files = files(&rows(&events), &cuts);
        let world = World::new(rules, layout);
        for read in 1..=files.len() {
            let manifest = world.run(&files[..read]).unwrap().expect("a new file");
            if read % compared == 0 || read == files.len() {
                assert_is_rebuilt(&world, &manifest, &files[..read]);
            }
            if manifest.mode == RunMode::Incremental {
                incremental.fetch_add(1, Ordering::Relaxed);
                linked.fetch_add(manifest.parts.linked, Ordering::Relaxed);
            }
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    // A rebuild would pass all of the above.
    let (incremental, linked) = (incremental.into_inner(), linked.into_inner());
    assert!(
        incremental > u64::from(cases) && linked > u64::from(cases),
        "{incremental} runs linked {linked} parts"
    );
}

#[test]
fn each_run_of_a_series_equals_one_over_everything() {
    try_histories(0, 1);
}

#[test]
fn a_series_of_runs_equals_one_over_everything_first_quarter() {
    try_histories(1, usize::MAX);
}

#[test]
fn a_series_of_runs_equals_one_over_everything_second_quarter() {
    try_histories(2, usize::MAX);
}

#[test]
fn a_series_of_runs_equals_one_over_everything_third_quarter() {
    try_histories(3, usize::MAX);
}
