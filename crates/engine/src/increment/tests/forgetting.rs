//! What is forgotten leaves every snapshot and does not come back.

use super::history::{DAY, File, MINUTE, OUT, World, assert_same, file, small, track};
use crate::forget::{Erased, Subject, forget_in};
use std::collections::BTreeSet;
use std::path::Path;
use tracklet_kernel::oracle::Row;
use tracklet_kernel::rules::Rules;

fn files() -> Vec<File> {
    let rows = |day: i64| {
        vec![
            // First, so that its row number stays when others go.
            Row { event_id: None, ..track("", "phone", "ann", day * DAY) },
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
    let settings = world.settings();
    let subjects = BTreeSet::from([subject]);
    forget_in(&folder, &subjects, &settings.rules, &settings.fingerprint, settings.layout).unwrap()
}

/// The files without the rows that `is_gone` holds for.
fn without(files: &[File], is_gone: impl Fn(&Row) -> bool) -> Vec<File> {
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
    assert_eq!(erased, Erased { rows: 4 * 3, snapshots: 2 });
    let is_gone = |row: &Row| match row.user_id.as_deref() {
        Some(user) => user == "ann",
        None => row.anonymous_id.as_deref() == Some("phone"),
    };
    assert_same(&world.tables(), &world.rebuilt(&without(&files[..3], is_gone)).tables());
    assert_eq!(text_of(&world.disk.files_below(Path::new(OUT)), "ann"), Vec::<String>::new());

    let manifest = world.run(&files).unwrap().unwrap();
    assert_same(&world.tables(), &world.rebuilt(&without(&files, is_gone)).tables());
    assert_eq!(manifest.new.rows.skipped, 4);
    world.folder().unwrap().rollback(Some("000001")).unwrap();
    assert_same(&world.tables(), &world.rebuilt(&without(&files[..2], is_gone)).tables());
    world.run(&files).unwrap();
    assert_same(&world.tables(), &world.rebuilt(&without(&files, is_gone)).tables());
}

#[test]
fn a_user_id_and_a_device_can_be_forgotten_alone() {
    for (subject, is_gone) in [
        (
            Subject::UserId("bob".to_owned()),
            (|row| row.user_id.as_deref() == Some("bob")) as fn(&Row) -> bool,
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
