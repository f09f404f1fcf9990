//! What the generator promises about its traffic, measured on the rows themselves.

use std::collections::{BTreeMap, BTreeSet};

use clap::Parser;
use tracklet_generator::arrivals::{Arrivals, ArrivingRow, Call};
use tracklet_generator::ids::IdMaker;
use tracklet_generator::options::{IdStyle, Options};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

fn rows(arguments: &str) -> (Options, Vec<ArrivingRow>) {
    let arguments = ["generator", "--out", "unused"].into_iter().chain(arguments.split(' '));
    let options = Options::parse_from(arguments);
    let rows = Arrivals::new(&options.traffic).flatten().collect();
    (options, rows)
}

fn between(low: f64, value: f64, high: f64) {
    assert!((low..high).contains(&value), "{value} is not between {low} and {high}");
}

/// The tracks of each visitor in order of time, each once.
fn by_visitor(rows: &[ArrivingRow]) -> BTreeMap<u32, Vec<ArrivingRow>> {
    let mut visitors: BTreeMap<u32, Vec<ArrivingRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.call == Call::Track && !row.again) {
        visitors.entry(row.visitor).or_default().push(*row);
    }
    for tracks in visitors.values_mut() {
        tracks.sort_by_key(|row| (row.timestamp, row.key));
    }
    visitors
}

fn sessions(tracks: &[ArrivingRow]) -> Vec<&[ArrivingRow]> {
    tracks.chunk_by(|previous, next| next.timestamp - previous.timestamp < 31 * MINUTE_MS).collect()
}

#[test]
fn visitors_and_sessions_have_the_promised_sizes() {
    let (options, rows) = rows("--tracks 200000");
    assert_eq!(rows.len(), 200_000);
    let visitors = by_visitor(&rows);
    between(38.0, 200_000.0 / visitors.len() as f64, 42.0);
    let sessions_of_all: Vec<&[ArrivingRow]> =
        visitors.values().flat_map(|tracks| sessions(tracks)).collect();
    between(7.7, 200_000.0 / sessions_of_all.len() as f64, 8.3);
    // A planned session is exactly one session of the tables: none is split, no two are joined.
    let planned =
        rows.iter().filter(|row| row.since_session_start == 0).map(|row| (row.visitor, row.timestamp));
    assert_eq!(planned.collect::<BTreeSet<_>>().len(), sessions_of_all.len());

    let known = visitors.values().filter(|tracks| tracks.iter().any(|row| row.signed_in)).count() as f64;
    // 60 % have an id; those with one or two sessions often never show it.
    between(0.42, known / visitors.len() as f64, 0.60);
    let of_known = visitors.values().filter(|tracks| tracks.iter().any(|row| row.signed_in));
    let of_known: Vec<&[ArrivingRow]> = of_known.flat_map(|tracks| sessions(tracks)).collect();
    let signed_in = of_known.iter().filter(|session| session.iter().any(|row| row.signed_in)).count() as f64;
    between(0.45, signed_in / of_known.len() as f64, 0.62);

    let devices: BTreeSet<u8> = rows.iter().map(|row| row.device).collect();
    assert_eq!(devices, BTreeSet::from([0, 1, 2]));
    assert_eq!(rows.iter().map(|row| row.event).collect::<BTreeSet<_>>().len(), 60);
    let start = options.traffic.start_ms();
    let days: BTreeSet<i64> = rows.iter().map(|row| (row.timestamp - start) / DAY_MS).collect();
    assert!((0..90).all(|day| days.contains(&day)));
}

