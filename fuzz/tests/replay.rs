//! The targets on what the fuzzer starts from, and on all that once failed.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use tracklet_fuzz::{seeds, targets};

#[test]
fn every_seed_and_regression_holds() {
    let mut failed = Vec::new();
    for target in &targets::ALL {
        let own = seeds::of(target.name);
        assert!(own.len() >= 5, "{} has {} seeds", target.name, own.len());
        for (name, bytes) in own.into_iter().chain(seeds::regressions(target.name)) {
            if catch_unwind(|| (target.run)(&bytes)).is_err() {
                failed.push(format!("{}: {name}", target.name));
            }
        }
        catch_unwind(|| (target.run)(b"")).expect("no bytes at all");
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn every_target_has_its_binary_and_regressions_belong_to_one() {
    let names: BTreeSet<String> = targets::ALL.iter().map(|target| target.name.to_owned()).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten();
        entries
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    let mut binaries = listed("src/bin");
    assert!(binaries.remove("seeds"));
    assert_eq!(binaries, names);
    let mut regressions = listed("regressions");
    assert!(regressions.remove("README"));
    assert!(regressions.is_subset(&names), "{regressions:?}");
}
