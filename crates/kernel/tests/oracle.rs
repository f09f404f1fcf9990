//! The kernel gives what the definition gives, on random histories and however the input is cut.

mod tables;

use arrow::array::{Array, ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;
use tracklet_kernel::carried::number_type;
use tracklet_kernel::derived::{Derived, DerivedInput, Reading, WordRule};
use tracklet_kernel::event_type::{EventType, EventTypes};
use tracklet_kernel::gate::{Gate, Reason, Rejected};
use tracklet_kernel::ignored_ids::{Ignore, IgnoredIds};
use tracklet_kernel::oracle::{self, OracleRow, Value};
use tracklet_kernel::registry::{CarriedSpec, CarriedType};
use tracklet_kernel::rules::{Count, Duplicates, Rules, Timeout};
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tables::{State, TrackRun};
use tracklet_kernel::tracks::{Tracks, TracksBuilder};

const MINUTE: i64 = 60_000_000;

fn id() -> impl Strategy<Value = Option<String>> {
    let known = [
        "a1",
        "a2",
        "a3",
        "u1",
        "u2",
        "u10",
        "u9",
        "o'brien",
        "\"q\"",
        "a;--",
        "é",
        "😀",
        "\u{fffd}",
        "1 - a1",
        " a1",
        "",
        "null",
        " NULL ",
        "Nan",
        "\\N",
        "00000000-0000-0000-0000-000000000000",
        "unknown",
        "00-",
    ];
    prop_oneof![
        2 => Just(None),
        12 => select(known.to_vec()).prop_map(|id| Some(id.to_owned())),
        1 => select(vec![1024, 65_536, 65_537]).prop_map(|length| Some("x".repeat(length))),
        1 => Just(Some("nul\0".to_owned())),
    ]
}

fn event_id() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(String::new())),
        20 => (0..40u32).prop_map(|id| Some(format!("m{id}"))),
        20 => (0..40u32).prop_map(|id| Some(format!("{id:08x}-0000-4000-8000-00000000000{}", id % 10))),
        2 => (0..10u32).prop_map(|id| Some(format!("{id:08X}-0000-4000-8000-00000000000A"))),
        2 => Just(Some("😀".to_owned())),
        2 => Just(Some("\u{fffd}".to_owned())),
    ]
}

/// Times that fall on, just before and just after every boundary.
fn time() -> impl Strategy<Value = Option<i64>> {
    let steps = [
        0,
        0,
        1,
        MINUTE,
        30 * MINUTE,
        31 * MINUTE - 1,
        31 * MINUTE,
        31 * MINUTE + 1,
        90_000_000,
        86_400 * 1_000_000,
    ];
    let near = (0..4i64, select(steps.to_vec()))
        .prop_map(|(times, step)| Some(1_767_520_800_000_000 + times * step));
    let odd =
        select(&[Some(0), Some(-1), Some(9_214_646_400_000_000), Some(9_214_646_399_999_999), None][..]);
    prop_oneof![20 => near, 1 => odd]
}

fn row() -> impl Strategy<Value = OracleRow> {
    let event = prop_oneof![
        1 => Just(None),
        1 => select(vec![65_536, 65_537]).prop_map(|length| Some("x".repeat(length))),
        24 => select(&["viewed_product", "signup", "login", "", "Näme", "viewed"][..]).prop_map(|name| Some(name.to_owned())),
    ];
    let received_at = prop_oneof![1 => Just(None), 2 => time()];
    (event_id(), id(), id(), event, time(), received_at, carried()).prop_map(
        |(event_id, anonymous_id, user_id, event, timestamp, received_at, carried)| OracleRow {
            event_id,
            anonymous_id,
            user_id,
            event,
            timestamp,
            received_at,
            carried,
        },
    )
}