#[test]
fn duplicates_and_late_rows_are_as_many_as_asked_for_and_rows_are_in_order_of_arrival() {
    let (_, rows) = rows("--tracks 100000 --duplicates 0.02 --late 0.05 --other-types 0.3");
    let tracks: Vec<&ArrivingRow> = rows.iter().filter(|row| row.call == Call::Track).collect();
    let again: Vec<&&ArrivingRow> = tracks.iter().filter(|row| row.again).collect();
    assert_eq!(tracks.len() - again.len(), 100_000);
    between(1_850.0, again.len() as f64, 2_150.0);
    let first: BTreeMap<u64, &ArrivingRow> =
        tracks.iter().filter(|row| !row.again).map(|row| (row.key, *row)).collect();
    assert_eq!(first.len(), 100_000);
    for row in again {
        let before = first[&row.key];
        assert!(before.received_at < row.received_at && (before.timestamp - row.timestamp).abs() <= 20);
        assert_eq!((before.visitor, before.device, before.event), (row.visitor, row.device, row.event));
    }
    let delays: Vec<i64> = first.values().map(|row| row.received_at - row.timestamp).collect();
    assert!(delays.iter().all(|&delay| (40..=7 * DAY_MS).contains(&delay)));
    assert!(delays.iter().any(|&delay| delay > 6 * DAY_MS));
    between(4_750.0, delays.iter().filter(|&&delay| delay >= 60 * MINUTE_MS).count() as f64, 5_250.0);
    assert!(rows.is_sorted_by_key(|row| row.received_at));
    let added = rows.iter().filter(|row| matches!(row.call, Call::Identify | Call::Page)).count();
    between(29_000.0, added as f64, 31_000.0);
    assert!(rows.iter().all(|row| row.call != Call::Identify || row.signed_in));
}

#[test]
fn the_hot_visitor_is_one_visitor_with_its_share() {
    let (_, rows) = rows("--tracks 100000 --hot-visitor 0.05 --days 30");
    assert_eq!(rows.len(), 100_000);
    let visitors = by_visitor(&rows);
    assert_eq!(visitors[&0].len(), 5_000);
    assert!(visitors[&0].iter().all(|row| row.device == 0));
    assert!(visitors[&0].iter().any(|row| row.signed_in));
    assert_eq!(sessions(&visitors[&0]).len(), 180);
    assert!(visitors.iter().all(|(&visitor, tracks)| visitor == 0 || tracks.len() < 1_000));
}

#[test]
fn ids_are_distinct_and_look_as_asked() {
    let (options, rows) = rows("--tracks 50000 --duplicates 0.1");
    for (style, length, user_length) in [(IdStyle::Uuid, 36, 15), (IdStyle::Ksuid, 27, 55)] {
        let ids = IdMaker::new(&options.traffic, style);
        let messages: BTreeSet<String> = rows.iter().map(|row| ids.message(row).to_string()).collect();
        assert_eq!(messages.len(), 50_000, "both deliveries share an id, no two messages do");
        assert!(messages.iter().all(|id| id.len() == length));
        let devices: BTreeSet<(u32, u8)> = rows.iter().map(|row| (row.visitor, row.device)).collect();
        let device_ids: BTreeSet<String> =
            devices.iter().map(|&(visitor, device)| ids.device(visitor, device).to_string()).collect();
        assert_eq!(device_ids.len(), devices.len());
        let users: BTreeSet<String> = (0..5_000).map(|visitor| ids.user(visitor).to_string()).collect();
        assert_eq!(users.len(), 5_000);
        assert!(users.iter().all(|id| id.len() == user_length), "{:?}", users.first());
    }
}

#[test]
fn another_seed_gives_other_rows_and_the_same_seed_the_same() {
    let (_, first) = rows("--tracks 2000 --seed 5 --late 0.1");
    let (_, same) = rows("--tracks 2000 --seed 5 --late 0.1");
    let (_, other) = rows("--tracks 2000 --seed 6 --late 0.1");
    assert_eq!(first, same);
    assert_ne!(first, other);
}

#[test]
fn a_single_day_holds_its_sessions() {
    let (options, rows) = rows("--tracks 20000 --days 1");
    let start = options.traffic.start_ms();
    let inside = rows.iter().filter(|row| row.timestamp < start + DAY_MS).count();
    between(0.93, inside as f64 / rows.len() as f64, 1.01);
}
