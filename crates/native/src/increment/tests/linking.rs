//! What a run reads and writes.

use super::history::{DAY, File, MINUTE, World, assert_is_rebuilt, file, small, track};
use crate::disk::memory::Lack;
use std::time::Duration;
use tracklet_config::RunMode;
use tracklet_kernel::oracle::OracleRow;
use tracklet_kernel::rules::{Count, Rules};

const SECOND: i64 = MINUTE / 60;

/// Ten visitors, each with a session of some events on this day.
fn day(day: i64) -> Vec<OracleRow> {
    let events = (0..10).flat_map(|visitor| (0..4).map(move |event| (visitor, event)));
    events
        .map(|(visitor, event)| {
            let id = format!("d{day}v{visitor}e{event}");
            track(&id, &format!("a{visitor}"), "", day * DAY + (600 + visitor * 7 + event) * MINUTE)
        })
        .collect()
}

fn days(days: std::ops::Range<i64>) -> Vec<File> {
    days.map(|number| file(&format!("{number}.json"), day(number))).collect()
}

#[test]
fn a_day_in_order_writes_its_part_and_reads_no_other_ones_events() {
    let world = World::new(Rules::default(), small(5));
    world.run(&days(0..20)).unwrap();
    let before = world.disk.files_below(std::path::Path::new("out/snapshots/000001"));
    let manifest = world.run(&days(0..21)).unwrap().unwrap();
    assert_eq!(manifest.mode, RunMode::Incremental);
    assert_eq!((manifest.parts.linked, manifest.parts.rewritten, manifest.parts.read), (20, 1, 0));
    assert_eq!(manifest.new.rows.read, 40);
    // Aliases and sessions, and no event: their bytes are those of these columns.
    let whole = ["dbt_aliases_mapping", "dbt_session_tracks", "tracklet_duplicates", "tracklet_rejects"];
    let bound: usize = whole.iter().map(|table| before[&format!("{table}/all.parquet")].len()).sum();
    assert!(manifest.bytes_read.tables <= bound as u64, "{:?} of {bound}", manifest.bytes_read);
    assert_is_rebuilt(&world, &manifest, &days(0..21));
}

// A file system without hard links ended every increment.
#[test]
fn where_links_are_not_possible_files_are_copied_and_the_run_says_so() {
    let world = World::new(Rules::default(), small(5));
    world.disk.lacks(Lack::HardLinks);
    world.run(&days(0..4)).unwrap();
    let manifest = world.run(&days(0..5)).unwrap().unwrap();
    assert_eq!((manifest.parts.linked, manifest.parts.rewritten), (4, 1));
    let said = manifest.warnings.iter().filter(|warning| warning.contains("25 unchanged files were copied"));
    assert_eq!(said.count(), 1, "{:?}", manifest.warnings);
    assert_is_rebuilt(&world, &manifest, &days(0..5));
}

// 292 tracks with another year each opened all files of all their tables, and complete files waited for their sync open,
// however many they were.
#[test]
fn many_parts_and_a_slow_disk_open_no_more_files_than_the_process_may() {
    let world = World::new(Rules::default(), small(1_000_000));
    world.disk.sync_takes(Duration::from_millis(1));
    let year = |year: i64| track(&format!("y{year}"), "a", "", (year - 2025) * 31_556_952 * SECOND);
    world.run(&[file("years.json", (1971..2261).map(year).collect())]).unwrap();
    let most = world.disk.most_open_files();
    assert!((10..600).contains(&most), "{most} files were open");
}

#[test]
fn the_next_hour_reads_the_part_of_its_day_alone() {
    let world = World::new(Rules::default(), small(5));
    let mut files = days(0..20);
    world.run(&files).unwrap();
    // One goes on with the session of the last day, one begins another.
    let late =
        [track("x1", "a0", "", 19 * DAY + 610 * MINUTE), track("x2", "a1", "", 19 * DAY + 900 * MINUTE)];
    files.push(file("x.json", late.to_vec()));
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!((manifest.parts.linked, manifest.parts.rewritten, manifest.parts.read), (19, 1, 1));
    assert_is_rebuilt(&world, &manifest, &files);
}

#[test]
fn a_late_event_that_renumbers_writes_what_comes_after_it() {
    let world = World::new(Rules::default(), small(5));
    let mut files = days(0..20);
    world.run(&files).unwrap();
    files.push(file("x.json", vec![track("x", "a3", "", 14 * DAY)]));
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!((manifest.parts.linked, manifest.parts.rewritten, manifest.parts.read), (14, 6, 6));
    assert_is_rebuilt(&world, &manifest, &files);
    // Within a session nothing after it changes.
    files.push(file("y.json", vec![track("y", "a3", "", 12 * DAY + (601 + 21) * MINUTE)]));
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!((manifest.parts.linked, manifest.parts.rewritten, manifest.parts.read), (19, 1, 1));
    assert_is_rebuilt(&world, &manifest, &files);
}

#[test]
fn a_repeated_event_changes_the_duplicates_alone() {
    let world = World::new(Rules::default(), small(5));
    let mut files = days(0..20);
    world.run(&files).unwrap();
    files.push(file("x.json", vec![day(3)[5].clone()]));
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!((manifest.parts.linked, manifest.parts.rewritten, manifest.parts.read), (20, 0, 1));
    assert_eq!(manifest.new.rows.duplicates, 1);
    assert_is_rebuilt(&world, &manifest, &files);
}

#[test]
fn a_year_that_grows_is_cut_into_months() {
    let world = World::new(Rules::default(), small(1000));
    let mut files = days(0..20);
    world.run(&files).unwrap();
    assert!(world.tables().contains_key("dbt_track_facts/2026.parquet"));
    let rows = (20..50).flat_map(day).collect();
    files.push(file("more.json", rows));
    let manifest = world.run(&files).unwrap().unwrap();
    assert!(world.tables().contains_key("dbt_track_facts/2026-02.parquet"), "{:?}", manifest.parts);
    assert_is_rebuilt(&world, &manifest, &files);
}

#[test]
fn over_half_is_rebuilt_with_a_reason() {
    let world = World::new(Rules::default(), crate::write::Layout { touched_percent: 50, ..small(5) });
    let mut files = days(0..20);
    world.run(&files).unwrap();
    files.push(file("x.json", vec![track("x", "a3", "", 2 * DAY)]));
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!(manifest.mode, RunMode::Full);
    assert!(manifest.reason.as_ref().unwrap().contains("larger share"), "{:?}", manifest.reason);
    assert_is_rebuilt(&world, &manifest, &files);
}

#[test]
fn another_configuration_is_made_of_the_rows_that_are_there() {
    let mut world = World::new(Rules::default(), small(5));
    let files = days(0..20);
    world.run(&files[..19]).unwrap();
    world.rules.counts = vec![Count::new("views", ["viewed"])];
    world.rules.flow_length = 2;
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!((manifest.mode, manifest.new.files), (RunMode::Full, 1));
    assert_eq!(manifest.reason.as_deref(), Some("the configuration has changed"));
    assert_is_rebuilt(&world, &manifest, &files);
}

#[test]
fn after_a_rollback_the_files_are_read_again() {
    let world = World::new(Rules::default(), small(5));
    let files = days(0..6);
    for read in [3, 5, 6] {
        world.run(&files[..read]).unwrap();
    }
    world.folder().unwrap().rollback(Some("000002")).unwrap();
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!((manifest.snapshot.as_str(), manifest.new.files), ("000004", 1));
    assert_is_rebuilt(&world, &manifest, &files);
}