/// Values for the columns of [`CARRIED`].
fn carried() -> impl Strategy<Value = Vec<Value>> {
    let plans = ["free", "pro", "", "é😀", "Good BOT", "robot tab", "Tab phone"];
    let plans = select(plans.to_vec()).prop_map(str::to_owned);
    let start = select(vec!["https://", "HTTP://www.", "//", "", "a?b://", "x://u@"]);
    let urls = (start, "[:/?#@.wWa%é \\[\\]]{0,12}").prop_map(|(start, rest)| format!("{start}{rest}"));
    let texts = prop_oneof![1 => plans, 1 => urls].prop_map(Value::Text);
    let text_or_null = || prop_oneof![1 => Just(Value::Null), 3 => texts.clone()];
    let types = ["track", "track", "track", "page", "page", "screen", "identify"]
        .map(|name| Value::Text(name.to_owned()));
    let numbers = [0, 1, -1, 12_500_000, 10_i128.pow(28) - 1, 1 - 10_i128.pow(28)].map(Value::Number);
    let or_null = |values: &[Value]| prop_oneof![1 => Just(Value::Null), 3 => select(values.to_vec())];
    (select(types.to_vec()), text_or_null(), or_null(&numbers), text_or_null())
        .prop_map(|(event_type, plan, revenue, city)| vec![event_type, plan, revenue, city])
}

/// The type of an event, and invented columns, one of each type and one more.
const CARRIED: [(&str, CarriedType); 4] = [
    ("event_type", CarriedType::Text),
    ("plan", CarriedType::Text),
    ("revenue", CarriedType::Number),
    ("city", CarriedType::Text),
];

/// The first of [`CARRIED`].
fn carried_specs(columns: usize) -> Vec<CarriedSpec> {
    CARRIED[..columns].iter().map(|(name, of)| CarriedSpec::new(name, *of)).collect()
}

/// What a rule says, and its words, those with it and those without it.
type WrittenRule<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str]);

/// Columns that are derived from those of [`CARRIED`].
fn derived_specs() -> Vec<CarriedSpec> {
    let words = |rules: &[WrittenRule<'_>]| {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let rule = |(value, words, with, without): &WrittenRule<'_>| WordRule {
            value: (*value).to_owned(),
            words: owned(words),
            with: owned(with),
            without: owned(without),
        };
        Reading::Words(rules.iter().map(rule).collect())
    };
    let input = |name: &str, reading: Reading| DerivedInput { name: name.to_owned(), reading };
    let bots = words(&[("false", &["robot"], &[], &[]), ("true", &["bot", "https:"], &[], &["www"])]);
    let devices = words(&[("tablet", &["tab"], &["phone"], &[]), ("free", &["tab", "phone"], &[], &["w"])]);
    let column = |name: &str, of, inputs: Vec<DerivedInput>, otherwise: Option<&str>| CarriedSpec {
        derived: Some(Derived { inputs, otherwise: otherwise.map(str::to_owned) }),
        ..CarriedSpec::new(name, of)
    };
    vec![
        column("host", CarriedType::Text, vec![input("plan", Reading::Host)], None),
        column("is_bot", CarriedType::Truth, vec![input("city", bots)], None),
        column(
            "device",
            CarriedType::Text,
            vec![input("city", devices), input("plan", Reading::Host)],
            Some("other"),
        ),
    ]
}

/// The rows and, where ids are made of them, some of them again: as they are, and as two that differ but have one text.
fn with_rows_alike(rows: &[OracleRow], rules: &Rules) -> Vec<OracleRow> {
    let mut all = rows.to_vec();
    if rules.duplicates != Duplicates::Number {
        return all;
    }
    for (place, row) in rows.iter().enumerate().take(rows.len() / 3) {
        let with_ids = |anonymous_id: &str, user_id: &str| OracleRow {
            anonymous_id: Some(anonymous_id.to_owned()),
            user_id: Some(user_id.to_owned()),
            ..row.clone()
        };
        all.extend(vec![row.clone(); place % 4]);
        all.extend([with_ids("a", "b\u{1f}+c"), with_ids("a\u{1f}+b", "c"), with_ids("a", "b\u{1f}+c")]);
    }
    all
}

/// The rows with values for these columns alone.
fn carrying(rows: &[OracleRow], columns: usize) -> Vec<OracleRow> {
    let carrying = |row: &OracleRow| {
        let mut carried = row.carried.clone();
        carried.resize(columns, Value::Null);
        OracleRow { carried, ..row.clone() }
    };
    rows.iter().map(carrying).collect()
}

/// These types as those of evidence.
fn evidence(types: &[EventType]) -> EventTypes {
    types.iter().copied().collect()
}

