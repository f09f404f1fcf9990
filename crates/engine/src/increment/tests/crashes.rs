//! The machine stops before every step of the file system, and forgets what was not synced.

use super::history::{DAY, File, MINUTE, World, assert_same, file, small, track};
use crate::forget::{Subject, forget_in};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tracklet_kernel::rules::Rules;

fn files() -> Vec<File> {
    let rows = |day: i64| {
        (0..6)
            .map(|event| {
                let user = if event == 4 { "ann" } else { "" };
                track(
                    &format!("d{day}e{event}"),
                    &format!("a{}", event % 3),
                    user,
                    day * DAY + event * 20 * MINUTE,
                )
            })
            .collect()
    };
    (0..6).map(|day| file(&format!("{day}.json"), rows(day))).collect()
}

/// Stops a run over the first files before every step, starts again and looks: the tables are those of `known` files or
/// of the run's, and the next run over all files is exact. Answers how many stop points there were.
fn stop_everywhere(world: &World, files: &[File], known: usize, read: usize) -> usize {
    let of = |files: &[File]| world.rebuilt(files).tables();
    let before = if known > 0 { of(&files[..known]) } else { BTreeMap::new() };
    let (after, expected) = (of(&files[..read]), of(files));
    let work = |world: &World| {
        // Stopped, it fails; that is what is looked at.
        let _ = world.run(&files[..read]);
    };
    let steps = {
        let undisturbed = World { disk: world.disk.copy(), ..world.clone() };
        let before = undisturbed.disk.steps();
        work(&undisturbed);
        undisturbed.disk.steps() - before
    };
    (0..steps).into_par_iter().for_each(|stop| {
        let stopped = World { disk: world.disk.copy(), ..world.clone() };
        stopped.disk.stop_after(stop);
        work(&stopped);
        stopped.disk.restart();
        let seen = stopped.tables();
        assert!(seen == before || seen == after, "stopped before step {stop}: {:?}", seen.keys());
        stopped.run(files).unwrap_or_else(|error| panic!("after a stop before step {stop}: {error}"));
        assert_same(&stopped.tables(), &expected);
    });
    steps
}

#[test]
fn wherever_a_run_stops_the_tables_are_whole_and_the_next_run_is_exact() {
    let mut files = files();
    let nothing = World::new(Rules::default(), small(1));
    let mut stops = stop_everywhere(&nothing, &files, 0, 6);
    // An increment, with enough before it that an old snapshot is removed as well.
    let world = World::new(Rules::default(), small(1));
    for read in 1..=3 {
        world.run(&files[..read]).unwrap();
    }
    stops += stop_everywhere(&world, &files, 3, 4);
    // One that writes every part.
    files.insert(
        3,
        file("late.json", vec![track("late", "a0", "", -DAY), track("login", "a1", "ann", 9 * DAY)]),
    );
    stops += stop_everywhere(&world, &files, 3, 5);
    assert!(stops >= 500, "{stops} stop points");
}

// A run that failed after readers saw its tables said that nothing was published.
#[test]
fn a_step_that_fails_alone_is_an_error_only_where_nothing_was_published() {
    let files = files();
    let world = World::new(Rules::default(), small(1));
    for read in 1..=3 {
        world.run(&files[..read]).unwrap();
    }
    let before = world.tables();
    let after = world.rebuilt(&files[..4]).tables();
    let steps = {
        let undisturbed = World { disk: world.disk.copy(), ..world.clone() };
        let taken = undisturbed.disk.steps();
        undisturbed.run(&files[..4]).unwrap();
        undisturbed.disk.steps() - taken
    };
    let published: usize = (0..steps)
        .into_par_iter()
        .map(|step| {
            let disturbed = World { disk: world.disk.copy(), ..world.clone() };
            disturbed.disk.fail_after(step);
            let result = disturbed.run(&files[..4]);
            let expected = if result.is_ok() { &after } else { &before };
            assert!(disturbed.tables() == *expected, "step {step}: {:?}", result.err());
            usize::from(result.is_ok())
        })
        .sum();
    assert!((3..steps / 2).contains(&published), "{published} of {steps}");
}

#[test]
fn an_erasure_that_stops_can_be_repeated() {
    let files = files();
    let world = World::new(Rules::default(), small(1));
    for read in 1..=2 {
        world.run(&files[..read]).unwrap();
    }
    let erase = |world: &World| {
        let Ok(folder) = world.folder() else { return };
        let settings = world.settings();
        let subjects = BTreeSet::from([Subject::Visitor("ann".to_owned())]);
        // Stopped, it fails; that is what is looked at.
        let _ = forget_in(&folder, &subjects, &settings.rules, &settings.fingerprint, settings.layout);
    };
    let before = world.tables();
    let after = {
        let erased = World { disk: world.disk.copy(), ..world.clone() };
        erase(&erased);
        erased.tables()
    };
    assert!(before != after);
    let steps = {
        let undisturbed = World { disk: world.disk.copy(), ..world.clone() };
        let taken = undisturbed.disk.steps();
        erase(&undisturbed);
        undisturbed.disk.steps() - taken
    };
    for stop in 0..steps {
        let stopped = World { disk: world.disk.copy(), ..world.clone() };
        stopped.disk.stop_after(stop);
        erase(&stopped);
        stopped.disk.restart();
        let seen = stopped.tables();
        assert!(seen == before || seen == after, "stopped before step {stop}");
        erase(&stopped);
        assert_same(&stopped.tables(), &after);
    }
}
