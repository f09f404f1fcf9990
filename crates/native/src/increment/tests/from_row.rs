//! Ids made of rows, where rows alike, and rows that differ and have one text, come in later runs.

use super::history::{DAY, MINUTE, World, assert_is_rebuilt, assert_same, file, small, track};
use crate::forget::{Subject, forget_in};
use crate::spill::Budget;
use std::collections::BTreeSet;
use tracklet_config::RunMode;
use tracklet_kernel::oracle::OracleRow;
use tracklet_kernel::rules::{Duplicates, Rules};

fn numbering() -> Rules {
    Rules { duplicates: Duplicates::Number, ..Rules::default() }
}

fn without_id(anonymous_id: &str, user_id: &str, timestamp: i64) -> OracleRow {
    OracleRow { event_id: None, ..track("", anonymous_id, user_id, timestamp) }
}

/// Runs over the files one after the other, each of which must go as it says here and leave the tables of one run over all.
fn check(files: &[Vec<OracleRow>], modes: &[RunMode], budget: Option<Budget>) {
    let files: Vec<_> =
        files.iter().enumerate().map(|(place, rows)| file(&format!("{place}.json"), rows.clone())).collect();
    let mut world = World::new(numbering(), small(1));
    world.budget = budget;
    for (read, mode) in (1..).zip(modes) {
        let manifest = world.run(&files[..read]).unwrap().expect("a new file");
        let rows: usize = files[..read].iter().map(|file| file.rows.len()).sum();
        assert_eq!((manifest.mode, manifest.rows.sessionized), (*mode, rows as u64), "{:?}", manifest.reason);
        assert_eq!(manifest.rows.duplicates, 0);
        assert_is_rebuilt(&world, &manifest, &files[..read]);
    }
}

// Each number of rows before, so that the last of them is found whatever is doubled.
#[test]
fn rows_alike_get_the_numbers_behind_those_of_earlier_runs() {
    let row = || without_id("a", "", 0);
    let others = || (1..9).map(|day| without_id("b", "", day * DAY));
    for before in 0..18 {
        for after in 1..4 {
            let first = [vec![row(); before], others().collect()].concat();
            let second = [vec![row(); after], vec![without_id("a", "", MINUTE)]].concat();
            let modes = [RunMode::Full, RunMode::Incremental, RunMode::Incremental];
            check(&[first, second, vec![row()]], &modes, None);
        }
    }
}

// A hash by MD5 of a text that can be read in two ways is the id of rows that differ.
#[test]
fn rows_that_differ_and_have_one_text_are_numbered_as_in_one_run() {
    let one = || without_id("c", "d\u{1f}+e", 0);
    let other = || without_id("c\u{1f}+d", "e", 0);
    let others = || (1..9).map(|day| without_id("b", "", day * DAY));
    let first = |row: OracleRow| std::iter::once(row).chain(others()).collect::<Vec<_>>();
    let modes = [RunMode::Full, RunMode::Full, RunMode::Full];
    check(&[first(one()), vec![other()], vec![one()]], &modes, None);
    check(&[first(other()), vec![one(), one()], vec![other()]], &modes, None);
    // Both are new, and nothing before is like them.
    check(&[others().collect(), vec![other(), one(), other()]], &[RunMode::Full, RunMode::Incremental], None);
}

#[test]
fn a_limit_of_memory_changes_no_number() {
    let one = || without_id("c", "d\u{1f}+e", 0);
    let other = || without_id("c\u{1f}+d", "e", 0);
    let row = || without_id("a", "", 0);
    let first = [vec![row(); 5], vec![one(), other(), one()]].concat();
    let second = [vec![row(); 3], vec![other(), without_id("b", "", DAY)]].concat();
    for few in [1, 3, 1000] {
        let budget = Budget {
            while_reading: (0, 100),
            base: few,
            rejects: 0,
            hashes: few,
            candidates: few,
            partitioned: 2,
            range: few,
            parts: few,
            groups: 2,
        };
        check(&[first.clone(), second.clone()], &[RunMode::Full, RunMode::Full], Some(budget));
    }
}

// The ids of rows that stay are those that they have without the rows that go.
#[test]
fn rows_that_are_forgotten_take_their_numbers_along() {
    let one = || without_id("c", "d\u{1f}+e", 0);
    let other = || without_id("c\u{1f}+d", "e", 0);
    let stays = |row: &OracleRow| row.user_id.as_deref() == Some("e");
    let rows = vec![one(), one(), other(), other(), without_id("b", "", DAY)];
    let world = World::new(numbering(), small(1));
    world.run(&[file("a.json", rows.clone())]).unwrap();
    let subjects = BTreeSet::from([Subject::UserId("d\u{1f}+e".to_owned())]);
    forget_in(&world.folder().unwrap(), &subjects, world.layout).unwrap();

    let left = rows.into_iter().filter(|row| stays(row) || row.user_id.is_none()).collect();
    let expected = world.rebuilt(&[file("a.json", left)]);
    assert_same(&world.tables(), &expected.tables());
}
