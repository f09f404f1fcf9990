//! Runs that must put tracks away: not a byte is other than without a limit of memory.

use super::histories::{event, files, layout, rows, rules};
use super::history::{World, assert_is_rebuilt};
use crate::spill::Budget;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tracklet_config::RunMode;

/// A budget of a few rows, so that every step takes several passes.
fn budget() -> impl Strategy<Value = Budget> {
    let few = || select(vec![1, 2, 3, 5, 8, 20, 1000]);
    (few(), few(), few(), few(), few(), few(), few(), few()).prop_map(
        |(reading, base, hashes, candidates, partitioned, range, parts, groups)| Budget {
            while_reading: (0, reading * 100),
            base,
            rejects: base - 1,
            hashes,
            candidates,
            partitioned: partitioned as usize,
            range,
            parts,
            groups: groups as usize,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_limit_changes_no_byte(
        events in vec(event(), 1..90),
        cuts in vec(0..90usize, 0..6),
        rules in rules(),
        layout in layout(),
        budget in budget(),
        threads in 1..4usize,
    ) {
        let files = files(&rows(&events), &cuts);
        let mut world = World::new(rules, layout);
        world.budget = Some(budget);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let manifest = pool.install(|| world.run(&files)).unwrap().expect("new files");
        assert_is_rebuilt(&world, &manifest, &files);
    }

    #[test]
    fn new_rows_over_the_limit_come_to_those_of_the_snapshot(
        events in vec(event(), 1..70),
        cuts in vec(0..70usize, 2..5),
        rules in rules(),
        layout in layout(),
        budget in budget(),
    ) {
        let files = files(&rows(&events), &cuts);
        let mut world = World::new(rules, layout);
        for read in 1..=files.len() {
            // Only the second run is limited: the first makes its snapshot, and others build on that.
            world.budget = (read == 2).then_some(budget);
            let manifest = world.run(&files[..read]).unwrap().expect("a new file");
            let new = manifest.new.rows;
            // Without a new track there is nothing over the limit.
            if read == 2 && new.read > new.rejected {
                prop_assert_eq!(manifest.mode, RunMode::Full);
                prop_assert!(manifest.reason.is_some());
            }
            assert_is_rebuilt(&world, &manifest, &files[..read]);
        }
    }

    #[test]
    fn an_increment_over_the_limit_takes_all_rows_together(
        events in vec(event(), 1..70),
        cuts in vec(0..70usize, 1..5),
        rules in rules(),
        layout in layout(),
        budget in budget(),
    ) {
        let files = files(&rows(&events), &cuts);
        let mut world = World::new(rules, layout);
        // New tracks are never too many, those of the snapshot are.
        world.budget = Some(Budget { while_reading: (u64::MAX, 0), ..budget });
        for read in 1..=files.len() {
            let manifest = world.run(&files[..read]).unwrap().expect("a new file");
            assert_is_rebuilt(&world, &manifest, &files[..read]);
        }
    }
}
