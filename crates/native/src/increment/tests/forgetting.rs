//! What is forgotten leaves every snapshot and does not come back.

use super::history::{DAY, File, MINUTE, OUT, World, assert_same, file, small, track};
use crate::disk::{Disk, write_file};
use crate::forget::{Erased, Subject, forget_in, preview, rollback_in};
use std::collections::BTreeSet;
use std::path::Path;
use tracklet_display::error::Hint;
use tracklet_kernel::oracle::OracleRow;
use tracklet_kernel::rules::Rules;

fn files() -> Vec<File> {
    let rows = |day: i64| {
        vec![
            // First, so that its row number stays when others go.
            OracleRow { event_id: None, ..track("", "phone", "ann", day * DAY) },
            track(&format!("a{day}"), "phone", "", day * DAY),
            track(&format!("b{day}"), "phone", "ann", day * DAY + MINUTE),
            track(&format!("b{day}"), "phone", "ann", day * DAY + MINUTE),
            track(&format!("c{day}"), "laptop", "bob", day * DAY),
            track(&format!("d{day}"), "phone", "bob", day * DAY - DAY),
        ]
    };
    (0..4).map(|day| file(&format!("{day}.json"), rows(day))).collect()
}

fn forget(world: &World, subject: Subject) -> Erased {
    let folder = world.folder().unwrap();
    let subjects = BTreeSet::from([subject]);
    forget_in(&folder, &subjects, world.layout).unwrap()
}

fn roll_back(world: &World, name: &str) {
    rollback_in(&world.folder().unwrap(), Some(name), world.layout).unwrap();
}

/// The files without the rows that `is_gone` holds for.
fn without(files: &[File], is_gone: impl Fn(&OracleRow) -> bool) -> Vec<File> {
    let rows = |file: &File| file.rows.iter().filter(|row| !is_gone(row)).cloned().collect();
    files.iter().map(|old| file(&old.name, rows(old))).collect()
}

fn text_of(files: &std::collections::BTreeMap<String, Vec<u8>>, text: &str) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    files.iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name.clone()).collect()
}

#[test]
fn a_visitor_leaves_every_snapshot_and_stays_away() {
    let world = World::new(Rules::default(), small(3));
    let files = files();
    world.run(&files[..2]).unwrap();
    world.run(&files[..3]).unwrap();
    let erased = forget(&world, Subject::Visitor("ann".to_owned()));
    // Ann's, those of the phone while it is hers, the repeated ones, and the rejects.
    assert_eq!((erased.rows, erased.snapshots.len()), (4 * 3, 2));
    let is_gone = |row: &OracleRow| match row.user_id.as_deref() {
        Some(user) => user == "ann",
        None => row.anonymous_id.as_deref() == Some("phone"),
    };
    assert_same(&world.tables(), &world.rebuilt(&without(&files[..3], is_gone)).tables());
    assert_eq!(text_of(&world.disk.files_below(Path::new(OUT)), "ann"), Vec::<String>::new());

    let manifest = world.run(&files).unwrap().unwrap();
    assert_same(&world.tables(), &world.rebuilt(&without(&files, is_gone)).tables());
    assert_eq!(manifest.new.rows.skipped, 4);
    roll_back(&world, "000001");
    assert_same(&world.tables(), &world.rebuilt(&without(&files[..2], is_gone)).tables());
    world.run(&files).unwrap();
    assert_same(&world.tables(), &world.rebuilt(&without(&files, is_gone)).tables());
}

#[test]
fn a_user_id_and_a_device_can_be_forgotten_alone() {
    for (subject, is_gone) in [
        (
            Subject::UserId("bob".to_owned()),
            (|row| row.user_id.as_deref() == Some("bob")) as fn(&OracleRow) -> bool,
        ),
        (Subject::AnonymousId("phone".to_owned()), |row| row.anonymous_id.as_deref() == Some("phone")),
    ] {
        let world = World::new(Rules::default(), small(3));
        let files = files();
        world.run(&files[..3]).unwrap();
        forget(&world, subject);
        assert_same(&world.tables(), &world.rebuilt(&without(&files[..3], is_gone)).tables());
        world.run(&files).unwrap();
        assert_same(&world.tables(), &world.rebuilt(&without(&files, is_gone)).tables());
    }
}