fn rules() -> impl Strategy<Value = Rules> {
    let number = |value| NonZeroU64::new(value).expect("not 0");
    let timeouts = [
        Timeout::WholeMinutes(number(30)),
        Timeout::WholeMinutes(number(1)),
        Timeout::Exact(number(90_000_000)),
        Timeout::Exact(number(30 * 60_000_000)),
    ];
    let counts = [
        Rules::default().counts,
        vec![],
        vec![Count::new("views", ["viewed_product", "viewed"]), Count::new("again", ["viewed", "viewed"])],
    ];
    let evidence = [
        EventTypes::NONE,
        evidence(&[EventType::Identify]),
        evidence(&[EventType::Identify, EventType::Page]),
    ];
    let carried = (select(vec![0, 0, 1, 2, 3, 4, 7]), any::<bool>(), select(evidence.to_vec()));
    let duplicates = select(vec![Duplicates::Drop, Duplicates::Keep, Duplicates::Number]);
    let choices = (select(timeouts.to_vec()), duplicates, select(counts.to_vec()), select(vec![1, 2, 5, 7]));
    let rules = (choices, carried).prop_map(
        |((timeout, duplicates, counts, flow_length), (carried, events, evidence))| Rules {
            timeout,
            duplicates,
            events: duplicates != Duplicates::Keep && events && carried > 0,
            evidence: if duplicates == Duplicates::Drop && events && carried > 0 {
                evidence
            } else {
                EventTypes::NONE
            },
            counts,
            flow_length,
            carried: if carried > CARRIED.len() {
                [carried_specs(CARRIED.len()), derived_specs()].concat()
            } else {
                carried_specs(carried)
            },
            ..Rules::default()
        },
    );
    (rules, vec(any::<prop::sample::Index>(), 0..6)).prop_map(|(rules, chosen)| {
        if !rules.events {
            return rules;
        }
        let all = oracle::every_session_column(&rules.carried);
        let chosen: BTreeSet<usize> = chosen.iter().map(|chosen| chosen.index(all.len())).collect();
        let session_columns = chosen.iter().map(|place| all[*place].clone()).collect();
        Rules { session_columns, ..rules }
    })
}

fn ignore() -> impl Strategy<Value = Ignore> {
    let choices = [
        Ignore::default(),
        Ignore::default(),
        Ignore::of(["strict"]),
        Ignore::nothing(),
        Ignore::of(["A1", "null", "nan"]),
    ];
    select(choices.to_vec())
}

fn batch(rows: &[OracleRow]) -> RecordBatch {
    let text = |value: fn(&OracleRow) -> &Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| value(row).as_deref()).collect::<StringArray>())
    };
    let time = |value: fn(&OracleRow) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<TimestampMicrosecondArray>())
    };
    let carried = CARRIED.iter().enumerate().map(|(place, (name, of))| {
        let value = |row: &OracleRow| row.carried.get(place).cloned().unwrap_or(Value::Null);
        let column: ArrayRef = match of {
            CarriedType::Text => {
                let texts =
                    rows.iter().map(|row| if let Value::Text(text) = value(row) { Some(text) } else { None });
                Arc::new(texts.collect::<StringArray>())
            }
            CarriedType::Number => {
                let numbers = rows
                    .iter()
                    .map(|row| if let Value::Number(number) = value(row) { Some(number) } else { None });
                Arc::new(numbers.collect::<Decimal128Array>().with_data_type(number_type()))
            }
            CarriedType::Truth => unreachable!("truths are derived"),
        };
        (*name, column, true)
    });
    let columns = [
        ("event_id", text(|row| &row.event_id), true),
        ("anonymous_id", text(|row| &row.anonymous_id), true),
        ("user_id", text(|row| &row.user_id), true),
        ("event", text(|row| &row.event), true),
        ("timestamp", time(|row| row.timestamp), true),
        ("received_at", time(|row| row.received_at), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().chain(carried))
        .expect("columns of equal length")
}

