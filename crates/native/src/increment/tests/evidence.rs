//! Rows that only say which user a device has, in runs one after the other.

use super::history::{DAY, File, MINUTE, OUT, World, assert_is_rebuilt, assert_same, file, small, track};
use crate::forget::{Subject, forget_in};
use crate::manifest::Manifest;
use std::collections::BTreeSet;
use std::path::Path;
use tracklet_config::RunMode;
use tracklet_kernel::event_type::{EventType, EventTypes};
use tracklet_kernel::oracle::OracleRow;
use tracklet_kernel::registry::CarriedSpec;
use tracklet_kernel::rules::Rules;

fn rules(evidence: EventTypes) -> Rules {
    Rules { events: true, carried: vec![CarriedSpec::event_type()], evidence, ..Rules::default() }
}

fn world() -> World {
    World::new(rules([EventType::Identify].into_iter().collect()), small(2))
}

/// An `identify` call.
fn identify(id: &str, anonymous_id: &str, user_id: &str, timestamp: i64) -> OracleRow {
    OracleRow { event: Some("identify".to_owned()), ..track(id, anonymous_id, user_id, timestamp) }
}

/// Ten days of two devices that nobody has named, one file a day.
fn days() -> Vec<File> {
    let rows = |day: i64| {
        ["phone", "laptop"].map(|device| track(&format!("{device}{day}"), device, "", day * DAY)).to_vec()
    };
    (0..10).map(|day| file(&format!("{day}.json"), rows(day))).collect()
}

/// The last of these runs, each of which must give what one run over all files gives.
fn runs(world: &World, files: &[File], from: usize) -> Manifest {
    let mut last = None;
    for read in from..=files.len() {
        let manifest = world.run(&files[..read]).unwrap().expect("a new file");
        assert_is_rebuilt(world, &manifest, &files[..read]);
        last = Some(manifest);
    }
    last.expect("a run")
}

#[test]
fn a_late_login_that_evidence_alone_tells_of_moves_events_in_an_increment() {
    let world = world();
    let mut files = days();
    world.run(&files).unwrap();
    files.push(file("late.json", vec![identify("i1", "phone", "ann", 20 * DAY)]));
    let manifest = runs(&world, &files, files.len());
    assert_eq!(
        (manifest.mode, manifest.rows.evidence, manifest.rows.sessionized),
        (RunMode::Incremental, 1, 20)
    );
    assert_eq!((manifest.new.rows.evidence, manifest.new.rows.sessionized), (1, 0));
    assert_eq!((manifest.sessions, manifest.visitors, manifest.tables["dbt_aliases_mapping"]), (20, 2, 3));
    // It says again what is known, and of a device that has no event.
    let again = vec![identify("i2", "phone", "ann", 21 * DAY), identify("i3", "car", "eve", 21 * DAY)];
    files.push(file("again.json", again));
    let manifest = runs(&world, &files, files.len());
    assert_eq!((manifest.mode, manifest.rows.evidence), (RunMode::Incremental, 3));
    assert_eq!((manifest.parts.rewritten, manifest.parts.linked), (0, 10));
    assert_eq!((manifest.visitors, manifest.tables["dbt_aliases_mapping"]), (2, 5));
}

#[test]
fn evidence_that_comes_first_names_the_user_of_later_events() {
    let world = world();
    let mut files = vec![file("first.json", vec![identify("i1", "phone", "ann", 5 * DAY)])];
    let manifest = runs(&world, &files, 1);
    assert_eq!((manifest.rows.read, manifest.rows.evidence, manifest.sessions), (1, 1, 0));
    files.extend(days());
    let manifest = runs(&world, &files, 2);
    assert_eq!((manifest.mode, manifest.visitors), (RunMode::Incremental, 2));
}

#[test]
fn of_evidence_and_an_event_with_one_id_the_lesser_stays_in_either_order() {
    for (first, second) in [
        (track("m", "phone", "", DAY), identify("m", "phone", "ann", DAY - MINUTE)),
        (track("m", "phone", "ann", DAY), identify("m", "phone", "ann", DAY - MINUTE)),
        (identify("m", "phone", "ann", DAY), track("m", "phone", "", DAY - MINUTE)),
        (identify("m", "phone", "ann", DAY), track("m", "phone", "ann", DAY - MINUTE)),
        (identify("m", "phone", "ann", DAY), track("m", "phone", "", DAY + MINUTE)),
        (track("m", "phone", "", DAY), identify("m", "phone", "ann", DAY + MINUTE)),
        (identify("m", "phone", "ann", DAY), identify("m", "phone", "bob", DAY - MINUTE)),
        (identify("m", "phone", "ann", DAY), identify("m", "phone", "ann", DAY)),
    ] {
        let world = world();
        let mut files = days();
        files.push(file("first.json", vec![first]));
        world.run(&files).unwrap();
        files.push(file("second.json", vec![second]));
        let manifest = runs(&world, &files, files.len());
        assert_eq!((manifest.rows.read, manifest.rows.duplicates), (22, 1));
    }
}

#[test]
fn a_person_who_is_forgotten_leaves_the_evidence_too() {
    let world = world();
    let mut files = days();
    let of_ann = [identify("i1", "phone", "ann", 3 * DAY), identify("i1", "phone", "ann", 4 * DAY)];
    files.push(file("a.json", [&of_ann[..], &[identify("i2", "laptop", "bob", 3 * DAY)]].concat()));
    world.run(&files).unwrap();
    let subjects = BTreeSet::from([Subject::Visitor("ann".to_owned())]);
    let erased = forget_in(&world.folder().unwrap(), &subjects, world.layout).unwrap();
    assert_eq!(erased.rows, 12);
    let holds = |bytes: &[u8]| bytes.windows(3).any(|window| window == b"ann");
    let left = world.disk.files_below(Path::new(OUT));
    assert!(!left.values().any(|bytes| holds(bytes)));
    let is_left = |row: &OracleRow| row.anonymous_id.as_deref() != Some("phone");
    for file in &mut files {
        file.rows.retain(is_left);
    }
    assert_same(&world.tables(), &world.rebuilt(&files).tables());
    files.push(file("b.json", vec![identify("i3", "laptop", "cid", 4 * DAY)]));
    world.run(&files).unwrap();
    assert_same(&world.tables(), &world.rebuilt(&files).tables());
}

#[test]
fn types_become_evidence_and_events_again_in_the_rows_that_are_there() {
    let mut world = world();
    let mut files = days();
    files.push(file("a.json", vec![identify("i1", "phone", "ann", 20 * DAY)]));
    world.run(&files).unwrap();
    for (name, evidence) in
        [("b", EventTypes::NONE), ("c", [EventType::Identify].into_iter().collect::<EventTypes>())]
    {
        world.rules = rules(evidence);
        files.push(file(&format!("{name}.json"), vec![track(name, "phone", "", 21 * DAY)]));
        let manifest = runs(&world, &files, files.len());
        assert_eq!(manifest.mode, RunMode::Full);
        assert_eq!(manifest.rows.evidence, u64::from(!evidence.is_empty()));
    }
}
