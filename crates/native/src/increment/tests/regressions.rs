//! What once went wrong, by number.

use super::history::{DAY, MINUTE, World, assert_is_rebuilt, file, small, track};
use tracklet_config::RunMode;
use tracklet_kernel::oracle::OracleRow;
use tracklet_kernel::rules::{Count, Rules};

// The same event in a second file took the place of the one that was there: nothing changed, and its part was written.
#[test]
fn r1_an_equal_row_leaves_the_stored_one_where_it_is() {
    let world = World::new(Rules::default(), small(1));
    let rows: Vec<_> = (0..4).map(|day| track(&format!("m{day}"), "a", "", day * DAY)).collect();
    let mut files = vec![file("a.json", rows.clone())];
    world.run(&files).unwrap();
    files.push(file("b.json", rows[1..2].to_vec()));
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!((manifest.parts.linked, manifest.parts.rewritten), (4, 0));
    assert_is_rebuilt(&world, &manifest, &files);
}

// An event within a session stood beside it until its part was read, as one session more: all later parts were read
// for numbers that did not change.
#[test]
fn r2_a_session_that_is_not_read_yet_renumbers_none() {
    let world = World::new(Rules::default(), small(1));
    let session = |day: i64| {
        (0..3).map(move |event| track(&format!("d{day}e{event}"), "a", "", day * DAY + event * 20 * MINUTE))
    };
    let mut files = vec![file("a.json", (0..9).flat_map(session).collect())];
    world.run(&files).unwrap();
    files.push(file("b.json", vec![track("late", "a", "", 2 * DAY + 30 * MINUTE)]));
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!((manifest.parts.linked, manifest.parts.rewritten, manifest.parts.read), (8, 1, 1));
    assert_is_rebuilt(&world, &manifest, &files);
}

// A visitor whose only event moves to another user has no session left, and its part may vanish.
#[test]
fn r3_a_visitor_that_loses_everything_leaves_no_trace() {
    let world = World::new(Rules::default(), small(1));
    let mut files = vec![file(
        "a.json",
        vec![track("m1", "a", "", 0), track("m2", "b", "", 5 * DAY), track("m3", "c", "", 9 * DAY)],
    )];
    world.run(&files).unwrap();
    files.push(file("b.json", vec![track("m4", "a", "u", 5 * DAY)]));
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!(manifest.visitors, 3);
    assert_is_rebuilt(&world, &manifest, &files);
    // An earlier delivery of the same event takes the only one of a day away.
    files.push(file("c.json", vec![track("m3", "c", "", 7 * DAY)]));
    let manifest = world.run(&files).unwrap().unwrap();
    assert_is_rebuilt(&world, &manifest, &files);
}

// The only event of a name was replaced by a delivery of another name, and the manifest still said that the name happens.
#[test]
fn r4_an_event_name_that_is_replaced_is_counted_no_more() {
    let named = |event: &str, row: OracleRow| OracleRow { event: Some(event.to_owned()), ..row };
    let counts = vec![Count { column: "signups".to_owned(), events: vec!["signup".to_owned()] }];
    let world = World::new(Rules { counts, ..Rules::default() }, small(1));
    let mut files = vec![file(
        "a.json",
        vec![named("signup", track("m1", "a", "", 5 * MINUTE)), track("m2", "a", "", 5 * DAY)],
    )];
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!(manifest.counted["signup"], 1);
    files.push(file("b.json", vec![track("m1", "a", "", MINUTE)]));
    let manifest = world.run(&files).unwrap().unwrap();
    assert_eq!((manifest.mode, manifest.counted["signup"]), (RunMode::Incremental, 0));
    assert_is_rebuilt(&world, &manifest, &files);
}