/// The kernel's tables as rows in their order, its tracks gathered `group` at a time.
fn kernel(tracks: Tracks, rules: &Rules, group: usize) -> Given {
    let sessionized = Sessionized::new(tracks, rules.clone());
    let mut groups: Vec<Vec<TrackRun>> = vec![];
    for session in 0..sessionized.session_count() {
        for place in sessionized.session_places(session) {
            let run = TrackRun { session, places: place..place + 1 };
            match groups.last_mut().filter(|group_runs| group_runs.len() < group) {
                Some(runs) => runs.push(run),
                None => groups.push(vec![run]),
            }
        }
    }
    let mut evidence = evidence_values(&sessionized);
    evidence.sort();
    Given {
        tables: tables::rows(&sessionized, &groups),
        carried: carried_values(&sessionized, &groups),
        evidence,
    }
}

/// What the tracks carry, as [`oracle::carried`] gives it.
fn carried_values(sessionized: &Sessionized, groups: &[Vec<TrackRun>]) -> [Vec<Vec<Value>>; 2] {
    let names = || {
        let carried = sessionized.rules().carried.iter().map(|column| column.name.as_str());
        std::iter::once("event_id").chain(carried)
    };
    let values = |batch: RecordBatch| {
        let columns = names().map(|name| {
            let column = &batch[name];
            let is_text = matches!(column.data_type(), DataType::Dictionary(..));
            let column = if is_text { cast(column, &DataType::Utf8).expect("text") } else { column.clone() };
            (name, column, true)
        });
        tables::rows_of(&RecordBatch::try_from_iter_with_nullable(columns).expect("columns of equal length"))
    };
    let kept = groups.iter().flat_map(|runs| values(sessionized.track_columns(runs, |_| true))).collect();
    [kept, values(sessionized.duplicate_columns(0..sessionized.duplicate_rows()))]
}

/// The rows that are evidence, as [`oracle::evidence`] gives them.
fn evidence_values(sessionized: &Sessionized) -> Vec<Vec<Value>> {
    if sessionized.rules().evidence.is_empty() {
        assert_eq!(sessionized.evidence_rows(), 0);
        return Vec::new();
    }
    let batch = sessionized.evidence_columns(0..sessionized.evidence_rows());
    let schema = State::Evidence.schema(sessionized.rules());
    let columns = schema.fields().iter().map(|field| {
        cast(&batch[field.name().as_str()], field.data_type()).expect("the kernel's types fit the schema's")
    });
    let batch =
        RecordBatch::try_new(schema.clone(), columns.collect()).expect("no null in a column that has none");
    tables::rows_of(&batch)
}

/// What the kernel gives for some tracks.
#[derive(Debug, PartialEq)]
struct Given {
    evidence: Vec<Vec<Value>>,
    tables: BTreeMap<&'static str, Vec<Vec<Value>>>,
    carried: [Vec<Vec<Value>>; 2],
}

fn build(batches: &[&[OracleRow]], ignore: &Ignore, rules: &Rules) -> (Tracks, Vec<Vec<Rejected>>) {
    let (builders, rejected) = batches
        .iter()
        .map(|rows| {
            let gate = Gate {
                ignored_ids: IgnoredIds::new(ignore),
                carried: rules.carried.clone(),
                evidence: rules.evidence,
                ids_from_rows: rules.duplicates == Duplicates::Number,
                ..Gate::default()
            };
            let mut builder = TracksBuilder::new(gate);
            let rejected = builder.push(&batch(rows));
            (builder, rejected)
        })
        .unzip();
    (Tracks::merge(builders), rejected)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn kernel_equals_oracle(
        rows in vec(row(), 0..60),
        rules in rules(),
        ignore in ignore(),
        group in 1..9usize,
    ) {
        let rows = carrying(&with_rows_alike(&rows, &rules), rules.carried.len());
        let expected = oracle::tables(&rows, &ignore, &rules);
        let (tracks, rejected) = build(&[&rows], &ignore, &rules);
        let rejected: Vec<(usize, &str)> =
            rejected[0].iter().map(|rejected| (rejected.row, rejected.reason.as_str())).collect();
        prop_assert_eq!(rejected, oracle::rejects(&rows, &ignore, &rules));
        let given = kernel(tracks, &rules, group);
        prop_assert_eq!(given.carried, oracle::carried(&rows, &ignore, &rules));
        let mut evidence = oracle::evidence(&rows, &ignore, &rules).rows;
        evidence.sort();
        prop_assert_eq!(given.evidence, evidence);
        for (table, rows) in given.tables {
            prop_assert_eq!(&rows, &expected[table].rows, "{}", table);
        }
        prop_assert_eq!(oracle::check_invariants(&expected, &rules), Vec::<String>::new());
    }

    #[test]
    fn order_and_cut_of_the_input_change_nothing(
        (rows, shuffled) in vec(row(), 0..60).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        cuts in vec(0..60usize, 0..4),
        rules in rules(),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(shuffled.len())).collect();
        cuts.extend([0, shuffled.len()]);
        cuts.sort_unstable();
        let alike = with_rows_alike(&rows, &rules)[rows.len()..].to_vec();
        let mut batches: Vec<&[OracleRow]> = cuts.windows(2).map(|ends| &shuffled[ends[0]..ends[1]]).collect();
        batches.insert(batches.len() / 2, &alike);
        let rows = [rows, alike.clone()].concat();
        let (whole, _) = build(&[&rows], &Ignore::default(), &rules);
        let (cut, _) = build(&batches, &Ignore::default(), &rules);
        prop_assert_eq!(kernel(whole, &rules, 4), kernel(cut, &rules, 4));
    }
}

