//! The machine stops before every step of the file system, and forgets what was not synced.

use super::history::{DAY, File, MINUTE, OUT, World, assert_same, file, small, track};
use crate::forget::{Subject, forget_in, rollback_in};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
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

/// What somebody does next.
#[derive(Clone, Copy)]
enum Next {
    Run,
    Rollback,
    Forget(&'static str),
}

fn forget(world: &World, visitor: &str) -> Option<()> {
    let subjects = BTreeSet::from([Subject::Visitor(visitor.to_owned())]);
    forget_in(&world.folder().ok()?, &subjects, world.layout).ok().map(drop)
}

fn roll_back(world: &World) -> Option<()> {
    rollback_in(&world.folder().ok()?, Some("000001"), world.layout).ok().map(drop)
}

/// An erasure is stopped or disturbed at each step: readers see the tables before or after, and what comes next is what it
/// would be after a whole erasure, or without one.
// An erasure that was killed at its first rename left old rows of the person beside a list that kept the new ones out.
fn disturb_an_erasure(disturb: fn(&World, usize), end: fn(&World)) -> usize {
    let files = files();
    let world = World::new(Rules::default(), small(1));
    for read in 1..=2 {
        world.run(&files[..read]).unwrap();
    }
    let copy = |world: &World| World { disk: world.disk.copy(), ..world.clone() };
    let go_on = |world: &World, next: Next| {
        match next {
            Next::Run => drop(world.run(&files).unwrap()),
            Next::Rollback => roll_back(world).unwrap(),
            Next::Forget(visitor) => forget(world, visitor).unwrap(),
        }
        world.tables()
    };
    let erased = copy(&world);
    forget(&erased, "ann").unwrap();
    let (before, after) = (world.tables(), erased.tables());
    assert!(before != after);
    let all_next = [Next::Run, Next::Rollback, Next::Forget("a2"), Next::Forget("ann")];
    let expected: Vec<_> =
        all_next.map(|next| [go_on(&copy(&world), next), go_on(&copy(&erased), next)]).into();
    let steps = erased.disk.steps() - world.disk.steps();
    (0..steps).into_par_iter().for_each(|step| {
        let disturbed = copy(&world);
        disturb(&disturbed, step);
        let done = forget(&disturbed, "ann").is_some();
        end(&disturbed);
        let seen = disturbed.tables();
        assert!(seen == after || !done && seen == before, "step {step}: the erasure is half done");
        for (next, expected) in all_next.iter().zip(&expected).skip(step % 2).step_by(2) {
            let other = copy(&disturbed);
            let found = go_on(&other, *next);
            assert!(expected[usize::from(done)..].contains(&found), "step {step}");
            if seen == after {
                assert!(found == expected[1], "step {step}: the rows are back");
            }
            // Whatever came next, nothing is half in force afterwards.
            if found == expected[1] {
                for (name, bytes) in other.disk.files_below(Path::new(OUT)) {
                    let holds = bytes.windows(3).any(|window| window == b"ann");
                    assert!(!holds, "step {step}: `{name}` has the id");
                }
            }
        }
    });
    steps
}

#[test]
fn an_erasure_stopped_anywhere_is_ended_by_what_comes_next_or_was_never_begun() {
    let steps = disturb_an_erasure(|world, step| world.disk.stop_after(step), |world| world.disk.restart());
    assert!(steps > 50, "{steps}");
}

#[test]
fn an_erasure_of_which_any_step_fails_is_ended_by_what_comes_next_or_was_never_begun() {
    disturb_an_erasure(|world, step| world.disk.fail_after(step), |_| {});
}

#[test]
fn a_rollback_stopped_anywhere_shows_one_snapshot_or_the_other() {
    let files = files();
    let world = World::new(Rules::default(), small(1));
    for read in 1..=2 {
        world.run(&files[..read]).unwrap();
    }
    let copy = || World { disk: world.disk.copy(), ..world.clone() };
    let rolled_back = copy();
    roll_back(&rolled_back).unwrap();
    let (before, after) = (world.tables(), rolled_back.tables());
    let expected = world.rebuilt(&files).tables();
    for step in 0..rolled_back.disk.steps() - world.disk.steps() {
        for stops in [true, false] {
            let disturbed = copy();
            if stops {
                disturbed.disk.stop_after(step);
            } else {
                disturbed.disk.fail_after(step);
            }
            let done = roll_back(&disturbed).is_some();
            if stops {
                disturbed.disk.restart();
            }
            let seen = disturbed.tables();
            // What was not synced is lost, as was warned of.
            assert!(seen == after || (!done || stops) && seen == before, "step {step}");
            disturbed.run(&files).unwrap();
            assert_same(&disturbed.tables(), &expected);
        }
    }
}
