//! Runs that write some of the tables, which others than those before.

use super::histories::{event, files, left_out, rows, rules};
use super::history::{World, assert_is_rebuilt, file, small, track};
use crate::write::{TableOrState, WHOLE};
use proptest::collection::vec;
use proptest::prelude::*;
use tracklet_config::RunMode;
use tracklet_kernel::rules::Rules;
use tracklet_kernel::tables::Table;

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_run_has_the_tables_that_it_was_asked_for_as_a_full_run_has_them(
        events in vec(event(), 1..60),
        cuts in vec(0..61usize, 1..6),
        rules in rules(),
        selections in vec(left_out(), 7),
    ) {
        let files = files(&rows(&events), &cuts);
        let mut world = World::new(rules, small(6));
        for read in 1..=files.len() {
            let left_out = selections[read - 1].clone();
            let same = left_out == world.rules.left_out;
            world.rules = Rules { left_out, ..world.rules };
            let manifest = world.run(&files[..read]).unwrap().expect("a new file");
            prop_assert!(read == 1 || same || manifest.mode == RunMode::Full);
            assert_is_rebuilt(&world, &manifest, &files[..read]);
        }
    }
}

#[test]
fn what_is_left_out_is_not_written_and_what_the_next_run_needs_is() {
    let tables = [Table::Sessions, Table::UserSessionFacts];
    let all = Table::ALWAYS.into_iter().chain(Table::OF_EVENTS);
    let carried = vec![tracklet_kernel::registry::CarriedSpec::event_type()];
    let left_out = all.filter(|table| !tables.contains(table)).collect();
    let world = World::new(Rules { events: true, carried, left_out, ..Rules::default() }, small(1));
    let mut seen = vec![file("a.json", vec![track("a", "d", "", 0), track("b", "e", "", 0)])];
    let manifest = world.run(&seen).unwrap().unwrap();
    let written: Vec<&str> = manifest.tables.keys().map(String::as_str).collect();
    assert_eq!(written, ["dbt_user_session_facts", "tracklet_sessions"]);
    assert_eq!(manifest.rows_of(Table::AliasesMapping), 2);
    let found = world.tables();
    let has = |place: TableOrState| {
        let folder = place.name("");
        let folder = folder.trim_end_matches(".parquet");
        found.keys().any(|name| name.starts_with(folder))
    };
    for table in Table::ALWAYS.into_iter().chain(Table::OF_EVENTS) {
        assert_eq!(has(TableOrState::Table(table)), tables.contains(&table), "{}", table.name());
    }
    assert!(has(TableOrState::Kept(Table::Events)) && !has(TableOrState::Kept(Table::MappedTracks)));
    assert!(found.contains_key(&TableOrState::Kept(Table::AliasesMapping).name(WHOLE)));

    seen.push(file("b.json", vec![track("c", "d", "u", 60_000_000)]));
    let manifest = world.run(&seen).unwrap().unwrap();
    assert_eq!(manifest.mode, RunMode::Incremental);
    assert_is_rebuilt(&world, &manifest, &seen);
}