/// What the tracks carry in their order, of these columns.
fn carried_in_order(
    rows: &[OracleRow],
    carried: Vec<CarriedSpec>,
    inputs: Vec<CarriedSpec>,
) -> Vec<Vec<Value>> {
    let rules = Rules { duplicates: Duplicates::Keep, carried: carried.clone(), ..Rules::default() };
    let mut builder = TracksBuilder::new(Gate { carried, inputs, ..Gate::default() });
    builder.push(&batch(rows));
    kernel(Tracks::merge(vec![builder]), &rules, 8).carried[0].clone()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_columns_are_derived_from_need_not_be_carried(rows in vec(row(), 0..60)) {
        // Rows that are alike in all that orders them may change places.
        let rows: Vec<OracleRow> = (0..).zip(rows).map(|(number, row): (u32, _)| OracleRow { event_id: Some(number.to_string()), ..row }).collect();
        let all = carried_in_order(&rows, [carried_specs(CARRIED.len()), derived_specs()].concat(), Vec::new());
        let derived = carried_in_order(&rows, derived_specs(), carried_specs(CARRIED.len()));
        let of_all: Vec<Vec<Value>> =
            all.iter().map(|row| [&row[..1], &row[1 + CARRIED.len()..]].concat()).collect();
        prop_assert_eq!(of_all, derived);
    }
}