// A device that was one person's in an old snapshot and another's now lost the other's rows after a rollback.
#[test]
fn what_is_another_visitors_now_stays_in_older_snapshots_too() {
    let world = World::new(Rules::default(), small(3));
    let of = |name: &str, rows: Vec<OracleRow>| file(name, rows);
    let files = [
        of("0.json", vec![track("a", "phone", "", 0), track("b", "phone", "ann", MINUTE)]),
        of("1.json", vec![track("c", "phone", "bob", -MINUTE), track("d", "phone", "bob", 2 * DAY)]),
        of("2.json", vec![track("e", "phone", "", 3 * DAY)]),
    ];
    world.run(&files[..1]).unwrap();
    world.run(&files[..2]).unwrap();
    forget(&world, Subject::Visitor("ann".to_owned()));
    roll_back(&world, "000001");
    world.run(&files).unwrap();
    let other = World { disk: world.disk.copy(), ..world.clone() };
    let list = other.disk.files_below(Path::new(OUT)).remove("forgotten.json").unwrap();
    let from_scratch = World::new(Rules::default(), small(3));
    from_scratch.disk.create_folders(Path::new(OUT)).unwrap();
    write_file(&from_scratch.disk, &Path::new(OUT).join("forgotten.json"), &list).unwrap();
    from_scratch.run(&files).unwrap();
    assert_same(&world.tables(), &from_scratch.tables());
}

// With another configuration snapshots were removed before the current one was refused.
#[test]
fn after_a_change_of_the_configuration_each_snapshot_is_rewritten_by_its_own_rules() {
    let mut world = World::new(Rules::default(), small(3));
    let files = files();
    world.run(&files[..1]).unwrap();
    let before = world.rules.clone();
    world.rules.flow_length = 3;
    world.rules.counts.reverse();
    world.run(&files[..2]).unwrap();
    let after = std::mem::take(&mut world.rules.flow_length);
    world.rules.flow_length = 1;
    let erased = forget(&world, Subject::UserId("bob".to_owned()));
    assert_eq!(erased.snapshots.iter().map(|one| one.rows).collect::<Vec<_>>(), [Some(2), Some(4)]);
    let left = without(&files, |row| row.user_id.as_deref() == Some("bob"));
    world.rules.flow_length = after;
    assert_same(&world.tables(), &world.rebuilt(&left[..2]).tables());
    roll_back(&world, "000001");
    world.rules = before;
    assert_same(&world.tables(), &world.rebuilt(&left[..1]).tables());
}

#[test]
fn a_preview_counts_what_the_erasure_takes_and_changes_nothing() {
    let world = World::new(Rules::default(), small(3));
    let files = files();
    world.run(&files[..2]).unwrap();
    world.run(&files[..3]).unwrap();
    let before = world.disk.files_below(Path::new(OUT));
    let subjects = BTreeSet::from([Subject::Visitor("ann".to_owned())]);
    let seen = preview(&world.folder().unwrap(), &subjects).unwrap();
    let after = world.disk.files_below(Path::new(OUT));
    let names = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
        files
            .iter()
            .filter(|(name, _)| *name != ".lock")
            .map(|(name, bytes)| (name.clone(), bytes.clone()))
            .collect()
    };
    let (before, after): (Vec<_>, Vec<_>) = (names(&before), names(&after));
    assert!(before == after);
    assert_eq!(seen, forget(&world, Subject::Visitor("ann".to_owned())));
    assert!(
        seen.snapshots.iter().all(|snapshot| snapshot.tables.iter().any(|(_, before, after)| before > after))
    );
}

// A restored old list, or none, let forgotten rows in again.
#[test]
fn a_list_that_is_not_that_of_the_tables_stops_runs_rollbacks_and_erasures() {
    let world = World::new(Rules::default(), small(3));
    let files = files();
    let list = Path::new(OUT).join("forgotten.json");
    world.run(&files[..2]).unwrap();
    forget(&world, Subject::UserId("ann".to_owned()));
    let older = world.disk.files_below(Path::new(OUT)).remove("forgotten.json").unwrap();
    forget(&world, Subject::UserId("bob".to_owned()));
    let tables = world.tables();
    for text in [None, Some(older), Some(b"{}".to_vec())] {
        let damaged = World { disk: world.disk.copy(), ..world.clone() };
        damaged.disk.remove(&list).unwrap();
        if let Some(text) = text {
            write_file(&damaged.disk, &list, &text).unwrap();
        }
        let error = damaged.run(&files).unwrap_err();
        assert!(error.to_string().contains("forgotten.json"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("restore")), "{error}");
        let folder = damaged.folder().unwrap();
        let subjects = BTreeSet::from([Subject::UserId("eve".to_owned())]);
        assert!(forget_in(&folder, &subjects, damaged.layout).is_err());
        assert!(preview(&folder, &subjects).is_err());
        assert!(rollback_in(&folder, Some("000001"), damaged.layout).is_err());
        drop(folder);
        assert_same(&damaged.tables(), &tables);
    }
}