/// Of every event: the key of its session and its time.
fn keys(rows: &[OracleRow], rules: &Rules) -> BTreeMap<String, (String, i64)> {
    let (tracks, _) = build(&[rows], &Ignore::default(), rules);
    let events =
        kernel(tracks, rules, 8).tables.remove("tracklet_events").expect("there is a table of events");
    let text = |value: &Value| if let Value::Text(text) = value { text.clone() } else { panic!("{value:?}") };
    let time = |value: &Value| if let Value::Time(time) = value { *time } else { panic!("{value:?}") };
    events.iter().map(|row| (text(&row[0]), (text(&row[8]), time(&row[6])))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// A session changes its key only when an earlier event joins it or it is cut differently.
    #[test]
    fn a_session_keeps_its_key(before in vec(row(), 1..40), later in vec(row(), 0..20)) {
        let carried = carried_specs(CARRIED.len());
        let rules = Rules { events: true, carried, ..Rules::default() };
        let all: Vec<OracleRow> = before.iter().chain(&later).cloned().collect();
        let (old, new) = (keys(&before, &rules), keys(&all, &rules));
        let mut sessions: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
        for (event, (key, _)) in &old {
            sessions.entry(key).or_default().push(event);
        }
        for (key, events) in sessions {
            let of: Vec<Option<&(String, i64)>> = events.iter().map(|event| new.get(*event)).collect();
            // A second delivery may have taken the place of an event, or moved it.
            let is_whole = of.iter().zip(&events).all(|(found, event)| {
                found.is_some_and(|(key, time)| *key == of[0].expect("all are there").0 && *time == old[*event].1)
            });
            if !is_whole {
                continue;
            }
            let (new_key, _) = of[0].expect("a session has an event");
            let place = |event: &String, events: &BTreeMap<String, (String, i64)>| (events[event].1, event.clone());
            let first_new = new.iter().filter(|(_, (key, _))| key == new_key).map(|(event, _)| place(event, &new)).min();
            let is_earlier = first_new < Some(place(key, &old));
            prop_assert_eq!(new_key == key, !is_earlier, "{} became {}", key, new_key);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// A login moves events whether an event or evidence tells of it.
    #[test]
    fn evidence_says_whose_a_device_is_as_events_do(rows in vec(row(), 0..60)) {
        let carried: Vec<CarriedSpec> = CARRIED.iter().map(|(name, of)| CarriedSpec::new(name, *of)).collect();
        let types = evidence(&[EventType::Identify, EventType::Page]);
        let given = |evidence: EventTypes| {
            let rules = Rules { events: true, carried: carried.clone(), evidence, ..Rules::default() };
            let (tracks, _) = build(&[&rows], &Ignore::default(), &rules);
            kernel(tracks, &rules, 8)
        };
        let (events, evidence) = (given(EventTypes::NONE), given(types));
        prop_assert_eq!(&events.tables["dbt_aliases_mapping"], &evidence.tables["dbt_aliases_mapping"]);
        prop_assert_eq!(&events.tables["tracklet_duplicates"], &evidence.tables["tracklet_duplicates"]);
        // Event id, type and visitor.
        let of = |given: &Given| -> BTreeSet<Vec<Value>> {
            let rows = given.tables["tracklet_events"].iter();
            rows.map(|row| [0, 1, 5].map(|column| row[column].clone()).to_vec()).collect()
        };
        let is_evidence = |row: &Vec<Value>| types.iter().any(|of| row[1] == Value::Text(of.name().to_owned()));
        let left: BTreeSet<Vec<Value>> = of(&events).into_iter().filter(|row| !is_evidence(row)).collect();
        prop_assert_eq!(of(&evidence), left);
    }
}

// Values of rows that were taken back stayed among those that are no numbers.
#[test]
fn what_is_taken_back_is_counted_no_more() {
    let carried = vec![CarriedSpec::new("revenue", CarriedType::Number)];
    let mut builder = TracksBuilder::new(Gate { carried, ..Gate::default() });
    let row = |id: &str, revenue: &str| {
        let columns =
            [("event_id", id), ("user_id", "u"), ("timestamp", "2026-01-04T10:00:00Z"), ("revenue", revenue)];
        let column = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
        RecordBatch::try_from_iter(columns.map(|(name, text)| (name, column(text)))).expect("one row")
    };
    assert_eq!(builder.push(&row("a", "x")), []);
    let mark = builder.mark();
    assert_eq!(builder.push(&row("b", "y")), []);
    assert_eq!(builder.unread_numbers()["revenue"].values, 2);
    builder.rewind(&mark);
    let unread = &builder.unread_numbers()["revenue"];
    assert_eq!((unread.values, unread.examples.len()), (1, 1));
}

#[test]
fn r16_names_that_passed_a_gate_can_be_longer_than_in_the_input() {
    let column = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let named = |name: &str, event: &str| {
        let columns =
            [("event_id", "m"), ("user_id", "u"), (name, event), ("timestamp", "2026-01-04T10:00:00Z")];
        RecordBatch::try_from_iter(columns.map(|(name, text)| (name, column(text)))).expect("one row")
    };
    let mut builder = TracksBuilder::new(Gate::default());
    assert_eq!(builder.push(&named("event_text", &"aB".repeat(32_768))), []);
    let tracks = Tracks::merge(vec![builder]);
    let stored = tracks.event_names().next().expect("a name").to_owned();
    assert!(stored.len() > 65_536);
    assert_eq!(TracksBuilder::new(Gate::again(&[])).push(&named("event", &stored)), []);
    let rejected = TracksBuilder::new(Gate::default()).push(&named("event", &stored));
    assert_eq!(rejected, [Rejected { row: 0, reason: Reason::NameTooLong }]);
}
